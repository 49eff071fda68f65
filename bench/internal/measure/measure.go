// Package measure runs the rivals of an operation and says what each took.
package measure

import (
	"time"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A Plan says how thoroughly to measure.
type Plan struct {
	Slice  time.Duration // what one rival runs at a time
	Rounds int           // how many slices each has, where time allows
	Least  int           // and at least
	Budget time.Duration // for all rounds of a point
	Wakes  int           // samples of a latency
}

// Full takes its time: under 20 minutes for everything on two cores.
var Full = Plan{Slice: 20 * time.Millisecond, Rounds: 21, Least: 3, Budget: 5 * time.Second, Wakes: 20_000}

// Quick is for a look: two minutes with the quick sizes.
var Quick = Plan{Slice: 10 * time.Millisecond, Rounds: 11, Least: 3, Budget: 2 * time.Second, Wakes: 4000}

// Trial only finds out whether everything works.
var Trial = Plan{Slice: 50 * time.Microsecond, Rounds: 1, Least: 1, Wakes: 20}

// Measure measures rows at a point. What they leave behind in the process, such as
// the stacks of a million goroutines, is in the way of what is measured next in the
// same one; for memory even from row to row.
func (p Plan) Measure(at table.Point, rows []table.Row) (Result, error) {
	res := Result{ID: at.ID(), Op: at.Name, Size: at.Size, Cores: at.Cores}
	var err error
	switch at.Kind {
	case table.Memory:
		res.Rows, err = memory(at, rows)
	case table.Retained:
		res.Rows, err = retained(at, rows)
	case table.Latency:
		res.Rows, err = p.latency(at, rows)
	default:
		res.Rows, res.Rounds, err = p.times(at, rows)
	}
	for i := range res.Rows {
		res.Rows[i].Why = rows[i].Why
	}
	return res, err
}

// Alone reports whether each row is to be measured in a process of its own.
func Alone(k table.Kind) bool { return k == table.Memory || k == table.Retained }
