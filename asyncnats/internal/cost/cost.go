// Package cost compares what things cost the processors, for the benchmarks of asyncnats.
package cost

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// rounds is in how many parts the calls of a benchmark are made.
const rounds = 8

// Compare makes b.N calls in a few rounds, and has each rival make as many in turn. It reports how
// many times as fast as each rival ours is, by the time of the processors that this process has
// used: that is the rate where they are busy, and does not depend on who else uses the machine.
// Each number is the median of the rounds. Allocations, where b reports them, are those of ours.
func Compare(b *testing.B, ours func(calls int), rivals map[string]func(calls int)) {
	b.Helper()
	ratios := make(map[string][]float64)
	var all time.Duration
	b.ResetTimer()
	b.StopTimer()
	for i := range rounds {
		calls := b.N*(i+1)/rounds - b.N*i/rounds
		if calls == 0 {
			continue
		}
		runtime.GC()
		b.StartTimer()
		own := of(ours, calls)
		b.StopTimer()
		all += own
		for name, rival := range rivals {
			runtime.GC()
			ratios[name] = append(ratios[name], float64(of(rival, calls))/float64(max(own, 1)))
		}
	}
	for name, r := range ratios {
		slices.Sort(r)
		b.ReportMetric(r[len(r)/2], name)
	}
	b.ReportMetric(float64(all)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(0, "ns/op") // the processors have other work, too
}

// of is what it costs the processors to make calls.
func of(f func(int), calls int) time.Duration {
	start := used()
	f(calls)
	return used() - start
}

// used is the time of the processors that this process has used.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
