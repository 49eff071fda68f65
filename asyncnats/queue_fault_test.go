package asyncnats_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// Faults of the servers that a queue is on: a node of three killed, the leader killed, no room.

// leaderOf returns the server that leads a stream.
func leaderOf(t *testing.T, nodes []*server.Server, stream string) *server.Server {
	t.Helper()
	var leader *server.Server
	eventually(t, "there is a leader", func() bool {
		for _, s := range nodes {
			if s.Running() && s.JetStreamIsStreamLeader("$G", stream) {
				leader = s
				return true
			}
		}
		return false
	})
	return leader
}

// One node of three is killed while calls are submitted and run: that which leads the stream
// of requests, that which leads the bucket, or another. Every call completes, once.
func TestFault_NodeOfThreeKilled(t *testing.T) {
	for _, stream := range []string{"ASYNC_jobs", "KV_ASYNC_jobs", ""} {
		t.Run(orText(stream, "neither"), func(t *testing.T) {
			t.Parallel()
			nodes := natstest.Cluster(t, 3)
			urls := fmt.Sprintf("%s,%s,%s", nodes[0].ClientURL(), nodes[1].ClientURL(), nodes[2].ClientURL())
			o := asyncnats.QueueOptions{Replicas: 3}
			q := openQueue(t, natstest.Connect(t, urls), o)
			var runs atomic.Int64
			for range 2 {
				work(t, openQueue(t, natstest.Connect(t, urls), o), func(_ context.Context, n int) (int, error) {
					runs.Add(1)
					return 2 * n, nil
				}, asyncnats.WorkOptions{AckWait: time.Second, MaxDeliver: -1})
			}
			victim := leaderOf(t, nodes, "ASYNC_jobs")
			if stream != "" {
				victim = leaderOf(t, nodes, stream)
			} else {
				for _, s := range nodes {
					if s != victim && s != leaderOf(t, nodes, "KV_ASYNC_jobs") {
						victim = s
						break
					}
				}
			}
			const n = 300
			calls, ids := make(async.Calls[int], n), make([]string, n)
			for i := range calls {
				if i == n/3 {
					go victim.Shutdown()
				}
				ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
				defer cancel()
				var err error
				if calls[i], ids[i], err = asyncnats.Submit[int](ctx, q, i, keyOfSome(i)...); err != nil {
					t.Fatal(i, err)
				}
			}
			for i, call := range calls {
				ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
				defer cancel()
				if v, err := call.Await(ctx); v != 2*i || err != nil {
					t.Fatalf("call %d returned %d and %v", i, v, err)
				}
			}
			victim.WaitForShutdown()
			other := openQueue(t, natstest.Connect(t, urls), o)
			for i := 0; i < n; i += 10 {
				wantValue(t, asyncnats.Attach[int](t.Context(), other, ids[i]), 2*i)
			}
			t.Logf("%d runs of %d calls", runs.Load(), n)
		})
	}
}

// A queue is opened while the cluster is coming up: two of its three servers have been started, and
// have not heard of the third. OpenQueue tries until the server is there. Where the context ends
// before, the error says why.
func TestFault_ClusterComingUp(t *testing.T) {
	t.Parallel()
	options := natstest.Nodes(t, 3)
	for _, s := range natstest.StartNodes(t, options) { // which makes the three one cluster
		s.Shutdown()
		s.WaitForShutdown()
	}
	up := natstest.Run(t, options[0])
	natstest.Run(t, options[1])
	js, err := jetstream.New(natstest.Connect(t, up.ClientURL()))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(6 * patience); !hasText(err, "no suitable peers"); { // until there is a leader
		if time.Now().After(end) {
			t.Fatalf("the cluster says %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // without a leader nobody answers
		_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "probe", Replicas: 3})
		cancel()
	}
	o := asyncnats.QueueOptions{Name: "jobs", Replicas: 3}
	soon, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := asyncnats.OpenQueue(soon, js, o); !errors.Is(err, context.DeadlineExceeded) || !hasText(err, "no suitable peers") {
		t.Errorf("OpenQueue without a server for the third replica returned %v", err)
	}
	opened := async.Go(t.Context(), func(ctx context.Context) (*asyncnats.Queue, error) { return asyncnats.OpenQueue(ctx, js, o) })
	natstest.Run(t, options[2])
	q, err := opened.Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	w := work(t, q, double, asyncnats.WorkOptions{})
	call, _ := submit[int](t, q, 21)
	wantValue(t, call, 42)
	if err := w.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func orText(s, empty string) string {
	if s == "" {
		return empty
	}
	return s
}

// The server has no room any more: Submit is refused with ErrQueueFull, and a result that cannot
// be stored is kept by its worker until there is room. Nothing is lost.
func TestFault_NoRoom(t *testing.T) {
	t.Parallel()
	o := natstest.Store(t.TempDir())
	o.JetStreamMaxStore = 4 << 20
	url := natstest.Run(t, o).ClientURL()
	q := openQueue(t, natstest.Connect(t, url), asyncnats.QueueOptions{})
	g := newGate()
	w := work(t, openQueue(t, natstest.Connect(t, url), asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{})
	running, _ := submit[int](t, q, 1)
	g.next(t)
	js, err := jetstream.New(natstest.Connect(t, url))
	if err != nil {
		t.Fatal(err)
	}
	filler, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "filler", Subjects: []string{"filler"}})
	if err != nil {
		t.Fatal(err)
	}
	for size := 500 << 10; size > 10; {
		if _, err := js.Publish(t.Context(), "filler", make([]byte, size)); err != nil {
			size /= 2
		}
	}
	if _, err := trySubmit(t.Context(), q, 2); !errors.Is(err, async.ErrQueueFull) {
		t.Fatalf("Submit without room returned %v", err)
	}
	g.open.Set()
	eventually(t, "the worker has tried to store the result", func() bool { return w.Stats().Unstored > 0 })
	if running.IsDone() {
		t.Error("a call is complete whose result is not stored")
	}
	if err := filler.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantValue(t, running, 2)
	after, _ := submit[int](t, q, 3)
	wantValue(t, after, 6)
}

// Clients and workers lose their connections again and again, each its own: no call is lost.
func TestFault_ConnectionsLost(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	cnc, wnc := natstest.Connect(t, d.url), natstest.Connect(t, d.url)
	q := openQueue(t, cnc, asyncnats.QueueOptions{})
	work(t, openQueue(t, wnc, asyncnats.QueueOptions{}), double, asyncnats.WorkOptions{AckWait: time.Second, MaxDeliver: -1})
	calls := make(async.Calls[int], 500)
	for i := range calls {
		calls[i], _ = submit[int](t, q, i)
		switch i % 50 {
		case 20:
			cnc.ForceReconnect()
		case 40:
			wnc.ForceReconnect()
		}
	}
	for i, call := range calls {
		wantValue(t, call, 2*i)
	}
}

// keyOfSome gives every second request one of some keys.
func keyOfSome(i int) []async.Option {
	if i%2 == 0 {
		return nil
	}
	return []async.Option{asyncnats.Key(fmt.Sprint(i % 50))}
}

// The connection of a caller is closed, or drained, or given up by the client of NATS: all calls
// that wait end at once with ErrDisconnected, further ones do, and another connection finds them.
func TestFault_CallersConnectionGone(t *testing.T) {
	for name, leave := range leaves {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDepot(t)
			nc := natstest.Connect(t, d.url, nats.MaxReconnects(1))
			q := openQueue(t, nc, asyncnats.QueueOptions{})
			call, id := submit[int](t, q, 21)
			attached := asyncnats.Attach[int](t.Context(), q, id)
			leave(d, nc)
			wantError(t, call, asyncnats.ErrDisconnected)
			wantError(t, attached, asyncnats.ErrDisconnected)
			if _, err := trySubmit(t.Context(), q, 1); !errors.Is(err, asyncnats.ErrDisconnected) {
				t.Errorf("Submit returned %v", err)
			}
			wantError(t, asyncnats.Attach[int](t.Context(), q, id), asyncnats.ErrDisconnected)
			if !d.server.Running() {
				d.start()
			}
			other := d.open(asyncnats.QueueOptions{})
			work(t, other, double, asyncnats.WorkOptions{})
			wantValue(t, asyncnats.Attach[int](t.Context(), other, id), 42)
		})
	}
}

// leaves are the ways in which a connection is gone for good.
var leaves = map[string]func(*depot, *nats.Conn){
	"closed":   func(_ *depot, nc *nats.Conn) { nc.Close() },
	"drained":  func(_ *depot, nc *nats.Conn) { nc.Drain() },
	"given up": func(d *depot, _ *nats.Conn) { d.stop() },
}

// The connection of a worker is gone: the worker gives up what it has, a result that cannot be
// stored is not tried for ever, and another worker runs the requests.
func TestFault_WorkersConnectionGone(t *testing.T) {
	for name, leave := range leaves {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDepot(t)
			nc := natstest.Connect(t, d.url, nats.MaxReconnects(1))
			g := newGate()
			w := work(t, openQueue(t, nc, asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{AckWait: time.Second})
			id := submitAndLeave(t, d.open(asyncnats.QueueOptions{}), 21)
			keyed := submitAndLeave(t, d.open(asyncnats.QueueOptions{}), 4, asyncnats.Key("k"))
			g.next(t)
			g.next(t)
			leave(d, nc)
			eventually(t, "the connection is closed", nc.IsClosed)
			g.open.Set()
			eventually(t, "the worker has nothing", func() bool { return w.Stats().Held == 0 })
			if err := w.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if !d.server.Running() {
				d.start()
			}
			other := d.open(asyncnats.QueueOptions{})
			work(t, other, double, asyncnats.WorkOptions{AckWait: time.Second})
			wantValue(t, asyncnats.Attach[int](t.Context(), other, id), 42)
			wantValue(t, asyncnats.Attach[int](t.Context(), other, keyed), 8)
		})
	}
}
