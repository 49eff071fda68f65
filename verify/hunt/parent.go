//go:build asyncexplore

package hunt

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"
)

// A Hunt is the parent of the children, and what they have found.
type Hunt struct {
	Test    string // the test to run in a child
	Workers int
	First   bool // stop at the first failure
	Turns   bool // random programs and pairs in turn, in place of what the task says
	Task    Task
	Log     func(format string, args ...any)

	mu        sync.Mutex
	Programs  int // pairs included
	Pairs     int
	Schedules int
	Steps     int
	Crashes   int // that were as they should be
	Covered   map[string]bool
	Found     map[string]*Found // by oracle and sort, the first of each
	Times     map[string]time.Duration
	clock     *clock
	stop      context.CancelFunc
}

// Run hunts until the time is over.
func (h *Hunt) Run(ctx context.Context) {
	h.Covered, h.Found, h.Times = make(map[string]bool), make(map[string]*Found), make(map[string]time.Duration)
	h.clock = newClock(h.workers(), h.Task.CPU)
	most := h.Task.For
	if h.Task.CPU {
		most *= 15 // of a machine that others use
	}
	ctx, cancel := context.WithTimeout(ctx, most+20*time.Second)
	defer cancel()
	h.stop = cancel
	var all sync.WaitGroup
	for i := range h.workers() {
		all.Go(func() { h.work(ctx, uint64(i)) })
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	h.progress(done)
	h.shrinkCrashes()
}

func (h *Hunt) workers() int {
	if h.Task.Only {
		return 1
	}
	if h.Workers > 0 {
		return h.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// progress says now and then how far the hunt is.
func (h *Hunt) progress(done <-chan struct{}) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			h.Log("%s", h.Summary())
			return
		case <-tick.C:
			h.Log("%s", h.Summary())
		}
	}
}

// A course is how far a worker has come with programs of one kind.
type course struct {
	task Task
	left time.Duration // of its turn
	over bool          // there are no others
}

// oneTurn is how long a worker does programs of one kind before it does others. A child that
// a program has ended does not end the turn: random programs end far more children than
// pairs do, and would have next to no time.
const oneTurn = 3 * time.Second

// courses are what the i-th worker does in turn: its share of the programs.
func (h *Hunt) courses(i uint64) (all []*course) {
	task := h.Task
	task.Step = uint64(h.workers())
	task.Seed += i
	if !h.Turns {
		return []*course{{task: task}}
	}
	pairs := task
	pairs.Pairs, pairs.Seed = true, i
	return []*course{{task: pairs}, {task: task}}
}

// work has one child after the other do programs, each going on where the last one of
// its kind ended.
func (h *Hunt) work(ctx context.Context, i uint64) {
	all := h.courses(i)
	for len(all) > 0 && h.rest() > 0 && ctx.Err() == nil {
		c := all[0]
		for c.left = oneTurn; c.left > 0 && !c.over && h.rest() > 0 && ctx.Err() == nil; {
			h.goOn(ctx, c)
		}
		if all = all[1:]; !c.over {
			all = append(all, c)
		}
	}
}

// rest is how much time there is.
func (h *Hunt) rest() time.Duration { return h.Task.For - h.clock.spent() }

// goOn has a child go on with a course, for what is left of the turn where there are others.
func (h *Hunt) goOn(ctx context.Context, c *course) {
	task := c.task
	task.For, task.Known = h.rest(), h.known()
	if h.Turns {
		task.For = min(task.For, c.left)
	}
	last, crash := h.child(ctx, task)
	c.left -= last.took
	if crash != nil {
		h.mu.Lock()
		h.foundLocked(crash)
		h.mu.Unlock()
	}
	c.task.Seed, c.task.Phase = last.seed+task.Step, 0
	if !last.over && !last.failed {
		c.task.Seed, c.task.Phase = last.seed, last.phase+1 // the rest of a program that has ended the process
	}
	c.over = last.all || task.Only && (last.over || last.failed)
}

func (h *Hunt) known() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.Found))
}
