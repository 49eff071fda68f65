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
)

// wantPanic calls f, which is to panic with a text of this package.
func wantPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if r, _ := recover().(string); !strings.HasPrefix(r, "asyncnats: ") || !strings.Contains(r, text) {
			t.Errorf("panic: %q, which has no %q", r, text)
		}
	}()
	f()
}

// What is a bug of the caller panics where it stands, and says what is wrong.
func TestMisuse_Panics(t *testing.T) {
	a, b := pair(t)
	c := newClient(t, b, asyncnats.ClientOptions{})
	two := []asyncnats.ErrorCode{
		asyncnats.RegisterError("gone", errors.New("gone")), asyncnats.RegisterError("gone", errors.New("not there")),
	}
	named := func(o asyncnats.ServeOptions) asyncnats.ServeOptions { o.Name = "misused"; return o }
	server := func(nc *nats.Conn, o asyncnats.ServeOptions) func() {
		return func() { asyncnats.Serve(nc, "x", double, named(o)) }
	}
	for text, f := range map[string]func(){
		"NewClient with a nil connection":    func() { asyncnats.NewClient(nil, asyncnats.ClientOptions{}) },
		"a server with a nil connection":     server(nil, asyncnats.ServeOptions{}),
		"OpenQueue with a nil JetStream":     func() { asyncnats.OpenQueue(t.Context(), nil, asyncnats.QueueOptions{Name: "q"}) },
		"a proxy of Store with a nil client": func() { asyncnats.NewProxy(nil, "x", "Store") },
		"Heartbeat of -1s":                   server(a, asyncnats.ServeOptions{Heartbeat: -time.Second}),
		"two Errors with the code gone":      func() { asyncnats.NewClient(b, asyncnats.ClientOptions{Errors: two}) },
		"ID for a call that is sent":         func() { asyncnats.Begin[int](t.Context(), c, "x", 1, asyncnats.ID("1")) },
		"Key for a call that is sent":        func() { asyncnats.Begin[int](t.Context(), c, "x", 1, asyncnats.Key("1")) },
		"ID for calls that a server runs":    server(a, asyncnats.ServeOptions{Options: []async.Option{asyncnats.ID("1")}}),
	} {
		wantPanic(t, text, f)
	}
}

// A subject that is none is refused before NATS, which would close the connection, hears of it.
func TestN9_BadSubjects(t *testing.T) {
	a, _ := pair(t)
	method := asyncnats.Handle("Get", func(context.Context, *int) (*int, error) { return nil, nil })
	named := asyncnats.ServeOptions{Name: "bad"}
	for what, f := range map[string]func() error{
		`serve "x..y"`:  func() error { _, err := asyncnats.Serve(a, "x..y", double, named); return err },
		`serve "x.>.y"`: func() error { _, err := asyncnats.Serve(a, "x.>.y", double, named); return err },
		`serve Store at "shop.>"`: func() error {
			_, err := asyncnats.ServeMethods(a, "shop.>", "Store", asyncnats.ServeOptions{}, method)
			return err
		},
		`the ControlPrefix "a.>"`: func() error {
			_, err := asyncnats.Serve(a, "x", double, asyncnats.ServeOptions{Name: "bad", ControlPrefix: "a.>"})
			return err
		},
		`the InboxPrefix "in box"`: func() error {
			_, err := asyncnats.NewClient(a, asyncnats.ClientOptions{InboxPrefix: "in box"})
			return err
		},
		`"shop inv" in Plain`: func() error {
			_, err := asyncnats.NewClient(a, asyncnats.ClientOptions{Plain: []string{"shop.*", "shop inv"}})
			return err
		},
		`the ControlPrefix "*"`: func() error {
			_, err := asyncnats.NewClient(a, asyncnats.ClientOptions{ControlPrefix: "*"})
			return err
		},
	} {
		if err := f(); !errors.Is(err, asyncnats.ErrBadSubject) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := a.Flush(); err != nil || !a.IsConnected() {
		t.Errorf("the connection is %v: %v", a.Status(), err)
	}
}

// Without a limit there is none.
func TestN7_NoLimit(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x", double, asyncnats.ServeOptions{MaxRequest: -1})
	c := newClient(t, b, asyncnats.ClientOptions{Limit: -1, MaxReply: -1})
	wantValue(t, asyncnats.Begin[int](t.Context(), c, "x", 21), 42)
}

// A server whose scope is closed does not begin; one whose scope is closed later leaves its subject to the
// other servers.
func TestN2_ScopeIsClosed(t *testing.T) {
	a, b := pair(t)
	scope := async.NewScope(async.ScopeOptions{})
	first := serve(t, a, "x", double, asyncnats.ServeOptions{Scope: scope})
	serve(t, a, "x", double, asyncnats.ServeOptions{})
	scope.Close()
	if _, err := asyncnats.Serve(a, "x", double, asyncnats.ServeOptions{Name: "late", Scope: scope}); !errors.Is(err, async.ErrScopeClosed) {
		t.Error(err)
	}
	c := newClient(t, b, asyncnats.ClientOptions{})
	for first.Stats().Refused == 0 {
		await(t, asyncnats.Begin[int](t.Context(), c, "x", 1))
	}
	eventually(t, "the server has left the subject", func() bool {
		before := first.Stats().Refused
		for range 100 {
			await(t, asyncnats.Begin[int](t.Context(), c, "x", 1))
		}
		return first.Stats().Refused == before
	})
	for i := range 100 {
		wantValue(t, asyncnats.Begin[int](t.Context(), c, "x", i), 2*i)
	}
}

// Nor does a worker whose scope is closed.
func TestJ3_ScopeIsClosed(t *testing.T) {
	t.Parallel()
	scope := async.NewScope(async.ScopeOptions{})
	scope.Close()
	q := newDepot(t).open(asyncnats.QueueOptions{})
	if _, err := asyncnats.Work(t.Context(), q, double, asyncnats.WorkOptions{Scope: scope}); !errors.Is(err, async.ErrScopeClosed) {
		t.Error(err)
	}
}
