package async

import (
	"fmt"
	"iter"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
)

// A State is where a call is in its life.
type State int

const (
	// StateQueued is a call that waits for a slot of its scope → StateRunning or
	// StateCompleted.
	StateQueued State = iota + 1

	// StateRunning is a call whose function is running, or whose promise has not
	// been completed → StateCompleted.
	StateRunning

	// StateCompleted is a call that has an outcome. Terminal, though the function
	// of a canceled call may still be running.
	StateCompleted
)

// String returns the state in lower case; that of an object that was never begun,
// the zero State, is "idle".
func (s State) String() string { return nameOf(int(s), "idle", "queued", "running", "completed") }

// A CallInfo says what there is to know of a call at one moment.
type CallInfo struct {
	ID       uint64    // counts the calls of a scope from 1; 0 outside
	Name     string    // what [Name] called it
	State    State     // where it is in its life
	Began    time.Time // zero outside of a scope
	Canceled time.Time // when it was canceled; zero where it was not, and outside of a scope
	Handles  int       // how many Calls and Signals on it are not released
	Waiters  int       // how many wait for its completion, or are registered for it; no more than 10,000 are counted
	Err      error     // what it completed with; nil before
	Stack    string    // with Track: where it was begun
}

// String names the call for logs and reports.
func (i CallInfo) String() string {
	s := named("call", i.Name)
	if i.ID != 0 {
		s = fmt.Sprintf("%s #%d", s, i.ID)
	}
	if i.Canceled.IsZero() {
		return fmt.Sprintf("%s, %v", s, i.State)
	}
	return fmt.Sprintf("%s, canceled", s)
}

// info is that of a call which may not have begun, or is not in a scope.
func (c *core) info() CallInfo {
	w := c.Word.Load()
	if w&bitBegun == 0 {
		return CallInfo{}
	}
	if t := c.task.inScope(); t != nil {
		return t.info()
	}
	return c.baseInfo()
}

func (c *core) baseInfo() CallInfo {
	i := CallInfo{State: StateRunning}
	i.Handles, i.Waiters = c.census()
	i.Name = c.name() // now that a Begin that is at it has let go of the lock
	if c.IsSet() {
		i.State, i.Err = StateCompleted, c.err
	}
	return i
}

// info is that of a call in a scope.
func (t *task) info() CallInfo {
	i := t.core.baseInfo()
	s := t.scope
	i.ID, i.Began = t.id, s.start.Add(time.Duration(t.began))
	s.mu.Lock()
	if at := t.canceledAt(); at != 0 {
		i.Canceled = s.start.Add(time.Duration(at))
	}
	if i.State == StateRunning && (t.state == taskQueued || t.state == taskComing && t.work != nil) {
		i.State = StateQueued
	}
	s.mu.Unlock()
	i.Stack = t.stack()
	return i
}

// censusLimit is how many waiters are counted: to count them is to hold up the
// completion of that one call.
const censusLimit = 10_000

// census counts the handles on the call and its waiters: the waits that hold a
// reference, and the nodes of those that do not.
func (c *core) census() (handles, waiters int) {
	w, waiters := c.Census(censusLimit)
	handles = int(latch.HandlesOf(w))
	if w&latch.BitSet != 0 {
		return handles, 0
	}
	return handles, min(waiters+int(latch.WaitsOf(w)), censusLimit)
}

// InFlight ranges over the calls of the scope that are not over: until their
// functions have returned, or for a promise until it is complete. They come in
// the order in which they were begun, those that are begun meanwhile included. It
// blocks no call for longer than it takes to look at a few, whatever the loop
// does.
func (s *Scope) InFlight() iter.Seq[CallInfo] {
	return func(yield func(CallInfo) bool) {
		for t := range s.tasks() {
			info := t.info()
			if !t.isOver() && !yield(info) {
				return
			}
		}
	}
}

// tasks ranges over the tasks in the list, some at a time: a cursor stands in the
// list where it goes on.
func (s *Scope) tasks() iter.Seq[*task] {
	return func(yield func(*task) bool) {
		cursor := new(task)
		s.mu.Lock()
		s.calls.insert(cursor, nil)
		s.mu.Unlock()
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.calls.remove(cursor)
		}()
		var some [portion]*task
		for n := s.advance(cursor, some[:]); n > 0; n = s.advance(cursor, some[:]) {
			for _, t := range some[:n] {
				if !yield(t) {
					return
				}
			}
		}
	}
}

// advance moves a cursor past the next tasks and returns how many those in some
// are.
func (s *Scope) advance(cursor *task, some []*task) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := cursor.next; t != nil && n < len(some); t = t.next {
		if t.core != nil {
			some[n] = t
			n++
		}
	}
	if n > 0 {
		s.calls.remove(cursor)
		s.calls.insert(cursor, some[n-1])
	}
	return n
}

func (t *task) isOver() bool {
	t.scope.mu.Lock()
	defer t.scope.mu.Unlock()
	return t.state == taskOver
}

func named(what, name string) string {
	if name == "" {
		return what
	}
	return fmt.Sprintf("%s %q", what, name)
}

func nameOf(i int, names ...string) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("%d", i)
	}
	return names[i]
}
