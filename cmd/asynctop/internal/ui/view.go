package ui

import (
	"errors"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/feed"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// This file makes the screen: the first line, the sections or a page, and the last line.
// Which section has how many lines is in layout.go.

// isFinal reports whether an error does not end by waiting.
func isFinal(err error) bool {
	return errors.Is(err, feed.ErrRefused) || errors.Is(err, feed.ErrNoView) || errors.Is(err, feed.ErrSchema)
}

// View returns the screen. It is called by bubbletea.
func (m *Model) View() tea.View {
	v := tea.NewView(m.Frame())
	v.AltScreen = true
	return v
}

// Frame returns the screen as text, with the escape sequences of its colors.
func (m *Model) Frame() string {
	var b strings.Builder
	for i, l := range m.frame() {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(m.palette.render(l))
	}
	return b.String()
}

// frame returns the lines of the screen: as many as it is high, none longer than it is
// wide.
func (m *Model) frame() []line {
	lines := m.head()
	switch {
	case m.picture == nil:
		lines = append(lines, m.waiting()...)
	case m.top() != nil:
		top := m.top()
		lines = append(lines, text(" "+top.title(m), strong))
		lines = append(lines, top.draw(top.list(m, m.width-1), m.width, m.height-len(lines)-1, true)...)
	default:
		lines = append(lines, m.sections()...)
	}
	for len(lines) < m.height-1 {
		lines = append(lines, nil)
	}
	lines = append(lines[:max(0, m.height-1)], m.foot())
	for i := range lines {
		lines[i] = lines[i].cut(m.width)
	}
	return lines
}

// head returns the first line, and one or two more where the picture is old.
func (m *Model) head() []line {
	left := " " + plain.Line(m.source.Address())
	if m.picture != nil {
		left = " " + programOf(m.picture.report) + plain.Line(m.source.Address())
	}
	if m.width >= 70 {
		left = " asynctop " + left
	}
	now := m.clock()
	right, look := "connecting ", title
	switch {
	case m.picture != nil && m.err != nil:
		right, look = "OLD, "+ago(now, m.received)+" ", title
	case m.paused:
		right = "PAUSED, " + ago(now, m.received) + " "
	case m.picture != nil && now.Sub(m.received) > 5*time.Second:
		right = "last look " + ago(now, m.received) + " ago "
	case m.picture != nil:
		right = "live " + m.picture.report.Time.Format("15:04:05") + " "
	}
	lines := []line{ends(text(left, title), text(right, title), m.width).all(look)}
	if m.err != nil && m.picture != nil {
		for _, s := range wrap("This is an old picture: "+m.why(), m.width-1, 2) {
			lines = append(lines, text(" "+s, warning))
		}
	}
	return lines
}

// programOf names the program.
func programOf(r *asyncview.Report) string {
	if r.Program == "" {
		return ""
	}
	s := plain.Name(r.Program)
	if r.PID != 0 {
		s += "[" + id(uint64(r.PID)) + "]"
	}
	return s + " at "
}

// why says why there is no report, and when the server is asked again.
func (m *Model) why() string {
	left := max(0, m.again.Sub(m.clock()).Round(time.Second))
	if left == 0 {
		return m.err.Error() + "; asking again"
	}
	return m.err.Error() + "; asking again in " + left.String()
}

// waiting is the screen before the first report.
func (m *Model) waiting() []line {
	lines := []line{nil}
	s, look := "connecting …", dim
	if m.err != nil {
		s, look = m.why(), warning
	}
	for _, x := range wrap(s, m.width-2, 10) {
		lines = append(lines, text(" "+x, look))
	}
	return lines
}

// foot returns the last line: what is asked, what was done, or what the keys do.
func (m *Model) foot() line {
	switch {
	case m.confirm != nil:
		return text(" "+m.confirm.question, warning)
	case m.typing:
		return line{{" search: ", strong}, {plain.CutLeft(plain.Line(m.typed), m.width-10), normal}, {" ", cursor}}
	case m.notice != "":
		return text(" "+m.notice, strong)
	}
	return hints(m.width, m.top() != nil)
}

// hints returns as many hints as fit, those first that matter most.
func hints(width int, page bool) line {
	names := []string{"q quit", "? help", "enter look", "/ search", "←→ fold", "g group", "s sort", "f state", "x cancel", "p pause", "tab section", "esc back"}
	if page {
		names = []string{"esc back", "enter look", "x cancel", "? help", "q quit"}
	}
	l := text(" ", normal)
	for _, h := range names {
		key, what, _ := strings.Cut(h, " ")
		if l.width()+len(h)+2 > width { // which counts the arrows for more
			break
		}
		l = append(l, span{key, strong}, span{" " + what + "  ", dim})
	}
	return l
}

// sections returns the lines of the main screen.
func (m *Model) sections() (lines []line) {
	for i, height := range m.heights() {
		if height == 0 {
			continue
		}
		l := m.section(i)
		lines = append(lines, m.headingOf(i, l))
		lines = append(lines, m.panes[i].draw(l, m.width, height, m.focus == i)...)
		if l.n == 0 {
			lines = append(lines, m.nothing(i))
		}
	}
	return lines
}

// headingOf returns the line above a section.
func (m *Model) headingOf(i int, l list) line {
	r := m.picture.report
	mark := span{" ", normal}
	if m.focus == i {
		mark = span{"»", strong}
	}
	switch i {
	case wrongSection:
		look := strong
		if l.n > 0 && r.Wrong[0].Severity == asyncview.Fault {
			look = fault
		}
		return line{mark, {"WRONG " + count(l.n), look}}
	case scopesSection:
		name := "SCOPES " + countOf(l.n, l.n+r.ScopesOmitted)
		return append(line{mark}, scopeTitles(name, m.width-1)...)
	}
	left := line{mark, {"CALLS " + countOf(len(m.picture.byRef), r.Matched), strong}, {"  " + m.how(), dim}}
	where := ""
	if l.n > 0 {
		where = count(m.panes[i].cursor+1) + "/" + count(l.n) + " "
	}
	return ends(left, text(where, dim), m.width)
}

// how says which calls are shown, and in which order.
func (m *Model) how() string {
	var parts []string
	if r := m.picture.report; r.Time.Sub(r.Listed) > 2*time.Second && !r.Listed.IsZero() {
		parts = append(parts, ago(r.Time, r.Listed)+" ago")
	}
	if m.want.Search != "" {
		parts = append(parts, "only /"+plain.Line(m.want.Search))
	}
	if m.want.State != "" {
		parts = append(parts, "only "+string(m.want.State))
	}
	if m.want.Scope != 0 {
		parts = append(parts, "only of "+m.picture.scopeName(m.want.Scope))
	}
	return strings.Join(append(parts, m.groupWord(), m.sortWord()), " · ")
}

func (m *Model) groupWord() string {
	switch m.group {
	case asyncview.Names:
		return "by name"
	case asyncview.Flat:
		return "list"
	}
	return "tree"
}

func (m *Model) sortWord() string {
	switch m.want.Sort {
	case asyncview.ByNewest:
		return "newest first"
	case asyncview.ByName:
		return "by letter"
	case ByCount:
		return "most first"
	}
	return "oldest first"
}

// nothing says why a section is empty.
func (m *Model) nothing(i int) line {
	switch {
	case i == wrongSection:
		return text(" ✓ nothing", good)
	case i == scopesSection:
		return text(" the program shows no scopes", dim)
	case m.want.Search != "" || m.want.State != "" || m.want.Scope != 0:
		return text(" none of these is in flight; Esc shows all", dim)
	}
	return text(" nothing is in flight", dim)
}
