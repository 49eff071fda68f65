package hunt

import (
	"context"
	"slices"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// The end of a run comes in two steps. The closer is one more goroutine of the
// program: it sleeps until nobody can go on, looks at who waits, and then completes
// everything that can be completed, so that the goroutines of the program come to
// their ends whatever they wait for. The epilogue then releases everything, and all
// that must be true of a run that is over is checked.

// Close is the closer.
func (w *World) Close() {
	e := &env{w: w, thread: -1}
	most, late := 10, 0
	if w.o.Quiet {
		w.lookEarly()
	} else {
		most = 300 // time may pass although somebody could go on
	}
	for round := range most {
		<-time.After(oneRound)
		sched.Point("another round") // else time would pass for all rounds at once
		if round == 0 && w.o.Quiet {
			w.checkQuiet()
		}
		w.mu.Lock()
		w.closing = true
		over := w.threads == 0
		w.mu.Unlock()
		w.completeAll(e)
		switch {
		case round == 0:
		case !over:
			w.endContexts(false) // they may be what is waited for
			w.endDerived()       // and the end of a timeout may be farther than the last round
			if round > 3 {
				w.closeFull()
			}
		case w.allComplete() || late == 5:
			return
		default:
			late++
			w.closeFull()
		}
	}
}

// closeFull closes the scopes in whose queues somebody waits for room. A function that waits
// with a context that is not its own keeps its slot, and what fills the queue may wait for
// that slot: such a program never ends by itself.
func (w *World) closeFull() {
	for _, a := range w.waiting() {
		if a.o.Do != "goWaiting" && a.o.Do != "map" {
			continue
		}
		if s := w.scope(a.o.Opts.Scope - 1); s != nil {
			s.Close()
			w.closed(s)
		}
	}
}

// lookEarly looks at who waits before the time of each wait is up, and again when the
// contexts of the program have ended. The time of a look is that of no timer of a program,
// so everybody else is asleep then.
func (w *World) lookEarly() {
	looks := []time.Duration{time.Millisecond / 2, 6 * time.Millisecond, 9 * time.Millisecond}
	for _, d := range looks[:1+w.p.Seed%3] {
		w.lookAfter(d)
	}
	if w.o.Ends {
		w.disturb(0)
		w.endContexts(false)
		w.lookAfter(time.Millisecond / 4)
	}
}

func (w *World) lookAfter(d time.Duration) {
	<-time.After(d)
	sched.Point("a look")
	w.checkQuiet()
}

// checkQuiet checks what must be true when nobody can go on.
func (w *World) checkQuiet() {
	w.checkBelow() // first: to ask a context may end what hangs below it
	w.checkBlocked()
	w.checkEnded()
	w.checkQueues()
	w.checkDeadlocks()
	for n := range w.vars[Scope] {
		if s := w.scope(n); s != nil {
			w.checkWaitsFor(s)
			if s.o.Track {
				w.checkGraph(s, false)
			}
		}
	}
	w.checkFollowing()
	w.checkAgree()
	w.checkWaiters()
}

// allComplete reports whether no call of the program is pending.
func (w *World) allComplete() bool {
	for _, h := range w.handles() {
		if !h.c.IsDone() {
			return false
		}
	}
	return true
}

// completeAll completes whatever the program has not.
func (w *World) completeAll(e *env) {
	w.completes(0)
	for n := range w.vars[Gate] {
		if g, ok := w.get(Ref{Gate, n}).(*gate); ok {
			g.open()
		}
	}
	for n := range w.vars[Stranger] {
		if s, ok := w.get(Ref{Stranger, n}).(ender); ok {
			s.end()
		}
	}
	for n := range w.vars[Event] {
		if x, ok := w.get(Ref{Event, n}).(*async.Event); ok {
			x.Set()
			w.sees(x)
		}
	}
	w.beginIdle(e)
	w.mu.Lock()
	all := slices.Clone(w.allProm)
	w.mu.Unlock()
	for _, s := range all {
		if s.closed {
			continue
		}
		s.closed = true
		o := &Op{Do: "complete", Site: closerSite + s.site}
		e.guarded(o, func() { w.complete(s, o.Site, false, false) })
	}
}

// closerSite is above the numbers of all operations of a program.
const closerSite = 1000

// beginIdle begins what was never begun: somebody may wait for it.
func (w *World) beginIdle(e *env) {
	for _, h := range w.handles() {
		o := &Op{Do: "beginPromise", Site: 2 * closerSite, Opts: Opts{Discard: true}}
		if h.c.Info().State != 0 {
			continue
		}
		e.guarded(o, func() {
			b := e.begins(w.base, o)
			b.family = h.family
			if p, err := h.c.BeginPromise(w.base, e.options(o, b)...); err == nil {
				w.accepted(b, h)
				e.serves(o, Ref{}, b, p)
			}
			b.decided = true
		})
	}
}

func (w *World) handles() []*handle {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.allCalls)
}

// guarded does something as an operation.
func (e *env) guarded(o *Op, f func()) {
	if e.w.p.Exits {
		e.apart(func() { e.guard(o, f) })
		return
	}
	e.guard(o, f)
}

func (e *env) guard(o *Op, f func()) {
	defer func() {
		if p := recover(); p != nil {
			e.w.raised(o, e.w.table[o.Do], p)
		}
	}()
	f()
}

// End is the epilogue, and the checks of a run that is over. It is called in the
// bubble, when no goroutine can go on; wait waits for that.
func (w *World) End(wait func()) {
	e := &env{w: w, thread: -1}
	wait()
	w.checkRest()
	if w.p.Drops {
		w.drop(e, wait)
		return
	}
	w.endHandles(e)
	wait()
	w.endScopes(e)
	w.endDerived()
	wait()
	w.checkContexts(true)
	w.endContexts(true)
	wait()
	w.checkSignals()
	w.checkCallbacks()
	w.checkObservers()
	w.checkResults()
	w.checkShared()
	for n := range w.vars[Scope] {
		if s := w.scope(n); s != nil {
			w.checkLedger(s, true)
			w.checkUnreleased(s, 0)
			w.checkGraph(s, true)
			for i := range s.InFlight() {
				w.failf("slot", "%v is in flight in %v, which is over", i, s.Scope)
			}
		}
	}
}

// checkRest checks what must be true when everything is complete, and nothing released.
func (w *World) checkRest() {
	w.checkBelow() // first, as in checkQuiet
	w.checkTimeouts()
	w.checkContexts(false)
	w.checkStreams()
	w.checkAgree()
	for n := range w.vars[Set] {
		w.drain(n)
	}
	for _, h := range w.handles() {
		if i := h.c.Info(); i.State == async.StateRunning || i.State == async.StateQueued {
			w.failf("hang", "%v of family %d is not complete in the end", i, h.family)
		}
	}
	for n := range w.vars[Scope] {
		if s := w.scope(n); s != nil {
			w.checkLedger(s, false)
			w.checkGraph(s, false)
		}
	}
}

// endHandles gives up every handle. Where the program says so they are finished first,
// and so counted: those of a scope that gave something, or failed, were held.
func (w *World) endHandles(e *env) {
	rest := w.restOfScope()
	for i, h := range w.handles() {
		o := &Op{Do: "finish", Site: 3*closerSite + i}
		if w.p.Finish {
			e.guarded(o, func() {
				rest.look(h)
				begun := w.now()
				v, err := h.c.Finish()
				rest.finished(err)
				w.checkCurrent(o, h, begun, v, err)
				w.outcome(o, h, v, err)
			})
		}
		o.Do = "release"
		w.releases(h.ref, h)
		e.guarded(o, h.c.Release)
	}
	w.mu.Lock()
	signals := slices.Clone(w.allSigs)
	w.mu.Unlock()
	rest.check(w, signals)
	for i, h := range signals {
		w.releases(h.ref, h)
		e.guarded(&Op{Do: "signalRelease", Site: 4*closerSite + i}, h.s.Release)
	}
	for n := range w.vars[Set] {
		if s, ok := w.get(Ref{Set, n}).(*setVar); ok {
			s.Release()
		}
	}
	for n := range w.vars[List] {
		if l, ok := w.get(Ref{List, n}).(*listVar); ok {
			e.guarded(&Op{Do: "releaseAll", Site: 5*closerSite + n}, l.cs.Release)
		}
	}
}

// endScopes shuts every scope down: nothing is left of it, so that takes no time.
func (w *World) endScopes(*env) {
	for n := range w.vars[Scope] {
		s := w.scope(n)
		if s == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(w.base, time.Minute)
		if err := s.Shutdown(ctx); err != nil {
			w.failf("slot", "%v does not come to its end: %v; %+v", s.Scope, err, s.Stats())
		}
		cancel()
	}
}

// endDerived ends the contexts that were made for operations.
func (w *World) endDerived() {
	w.mu.Lock()
	all := slices.Clone(w.derived)
	w.mu.Unlock()
	for _, d := range all {
		d.cancel()
	}
}

// endContexts ends the contexts of the program, after a look at what is left there.
func (w *World) endContexts(check bool) {
	w.mu.Lock()
	all := slices.Clone(w.allCtx)
	w.mu.Unlock()
	for i, x := range slices.Backward(all) { // those below before those above
		if check {
			w.checkRegistration(i, x)
		}
		w.ending(x)
		x.cancel()
	}
}
