package async_test

// Map, the bounded pipeline.

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// upTo yields the numbers below n.
func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// The ways in which Map runs functions: on its workers, in a scope, in a group.
func waysOfMap(n int) map[string]func() []async.Option {
	return map[string]func() []async.Option{
		"on workers": func() []async.Option { return []async.Option{async.AtOnce(n)} },
		"in a scope": func() []async.Option {
			return []async.Option{async.NewScope(async.ScopeOptions{Limit: n, Track: true})}
		},
		"in a scope without a limit": func() []async.Option {
			return []async.Option{async.NewScope(async.ScopeOptions{}), async.AtOnce(n)}
		},
		"in a group": func() []async.Option { return []async.Option{async.InGroup(new(errgroup.Group)), async.AtOnce(n)} },
	}
}

// eachWay runs a test in a bubble for each way, in both orders.
func eachWay(t *testing.T, n int, test func(t *testing.T, opts []async.Option)) {
	t.Helper()
	for name, opts := range waysOfMap(n) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, opts()) })
		})
		t.Run(name+", in order", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, append(opts(), async.InOrder())) })
		})
	}
}

func TestC10_MapYieldsEveryResultOnce(t *testing.T) {
	eachWay(t, 3, func(t *testing.T, opts []async.Option) {
		seen := make(map[int]int)
		for i, r := range async.Map(t.Context(), upTo(100), func(ctx context.Context, i int) (int, error) {
			switch i % 5 {
			case 1:
				return i, errBoom
			case 2:
				panic(errBoom)
			case 3:
				runtime.Goexit()
			case 4:
				time.Sleep(time.Duration(i) * time.Second)
			}
			return i * i, nil
		}, opts...) {
			seen[i]++
			switch i % 5 {
			case 1:
				wantEq(t, "value and error", fmt.Sprint(r), fmt.Sprintf("{%d boom}", i))
			case 2:
				if e, ok := errors.AsType[*async.PanicError](r.Err); !ok || e.Value != any(errBoom) {
					t.Errorf("input %d: %v", i, r.Err)
				}
			case 3:
				wantEq(t, "Goexit", r.Err, async.ErrGoexit)
			default:
				wantEq(t, "value", r, async.Result[int]{Value: i * i})
			}
		}
		wantEq(t, "inputs", len(seen), 100)
		for i, n := range seen {
			wantEq(t, fmt.Sprint("input ", i), n, 1)
		}
	})
}

// The order is that of completion, or with InOrder that of the inputs.
func TestC10_MapOrder(t *testing.T) {
	for _, inOrder := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			opts := []async.Option{async.AtOnce(3)}
			want := "[2 1 0]"
			if inOrder {
				opts, want = append(opts, async.InOrder()), "[0 1 2]"
			}
			var got []int
			for i := range async.Map(t.Context(), upTo(3), func(ctx context.Context, i int) (int, error) {
				time.Sleep(time.Duration(3-i) * time.Second)
				return i, nil
			}, opts...) {
				got = append(got, i)
			}
			wantEq(t, "order", fmt.Sprint(got), want)
		})
	}
}

// An input is pulled when a function can run: never are more in flight or unread than the
// bound says, and while there are inputs, as many run.
func TestC10_MapIsBounded(t *testing.T) {
	eachWay(t, 4, func(t *testing.T, opts []async.Option) {
		var pulled, read, running, most atomic.Int64
		in := func(yield func(int) bool) {
			for i := range 100 {
				if n := pulled.Add(1) - read.Load(); n > 4 {
					t.Errorf("%d are in flight or unread", n)
				}
				if !yield(i) {
					return
				}
			}
		}
		start := time.Now()
		for range async.Map(t.Context(), in, func(context.Context, int) (int, error) {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			return 0, nil
		}, opts...) {
			read.Add(1)
		}
		wantEq(t, "ran at once", most.Load(), int64(4))
		wantEq(t, "took", time.Since(start), 25*time.Second)
	})
}

// Without a bound of its own, and without a limit of the scope, as many run as there are
// processors.
func TestC10_MapDefaultBound(t *testing.T) {
	for name, opts := range map[string][]async.Option{"no option": nil, "a scope": {async.NewScope(async.ScopeOptions{})}} {
		synctest.Test(t, func(t *testing.T) {
			var running, most int64
			var mu sync.Mutex
			for range async.Map(t.Context(), upTo(50), func(context.Context, int) (int, error) {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				running--
				mu.Unlock()
				return 0, nil
			}, opts...) {
			}
			wantEq(t, name, most, int64(min(50, runtime.GOMAXPROCS(0))))
		})
	}
}

// A loop that is left returns when every function has; those that have not started never
// run, and what the loop did not take goes to Discard.
func TestC10_MapLeftEarly(t *testing.T) {
	eachWay(t, 4, func(t *testing.T, opts []async.Option) {
		var mu sync.Mutex
		ran, returned, discarded := 0, 0, []int{}
		opts = append(opts, async.Discard(func(i int, err error) {
			mu.Lock()
			defer mu.Unlock()
			discarded = append(discarded, i)
		}))
		start := time.Now()
		for i, r := range async.Map(t.Context(), upTo(1000), func(ctx context.Context, i int) (int, error) {
			mu.Lock()
			ran++
			mu.Unlock()
			defer func() { mu.Lock(); returned++; mu.Unlock() }()
			switch i {
			case 0, 1:
				time.Sleep(time.Second)
				return i, nil
			case 2:
				time.Sleep(5 * time.Second) // deaf
				return i, nil
			}
			<-ctx.Done()
			return i, ctx.Err()
		}, opts...) {
			wantEq(t, "value", r.Value, i)
			time.Sleep(time.Second) // both are complete
			break
		}
		wantEq(t, "took", time.Since(start), 5*time.Second)
		mu.Lock()
		wantEq(t, "ran", ran, 4)
		wantEq(t, "returned", returned, 4)
		mu.Unlock()
		synctest.Wait()
		wantEq(t, "discarded", len(discarded), 3)
	})
}

// The end of ctx ends the loop: what is complete is handed out, nothing more is pulled.
func TestC10_MapEndsWithItsContext(t *testing.T) {
	eachWay(t, 4, func(t *testing.T, opts []async.Option) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, errBoom)
		defer cancel()
		var pulled, got int
		in := func(yield func(int) bool) {
			for {
				if ctx.Err() != nil {
					t.Error("pulled after the end")
				}
				if pulled++; !yield(pulled) {
					return
				}
			}
		}
		causes := make(chan error, 4)
		for range async.Map(ctx, in, func(ctx context.Context, i int) (int, error) {
			if i < 4 {
				time.Sleep(time.Second)
				return i, nil
			}
			<-ctx.Done()
			time.Sleep(time.Second)
			causes <- context.Cause(ctx)
			return i, nil
		}, opts...) {
			got++
		}
		wantEq(t, "results", got, 3)
		wantEq(t, "pulled", pulled, 7)
		wantEq(t, "functions that were stopped", len(causes), 4)
		for range len(causes) {
			wantEq(t, "cause", <-causes, errBoom)
		}
	})
	// Before the first input nothing is pulled.
	ctx, cancel := context.WithCancel(bg)
	cancel()
	for range async.Map(ctx, func(func(int) bool) { t.Error("pulled") }, func(context.Context, int) (int, error) { return 0, nil }) {
		t.Error("a result")
	}
}

// A panic of the input is raised, when every function has returned. So it is with a panic
// of the loop's body, and with a function's that the loop was not given: both come up.
func TestC10_MapPanics(t *testing.T) {
	eachWay(t, 4, func(t *testing.T, opts []async.Option) {
		errOther := errors.New("other")
		var returned atomic.Int64
		in := func(yield func(int) bool) {
			yield(1)
			time.Sleep(time.Second)
			panic(errOther)
		}
		r := recovered(func() {
			for range async.Map(t.Context(), in, func(ctx context.Context, i int) (int, error) {
				defer returned.Add(1)
				<-ctx.Done()
				time.Sleep(time.Second)
				return 0, nil
			}, opts...) {
				t.Error("a result")
			}
		})
		wantEq(t, "the input's panic", r, any(errOther))
		wantEq(t, "returned", returned.Load(), int64(1))

		e, ok := recovered(func() {
			for range async.Map(t.Context(), upTo(2), func(ctx context.Context, i int) (int, error) {
				if i == 1 {
					time.Sleep(time.Second)
					panic(errBoom)
				}
				return i, nil
			}, opts...) {
				time.Sleep(2 * time.Second)
				panic(errOther)
			}
		}).(error)
		if !ok {
			t.Fatal("it did not panic")
		}
		wantIs(t, e, errBoom, errOther)
	})
}

// A body that calls Goexit, as t.FailNow does, leaves the loop as any other.
func TestC10_MapLeftByGoexit(t *testing.T) {
	eachWay(t, 4, func(t *testing.T, opts []async.Option) {
		var running atomic.Int64
		over := make(chan struct{})
		go func() {
			defer close(over)
			for range async.Map(t.Context(), upTo(100), func(ctx context.Context, i int) (int, error) {
				defer running.Add(-1)
				if running.Add(1); i > 0 {
					<-ctx.Done()
				}
				return 0, nil
			}, opts...) {
				runtime.Goexit()
			}
		}()
		<-over
		wantEq(t, "running", running.Load(), int64(0))
	})
}

// The context of a call ends with the call, with Streaming when the body is through.
func TestC10_MapContexts(t *testing.T) {
	for _, streaming := range []bool{false, true} {
		for name, opts := range waysOfMap(2) {
			t.Run(fmt.Sprint(name, streaming), func(t *testing.T) {
				opts := opts()
				if streaming {
					opts = append(opts, async.Streaming())
				}
				var last context.Context
				for _, r := range async.Map(t.Context(), upTo(50), func(ctx context.Context, i int) (context.Context, error) {
					return ctx, ctx.Err()
				}, opts...) {
					if last != nil {
						wantEq(t, "ended", last.Err(), context.Canceled)
					}
					last = r.Value
					wantEq(t, "lives in the body", last.Err() == nil, streaming)
				}
				wantEq(t, "ended at last", last.Err(), context.Canceled)
			})
		}
	}
}

// Map in a function of its own scope lends the slot of the function while Map waits.
func TestC10_MapLendsTheSlot(t *testing.T) {
	for _, opts := range [][]async.Option{nil, {async.InOrder()}} {
		synctest.Test(t, func(t *testing.T) {
			s := async.NewScope(async.ScopeOptions{Limit: 1})
			c := async.Go(t.Context(), func(ctx context.Context) (int, error) {
				sum := 0
				for i, r := range async.Map(ctx, upTo(10), func(ctx context.Context, i int) (int, error) {
					return i, async.Sleep(ctx, time.Second)
				}, append(opts, s)...) {
					if sum += r.Value; i == 5 {
						break
					}
				}
				return sum, nil
			}, s)
			v, err := c.Await(t.Context())
			wantEq(t, "result", fmt.Sprint(v, err), "15 <nil>")
			wantEq(t, "shutdown", s.Shutdown(t.Context()), nil)
		})
	}
}

// Each input is a call of the scope: it is counted, named, and refused.
func TestC10_MapInAScope(t *testing.T) {
	var names []string
	s := async.NewScope(async.ScopeOptions{Limit: 1, Track: true, Observer: async.Observer{Begun: func(i async.CallInfo) { names = append(names, i.Name) }}})
	for i, r := range async.Map(bg, upTo(3), func(_ context.Context, i int) (int, error) { return i, nil }, s,
		async.NameEach(func(i int) string { return fmt.Sprint("input ", i) })) {
		wantEq(t, "value", r.Value, i)
	}
	wantEq(t, "names", strings.Join(names, ", "), "input 0, input 1, input 2")
	stats := s.Stats()
	wantEq(t, "taken", stats.Taken, int64(3))
	for h := range s.Unreleased() {
		t.Errorf("unreleased: %v", h)
	}
	s.Close()
	for _, r := range async.Map(bg, upTo(2), func(context.Context, int) (int, error) { return 0, nil }, s) {
		wantEq(t, "refused", r.Err, async.ErrScopeClosed)
	}
	calls := async.GoEach(bg, []string{"a", "b"}, func(context.Context, string) (int, error) { return 0, nil }, async.NameEach(strings.ToUpper))
	wantEq(t, "GoEach", calls[0].String()+", "+calls[1].String(), `call "A", call "B"`)
}

func TestC10_MapMisuse(t *testing.T) {
	work := func(context.Context, int) (int, error) { return 0, nil }
	wantPanic(t, "nil context", "nil context", func() { async.Map(nil, upTo(1), work) }) //nolint:staticcheck // the misuse itself
	wantPanic(t, "nil sequence", "nil sequence", func() { async.Map(bg, nil, work) })
	wantPanic(t, "nil function", "nil function", func() { async.Map[int, int](bg, upTo(1), nil) })
	wantPanic(t, "AtOnce(0)", "AtOnce(0)", func() { async.AtOnce(0) })
	wantPanic(t, "AtOnce(-1)", "AtOnce(-1)", func() { async.AtOnce(-1) })
	wantPanic(t, "NameEach(nil)", "NameEach with a nil function", func() { async.NameEach[int](nil) })
	other := async.NameEach(func(string) string { return "" })
	wantPanic(t, "NameEach of another type", "for inputs of int", func() { async.Map(bg, upTo(1), work, other) })
	wantPanic(t, "NameEach of another type", "for inputs of int", func() { async.GoEach(bg, []int{1}, work, other) })
	wantPanic(t, "Discard of another type", "Discard", func() { async.Map(bg, upTo(1), work, async.Discard(func(string, error) {})) })
	for name, opt := range map[string]async.Option{"AtOnce": async.AtOnce(1), "InOrder": async.InOrder(), "NameEach": other} {
		wantPanic(t, "Go", name+" given to", func() { async.Go(bg, value(1, nil), opt) })
		wantPanic(t, "GoAll", name+" given to", func() { async.GoAll(bg, []func(context.Context) (int, error){value(1, nil)}, opt) })
		wantPanic(t, "NewPromise", name+" given to", func() { async.NewPromise[int](bg, opt) })
		wantPanic(t, "Begin", name+" given to", func() { _ = new(async.Call[int]).Begin(bg, value(1, nil), opt) })
		wantPanic(t, "Hedge", name+" given to", func() { _, _ = async.Hedge(bg, 0, 1, anyAttempt(value(1, nil)), opt) })
		wantPanic(t, "NewLazy", name+" given to", func() { async.NewLazy(value(1, nil), opt) })
		wantPanic(t, "Group", name+" given to", func() {
			g := async.Group[int, int]{Options: []async.Option{opt}}
			_, _, _ = g.Do(bg, 1, value(1, nil))
		})
		if name != "NameEach" {
			wantPanic(t, "GoEach", name+" given to", func() { async.GoEach(bg, []int{1}, work, opt) })
		}
	}
}

// A million inputs need no more memory than a few, on no more goroutines than functions
// may run.
func TestC10_MapOfAMillion(t *testing.T) {
	n := rounds(1_000_000)
	for _, opts := range [][]async.Option{{async.AtOnce(8)}, {async.AtOnce(8), async.InOrder()}} {
		before := runtime.NumGoroutine()
		var peak, count int
		wantFlat(t, "inputs", func() {
			for i, r := range async.Map(bg, upTo(n), func(_ context.Context, i int) (int, error) { return i, nil }, opts...) {
				if r.Value != i {
					t.Fatalf("input %d has %v", i, r)
				}
				if count++; count%(n/8) == 0 {
					peak = max(peak, runtime.NumGoroutine()-before)
				}
			}
		})
		wantEq(t, "results", count, n)
		if peak > 8 {
			t.Errorf("%d goroutines", peak)
		}
	}
}

// Loops that are left at any moment, beside functions that return at any moment: every
// result is taken or discarded, once, and no function runs when the loop is over.
func TestC10_MapRaces(t *testing.T) {
	for name, opts := range waysOfMap(3) {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(3000) {
				var running, ran, discarded atomic.Int64
				taken := 0
				ctx, cancel := context.WithCancel(bg)
				scope := opts()
				for i, r := range async.Map(ctx, upTo(20), func(ctx context.Context, i int) (int, error) {
					running.Add(1)
					ran.Add(1)
					defer running.Add(-1)
					if i == round%23 {
						cancel()
					}
					return i, nil
				}, append(scope, async.Discard(func(int, error) { discarded.Add(1) }))...) {
					if !errors.Is(r.Err, async.ErrCanceled) { // ctx ended before the call began
						taken++
					}
					if i == round%20 {
						break
					}
				}
				wantEq(t, "running", running.Load(), int64(0))
				cancel()
				for deadline := 0; int64(taken)+discarded.Load() != ran.Load(); deadline++ {
					if deadline > 1_000_000 {
						t.Fatalf("round %d: %d ran, %d taken, %d discarded", round, ran.Load(), taken, discarded.Load())
					}
					runtime.Gosched()
				}
				if s := slices.IndexFunc(scope, func(o async.Option) bool { _, ok := o.(*async.Scope); return ok }); s >= 0 {
					wantEq(t, "shutdown", scope[s].(*async.Scope).Shutdown(bg), nil)
				}
			}
		})
	}
}
