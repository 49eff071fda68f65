package async

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/seed4712c49f/async/internal/dump"
	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
	"github.com/seed4712c49f/async/internal/scope"
)

// A home is what a place knows of its scope.
type home struct {
	name     string
	hub      scope.Hub
	observer Observer
}

// A function is the function of a call. run is the life of its goroutine, or a part of
// one: see core.run. [functionOf] is one, and in an errgroup a groupFunction around it.
type function interface {
	run(c *core) (next *scope.Member)
}

// A place is that of a call in a scope: the owner of the call, and the member of the
// scope's hub that the call is. The hub keeps the books; a place knows what of a call
// goes into them, tells the observer of the scope, and records handles for leak reports.
type place struct {
	scope.Member // first: see memberPlace
	record
	core *core
	fn   function // nil for a promise, for a call that never runs, and when it has run
}

// init makes pl the place of a call that is about to begin, and returns its record.
func (pl *place) init(t *terms, c *core) *record {
	pl.record = record{t, pl}
	pl.core = c
	pl.Init(&t.home.(*home).hub)
	return &pl.record
}

// newRecord returns what a call is begun with: in a scope, the record of a place there.
func newRecord(t *terms, c *core) *record {
	if t.isScoped() {
		return new(place).init(t, c)
	}
	return t.plain()
}

// placeOf returns the place of a call in its scope, or nil. The call has begun, or is
// about to.
func placeOf(c *core) *place {
	pl, _ := c.owner().(*place)
	return pl
}

// memberPlace returns the place that m is part of. A member is made as the first field of
// a place and in no other way, so the address of the one is that of the other.
func memberPlace(m *scope.Member) *place { return (*place)(unsafe.Pointer(m)) }

func memberJob(m *scope.Member) scope.Job { return memberPlace(m) }

// A place is a [scope.Job].

// Context returns the context that the call was begun with.
func (pl *place) Context() context.Context { return pl.core.ctx }

// Cancel cancels the call and reports true, or that the call is complete.
func (pl *place) Cancel(cause error) bool { return pl.core.cancel(cause, due{}) }

// Run runs the function of the call.
func (pl *place) Run() *scope.Member {
	fn := pl.fn
	pl.fn = nil
	return fn.run(pl.core)
}

func (pl *place) observer() *Observer { return &pl.home.(*home).observer }

// admit takes the call into the scope, or says why not. It reports whether the function
// may start. function is false for a call without one. room is true where the scope keeps
// a place for the call.
func (pl *place) admit(function, room bool) (start bool, err error) {
	if pl.terms.track {
		pl.Attach(&trace{began: callers(), handles: make(map[any]origin)})
	}
	start, why := pl.Admit(function, pl.observer().Begun != nil, room)
	switch {
	case why == scope.Closed:
		return false, ErrScopeClosed
	case why == scope.Full:
		return false, ErrQueueFull
	case pl.terms.track:
		pl.Keep()
	}
	return start, nil
}

// makeRoom waits until the scope has room for a call with a function, where WaitForRoom asks
// for that (C9). The function that waits so lends its slot. No lock is held: makeRoom may
// take as long as ctx lasts. Where room is true, the scope keeps a place for the call, which
// start takes; a caller that does not come to start gives the place to freeRoom. Where
// ended is true, ctx has ended, and no place is kept.
func (t *terms) makeRoom(ctx context.Context) (room, ended bool) {
	if !t.waitsForRoom() {
		return false, false
	}
	u := untilDone(ctx) // before there is anything to give back: it may be anybody's code
	room, w := t.home.(*home).hub.Reserve()
	if w != nil {
		room = awaitRoom(u, w)
	}
	if ctx.Err() == nil {
		return room, false
	}
	t.freeRoom(room)
	return false, true
}

// waitsForRoom reports whether a function that is begun with the terms is to wait for
// room in its scope.
func (t *terms) waitsForRoom() bool { return t.isScoped() && t.room }

// freeRoom gives the place of makeRoom back, if there is one.
func (t *terms) freeRoom(room bool) {
	if room {
		t.home.(*home).hub.Free()
	}
}

// awaitRoom waits until w has a place, the scope is closed, or u ends the wait, and reports
// whether w has a place.
func awaitRoom(u latch.Until, w *scope.Waiter) (room bool) {
	u.Lend()
	defer u.Regain()
	select {
	case <-w.Ready():
	case <-w.Closed():
	case <-u.Done:
	}
	sched.Point("woken")
	return w.Leave()
}

// refused counts and tells that the scope has not accepted a call, where the call was to
// be begun with ctx in one. No lock is held.
func (t *terms) refused(ctx context.Context, err error) {
	if !t.isScoped() {
		return
	}
	h := t.home.(*home)
	h.hub.Refused()
	if f := h.observer.Refused; f != nil {
		f(CallInfo{Name: t.name, Err: err}.begunWith(ctx, h))
	}
}

// expired cancels a call whose context ended while the call was queued, should the watch
// be late, and reports whether it did.
func (pl *place) expired() bool {
	ctx := pl.core.ctx
	if !pl.Waited() || ctx.Err() == nil {
		return false
	}
	pl.core.cancel(context.Cause(ctx), due{})
	return true
}

// A place is an [owner].

func (pl *place) completing(bits uint64) {
	promise := pl.core.Word.Load()&bitPromise != 0
	pl.Completing(outcomeOf(bits, promise), promise || bits&bitCanceled != 0)
}

func outcomeOf(bits uint64, promise bool) scope.Outcome {
	switch {
	case bits&bitCanceled != 0:
		return scope.Canceled
	case bits&(bitPanicked|bitCaught) != 0:
		return scope.Panicked
	case bits&bitResult == 0 && promise:
		return scope.Broken
	case bits&bitResult == 0:
		return scope.Goexited
	case bits&bitFailed != 0:
		return scope.Failed
	}
	return scope.Returned
}

func (pl *place) completed(w uint64, d due) {
	if w&(bitCanceled|bitPromise) != 0 { // no function completes it
		defer pl.Told()
		if pl.Settled() {
			pl.Run() // finds the call complete, and lets go of the function
		}
	}
	d.tell(w, pl.tellCompleted(w))
}

// tellCompleted returns what tells the observer that the call is complete, or nil. The
// function of a call that was abandoned, and not canceled, has returned then, too.
func (pl *place) tellCompleted(w uint64) (tell func()) {
	completed, returned := pl.observer().Completed, pl.observer().Returned
	if w&(bitCanceled|bitPromise) != 0 || latch.Refs(w) != 0 {
		returned = nil
	}
	if completed == nil && returned == nil {
		return nil
	}
	return func() {
		if completed != nil {
			pl.tell(completed)
		}
		if returned != nil {
			pl.tell(returned)
		}
	}
}

func (pl *place) taken(w uint64) {
	if w&(bitResult|bitPanicked) != 0 {
		pl.Taken()
	}
}

func (pl *place) discarded(w uint64, err error) (tell func()) {
	pl.Discarded(w&bitResult == 0)
	f := pl.observer().Discarded
	if f == nil {
		return nil
	}
	return func() {
		info := pl.info()
		info.Err = err
		f(info)
	}
}

func (pl *place) gone(w uint64) (tell func(), seen bool) {
	if pl.terms.track {
		pl.Unkeep(func() bool { return latch.HandlesOf(pl.core.Word.Load()) == 0 }) // a Signal of a finished call may have come since
	}
	f := pl.observer().Abandoned
	lost := w&latch.BitSet == 0 || w&(bitResult|bitTaken) == bitResult
	if f == nil || !lost {
		return nil, false
	}
	return func() { pl.tell(f) }, false
}

func (pl *place) queued(withdraw bool) bool {
	if withdraw {
		return pl.Withdraw()
	}
	return pl.Look().Queued
}

func (pl *place) lender() latch.Slot {
	if !pl.Hub().Limited() {
		return nil
	}
	return &pl.Member
}

func (pl *place) spawn(f func()) { pl.Hub().Spawn(f) }

// tell calls one of the observer's functions.
func (pl *place) tell(f func(CallInfo)) { f(pl.info()) }

// membersOf returns the members of the scope in whose functions ctx is used. A promise
// has no function: its context may be used by anybody, and the promise be complete while
// that goes on.
func (h *home) membersOf(ctx context.Context) (own []*scope.Member) {
	for c := coreOf(ctx); c != nil; c = coreOf(c.ctx) {
		if pl := placeOf(c); pl != nil && pl.home == h && c.Word.Load()&bitPromise == 0 {
			own = append(own, &pl.Member)
		}
	}
	return own
}

// infoOf is what there is to know of a call, or of none.
func infoOf(c *core) CallInfo {
	if c == nil || c.Word.Load()&bitBegun == 0 {
		return CallInfo{}
	}
	if pl := placeOf(c); pl != nil {
		return pl.info()
	}
	return c.baseInfo()
}

// info is what there is to know of the call.
func (pl *place) info() CallInfo {
	i := pl.core.baseInfo()
	look := pl.Look()
	i.ID, i.Lent = pl.ID(), look.Lent
	i.Began, i.Started, i.Canceled = pl.time(pl.Began()), pl.time(look.Started), pl.time(look.Canceled)
	if i.State == StateRunning && look.Queued {
		i.State = StateQueued
	}
	if pl.terms.track {
		i.Stack = frames(pl.trace().began)
	}
	return i.begunWith(pl.core.ctx, pl.home.(*home))
}

// time returns a time on the clock of the hub; 0 there is the zero Time.
func (pl *place) time(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return pl.Hub().Time(at)
}

// begunWith returns i with what the context tells that a call of h is begun with.
func (i CallInfo) begunWith(ctx context.Context, h *home) CallInfo {
	i.Scope = h.name
	i.Deadline, _ = ctx.Deadline()
	if parent := parentOf(ctx); parent != nil {
		i.Parent = parent.ID()
		if of := parent.home.(*home); of != h {
			i.ParentScope = of.name
		}
	}
	return i
}

// parentOf returns the nearest call of a scope whose context ctx is, or is made from; or
// nil. The contexts tell that, so no call has to remember its parent.
func parentOf(ctx context.Context) *place {
	for c := coreOf(ctx); c != nil; c = coreOf(c.ctx) {
		if pl := placeOf(c); pl != nil {
			return pl
		}
	}
	return nil
}

// path appends the names of the calls of the scope that this one is below, the outermost
// first, and its own; a call that is nested too deep for a dump has one name too many.
func (pl *place) path(names []string) []string {
	for p := pl; p != nil && len(names) <= dump.MaxDepth; p = parentOf(p.core.ctx) {
		if p.home == pl.home {
			names = append(names, cmp.Or(p.name, "call"))
		}
	}
	slices.Reverse(names)
	return names
}

// dumpState is what a dump says of a call that is in flight.
func (pl *place) dumpState(look scope.Look) dump.State {
	switch w := pl.core.Word.Load(); {
	case w&latch.BitSet == 0 && look.Queued:
		return dump.Queued
	case w&latch.BitSet == 0 && look.Lent:
		return dump.Lent
	case w&latch.BitSet == 0:
		return dump.Running
	case w&bitCanceled != 0:
		return dump.Stopping
	}
	return dump.Ending
}

// A trace is what a scope with Track knows of one call: where it was begun, and where
// each handle on it comes from.
type trace struct {
	began []uintptr

	mu      sched.Mutex    // taken after all others; the scope is not held up by a call with many handles
	handles map[any]origin // of a *handle or *Signal
}

// An origin is where a handle comes from.
type origin struct {
	stack []uintptr
	clone bool
	taken bool // the outcome was taken through it
}

// trace returns the trace of a call in a scope with Track.
func (pl *place) trace() *trace { return pl.Attached().(*trace) }

// A place is a [tracker]: it records where a handle comes from, a clone from where the
// caller is.

func (pl *place) track(handle any, clone bool) {
	t := pl.trace()
	from := origin{stack: t.began, clone: clone}
	if clone {
		from.stack = callers()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handles[handle] = from
}

func (pl *place) took(handle any) {
	t := pl.trace()
	t.mu.Lock()
	defer t.mu.Unlock()
	if from, ok := t.handles[handle]; ok && !from.taken {
		from.taken = true
		t.handles[handle] = from
	}
}

func (pl *place) untrack(handle any) {
	t := pl.trace()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.handles, handle)
}

func (pl *place) back() { pl.Keep() }

// unreleased returns the handles of the call.
func (pl *place) unreleased() (hs []HandleInfo) {
	call := pl.info()
	w := pl.core.Word.Load()
	untaken := w&(bitResult|bitPanicked) != 0 && w&bitTaken == 0
	if w&bitPanicked != 0 {
		pl.core.disarm() // a report has it (R15)
	}
	t := pl.trace()
	t.mu.Lock()
	from := slices.Collect(maps.Values(t.handles))
	t.mu.Unlock()
	for _, from := range from {
		hs = append(hs, HandleInfo{
			Call: call, Untaken: untaken, Clone: from.clone, Stack: frames(from.stack),
			Taken: from.taken && !pl.terms.stream,
		})
	}
	slices.SortFunc(hs, func(a, b HandleInfo) int { return cmp.Compare(a.Stack, b.Stack) })
	for range call.Handles - len(hs) {
		hs = append(hs, HandleInfo{Call: call, Untaken: untaken, Clone: true})
	}
	return hs
}

// callers returns the stack of the calling goroutine.
func callers() []uintptr {
	pcs := make([]uintptr, 64)
	return pcs[:runtime.Callers(2, pcs)]
}

// frames prints a stack as panics do, from the first function outside of this
// package.
func frames(pcs []uintptr) string {
	var b strings.Builder
	more := len(pcs) > 0
	for fs := runtime.CallersFrames(pcs); more; {
		var f runtime.Frame
		f, more = fs.Next()
		if b.Len() == 0 && strings.HasPrefix(f.Function, packagePrefix) {
			continue
		}
		fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
	}
	return b.String()
}

// packagePrefix begins the names of this package's functions.
const packagePrefix = "github.com/seed4712c49f/async."
