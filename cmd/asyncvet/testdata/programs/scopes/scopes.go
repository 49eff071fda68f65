// Package scopes has functions that run in scopes, with limits and without, loops over what
// they begin, and functions that are told of an end. Nothing is wrong in it.
package scopes

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
	"golang.org/x/sync/errgroup"
)

type key struct{}

type tracer interface {
	Start(ctx context.Context, name string) (context.Context, func())
}

type crawler struct {
	scope   *async.Scope
	free    *async.Scope
	trace   tracer
	mu      sync.Mutex
	seen    map[string]bool
	wake    chan struct{}
	results chan string
	stopped async.Event
	ctx     context.Context
	last    *async.Call[int]
}

func newCrawler(n int) *crawler {
	return &crawler{
		scope:   async.NewScope(async.ScopeOptions{Name: "crawl", Limit: 4}),
		free:    async.NewScope(async.ScopeOptions{}),
		seen:    make(map[string]bool),
		wake:    make(chan struct{}, 1),
		results: make(chan string, n),
	}
}

func (c *crawler) fetch(ctx context.Context, url string) (links []string, err error) {
	ctx, end := c.trace.Start(ctx, url)
	defer end()
	if err := async.Sleep(ctx, time.Second); err != nil {
		return nil, err
	}
	return []string{url + "/a"}, nil
}

// crawl waits for what it has begun in the same scope.
func (c *crawler) crawl(ctx context.Context, url string, depth int) (int, error) {
	own, cancel := context.WithTimeoutCause(context.WithValue(ctx, key{}, url), time.Minute, errors.New("slow"))
	defer cancel()
	links, err := c.fetch(own, url)
	if err != nil || depth == 0 {
		return 1, err
	}
	calls := async.GoEach(own, links, func(ctx context.Context, link string) (int, error) {
		return c.crawl(ctx, link, depth-1)
	}, c.scope)
	defer calls.Release()
	defer calls.Cancel(nil)
	n := 1
	for _, r := range calls.Each(own) {
		if r.Err != nil {
			return 0, r.Err
		}
		n += r.Value
	}
	return n, context.Cause(own)
}

func (c *crawler) begin(ctx context.Context, url string) *async.Call[int] {
	return async.Go(ctx, func(ctx context.Context) (int, error) { return c.crawl(ctx, url, 3) }, c.scope, async.Name(url))
}

// several waits of all kinds by contexts that come from the function's own.
func (c *crawler) several(ctx context.Context, other *async.Call[int], events []async.Waitable) *async.Call[int] {
	return async.Go(ctx, func(ctx context.Context) (n int, err error) {
		g, inner := errgroup.WithContext(ctx)
		g.Go(func() error { return other.Wait(inner) })
		if err := g.Wait(); err != nil {
			return 0, err
		}
		cleanup := context.WithoutCancel(ctx)
		defer func() {
			timed, cancel := context.WithTimeout(cleanup, time.Second)
			defer cancel()
			_ = other.CancelWait(timed, nil)
		}()
		deadline, cancel := context.WithDeadline(ctx, time.Now().Add(time.Second))
		defer cancel()
		for _, wait := range []func(context.Context) error{c.stopped.Wait, other.Wait} {
			if err := wait(deadline); err != nil {
				return 0, err
			}
		}
		var all sync.WaitGroup
		found := make(chan int)
		for i := range 3 {
			all.Go(func() { found <- i })
		}
		go func() {
			all.Wait()
			close(found)
		}()
		for i := range found {
			n += i
		}
		select {
		case c.wake <- struct{}{}:
		default:
		}
		c.results <- "done" // has a buffer
		_, err = async.WaitAny(deadline, events...)
		return n, err
	}, c.scope)
}

// freely has no limit to keep a slot of.
func (c *crawler) freely(ctx context.Context, other *async.Call[int]) *async.Call[int] {
	return async.Go(ctx, func(context.Context) (int, error) {
		time.Sleep(time.Millisecond)
		<-c.stopped.Done()
		return other.Await(c.ctx)
	}, c.free)
}

// stopper watches from a goroutine of its own.
func (c *crawler) stopper(ctx context.Context, other *async.Call[int]) *async.Call[int] {
	return async.Go(ctx, func(ctx context.Context) (int, error) {
		go func() {
			<-c.stopped.Done()
			_ = other.Cancel(nil)
		}()
		stop := context.AfterFunc(ctx, func() { _ = other.Wait(c.ctx) })
		defer stop()
		return other.Await(ctx)
	}, c.scope)
}

// --- told of the end

func (c *crawler) told(ctx context.Context, url string, other *async.Call[int]) *async.Call[int] {
	c.mu.Lock()
	c.seen[url] = true
	c.mu.Unlock()
	var call *async.Call[int]
	call = async.Go(ctx, func(ctx context.Context) (int, error) { return c.crawl(ctx, url, 1) }, async.OnSignal(func() {
		c.mu.Lock()
		delete(c.seen, url)
		c.mu.Unlock()
		select {
		case c.wake <- struct{}{}:
		default:
		}
		if other.IsDone() {
			c.stopped.Set()
		}
		go func() { <-c.stopped.Done() }()
		_ = other.WaitFor(0)
	}))
	return call
}

func (c *crawler) toldWhenFree(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil {
		return errors.New("busy")
	}
	c.last = async.Go(ctx, func(ctx context.Context) (int, error) { return c.crawl(ctx, "a", 1) }, async.OnSignal(c.over))
	return nil
}

func (c *crawler) over() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
	go func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.last = nil
	}()
}

// --- loops over answers

func names(ctx context.Context, in iter.Seq[string], fetch func(context.Context, string) (string, error)) (map[string]string, error) {
	all := make(map[string]string)
	for name, r := range async.Map(ctx, in, fetch) {
		if r.Err != nil {
			return nil, r.Err
		}
		all[name] = r.Value
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return all, nil
}

func some(ctx context.Context, in []string, fetch func(context.Context, string) (string, error)) (all []string, missing int, err error) {
	for _, r := range async.Map(ctx, slices.Values(in), fetch) {
		if r.Err != nil {
			continue
		}
		all = append(all, r.Value)
	}
	return all, len(in) - len(all), nil
}

func whole(ctx context.Context, in map[string]int, fetch func(context.Context, string) (int, error)) (n int, err error) {
	keys := slices.Collect(maps.Keys(in))
	calls := async.GoEach(ctx, keys, fetch)
	defer calls.Release()
	values, err := calls.All(ctx)
	if err != nil {
		return 0, err
	}
	for _, v := range values {
		n += v
	}
	return n, nil
}

func firstOf(ctx context.Context, in []string, fetch func(context.Context, string) (string, error)) (string, error) {
	calls := async.GoEach(ctx, in, fetch)
	defer calls.Release()
	defer calls.Cancel(nil)
	var errs []error
	for _, r := range calls.Each(ctx) {
		if r.Err == nil {
			return r.Value, nil
		}
		errs = append(errs, r.Err)
	}
	return "", errors.Join(append(errs, ctx.Err())...)
}

// --- loops over waits

func rounds(ctx context.Context, members []async.Waitable, ticks <-chan struct{}) error {
	for {
		i, err := async.WaitAny(ctx, append([]async.Waitable{async.Chan(ticks)}, members...)...)
		if err != nil || i > 0 {
			return err
		}
	}
}

func sourceEnds(ctx context.Context, a, b *async.Call[int]) (n int, err error) {
	x, y := async.Waitable(a), async.Waitable(b)
	for range 2 {
		i, err := async.WaitAny(ctx, x, y)
		if err != nil {
			return 0, err
		}
		if i == 0 {
			x = async.Chan(nil)
		} else {
			y = async.Chan(nil)
		}
		n++
	}
	return n, nil
}
