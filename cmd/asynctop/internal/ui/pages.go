package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// This file has the pages that open on top of the main screen: what is wrong, one scope,
// and the help. The page of a call is in call.go.

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
		items = append(items, p.refItem(ref, edge))
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

// refItem returns the line of a call that may not be listed.
func (p *picture) refItem(ref asyncview.Ref, before string) item {
	it := item{ref: ref, name: p.refText(ref, "")}
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

// A scopePage shows all that is known of a scope.
type scopePage struct{ key int }

func (s scopePage) title(m *Model) string { return "Scope " + m.picture.scopeName(s.key) }

func (s scopePage) subject(m *Model) (asyncview.Ref, string) {
	return asyncview.Ref{Scope: s.key}, m.picture.scopeName(s.key)
}

func (s scopePage) list(m *Model, width int) list {
	sc := m.picture.scopes[s.key]
	if sc == nil {
		return listOf(words("The view does not show this scope any more.", warning, 0, width))
	}
	items := []item{{lines: []line{text("Show the calls of this scope", link)}, open: onlyScope{s}}, {lines: []line{nil}}}
	items = append(items, facts("state", scopeState(sc), normal, width)...)
	items = append(items, item{lines: []line{factLine("slots", slotsLine(sc, width))}})
	items = append(items, facts("queue", queueText(sc), normal, width)...)
	items = append(items, ledger(&sc.Stats, width)...)
	items = append(items, heading("THE LAST FIVE MINUTES")...)
	items = append(items, history(sc, width)...)
	items = append(items, heading("FROM CANCEL TO RETURN")...)
	items = append(items, stopTimes(sc, width)...)
	return listOf(items)
}

// onlyScope is what Enter does on the line that shows the calls of a scope.
type onlyScope struct{ scopePage }

func scopeState(s *asyncview.Scope) string {
	switch {
	case s.Ended:
		return "closed, and nothing is in flight"
	case s.Closed:
		return "closed, " + calls(s.InFlight) + " in flight"
	case s.Track:
		return "open, " + calls(s.InFlight) + " in flight, tracked"
	}
	return "open, " + calls(s.InFlight) + " in flight; without Track nothing is known of what they wait for"
}

func slotsLine(s *asyncview.Scope, width int) line {
	if s.Limit <= 0 {
		return text(count(s.Stats.Running)+" running, no limit", normal)
	}
	l := gauge(slots(s), int64(s.Limit), max(3, min(20, width-factColumn-22)))
	return append(l, span{fmt.Sprintf(" %s of %s, %s lent", count(slots(s)), count(s.Limit), count(s.Stats.Lent)), normal})
}

func queueText(s *asyncview.Scope) string {
	switch {
	case s.NoQueue:
		return "none: a call that finds no slot is refused"
	case s.Queue > 0:
		return fmt.Sprintf("%s of %s places", count(s.Stats.Queued), count(s.Queue))
	}
	return count(s.Stats.Queued) + " queued, no bound"
}

// ledger returns the sums of a scope.
func ledger(s *asyncview.Stats, width int) (items []item) {
	for _, f := range [][2]string{
		{"begun", fmt.Sprintf("%s, of which %s are pending; %s refused", count(s.Begun), count(s.Pending), count(s.Refused))},
		{"ended", fmt.Sprintf("%s returned, %s failed, %s canceled, %s panicked, %s exited, %s broken",
			count(s.Returned), count(s.Failed), count(s.Canceled), count(s.Panicked), count(s.Goexited), count(s.Broken))},
		{"results", fmt.Sprintf("%s taken, %s discarded, %s that nobody has taken", count(s.Taken), count(s.Discarded), count(s.Untaken))},
	} {
		items = append(items, facts(f[0], f[1], normal, width)...)
	}
	return items
}

// history returns the lines that draw what happened.
func history(s *asyncview.Scope, width int) (items []item) {
	room := min(60, width-14-12)
	for _, h := range []struct {
		name string
		of   func(p asyncview.Point) float64
		last string
	}{
		{"rate", rateOf, rate(last(s).Ended, last(s).Span)},
		{"bad", func(p asyncview.Point) float64 { return float64(p.Bad) }, rate(last(s).Bad, last(s).Span)},
		{"refused", func(p asyncview.Point) float64 { return float64(p.Refused) }, rate(last(s).Refused, last(s).Span)},
		{"a call takes", func(p asyncview.Point) float64 { return float64(p.Latency) }, ageOrNone(last(s).Latency)},
		{"it waits", func(p asyncview.Point) float64 { return float64(p.Wait) }, ageOrNone(last(s).Wait)},
		{"running", func(p asyncview.Point) float64 { return float64(p.Running) }, short(last(s).Running)},
		{"queued", queuedOf, short(last(s).Queued)},
		{"untaken", func(p asyncview.Point) float64 { return float64(p.Untaken) }, short(last(s).Untaken)},
	} {
		l := line{{plain.PadLeft(h.last, 8) + "  ", normal}, {sparkOf(s, max(0, room), h.of), bar}}
		items = append(items, item{lines: []line{factLine(h.name, l)}})
	}
	return items
}

// stopTimes returns the histogram of the times to stop.
func stopTimes(s *asyncview.Scope, width int) (items []item) {
	most := int64(0)
	for _, c := range s.StopTimes {
		most = max(most, c.Count)
	}
	for _, c := range s.StopTimes {
		name := "longer"
		if c.Below > 0 {
			name = "below " + strings.Replace(age(c.Below), ".0s", "s", 1)
		}
		l := append(text(plain.PadLeft(short(c.Count), 8)+"  ", normal), gauge(c.Count, most, max(5, min(40, width-28)))...)
		items = append(items, item{lines: []line{factLine(name, l)}})
	}
	if s.Stats.Stopped > 0 {
		mean := s.Stats.StopTotal / time.Duration(s.Stats.Stopped)
		items = append(items, facts("in all", fmt.Sprintf("%s stopped; mean %s, longest %s", count(s.Stats.Stopped), age(mean), age(s.Stats.StopMax)), normal, width)...)
	}
	return append(items, item{lines: []line{factLine("not stopped", bad(s.Stats.Stopping))}})
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
