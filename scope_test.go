package async_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

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
	observed.Observer = async.Observer{Begun: nothing, Started: nothing, Completed: nothing, Abandoned: nothing, Discarded: nothing}
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
			c := async.Go(ctx, func(ctx context.Context) (int, error) { return inner(context.WithoutCancel(ctx)) }, s)
			defer c.Release()
			return c.CancelWait(ctx, nil) == nil
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
