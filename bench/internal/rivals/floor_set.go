package rivals

import (
	"sync"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A handSet hands out the keys of events in the order in which they are set.
type handSet struct {
	mu          sync.Mutex
	first, last *handNode // set, in order
	free        *handNode
	spare       []handNode // never used
	left        int        // added and not taken
	asleep      bool
	wake        chan struct{}
}

// chunk is how many nodes are made at a time.
const chunk = 128

// add has the key handed out when e is set.
func (s *handSet) add(key int, e *handEvent) {
	s.mu.Lock()
	n := s.free
	if n != nil {
		s.free = n.next
	} else {
		if len(s.spare) == 0 {
			s.spare = make([]handNode, chunk)
		}
		n, s.spare = &s.spare[0], s.spare[1:]
	}
	n.key, n.sink = key, s
	s.left++
	s.mu.Unlock()
	if !e.link(n) {
		s.fire(n)
	}
}

func (s *handSet) fire(n *handNode) {
	s.mu.Lock()
	n.next = nil
	if s.last == nil {
		s.first = n
	} else {
		s.last.next = n
	}
	s.last = n
	wake := s.asleep
	s.asleep = false
	s.mu.Unlock()
	if wake {
		s.wake <- struct{}{}
	}
}

// next takes the next key, or -1 where none is left.
func (s *handSet) next() int {
	s.mu.Lock()
	for s.first == nil {
		if s.left == 0 {
			s.mu.Unlock()
			return -1
		}
		if s.wake == nil {
			s.wake = make(chan struct{}, 1)
		}
		s.asleep = true
		s.mu.Unlock()
		<-s.wake
		s.mu.Lock()
	}
	n := s.first
	if s.first = n.next; s.first == nil {
		s.last = nil
	}
	s.left--
	key := n.key
	n.on, n.next, s.free = nil, s.free, n
	s.mu.Unlock()
	return key
}

const whySet = "members do not know each other, may be in several sets, and are in them before anybody can see that they are complete: each has a registration of its own, and the lock of an event and that of the set are taken for a completion, the latter again to take it and to add another"

func floorStanding(size int) table.Work {
	events := make([]*handEvent, size)
	s := new(handSet)
	for i := range events {
		events[i] = new(handEvent)
		s.add(i, events[i])
	}
	at := 0
	return table.Work{Do: repeat(func() int {
		at = (at + stride) % size
		events[at].set()
		i := s.next()
		events[i] = new(handEvent)
		s.add(i, events[i])
		if i != at {
			return 0
		}
		return 1
	})}
}

func floorDrain(size int) table.Work {
	order := shuffled(size)
	return table.Work{Do: func(watch *table.Stopwatch, n int) int {
		sum := 0
		for range n {
			watch.Stop()
			events := make([]handEvent, size)
			taken := newTally(size)
			watch.Start()
			var s handSet
			for i := range events {
				s.add(i, &events[i])
			}
			go func() {
				for _, i := range order {
					events[i].set()
				}
			}()
			for i := s.next(); i >= 0; i = s.next() {
				sum += taken.take(i)
			}
		}
		return sum
	}}
}
