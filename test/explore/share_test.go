//go:build asyncexplore

package explore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// Runs that are shared: who comes, who leaves, and what they get.

// When the last leaves, the run is doomed, and a newcomer gets a fresh one: never
// the old cancellation (H1).
func TestExplore_GroupLastLeaverAgainstNewcomer(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		var g async.Group[string, int]
		ctx, cancel := context.WithCancelCause(bg)
		runs, abandoned := 0, 0
		var left error
		var shared [2]bool
		x.Go(func() {
			_, left, shared[0] = g.Do(ctx, "k", func(ctx context.Context) (int, error) {
				runs++
				sched.Point("run of the first")
				if err := context.Cause(ctx); err != nil {
					mustf(x, errors.Is(err, async.ErrAbandoned), "ended with %v", err)
					abandoned++
					return 0, err
				}
				return 1, nil
			})
		})
		x.Go(func() { cancel(errBoom) })
		x.Go(func() {
			v, err, sh := g.Do(bg, "k", func(context.Context) (int, error) { runs++; return 1, nil })
			mustf(x, v == 1 && err == nil, "the newcomer got %v, %v", v, err)
			shared[1] = sh
		})
		x.Check(func() error {
			ok := (left == nil || errors.Is(left, errBoom)) && (left != nil || shared[0] == shared[1]) && (!shared[1] || left == nil)
			return o.took(fmt.Sprintf("left %v, shared %v, abandoned %d", left != nil, shared[1], abandoned), ok && runs <= 2, "%v, %v, %d runs", left, shared, runs)
		})
	})
	o.all(t, "left false, shared true, abandoned 0", "left false, shared false, abandoned 0",
		"left true, shared false, abandoned 0", "left true, shared false, abandoned 1")
}

// Runs that wait for a slot: the first caller leaves, a newcomer has a run of his own
// or shares that which goes on, and the scope ends. Nobody gets the cancellation of
// another, and the scope ends with nothing left (H1, C1, C3).
func TestExplore_GroupInAScope(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		g := async.Group[string, int]{Options: []async.Option{s}}
		var free async.Event
		busy := async.Go(bg, func(context.Context) (int, error) { <-free.Done(); return 0, nil }, s)
		ctx, cancel := context.WithCancel(bg)
		down := false
		run := func(context.Context) (int, error) {
			mustf(x, !down, "runs after the shutdown")
			sched.Point("in the run")
			return 1, nil
		}
		var v [2]int
		var err [2]error
		x.Go(func() { v[0], err[0], _ = g.Do(ctx, "k", run) })
		x.Go(func() { cancel(); free.Set(); busy.Release() })
		x.Go(func() { v[1], err[1], _ = g.Do(bg, "k", run) })
		x.Go(func() { mustf(x, s.Shutdown(bg) == nil, "not shut down"); down = true })
		x.Check(func() error {
			st := s.Stats()
			way, ok := "", st.Pending+st.Running+st.Queued+st.Untaken == 0
			for i, e := range err {
				switch {
				case e == nil && v[i] == 1:
					way += "got it "
				case e == async.ErrScopeClosed:
					way += "refused "
				case i == 0 && errors.Is(e, context.Canceled) && !errors.Is(e, async.ErrAbandoned):
					way += "left "
				default:
					ok = false
				}
			}
			return o.took(way, ok, "%v, %v, %+v", v, err, st)
		})
	})
	o.all(t, "got it got it ", "left got it ", "refused refused ", "got it refused ", "left refused ", "refused got it ")
}

// A scope that cancels what is left cancels a run that waits for a slot: all who
// share it are told by which, and who comes then is refused (H1, C3).
func TestExplore_GroupInAScopeThatGivesUp(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		g := async.Group[string, int]{Options: []async.Option{s}}
		var free async.Event
		busy := async.Go(bg, func(context.Context) (int, error) { <-free.Done(); return 0, nil }, s)
		ended, cancel := context.WithCancel(bg)
		cancel()
		ran := 0
		run := func(context.Context) (int, error) { ran++; return 1, nil }
		var shared [2]bool
		var err [2]error
		for i := range err {
			x.Go(func() { _, err[i], shared[i] = g.Do(bg, "k", run) })
		}
		x.Go(func() {
			var left *async.ShutdownError
			mustf(x, errors.As(s.Shutdown(ended), &left), "nothing was left")
		})
		x.Check(func() error {
			free.Set()
			busy.Release()
			way, ok := "", s.Shutdown(bg) == nil && ran == 0
			st := s.Stats()
			for i, e := range err {
				switch {
				case e == async.ErrScopeClosed:
					way += "refused "
				case errors.Is(e, async.ErrCanceled) && errors.Is(e, async.ErrScopeClosed):
					way += "canceled "
					if shared[i] {
						way += "with the other "
					}
				default:
					ok = false
				}
			}
			return o.took(way, ok, "%v, %+v", err, st)
		})
	})
	o.all(t, "refused refused ", "refused canceled ", "canceled refused ", "canceled with the other canceled with the other ")
}

// To cancel a handle of Join is to leave: the outcome is what Cancel said, and the
// others get theirs (H1).
func TestExplore_JoinCancelAgainstCompletion(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		discarded := 0
		g := async.Group[string, int]{Options: []async.Option{async.Discard(func(int, error) { discarded++ })}}
		run := func(ctx context.Context) (int, error) {
			sched.Point("in the run")
			if err := context.Cause(ctx); err != nil {
				mustf(x, errors.Is(err, async.ErrAbandoned), "ended with %v", err)
				return 0, err
			}
			return 1, nil
		}
		var v int
		var canceled, err error
		x.Go(func() {
			c := g.Join(bg, "k", run)
			d := c.Clone()
			go func() { canceled = d.Cancel(errBoom); d.Release() }()
			v, err = c.Await(bg)
			c.Release()
		})
		joined := 0
		x.Go(func() {
			w, err, _ := g.Do(bg, "k", run)
			mustf(x, w == 1 && err == nil, "the other got %v, %v", w, err)
			joined++
		})
		x.Check(func() error {
			if canceled == nil {
				return o.took("canceled", errors.Is(err, errBoom) && joined == 1, "%v %v, discarded %d", v, err, discarded)
			}
			return o.took("completed", canceled == async.ErrCallComplete && v == 1 && err == nil && discarded == 0 && joined == 1,
				"%v, %v %v, discarded %d", canceled, v, err, discarded)
		})
	})
	o.all(t, "completed", "canceled")
}

// All who get a lazy value get the same, of one run; a cancellation is neither kept
// nor seen by another (H2).
func TestExplore_LazyFirstGetters(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		runs, ended := 0, 0
		l := async.NewLazy(func(ctx context.Context) (int, error) {
			runs++
			n := runs
			sched.Point("making the value")
			if ctx.Err() != nil {
				return 0, context.Cause(ctx)
			}
			ended++
			return n, nil
		})
		ctx, cancel := context.WithCancel(bg)
		var first int
		var err error
		x.Go(func() { first, err = l.Get(ctx) })
		x.Go(cancel)
		x.Go(func() {
			v, err := l.Get(bg)
			peeked, ok := l.Peek()
			mustf(x, err == nil && ok && v == peeked, "%d, %v; then %d, %v", v, err, peeked, ok)
		})
		x.Check(func() error {
			v, ok := l.Peek()
			way := "left"
			if err == nil {
				way = "stayed"
			}
			ok = ok && runs <= 2 && (err == nil && first == v || errors.Is(err, context.Canceled) && first == 0)
			return o.took(way, ok, "%d, %v; kept %d of %d runs", first, err, v, runs)
		})
	})
	o.all(t, "left", "stayed")
}
