package report

import (
	"math"
	"strings"

	"gonum.org/v1/plot"
)

// sizeTicks mark the sizes that were measured.
func sizeTicks(cs []curve) []plot.Tick {
	var ticks []plot.Tick
	seen := map[float64]bool{}
	for _, c := range cs {
		for _, at := range c.XYs {
			if !seen[at.X] {
				seen[at.X] = true
				ticks = append(ticks, plot.Tick{Value: at.X, Label: count(int(at.X))})
			}
		}
	}
	return ticks
}

// timeTicks mark powers of ten between the bounds, and their double and fivefold
// where there is room.
func timeTicks(low, high float64) []plot.Tick {
	steps := []float64{1}
	if high/low < 1000 {
		steps = []float64{1, 2, 5}
	}
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(low)); e <= math.Log10(high); e++ {
		for _, step := range steps {
			if v := step * math.Pow(10, e); v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: roundDuration(v)})
			}
		}
	}
	return ticks
}

// roundDuration writes a duration that has one digit.
func roundDuration(ns float64) string {
	number, unit, _ := strings.Cut(duration(ns), " ")
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number + " " + unit
}
