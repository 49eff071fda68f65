// Package waitgraph has who waits for whom among calls: the wait-for graph. Package async
// makes its Graph from one, and Scope.Dump finds its deadlocks in one.
//
//	call a ──waits in──▶ parked.Look ──is for──▶ thing ──▶ call b
//	                                             thing ──▶ no call: [Outside]
//
// A graph is made from looks at calls that go on meanwhile. Nothing is stopped for it. [Of]
// looks once at what each function is parked in, and follows what these wait for. Then the
// graph says what it has found.
//
// The package knows a call by the methods of [Call], and a thing by what a [Lookup] says of
// it. What a deadlock is among nodes that wait stands in package deadlock; here stands which
// call counts as waiting, and for which others.
//
// What is drawn may change: how many holders of slots, and which edges a reader is shown.
// What may not: a deadlock that is reported is one. So what the package does not know counts
// as something that may happen ([deadlock.Need.Out]), and waits are looked at twice.
package waitgraph

import (
	"iter"
	"slices"

	"github.com/seed4712c49f/async/internal/deadlock"
	"github.com/seed4712c49f/async/internal/parked"
	"github.com/seed4712c49f/async/internal/sched"
)

// A Call is a call, as the graph knows it. The zero value of the type is no call. The
// methods may be called at any time, by any goroutine.
type Call interface {
	comparable

	// Waits returns what the goroutines of the function are parked in at the moment.
	Waits() []parked.Look

	// IsFree reports whether the call does not depend on the waits of its function: it is
	// complete, or a promise, which anybody may complete. A call that is free stays so.
	IsFree() bool
}

// A Lookup says what a thing is at the moment. It is called often, also for the same thing,
// and without a lock.
type Lookup[C Call] func(thing any) Thing[C]

// A Thing is what there is to know of one thing that is waited for. One that is not known, as
// a channel, is the zero Thing: of no call, and not complete.
type Thing[C Call] struct {
	Call   C    // the call that has to be complete before the thing is; zero for none that is known
	Done   bool // the thing is complete; a channel is not asked
	Failed bool // the thing is complete with an error
}

// Left ranges over the things that a wait is for and that are not complete, as far as it can
// be known, each with its call. What has a kind and is no thing comes last, as the
// [parked.For] itself.
func (look Lookup[C]) Left(l parked.Look) iter.Seq2[any, C] {
	return func(yield func(any, C) bool) {
		for thing := range l.For.Things() {
			if t := look(thing); !t.Done && !yield(thing, t.Call) {
				return
			}
		}
		if l.For.Kind != "" {
			var none C
			yield(l.For, none)
		}
	}
}

// A Graph is who waits for whom among some calls. Calls are known by numbers, in the order
// in which they were added. One goroutine uses a Graph.
//
// Invariants:
//
//	D1  The looks at a call are from when the call was added, and are not taken again for edges: a
//	    call that stopped waiting since has the waits that it had.
//	D2  Things are asked when the graph is read. What is complete stays complete, so two
//	    readings differ only in that the second has fewer edges.
type Graph[C Call] struct {
	look   Lookup[C]
	nodes  []node[C]
	of     map[C]int // the number of each call
	queued int       // calls that were added as Queued
	holds  []int     // the first calls that hold a slot
}

// A node is a call of the graph. A call that neither waits nor is queued has no edge, and is
// there as one that others wait for.
type node[C Call] struct {
	call   C
	waits  []parked.Look
	queued int // counts the queued calls of the scope from 1; or elsewhere, or 0
}

// A Turn is what a call has to do with the slots of the scope that the graph is of.
type Turn int

// The turns.
const (
	None      Turn = iota // nothing
	Holds                 // it holds a slot
	Queued                // it waits for its first slot, so for those who hold the slots
	Elsewhere             // it waits for its first slot in another scope
)

// Of returns the graph of some calls, and of those that they wait for, directly or not. look
// tells of the things that are waited for. accept is called for each of the calls, with what
// its function has just been found to be parked in. It says what the call has to do with the
// slots, and whether the graph is to have the call. A call that the graph is not to have may
// be asked about again.
func Of[C Call](calls iter.Seq[C], look Lookup[C], accept func(c C, waits []parked.Look) (t Turn, ok bool)) *Graph[C] {
	g := &Graph[C]{look: look, of: make(map[C]int)}
	ask := func(c C) {
		waits := c.Waits()
		if t, ok := accept(c, waits); ok {
			g.add(c, waits, t)
		}
	}
	for c := range calls {
		ask(c)
	}
	var none C
	for i := 0; i < len(g.nodes); i++ { //nolint:intrange // there come more on the way
		for _, l := range g.nodes[i].waits {
			for _, c := range look.Left(l) {
				if _, in := g.of[c]; c != none && !in {
					ask(c)
				}
			}
		}
	}
	return g
}

// add adds a call, with what its function was just found to be parked in.
func (g *Graph[C]) add(c C, waits []parked.Look, t Turn) {
	n := node[C]{call: c, waits: waits}
	switch {
	case t == Holds && len(g.holds) < maxHolders:
		g.holds = append(g.holds, len(g.nodes))
	case t == Queued:
		g.queued++
		n.queued = g.queued
	case t == Elsewhere:
		n.queued = elsewhere
	}
	g.of[c] = len(g.nodes)
	g.nodes = append(g.nodes, n)
}

// A call that is queued in the scope waits for whoever gives a slot back first, which nobody
// can know. It is drawn with edges to those who hold one, so that a reader sees why it waits.
// For deadlocks these edges do not count: see need.

// elsewhere is the place in the queue of a call that is queued in another scope.
const elsewhere = -1

// maxHolders is how many of the calls that hold a slot a queued call is said to wait for,
// and manyQueued how many queued calls are said to wait for more than the first of them: a
// scope may have a million queued calls, and a thousand that run.
const (
	maxHolders = 8
	manyQueued = 1000
)

// Len returns how many calls the graph has.
func (g *Graph[C]) Len() int { return len(g.nodes) }

// Call returns the call of a number, below Len.
func (g *Graph[C]) Call(i int) C { return g.nodes[i].call }

// An Edge is one thing that a call waits for.
type Edge struct {
	To    int         // the number of the call that is waited for, or Outside
	Thing any         // what is waited for; nil for the slot of a queued call
	Wait  parked.Look // of the function; zero for a queued call
}

// Outside is where an [Edge] goes that does not lead to a call.
const Outside = -1

// Edges ranges over the things that a call waits for and that are not complete. An edge to a
// call that is not in the graph is left out: it was over when it was looked for. A queued
// call waits for those who hold a slot.
func (g *Graph[C]) Edges(i int) iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		for _, to := range g.holdersFor(g.nodes[i].queued) {
			if !yield(Edge{To: to}) {
				return
			}
		}
		var none C
		for _, l := range g.nodes[i].waits {
			for thing, c := range g.look.Left(l) {
				to, in := g.of[c]
				if c == none {
					to, in = Outside, true
				}
				if in && !yield(Edge{to, thing, l}) {
					return
				}
			}
		}
	}
}

// EdgeTo returns the first edge of a call to one of some calls, and whether there is one.
func (g *Graph[C]) EdgeTo(i int, some []int) (e Edge, ok bool) {
	for e := range g.Edges(i) {
		if slices.Contains(some, e.To) {
			return e, true
		}
	}
	return Edge{}, false
}

// holdersFor returns what a queued call waits for, by its place in the queue, and nothing
// for a call that is not queued.
func (g *Graph[C]) holdersFor(queued int) []int {
	switch {
	case queued == 0:
		return nil
	case queued == elsewhere || len(g.holds) == 0:
		return []int{Outside}
	case queued > manyQueued:
		return g.holds[:1]
	}
	return g.holds
}

// Deadlocks returns the deadlocks in the graph, each as the numbers of its calls, in the
// order of [deadlock.Graph.Deadlocks]. They are deadlocks, although nothing was stopped:
//
//	look at all waits     what do they need?     look at the waits again
//	──────(Of)───────────────────┴───────┬──────────────┴───────────────▶
//	                                     all of them at once
//
// A call counts that is stuck as far as the first look goes, and that is in the same waits
// in the second look. Each of its waits lasted from before the moment between the two until
// after it, and nothing had ended the wait by then. Only what is stuck by the first look is
// looked at again, which in a program that is well is nothing.
//
// A deadlock that is there all the time is found: its waits do not change, so both looks find
// them.
//
// The tempting wrong version takes the first look for the truth. The waits that it found one
// after the other may never have been at the same time.
func (g *Graph[C]) Deadlocks() [][]int {
	first, again := make(deadlock.Graph), make(deadlock.Graph)
	for i := range g.nodes {
		if needs := g.needs(i); needs != nil {
			first[i] = needs
		}
	}
	sched.Point("look again")
	for _, i := range first.Stuck() {
		if g.isSame(i) {
			again[i] = g.needs(i)
		}
	}
	return again.Deadlocks()
}

// isSame reports whether a call is in the same waits as when it was added, and is not free
// by now: a call that is complete does not wait for its function any more.
func (g *Graph[C]) isSame(i int) bool {
	n := g.nodes[i]
	return !n.call.IsFree() && slices.EqualFunc(n.waits, n.call.Waits(), parked.Look.IsSame)
}

// needs returns what has to happen before the function of a call goes on, or nil where it
// may go on by itself: where the call is free, and where no wait is one of a goroutine that
// runs functions. A goroutine that a function has begun does not hold the function up. But
// where it waits, too, it may let the function go on when its wait ends, so it counts beside
// the function's own goroutine.
func (g *Graph[C]) needs(i int) (needs []deadlock.Need) {
	n, own := g.nodes[i], false
	for _, l := range n.waits {
		own = own || l.Own
		needs = append(needs, g.need(l))
	}
	if !own || n.call.IsFree() {
		return nil
	}
	return needs
}

// need returns what has to happen before a wait ends. A wait for any ends, too, when something
// is complete that the waiter has not seen: the waiter is on its way then, and only looks
// parked. What has a kind is outside of the graph: anybody may bring it about. A slot has a
// kind, too. The function that holds the slot runs, since a function that waits
// by its context has lent its own.
func (g *Graph[C]) need(l parked.Look) deadlock.Need {
	if l.For.Kind != "" || l.IsOver() {
		return deadlock.Need{Out: true}
	}
	mode, done := l.For.Mode, 0
	n := deadlock.Need{All: mode == parked.All}
	for thing := range l.For.Things() {
		t := g.look(thing)
		to, in := g.of[t.Call]
		switch {
		case t.Done:
			done++
			n.Out = n.Out || mode == parked.Failure && t.Failed
		case in:
			n.For = append(n.For, to)
		default:
			n.Out = true
		}
	}
	switch mode {
	case parked.Any:
		n.Out = n.Out || done > l.For.Came || len(n.For) == 0
	case parked.Failure:
		n.Out = n.Out || len(n.For) == 0
	}
	return n
}
