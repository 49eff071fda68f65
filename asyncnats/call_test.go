package asyncnats_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

type point struct{ X, Y int }

func TestN1_ValueThereAndBack(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "points.*", func(_ context.Context, p point) (point, error) { return point{p.Y, p.X}, nil }, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{})
	wantValue(t, asyncnats.Begin[point](t.Context(), c, "points.turn", point{1, 2}), point{2, 1})
	if s := c.Stats(); s.Begun != 1 || s.Replied != 1 || s.Canceled != 0 || s.InFlight != 0 {
		t.Errorf("%+v", s)
	}
}

// A request is one message and a reply is one message, for a call that has a deadline, a
// name and something to carry as well.
func TestN1_OneMessageEach(t *testing.T) {
	a, b := pair(t)
	requests := make(chan *nats.Msg, 10)
	spy := natstest.Connect(t, a.ConnectedUrl())
	spy.ChanSubscribe("x.double", requests)
	replies := make(chan *nats.Msg, 10)
	spy.ChanSubscribe("_INBOX.>", replies)
	spy.Flush()
	serve(t, a, "x.double", double, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{Propagator: tracing{}})
	ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), traceKey{}, "abc"), time.Minute)
	defer cancel()
	wantValue(t, asyncnats.Begin[int](ctx, c, "x.double", 21, async.Name("first")), 42)
	spy.Flush()
	if len(requests) != 1 || len(replies) != 1 {
		t.Fatalf("%d requests, %d replies", len(requests), len(replies))
	}
	m := <-requests
	d, err := time.ParseDuration(m.Header.Get("Async-Timeout"))
	if err != nil || d <= 0 || d > time.Minute || m.Header.Get("Async-Name") != "first" ||
		m.Header.Get("trace") != "abc" || !strings.HasSuffix(m.Reply, "."+m.Header.Get("Async-Id")) || m.Header.Get("Async-Id") == "" {
		t.Errorf("headers %v of a request with the reply subject %s", m.Header, m.Reply)
	}
}

// What nats req sends is a body of JSON and a reply subject.
func TestN1_PlainClient(t *testing.T) {
	a, b := pair(t)
	fail := errors.New("not today")
	serve(t, a, "x.double", func(_ context.Context, n int) (int, error) {
		if n < 0 {
			return 0, fail
		}
		return 2 * n, nil
	}, asyncnats.ServeOptions{Name: "x"})
	m, err := b.Request("x.double", []byte("21"), patience)
	if err != nil || string(m.Data) != "42" || len(m.Header) != 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	m, err = b.Request("x.double", []byte("-1"), patience)
	if err != nil || m.Header.Get(micro.ErrorHeader) != "not today" || m.Header.Get(micro.ErrorCodeHeader) != "500" {
		t.Fatalf("%+v, %v", m, err)
	}
	m, err = b.Request("x.double", []byte("no number"), patience)
	if err != nil || m.Header.Get(micro.ErrorHeader) == "" {
		t.Fatalf("%+v, %v", m, err)
	}
}

// Two requests with one reply subject are two calls for a plain client.
func TestN1_PlainClientAsksTwice(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x.double", double, asyncnats.ServeOptions{})
	sub, _ := b.SubscribeSync("answers")
	for _, n := range []string{"1", "2"} {
		b.PublishRequest("x.double", "answers", []byte(n))
	}
	for range 2 {
		if _, err := sub.NextMsg(patience); err != nil {
			t.Fatal(err)
		}
	}
}

func TestN1_PlainResponder(t *testing.T) {
	a, b := pair(t)
	a.Subscribe("plain", func(m *nats.Msg) { m.Respond([]byte(`{"X":1,"Y":2}`)) })
	srv, err := micro.AddService(a, micro.Config{Name: "m", Version: "1.0.0", Endpoint: &micro.EndpointConfig{
		Subject: "micro", Handler: micro.HandlerFunc(func(r micro.Request) { r.Error("404", "no such point", nil) }),
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Stop() })
	a.Flush()
	c := newClient(t, b, asyncnats.ClientOptions{})
	wantValue(t, asyncnats.Begin[point](t.Context(), c, "plain", point{}), point{1, 2})
	err = wantError(t, asyncnats.Begin[point](t.Context(), c, "micro", point{}))
	if e := new(asyncnats.RemoteError); !errors.As(err, &e) || e.Code != "404" || e.Message != "no such point" || e.Subject != "micro" {
		t.Errorf("%#v", err)
	}
}

// A responder that is known to be plain may take as long as it likes.
func TestN1_SlowPlainResponder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		a := connect()
		a.Subscribe("slow.*", func(m *nats.Msg) {
			time.Sleep(time.Hour)
			m.Respond([]byte("1"))
		})
		a.Flush()
		c := newClient(t, connect(), asyncnats.ClientOptions{Plain: []string{"slow.>"}})
		if v, err := asyncnats.Begin[int](t.Context(), c, "slow.one", 0).Await(t.Context()); v != 1 || err != nil {
			t.Error(v, err)
		}
	})
}

func TestN2_IsAService(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x.double", double, asyncnats.ServeOptions{Name: "numbers", Version: "1.4.0"})
	c := newClient(t, b, asyncnats.ClientOptions{})
	wantValue(t, asyncnats.Begin[int](t.Context(), c, "x.double", 1), 2)
	m, err := b.Request("$SRV.INFO.numbers", nil, patience)
	if err != nil {
		t.Fatal(err)
	}
	var info micro.Info
	if err := json.Unmarshal(m.Data, &info); err != nil || info.Version != "1.4.0" || len(info.Endpoints) != 1 || info.Endpoints[0].Subject != "x.double" {
		t.Errorf("%+v, %v", info, err)
	}
	m, err = b.Request("$SRV.STATS.numbers", nil, patience)
	var stats micro.Stats
	if err != nil || json.Unmarshal(m.Data, &stats) != nil || stats.Endpoints[0].NumRequests != 1 || !strings.Contains(string(stats.Endpoints[0].Data), `"Begun":1`) {
		t.Errorf("%s, %v", m.Data, err)
	}
}

// Servers of a subject share the requests.
func TestN2_QueueGroup(t *testing.T) {
	a, b := pair(t)
	var runs tally
	for i := range 3 {
		serve(t, a, "x", func(context.Context, int) (int, error) { runs.add(i); return 0, nil }, asyncnats.ServeOptions{})
	}
	c := newClient(t, b, asyncnats.ClientOptions{})
	for range 300 {
		wantValue(t, asyncnats.Begin[int](t.Context(), c, "x", 0), 0)
	}
	if runs.of(0)+runs.of(1)+runs.of(2) != 300 || runs.of(0)*runs.of(1)*runs.of(2) == 0 {
		t.Errorf("the three ran %d, %d and %d requests of 300", runs.of(0), runs.of(1), runs.of(2))
	}
}

// The scope of a server limits, queues, refuses and counts.
func TestN2_ScopeIsTheServers(t *testing.T) {
	a, b := pair(t)
	g := newGate()
	scope := async.NewScope(async.ScopeOptions{Limit: 1, Queue: 1})
	serve(t, a, "x", g.double, asyncnats.ServeOptions{Name: "x", Scope: scope})
	c := newClient(t, b, asyncnats.ClientOptions{})
	first := asyncnats.Begin[int](t.Context(), c, "x", 1, async.Name("the first"))
	g.next(t)
	for info := range scope.InFlight() {
		if info.Name != "the first" {
			t.Errorf("the call is named %q", info.Name)
		}
	}
	second := asyncnats.Begin[int](t.Context(), c, "x", 2)
	third := asyncnats.Begin[int](t.Context(), c, "x", 3)
	if _, err := await(t, third); err != async.ErrQueueFull {
		t.Errorf("a server that is full returned %v", err)
	}
	g.open.Set()
	wantValue(t, first, 2)
	wantValue(t, second, 4)
	if s := scope.Stats(); s.Begun != 2 || s.Returned != 2 {
		t.Errorf("%+v", s)
	}
}

func TestN4_DeadlineTravelsAsDuration(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		left := make(chan time.Duration, 1)
		serve(t, connect(), "x", func(ctx context.Context, _ int) (int, error) {
			d, _ := ctx.Deadline()
			left <- time.Until(d)
			<-ctx.Done()
			return 0, ctx.Err()
		}, asyncnats.ServeOptions{})
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		call := asyncnats.Begin[int](ctx, c, "x", 1)
		if d := <-left; d != time.Minute {
			t.Errorf("%v are left at the server", d)
		}
		if _, err := call.Await(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the call returned %v", err)
		}
		if d := time.Since(start); d != time.Minute {
			t.Errorf("the call ended after %v", d)
		}
	})
}

type traceKey struct{}

// tracing carries one value.
type tracing struct{}

func (tracing) Inject(ctx context.Context, c asyncnats.Carrier) {
	if s, ok := ctx.Value(traceKey{}).(string); ok {
		c.Set("trace", s)
		c.Set("Async-Timeout", "1ns") // is not the propagator's
		c.Set("two\r\nlines", "x")
	}
}

func (tracing) Extract(ctx context.Context, c asyncnats.Carrier) context.Context {
	if s := c.Get("trace"); s != "" {
		return context.WithValue(ctx, traceKey{}, fmt.Sprint(s, c.Keys()))
	}
	return ctx
}

func TestN4_Propagator(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x", func(ctx context.Context, _ int) (string, error) {
		s, _ := ctx.Value(traceKey{}).(string)
		return s, nil
	}, asyncnats.ServeOptions{Propagator: tracing{}})
	c := newClient(t, b, asyncnats.ClientOptions{Propagator: tracing{}})
	wantValue(t, asyncnats.Begin[string](t.Context(), c, "x", 1), "")
	wantValue(t, asyncnats.Begin[string](context.WithValue(t.Context(), traceKey{}, "abc"), c, "x", 1), "abc[trace]")
}

// What the observer of the client's scope adds to the context that a call is begun with travels, too:
// the trace goes on from the call, and not beside it (V3a).
func TestN4_PropagatorOfTheCall(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x", func(ctx context.Context, _ int) (string, error) {
		s, _ := ctx.Value(traceKey{}).(string)
		return s, nil
	}, asyncnats.ServeOptions{Propagator: tracing{}})
	c := newClient(t, b, asyncnats.ClientOptions{Propagator: tracing{}})
	scope := async.NewScope(async.ScopeOptions{Observer: async.Observer{BeginContext: func(ctx context.Context, _ async.CallInfo) context.Context {
		return context.WithValue(ctx, traceKey{}, "call")
	}}})
	ctx := context.WithValue(t.Context(), traceKey{}, "caller")
	wantValue(t, asyncnats.Begin[string](ctx, c, "x", 1, scope), "call[trace]")
	wantValue(t, asyncnats.Begin[string](ctx, c, "x", 1), "caller[trace]")
}

func TestN6_Proto(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x", func(_ context.Context, s *wrapperspb.StringValue) (*wrapperspb.Int64Value, error) {
		return wrapperspb.Int64(int64(len(s.Value))), nil
	}, asyncnats.ServeOptions{Codec: asyncnats.Proto()})
	c := newClient(t, b, asyncnats.ClientOptions{Codec: asyncnats.Proto()})
	v, err := await(t, asyncnats.Begin[*wrapperspb.Int64Value](t.Context(), c, "x", wrapperspb.String("four")))
	if err != nil || v.Value != 4 {
		t.Error(v, err)
	}
	wantError(t, asyncnats.Begin[int](t.Context(), c, "x", wrapperspb.String("four")), asyncnats.ErrBadReply)
	wantError(t, asyncnats.Begin[int](t.Context(), c, "x", 4), asyncnats.ErrEncode)
}

// The bytes of a request are the caller's again when Begin has returned.
func TestN6_Raw(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x", func(_ context.Context, data []byte) ([]byte, error) { return data, nil }, asyncnats.ServeOptions{Codec: asyncnats.Raw()})
	c := newClient(t, b, asyncnats.ClientOptions{Codec: asyncnats.Raw()})
	for i := range 100 {
		data := fmt.Append(nil, "request ", i)
		call := asyncnats.Begin[[]byte](t.Context(), c, "x", data)
		clear(data)
		if v, err := await(t, call); err != nil || string(v) != fmt.Sprint("request ", i) {
			t.Fatalf("%q, %v", v, err)
		}
	}
}

func TestN6_CodecsThatDiffer(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x", func(_ context.Context, data []byte) ([]byte, error) { return data, nil }, asyncnats.ServeOptions{Codec: asyncnats.Raw()})
	c := newClient(t, b, asyncnats.ClientOptions{})
	wantError(t, asyncnats.Begin[string](t.Context(), c, "x", "hello"), asyncnats.ErrBadRequest)
}

// What Begin refuses is a call that is complete, and nothing is sent.
func TestN6_RefusedByBegin(t *testing.T) {
	a, b := pair(t)
	sent := make(chan *nats.Msg, 10)
	a.ChanSubscribe(">", sent)
	a.Flush()
	c := newClient(t, b, asyncnats.ClientOptions{Limit: 1})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	ctx := t.Context()
	for name, test := range map[string]struct {
		call *async.Call[int]
		want error
	}{
		"encode":   {asyncnats.Begin[int](ctx, c, "x", func() {}), asyncnats.ErrEncode},
		"empty":    {asyncnats.Begin[int](ctx, c, "", 1), asyncnats.ErrBadSubject},
		"wildcard": {asyncnats.Begin[int](ctx, c, "x.*", 1), asyncnats.ErrBadSubject},
		"space":    {asyncnats.Begin[int](ctx, c, "x y", 1), asyncnats.ErrBadSubject},
		"line":     {asyncnats.Begin[int](ctx, c, "x\r\nPUB", 1), asyncnats.ErrBadSubject},
		"token":    {asyncnats.Begin[int](ctx, c, "x..y", 1), asyncnats.ErrBadSubject},
		"context":  {asyncnats.Begin[int](ended, c, "x", 1), async.ErrCanceled},
	} {
		if !test.call.IsDone() {
			t.Errorf("%s: the call is not complete", name)
		}
		wantError(t, test.call, test.want)
	}
	b.Flush()
	a.Flush()
	if len(sent) > 0 {
		m := <-sent
		t.Errorf("a message was sent to %s: %s", m.Subject, m.Data)
	}
}

func TestN7_Limit(t *testing.T) {
	a, b := pair(t)
	g := newGate()
	serve(t, a, "x", g.double, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{Limit: 2})
	one, two := asyncnats.Begin[int](t.Context(), c, "x", 1), asyncnats.Begin[int](t.Context(), c, "x", 2)
	three := asyncnats.Begin[int](t.Context(), c, "x", 3)
	if _, err := await(t, three); !errors.Is(err, async.ErrQueueFull) || err.Error() != `async: queue full: the client has 2 calls in flight: "x"` {
		t.Errorf("a call beyond the limit returned %v", err)
	}
	g.open.Set()
	wantValue(t, one, 2)
	wantValue(t, two, 4)
	wantValue(t, asyncnats.Begin[int](t.Context(), c, "x", 4), 8)
	if s := c.Stats(); s.Refused != 1 || s.Begun != 3 {
		t.Errorf("%+v", s)
	}
}
