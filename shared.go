package async

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
	"github.com/seed4712c49f/async/internal/scope"
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
// What may not change is when a run gets over, and what is written then (G3, G4): every
// step that counts a caller in or out is one critical section of the table.

// ErrCycle says that a shared run, of a [Group] or a [Lazy], asked for its own
// result: directly, or by way of what it began with its context. The error that
// names the run is this one by errors.Is.
var ErrCycle = errors.New("async: a shared run asks for its own result")

// A table holds the runs of a Group, or the one run of a Lazy. Group and Lazy are
// thin: every method of theirs that begins, joins or leaves a run is one of the table.
type table[K comparable, T any] struct {
	mu    sched.Mutex
	terms *terms                 // those of every run; nil until the first asks
	runs  map[K]*sharedRun[K, T] // those that can be joined
	peak  int                    // how many there have been at once in this map

	lazy bool                             // the table is that of a Lazy
	fn   func(context.Context) (T, error) // of a Lazy that has no value
}

// sharedTerms returns the terms of shared runs: those of opts, and CancelOnAbandon,
// since a run is abandoned with the last caller that leaves it (H1c).
func sharedTerms[T any](opts []Option) *terms {
	t := gather(append(slices.Clip(opts), CancelOnAbandon()), (*T)(nil))
	if t.room {
		panic("async: WaitForRoom among the options of a Group or a Lazy: a run that many share waits for nobody's context")
	}
	return t
}

// await has the caller share the run of key, waits until the run is complete, and
// returns it. The caller holds the reference of a wait then, and gives it up when it
// takes the result. Where ctx ends first, await returns a *WaitError and the caller
// has left the run. For a lazy value that has come meanwhile, await returns nil and no
// error.
func (t *table[K, T]) await(ctx context.Context, key K, fn func(context.Context) (T, error), opts []Option) (*sharedRun[K, T], error) {
	if ctx.Err() != nil {
		return nil, contextWaitError(ctx, runName[K, T]{t, key})
	}
	u := untilDone(ctx)
	r, begun, err := t.join(ctx, key, fn, opts, latch.OneWait)
	if r == nil {
		return nil, err
	}
	if begun {
		u.GiveWay()
	}
	if !r.wait(waitingFor(u, &r.p.core)) {
		return nil, contextWaitError(ctx, r)
	}
	return r, nil
}

// join counts the caller in to the run of key, and reports whether it began the run.
// The caller has a reference on the run then, which is one of a wait or of a handle.
// Where the caller stands in a run of that key itself, join returns an error (H1h). A
// run that could not be started, because its scope or errgroup is closed or full, is
// complete with the reason. What may be code of a user stands outside of joinLocked.
func (t *table[K, T]) join(ctx context.Context, key K, fn func(context.Context) (T, error), opts []Option, one uint64) (r *sharedRun[K, T], begun bool, err error) {
	own, begin := t.within(ctx, key), ctx
	r, begun, err = t.joinLocked(begin, key, fn, opts, own, one, false)
	if err == errAsk {
		begin = t.terms.beginContext(ctx)
		r, begun, err = t.joinLocked(begin, key, fn, opts, own, one, true)
	}
	switch {
	case err == ErrCycle:
		return nil, false, own.cycle()
	case err != nil:
		defer r.p.core.fail(err) // also where the observer panics
		t.terms.refused(begin, err)
	case r != nil:
		r.tell(ctx, begun, one)
	}
	return r, begun, nil
}

// errAsk says that the caller has to begin a run, whose context the observer of the scope
// makes, which is asked without the lock.
var errAsk = errors.New("async: the observer was not asked")

// joinLocked is the part of join under the lock. own is what within has found. asked is true
// where ctx is what the observer of the scope has made. The answers are:
//
//	r, false, nil          the caller shares r, which another caller began
//	r, true, nil           the caller has begun r
//	r, false, the reason   r could not be started; nobody else knows r, and join completes it
//	nil, false, nil        the value of a Lazy is there by now
//	nil, false, ErrCycle   the caller stands in a run of the key
//	nil, false, errAsk     a run has to be begun, and asked is false
func (t *table[K, T]) joinLocked(ctx context.Context, key K, fn func(context.Context) (T, error), opts []Option, own *sharedRun[K, T], one uint64, asked bool) (r *sharedRun[K, T], begun bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.terms == nil {
		t.terms = sharedTerms[T](opts)
	}
	if t.lazy {
		if fn = t.fn; fn == nil {
			return nil, false, nil
		}
	}
	if own != nil && !own.over {
		return nil, false, ErrCycle
	}
	if r = t.runs[key]; r != nil {
		if r.joinLocked(one) {
			return r, false, nil
		}
		r.unlistLocked()
	}
	if !asked && t.terms.asksForContext() {
		return nil, false, errAsk
	}
	r = t.newRunLocked(ctx, key, fn)
	r.joinLocked(one)
	if err := r.start(); err != nil {
		return r, false, err
	}
	r.listLocked()
	return r, true, nil
}

// within returns the nearest run of key in whose function ctx is used, or in the
// function of something that was begun with its context. It asks the calls above ctx,
// one after the other: each has the context that it was begun with.
func (t *table[K, T]) within(ctx context.Context, key K) *sharedRun[K, T] {
	for c := coreOf(ctx); c != nil; c = coreOf(c.ctx) {
		if x, ok := c.ctx.(*runContext[K, T]); ok && x.table == t && x.key == key {
			return (*sharedRun[K, T])(x)
		}
	}
	return nil
}

// shrinkLocked makes a new map where the map has become much larger than what is in
// it: a map of Go keeps the memory of its largest size.
//
//go:noinline // its frame is large, and the goroutine of a run has a small stack
func (t *table[K, T]) shrinkLocked() {
	const small = 64
	if t.peak > small && len(t.runs) < t.peak/8 {
		runs := make(map[K]*sharedRun[K, T], len(t.runs))
		maps.Copy(runs, t.runs)
		t.runs, t.peak = runs, len(runs)
	}
}

// forget takes the run of key off the list. The next caller that asks for key begins a
// new run. The callers that share the old one stay with it.
func (t *table[K, T]) forget(key K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.runs[key]; r != nil {
		r.unlistLocked()
	}
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
type sharedRun[K comparable, T any] struct {
	p     Promise[T]
	ctx   context.Context // that of the caller that began the run, without its end
	table *table[K, T]
	key   K
	fn    func(context.Context) (T, error)

	sharers int  // callers that share the run; G2
	listed  bool // G1
	over    bool // G3
	shared  bool // G4; read without mu after completion
}

// A scopedRun is a run with its place in a scope, in one piece of memory.
type scopedRun[K comparable, T any] struct {
	r     sharedRun[K, T] // not embedded, which would compile its methods twice
	place place
}

// newRunLocked returns a run of key that nobody shares yet and that is not listed. The
// run has the values of ctx and no end of its own: its last reference ends it.
func (t *table[K, T]) newRunLocked(ctx context.Context, key K, fn func(context.Context) (T, error)) *sharedRun[K, T] {
	var r *sharedRun[K, T]
	if t.terms.isScoped() {
		a := new(scopedRun[K, T])
		r = &a.r
		r.p.core.record = a.place.init(t.terms, &r.p.core)
	} else {
		r = new(sharedRun[K, T])
		r.p.core.record = t.terms.plain()
	}
	if ctx != context.Background() {
		ctx = context.WithoutCancel(ctx)
	}
	r.ctx, r.table, r.key, r.fn = ctx, t, key, fn
	r.p.core.ctx = (*runContext[K, T])(r)
	r.p.core.Word.Store(bitBegun)
	return r
}

// start starts the run under the lock of the table, or returns why the run cannot be
// started. The run has no owner then, and its function never runs.
func (r *sharedRun[K, T]) start() error {
	err := r.p.core.start(r, false)
	if err != nil {
		r.p.core.refuse()
	}
	return err
}

// run makes the run the [function] of its call.
func (r *sharedRun[K, T]) run(c *core) *scope.Member { return asFunction(r.call).run(c) }

// copyTo copies the value to a call of the same type: that of a handle of Join.
func (r *sharedRun[K, T]) copyTo(c *core) { promiseOf[T](c).value = r.p.value }

// result returns what the run completed with. A panic it raises.
func (r *sharedRun[K, T]) result() (T, error) { return r.p.value, r.p.core.outcome() }

// call is what the goroutine of the run calls: the function of the user. However the
// function ends, the run is over for callers that come and go before the call
// completes (G4).
func (r *sharedRun[K, T]) call(ctx context.Context) (T, error) {
	defer r.close()
	return r.fn(ctx)
}

// close makes the run one that is over, and notes whether more than one caller shares
// it (G3, G4). Again, close does nothing.
func (r *sharedRun[K, T]) close() {
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
func (r *sharedRun[K, T]) tell(ctx context.Context, begun bool, one uint64) {
	c := &r.p.core
	pl := placeOf(c)
	switch {
	case pl != nil:
	case begun:
		c.proceed(false)
		return
	default:
		return
	}
	told := false
	defer func() {
		if !told {
			r.leave()
			c.giveUp(-one)
		}
	}()
	if begun {
		c.proceed(false)
	} else {
		pl.joined(ctx)
	}
	told = true
}

// listLocked puts the run on the list, where the next caller finds it. A key that is
// not equal to itself is not listed: no map would find it again.
func (r *sharedRun[K, T]) listLocked() {
	t := r.table
	if r.key != r.key { //nolint:gocritic // so with a NaN, which no map finds again
		return
	}
	if t.runs == nil {
		t.runs = make(map[K]*sharedRun[K, T])
	}
	t.runs[r.key] = r
	t.peak = max(t.peak, len(t.runs))
	r.listed = true
}

// unlistLocked takes the run off the list, if it is on it. A run that Forget took off
// is not on it, and another run of the key may be.
func (r *sharedRun[K, T]) unlistLocked() {
	if !r.listed {
		return
	}
	r.listed = false
	delete(r.table.runs, r.key)
	r.table.shrinkLocked()
}

// joinLocked counts a caller in and gives it a reference, of a wait or of a handle. It
// reports false where the call has failed: a scope has canceled it, or the result of a
// Lazy is about to be unlisted. The reference is added by compare-and-swap, since the
// call completes without the lock of the table.
func (r *sharedRun[K, T]) joinLocked(one uint64) bool {
	for {
		w := r.p.core.Word.Load()
		if w&bitFailed != 0 {
			return false
		}
		sched.Point("join the run")
		if r.p.core.Word.CompareAndSwap(w, latch.Plus(w, one)) {
			r.sharers++
			return true
		}
	}
}

// leave counts a caller out and reports true, or reports that the run is over and it
// is too late to leave. A caller that has left gives its reference up, which cancels
// the call where the reference was the last. The order of the two is G2: a newcomer in
// between finds the run unlisted.
func (r *sharedRun[K, T]) leave() bool {
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
func (r *sharedRun[K, T]) wait(u latch.Until) bool {
	if r.p.core.Wait(u) {
		return true
	}
	if r.leave() {
		r.p.core.leave()
		return false
	}
	return r.p.core.Wait(latch.Until{Slot: u.Slot}) // an instant: the function has returned (G4)
}

// wasShared reports whether more than one caller got the result. It is called by a
// caller that shares the run, when the run is complete.
func (r *sharedRun[K, T]) wasShared() bool {
	if r.p.core.Word.Load()&(bitResult|bitPanicked) == 0 {
		r.close() // no function has done so: a scope canceled the call
	}
	return r.shared
}

// take marks the result of a complete run as handed out and gives the reference of the
// caller up. Where the result is a stream, the reference stays until ctx ends, and for
// ever where ctx cannot end.
func (r *sharedRun[K, T]) take(ctx context.Context) {
	if !r.p.core.terms().stream {
		r.p.core.takeAndLeave()
		return
	}
	r.p.core.take()
	if ctx.Done() != nil {
		context.AfterFunc(ctx, r.p.core.leave)
	}
}

// cycle is the error of a caller that asks within the run's function for its result
// (H1h).
func (r *sharedRun[K, T]) cycle() error { return fmt.Errorf("%w: %v", ErrCycle, r) }

// A run is the [Waitable] that the errors of its waits name, and a native one: a user who
// waits for what an error names waits for the call.

func (r *sharedRun[K, T]) Done() <-chan struct{}             { return r.p.core.Done() }
func (r *sharedRun[K, T]) native() (self Waitable, by aimed) { return r, &r.p.core }
func (r *sharedRun[K, T]) String() string                    { return r.table.nameOf(r.key) }

// A runName is what the error of a wait names where no run was begun or joined.
type runName[K comparable, T any] struct {
	table *table[K, T]
	key   K
}

func (u runName[K, T]) Done() <-chan struct{} { return nil }
func (u runName[K, T]) String() string        { return u.table.nameOf(u.key) }

// nameOf names the run of key for errors.
func (t *table[K, T]) nameOf(key K) string {
	switch {
	case t.lazy:
		return "lazy value"
	case reflect.TypeFor[K]().Kind() == reflect.String:
		return fmt.Sprintf("run of key %q", any(key))
	}
	return fmt.Sprintf("run of key %v", key)
}

// A runContext is the context that a run is begun with: the run itself, by another
// name. It has the values of the first caller's and ends with nobody's (H1c). By it a
// group knows its runs in the lineage of a context.
type runContext[K comparable, T any] sharedRun[K, T]

func (x *runContext[K, T]) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
func (x *runContext[K, T]) Done() <-chan struct{}                   { return nil }
func (x *runContext[K, T]) Err() error                              { return nil }
func (x *runContext[K, T]) Value(key any) any                       { return x.ctx.Value(key) }
func (x *runContext[K, T]) String() string                          { return fmt.Sprintf("%v.WithRun", x.ctx) }
