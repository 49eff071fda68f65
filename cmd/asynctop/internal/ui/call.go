package ui

import (
	"strings"

	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// This file has the page of one call: what it does, what it waits for and who waits for
// it, the way up, its children, and where it was begun.

// A callPage shows a call. It is asked for anew each second.
type callPage struct {
	ref    asyncview.Ref
	detail *asyncview.Detail // nil before the first answer
	report *picture          // of the report that has the detail
	main   *picture          // what the main screen shows
	err    error             // of the last answer
	ask    int               // counts the questions
}

func (c *callPage) title(m *Model) string { return "Call " + c.name(m) }

func (c *callPage) subject(m *Model) (asyncview.Ref, string) {
	if c.detail != nil && !c.detail.Found {
		return asyncview.Ref{}, ""
	}
	return c.ref, c.name(m)
}

func (c *callPage) name(m *Model) string {
	if c.main = m.picture; c.detail != nil && c.detail.Call != nil {
		return c.refText(c.ref, c.detail.Call.Name)
	}
	return m.picture.refText(c.ref, "")
}

// refText names a call as the page's report knows it, or else the main screen.
func (c *callPage) refText(ref asyncview.Ref, name string) string {
	if known := c.main.byRef[ref]; name == "" && known != nil {
		name = known.Name
	}
	return c.report.refText(ref, name)
}

func (c *callPage) list(m *Model, width int) list {
	c.main = m.picture
	var items []item
	if c.err != nil {
		items = words(c.err.Error(), fault, 0, width)
	}
	switch {
	case c.detail == nil && c.err == nil:
		items = words("asking …", dim, 0, width)
	case c.detail == nil:
	case !c.detail.Found || c.detail.Call == nil:
		items = append(items, words("It is not in flight any more: it has ended, and its function has returned.", good, 0, width)...)
	default:
		items = append(items, c.facts(width)...)
		items = append(items, c.waits(width)...)
		items = append(items, c.family()...)
		items = append(items, c.begun(width)...)
	}
	return listOf(items)
}

// facts returns what the call itself does.
func (c *callPage) facts(width int) []item {
	call, now := c.detail.Call, c.report.report.Time
	state := stateSpan(call)
	state.text = strings.TrimSpace(state.text)
	items := []item{{lines: []line{factLine("state", line{state, {", begun " + age(call.Age) + " ago", normal}})}}}
	add := func(name, value string, l look) { items = append(items, facts(name, value, l, width)...) }
	if call.InCycle {
		add("", "part of a deadlock", fault)
	}
	switch {
	case !call.Started.IsZero():
		add("started", ago(now, call.Started)+" ago, queued "+age(call.Started.Sub(call.Began)), normal)
	case call.State == asyncview.Queued:
		add("started", "not yet: it waits for a slot", normal)
	}
	if !call.Canceled.IsZero() {
		add("canceled", ago(now, call.Canceled)+" ago", warning)
	}
	switch d := call.Deadline; {
	case d.IsZero():
	case d.Before(now):
		add("deadline", "passed "+ago(now, d)+" ago", warning)
	default:
		add("deadline", "in "+age(d.Sub(now)), normal)
	}
	add("handles", count(call.Handles)+" not released", normal)
	add("waiters", count(call.Waiters)+" wait for it", normal)
	if call.Outcome != "" {
		add("outcome", plain.Line(call.Outcome), normal)
	}
	if call.Err != "" {
		add("error", plain.Line(call.Err), fault)
	}
	return items
}

// waits returns what it waits for, and who waits for it.
func (c *callPage) waits(width int) []item {
	items := heading("WAITS FOR")
	for i := range c.detail.Call.WaitsFor {
		items = append(items, c.waitItems(&c.detail.Call.WaitsFor[i], width, false)...)
	}
	switch sc := c.report.scopes[c.ref.Scope]; {
	case len(c.detail.Call.WaitsFor) > 0:
	case sc != nil && !sc.Track:
		items = append(items, words("not known: its scope has no Track", dim, 2, width)...)
	default:
		items = append(items, words("nothing that is known: it runs, or waits for something outside", dim, 2, width)...)
	}
	if n := len(c.detail.WaitedForBy); n > 0 {
		items = append(items, heading("WAITED FOR BY "+countOf(n, n+c.detail.WaitedForByOmitted))...)
	}
	for i := range c.detail.WaitedForBy {
		items = append(items, c.waitItems(&c.detail.WaitedForBy[i], width, true)...)
	}
	return items
}

// waitItems returns one wait: of the call for another, or of another for it.
func (c *callPage) waitItems(w *asyncview.Wait, width int, by bool) []item {
	ref, what := w.To, c.report.waitText(w)
	if by {
		ref, what = w.From, c.refText(w.From, w.Waits)
	}
	it := item{}
	look := normal
	if ref.Call != 0 && ref.Scope != 0 {
		it = item{open: &callPage{ref: ref}, ref: ref, name: what}
		look = link
	}
	l := line{{"  ", normal}, {what, look}}
	if since := ago(c.report.report.Time, w.Since); since != "" {
		l = append(l, span{"  for " + since, dim})
	}
	it.lines = []line{l}
	if w.Line == "" {
		return []item{it}
	}
	return append([]item{it}, words("at "+plain.Line(w.Line), dim, 4, width)...)
}

// family returns the way up to the root, and the children.
func (c *callPage) family() []item {
	items := heading("WAY UP")
	if len(c.detail.Way) == 0 {
		items = append(items, words("none: it was begun outside of a call", dim, 2, 80)...)
	}
	for i := range c.detail.Way {
		items = append(items, c.callItem(&c.detail.Way[i]))
	}
	if len(c.detail.Children) == 0 {
		return items
	}
	n := len(c.detail.Children)
	items = append(items, heading("CHILDREN "+countOf(n, n+c.detail.ChildrenOmitted))...)
	for i := range c.detail.Children {
		items = append(items, c.callItem(&c.detail.Children[i]))
	}
	return items
}

// callItem returns the line of a call of the family.
func (c *callPage) callItem(call *asyncview.Call) item {
	ref := refOf(call)
	name := c.refText(ref, call.Name)
	l := line{{plain.PadLeft(age(call.Age), ageWidth+2) + " ", normal}, stateSpan(call), {name, link}, {"  ", normal}}
	return item{lines: []line{append(l, c.report.note(call)...)}, open: &callPage{ref: ref}, ref: ref, name: name}
}

// begun returns where the call was begun.
func (c *callPage) begun(width int) []item {
	items := heading("BEGUN AT")
	where := c.detail.Call.Stack
	if where == "" {
		where = c.detail.Call.Line
	}
	if where == "" {
		return append(items, item{lines: []line{text("  not known: its scope has no Track", dim)}})
	}
	for _, s := range plain.Lines(where, 100) {
		if strings.HasPrefix(s, " ") { // a file, whose end matters most
			s = "    " + plain.CutLeft(strings.TrimSpace(s), width-6)
		}
		items = append(items, item{lines: []line{text("  "+s, normal)}})
	}
	return items
}
