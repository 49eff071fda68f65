package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/seed4712c49f/async"
)

// isTerminal reports whether what is written to w appears on a terminal that can
// move its cursor.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// animate has a terminal show the passing of time until stop is called.
func (b *board) animate() (stop func()) {
	if !b.live {
		return func() {}
	}
	ticking := async.Go(context.Background(), func(ctx context.Context) (struct{}, error) {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				b.update(func(time.Duration) {})
			case <-ctx.Done():
				return struct{}{}, nil
			}
		}
	})
	return func() { _ = ticking.CancelWait(context.Background(), nil) }
}

// Control sequences, understood by every terminal of today.
const (
	cursorUp  = "\x1b[%dA"  // by so many lines
	eraseLine = "\r\x1b[2K" // and go to its beginning
	wrapOff   = "\x1b[?7l"  // a line too long for the screen is cut, not two lines
	wrapOn    = "\x1b[?7h"
)

// drawLocked draws every mirror's line, over those drawn before. It is one write,
// so that a Ctrl-C leaves no half of it.
func (b *board) drawLocked(now time.Duration) {
	var s strings.Builder
	if b.drawn {
		fmt.Fprintf(&s, cursorUp, len(b.rows))
	}
	b.drawn = true
	s.WriteString(wrapOff)
	for i := range b.rows {
		r := &b.rows[i]
		fmt.Fprintf(&s, "%s%-9s  %s  %-*s  %s\n", eraseLine, r.state, seconds(r.took(now)), b.width, r.name, b.noteLocked(now, i))
	}
	s.WriteString(wrapOn)
	_, _ = io.WriteString(b.out, s.String())
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
	if b.live {
		const width = 16
		full := int(width * b.read / b.size)
		bar = "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "] "
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
