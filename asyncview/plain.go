package asyncview

import (
	"bytes"
	"fmt"
	"strings"
)

// This file writes a report as text, for curl and for logs.

// write writes what is wrong, and each scope as its Dump; with a query, the calls that the
// query asks for.
func (s *seen) write(to *bytes.Buffer, r *Report) {
	fmt.Fprintf(to, "%s (%d) at %s\n\n", r.Program, r.PID, clock(r.Time))
	if len(r.Wrong) == 0 {
		fmt.Fprintln(to, "nothing is wrong")
	}
	for _, w := range r.Wrong {
		fmt.Fprintf(to, "%s: %s\n", w.Severity, w.Text)
	}
	if len(r.Ignored) > 0 {
		fmt.Fprintf(to, "\n%s\n", r.ignoredText())
	}
	q := s.query
	if q.Search != "" || q.State != "" || q.Name != "" || q.Group == Flat {
		writeCalls(to, r)
		return
	}
	for _, w := range s.scopes {
		if q.Scope == 0 || q.Scope == w.key {
			fmt.Fprintf(to, "\nscope=%d, of which call?scope=%d&call=ID is one call\n", w.key, w.key)
			_ = w.scope.Dump(to) // a Buffer has no errors
		}
	}
	if r.ScopesOmitted > 0 {
		fmt.Fprintf(to, "\nand %s\n", count(r.ScopesOmitted, "more scope", "more scopes"))
	}
}

// writeCalls writes a line for each call that is listed.
func writeCalls(to *bytes.Buffer, r *Report) {
	p := newPage(r)
	fmt.Fprintf(to, "\n%s in flight that the query asks for\n", count(r.Matched, "call", "calls"))
	for i := range r.Calls {
		fmt.Fprintln(to, p.line(&r.Calls[i]))
	}
	if more := r.Matched - len(r.Calls); more > 0 {
		fmt.Fprintf(to, "and %d more\n", more)
	}
}

// line writes a call in one line.
func (p *page) line(c *Call) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s (scope=%d): %s, %s, %s", p.ScopeOf(c.Scope), c.Scope, title(c.Name, c.ID), c.State, span(c.Age))
	if c.Outcome != "" {
		fmt.Fprintf(&b, ", %s", c.Outcome)
	}
	for _, w := range c.WaitsFor {
		fmt.Fprintf(&b, ", %s", p.Waiting(c, w))
	}
	return b.String()
}

// Waiting says what a call waits for, for how long and where.
func (p *page) Waiting(c *Call, w Wait) string {
	s := "waits for " + p.target(c, w)
	if !w.Since.IsZero() {
		s += " for " + p.Ago(w.Since)
	}
	if w.Line != "" {
		s += " at " + w.Line
	}
	return s
}

// ignoredText says which parameters of the request were ignored.
func (r *Report) ignoredText() string {
	return "ignored, for there is no such parameter, or no such value: " + strings.Join(r.Ignored, ", ")
}

// target says what a call waits for.
func (p *page) target(c *Call, w Wait) string {
	if w.To.Call != 0 {
		return title(w.Whom, w.To.Call)
	}
	return p.Thing(c, w)
}

// Thing says what a call waits for that is no call. A function that wants its slot back has
// waited for something else, and nothing but a slot keeps it.
func (p *page) Thing(c *Call, w Wait) string {
	switch {
	case w.Kind != "slot":
		return strings.TrimSpace(w.Kind + " " + w.Name)
	case c.State == Queued:
		return "its first slot"
	}
	return "its slot again"
}

// writeDetail writes one call.
func writeDetail(to *bytes.Buffer, r *Report) {
	p, d := newPage(r), r.Detail
	if !d.Found {
		fmt.Fprintf(to, "call #%d of scope %d is not in flight\n", d.Ref.Call, d.Ref.Scope)
		return
	}
	c := d.Call
	fmt.Fprintln(to, strings.TrimSpace(p.line(c)))
	fmt.Fprintf(to, "began %s; %s, %s\n", clock(c.Began), count(c.Handles, "handle", "handles"), count(c.Waiters, "waiter", "waiters"))
	if c.Outcome != "" {
		fmt.Fprintf(to, "ended as %s\n", c.Outcome)
	}
	if c.Err != "" {
		fmt.Fprintf(to, "completed with %s\n", c.Err)
	}
	section := func(name string, calls []Call) {
		if len(calls) > 0 {
			fmt.Fprintf(to, "\n%s\n", name)
		}
		for i := range calls {
			fmt.Fprintln(to, p.line(&calls[i]))
		}
	}
	section("begun in the function of", d.Way)
	section("in its function were begun", d.Children)
	if d.ChildrenOmitted > 0 {
		fmt.Fprintf(to, "and %d more\n", d.ChildrenOmitted)
	}
	for i, w := range d.WaitedForBy {
		if i == 0 {
			fmt.Fprintf(to, "\nwaited for by\n")
		}
		fmt.Fprintf(to, "  %s for %s\n", title(w.Waits, w.From.Call), p.Ago(w.Since))
	}
	if d.WaitedForByOmitted > 0 {
		fmt.Fprintf(to, "and %d more\n", d.WaitedForByOmitted)
	}
	if c.Stack != "" {
		fmt.Fprintf(to, "\nbegun at\n%s", c.Stack)
	}
}
