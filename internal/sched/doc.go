// Package sched is where the library lets its schedules be explored: points at
// which a goroutine may have to stand while others go on, and a mutex that parks
// at such a point. Without the build tag asyncexplore nothing of it is in the
// compiled code: Point is empty and Mutex is [sync.Mutex].
//
// With the tag, [Explore] runs a scenario in one testing/synctest bubble after the
// other. Each goroutine that meets a point stands there; when all stand or are
// blocked the explorer lets one of them go on to its next point. What it chose is
// the schedule, and the same choices give the same run.
package sched
