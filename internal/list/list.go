// Package list has a list whose elements carry their own links. An element enters and
// leaves in constant time, without an allocation. Package scope keeps its members and
// its waiters in such lists, package parked its waits, and the Map of package async its
// inputs.
//
// The package has no lock. The owner of a list guards the list together with the
// elements in it.
//
// How a list is linked may change. Three things may not: an element that was removed is as
// good as new, every operation takes constant time, and none allocates. Cursors of package
// scope are removed and inserted again all the time.
package list

// The types have no methods, and what is done with a list is a function. The compiler makes
// the methods of a generic type again in each package that can reach the type, if only by
// the fields of a struct. As methods, the lists of a scope cost every user of package async
// a quarter of a megabyte of archive. A generic function is compiled only where it is called.

// Links tie an element to its neighbors. An element can be in one list at a time. The zero
// value is in no list.
type Links[T any] struct{ next, prev *T }

// An Element is a pointer to a type that has [Links] of that type.
type Element[T any] interface {
	*T
	Links() *Links[T]
}

// A List is elements in order. The zero List is empty and ready for use. It must not be
// copied.
//
//	first ──▶ x ──next──▶ y ──next──▶ z ◀── last
//	            ◀──prev──   ◀──prev──
//
// Invariant: the next of the last element and the prev of the first are nil, and so are
// both links of an element that is in no list. So Has needs no mark in the element: an
// element with a prev is in a list, and an element without is the first or in none.
//
// The links do not say in which list an element is. The caller of Has and Remove gives the
// list that the element is in, or any list where the element is in none. With another list,
// Has is wrong and Remove breaks both lists.
type List[T any] struct{ first, last *T }

// First returns the first element, or nil.
func First[T any](l *List[T]) *T { return l.first }

// Last returns the last element, or nil.
func Last[T any](l *List[T]) *T { return l.last }

// Next returns the element behind x, or nil. An x that is in no list has none.
func Next[T any, P Element[T]](x P) P { return x.Links().next }

// Prev returns the element before x, or nil. An x that is in no list has none.
func Prev[T any, P Element[T]](x P) P { return x.Links().prev }

// Has reports whether x is in the list.
func Has[T any, P Element[T]](l *List[T], x P) bool {
	return x.Links().prev != nil || l.first == (*T)(x)
}

// Push makes x the last element. x is in no list before.
func Push[T any, P Element[T]](l *List[T], x P) { Insert(l, x, P(l.last)) }

// Insert puts x behind at, or first where at is nil. x is in no list before.
func Insert[T any, P Element[T]](l *List[T], x, at P) {
	in := x.Links()
	in.prev = at
	if at == nil {
		in.next, l.first = l.first, x
	} else {
		at := at.Links()
		in.next, at.next = at.next, x
	}
	if in.next == nil {
		l.last = x
	} else {
		P(in.next).Links().prev = x
	}
}

// Remove takes x out of the list. Where x is in no list, Remove does nothing.
func Remove[T any, P Element[T]](l *List[T], x P) {
	if !Has(l, x) {
		return
	}
	out := x.Links()
	if out.prev == nil {
		l.first = out.next
	} else {
		P(out.prev).Links().next = out.next
	}
	if out.next == nil {
		l.last = out.prev
	} else {
		P(out.next).Links().prev = out.prev
	}
	*out = Links[T]{}
}
