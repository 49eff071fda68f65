package scope

import (
	"context"

	"github.com/seed4712c49f/async/internal/list"
)

// This file has the member: what a hub knows of one job, the states, and what can be read
// of them. Each step from one state to another stands in steps.go. A Member is in every
// call of a scope, and has 64 bytes: what few members need belongs into extra.

// A Job is what a member stands for: a call, as its scope knows it. The methods are
// called without the lock of the hub (T7).
type Job interface {
	// Context returns the context that the job was begun with.
	Context() context.Context

	// Cancel completes the job with a cause and reports true, or reports false where the
	// job is complete. A Cancel that reports true has called Completing and Settled of the
	// member.
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
//	            ┌────── a free slot ───────┐
//	            │                          ▼
//	Admit ──▶ announced ──▶ queued ──▶ running ──▶ over
//	  │           └─────┬──────┘           ⇅         ▲
//	  │                 ▼ canceled        lent       │
//	  │             withdrawn ───────────────────────┤
//	  └──▶ waiting, without a function ──────────────┘
//
// Invariants, all of them under the lock of the hub. TestMember_EveryStepKeepsTheInvariants
// looks at each of them after steps in a random order:
//
//	T1  Each accepted member is counted in live until the member is over, and is in the
//	    list, in the order of entering, but for the time in which an observer is told of
//	    Begin. The goroutine that makes a member over counts it out: that of the function,
//	    or, where no function is going to run, the completer. A goroutine that completes
//	    a job without the function is counted in live, too, until everybody is told. So
//	    live is 0 when nothing is left.
//	T2  A slot is held by a member that is running, and of whose goroutines none is parked
//	    in a wait. Where a slot is free, nobody waits for one. So a slot that becomes free
//	    is handed on in the same step, to one member.
//	T3  The outcome of a job is counted before the job can be seen to be complete.
//	T4  Where the hub has room for another job, nobody waits for room. Room that was handed
//	    on, and not used yet, is counted in coming.
//	T5  The queue is the queued members of the list, from head on. A member enters the list
//	    and the queue at the end, so the head only moves forward.
//	T6  A member that joined a watch is in it until it leaves the queue. A watch that no
//	    member is in is over, and its registration is taken back, by unlock or by begin,
//	    whichever comes last. So a long-lived context keeps nothing of a job that runs.
//	T7  Under the lock no other lock is taken, no job is asked anything, and no code of a
//	    user runs. No goroutine looks at more than a portion of the members at a time.
type Member struct {
	links   list.Links[Member] // in the members of the hub; a cursor stands there without a hub
	hub     *Hub
	id      uint64 // from 1; 2^64 jobs last for ever
	began   int64  // on the clock of the hub
	started int64  // when the function had its first slot; 0 where it has had none

	extra    *Extra // what few members need
	state    state
	held     bool   // has a slot; T2
	waited   bool   // had to wait for its first slot
	stopping bool   // canceled while its function ran; counted
	parked   uint32 // goroutines of its function that are in a wait; 2^32 of them have no room in memory
}

// Links makes a Member an element of a list.
func (m *Member) Links() *list.Links[Member] { return &m.links }

// An Extra is what few members need: memory that a call without any of it does not have. A
// member that carries something brings its own; see Attach.
type Extra struct {
	links    list.Links[Extra] // among those of the watch, or those that wait for their slot again
	m        *Member           // the member that this is part of
	canceled int64             // when, on the clock of the hub; 0 where it is not
	watch    *watch            // of the job's context, while the job is queued; T6
	ready    chan struct{}     // closed by wakeLocked; nil where no goroutine waits for the slot
	drains   int               // how many drains its function waits in
	kept     keep              // in the members that have a handle
	attached any               // see Attach; written before Admit, and nil for most
}

// Links makes an Extra an element of a list.
func (x *Extra) Links() *list.Links[Extra] { return &x.links }

// A state is where a member is in its life. A member that is lent is running, too.
type state uint8

const (
	stateOut       state = iota // is in no hub → announced or waiting
	stateAnnounced              // accepted, with a function, and not in the list: observers may be told → queued, running, withdrawn
	stateQueued                 // waits for its first slot → running, withdrawn
	stateWithdrawn              // has a function that never runs; the job is about to be complete → over
	stateRunning                // its function runs, or is about to → over
	stateWaiting                // has no function; in the list once observers are told → over
	stateOver                   // terminal
)

// String names the state, for messages of tests and for debugging.
func (s state) String() string {
	return [...]string{"out", "announced", "queued", "withdrawn", "running", "waiting", "over"}[s]
}

// Init makes m the member of a job that is about to be admitted.
func (m *Member) Init(h *Hub) { m.hub = h }

// Hub returns the hub that the member is of.
func (m *Member) Hub() *Hub { return m.hub }

// Job returns the job that the member stands for.
func (m *Member) Job() Job { return m.hub.o.Job(m) }

// isCursor reports whether m stands in a list for a loop, and for no job.
func (m *Member) isCursor() bool { return m.hub == nil }

// ID returns the number of the member, counted from 1. Admit has written it.
func (m *Member) ID() uint64 { return m.id }

// Began returns when the job was admitted, on the clock of the hub. Admit has written it.
func (m *Member) Began() int64 { return m.began }

// Attach gives the member something to carry, and the Extra for that, which is part of it
// and zero. Attach is called before Admit, at most once. Admit enters a member that carries
// something in the list of [Member.Keep].
func (m *Member) Attach(x *Extra, v any) {
	x.m, x.attached = m, v
	m.extra = x
}

// Attached returns what the member carries; something was attached.
func (m *Member) Attached() any { return m.extra.attached }

// Waited reports whether the function had to wait for its first slot. It is called by
// the goroutine that runs the function, and written before that has begun.
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
	Queued   bool  // the function waits for that, or for what is told of Begin, or never starts
	InQueue  bool  // the function waits for its first slot, and everybody is told of Begin
	Lent     bool  // the function waits, and its slot is lent
	Held     bool  // the function has a slot
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
		Queued:   m.state == stateAnnounced || m.state == stateQueued || m.state == stateWithdrawn,
		InQueue:  m.state == stateQueued,
		Lent:     h.Limited() && m.state == stateRunning && !m.held,
		Held:     m.held,
		Over:     m.state == stateOver,
	}
}

// extras returns the extra of the member, made now if there is none. The caller holds the
// lock, or is about to admit the member.
func (m *Member) extras() *Extra {
	if m.extra == nil {
		m.extra = &Extra{m: m}
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
