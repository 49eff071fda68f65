package asyncnats

// A list has elements that are in one list at most, in the order in which they were
// pushed. Pushing and removing take constant time and allocate nothing: an element
// embeds its link. Whoever owns the elements guards all their lists by one lock.
type list[T any] struct {
	first, last *link[T]
	n           int
}

// A link is an element's place in a list. The zero value is in none.
type link[T any] struct {
	of         *T
	in         *list[T]
	prev, next *link[T]
}

func (l *list[T]) len() int { return l.n }

// front returns the element that was pushed first of those in the list, or nil.
func (l *list[T]) front() *T {
	if l.first == nil {
		return nil
	}
	return l.first.of
}

// push puts the element e, whose link is k, at the end, and takes it out of the list
// that it was in.
func (l *list[T]) push(e *T, k *link[T]) {
	k.leave()
	k.of, k.in, k.prev = e, l, l.last
	if l.last == nil {
		l.first = k
	} else {
		l.last.next = k
	}
	l.last = k
	l.n++
}

// leave takes the element out of its list, if it is in one.
func (k *link[T]) leave() {
	l := k.in
	if l == nil {
		return
	}
	if k.prev == nil {
		l.first = k.next
	} else {
		k.prev.next = k.next
	}
	if k.next == nil {
		l.last = k.prev
	} else {
		k.next.prev = k.prev
	}
	k.in, k.prev, k.next = nil, nil, nil
	l.n--
}

// all ranges over the elements from the first to the last. The loop may take out the
// element that it is at.
func (l *list[T]) all(yield func(*T) bool) {
	for k := l.first; k != nil; {
		next := k.next
		if !yield(k.of) {
			return
		}
		k = next
	}
}
