// Runs that are shared by those who ask for the same key.

package bench_test

import (
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/singleflight"
	resenje "resenje.org/singleflight"

	"github.com/seed4712c49f/async"
)

// shared asks for a key, and runs f where nobody else asks for it.
type shared func(key string, f task) (int, error)

var sharers = []struct {
	name string
	open func() shared
}{
	{"raw=mutex-and-map", func() shared {
		g := new(byHand[string, int])
		return func(key string, f task) (int, error) { return g.do(key, f.plain) }
	}},
	{"floor=map-and-goroutine", func() shared { return new(handGroup[string]).do }},
	{"async=Group", func() shared {
		g := new(async.Group[string, int])
		return func(key string, f task) (int, error) {
			v, err, _ := g.Do(bg, key, f.ctx)
			return v, err
		}
	}},
	{"singleflight=Group", func() shared {
		g := new(singleflight.Group)
		return func(key string, f task) (int, error) {
			v, err, _ := g.Do(key, func() (any, error) { return f.plain() })
			n, _ := v.(int)
			return n, err
		}
	}},
	{"resenje=Group", func() shared {
		g := new(resenje.Group[string, int])
		return func(key string, f task) (int, error) {
			v, _, err := g.Do(bg, key, f.ctx)
			return v, err
		}
	}},
}

// Eight goroutines a core ask for the same key, again and again. The run yields a
// few times, so that others join it.
//
// Floor: any caller may leave a run to the others, the first one too. So a run has a
// goroutine of its own, with panics caught, and all callers wait for it.
func BenchmarkHotKey(b *testing.B) {
	for _, s := range sharers {
		b.Run(s.name, func(b *testing.B) {
			do := s.open()
			b.ReportAllocs()
			b.ResetTimer()
			check(b, workers(8*runtime.GOMAXPROCS(0), b.N, func(n int) (sum int) {
				for range n {
					sum += value(do("key", late))
				}
				return sum
			}), b.N)
		})
	}
}

// Every ask is for a key that nobody else asks for, and runs a trivial function.
//
// Floor: the caller of a run may leave before its end. So even a run that nobody joins has
// a goroutine of its own, with panics caught, and its caller waits for it.
func BenchmarkDistinctKeys(b *testing.B) { distinctKeys(b, oneTight) }

// The same by all cores at once.
func BenchmarkDistinctKeysAllCores(b *testing.B) { distinctKeys(b, allTight) }

func distinctKeys(b *testing.B, run tightRunner) {
	for _, s := range sharers {
		b.Run(s.name, func(b *testing.B) {
			do := s.open()
			var asked atomic.Int64
			run(b, func(n int) (k int) {
				// What another core asks for at this moment has another prefix.
				prefix := strconv.FormatInt(asked.Add(1), 10) + " "
				keys := make([]string, min(n, 256))
				for i := range keys {
					keys[i] = prefix + strconv.Itoa(i)
				}
				for i := range n {
					k += value(do(keys[i%len(keys)], trivial))
				}
				return k
			})
		})
	}
}

// byHand shares runs and knows neither contexts nor panics: what a program has that
// needs no more.
type byHand[K comparable, V any] struct {
	mu   sync.Mutex
	runs map[K]*handRun[V]
}

type handRun[V any] struct {
	done sync.WaitGroup
	v    V
	err  error
}

func (g *byHand[K, V]) do(key K, f func() (V, error)) (V, error) {
	g.mu.Lock()
	if r := g.runs[key]; r != nil {
		g.mu.Unlock()
		r.done.Wait()
		return r.v, r.err
	}
	r := new(handRun[V])
	r.done.Add(1)
	if g.runs == nil {
		g.runs = map[K]*handRun[V]{}
	}
	g.runs[key] = r
	g.mu.Unlock()
	r.v, r.err = f()
	g.mu.Lock()
	delete(g.runs, key)
	g.mu.Unlock()
	r.done.Done()
	return r.v, r.err
}
