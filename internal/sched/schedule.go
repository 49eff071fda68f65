//go:build asyncexplore

package sched

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Step is one choice of a schedule.
type Step struct {
	Options int    // how many there were
	Took    int    // which of them it was; 0 is to go on, where that was possible
	Who     int    // number of the goroutine that went on, or timePasses
	Point   string // from where
	Line    string // of the user's code that has called the library; only with Options.Lines
	Passed  time.Duration
	Forced  bool // a switch that need not have been (E3)
}

const timePasses = -1 // who goes on where time passes

func (s Step) String() string {
	who := fmt.Sprintf("g%d  %s", s.Who, s.Point)
	if s.Line != "" {
		who = fmt.Sprintf("g%d  %-24s %s", s.Who, s.Point, s.Line)
	}
	if s.Who == timePasses {
		who = fmt.Sprintf("--  time passes: %v", s.Passed)
	}
	if s.Forced {
		return who + "  <- switch"
	}
	return who
}

// A schedule is the choices that are not the first option, by step: 3:1.17:2 is
// option 1 at step 3, option 2 at step 17, and the first everywhere else.
func formatSchedule(steps []Step) string {
	var b strings.Builder
	for i, s := range steps {
		if s.Took == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		fmt.Fprintf(&b, "%d:%d", i, s.Took)
	}
	if b.Len() == 0 {
		return "0:0"
	}
	return b.String()
}

func parseSchedule(text string) (took []int, err error) {
	for part := range strings.SplitSeq(text, ".") {
		at, option, _ := strings.Cut(part, ":")
		i, err1 := strconv.Atoi(at)
		n, err2 := strconv.Atoi(option)
		if err1 != nil || err2 != nil || i < len(took) && i > 0 || i < 0 || n < 0 || i > maxSteps {
			return nil, fmt.Errorf("sched: %q of %q is no step of a schedule", part, text)
		}
		for len(took) < i {
			took = append(took, 0)
		}
		took = append(took, n)
	}
	return took, nil
}

// formatTrace prints steps one a line, of very many the first and the last.
func formatTrace(steps []Step) string {
	const most = 400
	var b strings.Builder
	for i, s := range steps {
		switch {
		case len(steps) <= most || i < most/4 || i >= len(steps)-most*3/4:
			fmt.Fprintf(&b, "%5d  %v\n", i, s)
		case i == most/4:
			fmt.Fprintf(&b, "  ...  %d steps\n", len(steps)-most)
		}
	}
	return b.String()
}
