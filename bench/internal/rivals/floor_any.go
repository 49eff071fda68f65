package rivals

import (
	"sync/atomic"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A handMember is what a wait for the first of many takes: what it is is not known.
type handMember interface{ event() *handEvent }

func (e *handEvent) event() *handEvent { return e }

// A handAny waits for the first of many.
type handAny struct {
	first atomic.Int64 // one more than its index
	ready chan struct{}
}

func (a *handAny) fire(n *handNode) {
	if a.first.CompareAndSwap(0, int64(n.key)+1) {
		close(a.ready)
	}
}

// wait lets others run and looks before it links: what is complete by then needs
// neither nodes nor a park.
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

const whyAny = "members do not know each other and know nothing of the wait before it comes: after a look at each, one compare-and-swap links it to each and one unlinks it, and between them lie a park and a wake"

func floorAny(size int) table.Work {
	events := make([]*handEvent, size)
	for i := range events {
		events[i] = new(handEvent)
	}
	return table.Work{Do: repeat(func() int {
		last := new(handEvent)
		events[size-1] = last
		go later(late, last.set)
		members := make([]handMember, size)
		for i, e := range events {
			members[i] = e
		}
		return new(handAny).wait(members)
	})}
}
