package asyncnats_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

func TestLost_Nobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		start := time.Now()
		err := wantError(t, asyncnats.Begin[int](t.Context(), c, "x", 1), asyncnats.ErrNoResponders, nats.ErrNoResponders)
		if d := time.Since(start); d != 0 || !strings.Contains(err.Error(), `"x"`) {
			t.Errorf("after %v: %v", d, err)
		}
	})
}

// Whatever the deadline, a call whose server is never heard ends after three heartbeats: at
// the third and not before.
func TestLost_NeverHeard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		nc := connect()
		nc.Subscribe("x", func(*nats.Msg) {}) // swallows
		nc.Flush()
		c := newClient(t, connect(), asyncnats.ClientOptions{Heartbeat: 2 * time.Second})
		start := time.Now()
		call := asyncnats.Begin[int](t.Context(), c, "x", 1)
		if err := call.WaitFor(6*time.Second - time.Nanosecond); !errors.Is(err, async.ErrCallPending) {
			t.Fatal(err)
		}
		wantError(t, call, asyncnats.ErrResponderLost)
		if d := time.Since(start); d > 6*time.Second+10*time.Millisecond {
			t.Errorf("after %v", d)
		}
		if s := c.Stats(); s.Lost != 1 || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A server whose connection is cut is lost three heartbeats after its last one. Calls of
// others go on.
func TestLost_ServerFallsSilent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		g := newGate()
		bad, good := connect(nats.ReconnectWait(time.Hour)), connect()
		serve(t, bad, "bad", g.double, asyncnats.ServeOptions{})
		serve(t, good, "good", g.double, asyncnats.ServeOptions{})
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		lost, kept := asyncnats.Begin[int](t.Context(), c, "bad", 1), asyncnats.Begin[int](t.Context(), c, "good", 2)
		time.Sleep(time.Hour)
		if lost.IsDone() || kept.IsDone() {
			t.Fatal("a server that sends heartbeats was lost")
		}
		if s := c.Stats(); s.Servers != 2 {
			t.Errorf("%+v", s)
		}
		start := time.Now()
		bad.Close()
		if _, err := lost.Await(t.Context()); !errors.Is(err, asyncnats.ErrResponderLost) {
			t.Error(err)
		}
		if d := time.Since(start); d < 2*time.Second || d > 3300*time.Millisecond {
			t.Errorf("the server was lost after %v", d)
		}
		g.open.Set()
		wantValue(t, kept, 4)
	})
}

// A server that has only come to a part of the requests is not lost, however long the rest
// waits, as long as the server gets on.
func TestLost_BacklogIsNotLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		nc := connect()
		nc.Subscribe("x", func(m *nats.Msg) { // a server with little time
			time.Sleep(time.Second)
			m.Respond([]byte("1"))
		})
		nc.Flush()
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		var calls async.Calls[int]
		for range 60 {
			calls = append(calls, asyncnats.Begin[int](t.Context(), c, "x", 1))
		}
		if _, err := calls.All(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A call that later ones have overtaken is lost in time, however well the others do.
func TestLost_OvertakenIsLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		nc := connect()
		nc.Subscribe("hole", func(*nats.Msg) {})
		nc.Subscribe("x", func(m *nats.Msg) { m.Respond([]byte("1")) })
		nc.Flush()
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		start := time.Now()
		lost := asyncnats.Begin[int](t.Context(), c, "hole", 1)
		for !lost.IsDone() {
			time.Sleep(100 * time.Millisecond)
			wantValue(t, asyncnats.Begin[int](t.Context(), c, "x", 1), 1)
		}
		if d := time.Since(start); d > 3300*time.Millisecond {
			t.Errorf("lost after %v", d)
		}
		wantError(t, lost, asyncnats.ErrResponderLost)
	})
}

// Ten thousand calls of a server that dies are all told in time.
func TestLost_Many(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		g := newGate()
		nc := connect()
		serve(t, nc, "x", g.double, asyncnats.ServeOptions{})
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		calls := make(async.Calls[int], 10_000)
		for i := range calls {
			calls[i] = asyncnats.Begin[int](t.Context(), c, "x", i)
		}
		time.Sleep(10*time.Second + 300*time.Millisecond)
		start := time.Now()
		nc.Close()
		results, err := calls.Settle(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if !errors.Is(r.Err, asyncnats.ErrResponderLost) {
				t.Fatal(r)
			}
		}
		if d := time.Since(start); d > 3300*time.Millisecond {
			t.Errorf("lost after %v", d)
		}
		if s := c.Stats(); s.Lost != 10_000 || s.Servers != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Without heartbeats nothing is lost.
func TestLost_WithoutHeartbeats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		nc := connect()
		nc.Subscribe("x", func(*nats.Msg) {})
		nc.Flush()
		c := newClient(t, connect(), asyncnats.ClientOptions{Heartbeat: -1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := asyncnats.Begin[int](ctx, c, "x", 1).Await(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// Clients and servers need not agree on the heartbeat.
func TestLost_ServersHeartbeatCounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		g := newGate()
		nc := connect()
		serve(t, nc, "x", g.double, asyncnats.ServeOptions{Heartbeat: time.Minute})
		c := newClient(t, connect(), asyncnats.ClientOptions{Heartbeat: time.Second})
		call := asyncnats.Begin[int](t.Context(), c, "x", 1)
		time.Sleep(time.Hour)
		if call.IsDone() {
			t.Fatal("lost, although the server sends its heartbeats in time")
		}
		start := time.Now()
		nc.Close()
		if _, err := call.Await(t.Context()); !errors.Is(err, asyncnats.ErrResponderLost) {
			t.Error(err)
		}
		if d := time.Since(start); d > 198*time.Second {
			t.Errorf("lost after %v", d)
		}
	})
}

// A server that is dead when the connection is back has three heartbeats, or three seconds,
// and not all the time that the client would wait for the connection.
func TestLost_WhileDisconnected(t *testing.T) {
	for _, beat := range []time.Duration{100 * time.Millisecond, 2 * time.Second} {
		bubble(t, func(t *testing.T) {
			connect := natstest.RunInside(t)
			g := newGate()
			bad, nc := connect(), connect()
			serve(t, bad, "x", g.double, asyncnats.ServeOptions{Heartbeat: beat})
			c := newClient(t, nc, asyncnats.ClientOptions{WaitForReconnect: time.Hour, Heartbeat: beat})
			call := asyncnats.Begin[int](t.Context(), c, "x", 1)
			time.Sleep(time.Minute)
			bad.Close()
			nc.ForceReconnect()
			start := time.Now()
			if _, err := call.Await(t.Context()); !errors.Is(err, asyncnats.ErrResponderLost) {
				t.Error(err)
			}
			if d, want := time.Since(start), max(3*beat, 3*time.Second); d < want || d > want+100*time.Millisecond {
				t.Errorf("lost after %v, not %v", d, want)
			}
		})
	}
}

// Heartbeats may be as rare as somebody likes: no call is lost for that.
func TestLost_RareHeartbeats(t *testing.T) {
	for name, beats := range map[string][2]time.Duration{
		"of the server": {1000 * time.Hour, 0},
		"of the client": {0, math.MaxInt64},
		"of both":       {math.MaxInt64, math.MaxInt64},
	} {
		bubble(t, func(t *testing.T) {
			connect := natstest.RunInside(t)
			g := newGate()
			serve(t, connect(), "x", g.double, asyncnats.ServeOptions{Heartbeat: beats[0]})
			c := newClient(t, connect(), asyncnats.ClientOptions{Heartbeat: beats[1]})
			time.Sleep(time.Second)
			call := asyncnats.Begin[int](t.Context(), c, "x", 21)
			g.next(t)
			time.Sleep(time.Hour)
			if call.IsDone() {
				_, err := call.Finish()
				t.Fatalf("%s: %v", name, err)
			}
			g.open.Set()
			wantValue(t, call, 42)
			time.Sleep(time.Second) // the client of NATS is through with the request
		})
	}
}

// A server has calls that go on for long, however long its name is.
func TestLost_NotByALongName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		serve(t, connect(), "x", func(ctx context.Context, n int) (int, error) {
			return 2 * n, async.Sleep(ctx, time.Minute)
		}, asyncnats.ServeOptions{Name: strings.Repeat("x", 500)})
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if v, err := asyncnats.Begin[int](ctx, c, "x", 21).Await(ctx); v != 42 || err != nil {
			t.Error(v, err)
		}
		time.Sleep(time.Second) // the client of NATS is through with the request
	})
}

// However many calls begin at the same time, and however little NATS takes in a message, clients hear who
// has them.
func TestLost_NotByASmallPayload(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := natstest.Options()
		o.DontListen, o.MaxPayload = true, 4<<10
		inside := nats.InProcessServer(natstest.Run(t, o))
		g := newGate()
		serve(t, natstest.Connect(t, "", inside), "x", g.double, asyncnats.ServeOptions{})
		c := newClient(t, natstest.Connect(t, "", inside), asyncnats.ClientOptions{})
		var calls async.Calls[int]
		for i := range 1000 {
			calls = append(calls, asyncnats.Begin[int](t.Context(), c, "x", i))
		}
		time.Sleep(time.Minute)
		g.open.Set()
		for i, call := range calls {
			wantValue(t, call, 2*i)
		}
		time.Sleep(time.Second) // the client of NATS is through with the requests
	})
}
