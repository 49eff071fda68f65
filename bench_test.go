package async_test

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/seed4712c49f/async"
)

// Benchmarks, each beside the rival that does the same work in plain Go.

// versus measures ours against a yardstick written by hand in raw Go. The two
// take turns, in short slices, so that whatever slows the machine down slows both;
// the figure to read is "x-raw", the median of the ratios of neighboring slices.
// Each function does its operation n times.
func versus(b *testing.B, raw, ours func(n int)) {
	b.ReportAllocs()
	const turns = 15
	n := max(b.N/turns, 1)
	raw(n) // warm
	ours(n)
	ratios := make([]float64, turns)
	var total time.Duration
	b.ResetTimer()
	for i := range ratios {
		b.StopTimer()
		start := time.Now()
		raw(n)
		yardstick := time.Since(start)
		b.StartTimer()
		start = time.Now()
		ours(n)
		took := time.Since(start)
		total += took
		ratios[i] = float64(took) / float64(max(yardstick, 1))
	}
	b.StopTimer()
	slices.Sort(ratios)
	b.ReportMetric(ratios[turns/2], "x-raw")
}

// inParallel has every processor do an operation n times.
func inParallel(f func(n int)) func(n int) {
	return func(n int) {
		var wg sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() { f(n) })
		}
		wg.Wait()
	}
}

// sink keeps what is computed from being optimized away.
var sink atomic.Int64

func keep(n int) { sink.Store(int64(n)) }

func BenchmarkIsSet(b *testing.B) {
	var flag atomic.Bool
	flag.Store(true)
	var e async.Event
	e.Set()
	c := async.Ready(1, nil)
	raw := func(n int) {
		k := 0
		for range n {
			if flag.Load() {
				k++
			}
		}
		keep(k)
	}
	event := func(n int) {
		k := 0
		for range n {
			if e.IsSet() {
				k++
			}
		}
		keep(k)
	}
	call := func(n int) {
		k := 0
		for range n {
			if c.IsDone() {
				k++
			}
		}
		keep(k)
	}
	b.Run("event", func(b *testing.B) { versus(b, raw, event) })
	b.Run("call", func(b *testing.B) { versus(b, raw, call) })
	b.Run("event/all cores", func(b *testing.B) { versus(b, inParallel(raw), inParallel(event)) })
	b.Run("call/all cores", func(b *testing.B) { versus(b, inParallel(raw), inParallel(call)) })
}

// The yardstick is a receive from a closed channel.
func BenchmarkWaitComplete(b *testing.B) {
	closed := make(chan int)
	close(closed)
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	var e async.Event
	e.Set()
	c := async.Ready(1, nil)
	raw := func(n int) {
		k := 0
		for range n {
			k += <-closed
		}
		keep(k)
	}
	for name, ours := range map[string]func(n int){
		"event wait": func(n int) {
			for range n {
				_ = e.Wait(ctx)
			}
		},
		"call wait": func(n int) {
			for range n {
				_ = c.Wait(ctx)
			}
		},
		"await": func(n int) {
			k := 0
			for range n {
				v, _ := c.Await(ctx)
				k += v
			}
			keep(k)
		},
	} {
		b.Run(name, func(b *testing.B) { versus(b, raw, ours) })
		b.Run(name+"/all cores", func(b *testing.B) { versus(b, inParallel(raw), inParallel(ours)) })
	}
}

// The yardstick is a goroutine and a channel with one slot, for a value and an
// error; it handles neither panic nor Goexit.
func BenchmarkRoundTrip(b *testing.B) {
	type result struct {
		v   int
		err error
	}
	f := func(context.Context) (int, error) { return 1, nil }
	raw := func(n int) {
		for range n {
			ch := make(chan result, 1)
			go func() {
				v, err := f(bg)
				ch <- result{v, err}
			}()
			<-ch
		}
	}
	b.Run("raw", func(b *testing.B) { b.ReportAllocs(); raw(b.N) })
	b.Run("go await", func(b *testing.B) {
		versus(b, raw, func(n int) {
			for range n {
				_, _ = async.Go(bg, f).Await(bg)
			}
		})
	})
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	b.Run("go await with a context", func(b *testing.B) {
		versus(b, func(n int) {
			for range n {
				ch := make(chan result, 1)
				go func() {
					v, err := f(ctx)
					ch <- result{v, err}
				}()
				select {
				case <-ch:
				case <-ctx.Done():
				}
			}
		}, func(n int) {
			for range n {
				_, _ = async.Go(ctx, f).Await(ctx)
			}
		})
	})
	// Here the function gives way so often that the waiter has to park.
	slow := func(context.Context) (int, error) {
		for range 4 {
			runtime.Gosched()
		}
		return 1, nil
	}
	b.Run("go await of work that takes time", func(b *testing.B) {
		versus(b, func(n int) {
			for range n {
				ch := make(chan result, 1)
				go func() {
					v, err := slow(bg)
					ch <- result{v, err}
				}()
				<-ch
			}
		}, func(n int) {
			for range n {
				_, _ = async.Go(bg, slow).Await(bg)
			}
		})
	})
	b.Run("begin finish", func(b *testing.B) {
		var c async.Call[int]
		versus(b, raw, func(n int) {
			for range n {
				_ = c.Begin(bg, f)
				_ = c.Wait(bg)
				_, _ = c.Finish()
			}
		})
	})
}

// The yardstick is a channel with one slot.
func BenchmarkPromise(b *testing.B) {
	b.Run("same goroutine", func(b *testing.B) {
		versus(b, func(n int) {
			for range n {
				ch := make(chan int, 1)
				ch <- 1
				<-ch
			}
		}, func(n int) {
			for range n {
				p, c := async.NewPromise[int](bg)
				p.Complete(1, nil)
				_, _ = c.Await(bg)
			}
		})
	})
	b.Run("another goroutine", func(b *testing.B) {
		chans, promises := make(chan chan int), make(chan *async.Promise[int])
		defer close(chans)
		defer close(promises)
		go func() {
			for ch := range chans {
				ch <- 1
			}
		}()
		go func() {
			for p := range promises {
				p.Complete(1, nil)
			}
		}()
		versus(b, func(n int) {
			for range n {
				ch := make(chan int, 1)
				chans <- ch
				<-ch
			}
		}, func(n int) {
			for range n {
				p, c := async.NewPromise[int](bg)
				promises <- p
				_, _ = c.Await(bg)
			}
		})
	})
}

// The yardstick closes a channel that as many goroutines receive from.
func BenchmarkBroadcast(b *testing.B) {
	for _, waiters := range []int{1, 10, 1000} {
		round := func(wait, release func()) {
			var parked, woken sync.WaitGroup
			parked.Add(waiters)
			for range waiters {
				woken.Go(func() { parked.Done(); wait() })
			}
			parked.Wait()
			release()
			woken.Wait()
		}
		b.Run(fmt.Sprint(waiters), func(b *testing.B) {
			versus(b, func(n int) {
				for range n {
					ch := make(chan struct{})
					round(func() { <-ch }, func() { close(ch) })
				}
			}, func(n int) {
				for range n {
					var e async.Event
					round(func() { _ = e.Wait(bg) }, func() { e.Set() })
				}
			})
		})
	}
}

// From a slice of pending events, wait until the last completes; the yardstick
// does so by reflect.Select from a slice of channels. Each has to bring its
// members into the form that its function takes.
func BenchmarkWaitAny(b *testing.B) {
	for _, size := range []int{2, 8, 64, 1024, 65535} {
		b.Run(fmt.Sprint(size), func(b *testing.B) { waitAny(b, size, 0) })
	}
	// What takes longer than it takes to give way once is waited for in earnest.
	for _, size := range []int{2, 64, 1024} {
		b.Run(fmt.Sprintf("%d and parked", size), func(b *testing.B) { waitAny(b, size, 10) })
	}
}

// waitAny waits for the last of size members, which gives way so often before it
// completes.
func waitAny(b *testing.B, size, yields int) {
	chans := make([]chan struct{}, size)
	for i := range chans {
		chans[i] = make(chan struct{}, 1)
	}
	events := make([]*async.Event, size)
	for i := range events {
		events[i] = new(async.Event)
	}
	last := size - 1
	versus(b, func(n int) {
		for range n {
			go func() {
				for range yields {
					runtime.Gosched()
				}
				chans[last] <- struct{}{}
			}()
			cases := make([]reflect.SelectCase, size)
			for i, ch := range chans {
				cases[i] = reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ch)}
			}
			if i, _, _ := reflect.Select(cases); i != last {
				b.Fatal(i)
			}
		}
	}, func(n int) {
		for range n {
			e := new(async.Event)
			events[last] = e
			go func() {
				for range yields {
					runtime.Gosched()
				}
				e.Set()
			}()
			members := make([]async.Waitable, size)
			for i, e := range events {
				members[i] = e
			}
			if i, err := async.WaitAny(bg, members...); i != last || err != nil {
				b.Fatal(i, err)
			}
		}
	})
}

// The yardstick is one buffered channel that everything is sent to. Members
// complete in random order; making them is not counted.
func BenchmarkSetDrain(b *testing.B) {
	for _, size := range []int{64, 1000, 16384, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			order := permutation(size)
			var took [2]time.Duration
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				events := make([]async.Event, size)
				ch := make(chan int, size)
				runtime.GC()
				start := time.Now()
				go func() {
					for _, i := range order {
						ch <- i
					}
				}()
				for range size {
					<-ch
				}
				took[0] += time.Since(start)
				b.StartTimer()
				start = time.Now()
				var s async.Set[int]
				for i := range events {
					s.Add(i, &events[i])
				}
				go func() {
					for _, i := range order {
						events[i].Set()
					}
				}()
				got := 0
				for range s.All(bg) {
					got++
				}
				took[1] += time.Since(start)
				if got != size {
					b.Fatal(got)
				}
			}
			b.ReportMetric(float64(took[1])/float64(took[0]), "x-raw")
			b.ReportMetric(float64(took[1])/float64(b.N*size), "ns/completion")
		})
	}
}

// permutation returns the numbers below n in an order that looks random.
func permutation(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = int(int64(i) * 7_368_787 % int64(n)) // a prime
	}
	return order
}

// One of a standing set completes, is taken, and another takes its place; the
// yardstick is one channel shared by all.
func BenchmarkSetStanding(b *testing.B) {
	for _, size := range []int{8, 1024, 65535} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			ch := make(chan int, 1)
			events := make([]*async.Event, size)
			var s async.Set[int]
			for i := range events {
				events[i] = new(async.Event)
				s.Add(i, events[i])
			}
			at := 0
			versus(b, func(n int) {
				for range n {
					ch <- 1
					<-ch
				}
			}, func(n int) {
				for range n {
					at = (at + 7919) % size
					events[at].Set()
					i, _ := s.Next(bg)
					events[i] = new(async.Event)
					s.Add(i, events[i])
				}
			})
			s.Release()
		})
	}
}

// The yardstick is a slice, a WaitGroup and a goroutine each.
func BenchmarkFanOut(b *testing.B) {
	f := func(_ context.Context, i int) (int, error) { return i, nil }
	for _, size := range []int{10, 1000, 100_000} {
		in := make([]int, size)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			versus(b, func(n int) {
				for range n {
					vs, errs := make([]int, size), make([]error, size)
					var wg sync.WaitGroup
					for i := range in {
						wg.Go(func() { vs[i], errs[i] = f(bg, in[i]) })
					}
					wg.Wait()
				}
			}, func(n int) {
				for range n {
					if _, err := async.GoEach(bg, in, f).All(bg); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// The yardstick is a new object and a go statement.
func BenchmarkAfterFunc(b *testing.B) {
	b.Run("fires", func(b *testing.B) {
		done := make(chan struct{})
		f := func() { done <- struct{}{} }
		versus(b, func(n int) {
			for range n {
				go f()
				<-done
			}
		}, func(n int) {
			for range n {
				var e async.Event
				async.AfterFunc(&e, f)
				e.Set()
				<-done
			}
		})
	})
	b.Run("stopped/beside context.AfterFunc", func(b *testing.B) {
		ctx, cancel := context.WithCancel(bg)
		defer cancel()
		var e async.Event
		f := func() {}
		versus(b, func(n int) {
			for range n {
				context.AfterFunc(ctx, f)()
			}
		}, func(n int) {
			for range n {
				async.AfterFunc(&e, f)()
			}
		})
	})
}

func BenchmarkCloneRelease(b *testing.B) {
	p, c := async.NewPromise[int](bg)
	defer p.Break()
	s := c.Signal()
	var kept *[2]int
	versus(b, func(n int) {
		for range n {
			kept = new([2]int)
		}
		keep(kept[0])
	}, func(n int) {
		for range n {
			s.Clone().Release()
		}
	})
}

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

// nest begins a call in whose function the next one is begun, and so on, depth
// calls one in the other, each of which is waited for through the context of the
// function that began it.
func nest(ctx context.Context, depth int, opts ...async.Option) int {
	v, _ := async.Go(ctx, func(ctx context.Context) (int, error) {
		if depth == 1 {
			return 1, nil
		}
		return 1 + nest(ctx, depth-1, opts...), nil
	}, opts...).Await(ctx)
	return v
}

// Calls in calls: what a level costs.
func BenchmarkNested(b *testing.B) {
	for _, limit := range []int{-1, 0, 1} {
		as := "no scope"
		var opts []async.Option
		if limit >= 0 {
			as = fmt.Sprintf("limit %d", limit)
			opts = append(opts, async.NewScope(async.ScopeOptions{Limit: limit}))
		}
		for _, depth := range []int{10, 100, 1000, 4000} {
			b.Run(fmt.Sprintf("%s/%d", as, depth), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if nest(bg, depth, opts...) != depth {
						b.Fatal("a level is missing")
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*depth), "ns/level")
			})
		}
	}
}

// A call in an unlimited scope; the yardstick is the same call without a scope.
func BenchmarkScopeUnlimited(b *testing.B) {
	f := func(context.Context) (int, error) { return 1, nil }
	s := async.NewScope(async.ScopeOptions{})
	call := func(opts ...async.Option) func(n int) {
		return func(n int) {
			for range n {
				c := async.Go(bg, f, opts...)
				_, _ = c.Await(bg)
				c.Release()
			}
		}
	}
	b.Run("go await release", func(b *testing.B) { versus(b, call(), call(s)) })
	b.Run("go await release/all cores", func(b *testing.B) { versus(b, inParallel(call()), inParallel(call(s))) })
	again := func(opts ...async.Option) func(n int) {
		return func(n int) {
			var c async.Call[int]
			for range n {
				_ = c.Begin(bg, f, opts...)
				_ = c.Wait(bg)
				_, _ = c.Finish()
			}
		}
	}
	b.Run("begin wait finish", func(b *testing.B) { versus(b, again(), again(s)) })
	const size = 1000
	in := make([]int, size)
	each := func(opts ...async.Option) func(n int) {
		return func(n int) {
			for range n {
				_, _ = async.GoEach(bg, in, func(context.Context, int) (int, error) { return 1, nil }, opts...).All(bg)
			}
		}
	}
	b.Run("go each of 1000", func(b *testing.B) { versus(b, each(), each(s)) })
}

// rivals run n pieces of work, at most limit at once, and wait for them all.
var rivals = map[string]func(limit, n int, work func()){
	"errgroup": func(limit, n int, work func()) {
		var g errgroup.Group
		g.SetLimit(limit)
		for range n {
			g.Go(func() error { work(); return nil })
		}
		_ = g.Wait()
	},
	"semaphore": func(limit, n int, work func()) {
		sem := semaphore.NewWeighted(int64(limit))
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				if sem.Acquire(bg, 1) == nil {
					work()
					sem.Release(1)
				}
			})
		}
		wg.Wait()
	},
}

// Short functions under a limit of eight, a thousand at a time.
func BenchmarkScopeLimit(b *testing.B) {
	const limit, size = 8, 1000
	in := make([]int, size)
	for name, work := range map[string]func(){
		"nothing": func() {},
		"1 µs": func() {
			k := 0
			for i := range 2000 {
				k += i
			}
			keep(k)
		},
		"gives way": runtime.Gosched,
	} {
		fn := func(context.Context) (int, error) { work(); return 1, nil }
		for rival, run := range rivals {
			raw := func(n int) {
				for range n {
					run(limit, size, work)
				}
			}
			b.Run(fmt.Sprintf("%s/go beside %s", name, rival), func(b *testing.B) {
				s := async.NewScope(async.ScopeOptions{Limit: limit})
				cs := make(async.Calls[int], size)
				versus(b, raw, func(n int) {
					for range n {
						for i := range cs {
							cs[i] = async.Go(bg, fn, s)
						}
						_, _ = cs.All(bg)
					}
				})
			})
			b.Run(fmt.Sprintf("%s/go each beside %s", name, rival), func(b *testing.B) {
				s := async.NewScope(async.ScopeOptions{Limit: limit})
				versus(b, raw, func(n int) {
					for range n {
						_, _ = async.GoEach(bg, in, func(ctx context.Context, _ int) (int, error) { return fn(ctx) }, s).All(bg)
					}
				})
			})
		}
	}
}

// A call that waits for another under a limit of one; the yardstick gives a
// semaphore's slot back and takes it again by hand.
func BenchmarkScopeNested(b *testing.B) {
	sem := semaphore.NewWeighted(1)
	bySemaphore := func(n int) {
		for range n {
			outer := make(chan int, 1)
			go func() {
				_ = sem.Acquire(bg, 1)
				inner := make(chan int, 1)
				go func() {
					_ = sem.Acquire(bg, 1)
					inner <- 1
					sem.Release(1)
				}()
				sem.Release(1)
				v := <-inner
				_ = sem.Acquire(bg, 1)
				outer <- v
				sem.Release(1)
			}()
			<-outer
		}
	}
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	f := func(context.Context) (int, error) { return 1, nil }
	nested := func(ctx context.Context) (int, error) { return async.Go(ctx, f, s).Await(ctx) }
	versus(b, bySemaphore, func(n int) {
		for range n {
			_, _ = async.Go(bg, nested, s).Await(bg)
		}
	})
}

// usage returns the bytes of the heap and the stacks in use.
func usage() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// queuedBytes returns what each of n calls that wait for a slot takes, in a scope
// and with its rivals. Those have a goroutine each that waits; errgroup has it in
// Go.
func queuedBytes(n int) (perCall map[string]float64) {
	perCall = make(map[string]float64)
	measure := func(name string, queue func(hold <-chan struct{}) (wait func())) (end func()) {
		hold := make(chan struct{})
		before := usage()
		wait := queue(hold)
		perCall[name] = float64(usage()-before) / float64(n)
		return func() { close(hold); wait() }
	}
	crowd := func(queue func()) (wait func()) {
		var wg, started sync.WaitGroup
		started.Add(n)
		for range n {
			wg.Go(func() { started.Done(); queue() })
		}
		started.Wait()
		for range 100 {
			runtime.Gosched() // so that they park
		}
		return wg.Wait
	}
	endSemaphore := measure("semaphore", func(hold <-chan struct{}) func() {
		sem := semaphore.NewWeighted(1)
		_ = sem.Acquire(bg, 1)
		wait := crowd(func() { _ = sem.Acquire(bg, 1); sem.Release(1) })
		return func() { <-hold; sem.Release(1); wait() }
	})
	endGroup := measure("errgroup", func(hold <-chan struct{}) func() { // beside the others, or their goroutines would be used again
		var g errgroup.Group
		g.SetLimit(1)
		g.Go(func() error { <-hold; return nil })
		wait := crowd(func() { g.Go(func() error { return nil }) })
		return func() { wait(); _ = g.Wait() }
	})
	endSemaphore()
	endGroup()
	f := func(context.Context) (int, error) { return 1, nil }
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	measure("Go", func(hold <-chan struct{}) func() {
		async.Go(bg, func(context.Context) (int, error) { <-hold; return 1, nil }, s)
		cs := make(async.Calls[int], n)
		for i := range cs {
			cs[i] = async.Go(bg, f, s)
		}
		return func() { _, _ = cs.All(bg) }
	})()
	in := make([]int, n)
	measure("GoEach", func(hold <-chan struct{}) func() {
		async.Go(bg, func(context.Context) (int, error) { <-hold; return 1, nil }, s)
		cs := async.GoEach(bg, in, func(context.Context, int) (int, error) { return 1, nil }, s)
		return func() { _, _ = cs.All(bg) }
	})()
	ctx, cancel := context.WithCancel(bg)
	measure("Go with a context", func(hold <-chan struct{}) func() {
		async.Go(bg, func(context.Context) (int, error) { <-hold; return 1, nil }, s)
		cs := make(async.Calls[int], n)
		for i := range cs {
			cs[i] = async.Go(ctx, f, s)
		}
		return func() { _, _ = cs.All(bg); cancel() }
	})()
	return perCall
}

func BenchmarkScopeQueuedBytes(b *testing.B) {
	var per map[string]float64
	for b.Loop() {
		per = queuedBytes(1_000_000)
	}
	for _, name := range []string{"Go", "GoEach", "Go with a context"} {
		b.ReportMetric(per[name], "B/"+strings.ReplaceAll(name, " ", "-"))
	}
	for _, rival := range []string{"semaphore", "errgroup"} {
		b.ReportMetric(per[rival]/per["Go"], "x-smaller-than-"+rival)
	}
}
