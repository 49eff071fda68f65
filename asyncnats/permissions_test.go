package asyncnats_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// The permissions of docs/security.md, and no others: of a client that calls prices.>, of a
// server that serves it, and of a stranger who serves something else.

func allow(subjects ...string) *server.SubjectPermission {
	return &server.SubjectPermission{Allow: subjects}
}

func users() []*server.User {
	return []*server.User{
		{Username: "client", Password: "c", Permissions: &server.Permissions{
			Publish:   allow("prices.>", "_ASYNC.srv.*.ctl", "_ASYNC.all.prices.>"),
			Subscribe: allow("_INBOX_shop.>"),
		}},
		{Username: "server", Password: "s", Permissions: &server.Permissions{
			Publish:   allow("_INBOX_shop.>"),
			Subscribe: allow("prices.>", "_ASYNC.srv.>", "_ASYNC.all.prices.>", "$SRV.>"),
			Response:  &server.ResponsePermission{MaxMsgs: 1, Expires: time.Minute}, // of nats micro ls
		}},
		{Username: "stranger", Password: "s", Permissions: &server.Permissions{
			Publish:   allow("other.>"),
			Subscribe: allow("other.>", "_INBOX.>"),
		}},
		{Username: "admin", Password: "a"},
	}
}

// as connects as a user, and collects what NATS does not permit.
func as(t *testing.T, url, user string) (nc *nats.Conn, violations chan error) {
	violations = make(chan error, 100)
	return natstest.Connect(t, url, nats.UserInfo(user, user[:1]), nats.CustomInboxPrefix("_INBOX_shop"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err })), violations
}

func TestPermissions(t *testing.T) {
	o := natstest.Options()
	o.Users = users()
	url := natstest.Run(t, o).ClientURL()
	snc, sv := as(t, url, "server")
	cnc, cv := as(t, url, "client")
	g := newGate()
	admin := natstest.Connect(t, url, nats.UserInfo("admin", "a"))
	ear := listen(t, admin, "_INBOX_shop")
	s := serve(t, snc, "prices.quote", g.double, asyncnats.ServeOptions{Name: "prices", Heartbeat: 250 * time.Millisecond})
	c := newClient(t, cnc, asyncnats.ClientOptions{Heartbeat: 250 * time.Millisecond, WaitForReconnect: patience})
	long, canceled := asyncnats.Begin[int](t.Context(), c, "prices.quote", 1), asyncnats.Begin[int](t.Context(), c, "prices.quote", 2)
	g.next(t)
	g.next(t)
	eventually(t, "the client has heard the server", func() bool { return c.Stats().Servers == 1 })
	for range 4 {
		ear.beat(t)
	}
	canceled.Cancel(nil)
	eventually(t, "the server is told of the cancellation", func() bool { return s.Stats().Canceled == 1 })
	wantError(t, canceled, async.ErrCanceled)
	cnc.ForceReconnect()
	g.open.Set()
	wantValue(t, long, 2)
	wantError(t, asyncnats.Begin[int](t.Context(), c, "prices.none", 1), asyncnats.ErrNoResponders)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if m, err := admin.RequestWithContext(ctx, "$SRV.PING.prices", nil); err != nil {
		t.Error(m, err)
	}
	if len(sv)+len(cv) > 0 {
		t.Errorf("violations: %d at the server, %d at the client", len(sv), len(cv))
	}
}

// What a client may not call is told, at the latest after three heartbeats.
func TestPermissions_NotPermitted(t *testing.T) {
	o := natstest.Options()
	o.Users = users()
	url := natstest.Run(t, o).ClientURL()
	cnc, _ := as(t, url, "client")
	c := newClient(t, cnc, asyncnats.ClientOptions{Heartbeat: 50 * time.Millisecond})
	wantError(t, asyncnats.Begin[int](t.Context(), c, "secret.quote", 1), asyncnats.ErrResponderLost)
}

// Permissions are withdrawn while a call is in flight: that of the server to answer.
func TestPermissions_Withdrawn(t *testing.T) {
	o := natstest.Options()
	o.Users = users()
	ns := natstest.Run(t, o)
	snc, _ := as(t, ns.ClientURL(), "server")
	cnc, _ := as(t, ns.ClientURL(), "client")
	g := newGate()
	serve(t, snc, "prices.quote", g.double, asyncnats.ServeOptions{Name: "prices", Heartbeat: 50 * time.Millisecond})
	c := newClient(t, cnc, asyncnats.ClientOptions{Heartbeat: 50 * time.Millisecond})
	call := asyncnats.Begin[int](t.Context(), c, "prices.quote", 1)
	g.next(t)
	eventually(t, "the client has heard the server", func() bool { return c.Stats().Servers == 1 })
	changed := o.Clone()
	changed.Users = users()
	changed.Users[1].Permissions.Publish = allow("nothing")
	if err := ns.ReloadOptions(changed); err != nil {
		t.Fatal(err)
	}
	g.open.Set()
	wantError(t, call, asyncnats.ErrResponderLost)
}
