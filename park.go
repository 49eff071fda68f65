package async

import "github.com/seed4712c49f/async/internal/sched"

// wait parks until the latch is set and reports true, or until u ends the wait
// and the latch is still not set. It leaves nothing behind.
func (l *latch) wait(u until) bool {
	if l.word.Load()&bitSet != 0 {
		return true
	}
	l.mu.Lock()
	return l.waitLocked(u)
}

// waitLocked is wait for one who holds mu; it frees it. A wait that only completion
// ends shares a channel with all like it (L8); any other has a gate of its own, and
// so leaves nothing in the latch, no channel of one bubble for another either.
func (l *latch) waitLocked(u until) bool {
	w := l.word.Load()
	switch {
	case w&bitSet != 0 || ready(u.done): // nothing to park for
		l.mu.Unlock()
		return w&bitSet != 0
	case u.done == nil && u.timer == nil && w&bitChan == 0:
		u.park(l.sharedLocked())
		l.settle()
		return true
	}
	g := &gate{ch: make(chan struct{})}
	g.reset(l, g, 0)
	g.holds = true
	linked := l.linkLocked(&g.node)
	l.mu.Unlock()
	if linked && !u.park(g.ch) && l.unlink(&g.node) {
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
	ch chan struct{}
}

func (g *gate) fire(*node) { close(g.ch) }
