// Sets that hand out what completes, in the order in which it completes.

package bench_test

import (
	"context"
	"reflect"
	"sync"
	"testing"

	"github.com/samber/lo"

	"github.com/seed4712c49f/async"
)

// quadraticMost is up to what size a rival takes part that selects over everything
// for each completion. Above, it would run for minutes.
const quadraticMost = 1024

// stride is how far the members of a standing set lie apart that complete one after
// the other.
const stride = 7919

// Out of a standing set one member completes, is taken, and a new one is added.
//
// Floor: members do not know each other, may be in several sets, and are in these
// before anybody can see that they are complete. So each has a registration of its
// own. A completion takes the lock of an event and that of the set, and the latter
// again to take the member and to add another.
func BenchmarkSet(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		b.Run("raw=shared-channel", func(b *testing.B) {
			ch := make(chan int, 1)
			oneCaller(b, 1, func() int {
				ch <- 1
				return <-ch
			})
		})
		standing(b, "floor=registration-and-queue", n, floorStanding)
		standing(b, "async=Set", n, asyncStanding)
		if n <= selectMost {
			standing(b, "reflect=Select", n, reflectStanding)
		}
		standing(b, "goroutines=one-each", n, goroutineStanding)
		standing(b, "context=AfterFunc", n, contextStanding)
	}, 8, 64, 1024, 65_536)
}

// standing is a case of BenchmarkSet. Function open fills the set. Function complete
// completes a member, function next returns the one that came out, and function
// renew puts a new one in its place.
func standing(b *testing.B, name string, n int, open func(b *testing.B, n int) (complete func(i int), next func() int, renew func(i int))) {
	op(b, name, 1, func(b *testing.B) func() int {
		complete, next, renew := open(b, n)
		at := 0
		return func() int {
			at = (at + stride) % n
			complete(at)
			i := next()
			renew(i)
			return bit(i == at)
		}
	})
}

func floorStanding(_ *testing.B, n int) (func(int), func() int, func(int)) {
	events, s := make([]*handEvent, n), new(handSet)
	renew := func(i int) {
		events[i] = new(handEvent)
		s.add(i, events[i])
	}
	for i := range events {
		renew(i)
	}
	return func(i int) { events[i].set() }, s.next, renew
}

func asyncStanding(b *testing.B, n int) (func(int), func() int, func(int)) {
	events, s := make([]*async.Event, n), new(async.Set[int])
	b.Cleanup(s.Release)
	renew := func(i int) {
		events[i] = new(async.Event)
		s.Add(i, events[i])
	}
	for i := range events {
		renew(i)
	}
	return func(i int) { events[i].Set() }, func() int { return value(s.Next(bg)) }, renew
}

func reflectStanding(_ *testing.B, n int) (func(int), func() int, func(int)) {
	chans := channels(n)
	cases := casesOf(chans)
	next := func() int {
		i, _, _ := reflect.Select(cases)
		return i
	}
	return func(i int) { close(chans[i]) }, next, func(i int) {
		chans[i] = make(chan struct{}, 1)
		cases[i] = receive(chans[i])
	}
}

func goroutineStanding(b *testing.B, n int) (func(int), func() int, func(int)) {
	chans, out, stop := channels(n), make(chan int, 1), make(chan struct{})
	var wg sync.WaitGroup
	renew := func(i int) {
		ch := make(chan struct{}, 1)
		chans[i] = ch
		wg.Go(func() {
			select {
			case <-ch:
				out <- i
			case <-stop:
			}
		})
	}
	for i := range chans {
		renew(i)
	}
	b.Cleanup(func() {
		close(stop)
		wg.Wait()
	})
	return func(i int) { close(chans[i]) }, func() int { return <-out }, renew
}

func contextStanding(_ *testing.B, n int) (func(int), func() int, func(int)) {
	ctxs, cancels := contexts(n)
	out := make(chan int, 1)
	renew := func(i int) {
		ctxs[i], cancels[i] = context.WithCancel(bg)
		context.AfterFunc(ctxs[i], func() { out <- i })
	}
	for i := range ctxs {
		renew(i)
	}
	return func(i int) { cancels[i]() }, func() int { return <-out }, renew
}

// Many members are registered, all complete in a random order at the hand of another
// goroutine, and are taken in the order of completion. The making of the members is
// not counted. Calls have a result, which is taken too.
func BenchmarkSetDrain(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		drain(b, "raw=one-buffered-channel", n, rawDrain)
		drain(b, "floor=registration-and-queue", n, floorDrain)
		drain(b, "floor=promises-registered", n, floorDrainPromises)
		drain(b, "async=Set-of-events", n, asyncDrainEvents)
		drain(b, "async=Set-of-calls", n, asyncDrainCalls)
		if n <= quadraticMost {
			drain(b, "reflect=Select", n, reflectDrain)
		}
		if n <= goroutinesMost {
			drain(b, "goroutines=one-each", n, goroutineDrain)
			drain(b, "lo=FanIn", n, loDrain)
			drain(b, "context=AfterFunc", n, contextDrain)
		}
	}, 64, 1024, 16_384, 100_000, 1_000_000)
}

// A drainer makes n members, which is not measured, and returns the rest, which is:
// complete completes a member, add registers all and returns what takes the next.
type drainer func(n int) (add func() (next func() int), complete func(i int))

// drain is a case of BenchmarkSetDrain.
func drain(b *testing.B, name string, n int, open drainer) {
	order := shuffled(n)
	op(b, name, n, func(b *testing.B) func() int {
		return func() int {
			b.StopTimer()
			add, complete := open(n)
			taken := make(tally, n)
			b.StartTimer()
			next := add()
			go func() {
				for _, i := range order {
					complete(i)
				}
			}()
			sum := 0
			for range n {
				sum += taken.take(next())
			}
			return sum
		}
	})
}

// rawDrain is for programs that can send everything to one channel.
func rawDrain(n int) (func() func() int, func(int)) {
	var ch chan int
	return func() func() int {
		ch = make(chan int, n)
		return func() int { return <-ch }
	}, func(i int) { ch <- i }
}

func floorDrain(n int) (func() func() int, func(int)) {
	events, s := make([]handEvent, n), new(handSet)
	return func() func() int {
		for i := range events {
			s.add(i, &events[i])
		}
		return s.next
	}, func(i int) { events[i].set() }
}

func floorDrainPromises(n int) (func() func() int, func(int)) {
	promises, s := make([]*handPromise, n), new(handSet)
	for i := range promises {
		promises[i] = new(handPromise)
		promises[i].begin(bg)
	}
	next := func() int { return promises[s.next()].v }
	return func() func() int {
		for i, p := range promises {
			s.add(i, &p.handEvent)
		}
		return next
	}, func(i int) { promises[i].complete(i, nil) }
}

func asyncDrainEvents(n int) (func() func() int, func(int)) {
	events, s := make([]async.Event, n), new(async.Set[int])
	return func() func() int {
		for i := range events {
			s.Add(i, &events[i])
		}
		return func() int { return value(s.Next(bg)) }
	}, func(i int) { events[i].Set() }
}

func asyncDrainCalls(n int) (func() func() int, func(int)) {
	promises, calls := make([]*async.Promise[int], n), make([]*async.Call[int], n)
	for i := range calls {
		promises[i], calls[i] = async.NewPromise[int](bg)
	}
	s := new(async.Set[*async.Call[int]])
	next := func() int {
		c, _ := s.Next(bg)
		return value(c.Finish())
	}
	return func() func() int {
		for _, c := range calls {
			s.Add(c, c)
		}
		return next
	}, func(i int) { promises[i].Complete(i, nil) }
}

func reflectDrain(n int) (func() func() int, func(int)) {
	chans := channels(n)
	var cases []reflect.SelectCase
	next := func() int {
		i, _, _ := reflect.Select(cases)
		cases[i].Chan = reflect.Value{} // never ready
		return i
	}
	return func() func() int {
		cases = casesOf(chans)
		return next
	}, func(i int) { close(chans[i]) }
}

func goroutineDrain(n int) (func() func() int, func(int)) {
	chans := channels(n)
	return func() func() int {
		out := make(chan int, n)
		for i, ch := range chans {
			go func() {
				<-ch
				out <- i
			}()
		}
		return func() int { return <-out }
	}, func(i int) { close(chans[i]) }
}

func contextDrain(n int) (func() func() int, func(int)) {
	ctxs, cancels := contexts(n)
	return func() func() int {
		out := make(chan int, n)
		for i, ctx := range ctxs {
			context.AfterFunc(ctx, func() { out <- i })
		}
		return func() int { return <-out }
	}, func(i int) { cancels[i]() }
}

func loDrain(n int) (func() func() int, func(int)) {
	send, receive := make([]chan int, n), make([]<-chan int, n)
	for i := range send {
		send[i] = make(chan int, 1)
		receive[i] = send[i]
	}
	return func() func() int {
			out := lo.FanIn(n, receive...)
			return func() int { return <-out }
		}, func(i int) {
			send[i] <- i
			close(send[i])
		}
}

// Entries of a set that hands out what completes. The members themselves are not
// counted. The bytes are those of one entry.
func BenchmarkEntryBytes(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		for _, r := range []struct {
			name string
			open drainer
		}{
			{"raw=slot-of-one-buffered-channel", rawDrain},
			{"async=Set", asyncDrainEvents},
			{"reflect=Select", reflectEntries},
			{"goroutines=one-each", goroutineDrain},
			{"context=AfterFunc", contextDrain},
			{"lo=FanIn", loDrain},
		} {
			b.Run(r.name, func(b *testing.B) { entries(b, n, r.open) })
		}
	}, manyHeld)
}

// entries is a case of BenchmarkEntryBytes.
func entries(b *testing.B, n int, open drainer) {
	var bytes float64
	for b.Loop() {
		add, complete := open(n)
		before := settle()
		next := add()
		bytes += settle() - before
		for i := range n {
			complete(i)
		}
		taken, sum := make(tally, n), 0
		for range n {
			sum += taken.take(next())
		}
		check(b, sum, n)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(bytes/float64(b.N)/float64(n), "held-B")
}

// reflectEntries selects over one case at a time, because so many are more than
// reflect.Select takes.
func reflectEntries(n int) (func() func() int, func(int)) {
	chans := channels(n)
	return func() func() int {
		cases, at := casesOf(chans), -1
		return func() int {
			at++
			reflect.Select(cases[at : at+1])
			return at
		}
	}, func(i int) { close(chans[i]) }
}
