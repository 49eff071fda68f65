package main

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A suite is a set of tests that is run as one.
type suite struct {
	name  string
	dir   string // of the module, in the copy
	build []string
	run   []string
	limit time.Duration
}

// suites are all there are, from the fastest on. What a suite has is chosen by the
// names of the tests; the limits are for a slow machine. The tests of a floor come
// first: nothing but the floor has to be built for them.
func suites() []suite {
	return []suite{
		{"latch", "internal/latch", nil, args(".", "-test.short"), time.Minute},
		{"scope", "internal/scope", nil, args(".", "-test.short"), time.Minute},
		{"waits", "internal/waitgraph", nil, args(".", "-test.short"), time.Minute},
		{"parked", "internal/parked", nil, args(".", "-test.short"), time.Minute},
		{"latch explorer", "internal/latch", tags, args("."), 5 * time.Minute},
		{"scope explorer", "internal/scope", tags, args("."), 5 * time.Minute},
		{"models", "verify", nil, args("^Test(Models|Found)", "-rapid.checks=3000"), time.Minute},
		{"histories", "verify", tags, args("^Test(Histories_(Call|Event|Set)$|Explore)", "-operations=50000"), time.Minute},
		{"explorer", "test/explore", tags, args("^TestExplore_"), 5 * time.Minute},
		{"tests", ".", nil, args("^Test(R3|R4|R9|R1.|S4|S5|S7|W4|W5|W6|C.|H1|H2)_", "-test.short", "-test.skip=Million|Race|Storm|Churn|GrowTheStack|SeveralNexts|EveryOutcome|Channels"), 2 * time.Minute},
		{"all tests", ".", nil, args(".", "-test.short", "-test.skip=^TestPins"), 4 * time.Minute},
		{"race", ".", []string{"-race"}, args("Race|Storm|AtTheSameTime|AtOnce|Against|Visible|Owner|Wins?ner|OneGets|NeverBoth|Life"), 4 * time.Minute},
	}
}

// canFind reports whether a suite can find a bug. A floor, a package below internal,
// knows nothing of the packages above: its tests find bugs in its own folder only.
func (s suite) canFind(b bug) bool {
	return !strings.HasPrefix(s.dir, "internal/") || b.isIn(s.dir)
}

// hunters are the suites that know of no bug, a minute in all: large programs; random
// programs and pairs in turn, for so much of each worker's processor; and pairs as plain
// goroutines under the race detector, which needs a C compiler.
func hunters() []suite {
	return []suite{
		{"hunter", "verify/hunt", tags, args("^TestHunt(Large|Lives|Turns)$", "-hunt.first", "-hunt.for=46s", "-hunt.cpu", "-hunt.shrink=0s"), 15 * time.Minute},
		{"race", "verify/hunt", []string{"-race"}, args("^TestPairsAtOnce$", "-hunt.for=10s"), 2 * time.Minute},
	}
}

// A mode says which suites are run.
type mode struct {
	quick  bool // the one that found a bug before, and no other
	hunter bool // the hunter, and no other
}

// by says in the last line who has found the bugs.
func (m mode) by() string {
	if m.hunter {
		return " by the hunter"
	}
	return ""
}

// says is what the list of bugs says of one: what it breaks, or why the hunter cannot find
// it.
func (m mode) says(b bug) string {
	switch {
	case !m.hunter:
		return b.breaks
	case b.beyond != "":
		return "beyond: " + b.beyond
	}
	return ""
}

// file is where the mode writes down what it has found.
func (m mode) file() string {
	if m.hunter {
		return huntFile
	}
	return foundFile
}

// least is how many of n bugs have to be found.
func (m mode) least(n int) int {
	if m.hunter {
		return (n*9 + 9) / 10
	}
	return n
}

//nolint:gochecknoglobals // a constant
var tags = []string{"-tags=asyncexplore"}

func args(run string, more ...string) []string {
	return append([]string{"-test.run=" + run, "-test.failfast", "-test.v"}, more...)
}

// suitesFor returns the suites in the order in which they are tried for a bug; where
// it has to be quick, the one that found it before and no other.
func suitesFor(b bug, m mode) []suite {
	if m.hunter {
		return hunters()
	}
	return slices.DeleteFunc(suites(), func(s suite) bool {
		return m.quick && s.name != cmp.Or(b.suite, s.name) || !s.canFind(b)
	})
}

// suitesOf returns the suites that the hunts for some bugs may run, in order.
func suitesOf(bugs []bug, m mode) []suite {
	switch {
	case m.hunter:
		return hunters()
	case !m.quick:
		return suites()
	}
	return slices.DeleteFunc(suites(), func(s suite) bool {
		return !slices.ContainsFunc(bugs, func(b bug) bool { return cmp.Or(b.suite, s.name) == s.name })
	})
}
