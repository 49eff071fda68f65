package async

import (
	"context"
	"fmt"
	"iter"
	"math"
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
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
	q       latch.Queue
	entries [][]entry[K] // firstEntries, then moreEntries each
	used    int          // entries that have ever been used
	free    *latch.Node  // the nodes of free entries, linked by next
	ends    map[*latch.Node]*contextEnd
	epoch   atomic.Int64 // how often the set was released; changes under the lock. Its 2^63 last for ever
}

// A contextEnd stands for a member that is a context and has not been seen to
// have ended.
type contextEnd struct {
	done <-chan struct{}
	stop func() bool // ends the registration at the context; nil until there is one
}

// An entry is a member of a set; its node's i says which.
type entry[K any] struct {
	latch.Node
	key K
}

const (
	firstEntries = 8
	moreEntries  = 146 // with a key of 8 bytes they fill 8 KiB
)

// Add enters w under key. Its completion comes out of Next once; the same key or
// the same w added twice comes out twice. What is complete already can be taken
// at once. Members may be of any kind, see [Waitable]: those of this package cost
// no goroutine and at most 64 bytes with a small key; contexts what
// [context.AfterFunc] costs; a channel costs each Next its share of a
// reflect.Select.
//
// Add may be called while others wait in Next, and after Release. It panics where
// w is nil, and where the set has 2,147,483,647 members.
func (s *Set[K]) Add(key K, w Waitable) {
	l, _, own := nativeOf(w)
	switch {
	case w == nil || own && l == nil:
		panic(fmt.Sprintf("async: nil Waitable added to a Set under %v", key))
	case own:
		s.addLatch(key, l)
		return
	}
	if ctx, ok := w.(context.Context); ok {
		s.addContext(ctx, key)
		return
	}
	ch := w.Done() // before the lock: it may be anybody's code
	s.q.Mu.Lock()
	s.q.AddForeignLocked(s.enterLocked(key), ch)
	s.q.Mu.Unlock()
}

// addLatch links a node without the lock, which comes after that of a latch.
func (s *Set[K]) addLatch(key K, l *latch.Latch) {
	s.q.Mu.Lock()
	n := s.enterLocked(key)
	n.Reset(l, &s.q, int(n.Index))
	epoch := s.epoch.Load()
	s.q.Mu.Unlock()
	if !l.Link(n) {
		s.q.Fire(n)
	} else if s.epoch.Load() != epoch { // released meanwhile, which may have missed n
		l.Unlink(n)
	}
}

// addContext registers at ctx without the lock: a foreign one is anybody's code.
func (s *Set[K]) addContext(ctx context.Context, key K) {
	e := &contextEnd{done: ctx.Done()}
	s.q.Mu.Lock()
	n := s.enterLocked(key)
	if s.ends == nil {
		s.ends = make(map[*latch.Node]*contextEnd)
	}
	s.ends[n] = e
	s.q.Mu.Unlock()
	if e.done == nil {
		return
	}
	stop := context.AfterFunc(ctx, func() {
		s.q.Mu.Lock()
		defer s.q.Mu.Unlock()
		s.endedLocked(n, e)
	})
	s.q.Mu.Lock()
	if latch.Ready(e.done) {
		s.endedLocked(n, e)
	}
	waiting := s.ends[n] == e
	if waiting {
		e.stop = stop
	}
	s.q.Mu.Unlock()
	if !waiting {
		stop()
	}
}

// endedLocked completes a context's node, unless that was done before.
func (s *Set[K]) endedLocked(n *latch.Node, e *contextEnd) {
	if s.ends[n] == e {
		delete(s.ends, n)
		s.q.PushLocked(n)
	}
}

// enterLocked gives key an entry and returns its node, counted.
func (s *Set[K]) enterLocked(key K) *latch.Node {
	n := s.free
	if n != nil {
		s.free = n.Next
	} else {
		n = s.growLocked()
	}
	n.Sink, n.Prompt = &s.q, true
	s.entry(int(n.Index)).key = key
	s.q.Size++
	return n
}

// growLocked returns a node that was never used. It panics, with the lock let go,
// where there is no number for it any more; see checkIndex.
func (s *Set[K]) growLocked() *latch.Node {
	switch {
	case s.used == math.MaxInt32:
		s.q.Mu.Unlock()
		latch.CheckIndex(s.used + 1)
	case s.used == 0:
		s.entries = append(s.entries, make([]entry[K], firstEntries))
	case s.used >= firstEntries && (s.used-firstEntries)%moreEntries == 0:
		s.entries = append(s.entries, make([]entry[K], moreEntries))
	}
	n := &s.entry(s.used).Node
	n.Index = int32(s.used)
	s.used++
	return n
}

func (s *Set[K]) entry(i int) *entry[K] {
	if i < firstEntries {
		return &s.entries[0][i]
	}
	i -= firstEntries
	return &s.entries[1+i/moreEntries][i%moreEntries]
}

// takeLocked takes what came out of the queue: its key, and the latch that is to
// be settled, if any (L6). The entry is free then.
func (s *Set[K]) takeLocked(n *latch.Node, key *K) (early *latch.Latch) {
	if n.Early {
		early = n.Of
	}
	m := s.entry(int(n.Index))
	var zero K
	*key, m.key = m.key, zero
	n.Of, n.Next, s.free = nil, s.free, n
	return early
}

// Next takes the next completion and returns its key: at once where there is
// one, even if ctx is done (R6). Where the set is empty, or becomes it while Next
// waits, it returns [ErrNothingToWait]. When ctx ends first it returns a
// [*WaitError] and leaves nothing behind. Several goroutines may wait in Next;
// each completion goes to one of them, in no particular order of theirs.
func (s *Set[K]) Next(ctx context.Context) (K, error) { return s.next(ctx, nil) }

func (s *Set[K]) next(ctx context.Context, sl *latch.Sleeper) (key K, err error) {
	u := untilDone(ctx)
	s.q.Mu.Lock()
	n, empty := s.q.NextLocked(sl, u)
	if n == nil && !empty {
		n = s.lookLocked() // R6
	}
	return s.took(n, func() error {
		if empty {
			return ErrNothingToWait
		}
		return contextWaitError(ctx, nil)
	})
}

// took ends a Next, which holds the lock, with the node that it got or with the
// error that it did not.
func (s *Set[K]) took(n *latch.Node, none func() error) (key K, err error) {
	if n == nil {
		s.q.Mu.Unlock()
		return key, none()
	}
	early := s.takeLocked(n, &key)
	s.q.Mu.Unlock()
	if early != nil {
		early.Settle()
	}
	return key, nil
}

// lookLocked looks at the members whose completion comes by a goroutine, which
// may be late: contexts.
func (s *Set[K]) lookLocked() *latch.Node {
	for n, e := range s.ends {
		if latch.Ready(e.done) {
			s.endedLocked(n, e)
		}
	}
	return s.q.TakeLocked()
}

// TryNext takes the next completion if there is one. Where there is none it looks
// at each member that is a context or a channel.
func (s *Set[K]) TryNext() (key K, ok bool) {
	s.q.Mu.Lock()
	n := s.q.TakeLocked()
	if n == nil {
		n = s.lookLocked()
	}
	key, err := s.took(n, func() error { return ErrNothingToWait })
	return key, err == nil
}

// All ranges over the keys in the order of completion, waiting for each, until
// the set is empty, or ctx is done and nothing in it is complete (R6). What it did
// not yield stays in the set, and more may be added meanwhile (W5).
func (s *Set[K]) All(ctx context.Context) iter.Seq[K] {
	return func(yield func(K) bool) {
		sl := latch.NewSleeper()
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
	s.q.Mu.Lock()
	defer s.q.Mu.Unlock()
	return s.q.Size
}

// Release empties the set: it unlinks everything and drops what is complete and
// not taken. A Next that waits returns [ErrNothingToWait]. The set can be used
// again.
func (s *Set[K]) Release() {
	s.q.Mu.Lock()
	entries, ends := s.entries, s.ends
	for i := range s.used {
		s.entry(i).Node.Index = -1 // Q2
	}
	s.entries, s.used, s.free, s.ends = nil, 0, nil, nil
	s.q.First, s.q.Last, s.q.Foreign = nil, nil, nil
	sched.Point("withdraw")
	s.epoch.Add(1)
	s.q.ShrinkLocked(s.q.Size)
	s.q.Mu.Unlock()

	for _, part := range entries {
		for i := range part {
			if n := &part[i].Node; n.Of != nil {
				n.Of.Unlink(n)
			}
		}
	}
	for _, e := range ends {
		if e.stop != nil {
			e.stop()
		}
	}
}
