package async_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

func TestC6_InFlight(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 2}, func(t *testing.T, s *async.Scope) {
		start := time.Now()
		async.Go(bg, deaf(time.Hour), s, async.Name("one")).Release()
		time.Sleep(time.Second)
		two := async.Go(bg, deaf(time.Minute), s)
		time.Sleep(time.Second)
		three := async.Go(bg, value(1, nil), s, async.Name("three"))
		four := async.Go(bg, deaf(time.Second), s)
		p, promise := async.NewPromise[int](bg, s, async.Name("promise"))
		sig := promise.Signal()
		_ = two.Cancel(errBoom)
		time.Sleep(time.Second)
		within := start.Add
		want := []async.CallInfo{
			{ID: 1, Name: "one", State: async.StateRunning, Began: within(0)},
			{ID: 2, State: async.StateCompleted, Began: within(time.Second), Canceled: within(2 * time.Second), Handles: 1},
			{ID: 3, Name: "three", State: async.StateQueued, Began: within(2 * time.Second), Handles: 1},
			{ID: 4, State: async.StateQueued, Began: within(2 * time.Second), Handles: 1},
			{ID: 5, Name: "promise", State: async.StateRunning, Began: within(2 * time.Second), Handles: 2},
		}
		look := func(want []async.CallInfo) {
			t.Helper()
			got := collect(s)
			for i := range got {
				if got[i].State == async.StateCompleted {
					wantIs(t, got[i].Err, async.ErrCanceled, errBoom)
					got[i].Err = nil
				}
				got[i].Stack, got[i].Started = "", time.Time{} // see TestV1_CallInfo
			}
			if !slices.Equal(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		}
		look(want)
		look(want) // it changes nothing
		info := two.Info()
		wantEq(t, "Info is the same", info.Canceled, want[1].Canceled)
		p.Complete(1, nil)
		look(want[:4])
		_ = three.Cancel(nil)
		want[2] = want[3]
		look(want[:3])
		time.Sleep(time.Minute)
		look(want[:1])
		wantEq(t, "it ran when there was a slot", four.IsDone(), true)
		sig.Release()
		time.Sleep(time.Hour)
		look(nil)
		wantEq(t, "Info at the end", two.Info().State, async.StateCompleted)
	})
}

// What the body of the loop does to the calls is seen by the loop, which goes on
// after it, and may end it in any way.
func TestC6_InFlightWhileItChanges(t *testing.T) {
	eachScope(t, async.ScopeOptions{}, func(t *testing.T, s *async.Scope) {
		const n = 200 // more than are looked at in one go
		var ps []*async.Promise[int]
		begin := func() {
			p, c := async.NewPromise[int](bg, s)
			c.Release()
			ps = append(ps, p)
		}
		for range n {
			begin()
		}
		var ids []uint64
		for i := range s.InFlight() {
			ids = append(ids, i.ID)
			if i.ID%2 == 1 && i.ID < n {
				ps[i.ID].Complete(1, nil) // the next one: it is over, and not seen
			}
			ps[i.ID-1].Complete(1, nil)
			if i.ID <= n {
				begin() // it is seen, too
			}
		}
		wantEq(t, "seen", len(ids), n/2+n/2)
		wantEq(t, "in order", slices.IsSorted(ids), true)
		for range s.InFlight() {
			t.Error("something is in flight")
		}
		for range 3 {
			begin()
		}
		once := func(what string, f func()) {
			t.Helper()
			calls := 0
			done := make(chan struct{})
			go func() {
				defer close(done)
				recovered(func() {
					for range s.InFlight() {
						for range s.InFlight() { // one inside the other
							break
						}
						calls++
						f()
						break
					}
				})
			}()
			<-done
			wantEq(t, what, calls, 1)
		}
		once("left early", func() {})
		once("left by a panic", func() { panic(1) })
		once("left by Goexit", runtime.Goexit)
		wantEq(t, "afterwards", len(collect(s)), 3)
		for _, p := range ps {
			p.Break()
		}
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// Ten thousand stand while others come and go: each loop sees every one that
// stands, once, in order, and none twice.
func TestC6_InFlightUnderChurn(t *testing.T) {
	const standing = 10_000
	s := async.NewScope(async.ScopeOptions{Limit: 4})
	var ps []*async.Promise[int]
	stands := make(map[uint64]bool)
	var stop async.Event
	churn := func() {
		for !stop.IsSet() {
			a, b := async.Go(bg, value(1, nil), s), async.Go(bg, value(1, nil), s)
			p, c := async.NewPromise[int](bg, s)
			_ = a.Cancel(nil)
			_, _ = b.Await(bg)
			p.Complete(1, nil)
			c.Release()
		}
	}
	var wg sync.WaitGroup
	wg.Go(churn)
	for range standing {
		p, c := async.NewPromise[int](bg, s)
		ps, stands[c.Info().ID] = append(ps, p), true
	}
	wg.Go(churn)
	look := func() {
		for range rounds(30)/2 + 2 {
			seen := make(map[uint64]bool)
			last, found := uint64(0), 0
			for i := range s.InFlight() {
				if seen[i.ID] || i.ID <= last {
					t.Errorf("call %d after call %d, seen before: %v", i.ID, last, seen[i.ID])
				}
				seen[i.ID], last = true, i.ID
				if stands[i.ID] {
					found++
				}
			}
			wantEq(t, "standing", found, standing)
		}
	}
	together(look, look)
	stop.Set()
	wg.Wait()
	for _, p := range ps {
		p.Break()
	}
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// Handles and waiters are counted exactly, each kind of them.
func TestC6_HandlesAndWaiters(t *testing.T) {
	kinds := map[string]func(ctx context.Context, c *async.Call[int]){
		"WaitFor": func(_ context.Context, c *async.Call[int]) { _ = c.WaitFor(100 * time.Hour) },
		"Signal.WaitFor": func(_ context.Context, c *async.Call[int]) {
			s := c.Signal()
			_ = s.WaitFor(100 * time.Hour)
			s.Release()
		},
	}
	for name, wait := range scopeWaits {
		if !strings.Contains(name, "errgroup") {
			kinds[name] = func(ctx context.Context, c *async.Call[int]) { wait(ctx, c) }
		}
	}
	twice := []string{"WaitAll", "All", "Settle", "Quorum", "Each"}
	none := []string{"WaitAny of all kinds", "Set.Next of a channel"}
	for name, wait := range kinds {
		for what, parent := range map[string]context.Context{"bg": bg, "cancelable": t.Context()} {
			t.Run(name+"/"+what, func(t *testing.T) {
				eachScope(t, async.ScopeOptions{}, func(t *testing.T, s *async.Scope) {
					ctx := parent
					if parent != bg {
						inner, cancel := context.WithCancel(bg)
						defer cancel()
						ctx = inner
					}
					p, c := async.NewPromise[int](bg, s)
					d := c.Clone()
					const n = 5
					var wg sync.WaitGroup
					for range n {
						wg.Go(func() { wait(ctx, c) })
					}
					synctest.Wait()
					handles, waiters := 2, n
					switch {
					case slices.Contains(twice, name):
						waiters = 2 * n
					case slices.Contains(none, name):
						waiters = 0
					case strings.HasPrefix(name, "WaitAll of all"):
						waiters = 2 * n // and the context that follows
					}
					if strings.HasPrefix(name, "Signal.") {
						handles += n
					}
					i := c.Info()
					wantEq(t, "Handles", i.Handles, handles)
					wantEq(t, "Waiters", i.Waiters, waiters)
					wantEq(t, "Waiters in flight", collect(s)[0].Waiters, waiters)
					p.Complete(1, nil)
					wg.Wait()
					wantEq(t, "Waiters of what is complete", c.Info().Waiters, 0)
					if name != "Signal.Wait" {
						wantEq(t, "Handles of what is complete", c.Info().Handles, 2)
						c.Release()
						wantEq(t, "one released", d.Info().Handles, 1)
						_, _ = d.Finish()
						wantEq(t, "one finished", d.Info().Handles, 0)
					}
				})
			})
		}
	}
}

// A wait that came to its end, but for its slot or for other members, is no
// handle, and no waiter any more.
func TestC6_HandlesWhileAWaitIsNotOver(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1, Track: true}, func(t *testing.T, s *async.Scope) {
		p, c := async.NewPromise[int](bg, s)
		q, d := async.NewPromise[int](bg, s)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = async.Calls[int]{c, d}.All(bg) })
		wg.Go(func() { _, _ = async.Calls[int]{c, d}.Settle(bg) })
		wg.Go(func() {
			for range (async.Calls[int]{c, d}).Each(bg) {
				continue
			}
		})
		f := async.Go(bg, func(ctx context.Context) (int, error) { return c.Await(ctx) }, s)
		synctest.Wait()
		wantEq(t, "Waiters", c.Info().Waiters, 4)
		giveBack := occupy(s)
		p.Complete(1, nil)
		synctest.Wait()
		i := c.Info()
		wantEq(t, "Handles", i.Handles, 1)
		wantEq(t, "Waiters", i.Waiters, 0)
		n := 0
		for h := range s.Unreleased() {
			if h.Call.ID == i.ID {
				n++
			}
		}
		if i.Stack != "" {
			wantEq(t, "unreleased", n, 1)
		}
		giveBack()
		_ = f.Wait(bg)
		q.Complete(1, nil)
		wg.Wait()
	})
}

func TestC6_MoreWaitersThanAreCounted(t *testing.T) {
	before := runtime.NumGoroutine()
	p, c := async.NewPromise[int](bg)
	many := make(async.Calls[int], 70_000)
	for i := range many {
		many[i] = c
	}
	_, err := many.All(newTimeout(bg, time.Millisecond))
	wantIs(t, err, context.DeadlineExceeded)
	wantEq(t, "Handles", c.Info().Handles, 1)
	for range 20_000 {
		async.AfterFunc(c, func() {})
	}
	wantEq(t, "Waiters", c.Info().Waiters, 10_000)
	p.Complete(1, nil)
	wantEq(t, "Waiters", c.Info().Waiters, 0)
	eventually(t, func() bool { return runtime.NumGoroutine() < before+100 })
}

// Without a scope a call knows its name, state, error, handles and waiters.
func TestC7_InfoWithoutAScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c async.Call[int]
		wantEq(t, "never begun", c.Info(), async.CallInfo{})
		c.Done()
		_ = c.Clone()
		wantEq(t, "never begun, asked for", c.Info(), async.CallInfo{})
		p, d := async.NewPromise[int](bg, async.Name("n"))
		e := d.Clone()
		go func() { _ = d.Wait(bg) }()
		synctest.Wait()
		wantEq(t, "pending", d.Info(), async.CallInfo{Name: "n", State: async.StateRunning, Handles: 2, Waiters: 1})
		p.Complete(1, errBoom)
		synctest.Wait()
		wantEq(t, "complete", d.Info(), async.CallInfo{Name: "n", State: async.StateCompleted, Handles: 2, Err: errBoom})
		_, _ = d.Finish()
		e.Release()
		wantEq(t, "finished", d.Info(), async.CallInfo{Name: "n", State: async.StateCompleted, Err: errBoom})
		wantEq(t, "released", e.Info(), d.Info())
		wantEq(t, "String", fmt.Sprint(e.Info()), `call "n", completed`)
		wantEq(t, "without a name", fmt.Sprint(async.Ready(1, nil).Info()), "call, completed")
	})
}

func TestC6_Strings(t *testing.T) {
	for want, got := range map[string]fmt.Stringer{
		"idle": async.State(0), "queued": async.StateQueued, "running": async.StateRunning, "completed": async.StateCompleted, "4": async.State(4), "-1": async.State(-1),
		"PanicReraise": async.PanicReraise, "PanicCrash": async.PanicCrash, "PanicReturn": async.PanicReturn, "3": async.PanicPolicy(3),
		"scope": async.NewScope(async.ScopeOptions{}), `scope "s"`: async.NewScope(async.ScopeOptions{Name: "s"}),
		"call, idle":             async.CallInfo{},
		`call "c" #7, running`:   async.CallInfo{ID: 7, Name: "c", State: async.StateRunning},
		"call #7, canceled":      async.CallInfo{ID: 7, State: async.StateCompleted, Canceled: time.Now()},
		`call "two words", idle`: async.CallInfo{Name: "two words"},
	} {
		wantEq(t, "String", got.String(), want)
	}
}
