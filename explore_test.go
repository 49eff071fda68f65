//go:build asyncexplore

package async_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// explore runs a scenario under every schedule with up to so many forced switches,
// or, where ASYNC_SWITCHES says more, more. ASYNC_SCHEDULE replays one.
func explore(t *testing.T, switches int, scenario func(x *sched.X)) {
	t.Helper()
	o := sched.Options{Switches: switches, Replay: os.Getenv("ASYNC_SCHEDULE")}
	if n, err := strconv.Atoi(os.Getenv("ASYNC_SWITCHES")); err == nil {
		o.Switches = n
	}
	start := time.Now()
	r := sched.Explore(t, o, scenario)
	took := time.Since(start)
	t.Logf("%d schedules of %d steps on average, up to %d forced switches, in %v: %.0f/s",
		r.Schedules, r.Steps/r.Schedules, o.Switches, took.Round(time.Millisecond), float64(r.Schedules)/took.Seconds())
	if r.Err != nil {
		t.Fatalf("%v\nreplay: ASYNC_SCHEDULE=%s\n%s", r.Err, r.Schedule(), r.Trace())
	}
	if !r.Whole && o.Replay == "" {
		t.Error("there are more schedules")
	}
}

// is returns an error unless all of conditions hold.
func is(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func isReady(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// Of complete, cancel and a reader one wins, and all agree on who (R10, K2).
func TestExplore_CompleteCancelRelease(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		p, c := async.NewPromise[int](bg)
		d := c.Clone()
		var won bool
		var canceled, err error
		var v int
		x.Go(func() { won = p.Complete(1, nil) })
		x.Go(func() { canceled = c.Cancel(errBoom); c.Release() })
		x.Go(func() { v, err = d.Await(bg); d.Release() })
		x.Check(func() error {
			ok := won && v == 1 && err == nil && canceled == async.ErrCallComplete ||
				!won && errors.Is(err, errBoom) && canceled == nil
			return is(ok, "won %v, cancel %v, await %v %v", won, canceled, v, err)
		})
	})
}

// The end of Begin's context is one more who may win (R14).
func TestExplore_CompleteContextEnd(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		ctx, cancel := context.WithCancelCause(bg)
		p, c := async.NewPromise[int](ctx)
		var won bool
		var err error
		x.Go(func() { won = p.Complete(1, nil) })
		x.Go(func() { cancel(errBoom) })
		x.Go(func() { _, err = c.Await(bg) })
		x.Check(func() error {
			return is(won == (err == nil) && (won || errors.Is(err, errBoom)), "won %v, await %v", won, err)
		})
	})
}

// A completion that loses finds the call complete, with all it publishes (S3).
func TestExplore_DoubleCompletion(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		p, c := async.NewPromise[int](bg)
		done := c.Done()
		won := 0
		var bad error
		for v := range 3 {
			x.Go(func() {
				if p.Complete(v+1, nil) {
					won += v + 1
				} else if !isReady(done) || !c.IsDone() {
					bad = errors.New("told too late, and not complete")
				}
			})
		}
		x.Check(func() error {
			v, err := c.Finish()
			return errors.Join(bad, is(v == won && v != 0 && err == nil, "finished %v %v, won %v", v, err, won))
		})
	})
}

// What was written before is there for whoever sees the signal, by any way (S3).
func TestExplore_ResultBeforeSignal(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		p, c := async.NewPromise[int](bg)
		done := c.Done()
		written := false
		var bad error
		look := func(seen bool) {
			if !seen {
				return
			}
			if v, err := c.Await(bg); v != 7 || err != nil || !written {
				bad = fmt.Errorf("seen complete: %v, %v, written %v", v, err, written)
			}
		}
		x.Go(func() { written = true; p.Complete(7, nil) })
		x.Go(func() { look(isReady(done)); look(c.IsDone()) })
		x.Go(func() { look(c.Wait(bg) == nil) })
		x.Check(func() error { return bad })
	})
}

// Who loses a Set, and who sees IsSet, finds Done closed; who made it late, too.
func TestExplore_LoserFindsDoneClosed(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		var e async.Event
		var bad error
		closed := func(when string) {
			if !isReady(e.Done()) {
				bad = errors.New(when)
			}
		}
		set := func() {
			if !e.Set() {
				closed("lost, and not closed")
			}
		}
		x.Go(set)
		x.Go(set)
		x.Go(func() {
			e.Done()
			if e.IsSet() {
				closed("set, and not closed")
			}
		})
		x.Check(func() error { return errors.Join(bad, is(e.IsSet(), "not set")) })
	})
}

// A result is taken or discarded, once (K3, K4).
func TestExplore_TakenOrDiscarded(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		discarded, taken := 0, 0
		p, c := async.NewPromise[int](bg, async.Discard(func(int, error) { discarded++ }))
		d := c.Clone()
		x.Go(func() { p.Complete(1, nil) })
		x.Go(c.Release)
		x.Go(func() {
			if _, err := d.Finish(); err == nil {
				taken++
			} else {
				d.Release()
			}
		})
		x.Check(func() error { return is(taken+discarded == 1, "taken %d, discarded %d", taken, discarded) })
	})
}

// A WaitAny that registers while its members complete wakes, with one of them.
func TestExplore_WaitAnyRegisters(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		var a, b async.Event
		i, err := -1, errBoom
		x.Go(func() { i, err = async.WaitAny(bg, &a, &b) })
		x.Go(func() { b.Set() })
		x.Go(func() { a.Set() })
		x.Check(func() error { return is(err == nil && i >= 0, "%d %v", i, err) })
	})
}

// A wait that gives up while its signal is set leaves nothing, and says the truth
// (S5, R6).
func TestExplore_Unlink(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		var e async.Event
		ctx, cancel := context.WithCancel(bg)
		var first, second error
		setFirst := false
		x.Go(func() { first = e.Wait(ctx) })
		x.Go(func() { second = e.Wait(ctx) })
		x.Go(func() { setFirst = ctx.Err() == nil; e.Set() })
		x.Go(func() { setFirst = setFirst && e.IsSet(); cancel() })
		x.Check(func() error {
			return is(!setFirst || first == nil && second == nil, "set before the context ended: %v, %v", first, second)
		})
	})
}

// Two takers of a set get one each, whatever the order (Q1, Q4).
func TestExplore_SetWithTwoTakers(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		var s async.Set[int]
		var a, b async.Event
		s.Add(1, &a)
		var got [2]int
		x.Go(func() { got[0], _ = s.Next(bg) })
		x.Go(func() { s.Add(2, &b); got[1], _ = s.Next(bg) })
		x.Go(func() { b.Set(); a.Set() })
		x.Check(func() error {
			ok := got == [2]int{1, 2} || got == [2]int{2, 1} || got == [2]int{0, 1} || got == [2]int{0, 2} || got == [2]int{1, 0}
			return is(ok && got[0]+got[1]+s.Len() >= 2, "%v, %d left", got, s.Len())
		})
	})
}

// The last reference to go cancels, and no other (R9).
func TestExplore_CancelOnAbandon(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		p, c := async.NewPromise[int](bg, async.CancelOnAbandon())
		s := c.Signal()
		x.Go(c.Release)
		x.Go(s.Release)
		x.Go(func() {
			defer func() { _ = recover() }() // released before
			s.Clone().Release()
		})
		x.Check(func() error {
			return is(!p.Complete(1, nil) && errors.Is(context.Cause(p.Context()), async.ErrAbandoned), "not canceled")
		})
	})
}

// Of two who finish one gets the result, and a Begin between them has its own (R3,
// R13).
func TestExplore_BeginAgain(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		var c async.Call[int]
		p, _ := c.BeginPromise(bg)
		p.Complete(1, nil)
		sum, began := 0, false
		finish := func() {
			if v, err := c.Finish(); err == nil {
				sum += v
			}
		}
		x.Go(finish)
		x.Go(finish)
		x.Go(func() {
			if q, err := c.BeginPromise(bg); err == nil {
				began = true
				q.Complete(10, nil)
			}
		})
		x.Check(func() error {
			finish()
			return is(!began && sum == 1 || began && sum == 11, "%d, began %v", sum, began)
		})
	})
}

// A stop that says true has kept the function from starting, one that says false
// has not (S7).
func TestExplore_Callbacks(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		var e async.Event
		ran, stopped := 0, false
		x.Go(func() { stopped = async.AfterFunc(&e, func() { ran++ })() })
		x.Go(func() { e.Set() })
		x.Go(func() { async.AfterFunc(&e, func() {})() })
		x.Check(func() error { return is(stopped == (ran == 0) && ran <= 1, "stopped %v, ran %d", stopped, ran) })
	})
}

// A function's context follows Begin's, and a promise broken or completed is one
// of the two.
func TestExplore_FunctionAndContext(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		ctx, cancel := context.WithCancelCause(bg)
		var c async.Call[int]
		var err error
		x.Go(func() {
			_ = c.Begin(ctx, func(ctx context.Context) (int, error) {
				<-ctx.Done()
				return 1, context.Cause(ctx)
			})
			_, err = c.Await(bg)
		})
		x.Go(func() { cancel(errBoom) })
		x.Check(func() error { return is(errors.Is(err, errBoom), "%v", err) })
	})
}

func TestExplore_BreakAgainstComplete(t *testing.T) {
	explore(t, 3, func(x *sched.X) {
		p, c := async.NewPromise[int](bg)
		won := false
		x.Go(func() { won = p.Complete(1, nil) })
		x.Go(p.Break)
		x.Check(func() error {
			v, err := c.Finish()
			return is(won && v == 1 && err == nil || !won && err == async.ErrBrokenPromise, "won %v, %v, %v", won, v, err)
		})
	})
}

// Under a limit of one, one function runs at a time, and calls that wait for calls
// end (C1, C2, T2).
func TestExplore_Slots(t *testing.T) {
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		running, most := 0, 0
		in := func() { running++; most = max(most, running); sched.Point("running") }
		out := func() { running-- }
		outer := func(ctx context.Context) (int, error) {
			in()
			c := async.Go(ctx, func(context.Context) (int, error) { in(); defer out(); return 1, nil }, s)
			out()
			v, err := c.Await(ctx)
			in()
			out()
			return v, err
		}
		var vs [2]int
		for i := range vs {
			x.Go(func() { vs[i], _ = async.Go(bg, outer, s).Await(bg) })
		}
		x.Check(func() error {
			err := s.Shutdown(bg)
			st := s.Stats()
			return is(most == 1 && vs == [2]int{1, 1} && err == nil && st == async.Stats{Begun: 4, Returned: 4, Taken: 4},
				"%d at once, %v, %v, %+v", most, vs, err, st)
		})
	})
}

// What a scope accepts before Shutdown settles before it returns; what it refuses
// never ran (C3).
func TestExplore_Shutdown(t *testing.T) {
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		var ran [2]bool
		var errs [2]error
		for i := range ran {
			x.Go(func() {
				_, errs[i] = async.Go(bg, func(context.Context) (int, error) { ran[i] = true; return 1, nil }, s).Await(bg)
			})
		}
		var err error
		var st async.Stats
		x.Go(func() { err = s.Shutdown(bg); st = s.Stats() })
		x.Check(func() error {
			for i := range ran {
				if ran[i] != (errs[i] == nil) || !ran[i] && errs[i] != async.ErrScopeClosed {
					return fmt.Errorf("call %d: ran %v, %v", i, ran[i], errs[i])
				}
			}
			return is(err == nil && st.Pending == 0 && st.Running == 0 && st.Begun == s.Stats().Begun, "%v, %+v", err, st)
		})
	})
}

// A call that is canceled while it is queued, or about to start, is counted out
// once, and its slot goes on (C1, T1).
func TestExplore_QueuedCallCanceled(t *testing.T) {
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		ctx, cancel := context.WithCancelCause(bg)
		ran := false
		var err error
		x.Go(func() { _, _ = async.Go(bg, func(context.Context) (int, error) { return 1, nil }, s).Await(bg) })
		x.Go(func() {
			_, err = async.Go(ctx, func(context.Context) (int, error) { ran = true; return 1, nil }, s).Await(bg)
		})
		x.Go(func() { cancel(errBoom) })
		x.Check(func() error {
			down := s.Shutdown(bg)
			st := s.Stats()
			ok := down == nil && st.Begun == 2 && st.Pending+st.Queued+st.Running+st.Stopping == 0
			return is(ok && (ran || errors.Is(err, errBoom)), "%v, ran %v, %v, %+v", down, ran, err, st)
		})
	})
}
