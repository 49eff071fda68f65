package async

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
	"github.com/seed4712c49f/async/internal/scope"
)

// This file has what owns the calls that it begins, and hands out no handle: [Hedge], many
// attempts at one result, and [Map], many results of many inputs.

// Hedge runs fn and, while no attempt has succeeded, runs it again beside those
// still running: after delay, or at once when an attempt has failed, up to max
// attempts. A delay of zero or less starts them all. It returns the value of the
// first to succeed; when all have failed, their errors, joined in the order of
// the attempts; when ctx ends before, a [*CanceledError] with its cause.
//
// fn is given the number of its attempt, counted from 0 in the order in which the
// attempts begin: so each attempt may ask another server. A caller who wants to know
// which attempt has won has fn return the number as a part of the value.
//
// Hedge owns its attempts: on return the losers are canceled, and what they
// still return goes to [Discard]. With [Streaming] the winner's context lives on
// until ctx ends, so that a response body can be read. The panic of an attempt
// is raised as a [*PanicError]. Where max is below 1, Hedge returns
// [ErrNothingToWait].
func Hedge[T any](ctx context.Context, delay time.Duration, max int, fn func(ctx context.Context, attempt int) (T, error), opts ...Option) (v T, err error) {
	checkBegin(ctx, fn == nil)
	if max < 1 {
		return v, ErrNothingToWait
	}
	h := &hedge[T]{ctx: ctx, delay: delay, max: max, fn: fn, opts: opts}
	defer h.end()
	h.begin()
	for {
		i, err := h.set.Next(ctx)
		switch {
		case err != nil:
			return v, &CanceledError{Cause: context.Cause(ctx)}
		case i < 0: // a delay is over
			if ^i == len(h.calls) {
				h.begin()
			}
		case !h.isFailed(i):
			return h.win(i)
		case ctx.Err() != nil:
			return v, &CanceledError{Cause: context.Cause(ctx)}
		case len(h.calls) < max:
			h.begin()
		case h.failed == max:
			return v, h.errors()
		}
	}
}

// A hedge is the state of one Hedge.
type hedge[T any] struct {
	ctx   context.Context
	delay time.Duration
	max   int
	fn    func(ctx context.Context, attempt int) (T, error)
	opts  []Option

	calls  Calls[T] // the attempts
	failed int      // how many of them have been seen to fail
	set    Set[int] // attempt i under i; the delay before attempt i under ^i
	timer  *time.Timer
}

// begin begins the next attempt and the delay before the one after it, or all
// where there is no delay.
func (h *hedge[T]) begin() {
	for more := true; more; more = h.delay <= 0 && len(h.calls) < h.max {
		i := len(h.calls)
		c := Go(h.ctx, func(ctx context.Context) (T, error) { return h.fn(ctx, i) }, h.opts...)
		h.set.Add(i, c)
		h.calls = append(h.calls, c)
	}
	h.stop()
	if len(h.calls) < h.max {
		over := new(Event)
		h.set.Add(^len(h.calls), over)
		h.timer = time.AfterFunc(h.delay, func() { over.Set() })
	}
}

func (h *hedge[T]) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
}

// isFailed reports whether attempt i, which is complete, failed. A panic it
// raises.
func (h *hedge[T]) isFailed(i int) bool {
	c := h.calls[i].h.core.Load()
	c.IsSet() // which waits for a completer that is at it: it tells the set before (L6)
	w := c.Word.Load()
	if w&bitPanicked != 0 {
		_, _ = h.calls[i].Await(h.ctx)
	}
	if w&bitFailed != 0 {
		h.failed++
	}
	return w&bitFailed != 0
}

// win ends the losers, then takes the result of the winner: should a loser's
// panic come up, the winner's value goes to Discard and is not lost. The handle is
// released in any case, since nobody else has it.
//
// With Streaming the context of the winner lives until that of the hedge ends, with which
// the winner was begun. For that win keeps a reference, which is never given up: that of
// a wait and not of a handle, so that nothing is reported that nobody could release. The
// owner is told that no handle is left, and forgets the call, too.
func (h *hedge[T]) win(i int) (T, error) {
	c := h.calls[i]
	h.calls = slices.Delete(h.calls, i, i+1)
	if core := c.h.core.Load(); core.terms().stream {
		defer core.gone(core.Add(latch.OneWait)) // when the handle is released
	}
	defer c.Release()
	h.release()
	return c.Await(h.ctx)
}

// errors takes and joins the errors of all attempts.
func (h *hedge[T]) errors() error {
	errs := make([]error, len(h.calls))
	for i, c := range h.calls {
		_, errs[i] = c.Await(h.ctx)
	}
	return errors.Join(errs...)
}

// end leaves nothing behind.
func (h *hedge[T]) end() {
	h.stop()
	h.set.Release()
	h.release()
}

// release cancels what still runs and releases every attempt.
func (h *hedge[T]) release() {
	h.calls.Cancel(context.Cause(h.ctx))
	h.calls.Release()
	h.calls = nil
}

// Map runs fn on each input, several at once, and ranges over the inputs and their
// results: the bounded pipeline (C10). The results come in the order of completion, or,
// with [InOrder], of the inputs. A panic of fn is held as Err, a [*PanicError].
//
// At most n inputs are in flight or unread, and so at most n functions run at once: n is
// that of [AtOnce], or the limit of the [Scope] among the options, or GOMAXPROCS. The
// next input is pulled when a function can run; so the memory that Map needs does not
// grow with the number of inputs. Each input is a call: it runs in its scope, it has a
// context of its own that ends with the call (R12), a result with [Streaming] may use the
// context until the loop's body is through with the result, and [NameEach] names the
// call. What cannot be begun, because the scope is closed, has the refusal as its result.
//
// The loop runs in, and nothing else does: in may share variables with the body of the
// loop. While in blocks, no result is handed out: inputs that come from elsewhere, one
// now and one later, are begun by [Go] and waited for in a [Set].
//
// The loop ends when the results of all inputs were handed out. When ctx ends, the loop
// pulls no more inputs, hands out what is complete, and ends without a word (R6, W5). The
// same holds for every way of leaving the loop early, a panic of in included, which is
// raised: Map cancels what is left, with the cause of ctx, and waits until every function
// has returned. Functions that have not started never run, and results that the loop did
// not take go to [Discard]. A panic that the loop was not given is raised then.
//
// In a function of a scope, by its context, Map lends the slot while Map waits (C2). To
// range over the result twice is to range over in twice. Map panics where ctx, in or fn
// is nil, and where [Discard] or [NameEach] is of another type.
func Map[In, T any](ctx context.Context, in iter.Seq[In], fn func(context.Context, In) (T, error), opts ...Option) iter.Seq2[In, Result[T]] {
	checkBegin(ctx, fn == nil)
	if in == nil {
		panic("async: Map of a nil sequence")
	}
	t, name := gatherEach[In, T](opts)
	return func(yield func(In, Result[T]) bool) {
		m := newMapping(ctx, fn, t, name)
		m.yield = yield
		defer m.raise()
		defer m.stop()
		m.run(in)
	}
}

// A mapping is the state of one loop over a Map.
//
// The goroutine of the loop does everything but run functions: it pulls the inputs, begins
// the calls, and hands out the results. Without a scope and without [InGroup] the
// functions run on workers, which live as long as the loop. A goroutine for each call, as
// Go would begin, costs more than the rest of a call that does nothing.
//
// Rejected: to pull the inputs on a goroutine of their own, or on the workers. Results
// would then come while the input blocks; but the input would run beside the body of the
// loop, which no other iterator of Go does, and a loop that is left would have to wait for
// an input that waits for the loop.
type mapping[In, T any] struct {
	ctx     context.Context
	fn      func(context.Context, In) (T, error)
	terms   *terms
	name    func(In) string // of NameEach, or nil
	yield   func(In, Result[T]) bool
	until   latch.Until // the end of a wait of the loop, and what the loop lends
	bound   int         // the most inputs that are in flight or unread
	inOrder bool

	// The inputs that are in flight or unread, in the order in which they began. Only the
	// goroutine of the loop looks at them.
	first, last *mapped[In, T]
	flying      int

	// Those that are complete, in the order of completion; unused with InOrder. The loop
	// takes all that are there in one step, and hands them out from batch.
	mu       sched.Mutex
	complete *mapped[In, T] // the last one; its then is the first: a ring
	asleep   bool           // the loop sleeps, or is about to
	some     atomic.Bool    // complete is not nil
	wake     chan struct{}  // has room for one wake-up
	batch    *mapped[In, T]

	// The workers. free is the number of workers without an input, less the number of
	// inputs without a worker; it is never negative, so every input has a worker.
	todo chan *mapped[In, T] // nil where each call has a goroutine of its own; never full
	free atomic.Int64

	// The end. A function counts itself in before it looks whether its call is canceled, and
	// the loop cancels the calls before it looks at the count. So a function that is not
	// counted by then finds its call canceled and never runs.
	active atomic.Int64 // functions that run, or are about to look
	ending atomic.Bool  // the loop waits for them
	quiet  latch.Latch  // set when none is active any more
}

// A mapped is one input, and its call.
type mapped[In, T any] struct {
	p          Promise[T]
	in         In
	of         *mapping[In, T]
	prev, next *mapped[In, T]
	then       *mapped[In, T] // the next one that is complete
}

func newMapping[In, T any](ctx context.Context, fn func(context.Context, In) (T, error), t *terms, name func(In) string) *mapping[In, T] {
	m := &mapping[In, T]{ctx: ctx, fn: fn, terms: t, name: name, until: untilDone(ctx), wake: make(chan struct{}, 1)}
	if t != nil && t.many != nil {
		m.bound, m.inOrder = t.many.atOnce, t.many.inOrder
	}
	if h, ok := homeOf(t); ok && m.bound == 0 {
		m.bound = h.hub.Limit()
	}
	if m.bound == 0 {
		m.bound = runtime.GOMAXPROCS(0)
	}
	if !t.isScoped() && (t == nil || t.group == nil) {
		m.todo = make(chan *mapped[In, T], m.bound)
	}
	return m
}

// homeOf returns the scope that calls are begun in by t, if there is one.
func homeOf(t *terms) (h *home, ok bool) {
	if t.isScoped() {
		h, ok = t.home.(*home)
	}
	return h, ok
}

// run pulls the inputs, begins their calls, and hands out results: whenever one is there,
// and before the next input is pulled where the bound is reached.
func (m *mapping[In, T]) run(in iter.Seq[In]) {
	if m.ctx.Err() != nil {
		return
	}
	for x := range in {
		m.begin(x)
		if !m.handOut(m.flying == m.bound) || m.ctx.Err() != nil {
			return
		}
	}
	for m.flying > 0 && m.handOut(true) {
	}
}

// begin begins the call of one input.
func (m *mapping[In, T]) begin(x In) {
	it := &mapped[In, T]{in: x, of: m}
	c := &it.p.core
	c.init(m.ctx, newRecord(termsOf(m.terms, m.name, x), c), 0)
	m.add(it)
	switch {
	case m.todo == nil && !m.inOrder: // others may complete it, too
		n := new(latch.Node)
		n.Reset(&c.Latch, it, 0)
		c.Link(n)
		c.launch(it)
		return
	case m.todo == nil:
		c.launch(it)
		return
	case m.ctx.Err() != nil:
		c.launch(it) // which cancels it
		m.completed(it)
		return
	}
	m.todo <- it
	if m.free.Add(-1) < 0 {
		m.free.Add(1)
		go m.work()
	}
}

// work is the life of a worker. A function that calls Goexit ends the worker's goroutine;
// another takes its place.
func (m *mapping[In, T]) work() {
	var it *mapped[In, T]
	over := false
	defer func() {
		if !over {
			m.completed(it)
			go m.work()
		}
	}()
	for it = range m.todo {
		sched.Point("take an input")
		it.run(&it.p.core)
		m.completed(it)
	}
	over = true
}

// run is the life of a function's goroutine, or a part of one: see [function].
func (it *mapped[In, T]) run(c *core) *scope.Member {
	m := it.of
	m.active.Add(1)
	defer m.returned()
	return functionOf[T](func(ctx context.Context) (T, error) {
		defer m.free.Add(1) // before the result can be seen, so the loop finds the worker free
		return m.fn(ctx, it.in)
	}).run(c)
}

// returned counts a function out.
func (m *mapping[In, T]) returned() {
	if m.active.Add(-1) == 0 && m.ending.Load() {
		m.quiet.Set()
	}
}

// handOut hands out the results that are there. Where wait is true and there is none,
// handOut waits for one. It reports whether the loop goes on.
func (m *mapping[In, T]) handOut(wait bool) bool {
	for m.flying > 0 {
		it := m.nextComplete(wait)
		if it == nil {
			return !wait // ctx has ended
		}
		wait = false
		if !m.hand(it) {
			return false
		}
	}
	return true
}

// nextComplete returns the next input whose result is there, or nil. Where wait is true,
// nil says that ctx has ended and none is there.
func (m *mapping[In, T]) nextComplete(wait bool) (it *mapped[In, T]) {
	if m.inOrder {
		if m.first.p.core.IsSet() {
			return m.first
		}
	} else if it := m.take(); it != nil {
		return it
	}
	if !wait {
		return nil
	}
	m.until.GiveWay()
	if !m.inOrder {
		if it := m.take(); it != nil {
			return it
		}
		return m.await()
	}
	if m.first.p.core.Wait(m.until) {
		return m.first
	}
	return nil
}

// Fire tells that a call is complete which does not run on a worker.
func (it *mapped[In, T]) Fire(*latch.Node) { it.of.completed(it) }

// completed adds an input to those that are complete, and wakes the loop if need be.
func (m *mapping[In, T]) completed(it *mapped[In, T]) {
	if m.inOrder {
		return
	}
	m.mu.Lock()
	if m.complete == nil {
		it.then = it
		m.some.Store(true)
	} else {
		it.then, m.complete.then = m.complete.then, it
	}
	m.complete = it
	asleep := m.asleep
	m.asleep = false
	m.mu.Unlock()
	if asleep {
		select {
		case m.wake <- struct{}{}:
		default: // an old wake-up does as well
		}
	}
}

// take returns the next input that is complete, or nil.
func (m *mapping[In, T]) take() (it *mapped[In, T]) {
	if m.batch == nil && m.some.Load() {
		m.mu.Lock()
		m.batch, m.complete.then = m.complete.then, nil
		m.complete = nil
		m.some.Store(false)
		m.mu.Unlock()
	}
	if it = m.batch; it != nil {
		m.batch, it.then = it.then, nil
	}
	return it
}

// await waits for an input that is complete, and returns nil where ctx ends first and none
// is there (R6). A wake-up may be an old one, and nothing be there: await sleeps again.
func (m *mapping[In, T]) await() *mapped[In, T] {
	for {
		m.mu.Lock()
		m.asleep = m.complete == nil
		asleep := m.asleep
		m.mu.Unlock()
		if !asleep || !m.until.Receive(m.wake) {
			return m.take()
		}
	}
}

// hand gives one result to the body of the loop, and reports whether the loop goes on.
func (m *mapping[In, T]) hand(it *mapped[In, T]) bool {
	m.remove(it)
	c := &it.p.core
	r := resultOf[T](c, nil)
	c.take()
	if !c.terms().stream {
		it.drop()
		return m.yield(it.in, r)
	}
	defer it.drop()
	return m.yield(it.in, r)
}

// drop gives up the reference on a call.
func (it *mapped[In, T]) drop() {
	c := &it.p.core
	c.untrack(&c.first)
	c.drop()
}

// stop cancels the calls that are left and waits until their functions have returned. The
// last call comes first: a function that returns at once must start none that is queued
// behind it.
func (m *mapping[In, T]) stop() {
	defer m.awaitFunctions()
	if m.todo != nil {
		close(m.todo)
	}
	left := m.left()
	slices.Reverse(left)
	cause := context.Cause(m.ctx)
	sweep(len(left), func(i int) { left[i].p.core.cancel(cause, due{}) })
}

func (m *mapping[In, T]) awaitFunctions() {
	m.ending.Store(true)
	if m.active.Load() > 0 {
		m.quiet.Wait(latch.Until{Slot: m.until.Slot})
	}
}

// raise gives up what the loop did not take. A panic among it is raised, and joined with
// the panic that ended the loop, since a panic in a deferred function replaces the one
// before.
func (m *mapping[In, T]) raise() {
	var raised []*PanicError
	for _, it := range m.left() {
		if e := caught(it.drop); e != nil {
			raised = append(raised, e)
		}
	}
	if len(raised) == 0 {
		return
	}
	if first := recover(); first != nil {
		raised = slices.Insert(raised, 0, newPanicError(first))
	}
	panic(joinPanics(raised))
}

// left returns the inputs that are in flight or unread, in the order in which they began.
func (m *mapping[In, T]) left() (left []*mapped[In, T]) {
	for it := m.first; it != nil; it = it.next {
		left = append(left, it)
	}
	return left
}

func (m *mapping[In, T]) add(it *mapped[In, T]) {
	it.prev = m.last
	if m.last == nil {
		m.first = it
	} else {
		m.last.next = it
	}
	m.last = it
	m.flying++
}

func (m *mapping[In, T]) remove(it *mapped[In, T]) {
	if it.prev == nil {
		m.first = it.next
	} else {
		it.prev.next = it.next
	}
	if it.next == nil {
		m.last = it.prev
	} else {
		it.next.prev = it.prev
	}
	it.prev, it.next = nil, nil
	m.flying--
}
