package async_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// completing are the kinds of members that complete.
func completing() map[string]func() (w async.Waitable, complete func()) {
	all := map[string]func() (async.Waitable, func()){}
	for name, fresh := range targets {
		all[name] = func() (async.Waitable, func()) {
			x := fresh()
			return x.w, func() { x.set() }
		}
	}
	for name, kind := range strangers {
		if !kind.never {
			all[name] = kind.fresh
		}
	}
	return all
}

// members makes n members, their kinds by chance, and what completes each.
func members(n int) (ws []async.Waitable, complete []func()) {
	kinds := slices.Collect(maps.Values(completing()))
	for range n {
		w, f := kinds[rand.N(len(kinds))]()
		ws, complete = append(ws, w), append(complete, f)
	}
	return ws, complete
}

func TestW1_TheLowestOfThoseCompleteOnEntry(t *testing.T) {
	for range rounds(2000) {
		const n = 20
		ws, complete := members(n)
		want := -1
		for i := range n {
			if rand.N(8) == 0 {
				complete[i]()
				if want < 0 {
					want = i
				}
			}
		}
		ctx := expired
		if want >= 0 && rand.N(2) == 0 {
			ctx = bg
		}
		if i, _ := async.WaitAny(ctx, ws...); i != want {
			t.Fatalf("index %d (%T), want %d (%T)", i, ws[i], want, ws[want])
		}
		for i := range complete {
			complete[i]()
		}
	}
}

// One completes while WaitAny waits, or on the way there: it is the one that is
// returned, whatever its kind and its place.
func TestW2_MembersOfAllKindsMixed(t *testing.T) {
	for round := range rounds(3000) {
		const n = 20
		ws, complete := members(n)
		want := rand.N(n)
		if round%2 == 0 {
			ws = append(ws, ws[want], ws[rand.N(n)])
		}
		var got int
		var err error
		together(
			func() { got, err = async.WaitAny(bg, ws...) },
			complete[want])
		if err != nil || ws[got] != ws[want] {
			t.Fatalf("round %d: index %d, %v; want %d", round, got, err, want)
		}
		for i := range complete {
			complete[i]()
		}
		if err := async.WaitAll(bg, ws...); err != nil {
			t.Fatal(err)
		}
	}
}

func TestW2_OneMemberManyTimes(t *testing.T) {
	for name, fresh := range targets {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := fresh()
				ws := []async.Waitable{new(async.Event), x.w, x.w, x.w}
				var s async.Set[int]
				for i, w := range ws {
					s.Add(i, w)
				}
				go func() {
					i, err := async.WaitAny(bg, ws...)
					wantEq(t, "WaitAny", i >= 1 && i <= 3 && err == nil, true)
				}()
				go func() { wantEq(t, "WaitAll", async.WaitAll(bg, ws[1:]...), nil) }()
				synctest.Wait()
				x.set()
				i, err := async.WaitAny(bg, ws...)
				wantEq(t, "the lowest", i, 1)
				wantEq(t, "error", err, nil)
				for want := 1; want <= 3; want++ {
					i, ok := s.TryNext()
					wantEq(t, "from the set", i, want)
					wantEq(t, "there was one", ok, true)
				}
				wantEq(t, "members left", s.Len(), 1)
			})
		})
	}
}

func TestW2_AMillionMembers(t *testing.T) {
	n := rounds(1_000_000)
	events := make([]async.Event, n)
	ws := make([]async.Waitable, n)
	for i := range ws {
		ws[i] = &events[i]
	}
	wantFlat(t, "WaitAny and WaitAll of a million", func() {
		k := rand.N(n)
		i, err := async.WaitAny(expired, ws...)
		wantEq(t, "index when canceled", i, -1)
		wantIs(t, err, context.Canceled)
		i, err = async.WaitAny(hookContext{bg, func() { events[k].Set() }}, ws...) // when all are registered
		wantEq(t, "index", i, k)
		wantEq(t, "error", err, nil)
		err = async.WaitAll(expired, ws...)
		wantWaitError(t, "WaitAll", err, ws[firstUnset(events)], context.Canceled)
		together(
			func() { wantEq(t, "WaitAll", async.WaitAll(bg, ws...), nil) },
			func() {
				for _, i := range rand.Perm(n) {
					events[i].Set()
				}
			})
	})
}

func firstUnset(events []async.Event) int {
	for i := range events {
		if !events[i].IsSet() {
			return i
		}
	}
	return -1
}

// Nothing is taken from a member, and those that are not the one are neither
// canceled nor held: one can be abandoned while WaitAny waits for it.
func TestW1_MembersAreLeftAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		p, c := async.NewPromise[int](bg, b.option())
		q, d := async.NewPromise[int](bg, async.CancelOnAbandon())
		r, e := async.NewPromise[int](bg)
		x := new(async.Event)
		var s async.Set[string]
		s.Add("c", c)
		s.Add("d", d)
		s.Add("e", e)
		got := make(chan int, 1)
		go func() { i, _ := async.WaitAny(bg, c, d, e); got <- i }()
		all := make(chan error, 1)
		go func() { all <- async.WaitAll(bg, x, c, d) }()
		synctest.Wait()

		wantEq(t, "Complete", p.Complete(1, nil), true)
		wantEq(t, "WaitAny", <-got, 0)
		wantEq(t, "the losers", d.IsDone() || e.IsDone(), false)
		wantEq(t, "their contexts", q.Context().Err() != nil || r.Context().Err() != nil, false)
		d.Release()
		wantEq(t, "abandoned, though a member of others", d.IsDone(), true)
		wantEq(t, "cause", context.Cause(q.Context()), async.ErrAbandoned)
		x.Set()
		wantEq(t, "WaitAll", <-all, nil)
		for _, want := range []string{"c", "d"} {
			key, _ := s.TryNext()
			wantEq(t, "from the set", key, want)
		}
		s.Release()
		wantEq(t, "the last", r.Complete(3, nil), true)
		v, err := e.Finish()
		wantEq(t, "its value", v, 3)
		wantEq(t, "its error", err, nil)
		c.Release()
		synctest.Wait()
		b.want(t, "only waited for", 1)
	})
}

func TestW3_NothingToWaitFor(t *testing.T) {
	for _, ctx := range []context.Context{bg, expired} {
		i, err := async.WaitAny(ctx)
		wantEq(t, "WaitAny's index", i, -1)
		wantEq(t, "WaitAny", err, async.ErrNothingToWait)
		wantEq(t, "WaitAll", async.WaitAll(ctx), nil)

		var s async.Set[int]
		_, err = s.Next(ctx)
		wantEq(t, "Set.Next", err, async.ErrNothingToWait)
		_, ok := s.TryNext()
		wantEq(t, "Set.TryNext", ok, false)
		for range s.All(ctx) {
			t.Error("an empty set yielded")
		}

		var none async.Calls[int]
		i, _, err = none.Race(ctx)
		wantEq(t, "Race's index", i, -1)
		wantEq(t, "Race", err, async.ErrNothingToWait)
		i, _, err = none.Any(ctx)
		wantEq(t, "Any's index", i, -1)
		wantEq(t, "Any", err, async.ErrNothingToWait)
		for _, k := range []int{-1, 0, 1} {
			is, vs, err := none.Quorum(ctx, k)
			wantEq(t, "Quorum's results", len(is)+len(vs), 0)
			wantEq(t, "Quorum", err, async.ErrNothingToWait)
		}
		vs, err := none.All(ctx)
		wantEq(t, "All's values", len(vs), 0)
		wantEq(t, "All", err, nil)
		rs, err := none.Settle(ctx)
		wantEq(t, "Settle's results", len(rs), 0)
		wantEq(t, "Settle", err, nil)
		for range none.Each(ctx) {
			t.Error("no calls yielded")
		}
		none.Cancel(nil)
		none.Release()
		wantEq(t, "GoAll", len(async.GoAll[int](ctx, nil)), 0)
		wantEq(t, "GoEach", len(async.GoEach(ctx, nil, func(context.Context, int) (int, error) { return 0, nil })), 0)
	}
}

func TestW3_TheIndexIsMinusOneWhenTheWaitEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(bg)
	cancel(errBoom)
	e := new(async.Event)
	i, err := async.WaitAny(ctx, e, e)
	wantEq(t, "index", i, -1)
	wantIs(t, err, context.Canceled, errBoom, async.ErrCallPending)
	_, c := async.NewPromise[int](bg)
	calls := async.Calls[int]{c, c}
	i, _, err = calls.Race(ctx)
	wantEq(t, "Race's index", i, -1)
	wantIs(t, err, context.Canceled, errBoom, async.ErrCallPending)
	i, _, err = calls.Any(ctx)
	wantEq(t, "Any's index", i, -1)
	wantIs(t, err, context.Canceled, errBoom, async.ErrCallPending)
}

func TestW3_ANilMemberPanicsNamingItsIndex(t *testing.T) {
	var (
		e *async.Event
		s *async.Signal
		c *async.Call[string]
	)
	x := new(async.Event)
	y := async.Chan(make(chan struct{}))
	for name, w := range map[string]async.Waitable{"nil": nil, "Event": e, "Signal": s, "Call": c} {
		for index, ws := range [][]async.Waitable{
			{w, x},
			{x, w},
			{bg, y, w},
			{x, setEvent(), y, w}, // behind one that is complete
		} {
			want := fmt.Sprintf("member %d ", index)
			wantPanic(t, name, want, func() { _, _ = async.WaitAny(expired, ws...) })
			wantPanic(t, name, want, func() { _ = async.WaitAll(expired, ws...) })
		}
		var set async.Set[string]
		wantPanic(t, name, "under the key", func() { set.Add("the key", w) })
		wantEq(t, "members", set.Len(), 0)
	}
	calls := async.Calls[int]{async.Ready(1, nil), async.Ready(2, nil), nil}
	for name, f := range map[string]func(){
		"Race":   func() { _, _, _ = calls.Race(bg) },
		"Any":    func() { _, _, _ = calls.Any(bg) },
		"All":    func() { _, _ = calls.All(bg) },
		"Settle": func() { _, _ = calls.Settle(bg) },
		"Quorum": func() { _, _, _ = calls.Quorum(bg, 1) },
		"Each": func() {
			for range calls.Each(bg) {
			}
		},
	} {
		wantPanic(t, name, "call 2 ", f)
	}
	wantPanic(t, "GoAll", "function 1 ", func() { async.GoAll(bg, []func(context.Context) (int, error){value(1, nil), nil}) })
	// The panics left nothing behind.
	wantFlat(t, "nil members", func() {
		for range rounds(10000) {
			_ = recovered(func() { _, _ = async.WaitAny(expired, x, nil) })
			_ = recovered(func() { _ = async.WaitAll(expired, x, nil) })
		}
	})
}

// The completion comes after all are registered and before the wait looks: it
// finds both, and must not toss a coin.
func TestR6_ATieInWaitAny(t *testing.T) {
	beside := map[string][]async.Waitable{
		"alone":            nil,
		"beside a channel": {async.Chan(make(chan struct{}))},
	}
	for name, kind := range completing() {
		for others, more := range beside {
			t.Run(name+"/"+others, func(t *testing.T) {
				for round := range rounds(10000) {
					w, complete := kind()
					ws := append([]async.Waitable{w}, more...)
					if i, err := async.WaitAny(hookContext{expired, complete}, ws...); i != 0 || err != nil {
						t.Fatalf("round %d: %d, %v", round, i, err)
					}
				}
			})
		}
	}
}

func TestR6_ATieInWaitAll(t *testing.T) {
	for name, kind := range completing() {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(2000) {
				w, complete := kind()
				v, completeToo := kind()
				ctx, cancel := context.WithCancel(bg)
				together(
					func() { complete(); completeToo(); cancel() },
					func() {
						if err := async.WaitAll(ctx, v, w); err != nil {
							t.Errorf("round %d: %v", round, err)
						}
					})
				if t.Failed() {
					return
				}
			}
		})
	}
}

func TestWaitAll_OrderDoesNotMatter(t *testing.T) {
	for range rounds(300) {
		const n = 10
		ws, complete := members(n)
		var done atomic.Int32
		together(
			func() {
				wantEq(t, "WaitAll", async.WaitAll(bg, ws...), nil)
				wantEq(t, "complete by then", done.Load(), int32(n))
			},
			func() {
				for _, i := range rand.Perm(n) {
					done.Add(1)
					complete[i]()
				}
			})
	}
}

// Values that somebody sends one after the other are received in the order in
// which they are sent, not in that of the members.
func TestWaitAll_ReceivesInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(bg, time.Hour)
		defer cancel()
		a, b := make(chan struct{}), make(chan struct{})
		go func() {
			for _, ch := range []chan struct{}{b, a} {
				select {
				case ch <- struct{}{}:
				case <-ctx.Done():
				}
			}
		}()
		wantEq(t, "WaitAll", async.WaitAll(ctx, async.Chan(a), async.Chan(b)), nil)
	})
}

func TestWaitAll_TheErrorNamesTheFirstThatIsNotComplete(t *testing.T) {
	for range rounds(2000) {
		const n = 20
		ws, complete := members(n)
		var want async.Waitable
		for i := range n {
			if rand.N(4) > 0 {
				complete[i]()
			} else if want == nil {
				want = ws[i]
			}
		}
		err := async.WaitAll(expired, ws...)
		if want == nil {
			wantEq(t, "all complete", err, nil)
		} else {
			wantWaitError(t, "one is not", err, want, context.Canceled)
		}
		if t.Failed() {
			return
		}
		for i := range complete {
			complete[i]()
		}
	}
}

func TestWaitAll_ReturnsWithTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 1000
		events := make([]async.Event, n)
		ws := make([]async.Waitable, n)
		for i := range ws {
			ws[i] = &events[i]
		}
		returned := false
		go func() { wantEq(t, "WaitAll", async.WaitAll(bg, ws...), nil); returned = true }()
		for _, i := range rand.Perm(n) {
			synctest.Wait()
			wantEq(t, "returned before the last", returned, false)
			events[i].Set()
		}
		synctest.Wait()
		wantEq(t, "returned", returned, true)
	})
}

// Many waits on overlapping members, whose completions and cancellations all
// race: each returns a member that is complete, or says truly that none was.
func TestW1_OverlappingWaits(t *testing.T) {
	for round := range rounds(2000) {
		events := make([]async.Event, 6)
		var acts []func()
		for w := range 4 {
			ctx, cancel := context.WithCancel(bg)
			var ws []async.Waitable
			for _, i := range rand.Perm(len(events))[:3] {
				ws = append(ws, &events[i])
			}
			acts = append(acts,
				func() {
					i, err := async.WaitAny(ctx, ws...)
					if err == nil && !ws[i].(*async.Event).IsSet() {
						t.Errorf("round %d: member %d is not complete", round, i)
					}
					if err != nil && ctx.Err() == nil {
						t.Errorf("round %d: %v", round, err)
					}
				},
				func() {
					for range w {
						runtime.Gosched()
					}
					events[w].Set()
					cancel()
				})
		}
		together(acts...)
		for i := range events {
			events[i].Set() // every node but theirs is out
		}
	}
}
