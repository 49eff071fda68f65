package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed4712c49f/async/examples/internal/console"
)

// animate has a terminal show the board, and the passing of time, until stop is called.
// The last view stays. Elsewhere it says what the times of the log are.
func (b *board) animate() (stop func()) {
	if !b.out.IsLive() {
		fmt.Fprintln(b.out, "Seconds since the start:")
	}
	return b.out.Show(b.view, true)
}

// view is what a terminal shows: a line for each mirror.
func (b *board) view() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Since(b.start)
	var s strings.Builder
	fmt.Fprintln(&s, "Seconds since each mirror was asked:")
	for i := range b.rows {
		r := &b.rows[i]
		fmt.Fprintf(&s, "  %-9s  %s  %-*s  %s\n", r.state, seconds(r.took(now)), b.width, r.name, b.noteLocked(now, i))
	}
	return s.String()
}

// took returns how long the row's mirror has been busy.
func (r *row) took(now time.Duration) time.Duration {
	switch {
	case r.state == stateIdle:
		return 0
	case r.settled > 0:
		return r.settled - r.asked
	}
	return now - r.asked
}

// noteLocked is what there is to say about mirror i beside its state.
func (b *board) noteLocked(now time.Duration, i int) string {
	switch r := &b.rows[i]; {
	case r.state == stateWon:
		return b.progressLocked(now, i)
	case r.late:
		return r.note + "; " + lateNote
	default:
		return r.note
	}
}

// progressLocked says how much of the winner's body has come, and how fast.
func (b *board) progressLocked(now time.Duration, i int) string {
	r := &b.rows[i]
	if r.settled > 0 {
		now = r.settled
	}
	rate := formatSize(int64(float64(b.read) / max(now-r.answered, time.Millisecond).Seconds()))
	if b.size <= 0 {
		return fmt.Sprintf("%s, %s/s", formatSize(b.read), rate)
	}
	bar := ""
	if b.out.IsLive() {
		bar = console.Bar(18, b.read, b.size) + " "
	}
	return fmt.Sprintf("%3d%% %s%s of %s, %s/s", 100*b.read/b.size, bar, formatSize(b.read), formatSize(b.size), rate)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%7.3fs", d.Seconds()) }

// formatSize writes a number of bytes; a negative one is not known.
func formatSize(n int64) string {
	switch {
	case n < 0:
		return "a file of unknown size"
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
