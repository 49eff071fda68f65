//go:build asyncexplore

package latch_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// A queue, its members and its takers.

// Two takers and one that adds: each member comes out once, and no taker sleeps while
// there is something to take, or nothing is to come (Q1, Q3, Q4).
func TestExplore_QueueWithTwoTakers(t *testing.T) {
	w := outcomes{}
	explore(t, 2, func(x *sched.X) {
		var o owner
		var a, b latch.Latch
		o.add(1, &a)
		var got []int
		empty := 0
		take := func() {
			switch key, out := o.next(bg); out {
			case latch.Taken:
				mustf(x, key == 1 && a.IsSet() || key == 2 && b.IsSet(), "%d is not complete", key)
				got = append(got, key)
			case latch.Empty:
				empty++
			default:
				mustf(x, false, "%v", out)
			}
		}
		x.Go(take)
		x.Go(func() { o.add(2, &b); take(); take() })
		x.Go(func() { b.Set(); a.Set() })
		x.Check(func() error {
			all := slices.Sorted(slices.Values(got))
			ok := slices.Equal(all, []int{1, 2}) && o.q.Len() == 0 && empty == 1
			return w.took(fmt.Sprint(got), ok, "%d found it empty, all %v, %d left", empty, all, o.q.Len())
		})
	})
	w.all(t, "[1 2]", "[2 1]")
}

// A completion that is seen is in the queue (L6).
func TestExplore_QueueHasWhatIsSeen(t *testing.T) {
	explore(t, 4, func(x *sched.X) {
		var o owner
		var l latch.Latch
		done := l.Done()
		o.add(1, &l)
		taken := 0
		look := func(seen bool, how string) {
			if !seen {
				return
			}
			_, ok := o.tryNext()
			mustf(x, ok != (taken > 0), "seen by %s, taken %v, taken before %d", how, ok, taken)
			if taken = 1; ok {
				mustf(x, isReady(done) && l.IsSet(), "taken, and not set")
			}
		}
		x.Go(func() { l.Set() })
		x.Go(func() { look(isReady(done), "Done"); look(l.IsSet(), "IsSet") })
		x.Check(func() error { look(true, "Set"); return nil })
	})
}

// A completion that came out of one queue is in the other, and can be seen (L4, L6).
func TestExplore_TwoQueues(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		var l latch.Latch
		var a, b owner
		a.add(1, &l)
		b.add(1, &l)
		x.Go(func() { l.Set() })
		x.Go(func() {
			if _, ok := a.tryNext(); ok {
				_, ok := b.tryNext()
				mustf(x, (ok || b.q.Len() == 0) && l.IsSet(), "taken of one queue, and in the other: %v", ok)
			}
		})
		x.Go(func() {
			if _, out := b.next(bg); out == latch.Taken {
				_, ok := a.tryNext()
				mustf(x, (ok || a.q.Len() == 0) && l.IsSet(), "taken of one queue, and in the other: %v", ok)
			}
		})
	})
}

// A taker finds the channel closed, however early the completion was entered (L4, L6).
func TestExplore_TakenIsComplete(t *testing.T) {
	explore(t, 4, func(x *sched.X) {
		var o owner
		var l latch.Latch
		done := l.Done()
		o.add(1, &l)
		x.Go(func() { l.Set() })
		x.Go(func() {
			_, out := o.next(bg)
			closed := isReady(done) // before anything that would wait for it
			mustf(x, out == latch.Taken && closed && l.IsSet(), "%v, closed %v", out, closed)
		})
	})
}

// A Next that gives up takes no wake-up along that another needs, and takes what was
// complete before its end (Q4, R6).
func TestExplore_QueueGivesUp(t *testing.T) {
	w := outcomes{}
	explore(t, 1, func(x *sched.X) {
		var o owner
		var l, m latch.Latch
		o.add(1, &l)
		o.add(2, &m)
		ctx, cancel := context.WithCancel(bg)
		inTime := false
		var first, second latch.Outcome
		x.Go(func() { _, first = o.next(ctx) })
		x.Go(func() { _, second = o.next(bg) })
		x.Go(func() { l.Set(); inTime = ctx.Err() == nil; m.Set(); inTime = inTime && ctx.Err() == nil })
		x.Go(cancel)
		x.Check(func() error {
			if first == latch.Taken {
				return w.took("both", second == latch.Taken && o.q.Len() == 0, "%v, %d left", second, o.q.Len())
			}
			return w.took("one", first == latch.Ended && second == latch.Taken && o.q.Len() == 1 && !inTime, "%v, %v, %d left", first, second, o.q.Len())
		})
	})
	w.all(t, "both", "one")
}

// Withdraw empties the queue of what was added before. A member that is added after it
// comes out, one that was in it never does, and no latch holds such a member (Q2, S5).
func TestExplore_WithdrawAgainstAdd(t *testing.T) {
	w := outcomes{}
	explore(t, 3, func(x *sched.X) {
		var o owner
		var old, l latch.Latch
		o.add(7, &old)
		withdrawn, added := false, false
		var before, after bool
		x.Go(func() { after = withdrawn; o.add(1, &l); added = true })
		x.Go(func() { before = added; o.withdraw(); withdrawn = true })
		x.Go(func() { old.Set() })
		x.Check(func() error {
			n := o.q.Len()
			_, linked := l.Census(9)
			l.Set()
			left := o.rest()
			ok := n == linked && n == len(left) && !slices.Contains(left, 7)
			switch {
			case before:
				return w.took("added before", ok && n == 0, "%d, %d linked, %v", n, linked, left)
			case after:
				return w.took("added after", ok && n == 1, "%d, %d linked, %v", n, linked, left)
			}
			return w.took(fmt.Sprint("meanwhile, ", n, " left"), ok, "%d linked, %v", linked, left)
		})
	})
	w.all(t, "added before", "added after", "meanwhile, 0 left", "meanwhile, 1 left")
}

// A Next that waits returns when the queue is withdrawn (Q3).
func TestExplore_WithdrawWakes(t *testing.T) {
	w := outcomes{}
	explore(t, 3, func(x *sched.X) {
		var o owner
		var l latch.Latch
		o.add(1, &l)
		var out latch.Outcome
		x.Go(func() { _, out = o.next(bg) })
		x.Go(o.withdraw)
		x.Go(func() { l.Set() })
		x.Check(func() error {
			return w.took(out.String(), out != latch.Ended && o.q.Len() == 0, "%d left", o.q.Len())
		})
	})
	w.all(t, "taken", "empty")
}

// Two latches that are set one after the other come out in that order, however they are
// told (Q5, L6).
func TestExplore_TheOrderOfCompletion(t *testing.T) {
	explore(t, 3, func(x *sched.X) {
		var o owner
		var a, b latch.Latch
		o.add(1, &a)
		o.add(2, &b)
		x.Go(func() { a.Set() })
		x.Go(func() {
			inOrder := a.IsSet()
			b.Set()
			if got := o.rest(); inOrder {
				mustf(x, slices.Equal(got, []int{1, 2}), "%v", got)
			}
		})
	})
}

// A context comes out once it has ended, though a goroutine tells of the end (R6).
func TestExplore_QueueWithContext(t *testing.T) {
	explore(t, 4, func(x *sched.X) {
		var o owner
		ctx, cancel := context.WithCancel(bg)
		x.Go(func() { o.addContext(1, ctx) })
		x.Go(func() { cancel() })
		x.Go(func() {
			ended := ctx.Err() != nil
			if n := o.q.Len(); n == 1 && ended {
				key, ok := o.tryNext()
				mustf(x, ok && key == 1, "ended, and not taken")
				o.addContext(1, ctx)
			}
		})
		x.Check(func() error {
			key, out := o.next(bg)
			return is(key == 1 && out == latch.Taken && o.q.Len() == 0, "%d, %v, %d left", key, out, o.q.Len())
		})
	})
}
