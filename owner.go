package async

import (
	"context"

	"github.com/seed4712c49f/async/internal/handles"
	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
	"github.com/seed4712c49f/async/internal/scope"
)

// This file has what a place does. A place stands between three that do not know each other:
//
//	core ──[owner]──▶ place ──▶ scope.Hub      counts, hands slots on
//	                    ▲  └──▶ Observer       is told, and makes contexts
//	scope.Hub ──[scope.Job]──┘                 runs the function, cancels
//
// core.go says when each method of an owner is called, and docs/design.md in which order.
// start.go calls what admits a call, and what tells of one that was not admitted. place.go
// has the type. T1 to T7 are the invariants of a member, in internal/scope/member.go.
//
// What may change: what is counted and told at each step. What may not: completing and taken
// may be called under the lock of the call, so they only count. gone and discarded do not call
// the observer; they return the call, since a Release runs no code of a user (R9a). And what
// is told comes behind what is counted, so that an observer that asks for Stats finds its
// call there.

// What follows is the [scope.Job].

// Context returns the context that the call was begun with.
func (pl *place) Context() context.Context { return pl.core.ctx }

// Cancel cancels the call and reports true. It reports false where the call is complete.
func (pl *place) Cancel(cause error) bool { return pl.core.cancel(cause, due{}) }

// Run runs the function of the call, on the goroutine that has the slot. The place lets go of
// the function, and of what it keeps alive, before it runs.
func (pl *place) Run() *scope.Member {
	fn := pl.fn
	pl.fn = nil
	return fn.run(pl.core)
}

// What follows is the way into the scope; see place.start, too.

// makeRoom waits until the scope has room for a call with a function, where WaitForRoom asks
// for that (C9). The function that waits so lends its slot. No lock is held: makeRoom may
// take as long as ctx lasts. Where room is true, the scope keeps a place for the call, which
// start takes; a caller that does not come to start gives the place to freeRoom. Where
// ended is not nil, ctx has ended by that cause, and no place is kept; nor is one where a
// method of ctx, which may be anybody's code, panics.
func (t *terms) makeRoom(ctx context.Context) (room bool, ended error) {
	if !t.waitsForRoom() {
		return false, nil
	}
	u := untilDone(ctx) // before there is anything to give back
	had, w := t.in().hub.Reserve()
	if w != nil {
		had = awaitRoom(waitingKind(u, "room", t.in().name), w)
	}
	defer func() { t.freeRoom(had && !room) }()
	ended = context.Cause(ctx)
	return had && ended == nil, ended
}

// waitsForRoom reports whether a function that is begun with the terms is to wait for
// room in its scope. A promise takes no room, and the caller knows whether there is a function.
func (t *terms) waitsForRoom() bool { return t.isScoped() && t.room }

// freeRoom gives the place of makeRoom back, if there is one.
func (t *terms) freeRoom(room bool) {
	if room {
		t.in().hub.Free()
	}
}

// awaitRoom waits until w has a place, the scope is closed, or u ends the wait, and reports
// whether w has a place. A place that is given at the moment at which the wait ends is kept,
// and the caller gives it back: nobody else would be told of it (T4).
func awaitRoom(u latch.Until, w *scope.Waiter) (room bool) {
	u.Lend()
	defer u.Regain()
	select {
	case <-w.Ready():
	case <-w.Closed():
	case <-u.Done:
	}
	sched.Point("woken")
	return w.Leave()
}

// expired cancels a call whose context ended while the call was queued, should the watch
// be late, and reports whether it did.
func (pl *place) expired() bool {
	ctx := pl.core.ctx
	if !pl.Waited() || ctx.Err() == nil {
		return false
	}
	pl.core.cancel(context.Cause(ctx), due{})
	return true
}

// What follows is the [owner], in the order of a life. The hub counts in each step before
// anybody is told of it.

// completing counts the outcome (T3).
func (pl *place) completing(bits uint64) {
	promise := pl.isPromise()
	pl.Completing(outcomeOf(bits, promise), promise || bits&bitCanceled != 0)
}

// completed ends the member where no function is going to: that of a call that was canceled
// in the queue, and of a promise. Then everybody is told. The end of the scope waits for this
// goroutine until that is done (T1).
func (pl *place) completed(w uint64, d due) {
	if w&(bitCanceled|bitPromise) != 0 { // no function completes it
		defer pl.Told()
		if pl.Settled() {
			pl.Run() // finds the call complete, and lets go of the function
		}
	}
	completed, returned := pl.tellCompleted(w)
	d.tell(w, completed, returned)
}

// tellCompleted returns what tells the observer that the call is complete. A call without
// references, which its function completes, was abandoned before: its function has returned,
// so Returned is told, too, whatever Completed does. That of a canceled call tellReturned
// tells (start.go).
func (pl *place) tellCompleted(w uint64) (completed, returned func()) {
	if f := pl.observer().Completed; f != nil {
		completed = func() { pl.tell(f) }
	}
	if f := pl.observer().Returned; f != nil && w&(bitCanceled|bitPromise) == 0 && latch.Refs(w) == 0 {
		returned = func() { pl.tell(f) }
	}
	return completed, returned
}

// taken counts the result. A call may complete without one.
func (pl *place) taken(w uint64) {
	if w&(bitResult|bitPanicked) != 0 {
		pl.Taken()
	}
}

// discarded counts the result: one of the call's own, or a late one, which was not counted
// when the call completed.
func (pl *place) discarded(w uint64, err error) (tell func()) {
	pl.Discarded(w&bitResult == 0)
	f := pl.observer().Discarded
	if f == nil {
		return nil
	}
	return func() {
		pl.tell(func(info CallInfo) {
			info.Err = err
			f(info)
		})
	}
}

// gone takes the call out of the leak reports, and has the observer told of a call that is
// abandoned: one that is pending, or that has a result which nobody took. A Signal of a
// finished call may have come since w, so the count of handles is read again under the lock.
func (pl *place) gone(w uint64) (tell func(), seen bool) {
	if pl.terms.track {
		pl.Unkeep(func() bool { return latch.HandlesOf(pl.core.Word.Load()) == 0 })
	}
	f := pl.observer().Abandoned
	lost := w&latch.BitSet == 0 || w&(bitResult|bitTaken) == bitResult
	if f == nil || !lost {
		return nil, false
	}
	return func() { pl.tell(f) }, false
}

// queued withdraws a function that waits for its first slot, or says whether it does.
func (pl *place) queued(withdraw bool) bool {
	if withdraw {
		return pl.Withdraw()
	}
	return pl.Look().Queued
}

// lender returns the slot; with Track the list that stands around it, and notes waits.
func (pl *place) lender() latch.Slot {
	switch {
	case pl.terms.track:
		return &pl.trace().waits
	case pl.Hub().Limited():
		return &pl.Member
	}
	return nil
}

// spawn runs f in a goroutine that the end of the scope waits for (T1).
func (pl *place) spawn(f func()) { pl.Hub().Spawn(f) }

// What follows is what the observer is told and asked besides. None of it is under a lock, and
// all of it runs code of a user, which may panic: the callers, in start.go and shared.go, see
// to the call in a deferred function.

// tell calls one of the observer's functions, with what there is to know of the call by now.
// No lock is held: the function is a user's, and a look takes locks. A [CallInfo] takes a quarter
// of a kilobyte and stands twice in the frame of tell. So no other function has that frame, and
// it is gone when the observer returns.
//
//go:noinline // or the frames below, in which functions of a user run, would be as large
func (pl *place) tell(f func(CallInfo)) { f(pl.toTell()) }

// askContext returns the context that the observer makes of the function's own.
//
//go:noinline // see tell
func (pl *place) askContext(ctx context.Context) context.Context {
	if ctx = pl.observer().Context(ctx, pl.toTell()); ctx == nil {
		panic("async: Context of an Observer returned a nil context")
	}
	return ctx
}

// toTell is what the observer is told of the call: what Info says, and the context that the
// call was begun with, where an observer may keep things.
func (pl *place) toTell() (i CallInfo) {
	pl.fill(&i, pl.Look(), pl.Waits())
	i.Context = pl.core.ctx
	return i
}

// refused counts and tells that the scope has not accepted a call, where the call was to
// be begun with ctx in one. No lock is held. The call has no place any more, so it is told of
// by what is known without.
func (t *terms) refused(ctx context.Context, err error) {
	if !t.isScoped() {
		return
	}
	t.in().hub.Refused()
	if f := t.in().observer.Refused; f != nil {
		i := t.before(ctx)
		i.Err = err
		f(i)
	}
}

// asksForContext reports whether the observer of the scope makes the contexts that calls are
// begun with. Begin asks, since the observer may not be called under a lock.
func (t *terms) asksForContext() bool {
	return t.isScoped() && t.in().observer.BeginContext != nil
}

// beginContext returns the context that a call is begun with, where its caller gave ctx.
// It is asked once for a call, without any lock, and before anybody else knows the call.
func (t *terms) beginContext(ctx context.Context) context.Context {
	if !t.asksForContext() {
		return ctx
	}
	if ctx = t.in().observer.BeginContext(ctx, t.before(ctx)); ctx == nil {
		panic("async: BeginContext of an Observer returned a nil context")
	}
	return ctx
}

// joined tells that a caller with ctx shares the call, which is a run.
func (pl *place) joined(ctx context.Context) {
	if f := pl.observer().Joined; f != nil {
		pl.tell(func(c CallInfo) { f(ctx, c) })
	}
}

// before is what the observer is told of a call that the scope has not accepted.
func (t *terms) before(ctx context.Context) CallInfo {
	i := CallInfo{Name: t.name, Context: ctx}
	setBegunWith(&i, ctx, t.in())
	return i
}

// What follows is the [tracker]. The trace of a call is written by its handles, from any
// goroutine, and read by leak reports.

// track records where a handle comes from: the first handle from where the call was begun,
// and a clone from where the caller is. A handle of [Group.Join] has a call of its own, and
// is a clone here all the same: it has a reference on this one.
func (pl *place) track(of any, clone bool) {
	t := pl.trace()
	from := handles.Origin{Stack: t.began, Clone: clone}
	if clone {
		from.Stack = pl.in().stacks.Here()
		h, ok := of.(*handle)
		from.Join = ok && h.core.Load() != pl.core
	}
	t.handles.Add(of, from)
}

// back puts a finished call, of which a Signal was taken, into the leak reports again.
func (pl *place) back() { pl.Keep() }

func (pl *place) took(handle any)    { pl.trace().handles.Took(handle) }
func (pl *place) untrack(handle any) { pl.trace().handles.Remove(handle) }
