package async_test

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
)

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
