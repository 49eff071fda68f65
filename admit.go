package async

import (
	"context"

	"github.com/seed4712c49f/async/internal/sched"
)

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
	s.overLocked(t)
}

// overLocked ends a task.
func (s *Scope) overLocked(t *task) {
	t.state = taskOver
	if t.aside != nil && t.aside.quiets > 0 {
		s.inside--
	}
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
		s.overLocked(t)
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

// tasksOf returns the tasks of the scope in whose functions ctx is used. A promise
// has no function: its context may be used by anybody, and the promise be complete
// while that goes on.
func (s *Scope) tasksOf(ctx context.Context) (own []*task) {
	for c := coreOf(ctx); c != nil; c = coreOf(c.ctx) {
		if t := c.task.inScope(); t != nil && t.scope == s && c.Word.Load()&bitPromise == 0 {
			own = append(own, t)
		}
	}
	return own
}
