package hunt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed4712c49f/async"
)

// The records of a run are what was observed.
type records struct {
	results map[int]*result // by token
	order   []*result
	mapped  bool // a Map was given panics: one that came late is in no ledger
}

// A result is what became of what a function returned, or panicked with.
type result struct {
	token      int
	made       bool
	unsure     bool // whether it was made is not known
	panics     bool
	fails      bool // an error comes with it
	callback   bool // it is a callback's panic, which is no result
	b          *begun
	taken      int  // handed to somebody
	discarded  int  // to Discard
	raised     int  // out of an operation that takes nothing, as Release
	shown      bool // by FirstError, which takes nothing: a panic is not lost (R15)
	by         []string
	finishes   map[*handle]int
	first      int             // when it was handed out first
	shares     []sharing       // what each Do said that got it
	joined     map[int]bool    // by family: the handles of Join that got it
	finishedAt map[*handle]int // when a handle had finished it
}

func (w *World) resultLocked(token int) *result {
	r := w.results[token]
	if r == nil {
		r = &result{token: token, finishes: make(map[*handle]int), finishedAt: make(map[*handle]int)}
		w.results[token] = r
		w.order = append(w.order, r)
	}
	return r
}

// made notes that a function returns, or panics with, a result.
func (w *World) made(token int, b *begun, panics bool) {
	w.mu.Lock()
	r := w.resultLocked(token)
	r.made, r.b, r.panics = true, b, panics
	b.gives = !panics
	w.mu.Unlock()
	if panics && w.raise != nil {
		crashes := b.scope > 0 && w.scope(b.scope-1).o.Panic == async.PanicCrash
		if b.parent != w.base || crashes {
			w.raise(b.family, "disturbed")
		}
		w.raise(b.family, "family")
		w.raise(token, "made")
		if b.mapped && !crashes {
			w.raise(token, "held")
		}
	}
}

// took notes that an operation has returned a result.
func (w *World) took(o *Op, h *handle, v *Value, err error) {
	tokens := tokensWith(v, err)
	for _, token := range tokens {
		w.gave(o, token, true)
	}
	if h == nil {
		return
	}
	w.mu.Lock()
	var wrong string
	for _, token := range tokens {
		r := w.resultLocked(token)
		if r.b != nil && !r.b.loose && r.b.family != h.family {
			wrong = fmt.Sprintf("%s returns the result %d of another call, begun by operation %d", w.name(o), token, r.b.site)
		}
		if h.joined {
			if r.joined == nil {
				r.joined = make(map[int]bool)
			}
			r.joined[h.family] = true
		}
		if o.Do == "finish" {
			r.finishes[h]++
			if r.finishes[h] > 1 {
				wrong = fmt.Sprintf("%s: result %d was finished twice by one handle", w.name(o), token)
			}
			r.finishedAt[h] = w.nowLocked().seq
		}
	}
	if o.Do == "finish" && (len(tokens) > 0 || err == nil || !isRefusal(err)) {
		h.finishes++
	}
	w.mu.Unlock()
	if wrong != "" {
		w.failf("result", "%s", wrong)
	}
}

// checkCurrent: what a handle had finished before an operation was begun, the operation
// returns no more: the handle is on no call then, or on another. The same is true of what
// the original of a clone had finished before it was cloned (R3, R13).
func (w *World) checkCurrent(o *Op, h *handle, begun int, v *Value, err error) {
	w.mu.Lock()
	old := 0
	for _, token := range tokensWith(v, err) {
		for d, before := h, begun; d != nil; d, before = d.of, d.born {
			if at := w.resultLocked(token).finishedAt[d]; at != 0 && at < before {
				old = token
			}
		}
	}
	w.mu.Unlock()
	if old != 0 {
		w.failf("result", "%s returns result %d, which had been finished before", w.name(o), old)
	}
}

func isRefusal(err error) bool {
	return err == async.ErrCallPending || err == async.ErrCallComplete || err == async.ErrReleased
}

// gave notes that a result came out of an operation: as one that was asked for, or
// as a panic that had to be raised somewhere.
func (w *World) gave(o *Op, token int, takes bool) {
	w.mu.Lock()
	r := w.resultLocked(token)
	if r.first == 0 {
		w.seq++
		r.first = w.seq
	}
	if takes {
		r.taken++
	} else {
		r.raised++
	}
	if o.Do == "map" {
		w.mapped = true
	}
	r.by = append(r.by, w.name(o))
	panics := r.panics
	w.mu.Unlock()
	if panics && w.raise != nil {
		w.raise(token, "given")
	}
}

// discarded notes that Discard was called.
func (w *World) discarded(o *Op, v *Value, err error) {
	tokens := tokensWith(v, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, token := range tokens {
		r := w.resultLocked(token)
		r.discarded++
		r.by = append(r.by, fmt.Sprintf("Discard of operation %d", o.Site))
	}
}

// signaled notes that an OnSignal function was called.
func (w *World) signaled(b *begun, i int) {
	if b == nil {
		return
	}
	w.mu.Lock()
	for len(b.signals) <= i {
		b.signals = append(b.signals, 0)
	}
	b.signals[i]++
	h := b.h
	w.mu.Unlock()
	if h != nil {
		w.sees(h) // the call is complete
	}
}

// waited checks how a wait ended: with the error of a wait only where its own context
// has ended, or its own time is up.
func (w *World) waited(ctx context.Context, o *Op, err error) {
	if !isWaitError(err) {
		return
	}
	e, _ := errors.AsType[*async.WaitError](err)
	switch {
	case e.Err == async.ErrTimeout:
		w.failf("wait", "%s: %v, though it has no time of its own", w.name(o), err)
	case ctx != nil && ctx.Err() == nil:
		w.failf("wait", "%s: %v, though its context has not ended", w.name(o), err)
	case !errors.Is(err, async.ErrCallPending):
		w.failf("wait", "%s: %v is not ErrCallPending", w.name(o), err)
	}
}

// isWaitError reports whether a wait has ended before what it waited for, also where its context was
// that of a call that was canceled. The error of a canceled call is none, whatever its cause.
func isWaitError(err error) bool {
	_, ok := errors.AsType[*async.WaitError](err)
	return ok
}

func isCanceled(err error) bool { return errors.Is(err, async.ErrCanceled) }

// waitedFor checks how a wait of so long ended.
func (w *World) waitedFor(o *Op, since time.Time, err error) {
	if err == nil || err == async.ErrReleased {
		return
	}
	if !errors.Is(err, async.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		w.failf("wait", "%s: %v is no timeout", w.name(o), err)
	}
	if time.Since(since) < o.D {
		w.failf("wait", "%s: %v after %v of %v", w.name(o), err, time.Since(since), o.D)
	}
}

// fails notes that an error comes with a result.
func (w *World) fails(token int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resultLocked(token).fails = true
}

// checkWhole: a value that came with an error is not handed out without the error (H2).
func (w *World) checkWhole(o *Op, v *Value) {
	w.mu.Lock()
	fails := w.resultLocked(v.Token).fails
	w.mu.Unlock()
	if fails {
		w.failf("result", "%s returns the value %d without the error that came with it", w.name(o), v.Token)
	}
}

// outcome checks what a wait for a call's result returned, which is one of what a
// call can end with.
func (w *World) outcome(o *Op, h *handle, v *Value, err error) {
	switch {
	case v != nil && err == nil, len(tokensOf(err)) > 0:
		w.took(o, h, v, err)
		if err == nil {
			w.checkWhole(o, v)
		}
		if v != nil && err != nil && tokensOf(err)[0] != v.Token {
			w.failf("result", "%s returns value %d with the error %v of another", w.name(o), v.Token, err)
		}
		return
	case err == nil:
		w.failf("result", "%s returns nothing and no error", w.name(o))
	case err == async.ErrReleased:
		w.mu.Lock()
		released := h == nil || h.releases
		w.mu.Unlock()
		if !released {
			w.failf("result", "%s: %v, and nobody has released it", w.name(o), err)
		}
	case err == async.ErrCallComplete, errors.Is(err, async.ErrGoexit), err == async.ErrBrokenPromise, isCanceled(err),
		errors.Is(err, async.ErrQueueFull), errors.Is(err, async.ErrScopeClosed), errors.Is(err, async.ErrCycle):
	case errors.Is(err, async.ErrCallPending):
	default:
		w.failf("result", "%s: %v, which no call ends with", w.name(o), err)
	}
	if v != nil {
		w.failf("result", "%s returns a value with %v", w.name(o), err)
	}
	if h != nil {
		w.took(o, h, nil, err)
	}
}
