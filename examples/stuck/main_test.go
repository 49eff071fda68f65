package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A wire is a network within the process, for time that is not real: a listener, and the
// way to it.
type wire struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newWire() *wire { return &wire{conns: make(chan net.Conn), done: make(chan struct{})} }

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.done:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.done) })
	return nil
}

func (w *wire) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080} }

// dial is what a Transport asks for a connection.
func (w *wire) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case w.conns <- there:
		return here, nil
	case <-w.done:
		return nil, net.ErrClosed
	}
}

// play runs the program on a wire, in time that is not real, and fails the test unless
// the program ends with code. While it runs, look may look at its page by a client.
func play(t *testing.T, ctx context.Context, code int, look func(out string, c *http.Client), args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs buffer
	o, err := parse(args, &errs)
	if err != nil {
		t.Fatal(err)
	}
	w := newWire()
	o.listen = func(string, string) (net.Listener, error) { return w, nil }
	o.way = &http.Transport{DialContext: w.dial}
	out.told = func() {
		if look != nil && strings.Contains(out.String(), "names all five") {
			look(out.String(), &http.Client{Transport: o.way})
			look = nil
		}
	}
	if got := o.main(ctx, &out, &errs); got != code {
		t.Errorf("exit code %d, want %d; stderr %q", got, code, &errs)
	}
	if look != nil {
		t.Errorf("the page does not name all five: %s", &out)
	}
	return out.String(), errs.String()
}

// A buffer tells when it was written to.
type buffer struct {
	bytes.Buffer
	told func()
}

func (b *buffer) Write(p []byte) (int, error) {
	n, err := b.Buffer.Write(p)
	if b.told != nil {
		b.told()
	}
	return n, err
}

// All five are on the first screen, whoever asks for it.
func TestFirstScreen(t *testing.T) {
	for accept, want := range map[string][]string{
		"*/*":              {},
		"application/json": {},
		"text/html":        {},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			stdout, stderr := play(t, ctx, 130, func(_ string, c *http.Client) {
				text := get(t, c, accept)
				for _, w := range want {
					if !strings.Contains(text, w) {
						t.Errorf("%s: nothing says %q:\n%s", accept, w, text)
					}
				}
				cancel(errors.New("enough"))
			})
			_, _ = stdout, stderr
		})
	}
}

// get returns the page.
func get(t *testing.T, c *http.Client, accept string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", accept)
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestUsage(t *testing.T) {
	for args, want := range map[string]string{
		"-fast":              "not defined: -fast",
		"file":               `unexpected argument "file"`,
		"-grace -1s":         "-grace is -1s and must not be less than 0",
		"-addr nowhere:none": "stuck: listen tcp",
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), strings.Fields(args), &stdout, &stderr)
		if !strings.Contains(stderr.String(), want) || code == 0 || stdout.Len() > 0 {
			t.Errorf("%q: exit code %d, stderr %q, want %q", args, code, &stderr, want)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-h"}, &stdout, &stderr); code != 0 || !regexp.MustCompile("usage: stuck").MatchString(stderr.String()) {
		t.Errorf("-h: exit code %d, %q", code, &stderr)
	}
	_ = time.Second
}
