package served_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"golden/served"

	"github.com/seed4712c49f/async"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	bg      = context.Background()
	errBoom = errors.New("boom")
)

type (
	fake  = served.FakeStore[string, int]
	store = served.Store[string, int]
	face  = served.AsyncStore[string, int]
	get   = *served.StoreGetPromise[string, int]
	put   = *served.StorePutPromise[string, int]
	size  = *served.StoreSizePromise[string, int]
	flush = *served.StoreFlushPromise[string, int]
)

func wantEq(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// goroutines counts those of the process. While garbage is collected, the runtime counts
// some that have ended.
func goroutines() int {
	runtime.GC()
	return runtime.NumGoroutine()
}

// A test answers the calls of the code that it tests, one by one.
func TestFake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := served.NewFakeStore[string, int]()
		s := served.NewSyncStoreFrom[string, int](f)
		calls := served.NewStoreCalls(s)
		one, two := calls.Get(bg, "one"), calls.Put("a", 1, 2, 3, 4)
		synctest.Wait()

		p, err := f.NextPut(bg) // whatever came before
		wantEq(t, "NextPut", err, nil)
		wantEq(t, "promise", p.Promise, "a")
		wantEq(t, "Complete", p.Complete2, 1)
		wantEq(t, "the third", p.Arg3, 2)
		wantEq(t, "deliver", len(p.Deliver2), 2)
		wantEq(t, "Complete", p.Complete(errBoom), true)
		wantEq(t, "Complete again", p.Complete(nil), false)
		_, err = two.Await(bg)
		wantEq(t, "Put", err, errBoom)

		g, err := f.NextGet(bg)
		wantEq(t, "NextGet", err, nil)
		wantEq(t, "key", g.Key, "one")
		wantEq(t, "Complete", g.Complete(1, errBoom), true)
		v, err := one.Await(bg)
		wantEq(t, "Get", v, 1)
		wantEq(t, "Get", err, errBoom)

		three, four := calls.Size(), calls.Flush()
		synctest.Wait()
		for range 2 {
			switch p := must(f.Next(bg)).(type) {
			case size:
				p.Complete(3, true, nil)
			case flush:
				p.Complete(nil)
			default:
				t.Errorf("%T", p)
			}
		}
		r, err := three.Await(bg)
		wantEq(t, "Size", r, served.StoreSizeResult[string, int]{N: 3, Ok: true})
		wantEq(t, "Size", err, nil)
		_, err = four.Await(bg)
		wantEq(t, "Flush", err, nil)
	})
}

// A plain client of an asynchronous server has a promise behind each call, and no goroutine.
func TestServeCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := served.NewFakeStore[string, int]()
		var late []int
		calls := served.ServeAsyncStoreCalls(f, async.Discard(func(v int, _ error) { late = append(late, v) }))
		before := goroutines()
		one, two := calls.Get(bg, "one"), calls.Get(bg, "two")
		wantEq(t, "goroutines", goroutines(), before)
		wantEq(t, "name", one.Info().Name, "Store.Get")

		p := must(f.NextGet(bg))
		wantEq(t, "key", p.Key, "one")
		wantEq(t, "Complete", p.Complete(1, errBoom), true)
		v, err := one.Await(bg)
		wantEq(t, "Get", v, 1)
		wantEq(t, "its error", err, errBoom)

		p = must(f.NextGet(bg))
		wantEq(t, "Cancel", two.Cancel(errBoom), nil)
		wantEq(t, "cause", context.Cause(p.Context()), errBoom)
		wantEq(t, "Complete after Cancel", p.Complete(2, nil), false)
		wantEq(t, "CompleteOrDiscard after Cancel", p.CompleteOrDiscard(3, nil), false)
		wantEq(t, "discarded", len(late) == 1 && late[0] == 3, true)

		over, cancel := context.WithCancel(bg)
		cancel()
		if _, err := calls.Get(over, "three").Await(bg); !errors.Is(err, async.ErrCanceled) {
			t.Error(err)
		}
		ended, end := context.WithTimeout(bg, 1)
		defer end()
		_, err = f.Next(ended)
		wantEq(t, "the server was told", errors.Is(err, context.DeadlineExceeded), true)
	})
}

// Deliver makes the result of a plain call at once, unless the call is over.
func TestServeCalls_Deliver(t *testing.T) {
	f := served.NewFakeStore[string, int]()
	calls := served.ServeAsyncStoreCalls(f)
	one, two := calls.Get(bg, "one"), calls.Get(bg, "two")
	take := func() (int, error) { return 7, nil }
	p, q := must(f.NextGet(bg)), must(f.NextGet(bg))
	wantEq(t, "Deliver", p.Deliver(take, nil), true)
	wantEq(t, "Deliver again", p.Deliver(func() (int, error) { t.Error("taken twice"); return 8, nil }, nil), false)
	wantEq(t, "Complete after that", p.Complete(9, nil), false)
	wantEq(t, "Get", must(one.Await(bg)), 7)
	_ = two.Cancel(nil)
	wantEq(t, "Deliver after Cancel", q.Deliver(func() (int, error) { t.Error("taken"); return 8, nil }, func() { t.Error("dropped") }), false)

	three := calls.Get(bg, "three")
	r := must(f.NextGet(bg))
	func() {
		defer func() { wantEq(t, "panic", recover(), "take") }()
		r.Deliver(func() (int, error) { panic("take") }, nil)
	}()
	_, err := three.Await(bg)
	wantEq(t, "broken", errors.Is(err, async.ErrBrokenPromise), true)
}

// All methods, by a server that answers at once, and one that panics.
func TestServeCalls_methods(t *testing.T) {
	calls := served.ServeAsyncStoreCalls[string, int](atOnce{})
	wantEq(t, "Get", must(calls.Get(bg, "k").Await(bg)), 1)
	wantEq(t, "Size", must(calls.Size().Await(bg)), served.StoreSizeResult[string, int]{N: 3, Ok: true})
	_, err := calls.Flush().Await(bg)
	wantEq(t, "Flush", err, nil)
	defer func() { wantEq(t, "panic", recover(), "Put") }()
	calls.Put("k", 1, 2)
}

type atOnce struct{}

func (atOnce) ServeGet(p get)     { p.Complete(1, nil) }
func (atOnce) ServePut(put)       { panic("Put") }
func (atOnce) ServeSize(p size)   { p.CompleteOrDiscard(3, true, nil) }
func (atOnce) ServeFlush(p flush) { p.Complete(nil) }
func (atOnce) ServeContext(p *served.StoreContextPromise[string, int]) {
	p.Break()
}

// CompleteOrDiscard of a call object hands what comes too late to the Discard of its options.
func TestCompleteOrDiscard(t *testing.T) {
	var late []any
	f := served.NewFakeStore[string, int](async.Discard(func(r served.AsyncStoreResult, _ error) { late = append(late, r.Value) }))
	o := must(async.CreateCall[face](f))
	wantEq(t, "BeginGet", o.BeginGet(bg, "k"), nil)
	p := must(f.NextGet(bg))
	_ = o.Cancel(nil)
	wantEq(t, "CompleteOrDiscard", p.CompleteOrDiscard(5, nil), false)
	wantEq(t, "discarded", len(late) == 1 && late[0] == 5, true)
	_, _ = o.FinishGet()
	wantEq(t, "BeginGet", o.BeginGet(bg, "k"), nil)
	wantEq(t, "CompleteOrDiscard", must(f.NextGet(bg)).CompleteOrDiscard(6, nil), true)
	wantEq(t, "Get", must(o.FinishGet()), 6)
	o.Release()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Next waits, for as long as its context; what one waiter does not want is another's.
func TestFake_waits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := served.NewFakeStore[string, int]()
		ctx, cancel := context.WithCancelCause(bg)
		puts := async.Go(ctx, f.NextPut)
		gets := async.Go(bg, f.NextGet)
		synctest.Wait()
		o := must(async.CreateCall[face](f))
		wantEq(t, "BeginGet", o.BeginGet(bg, "k"), nil)
		must(gets.Await(bg)).Complete(7, nil)
		wantEq(t, "NextPut", puts.IsDone(), false)
		cancel(errBoom)
		if _, err := puts.Await(bg); !errors.Is(err, errBoom) {
			t.Error(err)
		}
		v, err := o.FinishGet()
		wantEq(t, "Get", v, 7)
		wantEq(t, "Get", err, nil)
		_, err = async.CreateCall[interface{ Wait() }](f)
		wantEq(t, "CreateCall", err, async.ErrNoMethod)
		o.Release()
	})
}

// Each call comes out once, whoever asks.
func TestFake_byMany(t *testing.T) {
	f := served.NewFakeStore[string, int]()
	calls := served.NewStoreCalls(served.NewSyncStoreFrom[string, int](f))
	const n = 1000
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range n {
				must(f.NextGet(bg)).Complete(1, nil)
			}
		})
	}
	sum := 0
	all := make(async.Calls[int], 0, 4*n)
	for range 4 * n {
		all = append(all, calls.Get(bg, "k"))
	}
	for _, v := range must(all.All(bg)) {
		sum += v
	}
	wg.Wait()
	wantEq(t, "answers", sum, 4*n)
}

// A server runs what it is told on the stack of Begin.
type server struct {
	fake
	get func(p get)
}

func (s *server) ServeGet(p get) { s.get(p) }

func object(get func(p get), opts ...async.Option) face {
	return served.ServeAsyncStore[string, int](&server{get: get}, opts...)
}

// What Deliver was given runs in Finish, once, or drop runs where nobody takes the
// result; never both.
func TestDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taken, dropped, delivered := 0, 0, true
		o := object(func(p get) {
			delivered = p.Deliver(func() (int, error) { taken++; return 5, errBoom }, func() { dropped++ })
		})
		wantEq(t, "BeginGet", o.BeginGet(bg, "k"), nil)
		wantEq(t, "Deliver", delivered, true)
		wantEq(t, "before Finish", taken, 0)
		v, err := o.FinishGet()
		wantEq(t, "FinishGet", v, 5)
		wantEq(t, "FinishGet", err, errBoom)
		_, err = o.FinishGet()
		wantEq(t, "again", err, async.ErrCallComplete)
		wantEq(t, "BeginGet", o.BeginGet(bg, "k"), nil)
		o.Release()
		synctest.Wait()
		wantEq(t, "taken", taken, 1)
		wantEq(t, "dropped", dropped, 1)

		o = object(func(p get) { p.Deliver(nil, nil) })
		wantEq(t, "BeginGet", o.BeginGet(bg, "k"), nil)
		o.Release()

		var late get
		o = object(func(p get) { late = p })
		wantEq(t, "BeginGet", o.BeginGet(bg, "k"), nil)
		wantEq(t, "Cancel", o.Cancel(errBoom), nil)
		wantEq(t, "Deliver", late.Deliver(func() (int, error) { taken++; return 0, nil }, func() { dropped++ }), false)
		if _, err := o.FinishGet(); !errors.Is(err, errBoom) {
			t.Error(err)
		}
		o.Release()
		synctest.Wait()
		wantEq(t, "taken", taken, 1)
		wantEq(t, "dropped", dropped, 1)
	})
}

// A server that panics, exits or forgets leaves nobody waiting.
func TestServer_gone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := object(func(get) { panic(errBoom) })
		func() {
			defer func() { wantEq(t, "panic", recover(), error(errBoom)) }()
			_ = o.BeginGet(bg, "k")
		}()
		_, err := o.FinishGet()
		if !errors.Is(err, async.ErrBrokenPromise) {
			t.Error(err)
		}
		o.Release()

		o = object(func(get) { runtime.Goexit() })
		go func() { _ = o.BeginGet(bg, "k") }()
		wantEq(t, "Wait", o.Wait(bg), nil)
		if _, err := o.FinishGet(); !errors.Is(err, async.ErrBrokenPromise) {
			t.Error(err)
		}
		o.Release()

		o = object(func(p get) { p.Break() })
		wantEq(t, "BeginGet", o.BeginGet(bg, "k"), nil)
		if _, err := o.FinishGet(); !errors.Is(err, async.ErrBrokenPromise) {
			t.Error(err)
		}
		o.Release()
	})
}

// The panic of a server ends the call of who called it, and not those of who has the next turn.
func TestSync_serverPanics(t *testing.T) {
	s := served.NewSyncStore(object(func(p get) {
		if p.Key == "" {
			panic(errBoom)
		}
		p.Complete(7, nil)
	}))
	for range 2 {
		func() {
			defer func() { wantEq(t, "panic", recover(), error(errBoom)) }()
			_, _ = s.Get(bg, "")
		}()
		v, err := s.Get(bg, "k")
		wantEq(t, "the next call", v, 7)
		wantEq(t, "its error", err, nil)
	}
}

// A call whose context is over is canceled, and the server is not told.
func TestServer_over(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		o := object(func(get) { told++ })
		ctx, cancel := context.WithCancelCause(bg)
		cancel(errBoom)
		wantEq(t, "BeginGet", o.BeginGet(ctx, "k"), nil)
		if _, err := o.FinishGet(); !errors.Is(err, errBoom) {
			t.Error(err)
		}
		wantEq(t, "told", told, 0)
		o.Release()
	})
}

// The object is busy until Finish, and knows its method.
func TestServer_object(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at get
		o := object(func(p get) { at = p })
		_, err := o.FinishGet()
		wantEq(t, "FinishGet of none", err, async.ErrCallComplete)
		wantEq(t, "BeginGet", o.BeginGet(bg, "k"), nil)
		wantEq(t, "BeginFlush", o.BeginFlush(), async.ErrCallPending)
		wantEq(t, "FinishFlush", o.FinishFlush(), async.ErrCallComplete)
		_, err = o.FinishGet()
		wantEq(t, "FinishGet", err, async.ErrCallPending)
		at.Complete(1, nil)
		if at.Context().Err() == nil {
			t.Error("the context goes on")
		}
		v, err := o.FinishGet()
		wantEq(t, "FinishGet", v, 1)
		wantEq(t, "FinishGet", err, nil)
		o.Release()
		wantEq(t, "BeginGet", o.BeginGet(bg, "k"), async.ErrReleased)
	})
}

var _ store = served.NewSyncStore[string, int](nil)
