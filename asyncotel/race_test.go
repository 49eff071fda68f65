package asyncotel_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"weak"

	"go.opentelemetry.io/otel/trace"

	"github.com/seed4712c49f/async"
)

// This file is what happens to spans when everything happens at once, and what stays behind.

const rounds = 2000

// Completion, cancellation, release and joining at once: each call has one span, which ends
// once, with one outcome, and each late span is below the span of a call.
func TestV11_EverythingAtOnce(t *testing.T) {
	k := newKit(t)
	s := k.scope(async.ScopeOptions{Limit: 3})
	ctx, root := k.tracer.Start(bg, "root")
	var calls atomic.Int64
	for range rounds {
		var together sync.WaitGroup
		p, c := async.NewPromise[int](ctx, s, async.Name("promise"))
		d := async.Go(ctx, value(1, nil), s, async.Name("function"))
		together.Go(func() { p.Complete(1, nil) })
		together.Go(func() { _ = c.Cancel(nil) })
		together.Go(func() { c.Release() })
		together.Go(func() { _ = d.Cancel(nil) })
		together.Go(func() { d.Release() })
		together.Wait()
		calls.Add(2)
	}
	shutdown(t, s)
	root.End()
	spans := make(map[trace.SpanID]string)
	names := make(map[string]int64)
	for _, span := range k.ended() {
		spans[span.SpanContext().SpanID()] = span.Name()
		names[span.Name()]++
		if name := span.Name(); name == "promise" || name == "function" {
			if out := attributeOf(span, "async.call.outcome"); out != "returned" && out != "canceled" {
				t.Fatalf("%s: the outcome is %q", name, out)
			}
		}
	}
	wantEq(t, "spans of calls", names["promise"]+names["function"], calls.Load())
	for _, span := range k.ended() {
		want := "root"
		switch span.Name() {
		case "root":
			continue
		case "function stop", "function discarded":
			want = "function"
		case "promise discarded":
			want = "promise"
		}
		if got := spans[span.Parent().SpanID()]; got != want {
			t.Fatalf("%s is below %q, not %q", span.Name(), got, want)
		}
	}
	st := s.Stats()
	wantEq(t, "calls begun", st.Begun, calls.Load())
	wantEq(t, "late spans of functions that were canceled", names["function stop"], st.Stopped)
}

// Callers that join and leave one key at once: each run has a span, and each link leads to one.
func TestV11_JoinersAtOnce(t *testing.T) {
	k := newKit(t)
	s := k.scope(async.ScopeOptions{})
	g := async.Group[int, int]{Options: []async.Option{s, async.Name("run")}}
	for range rounds {
		var together sync.WaitGroup
		for range 4 {
			together.Go(func() {
				ctx, span := k.tracer.Start(bg, "caller")
				defer span.End()
				c := g.Join(ctx, 1, func(context.Context) (int, error) { runtime.Gosched(); return 1, nil })
				_ = c.Wait(bg)
				c.Release()
			})
		}
		together.Wait()
	}
	shutdown(t, s)
	runs, callers, links := make(map[trace.SpanID]bool), make(map[trace.SpanID]bool), 0
	for _, span := range k.ended() {
		switch span.Name() {
		case "run":
			runs[span.SpanContext().SpanID()] = true
		case "caller":
			callers[span.SpanContext().SpanID()] = true
		}
	}
	for _, span := range k.ended() {
		for _, link := range span.Links() {
			links++
			if to := link.SpanContext.SpanID(); span.Name() == "run" && !callers[to] || span.Name() == "caller" && !runs[to] {
				t.Fatalf("%s has a link to no caller and no run", span.Name())
			}
		}
	}
	wantEq(t, "runs", int64(len(runs)), s.Stats().Begun)
	if links == 0 {
		t.Log("nobody joined a run of another")
	}
}

// An object that many begin at once: a span for each call that began.
func TestV11_BeginAtOnce(t *testing.T) {
	k := newKit(t)
	s := k.scope(async.ScopeOptions{})
	for range rounds {
		var c async.Call[int]
		var together sync.WaitGroup
		for range 3 {
			together.Go(func() { _ = c.Begin(bg, value(1, nil), s) })
			together.Go(func() { _ = c.Cancel(nil) })
		}
		together.Wait()
		c.Release()
	}
	shutdown(t, s)
	n := int64(0)
	for _, span := range k.ended() {
		if span.Name() == "async.call" {
			n++
		}
	}
	wantEq(t, "spans", n, s.Stats().Begun)
}

// Nothing of a call stays in the observer, the scope or a long-lived context.
func TestV11_NothingStays(t *testing.T) {
	k := newKit(t)
	s := k.scope(async.ScopeOptions{})
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	type key struct{}
	var left []weak.Pointer[[1 << 10]byte]
	for i := range 100 {
		big := new([1 << 10]byte)
		left = append(left, weak.Make(big))
		with := context.WithValue(ctx, key{}, big)
		switch i % 4 {
		case 0:
			_, _ = async.Go(with, value(1, nil), s).Await(bg)
		case 1:
			c := async.Go(with, block, s)
			_ = c.Cancel(nil)
		case 2:
			_, c := async.NewPromise[int](with, s)
			_ = c.Cancel(nil)
		case 3:
			g := async.Group[int, int]{Options: []async.Option{s}}
			_, _, _ = g.Do(with, 1, value(1, nil))
		}
	}
	shutdown(t, s)
	k.spans.Reset() // the recorder of the tests keeps what the tracer was told
	for range 10 {
		runtime.GC()
	}
	kept := 0
	for _, p := range left {
		if p.Value() != nil {
			kept++
		}
	}
	if kept > 2 { // one may be on this stack
		t.Errorf("%d of %d contexts are kept", kept, len(left))
	}
	runtime.KeepAlive(s)
	runtime.KeepAlive(ctx)
}

// What an observed call costs beside one that is not: a bound that a map or a copy of a span
// for each event would break.
func TestV11_Allocations(t *testing.T) {
	cost := func(s *async.Scope) float64 {
		return testing.AllocsPerRun(200, func() { _, _ = async.Go(bg, value(1, nil), s).Await(bg) })
	}
	plain := cost(async.NewScope(async.ScopeOptions{}))
	k := newKit(t)
	observed := cost(k.scope(async.ScopeOptions{}))
	if more := observed - plain; more > 60 {
		t.Errorf("%v allocations more for an observed call, 60 allowed", more)
	} else {
		t.Logf("%v allocations more", more)
	}
}
