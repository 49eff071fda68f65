// Many calls at once: one call for each input, without a limit and under one.

package bench_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alitto/pond/v2"
	"github.com/creachadair/taskgroup"
	"github.com/panjf2000/ants/v2"
	"github.com/samber/lo/parallel"
	"github.com/samber/mo"
	"github.com/sourcegraph/conc/iter"
	"github.com/sourcegraph/conc/pool"
	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// Call a trivial function for each of many inputs, every one in a goroutine of its
// own, and collect values and errors in the order of the inputs.
//
// Floor: each call has a handle, and can be waited for, looked at and canceled by
// itself. Its panic belongs to the reader of its result. So beside the goroutine
// there are a promise and a function that recovers.
func BenchmarkFanOut(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		in := numbers(n)
		op := func(name string, do func() int) {
			b.Run(name, func(b *testing.B) { oneCaller(b, n, do) })
		}
		op("raw=slices-and-WaitGroup", func() int { return rawFanOut(in) })
		op("floor=promises-with-panics-caught", func() int { return floorFanOut(in) })
		op("async=GoEach-All", func() int { return inOrderOf(async.GoEach(bg, in, identityContext).All(bg)) })
		op("async=Go-and-Await-each", func() int { return asyncFanOut(in) })
		op("errgroup=Group", func() int {
			vs := make([]int, n)
			var g errgroup.Group
			for i := range in {
				g.Go(func() (err error) {
					vs[i], err = identity(in[i])
					return err
				})
			}
			return inOrderOf(vs, g.Wait())
		})
		m := iter.Mapper[int, int]{MaxGoroutines: n} // as many goroutines as all others have
		op("conc=iter.MapErr", func() int {
			return inOrderOf(m.MapErr(in, func(i *int) (int, error) { return identity(*i) }))
		})
		ponds := pond.NewResultPool[int](0)
		defer ponds.StopAndWait()
		op("pond=group", func() int {
			g := ponds.NewGroup()
			for i := range in {
				g.SubmitErr(func() (int, error) { return identity(in[i]) })
			}
			return inOrderOf(g.Wait())
		})
		p := antsPool(-1)
		defer p.Release()
		op("ants=pool-and-WaitGroup", func() int {
			vs, errs := make([]int, n), make([]error, n)
			antsEach(p, n, func(i int) { vs[i], errs[i] = identity(in[i]) })
			return inOrder(vs, errs...)
		})
		op("mo=Future", func() int { return moFanOut(in) })
		op("lo=parallel.Map", func() int { return loFanOut(in) })
		op("taskgroup=Group", func() int {
			vs := make([]int, n)
			g := taskgroup.New(nil)
			for i := range in {
				g.Go(func() (err error) {
					vs[i], err = identity(in[i])
					return err
				})
			}
			return inOrderOf(vs, g.Wait())
		})
	}, 10, 1000, 100_000)
}

// inOrderOf is inOrder for values that come with one error.
func inOrderOf(vs []int, err error) int { return inOrder(vs, err) }

func identityContext(_ context.Context, i int) (int, error) { return identity(i) }

func rawFanOut(in []int) int {
	vs, errs := make([]int, len(in)), make([]error, len(in))
	var wg sync.WaitGroup
	for i := range in {
		wg.Go(func() { vs[i], errs[i] = identity(in[i]) })
	}
	wg.Wait()
	return inOrder(vs, errs...)
}

// floorFanOut keeps the inputs, which are the caller's, and has a handle for each
// call. The completers say when all are complete.
func floorFanOut(own []int) int {
	in := slices.Clone(own)
	promises, handles := make([]handPromise, len(in)), make([]*handHandle, len(in))
	for i := range promises {
		promises[i].begin(bg)
		handles[i] = &promises[i].handle
	}
	var done sync.WaitGroup
	var started atomic.Int64
	done.Add(len(in))
	work := func() { // one for all: a go statement of it allocates nothing
		defer done.Done()
		i := started.Add(1) - 1
		promises[i].run(bg, func(context.Context) (int, error) { return identity(in[i]) })
	}
	for range in {
		go work()
	}
	done.Wait()
	vs := make([]int, len(in))
	for i, h := range handles {
		p := h.p.Load()
		if !p.isSet() || p.err != nil {
			return 0
		}
		vs[i] = p.v
	}
	return inOrder(vs)
}

func asyncFanOut(in []int) int {
	calls := make([]*async.Call[int], len(in))
	for i := range in {
		calls[i] = async.Go(bg, func(context.Context) (int, error) { return identity(in[i]) })
	}
	vs := make([]int, len(in))
	for i, c := range calls {
		vs[i] = value(c.Await(bg))
	}
	return inOrder(vs)
}

func moFanOut(in []int) int {
	futures := make([]*mo.Future[int], len(in))
	for i := range in {
		futures[i] = moFuture(func() (int, error) { return identity(in[i]) })
	}
	vs := make([]int, len(in))
	for i, f := range futures {
		vs[i] = value(f.Collect())
	}
	return inOrder(vs)
}

func loFanOut(in []int) int {
	rs := parallel.Map(in, func(i, _ int) result {
		v, err := identity(i)
		return result{v, err}
	})
	vs := make([]int, len(in))
	for i, r := range rs {
		vs[i] = value(r.v, r.err)
	}
	return inOrder(vs)
}

// antsEach runs f for each of the numbers below n and waits for all.
func antsEach(p *ants.Pool, n int, f func(int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		if p.Submit(func() {
			f(i)
			wg.Done()
		}) != nil {
			return // the missing values are noticed
		}
	}
	wg.Wait()
}

// atOnce is how many calls run at the same time under a limit.
const atOnce = 4

// Begin many calls of which four run at a time, and collect their values in order.
// How many run at a time is checked.
func BenchmarkLimit(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		in := numbers(n)
		limited := func(name string, run func(g *gauge, vs []int) error) {
			b.Run(name, func(b *testing.B) {
				oneCaller(b, n, func() int {
					vs := make([]int, n)
					return inOrderOf(vs, run(&gauge{limit: atOnce}, vs))
				})
			})
		}
		limited("raw=semaphore", func(g *gauge, vs []int) error {
			slots := make(chan struct{}, atOnce)
			var wg sync.WaitGroup
			for i := range vs {
				slots <- struct{}{}
				wg.Go(func() {
					vs[i] = g.value(i)
					<-slots
				})
			}
			wg.Wait()
			return nil
		})
		limited("async=Scope", func(g *gauge, vs []int) error {
			s := async.NewScope(async.ScopeOptions{Limit: atOnce})
			all, err := async.GoEach(bg, in, func(_ context.Context, i int) (int, error) { return g.value(i), nil }, s).All(bg)
			copy(vs, all)
			return err
		})
		limited("errgroup=SetLimit", func(g *gauge, vs []int) error {
			var group errgroup.Group
			group.SetLimit(atOnce)
			for i := range vs {
				group.Go(func() error { vs[i] = g.value(i); return nil })
			}
			return group.Wait()
		})
		limited("conc=pool", func(g *gauge, vs []int) error {
			p := pool.New().WithMaxGoroutines(atOnce)
			for i := range vs {
				p.Go(func() { vs[i] = g.value(i) })
			}
			p.Wait()
			return nil
		})
		limited("pond=pool", func(g *gauge, vs []int) error {
			p := pond.NewResultPool[int](atOnce)
			defer p.StopAndWait()
			group := p.NewGroup()
			for i := range vs {
				group.Submit(func() int { return g.value(i) })
			}
			all, err := group.Wait()
			copy(vs, all)
			return err
		})
		limited("ants=pool", func(g *gauge, vs []int) error {
			p := antsPool(atOnce)
			defer p.Release()
			antsEach(p, n, func(i int) { vs[i] = g.value(i) })
			return nil
		})
		limited("taskgroup=Limit", func(g *gauge, vs []int) error {
			group, start := taskgroup.New(nil).Limit(atOnce)
			for i := range vs {
				start.Run(func() { vs[i] = g.value(i) })
			}
			return group.Wait()
		})
	}, 100, 10_000, 100_000)
}

// Calls that wait behind a limit to start. Where the beginning blocks, each call is
// begun by a goroutine of its own. The bytes are those of one call.
func BenchmarkQueuedBytes(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		held(b, "raw=goroutine-at-a-semaphore", n, func(*testing.B) func() int {
			slots := make(chan struct{}, 1)
			return queuesBlocking(n, func(f func()) {
				slots <- struct{}{}
				f()
				<-slots
			})
		})
		held(b, "errgroup=goroutine-in-Go", n, func(*testing.B) func() int {
			var g errgroup.Group
			g.SetLimit(1)
			return queuesBlocking(n, func(f func()) {
				done := make(chan struct{})
				g.Go(func() error { f(); close(done); return nil })
				<-done
			})
		})
		held(b, "async=Scope", n, func(b *testing.B) func() int { return queues(b, asyncScoped(1), n) })
		held(b, "pond=pool", n, func(b *testing.B) func() int { return queues(b, pondCaller(1), n) })
	}, manyHeld)
}

func queues(b *testing.B, c calls, n int) (finish func() int) {
	b.Cleanup(c.close)
	return c.queued(n)
}

// queuesBlocking keeps n calls behind a limit of one, which run blocks at.
func queuesBlocking(n int, run func(f func())) (finish func() int) {
	gate := make(chan struct{})
	var started, done sync.WaitGroup
	var sum atomic.Int64
	started.Add(n)
	for range n {
		done.Go(func() {
			started.Done()
			run(func() { <-gate; sum.Add(1) })
		})
	}
	started.Wait()
	return func() int {
		close(gate)
		done.Wait()
		return int(sum.Load())
	}
}
