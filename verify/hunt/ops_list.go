package hunt

import (
	"context"
	"errors"
	"slices"

	"github.com/seed4712c49f/async"
)

// listOps are the functions that make Calls, and the methods that hand nothing out.
func listOps() []entry {
	return []entry{
		{name: "goEach", makes: List, text: "$t = async.GoEach($x, make([]int, $n), kitEach($f)$o)", early: true, ctx: beginsBy, fn: true, opts: true, weight: 8, do: doGoEach},
		{name: "listOf", makes: List, text: "$t = async.Calls[int]{$m}", early: true, members: 3, kind: Call, weight: 10, do: func(e *env, o *Op) {
			l := new(listVar)
			for _, r := range o.Of {
				if h := e.w.call(r); h != nil {
					l.cs, l.hs = append(l.cs, h.c), append(l.hs, h)
				}
			}
			e.w.set(o.To, l)
		}},
		{name: "cancelAll", on: List, text: "$h.Cancel(nil)", weight: 8, do: func(e *env, o *Op) {
			e.w.disturbAll(e.list(o).hs)
			e.list(o).cs.Cancel(nil)
		}},
		{name: "releaseAll", on: List, text: "$h.Release()", weight: 12, do: func(e *env, o *Op) {
			e.w.disturbAll(e.list(o).hs)
			for _, h := range e.list(o).hs {
				e.w.releases(h.ref, h)
			}
			e.list(o).cs.Release()
		}},
	}
}

// list returns the list that an operation is done on.
func (e *env) list(o *Op) *listVar { return e.w.get(o.On).(*listVar) }

// resultOps are the methods of Calls that hand results out.
func resultOps() []entry {
	return []entry{
		{name: "race", on: List, text: "k.take2($h.Race($x))", takes: true, blocks: true, ctx: waitsBy, weight: 12, do: func(e *env, o *Op) {
			e.waits(o, func(ctx context.Context) {
				i, v, err := e.list(o).cs.Race(ctx)
				if i < 0 && v != nil {
					e.w.failf("result", "%s returns a value of no call", e.w.name(o))
				}
				e.w.checkFirst(o, e.list(o).hs, i)
				e.w.gotSome(ctx, o, err, v)
			})
		}},
		{name: "any", on: List, text: "k.take2($h.Any($x))", takes: true, blocks: true, ctx: waitsBy, weight: 12, do: func(e *env, o *Op) {
			e.waits(o, func(ctx context.Context) {
				_, v, err := e.list(o).cs.Any(ctx)
				e.w.gotSome(ctx, o, err, v)
			})
		}},
		{name: "all", on: List, text: "k.takeAll($h.All($x))", takes: true, blocks: true, ctx: waitsBy, weight: 10, do: func(e *env, o *Op) {
			e.waits(o, func(ctx context.Context) {
				vs, err := e.list(o).cs.All(ctx)
				e.w.gotSome(ctx, o, err, vs...)
			})
		}},
		{name: "quorum", on: List, text: "k.takeSome($h.Quorum($x, $n))", takes: true, blocks: true, ctx: waitsBy, weight: 8, do: func(e *env, o *Op) {
			e.waits(o, func(ctx context.Context) {
				_, vs, err := e.list(o).cs.Quorum(ctx, o.N)
				e.w.gotSome(ctx, o, err, vs...)
			})
		}},
		{name: "settle", on: List, text: "k.settle($h.Settle($x))", takes: true, blocks: true, ctx: waitsBy, weight: 8, do: func(e *env, o *Op) {
			e.waits(o, func(ctx context.Context) {
				rs, err := e.list(o).cs.Settle(ctx)
				for _, r := range rs {
					e.w.took(o, nil, r.Value, r.Err)
				}
				e.w.waited(ctx, o, err)
			})
		}},
		{name: "each", on: List, text: "for _, r := range $h.Each($x) { k.take(r.Value, r.Err) }", takes: true, blocks: true, ctx: waitsBy, weight: 8, do: func(e *env, o *Op) {
			e.waits(o, func(ctx context.Context) {
				for _, r := range e.list(o).cs.Each(ctx) {
					e.w.took(o, nil, r.Value, r.Err)
				}
			})
		}},
	}
}

// A listVar is a list of calls.
type listVar struct {
	cs async.Calls[*Value]
	hs []*handle
}

func (w *World) disturbAll(hs []*handle) {
	for _, h := range hs {
		w.disturb(h.family)
	}
}

func doGoEach(e *env, o *Op) {
	ctx := e.context(o)
	bs := make([]*begun, o.N)
	in := make([]int, o.N)
	for i := range bs {
		in[i] = i
		bs[i] = e.begins(ctx, o, isLoose)
	}
	opts := e.options(o, nil)
	l := new(listVar)
	l.cs = async.GoEach(ctx, in, func(ctx context.Context, i int) (*Value, error) {
		return e.w.run(ctx, o.Fn, bs[i])
	}, opts...)
	for i, c := range l.cs {
		h := &handle{c: c, family: bs[i].family}
		l.hs = append(l.hs, h)
		e.w.mu.Lock()
		e.w.allCalls = append(e.w.allCalls, h)
		e.w.mu.Unlock()
		if o.Opts.Scope == 0 || c.Info().ID != 0 {
			e.w.accepted(bs[i], h)
		}
	}
	for _, b := range bs {
		b.noSignals, b.listed = true, true // its options are shared, and its memory is
	}
	e.w.set(o.To, l)
}

// gotSome notes what a method of Calls returned.
func (w *World) gotSome(ctx context.Context, o *Op, err error, vs ...*Value) {
	for _, v := range vs {
		if v != nil {
			w.took(o, nil, v, nil)
		}
	}
	w.took(o, nil, nil, err)
	values := slices.ContainsFunc(vs, func(v *Value) bool { return v != nil })
	if err == nil && len(vs) > 0 && !values {
		w.failf("result", "%s returns no value and no error", w.name(o))
	}
	if len(tokensOf(err)) == 0 && errors.Is(err, async.ErrCallPending) {
		w.waited(ctx, o, err)
	}
}
