package async

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/parked"
)

// This file has the set, and [FirstError], which waits by one. The order in which members
// come out, and which taker gets one, is that of [latch.Queue]; here are the keys, and the
// memory of the entries.
//
// An entry may not move once it was used: its node is linked at a latch, and queues know it.
// So entries stand in blocks, which are never copied.
//
//	entries   [0] ▢▢▢▢▢▢▢▢   [1] ▢▢▢ … ▢ (146)   [2] …
//	                        the number of a node says where its entry stands
//	never used ──growLocked──▶ member ──leaveLocked──▶ free, in the list of the queue
//	                              ▲───────enterLocked──────┘
//
// A set of a few members takes one small block, and a large one no more than the largest
// number of members that it ever had at once. Release drops all blocks.
//
// What may change: the sizes, and what an entry has beside its node. What may not: entries are
// looked at and written under the lock of the queue only, in the functions that the queue
// calls; and a node that the queue was given stays where it is until the queue was emptied.

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
	q       latch.Queue  // its lock guards the entries, too
	entries [][]entry[K] // firstEntries, then moreEntries each
	used    int          // entries that have ever been used
}

// An entry is a member of a set, and guarded by the lock of the queue. The number of
// its node says which entry it is.
type entry[K any] struct {
	latch.Node
	key K
}

// The sizes of the first block, and of all others.
const (
	firstEntries = 8   // most sets are small, and live for one function
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
	on, _, own := nativeOf(w)
	switch {
	case w == nil || own && on == nil:
		panic(fmt.Sprintf("async: nil Waitable added to a Set under %v", key))
	case own:
		s.addLatch(key, on.source())
		return
	}
	enter := func(free *latch.Node) *latch.Node { return s.enterLocked(free, key) }
	if ctx, ok := w.(context.Context); ok {
		s.q.AddContext(ctx, enter)
		return
	}
	s.q.AddChan(w.Done(), enter)
}

// addLatch enters a latch under key. The queue calls enterLocked once, under its lock. A latch
// that is set already can be taken at once.
func (s *Set[K]) addLatch(key K, l *latch.Latch) {
	s.q.Add(l, func(free *latch.Node) *latch.Node { return s.enterLocked(free, key) })
}

// enterLocked gives key an entry and returns its node: that of an entry which is free,
// or of one that was never used. The queue has the entries that are free.
func (s *Set[K]) enterLocked(free *latch.Node, key K) *latch.Node {
	if free == nil {
		free = s.growLocked()
	}
	s.entry(free.Index()).key = key
	return free
}

// growLocked returns a node that was never used. It panics where there is no number for
// it any more; see [latch.CheckIndex].
func (s *Set[K]) growLocked() *latch.Node {
	switch {
	case s.used == math.MaxInt32:
		latch.CheckIndex(s.used + 1)
	case s.used == 0:
		s.entries = append(s.entries, make([]entry[K], firstEntries))
	case s.used >= firstEntries && (s.used-firstEntries)%moreEntries == 0:
		s.entries = append(s.entries, make([]entry[K], moreEntries))
	}
	n := &s.entry(s.used).Node
	n.Number(s.used)
	s.used++
	return n
}

// entry returns the entry whose node has the number i.
func (s *Set[K]) entry(i int) *entry[K] {
	if i < firstEntries {
		return &s.entries[0][i]
	}
	i -= firstEntries
	return &s.entries[1+i/moreEntries][i%moreEntries]
}

// leaveLocked returns the key of a member that has come out. The entry is free then,
// and holds the key no longer.
func (s *Set[K]) leaveLocked(n *latch.Node) (key K) {
	m := s.entry(n.Index())
	key, m.key = m.key, key
	return key
}

// Next takes the next completion and returns its key: at once where there is one, even if
// ctx is done (R6). Where the set is empty, or becomes empty while Next waits, Next returns
// [ErrNothingToWait], also where something is added a moment later. When ctx ends first,
// Next returns a [*WaitError] and leaves nothing behind; the set is as it was. Unlike a wait
// for one call, Next does not look whether a call in the set is canceled by the same
// context: what has not come out by then comes out of a later Next.
//
// Several goroutines may wait in Next. Each completion goes to one of them, in no particular
// order of theirs.
func (s *Set[K]) Next(ctx context.Context) (K, error) { return s.next(ctx, nil, s.waited) }

// next is Next for a loop, which has one sleeper for all of its rounds. what says what the
// wait is for, where somebody wants to know.
func (s *Set[K]) next(ctx context.Context, sl *latch.Sleeper, what func() *parked.For) (key K, err error) {
	switch s.q.Next(sl, waitingNoted(untilDone(ctx), what), func(n *latch.Node) { key = s.leaveLocked(n) }) {
	case latch.Empty:
		err = ErrNothingToWait
	case latch.Ended:
		err = contextWaitError(ctx, nil)
	}
	return key, err
}

// waited is what Next waits for: anybody may add to a set.
func (s *Set[K]) waited() *parked.For {
	return &parked.For{Kind: "set", Name: fmt.Sprintf("set of %d", s.Len())}
}

// TryNext takes the next completion if there is one. Where there is none it looks
// at each member that is a context or a channel.
func (s *Set[K]) TryNext() (key K, ok bool) {
	ok = s.q.TryNext(func(n *latch.Node) { key = s.leaveLocked(n) })
	return key, ok
}

// All ranges over the keys in the order of completion, waiting for each, until
// the set is empty, or ctx is done and nothing in it is complete (R6). What it did
// not yield stays in the set, and more may be added meanwhile (W5).
func (s *Set[K]) All(ctx context.Context) iter.Seq[K] {
	return func(yield func(K) bool) {
		sl := latch.NewSleeper()
		for {
			key, err := s.next(ctx, sl, s.waited)
			if err != nil || !yield(key) {
				return
			}
		}
	}
}

// Len returns how many members have not been taken, complete or not.
func (s *Set[K]) Len() int { return s.q.Len() }

// Release empties the set: it unlinks everything and drops what is complete and
// not taken. A Next that waits returns [ErrNothingToWait]. The set can be used
// again.
func (s *Set[K]) Release() {
	var entries [][]entry[K]
	s.q.Withdraw(
		func() { entries, s.entries, s.used = s.entries, nil, 0 },
		func(each func(*latch.Node)) {
			for _, part := range entries {
				for i := range part {
					each(&part[i].Node)
				}
			}
		})
}

// FirstError waits until all of ws are complete and returns nil, or until the first of
// them has failed and returns the error of that: it is [WaitAll] for calls of different
// types, over at the first failure in time. Of failures that are there when FirstError
// looks, one that is no cancellation comes before the echoes of one (W7). Without members
// it returns nil.
//
// A [*Call] fails with its error. A panic of its function is a failure, too: FirstError
// returns the [*PanicError], and whatever takes the result raises the panic. A call whose
// handle is released or finished fails with [ErrReleased] or [ErrCallComplete]. A member
// that is no call, such as a [Signal] or a context, is a success when it is complete.
//
// When ctx ends first, FirstError returns a [*WaitError] on the first member that is not
// complete. Nothing is taken from any member, and no call is canceled. While FirstError
// waits it holds a reference on each call, as Await does, and it leaves nothing behind.
// Members are as for [WaitAny]. FirstError panics where a member is nil, naming its index.
func FirstError(ctx context.Context, ws ...Waitable) error {
	checkMembers(ws, 0)
	m, of := callsAmong(ws)
	defer m.leave()
	var s Set[int]
	defer s.Release()
	for i, w := range ws {
		if k := of[i]; k < 0 {
			s.Add(i, w)
		} else if l := m.latchOf(k); l != nil {
			s.q.AddReferred(l, func(free *latch.Node) *latch.Node { return s.enterLocked(free, i) }) // m has it
		}
	}
	over := make([]bool, len(ws)) // what has come out, for the error of a wait that ends
	came, what := 0, []any(nil)
	first := m.failure(-1) // of the failures that are there
	for first < 0 {
		i, err := s.next(ctx, nil, func() *parked.For {
			if what == nil {
				what = thingsOf(ws)
			}
			return &parked.For{Many: what, Came: came}
		})
		switch {
		case err == ErrNothingToWait:
			return nil
		case err != nil && !anyExpired(ws, over): // R6; what has expired comes out of the set in the next round
			return contextWaitError(ctx, ws[slices.Index(over, false)])
		case err != nil:
			continue
		}
		over[i] = true
		came++
		if k := of[i]; k >= 0 && m.isComplete(k) && m.failed(k) { // the first waits for a completer (L6)
			first = m.failure(k)
		}
	}
	return m.errorOf(first)
}

// anyExpired asks all of ws that are not over whether they are expired, and reports whether one
// is.
func anyExpired(ws []Waitable, over []bool) (one bool) {
	for i, w := range ws {
		one = !over[i] && isExpired(w) || one
	}
	return one
}

// callsAmong holds the calls among ws, and returns for each of ws the number of its
// call, or -1. A type that embeds a call is none (W2): what it says of its own completion is
// waited for, and it has no error.
func callsAmong(ws []Waitable) (m *members, of []int) {
	of = make([]int, len(ws))
	var hs []*handle
	for i, w := range ws {
		of[i] = -1
		_, _, own, by := aimOf(w)
		if h, ok := by.(*handle); ok && own {
			of[i] = len(hs)
			hs = append(hs, h)
		}
	}
	return newMembers(hs, nil), of // which native has made sure have a call
}
