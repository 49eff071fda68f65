// Package sched is where the library lets its schedules be explored: points at
// which a goroutine may have to stand while others go on, and a mutex that parks
// at such a point. Without the build tag asyncexplore nothing of it is in the
// compiled code: Point is empty and Mutex is [sync.Mutex].
//
// With the tag, [Explore] runs a scenario in one testing/synctest bubble after the
// other. Each goroutine that meets a point stands there; when all stand or are
// blocked the explorer lets one of them go on to its next point. What it chose is
// the schedule, and the same choices give the same run.
//
//	E1  At most one goroutine that stood goes on at a time. The next is let go only
//	    when every goroutine of the bubble stands or is blocked, so what is chosen
//	    from does not hang on the runtime's scheduler.
//	E2  A goroutine that waits for a [Mutex] stands, and is ready when that is free.
//	    Nobody takes one without having stood for it, so who is let go gets it.
//	E3  A forced switch is a step that is not taken by the goroutine of the last
//	    one although that is ready. Time that passes although somebody is ready
//	    is one, too.
//	E4  A goroutine that is not of the run's bubble never stands.
//	E5  When a run is over points hold nobody, and nothing is waited for by
//	    spinning: every goroutine of its bubble ends, or is blocked for ever, which
//	    the bubble finds.
package sched
