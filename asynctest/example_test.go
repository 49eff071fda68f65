package asynctest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
)

// A printed test stands for the t of a test: examples have none.
type printedTest struct {
	testing.TB

	cleanups []func()
}

func (p *printedTest) Name() string     { return "Example" }
func (p *printedTest) Helper()          {}
func (p *printedTest) Cleanup(f func()) { p.cleanups = append(p.cleanups, f) }

func (p *printedTest) Error(args ...any) {
	line, _, _ := strings.Cut(fmt.Sprint(args...), "\n") // the stack follows
	fmt.Println(line)
}

func (p *printedTest) end() {
	for i := range p.cleanups {
		p.cleanups[len(p.cleanups)-1-i]()
	}
}

// What a test leaves behind is reported with the line it comes from.
func ExampleNewScope() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	scope := asynctest.NewScope(t)
	answer := func(context.Context) (int, error) { return 42, nil }

	taken := async.Go(context.Background(), answer, scope)
	fmt.Println(taken.Await(context.Background()))
	taken.Release()

	forgotten := async.Go(context.Background(), answer, scope, async.Name("forgotten"))
	fmt.Println(forgotten.Wait(context.Background()))

	// Output:
	// 42 <nil>
	// <nil>
	// example_test.go:49: call begun here, result not taken: #2 "forgotten"
}

// The code under test makes a scope of its own. Its shutdown is a cleanup that is registered
// after Check, so that it runs before.
func ExampleCheck() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	jobs := async.NewScope(async.ScopeOptions{Name: "jobs", Limit: 4, Track: true}) // in the code under test
	asynctest.Check(t, jobs)
	t.Cleanup(func() { fmt.Println("shut down:", jobs.Shutdown(context.Background())) })

	answer := func(context.Context) (int, error) { return 42, nil }
	forgotten := async.Go(context.Background(), answer, jobs, async.Name("forgotten"))
	fmt.Println(forgotten.Wait(context.Background()))

	// Output:
	// <nil>
	// shut down: <nil>
	// example_test.go:69: call begun here, result not taken: #1 "forgotten"
}

// The code under test has been told to stop. The test goes on when nothing of it runs.
func ExampleWaitStats() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	scope := asynctest.NewScope(t)
	work := asynctest.NewStubborn[int](t)
	for range 3 {
		async.Go(context.Background(), work.Func, scope).Release()
	}
	go work.Return(0, nil)
	rest := func(st async.Stats) bool { return st.Pending == 0 && st.Running == 0 }
	fmt.Println(asynctest.WaitStats(t, scope, "rest", rest).Returned)

	// Output:
	// 3
}

// Three callers share one run of a group. None of them has a handle of it: its name finds it.
func ExampleWaitCall() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	scope := asynctest.NewScope(t)
	users := async.Group[int, string]{Options: []async.Option{scope, async.Name("load user")}}
	load := asynctest.NewBlocker[string](t)
	ask := func(ctx context.Context, id int) (string, error) {
		name, err, _ := users.Do(ctx, id, load.Func)
		return name, err
	}
	answers := async.GoEach(context.Background(), []int{7, 7, 7}, ask)
	defer answers.Release()

	asynctest.WaitCall(t, scope, "load user", "3 askers", func(i async.CallInfo) bool { return i.Waiters == 3 })
	load.Return("anna", nil)
	fmt.Println(answers.All(context.Background()))
	fmt.Println(load.Runs())

	// Output:
	// [anna anna anna] <nil>
	// 1 0
}

// A cache that asks its source once, whoever asks it: a test of that needs the
// source to take its time, and to know when everybody waits.
func ExampleWaitWaiters() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	source := asynctest.NewManual[string](t)
	ask := func(context.Context, int) (string, error) {
		return source.Call.Await(context.Background())
	}
	answers := async.GoEach(context.Background(), []int{1, 2, 3}, ask, asynctest.NewScope(t))
	defer answers.Release()

	asynctest.WaitWaiters(t, source.Call, 3) // all of them wait
	source.Complete("hello", nil)
	fmt.Println(answers.All(context.Background()))

	// Output:
	// [hello hello hello] <nil>
}

// A call that the test completes stands for a server that answers when the test
// wants it to.
func ExampleManual() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	slow, fast := asynctest.NewManual[string](t), asynctest.NewManual[string](t)
	fast.Complete("fast", nil)
	replicas := async.Calls[string]{slow.Call, fast.Call}
	fmt.Println(replicas.Race(context.Background()))

	// Output:
	// 1 fast <nil>
}

// A function that does not listen shows what becomes of a value that comes too
// late.
func ExampleBlocker() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	closed := make(chan string)
	dial := asynctest.NewStubborn[string](t)
	call := async.Go(context.Background(), dial.Func, asynctest.NewScope(t),
		async.Discard(func(conn string, _ error) { closed <- conn }))
	defer call.Release()

	<-dial.Started()
	call.Cancel(errors.New("user gave up"))
	<-dial.Canceled()
	fmt.Println(call.Await(context.Background()))

	dial.Return("connection", nil)
	fmt.Println("closed the", <-closed)

	// Output:
	// async: call canceled: user gave up
	// closed the connection
}

// A goroutine that the test leaves behind fails it.
func ExampleVerifyNone() {
	t := new(printedTest) // in a test, its t
	asynctest.VerifyNone(t)

	hang := make(chan struct{})
	go func() { <-hang }()
	t.end()
	close(hang)

	// Output:
	// found unexpected goroutines:
}

// NewBlocker makes the function of a call that goes on for as long as the test likes.
func ExampleNewBlocker() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	scope := asynctest.NewScope(t)
	server := asynctest.NewBlocker[string](t)
	call := async.Go(context.Background(), server.Func, scope)
	<-server.Started()
	fmt.Println("pending:", !call.IsDone())
	server.Return("hello", nil)
	fmt.Println(call.Await(context.Background()))
	call.Release()

	// Output:
	// pending: true
	// hello <nil>
}

// NewStubborn makes a function that goes on when it is canceled: its value comes too
// late.
func ExampleNewStubborn() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	late := make(chan string)
	server := asynctest.NewStubborn[string](t)
	call := async.Go(context.Background(), server.Func, async.Discard(func(v string, _ error) { late <- v }))
	<-server.Started()
	_ = call.Cancel(errors.New("too slow"))
	server.Return("hello", nil)
	fmt.Println("discarded:", <-late)

	// Output:
	// discarded: hello
}

// Func is what the code under test is given for a function.
func ExampleBlocker_Func() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	lookup := asynctest.NewBlocker[string](t)
	name := async.NewLazy(lookup.Func)
	go lookup.Return("anna", nil)
	fmt.Println(name.Get(context.Background()))

	// Output:
	// anna <nil>
}

// Return has every run of the function return.
func ExampleBlocker_Return() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	server := asynctest.NewBlocker[int](t)
	calls := async.GoAll(context.Background(), []func(context.Context) (int, error){server.Func, server.Func})
	defer calls.Release()
	server.Return(1, nil)
	fmt.Println(calls.All(context.Background()))

	// Output:
	// [1 1] <nil>
}

// The test goes on when the function has begun to run.
func ExampleBlocker_Started() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	server := asynctest.NewBlocker[int](t)
	call := async.Go(context.Background(), server.Func)
	defer call.Release()
	<-server.Started()
	fmt.Println(server.Runs())

	// Output:
	// 1 1
}

// Runs tells whether a function ran at all. One that waits for its slot did not.
func ExampleBlocker_Runs() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	scope := asynctest.NewScope(t, async.ScopeOptions{Limit: 1})
	first, second := asynctest.NewBlocker[int](t), asynctest.NewBlocker[int](t)
	running := async.Go(context.Background(), first.Func, scope)
	queued := async.Go(context.Background(), second.Func, scope)
	<-first.Started()
	fmt.Println(first.Runs())
	fmt.Println(second.Runs())
	queued.Release()
	running.Release()

	// Output:
	// 1 1
	// 0 0
}

// All slots are taken when the test goes on.
func ExampleBlocker_WaitRunning() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	scope := asynctest.NewScope(t, async.ScopeOptions{Limit: 3})
	server := asynctest.NewBlocker[int](t)
	work := func(ctx context.Context, _ int) (int, error) { return server.Func(ctx) }
	calls := async.GoEach(context.Background(), make([]int, 5), work, scope)
	defer calls.Release()
	server.WaitRunning(3)
	fmt.Println(server.Runs())

	// Output:
	// 3 3
}

// The function was told to stop, and by what.
func ExampleBlocker_Canceled() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	server := asynctest.NewBlocker[int](t)
	call := async.Go(context.Background(), server.Func)
	defer call.Release()
	<-server.Started()
	_ = call.Cancel(errors.New("the user left"))
	<-server.Canceled()
	fmt.Println(server.Cause())

	// Output:
	// the user left
}

// Cause says why the function was told to stop.
func ExampleBlocker_Cause() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	server := asynctest.NewBlocker[int](t)
	call := async.Go(context.Background(), server.Func, async.CancelOnAbandon())
	<-server.Started()
	call.Release()
	<-server.Canceled()
	fmt.Println(server.Cause() == async.ErrAbandoned)

	// Output:
	// true
}

// NewManual makes a call that has no function. The test completes it.
func ExampleNewManual() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	answer := asynctest.NewManual[int](t, asynctest.NewScope(t))
	client := answer.Call.Clone()
	answer.Complete(42, nil)
	fmt.Println(client.Finish())

	// Output:
	// 42 <nil>
}

// The second call waits for the slot that the first one has.
func ExampleWaitState() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	scope := asynctest.NewScope(t, async.ScopeOptions{Limit: 1})
	fast, slow := asynctest.NewBlocker[int](t), asynctest.NewBlocker[int](t)
	first := async.Go(context.Background(), fast.Func, scope)
	second := async.Go(context.Background(), slow.Func, scope)
	asynctest.WaitState(t, second, async.StateQueued)
	fast.Return(1, nil)
	asynctest.WaitState(t, second, async.StateRunning)
	fmt.Println(first.Info().State, second.Info().State)
	first.Release()
	second.Release()

	// Output:
	// completed running
}

// The code under test has released its handle when the test goes on.
func ExampleWaitHandles() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	answer := asynctest.NewManual[int](t)
	go answer.Call.Clone().Release()
	asynctest.WaitHandles(t, answer.Call, 1)
	fmt.Println(answer.Call.Info().Handles)

	// Output:
	// 1
}

// WaitInfo waits for anything else that a call's Info says.
func ExampleWaitInfo() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	answer := asynctest.NewManual[int](t)
	go answer.Complete(0, errors.New("sold out"))
	info := asynctest.WaitInfo(t, answer.Call, "a failure", func(i async.CallInfo) bool { return i.Err != nil })
	fmt.Println(info.Err)

	// Output:
	// sold out
}

// The waits of this package take any Informer: calls of different types in one list.
func ExampleInformer() {
	t := new(printedTest) // in a test, its t
	defer t.end()

	number, text := asynctest.NewManual[int](t), asynctest.NewManual[string](t)
	go number.Complete(42, nil)
	go text.Complete("hello", nil)
	for _, call := range []asynctest.Informer{number.Call, text.Call} {
		asynctest.WaitState(t, call, async.StateCompleted)
		fmt.Println(call.Info().State)
	}

	// Output:
	// completed
	// completed
}

// Two goroutines count in a variable that they share, with a step between reading and
// writing. A build with the tag asyncexplore finds the schedule in which one of the
// two counts is lost.
func ExampleExplore() {
	testCount := func(t *testing.T) {
		asynctest.Explore(t, func(r *asynctest.Run) {
			var count atomic.Int64
			for range 2 {
				r.Go(func() {
					n := count.Load()
					asynctest.Point("between reading and writing")
					count.Store(n + 1)
				})
			}
			r.Check(func() error {
				if n := count.Load(); n != 2 {
					return fmt.Errorf("counted %d, want 2", n)
				}
				return nil
			})
		}, asynctest.ExploreOptions{Switches: 1})
	}
	_ = testCount // a test, which go test -tags asyncexplore runs

	// Output:
}
