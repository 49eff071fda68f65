package async

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"
	"unsafe"

	"github.com/seed4712c49f/async/internal/dump"
	"github.com/seed4712c49f/async/internal/handles"
	"github.com/seed4712c49f/async/internal/label"
	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/parked"
	"github.com/seed4712c49f/async/internal/remote"
	"github.com/seed4712c49f/async/internal/scope"
	"github.com/seed4712c49f/async/internal/stack"
	"github.com/seed4712c49f/async/internal/waitgraph"
)

// This file has the place of a call in its scope, and what can be seen of the call there: by
// a CallInfo, a leak report, a wait graph, a dump. Everything here only looks, but init, which
// makes a place, and a leak report, which counts as having given a panic to somebody (R15).
// What a place does stands in owner.go, and the methods of [Scope] that show what is seen in
// scope.go.
//
//	Scope ── scopeCore ── scope.Hub       one for each scope
//	             │            │
//	core ───── place ───── scope.Member   one for each call of it, in one allocation
//	             │
//	           trace                      with Track: begun where, handles, waits
//
// From a call to its place leads the owner of its record, from a member its address, and from
// a context the nearest call whose context that is. Nothing else remembers a place.
//
// The four sections below are a CallInfo, a leak report, a wait graph and a dump. A dump is
// apart from a CallInfo, since a scope may have a million calls and a dump says little of
// each.
//
// What may change: what is read of a call, and how it is put. What may not: nothing here
// holds a lock while it asks something of another, or of a user. A look takes the lock of the
// hub, of the latch and of the trace one after the other, so what one CallInfo says is from
// several moments. What is said of one moment comes from one scope.Look, or one parked.Look.

// A scopeCore is what the calls of a [Scope] know of it: all but what its users see. NewScope
// writes the fields.
type scopeCore struct {
	name     string
	hub      scope.Hub     // the books
	observer Observer      // never changed; a function of it may be nil
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
//
// record and core are written before the call begins (K1), and fn by the goroutine that
// begins the call and by the one that runs it. All else of a place is under the lock of the
// hub, of the latch, or of the trace.
type place struct {
	scope.Member // first: see memberPlace
	record
	core *core
	fn   function // nil for a promise, for a call that never runs, and when it has run
}

// A trace is what a scope with Track knows of one call: where it was begun, where each
// handle on it comes from, and what its function waits for. It has the part of the member
// that it needs, too, so that both are one allocation. handles and waits have locks of their
// own: whoever looks at a call with many handles does not hold up its scope.
type trace struct {
	scope.Extra
	began   *stack.Stack
	handles handles.Handles
	waits   parked.List
}

// init makes pl the place of a call that is about to begin, and returns its record.
//
// Where the scope tracks its calls, the stack is recorded here, where it is least deep: to
// walk it is most of what Track costs. What the function lends while it waits is decided
// here, too: the list of its waits, around its slot where functions need one.
func (pl *place) init(t *terms, c *core) *record {
	s := t.in()
	pl.record = record{t, pl}
	pl.core = c
	pl.Init(&s.hub)
	if t.track {
		x := &trace{began: s.stacks.Here()}
		x.waits.Slot = parked.Free{}
		if s.hub.Limited() {
			x.waits.Slot = &pl.Member
		}
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

// memberJob is memberPlace for the hub, which knows no places.
func memberJob(m *scope.Member) scope.Job { return memberPlace(m) }

// in returns the scope that calls with the terms are in. There is one.
func (t *terms) in() *scopeCore { return t.scope.(*scopeCore) }

// observer returns the observer of the scope. Most have no function at all.
func (pl *place) observer() *Observer { return &pl.in().observer }

// trace returns the trace of a call in a scope with Track.
func (pl *place) trace() *trace { return pl.Attached().(*trace) }

// places ranges over the places of the calls that are in flight, as [scope.Hub.Members] does.
func (s *scopeCore) places() iter.Seq[*place] {
	return func(yield func(*place) bool) {
		s.hub.Members()(func(m *scope.Member) bool { return yield(memberPlace(m)) })
	}
}

// parentOf returns the place of the nearest call of a scope whose context ctx is, or is made
// from; or nil. The contexts tell that, so no call has to remember its parent.
func parentOf(ctx context.Context) *place {
	for c := coreOf(ctx); c != nil; c = coreOf(c.ctx) {
		if pl := placeOf(c); pl != nil {
			return pl
		}
	}
	return nil
}

// parent returns the place of the call in whose function the call was begun, or nil.
func (pl *place) parent() *place { return parentOf(pl.core.ctx) }

// membersOf returns the members of the scope in whose functions ctx is used. A promise
// has no function: its context may be used by anybody, and the promise be complete while
// that goes on.
func (s *scopeCore) membersOf(ctx context.Context) (own []*scope.Member) {
	for pl := parentOf(ctx); pl != nil; pl = pl.parent() {
		if pl.in() == s && !pl.isPromise() {
			own = append(own, &pl.Member)
		}
	}
	return own
}

// isPromise reports whether the call has no function.
func (pl *place) isPromise() bool { return pl.core.Word.Load()&bitPromise != 0 }

// What follows is a CallInfo (V1). It is filled in three parts: what every call knows of itself
// (info.go), what the hub knows of its member, and what the context knows that the call was
// begun with. With Track a fourth comes from the trace.

// infoOf is what there is to know of a call, or of none. The record may be read once the call
// has begun (K1).
func infoOf(c *core) (i CallInfo) {
	if c == nil || c.Word.Load()&bitBegun == 0 {
		return i
	}
	if pl := placeOf(c); pl != nil {
		return pl.info()
	}
	c.fill(&i)
	return i
}

// info is what there is to know of the call, for somebody who looks at it.
func (pl *place) info() CallInfo { return pl.infoFrom(pl.Look(), pl.Waits()) }

// infoFrom is info, by a look at the member and at the waits of the function that the caller
// has taken.
func (pl *place) infoFrom(look scope.Look, waits []parked.Look) (i CallInfo) {
	pl.fill(&i, look, waits)
	i.WaitsFor = append(i.WaitsFor, pl.elsewhere()...)
	return i
}

// elsewhere says where the work of a promise is done that another process is to complete, as
// far as whoever began the promise tells.
func (pl *place) elsewhere() []WaitInfo {
	if pl.core.Word.Load()&(bitPromise|latch.BitSet) != bitPromise {
		return nil
	}
	if name := remote.NameOf(pl.core.ctx); name != "" {
		return []WaitInfo{{Kind: "remote", Name: name, Since: pl.time(pl.Began())}}
	}
	return nil
}

// fill is infoFrom without what has to be asked of others. An observer is told that. A CallInfo
// is large, so fill has the caller's: see tell in owner.go.
func (pl *place) fill(i *CallInfo, look scope.Look, waits []parked.Look) {
	pl.core.fill(i)
	i.ID, i.Lent = pl.ID(), look.Lent
	i.Began, i.Started, i.Canceled = pl.time(pl.Began()), pl.time(look.Started), pl.time(look.Canceled)
	if i.State == StateRunning && look.Queued { // complete beats queued: the hub hears of it later
		i.State = StateQueued
	}
	setBegunWith(i, pl.core.ctx, pl.in())
	if pl.terms.track {
		i.Stack = pl.trace().began.String()
		i.WaitsFor = pl.waitsFor(look.InQueue, waits)
	}
}

// time returns a time on the clock of the hub; 0 there is the zero Time.
func (pl *place) time(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return pl.Hub().Time(at)
}

// setBegunWith sets what the context tells that a call of s is begun with. The context may be
// anybody's code, and is asked without a lock.
func setBegunWith(i *CallInfo, ctx context.Context, s *scopeCore) { //nolint:revive // what is set comes first
	i.Scope = s.name
	i.Deadline, _ = ctx.Deadline()
	if parent := parentOf(ctx); parent != nil {
		i.Parent, i.ParentScope = parent.ID(), parent.in().nameFor(s)
	}
}

// nameFor names the scope for a reader who looks at another one, and is empty for one who
// looks at this. So a scope without a name has one in parentheses.
func (s *scopeCore) nameFor(of *scopeCore) string {
	if s == of {
		return ""
	}
	return cmp.Or(s.name, unnamedScope)
}

const unnamedScope = "(unnamed)"

// maxWaitsFor is how many of the things that one wait is for are listed in a CallInfo.
const maxWaitsFor = 100

// waitsFor says what the function of a call with Track waits for. A wait may be for a million
// things, and a report is for people: the first are listed, and the others counted.
func (pl *place) waitsFor(queued bool, waits []parked.Look) (infos []WaitInfo) {
	if queued {
		infos = append(infos, pl.waitInfo(waitgraph.Edge{}))
	}
	for _, l := range waits {
		listed, more := 0, 0
		for thing := range waitgraph.Lookup[*place](lookUp).Left(l) {
			if listed == maxWaitsFor {
				more++
				continue
			}
			listed++
			infos = append(infos, pl.waitInfo(waitgraph.Edge{Thing: thing, Wait: l}))
		}
		if more > 0 {
			infos = append(infos, WaitInfo{Kind: "more", Name: fmt.Sprint(more), Since: l.Since, Line: l.Line()})
		}
	}
	return infos
}

// waitInfo says what one edge is for that begins at the call: a thing that its function waits
// for, or the slot that the call waits for in the queue. It is the one place that puts a
// thing into words; the kinds are those of [WaitInfo].
func (pl *place) waitInfo(e waitgraph.Edge) (i WaitInfo) {
	if e.Thing == nil {
		return WaitInfo{Kind: parked.KindSlot, Name: pl.in().name, Since: pl.time(pl.Began())}
	}
	i.Since, i.Line = e.Wait.Since, e.Wait.Line()
	switch t := e.Thing.(type) {
	case *core:
		i.Kind, i.Name = "call", t.name()
		if to := servedBy(t); to != nil {
			i.Name, i.Scope, i.Call = to.name, to.in().name, to.ID()
		}
	case *Event:
		i.Kind = "event"
	case context.Context:
		i.Kind, i.Name = "context", fmt.Sprintf("%T", t)
	case Chan:
		i.Kind = "channel"
	case *parked.For:
		i.Kind, i.Name = t.Kind, t.Name
		if t.Kind == parked.KindSlot {
			i.Name = pl.in().name
		}
	default:
		i.Kind, i.Name = "channel", fmt.Sprintf("%T", t)
	}
	return i
}

// What follows is a leak report, which [Scope.Unreleased] yields.

// unreleased returns the handles of the call, in the order of their stacks. Handles from
// before the call began, which are not recorded, come last.
func (pl *place) unreleased() (hs []HandleInfo) {
	call := pl.info()
	w := pl.core.Word.Load()
	untaken := w&(bitResult|bitPanicked) != 0 && w&bitTaken == 0
	if w&bitPanicked != 0 {
		pl.core.disarm() // a report has it (R15)
	}
	for _, from := range pl.trace().handles.All() {
		hs = append(hs, HandleInfo{
			Call: call, Untaken: untaken, Clone: from.Clone, Join: from.Join, Stack: from.Stack.String(),
			Streams: pl.terms.stream, Taken: from.Taken && !pl.terms.stream,
		})
	}
	slices.SortFunc(hs, func(a, b HandleInfo) int { return cmp.Compare(a.Stack, b.Stack) })
	for range call.Handles - len(hs) {
		hs = append(hs, HandleInfo{Call: call, Untaken: untaken, Clone: true, Streams: pl.terms.stream})
	}
	return hs
}

// What follows is who waits for whom (V2). A place is a [waitgraph.Call]; which waits count as a
// deadlock stands in internal/waitgraph.

// Waits returns what the goroutines of the function are parked in: nothing without Track.
func (pl *place) Waits() []parked.Look {
	if !pl.terms.track {
		return nil
	}
	return pl.trace().waits.Looks()
}

// IsFree reports whether the call does not depend on its function.
func (pl *place) IsFree() bool { return pl.core.IsSet() || pl.isPromise() }

// lookUp says of a thing what a [waitgraph.Graph] wants to know. A call or an event is asked,
// and a call names the one that serves it. What else may be waited for, a context or a channel,
// is not asked: a receive would consume what came. An object of the user's that embeds an event
// is no event: its own channel is waited for.
func lookUp(thing any) (t waitgraph.Thing[*place]) {
	switch on := thing.(type) {
	case *core:
		t.Call, t.Done = servedBy(on), on.IsSet()
		t.Failed = t.Done && on.Word.Load()&bitFailed != 0
	case *Event:
		t.Done = on.IsSet()
	}
	return t
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

// graph returns who waits for whom: the calls of the scope, and behind them the calls of
// other scopes that are waited for.
func (s *scopeCore) graph() (g Graph) {
	web := waitgraph.Of(s.places(), lookUp, func(pl *place, waits []parked.Look) (t waitgraph.Turn, ok bool) {
		look := pl.Look()
		if look.Over {
			return t, false
		}
		i := pl.infoFrom(look, waits)
		g.Calls = append(g.Calls, i)
		return s.turn(pl, i.State, look.Held), true
	})
	for i := range g.Calls {
		for e := range web.Edges(i) {
			g.Waits = append(g.Waits, g.wait(i, e.To, web.Call(i).waitInfo(e)))
		}
	}
	// After the waits: what completes meanwhile is a wait that is in no deadlock, and not a
	// deadlock that lacks a wait.
	for _, d := range web.Deadlocks() {
		g.deadlocks = append(g.deadlocks, g.oldestFirst(d))
	}
	return g
}

// turn says what a call has to do with the slots of the scope, by what was seen of it. The
// graph is that of one scope, and only the slots of that are followed to those who hold them.
func (s *scopeCore) turn(pl *place, state State, held bool) waitgraph.Turn {
	own := pl.in() == s
	switch {
	case state == StateQueued && own:
		return waitgraph.Queued
	case state == StateQueued:
		return waitgraph.Elsewhere
	case held && own:
		return waitgraph.Holds
	}
	return waitgraph.None
}

// wait returns one wait of the call with the index from. to is an index, or Outside.
func (g Graph) wait(from, to int, i WaitInfo) Wait {
	f := &g.Calls[from]
	w := Wait{From: f.ID, FromScope: f.Scope, FromCall: from, ToCall: to, Kind: i.Kind, Name: i.Name, Since: i.Since, Line: i.Line}
	if to != waitgraph.Outside {
		w.To, w.ToScope = g.Calls[to].ID, g.Calls[to].Scope
	}
	return w
}

// oldestFirst returns the calls of a deadlock in their order, from the oldest on.
func (g Graph) oldestFirst(calls []int) []int {
	oldest := 0
	for i := range calls {
		if g.Calls[calls[i]].Began.Before(g.Calls[calls[oldest]].Began) {
			oldest = i
		}
	}
	return slices.Concat(calls[oldest:], calls[:oldest])
}

// deadlocked returns the deadlocks among the calls of the scope and those that they wait
// for, for a dump. It reports whether there were calls that it did not look at. Only calls
// that wait are of interest, and of these no more than maxDumped: a dump is for a program in
// trouble, and must not need memory that grows with the trouble.
func (s *scopeCore) deadlocked() (deadlocks [][]dump.Step, more bool) {
	most := maxDumped
	web := waitgraph.Of(s.places(), lookUp, func(_ *place, waits []parked.Look) (t waitgraph.Turn, ok bool) {
		if ok = len(waits) > 0 && most > 0; ok {
			most--
		}
		return t, ok
	})
	for _, d := range web.Deadlocks() {
		steps := make([]dump.Step, len(d))
		for i, n := range d {
			steps[i].Call = web.Call(n).nameFor(s)
			if e, ok := web.EdgeTo(n, d); ok {
				steps[i].For, steps[i].Since, steps[i].Line = web.Call(e.To).nameFor(s), e.Wait.Since, e.Wait.Line()
			}
		}
		deadlocks = append(deadlocks, steps)
	}
	return deadlocks, most == 0
}

// maxDumped is among how many calls that wait a dump looks for deadlocks.
const maxDumped = 10_000

// What follows is a dump (V5), whose wording is that of internal/dump.

// nameFor names the call for a dump of s.
func (pl *place) nameFor(s *scopeCore) dump.Name {
	return dump.Name{Call: pl.dumpName(), ID: pl.ID(), Scope: pl.in().nameFor(s)}
}

// dumpName is the name of the call in a dump.
func (pl *place) dumpName() string { return cmp.Or(pl.name, "call") }

// path appends the names of the calls of the scope that this one is below, the outermost
// first, and its own; a call that is nested too deep for a dump has one name too many. The
// caller has one slice for all calls.
func (pl *place) path(names []string) []string {
	for p := pl; p != nil && len(names) <= dump.MaxDepth; p = p.parent() {
		if p.in() == pl.in() {
			names = append(names, p.dumpName())
		}
	}
	slices.Reverse(names)
	return names
}

// dumpWaits returns what a dump says of a call that is in flight: what the call does, and
// what its function waits for, if somebody asks.
func (pl *place) dumpWaits(look scope.Look) (state dump.State, waits func() []dump.Wait) {
	looks := pl.Waits()
	state = pl.dumpState(look)
	if state == dump.Lent && slices.ContainsFunc(looks, func(l parked.Look) bool { return l.For.Kind == parked.KindSlot }) {
		state = dump.Regaining
	}
	return state, func() (ws []dump.Wait) {
		for _, i := range pl.waitsFor(false, looks) {
			ws = append(ws, pl.dumpWait(i))
		}
		return ws
	}
}

// dumpWait is what a dump says of one thing that the function of the call waits for.
func (pl *place) dumpWait(i WaitInfo) dump.Wait {
	w := dump.Wait{What: dump.Thing{Kind: i.Kind, Name: i.Name}, Since: i.Since, Line: i.Line}
	if i.Call != 0 {
		n := dump.Name{Call: cmp.Or(i.Name, "call"), ID: i.Call}
		if i.Scope != pl.in().name {
			n.Scope = cmp.Or(i.Scope, unnamedScope)
		}
		w.What = n
	}
	return w
}

// dumpState is what a dump says of a call that is in flight. The latch is asked, and not the
// hub, whether the call is complete: a canceled call is so before its function has returned.
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
