package ui_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/feed"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/ui"
)

// Each screen, at the widths of a phone, of a terminal, and of a wide one.
func TestGolden(t *testing.T) {
	for _, size := range [][2]int{{40, 24}, {80, 30}, {200, 40}} {
		at := func(name string, keys ...string) {
			s := show(t, stuck(), size[0], size[1])
			s.press(keys...)
			s.fits(size[0], size[1])
			golden(t, fmt.Sprintf("%s-%d", name, size[0]), s.screen()+"\n")
		}
		at("main")
		at("names", "g")
		at("call", "down", "enter")
		at("wrong", "tab", "enter")
		at("scope", "tab", "tab", "enter")
		at("help", "?")
		golden(t, fmt.Sprintf("dump-%d", size[0]), ansi.Strip(ui.Dump(&source{}, stuck(), ui.Options{Group: asyncview.Tree}, size[0])))
	}
}

// The picture in the README is the screen.
func TestREADME(t *testing.T) {
	const file, from, to = "../../README.md", "<!-- screen: written by go test ./internal/ui -update -->\n\n```text\n", "```\n"
	s := show(t, stuck(), 80, 30)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(data), from)
	picture, tail, closed := strings.Cut(rest, to)
	if !ok || !closed {
		t.Fatalf("%s has no picture after %q", file, from)
	}
	want := s.screen() + "\n"
	switch {
	case picture == want:
	case *update:
		if err := os.WriteFile(file, []byte(head+from+want+to+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the picture in the README is not the screen; go test ./internal/ui -update writes it. The screen is\n%s", want)
	}
	for _, key := range []string{"Enter", "Tab", "Esc"} {
		if !strings.Contains(head+tail, key) {
			t.Errorf("the README does not name the key %s", key)
		}
	}
}

// What is wrong is on the first screen, whatever the size.
func TestWrongIsSeenFirst(t *testing.T) {
	for _, size := range [][2]int{{40, 24}, {80, 24}, {200, 60}} {
		s := show(t, stuck(), size[0], size[1])
		s.sees("WRONG 4", "fault   2 calls wait for each other", "fault   scope stock: recount #9")
	}
	r := stuck()
	for i := range 5 {
		r.Wrong = append(r.Wrong, asyncview.Wrong{Kind: asyncview.Oldest, Severity: asyncview.Note, Scope: i, Text: fmt.Sprintf("%d: %s", i, strings.Repeat("long ", 40))})
	}
	for _, width := range []int{40, 80, 200} {
		show(t, r, width, 24).sees("WRONG 9", "2 calls wait", "scope stock: ", "scope mail: ", "0: long", "4: long", "»CALLS 322", "#11 checkout", " orders ")
	}
	r.Wrong = nil
	show(t, r, 80, 24).sees("WRONG 0", "✓ nothing")
}

func TestSort(t *testing.T) {
	s := show(t, stuck(), 80, 30)
	s.sees("oldest first")
	first := func() string { s.press("home"); return s.marked() }
	for _, step := range []struct {
		how, first string
		asks       asyncview.Sort
	}{
		{"newest first", "#30 bank", asyncview.ByNewest},
		{"by letter", "#30 bank", asyncview.ByName},
		{"most first", "#11 checkout", asyncview.ByAge},
		{"oldest first", "#11 checkout", asyncview.ByAge},
	} {
		s.press("s")
		s.sees(step.how)
		if got := first(); !strings.Contains(got, step.first) {
			t.Errorf("%s: the first is %q:\n%s", step.how, got, s.screen())
		}
		if got := s.source.last().Sort; got != step.asks {
			t.Errorf("%s: the server is asked for %q", step.how, got)
		}
	}
	s.press("g", "s", "s", "s")
	if got := first(); !strings.Contains(got, "312 × send") {
		t.Errorf("the name with the most calls is not the first, but %q", got)
	}
}

// The search filters what is known at each key, and asks the server at the end.
func TestSearch(t *testing.T) {
	s := show(t, stuck(), 80, 30)
	s.press("/", "R", "e")
	s.sees("search: Re", "CALLS 2 of 322", "#12 reserve", "#9 recount", "only /Re")
	s.misses("checkout")
	if got := s.source.last().Search; got != "" {
		t.Errorf("the server was asked for %q while it was typed", got)
	}
	s.press("enter")
	if got := s.source.last().Search; got != "Re" {
		t.Errorf("the server is asked for %q", got)
	}
	s.press("/", "s", "backspace", "c", "enter")
	s.misses("#12 reserve")
	s.sees("#9 recount", "only /Rec")
}

func TestFilter(t *testing.T) {
	s := show(t, stuck(), 80, 30)
	s.press("/", "#", "3", "0", "enter")
	s.sees("#30 bank", "CALLS 1 of 322")
	s.press("esc")
	s.sees("#11 checkout")
	s.press("f")
	s.sees("only queued", "312 × send")
	s.misses("checkout #")
	s.press("f", "f", "f")
	s.sees("only stopping", "#9 recount")
	if q := s.source.last(); q.State != asyncview.Stopping {
		t.Errorf("the server is asked for %q", q.State)
	}
	s.press("esc")
	if q := s.source.last(); q.State != "" || q.Search != "" {
		t.Errorf("Esc leaves %+v", q)
	}
	s.press("tab", "tab", "down", "enter", "enter") // the calls of the second scope
	s.sees("only of stock", "#9 recount", "#7 lock")
	s.misses("checkout", "312 ×")
	s.press("/", "x", "y", "z", "z", "y", "enter")
	s.sees("none of these is in flight; Esc shows all")
}

func TestFold(t *testing.T) {
	s := show(t, stuck(), 80, 30)
	s.sees("▾ #11 checkout", "▾ #12 reserve", "#7 lock", "▸ 5 × price", "▸ 312 × send")
	s.press("home", "left")
	s.sees("▸ #11 checkout")
	s.misses("#12 reserve of", "5 × price")
	s.press("right")
	s.sees("▾ #11 checkout", "5 × price")
	s.move("down", "5 × price")
	s.press("enter")
	s.sees("▾ 5 × price", "#20 price", "#24 price")
	s.move("down", "#22 price")
	s.press("left", "left")
	if got := s.marked(); !strings.Contains(got, "▸ 5 × price") {
		t.Errorf("from a call of a group, left goes to %q", got)
	}
	s.misses("#20 price")
	s.move("down", "312 × send")
	s.press("right")
	s.move("down", "#352")
	if got := s.marked(); !strings.Contains(got, "#352 send") {
		t.Errorf("the last of the group is %q", got)
	}
}

// The cursor stays with its call when others come and go.
func TestCursor(t *testing.T) {
	s := show(t, stuck(), 80, 30)
	s.move("down", "#9 recount")
	r := stuck()
	r.Calls = r.Calls[3:]
	s.report(r)
	if got := s.marked(); !strings.Contains(got, "#9 recount") {
		t.Errorf("the cursor went to %q:\n%s", got, s.screen())
	}
	s.press("home")
	r = stuck()
	r.Calls = append([]asyncview.Call{{Scope: 1, ID: 1, Name: "older", State: asyncview.Running, Began: before(time.Hour), Age: time.Hour}}, r.Calls...)
	s.report(r)
	if got := s.marked(); !strings.Contains(got, "#1 older") {
		t.Errorf("who is at the top does not stay there: %q", got)
	}
	s.press("pgdown", "pgdown", "pgup", "shift+tab", "tab", "tab", "up", "down", "end")
	s.fits(80, 30)
	r = stuck()
	r.Calls, r.Scopes, r.Wrong, r.Matched = nil, nil, nil, 0
	s.report(r)
	s.sees("nothing is in flight", "the program shows no scopes")
	s.press("down", "enter", "left", "right", "x", "tab", "enter", "pgdown", "end")
	s.fits(80, 30)
}

func TestCall(t *testing.T) {
	s := show(t, stuck(), 80, 40)
	s.move("down", "#12 reserve")
	s.press("enter")
	s.sees("Call #12 reserve of orders", "lent, begun 1m14s ago", "part of a deadlock", "WAITS FOR", "lock of stock  for 1m12s", "at main.reserve /src/shop/main.go:91",
		"WAITED FOR BY", "WAY UP", "#11 checkout of orders", "CHILDREN 1", "BEGUN AT", "/src/shop/a/rather/long/way/to/the/file/main.go:88")
	s.move("down", "lock of stock")
	s.press("enter")
	s.sees("Call #7 lock of stock")
	s.press("esc")
	s.sees("Call #12 reserve of orders")
	s.press("esc")
	s.sees("WRONG 4")
}

func TestCall_over(t *testing.T) {
	s := show(t, stuck(), 80, 40)
	s.move("down", "#30 bank")
	s.source.shows(&asyncview.Report{Version: 1, Time: now})
	s.press("enter")
	s.sees("It is not in flight any more")
	s.press("x")
	s.sees("one call, or one scope, can be canceled")
	s.press("esc")
	s.source.err = &feed.Error{Kind: feed.ErrAway, Text: "cannot reach it"}
	s.press("enter")
	s.sees("cannot reach it")
}

func TestCancel(t *testing.T) {
	s := show(t, stuck(), 80, 30)
	s.move("down", "#12 reserve")
	s.press("x")
	s.sees("Cancel #12 reserve? y/n")
	s.press("n")
	s.sees("nothing was canceled")
	s.press("x", "enter") // which is no y
	if len(s.source.canceled) != 0 {
		t.Fatalf("canceled without a yes: %v", s.source.canceled)
	}
	s.press("x", "y")
	s.sees("reserve #12 was canceled")
	s.press("enter", "x")
	s.sees("Cancel #12 reserve of orders? y/n")
	s.press("y", "esc", "tab", "tab", "end", "x")
	s.sees("Cancel all that is queued in mail? y/n")
	s.press("y")
	want := []asyncview.Ref{ref(1, 12), ref(1, 12), ref(3, 0)}
	if got := fmt.Sprint(s.source.canceled); got != fmt.Sprint(want) {
		t.Errorf("canceled %v, want %v", got, want)
	}
	s.press("home", "x")
	s.sees("one call, or one scope, can be canceled: mark it") // nothing is queued there
	s.source.err = &feed.Error{Kind: feed.ErrRefused, Text: "not for you"}
	s.press("end", "x", "y")
	s.sees("not canceled: the server does not allow it")

	r := stuck()
	r.CanCancel = false
	s.report(r)
	s.press("x")
	s.sees("this view cancels nothing")
}

func TestWrong(t *testing.T) {
	s := show(t, stuck(), 80, 30)
	s.press("tab", "enter")
	s.sees("What is wrong", "Each of these calls waits for the next", "┌→ #12 reserve of orders", "└─ #7 lock of stock")
	if got := s.marked(); !strings.Contains(got, "reserve") {
		t.Errorf("the first call of the cycle is not marked, but %q", got)
	}
	s.press("x")
	s.sees("Cancel #12 reserve of orders? y/n")
	s.press("n", "enter")
	s.sees("Call #12 reserve of orders")
	s.press("esc")
	r := stuck()
	r.Wrong = r.Wrong[1:]
	s.report(r)
	s.sees("it is no longer so", "2 calls wait for each other")
}

// The last picture stays when the server goes away, and says that it is old.
func TestAway(t *testing.T) {
	s := show(t, stuck(), 80, 30)
	s.time = now.Add(12 * time.Second)
	s.sees("last look 12s ago")
	away := &feed.Error{Kind: feed.ErrAway, Text: "cannot reach localhost:8080: connection refused"}
	s.tell(ui.Told(s.m, feed.Update{Err: away, Again: 4 * time.Second}))
	s.sees("OLD, 12s", "This is an old picture: cannot reach localhost:8080: connection refused; asking", "again in 4s", "#11 checkout")
	s.fits(80, 30)
	s.time = now.Add(15 * time.Second)
	s.sees("OLD, 15s")
	s.report(stuck())
	s.sees("live")
	s.misses("OLD")
	s.tell(ui.Told(s.m, feed.Update{Err: &feed.Error{Kind: feed.ErrRefused, Text: "asks for credentials"}}))
	s.sees("This is an old picture: asks for credentials")
	if s.m.Err() != nil {
		t.Error("the program ends, though there is a picture")
	}
}

// Before there is a picture, the program waits for a server that is away, and ends where
// waiting does not help.
func TestFirst(t *testing.T) {
	s := show(t, &asyncview.Report{}, 80, 24)
	s.sees("connecting …")
	s.tell(ui.Told(s.m, feed.Update{Err: &feed.Error{Kind: feed.ErrAway, Text: "cannot reach it"}, Again: 2 * time.Second}))
	s.sees("cannot reach it; asking again in 2s")
	s.press("down", "enter", "tab", "x", "g", "left", "home", "?", "esc")
	s.fits(80, 24)
	for _, kind := range []error{feed.ErrRefused, feed.ErrNoView, feed.ErrSchema} {
		s := show(t, &asyncview.Report{}, 80, 24)
		_, cmd := s.m.Update(ui.Told(s.m, feed.Update{Err: &feed.Error{Kind: kind, Text: "no"}}))
		if cmd == nil || !errors.Is(s.m.Err(), kind) {
			t.Errorf("%v: the program goes on", kind)
		}
	}
}

// What an earlier look delivers is too late.
func TestLate(t *testing.T) {
	s := show(t, stuck(), 80, 24)
	r := stuck()
	r.Program = "another"
	s.tell(ui.Late(s.m, feed.Update{Report: r}))
	s.misses("another")
	s.tell(ui.Told(s.m, feed.Update{Report: r}))
	s.sees("another")
}

func TestPause(t *testing.T) {
	s := show(t, stuck(), 80, 24)
	s.press("p")
	r := stuck()
	r.Program = "another"
	s.report(r)
	s.sees("PAUSED", "shop")
	s.press("p")
	s.report(r)
	s.sees("live", "another")
}

func TestQuit(t *testing.T) {
	for k, want := range map[string]tea.Msg{"q": tea.QuitMsg{}, "ctrl+c": tea.InterruptMsg{}} {
		s := show(t, stuck(), 80, 24)
		s.press(k)
		if s.ended != want {
			t.Errorf("%s leads to %T", k, s.ended)
		}
	}
	s := show(t, stuck(), 80, 24)
	s.press("/", "q", "?")
	if s.ended != nil {
		t.Error("q quits while the search is typed")
	}
	s.sees("search: q?")
	s.press("ctrl+u")
	s.tell(tea.PasteMsg{Content: "pri\x1b[2Jce\n"})
	s.sees("search: pri[2Jce")
	s.press("esc")
	s.sees("#11 checkout")
}

// A screen too low for three sections has the one that has the focus.
func TestLow(t *testing.T) {
	s := show(t, stuck(), 80, 8)
	s.sees("CALLS", "#11 checkout")
	s.misses("WRONG")
	s.press("tab")
	s.sees("WRONG 4", "2 calls wait for each other")
	s.misses("CALLS")
	s.fits(80, 8)
}
