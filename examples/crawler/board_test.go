package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async/examples/internal/console"
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
		{11, 101, "[=>                  ]  10%  11 of 101 pages  5 fetched a second  at least 16.4s left"},
		{51, 100, "[=========>          ]  51%  51 of 100 pages  25 fetched a second  at least 1.9s left"},
		{99, 102, "[==================> ]  97%  99 of 102 pages  49 fetched a second  at least 0.1s left"},
	} {
		v := someView(c.settled, c.found)
		if got := strings.ReplaceAll(v.bar(22), string(console.Blank), " ") + " " + v.progress(); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
	if got, want := someView(50, 100).details(), "3 being fetched  40 waiting for their links  7 queued  1.5 MiB"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var none, all view
	if got, want := none.progress(), "  0%  0 of 0 pages  0 fetched a second  at least ? left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	all.count[stateDone] = 8
	if got, want := all.bar(6), "[====]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A file has lines, and no control sequences.
func TestBoard_plain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := newBoard(console.New(&out))
		stop := b.animate(func() view { return someView(50, 100) })
		b.logf("begun %d", 1)
		time.Sleep(1100 * time.Millisecond)
		stop()
		const line = "   50%  50 of 100 pages  24 fetched a second  at least 2.0s left  3 being fetched  40 waiting for their links  7 queued  1.5 MiB\n"
		if got, want := out.String(), "Seconds since the start:\n 0.000s  begun 1\n 0.500s "+line[1:]+" 1.000s "+line[1:]; got != want {
			t.Errorf("written:\n%swant:\n%s", got, want)
		}
	})
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
