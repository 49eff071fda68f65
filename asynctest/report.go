package asynctest

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
	kind  kind
	stack string // where it comes from
	tag   string // which it is
}

// A kind is what can be said of all leaks that are reported together: how many
// of what there are, and why that is wrong.
type kind struct{ one, many, fault string }

// Calls are left because of their state, or of their handles.
func callThat(fault string) kind { return kind{"call begun here", "calls begun here", fault} }

func handleThat(fault string) kind {
	return kind{"clone or signal made here", "clones or signals made here", fault}
}

func earlierHandleThat(fault string) kind {
	return kind{"handle from before the call begun here", "handles from before the call begun here", fault}
}

// maxTags is how many calls one error names.
const maxTags = 10

// report puts what was left of a scope into words: one text for each place and
// fault.
func (r remainder) report(s *async.Scope) (texts []string) {
	leaks := r.leaks()
	if r.noisy && len(r.inFlight) == 0 {
		texts = append(texts, fmt.Sprintf("asynctest: %v did not end: a Discard, OnSignal or Observer function still ran", s))
	}
	for len(leaks) > 0 {
		first := leaks[0]
		other := func(l leak) bool { return l.kind != first.kind || l.stack != first.stack }
		var tags []string
		for _, l := range leaks {
			if !other(l) {
				tags = append(tags, l.tag)
			}
		}
		texts = append(texts, first.kind.text(first.stack, tags))
		leaks = slices.Collect(filter(leaks, other))
	}
	return texts
}

// leaks lists everything that was left, each once: of a call in flight the handle
// of its Begin is not told apart.
func (r remainder) leaks() (all []leak) {
	told := make(map[uint64]bool) // calls of which the state, or the result, was told
	for _, i := range r.inFlight {
		told[i.ID] = true
		all = append(all, leak{callThat(r.fault(i)), i.Stack, tag(i)})
	}
	begun := func(h async.HandleInfo) bool { return !h.Clone }
	derived := func(h async.HandleInfo) bool { return h.Clone }
	for h := range filter(r.handles, begun) {
		if !told[h.Call.ID] {
			told[h.Call.ID] = true
			all = append(all, leak{callThat(handleFault(h, false)), h.Stack, tag(h.Call)})
		}
	}
	for h := range filter(r.handles, derived) {
		l := leak{handleThat(handleFault(h, told[h.Call.ID])), h.Stack, tag(h.Call)}
		if h.Stack == "" {
			l.kind, l.stack = earlierHandleThat(l.kind.fault), h.Call.Stack
		} else {
			l.tag += ", begun at " + place(trim(h.Call.Stack))
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
	}
	return "still pending"
}

// handleFault says what is wrong with a handle; told says that the result was
// spoken of before.
func handleFault(h async.HandleInfo, told bool) string {
	switch {
	case !h.Untaken || told:
		return "not released"
	case isPanic(h.Call.Err):
		return "panic not seen by anybody"
	}
	return "result not taken"
}

// text is one error: the place and what is wrong in a line, and the stack.
func (k kind) text(stack string, tags []string) string {
	subject := k.one
	if len(tags) > 1 {
		subject = fmt.Sprintf("%d %s", len(tags), k.many)
	}
	if more := len(tags) - maxTags; more > 0 {
		tags = append(tags[:maxTags:maxTags], fmt.Sprintf("and %d more", more))
	}
	stack = trim(stack)
	return fmt.Sprintf("%s: %s, %s: %s\n%s", place(stack), subject, k.fault, strings.Join(tags, "; "), stack)
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
