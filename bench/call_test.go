// Calls of a function in a goroutine of its own: one after the other, on all
// cores, with work that takes its time, many in flight, one inside the other.

package bench_test

import (
	"context"
	"runtime"
	"testing"
)

// Call a trivial function in a goroutine of its own and wait for its value and
// error. There is one call at a time.
//
// Floor: the panic of a function belongs to the reader of the result, and any
// number of readers of any kind may come. So a call is a promise, and a goroutine
// with a function that recovers.
func BenchmarkCall(b *testing.B) { callTrips(b, oneCaller, bg, trivial, oneAtATime) }

// The same by all cores at once.
func BenchmarkCallAllCores(b *testing.B) {
	callTrips(b, allCores, bg, trivial, oneAtATime, finisher)
}

// The same with a function that is not over at once: it yields the processor so
// often that the waiter has to park.
func BenchmarkCallLate(b *testing.B) {
	callTrips(b, oneCaller, bg, late, oneAtATime, finisher, scoped)
}

// The same with a function that computes for some microseconds.
func BenchmarkCallWorking(b *testing.B) {
	callTrips(b, oneCaller, bg, working, oneAtATime, finisher, scoped)
}

// A trivial function with a context that can be canceled. Both the function and the
// wait end with the context, for those that are here.
func BenchmarkCallContext(b *testing.B) {
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	callTrips(b, oneCaller, ctx, trivial, oneAtATime, finisher, scoped, "errgroup=Group",
		"conc=pool-of-one", "pond=pool", "ants=pool-and-channel", "mo=Future", "lo=Async2", "taskgroup=Call")
}

// callTrips begins calls and waits for each.
func callTrips(b *testing.B, run runner, ctx context.Context, f task, without ...string) {
	eachLibrary(b, func(b *testing.B, c calls) {
		run(b, 1, func() int { return value(c.trip(ctx, f)) })
	}, without...)
}

// Every core has 64 calls in flight and waits for the oldest before it begins
// another.
func BenchmarkCallsInFlight(b *testing.B) {
	eachLibrary(b, func(b *testing.B, c calls) {
		b.ReportAllocs()
		b.ResetTimer()
		check(b, workers(runtime.GOMAXPROCS(0), b.N, c.window), b.N)
	}, finisher, scoped, oneAtATime)
}

// A call waits for a call that waits for a call. The innermost function returns.
// The size is the depth.
func BenchmarkNested(b *testing.B) {
	sizes(b, func(b *testing.B, depth int) {
		eachLibrary(b, func(b *testing.B, c calls) {
			f := trivial
			for range depth - 1 {
				f = nested(c, f)
			}
			oneCaller(b, depth, func() int { return value(c.trip(bg, f)) })
		}, finisher, scoped)
	}, 1, 10, 100, 1000)
}

// nested returns a function that calls f and adds 1 to the value.
func nested(c calls, f task) task {
	outer := func(ctx context.Context) (int, error) {
		v, err := c.trip(ctx, f)
		return v + 1, err
	}
	return task{func() (int, error) { return outer(bg) }, outer}
}

// Calls whose functions run and block. Nobody waits yet. The bytes are those of one
// call with its goroutine.
func BenchmarkRunningBytes(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		for _, l := range libraries {
			switch l.name {
			case finisher, scoped, oneAtATime, "floor=goroutine-and-promise":
				continue
			}
			held(b, l.name, n, func(b *testing.B) func() int {
				c := l.open()
				b.Cleanup(c.close)
				return c.running(n)
			})
		}
	}, manyHeld)
}
