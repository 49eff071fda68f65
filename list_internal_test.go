package async

import (
	"context"
	"runtime"
	"testing"
)

// How much is done while a scope's lock is held cannot be seen from outside but by
// time, which says little on a busy machine. So these tests are inside.

const most = 100 // tasks that may be looked at in one piece

// Whoever looks at the calls of a scope that have a handle looks at few of them
// while the lock is held: what the scope forgets meanwhile is not looked at (C6).
func TestC6_UnreleasedLetsTheScopeGoOn(t *testing.T) {
	const n = 1000
	s := NewScope(ScopeOptions{Track: true})
	calls := make(Calls[int], n)
	for i := range calls {
		_, calls[i] = NewPromise[int](context.Background(), s)
	}
	seen := 0
	for range s.keptTasks() {
		if seen++; seen == 1 {
			calls.Cancel(nil)
			calls.Release()
		}
	}
	if seen == 0 || seen > most {
		t.Errorf("it looked at %d calls in one piece", seen)
	}
	if s.kept.first != nil {
		t.Error("a cursor, or a call, is left")
	}
}

// So does whoever cancels the queued calls of a context that ended (C1).
func TestC1_TheEndOfAContextLetsTheScopeGoOn(t *testing.T) {
	const n = 1000
	ctx, cancel := context.WithCancel(context.Background())
	s := NewScope(ScopeOptions{Limit: 1})
	gate := make(chan struct{})
	first := Go(context.Background(), func(context.Context) (int, error) { <-gate; return 1, nil }, s)
	calls := GoEach(ctx, make([]int, n), func(context.Context, int) (int, error) {
		t.Error("a queued call ran")
		return 1, nil
	}, s)
	s.mu.Lock()
	w := s.slots.watches[ctx.Done()]
	s.mu.Unlock()
	w.stop() // the test is the one that is told
	cancel()
	taken := 0
	for some := w.takeSome(); len(some) > 0; some = w.takeSome() {
		if len(some) > most {
			t.Errorf("it took %d calls in one piece", len(some))
		}
		for _, task := range some {
			taken++
			task.core.cancel(context.Cause(ctx), false)
		}
	}
	if taken != n {
		t.Errorf("it took %d calls of %d", taken, n)
	}
	if s.slots.watches[ctx.Done()] != nil {
		t.Error("the watch is joined although its context has ended")
	}
	close(gate)
	if _, err := first.Await(context.Background()); err != nil {
		t.Error(err)
	}
	for _, c := range calls {
		if !c.IsDone() {
			t.Fatal("a call is pending")
		}
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// A completion looks at no Shutdown that has to wait on (C3).
func TestC3_AWaitingShutdownCostsACompletionNothing(t *testing.T) {
	s := NewScope(ScopeOptions{})
	p, _ := NewPromise[int](context.Background(), s)
	over := make(chan error)
	go func() { over <- s.Shutdown(context.Background()) }()
	for s.Err() == nil { // until it waits: it closes the scope in the same step
		runtime.Gosched()
	}
	s.mu.Lock()
	allocations := testing.AllocsPerRun(100, s.wakeQuietsLocked)
	s.mu.Unlock()
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
	p.Break()
	if err := <-over; err != nil {
		t.Error(err)
	}
}
