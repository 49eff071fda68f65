package async_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// How one call begins, runs and ends; what it does with a panic, and with several at
// once; and the factories of call objects.

func TestR1_BeginOnABusyObjectChangesNothing(t *testing.T) {
	var c async.Call[int]
	p, err := c.BeginPromise(bg)
	wantEq(t, "first Begin", err, nil)
	done := c.Done()

	wantEq(t, "Begin", c.Begin(bg, value(2, nil), async.CancelOnAbandon()), async.ErrCallPending)
	q, err := c.BeginPromise(bg)
	wantEq(t, "BeginPromise", err, async.ErrCallPending)
	wantEq(t, "its promise", q, (*async.Promise[int])(nil))
	wantEq(t, "Done is the same", c.Done(), done)
	p.Complete(1, nil)
	v, err := c.Finish()
	wantEq(t, "value", v, 1)
	wantEq(t, "error", err, nil)
}

func TestR1_OneOfManyBeginsWins(t *testing.T) {
	used := new(async.Call[int]) // begun and finished again in each round
	for round := range rounds(5000) {
		fresh := new(async.Call[int]) // never asked before
		shared := new(async.Call[int])
		clone := shared.Clone() // one first call for both
		for _, pair := range [][2]*async.Call[int]{{fresh, fresh}, {used, used}, {shared, clone}} {
			var wins, ran atomic.Int32
			begin := func(i int) func() {
				return func() {
					c := pair[i%2]
					switch err := c.Begin(bg, func(context.Context) (int, error) { ran.Add(1); return i, nil }); err {
					case nil:
						wins.Add(1)
					case async.ErrCallPending:
					default:
						t.Errorf("round %d: Begin: %v", round, err)
					}
				}
			}
			together(begin(0), begin(1), begin(2))
			if _, err := pair[0].Await(bg); err != nil || wins.Load() != 1 || ran.Load() != 1 {
				t.Fatalf("round %d: %d Begins won, %d functions ran, %v", round, wins.Load(), ran.Load(), err)
			}
			_, _ = pair[0].Finish()
		}
	}
}

// The narrow place is an object that was used: its old call goes and its new one
// comes.
func TestR1_OneOfManyBeginsWinsOnAUsedObject(t *testing.T) {
	var c async.Call[int]
	for round := range rounds(30000) {
		var wins atomic.Int32
		begin := func() {
			if c.Begin(bg, value(0, nil)) == nil {
				wins.Add(1)
			}
		}
		together(begin, begin, begin, begin)
		if wins.Load() != 1 {
			t.Fatalf("round %d: %d Begins won", round, wins.Load())
		}
		_ = c.Wait(bg)
		_, _ = c.Finish()
	}
}

func TestR2_BusyUntilFinish(t *testing.T) {
	for name, end := range map[string]func(*async.Call[int]){
		"pending":  func(*async.Call[int]) {},
		"canceled": func(c *async.Call[int]) { _ = c.Cancel(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			var c async.Call[int]
			p, _ := c.BeginPromise(bg)
			end(&c)
			wantEq(t, "Begin", c.Begin(bg, value(0, nil)), async.ErrCallPending)
			p.Complete(1, nil)
			wantEq(t, "Begin when complete", c.Begin(bg, value(0, nil)), async.ErrCallPending)
			_, _ = c.Finish()
			wantEq(t, "Begin after Finish", c.Begin(bg, value(0, nil)), nil)
			_ = c.Wait(bg)
		})
	}
}

func TestR3_Finish(t *testing.T) {
	var c async.Call[string]
	_, err := c.Finish()
	wantEq(t, "never begun", err, async.ErrCallComplete)
	p, _ := c.BeginPromise(bg)
	_, err = c.Finish()
	wantEq(t, "pending", err, async.ErrCallPending)
	p.Complete("v", nil)
	v, err := c.Finish()
	wantEq(t, "value", v, "v")
	wantEq(t, "error", err, nil)
	v, err = c.Finish()
	wantEq(t, "value again", v, "")
	wantEq(t, "finished", err, async.ErrCallComplete)
	c.Release()
	_, err = c.Finish()
	wantEq(t, "released", err, async.ErrReleased)
}

func TestR3_OfTwoFinishesOneGetsTheResult(t *testing.T) {
	for round := range rounds(10000) {
		c := async.Ready(1, nil)
		var got [2]int
		var errs [2]error
		together(
			func() { got[0], errs[0] = c.Finish() },
			func() { got[1], errs[1] = c.Finish() })
		if got[0]+got[1] != 1 || errs[0] == errs[1] {
			t.Fatalf("round %d: %v %v", round, got, errs)
		}
		wantEq(t, "loser", errors.Join(errs[0], errs[1]).Error(), async.ErrCallComplete.Error())
	}
}

func TestR3_ClonesFinishForThemselves(t *testing.T) {
	p, c := async.NewPromise[int](bg)
	d, e := c.Clone(), c.Clone()
	p.Complete(7, nil)
	for i, h := range []*async.Call[int]{c, d} {
		v, err := h.Finish()
		wantEq(t, fmt.Sprint("handle ", i), v, 7)
		wantEq(t, "error", err, nil)
	}
	c.Release()
	v, err := e.Await(bg)
	wantEq(t, "after the others finished and released", v, 7)
	wantEq(t, "error", err, nil)

	f := d.Clone() // of a finished one
	_, err = f.Finish()
	wantEq(t, "clone of a finished one", err, async.ErrCallComplete)
	wantEq(t, "its IsDone", f.IsDone(), true)
	wantEq(t, "it begins for itself", f.Begin(bg, value(8, nil)), nil)
	_, err = d.Await(bg)
	wantEq(t, "and alone", err, async.ErrCallComplete)
	_ = f.Wait(bg)
}

func TestR3_ClonesOfAnIdleObjectShareItsFirstCall(t *testing.T) {
	var c async.Call[int]
	d := c.Clone()
	s := d.Signal()
	p, err := d.BeginPromise(bg)
	wantEq(t, "Begin by the clone", err, nil)
	wantEq(t, "Begin by the other", c.Begin(bg, value(0, nil)), async.ErrCallPending)
	p.Complete(1, nil)
	v, _ := c.Finish()
	wantEq(t, "the other's value", v, 1)
	wantEq(t, "signal", s.IsSet(), true)
	v, _ = d.Finish()
	wantEq(t, "the clone's value", v, 1)

	wantEq(t, "second Begin", c.Begin(bg, value(2, nil)), nil)
	_, err = d.Await(bg)
	wantEq(t, "is its own", err, async.ErrCallComplete)
	_ = c.Wait(bg)
}

func TestR5_EachWaiterIsEndedByItsOwnContextOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, c := async.NewPromise[int](bg)
		patient, cancel := context.WithCancel(bg)
		defer cancel()
		var wg sync.WaitGroup
		for _, ctx := range []context.Context{bg, patient} {
			for range 10 {
				wg.Go(func() {
					v, err := c.Await(ctx)
					if v != 1 || err != nil {
						t.Errorf("patient: %v, %v", v, err)
					}
				})
			}
		}
		for i := range 100 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeoutCause(bg, time.Duration(i+1), errBoom)
				defer cancel()
				_, err := c.Await(ctx)
				wantIs(t, err, async.ErrCallPending, context.DeadlineExceeded, errBoom)
				var w *async.WaitError
				if !errors.As(err, &w) || w.On != c {
					t.Errorf("%v does not name the call", err)
				}
			})
		}
		time.Sleep(time.Second)
		p.Complete(1, nil)
		wg.Wait()
		v, err := c.Finish()
		wantEq(t, "value", v, 1)
		wantEq(t, "error", err, nil)
	})
}

func TestR5_AWaitInProgressGetsTheResultAllTheSame(t *testing.T) {
	ends := map[string]func(*async.Call[int]){
		"released": (*async.Call[int]).Release,
		"finished": func(c *async.Call[int]) { _, _ = c.Finish() },
		"begun again": func(c *async.Call[int]) {
			_, _ = c.Finish()
			_ = c.Begin(bg, value(99, nil))
			_ = c.Wait(bg)
		},
	}
	ctx, cancel := context.WithCancel(bg) // another way to park than without a Done
	defer cancel()
	for name, end := range ends {
		for _, ctx := range []context.Context{bg, ctx} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p, c := async.NewPromise[int](bg, async.Discard(func(int, error) { t.Error("discarded") }))
					s := c.Signal()
					go func() {
						v, err := c.Await(context.WithoutCancel(ctx))
						wantEq(t, "value", v, 5)
						wantEq(t, "error", err, nil)
					}()
					go func() { wantEq(t, "Wait", c.Wait(bg), nil) }()
					go func() { wantEq(t, "Signal.Wait", s.Wait(bg), nil) }()
					synctest.Wait()
					s.Release()
					if name == "released" {
						end(c)
					}
					p.Complete(5, nil)
					if name != "released" {
						end(c)
					}
					synctest.Wait()
				})
			})
		}
	}
}

// R9c: a wait that code of a user ends, here the context of the call, is no reference any more.
func TestR9_AWaitThatIsEnded(t *testing.T) {
	for how, end := range endings {
		for name, wait := range map[string]func(c *async.Call[int]){
			"Await":      func(c *async.Call[int]) { _, _ = c.Await(expired) },
			"Wait":       func(c *async.Call[int]) { _ = c.Wait(expired) },
			"WaitFor":    func(c *async.Call[int]) { _ = c.WaitFor(1) },
			"CancelWait": func(c *async.Call[int]) { _ = c.CancelWait(expired, nil) },
			"All":        func(c *async.Call[int]) { _, _ = async.Calls[int]{c}.All(expired) },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				ctx := newQuietCtx()
				_, c := async.NewPromise[int](ctx, async.CancelOnAbandon())
				ctx.ask = func(string) { end() }
				wantEnded(t, func() { wait(c) })
				ctx.ask = func(string) {}
				wantEq(t, "waiters", c.Info().Waiters, 0)
				c.Release()
				wantEq(t, "abandoned", c.IsDone(), true)
			})
		}
	}
}

func TestR5_WaitingOnAnIdleObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c async.Call[int]
		for range 3 {
			go func() {
				v, _ := c.Await(bg)
				wantEq(t, "Await before Begin", v, 1)
				wantEq(t, "Wait before Begin", c.WaitFor(0), nil)
			}()
		}
		wantIs(t, c.WaitFor(time.Minute), async.ErrTimeout, context.DeadlineExceeded, async.ErrCallPending)
		_ = c.Begin(bg, value(1, nil))
		synctest.Wait()
		_, _ = c.Finish()
		_, err := c.Await(bg)
		wantEq(t, "Await after Finish", err, async.ErrCallComplete)
		wantEq(t, "Wait after Finish", c.Wait(bg), nil)
		wantEq(t, "WaitFor after Finish", c.WaitFor(time.Minute), nil)
		_ = c.Begin(bg, value(2, nil))
		v, err := c.Await(bg)
		wantEq(t, "the next call", v, 2)
		wantEq(t, "its error", err, nil)
	})
}

func TestR6_CompletionBeatsExpiry(t *testing.T) {
	over, cancel := context.WithCancel(bg)
	cancel()
	c := async.Ready(1, errBoom)
	for range 10000 {
		v, err := c.Await(over)
		if v != 1 || err != errBoom || c.Wait(over) != nil || c.WaitFor(0) != nil || c.WaitFor(-1) != nil {
			t.Fatalf("a complete call expired: %v, %v", v, err)
		}
		if i, err := async.WaitAny(over, c); i != 0 || err != nil {
			t.Fatalf("WaitAny: %d, %v", i, err)
		}
	}
}

// The call completes and then the context ends: whoever is woken by both has the
// result.
func TestR6_CompletionBeatsExpiryForAWaiter(t *testing.T) {
	for round := range rounds(10000) {
		ctx, cancel := context.WithCancel(bg)
		p, c := async.NewPromise[int](bg)
		together(
			func() { p.Complete(1, nil); cancel() },
			func() {
				if v, err := c.Await(ctx); v != 1 || err != nil {
					t.Errorf("round %d: Await: %v, %v", round, v, err)
				}
			},
			func() {
				if err := c.Wait(ctx); err != nil {
					t.Errorf("round %d: Wait: %v", round, err)
				}
			})
	}
}

// The context ends, and before the waiter has run the call completes: it is
// complete when the wait returns, so that is what it says. On a busy machine a waiter may
// run between the two, and another goroutine between its return and the look at the call:
// a few rounds say nothing.
func TestR6_CompletionBeatsExpiryForAWaiterOnItsWay(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that who is woken does not run at once
	synctest.Test(t, func(t *testing.T) {
		late, n := 0, rounds(10000)
		for range n {
			ctx, cancel := context.WithCancel(bg)
			p, c := async.NewPromise[int](bg)
			s := c.Signal()
			errs := make(chan error, 4)
			told := func(err error) {
				if !c.IsDone() {
					err = nil
				}
				errs <- err
			}
			go func() { _, err := c.Await(ctx); told(err) }()
			go func() { told(c.Wait(ctx)) }()
			go func() { told(s.Wait(ctx)) }()
			go func() { _, err := async.WaitAny(ctx, c); told(err) }()
			synctest.Wait()
			cancel()
			p.Complete(1, nil)
			for range cap(errs) {
				if err := <-errs; err != nil {
					late++
				}
			}
		}
		if late > 2+n/1000 {
			t.Errorf("%d waits of %d were late", late, n*4)
		}
	})
}

func TestR6_AtTheDeadlineAndJustBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, c := async.NewPromise[int](bg)
		before := time.Now()
		wantIs(t, c.WaitFor(time.Second), async.ErrTimeout)
		wantEq(t, "waited", time.Since(before), time.Second)
		time.AfterFunc(time.Second-1, func() { p.Complete(1, nil) })
		wantEq(t, "complete one nanosecond before", c.WaitFor(time.Second), nil)
		wantEq(t, "waited", time.Since(before), 2*time.Second-1)
	})
}

func TestR7_BeginAndReleaseDoNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		slow := func(ctx context.Context) (int, error) { time.Sleep(time.Hour); return 0, nil }
		var c async.Call[int]
		discarding := async.Discard(func(int, error) { time.Sleep(time.Hour) })
		wantEq(t, "Begin", c.Begin(bg, slow, discarding), nil)
		s := c.Signal()
		c.Release()
		s.Release()
		r := async.Go(bg, value(1, nil), discarding)
		_ = r.Wait(bg)
		r.Release()
		wantEq(t, "time passed", time.Since(start), time.Duration(0))
		time.Sleep(3 * time.Hour)
	})
}

func TestR8_AContextThatIsDoneAlready(t *testing.T) {
	ctx, cancel := context.WithCancelCause(bg)
	cancel(errBoom)
	never := func(context.Context) (int, error) { t.Error("the function ran"); return 1, nil }
	var begun async.Call[int]
	wantEq(t, "Begin", begun.Begin(ctx, never), nil)
	calls := async.Calls[int]{&begun, async.Go(ctx, never)}
	calls = append(calls, async.GoEach(ctx, []int{1, 2}, func(ctx context.Context, _ int) (int, error) { return never(ctx) })...)
	p, c := async.NewPromise[int](ctx)
	wantEq(t, "Complete", p.Complete(1, nil), false)
	for i, c := range append(calls, c) {
		wantEq(t, fmt.Sprint("IsDone of ", i), c.IsDone(), true)
		v, err := c.Finish()
		wantEq(t, "value", v, 0)
		wantIs(t, err, async.ErrCanceled, context.Canceled, errBoom)
	}
	wantEq(t, "cause of the promise's context", context.Cause(p.Context()), errBoom)
}

func TestR10_Cancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c async.Call[int]
		wantEq(t, "idle", c.Cancel(errBoom), async.ErrCallComplete)

		release := make(chan struct{})
		var got [2]any
		_ = c.Begin(bg, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			got[0], got[1] = ctx.Err(), context.Cause(ctx)
			<-release // does not listen further
			return 1, nil
		}, async.Discard(func(v int, err error) { wantEq(t, "late value", v, 1) }))
		synctest.Wait()
		wantEq(t, "pending", c.Cancel(errBoom), nil)
		wantEq(t, "complete at once", c.IsDone(), true)
		wantEq(t, "again", c.Cancel(nil), async.ErrCanceled)
		synctest.Wait()
		wantEq(t, "Err of the function's context", got[0], context.Canceled)
		wantEq(t, "its cause", got[1], errBoom)
		_, err := c.Await(bg)
		wantIs(t, err, async.ErrCanceled, context.Canceled, errBoom)
		close(release)
		synctest.Wait()
		_, err2 := c.Finish()
		wantEq(t, "the outcome stands", err2, err)
		wantEq(t, "finished", c.Cancel(nil), async.ErrCallComplete)

		_ = c.Begin(bg, value(2, nil))
		_ = c.Wait(bg)
		wantEq(t, "complete", c.Cancel(nil), async.ErrCallComplete)
		v, err := c.Finish()
		wantEq(t, "the result stands", v, 2)
		wantEq(t, "its error", err, nil)
		c.Release()
		wantEq(t, "released", c.Cancel(nil), async.ErrReleased)
	})
}

func TestR10_ACallThatHasNotStartedNeverRuns(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // the goroutine waits for the processor
	var ran atomic.Int32
	for range 100 {
		c := async.Go(bg, func(context.Context) (int, error) { ran.Add(1); return 0, nil })
		_ = c.Cancel(nil)
		runtime.Gosched()
	}
	if n := ran.Load(); n > 5 { // the scheduler may have been quicker now and then
		t.Errorf("%d of 100 functions ran", n)
	}
}

// Everything that can end a call at once: one wins, everyone who is told that he
// was late finds the call complete, and the outcome is the winner's.
func TestR10_OneWinner(t *testing.T) {
	for round := range rounds(10000) {
		ctx, end := context.WithCancelCause(bg)
		var discarded atomic.Int32
		p, c := async.NewPromise[int](ctx, async.Discard(func(int, error) { discarded.Add(1) }))
		d, s := c.Clone(), c.Clone().Signal()
		var completed [2]bool
		var canceled error
		late := func(told bool, what string) {
			if told && (!d.IsDone() || !isClosed(d.Done())) {
				t.Errorf("round %d: %s came too late for a call that is pending", round, what)
			}
		}
		together(
			func() { completed[0] = p.Complete(1, nil); late(!completed[0], "Complete") },
			func() { completed[1] = p.Complete(2, nil); late(!completed[1], "Complete") },
			func() { canceled = c.Cancel(errBoom); late(canceled != nil, "Cancel") },
			func() { end(context.Canceled) },
			func() { s.Release() })
		v, err := d.Await(bg)
		switch {
		case completed[0] && completed[1]:
			t.Fatalf("round %d: completed twice", round)
		case completed[0] != (v == 1 && err == nil), completed[1] != (v == 2 && err == nil):
			t.Fatalf("round %d: Complete said %v, but the outcome is %v, %v", round, completed, v, err)
		case (canceled == nil) != errors.Is(err, errBoom):
			t.Fatalf("round %d: Cancel said %v, but the outcome is %v", round, canceled, err)
		case errors.Is(err, async.ErrCanceled) && canceled == async.ErrCallComplete,
			err == nil && canceled != async.ErrCallComplete:
			t.Fatalf("round %d: Cancel said %v of %v", round, canceled, err)
		}
		c.Release()
		d.Release()
		wantEq(t, "taken, so discarded", discarded.Load(), int32(0))
	}
}

func TestR11_CancelWaitAsksFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := async.Go(bg, func(ctx context.Context) (string, error) {
			<-ctx.Done()
			time.Sleep(time.Second)
			return "tidied up", context.Cause(ctx)
		})
		wantEq(t, "CancelWait", c.CancelWait(bg, errBoom), nil)
		v, err := c.Finish()
		wantEq(t, "value", v, "tidied up")
		wantEq(t, "error", err, errBoom)
		wantEq(t, "idle", c.CancelWait(bg, nil), async.ErrCallComplete)
	})
}

func TestR11_CancelWaitCancelsInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		discarded := make(chan int, 1)
		c := async.Go(bg, func(ctx context.Context) (int, error) {
			time.Sleep(time.Hour)
			wantEq(t, "cause", context.Cause(ctx), errBoom)
			return 1, nil
		}, async.Discard(func(v int, err error) { discarded <- v }))
		ctx, cancel := context.WithTimeout(bg, time.Minute)
		defer cancel()
		err := c.CancelWait(ctx, errBoom)
		wantIs(t, err, context.DeadlineExceeded)
		var w *async.WaitError
		wantEq(t, "a WaitError on the call", errors.As(err, &w) && w.On == c, true)
		_, err = c.Await(bg)
		wantIs(t, err, async.ErrCanceled, errBoom)
		wantEq(t, "again", c.CancelWait(bg, nil), async.ErrCanceled)
		wantEq(t, "late value", <-discarded, 1)
		_, _ = c.Finish()
	})
}

func TestR11_CanceledByAnotherMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := async.NewPromise[int](bg)
		go func() { time.Sleep(time.Nanosecond); _ = c.Cancel(nil) }()
		wantEq(t, "CancelWait", c.CancelWait(bg, nil), async.ErrCanceled)
		d := async.Ready(1, nil)
		wantEq(t, "of a complete call", d.CancelWait(bg, nil), async.ErrCallComplete)
		d.Release()
		wantEq(t, "of a released handle", d.CancelWait(bg, nil), async.ErrReleased)
	})
}

func TestR13_EverythingIsBoundToItsCall(t *testing.T) {
	var c async.Call[int]
	first := c.Done() // before it began
	type old struct {
		done   <-chan struct{}
		signal *async.Signal
		clone  *async.Call[int]
	}
	var olds []old
	for i := range 1000 {
		p, err := c.BeginPromise(bg)
		if err != nil {
			t.Fatal(err)
		}
		o := old{c.Done(), c.Signal(), c.Clone()}
		if i == 0 && o.done != first {
			t.Error("the channel from before Begin is another")
		}
		if isClosed(o.done) || o.signal.IsSet() || o.clone.IsDone() || o.signal.Done() != o.done {
			t.Fatalf("call %d is complete when it begins", i)
		}
		for _, o := range olds[max(0, len(olds)-3):] {
			if !isClosed(o.done) || !o.signal.IsSet() || o.clone.Wait(bg) != nil {
				t.Fatalf("beginning call %d reset an earlier one", i)
			}
		}
		p.Complete(i, nil)
		if v, err := c.Finish(); v != i || err != nil {
			t.Fatalf("call %d: %v, %v", i, v, err)
		}
		if c.Done() != o.done || !c.IsDone() {
			t.Fatalf("call %d: Done is another channel after Finish", i)
		}
		p.Complete(-1, nil) // a late server
		olds = append(olds, o)
	}
	for i, o := range olds {
		if v, err := o.clone.Finish(); v != i || err != nil || !o.signal.IsSet() {
			t.Fatalf("old call %d: %v, %v", i, v, err)
		}
		o.signal.Release()
		o.clone.Release()
	}
}

// A wait on many is bound to the calls that it began on, too.
func TestR13_AWaitOnManyAndAnObjectBegunAgain(t *testing.T) {
	for name, wait := range map[string]func(ctx context.Context, c *async.Call[int], e *async.Event) error{
		"WaitAll": func(ctx context.Context, c *async.Call[int], e *async.Event) error { return async.WaitAll(ctx, c, e) },
		"WaitAny": func(ctx context.Context, c *async.Call[int], _ *async.Event) error {
			_, err := async.WaitAny(ctx, new(async.Event), c)
			return err
		},
		"Set": func(ctx context.Context, c *async.Call[int], _ *async.Event) error {
			var s async.Set[int]
			s.Add(1, c)
			_, err := s.Next(ctx)
			return err
		},
		"All": func(ctx context.Context, c *async.Call[int], _ *async.Event) error {
			_, err := async.Calls[int]{c}.All(ctx)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(bg)
				defer cancel()
				var c async.Call[int]
				var e async.Event
				p, _ := c.BeginPromise(bg)
				got := make(chan error, 1)
				go func() { got <- wait(ctx, &c, &e) }()
				synctest.Wait()
				p.Complete(1, nil)
				_, _ = c.Finish()
				p, _ = c.BeginPromise(bg)
				e.Set()
				wantEq(t, "error", <-got, nil)
				p.Break()
			})
		})
	}
}

// A late function of a canceled call cannot touch the call begun after it.
func TestR13_LateFinishersOfAnEarlierCall(t *testing.T) {
	for round := range rounds(3000) {
		var c async.Call[int]
		release := make(chan struct{})
		_ = c.Begin(bg, func(context.Context) (int, error) { <-release; return 1, nil })
		_ = c.Cancel(nil)
		_, _ = c.Finish()
		p, err := c.BeginPromise(bg)
		if err != nil {
			t.Fatal(err)
		}
		together(func() { close(release) }, func() { p.Complete(2, nil) })
		if v, err := c.Finish(); v != 2 || err != nil {
			t.Fatalf("round %d: %v, %v", round, v, err)
		}
	}
}

func TestR14_APromiseOfNoCall(t *testing.T) {
	p := new(async.Promise[int])
	for name, f := range map[string]func(){
		"Complete":          func() { p.Complete(1, nil) },
		"CompleteOrDiscard": func() { p.CompleteOrDiscard(1, nil) },
		"Break":             func() { p.Break() },
	} {
		wantPanic(t, name, "of no call", f)
	}
}

func TestR14_BeginsContextBoundsAPromise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(bg, time.Second, errBoom)
		defer cancel()
		p, c := async.NewPromise[int](ctx)
		wantEq(t, "just before", c.WaitFor(time.Second-1) != nil, true)
		_, err := c.Await(bg)
		wantIs(t, err, async.ErrCanceled, errBoom)
		wantEq(t, "Err", p.Context().Err(), context.DeadlineExceeded)
		wantEq(t, "Cause", context.Cause(p.Context()), errBoom)
		wantEq(t, "Complete", p.Complete(1, nil), false)
	})
}

// The end of the context counts from when it happened, not from when a goroutine
// got round to saying so.
func TestR14_CompleteAfterTheContextEnded(t *testing.T) {
	for round := range rounds(2000) {
		ctx, cancel := context.WithCancel(bg)
		p, c := async.NewPromise[int](ctx)
		cancel()
		if p.Complete(1, nil) {
			t.Fatalf("round %d: completed after its context ended", round)
		}
		if _, err := c.Finish(); !errors.Is(err, async.ErrCanceled) {
			t.Fatalf("round %d: %v", round, err)
		}
	}
}

func TestR14_Break(t *testing.T) {
	p, c := async.NewPromise[int](bg)
	func() {
		defer p.Break()
	}()
	_, err := c.Finish()
	wantEq(t, "outcome", err, async.ErrBrokenPromise)
	p, c = async.NewPromise[int](bg)
	p.Complete(1, nil)
	p.Break()
	v, err := c.Finish()
	wantEq(t, "value", v, 1)
	wantEq(t, "error", err, nil)
}

func TestBegin_Misuse(t *testing.T) {
	var c async.Call[int]
	for name, f := range map[string]func(){
		"async: call begun with a nil context":  func() { _ = c.Begin(nil, value(0, nil)) }, //nolint:staticcheck // the misuse
		"async: call begun with a nil function": func() { _ = c.Begin(bg, nil) },
		"async: nil Option":                     func() { _ = c.Begin(bg, value(0, nil), nil) },
		"async: Discard of a func(string, error) on a call that returns (int, error)": func() {
			_ = c.Begin(bg, value(0, nil), async.Discard(func(string, error) {}))
		},
	} {
		wantEq(t, "panic", recovered(f), name)
	}
	wantEq(t, "the object is idle still", c.Begin(bg, value(0, nil)), nil)
	_ = c.Wait(bg)
}

func TestCall_String(t *testing.T) {
	p, c := async.NewPromise[int](bg, async.Name("fetch"))
	wantEq(t, "named", c.String(), `call "fetch"`)
	wantEq(t, "in an error", c.WaitFor(0).Error(), `async: wait for call "fetch" timed out`)
	wantEq(t, "unnamed", new(async.Call[int]).String(), "call")
	p.Break()
}

// A result that was read again and again by one handle is read no more once that
// was finished or released, and never in place of the next call's (R5, R13).
func TestR5_AwaitAgainAndAgain(t *testing.T) {
	read := func(t *testing.T, c *async.Call[int], want int) {
		t.Helper()
		for range 3 {
			v, err := c.Await(expired)
			wantEq(t, "value", v, want)
			wantEq(t, "error", err, nil)
		}
	}
	var c async.Call[int]
	for i := range 3 {
		p, err := c.BeginPromise(bg)
		wantEq(t, "Begin", err, nil)
		_, err = c.Await(expired)
		wantIs(t, err, context.Canceled)
		p.Complete(i, nil)
		read(t, &c, i)
		d := c.Clone()
		read(t, d, i)
		_, _ = c.Finish()
		_, err = c.Await(bg)
		wantEq(t, "after Finish", err, async.ErrCallComplete)
		read(t, d, i)
		d.Release()
		_, err = d.Await(bg)
		wantEq(t, "after Release", err, async.ErrReleased)
	}
	p, _ := c.BeginPromise(bg, async.Streaming())
	p.Complete(1, errBoom)
	for range 3 {
		_, err := c.Await(bg)
		wantEq(t, "error", err, errBoom)
	}
	_, _ = c.Finish()
	_, err := c.Await(bg)
	wantEq(t, "a stream, after Finish", err, async.ErrCallComplete)
	c.Release()

	broken := async.Go(bg, func(context.Context) (int, error) { panic(errBoom) })
	_ = broken.Wait(bg)
	for range 3 {
		_, ok := recovered(func() { _, _ = broken.Await(bg) }).(*async.PanicError)
		wantEq(t, "a panic, each time", ok, true)
	}
}

func TestR4_TheResultIsExactlyWhatTheFunctionReturned(t *testing.T) {
	var nilError *async.PanicError // a nil pointer in an error is not a nil error
	for name, want := range map[string]async.Result[*int]{
		"value":             {Value: new(int)},
		"error":             {Err: errBoom},
		"both":              {Value: new(int), Err: errBoom},
		"neither":           {},
		"a typed nil error": {Err: nilError},
	} {
		t.Run(name, func(t *testing.T) {
			p, promised := async.NewPromise[*int](bg)
			p.Complete(want.Value, want.Err)
			var g errgroup.Group
			for _, c := range []*async.Call[*int]{
				async.Go(bg, value(want.Value, want.Err)),
				async.Go(bg, value(want.Value, want.Err), async.InGroup(&g)),
				async.Ready(want.Value, want.Err),
				promised,
			} {
				for _, take := range []func() (*int, error){
					func() (*int, error) { return c.Await(bg) },
					func() (*int, error) { return c.Await(t.Context()) },
					c.Finish,
				} {
					v, err := take()
					wantEq(t, "value", v, want.Value)
					wantEq(t, "error", err, want.Err)
				}
			}
			_ = g.Wait()
		})
	}
}

// takers are the ways of taking the outcome of a call that raise its panic.
var takers = map[string]func(*async.Call[int]) error{
	"Finish": func(c *async.Call[int]) error { _ = c.Wait(bg); _, err := c.Finish(); return err },
	"Await":  func(c *async.Call[int]) error { _, err := c.Await(bg); return err },
	"Await with a context": func(c *async.Call[int]) error {
		ctx, cancel := context.WithCancel(bg)
		defer cancel()
		_, err := c.Await(ctx)
		return err
	},
	"Await by a clone": func(c *async.Call[int]) error { _, err := c.Clone().Await(bg); return err },
	"Race":             func(c *async.Call[int]) error { _, _, err := async.Calls[int]{c}.Race(bg); return err },
	"Any":              func(c *async.Call[int]) error { _, _, err := async.Calls[int]{c}.Any(bg); return err },
	"All":              func(c *async.Call[int]) error { _, err := async.Calls[int]{c}.All(bg); return err },
	"Quorum":           func(c *async.Call[int]) error { _, _, err := async.Calls[int]{c}.Quorum(bg, 1); return err },
}

// holders return it as an error.
var holders = map[string]func(*async.Call[int]) error{
	"Settle": func(c *async.Call[int]) error { rs, _ := async.Calls[int]{c}.Settle(bg); return rs[0].Err },
	"Each": func(c *async.Call[int]) (err error) {
		for _, r := range (async.Calls[int]{c}).Each(bg) {
			err = r.Err
		}
		return err
	},
}

func TestR4_APanicIsRaisedAgainWithItsOrigin(t *testing.T) {
	type kind struct {
		fn    func(context.Context) (int, error)
		check func(*testing.T, *async.PanicError)
	}
	kinds := map[string]kind{
		"string": {panicWith("boom"), func(t *testing.T, e *async.PanicError) {
			wantEq(t, "value", e.Value, "boom")
			wantEq(t, "no error inside", e.Unwrap(), nil)
		}},
		"error": {panicWith(errBoom), func(t *testing.T, e *async.PanicError) { wantIs(t, e, errBoom) }},
		"nil": {panicWith(nil), func(t *testing.T, e *async.PanicError) {
			var nilError *runtime.PanicNilError
			wantEq(t, "a PanicNilError", errors.As(e, &nilError), true)
		}},
		"runtime error": {func(context.Context) (int, error) {
			defer func() { originOfThePanic(recover()) }()
			var m map[int]int
			m[0] = 1
			return 0, nil
		}, func(t *testing.T, e *async.PanicError) {
			var re runtime.Error
			wantEq(t, "a runtime.Error", errors.As(e, &re), true)
		}},
		"a panic in a deferred function of a panic": {func(context.Context) (int, error) {
			defer originOfThePanic("second")
			panic("first")
		}, func(t *testing.T, e *async.PanicError) { wantEq(t, "value", e.Value, "second") }},
		"out of a nested call": {func(ctx context.Context) (int, error) {
			return async.Go(ctx, func(ctx context.Context) (int, error) {
				return async.Go(ctx, panicWith(errBoom)).Await(ctx)
			}).Await(ctx)
		}, func(t *testing.T, e *async.PanicError) { wantIs(t, e, errBoom) }},
	}
	for kindName, kind := range kinds {
		for name, take := range takers {
			t.Run(kindName+"/"+name, func(t *testing.T) {
				e, ok := recovered(func() { _ = take(async.Go(bg, kind.fn)) }).(*async.PanicError)
				if !ok {
					t.Fatal("it did not panic with a *PanicError")
				}
				kind.check(t, e)
				if !strings.Contains(string(e.Stack), "originOfThePanic") || !strings.Contains(e.Error(), "originOfThePanic") {
					t.Errorf("the stack is not the origin's:\n%s", e.Stack)
				}
			})
		}
		for name, hold := range holders {
			t.Run(kindName+"/"+name, func(t *testing.T) {
				var e *async.PanicError
				if !errors.As(hold(async.Go(bg, kind.fn)), &e) {
					t.Fatal("Err is no *PanicError")
				}
				kind.check(t, e)
			})
		}
	}
}

func TestR4_EveryAwaitRaisesThePanic(t *testing.T) {
	c := async.Go(bg, panicWith("boom"))
	first := recovered(func() { _, _ = c.Await(bg) })
	wantEq(t, "the same error again", recovered(func() { _, _ = c.Await(bg) }), first)
	wantEq(t, "Wait does not raise it", c.Wait(bg), nil)
	wantEq(t, "Finish does", recovered(func() { _, _ = c.Finish() }), first)
	wantEq(t, "and leaves the object idle", c.Begin(bg, value(1, nil)), nil)
	_ = c.Wait(bg)
}

func TestR4_GoexitLeavesNobodyHanging(t *testing.T) {
	kinds := map[string]func(context.Context) (int, error){
		"Goexit":                       func(context.Context) (int, error) { runtime.Goexit(); return 1, nil },
		"Goexit in a deferred call":    func(context.Context) (int, error) { defer runtime.Goexit(); return 1, nil },
		"Goexit while panicking":       func(context.Context) (int, error) { defer runtime.Goexit(); panic("boom") },
		"FailNow":                      func(context.Context) (int, error) { new(testing.T).FailNow(); return 1, nil },
		"a panic recovered, then that": func(context.Context) (int, error) { defer runtime.Goexit(); defer func() { _ = recover() }(); panic(1) },
	}
	for kind, fn := range kinds {
		for _, ways := range []map[string]func(*async.Call[int]) error{takers, holders} {
			for name, take := range ways {
				t.Run(kind+"/"+name, func(t *testing.T) {
					var g errgroup.Group
					wantIs(t, take(async.Go(bg, fn)), async.ErrGoexit)
					wantIs(t, take(async.Go(bg, fn, async.InGroup(&g))), async.ErrGoexit)
					wantIs(t, g.Wait(), async.ErrGoexit)
				})
			}
		}
		t.Run(kind+"/a waiter and a callback", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				block := make(chan struct{})
				c := async.Go(bg, func(ctx context.Context) (int, error) { <-block; return fn(ctx) })
				called := false
				async.AfterFunc(c, func() { called = true })
				go func() { wantEq(t, "Wait", c.Wait(bg), nil) }()
				synctest.Wait()
				close(block)
				synctest.Wait()
				wantEq(t, "called", called, true)
			})
		})
	}
}

func TestR4_HedgeRaisesThePanicItMeets(t *testing.T) {
	e, ok := recovered(func() { _, _ = async.Hedge(bg, time.Hour, 2, anyAttempt(panicWith(errBoom))) }).(*async.PanicError)
	if !ok || !errors.Is(e, errBoom) {
		t.Errorf("got %v", e)
	}
	_, err := async.Hedge(bg, 0, 2, func(context.Context, int) (int, error) { runtime.Goexit(); return 1, nil })
	wantIs(t, err, async.ErrGoexit)
}

// crashes are programs that end by a panic which nobody could be given.
var crashes = map[string]func(){
	"canceled": func() {
		started := make(chan struct{})
		c := async.Go(bg, func(ctx context.Context) (int, error) {
			close(started)
			<-ctx.Done()
			originOfThePanic("nobody was told")
			return 0, nil
		})
		<-started
		_ = c.Cancel(nil)
		select {}
	},
	"released": func() {
		start := make(chan struct{})
		c := async.Go(bg, func(context.Context) (int, error) { <-start; originOfThePanic("nobody was told"); return 0, nil })
		c.Release()
		close(start)
		select {}
	},
	"released, and OnSignal exits": func() {
		start := make(chan struct{})
		c := async.Go(bg, func(context.Context) (int, error) { <-start; originOfThePanic("nobody was told"); return 0, nil }, async.OnSignal(runtime.Goexit))
		c.Release()
		close(start)
		select {}
	},
	"unread when released": func() {
		c := async.Go(bg, panicWith("nobody was told"))
		_ = c.Wait(bg)
		c.Release()
	},
}

func TestR4_APanicNobodyCanBeGivenEndsTheProgram(t *testing.T) {
	if which := os.Getenv("ASYNC_TEST_CRASH"); which != "" {
		crashes[which]()
		return
	}
	for which := range crashes {
		t.Run(which, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run", "^TestR4_APanicNobodyCanBeGivenEndsTheProgram$", "-test.timeout", "10s")
			cmd.Env = append(os.Environ(), "ASYNC_TEST_CRASH="+which)
			out, err := cmd.CombinedOutput()
			text := string(out)
			if err == nil || !strings.Contains(text, "nobody was told") || !strings.Contains(text, "originOfThePanic") || strings.Contains(text, "timed out") {
				t.Errorf("%v:\n%s", err, text)
			}
		})
	}
}

func TestR4_AnUnreadPanicIsRaisedByTheLastRelease(t *testing.T) {
	c := async.Go(bg, panicWith(errBoom))
	d, s := c.Clone(), c.Signal()
	_ = c.Wait(bg)
	wantEq(t, "one of three", recovered(c.Release), nil)
	wantEq(t, "two of three", recovered(d.Release), nil)
	e, ok := recovered(s.Release).(*async.PanicError)
	if !ok || !errors.Is(e, errBoom) {
		t.Errorf("the last Release raised %v", e)
	}
	wantEq(t, "released again", recovered(s.Release), nil)

	d = async.Go(bg, panicWith(errBoom))
	_ = recovered(func() { _, _ = d.Await(bg) })
	wantEq(t, "one that was read", recovered(d.Release), nil)
}

func TestCalls_ReleaseReleasesAllBesideAPanic(t *testing.T) {
	var released int
	quiet := async.Go(bg, value(1, nil), async.Discard(func(int, error) { released++ }))
	calls := async.Calls[int]{async.Go(bg, panicWith(1)), async.Go(bg, panicWith(2)), quiet}
	for _, c := range calls {
		_ = c.Wait(bg)
	}
	wantEq(t, "it panics", recovered(calls.Release) != nil, true)
	for _, c := range calls {
		wantEq(t, "released", c.Wait(bg), async.ErrReleased)
	}
}

func TestInGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g errgroup.Group
		g.SetLimit(1)
		hold := make(chan struct{})
		c := async.Go(bg, func(context.Context) (int, error) { <-hold; return 1, errBoom }, async.InGroup(&g))
		refused := async.Go(bg, value(2, nil), async.InGroup(&g))
		_, err := refused.Finish()
		wantRefused(t, "Go in a full group", err, async.ErrQueueFull)
		var d async.Call[int]
		wantEq(t, "Begin in a full group", d.Begin(bg, value(2, nil), async.InGroup(&g)), async.ErrQueueFull)
		wantEq(t, "nothing changed", d.Begin(bg, value(3, nil)), nil)
		synctest.Wait() // the function runs
		_ = c.Cancel(nil)
		_, err = c.Finish()
		wantIs(t, err, async.ErrCanceled)
		wantEq(t, "a canceled function holds its place", g.TryGo(func() error { return nil }), false)
		close(hold)
		wantIs(t, g.Wait(), async.ErrCanceled)
		_ = d.Wait(bg)
	})
	for name, fn := range map[string]func(context.Context) (int, error){
		"error": value(0, errBoom), "panic": panicWith(errBoom),
	} {
		t.Run(name, func(t *testing.T) {
			var g errgroup.Group
			c := async.Go(bg, fn, async.InGroup(&g))
			wantIs(t, g.Wait(), errBoom)
			wantEq(t, "complete when the group is", c.IsDone(), true)
		})
	}
	var g errgroup.Group
	ctx, cancel := context.WithCancelCause(bg)
	cancel(errBoom)
	async.Go(ctx, value(1, nil), async.InGroup(&g))
	wantIs(t, g.Wait(), async.ErrCanceled, errBoom)
}

// R8: the group hears of a call whose context had ended, also where OnSignal panics.
func TestInGroup_OnSignalPanics(t *testing.T) {
	var g errgroup.Group
	wantEq(t, "it panicked", recovered(func() {
		async.Go(expired, value(1, nil), async.InGroup(&g), async.OnSignal(func() { panic(errBoom) }))
	}), errBoom)
	wantIs(t, g.Wait(), async.ErrCanceled)
}

// What panics several times at once: all is done, and no panic is lost.

// ended is how a function ended.
type ended struct {
	returned bool
	panicked any // nil where it called Goexit
}

// endOf runs f in a goroutine and says how f ended.
func endOf(f func()) (end ended) {
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() { end.panicked = recover() }()
		f()
		end.returned = true
	})
	wg.Wait()
	return end
}

// wantAll fails the test where the panic does not stand for all of 0 to n-1, or for
// something else, too.
func wantAll(t *testing.T, end ended, n int) {
	t.Helper()
	e, ok := end.panicked.(*async.PanicError)
	if !ok {
		t.Fatalf("it ended by %v (%T)", end.panicked, end.panicked)
	}
	all, ok := e.Value.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("one panic: %v", e.Value)
	}
	seen := make(map[numbered]bool)
	for _, err := range all.Unwrap() {
		var no numbered
		if !errors.As(err, &no) || seen[no] {
			t.Errorf("not a panic of these, or twice: %v", err)
		}
		seen[no] = true
	}
	wantEq(t, "panics", len(seen), n)
	wantIs(t, e, numbered(0), numbered(n-1))
	if text := e.Error(); n > 10 && (!strings.Contains(text, fmt.Sprintf("%d panics; ", n)) || len(text) > 100_000) {
		t.Errorf("the text says %.200s", text)
	}
}

// A numbered is what a function panics with.
type numbered int

func (n numbered) Error() string { return fmt.Sprintf("panic number %d", int(n)) }

// smallStack has every goroutine end the program by a stack of more than 1 MB.
func smallStack(t *testing.T) {
	old := debug.SetMaxStack(1 << 20)
	t.Cleanup(func() { debug.SetMaxStack(old) })
}

func panicking(n int, opts ...async.Option) async.Calls[int] {
	in := make([]int, n)
	for i := range in {
		in[i] = i
	}
	cs := async.GoEach(bg, in, func(_ context.Context, i int) (int, error) { panic(numbered(i)) }, opts...)
	for _, c := range cs {
		<-c.Done()
	}
	return cs
}

// However many handles raise a panic when they are released, Release releases them
// all and raises every panic, on a small stack.
func TestC5_ReleaseRaisesEveryPanic(t *testing.T) {
	for _, n := range []int{2, 10, 11, 20_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			cs := panicking(n)
			smallStack(t)
			wantAll(t, endOf(cs.Release), n)
			for _, c := range cs {
				if _, err := c.Await(bg); err != async.ErrReleased {
					t.Fatalf("a handle is not released: %v", err)
				}
			}
			wantEq(t, "again", endOf(cs.Release), ended{returned: true})
		})
	}
}

// One panic goes on as the function's own.
func TestC5_ReleaseRaisesOnePanicAsItIs(t *testing.T) {
	for at := range 3 {
		cs := async.Calls[int]{async.Ready(1, nil), async.Ready(2, nil), async.Ready(3, nil)}
		cs[at].Release()
		cs[at] = panicking(1)[0]
		e, ok := endOf(cs.Release).panicked.(*async.PanicError)
		if !ok || e.Value != numbered(0) || !strings.Contains(string(e.Stack), "panicking") {
			t.Errorf("at %d: %v", at, e)
		}
	}
}

// All calls are canceled and all OnSignal functions called, whether they return,
// panic or call Goexit, and Cancel ends as they did: a panic before Goexit.
func TestC5_CancelGoesOnBehindPanicAndGoexit(t *testing.T) {
	const n = 20_000
	for name, tt := range map[string]struct {
		end    func(i int)
		panics int
	}{
		"Goexit":              {func(int) { runtime.Goexit() }, 0},
		"panics":              {func(i int) { panic(numbered(i)) }, n},
		"a panic, and Goexit": {oneOf(0, n), 1},
		"Goexit, and a panic": {oneOf(n-1, n), 1},
		"Goexit, then panics": {oneOf(-1, n/2), n / 2},
	} {
		t.Run(name, func(t *testing.T) {
			smallStack(t)
			cs := make(async.Calls[int], n)
			called := make([]int, n)
			for i := range cs {
				_, cs[i] = async.NewPromise[int](bg, async.OnSignal(func() { called[i]++; tt.end(i) }))
			}
			end := endOf(func() { cs.Cancel(nil) })
			for i, c := range cs {
				if _, err := c.Await(expired); !errors.Is(err, async.ErrCanceled) || called[i] != 1 {
					t.Fatalf("call %d was not canceled, or not told once: %v, %d", i, err, called[i])
				}
			}
			switch tt.panics {
			case 0:
				wantEq(t, "it called Goexit", end, ended{})
			case 1:
				var no numbered
				if err := asError(end.panicked); !errors.As(err, &no) {
					t.Errorf("it ended by %v", end)
				}
			default:
				wantAll(t, end, tt.panics)
			}
			cs.Release()
		})
	}
}

// oneOf returns a function that panics with number 0 for one, from which on with a
// number of its own for each, and else calls Goexit.
func oneOf(one, from int) func(i int) {
	return func(i int) {
		switch {
		case i == one:
			panic(numbered(0))
		case i >= from:
			panic(numbered(i - from))
		}
		runtime.Goexit()
	}
}

func asError(v any) error {
	err, _ := v.(error)
	return err
}

// The functions of one call, too.
func TestS7_EveryFunctionIsCalledAlthoughAllPanic(t *testing.T) {
	const n = 20_000
	smallStack(t)
	called := 0
	var opts []async.Option
	for i := range n {
		opts = append(opts, async.OnSignal(func() {
			wantEq(t, "function in its turn", called, i)
			called++
			panic(numbered(i))
		}))
	}
	p, c := async.NewPromise[int](bg, opts...)
	wantAll(t, endOf(func() { p.Complete(1, nil) }), n)
	wantEq(t, "functions called", called, n)
	v, err := c.Finish()
	wantEq(t, "value", v, 1)
	wantEq(t, "error", err, nil)
}

// A method of Calls that raises one member's panic raises the others' with it that
// nobody else will be given: those whose last reference it gives up.
func TestC5_AMethodsOwnPanicIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scope := async.NewScope(async.ScopeOptions{Limit: 1})
		gate := make(chan struct{})
		cs := async.GoEach(bg, []int{0, 1, 2}, func(_ context.Context, i int) (int, error) {
			<-gate
			panic(numbered(i))
		})
		raised := async.Go(bg, func(ctx context.Context) (end ended, _ error) {
			defer func() { end.panicked = recover() }()
			_, _, _ = cs.Any(ctx)
			return end, nil
		}, scope)
		synctest.Wait()
		other := async.Go(bg, func(context.Context) (int, error) {
			cs.Release() // the references of Any are the last
			close(gate)
			synctest.Wait() // all have panicked, and Any waits for its slot
			return 0, nil
		}, scope)
		end, err := raised.Await(bg)
		wantEq(t, "error", err, nil)
		wantAll(t, end, 3)
		_, err = other.Await(bg)
		wantEq(t, "error", err, nil)
		wantEq(t, "shutdown", scope.Shutdown(bg), nil)
	})
}

// A lengther is an asynchronous face as cmd/asyncgen writes it, of an interface
// with one method.
type lengther interface {
	BeginLen() error
	FinishLen() (int, error)
	Wait(ctx context.Context) error
	Release()
}

// A lengthCall is a call object for a text.
type lengthCall struct {
	async.Call[int]
	text string
}

func (c *lengthCall) BeginLen() error {
	return c.Begin(bg, func(context.Context) (int, error) { return len(c.text), nil })
}

func (c *lengthCall) FinishLen() (int, error) { return c.Finish() }

// A text is a server that has a factory for one face, or what the test puts
// there.
type text struct {
	s      string
	create func(iface reflect.Type) (any, error)
}

func (s *text) CreateCall(iface reflect.Type) (any, error) {
	if s.create != nil {
		return s.create(iface)
	}
	if iface == reflect.TypeFor[lengther]() {
		return &lengthCall{text: s.s}, nil
	}
	return nil, async.ErrNoMethod
}

func TestH3_CreateCall(t *testing.T) {
	c, err := async.CreateCall[lengther](&text{s: "four"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	wantEq(t, "begin", c.BeginLen(), nil)
	wantEq(t, "wait", c.Wait(bg), nil)
	n, err := c.FinishLen()
	wantEq(t, "value", n, 4)
	wantEq(t, "error", err, nil)
}

func TestH3_NoInterface(t *testing.T) {
	var none *text
	for name, server := range map[string]any{
		"nil":                                 nil,
		"no factory":                          "four",
		"a value whose pointer has a factory": text{},
	} {
		c, err := async.CreateCall[lengther](server)
		wantEq(t, name, err, async.ErrNoInterface)
		wantEq(t, name, c, nil)
	}
	// A nil pointer is a server, and what it does is its own affair.
	if _, ok := recovered(func() { _, _ = async.CreateCall[lengther](none) }).(error); !ok {
		t.Error("a nil pointer was not asked")
	}
}

func TestH3_NoMethod(t *testing.T) {
	c, err := async.CreateCall[fmt.Stringer](&text{})
	wantEq(t, "another face", err, async.ErrNoMethod)
	wantIs(t, err, async.ErrNoInterface)
	wantEq(t, "object", c, nil)
	l, err := async.CreateCall[lengther](&text{create: func(reflect.Type) (any, error) { return nil, nil }})
	wantEq(t, "nothing", err, async.ErrNoMethod)
	wantEq(t, "object", l, nil)
}

// The factory is asked for the type, and its error is passed on as it is; what it
// returns beside one is dropped.
func TestH3_FactoryDecides(t *testing.T) {
	var asked reflect.Type
	c, err := async.CreateCall[lengther](&text{create: func(iface reflect.Type) (any, error) {
		asked = iface
		return &lengthCall{}, errBoom
	}})
	wantEq(t, "asked", asked, reflect.TypeFor[lengther]())
	wantEq(t, "error", err, errBoom)
	wantEq(t, "object", c, nil)
}

func TestH3_Misuse(t *testing.T) {
	r := recovered(func() { _, _ = async.CreateCall[*lengthCall](&text{}) })
	wantEq(t, "no interface", r, any("async: CreateCall of *async_test.lengthCall, which is not an interface"))
	r = recovered(func() { _, _ = async.CreateCall[int](nil) })
	wantEq(t, "no interface, no server", r, any("async: CreateCall of int, which is not an interface"))
	r = recovered(func() { _, _ = async.CreateCallOr[lengther](&text{}, nil) })
	wantEq(t, "no fallback", r, any("async: CreateCallOr with a nil function"))
}

// A factory that answers with an object of another type is mistaken: the error names both
// types, the object is given up, and CreateCallOr does not hide the mistake.
func TestH3_WrongObject(t *testing.T) {
	object := new(async.Call[string])
	for name, answer := range map[string]any{"1": 1, "with a Release": object} {
		server := &text{create: func(reflect.Type) (any, error) { return answer, nil }}
		c, err := async.CreateCall[lengther](server)
		wantEq(t, name, c, nil)
		wantIs(t, err, async.ErrWrongObject)
		wantEq(t, "no interface", errors.Is(err, async.ErrNoInterface), false)
		wantEq(t, "text", err.Error(), fmt.Sprintf("async: call object of the wrong type: *async_test.text.CreateCall returned a %T for async_test.lengther", answer))
		_, err = async.CreateCallOr(server, func() lengther { t.Error("hidden"); return nil })
		wantIs(t, err, async.ErrWrongObject)
	}
	wantEq(t, "released", object.WaitFor(0), async.ErrReleased)
}

func TestH3_CreateCallOr(t *testing.T) {
	ours := &lengthCall{text: "ours"}
	fallback := func() lengther { return ours }
	broken := func(err error) *text {
		return &text{create: func(reflect.Type) (any, error) { return nil, err }}
	}
	for name, c := range map[string]struct {
		server any
		ours   bool
		err    error
	}{
		"nil":              {nil, true, nil},
		"no factory":       {1, true, nil},
		"no face":          {broken(async.ErrNoMethod), true, nil},
		"no face, wrapped": {broken(fmt.Errorf("text: %w", async.ErrNoMethod)), true, nil},
		"nothing":          {broken(nil), true, nil},
		"a face":           {&text{}, false, nil},
		"own error":        {broken(errBoom), false, errBoom},
	} {
		face, err := async.CreateCallOr(c.server, fallback)
		wantEq(t, name+": error", err, c.err)
		wantEq(t, name+": fallback", face == lengther(ours), c.ours)
		wantEq(t, name+": object", face != nil, c.err == nil)
	}
	if !errors.Is(async.ErrNoMethod, async.ErrNoInterface) {
		t.Error("no face is not no interface")
	}
}
