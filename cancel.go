package async

import "context"

// Cancel completes a pending call at once: its outcome is a [*CanceledError]
// with cause, which may be nil, and the context of its function is canceled with
// cause, whether or not the function listens. A function that has not started
// never runs; what one still returns goes to [Discard]. Cancel returns nil where
// it ended the call; [ErrCanceled] where the call was canceled already;
// [ErrCallComplete] where it was complete, and the result stands, or where there
// is no call; [ErrReleased] after Release. Whoever is told that he came too late
// finds the call complete (R10).
func (c *Call[T]) Cancel(cause error) error {
	p, err := c.cancelable()
	if p == nil {
		return err
	}
	defer p.leave()
	if p.core.cancel(cause, false) {
		return nil
	}
	return p.tooLate()
}

// cancelable returns the pending call, retained, or nil and what Cancel says.
func (c *Call[T]) cancelable() (*Promise[T], error) {
	p := c.lock()
	defer p.core.Mu.Unlock()
	switch err := c.finishable(p); err {
	case ErrCallPending:
		p.core.join()
		return p, nil
	case nil:
		return nil, p.tooLate()
	default:
		return nil, err
	}
}

// tooLate is what Cancel says of a call that is complete.
func (p *Promise[T]) tooLate() error {
	if p.core.Word.Load()&bitCanceled != 0 {
		p.core.endChild(p.core.binding.Load()) // the contexts below have ended, too, when Cancel returns
		return ErrCanceled
	}
	return ErrCallComplete
}

// CancelWait asks before it cancels: the function's context is canceled with
// cause, and the call completes with what the function makes of it; then
// CancelWait returns nil. That of a call which waits for a slot of its scope is
// asked when its turn comes. When ctx ends before that, the call is canceled as by
// Cancel and CancelWait returns a [*WaitError]. Where there is nothing to
// cancel, or somebody else canceled the call meanwhile, it returns what Cancel
// would (R11).
func (c *Call[T]) CancelWait(ctx context.Context, cause error) error {
	u := untilDone(ctx)
	p, err := c.cancelable()
	if p == nil {
		return err
	}
	defer p.leave()
	p.core.child().cancel(cause)
	if !p.core.Wait(u) && p.core.cancel(cause, false) {
		return contextWaitError(ctx, c)
	}
	if err := p.tooLate(); err == ErrCanceled {
		return err
	}
	return nil
}
