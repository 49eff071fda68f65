// Soak runs for half an hour what is too long for a check before a merge: every
// schedule with three forced switches, random schedules and histories, the race
// detector with few processors and many, a million calls of every outcome under
// the goroutine leak profile, a million calls in flight, and other architectures.
//
//	go run ./cmd/soak            in verify: all of it, about 30 minutes
//	go run ./cmd/soak -short     a part of each, about two minutes
//	go run ./cmd/soak -only leak those whose names contain that
//
// Each part has its own time. One that needs what is not installed is skipped, and
// says so. The exit code is 1 where a part failed.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	short := flag.Bool("short", false, "a part of each, about two minutes in all")
	only := flag.String("only", "", "run the parts whose names contain this")
	flag.Parse()
	if err := run(*short, *only); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(short bool, only string) error {
	if _, err := os.Stat("cmd/soak"); err != nil {
		return fmt.Errorf("soak runs in the module verify: %w", err)
	}
	tmp, err := os.MkdirTemp("", "async-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	failed, start := 0, time.Now()
	for _, p := range parts(length(short)) {
		if !strings.Contains(p.name, only) {
			continue
		}
		fmt.Fprintf(os.Stdout, "%6s  %s (%v): ", time.Since(start).Round(time.Second), p.name, p.limit)
		said, err := p.run(tmp)
		switch {
		case errors.Is(err, errSkip):
			fmt.Fprintln(os.Stdout, "skipped:", said)
		case err != nil:
			failed++
			fmt.Fprintf(os.Stdout, "FAILED: %v\n%s\n", err, said)
		default:
			fmt.Fprintln(os.Stdout, "ok,", said)
		}
	}
	fmt.Fprintf(os.Stdout, "%d failed, %v in all\n", failed, time.Since(start).Round(time.Second))
	if failed > 0 {
		return fmt.Errorf("%d parts failed", failed)
	}
	return nil
}

var errSkip = errors.New("skipped")

// run builds the part's tests and runs them, again and again with other seeds where
// it is to use its time up, and returns what they say of themselves.
func (p part) run(tmp string) (said string, err error) {
	if p.needs != "" {
		if _, err := exec.LookPath(p.needs); err != nil {
			return p.needs + " is not installed", errSkip
		}
	}
	bin := filepath.Join(tmp, "soak.test")
	build := append([]string{"test", "-c", "-vet=off", "-o", bin}, p.build...)
	if out, err := p.command(10*time.Minute, "go", append(build, ".")...); err != nil {
		if p.env != nil && bytes.Contains(out, []byte("GOEXPERIMENT")) {
			return "this Go has no such experiment", errSkip
		}
		return string(out), err
	}
	if p.each > 0 {
		return p.oneByOne(bin)
	}
	arg := append([]string{}, p.emulator...)
	arg = append(arg, bin)
	var figures []string
	start := time.Now()
	for round := 1; ; round++ {
		run := append(append(slices.Clip(arg), p.args...), "-test.v", "-test.timeout="+p.limit.String())
		if p.again {
			run = append(run, fmt.Sprintf("-seed=%d", uint64(round)<<32))
		}
		out, err := p.command(p.limit+10*time.Second, run[0], run[1:]...)
		if err != nil {
			return tail(out), err
		}
		figures = summary(out)
		if !p.again || time.Since(start) > p.limit/2 {
			figures = append(figures, fmt.Sprintf("%d times in %v", round, time.Since(start).Round(time.Second)))
			return strings.Join(figures, "; "), nil
		}
	}
}

// oneByOne runs each test by itself, and says which of them it had to end: they have
// found nothing until then, and were not through.
func (p part) oneByOne(bin string) (said string, err error) {
	list, err := p.command(time.Minute, bin, append([]string{"-test.list=^TestExplore_"}, p.args...)...)
	if err != nil {
		return string(list), err
	}
	sum, whole, start := 0, 0, time.Now()
	var cut []string
	for name := range strings.FieldsSeq(string(list)) {
		began := time.Now()
		out, err := p.command(p.each, bin, "-test.v", "-test.timeout=0", "-test.run=^"+name+"$")
		switch {
		case err != nil && time.Since(began) >= p.each:
			cut = append(cut, strings.TrimPrefix(name, "TestExplore_"))
		case err != nil:
			return tail(out), err
		default:
			whole++
			sum += countSchedules(out)
		}
	}
	said = fmt.Sprintf("%d scenarios to the end, %d schedules; in %v", whole, sum, time.Since(start).Round(time.Second))
	if len(cut) > 0 {
		said += fmt.Sprintf("; %d ended after %v with nothing found: %s", len(cut), p.each, strings.Join(cut, ", "))
	}
	return said, nil
}

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

// command runs something in the part's folder and returns what it printed.
func (p part) command(limit time.Duration, name string, arg ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, arg...)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), p.env...)
	cmd.WaitDelay = 10 * time.Second
	return cmd.CombinedOutput()
}

var (
	figure  = regexp.MustCompile(`(?m)^ +\w+\.go:\d+: (.*\b(?:operations|calls|schedules|leaked|heap)\b.*)$`)
	passed  = regexp.MustCompile(`(?m)^--- PASS`)
	counted = regexp.MustCompile(`^(\d+) schedules`)
)

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

// tail returns the end of what a failed part printed.
func tail(out []byte) string {
	const most = 4000
	if len(out) > most {
		out = out[len(out)-most:]
	}
	return string(out)
}
