package async_test

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"
	"weak"

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

// The end of Begin's context ends the contexts of all calls that were begun in calls,
// however deep. The cancellation of a call, and its completion, end the context of
// the call and the contexts below that, and no other.
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
				ch.ended(t, n/2, n, async.ErrCallComplete)
				cancel(errBoom)
				for i, ctx := range ch.ctxs {
					wantEq(t, "ended by the cause", errors.Is(context.Cause(ctx), errBoom), i < n/2)
				}
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

// Calls begun in calls by way of contexts of package context cost no goroutine each,
// and a level costs the same at every depth.
func TestR12_ValuesBetweenCalls(t *testing.T) {
	begin := func(n int) (ctxs []context.Context, end func()) {
		ctx, cancel := context.WithCancel(bg)
		for i := range n {
			p, _ := async.NewPromise[int](context.WithValue(ctx, key{}, i))
			ctx = p.Context()
			ctxs = append(ctxs, ctx)
		}
		return ctxs, cancel
	}
	const n = 1000
	before := runtime.NumGoroutine()
	ctxs, end := begin(n)
	for _, ctx := range ctxs {
		ctx.Done()
	}
	if more := runtime.NumGoroutine() - before; more > 10 { // those of other tests may be ending
		t.Errorf("%d calls cost %d goroutines", n, more)
	}
	wantEq(t, "the value", ctxs[n-1].Value(key{}), any(n-1))
	end()
	for _, ctx := range ctxs {
		wantEq(t, "ended", ctx.Err(), context.Canceled)
	}
	level := func(n int) time.Duration {
		return fastest(func() {
			ctxs, end := begin(n)
			for _, ctx := range ctxs {
				wantEq(t, "going on", ctx.Err(), nil)
			}
			end()
		}) / time.Duration(n)
	}
	if few, many := level(100), level(4000); many > 10*few {
		t.Errorf("a level costs %v at depth 100, %v at depth 4000", few, many)
	}
}

// fastest returns how long do takes when nothing gets in its way.
func fastest(do func()) time.Duration {
	best := time.Duration(1<<63 - 1)
	for range 20 {
		start := time.Now()
		do()
		best = min(best, time.Since(start))
	}
	return best
}

// What is asked of a context costs the same however deep in calls the context is.
// Value and Deadline go up from one context to the next, as those of package context
// do: a level costs no more than a few levels there.
func TestR12_DepthCostsNothing(t *testing.T) {
	long, cancel := context.WithTimeout(context.WithValue(bg, key{}, "above"), time.Hour)
	defer cancel()
	const deep = 4000
	ch := newChain(long, deep, false)
	defer ch.end()
	plain := long
	for range deep {
		ctx, cancel := context.WithCancelCause(plain)
		defer cancel(nil)
		plain = ctx
	}
	for name, ask := range map[string]func(ctx context.Context) bool{
		"Value":     func(ctx context.Context) bool { return ctx.Value(key{}) == "above" },
		"Deadline":  func(ctx context.Context) bool { _, ok := ctx.Deadline(); return ok },
		"Err":       func(ctx context.Context) bool { return ctx.Err() == nil },
		"Cause":     func(ctx context.Context) bool { return context.Cause(ctx) == nil },
		"AfterFunc": func(ctx context.Context) bool { return context.AfterFunc(ctx, func() {})() },
		"WithTimeout": func(ctx context.Context) bool {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			cancel()
			return ctx.Err() != nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			often := func(ctx context.Context) time.Duration {
				ctx.Done()
				return fastest(func() {
					for range 100 {
						wantEq(t, "the answer", ask(ctx), true)
					}
				})
			}
			first, last := often(ch.ctxs[10]), often(ch.ctxs[deep-1])
			if few := 100 * max(first, often(plain)); last > few {
				t.Errorf("%v at depth 10, %v at depth %d, %v allowed", first, last, deep, few)
			}
		})
	}
}

// A level costs the same however deep it is, also where each has to wait for the
// one slot of a scope, and so has its context watched (C1, C2).
func TestC2_DepthCostsNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector remembers how deep it is")
	}
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	level := func(depth int) time.Duration {
		return fastest(func() { wantEq(t, "levels", nest(bg, depth, s), depth) }) / time.Duration(depth)
	}
	if few, many := level(100), level(4000); many > 10*few {
		t.Errorf("a level costs %v at depth 100, %v at depth 4000", few, many)
	}
}

// giveWay lets those who are about to wait begin to.
func giveWay() {
	for range 10 {
		runtime.Gosched()
	}
}

// The end of the first context of a chain ends all contexts of the chain, by steps in
// proportion to the length, and completes the promises that were begun with them (R12,
// R14).
func TestR12_AHundredThousandContextsDeep(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(256 << 20))
	for _, byContext := range []bool{false, true} {
		end := func(n int) time.Duration {
			ctx, cancel := context.WithCancelCause(bg)
			calls := make([]*async.Call[int], n)
			ctxs := make([]context.Context, n)
			for i := range n {
				var p *async.Promise[int]
				p, calls[i] = async.NewPromise[int](ctx)
				ctx = p.Context()
				ctxs[i] = ctx
			}
			start := time.Now()
			if byContext {
				cancel(errBoom)
			} else {
				wantEq(t, "Cancel", calls[0].Cancel(errBoom), nil)
			}
			wantEq(t, "the last has ended", ctxs[n-1].Err(), context.Canceled)
			for i, ctx := range ctxs {
				_ = calls[i].Wait(bg)
				if ctx.Err() == nil || context.Cause(ctx) != errBoom || !isClosed(ctx.Done()) {
					t.Fatalf("context %d: %v, %v", i, ctx.Err(), context.Cause(ctx))
				}
				calls[i].Release()
			}
			took := time.Since(start)
			cancel(nil)
			return took / time.Duration(n)
		}
		few := min(end(1000), end(1000), end(1000))
		if many := end(rounds(100_000)); many > 100*few {
			t.Errorf("by the context %v: a level takes %v of many, %v of a thousand", byContext, many, few)
		}
	}
}

// A function's wait through its own context ends with that, unless what it waits
// for is complete by then (R5, R6); it makes no channel of the context for it.
func TestR6_WaitThroughAFunctionsContext(t *testing.T) {
	for _, wrapped := range []bool{false, true} {
		for range rounds(500) {
			p, on := async.NewPromise[int](bg)
			q, inner := async.NewPromise[int](bg)
			ctx := p.Context()
			if wrapped {
				ctx = context.WithValue(ctx, key{}, 1)
			}
			results := make(chan error, 3)
			wait := func() {
				err := inner.Wait(ctx)
				var we *async.WaitError
				switch {
				case err == nil:
					wantEq(t, "complete", inner.IsDone(), true)
				case !errors.As(err, &we), !errors.Is(err, errBoom), !errors.Is(err, context.Canceled), ctx.Err() == nil:
					t.Errorf("%v, context %v", err, ctx.Err())
				}
				results <- err
			}
			go wait()
			go wait()
			go func() { giveWay(); q.Complete(1, nil) }()
			go func() { giveWay(); _ = on.Cancel(errBoom) }()
			<-results
			<-results
			_ = inner.Wait(bg)
			<-ctx.Done()
			wait()
			wantEq(t, "after both", <-results, nil)
			_, on = async.NewPromise[int](p.Context())
			wantEq(t, "begun too late", on.Wait(bg), nil)
		}
	}
}

// The context of a call keeps no call alive that was begun with it, nor the result of
// one: whether the context ends before these calls or after them, and somebody has
// looked at their contexts or not (S5).
func TestS5_AContextKeepsNoCallBelow(t *testing.T) {
	for _, endFirst := range []bool{false, true} {
		p, c := async.NewPromise[int](bg)
		ctx := p.Context()
		var results []weak.Pointer[[64]int]
		for i := range 10 {
			q, d := async.NewPromise[*[64]int](ctx)
			if i%2 == 0 {
				q.Context().Done()
			}
			if endFirst && i == 5 {
				_ = c.Cancel(errBoom)
			}
			v := new([64]int)
			results = append(results, weak.Make(v))
			if q.Complete(v, nil) {
				_, _ = d.Await(bg)
			}
			d.Release()
		}
		if !endFirst {
			p.Complete(1, nil)
		}
		runtime.GC()
		for i, r := range results {
			if r.Value() != nil {
				t.Errorf("ended first %v: the result of call %d is kept", endFirst, i)
			}
		}
		runtime.KeepAlive(ctx)
		c.Release()
	}
}

// A wait leaves nothing in the context that it was given, be it a call's (S5).
func TestS5_AWaitLeavesNothingInAFunctionsContext(t *testing.T) {
	p, call := async.NewPromise[int](bg)
	defer call.Release()
	ctx := p.Context()
	within := func(what string, got float64) {
		t.Helper()
		if got > 8 {
			t.Errorf("%s: %.1f bytes for each wait", what, got)
		}
	}
	n := rounds(20_000)
	within("complete", perItem(n, func(int) {
		q, c := async.NewPromise[int](bg)
		go func() { giveWay(); q.Complete(1, nil) }()
		wantEq(t, "Wait", c.Wait(ctx), nil)
	}))
	q, never := async.NewPromise[int](bg)
	defer q.Break()
	within("canceled", perItem(n, func(int) {
		p, c := async.NewPromise[int](bg)
		go func() { giveWay(); _ = c.Cancel(errBoom) }()
		wantEq(t, "Wait", errors.Is(never.Wait(p.Context()), errBoom), true)
	}))
	runtime.KeepAlive(call)
}

// What a level costs: the call, its goroutine and the function's own closure; the
// waiter and its channel; the binding; and five for a context of package context: the
// context, its cancel function, its channel, and two for the map of the context above.
func TestPins_Nested(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const levels = 50
	for name, pin := range map[string]struct {
		most float64
		wait func(ctx context.Context, c *async.Call[int]) int
	}{
		"Wait": {11, func(ctx context.Context, c *async.Call[int]) int {
			_ = c.Wait(ctx)
			v, _ := c.Finish()
			return v
		}},
		"Await": {11, func(ctx context.Context, c *async.Call[int]) int {
			v, _ := c.Await(ctx)
			return v
		}},
	} {
		var nest func(ctx context.Context, depth int) int
		nest = func(ctx context.Context, depth int) int {
			return pin.wait(ctx, async.Go(ctx, func(ctx context.Context) (int, error) {
				if depth == 1 {
					return 1, nil
				}
				return 1 + nest(ctx, depth-1), nil
			}))
		}
		cost := func(depth int) float64 { return testing.AllocsPerRun(100, func() { nest(bg, depth) }) }
		if got := (cost(2*levels) - cost(levels)) / levels; got > pin.most+0.2 {
			t.Errorf("%s: %.1f allocations for each level, %v allowed", name, got, pin.most)
		}
	}
}
