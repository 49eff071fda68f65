package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// This file has the page of one scope: its ledger, the last five minutes, and how long its
// functions take to stop.

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
