package async

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// A ShutdownError says that a scope did not come to its end before the context
// of Shutdown did. By errors.Is it is that context's error and cause.
type ShutdownError struct {
	Scope *Scope
	Left  []CallInfo // what was in flight when the context ended; what had not ended by its turn is canceled, functions may still run
	Err   error      // why Shutdown waits no longer
}

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

// A quiet is one wait for the end of a scope.
type quiet struct {
	ch  chan struct{} // closed when it has come
	own []*task       // not waited for
}

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
	q := &quiet{ch: make(chan struct{}), own: s.tasksOf(ctx)}
	s.mu.Lock()
	s.closed = true
	s.joinQuietsLocked(q)
	s.wakeQuietsLocked()
	s.mu.Unlock()
	if latch.Ready(q.ch) {
		return nil
	}
	u.Lend()
	defer u.Regain()
	select {
	case <-q.ch:
	case <-u.Done:
	}
	sched.Point("woken")
	if latch.Ready(q.ch) || !s.giveUp(q) {
		return nil // R6
	}
	return &ShutdownError{Scope: s, Left: s.cancelLeft(q.own), Err: contextReason(ctx)}
}

// joinQuietsLocked has q wait. Its own tasks are counted in inside, each once, as
// long as they are not over.
func (s *Scope) joinQuietsLocked(q *quiet) {
	s.quiets = append(s.quiets, q)
	for _, t := range q.own {
		a := t.besides()
		if a.quiets++; a.quiets == 1 && t.state != taskOver {
			s.inside++
		}
	}
}

// leaveQuietsLocked counts the tasks of a wait out that is over.
func (s *Scope) leaveQuietsLocked(q *quiet) {
	for _, t := range q.own {
		if t.aside.quiets--; t.aside.quiets == 0 && t.state != taskOver {
			s.inside--
		}
	}
}

// wakeQuietsLocked wakes whoever waits for no more than there is: outside of the
// scope for nothing, inside for the functions that wait in Shutdown themselves. It
// is called at every completion, so it looks at no wait that goes on.
func (s *Scope) wakeQuietsLocked() {
	if s.live > s.inside {
		return
	}
	idle := s.live == 0
	s.quiets = slices.DeleteFunc(s.quiets, func(q *quiet) bool {
		if !idle && len(q.own) == 0 {
			return false
		}
		s.leaveQuietsLocked(q)
		close(q.ch)
		return true
	})
}

// giveUp ends a wait and reports whether it was still waiting.
func (s *Scope) giveUp(q *quiet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.quiets, q)
	if i >= 0 {
		s.quiets = slices.Delete(s.quiets, i, i+1)
		s.leaveQuietsLocked(q)
	}
	return i >= 0
}

// cancelLeft cancels every call that is left but own, and returns what there was
// to know of them before.
func (s *Scope) cancelLeft(own []*task) (left []CallInfo) {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	var tasks []*task
	for t := range s.tasks() {
		if !slices.Contains(own, t) {
			tasks, left = append(tasks, t), append(left, t.info())
		}
	}
	slices.Reverse(tasks) // a function that returns at once must start none that is queued behind it
	sweep(len(tasks), func(i int) { tasks[i].core.cancel(ErrScopeClosed, false) })
	return left
}
