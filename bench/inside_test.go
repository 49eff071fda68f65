// What it costs to be seen: calls in a scope that records them, tells an observer of
// them, and labels them for profiles.

package bench_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/seed4712c49f/async"
)

// Call a trivial function in a scope and wait for its result. Each case has one thing more
// that a scope can be asked to tell, and the last has all of them. The observer of that
// counts what it is told. The stack that Track records is most of what the last costs: to
// walk it takes as long as the call.
func BenchmarkSeen(b *testing.B) { seen(b, trivial) }

// The same with a function that computes for some microseconds.
func BenchmarkSeenWorking(b *testing.B) { seen(b, working) }

// seen calls f in scopes that tell more or less.
func seen(b *testing.B, f task) {
	for _, c := range []struct {
		name string
		o    async.ScopeOptions
	}{
		{"async=plain-Scope", async.ScopeOptions{}},
		{"async=Track", async.ScopeOptions{Track: true}},
		{"async=Observer", async.ScopeOptions{Observer: counting()}},
		{"async=Labels", async.ScopeOptions{Labels: true}},
		{"async=everything-on", async.ScopeOptions{Track: true, Observer: counting(), Labels: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.o.Name = "bench"
			s := async.NewScope(c.o)
			oneCaller(b, 1, func() int { return value(async.Go(bg, f.ctx, s).Await(bg)) })
		})
	}
}

// counting returns an observer that counts what it is told.
func counting() async.Observer {
	var n atomic.Int64
	count := func(async.CallInfo) { n.Add(1) }
	return async.Observer{
		Begun: count, Started: count, Completed: count, Abandoned: count,
		Discarded: count, Returned: count, Refused: count,
		Context: func(ctx context.Context, _ async.CallInfo) context.Context { n.Add(1); return ctx },
	}
}
