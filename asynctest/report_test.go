package asynctest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
)

// A crossing is two calls that wait for each other, and the lines of that.
type crossing struct{ begun, waits [2]string }

// crossed begins a crossing with a call in each of two scopes.
func crossed(t testing.TB, s, of *async.Scope) *crossing {
	t.Helper()
	x := new(crossing)
	first, second := new(async.Call[int]), new(async.Call[int])
	t.Cleanup(first.Release)
	t.Cleanup(second.Release)
	a := func(ctx context.Context) (int, error) { x.waits[0] = here(); return second.Await(ctx) }
	b := func(ctx context.Context) (int, error) { x.waits[1] = here(); return first.Await(ctx) }
	var errs [2]error
	errs[0], x.begun[0] = first.Begin(bg, a, s, async.Name("first")), here()
	errs[1], x.begun[1] = second.Begin(bg, b, of, async.Name("second")), here()
	wantEq(t, "errors", errs, [2]error{})
	return x
}

// A deadlock is reported as one, with who waits for whom on which line.
func TestReport_Deadlock(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := asynctest.NewScope(f)
		x := crossed(t, s, s)
		reports := f.end()
		if len(reports) != 3 {
			t.Fatalf("%d reports, want 3:\n%s", len(reports), strings.Join(reports, "\n"))
		}
		wantEq(t, "deadlock", reports[0], fmt.Sprintf("asynctest: deadlock of 2 calls: none of them goes on before another does"+
			"\n\t#1 \"first\", begun at %s, waits for call #2 \"second\" at %s"+
			"\n\t#2 \"second\", begun at %s, waits for call #1 \"first\" at %s",
			x.begun[0], x.waits[0], x.begun[1], x.waits[1]))
		wantReports(t, "calls", reports[1:],
			fmt.Sprintf(`%s: call begun here, still pending: #1 "first", waits for call #2 "second" at %s`, x.begun[0], x.waits[0]),
			fmt.Sprintf(`%s: call begun here, still pending: #2 "second", waits for call #1 "first" at %s`, x.begun[1], x.waits[1]))
	})
}

// A deadlock may go through a scope that is not checked.
func TestReport_DeadlockThroughTwoScopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		other := async.NewScope(async.ScopeOptions{Name: "other", Track: true})
		s := asynctest.NewScope(f, async.ScopeOptions{Name: "mine"})
		x := crossed(t, s, other)
		reports := f.end()
		wantEq(t, "reports", len(reports), 2)
		wantEq(t, "deadlock", reports[0], fmt.Sprintf("asynctest: deadlock of 2 calls: none of them goes on before another does"+
			"\n\t#1 \"first\", begun at %s, waits for call #1 \"second\" of scope \"other\" at %s"+
			"\n\t#1 \"second\" of scope \"other\", begun at %s, waits for call #1 \"first\" of scope \"mine\" at %s",
			x.begun[0], x.waits[0], x.begun[1], x.waits[1]))
		wantEq(t, "Shutdown", other.Shutdown(bg), nil)
	})
}

// Of a call that is pending the report says what it waits for.
func TestReport_WhatACallWaitsFor(t *testing.T) {
	var never async.Event
	channel := async.Chan(make(chan struct{}))
	for name, test := range map[string]struct {
		wait func(ctx context.Context, s *async.Scope)
		want string
	}{
		"event":   {func(ctx context.Context, _ *async.Scope) { never.Wait(ctx) }, "event"},
		"channel": {func(ctx context.Context, _ *async.Scope) { async.WaitAll(ctx, channel) }, "channel"},
		"time":    {func(ctx context.Context, _ *async.Scope) { async.Sleep(ctx, time.Hour) }, "time"},
		"scope":   {func(ctx context.Context, s *async.Scope) { s.Shutdown(ctx) }, `scope "other"`},
		"call outside": {func(ctx context.Context, _ *async.Scope) {
			_, c := async.NewPromise[int](ctx, async.Name("answer"))
			c.Wait(ctx)
		}, `call "answer"`},
		"many": {func(ctx context.Context, _ *async.Scope) {
			async.WaitAll(ctx, &never, channel, new(async.Event), new(async.Event), new(async.Event))
		}, "event"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{TB: t}
			other := async.NewScope(async.ScopeOptions{Name: "other"})
			promise, c := async.NewPromise[int](bg, other)
			defer c.Release()
			defer promise.Break()
			async.Go(bg, func(ctx context.Context) (int, error) { test.wait(ctx, other); return 1, nil }, asynctest.NewScope(f)).Release()
			reports := f.end()
			wantEq(t, "reports", len(reports), 1)
			line, _, _ := strings.Cut(reports[0], "\n")
			if !strings.Contains(line, ": call begun here, still pending: #1, waits for "+test.want+" ") || !strings.Contains(line, " at report_test.go:") {
				t.Errorf("got %s", line)
			}
			if strings.Contains(reports[0], tooEarly) { // the test's own scope
				t.Errorf("nobody else could have closed it:\n%s", reports[0])
			}
			if name == "many" && !strings.HasSuffix(line, " and for 2 more") {
				t.Errorf("it lists too much: %s", line)
			}
		})
	}
}

// Where a package stands between the test and the library, the report names both lines.
func TestReport_CalledFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := asynctest.NewScope(f)
		c, at := wrapped(s), here()
		_, clone := c.Clone(), here()
		c.Await(bg)
		_, second := wrapped(s).Clone(), here()
		wantReports(t, "leaks", f.end(),
			"wrapper.go:54: call begun here, called from "+second+", result not taken: #2",
			clone+": clone or signal made here, not released: #1, begun at wrapper.go:54, called from "+at,
			second+": clone or signal made here, not released: #2, begun at wrapper.go:54, called from "+second)
	})
}

// The stack of a call that a call has begun has no frames of the library between the two
// functions, and is whole else.
func TestReport_NestedStack(t *testing.T) {
	f := &fake{TB: t}
	s := asynctest.NewScope(f)
	outer := func(ctx context.Context) (int, error) {
		inner := async.Go(ctx, value(1), s)
		return 1, inner.Wait(ctx)
	}
	async.Go(bg, func(ctx context.Context) (int, error) { return outer(ctx) }, s).Await(bg)
	reports := f.end()
	wantEq(t, "reports", len(reports), 1)
	stack := reports[0]
	if strings.Contains(stack, "/async.") || strings.Contains(stack, "/internal/") {
		t.Errorf("frames of the library:\n%s", stack)
	}
	if n := strings.Count(stack, "TestReport_NestedStack"); n != 2 {
		t.Errorf("%d frames of the test, want 2:\n%s", n, stack)
	}
}
