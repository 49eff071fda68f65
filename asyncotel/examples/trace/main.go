// Trace shows what a collector of OpenTelemetry gets of a small program.
//
//	cd asyncotel && go run ./examples/trace
//
// It starts a collector on loopback and sends spans and metrics to it by OpenTelemetry's
// protocol. The program asks three mirrors for a file and takes the first answer, while two
// readers share one run that makes an index. Then it prints the spans as a tree, and the
// metrics of its scope. It exits with 1 where something was not exported.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncotel"
	"github.com/seed4712c49f/async/asyncotel/internal/collector"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run is the program: a collector, providers that export to it, the work, and the report.
func run(ctx context.Context, out io.Writer) error {
	c, err := collector.Start()
	if err != nil {
		return err
	}
	defer c.Stop()
	shutdown, err := export(ctx, c.Address())
	if err != nil {
		return err
	}
	if err := errors.Join(work(ctx), shutdown(ctx)); err != nil {
		return err
	}
	report(out, c)
	return nil
}

// export makes the global providers export to a collector. The function that it returns
// sends what is left, and ends the providers.
func export(ctx context.Context, address string) (shutdown func(context.Context) error, err error) {
	spans, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(address), otlptracegrpc.WithInsecure())
	if err != nil {
		return nil, err
	}
	metrics, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(address), otlpmetricgrpc.WithInsecure())
	if err != nil {
		return nil, err
	}
	tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics)))
	otel.SetTracerProvider(tp)
	otel.SetMeterProvider(mp)
	return func(ctx context.Context) error { return errors.Join(tp.Shutdown(ctx), mp.Shutdown(ctx)) }, nil
}

// work is what is traced. It knows of OpenTelemetry where the scope is made, and nowhere else.
func work(ctx context.Context) error {
	scope := async.NewScope(async.ScopeOptions{Name: "files", Limit: 4, Observer: asyncotel.Observer()})
	if _, err := asyncotel.Register(scope); err != nil { // until the provider ends
		return err
	}
	_, err := async.Go(ctx, func(ctx context.Context) (string, error) {
		if err := index(ctx, scope); err != nil {
			return "", err
		}
		mirrors := []string{"slow", "broken", "fast"}
		calls := async.GoEach(ctx, mirrors, fetch, scope, async.NameEach(func(mirror string) string { return "fetch " + mirror }))
		defer calls.Release()
		defer calls.Cancel(errors.New("another mirror was faster"))
		_, file, err := calls.Any(ctx)
		return file, err
	}, scope, async.Name("download")).Await(ctx)
	return errors.Join(err, scope.Shutdown(ctx))
}

// index has two readers share one run.
func index(ctx context.Context, scope *async.Scope) error {
	g := async.Group[string, int]{Options: []async.Option{scope, async.Name("index")}}
	read := func(ctx context.Context, _ int) (int, error) {
		pages, err, _ := g.Do(ctx, "a", func(ctx context.Context) (int, error) { return 12, async.Sleep(ctx, 20*time.Millisecond) })
		return pages, err
	}
	readers := async.GoEach(ctx, []int{1, 2}, read, scope, async.NameEach(func(i int) string { return fmt.Sprint("reader ", i) }))
	_, err := readers.All(ctx)
	return err
}

// fetch gets a file from a mirror.
func fetch(ctx context.Context, mirror string) (string, error) {
	switch mirror {
	case "broken":
		return "", errors.New("no such file")
	case "slow":
		<-ctx.Done() // would take too long
		_ = async.Sleep(context.WithoutCancel(ctx), 5*time.Millisecond)
		return "", context.Cause(ctx)
	}
	return "file", async.Sleep(ctx, 10*time.Millisecond)
}

// report prints what the collector has.
func report(out io.Writer, c *collector.Collector) {
	spans := c.Spans()
	slices.SortFunc(spans, func(a, b *tracepb.Span) int { return strings.Compare(a.GetName(), b.GetName()) })
	tree(out, spans, "", "")
	for _, p := range c.Metric("async.scope.call.completed").GetSum().GetDataPoints() {
		if p.GetAsInt() != 0 {
			fmt.Fprintln(out, p.GetAsInt(), p.GetAttributes()[0].GetValue().GetStringValue())
		}
	}
}

// tree prints the spans below a parent.
func tree(out io.Writer, spans []*tracepb.Span, parent, indent string) {
	for _, s := range spans {
		if string(s.GetParentSpanId()) != parent {
			continue
		}
		fmt.Fprint(out, indent, s.GetName())
		for _, a := range s.GetAttributes() {
			if a.GetKey() == "async.call.outcome" {
				fmt.Fprint(out, ": ", a.GetValue().GetStringValue())
			}
		}
		for _, e := range s.GetEvents() {
			fmt.Fprint(out, ", ", e.GetName())
		}
		if n := len(s.GetLinks()); n > 0 {
			fmt.Fprint(out, ", links: ", n)
		}
		fmt.Fprintln(out)
		tree(out, spans, string(s.GetSpanId()), indent+"  ")
	}
}
