// Callbacks, handles, and what becomes of a call or a wait that is given up.

package bench_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed4712c49f/async"
)

// Make something that completes, register a function, complete it. The function runs
// in a goroutine of its own.
//
// Floor: an event, a registration that can be taken back and the function that does
// so are three allocations. The rest is the goroutine.
func BenchmarkCallback(b *testing.B) {
	ran := make(chan int)
	f := func() { ran <- 1 }
	called := func(name string, complete func()) {
		op(b, name, 1, func(*testing.B) func() int {
			return func() int {
				complete()
				return <-ran
			}
		})
	}
	called("raw=struct-and-go", func() {
		s := new(flagged)
		escape(s)
		s.done.Store(true)
		go f()
	})
	called("floor=event-and-registration", func() {
		e := new(handEvent)
		escape(e.after(f))
		e.set()
	})
	called("async=AfterFunc", func() {
		e := new(async.Event)
		async.AfterFunc(e, f)
		e.Set()
	})
	called("context=AfterFunc", func() {
		ctx, cancel := context.WithCancel(bg)
		context.AfterFunc(ctx, f)
		cancel()
	})
}

// The same with a function that the completer itself calls.
func BenchmarkCallbackInline(b *testing.B) {
	op(b, "raw=struct-and-function", 1, func(*testing.B) func() int {
		return func() int {
			got := 0
			s := &struct {
				flagged
				f func()
			}{f: func() { got++ }}
			escape(s)
			s.v = 1
			s.done.Store(true)
			s.f()
			return got
		}
	})
	op(b, "async=OnSignal", 1, func(*testing.B) func() int {
		return func() int {
			got := 0
			p, _ := async.NewPromise[int](bg, async.OnSignal(func() { got++ })) //asyncvet:ignore unreleased: no rival gives anything back
			p.Complete(1, nil)
			return got
		}
	})
}

// Register a function on something that lives on, and take the function back.
func BenchmarkCallbackStopped(b *testing.B) {
	f := func() {}
	op(b, "raw=mutex-and-map", 1, func(*testing.B) func() int { return registersInMap(f) })
	op(b, "async=AfterFunc", 1, func(*testing.B) func() int {
		e := new(async.Event)
		return func() int { return bit(async.AfterFunc(e, f)()) }
	})
	op(b, "context=AfterFunc", 1, func(b *testing.B) func() int {
		ctx, cancel := context.WithCancel(bg)
		b.Cleanup(cancel)
		return func() int { return bit(context.AfterFunc(ctx, f)()) }
	})
}

// registersInMap keeps functions in a map, from which each can be taken back.
func registersInMap(f func()) func() int {
	var mu sync.Mutex
	funcs := map[*int]func(){}
	return func() int {
		key := new(int)
		mu.Lock()
		funcs[key] = f
		mu.Unlock()
		mu.Lock()
		defer mu.Unlock()
		there := funcs[key] != nil
		delete(funcs, key)
		return bit(there)
	}
}

// Functions registered on one pending thing. The bytes are those of one function.
func BenchmarkCallbackBytes(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		var funcs []func()
		registered(b, "raw=slice-of-functions", n, func(f func()) { funcs = append(funcs, f) }, func() {
			for _, f := range funcs {
				go f()
			}
			funcs = nil
		})
		var e *async.Event
		registered(b, "async=AfterFunc", n, func(f func()) {
			if e == nil {
				e = new(async.Event)
			}
			async.AfterFunc(e, f)
		}, func() {
			e.Set()
			e = nil
		})
		ctx, cancel := context.WithCancel(bg)
		registered(b, "context=AfterFunc", n, func(f func()) { context.AfterFunc(ctx, f) }, func() {
			cancel()
			ctx, cancel = context.WithCancel(bg)
		})
		cancel()
	}, manyHeld)
}

// registered is a case that registers n functions and has them run.
func registered(b *testing.B, name string, n int, register func(f func()), complete func()) {
	ran := make(chan struct{}, n)
	f := func() { ran <- struct{}{} }
	held(b, name, n, func(*testing.B) func() int {
		for range n {
			register(f)
		}
		return func() int {
			complete()
			for range n {
				<-ran
			}
			return n
		}
	})
}

// Clone a counted handle and release the clone. No other library has this. Raw Go
// allocates 16 bytes.
//
// Floor: a count that must not rise again from none goes up by compare-and-swap and
// down by another step, and the handle marks that it was given up, all on one word of
// memory that all cores share.
func BenchmarkClone(b *testing.B) { clones(b, oneTight) }

// The same by all cores at once.
func BenchmarkCloneAllCores(b *testing.B) { clones(b, allTight) }

func clones(b *testing.B, run tightRunner) {
	b.Run("raw=16-bytes-allocated", func(b *testing.B) {
		run(b, func(n int) int {
			for range n {
				escape(&[2]int{n, 1})
			}
			return n
		})
	})
	b.Run("floor=handle-and-count", func(b *testing.B) {
		h := &handClone{on: new(handCount)}
		h.on.refs.Store(1)
		run(b, func(n int) (k int) {
			for range n {
				c := h.clone()
				escape(c)
				k += bit(!c.release())
			}
			return k
		})
	})
	p, c := async.NewPromise[int](bg)
	defer p.Break()
	b.Run("async=Signal", func(b *testing.B) {
		s := c.Signal()
		run(b, func(n int) int {
			for range n {
				s.Clone().Release()
			}
			return n
		})
	})
	b.Run("async=Call", func(b *testing.B) {
		run(b, func(n int) int {
			for range n {
				c.Clone().Release()
			}
			return n
		})
	})
}

// Begin a call, give it up, and dispose of the result that comes late, once. The
// function waits at a gate until it has been given up.
func BenchmarkAbandon(b *testing.B) {
	abandon := func(name string, do func(gate chan struct{}, disposed chan int)) {
		op(b, name, 1, func(*testing.B) func() int {
			return func() int {
				gate, disposed := make(chan struct{}), make(chan int)
				do(gate, disposed)
				close(gate)
				return <-disposed
			}
		})
	}
	// An atomic decides who has the result: the waiter that takes it, or the function
	// that finds nobody there.
	abandon("raw=both-sides-swap-a-flag", func(gate chan struct{}, disposed chan int) {
		var left atomic.Bool
		ch := make(chan result, 1)
		go func() {
			<-gate
			r := result{1, nil}
			if left.Swap(true) {
				disposed <- r.v
				return
			}
			ch <- r
		}()
		if left.Swap(true) {
			go func() { disposed <- (<-ch).v }() // the result came before
		}
	})
	abandon("raw=goroutine-that-drains", func(gate chan struct{}, disposed chan int) {
		ch := make(chan result, 1)
		go func() {
			<-gate
			ch <- result{1, nil}
		}()
		go func() { disposed <- (<-ch).v }()
	})
	abandon("async=Release-Discard", func(gate chan struct{}, disposed chan int) {
		c := async.Go(bg, func(context.Context) (int, error) {
			<-gate
			return 1, nil
		}, async.Discard(func(v int, _ error) { disposed <- v }))
		c.Release()
	})
}

// Wait for what is pending with a context that is over, and leave nothing behind.
func BenchmarkWaitGivenUp(b *testing.B) {
	ctx, cancel := context.WithCancel(bg)
	cancel()
	never := make(chan result)
	op(b, "raw=select-with-the-context", 1, func(*testing.B) func() int {
		return func() int {
			select {
			case <-never:
				return 0
			case <-ctx.Done():
				return bit(ctx.Err() != nil)
			}
		}
	})
	p, c := async.NewPromise[int](bg)
	defer p.Break()
	op(b, "async=Await", 1, func(*testing.B) func() int {
		return func() int {
			_, err := c.Await(ctx)
			return bit(err != nil)
		}
	})
}
