package async_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// What a scope writes for people: Dump (V5) and LogObserver (V13).

func dumped(t *testing.T, s *async.Scope) string {
	t.Helper()
	var b strings.Builder
	if err := s.Dump(&b); err != nil {
		t.Errorf("Dump: %v", err)
	}
	return b.String()
}

// The dump is the scope, its ledger, and its calls as a tree.
func TestV5_Dump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Name: "pages", Limit: 3, Queue: 5})
		deaf := func(context.Context) (int, error) { time.Sleep(time.Hour); return 0, nil }
		begin := func(ctx context.Context, name string, f func(context.Context) (int, error)) *async.Call[int] {
			return async.Go(ctx, f, s, async.Name(name))
		}
		begin(bg, "site", func(ctx context.Context) (int, error) {
			time.Sleep(time.Second)
			fetch, stuck := begin(ctx, "fetch", block), begin(ctx, "stuck", deaf)
			time.Sleep(time.Second)
			_ = stuck.Cancel(nil)
			begin(ctx, "fetch", block)
			begin(ctx, "fetch", block)
			_, _ = async.NewPromise[int](ctx, s) // has no name
			return fetch.Await(ctx)
		})
		time.Sleep(2500 * time.Millisecond)
		begin(bg, "a\nb", value(1, nil))
		for range 4 {
			async.Go(bg, value(1, nil), s)
		}
		time.Sleep(1700 * time.Millisecond)
		const want = `scope "pages": limit 3, queue 5, open
  10 begun: 0 returned, 0 failed, 1 canceled, 0 panicked, 0 exited, 0 broken, 9 pending; 1 refused
  4 running, 1 of them lent; 5 queued; 1 canceled and not stopped
  results: 0 taken, 0 discarded, 0 that nobody has taken
site #1: lent, 4.2s
  fetch ×3, oldest 3.2s: 1 queued, 2 running
  stuck #3: canceled and not stopped, 3.2s
  call #6: running, 2.2s
"a\nb" #7: queued, 1.7s
call ×3, oldest 1.7s: 3 queued
`
		if got := dumped(t, s); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
		ctx, cancel := context.WithCancel(bg)
		cancel()
		_ = s.Shutdown(ctx)
		synctest.Wait()
		if got := dumped(t, s); !strings.HasPrefix(got, `scope "pages": limit 3, queue 5, closed`) || !strings.Contains(got, "site: over") {
			t.Errorf("closed:\n%s", got)
		}
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		got := dumped(t, s)
		wantEq(t, "lines at the end", strings.Count(got, "\n"), 4)
		wantEq(t, "the error of the writer", s.Dump(failingWriter{}), errBoom)
		free := async.NewScope(async.ScopeOptions{})
		wantEq(t, "an unlimited scope", strings.HasPrefix(dumped(t, free), "scope: no limit, open\n"), true)
	})
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errBoom }

// However many calls there are, what is written of them is short, and nobody is held up:
// calls come and go while they are looked at.
func TestV5_DumpOfMany(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{})
	const n = 100_000
	ctx, cancel := context.WithCancel(bg)
	begin := func(i int) *async.Call[int] {
		_, c := async.NewPromise[int](ctx, s, async.Name(fmt.Sprint("name ", i)))
		return c
	}
	for i := range n {
		begin(i)
	}
	w := new(bytes.Buffer)
	together(
		func() { wantEq(t, "Dump", s.Dump(w), nil) },
		func() {
			for i := range 1000 {
				_ = begin(i).Cancel(nil)
			}
		},
	)
	if lines := bytes.Count(w.Bytes(), []byte("\n")); lines < 1000 || lines > 1010 || w.Len() > 100_000 {
		t.Errorf("%d lines, %d bytes", lines, w.Len())
	}
	if !strings.Contains(w.String(), fmt.Sprintf("(other names, or nested deeper) ×%d", n-1000)) {
		tail := w.String()[max(0, w.Len()-200):]
		t.Errorf("the rest is not summed up: …%s", tail)
	}
	cancel()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// A chain of calls that is very deep costs no more for each than one that is not.
func TestV5_DumpOfADeepChain(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{})
	ctx, cancel := context.WithCancel(bg)
	const n = 200
	under := ctx
	for range n {
		p, _ := async.NewPromise[int](under, s, async.Name("link"))
		under = p.Context()
	}
	got := dumped(t, s)
	wantEq(t, "the deepest line", strings.Contains(got, "\n"+strings.Repeat("  ", 63)+"link #64: running"), true)
	wantEq(t, "the rest", strings.Contains(got, fmt.Sprintf("\n(other names, or nested deeper) ×%d,", n-64)), true)
	cancel()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// Each thing is logged at its level, with the call's attributes.
func TestV13_LogObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := func(min slog.Level, levels ...slog.Level) string {
			var b bytes.Buffer
			h := slog.NewTextHandler(&b, &slog.HandlerOptions{Level: min, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}})
			s := async.NewScope(async.ScopeOptions{Name: "s", Limit: 1, Panic: async.PanicReturn, Observer: async.LogObserver(slog.New(h), levels...)})
			run := func(name string, f func(context.Context) (int, error)) *async.Call[int] {
				c := async.Go(bg, f, s, async.Name(name))
				_ = c.Wait(bg)
				synctest.Wait()
				return c
			}
			run("good", func(ctx context.Context) (int, error) {
				time.Sleep(time.Second)
				return async.Go(ctx, value(2, nil), s, async.Name("below")).Await(ctx)
			})
			run("bad", value(1, errBoom))
			run("worse", func(context.Context) (int, error) { panic("x") }).Release()
			c := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Minute); return 1, nil }, s, async.Name("late"))
			synctest.Wait()
			_ = c.Cancel(nil)
			wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			async.Go(bg, value(1, nil), s, async.Name("too late"))
			return b.String()
		}
		all := log(slog.LevelDebug)
		for _, want := range []string{
			`level=DEBUG msg="async: call begun" scope=s id=1 call=good` + "\n",
			`level=DEBUG msg="async: call started" scope=s id=1 call=good waited=0s` + "\n",
			`level=DEBUG msg="async: call begun" scope=s id=2 call=below parent=1` + "\n",
			`level=DEBUG msg="async: call completed" scope=s id=1 call=good took=1s` + "\n",
			`level=INFO msg="async: call failed" scope=s id=3 call=bad took=0s err=boom` + "\n",
			`level=WARN msg="async: call panicked" scope=s id=4 call=worse took=0s err=`,
			`level=WARN msg="async: result discarded" scope=s id=4 call=worse err=`,
			`level=WARN msg="async: call abandoned" scope=s id=4 call=worse`,
			`level=DEBUG msg="async: call canceled" scope=s id=5 call=late took=0s err="async: call canceled"` + "\n",
			`level=DEBUG msg="async: function returned" scope=s id=5 call=late took=1m0s err="async: call canceled"` + "\n",
			`level=WARN msg="async: call refused" scope=s id=0 call="too late" err="async: scope closed"` + "\n",
		} {
			if !strings.Contains(all, want) {
				t.Errorf("no record %s in\n%s", want, all)
			}
		}
		wantEq(t, "failures and losses", strings.Count(log(slog.LevelInfo), "level="), strings.Count(all, "level=")-strings.Count(all, "level=DEBUG"))
		wantEq(t, "none", log(slog.LevelError), "")
		own := log(slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError)
		wantEq(t, "at other levels", strings.Contains(own, "DEBUG"), false)
		wantEq(t, "a refusal", strings.Contains(own, `level=ERROR msg="async: call refused"`), true)
		wantEq(t, "a failure", strings.Contains(own, `level=WARN msg="async: call failed"`), true)
	})
	wantPanic(t, "no logger", "nil logger", func() { async.LogObserver(nil) })
	wantPanic(t, "levels", "4 levels", func() { async.LogObserver(slog.Default(), 0, 0, 0, 0) })
}
