package async

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// A Result is what a call completed with: a value, an error, or both, as the
// function returned them. A panic is an Err here, a [*PanicError].
type Result[T any] struct {
	Value T
	Err   error
}

// members are the calls that a method of [Calls] waits for: a reference at each,
// and a node at each where it has to wait.
type members[T any] struct {
	cs    []*Call[T]
	ps    []*Promise[T] // retained; nil where refused, or given up
	nodes []latch.Node
	no    map[int]error // why a handle was refused
}

// hold holds every call.
func hold[T any](cs []*Call[T]) *members[T] {
	for i, c := range cs {
		if c == nil {
			panic(fmt.Sprintf("async: call %d of Calls is nil", i))
		}
	}
	m := &members[T]{cs: cs, ps: make([]*Promise[T], len(cs))}
	held := false
	defer func() {
		if !held { // too many waits for one of them
			m.leave()
		}
	}()
	for i, c := range cs {
		p, err := c.hold()
		if m.ps[i] = p; err != nil {
			m.refuse(i, err)
		}
	}
	held = true
	return m
}

func (m *members[T]) refuse(i int, err error) {
	if m.no == nil {
		m.no = make(map[int]error)
	}
	m.no[i] = err
}

// latchOf returns the latch of member i, or nil where its handle is of no use.
func (m *members[T]) latchOf(i int) *latch.Latch {
	if p := m.ps[i]; p != nil {
		return &p.core.Latch
	}
	return nil
}

// tally waits until every member has an outcome or ctx ends, or, where it is asked
// to, one has failed. It returns the index of that which it was told of first, or
// -1.
func (m *members[T]) tally(ctx context.Context, failFast bool) (failed int) {
	if m.pending() == nil {
		return -1
	}
	var bits uint64
	if failFast {
		bits = bitFailed
	}
	t := latch.NewAll(len(m.ps), bits)
	m.nodes = t.JoinAll(m.latchOf)
	u := untilDone(ctx)
	u.GiveWay() // registered, so as to know which failure was the first
	return t.Park(u)
}

// leave takes every registration back and drops the references. It is deferred by
// the methods of [Calls]. A panic that nobody was given may be raised by that (C5):
// all references are dropped first, and a panic that the method is raising already
// is joined, since a panic in a deferred function replaces the one before.
func (m *members[T]) leave() {
	raised := m.drop(func(int) bool { return false })
	if len(raised) == 0 {
		return
	}
	if first := recover(); first != nil {
		raised = slices.Insert(raised, 0, newPanicError(first))
	}
	panic(joinPanics(raised))
}

// leaveOthers is leave for all members but those to keep. A method takes results
// after that: a panic of another member comes up first, and no result is lost with
// it (R9).
func (m *members[T]) leaveOthers(keep func(i int) bool) {
	if raised := m.drop(keep); len(raised) > 0 {
		panic(joinPanics(raised))
	}
}

// drop drops the references on all members but those to keep, and returns the panics
// that come up.
func (m *members[T]) drop(keep func(i int) bool) (raised []*PanicError) {
	latch.UnlinkAll(m.nodes)
	m.nodes = nil
	for i, p := range m.ps {
		if p == nil || keep(i) {
			continue
		}
		m.ps[i] = nil
		sched.Point("leave a member")
		if e := caught(p.leave); e != nil {
			raised = append(raised, e)
		}
	}
	return raised
}

// isComplete reports whether member i has an outcome.
func (m *members[T]) isComplete(i int) bool { return m.ps[i] == nil || m.ps[i].core.IsSet() }

// complete returns the index of the lowest member that has an outcome, or -1. All
// below it had none when it had: they are looked at again, since one that completes
// behind the look may do so before that which is found.
func (m *members[T]) complete() int {
	lowest := -1
	for end := len(m.ps); ; end = lowest {
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

// pending returns the first call that has no outcome, or nil.
func (m *members[T]) pending() Waitable {
	for i, c := range m.cs {
		if !m.isComplete(i) {
			return c
		}
	}
	return nil
}

// look returns the error of a complete member without taking it. A panic it
// takes and raises.
func (m *members[T]) look(i int) error {
	switch p := m.ps[i]; {
	case p == nil:
		return m.no[i]
	case p.core.Word.Load()&bitPanicked == 0:
		return p.core.err
	}
	_, err := m.take(i)
	return err
}

// take takes the outcome of a complete member; a panic it raises.
func (m *members[T]) take(i int) (v T, err error) {
	p := m.ps[i]
	if p == nil {
		return v, m.no[i]
	}
	p.core.take()
	return p.outcome()
}

// takeLast leaves all other members, and takes the outcome of a complete one.
func (m *members[T]) takeLast(i int) (v T, err error) {
	m.leaveOthers(func(j int) bool { return j == i })
	p := m.ps[i]
	if p == nil {
		return v, m.no[i]
	}
	m.ps[i] = nil
	p.takeAndLeave()
	return p.outcome()
}

// result is take with a panic held as Err.
func (m *members[T]) result(i int) Result[T] {
	if m.ps[i] == nil {
		return Result[T]{Err: m.no[i]}
	}
	m.ps[i].core.take()
	return Result[T]{m.ps[i].value, m.ps[i].core.err}
}

// finish is result for the last time: it gives the reference up in the same step.
func (m *members[T]) finish(i int) Result[T] {
	p := m.ps[i]
	if p == nil {
		return Result[T]{Err: m.no[i]}
	}
	m.ps[i] = nil
	p.takeAndLeave()
	return Result[T]{p.value, p.core.err}
}

// join takes the errors of members that failed and joins them in input order. All
// other members are left.
func (m *members[T]) join(failed []int) error {
	slices.Sort(failed)
	errs := make([]error, len(failed))
	for j, r := range m.finishAll(failed) {
		errs[j] = r.Err
	}
	return errors.Join(errs...)
}

// finishAll leaves all other members, and takes the results of these.
func (m *members[T]) finishAll(is []int) []Result[T] {
	chosen := make([]bool, len(m.ps))
	for _, i := range is {
		chosen[i] = true
	}
	m.leaveOthers(func(i int) bool { return chosen[i] })
	rs := make([]Result[T], len(is))
	for j, i := range is {
		rs[j] = m.finish(i)
	}
	return rs
}

// failure returns the index of the failure that All reports, or -1: the first in
// time where that is known, else the lowest; but one that is no cancellation
// before one that is (W7).
func (m *members[T]) failure(first int) int {
	for i := range m.ps {
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

func (m *members[T]) failed(i int) bool {
	return m.ps[i] == nil || m.ps[i].core.Word.Load()&bitFailed != 0
}

// echoes reports whether a member's failure is a cancellation.
func (m *members[T]) echoes(i int) bool {
	p := m.ps[i]
	return p != nil && p.core.Word.Load()&bitPanicked == 0 && errors.Is(p.core.err, context.Canceled)
}

// turns are members that come out one after the other as they complete.
type turns[T any] struct {
	*members[T]
	ctx context.Context
	q   latch.Queue
	s   *latch.Sleeper
}

func inTurn[T any](ctx context.Context, cs []*Call[T]) *turns[T] {
	latch.CheckIndex(len(cs))
	t := &turns[T]{ctx: ctx, s: latch.NewSleeper(), members: hold(cs)}
	t.nodes = make([]latch.Node, len(cs))
	t.q.AddAll(t.nodes, t.latchOf)
	return t
}

// next returns the index of the next member to complete, or an error:
// ErrNothingToWait after the last, a *WaitError when the context is done.
func (t *turns[T]) next() (i int, err error) {
	switch t.q.Next(t.s, untilDone(t.ctx), func(n *latch.Node) { i = n.Index() }) {
	case latch.Empty:
		return -1, ErrNothingToWait
	case latch.Ended:
		return -1, contextWaitError(t.ctx, nil)
	}
	t.isComplete(i) // which waits for a completer that is at it (L6)
	return i, nil
}
