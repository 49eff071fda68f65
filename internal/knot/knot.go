// Package knot finds deadlocks: nodes that wait for each other, and that nothing outside
// lets go on. Package async finds those among calls by it. A node is a function that
// waits; the package knows no more of it than its number.
//
// A wait is for any of some nodes, or for all of them. So a deadlock is more than a circle
// of waits: a node of the circle may wait for any of several, and one outside of the
// circle lets it go on. What lasts is found from the other end: nodes that something lets
// go on let those go on that wait for them, and what is left is stuck.
package knot

import "slices"

// A Need is one thing that a node waits for.
type Need struct {
	For []int // the nodes that it waits for; one that comes twice changes nothing
	All bool  // all of them have to go on before the wait ends; else one is enough
	Out bool  // something else ends a wait for one, too; of a wait for all it says nothing
}

// A Graph has the needs of each node. A node goes on when one of its needs ends, and a node
// without needs goes on by itself. A need for one of no nodes never ends.
type Graph [][]Need

// Stuck returns the nodes that nothing lets go on, in order: those of the deadlocks, and
// those that wait for these.
func (g Graph) Stuck() []int {
	all := make([]int, len(g))
	for i := range all {
		all[i] = i
	}
	return g.stuckAmong(all)
}

// Deadlocks returns the deadlocks: sets of nodes in each of which every node waits, in one
// step or many, for every other, and all would be stuck if everything outside went on.
// Each is in the order of the waits, as far as there is one, from its lowest node on. No
// node is in two.
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
		sets = append(sets, parts...)
	}
	slices.SortFunc(found, func(a, b []int) int { return a[0] - b[0] })
	return found
}

// A flow finds what goes on, from the nodes that do so at once: each lets others go on.
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
	f := &flow{stuck: make(map[int]bool, len(set)), ends: make(map[int][]*ended)}
	for _, i := range set {
		f.stuck[i] = true
	}
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

// add adds one need of node i.
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
		e.missing = 1
	}
}

func (f *flow) letGo(i int) {
	if f.stuck[i] {
		f.stuck[i] = false
		f.next = append(f.next, i)
	}
}

// targets returns the nodes of a set that node i waits for.
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

func setOf(list []int) map[int]bool {
	set := make(map[int]bool, len(list))
	for _, i := range list {
		set[i] = true
	}
	return set
}

// partsOf returns the parts of a set in each of which every node waits for every other, in
// one step or many, and each for one at least: its strongly connected components by
// Tarjan's algorithm, without those that are a node which does not wait for itself.
func (g Graph) partsOf(set []int) [][]int {
	t := &tarjan{g: g, in: setOf(set), number: make(map[int]int, len(set)), low: make(map[int]int, len(set)), open: make(map[int]bool)}
	for _, i := range set {
		if t.number[i] == 0 {
			t.walk(i)
		}
	}
	return t.parts
}

// A tarjan is one run of the algorithm. It has a list in place of recursion: a chain of
// waits may be a million long.
type tarjan struct {
	g           Graph
	in          map[int]bool
	number, low map[int]int // number counts from 1 in the order in which nodes are found
	found       int
	stack       []int // of nodes whose part is not complete
	open        map[int]bool
	steps       []step
	parts       [][]int
}

// A step is a node on the way, and the nodes that are still to be looked at from there.
type step struct {
	node int
	to   []int
}

func (t *tarjan) walk(i int) {
	t.enter(i)
	for len(t.steps) > 0 {
		s := &t.steps[len(t.steps)-1]
		if len(s.to) == 0 {
			t.leave(s.node)
			continue
		}
		j := s.to[0]
		s.to = s.to[1:]
		switch {
		case t.number[j] == 0:
			t.enter(j)
		case t.open[j]:
			t.low[s.node] = min(t.low[s.node], t.number[j])
		}
	}
}

func (t *tarjan) enter(i int) {
	t.found++
	t.number[i] = t.found
	t.low[i] = t.number[i]
	t.stack = append(t.stack, i)
	t.open[i] = true
	t.steps = append(t.steps, step{i, t.g.targets(i, t.in)})
}

func (t *tarjan) leave(i int) {
	t.steps = t.steps[:len(t.steps)-1]
	if len(t.steps) > 0 {
		above := t.steps[len(t.steps)-1].node
		t.low[above] = min(t.low[above], t.low[i])
	}
	if t.low[i] != t.number[i] {
		return
	}
	at := len(t.stack) - 1
	for t.stack[at] != i {
		at--
	}
	part := slices.Clone(t.stack[at:])
	t.stack = t.stack[:at]
	for _, j := range part {
		t.open[j] = false
	}
	if len(part) > 1 || slices.Contains(t.g.targets(i, t.in), i) {
		slices.Sort(part)
		t.parts = append(t.parts, part)
	}
}
