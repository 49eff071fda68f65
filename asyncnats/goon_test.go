package asyncnats_test

import (
	"context"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// A function of OnSignal that calls Goexit, as one that fails a test does, ends the goroutine of the
// library that has completed its call. Nobody else is left waiting for that.

var exits = async.OnSignal(runtime.Goexit)

// swallow subscribes to a subject and answers nothing.
func swallow(t *testing.T, nc *nats.Conn, subject string) chan *nats.Msg {
	t.Helper()
	requests := make(chan *nats.Msg, 1000)
	if _, err := nc.ChanSubscribe(subject, requests); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return requests
}

// beginMany begins calls of which each other one ends whoever completes it.
func beginMany(t *testing.T, c *asyncnats.Client, subject string) (calls async.Calls[int]) {
	t.Helper()
	for i := range 20 {
		var opts []async.Option
		if i%2 == 0 {
			opts = []async.Option{exits}
		}
		calls = append(calls, asyncnats.Begin[int](t.Context(), c, subject, i, opts...))
	}
	return calls
}

// Whatever ends many calls of a client ends all of them, and the client lives on.
func TestGoexit_Client(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(c *asyncnats.Client, nc *nats.Conn, there *nats.Conn, requests chan *nats.Msg)
		want error
	}{
		"the connection is lost": {func(_ *asyncnats.Client, nc, _ *nats.Conn, _ chan *nats.Msg) { nc.ForceReconnect() }, asyncnats.ErrDisconnected},
		"nobody is heard":        {func(*asyncnats.Client, *nats.Conn, *nats.Conn, chan *nats.Msg) {}, asyncnats.ErrResponderLost},
		"the client is closed":   {func(c *asyncnats.Client, _, _ *nats.Conn, _ chan *nats.Msg) { go c.Close() }, async.ErrScopeClosed},
		"the server has lost them": {func(_ *asyncnats.Client, _, there *nats.Conn, requests chan *nats.Msg) {
			b := wire.Beat{Server: "s", Every: time.Hour}
			var inbox string
			for range 20 {
				r, _ := wire.ParseReply((<-requests).Reply)
				inbox, b.Has = r.Inbox, append(b.Has, r.ID[:]...)
			}
			for range 2 {
				data, _ := json.Marshal(b)
				there.Publish(inbox+"."+wire.BeatToken, data)
				b.Has, b.Gone = nil, b.Has
			}
		}, asyncnats.ErrResponderLost},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				connect := natstest.RunInside(t)
				there, nc := connect(), connect()
				requests := swallow(t, there, "hole")
				c := newClient(t, nc, asyncnats.ClientOptions{})
				calls := beginMany(t, c, "hole")
				time.Sleep(100 * time.Millisecond)
				test.end(c, nc, there, requests)
				for _, call := range calls {
					wantError(t, call, test.want)
				}
				if test.want == async.ErrScopeClosed {
					return
				}
				time.Sleep(time.Minute)
				wantError(t, asyncnats.Begin[int](t.Context(), c, "hole", 1), asyncnats.ErrResponderLost)
				serve(t, there, "x", double, asyncnats.ServeOptions{})
				wantValue(t, asyncnats.Begin[int](t.Context(), c, "x", 21), 42)
				time.Sleep(time.Second) // the client of NATS is through with the request
			})
		})
	}
}

// The requests cannot be sent.
func TestGoexit_Unsent(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x", func(_ context.Context, s string) (int, error) { return len(s), nil }, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{})
	var large, small async.Calls[int]
	for range 20 {
		large = append(large, asyncnats.Begin[int](t.Context(), c, "x", strings.Repeat("x", 2<<20), exits))
		small = append(small, asyncnats.Begin[int](t.Context(), c, "x", "x"))
	}
	for i := range large {
		wantError(t, large[i], asyncnats.ErrTooLarge)
		wantValue(t, small[i], 1)
	}
}

// A server whose calls are canceled, one after the other and all at once.
func TestGoexit_Server(t *testing.T) {
	a, b := pair(t)
	g := newGate()
	s := serve(t, a, "x", g.double, asyncnats.ServeOptions{Options: []async.Option{exits}})
	c := newClient(t, b, asyncnats.ClientOptions{})
	for range 5 {
		call := asyncnats.Begin[int](t.Context(), c, "x", 1)
		ctx := g.next(t)
		if err := call.Cancel(nil); err != nil {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(patience):
			t.Fatal("the server does not hear of a cancellation any more")
		}
	}
	calls := beginMany(t, c, "x")
	for range calls {
		g.next(t)
	}
	a.Close()
	eventually(t, "all are canceled", func() bool { return s.Stats().InFlight == 0 })
}

// A queue whose connection is closed, and one that is closed itself.
func TestGoexit_Queue(t *testing.T) {
	d := newDepot(t)
	for name, test := range map[string]struct {
		end  func(*asyncnats.Queue, *nats.Conn)
		want error
	}{
		"the connection is closed": {func(_ *asyncnats.Queue, nc *nats.Conn) { nc.Close() }, asyncnats.ErrDisconnected},
		"the queue is closed":      {func(q *asyncnats.Queue, _ *nats.Conn) { go q.Close() }, async.ErrScopeClosed},
	} {
		nc := natstest.Connect(t, d.url)
		q := openQueue(t, nc, asyncnats.QueueOptions{})
		var calls async.Calls[int]
		for i := range 20 {
			call, _ := submit[int](t, q, i, exits)
			calls = append(calls, call)
		}
		test.end(q, nc)
		for _, call := range calls {
			if err := wantError(t, call, test.want); err == nil {
				t.Error(name)
			}
		}
	}
}

// A worker has calls canceled whose callers are in the same process.
func TestGoexit_Worker(t *testing.T) {
	q := newDepot(t).open(asyncnats.QueueOptions{})
	g := newGate()
	w := work(t, q, g.double, asyncnats.WorkOptions{Options: []async.Option{exits}})
	for range 3 {
		call, id := submit[int](t, q, 1)
		other, _ := submit[int](t, q, 2)
		g.next(t)
		g.next(t)
		if err := q.Cancel(t.Context(), id, nil); err != nil {
			t.Fatal(err)
		}
		wantError(t, call, async.ErrCanceled)
		other.Release()
	}
	eventually(t, "the worker has let go of what was canceled", func() bool { return w.Stats().Held == 3 })
	g.open.Set()
	last, _ := submit[int](t, q, 3)
	wantValue(t, last, 6)
}
