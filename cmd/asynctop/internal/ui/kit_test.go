package ui_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/feed"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/ui"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "rewrite the golden files, and the picture in the README")

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

var now = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

func before(d time.Duration) time.Time { return now.Add(-d) }

// ref names a call.
func ref(scope int, call uint64) asyncview.Ref { return asyncview.Ref{Scope: scope, Call: call} }

// stuck returns the report of a shop in which much is wrong.
func stuck() *asyncview.Report {
	r := &asyncview.Report{
		Version: asyncview.Version, Time: now, Listed: now, Program: "shop", PID: 4711, CanCancel: true,
		Query: asyncview.Query{Sort: asyncview.ByAge, Group: asyncview.Tree, Limit: 1000},
		Wrong: []asyncview.Wrong{
			{Kind: asyncview.Deadlock, Severity: asyncview.Fault, Scope: 1, Calls: []asyncview.Ref{ref(1, 12), ref(2, 7)}, Count: 2, Since: before(72 * time.Second),
				Text: "2 calls wait for each other: reserve #12 → lock #7 → reserve #12"},
			{Kind: asyncview.NotStopping, Severity: asyncview.Fault, Scope: 2, Calls: []asyncview.Ref{ref(2, 9)}, Count: 1, Since: before(40 * time.Second),
				Text: "scope stock: recount #9 was canceled 40s ago, and its function has not returned"},
			{Kind: asyncview.QueueGrowing, Severity: asyncview.Warning, Scope: 3, Calls: []asyncview.Ref{ref(3, 41)}, Count: 312, Since: before(61 * time.Second),
				Text: "scope mail: the queue has grown for 1m1s, send #41 has waited for a slot for 58.2s; 312 calls are queued"},
			{Kind: asyncview.Untaken, Severity: asyncview.Note, Scope: 3, Count: 1208,
				Text: "scope mail: 1208 results that nobody has taken, and no handle was released for it"},
		},
		Scopes: []asyncview.Scope{
			{Key: 1, Name: "orders", Limit: 8, Track: true, InFlight: 9, Stats: asyncview.Stats{Begun: 81_214, Running: 9, Lent: 4, Pending: 9, Returned: 81_000, Failed: 200, Canceled: 5, Taken: 81_200}},
			{Key: 2, Name: "stock", Limit: 4, Track: true, InFlight: 2, Stats: asyncview.Stats{Begun: 9, Running: 2, Lent: 1, Pending: 1, Returned: 7, Canceled: 1, Taken: 7, Stopping: 1, Stopped: 2, StopTotal: 3 * time.Millisecond, StopMax: 2 * time.Millisecond}},
			{Key: 3, Name: "mail", Limit: 2, Queue: 1000, Track: false, InFlight: 314, Stats: asyncview.Stats{Begun: 1522, Running: 2, Queued: 312, Pending: 314, Returned: 1208, Untaken: 1208}},
		},
	}
	for i := range r.Scopes {
		s := &r.Scopes[i]
		s.Since = before(10 * time.Minute)
		for n := range 60 {
			s.History = append(s.History, asyncview.Point{
				Time: before(time.Duration(59-n) * 5 * time.Second), Span: 5 * time.Second, Ended: int64((n*7+i*13)%60 + 5),
				Queued: int64(i * n * 5), Running: s.Stats.Running, Latency: time.Duration(100+n) * time.Millisecond,
			})
		}
		for d := 10 * time.Microsecond; d <= 10*time.Second; d *= 10 {
			s.StopTimes = append(s.StopTimes, asyncview.Class{Below: d})
		}
		s.StopTimes[3].Count = s.Stats.Stopped
		s.StopTimes = append(s.StopTimes, asyncview.Class{})
	}
	add := func(scope int, id uint64, name string, state asyncview.State, age time.Duration, parent asyncview.Ref) *asyncview.Call {
		r.Calls = append(r.Calls, asyncview.Call{
			Scope: scope, ID: id, Name: name, State: state, Began: before(age), Age: age, Parent: parent, Handles: 1,
			Line: "main." + name + " /src/shop/main.go:" + "88",
		})
		return &r.Calls[len(r.Calls)-1]
	}
	add(1, 11, "checkout", asyncview.Lent, 75*time.Second, asyncview.Ref{})
	c := add(1, 12, "reserve", asyncview.Lent, 74*time.Second, ref(1, 11))
	c.InCycle, c.Waiters = true, 1
	c.WaitsFor = []asyncview.Wait{{From: ref(1, 12), Waits: "reserve", To: ref(2, 7), Kind: "call", Name: "lock", Whom: "lock", Since: before(72 * time.Second), Line: "main.reserve /src/shop/main.go:91"}}
	c = add(2, 7, "lock", asyncview.Lent, 73*time.Second, ref(1, 12))
	c.InCycle = true
	c.WaitsFor = []asyncview.Wait{{From: ref(2, 7), Waits: "lock", To: ref(1, 12), Kind: "call", Name: "reserve", Whom: "reserve", Since: before(72 * time.Second), Line: "main.lock /src/shop/stock.go:17"}}
	c = add(2, 9, "recount", asyncview.Stopping, 65*time.Second, asyncview.Ref{})
	c.Canceled, c.Err = before(40*time.Second), "async: call recount canceled: too slow"
	for i := range 5 {
		c = add(1, uint64(20+i), "price", asyncview.Running, time.Duration(5-i)*time.Second, ref(1, 11))
		c.Started, c.Deadline = c.Began.Add(3*time.Millisecond), now.Add(4*time.Second)
	}
	c = add(1, 30, "bank", asyncview.Running, 20*time.Second, asyncview.Ref{})
	c.WaitsFor = []asyncview.Wait{{From: ref(1, 30), Kind: "event", Name: "paid", Since: before(19 * time.Second)}}
	for i := range 312 {
		c = add(3, uint64(41+i), "send", asyncview.Queued, 58*time.Second-time.Duration(i)*time.Millisecond, asyncview.Ref{})
		c.WaitsFor = []asyncview.Wait{{From: ref(3, c.ID), Kind: "slot", Name: "mail", Since: c.Began}}
	}
	r.Matched = len(r.Calls)
	r.Totals = totals(r.Calls)
	return r
}

// totals sums calls up, as a view does.
func totals(calls []asyncview.Call) (all []asyncview.Total) {
	for _, c := range calls {
		i := 0
		for i < len(all) && (all[i].Scope != c.Scope || all[i].Name != c.Name) {
			i++
		}
		if i == len(all) {
			all = append(all, asyncview.Total{Scope: c.Scope, Name: c.Name, Oldest: c.ID, Began: c.Began})
		}
		all[i].Count++
		switch c.State {
		case asyncview.Queued:
			all[i].Queued++
		case asyncview.Running:
			all[i].Running++
		case asyncview.Lent:
			all[i].Lent++
		case asyncview.Stopping:
			all[i].Stopping++
		}
	}
	return all
}

// detailOf returns the report that a view gives of one call of r.
func detailOf(r *asyncview.Report, of asyncview.Ref) *asyncview.Report {
	d := &asyncview.Detail{Ref: of}
	find := func(of asyncview.Ref) *asyncview.Call {
		for i := range r.Calls {
			if c := &r.Calls[i]; c.Scope == of.Scope && c.ID == of.Call {
				return c
			}
		}
		return nil
	}
	if c := find(of); c != nil {
		call := *c
		call.Stack = "main." + c.Name + "\n\t/src/shop/a/rather/long/way/to/the/file/main.go:88\nmain.main\n\t/src/shop/main.go:12\n"
		d.Found, d.Call = true, &call
		for p := find(c.Parent); p != nil; p = find(p.Parent) {
			d.Way = append(d.Way, *p)
		}
		for _, x := range r.Calls {
			if x.Parent == of {
				d.Children = append(d.Children, x)
			}
			for _, w := range x.WaitsFor {
				if w.To == of {
					d.WaitedForBy = append(d.WaitedForBy, w)
				}
			}
		}
	}
	answer := *r
	answer.Calls, answer.Detail = nil, d
	return &answer
}

// A source is a view that a test plays.
type source struct {
	begun async.Event // somebody has asked

	mu       sync.Mutex
	asked    []asyncview.Query
	report   *asyncview.Report
	canceled []asyncview.Ref
	err      error
}

func (*source) Address() string { return "http://localhost:8080/debug/async/" }

// Watch delivers the report once.
func (s *source) Watch(ctx context.Context, q asyncview.Query, deliver func(feed.Update)) {
	s.mu.Lock()
	if ctx.Err() == nil { // its turn may come when another look has begun
		s.asked = append(s.asked, q)
	}
	r := s.report
	s.mu.Unlock()
	s.begun.Set()
	deliver(feed.Update{Report: r})
	<-ctx.Done()
}

// shows makes r what the source delivers from now on.
func (s *source) shows(r *asyncview.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report = r
}

// last returns the query that was asked last.
func (s *source) last() asyncview.Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1]
}

func (s *source) Call(_ context.Context, ref asyncview.Ref) (*asyncview.Report, error) {
	if s.err != nil {
		return nil, s.err
	}
	return detailOf(s.report, ref), nil
}

func (s *source) Cancel(_ context.Context, ref asyncview.Ref) (*asyncview.Canceled, error) {
	if s.err != nil {
		return nil, s.err
	}
	s.canceled = append(s.canceled, ref)
	return &asyncview.Canceled{Version: asyncview.Version, Count: 1, Text: "scope orders: reserve #12 was canceled"}, nil
}

// A stage is a model and what drives it.
type stage struct {
	t      *testing.T
	m      *ui.Model
	source *source
	time   time.Time
	ended  tea.Msg // what bubbletea was told to do
}

// show returns a screen of a size with a report on it.
func show(t *testing.T, r *asyncview.Report, width, height int) *stage {
	t.Helper()
	s := &stage{t: t, source: &source{report: r}, time: now}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	s.m = ui.New(ctx, s.source, ui.Options{Query: r.Query, Group: r.Query.Group, Clock: func() time.Time { return s.time }})
	s.m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	s.m.Init()
	if err := s.source.begun.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if r.Version != 0 {
		s.report(r)
	}
	return s
}

// report tells the model of a report.
func (s *stage) report(r *asyncview.Report) { s.tell(ui.Told(s.m, feed.Update{Report: r})) }

// tell gives the model a message. What a key leads to is told, too; the source answers at
// once.
func (s *stage) tell(msg tea.Msg) {
	_, cmd := s.m.Update(msg)
	if _, ok := msg.(tea.KeyPressMsg); !ok || cmd == nil {
		return
	}
	switch next := cmd().(type) {
	case nil:
	case tea.QuitMsg, tea.InterruptMsg, tea.SuspendMsg:
		s.ended = next
	default:
		s.tell(next)
	}
}

// press presses keys: names such as "enter", or letters.
func (s *stage) press(keys ...string) {
	for _, k := range keys {
		s.tell(key(k))
	}
}

// key returns the message of a key.
func key(name string) tea.KeyPressMsg {
	special := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
		"home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "backspace": tea.KeyBackspace, "space": tea.KeySpace,
	}
	switch code, ok := special[name]; {
	case name == "ctrl+c":
		return tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}
	case name == "ctrl+u":
		return tea.KeyPressMsg{Code: 'u', Mod: tea.ModCtrl}
	case name == "shift+tab":
		return tea.KeyPressMsg{Code: tea.KeyTab, Mod: tea.ModShift}
	case ok:
		return tea.KeyPressMsg{Code: code}
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}

var trailing = regexp.MustCompile(`(?m) +$`)

// screen returns the lines of the screen, without colors.
func (s *stage) screen() string { return trailing.ReplaceAllString(ansi.Strip(s.m.Frame()), "") }

// sees fails the test where the screen has no such text.
func (s *stage) sees(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		if !strings.Contains(s.screen(), text) {
			s.t.Errorf("nothing on the screen says %q:\n%s", text, s.screen())
		}
	}
}

// misses fails the test where the screen has such a text.
func (s *stage) misses(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		if strings.Contains(s.screen(), text) {
			s.t.Errorf("the screen says %q:\n%s", text, s.screen())
		}
	}
}

// marked returns the line at which the cursor is.
func (s *stage) marked() string {
	s.t.Helper()
	for line := range strings.Lines(s.screen()) {
		if rest, ok := strings.CutPrefix(line, ">"); ok {
			return strings.TrimSpace(rest)
		}
	}
	s.t.Errorf("no line is marked:\n%s", s.screen())
	return ""
}

// move presses a key until the marked line has a text.
func (s *stage) move(k, text string) {
	s.t.Helper()
	for range 1000 {
		if strings.Contains(s.marked(), text) {
			return
		}
		s.press(k)
	}
	s.t.Fatalf("%s never comes to %q:\n%s", k, text, s.screen())
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// fits fails the test where the frame is not as high as the screen, or a line is wider, or
// anything but a color would control the terminal.
func (s *stage) fits(width, height int) {
	s.t.Helper()
	plain := sgr.ReplaceAllString(s.m.Frame(), "")
	lines := strings.Split(plain, "\n")
	if len(lines) != height {
		s.t.Errorf("%d lines on a screen of %d × %d:\n%s", len(lines), width, height, plain)
	}
	for _, l := range lines {
		if w := ansi.StringWidth(l); w > width || w != ansi.StringWidthWc(l) {
			s.t.Errorf("a line of %d, or %d, on a screen of %d × %d:\n%s", w, ansi.StringWidthWc(l), width, height, l)
		}
		if i := strings.IndexFunc(l, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0xfffd }); i >= 0 {
			s.t.Errorf("%q has %q", l, l[i:])
		}
	}
}

// golden compares a text with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(file, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: go test ./internal/ui -update writes it", err)
	}
	if got != string(want) {
		t.Errorf("%s is not as it was; if that is meant, go test ./internal/ui -update. It is\n%s\nit was\n%s", name, got, want)
	}
}
