package watch_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golden/watch"

	"github.com/seed4712c49f/async"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	bg      = context.Background()
	errBoom = errors.New("boom")
)

type key struct{}

// newFeed is what every server here returns. The goroutine goes on with the context.
func newFeed(ctx context.Context) *watch.Feed {
	f := &watch.Feed{Ctx: ctx, Over: make(chan struct{})}
	context.AfterFunc(ctx, func() { close(f.Over) })
	return f
}

// A server serves synchronously.
type server struct {
	started chan context.Context // of Plain, which blocks
	nested  *async.Scope
}

func (s *server) Get(_ context.Context, key string) (string, error) { return key, nil }

func (s *server) Watch(ctx context.Context, key string) (*watch.Feed, error) {
	if key == "" {
		return newFeed(ctx), errBoom
	}
	if s.nested != nil { // a call of the same scope, which has one slot
		_, err := async.Go(ctx, func(context.Context) (int, error) { return 0, nil }, s.nested).Await(ctx)
		if err != nil {
			return nil, err
		}
	}
	return newFeed(ctx), nil
}
func (s *server) Tail(ctx context.Context) *watch.Feed { return newFeed(ctx) }
func (s *server) List(_ string, ctx context.Context) (*watch.Feed, int, error) {
	if s.started != nil {
		s.started <- ctx
		<-ctx.Done()
		return nil, 0, context.Cause(ctx)
	}
	return newFeed(ctx), 3, nil
}
func (s *server) Follow(ctx context.Context) (*watch.Feed, error) { return newFeed(ctx), nil }
func (s *server) Pull(ctx context.Context) (io.ReadCloser, error) { return body{newFeed(ctx)}, nil }
func (s *server) Plain(ctx context.Context) (*watch.Feed, error)  { return newFeed(ctx), nil }
func (s *server) Quiet(context.Context) (<-chan int, error)       { return nil, nil }

type body struct{ *watch.Feed }

func (body) Read([]byte) (int, error) { return 0, io.EOF }
func (body) Close() error             { return nil }

// A promiser serves asynchronously: goroutines of its own complete the promises.
type promiser struct{ server }

func (s *promiser) ServeGet(p *watch.StoreGetPromise) { p.Complete(s.Get(p.Context(), p.Key)) }
func (s *promiser) ServeWatch(p *watch.StoreWatchPromise) {
	go func() { p.Complete(s.Watch(p.Context(), p.Key)) }()
}
func (s *promiser) ServeTail(p *watch.StoreTailPromise) {
	go func() { p.Complete(s.Tail(p.Context()), nil) }()
}
func (s *promiser) ServeList(p *watch.StoreListPromise) {
	go func() { p.Complete(s.List(p.First, p.Context())) }()
}
func (s *promiser) ServeFollow(p *watch.StoreFollowPromise) {
	p.Deliver(func() (*watch.Feed, error) { return s.Follow(p.Context()) }, nil)
}
func (s *promiser) ServePull(p *watch.StorePullPromise)   { p.Complete(s.Pull(p.Context())) }
func (s *promiser) ServePlain(p *watch.StorePlainPromise) { p.Complete(s.Plain(p.Context())) }
func (s *promiser) ServeQuiet(p *watch.StoreQuietPromise) { p.Complete(s.Quiet(p.Context())) }

// await is an asynchronous client with one object, which is called synchronously.
type await struct{ o watch.AsyncStore }

func (a await) begun(err error) {
	if err != nil {
		panic(err)
	}
	<-a.o.Done()
}
func (a await) Get(ctx context.Context, key string) (string, error) {
	a.begun(a.o.BeginGet(ctx, key))
	return a.o.FinishGet()
}
func (a await) Watch(ctx context.Context, key string) (*watch.Feed, error) {
	a.begun(a.o.BeginWatch(ctx, key))
	return a.o.FinishWatch()
}
func (a await) Tail(ctx context.Context) *watch.Feed {
	a.begun(a.o.BeginTail(ctx))
	f, err := a.o.FinishTail()
	if err != nil {
		panic(err)
	}
	return f
}
func (a await) List(first string, ctx context.Context) (*watch.Feed, int, error) {
	a.begun(a.o.BeginList(first, ctx))
	return a.o.FinishList()
}
func (a await) Follow(ctx context.Context) (*watch.Feed, error) {
	a.begun(a.o.BeginFollow(ctx))
	return a.o.FinishFollow()
}
func (a await) Pull(ctx context.Context) (io.ReadCloser, error) {
	a.begun(a.o.BeginPull(ctx))
	return a.o.FinishPull()
}
func (a await) Plain(ctx context.Context) (*watch.Feed, error) {
	a.begun(a.o.BeginPlain(ctx))
	return a.o.FinishPlain()
}
func (a await) Quiet(ctx context.Context) (<-chan int, error) {
	a.begun(a.o.BeginQuiet(ctx))
	return a.o.FinishQuiet()
}

// each runs a test for each combination of client and server, and for combinations
// over each other.
func each(t *testing.T, test func(t *testing.T, s watch.Store)) {
	served := func() (watch.AsyncStore, error) { return watch.ServeAsyncStore(new(promiser)), nil }
	for name, client := range map[string]func() watch.Store{
		"synchronous client, synchronous server":         func() watch.Store { return new(server) },
		"asynchronous client, synchronous server":        func() watch.Store { return await{watch.NewAsyncStore(new(server))} },
		"asynchronous client, asynchronous server":       func() watch.Store { return await{watch.ServeAsyncStore(new(promiser))} },
		"synchronous client, asynchronous server":        func() watch.Store { return watch.NewSyncStore(watch.ServeAsyncStore(new(promiser))) },
		"synchronous client, factory of an asynchronous": func() watch.Store { return watch.NewSyncStoreFrom(watch.StoreFactory(served)) },
		"synchronous client, object over a synchronous":  func() watch.Store { return watch.NewSyncStore(watch.NewAsyncStore(new(server))) },
		"synchronous client, factory over a synchronous": func() watch.Store { return watch.NewSyncStoreFrom(watch.NewStoreFactory(new(server))) },
		"with Streaming for all":                         func() watch.Store { return watch.NewSyncStore(watch.NewAsyncStore(new(server), async.Streaming())) },
		"three deep": func() watch.Store {
			return watch.NewSyncStore(watch.NewAsyncStore(watch.NewSyncStoreFrom(watch.StoreFactory(served))))
		},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { test(t, client()) }) })
	}
}

func alive(t *testing.T, what string, feeds ...*watch.Feed) {
	t.Helper()
	synctest.Wait()
	for i, f := range feeds {
		if err := f.Ctx.Err(); err != nil {
			t.Errorf("%s: feed %d is over: %v, %v", what, i, err, context.Cause(f.Ctx))
		}
	}
}

func over(t *testing.T, what string, f *watch.Feed, err, cause error) {
	t.Helper()
	synctest.Wait()
	if f.Ctx.Err() != err || !errors.Is(context.Cause(f.Ctx), cause) {
		t.Errorf("%s: %v, %v, want %v, %v", what, f.Ctx.Err(), context.Cause(f.Ctx), err, cause)
	}
	select {
	case <-f.Over:
	default:
		t.Errorf("%s: the feed has not noticed", what)
	}
}

// A result that streams lives as long as its caller's context: neither the next call
// nor the end of the call object ends it.
func TestStream_livesWithTheCaller(t *testing.T) {
	each(t, func(t *testing.T, s watch.Store) {
		ctx, cancel := context.WithCancelCause(context.WithValue(bg, key{}, "value"))
		other, cancelOther := context.WithCancel(bg)
		one, err := s.Watch(ctx, "one")
		two := s.Tail(other)
		three, n, err3 := s.List("", ctx)
		four, err4 := s.Follow(other)
		five, err5 := s.Pull(ctx)
		if err != nil || err3 != nil || err4 != nil || err5 != nil || n != 3 {
			t.Fatal(err, err3, err4, err5, n)
		}
		if _, err := s.Get(bg, "k"); err != nil {
			t.Fatal(err)
		}
		if one.Ctx.Value(key{}) != "value" {
			t.Error("the values are not the caller's")
		}
		alive(t, "after other calls", one, two, three, four, five.(body).Feed)
		cancelOther()
		over(t, "canceled", two, context.Canceled, context.Canceled)
		over(t, "canceled", four, context.Canceled, context.Canceled)
		alive(t, "another is canceled", one, three, five.(body).Feed)
		cancel(errBoom)
		over(t, "canceled", one, context.Canceled, errBoom)
		over(t, "canceled", three, context.Canceled, errBoom)
		over(t, "canceled", five.(body).Feed, context.Canceled, errBoom)
	})
}

func TestStream_deadline(t *testing.T) {
	each(t, func(t *testing.T, s watch.Store) {
		ctx, cancel := context.WithTimeout(bg, time.Hour)
		defer cancel()
		f, err := s.Watch(ctx, "one")
		if err != nil {
			t.Fatal(err)
		}
		if at, ok := f.Ctx.Deadline(); !ok || !at.Equal(time.Now().Add(time.Hour)) {
			t.Error("the deadline is not the caller's", at)
		}
		below, stop := context.WithCancel(f.Ctx)
		defer stop()
		time.Sleep(time.Hour - 1)
		alive(t, "before the deadline", f)
		time.Sleep(1)
		over(t, "after the deadline", f, context.DeadlineExceeded, context.DeadlineExceeded)
		if below.Err() != context.DeadlineExceeded {
			t.Error("what is below has not ended:", below.Err())
		}
	})
}

// A method that does not stream is as before: its context ends with the call.
func TestStream_others(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := watch.NewSyncStore(watch.NewAsyncStore(new(server))).Plain(bg)
		if err != nil {
			t.Fatal(err)
		}
		over(t, "Plain", f, context.Canceled, async.ErrCallComplete)
	})
}

// Until the result is taken, what becomes of the call becomes of the stream.
func TestStream_untaken(t *testing.T) {
	for name, object := range map[string]func(opts ...async.Option) watch.AsyncStore{
		"synchronous":  func(opts ...async.Option) watch.AsyncStore { return watch.NewAsyncStore(new(server), opts...) },
		"asynchronous": func(opts ...async.Option) watch.AsyncStore { return watch.ServeAsyncStore(new(promiser), opts...) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				late := make(chan *watch.Feed, 1)
				o := object(async.Discard(func(r watch.AsyncStoreResult, _ error) { late <- r.Value.(*watch.Feed) }))
				if err := o.BeginWatch(bg, "one"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				o.Release()
				f := <-late
				synctest.Wait()
				if f.Ctx.Err() == nil {
					t.Error("nobody has the result, and its context goes on")
				}
			})
		})
	}
}

// A failure that comes with a value is no stream: it ends with the call object.
func TestStream_failed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := watch.NewAsyncStore(new(server))
		f, err := await{o}.Watch(bg, "")
		if err != errBoom {
			t.Fatal(err)
		}
		alive(t, "before Release", f)
		o.Release()
		synctest.Wait()
		if f.Ctx.Err() == nil {
			t.Error("the context goes on")
		}
	})
}

// The server hears of a Cancel while it works.
func TestStream_cancel(t *testing.T) {
	for _, asynchronous := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			started := make(chan context.Context, 1)
			o := watch.NewAsyncStore(&server{started: started})
			if asynchronous {
				o = watch.ServeAsyncStore(&promiser{server{started: started}})
			}
			if err := o.BeginList("", bg); err != nil {
				t.Fatal(err)
			}
			ctx := <-started
			if err := o.Cancel(errBoom); err != nil {
				t.Fatal(err)
			}
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), errBoom) {
				t.Error(context.Cause(ctx))
			}
			if _, _, err := o.FinishList(); !errors.Is(err, errBoom) {
				t.Error(err)
			}
			o.Release()
		})
	}
}

// The context of a stream lends the slot of its call, as that of any call does.
func TestStream_slot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scope := async.NewScope(async.ScopeOptions{Limit: 1})
		s := watch.NewSyncStoreFrom(watch.NewStoreFactory(&server{nested: scope}, scope))
		ctx, cancel := context.WithTimeout(bg, time.Minute)
		defer cancel()
		f, err := s.Watch(ctx, "one")
		if err != nil {
			t.Fatal(err)
		}
		alive(t, "Watch", f)
		if err := scope.Shutdown(bg); err != nil {
			t.Error(err)
		}
		alive(t, "after Shutdown", f)
	})
}

// What is taken leaves nothing with the scope.
func TestStream_scope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scope := async.NewScope(async.ScopeOptions{Track: true})
		s := watch.NewSyncStoreFrom(watch.NewStoreFactory(new(server), scope))
		f, err := s.Watch(bg, "one")
		if err != nil {
			t.Fatal(err)
		}
		for h := range scope.Unreleased() {
			t.Error(h.Call)
		}
		alive(t, "Watch", f)
	})
}

// The stream of the plain client ends with its call, when that is released.
func TestStream_calls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		call := watch.NewStoreCalls(new(server)).Watch(bg, "one")
		f, err := call.Finish()
		for errors.Is(err, async.ErrCallPending) {
			synctest.Wait()
			f, err = call.Finish()
		}
		alive(t, "before Release", f)
		call.Release()
		synctest.Wait()
		if f.Ctx.Err() == nil {
			t.Error("the context goes on")
		}
	})
}

// A Discard for one method takes the results of that.
func TestDiscard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan *watch.Feed, 1)
		calls := watch.NewStoreCalls(new(server)).DiscardTail(func(f *watch.Feed, _ error) { got <- f })
		calls.Tail(bg).Release()
		if f := <-got; f == nil {
			t.Error("nothing")
		}
		if s, err := calls.Get(bg, "k").Await(bg); s != "k" || err != nil {
			t.Error(s, err)
		}
		watch.NewStoreCalls(new(server)).Tail(bg).Release() // nobody is told
	})
}

// The calls have the names of their methods; a name among the options counts.
func TestName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scope := async.NewScope(async.ScopeOptions{})
		var names []string
		look := func() {
			synctest.Wait()
			for c := range scope.InFlight() {
				names = append(names, c.Name)
			}
		}
		started := make(chan context.Context)
		blocked := &server{started: started}
		ctx, cancel := context.WithCancel(bg)
		one := watch.NewStoreCalls(blocked, scope).List("", ctx)
		look()
		two := watch.NewAsyncStore(&server{started: started}, scope)
		_ = two.BeginList("", ctx)
		three := watch.NewStoreCalls(blocked, scope, async.Name("mine")).List("", ctx)
		look()
		for range 3 {
			<-started
		}
		cancel()
		_ = scope.Shutdown(bg)
		slices.Sort(names)
		if want := []string{"Store.List", "Store.List", "Store.List", "mine"}; !slices.Equal(names, want) {
			t.Errorf("got %v, want %v", names, want)
		}
		one.Release()
		two.Release()
		three.Release()
	})
}

// Which methods are taken for streams shows in the options of their calls: of those
// that are, the context lives on after the call.
func TestGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(shapes)
		c := watch.NewShapesCalls(s)
		var got []string
		for _, m := range []struct {
			name  string
			begin func() async.Waitable
		}{
			{"Channel", func() async.Waitable { return c.Channel(bg) }},
			{"Both", func() async.Waitable { return c.Both(bg) }},
			{"Send", func() async.Waitable { return c.Send(bg) }},
			{"Seq", func() async.Waitable { return c.Seq(bg) }},
			{"Func", func() async.Waitable { return c.Func(bg) }},
			{"Derived", func() async.Waitable { return c.Derived(bg) }},
			{"Rows", func() async.Waitable { return c.Rows(bg) }},
			{"Row", func() async.Waitable { return c.Row(bg) }},
			{"Value", func() async.Waitable { return c.Value(bg) }},
			{"Recv", func() async.Waitable { return c.Recv(bg) }},
			{"Body", func() async.Waitable { return c.Body(bg) }},
			{"Conn", func() async.Waitable { return c.Conn(bg) }},
			{"Results", func() async.Waitable { return c.Results(bg) }},
			{"Done", func() async.Waitable { return c.Done(bg) }},
			{"Off", func() async.Waitable { return c.Off(bg) }},
		} {
			<-m.begin().Done()
			synctest.Wait()
			if s.ctx.Load().(holder).Err() == nil {
				got = append(got, m.name)
			}
		}
		if want := []string{"Channel", "Both", "Seq", "Derived", "Rows", "Row", "Recv", "Body", "Results"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
