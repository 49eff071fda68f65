package hunt

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/seed4712c49f/async"
)

// The oracles, each named for what it checks. A failure of one is reported under that
// name, and HUNT_WITHOUT leaves those out that it names.

// Oracles are the names of all.
func Oracles() []string {
	return []string{
		"result", "raised", "wait", "blocked", "promise", "observer", "ledger", "unreleased", "registration",
		"slot", "limit", "context", "only", "lag", "timeout", "callback", "signal", "panic", "crash", "hang", "left", "endless", "collected",
	}
}

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

// checkBlocked: nobody waits who has no reason to, when nobody can go on (R6, W4, C2).
func (w *World) checkBlocked() {
	for _, a := range w.waiting() {
		if a.ctx != nil && a.ctx.Err() != nil && !w.queuesForSlot(a.o) {
			w.failf("blocked", "%s still waits though its context has ended: %v", w.name(a.o), a.ctx.Err())
		}
		if why := w.table[a.o.Do].over(w, a.o, a); why != "" {
			w.failf("blocked", "%s still waits though %s", w.name(a.o), why)
		}
	}
}

// queuesForSlot reports whether a wait may be over, and its function wait for a slot.
func (w *World) queuesForSlot(o *Op) bool { return o.Ctx.Base == Own }

func (w *World) waiting() (all []*action) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for a := range w.active {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *action) int { return a.seq - b.seq })
	return all
}

// checkEnded: a promise whose Begin's context has ended is complete (R14), and so is a
// call that waits for a slot (C1).
func (w *World) checkEnded() {
	w.mu.Lock()
	all := slices.Clone(w.begun)
	w.mu.Unlock()
	for _, b := range all {
		if !b.ok || b.loose || b.h == nil || b.h.beginsOK != 1 || b.parent.Err() == nil {
			continue
		}
		if i := b.h.c.Info(); i.State == async.StateQueued || b.promise && i.State == async.StateRunning {
			w.failf("promise", "the call of operation %d is %v, though the context that it was begun with has ended", b.site, i.State)
		}
	}
}

// checkQueues: no call waits for a slot while there is one (C1).
func (w *World) checkQueues() {
	for n := range w.vars[Scope] {
		s := w.scope(n)
		if s == nil || s.limit <= 0 {
			continue
		}
		if st := s.Stats(); st.Queued > 0 && st.Running-st.Lent < int64(s.limit) {
			w.failf("slot", "calls wait for a slot of %v, and there is one: %+v", s.Scope, st)
		}
	}
}

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
	case !r.made:
		return text("nobody has made it")
	case r.callback:
		if r.raised != 1 {
			return text("the panic of a callback has to be raised once")
		}
	case r.panics && policy == async.PanicCrash:
		return text("the program goes on after a panic under PanicCrash")
	case r.panics && policy == async.PanicReraise:
		if w.several && r.raised+r.taken == 0 {
			return ""
		}
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

// checkTimeouts: a context with a timeout ends when that is over, wherever it hangs.
func (w *World) checkTimeouts() {
	w.mu.Lock()
	all := slices.Clone(w.derived)
	w.mu.Unlock()
	for _, d := range all {
		if !d.at.IsZero() && time.Now().After(d.at) && d.ctx.Err() == nil {
			w.failf("timeout", "the context of operation %d has not ended %v after its deadline", d.site, time.Since(d.at))
		}
	}
}

// checkContexts: the context of a call that is complete has ended (R12), but for a
// stream whose handle is held.
func (w *World) checkContexts(released bool) {
	w.mu.Lock()
	all := slices.Clone(w.begun)
	w.mu.Unlock()
	for _, b := range all {
		if !b.ok || b.ctx == nil || b.loose || b.opts != nil && b.opts.Streaming && !released {
			continue
		}
		if b.ctx.Err() == nil {
			w.failf("context", "the context of the call of operation %d goes on, though the call is complete", b.site)
		}
	}
}

// checkFollowing: the context of a call that is pending has ended where Begin's has,
// when nobody can go on (R12).
func (w *World) checkFollowing() {
	w.mu.Lock()
	all := slices.Clone(w.begun)
	w.mu.Unlock()
	for _, b := range all {
		if !b.ok || b.ctx == nil || b.loose || b.parent.Err() == nil || b.ctx.Err() != nil {
			continue
		}
		oracle := "lag"
		if b.closed {
			oracle = "context" // it should have ended in any case
		}
		w.failf(oracle, "the context of the call of operation %d goes on, though Begin's has ended", b.site)
	}
}

// checkRegistration: nothing is left at a context of the program's (R12, S5).
func (w *World) checkRegistration(i int, x *ended) {
	n := 0
	switch {
	case x.ctx.Err() != nil || w.streams:
	case x.foreign != nil:
		n = x.foreign.registered()
	default:
		n = childrenOf(x.ctx)
	}
	if n > 0 {
		w.failf("registration", "%d registrations are left at ctx%d", n, i)
	}
}

// childrenOf counts what hangs on a context of package context.
func childrenOf(ctx any) int {
	v := reflect.ValueOf(ctx)
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return 0
	}
	if children := v.FieldByName("children"); children.IsValid() && children.Kind() == reflect.Map {
		return children.Len()
	}
	return 0
}

// checkObservers: each observer is told once, in order (C6).
func (w *World) checkObservers() {
	w.mu.Lock()
	var wrong string
	for n, seen := range w.observers {
		for _, id := range seen.order {
			if s := seen.calls[id].whatIsWrong(); s != "" {
				wrong = fmt.Sprintf("the observer of scope%d, call #%d: %s", n, id, s)
			}
		}
	}
	w.mu.Unlock()
	if wrong != "" {
		w.failf("observer", "%s", wrong)
	}
}

func (t *told) whatIsWrong() string {
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
	case t.started == 0 && t.err == nil && t.discarded > 1:
		return "told twice that one result was discarded"
	}
	return ""
}

// checkLedger: no count is negative, and they agree (C4). Of a scope that is over also
// with what its observer was told, and with what became of its results.
func (w *World) checkLedger(s *scopeVar, over bool) {
	st := s.Stats()
	for name, n := range map[string]int64{
		"Queued": st.Queued, "Running": st.Running, "Lent": st.Lent, "Pending": st.Pending, "Untaken": st.Untaken,
		"Stopping": st.Stopping, "Taken": st.Taken, "Discarded": st.Discarded,
	} {
		if n < 0 {
			w.failf("ledger", "%s of %v is %d: %+v", name, s.Scope, n, st)
		}
	}
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
	if taken != st.Taken && !w.several {
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
