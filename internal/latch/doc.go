// Package latch is something that is set once, and everything that waits for it. It
// knows nothing of calls: package async builds events, calls and sets on it.
//
//	Latch            a word, a lock, a channel if asked for, a list of nodes   latch.go
//	Node, Sink       one waiter at one latch, and what the waiter wakes        node.go
//	Until, Slot      what ends a wait early; what a waiter lends meanwhile     park.go
//	First, All       one goroutine waits for the first, or for all, of many    many.go
//	Queue            completions, one after the other, in their order          queue.go
//	Receive          waits on channels of others                               foreign.go
//
// The zero Latch is not set and is ready for use. A waiter parks by [Latch.Wait], or
// hangs a [Node] on the latch whose [Sink] is fired when the latch is set.
//
// A latch has a word. The latch knows the lowest three bits and the two counts of
// references; the other bits belong to whoever builds on the latch, from [FirstBit]
// on, and are added when the latch is set, or by that owner under the lock.
//
// No function of this package calls code of a user, but for contexts and channels of
// others that are to be waited for, and those never under a lock. The package parks
// only on channels, has no state of its own, and everything in it works inside a
// testing/synctest bubble.
//
// The invariants are numbered where their types are declared: L at [Latch], Q at
// [Queue]. Lock order: the lock of a latch before the lock of a queue.
package latch
