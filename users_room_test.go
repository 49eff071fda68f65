package async_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// WaitForRoom (C9): a Begin that waits until the queue of the scope has a place.

// Places are given in the order in which the callers began to wait, one for each place.
func TestC9_InOrder(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1, Queue: 2}, func(t *testing.T, s *async.Scope) {
		next := make(chan int)
		var begun []int // by goroutines that never run at the same time
		begin := func(i int) {
			async.Go(bg, func(context.Context) (int, error) { next <- i; return i, nil }, s, async.WaitForRoom())
			begun = append(begun, i)
		}
		const n = 20
		for i := range n {
			go begin(i)
			synctest.Wait()
		}
		wantEq(t, "have a slot or a place", len(begun), 3)
		c := async.Go(bg, value(1, nil), s)
		wantEq(t, "without WaitForRoom, complete at once", c.IsDone(), true)
		for i := range n {
			wantEq(t, "runs", <-next, i)
			synctest.Wait()
			wantEq(t, "have begun", len(begun), min(i+4, n))
		}
		wantEq(t, "in order", slices.IsSorted(begun), true)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "refused", s.Stats().Refused, int64(1))
	})
}

// A place comes free in every way in which a call leaves the queue, and one waiter has it.
func TestC9_APlaceIsHandedOn(t *testing.T) {
	for name, leave := range map[string]func(s *async.Scope, c *async.Call[int], end func()){
		"Cancel":       func(_ *async.Scope, c *async.Call[int], _ func()) { _ = c.Cancel(nil) },
		"its context":  func(_ *async.Scope, _ *async.Call[int], end func()) { end() },
		"CancelQueued": func(s *async.Scope, _ *async.Call[int], _ func()) { s.CancelQueued(nil) },
		"abandoned":    func(_ *async.Scope, c *async.Call[int], _ func()) { c.Release() },
	} {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{Limit: 1, Queue: 1}, func(t *testing.T, s *async.Scope) {
				hold := occupy(s)
				ctx, end := context.WithCancel(bg)
				defer end()
				c := async.Go(ctx, value(1, nil), s, async.CancelOnAbandon())
				begun := new(atomic.Int64)
				for range 2 {
					go func() {
						_, err := async.Go(bg, value(1, nil), s, async.WaitForRoom()).Await(bg)
						wantEq(t, "Await", err, nil)
					}()
					go func() {
						var c async.Call[int]
						err := c.Begin(bg, value(1, nil), s, async.WaitForRoom())
						begun.Add(1)
						wantEq(t, "Begin", err, nil)
						c.Release()
					}()
				}
				synctest.Wait()
				wantEq(t, "begun", s.Stats().Begun, int64(2))
				leave(s, c, end)
				synctest.Wait()
				wantEq(t, "one more has begun", s.Stats().Begun, int64(3))
				wantEq(t, "and is queued", s.Stats().Queued, int64(1))
				hold()
				synctest.Wait()
				wantEq(t, "Begins that returned", begun.Load(), int64(2))
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
				st := s.Stats()
				wantEq(t, "canceled", st.Canceled, int64(1))
				wantEq(t, "refused", st.Refused, int64(0))
			})
		})
	}
}

// The end of ctx ends the wait, at once and not before, with a call that is canceled by it.
func TestC9_TheEndOfTheContext(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1, Queue: async.NoQueue}, func(t *testing.T, s *async.Scope) {
		hold := occupy(s)
		ran := false
		f := func(context.Context) (int, error) { ran = true; return 1, nil }
		for _, begin := range []func(ctx context.Context) *async.Call[int]{
			func(ctx context.Context) *async.Call[int] { return async.Go(ctx, f, s, async.WaitForRoom()) },
			func(ctx context.Context) *async.Call[int] {
				c := new(async.Call[int])
				wantEq(t, "Begin", c.Begin(ctx, f, s, async.WaitForRoom()), nil)
				return c
			},
		} {
			start := time.Now()
			ctx, cancel := context.WithTimeoutCause(bg, time.Hour, errBoom)
			c := begin(ctx)
			cancel()
			wantEq(t, "it waited", time.Since(start), time.Hour)
			_, err := c.Finish()
			wantIs(t, err, async.ErrCanceled, errBoom)
			wantEq(t, "canceled by the context", isCanceledBy(err, errBoom), true)
		}
		start := time.Now()
		_, err := async.Go(expired, f, s, async.WaitForRoom()).Await(bg)
		wantIs(t, err, async.ErrCanceled)
		wantEq(t, "with a context that has ended, it waited", time.Since(start), 0*time.Second)
		hold()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "ran", ran, false)
		st := s.Stats()
		wantEq(t, "begun", st.Begun, int64(4))
		wantEq(t, "canceled", st.Canceled, int64(3))
		wantEq(t, "refused", st.Refused, int64(0))
	})
}

// A scope that closes ends every wait with ErrScopeClosed.
func TestC9_TheScopeCloses(t *testing.T) {
	for name, closeScope := range map[string]func(s *async.Scope){
		"Close":    func(s *async.Scope) { s.Close(); s.Close() },
		"Shutdown": func(s *async.Scope) { go func() { _ = s.Shutdown(bg) }() },
	} {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{Limit: 1, Queue: 1}, func(t *testing.T, s *async.Scope) {
				hold := occupy(s)
				queued := async.Go(bg, value(7, nil), s)
				ended := new(atomic.Int64)
				for range 10 {
					go func() {
						_, err := async.Go(bg, value(1, nil), s, async.WaitForRoom()).Await(bg)
						wantEq(t, "Go", err, async.ErrScopeClosed)
						ended.Add(1)
					}()
					go func() {
						var c async.Call[int]
						wantEq(t, "Begin", c.Begin(bg, value(1, nil), s, async.WaitForRoom()), async.ErrScopeClosed)
						wantEq(t, "the object", c.Info(), async.CallInfo{})
						ended.Add(1)
					}()
				}
				synctest.Wait()
				closeScope(s)
				synctest.Wait()
				wantEq(t, "waits that ended", ended.Load(), int64(20))
				wantEq(t, "refused", s.Stats().Refused, int64(20))
				_, err := async.Go(bg, value(1, nil), s, async.WaitForRoom()).Await(bg)
				wantEq(t, "afterwards", err, async.ErrScopeClosed)
				hold()
				v, err := queued.Await(bg)
				wantEq(t, "the queued call", v, 7)
				wantEq(t, "its error", err, nil)
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			})
		})
	}
}

// Where there is nothing to wait for, WaitForRoom changes nothing.
func TestC9_WithoutABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := async.Go(bg, value(1, nil), async.WaitForRoom()).Await(bg)
		wantEq(t, "without a scope", err, nil)
		var c async.Call[int]
		wantEq(t, "Begin without a scope", c.Begin(bg, value(1, nil), async.WaitForRoom()), nil)
		wantEq(t, "Wait", c.Wait(bg), nil)
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		hold := occupy(s)
		queued := async.Go(bg, value(1, nil), s, async.WaitForRoom())
		wantEq(t, "without a bound it is queued", queued.Info().State, async.StateQueued)
		bounded := async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue})
		holdToo := occupy(bounded)
		p, d := async.NewPromise[int](bg, bounded, async.WaitForRoom())
		wantEq(t, "a promise takes no place", d.IsDone(), false)
		p.Break()
		hold()
		holdToo()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "Shutdown", bounded.Shutdown(bg), nil)
		wantPanic(t, "a run that is shared", "WaitForRoom", func() {
			g := async.Group[int, int]{Options: []async.Option{bounded, async.WaitForRoom()}}
			_, _, _ = g.Do(bg, 1, value(1, nil))
		})
		wantPanic(t, "a lazy value", "WaitForRoom", func() { async.NewLazy(value(1, nil), async.WaitForRoom()) })
	})
}

// A Begin that is refused for another reason keeps no place, and one that could not begin
// anyway does not wait.
func TestC9_ThePlaceOfABeginThatIsRefused(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 2, Queue: 1}, func(t *testing.T, s *async.Scope) {
		full := new(errgroup.Group)
		full.SetLimit(0)
		for range 5 {
			_, err := async.Go(bg, value(1, nil), s, async.WaitForRoom(), async.InGroup(full)).Await(bg)
			wantEq(t, "the group is full", err, async.ErrQueueFull)
		}
		one, two := occupy(s), occupy(s)
		var busy, released async.Call[int]
		wantEq(t, "Begin", busy.Begin(bg, value(1, nil), s), nil)
		released.Release()
		start := time.Now()
		wantEq(t, "a busy object", busy.Begin(bg, value(1, nil), s, async.WaitForRoom()), async.ErrCallPending)
		wantEq(t, "a released one", released.Begin(bg, value(1, nil), s, async.WaitForRoom()), async.ErrReleased)
		wantEq(t, "they waited", time.Since(start), 0*time.Second)

		// Two wait on one object. The one that has a place first begins the call. The
		// other gives its place back.
		var shared async.Call[int]
		errs := make(chan error, 2)
		for range 2 {
			go func() { errs <- shared.Begin(bg, value(2, nil), s, async.WaitForRoom()) }()
		}
		synctest.Wait()
		third := new(atomic.Bool)
		go func() {
			async.Go(bg, value(3, nil), s, async.WaitForRoom()).Release()
			third.Store(true)
		}()
		synctest.Wait()
		wantEq(t, "the third has a place", third.Load(), false)
		one()
		two()
		a, b := <-errs, <-errs
		wantEq(t, "one began, one is told so", a == nil && b == async.ErrCallPending || b == nil && a == async.ErrCallPending, true)
		synctest.Wait()
		wantEq(t, "the third has a place", third.Load(), true)
		shared.Release()
		wantSlots(t, s, 2)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		_, err := async.Go(bg, value(1, nil), s, async.WaitForRoom()).Await(bg)
		wantEq(t, "at the end", err, async.ErrScopeClosed)
	})
}

// A function that waits for room in its own scope lends its slot, so functions that begin
// more than there is room for come to their end, under a limit of one, too (C2).
func TestC9_AFunctionLendsItsSlot(t *testing.T) {
	for _, o := range []async.ScopeOptions{
		{Limit: 1, Queue: async.NoQueue}, {Limit: 1, Queue: 1}, {Limit: 2, Queue: async.NoQueue}, {Limit: 3, Queue: 2},
	} {
		eachScope(t, o, func(t *testing.T, s *async.Scope) {
			running := new(atomic.Int64)
			most := new(atomic.Int64)
			work := func() {
				if n := running.Add(1); n > int64(o.Limit) {
					most.Store(n)
				}
				time.Sleep(time.Second)
				running.Add(-1)
			}
			outer := func(ctx context.Context, _ int) (int, error) {
				work()
				below := async.GoEach(ctx, make([]int, 10), func(context.Context, int) (int, error) {
					work()
					return 1, nil
				}, s, async.WaitForRoom())
				defer below.Release()
				work()
				vs, err := below.All(ctx)
				return len(vs), err
			}
			cs := async.GoEach(bg, make([]int, 5), outer, s, async.WaitForRoom())
			vs, err := cs.All(bg)
			wantEq(t, "error", err, nil)
			wantEq(t, "calls below", slices.Equal(vs, []int{10, 10, 10, 10, 10}), true)
			wantEq(t, "more at once than the limit", most.Load(), int64(0))
			wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			wantEq(t, "refused", s.Stats().Refused, int64(0))
		})
	}
}

// Waiters come and go while calls begin, end, are canceled, and the scope closes. Each call
// has an outcome, nothing is left, and no place is lost.
func TestC9_WaitersAgainstEverything(t *testing.T) {
	for round := range rounds(3000) {
		s := async.NewScope(async.ScopeOptions{Limit: 1 + round%2, Queue: []int{async.NoQueue, 1, 3}[round%3], Track: round%5 == 0})
		var ran, refused, canceled atomic.Int64
		const n = 12
		count := func(err error) {
			switch {
			case err == nil:
			case errors.Is(err, async.ErrCanceled):
				canceled.Add(1)
			default:
				refused.Add(1)
				wantEq(t, "refused", err, async.ErrScopeClosed)
			}
		}
		begin := func() {
			ctx, cancel := context.WithCancel(bg)
			defer cancel()
			for i := range n {
				f := func(ctx context.Context) (int, error) {
					ran.Add(1)
					if i%4 == 0 {
						runtime.Gosched()
					}
					return 1, nil
				}
				if i == n/2 {
					go cancel()
				}
				if i%2 == 0 {
					var c async.Call[int]
					if err := c.Begin(ctx, f, s, async.WaitForRoom()); err != nil {
						count(err)
						continue
					}
					_ = c.Wait(bg)
					_, err := c.Finish()
					count(err)
					continue
				}
				_, err := async.Go(ctx, f, s, async.WaitForRoom()).Await(bg)
				count(err)
			}
		}
		others := []func(){begin, begin, begin, func() { s.CancelQueued(nil) }}
		if round%2 == 0 {
			others = append(others, s.Close)
		}
		together(others...)
		if round%2 == 1 && s.Err() == nil {
			wantFree(t, s)
		}
		if err := s.Shutdown(bg); err != nil {
			t.Fatal(err)
		}
		st := s.Stats()
		if st.Refused != refused.Load() || st.Canceled != canceled.Load() || st.Pending != 0 || st.Untaken != 0 {
			t.Fatalf("round %d: %d ran, %d refused, %d canceled, %+v", round, ran.Load(), refused.Load(), canceled.Load(), st)
		}
	}
}

// wantFree checks that an idle scope has a slot: no place was lost.
func wantFree(t *testing.T, s *async.Scope) {
	t.Helper()
	for range 1000 { // the last function may be about to return
		if _, err := async.Go(bg, value(1, nil), s).Await(bg); err == nil {
			return
		}
		runtime.Gosched()
	}
	t.Error("an idle scope has no room")
}
