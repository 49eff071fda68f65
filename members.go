package async

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/parked"
	"github.com/seed4712c49f/async/internal/sched"
)

// This file has the untyped part of a wait for many calls: the references, the nodes, and
// which failure counts. The methods of [Calls] use it, and [FirstError]. How a goroutine
// parks at many latches stands in internal/latch, and values are taken in calls.go.
//
// Every method of Calls is of this form:
//
//	newMembers   a reference at each call, or the reason why there is none
//	first, tally, or turns in a loop: wait at all of them
//	leaveOthers  give up all references but those of the winners
//	finish       take the results of the winners, each with its reference
//	leave        deferred: give up what is left, however the method ends
//
// What may not change: every method of Calls gives up all its references however it ends, and
// raises what comes up by that once, joined (C5). And no result is taken before the other
// members are left, or a panic of theirs would lose it (R9).
//
// Why a method holds references at all: without them, another goroutine's Release could
// dispose of a result between the moment at which the method is woken and the one at which it
// takes the result (W6).

// members are the calls that a method of [Calls] waits for: a reference at each, and a
// node at each where the method has to wait. A member whose handle is released or
// finished is refused: the member counts as complete, and has an error in place of a
// call.
//
// A method makes members, defers leave, waits, and takes results. One goroutine uses
// them. Nothing here depends on the type of the results.
//
// A member is in one of these states, by cores and refused:
//
//	held      a core              pending or complete; to be left or finished
//	refused   nil, and an error   of a handle that is of no use; has an outcome
//	gone      nil, and no error   left or finished; nobody asks for it again
type members struct {
	handles []*handle
	cores   []*core       // retained; nil where refused, or given up
	nodes   []latch.Node  // linked at the latches of cores; none where the method had not to wait
	refused map[int]error // by number; nil where nobody was refused
}

// newMembers holds the calls of handles: each with the reference of a wait, so that
// another goroutine's Release takes no result from the method (W6). It panics where a handle
// is nil, before it holds any call. Where one call has too many waits, newMembers panics and
// has given up what it held. fresh makes a call for a handle that is on none.
func newMembers(handles []*handle, fresh func() *core) *members {
	checkHandles(handles)
	m := &members{handles: handles, cores: make([]*core, len(handles))}
	held := false
	defer func() {
		if !held { // too many waits for one of them
			m.leave()
		}
	}()
	for i, h := range handles {
		if h.core.Load() == nil {
			h.first(fresh())
		}
		c, err := h.retain(latch.OneWait)
		if m.cores[i] = c; err != nil {
			m.refuse(i, err)
		}
	}
	held = true
	return m
}

// checkHandles panics where a handle is nil.
func checkHandles(handles []*handle) {
	if i := slices.Index(handles, nil); i >= 0 {
		panic(fmt.Sprintf("async: call %d of Calls is nil", i))
	}
}

// refuse notes why the handle of member i is of no use: its error is the outcome of
// the member. Most methods refuse nobody, and then there is no map.
func (m *members) refuse(i int, err error) {
	if m.refused == nil {
		m.refused = make(map[int]error)
	}
	m.refused[i] = err
}

// latchOf returns the latch of member i, or nil where its handle is of no use.
func (m *members) latchOf(i int) *latch.Latch {
	if c := m.cores[i]; c != nil {
		return &c.Latch
	}
	return nil
}

// first waits until a member has an outcome, and returns its index: at once, and the
// lowest, where some have. It returns -1 where ctx ends first and none has by then
// (R6). For Race. The nodes stay linked until the members are left.
func (m *members) first(ctx context.Context) int {
	if i := m.complete(); i >= 0 {
		return i
	}
	a := latch.NewFirst(len(m.cores))
	m.nodes = a.JoinAll(m.latchOf)
	u := untilDone(ctx)
	u.GiveWay()
	if i := a.Park(m.waiting(u, parked.Any)); i >= 0 {
		return i
	}
	m.expire()
	return m.complete() // R6
}

// tally waits until every member has an outcome or ctx ends, and parks once: what completes
// only counts down, and the last one wakes the goroutine. Where failFast is true, the first
// failure ends the wait, too, and tally returns the index of the failure that it was told of
// first. Else, and where it had not to wait, tally returns -1. For All and Settle.
func (m *members) tally(ctx context.Context, failFast bool) (failed int) {
	if m.pending() < 0 {
		return -1
	}
	mode, bits := parked.All, uint64(0)
	if failFast {
		mode, bits = parked.Failure, bitFailed
	}
	t := latch.NewAll(len(m.cores), bits)
	m.nodes = t.JoinAll(m.latchOf)
	u := untilDone(ctx)
	u.GiveWay() // registered, so as to know which failure was the first
	if failed = t.Park(m.waiting(u, mode)); failed < 0 && latch.Ready(u.Done) {
		m.expire()
	}
	return failed
}

// waiting has a wait for the members noted, where somebody wants to know.
func (m *members) waiting(u latch.Until, mode parked.Mode) latch.Until {
	return waitingNoted(u, func() *parked.For { return &parked.For{Mode: mode, Many: m.things()} })
}

// things returns the calls that are waited for.
func (m *members) things() (things []any) {
	for _, c := range m.cores {
		if c != nil {
			things = append(things, c)
		}
	}
	return things
}

// expire completes the members that core.expired says are over: ctx has ended, and so
// has the context of the call (R6). Most often the two are one context, and without expire
// chance would decide whether the wait or the call is told first.
func (m *members) expire() {
	for i, c := range m.cores {
		if !m.isComplete(i) {
			c.expired()
		}
	}
}

// leave takes every registration back and drops the references. The methods of [Calls]
// defer it. A panic that nobody was given may be raised by that (C5). All references
// are dropped first. A panic that the method is raising already is joined, since a
// panic in a deferred function replaces the one before.
func (m *members) leave() {
	if raised := m.drop(func(int) bool { return false }); len(raised) > 0 {
		panic(joinRaised(recover(), raised))
	}
}

// leaveOthers is leave for all members but those to keep. A method takes results after
// it, so that the panic of another member comes up first, and no result is lost with
// it (R9).
func (m *members) leaveOthers(keep func(i int) bool) {
	if raised := m.drop(keep); len(raised) > 0 {
		panic(joinPanics(raised))
	}
}

// oneOf returns a function that reports whether a member is one of some.
func (m *members) oneOf(some []int) func(i int) bool {
	is := make([]bool, len(m.cores))
	for _, i := range some {
		is[i] = true
	}
	return func(i int) bool { return is[i] }
}

// drop drops the references on all members but those to keep, and returns the panics
// that come up: each is caught, so the rest is dropped, too. The nodes go first, for
// all members: nothing is told to a wait that is over (S5).
func (m *members) drop(keep func(i int) bool) (raised []*PanicError) {
	latch.UnlinkAll(m.nodes)
	m.nodes = nil
	for i, c := range m.cores {
		if c == nil || keep(i) {
			continue
		}
		m.cores[i] = nil
		sched.Point("leave a member")
		if e := caught(c.leave); e != nil {
			raised = append(raised, e)
		}
	}
	return raised
}

// isComplete reports whether member i has an outcome. A member that is refused has
// one. Where a completer is at it, isComplete waits for that (L6).
func (m *members) isComplete(i int) bool { return m.cores[i] == nil || m.cores[i].IsSet() }

// complete returns the index of the lowest member that has an outcome, or -1. Where it
// returns i, there was a moment at which i had an outcome and no member below i had one
// (W1). One pass does not show that: a member below, which was pending when it was looked
// at, may have completed before i did. So the members below are looked at again, until none
// of them has an outcome.
func (m *members) complete() int {
	lowest := -1
	for end := len(m.cores); ; end = lowest {
		i := 0
		for i < end && !m.isComplete(i) {
			sched.Point("look at the next")
			i++
		}
		if i == end {
			return lowest
		}
		lowest = i
	}
}

// pending returns the index of the first call that has no outcome, or -1.
func (m *members) pending() int {
	for i := range m.cores {
		if !m.isComplete(i) {
			return i
		}
	}
	return -1
}

// look returns the error of a complete member without taking it. A panic it takes and
// raises: a panic that a method meets has been given to somebody (R15).
func (m *members) look(i int) error {
	switch c := m.cores[i]; {
	case c == nil:
		return m.refused[i]
	case m.panicked(i):
		m.took(i, c)
		c.take()
		return c.outcome()
	default:
		return c.err
	}
}

// panicked reports whether member i, which has an outcome, has panicked.
func (m *members) panicked(i int) bool {
	return m.cores[i] != nil && m.cores[i].Word.Load()&bitPanicked != 0
}

// keep takes the outcome of a complete member, which stays a member. For Each, whose
// loop may be left at any time. It returns no call, and the reason, for a refused member.
func (m *members) keep(i int) (*core, error) {
	c := m.cores[i]
	if c == nil {
		return nil, m.refused[i]
	}
	c.take()
	m.took(i, c)
	return c, nil
}

// took notes that the outcome of member i, whose call is c, is taken through its handle,
// for leak reports.
func (m *members) took(i int, c *core) { c.took(m.handles[i]) }

// finish is keep for the last time: it gives the reference up in the same step (K4).
func (m *members) finish(i int) (*core, error) {
	c := m.cores[i]
	if c == nil {
		return nil, m.refused[i]
	}
	m.cores[i] = nil
	c.takeAndLeave()
	m.took(i, c)
	return c, nil
}

// takeLast leaves all other members, and finishes a complete one. A panic it raises.
// It is the last act of a method that returns one result. A member that is refused has no
// call.
func (m *members) takeLast(i int) (*core, error) {
	m.leaveOthers(func(j int) bool { return j == i })
	c, err := m.finish(i)
	if c != nil {
		err = c.outcome()
	}
	return c, err
}

// join takes the errors of members that failed and joins them in input order. All other
// members are left.
func (m *members) join(failed []int) error {
	slices.Sort(failed)
	m.leaveOthers(m.oneOf(failed))
	errs := make([]error, len(failed))
	for j, i := range failed {
		c, err := m.finish(i)
		if c != nil {
			err = c.error()
		}
		errs[j] = err
	}
	return errors.Join(errs...)
}

// The methods of [Calls], but for the values. Each returns the calls that it took the
// outcomes of.

// race is Race.
func (m *members) race(ctx context.Context) (int, *core, error) {
	if len(m.cores) == 0 {
		return -1, nil, ErrNothingToWait
	}
	defer m.leave()
	i := m.first(ctx)
	if i < 0 {
		return -1, nil, contextWaitError(ctx, nil)
	}
	c, err := m.takeLast(i)
	return i, c, err
}

// any is Any.
func (m *members) any(ctx context.Context) (int, *core, error) {
	won, cores, err := m.quorum(ctx, 1)
	if err != nil {
		return -1, nil, err
	}
	return won[0], cores[0], nil
}

// quorum is Quorum.
func (m *members) quorum(ctx context.Context, k int) ([]int, []*core, error) {
	n := len(m.cores)
	defer m.leave()
	switch {
	case n == 0:
		return nil, nil, ErrNothingToWait
	case k < 1 || k > n:
		return nil, nil, fmt.Errorf("async: quorum of %d among %d calls", k, n)
	}
	var won, lost []int
	t := inTurn(ctx, m)
	for len(won) < k && len(lost) <= n-k {
		i, err := t.next()
		if err != nil {
			return nil, nil, err
		}
		if m.look(i) != nil {
			lost = append(lost, i)
		} else {
			won = append(won, i)
		}
	}
	if len(won) < k {
		return nil, nil, m.join(lost)
	}
	m.leaveOthers(m.oneOf(won))
	cores := make([]*core, k)
	for j, i := range won {
		cores[j], _ = m.finish(i) // it has succeeded, so it is not refused
	}
	return won, cores, nil
}

// all is All. Where the wait has ended first, all returns the index of the first call that
// is pending, and else -1.
func (m *members) all(ctx context.Context) (cores []*core, pending int, err error) {
	defer m.leave()
	first := m.tally(ctx, true)
	pending = m.pending() // before the failures: if there is none, they are all there
	if i := m.failure(first); i >= 0 {
		_, err = m.takeLast(i)
		return nil, -1, err
	}
	if pending >= 0 {
		return nil, pending, nil
	}
	return m.finishAll(), -1, nil
}

// finishAll finishes the members, none of which is refused.
func (m *members) finishAll() []*core {
	cores := m.cores
	latch.UnlinkAll(m.nodes)
	m.nodes, m.cores = nil, nil
	for i, c := range cores {
		c.takeAndLeave()
		m.took(i, c)
	}
	return cores
}

// settle is Settle. It returns the calls that are complete, in their places, the index of
// the first that is pending, or -1, and why members are refused.
func (m *members) settle(ctx context.Context) (cores []*core, pending int, refused map[int]error) {
	defer m.leave()
	m.tally(ctx, false)
	complete := make([]bool, len(m.cores))
	for i := range complete {
		complete[i] = m.isComplete(i)
	}
	pending = slices.Index(complete, false)
	m.leaveOthers(func(i int) bool { return complete[i] })
	cores = make([]*core, len(complete))
	for i, c := range complete {
		if c {
			cores[i], _ = m.finish(i) // nil where it is refused
		}
	}
	return cores, pending, m.refused
}

// each is Each: it hands the members out, with the error of one that is refused.
func (m *members) each(ctx context.Context, yield func(i int, c *core, refused error) bool) {
	defer m.leave()
	t := inTurn(ctx, m)
	for {
		i, err := t.next()
		if err != nil {
			return
		}
		c, refused := m.keep(i)
		if !yield(i, c, refused) {
			return
		}
	}
}

// cancelAll is Cancel of [Calls].
//
//go:noinline // see core.error
func cancelAll(handles []*handle, cause error) {
	checkHandles(handles)
	sweep(len(handles), func(i int) { _ = handles[i].cancel(cause) }) // whatever it says: the call is complete
}

// releaseAll is Release of [Calls].
//
//go:noinline // see core.error
func releaseAll(handles []*handle, fresh func() *core) {
	checkHandles(handles)
	sweep(len(handles), func(i int) {
		if handles[i].core.Load() == nil {
			handles[i].first(fresh())
		}
		handles[i].release()
	})
}

// failure returns the index of the failure that All reports, or -1: the first in time
// where that is known, else the lowest; but one that is no cancellation before one
// that is (W7). A cancellation is most often what followed from the other failure.
func (m *members) failure(first int) int {
	for i := range m.cores {
		if !m.failed(i) {
			continue
		}
		if first < 0 {
			first = i
		}
		if !m.echoes(first) {
			return first
		}
		if !m.echoes(i) {
			return i
		}
	}
	return first
}

// failed reports whether member i, which has an outcome, has failed. A member that is
// refused has. Nothing is taken by the look.
func (m *members) failed(i int) bool {
	return m.cores[i] == nil || m.cores[i].Word.Load()&bitFailed != 0
}

// errorOf returns the error of a member that failed, without taking the outcome. A panic has been
// given to somebody then (R15).
func (m *members) errorOf(i int) error {
	if c := m.cores[i]; c != nil {
		c.disarm()
		return c.error()
	}
	return m.refused[i]
}

// echoes reports whether the failure of member i is a cancellation: most often the
// echo of another failure. A panic is none, whatever its value is.
func (m *members) echoes(i int) bool {
	c := m.cores[i]
	return c != nil && c.Word.Load()&bitPanicked == 0 && errors.Is(c.err, context.Canceled)
}

// turns are members that come out one after the other, in the order of completion: for
// Each, Any and Quorum. One goroutine takes them, so one sleeper serves for all
// rounds. The members are registered once, and not again for each round: to take n members
// costs time in proportion to n.
type turns struct {
	*members
	ctx  context.Context
	q    latch.Queue
	s    *latch.Sleeper
	came int   // calls that have come out
	all  []any // the calls, where somebody wants to know what is waited for
}

// inTurn registers a queue at every member. A member that is complete comes out first.
func inTurn(ctx context.Context, m *members) *turns {
	n := len(m.cores)
	latch.CheckIndex(n)
	t := &turns{ctx: ctx, s: latch.NewSleeper(), members: m}
	t.nodes = make([]latch.Node, n)
	t.q.AddAll(t.nodes, t.latchOf)
	return t
}

// next returns the index of the next member to complete, or an error: ErrNothingToWait
// after the last, a *WaitError when the context is done and nothing is complete, after
// a look at the contexts of the calls (R6).
func (t *turns) next() (i int, err error) {
	take := func(n *latch.Node) { i = n.Index() }
	end := t.q.Next(t.s, waitingNoted(untilDone(t.ctx), t.waited), take)
	if end == latch.Ended {
		if t.expire(); t.q.TryNext(take) {
			end = latch.Taken
		}
	}
	switch end {
	case latch.Empty:
		return -1, ErrNothingToWait
	case latch.Ended:
		return -1, contextWaitError(t.ctx, nil)
	}
	t.isComplete(i) // which waits for a completer that is at it (L6)
	if t.cores[i] != nil {
		t.came++
	}
	return i, nil
}

// waited is what next waits for. The calls are listed once, whatever is given up later.
func (t *turns) waited() *parked.For {
	if t.all == nil {
		t.all = t.things()
	}
	return &parked.For{Many: t.all, Came: t.came}
}
