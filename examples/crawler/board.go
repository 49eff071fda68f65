package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
)

// A board shows how far a crawl has come: on a terminal as a bar that is drawn
// again and again below the log, elsewhere as a line of the log now and then. It
// may be used by any number of goroutines at the same time.
type board struct {
	out   io.Writer
	live  bool
	start time.Time

	mu    sync.Mutex
	drawn []string // the lines on the screen above the cursor, which are drawn over
}

func newBoard(out io.Writer) *board {
	return &board{out: out, live: isTerminal(out), start: time.Now()}
}

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

// logf writes a line, on a terminal above the bar.
func (b *board) logf(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	line := fmt.Sprintf("%6.3fs  ", time.Since(b.start).Seconds()) + fmt.Sprintf(format, args...)
	if !b.live {
		fmt.Fprintln(b.out, line)
		return
	}
	b.drawLocked(append([]string{line}, b.drawn...), len(b.drawn))
}

// show shows how far the crawl has come.
func (b *board) show(v view) {
	if !b.live {
		b.logf("%s; %s", v.progress(), v.details())
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drawLocked([]string{v.bar(barWidth) + " " + v.progress(), v.details()}, 2)
}

// animate shows the crawl again and again until stop is called, which clears the
// terminal of the bar.
func (b *board) animate(look func() view) (stop func()) {
	every := 500 * time.Millisecond
	if b.live {
		every = 100 * time.Millisecond
	}
	showing := async.Go(context.Background(), func(ctx context.Context) (struct{}, error) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				b.show(look())
			case <-ctx.Done():
				return struct{}{}, nil
			}
		}
	})
	return func() {
		_ = showing.CancelWait(context.Background(), nil)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.drawLocked(nil, 0)
	}
}

// Control sequences, understood by every terminal of today.
const (
	cursorUp   = "\x1b[%dA\r" // by so many lines, and to the beginning of the line
	eraseBelow = "\x1b[J"
	wrapOff    = "\x1b[?7l" // a line too long for the screen is cut, not two lines
	wrapOn     = "\x1b[?7h"
)

// drawLocked draws lines over those drawn before. The last keep of them are drawn
// over the next time. It is one write, so that a Ctrl-C leaves no half of it.
func (b *board) drawLocked(lines []string, keep int) {
	var s strings.Builder
	if len(b.drawn) > 0 {
		fmt.Fprintf(&s, cursorUp+eraseBelow, len(b.drawn))
	}
	b.drawn = lines[len(lines)-keep:]
	for _, line := range lines {
		fmt.Fprintf(&s, "%s%s%s\n", wrapOff, line, wrapOn)
	}
	_, _ = io.WriteString(b.out, s.String())
}

// A view is what there is to see of a crawl at one moment.
type view struct {
	tally
	elapsed time.Duration
	queued  int64 // calls that wait for their first slot
}

// view looks at the crawl.
func (c *crawl) view() view {
	stats := c.scope.Stats()
	c.mu.Lock()
	defer c.mu.Unlock()
	end := c.end
	if end.IsZero() {
		end = time.Now()
	}
	return view{tally: c.tally, elapsed: end.Sub(c.start), queued: stats.Queued}
}

// found is how many pages are known of, and settled how many of these have come or
// will not come.
func (v view) found() (n int) {
	for _, count := range v.count {
		n += count
	}
	return n
}

func (v view) settled() int { return v.fetched() + v.count[stateBroken] + v.count[stateCanceled] }
func (v view) fetched() int { return v.count[stateWaiting] + v.count[stateDone] }

// rate is how many pages are settled in a second.
func (v view) rate() float64 {
	return float64(v.settled()) / max(v.elapsed, time.Millisecond).Seconds()
}

const barWidth = 24

// bar draws what part of the pages is settled.
func (v view) bar(width int) string {
	full := width * v.settled() / max(v.found(), 1)
	bar := strings.Repeat("=", full)
	if full < width {
		bar += ">" + strings.Repeat(" ", width-full-1)
	}
	return "[" + bar + "]"
}

// progress says how far the crawl is, how fast it is, and how long it will take:
// that is an estimate from below, as pages may be found yet.
func (v view) progress() string {
	left := "?"
	if rate := v.rate(); rate > 0 {
		left = fmt.Sprintf("%.1fs", float64(v.found()-v.settled())/rate)
	}
	return fmt.Sprintf("%3d%%  %d of %d pages, %.0f/s, at least %s left",
		100*v.settled()/max(v.found(), 1), v.settled(), v.found(), v.rate(), left)
}

// details says what the pages are doing.
func (v view) details() string {
	return fmt.Sprintf("%d being fetched, %d waiting for their links, %d queued, %s",
		v.count[stateFetching], v.count[stateWaiting], v.queued, formatSize(v.bytes))
}
