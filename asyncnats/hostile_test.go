package asyncnats_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// send publishes a message with headers, and waits until the server of NATS has it.
func send(t *testing.T, nc *nats.Conn, subject, reply string, header nats.Header, data []byte) {
	t.Helper()
	err := nc.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Header: header, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// What a stranger sends to the inbox of a client completes nothing but the call whose id
// the stranger was given, once.
func TestN9_GarbageAtTheClient(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		nc := connect()
		requests := make(chan *nats.Msg, 2)
		nc.ChanSubscribe("x", requests)
		nc.Flush()
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		victim := asyncnats.Begin[int](t.Context(), c, "x", 1)
		victims := (<-requests).Reply
		mine := asyncnats.Begin[int](t.Context(), c, "x", 2)
		mines := (<-requests).Reply
		inbox, id := victims[:strings.LastIndexByte(victims, '.')], victims[strings.LastIndexByte(victims, '.')+1:]
		garbage := []string{"x", "..", id[1:], id + "A", strings.Repeat("A", 22), strings.Repeat("-", 22), strings.ToLower(id), "é" + id[2:]}
		for _, token := range garbage {
			if token != ".." {
				send(t, nc, inbox+"."+token, "", nil, []byte("7"))
			}
		}
		for range 1000 { // guesses near one that is known
			b := []byte(mines)
			b[len(b)-1-rand.IntN(21)] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[rand.IntN(26)]
			if s := string(b); s != mines && s != victims {
				send(t, nc, s, "", nil, []byte("7"))
			}
		}
		forged := base64.StdEncoding.EncodeToString(make([]byte, 16))
		for _, beat := range []string{
			"", "{", "[]", `{"server":""}`, `{"server":"a.b","every":1}`, `{"server":"a","every":-1}`,
			`{"server":"a","every":9223372036854775807}`, `{"server":"a","every":1,"has":"AAAA"}`,
			`{"server":"a","every":1,"has":"` + forged + `"}`, `{"server":"a","every":1,"gone":"` + forged + `"}`,
			strings.Repeat("[", 100_000),
		} {
			send(t, nc, inbox+"._", "", nil, []byte(beat))
		}
		time.Sleep(time.Second)
		if victim.IsDone() || mine.IsDone() {
			t.Fatal("garbage completed a call")
		}
		send(t, nc, mines, "", nil, []byte("4"))
		send(t, nc, mines, "", nil, []byte("5"))
		wantValue(t, mine, 4)
		if victim.IsDone() {
			t.Fatal("the reply to another's call completed this one")
		}
		send(t, nc, victims, "", nil, []byte("2"))
		wantValue(t, victim, 2)
		time.Sleep(time.Second)
		if s := c.Stats(); s.Replied != 2 || s.Unknown < 2 || s.Garbage < 10 || s.Servers != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Replies that make no sense are errors of their own call.
func TestN9_GarbageReplies(t *testing.T) {
	header := func(kv ...string) nats.Header {
		h := nats.Header{}
		for i := 0; i < len(kv); i += 2 {
			h.Add(kv[i], kv[i+1])
		}
		return h
	}
	for name, m := range map[string]*nats.Msg{
		"no json":     {Data: []byte("nonsense")},
		"empty":       {},
		"other type":  {Data: []byte(`{"a":1}`)},
		"deep":        {Data: []byte(strings.Repeat("[", 100_000))},
		"status":      {Header: header("Status", "999"), Data: []byte("x")},
		"empty error": {Header: header("Nats-Service-Error", "")},
		"codes":       {Header: header("Nats-Service-Error", "x", "Async-Errors", strings.Repeat("context.canceled,", 2000))},
		"long":        {Header: header("Nats-Service-Error", "x", "Async-Long", "1"), Data: make([]byte, 500_000)},
		"twice":       {Header: header("Nats-Service-Error", "x", "Nats-Service-Error", "y")},
	} {
		a, b := pair(t)
		a.Subscribe("x", func(r *nats.Msg) {
			m.Subject = r.Reply
			a.PublishMsg(m)
		})
		a.Flush()
		c := newClient(t, b, asyncnats.ClientOptions{})
		if err := wantError(t, asyncnats.Begin[int](t.Context(), c, "x", 1)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Requests that make no sense are refused, and the server lives on.
func TestN9_GarbageAtTheServer(t *testing.T) {
	a, b := pair(t)
	s := serve(t, a, "x", double, asyncnats.ServeOptions{MaxRequest: 1000})
	inbox := "_INBOX.async-json-NOBODY"
	b.Subscribe(inbox+".*", func(*nats.Msg) {})
	id := strings.Repeat("A", 22)
	for _, h := range []nats.Header{
		nil,
		{"Async-Id": {"other"}},
		{"Async-Id": {""}},
		{"Async-Timeout": {"yesterday"}},
		{"Async-Timeout": {"-1s"}},
		{"Async-Timeout": {"0"}},
		{"Async-Timeout": {strings.Repeat("9", 1000) + "s"}},
		{"Async-Keep": {"NaN"}},
		{"Async-Keep": {"2562047h"}},
		{"Async-Name": {strings.Repeat("n", 10_000)}},
		{"Async-Timeout": {"1s", "2s", ""}},
	} {
		for _, reply := range []string{"", "r", inbox + "." + id, inbox + "." + id + "x", "." + id, id, "_INBOX.async-." + id, "_INBOX.async-raw-X." + id} {
			for _, data := range [][]byte{nil, []byte("1"), []byte("{"), make([]byte, 2000)} {
				m := &nats.Msg{Subject: "x", Reply: reply, Header: h, Data: data}
				if err := b.PublishMsg(m); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, control := range []string{"", "{}", "null", "[", `{"cancel":{}}`, `{"cancel":{"reply":"x"}}`, `{"ask":{"inbox":"","ids":"AAAA"}}`,
		`{"ask":{"inbox":"a b\r\nPUB x","ids":""}}`, `{"cancel":{"reply":"` + inbox + "." + id + `","codes":["a","b"],"text":"\r\n"}}`, `{"cancel":{},"ask":{}}`} {
		send(t, b, "_ASYNC.all.x", "", nil, []byte(control))
	}
	c := newClient(t, b, asyncnats.ClientOptions{})
	wantValue(t, asyncnats.Begin[int](t.Context(), c, "x", 21), 42)
	eventually(t, "the server is done", func() bool { return s.Stats().InFlight == 0 })
	if s := s.Stats(); s.Refused == 0 || s.Garbage == 0 {
		t.Errorf("%+v", s)
	}
}

// A request that comes twice, under one id, runs once.
func TestN9_RequestTwice(t *testing.T) {
	a, b := pair(t)
	g := newGate()
	s := serve(t, a, "x", g.double, asyncnats.ServeOptions{})
	inbox := "_INBOX.async-json-ME"
	replies := make(chan *nats.Msg, 10)
	b.ChanSubscribe(inbox+"."+strings.Repeat("A", 22), replies)
	for range 3 {
		send(t, b, "x", inbox+"."+strings.Repeat("A", 22), nil, []byte("1"))
	}
	g.next(t)
	eventually(t, "all have come", func() bool { return s.Stats().Again == 2 })
	g.open.Set()
	if m := <-replies; string(m.Data) != "2" {
		t.Errorf("%s", m.Data)
	}
	if len(g.entered) > 0 || len(replies) > 0 {
		t.Error("it ran twice")
	}
}

// A stranger cannot cancel: ids are not guessed, and that of a finished call is of no use.
func TestN9_StrangerCancels(t *testing.T) {
	a, b := pair(t)
	g := newGate()
	s := serve(t, a, "x", g.double, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{})
	call := asyncnats.Begin[int](t.Context(), c, "x", 1)
	g.next(t)
	for i := range 1000 {
		send(t, b, "_ASYNC.all.x", "", nil, fmt.Appendf(nil, `{"cancel":{"reply":"_INBOX.async-json-X.%022d"}}`, i))
	}
	g.open.Set()
	wantValue(t, call, 2)
	if s := s.Stats(); s.Canceled != 0 {
		t.Errorf("%+v", s)
	}
}

// Bodies of 64 MiB, where the server of NATS lets them through, are refused.
func TestN9_HugeBodies(t *testing.T) {
	o := natstest.Options()
	o.MaxPayload = 64<<20 + 1000
	o.MaxPending = 256 << 20
	url := natstest.Run(t, o).ClientURL()
	a, b := natstest.Connect(t, url), natstest.Connect(t, url)
	huge := make([]byte, 64<<20)
	serve(t, a, "in", func(context.Context, []byte) ([]byte, error) { return nil, nil }, asyncnats.ServeOptions{Codec: asyncnats.Raw()})
	serve(t, a, "out", func(context.Context, []byte) ([]byte, error) { return huge, nil }, asyncnats.ServeOptions{Codec: asyncnats.Raw()})
	c := newClient(t, b, asyncnats.ClientOptions{Codec: asyncnats.Raw(), Heartbeat: 10 * time.Second})
	wantError(t, asyncnats.Begin[[]byte](t.Context(), c, "in", huge), asyncnats.ErrTooLarge)
	wantError(t, asyncnats.Begin[[]byte](t.Context(), c, "out", []byte("x")), asyncnats.ErrTooLarge)
	if v, err := await(t, asyncnats.Begin[[]byte](t.Context(), c, "in", []byte("x"))); len(v) != 0 || err != nil {
		t.Error(err)
	}
}

// What is larger than the server of NATS takes is told at once, in both directions.
func TestTooLargeForNATS(t *testing.T) {
	a, b := pair(t)
	large := strings.Repeat("x", 2<<20)
	s := serve(t, a, "x", func(context.Context, string) (string, error) { return large, nil }, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{})
	if err := wantError(t, asyncnats.Begin[string](t.Context(), c, "x", large), asyncnats.ErrTooLarge); !strings.Contains(err.Error(), "request") {
		t.Error(err)
	}
	if err := wantError(t, asyncnats.Begin[string](t.Context(), c, "x", ""), asyncnats.ErrTooLarge); !strings.Contains(err.Error(), "reply") {
		t.Error(err)
	}
	if s := s.Stats(); s.InFlight != 0 {
		t.Errorf("%+v", s)
	}
}

// A client whose inbox overflows loses replies, but no call is left waiting: servers are
// asked which calls they still have.
func TestN7_SlowConsumer(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x", double, asyncnats.ServeOptions{Heartbeat: 100 * time.Millisecond})
	c := newClient(t, b, asyncnats.ClientOptions{PendingMessages: 1, Heartbeat: 100 * time.Millisecond})
	const n = 5000
	calls := make(async.Calls[int], n)
	for i := range calls {
		calls[i] = asyncnats.Begin[int](t.Context(), c, "x", i)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	results, err := calls.Settle(ctx)
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	for i, r := range results {
		switch {
		case errors.Is(r.Err, asyncnats.ErrResponderLost):
			lost++
		case r.Err != nil || r.Value != 2*i:
			t.Fatal(r)
		}
	}
	if s := c.Stats(); s.Dropped == 0 || lost == 0 || s.InFlight != 0 {
		t.Errorf("%d were lost; %+v", lost, s)
	}
}

// A call that runs for long, whose reply is dropped, is told so although its server lives.
func TestN7_ReplyOfALongCallIsDropped(t *testing.T) {
	a, b := pair(t)
	g := newGate()
	hold := newGate() // keeps the server sending heartbeats
	long := serve(t, a, "long", func(ctx context.Context, n int) (int, error) {
		if n < 0 {
			return hold.double(ctx, n)
		}
		return g.double(ctx, n)
	}, asyncnats.ServeOptions{Heartbeat: time.Second})
	g2 := newGate()
	serve(t, a, "longer", g2.double, asyncnats.ServeOptions{Heartbeat: time.Second})
	stop := make(chan struct{})
	ear := listen(t, a, "_INBOX")
	c := newClient(t, b, asyncnats.ClientOptions{PendingMessages: 1, Heartbeat: time.Second})
	held := asyncnats.Begin[int](t.Context(), c, "long", -1)
	var calls async.Calls[int]
	for i := range 100 {
		calls = append(calls, asyncnats.Begin[int](t.Context(), c, "long", i))
	}
	eventually(t, "the client knows its server", func() bool { return c.Stats().Servers == 1 && len(g.entered) == 100 })
	ear.told(t, 101)
	// A completion that blocks the goroutine that receives, against the rules, has the rest pile up.
	blocked := make(chan struct{})
	asyncnats.Begin[int](t.Context(), c, "longer", 1, async.OnSignal(func() { close(blocked); <-stop })).Release()
	g2.next(t)
	g2.open.Set()
	<-blocked
	g.open.Set()
	eventually(t, "all replies are sent", func() bool { return long.Stats().Replied >= 100 })
	a.Flush()
	b.Flush() // they have come, and nobody looks at them
	close(stop)
	for i, call := range calls {
		if v, err := await(t, call); !errors.Is(err, asyncnats.ErrResponderLost) && (err != nil || v != 2*i) {
			t.Fatal(v, err)
		}
	}
	hold.open.Set()
	wantValue(t, held, -2)
	if s := c.Stats(); s.Dropped == 0 || s.Lost == 0 {
		t.Errorf("%+v", s)
	}
}

// A server publishes to the inboxes of clients, and to no other subject that a question names.
func TestN9_QuestionForAnother(t *testing.T) {
	a, b := pair(t)
	s := serve(t, a, "x", double, asyncnats.ServeOptions{})
	secret, err := b.SubscribeSync("secret.>")
	if err != nil {
		t.Fatal(err)
	}
	id := wire.NewMinter().Mint()
	for _, inbox := range []string{"secret.subject", "secret", "", "secret.async-json-x y"} {
		data, _ := json.Marshal(wire.Control{Ask: &wire.Ask{Inbox: inbox, IDs: id[:]}})
		send(t, b, "_ASYNC.all.x", "", nil, data)
	}
	eventually(t, "the questions are counted", func() bool { return s.Stats().Garbage == 4 })
	a.Flush()
	b.Flush()
	if m, err := secret.NextMsg(time.Millisecond); err == nil {
		t.Errorf("%s: %s", m.Subject, m.Data)
	}
}

// That nobody serves a subject any more, when a request was sent again, says nothing of a call that a
// server has.
func TestN9_NoRespondersOfAKnownCall(t *testing.T) {
	a, b := pair(t)
	requests := swallow(t, a, "x")
	call := asyncnats.Begin[int](t.Context(), newClient(t, b, asyncnats.ClientOptions{}), "x", 1)
	reply := (<-requests).Reply
	r, _ := wire.ParseReply(reply)
	data, _ := json.Marshal(wire.Beat{Server: "s", Every: time.Hour, Has: r.ID[:]})
	send(t, a, r.Inbox+"."+wire.BeatToken, "", nil, data)
	send(t, a, reply, "", nats.Header{"Status": {"503"}}, nil)
	send(t, a, reply, "", nil, []byte("7"))
	wantValue(t, call, 7)
}
