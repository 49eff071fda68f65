package latch

import (
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/sched"
)

// This file has the latch and its life: asked for, claimed, published. Owners embed a
// [Latch]; sinks and waits of this package hang on it. Nothing here knows what a waiter
// does when it is told: the list holds nodes, and a node tells its sink.

// A Latch is not set at first, then set, and stays set. Nodes that are linked to the
// latch are fired once, when the latch is set.
//
//	not set ──Claim──▶ claimed ──Publish──▶ closing ─────────▶ set ──▶ Fire
//	                   the completer        prompt nodes are   Mu is   the other nodes
//	                   holds Mu, writes     fired, then the    free    are fired
//	                   what it publishes    channel is closed
//
// The state closing is left out where there is neither a channel nor a prompt node: nothing
// else has to agree with the set bit then.
//
// Invariants:
//
//	L1  The set bit is added once, under Mu, by the one completer. It is never cleared.
//	L2  A completer writes what it publishes before it adds the set bit, and nobody
//	    writes that again. A goroutine that has seen the set bit reads it without a
//	    lock. Operations on the word are sequentially consistent, so a goroutine that
//	    sees the set bit is synchronized after the completer.
//	L3  The channel is made once, under Mu: by Done, or by a wait that only completion
//	    ends. The channel is closed exactly once: by the completer, or by Done where
//	    the latch was set first.
//	L4  Where the channel exists before the latch is set, the completer adds the
//	    closing bit, closes the channel and adds the set bit, all under Mu. A goroutine
//	    that sees closing without set waits for Mu, and then finds both. So "set"
//	    implies that the channel is closed, and a closed channel implies "set", for
//	    every observer. The same holds for prompt nodes.
//	L5  A linked node leaves the list in one of two ways: Unlink takes the node out, or
//	    the completer takes the whole list. The first of the two decides, so a node is
//	    either unlinked or fired, and never both. Mu guards the list. No node is linked
//	    after the latch is set.
//	L6  Firing runs no code of a user and waits for nothing but the lock of a queue.
//	    Nodes are fired after the set bit is added and Mu is free. Prompt nodes are
//	    fired earlier: under Mu, after the closing bit, before the channel is closed
//	    and the set bit is added. So a completion that can be seen is in each [Queue]
//	    that waits for it.
//	L7  Refer adds a reference only where there is one. Add does so always, and the
//	    owner of the latch uses Add only where nothing depends on a count of zero.
//
// Lock order: the Mu of a latch before the lock of a [Queue]. Two latches are locked at
// the same time only by an owner that replaces one by another: the old one first, then
// the new one, which no other goroutine can know yet.
type Latch struct {
	// Word holds the bits and the counts that word.go draws. Everybody may load it.
	// The owner of the latch adds the owner's bits, and gives references up.
	Word atomic.Uint64

	// Mu is held while the latch becomes set. The owner of the latch holds Mu where a
	// completion must not come in between, and for a few steps only.
	Mu sched.Mutex

	ch   chan struct{} // L3; written under Mu, read without Mu after the chan bit was seen
	head *Node         // the nodes to fire, the last linked first; L5
}

// IsSet reports whether the latch is set. A set latch costs one atomic load.
func (l *Latch) IsSet() bool { return l.Word.Load()&BitSet != 0 || l.closing() }

// closing waits for a completer that has added the closing bit (L4), and reports whether
// there was one. If closing were inlined, IsSet would be too large to be inlined.
//
//go:noinline
func (l *Latch) closing() bool {
	if l.Word.Load()&(BitClosing|BitSet) == 0 {
		return false
	}
	l.settle()
	return true
}

// settle waits until a completer is done that holds Mu, or has the set bit added. The
// caller knows that there is a completer: a node was fired, or the channel was closed.
func (l *Latch) settle() {
	if l.Word.Load()&BitSet == 0 {
		l.Mu.Lock()
		defer l.Mu.Unlock()
	}
}

// Done returns the channel that is closed when the latch is set. The first call makes
// the channel; every call returns the same one.
func (l *Latch) Done() <-chan struct{} {
	sched.Point("done")
	if l.Word.Load()&BitChan != 0 {
		return l.ch
	}
	l.Mu.Lock()
	defer l.Mu.Unlock()
	return l.doneLocked()
}

// doneLocked is Done under Mu (L3).
func (l *Latch) doneLocked() <-chan struct{} {
	if w := l.Word.Load(); w&BitChan == 0 {
		l.ch = make(chan struct{})
		if w&BitSet != 0 {
			close(l.ch)
		}
		sched.Point("done: made")
		l.Word.Add(BitChan)
	}
	return l.ch
}

// Claim makes the caller the completer: Claim returns true and holds Mu. The completer
// writes what it publishes and calls [Latch.Publish]. Claim returns false, with Mu free,
// where the latch is set. The caller then finds all that the completer published (L4).
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

// Publish sets the latch, adds the owner's bits in the same step, and frees Mu. The
// caller has claimed the latch, and no bit of bits is in the word yet. Publish returns
// the word at the instant of completion, and the nodes that the caller now has to fire
// with [Fire]. Between the two the caller may do what has to be done before a waiter
// goes on.
func (l *Latch) Publish(bits uint64) (word uint64, nodes *Node) {
	// Take the list. No node is linked from here on: Mu is held until set is added (L5).
	sched.Point("publish: take the nodes")
	nodes, prompt := split(l.head)
	l.head = nil
	// Announce what follows, where there is anything that has to agree with set (L4).
	done := l.Word.Load()&BitChan != 0
	if done || prompt != nil {
		sched.Point("publish: closing")
		l.Word.Add(BitClosing)
	}
	// A taker of a prompt node has to wait where the rest could be seen to lag behind: a
	// channel that is still open, or another queue that is not told yet.
	if done || prompt != nil && prompt.next != nil {
		for n := prompt; n != nil; n = n.next {
			n.early = true
		}
	}
	Fire(prompt)
	if done {
		sched.Point("publish: close")
		close(l.ch)
	}
	sched.Point("publish: set")
	word = l.Word.Add(bits | BitSet) // the bits are clear until here, so Add is Or
	l.Mu.Unlock()
	sched.Point("published")
	return word, nodes
}

// Set sets a latch that publishes nothing but itself. Set reports whether this call has
// set the latch: false where the latch was set before.
func (l *Latch) Set() bool {
	if !l.Claim() {
		return false
	}
	_, nodes := l.Publish(0)
	Fire(nodes)
	return true
}

// Census returns the word, and the number of nodes that wait for the latch and whose
// waiters have no reference: those with a reference are in the counts of the word.
// Census stops at most nodes, since a completer has to wait meanwhile. A set latch has
// no nodes.
func (l *Latch) Census(most int) (word uint64, nodes int) {
	l.Mu.Lock()
	defer l.Mu.Unlock()
	for n := l.head; n != nil && nodes < most; n = n.next {
		if !n.refers {
			nodes++
		}
	}
	return l.Word.Load(), nodes
}
