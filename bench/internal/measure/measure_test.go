package measure_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/table"
)

var plan = measure.Plan{Slice: 200 * time.Microsecond, Rounds: 5, Least: 2, Budget: time.Second, Wakes: 10}

func op(k table.Kind) table.Op {
	return table.Op{Name: "test", Kind: k, SizeOf: "things", Want: func(size, n int) int { return size * n }}
}

func row(rival string, make func(size int) table.Work) table.Row {
	return table.Row{Rival: rival, Form: table.Form{Op: "test", Make: make}}
}

var sink []byte

// counts does an operation right, allocates twice, and takes a while.
func counts(allocs int, took time.Duration) func(int) table.Work {
	return func(size int) table.Work {
		return table.Work{Do: func(watch *table.Stopwatch, n int) int {
			for range n {
				for range allocs {
					sink = make([]byte, 64)
				}
				watch.Stop()
				sink = make([]byte, 1024) // not counted
				watch.Start()
				for start := time.Now(); time.Since(start) < took; {
					continue
				}
			}
			return size * n
		}}
	}
}

func TestTimes(t *testing.T) {
	p := table.Point{Op: op(table.Time), Size: 3}
	res, err := plan.Measure(p, []table.Row{
		row("raw Go", counts(2, 2*time.Microsecond)), row("other", counts(0, 20*time.Microsecond)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if res.ID != "test/3" || res.Rounds < 2 || len(res.Rows) != 2 {
		t.Errorf("%+v", res)
	}
	raw, other := res.Rows[0], res.Rows[1]
	if raw.Allocs != 2 || raw.Bytes != 128 || other.Allocs != 0 {
		t.Errorf("allocations: %+v, %+v", raw, other)
	}
	if raw.NS < 2000 || other.NS < 20_000 || raw.MinNS > raw.NS || raw.MaxNS < raw.NS {
		t.Errorf("times: %+v, %+v", raw, other)
	}
	if math.Abs(raw.Ratio-1) > 1e-9 || other.Ratio < 2 {
		t.Errorf("ratios: %v, %v", raw.Ratio, other.Ratio)
	}
}

// What is not the right result ends the measuring, of every kind.
func TestWrongResults(t *testing.T) {
	ended := 0
	wrong := func(int) table.Work {
		return table.Work{
			Do:   func(_ *table.Stopwatch, n int) int { return n },
			Hold: func(int) func() int { return func() int { return 0 } },
			Pair: func() (func() int, func()) { return func() int { return 2 }, func() {} },
			End:  func() { ended++ },
		}
	}
	for _, kind := range []table.Kind{table.Time, table.Memory, table.Retained, table.Latency} {
		for _, cores := range []bool{false, true} {
			_, err := plan.Measure(table.Point{Op: op(kind), Size: 3, Cores: cores}, []table.Row{row("liar", wrong)})
			if err == nil || !strings.Contains(err.Error(), "liar") {
				t.Errorf("kind %d: %v", kind, err)
			}
		}
	}
	if ended == 0 {
		t.Error("work that went wrong was not ended")
	}
}

func TestMemory(t *testing.T) {
	const each = 1024
	holds := func(int) table.Work {
		return table.Work{Hold: func(n int) func() int {
			kept := make([]*[each]byte, n)
			for i := range kept {
				kept[i] = new([each]byte)
			}
			return func() int { return len(kept) }
		}}
	}
	keeps := func(int) table.Work {
		var kept []*[each]byte
		return table.Work{
			Do: func(_ *table.Stopwatch, n int) int {
				for range n {
					kept = append(kept, new([each]byte))
				}
				return 1000 * n
			},
			End: func() { kept = nil },
		}
	}
	res, err := plan.Measure(table.Point{Op: op(table.Memory), Size: 1000}, []table.Row{row("raw Go", holds)})
	if err != nil || math.Abs(res.Rows[0].Bytes-each-8) > 0.1*each {
		t.Errorf("held: %+v, %v", res, err)
	}
	res, err = plan.Measure(table.Point{Op: op(table.Retained), Size: 1000}, []table.Row{row("raw Go", keeps)})
	if err != nil || res.Rows[0].Kept < 1000*each {
		t.Errorf("kept: %+v, %v", res, err)
	}
}

func TestLatency(t *testing.T) {
	open := func(int) table.Work {
		return table.Work{Pair: func() (func() int, func()) {
			ch := make(chan int)
			return func() int { <-ch; return 1 }, func() { close(ch) }
		}}
	}
	res, err := plan.Measure(table.Point{Op: op(table.Latency), Size: 1}, []table.Row{row("raw Go", open), row("other", open)})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range res.Rows {
		if r.P50 <= 0 || r.P50 > r.P99 || r.P99 > r.P999 || r.P999 > r.Worst || r.Ratio <= 0 || r.N < plan.Wakes {
			t.Errorf("%+v", r)
		}
	}
}
