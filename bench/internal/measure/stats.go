package measure

import (
	"cmp"
	"math"
	"slices"
)

// Median returns the middle one of xs, or the mean of the two in the middle.
func Median(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(xs))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

// Spread is the median of the distances from the median, as a share of it: half of
// the figures lie within so much of the median.
func Spread(xs []float64) float64 {
	mid := Median(xs)
	off := make([]float64, len(xs))
	for i, x := range xs {
		off[i] = math.Abs(x - mid)
	}
	if mid == 0 {
		return 0
	}
	return Median(off) / mid
}

// Quantile returns the smallest of xs, which are sorted, that a share q of them
// does not exceed.
func Quantile[T cmp.Ordered](xs []T, q float64) T {
	i := int(math.Ceil(q*float64(len(xs)))) - 1
	return xs[min(max(i, 0), len(xs)-1)]
}

// ratios divides one by the other, each pair of one round.
func ratios(xs, by []float64) []float64 {
	rs := make([]float64, len(xs))
	for i := range rs {
		rs[i] = xs[i] / by[i]
	}
	return rs
}
