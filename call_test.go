package async_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

var (
	bg      = context.Background()
	errBoom = errors.New("boom")
)

// rounds is how often a race is run: n times, fewer under the race detector,
// which is slow and sees more in each.
func rounds(n int) int {
	if raceEnabled {
		return n/10 + 1
	}
	return n
}

// value is a function that returns v and err.
func value[T any](v T, err error) func(context.Context) (T, error) {
	return func(context.Context) (T, error) { return v, err }
}

// block waits for its context and returns the cause it ended by.
func block(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 0, context.Cause(ctx)
}

// together runs every f at the same time and waits for all.
func together(fs ...func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, f := range fs {
		wg.Go(func() { <-start; f() })
	}
	close(start)
	wg.Wait()
}

// recovered returns what f panics with, or nil.
func recovered(f func()) (r any) {
	defer func() { r = recover() }()
	f()
	return nil
}

func wantIs(t *testing.T, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("%v is not %v", err, target)
		}
	}
}

func wantEq(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

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

func wantContains(t *testing.T, s, part string) {
	t.Helper()
	if !strings.Contains(s, part) {
		t.Errorf("%q not in:\n%s", part, s)
	}
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
