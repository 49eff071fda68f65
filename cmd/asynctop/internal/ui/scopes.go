package ui

import (
	"time"

	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// This file has the lines of the scopes: as many columns as fit, those first that matter
// most.

// A column is one column of the scopes.
type column struct {
	title string
	width int
	from  int // the width of the screen from which on it is there
	cell  func(s *asyncview.Scope) line
}

// scopeColumns returns the columns of the scopes for a width, and what is left for the
// name.
func scopeColumns(width int) (columns []column, name int) {
	num := func(n int64) line {
		if n == 0 {
			return text("0", dim)
		}
		return text(short(n), normal)
	}
	all := []column{
		{"", 12, 72, func(s *asyncview.Scope) line { return scopeGauge(s, 11) }},
		{"RUNNING", 9, 0, runningOf},
		{"LENT", 6, 60, func(s *asyncview.Scope) line { return num(s.Stats.Lent) }},
		{"QUEUED", 7, 0, func(s *asyncview.Scope) line { return num(s.Stats.Queued) }},
		{"RATE", 8, 0, func(s *asyncview.Scope) line { return text(ratesOf(s)) }},
		{"TAKES", 7, 50, func(s *asyncview.Scope) line { return text(ageOrNone(last(s).Latency), normal) }},
		{"WAITS", 7, 110, func(s *asyncview.Scope) line { return text(ageOrNone(last(s).Wait), normal) }},
		{"STOPPING", 9, 95, func(s *asyncview.Scope) line { return bad(s.Stats.Stopping) }},
		{"UNTAKEN", 8, 105, func(s *asyncview.Scope) line { return num(s.Stats.Untaken) }},
		{"REFUSED", 8, 120, func(s *asyncview.Scope) line { return num(s.Stats.Refused) }},
	}
	name = width
	for _, c := range all {
		if width >= c.from {
			columns = append(columns, c)
			name -= c.width
		}
	}
	const enough, least = 32, 21 // for a name; for a sparkline
	if spare := name - enough; spare >= 2*least {
		w := min(spare/2, 61)
		columns = append(columns,
			column{"RATE, 5 MIN", w, 0, func(s *asyncview.Scope) line { return text(sparkOf(s, w-1, rateOf), bar) }},
			column{"QUEUED, 5 MIN", w, 0, func(s *asyncview.Scope) line { return text(sparkOf(s, w-1, queuedOf), bar) }})
		name -= 2 * w
	}
	return columns, min(name, 2*enough)
}

// scopeTitles returns the titles of the columns, after that of the name.
func scopeTitles(name string, width int) line {
	columns, room := scopeColumns(width)
	l := text(plain.Pad(name, room), strong)
	for _, c := range columns {
		l = append(l, span{plain.PadLeft(c.title, c.width), dim})
	}
	return l
}

// scopeItem returns the line of a scope.
func (p *picture) scopeItem(i, width int) item {
	s := &p.report.Scopes[i]
	columns, room := scopeColumns(width)
	name, note := p.scopeName(s.Key), ""
	switch {
	case s.Ended:
		note = " ended"
	case s.Closed:
		note = " closed"
	}
	l := line{{plain.Cut(name, room-len(note)), strong}, {note, warning}}.pad(room)
	for _, c := range columns {
		cell := c.cell(s).cut(c.width)
		l = append(append(l, span{plain.PadLeft("", c.width-cell.width()), normal}), cell...)
	}
	it := item{lines: []line{l}, open: scopePage{s.Key}}
	if s.Stats.Queued > 0 {
		it.ref, it.name = asyncview.Ref{Scope: s.Key}, name
	}
	return it
}

// scopeGauge draws how much of the limit is used; nothing where there is none.
func scopeGauge(s *asyncview.Scope, width int) line {
	if s.Limit <= 0 {
		return text(plain.Pad("no limit", width), dim)
	}
	return gauge(slots(s), int64(s.Limit), width)
}

// slots returns how many slots of a scope are taken.
func slots(s *asyncview.Scope) int64 { return s.Stats.Running - s.Stats.Lent }

func runningOf(s *asyncview.Scope) line {
	if s.Limit <= 0 {
		return text(short(s.Stats.Running), normal)
	}
	look := normal
	if slots(s) >= int64(s.Limit) && s.Stats.Queued > 0 {
		look = warning
	}
	return text(short(slots(s))+"/"+short(s.Limit), look)
}

// bad returns a number that ought to be zero.
func bad(n int64) line {
	if n == 0 {
		return text("0", dim)
	}
	return text(short(n), fault)
}

// last returns the last point of a scope's history; the zero Point where there is none.
func last(s *asyncview.Scope) asyncview.Point {
	if len(s.History) == 0 {
		return asyncview.Point{}
	}
	return s.History[len(s.History)-1]
}

func ratesOf(s *asyncview.Scope) (string, look) {
	p := last(s)
	if p.Ended == 0 {
		return rate(p.Ended, p.Span), dim
	}
	return rate(p.Ended, p.Span), normal
}

func ageOrNone(d time.Duration) string {
	if d <= 0 {
		return "–"
	}
	return age(d)
}

// sparkOf draws something of a scope over the last five minutes.
func sparkOf(s *asyncview.Scope, width int, of func(p asyncview.Point) float64) string {
	values := make([]float64, len(s.History))
	for i, p := range s.History {
		values[i] = of(p)
	}
	return spark(values, width)
}

func rateOf(p asyncview.Point) float64 {
	if p.Span <= 0 {
		return 0
	}
	return float64(p.Ended) / p.Span.Seconds()
}

func queuedOf(p asyncview.Point) float64 { return float64(p.Queued) }
