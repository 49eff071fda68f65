// What no library gets below.

package bench_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
)

// The runtime's own price for the parts that calls are made of.
func BenchmarkRuntime(b *testing.B) {
	b.Run("raw=atomic-load", func(b *testing.B) {
		f := new(flagged)
		f.done.Store(true)
		oneTight(b, func(n int) (k int) {
			for range n {
				if f.done.Load() {
					k++
				}
			}
			return k
		})
	})
	b.Run("raw=compare-and-swap", func(b *testing.B) {
		var word atomic.Int64
		oneTight(b, func(n int) int {
			for i := range n {
				word.CompareAndSwap(int64(i), int64(i)+1)
			}
			return int(word.Load())
		})
	})
	b.Run("raw=mutex-locked-and-unlocked", func(b *testing.B) {
		var mu sync.Mutex
		oneTight(b, func(n int) (k int) {
			for range n {
				mu.Lock()
				k++
				mu.Unlock()
			}
			return k
		})
	})
	part := func(name string, do func() int) { op(b, name, 1, func(*testing.B) func() int { return do }) }
	part("raw=allocation-of-128-bytes", func() int {
		escape(new([16]int))
		return 1
	})
	part("raw=channel-made", func() int {
		escape(make(chan struct{}))
		return 1
	})
	part("raw=context.WithCancel-canceled", func() int {
		ctx, cancel := context.WithCancel(bg)
		cancel()
		return bit(ctx.Err() != nil)
	})
	part("raw=goroutine-waited-for", func() int {
		var wg sync.WaitGroup
		v := 0
		wg.Go(func() { v = 1 })
		wg.Wait()
		return v
	})
	op(b, "raw=park-and-wake-there-and-back", 1, func(b *testing.B) func() int {
		there, back := make(chan int), make(chan int)
		b.Cleanup(func() { close(there) })
		go func() {
			for v := range there {
				back <- v
			}
		}()
		return func() int {
			there <- 1
			return <-back
		}
	})
}
