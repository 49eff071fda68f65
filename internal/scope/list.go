package scope

// This file holds the two kinds of list that a hub has. Both are guarded by the lock of
// the hub, and in both a cursor may stand between members: a place where a loop goes on
// that lets go of the lock.

// portion is how many members are looked at while the lock is held. A goroutine that has
// to look at more lets go of the lock in between: a hub may have a million members, and
// does not stand still for one who counts them.
const portion = 64

// A list is members in order, linked by next and prev.
type list struct{ first, last *Member }

func (l *list) push(m *Member) { l.insert(m, l.last) }

// insert puts m behind at, or first where at is nil.
func (l *list) insert(m, at *Member) {
	m.prev = at
	if at == nil {
		m.next, l.first = l.first, m
	} else {
		m.next, at.next = at.next, m
	}
	if m.next == nil {
		l.last = m
	} else {
		m.next.prev = m
	}
}

func (l *list) remove(m *Member) {
	if m.prev == nil {
		l.first = m.next
	} else {
		m.prev.next = m.next
	}
	if m.next == nil {
		l.last = m.prev
	} else {
		m.next.prev = m.prev
	}
	m.next, m.prev = nil, nil
}

// A chain is some of the members, beside the list of all: the members with a handle, or
// those that wait with one context. A member is in a chain by a link.
type chain struct{ first, last *link }

// A link is in one chain, or in none.
type link struct {
	next, prev *link
	m          *Member // nil for a link that is in none; without a hub for a cursor
}

func (c *chain) push(l *link, m *Member) { c.insert(l, m, c.last) }

// insert puts m, by l, behind at, or first where at is nil.
func (c *chain) insert(l *link, m *Member, at *link) {
	l.m, l.prev = m, at
	if at == nil {
		l.next, c.first = c.first, l
	} else {
		l.next, at.next = at.next, l
	}
	if l.next == nil {
		c.last = l
	} else {
		l.next.prev = l
	}
}

// insertByID puts m, by l, behind the members with lower numbers, unless l is in
// already.
func (c *chain) insertByID(l *link, m *Member) {
	if l.m != nil {
		return
	}
	at := c.last
	for at != nil && (at.m.isCursor() || at.m.id > m.id) {
		at = at.prev
	}
	c.insert(l, m, at)
}

// remove takes l out, where l is in.
func (c *chain) remove(l *link) {
	if l.m == nil {
		return
	}
	if l.prev == nil {
		c.first = l.next
	} else {
		l.prev.next = l.next
	}
	if l.next == nil {
		c.last = l.prev
	} else {
		l.next.prev = l.prev
	}
	*l = link{}
}

// after returns the next members behind a cursor, as many as a portion is, up to the
// first that is not wanted, and moves the cursor behind them. A cursor that is in no
// chain stands before the first.
func (c *chain) after(cursor *link, wants func(m *Member) bool) (some []*Member) {
	next, at := c.first, (*link)(nil)
	if cursor.m != nil {
		next = cursor.next
	}
	for ; next != nil && len(some) < portion; next = next.next {
		if next.m.isCursor() {
			continue // a cursor, too
		}
		if !wants(next.m) {
			break
		}
		some, at = append(some, next.m), next
	}
	if at != nil {
		c.remove(cursor)
		c.insert(cursor, new(Member), at)
	}
	return some
}
