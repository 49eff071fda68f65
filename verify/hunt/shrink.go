//go:build asyncexplore

package hunt

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// Shrink takes out of a program that fails whatever the failure does not need: threads,
// operations, options. Each smaller program is explored anew, since a schedule is that
// of one program only, and has to fail in the same way. It stops when nothing can be
// taken out, or the time is over.
func (h *Hunter) Shrink(t *testing.T, f *Found, most time.Duration) *Found {
	t.Helper()
	return shrunk(f, most, func(p *Program) *Found { return h.again(t, p, f) })
}

// shrunk is the smallest program that still fails, as fails says of each that is tried.
func shrunk(f *Found, most time.Duration, fails func(p *Program) *Found) *Found {
	end := time.Now().Add(most)
	for again := true; again; {
		again = false
		for _, cut := range cuts(f.Program) {
			if time.Now().After(end) {
				return f
			}
			p := f.Program.copy()
			if !cut(p) {
				continue
			}
			if smaller := fails(p); smaller != nil {
				smaller.First, smaller.Pair = f.First, f.Pair
				f, again = smaller, true
				break
			}
		}
	}
	return f
}

// againWays are the schedules under which a smaller program is tried.
func (f *Found) againWays() []Way {
	const many = 150
	ways := []Way{f.Way}
	ways[0].Random, ways[0].Most = max(many, min(f.Run*3, 600)), 1000
	if f.Way.Random > 0 {
		ways = append(ways, Way{Switches: anyNumber, Random: many, Depth: 3 - min(f.Way.Depth, 3), Seed: f.Way.Seed, Time: f.Way.Time, Ends: f.Way.Ends})
	}
	return ways
}

// again looks for the same failure in another program.
func (h *Hunter) again(t *testing.T, p *Program, f *Found) *Found {
	t.Helper()
	for _, o := range f.againWays() {
		if g, _, _ := h.Explore(t, p, o); g != nil && g.Oracle == f.Oracle && g.Sort == f.Sort {
			return g
		}
	}
	return nil
}

// operations counts the operations of the program.
func (p *Program) operations() (n int) {
	p.parts(func(list *[]*Op) { n += len(*list) })
	return n
}

// copy returns a copy that shares nothing.
func (p *Program) copy() *Program {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	q := new(Program)
	if err := json.Unmarshal(text, q); err != nil {
		panic(err)
	}
	return q
}

// A cut takes something out of a program, and reports whether there was something.
type cut func(p *Program) bool

// cuts returns all ways to make a program smaller, those that take most first.
func cuts(p *Program) (all []cut) {
	for i := range p.Threads {
		all = append(all, func(p *Program) bool {
			p.Threads = slices.Delete(p.Threads, i, i+1)
			return true
		})
	}
	n := 0
	p.parts(func(list *[]*Op) {
		k := n
		n++
		all = append(all, halves(k, len(*list))...)
	})
	n = 0
	p.parts(func(list *[]*Op) {
		for i := range *list {
			k := n
			all = append(all, simpler(k, i)...)
		}
		n++
	})
	all = append(all, func(p *Program) bool {
		was := p.Finish
		p.Finish = false
		return was
	})
	return all
}

// halves are the cuts of parts of the k-th list of operations, n long: all of it, its
// halves, and each operation.
func halves(k, n int) (all []cut) {
	for size := n; size > 0; size /= 2 {
		for from := 0; from+size <= n; from += size {
			all = append(all, func(p *Program) bool {
				return p.change(k, func(list *[]*Op) { *list = slices.Delete(*list, from, from+size) })
			})
		}
	}
	return all
}

// change changes the k-th list of operations.
func (p *Program) change(k int, f func(list *[]*Op)) (done bool) {
	n := 0
	var found *[]*Op
	p.parts(func(list *[]*Op) {
		if n == k {
			found = list
		}
		n++
	})
	if found == nil {
		return false
	}
	f(found)
	return true
}

// simpler are the cuts that make operation i of the k-th list simpler.
func simpler(k, i int) (all []cut) {
	for _, f := range []func(o *Op) bool{
		func(o *Op) bool { return zero(&o.Opts.Streaming) },
		func(o *Op) bool { return zero(&o.Opts.Abandon) },
		func(o *Op) bool { return zero(&o.Opts.Named) },
		func(o *Op) bool { return zero(&o.Opts.Scope) },
		func(o *Op) bool { return zero(&o.Opts.Errgroup) },
		func(o *Op) bool { return zero(&o.Ctx) },
		func(o *Op) bool { return o.Ctx.How != Far && zero(&o.Ctx.How) },
		func(o *Op) bool { return o.Fn != nil && zero(&o.Fn.Gate) },
		func(o *Op) bool { return o.Fn != nil && zero(&o.Fn.Ends) },
		func(o *Op) bool { return o.Fn != nil && zero(&o.Fn.End) },
		func(o *Op) bool {
			was := len(o.Opts.OnSignal)
			o.Opts.OnSignal = nil
			return was > 0
		},
		func(o *Op) bool {
			was := len(o.Of)
			if was > 1 {
				o.Of = o.Of[1:]
			}
			return was > 1
		},
		func(o *Op) bool {
			was := len(o.Of)
			if was > 1 {
				o.Of = o.Of[:was-1]
			}
			return was > 1
		},
		func(o *Op) bool { return o.Do == "newScope" && zero(&o.N) },
		func(o *Op) bool { return o.Do == "newScope" && zero(&o.D) },
		func(o *Op) bool { return o.Do == "newContext" && zero(&o.N) },
	} {
		all = append(all, func(p *Program) (done bool) {
			p.change(k, func(list *[]*Op) { done = f((*list)[i]) })
			return done
		})
	}
	return all
}

// zero makes a field zero and reports whether it was not.
func zero[T comparable](field *T) bool {
	var none T
	was := *field
	*field = none
	return was != none
}
