//go:build asyncexplore

package explore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// A set, its members and its takers.

// rest takes what is complete in the set.
func rest(s *async.Set[int]) (keys []int) {
	for {
		key, ok := s.TryNext()
		if !ok {
			return keys
		}
		keys = append(keys, key)
	}
}

// Two takers and one who adds: each key comes out once, and nobody sleeps while
// there is something or nothing is to come (Q1, Q3, Q4, W4).
func TestExplore_SetWithTwoTakers(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		var s async.Set[int]
		var a, b async.Event
		s.Add(1, &a)
		var got []int
		empty := 0
		take := func() {
			switch key, err := s.Next(bg); err {
			case nil:
				mustf(x, key == 1 && a.IsSet() || key == 2 && b.IsSet(), "%d is not complete", key)
				got = append(got, key)
			case async.ErrNothingToWait:
				empty++
			default:
				mustf(x, false, "next: %v", err)
			}
		}
		x.Go(take)
		x.Go(func() { s.Add(2, &b); take(); take() })
		x.Go(func() { b.Set(); a.Set() })
		x.Check(func() error {
			all := slices.Sorted(slices.Values(got))
			ok := slices.Equal(all, []int{1, 2}) && s.Len() == 0 && empty == 1
			return o.took(fmt.Sprint(got), ok, "%d found it empty, all %v, %d left", empty, all, s.Len())
		})
	})
	o.all(t, "[1 2]", "[2 1]")
}

// What is seen to be complete is in every set it was added to (L6).
func TestExplore_SetHasWhatIsSeen(t *testing.T) {
	explore(t, 4, func(x *sched.X) {
		var s async.Set[int]
		var e async.Event
		done := e.Done()
		s.Add(1, &e)
		taken := 0
		look := func(seen bool, how string) {
			if !seen {
				return
			}
			_, ok := s.TryNext()
			mustf(x, ok != (taken > 0), "seen by %s, taken %v, taken before %d", how, ok, taken)
			if taken = 1; ok {
				mustf(x, e.IsSet() && isReady(done), "taken, and not set")
			}
		}
		x.Go(func() { e.Set() })
		x.Go(func() { look(isReady(done), "Done"); look(e.IsSet(), "IsSet") })
		x.Check(func() error { look(true, "Set"); return nil })
	})
}

// What came out of one set is in the other, too (L6).
func TestExplore_TwoSets(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		var e async.Event
		var a, b async.Set[int]
		a.Add(1, &e)
		b.Add(1, &e)
		x.Go(func() { e.Set() })
		x.Go(func() {
			if _, ok := a.TryNext(); ok {
				_, ok := b.TryNext()
				mustf(x, (ok || b.Len() == 0) && e.IsSet(), "taken of one set, and in the other: %v", ok)
			}
		})
		x.Go(func() {
			if _, err := b.Next(bg); err == nil {
				_, ok := a.TryNext()
				mustf(x, (ok || a.Len() == 0) && e.IsSet(), "taken of one set, and in the other: %v", ok)
			}
		})
	})
}

// Who takes a completion finds it complete, however early it was entered.
func TestExplore_SetTakenIsComplete(t *testing.T) {
	explore(t, 4, func(x *sched.X) {
		var s async.Set[int]
		p, c := async.NewPromise[int](bg)
		done := c.Done()
		s.Add(1, c)
		x.Go(func() { p.Complete(1, nil) })
		x.Go(func() {
			_, err := s.Next(bg)
			closed := isReady(done) // before anything that would wait for it
			v, fErr := c.Finish()
			mustf(x, err == nil && closed && v == 1 && fErr == nil, "next %v, closed %v, finish %d %v", err, closed, v, fErr)
		})
	})
}

// A Next that gives up takes no wake-up along that another needs, and what was
// complete before its context ended it takes (R6, Q4).
func TestExplore_SetNextGivesUp(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		var s async.Set[int]
		var e, f async.Event
		s.Add(1, &e)
		s.Add(2, &f)
		ctx, cancel := context.WithCancel(bg)
		inTime := false
		var first, second error
		x.Go(func() { _, first = s.Next(ctx) })
		x.Go(func() { _, second = s.Next(bg) })
		x.Go(func() { e.Set(); inTime = ctx.Err() == nil; f.Set(); inTime = inTime && ctx.Err() == nil })
		x.Go(cancel)
		x.Check(func() error {
			if first == nil {
				return o.took("both", second == nil && s.Len() == 0, "%v, %d left", second, s.Len())
			}
			return o.took("one", second == nil && s.Len() == 1 && !inTime && errors.Is(first, context.Canceled), "%v, %v, %d left", first, second, s.Len())
		})
	})
	o.all(t, "both", "one")
}

// One taker selects over the channels of a set for all. Whoever leaves hands that on, also where
// the next one leaves at the same moment: the last hears of the channel (Q4, W4).
func TestExplore_SetNextHandsTheChannelOn(t *testing.T) {
	explore(t, 1, func(x *sched.X) {
		ctx, cancel := context.WithCancel(bg)
		ch := make(chan struct{})
		set := new(async.Set[int])
		set.Add(1, async.Chan(ch))
		var first, second async.Event
		leave := func(left *async.Event) {
			_, err := set.Next(ctx)
			mustf(x, errors.Is(err, context.Canceled), "one that leaves: %v", err)
			left.Set()
		}
		x.Go(func() { leave(&first) })
		x.Go(func() { leave(&second) })
		x.Go(func() {
			key, err := set.Next(bg)
			mustf(x, key == 1 && err == nil, "the last: %d, %v", key, err)
		})
		x.Go(func() {
			cancel()
			mustf(x, async.WaitAll(bg, &first, &second) == nil, "they did not leave")
			close(ch)
		})
	})
}

// Release empties the set of what was added before; what is added after it comes
// out, and nothing that was in it ever does (Q2, W4).
func TestExplore_SetReleaseAgainstAdd(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		var s async.Set[int]
		var old, e async.Event
		s.Add(7, &old)
		released, adding, added := false, false, false
		var before, after bool
		x.Go(func() {
			after = released
			adding = true
			s.Add(1, &e)
			added = true
		})
		x.Go(func() {
			before = added
			concurrent := adding
			s.Release()
			released = true
			mustf(x, !concurrent || !before || s.Len() <= 1, "%d left", s.Len())
		})
		x.Go(func() { old.Set(); e.Set() })
		x.Check(func() error {
			n := s.Len()
			left := rest(&s)
			s.Add(9, &e)
			key, err := s.Next(bg)
			ok := n == len(left) && s.Len() == 0 && key == 9 && err == nil && !slices.Contains(left, 7)
			switch {
			case before:
				return o.took("added before", ok && n == 0, "%d, %v; then %d, %v", n, left, key, err)
			case after:
				return o.took("added after", ok && slices.Equal(left, []int{1}), "%d, %v; then %d, %v", n, left, key, err)
			case n == 0:
				return o.took("meanwhile, and out", ok, "then %d, %v", key, err)
			}
			return o.took("meanwhile, and in", ok && slices.Equal(left, []int{1}), "%d, %v; then %d, %v", n, left, key, err)
		})
	})
	o.all(t, "added before", "added after", "meanwhile, and out", "meanwhile, and in")
}

// Release unlinks what an Add links meanwhile: a call that lives on is not held by
// a set that has forgotten it (S5).
func TestExplore_SetReleaseUnlinks(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		scope := async.NewScope(async.ScopeOptions{})
		p, c := async.NewPromise[int](bg, scope)
		var s async.Set[int]
		x.Go(func() { s.Add(1, c) })
		x.Go(func() { s.Release() })
		x.Check(func() error {
			waiters := -1
			for info := range scope.InFlight() {
				waiters = info.Waiters
			}
			p.Complete(1, nil)
			return o.took(fmt.Sprint(waiters), s.Len() == waiters, "%d in the set", s.Len())
		})
	})
	o.all(t, "0", "1")
}

// A Next that waits returns when the set is released (Q3).
func TestExplore_SetReleaseWakes(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		var s async.Set[int]
		var e async.Event
		s.Add(1, &e)
		var err error
		x.Go(func() { _, err = s.Next(bg) })
		x.Go(func() { s.Release() })
		x.Go(func() { e.Set() })
		x.Check(func() error {
			if err == nil {
				return o.took("taken", s.Len() == 0, "%d left", s.Len())
			}
			return o.took("released", err == async.ErrNothingToWait && s.Len() == 0, "%v, %d left", err, s.Len())
		})
	})
	o.all(t, "taken", "released")
}

// A context in a set comes out once it has ended, though the word of that comes by
// a goroutine (R6).
func TestExplore_SetWithContext(t *testing.T) {
	explore(t, 4, func(x *sched.X) {
		var s async.Set[int]
		ctx, cancel := context.WithCancel(bg)
		x.Go(func() { s.Add(1, ctx) })
		x.Go(func() {
			cancel()
		})
		x.Go(func() {
			ended := ctx.Err() != nil
			if n := s.Len(); n == 1 && ended {
				key, ok := s.TryNext()
				mustf(x, ok && key == 1, "ended, and not taken")
				s.Add(1, ctx)
			}
		})
		x.Check(func() error {
			key, err := s.Next(bg)
			return is(key == 1 && err == nil && s.Len() == 0, "%d, %v, %d left", key, err, s.Len())
		})
	})
}
