package latch

import (
	"context"
	"slices"
)

// This file has contexts and channels that belong to others as members of a queue. Set.Add
// of package async calls it. A context is anybody's code: its methods are called while
// the lock of the queue is free. A value that is received from a channel is gone, so a
// value is received only where its member then comes out.
//
// What may not change: one sleeper at a time selects over the channels, and while it does,
// nobody else receives from them. Two that receive at once would consume two values for one
// member. A sleeper that awakes while nobody selects rouses another for that, or nobody looks
// at the channels that are left (Q4): also one that did not select, since it may have been
// roused for that as its own wait ended.

// A contextEnd stands for a member that is a context and whose end was not noticed yet.
// The queue has a map of them by node. An entry leaves the map when the end is noticed or
// the member is withdrawn; whatever tells of the end later finds that it is not there.
type contextEnd struct {
	done <-chan struct{}
	stop func() bool // ends the registration at the context; nil until there is one
}

// AddContext enters a context, which is complete when it has ended. See [Queue.Add] for
// enter.
func (q *Queue) AddContext(ctx context.Context, enter func(free *Node) *Node) {
	e := &contextEnd{done: ctx.Done()}
	n := q.enterContext(e, enter)
	if e.done == nil {
		return
	}
	// The context may end before AfterFunc has returned, so the stop function comes late:
	// keepStop looks whether it is still of use.
	stop := context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.endedLocked(n, e)
	})
	if !q.keepStop(n, e, stop) {
		stop()
	}
}

// enterContext gives the member a node, and notes that the end is still to come. Both are
// one critical section, so that Withdraw finds either nothing or both.
func (q *Queue) enterContext(e *contextEnd, enter func(free *Node) *Node) *Node {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.enterLocked(nil, enter)
	if q.ends == nil {
		q.ends = make(map[*Node]*contextEnd)
	}
	q.ends[n] = e
	return n
}

// keepStop keeps the stop function of a registration, for Withdraw, and reports true. It
// reports false where the registration is of no use: the context has ended by now, or the
// member was withdrawn. keepStop looks at the context itself, since package context tells of
// an end on another goroutine, and a member that has ended is to come out at once (R6).
func (q *Queue) keepStop(n *Node, e *contextEnd, stop func() bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if Ready(e.done) {
		q.endedLocked(n, e)
	}
	waiting := q.ends[n] == e
	if waiting {
		e.stop = stop
	}
	return waiting
}

// endedLocked has a context come out of the queue, unless that was done before, or the
// member was withdrawn (Q1, Q2).
func (q *Queue) endedLocked(n *Node, e *contextEnd) {
	if q.ends[n] == e {
		delete(q.ends, n)
		q.pushLocked(n)
	}
}

// lookAtContextsLocked finds the contexts that have ended. The end of a context is told
// by a goroutine, which may be late.
func (q *Queue) lookAtContextsLocked() {
	for n, e := range q.ends {
		if Ready(e.done) {
			q.endedLocked(n, e)
		}
	}
}

// A foreign is a member that is a channel. A channel cannot tell of its completion, so the
// takers look at it: without waiting in takeLocked, and by a select while they sleep.
type foreign struct {
	ch <-chan struct{}
	n  *Node
}

// AddChan enters a channel, which is complete when a receive from it has succeeded. A
// nil channel never completes. See [Queue.Add] for enter.
func (q *Queue) AddChan(ch <-chan struct{}, enter func(free *Node) *Node) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.enterLocked(nil, enter)
	if ch != nil {
		q.foreign = append(q.foreign, foreign{ch, n})
		q.rouseAllLocked() // the sleeper that selects does so without ch
	}
}

// receiveLocked receives from each channel that is ready. While a sleeper selects over
// the channels, receiveLocked leaves them to that sleeper.
func (q *Queue) receiveLocked() {
	if len(q.foreign) == 0 || q.selecting {
		return
	}
	// Every channel that is ready is received from, and all of these members come out.
	q.foreign = slices.DeleteFunc(q.foreign, func(f foreign) bool {
		got := Ready(f.ch)
		if got {
			q.pushLocked(f.n)
		}
		return got
	})
}

// selectLocked is parkLocked for the one sleeper that also selects over the channels. One
// sleeper does so at a time, so that no more is received than comes out. When that
// sleeper leaves, another takes its place.
//
// The list of channels is copied, since members may enter and leave while the sleeper
// selects. A member that was withdrawn meanwhile is recognized by receivedLocked; the value
// that was received for it is lost, as it would have been an instant before.
func (q *Queue) selectLocked(s *Sleeper, u Until) (woken bool) {
	members := slices.Clone(q.foreign)
	q.selecting = true
	q.mu.Unlock()
	chans := make([]<-chan struct{}, len(members))
	for i, f := range members {
		chans[i] = f.ch
	}
	u.Lend()
	got := receiveAny(chans, Until{Done: u.Done}, s.wake)
	q.mu.Lock()
	q.selecting = false
	for _, i := range got {
		q.receivedLocked(members[i].n)
	}
	return len(got) > 0 || !Ready(u.Done)
}

// receivedLocked has a channel come out of the queue, unless the member was withdrawn. A
// member that was withdrawn is not in the list any more (Q2).
func (q *Queue) receivedLocked(n *Node) {
	i := slices.IndexFunc(q.foreign, func(f foreign) bool { return f.n == n })
	if i < 0 {
		return
	}
	q.foreign = slices.Delete(q.foreign, i, i+1)
	q.pushLocked(n)
}
