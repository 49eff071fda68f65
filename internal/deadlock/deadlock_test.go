package deadlock_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed4712c49f/async/internal/deadlock"
)

func one(to ...int) []deadlock.Need { return []deadlock.Need{{For: to}} }
func all(to ...int) []deadlock.Need { return []deadlock.Need{{For: to, All: true}} }
func out(to ...int) []deadlock.Need { return []deadlock.Need{{For: to, Out: true}} }

// graph returns the graph of nodes that have these needs.
func graph(needs ...[]deadlock.Need) deadlock.Graph {
	g := make(deadlock.Graph)
	for i, n := range needs {
		g[i] = n
	}
	return g
}

func TestDeadlocks(t *testing.T) {
	for name, c := range map[string]struct {
		g    deadlock.Graph
		want [][]int
	}{
		"nothing":                            {nil, nil},
		"one that runs":                      {graph(nil), nil},
		"itself":                             {graph(one(0)), [][]int{{0}}},
		"two":                                {graph(one(1), one(0)), [][]int{{0, 1}}},
		"in the order of the waits":          {graph(one(2), one(0), one(1)), [][]int{{0, 2, 1}}},
		"a chain":                            {graph(one(1), one(2), nil), nil},
		"a chain to a circle":                {graph(one(1), one(2), one(1)), [][]int{{1, 2}}},
		"one of two, and one runs":           {graph(one(1, 2), one(0), nil), nil},
		"one of two, both of them in":        {graph(one(1, 2), one(0), one(0)), [][]int{{0, 1, 2}}},
		"all of two, and one runs":           {graph(all(1, 2), one(0), nil), [][]int{{0, 1}}},
		"one of two, or something else":      {graph(out(1, 2), one(0), one(0)), nil},
		"all of two, and something else":     {graph([]deadlock.Need{{For: []int{1, 2}, All: true, Out: true}}, one(0), nil), [][]int{{0, 1}}},
		"all of none":                        {graph(all()), nil},
		"two needs, one of which ends":       {graph([]deadlock.Need{{For: []int{1}}, {Out: true}}, one(0)), nil},
		"two needs, neither of which ends":   {graph([]deadlock.Need{{For: []int{1}}, {For: []int{0}}}, one(0)), [][]int{{0, 1}}},
		"two circles":                        {graph(one(1), one(0), one(3), one(2)), [][]int{{0, 1}, {2, 3}}},
		"one of two circles":                 {graph(one(1, 2), one(0), one(3), one(2)), [][]int{{2, 3}}},
		"all of two circles":                 {graph(all(1, 2), one(0), one(3), one(2)), [][]int{{0, 1}, {2, 3}}},
		"a circle within what waits for it":  {graph(one(1, 3), one(2), one(0), all(0, 4), one(3)), [][]int{{0, 1, 2, 3, 4}}},
		"the same one twice":                 {graph(all(1, 1), one(0, 0)), [][]int{{0, 1}}},
		"all of the same that runs, twice":   {graph(all(1, 1), nil), nil},
		"one that goes on lets others go on": {graph(one(1), one(0, 2), one(3), nil), nil},
		"one that is not in the graph":       {graph(one(1), one(0, 7)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.g.Deadlocks(); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// slowly finds the nodes of a set that would be stuck if all others went on: it lets one
// go on after the other, until there is no more.
func slowly(g deadlock.Graph, set []int) []int {
	stuck := slices.Clone(set)
	for again := true; again; {
		again = false
		stuck = slices.DeleteFunc(stuck, func(i int) bool {
			goes := len(g[i]) == 0
			for _, n := range g[i] {
				in := 0
				for _, j := range n.For {
					if slices.Contains(stuck, j) {
						in++
					}
				}
				if n.All {
					goes = goes || in == 0
				} else {
					goes = goes || n.Out || in < len(n.For)
				}
			}
			again = again || goes
			return goes
		})
	}
	return stuck
}

func random(r *rand.Rand) deadlock.Graph {
	g := make(deadlock.Graph)
	size := 1 + r.IntN(9)
	for i := range size {
		g[i] = nil
		for range r.IntN(3) {
			n := deadlock.Need{All: r.IntN(3) == 0, Out: r.IntN(8) == 0}
			for range 1 + r.IntN(3) {
				n.For = append(n.For, r.IntN(size))
			}
			g[i] = append(g[i], n)
		}
	}
	return g
}

// Of random graphs, against a way that is slow and plain: what is stuck; and of each
// deadlock that it is stuck by itself, that every node of it reaches every other, that no
// node is in two, and that what is stuck has one.
func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	deadlocks := 0
	for range 20_000 {
		g := random(r)
		var nodes []int
		for i := range len(g) {
			nodes = append(nodes, i)
		}
		stuck := slowly(g, nodes)
		if got := g.Stuck(); !slices.Equal(got, stuck) {
			t.Fatalf("%v: stuck are %v, want %v", g, got, stuck)
		}
		found := g.Deadlocks()
		if (len(found) > 0) != (len(stuck) > 0) {
			t.Fatalf("%v: stuck are %v, deadlocks %v", g, stuck, found)
		}
		var in []int
		for _, d := range found {
			deadlocks++
			sorted := slices.Sorted(slices.Values(d))
			if d[0] != sorted[0] || !slices.Equal(slowly(g, sorted), sorted) {
				t.Fatalf("%v: %v is no deadlock", g, d)
			}
			for _, i := range d {
				if !reachesAll(g, i, d) {
					t.Fatalf("%v: in %v, %d does not wait for all", g, d, i)
				}
			}
			in = append(in, d...)
		}
		slices.Sort(in)
		if len(slices.Compact(slices.Clone(in))) != len(in) {
			t.Fatalf("%v: a node is in two of %v", g, found)
		}
	}
	if deadlocks < 1000 {
		t.Errorf("%d deadlocks", deadlocks)
	}
}

// reachesAll reports whether i waits, in one step or more, for every node of a set, by way
// of nodes of the set.
func reachesAll(g deadlock.Graph, i int, set []int) bool {
	reached := make(map[int]bool)
	for next := []int{i}; len(next) > 0; {
		i, next = next[0], next[1:]
		for _, n := range g[i] {
			for _, j := range n.For {
				if slices.Contains(set, j) && !reached[j] {
					reached[j] = true
					next = append(next, j)
				}
			}
		}
	}
	return len(reached) == len(set)
}

// A ring and a chain of many are found without a deep stack, in time that grows as they do.
func TestLarge(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n = 20_000
	}
	ring, pairs := make(deadlock.Graph, n), make(deadlock.Graph, n)
	for i := range n {
		ring[i], pairs[i] = one((i+1)%n), one(i^1)
	}
	if got := ring.Deadlocks(); len(got) != 1 || len(got[0]) != n || got[0][n-1] != n-1 {
		t.Errorf("%d deadlocks in a ring", len(got))
	}
	if got := pairs.Deadlocks(); len(got) != n/2 {
		t.Errorf("%d deadlocks in %d pairs", len(got), n/2)
	}
	ring[n-1] = nil
	if got := ring.Deadlocks(); got != nil {
		t.Errorf("%d deadlocks in a chain", len(got))
	}
}
