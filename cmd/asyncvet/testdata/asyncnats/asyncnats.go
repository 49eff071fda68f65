// Package asyncnats stands for the package of that path, as far as the analyzers know it: what
// begins calls, what serves them, and what makes options. It imports nothing but the library.
package asyncnats

import (
	"context"

	"github.com/seed4712c49f/async"
)

// A Conn stands for a connection.
type Conn struct{}

// A Client begins calls.
type Client struct{}

// A Queue keeps calls.
type Queue struct{}

// A Server serves calls.
type Server struct{}

// A Worker runs calls of a queue.
type Worker struct{}

// A Proxy begins the calls of an interface.
type Proxy struct{}

// A Method is one of an interface that is served.
type Method struct{}

// ServeOptions are what a server may be told.
type ServeOptions struct {
	Name    string
	Scope   *async.Scope
	Options []async.Option
}

// WorkOptions are what a worker may be told.
type WorkOptions struct {
	AtOnce  int
	Scope   *async.Scope
	Options []async.Option
}

// Begin sends a request.
func Begin[Resp, Req any](ctx context.Context, c *Client, subject string, request Req, opts ...async.Option) *async.Call[Resp] {
	_, call := async.NewPromise[Resp](ctx, opts...)
	return call
}

// Invoke is Begin for a method.
func Invoke[V, Reply any](ctx context.Context, p *Proxy, method string, request any, take func(*Reply) V, opts ...async.Option) *async.Call[V] {
	_, call := async.NewPromise[V](ctx, opts...)
	return call
}

// Submit stores a request.
func Submit[Resp, Req any](ctx context.Context, q *Queue, request Req, opts ...async.Option) (*async.Call[Resp], string, error) {
	_, call := async.NewPromise[Resp](ctx, opts...)
	return call, "", nil
}

// Attach returns the call with the id.
func Attach[Resp any](ctx context.Context, q *Queue, id string, opts ...async.Option) *async.Call[Resp] {
	_, call := async.NewPromise[Resp](ctx, append([]async.Option{async.CancelOnAbandon()}, opts...)...)
	return call
}

type discard[Resp any] struct {
	async.Option
	late func(Resp, error)
}

// Discard is async.Discard for a remote call.
func Discard[Resp any](f func(v Resp, err error)) async.Option {
	return discard[Resp]{async.Discard(f), f}
}

type submitOption struct {
	async.Option
	id, key string
}

// ID chooses the id.
func ID(id string) async.Option { return submitOption{Option: async.Name(id), id: id} }

// Key orders the requests of one key.
func Key(key string) async.Option { return submitOption{Option: async.Name(key), key: key} }

// Serve serves requests.
func Serve[Req, Resp any](nc *Conn, subject string, fn func(context.Context, Req) (Resp, error), o ServeOptions) (*Server, error) {
	return new(Server), nil
}

// Work runs requests of a queue.
func Work[Req, Resp any](ctx context.Context, q *Queue, fn func(context.Context, Req) (Resp, error), o WorkOptions) (*Worker, error) {
	return new(Worker), nil
}

// Handle returns a method that fn serves.
func Handle[Req, Reply any](name string, fn func(context.Context, *Req) (*Reply, error)) Method {
	return Method{}
}

// ServeMethods serves an interface.
func ServeMethods(nc *Conn, prefix, face string, o ServeOptions, methods ...Method) (*Server, error) {
	return new(Server), nil
}
