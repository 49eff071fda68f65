package asyncimpl_test

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncimpl"
)

// What generated code is made of is tested with that code, by the golden packages of
// cmd/asyncgen. Here is what they do not show.

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var bg = context.Background()

// face is a call object as it is written for a method Get.
type face struct{ asyncimpl.Object }

func (x *face) BeginGet(ctx context.Context, v int) error {
	return x.Begin(ctx, "Store.Get", func(context.Context) (any, error) { return v, nil })
}

// An object knows of which method its call is, and takes a result once.
func TestObject_Methods(t *testing.T) {
	x := &face{asyncimpl.New()}
	defer x.Release()
	if err := x.BeginGet(bg, 7); err != nil {
		t.Fatal(err)
	}
	if err := x.BeginGet(bg, 8); err != async.ErrCallPending {
		t.Errorf("another Begin returned %v", err)
	}
	if _, err := x.Finish("Store.Put"); err != async.ErrCallComplete {
		t.Errorf("the Finish of another method returned %v", err)
	}
	if err := asyncimpl.Wait(x, nil); err != nil {
		t.Fatal(err)
	}
	if v, err := x.Finish("Store.Get"); v != 7 || err != nil {
		t.Errorf("Finish returned %v, %v", v, err)
	}
	if _, err := x.Finish("Store.Get"); err != async.ErrCallComplete {
		t.Errorf("a second Finish returned %v", err)
	}
}

// The waits of package async know a call object for what it is: a callback on one costs no
// goroutine, as it would on a stranger.
func TestObject_IsNoStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &face{asyncimpl.NewServed()}
		defer x.Release()
		var promise asyncimpl.Promise
		if err := x.Promise(bg, "Store.Get", false, func(p asyncimpl.Promise) { promise = p }); err != nil {
			t.Fatal(err)
		}
		before := goroutines()
		called := false
		async.AfterFunc(x, func() { called = true })
		if more := goroutines() - before; more != 0 {
			t.Errorf("a callback costs %d goroutines", more)
		}
		promise.Complete(7, nil)
		synctest.Wait()
		if v, err := x.Finish("Store.Get"); !called || v != 7 || err != nil {
			t.Errorf("called: %v; Finish returned %v, %v", called, v, err)
		}
	})
}

// An object whose Done is another one is a stranger: that channel says when it is complete.
func TestObject_DoneHasTheLastWord(t *testing.T) {
	over := make(chan struct{})
	x := &outer{face{asyncimpl.New()}, over}
	defer x.Release()
	if err := x.BeginGet(bg, 7); err != nil {
		t.Fatal(err)
	}
	_ = x.Wait(bg)
	ctx, cancel := context.WithCancel(bg)
	cancel()
	if i, err := async.WaitAny(ctx, x); err == nil {
		t.Errorf("WaitAny returned %d", i)
	}
	close(over)
	if i, err := async.WaitAny(bg, x); i != 0 || err != nil {
		t.Errorf("WaitAny returned %d, %v", i, err)
	}
}

type outer struct {
	face
	over chan struct{}
}

func (x *outer) Done() <-chan struct{} { return x.over }

// Where a call was begun, and where a function waits, is a line of who calls this package (V1).
func TestV1_Lines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scope := async.NewScope(async.ScopeOptions{Track: true})
		object := &face{asyncimpl.NewServed(scope)}
		defer object.Release()
		var promise asyncimpl.Promise
		if err := object.Serve(bg, func(p asyncimpl.Promise) { promise = p }); err != nil {
			t.Fatal(err)
		}
		plain := asyncimpl.ServeCall[int](bg, "Store.Get", []async.Option{scope}, func(p asyncimpl.Promise) { p.Break() })
		defer plain.Release()
		for h := range scope.Unreleased() {
			line, _, _ := strings.Cut(h.Stack, "\n\t")
			if !strings.Contains(line, "asyncimpl_test.") {
				t.Errorf("%v was begun at %s", h.Call, line)
			}
		}
		var q asyncimpl.Queue
		turns := asyncimpl.OneObject(object)
		_, _ = turns.Enter(bg)
		ctx, cancel := context.WithCancel(bg)
		for _, wait := range []func(context.Context) (any, error){
			func(ctx context.Context) (any, error) { return q.Next(ctx, anyCall) },
			turns.Enter,
		} {
			call := async.Go(ctx, func(ctx context.Context) (any, error) { return wait(ctx) }, scope)
			defer call.Release()
			synctest.Wait()
			for _, w := range call.Info().WaitsFor {
				if !strings.Contains(w.Line, "asyncimpl_test.go:") {
					t.Errorf("a function waits at %s", w.Line)
				}
			}
			if len(call.Info().WaitsFor) != 1 {
				t.Errorf("%d waits", len(call.Info().WaitsFor))
			}
		}
		cancel()
		promise.Break()
		_ = scope.Shutdown(bg)
	})
}

// Callers take turns at one object, and one whose context ends gives up its place.
func TestTurns(t *testing.T) {
	turns := asyncimpl.OneObject(&face{asyncimpl.New()})
	first, err := turns.Enter(bg)
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(bg)
	cancel(cause)
	if _, err := turns.Enter(ctx); !errors.Is(err, async.ErrCanceled) || !errors.Is(err, cause) {
		t.Errorf("the end of the context: %v", err)
	}
	turns.Leave(first.(*face))
	if again, err := turns.Enter(ctx); again != first || err != nil {
		t.Errorf("the next turn: %v, %v", again, err)
	}
	none := asyncimpl.ObjectsOf(nil, reflect.TypeFor[any]())
	if _, err := none.Enter(bg); err != async.ErrNoInterface {
		t.Errorf("without a factory: %v", err)
	}
}

// What a factory answers with is no call object of the face: the error says so, and the object is
// released.
func TestH3_Turns(t *testing.T) {
	object := &face{asyncimpl.New()}
	turns := asyncimpl.ObjectsOf(factory(func(reflect.Type) (any, error) { return object, nil }), reflect.TypeFor[error]())
	got, err := turns.Enter(bg)
	if got != nil || !errors.Is(err, async.ErrWrongObject) {
		t.Errorf("Enter returned %v, %v", got, err)
	}
	if err := object.BeginGet(bg, 1); err != async.ErrReleased {
		t.Errorf("the object is not released: %v", err)
	}
	turns = asyncimpl.ObjectsOf(factory(func(reflect.Type) (any, error) { return nil, nil }), reflect.TypeFor[error]())
	if _, err := turns.Enter(bg); err != async.ErrNoMethod {
		t.Errorf("for nothing Enter returned %v", err)
	}
	broken := errors.New("broken")
	turns = asyncimpl.ObjectsOf(factory(func(reflect.Type) (any, error) { return nil, broken }), reflect.TypeFor[error]())
	if _, err := turns.Enter(bg); err != broken {
		t.Errorf("for an error Enter returned %v", err)
	}
}

type factory func(reflect.Type) (any, error)

func (f factory) CreateCall(iface reflect.Type) (any, error) { return f(iface) }

// A function of a scope that waits for its turn lends its slot: the call of the one whose turn
// it is needs it.
func TestC2_Turns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scope := async.NewScope(async.ScopeOptions{Limit: 1})
		object := &face{asyncimpl.New(scope)}
		turns := asyncimpl.OneObject(object)
		get := func(ctx context.Context) (any, error) {
			if _, err := turns.Enter(ctx); err != nil {
				return nil, err
			}
			defer turns.Leave(object)
			if err := object.BeginGet(ctx, 7); err != nil {
				return nil, err
			}
			if err := object.Wait(context.WithoutCancel(ctx)); err != nil {
				return nil, err
			}
			return object.Finish("Store.Get")
		}
		ctx, cancel := context.WithTimeout(bg, time.Minute)
		defer cancel()
		var calls async.Calls[any]
		for range 3 {
			calls = append(calls, async.Go(ctx, get, scope))
		}
		if _, err := calls.All(bg); err != nil {
			t.Error(err)
		}
		calls.Release()
		object.Release()
	})
}

// Serve is a Begin of an object whose server is asynchronous.
func (x *face) Serve(ctx context.Context, serve func(asyncimpl.Promise)) error {
	return x.Promise(ctx, "Store.Get", false, serve)
}

// recovered returns what f panics with.
func recovered(f func()) (r any) {
	defer func() { r = recover() }()
	f()
	return nil
}

// A turn whose Begin panics leaves the object idle, whatever it was that panicked: the one who
// has the next turn did not begin that call, and cannot finish it.
func TestTurns_panic(t *testing.T) {
	var broken atomic.Bool // read by OnSignal, too
	may := func() {
		if broken.Load() {
			panic("no")
		}
	}
	ended, cancel := context.WithCancel(bg)
	cancel()
	observed := async.NewScope(async.ScopeOptions{Observer: async.Observer{Begun: func(async.CallInfo) { may() }}})
	for what, test := range map[string]struct {
		object *face
		begin  func(*face) error
	}{
		"the server": {&face{asyncimpl.NewServed()}, func(x *face) error {
			return x.Serve(bg, func(p asyncimpl.Promise) { may(); p.Complete(7, nil) })
		}},
		"the server, which exits": {&face{asyncimpl.NewServed()}, func(x *face) error {
			return x.Serve(bg, func(p asyncimpl.Promise) {
				if broken.Load() {
					runtime.Goexit()
				}
				p.Complete(7, nil)
			})
		}},
		"OnSignal, of a call that is over": {&face{asyncimpl.New(async.OnSignal(may))}, func(x *face) error {
			if broken.Load() {
				return x.BeginGet(ended, 7)
			}
			return x.BeginGet(bg, 7)
		}},
		"the observer of a promise": {&face{asyncimpl.NewServed(observed)}, func(x *face) error {
			return x.Serve(bg, func(p asyncimpl.Promise) { p.Complete(7, nil) })
		}},
		"the observer of a function": {&face{asyncimpl.New(observed)}, func(x *face) error {
			return x.Begin(bg, "Store.Get", func(ctx context.Context) (any, error) {
				if broken.Load() {
					<-ctx.Done()
				}
				return 7, nil
			})
		}},
		"the context, which is nil": {&face{asyncimpl.New()}, func(x *face) error {
			if broken.Load() {
				return x.BeginGet(nil, 7) //nolint:staticcheck // that is the point
			}
			return x.BeginGet(bg, 7)
		}},
	} {
		t.Run(what, func(t *testing.T) {
			defer test.object.Release()
			turns := asyncimpl.OneObject(test.object)
			get := func() (any, error) {
				if _, err := turns.Enter(bg); err != nil {
					return nil, err
				}
				defer turns.Leave(test.object)
				if err := test.begin(test.object); err != nil {
					return nil, err
				}
				_ = test.object.Wait(bg)
				return test.object.Finish("Store.Get")
			}
			over := make(chan any)
			broken.Store(true)
			go func() {
				var r any
				defer func() { over <- r }()
				r = recovered(func() { _, _ = get() })
			}()
			if r := <-over; r == nil && what != "the server, which exits" {
				t.Error("nothing panicked")
			}
			broken.Store(false)
			if v, err := get(); v != 7 || err != nil {
				t.Errorf("the next turn: %v, %v", v, err)
			}
		})
	}
}

// A Begin that panics may have begun a call, which goes on and has to be finished (R2). That of a
// method which nobody has begun says so.
func TestR2_BeginPanics(t *testing.T) {
	scope := async.NewScope(async.ScopeOptions{Observer: async.Observer{Begun: func(async.CallInfo) { panic("no") }}})
	for what, test := range map[string]struct {
		object *face
		begin  func(*face) error
		want   error
	}{
		"function": {&face{asyncimpl.New(scope)}, func(x *face) error { return x.BeginGet(bg, 7) }, nil},
		"promise": {&face{asyncimpl.NewServed(scope)}, func(x *face) error {
			return x.Serve(bg, func(asyncimpl.Promise) { t.Error("the server was told") })
		}, async.ErrBrokenPromise},
		"another process": {&face{asyncimpl.New()}, func(x *face) error {
			return asyncimpl.Start(x.Object, "Store.Get", func(call *async.Call[asyncimpl.Result], opts []async.Option) error {
				p, err := call.BeginPromise(bg, opts...)
				if err == nil {
					p.Break()
					panic("no")
				}
				return err
			})
		}, async.ErrBrokenPromise},
	} {
		t.Run(what, func(t *testing.T) {
			x := test.object
			defer x.Release()
			if r := recovered(func() { _ = test.begin(x) }); r != "no" {
				t.Errorf("recovered %v", r)
			}
			if err := x.Wait(bg); err != nil {
				t.Fatal(err)
			}
			if err := x.BeginGet(bg, 8); err != async.ErrCallPending {
				t.Errorf("another Begin returned %v", err)
			}
			if _, err := x.Finish("Store.Put"); err != async.ErrCallComplete {
				t.Errorf("the Finish of another method returned %v", err)
			}
			if v, err := x.Finish("Store.Get"); !errors.Is(err, test.want) || test.want == nil && v != 7 {
				t.Errorf("Finish returned %v, %v", v, err)
			}
			if _, err := x.Finish("Store.Get"); err != async.ErrCallComplete {
				t.Errorf("a second Finish returned %v", err)
			}
		})
	}
}

// A function of a scope that waits for a call of a fake lends its slot: the function that makes
// the call may need that.
func TestC2_Queue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scope := async.NewScope(async.ScopeOptions{Limit: 1})
		var q asyncimpl.Queue
		ctx, cancel := context.WithTimeout(bg, time.Minute)
		defer cancel()
		taker := async.Go(ctx, func(ctx context.Context) (any, error) { return q.Next(ctx, anyCall) }, scope)
		synctest.Wait()
		caller := async.Go(ctx, func(context.Context) (any, error) { q.Put(7); return nil, nil }, scope)
		if v, err := taker.Await(bg); v != 7 || err != nil {
			t.Errorf("Next returned %v, %v", v, err)
		}
		if err := caller.Wait(bg); err != nil {
			t.Error(err)
		}
		caller.Release()
	})
}

// A call that is there is taken also where the context has ended, though the waiter got its slot
// only after that (R6).
func TestR6_Queue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scope := async.NewScope(async.ScopeOptions{Limit: 1})
		var q asyncimpl.Queue
		ctx, cancel := context.WithCancel(bg)
		taker := async.Go(bg, func(own context.Context) (any, error) {
			ended, stop := context.WithCancel(own)
			defer stop()
			defer context.AfterFunc(ctx, stop)()
			return q.Next(ended, anyCall)
		}, scope)
		synctest.Wait()
		caller := async.Go(bg, func(context.Context) (any, error) {
			cancel()
			synctest.Wait()
			q.Put(7)
			return nil, nil
		}, scope)
		if v, err := taker.Await(bg); v != 7 || err != nil {
			t.Errorf("Next returned %v, %v", v, err)
		}
		if err := caller.Wait(bg); err != nil {
			t.Error(err)
		}
		caller.Release()
	})
}

// Calls that are not wanted stay in their order, whichever is taken.
func TestQueue_order(t *testing.T) {
	var q asyncimpl.Queue
	next := func(want int) { // a negative number stands for any call, which is to be that number
		t.Helper()
		if v, err := q.Next(bg, func(call any) bool { return want < 0 || call == want }); v != max(want, -want) || err != nil {
			t.Errorf("Next returned %v, %v, want %v", v, err, want)
		}
	}
	for i := range 6 {
		q.Put(i)
	}
	next(3)
	next(0)
	next(-1)
	q.Put(1)
	next(5)
	next(-2)
	next(-4)
	next(-1)
	ended, cancel := context.WithCancelCause(bg)
	cancel(errLate)
	if v, err := q.Next(ended, anyCall); v != nil || err != errLate {
		t.Errorf("Next of none returned %v, %v", v, err)
	}
}

// A result that fails when it is taken is no stream: its context ends with the object, as that of
// a call which completed with the failure, and leaves nothing behind in the context of Begin.
func TestStream_failsWhenTaken(t *testing.T) {
	for what, test := range map[string]struct {
		take  func(x *face) (any, error)
		alive bool
	}{
		"an error": {func(*face) (any, error) { return 7, errLate }, false},
		"a panic":  {func(*face) (any, error) { panic(errLate) }, false},
		"another call of the object": {func(x *face) (any, error) {
			_ = x.BeginGet(bg, 8)
			return 7, errLate
		}, false},
		"none": {func(x *face) (any, error) { return 7, nil }, true},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := &face{asyncimpl.NewServed()}
				ctx, cancel := context.WithCancel(bg)
				var of context.Context
				err := x.Promise(ctx, "Store.Get", true, func(p asyncimpl.Promise) {
					of = p.Context()
					p.Deliver(func() (any, error) { return test.take(x) }, nil)
				})
				if err != nil {
					t.Fatal(err)
				}
				_ = recovered(func() { _, _ = x.Finish("Store.Get") })
				x.Release()
				synctest.Wait()
				if alive := of.Err() == nil; alive != test.alive {
					t.Errorf("the context of the result: %v", of.Err())
				}
				cancel()
			})
		})
	}
}

func anyCall(any) bool { return true }

// A call that a server serves has the name of its method where nobody has said another, and
// the options of the client and those of the method. What it is completed with may be nil.
func TestServeCall(t *testing.T) {
	var promise asyncimpl.Promise
	serve := func(p asyncimpl.Promise) { promise = p }
	var discarded []error
	discard := async.Discard(func(_ error, err error) { discarded = append(discarded, err) })
	c := asyncimpl.ServeCall[error](bg, "Store.Get", nil, serve, nil, discard)
	if name := c.Info().Name; name != "Store.Get" {
		t.Errorf("the name is %q", name)
	}
	if !promise.Complete(nil, nil) || promise.CompleteOrDiscard(nil, errLate) {
		t.Error("the promise was not completed once")
	}
	if v, err := c.Await(bg); v != nil || err != nil {
		t.Errorf("Await returned %v, %v", v, err)
	}
	if len(discarded) != 1 || discarded[0] != errLate {
		t.Errorf("discarded %v", discarded)
	}
	named := asyncimpl.ServeCall[int](bg, "Store.Get", []async.Option{async.Name("mine")}, serve)
	if name := named.Info().Name; name != "mine" {
		t.Errorf("the name is %q", name)
	}
	promise.Break()
	if _, err := named.Await(bg); !errors.Is(err, async.ErrBrokenPromise) {
		t.Error(err)
	}
}

// Of a call that the scope refuses the server is not told, also where the result goes on using
// the context, which ends with the call's Release.
func TestServeCall_refused(t *testing.T) {
	scope := async.NewScope(async.ScopeOptions{})
	scope.Close()
	for _, more := range []async.Option{nil, async.Streaming()} {
		call := asyncimpl.ServeCall[int](bg, "Store.Get", []async.Option{scope}, func(asyncimpl.Promise) {
			t.Error("the server was told")
		}, more)
		if _, err := call.Await(bg); !errors.Is(err, async.ErrScopeClosed) {
			t.Error(err)
		}
		call.Release()
	}
}

// A server that panics leaves no handle behind: nobody was given one (R9f).
func TestR9_ServeCall(t *testing.T) {
	scope := async.NewScope(async.ScopeOptions{Track: true})
	func() {
		defer func() {
			if r := recover(); r != "no" {
				t.Errorf("recovered %v", r)
			}
		}()
		asyncimpl.ServeCall[int](bg, "Store.Get", []async.Option{scope}, func(asyncimpl.Promise) { panic("no") }).Release()
	}()
	for h := range scope.Unreleased() {
		t.Errorf("not released: %v", h.Call)
	}
	if s := scope.Stats(); s.Begun != 1 || s.Broken != 1 || s.Pending != 0 {
		t.Errorf("%+v", s)
	}
}

// After Break, Deliver runs nothing, also where the context of the call goes on.
func TestServeCall_broken(t *testing.T) {
	call := asyncimpl.ServeCall[int](bg, "Store.Get", nil, func(p asyncimpl.Promise) {
		p.Break()
		if p.Deliver(func() (any, error) { t.Error("taken"); return 7, nil }, nil) {
			t.Error("delivered")
		}
	}, async.Streaming())
	defer call.Release()
	if _, err := call.Await(bg); !errors.Is(err, async.ErrBrokenPromise) {
		t.Error(err)
	}
}

var errLate = errors.New("late")

// goroutines counts those of the process. While garbage is collected, the runtime counts
// some that have ended.
func goroutines() int {
	runtime.GC()
	return runtime.NumGoroutine()
}
