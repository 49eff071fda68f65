package waitgraph_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/seed4712c49f/async/internal/parked"
	"github.com/seed4712c49f/async/internal/waitgraph"
)

// A call is one that waits in what the test says. A thing is a *call, a *done, or else of no
// call.
type call struct {
	name  string
	waits []parked.Look
	free  bool
	over  bool // the graph is not to have it
	turn  waitgraph.Turn
}

func (c *call) Waits() []parked.Look { return c.waits }
func (c *call) IsFree() bool         { return c.free }

type done struct{ failed bool }

func lookUp(thing any) (t waitgraph.Thing[*call]) {
	switch on := thing.(type) {
	case *call:
		t.Call, t.Done = on, on.free
	case *done:
		t.Done, t.Failed = true, on.failed
	}
	return t
}

// parks adds a wait of the goroutine that runs the function.
func (c *call) parks(f parked.For) *call {
	c.waits = append(c.waits, parked.Look{For: &f, Own: true, Generation: uint64(len(c.waits))})
	return c
}

func (c *call) waitsFor(thing any) *call { return c.parks(parked.For{One: thing}) }

// graphOf returns a graph of some calls, and of those that they wait for.
func graphOf(cs ...*call) *waitgraph.Graph[*call] {
	return waitgraph.Of(slices.Values(cs), lookUp, func(c *call, _ []parked.Look) (waitgraph.Turn, bool) { return c.turn, !c.over })
}

func names(g *waitgraph.Graph[*call], calls []int) (text string) {
	for _, i := range calls {
		text += g.Call(i).name
	}
	return text
}

// Which waits count as a deadlock of a and b, where b waits for a, and c runs.
func TestDeadlocks(t *testing.T) {
	over := make(chan struct{})
	close(over)
	for name, test := range map[string]struct {
		wait func(a, b, c *call)
		want bool
	}{
		"one":                               {func(a, b, _ *call) { a.waitsFor(b) }, true},
		"one that runs":                     {func(a, _, c *call) { a.waitsFor(c) }, false},
		"a thing of no call":                {func(a, _, _ *call) { a.waitsFor("event") }, false},
		"a time":                            {func(a, _, _ *call) { a.parks(parked.For{Kind: "time"}) }, false},
		"one, or a time":                    {func(a, b, _ *call) { a.parks(parked.For{Kind: "time", One: b}) }, false},
		"any":                               {func(a, b, c *call) { a.parks(parked.For{Many: []any{b, c}}) }, false},
		"any, one of them twice":            {func(a, b, _ *call) { a.parks(parked.For{Many: []any{b, b}}) }, true},
		"any, and one is complete":          {func(a, b, _ *call) { a.parks(parked.For{Many: []any{b, &done{}}}) }, false},
		"any, and one was seen":             {func(a, b, _ *call) { a.parks(parked.For{Many: []any{b, &done{}}, Came: 1}) }, true},
		"any of none":                       {func(a, _, _ *call) { a.parks(parked.For{Many: []any{&done{}}, Came: 1}) }, false},
		"all":                               {func(a, b, c *call) { a.parks(parked.For{Mode: parked.All, Many: []any{b, c, "event"}}) }, true},
		"all, without b":                    {func(a, _, c *call) { a.parks(parked.For{Mode: parked.All, Many: []any{c}}) }, false},
		"all or a failure":                  {func(a, b, _ *call) { a.parks(parked.For{Mode: parked.Failure, Many: []any{b}}) }, true},
		"all or a failure, and one failed":  {func(a, b, _ *call) { a.parks(parked.For{Mode: parked.Failure, Many: []any{b, &done{true}}}) }, false},
		"all or a failure, and one did not": {func(a, b, _ *call) { a.parks(parked.For{Mode: parked.Failure, Many: []any{b, &done{}}}) }, true},
		"two waits":                         {func(a, b, c *call) { a.waitsFor(b).waitsFor(c) }, false},
		"two waits for b":                   {func(a, b, _ *call) { a.waitsFor(b).waitsFor(b) }, true},
		"not its own":                       {func(a, b, _ *call) { a.waitsFor(b).waits[0].Own = false }, false},
		"its own, and another":              {func(a, b, _ *call) { a.waitsFor(b).waitsFor(b).waits[0].Own = false }, true},
		"ended":                             {func(a, b, _ *call) { a.waitsFor(b).waits[0].End = over }, false},
		"a promise":                         {func(a, b, _ *call) { a.waitsFor(b).free = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b, c := &call{name: "a"}, &call{name: "b"}, &call{name: "c"}
			b.waitsFor(a)
			test.wait(a, b, c)
			g := graphOf(a)
			found := g.Deadlocks()
			if got := len(found) == 1 && len(found[0]) == 2; got != test.want || len(found) > 1 {
				t.Errorf("found %v, want one: %v", found, test.want)
			}
		})
	}
}

// A call that is in another wait when it is looked at again, or in none, is in no deadlock.
// The first look is that of Of, and the second that of Deadlocks.
func TestDeadlocks_LooksAgain(t *testing.T) {
	for name, test := range map[string]struct {
		change func(a *call)
		want   int
	}{
		"the same": {func(*call) {}, 1},
		"another":  {func(a *call) { a.waits = []parked.Look{{For: a.waits[0].For, Own: true, Generation: 7}} }, 0},
		"none":     {func(a *call) { a.waits = nil }, 0},
		"one more": {func(a *call) { a.waitsFor(a) }, 0},
		"complete": {func(a *call) { a.free = true }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := &call{name: "a"}, &call{name: "b"}
			a.waitsFor(b)
			b.waitsFor(a)
			g := graphOf(a, b)
			test.change(a)
			if found := g.Deadlocks(); len(found) != test.want {
				t.Errorf("found %v", found)
			}
		})
	}
}

// A graph has what is waited for, however far, and nothing twice. What it is not to have has
// no edge to it.
func TestOf(t *testing.T) {
	a, b, c, over := &call{name: "a"}, &call{name: "b"}, &call{name: "c"}, &call{name: "over", over: true}
	a.parks(parked.For{Many: []any{b, over, "channel", &done{}}, Kind: "time"})
	b.waitsFor(c)
	c.waitsFor(a)
	g := graphOf(a)
	if got := names(g, []int{0, 1, 2}); g.Len() != 3 || got != "abc" {
		t.Errorf("%d calls, %s", g.Len(), got)
	}
	var edges []string
	for e := range g.Edges(0) {
		thing := e.Thing
		if f, ok := thing.(*parked.For); ok {
			thing = f.Kind
		} else if c, ok := thing.(*call); ok {
			thing = c.name
		}
		edges = append(edges, fmt.Sprint(e.To, " ", thing))
	}
	if want := []string{"1 b", "-1 channel", "-1 time"}; !slices.Equal(edges, want) {
		t.Errorf("edges %q, want %q", edges, want)
	}
	if e, ok := g.EdgeTo(2, []int{1, 0}); !ok || e.To != 0 {
		t.Errorf("from c to %d, %v", e.To, ok)
	}
	if e, ok := g.EdgeTo(0, []int{2}); ok {
		t.Errorf("from a to %d", e.To)
	}
}

// A queued call waits for the first that hold a slot; past a thousand, for the first alone;
// and for nobody who is known, where nobody holds one, or in another scope.
func TestEdges_Queued(t *testing.T) {
	targets := func(g *waitgraph.Graph[*call], i int) (to []int) {
		for e := range g.Edges(i) {
			if e.Thing != nil {
				t.Errorf("%d waits for the thing %v", i, e.Thing)
			}
			to = append(to, e.To)
		}
		return to
	}
	queued := &call{turn: waitgraph.Queued}
	if got := targets(graphOf(queued), 0); !slices.Equal(got, []int{waitgraph.Outside}) {
		t.Errorf("where nobody holds a slot: %v", got)
	}
	cs := []*call{queued}
	for range 10 {
		cs = append(cs, &call{turn: waitgraph.Holds})
	}
	for range 1000 {
		cs = append(cs, &call{turn: waitgraph.Queued})
	}
	g := graphOf(append(cs, &call{turn: waitgraph.Elsewhere})...)
	first := []int{1, 2, 3, 4, 5, 6, 7, 8}
	for i, want := range map[int][]int{0: first, 1: nil, 1009: first, 1010: {1}, 1011: {waitgraph.Outside}} {
		if got := targets(g, i); !slices.Equal(got, want) {
			t.Errorf("%d waits for %v, want %v", i, got, want)
		}
	}
}
