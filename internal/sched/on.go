//go:build asyncexplore

package sched

import (
	"runtime"
	"sync/atomic"
)

// On says whether the build explores schedules.
const On = true

// active is the run that is being explored, if any: one at a time.
var active atomic.Pointer[run] //nolint:gochecknoglobals // only in builds that explore

// Point is where a goroutine may have to stand while others go on.
func Point(name string) {
	if r := active.Load(); r != nil {
		r.stand(name, nil)
	}
}

// A Mutex is a mutual exclusion lock whose Lock is a point: it stands there until
// the lock is free and its turn has come. Outside of a run it gives way until it
// is free.
type Mutex struct{ held atomic.Bool }

// Lock locks m.
func (m *Mutex) Lock() {
	r := active.Load()
	if r != nil {
		r.stand("lock", m)
	}
	for tries := 0; !m.held.CompareAndSwap(false, true); tries++ {
		runtime.Gosched() // never in a run that is explored: E2
		if tries == manyTries && r != nil && r.isOver() && r.owns() {
			select {} // whoever has it waits for ever: E5
		}
	}
}

// manyTries is how often at most a goroutine that has the lock, and is not
// blocked, is passed over by one that gives way.
const manyTries = 10_000

// TryLock locks m if it is free and reports whether it did.
func (m *Mutex) TryLock() bool {
	Point("try lock")
	return m.held.CompareAndSwap(false, true)
}

// Unlock unlocks m.
func (m *Mutex) Unlock() {
	if !m.held.CompareAndSwap(true, false) {
		panic("sched: unlock of unlocked Mutex")
	}
}
