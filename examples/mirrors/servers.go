package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/seed4712c49f/async"
)

// The demonstration: four mirrors on loopback, each a server of its own.

const (
	demoSize  = 8 << 20
	demoPiece = 128 << 10 // sent at once
)

// A content is the file that the demonstration's mirrors have: the same at every
// run.
type content struct {
	bytes []byte
	sum   string
}

func newContent() *content {
	c := &content{bytes: make([]byte, demoSize)}
	_, _ = rand.NewChaCha8([32]byte{}).Read(c.bytes) // never fails
	sum := sha256.Sum256(c.bytes)
	c.sum = hex.EncodeToString(sum[:])
	return c
}

// serve returns a handler that answers after a delay and pauses after each piece.
func (c *content) serve(delay, pause time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !sleep(r.Context(), delay) {
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(c.bytes)))
		w.Header().Set(checksumHeader, c.sum)
		for piece := range slices.Chunk(c.bytes, demoPiece) {
			if _, err := w.Write(piece); err != nil || !sleep(r.Context(), pause) {
				return
			}
		}
	}
}

// sleep reports whether the time passed before the client left.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func busy(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "come back later", http.StatusServiceUnavailable)
}

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// servers are HTTP servers, and the calls that run them.
type servers struct {
	https []*http.Server
	calls async.Calls[struct{}]
}

// demonstrate starts the four mirrors where the command line names none, and
// says so.
func (o *options) demonstrate(out io.Writer) (*servers, error) {
	s := new(servers)
	if len(o.mirrors) > 0 {
		return s, nil
	}
	c := newContent()
	fmt.Fprintf(out, "No URLs are given, so here are four mirrors of one file of %s:\n", formatSize(demoSize))
	for _, m := range []struct {
		name, does string
		handler    http.HandlerFunc
	}{
		{"silent", "accepts and never answers", silent},
		{"busy", "answers 503 Service Unavailable", busy},
		{"slow", "answers after 2s", c.serve(2*time.Second, 50*time.Millisecond)},
		{"fast", "answers after 200ms", c.serve(200*time.Millisecond, 10*time.Millisecond)},
	} {
		addr, err := s.start(m.handler)
		if err != nil {
			s.stop()
			return nil, err
		}
		u := &url.URL{Scheme: "http", Host: addr.String(), Path: "/" + m.name}
		o.mirrors = append(o.mirrors, u)
		fmt.Fprintf(out, "  %-30s %s\n", u, m.does)
	}
	fmt.Fprintln(out)
	return s, nil
}

// start starts a server on a free port of loopback.
func (s *servers) start(h http.Handler) (net.Addr, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: h}
	s.https = append(s.https, srv)
	s.calls = append(s.calls, async.Go(context.Background(), func(context.Context) (struct{}, error) {
		return struct{}{}, srv.Serve(l)
	}))
	return l.Addr(), nil
}

// stop closes every connection and waits until no server runs.
func (s *servers) stop() {
	for _, srv := range s.https {
		_ = srv.Close()
	}
	_, _ = s.calls.Settle(context.Background())
}
