package report

import (
	"fmt"
	"slices"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// A Check is a point that has limits.
type Check struct {
	Point  table.Point
	Rows   []table.Row // those that the limits name
	Limits []Limit
}

// Checks returns the points that have limits, and the rows that these need.
func Checks(rivals []table.Rival) []Check {
	var checks []Check
	for _, l := range Limits {
		p := l.point()
		i := slices.IndexFunc(checks, func(c Check) bool { return c.Point.ID() == p.ID() })
		if i < 0 {
			i = len(checks)
			checks = append(checks, Check{Point: p})
		}
		checks[i].Limits = append(checks[i].Limits, l)
	}
	for i := range checks {
		c := &checks[i]
		for _, row := range table.Rows(rivals, c.Point) {
			if slices.ContainsFunc(c.Limits, func(l Limit) bool { return row.Label() == l.label() || row.Label() == l.Against }) {
				c.Rows = append(c.Rows, row)
			}
		}
	}
	return checks
}

// point is where the limit holds.
func (l Limit) point() table.Point {
	p := table.Point{Size: max(l.Size, 1), Cores: l.Cores}
	for _, op := range table.Ops {
		if op.Name == l.Op {
			p.Op = op
		}
	}
	return p
}

// label is that of this library's row.
func (l Limit) label() string { return table.Label(ours, l.Row) }

// rounding is how much a count may be off that is a mean of many operations.
const rounding = 0.1

// Broken says which limits a result exceeds.
func (c Check) Broken(res measure.Result) []string {
	var why []string
	exceeds := func(l Limit, what string, got, most float64) {
		if got > most {
			why = append(why, fmt.Sprintf("%s: %s: %s is %.2f, allowed is %.2f", c.Point.ID(), l.label(), what, got, most))
		}
	}
	for _, l := range c.Limits {
		row, ok := find(res, l.label())
		if !ok {
			why = append(why, fmt.Sprintf("%s: there is no %s", c.Point.ID(), l.label()))
			continue
		}
		if l.Ratio > 0 {
			by, ok := find(res, l.Against)
			if !ok {
				why = append(why, fmt.Sprintf("%s: there is no %s", c.Point.ID(), l.Against))
				continue
			}
			exceeds(l, "ratio to "+l.Against, row.To(c.Point.Kind, by), l.Ratio)
		}
		if l.Allocs != None && row.Counted {
			exceeds(l, "allocations", row.Allocs, l.Allocs+rounding)
		}
		if l.Bytes > 0 {
			exceeds(l, "bytes", row.Bytes, l.Bytes)
		}
		if c.Point.Kind == table.Retained && !l.Keeps {
			exceeds(l, "bytes kept", keptOf(row), 0)
			exceeds(l, "goroutines left", row.Goroutines, 5)
		}
	}
	return why
}
