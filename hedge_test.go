package async_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/seed4712c49f/async"
)

// A script says what each attempt of a Hedge does: how long it takes, whether it
// listens to its context meanwhile, and what it returns. It notes when each
// began and how it ended. It is used in a bubble.
type script struct {
	attempts []attempt
	mu       sync.Mutex
	began    []time.Duration // since the start
	causes   []error         // why each attempt's context ended; nil where it had not when the attempt returned
	contexts []context.Context
	start    time.Time
}

type attempt struct {
	takes time.Duration // for ever where negative
	deaf  bool          // does not listen to its context
	err   error
}

func (s *script) run(ctx context.Context, _ int) (int, error) {
	s.mu.Lock()
	i := len(s.began)
	s.began = append(s.began, time.Since(s.start))
	s.causes = append(s.causes, nil)
	s.contexts = append(s.contexts, ctx)
	s.mu.Unlock()
	a := s.attempts[i]
	if a.deaf {
		time.Sleep(a.takes)
		return i, a.err
	}
	var over <-chan time.Time
	if a.takes >= 0 {
		over = time.After(a.takes)
	}
	select {
	case <-over:
		return i, a.err
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		s.causes[i] = context.Cause(ctx)
		return i, context.Cause(ctx)
	}
}

const forEver = -1

// play runs a Hedge over the attempts in a bubble.
func play(ctx context.Context, t *testing.T, delay time.Duration, attempts []attempt, opts ...async.Option) (s *script, v int, err error, took time.Duration) {
	t.Helper()
	s = &script{attempts: attempts, start: time.Now()}
	v, err = async.Hedge(ctx, delay, len(attempts), s.run, opts...)
	took = time.Since(s.start)
	synctest.Wait()
	return s, v, err, took
}

func TestW6_HedgeStartsAttempts(t *testing.T) {
	const d = time.Second
	slow := attempt{takes: forEver}
	for name, test := range map[string]struct {
		delay    time.Duration
		attempts []attempt
		began    []time.Duration
		winner   int // or -1
		took     time.Duration
	}{
		"the first is quick":              {d, []attempt{{takes: d - 1}, slow}, []time.Duration{0}, 0, d - 1},
		"the first takes a little longer": {d, []attempt{{takes: d + 1}, slow}, []time.Duration{0, d}, 0, d + 1},
		"the second wins":                 {d, []attempt{slow, {takes: 5}, slow}, []time.Duration{0, d}, 1, d + 5},
		"the third wins":                  {d, []attempt{slow, slow, {takes: 5}}, []time.Duration{0, d, 2 * d}, 2, 2*d + 5},
		"the first wins late":             {d, []attempt{{takes: 9 * d}, slow, slow}, []time.Duration{0, d, 2 * d}, 0, 9 * d},
		"a failure starts the next":       {d, []attempt{{takes: 3, err: errBoom}, slow, {takes: 1}}, []time.Duration{0, 3, d + 3}, 2, d + 4},
		"each failure starts one":         {d, []attempt{{takes: 3, err: errBoom}, {takes: 4, err: errBoom}, {takes: 5}}, []time.Duration{0, 3, 7}, 2, 12},
		"a failure beside one that runs":  {d, []attempt{slow, {takes: 2, err: errBoom}, {takes: 2}}, []time.Duration{0, d, d + 2}, 2, d + 4},
		"the delay starts anew":           {d, []attempt{{takes: d / 2, err: errBoom}, slow, {takes: 1}}, []time.Duration{0, d / 2, d/2 + d}, 2, d/2 + d + 1},
		"no delay":                        {0, []attempt{slow, slow, {takes: 7}}, []time.Duration{0, 0, 0}, 2, 7},
		"a negative delay":                {-d, []attempt{slow, {takes: 7}, slow}, []time.Duration{0, 0, 0}, 1, 7},
		"no delay, and failures":          {0, []attempt{{takes: 1, err: errBoom}, {takes: 2, err: errBoom}, {takes: 3}}, []time.Duration{0, 0, 0}, 2, 3},
		"one attempt":                     {d, []attempt{{takes: 5 * d}}, []time.Duration{0}, 0, 5 * d},
		"all fail":                        {d, []attempt{{takes: 3, err: errBoom}, {takes: 3, err: errBoom}}, []time.Duration{0, 3}, -1, 6},
		"all fail, the first one last":    {d, []attempt{{takes: 3 * d, err: errBoom}, {takes: 3, err: errBoom}}, []time.Duration{0, d}, -1, 3 * d},
		"a failure when all are begun":    {d, []attempt{{takes: d + 1, err: errBoom}, {takes: 5 * d}}, []time.Duration{0, d}, 1, 6 * d},
		"a failure just before the delay": {d, []attempt{{takes: d - 1, err: errBoom}, slow, {takes: 1}}, []time.Duration{0, d - 1, 2*d - 1}, 2, 2 * d},
		"a delay longer than there is":    {1 << 62, []attempt{{takes: d}, slow}, []time.Duration{0}, 0, d},
		"an attempt that takes no time":   {d, []attempt{{}, slow}, []time.Duration{0}, 0, 0},
		"a failure that takes no time":    {d, []attempt{{err: errBoom}, {err: errBoom}, {}}, []time.Duration{0, 0, 0}, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, v, err, took := play(t.Context(), t, test.delay, test.attempts)
				if !slices.Equal(s.began, test.began) {
					t.Errorf("attempts began at %v, want %v", s.began, test.began)
				}
				wantEq(t, "took", took, test.took)
				if test.winner < 0 {
					wantIs(t, err, errBoom)
					return
				}
				wantEq(t, "winner", v, test.winner)
				wantEq(t, "error", err, nil)
				for i, cause := range s.causes {
					if lost := i != test.winner && test.attempts[i] == slow; lost != (cause != nil) {
						t.Errorf("attempt %d: its context ended by %v", i, cause)
					}
				}
			})
		})
	}
}

// Without a delay all attempts are begun before the first is looked at, even if
// that one is quick.
func TestW6_HedgeWithoutDelayBeginsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for round := range 100 {
			delay := time.Duration(-(round % 2))
			var begun atomic.Int32 // and completed
			_, err := async.Hedge(bg, delay, 100, anyAttempt(value(1, nil)), async.OnSignal(func() { begun.Add(1) }))
			wantEq(t, "error", err, nil)
			synctest.Wait()
			wantEq(t, "attempts", begun.Load(), int32(100))
		}
	})
}

// The errors are joined in the order of the attempts, not of their ends.
func TestW6_HedgeJoinsErrorsInTheOrderOfTheAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errs := []error{errors.New("first"), errors.New("second"), errors.New("third")}
		const d = time.Second
		_, v, err, _ := play(t.Context(), t, d, []attempt{{takes: 9 * d, err: errs[0]}, {takes: 5 * d, err: errs[1]}, {takes: 2, err: errs[2]}})
		wantEq(t, "value", v, 0)
		wantEq(t, "joined", err.Error(), "first\nsecond\nthird")
		wantIs(t, err, errs...)
	})
}

func TestW6_HedgeEndsWithItsContext(t *testing.T) {
	for at, deaf := range map[time.Duration]bool{1: false, time.Second - 1: true, time.Second: false, time.Second + 1: true, time.Minute: false} {
		t.Run(at.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(bg, at, errBoom)
				defer cancel()
				slow := attempt{takes: forEver}
				if deaf {
					slow = attempt{takes: time.Hour, deaf: true}
				}
				s, v, err, took := play(ctx, t, time.Second, []attempt{slow, slow})
				wantEq(t, "value", v, 0)
				wantIs(t, err, async.ErrCanceled, context.Canceled, errBoom)
				wantEq(t, "not a wait that goes on", errors.Is(err, async.ErrCallPending), false)
				wantEq(t, "took", took, at)
				if at != time.Second { // when both came at once
					wantEq(t, "attempts", len(s.began), 1+int(min(at/time.Second, 1)))
				}
				for _, cause := range s.causes {
					wantEq(t, "told to stop", errors.Is(cause, errBoom), !deaf)
				}
				time.Sleep(2 * time.Hour) // for the deaf
			})
		})
	}
	t.Run("before it began", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(bg)
		cancel(errBoom)
		_, err := async.Hedge(ctx, 0, 3, func(context.Context, int) (int, error) { t.Error("it ran"); return 0, nil })
		wantIs(t, err, async.ErrCanceled, errBoom)
	})
}

// The error of a Hedge that its context ended names the call as its attempts are named.
func TestW6_HedgeIsNamedLikeItsAttempts(t *testing.T) {
	for what, after := range map[string]time.Duration{"before it began": 0, "meanwhile": time.Second} {
		for name, opts := range map[string][]async.Option{"fetch": {async.Name("fetch")}, "": nil} {
			t.Run(what+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(bg, after)
					defer cancel()
					_, err := async.Hedge(ctx, time.Hour, 3, func(ctx context.Context, _ int) (int, error) {
						<-ctx.Done()
						return 0, context.Cause(ctx)
					}, opts...)
					var canceled *async.CanceledError
					wantEq(t, "is a *CanceledError", errors.As(err, &canceled), true)
					wantEq(t, "Name", canceled.Name, name)
				})
			})
		}
	}
}

// An attempt that succeeds as the context ends has won (R6).
func TestR6_HedgeWonAsTheContextEnded(t *testing.T) {
	for round := range rounds(5000) {
		ctx, cancel := context.WithCancel(bg)
		v, err := async.Hedge(ctx, time.Hour, 2, func(context.Context, int) (int, error) { return 1, nil },
			async.OnSignal(cancel))
		if v != 1 || err != nil {
			t.Fatalf("round %d: %d, %v", round, v, err)
		}
	}
}

// The winner is never discarded, the losers are, each result once, early and
// late ones, value and error both.
func TestW6_HedgeDiscardsWhatLost(t *testing.T) {
	const d = time.Second
	for name, test := range map[string]struct {
		ctx       func() (context.Context, context.CancelFunc)
		delay     time.Duration
		attempts  []attempt
		discarded []int
	}{
		"late, deaf to its context": {delay: d, attempts: []attempt{{takes: 9 * d, deaf: true}, {takes: 1}}, discarded: []int{0}},
		"late, with an error":       {delay: d, attempts: []attempt{{takes: 9 * d, deaf: true, err: errBoom}, {takes: 1}}, discarded: []int{0}},
		"canceled":                  {delay: d, attempts: []attempt{{takes: forEver}, {takes: 1}, {}}, discarded: []int{0}},
		"failed before":             {delay: d, attempts: []attempt{{takes: 1, err: errBoom}, {takes: 1}}, discarded: []int{0}},
		"all fail":                  {delay: d, attempts: []attempt{{takes: 1, err: errBoom}, {takes: 1, err: errBoom}}},
		"the only one":              {delay: d, attempts: []attempt{{takes: 1}}},
		"given up": {
			ctx:   func() (context.Context, context.CancelFunc) { return context.WithTimeout(bg, 5*d) },
			delay: d, attempts: []attempt{{takes: 1, err: errBoom}, {takes: 9 * d, deaf: true}, {takes: forEver}}, discarded: []int{0, 1, 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(bg)
				if test.ctx != nil {
					ctx, cancel = test.ctx()
				}
				defer cancel()
				var mu sync.Mutex
				var got []int
				_, v, err, _ := play(ctx, t, test.delay, test.attempts, async.Discard(func(v int, err error) {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, v)
					if test.attempts[v].err != nil {
						wantEq(t, "its error", err, test.attempts[v].err)
					}
				}))
				time.Sleep(time.Hour)
				synctest.Wait()
				slices.Sort(got)
				if !slices.Equal(got, test.discarded) {
					t.Errorf("discarded %v, want %v (Hedge: %d, %v)", got, test.discarded, v, err)
				}
			})
		})
	}
}

// Two attempts succeed at the same time: one is returned, the other discarded.
func TestW6_HedgeLosesNoResult(t *testing.T) {
	for round := range rounds(3000) {
		const n = 3
		discarded := make(chan int, n+1)
		var next int
		turn := make(chan int, n)
		for i := range n {
			turn <- i
		}
		got, err := async.Hedge(bg, 0, n, func(context.Context, int) (int, error) {
			v, ok := <-turn
			if !ok {
				return 0, errBoom // it was about to start when it was canceled
			}
			return v, nil
		}, async.Discard(func(v int, err error) {
			if err == nil {
				discarded <- v
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		seen := []int{got}
		// An attempt that was canceled before it started never ran, and its turn
		// is still there.
		for len(seen) < n {
			select {
			case next = <-discarded:
			case next = <-turn:
			}
			seen = append(seen, next)
		}
		close(turn)
		runtime.Gosched()
		slices.Sort(seen)
		if fmt.Sprint(seen) != "[0 1 2]" || len(discarded) > 0 {
			t.Fatalf("round %d: returned or discarded: %v, and %d more", round, seen, len(discarded))
		}
	}
}

func TestW6_AStreamingWinnersContextLivesOn(t *testing.T) {
	for _, streaming := range []bool{false, true} {
		t.Run(fmt.Sprint(streaming), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(bg)
				var opts []async.Option
				if streaming {
					opts = append(opts, async.Streaming())
				}
				s, v, err, _ := play(ctx, t, time.Second, []attempt{{takes: forEver}, {takes: 1}}, opts...)
				wantEq(t, "winner", fmt.Sprint(v, err), "1 <nil>")
				wantEq(t, "the loser's context has ended", s.contexts[0].Err() != nil, true)
				winner := s.contexts[1]
				time.Sleep(time.Hour)
				wantEq(t, "the winner's has, unless it streams", winner.Err() == nil, streaming)
				cancel(errBoom)
				synctest.Wait()
				wantEq(t, "it ends with the Hedge's", winner.Err() != nil, true)
				wantEq(t, "by the cause of the Hedge's", context.Cause(winner) == errBoom, streaming)
			})
		})
	}
}

// A streaming winner has no handle that anybody could release: a scope with Track
// reports none, and counts none.
func TestW6_AStreamingWinnerIsNoUnreleasedHandle(t *testing.T) {
	for _, ends := range []bool{false, true} {
		t.Run(fmt.Sprintf("in a context that ends: %v", ends), func(t *testing.T) {
			scope := async.NewScope(async.ScopeOptions{Track: true})
			var winner context.Context
			ctx, cancel := bg, func() {}
			if ends {
				ctx, cancel = context.WithCancel(bg)
			}
			v, err := async.Hedge(ctx, 0, 1, func(ctx context.Context, _ int) (int, error) {
				winner = ctx
				return 1, nil
			}, scope, async.Streaming())
			wantEq(t, "result", fmt.Sprint(v, err), "1 <nil>")
			wantEq(t, "shutdown", scope.Shutdown(bg), nil)
			for h := range scope.Unreleased() {
				t.Errorf("not released: %+v", h)
			}
			wantEq(t, "its context", winner.Err(), nil)
			cancel()
			wantEq(t, "its context has ended with the hedge's", winner.Err() != nil, ends)
			for h := range scope.Unreleased() {
				t.Errorf("not released when the context has ended: %+v", h)
			}
		})
	}
}

// The winner of a streaming Hedge lives as long as the context that it was begun with, and
// not as long as a scope that tracks handles.
func TestW6_AStreamingWinnerIsNotKeptByItsScope(t *testing.T) {
	scope := async.NewScope(async.ScopeOptions{Track: true})
	v, err := async.Hedge(bg, 0, 1, func(context.Context, int) (*[64]byte, error) { return new([64]byte), nil }, scope, async.Streaming())
	if err != nil {
		t.Fatal(err)
	}
	result := weak.Make(v)
	wantEq(t, "shutdown", scope.Shutdown(bg), nil)
	for range 3 {
		runtime.GC()
	}
	if result.Value() != nil {
		t.Error("the result is kept")
	}
	runtime.KeepAlive(scope)
}

func TestW6_HedgeRaisesAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		contexts := make(chan context.Context, 2)
		var b bin
		e, _ := recovered(func() {
			_, _ = async.Hedge(bg, time.Second, 2, func(ctx context.Context, _ int) (int, error) {
				if contexts <- ctx; len(contexts) == 2 {
					originOfThePanic(errBoom)
				}
				return block(ctx)
			}, b.option())
		}).(*async.PanicError)
		if e == nil {
			t.Fatal("it did not panic")
		}
		wantIs(t, e, errBoom)
		wantContains(t, string(e.Stack), "originOfThePanic")
		synctest.Wait()
		wantEq(t, "the other is canceled", (<-contexts).Err() != nil, true)
		b.want(t, "and its result discarded", 1)
	})
}

func TestW6_HedgeMisuse(t *testing.T) {
	for _, n := range []int{0, -1} {
		_, err := async.Hedge(bg, 0, n, anyAttempt(value(1, nil)))
		wantEq(t, "no attempts", err, async.ErrNothingToWait)
	}
	wantPanic(t, "nil function", "nil function", func() { _, _ = async.Hedge[int](bg, 0, 1, nil) })
	wantPanic(t, "nil context", "nil context", func() { _, _ = async.Hedge(nil, 0, 1, anyAttempt(value(1, nil))) }) //nolint:staticcheck // the misuse itself
	wantPanic(t, "nil option", "nil Option", func() { _, _ = async.Hedge(bg, 0, 1, anyAttempt(value(1, nil)), nil) })
	wantPanic(t, "another type", "Discard", func() { _, _ = async.Hedge(bg, 0, 1, anyAttempt(value(1, nil)), async.Discard(func(string, error) {})) })
}

// A Hedge that was quick leaves neither its timer nor anything in a context that
// lives for ever.
func TestW6_HedgeLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	wantFlat(t, "hedges", func() {
		for range rounds(20_000) {
			n := 0
			_, _ = async.Hedge(ctx, time.Hour, 3, func(ctx context.Context, _ int) (int, error) {
				ctx.Done()
				if n++; n < 3 {
					return 0, errBoom
				}
				return n, nil
			})
		}
	})
}

// anyAttempt is a function for Hedge that does the same in every attempt.
func anyAttempt[T any](fn func(context.Context) (T, error)) func(context.Context, int) (T, error) {
	return func(ctx context.Context, _ int) (T, error) { return fn(ctx) }
}

// An OnSignal function of an attempt that Hedge cancels may end the goroutine of Hedge. The
// other attempts are released all the same: a result that nobody takes goes to Discard (R9f).
func TestW6_HedgeThatEndsEarlyLosesNoResult(t *testing.T) {
	for name, end := range map[string]func(){"a panic": func() { panic(errBoom) }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(bg)
				gate, over := make(chan struct{}), make(chan struct{})
				var discarded atomic.Int64
				var told atomic.Bool // of the first attempt, which is canceled
				onSignal := async.OnSignal(func() {
					if told.Swap(true) {
						return
					}
					close(gate) // the second attempt returns before it is canceled
					synctest.Wait()
					end()
				})
				var ended sync.WaitGroup
				ended.Go(func() {
					defer func() { _ = recover() }()
					_, err := async.Hedge(ctx, 0, 2, func(_ context.Context, attempt int) (int, error) {
						if attempt == 0 {
							<-over
							return 0, nil
						}
						<-gate
						return attempt, nil
					}, async.Discard(func(v int, _ error) { discarded.Add(int64(v)) }), onSignal)
					t.Errorf("Hedge returned %v", err)
				})
				synctest.Wait()
				cancel()
				ended.Wait()
				synctest.Wait()
				wantEq(t, "results that went to Discard", discarded.Load(), int64(1))
				close(over)
			})
		})
	}
}

// The same for the value of a streaming winner, which nobody is given (R9f).
func TestW6_HedgeThatEndsEarlyLosesNoStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var discarded, told atomic.Int64
		over := make(chan struct{})
		var ended sync.WaitGroup
		ended.Go(func() {
			_, err := async.Hedge(bg, 0, 2, func(_ context.Context, attempt int) (int, error) {
				if attempt == 1 {
					<-over
				}
				return 1, nil
			}, async.Streaming(), async.Discard(func(v int, _ error) { discarded.Add(int64(v)) }), async.OnSignal(func() {
				if told.Add(1) == 2 { // of the loser, which Hedge cancels
					runtime.Goexit()
				}
			}))
			t.Errorf("Hedge returned %v", err)
		})
		ended.Wait()
		synctest.Wait()
		wantEq(t, "results that went to Discard", discarded.Load(), int64(1))
		close(over)
	})
}

// Each panic of an OnSignal function is raised, joined with the panic that ends the Hedge (C5).
func TestW6_HedgeRaisesEachPanic(t *testing.T) {
	for name, last := range map[string]func(int) (int, error){
		"of the losers": func(int) (int, error) { return 3, nil },
		"of an attempt": func(int) (int, error) { panic("an attempt") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				raised := recovered(func() {
					_, _ = async.Hedge(bg, 0, 3, func(_ context.Context, attempt int) (int, error) {
						if attempt == 2 {
							return last(attempt)
						}
						<-over
						return 0, nil
					}, async.OnSignal(func() {
						if !bytes.Contains(debug.Stack(), []byte("async.(*core).run(")) { // where an attempt completes nobody could be given a panic
							panic(errBoom)
						}
					}))
				})
				e, _ := raised.(*async.PanicError)
				if e == nil {
					t.Fatalf("raised %v", raised)
				}
				wantIs(t, e, errBoom)
				wantEq(t, "panics of OnSignal", strings.Count(e.Error(), errBoom.Error()), 2)
				wantEq(t, "panics of an attempt", strings.Contains(e.Error(), "an attempt"), name == "of an attempt")
				close(over)
			})
		})
	}
}

// The attempts are numbered from 0 in the order in which they begin, whether a delay or a
// failure has begun them, and the errors are joined in that order.
func TestW6_HedgeNumbersItsAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		began := make(map[int]time.Duration)
		v, err := async.Hedge(t.Context(), time.Second, 4, func(ctx context.Context, attempt int) (string, error) {
			mu.Lock()
			began[attempt] = time.Since(start)
			mu.Unlock()
			switch attempt {
			case 1:
				time.Sleep(time.Millisecond)
				return "", errBoom
			case 2:
				return "the third", nil
			}
			return blockString(ctx)
		})
		wantEq(t, "winner", fmt.Sprint(v, err), "the third<nil>")
		wantEq(t, "began", fmt.Sprint(began), fmt.Sprint(map[int]time.Duration{0: 0, 1: time.Second, 2: time.Second + time.Millisecond}))
	})
}

func blockString(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

// Without a delay the attempts begin together: each has a number of its own all the same,
// and the numbers are those of the errors.
func TestW6_HedgeNumbersAttemptsThatBeginTogether(t *testing.T) {
	for range rounds(2000) {
		const n = 5
		var errs [n]error
		for i := range errs {
			errs[i] = errors.New(fmt.Sprint("attempt ", i))
		}
		_, err := async.Hedge(bg, 0, n, func(_ context.Context, attempt int) (int, error) { return 0, errs[attempt] })
		if got := err.Error(); got != errors.Join(errs[:]...).Error() {
			t.Fatalf("joined %q", got)
		}
	}
}
