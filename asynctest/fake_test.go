package asynctest_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed4712c49f/async"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var bg = context.Background()

// A fake is a testing.TB whose test may fail: it keeps what is said to it, and
// runs its cleanups when end is called.
type fake struct {
	testing.TB

	mu       sync.Mutex
	errors   []string
	cleanups []func()
}

func (f *fake) Helper() {}

func (f *fake) Cleanup(c func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cleanups = append(f.cleanups, c)
}

func (f *fake) Error(args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errors = append(f.errors, fmt.Sprint(args...))
}

func (f *fake) Errorf(format string, args ...any) { f.Error(fmt.Sprintf(format, args...)) }

func (f *fake) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

// end runs the cleanups as testing does, and returns what was said so far.
func (f *fake) end() []string {
	for {
		f.mu.Lock()
		n := len(f.cleanups)
		if n == 0 {
			defer f.mu.Unlock()
			return slices.Clone(f.errors)
		}
		c := f.cleanups[n-1]
		f.cleanups = f.cleanups[:n-1]
		f.mu.Unlock()
		c()
	}
}

// fatal runs f, which is expected to end its test, in a goroutine of its own and
// returns what was said by then.
func (f *fake) fatal(run func()) []string {
	done := make(chan struct{})
	go func() {
		defer close(done)
		run()
	}()
	<-done
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.errors)
}

// here is the place of its caller, as reports name it.
func here() string { return placeOf(0) }

// below is the place so many lines below its caller.
func below(lines int) string { return placeOf(lines) }

func placeOf(lines int) string {
	_, file, line, _ := runtime.Caller(2)
	return fmt.Sprintf("%s:%d", filepath.Base(file), line+lines)
}

func wantEq[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// wantReports checks that there is one report for each of want, in order, which
// is its first line, and that the stack below begins at the same place.
func wantReports(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d reports, want %d:\n%s", what, len(got), len(want), strings.Join(got, "\n"))
		return
	}
	for i, report := range got {
		lines := strings.Split(report, "\n")
		wantEq(t, what, lines[0], want[i])
		place, _, _ := strings.Cut(want[i], ": ")
		if len(lines) < 3 || filepath.Base(lines[2]) != place || !strings.Contains(lines[1], ".") {
			t.Errorf("%s: the stack does not begin at %s:\n%s", what, place, report)
		}
		if strings.Contains(report, "testing.tRunner") || strings.Contains(report, "runtime.goexit") {
			t.Errorf("%s: the stack goes on below the test:\n%s", what, report)
		}
	}
}

// value returns a function that returns v.
func value[T any](v T) func(context.Context) (T, error) {
	return func(context.Context) (T, error) { return v, nil }
}

// done begins a call in s, and waits until it is complete.
func done(t testing.TB, s *async.Scope, opts ...async.Option) *async.Call[int] {
	t.Helper()
	c := async.Go(bg, value(1), append(opts, s)...)
	wantEq(t, "Wait", c.Wait(bg), nil)
	return c
}
