// Figures: what was measured, by case, unit and round, and the statistics on it.

package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// A key names a case: Set/n=1024/async=Set is benchmark Set, size 1024, rival async in
// the form Set.
type key struct {
	bench string
	n     int    // 0: there are no sizes
	rival string // rival=form
}

func (k key) String() string {
	if k.n == 0 {
		return k.bench + "/" + k.rival
	}
	return fmt.Sprintf("%s/n=%d/%s", k.bench, k.n, k.rival)
}

// as is the case of another rival beside it.
func (k key) as(rival string) key {
	k.rival = rival
	return k
}

func (k key) is(rival string) bool { return strings.HasPrefix(k.rival, rival+"=") }

// rank puts raw Go, the floors and this library before the others.
func (k key) rank() int {
	rival, _, _ := strings.Cut(k.rival, "=")
	if i := slices.Index([]string{"raw", "floor", "async"}, rival); i >= 0 {
		return i
	}
	return 3
}

// caseName is the name of a case as benchmarks say it. What it ends with, if anything,
// is GOMAXPROCS.
var caseName = regexp.MustCompile(`^(?:Benchmark)?(\w+)(?:/n=(\d+))?/(\w+=.+?)(?:-\d+)?$`)

// parseKey takes the name of a case apart. Of what is none it is the zero key.
func parseKey(name string) key {
	m := append(caseName.FindStringSubmatch(name), "", "", "", "")
	n, _ := strconv.Atoi(m[2])
	return key{m[1], n, m[3]}
}

// figures are what was measured.
type figures struct {
	config map[string]string                  // where and when
	keys   []key                              // raw Go first, then floors, this library, the others
	of     map[key]map[string]map[int]float64 // by unit and round
}

// readFigures reads the output of benchmarks.
func readFigures(data []byte) (*figures, error) {
	f := &figures{config: map[string]string{}, of: map[key]map[string]map[int]float64{}}
	var failed error
	reader := benchfmt.NewReader(bytes.NewReader(data), "the figures")
	for reader.Scan() {
		switch rec := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			failed = errors.Join(failed, rec)
		case *benchfmt.Result:
			f.add(rec)
		}
	}
	slices.SortStableFunc(f.keys, func(a, b key) int { return cmp.Compare(a.rank(), b.rank()) })
	return f, errors.Join(failed, reader.Err())
}

func (f *figures) add(rec *benchfmt.Result) {
	k := parseKey(rec.Name.String())
	if f.of[k] == nil {
		f.of[k], f.keys = map[string]map[int]float64{}, append(f.keys, k)
	}
	for _, c := range rec.Config {
		f.config[c.Key] = string(c.Value)
	}
	round, _ := strconv.Atoi(rec.GetConfig("round"))
	for _, v := range rec.Values {
		if f.of[k][v.Unit] == nil {
			f.of[k][v.Unit] = map[int]float64{}
		}
		f.of[k][v.Unit][round] = v.Value
	}
}

// Units, as benchfmt writes them.
const (
	perOp   = "sec/op"
	allocs  = "allocs/op"
	bytesOp = "B/op"
	held    = "held-B"
	kept    = "kept-B"
)

// unit is what the cases of a benchmark are compared by: less is better.
func (f *figures) unit(k key) string {
	for _, u := range []string{held, perOp, "p50-sec"} {
		if len(f.of[k][u]) > 0 {
			return u
		}
	}
	return ""
}

// summary judges values: their median and its confidence interval. Without values, all
// is NaN.
func summary(values []float64) benchmath.Summary {
	if len(values) == 0 {
		return benchmath.Summary{Center: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	}
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), 0.95)
}

// median is that of a case in a unit, or NaN.
func (f *figures) median(k key, unit string) float64 {
	return summary(slices.Collect(maps.Values(f.of[k][unit]))).Center
}

// count is the figure of what is counted, or NaN: the least, because whatever else runs
// can only add to a count.
func (f *figures) count(k key, unit string) float64 {
	if vs := slices.Collect(maps.Values(f.of[k][unit])); len(vs) > 0 {
		return slices.Min(vs)
	}
	return math.NaN()
}

// ratio is how many times the figure of b that of a is: the median of the ratios of the
// rounds in which both ran, with its confidence.
func (f *figures) ratio(a, b key, unit string) benchmath.Summary {
	var rs []float64
	for round, v := range f.of[a][unit] {
		if by := f.of[b][unit][round]; by > 0 {
			rs = append(rs, v/by)
		}
	}
	return summary(rs)
}

// ratioTo is the median of ratio in the unit that a is compared by.
func (f *figures) ratioTo(a, b key) float64 { return f.ratio(a, b, f.unit(a)).Center }

// at returns the cases of a benchmark at a size.
func (f *figures) at(bench string, n int) (ks []key) {
	for _, k := range f.keys {
		if k.bench == bench && k.n == n {
			ks = append(ks, k)
		}
	}
	return ks
}

// sizes returns the sizes of a benchmark; 0 stands for none.
func (f *figures) sizes(bench string) (ns []int) {
	for _, k := range f.keys {
		if k.bench == bench {
			ns = append(ns, k.n)
		}
	}
	slices.Sort(ns)
	return slices.Compact(ns)
}

// yardstick is the case that the others at a point are measured by: raw Go, or what
// stands in for it.
func (f *figures) yardstick(bench string, n int) key {
	if strings.HasPrefix(bench, "WaitAny") {
		return key{bench, n, "reflect=Select"}
	}
	return append(f.at(bench, n), key{})[0]
}

// best is the best case beside k of those that count.
func (f *figures) best(k key, counts func(key) bool) (best key, ok bool) {
	least := math.Inf(1)
	for _, other := range f.at(k.bench, k.n) {
		if v := f.median(other, f.unit(k)); counts(other) && v < least {
			best, least, ok = other, v, true
		}
	}
	return best, ok
}

// isPeer reports whether a case is that of another library.
func isPeer(k key) bool { return k.rank() > 2 }

// isOther reports whether a case is that of another library or of raw Go.
func isOther(k key) bool { return !k.is("async") && !k.is("floor") }
