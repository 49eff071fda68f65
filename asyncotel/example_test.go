package asyncotel_test

import (
	"context"
	"errors"
	"fmt"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncotel"
)

// A program that has set the global providers needs no options. This one keeps its spans in
// memory.
func ExampleObserver() {
	ctx := context.Background()
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))

	scope := async.NewScope(async.ScopeOptions{
		Name:     "fetches",
		Observer: asyncotel.Observer(asyncotel.WithTracerProvider(provider)),
	})
	_, _ = async.Go(ctx, func(ctx context.Context) (int, error) {
		return async.Go(ctx, func(context.Context) (int, error) {
			return 0, errors.New("no route")
		}, scope, async.Name("dial")).Await(ctx)
	}, scope, async.Name("fetch")).Await(ctx)
	_ = scope.Shutdown(ctx)

	for _, span := range spans.GetSpans() {
		fmt.Println(span.Name, span.Status.Code, span.Status.Description, span.Parent.IsValid())
	}
	// Unordered output:
	// dial Error no route true
	// fetch Error no route false
}

// The ledger of a scope is read whenever metrics are collected.
func ExampleRegister() {
	ctx := context.Background()
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))

	scope := async.NewScope(async.ScopeOptions{Name: "jobs"})
	registration, err := asyncotel.Register(scope, asyncotel.WithMeterProvider(provider))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = registration.Unregister() }()

	promise, call := async.NewPromise[int](ctx, scope)
	var collected metricdata.ResourceMetrics
	fmt.Println(reader.Collect(ctx, &collected))
	for _, m := range collected.ScopeMetrics[0].Metrics {
		if m.Name != "async.scope.call.active" {
			continue
		}
		for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
			if state, _ := p.Attributes.Value("async.call.state"); p.Value > 0 {
				fmt.Println(p.Value, state.AsString(), m.Unit)
			}
		}
	}
	promise.Complete(1, nil)
	call.Release()
	// Output:
	// <nil>
	// 1 promised {call}
}

// Names that have an input in them are cut down, so that they make few time series.
func ExampleWithName() {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	scope := async.NewScope(async.ScopeOptions{
		Observer: asyncotel.Observer(asyncotel.WithTracerProvider(provider), asyncotel.WithName(func(c async.CallInfo) string {
			var kind string
			_, _ = fmt.Sscan(c.Name, &kind)
			return kind
		})),
	})
	_, _ = async.Go(context.Background(), func(context.Context) (int, error) { return 1, nil }, scope, async.Name("get /users/1017")).Await(context.Background())
	_ = scope.Shutdown(context.Background())
	fmt.Println(spans.GetSpans()[0].Name)
	// Output:
	// get
}
