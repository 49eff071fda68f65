package async_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

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
