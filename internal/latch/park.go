package latch

import (
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/sched"
)

// This file parks goroutines: one goroutine at one latch by [Latch.Wait], and the one
// goroutine of a [First] or an [All] by a parker. The end of a wait and the slot that a
// waiter lends are the affair of [Until].
//
// What may not change: only a wait without an end parks on the channel of Done. That channel
// stays with the latch for ever, and may belong to a bubble of testing/synctest, so a wait
// that may end before the latch is set leaves no trace of itself there (S5, decision 0019).

// Wait parks until the latch is set, and returns true then. Where u ends the wait first
// and the latch is still not set, Wait returns false. Completion beats expiry: Wait
// returns true wherever the latch is set.
//
// A wait that only completion ends parks on the channel of Done, which stays with the
// latch. Any other wait has a channel of its own and leaves nothing behind: neither a
// node, nor a channel of one bubble for another. Any number of goroutines may wait at
// the same time.
func (l *Latch) Wait(u Until) bool {
	if l.Word.Load()&BitSet != 0 {
		return true
	}
	// Under Mu the latch cannot become set between the look and the park.
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
		l.settle() // L4
		return true
	}
	return l.waitAloneLocked(u)
}

// waitAloneLocked is the rest of Wait for a wait with a channel of its own. The caller
// holds Mu. The latch is not set, so the node is linked. A wait that ended and could not
// unlink its node was fired: its latch is set, or will be set before Mu is free.
func (l *Latch) waitAloneLocked(u Until) bool {
	g := new(gate)
	g.Reset(l, g, 0)
	g.refers = true
	linked := l.linkLocked(&g.Node)
	l.Mu.Unlock()
	if linked && !g.park(u) && l.Unlink(&g.Node) {
		return l.IsSet() // completion beats expiry (R6)
	}
	l.settle()
	return true
}

// A gate is a sink that parks one goroutine at one latch. The node and the parker are one
// allocation, and the channel of the parker is another.
type gate struct {
	Node
	parker
}

// Fire wakes the goroutine.
func (g *gate) Fire(*Node) { g.tell() }

// A parker is a place where one goroutine waits until it is told. The goroutine may be
// told more than once, and before it comes. A channel is made only where the goroutine
// has to wait.
type parker struct {
	state atomic.Uint32
	ch    chan struct{} // written before the state becomes parkerWaits
}

// The states of a parker, each with the states that may follow.
const (
	parkerAway  uint32 = iota // nobody waits and nobody has told → parkerWaits, parkerTold
	parkerWaits               // the goroutine waits, or is about to → parkerTold
	parkerTold                // the goroutine was told; final
)

// tell tells the goroutine. The first call of tell closes the channel, if there is one. The
// swap is one step, so of several that tell at the same time one closes the channel, and
// a goroutine that comes to wait in between finds that it was told.
func (p *parker) tell() {
	sched.Point("tell")
	if p.state.Swap(parkerTold) == parkerWaits {
		close(p.ch)
	}
}

// channel returns a channel that the first tell will close, or nil where tell was called
// before. The goroutine that waits calls channel once.
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

// park waits until it is told and returns true, or until u ends the wait.
func (p *parker) park(u Until) (told bool) {
	ch := p.channel()
	return ch == nil || u.park(ch)
}
