package scope

import (
	"iter"

	"github.com/seed4712c49f/async/internal/list"
)

// This file has the loops over many members, and nothing else that does as much: the
// calls in flight, the calls that have a handle, and the queue when it is ended (T7).
//
// A loop looks at a portion of a list under the lock, and lets go of the lock before the
// body runs. A cursor keeps the place of the loop in the list meanwhile. A cursor is an
// element of the list that stands for no job: every reader of a list steps over cursors.

// portion is how many members are looked at while the lock is held. A hub may have a
// million members, and must not stand still for a goroutine that counts them.
const portion = 64

// Members ranges over the members in the list, in the order of entering. Members that
// enter meanwhile are included.
func (h *Hub) Members() iter.Seq[*Member] {
	return func(yield func(*Member) bool) {
		from := new(Member)
		h.mu.Lock()
		h.members.Insert(from, nil)
		h.mu.Unlock()
		h.walk(from, new(Member), yield)
	}
}

// queued ranges over the members from the head of the queue on, which are the members in
// the queue and others between them. Members that enter meanwhile are not included.
func (h *Hub) queued() iter.Seq[*Member] {
	return func(yield func(*Member) bool) {
		from, to := new(Member), new(Member)
		h.mu.Lock()
		if head := h.queue.head; head != nil {
			h.members.Insert(from, h.members.Prev(head))
			h.members.Push(to)
		}
		h.mu.Unlock()
		h.walk(from, to, yield)
	}
}

// walk calls yield for the members between two cursors, in order, and takes the cursors
// out of the list. A cursor that is not in the list is of no effect: without from there
// is nothing to walk, and without to the walk ends with the list.
func (h *Hub) walk(from, to *Member, yield func(*Member) bool) {
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.members.Remove(from)
		h.members.Remove(to)
	}()
	var room [portion]*Member
	for {
		some := h.nextMembers(from, to, room[:0])
		if len(some) == 0 {
			return
		}
		for _, m := range some {
			if !yield(m) {
				return
			}
		}
	}
}

func (h *Hub) nextMembers(from, to *Member, some []*Member) []*Member {
	h.mu.Lock()
	defer h.mu.Unlock()
	return advance(&h.members, from, some, (*Member).isCursor, func(m *Member) bool { return m == to })
}

// A keep is the link of a member in the list of members that have a handle. A cursor in
// that list has no member.
type keep struct {
	list.Links[keep]
	m *Member
}

func (k *keep) isCursor() bool { return k.m == nil }

type keeps = list.List[keep, *keep]

// Keep enters the member in the list of members that have a handle, which is in the order
// of the numbers. Again, Keep does nothing. The last places are looked at first: most
// members are kept in the order in which they were admitted.
func (m *Member) Keep() {
	h := m.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	k := &m.extras().kept
	if h.kept.Has(k) {
		return
	}
	at := h.kept.Last()
	for at != nil && (at.isCursor() || at.m.id > m.id) {
		at = h.kept.Prev(at)
	}
	k.m = m
	h.kept.Insert(k, at)
}

// Unkeep takes the member out of that list where gone, which is called under the lock,
// reports that no handle is left.
func (m *Member) Unkeep(gone func() bool) {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	if m.extra != nil && gone() {
		m.hub.kept.Remove(&m.extra.kept)
	}
}

// Kept ranges over the members that have a handle, in the order of their numbers. Members
// that are admitted meanwhile are not included.
func (h *Hub) Kept() iter.Seq[*Member] {
	return func(yield func(*Member) bool) {
		cursor := new(keep)
		h.mu.Lock()
		h.kept.Insert(cursor, nil)
		last := h.begun
		h.mu.Unlock()
		defer func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.kept.Remove(cursor)
		}()
		var room [portion]*keep
		for {
			some := h.nextKept(cursor, room[:0], last)
			if len(some) == 0 {
				return
			}
			for _, k := range some {
				if !yield(k.m) {
					return
				}
			}
		}
	}
}

func (h *Hub) nextKept(cursor *keep, some []*keep, last uint64) []*keep {
	h.mu.Lock()
	defer h.mu.Unlock()
	return advance(&h.kept, cursor, some, (*keep).isCursor, func(k *keep) bool { return !k.isCursor() && k.m.id > last })
}

// advance appends the elements behind a cursor to some, until some is full, and moves the
// cursor behind the last of them. It steps over other cursors, and stops before an element
// that end is true of. It is called under the lock.
func advance[T any, P list.Element[T]](l *list.List[T, P], cursor P, some []P, isCursor, end func(P) bool) []P {
	for x := l.Next(cursor); x != nil && len(some) < cap(some) && !end(x); x = l.Next(x) {
		if !isCursor(x) {
			some = append(some, x)
		}
	}
	if n := len(some); n > 0 {
		l.Remove(cursor)
		l.Insert(cursor, some[n-1])
	}
	return some
}
