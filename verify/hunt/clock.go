//go:build asyncexplore

package hunt

import (
	"sync"
	"time"
)

// A clock says how long a hunt has taken: the time since its start, or, on a machine that
// others use, the time that each worker's children have had a processor. parent.go stops a
// hunt by it, and says by it when a failure was found.
type clock struct {
	start   time.Time
	workers int
	cpu     bool

	mu   sync.Mutex
	used time.Duration           // by children that have ended
	runs map[*life]time.Duration // by those that go on
}

func newClock(workers int, cpu bool) *clock {
	return &clock{start: time.Now(), workers: workers, cpu: cpu, runs: make(map[*life]time.Duration)}
}

// spent returns how long the hunt has taken.
func (c *clock) spent() time.Duration {
	if !c.cpu {
		return time.Since(c.start)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := c.used
	for _, d := range c.runs {
		sum += d
	}
	return sum / time.Duration(c.workers)
}

// says notes what a child has used up to now.
func (c *clock) says(l *life, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs[l] = max(d, c.runs[l])
}

// ended notes what a child has used in all.
func (c *clock) ended(l *life, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.runs, l)
	c.used += d
}
