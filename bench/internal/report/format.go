package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// digits writes x with three significant digits, and never with an exponent.
func digits(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x >= 100:
		return group(strconv.FormatFloat(math.Round(x), 'f', 0, 64))
	case x >= 10:
		return strconv.FormatFloat(x, 'f', 1, 64)
	default:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
}

// group sets commas between thousands.
func group(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count writes a whole number.
func count(n int) string { return group(strconv.Itoa(n)) }

// duration writes a time in ns with its unit.
func duration(ns float64) string {
	for _, u := range []struct {
		name string
		of   float64
	}{{"ns", 1}, {"µs", 1e3}, {"ms", 1e6}} {
		if ns < 1000*u.of {
			return digits(ns/u.of) + " " + u.name
		}
	}
	return digits(ns/1e9) + " s"
}

// size writes a number of bytes with its unit.
func size(bytes float64) string {
	switch {
	case bytes < 10_000:
		return digits(bytes) + " B"
	case bytes < 10e6:
		return digits(bytes/1e3) + " kB"
	default:
		return digits(bytes/1e6) + " MB"
	}
}

// ratio writes how many times one is another.
func ratio(r float64) string {
	switch {
	case r == 0 || math.IsNaN(r) || math.IsInf(r, 0):
		return "–"
	case r >= 0.995 && r < 1.005:
		return "1"
	default:
		return digits(r)
	}
}

// whole writes a count of allocations, which is whole but for what an operation does
// now and then.
func whole(x float64) string {
	if near := math.Round(x); math.Abs(x-near) < 0.02 || x >= 100 {
		return group(strconv.FormatFloat(near, 'f', 0, 64))
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

// figure writes what the rows of a kind are compared by.
func figure(k table.Kind, row measure.Row) string {
	if k == table.Memory {
		return size(row.Bytes)
	}
	return duration(row.Cost(k))
}

// Summary is one line about a result: this library's forms and the best of the
// others.
func Summary(p table.Point, res measure.Result) []string {
	var lines []string
	for _, row := range res.Rows {
		if row.Rival == ours || row.Rival == p.By() {
			lines = append(lines, fmt.Sprintf("%s %s (%s)", row.Label(), figure(p.Kind, row), ratio(row.Ratio)))
		}
	}
	if best, ok := bestOther(p.Op, res); ok {
		lines = append(lines, fmt.Sprintf("best of the others: %s %s (%s)", best.Label(), figure(p.Kind, best), ratio(best.Ratio)))
	}
	return lines
}

// bestOther is the best row that is neither this library's nor raw Go's, nor a floor.
func bestOther(op table.Op, res measure.Result) (best measure.Row, ok bool) {
	for _, row := range res.Rows {
		if rank(row.Label()) != rankOther {
			continue
		}
		if !ok || row.Cost(op.Kind) < best.Cost(op.Kind) {
			best, ok = row, true
		}
	}
	return best, ok
}

// cell escapes what would end a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
