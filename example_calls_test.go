package async_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// Start the work now, do something else, take the result later.
func ExampleGo() {
	ctx := context.Background()
	call := async.Go(ctx, func(context.Context) (string, error) {
		return "hello", nil
	})
	fmt.Println("meanwhile")
	fmt.Println(call.Await(ctx))
	// Output:
	// meanwhile
	// hello <nil>
}

// One call for each function. The results come in the order of the functions.
func ExampleGoAll() {
	ctx := context.Background()
	calls := async.GoAll(ctx, []func(context.Context) (string, error){
		func(context.Context) (string, error) { return "user", nil },
		func(context.Context) (string, error) { return "orders", nil },
	}, async.Name("page"))
	defer calls.Release()
	fmt.Println(calls.All(ctx))
	// Output:
	// [user orders] <nil>
}

// One call for each input. The results come in the order of the input.
func ExampleGoEach() {
	ctx := context.Background()
	calls := async.GoEach(ctx, []string{"a", "bc", "def"}, func(_ context.Context, s string) (int, error) {
		return len(s), nil
	})
	defer calls.Release()
	fmt.Println(calls.All(ctx))
	// Output:
	// [1 2 3] <nil>
}

// A call that is complete from the beginning stands for work that need not be done.
func ExampleReady() {
	cache := map[string]int{"tea": 3}
	price := func(item string) *async.Call[int] {
		if p, ok := cache[item]; ok {
			return async.Ready(p, nil)
		}
		return async.Go(context.Background(), func(context.Context) (int, error) { return 7, nil })
	}
	fmt.Println(price("tea").Await(context.Background()))
	fmt.Println(price("coffee").Await(context.Background()))
	// Output:
	// 3 <nil>
	// 7 <nil>
}

// Somebody else completes the call: here a function that is given a callback.
func ExampleNewPromise() {
	ask := func(question string, reply func(string)) { go reply(question + " 42.") }

	promise, call := async.NewPromise[string](context.Background())
	ask("The answer is", func(text string) { promise.Complete(text, nil) })
	fmt.Println(call.Await(context.Background()))
	// Output:
	// The answer is 42. <nil>
}

// One object makes one call after the other. It is finished in between.
func ExampleCall() {
	ctx := context.Background()
	var call async.Call[int] // the zero value is ready for use
	for n := range 3 {
		if err := call.Begin(ctx, func(context.Context) (int, error) { return n * n, nil }); err != nil {
			fmt.Println(err)
			return
		}
		_ = call.Wait(ctx)
		fmt.Println(call.Finish())
	}
	// Output:
	// 0 <nil>
	// 1 <nil>
	// 4 <nil>
}

// An object is busy until its call is finished.
func ExampleCall_Begin() {
	ctx := context.Background()
	one := func(context.Context) (int, error) { return 1, nil }

	var call async.Call[int]
	fmt.Println(call.Begin(ctx, one))
	fmt.Println(call.Begin(ctx, one) == async.ErrCallPending)

	_ = call.Wait(ctx)
	_, _ = call.Finish()
	fmt.Println(call.Begin(ctx, one))
	fmt.Println(call.Await(ctx))
	// Output:
	// <nil>
	// true
	// <nil>
	// 1 <nil>
}

// The object's next call has no function. The promise completes it.
func ExampleCall_BeginPromise() {
	ctx := context.Background()
	var call async.Call[string]
	for _, reply := range []string{"first", "second"} {
		promise, err := call.BeginPromise(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		promise.Complete(reply, nil)
		fmt.Println(call.Finish())
	}
	// Output:
	// first <nil>
	// second <nil>
}

// Any number of goroutines may take the result, any number of times. The end of a
// context ends one wait, and nothing else.
func ExampleCall_Await() {
	promise, call := async.NewPromise[int](context.Background())

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := call.Await(ctx)
	fmt.Println("still pending:", errors.Is(err, async.ErrCallPending))

	promise.Complete(42, nil)
	fmt.Println(call.Await(ctx)) // what is complete is returned, whatever the context says
	fmt.Println(call.Await(ctx))
	// Output:
	// still pending: true
	// 42 <nil>
	// 42 <nil>
}

// Wait says that the call is complete. It does not say that the call has succeeded.
func ExampleCall_Wait() {
	ctx := context.Background()
	call := async.Go(ctx, func(context.Context) (int, error) { return 0, errors.New("no route") })
	fmt.Println(call.Wait(ctx))
	fmt.Println(call.Finish())
	// Output:
	// <nil>
	// 0 no route
}

// The caller stops waiting after a moment and cancels the call.
func ExampleCall_WaitFor() {
	call := async.Go(context.Background(), func(ctx context.Context) (int, error) {
		<-ctx.Done() // the server never answers
		return 0, context.Cause(ctx)
	})
	defer call.Release()
	if err := call.WaitFor(time.Millisecond); err != nil {
		fmt.Println(errors.Is(err, async.ErrTimeout))
		_ = call.Cancel(err)
	}
	_, err := call.Await(context.Background())
	fmt.Println(errors.Is(err, async.ErrCanceled))
	// Output:
	// true
	// true
}

// Finish never waits, and takes the result once.
func ExampleCall_Finish() {
	promise, call := async.NewPromise[int](context.Background())
	_, err := call.Finish()
	fmt.Println(err == async.ErrCallPending)

	promise.Complete(42, nil)
	fmt.Println(call.Finish())

	_, err = call.Finish()
	fmt.Println(err == async.ErrCallComplete)
	// Output:
	// true
	// 42 <nil>
	// true
}

// The call's channel goes into a select, beside the channels of others.
func ExampleCall_Done() {
	call := async.Go(context.Background(), func(context.Context) (string, error) { return "hello", nil })
	defer call.Release()
	select {
	case <-call.Done():
		fmt.Println(call.Finish())
	case <-time.After(time.Hour):
		fmt.Println("an hour has passed")
	}
	// Output:
	// hello <nil>
}

// IsDone looks and does not wait.
func ExampleCall_IsDone() {
	promise, call := async.NewPromise[int](context.Background())
	defer call.Release()
	fmt.Println(call.IsDone())
	promise.Complete(42, nil)
	fmt.Println(call.IsDone())
	// Output:
	// false
	// true
}

// The call is complete at once. The function learns of it by its context, and ends
// in its own time.
func ExampleCall_Cancel() {
	started, stopped := make(chan struct{}), make(chan error)
	call := async.Go(context.Background(), func(ctx context.Context) (int, error) {
		close(started)
		<-ctx.Done()
		stopped <- context.Cause(ctx)
		return 0, nil
	})
	<-started
	_ = call.Cancel(errors.New("the user left"))
	_, err := call.Await(context.Background())
	fmt.Println(err)
	fmt.Println(errors.Is(err, async.ErrCanceled))
	fmt.Println("the function was told:", <-stopped)
	// Output:
	// async: call canceled: the user left
	// true
	// the function was told: the user left
}

// The function is asked to stop, and has the time of a context to say how far it
// got.
func ExampleCall_CancelWait() {
	started := make(chan struct{})
	copied := async.Go(context.Background(), func(ctx context.Context) (int, error) {
		close(started)
		<-ctx.Done()
		return 17, nil // files so far
	})
	<-started
	grace, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fmt.Println(copied.CancelWait(grace, errors.New("shutting down")))
	fmt.Println(copied.Await(context.Background()))
	// Output:
	// <nil>
	// 17 <nil>
}

// Each client has a handle of its own, and takes the result in its own time.
func ExampleCall_Clone() {
	promise, call := async.NewPromise[string](context.Background())
	other := call.Clone()

	promise.Complete("hello", nil)
	fmt.Println(call.Finish())
	fmt.Println(other.Finish())
	// Output:
	// hello <nil>
	// hello <nil>
}

// Others may learn when the call is complete. They cannot cancel it or take its
// result.
func ExampleCall_Signal() {
	promise, call := async.NewPromise[string](context.Background())
	over := call.Signal()
	defer over.Release()

	go promise.Complete("hello", nil)
	_ = over.Wait(context.Background())
	fmt.Println(call.Finish())
	// Output:
	// hello <nil>
}

// Nobody waits any more. The work goes on, and a result that nobody took goes to
// Discard. A handle whose result was taken through it needs no Release, unless it
// streams; every other handle does.
func ExampleCall_Release() {
	closed := make(chan string)
	connect := make(chan struct{})
	call := async.Go(context.Background(), func(context.Context) (string, error) {
		<-connect
		return "connection", nil
	}, async.Discard(func(conn string, _ error) { closed <- conn }))

	call.Release() // it takes too long
	close(connect)
	fmt.Println("closed the", <-closed)
	// Output:
	// closed the connection
}

// Info says what there is to know of a call, for logs and for debugging.
func ExampleCall_Info() {
	promise, call := async.NewPromise[int](context.Background(), async.Name("price of tea"))
	info := call.Info()
	fmt.Println(info.Name, info.State, info.Handles)

	promise.Complete(0, errors.New("sold out"))
	info = call.Info()
	fmt.Println(info.Name, info.State, info.Err)
	// Output:
	// price of tea running 1
	// price of tea completed sold out
}

// A reader loop completes each call when its reply comes in, whatever the order.
func ExamplePromise() {
	ctx := context.Background()
	pending := map[string]*async.Promise[string]{}
	ask := func(id string) *async.Call[string] {
		promise, call := async.NewPromise[string](ctx)
		pending[id] = promise
		return call
	}
	first, second := ask("1"), ask("2")

	replies := strings.NewReader("2 world\n1 hello\n")
	for {
		var id, text string
		if _, err := fmt.Fscanln(replies, &id, &text); err != nil {
			break // the connection is closed
		}
		pending[id].Complete(text, nil)
	}
	fmt.Println(first.Await(ctx))
	fmt.Println(second.Await(ctx))
	// Output:
	// hello <nil>
	// world <nil>
}

// Complete says whether the value was taken. Where the client has canceled, the
// value is still the server's to dispose of.
func ExamplePromise_Complete() {
	promise, call := async.NewPromise[string](context.Background())
	_ = call.Cancel(nil)
	if !promise.Complete("connection", nil) {
		fmt.Println("close the connection")
	}
	// Output:
	// close the connection
}

// A server that may leave without an answer defers Break, so nobody waits for ever.
func ExamplePromise_Break() {
	promise, call := async.NewPromise[string](context.Background())
	serve := func() {
		defer promise.Break()
		// no answer is found
	}
	serve()
	_, err := call.Await(context.Background())
	fmt.Println(err == async.ErrBrokenPromise)
	// Output:
	// true
}

// The server learns by the promise's context that nobody wants the answer.
func ExamplePromise_Context() {
	promise, call := async.NewPromise[string](context.Background())
	_ = call.Cancel(errors.New("the user left"))

	<-promise.Context().Done()
	fmt.Println(context.Cause(promise.Context()))
	// Output:
	// the user left
}

// The first answer counts, whatever it says. The others are canceled.
func ExampleCalls_Race() {
	ctx := context.Background()
	slow, first := async.NewPromise[string](ctx)
	fast, second := async.NewPromise[string](ctx)
	defer slow.Break()

	calls := async.Calls[string]{first, second}
	defer calls.Release()
	defer calls.Cancel(nil)
	go fast.Complete("fast", nil)
	fmt.Println(calls.Race(ctx))
	// Output:
	// 1 fast <nil>
}

// Each outcome matters, good or bad, and all are waited for.
func ExampleCalls_Settle() {
	ctx := context.Background()
	calls := async.GoEach(ctx, []int{4, 0, 2}, func(_ context.Context, n int) (int, error) {
		if n == 0 {
			return 0, errors.New("division by zero")
		}
		return 8 / n, nil
	})
	defer calls.Release()
	results, _ := calls.Settle(ctx)
	for _, r := range results {
		fmt.Println(r.Value, r.Err)
	}
	// Output:
	// 2 <nil>
	// 0 division by zero
	// 4 <nil>
}

// Results are looked at as they come.
func ExampleCalls_Each() {
	ctx := context.Background()
	slow, first := async.NewPromise[string](ctx)
	fast, second := async.NewPromise[string](ctx)
	calls := async.Calls[string]{first, second}
	defer calls.Release()

	fast.Complete("fast", nil)
	for i, r := range calls.Each(ctx) {
		fmt.Println(i, r.Value, r.Err)
		slow.Complete("slow", nil)
	}
	// Output:
	// 1 fast <nil>
	// 0 slow <nil>
}

// Cancel ends the calls that are pending, and leaves those alone that are complete.
func ExampleCalls_Cancel() {
	ctx := context.Background()
	done := async.Ready("done", nil)
	_, pending := async.NewPromise[string](ctx)
	calls := async.Calls[string]{done, pending}

	calls.Cancel(errors.New("no longer needed"))
	results, _ := calls.Settle(ctx)
	for _, r := range results {
		fmt.Printf("%q %v\n", r.Value, r.Err)
	}
	// Output:
	// "done" <nil>
	// "" async: call canceled: no longer needed
}

// Both deferred calls belong under every GoEach whose work should not outlive the
// function that begins it.
func ExampleCalls_Release() {
	first := func(ctx context.Context, inputs []int) (int, error) {
		calls := async.GoEach(ctx, inputs, func(ctx context.Context, n int) (int, error) {
			if n == 1 {
				return n, nil
			}
			<-ctx.Done()
			return 0, context.Cause(ctx)
		})
		defer calls.Release()
		defer calls.Cancel(nil) // runs before Release
		_, n, err := calls.Any(ctx)
		return n, err
	}
	fmt.Println(first(context.Background(), []int{3, 2, 1}))
	// Output:
	// 1 <nil>
}

// A Result holds a panic as an error, with the stack of its origin.
func ExampleResult() {
	ctx := context.Background()
	calls := async.GoAll(ctx, []func(context.Context) (int, error){
		func(context.Context) (int, error) { return 42, nil },
		func(context.Context) (int, error) { panic("boom") },
	})
	defer calls.Release()
	results, _ := calls.Settle(ctx)
	for _, r := range results {
		if p, ok := errors.AsType[*async.PanicError](r.Err); ok {
			fmt.Println("it panicked:", p.Value)
			continue
		}
		fmt.Println(r.Value, r.Err)
	}
	// Output:
	// 42 <nil>
	// it panicked: boom
}

// The name stands in the errors of waits.
func ExampleName() {
	_, call := async.NewPromise[int](context.Background(), async.Name("price of tea"))
	defer call.Release()
	fmt.Println(call.WaitFor(0))
	// Output:
	// async: wait for call "price of tea" timed out
}

// When the last handle is released nobody can want the result, and the work ends.
func ExampleCancelOnAbandon() {
	stopped := make(chan error)
	started := make(chan struct{})
	call := async.Go(context.Background(), func(ctx context.Context) (int, error) {
		close(started)
		<-ctx.Done()
		stopped <- context.Cause(ctx)
		return 0, nil
	}, async.CancelOnAbandon())
	<-started
	call.Release()
	fmt.Println(<-stopped == async.ErrAbandoned)
	// Output:
	// true
}

// A connection that comes when nobody wants it any more is closed, not leaked.
func ExampleDiscard() {
	started, closed := make(chan struct{}), make(chan string)
	call := async.Go(context.Background(), func(ctx context.Context) (string, error) {
		close(started)
		<-ctx.Done() // it is told to stop, and connects all the same
		return "connection", nil
	}, async.Discard(func(conn string, err error) {
		if err == nil {
			closed <- conn
		}
	}))
	defer call.Release()
	<-started // a function that is canceled before that never runs
	if call.WaitFor(time.Millisecond) != nil {
		_ = call.Cancel(errors.New("too slow"))
	}
	fmt.Println("closed the", <-closed)
	// Output:
	// closed the connection
}

// A body is a result that goes on using the context of its call.
type body struct {
	ctx  context.Context
	text io.Reader
}

func (b *body) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, b.ctx.Err()
	}
	return b.text.Read(p)
}

// The result goes on using the call's context, as the body of an HTTP response
// does. The context lives until Release.
func ExampleStreaming() {
	get := func(ctx context.Context) (*body, error) {
		return &body{ctx, strings.NewReader("the file")}, nil
	}
	call := async.Go(context.Background(), get, async.Streaming())
	defer call.Release() // not before the body was read
	body, err := call.Await(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := io.ReadAll(body)
	fmt.Println(string(text), err)
	// Output:
	// the file <nil>
}

// The call is a task of an errgroup: its error is the group's, and the group waits
// until its function has returned.
func ExampleInGroup() {
	g, ctx := errgroup.WithContext(context.Background())
	user := async.Go(ctx, func(context.Context) (string, error) { return "anna", nil }, async.InGroup(g))
	orders := async.Go(ctx, func(context.Context) (int, error) { return 0, errors.New("no orders") }, async.InGroup(g))
	defer orders.Release()

	fmt.Println(g.Wait())
	fmt.Println(user.Await(context.Background()))
	// Output:
	// no orders
	// anna <nil>
}

// Options are given to what begins a call. A Scope is one, too.
func ExampleOption() {
	uploads := async.NewScope(async.ScopeOptions{Limit: 4})
	options := []async.Option{uploads, async.Name("upload"), async.CancelOnAbandon()}

	call := async.Go(context.Background(), func(context.Context) (int, error) { return 42, nil }, options...)
	fmt.Println(call.Await(context.Background()))
	fmt.Println(call.Info())
	// Output:
	// 42 <nil>
	// call "upload" #1, completed
}

// A CanceledError has the cause of the cancellation. It is context.Canceled, too, so
// that code which knows nothing of this package treats it well.
func ExampleCanceledError() {
	_, call := async.NewPromise[int](context.Background())
	_ = call.Cancel(errors.New("the user left"))
	_, err := call.Await(context.Background())

	if canceled, ok := errors.AsType[*async.CanceledError](err); ok {
		fmt.Println(canceled.Cause)
	}
	fmt.Println(errors.Is(err, context.Canceled))
	// Output:
	// the user left
	// true
}

// A panic of the function is raised where the result is taken.
func ExamplePanicError() {
	call := async.Go(context.Background(), func(context.Context) (int, error) {
		var prices map[string]int
		prices["tea"] = 3
		return 0, nil
	})
	defer func() {
		p := recover().(*async.PanicError)
		fmt.Println(p.Value)
		fmt.Println("has the stack of the function:", len(p.Stack) > 0)
	}()
	_, _ = call.Await(context.Background())
	// Output:
	// assignment to entry in nil map
	// has the stack of the function: true
}

// Every mirror is asked. The first that has the file wins, and the others are told to
// stop.
func ExampleCalls_Any_mirrors() {
	ctx := context.Background()
	download := func(ctx context.Context, mirror string) (string, error) {
		switch mirror {
		case "broken":
			return "", errors.New("no such file")
		case "near":
			return "the file", nil
		}
		<-ctx.Done() // far away
		return "", context.Cause(ctx)
	}
	mirrors := []string{"broken", "far", "near"}
	calls := async.GoEach(ctx, mirrors, download)
	defer calls.Release()
	defer calls.Cancel(errors.New("no longer needed"))

	i, file, err := calls.Any(ctx)
	fmt.Println(mirrors[i], file, err)
	// Output:
	// near the file <nil>
}

// All returns every value, or the first error. The error then ends the other calls.
func ExampleCalls_All_failFast() {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	calls := async.GoEach(ctx, []int{1, 2, 3}, func(ctx context.Context, n int) (int, error) {
		if n == 2 {
			return 0, errors.New("two is bad")
		}
		<-ctx.Done()
		return 0, context.Cause(ctx)
	})
	_, err := calls.All(ctx)
	cancel(err)
	fmt.Println("All:", err)
	for i, result := range calls.Each(context.Background()) {
		fmt.Println(i, result.Err)
	}
	// Unordered output:
	// All: two is bad
	// 0 two is bad
	// 1 two is bad
	// 2 two is bad
}

// A write is safe when two of three replicas have it. The third may take its time.
func ExampleCalls_Quorum_replicas() {
	ctx := context.Background()
	var late async.Event
	calls := async.GoEach(ctx, []string{"a", "b", "c"}, func(ctx context.Context, replica string) (string, error) {
		if replica == "b" {
			_ = late.Wait(ctx)
		}
		return replica + " has it", nil
	})
	replicas, _, err := calls.Quorum(ctx, 2)
	fmt.Println(len(replicas), "of", len(calls), err)
	late.Set()
	answers, err := calls.All(ctx)
	fmt.Println(answers, err)
	// Output:
	// 2 of 3 <nil>
	// [a has it b has it c has it] <nil>
}

// When one replica is slow to answer, another is asked beside it. The first answer
// counts.
func ExampleHedge() {
	replicas := []string{"tokyo", "oslo", "lima"}
	ask := func(ctx context.Context, attempt int) (string, error) {
		if attempt == 0 {
			<-ctx.Done() // it never answers
			return "", context.Cause(ctx)
		}
		return "answer of " + replicas[attempt], nil
	}
	answer, err := async.Hedge(context.Background(), time.Millisecond, len(replicas), ask)
	fmt.Println(answer, err)
	// Output:
	// answer of oslo <nil>
}

// The attempt that lost may still open a connection. That connection is closed,
// however late it comes.
func ExampleHedge_discard() {
	started, slow := make(chan struct{}), make(chan struct{})
	closed := make(chan string)
	dial := func(_ context.Context, attempt int) (string, error) {
		if attempt == 0 {
			close(started)
			<-slow // it does not listen to its context
			return "first connection", nil
		}
		<-started // an attempt that loses before that never runs
		return "second connection", nil
	}
	conn, err := async.Hedge(context.Background(), time.Millisecond, 2, dial,
		async.Discard(func(conn string, err error) {
			if err == nil {
				closed <- conn
			}
		}))
	fmt.Println("use the", conn, err)
	close(slow)
	fmt.Println("closed the", <-closed)
	// Output:
	// use the second connection <nil>
	// closed the first connection
}

// The goroutine that completes a call also runs its OnSignal functions, at once. Here
// they count what is in flight.
func ExampleOnSignal() {
	inFlight := 0
	begin := func() *async.Promise[string] {
		inFlight++
		p, _ := async.NewPromise[string](context.Background(), async.OnSignal(func() { inFlight-- }))
		return p
	}
	first, second := begin(), begin()
	fmt.Println(inFlight)
	first.Complete("done", nil)
	fmt.Println(inFlight)
	second.Break()
	fmt.Println(inFlight)
	// Output:
	// 2
	// 1
	// 0
}

// A server that may be too late hands its connection over, or has it closed.
func ExamplePromise_CompleteOrDiscard() {
	p, call := async.NewPromise[string](context.Background(),
		async.Discard(func(conn string, _ error) { fmt.Println("closed:", conn) }))
	_ = call.Cancel(nil) // nobody waits for it any more
	fmt.Println(p.CompleteOrDiscard("connection 7", nil))
	call.Release()
	// Output:
	// closed: connection 7
	// false
}

// Two calls of different types are needed both: the first to fail says why not.
func ExampleFirstError() {
	ctx := context.Background()
	user := async.Go(ctx, func(context.Context) (string, error) { return "anna", nil })
	defer user.Release()
	stock := async.Go(ctx, func(context.Context) (int, error) { return 0, errors.New("the store is closed") })
	defer stock.Release()
	if err := async.FirstError(ctx, user, stock); err != nil {
		fmt.Println("no order:", err)
	}
	// Output:
	// no order: the store is closed
}

// A function of a scope that waits before it tries again lends its slot: the other call
// runs meanwhile, though only one function may run at once.
func ExampleSleep() {
	ctx := context.Background()
	scope := async.NewScope(async.ScopeOptions{Limit: 1})
	retried := async.Go(ctx, func(ctx context.Context) (string, error) {
		for attempt := 1; ; attempt++ {
			if attempt == 3 {
				return "third attempt", nil
			}
			if err := async.Sleep(ctx, time.Millisecond); err != nil {
				return "", err
			}
		}
	}, scope)
	defer retried.Release()
	fmt.Println(retried.Await(ctx))
	fmt.Println(scope.Shutdown(ctx))
	// Output:
	// third attempt <nil>
	// <nil>
}

// Every line is hashed, three at once, and the results come as they are there. Neither
// the lines nor the results are ever all in memory.
func ExampleMap() {
	ctx := context.Background()
	lines := strings.Lines("one\ntwo\nthree\nfour\n")
	length := func(_ context.Context, line string) (int, error) { return len(strings.TrimSpace(line)), nil }
	letters := 0
	for line, r := range async.Map(ctx, lines, length, async.AtOnce(3)) {
		if r.Err != nil {
			fmt.Println(line, r.Err)
			continue
		}
		letters += r.Value
	}
	fmt.Println(letters, ctx.Err())
	// Output:
	// 15 <nil>
}

// A limit of two, without a scope.
func ExampleAtOnce() {
	ctx := context.Background()
	square := func(_ context.Context, n int) (int, error) { return n * n, nil }
	sum := 0
	for _, r := range async.Map(ctx, slices.Values([]int{1, 2, 3}), square, async.AtOnce(2)) {
		sum += r.Value
	}
	fmt.Println(sum)
	// Output:
	// 14
}

// The results come in the order of the inputs, however long each takes.
func ExampleInOrder() {
	ctx := context.Background()
	wait := func(ctx context.Context, d time.Duration) (string, error) { return d.String(), async.Sleep(ctx, d) }
	delays := []time.Duration{2 * time.Millisecond, time.Millisecond, 0}
	for _, r := range async.Map(ctx, slices.Values(delays), wait, async.AtOnce(3), async.InOrder()) {
		fmt.Println(r.Value)
	}
	// Output:
	// 2ms
	// 1ms
	// 0s
}

// Each call is named by its input: errors and reports tell which it was.
func ExampleNameEach() {
	ctx := context.Background()
	calls := async.GoEach(ctx, []string{"tea", "rice"}, func(context.Context, string) (int, error) { return 1, nil },
		async.NameEach(func(item string) string { return "price of " + item }))
	defer calls.Release()
	for _, call := range calls {
		fmt.Println(call)
	}
	// Output:
	// call "price of tea"
	// call "price of rice"
}
