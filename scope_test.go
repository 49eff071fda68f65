package async_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// Ten levels of calls that wait for calls end under a limit of one (C2).
func TestC2_NestingUnderALimitOfOne(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	var running, most atomic.Int64
	enter := func() { most.Store(max(most.Load(), running.Add(1))) }
	leave := func() { running.Add(-1) }
	var nest func(ctx context.Context, depth int) (int, error)
	nest = func(ctx context.Context, depth int) (int, error) {
		enter()
		defer leave()
		if depth == 0 {
			return 0, nil
		}
		c := async.Go(ctx, func(ctx context.Context) (int, error) { return nest(ctx, depth-1) }, s)
		defer c.Release()
		leave()
		n, err := c.Await(ctx)
		enter()
		return n + 1, err
	}
	n, err := async.Go(bg, func(ctx context.Context) (int, error) { return nest(ctx, 10) }, s).Await(bg)
	wantEq(t, "depth", n, 10)
	wantEq(t, "error", err, nil)
	wantEq(t, "running at once", most.Load(), int64(1))
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	st := s.Stats()
	wantEq(t, "stats", st, async.Stats{Begun: 11, Returned: 11, Taken: 11})
}

func TestC1_QueuedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: 3})
		var order []int
		var cs []*async.Call[int]
		for i := range 5 {
			cs = append(cs, async.Go(bg, func(context.Context) (int, error) {
				order = append(order, i)
				time.Sleep(time.Second)
				return i, nil
			}, s))
		}
		_, err := cs[4].Await(bg)
		wantEq(t, "the fifth", err, async.ErrQueueFull)
		ctx, cancel := context.WithTimeout(bg, 1500*time.Millisecond)
		defer cancel()
		err = s.Shutdown(ctx)
		var se *async.ShutdownError
		if !errors.As(err, &se) || len(se.Left) != 3 {
			t.Fatal(err)
		}
		t.Log(err)
		synctest.Wait()
		wantEq(t, "ran", len(order), 2)
		wantEq(t, "again", s.Shutdown(bg), nil)
		t.Logf("%+v", s.Stats())
	})
}
