package async

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/seed4712c49f/async/internal/dump"
	"github.com/seed4712c49f/async/internal/label"
	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
	"github.com/seed4712c49f/async/internal/scope"
	"github.com/seed4712c49f/async/internal/stack"
)

// This file is the scope as its users see it. The books are kept by internal/scope. place.go
// says what is seen of a call, and owner.go what is done for one. The methods here ask these
// three and hold no lock. A scope is an Option, too: it writes itself into the terms of a
// call, and calls without another option share terms that NewScope has made.
//
// How something is shown may change here. What is counted, and when a function may run, is
// changed in internal/scope. What may not change: no method looks at all calls under the lock
// of the hub, since a scope may have a million calls.

// A Scope owns calls: it bounds how many of their functions run at once, keeps a
// ledger of what became of them, and ends when the last has ended. It comes from
// [NewScope] and is an [Option]: a call begun with it belongs to it. Its zero
// value is of no use. It must not be copied. Its methods may be called by any
// number of goroutines at the same time.
//
// Beginning a call never blocks (C1), but with [WaitForRoom] (C9). Where Limit functions
// run already, the call waits in a queue, in order, without a goroutine of its own. Where
// Queue calls wait there, Begin returns [ErrQueueFull]. A queued call whose context ends
// is canceled at once, and its function never runs. A promise takes neither a slot nor a
// place in the queue.
//
// A function that waits hands its slot back meanwhile, so that calls may wait for
// calls under any limit, one included (C2). Any wait of this package counts that
// is given the function's context or one made from it, [Sleep] included. A plain receive
// from Done cannot, and a wait without a context, such as WaitFor, keeps the slot. A
// function that comes out of a wait has a slot again. It may have waited for one, past
// the end of its own context; the wait then returns what is true by then (R6).
//
// A function gives its slot up when it has returned and its result was handed on,
// Discard included. So a caller that begins a call the moment another is complete may
// find no slot yet.
//
// Slots go in turn to functions that come out of a wait and to calls that wait to
// start, each in order. A function that uses its context in several goroutines has
// one slot for them all. As long as one of them waits, it is lent, and the others
// go on without: Go does not tell whose goroutine is whose, and to keep it could
// keep the one from ever having what it waits for.
//
// The functions of a scope may follow each other on one goroutine: one that locks
// its thread, by [runtime.LockOSThread], unlocks it before it returns.
type Scope struct {
	o     ScopeOptions
	core  scopeCore
	alone terms // of a call begun with the scope and no other Option
}

// ScopeOptions say what a [Scope] is like. The zero value is a scope that bounds
// nothing.
type ScopeOptions struct {
	Name     string      // for reports
	Limit    int         // how many functions may run at once; 0 or less: no limit
	Queue    int         // how many calls may wait for a slot; 0: no limit; NoQueue: none
	Panic    PanicPolicy // what becomes of a panic in a function
	Observer Observer    // is told what happens
	Track    bool        // record where calls begin and handles are cloned, and what functions wait for, at some cost

	// Labels has the functions run with the labels async.scope and async.call of package
	// [runtime/pprof], the names of the scope and of the call, so that a profile says which
	// call it was. While a trace of package [runtime/trace] is on, each function is a task
	// of that, and a region (V4).
	Labels bool
}

// NoQueue is the Queue of a scope in which no call waits for a slot: where Limit functions
// run, a call is refused with [ErrQueueFull] (C8). Any negative number says the same.
const NoQueue = -1

// NewScope returns a scope, which takes calls until Close or Shutdown.
func NewScope(o ScopeOptions) *Scope {
	s := &Scope{o: o}
	s.core.name, s.core.observer = o.Name, o.Observer
	if o.Track {
		s.core.stacks = new(stack.Table)
	}
	if o.Labels {
		s.core.labels = label.New(o.Name)
	}
	// In most scopes nobody is told or asked anything while a function runs; see place.call.
	s.core.seen = o.Labels || o.Observer.Started != nil || o.Observer.Context != nil || o.Observer.Returned != nil
	deep := s.core.seen || o.Observer.Completed != nil
	s.core.hub.Init(scope.Options{Limit: max(o.Limit, 0), Queue: queueOf(o.Queue), Ended: ErrScopeClosed, Deep: deep, Job: memberJob, Sweep: sweep})
	s.apply(&s.alone)
	s.alone.alone.terms = &s.alone
	return s
}

// queueOf returns how many places the queue of a hub has: below 0 is no bound there,
// where 0 is none here, so that the zero ScopeOptions bound nothing.
func queueOf(queue int) int {
	if queue == 0 {
		return -1
	}
	return max(queue, 0)
}

// apply makes the scope an Option: the call runs in it. A call is in one scope, so two
// panic. The options of the scope that every call of it has are written here.
func (s *Scope) apply(t *terms) {
	s.check()
	if t.isScoped() && t.scope != &s.core {
		panic(fmt.Sprintf("async: call begun with two scopes, %v and %v", named("scope", t.in().name), s))
	}
	t.scope, t.track, t.panics = &s.core, s.o.Track, s.o.Panic
}

// only returns the terms of a call begun with the scope and nothing else. NewScope has
// made them.
func (s *Scope) only() *terms {
	s.check()
	return &s.alone
}

// check panics where s is no scope that NewScope has made.
func (s *Scope) check() {
	if s == nil {
		panic("async: call begun with a nil Scope")
	}
	if !s.core.hub.IsMade() {
		panic("async: call begun with a Scope that NewScope has not made")
	}
}

// Name returns the name in the options of the scope.
func (s *Scope) Name() string { return s.o.Name }

// Options returns the options of the scope as [NewScope] was given them.
func (s *Scope) Options() ScopeOptions { return s.o }

// String names the scope for errors and logs.
func (s *Scope) String() string { return named("scope", s.o.Name) }

// Close makes the scope refuse new calls: Begin returns [ErrScopeClosed]. Calls
// begun before are not touched, queued ones included. Again, it does nothing.
func (s *Scope) Close() { s.core.hub.Close() }

// CancelQueued cancels every call that waits for its first slot, with cause, as
// [Call.Cancel] does, and returns how many those were (C11). Their functions never run;
// functions that run go on, and so do promises. A call that comes into the queue after
// CancelQueued was called is not touched: Close first. Then CancelQueued and Shutdown are
// how a program with a full queue ends in order.
//
// Where an [OnSignal] function panics or calls [runtime.Goexit], the rest are canceled
// all the same, and CancelQueued ends as that function did.
func (s *Scope) CancelQueued(cause error) int { return s.core.hub.CancelQueued(cause) }

// Cancel cancels the call of the scope whose [CallInfo.ID] is id, with cause, as
// [Call.Cancel] does, and reports whether it did (C12). Cancel needs no handle of the call:
// it is for reports that somebody reads and answers. Cancel returns false where there is no
// such call in flight, and where the call is complete. Any number of goroutines may call it.
// It looks through the calls in flight, and blocks none of them for longer than it takes to
// look at a few.
func (s *Scope) Cancel(id uint64, cause error) bool {
	pl := s.place(id)
	return pl != nil && pl.Cancel(cause)
}

// Info returns what there is to know of the call whose [CallInfo.ID] is id, and whether
// the call is in flight, as [Scope.InFlight] has it (C12). Any number of goroutines may call
// it.
func (s *Scope) Info(id uint64) (info CallInfo, inFlight bool) {
	pl := s.place(id)
	if pl == nil {
		return CallInfo{}, false
	}
	info = pl.info()
	return info, !pl.IsOver()
}

// place returns the place of the call with an ID, or nil where the call is not in flight.
func (s *Scope) place(id uint64) *place {
	for pl := range s.core.places() {
		if pl.ID() == id {
			return pl
		}
	}
	return nil
}

// Err returns [ErrScopeClosed] once the scope refuses new calls, nil before.
func (s *Scope) Err() error {
	if s.core.hub.IsClosed() {
		return ErrScopeClosed
	}
	return nil
}

// Stats returns the ledger. Nothing is stopped for it: where calls begin and end
// meanwhile, a count may be a moment older than another; it balances all the same.
func (s *Scope) Stats() Stats {
	c := s.core.hub.Counts()
	return Stats{
		Begun: c.Begun, Refused: c.Refused, Queued: c.Queued, Running: c.Running, Lent: c.Lent, Pending: c.Pending,
		Returned: c.Outcomes[scope.Returned], Failed: c.Outcomes[scope.Failed],
		Canceled: c.Outcomes[scope.Canceled], Panicked: c.Outcomes[scope.Panicked],
		Goexited: c.Outcomes[scope.Goexited], Broken: c.Outcomes[scope.Broken],
		Taken: c.Taken, Discarded: c.Discarded, Untaken: c.Untaken,
		Stopping: c.Stopping, Stopped: c.Stopped,
		StopTotal: c.StopTotal, StopMax: c.StopMax, StopTimes: c.StopTimes,
	}
}

// InFlight ranges over the calls of the scope that are not over. A call is over when its
// function has returned, a promise when it is complete. The calls come in the order in which
// they were begun. Calls that are begun meanwhile are not included. InFlight blocks no call
// for longer than it takes to look at a few calls, whatever the loop does.
func (s *Scope) InFlight() iter.Seq[CallInfo] {
	return func(yield func(CallInfo) bool) {
		for pl := range s.core.places() {
			info := pl.info()
			if !pl.IsOver() && !yield(info) {
				return
			}
		}
	}
}

// WaitGraph returns the calls of the scope that are in flight, and who of them waits for
// whom (V2). Waits are followed into other scopes, so that [Graph.Cycles] finds a deadlock
// through two scopes. What functions wait for is known in scopes with Track; that a call
// waits for a slot is known in all.
//
// WaitGraph stops nothing, and blocks no call for longer than it takes to look at a few.
// So what it says of one call may be a moment older than what it says of another. It
// needs memory for what it returns, and little more.
func (s *Scope) WaitGraph() Graph { return s.core.graph() }

// Unreleased ranges over the handles of the scope's calls that have been neither released
// nor finished, in the order of the calls. Calls that are begun meanwhile are not included.
// Without Track there are none. Unreleased blocks the scope for no longer than it takes to
// look at a few calls, whatever the loop does.
func (s *Scope) Unreleased() iter.Seq[HandleInfo] {
	return func(yield func(HandleInfo) bool) {
		for m := range s.core.hub.Kept() {
			for _, h := range memberPlace(m).unreleased() {
				if !yield(h) {
					return
				}
			}
		}
	}
}

// Dump writes what the scope does at the moment, for a log or a terminal: a line of its
// own, the deadlocks (see [Graph.Cycles]) with who waits for whom in them and on which
// line, its ledger, and its calls that are in flight as a tree by [CallInfo.Parent], the
// oldest first (V5). The calls of one name below one parent fold into one line:
//
//	fetch ×312, oldest 4.2s: 300 running, 12 lent; #17 waits for login #3, 4.1s, /src/fetch.go:61
//
// With Track, each line says what the oldest of its calls waits for, since when and where.
// A function that has waited, and waits for a slot again, is told apart from one whose wait
// goes on.
//
// What has more than 1,000 such names, or is nested more than 64 deep, is summed up, and
// deadlocks are looked for among no more than 10,000 calls that wait. So
// Dump needs little memory, however many calls there are, and blocks no call for longer
// than it takes to look at a few. Names are quoted where they are not one line of plain
// text. The error is that of w, which is written to when the look is over.
func (s *Scope) Dump(w io.Writer) error {
	var tree dump.Tree
	var path []string
	for pl := range s.core.places() {
		if look := pl.Look(); !look.Over {
			path = pl.path(path[:0])
			for _, at := range pl.elsewhere() { // calls of one name fold by the process that they wait for, too
				path[len(path)-1] += ": " + at.Name
			}
			state, waits := pl.dumpWaits(look)
			if of := tree.Add(path, dump.Call{ID: pl.ID(), Began: pl.time(pl.Began()), State: state}); of != nil {
				*of = waits()
			}
		}
	}
	state := "open"
	if s.Err() != nil {
		state = "closed"
	}
	st := s.Stats()
	deadlocks, more := s.core.deadlocked()
	_, err := fmt.Fprintf(w, "%v: %s, %s\n", s, s.bounds(), state)
	if err == nil {
		err = dump.Deadlocks(w, time.Now(), deadlocks)
	}
	if err == nil && more {
		_, err = fmt.Fprintf(w, "  deadlocks among more than %d calls that wait are not all listed\n", maxDumped)
	}
	if err == nil {
		_, err = st.writeTo(w)
	}
	if err == nil {
		err = tree.Write(w, time.Now())
	}
	return err
}

// bounds says how many functions may run, and how many calls may wait.
func (s *Scope) bounds() string {
	switch queue := s.o.Queue; {
	case s.o.Limit <= 0:
		return "no limit"
	case queue == 0:
		return fmt.Sprintf("limit %d", s.o.Limit)
	case queue < 0:
		return fmt.Sprintf("limit %d, no queue", s.o.Limit)
	default:
		return fmt.Sprintf("limit %d, queue %d", s.o.Limit, queue)
	}
}

// A ShutdownError says that a scope did not come to its end before the context
// of Shutdown did. By errors.Is it is that context's error and cause.
type ShutdownError struct {
	Scope *Scope
	Left  []CallInfo // what was in flight when the context ended; what had not ended by its turn is canceled, functions may still run
	Err   error      // why Shutdown waits no longer
}

// Error names the scope, the reason, and the first ten of what was left.
func (e *ShutdownError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "async: %v did not stop: %v", e.Scope, e.Err)
	for i, c := range e.Left {
		if i == 10 {
			fmt.Fprintf(&b, "; and %d more", len(e.Left)-i)
			break
		}
		fmt.Fprintf(&b, "; %v", c)
	}
	return b.String()
}

// Unwrap makes the reason visible to errors.Is.
func (e *ShutdownError) Unwrap() error { return e.Err }

// Shutdown closes the scope and waits until nothing of it is left: every function
// has returned, also of calls that were abandoned or canceled, every promise is
// complete, and what was called for them, as Discard, has returned. Then it
// returns nil, at once where it is so, and no goroutine of the scope is left.
//
// When ctx ends first, Shutdown cancels every call that is left, with
// [ErrScopeClosed] as the cause, and returns at once a [*ShutdownError] that lists
// them. It does not wait for their functions; another Shutdown does.
//
// Any number of goroutines may call it, any number of times; each has its own
// context. Within a function of the scope, by its context, it waits for all
// others: neither for that function nor for those whose contexts it was made
// from, which could not return before it, nor for others that are in Shutdown in
// the same way. The calls of the former it does not cancel either. A promise is
// always waited for, also where ctx is its own context. What a
// completion calls, as OnSignal, Discard and an observer, is part of the scope and
// must not wait for its end.
func (s *Scope) Shutdown(ctx context.Context) error {
	u := untilDone(ctx)
	d := s.core.hub.Drain(s.core.membersOf(ctx))
	if latch.Ready(d.Done()) {
		return nil
	}
	u = waitingKind(u, "scope", s.o.Name)
	u.Lend()
	defer u.Regain()
	select {
	case <-d.Done():
	case <-u.Done:
	}
	sched.Point("woken")
	if latch.Ready(d.Done()) || !d.GiveUp() {
		return nil // R6
	}
	return &ShutdownError{Scope: s, Left: s.cancelLeft(d), Err: contextReason(ctx)}
}

// cancelLeft cancels every call that is left, but for those in whose functions the
// caller is, and returns what there was to know of them before. The last one comes
// first: a function that returns at once must start none that is queued behind it.
func (s *Scope) cancelLeft(d *scope.Drain) (left []CallInfo) {
	ms := s.core.hub.EndAll(d.Own)
	for _, m := range ms {
		left = append(left, memberPlace(m).info())
	}
	slices.Reverse(ms)
	sweep(len(ms), func(i int) { memberPlace(ms[i]).Cancel(ErrScopeClosed) })
	return left
}
