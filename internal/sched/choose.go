//go:build asyncexplore

package sched

import (
	"fmt"
	"math/rand/v2"
)

// A chooser chooses each step of each run.
type chooser interface {
	begin()

	// next returns which of the options is taken. The first ones are ready; one
	// more is that time passes.
	next(step int, ready []*gor, options int) (took int)

	// over is told that a run has ended without a failure, and reports whether
	// there is another.
	over(steps []Step) (more bool, err error)

	// bounded says whether forced switches are.
	bounded() bool
}

func newChooser(o Options) (chooser, error) {
	switch {
	case o.Replay != "":
		took, err := parseSchedule(o.Replay)
		return &given{took}, err
	case o.Random > 0 && o.Depth > 0:
		return &priorities{depth: o.Depth, random: newRandom(o)}, nil
	case o.Random > 0:
		return newRandom(o), nil
	}
	return &all{}, nil
}

// all takes every schedule, depth first: the same steps as the last run up to the
// last one at which there is another option, and that.
type all struct {
	prefix  []int
	last    []Step // of the run before, as far as they are to be the same
	retries int
}

func (*all) begin()        {}
func (*all) bounded() bool { return true }

func (a *all) next(step int, _ []*gor, _ int) int {
	if step < len(a.prefix) {
		return a.prefix[step]
	}
	return 0
}

// manyRetries is how often a run is repeated that was not the one it should have
// been. What select or the order of a map decides may be another by chance.
const manyRetries = 50

func (a *all) over(steps []Step) (more bool, err error) {
	if i := a.strayed(steps); i >= 0 {
		if a.retries++; a.retries > manyRetries {
			return false, strayError(a.last[i], steps, i)
		}
		return true, nil
	}
	a.retries = 0
	i := len(steps) - 1
	for i >= 0 && steps[i].Took+1 >= steps[i].Options {
		i--
	}
	if i < 0 {
		return false, nil
	}
	a.prefix = a.prefix[:0]
	for _, s := range steps[:i] {
		a.prefix = append(a.prefix, s.Took)
	}
	a.prefix = append(a.prefix, steps[i].Took+1)
	a.last = append(a.last[:0], steps[:i+1]...)
	return true, nil
}

// strayed returns the first step that is not as it was in the last run, or -1. Of
// the one at which this run leaves that one, only the number of options is the same.
func (a *all) strayed(steps []Step) int {
	for i, was := range a.last {
		if i >= len(steps) || was.Options != steps[i].Options {
			return i
		}
		if i < len(a.last)-1 && (was.Who != steps[i].Who || was.Point != steps[i].Point) {
			return i
		}
	}
	return -1
}

func strayError(was Step, steps []Step, i int) error {
	now := "the run is over"
	if i < len(steps) {
		now = fmt.Sprintf("%d options, %v", steps[i].Options, steps[i])
	}
	return fmt.Errorf("%w: step %d had %d options, %v; after the same choices: %s", ErrStray, i, was.Options, was, now)
}

// given takes the steps it was given, and the first option after them.
type given struct{ took []int }

func (*given) begin()                    {}
func (*given) bounded() bool             { return false }
func (*given) over([]Step) (bool, error) { return false, nil }
func (g *given) next(step int, _ []*gor, _ int) int {
	if step < len(g.took) {
		return g.took[step]
	}
	return 0
}

// random takes random steps.
type random struct {
	rand *rand.Rand
	left int // runs
}

func newRandom(o Options) *random {
	return &random{rand: rand.New(rand.NewPCG(o.Seed, 1)), left: o.Random}
}

func (c *random) begin()                                { c.left-- }
func (*random) bounded() bool                           { return false }
func (c *random) next(_ int, _ []*gor, options int) int { return c.rand.IntN(options) }
func (c *random) over([]Step) (bool, error)             { return c.left > 0, nil }

// priorities lets the goroutine of the highest priority go on, where priorities
// are random, and that of the one at the front drops below all others at depth-1
// random steps. A bug that needs so many orderings is found by a run with a known
// probability, at least 1/(n·k^(depth-1)) for n goroutines and k steps, however the
// rest is scheduled (Burckhardt and others, A Randomized Scheduler with
// Probabilistic Guarantees of Finding Bugs, 2010). Time is one more goroutine, that
// drops below all others each time it goes on.
type priorities struct {
	*random
	depth  int
	length int         // of the longest run so far
	prio   map[int]int // of this run's goroutines
	drops  map[int]int // step → priority
}

func (c *priorities) begin() {
	c.random.begin()
	c.prio, c.drops = make(map[int]int), make(map[int]int)
	for d := 1; d < c.depth; d++ {
		c.drops[c.rand.IntN(max(c.length, 1))] = d
	}
}

func (c *priorities) over(steps []Step) (bool, error) {
	c.length = max(c.length, len(steps))
	return c.random.over(steps)
}

func (c *priorities) next(step int, ready []*gor, options int) int {
	best := c.front(ready, options)
	if p, ok := c.drops[step]; ok {
		c.prio[whoIs(ready, best)] = p
		best = c.front(ready, options)
	}
	if best == len(ready) {
		c.prio[timePasses] = 0
	}
	return best
}

// front returns the option of the highest priority.
func (c *priorities) front(ready []*gor, options int) (best int) {
	for i := range options {
		who := whoIs(ready, i)
		if _, ok := c.prio[who]; !ok {
			c.prio[who] = c.depth + c.rand.IntN(1<<30)
		}
		if c.prio[who] > c.prio[whoIs(ready, best)] {
			best = i
		}
	}
	return best
}

func whoIs(ready []*gor, option int) int {
	if option == len(ready) {
		return timePasses
	}
	return ready[option].n
}
