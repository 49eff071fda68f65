package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The view of a terminal goes on with the time, also when nothing happens.
func TestBoard_view(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTestBoard()
		has := func(when, want string) {
			t.Helper()
			if got := b.view(); !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %q in it", when, got, want)
			}
		}
		b.asked(0)
		has("at first", "\n  pending      0.000s  http://a ")
		has("at first", "\n  not asked    0.000s  http://bb ")
		time.Sleep(250 * time.Millisecond)
		has("after 250ms", "\n  pending      0.250s  http://a ")
		b.won(0, 4<<20)
		_, _ = b.Write(make([]byte, 3<<20))
		time.Sleep(250 * time.Millisecond)
		b.finished(0)
		time.Sleep(time.Second)
		has("at the end", "\n  won          0.500s  http://a    75% 3.0 MiB of 4.0 MiB, 12.0 MiB/s\n")
	})
}
