// What is made, completed and waited for, without a function to call.

package bench_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/samber/mo"

	"github.com/seed4712c49f/async"
)

// Make something that completes, complete it, see that it is complete. There is one
// goroutine.
//
// Floor: waiters of any kind may come at any moment. An event takes a lock, takes
// the list, publishes the word and gives the lock back. A promise does the same, and
// the first of several completers writes the outcome; one allocation has room for
// what the promise was begun with, its outcome and its handle.
func BenchmarkCreateCheck(b *testing.B) {
	tight := func(name string, life func() bool) {
		b.Run(name, func(b *testing.B) {
			oneCaller(b, 1, func() int { return bit(life()) })
		})
	}
	tight("raw=struct-with-an-atomic", func() bool {
		f := new(flagged)
		escape(f)
		f.v = 1
		f.done.Store(true)
		return f.done.Load()
	})
	tight("raw=struct-and-channel", func() bool {
		f := newBoxed()
		escape(f)
		f.complete(1)
		return checkChannel(f.done, 1) == 1
	})
	tight("floor=event", func() bool {
		e := new(handEvent)
		escape(e)
		e.set()
		return e.isSet()
	})
	tight("floor=promise", func() bool {
		p := new(handPromise)
		p.begin(bg)
		escape(p)
		p.complete(1, nil)
		return p.isSet()
	})
	tight("async=Event", func() bool {
		e := new(async.Event)
		escape(e)
		e.Set()
		return e.IsSet()
	})
	tight("async=Promise", func() bool {
		p, c := async.NewPromise[int](bg)
		escape(c)
		p.Complete(1, nil)
		return c.IsDone()
	})
	tight("context=WithCancel", func() bool {
		ctx, cancel := context.WithCancel(bg)
		cancel()
		return ctx.Err() != nil
	})
}

// Make something that completes, complete it with a value, wait for the value. There
// is one goroutine.
func BenchmarkCreateWait(b *testing.B) {
	b.Run("raw=channel-with-one-slot", func(b *testing.B) {
		oneCaller(b, 1, func() int {
			ch := make(chan result, 1)
			escape(ch)
			ch <- result{1, nil}
			return (<-ch).v
		})
	})
	b.Run("raw=struct-and-channel", func(b *testing.B) {
		oneCaller(b, 1, func() int {
			f := newBoxed()
			escape(f)
			f.complete(1)
			<-f.done
			return f.v
		})
	})
	b.Run("async=Promise", func(b *testing.B) {
		oneCaller(b, 1, func() int {
			p, c := async.NewPromise[int](bg)
			escape(c)
			p.Complete(1, nil)
			return value(c.Await(bg))
		})
	})
}

// The same where the wait, and the promise, end with a context that can end.
//
// Floor: a promise that ends with a context needs one registration at the context,
// which the completion takes back. Package context has one way to register, by
// AfterFunc: it allocates the registration, the function, and the function that
// takes the registration back.
func BenchmarkPromiseContext(b *testing.B) {
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	op(b, "raw=select-with-the-context", 1, func(*testing.B) func() int {
		return func() int {
			f := newBoxed()
			escape(f)
			f.complete(1)
			select {
			case <-f.done:
				return f.v
			case <-ctx.Done():
				return 0
			}
		}
	})
	op(b, "floor=promise-and-AfterFunc", 1, func(*testing.B) func() int {
		return func() int {
			p := new(handPromise)
			p.bind(ctx)
			p.complete(1, nil)
			return value(p.await(ctx))
		}
	})
	op(b, "async=Promise", 1, func(*testing.B) func() int {
		return func() int {
			p, c := async.NewPromise[int](ctx)
			escape(c)
			p.Complete(1, nil)
			return value(c.Await(ctx))
		}
	})
	op(b, "context=WithCancel", 1, func(*testing.B) func() int {
		return func() int {
			child, done := context.WithCancel(ctx)
			v := 1
			done()
			<-child.Done()
			return v
		}
	})
}

// A goroutine makes something that completes and hands it to another, which lives
// on and completes it with a value. The first waits.
//
// Floor: the first of several completers writes the outcome, and one allocation has
// room for the outcome, for what the promise was begun with and for its handle.
// Goroutines, parks and wakes are the runtime's.
func BenchmarkPromise(b *testing.B) { handoffs(b, oneCaller, 1, 0) }

// The same by all cores at once.
func BenchmarkPromiseAllCores(b *testing.B) {
	handoffs(b, allCores, runtime.GOMAXPROCS(0), 0)
}

// The same where the completer first yields the processor four times, so that the
// waiter has to park.
func BenchmarkPromiseLate(b *testing.B) { handoffs(b, oneCaller, 1, lateYields) }

func handoffs(b *testing.B, run runner, completers, yields int) {
	b.Run("raw=channel-with-one-slot", func(b *testing.B) {
		handoff(b, run, completers, yields,
			func() (chan result, chan result) {
				ch := make(chan result, 1)
				return ch, ch
			},
			func(ch chan result) { ch <- result{1, nil} },
			func(ch chan result) int { return (<-ch).v })
	})
	b.Run("raw=struct-and-channel", func(b *testing.B) {
		handoff(b, run, completers, yields,
			func() (*boxed, *boxed) {
				f := newBoxed()
				return f, f
			},
			func(f *boxed) { f.complete(1) },
			func(f *boxed) int {
				<-f.done
				return f.v
			})
	})
	b.Run("floor=promise", func(b *testing.B) {
		handoff(b, run, completers, yields,
			func() (*handPromise, *handPromise) {
				p := new(handPromise)
				p.begin(bg)
				return p, p
			},
			func(p *handPromise) { p.complete(1, nil) },
			func(p *handPromise) int { return value(p.await(bg)) })
	})
	b.Run("async=Promise", func(b *testing.B) {
		handoff(b, run, completers, yields,
			func() (*async.Promise[int], *async.Call[int]) { return async.NewPromise[int](bg) },
			func(p *async.Promise[int]) { p.Complete(1, nil) },
			func(c *async.Call[int]) int { return value(c.Await(bg)) })
	})
	b.Run("ants=worker-and-channel", func(b *testing.B) {
		p := antsPool(completers)
		defer p.Release()
		run(b, 1, func() int {
			ch := make(chan result, 1)
			if p.Submit(func() { yield(yields); ch <- result{1, nil} }) != nil {
				return 0
			}
			return (<-ch).v
		})
	})
	b.Run("mo=Future", func(b *testing.B) {
		handoff(b, run, completers, yields, moPromise[int],
			func(resolve func(int)) { resolve(1) },
			func(f *mo.Future[int]) int { return value(f.Collect()) })
	})
}

// handoff has goroutines that complete what others make and wait for.
func handoff[P, C any](b *testing.B, run runner, completers, yields int, open func() (P, C), complete func(P), wait func(C) int) {
	work := make(chan P)
	b.Cleanup(func() { close(work) })
	for range completers {
		go func() {
			for p := range work {
				yield(yields)
				complete(p)
			}
		}()
	}
	run(b, 1, func() int {
		p, c := open()
		work <- p
		return wait(c)
	})
}
