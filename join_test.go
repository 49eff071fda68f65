package async_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

func TestH1_AHandleIsACallOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g intGroup
		w := newWork()
		a, b := g.Join(bg, "a", w.listens), g.Join(bg, "a", w.listens)
		do := doing(bg, &g, "a", w.listens)
		clone, signal := a.Clone(), b.Signal()
		synctest.Wait()
		w.wantRuns(t, 1)
		_, err := a.Finish()
		wantEq(t, "Finish before the end", err, async.ErrCallPending)
		wantEq(t, "WaitFor", errors.Is(a.WaitFor(time.Second), async.ErrTimeout), true)
		wantEq(t, "Begin", a.Begin(bg, block), async.ErrCallPending)
		done := a.Done()
		w.end <- 3
		<-done
		i, err := async.WaitAny(bg, new(async.Event), b)
		wantEq(t, "index", i, 1)
		wantEq(t, "error", err, nil)
		(<-do).want(t, "Do", 3, true)
		for name, c := range map[string]*async.Call[int]{"a": a, "b": b, "clone": clone} {
			v, err := c.Finish()
			wantEq(t, name+"'s value", v, 3)
			wantEq(t, name+"'s error", err, nil)
			_, err = c.Finish()
			wantEq(t, name+" again", err, async.ErrCallComplete)
		}
		wantEq(t, "the signal", signal.IsSet(), true)
		signal.Release()
		// The object can be begun again, with a call that is nobody else's.
		wantEq(t, "Begin", a.Begin(bg, value(4, errBoom)), nil)
		v, err := a.Await(bg)
		wantEq(t, "value", v, 4)
		wantEq(t, "error", err, errBoom)
		a.Release()
		b.Release()
		clone.Release()
	})
}

func TestH1_AHandleLeavesAlone(t *testing.T) {
	for name, leave := range map[string]func(c *async.Call[int]){
		"Release": func(c *async.Call[int]) { c.Release() },
		"Cancel":  func(c *async.Call[int]) { _ = c.Cancel(errBoom) },
		"CancelWait": func(c *async.Call[int]) {
			ctx, cancel := context.WithTimeout(bg, time.Second)
			defer cancel()
			_ = c.CancelWait(ctx, errBoom)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g intGroup
				w := newWork()
				a, b := g.Join(bg, "a", w.listens), g.Join(bg, "a", w.listens)
				do := doing(bg, &g, "a", w.listens)
				synctest.Wait()
				leave(a)
				synctest.Wait()
				run := w.context()
				wantEq(t, "the run's error", run.Err(), nil)
				wantEq(t, "the other's", b.IsDone(), false)
				leave(b)
				synctest.Wait()
				wantEq(t, "the run's error", run.Err(), nil)
				c := g.Join(bg, "a", w.listens)
				w.end <- 1
				(<-do).want(t, "Do", 1, true)
				v, err := c.Await(bg)
				wantEq(t, "value", v, 1)
				wantEq(t, "error", err, nil)
				w.wantRuns(t, 1)
				c.Release()

				last := g.Join(bg, "a", w.listens)
				synctest.Wait()
				leave(last)
				synctest.Wait()
				wantIs(t, context.Cause(w.context()), async.ErrAbandoned)
				(func() groupResult { r := <-doing(bg, &g, "a", value(7, nil)); return r })().want(t, "newcomer", 7, false)
			})
		})
	}
}

func TestH1_ACanceledHandle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g intGroup
		w := newWork()
		a, b := g.Join(bg, "a", w.listens), g.Join(bg, "a", w.listens)
		synctest.Wait()
		wantEq(t, "Cancel", a.Cancel(errBoom), nil)
		wantEq(t, "Cancel again", a.Cancel(errBoom), async.ErrCanceled)
		_, err := a.Finish()
		wantIs(t, err, async.ErrCanceled, errBoom)
		if errors.Is(err, async.ErrAbandoned) {
			t.Error(err)
		}
		w.end <- 1
		synctest.Wait()
		wantEq(t, "Cancel when it is complete", b.Cancel(nil), async.ErrCallComplete)
		v, err := b.Finish()
		wantEq(t, "value", v, 1)
		wantEq(t, "error", err, nil)
	})
}

// A handle is on the run for as long as anything refers to its call.
func TestH1_ClonesAndWaitsKeepAHandle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g intGroup
		w := newWork()
		c := g.Join(bg, "a", w.listens)
		clone, signal := c.Clone(), c.Signal()
		ctx, cancel := context.WithCancel(bg)
		awaited := make(chan error)
		go func() { _, err := c.Await(ctx); awaited <- err }()
		synctest.Wait()
		run := w.context()
		for _, release := range []func(){c.Release, clone.Release, signal.Release} {
			release()
			synctest.Wait()
			wantEq(t, "the run's error", run.Err(), nil)
		}
		cancel()
		wantIs(t, <-awaited, async.ErrCallPending, context.Canceled)
		synctest.Wait()
		wantIs(t, context.Cause(run), async.ErrAbandoned)
	})
}

func TestH1_JoinsContextGivesValuesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g intGroup
		over, cancel := context.WithCancel(context.WithValue(bg, valueKey{}, 5))
		cancel()
		c := g.Join(over, "a", func(ctx context.Context) (int, error) {
			time.Sleep(time.Second)
			return ctx.Value(valueKey{}).(int), ctx.Err()
		})
		v, err := c.Await(bg)
		wantEq(t, "value", v, 5)
		wantEq(t, "error", err, nil)
		c.Release()
	})
}

// Who releases a panic that somebody else was given hears nothing of it; the last
// one does where nobody was.
func TestH1_AnUnreadPanic(t *testing.T) {
	joins := func(g *intGroup) (a, b *async.Call[int]) {
		let := make(chan struct{})
		fn := func(context.Context) (int, error) { <-let; panic("boom") }
		a, b = g.Join(bg, "a", fn), g.Join(bg, "a", fn)
		close(let)
		_ = a.Wait(bg)
		_ = b.Wait(bg)
		return a, b
	}
	var g intGroup
	a, b := joins(&g)
	if _, ok := recovered(func() { _, _ = a.Finish() }).(*async.PanicError); !ok {
		t.Error("Finish did not panic")
	}
	wantEq(t, "the other's Release", recovered(b.Release), nil)
	a, b = joins(&g)
	wantEq(t, "the first Release", recovered(a.Release), nil)
	if _, ok := recovered(b.Release).(*async.PanicError); !ok {
		t.Error("the last Release did not panic")
	}
}

// Each constellation of a result and those who take it or not.
func TestH1_DiscardExactlyOnce(t *testing.T) {
	for name, test := range map[string]struct {
		discarded int32
		do        func(g *intGroup, w *work, over func())
	}{
		"taken by Do": {0, func(g *intGroup, w *work, over func()) {
			ch := doing(bg, g, "a", w.ignores)
			over()
			<-ch
		}},
		"finished": {0, func(g *intGroup, w *work, over func()) {
			c := g.Join(bg, "a", w.ignores)
			over()
			_, _ = c.Finish()
			c.Release()
		}},
		"awaited": {0, func(g *intGroup, w *work, over func()) {
			c := g.Join(bg, "a", w.ignores)
			over()
			_, _ = c.Await(bg)
			c.Release()
		}},
		"released after completion": {1, func(g *intGroup, w *work, over func()) {
			c := g.Join(bg, "a", w.ignores)
			over()
			c.Release()
		}},
		"only waited for": {1, func(g *intGroup, w *work, over func()) {
			c := g.Join(bg, "a", w.ignores)
			over()
			_ = c.Wait(bg)
			c.Release()
		}},
		"released before completion": {1, func(g *intGroup, w *work, over func()) {
			c := g.Join(bg, "a", w.ignores)
			synctest.Wait()
			c.Release()
			over()
		}},
		"canceled": {1, func(g *intGroup, w *work, over func()) {
			c := g.Join(bg, "a", w.ignores)
			synctest.Wait()
			_ = c.Cancel(nil)
			over()
			_, _ = c.Finish()
			c.Release()
		}},
		"one of two takes it": {0, func(g *intGroup, w *work, over func()) {
			c, d := g.Join(bg, "a", w.ignores), g.Join(bg, "a", w.ignores)
			over()
			_, _ = c.Finish()
			d.Release()
		}},
		"the last of two takes it": {0, func(g *intGroup, w *work, over func()) {
			c, d := g.Join(bg, "a", w.ignores), g.Join(bg, "a", w.ignores)
			over()
			c.Release()
			_, _ = d.Await(bg)
			d.Release()
		}},
		"neither of two": {1, func(g *intGroup, w *work, over func()) {
			c, d := g.Join(bg, "a", w.ignores), g.Join(bg, "a", w.ignores)
			over()
			c.Release()
			d.Release()
		}},
		"one canceled, one released": {1, func(g *intGroup, w *work, over func()) {
			c, d := g.Join(bg, "a", w.ignores), g.Join(bg, "a", w.ignores)
			_ = c.Cancel(nil)
			over()
			_, _ = c.Finish()
			d.Release()
		}},
		"a clone takes it": {0, func(g *intGroup, w *work, over func()) {
			c := g.Join(bg, "a", w.ignores)
			d := c.Clone()
			over()
			c.Release()
			_, _ = d.Finish()
		}},
		"a handle and a Do": {0, func(g *intGroup, w *work, over func()) {
			c := g.Join(bg, "a", w.ignores)
			ch := doing(bg, g, "a", w.ignores)
			over()
			<-ch
			c.Release()
		}},
		"a Do that left and a handle that does not take it": {1, func(g *intGroup, w *work, over func()) {
			ctx, cancel := context.WithCancel(bg)
			c, ch := g.Join(bg, "a", w.ignores), doing(ctx, g, "a", w.ignores)
			synctest.Wait()
			cancel()
			<-ch
			over()
			c.Release()
		}},
		"of Dos that left": {1, func(g *intGroup, w *work, over func()) {
			ctx, cancel := context.WithCancel(bg)
			ch, dh := doing(ctx, g, "a", w.ignores), doing(ctx, g, "a", w.ignores)
			synctest.Wait()
			cancel()
			<-ch
			<-dh
			over()
		}},
		"forgotten, and not taken": {1, func(g *intGroup, w *work, over func()) {
			c := g.Join(bg, "a", w.ignores)
			g.Forget("a")
			over()
			c.Release()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b bin
				g := intGroup{Options: []async.Option{b.option()}}
				w := newWork()
				test.do(&g, w, func() {
					synctest.Wait()
					b.want(t, "before the end", 0)
					w.end <- 1
					synctest.Wait()
				})
				synctest.Wait()
				b.want(t, "in the end", test.discarded)
				w.wantRuns(t, 1)
			})
		})
	}
}

// The end of a run and that of its handles, at the same time: the value is taken
// or discarded, never both, never neither.
func TestH1_Race_HandlesAgainstCompletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		discarded, takenN := int32(0), 0
		g := intGroup{Options: []async.Option{b.option()}}
		for i := range rounds(20_000) {
			var ready, let atomic.Bool
			entered := make(chan struct{})
			fn := func(context.Context) (int, error) {
				<-entered
				ready.Store(true)
				spinOn(&let)
				spin(i % 128)
				return 1, nil
			}
			c, d := g.Join(bg, "a", fn), g.Join(bg, "a", fn)
			synctest.Wait()
			close(entered)
			taken := false
			together(
				func() {
					spinOn(&ready)
					let.Store(true)
					if i/16%2 == 0 {
						c.Release()
					} else {
						_ = c.Cancel(nil)
					}
				},
				func() {
					for range i / 32 % 16 {
						runtime.Gosched()
					}
					switch i / 512 % 3 {
					case 0:
						d.Release()
					case 1:
						_ = d.Cancel(nil)
					case 2:
						v, err := d.Finish()
						taken = err == nil
						if taken != (v == 1) {
							t.Error(v, err)
						}
					}
				})
			c.Release()
			d.Release()
			synctest.Wait()
			if taken {
				takenN++
			} else {
				discarded++
			}
			if b.count.Load() != discarded {
				t.Fatalf("round %d: %d discarded, want %d", i, b.count.Load(), discarded)
			}
		}
		t.Logf("%d taken, %d discarded", takenN, discarded)
	})
}

func TestH1_RunsInAScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: 1, Track: true, Observer: async.Observer{Begun: func(async.CallInfo) {}}})
		g := intGroup{Options: []async.Option{s, async.Name("cache")}}
		w := newWork()
		running, queued := g.Join(bg, "a", w.listens), g.Join(bg, "b", w.listens)
		synctest.Wait()
		w.wantRuns(t, 1)
		names := 0
		for i := range s.InFlight() {
			wantEq(t, "name", i.Name, "cache")
			wantEq(t, "handles", i.Handles, 1)
			wantEq(t, "waiters", i.Waiters, 0)
			names++
		}
		wantEq(t, "runs in flight", names, 2)
		wantEq(t, "a handle", fmt.Sprint(running), `call "cache"`)
		_, err, shared := g.Do(bg, "c", w.listens)
		wantEq(t, "over the limit", err, async.ErrQueueFull)
		wantEq(t, "shared", shared, false)
		refused := g.Join(bg, "c", w.listens)
		_, err = refused.Finish()
		wantEq(t, "a handle over the limit", err, async.ErrQueueFull)
		second := g.Join(bg, "b", w.listens) // joining takes no place
		queued.Release()
		second.Release()
		third := g.Join(bg, "d", w.listens) // nor does what was abandoned
		canceled := g.Join(bg, "d", w.listens)
		_ = canceled.Cancel(nil)
		wantEq(t, "done", third.IsDone(), false)
		fourth := g.Join(bg, "d", w.listens)
		w.end <- 1
		synctest.Wait()
		w.end <- 2
		synctest.Wait()
		unreleased := 0
		for h := range s.Unreleased() {
			wantContains(t, h.Stack, "join_test.go")
			wantEq(t, "untaken", h.Untaken, true)
			unreleased++
		}
		wantEq(t, "handles unreleased", unreleased, 3)
		running.Release()
		v, err := third.Finish()
		wantEq(t, "value", v, 2)
		wantEq(t, "error", err, nil)
		for range s.Unreleased() {
			unreleased--
		}
		wantEq(t, "handles released", unreleased, 2)
		fourth.Release()
		for h := range s.Unreleased() {
			t.Errorf("unreleased: %+v", h)
		}
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		_, err, _ = g.Do(bg, "a", w.listens)
		wantEq(t, "closed", err, async.ErrScopeClosed)
		st := s.Stats()
		wantEq(t, "begun", st.Begun, int64(3))
		wantEq(t, "taken", st.Taken, int64(1))
		wantEq(t, "discarded", st.Discarded, int64(1))
		wantEq(t, "canceled", st.Canceled, int64(1))
		wantEq(t, "untaken", st.Untaken, int64(0))
	})
}

// Runs that never ran, as a scope canceled them in its queue, leave nothing either.
func TestH1_WhatAScopeCancelsLeavesNothing(t *testing.T) {
	var g async.Group[string, int]
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	g.Options = []async.Option{s}
	wantFlat(t, "keys", func() {
		ctx, cancel := context.WithCancel(bg)
		defer cancel()
		big := func(i int) string { return strings.Repeat(string(rune('a'+i)), 1<<20) }
		first := g.Join(bg, "", block)
		var all []<-chan groupResult
		var calls async.Calls[int]
		for i := range 4 {
			all = append(all, doing(ctx, &g, big(i), block))
			calls = append(calls, g.Join(bg, big(9+i), block))
		}
		eventually(t, func() bool { return s.Stats().Queued == 8 })
		over, end := context.WithCancel(bg)
		end()
		wantIs(t, s.Shutdown(over), context.Canceled)
		for _, ch := range all {
			wantIs(t, (<-ch).err, async.ErrCanceled, async.ErrScopeClosed)
		}
		calls.Release()
		first.Release()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
	runtime.KeepAlive(&g)
}

// A waiter has its slot again before he goes on, past the end of his own context,
// and then tells what is true by then (R6).
func TestH1_AWaiterComesBackToHisSlot(t *testing.T) {
	for name, completes := range map[string]bool{"the run goes on": false, "the run completes meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := async.NewScope(async.ScopeOptions{Limit: 1})
				var g intGroup
				w := newWork()
				stays := g.Join(bg, "a", w.listens)
				start := time.Now()
				ctx, cancel := context.WithTimeout(bg, time.Second)
				defer cancel()
				var took time.Duration
				first := async.Go(bg, func(own context.Context) (int, error) {
					ctx, cancel := context.WithTimeout(own, time.Second)
					defer cancel()
					v, err, _ := g.Do(ctx, "a", w.listens)
					took = time.Since(start)
					return v, err
				}, s)
				second := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Minute); return 0, nil }, s)
				<-ctx.Done()
				synctest.Wait()
				if completes {
					w.end <- 1
				}
				v, err := first.Await(bg)
				wantEq(t, "how long it took", took, time.Minute)
				if completes {
					wantEq(t, "value", v, 1)
					wantEq(t, "error", err, nil)
				} else {
					wantIs(t, err, async.ErrCallPending, context.DeadlineExceeded)
				}
				_, _ = second.Await(bg)
				stays.Release()
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			})
		})
	}
}

// Functions of a scope under a limit of one share runs in the same scope (C2).
func TestH1_AWaiterLendsItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		g := async.Group[int, int]{Options: []async.Option{s}}
		var deep func(level int) func(context.Context) (int, error)
		deep = func(level int) func(context.Context) (int, error) {
			return func(ctx context.Context) (int, error) {
				if level == 0 {
					return 1, nil
				}
				v, err, _ := g.Do(ctx, level, deep(level-1))
				return v + 1, err
			}
		}
		var calls async.Calls[int]
		for range 3 {
			calls = append(calls, async.Go(bg, deep(10), s))
		}
		vs, err := calls.All(bg)
		wantEq(t, "error", err, nil)
		for _, v := range vs {
			wantEq(t, "value", v, 11)
		}
		// One that gives up has its slot again.
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		stays := g.Join(bg, -1, block)
		c := async.Go(ctx, func(ctx context.Context) (int, error) {
			_, err, _ := g.Do(ctx, -1, block)
			return int(s.Stats().Running), err
		}, s)
		_, err = c.Await(bg)
		wantIs(t, err, context.DeadlineExceeded)
		stays.Release()
		calls.Release()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// A scope that is given up cancels the runs; nobody who comes then is told of it.
func TestH1_AScopeCancelsARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		g := intGroup{Options: []async.Option{s}}
		w := newWork()
		ctx, stop := context.WithCancel(bg)
		defer stop()
		a, b := doing(ctx, &g, "a", w.ignores), doing(bg, &g, "queued", w.ignores)
		synctest.Wait()
		c := g.Join(bg, "a", w.ignores)
		over, cancel := context.WithCancel(bg)
		cancel()
		wantIs(t, s.Shutdown(over), context.Canceled)
		wantIs(t, (<-a).err, async.ErrCanceled, async.ErrScopeClosed)
		wantIs(t, (<-b).err, async.ErrCanceled, async.ErrScopeClosed)
		_, err := c.Finish()
		wantIs(t, err, async.ErrCanceled)
		_, err, _ = g.Do(bg, "a", w.ignores)
		wantEq(t, "who comes then", err, async.ErrScopeClosed)
		w.end <- 1
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		_, err, _ = g.Do(bg, "a", w.ignores)
		wantEq(t, "who comes later", err, async.ErrScopeClosed)
	})
}

func TestH1_OtherOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var eg errgroup.Group
		eg.SetLimit(1)
		signals := 0
		g := intGroup{Options: []async.Option{async.InGroup(&eg), async.OnSignal(func() { signals++ })}}
		w := newWork()
		a, b := doing(bg, &g, "a", w.listens), g.Join(bg, "a", w.listens)
		synctest.Wait()
		_, err, _ := g.Do(bg, "b", w.listens)
		wantEq(t, "over the limit", err, async.ErrQueueFull)
		w.end <- 1
		(<-a).want(t, "Do", 1, true)
		b.Release()
		wantEq(t, "the errgroup", eg.Wait(), nil)
		wantEq(t, "signals", signals, 2)
	})
}

// A result that goes on using its run's context: by Do until the caller's context
// ends, by Join until the handle is released.
func TestH1_Streaming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bin bin
		g := intGroup{Options: []async.Option{async.Streaming(), bin.option()}}
		w := newWork()
		ctx, cancel := context.WithCancel(bg)
		a, c := doing(ctx, &g, "a", w.listens), g.Join(bg, "a", w.listens)
		synctest.Wait()
		w.end <- 1
		(<-a).want(t, "Do", 1, true)
		v, err := c.Finish()
		wantEq(t, "value", v, 1)
		wantEq(t, "error", err, nil)
		run := w.context()
		synctest.Wait()
		wantEq(t, "after Finish", run.Err(), nil)
		c.Release()
		synctest.Wait()
		wantEq(t, "after Release", run.Err(), nil)
		cancel()
		synctest.Wait()
		wantEq(t, "in the end", run.Err(), context.Canceled)

		d := g.Join(bg, "a", w.listens)
		synctest.Wait()
		w.end <- 3
		synctest.Wait()
		_, _ = d.Finish()
		synctest.Wait()
		wantEq(t, "a handle alone, after Finish", w.context().Err(), nil)
		d.Release()
		synctest.Wait()
		wantEq(t, "after Release", w.context().Err(), context.Canceled)

		ctx, cancel = context.WithCancel(bg)
		e := doing(ctx, &g, "a", w.listens)
		synctest.Wait()
		w.end <- 4
		(<-e).want(t, "Do", 4, false)
		cancel()
		synctest.Wait()
		wantEq(t, "a Do alone, in the end", w.context().Err(), context.Canceled)

		b := doing(bg, &g, "a", w.listens) // for good
		synctest.Wait()
		w.end <- 2
		(<-b).want(t, "Do", 2, false)
		wantEq(t, "without an end", w.context().Err(), nil)
		synctest.Wait()
		bin.want(t, "though all were taken", 0)
	})
}

// The end of a run wakes whoever waits at a handle, by whatever means.
func TestH1_AHandleInEveryWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g intGroup
		w := newWork()
		var wg sync.WaitGroup
		var calls async.Calls[int]
		for range 4 {
			calls = append(calls, g.Join(bg, "a", w.listens))
		}
		var set async.Set[int]
		for i, c := range calls {
			set.Add(i, c)
		}
		wg.Go(func() { <-calls[0].Done() })
		wg.Go(func() { _ = async.WaitAll(bg, calls[0], calls[1]) })
		wg.Go(func() { _, _, _ = calls.Race(bg) })
		wg.Go(func() {
			for range set.All(bg) {
			}
		})
		wg.Add(1)
		async.AfterFunc(calls[3], wg.Done)
		synctest.Wait()
		w.end <- 1
		wg.Wait()
		vs, err := calls.All(bg)
		wantEq(t, "values", len(vs), 4)
		wantEq(t, "error", err, nil)
		calls.Release()
	})
}
