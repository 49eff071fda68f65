// Package afterrelease has uses of handles that are released by then.
package afterrelease

import (
	"context"
	"errors"

	"github.com/seed4712c49f/async"
	"vettest/helper"
)

func work(context.Context) (int, error)                { return 1, nil }
func get(ctx context.Context, url string) (int, error) { return len(url), nil }

func all(ctx context.Context) {
	call := async.Go(ctx, work)
	call.Release()
	_, _ = call.Await(ctx)           // want `call is released by now: Call.Await does nothing and returns ErrReleased`
	_ = call.Wait(ctx)               // want `Call.Wait does nothing`
	_ = call.WaitFor(0)              // want `Call.WaitFor does nothing`
	_, _ = call.Finish()             // want `Call.Finish does nothing`
	_ = call.Cancel(nil)             // want `Call.Cancel does nothing`
	_ = call.CancelWait(ctx, nil)    // want `Call.CancelWait does nothing`
	_ = call.Begin(ctx, work)        // want `Call.Begin does nothing`
	_ = call.Clone()                 // want `Call.Clone panics`
	_ = call.Signal()                // want `Call.Signal panics`
	async.AfterFunc(call, func() {}) // want `AfterFunc panics`
	_ = call.IsDone()                // answers as before
	<-call.Done()                    // answers as before
	call.Release()                   // once more is nothing
	_, _ = async.WaitAny(ctx, call)  // answers as before
}

func signal(ctx context.Context, s *async.Signal) *async.Signal {
	s.Release()
	if s.IsSet() {
		return nil
	}
	_ = s.Wait(ctx)  // want `Signal.Wait does nothing`
	return s.Clone() // want `Signal.Clone panics`
}

func calls(ctx context.Context, urls []string) ([]int, error) {
	calls := async.GoEach(ctx, urls, get)
	calls.Release()
	calls.Cancel(nil)     // want `calls is released by now: Calls.Cancel cancels nothing`
	return calls.All(ctx) // want `Calls.All finds every call complete with ErrReleased`
}

func onBothPaths(ctx context.Context, call *async.Call[int], late bool) (int, error) {
	if late {
		call.Release()
	} else {
		_ = call.Wait(ctx)
		call.Release()
	}
	return call.Await(ctx) // want `Call.Await does nothing`
}

func onOnePath(ctx context.Context, call *async.Call[int], late bool) (int, error) {
	if late {
		call.Release()
	}
	return call.Await(ctx) // released perhaps
}

func onAPathThatLeaves(ctx context.Context, call *async.Call[int], late bool) (int, error) {
	if late {
		call.Release()
		return 0, errors.New("late")
	}
	return call.Await(ctx)
}

func inALoop(ctx context.Context, urls []string) {
	var call *async.Call[int]
	for _, url := range urls {
		call = async.Go(ctx, func(ctx context.Context) (int, error) { return get(ctx, url) })
		_ = call.Wait(ctx)
		call.Release()
	}
}

func everyTime(ctx context.Context, call *async.Call[int]) {
	for range 3 {
		_ = call.Wait(ctx) // not the first time
		call.Release()
	}
}

func assignedAgain(ctx context.Context) (int, error) {
	call := async.Go(ctx, work)
	call.Release()
	call = async.Go(ctx, work)
	return call.Await(ctx)
}

func deferred(ctx context.Context) (int, error) {
	call := async.Go(ctx, work)
	defer call.Release()
	return call.Await(ctx)
}

func elsewhere(ctx context.Context) (string, error) {
	call := helper.Fetch(ctx)
	helper.Done2(call)
	return call.Await(ctx) // want `Call.Await does nothing`
}

func elsewherePerhaps(ctx context.Context) (string, error) {
	call := helper.Fetch(ctx)
	helper.Maybe(call, true)
	return call.Await(ctx)
}

func generic[T any](ctx context.Context, fn func(context.Context) (T, error)) (T, error) {
	call := async.Go(ctx, fn)
	helper.Done(call)
	return call.Await(ctx) // want `Call.Await does nothing`
}

func expected(ctx context.Context) bool {
	call := async.Go(ctx, work)
	call.Release()
	return call.Wait(ctx) == async.ErrReleased
}

func returned(ctx context.Context) *async.Call[int] {
	call := async.Go(ctx, work)
	defer call.Release()
	return call // want `call is returned, and the deferred Release of line \d+ has released it by then`
}

func returnedNamed(ctx context.Context, urls []string) (async.Calls[int], error) {
	calls := async.GoEach(ctx, urls, get)
	defer calls.Release()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return calls, nil // want `calls is returned, and the deferred Release`
}

func returnsAClone(ctx context.Context) *async.Call[int] {
	call := async.Go(ctx, work)
	defer call.Release()
	return call.Clone()
}

func returnsAnother(ctx context.Context, late bool) *async.Call[int] {
	call := async.Go(ctx, work)
	if late {
		defer call.Release()
		call = async.Go(ctx, work)
	}
	return call
}

func returnsOnFailure(ctx context.Context) (call *async.Call[int], err error) {
	call = async.Go(ctx, work)
	defer func() {
		if err != nil {
			call.Release()
		}
	}()
	return call, ctx.Err()
}

func inAGoroutine(ctx context.Context, call *async.Call[int]) error {
	go call.Release()
	return call.Wait(ctx) // at the same time, perhaps
}

func object(ctx context.Context) error {
	var call async.Call[int]
	if err := call.Begin(ctx, work); err != nil {
		return err
	}
	call.Release()
	return call.Begin(ctx, work) // want `Call.Begin does nothing`
}

func rightOrder(ctx context.Context, urls []string) ([]int, error) {
	calls := async.GoEach(ctx, urls, get)
	defer calls.Release()
	defer calls.Cancel(nil)
	return calls.All(ctx)
}

func wrongOrder(ctx context.Context, urls []string) (int, error) {
	calls := async.GoEach(ctx, urls, get)
	defer calls.Cancel(nil) // want `the deferred calls.Cancel runs after the Release of line \d+, and cancels nothing: defer the Release first`
	defer calls.Release()
	_, n, err := calls.Any(ctx)
	return n, err
}

func ownReason(ctx context.Context, urls []string, why error) (int, error) {
	calls := async.GoEach(ctx, urls, get)
	defer calls.Cancel(nil) // for the return in between
	if len(urls) == 0 {
		return 0, why
	}
	defer calls.Release()
	_, n, err := calls.Any(ctx)
	return n, err
}

func inAClosure(ctx context.Context, urls []string) {
	calls := async.GoEach(ctx, urls, get)
	defer func() {
		calls.Release()
		calls.Cancel(nil) // want `Calls.Cancel cancels nothing`
	}()
	_, _ = calls.All(ctx)
}

func releasedByAClosure(ctx context.Context) error {
	call := async.Go(ctx, work)
	release := func() { call.Release() }
	defer release()
	return call.Wait(ctx)
}
