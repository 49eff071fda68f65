package asyncview

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/maphash"
	"net/http"
	"sync"
	"time"
)

// This file is the live view: server-sent events, by the goroutine of the viewer's own
// request.

const (
	tick        = time.Second      // from one event to the next
	slowest     = 5 * time.Second  // the same, where events take long to make
	patience    = 10 * time.Second // how long a viewer may take to read one
	mostViewers = 100
	atOnce      = 500 * time.Millisecond // viewers whose turn comes within that time share a look
)

// A viewer is somebody who is connected to the events.
type viewer struct {
	v    *View
	w    http.ResponseWriter
	to   *http.ResponseController
	form form
	q    Query
	ref  Ref // with a page of one call
	one  bool
	seed maphash.Seed
	sent map[string]uint64 // the hash of each part of the page that the viewer has

	ignored []string // parameters that q does not follow
}

// serveEvents serves events until the viewer goes, does not read, or the server shuts down.
func (v *View) serveEvents(w http.ResponseWriter, r *http.Request) {
	defer v.viewers.Add(-1)
	if v.viewers.Add(1) > mostViewers {
		v.fail(w, r, http.StatusServiceUnavailable, "there are too many viewers")
		return
	}
	down, err := v.shutdown(r.Context())
	if err != nil {
		return
	}
	get := r.URL.Query().Get
	q, ignored := queryOf(r)
	x := &viewer{
		v: v, w: w, to: http.NewResponseController(w), form: form(get("format")), q: q, ignored: ignored,
		ref: refOf(get), one: get("call") != "", seed: maphash.MakeSeed(), sent: make(map[string]uint64),
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // of proxies that would collect the events
	x.follow(r.Context(), down)
}

// follow sends events, one at a time.
func (x *viewer) follow(ctx context.Context, down <-chan struct{}) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-down:
			return
		case <-pause.C:
		}
		start := time.Now()
		if x.send(ctx) != nil {
			return
		}
		pause.Reset(x.v.pace(time.Since(start)))
	}
}

// pace returns how long a viewer pauses whose last event took some time to make: all viewers
// together take no more than a share of the time. On a machine that is busy everything takes
// long, so there is a bound: that is when people look.
func (v *View) pace(took time.Duration) time.Duration {
	return min(max(tick, share*took*time.Duration(v.viewers.Load())), slowest)
}

// send looks, and sends what has changed.
func (x *viewer) send(ctx context.Context) error {
	report, err := x.look(ctx)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if x.form == asJSON {
		b.WriteString("event: report\ndata: ")
		err = json.NewEncoder(&b).Encode(report) // one line, and its end
		b.WriteString("\n")
	} else {
		err = x.writeParts(&b, report)
	}
	if err != nil {
		return err
	}
	return x.write(b.Bytes())
}

func (x *viewer) look(ctx context.Context) (*Report, error) {
	if x.one {
		return x.v.reportCall(ctx, x.ref)
	}
	s, err := x.v.see(ctx, x.q, atOnce)
	if err != nil {
		return nil, err
	}
	report := s.report()
	report.Ignored = x.ignored
	return report, nil
}

// writeParts writes an event for each part of the page that is not as the viewer has it.
func (x *viewer) writeParts(b *bytes.Buffer, report *Report) error {
	data := newPage(report)
	data.Live = true
	parts := []string{"status", "wrong", "scopes", "graph", "calls"}
	if x.one {
		parts = []string{"status", "detail"}
	}
	var part bytes.Buffer
	for _, name := range parts {
		part.Reset()
		if err := x.v.page.ExecuteTemplate(&part, name, data); err != nil {
			return err
		}
		sum := maphash.Bytes(x.seed, part.Bytes())
		if old, ok := x.sent[name]; ok && old == sum {
			continue
		}
		x.sent[name] = sum
		b.WriteString("event: " + name + "\n")
		for line := range bytes.Lines(part.Bytes()) {
			b.WriteString("data: ")
			b.Write(bytes.TrimRight(line, "\r\n"))
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	return nil
}

// write writes to the viewer, who is dropped where that takes too long.
func (x *viewer) write(data []byte) error {
	if err := x.to.SetWriteDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := x.w.Write(data); err != nil {
		return err
	}
	return x.to.Flush()
}

// shutdown returns a channel that is closed when the server of a request shuts down, which
// does not end the request's context: the server would wait for the viewers. The channel is
// nil where the server is not known.
func (v *View) shutdown(ctx context.Context) (<-chan struct{}, error) {
	srv, ok := ctx.Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return nil, nil
	}
	if err := v.take(ctx); err != nil {
		return nil, err
	}
	defer v.give()
	down := v.servers[srv]
	if down == nil {
		down = make(chan struct{})
		v.servers[srv] = down
		srv.RegisterOnShutdown(sync.OnceFunc(func() { close(down) })) // a Shutdown may be called again
	}
	return down, nil
}
