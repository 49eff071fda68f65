package more

import (
	"context"
	"testing"

	"github.com/seed4712c49f/async"
	"vettest/kit"
)

// TestMain begins something for all tests, and ends the program.
func TestMain(m *testing.M) {
	call := async.Go(context.Background(), work)
	if err := call.Wait(context.Background()); err != nil {
		panic(err)
	}
	m.Run()
}

// helpers of a test suite, which clean up behind the tests

func start(t *testing.T) *async.Call[int] {
	t.Helper()
	call := async.Go(t.Context(), work)
	t.Cleanup(call.Release)
	return call
}

func startWith(t *testing.T) *async.Call[int] {
	t.Helper()
	call := async.Go(t.Context(), work)
	t.Cleanup(func() { call.Release() })
	return call
}

func releaseLater(t *testing.T, call *async.Call[int]) { t.Cleanup(call.Release) }

func releaseInTheEnd(t *testing.T, call *async.Call[int]) { t.Cleanup(func() { call.Release() }) }

func TestHelpers(t *testing.T) {
	call := start(t)
	if err := call.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := startWith(t)
	if err := other.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	third := async.Go(t.Context(), work)
	releaseLater(t, third)
	if _, err := third.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	streams := async.Go(t.Context(), work, async.Streaming())
	releaseInTheEnd(t, streams)
	if _, err := streams.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestObject(t *testing.T) {
	var call async.Call[int]
	t.Cleanup(call.Release)
	if err := call.Begin(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	if err := call.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestCleanupFirst(t *testing.T) {
	var call *async.Call[int]
	t.Cleanup(func() {
		if call != nil {
			call.Release()
		}
	})
	call = async.Go(t.Context(), work)
	if err := call.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// a client that answers at once
type fake struct{}

func (fake) get(context.Context) *async.Call[int] { return async.Ready(1, nil) }

func TestFake(t *testing.T) {
	call := fake{}.get(t.Context())
	if err := call.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestKit(t *testing.T) {
	call := async.Go(t.Context(), work)
	switch err := call.Wait(t.Context()); {
	case err == nil:
		call.Release()
	case t.Failed():
		kit.Fatal(t, err)
		return
	default:
		kit.Fail(t, err)
		return
	}
}
