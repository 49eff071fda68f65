// Package helper has what the other packages use from elsewhere: what is known
// about its functions comes to them as facts.
package helper

import (
	"context"
	"io"
	"log"
	"time"

	"github.com/seed4712c49f/async"
	"golang.org/x/sync/errgroup"
)

// Fetch returns a call that the caller owns.
func Fetch(ctx context.Context) *async.Call[string] {
	call := async.Go(ctx, func(context.Context) (string, error) { return "", nil })
	return call
}

// Try returns a call that the caller owns, or an error.
func Try(ctx context.Context, ok bool) (*async.Call[string], error) {
	if !ok {
		return nil, io.EOF
	}
	return Fetch(ctx), nil
}

// Stream returns a call that streams, and that the caller owns.
func Stream(ctx context.Context) *async.Call[string] {
	return async.Go(ctx, func(context.Context) (string, error) { return "", nil }, async.Streaming())
}

// Start returns a generic call that the caller owns.
func Start[T any](ctx context.Context, v T) *async.Call[T] {
	return async.Go(ctx, func(context.Context) (T, error) { return v, nil })
}

// A Server has a call of its own.
type Server struct{ call *async.Call[string] }

// Call returns the server's own call: it is not the caller's.
func (s *Server) Call() *async.Call[string] { return s.call }

// Begin returns a call that the caller owns.
func (s *Server) Begin(ctx context.Context) *async.Call[string] { return Fetch(ctx) }

// InScope returns a call of the scope that the caller owns.
func InScope(ctx context.Context, scope *async.Scope) *async.Call[string] {
	return async.Go(ctx, func(context.Context) (string, error) { return "", nil }, scope)
}

// InGroup returns a call that is a task of the group.
func InGroup(ctx context.Context, g *errgroup.Group) *async.Call[string] {
	return async.Go(ctx, func(context.Context) (string, error) { return "", nil }, async.InGroup(g))
}

// Cases releases the handle where it is told how.
func Cases(call *async.Call[string], i int) {
	switch i % 2 {
	case 0:
		call.Release()
	case 1:
		call.Release()
	}
}

// Done releases the handle.
func Done[T any](call *async.Call[T]) { call.Release() }

// Done2 releases the handle, by way of Done.
func Done2(call *async.Call[string]) {
	defer log.Print("released")
	Done(call)
}

// Said returns a call that the caller owns, and says something beside.
func Said(ctx context.Context) (*async.Call[string], bool) { return Fetch(ctx), true }

// Begin begins a call with the options of its caller, who owns the call.
func Begin(ctx context.Context, opts ...async.Option) *async.Call[string] {
	return async.Go(ctx, func(context.Context) (string, error) { return "", nil }, opts...)
}

// Finally releases the handle when it has waited.
func Finally(ctx context.Context, call *async.Call[string]) {
	defer func() { call.Release() }()
	Watch(ctx, call)
}

// Take takes the result.
func Take(ctx context.Context, call *async.Call[string]) (string, error) { return call.Await(ctx) }

// Watch only waits.
func Watch(ctx context.Context, call *async.Call[string]) {
	if err := call.Wait(ctx); err != nil {
		log.Print(err)
	}
}

// Keep keeps the handle.
func (s *Server) Keep(call *async.Call[string]) { s.call = call }

// Maybe releases the handle on some paths.
func Maybe(call *async.Call[string], ok bool) {
	if ok {
		call.Release()
	}
}

// Serve completes the promise on every path.
func Serve(promise *async.Promise[string]) {
	defer promise.Break()
	promise.Complete("", nil)
}

// ServeSome leaves the promise on one path as it is.
func ServeSome(promise *async.Promise[string], ok bool) {
	if !ok {
		return
	}
	promise.Complete("", nil)
}

// Background waits by a context of its own.
func Background(call *async.Call[string]) (string, error) { return call.Await(context.Background()) }

// Work waits by a context of its own, and is a function for a call.
func Work(context.Context) (int, error) {
	call := async.Go(context.Background(), func(context.Context) (int, error) { return 1, nil })
	return call.Await(context.Background())
}

// A hidden is a type that others cannot name.
type hidden struct{}

// Close closes it.
func (*hidden) Close() error { return nil }

// Hide returns a hidden.
func Hide(context.Context) (*hidden, error) { return new(hidden), nil }

// Any is an option that discards anything.
func Any() async.Option { return async.Discard(func(any, error) {}) }

// Bytes is an option that discards bytes.
func Bytes() async.Option { return async.Discard(func([]byte, error) {}) }

// Pause sleeps.
func Pause() { time.Sleep(time.Second) }

// Ordered is an option for Map.
func Ordered() async.Option { return async.InOrder() }

// Perhaps is an option for Map, or another.
func Perhaps(ordered bool) async.Option {
	if ordered {
		return async.InOrder()
	}
	return async.Name("a")
}

// Closing is an option that discards readers.
func Closing() async.Option {
	return async.Discard(func(r io.ReadCloser, err error) {
		if err == nil {
			r.Close()
		}
	})
}
