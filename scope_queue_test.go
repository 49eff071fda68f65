package async_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
	"golang.org/x/sync/errgroup"
)

// contexts are kinds of contexts that end, for a number of calls.
var contexts = map[string]func(n int) (ctxs []context.Context, end func(error)){
	"one for all": func(n int) (ctxs []context.Context, end func(error)) {
		ctx, cancel := context.WithCancelCause(bg)
		for range n {
			ctxs = append(ctxs, ctx)
		}
		return ctxs, cancel
	},
	"one each": func(n int) (ctxs []context.Context, end func(error)) {
		var ends []context.CancelCauseFunc
		for range n {
			ctx, cancel := context.WithCancelCause(bg)
			ctxs, ends = append(ctxs, ctx), append(ends, cancel)
		}
		return ctxs, func(err error) {
			for _, end := range ends {
				end(err)
			}
		}
	},
	"values of one": func(n int) (ctxs []context.Context, end func(error)) {
		ctx, cancel := context.WithCancelCause(bg)
		for i := range n {
			ctxs = append(ctxs, context.WithValue(ctx, key{}, i))
		}
		return ctxs, cancel
	},
	"children of one": func(n int) (ctxs []context.Context, end func(error)) {
		ctx, cancel := context.WithCancelCause(bg)
		for range n {
			child, stop := context.WithCancel(ctx)
			context.AfterFunc(child, stop)
			ctxs = append(ctxs, child)
		}
		return ctxs, cancel
	},
	"of a promise": func(n int) (ctxs []context.Context, end func(error)) {
		p, c := async.NewPromise[int](bg)
		for range n {
			ctxs = append(ctxs, p.Context())
		}
		return ctxs, func(err error) { _ = c.Cancel(err) }
	},
	"foreign": func(n int) (ctxs []context.Context, end func(error)) {
		ctx := newForeignCtx()
		for range n {
			ctxs = append(ctxs, ctx)
		}
		return ctxs, ctx.end
	},
	"strangers": func(n int) (ctxs []context.Context, end func(error)) {
		inside, cancel := context.WithCancelCause(bg)
		var all []*stranger
		for range n {
			x := newStranger(inside)
			ctxs, all = append(ctxs, x), append(all, x)
		}
		return ctxs, func(err error) {
			cancel(err)
			for _, x := range all {
				x.cancel()
			}
		}
	},
}

func TestC1_AQueuedCallWhoseContextEnds(t *testing.T) {
	const n = 70
	for name, kind := range contexts {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{Limit: 1, Queue: n}, func(t *testing.T, s *async.Scope) {
				giveBack := occupy(s)
				ctxs, end := kind(n)
				var cs async.Calls[int]
				for _, ctx := range ctxs {
					cs = append(cs, async.Go(ctx, func(context.Context) (int, error) { t.Error("it ran"); return 1, nil }, s))
				}
				synctest.Wait()
				wantEq(t, "queued", s.Stats().Queued, int64(n))
				end(errBoom)
				synctest.Wait()
				wantEq(t, "queued", s.Stats().Queued, int64(0))
				for _, c := range cs {
					_, err := c.Finish()
					wantIs(t, err, async.ErrCanceled, errBoom)
				}
				for range n {
					wantEq(t, "refused", async.Go(bg, value(1, nil), s).IsDone(), false)
				}
				giveBack()
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
				wantEq(t, "canceled", s.Stats().Canceled, int64(n))
			})
		})
	}
}

// The context ends after Begin has looked at it, before or while the call is put
// in the queue.
func TestC1_AContextThatEndsWhileTheCallIsQueued(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		giveBack := occupy(s)
		ctx, cancel := context.WithCancelCause(bg)
		c := async.Go(hookContext{ctx, func() { cancel(errBoom) }}, func(context.Context) (int, error) { t.Error("it ran"); return 1, nil }, s)
		_, err := c.Await(bg)
		wantIs(t, err, async.ErrCanceled, errBoom)
		giveBack()
	})
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	giveBack := occupy(s)
	for range rounds(5000) {
		ctx, cancel := context.WithCancel(bg)
		var c, d *async.Call[int]
		together(cancel, func() { c = async.Go(ctx, value(1, nil), s) }, func() { d = async.Go(ctx, value(1, nil), s) })
		_, err := c.Await(bg)
		wantIs(t, err, async.ErrCanceled, context.Canceled)
		_, err = d.Await(bg)
		wantIs(t, err, async.ErrCanceled, context.Canceled)
	}
	giveBack()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// A call gets its slot in the instant in which its context has ended, before the
// word of that has come: its function never runs.
func TestC1_AnEndedContextIsSeenByTheSlot(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	for range rounds(3000) {
		giveBack := occupy(s)
		ctx, cancel := context.WithCancel(bg)
		c := async.Go(ctx, func(ctx context.Context) (int, error) {
			if ctx.Err() != nil {
				t.Error("it ran with a context that had ended")
			}
			return 1, nil
		}, s)
		cancel()
		giveBack()
		_, err := c.Await(bg)
		wantIs(t, err, async.ErrCanceled)
	}
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// What takes a call out of the queue frees its place, at once, and the call never
// runs.
func TestC1_OutOfTheQueue(t *testing.T) {
	for name, leave := range map[string]func(c *async.Call[int]){
		"Cancel":        func(c *async.Call[int]) { wantEq(t, "Cancel", c.Cancel(errBoom), nil) },
		"Calls.Cancel":  func(c *async.Call[int]) { async.Calls[int]{c}.Cancel(errBoom) },
		"CancelWait":    func(c *async.Call[int]) { wantIs(t, c.CancelWait(expired, errBoom), async.ErrCallPending) },
		"last Release":  func(c *async.Call[int]) { c.Release() },
		"last of three": func(c *async.Call[int]) { d, s := c.Clone(), c.Signal(); c.Release(); s.Release(); d.Release() },
	} {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{Limit: 1, Queue: 1}, func(t *testing.T, s *async.Scope) {
				giveBack := occupy(s)
				var told *async.Call[int]
				discard := async.Discard(func(int, error) { t.Error("it had no result") })
				c := async.Go(bg, func(context.Context) (int, error) { t.Error("it ran"); return 1, nil },
					s, async.CancelOnAbandon(), async.OnSignal(func() { told = async.Go(bg, value(2, nil), s) }), discard)
				leave(c)
				wantEq(t, "complete", c.IsDone(), true)
				synctest.Wait()
				wantEq(t, "refused", told.IsDone(), false)
				giveBack()
				v, err := told.Await(bg)
				wantEq(t, "value", v, 2)
				wantEq(t, "error", err, nil)
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
				wantEq(t, "Canceled", s.Stats().Canceled, int64(1))
				wantEq(t, "Stopped", s.Stats().Stopped, int64(0))
			})
		})
	}
}

func TestC1_AQueuedCallHasNoGoroutine(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		giveBack := occupy(s)
		ctx, cancel := context.WithTimeout(bg, time.Hour)
		defer cancel()
		before := goroutines()
		var cs async.Calls[int]
		for range 100 {
			cs = append(cs, async.Go(bg, value(1, nil), s), async.Go(ctx, value(1, nil), s))
		}
		if more := goroutines() - before; more > 0 { // less: those of earlier tests ended
			t.Errorf("%d goroutines for those in the queue", more)
		}
		giveBack()
		_, err := cs.All(bg)
		wantEq(t, "error", err, nil)
		synctest.Wait()
		if more := goroutines() - (before - 1); more > 0 {
			t.Errorf("%d goroutines are left", more)
		}
	})
}

// A context that lives for long is registered at once for all that wait with it,
// and not at all when none does.
func TestC1_NothingStaysInAContext(t *testing.T) {
	for name, over := range map[string]func(giveBack func(), cs async.Calls[int]){
		"they ran":           func(giveBack func(), _ async.Calls[int]) { giveBack() },
		"they were canceled": func(giveBack func(), cs async.Calls[int]) { cs.Cancel(nil); giveBack() },
	} {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
				parent, cancel := context.WithCancel(bg)
				defer cancel()
				ctx := counting(parent)
				for range 3 {
					giveBack := occupy(s)
					cs := async.GoEach(ctx, make([]int, 100), func(context.Context, int) (int, error) { return 1, nil }, s)
					wantEq(t, "registered", ctx.live.Load(), int64(1))
					over(giveBack, cs)
					_, _ = cs.Settle(bg)
					synctest.Wait()
					wantEq(t, "left behind", ctx.live.Load(), int64(0))
				}
				wantEq(t, "registered in all", ctx.total.Load(), int64(3))
			})
		})
	}
}

// A call that is canceled while the observer is told of its Begin leaves no trace
// in the queue, nor in a group.
func TestC1_CanceledWhileItIsBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c *async.Call[int]
		var g errgroup.Group
		s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: 1, Observer: async.Observer{Begun: func(async.CallInfo) {
			if c != nil {
				_ = c.Cancel(errBoom)
			}
		}}})
		giveBack := occupy(s)
		for _, opts := range [][]async.Option{{s}, {s, async.InGroup(&g)}} {
			for range 5 {
				c = new(async.Call[int])
				wantEq(t, "Begin", c.Begin(bg, func(context.Context) (int, error) { t.Error("it ran"); return 1, nil }, opts...), nil)
				_, err := c.Finish()
				wantIs(t, err, async.ErrCanceled, errBoom)
			}
		}
		wantIs(t, g.Wait(), async.ErrCanceled, errBoom)
		c = nil
		giveBack()
		synctest.Wait()
		wantSlots(t, s, 1)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "Canceled", s.Stats().Canceled, int64(10))
	})
}

// Calls of which the observer is still being told have their places.
func TestC1_TheQueueCountsWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: 2, Observer: async.Observer{Begun: func(async.CallInfo) { time.Sleep(time.Second) }}})
		var refused atomic.Int64
		begin := func() {
			c := async.Go(bg, deaf(time.Minute), s)
			if _, err := c.Await(bg); err == async.ErrQueueFull {
				refused.Add(1)
			}
		}
		together(begin, begin, begin, begin, begin)
		wantEq(t, "refused", refused.Load(), int64(2))
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "begun", s.Stats().Begun, int64(3))
	})
}

// The same where the slot comes from a function that waits.
func TestC1_NothingStaysInAContextAfterALoan(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		parent, cancel := context.WithCancel(bg)
		defer cancel()
		ctx := counting(parent)
		p, c := async.NewPromise[int](bg)
		f := async.Go(bg, func(ctx context.Context) (int, error) { time.Sleep(time.Second); return c.Await(ctx) }, s)
		synctest.Wait()
		_, err := async.Go(ctx, func(context.Context) (int, error) {
			wantEq(t, "registered when it runs", ctx.live.Load(), int64(0))
			return 1, nil
		}, s).Await(bg)
		wantEq(t, "error", err, nil)
		wantEq(t, "registered in all", ctx.total.Load(), int64(1))
		p.Complete(1, nil)
		_ = f.Wait(bg)
	})
}

// Of calls that wait with one context some leave; those that stay are canceled when
// it ends, all the same.
func TestC1_OthersHaveLeftTheQueue(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		for stay := range 3 {
			giveBack := occupy(s)
			ctx, cancel := context.WithCancelCause(bg)
			cs := async.GoEach(ctx, make([]int, 3), func(context.Context, int) (int, error) { return 1, nil }, s)
			for i, c := range cs {
				if i != stay {
					_ = c.Cancel(nil)
				}
			}
			cancel(errBoom)
			synctest.Wait()
			_, err := cs[stay].Finish()
			wantIs(t, err, async.ErrCanceled, errBoom)
			giveBack()
			synctest.Wait()
		}
	})
}

// A hookedCtx is a countingCtx that calls a function when it is asked for Done, or
// before something is registered at it.
type hookedCtx struct {
	countingCtx
	done, register func()
}

func (c hookedCtx) Done() <-chan struct{} { c.done(); return c.countingCtx.Done() }

func (c hookedCtx) AfterFunc(f func()) func() bool { c.register(); return c.countingCtx.AfterFunc(f) }

// A call has had its turn before or while its context is registered at: nothing
// stays there.
func TestC1_NothingIsRegisteredForACallThatRan(t *testing.T) {
	for _, late := range []bool{false, true} {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		parent, cancel := context.WithCancel(bg)
		giveBack := sync.OnceFunc(occupy(s))
		run := func() {
			giveBack()
			eventually(t, func() bool { return s.Stats().Running == 0 })
		}
		ctx := hookedCtx{counting(parent), run, func() {}}
		if late {
			ctx.done, ctx.register = ctx.register, run
		}
		_, err := async.Go(ctx, value(1, nil), s).Await(bg)
		wantEq(t, "error", err, nil)
		wantEq(t, "registered", ctx.live.Load(), int64(0))
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		cancel()
	}
}

// A context ends, and while the calls that waited with it are canceled, one more
// comes to wait: it is canceled, too.
func TestC1_OneMoreWhileTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		giveBack := occupy(s)
		ctx, cancel := context.WithCancelCause(bg)
		hold, ending := make(chan struct{}), make(chan struct{}, 2)
		for range 2 {
			async.Go(ctx, value(1, nil), s, async.OnSignal(func() { ending <- struct{}{}; <-hold }))
		}
		c := async.Go(hookContext{ctx, sync.OnceFunc(func() { cancel(errBoom); <-ending })}, value(1, nil), s)
		synctest.Wait()
		_, err := c.Finish()
		wantIs(t, err, async.ErrCanceled, errBoom)
		close(hold)
		giveBack()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "Canceled", s.Stats().Canceled, int64(3))
	})
}
