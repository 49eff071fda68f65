// A cache under a stampede, with this library and by hand.

package bench_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/seed4712c49f/async"
)

// How many clients ask for one key at the same time, and how long the backend takes.
const (
	stampede  = 64
	loadTakes = 2 * time.Millisecond
)

// A loader loads the text of a key. A loading shares the runs of loaders by key.
type (
	loader  = func(ctx context.Context) (string, error)
	loading = func(ctx context.Context, key string, load loader) (string, error)
)

// A cache lacks a key that 64 clients ask for at the same time. The backend takes
// 2 ms. "loads" counts the requests that reached the backend for each key: 1 is the
// least. One operation is a key with its 64 requests.
func BenchmarkStampede(b *testing.B) {
	b.Run("raw=mutex-and-map", func(b *testing.B) {
		var g byHand[string, string]
		stampedes(b, func(ctx context.Context, key string, load loader) (string, error) {
			return g.do(key, func() (string, error) { return load(ctx) })
		})
	})
	b.Run("raw=without-sharing", func(b *testing.B) {
		stampedes(b, func(ctx context.Context, _ string, load loader) (string, error) { return load(ctx) })
	})
	b.Run("async=Group", func(b *testing.B) {
		var g async.Group[string, string]
		stampedes(b, func(ctx context.Context, key string, load loader) (string, error) {
			text, err, _ := g.Do(ctx, key, load)
			return text, err
		})
	})
	b.Run("singleflight=Group", func(b *testing.B) {
		var g singleflight.Group
		stampedes(b, func(ctx context.Context, key string, load loader) (string, error) {
			v, err, _ := g.Do(key, func() (any, error) { return load(ctx) })
			text, _ := v.(string)
			return text, err
		})
	})
}

// stampedes has clients ask a cache for one new key after the other.
func stampedes(b *testing.B, share loading) {
	f := newFetcher(b)
	var loads atomic.Int64
	backend := serve(b, func(r *http.Request) (string, error) {
		loads.Add(1)
		return "text of " + r.URL.Path, pause(r.Context(), loadTakes)
	})
	var kept sync.Map // of texts by key
	cache := serve(b, func(r *http.Request) (string, error) {
		key := r.URL.Path
		if text, ok := kept.Load(key); ok {
			return text.(string), nil
		}
		return share(r.Context(), key, func(ctx context.Context) (string, error) {
			if text, ok := kept.Load(key); ok { // loaded since
				return text.(string), nil
			}
			text, err := f.get(ctx, backend+key)
			kept.Store(key, text)
			return text, err
		})
	})
	b.ReportAllocs()
	var l latencies
	asked := 0
	for b.Loop() {
		asked++
		key := fmt.Sprintf("/%d", asked)
		if err := ask64(b.Context(), f, cache+key, "text of "+key, &l); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(loads.Load())/float64(b.N), "loads/op")
	b.ReportMetric(float64(b.N)*stampede/b.Elapsed().Seconds(), "req/s")
	l.report(b, 0.5, 0.99)
}

// ask64 has all clients ask for a key at the same time.
func ask64(ctx context.Context, f *fetcher, url, want string, l *latencies) error {
	errs := make([]error, stampede)
	took := make([]time.Duration, stampede)
	var wg sync.WaitGroup
	for i := range stampede {
		wg.Go(func() {
			start := time.Now()
			got, err := f.get(ctx, url)
			took[i] = time.Since(start)
			if errs[i] = err; err == nil && got != want {
				errs[i] = fmt.Errorf("got %q, not %q", got, want)
			}
		})
	}
	wg.Wait()
	l.add(took...)
	return errors.Join(errs...)
}
