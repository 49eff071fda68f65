//go:build asyncexplore

package latch_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// The explorations of this package run latches and queues under every schedule up to a
// bound: see package sched. The output of a failure replays the schedule.

// explore runs a scenario under every schedule with up to so many forced switches.
func explore(t *testing.T, switches int, scenario func(x *sched.X)) {
	t.Helper()
	sched.Verify(t, sched.Options{Switches: switches}, scenario)
}

// outcomes counts how runs of a scenario ended. Each way must have been gone: a rule
// that holds because nothing ever happens is no rule.
type outcomes map[string]int

// took notes the way of a run where ok holds, and returns an error otherwise.
func (w outcomes) took(way string, ok bool, format string, args ...any) error {
	w[way]++
	return is(ok, "%s: %s", way, fmt.Sprintf(format, args...))
}

// all checks that each way was gone, unless the environment has chosen the schedules.
func (w outcomes) all(t *testing.T, names ...string) {
	t.Helper()
	if os.Getenv("ASYNC_SCHEDULE")+os.Getenv("ASYNC_SWITCHES")+os.Getenv("ASYNC_RANDOM") != "" {
		return
	}
	for _, name := range names {
		if w[name] == 0 {
			t.Errorf("no schedule has led to: %s; %v", name, w)
		}
		delete(w, name)
	}
	for name := range w {
		t.Errorf("schedules have led to a way that is not stated: %s", name)
	}
}

// is returns an error unless ok holds.
func is(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// mustf fails the run unless ok holds.
func mustf(x *sched.X, ok bool, format string, args ...any) {
	if !ok {
		x.Fail(fmt.Errorf(format, args...))
	}
}

// wait waits by a context.
func wait(ctx context.Context, l *latch.Latch) bool {
	return l.Wait(latch.Until{Done: ctx.Done()})
}

// A completer that loses finds the channel closed, and an observer sees set and closed
// together (L1, L3, L4).
func TestExplore_LoserFindsDoneClosed(t *testing.T) {
	explore(t, 3, func(x *sched.X) {
		var l latch.Latch
		won := 0
		set := func() {
			if l.Set() {
				won++
			}
			mustf(x, isReady(l.Done()), "set, and not closed")
		}
		x.Go(set)
		x.Go(set)
		x.Go(func() {
			done := l.Done()
			if l.IsSet() {
				mustf(x, isReady(done), "seen set, and not closed")
			}
			if isReady(done) {
				mustf(x, l.IsSet(), "closed, and not set")
			}
		})
		x.Check(func() error { return is(l.IsSet() && won == 1, "won %d", won) })
	})
}

// A goroutine that sees the latch set, by any way, finds what was published (L2).
func TestExplore_PublishedBeforeSet(t *testing.T) {
	explore(t, 3, func(x *sched.X) {
		var l latch.Latch
		done := l.Done()
		published := false
		look := func(seen bool, how string) { mustf(x, !seen || published, "seen by %s, and not published", how) }
		x.Go(func() {
			if l.Claim() {
				sched.Point("write")
				published = true
				_, nodes := l.Publish(0)
				latch.Fire(nodes)
			}
		})
		x.Go(func() { look(isReady(done), "Done"); look(l.IsSet(), "IsSet") })
		x.Go(func() { look(wait(bg, &l), "Wait") })
	})
}

// All who wait without an end are told, whoever asks for Done meanwhile, and all have the
// one channel, closed once (L3, S3).
func TestExplore_SharedAgainstDone(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		var l latch.Latch
		var done <-chan struct{}
		for range 2 {
			x.Go(func() { mustf(x, wait(bg, &l) && l.IsSet(), "waited, and not set") })
		}
		x.Go(func() { l.Set() })
		x.Go(func() {
			set := l.IsSet()
			done = l.Done()
			mustf(x, !set || isReady(done), "set, and not closed")
			mustf(x, !isReady(done) || l.IsSet(), "closed, and not set")
		})
		x.Check(func() error { return is(done == l.Done() && isReady(done), "another channel, or not closed") })
	})
}

// A wait with an end leaves the channel to the others (L3, S5, R6).
func TestExplore_SharedAgainstAContext(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		var l latch.Latch
		ctx, cancel := context.WithCancel(bg)
		var waited bool
		x.Go(func() { mustf(x, wait(bg, &l) && l.IsSet(), "waited, and not set") })
		x.Go(func() { waited = wait(ctx, &l) })
		x.Go(func() { cancel(); l.Set(); mustf(x, isReady(l.Done()), "set, and not closed") })
		x.Check(func() error {
			if waited {
				return o.took("waited", l.IsSet(), "and not set")
			}
			return o.took("gave up", isReady(l.Done()), "not closed")
		})
	})
	o.all(t, "waited", "gave up")
}

// All of them together: two that only completion wakes, one that gives up, and one that
// asks for Done (L3).
func TestExplore_SharedByTwo(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		var l latch.Latch
		ctx, cancel := context.WithCancel(bg)
		for range 2 {
			x.Go(func() { mustf(x, wait(bg, &l) && l.IsSet(), "waited, and not set") })
		}
		var waited bool
		x.Go(func() { waited = wait(ctx, &l) })
		x.Go(func() { mustf(x, l.Set() && isReady(l.Done()), "set, and not closed") })
		x.Go(func() {
			done := l.Done()
			cancel()
			mustf(x, !isReady(done) || l.IsSet(), "closed, and not set")
		})
		x.Check(func() error {
			way := "waited"
			if !waited {
				way = "gave up"
			}
			return o.took(way, l.IsSet() && isReady(l.Done()), "not closed")
		})
	})
	o.all(t, "waited", "gave up")
}

// A wait that gives up while its latch is set leaves nothing, disturbs no other, and says
// the truth: a latch that was set before the end was waited for (L5, S5, R6).
func TestExplore_Unlink(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		var l latch.Latch
		ctx, cancel := context.WithCancel(bg)
		var first, second, inTime bool
		x.Go(func() { first = wait(ctx, &l); mustf(x, !first || l.IsSet(), "waited, and not set") })
		x.Go(func() { second = wait(ctx, &l); mustf(x, !second || l.IsSet(), "waited, and not set") })
		x.Go(func() { l.Set() })
		x.Go(func() { inTime = l.IsSet(); cancel() })
		x.Check(func() error {
			switch {
			case inTime:
				return o.took("set in time", first && second, "%v, %v", first, second)
			case first && second:
				return o.took("both waited", true, "")
			case first || second:
				return o.took("one waited", true, "")
			}
			return o.took("none waited", true, "")
		})
	})
	o.all(t, "set in time", "both waited", "none waited", "one waited")
}

// A latch that is set an instant before the time is up was waited for. Time may pass at
// any point (R6, S6).
func TestExplore_TimeoutAgainstSet(t *testing.T) {
	const long = time.Minute
	o := outcomes{}
	sched.Verify(t, sched.Options{Switches: 3, Time: true}, func(x *sched.X) {
		var l latch.Latch
		start := time.Now()
		var waited bool
		var took, setAt time.Duration
		x.Go(func() { waited = latch.WaitTimeout(long, l.Wait); took = time.Since(start) })
		x.Go(func() { time.Sleep(long - 1); l.Set(); setAt = time.Since(start) })
		x.Check(func() error {
			switch {
			case setAt < long:
				return o.took("in time", waited, "after %v, set at %v", took, setAt)
			case waited:
				return o.took("late, and seen", l.IsSet(), "")
			}
			return o.took("too late", took >= long, "after %v", took)
		})
	})
	o.all(t, "in time", "late, and seen", "too late")
}

// Nodes leave from everywhere in a list, while another is linked, and none is lost (L5).
func TestExplore_UnlinkAmongOthers(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		var l latch.Latch
		var fired notes
		var nodes [4]*latch.Node
		for i := range nodes {
			nodes[i] = node(&l, &fired, i)
		}
		for _, n := range nodes[:3] {
			l.Link(n)
		}
		var out [4]bool
		linked := false
		x.Go(func() { out[1] = l.Unlink(nodes[1]); out[2] = l.Unlink(nodes[2]) })
		x.Go(func() { out[0] = l.Unlink(nodes[0]); linked = l.Link(nodes[3]) })
		x.Go(func() { l.Set() })
		x.Check(func() error {
			out[3] = !linked
			times := make([]int, 4)
			for _, i := range fired {
				times[i]++
			}
			for i, n := range times {
				if n > 1 || out[i] != (n == 0) {
					return is(false, "node %d: unlinked %v, fired %d times", i, out[i], n)
				}
			}
			return nil
		})
	})
}

// A stop that reports true has kept the function from starting, one that reports false
// has not (L5, S7).
func TestExplore_Callbacks(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		var l latch.Latch
		ran, stops := 0, 0
		x.Go(func() {
			stop := l.After(func() { mustf(x, l.IsSet(), "runs before it is set"); ran++ })
			for range 2 {
				if stop() {
					stops++
				}
			}
		})
		x.Go(func() { l.Set() })
		x.Go(func() { l.After(func() {})() })
		x.Check(func() error {
			if ran > 0 {
				return o.took("ran", ran == 1 && stops == 0, "%d times, stopped %d", ran, stops)
			}
			return o.took("stopped", stops == 1, "%d times", stops)
		})
	})
	o.all(t, "ran", "stopped")
}

// A reference is added where there is one, against the last that goes (L7).
func TestExplore_ReferAgainstTheLast(t *testing.T) {
	o := outcomes{}
	explore(t, 4, func(x *sched.X) {
		var l latch.Latch
		l.Word.Store(2 * latch.OneRef)
		referred, zero := 0, 0
		for range 2 {
			x.Go(func() {
				sched.Point("give up")
				if latch.Refs(l.Word.Add(latch.MinusRef)) == 0 {
					zero++
				}
			})
		}
		x.Go(func() {
			if l.Refer(latch.OneWait) {
				referred++
				mustf(x, zero == 0, "a reference again, after the last had gone")
			}
		})
		x.Check(func() error {
			return o.took(fmt.Sprint(referred), zero == 1-referred && latch.Refs(l.Word.Load()) == uint64(referred), "zero %d times", zero)
		})
	})
	o.all(t, "0", "1")
}
