package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func someView(settled, found int) view {
	v := view{elapsed: 2 * time.Second, queued: 7}
	v.count[stateFound] = found - settled - 3
	v.count[stateFetching] = 3
	v.count[stateWaiting] = settled - 10
	v.count[stateDone] = 9
	v.count[stateBroken] = 1
	v.bytes = 3 << 19
	return v
}

func TestView(t *testing.T) {
	for _, c := range []struct {
		settled, found int
		want           string
	}{
		{10, 100, "[==>                 ]  10%  10 of 100 pages, 5/s, at least 18.0s left"},
		{50, 100, "[==========>         ]  50%  50 of 100 pages, 25/s, at least 2.0s left"},
		{99, 102, "[===================>]  97%  99 of 102 pages, 50/s, at least 0.1s left"},
	} {
		v := someView(c.settled, c.found)
		if got := v.bar(20) + " " + v.progress(); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
	if got, want := someView(50, 100).details(), "3 being fetched, 40 waiting for their links, 7 queued, 1.5 MiB"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var none, all view
	if got, want := none.bar(4)+none.progress(), "[>   ]  0%  0 of 0 pages, 0/s, at least ? left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	all.count[stateDone] = 8
	if got, want := all.bar(4), "[====]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// newTestBoard returns a board, and a function that returns what it has written
// since it was last asked.
func newTestBoard(live bool) (*board, func() string) {
	out := new(bytes.Buffer)
	b := newBoard(out)
	b.live = live
	return b, func() string {
		b.mu.Lock()
		defer b.mu.Unlock()
		defer out.Reset()
		return out.String()
	}
}

// On a terminal the bar is drawn over the one before, also when nothing happens,
// and the log grows above it.
func TestBoard_live(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, drawn := newTestBoard(true)
		plain := func() string {
			return strings.NewReplacer(wrapOff, "", wrapOn, "", eraseBelow, "<erase>", "\x1b[2A\r", "<up 2>").Replace(drawn())
		}
		stop := b.animate(func() view { return someView(50, 100) })
		b.logf("before")
		if got, want := plain(), " 0.000s  before\n"; got != want {
			t.Errorf("drawn %q, want %q", got, want)
		}
		time.Sleep(150 * time.Millisecond)
		v := someView(50, 100)
		bar := v.bar(barWidth) + " " + v.progress() + "\n" + v.details() + "\n"
		if got := plain(); got != bar {
			t.Errorf("drawn %q, want %q", got, bar)
		}
		b.logf("meanwhile")
		if got, want := plain(), "<up 2><erase> 0.150s  meanwhile\n"+bar; got != want {
			t.Errorf("drawn %q, want %q", got, want)
		}
		time.Sleep(100 * time.Millisecond)
		if got, want := plain(), "<up 2><erase>"+bar; got != want {
			t.Errorf("drawn %q, want %q", got, want)
		}
		stop()
		if got, want := plain(), "<up 2><erase>"; got != want {
			t.Errorf("drawn %q, want %q", got, want)
		}
		b.logf("after")
		time.Sleep(time.Second)
		if got, want := plain(), " 0.250s  after\n"; got != want {
			t.Errorf("drawn %q, want %q", got, want)
		}
	})
}

// Elsewhere there are lines, and no control sequences.
func TestBoard_plain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, written := newTestBoard(false)
		stop := b.animate(func() view { return someView(50, 100) })
		b.logf("begun %d", 1)
		time.Sleep(1100 * time.Millisecond)
		stop()
		const line = "   50%  50 of 100 pages, 25/s, at least 2.0s left; 3 being fetched, 40 waiting for their links, 7 queued, 1.5 MiB\n"
		if got, want := written(), " 0.000s  begun 1\n 0.500s "+line[1:]+" 1.000s "+line[1:]; got != want {
			t.Errorf("written:\n%swant:\n%s", got, want)
		}
	})
}

func TestIsTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if isTerminal(f) || isTerminal(new(bytes.Buffer)) {
		t.Error("neither a file nor a buffer is a terminal")
	}
}

func TestFormats(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1234: "1µs", 1234567: "1ms", 289_710_000: "290ms", 1_234_567_890: "1.23s", 0: "0s",
	} {
		if got := short(d); got != want {
			t.Errorf("short(%d) is %s, want %s", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 1536: "1.5 KiB", 3 << 19: "1.5 MiB"} {
		if got := formatSize(n); got != want {
			t.Errorf("formatSize(%d) is %s, want %s", n, got, want)
		}
	}
}
