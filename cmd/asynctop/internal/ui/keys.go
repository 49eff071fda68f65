package ui

import (
	"slices"

	tea "charm.land/bubbletea/v2"
	"github.com/seed4712c49f/async/asyncview"
)

// This file has what the keys do, but for the search, which is in search.go, and canceling,
// which is in cancel.go.

// A binding is one thing that keys do.
type binding struct {
	keys []string // as bubbletea names them
	show string   // the keys as the help names them
	hint string   // for the last line of the screen; empty for none
	help string   // for the page of help
	do   func(m *Model) tea.Cmd
}

// bindings returns what keys do, in the order of the help.
func bindings() []binding {
	return []binding{
		{[]string{"up", "k"}, "↑ k", "", "one up", func(m *Model) tea.Cmd { return m.step(-1) }},
		{[]string{"down", "j"}, "↓ j", "", "one down", func(m *Model) tea.Cmd { return m.step(1) }},
		{[]string{"pgup", "ctrl+b"}, "PgUp", "", "a window up", func(m *Model) tea.Cmd { return m.step(-m.window()) }},
		{[]string{"pgdown", "ctrl+f", "space"}, "PgDn Space", "", "a window down", func(m *Model) tea.Cmd { return m.step(m.window()) }},
		{[]string{"home"}, "Home", "", "to the first", func(m *Model) tea.Cmd { return m.step(-1 << 30) }},
		{[]string{"end", "G"}, "End", "", "to the last", func(m *Model) tea.Cmd { return m.step(1 << 30) }},
		{[]string{"tab"}, "Tab", "tab section", "the next section: what is wrong, scopes, calls", func(m *Model) tea.Cmd { return m.refocus(1) }},
		{[]string{"shift+tab"}, "Shift-Tab", "", "the section before", func(m *Model) tea.Cmd { return m.refocus(-1) }},
		{[]string{"enter"}, "Enter", "enter look", "look at what is marked: a call, a scope, what is wrong; a group of calls unfolds", (*Model).enter},
		{[]string{"esc", "backspace"}, "Esc", "esc back", "back; on the main screen, away with every filter", (*Model).back},
		{[]string{"left", "h"}, "← h", "←→ fold", "fold; what is folded goes to the one above", func(m *Model) tea.Cmd { return m.fold(true) }},
		{[]string{"right", "l"}, "→ l", "", "unfold", func(m *Model) tea.Cmd { return m.fold(false) }},
		{[]string{"g"}, "g", "g group", "calls as a tree by parent, by name, or as a list", (*Model).regroup},
		{[]string{"s"}, "s", "s sort", "the oldest first, the newest, by name, by number", (*Model).resort},
		{[]string{"f"}, "f", "f state", "only calls in one state: queued, running, lent, stopping, ending", (*Model).restate},
		{[]string{"/"}, "/", "/ search", "only calls with these letters in the name, or #17 for an ID", (*Model).beginSearch},
		{[]string{"x"}, "x", "x cancel", "cancel the call, or what is queued in the scope; it asks first", (*Model).ask},
		{[]string{"p"}, "p", "p pause", "stop the picture, and let it go on", (*Model).pause},
		{[]string{"r"}, "r", "", "look at once, and connect again", func(m *Model) tea.Cmd { return m.watch() }},
		{[]string{"?"}, "?", "? help", "this page", func(m *Model) tea.Cmd { return m.open(helpPage{}) }},
		{[]string{"q"}, "q", "q quit", "quit", func(*Model) tea.Cmd { return tea.Quit }},
		{[]string{"ctrl+z"}, "Ctrl-Z", "", "suspend; fg goes on", func(*Model) tea.Cmd { return tea.Suspend }},
	}
}

// press does what a key says.
func (m *Model) press(k tea.KeyPressMsg) tea.Cmd {
	m.notice = ""
	name := k.String()
	switch {
	case name == "ctrl+c":
		return tea.Interrupt
	case m.typing:
		return m.typeKey(k)
	case m.confirm != nil:
		c := m.confirm
		m.confirm = nil
		if name == "y" || name == "Y" {
			return m.cancel(c.ref)
		}
		m.notice = "nothing was canceled"
		return nil
	}
	for _, b := range bindings() {
		if slices.Contains(b.keys, name) {
			return b.do(m)
		}
	}
	return nil
}

// here returns the list that has the focus, and where somebody stands in it.
func (m *Model) here() (list, *pane) {
	if top := m.top(); top != nil {
		return top.list(m, m.width-1), &top.pane
	}
	return m.section(m.focus), &m.panes[m.focus]
}

// step moves the cursor.
func (m *Model) step(by int) tea.Cmd {
	l, p := m.here()
	p.move(l, by)
	return nil
}

// window returns how many lines of what has the focus are seen.
func (m *Model) window() int {
	if m.top() != nil {
		return max(1, m.height-3)
	}
	return max(1, m.heights()[m.focus]-1)
}

// refocus goes to another section that is not empty.
func (m *Model) refocus(by int) tea.Cmd {
	if m.top() != nil {
		return nil
	}
	for range sections {
		m.focus = (m.focus + by + sections) % sections
		if m.section(m.focus).n > 0 {
			break
		}
	}
	return nil
}

// at returns the item that is marked; the zero item where the list is empty.
func (m *Model) at() item {
	l, p := m.here()
	if l.n == 0 {
		return item{}
	}
	return l.at(min(p.cursor, l.n-1), max(2, m.width-1))
}

// marked returns the row of the calls that is marked, or nil where none is.
func (m *Model) marked() *row {
	if m.top() != nil || m.focus != callsSection || len(m.rows) == 0 {
		return nil
	}
	return &m.rows[min(m.panes[callsSection].cursor, len(m.rows)-1)]
}

func (m *Model) enter() tea.Cmd {
	if r := m.marked(); r != nil && r.call == nil {
		return m.turn(r)
	}
	return m.open(m.at().open)
}

// back closes a page, or takes the filters away.
func (m *Model) back() tea.Cmd {
	if m.top() != nil {
		m.pages = m.pages[:len(m.pages)-1]
		if top := m.top(); top != nil {
			if p, ok := top.page.(*callPage); ok {
				return m.call(p)
			}
		}
		return nil
	}
	if m.want.Search == "" && m.want.Scope == 0 && m.want.State == "" {
		return nil
	}
	m.want.Search, m.want.Scope, m.want.State, m.typed = "", 0, "", ""
	return m.rewant()
}

// turn folds a row, or unfolds it.
func (m *Model) turn(r *row) tea.Cmd {
	switch {
	case !r.foldable && r.call == nil && m.picture.report.Matched > len(m.picture.report.Calls):
		m.notice = "its calls are not among the first " + count(len(m.picture.report.Calls)) + ": search for the name"
	case r.foldable && m.turned[r.key]:
		delete(m.turned, r.key)
	case r.foldable:
		m.turned[r.key] = true
	}
	m.arrange()
	return nil
}

// fold folds the marked row, or unfolds it. From what cannot be folded it goes up.
func (m *Model) fold(folded bool) tea.Cmd {
	r := m.marked()
	switch {
	case r == nil:
	case r.foldable && r.folded != folded, r.call == nil && !r.foldable:
		return m.turn(r)
	case folded:
		p := &m.panes[callsSection]
		i := p.cursor
		for i > 0 && m.rows[i].depth >= r.depth {
			i--
		}
		if m.rows[i].depth < r.depth {
			p.move(m.section(callsSection), i-p.cursor)
		}
	}
	return nil
}

// next returns the value after one in a circle.
func next[T comparable](v T, circle ...T) T {
	for i, x := range circle {
		if x == v {
			return circle[(i+1)%len(circle)]
		}
	}
	return circle[0]
}

func (m *Model) regroup() tea.Cmd {
	m.group = next(m.group, asyncview.Tree, asyncview.Names, asyncview.Flat)
	m.arrange()
	return nil
}

func (m *Model) resort() tea.Cmd {
	m.want.Sort = next(m.want.Sort, asyncview.ByAge, asyncview.ByNewest, asyncview.ByName, ByCount)
	return m.rewant()
}

func (m *Model) restate() tea.Cmd {
	m.want.State = next(m.want.State, "", asyncview.Queued, asyncview.Running, asyncview.Lent, asyncview.Stopping, asyncview.Ending)
	return m.rewant()
}

func (m *Model) pause() tea.Cmd {
	m.paused = !m.paused
	return nil
}
