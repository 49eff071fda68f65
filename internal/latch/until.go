package latch

import (
	"runtime"
	"time"

	"github.com/seed4712c49f/async/internal/sched"
)

// This file has what a wait is given: its end, and the slot of its waiter. Package async
// makes an [Until] from a context, before it takes any lock. Every park of this package
// goes through an Until, so a slot is lent wherever a goroutine parks.
//
// A new kind of end is a field of Until and a case in selects; over, endless, and the waits
// that have a select of their own (Sleep here, receiveAny in foreign.go) have to know it.
// What may not change: a goroutine lends before it parks, and has its slot back before it
// does anything else, also where the wait has ended (C2). Lend and Regain are called with no
// lock held. TryRegain is called under the lock of a queue, so a Slot uses no latch and no
// queue.

// An Until ends a wait before its time, and lends the slot of the waiter while the wait
// is parked. The zero Until ends no wait and lends nothing.
type Until struct {
	Done  <-chan struct{}  // ends the wait when it is closed; nil: never
	Slot  Slot             // nil where the waiter has none
	timer <-chan time.Time // ends the wait of a WaitTimeout; nil: never
}

// A Slot is what a waiter lends while it is parked, and has back before it goes on: in a
// scope with a limit, the right to run.
type Slot interface {
	Lend()           // another may have the slot
	TryRegain() bool // has the slot back where that needs no waiting, and reports so
	Regain()         // has the slot back; waits for it whatever happens
}

// WaitTimeout calls wait with an Until that ends after d, and returns the answer of
// wait. Where d is not positive, WaitTimeout returns false and does not call wait. The
// timer is stopped when wait has returned. The function wait parks with [Latch.Wait]. It
// must not use a [Queue], nor wait for channels of others: these end by Done alone, and
// would not see the timer.
func WaitTimeout(d time.Duration, wait func(Until) bool) bool {
	if d <= 0 {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	return wait(Until{timer: t.C})
}

// Sleep waits for d and returns true, or returns false where u ends the wait first. The
// slot is lent meanwhile. The time beats the end of the wait: where d is over by the time
// that the waiter has its slot back, Sleep returns true.
func (u Until) Sleep(d time.Duration) (passed bool) {
	t := time.NewTimer(d)
	defer t.Stop()
	u.Lend()
	select {
	case <-t.C:
		passed = true
	case <-u.Done:
	}
	sched.Point("woken")
	u.Regain()
	select {
	case <-t.C:
		passed = true
	default:
	}
	return passed
}

// park waits for a receive from ch and returns true, or until u ends the wait. The slot
// is lent meanwhile. A goroutine that was woken has its slot again before it goes on,
// even where the wait has ended in the meantime.
func (u Until) park(ch <-chan struct{}) (received bool) {
	u.Lend()
	if u.endless() {
		<-ch
		received = true
	} else {
		received = u.selects(ch)
	}
	sched.Point("woken")
	u.Regain()
	return received
}

// selects waits for a receive from ch, or for the end of the wait. A nil channel among the
// ends is never ready, so one select serves for a context and for a timer. Where ch and an
// end are both ready, either may win: the caller looks again.
func (u Until) selects(ch <-chan struct{}) (received bool) {
	select {
	case <-ch:
		return true
	case <-u.Done:
	case <-u.timer:
	}
	return false
}

// Lend lends the slot of the waiter, if there is one.
func (u Until) Lend() {
	if u.Slot != nil {
		u.Slot.Lend()
	}
}

// tryRegain has the slot back if that needs no waiting, and reports so. A waiter without
// a slot has it back.
func (u Until) tryRegain() bool { return u.Slot == nil || u.Slot.TryRegain() }

// Regain has the slot of the waiter back, if there is one. Every Lend is followed by one
// Regain, or by one tryRegain that has succeeded, on the same goroutine.
func (u Until) Regain() {
	if u.Slot != nil {
		u.Slot.Regain()
	}
}

// endless reports whether nothing ends the wait before its time. Such a wait needs no
// select.
func (u Until) endless() bool { return u.Done == nil && u.timer == nil }

// over reports whether the wait has ended already. over may miss an end of this very
// moment. A timer is not looked at, since to look would take its value.
func (u Until) over() bool { return Ready(u.Done) }

// GiveWay lets other goroutines run once, unless the wait has ended. Work that takes no
// time is complete then, and to give way costs less than to park and be woken.
func (u Until) GiveWay() {
	if !u.over() {
		runtime.Gosched()
	}
}
