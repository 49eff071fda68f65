package asyncnats_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// Options with which no call can be begun panic where they are given, and not when a request comes.
func TestN2_BadOptions(t *testing.T) {
	t.Parallel()
	a, _ := pair(t)
	q := newDepot(t).open(asyncnats.QueueOptions{})
	for name, bad := range map[string]async.Option{
		"a second scope":            async.NewScope(async.ScopeOptions{}),
		"the Discard of other type": async.Discard(func(string, error) {}),
		"one for Map alone":         async.AtOnce(1),
	} {
		opts := []async.Option{bad}
		for who, f := range map[string]func(){
			"Serve": func() { asyncnats.Serve(a, "x", double, asyncnats.ServeOptions{Name: "x", Options: opts}) },
			"ServeMethods": func() {
				asyncnats.ServeMethods(a, "calc", "Calc", asyncnats.ServeOptions{Options: opts}, asyncnats.Handle("Add", add))
			},
			"Work": func() { asyncnats.Work(t.Context(), q, double, asyncnats.WorkOptions{Options: opts}) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s with %s did not panic", who, name)
					}
				}()
				f()
			}()
		}
	}
}

// A shutdown in order: what was accepted ends, and what comes then goes to the other server.
func TestShutdown_InOrder(t *testing.T) {
	a, b := pair(t)
	g := newGate()
	leaving := serve(t, a, "x", g.double, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{})
	accepted := asyncnats.Begin[int](t.Context(), c, "x", 1)
	g.next(t)
	serve(t, natstest.Connect(t, a.ConnectedUrl()), "x", double, asyncnats.ServeOptions{})
	down := async.Go(t.Context(), func(ctx context.Context) (struct{}, error) { return struct{}{}, leaving.Shutdown(ctx) })
	for range 100 { // each goes to one of the two, and none is lost
		call := asyncnats.Begin[int](t.Context(), c, "x", 21)
		for !call.IsDone() && len(g.entered) == 0 {
			runtime.Gosched()
		}
		if call.IsDone() {
			wantValue(t, call, 42)
			continue
		}
		g.next(t)
		g.open.Set()
		wantValue(t, call, 42)
	}
	g.open.Set()
	wantValue(t, accepted, 2)
	if _, err := await(t, down); err != nil {
		t.Error(err)
	}
	if err := leaving.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for range 10 {
		wantValue(t, asyncnats.Begin[int](t.Context(), c, "x", 21), 42)
	}
}

// What a shutdown has to cancel gets ErrScopeClosed, those that are queued, too.
func TestShutdown_Cancels(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		g := newGate()
		scope := async.NewScope(async.ScopeOptions{Limit: 1})
		s := serve(t, connect(), "x", g.double, asyncnats.ServeOptions{Scope: scope})
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		running, queued := asyncnats.Begin[int](t.Context(), c, "x", 1), asyncnats.Begin[int](t.Context(), c, "x", 2)
		fctx := g.next(t)
		time.Sleep(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		wantError(t, running, async.ErrScopeClosed, async.ErrCanceled)
		wantError(t, queued, async.ErrScopeClosed, async.ErrCanceled)
		if context.Cause(fctx) != async.ErrScopeClosed {
			t.Error(context.Cause(fctx))
		}
		wantError(t, asyncnats.Begin[int](t.Context(), c, "x", 1), asyncnats.ErrNoResponders)
		if scope.Err() != nil {
			t.Error("the scope is the user's")
		}
	})
}

// Those whose calls a shutdown cancels hear of that, however many they are, although the connection
// is closed when Shutdown has returned.
func TestShutdown_ThenClose(t *testing.T) {
	a, b := pair(t)
	g := newGate()
	s := serve(t, a, "x", g.double, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{})
	calls := make(async.Calls[int], 5000)
	for i := range calls {
		calls[i] = asyncnats.Begin[int](t.Context(), c, "x", i)
	}
	for range calls {
		g.next(t)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	a.Close()
	for _, call := range calls {
		wantError(t, call, async.ErrScopeClosed)
	}
}

// The user may shut the scope down: calls that run are canceled, those that come refused.
func TestShutdown_OfTheScope(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		g := newGate()
		scope := async.NewScope(async.ScopeOptions{})
		serve(t, connect(), "x", g.double, asyncnats.ServeOptions{Scope: scope})
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		call := asyncnats.Begin[int](t.Context(), c, "x", 1)
		g.next(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		scope.Shutdown(ctx)
		wantError(t, call, async.ErrCanceled)
		if _, err := asyncnats.Begin[int](t.Context(), c, "x", 1).Await(t.Context()); err != async.ErrScopeClosed {
			t.Error(err)
		}
	})
}

// A shutdown in the middle of ten thousand calls: each is answered or refused, by one of
// the two servers.
func TestShutdown_UnderLoad(t *testing.T) {
	a, b := pair(t)
	leaving := serve(t, a, "x", double, asyncnats.ServeOptions{Name: "leaving"})
	serve(t, natstest.Connect(t, a.ConnectedUrl()), "x", double, asyncnats.ServeOptions{Name: "staying"})
	c := newClient(t, b, asyncnats.ClientOptions{})
	calls := make(async.Calls[int], 10_000)
	for i := range calls[:5000] {
		calls[i] = asyncnats.Begin[int](t.Context(), c, "x", i)
	}
	down := async.Go(t.Context(), func(ctx context.Context) (struct{}, error) { return struct{}{}, leaving.Shutdown(ctx) })
	for i := range calls[5000:] {
		calls[5000+i] = asyncnats.Begin[int](t.Context(), c, "x", 5000+i)
	}
	for i, call := range calls {
		wantValue(t, call, 2*i)
	}
	if _, err := await(t, down); err != nil {
		t.Error(err)
	}
}

// A hundred thousand calls in flight cost the caller no goroutine, and no more than 1.5 KiB
// each, at both sides together.
func TestN8_ManyInFlight(t *testing.T) {
	a, b := pair(t)
	g := newGate()
	scope := async.NewScope(async.ScopeOptions{Limit: 10})
	serve(t, a, "x", func(ctx context.Context, data []byte) ([]byte, error) {
		_, err := g.double(ctx, 1)
		return data, err
	}, asyncnats.ServeOptions{Scope: scope, Codec: asyncnats.Raw()})
	c := newClient(t, b, asyncnats.ClientOptions{Codec: asyncnats.Raw()})
	ear := listen(t, a, "_INBOX")
	const n = 100_000
	calls := make(async.Calls[[]byte], n)
	request := make([]byte, 16)
	memory, goroutines := inUse(), runtime.NumGoroutine()
	for i := range calls {
		calls[i] = asyncnats.Begin[[]byte](t.Context(), c, "x", request)
	}
	eventually(t, "the server has all", func() bool { return scope.Stats().Begun == n })
	ear.told(t, n)
	each := (inUse() - memory) / n
	t.Logf("%d bytes and %.5f goroutines a call", each, float64(runtime.NumGoroutine()-goroutines)/n)
	if each > 1536 {
		t.Errorf("%d bytes a call", each)
	}
	if g := runtime.NumGoroutine() - goroutines; g > 50 {
		t.Errorf("%d goroutines more", g)
	}
	g.open.Set()
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	if _, err := calls.All(ctx); err != nil {
		t.Error(err)
	}
}

// inUse returns the bytes of the heap that are in use.
func inUse() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// While a call waits for room in the scope of the server, requests are received all the same, so that
// clients hear who has their calls.
func TestN2_WaitForRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		g := newGate()
		s := serve(t, connect(), "x", g.double, asyncnats.ServeOptions{
			Scope: async.NewScope(async.ScopeOptions{Limit: 1, Queue: 1}), Options: []async.Option{async.WaitForRoom()},
		})
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		var calls async.Calls[int]
		for i := range 20 {
			calls = append(calls, asyncnats.Begin[int](t.Context(), c, "x", i))
		}
		time.Sleep(time.Minute)
		if st := s.Stats(); st.InFlight != 20 {
			t.Errorf("%+v", st)
		}
		g.open.Set()
		for i, call := range calls {
			wantValue(t, call, 2*i)
		}
		time.Sleep(time.Second) // the client of NATS is through with the requests
	})
}

// When a shutdown is over that had no time, nothing begins any more, and all who had sent a request are
// told.
func TestN2_NothingBeginsAfterShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		hold := make(chan bool)
		begun := make(chan int, 10)
		s := serve(t, connect(), "x", func(_ context.Context, n int) (int, error) {
			begun <- n
			return n, nil
		}, asyncnats.ServeOptions{Scope: async.NewScope(async.ScopeOptions{Observer: async.Observer{
			BeginContext: func(ctx context.Context, _ async.CallInfo) context.Context { <-hold; return ctx },
		}})})
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		var calls async.Calls[int]
		for i := range 10 {
			calls = append(calls, asyncnats.Begin[int](t.Context(), c, "x", i))
		}
		time.Sleep(100 * time.Millisecond)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Shutdown(ended); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		close(hold)
		for _, call := range calls[1:] { // the first was about to begin
			wantError(t, call, async.ErrScopeClosed)
		}
		time.Sleep(time.Second)
		if len(begun) > 1 {
			t.Errorf("%d functions began", len(begun))
		}
	})
}

// A request that is refused, whoever refuses it, was not begun, and is answered.
func TestN2_StatsOfRefused(t *testing.T) {
	a, b := pair(t)
	g := newGate()
	s := serve(t, a, "x", g.double, asyncnats.ServeOptions{Scope: async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue})})
	c := newClient(t, b, asyncnats.ClientOptions{})
	first := asyncnats.Begin[int](t.Context(), c, "x", 1)
	g.next(t)
	wantError(t, asyncnats.Begin[int](t.Context(), c, "x", 2), async.ErrQueueFull)
	other := newClient(t, b, asyncnats.ClientOptions{Codec: asyncnats.Raw()})
	wantError(t, asyncnats.Begin[[]byte](t.Context(), other, "x", []byte("3")), asyncnats.ErrBadRequest)
	g.open.Set()
	wantValue(t, first, 2)
	eventually(t, "one was begun, two were refused, and three answered", func() bool {
		st := s.Stats()
		return st.Begun == 1 && st.Refused == 2 && st.Replied == 3 && st.InFlight == 0
	})
}
