package latch

import "github.com/seed4712c49f/async/internal/sched"

// This file divides the word of a latch: three bits of the latch, bits of the owner,
// and two counts of references. The owner of a latch counts handles and waits here, and
// reads the counts and the bits in one step. So the owner can tell, for example, that the
// last reference went before the latch was set. Nothing here touches the lock, the channel
// or the list of a latch. The invariants L1 to L7 stand in latch.go.
//
// The widths of the fields may change, as long as each count has a bound that panics before
// the count runs over (R9h). What may not change: all of this is one word. The owner learns
// by one atomic step which reference was the last and whether the latch was set by then. With
// two words, two goroutines could both believe it, or none.
//
// The word, bit by bit:
//
//	63     40 39    16 15            3   2        1       0
//	[ handles ][ waits ][ owner's bits ][ chan ][ closing ][ set ]

// The bits of the word that belong to the latch. Only this package adds them.
const (
	BitSet     uint64 = 1 << iota // the latch is set; stays for ever
	BitClosing                    // set is about to be added; see L4
	BitChan                       // the channel is made; see L3

	FirstBit // the first of the 13 bits of the owner
)

// A reference is that of a handle or that of a wait in progress. Each kind has a count
// of 24 bits. A reference is added with [Latch.Add] or [Latch.Refer], and given up when
// the owner adds MinusWait or MinusRef to the word.
//
// A reference beyond a full count panics and changes nothing, so no count runs over
// into the next. 16,777,215 handles that nobody releases are a leak. As many goroutines
// that wait for one completion take 32 GB.
const (
	OneWait uint64 = 1 << 16 // the reference of a wait in progress
	OneRef  uint64 = 1 << 40 // the reference of a handle

	MaxCount = 1<<24 - 1 // the most references of each kind

	MinusWait = ^(OneWait - 1) // Word.Add(MinusWait) gives up the reference of a wait
	MinusRef  = ^(OneRef - 1)  // Word.Add(MinusRef) gives up the reference of a handle
)

// Refs returns the number of references of both kinds.
func Refs(word uint64) uint64 { return HandlesOf(word) + WaitsOf(word) }

// HandlesOf returns the number of handles that have a reference.
func HandlesOf(word uint64) uint64 { return word / OneRef }

// WaitsOf returns the number of waits in progress that have a reference.
func WaitsOf(word uint64) uint64 { return word / OneWait & MaxCount }

// Plus returns the word with one reference more. The reference is OneRef or OneWait.
// Plus panics where the count of that kind is full.
func Plus(word, one uint64) uint64 {
	switch {
	case one == OneWait && WaitsOf(word) == MaxCount:
		panic("async: more than 16,777,215 waits for one completion at the same time")
	case one == OneRef && HandlesOf(word) == MaxCount:
		panic("async: more than 16,777,215 handles on one completion")
	}
	return word + one
}

// Add adds a reference and returns the word that has the reference. Add does so even
// where the latch has no reference. So the owner calls Add only where a last reference that
// went before has done no harm: an event does nothing at its last reference, and a call that
// is complete has seen to its result by then (L7). Add panics as [Plus] does.
func (l *Latch) Add(one uint64) uint64 {
	for {
		w := l.Word.Load()
		if n := Plus(w, one); l.Word.CompareAndSwap(w, n) {
			return n
		}
	}
}

// Refer adds a reference where the latch has one already, and reports whether it has
// (L7). The look and the addition are one step, so the last reference cannot go in
// between. Refer panics as [Plus] does.
func (l *Latch) Refer(one uint64) bool {
	for {
		w := l.Word.Load()
		if Refs(w) == 0 {
			return false
		}
		sched.Point("refer")
		if l.Word.CompareAndSwap(w, Plus(w, one)) {
			return true
		}
	}
}
