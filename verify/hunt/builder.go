package hunt

import (
	"slices"
	"time"
)

// This file builds the program of a pair. scenes.go calls the builder for the setup, and
// pairs.go for the goroutines.

// A builder makes the program of a pair by hand.
type builder struct {
	p       *Program
	table   Table
	chance  uint64 // decides what is left open
	site    int
	group   int  // family of what is made last
	gated   bool // functions wait at the first gate
	sleeps  bool // the pair comes later, when others are asleep
	streams bool // what the operations of a pair begin is streaming
	bounds  bool // they wait by the context of the scene, which ends beside them
	lent    bool // the operations of a pair wait by the context, which is a function's
}

func newBuilder(table Table) *builder {
	return &builder{p: &Program{}, table: table}
}

// vary makes some of the contexts of the setup ones of another kind: one with a deadline, or
// of a kind that package context does not know.
func (b *builder) vary() {
	for _, o := range b.p.Setup {
		if o.Do == "newContext" && b.chance>>24%3 == 0 {
			o.N = int(b.chance >> 32 % contextKinds)
		}
	}
}

// op adds an operation to the setup.
func (b *builder) op(do string, change ...func(o *Op)) {
	b.p.Setup = append(b.p.Setup, b.some(do, change...))
}

// some makes an operation.
func (b *builder) some(do string, change ...func(o *Op)) *Op {
	x := b.table[do]
	b.site++
	o := &Op{Do: do, Site: b.site, N: 1, D: 5 * time.Millisecond}
	if x.on != None {
		o.On = Ref{x.on, 0}
	}
	if x.fn {
		o.Fn = &Func{Site: o.Site}
		if b.gated {
			o.Fn.Gate = 1
		}
	}
	if x.opts {
		o.Opts.Discard = true
	}
	if do == "promiseContext" {
		o.N = 1 + b.site%2 // Err first, or Done
		if !b.bounds {
			o.N = 3 // Done alone: nothing but the end of the call is to end it
		}
	}
	if do == "newScope" || do == "newContext" {
		o.N, o.D = 0, 20*time.Millisecond
	}
	if do == "newScope" {
		o.D = 0
	}
	for _, f := range change {
		f(o)
	}
	if x.makes != None {
		i := Info{Family: 1, Flavor: do, Rank: b.site}
		if x.on != Call && x.on != Signal {
			b.group++
			i.Family = b.group
		} else {
			i = b.p.info(o.On)
		}
		o.To = b.newVar(x.makes, i)
		if x.promises {
			o.To2 = b.newVar(Promise, i)
		}
	}
	if do == "new" {
		b.p.Idle = true
	}
	return o
}

func (b *builder) newVar(k Kind, i Info) Ref {
	b.p.Vars[k] = append(b.p.Vars[k], i)
	return Ref{k, len(b.p.Vars[k]) - 1}
}

// Changes of an operation.

func of(rs ...Ref) func(o *Op) { return func(o *Op) { o.Of = rs } }
func byContext(o *Op)          { o.Ctx = Ctx{Base: Var} }
func streaming(o *Op)          { o.Opts.Streaming = true }
func abandoning(o *Op)         { o.Opts.Abandon = true }
func inScope(o *Op)            { o.Opts.Scope = 1 }
func waitsAtGate(o *Op)        { o.Fn.Gate = 1 }
func waitsAtOther(o *Op)       { o.Fn.Gate = 2 }
func fails(o *Op)              { o.Fn.End = Fails }
func panicking(o *Op)          { o.Fn.End = Panics }
func tracked(o *Op)            { o.N = scopeTracks | scopeObserves }
func limited(o *Op)            { o.N, o.D = scopeTracks|scopeObserves, 1 }
func bounded(o *Op)            { o.N, o.D = scopeTracks|scopeObserves, 1|1<<2 }
func returnsPanics(o *Op)      { o.N, o.D = scopeTracks|scopeObserves, 2<<4 }
func onSignal(o *Op)           { o.Opts.OnSignal = [][]*Op{nil} }
func kindOf(n int) func(o *Op) { return func(o *Op) { o.N = n } }
func endsContext(b *builder) func(o *Op) {
	return func(o *Op) { o.Opts.OnSignal = [][]*Op{{b.some("endContext")}} }
}

func waitsForEvent(b *builder) func(o *Op) {
	return func(o *Op) { o.Fn.Body = []*Op{b.some("eventWait", func(o *Op) { o.Ctx = Ctx{Base: Own} })} }
}

func lendsContext(b *builder) func(o *Op) {
	return func(o *Op) { o.Fn.Body = []*Op{b.some("lendContext")} }
}

func byPromise(o *Op) { o.Ctx = Ctx{Base: Promised} }

// thread is the goroutine of an operation. Where somebody is to be asleep by then it begins
// by letting time pass, which it does only when nobody can go on.
func (b *builder) thread(i instance) []*Op {
	if b.sleeps {
		return []*Op{b.some("sleep"), b.instance(i)}
	}
	return []*Op{b.instance(i)}
}

// instance makes the operation.
func (b *builder) instance(i instance) *Op {
	return b.some(i.do, func(o *Op) {
		o.On = i.on
		x := b.table[i.do]
		if x.members > 0 {
			for _, k := range []Kind{Event, Call, Stranger} {
				if len(b.p.Vars[k]) > 0 {
					o.Of = []Ref{{k, 0}}
				}
			}
		}
		if x.members > 1 {
			o.Of = b.members()
		}
		switch {
		case x.ctx != waitsBy:
		case b.lent || b.bounds:
			o.Ctx = Ctx{Base: Var}
		case b.p.Idle:
			o.Ctx.How = Far
		}
		if (x.fn || x.opts) && len(b.p.Vars[Scope]) > 0 {
			o.Opts.Scope = 1
		}
		o.Opts.Streaming = x.opts && b.streams
		if x.ctx == beginsBy && len(b.p.Vars[Context]) > 0 && !b.lent {
			o.Ctx = Ctx{Base: Var}
		}
		switch {
		case i.do == "hedge":
			o.N = 2
		case i.do == "map":
			o.N = int(b.chance >> 40 & 0xff)
		case i.do == "shutdown" && len(b.p.Vars[Promise]) > 0:
			o.Ctx = Ctx{Base: Promised} // which is no function's, so that it waits for the promise
		}
	})
}

// members are one of each kind of thing to wait for that the scene has, and its calls.
func (b *builder) members() (of []Ref) {
	for _, k := range []Kind{Call, Event, Signal, Stranger} {
		for n := range min(len(b.p.Vars[k]), 2) {
			of = append(of, Ref{k, n})
		}
	}
	return of
}

// completers returns operations that complete what the scene has pending, one after the
// other: what waits for many has several completions on their way. In half of the
// programs some are left pending, or all. Where nothing else can be done they
// end the context of the scene.
func (b *builder) completers() []*Op {
	ops := b.completions()
	if len(ops) == 0 {
		return b.enders()
	}
	n := uint64(len(ops))
	first := b.chance >> 8 % n
	if b.chance>>4&1 == 0 {
		n = b.chance >> 16 % (n + 1)
	}
	return slices.Concat(ops[first:], ops[:first])[:n]
}

// completions returns the operations that complete what the scene has pending.
func (b *builder) completions() (ops []*Op) {
	for _, by := range []struct {
		kind Kind
		do   string
	}{{Gate, "open"}, {Promise, "complete"}, {Event, "set"}} {
		for n := range b.p.Vars[by.kind] {
			ops = append(ops, b.some(by.do, func(o *Op) { o.On.N = n }))
		}
	}
	return ops
}

// enders returns an operation that ends the context of the scene, if there is one.
func (b *builder) enders() (ops []*Op) {
	if len(b.p.Vars[Context]) > 0 {
		ops = append(ops, b.some("endContext"))
	}
	return ops
}
