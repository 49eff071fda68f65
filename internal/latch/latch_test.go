package latch_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
)

func isReady(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// Of many completers at the same time one sets the latch, and it stays set (L1).
func TestL1_OneCompleter(t *testing.T) {
	for round := range rounds {
		var l latch.Latch
		l.Done()
		var won atomic.Int32
		set := func() {
			if l.Set() {
				won.Add(1)
			}
			if !l.IsSet() || !isReady(l.Done()) {
				t.Errorf("round %d: told who has won, and not set", round)
			}
		}
		together(set, set, set)
		wantEq(t, "completers", won.Load(), int32(1))
		wantEq(t, "another Set", l.Set(), false)
		wantEq(t, "another Claim", l.Claim(), false)
	}
}

// A claim that is not published holds the lock: nobody else completes meanwhile (L1).
func TestL1_AClaimHoldsTheLock(t *testing.T) {
	var l latch.Latch
	wantEq(t, "Claim", l.Claim(), true)
	wantEq(t, "TryLock", l.Mu.TryLock(), false)
	word, nodes := l.Publish(latch.FirstBit << 2)
	wantEq(t, "word", word, latch.BitSet|latch.FirstBit<<2)
	wantEq(t, "no nodes", nodes == nil, true)
	wantEq(t, "TryLock", l.Mu.TryLock(), true)
	l.Mu.Unlock()
}

// A goroutine that has seen the set bit, by any way, reads what was published (L2). The
// race detector looks on.
func TestL2_PublishedIsVisible(t *testing.T) {
	for range rounds {
		var l latch.Latch
		published := 0
		look := func(seen func() bool) func() {
			return func() {
				if seen() && published != 7 {
					t.Errorf("published %d", published)
				}
			}
		}
		together(
			func() {
				l.Claim()
				published = 7
				_, nodes := l.Publish(0)
				latch.Fire(nodes)
			},
			look(l.IsSet),
			look(func() bool { return l.Wait(latch.Until{}) }),
			look(func() bool { return l.Wait(latch.Until{Done: make(chan struct{})}) }),
			look(func() bool { return isReady(l.Done()) }))
	}
}

// The channel is made by the first who asks, and closed once, whenever that is (L3).
func TestL3_OneChannelClosedOnce(t *testing.T) {
	var early, late latch.Latch
	done := early.Done()
	wantEq(t, "closed before", isReady(done), false)
	early.Set()
	late.Set()
	wantEq(t, "no channel without asking", late.Word.Load()&latch.BitChan, uint64(0))
	wantEq(t, "closed", isReady(done) && isReady(late.Done()), true)
	again := late.Done()
	wantEq(t, "the same", early.Done() == done && late.Done() == again, true)
	for range rounds {
		var l latch.Latch
		var a, b <-chan struct{}
		together(func() { a = l.Done() }, func() { b = l.Done() }, func() { l.Set() })
		wantEq(t, "one channel", a == b && isReady(a), true)
	}
}

// A wait with an end makes no channel that stays (L3).
func TestL3_AWaitWithAnEndMakesNoChannel(t *testing.T) {
	var l latch.Latch
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		wantEq(t, "Wait", latch.WaitTimeout(time.Second, l.Wait), false)
		wantEq(t, "time", time.Since(start), time.Second)
		wantEq(t, "Wait of no time", latch.WaitTimeout(0, l.Wait), false)
		over := make(chan struct{})
		close(over)
		wantEq(t, "Wait that is over", l.Wait(latch.Until{Done: over}), false)
		go func() { time.Sleep(time.Second - 1); l.Set() }()
		wantEq(t, "Wait in time", latch.WaitTimeout(time.Second, l.Wait), true)
		wantEq(t, "Wait of what is set", l.Wait(latch.Until{Done: over}), true)
	})
	wantEq(t, "word", l.Word.Load(), latch.BitSet)
	_, nodes := l.Census(10)
	wantEq(t, "nodes", nodes, 0)
}

// Whoever sees the closing bit waits for the completer: set and the channel are seen
// together, by every observer (L4).
func TestL4_SetAndClosedAreOne(t *testing.T) {
	for range rounds {
		var l latch.Latch
		done := l.Done()
		together(
			func() { l.Set() },
			func() {
				if isReady(done) && !l.IsSet() {
					t.Error("closed, and not set")
				}
			},
			func() {
				if l.IsSet() && !isReady(done) {
					t.Error("set, and not closed")
				}
			})
	}
}

// A node leaves from everywhere in a list, is fired otherwise, and never both (L5).
func TestL5_UnlinkFromEverywhere(t *testing.T) {
	for out := range 1 << 5 {
		downwards := out>>4 == 1
		var l latch.Latch
		var fired, want notes
		var nodes [4]*latch.Node
		for i := range nodes {
			nodes[i] = node(&l, &fired, i)
			wantEq(t, "Link", l.Link(nodes[i]), true)
		}
		for i := range nodes {
			if out>>i&1 == 0 {
				want = append(want, i)
			}
			if downwards {
				i = len(nodes) - 1 - i
			}
			if n := nodes[i]; out>>i&1 != 0 {
				wantEq(t, "Unlink", l.Unlink(n), true)
				wantEq(t, "Unlink again", l.Unlink(n), false)
			}
		}
		l.Set()
		wantEqual(t, "fired", fired, want)
		for _, n := range nodes {
			wantEq(t, "Unlink after", l.Unlink(n), false)
		}
		wantEq(t, "Link after", l.Link(node(&l, &fired, 9)), false)
	}
}

// Of Unlink and a completion at the same time one has the node (L5).
func TestL5_UnlinkedOrFired(t *testing.T) {
	for round := range rounds {
		var l latch.Latch
		var fired, other notes
		n, m := node(&l, &fired, 0), node(&l, &other, 0)
		l.Link(n)
		var unlinked, linked bool
		together(func() { l.Set() }, func() { unlinked = l.Unlink(n) }, func() { linked = l.Link(m) })
		if unlinked == (len(fired) == 1) || linked != (len(other) == 1) {
			t.Fatalf("round %d: unlinked %v, fired %v; linked %v, fired %v", round, unlinked, fired, linked, other)
		}
	}
}

// Nodes are fired in the order in which they were linked, with the lock free and the set
// bit added; those of a queue before both (L6).
func TestL6_TheOrderOfFiring(t *testing.T) {
	var l latch.Latch
	var o owner
	var order []int
	for i := range 3 {
		l.Link(node(&l, sinkFunc(func(n *latch.Node) {
			if free := l.Mu.TryLock(); !free || !l.IsSet() || o.q.Len() != 2 {
				t.Errorf("fired with the lock free: %v", free)
			}
			l.Mu.Unlock()
			order = append(order, n.Index())
		}), i))
	}
	o.add(7, &l)
	o.add(8, &l)
	l.Claim()
	word, nodes := l.Publish(0)
	wantEq(t, "closing bit", word&latch.BitClosing != 0, true)
	wantEq(t, "complete in the queue", o.q.Len(), 2)
	latch.Fire(nodes)
	wantEqual(t, "order", order, []int{0, 1, 2})
	wantEqual(t, "queue", o.rest(), []int{7, 8})
}

// A node may be linked again as soon as it is fired (L6).
func TestL6_AFiredNodeIsUsedAgain(t *testing.T) {
	var a, b latch.Latch
	var fired notes
	again := new(latch.Node)
	again.Reset(&a, sinkFunc(func(n *latch.Node) {
		n.Reset(&b, &fired, 5)
		b.Link(n)
	}), 0)
	a.Link(again)
	a.Link(node(&a, &fired, 1))
	a.Set()
	b.Set()
	wantEqual(t, "fired", fired, []int{1, 5})
}

// Census counts the nodes whose waiters have no reference, and stops where it is told.
func TestCensus(t *testing.T) {
	var l latch.Latch
	var fired notes
	for i := range 5 {
		n := node(&l, &fired, i)
		if i == 2 {
			n.Refers()
		}
		l.Link(n)
	}
	l.Add(latch.OneRef)
	for most, want := range []int{0, 1, 2, 3, 4, 4} {
		word, nodes := l.Census(most)
		wantEq(t, "nodes", nodes, want)
		wantEq(t, "word", word, latch.OneRef)
	}
	l.Set()
	_, nodes := l.Census(9)
	wantEq(t, "nodes of a set latch", nodes, 0)
}

// A function starts once, or its stop has kept it from starting (L5).
func TestL5_After(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l latch.Latch
		var ran, kept, late atomic.Int32
		stop := l.After(func() { ran.Add(1) })
		wantEq(t, "stop", l.After(func() { kept.Add(1) })(), true)
		l.Set()
		wantEq(t, "stop after", stop(), false)
		wantEq(t, "stop of one that came late", l.After(func() { late.Add(1) })(), false)
		synctest.Wait()
		wantEq(t, "ran", [3]int32{ran.Load(), kept.Load(), late.Load()}, [3]int32{1, 0, 1})
	})
}
