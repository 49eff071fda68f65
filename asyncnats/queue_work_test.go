package asyncnats_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// J3: what a worker does with the requests that it has, and what becomes of them when it dies.

var errFlaky = errors.New("flaky")

func flaky(err error) bool { return errors.Is(err, errFlaky) }

// A worker holds a request for as long as it works, however long after AckWait that is.
func TestJ3_HoldsForAsLongAsItWorks(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	g := newGate()
	o := asyncnats.WorkOptions{AckWait: time.Second}
	signs := signsOf(t, natstest.Connect(t, d.url))
	w, other := work(t, q, g.double, o), work(t, d.open(asyncnats.QueueOptions{}), g.double, o)
	calls := make(async.Calls[int], 100)
	for i := range calls {
		calls[i], _ = submit[int](t, q, i)
		g.next(t)
	}
	given := make(map[string]int)
	for kept := 0; kept < len(calls); { // a sign is given each third of AckWait
		if subject := signs.next(t); given[subject] < 8 {
			if given[subject]++; given[subject] == 8 {
				kept++
			}
		}
	}
	if s, o := w.Stats(), other.Stats(); s.Again+o.Again != 0 || s.Held+o.Held != len(calls) {
		t.Errorf("%+v, %+v", s, o)
	}
	g.open.Set()
	for i, call := range calls {
		wantValue(t, call, 2*i)
	}
	if len(g.entered) != 0 {
		t.Errorf("%d functions ran twice", len(g.entered))
	}
}

// An error that Retry knows has the request delivered again, after Backoff, MaxDeliver times;
// then the call fails with ErrGivenUp and the last error.
func TestJ3_RetryBackoffGivenUp(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	o := asyncnats.QueueOptions{Errors: []asyncnats.ErrorCode{asyncnats.RegisterError("flaky", errFlaky)}}
	q := d.open(o)
	var mu sync.Mutex
	starts := make(map[string][]time.Time)
	backoff := []time.Duration{50 * time.Millisecond, 150 * time.Millisecond}
	w := work(t, d.open(o), func(_ context.Context, r string) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		starts[r] = append(starts[r], time.Now())
		n := len(starts[r])
		switch {
		case strings.HasPrefix(r, "wrong"):
			return 0, errors.New("wrong")
		case strings.HasPrefix(r, "third") && n == 3:
			return n, nil
		}
		return 0, fmt.Errorf("attempt %d: %w", n, errFlaky)
	}, asyncnats.WorkOptions{MaxDeliver: 4, Backoff: backoff, Retry: flaky})
	for i, opts := range [][]async.Option{nil, {asyncnats.Key("k")}} {
		name := func(s string) string { return fmt.Sprint(s, i) }
		never, id := submit[int](t, q, name("never"), opts...)
		third, _ := submit[int](t, q, name("third"), opts...)
		wrong, _ := submit[int](t, q, name("wrong"), opts...)
		wantValue(t, third, 3)
		if err := wantError(t, wrong); errors.Is(err, asyncnats.ErrGivenUp) || !hasText(err, "wrong") {
			t.Errorf("an error that is not to be tried again returned %v", err)
		}
		if err := wantError(t, never, asyncnats.ErrGivenUp, errFlaky); !hasText(err, "attempt 4") || !hasText(err, "4 deliveries") {
			t.Error(err)
		}
		wantError(t, asyncnats.Attach[int](t.Context(), q, id), asyncnats.ErrGivenUp, errFlaky)
		mu.Lock()
		at := starts[name("never")]
		mu.Unlock()
		if len(at) != 4 {
			t.Fatalf("%d starts", len(at))
		}
		for k := range 3 {
			if rest, want := at[k+1].Sub(at[k]), backoff[min(k, len(backoff)-1)]; rest < want {
				t.Errorf("%v between start %d and the next, not %v", rest, k+1, want)
			}
		}
	}
	eventually(t, "all are counted", func() bool { return w.Stats().GivenUp == 2 }) // the record is stored before
	if s := w.Stats(); s.Retried != 10 {
		t.Errorf("%+v", s)
	}
}

// A request rests for the time of its step, whether the steps grow or not, beside workers with other
// options, and no longer: NATS adds its own steps to what it is told.
func TestJ3_RestsAsLongAsItsStep(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, other := range []*asyncnats.WorkOptions{nil, {AckWait: time.Minute}, {Backoff: []time.Duration{0, 5 * time.Second}}} {
		d := newDepot(t)
		q := d.open(asyncnats.QueueOptions{})
		steps := []time.Duration{100 * ms, 1000 * ms, 300 * ms}
		starts := make(chan time.Time, 10)
		work(t, q, func(context.Context, int) (int, error) {
			starts <- time.Now()
			return 0, errFlaky
		}, asyncnats.WorkOptions{MaxDeliver: 4, Backoff: steps, Retry: flaky})
		if other != nil {
			w := work(t, d.open(asyncnats.QueueOptions{}), double, *other)
			if err := w.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		call, _ := submit[int](t, q, 1)
		wantError(t, call, asyncnats.ErrGivenUp)
		for last, i := <-starts, 0; i < len(steps); i++ {
			next := <-starts
			if rest := next.Sub(last); rest < steps[i] || rest > steps[i]+600*ms {
				t.Errorf("a request rested for %v, not %v", rest, steps[i])
			}
			last = next
		}
	}
}

// The last error of a request that is given up by the next worker, because one has died of it, names
// the death, and the error of the function before that.
func TestJ3_LastErrorBeforeADeath(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	nc := natstest.Connect(t, d.url)
	o := asyncnats.WorkOptions{AckWait: time.Second, MaxDeliver: 2, Retry: flaky}
	g := newGate()
	var runs atomic.Int64
	work(t, openQueue(t, nc, asyncnats.QueueOptions{}), func(ctx context.Context, n int) (int, error) {
		if runs.Add(1) == 1 {
			return 0, fmt.Errorf("%w\nin the second line", errFlaky)
		}
		return g.double(ctx, n)
	}, o)
	q := d.open(asyncnats.QueueOptions{})
	call, _ := submit[int](t, q, 1)
	g.next(t)
	nc.Close() // as of a process that is killed
	work(t, q, double, o)
	if err := wantError(t, call, asyncnats.ErrGivenUp, asyncnats.ErrResponderLost); !hasText(err, "before that: flaky\nin the second line") {
		t.Error(err)
	}
}

// A request is delivered once more to the worker that is at it, because a sign came too late: that
// counts, and no worker has died.
func TestJ3_DeliveredToItsWorker(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	nc := natstest.Connect(t, d.url)
	signs := signsOf(t, nc)
	g := newGate()
	w := work(t, d.open(asyncnats.QueueOptions{}), func(ctx context.Context, n int) (int, error) {
		_, err := g.double(ctx, n)
		return 0, errors.Join(errFlaky, err)
	}, asyncnats.WorkOptions{AckWait: time.Second, MaxDeliver: 2, Retry: flaky})
	call, _ := submit[int](t, q, 1)
	g.next(t)
	if err := nc.Publish(signs.next(t), []byte("-NAK")); err != nil { // NATS takes it for lost
		t.Fatal(err)
	}
	for subject := signs.next(t); !strings.Contains(subject, ".workers.2."); subject = signs.next(t) {
	}
	g.open.Set()
	if err := wantError(t, call, asyncnats.ErrGivenUp); errors.Is(err, asyncnats.ErrResponderLost) || !hasText(err, "flaky") {
		t.Error(err)
	}
	if s := w.Stats(); s.Panicked+s.Late+s.Returned != 0 || len(g.entered) != 0 {
		t.Errorf("%+v", s)
	}
}

// A worker that is shut down takes nothing more, lets functions end, and hands back the rest.
// A call is not canceled by that: another worker runs it.
func TestJ3_Shutdown(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	first, second := newGate(), newGate()
	second.open.Set()
	scope := async.NewScope(async.ScopeOptions{Limit: 10})
	wq := d.open(asyncnats.QueueOptions{})
	w, err := asyncnats.Work(t.Context(), wq, first.double, asyncnats.WorkOptions{Scope: scope})
	if err != nil {
		t.Fatal(err)
	}
	calls := make(async.Calls[int], 30)
	for i := range calls {
		if calls[i], _ = submit[int](t, q, i); i%3 == 0 {
			calls[i], _ = submit[int](t, q, i, asyncnats.Key(fmt.Sprint(i)))
		}
	}
	for range 10 {
		first.next(t)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("Close of a queue with a worker did not panic")
			}
		}()
		wq.Close()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown returned %v", err)
	}
	if s := w.Stats(); s.Completed != 0 {
		t.Errorf("%+v", s)
	}
	work(t, d.open(asyncnats.QueueOptions{}), second.double, asyncnats.WorkOptions{AckWait: time.Second})
	for i, call := range calls {
		wantValue(t, call, 2*i)
	}
	if err := scope.Err(); err != nil {
		t.Errorf("the scope is the user's: %v", err)
	}
}

// Shutdown in order: what has begun ends, and its results are stored.
func TestJ3_ShutdownInOrder(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	g := newGate()
	w := work(t, d.open(asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{})
	calls := make(async.Calls[int], 20)
	for i := range calls {
		calls[i], _ = submit[int](t, q, i)
		g.next(t)
	}
	down := async.Go(t.Context(), func(ctx context.Context) (int, error) { return 0, w.Shutdown(ctx) })
	eventually(t, "no worker pulls", func() bool {
		s := d.stream("ASYNC_jobs")
		return s.State.Msgs == 20
	})
	g.open.Set()
	wantValue(t, down, 0)
	if s := w.Stats(); s.Completed != 20 || s.Returned != 0 {
		t.Errorf("%+v", s)
	}
	for i, call := range calls {
		wantValue(t, call, 2*i)
	}
}

// Workers share the requests: none takes more than AtOnce while another has nothing to do.
func TestJ3_AtOnce(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	g := newGate()
	workers := make([]*asyncnats.Worker, 3)
	for i := range workers {
		workers[i] = work(t, d.open(asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{AtOnce: 2})
	}
	calls := make(async.Calls[int], 20)
	for i := range calls {
		calls[i], _ = submit[int](t, q, i)
	}
	for range 6 {
		g.next(t)
	}
	held := []int{}
	for _, w := range workers {
		held = append(held, w.Stats().Held)
	}
	if !slices.Equal(held, []int{2, 2, 2}) || len(g.entered) != 0 {
		t.Errorf("the workers have %v", held)
	}
	g.open.Set()
	for i, call := range calls {
		wantValue(t, call, 2*i)
	}
}

// A slowDialer dials, but not at once: so many attempts fail before.
type slowDialer struct{ failures atomic.Int32 }

func (d *slowDialer) Dial(network, address string) (net.Conn, error) {
	if d.failures.Add(-1) >= 0 {
		return nil, io.EOF
	}
	return net.Dial(network, address)
}

// A worker that connects again, soon or late, takes no more than AtOnce: what NATS was asked for
// before is not asked for once more.
func TestJ3_AtOnceAfterReconnects(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	back, dialer := make(chan struct{}, 10), new(slowDialer)
	nc := natstest.Connect(t, d.url, nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }),
		nats.SetCustomDialer(dialer), nats.ReconnectWait(time.Second))
	g := newGate()
	w := work(t, openQueue(t, nc, asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{AtOnce: 2})
	first, _ := submit[int](t, q, 1)
	g.next(t)
	for _, failures := range []int32{0, 0, 3} {
		dialer.failures.Store(failures)
		nc.ForceReconnect()
		<-back
	}
	second, _ := submit[int](t, q, 2)
	g.next(t)
	calls := make(async.Calls[int], 20)
	for i := range calls {
		calls[i], _ = submit[int](t, q, i)
	}
	stream := d.liveStream("ASYNC_jobs")
	eventually(t, "nothing is asked for", func() bool {
		c, err := stream.Consumer(t.Context(), "workers")
		return err == nil && c.CachedInfo().NumWaiting == 0
	})
	if s := w.Stats(); s.Held != 2 || len(g.entered) != 0 {
		t.Errorf("%+v", s)
	}
	g.open.Set()
	wantValue(t, first, 2)
	wantValue(t, second, 4)
	for i, call := range calls {
		wantValue(t, call, 2*i)
	}
}

// Where the scope is full, requests wait at the worker; none is lost, and none comes again.
func TestJ3_FullScope(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	w := work(t, q, double, asyncnats.WorkOptions{
		Scope: async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue}),
	})
	calls := make(async.Calls[int], 10)
	for i := range calls {
		calls[i], _ = submit[int](t, q, i)
	}
	for i, call := range calls {
		wantValue(t, call, 2*i)
	}
	eventually(t, "all is settled", func() bool { return w.Stats().Held == 0 })
	if s := w.Stats(); s.Completed != 10 || s.Begun != 10 || s.Taken != 10 {
		t.Errorf("%+v", s)
	}
}

// A result that is too large for NATS, or cannot be encoded, is an error of the call; a request
// that makes no sense is one, too.
func TestJ3_BadResult(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	work(t, q, func(_ context.Context, n int) (any, error) {
		if n == 0 {
			return func() {}, nil
		}
		return strings.Repeat("x", n), nil
	}, asyncnats.WorkOptions{})
	bad, _ := submit[any](t, q, 0)
	wantError(t, bad, asyncnats.ErrBadReply)
	large, _ := submit[any](t, q, 2<<20)
	wantError(t, large, asyncnats.ErrTooLarge)
	strange, _ := submit[any](t, q, "no number")
	wantError(t, strange, asyncnats.ErrBadRequest)
	fine, id := submit[any](t, q, 3)
	wantValue[any](t, fine, "xxx")
	wantError(t, asyncnats.Attach[int](t.Context(), q, id), asyncnats.ErrBadReply)
}

// An error that panics when it is asked is an error of the call, whether it comes from the
// function, is tried again, or is a cause; and the worker lives on.
func TestJ3_ErrorPanics(t *testing.T) {
	t.Parallel()
	for name, bad := range badErrors {
		for _, retry := range []bool{false, true} {
			d := newDepot(t)
			q := d.open(asyncnats.QueueOptions{})
			w := work(t, q, func(context.Context, int) (int, error) { return 0, bad }, asyncnats.WorkOptions{
				MaxDeliver: 2, Retry: func(error) bool { return retry },
			})
			for _, opts := range [][]async.Option{nil, {asyncnats.Key("k")}} {
				call, _ := submit[int](t, q, 1, opts...)
				if err := wantError(t, call, asyncnats.ErrPanicked); !hasText(err, "the error panicked") {
					t.Errorf("%s arrived as %v", name, err)
				}
			}
			if err := w.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			call, id := submit[int](t, q, 2)
			if err := q.Cancel(t.Context(), id, bad); err != nil {
				t.Error(err)
			}
			wantError(t, call, async.ErrCanceled, asyncnats.ErrPanicked)
		}
	}
}

// An error with more text than NATS takes is stored with less, whether it ends the call or is the
// last before the request is given up.
func TestJ3_ErrorTooLarge(t *testing.T) {
	t.Parallel()
	o := natstest.Store(t.TempDir())
	o.MaxPayload = 16 << 10
	q := openQueue(t, natstest.Connect(t, natstest.Run(t, o).ClientURL()), asyncnats.QueueOptions{})
	long := errors.New(strings.Repeat("no ", 10_000))
	for _, retry := range []bool{false, true} {
		w := work(t, q, func(context.Context, int) (int, error) { return 0, long }, asyncnats.WorkOptions{
			MaxDeliver: 2, Retry: func(error) bool { return retry },
		})
		call, _ := submit[int](t, q, 1)
		if err := wantError(t, call); !hasText(err, "no no no") || errors.Is(err, asyncnats.ErrGivenUp) != retry {
			t.Errorf("%.100v", err)
		}
		if err := w.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A codec that calls Goexit at the worker, where it writes the result, is told as a function that
// does; one that does at a handle, where it reads the result, keeps no other handle waiting.
func TestJ3_CodecCallsGoexit(t *testing.T) {
	t.Parallel()
	q := newDepot(t).open(asyncnats.QueueOptions{})
	unwritten, _ := submit[int](t, q, 0)
	unread, id := submit[exiting](t, q, 1)
	others := make(async.Calls[int], 5)
	for i := range others {
		others[i] = asyncnats.Attach[int](t.Context(), q, id)
	}
	unreadToo := asyncnats.Attach[exiting](t.Context(), q, id)
	work(t, q, func(_ context.Context, n int) (any, error) {
		if n == 0 {
			return exiting{}, nil
		}
		return n, nil
	}, asyncnats.WorkOptions{})
	wantError(t, unwritten, async.ErrGoexit)
	wantError(t, unread, asyncnats.ErrBadReply)
	wantError(t, unreadToo, asyncnats.ErrBadReply)
	for _, call := range others {
		wantValue(t, call, 1)
	}
	later, _ := submit[int](t, q, 2)
	wantValue(t, later, 2)
}

// An exiting calls Goexit where it is written, and where it is read.
type exiting struct{}

func (exiting) MarshalJSON() ([]byte, error) { runtime.Goexit(); return nil, nil }
func (*exiting) UnmarshalJSON([]byte) error  { runtime.Goexit(); return nil }

// A shutdown whose time is up while a request is being begun: that one is canceled, the next is
// not begun, and nothing runs when Shutdown has returned.
func TestJ3_ShutdownWhileItBegins(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	for n := range 10 {
		submitAndLeave(t, q, n)
	}
	begun, goOn := make(chan struct{}, 10), make(chan struct{})
	scope := async.NewScope(async.ScopeOptions{Observer: async.Observer{Begun: func(async.CallInfo) {
		begun <- struct{}{}
		<-goOn
	}}})
	w := work(t, q, newGate().double, asyncnats.WorkOptions{Scope: scope})
	<-begun
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	down := async.Go(t.Context(), func(context.Context) (error, error) { return w.Shutdown(ended), nil })
	bucket := d.liveStream("KV_ASYNC_jobs")
	eventually(t, "the worker says that it is gone", func() bool {
		m, err := bucket.GetLastMsgForSubject(t.Context(), "$KV.ASYNC_jobs.worker.*")
		return err == nil && strings.Contains(string(m.Data), `"wait":0`)
	})
	close(goOn)
	if err, _ := await(t, down); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := scope.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	// The function may have returned what its context has ended with before its call was canceled.
	if s := scope.Stats(); s.Begun != 1 || s.Canceled+s.Failed != 1 {
		t.Errorf("%+v", s)
	}
	if s := w.Stats(); s.Completed != 0 || s.Returned == 0 {
		t.Errorf("%+v", s)
	}
}

// A function that the observer of the worker's scope keeps from beginning is an error of the call,
// and the worker lets go of the request.
func TestJ3_ObserverKeepsTheFunction(t *testing.T) {
	for name, test := range obstacles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := newDepot(t).open(asyncnats.QueueOptions{})
			w := work(t, q, double, asyncnats.WorkOptions{Scope: async.NewScope(async.ScopeOptions{Observer: test.o})})
			for _, opts := range [][]async.Option{nil, {asyncnats.Key("k")}} {
				call, _ := submit[int](t, q, 1, opts...)
				wantError(t, call, test.want)
			}
			eventually(t, "the worker has let go", func() bool { return w.Stats().Held == 0 })
		})
	}
}

// Where the worker's Propagator ends in a bad way nothing runs without the values, and the call ends with
// that. The worker lives on.
func TestJ3_BadExtract(t *testing.T) {
	for name, test := range badExtracts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := newDepot(t).open(asyncnats.QueueOptions{Propagator: test.Propagator})
			w := work(t, q, double, asyncnats.WorkOptions{})
			for i := range 5 {
				call, _ := submit[int](t, q, i)
				if test.want == nil {
					wantValue(t, call, 2*i)
					continue
				}
				wantError(t, call, test.want)
			}
			if n := w.Stats().Panicked; (n == 5) != (test.want == asyncnats.ErrPanicked) {
				t.Errorf("%d panics", n)
			}
		})
	}
}

// A result that a worker cannot store, because its connection is closed, goes to Discard.
func TestJ2_ResultThatCannotBeStored(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	nc := natstest.Connect(t, d.url)
	g := newGate()
	discarded := make(chan int, 1)
	w := work(t, openQueue(t, nc, asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{
		Options: []async.Option{async.Discard(func(n int, _ error) { discarded <- n })},
	})
	submitAndLeave(t, d.open(asyncnats.QueueOptions{}), 21)
	g.next(t)
	nc.Close()
	g.open.Set()
	eventually(t, "the worker has let go", func() bool { return w.Stats().Held == 0 })
	select {
	case n := <-discarded:
		if n != 42 {
			t.Error(n)
		}
	case <-time.After(patience):
		t.Error("the result is neither stored nor discarded")
	}
}

// A worker in a scope that is full shuts down, when its time is over, also where its calls are to wait
// for room.
func TestJ3_ShutdownWhileItWaitsForRoom(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	scope := async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue})
	hold := make(chan struct{})
	other := async.Go(t.Context(), func(context.Context) (int, error) { <-hold; return 0, nil }, scope)
	o := asyncnats.WorkOptions{Scope: scope, Options: []async.Option{async.WaitForRoom()}}
	w, err := asyncnats.Work(t.Context(), d.open(asyncnats.QueueOptions{}), double, o)
	if err != nil {
		t.Fatal(err)
	}
	call, _ := submit[int](t, q, 1)
	eventually(t, "the worker begins the request", func() bool { return w.Stats().Begun == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	down := async.Go(t.Context(), func(context.Context) (int, error) { return 0, w.Shutdown(ctx) })
	err = down.WaitFor(patience)
	close(hold)
	if err != nil {
		t.Fatal(err)
	}
	wantValue(t, other, 0)
	if _, err := down.Finish(); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	work(t, d.open(asyncnats.QueueOptions{}), double, asyncnats.WorkOptions{})
	wantValue(t, call, 2)
}

// J2: a result that is stored while its call here ends, with its scope or its worker, is the result: it is
// not discarded as well.
func TestJ2_StoredAsItsScopeEnds(t *testing.T) {
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{}, nats.ReconnectWait(10*time.Millisecond), nats.MaxReconnects(-1))
	discarded := make(chan int, 10)
	entered, goOn := make(chan bool, 10), make(chan bool)
	scope := async.NewScope(async.ScopeOptions{})
	w := work(t, q, func(_ context.Context, n int) (int, error) {
		entered <- true
		<-goOn
		return 2 * n, nil
	}, asyncnats.WorkOptions{Scope: scope, Options: []async.Option{
		async.Discard(func(n int, err error) {
			if err == nil {
				discarded <- n
			}
		}),
	}})
	call, _, err := asyncnats.Submit[int](t.Context(), q, 21)
	if err != nil {
		t.Fatal(err)
	}
	<-entered
	d.stop()
	close(goOn)
	eventually(t, "the worker tries to store the result", func() bool { return w.Stats().Unstored > 0 })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	scope.Shutdown(ended)
	d.start()
	wantValue(t, call, 42)
	eventually(t, "the function has returned", func() bool { return w.Stats().Completed == 1 && scope.Stats().Running == 0 })
	if err := scope.Shutdown(t.Context()); err != nil {
		t.Log(err)
	}
	select {
	case n := <-discarded:
		t.Errorf("%d was stored, and discarded", n)
	default:
	}
}

// J2: where an observer ends the Begin of a call that has begun all the same, the request is handed back, and
// what the function returns is discarded: another run has the result.
func TestJ2_ObserverEndsBegin(t *testing.T) {
	t.Parallel()
	q := newDepot(t).open(asyncnats.QueueOptions{})
	var begun atomic.Int32
	goOn, discarded, returned := make(chan bool), make(chan int, 10), make(chan bool, 10)
	scope := async.NewScope(async.ScopeOptions{Observer: async.Observer{Begun: func(async.CallInfo) {
		if begun.Add(1) == 1 {
			runtime.Goexit()
		}
	}}})
	w := work(t, q, func(_ context.Context, n int) (int, error) {
		<-goOn
		returned <- true
		return 2 * n, nil
	}, asyncnats.WorkOptions{Scope: scope, Options: []async.Option{async.Discard(func(n int, _ error) { discarded <- n })}})
	call, _ := submit[int](t, q, 21)
	eventually(t, "the request is handed back", func() bool { return w.Stats().Returned == 1 })
	close(goOn)
	wantValue(t, call, 42)
	eventually(t, "all functions have returned", func() bool { return scope.Stats().Running == 0 })
	if err := scope.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	eventually(t, "what is not the result is discarded", func() bool { return len(discarded) == len(returned)-1 })
}
