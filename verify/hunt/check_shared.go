package hunt

import (
	"errors"
	"fmt"

	"github.com/seed4712c49f/async"
)

// The oracles of runs that several callers share (H1, H2): who asks after a run is over
// gets another, who stays is not canceled, and shared says what is so.

// A sharing is one Do of a Group.
type sharing struct {
	o      *Op
	shared bool
}

// asksFor notes that somebody asks for the result of a shared run, and returns when.
func (w *World) asksFor(group Ref) (since int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.askers[group]++
	w.seq++
	return w.seq
}

// checkFresh: the result of a run that was over before somebody asked is not what that
// caller gets, and a caller who stays does not get a cancellation of those who left. kept
// is what a Lazy keeps.
func (w *World) checkFresh(o *Op, since int, v *Value, err error, kept bool) {
	if isCanceled(err) && errors.Is(err, async.ErrAbandoned) && !errors.Is(err, async.ErrCallPending) {
		w.failf("shared", "%s: %v, and this caller has not left", w.name(o), err)
	}
	if kept {
		return
	}
	w.mu.Lock()
	old := 0
	for _, token := range tokensWith(v, err) {
		if r := w.resultLocked(token); r.first > 0 && r.first < since {
			old = token
		}
	}
	w.mu.Unlock()
	if old != 0 {
		w.failf("shared", "%s returns result %d of a run that was over before", w.name(o), old)
	}
}

// shares notes what a Do said of its result.
func (w *World) shares(o *Op, v *Value, err error, shared bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, token := range tokensWith(v, err) {
		r := w.resultLocked(token)
		r.shares = append(r.shares, sharing{o, shared})
	}
}

// checkShared: shared is true where a result went to more than one, and the same for all
// (H1). It is false where nobody else has asked.
func (w *World) checkShared() {
	w.mu.Lock()
	var wrong string
	for _, r := range w.order {
		n := len(r.shares) + len(r.joined)
		for _, s := range r.shares {
			switch {
			case n > 1 && !s.shared:
				wrong = fmt.Sprintf("%s says that result %d is not shared, and it went to %d", w.name(s.o), r.token, n)
			case s.shared && w.askers[s.o.On] == 1:
				wrong = fmt.Sprintf("%s says that result %d is shared, and nobody else has asked", w.name(s.o), r.token)
			}
		}
	}
	w.mu.Unlock()
	if wrong != "" {
		w.failf("shared", "%s", wrong)
	}
}
