package rivals

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/seed4712c49f/async/bench/internal/table"
)

var bg = context.Background()

// escape is not known to the compiler, which therefore puts what it is given on the
// heap, as it would be in a program that hands it on.
var escape = func(any) {}

// A result is what a call comes to.
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

// trivial does next to nothing.
func trivial() task {
	return task{
		func() (int, error) { return 1, nil },
		func(context.Context) (int, error) { return 1, nil },
	}
}

// slow yields the processor so often that whoever waits for it has to park.
func slow() task {
	return taskOf(func() (int, error) {
		later(late, func() {})
		return 1, nil
	})
}

// late is how often a goroutine yields before it completes something late.
const late = 4

// later completes something after some yields.
func later(yields int, complete func()) {
	for range yields {
		runtime.Gosched()
	}
	complete()
}

// loop is work that does one thing n times. For what takes so little time that
// the call of a function counts, the loop is written out instead.
func loop(do func() int) func(int) table.Work {
	return func(int) table.Work { return table.Work{Do: repeat(do)} }
}

func repeat(do func() int) func(*table.Stopwatch, int) int {
	return func(_ *table.Stopwatch, n int) int {
		sum := 0
		for range n {
			sum += do()
		}
		return sum
	}
}

// inOrder is the number of the values that are those of their places: all of them,
// where a function returns its input and the inputs count from 0.
func inOrder(vs []int) int {
	good := 0
	for i, v := range vs {
		if v == i {
			good++
		}
	}
	return good
}

// numbers returns those below n.
func numbers(n int) []int {
	vs := make([]int, n)
	for i := range vs {
		vs[i] = i
	}
	return vs
}

// shuffled returns the numbers below n in random order, the same each time.
func shuffled(n int) []int {
	return rand.New(rand.NewPCG(1, uint64(n))).Perm(n)
}

// A tally checks that each member of a set was taken once.
type tally struct{ seen []bool }

func newTally(n int) tally { return tally{make([]bool, n)} }

// take returns 1 the first time that i is taken.
func (t tally) take(i int) int {
	if t.seen[i] {
		return 0
	}
	t.seen[i] = true
	return 1
}

// A gauge counts how many run at once, and spoils the result of who is too many.
type gauge struct {
	limit int64
	now   atomic.Int64
}

// value returns v, or -1 where the limit is exceeded.
func (g *gauge) value(v int) int {
	if g.now.Add(1) > g.limit {
		v = -1
	}
	g.now.Add(-1)
	return v
}

// workers has k goroutines share n asks between them.
func workers(k, n int, ask func(worker, i int) int) int {
	var wg sync.WaitGroup
	var sum atomic.Int64
	for w := range k {
		share := n / k
		if w < n%k {
			share++
		}
		wg.Go(func() {
			got := 0
			for i := range share {
				got += ask(w, i)
			}
			sum.Add(int64(got))
		})
	}
	wg.Wait()
	return int(sum.Load())
}
