package latch

import (
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/sched"
)

// This file takes completions out of a queue: the queue, its order, and Next. Members
// enter in enter.go and outside.go; takers sleep in sleeper.go. A Set of package async is
// a queue with keys; the methods of Calls that look at one call after the other have a
// queue each. Nothing here takes the lock of a latch while it holds the lock of a queue.
//
//	enter ──▶ member ──Fire, or seen to be over──▶ in the line ──pop──▶ out ──▶ free ──▶ enter
//	            │                                      │
//	            └──────────────── Withdraw ────────────┴──▶ number -1: never in the line again
//
// Which taker has a completion may change. The order of completions may not (Q5), nor that a
// completion is in the line before it can be seen (L6): a TryNext after a look at the member
// must find it.

// A Queue hands out its members in the order in which they complete. Members are
// latches, contexts, and channels that belong to others. The zero Queue is empty and
// ready for use. Any number of goroutines may call its methods at the same time.
//
// A member is a [Node] that the owner of the queue keeps, usually inside a larger entry.
// The owner's functions enter and leave are called under the lock of the queue, so the
// lock guards the owner's entries, too. These functions must be short. They must not
// block, call the queue, or run code of a user.
//
// Invariants:
//
//	Q1  Each member comes out once, or is withdrawn, or stays in the queue.
//	Q2  Withdraw gives every node the number -1. A node with that number never enters
//	    the line, even where its completion was on the way.
//	Q3  size is the number of members that have neither come out nor been withdrawn.
//	    When size becomes zero, emptied is counted up and every sleeper is woken. A
//	    sleeper compares emptied with its value from before the sleep. So the sleeper
//	    knows that the queue was empty, even where a member was added before the
//	    sleeper came to look.
//	Q4  A completion wakes one sleeper, if there is one. A sleeper that wakes for
//	    another reason takes a completion where there is one, so no wake-up is lost.
//	    Where a member is a channel and somebody sleeps, somebody selects, or is awake.
//	Q5  Members come out in the order in which their latches were set.
//
// A sleeper may be woken for nothing; it then sleeps again.
type Queue struct {
	mu        sched.Mutex // guards all that follows; taken after the Mu of a latch
	last      *Node       // the line: complete members in a ring by next; the last one's next is the first
	free      *Node       // nodes that came out and that Add may use again, linked by next
	emptied   atomic.Int64
	asleep    *Sleeper              // the sleeper that is longest asleep, in a ring
	foreign   []foreign             // members that are channels
	ends      map[*Node]*contextEnd // members that are contexts
	size      int32                 // Q3
	selecting bool                  // one sleeper selects over the channels
}

// An Outcome is the answer of [Queue.Next].
type Outcome int

// The outcomes of Next. Each is final: a later Next may have another.
const (
	Taken Outcome = iota // a member has come out
	Empty                // the queue is empty, or was empty during the wait
	Ended                // the Until has ended the wait, and no member is complete
)

// String names the outcome, for messages of tests and logs. A value that is no outcome has
// no name, and String panics.
func (o Outcome) String() string { return [...]string{"taken", "empty", "ended"}[o] }

// Next takes the next member: at once where one is complete, even if u has ended. Next
// calls leave with the node of the member, under the lock, and returns Taken. Each
// [Latch.IsSet] of the member's latch reports true then, and waits for the completer if
// need be. A taker that reads what the completer has published asks IsSet before. The
// node is the queue's own afterwards; the enter function of a later member may get it.
//
// Next returns Empty where the queue is empty, or becomes empty while Next waits. When u
// ends the wait first, Next returns Ended and leaves nothing behind.
//
// Several goroutines may wait in Next. Each member comes out to one of them, in no
// particular order of theirs. The sleeper s may be nil; a loop has one for all its
// rounds.
func (q *Queue) Next(s *Sleeper, u Until, leave func(n *Node)) Outcome {
	q.mu.Lock()
	n, empty := q.nextLocked(s, u)
	switch {
	case n != nil:
		q.handOut(n, leave)
		return Taken
	case empty:
		q.mu.Unlock()
		return Empty
	}
	q.mu.Unlock()
	return Ended
}

// TryNext takes the next member where one is complete, as Next does, and reports whether
// one was. Where no completion has been told, TryNext looks at each member that is a
// context or a channel.
func (q *Queue) TryNext(leave func(n *Node)) bool {
	q.mu.Lock()
	n := q.lookLocked()
	if n == nil {
		q.mu.Unlock()
		return false
	}
	q.handOut(n, leave)
	return true
}

// Len returns the number of members that have not come out, complete or not. Members that
// never complete count, too.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return int(q.size)
}

// handOut gives n, which came out of the line, to the taker. handOut frees the lock, and
// then waits for a completer that fired n early (L6).
func (q *Queue) handOut(n *Node, leave func(n *Node)) {
	var early *Latch
	if n.early {
		early = n.of
	}
	leave(n)
	// The entry is the owner's again, and its node free for a later member.
	n.of, n.next, q.free = nil, q.free, n
	q.mu.Unlock()
	if early != nil {
		early.settle()
	}
}

// nextLocked returns the next complete member, and waits for one if need be, with the
// lock let go. It returns nil and true where the queue is or becomes empty, and nil and
// false where u ends the wait first.
func (q *Queue) nextLocked(s *Sleeper, u Until) (n *Node, empty bool) {
	for {
		if n := q.takeLocked(); n != nil {
			return n, false
		}
		if q.size == 0 {
			return nil, true
		}
		if s == nil {
			s = NewSleeper()
		}
		// The lock is free while the goroutine sleeps, so everything is looked at again.
		before := q.emptied.Load()
		woken := q.parkLocked(s, u)
		switch {
		case q.emptied.Load() != before: // Q3; a completion since then has woken another sleeper (Q4)
			return nil, true
		case !woken:
			return q.lookLocked(), false // completion beats expiry (R6), Q4
		}
	}
}

// takeLocked takes a member that is complete, if there is one. Channels complete without
// telling, so they are looked at; but only where the line is empty, since each look
// costs time in proportion to their number.
func (q *Queue) takeLocked() *Node {
	if q.last == nil {
		q.receiveLocked()
	}
	return q.popLocked()
}

// lookLocked is takeLocked, and looks at contexts as well. The end of a context is told
// by another goroutine, which may be late.
func (q *Queue) lookLocked() *Node {
	if n := q.takeLocked(); n != nil {
		return n
	}
	q.lookAtContextsLocked()
	return q.popLocked()
}

// Fire is told by a completer that the latch of n is set, or is about to be set. Nodes of
// a queue are prompt, so a completion that can be seen is in the queue (L6).
func (q *Queue) Fire(n *Node) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n.index >= 0 { // Q2
		q.pushLocked(n)
	}
}

// pushLocked adds a complete member to the end of the line (Q5), and wakes one sleeper
// (Q4). The sleeper that is longest asleep is woken. A taker that is awake may be faster
// and take the member: the sleeper then finds nothing and sleeps again.
func (q *Queue) pushLocked(n *Node) {
	if q.last == nil {
		n.next = n
	} else {
		n.next, q.last.next = q.last.next, n
	}
	q.last = n
	if s := q.asleep; s != nil {
		q.rouseLocked(s)
	}
}

// popLocked takes the first of the line, or nil. The line is a ring, so one pointer serves
// for both of its ends.
func (q *Queue) popLocked() *Node {
	if q.last == nil {
		return nil
	}
	n := q.last.next
	if n == q.last {
		q.last = nil
	} else {
		q.last.next = n.next
	}
	q.shrinkLocked(1)
	return n
}

// shrinkLocked counts n members out (Q3). A queue of no members that is withdrawn counts as
// emptied once more, which disturbs nobody: a sleeper has a member to wait for.
func (q *Queue) shrinkLocked(n int32) {
	if q.size -= n; q.size == 0 {
		q.emptied.Add(1)
		q.rouseAllLocked()
	}
}
