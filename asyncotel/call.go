package asyncotel

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/seed4712c49f/async"
)

// This file is the span of one call, and where it is kept.

// A call is what an observer keeps of a call, and the context that the call is begun with. So
// whatever is told of the call leads to the span, whatever has the call's context has the
// span, and what nobody needs is gone. The span begins when the call is accepted: a call that
// is not leaves no span behind that nobody ends.
//
// Invariants:
//
//	S1  The span begins once, by the first that is told of the call. That is begun, but where
//	    another goroutine cancels or joins the call meanwhile.
//	S2  over is set once, by completed, under mu. Until then events and links go to the span,
//	    under mu. After that only the goroutine that has set over touches the span.
type call struct {
	context.Context // that Begin was given
	observer        *observer

	once   sync.Once
	span   trace.Span                      // written by once
	within atomic.Pointer[context.Context] // has the span as its one value; nil before the span begins

	mu   sync.Mutex
	over bool // S2
	late bool // the function of a canceled call returned a value that was discarded
}

// A callKey is the key under which a context has what an observer keeps of the nearest call.
type callKey struct{ *observer }

// Value returns the call for the key of its observer, and the span for the key of package
// trace; anything else is as in Begin's context.
func (t *call) Value(key any) any {
	if k, ok := key.(callKey); ok && k.observer == t.observer {
		return t
	}
	if within := t.within.Load(); within != nil {
		if v := (*within).Value(key); v != nil {
			return v
		}
	}
	return t.Context.Value(key)
}

func (t *call) String() string { return fmt.Sprintf("%v.WithSpan", t.Context) }

// start returns the span of the call, which begins now where it has not begun.
func (t *call) start(c async.CallInfo) trace.Span {
	t.once.Do(func() {
		t.span = noop.Span{} // should a sampler panic
		_, t.span = t.observer.tracer.Start(t.Context, t.title(c, ""), trace.WithAttributes(t.observer.attributes(c)...))
		within := trace.ContextWithSpan(context.Background(), t.span)
		t.within.Store(&within)
	})
	return t.span
}

// title names the span of the call, or of what became of the call.
func (t *call) title(c async.CallInfo, what string) string {
	name := t.observer.nameOf(c)
	if name == "" {
		name = "async.call"
	}
	return name + what
}

// unlessOver calls f with the span, and reports true, where the span has not ended. f must
// not end the span.
func (t *call) unlessOver(c async.CallInfo, f func(trace.Span)) bool {
	span := t.start(c)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		f(span)
	}
	return !t.over
}

// event tells the span, unless it has ended, and reports whether it did.
func (t *call) event(c async.CallInfo, name string, o ...trace.EventOption) bool {
	return t.unlessOver(c, func(span trace.Span) { span.AddEvent(name, o...) })
}

// end ends the span of a call that is complete.
func (t *call) end(c async.CallInfo, out outcome) {
	span := t.start(c)
	t.mu.Lock()
	over := t.over
	t.over = true
	t.mu.Unlock()
	if over {
		return
	}
	defer span.End()
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(keyOutcome.String(out.name))
	if !c.Started.IsZero() {
		span.SetAttributes(keyWait.Float64(c.Started.Sub(c.Began).Seconds()))
	}
	switch c.Outcome {
	case async.OutcomeCanceled:
		span.AddEvent("async.call.canceled", trace.WithAttributes(keyCause.String(textOf(c.Err))))
	case async.OutcomeFailed, async.OutcomePanicked:
		if out.stopped {
			span.AddEvent("async.call.stopped", trace.WithAttributes(keyCause.String(textOf(c.Cause))))
			break
		}
		exception(span, c)
	}
	if out.kind != "" {
		span.SetAttributes(semconv.ErrorTypeKey.String(out.kind))
		span.SetStatus(codes.Error, textOf(c.Err))
	}
}

// exception records an error as the semantic conventions would have it. Span.RecordError
// would export the text of the error as it is.
func exception(span trace.Span, c async.CallInfo) {
	o := trace.WithAttributes(semconv.ExceptionType(clean(fmt.Sprintf("%T", c.Err), mostName)), semconv.ExceptionMessage(textOf(c.Err)))
	p := panicOf(c.Err)
	if c.Outcome != async.OutcomePanicked || p == nil {
		span.AddEvent(semconv.ExceptionEventName, o)
		return
	}
	span.AddEvent(semconv.ExceptionEventName, o,
		trace.WithAttributes(semconv.ExceptionStacktrace(clean(string(p.Stack), mostStack))))
}

// discarded records that a result is discarded that nobody took: where the function of a
// canceled call returned the result, in the span that tells of that return; else in the span
// of the call while it goes on, and after that in a span of its own.
func (t *call) discarded(c async.CallInfo) {
	if !c.Canceled.IsZero() && !c.Started.IsZero() { // returned follows, on this goroutine; completed may follow, too
		t.mu.Lock()
		defer t.mu.Unlock()
		t.late = true
		return
	}
	const name = "async.call.discarded"
	var o []trace.EventOption
	if c.Err != nil {
		o = append(o, trace.WithAttributes(semconv.ErrorTypeKey.String(kindOf(c.Err))))
	}
	if t.event(c, name, o...) {
		return
	}
	t.after(c, " discarded", time.Now(), name)
}

// stopped records that the function of a canceled call has returned.
func (t *call) stopped(c async.CallInfo) {
	event := ""
	t.mu.Lock()
	if t.late {
		event = "async.call.discarded"
	}
	t.mu.Unlock()
	t.after(c, " stop", time.Now().Add(-time.Since(c.Canceled)), event) // by the clock on the wall, as other spans
}

// after makes a span, from a time until now, of what became of the call when it was over.
func (t *call) after(c async.CallInfo, what string, from time.Time, event string) {
	if !t.observer.config.late {
		return
	}
	ctx := trace.ContextWithSpan(t.Context, t.start(c))
	_, span := t.observer.tracer.Start(ctx, t.title(c, what), trace.WithTimestamp(from), trace.WithAttributes(t.observer.attributes(c)...))
	if event != "" {
		span.AddEvent(event)
	}
	span.End()
}

// link ties the span of a run and that of a caller that joins it to each other.
func (t *call) link(c async.CallInfo, caller trace.Span) {
	other := caller.SpanContext()
	if !other.IsValid() {
		return
	}
	t.unlessOver(c, func(span trace.Span) {
		if !span.SpanContext().Equal(other) {
			span.AddLink(trace.Link{SpanContext: other})
		}
	})
	if run := t.start(c).SpanContext(); run.IsValid() && !run.Equal(other) {
		caller.AddLink(trace.Link{SpanContext: run, Attributes: t.observer.attributes(c)})
	}
}
