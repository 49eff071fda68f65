// Package over waits for what is over by then: no such wait lasts. Nothing is wrong in it.
package over

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async"
)

func work(context.Context) (int, error)              { return 1, nil }
func get(ctx context.Context, u string) (int, error) { return len(u), nil }

// --- in a function of a scope, by a context that is not its own

func canceled(ctx context.Context, s *async.Scope) *async.Call[int] {
	return async.Go(ctx, func(own context.Context) (int, error) {
		inner := async.Go(own, work, s)
		defer func() {
			inner.Cancel(nil)
			_, _ = inner.Await(context.Background())
		}()
		return 1, inner.Wait(own)
	}, s)
}

func allCanceled(ctx context.Context, s *async.Scope, urls []string) *async.Call[int] {
	return async.Go(ctx, func(own context.Context) (n int, err error) {
		calls := async.GoEach(own, urls, get, s)
		defer calls.Release()
		_, n, err = calls.Any(own)
		calls.Cancel(nil)
		results, _ := calls.Settle(context.Background())
		return n + len(results), err
	}, s)
}

func waited(ctx context.Context, s *async.Scope, other *async.Call[int]) *async.Call[int] {
	return async.Go(ctx, func(own context.Context) (int, error) {
		if err := other.Wait(own); err != nil {
			return 0, err
		}
		return other.Await(context.Background())
	}, s)
}

func asked(ctx context.Context, s *async.Scope, other *async.Call[int]) *async.Call[int] {
	return async.Go(ctx, func(own context.Context) (int, error) {
		if !other.IsDone() {
			return 0, errors.New("not yet")
		}
		<-other.Done()
		return other.Await(ctx)
	}, s)
}

func inOrder(ctx context.Context, s *async.Scope) *async.Call[int] {
	return async.Go(ctx, func(own context.Context) (n int, err error) {
		var set async.Set[*async.Call[int]]
		defer set.Release()
		for range 3 {
			call := async.Go(own, work, s)
			set.Add(call, call)
		}
		for call := range set.All(own) {
			m, err := call.Await(context.Background())
			if err != nil {
				return 0, err
			}
			n += m
		}
		next, err := set.Next(own)
		if err == nil {
			return next.Await(context.Background())
		}
		return n, own.Err()
	}, s)
}

func byNumber(ctx context.Context, s *async.Scope, calls []*async.Call[int]) *async.Call[int] {
	return async.Go(ctx, func(own context.Context) (n int, err error) {
		var set async.Set[int]
		defer set.Release()
		for i, call := range calls {
			set.Add(i, call)
		}
		for i := range set.All(own) {
			m, _ := calls[i].Await(context.Background())
			n += m
		}
		return n, own.Err()
	}, s)
}

func oneOf(ctx context.Context, s *async.Scope) *async.Call[int] {
	return async.Go(ctx, func(own context.Context) (int, error) {
		a, b := async.Go(own, work, s), async.Go(own, work, s)
		defer a.Release()
		defer b.Release()
		i, err := async.WaitAny(own, a, b)
		switch {
		case err != nil:
			return 0, err
		case i == 0:
			return a.Await(context.Background())
		default:
			return b.Await(context.Background())
		}
	}, s)
}

func allOf(ctx context.Context, s *async.Scope) *async.Call[int] {
	return async.Go(ctx, func(own context.Context) (int, error) {
		a, b := async.Go(own, work, s), async.Go(own, work, s)
		defer a.Release()
		defer b.Release()
		err := async.WaitAll(own, a, b)
		if err != nil {
			return 0, err
		}
		x, err := a.Await(context.Background())
		y, err2 := b.Await(context.Background())
		return x + y, errors.Join(err, err2)
	}, s)
}

func events(ctx context.Context, s *async.Scope, event, other *async.Event) *async.Call[int] {
	return async.Go(ctx, func(own context.Context) (int, error) {
		if other.Set(); other.IsSet() {
			<-other.Done()
		}
		if err := event.Wait(own); err != nil {
			return 0, err
		}
		return 1, event.Wait(context.Background())
	}, s)
}

func ready(ctx context.Context, s *async.Scope) *async.Call[int] {
	return async.Go(ctx, func(own context.Context) (int, error) {
		n, _ := async.Ready(1, nil).Await(context.Background())
		known := async.Ready(n, nil)
		promise, call := async.NewPromise[int](own, s)
		promise.Complete(1, nil)
		_, _ = call.Await(context.Background())
		return known.Await(context.Background())
	}, s)
}

func withGrace(ctx context.Context, s *async.Scope, other *async.Call[int]) *async.Call[int] {
	return async.Go(ctx, func(own context.Context) (int, error) {
		grace, cancel := context.WithTimeout(context.WithoutCancel(own), time.Second)
		defer cancel()
		_ = other.CancelWait(grace, nil)
		return readNow(other)
	}, s)
}

func readNow(call *async.Call[int]) (int, error) {
	if !call.IsDone() {
		return 0, async.ErrCallPending
	}
	return call.Await(context.Background())
}

func impatient(ctx context.Context, s *async.Scope, other *async.Call[int]) *async.Call[int] {
	return async.Go(ctx, func(own context.Context) (int, error) {
		timed, cancel := context.WithTimeout(own, time.Second)
		defer cancel()
		if err := other.Wait(timed); err != nil {
			other.Cancel(err)
		}
		return other.Await(context.Background())
	}, s)
}

// --- in a function that is told of an end

type hub struct {
	n    atomic.Int64
	over async.Event
	last *async.Call[int]
}

func (h *hub) told(ctx context.Context, other *async.Call[int]) *async.Call[int] {
	return async.Go(ctx, work, async.OnSignal(func() {
		if other.IsDone() {
			n, _ := other.Await(context.Background())
			h.n.Add(int64(n))
		}
		if h.over.IsSet() {
			_ = h.over.Wait(context.Background())
		}
		h.last.Cancel(nil)
		n, _ := h.last.Await(ctx)
		h.n.Add(int64(n))
		h.count(other)
	}))
}

func (h *hub) count(call *async.Call[int]) {
	if n, err := readNow(call); err == nil {
		h.n.Add(int64(n))
	}
}
