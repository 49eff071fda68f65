package asyncnats_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// What the tests of the queue share: a server of NATS with JetStream that can be stopped and
// started again at the same address with the same files, and queues on connections of their own.

// A depot is a server with JetStream.
type depot struct {
	t      testing.TB
	o      *server.Options
	server *server.Server
	url    string
}

func newDepot(t testing.TB) *depot {
	t.Helper()
	d := &depot{t: t, o: natstest.Store(t.TempDir())}
	d.o.Port = natstest.Lasting(t)
	d.start()
	t.Cleanup(d.stop)
	return d
}

func (d *depot) start() {
	d.t.Helper()
	s, err := natstest.Start(d.o)
	if err != nil {
		d.t.Fatal(err)
	}
	d.server, d.url = s, s.ClientURL()
}

func (d *depot) stop() {
	d.server.Shutdown()
	d.server.WaitForShutdown()
}

func (d *depot) restart() {
	d.t.Helper()
	d.stop()
	d.start()
}

// js returns JetStream by a connection of its own.
func (d *depot) js() jetstream.JetStream {
	d.t.Helper()
	js, err := jetstream.New(natstest.Connect(d.t, d.url))
	if err != nil {
		d.t.Fatal(err)
	}
	return js
}

// liveStream returns a stream, to do something to it.
func (d *depot) liveStream(name string) jetstream.Stream {
	d.t.Helper()
	s, err := d.js().Stream(context.Background(), name)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// stream returns what is known of a stream.
func (d *depot) stream(name string) *jetstream.StreamInfo {
	d.t.Helper()
	return d.liveStream(name).CachedInfo()
}

// open opens a queue on a connection of its own.
func (d *depot) open(o asyncnats.QueueOptions, opts ...nats.Option) *asyncnats.Queue {
	d.t.Helper()
	return openQueue(d.t, natstest.Connect(d.t, d.url, opts...), o)
}

func openQueue(t testing.TB, nc *nats.Conn, o asyncnats.QueueOptions) *asyncnats.Queue {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if o.Name == "" {
		o.Name = "jobs"
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	q, err := asyncnats.OpenQueue(ctx, js, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close)
	return q
}

// work starts a worker for the test.
func work[Req, Resp any](t testing.TB, q *asyncnats.Queue, fn func(context.Context, Req) (Resp, error), o asyncnats.WorkOptions) *asyncnats.Worker {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w, err := asyncnats.Work(ctx, q, fn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		w.Shutdown(ctx)
	})
	return w
}

// signs are those that workers give of the requests that they have.
type signs chan string

// signsOf listens to the workers of all queues.
func signsOf(t testing.TB, nc *nats.Conn) signs {
	t.Helper()
	s := make(signs, 100_000)
	_, err := nc.Subscribe("$JS.ACK.>", func(m *nats.Msg) {
		if string(m.Data) == "+WPI" {
			s <- m.Subject
		}
	})
	if err := errors.Join(err, nc.Flush()); err != nil {
		t.Fatal(err)
	}
	return s
}

// next returns the subject of the next sign, which is one for each delivery.
func (s signs) next(t testing.TB) string {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case subject := <-s:
		return subject
	case <-timer.C:
		t.Fatal("no worker gave a sign")
		return ""
	}
}
