package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// run builds the part's tests and runs them, and returns what they say of
// themselves.
func (p part) run(ctx context.Context, tmp string) (said string, err error) {
	if ctx.Err() != nil {
		return errBound.Error(), errSkip
	}
	if p.needs != "" {
		if _, err := exec.LookPath(p.needs); err != nil {
			return p.needs + " is not installed", errSkip
		}
	}
	bin := filepath.Join(tmp, "soak.test")
	build := append([]string{"test", "-c", "-vet=off", "-o", bin}, p.build...)
	if out, err := p.command(ctx, nil, "go", append(build, ".")...); err != nil {
		if p.env != nil && bytes.Contains(out, []byte("GOEXPERIMENT")) {
			return "this Go has no such experiment", errSkip
		}
		if ctx.Err() != nil {
			return errBound.Error(), errSkip
		}
		return string(out), err
	}
	start := time.Now()
	if p.each > 0 {
		said, err = p.oneByOne(ctx, bin)
	} else {
		said, err = p.onCores(ctx, bin)
	}
	switch {
	case errors.Is(err, errBound):
		return "ended, with nothing found: " + errBound.Error(), errSkip
	case err == nil:
		said += fmt.Sprintf("; in %v", time.Since(start).Round(time.Second))
	}
	return said, err
}

// onCores runs the tests once, or as often as there are processors, at the same time
// and with other seeds. The first failure ends the rest.
func (p part) onCores(ctx context.Context, bin string) (said string, err error) {
	n := 1
	if p.cores {
		n = runtime.NumCPU()
	}
	ctx, cancel := context.WithTimeout(ctx, p.limit+10*time.Second) // the tests end themselves before
	defer cancel()
	sums := make([]string, n)
	errs := make([]error, n)
	var all sync.WaitGroup
	for core := range n {
		all.Go(func() {
			if sums[core], errs[core] = p.rounds(ctx, bin, core); errs[core] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	for core, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return sums[core], err
		}
	}
	if n > 1 {
		return fmt.Sprintf("on each of %d processors: %s", n, sums[0]), nil
	}
	return sums[0], nil
}

// rounds runs the tests on one processor, again and again with other seeds where
// they are to use their time up: no round begins in the second half of that. One that
// is not through when the time is over hangs, and says where.
func (p part) rounds(ctx context.Context, bin string, core int) (said string, err error) {
	run := append(append(slices.Clip(p.emulator), bin), append(slices.Clip(p.args), "-test.v", "-test.timeout="+p.limit.String())...)
	start := time.Now()
	for round := 1; ; round++ {
		seed := uint64(core)<<16 | uint64(round)
		args := slices.Clip(run)
		if p.seeded {
			args = append(args, fmt.Sprintf("-seed=%d", seed<<32))
		}
		out, err := p.command(ctx, []string{fmt.Sprintf("ASYNC_SEED=%d", seed)}, args[0], args[1:]...)
		if err != nil {
			return tail(out), errors.Join(err, context.Cause(ctx))
		}
		figures := summary(out)
		if !p.again {
			return strings.Join(figures, "; "), nil
		}
		if time.Since(start) > p.limit/2 {
			return strings.Join(append(figures, fmt.Sprintf("%d rounds like that", round)), "; "), nil
		}
	}
}

// oneByOne runs each test by itself, on every processor, and says which of them it
// had to end: they have found nothing until then, and were not through.
func (p part) oneByOne(ctx context.Context, bin string) (said string, err error) {
	list, err := p.command(ctx, nil, bin, append([]string{"-test.list=^TestExplore_"}, p.args...)...)
	if err != nil {
		return string(list), err
	}
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	names := make(chan string)
	var (
		mu         sync.Mutex
		sum, whole int
		cut        []string
		red        error // the first failure
		all        sync.WaitGroup
	)
	for range runtime.NumCPU() {
		all.Go(func() {
			for name := range names {
				n, ended, out, err := p.one(ctx, bin, name)
				mu.Lock()
				switch {
				case ended:
					cut = append(cut, strings.TrimPrefix(name, "TestExplore_"))
				case err != nil && red == nil:
					said, red = tail(out), err
					cancel()
				default:
					whole++
					sum += n
				}
				mu.Unlock()
			}
		})
	}
	for name := range strings.FieldsSeq(string(list)) {
		names <- name
	}
	close(names)
	all.Wait()
	if red != nil {
		return said, red
	}
	said = fmt.Sprintf("%d scenarios to the end, %d schedules", whole, sum)
	if len(cut) > 0 {
		slices.Sort(cut)
		said += fmt.Sprintf("; %d ended after %v, or with the part, and nothing found: %s", len(cut), p.each, strings.Join(cut, ", "))
	}
	return said, nil
}

// one runs one test, and says how many schedules that were, or that it was ended.
func (p part) one(ctx context.Context, bin, name string) (schedules int, ended bool, out []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.each)
	defer cancel()
	out, err = p.command(ctx, nil, bin, "-test.v", "-test.timeout=0", "-test.run=^"+name+"$")
	ended = err != nil && ctx.Err() != nil && !red.Match(out)
	return countSchedules(out), ended, out, err
}

var (
	figure  = regexp.MustCompile(`(?m)^ +\w+\.go:\d+: (.*\b(?:operations|calls|schedules|leaked|heap)\b.*)$`)
	passed  = regexp.MustCompile(`(?m)^--- PASS`)
	red     = regexp.MustCompile(`(?m)^(--- FAIL|panic:|fatal error:)`)
	counted = regexp.MustCompile(`^(\d+) schedules`)
)

// countSchedules adds up what the explorer logged.
func countSchedules(out []byte) (sum int) {
	for _, m := range figure.FindAllSubmatch(out, -1) {
		if n := counted.FindSubmatch(m[1]); n != nil {
			count, _ := strconv.Atoi(string(n[1])) // digits only
			sum += count
		}
	}
	return sum
}

// summary returns what tests logged of what they did: their figures, but of
// schedules the sum.
func summary(out []byte) (said []string) {
	for _, m := range figure.FindAllSubmatch(out, -1) {
		if !counted.Match(m[1]) {
			said = append(said, string(m[1]))
		}
	}
	if schedules := countSchedules(out); schedules > 0 {
		said = append(said, fmt.Sprintf("%d schedules", schedules))
	}
	return append(said, fmt.Sprintf("%d tests", len(passed.FindAll(out, -1))))
}
