// Package gateway answers a request by asking several backends at once.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
)

// A Gateway asks backends.
type Gateway struct {
	client   *http.Client
	backends []string
	scope    *async.Scope
	budget   time.Duration

	mu     sync.Mutex
	health map[string]int
	woken  chan struct{}
}

// New returns a gateway that has so many requests to its backends under way at
// once.
func New(backends []string, limit int) *Gateway {
	return &Gateway{
		client:   &http.Client{},
		backends: backends,
		scope:    async.NewScope(async.ScopeOptions{Name: "backends", Limit: limit, Queue: 100 * limit}),
		budget:   300 * time.Millisecond,
		health:   make(map[string]int),
		woken:    make(chan struct{}),
	}
}

// Close waits until no request is under way.
func (g *Gateway) Close(ctx context.Context) error { return g.scope.Shutdown(ctx) }

// closeBody is for responses that come too late.
func closeBody(resp *http.Response, err error) {
	if err == nil {
		resp.Body.Close()
	}
}

// get asks one backend.
func (g *Gateway) get(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := g.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	return resp, nil
}

// First writes the first good answer of all backends.
func (g *Gateway) First(ctx context.Context, w io.Writer, path string) error {
	ctx, cancel := context.WithTimeout(ctx, g.budget)
	defer cancel()
	urls := make([]string, len(g.backends))
	for i, b := range g.backends {
		urls[i] = b + path
	}
	calls := async.GoEach(ctx, urls, g.get, g.scope, async.Streaming(), async.Discard(closeBody))
	defer calls.Release()
	defer calls.Cancel(nil)
	i, resp, err := calls.Any(ctx)
	if err != nil {
		return fmt.Errorf("no backend has %s: %w", path, err)
	}
	defer resp.Body.Close()
	g.good(g.backends[i])
	_, err = io.Copy(w, resp.Body)
	return err
}

func (g *Gateway) good(backend string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.health[backend]++
}

// A Page is put together from what the backends say.
type Page struct {
	User  string
	Items []string
}

// Page asks for the parts of a page at the same time.
func (g *Gateway) Page(ctx context.Context, id string) (*Page, error) {
	user := async.Go(ctx, func(ctx context.Context) (string, error) {
		return text(ctx, g, g.backends[0]+"/user/"+id)
	}, g.scope, async.Name("user"))
	defer user.Release()
	items := async.Go(ctx, func(ctx context.Context) ([]string, error) {
		name, err := user.Await(ctx)
		if err != nil {
			return nil, err
		}
		return list(ctx, g, g.backends[0]+"/items/"+name)
	}, g.scope, async.Name("items"))
	defer items.Release()

	page := new(Page)
	var err error
	if page.User, err = user.Await(ctx); err != nil {
		return nil, err
	}
	if page.Items, err = items.Await(ctx); err != nil {
		var wait *async.WaitError
		if errors.As(err, &wait) {
			return nil, err
		}
		page.Items = nil // without them, then
	}
	return page, nil
}

func text(ctx context.Context, g *Gateway, url string) (string, error) {
	resp, err := g.get(ctx, url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func list(ctx context.Context, g *Gateway, url string) (items []string, err error) {
	s, err := text(ctx, g, url)
	if err != nil {
		return nil, err
	}
	return items, json.Unmarshal([]byte(s), &items)
}

// Fast asks a second time where the first answer is slow.
func (g *Gateway) Fast(ctx context.Context, path string) (string, error) {
	return async.Hedge(ctx, 20*time.Millisecond, 2, func(ctx context.Context, _ int) (string, error) {
		return text(ctx, g, g.backends[0]+path)
	}, g.scope)
}

// Probe asks each backend whether it is there, and says what came of it in the
// order of the answers.
func (g *Gateway) Probe(ctx context.Context, report func(backend string, err error)) error {
	var probes async.Set[string]
	defer probes.Release()
	calls := make(map[string]*async.Call[struct{}], len(g.backends))
	for _, b := range g.backends {
		call := async.Go(ctx, func(ctx context.Context) (struct{}, error) {
			_, err := text(ctx, g, b+"/health")
			return struct{}{}, err
		}, async.OnSignal(func() {
			select {
			case g.woken <- struct{}{}:
			default:
			}
		}))
		calls[b] = call
		probes.Add(b, call)
	}
	for b := range probes.All(ctx) {
		_, err := calls[b].Finish()
		report(b, err)
	}
	return ctx.Err()
}

// Warm asks for a path and does not wait for the answer.
func (g *Gateway) Warm(ctx context.Context, path string) {
	async.Go(context.WithoutCancel(ctx), func(ctx context.Context) (string, error) {
		return text(ctx, g, g.backends[0]+path)
	}, g.scope).Release()
}

// Answers returns what the backends say, in the order of their answers.
func (g *Gateway) Answers(ctx context.Context, path string) (all []string, err error) {
	var set async.Set[*async.Call[string]]
	defer set.Release()
	for _, b := range g.backends {
		call := async.Go(ctx, func(ctx context.Context) (string, error) { return text(ctx, g, b+path) })
		defer call.Release()
		set.Add(call, call)
	}
	for call := range set.All(ctx) {
		answer, err := call.Finish()
		if err != nil {
			return nil, err
		}
		all = append(all, answer)
	}
	return all, ctx.Err()
}
