package async_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// Sets, their members and the goroutines that take from them.

func TestW4_TakenInTheOrderOfCompletion(t *testing.T) {
	for name, fresh := range completing() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 300 // more than a page of slots
				var s async.Set[int]
				complete := make([]func(), n)
				for i := range n {
					var w async.Waitable
					w, complete[i] = fresh()
					s.Add(i, w)
				}
				wantEq(t, "members", s.Len(), n)
				for k, i := range rand.Perm(n) {
					_, ok := s.TryNext()
					wantEq(t, "there was one", ok, false)
					complete[i]()
					synctest.Wait() // a context says so by a goroutine
					wantEq(t, "members with one complete", s.Len(), n-k)
					got, err := s.Next(bg)
					wantEq(t, "key", got, i)
					wantEq(t, "error", err, nil)
				}
				wantEq(t, "members left", s.Len(), 0)
			})
		})
	}
}

// The completions are all there before the first is taken: nobody blocked the
// completer, and the order is theirs.
func TestW4_TheQueueKeepsTheOrder(t *testing.T) {
	const n = 1000
	events := make([]async.Event, n)
	var s async.Set[int]
	for i := range events {
		s.Add(i, &events[i])
	}
	order := rand.Perm(n)
	for _, i := range order {
		events[i].Set()
	}
	if got := slices.Collect(s.All(expired)); !slices.Equal(got, order) {
		t.Errorf("another order:\n%v\n%v", got, order)
	}
}

func TestW4_AMillionMembers(t *testing.T) {
	n := rounds(1_000_000)
	events := make([]async.Event, n)
	var s async.Set[int32]
	start := time.Now()
	before := heap()
	for i := range events {
		s.Add(int32(i), &events[i])
	}
	if per := float64(heap()-before) / float64(n); per > 66 { // a slot, and its share of the index
		t.Errorf("a member takes %.1f bytes", per)
	}
	order := rand.Perm(n)
	half := len(order) / 2
	seen := make([]atomic.Bool, n)
	take := func() {
		for i := range s.All(bg) {
			if seen[i].Swap(true) {
				t.Errorf("%d came twice", i)
			}
		}
	}
	complete := func(order []int) func() {
		return func() {
			for _, i := range order {
				events[i].Set()
			}
		}
	}
	together(take, take, complete(order[:half]), complete(order[half:]))
	for i := range seen {
		if !seen[i].Load() {
			t.Fatalf("%d did not come", i)
		}
	}
	wantEq(t, "members left", s.Len(), 0)
	if d := time.Since(start); d > 30*time.Second { // linear in the size it would be hours
		t.Errorf("it took %v", d)
	}
}

// Members come and go for as long as a server lives: their slots are used again.
func TestW4_ALongLivedSetDoesNotGrow(t *testing.T) {
	var s async.Set[int]
	defer s.Release()
	forEver, cancel := context.WithCancel(bg)
	defer cancel()
	never := new(async.Event)
	s.Add(-1, never)
	s.Add(-2, forEver)
	wantFlat(t, "a million comings and goings", func() {
		for i := range rounds(500_000) {
			a, b := new(async.Event), new(async.Event)
			s.Add(2*i, a)
			s.Add(2*i+1, b)
			b.Set()
			a.Set()
			for _, want := range []int{2*i + 1, 2 * i} {
				if got, err := s.Next(bg); got != want || err != nil {
					t.Fatalf("got %d, %v; want %d", got, err, want)
				}
			}
		}
	})
	wantFlat(t, "contexts that come and go", func() {
		for i := range rounds(50_000) {
			ctx, cancel := context.WithCancel(forEver)
			s.Add(i, ctx)
			cancel()
			if got, err := s.Next(bg); got != i || err != nil {
				t.Fatalf("got %d, %v; want %d", got, err, i)
			}
		}
	})
	wantEq(t, "members left", s.Len(), 2)
}

// Producers add and complete, consumers take, some of them giving up all the
// time: each completion goes to exactly one Next. It runs in a bubble, which
// sees when all of them wait for one another.
func TestW4_SeveralNextsDeliverEachOnce(t *testing.T) {
	const producers, consumers, each = 4, 4, 500
	for range rounds(50) {
		synctest.Test(t, func(t *testing.T) {
			var s async.Set[int]
			stop := new(async.Event)
			s.Add(-1, stop) // so that the set is not empty before the end
			seen := make([]atomic.Int32, producers*each)
			var left atomic.Int32
			left.Store(producers)
			var acts []func()
			for p := range producers {
				acts = append(acts, func() {
					var late []*async.Event
					for i := range each {
						e := new(async.Event)
						switch rand.N(3) {
						case 0: // complete when added
							e.Set()
							s.Add(p*each+i, e)
						case 1: // completed at once
							s.Add(p*each+i, e)
							e.Set()
						case 2: // completed later
							s.Add(p*each+i, e)
							late = append(late, e)
						}
					}
					for _, e := range late {
						e.Set()
					}
					if left.Add(-1) == 0 {
						stop.Set()
					}
				})
			}
			for c := range consumers {
				acts = append(acts, func() {
					for {
						ctx, cancel := context.WithCancel(bg)
						if c%2 == 1 {
							go cancel()
						}
						i, err := s.Next(ctx)
						cancel()
						switch {
						case err == async.ErrNothingToWait:
							return
						case errors.Is(err, context.Canceled):
						case err != nil:
							t.Error(err)
						case i >= 0:
							seen[i].Add(1)
						}
					}
				})
			}
			together(acts...)
			for i := range seen {
				if n := seen[i].Load(); n != 1 {
					t.Fatalf("%d was delivered %d times", i, n)
				}
			}
		})
	}
}

// One consumer gives up just as a completion wakes it: another that waits gets
// it.
func TestW4_AWakeUpIsNotLostWithItsSleeper(t *testing.T) {
	for range rounds(2000) {
		synctest.Test(t, func(t *testing.T) { // which sees a deadlock
			var s async.Set[int]
			e, f := new(async.Event), new(async.Event)
			s.Add(1, e)
			s.Add(2, f)
			ctx, cancel := context.WithCancel(bg)
			var got atomic.Int32
			take := func(ctx context.Context) {
				if key, err := s.Next(ctx); err == nil {
					got.Add(int32(key))
				}
			}
			go take(ctx)
			synctest.Wait() // it is the one that has slept longest
			go take(bg)
			synctest.Wait()
			together(cancel, func() { e.Set() })
			synctest.Wait()
			wantEq(t, "delivered", got.Load(), int32(1))
			f.Set()
		})
	}
}

// One of those that wait selects over the channels. When it leaves, whatever for,
// another does.
func TestW4_AnotherTakesOverTheChannels(t *testing.T) {
	for name, leave := range map[string]func(cancel func(), e *async.Event){
		"its context ended": func(cancel func(), _ *async.Event) { cancel() },
		"it has its answer": func(_ func(), e *async.Event) { e.Set() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s async.Set[int]
				e, ch := new(async.Event), make(chan struct{})
				s.Add(1, e)
				s.Add(2, async.Chan(ch))
				s.Add(3, new(async.Event))
				ctx, cancel := context.WithCancel(bg)
				results := make(chan int, 2)
				for _, ctx := range []context.Context{ctx, bg} {
					go func() { key, _ := s.Next(ctx); results <- key }()
					synctest.Wait()
				}
				leave(cancel, e)
				synctest.Wait()
				wantEq(t, "returned", len(results), 1)
				<-results
				close(ch)
				synctest.Wait()
				if len(results) == 0 {
					t.Error("nobody looks at the channel")
				} else {
					wantEq(t, "key", <-results, 2)
				}
				cancel()
				s.Release()
			})
		})
	}
}

// A completion that comes between the end of the context and the return of Next
// is not lost, but stays.
func TestW4_GivingUpDropsNothing(t *testing.T) {
	for name, fresh := range completing() {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(1000) {
				var s async.Set[int]
				w, complete := fresh()
				s.Add(round, w)
				ctx, cancel := context.WithCancel(bg)
				var got []int
				together(complete, cancel, func() {
					if key, err := s.Next(ctx); err == nil {
						got = append(got, key)
					}
				})
				if len(got) == 0 {
					key, err := s.Next(bg)
					if err != nil {
						t.Fatalf("round %d: lost: %v", round, err)
					}
					got = append(got, key)
				}
				if got[0] != round || s.Len() != 0 {
					t.Fatalf("round %d: got %v, %d left", round, got, s.Len())
				}
			}
		})
	}
}

// The completion comes first, and then the context ends.
func TestR6_ATieInSetNext(t *testing.T) {
	for name, fresh := range completing() {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(10000) {
				var s async.Set[int]
				w, complete := fresh()
				s.Add(round, w)
				ctx, cancel := context.WithCancel(bg)
				together(
					func() { complete(); cancel() },
					func() {
						if key, err := s.Next(ctx); key != round || err != nil {
							t.Errorf("round %d: %d, %v", round, key, err)
						}
					})
				if t.Failed() {
					s.Release()
					return
				}
			}
		})
		t.Run(name+", complete on entry", func(t *testing.T) {
			for round := range rounds(1000) {
				var s async.Set[int]
				w, complete := fresh()
				s.Add(round, w)
				complete()
				if key, err := s.Next(expired); key != round || err != nil {
					t.Errorf("round %d: %d, %v", round, key, err)
					s.Release()
					return
				}
			}
		})
	}
}

// The context that ends the wait is a member itself: that is the answer.
func TestR6_TheWaitsOwnContextInTheSet(t *testing.T) {
	for round := range rounds(2000) {
		ctx, cancel := context.WithCancel(bg)
		var s async.Set[string]
		s.Add("the end", ctx)
		together(cancel, func() {
			if key, err := s.Next(ctx); key != "the end" || err != nil {
				t.Errorf("round %d: %q, %v", round, key, err)
			}
		})
		if t.Failed() {
			break
		}
	}
}

func TestSet_NextSaysWhyItEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s async.Set[int]
		s.Add(1, new(async.Event))
		ctx, cancel := context.WithTimeoutCause(bg, time.Second, errBoom)
		defer cancel()
		start := time.Now()
		key, err := s.Next(ctx)
		wantEq(t, "key", key, 0)
		wantIs(t, err, context.DeadlineExceeded, errBoom, async.ErrCallPending)
		wantEq(t, "waited", time.Since(start), time.Second)
		wantEq(t, "members left", s.Len(), 1)
	})
}

// Next waits only while there is something to come.
func TestW4_AWaitingNextEndsWhenTheSetBecomesEmpty(t *testing.T) {
	for name, empty := range map[string]func(s *async.Set[int], e *async.Event){
		"by another's Next":    func(_ *async.Set[int], e *async.Event) { e.Set() },
		"by Release":           func(s *async.Set[int], _ *async.Event) { s.Release() },
		"by another's TryNext": func(s *async.Set[int], e *async.Event) { e.Set(); s.TryNext() },
	} {
		for _, channel := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, of a channel: %v", name, channel), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const n = 10
					var s async.Set[int]
					e := new(async.Event)
					if channel {
						s.Add(2, async.Chan(e.Done()))
					} else {
						s.Add(2, e)
					}
					var nothing, delivered, ended int
					results := make(chan error, n)
					for range n {
						go func() { _, err := s.Next(bg); results <- err }()
					}
					synctest.Wait()
					wantEq(t, "returned before", len(results), 0)
					empty(&s, e)
					for range n {
						switch <-results {
						case nil:
							delivered++
						case async.ErrNothingToWait:
							nothing++
						default:
							ended++
						}
					}
					wantEq(t, "delivered at most once", delivered <= 1, true)
					wantEq(t, "the others were told", nothing+delivered, n)
					wantEq(t, "ended otherwise", ended, 0)
				})
			})
		}
	}
}

// Next ends when the set becomes empty, also where something is added before the
// sleeping goroutine comes to look: here it has to wait for its slot first.
func TestW4_AWaitingNextEndsAlthoughSomethingIsAdded(t *testing.T) {
	for name, empty := range map[string]func(s *async.Set[int], e *async.Event){
		"by Release":           func(s *async.Set[int], _ *async.Event) { s.Release() },
		"by another's TryNext": func(s *async.Set[int], e *async.Event) { e.Set(); s.TryNext() },
	} {
		for what, added := range map[string]func() async.Waitable{
			"what is pending":  func() async.Waitable { return new(async.Event) },
			"what is complete": func() async.Waitable { return setEvent() },
		} {
			t.Run(name+", added is "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(bg, time.Second)
					defer cancel()
					scope := async.NewScope(async.ScopeOptions{Limit: 1})
					var s async.Set[int]
					var e async.Event
					s.Add(1, &e)
					next := async.Go(ctx, s.Next, scope)
					synctest.Wait()
					other := async.Go(ctx, func(context.Context) (int, error) {
						empty(&s, &e)
						s.Add(2, added())
						return 0, nil
					}, scope)
					_, err := next.Await(bg)
					wantEq(t, "what Next says", err, async.ErrNothingToWait)
					wantEq(t, "members left", s.Len(), 1)
					_, err = other.Await(bg)
					wantEq(t, "the other's error", err, nil)
					wantEq(t, "shutdown", scope.Shutdown(bg), nil)
				})
			})
		}
	}
}

func TestW4_ReleaseUnlinksEverythingAndTheSetGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := goroutines()
		var s async.Set[string]
		for round := range 3 {
			var completeAll []func()
			for name, fresh := range completing() {
				for range 30 {
					w, complete := fresh()
					s.Add(name, w)
					completeAll = append(completeAll, complete)
				}
			}
			e, f := new(async.Event), new(async.Event)
			s.Add("complete and not taken", setEvent())
			s.Add("e", e)
			s.Release()
			wantEq(t, "members", s.Len(), 0)
			synctest.Wait()
			wantEq(t, "goroutines", goroutines()-before, 0)
			_, err := s.Next(bg)
			wantEq(t, "Next of none", err, async.ErrNothingToWait)

			s.Add("f", f)
			for _, complete := range completeAll {
				complete()
			}
			e.Set()
			synctest.Wait()
			_, ok := s.TryNext()
			wantEq(t, fmt.Sprint("a completion of before, round ", round), ok, false)
			f.Set()
			key, err := s.Next(bg)
			wantEq(t, "key", key, "f")
			wantEq(t, "error", err, nil)
			s.Release()
			s.Release()
		}
	})
}

// Release races with completions on their way: none of the members of before
// comes out among those of after, and the count is right.
func TestW4_ReleaseAndCompletionAtTheSameTime(t *testing.T) {
	for name, fresh := range completing() {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(500) {
				var s async.Set[int]
				w, complete := fresh()
				v, completeToo := fresh()
				if _, ok := w.(waiter); ok {
					crowded(w, 100)
				}
				s.Add(1, w)
				s.Add(1, v)
				after := new(async.Event)
				spin := rand.N(1000)
				together(complete, completeToo, func() {
					for range spin {
						after.IsSet()
					}
					s.Release()
					s.Add(2, after)
				})
				if key, ok := s.TryNext(); ok {
					t.Fatalf("round %d: %d came out", round, key)
				}
				if n := s.Len(); n != 1 {
					t.Fatalf("round %d: %d members", round, n)
				}
				after.Set()
				if key, err := s.Next(bg); key != 2 || err != nil {
					t.Fatalf("round %d: %d, %v", round, key, err)
				}
			}
		})
	}
}

// crowded adds w to a set so many times that telling it takes a while; whoever
// comes later is told later.
func crowded(w async.Waitable, n int) *async.Set[int] {
	crowd := new(async.Set[int])
	for i := range n {
		crowd.Add(i, w)
	}
	return crowd
}

// All methods at once, completions among them. What was added after the last
// Release comes out once or is still there.
func TestW4_AllMethodsAtOnce(t *testing.T) {
	for name, fresh := range completing() {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(300) {
				var s async.Set[int]
				var completeAll []func()
				add := func(n int) func() {
					ws := make([]async.Waitable, n)
					for i := range ws {
						var complete func()
						ws[i], complete = fresh()
						completeAll = append(completeAll, complete)
					}
					return func() {
						for i, w := range ws {
							s.Add(i, w)
						}
					}
				}
				acts := []func(){add(5), add(5), add(3)}
				together(append(acts,
					func() {
						for _, complete := range completeAll {
							complete()
						}
					},
					func() { s.Release(); s.Release() },
					func() {
						s.TryNext()
						s.Len()
						_, _ = s.Next(expired)
						for range s.All(expired) {
						}
					})...)
				for n := s.Len(); n > 0; n-- {
					if _, err := s.Next(bg); err != nil {
						t.Fatalf("round %d: %d left, and Next says %v", round, n, err)
					}
				}
				s.Add(7, setEvent())
				if key, ok := s.TryNext(); key != 7 || !ok || s.Len() != 0 {
					t.Fatalf("round %d: then %d, %v, %d left", round, key, ok, s.Len())
				}
			}
		})
	}
}

func TestW4_AddWhileOthersWait(t *testing.T) {
	for name, fresh := range completing() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s async.Set[int]
				s.Add(0, new(async.Event))
				let := waiting(func(ctx context.Context) {
					key, err := s.Next(ctx)
					wantEq(t, "key", key, 1)
					wantEq(t, "error", err, nil)
				})
				w, complete := fresh()
				s.Add(1, w)
				synctest.Wait()
				complete()
				synctest.Wait()
				wantEq(t, "members left", s.Len(), 1)
				let()
				s.Release()
			})
		})
	}
}

func TestW4_TheSameTwiceComesTwice(t *testing.T) {
	e, f := new(async.Event), new(async.Event)
	var s async.Set[string]
	s.Add("e", e)
	s.Add("f", f)
	s.Add("e", e)
	s.Add("e", f)
	f.Set()
	e.Set()
	s.Add("f", f)
	if got, want := slices.Collect(s.All(bg)), []string{"f", "e", "e", "e", "f"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A handle that was released is complete when its call is, as its Done says.
func TestW4_HandlesAreNotHeldByTheSet(t *testing.T) {
	_, c := async.NewPromise[int](bg, async.CancelOnAbandon())
	var s async.Set[int]
	s.Add(1, c)
	sig := c.Signal()
	s.Add(2, sig)
	c.Release()
	_, ok := s.TryNext()
	wantEq(t, "complete while a signal is held", ok, false)
	sig.Release()
	wantEq(t, "taken", fmt.Sprint(slices.Collect(s.All(bg))), "[1 2]")
}

func TestW5_WhatAllDidNotYieldStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := goroutines()
		events := make([]async.Event, 10)
		var s async.Set[int]
		for i := range events {
			s.Add(i, &events[i])
		}
		for i := range 5 {
			events[i].Set()
		}
		for i := range s.All(bg) {
			if i == 1 {
				break
			}
		}
		wantEq(t, "members left", s.Len(), 8)
		wantEq(t, "goroutines", goroutines()-before, 0)
		for i := range events {
			events[i].Set()
		}
		if got, want := slices.Collect(s.All(bg)), []int{2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestW5_AllStopsWithoutAYieldWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := goroutines()
		e, f := new(async.Event), new(async.Event)
		var s async.Set[int]
		s.Add(1, e)
		s.Add(2, f)
		s.Add(3, new(async.Event))
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		e.Set()
		time.AfterFunc(time.Second-1, func() { f.Set() })
		start := time.Now()
		if got, want := slices.Collect(s.All(ctx)), []int{1, 2}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		wantEq(t, "waited", time.Since(start), time.Second)
		wantEq(t, "members left", s.Len(), 1)
		wantEq(t, "goroutines", goroutines()-before, 0)
		s.Release()
	})
}

// The body of the loop may add to the set, and take from it.
func TestW5_TheSetMayBeUsedInTheLoop(t *testing.T) {
	var s async.Set[int]
	s.Add(1, setEvent())
	var got []int
	for i := range s.All(bg) {
		got = append(got, i)
		if i < 8 {
			s.Add(2*i, setEvent())
			s.Add(2*i+1, setEvent())
		}
		if i == 4 {
			key, _ := s.TryNext()
			got = append(got, -key)
		}
	}
	want := []int{1, 2, 3, 4, -5, 6, 7, 8, 9, 12, 13, 14, 15}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Several goroutines range over one set at the same time.
func TestW5_SeveralLoopsShareTheSet(t *testing.T) {
	for range rounds(300) {
		const n = 100
		events := make([]async.Event, n)
		var s async.Set[int]
		for i := range events {
			s.Add(i, &events[i])
		}
		var mu sync.Mutex
		var got []int
		loop := func() {
			for i := range s.All(bg) {
				mu.Lock()
				got = append(got, i)
				mu.Unlock()
			}
		}
		together(loop, loop, loop, func() {
			for _, i := range rand.Perm(n) {
				events[i].Set()
			}
		})
		slices.Sort(got)
		if len(got) != n || got[0] != 0 || len(slices.Compact(got)) != n {
			t.Fatalf("%d keys: %v", len(got), got)
		}
	}
}

// A set that was used in a bubble is used outside, and in another.
func TestC7_ASetLeavesItsBubble(t *testing.T) {
	var s async.Set[int]
	var e, f async.Event
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			s.Add(1, &e)
			ctx, cancel := context.WithTimeout(bg, time.Second)
			defer cancel()
			_, err := s.Next(ctx)
			wantIs(t, err, context.DeadlineExceeded)
			for range s.All(ctx) {
				t.Error("it yielded")
			}
		})
	}
	s.Add(2, &f)
	together(
		func() { wantEq(t, "outside", fmt.Sprint(slices.Collect(s.All(bg))), "[1 1 2]") },
		func() { e.Set(); f.Set() })
}

// Two completions come before the first of the sleepers has run: each wakes one.
func TestW4_EachCompletionWakesOne(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that who is woken does not run at once
	synctest.Test(t, func(t *testing.T) {
		var s async.Set[int]
		events := make([]async.Event, 3)
		for i := range events {
			s.Add(i, &events[i])
		}
		got := make(chan int, len(events))
		for range events {
			go func() {
				if i, err := s.Next(bg); err == nil {
					got <- i
				}
			}()
		}
		synctest.Wait()
		for i := range events {
			events[i].Set()
		}
		synctest.Wait()
		wantEq(t, "taken", len(got), len(events))
	})
}

// The sleeper that looks after the channels leaves, and another takes its place.
func TestW4_SomebodyAlwaysLooksAfterTheChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s async.Set[string]
		ch := make(chan struct{})
		s.Add("channel", async.Chan(ch))
		s.Add("never", new(async.Event))
		ctx, cancel := context.WithCancel(bg)
		left := make(chan error, 1)
		go func() { _, err := s.Next(ctx); left <- err }()
		synctest.Wait()
		got := make(chan string, 1)
		go func() {
			if key, err := s.Next(bg); err == nil {
				got <- key
			}
		}()
		synctest.Wait()
		cancel()
		wantIs(t, <-left, context.Canceled)
		close(ch)
		synctest.Wait()
		if wantEq(t, "taken", len(got), 1); len(got) == 1 {
			wantEq(t, "key", <-got, "channel")
		}
		s.Release()
	})
}

func TestW4_ReleaseAgainstCompletion(t *testing.T) {
	for round := range rounds(20_000) {
		var s async.Set[int]
		var e, f async.Event
		ctx, cancel := context.WithCancel(bg)
		s.Add(1, &e)
		s.Add(2, ctx)
		together(func() { e.Set() }, cancel, s.Release, func() { s.Add(3, &f) })
		if key, ok := s.TryNext(); ok {
			t.Fatalf("round %d: %d came out of a released set", round, key)
		}
		if n := s.Len(); n != 0 && n != 1 { // Add may have come after Release
			t.Fatalf("round %d: Len is %d", round, n)
		}
		f.Set()
		if key, ok := s.TryNext(); ok && key != 3 {
			t.Fatalf("round %d: %d came out", round, key)
		}
	}
}

// Hedge owns its attempts, so the end of its context is their end, not a wait's.
func TestW6_TheEndOfHedgesContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(bg, time.Minute, errBoom)
		defer cancel()
		over := make(chan struct{})
		_, err := async.Hedge(ctx, time.Second, 3, func(context.Context, int) (int, error) { <-over; return 1, nil })
		wantIs(t, err, async.ErrCanceled, errBoom)
		if errors.Is(err, async.ErrCallPending) {
			t.Errorf("%v says that something is pending", err)
		}
		close(over)
	})
}

func TestR6_WaitAllOnAContextThatIsDoneAsItsOwn(t *testing.T) {
	over, cancel := context.WithCancel(bg)
	cancel()
	ch := make(chan struct{})
	close(ch)
	for range 10_000 {
		if err := async.WaitAll(over, over, async.Chan(ch), async.Ready(1, nil)); err != nil {
			t.Fatal(err)
		}
	}
}
