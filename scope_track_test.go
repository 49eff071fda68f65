package async_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// here is the line of its caller, as stacks name it.
func here() string { return lineOf(0) }

// lineAfter is the line after that of its caller.
func lineAfter() string { return lineOf(1) }

func lineOf(later int) string {
	_, file, line, _ := runtime.Caller(2)
	return fmt.Sprintf("%s:%d\n", filepath.Base(file), line+later)
}

func TestC6_TrackNamesTheLine(t *testing.T) {
	quiet := func(context.Context, int) (int, error) { return 1, nil }
	done := func(c *async.Call[int]) *async.Call[int] { _ = c.Wait(bg); return c }
	for name, kind := range map[string]func(s *async.Scope) (at string, clone bool, release func()){
		"Go": func(s *async.Scope) (string, bool, func()) {
			c, at := async.Go(bg, value(1, nil), s), here()
			return at, false, c.Release
		},
		"GoEach": func(s *async.Scope) (string, bool, func()) {
			cs, at := async.GoEach(bg, []int{1}, quiet, s), here()
			return at, false, cs.Release
		},
		"Begin": func(s *async.Scope) (string, bool, func()) {
			var c async.Call[int]
			err, at := c.Begin(bg, value(1, nil), s), here()
			wantEq(t, "error", err, nil)
			return at, false, func() { _, _ = done(&c).Finish() }
		},
		"NewPromise": func(s *async.Scope) (string, bool, func()) {
			at := lineAfter()
			p, c := async.NewPromise[int](bg, s)
			p.Break()
			return at, false, c.Release
		},
		"Clone": func(s *async.Scope) (string, bool, func()) {
			c := async.Go(bg, value(1, nil), s)
			d, at := c.Clone(), here()
			_, _ = done(c).Finish()
			return at, true, d.Release
		},
		"Clone on the same line": func(s *async.Scope) (string, bool, func()) {
			c := new(async.Call[int])
			err, d, at := c.Begin(bg, value(1, nil), s), c.Clone(), here()
			wantEq(t, "error", err, nil)
			c.Release()
			return at, true, d.Release
		},
		"Signal": func(s *async.Scope) (string, bool, func()) {
			c := async.Go(bg, value(1, nil), s)
			d, at := c.Signal(), here()
			_, _ = done(c).Finish()
			return at, true, d.Release
		},
		"Clone of a Signal": func(s *async.Scope) (string, bool, func()) {
			c := async.Go(bg, value(1, nil), s)
			d := c.Signal()
			e, at := d.Clone(), here()
			c.Release()
			d.Release()
			return at, true, e.Release
		},
		"a queued call, in a group": func(s *async.Scope) (string, bool, func()) {
			c, at := async.Go(bg, value(1, nil), s, async.InGroup(new(errgroup.Group))), here()
			return at, false, func() { _, _ = c.Await(bg); c.Release() }
		},
		"streaming, finished": func(s *async.Scope) (string, bool, func()) {
			c, at := async.Go(bg, value(1, nil), s, async.Streaming()), here()
			_, _ = done(c).Finish()
			return at, false, c.Release
		},
		"streaming, begun again, cloned before": func(s *async.Scope) (string, bool, func()) {
			var c async.Call[int]
			_ = c.Begin(bg, value(1, nil), s, async.Streaming())
			_, _ = done(&c).Finish()
			d, at := c.Clone(), here()
			_ = c.Begin(bg, value(1, nil), s)
			_, _ = done(&c).Finish()
			return at, true, d.Release
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := async.NewScope(async.ScopeOptions{Track: true, Limit: 2})
				at, clone, release := kind(s)
				synctest.Wait()
				n := 0
				for h := range s.Unreleased() {
					n++
					first, _, _ := strings.Cut(h.Stack, "\n")
					wantContains(t, first, "TestC6_TrackNamesTheLine")
					wantContains(t, h.Stack, at)
					wantContains(t, h.Call.Stack, "TestC6_TrackNamesTheLine")
					wantEq(t, "Clone", h.Clone, clone)
				}
				wantEq(t, "handles", n, 1)
				release()
				for h := range s.Unreleased() {
					t.Errorf("still there: %+v", h)
				}
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			})
		})
	}
}

func TestC6_Unreleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Track: true})
		c := new(async.Call[int])
		before, sig := c.Clone(), c.Signal() // from before it began: nobody knows where
		_ = c.Begin(bg, value(1, nil), s)
		other := async.Go(bg, value(1, errBoom), s)
		_ = c.Wait(bg)
		_, _ = other.Await(bg)
		async.Go(bg, value(1, nil), s).Release()
		async.Go(expired, value(1, nil), s).Release()
		_ = async.Go(bg, value(1, nil)) // not in the scope
		synctest.Wait()
		report := func() string {
			var all []string
			for h := range s.Unreleased() {
				all = append(all, fmt.Sprintf("%d untaken %v clone %v known %v", h.Call.ID, h.Untaken, h.Clone, h.Stack != ""))
			}
			slices.Sort(all)
			return strings.Join(all, "; ")
		}
		wantEq(t, "all", report(), "1 untaken true clone false known true; 1 untaken true clone true known false; 1 untaken true clone true known false; 2 untaken false clone false known true")
		for range s.Unreleased() {
			break
		}
		sig.Release()
		_, _ = c.Finish()
		wantEq(t, "some", report(), "1 untaken false clone true known false; 2 untaken false clone false known true")
		before.Release()
		other.Release()
		wantEq(t, "none", report(), "")
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		_, err := async.Go(bg, value(1, nil), s).Await(bg)
		wantEq(t, "refused", err, async.ErrScopeClosed)
		wantEq(t, "none after a refusal", report(), "")
	})
	s := async.NewScope(async.ScopeOptions{})
	_ = async.Go(bg, value(1, nil), s).Wait(bg)
	for range s.Unreleased() {
		t.Error("something without Track")
	}
	var se *async.ShutdownError
	wantEq(t, "no error", errors.As(s.Shutdown(bg), &se), false)
}

// Handles come and go, objects are begun again, and somebody looks at it all: every
// report fits, and nothing is left at the end.
func TestC6_UnreleasedUnderChurn(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Track: true, Limit: 2})
	var stop async.Event
	var readers sync.WaitGroup
	var shared async.Call[int]
	readers.Go(func() {
		for !stop.IsSet() {
			for h := range s.Unreleased() {
				if h.Call.ID == 0 || h.Call.Stack == "" {
					t.Errorf("%+v", h)
				}
			}
			_ = shared.Info().String()
		}
	})
	client := func() {
		for i := range rounds(1000) {
			if err := shared.Begin(bg, value(i, nil), s, async.Streaming()); err == nil {
				_ = shared.Wait(bg)
				_, _ = shared.Finish()
			}
			c := async.Go(bg, value(i, nil), s)
			d, sig := c.Clone(), c.Signal()
			e := sig.Clone()
			together(c.Release, func() { _, _ = d.Await(bg); _, _ = d.Finish() }, sig.Release, e.Release)
		}
	}
	together(client, client)
	shared.Release()
	stop.Set()
	readers.Wait()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	for h := range s.Unreleased() {
		t.Errorf("left: %+v", h)
	}
}

// What a scope with Track knows of a call is gone with its last handle.
func TestC6_TrackKeepsNothing(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Track: true})
	wantFlat(t, "calls that were released", func() {
		for range 5000 {
			c := async.Go(bg, value(1, nil), s)
			c.Clone().Release()
			_, _ = c.Await(bg)
			c.Release()
		}
		eventually(t, func() bool { return s.Stats().Running == 0 })
	})
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// What is begun in the loop is not for this loop.
func TestC6_UnreleasedEnds(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Track: true})
	var calls async.Calls[int]
	begin := func() {
		_, c := async.NewPromise[int](bg, s)
		calls = append(calls, c)
	}
	for range 200 {
		begin()
	}
	var ids []uint64
	for h := range s.Unreleased() {
		ids = append(ids, h.Call.ID)
		begin()
	}
	wantEq(t, "handles", len(ids), 200)
	wantEq(t, "in the order of the calls", slices.IsSorted(ids), true)
	calls.Cancel(nil)
	calls.Release()
}

// A Signal that is taken of a finished call is a handle like any other: it is named
// until it is released, in the order of the calls (C6).
func TestC6_ASignalOfAFinishedCallIsUnreleased(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Track: true})
	first := async.Go(bg, value(1, nil), s)
	second := async.Go(bg, value(2, nil), s)
	_, _ = first.Await(bg)
	_, _ = first.Finish()
	signal := first.Signal()
	var ids []uint64
	for h := range s.Unreleased() {
		ids = append(ids, h.Call.ID)
	}
	wantEq(t, "unreleased", fmt.Sprint(ids), "[1 2]")
	signal.Release()
	second.Release()
	for h := range s.Unreleased() {
		t.Errorf("unreleased: %+v", h)
	}
	signal = first.Signal() // and again
	n := 0
	for range s.Unreleased() {
		n++
	}
	wantEq(t, "unreleased again", n, 1)
	signal.Release()
}
