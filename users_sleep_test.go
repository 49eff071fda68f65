package async_test

// Sleep, the wait for a time that lends the slot.

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

func TestC2_SleepLendsTheSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		start := time.Now()
		sleeps := func(ctx context.Context) (time.Duration, error) {
			err := async.Sleep(ctx, time.Second)
			return time.Since(start), err
		}
		calls := async.GoEach(t.Context(), make([]int, 100), func(ctx context.Context, _ int) (time.Duration, error) { return sleeps(ctx) }, s)
		defer calls.Release()
		synctest.Wait()
		stats := s.Stats()
		wantEq(t, "asleep", stats.Lent, int64(100))
		took, err := calls.All(t.Context())
		wantEq(t, "error", err, nil)
		for _, d := range took {
			wantEq(t, "slept", d, time.Second)
		}
	})
}

// One nanosecond before the time, at the time, and what ends first.
func TestC2_SleepEnds(t *testing.T) {
	for name, test := range map[string]struct {
		sleep, timeout time.Duration
		took           time.Duration
		over           bool
	}{
		"the time is up":               {time.Second, time.Minute, time.Second, true},
		"one nanosecond before":        {time.Second, time.Second + 1, time.Second, true},
		"both at once (R6)":            {time.Second, time.Second, time.Second, true},
		"the context ends before":      {time.Second, time.Second - 1, time.Second - 1, false},
		"zero":                         {0, time.Second, 0, true},
		"negative":                     {-time.Second, time.Second, 0, true},
		"zero, and ctx is done":        {0, 0, 0, false},
		"negative, and ctx is done":    {-1, 0, 0, false},
		"a time, and ctx is done":      {time.Second, 0, 0, false},
		"for ever, and the ctx is not": {1<<63 - 1, time.Hour, time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), test.timeout, errBoom)
				defer cancel()
				start := time.Now()
				err := async.Sleep(ctx, test.sleep)
				wantEq(t, "took", time.Since(start), test.took)
				if test.over {
					wantEq(t, "error", err, nil)
					return
				}
				wantIs(t, err, context.DeadlineExceeded, errBoom, async.ErrCallPending)
				if _, ok := errors.AsType[*async.WaitError](err); !ok {
					t.Errorf("error is a %T", err)
				}
			})
		})
	}
}

// A sleep whose time is up while the function waits for its slot is over, also where the
// context has ended the sleep before.
func TestR6_SleepLooksAgainWhenItHasItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		sleeper := async.Go(t.Context(), func(ctx context.Context) (int, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return 0, async.Sleep(ctx, 2*time.Second)
		}, s)
		defer sleeper.Release()
		synctest.Wait()
		busy := async.Go(t.Context(), func(context.Context) (int, error) {
			time.Sleep(3 * time.Second) // keeps the slot
			return 0, nil
		}, s)
		defer busy.Release()
		_, err := sleeper.Await(t.Context())
		wantEq(t, "error", err, nil)
	})
}

func TestC2_SleepLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	cancel()
	wantFlat(t, "sleeps", func() {
		for range rounds(10_000) {
			_ = async.Sleep(bg, 1)
			_ = async.Sleep(ctx, time.Hour)
		}
	})
	wantPanic(t, "nil context", "nil context", func() { _ = async.Sleep(nil, 0) }) //nolint:staticcheck // the misuse itself
}
