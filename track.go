package async

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// A trace is what a scope with Track knows of one call: where it was begun, and
// where each handle on it comes from.
type trace struct {
	began []uintptr
	kept  link // in the scope's kept; guarded by the scope's mu

	mu      sched.Mutex    // taken after all others; the scope is not held up by a call with many handles
	handles map[any]origin // of a *Call or *Signal
}

// An origin is where a handle comes from.
type origin struct {
	stack []uintptr
	clone bool
}

// A HandleInfo is a handle that has not been released.
type HandleInfo struct {
	Call    CallInfo
	Untaken bool   // the call has a result that nobody has taken
	Clone   bool   // the handle is not that of the call's Begin
	Stack   string // where it comes from: a Begin, Clone or Signal; empty where that was before the call began
}

// Unreleased ranges over the handles of the scope's calls that have been neither
// released nor finished, in the order of the calls; those that are begun meanwhile
// are not included. It needs Track; without, there are none. It blocks the scope for
// no longer than it takes to look at a few calls, whatever the loop does.
func (s *Scope) Unreleased() iter.Seq[HandleInfo] {
	return func(yield func(HandleInfo) bool) {
		for t := range s.keptTasks() {
			for _, h := range t.unreleased() {
				if !yield(h) {
					return
				}
			}
		}
	}
}

// keptTasks ranges over the calls that have a handle and have begun before, some at
// a time.
func (s *Scope) keptTasks() iter.Seq[*task] {
	return func(yield func(*task) bool) {
		var cursor link
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.kept.remove(&cursor)
		}()
		s.mu.Lock()
		last := s.begun
		s.mu.Unlock()
		before := func(t *task) bool { return t.id <= last }
		for some := s.keptAfter(&cursor, before); len(some) > 0; some = s.keptAfter(&cursor, before) {
			for _, t := range some {
				if !yield(t) {
					return
				}
			}
		}
	}
}

func (s *Scope) keptAfter(cursor *link, wants func(*task) bool) []*task {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept.after(cursor, wants)
}

// unreleased returns the handles of one call.
func (t *task) unreleased() (hs []HandleInfo) {
	call := t.info()
	w := t.core.Word.Load()
	untaken := w&(bitResult|bitPanicked) != 0 && w&bitTaken == 0
	tr := t.aside.trace
	tr.mu.Lock()
	from := slices.Collect(maps.Values(tr.handles))
	tr.mu.Unlock()
	for _, from := range from {
		hs = append(hs, HandleInfo{Call: call, Untaken: untaken, Clone: from.clone, Stack: frames(from.stack)})
	}
	slices.SortFunc(hs, func(a, b HandleInfo) int { return cmp.Compare(a.Stack, b.Stack) })
	for range call.Handles - len(hs) {
		hs = append(hs, HandleInfo{Call: call, Untaken: untaken, Clone: true})
	}
	return hs
}

// keepLocked begins the trace of a call.
func (s *Scope) keepLocked(t *task) {
	tr := &trace{began: callers(), handles: make(map[any]origin)}
	t.besides().trace = tr
	s.kept.push(&tr.kept, t)
}

func (t *task) tracked() bool { return t != nil && t.scope.o.Track }

// gone is told that the last reference on the call has gone. A Signal of a finished
// call may have come since.
func (t *task) gone() {
	if t.tracked() {
		t.scope.mu.Lock()
		defer t.scope.mu.Unlock()
		if latch.Refs(t.core.Word.Load()) == 0 {
			t.scope.kept.remove(&t.aside.trace.kept)
		}
	}
}

// back is told that a call has a reference again, which had none: a Signal was taken
// of a finished call.
func (t *task) back() {
	if t.tracked() {
		t.scope.mu.Lock()
		defer t.scope.mu.Unlock()
		t.scope.kept.insertByID(&t.aside.trace.kept, t)
	}
}

// hold records a handle: the first, or with clone, where the caller is.
func (t *task) hold(handle any, clone bool) {
	if !t.tracked() {
		return
	}
	tr := t.aside.trace
	from := origin{tr.began, clone}
	if clone {
		from.stack = callers()
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.handles[handle] = from
}

// letGo forgets a handle that was released or finished.
func (t *task) letGo(handle any) {
	if t.tracked() {
		tr := t.aside.trace
		tr.mu.Lock()
		defer tr.mu.Unlock()
		delete(tr.handles, handle)
	}
}

// stack returns where the call was begun, with Track.
func (t *task) stack() string {
	if !t.tracked() {
		return ""
	}
	return frames(t.aside.trace.began)
}

// callers returns the stack of the calling goroutine.
func callers() []uintptr {
	pcs := make([]uintptr, 64)
	return pcs[:runtime.Callers(2, pcs)]
}

// frames prints a stack as panics do, from the first function outside of this
// package.
func frames(pcs []uintptr) string {
	var b strings.Builder
	more := len(pcs) > 0
	for fs := runtime.CallersFrames(pcs); more; {
		var f runtime.Frame
		f, more = fs.Next()
		if b.Len() == 0 && strings.HasPrefix(f.Function, packagePrefix) {
			continue
		}
		fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
	}
	return b.String()
}

// packagePrefix begins the names of this package's functions.
const packagePrefix = "github.com/seed4712c49f/async."
