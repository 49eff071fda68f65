package latch

// This file has the goroutines that sleep in Next of a [Queue]: a ring of them, the one
// longest asleep first. The lock of the queue guards the ring. Only Next parks here, and
// one of four things rouses a sleeper: a completion, an empty queue, a channel more to
// select over, or another sleeper that cannot use its own wake-up.
//
//	awake ──sleepLocked──▶ in the ring ──rouseLocked──▶ roused: out of the ring, wake is full
//	  ▲                         │                                     │
//	  └───────awakeLocked───────┴──────────── the goroutine ──────────┘
//
// Which sleeper is roused may change: Next promises no order. What may not: a goroutine that
// leaves the ring, for whatever reason, looks for a completion or rouses another that does.
// Else a completion is there and everybody sleeps (Q4).

// A Sleeper is one goroutine in Next. It belongs to that goroutine, which may sleep on it
// in one Next after the other, and in one queue at a time.
//
// A sleeper costs a channel, so a loop makes one and gives it to each Next.
type Sleeper struct {
	wake       chan struct{} // has room for one wake-up
	next, prev *Sleeper      // nil while awake
}

// NewSleeper returns a sleeper that is awake. Its channel belongs to the bubble of
// testing/synctest in which it was made, if any, and so does the sleeper.
func NewSleeper() *Sleeper { return &Sleeper{wake: make(chan struct{}, 1)} }

// parkLocked lets go of the lock and sleeps. It returns true when something may have
// come, and false where u has ended the wait. The slot of the waiter is lent meanwhile.
// To have it back may take long: a sleeper that has to wait for its slot wakes another,
// which takes the completion in the meantime (Q4).
func (q *Queue) parkLocked(s *Sleeper, u Until) (woken bool) {
	q.sleepLocked(s)
	if len(q.foreign) > 0 && !q.selecting {
		woken = q.selectLocked(s, u)
	} else {
		q.mu.Unlock()
		u.Lend()
		woken = Until{Done: u.Done}.Receive(s.wake)
		q.mu.Lock()
	}
	// Awake. The slot comes before the completion, since a goroutine without its slot may
	// not go on, and the lock is not held while the goroutine waits for the slot.
	q.awakeLocked(s)
	if q.asleep != nil && len(q.foreign) > 0 && !q.selecting { // s may leave, or wait for its slot
		q.rouseLocked(q.asleep)
	}
	if !u.tryRegain() {
		if q.last != nil && q.asleep != nil {
			q.rouseLocked(q.asleep)
		}
		q.mu.Unlock()
		u.Regain()
		q.mu.Lock()
	}
	return woken
}

// sleepLocked puts s at the end of the ring. The ring is doubly linked, so that a sleeper
// leaves it in constant time.
func (q *Queue) sleepLocked(s *Sleeper) {
	if q.asleep == nil {
		s.next, s.prev, q.asleep = s, s, s
		return
	}
	s.next, s.prev = q.asleep, q.asleep.prev
	s.prev.next, s.next.prev = s, s
}

// awakeLocked takes s out of the ring. A sleeper that was roused is out of the ring already,
// and awakeLocked does nothing.
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

// rouseLocked takes s out of the ring and wakes it. Where an earlier wake-up is still in
// the channel, that one wakes s.
func (q *Queue) rouseLocked(s *Sleeper) {
	q.awakeLocked(s)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// rouseAllLocked wakes every sleeper: the queue is empty (Q3), or there is a channel more to
// select over.
func (q *Queue) rouseAllLocked() {
	for q.asleep != nil {
		q.rouseLocked(q.asleep)
	}
}
