package main

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"

	"github.com/seed4712c49f/async"
)

// A Cache reads values through: what it does not have in memory it asks for, and
// keeps. Those who miss the same key at the same time share one query. It comes
// from NewCache and may be used by any number of goroutines at the same time.
//
// Values never go stale here: the database is not written to while it is read.
type Cache[K comparable, V any] struct {
	load    func(context.Context, K) (V, error)
	queries async.Group[K, V]

	mu    sync.Mutex
	size  int
	kept  map[K]*list.Element
	order list.List // of *entry[K, V]: what was asked for last is in front

	hits, misses, shared, loads, abandoned atomic.Int64
}

// An entry is a value in memory.
type entry[K comparable, V any] struct {
	key   K
	value V
}

// Counts say what became of the Gets of a cache.
type Counts struct {
	Hits      int64 // answered from memory
	Misses    int64 // answered by a query, or not at all
	Shared    int64 // misses whose answer went to others as well
	Queries   int64 // that were begun
	Abandoned int64 // of these, the ones that nobody waited for any more
}

// NewCache returns a cache that keeps so many values, and asks load for others. The
// queries run in the scope, under its limit.
func NewCache[K comparable, V any](size int, scope *async.Scope, load func(context.Context, K) (V, error)) *Cache[K, V] {
	c := &Cache[K, V]{load: load, size: max(size, 0), kept: make(map[K]*list.Element)}
	c.queries.Options = []async.Option{scope, async.Name("query")}
	return c
}

// Get returns the value of key: from memory, or else from a query, which it begins
// or joins. When ctx ends before the query does, Get leaves it and returns an
// [*async.WaitError]; the query goes on for the others, and is canceled when there
// are none. An error is not kept: the next Get asks again.
func (c *Cache[K, V]) Get(ctx context.Context, key K) (V, error) {
	if v, ok := c.recall(key); ok {
		c.hits.Add(1)
		return v, nil
	}
	c.misses.Add(1)
	v, err, shared := c.queries.Do(ctx, key, func(ctx context.Context) (V, error) {
		return c.query(ctx, key)
	})
	if shared {
		c.shared.Add(1)
	}
	return v, err
}

// query is what those who miss a key share. Its context is nobody's own: it ends
// when the last of them has left.
func (c *Cache[K, V]) query(ctx context.Context, key K) (V, error) {
	// The query before this one may have ended after Get looked.
	if v, ok := c.recall(key); ok {
		return v, nil
	}
	c.loads.Add(1)
	v, err := c.load(ctx, key)
	switch {
	case err == nil:
		c.keep(key, v) // before anybody gets it, so that no later Get asks again
	case ctx.Err() != nil:
		c.abandoned.Add(1)
	}
	return v, err
}

// recall returns a value from memory.
func (c *Cache[K, V]) recall(key K) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.kept[key]
	if !ok {
		return v, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

// keep keeps a value in memory, and forgets that which nobody has asked for the
// longest where there is no room.
func (c *Cache[K, V]) keep(key K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept[key] = c.order.PushFront(&entry[K, V]{key, v})
	for len(c.kept) > c.size {
		oldest := c.order.Remove(c.order.Back()).(*entry[K, V])
		delete(c.kept, oldest.key)
	}
}

// Len returns how many values are in memory.
func (c *Cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.kept)
}

// Counts returns what became of the Gets so far.
func (c *Cache[K, V]) Counts() Counts {
	return Counts{
		Hits:      c.hits.Load(),
		Misses:    c.misses.Load(),
		Shared:    c.shared.Load(),
		Queries:   c.loads.Load(),
		Abandoned: c.abandoned.Load(),
	}
}
