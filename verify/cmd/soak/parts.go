package main

import (
	"fmt"
	"strconv"
	"time"
)

// A part is one kind of test with its own time.
type part struct {
	name     string
	dir      string   // of the module, from verify
	env      []string // of the build and of the run
	build    []string
	emulator []string // that runs the tests, and its flags
	needs    string   // a program
	args     []string
	each     time.Duration // of one test by itself, where each is run so, on every processor
	again    bool          // with other seeds until half of the time is over
	seeded   bool          // takes a seed
	cores    bool          // on every processor, each with seeds of its own
	limit    time.Duration // of the runs, without the build
}

// A length says which of two figures counts.
type length bool

func (short length) time(long, brief time.Duration) time.Duration {
	if short {
		return brief
	}
	return long
}

func (short length) count(long, brief int) string {
	if short {
		return strconv.Itoa(brief)
	}
	return strconv.Itoa(long)
}

// bound is how long all of it may take.
func (short length) bound() time.Duration { return short.time(42*time.Minute, 9*time.Minute) }

// parts returns what there is to do. The ten minutes in flight come first, so that
// it is not they that a slow machine has no time for.
func parts(short length) (all []part) {
	all = append(all, leftovers(short)...)
	all = append(all, hunts(short)...)
	all = append(all, races(short)...)
	all = append(all, architectures(short)...)
	all = append(all, histories(short)...)
	return append(all, schedules(short)...)
}

const explored = "-tags=asyncexplore"

func schedules(short length) []part {
	each := short.time(20*time.Second, 5*time.Second)
	return []part{
		{
			name: "random schedules by priorities", dir: "../test/explore", build: []string{explored}, again: true, cores: true,
			env:  []string{"ASYNC_DEPTH=4", "ASYNC_RANDOM=" + short.count(1000, 100)},
			args: []string{"-test.run=^TestExplore_"}, limit: short.time(2*time.Minute, time.Minute),
		},
		{
			name: "every schedule, " + short.count(3, 1) + " forced switches", dir: "../test/explore", build: []string{explored},
			env:  []string{"ASYNC_SWITCHES=" + short.count(3, 1), "ASYNC_PATIENCE=" + (each / 2).String()},
			each: each, limit: short.time(6*time.Minute, time.Minute),
		},
	}
}

// hunts are random programs, with seeds that no other soak had, and every pair of
// operations.
func hunts(short length) []part {
	programs, pairs := short.time(6*time.Minute, 20*time.Second), short.time(4*time.Minute, 20*time.Second)
	seed := fmt.Sprintf("-hunt.seed=%d", time.Now().UnixNano())
	return []part{
		{
			name: "random programs", dir: "hunt", build: []string{explored},
			args:  []string{"-test.run=^TestHunt$", "-hunt.for=" + programs.String(), seed},
			limit: programs + time.Minute,
		},
		{
			name: "every pair of operations", dir: "hunt", build: []string{explored},
			args:  []string{"-test.run=^TestHuntPairs$", "-hunt.for=" + pairs.String(), "-hunt.most=" + short.count(60, 10), seed},
			limit: pairs + time.Minute,
		},
	}
}

func histories(short length) []part {
	const tests = "-test.run=^TestHistories_(Call|Event|Set)$"
	return []part{
		{
			name: "histories under random schedules", dir: ".", build: []string{explored}, again: true, seeded: true, cores: true,
			args: []string{tests, "-operations=" + short.count(200_000, 20_000)}, limit: short.time(time.Minute, 30*time.Second),
		},
		{
			name: "histories as the machine has them", dir: ".", again: true, seeded: true,
			args: []string{tests, "-operations=" + short.count(300_000, 50_000)}, limit: short.time(time.Minute, 30*time.Second),
		},
		{
			name: "models", dir: ".",
			args: []string{"-test.run=^TestModels_", "-rapid.checks=" + short.count(40_000, 2000)}, limit: short.time(2*time.Minute, time.Minute),
		},
	}
}

func races(short length) (parts []part) {
	args := []string{"-test.run=Race|Storm|AtTheSameTime|AtOnce|Against|Visible|Owner|Wins?ner|OneGets|NeverBoth|Life"}
	if short {
		args = append(args, "-test.short")
	}
	for _, n := range []int{1, 2, 4, 16} {
		parts = append(parts, part{
			name: fmt.Sprintf("race detector, GOMAXPROCS=%d", n), dir: "..", build: []string{"-race"}, needs: "gcc",
			env: []string{fmt.Sprintf("GOMAXPROCS=%d", n), "CGO_ENABLED=1"}, args: args, limit: short.time(3*time.Minute, time.Minute),
		})
	}
	return parts
}

func leftovers(short length) []part {
	churn := short.time(10*time.Minute, 10*time.Second)
	return []part{
		{
			name: "in flight with churn", dir: ".",
			args: []string{"-test.run=^TestChurn$", "-churn=" + churn.String(), "-inflight=" + short.count(1_000_000, 100_000)}, limit: churn + time.Minute,
		},
		{
			name: "goroutine leak profile", dir: ".", env: []string{"GOEXPERIMENT=goroutineleakprofile"},
			args: []string{"-test.run=^TestLeaks", "-calls=" + short.count(1_000_000, 200_000)}, limit: time.Minute,
		},
	}
}

func architectures(short length) []part {
	return []part{
		{
			name: "GOARCH=386", dir: "..", env: []string{"GOARCH=386", "CGO_ENABLED=0"},
			args: other(bool(short)), limit: 3 * time.Minute,
		},
		{
			name: "GOARCH=arm64, emulated", dir: "..", env: []string{"GOARCH=arm64", "CGO_ENABLED=0"},
			needs: "qemu-aarch64", emulator: []string{"qemu-aarch64"},
			args: other(true), limit: 3 * time.Minute,
		},
	}
}

// other are the tests of another architecture: all, or those that show most.
func other(few bool) []string {
	const not = "-test.skip=^TestPins|Bubble|Million|EndsTheProgram|AreContained|GrowTheStack"
	if few {
		return []string{"-test.short", not, "-test.run=Test(R3|R5|R6|R9|S1|S3|S5|S7|W1|W4)_"}
	}
	return []string{"-test.short", not}
}
