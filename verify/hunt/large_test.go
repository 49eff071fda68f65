package hunt_test

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"

	"github.com/seed4712c49f/async"
)

// Programs of few operations that are large: what is done is done ten thousand times, or
// nested as deep, on a stack that is not allowed to become large. No schedule is chosen,
// and no time is measured: what is counted is goroutines and the stack.
func TestHuntLarge(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(8 << 20))
	for name, program := range map[string]func(t *testing.T){
		"panics that Release raises":   releasedPanics,
		"panics that Cancel raises":    canceledPanics,
		"completions in completions":   nestedCompletions,
		"calls in calls, with a value": nestedCalls,
		"handles on one call":          manyHandles,
		"queued calls of one context":  manyQueued,
		"a set of everything":          largeSet,
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, program) })
	}
}

const large = 10_000

var errPlanned = errors.New("planned")

// goroutines counts those of the process. While garbage is collected, the runtime counts
// some that have ended.
func goroutines() int {
	runtime.GC()
	return runtime.NumGoroutine()
}

// raised calls f and reports whether it has panicked.
func raised(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

func releasedPanics(t *testing.T) {
	cs := async.GoEach(t.Context(), make([]int, large), func(context.Context, int) (int, error) { panic(errPlanned) })
	_ = async.WaitAll(t.Context(), waitables(cs)...)
	if !raised(cs.Release) {
		t.Error("no panic is raised")
	}
	for _, c := range cs {
		if _, err := c.Finish(); !errors.Is(err, async.ErrReleased) {
			t.Fatalf("a handle is not released: %v", err)
		}
	}
}

func waitables(cs async.Calls[int]) (ws []async.Waitable) {
	for _, c := range cs {
		ws = append(ws, c)
	}
	return ws
}

func canceledPanics(t *testing.T) {
	var cs async.Calls[int]
	for range large {
		_, c := async.NewPromise[int](t.Context(), async.OnSignal(func() { panic(errPlanned) }))
		cs = append(cs, c)
	}
	if !raised(func() { cs.Cancel(nil) }) {
		t.Error("no panic is raised")
	}
	for _, c := range cs {
		if !c.IsDone() {
			t.Fatal("a call is pending")
		}
	}
}

func nestedCompletions(t *testing.T) {
	var next func()
	var all async.Calls[int]
	defer func() { all.Release() }()
	for range large {
		then := next
		p, c := async.NewPromise[int](t.Context(), async.OnSignal(func() {
			if then != nil {
				then()
			}
		}))
		all = append(all, c)
		next = func() { p.Complete(1, nil) }
	}
	next()
	if _, err := all[0].Await(t.Context()); err != nil {
		t.Error(err)
	}
}

type levelKey struct{}

func nestedCalls(t *testing.T) {
	before := goroutines()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all async.Calls[int]
	defer func() { all.Release() }()
	for level := range large {
		p, c := async.NewPromise[int](context.WithValue(ctx, levelKey{}, level))
		ctx, all = p.Context(), append(all, c)
		if level%1000 == 0 && goroutines()-before > 10 {
			break // so many goroutines would take long to begin
		}
	}
	if n := goroutines() - before; n > 10 {
		t.Errorf("%d goroutines for %d calls in calls", n, large)
	}
	cancel()
	if _, err := all[len(all)-1].Await(context.Background()); !errors.Is(err, async.ErrCanceled) {
		t.Errorf("the last one says %v", err)
	}
}

func manyHandles(t *testing.T) {
	p, c := async.NewPromise[int](t.Context(), async.CancelOnAbandon())
	var release []func()
	for range large {
		release = append(release, c.Clone().Release, c.Signal().Release)
	}
	for _, f := range release {
		f()
	}
	if !p.Complete(1, nil) {
		t.Error("canceled, though a handle is held")
	}
	c.Release()
}

func manyQueued(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	gate := make(chan struct{})
	first := async.Go(t.Context(), func(context.Context) (int, error) { <-gate; return 1, nil }, s)
	ctx, cancel := context.WithCancel(t.Context())
	before := goroutines()
	cs := async.GoEach(ctx, make([]int, large), func(context.Context, int) (int, error) { return 1, nil }, s)
	if n := goroutines() - before; n > 10 {
		t.Errorf("%d goroutines for %d queued calls", n, large)
	}
	cancel()
	rs, err := cs.Settle(t.Context())
	for _, r := range rs {
		if !errors.Is(r.Err, async.ErrCanceled) {
			t.Fatalf("a queued call says %v, %v", r.Err, err)
		}
	}
	close(gate)
	_, _ = first.Await(t.Context())
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func largeSet(t *testing.T) {
	var set async.Set[int]
	var events []*async.Event
	for i := range large {
		e := new(async.Event)
		events = append(events, e)
		set.Add(i, e)
	}
	for _, e := range events {
		e.Set()
	}
	for i := range large {
		if key, err := set.Next(t.Context()); err != nil || key != i {
			t.Fatalf("key %d in the place of %d: %v", key, i, err)
		}
	}
}
