package latch

import (
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/sched"
)

// A Latch is the closed-once core of everything that can be waited for: an
// [Event] is one, a call has one. It is not set, then set, for ever; nodes linked
// to it are fired once when it is.
//
// The word, bit by bit:
//
//	63     40 39    16 15           3   2        1       0
//	[ handles ][ waits ][ call's bits ][ chan ][ closing ][ set ]
//
// A reference is counted under handles or under waits.
//
// Invariants:
//
//	L1  set is added once, under mu, by the one completer; it is never cleared.
//	L2  Whatever the completer publishes is written before set, and never again
//	    after it: who has seen set reads it without a lock. Loads and
//	    read-modify-writes of the word are sequentially consistent, so seeing
//	    set orders the reader after the completer.
//	L3  ch is made once, under mu: by Done, or by a wait that only completion ends.
//	    ch is closed exactly once: by the completer, or by Done where set came first.
//	L4  Where Done was asked for before set, closing is added before ch is closed
//	    and set after, all in one critical section: who sees closing without set
//	    waits for mu, and then finds both. So set implies that Done is closed
//	    and Done closed implies set, for every observer. The same holds for
//	    prompt nodes.
//	L5  A node is linked until unlink takes it out or the completer takes all,
//	    whichever is first: exactly one of "unlinked" and "fired" is its fate.
//	    The list hangs off head and is guarded by mu; set ends it.
//	L6  Firing runs no user code and waits for nobody. Nodes are fired outside mu,
//	    after set, but for prompt ones: those are fired under mu, after closing and
//	    before anything else can be seen of the completion. So what is seen to be
//	    complete is in every [queue] it was added to.
//	L7  References are added by the maker, or where there is one, so they do not
//	    rise again from zero but where nothing depends on them.
//
// Lock order: the mu of a latch before the lock of a [queue]. Two latches are
// locked at once only where an object is begun again: its old call's, then that
// of the new one, which nobody else can know yet.
type Latch struct {
	Word atomic.Uint64
	Mu   sched.Mutex
	Ch   chan struct{} // L3; read without mu once the chan bit is seen
	Head *Node         // nodes to fire, the last linked first; L5
}

// The bits of the word that the latch itself knows.
const (
	BitSet     uint64 = 1 << iota // complete; terminal
	BitClosing                    // the completer is closing ch and will add set at once
	BitChan                       // ch is made

	FirstBit // the first bit free for other uses; there are 16 in all
)

// The counts of the word: how many handles have a reference, and how many waits in
// progress have one. A reference is added and given up by the constant of its kind.
//
// Each count has 24 bits. Whoever would be one more than these hold panics and
// changes nothing, so that no count runs over into the next: 16,777,215 handles that
// nobody releases are a leak, and as many goroutines that wait for one completion
// take 32 GB.
const (
	OneWait uint64 = 1 << 16 // the reference of a wait in progress
	OneRef  uint64 = 1 << 40 // the reference of a handle

	MaxCount = 1<<24 - 1

	MinusWait = ^(OneWait - 1) // what Add takes to give one up
	MinusRef  = ^(OneRef - 1)
)

// Refs returns how many references there are.
func Refs(word uint64) uint64 { return HandlesOf(word) + WaitsOf(word) }

// HandlesOf returns how many handles have a reference.
func HandlesOf(word uint64) uint64 { return word / OneRef }

// WaitsOf returns how many waits in progress have a reference.
func WaitsOf(word uint64) uint64 { return word / OneWait & MaxCount }

// Plus returns the word with one reference more, which is oneRef or oneWait.
func Plus(word, one uint64) uint64 {
	switch {
	case one == OneWait && WaitsOf(word) == MaxCount:
		panic("async: more than 16,777,215 waits for one completion at the same time")
	case one == OneRef && HandlesOf(word) == MaxCount:
		panic("async: more than 16,777,215 handles on one completion")
	}
	return word + one
}

// Add adds a reference, also where there is none (L7), and returns the word with it.
func (l *Latch) Add(one uint64) uint64 {
	for {
		w := l.Word.Load()
		if n := Plus(w, one); l.Word.CompareAndSwap(w, n) {
			return n
		}
	}
}

// Refer adds a reference where there is one already, and reports whether there is
// (L7).
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

// IsSet reports whether the latch is set: one atomic load where it is.
func (l *Latch) IsSet() bool { return l.Word.Load()&BitSet != 0 || l.closing() }

// closing waits for a completer that has announced itself (L4) and reports
// whether there was one. Inlined, it would make isSet too large to be.
//
//go:noinline
func (l *Latch) closing() bool {
	if l.Word.Load()&(BitClosing|BitSet) == 0 {
		return false
	}
	l.Settle()
	return true
}

// Settle waits for a completer that is known to be at it.
func (l *Latch) Settle() {
	if l.Word.Load()&BitSet == 0 {
		l.Mu.Lock()
		defer l.Mu.Unlock()
	}
}

// Done returns the channel that is closed when the latch is set, made now if
// nobody has asked before.
func (l *Latch) Done() <-chan struct{} {
	sched.Point("done")
	if l.Word.Load()&BitChan != 0 {
		return l.Ch
	}
	l.Mu.Lock()
	defer l.Mu.Unlock()
	return l.doneLocked()
}

func (l *Latch) doneLocked() <-chan struct{} {
	if w := l.Word.Load(); w&BitChan == 0 {
		l.Ch = make(chan struct{})
		if w&BitSet != 0 {
			close(l.Ch)
		}
		sched.Point("done: made")
		l.Word.Add(BitChan)
	}
	return l.Ch
}

// Claim makes the caller the completer, who holds mu, writes what is to be
// published and calls publish. It reports false, with mu free, where the latch
// is set: the loser finds everything a winner publishes.
func (l *Latch) Claim() bool {
	if l.Word.Load()&BitSet != 0 {
		return false
	}
	l.Mu.Lock()
	if l.Word.Load()&BitSet != 0 {
		l.Mu.Unlock()
		return false
	}
	return true
}

// Publish sets the latch, together with bits, frees mu, and returns the word as
// of that instant and the nodes that the completer has now to fire.
func (l *Latch) Publish(bits uint64) (word uint64, nodes *Node) {
	sched.Point("publish: take the nodes")
	nodes, prompt := split(l.Head)
	l.Head = nil
	done := l.Word.Load()&BitChan != 0
	if done || prompt != nil {
		sched.Point("publish: closing")
		l.Word.Add(BitClosing)
	}
	if done || prompt != nil && prompt.Next != nil {
		for n := prompt; n != nil; n = n.Next {
			n.Early = true
		}
	}
	Fire(prompt)
	if done {
		sched.Point("publish: close")
		close(l.Ch)
	}
	sched.Point("publish: set")
	word = l.Word.Add(bits | BitSet) // the bits are clear until here, so Add is Or
	l.Mu.Unlock()
	sched.Point("published")
	return word, nodes
}

// Set completes a latch that publishes nothing but itself.
func (l *Latch) Set() bool {
	if !l.Claim() {
		return false
	}
	_, nodes := l.Publish(0)
	Fire(nodes)
	return true
}
