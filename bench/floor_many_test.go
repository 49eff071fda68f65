// Floors of waits for many things and of shared runs. See floor_event_test.go for
// what a floor is.

package bench_test

import (
	"sync"
	"sync/atomic"
)

// A handMember is what a wait for the first of many takes. The wait does not know
// its kind.
type handMember interface{ event() *handEvent }

func (e *handEvent) event() *handEvent { return e }

// A handAny waits for the first of many.
type handAny struct {
	first atomic.Int64 // one more than the index of the first
	ready chan struct{}
}

func (a *handAny) fire(n *handNode) {
	if a.first.CompareAndSwap(0, int64(n.key)+1) {
		close(a.ready)
	}
}

// wait lets others run and looks at each member before it links. When a member is
// complete by then, the wait needs neither nodes nor a park.
func (a *handAny) wait(members []handMember) int {
	giveWay()
	for i, m := range members {
		if m.event().isSet() {
			return i
		}
	}
	a.ready = make(chan struct{})
	nodes := make([]handNode, len(members))
	for i, m := range members {
		n := &nodes[i]
		n.key, n.sink = i, a
		if !m.event().link(n) {
			a.fire(n)
			break
		}
	}
	<-a.ready
	for i := range nodes {
		if n := &nodes[i]; n.on != nil {
			n.unlink()
		}
	}
	return int(a.first.Load()) - 1
}

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

// handChunk is how many nodes are made at a time.
const handChunk = 128

// add has the key handed out when e is set.
func (s *handSet) add(key int, e *handEvent) {
	s.mu.Lock()
	n := s.free
	if n != nil {
		s.free = n.next
	} else {
		if len(s.spare) == 0 {
			s.spare = make([]handNode, handChunk)
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

// A handGroup shares runs by key. A run belongs to none of its callers: it has a
// goroutine of its own.
type handGroup[K comparable] struct {
	mu   sync.Mutex
	runs map[K]*handShared
}

type handShared struct {
	over  atomic.Bool
	ready chan struct{} // made by the first caller that parks
	users int           // how many callers share the run
	v     int
	err   error
}

func (g *handGroup[K]) do(key K, f task) (int, error) {
	g.mu.Lock()
	r := g.runs[key]
	begun := r == nil
	if begun {
		if g.runs == nil {
			g.runs = map[K]*handShared{}
		}
		r = new(handShared)
		g.runs[key] = r
	}
	r.users++
	g.mu.Unlock()
	if begun {
		go g.run(key, r, f)
		giveWay()
	}
	if !r.over.Load() {
		g.park(r)
	}
	return r.v, r.err
}

func (g *handGroup[K]) run(key K, r *handShared, f task) {
	v, err := 0, errGoexit
	defer func() {
		if e := recover(); e != nil {
			err = &panicError{e}
		}
		g.mu.Lock()
		delete(g.runs, key)
		r.v, r.err = v, err
		r.over.Store(true)
		ready := r.ready
		g.mu.Unlock()
		if ready != nil {
			close(ready)
		}
	}()
	v, err = f.plain()
}

func (g *handGroup[K]) park(r *handShared) {
	g.mu.Lock()
	if r.over.Load() {
		g.mu.Unlock()
		return
	}
	if r.ready == nil {
		r.ready = make(chan struct{})
	}
	g.mu.Unlock()
	<-r.ready
}
