package async_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

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
				if _, err := async.Hedge(bg, 0, 6, g.work, s); err != nil {
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
			wantEq(t, what+": in the scope", d.Info(), async.CallInfo{Name: "refused", State: async.StateCompleted, Handles: 1, Err: async.ErrQueueFull})
			_, err := d.Finish()
			wantEq(t, what+": Go", err, async.ErrQueueFull)
			es := async.GoEach(bg, []int{1}, func(context.Context, int) (int, error) { return 1, nil }, s)
			_, _, err = es.Race(bg)
			wantEq(t, what+": GoEach", err, async.ErrQueueFull)
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
		early, out := context.WithCancel(bg)
		out()
		wantIs(t, last.CancelWait(early, errBoom), async.ErrCallPending)
		wantEq(t, "in the queue", s.Stats().Queued, int64(2))
		wantEq(t, "Begin where there is room", begin(bg), nil)
		wantEq(t, "Begin of a busy object", begin(bg), async.ErrCallPending)
		_, err = async.Go(bg, value(1, nil), s).Await(bg)
		wantEq(t, "the object took the place", err, async.ErrQueueFull)
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
		wantEq(t, "the group is full", err, async.ErrQueueFull)
		wantEq(t, "begun", s.Stats().Begun, int64(3))
		_ = second.Cancel(errBoom)
		synctest.Wait()
		third := async.Go(bg, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, s, async.InGroup(&g))
		wantEq(t, "place in the group", third.IsDone(), false)
		_, err = async.Go(bg, value(1, nil), s).Await(bg)
		wantEq(t, "the queue is full", err, async.ErrQueueFull)
		giveBack()
		wantIs(t, g.Wait(), async.ErrCanceled, errBoom)
		wantEq(t, "first", first.IsDone(), true)
		_, err = third.Finish()
		wantEq(t, "third", err, async.ErrGoexit)
		s.Close()
		_, err = async.Go(bg, value(1, nil), s, async.InGroup(&g)).Await(bg)
		wantEq(t, "refused by the scope", err, async.ErrScopeClosed)
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

// CancelWait asks a queued call when its turn comes; Cancel and an early end of the
// wait do without.
func TestC1_CancelWaitOfAQueuedCall(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		async.Go(bg, deaf(time.Second), s)
		c := async.Go(bg, func(ctx context.Context) (int, error) { return 7, context.Cause(ctx) }, s)
		start := time.Now()
		wantEq(t, "CancelWait", c.CancelWait(bg, errBoom), nil)
		wantEq(t, "it took", time.Since(start), time.Second)
		v, err := c.Finish()
		wantEq(t, "value", v, 7)
		wantEq(t, "error", err, errBoom)
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
		wantEq(t, "Go", err, async.ErrScopeClosed)
		wantEq(t, "the group", g.Wait(), nil)
	}
}
