package async

import (
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/sched"
)

// A latch is the closed-once core of everything that can be waited for: an
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
type latch struct {
	word atomic.Uint64
	mu   sched.Mutex
	ch   chan struct{} // L3; read without mu once the chan bit is seen
	head *node         // nodes to fire, the last linked first; L5
}

// The bits of the word that the latch itself knows.
const (
	bitSet     uint64 = 1 << iota // complete; terminal
	bitClosing                    // the completer is closing ch and will add set at once
	bitChan                       // ch is made

	bitsOfCall // the first bit free for other uses; there are 16 in all
)

// The counts of the word: how many handles have a reference, and how many waits in
// progress have one. A reference is added and given up by the constant of its kind.
//
// Each count has 24 bits. Whoever would be one more than these hold panics and
// changes nothing, so that no count runs over into the next: 16,777,215 handles that
// nobody releases are a leak, and as many goroutines that wait for one completion
// take 32 GB.
const (
	oneWait uint64 = 1 << 16 // the reference of a wait in progress
	oneRef  uint64 = 1 << 40 // the reference of a handle

	maxCount = 1<<24 - 1

	minusWait = ^(oneWait - 1) // what Add takes to give one up
	minusRef  = ^(oneRef - 1)
)

// refs returns how many references there are.
func refs(word uint64) uint64 { return handlesOf(word) + waitsOf(word) }

func handlesOf(word uint64) uint64 { return word / oneRef }
func waitsOf(word uint64) uint64   { return word / oneWait & maxCount }

// plus returns the word with one reference more, which is oneRef or oneWait.
func plus(word, one uint64) uint64 {
	switch {
	case one == oneWait && waitsOf(word) == maxCount:
		panic("async: more than 16,777,215 waits for one completion at the same time")
	case one == oneRef && handlesOf(word) == maxCount:
		panic("async: more than 16,777,215 handles on one completion")
	}
	return word + one
}

// add adds a reference, also where there is none (L7), and returns the word with it.
func (l *latch) add(one uint64) uint64 {
	for {
		w := l.word.Load()
		if n := plus(w, one); l.word.CompareAndSwap(w, n) {
			return n
		}
	}
}

// refer adds a reference where there is one already, and reports whether there is
// (L7).
func (l *latch) refer(one uint64) bool {
	for {
		w := l.word.Load()
		if refs(w) == 0 {
			return false
		}
		sched.Point("refer")
		if l.word.CompareAndSwap(w, plus(w, one)) {
			return true
		}
	}
}

// isSet reports whether the latch is set: one atomic load where it is.
func (l *latch) isSet() bool { return l.word.Load()&bitSet != 0 || l.closing() }

// closing waits for a completer that has announced itself (L4) and reports
// whether there was one. Inlined, it would make isSet too large to be.
//
//go:noinline
func (l *latch) closing() bool {
	if l.word.Load()&(bitClosing|bitSet) == 0 {
		return false
	}
	l.settle()
	return true
}

// settle waits for a completer that is known to be at it.
func (l *latch) settle() {
	if l.word.Load()&bitSet == 0 {
		l.mu.Lock()
		defer l.mu.Unlock()
	}
}

// done returns the channel that is closed when the latch is set, made now if
// nobody has asked before.
func (l *latch) done() <-chan struct{} {
	sched.Point("done")
	if l.word.Load()&bitChan != 0 {
		return l.ch
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.doneLocked()
}

func (l *latch) doneLocked() <-chan struct{} {
	if w := l.word.Load(); w&bitChan == 0 {
		l.ch = make(chan struct{})
		if w&bitSet != 0 {
			close(l.ch)
		}
		sched.Point("done: made")
		l.word.Add(bitChan)
	}
	return l.ch
}

// claim makes the caller the completer, who holds mu, writes what is to be
// published and calls publish. It reports false, with mu free, where the latch
// is set: the loser finds everything a winner publishes.
func (l *latch) claim() bool {
	if l.word.Load()&bitSet != 0 {
		return false
	}
	l.mu.Lock()
	if l.word.Load()&bitSet != 0 {
		l.mu.Unlock()
		return false
	}
	return true
}

// publish sets the latch, together with bits, frees mu, and returns the word as
// of that instant and the nodes that the completer has now to fire.
func (l *latch) publish(bits uint64) (word uint64, nodes *node) {
	sched.Point("publish: take the nodes")
	nodes, prompt := split(l.head)
	l.head = nil
	done := l.word.Load()&bitChan != 0
	if done || prompt != nil {
		sched.Point("publish: closing")
		l.word.Add(bitClosing)
	}
	if done || prompt != nil && prompt.next != nil {
		for n := prompt; n != nil; n = n.next {
			n.early = true
		}
	}
	fire(prompt)
	if done {
		sched.Point("publish: close")
		close(l.ch)
	}
	sched.Point("publish: set")
	word = l.word.Add(bits | bitSet) // the bits are clear until here, so Add is Or
	l.mu.Unlock()
	sched.Point("published")
	return word, nodes
}

// set completes a latch that publishes nothing but itself.
func (l *latch) set() bool {
	if !l.claim() {
		return false
	}
	_, nodes := l.publish(0)
	fire(nodes)
	return true
}
