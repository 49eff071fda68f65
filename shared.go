package async

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unsafe"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// This file is what a [Group] and a [Lazy] are made of: a table of runs, and the run that
// several callers share. group.go calls it. A run is a call as any other, and not in anybody's
// hand: callers have references on it, and the count of sharers beside these.
//
//	new ──start──▶ listed ──the function returns────▶ over ──▶ complete
//	 │               ├──────the last caller leaves──▶ over ──▶ canceled
//	 │               └──Forget, or its call is seen to be canceled──▶ unlisted ──▶ over as above
//	 └──refused──▶ complete, and never listed
//
// A run that gets over is unlisted in the same step; that of a Lazy stays listed until its
// result is kept (G5).
//
// Nothing here depends on a type, since a user pays for that with each type of results. The
// typed part stands in group.go: the value, the key, and the map from keys to runs. It is
// known here as an index, as an ask, and as the address of a key.
//
// What may not change is when a run gets over, and what is written then (G3, G4): every
// step that counts a caller in or out is one critical section of the table.

// ErrCycle says that a shared run, of a [Group] or a [Lazy], asked for its own
// result: directly, or by way of what it began with its context. The error that
// names the run is this one by errors.Is.
var ErrCycle = errors.New("async: a shared run asks for its own result")

// A table holds the runs of a Group, or the one run of a Lazy, for any types. Every method
// of these that begins, joins or leaves a run is one of the table.
type table struct {
	mu    sched.Mutex
	terms *terms // those of every run; nil until the first asks
	runs  index  // the runs that can be joined; nil until the first asks

	lazy bool     // the table is that of a Lazy
	fn   function // of a Lazy that has no value
}

// An index has the runs of a table that can be joined: by key, as a keyed, or the one of a
// Lazy, as a lone. Only name is called without the mu of the table.
type index interface {
	listLocked(r *sharedRun)
	unlistLocked(r *sharedRun)
	name(r *sharedRun) runName // for errors
}

// A request is what a caller asks a table for.
type request struct {
	ctx  context.Context
	fn   function // of a run that is begun
	opts []Option // of every run
	of   any      // a nil pointer to the type of the results
	runs index    // of the table; a Lazy has said fn, opts, of and runs before
	one  uint64   // the reference that the caller gets on the run: of a wait, or of a handle
}

// An ask is the typed part of a request: it answers questions about the key. It is no field
// of the request, so that it stays on the stack of the caller. All questions are one
// function, since each function costs every type of results its compilation.
type ask func(what question, r *sharedRun) *sharedRun

// A question is what an ask is asked.
type question int

const (
	askKey    question = iota // r, where the key of r is that of the request, else nil
	askListed                 // the run of the key that can be joined, or nil; asked under mu
	askNew                    // a new run of the key, with its place in the scope; asked under mu
)

// sharedTerms returns the terms of shared runs: those of opts, and CancelOnAbandon,
// since a run is abandoned with the last caller that leaves it (H1c). of is a nil pointer
// to the type of the results.
func sharedTerms(opts []Option, of any) *terms {
	t := gather(append(slices.Clip(opts), CancelOnAbandon()), of)
	if t.room {
		panic("async: WaitForRoom among the options of a Group or a Lazy: a run that many share waits for nobody's context")
	}
	t.over = closeRun
	return t
}

// share has the caller share the run of a key, and returns the run, on which the caller has
// the reference of q.one. A caller that wants a handle has it at once. For a caller that
// waits, share waits until the run is complete; the caller gives the reference up when it
// takes the result. Where the context ends first, share returns a *WaitError and the caller
// has left the run. For a lazy value that has come meanwhile, share returns nil and no
// error.
func (t *table) share(q request, ask ask) (*sharedRun, error) {
	u := untilDone(q.ctx)
	r, begun, err := t.join(q, ask)
	if r == nil || q.one == latch.OneRef {
		return r, err
	}
	if begun {
		u.GiveWay()
	}
	if !r.wait(waitingFor(u, &r.core)) {
		return nil, contextWaitError(q.ctx, r)
	}
	return r, nil
}

// join counts the caller in to the run of a key, and reports whether it began the run.
// The caller has a reference on the run then, which is one of a wait or of a handle.
// Where the caller stands in a run of that key itself, join returns an error (H1h). A
// run that could not be started, because its scope or errgroup is closed or full, is
// complete with the reason. What may be code of a user stands outside of joinLocked.
func (t *table) join(q request, ask ask) (r *sharedRun, begun bool, err error) {
	own, ctx := t.within(q.ctx, ask), q.ctx
	r, begun, err = t.joinLocked(q, ask, own, false)
	if err == errAsk {
		q.ctx = t.terms.beginContext(ctx)
		r, begun, err = t.joinLocked(q, ask, own, true)
	}
	switch {
	case err == ErrCycle:
		return nil, false, own.cycle()
	case err != nil:
		defer r.core.fail(err) // also where the observer panics
		t.terms.refused(q.ctx, err)
	case r != nil:
		r.tell(ctx, begun, q.one)
	}
	return r, begun, nil
}

// errAsk says that the caller has to begin a run, whose context the observer of the scope
// makes, which is asked without the lock.
var errAsk = errors.New("async: the observer was not asked")

// joinLocked is the part of join under the lock. own is what within has found. asked is true
// where the context of q is what the observer of the scope has made. The answers are:
//
//	r, false, nil          the caller shares r, which another caller began
//	r, true, nil           the caller has begun r
//	r, false, the reason   r could not be started; nobody else knows r, and join completes it
//	nil, false, nil        the value of a Lazy is there by now
//	nil, false, ErrCycle   the caller stands in a run of the key
//	nil, false, errAsk     a run has to be begun, and asked is false
func (t *table) joinLocked(q request, ask ask, own *sharedRun, asked bool) (r *sharedRun, begun bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.terms == nil {
		t.terms, t.runs = sharedTerms(q.opts, q.of), q.runs
	}
	if t.lazy {
		if q.fn = t.fn; q.fn == nil {
			return nil, false, nil
		}
	}
	if own != nil && !own.over {
		return nil, false, ErrCycle
	}
	if r = ask(askListed, nil); r != nil {
		if r.joinLocked(q.one) {
			return r, false, nil
		}
		r.unlistLocked()
	}
	if !asked && t.terms.asksForContext() {
		return nil, false, errAsk
	}
	r = ask(askNew, nil)
	r.initLocked(q.ctx, t)
	r.joinLocked(q.one)
	if err := r.start(q.fn); err != nil {
		return r, false, err
	}
	t.runs.listLocked(r)
	return r, true, nil
}

// within returns the nearest run of the key in whose function ctx is used, or in the
// function of something that was begun with its context. It asks the calls above ctx,
// one after the other: each has the context that it was begun with.
func (t *table) within(ctx context.Context, ask ask) *sharedRun {
	for c := coreOf(ctx); c != nil; c = coreOf(c.ctx) {
		x, ok := c.ctx.(*runContext)
		if r := (*sharedRun)(x); ok && r.table == t && ask(askKey, r) != nil {
			return r
		}
	}
	return nil
}

// A sharedRun is one run of a function in a [Group] or a [Lazy]: a call, and a count
// of the callers that share it. A caller of Do holds the reference of a wait on the
// call, a handle of Join that of a handle.
//
// Invariants, under the mu of the table. Lock order: the mu of a table before the lock
// of a scope. Under the mu no latch is locked, nothing completes, and no code of a
// user runs.
//
//	G1  A run is listed from its start until it is over, is forgotten, or is seen to be
//	    canceled. Only a run that is listed can be joined.
//	G2  A caller that is counted in sharers has a reference on the call (K3). The caller
//	    is counted out before it gives the reference up, and only while the run is not
//	    over.
//	G3  A run is over when its function has returned, or when sharers has become zero.
//	    In the same critical section the run is unlisted. So a run is doomed only where
//	    nobody can join it, and it is canceled after that, by the last reference.
//	G4  shared is written when the run gets over, which is before the call completes
//	    with a result. Nobody is counted in or out after that. So shared says exactly
//	    whether the result goes to more than one caller. A caller of Do that wants to
//	    leave an instant too late waits for that instant and has the result. A handle of
//	    Join that is canceled or released in that instant counts, and has none.
//	G5  The run of a [Lazy] stays listed when its function has returned, until the
//	    result is kept, so that no other run can begin between the two. A caller that
//	    joins in that time is not counted.
type sharedRun struct {
	table *table
	ctx   context.Context // that of the caller that began the run, without its end
	key   unsafe.Pointer  // to the key, of the type of the keys; see typedRun

	sharers int32 // callers that share the run; G2
	listed  bool  // G1
	over    bool  // G3
	shared  bool  // G4; read without mu after completion

	core core // last: the value stands behind it; see core.value
}

// runOf returns the run that c is the call of: c is a field of it. Only the call of a run
// may be given.
func runOf(c *core) *sharedRun {
	return (*sharedRun)(unsafe.Add(unsafe.Pointer(c), -int(unsafe.Offsetof(sharedRun{}.core))))
}

// initLocked makes a new run one of the table, which nobody shares yet and which is not
// listed. The run has the values of ctx and no end of its own: its last reference ends it.
func (r *sharedRun) initLocked(ctx context.Context, t *table) {
	if ctx != context.Background() {
		ctx = context.WithoutCancel(ctx)
	}
	r.table, r.ctx = t, ctx
	r.core.ctx = (*runContext)(r)
	r.core.Word.Store(bitBegun)
}

// start starts the run under the lock of the table, or returns why the run cannot be
// started. The run has no owner then, and its function never runs.
func (r *sharedRun) start(fn function) error {
	err := r.core.start(fn, false)
	if err != nil {
		r.core.refuse()
	}
	return err
}

// closeRun is told that the function of a run is over, however it ended, before the call
// completes: from then on the run is over for callers that come and go (G4). The terms of
// every run have it.
func closeRun(c *core) { runOf(c).close() }

// close makes the run one that is over, and notes whether more than one caller shares
// it (G3, G4). Again, close does nothing.
func (r *sharedRun) close() {
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	if r.over {
		return
	}
	r.over, r.shared = true, r.sharers > 1
	if !r.table.lazy {
		r.unlistLocked()
	}
}

// tell tells the observer of the scope that a caller with ctx has begun the run, or shares
// it. Where the observer panics, the caller has no part in the run any more: it is counted
// out, and gives up its reference. The argument one says of which kind the reference is.
func (r *sharedRun) tell(ctx context.Context, begun bool, one uint64) {
	c := &r.core
	pl := placeOf(c)
	if pl == nil {
		return // and nothing is left of the start
	}
	told := false
	defer func() {
		if !told {
			r.leave()
			c.giveUp(-one)
		}
	}()
	if begun {
		c.proceed(nil)
	} else {
		pl.joined(ctx)
	}
	told = true
}

// unlistLocked takes the run off the list, if it is on it. A run that Forget took off
// is not on it, and another run of the key may be.
func (r *sharedRun) unlistLocked() {
	if r.listed {
		r.listed = false
		r.table.runs.unlistLocked(r)
	}
}

// joinLocked counts a caller in and gives it a reference, of a wait or of a handle. It
// reports false where the call has failed: a scope has canceled it, or the result of a
// Lazy is about to be unlisted. It reports false, too, where nobody kept the result of a
// Lazy, which went to Discard: an observer ended the only caller. The reference is added
// by compare-and-swap, since the call completes without the lock of the table.
func (r *sharedRun) joinLocked(one uint64) bool {
	for {
		w := r.core.Word.Load()
		if w&bitFailed != 0 || r.over && latch.Refs(w) == 0 {
			return false
		}
		sched.Point("join the run")
		if r.core.Word.CompareAndSwap(w, latch.Plus(w, one)) {
			r.sharers++
			return true
		}
	}
}

// leave counts a caller out and reports true, or reports that the run is over and it
// is too late to leave. A caller that has left gives its reference up, which cancels
// the call where the reference was the last. The order of the two is G2: a newcomer in
// between finds the run unlisted.
func (r *sharedRun) leave() bool {
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	if r.over {
		return false
	}
	if r.sharers--; r.sharers == 0 {
		r.over = true
		r.unlistLocked()
	}
	return true
}

// wait parks until the call is complete and returns true. Where u ends the wait first,
// the caller leaves the run and wait returns false. Where it is too late to leave,
// wait waits on: the function has returned, and the result comes in an instant (G4).
func (r *sharedRun) wait(u latch.Until) bool {
	if r.core.Wait(u) {
		return true
	}
	if r.leave() {
		r.core.leave()
		return false
	}
	return r.core.Wait(latch.Until{Slot: u.Slot}) // an instant: the function has returned (G4)
}

// take is the end of a Do: it reports whether more than one caller got the result of the
// run, which is complete, marks the result as handed out, and gives the reference of the
// caller up. Where the result is a stream, the reference stays until ctx ends, and for ever
// where ctx cannot end.
func (r *sharedRun) take(ctx context.Context) (shared bool) {
	if r.core.Word.Load()&(bitResult|bitPanicked) == 0 {
		r.close() // no function has done so: a scope canceled the call
	}
	shared = r.shared
	if !r.core.terms().stream {
		r.core.takeAndLeave()
		return shared
	}
	r.core.take()
	if ctx.Done() != nil {
		context.AfterFunc(ctx, r.core.leave)
	}
	return shared
}

// cycle is the error of a caller that asks within the run's function for its result
// (H1h).
func (r *sharedRun) cycle() error { return fmt.Errorf("%w: %v", ErrCycle, r) }

// A run is the [Waitable] that the errors of its waits name, and a native one: a user who
// waits for what an error names waits for the call.

func (r *sharedRun) Done() <-chan struct{}             { return r.core.Done() }
func (r *sharedRun) native() (self Waitable, by aimed) { return r, &r.core }
func (r *sharedRun) String() string                    { return string(r.table.runs.name(r)) }

// A runContext is the context that a run is begun with: the run itself, by another
// name. It has the values of the first caller's and ends with nobody's (H1c). By it a
// group knows its runs in the lineage of a context.
type runContext sharedRun

func (x *runContext) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
func (x *runContext) Done() <-chan struct{}                   { return nil }
func (x *runContext) Err() error                              { return nil }
func (x *runContext) Value(key any) any                       { return x.ctx.Value(key) }
func (x *runContext) String() string                          { return fmt.Sprintf("%v.WithRun", x.ctx) }

// A runName is what the error of a wait names where no run was begun or joined.
type runName string

func (n runName) Done() <-chan struct{} { return nil }
func (n runName) String() string        { return string(n) }
