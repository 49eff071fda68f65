package async

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
)

// Hedge runs fn and, while no attempt has succeeded, runs it again beside those
// still running: after delay, or at once when an attempt has failed, up to max
// attempts. A delay of zero or less starts them all. It returns the value of the
// first to succeed; when all have failed, their errors, joined in the order of
// the attempts; when ctx ends before, a [*CanceledError] with its cause.
//
// fn is given the number of its attempt, counted from 0 in the order in which the
// attempts begin: so each attempt may ask another server. A caller who wants to know
// which attempt has won has fn return the number as a part of the value.
//
// Hedge owns its attempts: on return the losers are canceled, and what they
// still return goes to [Discard]. With [Streaming] the winner's context lives on
// until ctx ends, so that a response body can be read. The panic of an attempt
// is raised as a [*PanicError]. Where max is below 1, Hedge returns
// [ErrNothingToWait].
func Hedge[T any](ctx context.Context, delay time.Duration, max int, fn func(ctx context.Context, attempt int) (T, error), opts ...Option) (v T, err error) {
	checkBegin(ctx, fn == nil)
	if max < 1 {
		return v, ErrNothingToWait
	}
	h := &hedge[T]{ctx: ctx, delay: delay, max: max, fn: fn, opts: opts}
	defer h.end()
	h.begin()
	for {
		i, err := h.set.Next(ctx)
		switch {
		case err != nil:
			return v, &CanceledError{Cause: context.Cause(ctx)}
		case i < 0: // a delay is over
			if ^i == len(h.calls) {
				h.begin()
			}
		case !h.isFailed(i):
			return h.win(i)
		case ctx.Err() != nil:
			return v, &CanceledError{Cause: context.Cause(ctx)}
		case len(h.calls) < max:
			h.begin()
		case h.failed == max:
			return v, h.errors()
		}
	}
}

// A hedge is the state of one Hedge.
type hedge[T any] struct {
	ctx   context.Context
	delay time.Duration
	max   int
	fn    func(ctx context.Context, attempt int) (T, error)
	opts  []Option

	calls  Calls[T] // the attempts
	failed int      // how many of them have been seen to fail
	set    Set[int] // attempt i under i; the delay before attempt i under ^i
	timer  *time.Timer
}

// begin begins the next attempt and the delay before the one after it, or all
// where there is no delay.
func (h *hedge[T]) begin() {
	for more := true; more; more = h.delay <= 0 && len(h.calls) < h.max {
		i := len(h.calls)
		c := Go(h.ctx, func(ctx context.Context) (T, error) { return h.fn(ctx, i) }, h.opts...)
		h.set.Add(i, c)
		h.calls = append(h.calls, c)
	}
	h.stop()
	if len(h.calls) < h.max {
		over := new(Event)
		h.set.Add(^len(h.calls), over)
		h.timer = time.AfterFunc(h.delay, func() { over.Set() })
	}
}

func (h *hedge[T]) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
}

// isFailed reports whether attempt i, which is complete, failed. A panic it
// raises.
func (h *hedge[T]) isFailed(i int) bool {
	c := h.calls[i].h.core.Load()
	c.IsSet() // which waits for a completer that is at it: it tells the set before (L6)
	w := c.Word.Load()
	if w&bitPanicked != 0 {
		_, _ = h.calls[i].Await(h.ctx)
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
func (h *hedge[T]) win(i int) (T, error) {
	c := h.calls[i]
	h.calls = slices.Delete(h.calls, i, i+1)
	if core := c.h.core.Load(); core.terms().stream {
		defer core.gone(core.Add(latch.OneWait)) // when the handle is released
	}
	defer c.Release()
	h.release()
	return c.Await(h.ctx)
}

// errors takes and joins the errors of all attempts.
func (h *hedge[T]) errors() error {
	errs := make([]error, len(h.calls))
	for i, c := range h.calls {
		_, errs[i] = c.Await(h.ctx)
	}
	return errors.Join(errs...)
}

// end leaves nothing behind.
func (h *hedge[T]) end() {
	h.stop()
	h.set.Release()
	h.release()
}

// release cancels what still runs and releases every attempt.
func (h *hedge[T]) release() {
	h.calls.Cancel(context.Cause(h.ctx))
	h.calls.Release()
	h.calls = nil
}
