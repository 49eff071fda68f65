package async_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// getting has another goroutine Get.
func getting(ctx context.Context, l *async.Lazy[int]) <-chan groupResult {
	ch := make(chan groupResult, 1)
	go func() {
		var r groupResult
		r.panicked = recovered(func() { r.v, r.err = l.Get(ctx) })
		ch <- r
	}()
	return ch
}

func wantPeek(t *testing.T, l *async.Lazy[int], v int, ok bool) {
	t.Helper()
	gotV, gotOK := l.Peek()
	if gotV != v || gotOK != ok {
		t.Errorf("Peek: got %v, %v, want %v, %v", gotV, gotOK, v, ok)
	}
}

func TestH2_TheFirstGetStartsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork()
		l := async.NewLazy(w.listens)
		synctest.Wait()
		w.wantRuns(t, 0)
		wantPeek(t, l, 0, false)
		var all []<-chan groupResult
		for range 8 {
			all = append(all, getting(bg, l))
		}
		synctest.Wait()
		w.wantRuns(t, 1)
		wantPeek(t, l, 0, false)
		w.end <- 5
		for _, ch := range all {
			(<-ch).want(t, "Get", 5, false)
			wantPeek(t, l, 5, true)
		}
		over, cancel := context.WithCancel(bg)
		cancel()
		v, err := l.Get(over)
		wantEq(t, "value by a context that is done", v, 5)
		wantEq(t, "error", err, nil)
		w.wantRuns(t, 1)
	})
}

func TestH2_EveryoneWaitsWithHisOwnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork()
		l := async.NewLazy(w.listens)
		over, stop := context.WithCancel(bg)
		stop()
		_, err := l.Get(over)
		wantIs(t, err, async.ErrCallPending, context.Canceled)
		ctx, cancel := context.WithTimeout(context.WithValue(bg, valueKey{}, 1), time.Second)
		defer cancel()
		start := time.Now()
		first, second := getting(ctx, l), getting(bg, l)
		r := <-first
		wantEq(t, "how long he waited", time.Since(start), time.Second)
		wantIs(t, r.err, async.ErrCallPending, context.DeadlineExceeded)
		wantEq(t, "text", r.err.Error(), "async: wait for lazy value ended: context deadline exceeded")
		synctest.Wait()
		wantEq(t, "the run's error", w.context().Err(), nil)
		w.end <- 5
		(<-second).want(t, "who stayed", 5, false)
		w.wantRuns(t, 1)
	})
}

func TestH2_AFailureIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		let := make(chan struct{})
		l := async.NewLazy(func(context.Context) (int, error) {
			n++
			<-let
			switch n {
			case 1:
				return 1, errBoom
			case 2:
				panic(errBoom)
			case 3:
				runtime.Goexit()
			}
			return n, nil
		})
		for round := 1; round <= 4; round++ {
			first, second := getting(bg, l), getting(bg, l)
			synctest.Wait()
			let <- struct{}{}
			a, b := <-first, <-second
			wantEq(t, "of both", fmt.Sprint(a), fmt.Sprint(b))
			switch round {
			case 1:
				wantEq(t, "value", a.v, 1)
				wantEq(t, "error", a.err, errBoom)
			case 2:
				wantIs(t, a.panicked.(error), errBoom)
			case 3:
				wantEq(t, "error", a.err, async.ErrGoexit)
			case 4:
				a.want(t, "in the end", 4, false)
			}
			if round < 4 {
				wantPeek(t, l, 0, false)
			}
		}
		wantPeek(t, l, 4, true)
	})
}

func TestH2_ACancellationIsNeverKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		w := newWork()
		l := async.NewLazy(w.ignores, b.option())
		ctx, cancel := context.WithCancel(bg)
		first, second := getting(ctx, l), getting(ctx, l)
		synctest.Wait()
		run := w.context()
		cancel()
		wantIs(t, (<-first).err, context.Canceled)
		wantIs(t, (<-second).err, context.Canceled)
		synctest.Wait()
		wantIs(t, context.Cause(run), async.ErrAbandoned)
		third := getting(bg, l)
		synctest.Wait()
		w.wantRuns(t, 2)
		w.end <- 7 // one of the two
		synctest.Wait()
		w.end <- 7
		(<-third).want(t, "newcomer", 7, false)
		synctest.Wait()
		b.want(t, "of the doomed run", 1)
		wantPeek(t, l, 7, true)
		w.wantRuns(t, 2)
	})
}

// What a scope cancels goes to Discard when it comes, and is not kept too.
func TestH2_AScopeCancelsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		s := async.NewScope(async.ScopeOptions{})
		w := newWork()
		l := async.NewLazy(w.ignores, s, b.option())
		first := getting(bg, l)
		synctest.Wait()
		over, cancel := context.WithCancel(bg)
		cancel()
		wantIs(t, s.Shutdown(over), context.Canceled)
		wantIs(t, (<-first).err, async.ErrCanceled, async.ErrScopeClosed)
		_, err := l.Get(bg)
		wantEq(t, "Get", err, async.ErrScopeClosed)
		w.end <- 1
		synctest.Wait()
		wantPeek(t, l, 0, false)
		b.want(t, "the late value", 1)
		_, err = l.Get(bg)
		wantEq(t, "Get", err, async.ErrScopeClosed)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

func TestH2_InAScope(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Track: true})
	l := async.NewLazy(value(1, nil), s)
	for range 2 {
		v, err := l.Get(bg)
		wantEq(t, "value", v, 1)
		wantEq(t, "error", err, nil)
	}
	for h := range s.Unreleased() {
		t.Errorf("unreleased: %+v", h)
	}
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	st := s.Stats()
	wantEq(t, "begun", st.Begun, int64(1))
	wantEq(t, "taken", st.Taken, int64(1))
	wantEq(t, "untaken", st.Untaken, int64(0))
}

// One who waited is slow to come back, as he waits for a slot: who comes meanwhile
// gets a value that is there, or a fresh run, and that run is not lost to others.
func TestH2_WhoComesBeforeTheOthersAreBack(t *testing.T) {
	for name, failure := range map[string]error{"a value": nil, "a failure": errBoom} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := async.NewScope(async.ScopeOptions{Limit: 1})
				let := make(chan error)
				runs := 0
				l := async.NewLazy(func(context.Context) (int, error) {
					runs++
					n := runs
					return n, <-let
				})
				waits := async.Go(bg, func(ctx context.Context) (int, error) { return l.Get(ctx) }, s)
				holds := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Minute); return 0, nil }, s)
				synctest.Wait()
				let <- failure
				synctest.Wait()
				second := getting(bg, l)
				synctest.Wait()
				if failure == nil {
					(<-second).want(t, "who comes meanwhile", 1, false)
				}
				v, err := waits.Await(bg)
				wantEq(t, "value", v, 1)
				wantEq(t, "error", err, failure)
				_, _ = holds.Await(bg)
				third := getting(bg, l)
				synctest.Wait()
				if failure == nil {
					(<-third).want(t, "who comes later", 1, false)
					wantEq(t, "runs", runs, 1)
					return
				}
				wantEq(t, "runs", runs, 2)
				let <- nil
				(<-second).want(t, "who came meanwhile", 2, false)
				(<-third).want(t, "who joined him", 2, false)
			})
		})
	}
}

func TestH2_Cycles(t *testing.T) {
	var l, a, b *async.Lazy[int]
	l = async.NewLazy(func(ctx context.Context) (int, error) { return l.Get(ctx) })
	a = async.NewLazy(func(ctx context.Context) (int, error) { return b.Get(ctx) })
	b = async.NewLazy(func(ctx context.Context) (int, error) {
		return async.Go(ctx, func(ctx context.Context) (int, error) { return a.Get(ctx) }).Await(ctx)
	})
	for name, l := range map[string]*async.Lazy[int]{"itself": l, "by way of another": a} {
		_, err := l.Get(bg)
		wantIs(t, err, async.ErrCycle)
		wantEq(t, name, err.Error(), "async: a shared run asks for its own result: lazy value")
		wantPeek(t, l, 0, false)
	}
	// The value is there: asking for it is no cycle.
	n := 0
	var late context.Context
	l = async.NewLazy(func(ctx context.Context) (int, error) { n++; late = ctx; return n, nil })
	_, _ = l.Get(bg)
	v, err := l.Get(late)
	wantEq(t, "value", v, 1)
	wantEq(t, "error", err, nil)
}

func TestH2_Misuse(t *testing.T) {
	var zero async.Lazy[int]
	wantPanic(t, "Get of the zero value", "NewLazy", func() { _, _ = zero.Get(bg) })
	wantPanic(t, "Peek of the zero value", "NewLazy", func() { zero.Peek() })
	wantPanic(t, "no function", "nil function", func() { async.NewLazy[int](nil) })
	wantPanic(t, "no context", "nil context", func() { _, _ = async.NewLazy(block).Get(nil) }) //nolint:staticcheck // on purpose
	wantPanic(t, "Discard of another type", "Discard", func() { async.NewLazy(block, async.Discard(func(string, error) {})) })
}

// What is kept is kept alone: neither the function nor the first caller's context.
func TestH2_NothingElseIsKept(t *testing.T) {
	big := make([]byte, 4<<20)
	before := heap()
	l := func() *async.Lazy[int] {
		more := make([]byte, 4<<20)
		ctx := context.WithValue(bg, valueKey{}, make([]byte, 4<<20))
		l := async.NewLazy(func(context.Context) (int, error) { return len(more), nil })
		_, _ = l.Get(ctx)
		return l
	}()
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	runtime.KeepAlive(big)
	wantPeek(t, l, 4<<20, true)
}

func TestH2_Streaming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork()
		l := async.NewLazy(w.listens, async.Streaming())
		a, b := getting(bg, l), getting(bg, l)
		synctest.Wait()
		w.end <- 1
		(<-a).want(t, "Get", 1, false)
		(<-b).want(t, "Get", 1, false)
		synctest.Wait()
		wantEq(t, "the run's context", w.context().Err(), nil)
	})
}

// Many who get at the same time, of whom some give up, while the first tries fail:
// everyone gets the value or his own end, at most one run succeeds, and none is
// begun after it.
func TestH2_Race_Get(t *testing.T) {
	for range rounds(3000) {
		var tries, successes atomic.Int32
		var b bin
		l := async.NewLazy(func(ctx context.Context) (int, error) {
			if successes.Load() > 0 {
				t.Error("a run is begun though there is a value")
			}
			n := tries.Add(1)
			runtime.Gosched()
			if n%3 != 0 {
				return 0, errBoom
			}
			if context.Cause(ctx) == nil {
				return int(n), nil
			}
			return -1, context.Cause(ctx)
		}, b.option())
		var fs []func()
		var got atomic.Int32
		for i := range 6 {
			fs = append(fs, func() {
				ctx, cancel := context.WithCancel(bg)
				defer cancel()
				if i%3 == 0 {
					go cancel()
				}
				for {
					v, err := l.Get(ctx)
					switch {
					case err == nil:
						successes.Add(1)
						if w, ok := l.Peek(); !ok || w != v {
							t.Error("Peek:", w, ok, "Get:", v)
						}
						if !got.CompareAndSwap(0, int32(v)) && got.Load() != int32(v) {
							t.Error("two values:", v, got.Load())
						}
						return
					case errors.Is(err, async.ErrCallPending):
						return
					case err != errBoom:
						t.Error(err)
						return
					}
				}
			})
		}
		together(fs...)
		if b.last.Load() != nil && b.last.Load().Err == nil && int32(b.last.Load().Value) == got.Load() {
			t.Error("what is kept was discarded")
		}
	}
}
