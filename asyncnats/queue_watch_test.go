package asyncnats_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// What a queue does when its streams are not what they were: the watcher has not seen messages
// whose numbers it has, calls are lost, and consumers are gone.

// The bucket is deleted and made again: calls that wait get their results, those that come after do,
// and those whose requests are gone end with ErrUnknownCall.
func TestFault_BucketMadeAnew(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	g := newGate()
	w := work(t, d.open(asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{AtOnce: 1})
	g.open.Set()
	for i := range 50 {
		call, _ := submit[int](t, q, i)
		wantValue(t, call, 2*i)
	}
	if err := w.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	waits, _ := submit[int](t, q, 100)
	lost, id := submit[int](t, q, 101, asyncnats.ID("lost"))
	if err := d.liveStream("ASYNC_jobs").Purge(t.Context(), jetstream.WithPurgeSubject("_ASYNC.queue.jobs.run."+id)); err != nil {
		t.Fatal(err)
	}
	if err := d.js().DeleteStream(t.Context(), "KV_ASYNC_jobs"); err != nil {
		t.Fatal(err)
	}
	other := d.open(asyncnats.QueueOptions{}) // which makes the bucket
	wantError(t, lost, asyncnats.ErrUnknownCall)
	work(t, other, double, asyncnats.WorkOptions{})
	wantValue(t, waits, 200)
	after, _ := submit[int](t, q, 102)
	wantValue(t, after, 204)
}

// The server loses its last writes, as one that has lost power: the same.
func TestFault_LostWrites(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	first := work(t, d.open(asyncnats.QueueOptions{}), double, asyncnats.WorkOptions{})
	before, _ := submit[int](t, q, 1)
	wantValue(t, before, 2)
	if err := first.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept, _ := submit[int](t, q, 2)
	d.stop()
	backup := t.TempDir()
	if err := os.CopyFS(backup, os.DirFS(d.o.StoreDir)); err != nil {
		t.Fatal(err)
	}
	d.start()
	g := newGate()
	second := work(t, d.open(asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{AtOnce: 100})
	g.next(t) // which holds kept
	g.open.Set()
	wantValue(t, kept, 4)
	for i := range 50 {
		call, _ := submit[int](t, q, i)
		wantValue(t, call, 2*i)
	}
	if err := second.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	lost, _ := submit[int](t, q, 3)
	d.stop()
	if err := os.RemoveAll(d.o.StoreDir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(d.o.StoreDir, os.DirFS(backup)); err != nil {
		t.Fatal(err)
	}
	d.start()
	wantError(t, lost, asyncnats.ErrUnknownCall)
	work(t, d.open(asyncnats.QueueOptions{}), double, asyncnats.WorkOptions{})
	after, _ := submit[int](t, q, 4)
	wantValue(t, after, 8)
}

// Somebody deletes the consumers of a queue, all of them, while workers wait and a function runs:
// the workers make theirs again, and the watchers do. What runs completes, what comes later runs,
// and the requests of a key keep their order.
func TestFault_ConsumersDeleted(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	g := newGate()
	busy := work(t, d.open(asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{AtOnce: 2})
	runs, _ := submit[int](t, q, 1)
	g.next(t)
	for round := range 2 {
		if n := d.deleteConsumers(); n < 3 { // that of the workers, and one of each watcher
			t.Errorf("round %d: %d consumers were deleted", round, n)
		}
		after, _ := submit[int](t, q, 10+round)
		keyed, _ := submit[int](t, q, 20+round, asyncnats.Key("k"))
		g.next(t)
		if round == 0 {
			g.open.Set()
		}
		wantValue(t, after, 2*(10+round))
		wantValue(t, keyed, 2*(20+round))
	}
	wantValue(t, runs, 2)
	if err := busy.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if s := d.stream("ASYNC_jobs").State; s.Msgs != 0 {
		t.Errorf("%d requests are left", s.Msgs)
	}
}

// deleteConsumers deletes the consumers of both streams, and returns how many there were.
func (d *depot) deleteConsumers() (n int) {
	d.t.Helper()
	for _, name := range []string{"ASYNC_jobs", "KV_ASYNC_jobs"} {
		s := d.liveStream(name)
		names := s.ConsumerNames(d.t.Context())
		for consumer := range names.Name() {
			n++
			if err := s.DeleteConsumer(d.t.Context(), consumer); err != nil {
				d.t.Fatal(err)
			}
		}
		if names.Err() != nil {
			d.t.Fatal(names.Err())
		}
	}
	return n
}

// A connection is lost and there again: the watcher goes on where it was, also where the last that it
// has seen is a marker and there is a later one, and where its worker is shut down. It is not sent
// all records of a day.
func TestFault_ReconnectReplaysNothing(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	back, dialer := make(chan struct{}, 10), new(slowDialer)
	nc := natstest.Connect(t, d.url, nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }),
		nats.SetCustomDialer(dialer), nats.ReconnectWait(100*time.Millisecond))
	q := openQueue(t, nc, asyncnats.QueueOptions{})
	g := newGate()
	w := work(t, q, func(ctx context.Context, n int) (int, error) {
		if n < 0 {
			return g.double(ctx, n)
		}
		return 2 * n, nil
	}, asyncnats.WorkOptions{})
	const many = 500
	for i := range many {
		call, _ := submit[int](t, q, i)
		wantValue(t, call, 2*i)
	}
	runs, _ := submit[int](t, q, -1)
	g.next(t) // behind a marker
	js, bucket := d.js(), d.liveStream("KV_ASYNC_jobs")
	marker, err := bucket.GetLastMsgForSubject(t.Context(), "$KV.ASYNC_jobs.mark.*")
	if err != nil {
		t.Fatal(err)
	}
	dialer.failures.Store(3)
	before := nc.Stats().InMsgs
	nc.ForceReconnect()
	if _, err := js.Publish(t.Context(), marker.Subject, marker.Data); err != nil {
		t.Fatal(err)
	}
	<-back
	g.open.Set()
	wantValue(t, runs, -2)
	after, _ := submit[int](t, q, many)
	wantValue(t, after, 2*many)
	if n := nc.Stats().InMsgs - before; n > many/2 {
		t.Errorf("%d messages came after the reconnect", n)
	}
	if err := w.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The watcher of a queue whose worker is shut down, and that nobody submits to, watches nothing.
func TestFault_NothingIsWatched(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	back := make(chan struct{}, 10)
	nc := natstest.Connect(t, d.url, nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
	w := work(t, openQueue(t, nc, asyncnats.QueueOptions{}), double, asyncnats.WorkOptions{})
	if err := w.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.deleteConsumers()
	nc.ForceReconnect()
	<-back
	bucket := d.liveStream("KV_ASYNC_jobs")
	eventually(t, "the watcher has a consumer", func() bool {
		there := false
		for c := range bucket.ListConsumers(t.Context()).Info() { // to its end, where its goroutine ends
			there = true
			if len(c.Config.FilterSubjects) == 0 && c.Config.FilterSubject == "" {
				t.Error("a consumer of all subjects")
			}
		}
		return there
	})
}
