package measure

import (
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// times has the rivals take turns: in each round each runs for a short slice, in an
// order that rotates, so that whatever slows the machine down for a while slows all
// of them down. The yardstick of a ratio is the slice of the same round. A rival that
// takes very long sits out the later rounds.
func (p Plan) times(at table.Point, rows []table.Row) ([]Row, int, error) {
	out := make([]Row, len(rows))
	took := make([][]float64, len(rows))
	warm := make([]bool, len(rows))
	turns := make([]int, len(rows))
	for i, r := range rows {
		n, cost, err := p.calibrate(at, r)
		if err != nil {
			return nil, 0, err
		}
		out[i] = Row{Rival: r.Rival, As: r.As, N: n}
		warm[i] = cost < heavy
		turns[i] = p.turns(cost, len(rows))
	}
	rounds := slices.Max(turns)
	for turn := range rounds {
		for k := range rows {
			i := (turn + k) % len(rows)
			if turn >= turns[i] {
				continue
			}
			d, err := slice(at, rows[i], out[i].N, warm[i])
			if err != nil {
				return nil, 0, err
			}
			took[i] = append(took[i], float64(d)/float64(out[i].N))
		}
	}
	for i := range out {
		o := &out[i]
		o.NS, o.Spread = Median(took[i]), Spread(took[i])
		o.MinNS, o.MaxNS = slices.Min(took[i]), slices.Max(took[i])
		o.Slices = rounded(took[i])
		if at.Cores {
			continue
		}
		if err := p.count(at, rows[i], o); err != nil {
			return nil, 0, err
		}
	}
	Compare(at, out)
	return out, rounds, nil
}

// turns is how many rounds a rival takes part in, of whom a slice costs so much.
func (p Plan) turns(cost time.Duration, rivals int) int {
	least := p.Least
	if cost > p.Budget {
		least = 1
	}
	return min(max(int(p.Budget/time.Duration(rivals)/max(cost, 1)), least), p.Rounds)
}

// rounded keeps four digits of each.
func rounded(xs []float64) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i], _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64)
	}
	return out
}

// calibrate finds how many operations fill a slice, and what a slice with everything
// around it costs.
func (p Plan) calibrate(at table.Point, r table.Row) (n int, cost time.Duration, err error) {
	for n = 1; ; {
		start := time.Now()
		took, err := slice(at, r, n, n > 1)
		cost = time.Since(start)
		if err != nil || took >= p.Slice/2 {
			return n, cost, err
		}
		grow := 2 * float64(n)
		if took > 0 {
			grow = float64(n) * float64(p.Slice) / float64(took)
		}
		n = int(min(grow, 100*float64(n))) + 1
	}
}

// heavy is what takes so long that it need not be warmed up, and is not done twice.
const heavy = 500 * time.Millisecond

// slice makes the work ready, warms it up, does it n times on one core, or on each,
// and returns how long that took.
func slice(at table.Point, r table.Row, n int, warm bool) (time.Duration, error) {
	w := r.Make(at.Size)
	if w.End != nil {
		defer w.End()
	}
	if warm {
		w.Do(new(table.Stopwatch), n/10+1)
	}
	runtime.GC()
	if at.Cores {
		return together(at, r, w, n)
	}
	var watch table.Stopwatch
	watch.Start()
	got := w.Do(&watch, n)
	watch.Stop()
	return watch.Total(), check(at, r, n, got)
}

// together has all cores do the work n times each.
func together(at table.Point, r table.Row, w table.Work, n int) (time.Duration, error) {
	cores := runtime.GOMAXPROCS(0)
	var sum atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range cores {
		wg.Go(func() { sum.Add(int64(w.Do(nil, n))) })
	}
	wg.Wait()
	return time.Since(start), check(at, r, n*cores, int(sum.Load()))
}

// count counts what an operation allocates: the least of some runs, because whatever
// else runs in the process can only add to it.
func (p Plan) count(at table.Point, r table.Row, o *Row) error {
	n := min(max(o.N/4, 1), 10_000)
	w := r.Make(at.Size)
	if w.End != nil {
		defer w.End()
	}
	runs := min(p.Rounds, 3)
	if o.NS*float64(n) > float64(heavy) {
		runs = 1
	} else {
		w.Do(new(table.Stopwatch), n)
	}
	for i := range runs {
		watch := table.Stopwatch{Count: totals}
		watch.Start()
		got := w.Do(&watch, n)
		watch.Stop()
		if err := check(at, r, n, got); err != nil {
			return err
		}
		c := watch.Counted()
		allocs, bytes := float64(c.Allocs)/float64(n), float64(c.Bytes)/float64(n)
		if i == 0 || allocs < o.Allocs {
			o.Allocs = allocs
		}
		if i == 0 || bytes < o.Bytes {
			o.Bytes = bytes
		}
	}
	o.Counted = true
	return nil
}

// totals reads what the process has allocated.
func totals() table.Counts {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return table.Counts{Allocs: m.Mallocs, Bytes: m.TotalAlloc}
}
