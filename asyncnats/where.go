package asyncnats

import (
	"context"
	"strings"

	place "github.com/seed4712c49f/async/internal/remote"
)

// This file says where a call is, for whoever looks at the scope of the call: on the page of
// asyncview, in a dump, by async.CallInfo. Nothing is done for that before somebody looks.

// A where is the context that a call with options is begun with: that of the user, and a
// place (place.Place), which package async asks for what the call waits for. A call without
// options is in no scope, so nobody can look at it.
type where struct {
	context.Context
	client *Client
	entry  *entry
}

func (c *Client) where(ctx context.Context, e *entry) context.Context {
	if ctx == nil {
		return nil // which package async refuses
	}
	return &where{ctx, c, e}
}

// Value returns the place, and the values of the user.
func (w *where) Value(key any) any {
	if key == (place.Key{}) {
		return w
	}
	return w.Context.Value(key)
}

// Name says where the call is: its subject, and the server that has it, from the server's first
// sign of life on; or that the request was not sent.
func (w *where) Name() string {
	e := w.entry
	w.client.mu.Lock()
	defer w.client.mu.Unlock()
	t := &w.client.table
	switch {
	case e.in == &t.queued && w.client.line.down:
		return e.subject + ", when NATS is there again"
	case e.in == &t.queued:
		return e.subject + ", not sent yet"
	case e.in == &t.asking:
		return e.subject + ", at a server that is looked for"
	case e.in == &t.again:
		return e.subject + ", which nobody serves yet"
	case e.peer != nil:
		return e.subject + " at " + e.peer.title()
	}
	return e.subject
}

// title names a server: its service, and the id by which nats micro knows the server.
func (p *peer) title() string {
	service, id, _ := strings.Cut(p.name, " ")
	if service == "" {
		return "a server"
	}
	return service + " " + id
}
