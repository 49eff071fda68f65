package ui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// This file turns a report into rows of calls: who is below whom, what is folded.

// minFold is how many calls of one name below one parent are one row until it is unfolded.
const minFold = 4

// ByCount is an order that the server does not have: the name with the most calls first.
const ByCount asyncview.Sort = "count"

// A foldKey names what can be folded: a call, or the calls of one name below a parent.
type foldKey struct {
	ref   asyncview.Ref // the call, or the parent
	scope int           // of a group
	name  string        // of a group
	group bool
}

// A row is one line of the list of calls: a call, or a group of them.
type row struct {
	key   foldKey
	depth int
	call  *asyncview.Call  // nil for a group
	total *asyncview.Total // of a group

	foldable, folded bool
	inCycle          bool // a call of the group is part of a deadlock
}

// A picture is a report made ready to be shown. It does not change.
type picture struct {
	report *asyncview.Report
	scopes map[int]*asyncview.Scope
	byRef  map[asyncview.Ref]*asyncview.Call
	below  map[asyncview.Ref][]*asyncview.Call // the listed calls below each; those below none, and of parents not listed, at the zero Ref
	totals []asyncview.Total
	query  asyncview.Query
}

// newPicture makes a picture of the calls of r that q asks for: r may be the answer to an
// earlier query.
func newPicture(r *asyncview.Report, q asyncview.Query) *picture {
	p := &picture{
		report: r, query: q,
		scopes: make(map[int]*asyncview.Scope, len(r.Scopes)),
		byRef:  make(map[asyncview.Ref]*asyncview.Call, len(r.Calls)),
		below:  make(map[asyncview.Ref][]*asyncview.Call),
	}
	for i := range r.Scopes {
		p.scopes[r.Scopes[i].Key] = &r.Scopes[i]
	}
	listed := make([]*asyncview.Call, 0, len(r.Calls))
	for i := range r.Calls {
		if c := &r.Calls[i]; matches(q, c) && p.byRef[refOf(c)] == nil && c.ID != 0 {
			p.byRef[refOf(c)] = c
			listed = append(listed, c)
		}
	}
	slices.SortStableFunc(listed, orderOf(q.Sort))
	p.link(listed)
	for _, t := range r.Totals {
		if matchesTotal(q, t) {
			p.totals = append(p.totals, t)
		}
	}
	slices.SortStableFunc(p.totals, totalOrderOf(q.Sort))
	return p
}

func refOf(c *asyncview.Call) asyncview.Ref { return asyncview.Ref{Scope: c.Scope, Call: c.ID} }

// link fills below. Calls whose ways up end in a circle, which no view sends, go below
// none, so that each call is in one place.
func (p *picture) link(listed []*asyncview.Call) {
	rooted := make(map[asyncview.Ref]bool, len(listed))
	for _, c := range listed {
		parent := c.Parent
		if p.byRef[parent] == nil || !p.endsUp(c, rooted) {
			parent = asyncview.Ref{}
		}
		p.below[parent] = append(p.below[parent], c)
		if parent == (asyncview.Ref{}) {
			rooted[refOf(c)] = true
		}
	}
}

// endsUp reports whether the way up from c ends. It notes those on a way that does.
func (p *picture) endsUp(c *asyncview.Call, rooted map[asyncview.Ref]bool) bool {
	var way []asyncview.Ref
	for n := 0; c != nil && !rooted[refOf(c)]; n++ {
		if n > len(p.byRef) {
			return false
		}
		way = append(way, refOf(c))
		c = p.byRef[c.Parent]
	}
	for _, ref := range way {
		rooted[ref] = true
	}
	return true
}

// matches reports whether q asks for a call, as the server has it.
func matches(q asyncview.Query, c *asyncview.Call) bool {
	return (q.Scope == 0 || q.Scope == c.Scope) && (q.State == "" || q.State == c.State) &&
		(q.Name == "" || q.Name == c.Name) && found(q.Search, c.Name, c.ID)
}

// found reports whether a search finds a name, or an ID.
func found(search, name string, callID uint64) bool {
	if search == "" {
		return true
	}
	if rest, ok := strings.CutPrefix(search, "#"); ok && rest == id(callID) {
		return true
	}
	return strings.Contains(strings.ToLower(name), strings.ToLower(search))
}

func matchesTotal(q asyncview.Query, t asyncview.Total) bool {
	return (q.Scope == 0 || q.Scope == t.Scope) && (strings.HasPrefix(q.Search, "#") || found(q.Search, t.Name, 0))
}

// orderOf returns the order of calls that a sort says.
func orderOf(s asyncview.Sort) func(a, b *asyncview.Call) int {
	byAge := func(a, b *asyncview.Call) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.ID, b.ID))
	}
	switch s {
	case asyncview.ByNewest:
		return func(a, b *asyncview.Call) int { return byAge(b, a) }
	case asyncview.ByName:
		return func(a, b *asyncview.Call) int { return cmp.Or(strings.Compare(a.Name, b.Name), byAge(a, b)) }
	}
	return byAge
}

// totalOrderOf returns the order of groups that a sort says.
func totalOrderOf(s asyncview.Sort) func(a, b asyncview.Total) int {
	byAge := func(a, b asyncview.Total) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Scope, b.Scope), strings.Compare(a.Name, b.Name))
	}
	switch s {
	case asyncview.ByNewest:
		return func(a, b asyncview.Total) int { return byAge(b, a) }
	case asyncview.ByName:
		return func(a, b asyncview.Total) int { return cmp.Or(strings.Compare(a.Name, b.Name), byAge(a, b)) }
	case ByCount:
		return func(a, b asyncview.Total) int { return cmp.Or(cmp.Compare(b.Count, a.Count), byAge(a, b)) }
	}
	return byAge
}

// rows returns the rows of the calls in one way to show them. turned has what is folded or
// unfolded against the rule, which is: groups are folded, calls are not.
func (p *picture) rows(g asyncview.Group, turned map[foldKey]bool) []row {
	b := rowBuilder{picture: p, turned: turned}
	switch g {
	case asyncview.Names:
		b.byName()
	case asyncview.Flat:
		b.flat()
	default:
		b.tree(asyncview.Ref{}, 0)
	}
	return b.rows
}

type rowBuilder struct {
	*picture
	turned map[foldKey]bool
	rows   []row
}

// add adds a row, and reports whether what is below it is to be seen.
func (b *rowBuilder) add(r row) bool {
	r.folded = r.foldable && r.key.group != b.turned[r.key]
	b.rows = append(b.rows, r)
	return r.foldable && !r.folded
}

// flat adds all calls, in their order.
func (b *rowBuilder) flat() {
	all := make([]*asyncview.Call, 0, len(b.byRef))
	for _, c := range b.byRef {
		all = append(all, c)
	}
	slices.SortFunc(all, orderOf(b.query.Sort))
	for _, c := range all {
		b.add(row{key: foldKey{ref: refOf(c)}, call: c})
	}
}

// byName adds the totals, and below each the calls of it that are listed.
func (b *rowBuilder) byName() {
	type name struct {
		scope int
		name  string
	}
	members := make(map[name][]*asyncview.Call)
	for _, c := range b.byRef {
		members[name{c.Scope, c.Name}] = append(members[name{c.Scope, c.Name}], c)
	}
	for i := range b.totals {
		t := &b.totals[i]
		below := members[name{t.Scope, t.Name}]
		key := foldKey{scope: t.Scope, name: t.Name, group: true}
		if !b.add(row{key: key, total: t, foldable: len(below) > 0, inCycle: slices.ContainsFunc(below, isInCycle)}) {
			continue
		}
		slices.SortFunc(below, orderOf(b.query.Sort))
		for _, c := range below {
			b.add(row{key: foldKey{ref: refOf(c)}, depth: 1, call: c})
		}
	}
}

// tree adds the calls below one, and what is below those.
func (b *rowBuilder) tree(parent asyncview.Ref, depth int) {
	below := b.below[parent]
	groups := groupsOf(below, parent)
	for _, c := range below {
		key := foldKey{ref: parent, scope: c.Scope, name: c.Name, group: true}
		members := groups[key]
		switch {
		case len(members) < minFold:
			b.branch(c, depth)
		case members[0] == c && b.add(row{key: key, depth: depth, total: totalOf(members), foldable: true, inCycle: slices.ContainsFunc(members, isInCycle)}):
			for _, m := range members {
				b.branch(m, depth+1)
			}
		}
	}
}

func isInCycle(c *asyncview.Call) bool { return c.InCycle }

// branch adds a call and what is below it.
func (b *rowBuilder) branch(c *asyncview.Call, depth int) {
	ref := refOf(c)
	if b.add(row{key: foldKey{ref: ref}, depth: depth, call: c, foldable: len(b.below[ref]) > 0}) {
		b.tree(ref, depth+1)
	}
}

// groupsOf sorts the calls below one by scope and name.
func groupsOf(below []*asyncview.Call, parent asyncview.Ref) map[foldKey][]*asyncview.Call {
	groups := make(map[foldKey][]*asyncview.Call)
	if len(below) < minFold {
		return groups
	}
	for _, c := range below {
		key := foldKey{ref: parent, scope: c.Scope, name: c.Name, group: true}
		groups[key] = append(groups[key], c)
	}
	return groups
}

// totalOf sums up calls of one name.
func totalOf(members []*asyncview.Call) *asyncview.Total {
	t := &asyncview.Total{Scope: members[0].Scope, Name: members[0].Name, Count: len(members)}
	for _, c := range members {
		if t.Began.IsZero() || c.Began.Before(t.Began) {
			t.Began, t.Oldest = c.Began, c.ID
		}
		switch c.State {
		case asyncview.Queued:
			t.Queued++
		case asyncview.Running:
			t.Running++
		case asyncview.Lent:
			t.Lent++
		case asyncview.Stopping:
			t.Stopping++
		case asyncview.Ending:
			t.Ending++
		}
	}
	return t
}

// scopeName returns the name of a scope, fit for the terminal.
func (p *picture) scopeName(key int) string {
	s := p.scopes[key]
	switch {
	case key == 0:
		return "another scope"
	case s == nil:
		return "scope " + count(key)
	case s.Name == "":
		return "scope " + count(key) + " (no name)"
	}
	return plain.Name(s.Name)
}

// callName names a call as the library does.
func (p *picture) callName(ref asyncview.Ref) string {
	if c := p.byRef[ref]; c != nil {
		return "#" + id(c.ID) + " " + nameOf(c.Name)
	}
	return "#" + id(ref.Call)
}

// nameOf returns the name of a call, fit for the terminal.
func nameOf(name string) string {
	if name == "" {
		return "call"
	}
	return plain.Name(name)
}
