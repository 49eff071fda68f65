package async_test

import (
	"context"
	"runtime"
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
