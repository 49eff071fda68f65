package async

import (
	"context"
	"runtime"
	"time"

	"github.com/seed4712c49f/async/internal/sched"
)

// A signaler is what a Signal is a handle on: an event, or one call.
type signaler interface {
	source() *latch
	retain() bool // one reference more, or false where there is none any more
	drop()
	join() bool // retain for a wait
	leave()
	hold(handle any, clone bool) // records a handle, for leak reports
	letGo(handle any)
	wait(u until) bool
}

// An until is what ends a wait before its time, and whose slot in a scope is
// free for as long as the wait is parked (C2).
type until struct {
	done  <-chan struct{}
	timer <-chan time.Time
	slot  *task // nil where the waiter has none
}

// park waits for a receive from ch and reports true, or until u ends the wait. The
// slot of the waiter is free meanwhile.
func (u until) park(ch <-chan struct{}) (received bool) {
	if u.done != nil || u.timer != nil {
		return u.selects(ch)
	}
	u.slot.park(ch)
	return true
}

// selects is park where there is more than one thing to wait for.
//
//go:noinline
func (u until) selects(ch <-chan struct{}) (received bool) {
	u.slot.lend()
	select {
	case <-ch:
		received = true
	case <-u.done:
	case <-u.timer:
	}
	sched.Point("woken")
	u.slot.regain()
	return received
}

// untilDone is the until of a wait through ctx. It is called before any lock:
// ctx may be anybody's code. It panics where ctx is nil: here a wait looks at its
// context for the first time, so where there is nothing to wait for, that is not
// noticed, and costs nothing.
func untilDone(ctx context.Context) until {
	if ctx == nil {
		panic("async: wait with a nil context")
	}
	return until{done: ctx.Done(), slot: slotOf(ctx)}
}

// endless reports whether nothing ends the wait before its time.
func (u until) endless() bool { return u.done == nil && u.timer == nil }

// over reports whether the wait has ended already. It may miss an end of this very
// moment.
func (u until) over() bool {
	return ready(u.done)
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

// giveWay lets others run once before a wait that is not over: work that takes no
// time is complete then, and giving way costs less than a park and a wake.
func (u until) giveWay() {
	if !u.over() {
		runtime.Gosched()
	}
}

// waitContext parks on a handle that was pending a moment ago, until ctx ends.
func waitContext(ctx context.Context, h handle) error {
	u := untilDone(ctx)
	u.giveWay()
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
	if !waitTimeout(d, func(u until) bool {
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

// waitTimeout is wait with a timer for d, which it makes where d is positive and
// stops.
func waitTimeout(d time.Duration, wait func(until) bool) bool {
	if d <= 0 {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	return wait(until{timer: t.C})
}

// ready receives from a channel if that needs no waiting.
func ready(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
