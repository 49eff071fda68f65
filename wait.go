package async

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/parked"
)

// This file says what can be waited for, how a wait ends, and waits for many things of any
// kinds at once. Every wait of the package uses it, and only errors.go comes before it in the
// order of the files. It names no call and no scope.
//
// A wait has five parts, here and wherever else something is waited for:
//
//	look       is it complete? Then the wait is over, whatever ctx says (R6)
//	untilDone  ctx says how the wait may end, and what is lent meanwhile (C2)
//	waiting…   what is the wait for? Nothing is computed unless somebody looks inside (V1)
//	park       in internal/latch: lend, wait, have back, unlink (S5)
//	look again what ended first? And has the context of a call ended, too (R6)?
//
// What can be waited for is of three kinds. A [native] of this package has a latch, which a
// wait registers at. A context has a registration of its own. All else has a channel, and is
// selected over. nativeOf knows the first kind, and a type assertion tells the other two apart.
//
// What may change: the kinds, and how many are looked at before a wait registers. What may not:
// the order of these parts, and that every registration is taken back however a wait ends.

// A Waitable is anything that says it is over by closing a channel. A
// [context.Context] is one; so are [Event], [Signal], [Call] and [Chan]. Done
// returns the same channel each time, and a nil channel where it will never be
// closed.
//
// This package waits on its own kinds, and on contexts, without their channels,
// and registers for as long as it waits. Other kinds it waits on by the channel. A
// type that embeds one of this package's kinds is another kind.
type Waitable interface {
	Done() <-chan struct{}
}

// A Chan makes any channel of empty structs a [Waitable]. A value received from
// it counts as its completion and is consumed.
type Chan <-chan struct{}

// Done returns the channel itself.
func (c Chan) Done() <-chan struct{} { return c }

// A target is what is waited for in the end, with a latch underneath: an event, or a call.
type target interface {
	source() *latch.Latch
	retain() bool // one reference more, or false where there is none any more
	drop()
	join() bool // retain for a wait
	leave()
	expired() bool                // asked when a wait ended: reports whether the target is complete all the same
	track(handle any, clone bool) // records a handle, for leak reports
	untrack(handle any)
}

// A native is a Waitable of this package: an event or a handle.
type native interface {
	Waitable

	// native returns the object itself, and what it aims at; nil behind the interface for a
	// nil pointer.
	native() (self Waitable, by aimed)
}

// An aimed is what leads to a target: the target itself, or a handle on it.
type aimed interface {
	// target returns the target, nil for a nil pointer, and whether the way to it can be
	// used: a handle that is released cannot.
	target() (on target, usable bool)
}

// nativeOf returns the target of w and reports whether w is one of this package's
// objects, and usable. A type that embeds such an object has the unexported method, too,
// and may have a Done of its own: that alone says when the type is complete.
func nativeOf(w Waitable) (on target, usable, own bool) {
	on, usable, own, _ = aimOf(w)
	return on, usable, own
}

// aimOf is nativeOf, and returns the way to the target, too.
func aimOf(w Waitable) (on target, usable, own bool, by aimed) {
	n, ok := w.(native)
	if !ok {
		if d, is := w.(delegate); is {
			n, ok = d.WaitsFor().(native)
		}
	}
	if !ok {
		return nil, false, false, nil
	}
	self, by := n.native()
	on, usable = by.target()
	return on, usable, self == w || on != nil && w.Done() == on.source().Done(), by
}

// A delegate is a Waitable that is complete when another one is, and says which: a call
// object of package asyncimpl, whose call generated code does not see. As with an object that
// is embedded, its own Done has the last word.
type delegate interface{ WaitsFor() Waitable }

// ErrTimeout is what a wait with a duration ended by: WaitFor returns a
// [*WaitError] that is ErrTimeout and [context.DeadlineExceeded] by errors.Is.
var ErrTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string   { return "async: timed out" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Is(e error) bool { return e == context.DeadlineExceeded }

// A WaitError reports that a wait ended before what it waited for: the
// caller's context ended, or the time was up. What was waited for goes on and
// can be waited for again. By errors.Is it is [ErrCallPending], and the
// context's error and cause, or [ErrTimeout] and [context.DeadlineExceeded].
type WaitError struct {
	On  Waitable // what was waited for: of a wait for all of many the first that is not complete; nil where it was any of many, or the time of a Sleep
	Err error    // why the wait ended
}

func (e *WaitError) Error() string {
	wait := "wait"
	if n, ok := e.On.(fmt.Stringer); ok {
		wait = fmt.Sprintf("wait for %v", n)
	}
	if e.Err == ErrTimeout {
		return fmt.Sprintf("async: %s timed out", wait)
	}
	return fmt.Sprintf("async: %s ended: %v", wait, e.Err)
}

// Unwrap makes the reason, and [ErrCallPending], visible to errors.Is.
func (e *WaitError) Unwrap() []error { return []error{ErrCallPending, e.Err} }

// contextWaitError reports that ctx ended a wait on w.
func contextWaitError(ctx context.Context, w Waitable) error {
	return &WaitError{On: w, Err: contextReason(ctx)}
}

// contextReason is the error of a context that is done, with its cause beside
// it where the two differ.
func contextReason(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || isSame(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// isSame reports whether two errors are the same. Those of a foreign context may
// be of a type that cannot be compared by ==, which panics then.
func isSame(a, b error) bool {
	switch a {
	case context.Canceled, context.DeadlineExceeded: // nearly always; to ask reflect allocates
		return a == b
	}
	if reflect.ValueOf(a).Comparable() {
		return a == b
	}
	return reflect.TypeOf(a) == reflect.TypeOf(b) && a.Error() == b.Error()
}

// A lenderKey is the key under which a context has the [latch.Slot] that a function
// lends while it waits (C2). The context of a call answers, and hides the contexts
// above: what a function begins outside of its scope is not the function itself.
type lenderKey struct{}

// untilDone is the end of a wait through ctx, and what the waiter lends meanwhile. It is
// called before any lock: ctx may be anybody's code. It panics where ctx is nil: here a
// wait looks at its context for the first time, so a nil context costs nothing, and is
// not noticed, where there is nothing to wait for.
//
// Who wants to know what is waited for is told so by one of the functions below, before
// the goroutine parks.
func untilDone(ctx context.Context) latch.Until {
	if ctx == nil {
		panic("async: wait with a nil context")
	}
	slot, _ := ctx.Value(lenderKey{}).(latch.Slot)
	return latch.Until{Done: ctx.Done(), Slot: slot}
}

// Below, a wait says what it is for, before its goroutine parks: a [parked.For], whose things
// are targets, contexts, or other Waitables (V1). See [WaitInfo] for the kinds of what is no
// thing. Nobody wants to know of most functions, and then nothing is computed: only in a
// scope with Track does a function lend a [parked.List], which notes each wait from Lend to
// Regain.

// waitingFor has the wait noted as one for a thing, where somebody wants to know.
func waitingFor(u latch.Until, thing any) latch.Until {
	return waitingNoted(u, func() *parked.For { return &parked.For{One: thing} })
}

// waitingKind is waitingFor for what is no thing.
func waitingKind(u latch.Until, kind, name string) latch.Until {
	return waitingNoted(u, func() *parked.For { return &parked.For{Kind: kind, Name: name} })
}

// waitingMany is waitingFor for some of ws.
func waitingMany(u latch.Until, mode parked.Mode, ws []Waitable) latch.Until {
	return waitingNoted(u, func() *parked.For { return &parked.For{Mode: mode, Many: thingsOf(ws)} })
}

// waitingNoted is waitingFor where the caller says what for when somebody wants to know.
func waitingNoted(u latch.Until, what func() *parked.For) latch.Until {
	if l, ok := u.Slot.(*parked.List); ok {
		u.Slot = l.New(what(), u.Done)
	}
	return u
}

// thingsOf returns the things that are to be complete before ws are: of handles and signals,
// what they stand for.
func thingsOf(ws []Waitable) (things []any) {
	for _, w := range ws {
		if on, _, own := nativeOf(w); own {
			things = append(things, on)
		} else {
			things = append(things, w)
		}
	}
	return things
}

// Sleep waits for d and returns nil. When ctx ends first, Sleep returns a [*WaitError],
// at once where ctx has ended already. A d of zero or less is over at once: Sleep then
// returns nil unless ctx has ended. Where the time is up as ctx ends, Sleep returns nil
// (R6). Sleep needs no goroutine and leaves nothing behind.
//
// A function of a scope that sleeps by its own context lends its slot meanwhile (C2),
// which [time.Sleep] does not: a function that waits before it tries again keeps nobody
// from running.
func Sleep(ctx context.Context, d time.Duration) error {
	u := untilDone(ctx)
	if ctx.Err() != nil || d > 0 && !waitingKind(u, "time", "").Sleep(d) {
		return contextWaitError(ctx, nil)
	}
	return nil
}

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
		checkMembers(ws, i+1) // those below were looked at
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
	if i := a.Park(waitingMany(u, parked.Any, ws)); i >= 0 {
		return i, nil
	}
	if i := a.Complete(func(i int) <-chan struct{} { return ws[i].Done() }); i >= 0 { // R6
		return i, nil
	}
	if i := slices.IndexFunc(ws, isExpired); i >= 0 {
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

// checkMembers panics where a member is nil. It does not look at those below first.
func checkMembers(ws []Waitable, first int) {
	for i := first; i < len(ws); i++ {
		latchOf(ws[i], i)
	}
}

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
	on, _, own := nativeOf(w)
	switch {
	case w == nil || own && on == nil:
		panic(fmt.Sprintf("async: member %d to wait for is nil", i))
	case !own:
		return nil
	}
	return on.source()
}

// isExpired is asked when a wait for w has ended. It reports whether w is complete all the
// same, as target.expired says.
func isExpired(w Waitable) bool {
	on, _, own := nativeOf(w)
	return own && on.expired()
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
	u = waitingMany(u, parked.All, ws)
	for _, k := range latch.ReceiveEach(foreign, u) {
		first = min(first, index[k])
	}
	t.Park(u)
	for i, w := range ws[:first] {
		if !t.IsSet(i) && !isExpired(w) || !isComplete(w, u) {
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
