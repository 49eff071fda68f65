package async_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async"
)

// A gate: workers are made ready in peace, and let go all at once. Closing a
// channel would do, but only one may close it and nobody can ask.
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

// An Event in a select, beside the channels of others. Where there are more than
// two or three, see [async.WaitAny].
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

// Whoever only waits is given a Signal: it cannot finish the call, cancel it or
// take its result, and the call is not abandoned while it is held.
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

// A callback that is taken back in time never runs, and stop says so: then it is
// the caller who cleans up.
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

// Calls, contexts, events and anybody's channels, in one wait.
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

// Everything has to be ready, but not for longer than ctx: the error names the
// first that is not.
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

// Results in the order in which they come, with work added on the way.
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

// Every mirror is asked; the first that has the file wins, and the others are
// told to stop. What one of them still brings is closed, not leaked.
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

// All values or the first error, which ends the rest.
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

// A write is safe when two of three replicas have it; the third may take its
// time.
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

// A replica that is slow to answer is not waited for: another is asked beside
// it, and the first answer counts.
func ExampleHedge() {
	var asked atomic.Int32
	ask := func(ctx context.Context) (string, error) {
		if asked.Add(1) == 1 {
			<-ctx.Done() // it never answers
			return "", context.Cause(ctx)
		}
		return "answer of the second", nil
	}
	answer, err := async.Hedge(context.Background(), time.Millisecond, 3, ask)
	fmt.Println(answer, err)
	// Output:
	// answer of the second <nil>
}

// A connection that was opened by the attempt that lost is closed, however late
// it comes.
func ExampleHedge_discard() {
	var dialed atomic.Int32
	slow := make(chan struct{})
	closed := make(chan string)
	dial := func(context.Context) (string, error) {
		if dialed.Add(1) == 1 {
			<-slow // deaf to its context
			return "first connection", nil
		}
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

// A promise tells its completer's side at once, by OnSignal, without a goroutine:
// here it counts what is in flight.
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
