package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/report"
)

// A progress tells what is done and how long the rest may take.
type progress struct {
	start         time.Time
	jobs, at      int
	weight, total time.Duration // guesses, corrected by what was seen
}

func newProgress(jobs []job) *progress {
	p := &progress{start: time.Now(), jobs: len(jobs)}
	for _, j := range jobs {
		p.total += j.guess()
	}
	return p
}

// guess is roughly what a job takes.
func (j job) guess() time.Duration {
	if measure.Alone(j.at.Kind) {
		return time.Duration(len(j.rows)) * time.Duration(j.at.Size) * 3 * time.Microsecond
	}
	// Around each slice there is making ready, a warm-up and garbage collection.
	d := time.Duration(len(j.rows)) * time.Duration(j.plan.Rounds) * j.plan.Slice * 3 / 2
	return min(d, j.plan.Budget) + time.Duration(j.at.Size)*20*time.Microsecond
}

// done tells of a job.
func (p *progress) done(j job, res measure.Result) {
	p.at++
	p.weight += j.guess()
	left := time.Duration(float64(p.took()) * float64(p.total-p.weight) / float64(p.weight))
	fmt.Fprintf(os.Stderr, "[%d/%d] %v, about %v to go: %s: %s\n", p.at, p.jobs,
		p.took().Round(time.Second), left.Round(time.Second), res.ID, strings.Join(report.Summary(j.at, res), ", "))
}

func (p *progress) took() time.Duration { return time.Since(p.start) }
