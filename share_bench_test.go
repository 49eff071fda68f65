package async_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sync/singleflight"

	"github.com/seed4712c49f/async"
)

// One caller at a time. The yardstick is singleflight: its DoChan beside a select,
// which is what a caller needs who can leave; and its Do, which runs the function
// on the caller's own goroutine, so that he cannot.
func BenchmarkGroupDo(b *testing.B) {
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	f := func(context.Context) (int, error) { return 1, nil }
	var sf singleflight.Group
	var g async.Group[string, int]
	inline := func(n int) {
		for range n {
			_, _, _ = sf.Do("key", func() (any, error) { return f(ctx) })
		}
	}
	leavable := func(n int) {
		for range n {
			select {
			case <-sf.DoChan("key", func() (any, error) { return f(ctx) }):
			case <-ctx.Done():
			}
		}
	}
	ours := func(ctx context.Context) func(n int) {
		return func(n int) {
			for range n {
				_, _, _ = g.Do(ctx, "key", f)
			}
		}
	}
	b.Run("alone/beside DoChan", func(b *testing.B) { versus(b, leavable, ours(ctx)) })
	b.Run("alone/beside Do", func(b *testing.B) { versus(b, inline, ours(ctx)) })
	b.Run("alone/background, beside Do", func(b *testing.B) { versus(b, inline, ours(bg)) })
}

// Eight callers of one key at the same time, whose function gives way so often
// that they meet; each asks again and again.
func BenchmarkGroupShared(b *testing.B) {
	const callers = 8
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	slow := func(context.Context) (int, error) {
		for range 2 * callers {
			runtime.Gosched()
		}
		return 1, nil
	}
	crowd := func(f func(n int)) func(n int) {
		return func(n int) {
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() { f(n/callers + 1) })
			}
			wg.Wait()
		}
	}
	var sf singleflight.Group
	var g async.Group[string, int]
	inline := crowd(func(n int) {
		for range n {
			_, _, _ = sf.Do("key", func() (any, error) { return slow(ctx) })
		}
	})
	leavable := crowd(func(n int) {
		for range n {
			select {
			case <-sf.DoChan("key", func() (any, error) { return slow(ctx) }):
			case <-ctx.Done():
			}
		}
	})
	ours := func(ctx context.Context) func(n int) {
		return crowd(func(n int) {
			for range n {
				_, _, _ = g.Do(ctx, "key", slow)
			}
		})
	}
	b.Run("beside DoChan", func(b *testing.B) { versus(b, leavable, ours(ctx)) })
	b.Run("beside Do", func(b *testing.B) { versus(b, inline, ours(ctx)) })
	b.Run("background, beside Do", func(b *testing.B) { versus(b, inline, ours(bg)) })
}

// The yardstick is sync.OnceValue.
func BenchmarkLazyGet(b *testing.B) {
	once := sync.OnceValue(func() int { return 1 })
	lazy := async.NewLazy(value(1, nil))
	_, _ = lazy.Get(bg)
	raw := func(n int) {
		k := 0
		for range n {
			k += once()
		}
		keep(k)
	}
	ours := func(n int) {
		k := 0
		for range n {
			v, _ := lazy.Get(bg)
			k += v
		}
		keep(k)
	}
	b.Run("ready", func(b *testing.B) { versus(b, raw, ours) })
	b.Run("ready/all cores", func(b *testing.B) { versus(b, inParallel(raw), inParallel(ours)) })
}
