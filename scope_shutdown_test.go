package async_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

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
		wantEq(t, "BeginPromise", err, async.ErrScopeClosed)
		wantEq(t, "its promise", q, (*async.Promise[int])(nil))
		wantEq(t, "Begin with a context that has ended", c.Begin(expired, never, s), async.ErrScopeClosed)
		d := async.Go(bg, never, s, async.Discard(func(int, error) { t.Error("discarded") }))
		wantEq(t, "complete", d.IsDone(), true)
		_, err = d.Finish()
		wantEq(t, "Go", err, async.ErrScopeClosed)
		q, e := async.NewPromise[int](bg, s)
		wantEq(t, "Complete", q.Complete(1, nil), false)
		_, err = e.Await(bg)
		wantEq(t, "NewPromise", err, async.ErrScopeClosed)
		_, err = async.GoEach(bg, []int{1, 2}, func(ctx context.Context, _ int) (int, error) { return never(ctx) }, s).All(bg)
		wantEq(t, "GoEach", err, async.ErrScopeClosed)
		_, err = async.Hedge(bg, 0, 2, never, s)
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
		async.Go(bg, func(ctx context.Context) (int, error) { inner = s.Shutdown(ctx); return 1, nil }, s)
		async.Go(bg, deaf(time.Minute), s)
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
