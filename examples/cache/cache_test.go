package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// newTestCache returns a cache, and has the test wait for its queries at the end.
func newTestCache[V any](t *testing.T, size, limit int, load func(context.Context, string) (V, error)) (*Cache[string, V], *async.Scope) {
	queries := async.NewScope(async.ScopeOptions{Limit: limit, Panic: async.PanicCrash})
	t.Cleanup(func() {
		if err := queries.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return NewCache(size, queries, load), queries
}

// want fails the test unless a Get of key has the value.
func want[V comparable](t *testing.T, c *Cache[string, V], key string, value V) {
	t.Helper()
	if v, err := c.Get(t.Context(), key); v != value || err != nil {
		t.Errorf("Get(%q) = %v, %v; want %v", key, v, err, value)
	}
}

// Those who miss the same key share one query, and have its value in memory then.
func TestCache_sharedMiss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := newTestCache(t, 10, 0, func(_ context.Context, key string) (string, error) {
			time.Sleep(time.Second)
			return "value of " + key, nil
		})
		var gets sync.WaitGroup
		for range 50 {
			gets.Go(func() { want(t, c, "a", "value of a") })
			gets.Go(func() { want(t, c, "b", "value of b") })
		}
		gets.Wait()
		for range 7 {
			want(t, c, "a", "value of a")
		}
		if got, want := c.Counts(), (Counts{Hits: 7, Misses: 100, Shared: 100, Queries: 2}); got != want {
			t.Errorf("counts %+v, want %+v", got, want)
		}
	})
}

// Whatever the order in which they come, those who ask for a key make one query of
// it, also where one comes just as the query ends.
func TestCache_oneQueryPerKey(t *testing.T) {
	for range 2000 {
		c, queries := newTestCache(t, 1, 0, func(context.Context, string) (int, error) { return 1, nil })
		var gets sync.WaitGroup
		for range 4 {
			gets.Go(func() { want(t, c, "a", 1) })
		}
		gets.Wait()
		if n := c.Counts().Queries; n != 1 {
			t.Fatalf("%d queries", n)
		}
		_ = queries.Shutdown(t.Context())
	}
}

// Who gives up leaves alone; the others have their answer.
func TestCache_oneLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := newTestCache(t, 10, 0, func(ctx context.Context, _ string) (int, error) {
			time.Sleep(time.Second)
			return 1, ctx.Err()
		})
		short, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		first := async.Go(short, func(ctx context.Context) (int, error) { return c.Get(ctx, "a") })
		synctest.Wait()
		began := time.Now()
		want(t, c, "a", 1)
		if d := time.Since(began); d != time.Second {
			t.Errorf("it took %v", d)
		}
		_, err := first.Finish()
		if _, ok := errors.AsType[*async.WaitError](err); !ok || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the first has %v", err)
		}
		if got, want := c.Counts(), (Counts{Misses: 2, Queries: 1}); got != want {
			t.Errorf("counts %+v, want %+v", got, want)
		}
	})
}

// When the last has given up the query is canceled. Who comes then, while it has
// not noticed yet, has a query of his own, and its answer.
func TestCache_lastLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var causes []error
		c, queries := newTestCache(t, 10, 1, func(ctx context.Context, _ string) (int, error) {
			time.Sleep(time.Minute) // deaf to its context
			causes = append(causes, context.Cause(ctx))
			return len(causes), context.Cause(ctx)
		})
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var gets sync.WaitGroup
		for range 3 {
			gets.Go(func() {
				if _, err := c.Get(short, "a"); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
			})
		}
		gets.Wait()
		if s := queries.Stats(); s.Canceled != 1 || s.Stopping != 1 {
			t.Errorf("the scope says %+v", s)
		}
		want(t, c, "a", 2)
		want(t, c, "a", 2)
		if len(causes) != 2 || !errors.Is(causes[0], async.ErrAbandoned) || causes[1] != nil {
			t.Errorf("the contexts of the queries ended by %v", causes)
		}
		if got, want := c.Counts(), (Counts{Hits: 1, Misses: 4, Queries: 2, Abandoned: 1}); got != want {
			t.Errorf("counts %+v, want %+v", got, want)
		}
		if s := queries.Stats(); s.StopMax != time.Minute-time.Second {
			t.Errorf("it took %v to stop", s.StopMax)
		}
	})
}

// Given up while the query is in the queue: it never begins.
func TestCache_leavesBeforeItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, queries := newTestCache(t, 10, 1, func(_ context.Context, key string) (string, error) {
			time.Sleep(time.Minute)
			return key, nil
		})
		long := async.Go(t.Context(), func(ctx context.Context) (string, error) { return c.Get(ctx, "long") })
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Get(short, "never"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if v, err := long.Await(t.Context()); v != "long" || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
		if got, want := c.Counts(), (Counts{Misses: 2, Queries: 1}); got != want {
			t.Errorf("counts %+v, want %+v", got, want)
		}
		if s := queries.Stats(); s.Canceled != 1 || s.Returned != 1 {
			t.Errorf("the scope says %+v", s)
		}
	})
}

// An error goes to those who wait, and is not kept.
func TestCache_errorNotKept(t *testing.T) {
	broken := errors.New("broken")
	fails := true
	c, _ := newTestCache(t, 10, 0, func(context.Context, string) (int, error) {
		if fails {
			return 0, broken
		}
		return 1, nil
	})
	for range 2 {
		if _, err := c.Get(t.Context(), "a"); err != broken {
			t.Errorf("error %v", err)
		}
	}
	fails = false
	want(t, c, "a", 1)
	if got, want := c.Counts(), (Counts{Misses: 3, Queries: 3}); got != want || c.Len() != 1 {
		t.Errorf("counts %+v, want %+v; %d kept", got, want, c.Len())
	}
}

// What has not been asked for the longest goes first.
func TestCache_size(t *testing.T) {
	c, _ := newTestCache(t, 2, 0, func(_ context.Context, key string) (string, error) { return key, nil })
	for _, key := range []string{"a", "b", "a", "c", "a", "b"} { // b is gone at the end
		want(t, c, key, key)
	}
	if got, want := c.Counts(), (Counts{Hits: 2, Misses: 4, Queries: 4}); got != want || c.Len() != 2 {
		t.Errorf("counts %+v, want %+v; %d kept", got, want, c.Len())
	}
	none, _ := newTestCache(t, 0, 0, func(_ context.Context, key string) (string, error) { return key, nil })
	want(t, none, "a", "a")
	want(t, none, "a", "a")
	if n := none.Counts(); n.Queries != 2 || none.Len() != 0 {
		t.Errorf("counts %+v, %d kept", n, none.Len())
	}
}

// However many keys are missed, no more queries than the limit run.
func TestCache_limit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		c, _ := newTestCache(t, 0, 3, func(_ context.Context, key string) (string, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Second)
			return key, nil
		})
		var gets sync.WaitGroup
		for i := range 30 {
			gets.Go(func() { want(t, c, productName(i), productName(i)) })
		}
		began := time.Now()
		gets.Wait()
		if d := time.Since(began); most.Load() != 3 || d != 10*time.Second {
			t.Errorf("%d ran at once, and all took %v", most.Load(), d)
		}
	})
}
