package asyncnats

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// What of the queue nobody sees from outside: how acknowledgements are read, and what a publisher
// and a queue remember.

// openJobs returns a queue on a server of its own.
func openJobs(t *testing.T) *Queue {
	t.Helper()
	js, err := jetstream.New(natstest.Connect(t, natstest.Run(t, natstest.Store(t.TempDir())).ClientURL()))
	if err != nil {
		t.Fatal(err)
	}
	q, err := OpenQueue(t.Context(), js, QueueOptions{Name: "jobs"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close)
	return q
}

func TestParseAck(t *testing.T) {
	for _, test := range []struct {
		data string
		seq  uint64
		err  error
	}{
		{`{"stream":"ASYNC_jobs","seq":1}`, 1, nil},
		{`{"stream":"ASYNC_jobs","seq":18446744073709551615}`, 18446744073709551615, nil},
		{`{"stream":"ASYNC_jobs","domain":"hub","seq":12}`, 12, nil},
		{`{"stream":"ASYNC_jobs", "seq":12, "duplicate": true}`, 12, nil},
		{`{"seq":3,"stream":"ASYNC_jobs"}`, 3, nil},
		{`{"stream":"ASYNC_jobs","seq":18446744073709551616}`, 0, jetstream.ErrInvalidJSAck},
		{`{"stream":"ASYNC_jobs","seq":-1}`, 0, jetstream.ErrInvalidJSAck},
		{`{"stream":"ASYNC_jobs","seq":}`, 0, jetstream.ErrInvalidJSAck},
		{`{"stream":"ASYNC_jobs","seq":1`, 0, jetstream.ErrInvalidJSAck},
		{`{"stream":"`, 0, jetstream.ErrInvalidJSAck},
		{`{"stream":"","seq":}`, 0, jetstream.ErrInvalidJSAck},
		{`{"seq":3}`, 0, jetstream.ErrInvalidJSAck},
		{`[]`, 0, jetstream.ErrInvalidJSAck},
		{``, 0, jetstream.ErrInvalidJSAck},
	} {
		if seq, err := parseAck(&nats.Msg{Data: []byte(test.data)}); seq != test.seq || !errors.Is(err, test.err) {
			t.Errorf("%s is read as %d and %v", test.data, seq, err)
		}
	}
	_, err := parseAck(&nats.Msg{Data: []byte(`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 5"},"stream":"ASYNC_jobs","seq":0}`)})
	if !errors.Is(writeError(err), errTaken) {
		t.Errorf("a condition that does not hold is %v", err)
	}
	if _, err := parseAck(&nats.Msg{Header: nats.Header{"Status": {"503"}}}); !errors.Is(err, jetstream.ErrNoStreamResponse) {
		t.Errorf("no stream is %v", err)
	}
}

func FuzzParseAck(f *testing.F) {
	f.Add([]byte(`{"stream":"a","seq":1}`))
	f.Add([]byte(`{"error":{"code":1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		seq, err := parseAck(&nats.Msg{Data: data})
		want, bad := parseOtherAck(&nats.Msg{Data: data})
		if bad == nil && (err != nil || seq != want) {
			t.Errorf("%q is read as %d and %v, not as %d", data, seq, err, want)
		}
	})
}

// A message that nobody acknowledges is given up after writeTime, and no later than half as long
// again; a late acknowledgement, a forged one and one for another message change nothing; and
// nothing is remembered.
func TestPublisher(t *testing.T) {
	defer emptyPools()
	synctest.Test(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		nc, stream := connect(), connect()
		p, err := newPublisher(nc)
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		asked := make(chan *nats.Msg, 10)
		if _, err := stream.ChanSubscribe("stream.>", asked); err != nil {
			t.Fatal(err)
		}
		stream.Flush()
		store := func(ctx context.Context, subject string) *async.Call[uint64] {
			return async.Go(ctx, func(ctx context.Context) (uint64, error) { return p.store(ctx, &nats.Msg{Subject: subject}) })
		}
		start := time.Now()
		first := store(t.Context(), "stream.a")
		m := <-asked
		_, err = first.Await(t.Context())
		if took := time.Since(start); !errors.Is(err, nats.ErrTimeout) || took < writeTime || took > 3*writeTime/2 {
			t.Errorf("without an acknowledgement store returned %v after %v", err, took)
		}
		second := store(t.Context(), "stream.b")
		n := <-asked
		for _, forged := range []string{m.Reply, p.inbox + "x", p.inbox + "-1", strings.TrimSuffix(p.inbox, ".") + ".zzzz"} {
			stream.Publish(forged, []byte(`{"stream":"S","seq":1}`))
		}
		stream.Flush()
		synctest.Wait()
		if second.IsDone() {
			t.Error("an acknowledgement of another message was taken")
		}
		n.Respond([]byte(`{"stream":"S","seq":7}`))
		n.Respond([]byte(`{"stream":"S","seq":8}`))
		if seq, err := second.Await(t.Context()); seq != 7 || err != nil {
			t.Errorf("store returned %d and %v", seq, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		third := store(ctx, "stream.c")
		<-asked
		cancel()
		if _, err := third.Await(t.Context()); !errors.Is(err, context.Canceled) {
			t.Errorf("store whose context has ended returned %v", err)
		}
		if _, err := store(t.Context(), "nobody").Await(t.Context()); !errors.Is(err, jetstream.ErrNoStreamResponse) {
			t.Errorf("store without a stream returned %v", err)
		}
		fourth := store(t.Context(), "stream.d")
		<-asked
		nc.Close()
		if _, err := fourth.Await(t.Context()); !errors.Is(err, nats.ErrConnectionClosed) {
			t.Errorf("store on a closed connection returned %v", err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.waiting) != 0 {
			t.Errorf("%d messages are waited for", len(p.waiting))
		}
	})
}

// A process that only submits, and releases its handles, remembers nothing of the calls.
func TestJ6_ReleasedIsForgotten(t *testing.T) {
	q := openJobs(t)
	var kept *async.Call[int]
	ids := make([]string, 100)
	for i := range ids {
		call, id, err := Submit[int](t.Context(), q, i)
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
		if kept != nil {
			kept.Release()
			<-kept.Done()
		}
		kept = call
	}
	// The handle that was released last tells the queue in a goroutine of its own.
	for deadline := time.Now().Add(10 * time.Second); ; {
		q.mu.Lock()
		n := len(q.waiting)
		q.mu.Unlock()
		if n == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d calls are waited for, not the one that was not released", n)
		}
	}
	q.ended.Wait()
	requests, err := q.store.requests.Info(t.Context())
	if err != nil || requests.State.Msgs != 100 {
		t.Errorf("%d requests are left of 100: %v", requests.State.Msgs, err)
	}
}

// emptyPools empties the pool of timers that connections share: see bubble in the external tests.
func emptyPools() {
	runtime.GC()
	runtime.GC()
}

// A request of a key runs while the server, which keeps it in memory, is restarted. Its number is
// then that of another request, which is not removed when the function returns.
func TestFault_LostRequestRemovesNoOther(t *testing.T) {
	o := natstest.Store(t.TempDir())
	s := natstest.Run(t, o)
	o.Port = s.Addr().(*net.TCPAddr).Port
	open := func() *Queue {
		js, err := jetstream.New(natstest.Connect(t, s.ClientURL()))
		if err != nil {
			t.Fatal(err)
		}
		q, err := OpenQueue(t.Context(), js, QueueOptions{Name: "jobs", Memory: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(q.Close)
		return q
	}
	begun, goOn := make(chan struct{}, 2), make(chan struct{})
	w, err := Work(t.Context(), open(), func(_ context.Context, n int) (int, error) {
		begun <- struct{}{}
		<-goOn
		return n, nil
	}, WorkOptions{AtOnce: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Shutdown(t.Context())
	first, _, err := Submit[int](t.Context(), open(), 1, Key("k"))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Release()
	<-begun
	s.Shutdown()
	s.WaitForShutdown()
	s = natstest.Run(t, o)
	q := open()
	for deadline, lost := time.Now().Add(10*time.Second), uint64(0); lost == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the worker does not notice that the request is lost")
		}
		w.mu.Lock()
		lost = w.lost
		w.mu.Unlock()
	}
	second, _, err := Submit[int](t.Context(), q, 2)
	if err != nil {
		t.Fatal(err)
	}
	close(goOn)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if v, err := second.Await(ctx); v != 2 || err != nil {
		t.Errorf("the second call returned %d and %v", v, err)
	}
}

// A function returns just when its call was canceled in the queue, and before the call here is: what
// it returns is stored nowhere, and discarded.
func TestJ5_ReturnsAsItIsCanceled(t *testing.T) {
	q := openJobs(t)
	goOn, discarded := make(chan struct{}), make(chan int, 1)
	begun := make(chan struct{})
	w, err := Work(t.Context(), q, func(_ context.Context, n int) (int, error) {
		close(begun)
		<-goOn
		return n, nil
	}, WorkOptions{Options: []async.Option{async.Discard(func(n int, _ error) { discarded <- n })}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Shutdown(t.Context())
	call, _, err := Submit[int](t.Context(), q, 7)
	if err != nil {
		t.Fatal(err)
	}
	defer call.Release()
	<-begun
	w.mu.Lock()
	for _, j := range w.jobs {
		j.cause = errClosed() // as canceled does, before it cancels the call
	}
	w.mu.Unlock()
	close(goOn)
	select {
	case n := <-discarded:
		if n != 7 {
			t.Errorf("%d was discarded", n)
		}
	case <-time.After(10 * time.Second):
		t.Error("the value was lost")
	}
}
