package scope

import (
	"context"

	"github.com/seed4712c49f/async/internal/sched"
)

// A Job is what a member stands for: a call, as its scope knows it. The methods are
// called without the lock of the hub.
type Job interface {
	// Context returns the context that the job was begun with.
	Context() context.Context

	// Cancel completes the job with a cause and reports true, or that the job is complete.
	Cancel(cause error) bool

	// Run runs the function of the job, or finds that the job is complete. Run calls
	// Finish of the member last, and returns what Finish returned.
	Run() (next *Member)
}

// A Member is the place of one job in a hub, from when the job is accepted until its
// function has returned. A job without a function, such as a promise, is in until it is
// complete. A Member is made inside another struct, so that a job and its place take one
// allocation; Init comes first. A Member has no pointer to its job: Options.Job finds the
// struct around the Member, and each job is 16 bytes smaller.
//
//	            refused                     nothing is counted but the refusal
//	               ▲
//	Admit ──▶ announced ──▶ queued ──▶ running ──▶ over
//	          (observers     │ (a slot)  │ ▲         ▲
//	           are told)     │           ▼ │         │
//	               │         │          lent         │
//	               │         ├──▶ doomed ─────────── ┤
//	               │         └── canceled, never run ┤
//	               └──▶ waiting (no function) ───────┘
//
// Invariants, all of them under the lock of the hub:
//
//	T1  Each accepted member is counted in live until the member is over, and is in
//	    the list, in the order of entering, but for the time in which an observer is
//	    told of Begin. The goroutine that makes a member over counts it out: that of
//	    the function, or, where no function is going to run, the completer. A
//	    goroutine that completes a job without the function is counted in live, too,
//	    until everybody is told.
//	T2  A slot is held by a member that is running, and of whose goroutines none is
//	    parked in a wait. Where a slot is free, nobody waits for one.
//	T3  The outcome of a job is counted before the job can be seen to be complete.
//	T4  Where the hub has room for another job, nobody waits for room.
type Member struct {
	hub     *Hub
	id      uint64 // from 1; 2^64 jobs last for ever
	began   int64  // on the clock of the hub
	started int64  // when the function had its first slot; 0 where it has had none

	next, prev *Member // in the list; a cursor stands there without a hub
	extra      *extra  // what few members need
	state      state
	held       bool   // has a slot
	waited     bool   // had to wait for its first slot
	stopping   bool   // canceled while its function ran; counted
	parked     uint32 // goroutines of its function that are in a wait; 2^32 of them have no room in memory
}

// An extra is what few members need.
type extra struct {
	canceled int64         // when, on the clock of the hub; 0 where it is not
	watch    *watch        // of the job's context, while the job is queued
	watched  link          // in the members of the watch
	ready    chan struct{} // closed when there is a slot again; made by one who waits for that
	after    *Member       // the next in the list of those who wait for a slot again
	listed   bool          // in that list
	drains   int           // how many drains its function waits in
	kept     link          // in the chain of members with handles
	attached any           // see Attach; written before Admit
}

// A state is where a member is in its life.
type state uint8

const (
	stateOut       state = iota // in no hub → announced, or one of those below
	stateAnnounced              // accepted; observers are being told → queued, running or over
	statePromised               // the same without a function → waiting or over
	stateQueued                 // waits for its first slot → running, doomed or over
	stateDoomed                 // was taken out of the queue, and is about to be canceled → over
	stateRunning                // its function runs, or is about to → over
	stateWaiting                // has no function to run → over
	stateWithdrawn              // was queued, and is not going to run; the job is about to be canceled → over
	stateDropped                // was announced, and is not going to run; the same → over
	stateOver                   // terminal
)

// A Refusal is why a hub does not take a job.
type Refusal uint8

// The refusals.
const (
	Accepted Refusal = iota // no refusal
	Closed                  // the hub takes no more
	Full                    // there is neither a slot nor a place in the queue
)

// Init makes m the member of a job that is about to be admitted.
func (m *Member) Init(h *Hub) { m.hub = h }

// Hub returns the hub that the member is of.
func (m *Member) Hub() *Hub { return m.hub }

// Job returns the job that the member stands for.
func (m *Member) Job() Job { return m.hub.o.Job(m) }

// isCursor reports whether m stands in a list for a loop, and for no job.
func (m *Member) isCursor() bool { return m.hub == nil }

// ID returns the number of the member, counted from 1, and Began the time of its
// admission. Both are written by Admit.
func (m *Member) ID() uint64 { return m.id }

// Began returns when the job was admitted, on the clock of the hub.
func (m *Member) Began() int64 { return m.began }

// Attach gives the member something to carry. It is called before Admit, at most once.
func (m *Member) Attach(v any) { m.extras().attached = v }

// Attached returns what the member carries; something was attached.
func (m *Member) Attached() any { return m.extra.attached }

// Admit takes the job in, or says why not. Where function is true, the job has a
// function, and Admit reports whether the function may start: the caller then calls
// Start. Where announce is true, the caller tells somebody first, and calls Enter after.
// Where room is true, the hub keeps a place for the job, which Admit takes or gives back;
// see Reserve.
func (m *Member) Admit(function, announce, room bool) (start bool, why Refusal) {
	h := m.hub
	now := h.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if room {
		h.coming--
	}
	switch {
	case h.closed:
		return false, Closed
	case function && !room && h.fullLocked():
		return false, Full
	}
	h.begun++
	h.live++
	m.id, m.began = h.begun, now
	switch {
	case !announce:
		return h.enterLocked(m, function, now), Accepted
	case function:
		m.state = stateAnnounced
		h.coming++
	default:
		m.state = statePromised
	}
	return false, Accepted
}

// Enter is the second half of Admit for one who has told somebody in between. It
// reports whether the function may start.
func (m *Member) Enter() (start bool) {
	h := m.hub
	h.mu.Lock()
	if h.ended {
		h.mu.Unlock()
		m.Job().Cancel(h.o.Ended)
		return false
	}
	defer h.mu.Unlock()
	switch m.state {
	case stateAnnounced:
		h.coming--
		return h.enterLocked(m, true, h.Now())
	case statePromised:
		return h.enterLocked(m, false, 0)
	}
	return false // canceled by now
}

// enterLocked puts the member in the list and reports whether its function may start.
func (h *Hub) enterLocked(m *Member, function bool, now int64) (start bool) {
	h.members.push(m)
	switch {
	case !function:
		m.state = stateWaiting
	case h.slots.free():
		h.startLocked(m, now)
		return true
	default:
		h.enqueueLocked(m)
	}
	return false
}

// startLocked gives a slot to a member that has not run.
func (h *Hub) startLocked(m *Member, now int64) {
	m.state, m.started = stateRunning, now
	h.running++
	h.slots.take(m)
}

// Start runs the job in a goroutine of its own, and after it whatever has its slot.
func (m *Member) Start() { go m.loop() }

func (m *Member) loop() {
	for m != nil {
		m = m.Job().Run()
	}
}

// Finish is told that the function of the job has returned, or, where ran is false, is
// not going to run. Finish returns the member whose turn it is now: the goroutine of
// the caller is free to run that one.
func (m *Member) Finish(ran bool) (next *Member) {
	h := m.hub
	h.mu.Lock()
	if m.state != stateRunning { // canceled in the queue; see Settled
		h.mu.Unlock()
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
	var drop *watch
	if m.held {
		h.slots.give(m)
		next, drop = h.grantLocked()
	}
	h.roomLocked()
	h.leaveLocked(m)
	h.mu.Unlock()
	drop.end()
	return next
}

// Completing counts the outcome of a job that is about to be complete (T3). A job that
// is completed without its function counts its completer in live, too, until Told (T1).
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

// Settled is told that the job is complete without its function. A member for which no
// function is going to run is over. Settled reports whether the function was to run and
// is not going to.
func (m *Member) Settled() (dismissed bool) {
	h := m.hub
	h.mu.Lock()
	var drop *watch
	switch m.state {
	case stateAnnounced:
		h.coming--
		dismissed = true
		h.roomLocked()
		h.overLocked(m)
	case statePromised:
		h.overLocked(m)
	case stateDropped:
		dismissed = true
		h.overLocked(m)
	case stateQueued:
		drop = h.dequeueLocked(m)
		dismissed = true
		h.roomLocked()
		h.leaveLocked(m)
	case stateDoomed:
		dismissed = true
		h.leaveLocked(m)
	case stateWithdrawn:
		dismissed = true
		h.leaveLocked(m)
	case stateWaiting:
		h.leaveLocked(m)
	case stateRunning:
		if m.canceledAt() != 0 {
			m.stopping = true
			h.stopping++
		}
	}
	h.mu.Unlock()
	drop.end()
	return dismissed
}

// Withdraw keeps a function that has not started from starting, and reports whether it
// did. The caller cancels the job then.
func (m *Member) Withdraw() bool {
	h := m.hub
	h.mu.Lock()
	var drop *watch
	withdrawn := true
	switch m.state {
	case stateAnnounced:
		h.coming--
		m.state = stateDropped
	case stateQueued:
		drop = h.dequeueLocked(m)
		m.state = stateWithdrawn
	default:
		withdrawn = false
	}
	h.mu.Unlock()
	drop.end()
	return withdrawn
}

// Told is told that everything is called which the completion without the function had
// to call. Until then the hub is not at its end.
func (m *Member) Told() { m.hub.down() }

// leaveLocked counts a member out that is in the list.
func (h *Hub) leaveLocked(m *Member) {
	h.members.remove(m)
	h.overLocked(m)
}

// overLocked ends a member.
func (h *Hub) overLocked(m *Member) {
	m.state = stateOver
	if m.extra != nil && m.extra.drains > 0 {
		h.inside--
	}
	h.downLocked()
}

// Waited reports whether the function had to wait for its first slot. It is called by
// the goroutine that runs the function.
func (m *Member) Waited() bool { return m.waited }

// IsOver reports whether the member is over.
func (m *Member) IsOver() bool {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	return m.state == stateOver
}

// A Look is what there is to know of a member at one moment. Times are on the clock of
// the hub, and 0 where there was nothing yet.
type Look struct {
	Canceled int64 // when the job was canceled
	Started  int64 // when the function had its first slot
	Queued   bool  // the function waits for that, or for what is told of Begin
	Lent     bool  // the function waits, and its slot is lent
	Over     bool  // the member is over
}

// Look returns what there is to know of the member.
func (m *Member) Look() Look {
	h := m.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	return Look{
		Canceled: m.canceledAt(),
		Started:  m.started,
		Queued:   m.hasYetToStart(),
		Lent:     h.Limited() && m.state == stateRunning && !m.held,
		Over:     m.state == stateOver,
	}
}

// hasYetToStart reports whether the function of the job has not started, also where it
// never will, because the job is about to be canceled. The caller holds the lock.
func (m *Member) hasYetToStart() bool {
	switch m.state {
	case stateAnnounced, stateQueued, stateDoomed, stateWithdrawn, stateDropped:
		return true
	}
	return false
}

// extras returns the extra of the member, made now if there is none.
func (m *Member) extras() *extra {
	if m.extra == nil {
		m.extra = new(extra)
	}
	return m.extra
}

// canceledAt returns when the job was canceled, on the clock of the hub, or 0.
func (m *Member) canceledAt() int64 {
	if m.extra == nil {
		return 0
	}
	return m.extra.canceled
}
