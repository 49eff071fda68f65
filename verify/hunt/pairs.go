package hunt

import (
	"cmp"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
)

// Every pair: for each way to make an object, and what is tied to it (clones, signals,
// lists, sets, those who share its run), each two operations that can be done on these,
// one goroutine each, beside a third that completes the call. scenes.go has the ways to
// make an object; the operations come from the table of all.

// A Pair is two operations on an object, or on two that are tied.
type Pair struct {
	Name    string
	Program func() *Program
	changes int     // how many of the two change what others meet
	at      float64 // when it comes
}

// Pairs returns every pair whose name matches, in an order of a seed: a hunt that has
// not the time for all has some of each kind, and another hunt has others. Pairs of
// operations that change what others meet are likely to come early, and any pair may.
func Pairs(table Table, match string, seed uint64) (pairs []Pair) {
	only := regexp.MustCompile(match)
	for _, sc := range scenes() {
		all := instances(sceneOf(table, sc))
		for i := range all {
			for j := i; j < len(all); j++ {
				if sc.tied && all[i].isTied() == all[j].isTied() {
					continue
				}
				for _, p := range pairsOf(table, sc, all[i], all[j]) {
					if only.MatchString(p.Name) {
						pairs = append(pairs, p)
					}
				}
			}
		}
	}
	shuffle(pairs, seed)
	return pairs
}

// shuffle puts pairs in a random order in which one of more weight comes early: of what
// is left, each pair comes next by a chance in proportion to its weight. (The way of
// Efraimidis and Spirakis: each has an exponential time at the rate of its weight.)
func shuffle(pairs []Pair, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	for i := range pairs {
		pairs[i].at = random.ExpFloat64() / float64(int(1)<<(2*pairs[i].changes))
	}
	slices.SortFunc(pairs, func(a, b Pair) int { return cmp.Compare(a.at, b.at) })
}

// changing are the operations that change what others meet; pairs of two come first.
func (i instance) changing() int {
	if slices.Contains([]string{
		"finish", "await", "release", "cancel", "cancelWait", "signalRelease", "complete", "completeDeep", "endContext", "open", "begin",
		"beginPromise", "clone", "signal", "race", "any", "quorum", "releaseAll", "next", "add", "setRelease", "shutdown", "close", "get", "groupDo", "join", "go",
	}, i.do) {
		return 1
	}
	return 0
}

// seedOf is the seed of the random schedules of a pair, the same in every order of pairs.
func seedOf(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64() >> 16
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
		if x.on == None && b.has(name) {
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

// has reports whether an operation that is no method of an object belongs to a scene: what
// begins calls to one of a scope, what waits for others to one of what can be waited for.
func (b *builder) has(name string) bool {
	switch name {
	case "go":
		return len(b.p.Vars[Scope]) > 0
	case "hedge":
		return b.streams || len(b.p.Vars[Scope]) > 0 && !b.gated
	case "waitAny", "waitAll":
		return len(b.p.Vars[Stranger])+len(b.p.Vars[Event]) > 0 || len(b.p.Vars[Call]) > 1
	}
	return false
}

// pairsOf is the pair of two operations on the objects of a scene: with a third that
// completes the call, and with one that ends its context.
func pairsOf(table Table, sc scene, first, second instance) []Pair {
	name := sc.name + ": " + first.do + " of " + first.on.String() + ", " + second.do + " of " + second.on.String()
	changes := first.changing() + second.changing() + sc.first
	build := func(third func(b *builder) *Op) func() *Program {
		return func() *Program {
			b := sceneOf(table, sc)
			b.p.Seed = seedOf(name)
			b.p.Threads = append(b.p.Threads, b.thread(first), b.thread(second))
			if o := third(b); o != nil && !b.sleeps && first.do != o.Do && second.do != o.Do && !first.ends() && !second.ends() {
				b.p.Threads = append(b.p.Threads, []*Op{o})
			}
			return b.p
		}
	}
	pairs := []Pair{{Name: name, changes: changes, Program: build((*builder).completer)}}
	if b := sceneOf(table, sc); len(b.p.Vars[Context]) > 0 && b.completer() != nil && !first.ends() && !second.ends() {
		pairs = append(pairs, Pair{Name: name + ", and endContext", changes: max(changes-1, 0), Program: build((*builder).ender)})
	}
	return pairs
}
