package async

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"
)

// A trace is what a scope with Track knows of one call: where it was begun, and
// where each handle on it comes from. Guarded by the scope's mu.
type trace struct {
	began   []uintptr
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
// released nor finished, in the order of the calls. It needs Track; without, there
// are none.
func (s *Scope) Unreleased() iter.Seq[HandleInfo] {
	return func(yield func(HandleInfo) bool) {
		s.mu.Lock()
		tasks := slices.SortedFunc(maps.Keys(s.kept), func(a, b *task) int { return cmp.Compare(a.id, b.id) })
		s.mu.Unlock()
		for _, t := range tasks {
			for _, h := range t.unreleased() {
				if !yield(h) {
					return
				}
			}
		}
	}
}

// unreleased returns the handles of one call.
func (t *task) unreleased() (hs []HandleInfo) {
	call := t.info()
	w := t.core.word.Load()
	untaken := w&(bitResult|bitPanicked) != 0 && w&bitTaken == 0
	t.scope.mu.Lock()
	for _, from := range t.aside.trace.handles {
		hs = append(hs, HandleInfo{Call: call, Untaken: untaken, Clone: from.clone, Stack: frames(from.stack)})
	}
	t.scope.mu.Unlock()
	slices.SortFunc(hs, func(a, b HandleInfo) int { return cmp.Compare(a.Stack, b.Stack) })
	for range call.Handles - len(hs) {
		hs = append(hs, HandleInfo{Call: call, Untaken: untaken, Clone: true})
	}
	return hs
}

// keepLocked begins the trace of a call.
func (s *Scope) keepLocked(t *task) {
	s.kept[t] = struct{}{}
	t.besides().trace = &trace{began: callers(), handles: make(map[any]origin)}
}

func (t *task) tracked() bool { return t != nil && t.scope.o.Track }

// gone is told that the last reference on the call has gone.
func (t *task) gone() {
	if t.tracked() {
		t.scope.mu.Lock()
		defer t.scope.mu.Unlock()
		delete(t.scope.kept, t)
	}
}

// hold records a handle: the first, or with clone, where the caller is.
func (t *task) hold(handle any, clone bool) {
	if !t.tracked() {
		return
	}
	from := origin{t.aside.trace.began, clone}
	if clone {
		from.stack = callers()
	}
	t.scope.mu.Lock()
	defer t.scope.mu.Unlock()
	t.aside.trace.handles[handle] = from
}

// letGo forgets a handle that was released or finished.
func (t *task) letGo(handle any) {
	if t.tracked() {
		t.scope.mu.Lock()
		defer t.scope.mu.Unlock()
		delete(t.aside.trace.handles, handle)
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
