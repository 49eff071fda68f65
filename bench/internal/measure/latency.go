package measure

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// latency measures how long a waiter takes to wake, while the machine is busy.
func (p Plan) latency(at table.Point, rows []table.Row) ([]Row, error) {
	defer load()()
	const batch = 100
	samples := make([][]float64, len(rows))
	for len(samples[len(rows)-1]) < p.Wakes {
		for i, r := range rows {
			open := r.Make(at.Size).Pair
			for range min(batch, p.Wakes) {
				d, got := wake(open)
				if got != 1 {
					return nil, fmt.Errorf("%s: %s: woke up with %d, not with 1", at.ID(), r.Label(), got)
				}
				samples[i] = append(samples[i], float64(d))
			}
		}
	}
	out := make([]Row, len(rows))
	for i, r := range rows {
		s := samples[i]
		slices.Sort(s)
		out[i] = Row{
			Rival: r.Rival, As: r.As, N: len(s),
			P50: Quantile(s, 0.5), P99: Quantile(s, 0.99), P999: Quantile(s, 0.999), Worst: s[len(s)-1],
		}
	}
	Compare(at, out)
	return out, nil
}

// wake has one goroutine wait and this one complete, and returns the time from just
// before that to just after the wait, and what the wait returned.
func wake(open func() (func() int, func())) (time.Duration, int) {
	wait, complete := open()
	ready := make(chan struct{})
	var at time.Time
	var got int
	var wg sync.WaitGroup
	wg.Go(func() {
		close(ready)
		got = wait()
		at = time.Now()
	})
	<-ready
	time.Sleep(50 * time.Microsecond) // by now it has parked
	start := time.Now()
	complete()
	wg.Wait()
	return at.Sub(start), got
}

// load keeps the machine busy, until it is told to stop, with goroutines that
// compute in short bursts and yield, as many as there are cores, twice over.
func load() (stop func()) {
	var over atomic.Bool
	var wg sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			var x uint64 = 1
			for !over.Load() {
				for range 2000 { // some microseconds
					x = x*6364136223846793005 + 1442695040888963407
				}
				busy.Store(x)
				runtime.Gosched()
			}
		})
	}
	return func() {
		over.Store(true)
		wg.Wait()
	}
}

// busy takes what is computed for nothing.
var busy atomic.Uint64
