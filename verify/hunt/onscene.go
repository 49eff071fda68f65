package hunt

import (
	"slices"
	"strings"
	"time"
)

// This file makes a random program on one of the objects that scenes.go has for pairs:
// where a pair is one operation on each of two goroutines, such a program has several. It
// meets most pairs sooner than a list of all pairs does, and meets three or four
// operations that matter to each other.

// onScene makes a program of few different operations on the objects of one scene.
func (g *generator) onScene() *Program {
	all := scenes()
	sort := g.IntN(1 + all[len(all)-1].sort) // each sort as often, however many ways there are to make it
	all = slices.DeleteFunc(all, func(sc scene) bool { return sc.sort != sort })
	sc := all[g.IntN(len(all))]
	b := sceneOf(g.table, sc)
	b.p.Seed, b.chance, b.p.Finish = g.p.Seed, g.Uint64(), g.IntN(2) == 0
	b.p.Drops = b.p.Panics && g.IntN(4) == 0
	b.vary()
	some := g.vocabulary(instances(b))
	if waits := b.waits(instances(b)); len(waits) > 0 && g.IntN(5) == 0 {
		return g.crowd(b, waits)
	}
	for range 2 + g.IntN(2) {
		var ops []*Op
		if b.sleeps {
			ops = append(ops, b.some("sleep"))
		}
		for range 1 + g.IntN(3) {
			o := b.instance(some[g.IntN(len(some))])
			if o.Do == "promiseContext" {
				o.N = 1 + g.IntN(3)
			}
			g.bound(b, o)
			ops = append(ops, o)
		}
		b.p.Threads = append(b.p.Threads, ops)
	}
	if g.IntN(3) == 0 {
		if ops := b.enders(); len(ops) > 0 && !b.sleeps {
			b.p.Threads = append(b.p.Threads, ops)
		}
	}
	third := [][]*Op{b.completers(), b.enders(), nil}[g.IntN(3)]
	if len(third) > 0 && !b.sleeps {
		b.p.Threads = append(b.p.Threads, third)
	}
	return b.p
}

// bound gives a wait an end of its own: the context of the scene, or a time.
func (g *generator) bound(b *builder, o *Op) {
	if b.table[o.Do].ctx != waitsBy || o.Ctx != (Ctx{}) {
		return
	}
	switch n := g.IntN(4); {
	case n == 0:
		o.Ctx = Ctx{How: WithTimeout, D: time.Duration(g.IntN(8)) * time.Millisecond}
	case n == 1 && len(b.p.Vars[Context]) > 0:
		o.Ctx = Ctx{Base: Var}
	}
}

// vocabulary draws a few of the operations; those that change what others meet are likely.
func (g *generator) vocabulary(all []instance) (some []instance) {
	for range 2 + g.IntN(4) {
		i := all[g.IntN(len(all))]
		for range 2 {
			if i.changing() == 0 {
				i = all[g.IntN(len(all))]
			}
		}
		if !slices.Contains(some, i) {
			some = append(some, i)
		}
	}
	return some
}

// waits returns those of the operations that wait, or are registered.
func (b *builder) waits(all []instance) []instance {
	return slices.DeleteFunc(all, func(i instance) bool {
		x := b.table[i.do]
		return x.ctx != waitsBy && !x.body && !strings.HasSuffix(i.do, "aitFor") || x.on == Scope
	})
}

// crowd makes a program in which many wait for the objects of a scene, and some of them
// give up, in any order, before or after the end of what they wait for.
func (g *generator) crowd(b *builder, waits []instance) *Program {
	some := []instance{waits[g.IntN(len(waits))], waits[g.IntN(len(waits))]}
	for range 4 + g.IntN(4) {
		o := b.instance(some[g.IntN(2)])
		o.D = time.Duration(1+g.IntN(5)) * time.Millisecond
		if b.table[o.Do].ctx == waitsBy && g.IntN(3) > 0 {
			o.Ctx.How, o.Ctx.D = WithTimeout, o.D
		}
		b.p.Threads = append(b.p.Threads, []*Op{o})
	}
	if ops := b.completers(); len(ops) > 0 {
		late := b.some("sleep", func(o *Op) { o.D = time.Duration(g.IntN(6))*time.Millisecond + time.Millisecond/3 })
		b.p.Threads = append(b.p.Threads, append([]*Op{late}, ops...))
	}
	return b.p
}
