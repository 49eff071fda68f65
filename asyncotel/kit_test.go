package asyncotel_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncotel"
)

// This file is what the tests share: the providers of the SDK with recorders in memory, and
// ways to look at what they have.

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	bg      = context.Background()
	errBoom = errors.New("boom")
)

// A kit is a tracer provider and a meter provider with what they were told.
type kit struct {
	t      testing.TB
	spans  *tracetest.SpanRecorder
	tracer trace.Tracer // of a program
	reader *sdkmetric.ManualReader
	opts   []asyncotel.Option // for the providers of the kit
}

func newKit(t testing.TB) *kit {
	k := &kit{t: t, spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(k.spans))
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(k.reader))
	t.Cleanup(func() { _ = errors.Join(tp.Shutdown(bg), mp.Shutdown(bg)) })
	k.tracer = tp.Tracer("program")
	k.opts = []asyncotel.Option{asyncotel.WithTracerProvider(tp), asyncotel.WithMeterProvider(mp)}
	return k
}

// scope returns a scope with an observer of the kit.
func (k *kit) scope(o async.ScopeOptions, opts ...asyncotel.Option) *async.Scope {
	o.Observer = asyncotel.Observer(slices.Concat(k.opts, opts)...)
	return async.NewScope(o)
}

// ended returns the spans that have ended, as they ended. It fails where one was begun and
// has not ended, or ended twice.
func (k *kit) ended() []sdktrace.ReadOnlySpan {
	k.t.Helper()
	begun, ended := k.spans.Started(), k.spans.Ended()
	if len(begun) != len(ended) {
		k.t.Errorf("%d spans have begun, %d have ended", len(begun), len(ended))
	}
	seen := make(map[trace.SpanID]bool)
	for _, s := range ended {
		if seen[s.SpanContext().SpanID()] {
			k.t.Errorf("span %q ended twice", s.Name())
		}
		seen[s.SpanContext().SpanID()] = true
	}
	return ended
}

// span returns the one span of that name, which has ended.
func (k *kit) span(name string) sdktrace.ReadOnlySpan {
	k.t.Helper()
	var found []sdktrace.ReadOnlySpan
	for _, s := range k.spans.Ended() {
		if s.Name() == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		k.t.Fatalf("%d spans are named %q; there are: %s", len(found), name, k.tree())
	}
	return found[0]
}

// tree returns the names of the spans that have ended, each as a path from its root, sorted.
func (k *kit) tree() string {
	spans := k.spans.Ended()
	var paths []string
	for _, s := range spans {
		path := s.Name()
		for parent := s.Parent(); parent.IsValid(); {
			i := slices.IndexFunc(spans, func(p sdktrace.ReadOnlySpan) bool { return p.SpanContext().SpanID() == parent.SpanID() })
			if i < 0 {
				path = "?/" + path
				break
			}
			path, parent = spans[i].Name()+"/"+path, spans[i].Parent()
		}
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return strings.Join(paths, " ")
}

// events returns the names of the events of a span.
func events(s sdktrace.ReadOnlySpan) string {
	var names []string
	for _, e := range s.Events() {
		names = append(names, e.Name)
	}
	return strings.Join(names, " ")
}

// attribute returns the value of an attribute of a span, or "".
func attributeOf(s sdktrace.ReadOnlySpan, key string) string {
	for _, a := range s.Attributes() {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

// metrics collects and returns everything by name.
func (k *kit) metrics() map[string]metricdata.Metrics {
	k.t.Helper()
	var all metricdata.ResourceMetrics
	if err := k.reader.Collect(bg, &all); err != nil {
		k.t.Fatal(err)
	}
	found := make(map[string]metricdata.Metrics)
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			found[m.Name] = m
		}
	}
	return found
}

// sums returns the points of a sum, as "attributes=value", sorted.
func (k *kit) sums(name string) string {
	k.t.Helper()
	m, ok := k.metrics()[name]
	if !ok {
		return ""
	}
	var lines []string
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		var attrs []string
		for _, a := range p.Attributes.ToSlice() {
			attrs = append(attrs, a.Value.String())
		}
		lines = append(lines, fmt.Sprintf("%s=%d", strings.Join(attrs, ","), p.Value))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

// counts returns how often each set of attributes of a histogram was recorded, as sums does.
func (k *kit) counts(name string) string {
	k.t.Helper()
	m, ok := k.metrics()[name]
	if !ok {
		return ""
	}
	var lines []string
	for _, p := range m.Data.(metricdata.Histogram[float64]).DataPoints {
		var attrs []string
		for _, a := range p.Attributes.ToSlice() {
			attrs = append(attrs, string(a.Key)+":"+a.Value.String())
		}
		lines = append(lines, fmt.Sprintf("%s=%d", strings.Join(attrs, ","), p.Count))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

func wantEq(t testing.TB, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// value is a function that returns v and err.
func value[T any](v T, err error) func(context.Context) (T, error) {
	return func(context.Context) (T, error) { return v, err }
}

// block returns when its context ends.
func block(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 0, context.Cause(ctx)
}

// shutdown ends the scope.
func shutdown(t testing.TB, s *async.Scope) {
	t.Helper()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}
