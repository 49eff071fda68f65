package asyncnats_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

var errMind = errors.New("changed my mind")

// The three ends of a call at the caller, each of which ends the context of the function
// with the cause's text.
func TestN3_EndReachesTheServer(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(call *async.Call[int], cancel context.CancelCauseFunc)
		opts []async.Option
		text string
		is   error
	}{
		"Cancel":  {func(call *async.Call[int], _ context.CancelCauseFunc) { call.Cancel(errMind) }, nil, errMind.Error(), errMind},
		"context": {func(_ *async.Call[int], cancel context.CancelCauseFunc) { cancel(errMind) }, nil, errMind.Error(), errMind},
		"no cause": {func(_ *async.Call[int], cancel context.CancelCauseFunc) { cancel(nil) }, nil,
			context.Canceled.Error(), context.Canceled},
		"abandoned": {func(call *async.Call[int], _ context.CancelCauseFunc) { call.Release() },
			[]async.Option{async.CancelOnAbandon()}, async.ErrAbandoned.Error(), async.ErrAbandoned},
	} {
		for _, told := range []bool{false, true} { // that the server has the call
			bubble(t, func(t *testing.T) {
				connect := natstest.RunInside(t)
				g := newGate()
				mind := asyncnats.RegisterError("mind", errMind)
				s := serve(t, connect(), "x", g.double, asyncnats.ServeOptions{Errors: []asyncnats.ErrorCode{mind}})
				c := newClient(t, connect(), asyncnats.ClientOptions{Errors: []asyncnats.ErrorCode{mind}})
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				call := asyncnats.Begin[int](ctx, c, "x", 1, test.opts...)
				fctx := g.next(t)
				if told {
					time.Sleep(time.Second)
				}
				test.end(call, cancel)
				<-fctx.Done()
				if cause := context.Cause(fctx); !errors.Is(cause, test.is) {
					t.Errorf("%s: the context of the function ended with %v", name, cause)
				}
				if cause := context.Cause(fctx); cause == nil || cause.Error() != test.text {
					t.Errorf("%s: the cause at the server is %q, not %q", name, cause, test.text)
				}
				time.Sleep(time.Minute)
				if s := s.Stats(); s.Canceled != 1 || s.InFlight != 0 || s.Replied != 0 {
					t.Errorf("%s: the server says %+v", name, s)
				}
				if s := c.Stats(); s.Canceled != 1 || s.InFlight != 0 || s.Late != 0 || s.Unknown != 0 {
					t.Errorf("%s: the client says %+v", name, s)
				}
			})
		}
	}
}

// What a function returns when its call was canceled goes to Discard, at the server.
func TestN3_LateResultIsDiscardedAtTheServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		discarded := make(chan int, 10)
		begun := make(chan struct{})
		serve(t, connect(), "x", func(ctx context.Context, n int) (int, error) {
			close(begun)
			<-ctx.Done()
			return 2 * n, nil
		}, asyncnats.ServeOptions{Options: []async.Option{async.Discard(func(n int, _ error) { discarded <- n })}})
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		call := asyncnats.Begin[int](t.Context(), c, "x", 21)
		<-begun
		call.Cancel(errMind)
		if n := <-discarded; n != 42 {
			t.Error(n)
		}
		time.Sleep(time.Minute)
		if len(discarded) > 0 {
			t.Error("discarded twice")
		}
	})
}

// A call that is canceled in the queue of the server's scope never runs.
func TestN3_CanceledInTheQueueNeverRuns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		g := newGate()
		serve(t, connect(), "x", g.double, asyncnats.ServeOptions{Scope: async.NewScope(async.ScopeOptions{Limit: 1})})
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		first, second := asyncnats.Begin[int](t.Context(), c, "x", 1), asyncnats.Begin[int](t.Context(), c, "x", 2)
		time.Sleep(time.Second)
		second.Cancel(errMind)
		time.Sleep(time.Second)
		g.open.Set()
		wantValue(t, first, 2)
		time.Sleep(time.Second)
		if n := len(g.entered); n != 1 {
			t.Errorf("%d functions ran", n)
		}
	})
}

// A call that is canceled before it was sent is never sent.
func TestN3_CanceledBeforeItIsSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		g := newGate()
		s := serve(t, connect(), "x", g.double, asyncnats.ServeOptions{})
		nc := connect(nats.ReconnectWait(time.Second))
		c := newClient(t, nc, asyncnats.ClientOptions{WaitForReconnect: time.Hour})
		nc.ForceReconnect()
		time.Sleep(time.Millisecond)
		call := asyncnats.Begin[int](t.Context(), c, "x", 1)
		call.Cancel(errMind)
		time.Sleep(time.Minute)
		if s := s.Stats(); s.Begun > 1 || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
		if s := c.Stats(); s.InFlight != 0 || s.Canceled != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// A reply that is on its way when the call is canceled is discarded at the client, once. A
// plain responder plays a server that hears of nothing.
func TestN3_ReplyOnItsWayIsDiscardedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		nc := connect()
		requests := make(chan *nats.Msg, 1)
		nc.ChanSubscribe("x", requests)
		nc.Flush()
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		discarded := make(chan int, 10)
		call := asyncnats.Begin[int](t.Context(), c, "x", 21, asyncnats.Discard(func(n int, err error) { discarded <- n }))
		m := <-requests
		call.Cancel(errMind)
		m.Respond([]byte("42"))
		if n := <-discarded; n != 42 {
			t.Error(n)
		}
		m.Respond([]byte("43"))
		time.Sleep(time.Second)
		if s := c.Stats(); len(discarded) != 0 || s.Late != 1 || s.Unknown != 1 || s.Replied != 0 {
			t.Errorf("%d more discarded; %+v", len(discarded), s)
		}
	})
}

// Cancellations and replies race: each value is the caller's, or discarded, and never both.
func TestN3_CancelRacesWithReply(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x", double, asyncnats.ServeOptions{Codec: asyncnats.JSON()})
	c := newClient(t, b, asyncnats.ClientOptions{})
	const rounds = 2000
	var got, discarded tally
	calls := make([]*async.Call[int], rounds)
	for i := range calls {
		calls[i] = asyncnats.Begin[int](t.Context(), c, "x", i, asyncnats.Discard(func(n int, err error) {
			if err == nil {
				discarded.add(n / 2)
			}
		}))
		if i >= 20 {
			go calls[i-20].Cancel(errMind)
		}
	}
	canceled := 0
	for i, call := range calls {
		v, err := await(t, call)
		switch {
		case err == nil && v == 2*i:
			got.add(i)
		case errors.Is(err, async.ErrCanceled):
			canceled++
		default:
			t.Fatal(v, err)
		}
	}
	for i := range calls {
		if got.of(i)+discarded.of(i) > 1 {
			t.Fatalf("the value of call %d was taken %d times and discarded %d times", i, got.of(i), discarded.of(i))
		}
	}
	t.Logf("%d of %d were canceled, %+v", canceled, rounds, c.Stats())
	if s := c.Stats(); s.InFlight != 0 || s.Canceled+s.Replied != rounds {
		t.Errorf("%+v", s)
	}
}

// A busy is a codec that does something else while it encodes.
type busy struct {
	asyncnats.Codec
	do func()
}

func (b busy) Encode(v any) ([]byte, error) {
	b.do()
	return b.Codec.Encode(v)
}

// A call that ends while Begin is at it leaves nothing behind in the client.
func TestN3_EndsWithinBegin(t *testing.T) {
	a, b := pair(t)
	a.Subscribe("x", func(*nats.Msg) {}) // swallows
	a.Flush()
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	c := newClient(t, b, asyncnats.ClientOptions{Heartbeat: -1, Codec: busy{asyncnats.JSON(), func() {
		cancel()
		<-over
	}}})
	call := asyncnats.Begin[int](ctx, c, "x", 1, async.OnSignal(func() { close(over) }))
	wantError(t, call, async.ErrCanceled)
	if s := c.Stats(); s.InFlight != 0 {
		t.Errorf("%+v", s)
	}
}

// The server ends what it runs for a client that is gone.
func TestN3_ClientIsGone(t *testing.T) {
	for name, leave := range map[string]func(*nats.Conn, *asyncnats.Client){
		"the client closes":        func(_ *nats.Conn, c *asyncnats.Client) { c.Close() },
		"the connection is closed": func(nc *nats.Conn, _ *asyncnats.Client) { nc.Close() },
	} {
		bubble(t, func(t *testing.T) {
			connect := natstest.RunInside(t)
			g := newGate()
			s := serve(t, connect(), "x", g.double, asyncnats.ServeOptions{Heartbeat: time.Second})
			nc := connect()
			c := newClient(t, nc, asyncnats.ClientOptions{})
			call := asyncnats.Begin[int](t.Context(), c, "x", 1)
			fctx := g.next(t)
			time.Sleep(time.Minute)
			if fctx.Err() != nil {
				t.Fatal("the function was ended while its client was there")
			}
			start := time.Now()
			leave(nc, c)
			<-fctx.Done()
			if d := time.Since(start); d > 3*time.Second || !errors.Is(context.Cause(fctx), asyncnats.ErrClientGone) {
				t.Errorf("%s: the function was ended after %v by %v", name, d, context.Cause(fctx))
			}
			wantError(t, call)
			time.Sleep(time.Second)
			if s := s.Stats(); s.Gone != 1 || s.InFlight != 0 || s.Clients != 0 {
				t.Errorf("%s: %+v", name, s)
			}
		})
	}
}

// A server that is younger than a heartbeat cancels nothing the first time that nobody listens.
func TestN3_YoungServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		g := newGate()
		serve(t, connect(), "x", g.double, asyncnats.ServeOptions{Heartbeat: 10 * time.Second})
		time.Sleep(12 * time.Second)
		reply := wire.Inbox("_INBOX", "json", "X") + "." + wire.NewMinter().Mint().String()
		m := &nats.Msg{Subject: "x", Reply: reply, Data: []byte("1"), Header: nats.Header{wire.HeaderKeep: {"10s"}}}
		if err := connect().PublishMsg(m); err != nil {
			t.Fatal(err)
		}
		fctx := g.next(t)
		start := time.Now()
		<-fctx.Done()
		if d := time.Since(start); d < 10*time.Second || !errors.Is(context.Cause(fctx), asyncnats.ErrClientGone) {
			t.Errorf("the function was ended after %v by %v", d, context.Cause(fctx))
		}
	})
}

// The connections of client and server are lost, and the client is back first: the server
// learns all the same that nobody waits.
func TestN3_ServerIsBackLast(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect, door := natstest.RunBehindDoor(t)
		g := newGate()
		snc, cnc := connect(nats.InProcessServer(door), nats.ReconnectWait(time.Minute)), connect()
		s := serve(t, snc, "x", g.double, asyncnats.ServeOptions{})
		c := newClient(t, cnc, asyncnats.ClientOptions{})
		call := asyncnats.Begin[int](t.Context(), c, "x", 1)
		fctx := g.next(t)
		time.Sleep(time.Minute)
		door.Shut.Store(true)
		snc.ForceReconnect()
		cnc.ForceReconnect()
		wantError(t, call, asyncnats.ErrDisconnected)
		time.Sleep(time.Second)
		door.Shut.Store(false)
		<-fctx.Done()
		if !errors.Is(context.Cause(fctx), asyncnats.ErrClientGone) {
			t.Error(context.Cause(fctx))
		}
		time.Sleep(time.Second)
		if s := s.Stats(); s.InFlight != 0 || s.Gone != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// What a function returns when its call was canceled is discarded at the server, and is not sent
// beside the error as well.
func TestN3_LateValueIsNotSentToo(t *testing.T) {
	a, b := pair(t)
	late, kept := make(chan int, 1), make(chan int, 1)
	s := serve(t, a, "x", func(ctx context.Context, n int) (int, error) {
		kept <- 0
		<-ctx.Done()
		return 2 * n, errMind
	}, asyncnats.ServeOptions{Options: []async.Option{
		async.Discard(func(n int, _ error) { late <- n }),
		async.OnSignal(func() { kept <- <-late }), // the answer is made when the function has returned
	}})
	call := asyncnats.Begin[int](t.Context(), newClient(t, b, asyncnats.ClientOptions{}), "x", 21)
	<-kept
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.Shutdown(ended)
	if v, err := await(t, call); v != 0 || err == nil {
		t.Errorf("the call returned %d and %v, and %d was discarded", v, err, <-kept)
	}
}

// A cancellation that comes to the server when the function has returned, and before that is answered,
// keeps no value: it is discarded there.
func TestN3_CanceledWhenComplete(t *testing.T) {
	a, b := pair(t)
	complete, goOn, discarded := make(chan bool), make(chan bool), make(chan int, 1)
	s := serve(t, a, "x", double, asyncnats.ServeOptions{Options: []async.Option{
		async.Discard(func(n int, _ error) { discarded <- n }),
		async.OnSignal(func() { complete <- true; <-goOn }),
	}})
	call := asyncnats.Begin[int](t.Context(), newClient(t, b, asyncnats.ClientOptions{}), "x", 21)
	<-complete
	call.Cancel(nil)
	eventually(t, "the server has heard of the cancellation", func() bool { return s.Stats().Canceled == 1 })
	close(goOn)
	select {
	case n := <-discarded:
		if n != 42 {
			t.Error(n)
		}
	case <-time.After(patience):
		t.Error("the value was lost")
	}
}

// A cancellation that the client has not sent yet when it closes is sent: the function ends with its cause.
func TestN3_CanceledAndClosed(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	g := newGate()
	serve(t, a, "x", g.double, asyncnats.ServeOptions{})
	cause := errors.New("not wanted any more")
	for range 200 {
		c, err := asyncnats.NewClient(b, asyncnats.ClientOptions{})
		if err != nil {
			t.Fatal(err)
		}
		call := asyncnats.Begin[int](t.Context(), c, "x", 1)
		ctx := g.next(t)
		call.Cancel(cause)
		c.Close()
		<-ctx.Done()
		if got := context.Cause(ctx); !strings.Contains(got.Error(), cause.Error()) {
			t.Fatalf("the function ended because of %v", got)
		}
	}
}

// A client that was away when it canceled a call, for longer than it remembers the call, says so when the
// server tells it of the call.
func TestN3_CanceledWhileAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect, door := natstest.RunBehindDoor(t)
		g := newGate()
		serve(t, connect(), "x", g.double, asyncnats.ServeOptions{})
		nc := connect(nats.InProcessServer(door), nats.ReconnectWait(time.Second))
		c := newClient(t, nc, asyncnats.ClientOptions{WaitForReconnect: time.Hour})
		call := asyncnats.Begin[int](t.Context(), c, "x", 1)
		ctx := g.next(t)
		time.Sleep(time.Minute)
		door.Shut.Store(true)
		nc.ForceReconnect()
		time.Sleep(time.Millisecond)
		call.Cancel(nil)
		time.Sleep(time.Minute)
		door.Shut.Store(false)
		back := time.Now()
		<-ctx.Done()
		if d := time.Since(back); d > 5*time.Second {
			t.Errorf("the function ran on for %v", d)
		}
		time.Sleep(time.Second) // the client of NATS is through with the request
	})
}

// The same where the servers are heard rarely, and none has noticed that the client was away.
func TestN3_CanceledBetweenHeartbeats(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Hour} {
		bubble(t, func(t *testing.T) {
			connect, door := natstest.RunBehindDoor(t)
			g := newGate()
			serve(t, connect(), "x", g.double, asyncnats.ServeOptions{Heartbeat: time.Hour})
			nc := connect(nats.InProcessServer(door), nats.ReconnectWait(time.Second))
			c := newClient(t, nc, asyncnats.ClientOptions{WaitForReconnect: wait})
			call := asyncnats.Begin[int](t.Context(), c, "x", 1)
			ctx := g.next(t)
			time.Sleep(time.Minute)
			door.Shut.Store(true)
			nc.ForceReconnect()
			time.Sleep(time.Millisecond)
			call.Cancel(nil)
			time.Sleep(time.Minute)
			door.Shut.Store(false)
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Second):
				t.Error("the function runs on")
				g.open.Set()
			}
			time.Sleep(time.Second) // the client of NATS is through with the request
		})
	}
}
