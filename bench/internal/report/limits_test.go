package report_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/report"
	"github.com/seed4712c49f/async/bench/internal/rivals"
)

// Every limit is about something that is measured, and can be exceeded.
func TestLimits(t *testing.T) {
	limits := 0
	for _, c := range report.Checks(rivals.All()) {
		limits += len(c.Limits)
		good, bad := measure.Result{}, measure.Result{}
		for _, row := range c.Rows {
			m := measure.Row{Rival: row.Rival, As: row.As, NS: 1, Bytes: 1, P50: 1, Counted: true}
			if row.Rival == "async" {
				m.NS, m.P50 = 0.01, 0.01
			}
			good.Rows = append(good.Rows, m)
			if row.Rival == "async" {
				m.NS, m.P50, m.Bytes, m.Allocs, m.Kept, m.Goroutines = 1e6, 1e6, 1e6, 1e6, 1e6, 1e6
			}
			bad.Rows = append(bad.Rows, m)
		}
		if why := c.Broken(good); len(why) > 0 {
			t.Errorf("%s: what is good is refused: %v", c.Point.ID(), why)
		}
		for _, l := range c.Limits {
			only := report.Check{Point: c.Point, Rows: c.Rows, Limits: []report.Limit{l}}
			if len(only.Broken(bad)) == 0 {
				t.Errorf("%s: nothing exceeds the limit of %s", c.Point.ID(), l.Row)
			}
		}
		if len(c.Broken(measure.Result{})) == 0 {
			t.Errorf("%s: nothing was measured, and that is right", c.Point.ID())
		}
	}
	if limits != len(report.Limits) {
		t.Errorf("%d limits of %d are checked", limits, len(report.Limits))
	}
}

// No limit lags behind: it is exceeded by three times what the stored figures say, by
// one allocation more, or one for a hundred members, and by the next size of a thing.
// Where this fails a form has become faster, or smaller, and its limit is to follow.
func TestLimits_Bite(t *testing.T) {
	r, err := report.Load("../../../docs/performance.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range report.Limits {
		for _, res := range r.Results {
			if res.Op != l.Op || res.Cores != l.Cores {
				continue
			}
			if l.Allocs != report.None {
				mustBreak(t, l, res, "one allocation more", func(row *measure.Row) { row.Allocs += 1 + float64(res.Size/100) })
			}
			if l.Ratio > 0 && (l.Size == 0 || l.Size == res.Size) {
				mustBreak(t, l, res, "three times the time", func(row *measure.Row) {
					row.NS *= 3
					row.Slices = slices.Clone(row.Slices)
					for i := range row.Slices {
						row.Slices[i] *= 3
					}
				})
			}
			if l.Bytes > 0 {
				mustBreak(t, l, res, "16 bytes more", func(row *measure.Row) { row.Bytes += 16 })
			}
		}
	}
}

// mustBreak changes this library's row of a result and has the limit refuse it. A
// result that is not at the limit's size, or lacks its rows, says nothing.
func mustBreak(t *testing.T, l report.Limit, res measure.Result, how string, change func(*measure.Row)) {
	t.Helper()
	memory := strings.HasSuffix(l.Op, " bytes") // the same for each, whatever their number
	if l.Size != 0 && l.Size != res.Size && !memory {
		return
	}
	rows := slices.Clone(res.Rows)
	here, against := false, l.Against == ""
	for i := range rows {
		against = against || rows[i].Label() == l.Against
		if rows[i].Rival == "async" && rows[i].As == l.Row {
			here = rows[i].Counted || how != "one allocation more"
			change(&rows[i])
		}
	}
	if !here || !against {
		return
	}
	res.Rows = rows
	for _, c := range report.Checks(rivals.All()) {
		if c.Point.Name == l.Op && c.Point.Cores == l.Cores && c.Point.Size == max(l.Size, 1) {
			c.Limits = []report.Limit{l}
			if len(c.Broken(res)) == 0 {
				t.Errorf("%s: %s: %s do not exceed the limit", c.Point.ID(), l.Row, how)
			}
		}
	}
}
