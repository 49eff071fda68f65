// Package scope keeps the books of many jobs that have one owner. It knows which jobs
// are in, whose functions run, which wait for a slot, and what became of each. Package
// async keeps the calls of a Scope by it.
//
//	Hub       what all members share: closing, ending, the lock          hub.go
//	Member    the place of one job in a hub, its states, the invariants  member.go
//	steps     a member goes from one state to the next                   steps.go
//	slots     whose turn it is to run; lending while a function waits    slots.go
//	queue     the members that wait for their first slot                 queue.go
//	watch     the end of a context that queued jobs were begun with      watch.go
//	line      those that wait for room before their job is admitted      room.go
//	Counts    the ledger                                                 counts.go
//	Drain     a wait for the end of all members                          drain.go
//	walk      loops over many members, a portion at a time               walk.go
//
// A hub sees a job as a [Job]: its context, a way to cancel it, a way to run its
// function. The package knows nothing of results, handles, latches and generics.
//
// A hub has one lock. Functions that need it end in Locked. The invariants are numbered T,
// at [Member]; each step keeps all of them. C and R with a number are rules for users, in
// docs/rules.md. The package has no state of its own and parks only on channels, so
// everything in it works inside a testing/synctest bubble.
package scope
