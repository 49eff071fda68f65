package async_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
	"golang.org/x/sync/errgroup"
)

func TestR4_TheResultIsExactlyWhatTheFunctionReturned(t *testing.T) {
	var nilError *async.PanicError // a nil pointer in an error is not a nil error
	for name, want := range map[string]async.Result[*int]{
		"value":             {Value: new(int)},
		"error":             {Err: errBoom},
		"both":              {Value: new(int), Err: errBoom},
		"neither":           {},
		"a typed nil error": {Err: nilError},
	} {
		t.Run(name, func(t *testing.T) {
			p, promised := async.NewPromise[*int](bg)
			p.Complete(want.Value, want.Err)
			var g errgroup.Group
			for _, c := range []*async.Call[*int]{
				async.Go(bg, value(want.Value, want.Err)),
				async.Go(bg, value(want.Value, want.Err), async.InGroup(&g)),
				async.Ready(want.Value, want.Err),
				promised,
			} {
				for _, take := range []func() (*int, error){
					func() (*int, error) { return c.Await(bg) },
					func() (*int, error) { return c.Await(t.Context()) },
					c.Finish,
				} {
					v, err := take()
					wantEq(t, "value", v, want.Value)
					wantEq(t, "error", err, want.Err)
				}
			}
			_ = g.Wait()
		})
	}
}

// takers are the ways of taking the outcome of a call that raise its panic.
var takers = map[string]func(*async.Call[int]) error{
	"Finish": func(c *async.Call[int]) error { _ = c.Wait(bg); _, err := c.Finish(); return err },
	"Await":  func(c *async.Call[int]) error { _, err := c.Await(bg); return err },
	"Await with a context": func(c *async.Call[int]) error {
		ctx, cancel := context.WithCancel(bg)
		defer cancel()
		_, err := c.Await(ctx)
		return err
	},
	"Await by a clone": func(c *async.Call[int]) error { _, err := c.Clone().Await(bg); return err },
	"Race":             func(c *async.Call[int]) error { _, _, err := async.Calls[int]{c}.Race(bg); return err },
	"Any":              func(c *async.Call[int]) error { _, _, err := async.Calls[int]{c}.Any(bg); return err },
	"All":              func(c *async.Call[int]) error { _, err := async.Calls[int]{c}.All(bg); return err },
	"Quorum":           func(c *async.Call[int]) error { _, _, err := async.Calls[int]{c}.Quorum(bg, 1); return err },
}

// holders return it as an error.
var holders = map[string]func(*async.Call[int]) error{
	"Settle": func(c *async.Call[int]) error { rs, _ := async.Calls[int]{c}.Settle(bg); return rs[0].Err },
	"Each": func(c *async.Call[int]) (err error) {
		for _, r := range (async.Calls[int]{c}).Each(bg) {
			err = r.Err
		}
		return err
	},
}

func panicWith(value any) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { originOfThePanic(value); return 1, nil }
}

//go:noinline
func originOfThePanic(value any) { panic(value) }

func TestR4_APanicIsRaisedAgainWithItsOrigin(t *testing.T) {
	type kind struct {
		fn    func(context.Context) (int, error)
		check func(*testing.T, *async.PanicError)
	}
	kinds := map[string]kind{
		"string": {panicWith("boom"), func(t *testing.T, e *async.PanicError) {
			wantEq(t, "value", e.Value, "boom")
			wantEq(t, "no error inside", e.Unwrap(), nil)
		}},
		"error": {panicWith(errBoom), func(t *testing.T, e *async.PanicError) { wantIs(t, e, errBoom) }},
		"nil": {panicWith(nil), func(t *testing.T, e *async.PanicError) {
			var nilError *runtime.PanicNilError
			wantEq(t, "a PanicNilError", errors.As(e, &nilError), true)
		}},
		"runtime error": {func(context.Context) (int, error) {
			defer func() { originOfThePanic(recover()) }()
			var m map[int]int
			m[0] = 1
			return 0, nil
		}, func(t *testing.T, e *async.PanicError) {
			var re runtime.Error
			wantEq(t, "a runtime.Error", errors.As(e, &re), true)
		}},
		"a panic in a deferred function of a panic": {func(context.Context) (int, error) {
			defer originOfThePanic("second")
			panic("first")
		}, func(t *testing.T, e *async.PanicError) { wantEq(t, "value", e.Value, "second") }},
		"out of a nested call": {func(ctx context.Context) (int, error) {
			return async.Go(ctx, func(ctx context.Context) (int, error) {
				return async.Go(ctx, panicWith(errBoom)).Await(ctx)
			}).Await(ctx)
		}, func(t *testing.T, e *async.PanicError) { wantIs(t, e, errBoom) }},
	}
	for kindName, kind := range kinds {
		for name, take := range takers {
			t.Run(kindName+"/"+name, func(t *testing.T) {
				e, ok := recovered(func() { _ = take(async.Go(bg, kind.fn)) }).(*async.PanicError)
				if !ok {
					t.Fatal("it did not panic with a *PanicError")
				}
				kind.check(t, e)
				if !strings.Contains(string(e.Stack), "originOfThePanic") || !strings.Contains(e.Error(), "originOfThePanic") {
					t.Errorf("the stack is not the origin's:\n%s", e.Stack)
				}
			})
		}
		for name, hold := range holders {
			t.Run(kindName+"/"+name, func(t *testing.T) {
				var e *async.PanicError
				if !errors.As(hold(async.Go(bg, kind.fn)), &e) {
					t.Fatal("Err is no *PanicError")
				}
				kind.check(t, e)
			})
		}
	}
}

func TestR4_EveryAwaitRaisesThePanic(t *testing.T) {
	c := async.Go(bg, panicWith("boom"))
	first := recovered(func() { _, _ = c.Await(bg) })
	wantEq(t, "the same error again", recovered(func() { _, _ = c.Await(bg) }), first)
	wantEq(t, "Wait does not raise it", c.Wait(bg), nil)
	wantEq(t, "Finish does", recovered(func() { _, _ = c.Finish() }), first)
	wantEq(t, "and leaves the object idle", c.Begin(bg, value(1, nil)), nil)
	_ = c.Wait(bg)
}

func TestR4_GoexitLeavesNobodyHanging(t *testing.T) {
	kinds := map[string]func(context.Context) (int, error){
		"Goexit":                       func(context.Context) (int, error) { runtime.Goexit(); return 1, nil },
		"Goexit in a deferred call":    func(context.Context) (int, error) { defer runtime.Goexit(); return 1, nil },
		"Goexit while panicking":       func(context.Context) (int, error) { defer runtime.Goexit(); panic("boom") },
		"FailNow":                      func(context.Context) (int, error) { new(testing.T).FailNow(); return 1, nil },
		"a panic recovered, then that": func(context.Context) (int, error) { defer runtime.Goexit(); defer func() { _ = recover() }(); panic(1) },
	}
	for kind, fn := range kinds {
		for _, ways := range []map[string]func(*async.Call[int]) error{takers, holders} {
			for name, take := range ways {
				t.Run(kind+"/"+name, func(t *testing.T) {
					var g errgroup.Group
					wantIs(t, take(async.Go(bg, fn)), async.ErrGoexit)
					wantIs(t, take(async.Go(bg, fn, async.InGroup(&g))), async.ErrGoexit)
					wantIs(t, g.Wait(), async.ErrGoexit)
				})
			}
		}
		t.Run(kind+"/a waiter and a callback", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				block := make(chan struct{})
				c := async.Go(bg, func(ctx context.Context) (int, error) { <-block; return fn(ctx) })
				called := false
				async.AfterFunc(c, func() { called = true })
				go func() { wantEq(t, "Wait", c.Wait(bg), nil) }()
				synctest.Wait()
				close(block)
				synctest.Wait()
				wantEq(t, "called", called, true)
			})
		})
	}
}

func TestR4_HedgeRaisesThePanicItMeets(t *testing.T) {
	e, ok := recovered(func() { _, _ = async.Hedge(bg, time.Hour, 2, anyAttempt(panicWith(errBoom))) }).(*async.PanicError)
	if !ok || !errors.Is(e, errBoom) {
		t.Errorf("got %v", e)
	}
	_, err := async.Hedge(bg, 0, 2, func(context.Context, int) (int, error) { runtime.Goexit(); return 1, nil })
	wantIs(t, err, async.ErrGoexit)
}

// crashes are programs that end by a panic which nobody could be given.
var crashes = map[string]func(){
	"canceled": func() {
		started := make(chan struct{})
		c := async.Go(bg, func(ctx context.Context) (int, error) {
			close(started)
			<-ctx.Done()
			originOfThePanic("nobody was told")
			return 0, nil
		})
		<-started
		_ = c.Cancel(nil)
		select {}
	},
	"released": func() {
		start := make(chan struct{})
		c := async.Go(bg, func(context.Context) (int, error) { <-start; originOfThePanic("nobody was told"); return 0, nil })
		c.Release()
		close(start)
		select {}
	},
	"unread when released": func() {
		c := async.Go(bg, panicWith("nobody was told"))
		_ = c.Wait(bg)
		c.Release()
	},
}

func TestR4_APanicNobodyCanBeGivenEndsTheProgram(t *testing.T) {
	if which := os.Getenv("ASYNC_TEST_CRASH"); which != "" {
		crashes[which]()
		return
	}
	for which := range crashes {
		t.Run(which, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run", "^TestR4_APanicNobodyCanBeGivenEndsTheProgram$", "-test.timeout", "10s")
			cmd.Env = append(os.Environ(), "ASYNC_TEST_CRASH="+which)
			out, err := cmd.CombinedOutput()
			text := string(out)
			if err == nil || !strings.Contains(text, "nobody was told") || !strings.Contains(text, "originOfThePanic") || strings.Contains(text, "timed out") {
				t.Errorf("%v:\n%s", err, text)
			}
		})
	}
}

func TestR4_AnUnreadPanicIsRaisedByTheLastRelease(t *testing.T) {
	c := async.Go(bg, panicWith(errBoom))
	d, s := c.Clone(), c.Signal()
	_ = c.Wait(bg)
	wantEq(t, "one of three", recovered(c.Release), nil)
	wantEq(t, "two of three", recovered(d.Release), nil)
	e, ok := recovered(s.Release).(*async.PanicError)
	if !ok || !errors.Is(e, errBoom) {
		t.Errorf("the last Release raised %v", e)
	}
	wantEq(t, "released again", recovered(s.Release), nil)

	d = async.Go(bg, panicWith(errBoom))
	_ = recovered(func() { _, _ = d.Await(bg) })
	wantEq(t, "one that was read", recovered(d.Release), nil)
}

func TestCalls_ReleaseReleasesAllBesideAPanic(t *testing.T) {
	var released int
	quiet := async.Go(bg, value(1, nil), async.Discard(func(int, error) { released++ }))
	calls := async.Calls[int]{async.Go(bg, panicWith(1)), async.Go(bg, panicWith(2)), quiet}
	for _, c := range calls {
		_ = c.Wait(bg)
	}
	wantEq(t, "it panics", recovered(calls.Release) != nil, true)
	for _, c := range calls {
		wantEq(t, "released", c.Wait(bg), async.ErrReleased)
	}
}

func TestInGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g errgroup.Group
		g.SetLimit(1)
		hold := make(chan struct{})
		c := async.Go(bg, func(context.Context) (int, error) { <-hold; return 1, errBoom }, async.InGroup(&g))
		refused := async.Go(bg, value(2, nil), async.InGroup(&g))
		_, err := refused.Finish()
		wantEq(t, "Go in a full group", err, async.ErrQueueFull)
		var d async.Call[int]
		wantEq(t, "Begin in a full group", d.Begin(bg, value(2, nil), async.InGroup(&g)), async.ErrQueueFull)
		wantEq(t, "nothing changed", d.Begin(bg, value(3, nil)), nil)
		synctest.Wait() // the function runs
		_ = c.Cancel(nil)
		_, err = c.Finish()
		wantIs(t, err, async.ErrCanceled)
		wantEq(t, "a canceled function holds its place", g.TryGo(func() error { return nil }), false)
		close(hold)
		wantIs(t, g.Wait(), async.ErrCanceled)
		_ = d.Wait(bg)
	})
	for name, fn := range map[string]func(context.Context) (int, error){
		"error": value(0, errBoom), "panic": panicWith(errBoom),
	} {
		t.Run(name, func(t *testing.T) {
			var g errgroup.Group
			c := async.Go(bg, fn, async.InGroup(&g))
			wantIs(t, g.Wait(), errBoom)
			wantEq(t, "complete when the group is", c.IsDone(), true)
		})
	}
	var g errgroup.Group
	ctx, cancel := context.WithCancelCause(bg)
	cancel(errBoom)
	async.Go(ctx, value(1, nil), async.InGroup(&g))
	wantIs(t, g.Wait(), async.ErrCanceled, errBoom)
}
