package async

import (
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/sched"
)

// wait parks until the latch is set and reports true, or until u ends the wait
// and the latch is still not set. It leaves nothing behind: a wait that only
// completion ends shares a channel with all like it (L8), and any other has a gate
// of its own, so that no channel of one bubble is left for another either.
func (l *latch) wait(u until) bool {
	if l.word.Load()&bitSet != 0 {
		return true
	}
	l.mu.Lock()
	w := l.word.Load()
	switch {
	case w&bitSet != 0 || u.over(): // nothing to park for
		l.mu.Unlock()
		return w&bitSet != 0
	case u.endless() && w&bitChan == 0:
		u.slot.park(l.sharedLocked())
		l.settle()
		return true
	}
	return l.waitAloneLocked(u)
}

// waitAloneLocked is the rest of wait for one that has a gate of its own.
func (l *latch) waitAloneLocked(u until) bool {
	g := new(gate)
	g.reset(l, g, 0)
	g.holds = true
	linked := l.linkLocked(&g.node)
	l.mu.Unlock()
	if linked && !g.park(u) && l.unlink(&g.node) {
		return l.isSet() // completion beats expiry (R6)
	}
	l.settle()
	return true
}

// sharedLocked returns the channel of the waits that only completion ends, and
// frees mu.
func (l *latch) sharedLocked() <-chan struct{} {
	defer l.mu.Unlock()
	if l.ch == nil {
		sched.Point("park: make")
		l.ch = make(chan struct{})
	}
	return l.ch
}

// A gate parks one goroutine at one latch.
type gate struct {
	node
	parker
}

func (g *gate) fire(*node) { g.tell() }

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
func (p *parker) park(u until) (told bool) {
	ch := p.channel()
	return ch == nil || u.park(ch)
}
