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
	Pairs   bool // pairs, in place of random programs
	First   bool // stop at the first failure
	Task    Task
	Log     func(format string, args ...any)

	mu        sync.Mutex
	Programs  int
	Schedules int
	Steps     int
	Crashes   int // that were as they should be
	Covered   map[string]bool
	Found     map[string]*Found // by oracle and sort, the first of each
	Times     map[string]time.Duration
	start     time.Time
	stop      context.CancelFunc
}

// Run hunts until the time is over.
func (h *Hunt) Run(ctx context.Context) {
	h.Covered, h.Found, h.Times = make(map[string]bool), make(map[string]*Found), make(map[string]time.Duration)
	h.start = time.Now()
	ctx, cancel := context.WithTimeout(ctx, h.Task.For+20*time.Second)
	defer cancel()
	h.stop = cancel
	var all sync.WaitGroup
	for i := range h.workers() {
		all.Go(func() { h.work(ctx, uint64(i)) })
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	h.progress(done)
}

func (h *Hunt) workers() int {
	if h.Task.Only {
		return 1
	}
	if h.Workers > 0 {
		return h.Workers
	}
	return runtime.NumCPU()
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

// work has one child after the other do programs, each going on where the last one
// ended.
func (h *Hunt) work(ctx context.Context, i uint64) {
	task := h.Task
	task.Seed, task.Step = h.Task.Seed+i, uint64(h.workers())
	for time.Since(h.start) < h.Task.For && ctx.Err() == nil {
		task.For = h.Task.For - time.Since(h.start)
		task.Known = h.known()
		last := h.child(ctx, task)
		if last.over {
			return
		}
		task.Seed, task.Phase = last.seed, last.phase+1
		if last.failed {
			task.Seed, task.Phase = last.seed+task.Step, 0
		}
		if task.Only && last.failed {
			return
		}
	}
}

func (h *Hunt) known() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.Found))
}
