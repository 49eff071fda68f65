package async

import (
	"context"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// slots are what a scope's limit leaves to share: so many functions may run at
// once. They are guarded by the scope's mu.
type slots struct {
	limit int // 0: none
	used  int
	queue int   // calls that wait for their first slot
	head  *task // the first of these; the rest are behind it in the scope's list

	again     *task // the first function that wants its slot back, linked by aside.after
	lastAgain *task
	callsTurn bool // such a function had the last slot

	watches map[<-chan struct{}]*ctxWatch // of the contexts of those in the queue
}

func (s *slots) free() bool { return s.limit == 0 || s.used < s.limit }

func (s *slots) take(t *task) {
	if s.limit > 0 {
		s.used++
		t.held = true
	}
}

func (s *slots) give(t *task) {
	s.used--
	t.held = false
}

// fullLocked reports whether another function would find neither a slot nor a
// place in the queue. Those about to come have theirs.
func (s *Scope) fullLocked() bool {
	return s.slots.limit > 0 && s.o.Queue > 0 && s.slots.used+s.slots.queue+s.coming >= s.slots.limit+s.o.Queue
}

// enqueueLocked has a task that is in the list wait for its first slot.
func (s *Scope) enqueueLocked(t *task) {
	t.state, t.waited = taskQueued, true
	s.slots.queue++
	if s.slots.head == nil {
		s.slots.head = t
	}
}

// dequeueLocked takes a task out of the queue, and returns the watch that nobody
// needs any more then, if any. The queue is those of the list that are queued; as
// its head only moves forward, looking for the next costs a step for each task,
// once.
func (s *Scope) dequeueLocked(t *task) *ctxWatch {
	s.slots.queue--
	if s.slots.head == t {
		next := t.next
		for s.slots.queue > 0 && next.state != taskQueued {
			next = next.next
		}
		if s.slots.queue == 0 {
			next = nil
		}
		s.slots.head = next
	}
	return t.unwatchLocked()
}

// grantLocked gives a slot that is free to whoever waits for one (T2): in turn to
// functions that come out of a wait and to calls that wait to start. Neither can
// keep the other from ever having one. It returns the task that is to be started,
// if any, and a watch that nobody needs any more.
func (s *Scope) grantLocked() (start *task, drop *ctxWatch) {
	again := s.againLocked()
	if again != nil && (s.slots.head == nil || !s.slots.callsTurn) {
		s.popAgainLocked()
		s.slots.take(again)
		again.wakeLocked()
		s.slots.callsTurn = true
		return nil, nil
	}
	s.slots.callsTurn = false
	start = s.slots.head
	if start != nil {
		drop = s.dequeueLocked(start)
		s.startLocked(start)
	}
	return start, drop
}

// againLocked returns the first function that wants its slot back, and takes those
// before it out of the list, which want it no more.
func (s *Scope) againLocked() *task {
	for s.slots.again != nil && s.slots.again.aside.ready == nil {
		s.popAgainLocked()
	}
	return s.slots.again
}

func (s *Scope) popAgainLocked() {
	a := s.slots.again.aside
	s.slots.again, a.after, a.listed = a.after, nil, false
}

// slotOf returns the task of the function that ctx was made for, where that may
// have a slot to lend: nil outside of scopes with a limit. What a function begins
// outside of its scope is not the function itself.
func slotOf(ctx context.Context) latch.Slot {
	c := coreOf(ctx)
	if c == nil {
		return nil
	}
	t := c.task.inScope()
	if t == nil || t.scope.slots.limit == 0 {
		return nil
	}
	return t
}

// Lend hands the slot back for the time of a wait (C2): the first of the
// function's goroutines to wait does. One of them that was waiting for the slot to
// go on may go on without.
func (t *task) Lend() {
	s := t.scope
	var start *task
	var drop *ctxWatch
	s.mu.Lock()
	t.parked++
	if t.held {
		s.slots.give(t)
		start, drop = s.grantLocked()
	}
	t.wakeLocked()
	s.mu.Unlock()
	drop.end()
	if start != nil {
		go start.loop()
	}
}

// TryRegain takes the slot again and reports whether there was one, or none is
// needed.
func (t *task) TryRegain() bool {
	t.scope.mu.Lock()
	defer t.scope.mu.Unlock()
	return t.regainLocked()
}

// regainLocked ends a wait where that needs no waiting: the last of the function's
// goroutines to come back takes the slot, the others go on without. A promise has
// no function, and a function that has returned needs no slot.
func (t *task) regainLocked() bool {
	if !t.held && t.state == taskRunning && t.parked == 1 {
		if !t.scope.slots.free() {
			return false
		}
		t.scope.slots.take(t)
	}
	t.parked--
	return true
}

// Regain takes the slot again and waits for it if need be: whatever happens, until
// one is free.
func (t *task) Regain() {
	s := t.scope
	s.mu.Lock()
	for !t.regainLocked() {
		ready := s.wantLocked(t)
		s.mu.Unlock()
		<-ready
		sched.Point("woken")
		s.mu.Lock()
	}
	s.mu.Unlock()
}

// wakeLocked has a goroutine that waits for the slot look again.
func (t *task) wakeLocked() {
	if a := t.aside; a != nil && a.ready != nil {
		close(a.ready)
		a.ready = nil
	}
}

// wantLocked has a function wait for its slot. One that did before, and went on
// without, may have its place in the list still.
func (s *Scope) wantLocked(t *task) (ready <-chan struct{}) {
	a := t.besides()
	if a.ready == nil {
		a.ready = make(chan struct{})
	}
	if a.listed {
		return a.ready
	}
	a.listed = true
	if s.slots.again == nil {
		s.slots.again = t
	} else {
		s.slots.lastAgain.aside.after = t
	}
	s.slots.lastAgain = t
	return a.ready
}
