package hunt

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// Every pair: for each way to make an object, and what is tied to it (clones, signals,
// lists, sets, those who share its run), each two operations that can be done on these,
// one goroutine each, beside a third that completes the call. scenes.go has the ways to
// make an object; the operations come from the table of all.

// A Pair is two operations on an object, or on two that are tied.
type Pair struct {
	Name    string
	Program func() *Program
	changes int // how many of the two change what others meet
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
