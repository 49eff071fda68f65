package ui

import (
	"context"
	"strings"
	"time"

	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// Dump returns a report as text: what the screen would show were it as high as need be, and
// so many cells wide. The text has the escape sequences of colors: what writes it takes
// away those that its reader cannot show.
func Dump(source Source, r *asyncview.Report, o Options, width int) string {
	o.Clock = func() time.Time { return r.Time }
	m := New(context.Background(), source, o)
	m.width, m.received, m.focus = max(20, width), r.Time, -1
	m.show(r)
	var b strings.Builder
	write := func(lines ...line) {
		for _, l := range lines {
			b.WriteString(strings.TrimRight(m.palette.render(l.cut(m.width)), " ") + "\n")
		}
	}
	write(text(programOf(r)+plain.Line(source.Address()), strong), text(r.Time.Format("2006-01-02 15:04:05 MST"), dim))
	for i := range sections {
		l := m.section(i)
		write(nil, m.headingOf(i, l))
		for n := range l.n {
			for _, x := range l.at(n, m.width-1).lines {
				write(append(text(" ", normal), x...))
			}
		}
		if l.n == 0 {
			write(m.nothing(i))
		}
	}
	return b.String()
}
