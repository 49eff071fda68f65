package async_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/seed4712c49f/async"
)

// A chain is calls, each begun in the function of the one before it.
type chain struct {
	calls []*async.Call[int]
	ctxs  []context.Context
	gates []*async.Event // of the functions: opened, it returns
}

// newChain begins a chain of n calls. With look each of them is asked whether its
// context has ended before the next one begins, as Begin does too; with between,
// every third context is one derived from a call's.
func newChain(ctx context.Context, n int, between bool) *chain {
	ch := new(chain)
	for i := range n {
		got := make(chan context.Context)
		gate := new(async.Event)
		if between && i%3 == 2 {
			ctx = context.WithValue(ctx, key{}, i)
		}
		ch.calls = append(ch.calls, async.Go(ctx, func(ctx context.Context) (int, error) {
			got <- ctx
			return 1, gate.Wait(bg)
		}))
		ctx = <-got
		ch.ctxs, ch.gates = append(ch.ctxs, ctx), append(ch.gates, gate)
	}
	return ch
}

func (ch *chain) end() {
	for i, g := range ch.gates {
		g.Set()
		_ = ch.calls[i].Wait(bg)
		ch.calls[i].Release()
	}
}

// ended checks which contexts of the chain have ended: those from a number on, and
// below another. It asks the last first.
func (ch *chain) ended(t *testing.T, from, below int, cause error) {
	t.Helper()
	for i, ctx := range slices.Backward(ch.ctxs) {
		err, why := ctx.Err(), context.Cause(ctx)
		if want := i >= from && i < below; want != (err != nil) || want != errors.Is(why, cause) {
			t.Fatalf("context %d of %d: %v, cause %v; ended from %d to %d", i, len(ch.ctxs), err, why, from, below)
		}
		if isClosed(ctx.Done()) != (err != nil) {
			t.Fatalf("context %d: Err %v and Done differ", i, err)
		}
	}
}

// The end of a context is there, at once, for the function of a call that was
// begun in a call, however deep; and so is that of a call between, for those below
// it only. A call that is complete passes nothing on.
func TestR12_ContextsOfCallsInCalls(t *testing.T) {
	for _, n := range []int{1, 2, 7, 8, 9, 10, 17, 100} {
		for _, between := range []bool{false, true} {
			for range rounds(20) {
				ctx, cancel := context.WithCancelCause(bg)
				ch := newChain(ctx, n, between)
				ch.ended(t, 0, 0, errBoom)
				cancel(errBoom)
				ch.ended(t, 0, n, errBoom)
				ch.end()

				ch = newChain(bg, n, between)
				wantEq(t, "Cancel", ch.calls[n/2].Cancel(errBoom), nil)
				ch.ended(t, n/2, n, errBoom)
				ch.end()

				ctx, cancel = context.WithCancelCause(bg)
				ch = newChain(ctx, n, between)
				ch.gates[n/2].Set()
				_ = ch.calls[n/2].Wait(bg)
				cancel(errBoom)
				ch.ended(t, 0, n/2, errBoom)
				ch.end()
			}
		}
	}
}

// A chain leaves nothing behind in a context that lives on.
func TestR12_CallsInCallsLeaveNothing(t *testing.T) {
	cancellable, cancel := context.WithCancel(bg)
	defer cancel()
	parent := counting(cancellable)
	for range 3 {
		ch := newChain(parent, 50, false)
		ch.ended(t, 0, 0, errBoom)
		ch.end()
		wantEq(t, "registered", parent.live.Load(), int64(0))
	}
}
