package asynctest_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
)

// The scope of somebody else is checked as one of NewScope is.
func TestCheck_ReportsLeaks(t *testing.T) {
	for _, p := range plantedLeaks {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &fake{TB: t}
				o := p.o
				o.Track = true
				s := async.NewScope(o)
				asynctest.Check(f, s)
				p.checkIn(t, f, s)
			})
		})
	}
}

// The last lines of reports.
const (
	noLines  = "\nWhere the calls were begun, and which handles were not released, only a scope with Track says."
	tooEarly = "\nNobody had closed the scope by then. A cleanup that does so is registered after Check, to run before it."
)

// Without Track the ledger tells, and the report says what it cannot say.
func TestCheck_WithoutTrack(t *testing.T) {
	for _, test := range []struct {
		name  string
		plant func(t testing.TB, s *async.Scope)
		want  []string
	}{
		{"pending calls", func(t testing.TB, s *async.Scope) {
			b := asynctest.NewBlocker[int](t)
			async.Go(bg, b.Func, s, async.Name("fetch")).Release()
			async.Go(bg, b.Func, s).Clone()
		}, []string{`asynctest: scope "jobs": 2 calls still pending: #1 "fetch", 0 handles; #2, 2 handles` + noLines + tooEarly}},
		{"pending promise", func(_ testing.TB, s *async.Scope) {
			async.NewPromise[int](bg, s)
		}, []string{`asynctest: scope "jobs": 1 call still pending, nobody has completed the promise: #1, 1 handle` + noLines + tooEarly}},
		{"untaken results", func(t testing.TB, s *async.Scope) {
			done(t, s)
			async.Go(bg, func(context.Context) (int, error) { return 0, context.Canceled }, s).Wait(bg)
		}, []string{`asynctest: scope "jobs": 2 results not taken` + noLines}},
		{"handle of a call that is over", func(_ testing.TB, s *async.Scope) { // which cannot be seen
			c := async.Go(bg, value(1), s)
			c.Clone()
			c.Await(bg)
		}, nil},
		{"result that is about to be taken", func(t testing.TB, s *async.Scope) {
			c := done(t, s)
			time.AfterFunc(time.Second-1, func() { c.Finish() })
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &fake{TB: t}
				s := async.NewScope(async.ScopeOptions{Name: "jobs"})
				asynctest.Check(f, s)
				test.plant(t, s)
				wantEq(t, "reports", strings.Join(f.end(), "\n\n"), strings.Join(test.want, "\n\n"))
			})
		})
	}
}

// A program may have ended its scope before the check: a function that it has canceled, and
// that is gone, is no leak, and a handle on the call is one.
func TestCheck_ShutDownBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := async.NewScope(async.ScopeOptions{Track: true})
		asynctest.Check(f, s)
		b := asynctest.NewBlocker[int](t)
		async.Go(bg, b.Func, s).Release()
		_, at := async.Go(bg, b.Func, s), here()
		start := time.Now()
		f.Cleanup(func() {
			ctx, cancel := context.WithTimeout(bg, time.Minute)
			defer cancel()
			s.Shutdown(ctx)
			wantEq(t, "shut down after", time.Since(start), time.Minute)
		})
		wantReports(t, "leak", f.end(), at+": call begun here, not released: #2 (async: call canceled: async: scope closed)")
	})
}

// A program that ends its scope after the check finds it ended, and the report says that the
// order of the cleanups is wrong.
func TestCheck_ShutDownAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := async.NewScope(async.ScopeOptions{Track: true})
		f.Cleanup(func() { wantEq(t, "Shutdown", s.Shutdown(bg), nil) })
		asynctest.Check(f, s)
		async.Go(bg, asynctest.NewBlocker[int](t).Func, s).Release()
		reports := f.end()
		wantEq(t, "reports", len(reports), 1)
		if !strings.HasSuffix(reports[0], tooEarly) {
			t.Errorf("it does not say what is wrong:\n%s", reports[0])
		}
		wantEq(t, "Err", s.Err(), async.ErrScopeClosed)
	})
}

// Two checks of one scope are two: calls are canceled by the first, handles told by both.
func TestCheck_Twice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := async.NewScope(async.ScopeOptions{Track: true})
		asynctest.Check(f, s)
		asynctest.Check(f, s)
		async.Go(bg, asynctest.NewBlocker[int](t).Func, s).Release()
		_, at := done(t, s).Clone(), here()
		reports := f.end()
		wantEq(t, "reports", len(reports), 5) // the call; and the result and the handle, twice
		n := 0
		for _, report := range reports {
			if strings.HasPrefix(report, at) {
				n++
			}
		}
		wantEq(t, "of the clone", n, 2)
	})
}

// What is clean takes no time, with Track and without.
func TestCheck_CleanRunsSayNothing(t *testing.T) {
	for _, track := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			f := &fake{TB: t}
			s := async.NewScope(async.ScopeOptions{Track: track})
			asynctest.Check(f, s)
			done(t, s).Finish()
			wantEq(t, "reports", strings.Join(f.end(), "\n"), "")
			wantEq(t, "took", time.Since(start), 0)
		})
	}
}

func TestCheck_NilScope(t *testing.T) {
	defer func() { wantEq(t, "panic", recover(), any("asynctest: Check of a nil Scope")) }()
	asynctest.Check(t, nil)
}
