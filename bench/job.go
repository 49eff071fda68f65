package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/rivals"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// A job is a point to be measured, in a process of its own: what a point leaves
// behind, such as the descriptors of a million goroutines, which Go never frees,
// would be in the way of the next.
type job struct {
	at   table.Point
	rows []table.Row
	plan measure.Plan
}

// A Request is what the process is asked for.
type Request struct {
	Op    string
	Size  int
	Cores bool
	Rows  []string // labels
	Plan  measure.Plan
}

// patience is how long a process may take.
const patience = 10 * time.Minute

// measure has it measured. Where each row needs a process of its own the ratios are
// made here.
func (j job) measure() (measure.Result, error) {
	if !measure.Alone(j.at.Kind) {
		return j.ask(j.rows)
	}
	var all measure.Result
	for i, row := range j.rows {
		res, err := j.ask([]table.Row{row})
		if err != nil {
			return all, err
		}
		if i == 0 {
			all = res
		} else {
			all.Rows = append(all.Rows, res.Rows...)
		}
	}
	measure.Compare(j.at, all.Rows)
	return all, nil
}

// ask starts this program again to measure some rows.
func (j job) ask(rows []table.Row) (measure.Result, error) {
	req := Request{Op: j.at.Name, Size: j.at.Size, Cores: j.at.Cores, Plan: j.plan}
	for _, row := range rows {
		req.Rows = append(req.Rows, row.Label())
	}
	var res measure.Result
	data, err := json.Marshal(req)
	if err != nil {
		return res, err
	}
	self, err := os.Executable()
	if err != nil {
		return res, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, self, "-request", string(data))
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		why := strings.TrimSpace(complaint.String())
		if first, _, more := strings.Cut(why, "\n"); more {
			why = first + " …"
		}
		return res, fmt.Errorf("%s, %s: %w: %s", j.at.ID(), strings.Join(req.Rows, ", "), err, why)
	}
	return res, json.Unmarshal(out.Bytes(), &res)
}

// answer measures what is asked for.
func (req Request) answer() (measure.Result, error) {
	for _, op := range table.Ops {
		if op.Name != req.Op {
			continue
		}
		at := table.Point{Op: op, Size: req.Size, Cores: req.Cores}
		var rows []table.Row
		for _, row := range table.Rows(rivals.All(), at) {
			for _, label := range req.Rows {
				if row.Label() == label {
					rows = append(rows, row)
				}
			}
		}
		return req.Plan.Measure(at, rows)
	}
	return measure.Result{}, fmt.Errorf("there is no operation %q", req.Op)
}
