package latch

import (
	"slices"

	"github.com/seed4712c49f/async/internal/sched"
)

// A Queue delivers nodes in the order in which their latches were set. It is
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
type Queue struct {
	Mu          sched.Mutex // taken after the mu of a latch
	First, Last *Node       // complete, in order, linked by next
	Size        int         // Q3
	emptied     uint64      // how often size became zero, Q3; 2^64 last for ever
	asleep      *Sleeper    // the one longest asleep, in a ring
	Foreign     []foreign   // members that only a select can wait for
	selecting   bool        // a sleeper selects over them
}

// A foreign is a member of a queue that is a channel.
type foreign struct {
	ch <-chan struct{}
	n  *Node
}

// A Sleeper is one goroutine in next. It belongs to that goroutine, which may
// sleep on it again and again.
type Sleeper struct {
	wake       chan struct{} // of one slot
	next, prev *Sleeper      // nil while awake
}

// NewSleeper returns a sleeper that is awake.
func NewSleeper() *Sleeper { return &Sleeper{wake: make(chan struct{}, 1)} }

// Fire is told that n's latch is, or is about to be, set. Its nodes are prompt:
// whatever is seen to be complete is in the queue.
func (q *Queue) Fire(n *Node) {
	q.Mu.Lock()
	defer q.Mu.Unlock()
	if n.Index >= 0 { // Q2
		q.PushLocked(n)
	}
}

// PushLocked adds a completion, and wakes one sleeper (Q4).
func (q *Queue) PushLocked(n *Node) {
	n.Next = nil
	if q.Last == nil {
		q.First = n
	} else {
		q.Last.Next = n
	}
	q.Last = n
	if s := q.asleep; s != nil {
		q.rouseLocked(s)
	}
}

// popLocked takes the first completion, or nil.
func (q *Queue) popLocked() *Node {
	n := q.First
	if n == nil {
		return nil
	}
	if q.First = n.Next; q.First == nil {
		q.Last = nil
	}
	q.ShrinkLocked(1)
	return n
}

// ShrinkLocked counts n members out.
func (q *Queue) ShrinkLocked(n int) {
	if q.Size -= n; q.Size == 0 {
		q.emptied++
		q.rouseAllLocked()
	}
}

func (q *Queue) rouseAllLocked() {
	for q.asleep != nil {
		q.rouseLocked(q.asleep)
	}
}

// rouseLocked takes s out of the ring and wakes it. A token left over from an
// earlier wake-up does as well.
func (q *Queue) rouseLocked(s *Sleeper) {
	q.awakeLocked(s)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (q *Queue) sleepLocked(s *Sleeper) {
	if q.asleep == nil {
		s.next, s.prev, q.asleep = s, s, s
		return
	}
	s.next, s.prev = q.asleep, q.asleep.prev
	s.prev.next, s.next.prev = s, s
}

func (q *Queue) awakeLocked(s *Sleeper) {
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

// NextLocked returns the next completion; it waits for one if need be, with the
// lock let go. It returns nil and true where the queue is or becomes empty, nil
// and false where u ends the wait first. s may be nil; a loop keeps one for all its
// rounds.
func (q *Queue) NextLocked(s *Sleeper, u Until) (n *Node, empty bool) {
	for {
		if n := q.TakeLocked(); n != nil {
			return n, false
		}
		if q.Size == 0 {
			return nil, true
		}
		if s == nil {
			s = NewSleeper()
		}
		before := q.emptied
		woken := q.parkLocked(s, u)
		switch {
		case q.emptied != before: // Q3; a completion since then has woken another sleeper (Q4)
			return nil, true
		case !woken:
			return q.TakeLocked(), false // R6, Q4
		}
	}
}

// TakeLocked takes a completion that is there without waiting.
func (q *Queue) TakeLocked() *Node {
	if q.First == nil && len(q.Foreign) > 0 && !q.selecting {
		q.Foreign = slices.DeleteFunc(q.Foreign, func(f foreign) bool {
			got := Ready(f.ch)
			if got {
				q.PushLocked(f.n)
			}
			return got
		})
	}
	return q.popLocked()
}

// parkLocked lets go of the lock and sleeps until something may have come, and
// reports true, or until u ends the wait.
func (q *Queue) parkLocked(s *Sleeper, u Until) (woken bool) {
	q.sleepLocked(s)
	if len(q.Foreign) > 0 && !q.selecting {
		woken = q.selectLocked(s, u)
	} else {
		q.Mu.Unlock()
		u.Lend()
		woken = Until{Done: u.Done}.Receive(s.wake)
		q.Mu.Lock()
	}
	q.awakeLocked(s)
	if !u.tryRegain() {
		if q.First != nil && q.asleep != nil {
			q.rouseLocked(q.asleep) // a completion does not wait for a slot
		}
		q.Mu.Unlock()
		u.Regain()
		q.Mu.Lock()
	}
	return woken
}

// selectLocked is parkLocked for the one sleeper that also looks after the
// foreign members. One does at a time, so that no more is received than counts
// as a completion; when it leaves, another takes its place.
func (q *Queue) selectLocked(s *Sleeper, u Until) (woken bool) {
	members := slices.Clone(q.Foreign)
	q.selecting = true
	q.Mu.Unlock()
	chans := make([]<-chan struct{}, len(members))
	for i, f := range members {
		chans[i] = f.ch
	}
	u.Lend()
	got := receiveAny(chans, Until{Done: u.Done}, s.wake)
	q.Mu.Lock()
	q.selecting = false
	for _, i := range got {
		q.receivedLocked(members[i].n)
	}
	if q.awakeLocked(s); q.asleep != nil && len(q.Foreign) > 0 {
		q.rouseLocked(q.asleep)
	}
	return len(got) > 0 || !Ready(u.Done)
}

// AddForeignLocked has n, which is counted, wait for a channel.
func (q *Queue) AddForeignLocked(n *Node, ch <-chan struct{}) {
	if ch != nil { // a nil channel never completes
		q.Foreign = append(q.Foreign, foreign{ch, n})
		q.rouseAllLocked() // whoever selects does so without ch
	}
}

// receivedLocked completes a foreign member, unless it was withdrawn.
func (q *Queue) receivedLocked(n *Node) {
	i := slices.IndexFunc(q.Foreign, func(f foreign) bool { return f.n == n })
	if i < 0 {
		return
	}
	q.Foreign = slices.Delete(q.Foreign, i, i+1)
	q.PushLocked(n)
}
