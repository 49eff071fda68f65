// The first of many things that are pending.

package bench_test

import (
	"context"
	"reflect"
	"sync"
	"testing"

	"github.com/samber/lo"

	"github.com/seed4712c49f/async"
)

// selectMost is how many cases reflect.Select takes.
const selectMost = 65_536

// goroutinesMost is up to how many members a rival takes part that has a goroutine for
// each when they complete. Above, memory would count more than time.
const goroutinesMost = 100_000

// From a slice of things that are pending, wait until the first completes. That is
// the last of the slice, completed by another goroutine. Then leave the others as
// they were.
func BenchmarkWaitAny(b *testing.B) { waitsAny(b, 0, 2, 8, 64, 1024, 65_536, 1_000_000) }

// The same where the goroutine that completes the last member first yields the
// processor four times, so that the waiter has to park.
//
// Floor: members do not know each other and know nothing of the wait before it comes.
// After a look at each, one compare-and-swap links the wait to each and one unlinks
// it, and between them lie a park and a wake.
func BenchmarkWaitAnyLate(b *testing.B) { waitsAny(b, lateYields, 2, 8, 64, 1024, 65_535) }

func waitsAny(b *testing.B, yields int, ns ...int) {
	sizes(b, func(b *testing.B, n int) {
		last := n - 1
		if n == 2 {
			op(b, "raw=select", last, func(*testing.B) func() int { return rawSelect(yields) })
		}
		if yields > 0 {
			op(b, "floor=linked-and-unlinked", last, func(*testing.B) func() int { return floorWaitAny(n, yields) })
		}
		op(b, "async=WaitAny", last, func(*testing.B) func() int { return asyncWaitAny(n, yields) })
		if n <= selectMost {
			op(b, "reflect=Select", last, func(*testing.B) func() int { return reflectWaitAny(n, yields) })
		}
		if n <= goroutinesMost {
			op(b, "goroutines=one-each", last, func(*testing.B) func() int { return goroutineWaitAny(n, yields) })
		}
		op(b, "context=AfterFunc", last, func(*testing.B) func() int { return contextWaitAny(n, yields) })
	}, ns...)
}

func rawSelect(yields int) func() int {
	pending := make(chan struct{})
	return func() int {
		last := make(chan struct{})
		go func() { yield(yields); close(last) }()
		select {
		case <-pending:
			return 0
		case <-last:
			return 1
		}
	}
}

func floorWaitAny(n, yields int) func() int {
	events := make([]*handEvent, n)
	for i := range events {
		events[i] = new(handEvent)
	}
	return func() int {
		last := new(handEvent)
		events[n-1] = last
		go func() { yield(yields); last.set() }()
		members := make([]handMember, n)
		for i, e := range events {
			members[i] = e
		}
		return new(handAny).wait(members)
	}
}

// asyncWaitAny brings its members into the form that WaitAny takes, each time. So do
// the others with theirs.
func asyncWaitAny(n, yields int) func() int {
	events := make([]*async.Event, n)
	for i := range events {
		events[i] = new(async.Event)
	}
	return func() int {
		last := new(async.Event)
		events[n-1] = last
		go func() { yield(yields); last.Set() }()
		members := make([]async.Waitable, n)
		for i, e := range events {
			members[i] = e
		}
		return value(async.WaitAny(bg, members...))
	}
}

func reflectWaitAny(n, yields int) func() int {
	chans := channels(n)
	return func() int {
		last := make(chan struct{})
		chans[n-1] = last
		go func() { yield(yields); close(last) }()
		i, _, _ := reflect.Select(casesOf(chans))
		return i
	}
}

// channels makes n channels with one slot each.
func channels(n int) []chan struct{} {
	chans := make([]chan struct{}, n)
	for i := range chans {
		chans[i] = make(chan struct{}, 1)
	}
	return chans
}

func casesOf(chans []chan struct{}) []reflect.SelectCase {
	cases := make([]reflect.SelectCase, len(chans))
	for i, ch := range chans {
		cases[i] = receive(ch)
	}
	return cases
}

func receive(ch chan struct{}) reflect.SelectCase {
	return reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ch)}
}

// goroutineWaitAny stops the goroutines that are not the first, and waits for their
// end.
func goroutineWaitAny(n, yields int) func() int {
	chans := channels(n)
	return func() int {
		last := make(chan struct{})
		chans[n-1] = last
		go func() { yield(yields); close(last) }()
		stop, first := make(chan struct{}), make(chan int, n)
		var wg sync.WaitGroup
		for i, ch := range chans {
			wg.Go(func() {
				select {
				case <-ch:
					first <- i
				case <-stop:
				}
			})
		}
		i := <-first
		close(stop)
		wg.Wait()
		return i
	}
}

func contextWaitAny(n, yields int) func() int {
	ctxs, _ := contexts(n)
	return func() int {
		var cancel context.CancelFunc
		ctxs[n-1], cancel = context.WithCancel(bg)
		go func() { yield(yields); cancel() }()
		return firstContext(ctxs)
	}
}

// contexts makes n contexts, each on its own.
func contexts(n int) ([]context.Context, []context.CancelFunc) {
	ctxs, cancels := make([]context.Context, n), make([]context.CancelFunc, n)
	for i := range ctxs {
		ctxs[i], cancels[i] = context.WithCancel(bg)
	}
	return ctxs, cancels
}

// firstContext registers at each context and takes the registrations back.
func firstContext(ctxs []context.Context) int {
	first := make(chan int, len(ctxs))
	stops := make([]func() bool, len(ctxs))
	for i, ctx := range ctxs {
		stops[i] = context.AfterFunc(ctx, func() { first <- i })
	}
	i := <-first
	for _, stop := range stops {
		stop()
	}
	return i
}

// In a loop, wait for the first of two: one never completes and outlives the loop,
// the other is new and completes. The bytes kept are what heap and stacks hold more
// after the loop than before, for each wait.
func BenchmarkRaceNever(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		never := make(chan struct{})
		retained(b, "raw=select", n, func() int {
			fast := make(chan struct{})
			go close(fast)
			select {
			case <-never:
				return 0
			case <-fast:
				return 1
			}
		}, nil)
		var event async.Event
		retained(b, "async=WaitAny", n, func() int {
			fast := new(async.Event)
			go fast.Set()
			return value(async.WaitAny(bg, &event, fast))
		}, nil)
		p, pending := async.NewPromise[int](bg)
		defer p.Break()
		retained(b, "async=Race-of-promises", n, func() int {
			p, fast := async.NewPromise[int](bg)
			go p.Complete(1, nil)
			_, v, err := async.Calls[int]{pending, fast}.Race(bg)
			return value(v, err)
		}, nil)
		retained(b, "reflect=Select", n, func() int {
			fast := make(chan struct{})
			go close(fast)
			i, _, _ := reflect.Select([]reflect.SelectCase{receive(never), receive(fast)})
			return i
		}, nil)
		stop := make(chan struct{})
		retained(b, "goroutines=one-each", n, func() int { return goroutineRace(stop) }, func() { close(stop) })
		forever, end := context.WithCancel(bg)
		retained(b, "context=AfterFunc", n, func() int {
			fast, cancel := context.WithCancel(bg)
			go cancel()
			return firstContext([]context.Context{forever, fast})
		}, end)
		source := make(chan int)
		retained(b, "lo=FanIn", n, func() int {
			fast := make(chan int, 1)
			go func() {
				fast <- 1
				close(fast)
			}()
			return <-lo.FanIn(2, source, fast)
		}, func() { close(source) })
	}, 20_000)
}

func goroutineRace(never chan struct{}) int {
	fast := make(chan struct{})
	go close(fast)
	first := make(chan int, 2)
	for i, ch := range []chan struct{}{never, fast} {
		go func() {
			<-ch
			first <- i
		}()
	}
	return <-first
}

// retained is a case that runs loops of n operations and measures what they leave
// behind. Each operation returns 1. Function end, if there is one, ends what is left.
func retained(b *testing.B, name string, n int, do func() int, end func()) {
	b.Run(name, func(b *testing.B) {
		loop := func(n int) (sum int) {
			for range n {
				sum += do()
			}
			return sum
		}
		loop(n / 10) // the runtime has by then what it keeps for itself
		before := settle()
		sum := 0
		for b.Loop() {
			sum += loop(n)
		}
		b.StopTimer()
		check(b, sum, n*b.N)
		b.ReportMetric(max(settle()-before, 0)/float64(n*b.N), "kept-B")
	})
	if end != nil {
		end()
	}
}
