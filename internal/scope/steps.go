package scope

import (
	"github.com/seed4712c49f/async/internal/list"
	"github.com/seed4712c49f/async/internal/sched"
)

// This file has the steps of a member from one state to the next, in the order of a life.
// Each step is one critical section, and leaves T1 to T6 true. The scope of package async
// takes these steps for a call: Admit and Enter when the call begins, Finish when its
// function has returned, and Completing, Settled and Told when it is complete.
//
//	step                  from                   to
//	Admit                 out                    announced, or waiting; then as Enter
//	Enter                 announced              queued, or running
//	a slot is handed on   queued                 running
//	Withdraw              announced, queued      withdrawn
//	Settled               announced, queued,     over, without the function
//	                      withdrawn, waiting
//	Settled               running                running, counted as stopping
//	Finish                running                over
//
// A step that is added here says which state it starts from, counts what it moves, and
// ends by roomLocked where it may leave more room than there was. Two steps may not become
// one, nor one step two, without a look at who may come in between: a completer in another
// goroutine, a canceler of the queue, a context that ends.

// A Refusal is why a hub does not take a job.
type Refusal uint8

// The refusals.
const (
	Accepted Refusal = iota // no refusal
	Closed                  // the hub takes no more
	Full                    // there is neither a slot nor a place in the queue
)

// Admit takes the job in, or says why not. Where function is true, the job has a
// function, and Admit reports whether the function may start: the caller then calls
// Start. Where announce is true, the caller tells somebody first, and calls Enter after.
// Where room is true, the hub keeps a place for the job, which Admit takes or gives back;
// see Reserve.
//
// Admit may be called under a lock of the caller. It is the one step at which a hub that
// is closed refuses, so no job is accepted after Close has returned.
func (m *Member) Admit(function, announce, room bool) (start bool, why Refusal) {
	h := m.hub
	now := h.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if room {
		h.coming-- // the place is this job's, or nobody's where the hub is closed
	}
	switch {
	case h.closed:
		return false, Closed
	case function && !room && h.isFullLocked():
		return false, Full
	}
	h.begun++
	h.live++ // T1
	m.id, m.began = h.begun, now
	if m.extra != nil && m.extra.attached != nil {
		m.keepLocked()
	}
	m.state = stateWaiting
	if function {
		m.state = stateAnnounced
		h.coming++ // until the member is in the list
	}
	if announce {
		return false, Accepted
	}
	return h.enterLocked(m, now), Accepted
}

// Enter is the second half of Admit for a caller that has told somebody in between. It
// reports whether the function may start. Where the hub has ended meanwhile, Enter cancels
// the job: EndAll did not see it.
func (m *Member) Enter() (start bool) {
	h := m.hub
	now := h.Now()
	h.mu.Lock()
	if h.ended {
		h.mu.Unlock()
		m.Job().Cancel(h.o.Ended)
		return false
	}
	defer h.mu.Unlock()
	return h.enterLocked(m, now)
}

// enterLocked puts the member in the list, unless the job was canceled by now, and reports
// whether its function may start.
func (h *Hub) enterLocked(m *Member, now int64) (start bool) {
	switch m.state {
	case stateWaiting:
		list.Push(&h.members, m)
	case stateAnnounced:
		h.coming--
		list.Push(&h.members, m)
		if start = h.slots.isFree(); start {
			h.startLocked(m, now)
		} else {
			h.enqueueLocked(m)
		}
	}
	return start
}

// startLocked gives a slot to a member that has not run. The caller has found one free, and
// has the function started when the lock is free: by Start, or on a goroutine that is free.
func (h *Hub) startLocked(m *Member, now int64) {
	m.state, m.started = stateRunning, now
	h.running++
	h.slots.take(m)
}

// Start runs the job in a goroutine of its own, and after it whatever has its slot: Run
// returns the member whose turn is next. So a full hub starts no goroutine for each job.
func (m *Member) Start() { go m.loop() }

func (m *Member) loop() {
	if m.hub.o.Deep {
		GrowStack(1)
	}
	for m != nil {
		m = m.Job().Run()
	}
}

// GrowStack has the stack of the goroutine grow. To grow a stack costs time for each frame that
// is on it, so GrowStack is called while there are few, where the stack is to grow in any case.
// at is an index of the frame of 2 kB that it needs, any one; the result says nothing.
//
//go:noinline // or the frame would be that of the caller
func GrowStack(at int) byte {
	var frame [2048]byte
	frame[at] = 1 // or the compiler would see that the frame is of no use
	return frame[at/2]
}

// Finish is told that the function of the job has returned, or, where ran is false, is
// not going to run. Finish returns the member whose turn it is now: the goroutine of
// the caller is free to run that one. Where the member was withdrawn before it ran,
// Settled has done all that there was to do.
func (m *Member) Finish(ran bool) (next *Member) {
	h := m.hub
	h.mu.Lock()
	defer h.unlock()
	if m.state != stateRunning {
		return nil
	}
	h.running--
	if m.stopping {
		h.stopping--
	}
	if at := m.canceledAt(); at != 0 && ran {
		h.stopped(h.Now() - at)
	}
	m.wakeLocked()
	if m.held {
		next = h.handOnLocked(m)
	}
	h.overLocked(m)
	return next
}

// Completing counts the outcome of a job that is about to be complete (T3). It is called
// once for each job, under the lock of the job's latch. Where alone is true, the job is
// completed without its function. The completer is counted in live then, until Told: the
// function may return, and the member be over, before everybody is told (T1). The time of a
// cancellation is written here and not in Settled, since Finish may come between.
func (m *Member) Completing(o Outcome, alone bool) {
	h := m.hub
	if alone {
		h.mu.Lock()
		h.live++
		if o == Canceled {
			m.extras().canceled = h.Now()
		}
		h.mu.Unlock()
	}
	sched.Point("count the outcome")
	h.outcomes[o].Add(1)
}

// Withdraw keeps a function that has not started from starting, and reports whether it
// did. The caller then cancels the job, and Settled ends the member. Between the two the
// member is in the list, where it has entered, and counted in live.
func (m *Member) Withdraw() bool {
	m.hub.mu.Lock()
	defer m.hub.unlock()
	return m.withdrawLocked()
}

// withdrawLocked is Withdraw under the lock. It gives up the place that the member has: one
// that was promised to it, or one in the queue.
func (m *Member) withdrawLocked() bool {
	h := m.hub
	switch m.state {
	case stateAnnounced:
		h.coming--
	case stateQueued:
		h.dequeueLocked(m)
	default:
		return false
	}
	m.state = stateWithdrawn
	h.roomLocked() // T4
	return true
}

// Settled is told that the job is complete without its function: it was canceled, or it is
// a promise. It is called after the completion, by the completer. A member for which no
// function is going to run is over. The function of a running member goes on and is counted
// as stopping, until Finish. Settled reports whether the function was to run and is not
// going to: the caller lets go of the function then.
func (m *Member) Settled() (dismissed bool) {
	h := m.hub
	h.mu.Lock()
	defer h.unlock()
	m.withdrawLocked()
	switch m.state {
	case stateRunning: // Finish ends it
		if m.canceledAt() != 0 {
			m.stopping = true
			h.stopping++
		}
	case stateWithdrawn, stateWaiting:
		dismissed = m.state == stateWithdrawn
		h.overLocked(m)
	}
	return dismissed
}

// Told is told that everything is called which the completion without the function had
// to call. Until then the hub is not at its end (T1).
func (m *Member) Told() { m.hub.down() }

// overLocked ends a member, which may be in the list, and counts it out (T1).
func (h *Hub) overLocked(m *Member) {
	list.Remove(&h.members, m)
	m.state = stateOver
	if m.extra != nil && m.extra.drains > 0 {
		h.inside--
	}
	h.downLocked()
}
