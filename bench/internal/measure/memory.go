package measure

import (
	"runtime"
	"time"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A footprint is what a process holds.
type footprint struct {
	heap, stacks float64
	goroutines   int
}

// settle waits for the goroutines that are about to end or to park, collects
// garbage, and returns what is left.
func settle() footprint {
	for before := -1; before != runtime.NumGoroutine(); {
		before = runtime.NumGoroutine()
		time.Sleep(5 * time.Millisecond)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first has found to be free is swept, stacks are given back
	runtime.ReadMemStats(&m)
	return footprint{float64(m.HeapAlloc), float64(m.StackInuse), runtime.NumGoroutine()}
}

func (f footprint) since(before footprint) footprint {
	return footprint{f.heap - before.heap, f.stacks - before.stacks, f.goroutines - before.goroutines}
}

// memory measures what each of many things takes while it is there.
func memory(at table.Point, rows []table.Row) ([]Row, error) {
	out := make([]Row, len(rows))
	for i, r := range rows {
		w := r.Make(at.Size)
		before := settle()
		finish := w.Hold(at.Size)
		more := settle().since(before)
		got := finish()
		if w.End != nil {
			w.End()
		}
		if err := check(at, r, 1, got); err != nil {
			return nil, err
		}
		n := float64(at.Size)
		out[i] = Row{
			Rival: r.Rival, As: r.As, N: at.Size,
			Bytes: max(more.heap+more.stacks, 0) / n, Stacks: max(more.stacks, 0) / n,
			Goroutines: float64(more.goroutines) / n,
		}
	}
	Compare(at, out)
	return out, nil
}

// retained measures what a loop of as many operations as the size leaves behind.
func retained(at table.Point, rows []table.Row) ([]Row, error) {
	out := make([]Row, len(rows))
	for i, r := range rows {
		w := r.Make(at.Size)
		w.Do(new(table.Stopwatch), at.Size/10+1) // the runtime has by then what it keeps itself
		before := settle()
		start := time.Now()
		got := w.Do(new(table.Stopwatch), at.Size)
		took := time.Since(start)
		more := settle().since(before)
		if w.End != nil {
			w.End()
		}
		if err := check(at, r, at.Size, got); err != nil {
			return nil, err
		}
		out[i] = Row{
			Rival: r.Rival, As: r.As, N: at.Size,
			NS:   float64(took) / float64(at.Size),
			Kept: max(more.heap+more.stacks, 0), Goroutines: float64(more.goroutines),
		}
	}
	Compare(at, out)
	return out, nil
}
