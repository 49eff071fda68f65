package async_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// Scopes: the limit, the queue and the slots, panics, and how a scope shuts down.

// A gauge knows how many are inside at once, and how many have been at most.
type gauge struct{ now, most, total atomic.Int64 }

func (g *gauge) enter() {
	g.total.Add(1)
	for n := g.now.Add(1); ; {
		most := g.most.Load()
		if n <= most || g.most.CompareAndSwap(most, n) {
			return
		}
	}
}

func (g *gauge) leave() { g.now.Add(-1) }

// outside runs f outside of the gauge.
func (g *gauge) outside(f func()) {
	g.leave()
	defer g.enter()
	f()
}

// work is a function that is inside for a few turns of the scheduler.
func (g *gauge) work(context.Context) (int, error) {
	g.enter()
	defer g.leave()
	for range 3 {
		runtime.Gosched()
	}
	return 1, nil
}

// eachScope runs a test with a scope as o says, and again where an observer is
// told everything and where everything is tracked: calls take other ways there.
func eachScope(t *testing.T, o async.ScopeOptions, test func(t *testing.T, s *async.Scope)) {
	observed, tracked := o, o
	nothing := func(async.CallInfo) {}
	observed.Observer = async.Observers(o.Observer,
		async.Observer{Begun: nothing, Started: nothing, Completed: nothing, Abandoned: nothing, Discarded: nothing})
	tracked.Track = true
	for name, o := range map[string]async.ScopeOptions{"plain": o, "observed": observed, "tracked": tracked} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				defer time.Sleep(100 * time.Hour) // what a failed test has left ends
				test(t, async.NewScope(o))
			})
		})
	}
}

// occupy takes a slot until it is given back.
func occupy(s *async.Scope) (giveBack func()) {
	hold, running := make(chan struct{}), make(chan struct{})
	async.Go(bg, func(context.Context) (int, error) { close(running); <-hold; return 0, nil }, s).Release()
	<-running
	return func() { close(hold) }
}

// wantSlots checks that n functions run at once in an idle scope, and no more.
func wantSlots(t *testing.T, s *async.Scope, n int) {
	t.Helper()
	var running sync.WaitGroup
	running.Add(n)
	hold := make(chan struct{})
	cs := async.GoEach(bg, make([]int, n), func(context.Context, int) (int, error) {
		running.Done()
		<-hold
		return 0, nil
	}, s)
	running.Wait()
	more := async.Go(bg, value(1, nil), s)
	wantEq(t, "waiting for a slot", s.Stats().Queued, int64(1))
	close(hold)
	_, err := append(cs, more).All(bg)
	wantEq(t, "error", err, nil)
	cs.Release()
	more.Release()
}

// scopeWaits are the ways for a function with ctx to wait for a call of one input, to
// which c is a handle. Each reports whether it came to its end.
var scopeWaits = map[string]func(ctx context.Context, c *async.Call[int]) bool{
	"Await":       func(ctx context.Context, c *async.Call[int]) bool { _, err := c.Await(ctx); return err == nil },
	"Wait":        func(ctx context.Context, c *async.Call[int]) bool { return c.Wait(ctx) == nil },
	"Signal.Wait": func(ctx context.Context, c *async.Call[int]) bool { return c.Signal().Wait(ctx) == nil },
	"Event.Wait": func(ctx context.Context, c *async.Call[int]) bool {
		var e async.Event
		async.AfterFunc(c, func() { e.Set() })
		return e.Wait(ctx) == nil
	},
	"WaitAny": func(ctx context.Context, c *async.Call[int]) bool {
		i, _ := async.WaitAny(ctx, new(async.Event), c)
		return i == 1
	},
	"WaitAny of all kinds": func(ctx context.Context, c *async.Call[int]) bool {
		never, cancel := context.WithCancel(bg)
		defer cancel()
		i, _ := async.WaitAny(ctx, new(async.Event), async.Chan(make(chan struct{})), never, async.Chan(c.Done()))
		return i == 3
	},
	"WaitAny of a context": func(ctx context.Context, c *async.Call[int]) bool {
		over, cancel := context.WithCancel(bg)
		async.AfterFunc(c, cancel)
		i, _ := async.WaitAny(ctx, over)
		return i == 0
	},
	"WaitAll": func(ctx context.Context, c *async.Call[int]) bool { return async.WaitAll(ctx, c, c) == nil },
	"WaitAll of a context": func(ctx context.Context, c *async.Call[int]) bool {
		over, cancel := context.WithCancel(bg)
		async.AfterFunc(c, cancel)
		return async.WaitAll(ctx, over) == nil
	},
	"WaitAll of all kinds": func(ctx context.Context, c *async.Call[int]) bool {
		over, cancel := context.WithCancel(bg)
		async.AfterFunc(c, cancel)
		return async.WaitAll(ctx, c, async.Chan(c.Done()), over, async.Chan(c.Done())) == nil
	},
	"Set.Next": func(ctx context.Context, c *async.Call[int]) bool {
		var s async.Set[int]
		s.Add(1, c)
		_, err := s.Next(ctx)
		return err == nil
	},
	"Set.Next of a channel": func(ctx context.Context, c *async.Call[int]) bool {
		var s async.Set[int]
		s.Add(1, async.Chan(c.Done()))
		_, err := s.Next(ctx)
		return err == nil
	},
	"Set.All": func(ctx context.Context, c *async.Call[int]) bool {
		var s async.Set[int]
		s.Add(1, c)
		n := 0
		for range s.All(ctx) {
			n++
		}
		return n == 1
	},
	"Race": func(ctx context.Context, c *async.Call[int]) bool {
		i, _, _ := async.Calls[int]{c}.Race(ctx)
		return i == 0
	},
	"Any": func(ctx context.Context, c *async.Call[int]) bool {
		i, _, _ := async.Calls[int]{c}.Any(ctx)
		return i == 0
	},
	"All": func(ctx context.Context, c *async.Call[int]) bool {
		vs, _ := async.Calls[int]{c, c}.All(ctx)
		return len(vs) == 2
	},
	"Settle": func(ctx context.Context, c *async.Call[int]) bool {
		_, err := async.Calls[int]{c, c}.Settle(ctx)
		return err == nil
	},
	"Quorum": func(ctx context.Context, c *async.Call[int]) bool {
		_, vs, _ := async.Calls[int]{c, c}.Quorum(ctx, 2)
		return len(vs) == 2
	},
	"Each": func(ctx context.Context, c *async.Call[int]) bool {
		n := 0
		for range (async.Calls[int]{c, c}).Each(ctx) {
			n++
		}
		return n == 2
	},
	"Await with a timeout": func(ctx context.Context, c *async.Call[int]) bool {
		ctx, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		_, err := c.Await(ctx)
		return err == nil
	},
	"Wait with a value": func(ctx context.Context, c *async.Call[int]) bool {
		return c.Wait(context.WithValue(ctx, key{}, 1)) == nil
	},
	"Wait without cancel": func(ctx context.Context, c *async.Call[int]) bool { return c.Wait(context.WithoutCancel(ctx)) == nil },
	"Await without cancel": func(ctx context.Context, c *async.Call[int]) bool {
		_, err := c.Await(context.WithoutCancel(ctx))
		return err == nil
	},
	"in an errgroup": func(ctx context.Context, c *async.Call[int]) bool {
		g, ctx := errgroup.WithContext(ctx)
		for range 3 {
			g.Go(func() error { return c.Wait(ctx) })
		}
		return g.Wait() == nil
	},
	"by a stranger": func(ctx context.Context, c *async.Call[int]) bool { return c.Wait(newStranger(ctx)) == nil },
}

// Ten levels of calls that wait for calls end under a limit of one, however they
// wait, and one of them runs at a time.
func TestC2_NestingUnderALimitOfOne(t *testing.T) {
	ways := map[string]func(ctx context.Context, s *async.Scope, inner func(context.Context) (int, error)) bool{
		"Hedge": func(ctx context.Context, s *async.Scope, inner func(context.Context) (int, error)) bool {
			_, err := async.Hedge(ctx, time.Hour, 2, anyAttempt(inner), s)
			return err == nil
		},
		"CancelWait": func(ctx context.Context, s *async.Scope, inner func(context.Context) (int, error)) bool {
			var started async.Event // a call that has not started is canceled at once (R11)
			c := async.Go(ctx, func(ctx context.Context) (int, error) {
				started.Set()
				return inner(context.WithoutCancel(ctx))
			}, s)
			defer c.Release()
			if started.Wait(ctx) != nil {
				return false
			}
			err := c.CancelWait(ctx, nil)
			return err == nil || err == async.ErrCallComplete
		},
	}
	for name, wait := range scopeWaits {
		ways[name] = func(ctx context.Context, s *async.Scope, inner func(context.Context) (int, error)) bool {
			c := async.Go(ctx, inner, s)
			defer c.Release()
			return wait(ctx, c)
		}
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
				var g gauge
				var nest func(ctx context.Context, depth int) (int, error)
				nest = func(ctx context.Context, depth int) (int, error) {
					g.enter()
					defer g.leave()
					if depth == 0 {
						return 0, nil
					}
					g.outside(func() {
						if !way(ctx, s, func(ctx context.Context) (int, error) { return nest(ctx, depth-1) }) {
							t.Error("the wait failed at depth", depth)
						}
					})
					return depth, nil
				}
				n, err := async.Go(bg, func(ctx context.Context) (int, error) { return nest(ctx, 10) }, s).Await(bg)
				wantEq(t, "depth", n, 10)
				wantEq(t, "error", err, nil)
				wantEq(t, "entered", g.total.Load(), int64(11+10)) // and again after each wait
				wantEq(t, "at once", g.most.Load(), int64(1))
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
				wantEq(t, "returned", s.Stats().Returned, int64(11))
			})
		})
	}
}

// Whatever waits for whatever, for as long as it likes: no more than the limit run
// at once, and every slot is there afterwards.
func TestC2_NeverMoreThanTheLimit(t *testing.T) {
	var kinds []func(ctx context.Context, c *async.Call[int]) bool
	for _, wait := range scopeWaits {
		kinds = append(kinds, wait)
	}
	for _, limit := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			s := async.NewScope(async.ScopeOptions{Limit: limit})
			var g gauge
			var nest func(ctx context.Context, depth int) (int, error)
			nest = func(ctx context.Context, depth int) (int, error) {
				g.enter()
				defer g.leave()
				for range rand.N(4) * min(depth, 1) {
					c := async.Go(ctx, func(ctx context.Context) (int, error) { return nest(ctx, depth-1) }, s)
					switch rand.N(4) {
					case 0:
						ctx, cancel := context.WithTimeout(ctx, rand.N(50*time.Microsecond))
						g.outside(func() { kinds[rand.N(len(kinds))](ctx, c) })
						cancel()
					case 1:
						_ = c.Cancel(nil)
					default:
						g.outside(func() { kinds[rand.N(len(kinds))](ctx, c) })
					}
					c.Release()
				}
				switch rand.N(10) {
				case 0:
					runtime.Goexit()
				case 1:
					runtime.Gosched()
				}
				return depth, nil
			}
			client := func() {
				for range rounds(150) {
					c := async.Go(bg, func(ctx context.Context) (int, error) { return nest(ctx, 4) }, s)
					_ = c.Wait(bg)
					c.Release()
				}
			}
			together(client, client, client, client)
			eventually(t, func() bool { st := s.Stats(); return st.Running == 0 && st.Pending == 0 })
			if most := g.most.Load(); most > int64(limit) {
				t.Errorf("%d at once under a limit of %d", most, limit)
			}
			wantSlots(t, s, limit)
			wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		})
	}
}

// A wait that was given up, too, returns when its function has a slot again, and
// then says what is true (R6).
func TestC2_AWaitReturnsWithASlot(t *testing.T) {
	for name, wait := range scopeWaits {
		if name == "by a stranger" {
			continue // does not end with the context inside
		}
		for _, completes := range []bool{true, false} {
			if name == "in an errgroup" && completes {
				continue // all but the last of its goroutines go on without a slot
			}
			t.Run(fmt.Sprintf("%s/completes %v", name, completes), func(t *testing.T) {
				eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
					p, c := async.NewPromise[int](bg, s)
					start := time.Now()
					f := async.Go(bg, func(ctx context.Context) (int, error) {
						ctx, cancel := context.WithTimeout(ctx, time.Second)
						defer cancel()
						ok := wait(ctx, c)
						if name != "Wait without cancel" && name != "Await without cancel" || completes {
							wantEq(t, "the wait", ok, completes)
							wantEq(t, "back after", time.Since(start), 3*time.Second)
						}
						return 1, nil
					}, s)
					synctest.Wait()
					other := async.Go(bg, func(context.Context) (int, error) {
						time.Sleep(2 * time.Second)
						if completes {
							p.Complete(1, nil)
						}
						time.Sleep(time.Second)
						return 1, nil
					}, s)
					_ = other.Wait(bg)
					synctest.Wait()
					p.Break()
					_ = f.Wait(bg)
					synctest.Wait()
					wantSlots(t, s, 1)
					wantEq(t, "Shutdown", s.Shutdown(bg), nil)
				})
			})
		}
	}
}

func TestC1_TheLimitHolds(t *testing.T) {
	const n = 60
	ways := map[string]func(s *async.Scope, g *gauge) error{
		"Go": func(s *async.Scope, g *gauge) error {
			var cs async.Calls[int]
			for range n {
				cs = append(cs, async.Go(bg, g.work, s))
			}
			_, err := cs.All(bg)
			return err
		},
		"Go with other options": func(s *async.Scope, g *gauge) error {
			var cs async.Calls[int]
			for range n {
				cs = append(cs, async.Go(bg, g.work, async.Name("n"), s, async.CancelOnAbandon()))
			}
			_, err := cs.All(bg)
			return err
		},
		"Begin on an object used again": func(s *async.Scope, g *gauge) error {
			var c async.Call[int]
			for range n {
				if err := c.Begin(bg, g.work, s); err != nil {
					return err
				}
				_ = c.Wait(bg)
				if _, err := c.Finish(); err != nil {
					return err
				}
			}
			return nil
		},
		"GoEach": func(s *async.Scope, g *gauge) error {
			_, err := async.GoEach(bg, make([]int, n), func(ctx context.Context, _ int) (int, error) { return g.work(ctx) }, s).All(bg)
			return err
		},
		"Hedge": func(s *async.Scope, g *gauge) error {
			for range n / 6 {
				if _, err := async.Hedge(bg, 0, 6, anyAttempt(g.work), s); err != nil {
					return err
				}
			}
			return nil
		},
		"InGroup": func(s *async.Scope, g *gauge) error {
			var eg errgroup.Group
			for range n {
				async.Go(bg, g.work, s, async.InGroup(&eg))
			}
			return eg.Wait()
		},
		"beside promises": func(s *async.Scope, g *gauge) error {
			for range n {
				p, c := async.NewPromise[int](bg, s)
				d := async.Go(bg, g.work, s)
				if _, err := d.Await(bg); err != nil {
					return err
				}
				p.Complete(1, nil)
				c.Release()
			}
			return nil
		},
	}
	for name, way := range ways {
		for _, limit := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d", name, limit), func(t *testing.T) {
				s := async.NewScope(async.ScopeOptions{Limit: limit})
				var g gauge
				run := func() {
					for range rounds(20) {
						if err := way(s, &g); err != nil {
							t.Error(err)
						}
					}
				}
				together(run, run, run, run)
				if most := g.most.Load(); most > int64(limit) {
					t.Errorf("%d at once under a limit of %d", most, limit)
				}
				wantSlots(t, s, limit)
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			})
		}
	}
}

func TestC1_NoLimit(t *testing.T) {
	for _, limit := range []int{0, -1} {
		synctest.Test(t, func(t *testing.T) {
			s := async.NewScope(async.ScopeOptions{Limit: limit, Queue: 1})
			cs := async.GoEach(bg, make([]int, 100), func(ctx context.Context, _ int) (int, error) { return block(ctx) }, s)
			synctest.Wait()
			wantEq(t, "running", s.Stats().Running, int64(100))
			cs.Cancel(nil)
			wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		})
	}
}

// The queue is in order of Begin, also where calls leave it in the middle and at
// its ends.
func TestC1_QueuedInOrder(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		giveBack := occupy(s)
		var order []int
		var cs []*async.Call[int]
		promise, _ := async.NewPromise[int](bg, s) // not in the queue, but in the list
		for i := range 12 {
			cs = append(cs, async.Go(bg, func(context.Context) (int, error) {
				order = append(order, i)
				time.Sleep(time.Second)
				return i, nil
			}, s))
			p, c := async.NewPromise[int](bg, s)
			defer func() { p.Break(); c.Release() }()
		}
		for _, i := range []int{0, 1, 4, 5, 11} {
			wantEq(t, "Cancel", cs[i].Cancel(nil), nil)
		}
		wantEq(t, "queued", s.Stats().Queued, int64(7))
		giveBack()
		_, _ = async.Calls[int](cs).Settle(bg)
		wantEq(t, "order", fmt.Sprint(order), "[2 3 6 7 8 9 10]")
		promise.Break()
	})
}

func TestC1_AFullQueue(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 2, Queue: 3}, func(t *testing.T, s *async.Scope) {
		var c async.Call[int]
		done := c.Done()
		begin := func(ctx context.Context) error { return c.Begin(ctx, value(1, nil), s) }
		wantFull := func(what string) {
			t.Helper()
			wantEq(t, what+": Begin", begin(bg), async.ErrQueueFull)
			before := s.Stats()
			before.Refused += 2
			d := async.Go(bg, value(1, nil), s, async.Name("refused"))
			wantEq(t, what+": complete", d.IsDone(), true)
			wantRefused(t, what+": in the scope", d.Info().Err, async.ErrQueueFull)
			info := d.Info()
			info.Err = nil
			wantEq(t, what+": not in the scope", info, async.CallInfo{Name: "refused", State: async.StateCompleted, Outcome: async.OutcomeFailed, Handles: 1})
			_, err := d.Finish()
			wantRefused(t, what+": Go", err, async.ErrQueueFull)
			es := async.GoEach(bg, []int{1}, func(context.Context, int) (int, error) { return 1, nil }, s)
			_, _, err = es.Race(bg)
			wantRefused(t, what+": GoEach", err, async.ErrQueueFull)
			wantEq(t, what+": the ledger", s.Stats(), before)
		}
		one, two := occupy(s), occupy(s)
		var cs []*async.Call[int]
		ctx, cancel := context.WithCancel(bg)
		defer cancel()
		queue := func(ctx context.Context, opts ...async.Option) *async.Call[int] {
			c := async.Go(ctx, value(1, nil), append(opts, s)...)
			wantEq(t, "refused", c.IsDone(), false)
			cs = append(cs, c)
			return c
		}
		queue(bg)
		first := queue(bg)
		queue(ctx)
		wantFull("three wait")
		wantEq(t, "the object is as it was", c.Done(), done)
		wantEq(t, "and was never begun", c.Info(), async.CallInfo{})
		p, d := async.NewPromise[int](bg, s)
		wantEq(t, "a promise needs no place", d.IsDone(), false)
		p.Break()
		over, end := context.WithCancelCause(bg)
		end(errBoom)
		_, err := async.Go(over, value(1, nil), s).Await(bg)
		wantIs(t, err, async.ErrCanceled, errBoom) // nor one that is over before it begins

		_ = first.Cancel(nil)
		queue(bg, async.CancelOnAbandon())
		wantFull("one was canceled, one came")
		cs[3].Release()
		queue(bg)
		wantFull("one was abandoned, one came")
		cancel()
		synctest.Wait()
		last := queue(bg)
		wantFull("the context of one ended, one came")
		wantEq(t, "CancelWait", last.CancelWait(bg, errBoom), nil) // at once (R11)
		wantEq(t, "in the queue", s.Stats().Queued, int64(2))
		wantEq(t, "Begin where there is room", begin(bg), nil)
		wantEq(t, "Begin of a busy object", begin(bg), async.ErrCallPending)
		_, err = async.Go(bg, value(1, nil), s).Await(bg)
		wantRefused(t, "the object took the place", err, async.ErrQueueFull)
		one()
		two()
		wantEq(t, "Wait", c.Wait(bg), nil)
		wantEq(t, "the channel from before", isClosed(done), true)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "canceled", s.Stats().Canceled, int64(5))
	})
}

func TestC1_TogetherWithAGroup(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1, Queue: 2}, func(t *testing.T, s *async.Scope) {
		var g errgroup.Group
		g.SetLimit(2)
		giveBack := occupy(s)
		first := async.Go(bg, value(1, nil), s, async.InGroup(&g))
		second := async.Go(bg, func(context.Context) (int, error) { t.Error("it ran"); return 1, nil }, s, async.InGroup(&g))
		_, err := async.Go(bg, value(1, nil), s, async.InGroup(&g)).Await(bg)
		wantRefused(t, "the group is full", err, async.ErrQueueFull)
		wantEq(t, "begun", s.Stats().Begun, int64(3))
		_ = second.Cancel(errBoom)
		synctest.Wait()
		third := async.Go(bg, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, s, async.InGroup(&g))
		wantEq(t, "place in the group", third.IsDone(), false)
		_, err = async.Go(bg, value(1, nil), s).Await(bg)
		wantRefused(t, "the queue is full", err, async.ErrQueueFull)
		giveBack()
		wantIs(t, g.Wait(), async.ErrCanceled, errBoom)
		wantEq(t, "first", first.IsDone(), true)
		_, err = third.Finish()
		wantEq(t, "third", err, async.ErrGoexit)
		s.Close()
		_, err = async.Go(bg, value(1, nil), s, async.InGroup(&g)).Await(bg)
		wantRefused(t, "refused by the scope", err, async.ErrScopeClosed)
		synctest.Wait()
		for range 2 {
			wantEq(t, "room in the group", g.TryGo(func() error { return nil }), true)
		}
		_ = g.Wait()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// A promise takes no slot, and none when its server waits with its context.
func TestC1_APromiseTakesNoSlot(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1, Queue: 1}, func(t *testing.T, s *async.Scope) {
		p, c := async.NewPromise[int](bg, s)
		var e async.Event
		time.AfterFunc(time.Second, func() { e.Set() })
		wantEq(t, "Wait", e.Wait(p.Context()), nil)
		giveBack := occupy(s)
		var f async.Event
		time.AfterFunc(time.Second, func() { f.Set() })
		wantEq(t, "Wait while the slot is taken", f.Wait(p.Context()), nil)
		next := async.Go(bg, value(1, nil), s)
		wantEq(t, "Wait lends nobody's slot", next.Wait(expired) != nil, true)
		giveBack()
		wantEq(t, "error", next.Wait(bg), nil)
		p.Complete(1, nil)
		c.Release()
		wantSlots(t, s, 1)
	})
}

// CancelWait has nobody to ask where the call is queued: it cancels the call at once (R11).
func TestC1_CancelWaitOfAQueuedCall(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		async.Go(bg, deaf(time.Second), s)
		c := async.Go(bg, func(context.Context) (int, error) { t.Error("it ran"); return 7, nil }, s)
		start := time.Now()
		wantEq(t, "CancelWait", c.CancelWait(bg, errBoom), nil)
		wantEq(t, "it took", time.Since(start), time.Duration(0))
		_, err := c.Finish()
		wantIs(t, err, async.ErrCanceled, errBoom)
		wantSlots(t, s, 1)
	})
}

// What is no scope is refused before anything is begun.
func TestC1_NoScope(t *testing.T) {
	var none *async.Scope
	var c async.Call[int]
	wantPanic(t, "nil", "nil Scope", func() { _ = c.Begin(bg, value(1, nil), none) })
	wantPanic(t, "nil beside others", "nil Scope", func() { async.Go(bg, value(1, nil), async.Name("n"), none) })
	wantPanic(t, "zero", "NewScope", func() { async.Go(bg, value(1, nil), new(async.Scope)) })
	wantPanic(t, "zero beside others", "NewScope", func() { async.NewPromise[int](bg, new(async.Scope), async.Name("n")) })
	wantEq(t, "the object is idle", c.Begin(bg, value(1, nil)), nil)
	wantEq(t, "Wait", c.Wait(bg), nil)
}

// What the scope refuses the group never hears of.
func TestC1_ARefusedCallIsNotInTheGroup(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{})
	s.Close()
	for range rounds(500) {
		var g errgroup.Group
		g.SetLimit(1)
		c := async.Go(bg, value(1, nil), s, async.InGroup(&g))
		_, err := c.Await(bg)
		wantRefused(t, "Go", err, async.ErrScopeClosed)
		wantEq(t, "the group", g.Wait(), nil)
	}
}

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

// C1, C3: the slot that finds an ended context goes on, also where an OnSignal function or the
// observer calls Goexit then.
func TestC1_GoexitWhereTheSlotFindsAnEndedContext(t *testing.T) {
	exit := func(async.CallInfo) { runtime.Goexit() }
	for name, test := range map[string]struct {
		o    async.Observer
		opts []async.Option
	}{
		"OnSignal":  {opts: []async.Option{async.OnSignal(runtime.Goexit)}},
		"Completed": {o: async.Observer{Completed: exit}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := async.NewScope(async.ScopeOptions{Limit: 1, Observer: test.o})
				giveBack := occupy(s)
				ctx := newQuietCtx()
				c := async.Go(ctx, value(1, nil), append(test.opts, s)...)
				behind := async.Go(bg, value(2, nil), s)
				ctx.end(context.Canceled)
				giveBack()
				_, err := c.Await(bg)
				wantIs(t, err, async.ErrCanceled)
				wantValue(t, behind, 2)
				wantEq(t, "Shutdown", s.Shutdown(newTimeout(bg, time.Hour)), nil)
				wantSlotsAreBack(t, s)
				wantEq(t, "functions that stopped", s.Stats().Stopped, int64(0))
			})
		})
	}
}

// What takes a call out of the queue frees its place, at once, and the call never
// runs.
func TestC1_OutOfTheQueue(t *testing.T) {
	for name, leave := range map[string]func(c *async.Call[int]){
		"Cancel":        func(c *async.Call[int]) { wantEq(t, "Cancel", c.Cancel(errBoom), nil) },
		"Calls.Cancel":  func(c *async.Call[int]) { async.Calls[int]{c}.Cancel(errBoom) },
		"CancelWait":    func(c *async.Call[int]) { wantEq(t, "CancelWait", c.CancelWait(bg, errBoom), nil) },
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
			if _, err := c.Await(bg); errors.Is(err, async.ErrQueueFull) {
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

// A function returns while a goroutine of its own still waits with its context:
// that one needs no slot any more, wherever it was in its wait.
func TestC2_AGoroutineThatOutlivesItsFunction(t *testing.T) {
	for name, at := range map[string]struct{ set, returns time.Duration }{
		"before it is woken":              {3 * time.Second, time.Second},
		"while it waits for the slot":     {time.Second, 3 * time.Second},
		"in the instant when it is woken": {time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
				start := time.Now()
				var e async.Event
				var back atomic.Int64
				async.Go(bg, func(ctx context.Context) (int, error) {
					go func() { _ = e.Wait(context.WithoutCancel(ctx)); back.Store(int64(time.Since(start))) }()
					time.Sleep(at.returns)
					return 1, nil
				}, s)
				synctest.Wait()
				other := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Minute); return 1, nil }, s)
				time.Sleep(at.set)
				e.Set()
				time.Sleep(10 * time.Second)
				wantEq(t, "back after", time.Duration(back.Load()), max(at.set, at.returns))
				wantEq(t, "the other runs", other.Info().State, async.StateRunning)
				more := async.Go(bg, value(1, nil), s)
				synctest.Wait()
				wantEq(t, "there is no slot for another", more.IsDone(), false)
				_ = more.Wait(bg)
				wantSlots(t, s, 1)
			})
		})
	}
}

// A context that outlives its function has no slot to lend and takes none.
func TestC2_AContextWithoutItsFunction(t *testing.T) {
	for name, wait := range scopeWaits {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
				var kept context.Context
				c := async.Go(bg, func(ctx context.Context) (int, error) { kept = ctx; return 1, nil }, s)
				_ = c.Wait(bg)
				synctest.Wait()
				giveBack := occupy(s)
				p, d := async.NewPromise[int](bg)
				time.AfterFunc(time.Second, func() { p.Complete(1, nil) })
				next := async.Go(bg, value(1, nil), s)
				start := time.Now()
				wantEq(t, "the wait", wait(context.WithoutCancel(kept), d), true)
				wantEq(t, "it took", time.Since(start), time.Second)
				wantEq(t, "it lent what it had not", next.IsDone(), false)
				giveBack()
				_ = next.Wait(bg)
				wantSlots(t, s, 1)
			})
		})
	}
}

// A function that waits in many goroutines has one slot for them all.
func TestC2_ManyGoroutinesOfOneFunction(t *testing.T) {
	ctx, cancel := context.WithTimeout(bg, 20*time.Second)
	defer cancel()
	for _, limit := range []int{1, 2} {
		s := async.NewScope(async.ScopeOptions{Limit: limit})
		f := func(ctx context.Context) (int, error) {
			g, gctx := errgroup.WithContext(ctx)
			for range 4 {
				g.Go(func() error {
					for i := range 5 {
						c := async.Go(ctx, value(i, nil), s)
						if _, err := c.Await(gctx); err != nil {
							return err
						}
						c.Release()
						if i == 3 { // one that is given up
							short, cancel := context.WithTimeout(gctx, time.Microsecond)
							_ = new(async.Event).Wait(short)
							cancel()
						}
					}
					return nil
				})
			}
			return 1, g.Wait()
		}
		for range rounds(100) {
			_, err := async.GoEach(ctx, make([]int, 6), func(ctx context.Context, _ int) (int, error) { return f(ctx) }, s).All(bg)
			if err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, func() bool { return s.Stats().Running == 0 })
		wantSlots(t, s, limit)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	}
}

// One goroutine of a function comes back from its wait and ends, while the function
// itself waits for a call that is still in the queue: that has its turn.
func TestC2_AHelperThatComesBackDoesNotKeepTheSlot(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		f := async.Go(bg, func(ctx context.Context) (int, error) {
			async.Go(bg, func(context.Context) (int, error) { time.Sleep(2 * time.Second); return 1, nil }, s)
			c := async.Go(ctx, value(2, nil), s)
			go func() { _ = new(async.Event).Wait(newTimeout(ctx, time.Second)) }()
			return c.Await(newTimeout(ctx, time.Hour))
		}, s)
		v, err := f.Await(bg)
		wantEq(t, "value", v, 2)
		wantEq(t, "error", err, nil)
		wantSlots(t, s, 1)
	})
}

// What a function begins outside of the scope does not lend the function's slot,
// nor does what is begun in another scope; each lends its own.
func TestC2_OnlyTheFunctionsOwnContextLends(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		for name, opts := range map[string][]async.Option{
			"no scope": nil, "another": {async.NewScope(async.ScopeOptions{Limit: 1})},
		} {
			f := async.Go(bg, func(ctx context.Context) (int, error) {
				inner := async.Go(ctx, func(ctx context.Context) (int, error) {
					return 1, new(async.Event).Wait(ctx)
				}, opts...)
				time.Sleep(time.Second)
				_ = inner.Cancel(nil)
				return 1, nil
			}, s)
			synctest.Wait()
			next := async.Go(bg, value(1, nil), s)
			synctest.Wait()
			wantEq(t, name+": the slot was lent", next.IsDone(), false)
			_ = next.Wait(bg)
			_ = f.Wait(bg)
		}
		wantSlots(t, s, 1)
	})
}

// Functions that want their slot back and calls that want their first take turns,
// each in order.
func TestC2_TheyTakeTurns(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		var order []string
		step := func(name string) { order = append(order, name); time.Sleep(time.Second) }
		for i := range 3 {
			async.Go(bg, func(ctx context.Context) (int, error) {
				_ = new(async.Event).Wait(newTimeout(ctx, time.Duration(i+1)*time.Second))
				step(fmt.Sprint("back", i))
				return 1, nil
			}, s)
		}
		synctest.Wait()
		async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Minute); return 1, nil }, s)
		for i := range 3 {
			async.Go(bg, func(context.Context) (int, error) { step(fmt.Sprint("new", i)); return 1, nil }, s)
		}
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "order", fmt.Sprint(order), "[back0 new0 back1 new1 back2 new2]")
	})
}

// newTimeout is a context that ends after d.
func newTimeout(ctx context.Context, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(ctx, d)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// Functions that do nothing but wait again and again do not keep a call from
// starting, nor calls that come again and again a function from coming back.
func TestC2_NobodyStarves(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		ctx, cancel := context.WithCancel(bg)
		var polls, starts int
		for range 3 {
			async.Go(ctx, func(ctx context.Context) (int, error) {
				for ctx.Err() == nil {
					_ = new(async.Event).Wait(newTimeout(ctx, time.Millisecond))
					polls++
					time.Sleep(time.Second)
				}
				return 1, nil
			}, s)
		}
		var feed func()
		feed = func() {
			if ctx.Err() == nil {
				async.Go(ctx, func(context.Context) (int, error) { starts++; time.Sleep(time.Second); return 1, nil }, s, async.OnSignal(feed))
			}
		}
		for range 5 {
			feed()
		}
		time.Sleep(100 * time.Second)
		cancel()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		if polls < 40 || starts < 40 {
			t.Errorf("in 100 s: %d came back, %d started", polls, starts)
		}
	})
}

// A function that panics or calls Goexit hands its slot on.
func TestC2_TheSlotGoesOn(t *testing.T) {
	ends := map[string]func(ctx context.Context) (int, error){
		"return": value(1, nil),
		"Goexit": func(context.Context) (int, error) { runtime.Goexit(); return 1, nil },
		"panic":  panicWith(errBoom),
		"Goexit after a wait": func(ctx context.Context) (int, error) {
			_ = new(async.Event).Wait(newTimeout(ctx, time.Second))
			runtime.Goexit()
			return 1, nil
		},
		"panic while it has lent its slot": func(ctx context.Context) (int, error) {
			go func() { _ = new(async.Event).Wait(newTimeout(ctx, time.Second)) }()
			time.Sleep(time.Millisecond)
			panic(1)
		},
	}
	for name, fn := range ends {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{Limit: 2}, func(t *testing.T, s *async.Scope) {
				var cs async.Calls[int]
				for range 7 {
					cs = append(cs, async.Go(bg, fn, s))
				}
				rs, _ := cs.Settle(bg)
				wantEq(t, "results", len(rs), 7)
				synctest.Wait()
				time.Sleep(time.Minute)
				wantSlots(t, s, 2)
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			})
		})
	}
}

// A scope on which no call is left keeps none: also not the last function that came out of
// a wait and had to queue for its slot.
func TestC2_AnIdleScopeKeepsNoCall(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	result := waitedForItsSlot(t, s)
	for range 3 {
		runtime.GC()
	}
	if result.Value() != nil {
		t.Error("the result of a call that is released is kept by its scope")
	}
	runtime.KeepAlive(s)
}

// waitedForItsSlot runs a function that lends its slot to another and waits until that has
// returned, and gives up its result.
func waitedForItsSlot(t *testing.T, s *async.Scope) weak.Pointer[[64]byte] {
	t.Helper()
	var result weak.Pointer[[64]byte]
	synctest.Test(t, func(t *testing.T) {
		var over async.Event
		gate := make(chan struct{})
		c := async.Go(t.Context(), func(ctx context.Context) (*[64]byte, error) {
			v := new([64]byte)
			return v, over.Wait(ctx)
		}, s)
		synctest.Wait()
		other := async.Go(t.Context(), func(context.Context) (int, error) { <-gate; return 1, nil }, s)
		synctest.Wait()
		over.Set()
		synctest.Wait() // the first function waits for its slot, which the other has
		close(gate)
		v, err := c.Await(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		result = weak.Make(v)
		c.Release()
		other.Release()
		synctest.Wait()
	})
	return result
}

// A scope that says nothing else raises a panic again, as there is without one.
func TestC5_PanicReraise(t *testing.T) {
	eachScope(t, async.ScopeOptions{}, func(t *testing.T, s *async.Scope) {
		for name, take := range takers {
			e, ok := recovered(func() { _ = take(async.Go(bg, panicWith(errBoom), s)) }).(*async.PanicError)
			if !ok || !errors.Is(e, errBoom) || !strings.Contains(string(e.Stack), "originOfThePanic") {
				t.Errorf("%s: %v", name, e)
			}
		}
		for name, hold := range holders {
			var e *async.PanicError
			wantEq(t, name, errors.As(hold(async.Go(bg, panicWith(errBoom), s)), &e), true)
		}
		c := async.Go(bg, panicWith(nil), s, async.Discard(func(int, error) { t.Error("discarded") }))
		d, sig := c.Clone(), c.Signal()
		_ = c.Wait(bg)
		wantEq(t, "one of three", recovered(c.Release), nil)
		wantEq(t, "two of three", recovered(sig.Release), nil)
		before := s.Stats()
		e, ok := recovered(d.Release).(*async.PanicError)
		var nilError *runtime.PanicNilError
		if !ok || !errors.As(e, &nilError) {
			t.Errorf("the last Release raised %v", e)
		}
		wantEq(t, "taken by the last Release", s.Stats().Taken, before.Taken+1)
		wantEq(t, "untaken", s.Stats().Untaken, int64(0))
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// A panic that is the result is returned by whatever takes the result, and raised
// by nothing.
func TestC5_PanicReturn(t *testing.T) {
	eachScope(t, async.ScopeOptions{Panic: async.PanicReturn}, func(t *testing.T, s *async.Scope) {
		for _, ways := range []map[string]func(*async.Call[int]) error{takers, holders} {
			for name, take := range ways {
				for _, value := range []any{errBoom, "boom", nil} {
					err := take(async.Go(bg, panicWith(value), s))
					var e *async.PanicError
					if !errors.As(err, &e) || !strings.Contains(string(e.Stack), "originOfThePanic") || value == errBoom && !errors.Is(err, errBoom) {
						t.Errorf("%s of a panic with %v: %v", name, value, err)
					}
				}
			}
		}
		var disposed []error
		discard := async.Discard(func(v int, err error) {
			wantEq(t, "value", v, 0)
			disposed = append(disposed, err)
		})
		late := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); return panicWith(errBoom)(ctx) }, s, discard)
		synctest.Wait()
		_ = late.Cancel(nil)
		synctest.Wait()
		wantEq(t, "a late one is discarded", len(disposed), 1)
		c := async.Go(bg, panicWith(errBoom), s, discard)
		_ = c.Wait(bg)
		c.Release()
		synctest.Wait()
		wantEq(t, "one that nobody took is discarded", len(disposed), 2)
		async.Go(bg, func(ctx context.Context) (int, error) { time.Sleep(time.Nanosecond); return panicWith(errBoom)(ctx) }, s, discard).Release()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "so is one of an abandoned call", len(disposed), 3)
		for _, err := range disposed {
			var e *async.PanicError
			wantEq(t, "a *PanicError", errors.As(err, &e), true)
			wantIs(t, err, errBoom)
		}
	})
}

func TestC5_PanicReturnBesideOthers(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Panic: async.PanicReturn})
	var g errgroup.Group
	_, err := async.Go(bg, panicWith(errBoom), s, async.InGroup(&g)).Await(bg)
	wantIs(t, err, errBoom)
	wantIs(t, g.Wait(), errBoom)
	attempts := 0
	v, err := async.Hedge(bg, time.Hour, 3, func(context.Context, int) (int, error) {
		if attempts++; attempts < 3 {
			panic(errBoom)
		}
		return attempts, nil
	}, s)
	wantEq(t, "value", v, 3)
	wantEq(t, "error", err, nil)
	_, err = async.Hedge(bg, 0, 2, anyAttempt(panicWith(errBoom)), s)
	wantIs(t, err, errBoom)
	// A panic that came out of another call goes on with its origin.
	_, err = async.Go(bg, func(ctx context.Context) (int, error) {
		return async.Go(ctx, panicWith(errBoom)).Await(ctx)
	}, s).Await(bg)
	var e *async.PanicError
	if !errors.As(err, &e) || !strings.Contains(string(e.Stack), "originOfThePanic") {
		t.Errorf("got %v", err)
	}
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// Goexit is no panic, whatever the policy.
func TestC5_Goexit(t *testing.T) {
	for _, policy := range []async.PanicPolicy{async.PanicReraise, async.PanicCrash, async.PanicReturn} {
		s := async.NewScope(async.ScopeOptions{Panic: policy, Limit: 1})
		for range 3 {
			c := async.Go(bg, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, s)
			_, err := c.Await(bg)
			wantEq(t, policy.String(), err, async.ErrGoexit)
			c.Release()
		}
		_, err := async.Go(bg, func(context.Context) (int, error) { defer runtime.Goexit(); panic(1) }, s).Await(bg)
		wantEq(t, policy.String(), err, async.ErrGoexit)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	}
}

// scopeCrashes are programs that end by a panic, or say so where they do not.
var scopeCrashes = map[string]func(survived func()){
	"reraise, canceled": func(survived func()) {
		s := async.NewScope(async.ScopeOptions{})
		started := make(chan struct{})
		c := async.Go(bg, func(ctx context.Context) (int, error) {
			close(started)
			<-ctx.Done()
			return panicWith("nobody was told")(ctx)
		}, s)
		<-started
		_ = c.Cancel(nil)
		_ = s.Shutdown(bg)
		survived()
	},
	"reraise, released": func(survived func()) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		giveBack := occupy(s)
		async.Go(bg, panicWith("nobody was told"), s).Release()
		giveBack()
		_ = s.Shutdown(bg)
		survived()
	},
	"reraise, by the last Release": func(survived func()) {
		c := async.Go(bg, panicWith("nobody was told"), async.NewScope(async.ScopeOptions{}))
		_ = c.Wait(bg)
		c.Release()
		survived()
	},
	"crash, while somebody waits": func(survived func()) {
		s := async.NewScope(async.ScopeOptions{Panic: async.PanicCrash})
		r := recovered(func() { _, _ = async.Go(bg, panicWith("nobody was told"), s).Await(bg) })
		_ = r
		survived()
	},
	"crash, though a handle is kept": func(survived func()) {
		s := async.NewScope(async.ScopeOptions{Panic: async.PanicCrash, Limit: 1})
		c := async.Go(bg, panicWith("nobody was told"), s)
		_ = s.Shutdown(bg)
		runtime.KeepAlive(c)
		survived()
	},
	"crash, nested and recovered": func(survived func()) {
		s := async.NewScope(async.ScopeOptions{Panic: async.PanicCrash})
		_, _ = async.Go(bg, func(ctx context.Context) (v int, err error) {
			defer func() { _ = recover() }()
			return async.Go(ctx, panicWith("nobody was told"), s).Await(ctx)
		}, s).Await(bg)
		survived()
	},
}

func TestC5_APanicThatEndsTheProgram(t *testing.T) {
	if which := os.Getenv("ASYNC_TEST_SCOPE_CRASH"); which != "" {
		scopeCrashes[which](func() { os.Stdout.WriteString("it survived\n"); os.Exit(3) })
		return
	}
	var wg sync.WaitGroup
	for which := range scopeCrashes {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run", "^TestC5_APanicThatEndsTheProgram$", "-test.timeout", "10s")
			cmd.Env = append(os.Environ(), "ASYNC_TEST_SCOPE_CRASH="+which)
			out, err := cmd.CombinedOutput()
			text := string(out)
			if err == nil || !strings.Contains(text, "nobody was told") || !strings.Contains(text, "originOfThePanic") ||
				strings.Contains(text, "timed out") || strings.Contains(text, "it survived") {
				t.Errorf("%s: %v:\n%s", which, err, text)
			}
		})
	}
	wg.Wait()
}

// deaf is a function that takes d and does not listen to its context.
func deaf(d time.Duration) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { time.Sleep(d); return 1, nil }
}

func TestC3_CloseRefuses(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		wantEq(t, "Err before", s.Err(), nil)
		running, queued := async.Go(bg, deaf(time.Second), s), async.Go(bg, deaf(time.Second), s)
		p, promised := async.NewPromise[int](bg, s)
		s.Close()
		s.Close()
		wantEq(t, "Err", s.Err(), async.ErrScopeClosed)
		before := s.Stats()
		never := func(context.Context) (int, error) { t.Error("it ran"); return 1, nil }
		var c async.Call[int]
		wantEq(t, "Begin", c.Begin(bg, never, s), async.ErrScopeClosed)
		q, err := c.BeginPromise(bg, s)
		wantRefused(t, "BeginPromise", err, async.ErrScopeClosed)
		wantEq(t, "its promise", q, (*async.Promise[int])(nil))
		wantEq(t, "Begin with a context that has ended", c.Begin(expired, never, s), async.ErrScopeClosed)
		d := async.Go(bg, never, s, async.Discard(func(int, error) { t.Error("discarded") }))
		wantEq(t, "complete", d.IsDone(), true)
		_, err = d.Finish()
		wantRefused(t, "Go", err, async.ErrScopeClosed)
		q, e := async.NewPromise[int](bg, s)
		wantEq(t, "Complete", q.Complete(1, nil), false)
		_, err = e.Await(bg)
		wantRefused(t, "NewPromise", err, async.ErrScopeClosed)
		_, err = async.GoEach(bg, []int{1, 2}, func(ctx context.Context, _ int) (int, error) { return never(ctx) }, s).All(bg)
		wantRefused(t, "GoEach", err, async.ErrScopeClosed)
		_, err = async.Hedge(bg, 0, 2, anyAttempt(never), s)
		wantIs(t, err, async.ErrScopeClosed)
		d.Release()
		e.Release()
		before.Refused = 9
		wantEq(t, "the ledger", s.Stats(), before)
		wantEq(t, "an object that was refused is idle", c.Begin(bg, value(1, nil)), nil)
		p.Complete(1, nil)
		_, err = async.Calls[int]{running, queued, promised, &c}.All(bg)
		wantEq(t, "those begun before", err, nil)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// What keeps a scope from its end for three seconds.
var lasting = map[string]func(s *async.Scope){
	"a function":       func(s *async.Scope) { async.Go(bg, deaf(3*time.Second), s) },
	"one in the queue": func(s *async.Scope) { async.Go(bg, deaf(time.Second), s); async.Go(bg, deaf(2*time.Second), s) },
	"an abandoned one": func(s *async.Scope) { async.Go(bg, deaf(3*time.Second), s).Release() },
	"one that calls Goexit": func(s *async.Scope) {
		async.Go(bg, func(context.Context) (int, error) { time.Sleep(3 * time.Second); runtime.Goexit(); return 1, nil }, s)
	},
	"a canceled one": func(s *async.Scope) {
		c := async.Go(bg, deaf(3*time.Second), s)
		synctest.Wait()
		_ = c.Cancel(nil)
	},
	"an abandoned and canceled one": func(s *async.Scope) {
		c := async.Go(bg, deaf(3*time.Second), s, async.CancelOnAbandon())
		synctest.Wait()
		c.Release()
	},
	"a promise": func(s *async.Scope) {
		p, _ := async.NewPromise[int](bg, s)
		time.AfterFunc(3*time.Second, func() { p.Complete(1, nil) })
	},
	"a broken promise": func(s *async.Scope) {
		p, _ := async.NewPromise[int](bg, s)
		time.AfterFunc(3*time.Second, p.Break)
	},
	"a promise whose context ends": func(s *async.Scope) { async.NewPromise[int](newTimeout(bg, 3*time.Second), s) },
	"the Discard of a released result": func(s *async.Scope) {
		c := async.Go(bg, value(1, nil), s, async.Discard(func(int, error) { time.Sleep(3 * time.Second) }))
		_ = c.Wait(bg)
		synctest.Wait()
		c.Release()
	},
	"the Discard of a late result": func(s *async.Scope) {
		c := async.Go(bg, deaf(time.Second), s, async.Discard(func(int, error) { time.Sleep(2 * time.Second) }))
		synctest.Wait()
		_ = c.Cancel(nil)
	},
	"the Discard of an abandoned promise": func(s *async.Scope) {
		p, c := async.NewPromise[int](bg, s, async.Discard(func(int, error) { time.Sleep(2 * time.Second) }))
		c.Release()
		time.AfterFunc(time.Second, func() { p.Complete(1, nil) })
	},
	"the OnSignal of a function": func(s *async.Scope) {
		async.Go(bg, deaf(time.Second), s, async.OnSignal(func() { time.Sleep(2 * time.Second) }))
	},
	"the OnSignal of a Release": func(s *async.Scope) {
		_, c := async.NewPromise[int](bg, s, async.CancelOnAbandon(), async.OnSignal(func() { time.Sleep(3 * time.Second) }))
		c.Release()
	},
	"the OnSignal of a queued call whose context ends": func(s *async.Scope) {
		async.Go(bg, deaf(time.Second), s)
		async.Go(newTimeout(bg, time.Second/2), value(1, nil), s, async.OnSignal(func() { time.Sleep(5 * time.Second / 2) }))
	},
	"the OnSignal of a promise whose context ends": func(s *async.Scope) {
		async.NewPromise[int](newTimeout(bg, time.Second), s, async.OnSignal(func() { time.Sleep(2 * time.Second) }))
	},
}

// Shutdown returns when the last thing of the scope has ended, whatever that is,
// and no goroutine is left then.
func TestC3_ShutdownWaitsForEverything(t *testing.T) {
	for name, begin := range lasting {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
				before := goroutines()
				begin(s)
				start := time.Now()
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
				wantEq(t, "it took", time.Since(start), 3*time.Second)
				wantEq(t, "Err", s.Err(), async.ErrScopeClosed)
				synctest.Wait()
				wantEq(t, "goroutines", goroutines(), before)
				wantEq(t, "again", s.Shutdown(expired), nil)
				for i := range s.InFlight() {
					t.Error("in flight:", i)
				}
				wantBalance(t, s)
			})
		})
	}
}

func TestC3_ShutdownOfAnIdleScope(t *testing.T) {
	for _, ctx := range []context.Context{bg, expired} {
		s := async.NewScope(async.ScopeOptions{})
		wantEq(t, "Shutdown", s.Shutdown(ctx), nil)
		s = async.NewScope(async.ScopeOptions{})
		_, err := async.Go(bg, value(1, nil), s).Await(bg)
		wantEq(t, "error", err, nil)
		eventually(t, func() bool { return s.Stats().Running == 0 })
		wantEq(t, "Shutdown after a call", s.Shutdown(ctx), nil)
	}
}

func TestC3_WhenTheContextEnds(t *testing.T) {
	eachScope(t, async.ScopeOptions{Name: "mine", Limit: 3}, func(t *testing.T, s *async.Scope) {
		listens := async.Go(bg, block, s, async.Name("listens"))
		ignores := async.Go(bg, deaf(time.Minute), s, async.Name("ignores"))
		gone := async.Go(bg, deaf(time.Hour), s)
		queued := async.Go(bg, func(context.Context) (int, error) { t.Error("it ran"); return 1, nil }, s, async.Name("queued"))
		p, promised := async.NewPromise[int](bg, s)
		synctest.Wait()
		_ = gone.Cancel(errBoom)
		ctx, cancel := context.WithTimeoutCause(bg, time.Second, errBoom)
		defer cancel()
		start := time.Now()
		err := s.Shutdown(ctx)
		wantEq(t, "it took", time.Since(start), time.Second)
		wantIs(t, err, context.DeadlineExceeded, errBoom)
		e, ok := err.(*async.ShutdownError)
		if !ok {
			t.Fatalf("a %T", err)
		}
		wantEq(t, "scope", e.Scope, s)
		var left []string
		for _, i := range e.Left {
			left = append(left, i.String())
		}
		wantEq(t, "left", fmt.Sprint(left), `[call "listens" #1, running call "ignores" #2, running call #3, canceled call "queued" #4, queued call #5, running]`)
		wantContains(t, err.Error(), `async: scope "mine" did not stop: context deadline exceeded: boom; call "listens" #1, running; call`)
		for _, c := range []*async.Call[int]{listens, ignores, queued, promised} {
			_, err := c.Finish()
			wantIs(t, err, async.ErrCanceled, async.ErrScopeClosed)
		}
		_, err = gone.Finish()
		wantIs(t, err, errBoom)
		wantEq(t, "Complete", p.Complete(1, nil), false)
		synctest.Wait()
		wantEq(t, "stopping", s.Stats().Stopping, int64(2))
		wantEq(t, "the second Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "took until", time.Since(start), time.Hour)
		wantEq(t, "discarded", s.Stats().Discarded, int64(3))
		wantBalance(t, s)
	})
}

func TestC3_TheErrorNamesTenOfThem(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{})
	cs := async.GoEach(bg, make([]int, 14), func(ctx context.Context, _ int) (int, error) { return block(ctx) }, s)
	err := s.Shutdown(expired)
	wantContains(t, err.Error(), "#10")
	wantContains(t, err.Error(), "; and 4 more")
	wantEq(t, "Left", len(err.(*async.ShutdownError).Left), 14)
	_, _ = cs.Settle(bg)
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// Each Shutdown has its own context; one that ends cancels for all.
func TestC3_TwoShutdowns(t *testing.T) {
	eachScope(t, async.ScopeOptions{}, func(t *testing.T, s *async.Scope) {
		c := async.Go(bg, deaf(5*time.Second), s)
		start := time.Now()
		took := make([]time.Duration, 3)
		errs := make([]error, 3)
		var wg sync.WaitGroup
		for i, ctx := range []context.Context{newTimeout(bg, time.Second), newTimeout(bg, time.Hour), bg} {
			wg.Go(func() { errs[i] = s.Shutdown(ctx); took[i] = time.Since(start) })
		}
		wg.Wait()
		wantIs(t, errs[0], context.DeadlineExceeded)
		wantEq(t, "others", errors.Join(errs[1:]...), nil)
		wantEq(t, "took", fmt.Sprint(took), "[1s 5s 5s]")
		_, err := c.Finish()
		wantIs(t, err, async.ErrScopeClosed)
	})
}

// Within a function Shutdown waits for all but the functions it is in.
func TestC3_ShutdownInsideTheScope(t *testing.T) {
	for _, limit := range []int{0, 1} {
		for name, inside := range map[string]func(ctx context.Context, s *async.Scope, do func(context.Context) error) error{
			"direct": func(ctx context.Context, _ *async.Scope, do func(context.Context) error) error { return do(ctx) },
			"nested": func(ctx context.Context, s *async.Scope, do func(context.Context) error) error {
				_, err := async.Go(ctx, func(ctx context.Context) (int, error) {
					_, err := async.Go(ctx, func(ctx context.Context) (int, error) { return 1, do(ctx) }, s).Await(ctx)
					return 1, err
				}, s).Await(ctx)
				return err
			},
			"nested beside the scope": func(ctx context.Context, _ *async.Scope, do func(context.Context) error) error {
				_, err := async.Go(ctx, func(ctx context.Context) (int, error) { return 1, do(ctx) }).Await(ctx)
				return err
			},
			"with a promise": func(ctx context.Context, s *async.Scope, do func(context.Context) error) error {
				p, _ := async.NewPromise[int](ctx, s)
				time.AfterFunc(time.Second/2, p.Break)
				return do(context.WithoutCancel(p.Context()))
			},
			"in a goroutine": func(ctx context.Context, _ *async.Scope, do func(context.Context) error) error {
				got := make(chan error)
				go func() { got <- do(ctx) }()
				return <-got
			},
		} {
			t.Run(fmt.Sprintf("%s/%d", name, limit), func(t *testing.T) {
				eachScope(t, async.ScopeOptions{Limit: limit}, func(t *testing.T, s *async.Scope) {
					if (name == "nested beside the scope" || name == "with a promise") && limit == 1 {
						t.Skip("what is not the function itself does not lend its slot")
					}
					start := time.Now()
					clean := async.Go(bg, func(ctx context.Context) (int, error) {
						return 1, inside(ctx, s, func(ctx context.Context) error {
							other := async.Go(bg, deaf(3*time.Second), s)
							err := s.Shutdown(ctx)
							wantEq(t, "it took", time.Since(start), 3*time.Second)
							wantEq(t, "the other is complete", other.IsDone(), true)
							wantEq(t, "Begin", async.Go(ctx, value(1, nil), s).IsDone(), true)
							return err
						})
					}, s)
					_, err := clean.Await(bg)
					wantEq(t, "error", err, nil)
					wantEq(t, "Shutdown outside", s.Shutdown(bg), nil)
				})
				eachScope(t, async.ScopeOptions{Limit: 2 * limit}, func(t *testing.T, s *async.Scope) {
					f := async.Go(bg, func(ctx context.Context) (int, error) {
						return 1, inside(ctx, s, func(ctx context.Context) error {
							other := async.Go(bg, deaf(3*time.Second), s)
							err := s.Shutdown(newTimeout(ctx, time.Second))
							wantEq(t, "the other is complete", other.IsDone(), true)
							wantEq(t, "its own context", ctx.Err(), nil)
							var e *async.ShutdownError
							if !errors.As(err, &e) || len(e.Left) != 1 {
								t.Error(err)
							}
							return nil
						})
					}, s)
					_, err := f.Await(bg)
					wantEq(t, "error", err, nil)
					wantEq(t, "Shutdown outside", s.Shutdown(bg), nil)
					wantSlotsAreBack(t, s)
				})
			})
		}
	}
}

// wantSlotsAreBack checks that nothing is counted as running.
func wantSlotsAreBack(t *testing.T, s *async.Scope) {
	t.Helper()
	st := s.Stats()
	wantEq(t, "running", st.Running, int64(0))
	wantEq(t, "queued", st.Queued, int64(0))
	wantEq(t, "pending", st.Pending, int64(0))
	wantEq(t, "stopping", st.Stopping, int64(0))
}

// A Shutdown in a function that another Shutdown cancels ends with that.
func TestC3_ShutdownInAFunctionThatIsCanceled(t *testing.T) {
	eachScope(t, async.ScopeOptions{}, func(t *testing.T, s *async.Scope) {
		var inner error
		async.Go(bg, deaf(time.Minute), s) // first: the Shutdown closes the scope
		async.Go(bg, func(ctx context.Context) (int, error) { inner = s.Shutdown(ctx); return 1, nil }, s)
		synctest.Wait()
		wantIs(t, s.Shutdown(newTimeout(bg, time.Second)), context.DeadlineExceeded)
		synctest.Wait()
		wantIs(t, inner, context.Canceled, async.ErrScopeClosed)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// Within a function of another scope Shutdown waits for everything.
func TestC3_ShutdownInsideAnotherScope(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		other := async.NewScope(async.ScopeOptions{})
		async.Go(bg, deaf(3*time.Second), s)
		start := time.Now()
		_, err := async.Go(bg, func(ctx context.Context) (int, error) { return 1, s.Shutdown(ctx) }, other).Await(bg)
		wantEq(t, "error", err, nil)
		wantEq(t, "it took", time.Since(start), 3*time.Second)
		wantEq(t, "Shutdown of the other", other.Shutdown(bg), nil)
	})
}

// The context ends, but so does the scope before Shutdown could look: nothing is
// left, and it says so.
func TestC3_TheEndBeatsTheContext(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that who is woken does not run at once
	synctest.Test(t, func(t *testing.T) {
		for range 20 {
			s := async.NewScope(async.ScopeOptions{})
			p, _ := async.NewPromise[int](bg, s)
			ctx, cancel := context.WithCancel(bg)
			got := make(chan error, 1)
			go func() { got <- s.Shutdown(ctx) }()
			synctest.Wait()
			cancel()
			p.Complete(1, nil)
			wantEq(t, "Shutdown", <-got, nil)
		}
	})
}

// A promise has no function that could be left out: Shutdown with the context of a
// promise of the scope, or one made from it, waits for that promise.
func TestC3_ShutdownWithTheContextOfAPromise(t *testing.T) {
	for name, derived := range map[string]func(ctx context.Context, s *async.Scope) context.Context{
		"its own":            func(ctx context.Context, _ *async.Scope) context.Context { return ctx },
		"a function's in it": functionsContext,
		"another promise's in it": func(ctx context.Context, s *async.Scope) context.Context {
			p, _ := async.NewPromise[int](ctx, s)
			time.AfterFunc(time.Second, p.Break)
			return p.Context()
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{}, func(t *testing.T, s *async.Scope) {
				p, c := async.NewPromise[int](bg, s)
				ctx := context.WithoutCancel(derived(p.Context(), s))
				start := time.Now()
				time.AfterFunc(3*time.Second, func() { p.Complete(1, nil) })
				wantEq(t, "Shutdown", s.Shutdown(ctx), nil)
				wantEq(t, "it took", time.Since(start), 3*time.Second)
				wantEq(t, "the promise is complete", c.IsDone(), true)
			})
		})
	}
}

// functionsContext returns the context of a function of the scope, begun with ctx,
// that has not returned for a second.
func functionsContext(ctx context.Context, s *async.Scope) context.Context {
	got := make(chan context.Context, 1)
	async.Go(ctx, func(ctx context.Context) (int, error) { got <- ctx; time.Sleep(time.Second); return 1, nil }, s)
	return <-got
}

// When the context ends a promise is canceled, and listed.
func TestC3_ShutdownCancelsThePromiseOfItsContext(t *testing.T) {
	eachScope(t, async.ScopeOptions{}, func(t *testing.T, s *async.Scope) {
		p, c := async.NewPromise[int](bg, s, async.Name("mine"))
		err := s.Shutdown(newTimeout(context.WithoutCancel(p.Context()), time.Second))
		var e *async.ShutdownError
		if !errors.As(err, &e) || len(e.Left) != 1 || e.Left[0].Name != "mine" {
			t.Error(err)
		}
		_, err = c.Finish()
		wantIs(t, err, async.ErrCanceled, async.ErrScopeClosed)
	})
}

// A function that has returned is none to be left out: Shutdown with its context
// waits for all others.
func TestC3_ShutdownWithTheContextOfWhatIsOver(t *testing.T) {
	for _, returned := range []time.Duration{0, 2 * time.Second} { // before Shutdown, or while it waits
		eachScope(t, async.ScopeOptions{}, func(t *testing.T, s *async.Scope) {
			got := make(chan context.Context, 1)
			async.Go(bg, func(ctx context.Context) (int, error) { got <- ctx; time.Sleep(returned); return 1, nil }, s)
			async.Go(bg, deaf(3*time.Second), s)
			start := time.Now()
			synctest.Wait()
			wantEq(t, "Shutdown", s.Shutdown(context.WithoutCancel(<-got)), nil)
			wantEq(t, "it took", time.Since(start), 3*time.Second)
		})
	}
}

// Functions of a scope that are in its Shutdown do not wait for each other.
func TestC3_TwoFunctionsInShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, limit := range []int{0, 1, 2} {
			s := async.NewScope(async.ScopeOptions{Limit: limit})
			begun := make(chan struct{})
			down := func(ctx context.Context) (int, error) { <-begun; return 1, s.Shutdown(ctx) }
			c, d := async.Go(bg, down, s), async.Go(bg, down, s)
			e := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }, s)
			close(begun) // before, a Shutdown would refuse the rest
			start := time.Now()
			wantEq(t, "from outside", s.Shutdown(bg), nil)
			wantEq(t, "took", time.Since(start), time.Second)
			for _, c := range []*async.Call[int]{c, d, e} {
				v, err := c.Finish()
				wantEq(t, "value", v, 1)
				wantEq(t, "error", err, nil)
			}
		}
	})
}

// Calls begin and end in every way while the scope shuts down: those accepted
// settle, those refused never run, and after a clean Shutdown none runs.
func TestC3_ShutdownAgainstEverything(t *testing.T) {
	for round := range rounds(4000) {
		s := async.NewScope(async.ScopeOptions{Limit: round % 3, Queue: 4, Panic: async.PanicReturn, Track: round%5 == 0})
		var running, ran atomic.Int64
		var refused, accepted atomic.Int64
		ended := false
		begin := func() {
			ctx, cancel := context.WithCancel(bg)
			for i := range 8 {
				var did atomic.Bool
				c := async.Go(ctx, func(ctx context.Context) (int, error) {
					ran.Add(1)
					did.Store(true)
					running.Add(1)
					defer running.Add(-1)
					switch i {
					case 1:
						panic(1)
					case 2:
						runtime.Goexit()
					case 3:
						_, _ = async.Go(ctx, value(1, nil), s).Await(ctx)
					case 4:
						cancel()
					case 5:
						runtime.Gosched()
					}
					return 1, nil
				}, s, async.Discard(func(int, error) { running.Add(1); runtime.Gosched(); running.Add(-1) }))
				switch i {
				case 5:
					_ = c.Cancel(nil)
				case 6:
					c.Release()
					accepted.Add(1) // or not: its outcome is not known here
					continue
				}
				_, err := c.Await(bg)
				if errors.Is(err, async.ErrScopeClosed) || errors.Is(err, async.ErrQueueFull) {
					refused.Add(1)
					if did.Load() {
						t.Error("a refused call ran")
					}
				}
			}
			cancel()
		}
		together(begin, begin, func() {
			if s.Shutdown(bg) == nil {
				ended = true
				if n := running.Load(); n != 0 {
					t.Errorf("%d run after a clean Shutdown", n)
				}
			}
			if round%2 == 0 {
				_ = s.Shutdown(expired)
			}
		})
		wantEq(t, "a clean Shutdown", ended, true)
		wantSlotsAreBack(t, s)
		wantBalance(t, s)
		if t.Failed() {
			t.Fatal("in round", round)
		}
	}
}

// A Shutdown that gives up at once cancels what there is, and a late Begin is
// refused or canceled: nothing runs on unseen.
func TestC3_GivingUpAgainstLateBegins(t *testing.T) {
	for round := range rounds(4000) {
		s := async.NewScope(async.ScopeOptions{Limit: round % 3})
		if round%2 == 0 {
			s = async.NewScope(async.ScopeOptions{Observer: async.Observer{Begun: func(async.CallInfo) { runtime.Gosched() }}})
		}
		var cs [3]*async.Call[int]
		together(
			func() { cs[0] = async.Go(bg, block, s) },
			func() { cs[1] = async.Go(bg, block, s) },
			func() { _, cs[2] = async.NewPromise[int](bg, s) },
			func() { _ = s.Shutdown(expired) },
		)
		_ = s.Shutdown(expired)
		for _, c := range cs {
			_, err := c.Await(bg)
			wantIs(t, err, async.ErrScopeClosed)
		}
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	}
}

// What is called for a call that completes without a goroutine of the scope has
// returned, or is waited for, all the same.
func TestC3_ShutdownAgainstDiscard(t *testing.T) {
	for name, end := range map[string]func(s *async.Scope, told func()) (do func()){
		"Complete of an abandoned promise": func(s *async.Scope, told func()) func() {
			p, c := async.NewPromise[int](bg, s, async.Discard(func(int, error) { told() }))
			c.Release()
			return func() { p.Complete(1, nil) }
		},
		"Release that cancels": func(s *async.Scope, told func()) func() {
			_, c := async.NewPromise[int](bg, s, async.CancelOnAbandon(), async.OnSignal(told))
			return c.Release
		},
		"context of a promise": func(s *async.Scope, told func()) func() {
			ctx, cancel := context.WithCancel(bg)
			async.NewPromise[int](ctx, s, async.OnSignal(told))
			return cancel
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range rounds(10_000) {
				s := async.NewScope(async.ScopeOptions{})
				var told atomic.Bool
				do := end(s, func() { told.Store(true) })
				together(do, func() {
					_ = s.Shutdown(bg)
					if !told.Load() {
						t.Error("Shutdown returned before")
					}
				})
				if t.Failed() {
					return
				}
			}
		})
	}
}

// Goexit, as FailNow calls it, in what a scope calls: the slot goes on, and the
// scope ends.
func TestC3_GoexitInWhatIsCalled(t *testing.T) {
	exit := func(async.CallInfo) { runtime.Goexit() }
	for name, test := range map[string]struct {
		o    async.Observer
		opts []async.Option
	}{
		"OnSignal":  {opts: []async.Option{async.OnSignal(runtime.Goexit)}},
		"Discard":   {opts: []async.Option{async.Discard(func(int, error) { runtime.Goexit() })}},
		"Begun":     {o: async.Observer{Begun: exit}},
		"Started":   {o: async.Observer{Started: exit}},
		"Completed": {o: async.Observer{Completed: exit}},
		"Abandoned": {o: async.Observer{Abandoned: exit}},
		"Discarded": {o: async.Observer{Discarded: exit}},
		"everything": {
			async.Observer{Begun: exit, Started: exit, Completed: exit, Abandoned: exit, Discarded: exit, Returned: exit},
			[]async.Option{async.OnSignal(runtime.Goexit), async.Discard(func(int, error) { runtime.Goexit() })},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := async.NewScope(async.ScopeOptions{Limit: 1, Observer: test.o})
				opts := append([]async.Option{s}, test.opts...)
				for range 3 {
					go func() { _, _ = async.Go(bg, deaf(time.Second), opts...).Await(bg) }()
					go func() { async.Go(bg, deaf(time.Second), opts...).Release() }()
					go func() {
						var c async.Call[int]
						go func() { _ = c.Begin(bg, deaf(time.Minute), opts...) }()
						time.Sleep(time.Second / 2)
						_ = c.Cancel(nil)
						c.Release()
					}()
				}
				time.Sleep(time.Hour)
				wantEq(t, "Shutdown", s.Shutdown(newTimeout(bg, time.Hour)), nil)
				wantSlotsAreBack(t, s)
				wantBalance(t, s)
			})
		})
	}
}

// A panic in the observer of a Begin is the caller's; the call was accepted and
// goes on.
func TestC3_APanicInBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: 1, Observer: async.Observer{Begun: func(async.CallInfo) { panic(errBoom) }}})
		var cs [2]async.Call[int]
		for i := range cs {
			wantEq(t, "panic", recovered(func() { _ = cs[i].Begin(bg, value(i, nil), s) }), errBoom)
		}
		for i := range cs {
			v, err := cs[i].Await(bg)
			wantEq(t, "value", v, i)
			wantEq(t, "error", err, nil)
		}
		wantEq(t, "panic", recovered(func() { async.NewPromise[int](newTimeout(bg, time.Second), s) }), errBoom)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantSlotsAreBack(t, s)
	})
}

// A failing context panics when it is asked for its error.
type failing struct{ context.Context }

func (failing) Err() error { panic(errBoom) }

// A context may be anybody's code. Where it panics as a call is begun, the call was not accepted
// and is in no ledger, or it is given up: a scope does not wait for it (C4, R9f).
func TestC4_AContextThatPanics(t *testing.T) {
	for name, begin := range map[string]func(ctx context.Context, opts ...async.Option){
		"Go":         func(ctx context.Context, opts ...async.Option) { async.Go(ctx, value(1, nil), opts...) },
		"NewPromise": func(ctx context.Context, opts ...async.Option) { async.NewPromise[int](ctx, opts...) },
		"Begin": func(ctx context.Context, opts ...async.Option) {
			_ = new(async.Call[int]).Begin(ctx, value(1, nil), opts...)
		},
		"GoEach": func(ctx context.Context, opts ...async.Option) {
			async.GoEach(ctx, []int{1, 2}, func(context.Context, int) (int, error) { return 1, nil }, opts...)
		},
		"Hedge": func(ctx context.Context, opts ...async.Option) {
			_, _ = async.Hedge(ctx, 0, 2, func(context.Context, int) (int, error) { return 1, nil }, opts...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := async.NewScope(async.ScopeOptions{})
				for _, opts := range [][]async.Option{{s}, {s, async.CancelOnAbandon()}, {s, async.WaitForRoom()}} {
					wantEq(t, "panic", reason(recovered(func() { begin(failing{bg}, opts...) })), errBoom)
				}
				wantEq(t, "Shutdown", s.Shutdown(newTimeout(bg, time.Second)), nil)
				wantBalance(t, s)
			})
		})
	}
}

// An observer that calls Goexit, as T.FailNow does, or that panics, takes no result along: the
// result goes to Discard once, and what else is to be told is told (R9f, V3).
func TestR9_AnObserverTakesNoResultAlong(t *testing.T) {
	slow := func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }
	ways := map[string]func(opts ...async.Option){
		"late": func(opts ...async.Option) {
			c := async.Go(bg, slow, opts...)
			synctest.Wait()
			_ = c.Cancel(nil)
			c.Release()
		},
		"abandoned": func(opts ...async.Option) { async.Go(bg, slow, opts...).Release() },
		"released": func(opts ...async.Option) {
			c := async.Go(bg, slow, opts...)
			_ = c.Wait(bg)
			c.Release()
		},
		"a promise, late": func(opts ...async.Option) {
			p, c := async.NewPromise[int](bg, opts...)
			go func() { _ = c.Cancel(nil) }()
			synctest.Wait()
			p.CompleteOrDiscard(1, nil)
		},
		"a promise, abandoned": func(opts ...async.Option) {
			p, c := async.NewPromise[int](bg, opts...)
			c.Release()
			p.Complete(1, nil)
		},
	}
	exit := func(async.CallInfo) { runtime.Goexit() }
	for way, do := range ways {
		for what, o := range map[string]async.Observer{
			"Completed": {Completed: exit}, "Abandoned": {Abandoned: exit}, "Discarded": {Discarded: exit}, "Returned": {Returned: exit},
			"Discarded, which panics": {Discarded: func(async.CallInfo) { panic(errBoom) }},
		} {
			if o.Discarded != nil && what != "Discarded" && way != "a promise, late" {
				continue // the panic ends the program
			}
			t.Run(way+", "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var b bin
					var returned atomic.Int32
					if o.Returned == nil {
						o.Returned = func(async.CallInfo) { returned.Add(1) }
					}
					s := async.NewScope(async.ScopeOptions{Observer: o})
					go func() { _ = recovered(func() { do(s, b.option()) }) }()
					time.Sleep(time.Minute)
					wantEq(t, "discarded", b.count.Load(), int32(1))
					if (way == "late" || way == "abandoned") && what != "Returned" {
						wantEq(t, "Returned", returned.Load(), int32(1))
					}
					wantEq(t, "Shutdown", s.Shutdown(bg), nil)
					wantBalance(t, s)
				})
			})
		}
	}
}

// reason returns what a panic was about, or one of several.
func reason(v any) any {
	var e *async.PanicError
	for err, ok := v.(error); ok && errors.As(err, &e); err, ok = e.Value.(error) {
		v = e.Value
	}
	return v
}

// The bounds of a scope, and the end of its queue: C8, C11, and what cannot be combined.

// Without a queue a call is refused that finds no slot, and refusals are counted.
func TestC8_NoQueue(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 2, Queue: async.NoQueue}, func(t *testing.T, s *async.Scope) {
		one, two := occupy(s), occupy(s)
		ran := false
		_, err := async.Go(bg, func(context.Context) (int, error) { ran = true; return 1, nil }, s).Await(bg)
		wantRefused(t, "Go without a slot", err, async.ErrQueueFull)
		var dump strings.Builder
		wantEq(t, "Dump", s.Dump(&dump), nil)
		wantContains(t, dump.String(), "limit 2, no queue, ")
		var c async.Call[int]
		wantEq(t, "Begin without a slot", c.Begin(bg, value(1, nil), s), async.ErrQueueFull)
		st := s.Stats()
		wantEq(t, "refused", st.Refused, int64(2))
		wantEq(t, "queued", st.Queued, int64(0))
		wantEq(t, "begun", st.Begun, int64(2))
		p, d := async.NewPromise[int](bg, s)
		wantEq(t, "a promise needs no slot", d.IsDone(), false)
		p.Break()
		one()
		two()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "a refused call ran", ran, false)
		_, err = async.Go(bg, value(1, nil), s).Await(bg)
		wantRefused(t, "Go after the end", err, async.ErrScopeClosed)
		wantEq(t, "refused", s.Stats().Refused, int64(3))
	})
	eachScope(t, async.ScopeOptions{Limit: 1, Queue: -7}, func(t *testing.T, s *async.Scope) {
		wantEq(t, "Begin with a slot", async.Go(bg, value(1, nil), s).Wait(bg), nil)
		synctest.Wait() // until the slot is given up
		hold := occupy(s)
		_, err := async.Go(bg, value(1, nil), s).Await(bg)
		wantRefused(t, "any negative number", err, async.ErrQueueFull)
		hold()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
	eachScope(t, async.ScopeOptions{Queue: async.NoQueue}, func(t *testing.T, s *async.Scope) {
		hold := occupy(s)
		_, err := async.Go(bg, value(1, nil), s).Await(bg)
		wantEq(t, "without a limit", err, nil)
		hold()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// Every call counts that a scope was to take and did not, and no other.
func TestC8_WhatCountsAsRefused(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{})
	full := new(errgroup.Group)
	full.SetLimit(0)
	_, err := async.Go(bg, value(1, nil), s, async.InGroup(full)).Await(bg)
	wantRefused(t, "a full group", err, async.ErrQueueFull)
	wantEq(t, "refused", s.Stats().Refused, int64(1))
	var c async.Call[int]
	wantEq(t, "Begin", c.Begin(bg, value(1, nil), s), nil)
	wantEq(t, "Begin of a busy object", c.Begin(bg, value(1, nil), s), async.ErrCallPending)
	wantEq(t, "the scope was not asked", s.Stats().Refused, int64(1))
	s.Close()
	_, d := async.NewPromise[int](bg, s)
	wantEq(t, "a promise is complete", d.IsDone(), true)
	_, err = async.Go(expired, value(1, nil), s).Await(bg)
	wantRefused(t, "closed, with a context that has ended", err, async.ErrScopeClosed)
	g := async.Group[int, int]{Options: []async.Option{s}}
	_, err, _ = g.Do(bg, 1, value(1, nil))
	wantRefused(t, "a run of a group", err, async.ErrScopeClosed)
	wantEq(t, "refused", s.Stats().Refused, int64(4))
	c.Release()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	wantEq(t, "the ledger", s.Stats().Begun, int64(1))
}

// All that wait for a slot are canceled, and nothing else.
func TestC11_CancelQueued(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 2}, func(t *testing.T, s *async.Scope) {
		wantEq(t, "of an idle scope", s.CancelQueued(errBoom), 0)
		hold := make(chan struct{})
		running := async.GoEach(bg, []int{0, 1}, func(ctx context.Context, i int) (int, error) {
			<-hold
			return i, ctx.Err()
		}, s)
		p, promise := async.NewPromise[int](bg, s)
		ran := new(atomic.Int64)
		const n = 1000 // many portions
		cs := async.GoEach(bg, make([]int, n), func(context.Context, int) (int, error) { ran.Add(1); return 0, nil }, s)
		_ = cs[1].Cancel(nil)
		wantEq(t, "canceled", s.CancelQueued(errBoom), n-1)
		wantEq(t, "queued", s.Stats().Queued, int64(0))
		for i, c := range cs {
			_, err := c.Finish()
			if wantIs(t, err, async.ErrCanceled); i != 1 {
				wantIs(t, err, errBoom)
			}
		}
		wantEq(t, "again", s.CancelQueued(nil), 0)
		last := async.Go(bg, value(3, nil), s)
		wantEq(t, "what comes later waits", last.IsDone(), false)
		close(hold)
		vs, err := running.All(bg)
		wantEq(t, "what ran goes on", err, nil)
		wantEq(t, "with its result", vs[1], 1)
		wantEq(t, "a promise goes on", p.Complete(2, nil), true)
		_, err = promise.Finish()
		wantEq(t, "and is completed", err, nil)
		v, err := last.Await(bg)
		wantEq(t, "what came later ran", v, 3)
		wantEq(t, "without an error", err, nil)
		wantEq(t, "functions that ran", ran.Load(), int64(0))
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		st := s.Stats()
		wantEq(t, "in the ledger", st.Canceled, int64(n))
		wantEq(t, "pending", st.Pending, int64(0))
	})
}

// Without a cause the calls are canceled as by Cancel(nil).
func TestC11_WithoutACause(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		hold := occupy(s)
		c := async.Go(bg, value(1, nil), s)
		wantEq(t, "canceled", s.CancelQueued(nil), 1)
		_, err := c.Finish()
		e, ok := err.(*async.CanceledError)
		wantEq(t, "a *CanceledError", ok, true)
		wantEq(t, "the cause", e.Cause, nil)
		hold()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// An OnSignal function that panics keeps no call in the queue.
func TestC11_AllAreCanceledAlthoughOnePanics(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		hold := occupy(s)
		one := async.Go(bg, value(1, nil), s, async.OnSignal(func() { panic("signal") }))
		two := async.Go(bg, value(1, nil), s)
		wantEq(t, "panics", recovered(func() { s.CancelQueued(nil) }), "signal")
		wantEq(t, "the first is canceled", one.IsDone(), true)
		wantEq(t, "the second is canceled", two.IsDone(), true)
		hold()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// A call is canceled by its ID, and by that of no other call.
func TestC12_CancelByID(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		stop := make(chan struct{})
		deaf := async.Go(bg, func(context.Context) (int, error) { <-stop; return 1, nil }, s)
		queued := async.Go(bg, value(2, nil), s)
		p, promise := async.NewPromise[int](bg, s)
		other := async.Go(bg, value(4, nil), s)
		synctest.Wait() // until the first function runs: a call that is canceled before gives its slot up
		for _, c := range []*async.Call[int]{deaf, queued, promise} {
			id := c.Info().ID
			wantEq(t, "canceled", s.Cancel(id, errBoom), true)
			_, err := c.Finish()
			wantIs(t, err, async.ErrCanceled, errBoom)
			wantEq(t, "again", s.Cancel(id, errBoom), false)
		}
		wantEq(t, "the promise comes too late", p.Complete(3, nil), false)
		wantEq(t, "no such call", s.Cancel(0, nil) || s.Cancel(99, nil), false)
		wantEq(t, "of another scope", async.NewScope(async.ScopeOptions{}).Cancel(4, nil), false)
		close(stop)
		v, err := other.Await(bg)
		wantEq(t, "the other call ran", v, 4)
		wantEq(t, "without an error", err, nil)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "it is over", s.Cancel(4, nil), false)
		wantEq(t, "in the ledger", s.Stats().Canceled, int64(3))
	})
}

// Info says of a call what InFlight says, for as long as the call is in flight.
func TestC12_InfoByID(t *testing.T) {
	eachScope(t, async.ScopeOptions{Name: "work"}, func(t *testing.T, s *async.Scope) {
		stop := make(chan struct{})
		wait := func(context.Context) (int, error) { <-stop; return 0, nil }
		cs := async.GoEach(bg, make([]int, 200), func(ctx context.Context, _ int) (int, error) { return wait(ctx) }, s)
		async.Go(bg, wait, s).Release() // begun in another place
		synctest.Wait()
		wantEq(t, "the name in the options", s.Options().Name, "work")
		for want := range s.InFlight() {
			got, ok := s.Info(want.ID)
			wantEq(t, "in flight", ok, true)
			wantEq(t, "the same", got, want)
		}
		_ = cs[7].Cancel(nil)
		got, ok := s.Info(8)
		wantEq(t, "canceled, and not stopped", ok && !got.Canceled.IsZero(), true)
		close(stop)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		got, ok = s.Info(8)
		wantEq(t, "it is over", ok, false)
		wantEq(t, "nothing is known", got, async.CallInfo{})
	})
}

// Whoever cancels a call by its ID while the call ends by itself is told the truth, and a
// later call of the same object is not touched.
func TestC12_CancelByIDAgainstEverything(t *testing.T) {
	for range rounds(4000) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		cs := async.GoEach(bg, make([]int, 3), func(ctx context.Context, _ int) (int, error) { return 0, ctx.Err() }, s)
		var canceled atomic.Int64
		cancel := func() {
			for id := range uint64(4) {
				if s.Cancel(id, errBoom) {
					canceled.Add(1)
				}
			}
		}
		again := func() {
			_, _ = cs[0].Await(bg)
			_, _ = cs[0].Finish()
			if err := cs[0].Begin(bg, value(1, nil), s); err != nil {
				t.Error(err)
			}
			if v, err := cs[0].Await(bg); v != 1 || err != nil {
				t.Error("the later call:", v, err)
			}
		}
		together(cancel, cancel, again)
		if err := s.Shutdown(bg); err != nil {
			t.Fatal(err)
		}
		if st := s.Stats(); st.Canceled != canceled.Load() || st.Begun != 4 {
			t.Fatalf("%d canceled, %+v", canceled.Load(), st)
		}
	}
}

// Beside calls that start, end, and are canceled, each call is canceled in the queue or
// runs, never both, and what runs is not canceled.
func TestC11_CancelQueuedAgainstEverything(t *testing.T) {
	for round := range rounds(4000) {
		s := async.NewScope(async.ScopeOptions{Limit: 1 + round%3, Track: round%7 == 0})
		const n = 100
		var ran, canceled atomic.Int64
		cancel := func() { canceled.Add(int64(s.CancelQueued(errBoom))) }
		begin := func() {
			ctx, end := context.WithCancel(bg)
			defer end()
			cs := async.GoEach(ctx, make([]int, n), func(ctx context.Context, _ int) (int, error) {
				ran.Add(1)
				return 0, ctx.Err()
			}, s)
			rs, _ := cs.Settle(bg)
			for _, r := range rs {
				if r.Err != nil && (!isCanceledBy(r.Err, errBoom)) {
					t.Errorf("error: %v", r.Err)
				}
			}
		}
		together(begin, begin, cancel, cancel, cancel)
		if err := s.Shutdown(bg); err != nil {
			t.Fatal(err)
		}
		st := s.Stats()
		if ran.Load()+canceled.Load() != 2*n || st.Canceled != canceled.Load() || st.Returned != ran.Load() {
			t.Fatalf("round %d: %d ran, %d canceled, %+v", round, ran.Load(), canceled.Load(), st)
		}
	}
}

func isCanceledBy(err, cause error) bool {
	e, ok := err.(*async.CanceledError)
	return ok && e.Cause == cause
}

// What was given twice, or not at all, is said.
func TestC1_OneScopeToACall(t *testing.T) {
	one, two := async.NewScope(async.ScopeOptions{Name: "one"}), async.NewScope(async.ScopeOptions{})
	wantPanic(t, "two scopes", `two scopes, scope "one" and scope`, func() { async.Go(bg, value(1, nil), one, async.Name("n"), two) })
	wantPanic(t, "two scopes of a promise", "two scopes", func() { async.NewPromise[int](bg, one, two) })
	wantPanic(t, "two scopes of a group", "two scopes", func() {
		g := async.Group[int, int]{Options: []async.Option{one, two}}
		_, _, _ = g.Do(bg, 1, value(1, nil))
	})
	_, err := async.Go(bg, value(1, nil), one, one).Await(bg)
	wantEq(t, "the same twice", err, nil)
	wantEq(t, "begun once", one.Stats().Begun, int64(1))
	wantPanic(t, "no group", "InGroup with a nil group", func() { async.InGroup(nil) })
	wantEq(t, "Name", one.Name(), "one")
}

// WaitForRoom (C9): a Begin that waits until the queue of the scope has a place.

// Places are given in the order in which the callers began to wait, one for each place.
func TestC9_InOrder(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1, Queue: 2}, func(t *testing.T, s *async.Scope) {
		next := make(chan int)
		var begun []int // by goroutines that never run at the same time
		begin := func(i int) {
			async.Go(bg, func(context.Context) (int, error) { next <- i; return i, nil }, s, async.WaitForRoom())
			begun = append(begun, i)
		}
		const n = 20
		for i := range n {
			go begin(i)
			synctest.Wait()
		}
		wantEq(t, "have a slot or a place", len(begun), 3)
		c := async.Go(bg, value(1, nil), s)
		wantEq(t, "without WaitForRoom, complete at once", c.IsDone(), true)
		for i := range n {
			wantEq(t, "runs", <-next, i)
			synctest.Wait()
			wantEq(t, "have begun", len(begun), min(i+4, n))
		}
		wantEq(t, "in order", slices.IsSorted(begun), true)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "refused", s.Stats().Refused, int64(1))
	})
}

// A place comes free in every way in which a call leaves the queue, and one waiter has it.
func TestC9_APlaceIsHandedOn(t *testing.T) {
	for name, leave := range map[string]func(s *async.Scope, c *async.Call[int], end func()){
		"Cancel":       func(_ *async.Scope, c *async.Call[int], _ func()) { _ = c.Cancel(nil) },
		"its context":  func(_ *async.Scope, _ *async.Call[int], end func()) { end() },
		"CancelQueued": func(s *async.Scope, _ *async.Call[int], _ func()) { s.CancelQueued(nil) },
		"CancelByID":   func(s *async.Scope, c *async.Call[int], _ func()) { s.Cancel(c.Info().ID, nil) },
		"abandoned":    func(_ *async.Scope, c *async.Call[int], _ func()) { c.Release() },
		"CancelWait":   func(_ *async.Scope, c *async.Call[int], _ func()) { _ = c.CancelWait(bg, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{Limit: 1, Queue: 1}, func(t *testing.T, s *async.Scope) {
				hold := occupy(s)
				ctx, end := context.WithCancel(bg)
				defer end()
				c := async.Go(ctx, value(1, nil), s, async.CancelOnAbandon())
				begun := new(atomic.Int64)
				for range 2 {
					go func() {
						_, err := async.Go(bg, value(1, nil), s, async.WaitForRoom()).Await(bg)
						wantEq(t, "Await", err, nil)
					}()
					go func() {
						var c async.Call[int]
						err := c.Begin(bg, value(1, nil), s, async.WaitForRoom())
						begun.Add(1)
						wantEq(t, "Begin", err, nil)
						c.Release()
					}()
				}
				synctest.Wait()
				wantEq(t, "begun", s.Stats().Begun, int64(2))
				leave(s, c, end)
				synctest.Wait()
				wantEq(t, "one more has begun", s.Stats().Begun, int64(3))
				wantEq(t, "and is queued", s.Stats().Queued, int64(1))
				hold()
				synctest.Wait()
				wantEq(t, "Begins that returned", begun.Load(), int64(2))
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
				st := s.Stats()
				wantEq(t, "canceled", st.Canceled, int64(1))
				wantEq(t, "refused", st.Refused, int64(0))
			})
		})
	}
}

// The end of ctx ends the wait, at once and not before, with a call that is canceled by it.
func TestC9_TheEndOfTheContext(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1, Queue: async.NoQueue}, func(t *testing.T, s *async.Scope) {
		hold := occupy(s)
		ran := false
		f := func(context.Context) (int, error) { ran = true; return 1, nil }
		for _, begin := range []func(ctx context.Context) *async.Call[int]{
			func(ctx context.Context) *async.Call[int] { return async.Go(ctx, f, s, async.WaitForRoom()) },
			func(ctx context.Context) *async.Call[int] {
				c := new(async.Call[int])
				wantEq(t, "Begin", c.Begin(ctx, f, s, async.WaitForRoom()), nil)
				return c
			},
		} {
			start := time.Now()
			ctx, cancel := context.WithTimeoutCause(bg, time.Hour, errBoom)
			c := begin(ctx)
			cancel()
			wantEq(t, "it waited", time.Since(start), time.Hour)
			_, err := c.Finish()
			wantIs(t, err, async.ErrCanceled, errBoom)
			wantEq(t, "canceled by the context", isCanceledBy(err, errBoom), true)
		}
		start := time.Now()
		_, err := async.Go(expired, f, s, async.WaitForRoom()).Await(bg)
		wantIs(t, err, async.ErrCanceled)
		wantEq(t, "with a context that has ended, it waited", time.Since(start), 0*time.Second)
		hold()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "ran", ran, false)
		st := s.Stats()
		wantEq(t, "begun", st.Begun, int64(4))
		wantEq(t, "canceled", st.Canceled, int64(3))
		wantEq(t, "refused", st.Refused, int64(0))
	})
}

// C9: a place is given back where a method of the context panics or calls Goexit.
func TestC9_AContextThatEndsABegin(t *testing.T) {
	for how, end := range endings {
		t.Run(how, func(t *testing.T) {
			s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue})
			for _, begin := range []func(context.Context){
				func(ctx context.Context) { async.Go(ctx, value(1, nil), s, async.WaitForRoom()) },
				func(ctx context.Context) { _ = new(async.Call[int]).Begin(ctx, value(1, nil), s, async.WaitForRoom()) },
			} {
				for at := 1; ; at++ { // the look at which it ends
					ctx, looks := newQuietCtx(), 0
					ctx.ask = func(string) {
						if looks++; looks == at {
							end()
						}
					}
					begun := false
					var over sync.WaitGroup
					over.Go(func() {
						defer func() { _ = recover() }()
						begin(ctx)
						begun = true
					})
					over.Wait()
					eventually(t, func() bool { return s.Stats().Running == 0 })
					_, err := async.Go(bg, value(1, nil), s, async.WaitForRoom()).Await(newTimeout(bg, time.Minute))
					wantEq(t, "there is room", err, nil)
					if begun {
						break
					}
				}
			}
			wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		})
	}
}

// C7, C9: one scope is waited for in a bubble, and then outside of it.
func TestC9_InABubbleAndOutside(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue})
	wait := func(t *testing.T) {
		giveBack := occupy(s)
		ctx := newQuietCtx()
		ctx.ask = func(method string) {
			if method == "Done" && ctx.foreignCtx.Err() == nil { // it is about to wait
				ctx.end(errBoom)
			}
		}
		_, err := async.Go(ctx, value(1, nil), s, async.WaitForRoom()).Await(bg)
		wantIs(t, err, async.ErrCanceled, errBoom)
		giveBack()
		eventually(t, func() bool { return s.Stats().Running == 0 })
	}
	synctest.Test(t, wait)
	wait(t)
	synctest.Test(t, wait)
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// A scope that closes ends every wait with ErrScopeClosed.
func TestC9_TheScopeCloses(t *testing.T) {
	for name, closeScope := range map[string]func(s *async.Scope){
		"Close":    func(s *async.Scope) { s.Close(); s.Close() },
		"Shutdown": func(s *async.Scope) { go func() { _ = s.Shutdown(bg) }() },
	} {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{Limit: 1, Queue: 1}, func(t *testing.T, s *async.Scope) {
				hold := occupy(s)
				queued := async.Go(bg, value(7, nil), s)
				ended := new(atomic.Int64)
				for range 10 {
					go func() {
						_, err := async.Go(bg, value(1, nil), s, async.WaitForRoom()).Await(bg)
						wantRefused(t, "Go", err, async.ErrScopeClosed)
						ended.Add(1)
					}()
					go func() {
						var c async.Call[int]
						wantEq(t, "Begin", c.Begin(bg, value(1, nil), s, async.WaitForRoom()), async.ErrScopeClosed)
						wantEq(t, "the object", c.Info(), async.CallInfo{})
						ended.Add(1)
					}()
				}
				synctest.Wait()
				closeScope(s)
				synctest.Wait()
				wantEq(t, "waits that ended", ended.Load(), int64(20))
				wantEq(t, "refused", s.Stats().Refused, int64(20))
				_, err := async.Go(bg, value(1, nil), s, async.WaitForRoom()).Await(bg)
				wantRefused(t, "afterwards", err, async.ErrScopeClosed)
				hold()
				v, err := queued.Await(bg)
				wantEq(t, "the queued call", v, 7)
				wantEq(t, "its error", err, nil)
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			})
		})
	}
}

// Where there is nothing to wait for, WaitForRoom changes nothing.
func TestC9_WithoutABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := async.Go(bg, value(1, nil), async.WaitForRoom()).Await(bg)
		wantEq(t, "without a scope", err, nil)
		var c async.Call[int]
		wantEq(t, "Begin without a scope", c.Begin(bg, value(1, nil), async.WaitForRoom()), nil)
		wantEq(t, "Wait", c.Wait(bg), nil)
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		hold := occupy(s)
		queued := async.Go(bg, value(1, nil), s, async.WaitForRoom())
		wantEq(t, "without a bound it is queued", queued.Info().State, async.StateQueued)
		bounded := async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue})
		holdToo := occupy(bounded)
		p, d := async.NewPromise[int](bg, bounded, async.WaitForRoom())
		wantEq(t, "a promise takes no place", d.IsDone(), false)
		p.Break()
		hold()
		holdToo()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "Shutdown", bounded.Shutdown(bg), nil)
		wantPanic(t, "a run that is shared", "WaitForRoom", func() {
			g := async.Group[int, int]{Options: []async.Option{bounded, async.WaitForRoom()}}
			_, _, _ = g.Do(bg, 1, value(1, nil))
		})
		wantPanic(t, "a lazy value", "WaitForRoom", func() { async.NewLazy(value(1, nil), async.WaitForRoom()) })
	})
}

// A Begin that is refused for another reason keeps no place, and one that could not begin
// anyway does not wait.
func TestC9_ThePlaceOfABeginThatIsRefused(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 2, Queue: 1}, func(t *testing.T, s *async.Scope) {
		full := new(errgroup.Group)
		full.SetLimit(0)
		for range 5 {
			_, err := async.Go(bg, value(1, nil), s, async.WaitForRoom(), async.InGroup(full)).Await(bg)
			wantRefused(t, "the group is full", err, async.ErrQueueFull)
		}
		one, two := occupy(s), occupy(s)
		var busy, released async.Call[int]
		wantEq(t, "Begin", busy.Begin(bg, value(1, nil), s), nil)
		released.Release()
		start := time.Now()
		wantEq(t, "a busy object", busy.Begin(bg, value(1, nil), s, async.WaitForRoom()), async.ErrCallPending)
		wantEq(t, "a released one", released.Begin(bg, value(1, nil), s, async.WaitForRoom()), async.ErrReleased)
		wantEq(t, "they waited", time.Since(start), 0*time.Second)

		// Two wait on one object. The one that has a place first begins the call. The
		// other gives its place back.
		var shared async.Call[int]
		errs := make(chan error, 2)
		for range 2 {
			go func() { errs <- shared.Begin(bg, value(2, nil), s, async.WaitForRoom()) }()
		}
		synctest.Wait()
		third := new(atomic.Bool)
		go func() {
			async.Go(bg, value(3, nil), s, async.WaitForRoom()).Release()
			third.Store(true)
		}()
		synctest.Wait()
		wantEq(t, "the third has a place", third.Load(), false)
		one()
		two()
		a, b := <-errs, <-errs
		wantEq(t, "one began, one is told so", a == nil && b == async.ErrCallPending || b == nil && a == async.ErrCallPending, true)
		synctest.Wait()
		wantEq(t, "the third has a place", third.Load(), true)
		shared.Release()
		wantSlots(t, s, 2)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		_, err := async.Go(bg, value(1, nil), s, async.WaitForRoom()).Await(bg)
		wantRefused(t, "at the end", err, async.ErrScopeClosed)
	})
}

// A function that waits for room in its own scope lends its slot, so functions that begin
// more than there is room for come to their end, under a limit of one, too (C2).
func TestC9_AFunctionLendsItsSlot(t *testing.T) {
	for _, o := range []async.ScopeOptions{
		{Limit: 1, Queue: async.NoQueue}, {Limit: 1, Queue: 1}, {Limit: 2, Queue: async.NoQueue}, {Limit: 3, Queue: 2},
	} {
		eachScope(t, o, func(t *testing.T, s *async.Scope) {
			running := new(atomic.Int64)
			most := new(atomic.Int64)
			work := func() {
				if n := running.Add(1); n > int64(o.Limit) {
					most.Store(n)
				}
				time.Sleep(time.Second)
				running.Add(-1)
			}
			outer := func(ctx context.Context, _ int) (int, error) {
				work()
				below := async.GoEach(ctx, make([]int, 10), func(context.Context, int) (int, error) {
					work()
					return 1, nil
				}, s, async.WaitForRoom())
				defer below.Release()
				work()
				vs, err := below.All(ctx)
				return len(vs), err
			}
			cs := async.GoEach(bg, make([]int, 5), outer, s, async.WaitForRoom())
			vs, err := cs.All(bg)
			wantEq(t, "error", err, nil)
			wantEq(t, "calls below", slices.Equal(vs, []int{10, 10, 10, 10, 10}), true)
			wantEq(t, "more at once than the limit", most.Load(), int64(0))
			wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			wantEq(t, "refused", s.Stats().Refused, int64(0))
		})
	}
}

// Waiters come and go while calls begin, end, are canceled, and the scope closes. Each call
// has an outcome, nothing is left, and no place is lost.
func TestC9_WaitersAgainstEverything(t *testing.T) {
	for round := range rounds(3000) {
		s := async.NewScope(async.ScopeOptions{Limit: 1 + round%2, Queue: []int{async.NoQueue, 1, 3}[round%3], Track: round%5 == 0})
		var ran, refused, canceled atomic.Int64
		const n = 12
		count := func(err error) {
			switch {
			case err == nil:
			case errors.Is(err, async.ErrCanceled):
				canceled.Add(1)
			default:
				refused.Add(1)
				wantRefused(t, "refused", err, async.ErrScopeClosed)
			}
		}
		begin := func() {
			ctx, cancel := context.WithCancel(bg)
			defer cancel()
			for i := range n {
				f := func(ctx context.Context) (int, error) {
					ran.Add(1)
					if i%4 == 0 {
						runtime.Gosched()
					}
					return 1, nil
				}
				if i == n/2 {
					go cancel()
				}
				if i%2 == 0 {
					var c async.Call[int]
					if err := c.Begin(ctx, f, s, async.WaitForRoom()); err != nil {
						count(err)
						continue
					}
					_ = c.Wait(bg)
					_, err := c.Finish()
					count(err)
					continue
				}
				_, err := async.Go(ctx, f, s, async.WaitForRoom()).Await(bg)
				count(err)
			}
		}
		others := []func(){begin, begin, begin, func() { s.CancelQueued(nil) }}
		if round%2 == 0 {
			others = append(others, s.Close)
		}
		together(others...)
		if round%2 == 1 && s.Err() == nil {
			wantFree(t, s)
		}
		if err := s.Shutdown(bg); err != nil {
			t.Fatal(err)
		}
		st := s.Stats()
		if st.Refused != refused.Load() || st.Canceled != canceled.Load() || st.Pending != 0 || st.Untaken != 0 {
			t.Fatalf("round %d: %d ran, %d refused, %d canceled, %+v", round, ran.Load(), refused.Load(), canceled.Load(), st)
		}
	}
}

// wantFree checks that an idle scope has a slot: no place was lost.
func wantFree(t *testing.T, s *async.Scope) {
	t.Helper()
	for range 1000 { // the last function may be about to return
		if _, err := async.Go(bg, value(1, nil), s).Await(bg); err == nil {
			return
		}
		runtime.Gosched()
	}
	t.Error("an idle scope has no room")
}
