package async

import (
	"context"
	"fmt"

	"github.com/seed4712c49f/async/internal/latch"
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
		u.GiveWay()
		i = firstComplete(ws)
	}
	if i >= 0 {
		checkMembers(ws)
		return i, nil
	}
	a := latch.NewFirst(len(ws))
	defer a.Leave()
	first := -1
	for i, w := range ws {
		if l := latchOf(w, i); first < 0 && !joinFirst(a, i, w, l) {
			first = i
		}
	}
	if first >= 0 {
		return first, nil
	}
	if i := a.Park(u); i >= 0 {
		return i, nil
	}
	if i := a.Complete(func(i int) <-chan struct{} { return ws[i].Done() }); i >= 0 { // R6
		return i, nil
	}
	return -1, contextWaitError(ctx, nil)
}

// joinFirst has a wait for member i, which is w and may have the latch l. It reports
// false where that is complete.
func joinFirst(a *latch.First, i int, w Waitable, l *latch.Latch) bool {
	if l != nil {
		return a.Join(i, l)
	}
	if ctx, ok := w.(context.Context); ok {
		return a.JoinContext(i, ctx)
	}
	return a.JoinChan(i, w.Done())
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
		if l := latchOf(w, i); l != nil && l.IsSet() || l == nil && latch.Ready(w.Done()) {
			return i
		}
	}
	return -1
}

// latchOf returns the latch under a member of this package's own, or nil. It
// panics where the member is nil.
func latchOf(w Waitable, i int) *latch.Latch {
	var l *latch.Latch
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

// WaitAll waits until all of ws are complete and returns nil, at once where they
// are or there are none. When ctx ends first it returns a [*WaitError] on the
// first member that is not complete, and leaves nothing behind. Nothing is taken
// from any member. Members are as for [WaitAny]; it parks once for all that are
// this package's own. Channels of other kinds it receives from in the order in
// which they are ready, with a reflect.Select over those that are left each time.
// It panics where a member is nil, naming its index.
func WaitAll(ctx context.Context, ws ...Waitable) error {
	u := untilDone(ctx)
	t := latch.NewAll(len(ws), 0)
	defer t.Leave()
	var foreign []<-chan struct{}
	var index []int
	for i, w := range ws {
		if l := latchOf(w, i); l != nil {
			t.Join(i, l)
			continue
		}
		t.Skip()
		if _, ok := w.(context.Context); !ok {
			foreign, index = append(foreign, w.Done()), append(index, i)
		}
	}
	first := len(ws) // that is not complete
	for _, k := range latch.ReceiveEach(foreign, u) {
		first = min(first, index[k])
	}
	t.Park(u)
	for i, w := range ws[:first] {
		if !t.IsSet(i) || !isComplete(w, u) {
			first = i
			break
		}
	}
	if first < len(ws) {
		return contextWaitError(ctx, ws[first])
	}
	return nil
}

// isComplete reports whether a member that is no latch is complete. It waits for a
// context, which ends by itself whatever else happens. A channel was waited for.
func isComplete(w Waitable, u latch.Until) bool {
	if ctx, ok := w.(context.Context); ok {
		return u.Receive(ctx.Done())
	}
	return true
}
