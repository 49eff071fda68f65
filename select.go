package async

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/sched"
)

// WaitAny waits until one of ws is complete and returns its index: at once, and
// the lowest, where some are, even if ctx is done (R6). Nothing is taken from any
// member, and the others are neither canceled nor held. When ctx ends first it
// returns -1 and a [*WaitError]; without members, -1 and [ErrNothingToWait]. It
// leaves nothing behind: it has unlinked itself from every member.
//
// Members may be of any kinds, mixed, the same one twice, any number; see
// [Waitable]. It costs time in proportion to their number at every call: to
// wait for one after the other, use a [Set]. Members that are neither this
// package's nor contexts are selected over by package reflect, 65,535 at a time
// and beyond that with a goroutine for each as many; there, values that arrive on
// several [Chan]s in the same instant may all be consumed, and one is reported.
//
// WaitAny panics where a member is nil, naming its index.
func WaitAny(ctx context.Context, ws ...Waitable) (int, error) {
	if len(ws) == 0 {
		return -1, ErrNothingToWait
	}
	u := untilDone(ctx)
	i := firstComplete(ws[:min(len(ws), cheapMembers)])
	if i < 0 {
		u.giveWay()
		i = firstComplete(ws)
	}
	if i >= 0 {
		checkMembers(ws)
		return i, nil
	}
	a := newAny1(len(ws))
	defer a.leave()
	first := -1
	for i, w := range ws {
		if l := latchOf(w, i); first < 0 && !a.join(i, w, l) {
			first = i
		}
	}
	if first >= 0 {
		return first, nil
	}
	if i := a.park(u); i >= 0 {
		return i, nil
	}
	if i := a.complete(ws); i >= 0 { // R6
		return i, nil
	}
	return -1, contextWaitError(ctx, nil)
}

// cheapMembers is how many members are looked at before others are let run.
const cheapMembers = 16

// checkMembers panics where a member is nil.
func checkMembers(ws []Waitable) {
	for i, w := range ws {
		latchOf(w, i)
	}
}

func panicNilMember(i int) { panic(fmt.Sprintf("async: member %d to wait for is nil", i)) }

// firstComplete returns the index of the first complete member, or -1.
func firstComplete(ws []Waitable) int {
	for i, w := range ws {
		if l := latchOf(w, i); l != nil && l.isSet() || l == nil && ready(w.Done()) {
			return i
		}
	}
	return -1
}

// latchOf returns the latch under a member of this package's own, or nil. It
// panics where the member is nil.
func latchOf(w Waitable, i int) *latch {
	var l *latch
	switch e := w.(type) {
	case *Event: // also a native; to compare with one type costs less than to look for methods
		l = e.source()
	case nil:
	default:
		n, own := ownOf(w)
		if !own {
			return nil
		}
		l = n.source()
	}
	if l == nil {
		panicNilMember(i)
	}
	return l
}

// An any1 is the wait of one goroutine for the first of many. It has a node at
// every native member; the first to be fired wins.
type any1 struct {
	won   atomic.Int64 // index of the winner, plus one
	over  parker
	nodes []node

	stops   []func() bool // for contexts
	foreign []<-chan struct{}
	index   []int // of foreign's members
}

func newAny1(n int) *any1 { return &any1{nodes: make([]node, n)} }

// fire makes n the winner unless there is one.
func (a *any1) fire(n *node) {
	sched.Point("win")
	if a.won.CompareAndSwap(0, int64(n.i)+1) {
		a.over.tell()
	}
}

// join registers for member i, which is w and may have the latch l; it reports
// false where that is complete.
func (a *any1) join(i int, w Waitable, l *latch) bool {
	n := &a.nodes[i]
	n.reset(l, a, i)
	if l != nil {
		return l.link(n)
	}
	done := w.Done()
	if done == nil {
		return true
	}
	if ready(done) {
		return false
	}
	if ctx, ok := w.(context.Context); ok {
		a.stops = append(a.stops, context.AfterFunc(ctx, func() { a.fire(n) }))
	} else {
		a.foreign, a.index = append(a.foreign, done), append(a.index, i)
	}
	return true
}

// park waits for a winner and returns its index, or -1 where u ends the wait
// first.
func (a *any1) park(u until) int {
	if len(a.foreign) == 0 {
		a.over.park(u)
	} else if over := a.over.channel(); over != nil {
		if got := receiveAny(a.foreign, u, over); len(got) > 0 {
			return a.index[got[0]]
		}
	}
	return int(a.won.Load()) - 1
}

// complete returns the index of the first member that is complete, or -1. It
// looks at the latches that were joined: a call's object may have begun another.
func (a *any1) complete(ws []Waitable) int {
	for i := range a.nodes {
		if l := a.nodes[i].l; l != nil && l.isSet() || l == nil && ready(ws[i].Done()) {
			return i
		}
	}
	return -1
}

// leave takes every registration back (S5).
func (a *any1) leave() {
	unlinkAll(a.nodes)
	for _, stop := range a.stops {
		stop()
	}
}

// WaitAll waits until all of ws are complete and returns nil, at once where they
// are or there are none. When ctx ends first it returns a [*WaitError] on the
// first member that is not complete, and leaves nothing behind. Nothing is taken
// from any member. Members are as for [WaitAny]; it parks once for all that are
// this package's own. Channels of other kinds it receives from in the order in
// which they are ready, with a reflect.Select over those that are left each time.
// It panics where a member is nil, naming its index.
func WaitAll(ctx context.Context, ws ...Waitable) error {
	u := untilDone(ctx)
	t := newTally(len(ws))
	defer unlinkAll(t.nodes)
	var foreign []<-chan struct{}
	var index []int
	for i, w := range ws {
		if l := latchOf(w, i); l != nil {
			t.join(i, l)
			continue
		}
		t.left.Add(-1)
		if _, ok := w.(context.Context); !ok {
			foreign, index = append(foreign, w.Done()), append(index, i)
		}
	}
	first := len(ws) // that is not complete
	for _, k := range receiveEach(foreign, u) {
		first = min(first, index[k])
	}
	t.park(u)
	for i, w := range ws[:first] {
		if !t.isComplete(i, w, u) {
			first = i
			break
		}
	}
	if first < len(ws) {
		return contextWaitError(ctx, ws[first])
	}
	return nil
}

// isComplete reports whether member i, which is w, is complete. It waits for a
// context, which ends by itself whatever else happens; what else there is was
// waited for.
func (t *tally) isComplete(i int, w Waitable, u until) bool {
	if l := t.nodes[i].l; l != nil {
		return l.isSet()
	}
	if ctx, ok := w.(context.Context); ok {
		return u.receive(ctx.Done())
	}
	return true
}

// A tally is the wait of one goroutine until many latches are set, or, where it
// is asked to, one of them belongs to a call that failed. It parks once.
type tally struct {
	left     atomic.Int64 // members not complete, and one for the joining itself
	failFast bool
	failed   atomic.Int64 // index of the first call that failed, plus one
	over     parker
	nodes    []node
}

// newTally returns a tally of n members; all are counted before one is linked,
// since what is linked may be fired.
func newTally(n int) *tally {
	t := &tally{nodes: make([]node, n)}
	t.left.Store(int64(n) + 1)
	return t
}

// join links member i.
func (t *tally) join(i int, l *latch) {
	n := &t.nodes[i]
	n.reset(l, t, i)
	if !l.link(n) {
		t.fire(n)
	}
}

// fire counts n out. The node of a call that cannot be waited for has no latch.
func (t *tally) fire(n *node) {
	sched.Point("count out")
	failed := t.failFast && (n.l == nil || n.l.word.Load()&bitFailed != 0) && t.failed.CompareAndSwap(0, int64(n.i)+1)
	sched.Point("counted")
	if t.left.Add(-1) == 0 || failed {
		t.over.tell()
	}
}

// park waits for the last member, or a failure, or the end of the wait.
func (t *tally) park(u until) {
	sched.Point("joined")
	if t.left.Add(-1) != 0 {
		t.over.park(u)
	}
}
