package async

// A taskList is a list of tasks in order.
type taskList struct{ first, last *task }

func (l *taskList) push(t *task) { l.insert(t, l.last) }

// insert puts t behind at, or first where that is nil.
func (l *taskList) insert(t, at *task) {
	t.prev = at
	if at == nil {
		t.next, l.first = l.first, t
	} else {
		t.next, at.next = at.next, t
	}
	if t.next == nil {
		l.last = t
	} else {
		t.next.prev = t
	}
}

func (l *taskList) remove(t *task) {
	if t.prev == nil {
		l.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.next, t.prev = nil, nil
}

// A chain is a list of some of a scope's tasks, beside that of all: of those with a
// handle, or of those that wait with one context. A task is in a chain by a link.
// Both are guarded by the scope's mu.
type chain struct{ first, last *link }

// A link is in one chain, or in none.
type link struct {
	next, prev *link
	t          *task // nil for a link that is in none; without a core for a cursor
}

func (c *chain) push(l *link, t *task) { c.insert(l, t, c.last) }

// insert puts t behind at, by l, or first where at is nil.
func (c *chain) insert(l *link, t *task, at *link) {
	l.t, l.prev = t, at
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

// insertByID puts t, by l, behind the tasks that began before it, unless l is in
// already. The chain is in the order of the calls.
func (c *chain) insertByID(l *link, t *task) {
	if l.t != nil {
		return
	}
	at := c.last
	for at != nil && (at.t.core == nil || at.t.id > t.id) {
		at = at.prev
	}
	c.insert(l, t, at)
}

// remove takes l out, where it is in.
func (c *chain) remove(l *link) {
	if l.t == nil {
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

// after returns the next tasks behind a cursor, as many as a portion is, up to the
// first that is not wanted, and moves the cursor behind them. A cursor that is in no
// chain stands before the first.
func (c *chain) after(cursor *link, wants func(t *task) bool) (some []*task) {
	next, at := c.first, (*link)(nil)
	if cursor.t != nil {
		next = cursor.next
	}
	for ; next != nil && len(some) < portion; next = next.next {
		if next.t.core == nil {
			continue // a cursor, too
		}
		if !wants(next.t) {
			break
		}
		some, at = append(some, next.t), next
	}
	if at != nil {
		c.remove(cursor)
		c.insert(cursor, new(task), at)
	}
	return some
}

// portion is how many tasks are looked at while the scope's mu is held. Who has to
// look at more lets go of mu in between: a scope may have a million calls, and does
// not stand still for one who counts them.
const portion = 64
