package async

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
	"unsafe"

	"github.com/seed4712c49f/async/internal/dump"
	"github.com/seed4712c49f/async/internal/handles"
	"github.com/seed4712c49f/async/internal/knot"
	"github.com/seed4712c49f/async/internal/label"
	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/parked"
	"github.com/seed4712c49f/async/internal/sched"
	"github.com/seed4712c49f/async/internal/scope"
	"github.com/seed4712c49f/async/internal/stack"
)

// A home is what a place knows of its scope.
type home struct {
	name     string
	hub      scope.Hub
	observer Observer
	stacks   *stack.Table  // with Track; else nil
	labels   *label.Labels // with Labels; else nil
	seen     bool          // something is told or asked where functions run; see place.call
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
//
// Where the scope tracks its calls, the stack is recorded here, where it is least deep: to
// walk it is most of what Track costs.
func (pl *place) init(t *terms, c *core) *record {
	h := t.home.(*home)
	pl.record = record{t, pl}
	pl.core = c
	pl.Init(&h.hub)
	if t.track {
		x := &trace{began: h.stacks.Here()}
		pl.Attach(&x.Extra, x)
	}
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
	if pl.home.(*home).seen {
		growStack(1)
	}
	return fn.run(pl.core)
}

// growStack has the stack of the goroutine grow, which is at its beginning. What a scope
// tells and asks while a function runs does not fit into the first stack of a goroutine.
// To grow costs time for each frame that is on the stack, and now there are few.
//
//go:noinline // or the frame would be that of the caller
func growStack(at int) byte {
	var frame [2048]byte
	frame[at] = 1 // or the compiler would see that the frame is of no use
	return frame[at/2]
}

func (pl *place) observer() *Observer { return &pl.home.(*home).observer }

// admit takes the call into the scope, or says why not. It reports whether the function
// may start. function is false for a call without one. room is true where the scope keeps
// a place for the call.
func (pl *place) admit(function, room bool) (start bool, err error) {
	start, why := pl.Admit(function, pl.observer().Begun != nil, room)
	switch {
	case why == scope.Closed:
		return false, ErrScopeClosed
	case why == scope.Full:
		return false, ErrQueueFull
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
		room = awaitRoom(waitingKind(u, "room", t.home.(*home).name), w)
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
		i := CallInfo{Name: t.name, Err: err, Context: ctx}
		setBegunWith(&i, ctx, h)
		f(i)
	}
}

// asksForContext reports whether the observer of the scope makes the contexts that calls are
// begun with.
func (t *terms) asksForContext() bool {
	return t.isScoped() && t.home.(*home).observer.BeginContext != nil
}

// beginContext returns the context that a call is begun with, where its caller gave ctx.
// It is asked once for a call, without any lock, and before anybody else knows the call.
func (t *terms) beginContext(ctx context.Context) context.Context {
	if !t.asksForContext() {
		return ctx
	}
	h := t.home.(*home)
	i := CallInfo{Name: t.name, Context: ctx}
	setBegunWith(&i, ctx, h)
	ctx = h.observer.BeginContext(ctx, i)
	if ctx == nil {
		panic("async: BeginContext of an Observer returned a nil context")
	}
	return ctx
}

// joined tells that a caller with ctx shares the call, which is a run.
func (pl *place) joined(ctx context.Context) {
	if f := pl.observer().Joined; f != nil {
		pl.tell(func(c CallInfo) { f(ctx, c) })
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
		pl.tell(func(info CallInfo) {
			info.Err = err
			f(info)
		})
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
	switch {
	case pl.terms.track:
		return (*tracked)(pl)
	case pl.Hub().Limited():
		return &pl.Member
	}
	return nil
}

func (pl *place) spawn(f func()) { pl.Hub().Spawn(f) }

// tell calls one of the observer's functions.
func (pl *place) tell(f func(CallInfo)) { f(pl.toTell()) }

// toTell is what the observer is told of the call.
func (pl *place) toTell() CallInfo {
	i := pl.info()
	i.Context = pl.core.ctx
	return i
}

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
	var i CallInfo
	c.fill(&i)
	return i
}

// info is what there is to know of the call.
func (pl *place) info() (i CallInfo) {
	look := pl.Look()
	pl.fill(&i, &look)
	if pl.terms.track {
		i.WaitsFor = pl.waitsFor(look.InQueue, pl.waits(nil))
	}
	return i
}

// fill sets all of i but WaitsFor.
func (pl *place) fill(i *CallInfo, look *scope.Look) {
	pl.core.fill(i)
	i.ID, i.Lent = pl.ID(), look.Lent
	i.Began, i.Started, i.Canceled = pl.time(pl.Began()), pl.time(look.Started), pl.time(look.Canceled)
	if i.State == StateRunning && look.Queued {
		i.State = StateQueued
	}
	if pl.terms.track {
		i.Stack = pl.trace().began.String()
	}
	setBegunWith(i, pl.core.ctx, pl.home.(*home))
}

// time returns a time on the clock of the hub; 0 there is the zero Time.
func (pl *place) time(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return pl.Hub().Time(at)
}

// setBegunWith sets what the context tells that a call of h is begun with.
func setBegunWith(i *CallInfo, ctx context.Context, h *home) { //nolint:revive // what is set comes first
	i.Scope = h.name
	i.Deadline, _ = ctx.Deadline()
	if parent := parentOf(ctx); parent != nil {
		i.Parent = parent.ID()
		if of := parent.home.(*home); of != h {
			i.ParentScope = cmp.Or(of.name, unnamedScope)
		}
	}
}

// unnamedScope is the name of another scope that has none: an empty name would say that the
// scope is the same.
const unnamedScope = "(unnamed)"

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

// A trace is what a scope with Track knows of one call: where it was begun, where each
// handle on it comes from, and what its function waits for. It has the part of the member
// that it needs, too, so that both are one allocation.
type trace struct {
	scope.Extra
	began   *stack.Stack
	handles handles.Handles
	waits   parked.List
}

// trace returns the trace of a call in a scope with Track.
func (pl *place) trace() *trace { return pl.Attached().(*trace) }

// A place is a [tracker]: it records where a handle comes from, a clone from where the
// caller is.

func (pl *place) track(handle any, clone bool) {
	t := pl.trace()
	from := handles.Origin{Stack: t.began, Clone: clone}
	if clone {
		from.Stack = pl.home.(*home).stacks.Here()
	}
	t.handles.Add(handle, from)
}

func (pl *place) took(handle any)    { pl.trace().handles.Took(handle) }
func (pl *place) untrack(handle any) { pl.trace().handles.Remove(handle) }
func (pl *place) back()              { pl.Keep() }

// unreleased returns the handles of the call.
func (pl *place) unreleased() (hs []HandleInfo) {
	call := pl.info()
	w := pl.core.Word.Load()
	untaken := w&(bitResult|bitPanicked) != 0 && w&bitTaken == 0
	if w&bitPanicked != 0 {
		pl.core.disarm() // a report has it (R15)
	}
	for _, from := range pl.trace().handles.All() {
		hs = append(hs, HandleInfo{
			Call: call, Untaken: untaken, Clone: from.Clone, Stack: from.Stack.String(),
			Taken: from.Taken && !pl.terms.stream,
		})
	}
	slices.SortFunc(hs, func(a, b HandleInfo) int { return cmp.Compare(a.Stack, b.Stack) })
	for range call.Handles - len(hs) {
		hs = append(hs, HandleInfo{Call: call, Untaken: untaken, Clone: true})
	}
	return hs
}

// A tracked is the place of a call in a scope with Track, as what the function lends while
// it waits: a [noter].
type tracked place

// note notes a wait of the function.
func (x *tracked) note(w *waited, end <-chan struct{}) latch.Slot {
	pl := (*place)(x)
	if pl.Hub().Limited() {
		return pl.trace().waits.New(w, end, &pl.Member)
	}
	return pl.trace().waits.New(w, end, nil)
}

// The slot of a wait that nobody has said anything of. Nothing is noted.

func (x *tracked) Lend() {
	if x.Hub().Limited() {
		x.Member.Lend()
	}
}

func (x *tracked) TryRegain() bool { return !x.Hub().Limited() || x.Member.TryRegain() }

func (x *tracked) Regain() {
	if x.Hub().Limited() {
		x.Member.Regain()
	}
}

// waits appends what the goroutines of the function are parked in: nothing without Track.
func (pl *place) waits(to []parked.Look) []parked.Look {
	if !pl.terms.track {
		return to
	}
	return pl.trace().waits.Looks(to)
}

// maxWaitsFor is how many of the things that one wait is for are listed in a CallInfo.
const maxWaitsFor = 100

// waitsFor says what the function of a call with Track waits for.
func (pl *place) waitsFor(queued bool, looks []parked.Look) (infos []WaitInfo) {
	if queued {
		infos = append(infos, WaitInfo{Kind: "slot", Name: pl.home.(*home).name, Since: pl.time(pl.Began())})
	}
	for _, l := range looks {
		infos = append(infos, pl.waitInfos(l)...)
	}
	return infos
}

// waitInfos says what one wait is for.
func (pl *place) waitInfos(l parked.Look) (infos []WaitInfo) {
	info := WaitInfo{Since: l.Since, Line: l.Wait.Line()}
	for i, thing := range left(l) {
		if i == maxWaitsFor {
			info.Kind, info.Name = "more", fmt.Sprint(len(left(l))-i)
			infos = append(infos, info)
			break
		}
		infos = append(infos, info.of(thing, pl))
	}
	return infos
}

// of returns i for one thing that the function at pl waits for.
func (i WaitInfo) of(thing any, pl *place) WaitInfo {
	switch t := thing.(type) {
	case *core:
		i.Kind, i.Name = "call", t.name()
		if to := servedBy(t); to != nil {
			i.Name, i.Scope, i.Call = to.name, to.home.(*home).name, to.ID()
		}
	case *Event:
		i.Kind = "event"
	case context.Context:
		i.Kind, i.Name = "context", fmt.Sprintf("%T", t)
	case Chan:
		i.Kind = "channel"
	case regained:
		i.Kind, i.Name = "slot", pl.home.(*home).name
	case *waited:
		i.Kind, i.Name = t.kind, t.name
	default:
		i.Kind, i.Name = "channel", fmt.Sprintf("%T", t)
	}
	return i
}

// A regained is the thing that a goroutine waits for which wants the slot of its function
// back.
type regained struct{}

// left returns the things that a wait is for and that are not complete, as far as it can be
// known: a channel is not asked. What has a kind and is no thing stands for itself.
func left(l parked.Look) (things []any) {
	w := l.For.(*waited)
	if l.Regains {
		return []any{regained{}}
	}
	for thing := range w.things() {
		if t, ok := thing.(target); !ok || t.source().Word.Load()&latch.BitSet == 0 {
			things = append(things, thing)
		}
	}
	if w.kind != "" {
		things = append(things, w)
	}
	return things
}

// servedBy returns the place of the call that has to be complete before c is: its own, or,
// of a handle of Group.Join, that of the run. It returns nil for a call of no scope.
func servedBy(c *core) *place {
	if c.Word.Load()&bitBegun == 0 {
		return nil
	}
	if j, ok := c.owner().(interface{ copied() *core }); ok {
		c = j.copied()
	}
	return placeOf(c)
}

// A web is who waits for whom, among calls that wait: a look at their waits, and what
// follows from it. Only calls with Track are known to wait. One goroutine uses a web.
type web struct {
	nodes []node
	of    map[*place]int // the index of each node
	most  int            // how many nodes there may be; 0: any number
}

// A node is a call whose function waits, and that is not complete.
type node struct {
	pl    *place
	looks []parked.Look
}

// newWeb returns a web of no more than most calls, or of any number where most is 0.
func newWeb(most int) *web { return &web{of: make(map[*place]int), most: most} }

// add looks at a call, and adds it if its function waits. It returns what it has seen.
func (w *web) add(pl *place) []parked.Look {
	looks := pl.waits(nil)
	if _, ok := w.of[pl]; !ok && len(looks) > 0 && !w.isFull() {
		w.of[pl] = len(w.nodes)
		w.nodes = append(w.nodes, node{pl, looks})
	}
	return looks
}

func (w *web) isFull() bool { return w.most > 0 && len(w.nodes) >= w.most }

// follow adds the calls that those in the web wait for, in this scope and in others.
func (w *web) follow() {
	for i := 0; i < len(w.nodes); i++ { //nolint:intrange // there come more on the way
		for _, l := range w.nodes[i].looks {
			for _, thing := range left(l) {
				if to := placeOfThing(thing); to != nil {
					w.add(to)
				}
			}
		}
	}
}

// placeOfThing returns the place of the call that is waited for, or nil where the thing is
// no call of a scope.
func placeOfThing(thing any) *place {
	if c, ok := thing.(*core); ok {
		return servedBy(c)
	}
	return nil
}

// deadlocks returns the deadlocks in the web (V2). The web is a first look at each of its
// calls. deadlocks looks again at those that are stuck as far as the first look goes, and
// keeps those that are still in the same waits: at the moment between the two looks, all of
// them were. So a deadlock that is found is one, although nothing was stopped.
func (w *web) deadlocks() [][]int {
	g := make(knot.Graph, len(w.nodes))
	for i := range g {
		g[i] = w.needs(i)
	}
	again := make(knot.Graph, len(w.nodes))
	sched.Point("look again")
	for _, i := range g.Stuck() {
		if w.isSame(i) {
			again[i] = w.needs(i)
		}
	}
	return again.Deadlocks()
}

// isSame reports whether a call is in the same waits as before, and not complete.
func (w *web) isSame(i int) bool {
	n := w.nodes[i]
	return !n.pl.core.IsSet() && slices.EqualFunc(n.looks, n.pl.waits(nil), func(a, b parked.Look) bool {
		return a.Wait == b.Wait && a.Generation == b.Generation
	})
}

// needs returns what has to happen before the function of a call goes on. A function of
// which no wait is one of a goroutine that runs functions may go on by itself; and so may
// a promise, which anybody may complete.
func (w *web) needs(i int) (needs []knot.Need) {
	pl, own := w.nodes[i].pl, false
	if word := pl.core.Word.Load(); word&(latch.BitSet|bitPromise) != 0 {
		return nil
	}
	for _, l := range w.nodes[i].looks {
		own = own || l.Own
		needs = append(needs, w.need(l))
	}
	if !own {
		return nil
	}
	return needs
}

// need returns what has to happen before a wait ends. A wait that something has ended
// already, and one for a slot, needs nothing that is known: a slot is held by functions
// that run, since one that waits by its context has lent its own.
func (w *web) need(l parked.Look) knot.Need {
	wd := l.For.(*waited)
	n := knot.Need{All: wd.mode == untilAll, Out: wd.kind != ""}
	if l.Regains || latch.Ready(l.End) {
		return knot.Need{Out: true}
	}
	seen := 0
	for thing := range wd.things() {
		t, ok := thing.(target)
		switch {
		case ok && t.source().IsSet():
			seen++
			n.Out = n.Out || wd.mode == untilFailure && t.source().Word.Load()&bitFailed != 0
			continue
		case ok:
			if j, known := w.of[placeOfThing(thing)]; known {
				n.For = append(n.For, j)
				continue
			}
		}
		n.Out = true
	}
	n.Out = n.Out || wd.mode == untilAny && seen > wd.came || wd.mode != untilAll && len(n.For) == 0
	return n
}

// maxDumped is among how many calls that wait a dump looks for deadlocks.
const maxDumped = 10_000

// deadlocked returns the deadlocks among the calls of the scope and those that they wait
// for, for a dump. It reports whether there were calls that it did not look at.
func (h *home) deadlocked() (deadlocks [][]dump.Step, more bool) {
	w := newWeb(maxDumped)
	for m := range h.hub.Members() {
		w.add(memberPlace(m))
	}
	w.follow()
	for _, d := range w.deadlocks() {
		steps := make([]dump.Step, len(d))
		for i, n := range d {
			steps[i] = w.step(h, n, d)
		}
		deadlocks = append(deadlocks, steps)
	}
	return deadlocks, w.isFull()
}

// step says which call of a deadlock the one with the index i waits for, seen from h.
func (w *web) step(h *home, i int, d []int) dump.Step {
	s := dump.Step{Call: w.nodes[i].pl.callOf(h)}
	for _, l := range w.nodes[i].looks {
		for _, thing := range left(l) {
			to := placeOfThing(thing)
			if j, known := w.of[to]; known && slices.Contains(d, j) {
				s.For, s.Since, s.Line = to.callOf(h), l.Since, l.Wait.Line()
				return s
			}
		}
	}
	return s
}

// callOf names the call for a dump of h.
func (pl *place) callOf(h *home) dump.Name {
	n := dump.Name{Call: cmp.Or(pl.name, "call"), ID: pl.ID()}
	if of := pl.home.(*home); of != h {
		n.Scope = cmp.Or(of.name, unnamedScope)
	}
	return n
}

// A drawing is a [Graph] that is being made.
type drawing struct {
	Graph
	home   *home
	web    *web
	places []*place       // of Calls
	of     map[*place]int // the index in Calls of those that somebody waits for, or that wait
	holds  []int          // the first calls that hold a slot
	queued int            // queued calls that were drawn
}

// maxHolders is how many of the calls that hold a slot a queued call is said to wait for,
// and manyQueued how many queued calls are said to wait for more than the first of them: a
// scope may have a million queued calls, and a thousand that run.
const (
	maxHolders = 8
	manyQueued = 1000
)

// graph returns who waits for whom.
func (h *home) graph() Graph {
	d := &drawing{home: h, web: newWeb(0), of: make(map[*place]int)}
	for m := range h.hub.Members() {
		pl := memberPlace(m)
		if look := pl.Look(); !look.Over {
			if look.Held && len(d.holds) < maxHolders {
				d.holds = append(d.holds, len(d.Calls))
			}
			d.list(pl, look, d.web.add(pl))
		}
	}
	d.web.follow()
	deadlocks := d.web.deadlocks()
	d.number()
	for i := range d.Calls {
		d.draw(i)
	}
	for _, nodes := range deadlocks {
		d.circle(nodes)
	}
	return d.Graph
}

// list adds a call to those of the graph.
func (d *drawing) list(pl *place, look scope.Look, looks []parked.Look) {
	d.places = append(d.places, pl)
	d.Calls = append(d.Calls, CallInfo{})
	i := &d.Calls[len(d.Calls)-1]
	pl.fill(i, &look)
	if pl.terms.track {
		i.WaitsFor = pl.waitsFor(look.InQueue, looks)
	}
}

// number gives an index to each call that waits or is waited for, and lists those that are
// not listed: calls of other scopes.
func (d *drawing) number() {
	d.eachInWeb(func(pl *place, _ []parked.Look) { d.of[pl] = -1 })
	for i, pl := range d.places {
		if _, ok := d.of[pl]; ok {
			d.of[pl] = i
		}
	}
	d.eachInWeb(func(pl *place, looks []parked.Look) {
		if look := pl.Look(); d.of[pl] < 0 && !look.Over {
			d.of[pl] = len(d.Calls)
			d.list(pl, look, looks)
		}
	})
}

// eachInWeb calls f for each call that waits, and then for each that is waited for, some of
// them more than once.
func (d *drawing) eachInWeb(f func(pl *place, looks []parked.Look)) {
	for _, n := range d.web.nodes {
		f(n.pl, n.looks)
	}
	for _, n := range d.web.nodes {
		for _, l := range n.looks {
			for _, thing := range left(l) {
				if to := placeOfThing(thing); to != nil {
					f(to, nil)
				}
			}
		}
	}
}

// draw adds the waits of a call.
func (d *drawing) draw(from int) {
	pl := d.places[from]
	if d.Calls[from].State == StateQueued {
		d.drawQueued(from)
	}
	n, waits := d.web.of[pl]
	if !waits {
		return
	}
	for _, l := range d.web.nodes[n].looks {
		info := WaitInfo{Since: l.Since, Line: l.Wait.Line()}
		for _, thing := range left(l) {
			to := -1
			if of := placeOfThing(thing); of != nil {
				if to = d.of[of]; to < 0 {
					continue // over by now
				}
			}
			d.edge(from, to, info.of(thing, pl))
		}
	}
}

// drawQueued adds the waits of a queued call for those that hold a slot.
func (d *drawing) drawQueued(from int) {
	pl := d.places[from]
	h := pl.home.(*home)
	info := WaitInfo{Kind: "slot", Name: h.name, Since: pl.time(pl.Began())}
	holds := d.holds
	if d.queued++; d.queued > manyQueued {
		holds = holds[:min(1, len(holds))]
	}
	if h != d.home || len(holds) == 0 {
		d.edge(from, -1, info)
		return
	}
	for _, to := range holds {
		d.edge(from, to, info)
	}
}

// edge adds one wait: to is the index of a call, or -1.
func (d *drawing) edge(from, to int, i WaitInfo) {
	f := d.Calls[from]
	w := Wait{From: f.ID, FromScope: f.Scope, FromCall: from, ToCall: to, Kind: i.Kind, Name: i.Name, Since: i.Since, Line: i.Line}
	if to >= 0 {
		w.To, w.ToScope = d.Calls[to].ID, d.Calls[to].Scope
	}
	d.Waits = append(d.Waits, w)
}

// circle adds a deadlock of nodes of the web, unless one of its calls is over by now.
func (d *drawing) circle(nodes []int) {
	calls := make([]int, len(nodes))
	for i, n := range nodes {
		calls[i] = d.of[d.web.nodes[n].pl]
	}
	if slices.Contains(calls, -1) {
		return
	}
	oldest := 0
	for i := range calls {
		if d.Calls[calls[i]].Began.Before(d.Calls[calls[oldest]].Began) {
			oldest = i
		}
	}
	d.deadlocks = append(d.deadlocks, slices.Concat(calls[oldest:], calls[:oldest]))
}
