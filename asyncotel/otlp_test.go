package asyncotel_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncotel"
	"github.com/seed4712c49f/async/asyncotel/internal/collector"
)

// This file sends what is measured by the protocol of OpenTelemetry, over a real connection,
// to a receiver that speaks the protocol by its published services.

// otlp starts a collector on loopback, and returns the collector, options for providers that
// export to it, and what ends the providers, which exports all that there is.
func otlp(t *testing.T) (r *collector.Collector, opts []asyncotel.Option, end func()) {
	t.Helper()
	r, err := collector.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	spans, err := otlptracegrpc.New(bg, otlptracegrpc.WithEndpoint(r.Address()), otlptracegrpc.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := otlpmetricgrpc.New(bg, otlpmetricgrpc.WithEndpoint(r.Address()), otlpmetricgrpc.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(numbers, sdkmetric.WithInterval(time.Hour))))
	end = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(bg, time.Minute)
		defer cancel()
		if err := errors.Join(tp.Shutdown(ctx), mp.Shutdown(ctx)); err != nil {
			t.Errorf("the export failed: %v", err)
		}
	})
	t.Cleanup(end)
	return r, []asyncotel.Option{asyncotel.WithTracerProvider(tp), asyncotel.WithMeterProvider(mp)}, end
}

// What a program does arrives at a collector: spans with their parents, statuses and links,
// and metrics with their units.
func TestV11_OTLP(t *testing.T) {
	r, opts, end := otlp(t)
	s := async.NewScope(async.ScopeOptions{Name: "s", Limit: 2, Observer: asyncotel.Observer(opts...)})
	registration, err := asyncotel.Register(s, opts...)
	wantEq(t, "Register", err, nil)
	_, _ = async.Go(bg, func(ctx context.Context) (int, error) {
		_, _ = async.Go(ctx, value(1, errBoom), s, async.Name("inner")).Await(ctx)
		return 1, nil
	}, s, async.Name("outer")).Await(bg)
	started := make(chan struct{})
	c := async.Go(bg, func(ctx context.Context) (int, error) { close(started); return block(ctx) }, s, async.Name("canceled"))
	<-started
	_ = c.Cancel(errBoom)
	shutdown(t, s)
	end()
	wantEq(t, "Unregister", registration.Unregister(), nil)

	byName := make(map[string]*tracepb.Span)
	for _, span := range r.Spans() {
		byName[span.GetName()] = span
	}
	wantEq(t, "spans", strings.Join(slices.Sorted(maps.Keys(byName)), ", "), "canceled, canceled stop, inner, outer")
	wantEq(t, "the parent of inner", string(byName["inner"].GetParentSpanId()), string(byName["outer"].GetSpanId()))
	wantEq(t, "the parent of the late span", string(byName["canceled stop"].GetParentSpanId()), string(byName["canceled"].GetSpanId()))
	wantEq(t, "the status of inner", byName["inner"].GetStatus().GetCode(), tracepb.Status_STATUS_CODE_ERROR)
	wantEq(t, "the message of inner", byName["inner"].GetStatus().GetMessage(), "boom")
	wantEq(t, "the event of canceled", byName["canceled"].GetEvents()[0].GetName(), "async.call.canceled")

	wantEq(t, "metrics", strings.Join(r.Metrics(), " "), strings.Join([]string{
		"async.call.duration", "async.call.stop.duration", "async.call.wait.duration", "async.scope.call.active", "async.scope.call.begun",
		"async.scope.call.completed", "async.scope.call.lent", "async.scope.call.refused",
		"async.scope.result.discarded", "async.scope.result.taken", "async.scope.result.untaken",
	}, " "))
	wantEq(t, "the unit", r.Metric("async.call.duration").GetUnit(), "s")
	wantEq(t, "begun", r.Metric("async.scope.call.begun").GetSum().GetDataPoints()[0].GetAsInt(), int64(3))
	wantEq(t, "points of active", len(r.Metric("async.scope.call.active").GetSum().GetDataPoints()), 4)
}

// hostile are texts that a protocol, a terminal or a page would choke on.
var hostile = []string{
	"\xff\xfe\xfd", "a\xc3", "\xed\xa0\x80 a surrogate", "\x00\x1b[31m", `<script>alert("1")</script>`, "\u202Etxt",
	strings.Repeat("x", 3<<20), strings.Repeat("\xff", 1<<20), strings.Repeat("a\xff", 1<<20), strings.Repeat("\u4E16", 1<<20),
}

// A hostileError panics when it is asked, or says what is hostile.
type hostileError string

func (e hostileError) Error() string { return string(e) }

type panicking struct{}

func (panicking) Error() string     { panic("Error") }
func (panicking) Is(error) bool     { panic("Is") }
func (panicking) ErrorType() string { panic("ErrorType") }

type typed string

func (e typed) Error() string     { return "typed" }
func (e typed) ErrorType() string { return string(e) }

// Names, errors, causes and panics of strangers arrive, all of them, as valid text of a
// bounded length.
func TestV11_HostileText(t *testing.T) {
	r, opts, end := otlp(t)
	for _, text := range hostile {
		s := async.NewScope(async.ScopeOptions{Name: text, Panic: async.PanicReturn, Observer: asyncotel.Observer(opts...)})
		registration, err := asyncotel.Register(s, opts...)
		wantEq(t, "Register", err, nil)
		defer func() { _ = registration.Unregister() }()
		name := async.Name(text)
		_, _ = async.Go(bg, value(1, error(hostileError(text))), s, name).Await(bg)
		_, _ = async.Go(bg, value(1, error(typed(text))), s, name).Await(bg)
		_, _ = async.Go(bg, func(context.Context) (int, error) { panic(text) }, s, name).Await(bg)
		_, c := async.NewPromise[int](bg, s, name)
		_ = c.Cancel(hostileError(text))
		shutdown(t, s)
	}
	s := async.NewScope(async.ScopeOptions{Panic: async.PanicReturn, Observer: asyncotel.Observer(opts...)})
	_, _ = async.Go(bg, value(1, error(panicking{})), s, async.Name("panicking")).Await(bg)
	_, _ = async.Go(bg, value(1, fmt.Errorf("%w", typed("\xff"))), s, async.Name("wrapped")).Await(bg)
	_, _ = async.Go(bg, value(1, error((*async.PanicError)(nil))), s, async.Name("nil")).Await(bg)
	_, c := async.NewPromise[int](bg, s, async.Name("canceled"))
	_ = c.Cancel(panicking{})
	shutdown(t, s)
	end()
	wantEq(t, "spans", len(r.Spans()), 4*len(hostile)+4)
	for _, span := range r.Spans() {
		if len(span.GetName()) > 300 {
			t.Errorf("a name has %d bytes", len(span.GetName()))
		}
		if n := len(span.String()); n > 64<<10 {
			t.Errorf("the span %.20q has %d bytes", span.GetName(), n)
		}
	}
	wantEq(t, "scopes", len(r.Metric("async.scope.call.begun").GetSum().GetDataPoints()), len(hostile)-1) // two are the same when they are valid
}
