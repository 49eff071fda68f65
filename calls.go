package async

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/sched"
)

// Calls are many calls of one type, and the ways to wait for them together.
// Their methods cancel nothing by themselves: defer calls.Cancel(nil) stops the
// losers, whose late results go to [Discard]. While a method waits it holds a
// reference on each call, so that another's Release takes no result from it; a
// result that it returned is taken, one that it only looked at is not.
//
// A deferred call of a method sees the slice as it is at the defer statement:
// begin the calls first, or defer a closure.
//
// The methods may be called by any number of goroutines at the same time. They
// panic where a member is nil. A member that is a released or finished handle
// counts as complete with [ErrReleased] or [ErrCallComplete].
type Calls[T any] []*Call[T]

// GoAll begins a call of each function, with the same options; see [Go]. The slice is
// the caller's again when GoAll has returned. GoAll panics where a function is nil,
// naming its index, and as Go does.
func GoAll[T any](ctx context.Context, fns []func(context.Context) (T, error), opts ...Option) Calls[T] {
	for i, fn := range fns {
		if fn == nil {
			panic(fmt.Sprintf("async: function %d of GoAll is nil", i))
		}
	}
	checkBegin(ctx, false)
	return goEach(ctx, fns, func(ctx context.Context, fn func(context.Context) (T, error)) (T, error) {
		return fn(ctx)
	}, gather[T](opts), nil)
}

// GoEach begins one call of fn for each input; see [Go]. The calls are made in
// one piece: starting a thousand takes as few allocations as starting two, and
// the memory of all of them is kept while a handle on one is. [NameEach] names each call.
// For more inputs than may be in memory at once, see [Map].
func GoEach[In, T any](ctx context.Context, in []In, fn func(context.Context, In) (T, error), opts ...Option) Calls[T] {
	checkBegin(ctx, fn == nil)
	t, name := gatherEach[In, T](opts)
	if t != nil {
		t.many.refuse(true)
	}
	return goEach(ctx, in, fn, t, name)
}

// goEach begins one call for each input, on the terms t, by a name of its own where name
// is not nil.
func goEach[In, T any](ctx context.Context, in []In, fn func(context.Context, In) (T, error), t *terms, name func(In) string) Calls[T] {
	in = slices.Clone(in) // the caller may use the slice again
	cores, cs := make([]*core, len(in)), make(Calls[T], len(in))
	if t.isScoped() {
		calls := make([]scopedPromise[T], len(in))
		for i := range calls {
			c := &calls[i].p.core
			cores[i] = c.init(ctx, calls[i].place.init(termsOf(t, name, in[i]), c), 0)
		}
	} else {
		calls := make([]Promise[T], len(in))
		for i := range calls {
			cores[i] = calls[i].core.init(ctx, termsOf(t, name, in[i]).plain(), 0)
		}
	}
	for i, c := range cores {
		cs[i] = callOf[T](c)
	}
	if !t.isScoped() && (t == nil || t.group == nil) && ctx.Err() == nil {
		// One function without arguments serves them all: a go statement of it
		// allocates nothing.
		var started atomic.Int64
		next := func() {
			sched.Point("take a number")
			i := started.Add(1) - 1
			functionOf[T](func(ctx context.Context) (T, error) { return fn(ctx, in[i]) }).run(cores[i])
		}
		for range in {
			go next()
		}
		return cs
	}
	for i, c := range cores {
		c.launch(functionOf[T](func(ctx context.Context) (T, error) { return fn(ctx, in[i]) }))
	}
	return cs
}

// termsOf returns the terms of the call for one input: t, or a copy with the name that
// NameEach gives to the input.
func termsOf[In any](t *terms, name func(In) string, in In) *terms {
	if name == nil {
		return t
	}
	return t.named(name(in))
}

// Race returns the index and the result of the first call to complete, whatever
// it says; where some are complete on entry, the lowest. An error is that of the
// call named, or, with index -1, of the wait: a [*WaitError] when ctx ends first,
// [ErrNothingToWait] where there are no calls. Where the function panicked, Race
// panics with its [*PanicError]. The other calls are left as they are.
func (cs Calls[T]) Race(ctx context.Context) (int, T, error) {
	var zero T
	if len(cs) == 0 {
		return -1, zero, ErrNothingToWait
	}
	m := cs.hold()
	defer m.leave()
	i := m.first(ctx)
	if i < 0 {
		return -1, zero, contextWaitError(ctx, nil)
	}
	r := cs.takeLast(m, i)
	return i, r.Value, r.Err
}

// Any returns the index and the value of the first call to succeed. When all
// have failed it returns -1 and their errors, joined in input order by
// [errors.Join]; when ctx ends first, -1 and a [*WaitError]; without calls, -1
// and [ErrNothingToWait]. The panic of a call that completes before that is
// raised as a [*PanicError].
func (cs Calls[T]) Any(ctx context.Context) (int, T, error) {
	is, vs, err := cs.Quorum(ctx, 1)
	if err != nil {
		var zero T
		return -1, zero, err
	}
	return is[0], vs[0], nil
}

// Quorum waits for k calls to succeed and returns their indices and values in
// order of completion. As soon as too many have failed it returns the errors of
// those, joined in input order, and no values: a value that was there already is
// not taken. When ctx ends first it returns a [*WaitError]; without calls
// [ErrNothingToWait]; and an error at once where k is below 1 or above the number
// of calls. Panics are raised as by Any.
func (cs Calls[T]) Quorum(ctx context.Context, k int) ([]int, []T, error) {
	switch {
	case len(cs) == 0:
		return nil, nil, ErrNothingToWait
	case k < 1 || k > len(cs):
		return nil, nil, fmt.Errorf("async: quorum of %d among %d calls", k, len(cs))
	}
	var won, lost []int
	m := inTurn(ctx, cs.hold())
	defer m.leave()
	for len(won) < k && len(lost) <= len(cs)-k {
		i, err := m.next()
		if err != nil {
			return nil, nil, err
		}
		if cs.look(m.members, i) != nil {
			lost = append(lost, i)
		} else {
			won = append(won, i)
		}
	}
	if len(won) < k {
		return nil, nil, cs.join(m.members, lost)
	}
	vs := make([]T, k)
	m.leaveOthers(m.oneOf(won))
	for j, i := range won {
		vs[j] = cs.finish(m.members, i).Value
	}
	return won, vs, nil
}

// All returns every value in input order. The first failure in time ends it: All
// returns that error and no values, which are then not taken; where it is only a
// cancellation and another failure that is none is there as well, that one (W7).
// When ctx ends first it returns a [*WaitError]. A panic is raised as a
// [*PanicError]. Of no calls it returns no values. It parks once, however many
// there are.
func (cs Calls[T]) All(ctx context.Context) ([]T, error) {
	m := cs.hold()
	defer m.leave()
	first := m.tally(ctx, true)
	pending := m.pending() // before the failures: if there is none, they are all there
	if i := m.failure(first); i >= 0 {
		return nil, cs.takeLast(m, i).Err
	}
	if pending >= 0 {
		return nil, contextWaitError(ctx, cs[pending])
	}
	vs := make([]T, len(cs))
	for i := range cs {
		vs[i] = cs.finish(m, i).Value
	}
	return vs, nil
}

// Settle waits until every call is complete and returns their results in input
// order; panics are held as Err. When ctx ends first it returns a [*WaitError]
// beside the results, which then have that error for the calls that are pending.
func (cs Calls[T]) Settle(ctx context.Context) ([]Result[T], error) {
	m := cs.hold()
	defer m.leave()
	m.tally(ctx, false)
	var err error
	var complete []int
	rs := make([]Result[T], len(cs))
	for i := range rs {
		if m.isComplete(i) {
			complete = append(complete, i)
			continue
		}
		if err == nil {
			err = contextWaitError(ctx, cs[i])
		}
		rs[i].Err = err
	}
	m.leaveOthers(m.oneOf(complete))
	for _, i := range complete {
		rs[i] = cs.finish(m, i)
	}
	return rs, err
}

// Each ranges over the indices and results of the calls in order of completion,
// waiting for each, until all were yielded or ctx is done and nothing more is
// complete (R6). Panics are held as Err. Leaving early leaves nothing behind, and
// the results not yielded are not taken (W5).
func (cs Calls[T]) Each(ctx context.Context) iter.Seq2[int, Result[T]] {
	return func(yield func(int, Result[T]) bool) {
		m := inTurn(ctx, cs.hold())
		defer m.leave()
		for {
			i, err := m.next()
			if err != nil {
				return
			}
			core, refused := m.keep(i)
			noteTaken(core, cs[i])
			if !yield(i, resultOf[T](core, refused)) {
				return
			}
		}
	}
}

// Cancel cancels every call that is pending, as by [Call.Cancel], the rest also
// where an [OnSignal] function of one panics or calls [runtime.Goexit]. Cancel then
// ends as that function did. Where several panic, Cancel panics with one
// [*PanicError], by which errors.Is and errors.As find each of the panics.
func (cs Calls[T]) Cancel(cause error) {
	sweep(len(cs), func(i int) { _ = cs[i].Cancel(cause) }) // whatever it says: the call is complete
}

// Release releases every handle, as by [Call.Release], the rest also where one
// raises a panic. Where several do, Release panics with one [*PanicError], by which
// errors.Is and errors.As find each of the panics.
func (cs Calls[T]) Release() {
	sweep(len(cs), func(i int) { cs[i].Release() })
}

// A Result is what a call completed with: a value, an error, or both, as the
// function returned them. A panic is an Err here, a [*PanicError].
type Result[T any] struct {
	Value T
	Err   error
}

// Below is the typed part of the members that a method waits for: see members.go.

// hold holds every call.
func (cs Calls[T]) hold() *members {
	for i, c := range cs {
		if c == nil {
			panic(fmt.Sprintf("async: call %d of Calls is nil", i))
		}
	}
	return newMembers(len(cs), func(i int) *handle { return handleOf(cs[i]) })
}

// resultOf returns what a member completed with; a panic is held as Err. A member that
// was refused has no call.
func resultOf[T any](c *core, refused error) (r Result[T]) {
	if c == nil {
		r.Err = refused
		return r
	}
	return Result[T]{promiseOf[T](c).value, c.error()}
}

// look returns the error of a complete member without taking it. A panic it takes and
// raises.
func (cs Calls[T]) look(m *members, i int) error {
	if m.panicked(i) {
		noteTaken(m.cores[i], cs[i])
	}
	return m.look(i)
}

// join takes the errors of members that failed and joins them in input order. All other
// members are left.
func (cs Calls[T]) join(m *members, failed []int) error {
	slices.Sort(failed)
	m.leaveOthers(m.oneOf(failed))
	errs := make([]error, len(failed))
	for j, i := range failed {
		errs[j] = cs.finish(m, i).Err
	}
	return errors.Join(errs...)
}

// noteTaken notes that the outcome of a member was taken through its handle.
func noteTaken[T any](c *core, by *Call[T]) {
	if c != nil {
		c.took(&by.h)
	}
}

// finish takes the outcome of a complete member, and gives the reference up.
func (cs Calls[T]) finish(m *members, i int) Result[T] {
	c, err := m.finish(i)
	noteTaken(c, cs[i])
	return resultOf[T](c, err)
}

// takeLast leaves all other members, and finishes a complete one. A panic it raises.
func (cs Calls[T]) takeLast(m *members, i int) Result[T] {
	m.leaveOthers(func(j int) bool { return j == i })
	c, err := m.finish(i)
	noteTaken(c, cs[i])
	if c != nil {
		_ = c.outcome()
	}
	return resultOf[T](c, err)
}
