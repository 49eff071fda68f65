package hunt

import (
	"slices"
	"strings"
)

// This file has the objects that pairs of operations are done on: every way to make an
// object, and what is tied to the object. pairs.go makes the pairs.

// A scene is a way to make an object, and what is tied to it.
type scene struct {
	name  string
	make  func(b *builder)
	tie   string // operations that make another handle, each of which makes a scene of its own
	late  bool   // the last operation completes the call, and comes after that
	runs  bool   // functions of it return at once, and could return later
	first int    // 1: it has what no other scene has, and of two operations it is the first that they meet in
	sort  int    // of object: its place among those of objects
	tied  bool   // only pairs of which one is on the other handle
}

// scenes are the ways to make an object, each alone, and each with another handle on it.
func scenes() (all []scene) {
	for _, sc := range withRunning(objects()) {
		all = append(all, sc)
		if sc.tie == "" {
			continue
		}
		for do := range strings.FieldsSeq(sc.tie) {
			all = append(all, scene{name: sc.name + " and its " + do, sort: sc.sort, tied: true, make: func(b *builder) {
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
func objects() (all []scene) {
	for sort, part := range [][]scene{promiseScenes(), plainScenes(), eventScenes(), limitScenes(), shareScenes(), manyScenes(), panicScenes()} {
		for _, sc := range part {
			sc.sort = sort
			all = append(all, sc)
		}
	}
	return all
}

// plainScenes have one object, which no limit, no run and no list is about.
func plainScenes() []scene {
	const handles = "clone signal"
	return []scene{
		{name: "idle", tie: handles, make: func(b *builder) {
			b.op("newContext")
			b.op("new")
		}},
		{name: "finished promise", tie: handles, make: func(b *builder) {
			b.op("newContext")
			b.op("newPromise")
			b.op("complete")
			b.op("finish")
		}},
		{name: "finished promise whose clone is not", first: 1, make: func(b *builder) {
			b.op("newContext")
			b.op("newPromise")
			b.op("complete")
			b.op("clone")
			b.op("finish")
		}},
		{name: "promise whose OnSignal ends the context of who waits", make: func(b *builder) {
			b.op("newContext")
			b.op("newPromise", endsContext(b))
			b.bounds = true
		}},
		{name: "finished stream", tie: handles, make: func(b *builder) {
			b.op("newPromise", streaming)
			b.op("complete")
			b.op("finish")
		}},
		{name: "idle, begun in a scope", tie: handles, make: func(b *builder) {
			b.op("newScope", tracked)
			b.op("newContext")
			b.op("new")
		}},
		{name: "function", tie: handles, make: func(b *builder) {
			b.op("newContext")
			b.op("newGate")
			b.op("go", byContext, waitsAtGate)
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
	}
}

func eventScenes() []scene {
	return []scene{
		{name: "event", make: func(b *builder) {
			b.op("newContext")
			b.op("newEvent")
			b.op("eventSignal")
			b.op("eventAfterFunc")
		}},
	}
}

// limitScenes have functions that share one slot.
func limitScenes() []scene {
	return []scene{
		{name: "functions in a scope with a limit", make: func(b *builder) {
			b.op("newScope", limited)
			b.op("newContext")
			b.op("newGate")
			b.op("go", byContext, waitsAtGate, inScope)
			b.op("go", byContext, inScope)
		}},
		{name: "functions in a scope whose queue is full", first: 1, make: func(b *builder) {
			b.op("newScope", bounded)
			b.op("newContext")
			b.op("newGate")
			b.op("go", waitsAtGate, inScope)
			b.op("go", byContext, inScope)
		}},
		{name: "function that waits in a scope with a limit", make: func(b *builder) {
			b.op("newScope", limited)
			b.op("newContext")
			b.op("newEvent")
			b.op("go", byContext, inScope, waitsForEvent(b))
		}},
		{name: "function that waits, whose slot another has then", make: func(b *builder) {
			b.op("newScope", limited)
			b.op("newContext")
			b.op("newGate")
			b.op("newGate")
			b.op("newEvent")
			b.op("go", byContext, inScope, waitsAtGate, waitsForEvent(b))
			b.op("go", byContext, inScope, waitsAtOther)
		}},
		{name: "function that has lent its context", make: func(b *builder) {
			b.op("newScope", limited)
			b.op("newGate")
			b.op("newGate")
			b.op("newEvent")
			b.op("go", inScope, waitsAtGate, lendsContext(b))
			b.op("go", inScope, waitsAtOther)
			b.op("go", inScope, waitsAtOther)
			b.lent = true
		}},
	}
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
		{name: "lazy that fails", runs: true, make: func(b *builder) {
			b.op("newContext")
			b.op("newLazy", fails)
		}},
	}
}

func manyScenes() []scene {
	two := func(b *builder) { b.op("listOf", of(Ref{Call, 0}, Ref{Call, 1})) }
	return []scene{
		{name: "list", first: 1, make: func(b *builder) {
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
