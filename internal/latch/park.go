package latch

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async/internal/sched"
)

// Wait parks until the latch is set and reports true, or until u ends the wait
// and the latch is still not set. A wait that only completion ends parks on the
// channel of Done, which stays with the latch. Any other wait has a gate of its own
// and leaves nothing behind, also no channel of one bubble for another.
func (l *Latch) Wait(u Until) bool {
	if l.Word.Load()&BitSet != 0 {
		return true
	}
	l.Mu.Lock()
	w := l.Word.Load()
	switch {
	case w&BitSet != 0 || u.over(): // nothing to park for
		l.Mu.Unlock()
		return w&BitSet != 0
	case u.endless():
		ch := l.doneLocked()
		l.Mu.Unlock()
		u.park(ch)
		l.Settle() // L4
		return true
	}
	return l.waitAloneLocked(u)
}

// waitAloneLocked is the rest of wait for one that has a gate of its own.
func (l *Latch) waitAloneLocked(u Until) bool {
	g := new(gate)
	g.Reset(l, g, 0)
	g.Holds = true
	linked := l.linkLocked(&g.Node)
	l.Mu.Unlock()
	if linked && !g.park(u) && l.Unlink(&g.Node) {
		return l.IsSet() // completion beats expiry (R6)
	}
	l.Settle()
	return true
}

// A gate parks one goroutine at one latch.
type gate struct {
	Node
	parker
}

func (g *gate) Fire(*Node) { g.tell() }

// A parker is where one goroutine waits until it is told, which may be more than
// once and before it comes. It has a channel only if it has to wait.
type parker struct {
	state atomic.Uint32
	ch    chan struct{} // written before parkerWaits is
}

const (
	parkerAway  uint32 = iota // → waits or told
	parkerWaits               // → told
	parkerTold                // terminal
)

func (p *parker) tell() {
	sched.Point("tell")
	if p.state.Swap(parkerTold) == parkerWaits {
		close(p.ch)
	}
}

// channel returns a channel that will be closed by who tells, or nil where somebody
// has. The one who waits asks for it once.
func (p *parker) channel() <-chan struct{} {
	if p.state.Load() == parkerTold {
		return nil
	}
	p.ch = make(chan struct{})
	sched.Point("wait to be told")
	if !p.state.CompareAndSwap(parkerAway, parkerWaits) {
		return nil
	}
	return p.ch
}

// park waits until told and reports true, or until u ends the wait.
func (p *parker) park(u Until) (told bool) {
	ch := p.channel()
	return ch == nil || u.park(ch)
}

// An Until is what ends a wait before its time, and what the waiter lends for as long
// as the wait is parked (C2).
type Until struct {
	Done  <-chan struct{}
	timer <-chan time.Time
	Slot  Slot // nil where the waiter has none
}

// A Slot is what a waiter lends while it is parked, and has back before it goes on: in
// a scope with a limit, the right to run.
type Slot interface {
	Lend()
	TryRegain() bool // false where Regain would have to wait
	Regain()         // waits until there is a slot again, whatever happens
}

// park waits for a receive from ch and reports true, or until u ends the wait. The
// slot of the waiter is lent meanwhile.
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

// selects waits for the first of what there is to wait for.
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

func (u Until) tryRegain() bool { return u.Slot == nil || u.Slot.TryRegain() }

// Regain has the slot of the waiter back, if there is one.
func (u Until) Regain() {
	if u.Slot != nil {
		u.Slot.Regain()
	}
}

// endless reports whether nothing ends the wait before its time.
func (u Until) endless() bool { return u.Done == nil && u.timer == nil }

// over reports whether the wait has ended already. It may miss an end of this very
// moment.
func (u Until) over() bool {
	return Ready(u.Done)
}

// GiveWay lets others run once before a wait that is not over: work that takes no
// time is complete then, and giving way costs less than a park and a wake.
func (u Until) GiveWay() {
	if !u.over() {
		runtime.Gosched()
	}
}

// WaitTimeout is wait with a timer for d, which it makes where d is positive and
// stops.
func WaitTimeout(d time.Duration, wait func(Until) bool) bool {
	if d <= 0 {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	return wait(Until{timer: t.C})
}

// Ready receives from a channel if that needs no waiting.
func Ready(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
