package async

import (
	"context"
	"fmt"
	"iter"
)

// A Set waits for many things and hands out their keys in the order in which
// they complete. What is added is registered once, so taking one after the
// other costs the same each, whatever the size: it is the tool for more than one
// answer, and for members that come and go. The zero value is an empty set, ready
// for use. It must not be copied. Its methods may be called by any number of
// goroutines at the same time.
//
// The set holds its members until they were taken or the set was released, but
// not by their counts: a call whose last reference is released is abandoned
// although it is in a set. Nothing is taken from a member or done to it.
type Set[K any] struct {
	q     queue
	slots [][]slot[K] // firstSlots, then moreSlots each
	used  int         // slots that have ever been used
	free  *node       // the nodes of free slots, linked by next
	ends  map[*node]*contextEnd
}

// A contextEnd stands for a context in a set: a latch that is set when it ends.
type contextEnd struct {
	latch
	done <-chan struct{}
	stop func() bool // ends the registration at the context; nil where there is none
}

func newContextEnd(ctx context.Context) *contextEnd {
	e := &contextEnd{done: ctx.Done()}
	switch {
	case e.done == nil:
	case ready(e.done):
		e.set()
	default:
		e.stop = context.AfterFunc(ctx, func() { e.set() })
	}
	return e
}

// A slot is a member of a set; its node's i says which.
type slot[K any] struct {
	node
	key K
}

const (
	firstSlots = 8
	moreSlots  = 146 // with a key of 8 bytes they fill 8 KiB
)

// Add enters w under key. Its completion comes out of Next once; the same key or
// the same w added twice comes out twice. What is complete already can be taken
// at once. Members may be of any kind, see [Waitable]: those of this package cost
// no goroutine and at most 64 bytes with a small key; contexts what
// [context.AfterFunc] costs; a channel costs each Next its share of a
// reflect.Select.
//
// Add may be called while others wait in Next, and after Release. It panics where
// w is nil.
func (s *Set[K]) Add(key K, w Waitable) {
	switch w := w.(type) {
	case native:
		if l := w.source(); l != nil {
			s.enter(key, func(n *node) { s.q.addLocked(n, l) })
			return
		}
	case context.Context:
		e := newContextEnd(w)
		s.enter(key, func(n *node) {
			if s.ends == nil {
				s.ends = make(map[*node]*contextEnd)
			}
			s.ends[n] = e
			s.q.addLocked(n, &e.latch)
		})
		return
	case nil:
	default:
		ch := w.Done()
		s.enter(key, func(n *node) { s.q.addForeignLocked(n, ch) })
		return
	}
	panic(fmt.Sprintf("async: nil Waitable added to a Set under %v", key))
}

// enter gives key a slot and has add enter its node.
func (s *Set[K]) enter(key K, add func(*node)) {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	n := s.free
	if n != nil {
		s.free = n.next
	} else {
		n = s.growLocked()
	}
	s.slot(int(n.i)).key = key
	add(n)
}

// growLocked returns a node that was never used.
func (s *Set[K]) growLocked() *node {
	switch {
	case s.used == 0:
		s.slots = append(s.slots, make([]slot[K], firstSlots))
	case s.used >= firstSlots && (s.used-firstSlots)%moreSlots == 0:
		s.slots = append(s.slots, make([]slot[K], moreSlots))
	}
	n := &s.slot(s.used).node
	n.i = int32(s.used)
	s.used++
	return n
}

func (s *Set[K]) slot(i int) *slot[K] {
	if i < firstSlots {
		return &s.slots[0][i]
	}
	i -= firstSlots
	return &s.slots[1+i/moreSlots][i%moreSlots]
}

// takeLocked returns the key of a node that came out of the queue and frees its
// slot.
func (s *Set[K]) takeLocked(n *node) (key K) {
	m := s.slot(int(n.i))
	var zero K
	key, m.key = m.key, zero
	n.l, n.next, s.free = nil, s.free, n
	delete(s.ends, n)
	return key
}

// Next takes the next completion and returns its key: at once where there is
// one, even if ctx is done (R6). Where the set is empty, or becomes it while Next
// waits, it returns [ErrNothingToWait]. When ctx ends first it returns a
// [*WaitError] and leaves nothing behind. Several goroutines may wait in Next;
// each completion goes to one of them, in no particular order of theirs.
func (s *Set[K]) Next(ctx context.Context) (K, error) { return s.next(ctx, nil) }

func (s *Set[K]) next(ctx context.Context, sl *sleeper) (key K, err error) {
	done := ctx.Done()
	n, empty := s.nextNode(sl, done, &key)
	if n == nil && !empty && s.syncContexts() {
		n, empty = s.nextNode(sl, done, &key)
	}
	switch {
	case n != nil:
		return key, nil
	case empty:
		return key, ErrNothingToWait
	}
	return key, contextWaitError(ctx, nil)
}

func (s *Set[K]) nextNode(sl *sleeper, done <-chan struct{}, key *K) (n *node, empty bool) {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	if n, empty = s.q.nextLocked(sl, done); n != nil {
		*key = s.takeLocked(n)
	}
	return n, empty
}

// syncContexts brings in the members that are contexts and have ended: their own
// word comes by a goroutine and may be late. It reports whether there were any.
func (s *Set[K]) syncContexts() bool {
	var ended []*contextEnd
	s.q.mu.Lock()
	for _, e := range s.ends {
		if ready(e.done) {
			ended = append(ended, e)
		}
	}
	s.q.mu.Unlock()
	for _, e := range ended {
		e.set()
	}
	return len(ended) > 0
}

// TryNext takes the next completion if there is one. Where there is none it looks
// at each member that is a context or a channel.
func (s *Set[K]) TryNext() (key K, ok bool) {
	ok = s.tryNext(&key) || s.syncContexts() && s.tryNext(&key)
	return key, ok
}

func (s *Set[K]) tryNext(key *K) bool {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	n := s.q.takeLocked()
	if n != nil {
		*key = s.takeLocked(n)
	}
	return n != nil
}

// All ranges over the keys in the order of completion, waiting for each, until
// the set is empty or ctx is done. What it did not yield stays in the set, and
// more may be added meanwhile (W5).
func (s *Set[K]) All(ctx context.Context) iter.Seq[K] {
	return func(yield func(K) bool) {
		sl := newSleeper()
		for {
			key, err := s.next(ctx, sl)
			if err != nil || !yield(key) {
				return
			}
		}
	}
}

// Len returns how many members have not been taken, complete or not.
func (s *Set[K]) Len() int {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	return s.q.size
}

// Release empties the set: it unlinks everything and drops what is complete and
// not taken. A Next that waits returns [ErrNothingToWait]. The set can be used
// again.
func (s *Set[K]) Release() {
	for _, e := range s.reset() {
		if e.stop != nil {
			e.stop()
		}
	}
}

// reset empties the set and returns what is still registered at contexts.
func (s *Set[K]) reset() (ends map[*node]*contextEnd) {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	for i := range s.used {
		n := &s.slot(i).node
		if n.l != nil {
			n.l.unlink(n)
		}
		n.i = -1 // Q2
	}
	ends = s.ends
	s.slots, s.used, s.free, s.ends = nil, 0, nil, nil
	s.q.first, s.q.last, s.q.foreign = nil, nil, nil
	s.q.shrinkLocked(s.q.size)
	return ends
}
