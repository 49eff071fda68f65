package hunt

import (
	"context"
	"time"

	"github.com/seed4712c49f/async"
)

// mapOps are the pipeline, and the waits that take a context and are for no object.
func mapOps() []entry {
	return []entry{
		{name: "map", text: "k.some($n, async.Map($x, kitInputs($n), kitEach($f)$o))", takes: true, blocks: true, stays: true, ctx: waitsBy, fn: true, opts: true, weight: 14, do: doMap},
		{name: "asyncSleep", text: "async.Sleep($x, $d)", blocks: true, ctx: waitsBy, weight: 8, do: doSleep},
	}
}

// What a Map does is in the bits of its N: how many inputs there are, how many run at once,
// whether in order, and after how many results the loop is left.
//
//	      6       5       3      0
//	[ leave ][ in order ][ at once ][ inputs, less one ]
func mapInputs(n int) int   { return 1 + n&7 }
func mapAtOnce(n int) int   { return n >> 3 & 3 }
func mapInOrder(n int) bool { return n>>5&1 != 0 }
func mapLeaves(n int) int   { return n >> 6 & 3 }

// A mapping is one Map that goes on.
type mapping struct {
	pulled, out, running int // inputs that were pulled, results that came out, functions at work
	seen                 map[int]bool
}

// doMap runs a Map: each input comes out once, in order where that was asked for, and no more
// are in flight or unread than AtOnce says; when the loop is over, however it was left, every
// function has returned (C10).
func doMap(e *env, o *Op) {
	e.waits(o, func(ctx context.Context) {
		b := e.begins(ctx, o, isMany, func(b *begun) { b.mapped = true })
		defer e.w.isOver(b)
		m := &mapping{seen: make(map[int]bool)}
		defer e.checkMapped(o, m, b)
		for i, r := range async.Map(ctx, e.inputs(o, m), e.mapped(o, m, b), e.mapOptions(o)...) {
			e.cameOut(o, m, i)
			e.w.outcome(o, nil, r.Value, r.Err)
			if m.out == mapLeaves(o.N) {
				return
			}
		}
		if ctx.Err() == nil && m.out < mapInputs(o.N) {
			e.w.failf("wait", "%s is over, and %d of %d inputs came out", e.w.name(o), m.out, mapInputs(o.N))
		}
	})
}

func (e *env) mapOptions(o *Op) []async.Option {
	opts := e.options(o, nil)
	if n := mapAtOnce(o.N); n > 0 {
		opts = append(opts, async.AtOnce(n))
	}
	if mapInOrder(o.N) {
		opts = append(opts, async.InOrder())
	}
	return opts
}

// inputs are the numbers from 0 on. No more are pulled than may be in flight.
func (e *env) inputs(o *Op, m *mapping) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range mapInputs(o.N) {
			m.pulled++
			if most := mapAtOnce(o.N); most > 0 && m.pulled-m.out > most {
				e.w.failf("limit", "%s has %d inputs in flight or unread, and may have %d", e.w.name(o), m.pulled-m.out, most)
			}
			if !yield(i) {
				return
			}
		}
	}
}

// mapped returns the function of each input.
func (e *env) mapped(o *Op, m *mapping, b *begun) func(context.Context, int) (*Value, error) {
	w, fn := e.w, e.function(o.Fn, b)
	count := func(n int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		m.running += n
	}
	return func(ctx context.Context, _ int) (*Value, error) {
		count(1)
		defer count(-1)
		return fn(ctx)
	}
}

// cameOut notes that a result came out of a Map.
func (e *env) cameOut(o *Op, m *mapping, i int) {
	if m.seen[i] {
		e.w.failf("result", "%s: input %d came out twice", e.w.name(o), i)
	}
	if mapInOrder(o.N) && i != m.out {
		e.w.failf("result", "%s: input %d came out in the place of %d", e.w.name(o), i, m.out)
	}
	m.seen[i] = true
	m.out++
}

// checkMapped checks what is true when a Map is over.
func (e *env) checkMapped(o *Op, m *mapping, b *begun) {
	e.w.mu.Lock()
	n := m.running
	e.w.mu.Unlock()
	if n > 0 {
		e.w.failf("left", "%s is over, and %d of its functions go on", e.w.name(o), n)
	}
	e.w.checkLosers(o, b, false)
}

// doSleep sleeps by a context: for the whole of the time, unless the context ends (C2).
func doSleep(e *env, o *Op) {
	e.waits(o, func(ctx context.Context) {
		since := time.Now()
		err := async.Sleep(ctx, o.D)
		e.w.waited(ctx, o, err)
		if err == nil && time.Since(since) < o.D {
			e.w.failf("wait", "%s is over after %v of %v", e.w.name(o), time.Since(since), o.D)
		}
	})
}
