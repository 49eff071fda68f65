package rivals

import (
	"context"
	"sync/atomic"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A handOutcome is an event with a result, which the first of several completers
// writes.
type handOutcome struct {
	handEvent
	v   int
	err error
}

// complete completes it unless that was done before.
func (o *handOutcome) complete(v int, err error) bool {
	if !o.claim() {
		return false
	}
	o.v, o.err = v, err
	o.publish()
	return true
}

// A handPromise is the least that is completed by anybody and has a handle: an
// outcome, what it was begun with, and a handle that can be given up. As many bytes
// as a promise of this library.
type handPromise struct {
	handOutcome
	ctx    context.Context
	_      [2]*int // its options, the end of its context
	handle handHandle
}

type handHandle struct {
	p atomic.Pointer[handPromise]
	_ [2]*int // where there is only to read, whether it is given up
}

// begin makes it pending and returns its handle.
func (p *handPromise) begin(ctx context.Context) *handHandle {
	p.ctx = ctx
	p.handle.p.Store(p)
	return &p.handle
}

const (
	whyEvent   = "waiters of any kind may come at any moment: a lock, the list taken, the word published, the lock free again, for an object with room for these"
	whyPromise = "the same as an event, and an outcome that the first of several completers writes: one allocation with room for what the call was begun with, its outcome and its handle"
	whyChannel = "what also tells sets and callbacks has a word and a list beside its channel, and who comes to wait takes a lock to have the channel made; goroutines, parks and wakes are the runtime's"
	whyCaller  = "a promise, and a goroutine with a function that recovers: a panic belongs to who reads the result"
)

func floorMaking() []table.Form {
	return []table.Form{
		floor("create check", "event", whyEvent, handCreateEvent),
		floor("create check", "promise", whyPromise, handCreatePromise),
		floor("broadcast", "lock and shared channel", whyChannel, handBroadcast),
		floor("promise", "promise", whyPromise, handoff(
			func() (*handPromise, *handPromise) {
				p := new(handPromise)
				p.begin(bg)
				return p, p
			},
			func(p *handPromise) { p.complete(1, nil) },
			func(p *handPromise) int {
				giveWay()
				p.wait()
				return p.v
			},
		)),
		floor("call", "goroutine and promise", whyCaller, loop(func() int {
			p, f := new(handPromise), trivial()
			p.begin(bg)
			go guarded(f.plain, func(v int, err error) { p.complete(v, err) })
			giveWay()
			p.wait()
			return p.v
		})),
	}
}

func handBroadcast(size int) table.Work {
	return table.Work{Do: repeat(func() int {
		e, v := new(handEvent), 0
		return holdWaiters(size, func() int { e.wait(); return v }, func() { v = 1; e.set() })()
	})}
}

func handCreateEvent(int) table.Work {
	return table.Work{Do: func(_ *table.Stopwatch, n int) int {
		k := 0
		for range n {
			e := new(handEvent)
			escape(e)
			e.set()
			if e.isSet() {
				k++
			}
		}
		return k
	}}
}

func handCreatePromise(int) table.Work {
	return table.Work{Do: func(_ *table.Stopwatch, n int) int {
		k := 0
		for range n {
			p := new(handPromise)
			escape(p.begin(bg))
			p.complete(1, nil)
			if p.isSet() {
				k += p.v
			}
		}
		return k
	}}
}
