package asyncnats_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
)

// These tests are of the library part of generated clients and servers, as nobody writes it
// by hand. Those of what is generated are in cmd/asyncgen/testdata/golden/remote.

type (
	addRequest struct {
		A int `json:"a"`
		B int `json:"b"`
	}
	addReply struct {
		Sum int `json:"sum"`
	}
	otherRequest struct {
		A int64 `json:"a"`
	}
)

var errOdd = errors.New("odd")

func add(_ context.Context, r *addRequest) (*addReply, error) {
	if r.A%2 == 1 {
		return &addReply{r.A + r.B}, errOdd
	}
	return &addReply{r.A + r.B}, nil
}

// serveCalc serves an interface of one method, and returns a connection for clients.
func serveCalc(t *testing.T, o asyncnats.ServeOptions) *nats.Conn {
	t.Helper()
	a, b := pair(t)
	s, err := asyncnats.ServeMethods(a, "calc", "Calc", o, asyncnats.Handle("Add", add))
	if err != nil {
		t.Fatal(err)
	}
	a.Flush()
	t.Cleanup(func() { s.Shutdown(context.Background()) })
	return b
}

func proxyOf[Req any](c *asyncnats.Client, method string) *asyncnats.Proxy {
	return asyncnats.NewProxy(c, "calc", "Calc", asyncnats.MethodOf[Req, addReply](method))
}

func sum(r *addReply) int { return r.Sum }

func TestProxy(t *testing.T) {
	p := proxyOf[addRequest](newClient(t, serveCalc(t, asyncnats.ServeOptions{}), asyncnats.ClientOptions{}), "Add")
	wantValue(t, asyncnats.Invoke(t.Context(), p, "Add", &addRequest{2, 3}, sum), 5)
	call := asyncnats.Invoke(t.Context(), p, "Add", &addRequest{3, 3}, sum)
	if v, err := await(t, call); v != 6 || err == nil || !strings.Contains(err.Error(), "odd") {
		t.Errorf("a value beside an error: %d and %v", v, err)
	}
	var object async.Call[int]
	for i := range 3 {
		if err := asyncnats.InvokeOn(t.Context(), &object, p, "Add", &addRequest{2, i}, sum); err != nil {
			t.Fatal(err)
		}
		if err := asyncnats.InvokeOn(t.Context(), &object, p, "Add", &addRequest{}, sum); err != async.ErrCallPending {
			t.Errorf("a busy object: %v", err)
		}
		if err := object.WaitFor(patience); err != nil {
			t.Fatal(err)
		}
		if v, err := object.Finish(); v != 2+i || err != nil {
			t.Errorf("%d, %v", v, err)
		}
	}
}

// A reply of an error is the error, whatever is said of a value beside it.
func TestProxy_GarbageBesideAnError(t *testing.T) {
	for _, header := range []string{"-1", "3", "2", "x", "99999999999999999999", "0"} {
		a, b := pair(t)
		sub, _ := a.Subscribe("calc.Add", func(m *nats.Msg) {
			m.RespondMsg(&nats.Msg{Data: []byte("{{"), Header: nats.Header{
				"Nats-Service-Error": {"sold out"}, "Nats-Service-Error-Code": {"1"}, "Async-Value": {header},
			}})
		})
		defer sub.Unsubscribe()
		a.Flush()
		p := proxyOf[addRequest](newClient(t, b, asyncnats.ClientOptions{}), "Add")
		v, err := await(t, asyncnats.Invoke(t.Context(), p, "Add", &addRequest{}, sum))
		if e := new(asyncnats.RemoteError); v != 0 || !errors.As(err, &e) || e.Message != "sold out" {
			t.Errorf("%s: %d, %v", header, v, err)
		}
	}
}

func TestProxy_BadReplies(t *testing.T) {
	for _, body := range []string{"null", "", "7", `{"sum":"x"}`} {
		a, b := pair(t)
		sub, _ := a.Subscribe("calc.Add", func(m *nats.Msg) { m.Respond([]byte(body)) })
		defer sub.Unsubscribe()
		a.Flush()
		p := proxyOf[addRequest](newClient(t, b, asyncnats.ClientOptions{}), "Add")
		wantError(t, asyncnats.Invoke(t.Context(), p, "Add", &addRequest{}, sum), asyncnats.ErrBadReply)
	}
}

func TestProxy_Differs(t *testing.T) {
	c := newClient(t, serveCalc(t, asyncnats.ServeOptions{Name: "sums"}), asyncnats.ClientOptions{})
	err := wantError(t, asyncnats.Invoke(t.Context(), proxyOf[otherRequest](c, "Add"), "Add", &otherRequest{1}, sum), asyncnats.ErrDiffers)
	d := new(asyncnats.DiffersError)
	if !errors.As(err, &d) || d.Method != "Calc.Add" || d.Subject != "calc.Add" || d.Service != "sums" || len(d.Differences) != 2 ||
		d.Differences[0] != "parameter a is int64 here, and int there" || d.Missing {
		t.Errorf("%+v", d)
	}
	err = wantError(t, asyncnats.Invoke(t.Context(), proxyOf[addRequest](c, "Sub"), "Sub", &addRequest{}, sum), asyncnats.ErrDiffers, asyncnats.ErrNoResponders, async.ErrNoMethod)
	if !errors.As(err, &d) || !d.Missing || len(d.Has) != 1 || d.Has[0] != "Add" {
		t.Errorf("%+v", d)
	}
	if s := c.Stats(); s.InFlight != 0 || s.Late+s.Unknown+s.Garbage != 0 {
		t.Errorf("%+v", s)
	}
}

// What a server says of its method is not looked at where it is more than a reply may have (N9).
func TestProxy_DiffersAtLength(t *testing.T) {
	c := newClient(t, serveCalc(t, asyncnats.ServeOptions{}), asyncnats.ClientOptions{MaxReply: 100})
	err := wantError(t, asyncnats.Invoke(t.Context(), proxyOf[otherRequest](c, "Add"), "Add", &otherRequest{1}, sum), asyncnats.ErrDiffers)
	if d := new(asyncnats.DiffersError); errors.As(err, &d) {
		t.Errorf("%+v", d)
	}
}

// A function's own error is not taken for one of its caller's, wherever it has it from.
func TestProxy_DiffersElsewhere(t *testing.T) {
	a, b := pair(t)
	s, err := asyncnats.ServeMethods(a, "calc", "Calc", asyncnats.ServeOptions{}, asyncnats.Handle("Add", func(context.Context, *addRequest) (*addReply, error) {
		return nil, &asyncnats.DiffersError{Method: "Other.Do", Subject: "other.Do"}
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown(context.Background())
	a.Flush()
	p := proxyOf[addRequest](newClient(t, b, asyncnats.ClientOptions{}), "Add")
	err = wantError(t, asyncnats.Invoke(t.Context(), p, "Add", &addRequest{}, sum), asyncnats.ErrDiffers)
	if d := new(asyncnats.DiffersError); errors.As(err, &d) || !strings.Contains(err.Error(), "Other.Do") {
		t.Errorf("%v", err)
	}
}

// Whatever a server tells of its methods, a call to one that nobody serves ends.
func TestProxy_GarbageOfMethods(t *testing.T) {
	for _, body := range []string{"", "null", "[]", `{"methods":[]}`, `{"methods":[{"name":"Add"}]}`, strings.Repeat("x", 2000)} {
		a, b := pair(t)
		sub, _ := a.Subscribe("calc._", func(m *nats.Msg) { m.Respond([]byte(body)) })
		defer sub.Unsubscribe()
		a.Flush()
		c := newClient(t, b, asyncnats.ClientOptions{MaxReply: 1000})
		err := wantError(t, asyncnats.Invoke(t.Context(), proxyOf[addRequest](c, "Add"), "Add", &addRequest{}, sum), asyncnats.ErrNoResponders)
		if errors.Is(err, asyncnats.ErrDiffers) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// A server that hangs when it is asked for its methods is given up like any other, and a
// client that closes meanwhile leaves no call waiting.
func TestProxy_SilenceOfMethods(t *testing.T) {
	for _, closed := range []bool{false, true} {
		a, b := pair(t)
		var asked async.Event
		sub, _ := a.Subscribe("calc._", func(*nats.Msg) { asked.Set() })
		defer sub.Unsubscribe()
		a.Flush()
		c := newClient(t, b, asyncnats.ClientOptions{Heartbeat: 20 * time.Millisecond})
		call := asyncnats.Invoke(t.Context(), proxyOf[addRequest](c, "Add"), "Add", &addRequest{}, sum)
		if err := asked.WaitFor(patience); err != nil {
			t.Fatal(err)
		}
		if closed {
			c.Close()
		}
		wantError(t, call, asyncnats.ErrNoResponders)
	}
}

// A canceled call hears nothing more, and the question for methods bothers nobody.
func TestProxy_CanceledWhileAsking(t *testing.T) {
	a, b := pair(t)
	var asked async.Event
	var answer atomic.Pointer[nats.Msg]
	sub, _ := a.Subscribe("calc._", func(m *nats.Msg) { answer.Store(m); asked.Set() })
	defer sub.Unsubscribe()
	a.Flush()
	c := newClient(t, b, asyncnats.ClientOptions{})
	call := asyncnats.Invoke(t.Context(), proxyOf[addRequest](c, "Add"), "Add", &addRequest{}, sum)
	if err := asked.WaitFor(patience); err != nil {
		t.Fatal(err)
	}
	call.Cancel(errOdd)
	wantError(t, call, async.ErrCanceled, errOdd)
	answer.Load().Respond([]byte(`{"methods":[{"name":"X"}]}`))
	a.Flush()
	wantError(t, asyncnats.Begin[int](t.Context(), c, "nobody", 1), asyncnats.ErrNoResponders) // what was sent before is received
	if s := c.Stats(); s.InFlight != 0 {
		t.Errorf("%+v", s)
	}
}

// The interface is one service, which shows its methods to the tools of NATS.
func TestServeMethods_IsOneService(t *testing.T) {
	nc := serveCalc(t, asyncnats.ServeOptions{Version: "1.2.3"})
	m, err := nc.Request("$SRV.INFO.Calc", nil, patience)
	if err != nil {
		t.Fatal(err)
	}
	var info micro.Info
	if err := json.Unmarshal(m.Data, &info); err != nil {
		t.Fatal(err)
	}
	if info.Version != "1.2.3" || len(info.Endpoints) != 2 || info.Endpoints[0].Subject != "calc.Add" ||
		info.Endpoints[0].Metadata["async-method"] != "Calc.Add" || info.Endpoints[0].Metadata["async-fingerprint"] == "" {
		t.Errorf("%s", m.Data)
	}
}

// An interface and its methods may have letters in their names that package micro takes in none.
func TestServeMethods_Umlauts(t *testing.T) {
	a, b := pair(t)
	s, err := asyncnats.ServeMethods(a, "calc", "Zähler", asyncnats.ServeOptions{}, asyncnats.Handle("Größer", add), asyncnats.Handle("Höher", add))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown(context.Background())
	a.Flush()
	p := asyncnats.NewProxy(newClient(t, b, asyncnats.ClientOptions{}), "calc", "Zähler", asyncnats.MethodOf[addRequest, addReply]("Größer"))
	wantValue(t, asyncnats.Invoke(t.Context(), p, "Größer", &addRequest{2, 3}, sum), 5)
}

func TestServeMethods_BadPrefix(t *testing.T) {
	a, _ := pair(t)
	if _, err := asyncnats.ServeMethods(a, "a b", "Calc", asyncnats.ServeOptions{}, asyncnats.Handle("Add", add)); err == nil {
		t.Error("a prefix with a space was served")
	}
}

func TestProxy_Misuse(t *testing.T) {
	c := newClient(t, serveCalc(t, asyncnats.ServeOptions{}), asyncnats.ClientOptions{})
	panics := func(want string, f func()) {
		t.Helper()
		defer func() {
			if r := recover(); r != want {
				t.Errorf("panicked with %v, not with %s", r, want)
			}
		}()
		f()
	}
	panics("asyncnats: the proxy of Calc has no method Sub", func() {
		asyncnats.Invoke(t.Context(), proxyOf[addRequest](c, "Add"), "Sub", &addRequest{}, sum)
	})
	panics("asyncnats: Calc.Add: parameter F: a func cannot travel", func() { proxyOf[struct{ F func() }](c, "Add") })
}
