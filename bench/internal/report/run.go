// Package report turns what was measured into a page, charts and verdicts.
package report

import (
	"bytes"
	"encoding/json"
	"os"
	"time"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// A Run is everything that was measured at a time, and where.
type Run struct {
	Cores    int
	Procs    int // GOMAXPROCS
	System   string
	Go       string
	Commit   string
	Command  string
	Plan     string // full or quick
	Took     time.Duration
	Versions map[string]string // by module
	LeftOut  map[string]string // by module: why
	Results  []measure.Result
}

// Load reads a run from a file.
func Load(file string) (*Run, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(Run)
	return r, json.Unmarshal(data, r)
}

// Save writes it to one.
func (r *Run) Save(file string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	data = bytes.ReplaceAll(data, []byte(`{"ID"`), []byte("\n{\"ID\"")) // a line for each result
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// of returns the results of an operation, in the order of the table.
func (r *Run) of(op table.Op) []measure.Result {
	var rs []measure.Result
	for _, res := range r.Results {
		if res.Op == op.Name {
			rs = append(rs, res)
		}
	}
	return rs
}

// find returns the row that is labeled so.
func find(res measure.Result, label string) (measure.Row, bool) {
	for _, row := range res.Rows {
		if row.Label() == label {
			return row, true
		}
	}
	return measure.Row{}, false
}

// ours is this library's name in the table.
const ours = "async"
