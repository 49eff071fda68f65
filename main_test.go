package async_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed4712c49f/async"
)

// This file has what the tests of the package share: values, functions that calls run,
// ways to run functions, and comparisons.

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	bg      = context.Background()
	errBoom = errors.New("boom")
)

// raceEnabled says that the race detector is on. The race detector makes everything
// slower, and allocates.
var raceEnabled = func() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}()

// rounds is how often a race is run: n times, fewer under the race detector,
// which is slow and sees more in each.
func rounds(n int) int {
	if raceEnabled {
		return n/10 + 1
	}
	return n
}

// value is a function that returns v and err.
func value[T any](v T, err error) func(context.Context) (T, error) {
	return func(context.Context) (T, error) { return v, err }
}

// block waits for its context and returns the cause it ended by.
func block(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 0, context.Cause(ctx)
}

// together runs every f at the same time and waits for all.
func together(fs ...func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, f := range fs {
		wg.Go(func() { <-start; f() })
	}
	close(start)
	wg.Wait()
}

// recovered returns what f panics with, or nil.
func recovered(f func()) (r any) {
	defer func() { r = recover() }()
	f()
	return nil
}

// endings are the two ways in which a function may end and not return.
var endings = map[string]func(){"a panic": func() { panic(errBoom) }, "Goexit": runtime.Goexit}

// wantEnded runs f, which does not return, on a goroutine of its own, and returns what it panics
// with: nothing where it calls Goexit.
func wantEnded(t *testing.T, f func()) (raised any) {
	t.Helper()
	var over sync.WaitGroup
	returned := false
	over.Go(func() {
		defer func() { raised = recover() }()
		f()
		returned = true
	})
	over.Wait()
	if returned {
		t.Error("it returned")
	}
	return raised
}

// wantRefused fails unless err is a refusal for the reason that is wanted: as Begin returns
// it, or as a call completes with it.
func wantRefused(t *testing.T, what string, err, want error) {
	t.Helper()
	refused, ok := errors.AsType[*async.RefusedError](err)
	if err != want && (!ok || refused.Err != want) {
		t.Errorf("%s: got %v, want a refusal for: %v", what, err, want)
	}
}

func wantIs(t *testing.T, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("%v is not %v", err, target)
		}
	}
}

func wantEq(t *testing.T, what string, got, want any) {
	t.Helper()
	var same bool
	if of := reflect.TypeOf(got); of != nil && !of.Comparable() {
		same = reflect.DeepEqual(got, want)
	} else {
		same = got == want
	}
	if !same {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantContains(t *testing.T, s, part string) {
	t.Helper()
	if !strings.Contains(s, part) {
		t.Errorf("%q not in:\n%s", part, s)
	}
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// expired is a context that is done.
var expired = func() context.Context {
	ctx, cancel := context.WithCancel(bg)
	cancel()
	return ctx
}()

// A hookContext runs a function when it is asked for its channel, which is done.
type hookContext struct {
	context.Context
	hook func()
}

func (c hookContext) Done() <-chan struct{} { c.hook(); return c.Context.Done() }

// goroutines counts those of the caller's bubble. [runtime.NumGoroutine] would
// count others, too: those of other tests, and some that are as good as gone.
func goroutines() int {
	trace := stackTrace()
	head, _, _ := strings.Cut(trace, "\n")
	_, bubble, found := strings.Cut(head, ", synctest bubble ")
	if !found {
		panic("not in a bubble")
	}
	buf := make([]byte, 1<<20)
	for n := len(buf); n == len(buf); {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	return bytes.Count(buf, []byte(", synctest bubble "+bubble+"\n"))
}

// allGoroutines counts those of the process. While garbage is collected, the runtime
// counts some that have ended.
func allGoroutines() int {
	runtime.GC()
	return runtime.NumGoroutine()
}

// stackTrace is that of the calling goroutine.
func stackTrace() string {
	buf := make([]byte, 1<<16)
	return string(buf[:runtime.Stack(buf, false)])
}

// wantFlat checks that do leaves no memory behind.
func wantFlat(t *testing.T, what string, do func()) {
	t.Helper()
	const limit = 256 << 10
	before := heap()
	do()
	if grown := heap() - before; grown > limit {
		t.Errorf("%s: the heap grew by %d bytes", what, grown)
	}
}

// wantPanic checks that f panics with a text that has part in it.
func wantPanic(t *testing.T, what, part string, f func()) {
	t.Helper()
	if s, ok := recovered(f).(string); !ok || !strings.HasPrefix(s, "async: ") || !strings.Contains(s, part) {
		t.Errorf("%s: panicked with %q, want async: … %s", what, s, part)
	}
}

// wantWaitError checks that err ended a wait on w because of why.
func wantWaitError(t *testing.T, what string, err error, w async.Waitable, why ...error) {
	t.Helper()
	e, ok := err.(*async.WaitError)
	if !ok {
		t.Errorf("%s: got %v, want a *WaitError", what, err)
		return
	}
	if e.On != w {
		t.Errorf("%s: the wait was on %v, want %v", what, e.On, w)
	}
	wantIs(t, err, append(why, async.ErrCallPending)...)
}

// eventually waits for other goroutines to make ok true.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("it never came true")
		}
	}
}

// heap returns the bytes in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func panicWith(value any) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { originOfThePanic(value); return 1, nil }
}

//go:noinline
func originOfThePanic(value any) { panic(value) }

// bin counts what goes to Discard.
type bin struct {
	count atomic.Int32
	last  atomic.Pointer[async.Result[int]]
}

func (b *bin) option() async.Option {
	return async.Discard(func(v int, err error) {
		b.count.Add(1)
		b.last.Store(&async.Result[int]{Value: v, Err: err})
	})
}

func (b *bin) want(t *testing.T, what string, n int32) {
	t.Helper()
	wantEq(t, what+": results discarded", b.count.Load(), n)
}
