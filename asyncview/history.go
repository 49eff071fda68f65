package asyncview

import (
	"slices"
	"time"

	"github.com/seed4712c49f/async"
)

// This file is the last five minutes of a scope. A view has no goroutine and no timer of its
// own: a sample is taken when somebody asks the view for something, and once in a while as
// long as somebody is connected to its events.

const (
	sampled    = 5 * time.Second // from one sample to the next
	remembered = 5 * time.Minute
	slack      = 100 * time.Millisecond // a sample may come that much early
)

// A sample is the ledger of a scope at one moment.
type sample struct {
	at    time.Time
	stats async.Stats
}

// A history is the samples of a scope, the oldest first. One of them may be older than
// remembered: the next one speaks of the time since.
type history []sample

// with returns the history with a sample more, unless the last is not old enough. h itself is
// read by others, and does not change.
func (h history) with(now sample) history {
	old := h
	if n := len(old); n > 0 && now.at.Sub(old[n-1].at) < sampled-slack {
		return h
	}
	for len(old) > 1 && now.at.Sub(old[1].at) >= remembered {
		old = old[1:]
	}
	return append(slices.Clip(old), now)
}

// points returns what happened between the samples.
func (h history) points() []Point {
	ps := []Point{}
	for i := 1; i < len(h); i++ {
		ps = append(ps, between(h[i-1], h[i]))
	}
	return ps
}

// between returns what happened from one sample to another.
func between(a, b sample) Point {
	s, t := a.stats, b.stats
	p := Point{
		Time: b.at, Span: b.at.Sub(a.at),
		Begun: t.Begun - s.Begun, Ended: ended(t) - ended(s), Bad: bad(t) - bad(s),
		Canceled: t.Canceled - s.Canceled, Refused: t.Refused - s.Refused,
		Running: t.Running, Lent: t.Lent, Queued: t.Queued, Pending: t.Pending,
		Stopping: t.Stopping, Untaken: t.Untaken,
	}
	p.Latency = mean(s.Pending+t.Pending, p.Span, p.Ended)
	p.Wait = mean(s.Queued+t.Queued, p.Span, p.Begun-(t.Queued-s.Queued))
	if n := t.Stopped - s.Stopped; n > 0 {
		p.StopTime = (t.StopTotal - s.StopTotal) / time.Duration(n)
	}
	return p
}

// mean is how long something took, by Little's law: twice is the sum of those that were at it
// at the two ends of a span, in which n came through.
func mean(twice int64, span time.Duration, n int64) time.Duration {
	if n <= 0 {
		return 0
	}
	return time.Duration(float64(twice) / 2 * float64(span) / float64(n))
}

func ended(s async.Stats) int64 { return s.Begun - s.Pending }

func bad(s async.Stats) int64 { return s.Failed + s.Panicked + s.Goexited + s.Broken }

// growing reports since when the queue has grown, or not become shorter, up to now, and
// whether that is the time after which to warn, or more, and the queue is longer than it was.
// A queue that was empty meanwhile has not grown: calls come and go, and a look finds some.
func (h history) growing(now sample, after time.Duration) (since time.Time, ok bool) {
	first := now
	for i := len(h) - 1; i >= 0 && 0 < h[i].stats.Queued && h[i].stats.Queued <= first.stats.Queued; i-- {
		first = h[i]
	}
	return first.at, now.at.Sub(first.at) >= after && now.stats.Queued > first.stats.Queued
}

// untaken returns how many results have been there for the time after which to warn at least,
// for all that the samples say, and since when there has been that many.
func (h history) untaken(now sample, after time.Duration) (least int64, since time.Time) {
	least = now.stats.Untaken
	for i := len(h) - 1; i >= 0 && h[i].stats.Untaken > 0; i-- {
		least, since = min(least, h[i].stats.Untaken), h[i].at
		if now.at.Sub(since) >= after {
			return least, since
		}
	}
	return 0, time.Time{}
}

// refused returns how many calls were refused in the time that is remembered.
func (h history) refused(now sample) int64 {
	if len(h) == 0 {
		return 0
	}
	return now.stats.Refused - h[0].stats.Refused
}
