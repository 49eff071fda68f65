package measure_test

import (
	"math"
	"testing"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/table"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		xs           []float64
		median, mads float64
	}{
		{[]float64{5}, 5, 0},
		{[]float64{3, 1, 2}, 2, 0.5},
		{[]float64{4, 1, 2, 3}, 2.5, 0.4},
		{[]float64{10, 10, 10, 1000}, 10, 0},
		{[]float64{0, 0}, 0, 0},
	} {
		before := len(c.xs)
		if got := measure.Median(c.xs); got != c.median {
			t.Errorf("the median of %v is %v, not %v", c.xs, got, c.median)
		}
		if got := measure.Spread(c.xs); math.Abs(got-c.mads) > 1e-12 {
			t.Errorf("the spread of %v is %v, not %v", c.xs, got, c.mads)
		}
		if len(c.xs) != before {
			t.Error("changed")
		}
	}
	if !math.IsNaN(measure.Median(nil)) {
		t.Error("there is a median of nothing")
	}
	xs := []float64{3, 1, 2}
	measure.Median(xs)
	if xs[0] != 3 {
		t.Error("Median sorts what it is given")
	}
}

func TestQuantile(t *testing.T) {
	var xs []int
	for i := 1; i <= 1000; i++ {
		xs = append(xs, i)
	}
	for q, want := range map[float64]int{0: 1, 0.5: 500, 0.99: 990, 0.999: 999, 1: 1000} {
		if got := measure.Quantile(xs, q); got != want {
			t.Errorf("the quantile %v is %d, not %d", q, got, want)
		}
	}
}

// Where two ran in turns, a machine that is busy for a while does not disturb their ratio.
func TestRow_To(t *testing.T) {
	a := measure.Row{NS: 20, Slices: []float64{20, 2000, 20, 20, 300}}
	b := measure.Row{NS: 10, Slices: []float64{10, 1000, 10, 10, 150}}
	if got := a.To(table.Time, b); got != 2 {
		t.Errorf("%v, not 2", got)
	}
	b.Slices = b.Slices[:2]
	if got := a.To(table.Time, b); got != 2 {
		t.Errorf("where the other left early %v, not 2", got)
	}
	if got := (measure.Row{NS: 30}).To(table.Time, b); got != 3 {
		t.Errorf("without slices %v, not 3", got)
	}
	if got := (measure.Row{Bytes: 64, NS: 1}).To(table.Memory, measure.Row{Bytes: 32, NS: 1}); got != 2 {
		t.Errorf("in bytes %v, not 2", got)
	}
}
