package async_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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
