// The libraries that call a function in a goroutine of its own and wait for its
// result. BenchmarkCall and its relatives run each of them.

package bench_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/alitto/pond/v2"
	"github.com/creachadair/taskgroup"
	"github.com/failsafe-go/failsafe-go"
	"github.com/panjf2000/ants/v2"
	"github.com/samber/lo"
	"github.com/samber/mo"
	"github.com/sourcegraph/conc/pool"
	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// calls begins calls and waits for them. A caller is one.
type calls interface {
	trip(ctx context.Context, f task) (int, error)
	window(n int) int
	running(n int) (finish func() int)
	queued(n int) (finish func() int)
	close()
}

// A caller is one way to call a function. H is its handle of a call.
type caller[H any] struct {
	begin func(ctx context.Context, f task) H
	wait  func(ctx context.Context, h H) (int, error)
	end   func() // may be nil
}

// libraries are the callers, by the names of their cases.
var libraries = []struct {
	name string
	open func() calls
}{
	{"raw=goroutine-and-channel", func() calls { return rawCaller() }},
	{"floor=goroutine-and-promise", func() calls { return floorCaller() }},
	{"async=Go-Await", func() calls { return asyncCaller() }},
	{"async=Begin-Wait-Finish", func() calls { return asyncFinisher() }},
	{"async=in-a-Scope", func() calls { return asyncScoped(0) }},
	{"async=Scope-one-at-a-time", func() calls { return asyncScoped(1) }},
	{"errgroup=Group", func() calls { return errgroupCaller() }},
	{"conc=pool-of-one", func() calls { return concCaller() }},
	{"pond=pool", func() calls { return pondCaller(0) }},
	{"ants=pool-and-channel", func() calls { return antsCaller() }},
	{"mo=Future", func() calls { return moCaller() }},
	{"lo=Async2", func() calls { return loCaller() }},
	{"taskgroup=Call", func() calls { return taskgroupCaller() }},
	{"failsafe=GetAsync", func() calls { return failsafeCaller() }},
}

// eachLibrary runs a case for each library but those named.
func eachLibrary(b *testing.B, run func(b *testing.B, c calls), without ...string) {
	for _, l := range libraries {
		if slices.Contains(without, l.name) {
			continue
		}
		b.Run(l.name, func(b *testing.B) {
			c := l.open()
			b.Cleanup(c.close)
			run(b, c)
		})
	}
}

// The forms that take part in few benchmarks.
const (
	finisher   = "async=Begin-Wait-Finish"
	scoped     = "async=in-a-Scope"
	oneAtATime = "async=Scope-one-at-a-time"
)

// trip begins a call and waits for it.
func (c caller[H]) trip(ctx context.Context, f task) (int, error) {
	return c.wait(ctx, c.begin(ctx, f))
}

// close ends the caller.
func (c caller[H]) close() {
	if c.end != nil {
		c.end()
	}
}

// window makes n calls and keeps 64 of them in flight.
func (c caller[H]) window(n int) int {
	const ahead = 64
	var ring [ahead]H
	sum := 0
	for i := range n + ahead {
		if i >= ahead && i-ahead < n {
			v, _ := c.wait(bg, ring[i%ahead])
			sum += v
		}
		if i < n {
			ring[i%ahead] = c.begin(bg, trivial)
		}
	}
	return sum
}

// running begins n calls whose functions wait at a gate.
func (c caller[H]) running(n int) (finish func() int) {
	gate := make(chan struct{})
	var started sync.WaitGroup
	started.Add(n)
	f := taskOf(func() (int, error) {
		started.Done()
		<-gate
		return 1, nil
	})
	handles := make([]H, n)
	for i := range handles {
		handles[i] = c.begin(bg, f)
	}
	started.Wait()
	return func() int {
		close(gate)
		return c.waitAll(handles)
	}
}

// queued begins n calls behind one that runs. The caller runs one at a time.
func (c caller[H]) queued(n int) (finish func() int) {
	gate, started := make(chan struct{}), make(chan struct{})
	first := c.begin(bg, taskOf(func() (int, error) {
		close(started)
		<-gate
		return 0, nil
	}))
	<-started
	handles := make([]H, n)
	for i := range handles {
		handles[i] = c.begin(bg, trivial)
	}
	return func() int {
		close(gate)
		return c.waitAll(handles) + c.waitAll([]H{first})
	}
}

func (c caller[H]) waitAll(handles []H) int {
	sum := 0
	for _, h := range handles {
		v, _ := c.wait(bg, h)
		sum += v
	}
	return sum
}

// rawCaller is a goroutine and a channel with one slot. A wait ends with a context
// that can end. Panics and Goexit are not handled.
func rawCaller() caller[chan result] {
	return caller[chan result]{
		begin: func(ctx context.Context, f task) chan result {
			ch := make(chan result, 1)
			go func() {
				v, err := f.ctx(ctx)
				ch <- result{v, err}
			}()
			return ch
		},
		wait: func(ctx context.Context, ch chan result) (int, error) {
			if ctx == bg {
				r := <-ch
				return r.v, r.err
			}
			select {
			case r := <-ch:
				return r.v, r.err
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		},
	}
}

// floorCaller is a goroutine that completes a promise and recovers from a panic.
func floorCaller() caller[*handPromise] {
	return caller[*handPromise]{
		begin: func(ctx context.Context, f task) *handPromise {
			p := new(handPromise)
			p.begin(ctx)
			go p.run(ctx, f.ctx)
			return p
		},
		wait: func(ctx context.Context, p *handPromise) (int, error) { return p.await(ctx) },
	}
}

// asyncCaller makes a new call each time.
func asyncCaller() caller[*async.Call[int]] {
	return caller[*async.Call[int]]{
		begin: func(ctx context.Context, f task) *async.Call[int] { return async.Go(ctx, f.ctx) },
		wait:  func(ctx context.Context, c *async.Call[int]) (int, error) { return c.Await(ctx) },
	}
}

// asyncFinisher has one object for one call after the other.
func asyncFinisher() caller[*async.Call[int]] {
	c := new(async.Call[int])
	return caller[*async.Call[int]]{
		begin: func(ctx context.Context, f task) *async.Call[int] {
			if err := c.Begin(ctx, f.ctx); err != nil {
				return async.Ready(0, err)
			}
			return c
		},
		wait: func(ctx context.Context, c *async.Call[int]) (int, error) {
			if err := c.Wait(ctx); err != nil {
				return 0, err
			}
			return c.Finish()
		},
	}
}

// asyncScoped runs calls in a scope. A limit of 0 is no limit.
func asyncScoped(limit int) caller[*async.Call[int]] {
	s := async.NewScope(async.ScopeOptions{Limit: limit})
	c := asyncCaller()
	c.begin = func(ctx context.Context, f task) *async.Call[int] { return async.Go(ctx, f.ctx, s) }
	c.end = func() { _ = s.Shutdown(bg) }
	return c
}

// A grouped call is a group of one.
type grouped struct {
	errgroup.Group
	v int
}

func errgroupCaller() caller[*grouped] {
	return caller[*grouped]{
		begin: func(ctx context.Context, f task) *grouped {
			g := new(grouped)
			g.Go(func() (err error) {
				g.v, err = f.ctx(ctx)
				return err
			})
			return g
		},
		wait: func(_ context.Context, g *grouped) (int, error) {
			err := g.Wait()
			return g.v, err
		},
	}
}

// A pooled call is a pool for one task.
type pooled = *pool.ResultErrorPool[int]

func concCaller() caller[pooled] {
	return caller[pooled]{
		begin: func(_ context.Context, f task) pooled {
			p := pool.NewWithResults[int]().WithErrors()
			p.Go(f.plain)
			return p
		},
		wait: func(_ context.Context, p pooled) (int, error) {
			vs, err := p.Wait()
			if err != nil {
				return 0, err
			}
			return vs[0], nil
		},
	}
}

// pondCaller has a pool. A limit of 0 is no limit.
func pondCaller(limit int) caller[pond.ResultTask[int]] {
	p := pond.NewResultPool[int](limit)
	return caller[pond.ResultTask[int]]{
		begin: func(_ context.Context, f task) pond.ResultTask[int] { return p.SubmitErr(f.plain) },
		wait:  func(_ context.Context, t pond.ResultTask[int]) (int, error) { return t.Wait() },
		end:   p.StopAndWait,
	}
}

// antsPool makes a pool. A size of -1 is no limit.
func antsPool(size int) *ants.Pool {
	p, err := ants.NewPool(size)
	if err != nil {
		panic(err)
	}
	return p
}

// antsCaller sends the result by a channel, because the pool has no results.
func antsCaller() caller[chan result] {
	p := antsPool(-1)
	c := rawCaller()
	c.begin = func(_ context.Context, f task) chan result {
		ch := make(chan result, 1)
		if err := p.Submit(func() {
			v, err := f.plain()
			ch <- result{v, err}
		}); err != nil {
			ch <- result{0, err}
		}
		return ch
	}
	c.end = p.Release
	return c
}

func moCaller() caller[*mo.Future[int]] {
	return caller[*mo.Future[int]]{
		begin: func(_ context.Context, f task) *mo.Future[int] { return moFuture(f.plain) },
		wait:  func(_ context.Context, f *mo.Future[int]) (int, error) { return f.Collect() },
	}
}

func moFuture(f func() (int, error)) *mo.Future[int] {
	return mo.NewFuture(func(resolve func(int), reject func(error)) {
		if v, err := f(); err != nil {
			reject(err)
		} else {
			resolve(v)
		}
	})
}

// moPromise takes the function that resolves a future out of the future. A future
// always has a goroutine, which brings the function.
func moPromise[T any]() (resolve func(T), f *mo.Future[T]) {
	got := make(chan func(T), 1)
	f = mo.NewFuture(func(resolve func(T), _ func(error)) { got <- resolve })
	return <-got, f
}

func loCaller() caller[<-chan lo.Tuple2[int, error]] {
	return caller[<-chan lo.Tuple2[int, error]]{
		begin: func(_ context.Context, f task) <-chan lo.Tuple2[int, error] { return lo.Async2(f.plain) },
		wait:  func(_ context.Context, ch <-chan lo.Tuple2[int, error]) (int, error) { return (<-ch).Unpack() },
	}
}

// A single is one call of taskgroup that is waited for.
type single = *taskgroup.Single[taskgroup.Result[int]]

func taskgroupCaller() caller[single] {
	return caller[single]{
		begin: func(_ context.Context, f task) single { return taskgroup.Call(f.plain) },
		wait:  func(_ context.Context, s single) (int, error) { return s.Wait().Get() },
	}
}

// failsafeCaller has an executor without policies, which only runs functions.
func failsafeCaller() caller[failsafe.ExecutionResult[int]] {
	e := failsafe.With[int]()
	return caller[failsafe.ExecutionResult[int]]{
		begin: func(ctx context.Context, f task) failsafe.ExecutionResult[int] {
			if ctx != bg {
				return e.WithContext(ctx).GetAsync(f.plain)
			}
			return e.GetAsync(f.plain)
		},
		wait: func(_ context.Context, r failsafe.ExecutionResult[int]) (int, error) { return r.Get() },
	}
}
