package async

import (
	"context"
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// This file has what shares the runs of shared.go: [Group], whose callers wait or have a
// handle by Join, and [Lazy], which keeps one result. Both are thin: counting in and out
// stands in shared.go, under the lock of the table, and so do the invariants G1 to G5. What
// is here runs without that lock, but for keep. What may not change: a caller that leaves, or
// a handle, is counted out first and then gives its reference up, each of the two once (G2).

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

	runs table[K, T]
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
	r, err := g.runs.await(ctx, key, fn, g.Options)
	if err != nil {
		return v, err, false
	}
	shared = r.wasShared()
	r.take(ctx)
	v, err = r.result()
	return v, err, shared
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
	r, _, err := g.runs.join(ctx, key, fn, g.Options, latch.OneRef)
	if err != nil {
		c := newCall[T](context.Background(), nil, 0)
		c.fail(err)
		return callOf[T](c)
	}
	return joined(r)
}

// Forget has the next caller that asks for key begin a new run, whether or not there
// is one now. The callers that share that one stay with it, and get its result.
func (g *Group[K, T]) Forget(key K) { g.runs.forget(key) }

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
// It knows no type: the run copies the value.
type joinedCall struct {
	core     *core
	terms    terms
	nodes    [2]latch.Node // atRun at the run's latch, atCall at its own
	run      sharer
	of       *core // the call of the run
	received bool  // its call completed with the run's result; written before that
}

// A joinedPromise is the call of a handle and what ties it to the run, in one piece of
// memory.
type joinedPromise[T any] struct {
	p Promise[T]
	j joinedCall
}

// A sharer is a run, of any types, as its handles know it.
type sharer interface {
	close()
	leave() bool
	copyTo(c *core) // copies the value to a call of the same type
}

const (
	atRun  = iota // the node at the latch of the run
	atCall        // the node at the latch of the call
)

// joined makes a handle for a caller that is counted in to r, and has the reference of
// a handle there. The call of the handle has terms of its own: it is abandoned with
// its last reference, whatever the options of the run say. Where the run is complete
// by now, so is the call.
func joined[K comparable, T any](r *sharedRun[K, T]) *Call[T] {
	p := new(joinedPromise[T])
	p.j.join(&p.p.core, r, &r.p.core)
	return callOf[T](&p.p.core)
}

// join makes the call c that of the handle, which is counted in to a run already.
func (j *joinedCall) join(c *core, run sharer, of *core) {
	j.core, j.run, j.of = c, run, of
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
		j.run.close()
	}
	if !j.core.claim() {
		return
	}
	j.received = true
	j.run.copyTo(j.core)
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
	j.run.leave()
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
func (j *joinedCall) completed(w uint64, d due)          { d.tell(w, nil) }
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

// A Lazy is a value that is made when it is first asked for (H2), and waited for by
// every caller that asks meanwhile. It comes from [NewLazy]; its zero value is of no
// use, and its methods panic. It must not be copied. Its methods may be called by any
// number of goroutines at the same time.
//
// The run that makes the value is as one of a [Group]: in a goroutine of its own, by a
// context with the values of the first caller's and nobody's cancellation, until the
// last caller that waits for it leaves.
type Lazy[T any] struct {
	value atomic.Pointer[T]
	runs  table[struct{}, T]
}

// NewLazy returns a lazy value that fn makes. The options are those of every run
// of fn, as [Group.Options]. It panics where fn is nil, or a [Discard] is of another
// type.
func NewLazy[T any](fn func(context.Context) (T, error), opts ...Option) *Lazy[T] {
	if fn == nil {
		panic("async: NewLazy with a nil function")
	}
	l := new(Lazy[T])
	l.runs.terms = sharedTerms[T](opts) // not to be told of a wrong option by the first Get
	l.runs.lazy, l.runs.fn = true, fn
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
	if v := l.value.Load(); v != nil {
		return *v, nil
	}
	return l.get(ctx)
}

// get is Get for a value that was not there a moment ago.
func (l *Lazy[T]) get(ctx context.Context) (v T, err error) {
	l.check()
	checkBegin(ctx, false)
	r, err := l.runs.await(ctx, struct{}{}, nil, nil)
	switch {
	case err != nil:
		return v, err
	case r == nil:
		return *l.value.Load(), nil
	}
	l.keep(r)
	return r.result()
}

// keep keeps the result of a run that is complete, where that is a value, and gives
// the caller's reference up. It takes the run off the list in the same critical
// section (G5). Only a caller that shares the run calls keep, so no value is kept that
// went to Discard.
func (l *Lazy[T]) keep(r *sharedRun[struct{}, T]) {
	made := r.p.core.Word.Load()&bitFailed == 0
	l.runs.mu.Lock()
	if made && l.runs.fn != nil {
		v := r.p.value
		l.runs.fn = nil
		sched.Point("keep")
		l.value.Store(&v)
	}
	r.unlistLocked()
	l.runs.mu.Unlock()
	if made && r.p.core.terms().stream {
		r.p.core.take() // the value goes on using the run's context, for ever
		return
	}
	r.p.core.takeAndLeave()
}

// Peek returns the value and true where it is there, without waiting and without
// having it made.
func (l *Lazy[T]) Peek() (v T, ok bool) {
	if v := l.value.Load(); v != nil {
		return *v, true
	}
	l.check()
	return v, false
}

func (l *Lazy[T]) check() {
	if !l.runs.lazy {
		panic("async: a Lazy that NewLazy has not made")
	}
}
