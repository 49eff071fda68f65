package async

import (
	"fmt"
	"math"

	"github.com/seed4712c49f/async/internal/sched"
)

// A node stands for one waiter at one latch. What it wakes is its sink's affair.
type node struct {
	next, prev *node // guarded by the latch's mu while linked
	l          *latch
	sink       sink
	i          int32 // the sink's own: which of its nodes this is; see checkIndex
	prompt     bool  // fired before the completion can be seen (L6)
	early      bool  // fired before a channel was closed, or another prompt node fired: whoever takes it waits for that
	holds      bool  // its waiter has a reference on the call
}

// A sink is told that a node's latch is set. It must neither block nor run user
// code: it is called by the completer (L6).
type sink interface{ Fire(n *node) }

// checkIndex panics where a sink is to have n nodes and cannot number them. A
// node has 32 bits for its number, so that it takes no more than 48 bytes: so many
// nodes would take 100 GB.
func checkIndex(n int) {
	if n > math.MaxInt32 {
		panic(fmt.Sprintf("async: wait for %d members at once; 2,147,483,647 are the most", n))
	}
}

// reset makes n the i-th node of s, ready to be linked to l.
func (n *node) reset(l *latch, s sink, i int) {
	n.next, n.prev, n.l, n.sink = nil, nil, l, s
	n.i, n.early, n.holds = int32(i), false, false
}

// link adds n, which was reset for it, to the latch. It reports false where the
// latch is set already; n is then not fired.
func (l *latch) link(n *node) bool {
	sched.Point("link")
	if l.word.Load()&bitSet != 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.linkLocked(n)
}

func (l *latch) linkLocked(n *node) bool {
	if l.word.Load()&bitSet != 0 {
		return false
	}
	if n.next = l.head; n.next != nil {
		n.next.prev = n
	}
	l.head = n
	return true
}

// unlink takes n out in constant time and reports whether it did: false where
// n was or will be fired, or was taken out before.
func (l *latch) unlink(n *node) bool {
	sched.Point("unlink")
	if l.word.Load()&bitSet != 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.word.Load()&bitSet != 0 || n.prev == nil && l.head != n {
		return false
	}
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

// unlinkAll takes every node out of the latch it was linked to.
func unlinkAll(nodes []node) {
	for i := range nodes {
		if n := &nodes[i]; n.l != nil {
			n.l.unlink(n)
		}
	}
}

// split parts a list that was taken out into the nodes to fire after completion
// and the prompt ones. It does not touch a list that has none of these.
func split(nodes *node) (later, prompt *node) {
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
	end := [2]**node{&later, &prompt}
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

// fire fires nodes in the order in which they were linked. A node may be used
// again as soon as it was fired, so its successor is read first.
func fire(nodes *node) {
	var list *node
	for n := nodes; n != nil; {
		next := n.next
		n.next, list, n = list, n, next
	}
	for n := list; n != nil; {
		next := n.next
		n.next, n.prev = nil, nil
		sched.Point("fire")
		n.sink.Fire(n)
		n = next
	}
}

// A callback starts a function in a goroutine of its own.
type callback func()

func (f callback) Fire(*node) { f.start() }

// start allocates nothing but the goroutine: a go statement of a function without
// arguments needs no closure.
func (f callback) start() {
	if sched.On {
		g := f
		f = func() { sched.Point("callback"); g() }
	}
	go f()
}

// after starts f when the latch is set, or now if it is. The returned stop
// keeps the contract of [context.AfterFunc].
func (l *latch) after(f func()) (stop func() bool) {
	n := new(node)
	n.reset(l, callback(f), 0)
	if !l.link(n) {
		callback(f).start()
	}
	return n.stop
}

func (n *node) stop() bool { return n.l.unlink(n) }
