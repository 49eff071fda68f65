package async

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/list"
	"github.com/seed4712c49f/async/internal/parked"
	"github.com/seed4712c49f/async/internal/sched"
	"github.com/seed4712c49f/async/internal/scope"
)

// This file has the calls of many inputs: [GoEach] begins all at once and hands them out,
// and [Map] runs a few at a time and owns them. What is done with calls that are begun
// stands in calls.go.
//
// The typed part is small, since a user pays for it with each pair of types: what Map does
// stands in the methods of mapping, which know an input as a mapped. What may not change:
// the goroutine of the loop alone pulls inputs and calls the body (C10), a Map that has ended
// has no goroutine, and no more than bound inputs are in flight or unread.

// GoAll begins a call of each function, with the same options; see [Go]. The slice is
// the caller's again when GoAll has returned. GoAll panics where a function is nil,
// naming its index, and as Go does.
func GoAll[T any](ctx context.Context, fns []func(context.Context) (T, error), opts ...Option) Calls[T] {
	for i, fn := range fns {
		if fn == nil {
			panic(fmt.Sprintf("async: function %d of GoAll is nil", i))
		}
	}
	checkBegin(ctx, false)
	return goEach(ctx, fns, func(ctx context.Context, fn func(context.Context) (T, error)) (T, error) {
		return fn(ctx)
	}, gather(opts, (*T)(nil)), nil)
}

// GoEach begins one call of fn for each input; see [Go]. The calls are made in one piece:
// to begin a thousand takes as few allocations as to begin two, and the memory of all of
// them is kept while a handle on one is. The slice is the caller's again when GoEach has
// returned. [NameEach] names each call. For more inputs than may be in memory at once, see
// [Map].
//
// GoEach panics where ctx or fn is nil, where [Discard] or [NameEach] is of another type,
// and where [AtOnce] or [InOrder] is among the options. Where a function of the caller's that
// runs in GoEach panics or calls Goexit, as [OnSignal] of a call that is refused, the calls
// that were begun are released: their results go to [Discard].
func GoEach[In, T any](ctx context.Context, in []In, fn func(context.Context, In) (T, error), opts ...Option) Calls[T] {
	checkBegin(ctx, fn == nil)
	t, name := gatherEach[In](opts, (*T)(nil))
	if t != nil {
		t.many.refuse(true)
	}
	return goEach(ctx, in, fn, t, name)
}

// goEach begins one call for each input, on the terms t, by a name of its own where
// name is not nil. Calls that nothing bounds are begun by one go statement each, of
// one function without arguments, which takes the next number: such a go statement
// allocates nothing. All others are launched one after the other.
func goEach[In, T any](ctx context.Context, in []In, fn func(context.Context, In) (T, error), t *terms, name func(In) string) Calls[T] {
	in = slices.Clone(in) // the caller may use the slice again
	cores, cs := make([]*core, len(in)), make(Calls[T], len(in))
	if t.isScoped() {
		calls := make([]scopedPromise[T], len(in))
		for i := range calls {
			c := &calls[i].p.core
			cores[i] = c.init(ctx, calls[i].place.init(termsOf(t, name, in[i]), c), 0)
		}
	} else {
		calls := make([]Promise[T], len(in))
		for i := range calls {
			cores[i] = calls[i].core.init(ctx, termsOf(t, name, in[i]).plain(), 0)
		}
	}
	for i, c := range cores {
		cs[i] = callOf[T](c)
	}
	if t.runsFree() && ctx.Err() == nil {
		var started atomic.Int64
		next := func() {
			sched.Point("take a number")
			i := started.Add(1) - 1
			asFunction(func(ctx context.Context) (T, error) { return fn(ctx, in[i]) }).run(cores[i])
		}
		for range in {
			go next()
		}
		return cs
	}
	launchAll(cores, func(i int) function {
		return asFunction(func(ctx context.Context) (T, error) { return fn(ctx, in[i]) })
	})
	return cs
}

// launchAll launches the calls of a GoEach, each with the function that of returns. Where a
// function of the user that is called here, as OnSignal of a refused call, panics or calls
// Goexit, nobody gets the list, and those that were launched are released.
func launchAll(cores []*core, of func(i int) function) {
	launched := 0
	defer func() {
		if launched < len(cores) {
			goOn(recover(), 0, launched+1, func(i int) { cores[i].first.release() })
		}
	}()
	for i, c := range cores {
		c.launch(of(i))
		launched++
	}
}

// termsOf returns the terms of the call for one input: t, or a copy with the name that
// NameEach gives to the input.
func termsOf[In any](t *terms, name func(In) string, in In) *terms {
	if name == nil {
		return t
	}
	return t.named(name(in))
}

// Map runs fn on each input, several at once, and ranges over the inputs and their
// results: the bounded pipeline (C10). The results come in the order of completion, or,
// with [InOrder], of the inputs. A panic of fn is held as Err, a [*PanicError].
//
// At most n inputs are in flight or unread, and so at most n functions run at once: n is
// that of [AtOnce], or the limit of the [Scope] among the options, or GOMAXPROCS, and never
// more than 1<<20. The
// next input is pulled when a function can run; so the memory that Map needs does not
// grow with the number of inputs. Each input is a call: it runs in its scope, it has a
// context of its own that ends with the call (R12), a result with [Streaming] may use the
// context until the loop's body is through with the result, and [NameEach] names the
// call. Where the scope has no room, since other calls have it, the loop waits for room as
// with [WaitForRoom]. What cannot be begun, because the scope is closed, has the refusal as
// its result.
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
// not take go to [Discard]. A panic that the loop was not given is raised then, also one with
// which a function answers its cancellation.
//
// In a function of a scope, by its context, Map lends the slot while Map waits (C2). To
// range over the result twice is to range over in twice. Map panics where ctx, in or fn
// is nil, and where [Discard] or [NameEach] is of another type.
func Map[In, T any](ctx context.Context, in iter.Seq[In], fn func(context.Context, In) (T, error), opts ...Option) iter.Seq2[In, Result[T]] {
	checkBegin(ctx, fn == nil)
	if in == nil {
		panic("async: Map of a nil sequence")
	}
	t, name := gatherEach[In](opts, (*T)(nil))
	return func(yield func(In, Result[T]) bool) {
		m := newMapping(ctx, t)
		t := t.forMap(m.lose)
		m.function = func(it *mapped) function { return inputOf[In, T](it) }
		m.yield = func(it *mapped) bool { return yield(inputOf[In, T](it).in, resultOf[T](it.c, nil)) }
		m.fn = fn
		m.loop(func() {
			for x := range in {
				i := &input[In, T]{in: x}
				i.c, i.of = &i.p.core, m
				if !m.begin(&i.mapped, termsOf(t, name, x)) {
					return
				}
			}
			m.handOutAll()
		})
	}
}

// An input is one input of a Map with its call, in one piece of memory: the typed part of
// a mapped, and the [function] of the call.
type input[In, T any] struct {
	mapped // first: see inputOf
	p      Promise[T]
	in     In
}

// inputOf returns the typed input that it is the untyped part of. A mapped is made as the
// first field of an input and in no other way, so the address of the one is that of the
// other; and all inputs of one mapping have the same types.
func inputOf[In, T any](it *mapped) *input[In, T] { return (*input[In, T])(unsafe.Pointer(it)) }

// run is the life of a function's goroutine, or a part of one.
func (i *input[In, T]) run(c *core) *scope.Member {
	if i.of.todo == nil {
		scope.GrowStack(1) // what tells the loop does not fit into the first stack of a goroutine
	}
	i.of.active.Add(1)
	defer i.of.returned()
	return asFunction(i.call).run(c)
}

// call calls the function of the user.
func (i *input[In, T]) call(ctx context.Context) (T, error) {
	return i.of.fn.(func(context.Context, In) (T, error))(ctx, i.in)
}

// A mapped is one input that is in flight or unread, and its call.
type mapped struct {
	links list.Links[mapped] // in the flying of the mapping
	c     *core
	of    *mapping
}

// Links makes a mapped an element of a list.
func (it *mapped) Links() *list.Links[mapped] { return &it.links }

// A mapping is the state of one loop over a Map, for any types of inputs and results.
//
// The goroutine of the loop does everything but run functions: it pulls the inputs, begins
// the calls, and hands out the results. Without a scope and without [InGroup] the
// functions run on workers. A worker takes the inputs that wait, one after the other, and
// ends when none does. So functions that take no time share a goroutine, and functions that
// take time have one each. A goroutine for each call, as Go would begin, costs more than the
// rest of a call that does nothing.
//
// Invariants:
//
//	M1  The goroutine of the loop alone pulls inputs, writes flying, and calls the body
//	    (C10). So none of these has a lock, and inputs and body may share variables.
//	M2  Both channels have room for bound inputs, and no more are in flight or unread. So
//	    no sender waits, and a completer may send (L6).
//	M3  Functions may wait for each other, so no input waits for the end of a function.
//	    Where an input waits in todo, somebody looks after todo: a goroutine that calls
//	    no code of a user before it has taken the input, or has begun a worker that will.
//	    lookers counts those goroutines. The last one counts itself out and looks again,
//	    so an input that came while there was one is found.
//	M4  A function counts itself in active before it looks whether its call is canceled,
//	    and the loop cancels the calls before it looks at active. So a function that is
//	    not counted by then finds its call canceled and never runs.
//
// An input, and who moves it on. The loop does, but for the middle:
//
//	pulled ──begin──▶ flying ──todo──▶ a worker ──run──▶ complete ──hand──▶ the body of the loop
//	                    └──launch──▶ a goroutine, or a slot of a scope ──▲
//
// Rejected: to pull the inputs on a goroutine of their own, or on the workers. Results
// would then come while the input blocks; but the input would run beside the body of the
// loop, which no other iterator of Go does, and a loop that is left would have to wait for
// an input that waits for the loop.
type mapping struct {
	ctx     context.Context
	until   latch.Until // the end of a wait of the loop, and what the loop lends
	bound   int         // the most inputs that are in flight or unread
	inOrder bool        // results come in the order of the inputs

	// What depends on the types.
	fn       any                        // the function of the user: a func(context.Context, In) (T, error)
	function func(it *mapped) function  // of the call of an input
	yield    func(it *mapped) (on bool) // hands one result to the body of the loop

	// M1: what is in flight or unread, in the order in which it began.
	flying   list.List[mapped]
	inFlight int // how many those are

	complete chan *mapped // what is complete, in the order of completion; nil with InOrder

	// The workers.
	todo    chan *mapped // the inputs that wait for one; nil where each call has a goroutine of its own
	worker  func()       // is work; to begin a worker allocates nothing
	lookers atomic.Int32 // workers that have just begun, and the loop where it gives way; M3

	// The end (M4).
	active atomic.Int64 // functions that run, or are about to look
	ending atomic.Bool  // the loop waits for them
	quiet  latch.Latch  // set when none is active any more

	mu   sched.Mutex   // guards lost
	lost []*PanicError // of functions whose calls were canceled
}

// mostAtOnce bounds every Map: each input in flight has a place that is made when the loop begins.
const mostAtOnce = 1 << 20

// newMapping returns a mapping for calls that are begun on the terms t. Functions run on
// workers where nothing but Map bounds them.
func newMapping(ctx context.Context, t *terms) *mapping {
	m := &mapping{ctx: ctx, until: untilDone(ctx)}
	if t != nil && t.many != nil {
		m.bound, m.inOrder = t.many.atOnce, t.many.inOrder
	}
	if m.bound == 0 && t.isScoped() {
		m.bound = t.in().hub.Limit()
	}
	m.bound = min(cmp.Or(m.bound, runtime.GOMAXPROCS(0)), mostAtOnce)
	if !m.inOrder {
		m.complete = make(chan *mapped, m.bound)
	}
	if t.runsFree() {
		m.todo, m.worker = make(chan *mapped, m.bound), m.work
	}
	return m
}

// loop runs the loop over the inputs, and ends whatever the loop has left, however it ends.
// A wait in the loop is on the line of the Map: see stack.Line, which looks for the frame.
func (m *mapping) loop(inputs func()) {
	defer m.raise()
	defer m.stop()
	if m.ctx.Err() == nil {
		inputs()
	}
}

// begin begins the call of an input and hands out what is complete by then, and more where
// the bound is reached: then begin waits. It reports whether the loop goes on.
func (m *mapping) begin(it *mapped, t *terms) bool {
	it.c.init(m.ctx, newRecord(t, it.c), 0)
	list.Push(&m.flying, it)
	m.inFlight++
	switch {
	case m.todo == nil:
		// Others than the function may complete the call, as a Cancel of the scope, so its latch
		// tells. Nobody knows the call before launch: it is pending, and Link succeeds.
		if !m.inOrder {
			n := new(latch.Node)
			n.Reset(&it.c.Latch, it, 0)
			it.c.Link(n)
		}
		it.c.launch(m.function(it))
	case m.ctx.Err() != nil:
		it.c.launch(m.function(it)) // which cancels it
		m.completed(it)
	default:
		m.todo <- it
		m.beginWorker()
	}
	return m.handOut(m.inFlight == m.bound) && (m.ctx.Err() == nil || m.handOutLast())
}

// beginWorker begins a worker for an input that waits in todo, unless somebody is going to
// look there (M3).
func (m *mapping) beginWorker() {
	if m.lookers.CompareAndSwap(0, 1) {
		go m.worker()
	}
}

// looked counts out a goroutine that has looked after todo. The last one finds what came
// meanwhile, and begins a worker for it.
func (m *mapping) looked() {
	sched.Point("looked")
	if m.lookers.Add(-1) == 0 && len(m.todo) > 0 {
		m.beginWorker()
	}
}

// work is the life of a worker. It begins as a looker: it takes its first input, and begins
// another worker where more inputs wait, before it calls a function.
func (m *mapping) work() {
	sched.Point("look")
	it := m.nextTodo()
	m.looked()
	for ; it != nil; it = m.nextTodo() {
		m.perform(it)
	}
}

// nextTodo returns the next input that waits for a worker, or nil.
func (m *mapping) nextTodo() *mapped {
	select {
	case it := <-m.todo:
		return it
	default:
		return nil
	}
}

// perform runs the function of an input. Where the function calls Goexit, the worker ends;
// no input waits for that one worker (M3).
func (m *mapping) perform(it *mapped) {
	sched.Point("take an input")
	defer m.completed(it)
	m.function(it).run(it.c)
}

// Fire is told that a call is complete which does not run on a worker.
func (it *mapped) Fire(*latch.Node) { it.of.completed(it) }

// completed has the loop find an input that is complete. It is called once for each input:
// by its worker, by the node at its latch, or by the loop where ctx had ended. With InOrder
// the loop looks at the first call that is in flight.
func (m *mapping) completed(it *mapped) {
	if !m.inOrder {
		m.complete <- it
	}
}

// returned counts a function out. The last one sets quiet, once the loop has said that it
// waits: ending is stored before active is looked at, and active is changed before ending
// is.
func (m *mapping) returned() {
	if m.active.Add(-1) == 0 && m.ending.Load() {
		m.quiet.Set()
	}
}

// handOutAll hands out all results, and waits for them.
func (m *mapping) handOutAll() {
	for m.inFlight > 0 && m.handOut(true) {
	}
}

// handOut hands out the results that are there. Where wait is true and there is none,
// handOut waits for one. It reports whether the loop goes on.
func (m *mapping) handOut(wait bool) bool {
	for m.inFlight > 0 {
		it := m.nextComplete()
		if it == nil && wait {
			it = m.await()
		}
		if it == nil {
			return !wait || m.handOutLast()
		}
		wait = false
		if !m.hand(it) {
			return false
		}
	}
	return true
}

// handOutLast hands out what is complete when ctx has ended (R6), and reports false: the loop is
// over. The calls are asked, too, since the loop may not be told yet: a worker tells of a call when
// the OnSignal functions have returned, and one of these may have ended ctx.
func (m *mapping) handOutLast() bool {
	if m.handOut(false) {
		for _, it := range m.left() {
			if m.inOrder || it.c.IsSet() && !m.hand(it) {
				break
			}
		}
	}
	return false
}

// nextComplete returns the next input whose result is there, or nil.
func (m *mapping) nextComplete() *mapped {
	if m.inOrder {
		if it := list.First(&m.flying); it.c.IsSet() {
			return it
		}
		return nil
	}
	select {
	case it := <-m.complete:
		return it
	default:
		return nil
	}
}

// await is nextComplete, and waits. It returns nil where ctx ends first and none is
// complete by then (R6). While the loop gives way it looks after todo itself: a worker that
// is begun meanwhile takes what is there, and begins no other.
func (m *mapping) await() *mapped {
	m.lookers.Add(1)
	m.until.GiveWay()
	m.looked()
	if m.inOrder {
		c := list.First(&m.flying).c
		c.Wait(waitingFor(m.until, c))
	} else if it := m.nextComplete(); it != nil {
		return it
	} else if it = m.receive(); it != nil {
		return it
	}
	return m.nextComplete()
}

// receive parks until an input is complete, or until ctx ends, and lends the slot of the
// loop meanwhile (C2).
func (m *mapping) receive() (it *mapped) {
	u := waitingNoted(m.until, m.waited)
	u.Lend()
	defer u.Regain()
	select {
	case it = <-m.complete:
	case <-u.Done:
	}
	sched.Point("woken")
	return it
}

// waited is what the loop waits for: one of the calls in flight.
func (m *mapping) waited() *parked.For {
	w := new(parked.For)
	for it := list.First(&m.flying); it != nil; it = list.Next(it) {
		w.Many = append(w.Many, it.c)
	}
	return w
}

// hand gives one result to the body of the loop, and reports whether the loop goes on. A
// stream may be used until the body is through.
func (m *mapping) hand(it *mapped) bool {
	list.Remove(&m.flying, it)
	m.inFlight--
	if it.c.terms().stream {
		it.c.take()
		defer it.drop()
	} else {
		it.c.untrack(&it.c.first)
		it.c.takeAndDrop()
	}
	return m.yield(it)
}

// drop gives up the reference on a call.
func (it *mapped) drop() {
	it.c.untrack(&it.c.first)
	it.c.drop()
}

// stop cancels the calls that are left and waits until their functions have returned (M4).
// The last call comes first: a function that returns at once must start none that is queued
// behind it.
func (m *mapping) stop() {
	defer m.awaitFunctions()
	left := m.left()
	slices.Reverse(left)
	cause := context.Cause(m.ctx)
	if e := caught(func() { sweep(len(left), func(i int) { left[i].c.cancel(cause, due{}) }) }); e != nil {
		m.lose(e) // raised here, it would replace the panic that has ended the loop
	}
}

// awaitFunctions waits until no function is active, with the slot of the loop lent. Nothing
// ends the wait: a loop that is left has no goroutine when it is over (C10).
func (m *mapping) awaitFunctions() {
	m.ending.Store(true)
	if m.active.Load() > 0 {
		m.quiet.Wait(waitingKind(latch.Until{Slot: m.until.Slot}, "return", "canceled functions"))
	}
}

// lose is given the panic of a function whose call was canceled, by the function's goroutine.
// The loop raises the panic when no function is active any more.
func (m *mapping) lose(e *PanicError) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost = append(m.lost, e)
}

// raise gives up what the loop did not take. A panic among it is raised, as is one that was
// lost, and joined with the panic that ended the loop. No function is active any more.
func (m *mapping) raise() {
	raised := m.lost
	for _, it := range m.left() {
		if e := caught(it.drop); e != nil {
			raised = append(raised, e)
		}
	}
	if len(raised) > 0 {
		panic(joinRaised(recover(), raised))
	}
}

// left returns the inputs that are in flight or unread, in the order in which they began.
func (m *mapping) left() (left []*mapped) {
	for it := list.First(&m.flying); it != nil; it = list.Next(it) {
		left = append(left, it)
	}
	return left
}
