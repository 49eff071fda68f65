package hunt

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Every pair: for each way to make an object, and what is tied to it (clones, signals,
// lists, sets, those who share its run), each two operations that can be done on these,
// one goroutine each, beside a third that completes the call. The table below has the
// ways to make an object; the operations come from the table of all.

// A Pair is two operations on an object, or on two that are tied.
type Pair struct {
	Name    string
	Program func() *Program
	changes int // how many of the two change what others meet
}

// A scene is a way to make an object, and what is tied to it.
type scene struct {
	name  string
	make  func(b *builder)
	tie   string // operations that make another handle, each of which makes a scene of its own
	late  bool   // the last operation completes the call, and comes after that
	runs  bool   // functions of it return at once, and could return later
	first int    // 1: its pairs come before others
	tied  bool   // only pairs of which one is on the other handle
}

// A builder makes the program of a pair by hand.
type builder struct {
	p       *Program
	table   Table
	site    int
	group   int  // family of what is made last
	gated   bool // functions wait at the first gate
	sleeps  bool // the pair comes later, when others are asleep
	streams bool // what the operations of a pair begin is streaming
}

func newBuilder(table Table) *builder {
	return &builder{p: &Program{}, table: table}
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
func fails(o *Op)              { o.Fn.End = Fails }
func panicking(o *Op)          { o.Fn.End = Panics }
func tracked(o *Op)            { o.N = scopeTracks | scopeObserves }
func limited(o *Op)            { o.N, o.D = scopeTracks|scopeObserves, 1 }
func returnsPanics(o *Op)      { o.N, o.D = scopeTracks|scopeObserves, 2<<4 }
func onSignal(o *Op)           { o.Opts.OnSignal = [][]*Op{nil} }
func kindOf(n int) func(o *Op) { return func(o *Op) { o.N = n } }
func byPromise(o *Op)          { o.Ctx = Ctx{Base: Promised} }

// scenes are the ways to make an object, each alone, and each with another handle on it.
func scenes() (all []scene) {
	for _, sc := range withRunning(objects()) {
		all = append(all, sc)
		if sc.tie == "" {
			continue
		}
		for do := range strings.FieldsSeq(sc.tie) {
			all = append(all, scene{name: sc.name + " and its " + do, tied: true, make: func(b *builder) {
				sc.make(b)
				n := len(b.p.Setup)
				b.op(do)
				if sc.late { // the handle comes before the completion
					b.p.Setup[n-1], b.p.Setup[n] = b.p.Setup[n], b.p.Setup[n-1]
				}
			}})
		}
	}
	return all
}

// withRunning adds, to each object whose functions return at once, one whose functions
// wait at a gate, so that they return while the pair is at work.
func withRunning(objects []scene) (all []scene) {
	for _, sc := range objects {
		all = append(all, sc)
		if !sc.runs {
			continue
		}
		make := sc.make
		sc.name += ", running"
		sc.make = func(b *builder) {
			b.op("newGate")
			b.gated = true
			make(b)
			b.gated = false
		}
		all = append(all, sc)
	}
	return all
}

// objects are the ways to make an object.
func objects() []scene {
	const handles = "clone signal"
	return slices.Concat(promiseScenes(), []scene{
		{name: "idle", tie: handles, make: func(b *builder) { b.op("new") }},
		{name: "finished promise", tie: handles, make: func(b *builder) {
			b.op("newPromise")
			b.op("complete")
			b.op("finish")
		}},
		{name: "finished stream", tie: handles, make: func(b *builder) {
			b.op("newPromise", streaming)
			b.op("complete")
			b.op("finish")
		}},
		{name: "idle, begun in a scope", tie: handles, make: func(b *builder) {
			b.op("newScope", tracked)
			b.op("new")
		}},
		{name: "function", tie: handles, make: func(b *builder) {
			b.op("newContext")
			b.op("newGate")
			b.op("go", byContext, waitsAtGate)
		}},
		{name: "functions in a scope with a limit", make: func(b *builder) {
			b.op("newScope", limited)
			b.op("newContext")
			b.op("newGate")
			b.op("go", byContext, waitsAtGate, inScope)
			b.op("go", byContext, inScope)
		}},
		{name: "streaming function", runs: true, tie: handles, make: func(b *builder) {
			b.op("newContext")
			b.op("go", byContext, streaming)
		}},
		{name: "streams in a scope", first: 1, make: func(b *builder) {
			b.op("newScope", tracked)
			b.op("newContext")
			b.op("go", byContext, streaming, inScope)
			b.streams = true
		}},
		{name: "nested promise", make: func(b *builder) {
			b.op("newContext")
			b.op("newPromise", byContext)
			b.op("newPromise", byPromise)
		}},
		{name: "event", make: func(b *builder) {
			b.op("newContext")
			b.op("newEvent")
			b.op("eventSignal")
			b.op("eventAfterFunc")
		}},
	}, shareScenes(), manyScenes(), panicScenes())
}

func promiseScenes() (all []scene) {
	for _, s := range []struct {
		name    string
		scope   bool
		changes []func(o *Op)
	}{
		{"promise", false, []func(o *Op){onSignal}},
		{"streaming promise", false, []func(o *Op){streaming}},
		{"abandoning promise", false, []func(o *Op){abandoning}},
		{"promise in a scope", true, []func(o *Op){inScope, onSignal}},
		{"streaming promise in a scope", true, []func(o *Op){inScope, streaming}},
	} {
		for _, complete := range []bool{false, true} {
			sc := scene{name: s.name, tie: "clone signal", late: complete, make: func(b *builder) {
				if s.scope {
					b.op("newScope", tracked)
				}
				b.op("newContext")
				b.op("newPromise", append(slices.Clip(s.changes), byContext)...)
				if complete {
					b.op("complete")
				}
			}}
			if complete {
				sc.name += ", complete"
			}
			all = append(all, sc)
		}
	}
	return all
}

func shareScenes() []scene {
	return []scene{
		{name: "joined", runs: true, tie: "clone signal", make: func(b *builder) {
			b.op("newGroup")
			b.op("join")
		}},
		{name: "joined twice", make: func(b *builder) {
			b.op("newGate")
			b.op("newGroup")
			b.op("join", waitsAtGate)
			b.op("join", waitsAtGate)
		}},
		{name: "streaming, joined", runs: true, tie: "clone signal", make: func(b *builder) {
			b.op("newGroup", streaming)
			b.op("join")
		}},
		{name: "lazy", make: func(b *builder) {
			b.op("newContext")
			b.op("newGate")
			b.op("newLazy", waitsAtGate)
		}},
	}
}

func manyScenes() []scene {
	two := func(b *builder) { b.op("listOf", of(Ref{Call, 0}, Ref{Call, 1})) }
	return []scene{
		{name: "list", make: func(b *builder) {
			b.op("newPromise")
			b.op("newPromise")
			two(b)
		}},
		{name: "list of functions", runs: true, make: func(b *builder) { b.op("goEach", kindOf(2)) }},
		{name: "list with a failure", runs: true, make: func(b *builder) {
			b.op("go", fails)
			b.op("go")
			two(b)
		}},
		{name: "set", make: func(b *builder) {
			b.op("newContext")
			b.op("newEvent")
			b.op("newPromise")
			b.op("newSet")
			b.op("add", of(Ref{Event, 0}))
			b.op("add", of(Ref{Call, 0}))
		}},
		{name: "type that embeds an event", first: 1, make: func(b *builder) {
			b.op("newStranger", kindOf(strangerEmbeds))
			b.op("newSet")
		}},
		{name: "set that is waited for", first: 1, make: func(b *builder) {
			b.op("newEvent")
			b.op("newSet")
			b.op("add", of(Ref{Event, 0}))
			b.p.Threads = [][]*Op{{b.some("next")}}
			b.sleeps = true
		}},
	}
}

func panicScenes() []scene {
	panics := func(make func(b *builder)) func(b *builder) {
		return func(b *builder) {
			b.p.Panics = true
			make(b)
		}
	}
	return []scene{
		{name: "panic", runs: true, tie: "clone signal", make: panics(func(b *builder) { b.op("go", panicking) })},
		{name: "streaming panic", runs: true, tie: "clone signal", make: panics(func(b *builder) { b.op("go", panicking, streaming) })},
		{name: "panic that is returned", runs: true, tie: "clone signal", make: panics(func(b *builder) {
			b.op("newScope", returnsPanics)
			b.op("go", panicking, inScope)
		})},
		{name: "joined panic", runs: true, tie: "clone", make: panics(func(b *builder) {
			b.op("newGroup")
			b.op("join", panicking)
		})},
		{name: "list of a result and a panic", runs: true, make: panics(func(b *builder) {
			b.op("newPromise")
			b.op("complete")
			b.op("go", panicking)
			b.op("listOf", of(Ref{Call, 0}, Ref{Call, 1}))
		})},
		{name: "list with a panic", runs: true, make: panics(func(b *builder) {
			b.op("go", panicking)
			b.op("go")
			b.op("listOf", of(Ref{Call, 0}, Ref{Call, 1}))
		})},
	}
}

// Pairs returns every pair whose name matches, in an order in which neighbors have
// little in common: a hunt that has not the time for all has some of each kind.
func Pairs(table Table, match string) (pairs []Pair) {
	only := regexp.MustCompile(match)
	for _, sc := range scenes() {
		all := instances(sceneOf(table, sc))
		for i := range all {
			for j := i; j < len(all); j++ {
				if sc.tied && all[i].isTied() == all[j].isTied() {
					continue
				}
				if p := pairOf(table, sc, all, i, j); only.MatchString(p.Name) {
					pairs = append(pairs, p)
				}
			}
		}
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	slices.SortStableFunc(pairs, func(a, b Pair) int { return b.changes - a.changes })
	return pairs
}

// changing are the operations that change what others meet; pairs of two come first.
func (i instance) changing() int {
	if slices.Contains([]string{
		"finish", "await", "release", "cancel", "cancelWait", "signalRelease", "complete", "completeDeep", "endContext", "open", "begin",
		"beginPromise", "clone", "signal", "race", "any", "quorum", "releaseAll", "next", "add", "setRelease", "shutdown", "get", "groupDo", "join",
	}, i.do) {
		return 1
	}
	return 0
}

func sceneOf(table Table, sc scene) *builder {
	b := newBuilder(table)
	b.p.Finish = true
	sc.make(b)
	return b
}

// An instance is an operation on a variable.
type instance struct {
	do string
	on Ref
}

// isTied reports whether an operation is on a second handle.
func (i instance) isTied() bool { return i.on.Kind == Signal || i.on.Kind == Call && i.on.N > 0 }

// ends reports whether an operation should end the call by itself, so that nobody else
// must complete it.
func (i instance) ends() bool { return i.do == "endContext" || i.do == "shutdown" }

// few are the operations that are paired on what is tied to an object, not on itself.
func few(name string) bool {
	return slices.Contains([]string{
		"finish", "await", "release", "cancel", "signalRelease", "signalWait", "complete", "endContext", "open", "shutdown", "begin",
	}, name)
}

// instances returns what can be done on the objects of a scene.
func instances(b *builder) (all []instance) {
	for _, name := range sortedNames(b.table) {
		x := b.table[name]
		if x.setup || name == "exit" || name == "throw" || slices.Contains([]string{"string", "scopeErr", "len"}, name) {
			continue
		}
		stranger := len(b.p.Vars[Stranger]) > 0
		if x.on == None && (b.streams && name == "hedge" || stranger && strings.HasPrefix(name, "waitA")) {
			all = append(all, instance{name, Ref{}})
			continue
		}
		for n := range b.p.Vars[x.on] {
			if n == 0 || few(name) {
				all = append(all, instance{name, Ref{x.on, n}})
			}
		}
	}
	return all
}

// pairOf is the pair of operations i and j of all that are on the objects of a scene.
func pairOf(table Table, sc scene, all []instance, i, j int) Pair {
	first, second := all[i], all[j]
	return Pair{
		changes: first.changing() + second.changing() + sc.first,
		Name:    sc.name + ": " + first.do + " of " + first.on.String() + ", " + second.do + " of " + second.on.String(),
		Program: func() *Program {
			b := sceneOf(table, sc)
			b.p.Threads = append(b.p.Threads, b.thread(first), b.thread(second))
			third := b.completer()
			if third != nil && !b.sleeps && first.do != third.Do && second.do != third.Do && !first.ends() && !second.ends() {
				b.p.Threads = append(b.p.Threads, []*Op{third})
			}
			return b.p
		},
	}
}

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
		if x.ctx == waitsBy && b.p.Idle {
			o.Ctx.How = Far
		}
		if (x.fn || x.opts) && len(b.p.Vars[Scope]) > 0 {
			o.Opts.Scope = 1
		}
		o.Opts.Streaming = x.opts && b.streams
		switch {
		case i.do == "hedge":
			o.N = 2
		case i.do == "shutdown" && len(b.p.Vars[Promise]) > 0:
			o.Ctx = Ctx{Base: Promised} // which is no function's, so that it waits for the promise
		}
	})
}

// completer returns an operation that completes what the scene has pending.
func (b *builder) completer() *Op {
	switch {
	case len(b.p.Vars[Gate]) > 0:
		return b.some("open")
	case len(b.p.Vars[Promise]) > 0:
		return b.some("complete")
	case len(b.p.Vars[Event]) > 0:
		return b.some("set")
	}
	return nil
}
