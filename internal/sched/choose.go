//go:build asyncexplore

package sched

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// A chooser chooses each step of each run.
type chooser interface {
	next(r *run, ready []*stand, options int) (took int)
	over(r *run) (more bool) // the run has ended; is there another?
}

func newChooser(o Options) chooser {
	switch {
	case o.Replay != "":
		var all allOf
		for s := range strings.SplitSeq(o.Replay, ".") {
			n, _ := strconv.Atoi(s)
			all.prefix = append(all.prefix, n)
		}
		return &once{all}
	case o.Random > 0:
		return &random{o: o, rand: rand.New(rand.NewPCG(o.Seed, 1))}
	}
	return &allOf{}
}

// allOf takes every schedule, depth first: the same steps as the last run up to
// the last one at which there is another option, and that.
type allOf struct{ prefix []int }

func (a *allOf) next(r *run, _ []*stand, _ int) int {
	if i := len(r.steps); i < len(a.prefix) {
		return a.prefix[i]
	}
	return 0
}

func (a *allOf) over(r *run) bool {
	i := len(r.steps) - 1
	for i >= 0 && r.steps[i].Took+1 >= r.steps[i].Options {
		i--
	}
	if i < 0 {
		return false
	}
	a.prefix = a.prefix[:0]
	for _, s := range r.steps[:i] {
		a.prefix = append(a.prefix, s.Took)
	}
	a.prefix = append(a.prefix, r.steps[i].Took+1)
	return true
}

// once takes the steps it was given, and the first option after them.
type once struct{ allOf }

func (*once) over(*run) bool { return false }

// random takes random steps, or, with a depth, the goroutine of the highest
// priority, where priorities are random and that of the one at the front drops
// below all others at depth-1 random steps: a bug that needs so many orderings is
// found with a known probability, however long the run (PCT).
type random struct {
	o      Options
	rand   *rand.Rand
	runs   int
	length int         // of the longest run so far
	prio   map[int]int // of this run's goroutines
	drops  map[int]int // step → priority
}

func (c *random) next(r *run, ready []*stand, options int) int {
	if c.o.Depth == 0 || options == 1 {
		return c.rand.IntN(options)
	}
	step := len(r.steps)
	if step == 0 {
		c.prio, c.drops = make(map[int]int), make(map[int]int)
		for d := range c.o.Depth - 1 {
			c.drops[c.rand.IntN(max(c.length, 1))] = d
		}
	}
	front := func() (best int) {
		for i, s := range ready {
			id := r.ids[s.g]
			if _, ok := c.prio[id]; !ok {
				c.prio[id] = c.o.Depth + c.rand.IntN(1<<30)
			}
			if c.prio[id] > c.prio[r.ids[ready[best].g]] {
				best = i
			}
		}
		return best
	}
	best := front()
	if p, ok := c.drops[step]; ok {
		c.prio[r.ids[ready[best].g]] = p
		best = front()
	}
	return min(best, options-1)
}

func (c *random) over(r *run) bool {
	c.runs++
	c.length = max(c.length, len(r.steps))
	return c.runs < c.o.Random
}
