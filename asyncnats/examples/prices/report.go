package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/seed4712c49f/async/asyncnats"
)

// A timeline prints what happens, and how far it is.
type timeline struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
	last  time.Time
}

// between is the time between two lines that say how far it is.
const between = 250 * time.Millisecond

func newTimeline(out io.Writer) *timeline {
	now := time.Now()
	fmt.Fprintln(out, "quotes: those that are there; in flight: calls; servers: those that have calls, as far as the client knows")
	fmt.Fprintf(out, "%8s  %7s  %9s  %7s\n", "seconds", "quotes", "in flight", "servers")
	return &timeline{out: out, start: now, last: now}
}

// tick says how far it is, when it is time to.
func (t *timeline) tick(d *desk) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Sub(t.last) < between {
		return
	}
	t.last = now
	s := d.client.Stats()
	fmt.Fprintf(t.out, "%8.2f  %7d  %9d  %7d\n", now.Sub(t.start).Seconds(), d.done, s.InFlight, s.Servers)
}

// note says what happened.
func (t *timeline) note(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%8.2f  %s\n", time.Since(t.start).Seconds(), what)
}

// A tally counts what calls got.
type tally struct {
	values, faster, lost, disconnected, nobody, others int
}

func (y *tally) add(err error) {
	switch {
	case err == nil:
		y.values++
	case errors.Is(err, errFaster):
		y.faster++
	case errors.Is(err, asyncnats.ErrResponderLost):
		y.lost++
	case errors.Is(err, asyncnats.ErrDisconnected):
		y.disconnected++
	case errors.Is(err, asyncnats.ErrNoResponders):
		y.nobody++
	default:
		y.others++
	}
}

// report says what came of all, and returns an error where something is missing.
func (d *desk) report(out io.Writer) error {
	fmt.Fprintf(out, "\nWhat each of the %d calls got:\n\n", d.begun)
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	for _, row := range []struct {
		n    int
		what string
	}{
		{d.got.values, "a quote"},
		{d.got.faster, "canceled: another attempt was faster, as for most calls of the server that was killed"},
		{d.got.lost, "ErrResponderLost: the server was killed, and no other attempt was faster"},
		{d.got.disconnected, "ErrDisconnected: the connection was lost"},
		{d.got.nobody, "ErrNoResponders: nobody was there"},
		{d.got.others, "another error"},
	} {
		fmt.Fprintf(w, "%d\t  %s\n", row.n, row.what)
	}
	w.Flush()
	left := d.begun - d.ended
	fmt.Fprintf(out, "\n%d of %d quotes are there, and right. %d were asked for a second time; the slowest took %.2f s.\n",
		d.right, len(d.quotes), d.twice, d.slowest.Seconds())
	fmt.Fprintf(out, "Calls left waiting: %d. Goroutines of this process, at the most: %d.\n", left, d.peak)
	if s := d.client.Stats(); left != 0 || s.InFlight != 0 {
		return fmt.Errorf("%d calls were left waiting, %d of them at the client", left, s.InFlight)
	}
	if d.right != len(d.quotes) {
		return fmt.Errorf("%d quotes are missing or wrong", len(d.quotes)-d.right)
	}
	return nil
}
