package rivals

import (
	"sync/atomic"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A handFunc is a function that is started when an event is set.
type handFunc func()

func (f handFunc) fire(*handNode) { go f() }

// after registers f, and returns what takes it back.
func (e *handEvent) after(f func()) (stop func() bool) {
	n := &handNode{sink: handFunc(f)}
	if !e.link(n) {
		go f()
	}
	return n.unlink
}

// A handCount counts the handles on something that lives as long as there are any.
type handCount struct{ refs atomic.Int64 }

// A handClone is one of them. It is given up once.
type handClone struct {
	on *handCount
	up atomic.Bool
}

func (h *handClone) clone() *handClone {
	for {
		n := h.on.refs.Load()
		if n == 0 || h.up.Load() {
			return nil
		}
		if h.on.refs.CompareAndSwap(n, n+1) {
			return &handClone{on: h.on}
		}
	}
}

// release reports whether it was the last.
func (h *handClone) release() bool {
	return h.up.CompareAndSwap(false, true) && h.on.refs.Add(-1) == 0
}

func floorHandles() []table.Form {
	return []table.Form{
		floor("callback", "event and registration",
			"an event, a registration that can be taken back and the function that does it are three allocations; the rest is the goroutine", handCallback),
		floor("clone", "handle and a count",
			"a count that must not rise again from none goes up by compare-and-swap and down by another step, and the handle marks that it was given up, all of it on one word of memory that all cores share", handCloned),
	}
}

func handCallback(int) table.Work {
	ran := make(chan int)
	f := func() { ran <- 1 }
	return table.Work{Do: repeat(func() int {
		e := new(handEvent)
		stop := e.after(f)
		escape(stop)
		e.set()
		return <-ran
	})}
}

func handCloned(int) table.Work {
	h := &handClone{on: new(handCount)}
	h.on.refs.Store(1)
	return table.Work{Do: func(_ *table.Stopwatch, n int) int {
		k := 0
		for range n {
			c := h.clone()
			escape(c)
			if !c.release() {
				k++
			}
		}
		return k
	}}
}
