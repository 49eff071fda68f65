package asyncnats_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// J7: what a queue has, at all workers.

// stats returns what the queue has.
func stats(t *testing.T, q *asyncnats.Queue) asyncnats.QueueStats {
	t.Helper()
	s, err := q.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// inFlight lists the calls of the queue, and how many of them run.
func inFlight(t *testing.T, q *asyncnats.Queue) (all map[string]asyncnats.QueuedCall, running int) {
	t.Helper()
	all = make(map[string]asyncnats.QueuedCall)
	for c, err := range q.InFlight(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all[c.ID] = c
		if c.Worker != "" {
			running++
		}
	}
	return all, running
}

// Stats and InFlight tell what waits and what runs, at all workers, with and without keys.
func TestJ7_WaitsAndRuns(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q, watcher := d.open(asyncnats.QueueOptions{}), d.open(asyncnats.QueueOptions{})
	if s := stats(t, watcher); s != (asyncnats.QueueStats{}) {
		t.Errorf("an empty queue has %+v", s)
	}
	var calls async.Calls[int]
	want := map[string]string{}
	for i := range 20 {
		opts := []async.Option{asyncnats.ID(fmt.Sprint("call-", i))}
		key := ""
		if i%4 == 0 {
			key = fmt.Sprint("customer ", i)
			opts = append(opts, asyncnats.Key(key))
		}
		call, id := submit[int](t, q, i, opts...)
		calls, want[id] = append(calls, call), key
	}
	if s := stats(t, watcher); s != (asyncnats.QueueStats{Waiting: 20}) {
		t.Errorf("a queue with 20 requests has %+v", s)
	}
	g := newGate()
	for i := range 2 {
		work(t, d.open(asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{AtOnce: 4, Name: fmt.Sprint("worker-", i)})
	}
	for range 8 {
		g.next(t)
	}
	if s := stats(t, watcher); s != (asyncnats.QueueStats{Waiting: 12, Running: 8}) {
		t.Errorf("a queue with 8 of 20 requests at workers has %+v", s)
	}
	eventually(t, "InFlight knows what runs", func() bool {
		all, running := inFlight(t, watcher)
		return len(all) == 20 && running == 8
	})
	all, _ := inFlight(t, watcher)
	workers := map[string]int{}
	for id, c := range all {
		if key, ok := want[id]; !ok || c.Key != key {
			t.Errorf("%+v", c)
		}
		if c.Worker != "" {
			workers[c.Worker]++
			if c.Delivery != 1 || time.Since(c.Since) > patience || c.Since.After(time.Now()) {
				t.Errorf("%+v", c)
			}
		}
	}
	if workers["worker-0"] != 4 || workers["worker-1"] != 4 {
		t.Errorf("%v", workers)
	}
	g.open.Set()
	for i, call := range calls {
		wantValue(t, call, 2*i)
	}
	eventually(t, "nothing is left", func() bool {
		all, _ := inFlight(t, watcher)
		return len(all) == 0 && stats(t, watcher) == (asyncnats.QueueStats{})
	})
}

// Stats tells what was delivered again, and what was given up.
func TestJ7_RedeliveredAndGivenUp(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	g := newGate()
	work(t, d.open(asyncnats.QueueOptions{}), func(ctx context.Context, n int) (int, error) {
		if n < 0 {
			return 0, errFlaky
		}
		g.entered <- ctx
		if len(g.entered)%2 == 1 {
			return 0, errFlaky
		}
		<-g.open.Done()
		return 2 * n, nil
	}, asyncnats.WorkOptions{MaxDeliver: 2, Retry: flaky})
	again, _ := submit[int](t, q, 1)
	eventually(t, "it was delivered again", func() bool { return len(g.entered) == 2 })
	if s := stats(t, q); s != (asyncnats.QueueStats{Running: 1, Redelivered: 1}) {
		t.Errorf("%+v", s)
	}
	for i := range 3 {
		call, _ := submit[int](t, q, -1-i)
		wantError(t, call, asyncnats.ErrGivenUp)
	}
	g.open.Set()
	wantValue(t, again, 2)
	eventually(t, "three are given up", func() bool { return stats(t, q) == (asyncnats.QueueStats{GivenUp: 3}) })
}

// What a worker has said that is dead does not count any more, after its AckWait.
func TestJ7_DeadWorker(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	nc := natstest.Connect(t, d.url)
	g := newGate()
	work(t, openQueue(t, nc, asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{Name: "a", AckWait: time.Second})
	q := d.open(asyncnats.QueueOptions{})
	id := submitAndLeave(t, q, 1)
	g.next(t)
	runsAt := func(worker string) func() bool {
		return func() bool {
			for c, err := range q.InFlight(t.Context()) {
				if err != nil || c.ID != id {
					t.Fatal(c, err)
				}
				return c.Worker == worker
			}
			return false
		}
	}
	eventually(t, "the call runs", runsAt("a"))
	nc.Close() // as of a process that is killed
	eventually(t, "the call runs nowhere", runsAt(""))
}

// A call that was given up counts once, also where a second client that submitted the id was told.
func TestJ7_GivenUpOnce(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q, js := d.open(asyncnats.QueueOptions{}), d.js()
	for _, record := range []string{"a.gaveup.one", "a.gaveup.two", "b.gaveup.one", "c.done.one"} {
		if _, err := js.Publish(t.Context(), "$KV.ASYNC_jobs.call."+record, nil); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := q.Stats(t.Context()); s.GivenUp != 2 || err != nil {
		t.Errorf("%+v, %v", s, err)
	}
}

// What a worker says is kept no longer than results are: it says so often enough that another worker,
// and whoever looks at the queue, knows of it, however short Keep is.
func TestJ7_KeepShorterThanAckWait(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	o := asyncnats.QueueOptions{Keep: time.Second}
	q := d.open(o)
	g := newGate()
	work(t, d.open(o), g.double, asyncnats.WorkOptions{AckWait: time.Minute})
	call, _ := submit[int](t, q, 1)
	g.next(t)
	bucket := d.liveStream("KV_ASYNC_jobs")
	for last, times := uint64(0), 0; times < 5; {
		eventually(t, "the worker says again what it is at", func() bool {
			m, err := bucket.GetLastMsgForSubject(t.Context(), "$KV.ASYNC_jobs.worker.*")
			if err != nil || m.Sequence == last {
				return false
			}
			last = m.Sequence
			return true
		})
		times++
	}
	if all, running := inFlight(t, q); running != 1 {
		t.Errorf("%v", all)
	}
	work(t, d.open(o), g.double, asyncnats.WorkOptions{AckWait: time.Second})
	if c := d.consumer(); c.AckWait != time.Minute {
		t.Errorf("requests wait for %v", c.AckWait)
	}
	g.open.Set()
	wantValue(t, call, 2)
}

// A worker is at more than one message of NATS can list: it lists what is oldest, and other workers
// know of it.
func TestJ7_ListTooLargeForNATS(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.stop()
	d.o.MaxPayload = 8 << 10
	d.start()
	q := d.open(asyncnats.QueueOptions{})
	g := newGate()
	w := work(t, d.open(asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{AtOnce: 300, AckWait: 3 * time.Second})
	calls := make(async.Calls[int], 200)
	for i := range calls {
		calls[i], _ = submit[int](t, q, i)
		g.next(t)
	}
	d.deleteConsumers() // the worker makes its own again, before which it says what it is at
	after, _ := submit[int](t, q, 1000)
	g.next(t)
	eventually(t, "the worker lists what it can", func() bool {
		_, running := inFlight(t, q)
		return running >= 20 && running < w.Stats().Held
	})
	g.open.Set()
	wantValue(t, after, 2000)
	for i, call := range calls {
		wantValue(t, call, 2*i)
	}
}
