package async_test

// FirstError, the wait for calls of different types that is over at the first failure.

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// after returns a call that completes with v and err when d is over.
func after[T any](d time.Duration, v T, err error) *async.Call[T] {
	return async.Go(bg, func(ctx context.Context) (T, error) {
		time.Sleep(d)
		return v, err
	})
}

func TestW7_FirstError(t *testing.T) {
	const s = time.Second
	errOther := errors.New("other")
	for name, test := range map[string]struct {
		members func() []async.Waitable
		took    time.Duration
		want    error
	}{
		"nothing":            {func() []async.Waitable { return nil }, 0, nil},
		"all succeed":        {func() []async.Waitable { return []async.Waitable{after(s, 1, nil), after(2*s, "a", nil)} }, 2 * s, nil},
		"the second fails":   {func() []async.Waitable { return []async.Waitable{after(3*s, 1, nil), after(s, "a", errBoom)} }, s, errBoom},
		"the first in time":  {func() []async.Waitable { return []async.Waitable{after(2*s, 1, errOther), after(s, "a", errBoom)} }, s, errBoom},
		"a value beside it":  {func() []async.Waitable { return []async.Waitable{after(s, 7, errBoom)} }, s, errBoom},
		"there on entry":     {func() []async.Waitable { return []async.Waitable{after(s, 1, nil), async.Ready("", errBoom)} }, 0, errBoom},
		"the lowest of many": {func() []async.Waitable { return []async.Waitable{async.Ready(1, errOther), async.Ready("", errBoom)} }, 0, errOther},
		"no echo on entry": {func() []async.Waitable {
			return []async.Waitable{async.Ready(1, context.Canceled), async.Ready("", errBoom), after(s, 1, nil)}
		}, 0, errBoom},
		"echoes only": {func() []async.Waitable { return []async.Waitable{async.Ready(1, context.Canceled), after(s, 1, nil)} }, 0, context.Canceled},
		"no call": {func() []async.Waitable {
			ctx, cancel := context.WithCancel(bg)
			cancel()
			failing := after(s, 1, errBoom)
			e := new(async.Event)
			e.Set()
			closed := make(chan struct{})
			close(closed)
			return []async.Waitable{ctx, e, failing.Signal(), async.Chan(closed), after(2*s, 1, nil)}
		}, 2 * s, nil},
		"a type that embeds a call and waits by itself": {func() []async.Waitable {
			return []async.Waitable{quietCall{async.Ready(1, errBoom)}, after(s, 1, nil)}
		}, s, nil},
		"a type that embeds a call": {func() []async.Waitable {
			return []async.Waitable{struct{ *async.Call[int] }{async.Ready(1, errBoom)}, after(s, 1, nil)}
		}, 0, errBoom},
		"a released handle": {func() []async.Waitable {
			c := async.Ready(1, nil)
			c.Release()
			return []async.Waitable{after(s, 1, nil), c}
		}, 0, async.ErrReleased},
		"a finished handle": {func() []async.Waitable {
			c := async.Ready(1, nil)
			_, _ = c.Finish()
			return []async.Waitable{after(s, 1, nil), c}
		}, 0, async.ErrCallComplete},
		"the same call twice": {func() []async.Waitable { c := after(s, 1, nil); return []async.Waitable{c, c} }, s, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ws := test.members()
				start := time.Now()
				err := async.FirstError(t.Context(), ws...)
				wantEq(t, "error", err, test.want)
				wantEq(t, "took", time.Since(start), test.took)
				time.Sleep(time.Minute) // for the others to return
			})
		})
	}
}

// A quietCall is complete from the beginning, whatever its call is.
type quietCall struct{ *async.Call[int] }

func (quietCall) Done() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// A panic is a failure, and nothing is taken: the panic is raised where the result is.
func TestW7_FirstErrorReturnsAPanic(t *testing.T) {
	c := async.Go(bg, panicWith(errBoom))
	err := async.FirstError(bg, async.Ready("", nil), c)
	wantIs(t, err, errBoom)
	if _, ok := err.(*async.PanicError); !ok { //nolint:errorlint // the error itself
		t.Errorf("the error is a %T", err)
	}
	if _, ok := recovered(func() { c.Release() }).(*async.PanicError); !ok {
		t.Error("the panic was taken")
	}
}

// The end of the wait names the first member that is not complete, and takes nothing.
func TestW7_FirstErrorEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		pending := async.Go(t.Context(), block)
		err := async.FirstError(ctx, async.Ready(1, nil), pending, new(async.Event))
		e, ok := errors.AsType[*async.WaitError](err)
		if !ok || e.On != async.Waitable(pending) {
			t.Errorf("%v", err)
		}
		wantIs(t, err, context.DeadlineExceeded, async.ErrCallPending)
		// R6: where the failure is there, it is told, though ctx has ended.
		wantEq(t, "failed before", async.FirstError(ctx, pending, async.Ready(1, errBoom)), errBoom)
		wantEq(t, "succeeded before", async.FirstError(ctx, async.Ready(1, nil)), nil)
		_ = pending.Cancel(nil)
		pending.Release()
	})
	wantPanic(t, "nil member", "member 1 ", func() { _ = async.FirstError(bg, async.Ready(1, nil), nil) })
	wantPanic(t, "nil call", "member 0 ", func() { _ = async.FirstError(bg, (*async.Call[int])(nil)) })
}

// A wait by FirstError is a reference: the call is not abandoned, and what nobody took is
// discarded once.
func TestR9_FirstErrorHoldsTheCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		p, c := async.NewPromise[int](bg, async.CancelOnAbandon(), b.option())
		over := async.Go(bg, func(ctx context.Context) (int, error) { return 0, async.FirstError(ctx, c) })
		synctest.Wait()
		c.Release()
		wantEq(t, "still pending", p.Complete(1, errBoom), true)
		_, err := over.Await(bg)
		wantEq(t, "error", err, errBoom)
		synctest.Wait()
		b.want(t, "discarded", 1)
	})
}

// Calls of two types fail at the same time as the wait begins: whatever the scheduler
// does, the wait ends with a failure, and never with the echo where the cause is there.
func TestW7_FirstErrorRaces(t *testing.T) {
	for round := range rounds(3000) {
		var ready sync.WaitGroup
		ready.Add(2)
		one := async.Go(bg, func(context.Context) (int, error) { ready.Done(); ready.Wait(); return 0, errBoom })
		two := async.Go(bg, func(context.Context) (string, error) {
			ready.Done()
			ready.Wait()
			runtime.Gosched()
			return "", context.Canceled
		})
		err := async.FirstError(bg, two, one)
		if err != errBoom && !errors.Is(err, context.Canceled) {
			t.Fatalf("round %d: %v", round, err)
		}
		wantEq(t, "both", async.WaitAll(bg, one, two), nil)
		wantEq(t, "the cause comes before its echo", async.FirstError(bg, two, one), errBoom)
		one.Release()
		two.Release()
	}
}

// A function that waits for its slot after the first failure finds a second one: the
// cause comes before its echo, though the echo was first.
func TestW7_FirstErrorLooksAtAllFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		echo, cause := after(time.Second, 0, context.Canceled), after(2*time.Second, "", errBoom)
		over := async.Go(bg, func(ctx context.Context) (int, error) { return 0, async.FirstError(ctx, cause, echo) }, s)
		synctest.Wait()
		busy := async.Go(bg, func(context.Context) (int, error) {
			time.Sleep(3 * time.Second) // keeps the slot
			return 0, nil
		}, s)
		defer busy.Release()
		_, err := over.Await(bg)
		wantEq(t, "error", err, errBoom)
	})
}
