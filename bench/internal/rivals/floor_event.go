package rivals

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// A handEvent is the least that opens once for waiters of any kind: a word to look
// at, a list of those to tell, and a lock for the one who completes it. It is as
// large as an event of this library.
type handEvent struct {
	mu   sync.Mutex
	word atomic.Uint64 // 1: set
	ch   chan struct{} // made by the first who parks
	head atomic.Pointer[handNode]
}

// A handNode is one registration at one event.
type handNode struct {
	next *handNode
	on   *handEvent
	sink handSink
	key  int
}

// A handSink is told that the event of a node is set.
type handSink interface{ fire(n *handNode) }

// handSpent is the head of what is set.
var handSpent handNode

func (e *handEvent) isSet() bool { return e.word.Load() != 0 }

// set sets it, once.
func (e *handEvent) set() {
	if e.claim() {
		e.publish()
	}
}

// claim makes the caller the one to complete it, who then has the lock. It reports
// false where somebody was.
func (e *handEvent) claim() bool {
	e.mu.Lock()
	if e.isSet() {
		e.mu.Unlock()
		return false
	}
	return true
}

// publish is the rest of set, by one who has written what is to be published. It
// tells everyone before anybody can see that the event is set: what is seen to be
// complete is in every set that it was added to.
func (e *handEvent) publish() {
	for n := e.head.Swap(&handSpent); n != nil; {
		next := n.next
		n.sink.fire(n)
		n = next
	}
	ch := e.ch
	e.word.Add(1)
	e.mu.Unlock()
	if ch != nil {
		close(ch)
	}
}

// wait waits until it is set.
func (e *handEvent) wait() {
	if e.isSet() {
		return
	}
	e.mu.Lock()
	if e.isSet() {
		e.mu.Unlock()
		return
	}
	if e.ch == nil {
		e.ch = make(chan struct{})
	}
	ch := e.ch
	e.mu.Unlock()
	<-ch
}

// link registers n, and reports false where the event is set.
func (e *handEvent) link(n *handNode) bool {
	n.on = e
	for {
		first := e.head.Load()
		if first == &handSpent {
			return false
		}
		n.next = first
		if e.head.CompareAndSwap(first, n) {
			return true
		}
	}
}

// unlink takes back a node that was the only one, which is all that is asked of it
// here, and reports whether it was not fired.
func (n *handNode) unlink() bool { return n.on.head.CompareAndSwap(n, nil) }

// giveWay lets others run once before a wait: what is about to complete has done so
// by then, and nobody parks.
func giveWay() { runtime.Gosched() }
