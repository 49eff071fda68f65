// Limits: what CI holds, from limits.txt, and the run that checks them.

package main

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"slices"
)

//go:embed limits.txt
var limitsText string

// A limit is a line of limits.txt. What is NaN is no limit.
type limit struct {
	at, against          key
	ratio, allocs, bytes float64
}

func limits() (all []limit) {
	for _, f := range fields(limitsText) {
		at, against := parseKey(f[0]), parseKey(f[1])
		if against.bench == "" { // a rival beside it
			against = at.as(f[1])
		}
		all = append(all, limit{at, against, number(f[2]), number(f[3]), number(f[4])})
	}
	return all
}

// broken says how figures exceed the limit. A figure that is missing exceeds it.
func (l limit) broken(f *figures) (why []string) {
	exceeds := func(what string, got, most float64) {
		if !math.IsNaN(most) && !(got <= most) {
			why = append(why, fmt.Sprintf("%s: %s: %.4g, allowed is %.4g", l.at, what, got, most))
		}
	}
	// The least is what a busy machine disturbs least.
	exceeds("ratio to "+l.against.String(), f.count(l.at, f.unit(l.at))/f.count(l.against, f.unit(l.at)), l.ratio)
	exceeds(allocs, f.count(l.at, allocs), l.allocs)
	exceeds(l.unit(), f.count(l.at, l.unit()), l.bytes)
	return why
}

// unit is that of the bytes.
func (l limit) unit() string {
	switch {
	case l.at.bench == "RaceNever":
		return kept
	case math.IsNaN(l.allocs):
		return held
	default:
		return bytesOp
	}
}

// runCheck measures what has limits and reports what exceeds them. What does is
// measured again, because the machine may have been busy. What allocates too much does
// so each time.
func runCheck() error {
	r, err := newRunner(checkPlan)
	if err != nil {
		return err
	}
	defer r.close()
	left := limits()
	for try := range 3 {
		var cases []string
		for _, l := range left {
			if cases = append(cases, l.at.String()); !math.IsNaN(l.ratio) {
				cases = append(cases, l.against.String())
			}
		}
		slices.Sort(cases)
		r.out.Reset()
		if err := r.rounds(slices.Compact(cases)); err != nil {
			return err
		}
		f, err := readFigures(r.kept())
		if err != nil {
			return err
		}
		left = slices.DeleteFunc(left, func(l limit) bool {
			why := l.broken(f)
			for _, w := range why {
				fmt.Printf("try %d: %s\n", try+1, w)
			}
			return len(why) == 0
		})
		if len(left) == 0 {
			fmt.Printf("%d limits hold\n", len(limits()))
			return nil
		}
	}
	return errors.New("limits are exceeded")
}
