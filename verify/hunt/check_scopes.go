package hunt

import (
	"errors"
	"fmt"

	"slices"

	"github.com/seed4712c49f/async"
)

// The oracles of scopes: limits, queues, the observer, the ledger, leak reports.

// checkLimit: never more functions run than the limit of the scope, a function that
// waits by its own context not counted (C1, C2).
func (w *World) checkLimit(scope int) {
	s := w.scope(scope - 1)
	if scope == 0 || s == nil || s.limit <= 0 {
		return
	}
	w.mu.Lock()
	n := w.running[scope]
	w.mu.Unlock()
	if n > s.limit {
		w.failf("limit", "%d functions run in %v, whose limit is %d", n, s.Scope, s.limit)
	}
}

// checkQueues: no call waits for a slot while there is one (C1).
func (w *World) checkQueues() {
	for n := range w.vars[Scope] {
		s := w.scope(n)
		if s == nil || s.limit <= 0 {
			continue
		}
		st := s.Stats()
		if st.Queued > 0 && st.Running-st.Lent < int64(s.limit) {
			w.failf("slot", "calls wait for a slot of %v, and there is one: %+v", s.Scope, st)
		}
		w.mu.Lock()
		used := w.running[n+1]
		w.mu.Unlock()
		if st.Queued > 0 && used < s.limit {
			w.failf("slot", "calls wait for a slot of %v, and %d functions are at work that have not lent theirs: %+v", s.Scope, used, st)
		}
	}
}

// checkObservers: each observer is told once, in order (C6).
func (w *World) checkObservers() {
	w.mu.Lock()
	var wrong string
	for n, seen := range w.observers {
		for _, id := range seen.order {
			if s := seen.calls[id].whatIsWrong(w.givesLate); s != "" {
				wrong = fmt.Sprintf("the observer of scope%d, call #%d: %s", n, id, s)
			}
		}
	}
	w.mu.Unlock()
	if wrong != "" {
		w.failf("observer", "%s", wrong)
	}
}

// whatIsWrong says what is wrong with what an observer was told of a call. Late values of
// promises may have been given away, each of which is discarded.
func (t *told) whatIsWrong(late bool) string {
	switch {
	case t.wrong != "":
		return t.wrong
	case t.begun != 1:
		return fmt.Sprintf("told %d times that it was begun", t.begun)
	case t.completed != 1:
		return fmt.Sprintf("told %d times that it is complete", t.completed)
	case t.started > 1:
		return fmt.Sprintf("told %d times that it was started", t.started)
	case t.abandoned > 1:
		return fmt.Sprintf("told %d times that it was abandoned", t.abandoned)
	case t.started == 0 && t.err == nil && t.discarded > 1 && !late:
		return "told twice that one result was discarded"
	}
	return ""
}

// checkLedger: no count is negative, and they agree (C4). Of a scope that is over also
// with what its observer was told, and with what became of its results.
func (w *World) checkLedger(s *scopeVar, over bool) {
	seen := w.seenComplete(s)
	st := s.Stats()
	if n := st.Begun - st.Pending; n < seen {
		w.failf("ledger", "%d calls of %v were seen complete, and %d are counted: %+v", seen, s.Scope, n, st)
	}
	for name, n := range map[string]int64{
		"Queued": st.Queued, "Running": st.Running, "Lent": st.Lent, "Pending": st.Pending, "Untaken": st.Untaken,
		"Stopping": st.Stopping, "Taken": st.Taken, "Discarded": st.Discarded,
	} {
		if n < 0 {
			w.failf("ledger", "%s of %v is %d: %+v", name, s.Scope, n, st)
		}
	}
	w.checkClosed(s, st)
	if sum := st.Returned + st.Failed + st.Canceled + st.Panicked + st.Goexited + st.Broken + st.Pending; sum != st.Begun {
		w.failf("ledger", "%v does not balance: %+v", s.Scope, st)
	}
	if !over {
		return
	}
	if st.Pending != 0 || st.Untaken != 0 {
		w.failf("ledger", "%v is over: %+v", s.Scope, st)
	}
	if st.Queued != 0 || st.Running != 0 || st.Lent != 0 || st.Stopping != 0 {
		w.failf("slot", "%v is over: %+v", s.Scope, st)
	}
	w.checkCounts(s, st)
}

// seenComplete counts the calls of a scope that are seen to be complete.
func (w *World) seenComplete(s *scopeVar) (n int64) {
	w.mu.Lock()
	var calls []*async.Call[*Value]
	for _, b := range w.begun {
		if b.ok && b.scope == s.n+1 && b.h != nil && b.h.beginsOK == 1 {
			calls = append(calls, b.h.c)
		}
	}
	w.mu.Unlock()
	for _, c := range calls {
		if c.IsDone() {
			n++
		}
	}
	return n
}

// checkCounts compares the ledger of a scope that is over with what was recorded.
func (w *World) checkCounts(s *scopeVar, st async.Stats) {
	w.mu.Lock()
	defer func() { w.mu.Unlock() }()
	var taken, discarded int64
	for _, r := range w.order {
		if r.b == nil || r.b.scope != s.n+1 || r.callback {
			continue
		}
		if r.taken > 0 || r.raised > 0 {
			taken++
		}
		discarded += int64(r.discarded)
	}
	wrong := ""
	if taken != st.Taken && !w.mapped {
		wrong = fmt.Sprintf("%d results were handed out, the ledger of %v says %d: %+v", taken, s.Scope, st.Taken, st)
	}
	if discarded > st.Discarded {
		wrong = fmt.Sprintf("%d results were discarded, the ledger of %v says %d: %+v", discarded, s.Scope, st.Discarded, st)
	}
	if seen := w.observers[s.n]; seen != nil && wrong == "" {
		wrong = seen.compare(st)
	}
	if wrong != "" {
		w.mu.Unlock()
		w.failf("ledger", "%s", wrong)
		w.mu.Lock()
	}
}

// compare compares what an observer was told with the ledger.
func (seen *observed) compare(st async.Stats) string {
	var told async.Stats
	for _, t := range seen.calls {
		told.Begun += int64(t.begun)
		told.Discarded += int64(t.discarded)
		var p *async.PanicError
		switch {
		case t.err == nil:
			told.Returned++
		case isCanceled(t.err):
			told.Canceled++
		case t.err == async.ErrBrokenPromise:
			told.Broken++
		case t.err == async.ErrGoexit:
			told.Goexited++
		case errors.As(t.err, &p):
			told.Panicked++
		default:
			told.Failed++
		}
	}
	if told.Begun != st.Begun || told.Discarded != st.Discarded || told.Returned != st.Returned || told.Canceled != st.Canceled ||
		told.Broken != st.Broken || told.Goexited != st.Goexited || told.Panicked != st.Panicked || told.Failed != st.Failed {
		return fmt.Sprintf("the observer was told %+v, the ledger says %+v", told, st)
	}
	return ""
}

// checkUnreleased: Unreleased names as many handles as there are (C6, H5). held is how
// many there should be.
func (w *World) checkUnreleased(s *scopeVar, held int) {
	if !s.o.Track {
		return
	}
	n := 0
	var first string
	for h := range s.Unreleased() {
		if n == 0 {
			first = fmt.Sprintf("%v", h.Call)
		}
		n++
	}
	if n != held {
		w.failf("unreleased", "Unreleased of %v names %d handles (the first on %s), and there are %d", s.Scope, n, first, held)
	}
}

// closed notes that a scope has been closed: it takes no other call from now on.
func (w *World) closed(s *scopeVar) {
	n := s.Stats().Begun
	w.mu.Lock()
	defer w.mu.Unlock()
	if !s.closed {
		s.closed, s.begun = true, n
	}
}

// checkClosed: a scope that was closed has taken no other call since (C3).
func (w *World) checkClosed(s *scopeVar, st async.Stats) {
	w.mu.Lock()
	closed, n := s.closed, s.begun
	w.mu.Unlock()
	if closed && st.Begun > n {
		w.failf("ledger", "%v has taken %d calls after it was closed: %+v", s.Scope, st.Begun-n, st)
	}
}

// checkGraph checks that a graph of a scope agrees with itself (V2): its edges are between
// the calls that they name, a wait for a call of a scope has an edge to it, and a deadlock
// is of calls each of which waits for one of it. A scope that is over has none.
func (w *World) checkGraph(s *scopeVar, over bool) {
	since := w.now()
	g := s.WaitGraph()
	until := w.now()
	if over && len(g.Calls)+len(g.Waits)+len(g.Cycles()) != 0 {
		w.failf("slot", "the graph of %v, which is over, has %v and %+v", s.Scope, g.Calls, g.Waits)
	}
	to := make(map[uint64][]uint64)
	for _, e := range g.Waits {
		if g.Calls[e.FromCall].ID != e.From || e.Kind == "" || (e.ToCall < 0) != (e.To == 0) || e.ToCall >= 0 && g.Calls[e.ToCall].ID != e.To {
			w.failf("slot", "%+v is no edge of %v", e, g.Calls)
		}
		to[e.From] = append(to[e.From], e.To)
	}
	for _, d := range g.Cycles() {
		w.checkReal(s, d, since, until)
		for _, c := range d {
			in := func(id uint64) bool { return slices.ContainsFunc(d, func(c async.CallInfo) bool { return c.ID == id }) }
			if len(c.WaitsFor) == 0 || !slices.ContainsFunc(to[c.ID], in) {
				w.failf("slot", "%v is in a deadlock of %v, and waits for %+v", c, d, c.WaitsFor)
			}
		}
	}
}
