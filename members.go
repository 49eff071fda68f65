package async

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// A Result is what a call completed with: a value, an error, or both, as the
// function returned them. A panic is an Err here, a [*PanicError].
type Result[T any] struct {
	Value T
	Err   error
}

// members are the calls that a method of [Calls] waits for: a reference and a
// node at each.
type members[T any] struct {
	cs    []*Call[T]
	ps    []*Promise[T] // retained; nil where refused
	nodes []node
	no    map[int]error // why a handle was refused
}

// watch registers s at every call. A member that is complete, or whose handle is
// of no use, is fired at once.
func watch[T any](cs []*Call[T], s sink, nodes []node) *members[T] {
	for i, c := range cs {
		if c == nil {
			panic(fmt.Sprintf("async: call %d of Calls is nil", i))
		}
	}
	m := &members[T]{cs: cs, ps: make([]*Promise[T], len(cs)), nodes: nodes}
	for i := range cs {
		m.enter(i, s)
	}
	return m
}

// enter holds and registers at call i.
func (m *members[T]) enter(i int, s sink) {
	n := &m.nodes[i]
	_, n.prompt = s.(*queue)
	p, err := m.cs[i].hold()
	if err != nil {
		n.reset(nil, s, i)
		if m.no == nil {
			m.no = make(map[int]error)
		}
		m.no[i] = err
		s.fire(n)
		return
	}
	m.ps[i] = p
	n.reset(&p.latch, s, i)
	n.holds = true
	linked := p.linkLocked(n)
	p.mu.Unlock()
	if !linked {
		s.fire(n)
	}
}

// leave takes every registration back and drops the references. A panic that
// nobody was given may be raised by that; the rest is dropped all the same.
func (m *members[T]) leave() {
	unlinkAll(m.nodes)
	sweep(len(m.ps), func(i int) {
		if p := m.ps[i]; p != nil {
			p.leave()
		}
	})
}

// isComplete reports whether member i has an outcome.
func (m *members[T]) isComplete(i int) bool { return m.ps[i] == nil || m.ps[i].isSet() }

// complete returns the index of the first member that has an outcome, or -1.
func (m *members[T]) complete() int {
	for i := range m.ps {
		if m.isComplete(i) {
			return i
		}
	}
	return -1
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
	case p.word.Load()&bitPanicked == 0:
		return p.err
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
	p.take()
	return p.outcome()
}

// result is take with a panic held as Err.
func (m *members[T]) result(i int) Result[T] {
	p := m.ps[i]
	if p == nil {
		return Result[T]{Err: m.no[i]}
	}
	p.take()
	return Result[T]{p.value, p.err}
}

// join takes the errors of members that failed and joins them in input order.
func (m *members[T]) join(failed []int) error {
	slices.Sort(failed)
	errs := make([]error, len(failed))
	for j, i := range failed {
		_, errs[j] = m.take(i)
	}
	return errors.Join(errs...)
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
	return m.ps[i] == nil || m.ps[i].word.Load()&bitFailed != 0
}

// echoes reports whether a member's failure is a cancellation.
func (m *members[T]) echoes(i int) bool {
	p := m.ps[i]
	return p != nil && p.word.Load()&bitPanicked == 0 && errors.Is(p.err, context.Canceled)
}

// turns are members that come out one after the other as they complete.
type turns[T any] struct {
	*members[T]
	ctx context.Context
	q   queue
	s   *sleeper
}

func inTurn[T any](ctx context.Context, cs []*Call[T]) *turns[T] {
	t := &turns[T]{ctx: ctx, s: newSleeper()}
	t.q.size = len(cs)
	t.members = watch(cs, &t.q, make([]node, len(cs)))
	return t
}

// next returns the index of the next member to complete, or an error:
// ErrNothingToWait after the last, a *WaitError when the context is done.
func (t *turns[T]) next() (int, error) {
	u := untilDone(t.ctx)
	t.q.mu.Lock()
	n, empty := t.q.nextLocked(t.s, u)
	t.q.mu.Unlock()
	switch {
	case n != nil && t.isComplete(int(n.i)): // which waits for a completer that is at it (L6)
		return int(n.i), nil
	case empty:
		return -1, ErrNothingToWait
	}
	return -1, contextWaitError(t.ctx, nil)
}

// sweep calls f for each i below n, the rest also where one panics.
func sweep(n int, f func(i int)) {
	i := 0
	defer func() {
		if i++; i < n {
			sweep(n-i, func(j int) { f(i + j) })
		}
	}()
	for ; i < n; i++ {
		f(i)
	}
}
