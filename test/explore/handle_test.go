//go:build asyncexplore

package explore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// What handles do to each other, and one use of an object to the next.

// A result is taken or discarded, once (K3, K4).
func TestExplore_TakenOrDiscarded(t *testing.T) {
	w := outcomes{}
	explore(t, 3, func(x *sched.X) {
		discarded, taken := 0, 0
		p, c := async.NewPromise[int](bg, async.Discard(func(int, error) { discarded++ }))
		d := c.Clone()
		x.Go(func() { mustf(x, p.Complete(1, nil), "not completed") })
		x.Go(c.Release)
		x.Go(func() {
			switch _, err := d.Finish(); err {
			case nil:
				taken++
			case async.ErrCallPending:
				d.Release()
			default:
				mustf(x, false, "finish: %v", err)
			}
		})
		x.Check(func() error {
			if taken == 1 {
				return w.took("taken", discarded == 0, "and discarded %d", discarded)
			}
			return w.took("discarded", discarded == 1, "%d", discarded)
		})
	})
	w.all(t, "taken", "discarded")
}

// A wait in progress has a reference of its own: a Release does not disturb it,
// and the result it gets is not discarded (R5, R9).
func TestExplore_AwaitAgainstRelease(t *testing.T) {
	w := outcomes{}
	explore(t, 2, func(x *sched.X) {
		discarded := 0
		p, c := async.NewPromise[int](bg, async.CancelOnAbandon(), async.Discard(func(int, error) { discarded++ }))
		var won bool
		var v int
		var err error
		x.Go(func() { v, err = c.Await(bg) })
		x.Go(c.Release)
		x.Go(func() { won = p.Complete(1, nil) })
		x.Check(func() error {
			switch {
			case err == nil:
				return w.took("awaited", v == 1 && won && discarded == 0, "%d, won %v, discarded %d", v, won, discarded)
			case won:
				return w.took("discarded", err == async.ErrReleased && discarded == 1, "%v, discarded %d", err, discarded)
			}
			return w.took("abandoned", err == async.ErrReleased && discarded == 0, "%v, discarded %d", err, discarded)
		})
	})
	w.all(t, "awaited", "discarded", "abandoned")
}

// The last reference to go cancels, and no other (R9).
func TestExplore_CancelOnAbandon(t *testing.T) {
	w := outcomes{}
	explore(t, 3, func(x *sched.X) {
		p, c := async.NewPromise[int](bg, async.CancelOnAbandon())
		s := c.Signal()
		cloned := false
		x.Go(c.Release)
		x.Go(s.Release)
		x.Go(func() {
			defer func() { _ = recover() }() // released before
			d := s.Clone()
			cloned = true
			mustf(x, !d.IsSet() && p.Context().Err() == nil, "canceled, though there is a handle")
			d.Release()
		})
		x.Check(func() error {
			way := "released before"
			if cloned {
				way = "cloned"
			}
			return w.took(way, !p.Complete(1, nil) && context.Cause(p.Context()) == async.ErrAbandoned && c.IsDone(),
				"not canceled: %v", context.Cause(p.Context()))
		})
	})
	w.all(t, "cloned", "released before")
}

// Of two Begins one wins, and what was taken before is of its call (R1, R13).
func TestExplore_TwoBegins(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		var c async.Call[int]
		done := c.Done()
		var errs [2]error
		for i := range errs {
			x.Go(func() { errs[i] = c.Begin(bg, value(i, nil)) })
		}
		x.Go(func() { mustf(x, c.Wait(bg) == nil && isReady(done), "waited, and not done") })
		x.Check(func() error {
			v, err := c.Finish()
			return is(err == nil && errs[v] == nil && errs[1-v] == async.ErrCallPending, "%d %v: %v", v, err, errs)
		})
	})
}

// Of two who finish one gets the result, and a Begin between them has its own (R3).
func TestExplore_BeginAgain(t *testing.T) {
	w := outcomes{}
	explore(t, 3, func(x *sched.X) {
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
				mustf(x, q.Complete(10, nil), "the new call is complete already")
			}
		})
		x.Check(func() error {
			finish()
			if began {
				return w.took("begun", sum == 11, "%d", sum)
			}
			return w.took("pending", sum == 1, "%d", sum)
		})
	})
	w.all(t, "begun", "pending")
}

// What was taken of one generation stays that one's (R13).
func TestExplore_GenerationsStayApart(t *testing.T) {
	w := outcomes{}
	explore(t, 3, func(x *sched.X) {
		var c async.Call[int]
		p, _ := c.BeginPromise(bg)
		p.Complete(1, nil)
		var q *async.Promise[int]
		x.Go(func() {
			c.Finish()
			q, _ = c.BeginPromise(bg)
		})
		var s *async.Signal
		var old bool
		x.Go(func() {
			s = c.Signal()
			old = s.IsSet()
			done := c.Done()
			mustf(x, old || !isReady(done), "a channel of the old call after a signal of the new one")
			mustf(x, isReady(s.Done()) == old, "a signal and its channel differ")
		})
		x.Go(func() { c.IsDone(); c.IsDone() })
		x.Check(func() error {
			now := c.IsDone()
			way := "signal of the new call"
			if old {
				way = "signal of the old call"
			}
			ok := q != nil && !now && !isReady(c.Done()) && s.IsSet() == old && isReady(s.Done()) == old
			q.Complete(2, nil)
			return w.took(way, ok && c.IsDone() && s.IsSet(), "done %v, signal %v", now, s.IsSet())
		})
	})
	w.all(t, "signal of the new call", "signal of the old call")
}

// A clone is of the call that it was made of: it finishes for itself, or is
// finished as that was, or pending with the next (R3).
func TestExplore_CloneAgainstBeginAgain(t *testing.T) {
	w := outcomes{}
	explore(t, 4, func(x *sched.X) {
		var c async.Call[int]
		p, _ := c.BeginPromise(bg)
		p.Complete(1, nil)
		var d *async.Call[int]
		x.Go(func() {
			c.Finish()
			_, err := c.BeginPromise(bg)
			mustf(x, err == nil, "begin: %v", err)
		})
		x.Go(func() { d = c.Clone() })
		x.Check(func() error {
			v, err := d.Finish()
			_, cErr := c.Finish()
			switch err {
			case nil:
				return w.took("its own", v == 1 && cErr == async.ErrCallPending, "%d, %v", v, cErr)
			case async.ErrCallComplete:
				return w.took("finished", cErr == async.ErrCallPending, "%v", cErr)
			}
			return w.took("pending", err == async.ErrCallPending && cErr == err, "%v, %v", err, cErr)
		})
	})
	w.all(t, "its own", "finished", "pending")
}

// An Await says what was true of its handle: the result, the next one's, or that
// it was finished (R5).
func TestExplore_AwaitAgainstFinish(t *testing.T) {
	w := outcomes{}
	explore(t, 3, func(x *sched.X) {
		var c async.Call[int]
		p, _ := c.BeginPromise(bg)
		var v int
		var err error
		x.Go(func() { v, err = c.Await(bg) })
		x.Go(func() {
			p.Complete(1, nil)
			c.Finish()
			q, _ := c.BeginPromise(bg)
			q.Complete(2, nil)
		})
		x.Check(func() error {
			if errors.Is(err, async.ErrCallComplete) {
				return w.took("finished", true, "")
			}
			return w.took([]string{"", "old", "new"}[v], err == nil, "%v", err)
		})
	})
	w.all(t, "old", "new", "finished")
}

// Once a call was finished no Await returns its result, however Begin and Await
// fall together (R5, R13).
func TestExplore_AwaitAgainstBeginAgain(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		var c async.Call[int]
		p, _ := c.BeginPromise(bg)
		p.Complete(1, nil)
		c.Clone() // so that the old call has a handle for ever
		c.Finish()
		var v int
		var err error
		x.Go(func() { v, err = c.Await(bg) })
		x.Go(func() {
			q, _ := c.BeginPromise(bg)
			q.Complete(2, nil)
		})
		x.Check(func() error {
			if err == nil {
				return o.took("awaited", v == 2, "%d", v)
			}
			return o.took("finished", err == async.ErrCallComplete, "%v", err)
		})
	})
	o.all(t, "awaited", "finished")
}

// A result is handed out or discarded, and a panic raised once, where a handle is given
// up beside the one that takes the result: of a streaming call, and of a handle of Join
// (R9, K4, C5).
func TestExplore_TakenBesideARelease(t *testing.T) {
	for name, kind := range map[string]struct {
		join, clone, await, begin bool
	}{
		"streaming, Release":         {},
		"streaming, Begin":           {begin: true},
		"joined, Await, Release":     {join: true, await: true},
		"joined, Release of a clone": {join: true, clone: true},
	} {
		for _, panics := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", panics ", panics), func(t *testing.T) {
				w := outcomes{}
				explore(t, 2, func(x *sched.X) {
					handed, discarded, raised := 0, 0, 0
					opts := []async.Option{async.Discard(func(int, error) { discarded++ })}
					fn := func(context.Context) (int, error) {
						if panics {
							panic(errBoom)
						}
						return 1, nil
					}
					var c *async.Call[int]
					if kind.join {
						g := async.Group[string, int]{Options: opts}
						c = g.Join(bg, "k", fn)
					} else {
						c = async.Go(bg, fn, append(opts, async.Streaming())...)
					}
					_ = c.Wait(bg)
					other := c
					if kind.clone {
						other = c.Clone()
					}
					count := func(f func()) {
						if recovered(f) != nil {
							raised++
						}
					}
					x.Go(func() {
						count(func() {
							take := c.Finish
							if kind.await {
								take = func() (int, error) { return c.Await(bg) }
							}
							if v, err := take(); v == 1 && err == nil {
								handed++
							}
						})
					})
					x.Go(func() {
						if kind.begin {
							_ = c.Begin(bg, value(0, errBoom))
							return
						}
						count(other.Release)
					})
					x.Check(func() error {
						count(c.Release)
						synctest.Wait()
						return w.took(fmt.Sprint(handed, discarded, raised), handed+discarded+raised == 1, "handed out, discarded, raised")
					})
				})
			})
		}
	}
}

// methodsThatTakeOne are the methods of Calls that return results before all calls are
// complete.
var methodsThatTakeOne = map[string]func(cs async.Calls[int]) (taken bool){
	"Race":   func(cs async.Calls[int]) bool { _, v, err := cs.Race(bg); return v == 1 && err == nil },
	"Any":    func(cs async.Calls[int]) bool { _, v, err := cs.Any(bg); return v == 1 && err == nil },
	"Quorum": func(cs async.Calls[int]) bool { _, vs, err := cs.Quorum(bg, 1); return len(vs) == 1 && err == nil },
}

// A method of Calls that raises the panic of another member takes no result along (R9).
func TestExplore_AnotherMembersPanic(t *testing.T) {
	for name, method := range methodsThatTakeOne {
		t.Run(name, func(t *testing.T) {
			w := outcomes{}
			explore(t, 2, func(x *sched.X) {
				handed, discarded, raised := 0, 0, 0
				winner := async.Go(bg, value(1, nil), async.Discard(func(int, error) { discarded++ }))
				other := async.Go(bg, func(context.Context) (int, error) { panic(errBoom) })
				_ = async.WaitAll(bg, winner, other)
				count := func(f func()) {
					if recovered(f) != nil {
						raised++
					}
				}
				x.Go(func() {
					count(func() {
						if method(async.Calls[int]{winner, other}) {
							handed++
						}
					})
				})
				x.Go(func() { count(other.Release) })
				x.Check(func() error {
					winner.Release()
					synctest.Wait()
					return w.took(fmt.Sprint(handed, discarded, raised), handed+discarded == 1 && raised == 1, "handed out, discarded, raised")
				})
			})
			w.all(t, "1 0 1", "0 1 1")
		})
	}
}
