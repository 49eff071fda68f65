package asynctest

// This file puts into words what Check has found: remainder.report is what Check calls. What
// a call waits for is put into words in deadlock.go.

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed4712c49f/async"
)

// A leak is one call or handle that was left over.
type leak struct {
	kind     kind
	stack    string // where it comes from; empty without Track
	tag      string // which it is
	inFlight bool   // it is a call that is not over
}

// A kind is what can be said of all leaks that are reported together: how many
// of what there are, and why that is wrong.
type kind struct{ one, many, fault string }

// Calls are left because of their state, or of their handles.
func callThat(fault string) kind { return kind{"call begun here", "calls begun here", fault} }

func handleThat(h async.HandleInfo, fault string) kind {
	if h.Join {
		return kind{"handle of Join made here", "handles of Join made here", fault}
	}
	return kind{"clone or signal made here", "clones or signals made here", fault}
}

func earlierHandleThat(fault string) kind {
	return kind{"handle from before the call begun here", "handles from before the call begun here", fault}
}

// maxTags is how many calls one error names.
const maxTags = 10

// report puts what was left of a scope into words: one text for each deadlock, and one for
// each place and fault.
func (r remainder) report(s *async.Scope) (texts []string) {
	if r.noisy && len(r.inFlight) == 0 {
		texts = append(texts, fmt.Sprintf("asynctest: %v did not end: a Discard, OnSignal or Observer function still ran", s))
	}
	for _, calls := range r.deadlocks {
		texts = append(texts, deadlockText(calls, s.Name()))
	}
	leaks := r.leaks()
	for len(leaks) > 0 {
		first := leaks[0]
		other := func(l leak) bool { return l.kind != first.kind || l.stack != first.stack }
		var tags []string
		for _, l := range leaks {
			if !other(l) {
				tags = append(tags, l.tag)
			}
		}
		texts = append(texts, r.text(s, first, tags))
		leaks = slices.Collect(filter(leaks, other))
	}
	if !r.tracked && r.untaken > 0 {
		texts = append(texts, fmt.Sprintf("asynctest: %v: %s not taken\n%s", s, plural(int(r.untaken), "result"), untracked))
	}
	return texts
}

// text is what is said of the leaks of one place, with a word on what the test may have done
// wrong.
func (r remainder) text(s *async.Scope, l leak, tags []string) (text string) {
	if r.tracked {
		text = l.kind.text(l.stack, tags)
	} else {
		text = l.kind.textOf(s, tags)
	}
	if r.tooEarly && l.inFlight {
		text += "\n" + tooEarly
	}
	return text
}

// The last lines of reports.
const (
	untracked = "Where the calls were begun, and which handles were not released, only a scope with Track says."
	tooEarly  = "Nobody had closed the scope by then. A cleanup that does so is registered after Check, to run before it."
)

// leaks lists everything that was left, each once: of a call in flight the handle
// of its Begin is not told apart.
func (r remainder) leaks() (all []leak) {
	told := make(map[uint64]bool) // calls of which the state, or the result, was told
	for _, i := range r.inFlight {
		told[i.ID] = true
		l := leak{callThat(r.fault(i)), i.Stack, tag(i) + waits(i), true}
		if !r.tracked {
			l.tag += ", " + plural(i.Handles, "handle")
		}
		all = append(all, l)
	}
	begun := func(h async.HandleInfo) bool { return !h.Clone }
	derived := func(h async.HandleInfo) bool { return h.Clone }
	for h := range filter(r.handles, begun) {
		if !told[h.Call.ID] {
			told[h.Call.ID] = true
			all = append(all, leak{callThat(handleFault(h, false)), h.Stack, tag(h.Call), false})
		}
	}
	for h := range filter(r.handles, derived) {
		l := leak{handleThat(h, handleFault(h, told[h.Call.ID])), h.Stack, tag(h.Call), false}
		if h.Stack == "" {
			l.kind, l.stack = earlierHandleThat(l.kind.fault), h.Call.Stack
		} else {
			l.tag += ", begun at " + origin(trim(h.Call.Stack))
		}
		told[h.Call.ID] = true
		all = append(all, l)
	}
	return all
}

// fault says what is wrong with a call in flight.
func (r remainder) fault(i async.CallInfo) string {
	runsOn := slices.ContainsFunc(r.stubborn, func(s async.CallInfo) bool { return s.ID == i.ID })
	switch {
	case !i.Canceled.IsZero():
		return "canceled, but its function did not return"
	case i.State == async.StateCompleted:
		return "complete, but an OnSignal or Observer function did not return"
	case i.State == async.StateQueued:
		return "still queued"
	case runsOn:
		return "still pending, and its function did not return when it was canceled"
	case i.Started.IsZero():
		return "still pending, nobody has completed the promise"
	case r.tracked && len(i.WaitsFor) == 0:
		return "still pending, in no wait by the function's context"
	}
	return "still pending"
}

// handleFault says what is wrong with a handle; told says that the result was
// spoken of before.
func handleFault(h async.HandleInfo, told bool) string {
	switch {
	case !h.Untaken && !told && h.Streams && hasResult(h.Call):
		return "not released (the call streams)"
	case !h.Untaken && !h.Clone && !told && hasResult(h.Call):
		return "not released (another handle took the result)"
	case !h.Untaken || told:
		return "not released"
	case isPanic(h.Call.Err):
		return "panic not seen by anybody"
	}
	return "result not taken"
}

// hasResult reports whether a call has completed with a result of its function, or of the
// server of its promise. An error that wraps one of these two is a result.
func hasResult(i async.CallInfo) bool {
	return i.State == async.StateCompleted && i.Canceled.IsZero() && i.Err != async.ErrGoexit && i.Err != async.ErrBrokenPromise
}

// text is one error: the place and what is wrong in a line, and the stack.
func (k kind) text(stack string, tags []string) string {
	stack = trim(stack)
	at, from := place(stack), caller(stack)
	if from != "" {
		from = ", called from " + from
	}
	return fmt.Sprintf("%s: %s%s, %s: %s\n%s", at, k.subject(len(tags)), from, k.fault, listed(tags), stack)
}

// textOf is text for a scope without Track.
func (k kind) textOf(s *async.Scope, tags []string) string {
	return fmt.Sprintf("asynctest: %v: %s %s: %s\n%s", s, plural(len(tags), "call"), k.fault, listed(tags), untracked)
}

// subject is what is left, and how often.
func (k kind) subject(n int) string {
	if n == 1 {
		return k.one
	}
	return fmt.Sprintf("%d %s", n, k.many)
}

// listed is a list of calls in a line, of very many the first ones.
func listed(tags []string) string {
	if more := len(tags) - maxTags; more > 0 {
		tags = append(tags[:maxTags:maxTags], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(tags, "; ")
}

// tag names a call in a line: its number and name, and what it failed with.
func tag(i async.CallInfo) string {
	t := fmt.Sprintf("#%d", i.ID)
	if i.Name != "" {
		t += fmt.Sprintf(" %q", i.Name)
	}
	if i.Err != nil {
		t += fmt.Sprintf(" (%s)", reason(i.Err))
	}
	return t
}

// reason is the first line of an error, without the stack of a panic.
func reason(err error) string {
	text := err.Error()
	if p, ok := errors.AsType[*async.PanicError](err); ok {
		text = fmt.Sprintf("panic: %v", p.Value)
	}
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func isPanic(err error) bool {
	_, ok := errors.AsType[*async.PanicError](err)
	return ok
}

// ownPrefix begins the names of this package's functions.
const ownPrefix = "github.com/seed4712c49f/async/asynctest."

// trim takes the frames of this package off the top of a stack, which has two
// lines for each, and those of a test's goroutine off the bottom.
func trim(stack string) string {
	for strings.HasPrefix(stack, ownPrefix) {
		_, stack, _ = strings.Cut(stack, "\n")
		_, stack, _ = strings.Cut(stack, "\n")
	}
	stack, _, _ = strings.Cut(stack, "testing.tRunner\n")
	stack, _, _ = strings.Cut(stack, "runtime.goexit\n")
	return strings.TrimSuffix(stack, "\n")
}

// origin is the place of a stack, and the line of the test that it was called from.
func origin(stack string) string {
	if from := caller(stack); from != "" {
		return place(stack) + ", called from " + from
	}
	return place(stack)
}

// caller is the uppermost line of a stack that is in a test, or nothing where that is the
// place itself or there is none.
func caller(stack string) string {
	for i, line := range strings.Split(stack, "\n") {
		file, _, _ := strings.Cut(strings.TrimSpace(line), "_test.go:")
		switch {
		case i%2 == 0 || file == strings.TrimSpace(line): // a function, or another file
		case i == 1:
			return ""
		default:
			return filepath.Base(strings.TrimSpace(line))
		}
	}
	return ""
}

// place is the file and line on top of a stack.
func place(stack string) string {
	_, rest, _ := strings.Cut(stack, "\n")
	line, _, _ := strings.Cut(rest, "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "unknown place"
	}
	return filepath.Base(line)
}

// filter ranges over those of s for which keep says so.
func filter[E any](s []E, keep func(E) bool) func(yield func(E) bool) {
	return func(yield func(E) bool) {
		for _, e := range s {
			if keep(e) && !yield(e) {
				return
			}
		}
	}
}
