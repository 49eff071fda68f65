package async

import (
	"bytes"
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
)

// These tests hold up a run in an instant that no caller can: between the return of
// its function and the completion of its call, and between the two steps of a
// Release.

// Whoever wants to leave when the function has returned is one of those who get
// the result, and shared says so (G4).
func TestH1_TooLateToLeave(t *testing.T) {
	var g Group[string, int]
	let := make(chan struct{})
	fn := func(context.Context) (int, error) { <-let; return 1, nil }
	type result struct {
		v      int
		err    error
		shared bool
	}
	results := make(chan result, 2)
	do := func(ctx context.Context) {
		v, err, shared := g.Do(ctx, "a", fn)
		results <- result{v, err, shared}
	}
	ctx, cancel := context.WithCancel(context.Background())
	go do(ctx)
	go do(context.Background())
	var r *sharedRun[string, int]
	until := func(ok func() bool) {
		g.runs.mu.Lock()
		for !ok() {
			g.runs.mu.Unlock()
			runtime.Gosched()
			g.runs.mu.Lock()
		}
		g.runs.mu.Unlock()
	}
	until(func() bool { r = g.runs.runs["a"]; return r != nil && r.sharers == 2 })
	trace := make([]byte, 1<<20)
	parked := func() bool { // one on the channel, the other on a node that it links under the lock
		stacks := trace[:runtime.Stack(trace, true)]
		return r.p.core.Word.Load()&latch.BitChan != 0 && bytes.Contains(stacks, []byte("latch.(*Latch).waitAloneLocked"))
	}
	for !parked() {
		runtime.Gosched()
	}
	r.p.core.Mu.Lock()
	close(let)
	until(func() bool { return r.over })
	cancel()
	select {
	case r := <-results:
		t.Errorf("he did not wait: %+v", r)
	case <-time.After(20 * time.Millisecond):
	}
	r.p.core.Mu.Unlock()
	for range 2 {
		if r := <-results; r.v != 1 || r.err != nil || !r.shared {
			t.Errorf("got %+v", r)
		}
	}
}

// A run that completes in the middle of the last Release of a handle disposes of
// its result.
func TestH1_CompletionInTheMiddleOfARelease(t *testing.T) {
	var discarded atomic.Int32
	over := make(chan struct{})
	g := Group[string, int]{Options: []Option{Discard(func(int, error) { discarded.Add(1); close(over) })}}
	let := make(chan struct{})
	c := g.Join(context.Background(), "a", func(context.Context) (int, error) { <-let; return 1, nil })
	p := c.h.core.Load()
	w := p.Word.Add(latch.MinusRef)
	close(let)
	<-over
	p.dropped(w)
	if n := discarded.Load(); n != 1 {
		t.Errorf("discarded %d times", n)
	}
	if len(g.runs.runs) != 0 {
		t.Error("the run is left")
	}
}
