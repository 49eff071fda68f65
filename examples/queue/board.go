package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/examples/internal/console"
)

const (
	barWidth = 30
	logged   = 500 * time.Millisecond // how often there is a line where there is no terminal
)

// animate shows the queue again and again until stop is called: on a terminal below the
// text, elsewhere as a line now and then.
func (q *queue) animate(out *console.Console) (stop func()) {
	if out.IsLive() {
		return out.Show(func() string {
			t := q.look()
			return console.Bar(barWidth, int64(t.over()), int64(t.files)) + "  " + t.progress() + "\n"
		}, false)
	}
	showing := async.Go(context.Background(), func(ctx context.Context) (struct{}, error) {
		for async.Sleep(ctx, logged) == nil {
			fmt.Fprintln(out, q.look().progress())
		}
		return struct{}{}, nil
	})
	return func() {
		_ = showing.CancelWait(context.Background(), nil)
		showing.Release()
	}
}

// look returns how far the queue is.
func (q *queue) look() tally {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.tally
}

// over is how many files have come to their end.
func (t tally) over() int { return t.done + t.cut + len(t.failed) }

// elapsed is how long the queue has worked, or had to work.
func (t tally) elapsed() time.Duration {
	if t.end.IsZero() {
		return time.Since(t.start)
	}
	return t.end.Sub(t.start)
}

// rate is how many files are done in a second.
func (t tally) rate() float64 { return float64(t.done) / max(t.elapsed().Seconds(), 0.001) }

// progress says how far the queue is, at what rate, and how long the rest will take.
func (t tally) progress() string {
	text := fmt.Sprintf("%d of %s, %.0f files a second", t.over(), count(t.files, "file"), t.rate())
	if t.done == 0 {
		return text
	}
	left := time.Duration(float64(t.files-t.over()) / t.rate() * float64(time.Second))
	return text + ", " + left.Round(time.Second).String() + " left"
}

// failedShown is how many files are listed that could not be done.
const failedShown = 5

// summary says what was done and what was not.
func (q *queue) summary(out io.Writer) {
	t := q.look()
	fmt.Fprintf(out, "\nIn %s: %d of %s done", t.elapsed().Round(10*time.Millisecond), t.done, count(t.files, "file"))
	for _, part := range []struct {
		n    int
		what string
	}{{len(t.failed), "failed"}, {t.cut, "cut off"}, {t.files - t.over(), "not begun"}} {
		if part.n > 0 {
			fmt.Fprintf(out, ", %d %s", part.n, part.what)
		}
	}
	fmt.Fprintf(out, ". %.0f files a second.\n", t.rate())
	fmt.Fprintf(out, "%s became %s. Jobs tried again %d times.\n", formatSize(t.read), formatSize(t.kept), t.retries)
	slices.SortFunc(t.failed, func(a, b failure) int { return strings.Compare(a.name, b.name) })
	for i, f := range t.failed {
		if i == failedShown {
			fmt.Fprintf(out, "  and %d more\n", len(t.failed)-i)
			break
		}
		fmt.Fprintf(out, "  %s: %v\n", f.name, f.err)
	}
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// formatSize writes a number of bytes.
func formatSize(n int64) string {
	switch {
	case n < 1<<10:
		return count(int(n), "byte")
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
