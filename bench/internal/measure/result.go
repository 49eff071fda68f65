package measure

import (
	"fmt"
	"slices"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A Result is what came out at one point.
type Result struct {
	ID     string
	Op     string
	Size   int
	Cores  bool  `json:",omitempty"`
	Rounds int   `json:",omitempty"`
	Rows   []Row // in the order of the table
}

// A Row is what came out for one rival's form. Which fields there are depends on
// the kind of the operation.
type Row struct {
	Rival string
	As    string `json:",omitempty"`
	Why   string `json:",omitempty"` // see table.Form

	NS     float64 `json:",omitempty"` // one operation: median
	Spread float64 `json:",omitempty"` // see Spread
	MinNS  float64 `json:",omitempty"`
	MaxNS  float64 `json:",omitempty"`
	Ratio  float64 `json:",omitempty"` // to the yardstick: median of the ratios of each round; 0: there was none
	N      int     `json:",omitempty"` // operations a slice

	Slices []float64 `json:",omitempty"` // what an operation took in each round that the row was in, in ns

	Counted bool    `json:",omitempty"` // whether allocations were
	Allocs  float64 `json:",omitempty"` // of one operation
	Bytes   float64 `json:",omitempty"` // that these take; for memory, what one thing takes while it is there

	Stacks     float64 `json:",omitempty"` // how much of that is stacks
	Goroutines float64 `json:",omitempty"` // for each thing
	Kept       float64 `json:",omitempty"` // bytes that a loop left behind, in all

	P50, P99, P999, Worst float64 `json:",omitempty"` // of a latency, in ns
}

// Label names the row.
func (r Row) Label() string { return table.Label(r.Rival, r.As) }

// Cost is the figure that the rows of an operation are compared by: less is better.
func (r Row) Cost(k table.Kind) float64 {
	switch k {
	case table.Memory:
		return r.Bytes
	case table.Latency:
		return r.P50
	default:
		return r.NS
	}
}

// To is how many times the cost of another row this one's is: where they took turns
// the median of the ratios of each round, which is what a busy machine disturbs least.
func (r Row) To(k table.Kind, other Row) float64 {
	if both := min(len(r.Slices), len(other.Slices)); both > 0 {
		return Median(ratios(r.Slices[:both], other.Slices[:both]))
	}
	return r.Cost(k) / other.Cost(k)
}

// Compare sets the ratio of each row to the yardstick.
func Compare(p table.Point, rows []Row) {
	by := slices.IndexFunc(rows, func(r Row) bool { return r.Rival == p.By() })
	for i := range rows {
		if by >= 0 && rows[by].Cost(p.Kind) > 0 {
			rows[i].Ratio = rows[i].To(p.Kind, rows[by])
		}
	}
}

// check compares the sum that work returned with what it has to be.
func check(p table.Point, r table.Row, n, got int) error {
	if want := p.Want(p.Size, n); got != want {
		return fmt.Errorf("%s: %s: %d operations came to %d, not to %d", p.ID(), r.Label(), n, got, want)
	}
	return nil
}
