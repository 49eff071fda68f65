package asyncnats_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
	"github.com/seed4712c49f/async/asynctest"
)

// J1, J2, J4 and J6: what a caller of the queue is promised.

// submit submits a request for the test.
func submit[Resp, Req any](t testing.TB, q *asyncnats.Queue, request Req, opts ...async.Option) (*async.Call[Resp], string) {
	t.Helper()
	call, id, err := asyncnats.Submit[Resp](t.Context(), q, request, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return call, id
}

// submitAndLeave submits a request and releases the handle: the work goes on (J6).
func submitAndLeave(t testing.TB, q *asyncnats.Queue, request int, opts ...async.Option) (id string) {
	t.Helper()
	call, id := submit[int](t, q, request, opts...)
	call.Release()
	return id
}

// trySubmit returns what Submit returns, for a test that wants the error.
func trySubmit(ctx context.Context, q *asyncnats.Queue, request int) (id string, err error) {
	call, id, err := asyncnats.Submit[int](ctx, q, request)
	if err == nil {
		call.Release()
	}
	return id, err
}

// Submit returns when the request is stored, and not before.
func TestJ1_SubmitReturnsWhenStored(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	for i := range 20 {
		submitAndLeave(t, q, i)
		if n := d.stream("ASYNC_jobs").State.Msgs; n != uint64(i+1) {
			t.Fatalf("%d requests are stored after %d Submits", n, i+1)
		}
	}
}

// What was submitted is done, although client and server are gone before a worker is there.
func TestJ1_OutlivesClientAndServer(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	calls := make(map[string]int)
	for i := range 50 {
		id := submitAndLeave(t, q, i)
		calls[id] = 2 * i
	}
	q.Close()
	d.restart()
	work(t, d.open(asyncnats.QueueOptions{}), double, asyncnats.WorkOptions{AckWait: time.Second}) // what is on its way to it is lost
	d.restart()
	q = d.open(asyncnats.QueueOptions{})
	for id, want := range calls {
		wantValue(t, asyncnats.Attach[int](t.Context(), q, id), want)
	}
	d.restart()
	for id, want := range calls {
		wantValue(t, asyncnats.Attach[int](t.Context(), q, id), want)
	}
}

// While the server is down, Submit tries; calls in flight wait, and complete when it is back.
func TestJ1_ServerDown(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	g := newGate()
	work(t, d.open(asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{})
	first, _ := submit[int](t, q, 1)
	g.next(t)
	d.stop()
	g.open.Set() // the result cannot be stored now
	second := async.Go(t.Context(), func(ctx context.Context) (int, error) {
		call, _, err := asyncnats.Submit[int](ctx, q, 2)
		if err != nil {
			return 0, err
		}
		return call.Await(ctx)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if id, err := trySubmit(ctx, q, 3); !errors.Is(err, context.DeadlineExceeded) || id == "" {
		t.Errorf("Submit without a server returned the id %q and %v", id, err)
	}
	if first.IsDone() || second.IsDone() {
		t.Error("a call is complete without a server")
	}
	d.start()
	wantValue(t, first, 2)
	wantValue(t, second, 4)
}

// The connection breaks when the answer to Submit is on its way: Submit asks again, and the call, which
// is complete by then, does not run a second time.
func TestJ1_AnswerLost(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	p := newProxy(t, d.url)
	q := openQueue(t, natstest.Connect(t, p.url()), asyncnats.QueueOptions{})
	var runs atomic.Int64
	work(t, d.open(asyncnats.QueueOptions{}), func(ctx context.Context, n int) (int, error) {
		runs.Add(1)
		return double(ctx, n)
	}, asyncnats.WorkOptions{})
	first, _ := submit[int](t, q, 1) // after which the client has its consumer
	wantValue(t, first, 2)
	p.cutOut.Store(0)
	call, _ := submit[int](t, q, 2)
	wantValue(t, call, 4)
	eventually(t, "no request is left", func() bool { return d.stream("ASYNC_jobs").State.Msgs == 0 })
	if runs.Load() != 2 {
		t.Errorf("%d runs of two calls", runs.Load())
	}
}

// What cannot be submitted is refused with the error that says why.
func TestJ1_Refused(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{MaxBytes: 1 << 20})
	refused := func(want error, call *async.Call[int], id string, err error) {
		t.Helper()
		if call != nil || !errors.Is(err, want) {
			t.Errorf("Submit returned %v, %q and %v, not %v", call, id, err, want)
		}
	}
	call, id, err := asyncnats.Submit[int](t.Context(), q, func() {})
	refused(asyncnats.ErrEncode, call, id, err)
	for _, bad := range []string{"", "a b", "a.b", "*", ">", strings.Repeat("x", 200), "a\r\nb"} {
		call, id, err = asyncnats.Submit[int](t.Context(), q, 1, asyncnats.ID(bad))
		refused(asyncnats.ErrBadSubject, call, id, err)
	}
	call, id, err = asyncnats.Submit[int](t.Context(), q, 1, asyncnats.Key(""))
	refused(asyncnats.ErrBadSubject, call, id, err)
	call, id, err = asyncnats.Submit[int](t.Context(), q, strings.Repeat("x", 2<<20))
	refused(asyncnats.ErrTooLarge, call, id, err)
	for {
		call, id, err = asyncnats.Submit[int](t.Context(), q, strings.Repeat("x", 100<<10))
		if err != nil {
			break
		}
		call.Release()
	}
	refused(async.ErrQueueFull, call, id, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	call, id, err = asyncnats.Submit[int](ctx, q, 1)
	refused(context.Canceled, call, id, err)
	q.Close()
	call, id, err = asyncnats.Submit[int](t.Context(), q, 1)
	refused(async.ErrScopeClosed, call, id, err)
	wantError(t, asyncnats.Attach[int](t.Context(), q, "x"), async.ErrScopeClosed)
}

// The same id submitted twice is one call: at the same time, from many clients, and when it is
// complete.
func TestJ2_SameIDIsOneCall(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	var starts tally
	w := work(t, d.open(asyncnats.QueueOptions{}), func(_ context.Context, n int) (int, error) {
		starts.add(n % 1000)
		return n, nil
	}, asyncnats.WorkOptions{})
	queues := make([]*asyncnats.Queue, 4)
	for i := range queues {
		queues[i] = d.open(asyncnats.QueueOptions{})
	}
	for round := range 100 {
		id := fmt.Sprint("order-", round)
		var wg sync.WaitGroup
		got := make([]int, 2*len(queues))
		for i := range got {
			wg.Go(func() { // each with a request of its own: one of them is the call's
				call, _, err := asyncnats.Submit[int](t.Context(), queues[i/2], 1000*i+round, asyncnats.ID(id))
				if err != nil {
					t.Error(err)
					return
				}
				got[i], _ = await(t, call)
			})
		}
		wg.Wait()
		call, _ := submit[int](t, queues[0], -1, asyncnats.ID(id))
		if !call.IsDone() {
			t.Error("the call of an id that is complete was not complete at once")
		}
		wantValue(t, call, got[0])
		if len(slices.Compact(slices.Clone(got))) != 1 || starts.of(round) != 1 {
			t.Fatalf("round %d: results %v, %d starts", round, got, starts.of(round))
		}
	}
	eventually(t, "all are counted", func() bool { return w.Stats().Completed == 100 }) // a result is stored before
	if s := w.Stats(); s.Late != 0 {
		t.Errorf("%+v", s)
	}
}

// The first result that is stored wins, and the worker that comes too late discards. The same
// id is at two workers here because two clients have submitted it with two keys: a Submit would
// find the other's request, so the race in which it does not is made by hand.
func TestJ2_FirstResultWins(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	type run struct {
		worker int
		finish chan int
	}
	running := make(chan run, 2)
	discarded := make(chan int, 2)
	workers := make([]*asyncnats.Worker, 2)
	for i := range workers {
		workers[i] = work(t, d.open(asyncnats.QueueOptions{}), func(context.Context, string) (int, error) {
			r := run{i, make(chan int)}
			running <- r
			return <-r.finish, nil
		}, asyncnats.WorkOptions{AtOnce: 1, Options: []async.Option{async.Discard(func(v int, _ error) { discarded <- v })}})
	}
	js := d.js()
	for round := range 10 {
		id := fmt.Sprint("x", round)
		a, _ := submit[int](t, q, "", asyncnats.ID(id), asyncnats.Key(id))
		for _, subject := range []string{"_ASYNC.queue.jobs.key.b." + id, "_ASYNC.queue.jobs.turn.b"} {
			if _, err := js.Publish(t.Context(), subject, []byte(`""`)); err != nil {
				t.Fatal(err)
			}
		}
		first, second := <-running, <-running
		first.finish <- 1
		eventually(t, "the first result is settled", func() bool { return workers[first.worker].Stats().Held == 0 })
		wantValue(t, asyncnats.Attach[int](t.Context(), q, id), 1)
		second.finish <- 2
		if v := <-discarded; v != 2 {
			t.Errorf("%d was discarded", v)
		}
		wantValue(t, a, 1)
		wantValue(t, asyncnats.Attach[int](t.Context(), q, id), 1)
		eventually(t, "no request is left", func() bool { return d.stream("ASYNC_jobs").State.Msgs == 0 })
	}
	if a, b := workers[0].Stats(), workers[1].Stats(); a.Completed+b.Completed != 10 || a.Late+b.Late != 10 {
		t.Errorf("%+v, %+v", a, b)
	}
}

// A call that is complete is complete at once for whoever attaches, from any process.
func TestJ4_Attach(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	errNotFound := errors.New("not found")
	o := asyncnats.QueueOptions{Errors: []asyncnats.ErrorCode{asyncnats.RegisterError("not_found", errNotFound)}}
	q := d.open(o)
	g := newGate()
	work(t, d.open(o), func(ctx context.Context, n int) (int, error) {
		switch n {
		case -1:
			return 0, errNotFound
		case -2:
			panic("no")
		case -3:
			runtime.Goexit()
		}
		return g.double(ctx, n)
	}, asyncnats.WorkOptions{})
	call, id := submit[int](t, q, 1)
	others := make([]*async.Call[int], 5)
	for i := range others {
		others[i] = asyncnats.Attach[int](t.Context(), d.open(o), id)
		if others[i].IsDone() {
			t.Fatal("an attached call is complete before the call is")
		}
	}
	g.open.Set()
	wantValue(t, call, 2)
	for _, c := range others {
		wantValue(t, c, 2)
	}
	late := asyncnats.Attach[int](t.Context(), d.open(o), id)
	if !late.IsDone() {
		t.Error("Attach to a call that is complete is not complete at once")
	}
	wantValue(t, late, 2)
	for n, want := range map[int]error{-1: errNotFound, -2: asyncnats.ErrPanicked, -3: async.ErrGoexit} {
		call, id := submit[int](t, q, n)
		wantError(t, call, want)
		wantError(t, asyncnats.Attach[int](t.Context(), q, id), want)
	}
}

// A call that is unknown, and one that was complete for longer than Keep, is ErrUnknownCall.
// Its id is free again then.
func TestJ4_UnknownAndExpired(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{Keep: 300 * time.Millisecond})
	work(t, q, double, asyncnats.WorkOptions{})
	for _, id := range []string{"", "never", "a b", strings.Repeat("x", 1000)} {
		wantError(t, asyncnats.Attach[int](t.Context(), q, id), asyncnats.ErrUnknownCall)
	}
	call, _ := submit[int](t, q, 1, asyncnats.ID("one"))
	wantValue(t, call, 2)
	eventually(t, "the result is forgotten", func() bool {
		call := asyncnats.Attach[int](t.Context(), q, "one")
		_, err := await(t, call)
		return errors.Is(err, asyncnats.ErrUnknownCall)
	})
	call, _ = submit[int](t, q, 2, asyncnats.ID("one"))
	wantValue(t, call, 4)
}

// A request that waits for longer than Keep is kept: Keep begins with completion.
func TestJ4_KeepBeginsWithCompletion(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{Keep: 200 * time.Millisecond})
	call, id := submit[int](t, q, 1)
	other, otherID := submit[int](t, q, 2, asyncnats.Key("k"))
	if err := q.Cancel(t.Context(), otherID, nil); err != nil {
		t.Fatal(err)
	}
	wantError(t, other, async.ErrCanceled)
	eventually(t, "a later call was complete for longer than Keep", func() bool {
		_, err := await(t, asyncnats.Attach[int](t.Context(), q, otherID))
		return errors.Is(err, asyncnats.ErrUnknownCall)
	})
	attached := asyncnats.Attach[int](t.Context(), q, id)
	work(t, q, double, asyncnats.WorkOptions{})
	wantValue(t, call, 2)
	wantValue(t, attached, 2)
}

// However many calls wait, a client has one consumer, and no goroutine for each.
func TestJ4_OneWatcher(t *testing.T) {
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	other := d.open(asyncnats.QueueOptions{})
	submitAndLeave(t, q, 0)
	before := runtime.NumGoroutine()
	calls := make(async.Calls[int], 0, 1000)
	for i := range 500 {
		call, id := submit[int](t, q, i)
		calls = append(calls, call, asyncnats.Attach[int](t.Context(), other, id))
	}
	if n := d.stream("KV_ASYNC_jobs").State.Consumers; n != 2 {
		t.Errorf("two clients have %d consumers", n)
	}
	if n := runtime.NumGoroutine() - before; n > 100 { // the server's are among them
		t.Errorf("%d goroutines more for %d calls", n, len(calls))
	}
	work(t, q, double, asyncnats.WorkOptions{})
	for i, call := range calls {
		wantValue(t, call, 2*(i/2))
	}
}

// Release, and the end of Submit's context, leave the work alone.
func TestJ6_LeavingLeavesTheWorkAlone(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	g := newGate()
	w := work(t, d.open(asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{})
	released, first := submit[int](t, q, 1)
	ctx, cancel := context.WithCancel(t.Context())
	left, second, err := asyncnats.Submit[int](ctx, q, 2)
	if err != nil {
		t.Fatal(err)
	}
	running := []context.Context{g.next(t), g.next(t)}
	released.Release()
	cancel()
	wantError(t, left, async.ErrCanceled, context.Canceled)
	third, id := submit[int](t, q, 3)
	running = append(running, g.next(t))
	if s := w.Stats(); s.Canceled != 0 {
		t.Errorf("%+v", s)
	}
	for _, ctx := range running {
		if ctx.Err() != nil {
			t.Error("the context of a function has ended because a handle was left")
		}
	}
	q.Close()
	wantError(t, third, async.ErrScopeClosed)
	g.open.Set()
	q = d.open(asyncnats.QueueOptions{})
	for i, id := range []string{first, second, id} {
		wantValue(t, asyncnats.Attach[int](t.Context(), q, id), 2*i+2)
	}
}

// A Scope that Submit was given is shut down: the calls end here, and the work is done.
func TestJ6_ScopeShutDown(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	scope := async.NewScope(async.ScopeOptions{})
	call, id := submit[int](t, q, 21, scope)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	scope.Shutdown(over)
	wantError(t, call, async.ErrCanceled, async.ErrScopeClosed)
	q.Close() // when cancellations are stored
	other := d.open(asyncnats.QueueOptions{})
	work(t, other, double, asyncnats.WorkOptions{})
	wantValue(t, asyncnats.Attach[int](t.Context(), other, id), 42)
}

// CancelOnAbandon is refused.
func TestJ6_CancelOnAbandonIsRefused(t *testing.T) {
	t.Parallel()
	q := newDepot(t).open(asyncnats.QueueOptions{})
	for name, f := range map[string]func(){
		"Submit": func() { submitAndLeave(t, q, 1, async.Name("x"), async.CancelOnAbandon()) },
		"Attach": func() { asyncnats.Attach[int](t.Context(), q, "x", async.CancelOnAbandon()).Release() },
		"ID":     func() { asyncnats.Attach[int](t.Context(), q, "x", asyncnats.ID("y")).Release() },
		"Work":   func() { asyncnats.Work[int, int](t.Context(), q, nil, asyncnats.WorkOptions{}) },
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(fmt.Sprint(r), "asyncnats: ") {
					t.Errorf("%s panicked with %v", name, r)
				}
			}()
			f()
		}()
	}
}

// Options of Submit are those of the call: it is in a scope, has a name, and tells its end.
func TestJ1_Options(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	names := make(chan string, 1)
	server := async.NewScope(async.ScopeOptions{Name: "server", Observer: async.Observer{
		Started: func(c async.CallInfo) { names <- c.Name },
	}})
	work(t, q, double, asyncnats.WorkOptions{Scope: server})
	scope := async.NewScope(async.ScopeOptions{Name: "client"})
	told := make(chan struct{})
	call, _ := submit[int](t, q, 1, scope, async.Name("the first"), async.OnSignal(func() { close(told) }))
	wantValue(t, call, 2)
	<-told
	if s := scope.Stats(); s.Begun != 1 || s.Returned != 1 {
		t.Errorf("%+v", s)
	}
	if name := <-names; name != "the first" {
		t.Errorf("the worker's call is named %q", name)
	}
}

// A queue that is there with other options is not opened, and the error says which option
// differs. The same options, and defaults that are written out, open it.
func TestJ1_OtherOptions(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.open(asyncnats.QueueOptions{})
	d.open(asyncnats.QueueOptions{Keep: 24 * time.Hour, Replicas: 1, MaxBytes: -1, Codec: asyncnats.JSON()})
	js := d.js()
	for option, o := range map[string]asyncnats.QueueOptions{
		"Keep":     {Keep: time.Hour},
		"Replicas": {Replicas: 3},
		"Memory":   {Memory: true},
		"MaxBytes": {MaxBytes: 1 << 20},
	} {
		o.Name = "jobs"
		if _, err := asyncnats.OpenQueue(t.Context(), js, o); !hasText(err, option) {
			t.Errorf("with another %s OpenQueue returned %v", option, err)
		}
	}
	for field, c := range map[string]jetstream.StreamConfig{
		"Retention":         {Retention: jetstream.LimitsPolicy, MaxMsgsPerSubject: 1},
		"MaxMsgsPerSubject": {Retention: jetstream.WorkQueuePolicy, MaxMsgsPerSubject: 2},
	} {
		c.Name, c.Subjects, c.Discard = "ASYNC_"+field, []string{"_ASYNC.queue." + field + ".>"}, jetstream.DiscardNew
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if _, err := asyncnats.OpenQueue(t.Context(), js, asyncnats.QueueOptions{Name: field}); !hasText(err, field+" is") {
			t.Errorf("with another %s OpenQueue returned %v", field, err)
		}
	}
}

// A client that attaches to the calls of many others watches all records from some number of
// clients on: further ones cost nothing, and the consumer remains.
func TestJ4_ManyLanes(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	nc := natstest.Connect(t, d.url)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	var made atomic.Int64
	if _, err := nc.Subscribe("$JS.API.CONSUMER.CREATE.KV_ASYNC_jobs.>", func(*nats.Msg) { made.Add(1) }); err != nil {
		t.Fatal(err)
	}
	attach := func(from, to int) int64 {
		t.Helper()
		var calls async.Calls[int]
		for i := from; i < to; i++ {
			id := fmt.Sprint("id", i)
			m := &nats.Msg{Subject: "_ASYNC.queue.jobs.run." + id, Header: nats.Header{wire.HeaderLane: {fmt.Sprint("lane", i)}}, Data: []byte("1")}
			if _, err := js.PublishMsg(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			calls = append(calls, asyncnats.Attach[int](t.Context(), q, id))
		}
		for i, call := range calls {
			if _, err := js.Publish(t.Context(), fmt.Sprintf("$KV.ASYNC_jobs.call.id%d.done.lane%d", from+i, from+i), []byte("7")); err != nil {
				t.Fatal(err)
			}
			wantValue(t, call, 7)
		}
		return made.Load()
	}
	before := attach(0, 30)
	if after := attach(30, 100); after != before || before == 0 {
		t.Errorf("%d consumers were made for many clients, and then %d more", before, after-before)
	}
}

// What the Propagator finds in the context of the call travels to the worker, that of the observer of
// the caller's scope included. A Propagator that panics panics out of Submit, which leaves no call
// behind, and cancels none that has the id.
func TestJ1_Propagator(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{Propagator: tracing{}})
	work(t, q, func(ctx context.Context, _ int) (string, error) {
		s, _ := ctx.Value(traceKey{}).(string)
		return s, nil
	}, asyncnats.WorkOptions{})
	scope := asynctest.NewScope(t, async.ScopeOptions{Observer: async.Observer{
		BeginContext: func(ctx context.Context, _ async.CallInfo) context.Context {
			return context.WithValue(ctx, traceKey{}, "call")
		},
	}})
	ctx := context.WithValue(t.Context(), traceKey{}, "caller")
	for want, opts := range map[string][]async.Option{"caller[trace]": nil, "call[trace]": {scope}} {
		call, _, err := asyncnats.Submit[string](ctx, q, 1, opts...)
		if err != nil {
			t.Fatal(err)
		}
		wantValue(t, call, want)
		call.Release()
	}
	bad := d.open(asyncnats.QueueOptions{Name: "bad"})
	first, id := submit[int](t, bad, 1, asyncnats.ID("a"))
	func() {
		defer func() {
			if recover() != errNotFound {
				t.Error("Submit did not panic")
			}
		}()
		asyncnats.Submit[int](t.Context(), d.open(asyncnats.QueueOptions{Name: "bad", Propagator: badInject{}}), 1, asyncnats.ID(id), scope)
	}()
	if s := scope.Stats(); s.Broken != 1 || s.Pending != 0 {
		t.Errorf("%+v", s)
	}
	work(t, bad, double, asyncnats.WorkOptions{})
	wantValue(t, first, 2)
}
