// Floors: what bounds this library. A floor is raw Go by hand that keeps the
// promises which an operation needs kept, and no more. A floor is no rival, because
// nobody would use the code as it is. The comment of each benchmark says why less
// would not do. This file has the event, the promise and the handle.

package bench_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// A handEvent is the least that is set once for waiters of any kind: a word to look
// at, a list of those to tell, and a lock for the goroutine that completes the
// event. It is as large as an event of this library.
type handEvent struct {
	mu   sync.Mutex
	word atomic.Uint64 // 1: set
	ch   chan struct{} // made by the first waiter that parks
	head atomic.Pointer[handNode]
}

// A handNode is one registration at one event.
type handNode struct {
	next *handNode
	on   *handEvent
	sink handSink
	key  int
}

// A handSink is told that the event of a node is set.
type handSink interface{ fire(n *handNode) }

// handSpent is the head of the list of a set event.
var handSpent handNode

func (e *handEvent) isSet() bool { return e.word.Load() != 0 }

// set sets the event, once.
func (e *handEvent) set() {
	if e.claim() {
		e.publish()
	}
}

// claim makes its caller the one to complete the event. The caller has the lock
// then. When another was first, claim reports false.
func (e *handEvent) claim() bool {
	e.mu.Lock()
	if e.isSet() {
		e.mu.Unlock()
		return false
	}
	return true
}

// publish is the rest of set. Before anybody can see that the event is set, all
// sinks are told: an event that is seen to be set is in every set that has it.
func (e *handEvent) publish() {
	for n := e.head.Swap(&handSpent); n != nil; {
		next := n.next
		n.sink.fire(n)
		n = next
	}
	ch := e.ch
	e.word.Add(1)
	e.mu.Unlock()
	if ch != nil {
		close(ch)
	}
}

// done returns a channel that is closed when the event is set, or nil when it is
// set already.
func (e *handEvent) done() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.isSet() {
		return nil
	}
	if e.ch == nil {
		e.ch = make(chan struct{})
	}
	return e.ch
}

// wait waits until the event is set.
func (e *handEvent) wait() {
	if e.isSet() {
		return
	}
	if ch := e.done(); ch != nil {
		<-ch
	}
}

// link registers n, and reports false when the event is set.
func (e *handEvent) link(n *handNode) bool {
	n.on = e
	for {
		first := e.head.Load()
		if first == &handSpent {
			return false
		}
		n.next = first
		if e.head.CompareAndSwap(first, n) {
			return true
		}
	}
}

// unlink takes back a node that is the only one, and reports whether the node had
// not fired. Nothing here needs more.
func (n *handNode) unlink() bool { return n.on.head.CompareAndSwap(n, nil) }

// giveWay lets others run once before a wait. What is about to complete is complete
// then, and nobody parks.
func giveWay() { runtime.Gosched() }

// A handFunc is a function that is started when an event is set.
type handFunc func()

func (f handFunc) fire(*handNode) { go f() }

// after registers f, and returns a function that takes f back.
func (e *handEvent) after(f func()) (stop func() bool) {
	n := &handNode{sink: handFunc(f)}
	if !e.link(n) {
		go f()
	}
	return n.unlink
}

// A handPromise is the least that anybody completes and that has a handle: an event,
// an outcome that the first of several completers writes, what the promise was
// begun with, and a handle that can be given up. It takes as many bytes as a
// promise of this library.
type handPromise struct {
	handEvent
	v      int
	err    error
	ctx    context.Context
	stop   func() bool // takes back the registration at a context, if there is one
	_      *int        // options
	handle handHandle
}

type handHandle struct {
	p atomic.Pointer[handPromise]
	_ [2]*int // whether there is only to read, and whether the handle is given up
}

// begin makes the promise pending.
func (p *handPromise) begin(ctx context.Context) {
	p.ctx = ctx
	p.handle.p.Store(p)
}

// bind has the promise end with a context that can end.
func (p *handPromise) bind(ctx context.Context) {
	p.begin(ctx)
	p.stop = context.AfterFunc(ctx, func() { p.complete(0, context.Cause(p.ctx)) })
}

// complete completes the promise unless it is complete.
func (p *handPromise) complete(v int, err error) bool {
	if !p.claim() {
		return false
	}
	p.v, p.err = v, err
	stop := p.stop
	p.publish()
	if stop != nil {
		stop()
	}
	return true
}

// await waits for the outcome, until the context ends.
func (p *handPromise) await(ctx context.Context) (int, error) {
	if !p.isSet() {
		giveWay()
	}
	if p.isSet() {
		return p.v, p.err
	}
	select { // where the context cannot end this is as a receive
	case <-p.closed():
		return p.v, p.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// closed is done, with a closed channel for a promise that is complete.
func (p *handPromise) closed() <-chan struct{} {
	if ch := p.done(); ch != nil {
		return ch
	}
	return handClosed
}

var handClosed = func() chan struct{} {
	ch := make(chan struct{})
	close(ch)
	return ch
}()

// run calls f and completes the promise with the result, or with an error when f
// panics or calls Goexit.
func (p *handPromise) run(ctx context.Context, f func(context.Context) (int, error)) {
	v, err := 0, errGoexit
	defer func() {
		if e := recover(); e != nil {
			err = &panicError{e}
		}
		p.complete(v, err)
	}()
	v, err = f(ctx)
}

var errGoexit = errors.New("goexit")

type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprint("panic: ", e.value) }

// A handCount counts the handles on one thing, which lives as long as there are any.
type handCount struct{ refs atomic.Int64 }

// A handClone is one of these handles. It is given up once.
type handClone struct {
	on *handCount
	up atomic.Bool
}

// clone returns nil where the handle was given up.
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

// release reports whether the handle was the last.
func (h *handClone) release() bool {
	return h.up.CompareAndSwap(false, true) && h.on.refs.Add(-1) == 0
}
