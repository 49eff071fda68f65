package async

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"
	"unsafe"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/parked"
)

// This file has the ways to wait for many calls of one type, and [Hedge], which waits for
// calls of its own. Each method holds its members, see members.go, waits, and then takes
// what it returns; only the taking knows the type. A method takes a result as its last act:
// a panic of another member comes up before that, and no result is lost with it (R9).

// Calls are many calls of one type, and the ways to wait for them together.
// Their methods cancel nothing by themselves: defer calls.Cancel(nil) stops the
// losers, whose late results go to [Discard]. While a method waits it holds a
// reference on each call, so that another's Release takes no result from it. A
// result that a method returned is taken. One that it only looked at is not.
//
// A deferred call of a method sees the slice as it is at the defer statement:
// begin the calls first, or defer a closure.
//
// The methods may be called by any number of goroutines at the same time. They
// panic where a member is nil, before they do anything. A member that is a released or
// finished handle counts as complete with [ErrReleased] or [ErrCallComplete].
type Calls[T any] []*Call[T]

// Race returns the index and the result of the first call to complete, success or not:
// at once, and the lowest, where some are complete on entry. An error is that of the call
// with that index. With the index -1 it is the error of the wait: a [*WaitError] when ctx
// ends first, [ErrNothingToWait] where there are no calls. Where the function panicked, Race
// panics with its [*PanicError]. The other calls are left as they are.
//
//go:noinline // into both wrappers that the compiler makes for a type of results
func (cs Calls[T]) Race(ctx context.Context) (int, T, error) {
	i, c, err := hold(cs).race(ctx)
	return i, valueOf[T](c), err
}

// Any returns the index and the value of the first call to succeed. Where none does, the
// index is -1, and the error says why: when all have failed, their errors, joined in input
// order by [errors.Join]; when ctx ends first, a [*WaitError]; without calls,
// [ErrNothingToWait]. The panic of a call that completes before that is raised as a
// [*PanicError].
//
//go:noinline // see Race
func (cs Calls[T]) Any(ctx context.Context) (int, T, error) {
	i, c, err := hold(cs).any(ctx)
	return i, valueOf[T](c), err
}

// Quorum waits for k calls to succeed and returns their indices and values in
// order of completion. As soon as too many have failed it returns the errors of
// those, joined in input order, and no values: a value that was there already is
// not taken. When ctx ends first it returns a [*WaitError]; without calls
// [ErrNothingToWait]; and an error at once where k is below 1 or above the number
// of calls. Panics are raised as by Any.
//
//go:noinline // see Race
func (cs Calls[T]) Quorum(ctx context.Context, k int) ([]int, []T, error) {
	won, cores, err := hold(cs).quorum(ctx, k)
	return won, valuesOf[T](cores), err
}

// All returns every value in input order. The first failure in time ends the wait: All
// returns that error and no values, which are then not taken. Where the first failure is a
// cancellation, and a failure that is none is there as well, All returns that one: the
// cancellation most often followed from it (W7). When ctx ends first, All returns a
// [*WaitError]. A panic is raised as a [*PanicError]. Of no calls, All returns no values. All
// parks once, however many calls there are.
//
//go:noinline // see Race
func (cs Calls[T]) All(ctx context.Context) ([]T, error) {
	cores, pending, err := hold(cs).all(ctx)
	if pending >= 0 {
		err = contextWaitError(ctx, cs[pending])
	}
	return valuesOf[T](cores), err
}

// Settle waits until every call is complete and returns their results in input
// order; panics are held as Err. When ctx ends first it returns a [*WaitError]
// beside the results, which then have that error for the calls that are pending.
//
//go:noinline // see Race
func (cs Calls[T]) Settle(ctx context.Context) ([]Result[T], error) {
	cores, pending, refused := hold(cs).settle(ctx)
	var err error
	if pending >= 0 {
		err = contextWaitError(ctx, cs[pending])
	}
	rs := make([]Result[T], len(cs))
	for i, c := range cores {
		if rs[i] = resultOf[T](c, refused[i]); rs[i].Err == nil && c == nil {
			rs[i].Err = err
		}
	}
	return rs, err
}

// Each ranges over the indices and results of the calls in order of completion,
// waiting for each, until all were yielded or ctx is done and nothing more is
// complete (R6). Panics are held as Err. Leaving early leaves nothing behind, and
// the results not yielded are not taken (W5).
//
//go:noinline // see Race
func (cs Calls[T]) Each(ctx context.Context) iter.Seq2[int, Result[T]] {
	return func(yield func(int, Result[T]) bool) {
		hold(cs).each(ctx, func(i int, c *core, refused error) bool { return yield(i, resultOf[T](c, refused)) })
	}
}

// Cancel cancels every call that is pending, as by [Call.Cancel], the rest also
// where an [OnSignal] function of one panics or calls [runtime.Goexit]. Cancel then
// ends as that function did. Where several panic, Cancel panics with one
// [*PanicError], by which errors.Is and errors.As find each of the panics.
//
//go:noinline // see Race
func (cs Calls[T]) Cancel(cause error) { cancelAll(handlesOf(cs), cause) }

// Release releases every handle, as by [Call.Release], the rest also where one
// raises a panic. Where several do, Release panics with one [*PanicError], by which
// errors.Is and errors.As find each of the panics.
//
//go:noinline // see Race
func (cs Calls[T]) Release() { releaseAll(handlesOf(cs), fresh[T]) }

// A Result is what a call completed with: a value, an error, or both, as the
// function returned them. A panic is an Err here, a [*PanicError].
type Result[T any] struct {
	Value T
	Err   error
}

// Below is the typed part of members.go: its way in, and its ways out.

// hold holds every call, each with the reference of a wait. It panics where one is
// nil, before it holds any.
func hold[T any](cs Calls[T]) *members { return newMembers(handlesOf(cs), fresh[T]) }

// handlesOf returns the untyped handles. A Call is nothing but its handle, so the pointers to
// the one are those to the other.
func handlesOf[T any](cs Calls[T]) []*handle { return *(*[]*handle)(unsafe.Pointer(&cs)) }

// valueOf returns the value that a call of the type T has, or none where there is no call.
func valueOf[T any](c *core) (v T) {
	if c != nil {
		v = promiseOf[T](c).value
	}
	return v
}

// valuesOf is valueOf for many. Of nil it returns nil.
func valuesOf[T any](cores []*core) []T {
	if cores == nil {
		return nil
	}
	vs := make([]T, len(cores))
	for i, c := range cores {
		vs[i] = promiseOf[T](c).value
	}
	return vs
}

// resultOf returns what a member completed with; a panic is held as Err. A member that
// was refused has no call.
func resultOf[T any](c *core, refused error) (r Result[T]) {
	if c == nil {
		r.Err = refused
		return r
	}
	return Result[T]{*valueAt[T](c), c.error()}
}

// Hedge runs fn and, while no attempt has succeeded, runs it again beside those
// still running: after delay, or at once when an attempt has failed, up to max
// attempts. A delay of zero or less starts them all. It returns the value of the
// first to succeed; when all have failed, their errors, joined in the order of
// the attempts; when ctx ends before, a [*CanceledError] with its cause, and with the
// [Name] among the options.
//
// fn is given the number of its attempt, counted from 0 in the order in which the
// attempts begin: so each attempt may ask another server. A caller that wants to know
// which attempt has won has fn return the number as a part of the value.
//
// In a scope each attempt is a call. One that waits for a slot is slow, too: delay counts
// from its Begin. One that the scope refuses has failed.
//
// Hedge owns its attempts: on return the losers are canceled, and what they
// still return goes to [Discard]. With [Streaming] the winner's context lives on
// until ctx ends, so that a response body can be read. The panic of an attempt
// is raised as a [*PanicError]. Where max is below 1, Hedge returns
// [ErrNothingToWait].
func Hedge[T any](ctx context.Context, delay time.Duration, max int, fn func(ctx context.Context, attempt int) (T, error), opts ...Option) (v T, err error) {
	checkBegin(ctx, fn == nil)
	begin := func(i int) *handle {
		return &Go(ctx, func(ctx context.Context) (T, error) { return fn(ctx, i) }, opts...).h
	}
	c, err := (&hedge{ctx: ctx, delay: delay, max: max, attempt: begin}).run()
	return valueOf[T](c), err
}

// run is Hedge, but for the value: that of the call which run returns.
func (h *hedge) run() (c *core, err error) {
	if h.max < 1 {
		return nil, ErrNothingToWait
	}
	defer h.end()
	c, err = h.loop()
	h.over = true
	return c, err
}

// loop begins attempts until one has won, or none can. It may be ended by a function of the
// user, as OnSignal of an attempt that is canceled, or by the panic of an attempt.
func (h *hedge) loop() (*core, error) {
	h.begin()
	for {
		i, err := h.set.next(h.ctx, nil, h.waited)
		switch {
		case err != nil:
			return nil, h.canceled()
		case i < 0: // a delay is over: that before the next attempt, or an old one
			if ^i == len(h.calls) {
				h.begin()
			}
		case !h.isFailed(i):
			return h.win(i)
		case h.ctx.Err() != nil: // the failure is an echo of that
			return nil, h.canceled()
		case len(h.calls) < h.max:
			h.begin()
		case h.failed == h.max:
			return nil, h.errors()
		}
	}
}

// A hedge is the state of one Hedge. One goroutine uses it: the one that called Hedge. The
// attempts are calls like others, and nobody else has a handle on them.
//
//	begin ──▶ wait for the set ──an attempt succeeds──▶ win
//	  ▲            │      └──────ctx ends, or all attempts have failed──▶ an error
//	  └────────────┴── the delay is over, or an attempt has failed; fewer than max have begun
//
// What may not change: however the loop ends, end cancels and releases every attempt that is
// left, and the loop looks at ctx before it takes a failure for one (W6).
type hedge struct {
	ctx     context.Context
	delay   time.Duration
	max     int
	attempt func(i int) *handle // begins attempt i

	calls  []*handle // the attempts
	failed int       // how many of them have been seen to fail
	set    Set[int]  // attempt i under i; the delay before attempt i under ^i
	timer  *time.Timer
	over   bool // the loop has returned, and was not ended by a panic or Goexit
}

// begin begins the next attempt and the delay before the one after it, or all where
// there is no delay. The delay is an Event in the set, so the loop waits for attempts
// and delays in one place.
func (h *hedge) begin() {
	for more := true; more; more = h.delay <= 0 && len(h.calls) < h.max {
		i := len(h.calls)
		c := h.attempt(i)
		h.set.addLatch(i, &c.core.Load().Latch)
		h.calls = append(h.calls, c)
	}
	h.stop()
	if len(h.calls) < h.max {
		over := new(Event)
		h.set.Add(^len(h.calls), over)
		h.timer = time.AfterFunc(h.delay, func() { over.Set() })
	}
}

// waited is what a hedge waits for: an attempt that is over, or the time for the next one.
func (h *hedge) waited() *parked.For {
	w := &parked.For{Came: h.failed}
	for _, c := range h.calls {
		w.Many = append(w.Many, c.core.Load())
	}
	if len(h.calls) < h.max {
		w.Kind = "time"
	}
	return w
}

// stop ends the delay that runs. Where it is over already, its Event comes out of the set,
// and is not that of the next attempt.
func (h *hedge) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
}

// isFailed reports whether attempt i, which has come out of the set, failed. A panic it
// raises.
func (h *hedge) isFailed(i int) bool {
	c := h.calls[i].core.Load()
	c.IsSet() // which waits for a completer that is at it: it tells the set before (L6)
	w := c.Word.Load()
	if w&bitPanicked != 0 {
		_, _ = h.calls[i].outcome()
	}
	if w&bitFailed != 0 {
		h.failed++
	}
	return w&bitFailed != 0
}

// win ends the losers, then takes the result of the winner: should a loser's
// panic come up, the winner's value goes to Discard and is not lost. The handle is
// released in any case, since nobody else has it.
//
// With Streaming the context of the winner lives until that of the hedge ends, with which
// the winner was begun. For that win keeps a reference, which is never given up: that of
// a wait and not of a handle, so that nothing is reported that nobody could release. The
// owner is told that no handle is left, and forgets the call, too.
func (h *hedge) win(i int) (*core, error) {
	c := h.calls[i]
	h.calls = slices.Delete(h.calls, i, i+1)
	defer c.release()
	h.release() // a function of the user may end this: nobody is given the value then, and it is not kept
	if core := c.core.Load(); core.terms().stream {
		defer core.gone(core.Add(latch.OneWait)) // when the handle is released
		defer c.release()
	}
	return c.outcome()
}

// canceled is the error of a Hedge whose context ended before an attempt succeeded.
func (h *hedge) canceled() error {
	return &CanceledError{Name: h.calls[0].core.Load().name(), Cause: context.Cause(h.ctx)}
}

// errors takes and joins the errors of all attempts.
func (h *hedge) errors() error {
	errs := make([]error, len(h.calls))
	for i, c := range h.calls {
		_, errs[i] = c.outcome()
	}
	return errors.Join(errs...)
}

// end leaves nothing behind, however the loop ends. A panic that comes up is joined with the one
// that ended the loop.
func (h *hedge) end() {
	h.stop()
	h.set.Release()
	if h.over {
		h.release()
	} else {
		goOn(recover(), 0, 1, func(int) { h.release() })
	}
}

// release cancels what still runs, then releases every attempt. It is one sweep, so that no panic
// of an OnSignal function is lost, and no attempt is left.
func (h *hedge) release() {
	calls, cause := h.calls, context.Cause(h.ctx)
	h.calls = nil
	sweep(2*len(calls), func(i int) {
		if i >= len(calls) {
			calls[i-len(calls)].release()
			return
		}
		_ = calls[i].cancel(cause)
	})
}
