package verify_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/seed4712c49f/async"
)

// A Set hands out each member once, in the order of completion, whatever its kind;
// channels, which nobody is told of, when somebody looks (W4, W5).
func TestModels_Set(t *testing.T) {
	inBubble(t, func(rt *rapid.T) {
		m := new(setMachine)
		defer m.end()
		machine(rt, m.check, map[string]func(*rapid.T){
			"make": m.makeMember, "add": m.add, "complete": m.complete,
			"try next": m.tryNext, "next": m.next, "all": m.all, "release": m.release,
		})
	})
}

// A member is something to wait for, added any number of times.
type member struct {
	w        async.Waitable
	complete func()
	isChan   bool
	over     bool
	keys     []int // under which it is in the set, and not complete
}

type setMachine struct {
	s       async.Set[int]
	members []*member
	ready   []int // keys that are complete, in order
	size    int
	key     int
}

func (m *setMachine) makeMember(rt *rapid.T) {
	if len(m.members) == 8 {
		rt.Skip("enough")
	}
	n := new(member)
	switch rapid.IntRange(0, 3).Draw(rt, "kind") {
	case 0:
		e := new(async.Event)
		n.w, n.complete = e, func() { e.Set() }
	case 1:
		p, c := async.NewPromise[int](bg)
		n.w, n.complete = c, p.Break
	case 2:
		ctx, cancel := context.WithCancel(bg)
		n.w, n.complete = ctx, cancel
	case 3:
		ch := make(chan struct{})
		n.w, n.complete, n.isChan = async.Chan(ch), func() { close(ch) }, true
	}
	m.members = append(m.members, n)
}

func (m *setMachine) add(rt *rapid.T) {
	n := pick(rt, "member", m.members, func(*member) bool { return true })
	m.s.Add(m.key, n.w)
	m.size++
	if n.over && !n.isChan {
		m.ready = append(m.ready, m.key)
	} else {
		n.keys = append(n.keys, m.key)
	}
	m.key++
}

func (m *setMachine) complete(rt *rapid.T) {
	n := pick(rt, "member", m.members, func(n *member) bool { return !n.over })
	n.over = true
	n.complete()
	synctest.Wait()
	if !n.isChan {
		// A context is told by a goroutine for each registration: any order among them.
		if _, ok := n.w.(context.Context); ok && len(n.keys) > 1 {
			n.keys = m.settle(n.keys)
		}
		m.ready, n.keys = append(m.ready, n.keys...), nil
	}
}

// settle returns in which order the keys of one context came; it takes all there is
// and puts it back.
func (m *setMachine) settle(keys []int) (order []int) {
	var e async.Event
	e.Set()
	for range len(m.ready) + len(keys) {
		k, _ := m.s.TryNext()
		m.s.Add(k, &e)
		if slices.Contains(keys, k) {
			order = append(order, k)
		}
	}
	return order
}

// want returns what a look takes: the first that is complete, or else of the
// channels that are, those first which were added first.
func (m *setMachine) want() (key int, ok bool) {
	if len(m.ready) == 0 {
		for _, n := range m.members {
			if n.isChan && n.over {
				m.ready, n.keys = append(m.ready, n.keys...), nil
			}
		}
		slices.Sort(m.ready) // keys count up
	}
	if len(m.ready) == 0 {
		return 0, false
	}
	key, m.ready = m.ready[0], m.ready[1:]
	m.size--
	return key, true
}

func (m *setMachine) tryNext(rt *rapid.T) {
	want, wantOK := m.want()
	if k, ok := m.s.TryNext(); k != want || ok != wantOK {
		rt.Fatalf("TryNext: %d, %v, want %d, %v", k, ok, want, wantOK)
	}
}

func (m *setMachine) next(rt *rapid.T) {
	size := m.size
	want, ok := m.want()
	k, err := m.s.Next(ended)
	if k != want || ok != (err == nil) || (err == async.ErrNothingToWait) != (size == 0) {
		rt.Fatalf("Next: %d, %v, want %d, %v, of %d", k, err, want, ok, size)
	}
}

func (m *setMachine) all(rt *rapid.T) {
	most := rapid.IntRange(1, 4).Draw(rt, "most")
	for k := range m.s.All(ended) {
		if want, ok := m.want(); k != want || !ok {
			rt.Fatalf("All: %d, want %d, %v", k, want, ok)
		}
		if most--; most == 0 {
			return
		}
	}
	if want, ok := m.want(); ok {
		rt.Fatalf("All: nothing, want %d", want)
	}
}

func (m *setMachine) release(rt *rapid.T) {
	if rapid.IntRange(0, 3).Draw(rt, "release") > 0 {
		rt.Skip("rarely")
	}
	m.s.Release()
	m.size, m.ready = 0, nil
	for _, n := range m.members {
		n.keys = nil
	}
}

func (m *setMachine) check(rt *rapid.T) {
	if n := m.s.Len(); n != m.size {
		rt.Fatalf("Len: %d, want %d", n, m.size)
	}
}

// end leaves no registration at a context.
func (m *setMachine) end() {
	m.s.Release()
	for _, n := range m.members {
		if !n.over {
			n.complete()
		}
	}
}
