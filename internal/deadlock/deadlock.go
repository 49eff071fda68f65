// Package deadlock finds deadlocks: nodes that wait for each other, and that nothing outside
// lets go on. A node is a function that waits; the package knows no more of a node than a
// number. Package waitgraph asks it about the functions of calls.
//
// A wait is for any of some nodes, or for all of them. So a deadlock is more than a circle
// of waits: a node of the circle may wait for any of several, and one outside of the
// circle lets it go on.
//
//	a ──▶ b ──▶ a        a deadlock, {a b}
//	a ──▶ b or c         none: c runs, so a goes on, and then b
//	b ──▶ a
//
// What lasts is found from the other end, in two steps:
//
//   - Nodes that something lets go on let those go on that wait for them, and so forth. What
//     is left is stuck ([Graph.Stuck]): the deadlocks, and what waits for a deadlock.
//   - What is stuck falls into parts whose nodes all wait for each other, directly or not. A
//     part that would be stuck alone is a deadlock. Where a part would not be, something
//     outside of the part holds it, and what the part has of deadlocks is looked for again.
//
// Both take time in proportion to the waits, for each round of the second. Nothing here
// calls itself: a chain of waits may be a million nodes long.
//
// How both steps work may change: TestRandom compares them with a way that is slow and plain.
// The time may not, nor the order of what is found, which reports show.
package deadlock

import (
	"maps"
	"slices"
)

// A Need is one thing that a node waits for. A function with several goroutines has several
// needs, and goes on when one of them ends.
//
//	{For: a, b}              one of the two
//	{For: a, b; All}         both
//	{For: a, b; Out}         one of the two, or something that is no node: ends by itself
//	{}                       never ends
type Need struct {
	For []int // the nodes that it waits for; one that comes twice changes nothing
	All bool  // all of them have to go on before the wait ends; else one is enough
	Out bool  // something else ends a wait for one, too; of a wait for all it says nothing
}

// A Graph has the needs of each node that waits. A node goes on when one of its needs ends.
// A node without needs, and a node that is not in the graph, goes on by itself. A need for
// one of no nodes never ends; a need for all of none ends at once.
type Graph map[int][]Need

// Stuck returns the nodes that nothing lets go on, in order: those of the deadlocks, and
// those that wait for these.
func (g Graph) Stuck() []int { return g.stuckAmong(slices.Sorted(maps.Keys(g))) }

// Deadlocks returns the deadlocks: sets of nodes in each of which every node waits, in one
// step or many, for every other, and all would be stuck if everything outside went on.
// Each is in the order of the waits, as far as there is one, from its lowest node on. No
// node is in two. The sets come in the order of their lowest nodes.
func (g Graph) Deadlocks() (found [][]int) {
	sets := [][]int{g.Stuck()}
	for len(sets) > 0 {
		set := g.stuckAmong(sets[len(sets)-1])
		sets = sets[:len(sets)-1]
		parts := g.partsOf(set)
		if len(parts) == 1 && len(parts[0]) == len(set) {
			found = append(found, g.inOrder(set))
			continue
		}
		sets = append(sets, parts...) // each is smaller than set, so this ends
	}
	slices.SortFunc(found, func(a, b []int) int { return a[0] - b[0] })
	return found
}

// A flow finds what goes on, from the nodes that do so at once: each lets others go on. A
// node enters next once, when it is found to go on, and so the flow ends. Each need is counted
// down as the nodes that it is for go on, so the whole takes time in proportion to the waits.
type flow struct {
	stuck map[int]bool     // of each node that is looked at: not known to go on
	next  []int            // nodes that go on, and whose waiters are still to be told
	ends  map[int][]*ended // by the node that is waited for
}

// An ended is one need of a node, and what is missing to its end.
type ended struct {
	node    int
	missing int // how many of those that are waited for have to go on
}

// stuckAmong returns the nodes of a set, which is in order, that would be stuck if all
// others went on.
func (g Graph) stuckAmong(set []int) (stuck []int) {
	f := &flow{stuck: setOf(set), ends: make(map[int][]*ended)}
	for _, i := range set {
		if len(g[i]) == 0 {
			f.letGo(i)
		}
		for _, n := range g[i] {
			f.add(i, n)
		}
	}
	for len(f.next) > 0 {
		i := f.next[len(f.next)-1]
		f.next = f.next[:len(f.next)-1]
		for _, e := range f.ends[i] {
			if e.missing--; e.missing == 0 {
				f.letGo(e.node)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(set), func(i int) bool { return !f.stuck[i] })
}

// add adds one need of node i. What is outside of the set goes on. So it ends a need for one
// of many, and a need for all of many does not miss it.
func (f *flow) add(i int, n Need) {
	e := &ended{node: i}
	out := n.Out
	for _, j := range n.For {
		if _, in := f.stuck[j]; in {
			e.missing++
			f.ends[j] = append(f.ends[j], e)
		} else {
			out = true
		}
	}
	switch {
	case !n.All && out, n.All && e.missing == 0:
		f.letGo(i)
	case !n.All:
		e.missing = 1 // below 0 afterwards, which lets nobody go on again
	}
}

// letGo notes that node i goes on.
func (f *flow) letGo(i int) {
	if f.stuck[i] {
		f.stuck[i] = false
		f.next = append(f.next, i)
	}
}

// targets returns the nodes of a set that node i waits for, in the order of its needs. One may
// come twice.
func (g Graph) targets(i int, in map[int]bool) (to []int) {
	for _, n := range g[i] {
		for _, j := range n.For {
			if in[j] {
				to = append(to, j)
			}
		}
	}
	return to
}

// inOrder returns the nodes of a set in the order of the waits: each is followed by the
// first that it waits for and that is not listed yet. Where there is none, the lowest of
// the others is next.
func (g Graph) inOrder(set []int) (list []int) {
	left := setOf(set)
	for _, i := range set {
		for left[i] {
			left[i] = false
			list = append(list, i)
			if to := g.targets(i, left); len(to) > 0 {
				i = to[0]
			}
		}
	}
	return list
}

// setOf returns the set of the nodes in a list.
func setOf(list []int) map[int]bool {
	set := make(map[int]bool, len(list))
	for _, i := range list {
		set[i] = true
	}
	return set
}

// partsOf returns the parts of a set in each of which every node waits for every other, in
// one step or many, and each for one at least: its strongly connected components, without
// those that are a node which does not wait for itself.
//
// It is Kosaraju's algorithm. One walk goes along the waits, and lists each node behind all
// that are reached from it. Another goes against the waits, from the end of that list on:
// what a node reaches there, and no node before it did, is its part.
func (g Graph) partsOf(set []int) (parts [][]int) {
	in, order, back := setOf(set), make([]int, 0, len(set)), make(map[int][]int)
	forth := func(i int) []int { return g.targets(i, in) }
	left := setOf(set)
	for _, i := range set {
		walk(i, left, forth, func(j int) {
			order = append(order, j)
			for _, to := range forth(j) {
				back[to] = append(back[to], j)
			}
		})
	}
	left = in // which forth needs no more
	for _, i := range slices.Backward(order) {
		var part []int
		walk(i, left, func(j int) []int { return back[j] }, func(j int) { part = append(part, j) })
		if len(part) > 1 || len(part) == 1 && slices.Contains(back[i], i) {
			slices.Sort(part)
			parts = append(parts, part)
		}
	}
	return parts
}

// A step is a node on the way of a walk, and the nodes that are still to be looked at from
// there.
type step struct {
	node int
	to   []int
}

// walk goes from node i to all that next leads to, in one step or many, by way of nodes that
// are left. It takes each node that it comes to out of left, and calls leave for the node
// when it has been to all that the node leads to. Where i is not left, it does nothing.
func walk(i int, left map[int]bool, next func(int) []int, leave func(int)) {
	var way []step
	enter := func(i int) {
		if left[i] {
			left[i] = false
			way = append(way, step{i, next(i)})
		}
	}
	for enter(i); len(way) > 0; {
		s := &way[len(way)-1]
		if len(s.to) == 0 {
			leave(s.node)
			way = way[:len(way)-1]
			continue
		}
		j := s.to[0]
		s.to = s.to[1:]
		enter(j)
	}
}
