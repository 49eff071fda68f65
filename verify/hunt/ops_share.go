package hunt

import (
	"context"

	"github.com/seed4712c49f/async"
)

// shareOps make a Group or a Lazy, and are their methods.
func shareOps() []entry {
	return []entry{
		{name: "newGroup", makes: Group, text: "$t = &async.Group[int, int]{Options: []async.Option{$o}}", setup: true, opts: true, weight: 8, do: func(e *env, o *Op) {
			g := new(groupVar)
			g.o = o
			g.Options = e.options(o, nil)
			e.w.set(o.To, g)
		}},
		{name: "groupDo", on: Group, text: "k.take3($h.Do($x, $n, $f))", takes: true, blocks: true, ctx: waitsBy, fn: true, weight: 14, do: func(e *env, o *Op) {
			g := e.w.get(o.On).(*groupVar)
			e.waits(o, func(ctx context.Context) {
				since := e.w.asksFor(o.On)
				e.w.streamed(o, &g.o.Opts)
				v, err, shared := g.Do(ctx, o.N, e.shared(o, g.o))
				e.w.checkFresh(o, since, v, err, false)
				e.w.outcome(o, nil, v, err)
				e.w.shares(o, v, err, shared)
				if g.o.Opts.Streaming && e.isEndless(o.Ctx) {
					e.w.keeps()
				}
				e.w.waited(ctx, o, err)
			})
		}},
		{name: "join", on: Group, makes: Call, text: "$t = $h.Join($x, $n, $f)", early: true, ctx: beginsBy, fn: true, weight: 20, do: func(e *env, o *Op) {
			g := e.w.get(o.On).(*groupVar)
			e.w.asksFor(o.On)
			c := g.Join(e.context(o), o.N, e.shared(o, g.o))
			h := e.w.addCall(o.To, c)
			h.joined, h.run = true, runKey{o.On, o.N}
		}},
		{name: "forget", on: Group, text: "$h.Forget($n)", weight: 5, do: func(e *env, o *Op) { e.w.get(o.On).(*groupVar).Forget(o.N) }},
		{name: "newLazy", makes: Lazy, text: "$t = async.NewLazy($f$o)", setup: true, fn: true, opts: true, weight: 5, do: func(e *env, o *Op) {
			if o.Opts.Streaming {
				e.w.keeps() // for ever
			}
			e.w.set(o.To, async.NewLazy(e.shared(o, o), e.options(o, nil)...))
		}},
		{name: "get", on: Lazy, text: "k.take($h.Get($x))", takes: true, blocks: true, ctx: waitsBy, weight: 20, do: func(e *env, o *Op) {
			e.waits(o, func(ctx context.Context) {
				since := e.w.asksFor(o.On)
				v, err := e.w.get(o.On).(*async.Lazy[*Value]).Get(ctx)
				e.w.checkFresh(o, since, v, err, err == nil)
				e.w.outcome(o, nil, v, err)
				e.w.waited(ctx, o, err)
			})
		}},
		{name: "peek", on: Lazy, text: "$h.Peek()", weight: 5, do: func(e *env, o *Op) {
			if v, ok := e.w.get(o.On).(*async.Lazy[*Value]).Peek(); ok {
				e.w.took(o, nil, v, nil)
				e.w.checkWhole(o, v)
			}
		}},
	}
}

// isEndless reports whether a context never ends.
func (e *env) isEndless(c Ctx) bool {
	return c.How == WithoutCancel || (c.How == Plain || c.How == WithValue) && e.baseOf(c) == e.w.base
}

// keeps notes that a stream lives as long as a context that never ends, and with the stream
// all that its context knows.
func (w *World) keeps() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endless = true
}

// A groupVar is a Group with the operation that made it.
type groupVar struct {
	async.Group[int, *Value]
	o *Op
}

// shared returns the function of runs that are shared; opts is the operation that
// has their options.
func (e *env) shared(o, opts *Op) func(context.Context) (*Value, error) {
	return func(ctx context.Context) (*Value, error) {
		b := &begun{family: e.w.p.info(o.On).Family, site: o.Site, opts: &opts.Opts, loose: true, parent: ctx, noSignals: true}
		if e.w.scope(opts.Opts.Scope-1) != nil {
			b.scope = opts.Opts.Scope
		}
		e.w.mu.Lock()
		key := runKey{o.On, o.N}
		e.w.shared[key] = append(e.w.shared[key], b)
		e.w.mu.Unlock()
		return e.w.run(ctx, o.Fn, b)
	}
}
