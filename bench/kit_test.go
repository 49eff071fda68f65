// What all benchmarks share: how a case is run, and how its result is checked.
// A case is a sub-benchmark that is named for its rival and the form that the
// rival takes, such as raw=channel or async=Go-Await.

package bench_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var bg = context.Background()

// escape puts its argument on the heap, because the compiler cannot see what
// escape does. In a program the argument would be handed on.
var escape = func(any) {}

// A runner runs one operation b.N times. The operation returns want.
type runner func(b *testing.B, want int, op func() int)

// oneCaller runs the operations one after the other.
func oneCaller(b *testing.B, want int, op func() int) {
	b.ReportAllocs()
	warm(op)
	sum := 0
	for b.Loop() {
		sum += op()
	}
	check(b, sum, want*b.N)
}

// allCores runs the operations on all cores at once.
func allCores(b *testing.B, want int, op func() int) {
	b.ReportAllocs()
	warm(op)
	var sum atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		got := 0
		for pb.Next() {
			got += op()
		}
		sum.Add(int64(got))
	})
	check(b, int(sum.Load()), want*b.N)
}

// warm runs an operation for a moment. The runtime has by then what it keeps for
// itself, such as goroutines that were used before, and does not count it. When every
// case runs once, only results matter, and warm does nothing.
func warm(op func() int) {
	if flag.Lookup("test.benchtime").Value.String() == "1x" {
		return
	}
	for start := time.Now(); ; {
		if op(); time.Since(start) > 5*time.Millisecond {
			return
		}
	}
}

// A tightRunner runs an operation that takes so little time that the call of a
// function would count. The loop is therefore written out in do, which runs the
// operation n times. Each run counts 1.
type tightRunner func(b *testing.B, do func(n int) int)

// oneTight runs the loop in one goroutine.
func oneTight(b *testing.B, do func(n int) int) {
	b.ReportAllocs()
	b.ResetTimer()
	check(b, do(b.N), b.N)
}

// allTight runs the loop on each core.
func allTight(b *testing.B, do func(n int) int) {
	b.ReportAllocs()
	b.ResetTimer()
	check(b, workers(runtime.GOMAXPROCS(0), b.N, do), b.N)
}

// op is a case for one caller. Function open makes it ready.
func op(b *testing.B, name string, want int, open func(b *testing.B) func() int) {
	b.Run(name, func(b *testing.B) { oneCaller(b, want, open(b)) })
}

// check fails the benchmark when the operations did not come to what they must.
func check(b *testing.B, got, want int) {
	b.Helper()
	if got != want {
		b.Fatalf("the operations came to %d, not to %d", got, want)
	}
}

// sizes runs the cases for each size. A short run leaves the large sizes out.
func sizes(b *testing.B, cases func(b *testing.B, n int), ns ...int) {
	for _, n := range ns {
		if testing.Short() && n > 20_000 {
			continue
		}
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) { cases(b, n) })
	}
}

// held is a case that measures what n things take while they are there. Function
// hold makes the things, and its result completes them and says how many there
// were.
func held(b *testing.B, name string, n int, hold func(b *testing.B) (finish func() int)) {
	b.Run(name, func(b *testing.B) {
		var bytes float64
		for b.Loop() {
			before := settle()
			finish := hold(b)
			bytes += settle() - before
			check(b, finish(), n)
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(bytes/float64(b.N)/float64(n), "held-B")
	})
}

// manyHeld is how many things there are where bytes are measured.
const manyHeld = 100_000

// settle lets goroutines end or park, collects garbage, and returns how many
// bytes of heap and stacks are in use.
func settle() float64 {
	for range 100 {
		runtime.Gosched()
	}
	runtime.GC()
	runtime.GC() // sweeps what the first collection found, and gives stacks back
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) + float64(m.StackInuse)
}

// latencies collects durations from any number of goroutines.
type latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *latencies) add(ds ...time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, ds...)
}

// report reports quantiles as metrics.
func (l *latencies) report(b *testing.B, quantiles ...float64) {
	slices.Sort(l.all)
	for _, q := range quantiles {
		at := min(int(q*float64(len(l.all))), len(l.all)-1)
		b.ReportMetric(float64(l.all[at]), fmt.Sprintf("p%g-ns", 100*q))
	}
}

// A result is the value of a call and its error.
type result struct {
	v   int
	err error
}

// A task is a function in the two shapes that rivals take.
type task struct {
	plain func() (int, error)
	ctx   func(context.Context) (int, error)
}

// taskOf makes the two shapes of f.
func taskOf(f func() (int, error)) task {
	return task{f, func(context.Context) (int, error) { return f() }}
}

// trivial is over at once.
var trivial = taskOf(func() (int, error) { return 1, nil })

// late yields the processor so often that its caller has to park.
var late = taskOf(func() (int, error) {
	yield(lateYields)
	return 1, nil
})

// working computes for some microseconds.
var working = taskOf(func() (int, error) {
	x := uint64(1)
	for range 5000 {
		x = x*6364136223846793005 + 1442695040888963407
	}
	computed.Store(x)
	return 1, nil
})

// computed takes what is computed for nothing.
var computed atomic.Uint64

// lateYields is how often a goroutine yields before it completes something late.
const lateYields = 4

func yield(times int) {
	for range times {
		runtime.Gosched()
	}
}

// identity is the work of a fan-out for each input.
func identity(i int) (int, error) { return i, nil }

// inOrder counts the values that stand where they belong. When a function returns
// its input and the inputs count from 0, that is all of them.
func inOrder(vs []int, errs ...error) int {
	good := 0
	for i, v := range vs {
		if v == i {
			good++
		}
	}
	for _, err := range errs {
		if err != nil {
			return 0
		}
	}
	return good
}

// numbers returns the numbers below n.
func numbers(n int) []int {
	vs := make([]int, n)
	for i := range vs {
		vs[i] = i
	}
	return vs
}

// shuffled returns the numbers below n in a random order, the same each time.
func shuffled(n int) []int { return rand.New(rand.NewPCG(1, uint64(n))).Perm(n) }

// A tally checks that each member of a set is taken once.
type tally []bool

// take returns 1 the first time that i is taken.
func (t tally) take(i int) int {
	if t[i] {
		return 0
	}
	t[i] = true
	return 1
}

// A gauge counts how many run at the same time.
type gauge struct {
	limit int64
	now   atomic.Int64
}

// value returns v, or -1 when more run than the limit allows.
func (g *gauge) value(v int) int {
	if g.now.Add(1) > g.limit {
		v = -1
	}
	g.now.Add(-1)
	return v
}

// workers has k goroutines share n operations and returns the sum of the results.
func workers(k, n int, do func(n int) int) int {
	var wg sync.WaitGroup
	var sum atomic.Int64
	for w := range k {
		share := n / k
		if w < n%k {
			share++
		}
		wg.Go(func() { sum.Add(int64(do(share))) })
	}
	wg.Wait()
	return int(sum.Load())
}

// bit is 1 for true and 0 for false.
func bit(ok bool) int {
	if ok {
		return 1
	}
	return 0
}

// value returns v when err is nil, and 0 otherwise.
func value(v int, err error) int { return v * bit(err == nil) }
