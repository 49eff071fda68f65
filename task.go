package async

import (
	"context"

	"github.com/seed4712c49f/async/internal/sched"
)

// A task is what a call was begun on, beside its function and its context: its
// options and, where these name a scope, its place there, from when it is accepted
// until its function has returned, or for a promise until it is complete. A core
// has it behind one pointer, so that a pending call stays small; calls that are
// begun together outside of a scope share one.
//
// Invariants, all of them under the scope's mu. Lock order: the mu of a latch,
// the lock of a [queue], the mu of a scope. Under the last nothing else is locked.
//
//	T1  Every accepted call is counted in live until its task is over, and is in
//	    the scope's list, in the order of entering it, but for the moment in which
//	    the observer is told of its Begin. Whoever makes a task over counts it
//	    out: the function's goroutine, or, where no function is going to run, the
//	    completer. Who completes a call without its function is counted in live, too,
//	    until all is told.
//	T2  A slot is held by a task that is running and no goroutine of which is
//	    parked in a wait. Where a slot is free nobody waits for one.
//	T3  The outcome is counted before the call can be seen to be complete.
type task struct {
	*options
	core *core // nil outside a scope, where all below is of no use
	id   uint64

	next, prev *task // in the list; a cursor stands there without a core
	began      int64
	work       func() *task // of a queued call: runs its function, as Promise.run does
	aside      *aside       // what few tasks need
	state      taskState
	held       bool   // has a slot
	waited     bool   // had to wait for its first
	stopping   bool   // canceled while its function ran; counted
	parked     uint32 // goroutines of its function that are in a wait (C2)
}

// An aside is what a task may need besides.
type aside struct {
	canceled int64         // when, on the scope's clock; 0 where it is not
	watch    *ctxWatch     // of its context, while it is queued
	ready    chan struct{} // closed when it has a slot again; there while it waits for that
	after    *task         // the next in the list of those that wait for a slot again
	listed   bool          // in that list
	trace    *trace        // with Track
}

// A taskState is where a task is in its life. It changes under the scope's mu.
type taskState uint8

const (
	taskOut     taskState = iota // not, or never, in a scope → coming, or one of those below it
	taskComing                   // accepted; the observer is being told → queued, running, waiting or over
	taskQueued                   // waits for its first slot → running or over
	taskRunning                  // its function runs, or is about to → over
	taskWaiting                  // no function: a promise, or canceled before it began → over
	taskOver                     // terminal
)

// A taskList is a list of tasks in order.
type taskList struct{ first, last *task }

func (l *taskList) push(t *task) { l.insert(t, l.last) }

// insert puts t behind at, or first where that is nil.
func (l *taskList) insert(t, at *task) {
	t.prev = at
	if at == nil {
		t.next, l.first = l.first, t
	} else {
		t.next, at.next = at.next, t
	}
	if t.next == nil {
		l.last = t
	} else {
		t.next.prev = t
	}
}

func (l *taskList) remove(t *task) {
	if t.prev == nil {
		l.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.next, t.prev = nil, nil
}

// init makes t the task of a call that is about to begin in a scope.
func (t *task) init(o *options, c *core) { t.options, t.core = o, c }

// refuse makes t one outside, as its scope did not accept the call.
func (t *task) refuse() { t.core = nil }

// inScope returns t where it is one in a scope, or nil.
func (t *task) inScope() *task {
	if t == nil || t.core == nil {
		return nil
	}
	return t
}

// What a call's options say. A call without any has no task.

func (t *task) streams() bool  { return t != nil && t.stream }
func (t *task) discards() bool { return t != nil && t.discard != nil }
func (t *task) abandons() bool { return t != nil && t.abandon }
func (t *task) inGroup() bool  { return t != nil && t.group != nil }

func (t *task) panicPolicy() PanicPolicy {
	if t = t.inScope(); t != nil {
		return t.scope.o.Panic
	}
	return PanicReraise
}

// besides returns the task's aside, made now if there is none.
func (t *task) besides() *aside {
	if t.aside == nil {
		t.aside = new(aside)
	}
	return t.aside
}

// canceledAt returns when the call was canceled on the scope's clock, or 0.
func (t *task) canceledAt() int64 {
	if t.aside == nil {
		return 0
	}
	return t.aside.canceled
}

// admit takes a call into the scope, or says why not. work, which makes the work
// of a function that has to wait, is nil for a call without function. It reports
// whether the function may start.
func (t *task) admit(work func() func() *task) (start bool, err error) {
	s := t.scope
	now := s.clock()
	s.mu.Lock()
	start, err = t.admitLocked(work, now)
	s.mu.Unlock()
	return start, err
}

func (t *task) admitLocked(work func() func() *task, now int64) (start bool, err error) {
	s := t.scope
	if s.closed {
		return false, ErrScopeClosed
	}
	if work != nil && s.fullLocked() {
		return false, ErrQueueFull
	}
	s.begun++
	s.live++
	t.id, t.began = s.begun, now
	if s.o.Track {
		s.keepLocked(t)
	}
	if s.o.Observer.Begun == nil {
		return s.enterLocked(t, work), nil
	}
	t.state = taskComing
	if work != nil {
		t.work = work()
		s.coming++
	}
	return false, nil
}

// enter is the second half of admit where the observer was told in between.
func (t *task) enter() (start bool) {
	s := t.scope
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		t.core.cancel(ErrScopeClosed, false)
		return false
	}
	defer s.mu.Unlock()
	if t.state != taskComing {
		return false
	}
	var work func() func() *task
	if t.work != nil {
		s.coming--
		work = func() func() *task { return t.work }
	}
	return s.enterLocked(t, work)
}

// enterLocked puts the task in the list and reports whether its function may
// start.
func (s *Scope) enterLocked(t *task, work func() func() *task) (start bool) {
	s.calls.push(t)
	switch {
	case work == nil:
		t.state = taskWaiting
	case s.slots.free():
		s.startLocked(t)
		return true
	default:
		t.work = work()
		s.enqueueLocked(t)
	}
	return false
}

// startLocked gives a slot to a task that has not run.
func (s *Scope) startLocked(t *task) {
	t.state = taskRunning
	s.running++
	s.slots.take(t)
}

// leaveLocked counts a task out that was in the list.
func (s *Scope) leaveLocked(t *task) {
	s.calls.remove(t)
	t.state = taskOver
	s.downLocked()
}

// downLocked counts out of live.
func (s *Scope) downLocked() {
	s.live--
	if len(s.quiets) > 0 {
		s.wakeQuietsLocked()
	}
}

// settled is told that the call has completed without its function: canceled, or
// a promise. What no function is going to run for is over.
func (t *task) settled() {
	if t == nil {
		return
	}
	s := t.scope
	s.mu.Lock()
	var drop *ctxWatch
	switch t.state {
	case taskComing:
		t.dismissLocked()
		t.state = taskOver
		s.downLocked()
	case taskQueued:
		drop = s.dequeueLocked(t)
		t.dismissLocked()
		s.leaveLocked(t)
	case taskWaiting:
		s.leaveLocked(t)
	case taskRunning:
		if t.canceledAt() != 0 {
			t.stopping = true
			s.stopping++
		}
	}
	s.mu.Unlock()
	drop.end()
}

// allTold is told that whoever completed the call without its function has called
// all there was to be called for that. Until then the scope is not at its end.
func (t *task) allTold() {
	if t != nil {
		t.scope.mu.Lock()
		defer t.scope.mu.Unlock()
		t.scope.downLocked()
	}
}

// dismissLocked drops the work of a task that is not going to run. A group has a
// task that waits for it: there it runs all the same, and finds the call complete.
func (t *task) dismissLocked() {
	if t.work == nil {
		return
	}
	if t.state == taskComing {
		t.scope.coming--
	}
	if work := t.work; t.inGroup() {
		t.scope.spawnLocked(func() { work() })
	}
	t.work = nil
}

// expired cancels a call whose context ended while it was queued, should the watch
// be late, and reports whether it did.
func (t *task) expired() bool {
	if t == nil || !t.waited || t.core.ctx.Err() == nil {
		return false
	}
	t.core.cancel(context.Cause(t.core.ctx), false)
	return true
}

// finish is told that the task's function has returned, or, where ran is false, is
// not going to run. It returns a task whose turn it is now: the caller's goroutine
// is free to run it.
func (t *task) finish(ran bool) (next *task) {
	if t == nil {
		return nil
	}
	s := t.scope
	s.mu.Lock()
	if t.state != taskRunning { // canceled in the queue; see settled
		s.mu.Unlock()
		return nil
	}
	s.running--
	if t.stopping {
		s.stopping--
	}
	if at := t.canceledAt(); at != 0 && ran {
		s.stopped(s.clock() - at)
	}
	t.wakeLocked()
	var drop *ctxWatch
	if t.held {
		s.slots.give(t)
		next, drop = s.grantLocked()
	}
	s.leaveLocked(t)
	s.mu.Unlock()
	drop.end()
	return next
}

// loop runs a task that has a slot, and what follows it.
func (t *task) loop() {
	for t != nil {
		work := t.work
		t.work = nil
		t = work()
	}
}

// spawn runs f in a goroutine of the call's scope, or, where the call has none, of
// nobody.
func (t *task) spawn(f func()) {
	if t == nil {
		go f()
		return
	}
	t.scope.mu.Lock()
	defer t.scope.mu.Unlock()
	t.scope.spawnLocked(f)
}

func (s *Scope) spawnLocked(f func()) {
	s.live++
	go func() {
		sched.Point("spawned")
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.downLocked()
		}()
		f()
	}()
}

// tasksOf returns the tasks of the scope in whose functions ctx is used.
func (s *Scope) tasksOf(ctx context.Context) (own []*task) {
	for c := coreOf(ctx); c != nil; c = coreOf(c.ctx) {
		if t := c.task.inScope(); t != nil && t.scope == s {
			own = append(own, t)
		}
	}
	return own
}
