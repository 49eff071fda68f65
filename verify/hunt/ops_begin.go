package hunt

import (
	"context"
	"errors"

	"github.com/seed4712c49f/async"
)

// beginOps begin calls.
func beginOps() []entry {
	return []entry{
		{name: "new", makes: Call, text: "$t = new(async.Call[int])", setup: true, weight: 15, do: func(e *env, o *Op) {
			e.w.addCall(o.To, new(async.Call[*Value]))
		}},
		{name: "go", makes: Call, text: "$t = async.Go($x, $f$o)", early: true, ctx: beginsBy, fn: true, opts: true, weight: 25, do: doGo},
		{name: "goWaiting", makes: Call, text: "$t = async.Go($x, $f$o, async.WaitForRoom())", blocks: true, ctx: beginsBy, fn: true, opts: true, weight: 10, do: doGoWaiting, isOver: roomIsOver},
		{name: "newPromise", makes: Call, promises: true, text: "$u, $t = async.NewPromise[int]($x$o)", early: true, ctx: beginsBy, opts: true, weight: 25, do: doNewPromise},
		{name: "begin", on: Call, text: "$h.Begin($x, $f$o)", early: true, ctx: beginsBy, fn: true, opts: true, disturbs: true, weight: 12, do: doBegin},
		{name: "beginPromise", on: Call, makes: Promise, text: "$t, _ = $h.BeginPromise($x$o)", early: true, ctx: beginsBy, opts: true, disturbs: true, weight: 12, do: doBeginPromise},
		{name: "ready", makes: Call, text: "$t = async.Ready($s0000, nil)", weight: 1, do: func(e *env, o *Op) {
			b := e.begins(e.w.base, o, isLoose)
			e.w.made(o.Site*perSite, b, false)
			e.w.accepted(b, e.w.addCall(o.To, async.Ready(&Value{Token: o.Site * perSite}, nil)))
		}},
		{name: "hedge", text: "k.take(async.Hedge($x, $d, $n, kitEach($f)$o))", takes: true, blocks: true, ctx: waitsBy, fn: true, opts: true, weight: 8, do: doHedge},
	}
}

func doGo(e *env, o *Op) { e.goes(e.context(o), o) }

// doGoWaiting begins a call, and waits for room in the queue of its scope (C9).
func doGoWaiting(e *env, o *Op) {
	e.waits(o, func(ctx context.Context) { e.goes(ctx, o, async.WaitForRoom()) })
}

// roomIsOver: a Begin that waits for room is over when there is room, or the scope is closed.
func roomIsOver(w *World, o *Op, _ *action) string {
	s := w.scope(o.Opts.Scope - 1)
	if s == nil || s.limit <= 0 {
		return "its scope has no queue"
	}
	w.mu.Lock()
	closed := s.closed
	w.mu.Unlock()
	switch st := s.Stats(); {
	case closed:
		return "its scope is closed"
	case s.o.Queue <= 0 || st.Queued < int64(s.o.Queue) && st.Lent == 0: // who has lent a slot may have the room, and wait for the slot
		return "there is room in the queue"
	}
	return ""
}

func (e *env) goes(ctx context.Context, o *Op, more ...async.Option) {
	b := e.begins(ctx, o)
	c := async.Go(ctx, e.function(o.Fn, b), append(e.options(o, b), more...)...)
	i := c.Info()
	h := e.made(o.To, c, b)
	if refused := b.scope > 0 && i.ID == 0 || i.Err != nil && errors.Is(i.Err, async.ErrQueueFull); !refused {
		e.w.accepted(b, h)
	}
}

func doNewPromise(e *env, o *Op) {
	ctx := e.context(o)
	b := e.begins(ctx, o)
	p, c := async.NewPromise[*Value](ctx, e.options(o, b)...)
	refused := b.scope > 0 && c.Info().ID == 0
	if h := e.made(o.To, c, b); !refused {
		e.w.accepted(b, h)
	}
	e.serves(o, o.To2, b, p)
}

// made notes a new call, which was begun, or refused, before anybody knows it.
func (e *env) made(to Ref, c *async.Call[*Value], b *begun) *handle {
	e.w.mu.Lock()
	b.decided = true
	e.w.mu.Unlock()
	return e.w.addCall(to, c)
}

func (e *env) serves(o *Op, to Ref, b *begun, p *async.Promise[*Value]) {
	s := &served{p: p, b: b, site: o.Site}
	e.w.mu.Lock()
	b.ctx = p.Context()
	e.w.allProm = append(e.w.allProm, s)
	e.w.mu.Unlock()
	e.w.set(to, s)
}

func doBegin(e *env, o *Op) {
	h := e.w.call(o.On)
	ctx := e.context(o)
	b := e.begins(ctx, o)
	err := h.c.Begin(ctx, e.function(o.Fn, b), e.options(o, b)...)
	e.beginSaid(o, h, b, err)
}

func doBeginPromise(e *env, o *Op) {
	h := e.w.call(o.On)
	ctx := e.context(o)
	b := e.begins(ctx, o)
	p, err := h.c.BeginPromise(ctx, e.options(o, b)...)
	e.beginSaid(o, h, b, err)
	if err == nil {
		e.serves(o, o.To, b, p)
	}
}

// beginSaid checks what a Begin returned.
func (e *env) beginSaid(o *Op, h *handle, b *begun, err error) {
	e.w.mu.Lock()
	b.decided = true
	e.w.mu.Unlock()
	switch {
	case err == nil:
		e.w.accepted(b, h)
		if done := h.c.IsDone(); done && b.promise && b.parent.Err() == nil && !e.w.isEnding(b) {
			e.w.failf("lag", "%s: the call is complete, and nobody can have completed it yet", e.w.name(o))
		}
	case err == async.ErrCallPending, err == async.ErrReleased && h.releases, err == async.ErrScopeClosed, err == async.ErrQueueFull:
	default:
		e.w.failf("result", "%s says %v", e.w.name(o), err)
	}
}

// isEnding reports whether something was begun that may end a call.
func (w *World) isEnding(b *begun) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return b.ending || w.closing
}

func doHedge(e *env, o *Op) {
	e.waits(o, func(ctx context.Context) {
		b := e.begins(ctx, o, isMany)
		defer e.w.isOver(b)
		e.w.streamed(o, &o.Opts)
		fn := e.function(o.Fn, b)
		v, err := async.Hedge(ctx, o.D, o.N, func(ctx context.Context, _ int) (*Value, error) { return fn(ctx) }, e.options(o, nil)...)
		e.w.checkLosers(o, b, err == nil)
		e.w.outcome(o, nil, v, err)
	})
}

// streamed notes that the result of an operation, where that is a stream, may go on using
// the context of the operation.
func (w *World) streamed(o *Op, opts *Opts) {
	x, ok := w.get(Ref{Context, o.Ctx.N}).(*ended)
	if !ok || !opts.Streaming || o.Ctx.Base != Var || o.Ctx.How == WithoutCancel {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	x.streams++
}
