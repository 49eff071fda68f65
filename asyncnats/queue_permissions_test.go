package asyncnats_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// The permissions of docs/security.md for the queue invoices, and no others.

func queueUsers() []*server.User {
	return []*server.User{
		{Username: "client", Password: "c", Permissions: &server.Permissions{
			Publish: allow(
				"_ASYNC.queue.invoices.>", "$KV.ASYNC_invoices.call.*.canceled.*",
				"$JS.API.STREAM.INFO.ASYNC_invoices", "$JS.API.STREAM.INFO.KV_ASYNC_invoices",
				"$JS.API.STREAM.MSG.GET.ASYNC_invoices", "$JS.API.STREAM.MSG.GET.KV_ASYNC_invoices",
				"$JS.API.STREAM.MSG.DELETE.ASYNC_invoices", "$JS.API.CONSUMER.INFO.ASYNC_invoices.workers",
				"$JS.API.CONSUMER.CREATE.KV_ASYNC_invoices.>", "$JS.API.CONSUMER.MSG.NEXT.KV_ASYNC_invoices.*",
			),
			Subscribe: allow("_INBOX_client.>"),
		}},
		{Username: "worker", Password: "w", Permissions: &server.Permissions{
			Publish: allow(
				"_ASYNC.queue.invoices.turn.*", "$KV.ASYNC_invoices.>",
				"$JS.API.STREAM.INFO.ASYNC_invoices", "$JS.API.STREAM.INFO.KV_ASYNC_invoices",
				"$JS.API.STREAM.MSG.GET.ASYNC_invoices", "$JS.API.STREAM.MSG.GET.KV_ASYNC_invoices",
				"$JS.API.STREAM.MSG.DELETE.ASYNC_invoices", "$JS.API.CONSUMER.CREATE.ASYNC_invoices.workers",
				"$JS.API.CONSUMER.INFO.ASYNC_invoices.workers",
				"$JS.API.CONSUMER.MSG.NEXT.ASYNC_invoices.workers", "$JS.ACK.ASYNC_invoices.workers.>",
				"$JS.API.CONSUMER.CREATE.KV_ASYNC_invoices.>", "$JS.API.CONSUMER.MSG.NEXT.KV_ASYNC_invoices.*",
			),
			Subscribe: allow("_INBOX_worker.>"),
		}},
		{Username: "admin", Password: "a"},
	}
}

func TestPermissions_Queue(t *testing.T) {
	t.Parallel()
	o := natstest.Store(t.TempDir())
	o.Users = queueUsers()
	url := natstest.Run(t, o).ClientURL()
	violations := make(chan error, 100)
	open := func(user string) *asyncnats.Queue {
		nc := natstest.Connect(t, url, nats.UserInfo(user, user[:1]), nats.CustomInboxPrefix("_INBOX_"+user),
			nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err }))
		return openQueue(t, nc, asyncnats.QueueOptions{Name: "invoices"})
	}
	open("admin") // who makes the streams
	signs := signsOf(t, natstest.Connect(t, url, nats.UserInfo("admin", "a")))
	q := open("client")
	g := newGate()
	work(t, open("worker"), g.double, asyncnats.WorkOptions{AckWait: time.Second, Retry: flaky})
	for i, opts := range [][]async.Option{nil, {asyncnats.ID("a")}, {asyncnats.Key("k")}, {asyncnats.Key("k")}} {
		call, id := submit[int](t, q, i, opts...)
		attached := asyncnats.Attach[int](t.Context(), q, id)
		ctx := g.next(t)
		if i%2 == 0 {
			if err := q.Cancel(t.Context(), id, nil); err != nil {
				t.Fatal(err)
			}
			<-ctx.Done()
			wantError(t, call, async.ErrCanceled)
			wantError(t, attached, async.ErrCanceled)
		}
		if _, err := q.Stats(t.Context()); err != nil {
			t.Error(err)
		}
		for _, err := range q.InFlight(t.Context()) {
			if err != nil {
				t.Error(err)
			}
		}
		call.Release() // which leaves the work alone (J6)
		attached.Release()
	}
	for range 4 {
		signs.next(t)
	}
	g.open.Set()
	call, _ := submit[int](t, q, 21)
	wantValue(t, call, 42)
	for len(violations) > 0 {
		t.Error(<-violations)
	}
}
