package async_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
)

// A gate: the workers are made ready, and let go all at once. Unlike a channel, which
// only one goroutine may close, an Event may be set by anybody.
func ExampleEvent_gate() {
	var open async.Event
	var workers sync.WaitGroup
	results := make([]int, 3)
	for i := range results {
		workers.Go(func() {
			_ = open.Wait(context.Background())
			results[i] = i * i
		})
	}
	fmt.Println("opened by this one:", open.Set())
	fmt.Println("and by this one:", open.Set())
	workers.Wait()
	fmt.Println(results)
	// Output:
	// opened by this one: true
	// and by this one: false
	// [0 1 4]
}

// An Event in a select, beside other channels. For many members, see [async.WaitAny].
func ExampleEvent_Done() {
	var stopped async.Event
	jobs := make(chan string, 2)
	jobs <- "first"
	jobs <- "second"
	for done := 0; ; {
		select {
		case job := <-jobs:
			fmt.Println("job:", job)
			if done++; done == 2 {
				stopped.Set()
			}
		case <-stopped.Done():
			fmt.Println("stopped")
			return
		}
	}
	// Output:
	// job: first
	// job: second
	// stopped
}

// A Signal is for code that only waits. By a Signal nobody can finish the call, cancel
// it or take its result. While somebody holds a Signal, the call is not abandoned.
func ExampleSignal_waitOnly() {
	backup, call := async.NewPromise[string](context.Background(), async.CancelOnAbandon())
	watch := func(s *async.Signal) {
		defer s.Release()
		fmt.Println("over:", s.WaitFor(0) == nil)
		backup.Complete("42 files", nil)
		fmt.Println("over:", s.WaitFor(0) == nil)
	}
	signal := call.Signal()
	call.Release() // the signal keeps the call going
	watch(signal)
	// Output:
	// over: false
	// over: true
}

// A callback that is stopped in time never runs. Stop then returns true, and the
// caller cleans up instead.
func ExampleAfterFunc_stop() {
	var shutdown async.Event
	closed := make(chan string, 1)
	stop := async.AfterFunc(&shutdown, func() { closed <- "closed by the shutdown" })

	// The work is done before that.
	if stop() {
		closed <- "closed by the worker"
	}
	fmt.Println(<-closed)
	shutdown.Set()
	fmt.Println("stopped again:", stop())
	// Output:
	// closed by the worker
	// stopped again: false
}

// Calls, contexts, events and other channels, in one wait.
func ExampleWaitAny_mixed() {
	ctx, hangUp := context.WithCancel(context.Background())
	var reload async.Event
	tick := make(chan struct{}, 1)
	answer, call := async.NewPromise[string](context.Background())

	happen := map[string]func(){
		"the answer": func() { answer.Complete("yes", nil) },
		"a tick":     func() { tick <- struct{}{} },
		"a reload":   func() { reload.Set() },
		"a hang-up":  hangUp,
	}
	names := []string{"a hang-up", "a reload", "a tick", "the answer"}
	for _, next := range []string{"the answer", "a tick", "a reload", "a hang-up"} {
		happen[next]()
		i, err := async.WaitAny(context.Background(), ctx, &reload, async.Chan(tick), call)
		fmt.Println(names[i], err)
	}
	// Output:
	// the answer <nil>
	// a tick <nil>
	// a reload <nil>
	// a hang-up <nil>
}

// A program starts when everything is ready. If that takes too long, the error names
// the first member that is not.
func ExampleWaitAll_startup() {
	var config, cache, listener async.Event
	config.Set()
	listener.Set()

	ctx, cancel := context.WithTimeoutCause(context.Background(), 0, errors.New("startup took too long"))
	defer cancel()
	err := async.WaitAll(ctx, &config, &cache, &listener)
	if late, ok := errors.AsType[*async.WaitError](err); ok {
		fmt.Println("the cache is late:", late.On == &cache)
	}
	fmt.Println(err)

	cache.Set()
	fmt.Println(async.WaitAll(ctx, &config, &cache, &listener)) // what is there beats the clock
	// Output:
	// the cache is late: true
	// async: wait ended: context deadline exceeded: startup took too long
	// <nil>
}

// Pages are taken in the order in which they come. New ones are added on the way.
func ExampleSet_completionOrder() {
	release := map[string]*async.Promise[int]{}
	calls := map[string]*async.Call[int]{}
	var pages async.Set[string]
	fetch := func(url string) {
		release[url], calls[url] = async.NewPromise[int](context.Background())
		pages.Add(url, calls[url])
	}
	fetch("/")
	fetch("/about")
	fetch("/news")

	release["/news"].Complete(2, nil) // the slowest server answers first today
	for url := range pages.All(context.Background()) {
		links, err := calls[url].Finish()
		fmt.Println(url, links, err)
		switch url {
		case "/news":
			fetch("/news/today")
			release["/news/today"].Complete(0, nil)
			release["/"].Complete(3, nil)
		case "/":
			release["/about"].Complete(0, errors.New("not found"))
		}
	}
	fmt.Println("left:", pages.Len())
	// Output:
	// /news 2 <nil>
	// /news/today 0 <nil>
	// / 3 <nil>
	// /about 0 not found
	// left: 0
}

// A service hands out a Signal: others can wait for its Event, and cannot set it.
func ExampleEvent_Signal() {
	var ready async.Event
	announced := ready.Signal()

	go ready.Set()
	fmt.Println(announced.Wait(context.Background()))
	// Output:
	// <nil>
}

// The first Set returns true. Set again changes nothing.
func ExampleEvent_Set() {
	var stopped async.Event
	fmt.Println("first: ", stopped.Set())
	fmt.Println("second:", stopped.Set())
	// Output:
	// first:  true
	// second: false
}

// A worker looks between two jobs whether to go on.
func ExampleEvent_IsSet() {
	var stopped async.Event
	for _, job := range []string{"first", "second", "third"} {
		if stopped.IsSet() {
			break
		}
		fmt.Println("did the", job, "job")
		if job == "second" {
			stopped.Set()
		}
	}
	// Output:
	// did the first job
	// did the second job
}

// What was written before Set can be read after Wait, without a lock.
func ExampleEvent_Wait() {
	var loaded async.Event
	config := ""
	go func() {
		config = "port = 8080"
		loaded.Set()
	}()
	if err := loaded.Wait(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(config)
	// Output:
	// port = 8080
}

// The wait ends after a moment. The Event can be waited for again.
func ExampleEvent_WaitFor() {
	var loaded async.Event
	err := loaded.WaitFor(time.Millisecond)
	fmt.Println(errors.Is(err, async.ErrTimeout))

	loaded.Set()
	fmt.Println(loaded.WaitFor(time.Millisecond))
	// Output:
	// true
	// <nil>
}

// The end of a context ends the wait. It does not end the call.
func ExampleSignal_Wait() {
	answer, call := async.NewPromise[int](context.Background())
	over := call.Signal()
	defer over.Release()

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := over.Wait(ctx)
	fmt.Println(errors.Is(err, async.ErrCallPending))

	answer.Complete(42, nil)
	fmt.Println(over.Wait(ctx))
	// Output:
	// true
	// <nil>
}

// Zero polls: WaitFor says at once whether the call is complete.
func ExampleSignal_WaitFor() {
	answer, call := async.NewPromise[int](context.Background())
	over := call.Signal()
	defer over.Release()

	fmt.Println(over.WaitFor(0))
	answer.Complete(42, nil)
	fmt.Println(over.WaitFor(0))
	// Output:
	// async: wait timed out
	// <nil>
}

// IsSet looks and does not wait.
func ExampleSignal_IsSet() {
	answer, call := async.NewPromise[int](context.Background())
	over := call.Signal()
	defer over.Release()

	fmt.Println(over.IsSet())
	answer.Complete(42, nil)
	fmt.Println(over.IsSet())
	// Output:
	// false
	// true
}

// The channel goes into any select. It is closed on completion.
func ExampleSignal_Done() {
	answer, call := async.NewPromise[int](context.Background())
	over := call.Signal()
	defer over.Release()

	go answer.Complete(42, nil)
	select {
	case <-over.Done():
		fmt.Println("complete")
	case <-time.After(time.Hour):
		fmt.Println("an hour has passed")
	}
	// Output:
	// complete
}

// Each goroutine has a Signal of its own, and releases it when it likes.
func ExampleSignal_Clone() {
	answer, call := async.NewPromise[int](context.Background())
	first := call.Signal()
	second := first.Clone()
	first.Release()

	answer.Complete(42, nil)
	fmt.Println(second.Wait(context.Background()))
	second.Release()
	// Output:
	// <nil>
}

// A Signal keeps a call from being abandoned. With the last one, the call is
// canceled here, since nobody can want its result.
func ExampleSignal_Release() {
	answer, call := async.NewPromise[int](context.Background(), async.CancelOnAbandon())
	over := call.Signal()
	call.Release()

	fmt.Println("canceled:", answer.Context().Err() != nil)
	over.Release()
	fmt.Println("canceled:", answer.Context().Err() != nil)
	// Output:
	// canceled: false
	// canceled: true
}

// A channel that others close, or send on, becomes a member of a wait.
func ExampleChan() {
	quit := make(chan struct{})
	_, call := async.NewPromise[string](context.Background())
	defer call.Release()

	close(quit)
	i, err := async.WaitAny(context.Background(), call, async.Chan(quit))
	fmt.Println(i, err)
	// Output:
	// 1 <nil>
}

// A connection can be waited for, since it has a Done method.
type connection struct{ closed chan struct{} }

func (c *connection) Done() <-chan struct{} { return c.closed }

// Any type with a Done method can be waited for, beside calls and events.
func ExampleWaitable() {
	conn := &connection{closed: make(chan struct{})}
	_, reply := async.NewPromise[string](context.Background())
	defer reply.Release()

	close(conn.closed)
	members := []async.Waitable{reply, conn}
	i, err := async.WaitAny(context.Background(), members...)
	fmt.Println(members[i] == async.Waitable(conn), err)
	// Output:
	// true <nil>
}

// Members of all kinds are added under keys. Each key comes out once.
func ExampleSet_Add() {
	var reload async.Event
	answer, call := async.NewPromise[string](context.Background())

	var set async.Set[string]
	defer set.Release()
	set.Add("reload", &reload)
	set.Add("answer", call)

	answer.Complete("42", nil)
	reload.Set()
	for key := range set.All(context.Background()) {
		fmt.Println(key)
	}
	// Output:
	// answer
	// reload
}

// The loop ends when the set is empty. Where a context ended it, ask the context.
func ExampleSet_All() {
	ctx := context.Background()
	double := func(n int) *async.Call[int] { return async.Ready(2*n, nil) }

	var set async.Set[*async.Call[int]]
	for _, call := range []*async.Call[int]{double(1), double(2), double(3)} {
		set.Add(call, call)
	}
	sum := 0
	for call := range set.All(ctx) {
		n, _ := call.Finish()
		sum += n
	}
	fmt.Println(sum, ctx.Err())
	// Output:
	// 12 <nil>
}

// Next waits for one completion. An empty set says so, and does not wait.
func ExampleSet_Next() {
	ctx := context.Background()
	var open async.Event
	var set async.Set[string]
	set.Add("gate", &open)

	go open.Set()
	fmt.Println(set.Next(ctx))
	_, err := set.Next(ctx)
	fmt.Println(err == async.ErrNothingToWait)
	// Output:
	// gate <nil>
	// true
}

// TryNext takes what is complete and never waits.
func ExampleSet_TryNext() {
	var first, second async.Event
	var set async.Set[string]
	defer set.Release()
	set.Add("first", &first)
	set.Add("second", &second)

	second.Set()
	fmt.Println(set.TryNext())
	_, ok := set.TryNext()
	fmt.Println(ok)
	// Output:
	// second true
	// false
}

// Len counts what has not been taken, complete or not.
func ExampleSet_Len() {
	var first, second async.Event
	var set async.Set[int]
	defer set.Release()
	set.Add(1, &first)
	set.Add(2, &second)
	first.Set()
	fmt.Println(set.Len())

	set.TryNext()
	fmt.Println(set.Len())
	// Output:
	// 2
	// 1
}

// Release forgets the members that were not taken. Nothing is done to them.
func ExampleSet_Release() {
	var late async.Event
	var set async.Set[string]
	set.Add("late", &late)
	set.Release()
	fmt.Println(set.Len())
	// Output:
	// 0
}

// A WaitError says what was waited for and why the wait ended.
func ExampleWaitError() {
	_, call := async.NewPromise[int](context.Background(), async.Name("price of tea"))
	defer call.Release()

	err := call.WaitFor(0)
	if late, ok := errors.AsType[*async.WaitError](err); ok {
		fmt.Println(late.On == async.Waitable(call))
	}
	fmt.Println(err)
	// Output:
	// true
	// async: wait for call "price of tea" timed out
}
