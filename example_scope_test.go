package async_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async"
)

// Three functions at most run at the same time. The other calls wait in a queue, in
// order, without a goroutine each.
func ExampleScope() {
	scope := async.NewScope(async.ScopeOptions{Limit: 3})
	var running, most atomic.Int64
	calls := async.GoEach(context.Background(), make([]struct{}, 100), func(context.Context, struct{}) (int64, error) {
		now := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		return now, nil
	}, scope)
	defer calls.Release()

	results, err := calls.All(context.Background())
	fmt.Println(len(results), "calls, error:", err)
	fmt.Println("never more than three at once:", most.Load() <= 3)
	// Output:
	// 100 calls, error: <nil>
	// never more than three at once: true
}

// A function that waits for calls of its own scope lends its slot to them. So calls
// nest deeper than there are slots, even with one slot.
func ExampleScope_nested() {
	scope := async.NewScope(async.ScopeOptions{Limit: 1})
	var countDown func(ctx context.Context, n int) (string, error)
	countDown = func(ctx context.Context, n int) (string, error) {
		if n == 0 {
			return "go", nil
		}
		below := async.Go(ctx, func(ctx context.Context) (string, error) { return countDown(ctx, n-1) }, scope)
		rest, err := below.Await(ctx) // by the function's own context: that lends the slot
		return fmt.Sprint(n, " ", rest), err
	}
	call := async.Go(context.Background(), func(ctx context.Context) (string, error) { return countDown(ctx, 3) }, scope)
	fmt.Println(call.Await(context.Background()))
	// Output:
	// 3 2 1 go <nil>
}

// A scope is an option of every call that belongs to it.
func ExampleNewScope() {
	ctx := context.Background()
	fetches := async.NewScope(async.ScopeOptions{Name: "fetches", Limit: 8, Queue: 1000})

	page := async.Go(ctx, func(context.Context) (string, error) { return "<html>", nil }, fetches)
	fmt.Println(page.Await(ctx))
	fmt.Println(fetches.Stats().Begun, fetches)
	// Output:
	// <html> <nil>
	// 1 scope "fetches"
}

// With a bound on the queue, a call that finds it full is refused, at once.
func ExampleScopeOptions() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{Limit: 1, Queue: 1})
	gate := make(chan struct{})
	work := func(context.Context) (string, error) { <-gate; return "done", nil }

	running, queued := async.Go(ctx, work, scope), async.Go(ctx, work, scope)
	refused := async.Go(ctx, work, scope)
	_, err := refused.Await(ctx)
	fmt.Println(errors.Is(err, async.ErrQueueFull))

	close(gate)
	fmt.Println(running.Await(ctx))
	fmt.Println(queued.Await(ctx))
	// Output:
	// true
	// done <nil>
	// done <nil>
}

// A closed scope refuses new calls. Those it has go on.
func ExampleScope_Close() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{})
	promise, call := async.NewPromise[string](ctx, scope)
	scope.Close()

	_, err := async.Go(ctx, func(context.Context) (string, error) { return "late", nil }, scope).Await(ctx)
	fmt.Println(errors.Is(err, async.ErrScopeClosed))
	promise.Complete("in time", nil)
	fmt.Println(call.Await(ctx))
	// Output:
	// true
	// in time <nil>
}

// The error of a refused call names the call and its scope.
func ExampleRefusedError() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{Name: "pages"})
	scope.Close()
	fetch := func(context.Context) (string, error) { return "page", nil }

	_, err := async.Go(ctx, fetch, scope, async.Name("fetch")).Await(ctx)
	fmt.Println(err)
	var refused *async.RefusedError
	fmt.Println(errors.As(err, &refused), errors.Is(err, async.ErrScopeClosed))
	// Output:
	// async: call "fetch" of scope "pages" refused: scope closed
	// true true
}

// Err says whether the scope is closed. A function that comes out of the queue asks,
// and begins nothing then.
func ExampleScope_Err() {
	scope := async.NewScope(async.ScopeOptions{})
	fmt.Println(scope.Err())
	scope.Close()
	fmt.Println(scope.Err() == async.ErrScopeClosed)
	// Output:
	// <nil>
	// true
}

// Shutdown refuses new calls and waits until every function has returned.
func ExampleScope_Shutdown() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{Limit: 2})
	var saved atomic.Int64
	for range 10 {
		async.Go(ctx, func(context.Context) (int64, error) { return saved.Add(1), nil }, scope).Release()
	}
	grace, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	fmt.Println(scope.Shutdown(grace))
	fmt.Println("saved:", saved.Load())
	// Output:
	// <nil>
	// saved: 10
}

// When the time is up, Shutdown cancels what is left and says what that was.
func ExampleShutdownError() {
	scope := async.NewScope(async.ScopeOptions{Name: "uploads"})
	call := async.Go(context.Background(), func(ctx context.Context) (int, error) {
		<-ctx.Done() // a slow upload
		return 0, context.Cause(ctx)
	}, scope, async.Name("photo.jpg"))
	defer call.Release()

	grace, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err := scope.Shutdown(grace)
	if left, ok := errors.AsType[*async.ShutdownError](err); ok {
		for _, c := range left.Left {
			fmt.Println("did not end in time:", c.Name)
		}
	}
	fmt.Println(scope.Shutdown(context.Background())) // waits for what was canceled
	// Output:
	// did not end in time: photo.jpg
	// <nil>
}

// What a server is doing right now, for a page that people look at.
func ExampleScope_InFlight() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{Limit: 1})
	gate := make(chan struct{})
	work := func(context.Context) (int, error) { <-gate; return 0, nil }
	calls := async.Calls[int]{
		async.Go(ctx, work, scope, async.Name("first")),
		async.Go(ctx, work, scope, async.Name("second")),
	}
	for call := range scope.InFlight() {
		fmt.Println(call.ID, call.Name, call.State)
	}
	close(gate)
	_, _ = calls.All(ctx)
	// Output:
	// 1 first running
	// 2 second queued
}

// The ledger says what became of every call that has begun, and of its result.
func ExampleScope_Stats() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{})
	calls := async.GoEach(ctx, []int{1, 2, 3}, func(_ context.Context, n int) (int, error) {
		if n == 3 {
			return 0, errors.New("three is too many")
		}
		return n, nil
	}, scope)
	defer calls.Release()
	_, _ = calls.Settle(ctx)

	stats := scope.Stats()
	fmt.Println(stats.Begun, "begun =", stats.Returned, "returned +", stats.Failed, "failed +", stats.Pending, "pending")
	fmt.Println(stats.Taken, "taken,", stats.Untaken, "left")
	// Output:
	// 3 begun = 2 returned + 1 failed + 0 pending
	// 3 taken, 0 left
}

// Stats tell how long canceled functions took to return.
func ExampleStats() {
	scope := async.NewScope(async.ScopeOptions{})
	started := make(chan struct{})
	call := async.Go(context.Background(), func(ctx context.Context) (int, error) {
		close(started)
		<-ctx.Done()
		return 0, nil
	}, scope)
	<-started
	_ = call.Cancel(nil)
	call.Release()
	_ = scope.Shutdown(context.Background()) // the function has returned

	stats := scope.Stats()
	fmt.Println(stats.Canceled, "canceled,", stats.Stopping, "still running,", stats.Stopped, "stopped")
	fmt.Println("the slowest within a minute:", stats.StopMax < time.Minute)
	// Output:
	// 1 canceled, 0 still running, 1 stopped
	// the slowest within a minute: true
}

// The bounds of the classes by which Stats counts how long functions took to stop:
// the columns of a histogram.
func ExampleStopBound() {
	var stats async.Stats
	for class := range stats.StopTimes[:async.StopClasses-1] {
		fmt.Print("< ", async.StopBound(class), "  ")
	}
	fmt.Println("longer")
	// Output:
	// < 10µs  < 100µs  < 1ms  < 10ms  < 100ms  < 1s  < 10s  longer
}

// Unreleased names the handles that nobody has released, and where they come from.
func ExampleScope_Unreleased() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{Track: true})
	work := func(context.Context) (int, error) { return 42, nil }

	finished := async.Go(ctx, work, scope, async.Name("finished"))
	forgotten := async.Go(ctx, work, scope, async.Name("forgotten"))
	_ = async.WaitAll(ctx, finished, forgotten)
	fmt.Println(finished.Finish())
	for handle := range scope.Unreleased() {
		fmt.Println(handle.Call.Name)
	}
	forgotten.Release()
	// Output:
	// 42 <nil>
	// forgotten
}

// With Track, a handle that was forgotten tells its line. One whose result was taken
// through it needs no Release.
func ExampleHandleInfo() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{Track: true})
	work := func(context.Context) (int, error) { return 42, nil }
	forgotten := async.Go(ctx, work, scope, async.Name("forgotten"))
	awaited := async.Go(ctx, work, scope, async.Name("awaited"))
	_ = forgotten.Wait(ctx)
	_, _ = awaited.Await(ctx)
	for handle := range scope.Unreleased() {
		if !handle.Taken {
			fmt.Println(handle.Call.Name, "needs a Release")
			fmt.Println("the stack names this file:", strings.Contains(handle.Stack, "example_scope_test.go"))
		}
	}
	forgotten.Release()
	// Output:
	// forgotten needs a Release
	// the stack names this file: true
}

// A line of a log for each call that ends, with how it ended.
func ExampleCallInfo() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{Observer: async.Observer{
		Completed: func(call async.CallInfo) { fmt.Printf("%v: %v\n", call, call.Err) },
	}})
	call := async.Go(ctx, func(context.Context) (int, error) { return 0, errors.New("sold out") },
		scope, async.Name("price of tea"))
	_, _ = call.Await(ctx)
	_ = scope.Shutdown(ctx)
	// Output:
	// call "price of tea" #1, completed: sold out
}

// An observer is told of every begin and completion, for metrics and traces.
func ExampleObserver() {
	ctx := context.Background()
	var inFlight, failed atomic.Int64
	scope := async.NewScope(async.ScopeOptions{Observer: async.Observer{
		Begun: func(async.CallInfo) { inFlight.Add(1) },
		Completed: func(call async.CallInfo) {
			inFlight.Add(-1)
			if call.Err != nil {
				failed.Add(1)
			}
		},
	}})
	calls := async.GoEach(ctx, []int{1, 2, 3}, func(_ context.Context, n int) (int, error) {
		if n == 2 {
			return 0, errors.New("two is bad")
		}
		return n, nil
	}, scope)
	defer calls.Release()
	_ = scope.Shutdown(ctx)
	fmt.Println(inFlight.Load(), "in flight,", failed.Load(), "failed")
	// Output:
	// 0 in flight, 1 failed
}

// PanicReturn has a panic of a function be the error of its call.
func ExamplePanicPolicy() {
	ctx := context.Background()
	plugins := async.NewScope(async.ScopeOptions{Panic: async.PanicReturn})
	call := async.Go(ctx, func(context.Context) (int, error) { panic("a bad plugin") }, plugins)
	_, err := call.Await(ctx)
	if p, ok := errors.AsType[*async.PanicError](err); ok {
		fmt.Println("it panicked:", p.Value)
	}
	// Output:
	// it panicked: a bad plugin
}

// The states of a call in a scope with a limit.
func ExampleState() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{Limit: 1})
	gate := make(chan struct{})
	work := func(context.Context) (int, error) { <-gate; return 0, nil }

	first, second := async.Go(ctx, work, scope), async.Go(ctx, work, scope)
	fmt.Println(first.Info().State, second.Info().State)
	close(gate)
	_ = async.WaitAll(ctx, first, second)
	fmt.Println(first.Info().State == async.StateCompleted)
	_, _ = async.Calls[int]{first, second}.All(ctx)
	// Output:
	// running queued
	// true
}

// A function that returns the panic of another call has not panicked itself: its call has
// failed, and the ledger says so, too.
func ExampleOutcome() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{Panic: async.PanicReturn})
	inner := async.Go(ctx, func(context.Context) (int, error) { panic("no such page") }, scope)
	outer := async.Go(ctx, func(ctx context.Context) (int, error) { return inner.Await(ctx) }, scope)
	_ = outer.Wait(ctx)
	fmt.Println(inner.Info().Outcome, outer.Info().Outcome)
	fmt.Println(scope.Stats().Panicked, scope.Stats().Failed)
	outer.Release()
	// Output:
	// panicked failed
	// 1 1
}

// Those who ask for the same key at the same time share one query.
func ExampleGroup() {
	ctx := context.Background()
	var users async.Group[int, string] // the zero value is ready for use
	queries, asked := 0, make(chan struct{})
	query := func(context.Context) (string, error) {
		queries++
		<-asked // the database takes its time
		return "anna", nil
	}
	callers := async.Calls[string]{users.Join(ctx, 7, query), users.Join(ctx, 7, query), users.Join(ctx, 7, query)}
	defer callers.Release()
	close(asked)
	fmt.Println(callers.All(ctx))
	fmt.Println("queries:", queries)
	// Output:
	// [anna anna anna] <nil>
	// queries: 1
}

// Do asks and waits. The context bounds the wait. The query belongs to all who ask.
func ExampleGroup_Do() {
	var users async.Group[int, string]
	user, err, shared := users.Do(context.Background(), 7, func(context.Context) (string, error) {
		return "anna", nil
	})
	fmt.Println(user, err, shared)
	// Output:
	// anna <nil> false
}

// Join returns a handle, for a select or a Set. To release the handle is to leave,
// and the query of a caller who leaves alone is canceled.
func ExampleGroup_Join() {
	var users async.Group[int, string]
	canceled := make(chan error)
	call := users.Join(context.Background(), 7, func(ctx context.Context) (string, error) {
		<-ctx.Done() // a slow query
		canceled <- context.Cause(ctx)
		return "", context.Cause(ctx)
	})
	select {
	case <-call.Done():
		fmt.Println(call.Finish())
	case <-time.After(time.Millisecond):
		call.Release()
	}
	fmt.Println(<-canceled == async.ErrAbandoned)
	// Output:
	// true
}

// After a change, those who come next are not to share the query of before.
func ExampleGroup_Forget() {
	ctx := context.Background()
	var users async.Group[int, string]
	changed := make(chan struct{})
	before := users.Join(ctx, 7, func(context.Context) (string, error) { <-changed; return "anna", nil })
	users.Forget(7)
	after := users.Join(ctx, 7, func(context.Context) (string, error) { return "anna maria", nil })
	close(changed)

	fmt.Println(before.Await(ctx))
	fmt.Println(after.Await(ctx))
	// Output:
	// anna <nil>
	// anna maria <nil>
}

// Made when it is first needed. Everybody waits with a context of their own.
func ExampleNewLazy() {
	config := async.NewLazy(func(context.Context) (string, error) {
		fmt.Println("loading")
		return "port = 8080", nil
	})
	for range 2 {
		fmt.Println(config.Get(context.Background()))
	}
	// Output:
	// loading
	// port = 8080 <nil>
	// port = 8080 <nil>
}

// A failure is not kept: the next Get tries again.
func ExampleLazy_Get() {
	attempts := 0
	db := async.NewLazy(func(context.Context) (string, error) {
		if attempts++; attempts == 1 {
			return "", errors.New("no route")
		}
		return "connection", nil
	})
	fmt.Println(db.Get(context.Background()))
	fmt.Println(db.Get(context.Background()))
	// Output:
	//  no route
	// connection <nil>
}

// Peek returns the value where it is there, and starts nothing.
func ExampleLazy_Peek() {
	config := async.NewLazy(func(context.Context) (string, error) { return "port = 8080", nil })
	_, ok := config.Peek()
	fmt.Println(ok)

	_, _ = config.Get(context.Background())
	fmt.Println(config.Peek())
	// Output:
	// false
	// port = 8080 true
}

// An AsyncAdder is the asynchronous face of a server, such as cmd/asyncgen writes:
// a Begin and a Finish for each method.
type AsyncAdder interface {
	BeginAdd(ctx context.Context, a, b int) error
	Wait(ctx context.Context) error
	FinishAdd() (int, error)
	Release()
}

// An addCall is a call object.
type addCall struct{ async.Call[int] }

func (c *addCall) BeginAdd(ctx context.Context, a, b int) error {
	return c.Begin(ctx, func(context.Context) (int, error) { return a + b, nil })
}

func (c *addCall) FinishAdd() (int, error) { return c.Finish() }

// An adder is a server that can be called asynchronously.
type adder struct{}

func (adder) CreateCall(iface reflect.Type) (any, error) {
	if iface != reflect.TypeFor[AsyncAdder]() {
		return nil, async.ErrNoMethod
	}
	return new(addCall), nil
}

// A server says which asynchronous faces it has.
func ExampleCallFactory() {
	var server async.CallFactory = adder{}
	_, err := server.CreateCall(reflect.TypeFor[AsyncAdder]())
	fmt.Println(err)
	_, err = server.CreateCall(reflect.TypeFor[fmt.Stringer]())
	fmt.Println(err == async.ErrNoMethod)
	// Output:
	// <nil>
	// true
}

// A client asks a server for a call object, and makes its calls on that.
func ExampleCreateCall() {
	ctx := context.Background()
	call, err := async.CreateCall[AsyncAdder](adder{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer call.Release()
	_ = call.BeginAdd(ctx, 1, 2)
	_ = call.Wait(ctx)
	fmt.Println(call.FinishAdd())
	// Output:
	// 3 <nil>
}

// A client need not know whether a server can be called asynchronously.
func ExampleCreateCallOr() {
	ctx := context.Background()
	for _, server := range []any{adder{}, "a server without call objects"} {
		call, err := async.CreateCallOr(server, func() AsyncAdder {
			fmt.Println("called from a goroutine of the client's")
			return new(addCall)
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = call.BeginAdd(ctx, 1, 2)
		_ = call.Wait(ctx)
		fmt.Println(call.FinishAdd())
		call.Release()
	}
	// Output:
	// 3 <nil>
	// called from a goroutine of the client's
	// 3 <nil>
}

// A queue that is full makes the loop wait, not fail: no more is begun than there is
// room for.
func ExampleWaitForRoom() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{Limit: 2, Queue: 4})
	var done atomic.Int64
	for range 1000 {
		async.Go(ctx, func(context.Context) (struct{}, error) {
			done.Add(1)
			return struct{}{}, nil
		}, scope, async.WaitForRoom()).Release()
	}
	err := scope.Shutdown(ctx)
	fmt.Println(done.Load(), "done,", scope.Stats().Refused, "refused, error:", err)
	// Output:
	// 1000 done, 0 refused, error: <nil>
}

// A program with a full queue ends in order: nothing comes any more, what waits never
// runs, and what runs comes to its end.
func ExampleScope_Options() {
	scope := async.NewScope(async.ScopeOptions{Name: "mail", Limit: 4})
	o := scope.Options()
	fmt.Println(o.Name, o.Limit)
	// Output: mail 4
}

func ExampleScope_Info() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{})
	promise, call := async.NewPromise[int](ctx, scope, async.Name("answer"))
	fmt.Println(scope.Info(1))
	promise.Complete(42, nil)
	fmt.Println(scope.Info(1))
	fmt.Println(call.Await(ctx))
	// Output:
	// call "answer" #1, running true
	// call, idle false
	// 42 <nil>
}

// What is known of a call from a report, or a page for people, is its scope and its ID.
func ExampleScope_Cancel() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{Name: "mail"})
	call := async.Go(ctx, func(ctx context.Context) (string, error) {
		<-ctx.Done()
		return "", context.Cause(ctx)
	}, scope, async.Name("send"))

	fmt.Println(scope.Cancel(1, errors.New("the operator said so")))
	_, err := call.Await(ctx)
	fmt.Println(err)
	// Output:
	// true
	// async: call "send" canceled: the operator said so
}

func ExampleScope_CancelQueued() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{Limit: 1})
	stop := make(chan struct{})
	running := async.Go(ctx, func(context.Context) (string, error) { <-stop; return "finished", nil }, scope)
	waiting := async.GoEach(ctx, make([]struct{}, 3), func(context.Context, struct{}) (string, error) { return "ran", nil }, scope)
	defer waiting.Release()

	scope.Close()
	fmt.Println(scope.CancelQueued(errors.New("the program stops")), "calls never run")
	close(stop)
	fmt.Println("Shutdown:", scope.Shutdown(ctx))

	fmt.Println(running.Await(ctx))
	_, err := waiting[0].Await(ctx)
	fmt.Println(err)
	// Output:
	// 3 calls never run
	// Shutdown: <nil>
	// finished <nil>
	// async: call canceled: the program stops
}

// The name is that in the options.
func ExampleScope_Name() {
	scope := async.NewScope(async.ScopeOptions{Name: "fetches"})
	fmt.Println(scope.Name(), scope)
	// Output:
	// fetches scope "fetches"
}

// A dump is what a scope does at the moment, for people: calls in the calls that began
// them, the oldest first, those of one name in one line.
func ExampleScope_Dump() {
	scope := async.NewScope(async.ScopeOptions{Name: "pages", Limit: 2})
	ctx, cancel := context.WithCancel(context.Background())
	site, _ := async.NewPromise[int](ctx, scope, async.Name("site"))
	for range 3 {
		_, _ = async.NewPromise[int](site.Context(), scope, async.Name("page"))
	}
	var dump strings.Builder
	if err := scope.Dump(&dump); err != nil {
		fmt.Println(err)
	}
	ages := regexp.MustCompile(`[0-9.]+(ns|µs|ms|s)\b`)
	fmt.Print(ages.ReplaceAllString(dump.String(), "3s"))
	cancel()
	_ = scope.Shutdown(context.Background())
	// Output:
	// scope "pages": limit 2, open
	//   4 begun: 0 returned, 0 failed, 0 canceled, 0 panicked, 0 exited, 0 broken, 4 pending; 0 refused
	//   0 running, 0 of them lent; 0 queued; 0 canceled and not stopped
	//   results: 0 taken, 0 discarded, 0 that nobody has taken
	// site #1: running, 3s
	//   page ×3, oldest 3s: 3 running
}

// Two observers of one scope: one counts what is in flight, one puts a number of its own into
// the context of each call.
func ExampleObservers() {
	type numberKey struct{}
	var inFlight, numbers atomic.Int64
	counting := async.Observer{
		Begun:     func(async.CallInfo) { inFlight.Add(1) },
		Completed: func(async.CallInfo) { inFlight.Add(-1) },
	}
	numbering := async.Observer{
		BeginContext: func(ctx context.Context, _ async.CallInfo) context.Context {
			return context.WithValue(ctx, numberKey{}, numbers.Add(1))
		},
		Completed: func(c async.CallInfo) {
			fmt.Println("over:", c.Context.Value(numberKey{}), c.Name, c.Err)
		},
	}
	scope := async.NewScope(async.ScopeOptions{Observer: async.Observers(counting, numbering)})
	call := async.Go(context.Background(), func(ctx context.Context) (any, error) {
		return ctx.Value(numberKey{}), nil
	}, scope, async.Name("fetch"))
	fmt.Println(call.Await(context.Background()))
	fmt.Println(scope.Shutdown(context.Background()), inFlight.Load())
	// Unordered output:
	// over: 1 fetch <nil>
	// 1 <nil>
	// <nil> 0
}

// Two functions of two scopes wait for each other. The graph of either scope has the
// deadlock, and says what each of the two waits for.
func ExampleGraph_Cycles() {
	orders := async.NewScope(async.ScopeOptions{Name: "orders", Track: true})
	stock := async.NewScope(async.ScopeOptions{Name: "stock", Track: true})
	ctx, cancel := context.WithCancel(context.Background())
	var pick, pack async.Call[int]
	_ = pick.Begin(ctx, pack.Await, orders, async.Name("pick"))
	_ = pack.Begin(ctx, pick.Await, stock, async.Name("pack"))
	for len(orders.WaitGraph().Cycles()) == 0 {
		runtime.Gosched() // until both wait
	}
	for _, deadlock := range orders.WaitGraph().Cycles() {
		for _, call := range deadlock {
			for _, w := range call.WaitsFor {
				fmt.Printf("%s of %s waits for %s of %s\n", call.Name, call.Scope, w.Name, w.Scope)
			}
		}
	}
	cancel()
	_ = pick.Wait(context.Background())
	_ = pack.Wait(context.Background())
	pick.Release()
	pack.Release()
	// Output:
	// pick of orders waits for pack of stock
	// pack of stock waits for pick of orders
}

// Who waits for whom, drawn with a line for each wait.
func ExampleScope_WaitGraph() {
	scope := async.NewScope(async.ScopeOptions{Name: "pages", Track: true, Limit: 1})
	var asset async.Event
	page := async.Go(context.Background(), func(ctx context.Context) (int, error) {
		header := async.Go(ctx, func(ctx context.Context) (int, error) { return 1, asset.Wait(ctx) }, scope, async.Name("header"))
		return header.Await(ctx)
	}, scope, async.Name("page"))
	graph := scope.WaitGraph()
	for len(graph.Waits) != 2 || graph.Waits[1].Kind != "event" {
		runtime.Gosched() // until both wait
		graph = scope.WaitGraph()
	}
	for _, w := range graph.Waits {
		to := w.Kind
		if w.ToCall >= 0 {
			to = graph.Calls[w.ToCall].Name
		}
		fmt.Println(graph.Calls[w.FromCall].Name, "→", to)
	}
	asset.Set()
	_, _ = page.Await(context.Background())
	// Output:
	// page → header
	// header → event
}

// What a function waits for at the moment: here one of three things.
func ExampleWaitInfo() {
	scope := async.NewScope(async.ScopeOptions{Name: "orders", Track: true})
	paid, price := async.NewPromise[int](context.Background(), scope, async.Name("paid"))
	var canceled async.Event
	order := async.Go(context.Background(), func(ctx context.Context) (int, error) {
		_, _ = async.WaitAny(ctx, price, &canceled, context.Background())
		return 1, nil
	}, scope)
	for len(order.Info().WaitsFor) == 0 {
		runtime.Gosched() // until it waits
	}
	for _, w := range order.Info().WaitsFor {
		fmt.Println(w.Kind, w.Name, w.Call)
	}
	paid.Complete(1, nil)
	_, _ = order.Await(context.Background())
	// Output:
	// call paid 1
	// event  0
	// context context.backgroundCtx 0
}

// How many calls wait for each other call: the one that keeps most of them waiting.
func ExampleWait() {
	scope := async.NewScope(async.ScopeOptions{Name: "pages", Track: true})
	var ready async.Event
	login := async.Go(context.Background(), func(ctx context.Context) (int, error) { return 1, ready.Wait(ctx) }, scope, async.Name("login"))
	pages := async.GoEach(context.Background(), make([]int, 3), func(ctx context.Context, _ int) (int, error) { return login.Await(ctx) }, scope)
	var graph async.Graph
	for len(graph.Waits) < 4 {
		runtime.Gosched() // until all wait
		graph = scope.WaitGraph()
	}
	waiters := make(map[string]int)
	for _, w := range graph.Waits {
		if w.ToCall >= 0 {
			waiters[graph.Calls[w.ToCall].Name]++
		}
	}
	fmt.Println(waiters)
	ready.Set()
	_, _ = pages.All(context.Background())
	// Output:
	// map[login:3]
}

// An observer that logs: failures and losses here, and not the course of every call.
func ExampleLogObserver() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelInfo,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "took" {
				return slog.Attr{} // they differ each time
			}
			return a
		},
	}))
	scope := async.NewScope(async.ScopeOptions{Name: "fetches", Observer: async.LogObserver(logger)})
	call := async.Go(context.Background(), func(context.Context) (int, error) {
		return 0, errors.New("no route")
	}, scope, async.Name("home page"))
	_ = call.Wait(context.Background())
	_ = scope.Shutdown(context.Background())
	// Output:
	// level=INFO msg="async: call failed" scope=fetches id=1 call="home page" err="no route"
}
