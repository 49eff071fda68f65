package verify_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/seed4712c49f/async"
)

// A Call does what its sequential contract says (R1–R6, R8–R10, R13, R14): who may
// begin, finish and wait, what they get, what the function's context says, and
// where a result goes that nobody takes.
func TestModels_Call(t *testing.T) {
	inBubble(t, func(rt *rapid.T) {
		m := &callMachine{rt: rt}
		m.handles = append(m.handles, &modelHandle{c: new(async.Call[int]), on: m.newCall()})
		defer m.end()
		machine(rt, m.check, map[string]func(*rapid.T){
			"begin":   func(rt *rapid.T) { m.begin(rt, false) },
			"promise": func(rt *rapid.T) { m.begin(rt, true) },
			"return":  m.returns, "complete": m.complete, "break": m.breaks, "end context": m.endContext,
			"cancel": m.cancel, "finish": m.finish, "await": m.await, "wait": m.wait,
			"clone": m.clone, "signal": m.signal, "release": m.release, "release signal": m.releaseSignal,
		})
	})
}

// A callMachine is an object, its clones, and all calls that they ever were on.
type callMachine struct {
	rt      *rapid.T
	calls   []*modelCall
	handles []*modelHandle
	value   int
}

type modelHandle struct {
	c        *async.Call[int] // nil for a signal
	s        *async.Signal
	on       *modelCall
	finished bool
	released bool
}

// A modelCall is what a call should be.
type modelCall struct {
	begun, over, taken bool
	abandon            bool // begun with CancelOnAbandon
	refs               int
	value              int
	err                error // nil, or what the outcome is by errors.Is
	result             bool  // somebody returned it
	discards           int   // how often Discard should have been called

	p         *async.Promise[int]
	ctx       context.Context // the function's, once it runs
	cancel    context.CancelCauseFunc
	returns   chan ending // what a function is told to return with; nil for a promise
	running   bool
	ctxEnded  bool // so the function's context should be
	discarded int  // how often it was called
	signals   int  // how often OnSignal was called
	early     bool // once before the call could be seen to be complete
}

// An ending is how a function ends.
type ending struct {
	value  int
	err    error
	panics bool
	exits  bool
}

func (m *callMachine) newCall() *modelCall {
	c := &modelCall{refs: 1}
	m.calls = append(m.calls, c)
	return c
}

func (m *callMachine) handle(ok func(h *modelHandle) bool) *modelHandle {
	return pick(m.rt, "handle", m.handles, ok)
}

func isCall(h *modelHandle) bool { return h.c != nil }

func (m *callMachine) begin(rt *rapid.T, promise bool) {
	h := m.handle(isCall)
	ended, abandon := rapid.IntRange(0, 7).Draw(rt, "ended") == 0, rapid.Bool().Draw(rt, "abandon")
	var want error
	switch {
	case h.released:
		want = async.ErrReleased
	case !h.finished && h.on.begun:
		want = async.ErrCallPending
	}
	c := h.on
	if want == nil && h.finished {
		c = m.newCall()
	}
	ctx, cancel := context.WithCancelCause(bg)
	if ended {
		cancel(errOne)
	}
	o := []async.Option{
		async.Discard(func(int, error) { c.discarded++ }),
		async.OnSignal(func() {
			c.signals++
			c.early = c.early || !h.c.IsDone()
		}),
	}
	if abandon {
		o = append(o, async.CancelOnAbandon())
	}
	var err error
	var p *async.Promise[int]
	returns := make(chan ending)
	if promise {
		p, err = h.c.BeginPromise(ctx, o...)
	} else {
		err = h.c.Begin(ctx, func(ctx context.Context) (int, error) {
			c.ctx, c.running = ctx, true
			return runs(returns, func() { c.running = false })
		}, o...)
	}
	if err != want {
		rt.Fatalf("Begin: %v, want %v", err, want)
	}
	if want != nil {
		cancel(nil)
		return
	}
	h.on, h.finished = c, false
	c.begun, c.abandon, c.cancel, c.p = true, abandon, cancel, p
	if !promise {
		c.returns = returns
	}
	if ended {
		c.canceled(errOne)
	}
}

// runs is a function that ends as it is told to.
func runs(returns chan ending, over func()) (int, error) {
	e := <-returns
	over()
	if e.panics {
		panic(e.err)
	}
	if e.exits {
		runtime.Goexit()
	}
	return e.value, e.err
}

// canceled is the model's cancellation of a pending call.
func (c *modelCall) canceled(err error) { c.over, c.err, c.ctxEnded = true, err, true }

// completed is the model's completion with a result.
func (c *modelCall) completed(v int, err error) {
	c.over, c.value, c.err, c.result = true, v, err, true
	if c.refs == 0 {
		c.discards++
	}
}

// drop is the model's loss of a reference.
func (c *modelCall) drop() {
	if c.refs--; c.refs > 0 || !c.begun {
		return
	}
	switch {
	case !c.over && c.abandon:
		c.canceled(async.ErrAbandoned)
	case c.over && c.result && !c.taken:
		c.discards++
	}
}

func (m *callMachine) returns(rt *rapid.T) {
	c := pick(rt, "call", m.calls, func(c *modelCall) bool { return c.running })
	m.value++
	e := ending{value: m.value}
	switch kind := rapid.IntRange(0, 4).Draw(rt, "ending"); {
	case kind == 1:
		e.err = errOne
	case kind == 2 && !c.over:
		e.exits = true
	case kind == 3 && !c.over && c.refs > 0: // else it ends the program
		e.panics, e.err = true, errOne
	}
	c.returns <- e
	switch {
	case e.exits:
		c.over, c.err = true, async.ErrGoexit
	case e.panics:
		c.over, c.err = true, panicked{}
	case c.over:
		c.discards++ // too late
	default:
		c.completed(e.value, e.err)
	}
}

func (m *callMachine) promise(rt *rapid.T) *modelCall {
	return pick(rt, "promise", m.calls, func(c *modelCall) bool { return c.p != nil })
}

func (m *callMachine) complete(rt *rapid.T) {
	c := m.promise(rt)
	m.value++
	if won := c.p.Complete(m.value, errOne); won == c.over {
		rt.Fatalf("Complete: %v", won)
	} else if won {
		c.completed(m.value, errOne)
	}
}

func (m *callMachine) breaks(rt *rapid.T) {
	c := m.promise(rt)
	if c.p.Break(); !c.over {
		c.over, c.err = true, async.ErrBrokenPromise
	}
}

func (m *callMachine) endContext(rt *rapid.T) {
	c := pick(rt, "call", m.calls, func(c *modelCall) bool { return c.begun })
	c.cancel(errOne)
	switch {
	case c.over:
	case c.p != nil:
		c.canceled(errOne)
	default:
		c.ctxEnded = true
	}
}

func (m *callMachine) cancel(rt *rapid.T) {
	h := m.handle(isCall)
	c := h.on
	want := async.ErrCallComplete
	switch {
	case h.released:
		want = async.ErrReleased
	case h.finished || !c.begun:
	case !c.over:
		want = nil
		c.canceled(errOne)
	case c.isCanceled():
		want = async.ErrCanceled
	}
	if err := h.c.Cancel(errOne); err != want {
		rt.Fatalf("Cancel: %v, want %v", err, want)
	}
}

func (c *modelCall) isCanceled() bool { return c.over && c.ctxEnded && !c.result && c.outcomeIs() }

// outcomeIs says whether the outcome is that of a cancellation, which ends the
// context: a Goexit, a panic or a broken promise may come after its end too.
func (c *modelCall) outcomeIs() bool {
	_, p := c.err.(panicked)
	return !p && c.err != async.ErrGoexit && c.err != async.ErrBrokenPromise
}

// panicked stands for the outcome of a function that panicked with errOne.
type panicked struct{}

func (panicked) Error() string { return "panicked" }

// outcome calls f, which takes an outcome, and compares what it is given.
func (m *callMachine) outcome(what string, want error, c *modelCall, f func() (int, error)) {
	m.rt.Helper()
	var v int
	var err error
	func() {
		defer func() {
			if e, ok := recover().(*async.PanicError); ok && errors.Is(e, errOne) {
				err = panicked{}
			}
		}()
		v, err = f()
	}()
	value := 0
	if want == nil {
		value, want = c.value, c.err
	}
	if v != value || !errors.Is(err, want) || (err == nil) != (want == nil) {
		m.rt.Fatalf("%s: %v, %v, want %v, %v", what, v, err, value, want)
	}
}

func (m *callMachine) finish(*rapid.T) {
	h := m.handle(isCall)
	c := h.on
	switch {
	case h.released:
		m.outcome("Finish", async.ErrReleased, c, h.c.Finish)
	case h.finished || !c.begun:
		m.outcome("Finish", async.ErrCallComplete, c, h.c.Finish)
	case !c.over:
		m.outcome("Finish", async.ErrCallPending, c, h.c.Finish)
	default:
		m.outcome("Finish", nil, c, h.c.Finish)
		h.finished, c.taken = true, true
		c.drop()
	}
}

// await is by a context that is done: it takes what is there (R6).
func (m *callMachine) await(*rapid.T) {
	h := m.handle(isCall)
	c := h.on
	f := func() (int, error) { return h.c.Await(ended) }
	switch {
	case h.released:
		m.outcome("Await", async.ErrReleased, c, f)
	case h.finished:
		m.outcome("Await", async.ErrCallComplete, c, f)
	case !c.over:
		m.outcome("Await", async.ErrCallPending, c, f)
	default:
		m.outcome("Await", nil, c, f)
		c.taken = true
	}
}

// wait gives up, where there is nothing yet, after exactly its time, and leaves
// nothing behind.
func (m *callMachine) wait(rt *rapid.T) {
	h := m.handle(func(*modelHandle) bool { return true })
	start := time.Now()
	var err error
	if h.c != nil {
		err = h.c.WaitFor(time.Second)
	} else {
		err = h.s.WaitFor(time.Second)
	}
	took := time.Since(start)
	if waits := !h.released && !h.on.over; waits != (took == time.Second) || waits != errors.Is(err, async.ErrTimeout) {
		rt.Fatalf("WaitFor: %v after %v, want to wait %v", err, took, waits)
	}
}

func (m *callMachine) clone(*rapid.T) {
	h := m.handle(func(h *modelHandle) bool { return !h.released && len(m.handles) < 8 })
	d := *h
	if h.c != nil {
		d.c = h.c.Clone()
	} else {
		d.s = h.s.Clone()
	}
	if !h.finished {
		h.on.refs++
	}
	m.handles = append(m.handles, &d)
}

// signal takes a wait-only handle, also of a call that was finished.
func (m *callMachine) signal(*rapid.T) {
	h := m.handle(func(h *modelHandle) bool { return isCall(h) && !h.released && len(m.handles) < 8 })
	h.on.refs++
	m.handles = append(m.handles, &modelHandle{s: h.c.Signal(), on: h.on})
}

func (m *callMachine) release(*rapid.T) { m.letGo(m.handle(isCall)) }

func (m *callMachine) releaseSignal(*rapid.T) {
	m.letGo(m.handle(func(h *modelHandle) bool { return h.c == nil }))
}

func (m *callMachine) letGo(h *modelHandle) {
	c := h.on
	if h.released || h.finished {
		h.free()
	} else {
		_, raises := c.err.(panicked)
		if raises = raises && c.refs == 1 && !c.taken; raises {
			c.taken = true
		}
		if got := raisesPanic(h.free); got != raises {
			m.rt.Fatalf("Release raised a panic: %v", got)
		}
		c.drop()
	}
	h.released = true
}

func (h *modelHandle) free() {
	if h.c != nil {
		h.c.Release()
	} else {
		h.s.Release()
	}
}

func raisesPanic(f func()) (raised bool) {
	defer func() { raised = recover() != nil }()
	f()
	return false
}

// check compares what every handle and every call says.
func (m *callMachine) check(rt *rapid.T) {
	for i, h := range m.handles {
		over := h.on.over
		var is, done bool
		var poll error
		if h.c != nil {
			is, done, poll = h.c.IsDone(), isReady(h.c.Done()), h.c.WaitFor(0)
		} else {
			is, done, poll = h.s.IsSet(), isReady(h.s.Done()), h.s.WaitFor(0)
		}
		ok := is == over && done == over
		if h.released {
			ok = ok && poll == async.ErrReleased
		} else {
			ok = ok && (poll == nil) == over && (over || errors.Is(poll, async.ErrTimeout))
		}
		if !ok {
			rt.Fatalf("handle %d: over %v: is %v, done %v, poll %v", i, over, is, done, poll)
		}
		if h.c != nil && h.c.Info().Waiters != 0 {
			rt.Fatalf("handle %d: %d are registered, and nobody waits", i, h.c.Info().Waiters)
		}
	}
	for i, c := range m.calls {
		if c.discarded != c.discards {
			rt.Fatalf("call %d: discarded %d times, want %d", i, c.discarded, c.discards)
		}
		if (c.signals == 1) != c.over || c.signals > 1 || c.early {
			rt.Fatalf("call %d: over %v, signaled %d times, early %v", i, c.over, c.signals, c.early)
		}
		if c.running && (c.ctx.Err() != nil) != c.ctxEnded {
			rt.Fatalf("call %d: its context says %v, ended %v", i, c.ctx.Err(), c.ctxEnded)
		}
	}
}

// end lets every function return and releases every handle: a panic that nobody was
// given would end the program when the last handle is unreachable (R15).
func (m *callMachine) end() {
	synctest.Wait()
	for _, c := range m.calls {
		if c.running {
			c.returns <- ending{}
		}
		if c.cancel != nil {
			c.cancel(nil)
		}
	}
	for _, h := range m.handles {
		raisesPanic(h.free)
	}
}
