package asynctest

import (
	"context"
	"testing"

	"github.com/seed4712c49f/async"
)

// A Manual is a call that the test completes itself, by the methods of the
// promise. It comes from [NewManual]. What is tested is given the Call, or, where
// it is to release a handle of its own, a Clone of it.
type Manual[T any] struct {
	*async.Promise[T]

	Call *async.Call[T] // the test's handle
}

// NewManual begins a call that the test completes. At the end of the test the
// promise is broken, unless it is complete, so that nobody waits for ever, and
// Call is released; clones and signals taken of it are not. No context bounds the
// call.
func NewManual[T any](t testing.TB, opts ...async.Option) *Manual[T] {
	t.Helper()
	m := new(Manual[T])
	m.Promise, m.Call = async.NewPromise[T](context.Background(), opts...)
	t.Cleanup(func() {
		m.Break()
		m.Call.Release()
	})
	return m
}
