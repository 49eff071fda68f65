// Package forms has many forms of code in which nothing is wrong.
package forms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
	"golang.org/x/sync/errgroup"
)

func work(context.Context) (int, error)              { return 1, nil }
func get(ctx context.Context, u string) (int, error) { return 1, nil }

type embedded struct {
	async.Call[int]
	name string
}

func useEmbedded(ctx context.Context) (int, error) {
	var e embedded
	if err := e.Begin(ctx, work); err != nil {
		return 0, err
	}
	return e.Await(ctx)
}

// returns through named result in a switch
func sw(ctx context.Context, k int) (c *async.Call[int], err error) {
	switch k {
	case 0:
		c = async.Go(ctx, work)
	case 1:
		return nil, errors.New("x")
	default:
		c = async.Ready(1, nil)
	}
	return c, nil
}

// slice accumulate
func acc(ctx context.Context) (n int, err error) {
	var calls []*async.Call[int]
	for range 3 {
		c := async.Go(ctx, work)
		calls = append(calls, c)
	}
	defer func() {
		for _, c := range calls {
			c.Release()
		}
	}()
	for _, c := range calls {
		m, err := c.Await(ctx)
		if err != nil {
			return 0, err
		}
		n += m
	}
	return n, nil
}

// array and struct literals
func structs(ctx context.Context) (int, error) {
	s := struct{ a, b *async.Call[int] }{async.Go(ctx, work), async.Go(ctx, work)}
	defer s.a.Release()
	defer s.b.Release()
	x, err := s.a.Await(ctx)
	if err != nil {
		return 0, err
	}
	y, err := s.b.Await(ctx)
	return x + y, err
}

// for-select loop taking result at the end
func sel(ctx context.Context, jobs chan string) error {
	call := async.Go(ctx, work)
	defer call.Release()
	done := call.Done()
	for {
		select {
		case j := <-jobs:
			fmt.Println(j)
		case <-done:
			done = nil
			if _, err := call.Finish(); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// goto, labels
func lab(ctx context.Context) int {
	c := async.Go(ctx, work)
outer:
	for {
		for {
			if c.IsDone() {
				break outer
			}
			time.Sleep(time.Millisecond)
		}
	}
	n, _ := c.Finish()
	return n
}

// log.Fatal-like
func fatal(ctx context.Context) int {
	c := async.Go(ctx, work)
	if ctx.Err() != nil {
		os.Exit(1)
	}
	n, err := c.Await(ctx)
	if err != nil {
		panic(err)
	}
	return n
}

// conditional ownership
func owner(ctx context.Context, c *async.Call[int]) (int, error) {
	own := c == nil
	if own {
		c = async.Go(ctx, work)
	}
	if own {
		defer c.Release()
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	return c.Await(ctx)
}

// retry loop with fresh call each time
func retry(ctx context.Context) (n int, err error) {
	for i := 0; i < 3; i++ {
		c := async.Go(ctx, work)
		n, err = c.Await(ctx)
		c.Release()
		if err == nil {
			return n, nil
		}
	}
	return 0, err
}

// release in closure deferred inside loop func
func loopfn(ctx context.Context, us []string) error {
	for _, u := range us {
		err := func() error {
			c := async.Go(ctx, func(ctx context.Context) (int, error) { return get(ctx, u) })
			defer c.Release()
			return c.Wait(ctx)
		}()
		if err != nil {
			return err
		}
	}
	return nil
}

// errgroup
func eg(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	c := async.Go(ctx, work)
	g.Go(func() error { _, err := c.Await(ctx); return err })
	return g.Wait()
}

// handle in map & release by range
type reg struct {
	mu sync.Mutex
	m  map[string]*async.Call[int]
}

func (r *reg) start(ctx context.Context, k string) *async.Call[int] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.m[k]; ok {
		return c.Clone()
	}
	c := async.Go(ctx, work)
	r.m[k] = c
	return c.Clone()
}

func (r *reg) wait(ctx context.Context, k string) (int, error) {
	c := r.start(ctx, k)
	defer c.Release()
	return c.Await(ctx)
}

// interface method returning a handle
type starter interface {
	Start(context.Context) *async.Call[int]
}

func iface(ctx context.Context, s starter) error {
	c := s.Start(ctx)
	return c.Wait(ctx)
}

// function value returning a handle
func fval(ctx context.Context, start func(context.Context) *async.Call[int]) error {
	return start(ctx).Wait(ctx)
}

// sync release before reassign
func reassign(ctx context.Context) (int, error) {
	c := async.Go(ctx, work)
	if err := c.WaitFor(time.Second); err != nil {
		c.Release()
		c = async.Go(ctx, work)
	}
	defer c.Release()
	return c.Await(ctx)
}

// response with full handling
func resp(ctx context.Context, u string) (int, error) {
	call := async.Go(ctx, func(ctx context.Context) (int, error) {
		req, _ := http.NewRequestWithContext(ctx, "GET", u, nil)
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		defer r.Body.Close()
		return r.StatusCode, nil
	})
	defer call.Release()
	return call.Await(ctx)
}

// promise passed to struct literal
type request struct {
	p *async.Promise[string]
}

func submit(ctx context.Context, q chan<- request) (*async.Call[string], error) {
	p, c := async.NewPromise[string](ctx)
	select {
	case q <- request{p}:
		return c, nil
	case <-ctx.Done():
		p.Break()
		c.Release()
		return nil, ctx.Err()
	}
}

// promise completed by switch in goroutine
func swp(ctx context.Context, ch <-chan int) *async.Call[int] {
	p, c := async.NewPromise[int](ctx)
	go func() {
		select {
		case v := <-ch:
			p.Complete(v, nil)
		case <-ctx.Done():
			p.Complete(0, ctx.Err())
		}
	}()
	return c
}

// time.AfterFunc completes
func timer(ctx context.Context) *async.Call[int] {
	p, c := async.NewPromise[int](ctx)
	time.AfterFunc(time.Second, func() { p.Complete(1, nil) })
	return c
}

// promise via method value
func mv(ctx context.Context, on func(func(int, error) bool)) *async.Call[int] {
	p, c := async.NewPromise[int](ctx)
	on(p.Complete)
	return c
}

// sync.Once complete in two goroutines
func two(ctx context.Context, a, b func() (int, error)) *async.Call[int] {
	p, c := async.NewPromise[int](ctx)
	go func() {
		if v, err := a(); err == nil {
			p.Complete(v, nil)
		}
	}()
	go func() {
		if v, err := b(); err == nil {
			p.Complete(v, nil)
		}
	}()
	return c
}

// one goroutine completes on success, the function waits for its own timeout and completes
func watchdog(ctx context.Context, a func() (int, error)) *async.Call[int] {
	p, c := async.NewPromise[int](ctx)
	context.AfterFunc(ctx, p.Break)
	go func() {
		if v, err := a(); err == nil {
			p.Complete(v, nil)
		}
	}()
	return c
}

func closer(f io.ReadCloser, err error) {
	if err == nil {
		f.Close()
	}
}

// options built up
func opts(ctx context.Context, name string, s *async.Scope) (io.ReadCloser, error) {
	o := []async.Option{async.Discard(closer)}
	if name != "" {
		o = append(o, async.Name(name))
	}
	if s != nil {
		o = append(o, s)
	}
	c := async.Go(ctx, func(context.Context) (io.ReadCloser, error) { return os.Open(name) }, o...)
	defer c.Release()
	return c.Await(ctx)
}

type options struct{ discard async.Option }

func field(ctx context.Context, o options) (io.ReadCloser, error) {
	c := async.Go(ctx, func(context.Context) (io.ReadCloser, error) { return os.Open("a") }, o.discard)
	defer c.Release()
	return c.Await(ctx)
}

// scope function spawns goroutine that waits with another ctx, ctx stored in variable
func scoped(ctx context.Context, s *async.Scope, other *async.Call[int]) {
	async.Go(ctx, func(fctx context.Context) (int, error) {
		var wctx context.Context = fctx
		if d, ok := fctx.Deadline(); ok {
			var cancel func()
			wctx, cancel = context.WithDeadline(fctx, d.Add(-time.Second))
			defer cancel()
		}
		return other.Await(wctx)
	}, s).Release()
	async.Go(ctx, func(fctx context.Context) (int, error) {
		ctx := context.WithValue(fctx, "k", 1)
		return other.Await(ctx)
	}, s).Release()
	async.Go(ctx, func(fctx context.Context) (int, error) {
		r, _ := http.NewRequestWithContext(fctx, "GET", "/", nil)
		return other.Await(r.Context())
	}, s).Release()
	async.Go(ctx, func(fctx context.Context) (int, error) {
		stop := async.AfterFunc(other, func() { _, _ = other.Await(context.Background()) })
		defer stop()
		return 1, nil
	}, s).Release()
}

// released then re-declared in an inner scope
func inner(ctx context.Context) error {
	c := async.Go(ctx, work)
	c.Release()
	{
		c := async.Go(ctx, work)
		defer c.Release()
		return c.Wait(ctx)
	}
}

// release in loop with break
func rel(ctx context.Context, cs []*async.Call[int]) error {
	for _, c := range cs {
		if err := c.Wait(ctx); err != nil {
			return err
		}
		c.Release()
	}
	return nil
}

// released in a branch that loops
func rel2(ctx context.Context) error {
	c := async.Go(ctx, work)
	for i := 0; ; i++ {
		if err := c.WaitFor(time.Second); err == nil {
			break
		}
		c.Release()
		c = async.Go(ctx, work)
	}
	defer c.Release()
	return c.Wait(ctx)
}

// two-value handles: helper returning (net.Conn, *Call)
func two2(ctx context.Context) (net.Conn, *async.Call[int], error) {
	c := async.Go(ctx, work)
	conn, err := net.Dial("tcp", "x")
	if err != nil {
		c.Release()
		return nil, nil, err
	}
	return conn, c, nil
}

func useTwo(ctx context.Context) error {
	conn, c, err := two2(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer c.Release()
	return c.Wait(ctx)
}

func useTwo2(ctx context.Context) error {
	conn, c, err := two2(ctx)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	defer conn.Close()
	defer c.Release()
	return c.Wait(ctx)
}

var errX = errors.New("x")

func mustClose(ctx context.Context) (f *os.File, err error) {
	c := async.Go(ctx, func(context.Context) (*os.File, error) { return os.Open("a") }, async.Discard(func(f *os.File, err error) {}))
	defer func() {
		c.Release()
	}()
	if f, err = c.Await(ctx); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return f, nil
}

// typed nil / ternary-like
func maybe(ctx context.Context, b bool) (int, error) {
	var c *async.Call[int]
	if b {
		c = async.Go(ctx, work)
	} else {
		c = async.Ready(2, nil)
	}
	return c.Await(ctx)
}

// cond with && on var
func both(ctx context.Context, b bool, n int) {
	var c *async.Call[int]
	if b && n > 3 {
		c = async.Go(ctx, work)
	}
	if b && n > 3 {
		c.Release()
	}
}

func viaVar(ctx context.Context) {
	var release func()
	c := async.Go(ctx, work)
	release = c.Release
	release()
}

func tcleanup(ctx context.Context, t interface{ Cleanup(func()) }) *async.Signal {
	c := async.Go(ctx, work)
	t.Cleanup(func() { c.Release() })
	s := c.Signal()
	t.Cleanup(s.Release)
	return s
}

func chain(ctx context.Context) ([]int, error) {
	return async.GoEach(ctx, []string{"a"}, get).All(ctx)
}

func forEach(ctx context.Context) {
	for i, r := range async.GoEach(ctx, []string{"a"}, get).Each(ctx) {
		fmt.Println(i, r)
	}
}

func lazyMap(ctx context.Context) {
	m := map[string]*async.Lazy[int]{}
	m["a"] = async.NewLazy(work)
	v, _ := m["a"].Get(ctx)
	_ = v
}

type srv struct {
	loop *async.Call[struct{}]
	ctx  context.Context
}

func (s *srv) run(ctx context.Context) (struct{}, error) {
	<-s.ctx.Done()
	return struct{}{}, nil
}

func (s *srv) start(sc *async.Scope) {
	s.loop = async.Go(s.ctx, s.run, sc)
}

// a case for each remainder
func cases(ctx context.Context) {
	for i := range 6 {
		c := async.Go(ctx, work)
		switch i % 3 {
		case 0:
			c.Release()
		case 1:
			_ = c.Wait(ctx)
			c.Release()
		case 2:
			_, _ = c.Await(context.Background())
		}
	}
}

// tasks of an errgroup, which has their errors
func tasks(ctx context.Context) (int, error) {
	g, ctx := errgroup.WithContext(ctx)
	async.Go(ctx, work, async.InGroup(g))
	c := async.Go(ctx, work, async.InGroup(g))
	if err := g.Wait(); err != nil {
		return 0, err
	}
	return c.Finish()
}

// a select that takes values, in a scope
func takes(ctx context.Context, s *async.Scope, other *async.Call[int], values chan int) *async.Call[int] {
	return async.Go(ctx, func(ctx context.Context) (n int, err error) {
		for {
			select {
			case v := <-values:
				n += v
			case <-other.Done():
				return n, nil
			case <-ctx.Done():
				return n, ctx.Err()
			}
		}
	}, s)
}

// a promise that is refused at once
func refused(ctx context.Context, s *async.Scope, serve func(*async.Promise[int])) *async.Call[int] {
	p, c := async.NewPromise[int](ctx, s)
	if c.IsDone() {
		return c
	}
	serve(p)
	return c
}

// what there is in a second
func inTime(ctx context.Context, names []string) (all []int, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, r := range async.Map(ctx, slices.Values(names), get) {
		if r.Err != nil {
			return nil, r.Err
		}
		all = append(all, r.Value)
	}
	return all, nil
}
