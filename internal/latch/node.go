package latch

import (
	"fmt"
	"math"

	"github.com/seed4712c49f/async/internal/sched"
)

// This file has the node and the list of nodes at a latch. Sinks link and unlink nodes;
// completers fire them. Nothing here knows a sink: [First], [All], [Queue], a parked
// goroutine and a callback are sinks, and owners of latches have sinks of their own.
//
// Three things may not change. Link and Unlink take constant time: a million waiters may
// leave one latch (S5). A node is never both unlinked and fired (L5): a sink that has
// unlinked its node may be garbage, or in use again. And prompt nodes are fired before the
// completion can be seen (L6). The order among the others is that of linking, which a test
// holds and no rule promises.

// A Node stands for one waiter at one latch, and tells a [Sink] when the latch is set.
// A node belongs to its sink, which prepares the node with Reset. The lock of the latch
// guards next and prev while the node is linked. The other fields are written while the
// node is not linked, but for early, which the completer writes before it fires the node.
//
//	                       ┌───────── Unlink: true ◀────────┐
//	                       ▼                                │
//	Reset ──▶ the sink's, not linked ──Link: true──▶ linked at the latch
//	                       ▲                                │
//	                       └── Fire, once ◀── taken by the completer, with the whole list
//
// From the moment at which the completer takes the list until Fire, the node belongs to the
// completer, and Unlink reports false.
type Node struct {
	next, prev *Node
	of         *Latch // nil where there is no latch to unlink the node from
	sink       Sink
	index      int32 // the number that the sink gave the node; see CheckIndex
	prompt     bool  // the node is fired before the completion can be seen (L6)
	early      bool  // fired while the latch could not yet be seen to be set; see Queue.handOut (L6)
	refers     bool  // the waiter has a reference, which the word of the latch counts
}

// A Sink is told that the latch of a node is set. Fire is called once for each time that
// the node was linked and not unlinked. Fire must neither block nor run code of a user,
// since the completer calls it (L6). Fire may link the node again.
type Sink interface{ Fire(n *Node) }

// CheckIndex panics where n nodes of one sink cannot be numbered. A node has 32 bits for
// its number, so that it takes 48 bytes and no more. As many nodes would take 100 GB.
//
// The makers of sinks call CheckIndex before they allocate the nodes, so a count that is
// too large by mistake is told before the memory runs out.
func CheckIndex(n int) {
	if n > math.MaxInt32 {
		panic(fmt.Sprintf("async: wait for %d members at once; 2,147,483,647 are the most", n))
	}
}

// Reset makes n the i-th node of s, ready to be linked to l. The node must not be linked,
// and no completer may be about to fire it. Where there is no latch, l is nil: such a node
// only carries its number.
func (n *Node) Reset(l *Latch, s Sink, i int) {
	n.next, n.prev, n.of, n.sink = nil, nil, l, s
	n.index, n.prompt, n.early, n.refers = int32(i), false, false, false
}

// Number gives the number i to a node that was never used. It is Reset for a node that a
// [Queue] is about to reset for its latch.
func (n *Node) Number(i int) { n.index = int32(i) }

// Refers says that the waiter of n has a reference on the latch, so that [Latch.Census]
// does not count the waiter twice. The sink calls Refers after Reset.
func (n *Node) Refers() { n.refers = true }

// Index returns the number that Reset gave the node. A sink tells its nodes apart by this
// number, in Fire above all.
func (n *Node) Index() int { return int(n.index) }

// Link hangs n on the latch. The node was reset for this latch. Link reports false where
// the latch is set already; n is not fired then, and the caller tells the sink itself if
// need be. Where Link reports true, the sink may be told before Link has returned.
func (l *Latch) Link(n *Node) bool {
	sched.Point("link")
	if l.Word.Load()&BitSet != 0 {
		return false
	}
	l.Mu.Lock()
	defer l.Mu.Unlock()
	return l.linkLocked(n)
}

// linkLocked is Link under Mu (L5). The look at the set bit is repeated here, since a
// completer may have come between the first look and the lock. A node goes to the head
// of the list, so that linking takes constant time; Fire turns the order round.
func (l *Latch) linkLocked(n *Node) bool {
	if l.Word.Load()&BitSet != 0 {
		return false
	}
	if n.next = l.head; n.next != nil {
		n.next.prev = n
	}
	l.head = n
	return true
}

// Unlink takes n out of the list in constant time, and reports whether it did. Unlink
// reports false where n was fired, will be fired, or is not linked (L5). Where Unlink
// reports true, the sink is not told, and the node may be reset at once. Where Unlink
// reports false, the sink was told or is being told: the fields next and prev then
// belong to the completer, and Unlink does not touch them.
//
// A node without a predecessor is linked only where it is the head of the list. So a node
// that was unlinked before is recognized without a flag.
func (l *Latch) Unlink(n *Node) bool {
	sched.Point("unlink")
	if l.Word.Load()&BitSet != 0 {
		return false
	}
	l.Mu.Lock()
	defer l.Mu.Unlock()
	if l.Word.Load()&BitSet != 0 || n.prev == nil && l.head != n {
		return false
	}
	// Close the gap, from the left and then from the right.
	if n.prev == nil {
		l.head = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	}
	n.next, n.prev = nil, nil
	return true
}

// unlink takes n out of the latch that it hangs on, if any. A member that is a context or
// a channel has a node without a latch.
func (n *Node) unlink() {
	if n.of != nil {
		n.of.Unlink(n)
	}
}

// UnlinkAll takes every node out of its latch. Nodes that were fired, or were never linked,
// stay as they are.
func UnlinkAll(nodes []Node) {
	for i := range nodes {
		nodes[i].unlink()
	}
}

// joinAll makes the nodes those of s, numbered from 0, and links each to its latch.
// Their waiter has a reference on each latch. A node without a latch, or with one that
// is set, is fired at once. Where prompt is true, the nodes are prompt.
func joinAll(s Sink, nodes []Node, prompt bool, latchOf func(i int) *Latch) {
	for i := range nodes {
		n, l := &nodes[i], latchOf(i)
		n.Reset(l, s, i)
		n.prompt, n.refers = prompt, true
		if l == nil || l.IsSet() || !l.Link(n) { // a look costs less than a try to link
			s.Fire(n)
		}
	}
}

// split parts a list that the completer has taken into the nodes to fire after the
// completion, and the prompt ones. Most lists have no prompt node, or one alone; split
// does not write to these. The order of each part is that of the whole.
func split(nodes *Node) (later, prompt *Node) {
	if nodes != nil && nodes.next == nil && nodes.prompt {
		return nil, nodes
	}
	n := nodes
	for n != nil && !n.prompt {
		n = n.next
	}
	if n == nil {
		return nodes, nil
	}
	// Both kinds: hang each node at the end of its part.
	end := [2]**Node{&later, &prompt}
	for n := nodes; n != nil; n = n.next {
		which := 0
		if n.prompt {
			which = 1
		}
		*end[which] = n
		end[which] = &n.next
	}
	*end[0], *end[1] = nil, nil
	return later, prompt
}

// Fire fires a list that [Latch.Publish] has returned, in the order in which the nodes
// were linked. The list comes with the last linked node first, so Fire turns the list
// round before. A sink may use a node again as soon as the node was fired, so Fire reads
// the successor of a node first.
func Fire(nodes *Node) {
	if nodes != nil && nodes.next == nil { // most nodes are alone
		nodes.prev = nil // split leaves it
		sched.Point("fire")
		nodes.sink.Fire(nodes)
		return
	}
	var list *Node
	for n := nodes; n != nil; {
		next := n.next
		n.next, list, n = list, n, next
	}
	// From here on list has the node first that was linked first.
	for n := list; n != nil; {
		next := n.next
		n.next, n.prev = nil, nil
		sched.Point("fire")
		n.sink.Fire(n)
		n = next
	}
}
