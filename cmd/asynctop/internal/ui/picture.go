package ui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// This file makes a report ready to be shown: which calls, in which order, who is below
// whom. What is a row of the list is in rows.go.

// ByCount is an order that the server does not have: the name with the most calls first.
const ByCount asyncview.Sort = "count"

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
