package async

import (
	"context"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
	"github.com/seed4712c49f/async/internal/scope"
)

// This file is how a call starts, and the life of its function's goroutine.
//
//	start     under a lock: the scope takes the call, or refuses it
//	proceed   without a lock: observers are told, contexts are watched
//	run       in the goroutine of the function: call it, complete the call
//
// A call is started by launch, where its caller alone knows it, by handle.begin, or by a
// table of shared runs. Each makes the core, and calls start and proceed in this order. The
// calls of a GoEach and of a Map that neither a scope nor an errgroup bounds skip both, since
// there is nothing to ask and nobody to tell: each.go has their functions run.
//
// Who calls what, from a Begin to the function:
//
//	Go, NewPromise ─▶ launch ──┐
//	Begin ─▶ handle.begin ─────┼─▶ start ─▶ proceed
//	Group, Lazy ─▶ table.join ─┘     │
//	                                 ▼ at once, or in a scope when it has a slot
//	     a goroutine: function.run ─▶ core.run ─────────────────────────▶ core.call ─▶ guard
//	                                     └──▶ place.run ─▶ place.call ───────┘ ▲
//	                                                          └▶ callSeen ─────┘
//
// A call ends in one of three places of this file: completeOrDiscard where the function has
// returned, completePanic where it panicked, and the deferred function of core.call where it
// called Goexit. All other ends stand in complete.go.
//
// Two things may not change here without a look at what depends on them. Between the go
// statement and the function of the user stand as few frames as can be: the stack of a new
// goroutine is small, and to grow it costs more than the rest of a call. And whatever the
// function does, by panic and Goexit too, the call is completed and the slot given up (R4).
// K1 to K4 stand in core.go.

// init makes c a call that is begun by its caller alone, with bits, and with its first
// handle. Nobody else knows c yet, so nothing is locked, and the word is stored and
// not added to (K1).
func (c *core) init(ctx context.Context, r *record, bits uint64) *core {
	c.ctx, c.record = ctx, r
	c.Word.Store(bitBegun | bits | latch.OneRef)
	c.first.core.Store(c)
	return c
}

// launch starts a call that init has made. Where the scope or the errgroup of the call
// does not take it, the call completes with the reason, and nobody owns it. Where the
// context of the call has ended already, its function never runs (R8).
//
// launch holds no lock, so it may wait for room, and the function of an observer may
// panic: the call is completed all the same.
func (c *core) launch(fn function) {
	room, ended := c.prepare(fn != nil)
	if ended != nil {
		fn = nil
	}
	if err := c.start(fn, room); err != nil {
		c.failRefused(err)
		return
	}
	c.track(&c.first, false)
	c.proceed(ended)
}

// failRefused completes a call that start has refused, and has the observer told before.
func (c *core) failRefused(err error) {
	refusal, told := c.refusal(err), false
	c.refuse()
	defer func() {
		if !told { // the observer panicked
			goOn(recover(), 0, 1, func(int) { c.fail(refusal) })
		}
	}()
	c.terms().refused(c.ctx, err)
	told = true
	c.fail(refusal)
}

// prepare is the part of launch that may run code of a user: the observer of the scope makes
// the context, the context says whether it has ended, and the scope makes room for a function.
// Nobody owns the call meanwhile, and still nobody where that code panics: the call was not
// accepted, and a goroutine that completes it has nothing to count.
func (c *core) prepare(function bool) (room bool, ended error) {
	r, t := c.record, c.terms()
	c.refuse()
	c.ctx = t.beginContext(c.ctx) // nobody else knows c
	if ended = endedBy(c.ctx, function); function && ended == nil {
		room, ended = t.makeRoom(c.ctx)
	}
	c.record = r
	return room, ended
}

// endedBy returns why ctx, with which a call of a function is begun, has ended, or nil; for a
// promise it asks nothing. Err is asked first: the cause is looked for among the values of ctx
// and of all above it.
func endedBy(ctx context.Context, function bool) error {
	if !function || ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// start has fn run in a goroutine of its own, at once or as soon as the scope has a
// slot for it, or returns why not. fn is nil for a promise, and where the context of
// the call had ended before. start may be called under the lock of a latch, so it
// calls no code of a user; proceed is called after it, without the lock. room is that
// of makeRoom: start takes the place, or gives it back.
//
// The errgroup is asked before the scope: a task that is begun can be ended again, and
// a call that a scope has accepted is counted. Where the scope refuses, the task ends without an
// error; the group has had a task more for a moment.
func (c *core) start(fn function, room bool) (err error) {
	group := (*groupFunction)(nil)
	if fn != nil && c.terms().group != nil {
		if group = inGroup(c, fn); group == nil {
			c.terms().freeRoom(room)
			return ErrQueueFull
		}
		fn = group
	}
	switch pl := placeOf(c); {
	case pl != nil:
		err = pl.start(fn, room)
	case fn != nil:
		go fn.run(c)
	}
	if err != nil && group != nil {
		group.refuse()
	}
	return err
}

// start has the scope take the call, or says why not, and starts a function that has a
// slot. Where the scope has none free, the function stays in the place until it is its turn.
// Where an observer is to be told of Begin, the function waits for that; see core.enter.
func (pl *place) start(fn function, room bool) error {
	pl.fn = fn
	start, why := pl.Admit(fn != nil, pl.observer().Begun != nil, room)
	switch {
	case start:
		pl.Start()
	case why == scope.Closed:
		return ErrScopeClosed
	case why == scope.Full:
		return ErrQueueFull
	}
	return nil
}

// A groupFunction is a function that runs as a task of an errgroup (InGroup). The
// function runs beside the task, which waits for it: a task that is ended by Goexit
// could not tell its group so. A call in a scope may wait for its slot while its task is in
// the group already: both bounds hold.
type groupFunction struct {
	function
	over    chan struct{} // closed when the function is over, or is not going to run
	refused bool          // the group hears nothing of the call; written before over is closed
}

// inGroup begins the task of a call in its errgroup, or returns nil where that is
// full. The task ends with the function, also where the call was canceled before, and
// its error is that of the call.
func inGroup(c *core, fn function) *groupFunction {
	f := &groupFunction{function: fn, over: make(chan struct{})}
	if !c.terms().group.TryGo(func() error {
		<-f.over
		if f.refused {
			return nil
		}
		c.disarm() // the group has a panic, as an error (R15)
		return c.error()
	}) {
		return nil
	}
	return f
}

// run is that of the function, and ends the task however it ends.
func (f *groupFunction) run(c *core) (next *scope.Member) {
	defer close(f.over)
	return f.function.run(c)
}

// refuse ends the task of a call that the scope did not take. The group hears nothing
// of it.
func (f *groupFunction) refuse() {
	f.refused = true
	close(f.over)
}

// refusal returns what a call completes with that was not taken. The caller has not said
// refuse yet.
func (c *core) refusal(err error) error {
	e := &RefusedError{Name: c.name(), Err: err}
	if pl := placeOf(c); pl != nil {
		e.Scope = pl.in().name
	}
	return e
}

// refuse makes the call one that nobody owns, as its scope did not take it. The terms
// stay: the call is completed by them. Nobody else knows the call yet.
func (c *core) refuse() {
	if c.owner() != nil {
		c.record = &c.record.alone
	}
}

// proceed is the part of a start that needs to be without every lock: the observer of
// the scope is told, the context of a call that waits for a slot is watched, and so is
// that of a promise. A call whose context had ended before it began, by the cause
// ended, is over. Only a call that start has accepted proceeds. Where the observer panics, the
// call goes on all the same: its caller may have a handle on the call, and its scope counts the call.
func (c *core) proceed(ended error) {
	pl := placeOf(c)
	if pl == nil || pl.observer().Begun == nil {
		c.begun(pl, ended)
		return
	}
	told := false
	defer func() {
		if !told { // the observer panicked, and the call was accepted all the same
			goOn(recover(), 0, 1, func(int) { c.enter(pl, ended) })
		}
	}()
	pl.tell(pl.observer().Begun)
	told = true
	c.enter(pl, ended)
}

// enter is what follows when the observer was told of Begin: the call goes into the
// list of its scope, and has a slot or waits for one. The call may be canceled by
// then, and then has neither.
func (c *core) enter(pl *place, ended error) {
	if pl.Enter() {
		pl.Start()
	}
	c.begun(pl, ended)
}

// begun ends a start: it registers at the context of the call what the call needs
// there. A function that runs, or is about to, looks at its context itself.
func (c *core) begun(pl *place, ended error) {
	switch {
	case ended != nil:
		c.stillborn(ended)
	case c.Word.Load()&bitPromise != 0:
		c.bind()
	case pl != nil && pl.Hub().Limited():
		pl.Watch()
	}
}

// stillborn ends a call whose context had ended before it began (R8). It never runs,
// but a group hears of it where the group has room, also where an OnSignal function panics.
// The cause was asked for before the call was accepted: that may be anybody's code.
func (c *core) stillborn(cause error) {
	if g := c.terms().group; g != nil {
		defer g.TryGo(func() error { return c.err })
	}
	c.cancel(cause, due{})
}

// A body is what the typed part of a call does for run: the steps below, each at most once.
// None is taken under a lock but keepValue, which only stores. A body stays on the stack of
// its goroutine: one that escaped would be an allocation more for each call.
//
// callFunction comes first. keepValue comes where the value is that of the call, which may
// discard the value later, and discardValue where the value comes too late for the call.
type body struct {
	do func(do step, ctx context.Context, err error) error
}

// A step is what a body is to do.
type step int

const (
	callFunction step = iota // call the function of the user with ctx, and have its value; the error is the function's
	keepValue                // make the value that of the call, which is claimed
	discardValue             // hand the value, and err, to Discard
)

func (f *body) call(ctx context.Context) error { return f.do(callFunction, ctx, nil) }
func (f *body) keep()                          { _ = f.do(keepValue, nil, nil) }
func (f *body) discard(err error)              { _ = f.do(discardValue, nil, err) }

// run is the life of a function's goroutine, or a part of one: in a scope it returns
// the member that has the slot next. A call that was canceled before it started never
// runs (R10).
func (c *core) run(f *body) (next *scope.Member) {
	sched.Point("run")
	if pl := placeOf(c); pl != nil {
		return pl.run(f)
	}
	if !c.IsSet() {
		c.call(f)
	}
	return nil
}

// run is that of a call in a scope, which has a slot, or needs none. The slot is given
// up however the function ends, and whatever is called for it, before it and after it, but
// not where the program ends by a panic: nobody is to go on as if the call were over. Where a
// Goexit ends this goroutine, the next member gets another.
func (pl *place) run(f *body) (next *scope.Member) {
	c, ran, returned := pl.core, false, false
	defer func() {
		if returned {
			next = pl.Finish(ran)
			return
		}
		if e := recover(); e != nil {
			panic(e)
		}
		defer func() { // also where what fail tells calls Goexit again
			if next := pl.Finish(ran); next != nil {
				next.Start()
			}
		}()
		c.fail(ErrGoexit) // where the observer did it, before the function
	}()
	if ran = !c.IsSet() && !pl.expired(); ran {
		pl.call(f)
	}
	returned = true
	return nil
}

// call calls the function and completes the call. The frames of what a scope may be asked
// to tell are large, and the stack of a goroutine is small at first: to let it grow costs
// more than the rest of the call. So a call of which nothing is told goes past them, and
// the goroutine of another has grown its stack before; see Deep of [scope.Options].
func (pl *place) call(f *body) {
	if h := pl.in(); h.seen {
		pl.callSeen(h, f)
		return
	}
	pl.core.call(f)
}

// callSeen is call, with all that the observer is told or asked for that, and with labels.
//
//go:noinline // see call
func (pl *place) callSeen(h *scopeCore, f *body) {
	o := &h.observer
	if o.Started != nil {
		pl.tell(o.Started)
	}
	if o.Context != nil || h.labels != nil {
		f = &body{pl.inContext(h, f.do)} // what f points to must not leave the stack
	}
	if o.Returned != nil {
		defer pl.tellReturned() // also where the function called Goexit
	}
	pl.core.call(f)
}

// tellReturned tells that the function of a canceled call has returned. Of an abandoned one
// tellCompleted says so.
func (pl *place) tellReturned() {
	if pl.core.Word.Load()&bitCanceled != 0 {
		pl.tell(pl.observer().Returned)
	}
}

// inContext is do with the context that the observer makes of the function's own, and
// with the labels of the scope. The observer is asked where a panic is the function's.
func (pl *place) inContext(h *scopeCore, do func(step, context.Context, error) error) func(step, context.Context, error) error {
	return func(what step, ctx context.Context, err error) error {
		if what != callFunction {
			return do(what, ctx, err)
		}
		if h.observer.Context != nil {
			ctx = pl.askContext(ctx)
		}
		if h.labels != nil {
			return h.labels.Run(ctx, pl.name, func(ctx context.Context) error { return do(callFunction, ctx, nil) })
		}
		return do(callFunction, ctx, nil)
	}
}

// call calls the function and completes the call with what comes of it: a result, a
// panic, or ErrGoexit. The context of the call ends first (R12). The deferred function
// is what runs where the function calls Goexit. It is the one place that knows of all three
// ends, so none of them is forgotten.
func (c *core) call(f *body) {
	var (
		err      error
		panicked *PanicError
		returned bool
	)
	defer func() {
		c.functionOver()
		switch {
		case !returned: // Goexit: only deferred functions run
			c.fail(ErrGoexit)
		case panicked != nil:
			c.completePanic(panicked, f)
		default:
			c.completeOrDiscard(resultBits(err), err, f)
		}
	}()
	sched.Point("call the function")
	err, panicked = c.guard(f)
	returned = true
}

// guard calls the function and turns a panic into a value. guard does not return where
// the function calls Goexit. A return without a result is a panic even where recover
// says nil, as it does for panic(nil) under GODEBUG=panicnil=1.
func (c *core) guard(f *body) (err error, panicked *PanicError) {
	returned := false
	defer func() {
		if !returned {
			panicked = newPanicError(recover())
		}
	}()
	err = f.call((*callContext)(c))
	returned = true
	return err, nil
}

// completeOrDiscard ends a call whose function has returned: with its result, or,
// where the result comes too late for anybody, by discarding it on this goroutine
// (R9f). Too late is a call that was canceled, and one whose handles are all released:
// the word as of completion tells (K3).
func (c *core) completeOrDiscard(bits uint64, err error, f *body) {
	if !c.claim() {
		c.discardHere(err, f)
		return
	}
	f.keep()
	c.err = err
	w := c.publish(bits)
	switch {
	case latch.Refs(w) != 0:
		c.tell(w, due{})
	case c.tellsNobody():
		c.dispose(c.value(), err) // by the shortest way: the stack of the goroutine is small
	default:
		c.tellAndDiscard(w, err)
	}
}

// tellAndDiscard has everybody told, and discards the value of the call, which is kept, also
// where an OnSignal function or the observer calls Goexit.
func (c *core) tellAndDiscard(w uint64, err error) {
	defer c.dispose(c.value(), err)
	defer c.tellDiscarded(w, err)
	c.tell(w, due{})
}

// discardHere discards what the function returned and nobody keeps, on its own goroutine: the
// owner counts and tells first, then the Discard of the call runs, also where the observer
// calls Goexit. The slot is given up after that.
func (c *core) discardHere(err error, f *body) {
	defer f.discard(err)
	c.tellDiscarded(c.Word.Load(), err)
}

// completePanic ends a call whose function panicked, as the scope would have it (C5).
//
//	               the call is pending                    the call was canceled before
//	PanicReraise   completes with the panic               the program ends, or a Map is given it
//	PanicReturn    completes with the panic as an error   the error is discarded
//	PanicCrash     the program ends                       the program ends
//
// A panic that nobody can be given, because the call was canceled or every handle
// released, ends the program here, as in a plain goroutine. Where somebody waits for the
// function all the same, as the loop over a Map does, the loop is given the panic.
func (c *core) completePanic(e *PanicError, f *body) {
	switch c.terms().panics {
	case PanicCrash:
		panic(e)
	case PanicReturn:
		c.completeOrDiscard(bitResult|bitFailed|bitCaught, e, f)
		return
	}
	if c.claim() {
		c.err = c.newUnread(e)
		w := c.publish(bitPanicked | bitFailed)
		if latch.Refs(w) == 0 {
			defer panic(e) // also where an OnSignal function calls Goexit
		}
		c.tell(w, due{})
		return
	}
	if m := c.terms().many; m != nil && m.lost != nil {
		m.lost(e)
		return
	}
	panic(e)
}
