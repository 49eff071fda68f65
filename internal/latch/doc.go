// Package latch has something that is set once, and everything that waits for it. It
// knows nothing of calls, and is of use without them. Package async builds its events,
// calls and sets on it.
//
//	Latch             a word, a lock, a channel if asked for, a list of nodes   latch.go
//	references        the counts in the word of a latch                         word.go
//	Node, Sink        one waiter at one latch, and the target that it wakes     node.go
//	Latch.After       a function that starts when a latch is set                callback.go
//	Latch.Wait        parks one goroutine at one latch                          park.go
//	Until, Slot       the end of a wait; what a waiter lends meanwhile          until.go
//	First             one goroutine waits for the first of many                 first.go
//	All               one goroutine waits for all of many                       all.go
//	Queue, Sleeper    completions come out one by one, in their order           queue.go, sleeper.go
//	Queue.Add         members enter a queue                                     enter.go
//	Queue.AddContext  contexts and channels as members of a queue               outside.go
//	Receive           waits for channels that belong to others                  foreign.go
//
// The zero Latch is not set and is ready for use. A goroutine parks with [Latch.Wait].
// Or the goroutine hangs a [Node] on the latch, and the [Sink] of the node is told when
// the latch is set.
//
// A latch has a word. The lowest three bits and the two counts of references belong to
// this package. The bits between, from [FirstBit] on, belong to the owner of the latch:
// the type that contains the latch. The owner adds them when the latch is set, or under
// the lock of the latch, or by a compare-and-swap of the word.
//
// No function of this package runs code of a user under a lock. Contexts and channels
// that belong to others are asked before the lock is taken, and contexts are stopped
// after the lock is free. The package parks only on channels and has no state of its
// own, so everything works inside a testing/synctest bubble.
//
// The invariants are numbered where their types are declared: L at [Latch], Q at
// [Queue]. R, S and W with a number are rules for users, in docs/rules.md. Lock order: the
// lock of a latch before the lock of a queue.
package latch
