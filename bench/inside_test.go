// What it costs to be seen: calls in a scope that records them, tells an observer of
// them, and labels them for profiles.

package bench_test

import (
	"context"
	"runtime"
	"runtime/pprof"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
)

// Call a trivial function in a scope and wait for its result. Each case has one thing more
// that a scope can be asked to tell, and the last has all of them. The observer of that
// counts what it is told. The floor is a call in a plain scope, beside which the caller and the
// function do by hand the least that the others do: the stack of Begin is walked, three times
// are read, and the labels of the goroutine are set and taken back.
func BenchmarkSeen(b *testing.B) { seen(b, trivial) }

// The same with a function that computes for some microseconds.
func BenchmarkSeenWorking(b *testing.B) { seen(b, working) }

// seen calls f in scopes that tell more or less.
func seen(b *testing.B, f task) {
	for _, c := range []struct {
		name string
		o    async.ScopeOptions
	}{
		{"floor=plain-Scope", async.ScopeOptions{}},
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
	b.Run("floor=stack-times-labels", func(b *testing.B) {
		s := async.NewScope(async.ScopeOptions{Name: "bench"})
		labels := pprof.WithLabels(bg, pprof.Labels("scope", "bench"))
		seen := func(ctx context.Context) (int, error) {
			started.Store(int64(time.Since(epoch)))
			pprof.SetGoroutineLabels(labels)
			defer pprof.SetGoroutineLabels(ctx)
			v, err := f.ctx(ctx)
			over.Store(int64(time.Since(epoch)))
			return v, err
		}
		oneCaller(b, 1, func() int {
			var stack [64]uintptr
			frames.Store(int64(runtime.Callers(1, stack[:])))
			begun.Store(int64(time.Since(epoch)))
			return value(async.Go(bg, seen, s).Await(bg))
		})
	})
}

// What the floor reads is kept, or the compiler would leave it out.
var (
	epoch                        = time.Now()
	frames, begun, started, over atomic.Int64
)

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
