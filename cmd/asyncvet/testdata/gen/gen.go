// Package gen is what asyncgen writes for an interface, with and without -remote nats.
package gen

import (
	"context"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncimpl"
	"github.com/seed4712c49f/async/asyncnats"
)

// A Store is an interface.
type Store interface {
	Get(ctx context.Context, key string) (string, error)
	Len() int
}

// StoreLenResult is what Len returns.
type StoreLenResult struct{ N int }

// StoreCalls is the plain client.
type StoreCalls struct {
	server Store
	opts   []async.Option
	serve  func(asyncimpl.Promise)

	discardGet async.Option
}

// DiscardGet returns a client with a Discard.
func (x StoreCalls) DiscardGet(fn func(string, error)) StoreCalls {
	x.discardGet = async.Discard(fn)
	return x
}

// NewStoreCalls returns a plain client.
func NewStoreCalls(server Store, opts ...async.Option) StoreCalls {
	return StoreCalls{server: server, opts: append([]async.Option(nil), opts...)}
}

func storeCallsGo[R any](ctx context.Context, name string, opts []async.Option, fn func(context.Context) (R, error), more ...async.Option) *async.Call[R] {
	opts = append([]async.Option{async.Name(name)}, opts...)
	for _, o := range more {
		if o != nil {
			opts = append(opts, o)
		}
	}
	return async.Go(ctx, fn, opts...)
}

// Get begins a call of Get.
func (x StoreCalls) Get(ctx context.Context, key string) *async.Call[string] {
	if x.serve != nil {
		return asyncimpl.ServeCall[string](ctx, "Store.Get", x.opts, x.serve, x.discardGet)
	}
	return storeCallsGo(ctx, "Store.Get", x.opts, func(ctx context.Context) (string, error) {
		return x.server.Get(ctx, key)
	}, x.discardGet)
}

// Len begins a call of Len.
func (x StoreCalls) Len(ctx context.Context) *async.Call[int] {
	return storeCallsGo(ctx, "Store.Len", x.opts, func(context.Context) (int, error) {
		return x.server.Len(), nil
	})
}

// RemoteStoreCalls is the client of another process.
type RemoteStoreCalls struct {
	proxy *asyncnats.Proxy
	opts  []async.Option
}

// NewRemoteStoreCalls returns a client of another process.
func NewRemoteStoreCalls(c *asyncnats.Client, prefix string, opts ...async.Option) RemoteStoreCalls {
	return RemoteStoreCalls{proxy: new(asyncnats.Proxy), opts: append([]async.Option(nil), opts...)}
}

type storeGetRequest struct{ Key string }

type storeGetReply struct{ R1 string }

// Get begins a call of Get.
func (x RemoteStoreCalls) Get(ctx context.Context, key string) *async.Call[string] {
	return asyncnats.Invoke(ctx, x.proxy, "Get", &storeGetRequest{Key: key}, func(r *storeGetReply) string { return r.R1 }, x.opts...)
}

type storeLenRequest struct{}

type storeLenReply struct{ R1 int }

// ServeStore serves an interface.
func ServeStore(nc *asyncnats.Conn, prefix string, server Store, options asyncnats.ServeOptions) (*asyncnats.Server, error) {
	if server == nil {
		panic("asyncnats: ServeStore with a nil Store")
	}
	return asyncnats.ServeMethods(nc, prefix, "Store", options,
		asyncnats.Handle("Get", func(ctx context.Context, r *storeGetRequest) (*storeGetReply, error) {
			v1, err := server.Get(ctx, r.Key)
			return &storeGetReply{R1: v1}, err
		}),
		asyncnats.Handle("Len", func(ctx context.Context, _ *storeLenRequest) (*storeLenReply, error) {
			return &storeLenReply{R1: server.Len()}, nil
		}),
	)
}
