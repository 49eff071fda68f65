package report_test

import (
	"testing"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/report"
	"github.com/seed4712c49f/async/bench/internal/rivals"
)

// Every growth is of something that is measured, and can be too much: the work of
// twice as many may take twice as long where it is in proportion, and no longer.
func TestGrowths(t *testing.T) {
	for _, g := range report.Growths {
		from, to := g.Checks(rivals.All())
		if len(from.Rows) != 1 || len(to.Rows) != 1 || from.Point.Size != g.From || to.Point.Size != g.To {
			t.Errorf("%s measures %d and %d rows", g.ID(), len(from.Rows), len(to.Rows))
		}
		of := func(size int, ns float64) measure.Result {
			return measure.Result{Size: size, Rows: []measure.Row{{Rival: "async", As: g.Row, NS: ns}}}
		}
		expected := 100.0
		if from.Point.Each != "" {
			expected *= float64(g.To) / float64(g.From)
		}
		if why := g.Broken(of(g.From, 100), of(g.To, 1.1*expected)); len(why) > 0 {
			t.Errorf("what is good is refused: %v", why)
		}
		if len(g.Broken(of(g.From, 100), of(g.To, 2.2*expected))) == 0 {
			t.Errorf("%s: nothing grows too much", g.ID())
		}
		if len(g.Broken(measure.Result{}, measure.Result{})) == 0 {
			t.Errorf("%s: nothing was measured, and that is right", g.ID())
		}
	}
}
