package report

import (
	"fmt"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// A Growth is how many times as much a form of this library may cost at a larger
// size as at a smaller one: one member of it, where the work is in proportion to
// their number. Constant cost is what this package promises of both, and no ratio to
// another at one size tells it.
type Growth struct {
	Op       string
	Row      string
	From, To int
	Most     float64
}

// Growths are checked by CI.
var Growths = []Growth{
	{Op: "nested", Row: "Go, Await", From: 10, To: 100, Most: 2},
	{Op: "standing", Row: "Set", From: 8, To: 1024, Most: 2},
}

// Checks are what is to be measured: the row at the smaller size and at the larger.
func (g Growth) Checks(rivals []table.Rival) (from, to Check) {
	at := func(size int) Check {
		c := Check{Point: Limit{Op: g.Op, Size: size}.point()}
		for _, row := range table.Rows(rivals, c.Point) {
			if row.Label() == table.Label(ours, g.Row) {
				c.Rows = append(c.Rows, row)
			}
		}
		return c
	}
	return at(g.From), at(g.To)
}

// ID names the growth, for flags.
func (g Growth) ID() string { return fmt.Sprintf("%s/%d to %d", g.Op, g.From, g.To) }

// Broken says whether what was measured grew too much.
func (g Growth) Broken(from, to measure.Result) []string {
	small, ok := g.cost(from)
	large, too := g.cost(to)
	if !ok || !too {
		return []string{fmt.Sprintf("%s: there is no %s", g.ID(), g.Row)}
	}
	if by := large / small; by > g.Most {
		return []string{fmt.Sprintf("%s: %s: grew to %.2f times, allowed is %.2f", g.ID(), g.Row, by, g.Most)}
	}
	return nil
}

// cost is that of one member, where the work is in proportion to their number.
func (g Growth) cost(res measure.Result) (float64, bool) {
	row, ok := find(res, table.Label(ours, g.Row))
	op := Limit{Op: g.Op}.point().Op
	c := row.Cost(op.Kind)
	if op.Each != "" {
		c /= float64(res.Size)
	}
	return c, ok && c > 0
}
