package asyncnats_test

import (
	"context"
	"errors"
	"math"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// restart stops a server of NATS, does what is between, and starts one at the same address.
func restart(t *testing.T, s *server.Server, between func()) {
	t.Helper()
	o := natstest.Options()
	o.Port = s.Addr().(*net.TCPAddr).Port
	s.Shutdown()
	s.WaitForShutdown()
	between()
	natstest.Run(t, o)
}

// The server of NATS stops: every call in flight is told at once, and so is one that begins
// while it is down. When it is back, the client serves again.
func TestDisconnected_AtOnce(t *testing.T) {
	t.Parallel()
	o := natstest.Options()
	o.Port = natstest.Lasting(t)
	s := natstest.Run(t, o)
	a, b := natstest.Connect(t, s.ClientURL()), natstest.Connect(t, s.ClientURL())
	g := newGate()
	srv := serve(t, a, "x", g.double, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{})
	calls := make(async.Calls[int], 1000)
	for i := range calls {
		calls[i] = asyncnats.Begin[int](t.Context(), c, "x", i)
	}
	for range calls {
		g.next(t)
	}
	restart(t, s, func() {
		for _, call := range calls {
			wantError(t, call, asyncnats.ErrDisconnected)
		}
		wantError(t, asyncnats.Begin[int](t.Context(), c, "x", 1), asyncnats.ErrDisconnected)
	})
	eventually(t, "the servers runs what nobody waits for", func() bool { return srv.Stats().InFlight == 0 })
	g.open.Set()
	eventually(t, "the client is not back", func() bool {
		v, err := await(t, asyncnats.Begin[int](t.Context(), c, "x", 21))
		return v == 42 && err == nil
	})
}

// The connection is closed, or drained: every call in flight is told at once.
func TestDisconnected_ClosedOrDrained(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*nats.Conn){
		"closed":  (*nats.Conn).Close,
		"drained": func(nc *nats.Conn) { nc.Drain() },
	} {
		for _, wait := range []time.Duration{0, time.Hour} {
			a, b := pair(t)
			g := newGate()
			serve(t, a, "x", g.double, asyncnats.ServeOptions{})
			c := newClient(t, b, asyncnats.ClientOptions{WaitForReconnect: wait})
			call := asyncnats.Begin[int](t.Context(), c, "x", 1)
			g.next(t)
			leave(b)
			if _, err := await(t, call); !errors.Is(err, asyncnats.ErrDisconnected) {
				t.Errorf("%s: %v", name, err)
			}
			wantError(t, asyncnats.Begin[int](t.Context(), c, "x", 1), asyncnats.ErrDisconnected)
		}
	}
}

func TestClose(t *testing.T) {
	a, b := pair(t)
	g := newGate()
	serve(t, a, "x", g.double, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{})
	call := asyncnats.Begin[int](t.Context(), c, "x", 1)
	c.Close()
	c.Close()
	err := wantError(t, call, async.ErrScopeClosed, async.ErrCanceled)
	if e := new(async.CanceledError); !errors.As(err, &e) || e.Cause != async.ErrScopeClosed {
		t.Errorf("%#v", err)
	}
	wantError(t, asyncnats.Begin[int](t.Context(), c, "x", 1), async.ErrScopeClosed)
}

// With WaitForReconnect calls outlive a restart of the server of NATS, and each runs once,
// although every client and every server has to connect again.
func TestWaitForReconnect_RunsOnce(t *testing.T) {
	t.Parallel()
	o := natstest.Options()
	o.Port = natstest.Lasting(t)
	s := natstest.Run(t, o)
	url := s.ClientURL()
	var runs tally
	g := newGate()
	for range 3 {
		serve(t, natstest.Connect(t, url), "x", func(ctx context.Context, n int) (int, error) {
			runs.add(n)
			return g.double(ctx, n)
		}, asyncnats.ServeOptions{Heartbeat: time.Second})
	}
	c := newClient(t, natstest.Connect(t, url), asyncnats.ClientOptions{
		WaitForReconnect: patience, Heartbeat: time.Second,
	})
	const n = 3000
	calls := make(async.Calls[int], n)
	for i := range n / 3 { // in flight for long, and known to be
		calls[i] = asyncnats.Begin[int](t.Context(), c, "x", i)
	}
	for range n / 3 {
		g.next(t)
	}
	eventually(t, "the client knows its servers", func() bool { return c.Stats().Servers == 3 })
	for i := n / 3; i < 2*n/3; i++ { // just sent
		calls[i] = asyncnats.Begin[int](t.Context(), c, "x", i)
	}
	for range n / 3 {
		g.next(t)
	}
	restart(t, s, func() {
		for i := 2 * n / 3; i < n; i++ { // begun while the server is down
			calls[i] = asyncnats.Begin[int](t.Context(), c, "x", i)
		}
		g.open.Set() // the servers complete what they have, and nobody hears the replies
		eventually(t, "the client knows", func() bool { return c.Stats().InFlight == n })
	})
	for i, call := range calls {
		wantValue(t, call, 2*i)
	}
	for i := range n {
		if r := runs.of(i); r != 1 {
			t.Fatalf("call %d ran %d times", i, r)
		}
	}
}

// When the connection does not come back in time, calls are told, and no earlier.
func TestWaitForReconnect_TimeIsUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect, door := natstest.RunBehindDoor(t)
		g := newGate()
		serve(t, connect(), "x", g.double, asyncnats.ServeOptions{})
		nc := connect(nats.InProcessServer(door), nats.ReconnectWait(time.Hour))
		c := newClient(t, nc, asyncnats.ClientOptions{WaitForReconnect: 10 * time.Second})
		call := asyncnats.Begin[int](t.Context(), c, "x", 1)
		g.next(t)
		start := time.Now()
		door.Shut.Store(true)
		nc.ForceReconnect()
		time.Sleep(time.Nanosecond) // the client has seen it
		queued := asyncnats.Begin[int](t.Context(), c, "x", 2)
		if err := call.WaitFor(10*time.Second - 2*time.Nanosecond); !errors.Is(err, async.ErrCallPending) {
			_, cause := call.Finish()
			t.Fatal(err, cause)
		}
		wantError(t, call, asyncnats.ErrDisconnected)
		wantError(t, queued, asyncnats.ErrDisconnected)
		if d := time.Since(start); d > 10*time.Second+10*time.Millisecond {
			t.Errorf("after %v", d)
		}
	})
}

// A client that is made while the connection is lost waits for it as one that was there before.
func TestWaitForReconnect_MadeWhileDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect, door := natstest.RunBehindDoor(t)
		serve(t, connect(), "x", double, asyncnats.ServeOptions{})
		nc := connect(nats.InProcessServer(door), nats.ReconnectWait(time.Second))
		door.Shut.Store(true)
		nc.ForceReconnect()
		time.Sleep(time.Millisecond)
		for _, wait := range []time.Duration{0, 10 * time.Second, time.Minute} {
			c, err := asyncnats.NewClient(nc, asyncnats.ClientOptions{WaitForReconnect: wait})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			call := asyncnats.Begin[int](t.Context(), c, "x", 21)
			if wait > 30*time.Second {
				door.Shut.Store(false)
				wantValue(t, call, 42)
				return
			}
			if err := call.WaitFor(wait - 1); wait > 0 && !errors.Is(err, async.ErrCallPending) {
				t.Error(err)
			}
			wantError(t, call, asyncnats.ErrDisconnected)
		}
	})
}

// A proxy is between a client and the server of NATS. It cuts, or swallows, what goes
// through it.
type proxy struct {
	l      net.Listener
	target string
	cutIn  atomic.Int64 // so many bytes from the client to the server, and the connection is cut; negative is never
	cutOut atomic.Int64 // so many bytes to the client
	hole   atomic.Bool  // swallows everything in both directions
	mu     sync.Mutex
	conns  []net.Conn
	wg     sync.WaitGroup
}

func newProxy(t *testing.T, url string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, target: url[len("nats://"):]}
	p.cutIn.Store(-1)
	p.cutOut.Store(-1)
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.l.Addr().String() }

func (p *proxy) accept() {
	for {
		in, err := p.l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil {
			in.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, in, out)
		p.mu.Unlock()
		p.wg.Go(func() { p.copy(out, in, &p.cutIn) })
		p.wg.Go(func() { p.copy(in, out, &p.cutOut) })
	}
}

// cut cuts all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (p *proxy) copy(to, from net.Conn, cut *atomic.Int64) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if p.hole.Load() {
			n = 0
		}
		if left := cut.Load(); left >= 0 && int64(n) > left {
			to.Write(buf[:left])
			cut.Store(-1)
			return
		} else if left >= 0 {
			cut.Add(int64(-n))
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// The connection is cut after n bytes, for every n of a small exchange, in each direction
// and at each side. Every call is answered, or told; none is left waiting, and with
// WaitForReconnect each is answered and runs once.
func TestCut_EveryByte(t *testing.T) {
	t.Parallel()
	url := natstest.Run(t, natstest.Options()).ClientURL()
	for _, test := range []struct {
		name        string
		client, out bool // whose connection, and in which direction
		wait        time.Duration
	}{
		{"requests", true, false, 0},
		{"replies", true, true, 0},
		{"requests, waiting", true, false, patience},
		{"replies, waiting", true, true, patience},
		{"at the server", false, true, patience},
		{"replies at the server", false, false, patience},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, url)
			ca, cb := url, url
			if test.client {
				cb = p.url()
			} else {
				ca = p.url()
			}
			var runs tally
			subject := "cut." + strconv.Itoa(len(test.name))
			a := natstest.Connect(t, ca)
			serve(t, a, subject, func(_ context.Context, n int) (int, error) {
				runs.add(n)
				return 2 * n, nil
			}, asyncnats.ServeOptions{Heartbeat: 20 * time.Millisecond})
			b := natstest.Connect(t, cb)
			c := newClient(t, b, asyncnats.ClientOptions{Heartbeat: 20 * time.Millisecond, WaitForReconnect: test.wait})
			told := 0
			for n := range 230 {
				if test.out {
					p.cutOut.Store(int64(n))
				} else {
					p.cutIn.Store(int64(n))
				}
				v, err := await(t, asyncnats.Begin[int](t.Context(), c, subject, n))
				switch {
				case err == nil && v == 2*n:
				case test.wait == 0 && (errors.Is(err, asyncnats.ErrDisconnected) || errors.Is(err, asyncnats.ErrResponderLost)):
					told++
				case !test.client && (errors.Is(err, asyncnats.ErrResponderLost) || errors.Is(err, asyncnats.ErrNoResponders)):
					told++
				case errors.Is(err, asyncnats.ErrResponderLost) && told < 5: // a busy machine misses three short heartbeats now and then
					told++
				default:
					t.Fatalf("cut after %d bytes: %v, %v", n, v, err)
				}
				if r := runs.of(n); r > 1 || err == nil && r == 0 {
					t.Fatalf("cut after %d bytes: it ran %d times", n, r)
				}
				p.cutIn.Store(-1)
				p.cutOut.Store(-1)
				eventually(t, "connected again", func() bool {
					v, err := await(t, asyncnats.Begin[int](t.Context(), c, subject, -1))
					return a.IsConnected() && b.IsConnected() && v == -2 && err == nil
				})
			}
			t.Logf("%d of 230 calls were told that they failed", told)
		})
	}
}

// A reply is lost with the connection of its server, which has another call of the client and so
// is heard again. The call is told when the server is back; with WaitForReconnect the reply comes
// once more.
func TestLost_ReplyWithTheServersConnection(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{0, time.Minute} {
		url := natstest.Run(t, natstest.Options()).ClientURL()
		p := newProxy(t, url)
		gates := []*gate{newGate(), newGate()}
		nc := natstest.Connect(t, p.url())
		s := serve(t, nc, "x", func(ctx context.Context, n int) (int, error) { return gates[n].double(ctx, n) },
			asyncnats.ServeOptions{Heartbeat: time.Hour}) // after the first one the next that is sent is the reply
		c := newClient(t, natstest.Connect(t, url), asyncnats.ClientOptions{WaitForReconnect: wait})
		long, call := asyncnats.Begin[int](t.Context(), c, "x", 0), asyncnats.Begin[int](t.Context(), c, "x", 1)
		gates[0].next(t)
		gates[1].next(t)
		eventually(t, "the client knows its server", func() bool { return c.Stats().Servers == 1 })
		p.cutIn.Store(0)
		gates[1].open.Set()
		if wait > 0 {
			wantValue(t, call, 2)
		} else {
			wantError(t, call, asyncnats.ErrResponderLost)
		}
		if s := s.Stats(); s.Replied != 1 || long.IsDone() {
			t.Errorf("%+v", s)
		}
		gates[0].open.Set()
		wantValue(t, long, 0)
	}
}

// What is sent is swallowed, and nothing comes: no call is left waiting, and Begin and
// Cancel do not wait for the network.
func TestBlackHole(t *testing.T) {
	t.Parallel()
	url := natstest.Run(t, natstest.Options()).ClientURL()
	p := newProxy(t, url)
	g := newGate()
	serve(t, natstest.Connect(t, url), "x", g.double, asyncnats.ServeOptions{Heartbeat: 50 * time.Millisecond})
	c := newClient(t, natstest.Connect(t, p.url()), asyncnats.ClientOptions{Heartbeat: 50 * time.Millisecond})
	known := asyncnats.Begin[int](t.Context(), c, "x", 1)
	g.next(t)
	eventually(t, "the client knows its server", func() bool { return c.Stats().Servers == 1 })
	p.hole.Store(true)
	fresh := asyncnats.Begin[int](t.Context(), c, "x", 2)
	wantError(t, known, asyncnats.ErrResponderLost)
	wantError(t, fresh, asyncnats.ErrResponderLost)
}

// eventually waits until something is true that comes about by itself.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
		<-time.After(time.Millisecond)
	}
}

// The connection is lost again while servers are asked for a call: when it is back, they are asked
// again, and have as long to answer before the request is sent again.
func TestWaitForReconnect_LostTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect, door := natstest.RunBehindDoor(t)
		nc := connect()
		requests := make(chan *nats.Msg, 10)
		nc.ChanSubscribe("x", requests)
		nc.Flush()
		back := make(chan time.Time, 10)
		cnc := connect(nats.InProcessServer(door), nats.ReconnectWait(time.Second), nats.ReconnectHandler(func(*nats.Conn) { back <- time.Now() }))
		c := newClient(t, cnc, asyncnats.ClientOptions{WaitForReconnect: time.Minute})
		call := asyncnats.Begin[int](t.Context(), c, "x", 21)
		<-requests
		var at time.Time
		for range 2 {
			door.Shut.Store(true)
			cnc.ForceReconnect()
			time.Sleep(5 * time.Second)
			door.Shut.Store(false)
			at = <-back
			time.Sleep(time.Second) // less than three heartbeats
		}
		m := <-requests
		if d := time.Since(at); d < 3*time.Second {
			t.Errorf("the request was sent again %v after the connection was back", d)
		}
		m.Respond([]byte("42"))
		wantValue(t, call, 42)
	})
}

// Any time can be waited for.
func TestWaitForReconnect_ForEver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect, door := natstest.RunBehindDoor(t)
		serve(t, connect(), "x", double, asyncnats.ServeOptions{})
		nc := connect(nats.InProcessServer(door), nats.ReconnectWait(time.Second))
		c := newClient(t, nc, asyncnats.ClientOptions{WaitForReconnect: math.MaxInt64})
		time.Sleep(time.Second)
		door.Shut.Store(true)
		nc.ForceReconnect()
		time.Sleep(time.Millisecond)
		call := asyncnats.Begin[int](t.Context(), c, "x", 21)
		time.Sleep(time.Hour)
		if call.IsDone() {
			_, err := call.Finish()
			t.Fatal(err)
		}
		door.Shut.Store(false)
		wantValue(t, call, 42)
		time.Sleep(time.Second) // the client of NATS is through with the request
	})
}

// A call that begins when the connection is lost for longer than WaitForReconnect ends at once, however
// long a heartbeat is.
func TestWaitForReconnect_IsOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect, door := natstest.RunBehindDoor(t)
		swallow(t, connect(), "hole")
		nc := connect(nats.InProcessServer(door))
		c := newClient(t, nc, asyncnats.ClientOptions{Heartbeat: time.Hour, WaitForReconnect: time.Second})
		call := asyncnats.Begin[int](t.Context(), c, "hole", 1)
		time.Sleep(100 * time.Millisecond)
		door.Shut.Store(true)
		nc.ForceReconnect()
		wantError(t, call, asyncnats.ErrDisconnected)
		if later := asyncnats.Begin[int](t.Context(), c, "hole", 1); !later.IsDone() {
			t.Error("the call waits")
		} else {
			wantError(t, later, asyncnats.ErrDisconnected)
		}
		nc.Close()
	})
}

// A request that found no server is sent again four times in a second, also by a client without
// heartbeats.
func TestWaitForReconnect_NoServerAndNoHeartbeats(t *testing.T) {
	t.Parallel()
	connect, door := natstest.RunBehindDoor(t)
	nc := connect(nats.InProcessServer(door))
	door.Shut.Store(true)
	nc.ForceReconnect()
	eventually(t, "the connection is lost", nc.IsReconnecting)
	c, err := asyncnats.NewClient(nc, asyncnats.ClientOptions{Heartbeat: -1, WaitForReconnect: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	call := asyncnats.Begin[int](t.Context(), c, "nobody", 1)
	door.Shut.Store(false)
	wantError(t, call, asyncnats.ErrNoResponders)
	if n := nc.Stats().OutMsgs; n > 50 {
		t.Errorf("%d messages were sent", n)
	}
}

// The servers hear at once that a client is closed, however long it was to wait for a connection.
func TestClose_ReachesTheServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		g := newGate()
		serve(t, connect(), "x", g.double, asyncnats.ServeOptions{})
		c := newClient(t, connect(), asyncnats.ClientOptions{WaitForReconnect: time.Hour})
		asyncnats.Begin[int](t.Context(), c, "x", 1)
		time.Sleep(time.Minute)
		asyncnats.Begin[int](t.Context(), c, "x", 2)
		known, fresh := g.next(t), g.next(t)
		closed := time.Now()
		c.Close()
		for _, ctx := range []context.Context{known, fresh} {
			<-ctx.Done()
			if d := time.Since(closed); d > 0 || !errors.Is(context.Cause(ctx), asyncnats.ErrClientGone) {
				t.Errorf("after %v: %v", d, context.Cause(ctx))
			}
		}
		time.Sleep(time.Second) // the client of NATS is through with the requests
	})
}

// A client that connects again tells servers of the calls that are over in as few messages as there
// are subjects, for each 4,096 calls.
func TestDisconnected_FewMessages(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	g := newGate()
	s := serve(t, a, "x", g.double, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{})
	const n = 10_000
	var calls async.Calls[int]
	for i := range n {
		calls = append(calls, asyncnats.Begin[int](t.Context(), c, "x", i))
	}
	for range n {
		g.next(t)
	}
	before := b.Stats().OutMsgs
	b.ForceReconnect()
	for _, call := range calls {
		wantError(t, call, asyncnats.ErrDisconnected)
	}
	eventually(t, "the server runs what nobody waits for", func() bool { return s.Stats().InFlight == 0 })
	if sent := b.Stats().OutMsgs - before; sent > 100 {
		t.Errorf("%d messages were sent", sent)
	}
}

// A client whose goroutine is held up, by a function of OnSignal that blocks, while the connection is lost
// again and again, knows that the connection is there when the goroutine goes on.
func TestDisconnected_HeldUp(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	swallow(t, a, "hole")
	serve(t, a, "x", double, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{})
	held, goOn := make(chan bool), make(chan bool)
	call := asyncnats.Begin[int](t.Context(), c, "hole", 1, async.OnSignal(func() { close(held); <-goOn }))
	b.Flush()
	for i := range uint64(12) {
		b.ForceReconnect()
		eventually(t, "the connection is there again", func() bool { return b.IsConnected() && b.Stats().Reconnects > i })
		if i == 0 {
			<-held
		}
	}
	close(goOn)
	wantError(t, call, asyncnats.ErrDisconnected)
	eventually(t, "the client is back", func() bool {
		v, err := await(t, asyncnats.Begin[int](t.Context(), c, "x", 21))
		return v == 42 && err == nil
	})
}
