package main

import (
	"fmt"
	"regexp"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/report"
	"github.com/seed4712c49f/async/bench/internal/rivals"
)

// verify measures what has limits and reports what exceeds them.
func verify(only string) error {
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	broken := 0
	try := func(id string, broke func() ([]string, error)) error {
		if !match.MatchString(id) {
			return nil
		}
		why, err := insist(broke)
		if err != nil {
			return err
		}
		verdict := "ok"
		if len(why) > 0 {
			verdict = "FAILED"
			broken += len(why)
		}
		fmt.Printf("%-32s %s\n", id, verdict)
		for _, w := range why {
			fmt.Println("\t" + w)
		}
		return nil
	}
	for _, c := range report.Checks(rivals.All()) {
		if err := try(c.Point.ID(), func() ([]string, error) { return brokenLimits(c) }); err != nil {
			return err
		}
	}
	for _, g := range report.Growths {
		if err := try(g.ID(), func() ([]string, error) { return brokenGrowth(g) }); err != nil {
			return err
		}
	}
	if broken > 0 {
		return fmt.Errorf("%d limits exceeded", broken)
	}
	return nil
}

// insist has what exceeds a limit measured again: the machine may have been busy.
// What allocates too much does so each time.
func insist(broke func() ([]string, error)) (why []string, err error) {
	for range 3 {
		if why, err = broke(); err != nil || len(why) == 0 {
			break
		}
	}
	return why, err
}

func brokenLimits(c report.Check) ([]string, error) {
	res, err := checked(c)
	return c.Broken(res), err
}

func brokenGrowth(g report.Growth) ([]string, error) {
	small, large := g.Checks(rivals.All())
	from, err := checked(small)
	if err != nil {
		return nil, err
	}
	to, err := checked(large)
	return g.Broken(from, to), err
}

// checked measures the rows of a check.
func checked(c report.Check) (measure.Result, error) {
	return job{c.Point, c.Rows, measure.Quick}.measure()
}
