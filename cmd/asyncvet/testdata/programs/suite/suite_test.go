// Package suite_test tests things that are asynchronous.
package suite_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
)

var errBoom = errors.New("boom")

func value(n int) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { return n, nil }
}

func slow(ctx context.Context) (int, error) {
	select {
	case <-time.After(time.Minute):
		return 1, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func start(t *testing.T, fn func(context.Context) (int, error), opts ...async.Option) *async.Call[int] {
	t.Helper()
	call := async.Go(t.Context(), fn, opts...)
	t.Cleanup(call.Release)
	return call
}

func TestValue(t *testing.T) {
	scope := asynctest.NewScope(t)
	call := async.Go(t.Context(), value(1), scope)
	defer call.Release()
	if n, err := call.Await(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
}

func TestTable(t *testing.T) {
	for name, tt := range map[string]struct {
		fn   func(context.Context) (int, error)
		want error
	}{
		"value": {value(1), nil},
		"error": {func(context.Context) (int, error) { return 0, errBoom }, errBoom},
	} {
		t.Run(name, func(t *testing.T) {
			call := start(t, tt.fn)
			if _, err := call.Await(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		call := async.Go(t.Context(), slow)
		defer call.Release()
		if err := call.WaitFor(time.Second); !errors.Is(err, async.ErrTimeout) {
			t.Fatal(err)
		}
		call.Cancel(errBoom)
		if _, err := call.Await(t.Context()); !errors.Is(err, errBoom) {
			t.Error(err)
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		call := async.Go(t.Context(), slow)
		call.Cancel(errBoom)
		if !call.IsDone() {
			t.Error("not complete")
		}
	})
}

func TestPromise(t *testing.T) {
	promise, call := async.NewPromise[string](t.Context())
	defer call.Release()
	go func() {
		defer promise.Break()
		promise.Complete("hello", nil)
	}()
	if s, err := call.Await(t.Context()); s != "hello" || err != nil {
		t.Error(s, err)
	}
}

func TestReleased(t *testing.T) {
	call := async.Go(t.Context(), value(1))
	call.Release()
	if err := call.Wait(t.Context()); err != async.ErrReleased {
		t.Error(err)
	}
}

func TestDiscard(t *testing.T) {
	closed := make(chan net.Conn, 1)
	a, b := net.Pipe()
	defer b.Close()
	blocker := make(chan struct{})
	call := async.Go(t.Context(), func(context.Context) (net.Conn, error) { <-blocker; return a, nil },
		async.Discard(func(conn net.Conn, _ error) { conn.Close(); closed <- conn }))
	call.Release()
	close(blocker)
	<-closed
}

func TestNested(t *testing.T) {
	scope := asynctest.NewScope(t, async.ScopeOptions{Limit: 1})
	outer := async.Go(t.Context(), func(ctx context.Context) (int, error) {
		inner := async.Go(ctx, value(1), scope)
		defer inner.Release()
		return inner.Await(ctx)
	}, scope)
	defer outer.Release()
	if n, err := outer.Await(t.Context()); n != 1 || err != nil {
		t.Error(n, err)
	}
}

func TestMany(t *testing.T) {
	calls := async.GoAll(t.Context(), []func(context.Context) (int, error){value(1), value(2), value(3)})
	defer calls.Release()
	ns, err := calls.All(t.Context())
	if err != nil || len(ns) != 3 {
		t.Fatal(ns, err)
	}
}

func TestSignaled(t *testing.T) {
	signaled := make(chan struct{}, 1)
	call := async.Go(t.Context(), value(1), async.OnSignal(func() { signaled <- struct{}{} }))
	<-signaled
	if n, err := call.Finish(); n != 1 || err != nil {
		t.Error(n, err)
	}
}

func TestReader(t *testing.T) {
	r, w := io.Pipe()
	go w.Close()
	call := async.Go(t.Context(), func(context.Context) ([]byte, error) { return io.ReadAll(r) })
	defer call.Release()
	if _, err := call.Await(t.Context()); err != nil {
		t.Error(err)
	}
}
