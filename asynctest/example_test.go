package asynctest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	// example_test.go:48: call begun here, result not taken: #2 "forgotten"
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
