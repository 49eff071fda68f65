package ui

import (
	"strings"

	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// This file has the sections of the main screen, and the lines of two: of what is wrong and
// of the calls. The lines of the scopes are in scopes.go.

// section returns the list of a section.
func (m *Model) section(i int) list {
	p := m.picture
	if p == nil {
		return list{}
	}
	switch i {
	case wrongSection:
		return list{len(p.report.Wrong), func(i int) any { return wrongKeyOf(&p.report.Wrong[i]) }, m.wrongItem, false}
	case scopesSection:
		return list{len(p.report.Scopes), func(i int) any { return p.report.Scopes[i].Key }, p.scopeItem, true}
	}
	return list{len(m.rows), func(i int) any { return m.rows[i].key }, func(i, width int) item { return p.rowItem(&m.rows[i], width, m.group) }, true}
}

// A wrongKey names something that is wrong from one report to the next.
type wrongKey struct {
	kind  asyncview.Kind
	scope int
	first asyncview.Ref // of a deadlock: there may be several
}

func wrongKeyOf(w *asyncview.Wrong) wrongKey {
	k := wrongKey{kind: w.Kind, scope: w.Scope}
	if w.Kind == asyncview.Deadlock && len(w.Calls) > 0 {
		k.first = w.Calls[0]
	}
	return k
}

// severity returns the word for a severity, and its look.
func severity(s asyncview.Severity) (string, look) {
	switch s {
	case asyncview.Fault:
		return "fault", fault
	case asyncview.Warning:
		return "warning", warning
	case asyncview.Note:
		return "note", dim
	}
	return plain.Cut(plain.Line(string(s)), 7), warning // of a later version
}

// wrongItem returns what is wrong, in two lines at most, or in one where there are more of
// them than fit.
func (m *Model) wrongItem(i, width int) item {
	w, limit := &m.picture.report.Wrong[i], 2
	if m.thrift == thrifty || m.thrift == faultsFirst && w.Severity != asyncview.Fault {
		limit = 1
	}
	word, look := severity(w.Severity)
	const column = 8
	it := item{open: &wrongPage{key: wrongKeyOf(w), wrong: *w}}
	for n, s := range wrap(plain.Line(w.Text), width-column, limit) {
		first := plain.Pad("", column)
		if n == 0 {
			first = plain.Pad(word, column)
		}
		textLook := normal
		if w.Severity == asyncview.Fault {
			textLook = strong
		}
		it.lines = append(it.lines, line{{first, look}, {s, textLook}})
	}
	return it
}

// wide is the width from which on what a call waits for has a column of its own.
const wide = 120

// rowItem returns the line of a row of the calls.
func (p *picture) rowItem(r *row, width int, g asyncview.Group) item {
	indent := strings.Repeat(" ", min(2*r.depth, max(0, width-30)/2))
	mark := "  "
	switch {
	case r.foldable && r.folded:
		mark = "▸ "
	case r.foldable:
		mark = "▾ "
	}
	if r.call == nil {
		return item{lines: []line{p.groupLine(r, indent+mark, width)}}
	}
	c := r.call
	of := ""
	if parent := p.byRef[c.Parent]; len(p.scopes) > 1 && (g != asyncview.Tree || parent == nil || parent.Scope != c.Scope) {
		of = " of " + p.scopeName(c.Scope)
	}
	l := line{{plain.PadLeft(age(c.Age), ageWidth) + " ", normal}, stateSpan(c)}
	l = append(l, span{indent + mark, normal}, span{"#" + id(c.ID) + " ", dim}, span{nameOf(c.Name), nameLook(c)}, span{of, dim})
	return item{lines: []line{p.withNote(l, p.note(c), width)}, open: &callPage{ref: refOf(c)}, ref: refOf(c), name: p.callName(refOf(c)) + of}
}

// withNote adds a note to the line of a call: in a column of its own where there is room,
// and else behind it.
func (p *picture) withNote(l, note line, width int) line {
	if width >= wide {
		return append(l.pad(width*9/20), append(line{{"  ", normal}}, note...)...)
	}
	if width-l.width() < 14 {
		return l
	}
	return append(append(l, span{"  ", normal}), note...)
}

// stateSpan returns the state of a call as a cell of nine.
func stateSpan(c *asyncview.Call) span {
	look := normal
	switch c.State {
	case asyncview.Queued, asyncview.Ending:
		look = dim
	case asyncview.Running:
		look = good
	case asyncview.Stopping:
		look = fault
	}
	return span{plain.Pad(plain.Line(string(c.State)), 8) + " ", look}
}

func nameLook(c *asyncview.Call) look {
	if c.InCycle {
		return fault
	}
	return strong
}

// note says the one thing about a call that matters most.
func (p *picture) note(c *asyncview.Call) line {
	now := p.report.Time
	switch {
	case c.InCycle && len(c.WaitsFor) > 0:
		return append(text("deadlock: ", fault), p.waitLine(&c.WaitsFor[0])...)
	case c.InCycle:
		return text("deadlock", fault)
	case c.State == asyncview.Stopping && !c.Canceled.IsZero():
		return text("canceled "+ago(now, c.Canceled)+" ago, and not stopped", fault)
	case !c.Deadline.IsZero() && c.Deadline.Before(now):
		return text("deadline passed "+ago(now, c.Deadline)+" ago", warning)
	case len(c.WaitsFor) > 1:
		return append(p.waitLine(&c.WaitsFor[0]), span{", and " + count(len(c.WaitsFor)-1) + " more", dim})
	case len(c.WaitsFor) > 0:
		return p.waitLine(&c.WaitsFor[0])
	case c.Line != "":
		return text("begun by "+shortLine(plain.Line(c.Line)), dim)
	}
	return nil
}

// shortLine returns a function, a file and a line without the folders.
func shortLine(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		words[i] = w[strings.LastIndexAny(w, `/\`)+1:]
	}
	return strings.Join(words, " ")
}

// refText names a call, with its scope where there are several.
func (p *picture) refText(ref asyncview.Ref, name string) string {
	s := "#" + id(ref.Call)
	if c := p.byRef[ref]; c != nil {
		name = c.Name
	}
	if name != "" {
		s += " " + plain.Name(name)
	}
	if len(p.scopes) > 1 {
		s += " of " + p.scopeName(ref.Scope)
	}
	return s
}

// groupLine returns the line of the calls of one name.
func (p *picture) groupLine(r *row, before string, width int) line {
	t := r.total
	l := line{{plain.PadLeft(ago(p.report.Time, t.Began), ageWidth) + " ", normal}, {plain.Pad("oldest", 9), dim}}
	l = append(l, span{before, normal}, span{count(t.Count) + " × ", dim}, span{nameOf(t.Name), strong})
	if len(p.scopes) > 1 {
		l = append(l, span{" of " + p.scopeName(t.Scope), dim})
	}
	var states []string
	for _, s := range []struct {
		n    int
		what asyncview.State
	}{{t.Stopping, asyncview.Stopping}, {t.Queued, asyncview.Queued}, {t.Running, asyncview.Running}, {t.Lent, asyncview.Lent}, {t.Ending, asyncview.Ending}} {
		if s.n > 0 {
			states = append(states, count(s.n)+" "+string(s.what))
		}
	}
	note := text(strings.Join(states, ", "), dim)
	if r.inCycle {
		note = append(text("deadlock: ", fault), note...)
	}
	return p.withNote(l, note, width)
}
