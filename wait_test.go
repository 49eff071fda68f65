package async_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// Waits for one and for many: what ends them, members of every kind, and contexts and
// channels that the package does not know.

// A withContext is what takes a context: where the context ends the wait for
// something that never comes, the error that it returns.
type withContext map[string]func(ctx context.Context) error

// contextTakers are all functions and methods that take a context.
func contextTakers() withContext {
	never := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, context.Cause(ctx) }
	pending := func() *async.Call[int] { return new(async.Call[int]) }
	calls := func() async.Calls[int] { return async.Calls[int]{pending(), pending()} }
	awaited := func(c *async.Call[int]) error { _, err := c.Await(bg); return err }
	return withContext{
		"Call.Await": func(ctx context.Context) error { _, err := pending().Await(ctx); return err },
		"Call.Wait":  func(ctx context.Context) error { return pending().Wait(ctx) },
		"Call.CancelWait": func(ctx context.Context) error {
			_, c := async.NewPromise[int](bg)
			return c.CancelWait(ctx, nil)
		},
		"Signal.Wait": func(ctx context.Context) error { return pending().Signal().Wait(ctx) },
		"Event.Wait":  func(ctx context.Context) error { return new(async.Event).Wait(ctx) },
		"WaitAny":     func(ctx context.Context) error { _, err := async.WaitAny(ctx, new(async.Event)); return err },
		"WaitAny of a channel": func(ctx context.Context) error {
			_, err := async.WaitAny(ctx, make(channelOf))
			return err
		},
		"WaitAll": func(ctx context.Context) error { return async.WaitAll(ctx, new(async.Event), make(channelOf)) },
		"Set.Next": func(ctx context.Context) error {
			var s async.Set[int]
			s.Add(1, new(async.Event))
			_, err := s.Next(ctx)
			return err
		},
		"Set.All": func(ctx context.Context) error {
			var s async.Set[int]
			s.Add(1, new(async.Event))
			for range s.All(ctx) {
				return errors.New("something came")
			}
			return errOfLoop(ctx)
		},
		"Calls.Race":   func(ctx context.Context) error { _, _, err := calls().Race(ctx); return err },
		"Calls.Any":    func(ctx context.Context) error { _, _, err := calls().Any(ctx); return err },
		"Calls.Quorum": func(ctx context.Context) error { _, _, err := calls().Quorum(ctx, 2); return err },
		"Calls.All":    func(ctx context.Context) error { _, err := calls().All(ctx); return err },
		"Calls.Settle": func(ctx context.Context) error { _, err := calls().Settle(ctx); return err },
		"Calls.Each": func(ctx context.Context) error {
			for range calls().Each(ctx) {
				return errors.New("something came")
			}
			return errOfLoop(ctx)
		},
		"Hedge": func(ctx context.Context) error { _, err := async.Hedge(ctx, 0, 2, anyAttempt(never)); return err },
		"Group.Do": func(ctx context.Context) error {
			_, err, _ := new(async.Group[int, int]).Do(ctx, 1, never)
			return err
		},
		"Group.Join": func(ctx context.Context) error {
			c := new(async.Group[int, int]).Join(ctx, 1, func(context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
			return awaited(c)
		},
		"Lazy.Get": func(ctx context.Context) error { _, err := async.NewLazy(never).Get(ctx); return err },
		"Scope.Shutdown": func(ctx context.Context) error {
			s := async.NewScope(async.ScopeOptions{})
			_, c := async.NewPromise[int](bg, s)
			defer c.Release()
			return s.Shutdown(ctx)
		},
		"Go": func(ctx context.Context) error { return awaited(async.Go(ctx, never)) },
		"GoAll": func(ctx context.Context) error {
			return awaited(async.GoAll(ctx, []func(context.Context) (int, error){never})[0])
		},
		"NewPromise": func(ctx context.Context) error { _, c := async.NewPromise[int](ctx); return awaited(c) },
		"GoEach": func(ctx context.Context) error {
			return awaited(async.GoEach(ctx, []int{1}, func(ctx context.Context, _ int) (int, error) { return never(ctx) })[0])
		},
		"Call.Begin": func(ctx context.Context) error {
			var c async.Call[int]
			return errors.Join(c.Begin(ctx, never), awaited(&c))
		},
		"Call.BeginPromise": func(ctx context.Context) error {
			var c async.Call[int]
			_, err := c.BeginPromise(ctx)
			return errors.Join(err, awaited(&c))
		},
	}
}

// errOfLoop is the error of an iterator, which has none.
func errOfLoop(ctx context.Context) error { return ctx.Err() }

// A nil context is a mistake that says so wherever a context is looked at.
func TestErrors_ANilContextPanicsAndSaysSo(t *testing.T) {
	for name, f := range contextTakers() {
		t.Run(name, func(t *testing.T) {
			v := recovered(func() { _ = f(nil) })
			text, _ := v.(string)
			if !strings.HasPrefix(text, "async: ") || !strings.HasSuffix(text, " with a nil context") {
				t.Errorf("it panics with %v", v)
			}
		})
	}
}

// What is complete is returned without a look at the context.
func TestErrors_ANilContextIsNotLookedAtWhereAllIsComplete(t *testing.T) {
	c := async.Ready(1, nil)
	s := c.Signal()
	for name, f := range map[string]func(ctx context.Context){
		"Await":       func(ctx context.Context) { _, _ = c.Await(ctx) },
		"Wait":        func(ctx context.Context) { _ = c.Wait(ctx) },
		"Signal.Wait": func(ctx context.Context) { _ = s.Wait(ctx) },
		"Event.Wait":  func(ctx context.Context) { _ = setEvent().Wait(ctx) },
	} {
		wantEq(t, name, recovered(func() { f(nil) }), nil)
	}
}

// A wordy context ends with an error that cannot be compared.
type wordy struct {
	context.Context
}

type words []string

func (w words) Error() string { return strings.Join(w, " ") }

func (w wordy) Value(any) any { return nil } // so Err tells the cause

func (w wordy) Err() error {
	if w.Context.Err() != nil {
		return words{"this", "is", "over"}
	}
	return nil
}

// The error of a context may be of any type.
func TestErrors_AContextWhoseErrorCannotBeCompared(t *testing.T) {
	for name, f := range contextTakers() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, d := range []time.Duration{0, time.Second} {
					ctx, cancel := context.WithTimeout(bg, d)
					err := f(wordy{ctx})
					cancel()
					var w words
					if !errors.As(err, &w) || strings.Count(err.Error(), w.Error()) != 1 {
						t.Errorf("after %v: %v", d, err)
					}
				}
			})
		})
	}
}

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
		"Cancel":  func() { calls.Cancel(nil) },
		"Release": func() { calls.Release() },
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

// A stranger is a context of somebody else's making: package context knows no
// way to its end but its channel. Values, and with them the cause, come from the
// context inside.
type stranger struct {
	context.Context
	mu   sync.Mutex
	done chan struct{}
	err  error
}

func newStranger(inside context.Context) *stranger {
	return &stranger{Context: inside, done: make(chan struct{})}
}

func (s *stranger) Done() <-chan struct{} { return s.done }

func (s *stranger) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stranger) cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = context.Canceled
		close(s.done)
	}
}

// A helpfulStranger has the method by which package context needs no goroutine.
type helpfulStranger struct {
	*stranger
	latch async.Event
}

func (s *helpfulStranger) AfterFunc(f func()) (stop func() bool) {
	return async.AfterFunc(&s.latch, f)
}

func (s *helpfulStranger) cancel() { s.stranger.cancel(); s.latch.Set() }

// A channelOf is a Waitable that is neither a context nor of this package.
type channelOf chan struct{}

func (c channelOf) Done() <-chan struct{} { return c }

// A strangerKind is a kind of Waitable that this package did not make.
type strangerKind struct {
	fresh      func() (w async.Waitable, complete func())
	goroutines int  // what a registration costs; a channel is selected over instead
	channel    bool // neither native nor a context
	never      bool // never completes
}

var strangers = map[string]strangerKind{
	"WithCancel": {fresh: func() (async.Waitable, func()) { return context.WithCancel(bg) }},
	"WithValue": {fresh: func() (async.Waitable, func()) {
		ctx, cancel := context.WithCancel(bg)
		return context.WithValue(ctx, errBoom, 1), cancel
	}},
	"WithCancelCause": {fresh: func() (async.Waitable, func()) {
		ctx, cancel := context.WithCancelCause(bg)
		return ctx, func() { cancel(errBoom) }
	}},
	"WithoutCancel": {never: true, fresh: func() (async.Waitable, func()) {
		ctx, cancel := context.WithCancel(bg)
		return context.WithoutCancel(ctx), cancel
	}},
	"Background": {never: true, fresh: func() (async.Waitable, func()) { return bg, func() {} }},
	"a stranger": {goroutines: 1, fresh: func() (async.Waitable, func()) {
		s := newStranger(bg)
		return s, s.cancel
	}},
	"a stranger with a cause": {goroutines: 1, fresh: func() (async.Waitable, func()) {
		inside, cancel := context.WithCancelCause(bg)
		s := newStranger(inside)
		return s, func() { cancel(errBoom); s.cancel() }
	}},
	"a stranger with AfterFunc": {fresh: func() (async.Waitable, func()) {
		s := &helpfulStranger{stranger: newStranger(bg)}
		return s, s.cancel
	}},
	"a context of a stranger's": {fresh: func() (async.Waitable, func()) {
		s := &helpfulStranger{stranger: newStranger(bg)}
		ctx, cancel := context.WithCancel(s)
		return ctx, func() { s.cancel(); cancel() }
	}},
	"a call's own context": {fresh: func() (async.Waitable, func()) {
		p, c := async.NewPromise[int](bg)
		return p.Context(), func() { _ = c.Cancel(nil) }
	}},
	"Chan": {channel: true, goroutines: 1, fresh: func() (async.Waitable, func()) {
		ch := make(chan struct{})
		return async.Chan(ch), sync.OnceFunc(func() { close(ch) })
	}},
	"a foreign Waitable": {channel: true, goroutines: 1, fresh: func() (async.Waitable, func()) {
		ch := make(channelOf)
		return ch, sync.OnceFunc(func() { close(ch) })
	}},
	"nil Chan": {channel: true, never: true, fresh: func() (async.Waitable, func()) { return async.Chan(nil), func() {} }},
}

// waits are the waits on many, beside a native member that is not complete.
var waits = map[string]func(ctx context.Context, w async.Waitable) error{
	"WaitAny": func(ctx context.Context, w async.Waitable) error {
		i, err := async.WaitAny(ctx, new(async.Event), w, w)
		if err == nil && i != 1 && i != 2 {
			return fmt.Errorf("WaitAny returned %d", i)
		}
		return err
	},
	"WaitAll": func(ctx context.Context, w async.Waitable) error { return async.WaitAll(ctx, w, setEvent(), w) },
	"Set": func(ctx context.Context, w async.Waitable) error {
		var s async.Set[int]
		defer s.Release()
		s.Add(0, new(async.Event))
		s.Add(1, w)
		s.Add(1, w)
		for range 2 {
			if i, err := s.Next(ctx); err != nil || i != 1 {
				return err
			}
		}
		return nil
	},
}

func TestW2_StrangersAsMembers(t *testing.T) {
	for name, kind := range strangers {
		for way, wait := range waits {
			t.Run(name+"/"+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w, complete := kind.fresh()
					ctx, cancel := context.WithCancelCause(bg)
					var got error
					returned := false
					go func() { got = wait(ctx, w); returned = true }()
					synctest.Wait()
					wantEq(t, "returned before", returned, false)
					complete()
					synctest.Wait()
					wantEq(t, "returned", returned, !kind.never)
					if cancel(errBoom); kind.never {
						synctest.Wait()
						wantIs(t, got, errBoom, context.Canceled, async.ErrCallPending)
					} else {
						wantEq(t, "error", got, nil)
						wantEq(t, "again", wait(bg, w), nil)
					}
				})
			})
		}
	}
}

// What a stranger costs in goroutines while it is waited for is what R12 says,
// and nothing afterwards.
func TestW4_WhatStrangersCost(t *testing.T) {
	const n = 10
	for name, kind := range strangers {
		registration := kind.goroutines * n
		inSelect := registration
		if kind.channel {
			inSelect = 0
		}
		for way, test := range map[string]struct {
			cost  int
			begin func(w async.Waitable) (end func())
		}{
			"AfterFunc": {registration, func(w async.Waitable) func() {
				stop := async.AfterFunc(w, func() {})
				return func() { stop() }
			}},
			"WaitAny": {inSelect + n, func(w async.Waitable) func() {
				return waiting(func(ctx context.Context) { _, _ = async.WaitAny(ctx, w) })
			}},
			"WaitAll": {n, func(w async.Waitable) func() {
				return waiting(func(ctx context.Context) { _ = async.WaitAll(ctx, w) })
			}},
			"Set": {inSelect, func(w async.Waitable) func() {
				s := new(async.Set[int])
				s.Add(1, w)
				return s.Release
			}},
			"Set.Next": {inSelect + n, func(w async.Waitable) func() {
				s := new(async.Set[int])
				s.Add(1, w)
				let := waiting(func(ctx context.Context) { _, _ = s.Next(ctx) })
				return func() { let(); s.Release() }
			}},
		} {
			t.Run(name+"/"+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					before := goroutines()
					var ends []func()
					for range n {
						w, _ := kind.fresh()
						ends = append(ends, test.begin(w))
					}
					synctest.Wait()
					cost := test.cost
					if way == "AfterFunc" && kind.never && kind.channel {
						cost = n // a nil channel cannot be told from one that may close
					}
					wantEq(t, "goroutines while it is waited for", goroutines()-before, cost)
					for _, end := range ends {
						end()
					}
					synctest.Wait()
					wantEq(t, "goroutines afterwards", goroutines()-before, 0)
				})
			})
		}
	}
}

// A set lets go of a stranger's goroutine also where the stranger completed and
// was taken.
func TestW4_TakenStrangersLeaveNothing(t *testing.T) {
	for name, kind := range strangers {
		if kind.never {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before := goroutines()
				var s async.Set[int]
				for i := range 10 {
					w, complete := kind.fresh()
					s.Add(i, w)
					complete()
				}
				for range 10 {
					if _, err := s.Next(bg); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				wantEq(t, "goroutines", goroutines()-before, 0)
				wantEq(t, "members left", s.Len(), 0)
			})
		})
	}
}

// Foreign channels on both sides of what one select can take.
var manyChannels = []int{1000, 65_533, 65_534, 65_535, 65_536, 65_537, 140_000}

func channels(n int) (chans []chan struct{}, ws []async.Waitable) {
	for range n {
		ch := make(chan struct{})
		chans, ws = append(chans, ch), append(ws, async.Chan(ch))
	}
	return chans, ws
}

func TestW2_MoreChannelsThanASelectTakes(t *testing.T) {
	for _, n := range manyChannels {
		if raceEnabled && n != 65_537 {
			continue
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before := goroutines()
				chans, ws := channels(n)
				event := new(async.Event)
				ws = append(ws, event)
				wait := func(ctx context.Context, complete func()) (i int, err error) {
					go func() { synctest.Wait(); complete() }()
					i, err = async.WaitAny(ctx, ws...)
					synctest.Wait()
					wantEq(t, "goroutines left", goroutines()-before, 0)
					return i, err
				}
				ctx, cancel := context.WithCancel(bg)
				i, err := wait(ctx, cancel)
				wantEq(t, "index when canceled", i, -1)
				wantIs(t, err, context.Canceled)

				k := rand.N(n)
				i, err = wait(bg, func() { chans[k] <- struct{}{} })
				wantEq(t, "index of a value", i, k)
				wantEq(t, "error", err, nil)

				i, err = wait(bg, func() { close(chans[n-1]) })
				wantEq(t, "index of the last", i, n-1)
				wantEq(t, "error", err, nil)

				i, err = async.WaitAny(bg, ws...)
				wantEq(t, "index on entry", i, n-1)
				wantEq(t, "error", err, nil)

				ws = append(ws[:n-1], event)
				i, err = wait(bg, func() { event.Set() })
				wantEq(t, "index of the event", i, n-1)
				wantEq(t, "error", err, nil)
			})
		})
	}
}

func TestW4_MoreChannelsThanASelectTakes(t *testing.T) {
	n := 70_000
	synctest.Test(t, func(t *testing.T) {
		before := goroutines()
		chans, ws := channels(n)
		var s async.Set[int]
		for i, w := range ws {
			s.Add(i, w)
		}
		next := func(complete func()) int {
			go func() { synctest.Wait(); complete() }()
			i, err := s.Next(bg)
			wantEq(t, "error", err, nil)
			return i
		}
		for _, k := range []int{n - 1, 0, 65_534, 65_536} {
			wantEq(t, "completed while Next waits", next(func() { close(chans[k]) }), k)
		}
		event := new(async.Event)
		s.Add(-5, event)
		wantEq(t, "an event among them", next(func() { event.Set() }), -5)
		wantEq(t, "members left", s.Len(), n-4)

		let := waiting(func(ctx context.Context) { _, _ = s.Next(ctx) })
		let()
		synctest.Wait()
		wantEq(t, "goroutines left", goroutines()-before, 0)

		seen := map[int]bool{n - 1: true, 0: true, 65_534: true, 65_536: true}
		for k, ch := range chans {
			if !seen[k] {
				close(ch)
			}
		}
		for k := range s.All(bg) {
			if seen[k] {
				t.Fatalf("%d came twice", k)
			}
			seen[k] = true
		}
		wantEq(t, "all of them", len(seen), n)
		wantEq(t, "goroutines in the end", goroutines()-before, 0)
	})
}

// A value received from a Chan is its completion, and only that value is
// consumed.
func TestW4_AValueFromAChannelIsConsumedOnce(t *testing.T) {
	ch := make(chan struct{}, 10)
	send := func(n int) {
		for range n {
			ch <- struct{}{}
		}
	}
	send(3)
	i, err := async.WaitAny(bg, async.Chan(ch), async.Chan(ch))
	wantEq(t, "index", i, 0)
	wantEq(t, "error", err, nil)
	wantEq(t, "values left by WaitAny", len(ch), 2)
	wantEq(t, "WaitAll", async.WaitAll(bg, async.Chan(ch), async.Chan(ch)), nil)
	wantEq(t, "values left by WaitAll", len(ch), 0)

	var s async.Set[int]
	s.Add(1, async.Chan(ch))
	_, ok := s.TryNext()
	wantEq(t, "TryNext", ok, false)
	send(3)
	_, ok = s.TryNext()
	wantEq(t, "TryNext", ok, true)
	_, ok = s.TryNext()
	wantEq(t, "TryNext again", ok, false)
	wantEq(t, "values left by the set", len(ch), 2)
}

// Several goroutines take from a set with one channel in it many times: as many
// values are consumed as completions come out.
func TestW4_SeveralNextsConsumeNoMoreThanTheyDeliver(t *testing.T) {
	for round := range rounds(300) {
		const members, values = 20, 30
		ch := make(chan struct{}, values)
		var s async.Set[int]
		for i := range members {
			s.Add(i, async.Chan(ch))
		}
		var mu sync.Mutex
		seen := map[int]int{}
		take := func() {
			for i := range s.All(bg) {
				mu.Lock()
				seen[i]++
				mu.Unlock()
			}
		}
		together(take, take, take, func() {
			for range values {
				ch <- struct{}{}
				runtime.Gosched()
			}
		})
		if len(seen) != members || len(ch) != values-members {
			t.Fatalf("round %d: %d of %d members, %d of %d values left", round, len(seen), members, len(ch), values)
		}
	}
}

// Next gives up, again and again, while values arrive: none is lost on the way
// out.
func TestW4_AGivenUpSelectLosesNoValue(t *testing.T) {
	for round := range rounds(3000) {
		ch := make(chan struct{}, 1)
		var s async.Set[int]
		s.Add(round, async.Chan(ch))
		ctx, cancel := context.WithCancel(bg)
		delivered := false
		together(
			func() { ch <- struct{}{}; cancel() },
			func() {
				_, err := s.Next(ctx)
				delivered = err == nil
			})
		if !delivered {
			t.Fatalf("round %d: the value came first, and Next gave up", round)
		}
	}
}

// Types that embed what is this package's own and say themselves when they are over.

type eventOfOthers struct {
	*async.Event
	channelOf
}

func (e eventOfOthers) Done() <-chan struct{} { return e.channelOf }

type signalOfOthers struct {
	*async.Signal
	over []chan struct{} // which makes it a type that cannot be compared
}

func (s signalOfOthers) Done() <-chan struct{} { return s.over[0] }

type callOfOthers struct {
	async.Call[int]
	over chan struct{}
}

func (c *callOfOthers) Done() <-chan struct{} { return c.over }

// A type that embeds an Event, a Signal or a Call is over when its own Done says so:
// neither before, when what it embeds is complete, nor after.
func TestW2_WhatEmbedsANativeIsWaitedForByItsDone(t *testing.T) {
	for name, fresh := range map[string]func(over chan struct{}, inner bool) async.Waitable{
		"Event": func(over chan struct{}, inner bool) async.Waitable {
			return eventOfOthers{eventThatIs(inner), over}
		},
		"Signal": func(over chan struct{}, inner bool) async.Waitable {
			return signalOfOthers{eventThatIs(inner).Signal(), []chan struct{}{over}}
		},
		"Call": func(over chan struct{}, inner bool) async.Waitable {
			c := &callOfOthers{over: over}
			if inner {
				p, err := c.BeginPromise(bg)
				wantEq(t, "error", err, nil)
				p.Complete(1, nil)
			}
			return c
		},
	} {
		for _, inner := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, complete: %v", name, inner), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					wantsItsDone(t, func(over chan struct{}) async.Waitable { return fresh(over, inner) })
				})
			})
		}
	}
}

func eventThatIs(set bool) *async.Event {
	e := new(async.Event)
	if set {
		e.Set()
	}
	return e
}

// wantsItsDone has every way of waiting wait for a member that is over when its
// channel is closed.
func wantsItsDone(t *testing.T, fresh func(over chan struct{}) async.Waitable) {
	for way, begin := range map[string]func(w async.Waitable, f func()){
		"WaitAny": func(w async.Waitable, f func()) {
			go func() { _, _ = async.WaitAny(bg, new(async.Event), w); f() }()
		},
		"WaitAll": func(w async.Waitable, f func()) { go func() { _ = async.WaitAll(bg, setEvent(), w); f() }() },
		"Set": func(w async.Waitable, f func()) {
			var s async.Set[int]
			s.Add(1, w)
			go func() { _, _ = s.Next(bg); f() }()
		},
		"AfterFunc": func(w async.Waitable, f func()) { async.AfterFunc(w, f) },
	} {
		over := make(chan struct{})
		var told async.Event
		begin(fresh(over), func() { told.Set() })
		synctest.Wait()
		wantEq(t, way+" ended before its Done", told.IsSet(), false)
		close(over)
		synctest.Wait()
		wantEq(t, way+" ended by its Done", told.IsSet(), true)
	}
}

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
	if _, ok := err.(*async.PanicError); !ok {
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

func TestC2_SleepLendsTheSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		start := time.Now()
		sleeps := func(ctx context.Context) (time.Duration, error) {
			err := async.Sleep(ctx, time.Second)
			return time.Since(start), err
		}
		calls := async.GoEach(t.Context(), make([]int, 100), func(ctx context.Context, _ int) (time.Duration, error) { return sleeps(ctx) }, s)
		defer calls.Release()
		synctest.Wait()
		stats := s.Stats()
		wantEq(t, "asleep", stats.Lent, int64(100))
		took, err := calls.All(t.Context())
		wantEq(t, "error", err, nil)
		for _, d := range took {
			wantEq(t, "slept", d, time.Second)
		}
	})
}

// One nanosecond before the time, at the time, and what ends first.
func TestC2_SleepEnds(t *testing.T) {
	for name, test := range map[string]struct {
		sleep, timeout time.Duration
		took           time.Duration
		over           bool
	}{
		"the time is up":               {time.Second, time.Minute, time.Second, true},
		"one nanosecond before":        {time.Second, time.Second + 1, time.Second, true},
		"both at once (R6)":            {time.Second, time.Second, time.Second, true},
		"the context ends before":      {time.Second, time.Second - 1, time.Second - 1, false},
		"zero":                         {0, time.Second, 0, true},
		"negative":                     {-time.Second, time.Second, 0, true},
		"zero, and ctx is done":        {0, 0, 0, false},
		"negative, and ctx is done":    {-1, 0, 0, false},
		"a time, and ctx is done":      {time.Second, 0, 0, false},
		"for ever, and the ctx is not": {1<<63 - 1, time.Hour, time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), test.timeout, errBoom)
				defer cancel()
				start := time.Now()
				err := async.Sleep(ctx, test.sleep)
				wantEq(t, "took", time.Since(start), test.took)
				if test.over {
					wantEq(t, "error", err, nil)
					return
				}
				wantIs(t, err, context.DeadlineExceeded, errBoom, async.ErrCallPending)
				if _, ok := errors.AsType[*async.WaitError](err); !ok {
					t.Errorf("error is a %T", err)
				}
			})
		})
	}
}

// A sleep whose time is up while the function waits for its slot is over, also where the
// context has ended the sleep before.
func TestR6_SleepLooksAgainWhenItHasItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		sleeper := async.Go(t.Context(), func(ctx context.Context) (int, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return 0, async.Sleep(ctx, 2*time.Second)
		}, s)
		defer sleeper.Release()
		synctest.Wait()
		busy := async.Go(t.Context(), func(context.Context) (int, error) {
			time.Sleep(3 * time.Second) // keeps the slot
			return 0, nil
		}, s)
		defer busy.Release()
		_, err := sleeper.Await(t.Context())
		wantEq(t, "error", err, nil)
	})
}

func TestC2_SleepLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	cancel()
	wantFlat(t, "sleeps", func() {
		for range rounds(10_000) {
			_ = async.Sleep(bg, 1)
			_ = async.Sleep(ctx, time.Hour)
		}
	})
	wantPanic(t, "nil context", "nil context", func() { _ = async.Sleep(nil, 0) }) //nolint:staticcheck // the misuse itself
}
