package latch

import "github.com/seed4712c49f/async/internal/sched"

// This file has latches enter a queue, and all members leave it unseen. Set.Add and
// Set.Release of package async call it. The lock of a latch comes before the lock of a
// queue, so a node is linked and unlinked while the lock of the queue is free.
//
// So an Add has two steps, and a Withdraw may come between them:
//
//	Add        enter, under the lock ─────────▶ link ──▶ withdrawn meanwhile? unlink
//	Withdraw              forget, under the lock ──▶ unlink all
//
// The node of such an Add is linked after Withdraw has unlinked it. What may not change: Add
// looks after it has linked, at the count of how often the queue was empty, which Withdraw
// has changed by then (Q3).

// Add enters a latch. A latch that is set can be taken at once. The function enter is
// called under the lock and returns the node of the member. Where a node has come out of
// the queue before, enter is given such a node and returns it; else enter is given nil
// and returns a node that was reset with the number that it is to keep. Where enter
// panics, nothing has entered.
func (q *Queue) Add(l *Latch, enter func(free *Node) *Node) { q.add(l, false, enter) }

// AddReferred is Add for an owner that has a reference on the latch; see [Node.Refers].
func (q *Queue) AddReferred(l *Latch, enter func(free *Node) *Node) { q.add(l, true, enter) }

func (q *Queue) add(l *Latch, refers bool, enter func(free *Node) *Node) {
	n, before := q.enter(l, enter)
	n.refers = refers
	if !l.Link(n) {
		q.Fire(n)
	} else if q.emptied.Load() != before {
		l.Unlink(n) // withdrawn meanwhile, perhaps before it was linked; or fired, and then this does nothing
	}
}

// enter gives the member a node, and returns how often the queue was empty before. The
// queue cannot become empty while the member is in it, so a change of that number tells
// that the member has come out or was withdrawn.
func (q *Queue) enter(l *Latch, enter func(free *Node) *Node) (n *Node, emptied int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.enterLocked(l, enter), q.emptied.Load()
}

// enterLocked counts a member and returns its node, ready to be linked. The node is taken
// off the free ones last, so nothing has changed where the owner panics.
func (q *Queue) enterLocked(l *Latch, enter func(free *Node) *Node) *Node {
	n := enter(q.free)
	if q.free != nil {
		q.free = q.free.next
	}
	n.Reset(l, q, n.Index())
	n.prompt = true
	q.size++
	return n
}

// AddAll enters latchOf(i) as the i-th of nodes, for every i. The caller has a reference
// on each latch. A nil latch counts as one that is set. All members are counted before
// the first is linked, so no taker finds the queue empty in between. The caller unlinks
// the nodes with [UnlinkAll]. AddAll panics as [CheckIndex] does.
func (q *Queue) AddAll(nodes []Node, latchOf func(i int) *Latch) {
	CheckIndex(len(nodes)) // before anything is counted
	q.mu.Lock()
	q.size += int32(len(nodes))
	q.mu.Unlock()
	joinAll(q, nodes, true, latchOf)
}

// Withdraw empties the queue: it drops every member, complete or not. A Next that waits
// returns Empty. Members may be added again, at once.
//
// The function forget is called under the lock. The owner lets go of all its entries
// there, so that none of their nodes is used again. Then nodes is called twice, once
// under the lock and once after it, and calls its argument with each node that forget
// has let go of.
func (q *Queue) Withdraw(forget func(), nodes func(each func(*Node))) {
	q.mu.Lock()
	// Under the lock: no node that is withdrawn comes out after this (Q2).
	forget()
	nodes(func(n *Node) { n.index = -1 }) // Q2
	contexts := q.ends
	q.last, q.free, q.foreign, q.ends = nil, nil, nil, nil
	sched.Point("withdraw")
	q.shrinkLocked(q.size) // Q3; also tells an Add that has not linked its node yet
	q.mu.Unlock()
	// With the lock free, which comes after that of a latch: nothing holds the nodes (S5).
	nodes((*Node).unlink)
	for _, e := range contexts {
		if e.stop != nil {
			e.stop()
		}
	}
}
