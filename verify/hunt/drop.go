package hunt

import (
	"github.com/seed4712c49f/async"
)

// This file has the end of a program that drops what it has: no handle is finished, and none
// released. A panic that nobody was given then ends the process, when the call is collected
// (R15). The parent of the children knows which panics may.

// drop is the epilogue of such a program.
func (w *World) drop(e *env, wait func()) {
	w.endScopes(e)
	w.endDerived()
	w.endContexts(false)
	wait()
	w.checkSignals()
	w.checkCallbacks()
	w.checkObservers()
	for _, token := range w.unread() {
		if w.raise != nil {
			w.raise(token, "dropped")
		}
	}
}

// unread returns the panics that may be lost: nobody was given them. A later run may be under
// way when they are collected. A panic of a call that is begun with InGroup was given to the
// errgroup.
func (w *World) unread() (tokens []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.order {
		if r.made && r.panics && !r.callback && r.taken+r.raised == 0 && !w.isOfErrgroup(r.b) {
			tokens = append(tokens, r.token)
		}
	}
	return tokens
}

func (w *World) isOfErrgroup(b *begun) bool {
	return b != nil && b.opts != nil && b.opts.Errgroup > 0 && w.errgroup(b.opts.Errgroup-1) != nil // the panic is the error of the errgroup's task (R15)
}

// dropped returns the panics that are lost, of those that are unread: they are of calls that
// nothing keeps when the program has dropped them. A scope with Track keeps its calls, and so
// does a Set.
func (w *World) dropped() (tokens []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.order {
		if !w.p.Drops || !r.made || !r.panics || r.callback || r.shown || r.taken+r.raised > 0 || r.b == nil || r.b.loose || !r.b.ok || w.isOfErrgroup(r.b) {
			continue
		}
		if r.b.scope > 0 {
			if o := w.scope(r.b.scope - 1).o; o.Track || o.Panic != async.PanicReraise {
				continue
			}
		}
		tokens = append(tokens, r.token)
	}
	return tokens
}
