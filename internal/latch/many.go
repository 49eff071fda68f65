package latch

import (
	"context"
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/sched"
)

// Waits of one goroutine for the first, or for all, of many latches. Each member has a
// node and an index. A wait parks once, however many members there are.

// A First is the wait for the first of many. Contexts and channels of others may be
// among the members.
type First struct {
	won   atomic.Int64 // index of the first that was fired, plus one
	over  parker
	Nodes []Node

	stops   []func() bool // of contexts
	foreign []<-chan struct{}
	index   []int // of the members that are foreign channels
}

// NewFirst returns a wait for the first of n members.
func NewFirst(n int) *First {
	CheckIndex(n)
	return &First{Nodes: make([]Node, n)}
}

// Fire makes n the winner unless there is one.
func (a *First) Fire(n *Node) {
	sched.Point("win")
	if a.won.CompareAndSwap(0, int64(n.Index)+1) {
		a.over.tell()
	}
}

// Join makes a latch member i. It reports false where the latch is set.
func (a *First) Join(i int, l *Latch) bool {
	n := &a.Nodes[i]
	n.Reset(l, a, i)
	return l.Link(n)
}

// JoinContext makes a context member i. It reports false where the context has ended.
func (a *First) JoinContext(ctx context.Context, i int) bool {
	n := &a.Nodes[i]
	n.Reset(nil, a, i)
	done := ctx.Done()
	if done == nil {
		return true
	}
	if Ready(done) {
		return false
	}
	a.stops = append(a.stops, context.AfterFunc(ctx, func() { a.Fire(n) }))
	return true
}

// JoinChan makes a channel member i. It reports false where a value was received.
func (a *First) JoinChan(i int, ch <-chan struct{}) bool {
	a.Nodes[i].Reset(nil, a, i)
	if Ready(ch) {
		return false
	}
	if ch != nil {
		a.foreign, a.index = append(a.foreign, ch), append(a.index, i)
	}
	return true
}

// Park waits for the winner and returns its index, or -1 where u ends the wait first.
func (a *First) Park(u Until) int {
	if len(a.foreign) == 0 {
		a.over.park(u)
	} else if over := a.over.channel(); over != nil {
		if got := receiveAny(a.foreign, u, over); len(got) > 0 {
			return a.index[got[0]]
		}
	}
	return int(a.won.Load()) - 1
}

// Complete returns the lowest index of a member that is complete, or -1: of a latch
// that was joined, or of another member, whose channel is asked for.
func (a *First) Complete(done func(i int) <-chan struct{}) int {
	for i := range a.Nodes {
		if l := a.Nodes[i].Of; l != nil && l.IsSet() || l == nil && Ready(done(i)) {
			return i
		}
	}
	return -1
}

// Leave takes every registration back (S5).
func (a *First) Leave() {
	UnlinkAll(a.Nodes)
	for _, stop := range a.stops {
		stop()
	}
}

// An All is the wait until many latches are set, or until one is set with one of the
// bits that end the wait at once.
type All struct {
	left   atomic.Int64 // members that are not set, and one for the joining itself
	bits   uint64
	failed atomic.Int64 // index of the first member with one of the bits, plus one
	over   parker
	Nodes  []Node
}

// NewAll returns a wait for n members. All are counted before one is linked, since a
// node that is linked may be fired.
func NewAll(n int, bits uint64) *All {
	CheckIndex(n)
	t := &All{bits: bits, Nodes: make([]Node, n)}
	t.left.Store(int64(n) + 1)
	return t
}

// Join makes a latch member i.
func (t *All) Join(i int, l *Latch) {
	n := &t.Nodes[i]
	n.Reset(l, t, i)
	if !l.Link(n) {
		t.Fire(n)
	}
}

// Skip counts a member out that is no latch.
func (t *All) Skip() { t.left.Add(-1) }

// Fire counts n out. A node without a latch counts as one with the bits.
func (t *All) Fire(n *Node) {
	sched.Point("count out")
	failed := t.bits != 0 && (n.Of == nil || n.Of.Word.Load()&t.bits != 0) && t.failed.CompareAndSwap(0, int64(n.Index)+1)
	sched.Point("counted")
	if t.left.Add(-1) == 0 || failed {
		t.over.tell()
	}
}

// Park waits for the last member, or for one with the bits, or until u ends the wait.
// It returns the index of the first member with the bits, or -1.
func (t *All) Park(u Until) (failed int) {
	sched.Point("joined")
	if t.left.Add(-1) != 0 {
		t.over.park(u)
	}
	return int(t.failed.Load()) - 1
}

// IsSet reports whether member i is set, or is no latch.
func (t *All) IsSet(i int) bool { return t.Nodes[i].Of == nil || t.Nodes[i].Of.IsSet() }

// Leave takes every registration back (S5).
func (t *All) Leave() { UnlinkAll(t.Nodes) }
