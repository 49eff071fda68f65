package asyncotel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed4712c49f/async"
)

// This file is what a scope tells its observer, and what becomes of it. The span of one call
// is in call.go.

// scopeName names the instrumentation in what it exports.
const scopeName = "github.com/seed4712c49f/async/asyncotel"

// An observer is what the functions of an [Observer] share. It keeps nothing of any call: what
// is kept of a call is in the call's context.
type observer struct {
	config
	tracer   trace.Tracer
	duration metric.Float64Histogram
	wait     metric.Float64Histogram
	stop     metric.Float64Histogram
	names    names
}

// Observer returns an observer that makes a span of each call, and measures how long calls
// wait, take, and need to stop; the package comment says which. It goes into
// [async.ScopeOptions], of any number of scopes; beside another one, by [async.Observers].
//
// What an observer needs for a call it keeps in the call's context, so the observer does not
// grow, and has nothing to be closed. After the shutdown of a provider it goes on without.
// The processors of spans run where a call begins and ends: they should hand spans over, as
// those that batch do.
func Observer(opts ...Option) async.Observer {
	o := newObserver(newConfig(opts))
	return async.Observer{
		BeginContext: o.beginContext,
		Begun:        o.begun,
		Started:      o.started,
		Completed:    o.completed,
		Abandoned:    o.abandoned,
		Discarded:    o.discarded,
		Returned:     o.returned,
		Refused:      o.refused,
		Joined:       o.joined,
	}
}

func newObserver(c config) *observer {
	o := &observer{config: c, names: names{limit: c.limit}}
	o.tracer = c.tracers.Tracer(scopeName, trace.WithSchemaURL(semconv.SchemaURL))
	meter := c.meters.Meter(scopeName, metric.WithSchemaURL(semconv.SchemaURL))
	o.duration = histogram(meter, "async.call.duration", "How long calls took, from Begin to completion.",
		0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
	o.wait = histogram(meter, "async.call.wait.duration", "How long calls waited before their functions started.",
		0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
	var bounds []float64
	for class := range async.StopClasses - 1 {
		bounds = append(bounds, async.StopBound(class).Seconds())
	}
	o.stop = histogram(meter, "async.call.stop.duration", "How long the functions of canceled calls took to return.", bounds...)
	return o
}

// histogram makes a histogram of times. An error is told to OpenTelemetry's handler, and the
// histogram is one that does nothing then.
func histogram(meter metric.Meter, name, description string, bounds ...float64) metric.Float64Histogram {
	h, err := meter.Float64Histogram(name, metric.WithDescription(description), metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(bounds...))
	if err != nil {
		otel.Handle(err)
	}
	return h
}

// of returns what the observer keeps of a call, or nil where a scope was given only some of
// the observer's functions.
func (o *observer) of(ctx context.Context) *call {
	if ctx == nil {
		return nil
	}
	t, _ := ctx.Value(callKey{o}).(*call)
	return t
}

func (o *observer) beginContext(ctx context.Context, _ async.CallInfo) context.Context {
	return &call{Context: ctx, observer: o}
}

func (o *observer) begun(c async.CallInfo) {
	if t := o.of(c.Context); t != nil {
		t.start(c)
	}
}

func (o *observer) started(c async.CallInfo) {
	o.record(o.wait, c, c.Started.Sub(c.Began))
}

func (o *observer) completed(c async.CallInfo) {
	out, took := outcomeOf(c), time.Since(c.Began)
	if !c.Canceled.IsZero() {
		took = c.Canceled.Sub(c.Began)
	}
	more := []attribute.KeyValue{keyOutcome.String(out.name)}
	if out.kind != "" {
		more = append(more, semconv.ErrorTypeKey.String(out.kind))
	}
	o.record(o.duration, c, took, more...)
	if t := o.of(c.Context); t != nil {
		t.end(c, out)
	}
}

// abandoned is told of a call that goes on, or of a result that is going to be discarded,
// which discarded is told of.
func (o *observer) abandoned(c async.CallInfo) {
	if t := o.of(c.Context); t != nil {
		t.event(c, "async.call.abandoned")
	}
}

func (o *observer) discarded(c async.CallInfo) {
	if t := o.of(c.Context); t != nil {
		t.discarded(c)
	}
}

func (o *observer) returned(c async.CallInfo) {
	if c.Canceled.IsZero() {
		return // abandoned: completed is told, too
	}
	o.record(o.stop, c, time.Since(c.Canceled))
	if t := o.of(c.Context); t != nil {
		t.stopped(c)
	}
}

// refused tells the span that the call would have been a child of.
func (o *observer) refused(c async.CallInfo) {
	if c.Context == nil {
		return
	}
	span := trace.SpanFromContext(c.Context)
	if span.IsRecording() {
		attrs := append(o.attributes(c), semconv.ErrorTypeKey.String(kindOf(c.Err)))
		span.AddEvent("async.call.refused", trace.WithAttributes(attrs...))
	}
}

func (o *observer) joined(ctx context.Context, c async.CallInfo) {
	if t := o.of(c.Context); t != nil {
		t.link(c, trace.SpanFromContext(ctx))
	}
}

// record adds a time to a histogram, within the span of the call, so that the histogram can
// keep the span as an example of such a time.
func (o *observer) record(h metric.Float64Histogram, c async.CallInfo, took time.Duration, more ...attribute.KeyValue) {
	ctx := c.Context
	if ctx == nil {
		ctx = context.Background()
	}
	if !h.Enabled(ctx) {
		return
	}
	attrs := make([]attribute.KeyValue, 0, 4)
	if c.Scope != "" {
		attrs = append(attrs, keyScope.String(clean(c.Scope, mostName)))
	}
	if name := o.nameOf(c); name != "" && o.limit > 0 {
		attrs = append(attrs, keyName.String(o.names.of(name)))
	}
	attrs = append(attrs, more...)
	h.Record(ctx, max(took, 0).Seconds(), metric.WithAttributeSet(attribute.NewSet(attrs...)))
}

// nameOf is what the call is called in spans and metrics.
func (o *observer) nameOf(c async.CallInfo) string { return clean(o.name(c), mostName) }

// attributes are those of a span, and of an event that tells of a call.
func (o *observer) attributes(c async.CallInfo) (attrs []attribute.KeyValue) {
	if c.Scope != "" {
		attrs = append(attrs, keyScope.String(clean(c.Scope, mostName)))
	}
	if name := o.nameOf(c); name != "" {
		attrs = append(attrs, keyName.String(name))
	}
	if c.ID != 0 {
		attrs = append(attrs, keyID.Int64(int64(c.ID))) //nolint:gosec // 2^63 calls last for ever
	}
	return attrs
}
