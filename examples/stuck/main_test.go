package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"html"
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

	"github.com/seed4712c49f/async/asyncview"
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

// play runs the program on a wire, in time that is not real, and fails the test unless it
// ends with code. When the program says that the page names all five, look may look at it.
func play(t *testing.T, ctx context.Context, code int, look func(c *http.Client), args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	o, err := parse(args, &errs)
	if err != nil {
		t.Fatal(err)
	}
	w := newWire()
	o.listen = func(string, string) (net.Listener, error) { return w, nil }
	o.way = &http.Transport{DialContext: w.dial}
	told := writerFunc(func(p []byte) (int, error) {
		n, err := out.Write(p)
		if look != nil && bytes.Contains(p, []byte("names all five")) {
			look(&http.Client{Transport: o.way})
		}
		return n, err
	})
	if got := o.main(ctx, told, &errs); got != code {
		t.Errorf("exit code %d, want %d; stderr %q", got, code, &errs)
	}
	return out.String(), errs.String()
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// named is what the first screen has to say, in every form.
var named = []string{
	"3 calls wait for each other: invoice 17 #2 → discount of Ada #1 → turnover of Ada #4 → invoice 17 #2",
	"report of October #1 was canceled", "payment 4711 #1", "nobody has completed the promise",
	"results are there that nobody has taken", "(*shop).record", "scope mail: the queue", "calls are queued",
}

// The first screen has all five, as text, as JSON and as HTML.
func TestFirstScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		looked := false
		stdout, stderr := play(t, ctx, 130, func(c *http.Client) {
			looked = true
			text := get(t, c, "*/*")
			says(t, "the text", strings.Join(strings.SplitAfterN(text, "\n", 25)[:24], ""), named...)
			page := html.UnescapeString(get(t, c, "text/html"))
			_, wrong, _ := strings.Cut(page, "<h2 id=\"wrong-heading\">")
			wrong, _, _ = strings.Cut(wrong, "</section>")
			says(t, "the page", wrong, named...)
			report := new(asyncview.Report)
			if err := json.Unmarshal([]byte(get(t, c, "application/json")), report); err != nil {
				t.Error(err)
			}
			for _, f := range faults() {
				if f.in(report) == nil {
					t.Errorf("the JSON does not name %+v", f)
				}
			}
			cancel(errors.New("enough"))
		}, "-text=false")
		if !looked {
			t.Error("the program does not say when all five can be seen")
		}
		says(t, "the program", stdout, append(named[:4:4], "http://127.0.0.1:8080/debug/async/",
			`scope "reports" did not stop: context deadline exceeded; call "report of October" #1, canceled`)...)
		says(t, "stderr", stderr, "stuck: interrupted: enough\n")
	})
}

// says fails the test for every text that is not part of said.
func says(t *testing.T, who, said string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("%s does not say %q:\n%s", who, text, said)
		}
	}
}

// As text the program prints the first screen and ends well.
func TestText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stdout, _ := play(t, t.Context(), 0, nil, "-text")
		says(t, "the program", stdout, named...)
		says(t, "the program", stdout, "… and ", `"report of October" #1, canceled`)
		if n := strings.Count(stdout, "\n"); n > 60 {
			t.Errorf("a screen of %d lines", n)
		}
	})
}

// Interrupted before all five can be seen, the program ends in order, too.
func TestInterrupt(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, 70 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeoutCause(t.Context(), after, errors.New("enough"))
			defer cancel()
			for _, text := range []string{"-text", "-text=false"} {
				_, stderr := play(t, ctx, 130, nil, text)
				says(t, "stderr", stderr, "stuck: interrupted: enough\n")
			}
		})
	}
}

// A page that is no page is a failure.
func TestFailure(t *testing.T) {
	o, err := parse([]string{"-text"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	o.way = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("the way is blocked") }}
	var stdout, stderr bytes.Buffer
	if code := o.main(t.Context(), &stdout, &stderr); code != 1 {
		t.Errorf("exit code %d", code)
	}
	says(t, "stderr", stderr.String(), "stuck: ", "the way is blocked")
}

// get returns the page.
func get(t *testing.T, c *http.Client, accept string) string {
	t.Helper()
	p := &page{url: "http://shop" + path, client: c}
	text, err := p.get(t.Context(), accept)
	if err != nil {
		t.Error(err)
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
}
