package async_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// promises makes n calls and the other ends of them.
func promises(n int, opts ...async.Option) (ps []*async.Promise[int], cs async.Calls[int]) {
	for range n {
		p, c := async.NewPromise[int](bg, opts...)
		ps, cs = append(ps, p), append(cs, c)
	}
	return ps, cs
}

// combinator is a method of Calls as a function of the outcome alone.
type combinator func(ctx context.Context, cs async.Calls[int]) (any, error)

var combinators = map[string]combinator{
	"Race": func(ctx context.Context, cs async.Calls[int]) (any, error) {
		i, v, err := cs.Race(ctx)
		return fmt.Sprint(i, v), err
	},
	"Any": func(ctx context.Context, cs async.Calls[int]) (any, error) {
		i, v, err := cs.Any(ctx)
		return fmt.Sprint(i, v), err
	},
	"All": func(ctx context.Context, cs async.Calls[int]) (any, error) {
		vs, err := cs.All(ctx)
		return fmt.Sprint(vs), err
	},
	"Settle": func(ctx context.Context, cs async.Calls[int]) (any, error) {
		rs, err := cs.Settle(ctx)
		return fmt.Sprint(rs), err
	},
	"Quorum": func(ctx context.Context, cs async.Calls[int]) (any, error) {
		is, vs, err := cs.Quorum(ctx, 2)
		return fmt.Sprint(is, vs), err
	},
	"Each": func(ctx context.Context, cs async.Calls[int]) (any, error) {
		var got []any
		for i, r := range cs.Each(ctx) {
			got = append(got, i, r)
		}
		return fmt.Sprint(got...), nil
	},
}

// What the methods say of calls that are complete on entry, and of such that
// complete one by one, in this order, while they wait: the outcome is the same.
func TestW3_TheCombinators(t *testing.T) {
	type outcome struct {
		value any
		errs  []string // parts of the error, in this order
	}
	errA, errB, errC := errors.New("error A"), errors.New("error B"), errors.New("error C")
	one, two, three := async.Result[int]{Value: 1}, async.Result[int]{Value: 2}, async.Result[int]{Value: 3}
	a, b, c := async.Result[int]{Err: errA}, async.Result[int]{Err: errB}, async.Result[int]{Value: 7, Err: errC}
	for name, test := range map[string]struct {
		results []async.Result[int]
		want    map[string]outcome
	}{
		"all succeed": {[]async.Result[int]{one, two, three}, map[string]outcome{
			"Race":   {"0 1", nil},
			"Any":    {"0 1", nil},
			"All":    {"[1 2 3]", nil},
			"Settle": {"[{1 <nil>} {2 <nil>} {3 <nil>}]", nil},
			"Quorum": {"[0 1] [1 2]", nil},
			"Each":   {"0 {1 <nil>} 1 {2 <nil>} 2 {3 <nil>}", nil},
		}},
		"the first fails": {[]async.Result[int]{a, two, three}, map[string]outcome{
			"Race":   {"0 0", []string{"error A"}},
			"Any":    {"1 2", nil},
			"All":    {"[]", []string{"error A"}},
			"Settle": {"[{0 error A} {2 <nil>} {3 <nil>}]", nil},
			"Quorum": {"[1 2] [2 3]", nil},
			"Each":   {"0 {0 error A} 1 {2 <nil>} 2 {3 <nil>}", nil},
		}},
		"two fail": {[]async.Result[int]{a, two, c}, map[string]outcome{
			"Race":   {"0 0", []string{"error A"}},
			"Any":    {"1 2", nil},
			"All":    {"[]", []string{"error A"}},
			"Settle": {"[{0 error A} {2 <nil>} {7 error C}]", nil},
			"Quorum": {"[] []", []string{"error A\nerror C"}},
			"Each":   {"0 {0 error A} 1 {2 <nil>} 2 {7 error C}", nil},
		}},
		"all fail": {[]async.Result[int]{c, a, b}, map[string]outcome{
			"Race":   {"0 7", []string{"error C"}},
			"Any":    {"-1 0", []string{"error C\nerror A\nerror B"}},
			"All":    {"[]", []string{"error C"}},
			"Settle": {"[{7 error C} {0 error A} {0 error B}]", nil},
			"Quorum": {"[] []", []string{"error C\nerror A"}},
			"Each":   {"0 {7 error C} 1 {0 error A} 2 {0 error B}", nil},
		}},
	} {
		for method, want := range test.want {
			for _, entry := range []string{"complete on entry", "one by one"} {
				t.Run(name+"/"+method+"/"+entry, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						ps, cs := promises(len(test.results))
						if entry == "one by one" {
							go func() {
								for i, r := range test.results {
									synctest.Wait()
									ps[i].Complete(r.Value, r.Err)
								}
							}()
						} else {
							for i, r := range test.results {
								ps[i].Complete(r.Value, r.Err)
							}
						}
						v, err := combinators[method](bg, cs)
						wantEq(t, "outcome", v, want.value)
						text := ""
						if err != nil {
							text = err.Error()
						}
						wantEq(t, "error", text, strings.Join(want.errs, ""))
						_, _ = cs.Settle(bg)
					})
				})
			}
		}
	}
}

func TestCalls_RaceReturnsTheFirstWhateverItSays(t *testing.T) {
	for range rounds(500) {
		const n = 5
		ps, cs := promises(n)
		first := rand.N(n)
		var i, v int
		var err error
		together(
			func() { i, v, err = cs.Race(bg) },
			func() {
				ps[first].Complete(first+1, errBoom)
				for k, p := range ps {
					p.Complete(k, nil)
				}
			})
		// Complete on entry it is the lowest, before that the first.
		if i == first {
			wantEq(t, "value", v, first+1)
			wantEq(t, "error", err, errBoom)
		} else {
			wantEq(t, "the lowest", i, 0)
			wantEq(t, "error", err, nil)
		}
	}
}

// The values come in order of input, whatever the order of completion.
func TestCalls_AllIsInInputOrder(t *testing.T) {
	for range rounds(500) {
		const n = 50
		ps, cs := promises(n)
		together(
			func() {
				vs, err := cs.All(bg)
				wantEq(t, "error", err, nil)
				wantEq(t, "in order", slices.IsSorted(vs) && len(vs) == n, true)
			},
			func() {
				rs, err := cs.Settle(bg)
				wantEq(t, "error", err, nil)
				for i, r := range rs {
					wantEq(t, "result", r, async.Result[int]{Value: i})
				}
			},
			func() {
				for _, i := range rand.Perm(n) {
					ps[i].Complete(i, nil)
				}
			})
	}
}

// The orders of completion of Quorum and Each, and the order of input of the
// errors.
func TestW6_QuorumAndEachAreInOrderOfCompletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			const n = 7
			ps, cs := promises(n)
			order := rand.Perm(n)
			var each []int
			go func() {
				for i, r := range cs.Each(bg) {
					each = append(each, i)
					wantEq(t, "value", r.Value, i)
				}
			}()
			var is, vs []int
			go func() {
				var err error
				is, vs, err = cs.Quorum(bg, 3)
				wantEq(t, "error", err, nil)
			}()
			synctest.Wait()
			for _, i := range order {
				ps[i].Complete(i, nil)
			}
			synctest.Wait()
			if !slices.Equal(each, order) {
				t.Fatalf("Each: %v, want %v", each, order)
			}
			if !slices.Equal(is, order[:3]) || !slices.Equal(vs, order[:3]) {
				t.Fatalf("Quorum: %v, %v, want %v", is, vs, order[:3])
			}
		}
	})
}

func TestW6_QuorumOutOfReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errs := []error{errors.New("e0"), errors.New("e1"), errors.New("e2"), errors.New("e3"), errors.New("e4")}
		ps, cs := promises(5)
		var err error
		returned := false
		go func() {
			_, _, err = cs.Quorum(bg, 3)
			returned = true
		}()
		ps[1].Complete(1, nil)
		ps[4].Complete(0, errs[4])
		ps[0].Complete(0, errs[0])
		synctest.Wait()
		wantEq(t, "returned while it is in reach", returned, false)
		ps[3].Complete(0, errs[3])
		synctest.Wait()
		wantEq(t, "returned", returned, true)
		wantEq(t, "the errors in input order", err.Error(), "e0\ne3\ne4")
		wantIs(t, err, errs[0], errs[3], errs[4])
		wantEq(t, "the last is left alone", cs[2].IsDone(), false)
	})
}

func TestW6_QuorumRefusesWhatCannotBe(t *testing.T) {
	ps, cs := promises(3)
	for _, k := range []int{-1, 0, 4, 1 << 30} {
		is, vs, err := cs.Quorum(bg, k)
		if is != nil || vs != nil || err == nil || errors.Is(err, async.ErrNothingToWait) {
			t.Errorf("Quorum(%d): %v, %v, %v", k, is, vs, err)
		}
	}
	for i, p := range ps {
		p.Complete(i, nil)
	}
	is, _, err := cs.Quorum(bg, 3)
	wantEq(t, "all of them", fmt.Sprint(is, err), "[0 1 2] <nil>")
}

// Nothing is canceled by a method, whether it succeeds, fails or gives up.
func TestW6_TheMethodsCancelNothing(t *testing.T) {
	for method, combine := range combinators {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ps, cs := promises(4, async.CancelOnAbandon())
				ps[0].Complete(1, nil)
				ps[1].Complete(0, errBoom)
				ctx, cancel := context.WithTimeout(bg, time.Second)
				defer cancel()
				_, _ = combine(ctx, cs)
				wantEq(t, "the losers", cs[2].IsDone() || cs[3].IsDone(), false)
				wantEq(t, "their contexts", ps[2].Context().Err(), nil)
				cs.Cancel(errBoom)
				wantIs(t, context.Cause(ps[3].Context()), errBoom)
				_, err := cs[2].Finish()
				wantIs(t, err, async.ErrCanceled, errBoom)
				v, err := cs[0].Finish()
				wantEq(t, "a result stands", v, 1)
				wantEq(t, "its error", err, nil)
			})
		})
	}
}

// The pattern of a race: what the losers return late is disposed of.
func TestW6_LateResultsOfLosersAreDiscarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		func() {
			calls := async.GoEach(bg, []int{3, 1, 2}, func(ctx context.Context, n int) (int, error) {
				time.Sleep(time.Duration(n) * time.Second)
				return n, ctx.Err()
			}, b.option())
			defer calls.Release()
			defer calls.Cancel(nil)
			i, v, err := calls.Any(bg)
			wantEq(t, "winner", fmt.Sprint(i, v, err), "1 1 <nil>")
		}()
		b.want(t, "while they run", 0)
		time.Sleep(time.Minute)
		b.want(t, "when they have returned", 2)
		wantEq(t, "the last of them", b.last.Load().Value, 3)
	})
}

// A result that was returned is taken; one that was only looked at is not, and
// goes to Discard when its handle is released.
func TestR9_WhatTheMethodsTake(t *testing.T) {
	for name, test := range map[string]struct {
		results   string // of the calls: a success each v, a failure each x, a panic p, pending -
		take      func(ctx context.Context, cs async.Calls[int])
		discarded string // indices
	}{
		"Race":                 {"vv", func(ctx context.Context, cs async.Calls[int]) { _, _, _ = cs.Race(ctx) }, "1"},
		"Race of a failure":    {"xv", func(ctx context.Context, cs async.Calls[int]) { _, _, _ = cs.Race(ctx) }, "1"},
		"Race given up":        {"--", func(ctx context.Context, cs async.Calls[int]) { _, _, _ = cs.Race(ctx) }, ""},
		"Any":                  {"xvv", func(ctx context.Context, cs async.Calls[int]) { _, _, _ = cs.Any(ctx) }, "0 2"},
		"Any of failures":      {"xxx", func(ctx context.Context, cs async.Calls[int]) { _, _, _ = cs.Any(ctx) }, ""},
		"Any given up":         {"xx-", func(ctx context.Context, cs async.Calls[int]) { _, _, _ = cs.Any(ctx) }, "0 1"},
		"All":                  {"vvv", func(ctx context.Context, cs async.Calls[int]) { _, _ = cs.All(ctx) }, ""},
		"All that fails":       {"vxvx", func(ctx context.Context, cs async.Calls[int]) { _, _ = cs.All(ctx) }, "0 2 3"},
		"All given up":         {"vv-", func(ctx context.Context, cs async.Calls[int]) { _, _ = cs.All(ctx) }, "0 1"},
		"Settle":               {"vxv", func(ctx context.Context, cs async.Calls[int]) { _, _ = cs.Settle(ctx) }, ""},
		"Settle given up":      {"vx-", func(ctx context.Context, cs async.Calls[int]) { _, _ = cs.Settle(ctx) }, ""},
		"Quorum":               {"vxvv", func(ctx context.Context, cs async.Calls[int]) { _, _, _ = cs.Quorum(ctx, 2) }, "1 3"},
		"Quorum out of reach":  {"vxvx", func(ctx context.Context, cs async.Calls[int]) { _, _, _ = cs.Quorum(ctx, 3) }, "0 2"},
		"Quorum given up":      {"vx--", func(ctx context.Context, cs async.Calls[int]) { _, _, _ = cs.Quorum(ctx, 2) }, "0 1"},
		"Quorum refused":       {"vxv", func(ctx context.Context, cs async.Calls[int]) { _, _, _ = cs.Quorum(ctx, 4) }, "0 1 2"},
		"Each":                 {"vxv", func(ctx context.Context, cs async.Calls[int]) { eachUntil(ctx, cs, 3) }, ""},
		"Each left early":      {"vxv", func(ctx context.Context, cs async.Calls[int]) { eachUntil(ctx, cs, 2) }, "2"},
		"Each left at once":    {"vxv", func(ctx context.Context, cs async.Calls[int]) { eachUntil(ctx, cs, 1) }, "1 2"},
		"Any before a panic":   {"vp", func(ctx context.Context, cs async.Calls[int]) { _, _, _ = cs.Any(ctx) }, ""},
		"a panic before a win": {"pv", func(ctx context.Context, cs async.Calls[int]) { _ = recovered(func() { _, _, _ = cs.Any(ctx) }) }, "1"},
		"WaitAll":              {"vv", func(ctx context.Context, cs async.Calls[int]) { _ = async.WaitAll(ctx, cs[0], cs[1]) }, "0 1"},
		"Cancel":               {"vx", func(_ context.Context, cs async.Calls[int]) { cs.Cancel(nil) }, "0 1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				discarded := make([]int, len(test.results))
				hold := make(chan struct{})
				defer close(hold)
				var cs async.Calls[int]
				for i, kind := range test.results {
					cs = append(cs, async.Go(bg, func(context.Context) (int, error) {
						switch kind {
						case 'x':
							return i, errBoom
						case 'p':
							panic(i)
						case '-':
							<-hold
						}
						return i, nil
					}, async.Discard(func(v int, err error) {
						wantEq(t, "the value discarded", v, i)
						wantEq(t, "its error", err != nil, kind == 'x')
						discarded[i]++
					})))
					synctest.Wait()
				}
				ctx, cancel := context.WithTimeout(bg, time.Second)
				defer cancel()
				test.take(ctx, cs)
				synctest.Wait()
				wantEq(t, "discarded before the release", slices.Max(discarded), 0)
				_ = recovered(cs.Release)
				synctest.Wait()
				var got []string
				for i, n := range discarded {
					for range n {
						got = append(got, fmt.Sprint(i))
					}
				}
				wantEq(t, "discarded", strings.Join(got, " "), test.discarded)
			})
		})
	}
}

func eachUntil(ctx context.Context, cs async.Calls[int], n int) {
	for range cs.Each(ctx) {
		if n--; n == 0 {
			return
		}
	}
}

// While a method waits it holds its calls: another's Release neither abandons
// them nor takes their results away. When it has returned, it holds nothing.
func TestR9_AMethodInProgressHoldsItsCalls(t *testing.T) {
	for method, combine := range combinators {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ps, cs := promises(3, async.CancelOnAbandon())
				var got any
				var err error
				go func() { got, err = combine(bg, cs) }()
				synctest.Wait()
				cs.Release()
				wantEq(t, "abandoned", ps[0].Context().Err(), nil)
				for i, p := range ps {
					if !p.Complete(i+1, nil) {
						// A loser is abandoned as soon as the method returns.
						wantIs(t, context.Cause(p.Context()), async.ErrAbandoned)
					}
				}
				synctest.Wait()
				wantEq(t, "error", err, nil)
				want := map[string]string{
					"Race": "0 1", "Any": "0 1", "All": "[1 2 3]", "Quorum": "[0 1] [1 2]",
					"Settle": "[{1 <nil>} {2 <nil>} {3 <nil>}]",
					"Each":   "0 {1 <nil>} 1 {2 <nil>} 2 {3 <nil>}",
				}
				wantEq(t, "outcome", got, any(want[method]))
			})
			synctest.Test(t, func(t *testing.T) {
				ps, cs := promises(3, async.CancelOnAbandon())
				ps[0].Complete(1, nil)
				_, _ = combine(expired, cs)
				cs.Release()
				for _, p := range ps[1:] {
					wantEq(t, "abandoned by the last release", context.Cause(p.Context()), async.ErrAbandoned)
				}
			})
		})
	}
}

// Each that is left early has left every call, at once.
func TestW5_EachLeftEarlyLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := goroutines()
		ps, cs := promises(10, async.CancelOnAbandon())
		ps[3].Complete(3, nil)
		for i := range cs.Each(bg) {
			wantEq(t, "index", i, 3)
			break
		}
		wantEq(t, "goroutines", goroutines()-before, 0)
		cs[4].Release()
		wantEq(t, "a reference was left", cs[4].IsDone(), true)
	})
	_, long := promises(100)
	first := async.Ready(1, nil)
	cs := append(async.Calls[int]{first}, long...)
	wantFlat(t, "a million registrations", func() {
		for range rounds(10_000) {
			eachUntil(bg, cs, 1)
		}
	})
}

func TestW5_EachStopsWithoutAYieldWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ps, cs := promises(3)
		ps[2].Complete(2, nil)
		time.AfterFunc(time.Second-1, func() { ps[0].Complete(0, errBoom) })
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		start := time.Now()
		got, _ := combinators["Each"](ctx, cs)
		wantEq(t, "yielded", got, any("2 {2 <nil>} 0 {0 boom}"))
		wantEq(t, "waited", time.Since(start), time.Second)
	})
}

// An iterator may be ranged over again, and by several at the same time.
func TestW5_EachCanBeRangedOverAgain(t *testing.T) {
	ps, cs := promises(5)
	seq := cs.Each(bg)
	var total atomic.Int32
	loop := func() {
		for i, r := range seq {
			wantEq(t, "value", r.Value, i)
			total.Add(1)
		}
	}
	together(loop, loop, func() {
		for i, p := range ps {
			p.Complete(i, nil)
		}
	})
	loop()
	wantEq(t, "yields", total.Load(), int32(15))
}

// A panic is raised by those that return one result for many, as they meet it,
// and held by Settle and Each. Whoever has his answer before does not meet it.
func TestW6_Panics(t *testing.T) {
	raised := map[string]bool{"Race": true, "Any": true, "All": true, "Quorum": true}
	for method, combine := range combinators {
		t.Run(method, func(t *testing.T) {
			var cs async.Calls[int]
			for range 2 {
				cs = append(cs, async.Go(bg, panicWith(errBoom)))
				_ = cs[len(cs)-1].Wait(bg)
			}
			e, _ := recovered(func() { _, _ = combine(bg, cs) }).(*async.PanicError)
			wantEq(t, "raised", e != nil, raised[method])
			if e != nil {
				wantIs(t, e, errBoom)
				wantContains(t, string(e.Stack), "originOfThePanic")
			}
			_, _ = cs.Settle(bg)
		})
		t.Run(method+", not met", func(t *testing.T) {
			cs := async.Calls[int]{async.Ready(1, nil), async.Ready(2, nil), async.Go(bg, panicWith(errBoom))}
			_ = cs[2].Wait(bg)
			e := recovered(func() { _, _ = combine(bg, cs) })
			wantEq(t, "raised", e != nil, method == "All")
			_, _ = cs.Settle(bg)
		})
	}
	cs := async.Calls[int]{async.Go(bg, panicWith(errBoom)), async.Ready(2, nil)}
	rs, err := cs.Settle(bg)
	wantEq(t, "Settle", err, nil)
	wantEq(t, "the other", rs[1], async.Result[int]{Value: 2})
	for i, r := range cs.Each(bg) {
		if i == 0 {
			wantEq(t, "the same panic", r.Err, rs[0].Err)
		}
	}
	var e *async.PanicError
	wantEq(t, "held", errors.As(rs[0].Err, &e), true)
}

func TestW7_AllEndsWithTheFirstFailureInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := errors.New("first"), errors.New("second")
		ps, cs := promises(5)
		var err error
		go func() { _, err = cs.All(bg) }()
		ps[4].Complete(4, nil)
		synctest.Wait()
		wantEq(t, "ended by a success", err, nil)
		ps[3].Complete(0, first)
		ps[0].Complete(0, second)
		synctest.Wait()
		wantEq(t, "error", err, first)
		wantEq(t, "the rest is left alone", cs[1].IsDone(), false)
	})
}

// One fails, and cancels the others: the failure is told, not its echoes, even
// where they come first. Among echoes it is the first in time.
func TestW7_AFailureComesBeforeTheEchoesOfOne(t *testing.T) {
	canceled := &async.CanceledError{}
	wrapped := fmt.Errorf("fetch: %w", context.Canceled)
	for name, test := range map[string]struct {
		order   []int // of completion
		results []error
		want    error
	}{
		"the failure first":             {[]int{1, 0, 2}, []error{canceled, errBoom, canceled}, errBoom},
		"the failure last":              {[]int{2, 0, 1}, []error{canceled, errBoom, canceled}, errBoom},
		"wrapped":                       {[]int{0, 1, 2}, []error{wrapped, context.Canceled, errBoom}, errBoom},
		"only echoes":                   {[]int{2, 0, 1}, []error{wrapped, canceled, context.Canceled}, context.Canceled},
		"beside successes":              {[]int{0, 1, 2}, []error{nil, canceled, errBoom}, errBoom},
		"two failures":                  {[]int{2, 0, 1}, []error{canceled, errors.New("later"), errBoom}, errBoom},
		"a deadline is no cancellation": {[]int{0, 1, 2}, []error{canceled, context.DeadlineExceeded, nil}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			ps, cs := promises(len(test.results))
			ctx := hookContext{bg, func() { // when All has registered
				for _, i := range test.order {
					ps[i].Complete(i, test.results[i])
				}
			}}
			_, err := cs.All(ctx)
			wantEq(t, "error", err, test.want)
			if _, err = cs.All(bg); test.want != context.Canceled { // complete on entry the order is not known
				wantEq(t, "an echo", errors.Is(err, context.Canceled), false)
			}
		})
	}
}

// A panic is no echo, whatever it panicked with.
func TestW7_APanicIsNoEcho(t *testing.T) {
	canceled := async.Ready(0, error(&async.CanceledError{}))
	panicked := async.Go(bg, panicWith(context.Canceled))
	_ = panicked.Wait(bg)
	cs := async.Calls[int]{canceled, panicked}
	e, _ := recovered(func() { _, _ = cs.All(bg) }).(*async.PanicError)
	wantEq(t, "raised", e != nil, true)
}

func TestW7_TheEchoesOfTheGroupsOwnCancellation(t *testing.T) {
	for range rounds(2000) {
		ctx, cancel := context.WithCancelCause(bg)
		calls := async.GoEach(ctx, []int{0, 1, 2, 3}, func(ctx context.Context, i int) (int, error) {
			if i == 2 {
				defer cancel(errBoom) // when it has its error, the others are told
				return 0, errBoom
			}
			return block(ctx)
		})
		_, err := calls.All(bg)
		if !errors.Is(err, errBoom) {
			t.Fatal(err)
		}
		cancel(nil)
		_, _ = calls.Settle(bg)
	}
}

func TestCalls_WhatTheEndOfTheContextLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ps, cs := promises(3)
		ps[1].Complete(7, nil)
		ctx, cancel := context.WithTimeoutCause(bg, time.Second, errBoom)
		defer cancel()
		for method, on := range map[string]async.Waitable{
			"All": cs[0], "Settle": cs[0], // the first that is not complete
			"Quorum": nil, // any of many
		} {
			_, err := combinators[method](ctx, cs)
			wantWaitError(t, method, err, on, context.DeadlineExceeded, errBoom)
		}
		rs, err := cs.Settle(ctx)
		wantEq(t, "complete", rs[1], async.Result[int]{Value: 7})
		wantEq(t, "pending", rs[0].Err, err)
		wantEq(t, "pending, too", rs[2].Err, err)
	})
}

// Completion beats expiry: what is there is returned, even if ctx is done.
func TestR6_TheMethodsOfCalls(t *testing.T) {
	for method, combine := range combinators {
		t.Run(method, func(t *testing.T) {
			ps, cs := promises(2)
			for i, p := range ps {
				p.Complete(i, nil)
			}
			want, err := combine(bg, cs)
			wantEq(t, "error", err, nil)
			for range 1000 {
				got, err := combine(expired, cs)
				if got != want || err != nil {
					t.Fatalf("got %v, %v", got, err)
				}
			}
			for round := range rounds(5000) {
				ps, cs := promises(2)
				ctx, cancel := context.WithCancel(bg)
				together(
					func() { ps[0].Complete(0, nil); ps[1].Complete(1, nil); cancel() },
					func() {
						if got, err := combine(ctx, cs); got != want || err != nil {
							t.Errorf("round %d: got %v, %v", round, got, err)
						}
					})
				if t.Failed() {
					return
				}
			}
		})
	}
}

// A failure that races with the end of the context is told or is not, but it is
// never taken for a success.
func TestW7_AllTakesNoFailureForASuccess(t *testing.T) {
	const n = 2000 // looking at all of them takes a while
	cs := make(async.Calls[int], n)
	for i := range cs {
		cs[i] = async.Ready(i, nil)
	}
	for round := range rounds(2000) {
		p, c := async.NewPromise[int](bg)
		cs[0] = c
		var err error
		spin := rand.N(200_000)
		together(
			func() { _, err = cs.All(expired) },
			func() {
				for range spin {
					c.IsDone()
				}
				p.Complete(0, errBoom)
			})
		if err == nil {
			t.Fatalf("round %d: a call failed, and All succeeded", round)
		}
	}
}

// A handle that cannot be waited for counts as complete, with the refusal.
func TestCalls_HandlesOfNoUse(t *testing.T) {
	released, finished := async.Ready(1, nil), async.Ready(2, nil)
	released.Release()
	_, _ = finished.Finish()
	good := async.Ready(3, nil)
	cs := async.Calls[int]{released, finished, good}
	i, _, err := cs.Race(bg)
	wantEq(t, "Race", fmt.Sprint(i, err), fmt.Sprint(0, async.ErrReleased))
	i, v, err := cs.Any(bg)
	wantEq(t, "Any", fmt.Sprint(i, v, err), "2 3 <nil>")
	_, err = cs.All(bg)
	wantEq(t, "All", err, async.ErrReleased)
	_, _, err = cs.Quorum(bg, 2)
	wantIs(t, err, async.ErrReleased, async.ErrCallComplete)
	rs, err := cs.Settle(bg)
	wantEq(t, "Settle", fmt.Sprint(err, rs[0].Err == async.ErrReleased, rs[1].Err == async.ErrCallComplete, rs[2]), "<nil> true true {3 <nil>}")
	n := 0
	for i, r := range cs.Each(bg) {
		wantEq(t, "Each", r, rs[i])
		n++
	}
	wantEq(t, "yields", n, 3)
	cs.Cancel(nil)
	cs.Release()
}

// The same call may be in the list twice.
func TestCalls_TheSameCallTwice(t *testing.T) {
	p, c := async.NewPromise[int](bg)
	cs := async.Calls[int]{c, c}
	together(
		func() { p.Complete(1, nil) },
		func() { vs, err := cs.All(bg); wantEq(t, "All", fmt.Sprint(vs, err), "[1 1] <nil>") },
		func() { _, vs, err := cs.Quorum(bg, 2); wantEq(t, "Quorum", fmt.Sprint(vs, err), "[1 1] <nil>") },
		func() {
			got, _ := combinators["Each"](bg, cs)
			wantEq(t, "Each", len(got.(string)), len("0 {1 <nil>} 1 {1 <nil>}"))
		})
}

// All methods at once on the same calls, from many goroutines: each has the
// answer that it would have alone.
func TestCalls_TheMethodsDoNotDisturbOneAnother(t *testing.T) {
	for range rounds(500) {
		ps, cs := promises(4)
		var acts []func()
		for method, combine := range combinators {
			for range 2 {
				acts = append(acts, func() {
					_, err := combine(bg, cs)
					wantEq(t, method, err, nil)
				})
			}
		}
		for i, p := range ps {
			acts = append(acts, func() { p.Complete(i, nil) })
		}
		together(acts...)
	}
}

// Cancel cancels every call, the rest also where an OnSignal function panics.
func TestCalls_CancelCancelsAllBesideAPanic(t *testing.T) {
	_, bad := async.NewPromise[int](bg, async.OnSignal(func() { panic(errBoom) }))
	_, good := async.NewPromise[int](bg)
	wantEq(t, "panic", recovered(func() { async.Calls[int]{bad, good}.Cancel(nil) }), any(errBoom))
	wantEq(t, "canceled", good.IsDone(), true)
}

func TestGoEach(t *testing.T) {
	t.Run("one call for each input", func(t *testing.T) {
		in := make([]int, 1000)
		for i := range in {
			in[i] = i * i
		}
		cs := async.GoEach(bg, in, func(_ context.Context, n int) (int, error) { return n + 1, nil })
		clear(in) // the caller may use his own again
		vs, err := cs.All(bg)
		wantEq(t, "error", err, nil)
		for i, v := range vs {
			if v != i*i+1 {
				t.Fatalf("value %d is %d", i, v)
			}
		}
	})
	t.Run("options", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var b bin
			cs := async.GoEach(bg, []int{1, 2}, func(context.Context, int) (int, error) { return 1, nil }, b.option(), async.Name("each"))
			wantEq(t, "name", cs[1].String(), `call "each"`)
			synctest.Wait()
			cs.Release()
			synctest.Wait()
			b.want(t, "released", 2)
		})
	})
	t.Run("a context that is done", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(bg)
		cancel(errBoom)
		cs := async.GoEach(ctx, []int{1, 2}, func(context.Context, int) (int, error) { t.Error("it ran"); return 0, nil })
		for _, c := range cs {
			wantEq(t, "complete at once", c.IsDone(), true)
			_, err := c.Finish()
			wantIs(t, err, async.ErrCanceled, errBoom)
		}
	})
	t.Run("the calls are apart", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cs := async.GoEach(bg, []int{1, 2, 3}, func(ctx context.Context, n int) (int, error) { return block(ctx) })
			_ = cs[1].Cancel(errBoom)
			synctest.Wait()
			wantEq(t, "the others", cs[0].IsDone() || cs[2].IsDone(), false)
			cs.Cancel(nil)
		})
	})
	t.Run("GoAll", func(t *testing.T) {
		cs := async.GoAll(bg, []func(context.Context) (int, error){value(1, nil), value(2, errBoom), value(3, nil)})
		rs, _ := cs.Settle(bg)
		wantEq(t, "results", fmt.Sprint(rs), "[{1 <nil>} {2 boom} {3 <nil>}]")
	})
	wantPanic(t, "nil function", "nil function", func() { async.GoEach[int, int](bg, nil, nil) })
	wantPanic(t, "nil context", "nil context", func() { async.GoAll[int](nil, nil) }) //nolint:staticcheck // the misuse itself
}

// upTo yields the numbers below n.
func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// The ways in which Map runs functions: on its workers, in a scope, in a group.
func waysOfMap(n int) map[string]func() []async.Option {
	return map[string]func() []async.Option{
		"on workers": func() []async.Option { return []async.Option{async.AtOnce(n)} },
		"in a scope": func() []async.Option {
			return []async.Option{async.NewScope(async.ScopeOptions{Limit: n, Track: true})}
		},
		"in a scope without a limit": func() []async.Option {
			return []async.Option{async.NewScope(async.ScopeOptions{}), async.AtOnce(n)}
		},
		"in a group": func() []async.Option { return []async.Option{async.InGroup(new(errgroup.Group)), async.AtOnce(n)} },
	}
}

// eachWay runs a test in a bubble for each way, in both orders.
func eachWay(t *testing.T, n int, test func(t *testing.T, opts []async.Option)) {
	t.Helper()
	for name, opts := range waysOfMap(n) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, opts()) })
		})
		t.Run(name+", in order", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, append(opts(), async.InOrder())) })
		})
	}
}

func TestC10_MapYieldsEveryResultOnce(t *testing.T) {
	eachWay(t, 3, func(t *testing.T, opts []async.Option) {
		seen := make(map[int]int)
		for i, r := range async.Map(t.Context(), upTo(100), func(ctx context.Context, i int) (int, error) {
			switch i % 5 {
			case 1:
				return i, errBoom
			case 2:
				panic(errBoom)
			case 3:
				runtime.Goexit()
			case 4:
				time.Sleep(time.Duration(i) * time.Second)
			}
			return i * i, nil
		}, opts...) {
			seen[i]++
			switch i % 5 {
			case 1:
				wantEq(t, "value and error", fmt.Sprint(r), fmt.Sprintf("{%d boom}", i))
			case 2:
				if e, ok := errors.AsType[*async.PanicError](r.Err); !ok || e.Value != any(errBoom) {
					t.Errorf("input %d: %v", i, r.Err)
				}
			case 3:
				wantEq(t, "Goexit", r.Err, async.ErrGoexit)
			default:
				wantEq(t, "value", r, async.Result[int]{Value: i * i})
			}
		}
		wantEq(t, "inputs", len(seen), 100)
		for i, n := range seen {
			wantEq(t, fmt.Sprint("input ", i), n, 1)
		}
	})
}

// The order is that of completion, or with InOrder that of the inputs.
func TestC10_MapOrder(t *testing.T) {
	for _, inOrder := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			opts := []async.Option{async.AtOnce(3)}
			want := "[2 1 0]"
			if inOrder {
				opts, want = append(opts, async.InOrder()), "[0 1 2]"
			}
			var got []int
			for i := range async.Map(t.Context(), upTo(3), func(ctx context.Context, i int) (int, error) {
				time.Sleep(time.Duration(3-i) * time.Second)
				return i, nil
			}, opts...) {
				got = append(got, i)
			}
			wantEq(t, "order", fmt.Sprint(got), want)
		})
	}
}

// An input is pulled when a function can run: never are more in flight or unread than the
// bound says, and while there are inputs, as many run.
func TestC10_MapIsBounded(t *testing.T) {
	eachWay(t, 4, func(t *testing.T, opts []async.Option) {
		var pulled, read, running, most atomic.Int64
		in := func(yield func(int) bool) {
			for i := range 100 {
				if n := pulled.Add(1) - read.Load(); n > 4 {
					t.Errorf("%d are in flight or unread", n)
				}
				if !yield(i) {
					return
				}
			}
		}
		start := time.Now()
		for range async.Map(t.Context(), in, func(context.Context, int) (int, error) {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			return 0, nil
		}, opts...) {
			read.Add(1)
		}
		wantEq(t, "ran at once", most.Load(), int64(4))
		wantEq(t, "took", time.Since(start), 25*time.Second)
	})
}

// Without a bound of its own, and without a limit of the scope, as many run as there are
// processors.
func TestC10_MapDefaultBound(t *testing.T) {
	for name, opts := range map[string][]async.Option{"no option": nil, "a scope": {async.NewScope(async.ScopeOptions{})}} {
		synctest.Test(t, func(t *testing.T) {
			var running, most int64
			var mu sync.Mutex
			for range async.Map(t.Context(), upTo(50), func(context.Context, int) (int, error) {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				running--
				mu.Unlock()
				return 0, nil
			}, opts...) {
			}
			wantEq(t, name, most, int64(min(50, runtime.GOMAXPROCS(0))))
		})
	}
}

// A loop that is left returns when every function has; those that have not started never
// run, and what the loop did not take goes to Discard.
func TestC10_MapLeftEarly(t *testing.T) {
	eachWay(t, 4, func(t *testing.T, opts []async.Option) {
		var mu sync.Mutex
		ran, returned, discarded := 0, 0, []int{}
		opts = append(opts, async.Discard(func(i int, err error) {
			mu.Lock()
			defer mu.Unlock()
			discarded = append(discarded, i)
		}))
		start := time.Now()
		for i, r := range async.Map(t.Context(), upTo(1000), func(ctx context.Context, i int) (int, error) {
			mu.Lock()
			ran++
			mu.Unlock()
			defer func() { mu.Lock(); returned++; mu.Unlock() }()
			switch i {
			case 0, 1:
				time.Sleep(time.Second)
				return i, nil
			case 2:
				time.Sleep(5 * time.Second) // deaf
				return i, nil
			}
			<-ctx.Done()
			return i, ctx.Err()
		}, opts...) {
			wantEq(t, "value", r.Value, i)
			time.Sleep(time.Second) // both are complete
			break
		}
		wantEq(t, "took", time.Since(start), 5*time.Second)
		mu.Lock()
		wantEq(t, "ran", ran, 4)
		wantEq(t, "returned", returned, 4)
		mu.Unlock()
		synctest.Wait()
		wantEq(t, "discarded", len(discarded), 3)
	})
}

// The end of ctx ends the loop: what is complete is handed out, nothing more is pulled.
func TestC10_MapEndsWithItsContext(t *testing.T) {
	eachWay(t, 4, func(t *testing.T, opts []async.Option) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, errBoom)
		defer cancel()
		var pulled, got int
		in := func(yield func(int) bool) {
			for {
				if ctx.Err() != nil {
					t.Error("pulled after the end")
				}
				if pulled++; !yield(pulled) {
					return
				}
			}
		}
		causes := make(chan error, 4)
		for range async.Map(ctx, in, func(ctx context.Context, i int) (int, error) {
			if i < 4 {
				time.Sleep(time.Second)
				return i, nil
			}
			<-ctx.Done()
			time.Sleep(time.Second)
			causes <- context.Cause(ctx)
			return i, nil
		}, opts...) {
			got++
		}
		wantEq(t, "results", got, 3)
		wantEq(t, "pulled", pulled, 7)
		wantEq(t, "functions that were stopped", len(causes), 4)
		for range len(causes) {
			wantEq(t, "cause", <-causes, errBoom)
		}
	})
	// Before the first input nothing is pulled.
	ctx, cancel := context.WithCancel(bg)
	cancel()
	for range async.Map(ctx, func(func(int) bool) { t.Error("pulled") }, func(context.Context, int) (int, error) { return 0, nil }) {
		t.Error("a result")
	}
}

// What is complete when ctx ends is yielded, also where the loop was not told of the completion by
// then: here an OnSignal function ends ctx, which runs when the call is complete (C10, R6).
func TestR6_MapYieldsWhatIsCompleteWhenItsContextEnds(t *testing.T) {
	eachWay(t, 4, func(t *testing.T, opts []async.Option) {
		for _, last := range []int{0, 2} {
			ctx, cancel := context.WithCancel(t.Context())
			var complete atomic.Int32
			end := async.OnSignal(func() {
				if complete.Add(1) == int32(last+1) {
					cancel()
					time.Sleep(time.Second) // the loop looks
				}
			})
			var got []int
			for i, r := range async.Map(ctx, slices.Values([]int{0, 1, 2, 3, 4}), func(ctx context.Context, i int) (int, error) {
				if i > last {
					<-ctx.Done()
				}
				time.Sleep(time.Duration(i+1) * time.Second)
				return i, ctx.Err()
			}, append(opts, end)...) {
				if r.Err == nil {
					got = append(got, i)
				}
			}
			wantEq(t, "yielded", got, []int{0, 1, 2}[:last+1])
		}
	})
}

// A panic of the input is raised, when every function has returned. So it is with a panic
// of the loop's body, and with a function's that the loop was not given: both come up.
func TestC10_MapPanics(t *testing.T) {
	eachWay(t, 4, func(t *testing.T, opts []async.Option) {
		errOther := errors.New("other")
		var returned atomic.Int64
		in := func(yield func(int) bool) {
			yield(1)
			time.Sleep(time.Second)
			panic(errOther)
		}
		r := recovered(func() {
			for range async.Map(t.Context(), in, func(ctx context.Context, i int) (int, error) {
				defer returned.Add(1)
				<-ctx.Done()
				time.Sleep(time.Second)
				return 0, nil
			}, opts...) {
				t.Error("a result")
			}
		})
		wantEq(t, "the input's panic", r, any(errOther))
		wantEq(t, "returned", returned.Load(), int64(1))

		e, ok := recovered(func() {
			for range async.Map(t.Context(), upTo(2), func(ctx context.Context, i int) (int, error) {
				time.Sleep(time.Second) // both run
				if i == 1 {
					time.Sleep(time.Second)
					panic(errBoom)
				}
				return i, nil
			}, opts...) {
				time.Sleep(2 * time.Second)
				panic(errOther)
			}
		}).(error)
		if !ok {
			t.Fatal("it did not panic")
		}
		wantIs(t, e, errBoom, errOther)
	})
}

// A function that panics when it is canceled does not end the program: the loop that is left
// waits for the function, and raises the panic, beside the one that the loop is left by.
func TestC10_MapRaisesWhatIsLost(t *testing.T) {
	eachWay(t, 4, func(t *testing.T, opts []async.Option) {
		errOther := errors.New("other")
		left := func(leave func()) error {
			e, ok := recovered(func() {
				for range async.Map(t.Context(), upTo(3), func(ctx context.Context, i int) (int, error) {
					if i == 0 {
						time.Sleep(time.Second) // the others run
						return 0, nil
					}
					<-ctx.Done()
					time.Sleep(time.Duration(i) * time.Second)
					panic(fmt.Errorf("%w of %d", errBoom, i))
				}, opts...) {
					time.Sleep(time.Minute)
					leave()
					break
				}
			}).(error)
			if !ok {
				t.Fatal("it did not panic")
			}
			return e
		}
		e := left(func() {})
		wantIs(t, e, errBoom)
		for _, want := range []string{"boom of 1", "boom of 2"} {
			if !strings.Contains(e.Error(), want) {
				t.Errorf("no %q in %v", want, e)
			}
		}
		wantIs(t, left(func() { panic(errOther) }), errBoom, errOther)
	})
}

// The loop that a panic ends cancels what is left. An OnSignal function that panics then takes
// nothing of the first panic away.
func TestC10_MapRaisesThePanicOfItsEnd(t *testing.T) {
	eachWay(t, 4, func(t *testing.T, opts []async.Option) {
		errOther := errors.New("other")
		var left atomic.Bool
		last := make(chan struct{}) // has begun
		raised := recovered(func() {
			for range async.Map(t.Context(), upTo(4), func(ctx context.Context, i int) (int, error) {
				if i == 0 {
					<-last
					return 0, nil
				}
				if i == 3 {
					close(last)
				}
				<-ctx.Done()
				return 0, nil
			}, append(opts, async.OnSignal(func() {
				if left.Load() {
					panic(errBoom)
				}
			}))...) {
				synctest.Wait() // what is complete has told everybody
				left.Store(true)
				panic(errOther)
			}
		})
		e, _ := raised.(*async.PanicError)
		if e == nil {
			t.Fatalf("raised %v", raised)
		}
		wantIs(t, e, errBoom, errOther)
	})
}

// A body that calls Goexit, as t.FailNow does, leaves the loop as any other.
func TestC10_MapLeftByGoexit(t *testing.T) {
	eachWay(t, 4, func(t *testing.T, opts []async.Option) {
		var running atomic.Int64
		over := make(chan struct{})
		go func() {
			defer close(over)
			for range async.Map(t.Context(), upTo(100), func(ctx context.Context, i int) (int, error) {
				defer running.Add(-1)
				if running.Add(1); i > 0 {
					<-ctx.Done()
				}
				return 0, nil
			}, opts...) {
				runtime.Goexit()
			}
		}()
		<-over
		wantEq(t, "running", running.Load(), int64(0))
	})
}

// The context of a call ends with the call, with Streaming when the body is through.
func TestC10_MapContexts(t *testing.T) {
	for _, streaming := range []bool{false, true} {
		for name, opts := range waysOfMap(2) {
			t.Run(fmt.Sprint(name, streaming), func(t *testing.T) {
				opts := opts()
				if streaming {
					opts = append(opts, async.Streaming())
				}
				var last context.Context
				for _, r := range async.Map(t.Context(), upTo(50), func(ctx context.Context, i int) (context.Context, error) {
					return ctx, ctx.Err()
				}, opts...) {
					if last != nil {
						wantEq(t, "ended", last.Err(), context.Canceled)
					}
					last = r.Value
					wantEq(t, "lives in the body", last.Err() == nil, streaming)
				}
				wantEq(t, "ended at last", last.Err(), context.Canceled)
			})
		}
	}
}

// Map in a function of its own scope lends the slot of the function while Map waits.
func TestC10_MapLendsTheSlot(t *testing.T) {
	for _, opts := range [][]async.Option{nil, {async.InOrder()}} {
		synctest.Test(t, func(t *testing.T) {
			s := async.NewScope(async.ScopeOptions{Limit: 1})
			c := async.Go(t.Context(), func(ctx context.Context) (int, error) {
				sum := 0
				for i, r := range async.Map(ctx, upTo(10), func(ctx context.Context, i int) (int, error) {
					return i, async.Sleep(ctx, time.Second)
				}, append(opts, s)...) {
					if sum += r.Value; i == 5 {
						break
					}
				}
				return sum, nil
			}, s)
			v, err := c.Await(t.Context())
			wantEq(t, "result", fmt.Sprint(v, err), "15 <nil>")
			wantEq(t, "shutdown", s.Shutdown(t.Context()), nil)
		})
	}
}

// Each input is a call of the scope: it is counted, named, and refused.
func TestC10_MapInAScope(t *testing.T) {
	var names []string
	s := async.NewScope(async.ScopeOptions{Limit: 1, Track: true, Observer: async.Observer{Begun: func(i async.CallInfo) { names = append(names, i.Name) }}})
	for i, r := range async.Map(bg, upTo(3), func(_ context.Context, i int) (int, error) { return i, nil }, s,
		async.NameEach(func(i int) string { return fmt.Sprint("input ", i) })) {
		wantEq(t, "value", r.Value, i)
	}
	wantEq(t, "names", strings.Join(names, ", "), "input 0, input 1, input 2")
	stats := s.Stats()
	wantEq(t, "taken", stats.Taken, int64(3))
	for h := range s.Unreleased() {
		t.Errorf("unreleased: %v", h)
	}
	s.Close()
	for _, r := range async.Map(bg, upTo(2), func(context.Context, int) (int, error) { return 0, nil }, s) {
		wantRefused(t, "refused", r.Err, async.ErrScopeClosed)
	}
	calls := async.GoEach(bg, []string{"a", "b"}, func(context.Context, string) (int, error) { return 0, nil }, async.NameEach(strings.ToUpper))
	wantEq(t, "GoEach", calls[0].String()+", "+calls[1].String(), `call "A", call "B"`)
}

// A Map waits for room in its scope, however small the queue is, alone in the scope and
// beside others: no input is refused.
func TestC10_MapWaitsForRoom(t *testing.T) {
	for name, o := range map[string]async.ScopeOptions{
		"no queue":      {Limit: 2, Queue: async.NoQueue},
		"a short queue": {Limit: 2, Queue: 1},
		"no limit":      {Queue: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := async.NewScope(o)
			loop := func() {
				seen := 0
				for i, r := range async.Map(bg, upTo(rounds(2000)), func(_ context.Context, i int) (int, error) { return i, nil }, s, async.AtOnce(10)) {
					wantEq(t, "error", r.Err, nil)
					wantEq(t, "value", r.Value, i)
					seen++
				}
				wantEq(t, "results", seen, rounds(2000))
			}
			together(loop, loop, loop)
			wantEq(t, "refused", s.Stats().Refused, int64(0))
			wantEq(t, "shutdown", s.Shutdown(bg), nil)
		})
	}
}

func TestC10_MapMisuse(t *testing.T) {
	work := func(context.Context, int) (int, error) { return 0, nil }
	wantPanic(t, "nil context", "nil context", func() { async.Map(nil, upTo(1), work) }) //nolint:staticcheck // the misuse itself
	wantPanic(t, "nil sequence", "nil sequence", func() { async.Map(bg, nil, work) })
	wantPanic(t, "nil function", "nil function", func() { async.Map[int, int](bg, upTo(1), nil) })
	wantPanic(t, "AtOnce(0)", "AtOnce(0)", func() { async.AtOnce(0) })
	wantPanic(t, "AtOnce(-1)", "AtOnce(-1)", func() { async.AtOnce(-1) })
	for name, most := range map[string]async.Option{"AtOnce": async.AtOnce(math.MaxInt), "Limit": async.NewScope(async.ScopeOptions{Limit: math.MaxInt})} {
		n := 0
		for i, r := range async.Map(bg, upTo(10), func(_ context.Context, i int) (int, error) { return i, nil }, most) {
			wantEq(t, name, r, async.Result[int]{Value: i})
			n++
		}
		wantEq(t, name+": results", n, 10)
	}
	wantPanic(t, "NameEach(nil)", "NameEach with a nil function", func() { async.NameEach[int](nil) })
	other := async.NameEach(func(string) string { return "" })
	wantPanic(t, "NameEach of another type", "for inputs of int", func() { async.Map(bg, upTo(1), work, other) })
	wantPanic(t, "NameEach of another type", "for inputs of int", func() { async.GoEach(bg, []int{1}, work, other) })
	wantPanic(t, "Discard of another type", "Discard", func() { async.Map(bg, upTo(1), work, async.Discard(func(string, error) {})) })
	for name, opt := range map[string]async.Option{"AtOnce": async.AtOnce(1), "InOrder": async.InOrder(), "NameEach": other} {
		wantPanic(t, "Go", name+" given to", func() { async.Go(bg, value(1, nil), opt) })
		wantPanic(t, "GoAll", name+" given to", func() { async.GoAll(bg, []func(context.Context) (int, error){value(1, nil)}, opt) })
		wantPanic(t, "NewPromise", name+" given to", func() { async.NewPromise[int](bg, opt) })
		wantPanic(t, "Begin", name+" given to", func() { _ = new(async.Call[int]).Begin(bg, value(1, nil), opt) })
		wantPanic(t, "Hedge", name+" given to", func() { _, _ = async.Hedge(bg, 0, 1, anyAttempt(value(1, nil)), opt) })
		wantPanic(t, "NewLazy", name+" given to", func() { async.NewLazy(value(1, nil), opt) })
		wantPanic(t, "Group", name+" given to", func() {
			g := async.Group[int, int]{Options: []async.Option{opt}}
			_, _, _ = g.Do(bg, 1, value(1, nil))
		})
		if name != "NameEach" {
			wantPanic(t, "GoEach", name+" given to", func() { async.GoEach(bg, []int{1}, work, opt) })
		}
	}
}

// A million inputs need no more memory than a few, and goroutines do not pile up.
func TestC10_MapOfAMillion(t *testing.T) {
	n := rounds(1_000_000)
	for _, opts := range [][]async.Option{{async.AtOnce(8)}, {async.AtOnce(8), async.InOrder()}} {
		before := allGoroutines()
		var peak, count int
		wantFlat(t, "inputs", func() {
			for i, r := range async.Map(bg, upTo(n), func(_ context.Context, i int) (int, error) { return i, nil }, opts...) {
				if r.Value != i {
					t.Fatalf("input %d has %v", i, r)
				}
				if count++; count%(n/8) == 0 {
					peak = max(peak, allGoroutines()-before)
				}
			}
		})
		wantEq(t, "results", count, n)
		if peak > 16 { // some are about to end
			t.Errorf("%d goroutines", peak)
		}
	}
}

// Loops that are left at any moment, beside functions that return at any moment: every
// result is taken or discarded, once, and no function runs when the loop is over.
func TestC10_MapRaces(t *testing.T) {
	for name, opts := range waysOfMap(3) {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(3000) {
				var running, ran, discarded atomic.Int64
				taken := 0
				ctx, cancel := context.WithCancel(bg)
				scope := opts()
				for i, r := range async.Map(ctx, upTo(20), func(ctx context.Context, i int) (int, error) {
					running.Add(1)
					ran.Add(1)
					defer running.Add(-1)
					if i == round%23 {
						cancel()
					}
					return i, nil
				}, append(scope, async.Discard(func(int, error) { discarded.Add(1) }))...) {
					if !errors.Is(r.Err, async.ErrCanceled) { // ctx ended before the call began
						taken++
					}
					if i == round%20 {
						break
					}
				}
				wantEq(t, "running", running.Load(), int64(0))
				cancel()
				for deadline := 0; int64(taken)+discarded.Load() != ran.Load(); deadline++ {
					if deadline > 1_000_000 {
						t.Fatalf("round %d: %d ran, %d taken, %d discarded", round, ran.Load(), taken, discarded.Load())
					}
					runtime.Gosched()
				}
				if s := slices.IndexFunc(scope, func(o async.Option) bool { _, ok := o.(*async.Scope); return ok }); s >= 0 {
					wantEq(t, "shutdown", scope[s].(*async.Scope).Shutdown(bg), nil)
				}
			}
		})
	}
}

// Functions wait for each other, and the sequence waits for functions. So each input that was
// pulled has a goroutine at once, whatever the functions before it do and however fast those
// were that came earlier.
func TestC10_MapFunctionsMeet(t *testing.T) {
	for name, opts := range map[string][]async.Option{"in any order": nil, "in order": {async.InOrder()}} {
		t.Run(name, func(t *testing.T) {
			for round := range rounds(3000) {
				const n = 4
				fast := round % 7 // inputs that are over at once come before those that wait
				var began [n]async.Event
				in := func(yield func(int) bool) {
					for i := range fast + n {
						if !yield(i - fast) {
							return
						}
						if i == fast+round%n {
							_ = began[i-fast].Wait(bg)
						}
					}
				}
				for i, r := range async.Map(bg, in, func(_ context.Context, i int) (int, error) {
					if i < 0 {
						return i, nil
					}
					began[i].Set()
					return i, async.WaitAll(bg, &began[0], &began[1], &began[2], &began[3])
				}, append(opts, async.AtOnce(n))...) {
					wantEq(t, "result", r, async.Result[int]{Value: i})
				}
			}
		})
	}
}

// A loop that is left starts no call that waited for a slot: the last is canceled first.
func TestC10_MapLeftEarlyStartsNothing(t *testing.T) {
	for round := range rounds(3000) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		var ran atomic.Int64
		for range async.Map(bg, upTo(100), func(ctx context.Context, i int) (int, error) {
			if ran.Add(1); i > 0 {
				<-ctx.Done()
			}
			return i, nil
		}, s, async.AtOnce(20)) {
			break
		}
		if n := ran.Load(); n > 2 {
			t.Fatalf("round %d: %d functions ran, and the loop was left after the first", round, n)
		}
	}
}

// GoEach that is ended by a function of the user, as OnSignal of a call that is refused,
// hands out no list. The results of the calls that it had begun go to Discard (R9f).
func TestR9_GoEachThatEndsEarlyLosesNoResult(t *testing.T) {
	for name, end := range map[string]func(){"a panic": func() { panic(errBoom) }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue})
				gate := make(chan struct{})
				var discarded atomic.Int64
				var refused atomic.Bool // the second call, before the first one is complete
				onSignal := async.OnSignal(func() {
					if !refused.Swap(true) {
						end()
					}
				})
				var ended sync.WaitGroup
				ended.Go(func() {
					defer func() { _ = recover() }()
					async.GoEach(bg, []int{1, 2, 3}, func(_ context.Context, i int) (int, error) {
						<-gate
						return i, nil
					}, s, async.Discard(func(int, error) { discarded.Add(1) }), onSignal)
					t.Error("GoEach returned")
				})
				ended.Wait()
				close(gate)
				synctest.Wait()
				wantEq(t, "results that went to Discard", discarded.Load(), int64(1))
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			})
		})
	}
}
