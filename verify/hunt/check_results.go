package hunt

import (
	"fmt"

	"github.com/seed4712c49f/async"
)

// The oracles of results, and of the functions that are called once: OnSignal, AfterFunc.

// checkResults: a result is handed out or discarded, never both, never neither (R9); a
// panic is given or raised, once (C5).
func (w *World) checkResults() {
	w.mu.Lock()
	var wrong string
	for _, r := range w.order {
		if s := w.whatIsWrong(r); s != "" && wrong == "" {
			wrong = s
		}
	}
	w.mu.Unlock()
	if wrong != "" {
		w.failf("result", "%s", wrong)
	}
}

func (w *World) whatIsWrong(r *result) string {
	text := func(what string) string {
		return fmt.Sprintf("result %d%s: %s: taken %d times, discarded %d times, raised %d times: %v",
			r.token, r.origin(), what, r.taken, r.discarded, r.raised, r.by)
	}
	policy := async.PanicReraise
	if r.b != nil && r.b.scope > 0 {
		policy = w.scope(r.b.scope - 1).o.Panic
	}
	switch {
	case r.unsure && r.taken+r.discarded+r.raised == 0:
	case !r.made:
		return text("nobody has made it")
	case r.callback:
		if r.raised != 1 {
			return text("the panic of a callback has to be raised once")
		}
	case r.panics && policy == async.PanicCrash:
		return text("the program goes on after a panic under PanicCrash")
	case r.panics && policy == async.PanicReraise:
		if r.discarded > 0 || r.raised > 1 || (r.raised == 1) == (r.taken > 0) {
			return text("a panic has to be given to who asks, or be raised once")
		}
	case r.raised > 0:
		return text("it is raised, and is no panic")
	case r.discarded > 1:
		return text("it is discarded twice")
	case r.discarded > 0 && r.taken > 0:
		return text("it is handed out and discarded")
	case r.discarded == 0 && r.taken == 0 && r.b != nil && r.b.opts != nil && r.b.opts.Discard:
		return text("it is neither handed out nor discarded")
	}
	return ""
}

// origin says what kind of call made a result.
func (r *result) origin() string {
	switch {
	case r.b == nil:
		return ""
	case r.b.opts != nil && r.b.opts.Streaming:
		return " of a stream"
	case r.b.loose:
		return " of a shared run"
	}
	return ""
}

// checkSignals: each OnSignal function is called once (S7).
func (w *World) checkSignals() {
	w.mu.Lock()
	var wrong string
	for _, b := range w.begun {
		if !b.ok || b.opts == nil || b.noSignals {
			continue
		}
		for i := range b.opts.OnSignal {
			n := 0
			if i < len(b.signals) {
				n = b.signals[i]
			}
			if n != 1 {
				wrong = fmt.Sprintf("OnSignal function %d of operation %d was called %d times", i, b.site, n)
			}
		}
	}
	w.mu.Unlock()
	if wrong != "" {
		w.failf("signal", "%s", wrong)
	}
}

// checkCallbacks: each function registered by AfterFunc is started once, or stopped (S7).
func (w *World) checkCallbacks() {
	w.mu.Lock()
	var wrong string
	for _, s := range w.stops {
		switch {
		case s.ran > 1:
			wrong = fmt.Sprintf("the function of AfterFunc, operation %d, was started %d times", s.site, s.ran)
		case s.kept && s.ran > 0:
			wrong = fmt.Sprintf("the function of AfterFunc, operation %d, was started though its stop said that it was not", s.site)
		case !s.kept && s.ran == 0 && !w.p.Idle:
			wrong = fmt.Sprintf("the function of AfterFunc, operation %d, was never started", s.site)
		}
	}
	w.mu.Unlock()
	if wrong != "" {
		w.failf("callback", "%s", wrong)
	}
}
