package hunt

import "time"

// This file makes random programs of functions that wait for each other, in scopes that note
// who waits for whom: deadlocks, some that last and some that are none. No other program has
// them, since there functions wait without an end for what was begun before them only. Here each
// wait has an end of its own.

// beat is what times in such a program are a multiple of: the end of one wait and the begin of
// another often come at the same time.
const beat = 5 * time.Millisecond

// tangle makes a program of functions that wait for each other.
func (g *generator) tangle() *Program {
	b := newBuilder(g.table)
	b.p.Seed, b.chance, b.p.Finish = g.p.Seed, g.Uint64(), g.IntN(2) == 0
	b.op("newScope", []func(o *Op){tracked, tracked, limited}[g.IntN(3)])
	b.op("newGate")
	b.op("newEvent")
	shares := g.IntN(3) == 0
	if shares {
		b.op("newGroup", inScope)
	}
	n := 2 + g.IntN(3)
	for i := range n {
		f := func(o *Op) { o.Fn.Body, o.Fn.Gate = g.waitsFor(b, n), g.IntN(2) }
		if shares && g.IntN(3) == 0 {
			b.op("join", f, kindOf(i))
		} else {
			b.op("go", f, inScope)
		}
	}
	for range 1 + g.IntN(2) {
		var ops []*Op
		for range 1 + g.IntN(3) {
			ops = append(ops, g.besides(b, n))
		}
		b.p.Threads = append(b.p.Threads, ops)
	}
	return b.p
}

// waitsFor makes the body of a function that waits for others, when all were begun.
func (g *generator) waitsFor(b *builder, n int) (ops []*Op) {
	ops = append(ops, b.some("sleep", func(o *Op) { o.D = time.Millisecond + time.Duration(g.IntN(2))*beat }))
	least := 1
	if g.IntN(3) == 0 { // and may go on, while others wait by its context
		ops = append(ops, b.some("lendContext"))
		least = 0
	}
	for range least + g.IntN(2) {
		ops = append(ops, g.waitFor(b, n, Ctx{Base: Own}))
	}
	return ops
}

// waitFor makes a wait for some of n calls, by a context that ends by itself.
func (g *generator) waitFor(b *builder, n int, by Ctx) *Op {
	by.How, by.D = WithTimeout, time.Duration(1+g.IntN(4))*beat
	if by.Base == Own && g.IntN(8) == 0 {
		return b.some("eventWait", func(o *Op) { o.Ctx = by })
	}
	do := []string{"await", "await", "wait", "waitAll", "waitAny", "firstError"}[g.IntN(6)]
	return b.some(do, func(o *Op) {
		o.Ctx = by
		if o.On.is() {
			o.On = Ref{Call, g.IntN(n)}
			return
		}
		for range 1 + g.IntN(3) {
			o.Of = append(o.Of, Ref{Call, g.IntN(n)})
		}
	})
}

// besides makes an operation of a goroutine that is beside the functions: it looks at them,
// waits by a context that one of them has lent, or lets one of them go on.
func (g *generator) besides(b *builder, n int) *Op {
	switch g.IntN(8) {
	case 0, 1:
		return b.some("sleep", func(o *Op) { o.D = time.Millisecond + time.Duration(g.IntN(2))*beat })
	case 2, 3:
		return b.some("waitGraph")
	case 4:
		if len(b.p.Vars[Context]) > 0 {
			return g.waitFor(b, n, Ctx{Base: Var, N: g.IntN(len(b.p.Vars[Context]))})
		}
		return b.some("dump")
	case 5:
		return b.some("open")
	case 6:
		return b.some("cancel", func(o *Op) { o.On.N = g.IntN(n) })
	default:
		return g.waitFor(b, n, Ctx{})
	}
}
