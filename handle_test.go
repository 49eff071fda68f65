package async_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// What handles do: clones, releases, and who gets a result or discards it.

func TestR9_AReleasedHandle(t *testing.T) {
	p, c := async.NewPromise[int](bg)
	done := c.Done()
	d := c.Clone()
	c.Release()
	c.Release()
	wantEq(t, "IsDone", c.IsDone(), false)
	wantEq(t, "Done", c.Done(), done)
	p.Complete(1, nil)
	wantEq(t, "IsDone when complete", c.IsDone(), true)
	wantEq(t, "Done when complete", isClosed(c.Done()), true)
	_, awaited := c.Await(bg)
	_, finished := c.Finish()
	_, promised := c.BeginPromise(bg)
	for what, err := range map[string]error{
		"Await": awaited, "Finish": finished, "BeginPromise": promised,
		"Wait": c.Wait(bg), "WaitFor": c.WaitFor(time.Hour), "Cancel": c.Cancel(nil), "CancelWait": c.CancelWait(bg, nil),
		"Begin": c.Begin(bg, value(1, nil)),
	} {
		wantEq(t, what, err, async.ErrReleased)
	}
	for _, f := range []func(){
		func() { c.Clone() }, func() { c.Signal() }, func() { async.AfterFunc(c, func() {}) },
	} {
		if r, ok := recovered(f).(string); !ok || r[:7] != "async: " {
			t.Errorf("it did not panic, but: %v", r)
		}
	}
	v, err := d.Finish()
	wantEq(t, "the clone's value", v, 1)
	wantEq(t, "its error", err, nil)

	var idle async.Call[int]
	idle.Release()
	wantEq(t, "an idle one", idle.Begin(bg, value(1, nil)), async.ErrReleased)
	wantEq(t, "its channel", isClosed(idle.Done()), false)
}

func TestR9_AbandoningIsNotCancelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		c := async.Go(bg, func(ctx context.Context) (int, error) {
			time.Sleep(time.Second)
			return 1, ctx.Err()
		}, b.option())
		c.Release()
		time.Sleep(time.Minute)
		b.want(t, "abandoned, then returned", 1)
		wantEq(t, "result", *b.last.Load(), async.Result[int]{Value: 1})
	})
}

func TestR9_CancelOnAbandonWaitsForTheLastReference(t *testing.T) {
	for name, last := range map[string]func(t *testing.T, c *async.Call[int]) (let func()){
		"handle": func(t *testing.T, c *async.Call[int]) func() { return c.Clone().Release },
		"signal": func(t *testing.T, c *async.Call[int]) func() {
			s := c.Signal()
			d := s.Clone()
			s.Release()
			return d.Release
		},
		"Await": func(t *testing.T, c *async.Call[int]) func() {
			return waiting(func(ctx context.Context) { _, _ = c.Await(ctx) })
		},
		"Wait": func(t *testing.T, c *async.Call[int]) func() {
			return waiting(func(ctx context.Context) { _ = c.Wait(ctx) })
		},
		"Wait on a signal": func(t *testing.T, c *async.Call[int]) func() {
			s := c.Signal()
			let := waiting(func(ctx context.Context) { _ = s.Wait(ctx) })
			s.Release()
			return let
		},
		"a method of Calls": func(t *testing.T, c *async.Call[int]) func() {
			return waiting(func(ctx context.Context) { _, _ = async.Calls[int]{c}.All(ctx) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var cause error
				c := async.Go(bg, func(ctx context.Context) (int, error) {
					_, err := block(ctx)
					cause = err
					return 0, err
				}, async.CancelOnAbandon())
				var set async.Set[int]
				set.Add(0, c)
				member, leave := context.WithCancel(bg)
				go func() { _, _ = async.WaitAny(member, c) }()
				let := last(t, c)
				c.Release()
				synctest.Wait()
				wantEq(t, "canceled before the last reference went", c.IsDone(), false)
				let()
				synctest.Wait()
				wantEq(t, "complete", c.IsDone(), true)
				wantEq(t, "cause", cause, async.ErrAbandoned)
				leave()
			})
		})
	}
}

// waiting runs wait in a goroutine until it is let go.
func waiting(wait func(context.Context)) (let func()) {
	ctx, cancel := context.WithCancel(bg)
	go wait(ctx)
	synctest.Wait()
	return cancel
}

func TestR9_AbandonedCallsAreNotCanceledWithoutTheOption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, c := async.NewPromise[int](bg)
		c.Release()
		wantEq(t, "Err", p.Context().Err(), nil)
		wantEq(t, "Complete", p.Complete(1, nil), true)
	})
}

func TestR9_Discard(t *testing.T) {
	for name, test := range map[string]struct {
		want int32
		do   func(*bin)
	}{
		"released when complete": {1, func(b *bin) {
			c := async.Go(bg, value(1, errBoom), b.option())
			_ = c.Wait(bg)
			c.Release()
		}},
		"released before it returned": {1, func(b *bin) {
			start := make(chan struct{})
			c := async.Go(bg, func(context.Context) (int, error) { <-start; return 1, errBoom }, b.option())
			c.Release()
			close(start)
		}},
		"a promise released before": {1, func(b *bin) {
			p, c := async.NewPromise[int](bg, b.option())
			c.Release()
			p.Complete(1, errBoom)
		}},
		"canceled": {1, func(b *bin) {
			c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); return 1, errBoom }, b.option())
			synctest.Wait()
			_ = c.Cancel(nil)
			c.Release()
		}},
		"canceled by the last reference": {1, func(b *bin) {
			c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); return 1, errBoom }, b.option(), async.CancelOnAbandon())
			synctest.Wait()
			c.Release()
		}},
		"the last handle a signal": {1, func(b *bin) {
			c := async.Go(bg, value(1, errBoom), b.option())
			s := c.Signal()
			c.Release()
			synctest.Wait()
			s.Release()
		}},
		"only waited for": {1, func(b *bin) {
			c := async.Go(bg, value(1, errBoom), b.option())
			_ = c.Wait(bg)
			_, _ = async.WaitAny(bg, c)
			_ = async.WaitAll(bg, c)
			c.Release()
		}},
		"finished": {0, func(b *bin) {
			c := async.Go(bg, value(1, nil), b.option())
			_ = c.Wait(bg)
			_, _ = c.Finish()
			c.Release()
		}},
		"awaited": {0, func(b *bin) { c := async.Go(bg, value(1, nil), b.option()); _, _ = c.Await(bg); c.Release() }},
		"finished by a clone": {0, func(b *bin) {
			c := async.Go(bg, value(1, nil), b.option())
			d := c.Clone()
			_ = c.Wait(bg)
			_, _ = d.Finish()
			c.Release()
		}},
		"raced": {0, func(b *bin) {
			c := async.Go(bg, value(1, nil), b.option())
			_, _, _ = async.Calls[int]{c}.Race(bg)
			c.Release()
		}},
		"never ran": {0, func(b *bin) {
			ctx, cancel := context.WithCancel(bg)
			cancel()
			async.Go(ctx, value(1, nil), b.option()).Release()
		}},
		"a broken promise": {0, func(b *bin) { p, c := async.NewPromise[int](bg, b.option()); p.Break(); c.Release() }},
		"a canceled promise": {0, func(b *bin) {
			p, c := async.NewPromise[int](bg, b.option())
			_ = c.Cancel(nil)
			p.Complete(1, nil)
			c.Release()
		}},
		"Goexit": {0, func(b *bin) {
			async.Go(bg, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, b.option()).Release()
		}},
		"still held by others": {0, func(b *bin) { c := async.Go(bg, value(1, nil), b.option()); c.Clone(); _ = c.Wait(bg); c.Release() }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b bin
				test.do(&b)
				synctest.Wait()
				b.want(t, name, test.want)
				if test.want > 0 {
					wantEq(t, "result", *b.last.Load(), async.Result[int]{Value: 1, Err: errBoom})
				}
			})
		})
	}
}

// A result that arrives late is discarded on the function's own goroutine, so it
// is over when that is.
func TestR9_LateResultsAreDiscardedOnTheFunctionsGoroutine(t *testing.T) {
	for name, end := range map[string]func(*async.Call[int]){
		"canceled": func(c *async.Call[int]) { _ = c.Cancel(nil) },
		"released": (*async.Call[int]).Release,
	} {
		t.Run(name, func(t *testing.T) {
			started, start, stack := make(chan struct{}), make(chan struct{}), make(chan string, 1)
			c := async.Go(bg, func(context.Context) (int, error) { close(started); <-start; return 1, nil },
				async.Discard(func(int, error) {
					buf := make([]byte, 1<<16)
					stack <- string(buf[:runtime.Stack(buf, false)])
				}))
			<-started
			end(c)
			close(start)
			wantContains(t, <-stack, ").run(")
		})
	}
}

// A result that nobody is left to take is discarded although an OnSignal function ends the
// goroutine that completes the call.
func TestR9_DiscardedWhereOnSignalExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		gate := make(chan struct{})
		async.Go(bg, func(context.Context) (int, error) { <-gate; return 7, nil }, b.option(), async.OnSignal(runtime.Goexit)).Release()
		p, c := async.NewPromise[int](bg, b.option(), async.OnSignal(runtime.Goexit))
		c.Release()
		close(gate)
		go p.Complete(8, nil)
		synctest.Wait()
		b.want(t, "both", 2)
	})
}

// R9f: whatever the observer does, the result goes to Discard.
func TestR9_DiscardedWhereTheObserverExits(t *testing.T) {
	exit := func(async.CallInfo) { runtime.Goexit() }
	for name, o := range map[string]async.Observer{
		"Discarded": {Discarded: exit},
		"Abandoned": {Abandoned: exit},
		"Completed": {Completed: exit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b bin
				s := async.NewScope(async.ScopeOptions{Observer: o})
				canceled := async.Go(bg, deaf(time.Second), s, b.option())
				synctest.Wait() // it runs
				go func() { _ = canceled.Cancel(nil) }()
				async.Go(bg, deaf(time.Second), s, b.option()).Release()
				late := async.Go(bg, value(1, nil), s, b.option())
				synctest.Wait()
				late.Release()
				p, c := async.NewPromise[int](bg, s, b.option())
				c.Release()
				go p.Complete(1, nil)
				time.Sleep(time.Minute)
				b.want(t, "late, abandoned, released, of a promise", 4)
				wantEq(t, "discarded", s.Stats().Discarded, int64(4))
				wantEq(t, "Shutdown", s.Shutdown(newTimeout(bg, time.Hour)), nil)
			})
		})
	}
}

// Where a function of the user ends Go or NewPromise, nobody is given the call. It is
// released, its promise is broken, and each panic is raised (R9f).
func TestR9_ABeginThatIsEnded(t *testing.T) {
	ended, cancel := context.WithCancel(bg)
	cancel()
	begins := map[string]func(context.Context, ...async.Option){
		"Go":         func(ctx context.Context, opts ...async.Option) { async.Go(ctx, value(1, nil), opts...) },
		"NewPromise": func(ctx context.Context, opts ...async.Option) { async.NewPromise[int](ctx, opts...) },
	}
	ends := map[string]func(){"a panic": func() { panic(errBoom) }, "Goexit": runtime.Goexit}
	for name, begin := range begins {
		for how, end := range ends {
			for where, o := range map[string]struct {
				begun    func(async.CallInfo)
				onSignal func()
				ctx      context.Context
			}{
				"OnSignal": {nil, end, ended},
				"Begun":    {func(async.CallInfo) { end() }, func() {}, bg},
				"both":     {func(async.CallInfo) { end() }, end, ended},
			} {
				t.Run(name+", "+how+" in "+where, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := async.NewScope(async.ScopeOptions{Track: true, Observer: async.Observer{Begun: o.begun}})
						var raised any
						var over sync.WaitGroup
						over.Go(func() {
							defer func() { raised = recover() }()
							begin(o.ctx, s, async.OnSignal(o.onSignal))
							t.Error("it returned")
						})
						over.Wait()
						switch err, _ := raised.(error); {
						case how == "Goexit":
							wantEq(t, "raised", raised, nil)
						case where == "both":
							wantContains(t, err.Error(), "2 panics")
							fallthrough
						default:
							wantIs(t, err, errBoom)
						}
						for h := range s.Unreleased() {
							t.Errorf("%v is not released", h.Call)
						}
						wantEq(t, "Shutdown", s.Shutdown(newTimeout(bg, time.Hour)), nil)
					})
				})
			}
		}
	}
	t.Run("refused", func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Observer: async.Observer{Refused: func(async.CallInfo) { panic(errBoom) }}})
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		raised := recovered(func() { async.Go(bg, value(1, nil), s, async.OnSignal(func() { panic(errBoom) })) })
		wantContains(t, fmt.Sprint(raised), "2 panics")
	})
}

// R9f, C3: nothing is left of a call that a method of the context ends while it is begun, and
// of a promise that an observer ends.
func TestR9_ABeginThatItsContextEnds(t *testing.T) {
	goes := func(ctx context.Context, opts ...async.Option) { async.Go(ctx, value(1, nil), opts...) }
	promises := func(ctx context.Context, opts ...async.Option) { async.NewPromise[int](ctx, opts...) }
	begins := func(ctx context.Context, opts ...async.Option) {
		var c async.Call[int]
		defer c.Release()
		_ = c.Begin(ctx, value(1, nil), opts...)
	}
	beginsPromise := func(ctx context.Context, opts ...async.Option) {
		var c async.Call[int]
		defer c.Release()
		_, _ = c.BeginPromise(ctx, opts...)
	}
	for name, tt := range map[string]struct {
		begin  func(context.Context, ...async.Option)
		method string // that ends the Begin
		over   bool   // the context has ended
		begun  bool   // the observer ends the Begin, too
	}{
		"Go, Value":           {begin: goes, method: "Value", over: true},
		"Begin, Value":        {begin: begins, method: "Value", over: true},
		"NewPromise, Err":     {begin: promises, method: "Err"},
		"NewPromise, Done":    {begin: promises, method: "Done"},
		"NewPromise, Value":   {begin: promises, method: "Value", over: true},
		"NewPromise, both":    {begin: promises, method: "Err", begun: true},
		"BeginPromise, Err":   {begin: beginsPromise, method: "Err"},
		"BeginPromise, Value": {begin: beginsPromise, method: "Value", over: true},
		"BeginPromise, Begun": {begin: beginsPromise, begun: true},
	} {
		for how, end := range endings {
			t.Run(name+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx := newQuietCtx()
					if tt.over {
						ctx.end(context.Canceled)
					}
					s := async.NewScope(async.ScopeOptions{Track: true, Observer: async.Observer{Begun: func(async.CallInfo) {
						if tt.begun {
							end()
						}
					}}})
					ctx.ask = func(method string) {
						if method == tt.method {
							end()
						}
					}
					wantEq(t, "it panicked", wantEnded(t, func() { tt.begin(ctx, s) }) != nil, how == "a panic")
					ctx.ask = func(string) {}
					for h := range s.Unreleased() {
						t.Errorf("%v is not released", h.Call)
					}
					wantEq(t, "Shutdown", s.Shutdown(newTimeout(bg, time.Hour)), nil)
				})
			})
		}
	}
}

// Complete, Cancel, the end of the context and the releases of every handle, all
// at once: whatever the order, the value is with the caller of Complete, with a
// taker, or discarded, once.
func TestR9_AValueIsNeverLostAndNeverGivenTwice(t *testing.T) {
	for round := range rounds(10000) {
		ctx, end := context.WithCancel(bg)
		discarded := make(chan int, 2)
		options := []async.Option{async.Discard(func(v int, _ error) { discarded <- v })}
		if round%2 == 0 {
			options = append(options, async.CancelOnAbandon())
		}
		p, c := async.NewPromise[int](ctx, options...)
		d := c.Clone()
		s := d.Signal()
		var taken atomic.Int32
		kept := false
		together(
			func() { kept = !p.Complete(round, nil) },
			func() {
				if round%3 == 0 {
					_ = d.Cancel(nil)
				}
				d.Release()
			},
			func() {
				if v, err := c.Await(ctx); err == nil && v == round {
					taken.Add(1)
				}
				c.Release()
			},
			func() { s.Release() },
			func() { end() })
		switch {
		case kept || taken.Load() == 1:
		default:
			if v := <-discarded; v != round {
				t.Fatalf("round %d: discarded %d", round, v)
			}
		}
		if kept && taken.Load() > 0 {
			t.Fatalf("round %d: kept by its owner and taken", round)
		}
		runtime.Gosched()
		select {
		case v := <-discarded:
			t.Fatalf("round %d: %d discarded although kept: %v, taken: %d", round, v, kept, taken.Load())
		default:
		}
	}
}

// The same for a function: it ran or not, was canceled or not, and its value, if
// there is one, has one owner.
func TestR9_AFunctionsValueHasOneOwner(t *testing.T) {
	for round := range rounds(5000) {
		discarded, over := make(chan int, 2), make(chan struct{})
		var ran atomic.Bool
		c := async.Go(bg, func(context.Context) (int, error) { ran.Store(true); return round, nil },
			async.Discard(func(v int, _ error) { discarded <- v }), async.OnSignal(func() { close(over) }))
		d := c.Clone()
		taken := false
		together(
			func() { _ = c.Cancel(nil); c.Release() },
			func() { _, err := d.Finish(); taken = err == nil; d.Release() })
		<-over
		if taken {
			continue
		}
		if ran.Load() { // then there is a value, and nobody else has it
			if v := <-discarded; v != round {
				t.Fatalf("round %d: discarded %d", round, v)
			}
		}
	}
}

// A complete call is read and released at once: the value is handed out or
// discarded, not both and not neither.
func TestR9_AwaitAgainstTheLastRelease(t *testing.T) {
	for round := range rounds(20000) {
		discarded := make(chan int, 1)
		p, c := async.NewPromise[int](bg, async.Discard(func(v int, _ error) { discarded <- v }))
		p.Complete(round, nil)
		var err error
		together(func() { _, err = c.Await(bg) }, c.Release)
		if err == async.ErrReleased {
			<-discarded
			continue
		}
		runtime.Gosched()
		if err != nil || len(discarded) > 0 {
			t.Fatalf("round %d: Await said %v, discarded %d", round, err, len(discarded))
		}
	}
}

func TestR9_ReleaseRunsNoUserCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inside atomic.Bool
		check := func() { wantEq(t, "on the stack of Release", inside.Load(), false) }
		slow := func() { time.Sleep(time.Second); check() }
		c := async.Go(bg, block, async.CancelOnAbandon(), async.OnSignal(slow), async.Discard(func(int, error) { slow() }))
		d := async.Ready(1, nil)
		_, e := async.NewPromise[int](bg, async.CancelOnAbandon(), async.OnSignal(slow))
		start := time.Now()
		for _, release := range []func(){c.Release, d.Release, e.Release} {
			inside.Store(true)
			release()
			inside.Store(false)
		}
		wantEq(t, "time passed", time.Since(start), time.Duration(0))
		time.Sleep(time.Minute)
	})
}

// A result is handed out or discarded, and a panic raised once, where a handle is
// given up beside the one that takes the result (K4, R9, C5).
func TestK4_TakenBesideARelease(t *testing.T) {
	type handle = *async.Call[int]
	finish := func(c handle) func() (int, error) { return c.Finish }
	await := func(c handle) func() (int, error) { return func() (int, error) { return c.Await(bg) } }
	begin := func(c handle) func() { return func() { _ = c.Begin(bg, value(0, errBoom)) } }
	for name, race := range map[string]struct {
		stream, join, clone bool
		take                func(c handle) func() (int, error)
		give                func(c handle) func()
	}{
		"streaming, Finish and Release":             {stream: true, take: finish},
		"streaming, Finish and Begin":               {stream: true, take: finish, give: begin},
		"joined, Await and Release":                 {join: true, take: await},
		"joined, Finish and the Release of a clone": {join: true, clone: true, take: finish},
		"plain, Await and Release":                  {take: await},
	} {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(3000) {
				panics := round%2 == 1
				var b bin
				s := async.NewScope(async.ScopeOptions{})
				fn := func(context.Context) (int, error) {
					if panics {
						panic(errBoom)
					}
					return 1, nil
				}
				opts := []async.Option{s, b.option()}
				if race.stream {
					opts = append(opts, async.Streaming())
				}
				var c handle
				if race.join {
					g := async.Group[string, int]{Options: opts}
					c = g.Join(bg, "k", fn)
				} else {
					c = async.Go(bg, fn, opts...)
				}
				_ = c.Wait(bg)
				other := c
				if race.clone {
					other = c.Clone()
				}
				give := other.Release
				if race.give != nil {
					give = race.give(c)
				}
				var handed, raised atomic.Int32
				count := func(f func()) func() {
					return func() {
						if recovered(f) != nil {
							raised.Add(1)
						}
					}
				}
				together(count(func() {
					if v, err := race.take(c)(); v == 1 && err == nil {
						handed.Add(1)
					}
				}), count(give))
				count(c.Release)()
				_ = s.Shutdown(bg)
				if got := handed.Load() + b.count.Load() + raised.Load(); got != 1 {
					t.Fatalf("round %d: handed out %d, discarded %d, raised %d", round, handed.Load(), b.count.Load(), raised.Load())
				}
			}
		})
	}
}

// A handle may be cloned, and a Signal of it released, while its first call is begun:
// also where a scope records handles (K1).
func TestK1_TheFirstBeginBesideHandles(t *testing.T) {
	for range rounds(3000) {
		s := async.NewScope(async.ScopeOptions{Track: true})
		var c async.Call[int]
		before, signal := c.Signal(), c.Signal()
		var d *async.Call[int]
		together(
			func() { _ = c.Begin(bg, value(1, nil), s) },
			func() { d = c.Clone() },
			func() { signal.Clone().Release(); signal.Release() },
			func() { before.Release() },
		)
		_, _ = c.Await(bg)
		c.Release()
		d.Release()
		_ = s.Shutdown(bg)
		for h := range s.Unreleased() {
			t.Fatalf("unreleased: %+v", h)
		}
	}
}

// A panic that comes up as a method of Calls gives up its references takes no result
// along: what was not returned goes to Discard (R9).
func TestR9_AnotherMembersPanic(t *testing.T) {
	for name, method := range methodsThatTakeOne {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(2000) {
				s := async.NewScope(async.ScopeOptions{})
				var b bin
				winner := async.Go(bg, value(1, nil), s, b.option())
				other := async.Go(bg, func(context.Context) (int, error) { panic(errBoom) }, s)
				_ = async.WaitAll(bg, winner, other)
				var handed, raised atomic.Int32
				count := func(f func()) func() {
					return func() {
						if recovered(f) != nil {
							raised.Add(1)
						}
					}
				}
				together(count(func() {
					if method(async.Calls[int]{winner, other}) {
						handed.Add(1)
					}
				}), count(other.Release))
				winner.Release()
				_ = s.Shutdown(bg)
				if handed.Load()+b.count.Load() != 1 || raised.Load() != 1 {
					t.Fatalf("round %d: handed out %d, discarded %d, raised %d", round, handed.Load(), b.count.Load(), raised.Load())
				}
			}
		})
	}
}

// The methods of Calls that return the result 1 of the first call, and leave others.
var methodsThatTakeOne = map[string]func(cs async.Calls[int]) (taken bool){
	"Race":   func(cs async.Calls[int]) bool { _, v, err := cs.Race(bg); return v == 1 && err == nil },
	"Any":    func(cs async.Calls[int]) bool { _, v, err := cs.Any(bg); return v == 1 && err == nil },
	"Quorum": func(cs async.Calls[int]) bool { _, vs, err := cs.Quorum(bg, 1); return len(vs) == 1 && err == nil },
}

// A promise and a wait end by one context: the call is canceled, and that is what the
// wait returns, every time (R6, R14).
func TestR14_AWaitWithThePromisesOwnContext(t *testing.T) {
	type wait func(ctx context.Context, p *async.Promise[int], c *async.Call[int]) error
	first := func(_ int, _ int, err error) error { return err }
	for name, wait := range map[string]wait{
		"Await": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			_, err := c.Await(ctx)
			return err
		},
		"Wait": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			if err := c.Wait(ctx); err != nil {
				return err
			}
			_, err := c.Await(bg)
			return err
		},
		"Wait of a Signal": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			s := c.Signal()
			defer s.Release()
			if err := s.Wait(ctx); err != nil {
				return err
			}
			_, err := c.Await(bg)
			return err
		},
		"WaitAny": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			if i, err := async.WaitAny(ctx, new(async.Event), c); err != nil || i != 1 {
				return fmt.Errorf("%d, %w", i, err)
			}
			_, err := c.Await(bg)
			return err
		},
		"WaitAll": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			if err := async.WaitAll(ctx, c, c); err != nil {
				return err
			}
			_, err := c.Await(bg)
			return err
		},
		"Race": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			return first(async.Calls[int]{c}.Race(ctx))
		},
		"All": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			_, err := async.Calls[int]{c}.All(ctx)
			return err
		},
		"Any": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			return first(async.Calls[int]{c}.Any(ctx))
		},
		"Settle": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			rs, err := async.Calls[int]{c}.Settle(ctx)
			if err != nil {
				return err
			}
			return rs[0].Err
		},
		"Each": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			for _, r := range (async.Calls[int]{c}).Each(ctx) {
				return r.Err
			}
			return errors.New("nothing came")
		},
		"FirstError": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			return async.FirstError(ctx, async.Ready(0, nil), c)
		},
		"FirstError of Signals": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			s := c.Signal()
			defer s.Release()
			if err := async.FirstError(ctx, s, async.Ready(0, nil), s); err != nil { // a Signal does not fail
				return err
			}
			_, err := c.Await(bg)
			return err
		},
		"CancelWait": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			err := c.CancelWait(ctx, errBoom)
			if _, outcome := c.Await(bg); errors.Is(outcome, errBoom) {
				return errors.New("the cause is that of CancelWait: " + outcome.Error()) // which is not canceled by errors.Is
			}
			return err
		},
	} {
		check := func(t *testing.T, ctx context.Context, p *async.Promise[int], c *async.Call[int]) {
			if err := wait(ctx, p, c); !errors.Is(err, async.ErrCanceled) || errors.Is(err, async.ErrCallPending) {
				t.Fatalf("the wait returned %v", err)
			}
			c.Release()
		}
		t.Run(name, func(t *testing.T) {
			for range rounds(2000) {
				outer, cancel := context.WithCancel(bg)
				ctx, stop := context.WithCancel(outer) // one below
				p, c := async.NewPromise[int](outer)
				var wg sync.WaitGroup
				wg.Go(cancel)
				check(t, ctx, p, c)
				wg.Wait()
				stop()
			}
		})
		t.Run(name+", and nobody tells the promise", func(t *testing.T) {
			ctx := newQuietCtx()
			p, c := async.NewPromise[int](ctx)
			ctx.end(context.Canceled)
			check(t, ctx, p, c)
		})
	}
}

// So does a wait with a time, and a wait for a call that waits for its slot (R6).
func TestR6_AWaitEndsAndTheCallsContextHas(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	let := make(chan struct{})
	running := async.Go(bg, func(context.Context) (int, error) { <-let; return 1, nil }, s)
	for range rounds(500) {
		ctx, cancel := context.WithCancel(bg)
		queued := async.Go(ctx, value(1, nil), s)
		var wg sync.WaitGroup
		wg.Go(cancel)
		if _, err := queued.Await(ctx); !errors.Is(err, async.ErrCanceled) {
			t.Fatalf("queued: %v", err)
		}
		wg.Wait()
		queued.Release()
	}
	plain := async.Go(ctx, func(context.Context) (int, error) { <-let; return 1, nil }) // it goes on
	cancel()
	if _, err := plain.Await(ctx); !errors.Is(err, async.ErrCallPending) {
		t.Errorf("a function that runs: %v", err)
	}
	close(let)
	wantValue(t, plain, 1)
	wantValue(t, running, 1)
}

func wantValue(t *testing.T, c *async.Call[int], want int) {
	t.Helper()
	if v, err := c.Await(bg); v != want || err != nil {
		t.Errorf("got %d, %v, want %d", v, err, want)
	}
}

// A call that waits for its slot has nobody to be asked: CancelWait cancels it at once,
// and its function never runs (R11, R10).
func TestR11_CancelWaitOfAQueuedCall(t *testing.T) {
	cause := errors.New("not needed")
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	let := make(chan struct{})
	running := async.Go(bg, func(context.Context) (int, error) { <-let; return 1, nil }, s)
	ran := func(context.Context) (int, error) { t.Error("it ran"); return 0, nil }
	queued := async.Go(bg, ran, s)
	behind := async.Go(bg, value(2, nil), s)
	if err := queued.CancelWait(bg, cause); err != nil {
		t.Errorf("CancelWait: %v", err)
	}
	if _, err := queued.Await(bg); !errors.Is(err, cause) {
		t.Errorf("the call: %v", err)
	}
	if err := queued.CancelWait(bg, cause); err != async.ErrCanceled {
		t.Errorf("again: %v", err)
	}
	close(let)
	wantValue(t, running, 1)
	wantValue(t, behind, 2)
	if err := s.Shutdown(bg); err != nil {
		t.Error(err)
	}
	wantBalance(t, s)
}

// The same while the observer is told of its Begin: the call has no slot yet.
func TestR11_CancelWaitWhileBegunIsTold(t *testing.T) {
	var c async.Call[int]
	var told atomic.Int32
	s := async.NewScope(async.ScopeOptions{Observer: async.Observer{Begun: func(async.CallInfo) {
		told.Add(1)
		if err := c.CancelWait(bg, nil); err != nil {
			t.Errorf("CancelWait: %v", err)
		}
	}}})
	if err := c.Begin(bg, func(context.Context) (int, error) { t.Error("it ran"); return 0, nil }, s); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Await(bg); !errors.Is(err, async.ErrCanceled) || told.Load() != 1 {
		t.Errorf("the call: %v; told %d times", err, told.Load())
	}
	c.Release()
	if err := s.Shutdown(bg); err != nil {
		t.Error(err)
	}
	wantBalance(t, s)
}

// A CancelWait beside the start of the function, and beside another cancellation: the
// function runs, or the call is canceled, or both; nothing hangs and the books balance.
func TestR11_CancelWaitBesideTheStart(t *testing.T) {
	for range rounds(2000) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		first := async.Go(bg, value(1, nil), s)
		second := async.Go(bg, func(ctx context.Context) (int, error) { return 2, context.Cause(ctx) }, s)
		var wg sync.WaitGroup
		wg.Go(func() { _ = second.CancelWait(bg, nil) })
		wg.Go(func() { _ = second.Cancel(nil) })
		_, _ = first.Await(bg)
		_, _ = second.Await(bg)
		wg.Wait()
		first.Release()
		second.Release()
		if err := s.Shutdown(bg); err != nil {
			t.Fatal(err)
		}
		wantBalance(t, s)
	}
}

// A value that comes too late for anybody goes to Discard, whether the call was canceled,
// complete or abandoned (R9).
func TestR9_CompleteOrDiscard(t *testing.T) {
	for name, tt := range map[string]struct {
		before    func(p *async.Promise[int], c *async.Call[int])
		completes bool
	}{
		"in time":   {func(*async.Promise[int], *async.Call[int]) {}, true},
		"canceled":  {func(_ *async.Promise[int], c *async.Call[int]) { _ = c.Cancel(nil) }, false},
		"complete":  {func(p *async.Promise[int], _ *async.Call[int]) { p.Complete(1, nil) }, false},
		"broken":    {func(p *async.Promise[int], _ *async.Call[int]) { p.Break() }, false},
		"abandoned": {func(_ *async.Promise[int], c *async.Call[int]) { c.Release() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := async.NewScope(async.ScopeOptions{})
			discarded := make(chan int, 2)
			p, c := async.NewPromise[int](bg, s, async.Discard(func(v int, _ error) { discarded <- v }))
			tt.before(p, c)
			if got := p.CompleteOrDiscard(7, nil); got != tt.completes {
				t.Errorf("CompleteOrDiscard returned %v", got)
			}
			if err := s.Shutdown(bg); err != nil {
				t.Error(err)
			}
			want := 1
			if name == "in time" {
				want = 0
			}
			if len(discarded) != want || want == 1 && <-discarded != 7 {
				t.Errorf("%d discarded", len(discarded))
			}
			_, _ = c.Await(bg)
			c.Release()
			if late := s.Stats().Discarded; late != int64(want) {
				t.Errorf("%d counted as discarded, want %d", late, want)
			}
		})
	}
	p, c := async.NewPromise[int](bg) // without a Discard
	_ = c.Cancel(nil)
	if p.CompleteOrDiscard(1, nil) {
		t.Error("a canceled promise completed")
	}
}

// R9f: a value that comes too late is discarded, however the functions end that are told.
func TestR9_CompleteOrDiscardIsEnded(t *testing.T) {
	for how, end := range endings {
		t.Run("OnSignal, "+how, func(t *testing.T) {
			var b bin
			ctx := newQuietCtx()
			p, c := async.NewPromise[int](ctx, b.option(), async.OnSignal(end))
			ctx.end(context.Canceled)
			wantEnded(t, func() { p.CompleteOrDiscard(7, nil) })
			wantEq(t, "done", c.IsDone(), true)
			b.want(t, "it is canceled now", 1)
		})
		t.Run("Discarded, "+how, func(t *testing.T) {
			var b bin
			s := async.NewScope(async.ScopeOptions{Observer: async.Observer{Discarded: func(async.CallInfo) { end() }}})
			p, c := async.NewPromise[int](bg, b.option(), s)
			_ = c.Cancel(nil)
			wantEnded(t, func() { p.CompleteOrDiscard(7, nil) })
			b.want(t, "it was canceled before", 1)
		})
		t.Run("in time, "+how, func(t *testing.T) {
			var b bin
			p, c := async.NewPromise[int](bg, b.option(), async.OnSignal(end))
			wantEnded(t, func() { p.CompleteOrDiscard(7, nil) })
			wantValue(t, c, 7)
			b.want(t, "the call has it", 0)
		})
	}
}

// The error of a canceled call names the call.
func TestR10_TheErrorNamesTheCall(t *testing.T) {
	_, c := async.NewPromise[int](bg, async.Name("quote"))
	_ = c.Cancel(errors.New("too slow"))
	_, err := c.Await(bg)
	if want := `async: call "quote" canceled: too slow`; err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if ce := (*async.CanceledError)(nil); !errors.As(err, &ce) || ce.Name != "quote" {
		t.Errorf("got %#v", err)
	}
}

// lostPanics are programs that drop the handles of a call that panicked. Each says
// whether the panic ends the program.
var lostPanics = map[string]struct {
	ends bool
	do   func() (keep any)
}{
	"dropped": {true, func() any { panicked(); return nil }},
	"dropped by GoEach": {true, func() any {
		for _, c := range async.GoEach(bg, []int{1, 2, 3}, func(_ context.Context, i int) (int, error) {
			if i == 2 {
				panic("in a function")
			}
			return i, nil
		}) {
			_ = c.Wait(bg)
		}
		return nil
	}},
	"dropped in a scope":      {true, func() any { panicked(async.NewScope(async.ScopeOptions{})); return nil }},
	"dropped with its Signal": {true, func() any { panicked().Signal(); return nil }},
	"looked at":               {true, func() any { _ = panicked().Info(); return nil }},
	"the handle is held":      {false, func() any { return panicked() }},
	"a Signal is held":        {false, func() any { return panicked().Signal() }},
	"a Set holds it": {false, func() any {
		s := new(async.Set[int])
		s.Add(1, panicked())
		return s
	}},
	"Calls hold it": {false, func() any { return async.Calls[int]{panicked()} }},
	"raised":        {false, func() any { _ = recovered(func() { _, _ = panicked().Await(bg) }); return nil }},
	"raised by Release": {false, func() any {
		_ = recovered(func() { panicked().Release() })
		return nil
	}},
	"held as an error": {false, func() any {
		_, _ = async.Calls[int]{panicked()}.Settle(bg)
		return nil
	}},
	"returned by FirstError": {false, func() any { _ = async.FirstError(bg, panicked()); return nil }},
	"a result of the scope's": {false, func() any {
		panicked(async.NewScope(async.ScopeOptions{Panic: async.PanicReturn}))
		return nil
	}},
	"a run that is shared": {true, func() any {
		var g async.Group[int, int]
		_ = g.Join(bg, 1, func(context.Context) (int, error) { panic("in a function") }).Wait(bg)
		return nil
	}},
}

// panicked returns a call whose function has panicked.
func panicked(opts ...async.Option) *async.Call[int] {
	c := async.Go(bg, func(context.Context) (int, error) { panic("in a function") }, opts...)
	_ = c.Wait(bg)
	return c
}

const lostPanic = "ASYNC_TEST_LOST_PANIC"

// collectGarbage collects garbage until the cleanup of an object of its own has run, and so those
// of objects that were garbage before, or nearly all.
func collectGarbage() {
	over := make(chan struct{})
	runtime.AddCleanup(new([64]byte), func(over chan struct{}) { close(over) }, over)
	for !isClosed(over) {
		runtime.GC()
		runtime.Gosched()
	}
}

// A panic that nobody was given ends the program when nobody can be given it any more,
// and only then (R15).
func TestR15_NoPanicIsLost(t *testing.T) {
	if name := os.Getenv(lostPanic); name != "" {
		keep := lostPanics[name].do()
		for range 10 {
			collectGarbage()
		}
		runtime.KeepAlive(keep)
		os.Exit(3)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range lostPanics {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(exe, "-test.run=^TestR15_NoPanicIsLost$")
			cmd.Env = append(os.Environ(), lostPanic+"="+name)
			out, _ := cmd.CombinedOutput()
			code := cmd.ProcessState.ExitCode()
			told := strings.Contains(string(out), "panic in call: in a function")
			if want := map[bool]int{true: 2, false: 3}[tt.ends]; code != want || told != tt.ends {
				t.Errorf("exit %d, want %d; the panic is told of: %v\n%s", code, want, told, out)
			}
		})
	}
}
