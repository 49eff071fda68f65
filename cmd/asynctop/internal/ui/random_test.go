package ui_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/feed"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/ui"
)

// Whatever a server sends, whatever keys are pressed, and whatever the size: a frame fits
// the screen, and nothing in it but colors controls the terminal.
func TestRandom(t *testing.T) {
	keys := []string{"up", "down", "left", "right", "enter", "enter", "esc", "tab", "shift+tab", "home", "end", "pgup", "pgdown", "g", "s", "f", "/", "x", "y", "n", "p", "r", "?", "a", "#", "backspace", "ctrl+u"}
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		width, height := 1+rnd.IntN(120), 1+rnd.IntN(40)
		s := show(t, hostile(rnd), width, height)
		for range 60 {
			switch rnd.IntN(8) {
			case 0:
				s.source.shows(hostile(rnd))
				s.report(s.source.report)
			case 1:
				width, height = 1+rnd.IntN(220), 1+rnd.IntN(60)
				s.m.Update(tea.WindowSizeMsg{Width: width, Height: height})
			case 2:
				s.tell(ui.Told(s.m, feed.Update{Err: &feed.Error{Kind: feed.ErrAway, Text: "cannot reach it"}, Again: time.Duration(rnd.IntN(5)) * time.Second}))
			default:
				s.press(keys[rnd.IntN(len(keys))])
			}
			s.fits(width, height)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		dump := sgr.ReplaceAllString(ui.Dump(s.source, s.source.report, ui.Options{}, width), "")
		if i := strings.IndexFunc(dump, func(r rune) bool { return r != '\n' && r < ' ' || r >= 0x7f && r < 0xa0 }); i >= 0 {
			t.Fatalf("seed %d: the dump has %q", seed, dump[i:])
		}
	}
}

// A call for each key that the rules of trees forbid: its own parent, a circle, one twice.
func TestCircles(t *testing.T) {
	r := &asyncview.Report{Version: 1, Time: now, Scopes: []asyncview.Scope{{Key: 1}}, Matched: 6}
	for id, parent := range map[uint64]uint64{1: 1, 2: 3, 3: 4, 4: 2, 5: 99, 6: 2} {
		c := asyncview.Call{Scope: 1, ID: id, Name: "call " + string(rune('a'+id)), Began: before(time.Duration(id) * time.Second), Parent: ref(1, parent)}
		r.Calls = append(r.Calls, c, c)
	}
	s := show(t, r, 80, 24)
	for _, id := range []string{"#1 ", "#2 ", "#3 ", "#4 ", "#5 ", "#6 "} {
		if n := strings.Count(s.screen(), id); n != 1 {
			t.Errorf("%s is there %d times:\n%s", id, n, s.screen())
		}
	}
}

// Ten thousand calls: a frame and a key cost what is seen of them, and not what there is. A
// key in ten thousand calls takes at most ten times one in a hundred.
func TestMany(t *testing.T) {
	took := func(n int) time.Duration {
		s := show(t, many(n), 120, 40)
		s.sees("CALLS "+map[int]string{100: "100 ", 10_000: "10,000 "}[n], "/"+map[int]string{100: "100", 10_000: "10,000"}[n])
		best := time.Hour
		for range 20 {
			start := time.Now()
			for _, k := range []string{"down", "pgdown", "up"} {
				s.press(k)
				s.m.Frame()
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	few, lots := took(100), took(10_000)
	if lots > 10*few {
		t.Errorf("three keys take %v in 10,000 calls, and %v in 100", lots, few)
	}
}

// many returns a report of many calls, each of which is shown.
func many(n int) *asyncview.Report {
	r := &asyncview.Report{Version: 1, Time: now, Scopes: []asyncview.Scope{{Key: 1, Name: "s"}}, Matched: n, Query: asyncview.Query{Group: asyncview.Flat}}
	for i := range n {
		r.Calls = append(r.Calls, asyncview.Call{Scope: 1, ID: uint64(i + 1), Name: "call", State: asyncview.Running, Began: before(time.Hour), Age: time.Hour, Parent: ref(1, uint64(i/3))})
	}
	return r
}

var pieces = []string{
	"fetch", "GET /", " ", "", "e\u0301", "\u0301", "東京", "한국", "שלום", "مرحبا", "👍🏽", "👨\u200d👩", "🇩🇪", "\ufe0f",
	"\x1b[31m", "\x1b]0;x\x07", "\x1b[2J", "\x9b1m", "\u009b", "\x00", "\n", "\r", "\t", "\xff\xfe", "\u202e", "\u2028", "\ufeff", strings.Repeat("long ", 5000),
}

// hostile returns a report that no view sends.
func hostile(rnd *rand.Rand) *asyncview.Report {
	name := func() string {
		var b strings.Builder
		for range rnd.IntN(4) {
			b.WriteString(pieces[rnd.IntN(len(pieces))])
		}
		return b.String()
	}
	when := func() time.Time {
		return now.Add(time.Duration(rnd.Int64N(int64(1<<rnd.IntN(62))+1)-int64(time.Hour)) * time.Duration(1-2*rnd.IntN(2)))
	}
	some := func() asyncview.Ref { return ref(rnd.IntN(5), rnd.Uint64N(40)) }
	wait := func() asyncview.Wait {
		return asyncview.Wait{From: some(), To: some(), Kind: []string{"call", "slot", "set", "more", name()}[rnd.IntN(5)], Waits: name(), Whom: name(), Name: name(), Since: when(), Line: name()}
	}
	r := &asyncview.Report{Version: 1, Time: when(), Listed: when(), Program: name(), PID: rnd.Int(), CanCancel: rnd.IntN(2) == 0, Matched: rnd.IntN(1000) - 10, ScopesOmitted: rnd.IntN(3)}
	for range rnd.IntN(8) {
		w := asyncview.Wrong{Kind: asyncview.Kind(name()), Severity: asyncview.Severity(name()), Scope: rnd.IntN(5), Count: rnd.Int64() - rnd.Int64(), Since: when(), Text: name()}
		if rnd.IntN(2) == 0 {
			w.Kind, w.Severity = asyncview.Deadlock, asyncview.Fault
		}
		for range rnd.IntN(4) {
			w.Calls = append(w.Calls, some())
		}
		r.Wrong = append(r.Wrong, w)
	}
	for key := range rnd.IntN(4) {
		s := asyncview.Scope{Key: key + 1, Name: name(), Limit: rnd.IntN(5) - 1, Queue: rnd.IntN(5) - 1, Stats: asyncview.Stats{Running: rnd.Int64N(10) - 2, Lent: rnd.Int64N(1 << 40), Queued: rnd.Int64() - rnd.Int64(), Stopped: 1, StopTotal: -5}}
		for range rnd.IntN(100) {
			s.History = append(s.History, asyncview.Point{Span: time.Duration(rnd.Int64N(1e10) - 1e9), Ended: rnd.Int64() - rnd.Int64(), Queued: rnd.Int64(), Latency: time.Duration(rnd.Int64())})
		}
		for range rnd.IntN(5) {
			s.StopTimes = append(s.StopTimes, asyncview.Class{Below: time.Duration(rnd.Int64()), Count: rnd.Int64() - rnd.Int64()})
		}
		r.Scopes = append(r.Scopes, s)
	}
	states := []asyncview.State{asyncview.Queued, asyncview.Running, asyncview.Lent, asyncview.Stopping, asyncview.Ending, asyncview.State(name())}
	for range rnd.IntN(40) {
		c := asyncview.Call{Scope: rnd.IntN(4), ID: rnd.Uint64N(40), Name: name(), State: states[rnd.IntN(len(states))], Began: when(), Age: time.Duration(rnd.Int64() - rnd.Int64()), Parent: some(), Err: name(), Line: name(), Deadline: when(), Canceled: when(), Started: when(), InCycle: rnd.IntN(4) == 0}
		for range rnd.IntN(3) {
			c.WaitsFor = append(c.WaitsFor, wait())
		}
		r.Calls = append(r.Calls, c)
	}
	r.Totals = totals(r.Calls)
	return r
}
