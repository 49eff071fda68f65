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
}

// A PairList is every pair, in the order of a seed. It has numbers in place of pairs: a
// child has the garbage collected often, and there are tens of thousands.
type PairList struct {
	table  Table
	stages []stage
	order  []pairNumber
}

// A stage is a scene with what can be done there.
type stage struct {
	scene
	all  []instance
	ends bool // it has a context that can end beside what completes the call
}

// A pairNumber says which pair, as a number: the stage, the two operations, and whether the
// context ends.
//
//	40      24       8      0
//	[ stage ][ first ][ second ][ ends ]
type pairNumber uint64

func numberOf(stage, first, second int, ends bool) pairNumber {
	n := pairNumber(stage)<<40 | pairNumber(first)<<24 | pairNumber(second)<<8
	if ends {
		n++
	}
	return n
}

// Pairs returns every pair whose name matches, in an order of a seed: a hunt that has
// not the time for all has some of each kind, and another hunt has others. Pairs of
// operations that change what others meet are likely to come early, and any pair may.
func Pairs(table Table, match string, seed uint64) *PairList {
	l := &PairList{table: table}
	only := regexp.MustCompile(match)
	for n, sc := range scenes() {
		b := sceneOf(table, sc)
		s := stage{scene: sc, all: instances(b)}
		s.ends = len(b.p.Vars[Context]) > 0 && len(b.completions()) > 0
		l.stages = append(l.stages, s)
		for i := range s.all {
			for j := i; j < len(s.all); j++ {
				if sc.tied && s.all[i].isTied() == s.all[j].isTied() {
					continue
				}
				l.add(only, numberOf(n, i, j, false))
				if s.ends && !s.all[i].ends() && !s.all[j].ends() {
					l.add(only, numberOf(n, i, j, true))
				}
			}
		}
	}
	l.shuffle(seed)
	return l
}

func (l *PairList) add(only *regexp.Regexp, n pairNumber) {
	if only.String() == "" || only.MatchString(l.pair(n).Name) {
		l.order = append(l.order, n)
	}
}

// Len returns how many pairs there are.
func (l *PairList) Len() int { return len(l.order) }

// At returns the i-th pair.
func (l *PairList) At(i int) Pair { return l.pair(l.order[i]) }

// parts returns what a number stands for.
func (l *PairList) parts(n pairNumber) (s stage, first, second instance, ends bool) {
	s = l.stages[n>>40]
	return s, s.all[n>>24&0xffff], s.all[n>>8&0xffff], n&1 != 0
}

// shuffle puts pairs in a random order in which what is rarely tried goes first: there is
// time for a small part of the pairs. The order is made of two, each of which gives every
// other pair. In one of them each two operations meet once a round, in a scene that comes as
// chance will have it; in the other, each scene has one pair a round, since a scene with few
// operations has few pairs, and has what no other scene has. Two operations that change what
// others meet have four rounds in the time in which two that only look have one.
func (l *PairList) shuffle(seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	random.Shuffle(len(l.order), func(i, j int) { l.order[i], l.order[j] = l.order[j], l.order[i] })
	slices.SortStableFunc(l.order, func(a, b pairNumber) int { return cmp.Compare(l.stages[b>>40].first, l.stages[a>>40].first) })
	byMeeting := l.inRounds(random, func(n pairNumber) any {
		_, first, second, ends := l.parts(n)
		return meeting{first.do, second.do, first.isTied(), second.isTied(), ends}
	})
	byScene := l.inRounds(random, func(n pairNumber) any { return n >> 40 })
	placed := make(map[pairNumber]bool, len(l.order))
	l.order = l.order[:0]
	for i := range byMeeting {
		for _, n := range []pairNumber{byMeeting[i], byScene[i]} {
			if !placed[n] {
				placed[n] = true
				l.order = append(l.order, n)
			}
		}
	}
}

// inRounds returns the pairs in rounds, in each of which every kind comes once. Two
// operations that change what others meet have more rounds than others.
func (l *PairList) inRounds(random *rand.Rand, kind func(pairNumber) any) []pairNumber {
	type round struct {
		kind    any
		changes int
	}
	type placed struct {
		n  pairNumber
		at float64
	}
	rounds := make(map[round]int)
	all := make([]placed, len(l.order))
	for i, n := range l.order {
		_, first, second, _ := l.parts(n)
		r := round{kind(n), first.changing() + second.changing()}
		all[i] = placed{n, (float64(rounds[r]) + random.Float64()) / float64(int(1)<<r.changes)}
		rounds[r]++
	}
	slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	order := make([]pairNumber, len(all))
	for i, p := range all {
		order[i] = p.n
	}
	return order
}

// A meeting is what pairs have in common that differ by their scenes.
type meeting struct {
	first, second         string
	firstTied, secondTied bool // they are on a second handle
	ends                  bool
}

// changing are the operations that change what others meet; pairs of two come often.
func (i instance) changing() int {
	switch i.do {
	case "finish", "await", "release", "cancel", "cancelWait", "signalRelease", "complete", "completeDeep",
		"endContext", "open", "begin", "beginPromise", "clone", "signal", "race", "any", "quorum",
		"releaseAll", "next", "add", "completeOrDiscard", "goWaiting", "map", "cancelQueued", "scopeCancel",
		"set", "setRelease", "shutdown", "close", "get", "groupDo", "join", "go":
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

// is reports whether an operation does the same.
func (i instance) is(o *Op) bool { return i.do == o.Do && i.on == o.On }

// isTied reports whether an operation is on a second handle.
func (i instance) isTied() bool { return i.on.Kind == Signal || i.on.Kind == Call && i.on.N > 0 }

// ends reports whether an operation should end the call by itself, so that nobody else
// must complete it.
func (i instance) ends() bool { return i.do == "endContext" || i.do == "shutdown" }

// few are the operations that are paired on what is tied to an object, not on itself.
func few(name string) bool {
	return slices.Contains([]string{
		"finish", "await", "release", "cancel", "cancelWait", "signalRelease", "signalWait", "complete", "endContext", "open", "shutdown", "begin",
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
	case "go", "goWaiting":
		return len(b.p.Vars[Scope]) > 0
	case "asyncSleep":
		return len(b.p.Vars[Scope]) > 0 && len(b.p.Vars[Context]) > 0
	case "hedge", "map":
		return b.streams || len(b.p.Vars[Scope]) > 0 && !b.gated
	case "waitAny", "waitAll", "firstError":
		return len(b.p.Vars[Stranger])+len(b.p.Vars[Event]) > 0 || len(b.p.Vars[Call]) > 1
	}
	return false
}

// pair is the pair of a number: two operations on the objects of a scene, with a third
// that completes the call, or with one that ends its context.
func (l *PairList) pair(n pairNumber) Pair {
	s, first, second, ends := l.parts(n)
	name := s.name + ": " + first.do + " of " + first.on.String() + ", " + second.do + " of " + second.on.String()
	third := (*builder).completers
	if ends {
		name, third = name+", and endContext", (*builder).enders
	}
	return Pair{Name: name, Program: func() *Program {
		b := sceneOf(l.table, s.scene)
		b.p.Seed, b.chance, b.bounds = seedOf(name), seedOf(name), b.bounds || ends
		b.vary()
		b.p.Threads = append(b.p.Threads, b.thread(first), b.thread(second))
		ops := slices.DeleteFunc(third(b), func(o *Op) bool { return first.is(o) || second.is(o) })
		if len(ops) > 0 && !b.sleeps && !first.ends() && !second.ends() {
			b.p.Threads = append(b.p.Threads, ops)
		}
		return b.p
	}}
}
