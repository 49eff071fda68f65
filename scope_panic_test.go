package async_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// A scope that says nothing else raises a panic again, as there is without one.
func TestC5_PanicReraise(t *testing.T) {
	eachScope(t, async.ScopeOptions{}, func(t *testing.T, s *async.Scope) {
		for name, take := range takers {
			e, ok := recovered(func() { _ = take(async.Go(bg, panicWith(errBoom), s)) }).(*async.PanicError)
			if !ok || !errors.Is(e, errBoom) || !strings.Contains(string(e.Stack), "originOfThePanic") {
				t.Errorf("%s: %v", name, e)
			}
		}
		for name, hold := range holders {
			var e *async.PanicError
			wantEq(t, name, errors.As(hold(async.Go(bg, panicWith(errBoom), s)), &e), true)
		}
		c := async.Go(bg, panicWith(nil), s, async.Discard(func(int, error) { t.Error("discarded") }))
		d, sig := c.Clone(), c.Signal()
		_ = c.Wait(bg)
		wantEq(t, "one of three", recovered(c.Release), nil)
		wantEq(t, "two of three", recovered(sig.Release), nil)
		before := s.Stats()
		e, ok := recovered(d.Release).(*async.PanicError)
		var nilError *runtime.PanicNilError
		if !ok || !errors.As(e, &nilError) {
			t.Errorf("the last Release raised %v", e)
		}
		wantEq(t, "taken by the last Release", s.Stats().Taken, before.Taken+1)
		wantEq(t, "untaken", s.Stats().Untaken, int64(0))
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// A panic that is the result is returned by whatever takes the result, and raised
// by nothing.
func TestC5_PanicReturn(t *testing.T) {
	eachScope(t, async.ScopeOptions{Panic: async.PanicReturn}, func(t *testing.T, s *async.Scope) {
		for _, ways := range []map[string]func(*async.Call[int]) error{takers, holders} {
			for name, take := range ways {
				for _, value := range []any{errBoom, "boom", nil} {
					err := take(async.Go(bg, panicWith(value), s))
					var e *async.PanicError
					if !errors.As(err, &e) || !strings.Contains(string(e.Stack), "originOfThePanic") || value == errBoom && !errors.Is(err, errBoom) {
						t.Errorf("%s of a panic with %v: %v", name, value, err)
					}
				}
			}
		}
		var disposed []error
		discard := async.Discard(func(v int, err error) {
			wantEq(t, "value", v, 0)
			disposed = append(disposed, err)
		})
		late := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); return panicWith(errBoom)(ctx) }, s, discard)
		synctest.Wait()
		_ = late.Cancel(nil)
		synctest.Wait()
		wantEq(t, "a late one is discarded", len(disposed), 1)
		c := async.Go(bg, panicWith(errBoom), s, discard)
		_ = c.Wait(bg)
		c.Release()
		synctest.Wait()
		wantEq(t, "one that nobody took is discarded", len(disposed), 2)
		async.Go(bg, func(ctx context.Context) (int, error) { time.Sleep(time.Nanosecond); return panicWith(errBoom)(ctx) }, s, discard).Release()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "so is one of an abandoned call", len(disposed), 3)
		for _, err := range disposed {
			var e *async.PanicError
			wantEq(t, "a *PanicError", errors.As(err, &e), true)
			wantIs(t, err, errBoom)
		}
	})
}

func TestC5_PanicReturnBesideOthers(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Panic: async.PanicReturn})
	var g errgroup.Group
	_, err := async.Go(bg, panicWith(errBoom), s, async.InGroup(&g)).Await(bg)
	wantIs(t, err, errBoom)
	wantIs(t, g.Wait(), errBoom)
	attempts := 0
	v, err := async.Hedge(bg, time.Hour, 3, func(context.Context, int) (int, error) {
		if attempts++; attempts < 3 {
			panic(errBoom)
		}
		return attempts, nil
	}, s)
	wantEq(t, "value", v, 3)
	wantEq(t, "error", err, nil)
	_, err = async.Hedge(bg, 0, 2, anyAttempt(panicWith(errBoom)), s)
	wantIs(t, err, errBoom)
	// A panic that came out of another call goes on with its origin.
	_, err = async.Go(bg, func(ctx context.Context) (int, error) {
		return async.Go(ctx, panicWith(errBoom)).Await(ctx)
	}, s).Await(bg)
	var e *async.PanicError
	if !errors.As(err, &e) || !strings.Contains(string(e.Stack), "originOfThePanic") {
		t.Errorf("got %v", err)
	}
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// Goexit is no panic, whatever the policy.
func TestC5_Goexit(t *testing.T) {
	for _, policy := range []async.PanicPolicy{async.PanicReraise, async.PanicCrash, async.PanicReturn} {
		s := async.NewScope(async.ScopeOptions{Panic: policy, Limit: 1})
		for range 3 {
			c := async.Go(bg, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, s)
			_, err := c.Await(bg)
			wantEq(t, policy.String(), err, async.ErrGoexit)
			c.Release()
		}
		_, err := async.Go(bg, func(context.Context) (int, error) { defer runtime.Goexit(); panic(1) }, s).Await(bg)
		wantEq(t, policy.String(), err, async.ErrGoexit)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	}
}

// scopeCrashes are programs that end by a panic, or say so where they do not.
var scopeCrashes = map[string]func(survived func()){
	"reraise, canceled": func(survived func()) {
		s := async.NewScope(async.ScopeOptions{})
		started := make(chan struct{})
		c := async.Go(bg, func(ctx context.Context) (int, error) {
			close(started)
			<-ctx.Done()
			return panicWith("nobody was told")(ctx)
		}, s)
		<-started
		_ = c.Cancel(nil)
		_ = s.Shutdown(bg)
		survived()
	},
	"reraise, released": func(survived func()) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		giveBack := occupy(s)
		async.Go(bg, panicWith("nobody was told"), s).Release()
		giveBack()
		_ = s.Shutdown(bg)
		survived()
	},
	"reraise, by the last Release": func(survived func()) {
		c := async.Go(bg, panicWith("nobody was told"), async.NewScope(async.ScopeOptions{}))
		_ = c.Wait(bg)
		c.Release()
		survived()
	},
	"crash, while somebody waits": func(survived func()) {
		s := async.NewScope(async.ScopeOptions{Panic: async.PanicCrash})
		r := recovered(func() { _, _ = async.Go(bg, panicWith("nobody was told"), s).Await(bg) })
		_ = r
		survived()
	},
	"crash, though a handle is kept": func(survived func()) {
		s := async.NewScope(async.ScopeOptions{Panic: async.PanicCrash, Limit: 1})
		c := async.Go(bg, panicWith("nobody was told"), s)
		_ = s.Shutdown(bg)
		runtime.KeepAlive(c)
		survived()
	},
	"crash, nested and recovered": func(survived func()) {
		s := async.NewScope(async.ScopeOptions{Panic: async.PanicCrash})
		_, _ = async.Go(bg, func(ctx context.Context) (v int, err error) {
			defer func() { _ = recover() }()
			return async.Go(ctx, panicWith("nobody was told"), s).Await(ctx)
		}, s).Await(bg)
		survived()
	},
}

func TestC5_APanicThatEndsTheProgram(t *testing.T) {
	if which := os.Getenv("ASYNC_TEST_SCOPE_CRASH"); which != "" {
		scopeCrashes[which](func() { os.Stdout.WriteString("it survived\n"); os.Exit(3) })
		return
	}
	var wg sync.WaitGroup
	for which := range scopeCrashes {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run", "^TestC5_APanicThatEndsTheProgram$", "-test.timeout", "10s")
			cmd.Env = append(os.Environ(), "ASYNC_TEST_SCOPE_CRASH="+which)
			out, err := cmd.CombinedOutput()
			text := string(out)
			if err == nil || !strings.Contains(text, "nobody was told") || !strings.Contains(text, "originOfThePanic") ||
				strings.Contains(text, "timed out") || strings.Contains(text, "it survived") {
				t.Errorf("%s: %v:\n%s", which, err, text)
			}
		})
	}
	wg.Wait()
}
