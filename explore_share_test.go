//go:build asyncexplore

package async_test

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
