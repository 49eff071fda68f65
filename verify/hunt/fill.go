package hunt

import (
	"cmp"
	"time"
)

// This file fills in one operation of a random program: its variable, its context, its
// options, its function. generate.go decides which operations a program has.

// fill makes an operation of an entry, or returns nil where what it needs is not there.
func (g *generator) fill(x *entry, at place, rank int) *Op {
	o := &Op{Do: x.name, N: 1 + g.IntN(2), D: g.duration()}
	g.site++
	o.Site = g.site
	if x.on != None {
		if o.On = g.variable(x.on); !o.On.is() {
			return nil
		}
	}
	if x.members > 0 && !g.fillMembers(x, o) {
		return nil
	}
	if g.depth++; g.depth > 3 {
		g.depth--
		return nil
	}
	defer func() { g.depth-- }()
	g.fillContext(x, o, at, rank)
	g.special(x, o)
	if x.opts {
		g.fillOptions(x, o)
	}
	if x.fn {
		o.Fn = g.function(o, g.rankOf(o))
	}
	if x.body && x.name != "newScope" {
		o.Body = g.ops(g.IntN(3), inCallback, 0)
	}
	g.makes(x, o)
	return o
}

func (g *generator) duration() time.Duration {
	return time.Duration(g.IntN(30)) * time.Millisecond
}

// special sets what the numbers of an operation stand for.
func (g *generator) special(x *entry, o *Op) {
	switch x.name {
	case "newScope":
		o.N = g.IntN(4)
		if g.IntN(2) == 0 {
			o.N |= (1 + g.IntN(observes)) << 2
		}
		limit, queue, policy := g.IntN(3), 0, 0
		if g.limits {
			limit = 1 + g.IntN(2)*g.IntN(2)
		}
		if g.IntN(4) == 0 {
			queue = 1 + g.IntN(2)
		}
		if g.p.Panics {
			policy = []int{0, 0, 2, 2, 1}[g.IntN(5)]
		}
		o.D = time.Duration(limit | queue<<2 | policy<<4)
		o.Body = nil
	case "newContext":
		o.N = []int{0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4}[g.IntN(11)]
		if o.N == contextOdd && g.avoid["odd"] {
			o.N = contextForeign
		}
	case "newStranger":
		o.N = g.IntN(strangerKinds)
		if o.N == strangerEmbeds && g.avoid["embedding"] {
			o.N = strangerOwn
		}
	case "newErrgroup":
		o.N = g.IntN(3)
	case "hedge":
		o.D = []time.Duration{0, time.Millisecond, 20 * time.Millisecond}[g.IntN(3)]
		o.N = 1 + g.IntN(3)
	case "goEach":
		o.N = 1 + g.IntN(3)
	case "complete", "completeOrDiscard":
		o.N = g.IntN(3)
	case "map":
		o.N = g.IntN(256)
	}
}

// variable draws a variable of a kind; the first ones come more often, so that goroutines meet.
func (g *generator) variable(k Kind) Ref {
	n := len(g.p.Vars[k])
	if n == 0 {
		return Ref{}
	}
	return Ref{k, min(g.IntN(n), g.IntN(n))}
}

func (g *generator) fillMembers(x *entry, o *Op) bool {
	kinds := []Kind{Call, Call, Signal, Event, Context, Stranger}
	if x.kind != None {
		kinds = []Kind{x.kind}
	}
	for range 1 + g.IntN(x.members) {
		if r := g.variable(kinds[g.IntN(len(kinds))]); r.is() {
			o.Of = append(o.Of, r)
		}
	}
	return len(o.Of) > 0
}

// fillContext decides by which context an operation waits, or begins.
func (g *generator) fillContext(x *entry, o *Op, at place, rank int) {
	switch {
	case x.ctx == noContext:
		return
	case x.ctx == waitsBy && g.IntN(80) == 0 && !g.avoid["nil"] && x.name != "hedge":
		o.Ctx = Ctx{Base: NilContext}
		return
	case x.ctx == waitsBy && at == inFunction:
		o.Ctx = Ctx{Base: Own, How: WithTimeout, D: g.duration()}
		if g.info(o).Rank < rank && g.IntN(2) == 0 && x.members == 0 && x.on != Set && x.name != "shutdown" { // a set may get the call itself later
			o.Ctx = Ctx{Base: Own}
		}
		return
	case g.IntN(3) == 0 && len(g.p.Vars[Context]) > 0:
		o.Ctx = Ctx{Base: Var, N: g.variable(Context).N}
	case g.IntN(8) == 0 && len(g.p.Vars[Promise]) > 0:
		o.Ctx = Ctx{Base: Promised, N: g.variable(Promise).N}
	case at == inFunction && g.IntN(3) > 0:
		o.Ctx = Ctx{Base: Own}
	}
	if g.IntN(4) == 0 || x.ctx == waitsBy && o.Ctx.Base == Background && g.p.Idle {
		o.Ctx.How = []How{WithValue, WithTimeout, WithTimeout, WithCancel, WithoutCancel}[g.IntN(5)]
		o.Ctx.D = g.duration()
	}
	if x.ctx == waitsBy && g.p.Idle && o.Ctx.How != WithTimeout {
		o.Ctx.How = Far
	}
}

func (g *generator) info(o *Op) Info { return g.p.info(o.On) }

func (g *generator) rankOf(o *Op) int {
	if o.On.is() {
		return g.info(o).Rank
	}
	return g.rank
}

// fillOptions draws the options of a call.
func (g *generator) fillOptions(x *entry, o *Op) {
	p := &o.Opts
	p.Discard = true
	p.Streaming = g.IntN(10) < g.stream && !g.avoid["streaming"]
	p.Abandon = g.IntN(10) < g.abandon
	p.Named = g.IntN(8) == 0
	if g.IntN(8) == 0 {
		p.OnDiscard = g.ops(1+g.IntN(2), inCallback, 0)
	}
	if g.IntN(4) == 0 && x.on != Group {
		p.OnSignal = append(p.OnSignal, g.ops(g.IntN(3), inCallback, 0))
	}
	if n := len(g.p.Vars[Scope]); n > 0 && g.IntN(4) > 0 {
		p.Scope = 1 + g.IntN(n)
	}
	if n := len(g.p.Vars[Errgroup]); n > 0 && x.fn && g.IntN(2) == 0 && x.makes != Lazy {
		p.Errgroup = 1 + g.IntN(n)
	}
}

// function makes the function of a call, which waits without an end for lower ranks
// only.
func (g *generator) function(o *Op, rank int) *Func {
	f := &Func{Site: o.Site}
	if g.IntN(2) == 0 {
		f.Body = g.ops(1+g.IntN(2), inFunction, rank)
	}
	if n := len(g.p.Vars[Gate]); n > 0 && g.IntN(2) == 0 {
		f.Gate, f.Ends = 1+g.IntN(n), g.IntN(2) == 0
	}
	f.End = []End{Returns, Returns, Returns, Returns, Fails, Fails, Exits}[g.IntN(7)]
	if g.p.Panics && g.IntN(2) == 0 {
		f.End = Panics
	}
	return f
}

// makes gives an operation the variables that it sets.
func (g *generator) makes(x *entry, o *Op) {
	if x.makes == None {
		return
	}
	o.To = g.newVar(x.makes, g.madeInfo(x, o))
	if x.promises {
		o.To2 = g.newVar(Promise, g.p.info(o.To))
	}
	if x.name == "new" {
		g.p.Idle = true
	}
}

func (g *generator) newVar(k Kind, i Info) Ref {
	g.p.Vars[k] = append(g.p.Vars[k], i)
	return Ref{k, len(g.p.Vars[k]) - 1}
}

// madeInfo says what is known of what an operation makes.
func (g *generator) madeInfo(x *entry, o *Op) Info {
	if x.on == Call || x.on == Signal {
		i := g.info(o)
		i.Flavor = cmp.Or(map[string]string{"clone": "clone"}[x.name], i.Flavor)
		return i
	}
	g.family++
	g.rank++
	return Info{Family: g.family, Rank: g.rank, Flavor: flavorOf(x, o)}
}

// flavorOf says how an object is made.
func flavorOf(x *entry, o *Op) string {
	f := map[string]string{"go": "function", "newPromise": "promise", "new": "idle", "join": "joined", "ready": "ready"}[x.name]
	if f == "" {
		return x.name
	}
	if o.Opts.Streaming {
		f = "streaming " + f
	}
	if o.Opts.Scope > 0 {
		f += " in scope"
	}
	return f
}
