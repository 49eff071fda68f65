package asynctest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
)

// A planted leak makes something be left in a scope, and returns the reports it
// expects. t is the test itself, f the one that is played and whose scope s is.
type plantedLeak struct {
	name  string
	o     async.ScopeOptions
	plant func(t testing.TB, s *async.Scope, f *fake) (want []string)
}

func report(format string, args ...any) []string { return []string{fmt.Sprintf(format, args...)} }

var plantedLeaks = []plantedLeak{
	{name: "pending call", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		b := asynctest.NewBlocker[int](t)
		_, at := async.Go(bg, b.Func, s, async.Name("fetch")), here()
		return report(`%s: call begun here, still pending, in no wait by the function's context: #1 "fetch"`, at)
	}},
	{name: "pending call, released", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		b := asynctest.NewBlocker[int](t)
		c, at := async.Go(bg, b.Func, s), here()
		c.Release()
		return report("%s: call begun here, still pending, in no wait by the function's context: #1", at)
	}},
	{name: "pending promise", plant: func(_ testing.TB, s *async.Scope, _ *fake) []string {
		at := below(1)
		async.NewPromise[int](bg, s)
		return report("%s: call begun here, still pending, nobody has completed the promise: #1", at)
	}},
	{name: "pending promise of an object", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		c := new(async.Call[int])
		at := below(1)
		_, err := c.BeginPromise(bg, s)
		wantEq(t, "error", err, nil)
		return report("%s: call begun here, still pending, nobody has completed the promise: #1", at)
	}},
	{name: "queued call", o: async.ScopeOptions{Limit: 1}, plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		b := asynctest.NewBlocker[int](t)
		_, first := async.Go(bg, b.Func, s), here()
		_, second := async.Go(bg, b.Func, s), here()
		return []string{
			first + ": call begun here, still pending, in no wait by the function's context: #1",
			second + ": call begun here, still queued: #2",
		}
	}},
	{name: "untaken result", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		c, at := async.Go(bg, value(1), s), here()
		wantEq(t, "Wait", c.Wait(bg), nil)
		return report("%s: call begun here, result not taken: #1", at)
	}},
	{name: "untaken error", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		fails := func(context.Context) (int, error) { return 0, errors.New("no route\nto host") }
		c, at := async.Go(bg, fails, s), here()
		wantEq(t, "Wait", c.Wait(bg), nil)
		return report("%s: call begun here, result not taken: #1 (no route)", at)
	}},
	{name: "unseen panic", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		panics := func(context.Context) (int, error) { panic("ouch") }
		c, at := async.Go(bg, panics, s), here()
		wantEq(t, "Wait", c.Wait(bg), nil)
		return report("%s: call begun here, panic not seen by anybody: #1 (panic: ouch)", at)
	}},
	{name: "handle whose result was awaited through a clone", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		c, at := async.Go(bg, value(1), s), here()
		v, err := c.Clone().Await(bg)
		wantEq(t, "value", v, 1)
		wantEq(t, "error", err, nil)
		return report("%s: call begun here, not released (another handle took the result): #1", at)
	}},
	{name: "awaited streaming call", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		c, at := async.Go(bg, value(1), s, async.Streaming()), here()
		_, err := c.Await(bg)
		wantEq(t, "error", err, nil)
		return report("%s: call begun here, not released (the call streams): #1", at)
	}},
	{name: "signal of an awaited call", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		c, begun := async.Go(bg, value(1), s), here()
		_, at := c.Signal(), here()
		_, err := c.Await(bg)
		wantEq(t, "error", err, nil)
		return report("%s: clone or signal made here, not released: #1, begun at %s", at, begun)
	}},
	{name: "unreleased handle of a canceled call", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		b := asynctest.NewBlocker[int](t)
		c, at := async.Go(bg, b.Func, s), here()
		wantEq(t, "Cancel", c.Cancel(errors.New("enough")), nil)
		return report("%s: call begun here, not released: #1 (async: call canceled: enough)", at)
	}},
	{name: "finished streaming call", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		c, at := async.Go(bg, value(1), s, async.Streaming()), here()
		wantEq(t, "Wait", c.Wait(bg), nil)
		c.Finish()
		return report("%s: call begun here, not released (the call streams): #1", at)
	}},
	{name: "unreleased clone", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		c, begun := async.Go(bg, value(1), s), here()
		_, at := c.Clone(), here()
		wantEq(t, "Wait", c.Wait(bg), nil)
		c.Finish()
		return report("%s: clone or signal made here, not released: #1, begun at %s", at, begun)
	}},
	{name: "clone with the result", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		c, begun := async.Go(bg, value(1), s), here()
		_, at := c.Clone(), here()
		wantEq(t, "Wait", c.Wait(bg), nil)
		c.Release()
		return report("%s: clone or signal made here, result not taken: #1, begun at %s", at, begun)
	}},
	{name: "handle and clone with the result", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		c, begun := async.Go(bg, value(1), s), here()
		_, at := c.Clone(), here()
		wantEq(t, "Wait", c.Wait(bg), nil)
		return []string{
			begun + ": call begun here, result not taken: #1",
			fmt.Sprintf("%s: clone or signal made here, not released: #1, begun at %s", at, begun),
		}
	}},
	{name: "pending call with a clone", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		m := asynctest.NewBlocker[int](t)
		c, begun := async.Go(bg, m.Func, s), here()
		_, at := c.Clone(), here()
		return []string{
			begun + ": call begun here, still pending, in no wait by the function's context: #1",
			fmt.Sprintf("%s: clone or signal made here, not released: #1 (async: call canceled: async: scope closed), begun at %s", at, begun),
		}
	}},
	{name: "unreleased signal", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		c, begun := async.Go(bg, value(1), s), here()
		_, at := c.Signal(), here()
		wantEq(t, "Wait", c.Wait(bg), nil)
		c.Finish()
		return report("%s: clone or signal made here, not released: #1, begun at %s", at, begun)
	}},
	{name: "unreleased clone of a signal", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		c, begun := async.Go(bg, value(1), s), here()
		sig := c.Signal()
		_, at := sig.Clone(), here()
		sig.Release()
		wantEq(t, "Wait", c.Wait(bg), nil)
		c.Finish()
		return report("%s: clone or signal made here, not released: #1, begun at %s", at, begun)
	}},
	{name: "signal from before the call", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		c := new(async.Call[int])
		c.Signal()
		err, at := c.Begin(bg, value(1), s), here()
		wantEq(t, "error", err, nil)
		wantEq(t, "Wait", c.Wait(bg), nil)
		c.Finish()
		return report("%s: handle from before the call begun here, not released: #1", at)
	}},
	{name: "unreleased clone of a manual call", plant: func(t testing.TB, s *async.Scope, f *fake) []string {
		m, begun := asynctest.NewManual[int](f, s), here()
		_, at := m.Call.Clone(), here()
		m.Complete(1, nil)
		return report("%s: clone or signal made here, result not taken: #1, begun at %s", at, begun)
	}},
	{name: "function that ignores its cancellation", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		b := asynctest.NewStubborn[int](t)
		c, at := async.Go(bg, b.Func, s), here()
		<-b.Started()
		wantEq(t, "Cancel", c.Cancel(errors.New("enough")), nil)
		c.Release()
		return report("%s: call begun here, canceled, but its function did not return: #1 (async: call canceled: enough)", at)
	}},
	{name: "pending function that ignores its cancellation", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		b := asynctest.NewStubborn[int](t)
		_, at := async.Go(bg, b.Func, s), here()
		<-b.Started()
		return report("%s: call begun here, still pending, and its function did not return when it was canceled: #1", at)
	}},
	{name: "members of GoEach", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		b := asynctest.NewBlocker[int](t)
		f := func(ctx context.Context, i int) (int, error) {
			if i == 1 {
				return i, nil
			}
			return b.Func(ctx)
		}
		cs, at := async.GoEach(bg, []int{0, 1, 2}, f, s), here()
		wantEq(t, "Wait", cs[1].Wait(bg), nil)
		return []string{
			at + ": 2 calls begun here, still pending, in no wait by the function's context: #1; #3",
			at + ": call begun here, result not taken: #2",
		}
	}},
	{name: "many of a kind", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		b := asynctest.NewBlocker[int](t)
		f := func(ctx context.Context, _ int) (int, error) { return b.Func(ctx) }
		_, at := async.GoEach(bg, make([]int, 1000), f, s), here()
		return report("%s: 1000 calls begun here, still pending, in no wait by the function's context: #1; #2; #3; #4; #5; #6; #7; #8; #9; #10; and 990 more", at)
	}},
	{name: "call on an object used again", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		c := done(t, s)
		c.Finish()
		err, at := c.Begin(bg, value(2), s), here()
		wantEq(t, "error", err, nil)
		wantEq(t, "Wait", c.Wait(bg), nil)
		return report("%s: call begun here, result not taken: #2", at)
	}},
	{name: "handle of Join, of a run that another began", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		g := async.Group[string, int]{Options: []async.Option{s}}
		joined := make(chan struct{}) // the second joins the run of the first
		f := func(context.Context) (int, error) { <-joined; return 1, nil }
		first, begun := g.Join(bg, "key", f), here()
		_, at := g.Join(bg, "key", f), here()
		close(joined)
		first.Await(bg)
		first.Release()
		return report("%s: handle of Join made here, not released: #1, begun at %s", at, begun)
	}},
	{name: "call in a scope that was shut down", plant: func(t testing.TB, s *async.Scope, _ *fake) []string {
		b := asynctest.NewBlocker[int](t)
		_, at := async.Go(bg, b.Func, s), here()
		ctx, cancel := context.WithCancel(bg)
		cancel()
		if s.Shutdown(ctx) == nil {
			t.Error("Shutdown says that nothing was left")
		}
		return report("%s: call begun here, not released: #1 (async: call canceled: async: scope closed)", at)
	}},
}

// check plants the leak in a scope of a test that is only played, and compares
// what that reports.
func (p plantedLeak) check(t testing.TB) {
	t.Helper()
	f := &fake{TB: t}
	p.checkIn(t, f, asynctest.NewScope(f, p.o))
}

// checkIn is check for a scope that is checked already.
func (p plantedLeak) checkIn(t testing.TB, f *fake, s *async.Scope) {
	t.Helper()
	want := p.plant(t, s, f)
	wantReports(t, p.name, f.end(), want...)
}

// All at the same time: a leak outside of a bubble takes its time to be one.
func TestNewScope_ReportsLeaksOnce(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for _, p := range plantedLeaks {
		wg.Go(func() { p.check(t) })
	}
	wg.Wait()
}

func TestNewScope_ReportsLeaksInABubble(t *testing.T) {
	for _, p := range plantedLeaks {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { p.check(t) })
		})
	}
}

// All in one scope are reported as well, each once.
func TestNewScope_ReportsAllLeaksTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := asynctest.NewScope(f)
		n := 0
		for _, p := range plantedLeaks {
			if p.o.Limit == 0 && !strings.Contains(p.name, "shut down") {
				n += len(p.plant(t, s, f))
			}
		}
		reports := f.end()
		wantEq(t, "reports", len(reports), n)
		slices.Sort(reports)
		wantEq(t, "different ones", len(slices.Compact(reports)), n)
	})
}

// A clean test says nothing, though it goes on in other goroutines when its
// function has returned.
func cleanRun(t testing.TB) {
	f := &fake{TB: t}
	s := asynctest.NewScope(f, async.ScopeOptions{Limit: 2})
	b, m := asynctest.NewBlocker[int](f), asynctest.NewManual[int](f, s)
	async.Go(bg, b.Func, s).Release() // returns in the cleanup
	cs := async.GoEach(bg, []int{1, 2, 3}, func(context.Context, int) (int, error) { return 1, nil }, s)
	waiter, sig := m.Call.Clone(), m.Call.Signal()
	go func() {
		defer waiter.Release()
		waiter.Await(bg)
	}()
	go func() {
		defer sig.Release()
		defer cs.Release()
		cs.All(bg)
	}()
	for _, report := range f.end() {
		t.Error(report)
	}
	wantEq(t, "Err", s.Err(), async.ErrScopeClosed)
}

func TestNewScope_CleanRunsSayNothing(t *testing.T) {
	t.Parallel()
	for range 1000 {
		cleanRun(t)
	}
}

func TestNewScope_CleanRunsSayNothingInABubble(t *testing.T) {
	t.Parallel()
	for range 1000 {
		synctest.Test(t, func(t *testing.T) { cleanRun(t) })
	}
}

func TestNewScope_CleanRunsSayNothingInParallel(t *testing.T) {
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for range 100 {
				cleanRun(t)
			}
		})
	}
}

// A clean end takes no time, and one that takes some is waited for.
func TestNewScope_WaitsForWhatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		f := &fake{TB: t}
		s := asynctest.NewScope(f)
		c := done(t, s)
		c.Finish()
		wantEq(t, "reports", len(f.end()), 0)
		wantEq(t, "took", time.Since(start), 0)

		s = asynctest.NewScope(f)
		sleep := func(d time.Duration) {
			async.Go(bg, func(context.Context) (int, error) { time.Sleep(d); return 1, nil }, s).Release()
		}
		sleep(time.Second - 1)
		wantEq(t, "reports", len(f.end()), 0)
		wantEq(t, "took", time.Since(start), time.Second-1)

		s = asynctest.NewScope(f)
		sleep(time.Second + 1)
		wantEq(t, "reports", len(f.end()), 1)
	})
}

// A handle whose result was taken through it needs no Release: nothing is reported,
// and nothing is waited for.
func TestNewScope_TakenHandlesNeedNoRelease(t *testing.T) {
	fails := func(context.Context) (int, error) { return 1, errors.New("failed") }
	pair := func(s *async.Scope) async.Calls[int] {
		return async.Calls[int]{async.Go(bg, value(1), s), async.Go(bg, value(2), s)}
	}
	for name, take := range map[string]func(s *async.Scope){
		"Await": func(s *async.Scope) { async.Go(bg, value(1), s).Await(bg) },
		"Await, twice": func(s *async.Scope) {
			c := async.Go(bg, value(1), s)
			c.Await(bg)
			c.Await(bg)
		},
		"Await of a complete call": func(s *async.Scope) {
			c := async.Go(bg, value(1), s)
			c.Wait(bg)
			c.Await(bg)
		},
		"Await of an error": func(s *async.Scope) { async.Go(bg, fails, s).Await(bg) },
		"Await of a canceled call": func(s *async.Scope) {
			c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, nil }, s)
			c.Cancel(nil)
			c.Await(bg)
		},
		"Await of a promise": func(s *async.Scope) {
			p, c := async.NewPromise[int](bg, s)
			p.Complete(1, nil)
			c.Await(bg)
		},
		"Await of a panic": func(s *async.Scope) {
			defer func() { _ = recover() }()
			async.Go(bg, func(context.Context) (int, error) { panic("ouch") }, s).Await(bg)
		},
		"Await of a call and of its clone": func(s *async.Scope) {
			c := async.Go(bg, value(1), s)
			c.Clone().Await(bg)
			c.Await(bg)
		},
		"All":    func(s *async.Scope) { pair(s).All(bg) },
		"Settle": func(s *async.Scope) { pair(s).Settle(bg) },
		"Quorum": func(s *async.Scope) { pair(s).Quorum(bg, 2) },
		"Each": func(s *async.Scope) {
			for range pair(s).Each(bg) {
			}
		},
		"Race": func(s *async.Scope) { async.Calls[int]{async.Go(bg, value(1), s)}.Race(bg) },
		"Any":  func(s *async.Scope) { async.Calls[int]{async.Go(bg, value(1), s)}.Any(bg) },
		"Any, and all fail": func(s *async.Scope) {
			async.Calls[int]{async.Go(bg, fails, s), async.Go(bg, fails, s)}.Any(bg)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				f := &fake{TB: t}
				take(asynctest.NewScope(f))
				for _, report := range f.end() {
					t.Error(report)
				}
				wantEq(t, "took", time.Since(start), 0)
			})
		})
	}
}

// What a scope called for its calls is part of it.
func TestNewScope_ReportsDiscardThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		defer close(hang)
		f := &fake{TB: t}
		s := asynctest.NewScope(f, async.ScopeOptions{Name: "of discards"})
		done(t, s, async.Discard(func(int, error) { <-hang })).Release()
		reports := f.end()
		wantEq(t, "reports", strings.Join(reports, "\n"),
			`asynctest: scope "of discards" did not end: a Discard, OnSignal or Observer function still ran`)
	})
}

func TestNewScope_ReportsOnSignalThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		defer close(hang)
		f := &fake{TB: t}
		s := asynctest.NewScope(f)
		c, at := async.Go(bg, value(1), s, async.OnSignal(func() { <-hang })), here()
		c.Await(bg)
		c.Release()
		wantReports(t, "OnSignal", f.end(), at+": call begun here, complete, but an OnSignal or Observer function did not return: #1")
	})
}

// A scope may be closed or shut down by the test, and be the second of it.
func TestNewScope_EndedByTheTest(t *testing.T) {
	t.Parallel()
	a, b := asynctest.NewScope(t), asynctest.NewScope(t, async.ScopeOptions{Limit: 1})
	done(t, a).Finish()
	c := done(t, b)
	a.Close()
	c.Finish()
	wantEq(t, "Shutdown", b.Shutdown(bg), nil)
}

func TestNewScope_Options(t *testing.T) {
	t.Parallel()
	wantEq(t, "name", asynctest.NewScope(t).String(), fmt.Sprintf("scope %q", t.Name()))
	wantEq(t, "name", asynctest.NewScope(t, async.ScopeOptions{Name: "mine"}).String(), `scope "mine"`)
	defer func() {
		wantEq(t, "panic", recover(), any("asynctest: NewScope with more than one ScopeOptions"))
	}()
	asynctest.NewScope(t, async.ScopeOptions{}, async.ScopeOptions{})
}
