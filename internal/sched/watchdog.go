//go:build asyncexplore

package sched

import (
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// patience is how long a run may take, by the clock on the wall. One takes
// milliseconds; more only where it is stuck: a goroutine runs without ever meeting
// a point, or is blocked on what a bubble does not see.
const patience = 30 * time.Second

// PatienceEnv names the variable of the environment that says another patience.
const PatienceEnv = "ASYNC_PATIENCE"

// A watchdog ends the program, with what there is to say, when a run is stuck.
// Nothing can be done from outside about a goroutine that does not go on.
type watchdog struct {
	mu    sync.Mutex
	timer *time.Timer // made outside of the bubbles
	limit time.Duration
	r     *run
}

// watch has the watchdog look after the next run.
func (d *watchdog) watch(r *run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.r = r
}

// rearm gives the next run its time. It is called outside of the bubbles.
func (d *watchdog) rearm() {
	if d.timer == nil {
		d.limit = patience
		if other, err := time.ParseDuration(os.Getenv(PatienceEnv)); err == nil {
			d.limit = other
		}
		d.timer = time.AfterFunc(d.limit, d.bark)
		return
	}
	d.timer.Reset(d.limit)
}

func (d *watchdog) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

func (d *watchdog) bark() {
	d.mu.Lock()
	r := d.r
	d.mu.Unlock()
	text := "sched: a run is stuck"
	if r != nil && r.mu.TryLock() {
		text = fmt.Sprintf("%s\nschedule %s\n%s\n%s", text, formatSchedule(r.steps), formatTrace(r.steps), r.whoIsStuckLocked())
		r.mu.Unlock()
	}
	debug.SetTraceback("all")
	panic(fmt.Sprintf("%s\n"+
		"For %v nobody has come to a point, or ended, or was blocked on a channel, a time or a wait group.\n"+
		"A sync.Mutex that is held at a point stops a run: unlock it before the library is called, or take a\n"+
		"channel of one slot in its place. So do I/O, a goroutine that runs for ever, and a wait for what was\n"+
		"made outside of the scenario, as the Context of a test. See docs/exploring.md, Locks.\n"+
		"All goroutines of the program stand below.", text, d.limit))
}
