package async

import (
	"context"
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/sched"
)

// A Lazy is a value that is made when it is first asked for (H2), and waited for
// by everyone who asks meanwhile. It comes from [NewLazy]; its zero value is of no
// use, and its methods panic. It must not be copied. Its methods may be called by
// any number of goroutines at the same time.
//
// The run that makes the value is as one of a [Group]: in a goroutine of its own,
// by a context with the values of the first to ask and nobody's cancellation,
// until the last who waits for it leaves.
type Lazy[T any] struct {
	value atomic.Pointer[T]
	group Group[struct{}, T]
	fn    func(context.Context) (T, error) // nil once there is a value; guarded by the group's mu
}

// NewLazy returns a lazy value that fn makes. The options are those of every run
// of fn, as [Group.Options]. It panics where fn is nil, or a [Discard] is of another
// type.
func NewLazy[T any](fn func(context.Context) (T, error), opts ...Option) *Lazy[T] {
	if fn == nil {
		panic("async: NewLazy with a nil function")
	}
	l := &Lazy[T]{fn: fn}
	l.group.Options, l.group.lazy = opts, l
	l.group.optionsLocked() // not to be told of a wrong option by the first Get
	return l
}

// Get returns the value: at once where it is there, by one atomic load and without
// allocation, even if ctx is done. Else it waits for the run that makes it, and
// begins that where there is none. When ctx ends first it returns a [*WaitError]
// and leaves nothing behind; the run goes on while another waits for it, and is
// canceled with [ErrAbandoned] when the last has left.
//
// An error of the function is returned to all who waited, and not kept: the next
// Get has the function run again. So it is with a panic, which is raised in all of
// them, with [ErrGoexit], and with what a scope or group among the options refuses.
// A cancellation is never kept and never seen by who asks later. A run that asks
// for its own value gets an error that is [ErrCycle].
func (l *Lazy[T]) Get(ctx context.Context) (T, error) {
	if v := l.value.Load(); v != nil {
		return *v, nil
	}
	return l.get(ctx)
}

// get is Get for a value that was not there a moment ago.
func (l *Lazy[T]) get(ctx context.Context) (v T, err error) {
	l.check()
	checkBegin(ctx, false)
	r, err := l.group.await(ctx, struct{}{}, nil)
	switch {
	case err != nil:
		return v, err
	case r == nil:
		return *l.value.Load(), nil
	}
	l.keep(r)
	return r.p.outcome()
}

// keep keeps the result of a run that is complete, where that is a value, and
// makes it taken; it takes the run off the list first of all (G5). Only who shares
// the run does this, so no value is kept that went to Discard.
func (l *Lazy[T]) keep(r *run[struct{}, T]) {
	made := r.p.core.Word.Load()&bitFailed == 0
	l.group.mu.Lock()
	if made && l.fn != nil {
		v := r.p.value
		l.fn = nil
		sched.Point("keep")
		l.value.Store(&v)
	}
	r.unlistLocked()
	l.group.mu.Unlock()
	if made && r.p.core.task.streams() {
		r.p.core.take() // the value goes on using the run's context, for ever
		return
	}
	r.p.takeAndLeave()
}

// Peek returns the value and true where it is there, without waiting and without
// having it made.
func (l *Lazy[T]) Peek() (v T, ok bool) {
	if v := l.value.Load(); v != nil {
		return *v, true
	}
	l.check()
	return v, false
}

func (l *Lazy[T]) check() {
	if l.group.lazy == nil {
		panic("async: a Lazy that NewLazy has not made")
	}
}
