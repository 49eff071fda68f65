package async

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"sync/atomic"
	"unsafe"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// This file has what shares the runs of shared.go: [Group], whose callers wait or have a
// handle by Join, and [Lazy], which keeps one result. Both are a thin typed part: the way of
// a function in and of a value out, and the keys. Counting in and out stands in shared.go,
// under the lock of the table, and so do the invariants G1 to G5. What is here runs without
// that lock, but for keep. What may not change: a caller that leaves, or a handle, is counted
// out first and then gives its reference up, each of the two once (G2).
//
// A user pays for what is here with each type of results. So what depends on the type of the
// keys alone does not name that of the results, and what depends on neither is no generic
// function.

// A Group has callers that ask for the same key at the same time share one run of a
// function (H1). The zero value is an empty group, ready for use. It must not be
// copied. Its methods may be called by any number of goroutines at the same time.
//
// The first caller that asks for a key begins its run, in a goroutine of its own.
// Callers that ask until the run is over join it. Nothing is kept beyond: the next
// caller begins another run. See [Lazy] for one result that stays.
//
// The run belongs to all of its callers and to none. Its context has the values of the
// first caller's context, and neither the deadline nor the cancellation of it: a
// caller whose context ends leaves alone. When the last one leaves, the run is
// canceled with [ErrAbandoned]. A caller that asks from that instant on gets a fresh
// run, even while the old function is slow to notice: never the old cancellation.
//
// A panic of the function is raised in every caller that shares the run, as a
// [*PanicError]. Where the function calls [runtime.Goexit], they all get [ErrGoexit].
// A panic in a run that every caller has left ends the program, as in a plain
// goroutine.
//
// A run that asks its group for its own key, by its context or one made from it,
// directly or by way of runs and calls that were begun with these, gets an error that
// names the key and is [ErrCycle], not a deadlock. A cycle that is closed through a
// run which a stranger began cannot be seen: if one run of a asks for b while another
// of b asks for a, the two wait for each other until the contexts of their waits end.
type Group[K comparable, T any] struct {
	// Options are those of every run, to be set before the group is used: a *Scope
	// to run in, a Name, a Discard for results that nobody took. A run is
	// abandoned with the last caller that leaves, as with [CancelOnAbandon]. With
	// [Streaming] its context lives until the contexts of all callers that got its
	// result by Do have ended, and all handles of Join are released.
	Options []Option

	_     [0]*T // no Group of another type can be converted to this one
	table table
	keys  keyed[K] // the index of the table
}

// Do returns the result of the run of key, which it begins with fn where there is
// none, and whether more than one got that result: shared is exact, and the same
// for all. When ctx ends before the run does, Do leaves it and returns a
// [*WaitError], which names the key and leaves nothing behind; the others are not
// touched. Where ctx is done already it neither begins a run nor joins one. Where
// the run's function has returned, its result is returned, even if ctx is done by
// then (R6).
//
// Where the run cannot be begun the error says why: [ErrScopeClosed] or
// [ErrQueueFull] from the Scope in Options. A function of a scope hands its slot
// back for the time of the wait (C2). Do panics where ctx or fn is nil, or where the
// Discard in Options is of another type, and with the function's [*PanicError].
func (g *Group[K, T]) Do(ctx context.Context, key K, fn func(context.Context) (T, error)) (v T, err error, shared bool) {
	checkBegin(ctx, fn == nil)
	if ctx.Err() != nil {
		return v, contextWaitError(ctx, nameOfKey(key)), false
	}
	r, err := share(ctx, g, key, fn, latch.OneWait)
	if err != nil {
		return v, err, false
	}
	shared = r.take(ctx)
	return *valueAt[T](&r.core), r.core.outcome(), shared
}

// Join is [Group.Do] for a caller that does not wait at once: it returns a handle on the
// run of key, which it begins with fn where there is none. Join never blocks.
//
// The handle is that of a call of its own, which completes with the run and with
// its result, panics included, and is finished for itself (R3). To Cancel it, or to
// release the last reference on it, is to leave the run, as when the context of
// a Do ends: nobody else is touched, and where nobody else is there the run is
// canceled with [ErrAbandoned]. CancelWait gives the run until its context ends;
// its function is not asked. Shared, in what Do returns, counts the handles that
// had not left when the function returned.
//
// ctx gives its values to a run that is begun, and nothing else: it bounds neither
// the run nor the handle, and may be done. Where the run cannot be begun, or is
// asked for by itself, the handle is complete with the error. What nobody has
// taken by the time that the last handle is released goes to the Discard of
// Options, once for the run. Join panics where ctx or fn is nil, or where that
// Discard is of another type.
func (g *Group[K, T]) Join(ctx context.Context, key K, fn func(context.Context) (T, error)) *Call[T] {
	checkBegin(ctx, fn == nil)
	r, err := share(ctx, g, key, fn, latch.OneRef)
	if err != nil {
		c := fresh[T]().init(context.Background(), nil, 0)
		c.fail(err)
		return callOf[T](c)
	}
	p := new(joinedPromise[T])
	p.j.join(&p.p.core, p, r)
	return callOf[T](&p.p.core)
}

// share has the caller share the run of key: a caller that waits comes back when the run is
// complete, and a caller that wants a handle at once. one says which, see request.
func share[K comparable, T any](ctx context.Context, g *Group[K, T], key K, fn func(context.Context) (T, error), one uint64) (*sharedRun, error) {
	q := request{ctx: ctx, fn: asFunction(fn), opts: g.Options, of: (*T)(nil), runs: &g.keys, one: one}
	return g.table.share(q, func(what question, r *sharedRun) *sharedRun {
		switch {
		case what == askListed:
			return g.keys.runs[key]
		case what == askNew:
			return newRun[K, T](g.table.terms, key)
		case keyOf[K](r) == key:
			return r
		}
		return nil
	})
}

// Forget has the next caller that asks for key begin a new run, whether or not there
// is one now. The callers that share that one stay with it, and get its result.
func (g *Group[K, T]) Forget(key K) { forget(&g.table, &g.keys, key) }

func forget[K comparable](t *table, x *keyed[K], key K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := x.runs[key]; r != nil {
		r.unlistLocked()
	}
}

// A joinedCall is a handle of [Group.Join], its call, and what ties that to the run. It has
// the reference of a handle on the run, and is counted as a sharer (G2). It gives both up
//
//   - where its call was canceled, or released by all before completion: when
//     that call completes, which the node at its own latch is told;
//   - where the run's completion came first: when the last reference on its call
//     has gone, which the owner is told.
//
// Its call completes once, so exactly one of the two comes.
//
//	pending ──canceled, or released by all──▶ Fire(atCall): leave, which gives both up
//	   └──────the run is complete──▶ Fire(atRun): receive ──the last reference──▶ gone
//
// It knows no type: a joinedPromise copies the value.
type joinedCall struct {
	core     *core
	terms    terms
	nodes    [2]latch.Node // atRun at the run's latch, atCall at its own
	to       copier
	of       *core // the call of the run
	received bool  // its call completed with the run's result; written before that
}

// A copier is the typed part of a handle.
type copier interface{ copyFrom(run *core) }

// A joinedPromise is the call of a handle and what ties it to the run, in one piece of
// memory.
type joinedPromise[T any] struct {
	p Promise[T]
	j joinedCall
}

// copyFrom copies the value of a run, which is of the same type.
func (p *joinedPromise[T]) copyFrom(run *core) { p.p.value = *valueAt[T](run) }

const (
	atRun  = iota // the node at the latch of the run
	atCall        // the node at the latch of the call
)

// join makes c the call of a handle for a caller that is counted in to r, and has the
// reference of a handle there. The call has terms of its own: it is abandoned with its last
// reference, whatever the options of the run say. Where the run is complete by now, so is
// the call.
func (j *joinedCall) join(c *core, to copier, r *sharedRun) {
	of := &r.core
	j.core, j.to, j.of = c, to, of
	j.terms = terms{name: of.terms().name, stream: of.terms().stream, abandon: true, alone: record{&j.terms, j}}
	c.init(context.Background(), &j.terms.alone, 0)
	of.track(&c.first, true)
	own, end := &j.nodes[atCall], &j.nodes[atRun]
	own.Reset(&c.Latch, j, atCall)
	c.Link(own)
	end.Reset(&of.Latch, j, atRun)
	end.Refers()
	if !of.Link(end) {
		j.receive()
	}
}

// Fire is told that the run is complete, or that the call of the handle is. A Sink
// runs no code of a user: the call that receive completes has no OnSignal functions.
func (j *joinedCall) Fire(n *latch.Node) {
	switch {
	case n.Index() == atRun:
		j.receive()
	case !j.received:
		j.leave()
	}
}

// receive completes the call with the run's result, where it is not canceled.
func (j *joinedCall) receive() {
	const outcome = bitResult | bitFailed | bitCanceled | bitPanicked | bitCaught
	w := j.of.Word.Load()
	if w&(bitResult|bitPanicked) == 0 {
		runOf(j.of).close()
	}
	if !j.core.claim() {
		return
	}
	j.received = true
	j.to.copyFrom(j.of)
	j.core.err = j.of.err
	own := j.core.publish(w & outcome)
	j.core.tell(own, due{})
	if latch.Refs(own) == 0 {
		j.drop()
	}
}

// leave gives up what a call that was canceled has in the run: first the node, so that
// the completion of the run is not told any more.
func (j *joinedCall) leave() {
	j.of.Unlink(&j.nodes[atRun])
	runOf(j.of).leave()
	j.drop()
}

// drop gives up the reference on the run, on a goroutine that is told of a completion. No
// panic is raised there, so one that nobody was given ends the program.
func (j *joinedCall) drop() {
	c := j.of
	c.untrack(&j.core.first)
	sched.Point("drop")
	w := c.Word.Add(latch.MinusRef)
	if latch.Refs(w) == 0 && w&(bitPanicked|bitTaken) == bitPanicked {
		c.spawn(func() { c.dropped(w) })
		return
	}
	c.dropped(w)
}

// A joinedCall is the [owner] of its own call, which is a copy of the outcome of the run. It
// counts nothing, runs no function, and has no goroutines to wait for.

func (j *joinedCall) completing(uint64)                  {}
func (j *joinedCall) completed(w uint64, d due)          { d.tell(w, nil, nil) }
func (j *joinedCall) discarded(uint64, error) (f func()) { return nil }
func (j *joinedCall) queued(bool) bool                   { return false }
func (j *joinedCall) lender() latch.Slot                 { return nil }
func (j *joinedCall) copied() *core                      { return j.of } // see servedBy
func (j *joinedCall) spawn(f func())                     { go f() }

// taken marks the run's result as handed out: it is not discarded then (R9d).
func (j *joinedCall) taken(uint64) {
	if j.received {
		j.of.take()
	}
}

// gone gives up the reference on the run where the call has completed with the run's
// result, and marks that as handed out where the copy was, in one step. Where the
// reference was the last, a result that nobody took is disposed of, and a panic that
// nobody was given raised.
func (j *joinedCall) gone(w uint64) (tell func(), seen bool) {
	if w&latch.BitSet == 0 {
		return nil, false
	}
	if c := j.of; j.received {
		c.untrack(&j.core.first)
		if w&bitTaken != 0 {
			c.takeAndDrop()
		} else {
			c.drop()
		}
	}
	return nil, true
}

// A typedRun is a run with its value and its key, in one piece of memory, and a scopedRun
// has its place in a scope besides.
type (
	typedRun[K comparable, T any] struct {
		r   sharedRun // not embedded, which would compile its methods for every type
		_   T         // the value, behind the core of r: see core.value
		key K
	}
	scopedRun[K comparable, T any] struct {
		typed typedRun[K, T]
		place place
	}
)

// newRun returns a run of key on the terms t. The table inits the run.
func newRun[K comparable, T any](t *terms, key K) *sharedRun {
	var x *typedRun[K, T]
	if t.isScoped() {
		s := new(scopedRun[K, T])
		x = &s.typed
		x.r.core.record = s.place.init(t, &x.r.core)
	} else {
		x = new(typedRun[K, T])
		x.r.core.record = t.plain()
	}
	x.key = key
	x.r.key = unsafe.Pointer(&x.key)
	return &x.r
}

// A keyed is the index of a Group. It depends on the type of the keys and on no other, so
// one more type of results compiles none of it.
type keyed[K comparable] struct {
	runs map[K]*sharedRun
	peak int // how many there have been at once in this map
}

// keyOf returns the key of a run.
func keyOf[K comparable](r *sharedRun) K { return *(*K)(r.key) }

// listLocked puts the run on the list, where the next caller finds it. A key that is
// not equal to itself is not listed: no map would find it again.
func (x *keyed[K]) listLocked(r *sharedRun) {
	key := keyOf[K](r)
	if key != key { //nolint:gocritic // so with a NaN, which no map finds again
		return
	}
	if x.runs == nil {
		x.runs = make(map[K]*sharedRun)
	}
	x.runs[key] = r
	x.peak = max(x.peak, len(x.runs))
	r.listed = true
}

// unlistLocked takes a run off the list that is on it.
func (x *keyed[K]) unlistLocked(r *sharedRun) {
	const small = 64
	delete(x.runs, keyOf[K](r))
	if x.peak > small && len(x.runs) < x.peak/8 {
		x.shrinkLocked()
	}
}

// shrinkLocked makes a new map where the map has become much larger than what is in it: a
// map of Go keeps the memory of its largest size.
//
//go:noinline // its frame is large, and the goroutine of a run has a small stack
func (x *keyed[K]) shrinkLocked() {
	runs := make(map[K]*sharedRun, len(x.runs))
	maps.Copy(runs, x.runs)
	x.runs, x.peak = runs, len(runs)
}

func (x *keyed[K]) name(r *sharedRun) runName { return nameOfKey(keyOf[K](r)) }

// nameOfKey names the run of key for errors.
func nameOfKey[K comparable](key K) runName {
	if reflect.TypeFor[K]().Kind() == reflect.String {
		return runName(fmt.Sprintf("run of key %q", any(key)))
	}
	return runName(fmt.Sprintf("run of key %v", key))
}

// A Lazy is a value that is made when it is first asked for (H2), and waited for by
// every caller that asks meanwhile. It comes from [NewLazy]; its zero value is of no
// use, and its methods panic. It must not be copied. Its methods may be called by any
// number of goroutines at the same time.
//
// The run that makes the value is as one of a [Group]: in a goroutine of its own, by a
// context with the values of the first caller's and nobody's cancellation, until the
// last caller that waits for it leaves.
type Lazy[T any] struct {
	_     [0]*T          // see Group
	value unsafe.Pointer // nil, or a *T; atomic, see corePointer
	table table
	run   lone // the index of the table
}

// NewLazy returns a lazy value that fn makes. The options are those of every run
// of fn, as [Group.Options]. It panics where fn is nil, or a [Discard] is of another
// type.
func NewLazy[T any](fn func(context.Context) (T, error), opts ...Option) *Lazy[T] {
	if fn == nil {
		panic("async: NewLazy with a nil function")
	}
	l := new(Lazy[T])
	l.table.terms, l.table.runs = sharedTerms(opts, (*T)(nil)), &l.run // not to be told of a wrong option by the first Get
	l.table.lazy, l.table.fn = true, asFunction(fn)
	return l
}

// Get returns the value: at once where it is there, by one atomic load and without
// allocation, even if ctx is done. Else it waits for the run that makes the value, and
// begins that run where there is none. When ctx ends first, Get returns a [*WaitError]
// and leaves nothing behind. The run goes on while another caller waits for it, and is
// canceled with [ErrAbandoned] when the last one has left.
//
// An error of the function is returned to all callers that waited, and not kept: the
// next Get has the function run again. So it is with a panic, which is raised in all
// of them, with [ErrGoexit], and with what a scope or group among the options refuses.
// A cancellation is never kept, and never seen by a caller that asks later. A run that
// asks for its own value gets an error that is [ErrCycle].
func (l *Lazy[T]) Get(ctx context.Context) (T, error) {
	if v := atomic.LoadPointer(&l.value); v != nil {
		return *(*T)(v), nil
	}
	return getLazy(ctx, l)
}

// getLazy is Get for a value that was not there a moment ago.
func getLazy[T any](ctx context.Context, l *Lazy[T]) (v T, err error) {
	l.table.checkLazy()
	checkBegin(ctx, false)
	if ctx.Err() != nil {
		return v, contextWaitError(ctx, nameOfLazy)
	}
	r, err := l.table.share(request{ctx: ctx, one: latch.OneWait}, func(what question, r *sharedRun) *sharedRun {
		switch what {
		case askListed:
			return l.run.run
		case askNew:
			return newRun[struct{}, T](l.table.terms, struct{}{})
		}
		return r
	})
	switch {
	case err != nil:
		return v, err
	case r == nil:
		return *(*T)(atomic.LoadPointer(&l.value)), nil
	}
	r.keep(func() {
		v := *valueAt[T](&r.core)
		atomic.StorePointer(&l.value, unsafe.Pointer(&v))
	})
	return *valueAt[T](&r.core), r.core.outcome()
}

// keep has store keep the result of the run of a Lazy, which is complete, where that is a
// value, and gives the caller's reference up. It takes the run off the list in the same
// critical section (G5). Only a caller that shares the run calls keep, so no value is kept
// that went to Discard.
func (r *sharedRun) keep(store func()) {
	made, t := r.core.Word.Load()&bitFailed == 0, r.table
	t.mu.Lock()
	if made && t.fn != nil {
		t.fn = nil
		sched.Point("keep")
		store()
	}
	r.unlistLocked()
	t.mu.Unlock()
	if made && r.core.terms().stream {
		r.core.take() // the value goes on using the run's context, for ever
		return
	}
	r.core.takeAndLeave()
}

// Peek returns the value and true where it is there, without waiting and without
// having it made.
func (l *Lazy[T]) Peek() (v T, ok bool) {
	if v := atomic.LoadPointer(&l.value); v != nil {
		return *(*T)(v), true
	}
	l.table.checkLazy()
	return v, false
}

// checkLazy panics where the table is that of a Lazy that nobody has made.
func (t *table) checkLazy() {
	if !t.lazy {
		panic("async: a Lazy that NewLazy has not made")
	}
}

// A lone is the index of a Lazy, which has one run at most.
type lone struct{ run *sharedRun }

func (x *lone) listLocked(r *sharedRun) { x.run, r.listed = r, true }
func (x *lone) unlistLocked(*sharedRun) { x.run = nil }
func (x *lone) name(*sharedRun) runName { return nameOfLazy }

const nameOfLazy runName = "lazy value"
