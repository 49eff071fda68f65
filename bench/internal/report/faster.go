package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// A loss is a figure that another has better.
type loss struct {
	at    string
	ours  string
	cost  string
	than  string // who is best there
	least string
	ratio float64
}

// within is how much more a figure may be and still pass for the same.
const (
	withinPercent = 3
	within        = 1 + withinPercent/100.0
)

// losses are the points where another is faster or smaller than a form of this
// library, the worst first.
func losses(r *Run, ops []table.Op) []loss {
	var all []loss
	for _, op := range ops {
		for _, res := range r.of(op) {
			best, ok := bestOfAll(op, res)
			if !ok {
				continue
			}
			for _, row := range res.Rows {
				by := row.To(op.Kind, best)
				if row.Rival == ours && by > within {
					all = append(all, loss{
						at: title(op, res), ours: row.As, cost: figure(op.Kind, row),
						than: best.Label(), least: figure(op.Kind, best), ratio: by,
					})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b loss) int { return cmp.Compare(b.ratio, a.ratio) })
	return all
}

// bestOfAll is the best row that is not this library's, nor a floor.
func bestOfAll(op table.Op, res measure.Result) (best measure.Row, ok bool) {
	for _, row := range res.Rows {
		if row.Rival != ours && row.Rival != table.Floor && row.Cost(op.Kind) > 0 && (!ok || row.Cost(op.Kind) < best.Cost(op.Kind)) {
			best, ok = row, true
		}
	}
	return best, ok
}

// title names a point for readers.
func title(op table.Op, res measure.Result) string {
	s := op.Name
	if op.SizeOf != "" {
		s += ", " + count(res.Size)
	}
	if res.Cores {
		s += ", all cores"
	}
	return s
}

// writeLosses is what the page says first.
func writeLosses(w io.Writer, r *Run, ops []table.Op) {
	fmt.Fprint(w, "## Where another is faster\n\n")
	all := losses(r, ops)
	if len(all) == 0 {
		fmt.Fprint(w, "Nowhere in this run.\n\n")
		return
	}
	fmt.Fprintf(w, "Each form of this library beside the best of all others at the same point, raw Go included, floors not; what is within %d %% is left out. Bytes count as well as time, for latencies the median.\n\n", withinPercent)
	fmt.Fprint(w, "| operation | async | figure | the best | figure | ratio |\n| --- | --- | ---: | --- | ---: | ---: |\n")
	for _, l := range all {
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", l.at, l.ours, l.cost, l.than, l.least, ratio(l.ratio))
	}
	fmt.Fprintln(w)
}
