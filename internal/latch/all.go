package latch

import (
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/sched"
)

// This file waits for all of many members. WaitAll, Calls.All and Calls.Settle of package
// async use it. The goroutine parks once, however many members there are. Nothing here
// takes anything from a member.
//
//	left    members that are not set, and 1 for the goroutine that joins
//	        n+1 ──Join, Fire, Skip──▶ … ──Park, by the goroutine──▶ … ──Fire──▶ 0: told
//
// What may not change: left counts everything before the first node is linked, and the
// goroutine counts itself out last. So left becomes 0 once, when all members are joined and
// set. A count that grew with the members would be 0 in between, where the first member is
// set before the second is joined.

// An All waits until many latches are set, or until one of them is set with one of the
// bits that end the wait at once. One goroutine makes the All, joins or skips each
// member, parks, and leaves.
type All struct {
	left   atomic.Int64 // the members that are not set, and one for the goroutine that joins
	bits   uint64       // the bits that end the wait at once; 0: none
	failed atomic.Int64 // the number of the first member with one of the bits, plus one
	over   parker
	nodes  []Node
}

// NewAll returns a wait for n members, which a latch with one of the bits ends at once.
// All members are counted here, before the first is linked: a linked node may be fired
// while others are still to come. NewAll panics as [CheckIndex] does.
func NewAll(n int, bits uint64) *All {
	CheckIndex(n)
	t := &All{bits: bits, nodes: make([]Node, n)}
	t.left.Store(int64(n) + 1)
	return t
}

// Join makes a latch member i. A latch that is set is counted out at once.
func (t *All) Join(i int, l *Latch) {
	n := &t.nodes[i]
	n.Reset(l, t, i)
	if !l.Link(n) {
		t.Fire(n)
	}
}

// JoinAll makes latchOf(i) member i, for every i. The caller has a reference on each
// latch. A nil latch counts as one that is set with the bits that end the wait at once.
// JoinAll returns the nodes, for [UnlinkAll].
func (t *All) JoinAll(latchOf func(i int) *Latch) []Node {
	joinAll(t, t.nodes, false, latchOf)
	return t.nodes
}

// Skip counts out a member that is no latch. The caller waits for that member itself, and
// [All.IsSet] reports true of it.
func (t *All) Skip() { t.left.Add(-1) }

// Fire counts the member of n out. A completer calls Fire. The word of the latch has the
// completer's bits by then, since the nodes of an All are not prompt (L6). The last member
// tells the goroutine, and so does the first with one of the bits. The goroutine may be told
// twice: a parker ignores the second time.
func (t *All) Fire(n *Node) {
	sched.Point("count out")
	failed := t.bits != 0 && (n.of == nil || n.of.Word.Load()&t.bits != 0) && t.failed.CompareAndSwap(0, int64(n.index)+1)
	sched.Point("counted")
	if t.left.Add(-1) == 0 || failed {
		t.over.tell()
	}
}

// Park waits for the last member, or for one with the bits, or until u ends the wait.
// Park returns the number of the first member with the bits, or -1. Park is called once,
// when every member is joined or skipped. The caller then looks with [All.IsSet].
func (t *All) Park(u Until) (failed int) {
	// Count out the goroutine itself: all members are joined or skipped now.
	sched.Point("joined")
	if t.left.Add(-1) != 0 {
		t.over.park(u)
	}
	return int(t.failed.Load()) - 1
}

// IsSet reports whether member i is set, or is no latch. IsSet waits for a completer that
// is about to set the latch (L4).
func (t *All) IsSet(i int) bool { return t.nodes[i].of == nil || t.nodes[i].of.IsSet() }

// Leave takes every registration back. The members hold nothing of the wait afterwards
// (S5). A node that is being fired is left to its completer, which still reaches the All;
// nobody listens then.
func (t *All) Leave() { UnlinkAll(t.nodes) }
