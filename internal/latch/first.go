package latch

import (
	"context"
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/sched"
)

// This file waits for the first of many members. WaitAny and Calls.Race of package async
// use it. Each member has a node and a number; the goroutine parks once, however many
// members there are. Nothing here takes anything from a member, but that a receive from a
// channel consumes a value.
//
// What may not change: whatever a Join has registered, Leave takes back, in time that does
// not depend on who else waits (S5). And the caller looks at all members again after Park: a
// member that completes as the wait ends counts as complete (R6). What may change: which of
// several members wins that complete while the goroutine is parked.

// A First waits for the first of many members: latches, contexts, and channels that
// belong to others. One goroutine makes the First, joins each member, parks, and leaves.
type First struct {
	won   atomic.Int64 // the number of the first member that was fired, plus one
	over  parker
	nodes []Node

	stops   []func() bool     // end the registrations at contexts
	foreign []<-chan struct{} // the members that are channels
	index   []int             // their numbers
}

// NewFirst returns a wait for the first of n members. NewFirst panics as [CheckIndex]
// does.
func NewFirst(n int) *First {
	CheckIndex(n)
	return &First{nodes: make([]Node, n)}
}

// Fire makes the member of n the winner, unless there is one. A completer calls Fire, or
// the goroutine that tells of the end of a context. All others that come later change
// nothing: the number of the winner is written once.
func (a *First) Fire(n *Node) {
	sched.Point("win")
	if a.won.CompareAndSwap(0, int64(n.index)+1) {
		a.over.tell()
	}
}

// Join makes a latch member i. Join reports false where the latch is set. The caller then
// knows a winner and need not park, but still leaves.
func (a *First) Join(i int, l *Latch) bool {
	n := &a.nodes[i]
	n.Reset(l, a, i)
	return l.Link(n)
}

// JoinAll makes latchOf(i) member i, for every i. The caller has a reference on each
// latch. A nil latch counts as one that is set. Where a latch is set, its member wins,
// if none has. JoinAll returns the nodes, for [UnlinkAll].
func (a *First) JoinAll(latchOf func(i int) *Latch) []Node {
	joinAll(a, a.nodes, false, latchOf)
	return a.nodes
}

// JoinContext makes a context member i. JoinContext reports false where the context has
// ended. A context that never ends is counted as a member and not registered at. The
// methods of the context are anybody's code; no lock is held here.
func (a *First) JoinContext(i int, ctx context.Context) bool { //nolint:revive // the number comes first, as in Join
	n := &a.nodes[i]
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

// JoinChan makes a channel member i. JoinChan reports false where a value was received,
// or the channel is closed. A nil channel never wins. The value that made the channel
// ready is gone: it counts as the completion of this member.
func (a *First) JoinChan(i int, ch <-chan struct{}) bool {
	a.nodes[i].Reset(nil, a, i)
	if Ready(ch) {
		return false
	}
	if ch != nil {
		a.foreign, a.index = append(a.foreign, ch), append(a.index, i)
	}
	return true
}

// Park waits for the winner and returns its number, or -1 where u ends the wait first.
// Where channels are among the members, Park selects over them and over a channel that
// the winner closes. Park is called once. Where Park returns -1, the caller looks with
// [First.Complete], since a member may have completed as the wait ended.
func (a *First) Park(u Until) int {
	// Without channels, one park is enough. With channels, the winner is one case of the
	// select; a parker that was told already has no channel to select over.
	if len(a.foreign) == 0 {
		a.over.park(u)
	} else if over := a.over.channel(); over != nil {
		if got := receiveAny(a.foreign, u, over); len(got) > 0 {
			return a.index[got[0]]
		}
	}
	return int(a.won.Load()) - 1
}

// Complete returns the lowest number of a member that is complete, or -1. A latch is
// looked at. For any other member, Complete looks at the channel that done returns.
func (a *First) Complete(done func(i int) <-chan struct{}) int {
	// A node that was reset for a latch has the latch; any other member has none.
	for i := range a.nodes {
		if l := a.nodes[i].of; l != nil && l.IsSet() || l == nil && Ready(done(i)) {
			return i
		}
	}
	return -1
}

// Leave takes every registration back. It is called once, however the wait has ended, and
// whatever Join has reported. The members hold nothing of the wait afterwards
// (S5).
func (a *First) Leave() {
	UnlinkAll(a.nodes)
	for _, stop := range a.stops {
		stop()
	}
}
