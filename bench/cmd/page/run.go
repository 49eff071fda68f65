// Runs: the compiled benchmarks, run case by case in rotating rounds.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A runner runs cases of the benchmarks in turns. Each run of a case is a process of
// its own, of a binary that is compiled once. In a round every case runs for a short
// slice, and each round begins with another case. So what slows the machine down for a
// while slows all rivals down.
type runner struct {
	plan
	binary string
	start  time.Time
	commit string                   // what was measured: the page is written into the tree afterwards
	told   time.Time                // when progress was told of
	out    bytes.Buffer             // what was measured, in the format of benchmarks
	cost   map[string]time.Duration // what the last run of a case took
}

// A plan says how thoroughly to measure.
type plan struct {
	name   string
	rounds int
	least  int           // rounds that a case takes part in, whatever it costs
	budget time.Duration // for all runs of a case, beyond the least
	slice  string        // -test.benchtime
	long   string        // the same for programs that talk over HTTP, and for wakes
}

var (
	fullPlan  = plan{"full", 11, 3, 25 * time.Second, "20ms", "1s"}
	quickPlan = plan{"quick", 3, 1, time.Second, "5ms", "50ms"}
	checkPlan = plan{"check", 5, 3, 10 * time.Second, "25ms", "25ms"}
)

// newRunner compiles the benchmarks.
func newRunner(p plan) (*runner, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	r := &runner{plan: p, binary: filepath.Join(dir, "bench.test"), start: time.Now(), commit: output("git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"), cost: map[string]time.Duration{}}
	build := exec.Command("go", "test", "-c", "-o", r.binary, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		r.close()
		return nil, fmt.Errorf("cannot compile the benchmarks: %w", err)
	}
	return r, nil
}

func (r *runner) close() { os.RemoveAll(filepath.Dir(r.binary)) }

// list runs every case that matches once, in one process that says so, and returns
// their names. Where a case fails, list does.
func (r *runner) list(only string) (cases []string, err error) {
	var said bytes.Buffer
	cmd := r.command(only, "1x")
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&said, os.Stderr), os.Stderr
	err = cmd.Run()
	for line := range strings.Lines(said.String()) {
		if name := caseOf(line); name != "" {
			cases = append(cases, name)
		}
	}
	if err == nil && len(cases) == 0 {
		err = fmt.Errorf("no benchmark matches %q", only)
	}
	return cases, err
}

// rounds runs the cases in turns. A case that costs much sits out the later rounds.
func (r *runner) rounds(cases []string) (failed error) {
	begun, done := time.Now(), 0
	for round := range r.plan.rounds {
		fmt.Fprintf(&r.out, "round: %d\n", round)
		first := round * len(cases) / r.plan.rounds
		for _, name := range slices.Concat(cases[first:], cases[:first]) {
			if round >= r.turns(name) {
				continue
			}
			failed = errors.Join(failed, r.run(name))
			done++
			planned, took := 0, time.Since(begun)
			for _, name := range cases {
				planned += r.turns(name)
			}
			left := took * time.Duration(max(planned-done, 0)) / time.Duration(done)
			r.tellf("round %d of %d: %d of %d runs, %.1f a second, about %v left: %s", round+1, r.plan.rounds,
				done, planned, float64(done)/took.Seconds(), left.Round(time.Second), name)
		}
	}
	return failed
}

// turns is in how many rounds a case takes part.
func (r *runner) turns(name string) int {
	if r.isLong(name) {
		return r.plan.rounds
	}
	return min(max(int(r.budget/max(r.cost[name], 1)), r.least), r.plan.rounds)
}

// run runs a case for a slice and keeps what it says.
func (r *runner) run(name string) error {
	slice := r.slice
	if r.isLong(name) {
		slice = r.long
	}
	start := time.Now()
	said, err := r.command(exactly(name), slice).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, said)
	}
	r.cost[name] = time.Since(start)
	for line := range strings.Lines(string(said)) {
		if caseOf(line) != "" {
			fmt.Fprintln(&r.out, strings.Join(strings.Fields(line), " "))
		}
	}
	return nil
}

func (r *runner) command(pattern, benchtime string) *exec.Cmd {
	return exec.Command(r.binary, "-test.run=^$", "-test.bench="+pattern, "-test.benchtime="+benchtime,
		"-test.timeout=15m", fmt.Sprintf("-test.short=%v", r.plan == quickPlan))
}

// isLong reports whether a case needs a long slice.
func (r *runner) isLong(name string) bool {
	return slices.Contains(append(used, "Wake"), parseKey(name).bench)
}

// kept returns what was measured, in the format of benchmarks, with where and when.
func (r *runner) kept() []byte {
	const direct = "{{if not (or .Main .Indirect .Replace)}}{{.Path}}@{{.Version}}{{end}}"
	head := fmt.Sprintf("goos: %s\ngoarch: %s\ncores: %d\ngo: %s\ncommit: %s\nplan: %s\ntook: %s\nmodules: %s\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), r.commit, r.name, time.Since(r.start).Round(time.Second), strings.Join(strings.Fields(output("go", "list", "-m", "-f", direct, "all")), ", "))
	return append([]byte(head), r.out.Bytes()...)
}

// output is what a command says.
func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// caseOf is the name of the case that a line gives figures of, or empty.
func caseOf(line string) string {
	words := strings.Fields(line)
	if len(words) < 4 || parseKey(words[0]) == (key{}) {
		return ""
	}
	return parseKey(words[0]).String()
}

// exactly is the pattern that matches one case.
func exactly(name string) string {
	parts := strings.Split("Benchmark"+name, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}

// tellf says now and then how far the measuring is.
func (r *runner) tellf(format string, args ...any) {
	if time.Since(r.told) > 5*time.Second {
		r.told = time.Now()
		fmt.Fprintf(os.Stderr, "%v: "+format+"\n", append([]any{time.Since(r.start).Round(time.Second)}, args...)...)
	}
}
