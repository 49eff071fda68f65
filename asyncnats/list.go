package asyncnats

// A list has elements that are in one list at most, in the order in which they were
// pushed. Pushing and leaving take constant time and allocate nothing: an element
// embeds its link. Whoever owns the elements guards all their lists by one lock.
type list[E element[E]] struct {
	first, last E
	n           int
}

// An element is a pointer to what embeds a link.
type element[E element[E]] interface {
	comparable
	place() *link[E]
}

// A link is an element's place in a list. The zero value is in none.
type link[E element[E]] struct {
	in         *list[E]
	prev, next E
}

func (k *link[E]) place() *link[E] { return k }

func (l *list[E]) len() int { return l.n }

// front returns the element that was pushed first of those in the list, or nil.
func (l *list[E]) front() E { return l.first }

// push puts an element at the end, and takes it out of the list that it was in.
func (l *list[E]) push(e E) {
	leave(e)
	k := e.place()
	k.in, k.prev = l, l.last
	if l.n == 0 {
		l.first = e
	} else {
		l.last.place().next = e
	}
	l.last = e
	l.n++
}

// leave takes an element out of its list, if it is in one.
func leave[E element[E]](e E) {
	var none E
	k := e.place()
	l := k.in
	if l == nil {
		return
	}
	if k.prev == none {
		l.first = k.next
	} else {
		k.prev.place().next = k.next
	}
	if k.next == none {
		l.last = k.prev
	} else {
		k.next.place().prev = k.prev
	}
	*k = link[E]{}
	l.n--
}

// all ranges over the elements from the first to the last. The loop may take out the
// element that it is at.
func (l *list[E]) all(yield func(E) bool) {
	var none E
	for e := l.first; e != none; {
		next := e.place().next
		if !yield(e) {
			return
		}
		e = next
	}
}
