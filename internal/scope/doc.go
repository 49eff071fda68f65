// Package scope keeps the books of many jobs that have one owner. It knows which jobs
// are in, whose functions run, which wait for a slot, and what became of each. Package
// async keeps the calls of a Scope by it.
//
//	Hub      what all members share: the list, the slots, the counts    hub.go
//	Member   the place of one job in a hub, and its states              member.go
//	slots    whose turn it is to run; lending while a function waits    slots.go
//	line     those that wait for room before their job is admitted      room.go
//	doom     the end of the queue                                       doom.go
//	watch    the end of a context that queued jobs were begun with      watch.go
//	Counts   the ledger                                                 counts.go
//	Drain    a wait for the end of all members                          drain.go
//	list     members in order, and a cursor to walk them                list.go
//
// A hub sees a job as a [Job]: its context, a way to cancel it, a way to run its
// function. The package knows nothing of results, handles, latches and generics.
//
// A hub has one lock. Under the lock nothing else is locked, no job is asked anything,
// and no code of a user runs. Nobody looks at more than a few members while the lock is
// held; see portion. The package has no state of its own, parks only on channels, and
// everything in it works inside a testing/synctest bubble.
//
// The invariants are numbered T, at [Member].
package scope
