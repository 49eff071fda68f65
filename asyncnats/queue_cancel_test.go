package asyncnats_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// J5: a call of the queue is canceled, before it begins, while it runs, and after it is complete.

var errNoNeed = errors.New("no need")

// A call that has not begun never begins, and all who are attached see that it was canceled,
// with the cause.
func TestJ5_BeforeTheStart(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	o := asyncnats.QueueOptions{Errors: []asyncnats.ErrorCode{asyncnats.RegisterError("no_need", errNoNeed)}}
	q, other := d.open(o), d.open(o)
	for _, opts := range [][]async.Option{nil, {asyncnats.ID("a")}, {asyncnats.ID("b"), asyncnats.Key("k")}} {
		call, id := submit[int](t, q, 1, opts...)
		attached := asyncnats.Attach[int](t.Context(), other, id)
		if err := other.Cancel(t.Context(), id, errNoNeed); err != nil {
			t.Fatal(err)
		}
		wantError(t, call, async.ErrCanceled, context.Canceled, errNoNeed)
		wantError(t, attached, async.ErrCanceled, errNoNeed)
		wantError(t, asyncnats.Attach[int](t.Context(), d.open(o), id), async.ErrCanceled, errNoNeed)
		if err := q.Cancel(t.Context(), id, nil); err != async.ErrCanceled {
			t.Errorf("the second Cancel returned %v", err)
		}
	}
	w := work(t, q, double, asyncnats.WorkOptions{})
	after, _ := submit[int](t, q, 2, asyncnats.Key("k"))
	wantValue(t, after, 4)
	if s := w.Stats(); s.Begun != 1 {
		t.Errorf("%+v: a canceled call has begun", s)
	}
	if err := q.Cancel(t.Context(), "never", nil); !errors.Is(err, asyncnats.ErrUnknownCall) {
		t.Errorf("Cancel of an unknown call returned %v", err)
	}
}

// A call that runs has its context ended with the cause; what its function returns then is
// discarded.
func TestJ5_WhileItRuns(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	g := newGate()
	discarded := make(chan error, 10)
	w := work(t, d.open(asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{
		Options: []async.Option{async.Discard(func(_ int, err error) { discarded <- err })},
	})
	for _, opts := range [][]async.Option{nil, {asyncnats.Key("k")}} {
		call, id := submit[int](t, q, 1, opts...)
		ctx := g.next(t)
		if err := q.Cancel(t.Context(), id, errNoNeed); err != nil {
			t.Fatal(err)
		}
		<-ctx.Done()
		if cause := context.Cause(ctx); !hasText(cause, errNoNeed.Error()) {
			t.Errorf("the context of the function has ended with %v", cause)
		}
		if err := wantError(t, call, async.ErrCanceled); !hasText(err, errNoNeed.Error()) {
			t.Error(err)
		}
		<-discarded
	}
	eventually(t, "the worker has let go", func() bool { return w.Stats().Held == 0 && w.Stats().Canceled == 2 })
	eventually(t, "no request is left", func() bool { return d.stream("ASYNC_jobs").State.Msgs == 0 })
}

// The text of a cause has several lines, as that of errors.Join: all of it arrives.
func TestJ5_CauseOfSeveralLines(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	g := newGate()
	work(t, d.open(asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{})
	call, id := submit[int](t, q, 1)
	ctx := g.next(t)
	cause := errors.Join(errNoNeed, errors.New("nobody pays"))
	if err := q.Cancel(t.Context(), id, cause); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if got := context.Cause(ctx); !hasText(got, cause.Error()) {
		t.Errorf("the context of the function has ended with %v", got)
	}
	if err := wantError(t, call, async.ErrCanceled); !hasText(err, cause.Error()) {
		t.Error(err)
	}
}

// Cancel of a call that is complete is told so, and changes nothing.
func TestJ5_AfterTheEnd(t *testing.T) {
	t.Parallel()
	q := newDepot(t).open(asyncnats.QueueOptions{})
	work(t, q, double, asyncnats.WorkOptions{})
	call, id := submit[int](t, q, 1)
	wantValue(t, call, 2)
	if err := q.Cancel(t.Context(), id, nil); err != async.ErrCallComplete {
		t.Errorf("Cancel returned %v", err)
	}
	wantValue(t, asyncnats.Attach[int](t.Context(), q, id), 2)
}

// Cancel and CancelWait of a handle are told to the workers, and stored: others see it.
func TestJ5_OfAHandle(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q, other := d.open(asyncnats.QueueOptions{}), d.open(asyncnats.QueueOptions{})
	g := newGate()
	work(t, d.open(asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{})
	for _, wait := range []bool{false, true} {
		call, id := submit[int](t, q, 1)
		attached := asyncnats.Attach[int](t.Context(), other, id)
		ctx := g.next(t)
		if wait {
			if err := call.CancelWait(t.Context(), errNoNeed); err != nil {
				t.Error(err)
			}
		} else if err := call.Cancel(errNoNeed); err != nil {
			t.Error(err)
		}
		<-ctx.Done()
		wantError(t, call, async.ErrCanceled)
		if err := wantError(t, attached, async.ErrCanceled); !hasText(err, errNoNeed.Error()) {
			t.Error(err)
		}
	}
	// The process that canceled may close at once.
	call, id := submit[int](t, q, 1)
	g.next(t)
	call.Cancel(nil)
	q.Close()
	wantError(t, asyncnats.Attach[int](t.Context(), other, id), async.ErrCanceled)
}

// Cancel races with the start and with the end, many times: the call has one end, which Cancel
// and all who are attached agree about. Every second function waits for the end of its context, which
// comes where the call was running when it was canceled. A call that Cancel has ended before it began
// never begins: nobody would tell its function.
func TestJ5_Races(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q, canceler := d.open(asyncnats.QueueOptions{}), d.open(asyncnats.QueueOptions{})
	const rounds = 400
	var begun, told atomic.Int64 // of those that go on
	work(t, d.open(asyncnats.QueueOptions{}), func(ctx context.Context, n int) (int, error) {
		if n%2 == 0 {
			return n, nil
		}
		begun.Add(1)
		<-ctx.Done()
		if errors.Is(context.Cause(ctx), async.ErrCanceled) {
			told.Add(1)
		}
		return n, nil
	}, asyncnats.WorkOptions{AtOnce: rounds})
	won := 0
	for i := range rounds {
		call, id := submit[int](t, q, i)
		for range i % 8 {
			runtime.Gosched() // so that some begin
		}
		err := canceler.Cancel(t.Context(), id, nil)
		_, end := await(t, call)
		_, seen := await(t, asyncnats.Attach[int](t.Context(), canceler, id))
		if errors.Is(end, async.ErrCanceled) != (err == nil) || errors.Is(seen, async.ErrCanceled) != (err == nil) {
			t.Fatalf("Cancel returned %v, the call %v, attached %v", err, end, seen)
		}
		if err == nil {
			won++
		} else if err != async.ErrCallComplete || i%2 != 0 {
			t.Fatalf("%d: %v", i, err)
		}
	}
	eventually(t, "all is over", func() bool { return d.stream("ASYNC_jobs").State.Msgs == 0 })
	eventually(t, "those that have begun are told", func() bool { return told.Load() == begun.Load() })
	t.Logf("%d of %d were canceled, %d had begun of those that go on", won, rounds, begun.Load())
}

func hasText(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

// The process that canceled died between the record and the removal of the request: the calls,
// which are delivered, never begin, and their requests are removed by the worker.
func TestJ5_CancelerDied(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	js := d.js()
	calls := make(async.Calls[int], 100)
	for i := range calls {
		var id string
		var opts []async.Option
		if i%4 == 0 {
			opts = []async.Option{asyncnats.Key("k")}
		}
		calls[i], id = submit[int](t, q, i, opts...)
		if _, err := js.Publish(t.Context(), "$KV.ASYNC_jobs.call."+id+".canceled.other", nil); err != nil {
			t.Fatal(err)
		}
	}
	w := work(t, d.open(asyncnats.QueueOptions{}), double, asyncnats.WorkOptions{})
	for _, call := range calls {
		wantError(t, call, async.ErrCanceled)
	}
	eventually(t, "no request is left", func() bool { return d.stream("ASYNC_jobs").State.Msgs == 0 })
	if s := w.Stats(); s.Begun != 0 || s.Canceled != 75 {
		t.Errorf("%+v", s)
	}
}

// The queue has no room for a cancellation that a handle asked for: it is stored when there is.
func TestJ5_NoRoomForTheCancellation(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	o := asyncnats.QueueOptions{MaxBytes: 256 << 10}
	q, other := d.open(o), d.open(o)
	js := d.js()
	for i, size := 0, 100<<10; size > 0; i++ {
		if _, err := js.Publish(t.Context(), fmt.Sprint("$KV.ASYNC_jobs.filler.", i), make([]byte, size)); err != nil {
			size /= 2
		}
	}
	call, id := submit[int](t, q, 1)
	if err := q.Cancel(t.Context(), id, nil); !errors.Is(err, async.ErrQueueFull) {
		t.Fatalf("Cancel without room returned %v", err)
	}
	nc := natstest.Connect(t, d.url)
	attempts := make(chan *nats.Msg, 1000)
	if _, err := nc.ChanSubscribe("$KV.ASYNC_jobs.call."+id+".canceled.*", attempts); err != nil {
		t.Fatal(err)
	}
	nc.Flush()
	if err := call.Cancel(errNoNeed); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 2 { // the second one says that the first was refused
		select {
		case <-attempts:
		case <-ctx.Done():
			t.Fatal("the cancellation was not tried again")
		}
	}
	if err := d.liveStream("KV_ASYNC_jobs").Purge(t.Context(), jetstream.WithPurgeSubject("$KV.ASYNC_jobs.filler.*")); err != nil {
		t.Fatal(err)
	}
	wantError(t, asyncnats.Attach[int](t.Context(), other, id), async.ErrCanceled)
}

// Calls are canceled while others are delivered: the worker looks for the ids of the canceled
// among requests that come in the same moment. The race detector is the judge.
func TestJ5_CanceledWhileOthersCome(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	w := work(t, d.open(asyncnats.QueueOptions{}), double, asyncnats.WorkOptions{AtOnce: 1000})
	js := d.js()
	const n = 800
	var canceling, submitting sync.WaitGroup
	var over atomic.Bool
	for k := range 4 {
		canceling.Go(func() {
			for i := 0; !over.Load(); i++ {
				subject := fmt.Sprintf("$KV.ASYNC_jobs.call.other%d-%d.canceled.other", k, i)
				if _, err := js.Publish(t.Context(), subject, nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for k := range 4 {
		submitting.Go(func() {
			for i := range n / 4 {
				var opts []async.Option
				if i%2 == 0 {
					opts = []async.Option{asyncnats.ID(fmt.Sprintf("mine%d-%d", k, i))}
				}
				call, _, err := asyncnats.Submit[int](t.Context(), q, i, opts...)
				if err != nil {
					t.Error(err)
					return
				}
				call.Release()
			}
		})
	}
	submitting.Wait()
	over.Store(true)
	canceling.Wait()
	eventually(t, "all is done", func() bool { return w.Stats().Completed == n })
}

// An injecting is a Propagator that tells when Submit is about to send the request.
type injecting struct {
	asyncnats.Propagator
	begun chan struct{}
}

func (p injecting) Inject(context.Context, asyncnats.Carrier) { close(p.begun) }

// A call is canceled, by its scope, while Submit has not heard yet whether the request is stored:
// that is told as soon as it is.
func TestJ5_WhileItIsSubmitted(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]async.Option{nil, {asyncnats.ID("a")}} {
		d := newDepot(t)
		begun := make(chan struct{})
		q := d.open(asyncnats.QueueOptions{Propagator: injecting{begun: begun}})
		scope := async.NewScope(async.ScopeOptions{})
		d.stop()
		type submitted struct {
			call *async.Call[int]
			id   string
		}
		submitting := async.Go(t.Context(), func(context.Context) (s submitted, err error) {
			s.call, s.id, err = asyncnats.Submit[int](t.Context(), q, 1, append(opts, scope)...)
			return s, err
		})
		<-begun
		for c := range scope.InFlight() {
			if !scope.Cancel(c.ID, errFlaky) {
				t.Error("the call was not canceled")
			}
		}
		d.start()
		s, err := submitting.Await(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, s.call, async.ErrCanceled, errFlaky)
		if err := wantError(t, asyncnats.Attach[int](t.Context(), d.open(asyncnats.QueueOptions{}), s.id), async.ErrCanceled); !hasText(err, "flaky") {
			t.Error(err)
		}
	}
}

// J5: a cause may be an error that tells of the cancellation of another call: its text is stored, and it is
// no shutdown, of which nobody is told.
func TestJ5_CauseIsOfAnotherCall(t *testing.T) {
	q := newDepot(t).open(asyncnats.QueueOptions{})
	other := &async.CanceledError{Name: "another call", Cause: async.ErrScopeClosed}
	for _, cause := range []error{other, fmt.Errorf("not wanted: %w", other)} {
		call, id, err := asyncnats.Submit[int](t.Context(), q, 21)
		if err != nil {
			t.Fatal(err)
		}
		attached := asyncnats.Attach[int](t.Context(), q, id)
		call.Cancel(cause)
		err = wantError(t, attached, async.ErrCanceled, async.ErrScopeClosed)
		if !strings.Contains(err.Error(), cause.Error()) {
			t.Errorf("%v has not the text %v", err, cause)
		}
	}
}
