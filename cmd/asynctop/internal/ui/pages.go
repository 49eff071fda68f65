package ui

import (
	"fmt"
	"strings"

	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// This file has what pages are, that of what is wrong, and the help. The page of a call is
// in call.go, that of a scope in scope.go.

// A page is a screen of one thing.
type page interface {
	title(m *Model) string
	list(m *Model, width int) list
	subject(m *Model) (ref asyncview.Ref, name string) // what is canceled where no line says another; zero for nothing
}

// words returns a text as items, wrapped, each line after some cells.
func words(s string, l look, indent, width int) (items []item) {
	for _, x := range wrap(s, width-indent, 20) {
		items = append(items, item{lines: []line{{{strings.Repeat(" ", indent), normal}, {x, l}}}})
	}
	return items
}

// heading returns the items above a part of a page.
func heading(s string) []item {
	return []item{{lines: []line{nil}}, {lines: []line{text(s, strong)}}}
}

// factColumn is how many cells the name of a fact takes.
const factColumn = 14

// facts returns a name and what there is to say, wrapped.
func facts(name, value string, l look, width int) (items []item) {
	for _, s := range wrap(value, width-factColumn, 8) {
		items = append(items, item{lines: []line{factLine(name, text(s, l))}})
		name = ""
	}
	return items
}

func factLine(name string, value line) line {
	return append(text(plain.Pad(name, factColumn-1)+" ", dim), value...)
}

// A wrongPage says one thing that is wrong in full, and has the calls that it is about.
type wrongPage struct {
	key   wrongKey
	wrong asyncview.Wrong // as it was when it was last seen
}

func (*wrongPage) title(*Model) string { return "What is wrong" }

func (*wrongPage) subject(*Model) (asyncview.Ref, string) { return asyncview.Ref{}, "" }

func (w *wrongPage) list(m *Model, width int) list {
	p, over := m.picture, true
	for i := range p.report.Wrong {
		if wrongKeyOf(&p.report.Wrong[i]) == w.key {
			w.wrong, over = p.report.Wrong[i], false
		}
	}
	word, look := severity(w.wrong.Severity)
	if over {
		word, look = "it is no longer so", good
	}
	items := []item{{lines: []line{text(word, look)}}}
	items = append(items, words(plain.Line(w.wrong.Text), strong, 0, width)...)
	if w.wrong.Scope != 0 {
		items = append(items, item{lines: []line{factLine("scope", text(p.scopeName(w.wrong.Scope), link))}, open: scopePage{w.wrong.Scope}})
	}
	if since := ago(p.report.Time, w.wrong.Since); since != "" {
		items = append(items, facts("since", since+" ago", normal, width)...)
	}
	items = append(items, item{lines: []line{nil}})
	items = append(items, words(meaning(w.wrong.Kind), dim, 0, width)...)
	if len(w.wrong.Calls) > 0 {
		items = append(items, heading(fmt.Sprintf("CALLS %s", countOf(len(w.wrong.Calls), int(w.wrong.Count))))...)
	}
	for i, ref := range w.wrong.Calls {
		edge := ""
		if w.wrong.Kind == asyncview.Deadlock {
			edge = cycleEdge(i, len(w.wrong.Calls))
		}
		name := ""
		if i < len(w.wrong.Names) {
			name = plain.Name(w.wrong.Names[i])
		}
		items = append(items, p.refItem(ref, name, edge))
	}
	return listOf(items)
}

// countOf writes how many are shown of how many.
func countOf(shown, all int) string {
	if all > shown {
		return count(shown) + " of " + count(all)
	}
	return count(shown)
}

// cycleEdge draws the way from a call of a cycle to the next: the last leads to the first.
func cycleEdge(i, n int) string {
	switch {
	case n == 1:
		return "↻ "
	case i == 0:
		return "┌→ "
	case i == n-1:
		return "└─ "
	}
	return "│↓ "
}

// meaning says what a kind of wrong means, and what to do.
func meaning(k asyncview.Kind) string {
	switch k {
	case asyncview.Deadlock:
		return "Each of these calls waits for the next, and the last for the first. None of them will ever end by itself: cancel one."
	case asyncview.NotStopping:
		return "These calls were canceled, and their functions go on. A function is not interrupted: it has to look at its context."
	case asyncview.QueueGrowing:
		return "More calls come than end. The functions that hold the slots are slow or stuck, or the limit is too low."
	case asyncview.Oldest:
		return "Nothing is known to be wrong with these calls, but no other is as old."
	case asyncview.Untaken:
		return "These results are kept in memory, since a handle on each is not released: await them, or release the handles."
	case asyncview.Refused:
		return "The scope was full or closed, and the callers got an error."
	}
	return ""
}

// refItem returns the line of a call. Where the call is not listed, the name says which one
// it is; it has the ID in it.
func (p *picture) refItem(ref asyncview.Ref, name, before string) item {
	it := item{ref: ref, name: p.refText(ref, "")}
	if p.byRef[ref] == nil && name != "" {
		it.name = name + " of " + p.scopeName(ref.Scope)
	}
	if ref.Call != 0 && ref.Scope != 0 {
		it.open = &callPage{ref: ref}
	}
	l := line{{"  " + before, dim}, {it.name, link}}
	if c := p.byRef[ref]; c != nil {
		l = append(l, span{"  " + age(c.Age) + "  ", normal}, stateSpan(c))
		l = append(l, p.note(c)...)
	}
	it.lines = []line{l}
	return it
}

// helpPage says what the keys do.
type helpPage struct{}

func (helpPage) title(*Model) string { return "Keys" }

func (helpPage) subject(*Model) (asyncview.Ref, string) { return asyncview.Ref{}, "" }

func (helpPage) list(_ *Model, width int) list {
	var items []item
	for _, b := range bindings() {
		for i, s := range wrap(b.help, width-13, 5) {
			key := ""
			if i == 0 {
				key = b.show
			}
			items = append(items, item{lines: []line{{{plain.Pad(key, 12) + " ", strong}, {s, normal}}}})
		}
	}
	items = append(items, item{lines: []line{{{plain.Pad("Ctrl-C", 12) + " ", strong}, {"quit, with exit code 130", normal}}}})
	items = append(items, item{lines: []line{nil}})
	for _, s := range []string{
		"States: queued waits for its first slot; running; lent waits for another call, with its slot lent meanwhile; stopping was canceled, and its function still runs; ending is complete, and its function is about to return.",
		"RUNNING is slots taken of the limit; LENT, functions that wait and have lent their slots; RATE, calls that ended in a second; TAKES, how long a call takes from Begin on; WAITS, how long it waits for its slot.",
	} {
		items = append(items, words(s, normal, 0, width)...)
		items = append(items, item{lines: []line{nil}})
	}
	return listOf(items)
}
