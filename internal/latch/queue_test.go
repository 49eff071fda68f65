package latch_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
)

// Many takers and many completers: each member comes out once (Q1).
func TestQ1_EachComesOutOnce(t *testing.T) {
	const n, takers = 200, 3
	for range rounds / 20 {
		var o owner
		latches := make([]latch.Latch, n)
		var mu sync.Mutex
		var got []int
		take := func() {
			for {
				key, out := o.next(bg)
				if out != latch.Taken {
					return
				}
				mu.Lock()
				got = append(got, key)
				mu.Unlock()
			}
		}
		for i := range latches {
			o.add(i, &latches[i])
		}
		acts := slices.Repeat([]func(){take}, takers)
		together(append(acts, func() {
			for i := range latches {
				latches[i].Set()
			}
		})...)
		slices.Sort(got)
		for i, key := range got {
			wantEq(t, "key", key, i)
		}
		wantEq(t, "taken", len(got), n)
		wantEq(t, "left", o.q.Len(), 0)
	}
}

// A node that has come out is used again, for members of every kind (Q1).
func TestQ1_NodesAreUsedAgain(t *testing.T) {
	var o owner
	ended, cancel := context.WithCancel(bg)
	cancel()
	closed := make(chan struct{})
	close(closed)
	for round := range 10 {
		var l, set latch.Latch
		set.Set()
		o.add(0, &l)
		o.add(1, &set)
		o.addContext(2, ended)
		o.addChan(3, closed)
		l.Set()
		got := o.rest()
		slices.Sort(got)
		wantEqual(t, fmt.Sprint("round ", round), got, []int{0, 1, 2, 3})
	}
	wantEq(t, "nodes", len(o.nodes), 4)
}

// Where the owner panics nothing has entered, and the queue goes on (Q1).
func TestQ1_AnOwnerThatPanics(t *testing.T) {
	var o owner
	var l latch.Latch
	o.add(1, &l)
	refuse := func(*latch.Node) *latch.Node { panic("full") }
	for what, add := range map[string]func(){
		"Add":        func() { o.q.Add(&l, refuse) },
		"AddContext": func() { o.q.AddContext(bg, refuse) },
		"AddChan":    func() { o.q.AddChan(nil, refuse) },
	} {
		wantEq(t, what, panicOf(add), "full")
	}
	wantEq(t, "members", o.q.Len(), 1)
	l.Set()
	wantEqual(t, "taken", o.rest(), []int{1})
}

// AddAll enters the nodes of the owner: latches that are pending, set, and none (Q1).
func TestQ1_AddAll(t *testing.T) {
	var pending, set latch.Latch
	set.Set()
	members := []*latch.Latch{&pending, &set, nil}
	var q latch.Queue
	nodes := make([]latch.Node, len(members))
	q.AddAll(nodes, func(i int) *latch.Latch { return members[i] })
	wantEq(t, "members", q.Len(), 3)
	_, counted := pending.Census(9)
	wantEq(t, "waiters without a reference", counted, 0)
	pending.Set()
	var got []int
	for q.TryNext(func(n *latch.Node) { got = append(got, n.Index()) }) {
		continue
	}
	wantEqual(t, "taken", got, []int{1, 2, 0})
	latch.UnlinkAll(nodes)
}

// What was withdrawn never comes out, of whatever kind it is and whether or not it was
// complete, and its latch does not hold it (Q2).
func TestQ2_WithdrawnIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o owner
		var l, set, late latch.Latch
		set.Set()
		ctx, cancel := context.WithCancel(bg)
		ch := make(chan struct{}, 1)
		o.add(1, &l)
		o.add(2, &set)
		o.addContext(3, ctx)
		o.addContext(4, bg)
		o.addChan(5, ch)
		o.addChan(6, nil)
		o.withdraw()
		wantEq(t, "members", o.q.Len(), 0)
		_, nodes := l.Census(9)
		wantEq(t, "linked", nodes, 0)
		l.Set()
		cancel()
		ch <- struct{}{}
		synctest.Wait()
		wantEqual(t, "taken", o.rest(), nil)
		wantEq(t, "values left", len(ch), 1)
		o.add(7, &late)
		late.Set()
		wantEqual(t, "taken", o.rest(), []int{7})
	})
}

// A withdrawal and completions at the same time (Q2).
func TestQ2_WithdrawAgainstCompletion(t *testing.T) {
	for round := range rounds {
		var o owner
		var a, b latch.Latch
		ctx, cancel := context.WithCancel(bg)
		o.add(1, &a)
		o.addContext(2, ctx)
		together(func() { a.Set() }, cancel, o.withdraw, func() { o.add(3, &b) })
		wantEqual(t, "taken", o.rest(), nil)
		n := o.q.Len()
		_, linked := b.Census(9)
		if n != linked {
			t.Fatalf("round %d: %d members, %d nodes", round, n, linked)
		}
		b.Set()
		wantEq(t, "taken", len(o.rest()), n)
	}
}

// A taker that waits is told that the queue is empty, by another's Next or by Withdraw,
// also where a member is added before the taker looks (Q3).
func TestQ3_TheEmptyQueueIsTold(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that who is woken does not run at once
	for _, more := range []bool{false, true} {
		for name, empty := range map[string]func(o *owner, l *latch.Latch){
			"withdraw": func(o *owner, _ *latch.Latch) { o.withdraw() },
			"taken":    func(o *owner, l *latch.Latch) { l.Set(); o.tryNext() },
		} {
			t.Run(fmt.Sprint(name, ", and more comes: ", more), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var o owner
					var l, other latch.Latch
					o.add(1, &l)
					outs := make(chan latch.Outcome, 2)
					for range cap(outs) {
						go func() { _, out := o.next(bg); outs <- out }()
					}
					synctest.Wait()
					empty(&o, &l)
					if more {
						o.add(2, &other)
					}
					synctest.Wait()
					for range cap(outs) {
						wantEq(t, "outcome", <-outs, latch.Empty)
					}
				})
			})
		}
	}
}

// An empty queue says so at once, and the outcomes have names (Q3).
func TestQ3_NothingToWaitFor(t *testing.T) {
	var o owner
	_, out := o.next(bg)
	wantEq(t, "outcome", out, latch.Empty)
	_, ok := o.tryNext()
	wantEq(t, "TryNext", ok, false)
	o.withdraw()
	wantEq(t, "names", fmt.Sprint(latch.Taken, latch.Empty, latch.Ended), "taken empty ended")
}

// Two completions come before the first of the sleepers has run: each wakes one (Q4).
func TestQ4_EachCompletionWakesOne(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that who is woken does not run at once
	synctest.Test(t, func(t *testing.T) {
		var o owner
		latches := make([]latch.Latch, 4)
		got := make(chan int, len(latches))
		for i := range latches {
			o.add(i, &latches[i])
		}
		for range latches {
			go func() { key, _ := o.next(bg); got <- key }()
		}
		synctest.Wait()
		for i := range latches {
			latches[i].Set()
		}
		synctest.Wait()
		wantEq(t, "taken", len(got), len(latches))
	})
}

// A sleeper that gives up as it is woken takes the completion along (Q4, R6).
func TestQ4_AWakeUpIsNotLostWithItsSleeper(t *testing.T) {
	for round := range rounds {
		var o owner
		var l, never latch.Latch
		o.add(1, &l)
		o.add(2, &never)
		ctx, cancel := context.WithCancel(bg)
		var key int
		var out latch.Outcome
		inTime := false
		together(
			func() { key, out = o.next(ctx) },
			func() { l.Set(); inTime = true; cancel() })
		if out != latch.Taken || key != 1 || !inTime {
			t.Fatalf("round %d: %v of %d", round, out, key)
		}
		o.withdraw()
	}
}

// A sleeper that has to wait for its slot wakes another for the completion (Q4).
func TestQ4_ACompletionDoesNotWaitForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o owner
		var l, second latch.Latch
		o.add(1, &l)
		o.add(2, &second)
		take := func(s latch.Slot, at *time.Duration) {
			start := time.Now()
			o.q.Next(latch.NewSleeper(), latch.Until{Slot: s}, func(*latch.Node) {})
			*at = time.Since(start)
		}
		first, other := time.Duration(-1), time.Duration(-1)
		go take(&slot{late: true}, &first)
		synctest.Wait()
		go take(nil, &other)
		synctest.Wait()
		l.Set()
		synctest.Wait()
		wantEq(t, "times after the first completion", [2]time.Duration{first, other}, [2]time.Duration{-1, 0})
		time.Sleep(2 * time.Hour)
		second.Set()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		wantEq(t, "time of the other", first, 3*time.Hour)
	})
}

// The sleeper that selects over the channels leaves, and another does so (Q4).
func TestQ4_SomebodyLooksAfterTheChannels(t *testing.T) {
	for name, leave := range map[string]func(cancel func(), l *latch.Latch){
		"its wait ended":    func(cancel func(), _ *latch.Latch) { cancel() },
		"it has its answer": func(_ func(), l *latch.Latch) { l.Set() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var o owner
				var l, never latch.Latch
				ch, late := make(chan struct{}), make(chan struct{})
				o.add(1, &l)
				o.addChan(2, ch)
				o.add(3, &never)
				ctx, cancel := context.WithCancel(bg)
				defer cancel()
				got := make(chan int, 2)
				for _, ctx := range []context.Context{ctx, bg} {
					go func() { key, _ := o.next(ctx); got <- key }()
					synctest.Wait()
				}
				leave(cancel, &l)
				<-got
				close(ch)
				wantEq(t, "key", <-got, 2)
				go func() { key, _ := o.next(bg); got <- key }()
				synctest.Wait()
				o.addChan(4, late) // while the sleeper selects over others, or over none
				synctest.Wait()
				close(late)
				wantEq(t, "key", <-got, 4)
				o.withdraw()
			})
		})
	}
}

// Members come out in the order in which their latches were set, and what is set before
// it is added in the order in which it was added (Q5).
func TestQ5_TheOrderOfCompletion(t *testing.T) {
	var o owner
	latches := make([]latch.Latch, 6)
	for i := range latches[:4] {
		o.add(i, &latches[i])
	}
	for _, i := range []int{2, 0, 5, 3, 4, 1} {
		if latches[i].Set(); i > 3 {
			o.add(i, &latches[i])
		}
		if i == 5 {
			key, _ := o.tryNext()
			wantEq(t, "in between", key, 2)
		}
	}
	wantEqual(t, "order", o.rest(), []int{0, 5, 3, 4, 1})
}

// A value of a channel is received for one member, where that comes out and not before.
func TestQ1_AValueIsReceivedOnce(t *testing.T) {
	var o owner
	ch := make(chan struct{}, 9)
	o.addChan(1, ch)
	wantEqual(t, "taken", o.rest(), nil)
	for range 3 {
		ch <- struct{}{}
	}
	wantEqual(t, "taken", o.rest(), []int{1})
	wantEq(t, "values left", len(ch), 2)
	for round := range rounds / 10 {
		const members = 5
		values := make(chan struct{}, members)
		for i := range members {
			o.addChan(i, values)
		}
		var mu sync.Mutex
		n := 0
		take := func() {
			for {
				if _, out := o.next(bg); out != latch.Taken {
					return
				}
				mu.Lock()
				n++
				mu.Unlock()
			}
		}
		together(take, take, func() {
			for range members {
				values <- struct{}{}
			}
		})
		if n != members || len(values) != 0 {
			t.Fatalf("round %d: %d taken, %d values left", round, n, len(values))
		}
	}
}

// A context comes out when it has ended, though its end is told by a goroutine; a taker
// whose own wait ends finds it, too (R6).
func TestR6_AContextThatEndsTheWait(t *testing.T) {
	for range rounds {
		var o owner
		ctx, cancel := context.WithCancel(bg)
		o.addContext(1, ctx)
		cancel()
		key, out := o.next(ctx)
		wantEq(t, "outcome", out, latch.Taken)
		wantEq(t, "key", key, 1)
	}
	var o owner
	o.add(1, new(latch.Latch))
	over, cancel := context.WithCancel(bg)
	cancel()
	_, out := o.next(over)
	wantEq(t, "outcome", out, latch.Ended)
}
