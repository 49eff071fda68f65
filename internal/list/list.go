// Package list has a list whose elements carry their own links. An element enters and
// leaves in constant time, without an allocation. Package scope keeps its members and
// its waiters in such lists, and the Map of package async its inputs.
//
// The package has no lock. The owner of a list guards the list together with the
// elements in it.
package list

// Links tie an element to its neighbors. A type that embeds Links[T], where T is the
// type itself, can be an element of one list at a time. The zero value is in no list.
type Links[T any] struct{ next, prev *T }

func (l *Links[T]) links() *Links[T] { return l }

// An Element is a pointer to a type that embeds [Links].
type Element[T any] interface {
	*T
	links() *Links[T]
}

// A List is elements in order. The zero List is empty and ready for use. It must not be
// copied.
//
//	first ──▶ x ──next──▶ y ──next──▶ z ◀── last
//	            ◀──prev──   ◀──prev──
//
// Invariant: the next of the last element and the prev of the first are nil, and so are
// both links of an element that is in no list. So Has needs no mark in the element. Has
// and Remove therefore ask the list that the element is in, or none.
type List[T any, P Element[T]] struct{ first, last P }

// First returns the first element, or nil.
func (l *List[T, P]) First() P { return l.first }

// Last returns the last element, or nil.
func (l *List[T, P]) Last() P { return l.last }

// Next returns the element behind x, or nil. An x that is in no list has none.
func (l *List[T, P]) Next(x P) P { return x.links().next }

// Prev returns the element before x, or nil. An x that is in no list has none.
func (l *List[T, P]) Prev(x P) P { return x.links().prev }

// Has reports whether x is in the list.
func (l *List[T, P]) Has(x P) bool { return x.links().prev != nil || l.first == x }

// Push makes x the last element. x is in no list before.
func (l *List[T, P]) Push(x P) { l.Insert(x, l.last) }

// Insert puts x behind at, or first where at is nil. x is in no list before.
func (l *List[T, P]) Insert(x, at P) {
	in := x.links()
	in.prev = at
	if at == nil {
		in.next, l.first = l.first, x
	} else {
		at := at.links()
		in.next, at.next = at.next, x
	}
	if in.next == nil {
		l.last = x
	} else {
		P(in.next).links().prev = x
	}
}

// Remove takes x out of the list. Where x is in no list, Remove does nothing.
func (l *List[T, P]) Remove(x P) {
	if !l.Has(x) {
		return
	}
	out := x.links()
	if out.prev == nil {
		l.first = out.next
	} else {
		P(out.prev).links().next = out.next
	}
	if out.next == nil {
		l.last = out.prev
	} else {
		P(out.next).links().prev = out.prev
	}
	*out = Links[T]{}
}
