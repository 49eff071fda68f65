package async_test

import (
	"context"
	"errors"
	"fmt"
	"math"
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

// Shared runs: Group.Do, Group.Join and Lazy.

// What a Do comes to.
type groupResult struct {
	v        int
	err      error
	shared   bool
	panicked any
}

type intGroup = async.Group[string, int]

// doing has another goroutine Do.
func doing(ctx context.Context, g *intGroup, key string, fn func(context.Context) (int, error)) <-chan groupResult {
	ch := make(chan groupResult, 1)
	go func() {
		var r groupResult
		r.panicked = recovered(func() { r.v, r.err, r.shared = g.Do(ctx, key, fn) })
		ch <- r
	}()
	return ch
}

func (r groupResult) want(t *testing.T, what string, v int, shared bool) {
	t.Helper()
	if r.v != v || r.err != nil || r.shared != shared || r.panicked != nil {
		t.Errorf("%s: got %+v, want %v, shared %v", what, r, v, shared)
	}
}

// A work is a function whose runs the test watches and ends.
type work struct {
	runs atomic.Int32
	ctx  atomic.Value // of the last run
	end  chan int     // what a run returns; unbuffered
}

func newWork() *work { return &work{end: make(chan int)} }

// listens returns when its context ends.
func (w *work) listens(ctx context.Context) (int, error) {
	w.begin(ctx)
	select {
	case v := <-w.end:
		return v, nil
	case <-ctx.Done():
		return -1, context.Cause(ctx)
	}
}

// ignores goes on whatever its context says.
func (w *work) ignores(ctx context.Context) (int, error) {
	w.begin(ctx)
	return <-w.end, nil
}

func (w *work) begin(ctx context.Context) {
	w.runs.Add(1)
	w.ctx.Store(&ctx)
}

func (w *work) context() context.Context { return *w.ctx.Load().(*context.Context) }

func (w *work) wantRuns(t *testing.T, n int32) {
	t.Helper()
	wantEq(t, "runs", w.runs.Load(), n)
}

func TestH1_CallersOfOneKeyShareOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g intGroup
		w, other := newWork(), newWork()
		var all []<-chan groupResult
		for range 8 {
			all = append(all, doing(bg, &g, "a", w.listens))
		}
		alone := doing(bg, &g, "b", other.listens)
		synctest.Wait()
		w.wantRuns(t, 1)
		other.wantRuns(t, 1)
		w.end <- 42
		other.end <- 43
		for _, ch := range all {
			(<-ch).want(t, "one of eight", 42, true)
		}
		(<-alone).want(t, "alone", 43, false)

		again := doing(bg, &g, "a", w.listens)
		synctest.Wait()
		w.wantRuns(t, 2)
		w.end <- 44
		(<-again).want(t, "later", 44, false)
	})
}

func TestH1_TheResultIsWhatTheFunctionReturned(t *testing.T) {
	var g intGroup
	v, err, shared := g.Do(bg, "a", value(7, errBoom))
	wantEq(t, "value", v, 7)
	wantEq(t, "error", err, errBoom)
	wantEq(t, "shared", shared, false)
}

func TestH1_AZeroGroupOfOddKeys(t *testing.T) {
	type odd struct {
		f float64
		s [2]string
	}
	var g async.Group[odd, *int]
	n := new(int)
	v, err, _ := g.Do(bg, odd{1, [2]string{"a"}}, value(n, nil))
	if v != n || err != nil {
		t.Error(v, err)
	}
}

type valueKey struct{}

func TestH1_TheLeaderLeavesAlone(t *testing.T) {
	for name, cause := range map[string]error{"canceled": context.Canceled, "with a cause": errBoom} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g intGroup
				w := newWork()
				parent, cancel := context.WithCancelCause(context.WithValue(bg, valueKey{}, "the leader's"))
				ctx, stop := context.WithTimeout(parent, time.Hour)
				defer stop()
				leader := doing(ctx, &g, "a", w.listens)
				synctest.Wait()
				var followers []<-chan groupResult
				for range 3 {
					followers = append(followers, doing(bg, &g, "a", w.listens))
				}
				synctest.Wait()
				cancel(cause)
				r := <-leader
				wantIs(t, r.err, async.ErrCallPending, context.Canceled, cause)
				wantEq(t, "shared", r.shared, false)
				synctest.Wait()
				run := w.context()
				wantEq(t, "the run's error", run.Err(), nil)
				wantEq(t, "the run's cause", context.Cause(run), nil)
				wantEq(t, "the run's value", run.Value(valueKey{}), "the leader's")
				if _, ok := run.Deadline(); ok {
					t.Error("the run has a deadline")
				}
				child, cancelChild := context.WithCancel(run)
				defer cancelChild()
				wantEq(t, "a child's cause", context.Cause(child), nil)
				w.end <- 1
				for _, f := range followers {
					(<-f).want(t, "follower", 1, true)
				}
				w.wantRuns(t, 1)
			})
		})
	}
}

// Three wait, one leaves, another comes: the run goes on for all.
func TestH1_ComingAndGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g intGroup
		w := newWork()
		ctx, cancel := context.WithCancel(bg)
		first := doing(bg, &g, "a", w.listens)
		synctest.Wait()
		second, third := doing(ctx, &g, "a", w.listens), doing(bg, &g, "a", w.listens)
		synctest.Wait()
		cancel()
		wantIs(t, (<-second).err, context.Canceled)
		fourth := doing(bg, &g, "a", w.listens)
		synctest.Wait()
		w.wantRuns(t, 1)
		w.end <- 5
		for _, ch := range []<-chan groupResult{first, third, fourth} {
			(<-ch).want(t, "who stayed", 5, true)
		}
	})
}

// All but one have left: the value goes to one.
func TestH1_SharedIsOfThoseWhoGotIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g intGroup
		w := newWork()
		ctx, cancel := context.WithCancel(bg)
		left, stayed := doing(ctx, &g, "a", w.listens), doing(bg, &g, "a", w.listens)
		synctest.Wait()
		cancel()
		<-left
		w.end <- 5
		(<-stayed).want(t, "who stayed", 5, false)
	})
}

func TestH1_TheLastOneLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		g := intGroup{Options: []async.Option{b.option()}}
		slow, fresh := newWork(), newWork()
		var waiters []<-chan groupResult
		ctx, cancel := context.WithCancel(bg)
		for range 3 {
			waiters = append(waiters, doing(ctx, &g, "a", slow.ignores))
		}
		synctest.Wait()
		run := slow.context()
		cancel()
		for _, ch := range waiters {
			wantIs(t, (<-ch).err, async.ErrCallPending, context.Canceled)
		}
		wantEq(t, "the run's context is done", isClosed(run.Done()), true)
		wantIs(t, context.Cause(run), async.ErrAbandoned)
		// The function has not noticed. A newcomer gets a fresh run.
		newcomer := doing(bg, &g, "a", fresh.listens)
		synctest.Wait()
		fresh.wantRuns(t, 1)
		slow.end <- 1 // the end of the old run does not touch the new one
		synctest.Wait()
		b.want(t, "of the abandoned run", 1)
		wantEq(t, "what was discarded", *b.last.Load(), async.Result[int]{Value: 1})
		second := doing(bg, &g, "a", fresh.listens)
		synctest.Wait()
		fresh.wantRuns(t, 1)
		fresh.end <- 2
		(<-newcomer).want(t, "newcomer", 2, true)
		(<-second).want(t, "who joined him", 2, true)
		b.want(t, "of both", 1)
	})
}

// Whoever comes while abandoned runs are slow to end gets a run of his own or that
// of another newcomer, at once.
func TestH1_NewcomersAreNeverLocked(t *testing.T) {
	const n = 150
	t.Run("one after the other", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var g intGroup
			slow := newWork()
			for i := range n {
				ctx, cancel := context.WithCancel(bg)
				old := doing(ctx, &g, "a", slow.ignores)
				synctest.Wait()
				cancel()
				<-old
				v, err, _ := g.Do(bg, "a", value(i, nil))
				if v != i || err != nil {
					t.Fatal(i, v, err)
				}
			}
			slow.wantRuns(t, n)
			for range n {
				slow.end <- 0
			}
		})
	})
	t.Run("all at once", func(t *testing.T) {
		var g intGroup
		slow := newWork()
		ctx, cancel := context.WithCancel(bg)
		old := doing(ctx, &g, "a", slow.ignores)
		eventually(t, func() bool { return slow.runs.Load() == 1 })
		var runs atomic.Int32
		fs := []func(){cancel}
		for range n {
			fs = append(fs, func() {
				v, err, _ := g.Do(bg, "a", func(ctx context.Context) (int, error) {
					runs.Add(1)
					runtime.Gosched()
					return 1, ctx.Err()
				})
				if err != nil || v != 1 && v != 9 { // 9: he came before the last one left
					t.Error(v, err)
				}
			})
		}
		go func() { time.AfterFunc(10*time.Millisecond, func() { slow.end <- 9 }) }()
		together(fs...)
		<-old
		if got := runs.Load(); got > n {
			t.Errorf("%d runs for %d newcomers", got, n)
		}
	})
}

// A run is over for its callers also where the observer panics in place of the function: the
// callers who share the panic are told so (H1f).
func TestH1_ThePanicOfAnObserverIsShared(t *testing.T) {
	joined := make(chan struct{})
	s := async.NewScope(async.ScopeOptions{Panic: async.PanicReturn, Observer: async.Observer{
		Joined:  func(context.Context, async.CallInfo) { close(joined) },
		Context: func(context.Context, async.CallInfo) context.Context { <-joined; panic("by the observer") },
	}})
	g := async.Group[string, int]{Options: []async.Option{s}}
	do := func() {
		_, err, shared := g.Do(bg, "a", func(context.Context) (int, error) { return 1, nil })
		if e := (*async.PanicError)(nil); !errors.As(err, &e) || !shared {
			t.Errorf("got %v, shared %v", err, shared)
		}
	}
	together(do, do)
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

func TestH1_PanicWakesEverySharer(t *testing.T) {
	for name, value := range map[string]any{"an error": errBoom, "a text": "boom", "nil": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g intGroup
				let := make(chan struct{})
				fn := func(context.Context) (int, error) { <-let; originOfThePanic(value); return 1, nil }
				var dos []<-chan groupResult
				var joins async.Calls[int]
				for range 20 {
					dos = append(dos, doing(bg, &g, "a", fn))
					joins = append(joins, g.Join(bg, "a", fn))
				}
				synctest.Wait()
				close(let)
				check := func(what string, p any) {
					t.Helper()
					e, ok := p.(*async.PanicError)
					if !ok {
						t.Fatalf("%s: panicked with %v", what, p)
					}
					if value != nil {
						wantEq(t, what, e.Value, value)
					}
					wantContains(t, string(e.Stack), "originOfThePanic")
				}
				for _, ch := range dos {
					check("Do", (<-ch).panicked)
				}
				for _, c := range joins {
					_ = c.Wait(bg)
					check("Finish", recovered(func() { _, _ = c.Finish() }))
				}
				v, err, _ := g.Do(bg, "a", func(context.Context) (int, error) { return 2, nil })
				wantEq(t, "afterwards", v, 2)
				wantEq(t, "its error", err, nil)
			})
		})
	}
}

func TestH1_GoexitWakesEverySharer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g intGroup
		let := make(chan struct{})
		fn := func(context.Context) (int, error) { <-let; runtime.Goexit(); return 1, nil }
		var dos []<-chan groupResult
		var joins async.Calls[int]
		for range 20 {
			dos = append(dos, doing(bg, &g, "a", fn))
			joins = append(joins, g.Join(bg, "a", fn))
		}
		synctest.Wait()
		close(let)
		for _, ch := range dos {
			wantEq(t, "Do", (<-ch).err, async.ErrGoexit)
		}
		for _, c := range joins {
			_ = c.Wait(bg)
			_, err := c.Finish()
			wantEq(t, "Finish", err, async.ErrGoexit)
		}
		v, _, _ := g.Do(bg, "a", value(2, nil))
		wantEq(t, "afterwards", v, 2)
	})
}

func TestH1_Forget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g intGroup
		old, fresh := newWork(), newWork()
		g.Forget("a") // of nothing
		first, second := doing(bg, &g, "a", old.listens), doing(bg, &g, "a", old.listens)
		synctest.Wait()
		g.Forget("a")
		g.Forget("a")
		third := doing(bg, &g, "a", fresh.listens)
		synctest.Wait()
		old.wantRuns(t, 1)
		fresh.wantRuns(t, 1)
		wantEq(t, "the forgotten run's error", old.context().Err(), nil)
		old.end <- 1
		(<-first).want(t, "of the forgotten run", 1, true)
		(<-second).want(t, "of the forgotten run", 1, true)
		fourth := doing(bg, &g, "a", fresh.listens) // the old one's end took nothing of the new
		synctest.Wait()
		fresh.wantRuns(t, 1)
		fresh.end <- 2
		(<-third).want(t, "of the new run", 2, true)
		(<-fourth).want(t, "of the new run", 2, true)

		ctx, cancel := context.WithCancel(bg)
		left := doing(ctx, &g, "a", old.listens)
		synctest.Wait()
		g.Forget("a")
		fifth := doing(bg, &g, "a", fresh.listens)
		synctest.Wait()
		run := old.context()
		cancel()
		wantIs(t, (<-left).err, context.Canceled)
		synctest.Wait()
		wantIs(t, context.Cause(run), async.ErrAbandoned)
		sixth := doing(bg, &g, "a", fresh.listens)
		synctest.Wait()
		fresh.wantRuns(t, 2)
		fresh.end <- 3
		(<-fifth).want(t, "of the newest run", 3, true)
		(<-sixth).want(t, "of the newest run", 3, true)
	})
}

func TestH1_AWaitersTimeoutIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g intGroup
		w := newWork()
		start := time.Now()
		short, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		long, cancelLong := context.WithTimeout(bg, time.Minute)
		defer cancelLong()
		a, b, c := doing(short, &g, "a", w.listens), doing(long, &g, "a", w.listens), doing(bg, &g, "a", w.listens)
		time.Sleep(time.Second - 1)
		synctest.Wait()
		wantEq(t, "who has returned 1 ns before", len(a), 0)
		r := <-a
		wantEq(t, "how long the first waited", time.Since(start), time.Second)
		wantIs(t, r.err, async.ErrCallPending, context.DeadlineExceeded)
		wantEq(t, "text", r.err.Error(), `async: wait for run of key "a" ended: context deadline exceeded`)
		r = <-b
		wantEq(t, "how long the second waited", time.Since(start), time.Minute)
		wantIs(t, r.err, context.DeadlineExceeded)
		synctest.Wait()
		wantEq(t, "who else has returned", len(c), 0)
		w.end <- 1
		(<-c).want(t, "the patient one", 1, false)
	})
}

// What a wait that ended names can be waited for.
func TestH1_AWaitErrorNamesTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g async.Group[int, int]
		let := make(chan struct{})
		fn := func(context.Context) (int, error) { <-let; return 1, nil }
		c := g.Join(bg, 7, fn)
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		_, err, _ := g.Do(ctx, 7, fn)
		e, ok := err.(*async.WaitError)
		if !ok {
			t.Fatal(err)
		}
		wantEq(t, "its name", fmt.Sprint(e.On), "run of key 7")
		wantEq(t, "done", isClosed(e.On.Done()), false)
		_, anyErr := async.WaitAny(ctx, e.On)
		wantIs(t, anyErr, context.DeadlineExceeded)
		close(let)
		_, anyErr = async.WaitAny(bg, e.On)
		wantEq(t, "a wait for it", anyErr, nil)
		wantEq(t, "done", isClosed(e.On.Done()), true)
		c.Release()
	})
}

func TestH1_AContextThatIsDoneBeginsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g intGroup
		w := newWork()
		over, cancel := context.WithCancelCause(bg)
		cancel(errBoom)
		_, err, _ := g.Do(over, "a", w.listens)
		wantIs(t, err, async.ErrCallPending, context.Canceled, errBoom)
		wantContains(t, err.Error(), `key "a"`)
		if on := err.(*async.WaitError).On; on.Done() != nil {
			t.Error("what was never begun can end")
		}
		first := doing(bg, &g, "a", w.listens)
		synctest.Wait()
		_, err, _ = g.Do(over, "a", w.listens)
		wantIs(t, err, async.ErrCallPending, errBoom)
		w.wantRuns(t, 1)
		w.end <- 1
		(<-first).want(t, "the other", 1, false)
	})
}

func TestH1_Misuse(t *testing.T) {
	var g intGroup
	wantPanic(t, "Do without a function", "nil function", func() { _, _, _ = g.Do(bg, "a", nil) })
	wantPanic(t, "Do without a context", "nil context", func() { _, _, _ = g.Do(nil, "a", block) }) //nolint:staticcheck // on purpose
	wantPanic(t, "Join without a function", "nil function", func() { g.Join(bg, "a", nil) })
	wrong := intGroup{Options: []async.Option{async.Discard(func(string, error) {})}}
	for range 2 {
		wantPanic(t, "Discard of another type", "Discard", func() { _, _, _ = wrong.Do(bg, "a", block) })
	}
	var keys async.Group[any, int]
	for range 2 {
		if recovered(func() { _, _, _ = keys.Do(bg, []int{}, value(1, nil)) }) == nil {
			t.Error("a key that cannot be compared is taken")
		}
	}
	v, err, _ := keys.Do(bg, "a", value(1, nil))
	wantEq(t, "value afterwards", v, 1)
	wantEq(t, "error afterwards", err, nil)
}

// A key that is not equal to itself is never shared, and leaves nothing behind.
func TestH1_ANaN(t *testing.T) {
	var g async.Group[float64, int]
	n := rounds(100_000)
	wantFlat(t, "calls of NaN", func() {
		for range n {
			_, _, shared := g.Do(bg, math.NaN(), value(1, nil))
			if shared {
				t.Fatal("two of them met")
			}
			g.Forget(math.NaN())
		}
	})
	runtime.KeepAlive(&g)
}

func TestH1_AMillionKeysLeaveNothing(t *testing.T) {
	t.Run("one after the other", func(t *testing.T) {
		var g async.Group[int, int]
		n := rounds(1_000_000)
		wantFlat(t, "keys", func() {
			for i := range n {
				if v, err, shared := g.Do(bg, i, value(i, nil)); v != i || err != nil || shared {
					t.Fatal(i, v, err, shared)
				}
			}
		})
		runtime.KeepAlive(&g)
	})
	t.Run("of runs at the same time", func(t *testing.T) {
		var g async.Group[int, int]
		n := rounds(50_000)
		stays := g.Join(bg, -1, block)
		defer stays.Release()
		burst := func() {
			let := make(chan struct{})
			calls := make(async.Calls[int], n)
			for i := range calls {
				calls[i] = g.Join(bg, i, func(context.Context) (int, error) { <-let; return i, nil })
			}
			close(let)
			vs, err := calls.All(bg)
			wantEq(t, "error", err, nil)
			for i, v := range vs {
				if v != i {
					t.Fatal(i, v)
				}
			}
			calls.Release()
		}
		burst() // what the runtime needs for so many goroutines it keeps
		wantFlat(t, "keys", burst)
		runtime.KeepAlive(&g)
	})
	t.Run("of runs in a queue", func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		g := async.Group[int, int]{Options: []async.Option{s}}
		n := rounds(50_000)
		stays := g.Join(bg, -1, block)
		wantFlat(t, "keys", func() {
			calls := make(async.Calls[int], n)
			for i := range calls {
				calls[i] = g.Join(bg, i, block)
			}
			calls.Release()
		})
		stays.Release()
		wantEq(t, "the end", s.Shutdown(bg), nil)
		runtime.KeepAlive(&g)
	})
	t.Run("given up", func(t *testing.T) {
		var g async.Group[int, int]
		n := rounds(50_000)
		wantFlat(t, "keys", func() {
			for i := range n {
				g.Join(bg, i, block).Release()
			}
			eventually(t, func() bool { return runtime.NumGoroutine() < 100 })
		})
		runtime.KeepAlive(&g)
	})
	t.Run("waits on one run that is never over", func(t *testing.T) {
		var g async.Group[int, int]
		n := rounds(100_000)
		stays := g.Join(bg, 1, block)
		defer stays.Release()
		wantFlat(t, "waits", func() {
			for range n {
				ctx, cancel := context.WithCancel(bg)
				go cancel()
				_, err, _ := g.Do(ctx, 1, block)
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				_ = g.Join(bg, 1, block).Cancel(nil)
			}
		})
	})
}

func TestH1_WaitingCostsNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g intGroup
		w := newWork()
		before := goroutines()
		var calls async.Calls[int]
		for range 50 {
			calls = append(calls, g.Join(bg, "a", w.listens))
		}
		synctest.Wait()
		wantEq(t, "goroutines", goroutines()-before, 1)
		calls.Release()
	})
}

func TestH1_Allocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	f := value(1, nil)
	var g intGroup
	lazy := async.NewLazy(f)
	_, _ = lazy.Get(bg)
	for name, pin := range map[string]struct {
		most float64
		do   func()
	}{
		"Do":                  {2, func() { _, _, _ = g.Do(bg, "a", f) }},
		"Do with a context":   {3, func() { _, _, _ = g.Do(ctx, "a", f) }},
		"Join, Await, Finish": {4, func() { c := g.Join(bg, "a", f); _, _ = c.Await(bg); _, _ = c.Finish() }},
		"Lazy.Get, ready":     {0, func() { _, _ = lazy.Get(ctx) }},
		"Lazy.Peek, ready":    {0, func() { lazy.Peek() }},
	} {
		t.Run(name, func(t *testing.T) {
			if got := testing.AllocsPerRun(200, pin.do); got > pin.most {
				t.Errorf("%v allocations, %v allowed", got, pin.most)
			}
		})
	}
}

// A run that asks for its own result.
func TestH1_ACycleIsAnError(t *testing.T) {
	type ask func(ctx context.Context, g *intGroup, again func(context.Context) (int, error)) error
	do := func(ctx context.Context, g *intGroup, again func(context.Context) (int, error)) error {
		_, err, shared := g.Do(ctx, "own", again)
		if shared {
			return errors.New("it says that it was shared")
		}
		return err
	}
	through := func(ctx context.Context, do func(ctx context.Context) error) error {
		_, err := async.Go(ctx, func(ctx context.Context) (int, error) { return 0, do(ctx) }).Await(ctx)
		return err
	}
	for name, ask := range map[string]ask{
		"by Do": do,
		"by Join": func(ctx context.Context, g *intGroup, again func(context.Context) (int, error)) error {
			c := g.Join(ctx, "own", again)
			wantEq(t, "the handle is done", c.IsDone(), true)
			_, err := c.Finish()
			return err
		},
		"by a derived context": func(ctx context.Context, g *intGroup, again func(context.Context) (int, error)) error {
			ctx, cancel := context.WithTimeout(context.WithValue(context.WithoutCancel(ctx), valueKey{}, 1), time.Hour)
			defer cancel()
			return do(ctx, g, again)
		},
		"in a call": func(ctx context.Context, g *intGroup, again func(context.Context) (int, error)) error {
			return through(ctx, func(ctx context.Context) error { return do(ctx, g, again) })
		},
		"in a call in a call": func(ctx context.Context, g *intGroup, again func(context.Context) (int, error)) error {
			return through(ctx, func(ctx context.Context) error {
				return through(ctx, func(ctx context.Context) error { return do(ctx, g, again) })
			})
		},
		"by way of another key": func(ctx context.Context, g *intGroup, again func(context.Context) (int, error)) error {
			_, err, _ := g.Do(ctx, "other", func(ctx context.Context) (int, error) { return 0, do(ctx, g, again) })
			return err
		},
		"by way of another group": func(ctx context.Context, g *intGroup, again func(context.Context) (int, error)) error {
			var h intGroup
			_, err, _ := h.Do(ctx, "own", func(ctx context.Context) (int, error) { return 0, do(ctx, g, again) })
			return err
		},
		"of a run that is forgotten": func(ctx context.Context, g *intGroup, again func(context.Context) (int, error)) error {
			g.Forget("own")
			return do(ctx, g, again)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g intGroup
				depth := 0
				var fn func(ctx context.Context) (int, error)
				fn = func(ctx context.Context) (int, error) {
					if depth++; depth > 3 {
						return 0, errBoom
					}
					return depth, ask(ctx, &g, fn)
				}
				v, err, _ := g.Do(bg, "own", fn)
				wantEq(t, "depth", v, 1)
				wantIs(t, err, async.ErrCycle)
				if errors.Is(err, async.ErrCallPending) {
					t.Error("it is pending")
				}
				wantContains(t, err.Error(), `key "own"`)
			})
		})
	}
}

// What is no cycle.
func TestH1_NoCycle(t *testing.T) {
	t.Run("another key and another group", func(t *testing.T) {
		var g, h intGroup
		v, err, _ := g.Do(bg, "a", func(ctx context.Context) (int, error) {
			b, err, _ := g.Do(ctx, "b", value(1, nil))
			c, err2, _ := h.Do(ctx, "a", value(2, nil))
			return b + c, errors.Join(err, err2)
		})
		wantEq(t, "value", v, 3)
		wantEq(t, "error", err, nil)
	})
	t.Run("a run that is over", func(t *testing.T) {
		var g intGroup
		var later context.Context
		_, _, _ = g.Do(bg, "a", func(ctx context.Context) (int, error) { later = ctx; return 1, nil })
		v, err, _ := g.Do(context.WithoutCancel(later), "a", value(2, nil))
		wantEq(t, "value", v, 2)
		wantEq(t, "error", err, nil)
	})
	t.Run("a run that everyone has left", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var g intGroup
			ctx, cancel := context.WithCancel(bg)
			asked := make(chan groupResult, 1)
			left := doing(ctx, &g, "a", func(ctx context.Context) (int, error) {
				<-ctx.Done()
				v, err, _ := g.Do(context.WithoutCancel(ctx), "a", value(2, nil))
				asked <- groupResult{v: v, err: err}
				return 1, nil
			})
			synctest.Wait()
			cancel()
			<-left
			(<-asked).want(t, "its own", 2, false)
		})
	})
	t.Run("by another context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var g intGroup
			_, err, _ := g.Do(bg, "a", func(context.Context) (int, error) {
				ctx, cancel := context.WithTimeout(bg, time.Second)
				defer cancel()
				_, err, _ := g.Do(ctx, "a", block)
				return 0, err
			})
			wantIs(t, err, context.DeadlineExceeded)
		})
	})
}

func TestH1_String(t *testing.T) {
	var g intGroup
	_, _, _ = g.Do(context.WithValue(bg, valueKey{}, 1), "a", func(ctx context.Context) (int, error) {
		if s := fmt.Sprint(ctx); !strings.HasSuffix(s, ".WithRun.WithCall") {
			t.Error(s)
		}
		return 0, nil
	})
}

// The leave of the last and the coming of another: he who comes has a value, and
// is never told of a cancellation.
func TestH1_Race_JoinAgainstTheLastLeave(t *testing.T) {
	var g intGroup
	for i := range rounds(10_000) {
		ctx, cancel := context.WithCancel(bg)
		fn := func(ctx context.Context) (int, error) {
			for range i % 5 {
				runtime.Gosched()
			}
			return 1, context.Cause(ctx)
		}
		first := doing(ctx, &g, "a", fn)
		for range i % 3 {
			runtime.Gosched()
		}
		together(cancel, func() {
			if v, err, _ := g.Do(bg, "a", fn); v != 1 || err != nil {
				t.Error("Do:", v, err)
			}
		}, func() {
			c := g.Join(bg, "a", fn)
			if v, err := c.Await(bg); v != 1 || err != nil {
				t.Error("Join:", v, err)
			}
			c.Release()
		})
		if r := <-first; r.err != nil && !errors.Is(r.err, context.Canceled) {
			t.Error(r.err)
		}
	}
}

// The end of the function and that of a waiter's context: shared says exactly how
// many have the value, and every run's value is there for somebody or discarded.
func TestH1_Race_CompletionAgainstLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		var had [3]int // by how many had the value
		g := intGroup{Options: []async.Option{b.option()}}
		for i := range rounds(20_000) {
			first, cancelFirst := context.WithCancel(bg)
			second, cancelSecond := context.WithCancel(bg)
			var ready, let atomic.Bool
			entered := make(chan struct{})
			fn := func(context.Context) (int, error) {
				<-entered
				ready.Store(true)
				spinOn(&let)
				spin(i % 200)
				return i, nil
			}
			results := []<-chan groupResult{doing(first, &g, "a", fn), doing(second, &g, "a", fn)}
			synctest.Wait()
			close(entered)
			acts := []func(){func() {
				spinOn(&ready)
				let.Store(true)
				spin(i / 200 % 50)
				cancelFirst()
			}}
			if i%2 == 0 {
				acts = append(acts, cancelSecond)
			}
			together(acts...)
			cancelSecond()
			got, shared := 0, 0
			for _, ch := range results {
				r := <-ch
				switch {
				case r.err == nil && r.v == i:
					got++
				case !errors.Is(r.err, async.ErrCallPending):
					t.Fatal(r)
				}
				if r.shared {
					shared++
				}
			}
			had[got]++
			if got < 2 && shared != 0 || got == 2 && shared != 2 {
				t.Fatalf("round %d: %d have the value, %d are told that it was shared", i, got, shared)
			}
			synctest.Wait()
			b.want(t, "by now", int32(had[0]))
		}
		t.Logf("rounds by how many had the value: %v", had)
	})
}

// spinOn is spinUntil for one who would rather not give way before.
func spinOn(b *atomic.Bool) {
	for range 20_000 {
		if b.Load() {
			return
		}
	}
	spinUntil(b.Load)
}

// spin passes some time, a few nanoseconds for each n.
func spin(n int) {
	var x atomic.Int64
	for range n {
		x.Add(1)
	}
}

// Forget beside the end of a run and a newcomer: everyone has a value of a run that
// was there while he waited.
func TestH1_Race_ForgetAgainstCompletion(t *testing.T) {
	var g intGroup
	var n atomic.Int64
	fn := func(context.Context) (int, error) { runtime.Gosched(); return int(n.Add(1)), nil }
	for range rounds(10_000) {
		first := doing(bg, &g, "a", fn)
		before := int(n.Load())
		together(
			func() { g.Forget("a") },
			func() {
				if v, err, _ := g.Do(bg, "a", fn); err != nil || v < before {
					t.Error(v, err)
				}
			},
			func() {
				c := g.Join(bg, "a", fn)
				if v, err := c.Await(bg); err != nil || v < before {
					t.Error(v, err)
				}
				c.Release()
			})
		<-first
	}
	wantEq(t, "runs that can be joined", fmt.Sprint(g.Join(bg, "a", value(-1, nil)).Await(bg)), "-1 <nil>")
}

// Everything at once on a few keys: every Do ends, with a value that its key has
// or by its own context.
func TestH1_Race_Storm(t *testing.T) {
	var g async.Group[int, int]
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range rounds(5000) {
				key := (i + w) % 3
				fn := func(ctx context.Context) (int, error) {
					for range i % 4 {
						runtime.Gosched()
					}
					if i%7 == 0 {
						<-ctx.Done()
						return -1, nil
					}
					return key, nil
				}
				ctx, cancel := context.WithCancel(bg)
				switch (i + w) % 5 {
				case 0:
					go cancel()
					if v, err, _ := g.Do(ctx, key, fn); err == nil && v != key || err != nil && !errors.Is(err, context.Canceled) {
						t.Error(v, err)
					}
				case 1:
					g.Forget(key)
				case 2:
					g.Join(ctx, key, fn).Release()
				case 3:
					_ = g.Join(ctx, key, fn).Cancel(nil)
				default:
					c := g.Join(ctx, key, fn)
					if err := c.WaitFor(time.Microsecond); err == nil {
						if v, err := c.Finish(); v != key || err != nil {
							t.Error(v, err)
						}
					}
					c.Release()
				}
				cancel()
			}
		})
	}
	wg.Wait()
}

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
			wantContains(t, h.Stack, "group_test.go")
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

// getting has another goroutine Get.
func getting(ctx context.Context, l *async.Lazy[int]) <-chan groupResult {
	ch := make(chan groupResult, 1)
	go func() {
		var r groupResult
		r.panicked = recovered(func() { r.v, r.err = l.Get(ctx) })
		ch <- r
	}()
	return ch
}

func wantPeek(t *testing.T, l *async.Lazy[int], v int, ok bool) {
	t.Helper()
	gotV, gotOK := l.Peek()
	if gotV != v || gotOK != ok {
		t.Errorf("Peek: got %v, %v, want %v, %v", gotV, gotOK, v, ok)
	}
}

func TestH2_TheFirstGetStartsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork()
		l := async.NewLazy(w.listens)
		synctest.Wait()
		w.wantRuns(t, 0)
		wantPeek(t, l, 0, false)
		var all []<-chan groupResult
		for range 8 {
			all = append(all, getting(bg, l))
		}
		synctest.Wait()
		w.wantRuns(t, 1)
		wantPeek(t, l, 0, false)
		w.end <- 5
		for _, ch := range all {
			(<-ch).want(t, "Get", 5, false)
			wantPeek(t, l, 5, true)
		}
		over, cancel := context.WithCancel(bg)
		cancel()
		v, err := l.Get(over)
		wantEq(t, "value by a context that is done", v, 5)
		wantEq(t, "error", err, nil)
		w.wantRuns(t, 1)
	})
}

func TestH2_EveryoneWaitsWithHisOwnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork()
		l := async.NewLazy(w.listens)
		over, stop := context.WithCancel(bg)
		stop()
		_, err := l.Get(over)
		wantIs(t, err, async.ErrCallPending, context.Canceled)
		ctx, cancel := context.WithTimeout(context.WithValue(bg, valueKey{}, 1), time.Second)
		defer cancel()
		start := time.Now()
		first, second := getting(ctx, l), getting(bg, l)
		r := <-first
		wantEq(t, "how long he waited", time.Since(start), time.Second)
		wantIs(t, r.err, async.ErrCallPending, context.DeadlineExceeded)
		wantEq(t, "text", r.err.Error(), "async: wait for lazy value ended: context deadline exceeded")
		synctest.Wait()
		wantEq(t, "the run's error", w.context().Err(), nil)
		w.end <- 5
		(<-second).want(t, "who stayed", 5, false)
		w.wantRuns(t, 1)
	})
}

func TestH2_AFailureIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		let := make(chan struct{})
		l := async.NewLazy(func(context.Context) (int, error) {
			n++
			<-let
			switch n {
			case 1:
				return 1, errBoom
			case 2:
				panic(errBoom)
			case 3:
				runtime.Goexit()
			}
			return n, nil
		})
		for round := 1; round <= 4; round++ {
			first, second := getting(bg, l), getting(bg, l)
			synctest.Wait()
			let <- struct{}{}
			a, b := <-first, <-second
			wantEq(t, "of both", fmt.Sprint(a), fmt.Sprint(b))
			switch round {
			case 1:
				wantEq(t, "value", a.v, 1)
				wantEq(t, "error", a.err, errBoom)
			case 2:
				wantIs(t, a.panicked.(error), errBoom)
			case 3:
				wantEq(t, "error", a.err, async.ErrGoexit)
			case 4:
				a.want(t, "in the end", 4, false)
			}
			if round < 4 {
				wantPeek(t, l, 0, false)
			}
		}
		wantPeek(t, l, 4, true)
	})
}

func TestH2_ACancellationIsNeverKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		w := newWork()
		l := async.NewLazy(w.ignores, b.option())
		ctx, cancel := context.WithCancel(bg)
		first, second := getting(ctx, l), getting(ctx, l)
		synctest.Wait()
		run := w.context()
		cancel()
		wantIs(t, (<-first).err, context.Canceled)
		wantIs(t, (<-second).err, context.Canceled)
		synctest.Wait()
		wantIs(t, context.Cause(run), async.ErrAbandoned)
		third := getting(bg, l)
		synctest.Wait()
		w.wantRuns(t, 2)
		w.end <- 7 // one of the two
		synctest.Wait()
		w.end <- 7
		(<-third).want(t, "newcomer", 7, false)
		synctest.Wait()
		b.want(t, "of the doomed run", 1)
		wantPeek(t, l, 7, true)
		w.wantRuns(t, 2)
	})
}

// What a scope cancels goes to Discard when it comes, and is not kept too.
func TestH2_AScopeCancelsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		s := async.NewScope(async.ScopeOptions{})
		w := newWork()
		l := async.NewLazy(w.ignores, s, b.option())
		first := getting(bg, l)
		synctest.Wait()
		over, cancel := context.WithCancel(bg)
		cancel()
		wantIs(t, s.Shutdown(over), context.Canceled)
		wantIs(t, (<-first).err, async.ErrCanceled, async.ErrScopeClosed)
		_, err := l.Get(bg)
		wantEq(t, "Get", err, async.ErrScopeClosed)
		w.end <- 1
		synctest.Wait()
		wantPeek(t, l, 0, false)
		b.want(t, "the late value", 1)
		_, err = l.Get(bg)
		wantEq(t, "Get", err, async.ErrScopeClosed)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

func TestH2_InAScope(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Track: true})
	l := async.NewLazy(value(1, nil), s)
	for range 2 {
		v, err := l.Get(bg)
		wantEq(t, "value", v, 1)
		wantEq(t, "error", err, nil)
	}
	for h := range s.Unreleased() {
		t.Errorf("unreleased: %+v", h)
	}
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	st := s.Stats()
	wantEq(t, "begun", st.Begun, int64(1))
	wantEq(t, "taken", st.Taken, int64(1))
	wantEq(t, "untaken", st.Untaken, int64(0))
}

// One who waited is slow to come back, as he waits for a slot: who comes meanwhile
// gets a value that is there, or a fresh run, and that run is not lost to others.
func TestH2_WhoComesBeforeTheOthersAreBack(t *testing.T) {
	for name, failure := range map[string]error{"a value": nil, "a failure": errBoom} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := async.NewScope(async.ScopeOptions{Limit: 1})
				let := make(chan error)
				runs := 0
				l := async.NewLazy(func(context.Context) (int, error) {
					runs++
					n := runs
					return n, <-let
				})
				waits := async.Go(bg, func(ctx context.Context) (int, error) { return l.Get(ctx) }, s)
				holds := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Minute); return 0, nil }, s)
				synctest.Wait()
				let <- failure
				synctest.Wait()
				second := getting(bg, l)
				synctest.Wait()
				if failure == nil {
					(<-second).want(t, "who comes meanwhile", 1, false)
				}
				v, err := waits.Await(bg)
				wantEq(t, "value", v, 1)
				wantEq(t, "error", err, failure)
				_, _ = holds.Await(bg)
				third := getting(bg, l)
				synctest.Wait()
				if failure == nil {
					(<-third).want(t, "who comes later", 1, false)
					wantEq(t, "runs", runs, 1)
					return
				}
				wantEq(t, "runs", runs, 2)
				let <- nil
				(<-second).want(t, "who came meanwhile", 2, false)
				(<-third).want(t, "who joined him", 2, false)
			})
		})
	}
}

// An observer that panics at a Begin ends the only caller. Where the function has returned by then,
// the value goes to Discard and is nobody's: the next Get has the function run again (G5).
func TestH2_ADiscardedValueIsNotKept(t *testing.T) {
	for range rounds(3000) {
		var b bin
		var runs, told atomic.Int32
		s := async.NewScope(async.ScopeOptions{Observer: async.Observer{Begun: func(async.CallInfo) {
			if told.Add(1) == 1 {
				panic(errBoom)
			}
		}}})
		l := async.NewLazy(func(context.Context) (int32, error) { return runs.Add(1), nil }, s,
			async.Discard(func(int32, error) { b.count.Add(1) }))
		wantEq(t, "panic", recovered(func() { _, _ = l.Get(bg) }), errBoom)
		eventually(t, func() bool { return s.Stats().Running == 0 })
		v, err := l.Get(bg)
		wantEq(t, "error", err, nil)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		if v != runs.Load() || b.count.Load() > v-1 {
			t.Fatalf("kept %d of %d, discarded %d", v, runs.Load(), b.count.Load())
		}
	}
}

func TestH2_Cycles(t *testing.T) {
	var l, a, b *async.Lazy[int]
	l = async.NewLazy(func(ctx context.Context) (int, error) { return l.Get(ctx) })
	a = async.NewLazy(func(ctx context.Context) (int, error) { return b.Get(ctx) })
	b = async.NewLazy(func(ctx context.Context) (int, error) {
		return async.Go(ctx, func(ctx context.Context) (int, error) { return a.Get(ctx) }).Await(ctx)
	})
	for name, l := range map[string]*async.Lazy[int]{"itself": l, "by way of another": a} {
		_, err := l.Get(bg)
		wantIs(t, err, async.ErrCycle)
		wantEq(t, name, err.Error(), "async: a shared run asks for its own result: lazy value")
		wantPeek(t, l, 0, false)
	}
	// The value is there: asking for it is no cycle.
	n := 0
	var late context.Context
	l = async.NewLazy(func(ctx context.Context) (int, error) { n++; late = ctx; return n, nil })
	_, _ = l.Get(bg)
	v, err := l.Get(late)
	wantEq(t, "value", v, 1)
	wantEq(t, "error", err, nil)
}

func TestH2_Misuse(t *testing.T) {
	var zero async.Lazy[int]
	wantPanic(t, "Get of the zero value", "NewLazy", func() { _, _ = zero.Get(bg) })
	wantPanic(t, "Peek of the zero value", "NewLazy", func() { zero.Peek() })
	wantPanic(t, "no function", "nil function", func() { async.NewLazy[int](nil) })
	wantPanic(t, "no context", "nil context", func() { _, _ = async.NewLazy(block).Get(nil) }) //nolint:staticcheck // on purpose
	wantPanic(t, "Discard of another type", "Discard", func() { async.NewLazy(block, async.Discard(func(string, error) {})) })
}

// What is kept is kept alone: neither the function nor the first caller's context.
func TestH2_NothingElseIsKept(t *testing.T) {
	big := make([]byte, 4<<20)
	before := heap()
	l := func() *async.Lazy[int] {
		more := make([]byte, 4<<20)
		ctx := context.WithValue(bg, valueKey{}, make([]byte, 4<<20))
		l := async.NewLazy(func(context.Context) (int, error) { return len(more), nil })
		_, _ = l.Get(ctx)
		return l
	}()
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	runtime.KeepAlive(big)
	wantPeek(t, l, 4<<20, true)
}

func TestH2_Streaming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork()
		l := async.NewLazy(w.listens, async.Streaming())
		a, b := getting(bg, l), getting(bg, l)
		synctest.Wait()
		w.end <- 1
		(<-a).want(t, "Get", 1, false)
		(<-b).want(t, "Get", 1, false)
		synctest.Wait()
		wantEq(t, "the run's context", w.context().Err(), nil)
	})
}

// Many who get at the same time, of whom some give up, while the first tries fail:
// everyone gets the value or his own end, at most one run succeeds, and none is
// begun after it.
func TestH2_Race_Get(t *testing.T) {
	for range rounds(3000) {
		var tries, successes atomic.Int32
		var b bin
		l := async.NewLazy(func(ctx context.Context) (int, error) {
			if successes.Load() > 0 {
				t.Error("a run is begun though there is a value")
			}
			n := tries.Add(1)
			runtime.Gosched()
			if n%3 != 0 {
				return 0, errBoom
			}
			if context.Cause(ctx) == nil {
				return int(n), nil
			}
			return -1, context.Cause(ctx)
		}, b.option())
		var fs []func()
		var got atomic.Int32
		for i := range 6 {
			fs = append(fs, func() {
				ctx, cancel := context.WithCancel(bg)
				defer cancel()
				if i%3 == 0 {
					go cancel()
				}
				for {
					v, err := l.Get(ctx)
					switch {
					case err == nil:
						successes.Add(1)
						if w, ok := l.Peek(); !ok || w != v {
							t.Error("Peek:", w, ok, "Get:", v)
						}
						if !got.CompareAndSwap(0, int32(v)) && got.Load() != int32(v) {
							t.Error("two values:", v, got.Load())
						}
						return
					case errors.Is(err, async.ErrCallPending):
						return
					case err != errBoom:
						t.Error(err)
						return
					}
				}
			})
		}
		together(fs...)
		if b.last.Load() != nil && b.last.Load().Err == nil && int32(b.last.Load().Value) == got.Load() {
			t.Error("what is kept was discarded")
		}
	}
}
