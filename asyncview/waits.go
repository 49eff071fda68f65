package asyncview

import (
	"slices"

	"github.com/seed4712c49f/async"
)

// This file turns the wait-for graphs of the scopes into one. Each scope knows the waits of
// its own calls, and the calls of other scopes that these wait for; a call is the same in
// two graphs where the name of its scope, its ID and the time at which it began are.

// A names finds the scope that a name stands for.
type names map[string][]*watched

func namesOf(scopes []*watched) names {
	n := make(names)
	for _, w := range scopes {
		n[w.scope.Name()] = append(n[w.scope.Name()], w)
	}
	return n
}

// ref returns what names a call: in the scope of that name, of which home is preferred where
// there are several. The call is in flight, or was a moment ago.
func (n names) ref(home *watched, name string, id uint64) Ref {
	same := n[name]
	switch {
	case id == 0 || len(same) == 0:
		return Ref{Call: id}
	case len(same) == 1:
		return Ref{same[0].key, id}
	case home != nil && home.scope.Name() == name:
		return Ref{home.key, id}
	}
	return Ref{Call: id}
}

// refOf returns what names a call of a graph that home made.
func (n names) refOf(home *watched, c *async.CallInfo) Ref {
	same := n[c.Scope]
	if len(same) < 2 {
		return n.ref(home, c.Scope, c.ID)
	}
	for _, w := range same {
		if info, ok := w.scope.Info(c.ID); ok && info.Began.Equal(c.Began) && info.Name == c.Name {
			return Ref{w.key, c.ID}
		}
	}
	return Ref{Call: c.ID}
}

// parent returns the parent of a call of home.
func (n names) parent(home *watched, c *async.CallInfo) Ref {
	switch {
	case c.Parent == 0:
		return Ref{}
	case c.ParentScope == "":
		return Ref{home.key, c.Parent}
	}
	return n.ref(nil, c.ParentScope, c.Parent)
}

// waitOf returns a wait of a call of home.
func (n names) waitOf(home *watched, c *async.CallInfo, i async.WaitInfo) Wait {
	w := Wait{
		From: Ref{home.key, c.ID}, Waits: printable(c.Name, mostName), To: n.ref(home, i.Scope, i.Call), Since: i.Since,
		Kind: printable(i.Kind, mostName), Name: printable(i.Name, mostName), Line: printable(i.Line, mostError),
	}
	if w.To.Call != 0 {
		w.Whom = w.Name
	}
	return w
}

// graph looks at who waits for whom in the scopes.
func (l *looked) graph(scopes []*watched) {
	l.names, l.states = make(map[Ref]string), make(map[Ref]State)
	n := namesOf(scopes)
	had := make(map[Wait]bool) // a wait that leads to another scope is in the graphs of both
	for _, w := range scopes {
		g := w.scope.WaitGraph()
		refs := make([]Ref, len(g.Calls))
		ref := func(i int) Ref {
			if refs[i] == (Ref{}) {
				refs[i] = n.refOf(w, &g.Calls[i])
				l.names[refs[i]] = title(printable(g.Calls[i].Name, mostName), g.Calls[i].ID)
				l.states[refs[i]] = stateOf(&g.Calls[i])
			}
			return refs[i]
		}
		for _, e := range g.Waits {
			wait := Wait{
				From: ref(e.FromCall), Waits: printable(g.Calls[e.FromCall].Name, mostName), Since: e.Since,
				Kind: printable(e.Kind, mostName), Name: printable(e.Name, mostName), Line: printable(e.Line, mostError),
			}
			if e.ToCall >= 0 {
				wait.To, wait.Whom = ref(e.ToCall), printable(g.Calls[e.ToCall].Name, mostName)
			}
			if !had[wait] {
				had[wait] = true
				l.waits = append(l.waits, wait)
			}
		}
		for _, calls := range g.Cycles() {
			var cycle []Ref
			for i := range calls {
				r := n.refOf(w, &calls[i])
				l.names[r] = title(printable(calls[i].Name, mostName), calls[i].ID)
				cycle = append(cycle, r)
			}
			l.addCycle(cycle)
		}
	}
}

// addCycle adds a cycle, unless the graph of another scope had it, too.
func (l *looked) addCycle(cycle []Ref) {
	for _, other := range l.cycles {
		if len(other) == len(cycle) && slices.Contains(other, cycle[0]) {
			return
		}
	}
	l.cycles = append(l.cycles, cycle)
}
