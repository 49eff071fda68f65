package latch

import "github.com/seed4712c49f/async/internal/sched"

// This file starts functions when a latch is set. Package async calls After for its
// AfterFunc. A completer never runs such a function itself (L6): it starts a goroutine. What
// may not change is what stop reports: users rely on the contract of context.AfterFunc to
// the letter (S7).

// After starts f in a goroutine of its own when the latch is set, or at once where the
// latch is set already. The returned stop keeps the contract of [context.AfterFunc]:
// stop reports whether it has kept f from being started.
func (l *Latch) After(f func()) (stop func() bool) {
	n := new(Node)
	n.Reset(l, callback(f), 0)
	if !l.Link(n) {
		callback(f).start()
	}
	return n.stop
}

// stop takes n out. Either stop reports true or the function is started, and never both
// (L5).
func (n *Node) stop() bool { return n.of.Unlink(n) }

// A callback is a sink that starts a function in a goroutine of its own. A function that
// panics ends the program, as in any goroutine, and harms no other callback before.
type callback func()

// Fire starts the function.
func (f callback) Fire(*Node) { f.start() }

// start allocates nothing but the goroutine: a go statement needs no closure for a
// function without arguments.
func (f callback) start() {
	if sched.On {
		g := f
		f = func() { sched.Point("callback"); g() }
	}
	go f()
}
