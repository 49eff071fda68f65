package hunt

import (
	"context"
	"time"

	"github.com/seed4712c49f/async"
)

// signalOps are the methods of a Signal.
func signalOps() []entry {
	return []entry{
		{name: "signalWait", on: Signal, text: "$h.Wait($x)", blocks: true, ctx: waitsBy, weight: 12, isOver: signalIsOver, do: func(e *env, o *Op) {
			s := e.w.call(o.On).s
			e.waits(o, func(ctx context.Context) {
				err := s.Wait(ctx)
				e.w.waited(ctx, o, err)
				e.w.checkTie(ctx, o, e.w.call(o.On), err)
				if err == nil && !s.IsSet() {
					e.w.failf("wait", "%s returns nil, and it is not set", e.w.name(o))
				}
			})
		}},
		{name: "signalWaitFor", on: Signal, text: "$h.WaitFor($d)", blocks: true, weight: 5, do: func(e *env, o *Op) {
			e.waits(o, func(context.Context) {
				since := time.Now()
				e.w.waitedFor(o, since, e.w.call(o.On).s.WaitFor(o.D))
			})
		}},
		{name: "signalRelease", on: Signal, text: "$h.Release()", disturbs: true, weight: 20, do: func(e *env, o *Op) {
			h := e.w.call(o.On)
			e.w.releases(o.On, h)
			h.s.Release()
		}},
		{name: "signalClone", on: Signal, makes: Signal, text: "$t = $h.Clone()", early: true, do: func(e *env, o *Op) {
			e.w.addSignal(o.To, e.w.call(o.On).s.Clone())
		}},
		{name: "signalDone", on: Signal, text: "$h.Done()", weight: 4, do: func(e *env, o *Op) {
			s := e.w.call(o.On).s
			ch := s.Done()
			if s.IsSet() && !isClosed(ch) {
				e.w.failf("lag", "%s: IsSet says true, and Done is not closed", e.w.name(o))
			}
		}},
		{name: "signalAfterFunc", on: Signal, makes: Stop, text: "$t = async.AfterFunc($h, func() {$b})", early: true, body: true, weight: 6, do: func(e *env, o *Op) {
			h := e.w.call(o.On)
			e.afterFunc(o, h.s, h.family, h)
		}},
	}
}

func signalIsOver(w *World, o *Op, _ *action) string {
	if h := w.call(o.On); h != nil && o.Ctx.Base != Own && h.s.IsSet() {
		return "the signal is set"
	}
	return ""
}

// eventOps are the methods of an Event.
func eventOps() []entry {
	event := func(e *env, o *Op) *async.Event { return e.w.get(o.On).(*async.Event) }
	return []entry{
		{name: "newEvent", makes: Event, text: "$t = new(async.Event)", setup: true, weight: 6, do: func(e *env, o *Op) { e.w.set(o.To, new(async.Event)) }},
		{name: "set", on: Event, text: "$h.Set()", weight: 15, do: func(e *env, o *Op) {
			event(e, o).Set()
			if !event(e, o).IsSet() {
				e.w.failf("lag", "%s: it is not set", e.w.name(o))
			}
			e.w.sees(event(e, o))
		}},
		{name: "eventWait", on: Event, text: "$h.Wait($x)", blocks: true, ctx: waitsBy, do: func(e *env, o *Op) {
			e.waits(o, func(ctx context.Context) {
				err := event(e, o).Wait(ctx)
				e.w.waited(ctx, o, err)
				e.w.checkTie(ctx, o, event(e, o), err)
				switch {
				case err != nil:
				case !event(e, o).IsSet():
					e.w.failf("wait", "%s returns nil, and it is not set", e.w.name(o))
				default:
					e.w.sees(event(e, o))
				}
			})
		}, isOver: func(w *World, o *Op, _ *action) string {
			if e, ok := w.get(o.On).(*async.Event); ok && o.Ctx.Base != Own && e.IsSet() {
				return "the event is set"
			}
			return ""
		}},
		{name: "eventWaitFor", on: Event, text: "$h.WaitFor($d)", blocks: true, weight: 3, do: func(e *env, o *Op) {
			since := time.Now()
			e.w.waitedFor(o, since, event(e, o).WaitFor(o.D))
		}},
		{name: "eventDone", on: Event, text: "$h.Done()", weight: 3, do: func(e *env, o *Op) {
			ch := event(e, o).Done()
			set := event(e, o).IsSet()
			if set && !isClosed(ch) {
				e.w.failf("lag", "%s: IsSet says true, and Done is not closed", e.w.name(o))
			}
			if set {
				e.w.sees(event(e, o))
			}
		}},
		{name: "eventSignal", on: Event, makes: Signal, text: "$t = $h.Signal()", early: true, weight: 6, do: func(e *env, o *Op) {
			e.w.addSignal(o.To, event(e, o).Signal())
		}},
		{name: "eventAfterFunc", on: Event, makes: Stop, text: "$t = async.AfterFunc($h, func() {$b})", early: true, body: true, weight: 5, do: func(e *env, o *Op) {
			e.afterFunc(o, event(e, o), 0, event(e, o))
		}},
	}
}
