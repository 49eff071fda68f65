package async_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/seed4712c49f/async"
)

// A waiter is a Waitable with waits of its own.
type waiter interface {
	async.Waitable
	Wait(ctx context.Context) error
	WaitFor(d time.Duration) error
}

// A target is something to wait for and the act that completes it.
type target struct {
	w     waiter
	set   func() bool // reports whether it was this call that completed it
	isSet func() bool
}

func eventTarget() target {
	e := new(async.Event)
	return target{e, e.Set, e.IsSet}
}

func callTarget() target {
	p, c := async.NewPromise[int](bg)
	return target{c, func() bool { return p.Complete(1, nil) }, c.IsDone}
}

// targets are the Waitables that are this package's own.
var targets = map[string]func() target{
	"Event": eventTarget,
	"Call":  callTarget,
	"Signal of an Event": func() target {
		e := new(async.Event)
		s := e.Signal()
		return target{s, e.Set, s.IsSet}
	},
	"Clone of a Signal": func() target {
		e := new(async.Event)
		s := e.Signal()
		defer s.Release()
		d := s.Clone()
		return target{d, e.Set, d.IsSet}
	},
	"Signal of a Call": func() target {
		p, c := async.NewPromise[int](bg)
		s := c.Signal()
		return target{s, func() bool { return p.Complete(1, nil) }, s.IsSet}
	},
	"Call to be canceled": func() target {
		_, c := async.NewPromise[int](bg)
		return target{c, func() bool { return c.Cancel(nil) == nil }, c.IsDone}
	},
}

// ways are the ways of learning of a completion. Each waits until w is complete
// or ctx is done and returns an error in the second case.
var ways = map[string]func(ctx context.Context, w waiter) error{
	"Wait": func(ctx context.Context, w waiter) error { return w.Wait(ctx) },
	"AfterFunc": func(ctx context.Context, w waiter) error {
		ran := make(chan struct{})
		stop := async.AfterFunc(w, func() { close(ran) })
		select {
		case <-ran:
			return nil
		case <-ctx.Done():
		}
		if stop() {
			return ctx.Err()
		}
		<-ran
		return nil
	},
	"WaitAny": func(ctx context.Context, w waiter) error {
		i, err := async.WaitAny(ctx, new(async.Event), w, new(async.Event))
		if err == nil && i != 1 {
			return fmt.Errorf("WaitAny returned %d", i)
		}
		return err
	},
	"WaitAny beside a channel": func(ctx context.Context, w waiter) error {
		_, err := async.WaitAny(ctx, w, async.Chan(make(chan struct{})))
		return err
	},
	"WaitAll": func(ctx context.Context, w waiter) error { return async.WaitAll(ctx, w, w) },
	"Set.Next": func(ctx context.Context, w waiter) error {
		var s async.Set[int]
		defer s.Release()
		s.Add(1, w)
		_, err := s.Next(ctx)
		return err
	},
	"Set.Next beside a channel": func(ctx context.Context, w waiter) error {
		var s async.Set[int]
		defer s.Release()
		s.Add(2, async.Chan(make(chan struct{})))
		s.Add(1, w)
		_, err := s.Next(ctx)
		return err
	},
	"Set.All": func(ctx context.Context, w waiter) error {
		var s async.Set[int]
		defer s.Release()
		s.Add(1, w)
		for range s.All(ctx) {
			return nil
		}
		return ctx.Err()
	},
}

func TestS1_SetOnce(t *testing.T) {
	for name, fresh := range targets {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(2000) {
				x := fresh()
				if x.isSet() || isClosed(x.w.Done()) {
					t.Fatal("set before it was")
				}
				var winners atomic.Int32
				set := func() {
					if x.set() {
						winners.Add(1)
					}
				}
				together(set, set, set)
				if n := winners.Load(); n != 1 {
					t.Fatalf("round %d: set %d times", round, n)
				}
				if x.set() || !x.isSet() || !isClosed(x.w.Done()) {
					t.Fatalf("round %d: it did not stay set", round)
				}
			}
		})
	}
}

func TestS1_OneSetReleasesEveryWaiterEveryTime(t *testing.T) {
	for name, fresh := range targets {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := fresh()
				waiters, released := 0, atomic.Int32{}
				for way, wait := range ways {
					for range 20 {
						waiters++
						go func() {
							wantEq(t, way, wait(bg, x.w), nil)
							wantEq(t, way+" again", wait(bg, x.w), nil)
							released.Add(1)
						}()
					}
				}
				for range 20 {
					waiters += 2
					go func() { <-x.w.Done(); released.Add(1) }()
					go func() { wantEq(t, "WaitFor", x.w.WaitFor(time.Hour), nil); released.Add(1) }()
				}
				synctest.Wait()
				wantEq(t, "released before it was set", released.Load(), int32(0))
				x.set()
				synctest.Wait()
				wantEq(t, "released", int(released.Load()), waiters)
			})
		})
	}
}

func TestS2_DoneIsTheSameChannelForAll(t *testing.T) {
	for name, fresh := range targets {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(2000) {
				x := fresh()
				var a, b, c <-chan struct{}
				together(
					func() { a = x.w.Done() },
					func() { b = x.w.Done() },
					func() { x.set(); c = x.w.Done() })
				if a != b || b != c || c != x.w.Done() {
					t.Fatalf("round %d: several channels", round)
				}
				if !isClosed(a) {
					t.Fatalf("round %d: set, and Done is open", round)
				}
			}
		})
	}
}

// allocations is what an operation may allocate, beside the pins of the whole
// package.
var allocations = map[string]struct {
	allowed float64
	prepare func() func()
}{
	"Signal.IsSet":        {0, func() func() { s := setEvent().Signal(); return func() { s.IsSet() } }},
	"Signal.WaitFor, set": {0, func() func() { s := setEvent().Signal(); return func() { _ = s.WaitFor(time.Hour) } }},
	"Event.WaitFor, set":  {0, func() func() { e := setEvent(); return func() { _ = e.WaitFor(0) } }},
	"Event.Wait, expired": {3, func() func() { e := new(async.Event); return func() { _ = e.Wait(expired) } }},
	"WaitAny, the sixteenth complete": {0, func() func() {
		ws := make([]async.Waitable, 16)
		for i := range ws {
			ws[i] = new(async.Event)
		}
		ws[15] = setEvent()
		return func() { _, _ = async.WaitAny(expired, ws...) }
	}},
	"Set.TryNext, nothing there": {0, func() func() { s := new(async.Set[int]); s.Add(1, new(async.Event)); return func() { s.TryNext() } }},
	"Set.Add and TryNext":        {0, func() func() { s, e := new(async.Set[int]), setEvent(); return func() { s.Add(1, e); s.TryNext() } }},
	"Set.Add and Next": {0, func() func() {
		s, e := new(async.Set[int]), setEvent()
		return func() { s.Add(1, e); _, _ = s.Next(expired) }
	}},
}

func setEvent() *async.Event {
	e := new(async.Event)
	e.Set()
	return e
}

func TestS2_Allocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for name, op := range allocations {
		if got := testing.AllocsPerRun(1000, op.prepare()); got > op.allowed {
			t.Errorf("%s: %v allocations, allowed are %v", name, got, op.allowed)
		}
	}
}

// Waiting adds no goroutine to the one that waits, and a registration none.
func TestS2_WaitingAddsNoGoroutines(t *testing.T) {
	const n = 100
	for way, wait := range ways {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := new(async.Event)
				before := goroutines()
				for range n {
					go func() { wantEq(t, way, wait(t.Context(), e), nil) }()
				}
				synctest.Wait()
				wantEq(t, "goroutines", goroutines()-before, n)
				e.Set()
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		e := new(async.Event)
		before := goroutines()
		var s async.Set[int]
		defer s.Release()
		for i := range n {
			defer async.AfterFunc(e, func() {})()
			s.Add(i, e)
		}
		wantEq(t, "goroutines of registrations", goroutines()-before, 0)
	})
}

func TestS3_WhatHappenedBeforeIsVisible(t *testing.T) {
	learn := map[string]func(w waiter){
		"Done":    func(w waiter) { <-w.Done() },
		"WaitFor": func(w waiter) { _ = w.WaitFor(time.Hour) },
		"TryNext": func(w waiter) {
			var s async.Set[int]
			s.Add(1, w)
			spinUntil(func() bool { _, ok := s.TryNext(); return ok })
		},
	}
	for way, wait := range ways {
		learn[way] = func(w waiter) { _ = wait(bg, w) }
	}
	for name, fresh := range targets {
		for way, wait := range learn {
			t.Run(name+"/"+way, func(t *testing.T) {
				for round := range rounds(200) {
					x := fresh()
					written := -1 // the race detector watches it
					together(
						func() { wait(x.w); wantEq(t, "read", written, round) },
						func() { written = round; x.set() })
				}
			})
		}
		t.Run(name+"/IsSet", func(t *testing.T) {
			for round := range rounds(200) {
				x := fresh()
				written := -1
				together(
					func() {
						spinUntil(x.isSet)
						wantEq(t, "read", written, round)
					},
					func() { written = round; x.set() })
			}
		})
		t.Run(name+"/the losing Set", func(t *testing.T) {
			for range rounds(2000) {
				x := fresh()
				var wrote [2]bool
				set := func(i int) {
					wrote[i] = true
					if !x.set() {
						wantEq(t, "what the winner wrote", wrote[1-i], true)
					}
				}
				together(func() { set(0) }, func() { set(1) })
			}
		})
	}
}

// Whoever comes too late finds Done closed: a later check could not be explained
// to him.
func TestS3_LosersFindDoneClosed(t *testing.T) {
	type race struct {
		done func() <-chan struct{}
		acts []func() (lost bool)
	}
	for name, fresh := range map[string]func() race{
		"Set": func() race {
			e := new(async.Event)
			lose := func() bool { return !e.Set() }
			return race{e.Done, []func() bool{lose, lose, lose}}
		},
		"Complete and Cancel": func() race {
			p, c := async.NewPromise[int](bg)
			return race{c.Done, []func() bool{
				func() bool { return !p.Complete(1, nil) },
				func() bool { return !p.Complete(2, errBoom) },
				func() bool { return c.Cancel(nil) != nil },
				func() bool { p.Break(); return true },
			}}
		},
		"a function and Cancel": func() race {
			c := async.Go(bg, value(1, nil))
			return race{c.Done, []func() bool{
				func() bool { return c.Cancel(nil) != nil },
				func() bool { return c.Cancel(errBoom) != nil },
				func() bool { return c.CancelWait(expired, nil) != nil },
			}}
		},
	} {
		for _, asked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, channel made before: %v", name, asked), func(t *testing.T) {
				for round := range rounds(5000) {
					r := fresh()
					if asked {
						r.done()
					}
					var acts []func()
					for i, act := range r.acts {
						acts = append(acts, func() {
							if act() && !isClosed(r.done()) {
								t.Errorf("round %d: number %d lost, and Done is open", round, i)
							}
						})
					}
					together(acts...)
				}
			})
		}
	}
}

func TestS3_IsSetIffDoneIsClosed(t *testing.T) {
	for name, fresh := range targets {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(5000) {
				x, y := fresh(), fresh()
				ydone := y.w.Done()
				var watching sync.WaitGroup
				watching.Add(1)
				together(
					func() {
						watching.Done()
						spinUntil(x.isSet)
						if !isClosed(x.w.Done()) {
							t.Errorf("round %d: IsSet, and Done is open", round)
						}
						spinUntil(func() bool { return isClosed(ydone) })
						if !y.isSet() || y.w.WaitFor(0) != nil {
							t.Errorf("round %d: Done is closed, and not IsSet", round)
						}
					},
					func() {
						if round%2 == 0 {
							x.w.Done()
						}
						watching.Wait()
						x.set()
						y.set()
					})
			}
		})
	}
}

// spinUntil looks as often as it can, and lets others run now and then.
func spinUntil(cond func() bool) {
	for i := 1; !cond(); i++ {
		if i%100 == 0 {
			runtime.Gosched()
		}
	}
}

func TestS4_ClonesHaveLivesOfTheirOwn(t *testing.T) {
	for name, signal := range map[string]func() (s *async.Signal, set func() bool){
		"Event": func() (*async.Signal, func() bool) { e := new(async.Event); return e.Signal(), e.Set },
		"Call": func() (*async.Signal, func() bool) {
			p, c := async.NewPromise[int](bg, async.CancelOnAbandon())
			defer c.Release()
			return c.Signal(), func() bool { return p.Complete(1, nil) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, set := signal()
			a := s.Clone()
			b := a.Clone()
			done := s.Done()
			s.Release()
			a.Release()
			wantEq(t, "a released one", a.Wait(bg), async.ErrReleased)
			wantWaitError(t, "the last one", b.WaitFor(0), b, async.ErrTimeout)
			wantEq(t, "channel of the last one", b.Done(), done)
			wantEq(t, "set", set(), true)
			wantEq(t, "the last one", b.Wait(bg), nil)
			wantEq(t, "a released one", s.IsSet(), true)
			b.Release()
		})
	}
}

func TestS4_TheLastReleaseDropsTheState(t *testing.T) {
	p, c := async.NewPromise[int](bg, async.CancelOnAbandon())
	s := c.Signal()
	d := s.Clone()
	for _, release := range []func(){c.Release, s.Release, s.Release, c.Release} {
		release()
		wantEq(t, "complete while one is held", d.IsSet(), false)
	}
	d.Release()
	wantEq(t, "complete when none is", d.IsSet(), true)
	wantEq(t, "cause", context.Cause(p.Context()), async.ErrAbandoned)
}

// A Clone races the Release of what it is cloned from: it has a reference of its
// own, or it panics, and the call is abandoned when the last of them goes.
func TestS4_CloneAndReleaseAtTheSameTime(t *testing.T) {
	for round := range rounds(5000) {
		_, c := async.NewPromise[int](bg, async.CancelOnAbandon())
		s := c.Signal()
		c.Release()
		var d *async.Signal
		together(
			func() { s.Release() },
			func() { s.Release() },
			func() { _ = recovered(func() { d = s.Clone() }) })
		if d != nil {
			if d.IsSet() {
				t.Fatalf("round %d: abandoned, and a clone is held", round)
			}
			d.Release()
		}
		if !s.IsSet() {
			t.Fatalf("round %d: all released, and not abandoned", round)
		}
	}
}

func TestS4_AWaitIsNotDisturbedByARelease(t *testing.T) {
	for name, wait := range map[string]func(ctx context.Context, s *async.Signal) error{
		"Wait":                    func(_ context.Context, s *async.Signal) error { return s.Wait(bg) },
		"Wait with a context":     func(ctx context.Context, s *async.Signal) error { return s.Wait(ctx) },
		"WaitFor":                 func(_ context.Context, s *async.Signal) error { return s.WaitFor(time.Hour) },
		"WaitAny":                 func(ctx context.Context, s *async.Signal) error { _, err := async.WaitAny(ctx, s); return err },
		"WaitAll":                 func(ctx context.Context, s *async.Signal) error { return async.WaitAll(ctx, s) },
		"a Set that has it":       func(ctx context.Context, s *async.Signal) error { return ways["Set.Next"](ctx, s) },
		"a callback on it":        func(ctx context.Context, s *async.Signal) error { return ways["AfterFunc"](ctx, s) },
		"its channel in a select": func(_ context.Context, s *async.Signal) error { <-s.Done(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := new(async.Event)
				s := e.Signal()
				returned := false
				go func() {
					wantEq(t, name, wait(t.Context(), s), nil)
					returned = true
				}()
				synctest.Wait()
				s.Release()
				synctest.Wait()
				wantEq(t, "returned upon the release", returned, false)
				e.Set()
				synctest.Wait()
				wantEq(t, "returned when set", returned, true)
			})
		})
	}
}

// A wait in progress counts among the references of its call.
func TestS4_AWaitHoldsItsCall(t *testing.T) {
	for name, wait := range map[string]func(ctx context.Context, s *async.Signal) error{
		"Wait":    func(ctx context.Context, s *async.Signal) error { return s.Wait(ctx) },
		"WaitFor": func(_ context.Context, s *async.Signal) error { return s.WaitFor(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(bg, time.Second)
				defer cancel()
				p, c := async.NewPromise[int](bg, async.CancelOnAbandon())
				s := c.Signal()
				c.Release()
				go func() { wantIs(t, wait(ctx, s), async.ErrCallPending) }()
				synctest.Wait()
				s.Release()
				time.Sleep(time.Second - 1)
				wantEq(t, "abandoned while one waits", s.IsSet(), false)
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				wantEq(t, "abandoned when he gave up", s.IsSet(), true)
				wantEq(t, "cause", context.Cause(p.Context()), async.ErrAbandoned)
			})
		})
	}
}

func TestS4_AReleasedSignal(t *testing.T) {
	for _, set := range []bool{false, true} {
		t.Run(fmt.Sprintf("set: %v", set), func(t *testing.T) {
			var e async.Event
			if set {
				e.Set()
			}
			s := e.Signal()
			s.Release()
			s.Release()
			wantEq(t, "Wait", s.Wait(bg), async.ErrReleased)
			wantEq(t, "Wait with an expired context", s.Wait(expired), async.ErrReleased)
			wantEq(t, "WaitFor", s.WaitFor(time.Hour), async.ErrReleased)
			wantEq(t, "WaitFor, polling", s.WaitFor(0), async.ErrReleased)
			wantPanic(t, "Clone", "released", func() { s.Clone() })
			wantPanic(t, "AfterFunc", "released", func() { async.AfterFunc(s, func() { t.Error("called") }) })
			wantEq(t, "IsSet", s.IsSet(), set)
			wantEq(t, "Done is the event's", s.Done(), e.Done())
			wantEq(t, "Done", isClosed(s.Done()), set)
			e.Set()
			wantEq(t, "IsSet later", s.IsSet(), true)
		})
	}
}

// A million leavers in all: there are seven ways to leave. A byte or two that each left
// would be seen.
func TestS5_AMillionLeaversLeaveNothing(t *testing.T) {
	n := rounds(150_000)
	goroutines := runtime.NumGoroutine()
	p, c := async.NewPromise[int](bg)
	long := []waiter{new(async.Event), c.Signal()} // they live for ever
	for name, leave := range map[string]func(w waiter){
		"Wait":      func(w waiter) { _ = w.Wait(expired) },
		"AfterFunc": func(w waiter) { async.AfterFunc(w, func() {})() },
		"WaitAny":   func(w waiter) { _, _ = async.WaitAny(expired, w, w) },
		"WaitAny, won elsewhere": func(w waiter) {
			elsewhere := new(async.Event)
			ctx := hookContext{bg, func() { elsewhere.Set() }} // when all are registered
			if i, _ := async.WaitAny(ctx, w, elsewhere); i != 1 {
				t.Errorf("won: %d", i)
			}
		},
		"WaitAll": func(w waiter) { _ = async.WaitAll(expired, w) },
		"a Set":   func(w waiter) { var s async.Set[int]; s.Add(1, w); _, _ = s.Next(expired); s.Release() },
	} {
		t.Run(name, func(t *testing.T) {
			leave(long[0])
			wantFlat(t, name, func() {
				for i := range n {
					leave(long[i%2])
				}
			})
		})
	}
	t.Run("WaitFor", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_ = long[0].WaitFor(1)
			wantFlat(t, "WaitFor", func() {
				start := time.Now()
				for i := range n {
					if long[i%2].WaitFor(time.Millisecond) == nil {
						t.Fatal("it did not time out")
					}
				}
				wantEq(t, "time passed", time.Since(start), time.Duration(n)*time.Millisecond)
			})
		})
	})
	eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines })
	// They still work.
	p.Complete(1, nil)
	long[0].(*async.Event).Set()
	wantEq(t, "in the end", async.WaitAll(bg, long[0], long[1]), nil)
}

// What a callback or a set's key refers to is free as soon as it has left, while
// the signal and the set live on.
func TestS5_WhoLeftIsForgotten(t *testing.T) {
	type big [1 << 16]byte
	e := new(async.Event)
	kept := new(async.Set[*big])
	done := setEvent()
	forEver, cancel := context.WithCancel(bg)
	defer cancel()
	for _, leave := range map[string]func(b *big){
		"a stopped callback": func(b *big) { async.AfterFunc(e, func() { b[0]++ })() },
		"a released set":     func(b *big) { kept.Add(b, e); kept.Release() },
		"a taken key":        func(b *big) { kept.Add(b, done); kept.TryNext() },
		"a key that was taken late": func(b *big) {
			e := new(async.Event)
			kept.Add(b, e)
			e.Set()
			_, _ = kept.Next(bg)
		},
		"a taken event": func(b *big) {
			member := &struct {
				async.Event
				b *big
			}{b: b}
			kept.Add(nil, &member.Event)
			member.Set()
			kept.TryNext()
		},
		"a taken context": func(b *big) {
			ctx, cancel := context.WithCancel(context.WithValue(forEver, errBoom, b))
			kept.Add(nil, ctx)
			cancel()
			_, _ = kept.Next(bg)
		},
		"a callback that ran": func(b *big) {
			ran := make(chan struct{})
			async.AfterFunc(done, func() { b[0]++; close(ran) })
			<-ran
		},
	} {
		w := func() weak.Pointer[big] {
			b := new(big)
			leave(b)
			return weak.Make(b)
		}()
		eventually(t, func() bool { runtime.GC(); return w.Value() == nil })
	}
	runtime.KeepAlive(e)
	runtime.KeepAlive(kept)
}

// Sets that have members in common are not kept alive by one another: here each
// shares an event with the next, and only the first is held.
func TestS5_TakenMembersHoldNoNeighbours(t *testing.T) {
	const n = 1000
	first := new(async.Set[[128]byte])
	wantFlat(t, "sets with a member in common", func() {
		for s, i := first, 0; i < n; i++ {
			e := new(async.Event)
			next := new(async.Set[[128]byte])
			s.Add([128]byte{}, e)
			next.Add([128]byte{}, e)
			e.Set()
			_, _ = s.Next(bg)
			_, _ = next.Next(bg)
			next.Add([128]byte{}, new(async.Event)) // so that the slot is not used again
			s = next
		}
	})
	runtime.KeepAlive(first)
}

// Leaving is constant in time: were it linear, this would take minutes.
func TestS5_LeavingIsConstantInTime(t *testing.T) {
	n := rounds(200_000)
	e := new(async.Event)
	stops := make([]func() bool, n)
	for i := range stops {
		stops[i] = async.AfterFunc(e, func() { t.Error("called") })
	}
	rand.Shuffle(n, func(i, j int) { stops[i], stops[j] = stops[j], stops[i] })
	start := time.Now()
	for _, stop := range stops {
		if !stop() {
			t.Fatal("not stopped")
		}
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("%d stops took %v", n, d)
	}
	e.Set()
}

// Many register on one event and leave again, in all orders and at the same time:
// when it is set, those that stayed are told, once, and nobody else.
func TestS5_ComingAndGoingAtTheSameTime(t *testing.T) {
	const goroutines = 4
	for round := range rounds(1000) {
		e := new(async.Event)
		var stayed, ran [goroutines]atomic.Int32
		come := func(g int) {
			var stops []func() bool
			for range 30 {
				switch k := len(stops); {
				case k > 0 && rand.N(2) == 0:
					i := rand.N(k)
					if !stops[i]() {
						stayed[g].Add(1) // it was too late
					}
					stops = slices.Delete(stops, i, i+1)
				case k > 0 && rand.N(8) == 0:
					_, _ = async.WaitAny(expired, e, e)
					_ = e.Wait(expired)
				default:
					stops = append(stops, async.AfterFunc(e, func() { ran[g].Add(1) }))
				}
			}
			stayed[g].Add(int32(len(stops)))
		}
		var acts []func()
		for g := range goroutines {
			acts = append(acts, func() { come(g) })
		}
		if round%2 == 0 {
			acts = append(acts, func() { e.Set() })
		}
		together(acts...)
		e.Set()
		for g := range goroutines {
			eventually(t, func() bool { return ran[g].Load() >= stayed[g].Load() })
			if ran, stayed := ran[g].Load(), stayed[g].Load(); ran != stayed {
				t.Fatalf("round %d: %d callbacks ran, %d were not stopped", round, ran, stayed)
			}
		}
	}
}

func TestS6_ZeroAndLessPoll(t *testing.T) {
	for name, fresh := range targets {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := fresh()
				start := time.Now()
				for _, d := range []time.Duration{0, -1, -time.Hour, math.MinInt64} {
					wantWaitError(t, d.String(), x.w.WaitFor(d), x.w, async.ErrTimeout, context.DeadlineExceeded)
				}
				x.set()
				for _, d := range []time.Duration{0, -1, math.MinInt64, 1, math.MaxInt64} {
					wantEq(t, d.String(), x.w.WaitFor(d), nil)
				}
				wantEq(t, "time passed", time.Since(start), time.Duration(0))
			})
		})
	}
}

func TestS6_AWaitNeverEndsEarly(t *testing.T) {
	for name, fresh := range targets {
		for _, d := range []time.Duration{1, 2, time.Millisecond, time.Hour, 1000 * time.Hour} {
			waits := map[string]func(w waiter) error{
				"WaitFor": func(w waiter) error { return w.WaitFor(d) },
			}
			for way, wait := range ways {
				waits[way] = func(w waiter) error {
					ctx, cancel := context.WithTimeout(bg, d)
					defer cancel()
					return wait(ctx, w)
				}
			}
			for way, wait := range waits {
				t.Run(fmt.Sprintf("%s/%s/%v", name, way, d), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						x := fresh()
						got := make(chan error, 1)
						go func() { got <- wait(x.w) }()
						time.Sleep(d - 1)
						synctest.Wait()
						wantEq(t, "returned a nanosecond before", len(got), 0)
						time.Sleep(time.Nanosecond)
						synctest.Wait()
						if wantEq(t, "returned at the deadline", len(got), 1); len(got) == 1 {
							wantIs(t, <-got, context.DeadlineExceeded)
						}
					})
				})
			}
		}
	}
}

func TestS6_CompletionJustBeforeTheDeadline(t *testing.T) {
	for name, fresh := range targets {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := fresh()
				start := time.Now()
				time.AfterFunc(time.Second-1, func() { x.set() })
				wantEq(t, "WaitFor", x.w.WaitFor(time.Second), nil)
				wantEq(t, "waited", time.Since(start), time.Second-1)
			})
		})
	}
}

// The wait begins, the completion comes, and then the context ends: whoever is
// woken by both says that it is complete.
func TestR6_TheWayOfWaitingDoesNotMatter(t *testing.T) {
	for name, fresh := range map[string]func() target{"Event": eventTarget, "Call": callTarget} {
		for way, wait := range ways {
			t.Run(name+"/"+way, func(t *testing.T) {
				for round := range rounds(10000) {
					x := fresh()
					ctx, cancel := context.WithCancel(bg)
					spin := rand.N(300)
					together(
						func() { wantEq(t, fmt.Sprint("round ", round), wait(ctx, x.w), nil) },
						func() {
							for range spin {
								x.isSet()
							}
							x.set()
							cancel()
						})
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}

// Somebody else sees the completion, by IsSet or by Done, and ends the wait then:
// it was complete before. A crowd keeps the completer busy meanwhile.
func TestR6_SeenCompleteByAnother(t *testing.T) {
	const crowd = 300
	seen := map[string]func(x target, cancel func()) (gone func()){
		"by IsSet": func(x target, cancel func()) func() {
			crowded(x.w, crowd)
			return func() { spinUntil(x.isSet); cancel() }
		},
		"by Done": func(x target, cancel func()) func() {
			var all sync.WaitGroup
			for range crowd {
				all.Go(func() { <-x.w.Done(); cancel() })
			}
			return all.Wait
		},
	}
	for name, fresh := range map[string]func() target{"Event": eventTarget, "Call": callTarget} {
		for how, see := range seen {
			for way, wait := range ways {
				if way == "AfterFunc" {
					continue // its stop is as context's own
				}
				t.Run(name+"/"+how+"/"+way, func(t *testing.T) {
					for round := range rounds(200) {
						x := fresh()
						ctx, cancel := context.WithCancel(bg)
						gone := see(x, cancel)
						started := new(async.Event)
						together(
							func() { started.Set(); wantEq(t, fmt.Sprint("round ", round), wait(ctx, x.w), nil) },
							func() {
								_ = started.Wait(bg)
								for range 10 {
									runtime.Gosched()
								}
								x.set()
							},
							gone)
						if t.Failed() {
							return
						}
					}
				})
			}
		}
	}
}

func TestWaitErrorSaysWhatAndWhy(t *testing.T) {
	for name, fresh := range targets {
		t.Run(name, func(t *testing.T) {
			x := fresh()
			ctx, cancel := context.WithCancelCause(bg)
			cancel(errBoom)
			wantWaitError(t, "cause", x.w.Wait(ctx), x.w, context.Canceled, errBoom)
			wantWaitError(t, "no cause", x.w.Wait(expired), x.w, context.Canceled)
			late, stop := context.WithDeadlineCause(bg, time.Now(), errBoom)
			defer stop()
			wantWaitError(t, "deadline", x.w.Wait(late), x.w, context.DeadlineExceeded, errBoom)
			wantEq(t, "a timeout is no cancellation", errors.Is(x.w.WaitFor(0), context.Canceled), false)
		})
	}
}

// packageEvent is of no bubble.
var packageEvent async.Event

func TestC7_APackageLevelEventInABubble(t *testing.T) {
	defer func() { packageEvent = async.Event{} }() // for -count
	for round := range 2 {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			wantWaitError(t, "WaitFor", packageEvent.WaitFor(time.Hour), &packageEvent, async.ErrTimeout)
			wantEq(t, "virtual time passed", time.Since(start), time.Hour)
			ctx, cancel := context.WithTimeout(bg, time.Hour)
			defer cancel()
			for _, wait := range ways {
				wantIs(t, wait(ctx, &packageEvent), context.DeadlineExceeded)
			}
			wantEq(t, "and an hour more", time.Since(start), 2*time.Hour)
		})
		wantEq(t, fmt.Sprint("outside, round ", round), isClosed(packageEvent.Done()), false)
	}
	wantIs(t, packageEvent.Wait(expired), context.Canceled)
	ran := make(chan struct{})
	async.AfterFunc(&packageEvent, func() { close(ran) })
	wantEq(t, "Set outside", packageEvent.Set(), true)
	<-ran
	synctest.Test(t, func(t *testing.T) {
		for way, wait := range ways {
			wantEq(t, way, wait(t.Context(), &packageEvent), nil)
		}
	})
}

// An object that was waited on in a bubble is used outside and in another
// bubble: were anything of the first in it, a channel or a timer, the process
// would end.
func TestC7_ObjectsLeaveTheirBubble(t *testing.T) {
	for name, fresh := range targets {
		for way, wait := range ways {
			t.Run(name+"/"+way, func(t *testing.T) {
				var x target
				for range 2 {
					synctest.Test(t, func(t *testing.T) {
						if x.w == nil {
							x = fresh()
						}
						_ = x.w.WaitFor(time.Second)
						ctx, cancel := context.WithTimeout(bg, time.Second)
						defer cancel()
						wantIs(t, wait(ctx, x.w), context.DeadlineExceeded)
					})
				}
				wantIs(t, wait(expired, x.w), context.Canceled)
				together(
					func() { wantEq(t, "waiter outside", wait(bg, x.w), nil) },
					func() { <-x.w.Done() },
					func() { x.set() })
			})
		}
	}
}

// A subject is one kind of thing to hang a callback on.
type subject struct {
	afterFunc func(f func()) (stop func() bool)
	complete  func()
}

// subjects are all kinds of them.
func subjects() map[string]func() subject {
	all := map[string]func() subject{}
	for name, fresh := range completing() {
		all[name] = func() subject {
			w, complete := fresh()
			return subject{func(f func()) func() bool { return async.AfterFunc(w, f) }, complete}
		}
	}
	return all
}

// contextSubject is the contract itself.
func contextSubject() subject {
	ctx, cancel := context.WithCancel(bg)
	return subject{func(f func()) func() bool { return context.AfterFunc(ctx, f) }, cancel}
}

// TestS7_StopKeepsTheContractOfContext runs each scenario against
// context.AfterFunc and compares.
func TestS7_StopKeepsTheContractOfContext(t *testing.T) {
	scenarios := map[string]func(s subject, note func(...any)){
		"stopped before": func(s subject, note func(...any)) {
			stop := s.afterFunc(func() { note("ran") })
			note(stop(), stop())
			s.complete()
			synctest.Wait()
			note(stop())
		},
		"stopped afterwards": func(s subject, note func(...any)) {
			stop := s.afterFunc(func() { note("ran") })
			s.complete()
			synctest.Wait()
			note(stop(), stop())
		},
		"stopped while it runs": func(s subject, note func(...any)) {
			release := make(chan struct{})
			stop := s.afterFunc(func() { <-release; note("ran") })
			s.complete()
			synctest.Wait()
			note(stop())
			close(release)
			synctest.Wait()
			note(stop())
		},
		"stopped by itself": func(s subject, note func(...any)) {
			stop, known := (func() bool)(nil), make(chan struct{})
			stop = s.afterFunc(func() { <-known; note("ran", stop()) })
			close(known)
			s.complete()
		},
		"registered late, stopped at once": func(s subject, note func(...any)) {
			s.complete()
			synctest.Wait()
			release := make(chan struct{})
			stop := s.afterFunc(func() { <-release; note("ran") })
			note(stop())
			close(release)
			synctest.Wait()
			note(stop())
		},
		"registered late": func(s subject, note func(...any)) {
			s.complete()
			synctest.Wait()
			stop := s.afterFunc(func() { note("ran") })
			synctest.Wait()
			note(stop())
		},
		"one of three stopped": func(s subject, note func(...any)) {
			ran := 0
			var mu sync.Mutex
			f := func() { mu.Lock(); ran++; mu.Unlock() }
			a, b, c := s.afterFunc(f), s.afterFunc(f), s.afterFunc(f)
			note(b())
			s.complete()
			synctest.Wait()
			note(a(), b(), c(), ran)
		},
		"never completed": func(s subject, note func(...any)) {
			note(s.afterFunc(func() { note("ran") })())
		},
	}
	for scenario, play := range scenarios {
		trace := func(t *testing.T, fresh func() subject) (trace []any) {
			synctest.Test(t, func(t *testing.T) {
				s := fresh()
				var mu sync.Mutex
				play(s, func(events ...any) {
					mu.Lock()
					defer mu.Unlock()
					trace = append(trace, events...)
				})
				synctest.Wait()
				s.complete()
			})
			return trace
		}
		want := trace(t, contextSubject)
		for name, fresh := range subjects() {
			t.Run(scenario+"/"+name, func(t *testing.T) {
				if got := trace(t, fresh); !slices.Equal(got, want) {
					t.Errorf("got %v; context.AfterFunc: %v", got, want)
				}
			})
		}
	}
}

// Each callback meets all the others, whether it was registered before or after
// the completion: no two are on one goroutine, and none is on the completer's.
func TestS7_EachCallbackHasItsOwnGoroutine(t *testing.T) {
	for name, fresh := range subjects() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := fresh()
				var all sync.WaitGroup
				var calls [10]atomic.Int32
				all.Add(len(calls))
				for i := range calls {
					if i == len(calls)/2 {
						s.complete()
						synctest.Wait()
					}
					s.afterFunc(func() {
						calls[i].Add(1)
						all.Done()
						all.Wait()
					})
				}
				all.Wait()
				synctest.Wait()
				for i := range calls {
					wantEq(t, fmt.Sprint("callback ", i), calls[i].Load(), int32(1))
				}
			})
		})
	}
}

func TestS7_RegisteredDuringCompletionRunsOnce(t *testing.T) {
	for name, fresh := range subjects() {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(2000) {
				s := fresh()
				var calls atomic.Int32
				ran := func() { calls.Add(1) }
				together(
					func() { s.afterFunc(ran) },
					func() { s.afterFunc(ran) },
					s.complete)
				eventually(t, func() bool { return calls.Load() >= 2 })
				if n := calls.Load(); n != 2 {
					t.Fatalf("round %d: %d calls of 2 callbacks", round, n)
				}
			}
		})
	}
}

// Stop and completion at the same time: f runs if and only if no stop says that
// it will not, and of several stops one at most says so.
func TestS7_StopOrRunNeverBoth(t *testing.T) {
	for name, fresh := range subjects() {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(2000) {
				s := fresh()
				ran := newMarks()
				stop := s.afterFunc(ran.mark)
				var stopped [2]bool
				together(
					s.complete,
					func() { stopped[0] = stop() },
					func() { stopped[1] = stop() })
				if stopped[0] && stopped[1] {
					t.Fatalf("round %d: stopped twice", round)
				}
				if !stopped[0] && !stopped[1] {
					<-ran
				}
				if len(ran) > 0 {
					t.Fatalf("round %d: stopped, or run before, and run", round)
				}
			}
		})
	}
}

// marks counts in a channel.
type marks chan struct{}

func newMarks() marks { return make(marks, 2) }
func (m marks) mark() { m <- struct{}{} }

// A callback that is to come holds nothing: the call that it waits for is
// abandoned although it is there, and it runs then.
func TestS7_ACallbackHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := async.NewPromise[int](bg, async.CancelOnAbandon())
		ran := newMarks()
		async.AfterFunc(c, ran.mark)
		c.Release()
		synctest.Wait()
		wantEq(t, "calls", len(ran), 1)
	})
}

// A callback that ends its goroutine, or panics, harms no other. A panic ends the
// program, so that is tried in a process of its own.
func TestS7_CallbacksAreContained(t *testing.T) {
	const env, last = "ASYNC_TEST_CALLBACK", "every other callback was run"
	register := func(bad func()) {
		var e async.Event
		var others sync.WaitGroup
		others.Add(10)
		begun := make(chan struct{})
		for i := range 10 {
			async.AfterFunc(&e, func() { <-begun; others.Done() })
			if i == 5 {
				async.AfterFunc(&e, func() { close(begun); others.Wait(); bad() })
			}
		}
		wantEq(t, "Set", e.Set(), true)
		others.Wait()
		wantEq(t, "Wait", e.Wait(bg), nil)
	}
	if os.Getenv(env) != "" {
		register(func() { fmt.Println(last); originOfThePanic("a callback panicked") })
		select {}
	}
	register(runtime.Goexit)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestS7_CallbacksAreContained$", "-test.timeout", "20s")
	cmd.Env = append(os.Environ(), env+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Error("the program did not end by the panic")
	}
	wantContains(t, string(out), last)
	wantContains(t, string(out), "panic: a callback panicked")
	wantContains(t, string(out), "originOfThePanic")
}

func TestS7_AfterFuncMisuse(t *testing.T) {
	var (
		e *async.Event
		s *async.Signal
		c *async.Call[int]
	)
	for name, w := range map[string]async.Waitable{"nil": nil, "Event": e, "Signal": s, "Call": c} {
		wantPanic(t, name, "nil Waitable", func() { async.AfterFunc(w, func() {}) })
	}
	wantPanic(t, "nil function", "nil function", func() { async.AfterFunc(new(async.Event), nil) })
	wantPanic(t, "OnSignal", "nil function", func() { async.OnSignal(nil) })
	d := async.Ready(1, nil)
	d.Release()
	wantPanic(t, "a released call", "released", func() { async.AfterFunc(d, func() {}) })
}

//go:noinline
func theCompleter(complete func()) { complete() }

func TestS7_OnSignalRunsOnTheCompletersStack(t *testing.T) {
	var trace string
	note := async.OnSignal(func() { trace = stackTrace() })
	p, c := async.NewPromise[int](bg, note)
	q, d := async.NewPromise[int](bg, note)
	r, e := async.NewPromise[int](bg, note)
	f := async.Go(bg, block, note)
	for name, complete := range map[string]func(){
		"Complete":           func() { p.Complete(1, nil) },
		"Break":              func() { q.Break() },
		"Cancel":             func() { _ = e.Cancel(nil) },
		"Cancel of function": func() { _ = f.Cancel(nil) },
	} {
		trace = "not called"
		theCompleter(complete)
		wantContains(t, name+"\n"+trace, "theCompleter(")
	}
	r.Break()
	for _, c := range []*async.Call[int]{c, d, e, f} {
		wantEq(t, "IsDone", c.IsDone(), true)
	}
	traces := make(chan string, 1)
	async.Go(bg, value(1, nil), async.OnSignal(func() { traces <- stackTrace() }))
	wantContains(t, <-traces, ").run(") // the function's own goroutine
}

func TestS7_OnSignalRunsAfterTheCompletionOutsideEveryLock(t *testing.T) {
	var p *async.Promise[int]
	var c *async.Call[int]
	called := false
	p, c = async.NewPromise[int](bg, async.OnSignal(func() {
		called = true
		wantEq(t, "IsDone", c.IsDone(), true)
		wantEq(t, "Done", isClosed(c.Done()), true)
		wantEq(t, "Complete", p.Complete(2, nil), false)
		wantEq(t, "Cancel", c.Cancel(nil), async.ErrCallComplete)
		wantEq(t, "Wait", c.Wait(bg), nil)
		wantEq(t, "WaitAll", async.WaitAll(bg, c, c.Signal()), nil)
		d := c.Clone()
		v, err := d.Finish()
		wantEq(t, "the clone's value", v, 1)
		wantEq(t, "its error", err, nil)
		v, err = c.Await(bg)
		wantEq(t, "value", v, 1)
		wantEq(t, "error", err, nil)
		_, _ = c.Finish()
		wantEq(t, "Begin", c.Begin(bg, value(3, nil)), nil)
		v, _ = c.Await(bg)
		wantEq(t, "the next call", v, 3)
		c.Release()
	}))
	wantEq(t, "Complete", p.Complete(1, nil), true)
	wantEq(t, "called", called, true)
}

func TestS7_OnSignalRunsInTheOrderGivenOnce(t *testing.T) {
	for name, complete := range map[string]func(*async.Promise[int], *async.Call[int]){
		"Complete": func(p *async.Promise[int], _ *async.Call[int]) { p.Complete(1, nil) },
		"Cancel":   func(_ *async.Promise[int], c *async.Call[int]) { _ = c.Cancel(nil) },
		"Release":  func(_ *async.Promise[int], c *async.Call[int]) { c.Release() },
		"racing": func(p *async.Promise[int], c *async.Call[int]) {
			together(func() { p.Complete(1, nil) }, func() { _ = c.Cancel(nil) }, p.Break, c.Release)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for range 50 {
					var got []int
					options := []async.Option{async.CancelOnAbandon()}
					for i := range 5 {
						options = append(options, async.OnSignal(func() { got = append(got, i) }))
					}
					p, c := async.NewPromise[int](bg, options...)
					complete(p, c)
					synctest.Wait()
					if !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
						t.Fatalf("order: %v", got)
					}
				}
			})
		})
	}
}

// Where a Release completes the call, user code does not run on its stack, and
// does not hold it up.
func TestS7_OnSignalOfAReleaseHasItsOwnGoroutine(t *testing.T) {
	_, c := async.NewPromise[int](bg, async.CancelOnAbandon())
	c.Release()
	hold, trace := make(chan struct{}), make(chan string)
	_, c = async.NewPromise[int](bg, async.CancelOnAbandon(), async.OnSignal(func() { <-hold; trace <- stackTrace() }))
	s := c.Signal()
	c.Release()
	theCompleter(s.Release)
	wantEq(t, "complete", s.IsSet(), true)
	close(hold)
	if trace := <-trace; strings.Contains(trace, "theCompleter(") {
		t.Errorf("on the stack of Release:\n%s", trace)
	}
}

// A panic in an OnSignal function goes to the completer. Nobody who waits for
// the call is left hanging, and the functions after it run.
func TestS7_OnSignalPanicsLeaveNobodyHanging(t *testing.T) {
	for name, complete := range map[string]func(*async.Promise[int], *async.Call[int]){
		"Complete": func(p *async.Promise[int], _ *async.Call[int]) { p.Complete(1, nil) },
		"Cancel":   func(_ *async.Promise[int], c *async.Call[int]) { _ = c.Cancel(nil) },
		"Break":    func(p *async.Promise[int], _ *async.Call[int]) { p.Break() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []int
				p, c := async.NewPromise[int](bg,
					async.OnSignal(func() { got = append(got, 1) }),
					async.OnSignal(func() { panic(errBoom) }),
					async.OnSignal(func() { got = append(got, 3) }))
				var woken atomic.Int32
				for way, wait := range ways {
					go func() { wantEq(t, way, wait(bg, c), nil); woken.Add(1) }()
				}
				go func() { _, _ = c.Await(bg); woken.Add(1) }()
				synctest.Wait()
				wantEq(t, "panic", recovered(func() { complete(p, c) }), any(errBoom))
				synctest.Wait()
				wantEq(t, "woken", int(woken.Load()), len(ways)+1)
				wantEq(t, "functions run", fmt.Sprint(got), "[1 3]")
				wantEq(t, "a second Complete", p.Complete(2, nil), false)
				c.Release() // deadlocks where a lock was left behind
			})
		})
	}
}

// The result of a promise whose handles are gone goes to Discard, also where an
// OnSignal function panics on the way.
func TestS7_AnOnSignalPanicLosesNoResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		p, c := async.NewPromise[int](bg, b.option(), async.OnSignal(func() { panic(errBoom) }))
		c.Release()
		wantEq(t, "panic", recovered(func() { p.Complete(1, nil) }), any(errBoom))
		synctest.Wait()
		b.want(t, "released before it was complete", 1)
	})
}

// Promise after promise is completed by the OnSignal function of the one before,
// a hundred thousand deep, on a stack that has no room for a hundredth of that.
func TestS7_AChainOfCompletionsDoesNotGrowTheStack(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 20))
	n := rounds(100_000)
	var last async.Event
	var link func()
	link = func() {
		if n--; n == 0 {
			last.Set()
			return
		}
		p, _ := async.NewPromise[int](bg, async.OnSignal(link))
		p.Complete(n, nil)
	}
	link()
	wantEq(t, "the last", last.Wait(bg), nil)
}

// The same with promises that were there before, in both directions of age.
func TestS7_AChainOfPromises(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 20))
	n := rounds(100_000)
	ps := make([]*async.Promise[int], n)
	calls := make([]async.Waitable, n)
	for i := range n {
		p, c := async.NewPromise[int](bg, async.OnSignal(func() {
			if i+1 < n {
				ps[i+1].Complete(i+1, nil)
			}
		}))
		ps[i], calls[i] = p, c
	}
	ps[0].Complete(0, nil)
	wantEq(t, "all of them", async.WaitAll(bg, calls...), nil)
}

// A stack that is deep for reasons of its own is no chain: the function runs on the
// completer's stack there, always.
func TestS7_ADeepStackIsNoChain(t *testing.T) {
	var recurse func(depth int)
	ran := 0
	recurse = func(depth int) {
		if depth == 0 {
			return
		}
		p, _ := async.NewPromise[int](bg, async.OnSignal(func() { ran++ }))
		if p.Complete(depth, nil); ran != 1 {
			t.Errorf("the function did not run before Complete returned")
			return
		}
		ran = 0
		recurse(depth - 1)
	}
	recurse(rounds(2_000))
}

// Nor is one in which few completions are nested, each with many frames of its own.
func TestS7_FewNestedCompletionsAreNoChain(t *testing.T) {
	var recurse func(frames int, f func())
	recurse = func(frames int, f func()) {
		if frames == 0 {
			f()
			return
		}
		recurse(frames-1, f)
	}
	for range rounds(200) {
		innermost := false
		p, _ := async.NewPromise[int](bg, async.OnSignal(func() { innermost = true }))
		var deepest func(left int)
		deepest = func(left int) {
			if left == 0 {
				p.Complete(0, nil)
				return
			}
			q, _ := async.NewPromise[int](bg, async.OnSignal(func() { deepest(left - 1) }))
			recurse(100, func() { q.Complete(left, nil) })
		}
		deepest(15)
		if !innermost {
			t.Fatal("sixteen completions, each in the one before, were taken apart")
		}
	}
}

// A chain is found also where each of its links has many frames of its own.
func TestS7_AChainOfDeepLinks(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(8 << 20))
	n := rounds(20_000)
	var last async.Event
	var link func()
	var recurse func(frames int)
	recurse = func(frames int) {
		if frames > 0 {
			recurse(frames - 1)
			return
		}
		p, _ := async.NewPromise[int](bg, async.OnSignal(link))
		p.Complete(n, nil)
	}
	link = func() {
		if n--; n == 0 {
			last.Set()
			return
		}
		recurse(200)
	}
	link()
	wantEq(t, "the last", last.Wait(bg), nil)
}

func TestS7_OfOtherOptionsTheLastCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second bin
		release := func(options ...async.Option) {
			c := async.Go(bg, value(1, nil), options...)
			_ = c.Wait(bg)
			c.Release()
			synctest.Wait()
		}
		release(first.option(), second.option())
		first.want(t, "the first Discard", 0)
		second.want(t, "the last Discard", 1)
		release(second.option(), async.Discard[int](nil))
		second.want(t, "taken back", 1)
		p, c := async.NewPromise[int](bg, async.Name("first"), async.Name("second"))
		wantEq(t, "Name", c.String(), `call "second"`)
		p.Break()
	})
}
