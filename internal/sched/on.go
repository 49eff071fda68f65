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
// the lock is free and its turn has come.
type Mutex struct{ held atomic.Bool }

// Lock locks m.
func (m *Mutex) Lock() {
	r := active.Load()
	if r != nil {
		r.stand("lock", m)
	}
	for !m.held.CompareAndSwap(false, true) {
		runtime.Gosched() // outside of a run, or while one is torn down
	}
}

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
