package latch

import (
	"fmt"
	"math"

	"github.com/seed4712c49f/async/internal/sched"
)

// A Node stands for one waiter at one latch. What it wakes is its sink's affair.
type Node struct {
	Next, prev *Node // guarded by the latch's mu while linked
	Of         *Latch
	Sink       Sink
	Index      int32 // the sink's own: which of its nodes this is; see checkIndex
	Prompt     bool  // fired before the completion can be seen (L6)
	Early      bool  // fired before a channel was closed, or another prompt node fired: whoever takes it waits for that
	Holds      bool  // its waiter has a reference on the call
}

// A Sink is told that a node's latch is set. It must neither block nor run user
// code: it is called by the completer (L6).
type Sink interface{ Fire(n *Node) }

// CheckIndex panics where a sink is to have n nodes and cannot number them. A
// node has 32 bits for its number, so that it takes no more than 48 bytes: so many
// nodes would take 100 GB.
func CheckIndex(n int) {
	if n > math.MaxInt32 {
		panic(fmt.Sprintf("async: wait for %d members at once; 2,147,483,647 are the most", n))
	}
}

// Reset makes n the i-th node of s, ready to be linked to l.
func (n *Node) Reset(l *Latch, s Sink, i int) {
	n.Next, n.prev, n.Of, n.Sink = nil, nil, l, s
	n.Index, n.Early, n.Holds = int32(i), false, false
}

// Link adds n, which was reset for it, to the latch. It reports false where the
// latch is set already; n is then not fired.
func (l *Latch) Link(n *Node) bool {
	sched.Point("link")
	if l.Word.Load()&BitSet != 0 {
		return false
	}
	l.Mu.Lock()
	defer l.Mu.Unlock()
	return l.linkLocked(n)
}

func (l *Latch) linkLocked(n *Node) bool {
	if l.Word.Load()&BitSet != 0 {
		return false
	}
	if n.Next = l.Head; n.Next != nil {
		n.Next.prev = n
	}
	l.Head = n
	return true
}

// Unlink takes n out in constant time and reports whether it did: false where
// n was or will be fired, or was taken out before.
func (l *Latch) Unlink(n *Node) bool {
	sched.Point("unlink")
	if l.Word.Load()&BitSet != 0 {
		return false
	}
	l.Mu.Lock()
	defer l.Mu.Unlock()
	if l.Word.Load()&BitSet != 0 || n.prev == nil && l.Head != n {
		return false
	}
	if n.prev == nil {
		l.Head = n.Next
	} else {
		n.prev.Next = n.Next
	}
	if n.Next != nil {
		n.Next.prev = n.prev
	}
	n.Next, n.prev = nil, nil
	return true
}

// UnlinkAll takes every node out of the latch it was linked to.
func UnlinkAll(nodes []Node) {
	for i := range nodes {
		if n := &nodes[i]; n.Of != nil {
			n.Of.Unlink(n)
		}
	}
}

// split parts a list that was taken out into the nodes to fire after completion
// and the prompt ones. It does not touch a list that has none of these.
func split(nodes *Node) (later, prompt *Node) {
	if nodes != nil && nodes.Next == nil && nodes.Prompt {
		return nil, nodes
	}
	n := nodes
	for n != nil && !n.Prompt {
		n = n.Next
	}
	if n == nil {
		return nodes, nil
	}
	end := [2]**Node{&later, &prompt}
	for n := nodes; n != nil; n = n.Next {
		which := 0
		if n.Prompt {
			which = 1
		}
		*end[which] = n
		end[which] = &n.Next
	}
	*end[0], *end[1] = nil, nil
	return later, prompt
}

// Fire fires nodes in the order in which they were linked. A node may be used
// again as soon as it was fired, so its successor is read first.
func Fire(nodes *Node) {
	var list *Node
	for n := nodes; n != nil; {
		next := n.Next
		n.Next, list, n = list, n, next
	}
	for n := list; n != nil; {
		next := n.Next
		n.Next, n.prev = nil, nil
		sched.Point("fire")
		n.Sink.Fire(n)
		n = next
	}
}

// A callback starts a function in a goroutine of its own.
type callback func()

func (f callback) Fire(*Node) { f.start() }

// start allocates nothing but the goroutine: a go statement of a function without
// arguments needs no closure.
func (f callback) start() {
	if sched.On {
		g := f
		f = func() { sched.Point("callback"); g() }
	}
	go f()
}

// After starts f when the latch is set, or now if it is. The returned stop
// keeps the contract of [context.AfterFunc].
func (l *Latch) After(f func()) (stop func() bool) {
	n := new(Node)
	n.Reset(l, callback(f), 0)
	if !l.Link(n) {
		callback(f).start()
	}
	return n.stop
}

func (n *Node) stop() bool { return n.Of.Unlink(n) }
