package slotctx

import (
	"context"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"vettest/gen"
)

// A shop serves requests.
type shop struct {
	scope   *async.Scope
	ctx     context.Context
	updates async.Event
}

func (s *shop) quote(ctx context.Context, symbol string) (int, error) {
	inner := async.Go(ctx, func(context.Context) (int, error) { return len(symbol), nil }, s.scope)
	defer inner.Release()
	return inner.Await(s.ctx) // want `inner.Await waits by s.ctx, which is not the function's own context`
}

func (s *shop) order(ctx context.Context, symbol string) (int, error) {
	time.Sleep(time.Second) // want `unlike async.Sleep, time.Sleep is no wait`
	return 1, s.updates.Wait(ctx)
}

func (s *shop) free(ctx context.Context, symbol string) (int, error) {
	return 1, s.updates.Wait(s.ctx)
}

func serve(ctx context.Context, nc *asyncnats.Conn, q *asyncnats.Queue, s *shop) {
	scope := async.NewScope(async.ScopeOptions{Limit: 4})
	s.scope = scope
	_, _ = asyncnats.Serve(nc, "quote", s.quote, asyncnats.ServeOptions{Name: "quote", Scope: scope})
	o := asyncnats.WorkOptions{Scope: scope, AtOnce: 3}
	_, _ = asyncnats.Work(ctx, q, s.order, o)
	_, _ = asyncnats.Serve(nc, "free", s.free, asyncnats.ServeOptions{Name: "free"}) // its scope has no limit
	_, _ = asyncnats.Serve(nc, "free", s.free, asyncnats.ServeOptions{Scope: async.NewScope(async.ScopeOptions{})})
	_, _ = asyncnats.Work(ctx, q, func(context.Context, string) (int, error) {
		return 1, s.updates.Wait(ctx) // want `s.updates.Wait waits by ctx, which is not the function's own context`
	}, o)
	_, _ = asyncnats.ServeMethods(nc, "shop", "Shop", asyncnats.ServeOptions{Scope: scope},
		asyncnats.Handle("Wait", func(inner context.Context, r *int) (*int, error) {
			return r, s.updates.Wait(ctx) // want `s.updates.Wait waits by ctx`
		}))
}

// A store implements an interface that is served.
type store struct{ ready async.Event }

func (s *store) Get(ctx context.Context, key string) (string, error) {
	if err := s.ready.Wait(context.Background()); err != nil { // want `waits by context.Background\(\)`
		return "", err
	}
	return key, s.ready.Wait(ctx)
}

func (s *store) Len() int {
	<-s.ready.Done() // want `unlike s.ready.Wait, a receive from s.ready.Done\(\)`
	return 1
}

// Other is no method of the interface.
func (s *store) Other() { <-s.ready.Done() }

// An idle one is served without a limit.
type idle struct{ ready async.Event }

func (s *idle) Get(context.Context, string) (string, error) {
	return "", s.ready.Wait(context.Background())
}

func (s *idle) Len() int { return 1 }

func serveStore(nc *asyncnats.Conn, scope *async.Scope, unknown asyncnats.ServeOptions) {
	_, _ = gen.ServeStore(nc, "store", new(store), asyncnats.ServeOptions{Scope: scope})
	var server gen.Store = &idle{}
	_, _ = gen.ServeStore(nc, "store", server, asyncnats.ServeOptions{Name: "idle"})
	_, _ = gen.ServeStore(nc, "store", server, unknown)
}

func fourOf(*asyncnats.Conn) (*asyncnats.Conn, string, string, asyncnats.ServeOptions) {
	return nil, "", "", asyncnats.ServeOptions{}
}

func spread(nc *asyncnats.Conn) { _, _ = asyncnats.ServeMethods(fourOf(nc)) }
