package main

import (
	"context"
	"fmt"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/examples/internal/console"
)

// A board is a log of what happens, and shows how far a crawl has come: on a terminal
// below the log, again and again, elsewhere as a line of the log now and then. It may
// be used by any number of goroutines at the same time.
type board struct {
	out   *console.Console
	start time.Time
}

func newBoard(out *console.Console) *board {
	return &board{out: out, start: time.Now()}
}

// logf writes a line.
func (b *board) logf(format string, args ...any) {
	fmt.Fprintf(b.out, "%6.3fs  %s\n", time.Since(b.start).Seconds(), fmt.Sprintf(format, args...))
}

// animate shows the crawl again and again until stop is called, which clears a
// terminal of what is shown.
func (b *board) animate(look func() view) (stop func()) {
	fmt.Fprintln(b.out, "Seconds since the start:")
	if b.out.IsLive() {
		return b.out.Show(func() string {
			v := look()
			return v.bar(barWidth) + "  " + v.progress() + "\n" + v.details() + "\n"
		}, false)
	}
	showing := async.Go(context.Background(), func(ctx context.Context) (struct{}, error) {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				v := look()
				b.logf("%s  %s", v.progress(), v.details())
			case <-ctx.Done():
				return struct{}{}, nil
			}
		}
	})
	return func() { _ = showing.CancelWait(context.Background(), nil) }
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

// rate is how many pages are fetched in a second.
func (v view) rate() float64 {
	return float64(v.fetched()) / max(v.elapsed, time.Millisecond).Seconds()
}

const barWidth = 26

// bar draws what part of the pages is settled.
func (v view) bar(width int) string {
	return console.Bar(width, int64(v.settled()), int64(v.found()))
}

// progress says how far the crawl is, how fast it is, and how long it will take:
// that is an estimate from below, as pages may be found yet.
func (v view) progress() string {
	left := "?"
	if n := v.settled(); n > 0 {
		left = fmt.Sprintf("%.1fs", v.elapsed.Seconds()*float64(v.found()-n)/float64(n))
	}
	return fmt.Sprintf("%3d%%  %d of %d pages  %.0f fetched a second  at least %s left",
		100*v.settled()/max(v.found(), 1), v.settled(), v.found(), v.rate(), left)
}

// details says what the pages are doing.
func (v view) details() string {
	return fmt.Sprintf("%d being fetched  %d waiting for their links  %d queued  %s",
		v.count[stateFetching], v.count[stateWaiting], v.queued, formatSize(v.bytes))
}
