//go:build goexperiment.goroutineleakprofile

package verify_test

import (
	"context"
	"errors"
	"flag"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
)

var calls = flag.Int("calls", 1_000_000, "calls of TestLeaks")

// No outcome of a call, and no way to wait or not to, leaves a goroutine that
// nothing can wake: the garbage collector looks for those.
func TestLeaks(t *testing.T) {
	ways := outcomeWays()
	start := time.Now()
	for i := range *calls {
		ways[i%len(ways)](i)
	}
	t.Logf("%d calls of %d kinds, %d goroutines leaked, %v", *calls, len(ways), leaked(t), time.Since(start).Round(time.Millisecond))
	if n := leaked(t); n != 0 {
		var text strings.Builder
		_ = pprof.Lookup("goroutineleak").WriteTo(&text, 1)
		t.Errorf("%d goroutines leaked\n%s", n, text.String())
	}
}

// The profile sees a goroutine that waits on a call which nobody can complete.
func TestLeaks_CanFail(t *testing.T) {
	before := leaked(t)
	func() {
		_, c := async.NewPromise[int](bg)
		go func() { _ = c.Wait(bg) }()
	}()
	time.Sleep(10 * time.Millisecond)
	if after := leaked(t); after != before+1 {
		t.Errorf("%d leaked before, %d after", before, after)
	}
}

func leaked(t *testing.T) int {
	t.Helper()
	p := pprof.Lookup("goroutineleak")
	if err := p.WriteTo(new(strings.Builder), 0); err != nil { // which has the collector look
		t.Fatal(err)
	}
	return p.Count()
}

// outcomeWays returns what one can do with a call, to its end.
func outcomeWays() []func(i int) {
	scope := async.NewScope(async.ScopeOptions{Limit: 2, Panic: async.PanicReturn})
	fn := func(context.Context) (int, error) { return 1, nil }
	slow := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, context.Cause(ctx) }
	return []func(int){
		func(int) { _, _ = async.Go(bg, fn).Await(bg) },
		func(int) { _, _ = async.Go(bg, fn, scope).Await(bg) },
		func(int) { _, _ = async.Go(bg, func(context.Context) (int, error) { return 0, errOne }).Await(bg) },
		func(int) {
			defer func() { _ = recover() }()
			_, _ = async.Go(bg, func(context.Context) (int, error) { panic(errOne) }).Await(bg)
		},
		func(int) {
			_, _ = async.Go(bg, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil }).Await(bg)
		},
		func(int) { c := async.Go(bg, slow); _ = c.Cancel(errOne); c.Release() },
		func(int) { async.Go(bg, slow, async.CancelOnAbandon()).Release() },
		func(int) { c := async.Go(bg, slow, scope); _ = c.CancelWait(bg, errOne); c.Release() },
		func(int) { p, c := async.NewPromise[int](bg); p.Break(); _ = c.Wait(bg); c.Release() },
		func(int) {
			ctx, cancel := context.WithCancelCause(bg)
			_, c := async.NewPromise[int](ctx)
			cancel(errOne)
			_ = c.Wait(bg)
		},
		func(int) { // nobody completes it, and nobody waits any more
			_, c := async.NewPromise[int](bg)
			_ = c.WaitFor(time.Nanosecond)
			_, _ = async.WaitAny(ended, c)
		},
		func(i int) {
			var s async.Set[int]
			p, c := async.NewPromise[int](bg)
			s.Add(i, c)
			p.Complete(i, nil)
			_, _ = s.Next(bg)
		},
		func(int) {
			cs := async.GoAll(bg, []func(context.Context) (int, error){fn, slow})
			if _, _, err := cs.Any(bg); err != nil {
				panic(errors.Join(errOne, err))
			}
			cs.Cancel(nil)
			cs.Release()
		},
		func(int) {
			_, _ = async.Hedge(bg, 0, 2, func(ctx context.Context, _ int) (int, error) { return fn(ctx) })
		},
		func(i int) {
			var g async.Group[int, int]
			_, _, _ = g.Do(bg, i, fn)
		},
	}
}
