package ui

import (
	"slices"

	"github.com/seed4712c49f/async/asyncview"
)

// This file makes the rows of the list of calls: as a tree, by name, or each for itself, with
// what is folded left out.

// minFold is how many calls of one name below one parent are one row until it is unfolded.
const minFold = 4

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
