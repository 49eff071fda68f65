package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// On a terminal the rows are drawn over those before, also when nothing happens.
func TestBoard_live(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, out := newTestBoard(true)
		drawn := func() string { // since it was last asked
			b.mu.Lock()
			defer b.mu.Unlock()
			defer out.Reset()
			return out.String()
		}
		stop := b.animate()
		b.asked(0)
		if got := drawn(); strings.Contains(got, "\x1b[2A") || !strings.Contains(got, "pending      0.000s  http://a ") {
			t.Errorf("first drawn: %q", got)
		}
		time.Sleep(250 * time.Millisecond)
		if got := drawn(); strings.Count(got, "\x1b[2A") != 2 || !strings.Contains(got, "pending      0.200s  http://a ") {
			t.Errorf("drawn after 250ms: %q", got)
		}
		b.won(0, 4<<20)
		_, _ = b.Write(make([]byte, 3<<20))
		time.Sleep(250 * time.Millisecond)
		drawn()
		b.finished(0)
		if got, want := drawn(), " 75% [============    ] 3.0 MiB of 4.0 MiB, 12.0 MiB/s"; !strings.Contains(got, want) {
			t.Errorf("drawn %q, want %q in it", got, want)
		}
		stop()
		drawn()
		time.Sleep(time.Second)
		if got := drawn(); got != "" {
			t.Errorf("drawn after the end: %q", got)
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
