package asyncotel

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed4712c49f/async"
)

// This file has the options of Observer and Register.

// An Option changes what [Observer] or [Register] does. Of an option given twice, the last
// counts.
type Option interface{ apply(*config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

// A config is what the options amount to.
type config struct {
	tracers trace.TracerProvider
	meters  metric.MeterProvider
	name    func(async.CallInfo) string
	limit   int
	late    bool
}

// defaultNames is how many names of calls an observer keeps apart in its metrics.
const defaultNames = 100

func newConfig(opts []Option) config {
	c := config{
		tracers: otel.GetTracerProvider(),
		meters:  otel.GetMeterProvider(),
		name:    func(c async.CallInfo) string { return c.Name },
		limit:   defaultNames,
		late:    true,
	}
	for _, o := range opts {
		o.apply(&c)
	}
	return c
}

// WithTracerProvider has spans made by tp, in place of the global provider. It panics where
// tp is nil.
func WithTracerProvider(tp trace.TracerProvider) Option {
	if tp == nil {
		panic("asyncotel: WithTracerProvider with a nil provider")
	}
	return option(func(c *config) { c.tracers = tp })
}

// WithMeterProvider has metrics made by mp, in place of the global provider. It panics where
// mp is nil.
func WithMeterProvider(mp metric.MeterProvider) Option {
	if mp == nil {
		panic("asyncotel: WithMeterProvider with a nil provider")
	}
	return option(func(c *config) { c.meters = mp })
}

// WithName has name say what a call is called in spans and metrics, in place of its own name.
// It is for calls whose names have an input in them, which would make as many time series as
// there are inputs. It is asked several times for one call, by any number of goroutines, and
// must not block. WithName panics where name is nil.
func WithName(name func(async.CallInfo) string) Option {
	if name == nil {
		panic("asyncotel: WithName with a nil function")
	}
	return option(func(c *config) { c.name = name })
}

// WithNameLimit has the metrics of an observer keep n names of calls apart, the first that it
// sees, and count all others as "_OTHER". With 0 metrics have no names of calls. Unless given
// it is 100. Names of spans are not bounded. WithNameLimit panics where n is negative.
func WithNameLimit(n int) Option {
	if n < 0 {
		panic("asyncotel: WithNameLimit with a negative number")
	}
	return option(func(c *config) { c.limit = n })
}

// WithoutLateSpans has an observer make one span for a call, and none for what becomes of the
// call after its end: how long its function took to stop is then in metrics only, and results
// that nobody took are in the ledger of the scope.
func WithoutLateSpans() Option { return option(func(c *config) { c.late = false }) }
