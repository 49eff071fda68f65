// Package cache reads files through a cache, and keeps the connections that it
// needs for that.
package cache

import (
	"context"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
)

// A Cache keeps what it has read.
type Cache struct {
	loads async.Group[string, []byte]
	peer  *async.Lazy[net.Conn]
	scope *async.Scope

	mu    sync.RWMutex
	kept  map[string][]byte
	fresh map[string]*async.Call[[]byte]
}

// New returns a cache whose peer is at addr.
func New(addr string) *Cache {
	c := &Cache{
		scope: async.NewScope(async.ScopeOptions{Name: "loads", Limit: 4}),
		kept:  make(map[string][]byte),
		fresh: make(map[string]*async.Call[[]byte]),
	}
	c.loads.Options = []async.Option{c.scope, async.Name("load"), async.Discard(func([]byte, error) {})}
	c.peer = async.NewLazy(func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}, async.Discard(func(conn net.Conn, err error) {
		if err == nil {
			conn.Close()
		}
	}))
	return c
}

// Get returns the content of a file.
func (c *Cache) Get(ctx context.Context, name string) ([]byte, error) {
	if b, ok := c.has(name); ok {
		return b, nil
	}
	b, err, _ := c.loads.Do(ctx, name, func(ctx context.Context) ([]byte, error) {
		text, err := c.read(ctx, name)
		if err != nil {
			return nil, err
		}
		c.keep(name, text)
		return text, nil
	})
	return b, err
}

func (c *Cache) has(name string) ([]byte, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	b, ok := c.kept[name]
	return b, ok
}

func (c *Cache) keep(name string, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept[name] = b
}

func (c *Cache) read(ctx context.Context, name string) ([]byte, error) {
	f, err := c.open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// open opens a file, or gives up in time: what is opened too late is closed.
func (c *Cache) open(ctx context.Context, name string) (*os.File, error) {
	call := async.Go(ctx, func(context.Context) (*os.File, error) { return os.Open(name) },
		async.Discard(func(f *os.File, err error) {
			if err == nil {
				f.Close()
			}
		}))
	defer call.Release()
	return call.Await(ctx)
}

// Prefetch begins to read files, and returns at once.
func (c *Cache) Prefetch(ctx context.Context, names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		if _, ok := c.fresh[name]; ok {
			continue
		}
		c.fresh[name] = async.Go(ctx, func(ctx context.Context) ([]byte, error) { return c.read(ctx, name) }, c.scope)
	}
}

// Peek returns what Prefetch has read by now.
func (c *Cache) Peek(name string) ([]byte, bool) {
	c.mu.RLock()
	call := c.fresh[name]
	c.mu.RUnlock()
	if call == nil || !call.IsDone() {
		return nil, false
	}
	b, err := call.Finish()
	return b, err == nil
}

// Watch tells of each change until the context ends: of the files, or of the peer.
func (c *Cache) Watch(ctx context.Context, changes []async.Waitable, tell func(int)) error {
	var set async.Set[int]
	defer set.Release()
	for i, w := range changes {
		set.Add(i, w)
	}
	for {
		i, err := set.Next(ctx)
		if err != nil {
			return err
		}
		tell(i)
	}
}

// Either waits for one of two files.
func (c *Cache) Either(ctx context.Context, a, b string) (string, error) {
	first := c.loads.Join(ctx, a, func(ctx context.Context) ([]byte, error) { return c.read(ctx, a) })
	defer first.Release()
	second := c.loads.Join(ctx, b, func(ctx context.Context) ([]byte, error) { return c.read(ctx, b) })
	defer second.Release()
	i, err := async.WaitAny(ctx, first, second)
	if err != nil {
		return "", err
	}
	return []string{a, b}[i], nil
}

// Peer tells the peer about a file.
func (c *Cache) Peer(ctx context.Context, line string) error {
	conn, err := c.peer.Get(ctx)
	if err != nil {
		return err
	}
	_, err = io.WriteString(conn, line)
	return err
}

// Close waits for what is being read.
func (c *Cache) Close(ctx context.Context) error {
	c.mu.Lock()
	calls := make(async.Calls[[]byte], 0, len(c.fresh))
	for _, call := range c.fresh {
		calls = append(calls, call)
	}
	clear(c.fresh)
	c.mu.Unlock()
	calls.Cancel(nil)
	calls.Release()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return c.scope.Shutdown(ctx)
}

// Oldest reads files and returns the names in the order in which they are there.
func (c *Cache) Oldest(ctx context.Context, names []string) (order []string, err error) {
	calls := async.GoEach(ctx, names, c.read, c.scope)
	defer calls.Release()
	for i, r := range calls.Each(ctx) {
		if r.Err != nil {
			return nil, r.Err
		}
		order = append(order, names[i])
	}
	slices.Reverse(order)
	return order, ctx.Err()
}
