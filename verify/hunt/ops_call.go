package hunt

import (
	"context"
	"errors"
	"time"

	"github.com/seed4712c49f/async"
)

// callOps are the methods of a Call.
func callOps() []entry {
	return []entry{
		{name: "finish", on: Call, text: "k.take($h.Finish())", takes: true, disturbs: true, streams: true, weight: 20, do: doFinish},
		{name: "await", on: Call, text: "k.take($h.Await($x))", takes: true, blocks: true, ctx: waitsBy, weight: 20, do: doAwait, isOver: callIsOver},
		{name: "wait", on: Call, text: "$h.Wait($x)", blocks: true, ctx: waitsBy, do: doWait, isOver: callIsOver},
		{name: "waitFor", on: Call, text: "$h.WaitFor($d)", blocks: true, do: doWaitFor},
		{name: "cancel", on: Call, text: "$h.Cancel(errors.New(\"cause $s\"))", disturbs: true, weight: 15, do: doCancel},
		{name: "cancelWait", on: Call, text: "$h.CancelWait($x, errors.New(\"cause $s\"))", blocks: true, ctx: waitsBy, disturbs: true, do: doCancelWait, isOver: cancelIsOver},
		{name: "release", on: Call, text: "$h.Release()", disturbs: true, weight: 25, do: doRelease},
		{name: "clone", on: Call, makes: Call, text: "$t = $h.Clone()", early: true, weight: 15, do: func(e *env, o *Op) {
			h := e.w.call(o.On)
			born := e.w.now()
			d := e.w.addCall(o.To, h.c.Clone())
			d.joined, d.run, d.of, d.born = h.joined, h.run, h, born
		}},
		{name: "signal", on: Call, makes: Signal, text: "$t = $h.Signal()", early: true, weight: 12, do: func(e *env, o *Op) {
			e.w.addSignal(o.To, e.w.call(o.On).c.Signal())
		}},
		{name: "done", on: Call, text: "$h.Done()", weight: 6, do: doDone},
		{name: "isDone", on: Call, text: "$h.IsDone()", weight: 4, do: func(e *env, o *Op) {
			if h := e.w.call(o.On); h.c.IsDone() {
				e.w.sees(h)
			}
		}},
		{name: "info", on: Call, text: "$h.Info()", weight: 4, do: func(e *env, o *Op) { _ = e.w.call(o.On).c.Info().String() }},
		{name: "string", on: Call, text: "_ = $h.String()", weight: 2, do: func(e *env, o *Op) { _ = e.w.call(o.On).c.String() }},
		{name: "afterFunc", on: Call, makes: Stop, text: "$t = async.AfterFunc($h, func() {$b})", early: true, body: true, do: func(e *env, o *Op) {
			h := e.w.call(o.On)
			e.afterFunc(o, h.c, h.family, h)
		}},
	}
}

func doFinish(e *env, o *Op) {
	h := e.w.call(o.On)
	begun := e.w.now()
	v, err := h.c.Finish()
	e.w.checkCurrent(o, h, begun, v, err)
	e.w.outcome(o, h, v, err)
}

func doAwait(e *env, o *Op) {
	h := e.w.call(o.On)
	e.waits(o, func(ctx context.Context) {
		begun := e.w.now()
		v, err := h.c.Await(ctx)
		e.w.checkCurrent(o, h, begun, v, err)
		e.w.outcome(o, h, v, err)
		e.w.waited(ctx, o, err)
		e.w.checkTie(ctx, o, h, err)
		if v != nil {
			e.w.sees(h)
		}
		if b := e.w.onlyBegun(h.family); v != nil && b != nil && !b.promise {
			e.w.checkOver(o, h)
		}
	})
}

func doWait(e *env, o *Op) {
	h := e.w.call(o.On)
	e.waits(o, func(ctx context.Context) {
		n := e.w.countBegins(h.family)
		err := h.c.Wait(ctx)
		e.w.waited(ctx, o, err)
		e.w.checkTie(ctx, o, h, err)
		if err == nil && !h.c.IsDone() && n >= 0 && n == e.w.countBegins(h.family) {
			e.w.failf("wait", "%s returns nil, and the call is pending", e.w.name(o))
		}
	})
}

// countBegins counts the Begins of a family. While one is being done it returns -1:
// nobody knows then which call of the object an operation is about.
func (w *World) countBegins(family int) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.begun {
		if b.family != family {
			continue
		}
		if n++; !b.decided {
			return -1
		}
	}
	return n
}

func doWaitFor(e *env, o *Op) {
	e.waits(o, func(context.Context) {
		since := time.Now()
		e.w.waitedFor(o, since, e.w.call(o.On).c.WaitFor(o.D))
	})
}

func doCancel(e *env, o *Op) {
	h := e.w.call(o.On)
	n := e.w.countBegins(h.family)
	err := h.c.Cancel(causeError(o.Site))
	switch {
	case err == async.ErrReleased, err == async.ErrCallComplete:
	case err != nil && err != async.ErrCanceled:
		e.w.failf("wait", "%s says %v", e.w.name(o), err)
	case !h.c.IsDone() && n >= 0 && n == e.w.countBegins(h.family):
		e.w.failf("wait", "%s says %v, and the call is pending", e.w.name(o), err)
	case err == nil:
		e.w.sees(h)
		e.w.canceled(h, causeError(o.Site))
		e.w.checkOver(o, h)
	}
}

func doCancelWait(e *env, o *Op) {
	h := e.w.call(o.On)
	e.waits(o, func(ctx context.Context) {
		n := e.w.countBegins(h.family)
		e.w.asks(h.family)
		err := h.c.CancelWait(ctx, causeError(o.Site))
		e.w.waited(ctx, o, err)
		over := err == nil || err == async.ErrCanceled || errors.Is(err, async.ErrCallPending)
		if over && !h.c.IsDone() && n >= 0 && n == e.w.countBegins(h.family) {
			e.w.failf("wait", "%s says %v, and the call is pending", e.w.name(o), err)
		}
	})
}

func doRelease(e *env, o *Op) {
	h := e.w.call(o.On)
	e.w.releases(o.On, h)
	h.c.Release()
}

// doDone looks at a call by its channel and by IsDone, which may not say different
// things (S3).
func doDone(e *env, o *Op) {
	h := e.w.call(o.On)
	n := e.w.countBegins(h.family)
	ch := h.c.Done()
	is := h.c.IsDone()
	closed := isClosed(ch)
	if is && !closed && n >= 0 && n == e.w.countBegins(h.family) {
		e.w.failf("lag", "%s: IsDone says true, and Done is not closed", e.w.name(o))
	}
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// callIsOver: a wait for a call that is complete, and was not begun again, is over.
func callIsOver(w *World, o *Op, _ *action) string {
	h := w.call(o.On)
	if h == nil || o.Ctx.Base == Own {
		return ""
	}
	if n := w.countBegins(h.family); n >= 0 && n <= 1 && h.c.IsDone() {
		return "the call is complete"
	}
	return ""
}

// cancelIsOver: CancelWait of a call that waits for its slot is over, since there is nobody
// to ask (R11).
func cancelIsOver(w *World, o *Op, a *action) string {
	if h := w.call(o.On); h != nil && h.c.Info().State == async.StateQueued {
		return "the call is queued"
	}
	return callIsOver(w, o, a)
}

// afterFunc registers the callback of an operation.
func (e *env) afterFunc(o *Op, on async.Waitable, family int, sees any) {
	s := &stopped{site: o.Site, family: family}
	e.w.mu.Lock()
	e.w.stops = append(e.w.stops, s)
	e.w.mu.Unlock()
	e = &env{w: e.w, thread: -1}
	ok := false
	defer func() {
		if !ok { // it panicked
			s.kept = true
		}
	}()
	stop := async.AfterFunc(on, func() {
		e.w.mu.Lock()
		s.ran++
		e.w.mu.Unlock()
		if sees != nil {
			e.w.sees(sees) // it is complete
		}
		e.callback(o.Body)
	})
	ok = true
	s.stop = stop
	e.w.set(o.To, s)
}
