package async

import (
	"context"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
)

// A signaler is what a Signal is a handle on: an event, or one call.
type signaler interface {
	source() *latch.Latch
	retain() bool // one reference more, or false where there is none any more
	drop()
	join() bool // retain for a wait
	leave()
	hold(handle any, clone bool) // records a handle, for leak reports
	letGo(handle any)
	wait(u latch.Until) bool
}

// untilDone is the until of a wait through ctx. It is called before any lock:
// ctx may be anybody's code. It panics where ctx is nil: here a wait looks at its
// context for the first time, so where there is nothing to wait for, that is not
// noticed, and costs nothing.
func untilDone(ctx context.Context) latch.Until {
	if ctx == nil {
		panic("async: wait with a nil context")
	}
	return latch.Until{Done: ctx.Done(), Slot: slotOf(ctx)}
}

// A handle is a counted way to a completion: a Signal or a Call.
type handle interface {
	Waitable

	// poll reports whether there is nothing to wait for, and what a wait says then.
	poll() (over bool, err error)

	// enter begins a wait: it returns what to wait on, retained for it, or nil and
	// what the wait says where there is nothing to wait for.
	enter() (on signaler, err error)
}

// waitContext parks on a handle that was pending a moment ago, until ctx ends.
func waitContext(ctx context.Context, h handle) error {
	u := untilDone(ctx)
	u.GiveWay()
	on, err := h.enter()
	if on == nil {
		return err
	}
	defer on.leave()
	if !on.wait(u) {
		return contextWaitError(ctx, h)
	}
	return nil
}

// waitDuration parks on a handle that was pending a moment ago, for at most d.
func waitDuration(d time.Duration, h handle) (err error) {
	if !latch.WaitTimeout(d, func(u latch.Until) bool {
		var on signaler
		if on, err = h.enter(); on == nil {
			return true
		}
		defer on.leave()
		return on.wait(u)
	}) {
		return &WaitError{On: h, Err: ErrTimeout}
	}
	return err
}
