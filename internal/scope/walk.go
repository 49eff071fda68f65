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
// What the body is given may have left the list by then, and asks the member itself.
//
//	the list    a   b   from   c   d   e   …   z   to   f   g
//	            been there     the next portion         entered since the loop began
//
// A cursor may stand anywhere, also in front of the head of the queue. So code that follows
// the links of a list asks isCursor, or looks for a state that no cursor has.
//
// Rejected: to copy the list under the lock. A million pointers take milliseconds, in which
// no call of the scope begins, waits or returns.

// portion is how many members are looked at while the lock is held. A hub may have a
// million members, and must not stand still for a goroutine that counts them.
const portion = 64

// Members ranges over the members in the list, in the order of entering. Members that
// enter meanwhile are not included.
func (h *Hub) Members() iter.Seq[*Member] {
	return h.since(func() (before *Member, some bool) { return nil, true })
}

// queued ranges over the members from the head of the queue on, which are the members in
// the queue and others between them. Members that enter meanwhile are not included.
func (h *Hub) queued() iter.Seq[*Member] {
	return h.since(func() (before *Member, some bool) {
		if h.queue.head == nil {
			return nil, false
		}
		return list.Prev(h.queue.head), true
	})
}

// since ranges over the members that are in the list when the loop begins, from one on. A
// second cursor marks the end, or a scope that begins calls faster than they are looked at
// would keep the loop for ever. first is called under the lock, and returns the member
// before the first, nil where the list begins with the first; some is false where there is
// nothing to range over.
func (h *Hub) since(first func() (before *Member, some bool)) iter.Seq[*Member] {
	return func(yield func(*Member) bool) {
		from, to := new(Member), new(Member)
		begin := func() {
			if before, some := first(); some {
				list.Insert(&h.members, from, before)
				list.Push(&h.members, to)
			}
		}
		defer func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			list.Remove(&h.members, to)
		}()
		walk(h, &h.members, from, begin, (*Member).isCursor, func(m *Member) bool { return m == to }, yield)
	}
}

// A keep is the link of a member in the list of members that have a handle. A cursor in
// that list has no member.
type keep struct {
	links list.Links[keep]
	m     *Member
}

// Links makes a keep an element of a list.
func (k *keep) Links() *list.Links[keep] { return &k.links }

func (k *keep) isCursor() bool { return k.m == nil }

type keeps = list.List[keep]

// Keep enters the member in the list of members that have a handle, which is in the order
// of the numbers. Again, Keep does nothing. The last places are looked at first: most
// members are kept in the order in which they were admitted.
func (m *Member) Keep() {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	m.keepLocked()
}

func (m *Member) keepLocked() {
	h := m.hub
	k := &m.extras().kept
	if list.Has(&h.kept, k) {
		return
	}
	at := list.Last(&h.kept)
	for at != nil && (at.isCursor() || at.m.id > m.id) {
		at = list.Prev(at)
	}
	k.m = m
	list.Insert(&h.kept, k, at)
}

// Unkeep takes the member out of that list where gone, which is called under the lock,
// reports that no handle is left.
func (m *Member) Unkeep(gone func() bool) {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	if m.extra != nil && gone() {
		list.Remove(&m.hub.kept, &m.extra.kept)
	}
}

// Kept ranges over the members that have a handle, in the order of their numbers. Members
// that are admitted meanwhile are not included.
func (h *Hub) Kept() iter.Seq[*Member] {
	return func(yield func(*Member) bool) {
		from, last := new(keep), uint64(0)
		begin := func() {
			list.Insert(&h.kept, from, nil)
			last = h.begun
		}
		later := func(k *keep) bool { return !k.isCursor() && k.m.id > last }
		walk(h, &h.kept, from, begin, (*keep).isCursor, later, func(k *keep) bool { return yield(k.m) })
	}
}

// walk calls yield for the elements of l behind a cursor, in order, up to the first that
// end is true of. begin puts the cursor into the list; where begin does not, there is
// nothing to walk. begin, isCursor and end are called under the lock, and yield without.
func walk[T any, P list.Element[T]](h *Hub, l *list.List[T], from P, begin func(), isCursor, end, yield func(P) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	begin()
	defer list.Remove(l, from)
	var room [portion]P
	for {
		some := advance(l, from, room[:0], isCursor, end)
		if len(some) == 0 || !unlocked(h, some, yield) {
			return
		}
	}
}

// unlocked calls yield for some elements, and reports whether the loop goes on. The lock is
// free meanwhile, and held again when unlocked ends, however yield does.
func unlocked[P any](h *Hub, some []P, yield func(P) bool) bool {
	h.mu.Unlock()
	defer h.mu.Lock()
	for _, x := range some {
		if !yield(x) {
			return false
		}
	}
	return true
}

// advance appends the elements behind a cursor to some, until some is full, and moves the
// cursor behind the last of them. It steps over other cursors, and stops before an element
// that end is true of. It is called under the lock.
func advance[T any, P list.Element[T]](l *list.List[T], cursor P, some []P, isCursor, end func(P) bool) []P {
	for x := list.Next(cursor); x != nil && len(some) < cap(some) && !end(x); x = list.Next(x) {
		if !isCursor(x) {
			some = append(some, x)
		}
	}
	if n := len(some); n > 0 {
		list.Remove(l, cursor)
		list.Insert(l, cursor, some[n-1])
	}
	return some
}
