// Package ui shows the reports of a view in a terminal. [Model] is the screen that lives,
// for package bubbletea; [Dump] writes one report as text. The command asynctop runs them.
//
// A report is text of strangers: each name and each sentence of it passes through package
// plain on its way to a line.
package ui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/feed"
)

// A Source is where reports come from: a [feed.Feed].
type Source interface {
	Address() string
	Watch(ctx context.Context, q asyncview.Query, deliver func(feed.Update))
	Call(ctx context.Context, ref asyncview.Ref) (*asyncview.Report, error)
	Cancel(ctx context.Context, ref asyncview.Ref) (*asyncview.Canceled, error)
}

// A Model is the state of the screen. It comes from [New], and is used by one bubbletea
// program.
type Model struct {
	source Source
	ctx    context.Context    // ends with the program
	stop   context.CancelFunc // ends the look that goes on
	look   int                // counts the looks: what an earlier one delivers is too late
	clock  func() time.Time

	// What the server said.

	picture  *picture  // of the last report; nil before the first
	received time.Time // when it came
	err      error     // why there is none since; nil where there is
	again    time.Time // when the server is asked again
	fatal    error     // why the program ended by itself

	// What the person at the keys wants.

	want   asyncview.Query // which calls
	group  asyncview.Group // how they are shown
	turned map[foldKey]bool
	rows   []row // of the picture, as they are shown
	paused bool
	panes  [sections]pane
	focus  int
	pages  []shown // on top of the main screen, the last one seen

	typing  bool     // the keys write the search
	typed   string   // the search, as far as it is written
	confirm *confirm // what the next key confirms
	notice  string   // stands in the last line until the next key

	// What the terminal is.

	width, height int
	thrift        thrift // with the lines of what is wrong
	palette       *palette
}

// The sections of the main screen.
const (
	wrongSection = iota
	scopesSection
	callsSection
	sections
)

// A thrift says how many lines each thing that is wrong has, so that all of them are seen.
type thrift int

const (
	generous    thrift = iota // two
	faultsFirst               // two for faults, one for others
	thrifty                   // one
)

// A shown is a page that is open, and where somebody stands in it.
type shown struct {
	page
	pane
}

// A confirm is something that is asked before it is done.
type confirm struct {
	question string
	ref      asyncview.Ref
}

// Options say how a screen begins.
type Options struct {
	Query asyncview.Query  // which calls; Limit says how many of them are listed
	Group asyncview.Group  // how they are shown
	Clock func() time.Time // time.Now, but in tests
}

// New returns the screen of a source. It ends with ctx.
func New(ctx context.Context, source Source, o Options) *Model {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &Model{
		source: source, ctx: ctx, stop: func() {}, clock: o.Clock,
		want: o.Query, group: o.Group, typed: o.Query.Search, turned: make(map[foldKey]bool),
		focus: callsSection, width: 80, height: 24, palette: newPalette(),
	}
}

// Err returns why the program ended by itself, or nil where somebody ended it.
func (m *Model) Err() error { return m.fatal }

// What is told to Update, besides what bubbletea tells.
type (
	updateMsg struct {
		look int
		feed.Update
		next tea.Cmd
	}
	callMsg struct {
		page   *callPage
		ask    int
		report *asyncview.Report
		err    error
	}
	recallMsg struct {
		page *callPage
		ask  int
	}
	canceledMsg struct {
		answer *asyncview.Canceled
		err    error
	}
	clockMsg struct{}
)

// Init begins to look, and asks for the color of the background.
func (m *Model) Init() tea.Cmd {
	return tea.Batch(tea.RequestBackgroundColor, m.watch(), tick())
}

// tick makes the ages on the screen go on where no report comes.
func tick() tea.Cmd {
	return tea.Tick(time.Second, func(time.Time) tea.Msg { return clockMsg{} })
}

// watch ends the look that goes on, and begins one for the calls that are wanted now.
func (m *Model) watch() tea.Cmd {
	m.stop()
	ctx, stop := context.WithCancel(m.ctx)
	m.stop = stop
	m.look++
	q, look := Asked(m.want), m.look
	updates := make(chan feed.Update)
	go m.source.Watch(ctx, q, func(u feed.Update) {
		select {
		case updates <- u:
		case <-ctx.Done():
		}
	})
	var next tea.Cmd
	next = func() tea.Msg {
		select {
		case u := <-updates:
			return updateMsg{look, u, next}
		case <-ctx.Done():
			return nil
		}
	}
	return next
}

// Asked returns what a server is asked for where q is wanted.
func Asked(q asyncview.Query) asyncview.Query {
	if q.Sort == ByCount { // which the server does not have
		q.Sort = asyncview.ByAge
	}
	return q
}

// Update takes in what has happened. It is called by bubbletea.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(1, msg.Width), max(1, msg.Height)
		m.fit()
	case tea.BackgroundColorMsg:
		m.palette = newPalette().on(msg.IsDark())
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tea.PasteMsg:
		if m.typing {
			m.search(m.typed + msg.Content)
		}
	case updateMsg:
		return m, m.updated(msg)
	case callMsg:
		return m, m.called(msg)
	case recallMsg:
		if msg.ask == msg.page.ask {
			return m, m.call(msg.page)
		}
	case canceledMsg:
		m.canceled(msg)
	case clockMsg:
		return m, tick()
	}
	return m, nil
}

// updated takes in a report, or why there is none.
func (m *Model) updated(msg updateMsg) tea.Cmd {
	if msg.look != m.look {
		return nil
	}
	if msg.Err != nil {
		m.err, m.again = msg.Err, m.clock().Add(msg.Again)
		if m.picture == nil && isFinal(msg.Err) {
			m.fatal = msg.Err
			return tea.Quit
		}
		return msg.next
	}
	m.err = nil
	if !m.paused {
		m.received = m.clock()
		m.show(msg.Report)
	}
	return msg.next
}

// show makes r what is on the screen.
func (m *Model) show(r *asyncview.Report) {
	m.picture = newPicture(r, m.want)
	m.arrange()
}

// arrange makes the rows anew, and leaves each cursor on what it was on.
func (m *Model) arrange() {
	if m.picture == nil {
		return
	}
	m.rows = m.picture.rows(m.group, m.turned)
	m.fit()
	for i := range m.panes {
		m.panes[i].settle(m.section(i))
	}
}

// rewant takes in that other calls are wanted: those that are known are shown at once, and
// the server is asked for the rest.
func (m *Model) rewant() tea.Cmd {
	if m.picture != nil {
		m.show(m.picture.report)
	}
	return m.watch()
}

// call asks for the one call of a page, as long as somebody looks at the page.
func (m *Model) call(p *callPage) tea.Cmd {
	if top := m.top(); top == nil || top.page != page(p) {
		return nil
	}
	p.ask++ // what is asked again by an earlier answer is not asked twice
	ask := p.ask
	return func() tea.Msg {
		r, err := m.source.Call(m.ctx, p.ref)
		return callMsg{p, ask, r, err}
	}
}

// called takes in the answer, and asks again after a second.
func (m *Model) called(msg callMsg) tea.Cmd {
	if msg.err == nil && !(m.paused && msg.page.detail != nil) {
		msg.page.detail, msg.page.report = msg.report.Detail, newPicture(msg.report, asyncview.Query{})
	}
	msg.page.err = msg.err
	return tea.Tick(time.Second, func(time.Time) tea.Msg { return recallMsg{msg.page, msg.ask} })
}

// cancel cancels what somebody has confirmed.
func (m *Model) cancel(ref asyncview.Ref) tea.Cmd {
	return func() tea.Msg {
		c, err := m.source.Cancel(m.ctx, ref)
		return canceledMsg{c, err}
	}
}

// top returns the page that is open, or nil on the main screen.
func (m *Model) top() *shown {
	if len(m.pages) == 0 {
		return nil
	}
	return &m.pages[len(m.pages)-1]
}

// open opens a page on top of what is seen.
func (m *Model) open(p page) tea.Cmd {
	if p == nil {
		return nil
	}
	if o, ok := p.(onlyScope); ok {
		m.pages, m.focus, m.want.Scope = nil, callsSection, o.key
		return m.rewant()
	}
	if top := m.top(); top != nil && top.page == p { // help in the help
		return m.back()
	}
	m.pages = append(m.pages, shown{page: p, pane: pane{cursor: m.firstLink(p)}})
	if p, ok := p.(*callPage); ok {
		return m.call(p)
	}
	return nil
}

// firstLink returns the first line of a new page that leads to a call, else to something, else
// the first.
func (m *Model) firstLink(p page) int {
	if _, ok := p.(*callPage); ok { // which has no lines yet
		return 0
	}
	l, first := p.list(m, m.width-1), 0
	for i := l.n - 1; i >= 0; i-- {
		switch it := l.at(i, m.width-1); {
		case it.ref.Call != 0:
			first = i
		case it.open != nil && l.at(first, m.width-1).ref.Call == 0:
			first = i
		}
	}
	return first
}
