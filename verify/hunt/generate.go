package hunt

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Generate makes the program of a seed. What avoid names is left out: operations, and
// "odd" contexts, "embedding" strangers, "streaming", "panics".
func Generate(table Table, seed uint64, avoid map[string]bool) *Program {
	g := &generator{
		Rand: rand.New(rand.NewPCG(seed, 7)), table: table, p: &Program{Seed: seed}, avoid: avoid,
	}
	for _, name := range sortedNames(table) {
		if !avoid[name] {
			g.names = append(g.names, name)
		}
	}
	if len(avoid) == 0 {
		switch n := g.IntN(20); {
		case n < 3:
			return g.tangle()
		case n < 13:
			return g.onScene()
		}
	}
	g.p.Panics = g.IntN(6) == 0 && !avoid["panics"]
	g.p.Drops = g.p.Panics && g.IntN(4) == 0
	g.p.Exits = g.IntN(4) == 0 && !avoid["exits"]
	g.p.Finish = g.IntN(2) == 0
	g.theme()
	g.setup()
	most := 2 + g.IntN(4) // small programs are run more often, large ones meet more
	for range 2 + g.IntN(2) + g.IntN(2)*g.IntN(2) {
		g.p.Threads = append(g.p.Threads, g.ops(1+g.IntN(most), inThread, 0))
	}
	g.observersAct()
	if g.p.Idle {
		g.boundWaits()
	}
	return g.p
}

// observersAct has the observers of scopes do something, when there is something to do it with.
// What an observer is asked or told on the goroutine of a Begin may panic, or end that
// goroutine; elsewhere an observer may not.
func (g *generator) observersAct() {
	panics, exits := g.p.Panics, g.p.Exits
	defer func() { g.p.Panics, g.p.Exits = panics, exits }()
	for _, o := range g.p.Setup {
		if o.Do != "newScope" || o.N&scopeObserves == 0 || o.N>>2 == 0 {
			continue
		}
		onBegin := o.N>>2 == observesBeginContext || o.N>>2 == observesJoined
		g.p.Panics, g.p.Exits = panics && onBegin, exits && onBegin
		o.Body = g.ops(1+g.IntN(2), inCallback, 0)
	}
}

// boundWaits gives each wait an end of its own: what is waited for may never be begun.
func (g *generator) boundWaits() {
	g.p.parts(func(list *[]*Op) {
		for _, o := range *list {
			if g.table[o.Do].ctx != waitsBy || o.Ctx.Base == NilContext || o.Ctx.How == WithTimeout {
				continue
			}
			if o.Ctx.How = Far; o.Ctx.Base == Own {
				o.Ctx.How, o.Ctx.D = WithTimeout, 20*time.Millisecond
			}
		}
	})
}

func sortedNames(table Table) (names []string) {
	for name := range table {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// A place is where an operation stands in a program. What may stand there differs.
type place uint8

const (
	inSetup    place = iota
	inThread         // may wait without an end
	inFunction       // may wait by the function's own context
	inCallback       // must not wait
)

// A generator makes one program.
type generator struct {
	*rand.Rand
	table   Table
	names   []string
	avoid   map[string]bool
	p       *Program
	site    int
	family  int
	rank    int
	depth   int
	stream  int // of ten
	abandon int // of ten
	scopes  bool
	limits  bool            // its scopes have limits
	likes   map[string]int  // operations that this program has more of
	without map[string]bool // operations that this program does without
}

// theme decides what this program is about: a few operations come often, so that the
// same two meet on one object. Most programs do without most of the operations: of few
// different ones, those that matter to each other meet sooner (swarm testing).
func (g *generator) theme() {
	g.stream, g.abandon = g.IntN(3)*4, g.IntN(3)*4
	g.likes, g.without = make(map[string]int), make(map[string]bool)
	for range 4 {
		g.likes[g.names[g.IntN(len(g.names))]] += 30
	}
	g.limits = g.IntN(4) == 0
	if rare := g.IntN(4); rare > 0 {
		for _, name := range g.names {
			g.without[name] = g.IntN(4) < rare
		}
	}
}

// setup makes the objects.
func (g *generator) setup() {
	for range g.IntN(3) {
		g.make("newContext")
	}
	if g.limits || g.IntN(2) == 0 {
		g.make("newScope")
		g.scopes = true
	}
	if g.IntN(2) == 0 {
		g.make("newGate")
	}
	for _, kind := range []struct {
		name string
		of   int
	}{{"newSet", 5}, {"newEvent", 4}, {"newGroup", 6}, {"newLazy", 12}, {"newStranger", 8}, {"newErrgroup", 16}} {
		if g.IntN(kind.of) == 0 || g.likes[kind.name] > 0 {
			g.make(kind.name)
		}
	}
	calls := []string{"newPromise", "newPromise", "go", "go", "new", "goEach", "join"}
	for range 1 + g.IntN(2) {
		g.make(calls[g.IntN(len(calls))])
	}
	for range g.IntN(4) {
		if o := g.op(inSetup, 0); o != nil {
			g.p.Setup = append(g.p.Setup, o)
		}
	}
}

func (g *generator) make(name string) {
	if g.avoid[name] {
		return
	}
	if o := g.fill(g.table[name], inSetup, 0); o != nil {
		g.p.Setup = append(g.p.Setup, o)
	}
}

// ops makes n operations.
func (g *generator) ops(n int, at place, rank int) (ops []*Op) {
	for range n {
		if o := g.op(at, rank); o != nil {
			ops = append(ops, o)
		}
	}
	return ops
}

// op makes an operation that can stand at a place.
func (g *generator) op(at place, rank int) *Op {
	for range 50 {
		x := g.pick(at)
		if x == nil {
			return nil
		}
		if o := g.fill(x, at, rank); o != nil {
			return o
		}
	}
	return nil
}

// pick draws an entry of the table by its weight.
func (g *generator) pick(at place) *entry {
	weight := func(name string) int {
		x := g.table[name]
		if !g.allowed(x, at) || g.without[name] && g.likes[name] == 0 {
			return 0
		}
		return x.weight + g.likes[name]
	}
	sum := 0
	for _, name := range g.names {
		sum += weight(name)
	}
	if sum == 0 {
		return nil
	}
	n := g.IntN(sum)
	for _, name := range g.names {
		if n -= weight(name); n < 0 {
			return g.table[name]
		}
	}
	return nil
}

func (g *generator) allowed(x *entry, at place) bool {
	if x.on != None && len(g.p.Vars[x.on]) == 0 {
		return false
	}
	own := x.name == "ownContext" || x.name == "waitOwn" || x.name == "lendContext"
	switch {
	case x.name == "exit":
		return g.p.Exits && at == inCallback
	case x.name == "throw":
		return g.p.Panics && at == inCallback
	case at == inSetup:
		return x.early
	case x.setup:
		return false
	case own:
		return at == inFunction
	case at == inCallback:
		return !x.blocks
	}
	return true
}
