//go:build asyncexplore

package hunt

import (
	"context"
	"strings"
	"time"
)

// A failure that ends the child cannot be shrunk in the child. The parent does it when the
// hunt is over: each smaller program has a child of its own, which has to end in the same
// way.

// shrinkCrashes shrinks the failures that have ended a child, in the time that the task
// has for each.
func (h *Hunt) shrinkCrashes() {
	if h.Task.Shrink <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*h.Task.Shrink*shrinksAtMost)
	defer cancel()
	n := 0
	for key, f := range h.Found {
		stuck := strings.Contains(f.Text, "a run is stuck") // to see that takes half a minute each time
		if f.Oracle != "crash" || stuck || n == shrinksAtMost {
			continue
		}
		n++
		h.Found[key] = h.shrinkCrash(ctx, f)
	}
}

// shrinksAtMost is how many failures are shrunk by the parent.
const shrinksAtMost = 3

// shrinkCrash returns a smaller program that ends a child in the same way.
func (h *Hunt) shrinkCrash(ctx context.Context, f *Found) *Found {
	return shrunk(f, h.Task.Shrink, func(p *Program) *Found {
		for _, way := range f.againWays() {
			if g := h.crashOf(ctx, p, way); g != nil && g.Sort == f.Sort {
				return g
			}
		}
		return nil
	})
}

// crashOf runs a program in a child under the schedules of a way, and returns how the child
// has ended, where no program may end so.
func (h *Hunt) crashOf(ctx context.Context, p *Program, way Way) *Found {
	apart := &Hunt{
		Test: h.Test, Task: h.Task, Log: h.Log, Covered: make(map[string]bool), Found: make(map[string]*Found),
		Times: make(map[string]time.Duration), clock: newClock(1, false),
	}
	task := Task{Program: p, Way: way, Without: h.Task.Without}
	_, crash := apart.child(ctx, task)
	return crash
}
