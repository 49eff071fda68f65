package async

import (
	"slices"

	"github.com/seed4712c49f/async/internal/sched"
)

// A queue delivers nodes in the order in which their latches were set. It is
// the core of [Set] and of those methods of [Calls] that look at one call after
// the other.
//
// Invariants:
//
//	Q1  Each node added comes out of next once, or is withdrawn by its owner.
//	Q2  A node that was withdrawn while its completion was on the way has i = -1.
//	Q3  size is the number of nodes added that have neither come out nor been
//	    withdrawn. When size becomes zero, emptied is counted up and every
//	    sleeper is woken. A sleeper compares emptied with its value from before
//	    the sleep: so the sleeper knows that the queue was empty, even where a
//	    node was added before the sleeper came to look.
//	Q4  A completion wakes one sleeper, if there is one. A sleeper that leaves
//	    for another reason takes a completion along if there is any, so no
//	    wake-up is lost with it.
//
// A wake-up may be spurious: a sleeper that finds nothing sleeps again.
type queue struct {
	mu          sched.Mutex // taken after the mu of a latch
	first, last *node       // complete, in order, linked by next
	size        int         // Q3
	emptied     uint64      // how often size became zero, Q3; 2^64 last for ever
	asleep      *sleeper    // the one longest asleep, in a ring
	foreign     []foreign   // members that only a select can wait for
	selecting   bool        // a sleeper selects over them
}

// A foreign is a member of a queue that is a channel.
type foreign struct {
	ch <-chan struct{}
	n  *node
}

// A sleeper is one goroutine in next. It belongs to that goroutine, which may
// sleep on it again and again.
type sleeper struct {
	wake       chan struct{} // of one slot
	next, prev *sleeper      // nil while awake
}

func newSleeper() *sleeper { return &sleeper{wake: make(chan struct{}, 1)} }

// fire is told that n's latch is, or is about to be, set. Its nodes are prompt:
// whatever is seen to be complete is in the queue.
func (q *queue) Fire(n *node) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n.i >= 0 { // Q2
		q.pushLocked(n)
	}
}

func (q *queue) pushLocked(n *node) {
	n.next = nil
	if q.last == nil {
		q.first = n
	} else {
		q.last.next = n
	}
	q.last = n
	if s := q.asleep; s != nil {
		q.rouseLocked(s)
	}
}

// popLocked takes the first completion, or nil.
func (q *queue) popLocked() *node {
	n := q.first
	if n == nil {
		return nil
	}
	if q.first = n.next; q.first == nil {
		q.last = nil
	}
	q.shrinkLocked(1)
	return n
}

// shrinkLocked counts n members out.
func (q *queue) shrinkLocked(n int) {
	if q.size -= n; q.size == 0 {
		q.emptied++
		q.rouseAllLocked()
	}
}

func (q *queue) rouseAllLocked() {
	for q.asleep != nil {
		q.rouseLocked(q.asleep)
	}
}

// rouseLocked takes s out of the ring and wakes it. A token left over from an
// earlier wake-up does as well.
func (q *queue) rouseLocked(s *sleeper) {
	q.awakeLocked(s)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (q *queue) sleepLocked(s *sleeper) {
	if q.asleep == nil {
		s.next, s.prev, q.asleep = s, s, s
		return
	}
	s.next, s.prev = q.asleep, q.asleep.prev
	s.prev.next, s.next.prev = s, s
}

func (q *queue) awakeLocked(s *sleeper) {
	if s.next == nil {
		return
	}
	if q.asleep == s {
		q.asleep = s.next
	}
	if q.asleep == s {
		q.asleep = nil
	}
	s.prev.next, s.next.prev = s.next, s.prev
	s.next, s.prev = nil, nil
}

// nextLocked returns the next completion; it waits for one if need be, with the
// lock let go. It returns nil and true where the queue is or becomes empty, nil
// and false where u ends the wait first. s may be nil; a loop keeps one for all its
// rounds.
func (q *queue) nextLocked(s *sleeper, u until) (n *node, empty bool) {
	for {
		if n := q.takeLocked(); n != nil {
			return n, false
		}
		if q.size == 0 {
			return nil, true
		}
		if s == nil {
			s = newSleeper()
		}
		before := q.emptied
		woken := q.parkLocked(s, u)
		switch {
		case q.emptied != before: // Q3; a completion since then has woken another sleeper (Q4)
			return nil, true
		case !woken:
			return q.takeLocked(), false // R6, Q4
		}
	}
}

// takeLocked takes a completion that is there without waiting.
func (q *queue) takeLocked() *node {
	if q.first == nil && len(q.foreign) > 0 && !q.selecting {
		q.foreign = slices.DeleteFunc(q.foreign, func(f foreign) bool {
			got := ready(f.ch)
			if got {
				q.pushLocked(f.n)
			}
			return got
		})
	}
	return q.popLocked()
}

// parkLocked lets go of the lock and sleeps until something may have come, and
// reports true, or until u ends the wait.
func (q *queue) parkLocked(s *sleeper, u until) (woken bool) {
	q.sleepLocked(s)
	if len(q.foreign) > 0 && !q.selecting {
		woken = q.selectLocked(s, u)
	} else {
		q.mu.Unlock()
		u.lend()
		woken = until{done: u.done}.receive(s.wake)
		q.mu.Lock()
	}
	q.awakeLocked(s)
	if !u.tryRegain() {
		if q.first != nil && q.asleep != nil {
			q.rouseLocked(q.asleep) // a completion does not wait for a slot
		}
		q.mu.Unlock()
		u.regain()
		q.mu.Lock()
	}
	return woken
}

// selectLocked is parkLocked for the one sleeper that also looks after the
// foreign members. One does at a time, so that no more is received than counts
// as a completion; when it leaves, another takes its place.
func (q *queue) selectLocked(s *sleeper, u until) (woken bool) {
	members := slices.Clone(q.foreign)
	q.selecting = true
	q.mu.Unlock()
	chans := make([]<-chan struct{}, len(members))
	for i, f := range members {
		chans[i] = f.ch
	}
	u.lend()
	got := receiveAny(chans, until{done: u.done}, s.wake)
	q.mu.Lock()
	q.selecting = false
	for _, i := range got {
		q.receivedLocked(members[i].n)
	}
	if q.awakeLocked(s); q.asleep != nil && len(q.foreign) > 0 {
		q.rouseLocked(q.asleep)
	}
	return len(got) > 0 || !ready(u.done)
}

// addForeignLocked has n, which is counted, wait for a channel.
func (q *queue) addForeignLocked(n *node, ch <-chan struct{}) {
	if ch != nil { // a nil channel never completes
		q.foreign = append(q.foreign, foreign{ch, n})
		q.rouseAllLocked() // whoever selects does so without ch
	}
}

// receivedLocked completes a foreign member, unless it was withdrawn.
func (q *queue) receivedLocked(n *node) {
	i := slices.IndexFunc(q.foreign, func(f foreign) bool { return f.n == n })
	if i < 0 {
		return
	}
	q.foreign = slices.Delete(q.foreign, i, i+1)
	q.pushLocked(n)
}
