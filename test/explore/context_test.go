//go:build asyncexplore

package explore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// The context of a call's function: it follows Begin's, ends with the call's
// cancellation, and leaves nothing behind.

// A function hears of the end of Begin's context, whenever that comes (R12).
func TestExplore_FunctionAndContext(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		ctx, cancel := context.WithCancelCause(bg)
		var c async.Call[int]
		ran := false
		var err error
		x.Go(func() {
			c.Begin(ctx, func(ctx context.Context) (int, error) {
				ran = true
				<-ctx.Done()
				mustf(x, ctx.Err() == context.Canceled, "done, and Err is %v", ctx.Err())
				return 1, context.Cause(ctx)
			})
			_, err = c.Await(bg)
		})
		x.Go(func() { cancel(errBoom) })
		x.Check(func() error {
			if ran {
				return o.took("ran", err == errBoom, "%v", err)
			}
			return o.took("never ran", errors.Is(err, errBoom) && errors.Is(err, async.ErrCanceled), "%v", err)
		})
	})
	o.all(t, "ran", "never ran")
}

// Err is not nil only where Done is closed, and says the same for ever, whoever
// ended the context (R12, X4).
func TestExplore_ErrImpliesDone(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		ctx, cancel := context.WithCancelCause(bg)
		p, c := async.NewPromise[int](ctx)
		of := p.Context()
		var seen error
		x.Go(func() {
			if of.Err() != nil {
				seen = context.Cause(of)
				mustf(x, isReady(of.Done()), "Err is %v, and not done", of.Err())
			}
		})
		x.Go(func() { cancel(errBoom) })
		x.Go(func() { c.Cancel(async.ErrTimeout) })
		x.Check(func() error {
			_, err := c.Finish()
			cause := context.Cause(of)
			way := "canceled"
			if cause == errBoom {
				way = "ended"
			}
			ok := of.Err() != nil && isReady(of.Done()) && errors.Is(err, async.ErrCanceled) &&
				(cause == errBoom || cause == async.ErrTimeout) && (seen == nil || seen == cause)
			return o.took(way, ok, "cause %v, seen %v, err %v", cause, seen, err)
		})
	})
	o.all(t, "ended", "canceled")
}

// A cancellation that has returned is the cause, whatever Begin's context does later,
// also where somebody looks for the first time meanwhile (R10, X5).
func TestExplore_FirstLookAgainstCancel(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		ctx, cancel := context.WithCancelCause(bg)
		var c async.Call[int]
		var of context.Context
		stop := make(chan struct{})
		_ = c.Begin(ctx, func(ctx context.Context) (int, error) { of = ctx; <-stop; return 1, nil })
		x.Go(func() { <-of.Done() })
		x.Go(func() {
			mustf(x, c.Cancel(errBoom) == nil, "Cancel")
			cancel(async.ErrTimeout)
			o.took("canceled", endedBy(of, errBoom) == nil, "")
			mustf(x, endedBy(of, errBoom) == nil, "the cause is %v", context.Cause(of))
		})
		x.Check(func() error { close(stop); return nil })
	})
	o.all(t, "canceled")
}

// A promise is bound to Begin's context, also where somebody asks for its cancellation
// while it begins: the end of Begin's context completes it (R14).
func TestExplore_AskedWhileItIsBound(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		ctx, cancel := context.WithCancelCause(bg)
		var c async.Call[int]
		_ = c.Signal() // so that the call is there before it begins
		x.Go(func() { _, _ = c.BeginPromise(ctx) })
		x.Go(func() {
			err := c.CancelWait(bg, async.ErrTimeout)
			o.took(fmt.Sprint(err), true, "")
		})
		x.Go(func() {
			cancel(errBoom)
			_, err := c.Await(bg)
			mustf(x, errors.Is(err, errBoom), "completed with %v", err)
		})
	})
	o.all(t, async.ErrCallComplete.Error(), async.ErrCanceled.Error())
}

// A countingContext counts who is registered at it. It has no values, by which
// package context would find what is below and register there.
type countingContext struct {
	context.Context

	mu   sync.Mutex
	live int
	most int // at once
}

func (c *countingContext) Value(any) any { return nil }

func (c *countingContext) AfterFunc(f func()) (stop func() bool) {
	c.add(1)
	inner := context.AfterFunc(c.Context, func() { c.add(-1); f() })
	return func() bool {
		stopped := inner()
		if stopped {
			c.add(-1)
		}
		return stopped
	}
}

func (c *countingContext) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live += n
	c.most = max(c.most, c.live)
}

// No registration outlives the call, however its first look at the context and
// its completion fall together (X3).
func TestExplore_NothingStaysRegistered(t *testing.T) {
	most := 0
	explore(t, 2, func(x *sched.X) {
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		x.Go(func() {
			c := async.Go(parent, func(ctx context.Context) (int, error) {
				ctx.Done()
				return 1, nil
			})
			d := c.Clone()
			go func() { d.Cancel(errBoom) }()
			c.Wait(bg)
		})
		x.Check(func() error {
			live := parent.live
			most = max(most, parent.most)
			cancel()
			return is(live == 0, "%d are registered", live)
		})
	})
	if most != 1 {
		t.Errorf("%d were registered", most)
	}
}

// Nor where somebody else looks at the context for the first time as the function
// returns, and nobody completes the call again (X3).
func TestExplore_LookedAtAsItReturns(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		x.Go(func() {
			c := async.Go(parent, func(ctx context.Context) (int, error) {
				go ctx.Done()
				return 1, nil
			})
			c.Wait(bg)
		})
		x.Check(func() error {
			live := parent.live
			cancel()
			if parent.most == 0 {
				return o.took("too late to follow", live == 0, "%d are registered", live)
			}
			return o.took("followed", live == 0, "%d are registered", live)
		})
	})
	o.all(t, "followed", "too late to follow")
}

// A function that hangs on the context is called once, when the call is complete or
// canceled, and the cause says which (R12).
func TestExplore_ContextAfterFunc(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		p, c := async.NewPromise[int](bg)
		told := 0
		x.Go(func() {
			context.AfterFunc(p.Context(), func() {
				told++
				mustf(x, c.IsDone(), "told before the call is complete")
			})
		})
		x.Go(func() { p.Complete(1, nil) })
		x.Go(func() { c.Cancel(errBoom) })
		x.Check(func() error {
			if _, err := c.Finish(); err == nil {
				return o.took("completed", told == 1 && endedBy(p.Context(), async.ErrCallComplete) == nil, "told %d, %v", told, context.Cause(p.Context()))
			}
			return o.took("canceled", told == 1 && context.Cause(p.Context()) == errBoom, "told %d, %v", told, context.Cause(p.Context()))
		})
	})
	o.all(t, "completed", "canceled")
}

// A streaming call's context lives until the last handle is released, or follows
// Begin's; one of the two is the cause, for ever (R12).
func TestExplore_StreamingRelease(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		p, c := async.NewPromise[int](parent, async.Streaming())
		d := c.Clone()
		p.Complete(1, nil)
		stream := p.Context()
		stream.Done()
		released := 0
		for _, h := range []*async.Call[int]{c, d} {
			x.Go(func() {
				v, err := h.Finish()
				mustf(x, v == 1 && err == nil, "%d, %v", v, err)
				released++
				h.Release()
			})
		}
		x.Go(cancel)
		x.Go(func() {
			<-stream.Done()
			cause := context.Cause(stream)
			mustf(x, cause == context.Canceled || errors.Is(cause, async.ErrReleased) && released == 2,
				"ended with %v, released %d", cause, released)
			mustf(x, context.Cause(stream) == cause && stream.Err() == context.Canceled, "the cause changes")
			if errors.Is(cause, async.ErrReleased) {
				o.took("released", true, "")
			} else {
				o.took("ended", true, "")
			}
		})
		x.Check(func() error { return is(parent.live == 0, "%d are registered", parent.live) })
	})
	o.all(t, "released", "ended")
}

// The context of a call hangs on Begin's natively: when Begin's context has ended, by
// a cancel function that has returned, so has the context of the call (R12).
func TestExplore_DoneDoesNotLag(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		ctx, cancel := context.WithCancelCause(bg)
		p, c := async.NewPromise[int](ctx)
		of := p.Context()
		x.Go(func() { of.Done() })
		x.Go(func() {
			cancel(errBoom)
			mustf(x, isReady(of.Done()) && of.Err() != nil, "it lags behind Begin's context")
		})
		x.Go(func() { c.Cancel(async.ErrTimeout) })
	})
}
