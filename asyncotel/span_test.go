package asyncotel_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncotel"
)

// A call's span is below the one in Begin's context, and above what the function makes: with
// every way to begin a call.
func TestV11_ASpanOfEachCall(t *testing.T) {
	k := newKit(t)
	s := k.scope(async.ScopeOptions{Name: "s", Limit: 2})
	ctx, root := k.tracer.Start(bg, "root")
	inner := func(ctx context.Context) (int, error) {
		_, span := k.tracer.Start(ctx, "inner")
		span.End()
		return 1, nil
	}
	each := func(ctx context.Context, _ int) (int, error) { return inner(ctx) }
	name := async.Name
	_, _ = async.Go(ctx, inner, s, name("Go")).Await(bg)
	var c async.Call[int]
	_ = c.Begin(ctx, inner, s, name("Begin"))
	_ = c.Wait(bg)
	_, _ = c.Finish()
	_, _ = async.GoEach(ctx, []int{1, 2}, each, s, async.NameEach(func(i int) string { return fmt.Sprint("GoEach", i) })).All(bg)
	for range async.Map(ctx, func(yield func(int) bool) { yield(1) }, each, s, name("Map")) {
	}
	g := async.Group[int, int]{Options: []async.Option{s, name("Group")}}
	_, _, _ = g.Do(ctx, 1, inner)
	_, _ = async.NewLazy(inner, s, name("Lazy")).Get(ctx)
	p, d := async.NewPromise[int](ctx, s, name("promise"))
	p.Complete(inner(p.Context()))
	_, _ = d.Await(bg)
	_, _ = async.Go(ctx, func(ctx context.Context) (int, error) {
		return async.Go(ctx, inner, s).Await(ctx) // lends the slot
	}, s, name("outer")).Await(bg)
	shutdown(t, s)
	root.End()
	_ = k.ended()
	wantEq(t, "the spans", k.tree(), strings.Join([]string{
		"root",
		"root/Begin", "root/Begin/inner", "root/Go", "root/Go/inner",
		"root/GoEach1", "root/GoEach1/inner", "root/GoEach2", "root/GoEach2/inner", "root/Group", "root/Group/inner",
		"root/Lazy", "root/Lazy/inner", "root/Map", "root/Map/inner",
		"root/outer", "root/outer/async.call", "root/outer/async.call/inner", "root/promise", "root/promise/inner",
	}, " "))
	span := k.span("Go")
	wantEq(t, "the scope", attributeOf(span, "async.scope.name"), "s")
	wantEq(t, "the name", attributeOf(span, "async.call.name"), "Go")
	wantEq(t, "the number", attributeOf(span, "async.call.id"), "1")
	wantEq(t, "the outcome", attributeOf(span, "async.call.outcome"), "returned")
	wantEq(t, "the kind", span.SpanKind(), trace.SpanKindInternal)
	wantEq(t, "the instrumentation", span.InstrumentationScope().Name, "github.com/seed4712c49f/async/asyncotel")
	if !strings.HasPrefix(span.InstrumentationScope().SchemaURL, "https://opentelemetry.io/schemas/") {
		t.Errorf("the schema is %q", span.InstrumentationScope().SchemaURL)
	}
}

// Each way to end has its outcome, its status and its events.
func TestV11_Outcomes(t *testing.T) {
	timeout := func() (context.Context, context.CancelFunc) { return context.WithTimeout(bg, time.Second) }
	for what, test := range map[string]struct {
		do      func(s *async.Scope)
		outcome string
		kind    string
		status  codes.Code
		events  string
	}{
		"returned": {func(s *async.Scope) { _, _ = async.Go(bg, value(1, nil), s).Await(bg) }, "returned", "", codes.Unset, ""},
		"failed": {func(s *async.Scope) { _, _ = async.Go(bg, value(1, errBoom), s).Await(bg) },
			"failed", "*errors.errorString", codes.Error, "exception"},
		"failed, wrapped": {func(s *async.Scope) {
			_, _ = async.Go(bg, value(1, fmt.Errorf("more: %w", &async.WaitError{})), s).Await(bg)
		}, "failed", "*async.WaitError", codes.Error, "exception"},
		"failed with the panic of another": {func(s *async.Scope) {
			_, _ = async.Go(bg, value(1, error(&async.PanicError{Value: "boom"})), s).Await(bg)
		}, "failed", "*async.PanicError", codes.Error, "exception"},
		"failed with the Goexit of another": {func(s *async.Scope) { _, _ = async.Go(bg, value(1, async.ErrGoexit), s).Await(bg) },
			"failed", "*errors.errorString", codes.Error, "exception"},
		"failed with the promise of another": {func(s *async.Scope) { _, _ = async.Go(bg, value(1, async.ErrBrokenPromise), s).Await(bg) },
			"failed", "*errors.errorString", codes.Error, "exception"},
		"failed with the cancellation of another": {func(s *async.Scope) {
			_, _ = async.Go(bg, value(1, error(&async.CanceledError{})), s).Await(bg)
		}, "failed", "*async.CanceledError", codes.Error, "exception"},
		"the client has gone": {func(s *async.Scope) {
			ctx, cancel := context.WithCancelCause(bg)
			c := async.Go(ctx, func(ctx context.Context) (int, error) {
				<-ctx.Done()
				return 0, fmt.Errorf("read: %w", ctx.Err())
			}, s)
			synctest.Wait()
			cancel(errBoom)
			_, _ = c.Await(bg)
		}, "failed", "", codes.Unset, "async.call.stopped"},
		"the client has gone, and another error": {func(s *async.Scope) {
			ctx, cancel := context.WithCancel(bg)
			c := async.Go(ctx, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, errBoom }, s)
			cancel()
			_, _ = c.Await(bg)
		}, "failed", "*errors.errorString", codes.Error, "exception"},
		"its own deadline": {func(s *async.Scope) {
			ctx, cancel := timeout()
			defer cancel()
			_, _ = async.Go(ctx, block, s).Await(bg)
		}, "failed", "context.deadlineExceededError", codes.Error, "exception"},
		"panicked": {func(s *async.Scope) {
			c := async.Go(bg, func(context.Context) (int, error) { panic("boom") }, s)
			defer c.Release()
			defer func() { _ = recover() }()
			_, _ = c.Await(bg)
		}, "panicked", "panic", codes.Error, "exception"},
		"goexited": {func(s *async.Scope) {
			_, _ = async.Go(bg, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, s).Await(bg)
		}, "goexited", "goexit", codes.Error, ""},
		"broken": {func(s *async.Scope) {
			p, c := async.NewPromise[int](bg, s)
			defer c.Release()
			p.Break()
		}, "broken", "broken_promise", codes.Error, ""},
		"canceled in the queue": {func(s *async.Scope) {
			hold := async.Go(bg, block, s, async.Name("hold"))
			_ = async.Go(bg, block, s).Cancel(errBoom)
			_ = hold.CancelWait(bg, nil)
			hold.Release()
		}, "canceled", "", codes.Unset, "async.call.canceled"},
		"over before it began": {func(s *async.Scope) {
			ctx, cancel := context.WithCancel(bg)
			cancel()
			async.Go(ctx, block, s).Release()
		}, "canceled", "", codes.Unset, "async.call.canceled"},
		"timeout": {func(s *async.Scope) {
			ctx, cancel := timeout()
			defer cancel()
			_, c := async.NewPromise[int](ctx, s)
			defer c.Release()
			_ = c.Wait(bg)
		}, "canceled", "timeout", codes.Error, "async.call.canceled"},
		"abandoned, and canceled for that": {func(s *async.Scope) {
			_, c := async.NewPromise[int](bg, s, async.CancelOnAbandon())
			c.Release()
		}, "canceled", "", codes.Unset, "async.call.abandoned async.call.canceled"},
		"abandoned": {func(s *async.Scope) {
			p, c := async.NewPromise[int](bg, s)
			c.Release()
			synctest.Wait()
			p.Complete(1, nil)
		}, "returned", "", codes.Unset, "async.call.abandoned"},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKit(t)
				s := k.scope(async.ScopeOptions{Limit: 1})
				test.do(s)
				shutdown(t, s)
				_ = k.ended()
				span := k.span("async.call")
				wantEq(t, "outcome", attributeOf(span, "async.call.outcome"), test.outcome)
				wantEq(t, "error.type", attributeOf(span, "error.type"), test.kind)
				wantEq(t, "status", span.Status().Code, test.status)
				wantEq(t, "events", events(span), test.events)
				for _, e := range span.Events() {
					for _, a := range e.Attributes {
						if v := a.Value.String(); v == "" || strings.Contains(string(a.Key), "message") && strings.Contains(v, "goroutine") {
							t.Errorf("%s of %s is %q", a.Key, e.Name, v)
						}
					}
				}
			})
		})
	}
}

// A panic has its stack, which names the function that panicked.
func TestV11_APanicHasItsStack(t *testing.T) {
	k := newKit(t)
	s := k.scope(async.ScopeOptions{Panic: async.PanicReturn})
	_, _ = async.Go(bg, func(context.Context) (int, error) { panic(errBoom) }, s).Await(bg)
	shutdown(t, s)
	var stack, message string
	for _, a := range k.span("async.call").Events()[0].Attributes {
		switch a.Key {
		case "exception.stacktrace":
			stack = a.Value.AsString()
		case "exception.message":
			message = a.Value.AsString()
		}
	}
	wantEq(t, "the message", message, "panic: boom")
	if !strings.Contains(stack, "TestV11_APanicHasItsStack") {
		t.Errorf("the stack is %q", stack)
	}
}

// The span of a canceled call ends with the cancellation. How long the function took to stop,
// and what it returned, is in a span below.
func TestV11_ACanceledCall(t *testing.T) {
	stubborn := func(context.Context) (int, error) { time.Sleep(time.Minute); return 1, nil }
	run := func(t *testing.T, opts ...asyncotel.Option) *kit {
		k := newKit(t)
		s := k.scope(async.ScopeOptions{}, opts...)
		c := async.Go(bg, stubborn, s, async.Name("work"))
		time.Sleep(time.Second)
		_ = c.Cancel(errBoom)
		wantEq(t, "the span ended", k.span("work").EndTime().Sub(k.span("work").StartTime()), time.Second)
		shutdown(t, s)
		_ = k.ended()
		return k
	}
	synctest.Test(t, func(t *testing.T) {
		k := run(t)
		wantEq(t, "spans", k.tree(), "work work/work stop")
		stop := k.span("work stop")
		wantEq(t, "it began", stop.StartTime(), k.span("work").EndTime())
		wantEq(t, "it took", stop.EndTime().Sub(stop.StartTime()), 59*time.Second)
		wantEq(t, "the late result", events(stop), "async.call.discarded")
	})
	synctest.Test(t, func(t *testing.T) {
		wantEq(t, "without late spans", run(t, asyncotel.WithoutLateSpans()).tree(), "work")
	})
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t)
		s := k.scope(async.ScopeOptions{})
		c := async.Go(bg, block, s, async.Name("work"))
		synctest.Wait()
		_ = c.CancelWait(bg, errBoom)
		synctest.Wait() // a call is complete before the observer is told
		c.Release()
		shutdown(t, s)
		wantEq(t, "asked to stop", k.tree(), "work work/work discarded")
		wantEq(t, "its outcome", attributeOf(k.span("work"), "async.call.outcome"), "failed")
	})
}

// The function of a canceled call may return before the observer is told of the cancellation.
// What the function returned is in the span below all the same.
func TestV11_ACanceledCallThatReturnsAtOnce(t *testing.T) {
	k := newKit(t)
	discarded := make(chan struct{})
	s := async.NewScope(async.ScopeOptions{Observer: async.Observers(
		async.Observer{Completed: func(async.CallInfo) { <-discarded }},
		asyncotel.Observer(k.opts...),
		async.Observer{Discarded: func(async.CallInfo) { close(discarded) }},
	)})
	started := make(chan struct{})
	c := async.Go(bg, func(ctx context.Context) (int, error) { close(started); return block(ctx) }, s, async.Name("work"))
	<-started
	_ = c.Cancel(errBoom)
	shutdown(t, s)
	_ = k.ended()
	wantEq(t, "spans", k.tree(), "work work/work stop")
	wantEq(t, "the events of the call", events(k.span("work")), "async.call.canceled")
	wantEq(t, "the late result", events(k.span("work stop")), "async.call.discarded")
}

// A result that nobody takes is discarded when the span has ended: it has a span of its own.
func TestV11_Discarded(t *testing.T) {
	k := newKit(t)
	s := k.scope(async.ScopeOptions{})
	c := async.Go(bg, value(1, errBoom), s, async.Name("work"))
	told := make(chan struct{})
	async.AfterFunc(c, func() { close(told) })
	<-told
	for len(k.spans.Ended()) == 0 { // a call is complete before the observer is told
		runtime.Gosched()
	}
	c.Release()
	p, d := async.NewPromise[int](bg, s, async.Name("promise"))
	_ = d.Cancel(nil)
	p.CompleteOrDiscard(1, nil)
	shutdown(t, s)
	_ = k.ended()
	wantEq(t, "spans", k.tree(), "promise promise/promise discarded work work/work discarded")
	wantEq(t, "the event", events(k.span("work discarded")), "async.call.discarded")
}

// A refused call has no span. The span that it would be below is told.
func TestV11_Refused(t *testing.T) {
	k := newKit(t)
	s := k.scope(async.ScopeOptions{Name: "s", Limit: 1, Queue: async.NoQueue})
	ctx, root := k.tracer.Start(bg, "root")
	hold := async.Go(bg, block, s, async.Name("hold"))
	async.Go(ctx, block, s, async.Name("one too many")).Release()
	g := async.Group[int, int]{Options: []async.Option{s}}
	_, _, _ = g.Do(ctx, 1, block)
	_ = hold.CancelWait(bg, nil)
	_, _ = hold.Finish()
	shutdown(t, s)
	_, refused := async.NewPromise[int](ctx, s)
	refused.Release()
	async.Go(bg, block, s).Release() // nobody to be told
	root.End()
	_ = k.ended()
	wantEq(t, "spans", k.tree(), "hold root")
	wantEq(t, "events", events(k.span("root")), "async.call.refused async.call.refused async.call.refused")
	e := k.span("root").Events()[0]
	wantEq(t, "attributes", fmt.Sprint(e.Attributes[0].Value.String(), ", ", e.Attributes[1].Value.String(), ", ", e.Attributes[2].Value.String()),
		"s, one too many, queue_full")
}

// A run that callers share is below the first of them, and has links to and from the others.
func TestV11_SharedRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t)
		s := k.scope(async.ScopeOptions{})
		g := async.Group[int, int]{Options: []async.Option{s, async.Name("run")}}
		run := func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }
		ctxOf := make(map[string]context.Context)
		spans := make(map[string]trace.Span)
		for _, caller := range []string{"first", "second", "third"} {
			ctxOf[caller], spans[caller] = k.tracer.Start(bg, caller)
		}
		first := g.Join(ctxOf["first"], 1, run)
		second := g.Join(ctxOf["second"], 1, run)
		without := g.Join(bg, 1, run) // has no span
		_, _, _ = g.Do(ctxOf["third"], 1, run)
		first.Release()
		second.Release()
		without.Release()
		l := async.NewLazy(run, s, async.Name("lazy"))
		go func() { _, _ = l.Get(ctxOf["first"]) }()
		synctest.Wait()
		_, _ = l.Get(ctxOf["second"])
		shutdown(t, s)
		for _, span := range spans {
			span.End()
		}
		_ = k.ended()
		wantEq(t, "the spans", k.tree(), "first first/lazy first/run second third")
		links := func(name string) (names string) {
			for _, l := range k.span(name).Links() {
				for _, s := range k.spans.Ended() {
					if s.SpanContext().SpanID() == l.SpanContext.SpanID() {
						names += s.Name() + " "
					}
				}
			}
			return names
		}
		for name, want := range map[string]string{
			"run": "second third ", "lazy": "second ", "first": "", "second": "run lazy ", "third": "run ",
		} {
			wantEq(t, "links of "+name, links(name), want)
		}
	})
}

// A call that never completes leaves a span that is not exported, and holds up nothing.
func TestV11_NeverComplete(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	s := async.NewScope(async.ScopeOptions{Observer: asyncotel.Observer(asyncotel.WithTracerProvider(tp))})
	p, c := async.NewPromise[int](bg, s, async.Name("never"))
	_, _ = async.Go(bg, value(1, nil), s, async.Name("other")).Await(bg)
	wantEq(t, "ForceFlush", tp.ForceFlush(bg), nil)
	for _, span := range exporter.GetSpans() {
		wantEq(t, "exported", span.Name, "other")
	}
	wantEq(t, "Shutdown of the provider", tp.Shutdown(bg), nil)
	p.Complete(1, nil) // and a provider that is gone harms no call
	v, err := c.Await(bg)
	wantEq(t, "the result", v, 1)
	wantEq(t, "the error", err, nil)
	_, err = async.Go(bg, value(2, nil), s).Await(bg)
	wantEq(t, "the error of another", err, nil)
	shutdown(t, s)
}

// What is not sampled makes no span, and what is below is not sampled either.
func TestV11_Sampled(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans), sdktrace.WithSampler(sdktrace.NeverSample()))
	s := async.NewScope(async.ScopeOptions{Observer: asyncotel.Observer(asyncotel.WithTracerProvider(tp))})
	_, err := async.Go(bg, func(ctx context.Context) (int, error) {
		if sc := trace.SpanContextFromContext(ctx); !sc.IsValid() || sc.IsSampled() {
			return 0, fmt.Errorf("the span is %v", sc)
		}
		return 0, errBoom
	}, s).Await(bg)
	wantEq(t, "the error", err, errBoom)
	shutdown(t, s)
	wantEq(t, "spans", len(spans.Ended()), 0)
}

// Without options the global providers are used.
func TestV11_GlobalProviders(t *testing.T) {
	spans, reader := tracetest.NewSpanRecorder(), sdkmetric.NewManualReader()
	tracers, meters := otel.GetTracerProvider(), otel.GetMeterProvider()
	defer func() {
		otel.SetTracerProvider(tracers)
		otel.SetMeterProvider(meters)
	}()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	s := async.NewScope(async.ScopeOptions{Observer: asyncotel.Observer()})
	registration, err := asyncotel.Register(s)
	wantEq(t, "Register", err, nil)
	_, _ = async.Go(bg, value(1, nil), s, async.Name("global")).Await(bg)
	shutdown(t, s)
	wantEq(t, "spans", len(spans.Ended()), 1)
	var all metricdata.ResourceMetrics
	wantEq(t, "Collect", reader.Collect(bg, &all), nil)
	wantEq(t, "metrics", len(all.ScopeMetrics[0].Metrics), 2+8) // no function stopped late
	wantEq(t, "Unregister", registration.Unregister(), nil)
}

// Two observers of one scope each have a span of their own: the second below the first.
func TestV11_BesideAnotherObserver(t *testing.T) {
	k := newKit(t)
	var completed int
	o := asyncotel.Observer(k.opts...)
	s := async.NewScope(async.ScopeOptions{Observer: async.Observers(o, async.Observer{
		Completed: func(async.CallInfo) { completed++ },
	}, asyncotel.Observer(append(k.opts, asyncotel.WithName(func(async.CallInfo) string { return "second" }))...))})
	_, _ = async.Go(bg, value(1, nil), s, async.Name("first")).Await(bg)
	shutdown(t, s)
	_ = k.ended()
	wantEq(t, "spans", k.tree(), "first first/second")
	wantEq(t, "the third was told", completed, 1)

	o.BeginContext = nil // part of an observer: no span, and no harm
	s = async.NewScope(async.ScopeOptions{Observer: o})
	_, err := async.Go(bg, value(1, nil), s).Await(bg)
	wantEq(t, "the error", err, nil)
	shutdown(t, s)
}

// The context of a call can be printed while the call goes on.
func TestV11_TheContextHasAName(t *testing.T) {
	k := newKit(t)
	s := k.scope(async.ScopeOptions{})
	got, _ := async.Go(bg, func(ctx context.Context) (string, error) { return fmt.Sprint(ctx), nil }, s).Await(bg)
	wantEq(t, "the context", got, "context.Background.WithSpan.WithCall")
	shutdown(t, s)
}
