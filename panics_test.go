package async_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/seed4712c49f/async"
)

// What panics several times at once: all is done, and no panic is lost.

// ended is how a function ended.
type ended struct {
	returned bool
	panicked any // nil where it called Goexit
}

// endOf runs f in a goroutine and says how f ended.
func endOf(f func()) (end ended) {
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() { end.panicked = recover() }()
		f()
		end.returned = true
	})
	wg.Wait()
	return end
}

// wantAll fails the test where the panic does not stand for all of 0 to n-1, or for
// something else, too.
func wantAll(t *testing.T, end ended, n int) {
	t.Helper()
	e, ok := end.panicked.(*async.PanicError)
	if !ok {
		t.Fatalf("it ended by %v (%T)", end.panicked, end.panicked)
	}
	all, ok := e.Value.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("one panic: %v", e.Value)
	}
	seen := make(map[numbered]bool)
	for _, err := range all.Unwrap() {
		var no numbered
		if !errors.As(err, &no) || seen[no] {
			t.Errorf("not a panic of these, or twice: %v", err)
		}
		seen[no] = true
	}
	wantEq(t, "panics", len(seen), n)
	wantIs(t, e, numbered(0), numbered(n-1))
	if text := e.Error(); n > 10 && (!strings.Contains(text, fmt.Sprintf("%d panics; ", n)) || len(text) > 100_000) {
		t.Errorf("the text says %.200s", text)
	}
}

// A numbered is what a function panics with.
type numbered int

func (n numbered) Error() string { return fmt.Sprintf("panic number %d", int(n)) }

// smallStack has every goroutine end the program by a stack of more than 1 MB.
func smallStack(t *testing.T) {
	old := debug.SetMaxStack(1 << 20)
	t.Cleanup(func() { debug.SetMaxStack(old) })
}

func panicking(n int, opts ...async.Option) async.Calls[int] {
	in := make([]int, n)
	for i := range in {
		in[i] = i
	}
	cs := async.GoEach(bg, in, func(_ context.Context, i int) (int, error) { panic(numbered(i)) }, opts...)
	for _, c := range cs {
		<-c.Done()
	}
	return cs
}

// However many handles raise a panic when they are released, Release releases them
// all and raises every panic, on a small stack.
func TestC5_ReleaseRaisesEveryPanic(t *testing.T) {
	for _, n := range []int{2, 10, 11, 20_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			cs := panicking(n)
			smallStack(t)
			wantAll(t, endOf(cs.Release), n)
			for _, c := range cs {
				if _, err := c.Await(bg); err != async.ErrReleased {
					t.Fatalf("a handle is not released: %v", err)
				}
			}
			wantEq(t, "again", endOf(cs.Release), ended{returned: true})
		})
	}
}

// One panic goes on as the function's own.
func TestC5_ReleaseRaisesOnePanicAsItIs(t *testing.T) {
	for at := range 3 {
		cs := async.Calls[int]{async.Ready(1, nil), async.Ready(2, nil), async.Ready(3, nil)}
		cs[at].Release()
		cs[at] = panicking(1)[0]
		e, ok := endOf(cs.Release).panicked.(*async.PanicError)
		if !ok || e.Value != numbered(0) || !strings.Contains(string(e.Stack), "panicking") {
			t.Errorf("at %d: %v", at, e)
		}
	}
}

// All calls are canceled and all OnSignal functions called, whether they return,
// panic or call Goexit, and Cancel ends as they did: a panic before Goexit.
func TestC5_CancelGoesOnBehindPanicAndGoexit(t *testing.T) {
	const n = 20_000
	for name, tt := range map[string]struct {
		end    func(i int)
		panics int
	}{
		"Goexit":              {func(int) { runtime.Goexit() }, 0},
		"panics":              {func(i int) { panic(numbered(i)) }, n},
		"a panic, and Goexit": {oneOf(0, n), 1},
		"Goexit, and a panic": {oneOf(n-1, n), 1},
		"Goexit, then panics": {oneOf(-1, n/2), n / 2},
	} {
		t.Run(name, func(t *testing.T) {
			smallStack(t)
			cs := make(async.Calls[int], n)
			called := make([]int, n)
			for i := range cs {
				_, cs[i] = async.NewPromise[int](bg, async.OnSignal(func() { called[i]++; tt.end(i) }))
			}
			end := endOf(func() { cs.Cancel(nil) })
			for i, c := range cs {
				if _, err := c.Await(expired); !errors.Is(err, async.ErrCanceled) || called[i] != 1 {
					t.Fatalf("call %d was not canceled, or not told once: %v, %d", i, err, called[i])
				}
			}
			switch tt.panics {
			case 0:
				wantEq(t, "it called Goexit", end, ended{})
			case 1:
				var no numbered
				if err := asError(end.panicked); !errors.As(err, &no) {
					t.Errorf("it ended by %v", end)
				}
			default:
				wantAll(t, end, tt.panics)
			}
			cs.Release()
		})
	}
}

// oneOf returns a function that panics with number 0 for one, from which on with a
// number of its own for each, and else calls Goexit.
func oneOf(one, from int) func(i int) {
	return func(i int) {
		switch {
		case i == one:
			panic(numbered(0))
		case i >= from:
			panic(numbered(i - from))
		}
		runtime.Goexit()
	}
}

func asError(v any) error {
	err, _ := v.(error)
	return err
}

// The functions of one call, too.
func TestS7_EveryFunctionIsCalledAlthoughAllPanic(t *testing.T) {
	const n = 20_000
	smallStack(t)
	called := 0
	var opts []async.Option
	for i := range n {
		opts = append(opts, async.OnSignal(func() {
			wantEq(t, "function in its turn", called, i)
			called++
			panic(numbered(i))
		}))
	}
	p, c := async.NewPromise[int](bg, opts...)
	wantAll(t, endOf(func() { p.Complete(1, nil) }), n)
	wantEq(t, "functions called", called, n)
	v, err := c.Finish()
	wantEq(t, "value", v, 1)
	wantEq(t, "error", err, nil)
}

// A method of Calls that raises one member's panic raises the others' with it that
// nobody else will be given: those whose last reference it gives up.
func TestC5_AMethodsOwnPanicIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scope := async.NewScope(async.ScopeOptions{Limit: 1})
		gate := make(chan struct{})
		cs := async.GoEach(bg, []int{0, 1, 2}, func(_ context.Context, i int) (int, error) {
			<-gate
			panic(numbered(i))
		})
		raised := async.Go(bg, func(ctx context.Context) (end ended, _ error) {
			defer func() { end.panicked = recover() }()
			_, _, _ = cs.Any(ctx)
			return end, nil
		}, scope)
		synctest.Wait()
		other := async.Go(bg, func(context.Context) (int, error) {
			cs.Release() // the references of Any are the last
			close(gate)
			synctest.Wait() // all have panicked, and Any waits for its slot
			return 0, nil
		}, scope)
		end, err := raised.Await(bg)
		wantEq(t, "error", err, nil)
		wantAll(t, end, 3)
		_, err = other.Await(bg)
		wantEq(t, "error", err, nil)
		wantEq(t, "shutdown", scope.Shutdown(bg), nil)
	})
}
