package asynctest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
)

var errEnough = errors.New("enough")

func wantRuns[T any](t testing.TB, b *asynctest.Blocker[T], wantBegun, wantRunning int) {
	t.Helper()
	begun, running := b.Runs()
	wantEq(t, "begun", begun, wantBegun)
	wantEq(t, "running", running, wantRunning)
}

func TestBlocker_BlocksUntilReturn(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		s := asynctest.NewScope(t)
		b := asynctest.NewBlocker[int](t)
		wantRuns(t, b, 0, 0)
		c := async.Go(bg, b.Func, s)
		<-b.Started()
		wantRuns(t, b, 1, 1)
		wantEq(t, "done", c.IsDone(), false)
		wantEq(t, "Return", b.Return(1, errEnough), true)
		wantEq(t, "Return again", b.Return(2, nil), false)
		v, err := c.Await(bg)
		wantEq(t, "value", v, 1)
		wantEq(t, "error", err, errEnough)
		c.Finish()
		wantRuns(t, b, 1, 0)
		wantEq(t, "cause", b.Cause(), nil)

		v, err = b.Func(bg) // one to come does not block
		wantEq(t, "value", v, 1)
		wantEq(t, "error", err, errEnough)
	})
}

func TestBlocker_ObeysCancellation(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		s := asynctest.NewScope(t)
		b := asynctest.NewBlocker[int](t)
		c := async.Go(bg, b.Func, s)
		defer c.Release()
		<-b.Started()
		wantEq(t, "CancelWait", c.CancelWait(bg, errEnough), nil)
		<-b.Canceled()
		if !errors.Is(b.Cause(), errEnough) {
			t.Error("cause:", b.Cause())
		}
		_, err := c.Await(bg)
		wantEq(t, "error", err, b.Cause()) // what the function made of it
		b.WaitRunning(0)
	})
}

func TestStubborn_GoesOnWhenCanceled(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		s := asynctest.NewScope(t)
		b := asynctest.NewStubborn[int](t)
		late := make(chan int, 1)
		c := async.Go(bg, b.Func, s, async.Discard(func(v int, _ error) { late <- v }))
		defer c.Release()
		<-b.Started()
		wantEq(t, "Cancel", c.Cancel(errEnough), nil)
		<-b.Canceled()
		if !errors.Is(b.Cause(), errEnough) {
			t.Error("cause:", b.Cause())
		}
		wantRuns(t, b, 1, 1)
		b.Return(42, nil)
		wantEq(t, "late value", <-late, 42)
	})
}

// Of a return and a cancellation that are both there the return counts, and the
// cancellation is recorded all the same.
func TestBlocker_ReturnBeatsCancellation(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		for range 100 {
			ctx, cancel := context.WithCancelCause(bg)
			b := asynctest.NewBlocker[int](t)
			b.Return(1, nil)
			cancel(errEnough)
			v, err := b.Func(ctx)
			wantEq(t, "value", v, 1)
			wantEq(t, "error", err, nil)
			wantEq(t, "cause", b.Cause(), errEnough)
			<-b.Canceled()
		}
	})
}

// It keeps its slot while it blocks.
func TestBlocker_KeepsItsSlot(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		s := asynctest.NewScope(t, async.ScopeOptions{Limit: 2})
		b := asynctest.NewBlocker[int](t)
		var cs async.Calls[int]
		for range 5 {
			cs = append(cs, async.Go(bg, b.Func, s))
		}
		defer cs.Release()
		b.WaitRunning(2)
		asynctest.WaitState(t, cs[2], async.StateQueued)
		wantRuns(t, b, 2, 2)
		b.Return(1, nil)
		_, err := cs.All(bg)
		wantEq(t, "error", err, nil)
		wantRuns(t, b, 5, 0)
	})
}

// The end of the test unblocks what still blocks, stubborn or not.
func TestBlocker_EndsWithTheTest(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := asynctest.NewScope(f)
		c := async.Go(bg, asynctest.NewBlocker[int](f).Func, s)
		stubborn := asynctest.NewStubborn[int](f)
		d := async.Go(bg, stubborn.Func, s)
		<-stubborn.Started()
		d.Cancel(nil)
		d.Release()
		other := c.Signal()
		c.Release()
		go func() {
			defer other.Release()
			other.Wait(bg)
		}()
		for _, report := range f.end() {
			t.Error(report)
		}
	})
}

// Any number of runs and of callers, all at the same time.
func TestBlocker_ByMany(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		b := asynctest.NewStubborn[int](t)
		ctx, cancel := context.WithCancelCause(bg)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				v, err := b.Func(ctx)
				wantEq(t, "value", v, 7)
				wantEq(t, "error", err, nil)
			})
			wg.Go(func() { <-b.Started(); b.Runs() })
			wg.Go(func() { <-b.Canceled(); wantEq(t, "cause", b.Cause(), errEnough) })
		}
		b.WaitRunning(50)
		cancel(errEnough)
		<-b.Canceled()
		var first sync.Map
		for i := range 10 {
			wg.Go(func() { first.Store(b.Return(7, nil), i) })
		}
		wg.Wait()
		wantRuns(t, b, 50, 0)
		_, one := first.Load(true)
		wantEq(t, "a Return was the first", one, true)
	})
}

// A blocker in a bubble lets virtual time pass.
func TestBlocker_LetsTimePass(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		b := asynctest.NewBlocker[int](t)
		ctx, cancel := context.WithTimeout(bg, 10*time.Millisecond)
		defer cancel()
		_, err := b.Func(ctx)
		wantEq(t, "error", err, context.DeadlineExceeded)
		wantEq(t, "cause", b.Cause(), context.DeadlineExceeded)
	})
}
