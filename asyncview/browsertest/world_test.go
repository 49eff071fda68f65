package browsertest_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
)

// A world is a program with calls in flight, and a server that shows them.
type world struct {
	t   *testing.T
	url string
	ctx context.Context // of every call; ends with the test

	mu     sync.Mutex
	scopes []*async.Scope
}

// newWorld returns a world without scopes.
func newWorld(t *testing.T, opts ...asyncview.Option) *world {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &world{t: t, ctx: ctx}
	mux := http.NewServeMux()
	mux.Handle("/debug/async/", asyncview.For(w.all, opts...))
	server := httptest.NewServer(mux)
	w.url = server.URL + "/debug/async/"
	t.Cleanup(func() {
		cancel()
		server.CloseClientConnections()
		server.Close()
		for _, s := range w.all() {
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	return w
}

// all returns the scopes that there are.
func (w *world) all() []*async.Scope {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*async.Scope(nil), w.scopes...)
}

// scope adds a scope.
func (w *world) scope(name string, limit int) *async.Scope {
	s := async.NewScope(async.ScopeOptions{Name: name, Limit: limit, Track: true})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scopes = append(w.scopes, s)
	return s
}

// begin begins a call that is in flight until it is canceled.
func (w *world) begin(s *async.Scope, name string) *async.Call[int] { return wait(w.ctx, s, name) }

// wait is begin within a function, by its context.
func wait(ctx context.Context, s *async.Scope, name string) *async.Call[int] {
	call := async.Go(ctx, func(ctx context.Context) (int, error) {
		<-ctx.Done()
		return 0, context.Cause(ctx)
	}, s, async.Name(name))
	return call
}

// people begins n calls in two scopes, of which one has a limit. They are trees: a page
// has ten fetches, of which some wait in the queue.
func (w *world) people(n int) {
	pages, fetches := w.scope("pages", 0), w.scope("fetches", max(n/2, 1))
	var begun sync.WaitGroup
	for n > 0 {
		children := min(10, n-1)
		n -= 1 + children
		begun.Add(1)
		async.Go(w.ctx, func(ctx context.Context) (int, error) {
			for i := range children {
				wait(ctx, fetches, fmt.Sprintf("fetch %d", i)).Release()
			}
			begun.Done()
			<-ctx.Done()
			return 0, nil
		}, pages, async.Name(fmt.Sprintf("page %d", n))).Release()
	}
	begun.Wait()
}

// circle begins calls that wait for each other in a circle, in two scopes by turns.
func (w *world) circle(names ...string) {
	scopes := []*async.Scope{w.scope("farm", 0), w.scope("coop", 0)}
	calls := make([]*async.Call[int], len(names))
	var all async.Event
	for i, name := range names {
		calls[i] = async.Go(w.ctx, func(ctx context.Context) (int, error) {
			if err := all.Wait(ctx); err != nil {
				return 0, err
			}
			return calls[(i+1)%len(calls)].Await(ctx)
		}, scopes[i%len(scopes)], async.Name(name))
	}
	all.Set()
}

// listen listens at an address. A listener that was just closed may be held for a moment by a process
// that is being started: the address is tried again.
func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(10 * time.Second); ; <-ticker.C {
		l, err := net.Listen("tcp", addr)
		if err == nil {
			return l
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
