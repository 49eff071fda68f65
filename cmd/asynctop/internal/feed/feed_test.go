package feed_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/feed"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve returns the address of a server, which ends with the test.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL + "/debug/async/"
}

// open returns a feed of an address.
func open(t *testing.T, address string, headers ...string) *feed.Feed {
	t.Helper()
	h, err := feed.Headers(headers, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	f, err := feed.New(address, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(v)
}

func report(program string) *asyncview.Report {
	return &asyncview.Report{Version: asyncview.Version, Time: time.Now(), Program: program}
}

// A real view answers all that is asked, and does what it is told.
func TestView(t *testing.T) {
	scope := async.NewScope(async.ScopeOptions{Name: "shop", Limit: 1, Track: true})
	wait := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
	first := async.Go(t.Context(), wait, scope, async.Name("first"))
	second := async.Go(t.Context(), wait, scope, async.Name("second"))
	defer first.Release()
	defer second.Release()
	view := asyncview.For(func() []*async.Scope { return []*async.Scope{scope} }, asyncview.AllowCancel())
	f := open(t, serve(t, view.ServeHTTP))

	r, err := f.Report(t.Context(), asyncview.Query{Search: "SEC", Limit: 10})
	if err != nil || len(r.Calls) != 1 || r.Calls[0].Name != "second" || r.Query.Search != "SEC" || r.Scopes[0].Name != "shop" {
		t.Fatalf("%+v, %v", r, err)
	}
	ref := asyncview.Ref{Scope: r.Scopes[0].Key, Call: first.Info().ID}
	r, err = f.Call(t.Context(), ref)
	if err != nil || !r.Detail.Found || r.Detail.Call.Name != "first" || !strings.Contains(r.Detail.Call.Stack, "TestView") {
		t.Fatalf("%+v, %v", r, err)
	}
	c, err := f.Cancel(t.Context(), asyncview.Ref{Scope: ref.Scope}) // the queue
	if err != nil || c.Count != 1 || second.Info().Canceled.IsZero() || !first.Info().Canceled.IsZero() {
		t.Fatalf("%+v, %v", c, err)
	}
	if c, err = f.Cancel(t.Context(), ref); err != nil || c.Count != 1 || first.Info().Canceled.IsZero() {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := scope.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, err = f.Cancel(t.Context(), ref); err != nil || c.Count != 0 || c.Text == "" { // an answer with a status of no success
		t.Fatalf("%+v, %v", c, err)
	}
	if r, err = f.Call(t.Context(), ref); err != nil || r.Detail.Found {
		t.Fatalf("%+v, %v", r, err)
	}

	f = open(t, serve(t, asyncview.Handler(scope).ServeHTTP))
	if _, err := f.Cancel(t.Context(), ref); !errors.Is(err, feed.ErrRefused) || !strings.Contains(err.Error(), "AllowCancel") {
		t.Errorf("cancel without AllowCancel: %v", err)
	}
}

// Watch follows the events of a real view, and connects again.
func TestWatch_events(t *testing.T) {
	scope := async.NewScope(async.ScopeOptions{Name: "shop"})
	view, requests := asyncview.Handler(scope), make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r.URL.Path
		view.ServeHTTP(w, r)
	}))
	defer server.Close()
	f := open(t, server.URL+"/debug/async/")
	f.Hurry()
	begun := int64(0)
	watch(t, f, func(n int, u feed.Update) bool {
		if u.Err != nil {
			t.Errorf("update %d: %v", n, u.Err)
			return false
		}
		if got := u.Report.Scopes[0].Stats.Begun; got != begun {
			t.Errorf("update %d has %d calls, want %d", n, got, begun)
		}
		_, _ = async.Go(t.Context(), func(context.Context) (int, error) { return 0, nil }, scope).Await(t.Context())
		begun++
		if n == 2 {
			server.CloseClientConnections() // also of the events, which are connected again
		}
		return n < 4
	})
	got := []string{<-requests, <-requests, <-requests, <-requests}
	if want := "[/debug/async/ /debug/async/events /debug/async/ /debug/async/events]"; fmt.Sprint(got) != want {
		t.Errorf("asked for %v, want %s", got, want)
	}
}

// watch watches until seen returns false.
func watch(t *testing.T, f *feed.Feed, seen func(n int, u feed.Update) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n, over := 0, false
	f.Watch(ctx, asyncview.Query{}, func(u feed.Update) {
		if over {
			t.Error("an update after the end")
		}
		if !seen(n, u) {
			over = true
			cancel()
		}
		n++
	})
	if !over {
		t.Errorf("Watch ended after %d updates", n)
	}
}

// A server without events is asked again and again; one whose events never come, too.
func TestWatch_poll(t *testing.T) {
	for name, events := range map[string]http.HandlerFunc{
		"none":      http.NotFound,
		"a page":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"kept":      func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"never one": func(w http.ResponseWriter, r *http.Request) { stream(w, ": hello\n\n"); <-r.Context().Done() },
		"nonsense":  func(w http.ResponseWriter, _ *http.Request) { stream(w, "event: report\ndata: {\"version\":\n\n") },
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/events") {
					events(w, r)
					return
				}
				writeJSON(w, report("it"))
			}))
			f.Hurry()
			watch(t, f, func(n int, u feed.Update) bool {
				if u.Err != nil || u.Report.Program != "it" {
					t.Errorf("%+v", u)
				}
				return n < 3
			})
		})
	}
	f := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			t.Error("an interval was asked for, and the feed asks for events")
		}
		writeJSON(w, report("it"))
	}))
	f.Interval = time.Millisecond
	watch(t, f, func(n int, _ feed.Update) bool { return n < 3 })
}

func stream(w http.ResponseWriter, s string) {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, s)
	w.(http.Flusher).Flush()
}

// Events come in all forms that the standard knows.
func TestWatch_forms(t *testing.T) {
	one, _ := json.Marshal(report("one"))
	two, _ := json.MarshalIndent(report("two"), "data: ", " ")
	f := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/events") {
			writeJSON(w, report("zero"))
			return
		}
		stream(w, ": a comment\r\n\r\nevent: other\ndata: x\n\nid: 7\nretry: 5\nevent: report\r\ndata:"+string(one)+"\r\n\r\nevent: report\ndata: "+string(two)+"\n\n")
		<-r.Context().Done()
	}))
	watch(t, f, func(n int, u feed.Update) bool {
		if want := []string{"zero", "one", "two"}[n]; u.Err != nil || u.Report.Program != want {
			t.Errorf("update %d is %+v, want %s", n, u, want)
		}
		return n < 2
	})
}

// A server that is away is asked again, after pauses that grow, until it is there.
func TestWatch_away(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	f := open(t, address)
	f.Hurry()
	var server *httptest.Server
	defer func() { server.Close() }()
	last := time.Duration(0)
	watch(t, f, func(n int, u feed.Update) bool {
		switch {
		case n < 3:
			if !errors.Is(u.Err, feed.ErrAway) || u.Again < last {
				t.Errorf("update %d: %+v", n, u)
			}
			last = u.Again
		case n == 3:
			l, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, report("back")) }))
			server.Listener.Close()
			server.Listener = l
			server.Start()
		case u.Err == nil:
			if u.Report.Program != "back" {
				t.Errorf("%+v", u.Report)
			}
			return false
		}
		return true
	})
}

func TestErrors(t *testing.T) {
	login := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/login" {
			http.Redirect(w, r, "/login", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>")
	})
	answer := func(status int, kind, body string) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
	}
	const j = "application/json"
	for name, test := range map[string]struct {
		address string
		headers []string
		kind    error
		text    string
	}{
		"nobody listens": {"localhost:1", nil, feed.ErrAway, "cannot reach localhost:1: connect: connection refused"},
		"no such host":   {"http://no.such.host.invalid/", nil, feed.ErrAway, "cannot reach no.such.host.invalid: "},
		"401":            {answer(401, "text/plain", ""), nil, feed.ErrRefused, "asks for credentials (401 Unauthorized): give them by -H"},
		"401 with some":  {answer(401, "text/plain", ""), []string{"Authorization: Bearer x"}, feed.ErrRefused, "does not accept the credentials"},
		"403":            {answer(403, "text/plain", ""), nil, feed.ErrRefused, "does not allow this (403 Forbidden)"},
		"404":            {answer(404, "text/plain", ""), nil, feed.ErrNoView, "404 Not Found; the path is usually /debug/async/"},
		"418":            {answer(418, "text/plain", ""), nil, feed.ErrNoView, "418 I'm a teapot"},
		"503":            {answer(503, "text/plain", ""), nil, feed.ErrAway, "answers 503 Service Unavailable"},
		"503 of a view":  {answer(503, j, `{"version":1,"error":"there are too many viewers\u001b[2J"}`), nil, feed.ErrAway, `Unavailable: there are too many viewers\x1b[2J`},
		"a page":         {answer(200, "text/html; charset=utf-8", "<html>"), nil, feed.ErrNoView, "is no asyncview: its answer is text/html"},
		"an escape":      {answer(200, "a\x1b[2Jb/c", "<html>"), nil, feed.ErrAway, "malformed"},
		"no HTTP":        {raw(t, "SSH-2.0-\x1b[2J\r\n"), nil, feed.ErrAway, "malformed HTTP"},
		"no type":        {answer(200, "", "<html>"), nil, feed.ErrNoView, "is no asyncview"},
		"a login":        {login, nil, feed.ErrNoView, "its answer is text/html, after a redirect to 127.0.0.1:"},
		"other JSON":     {answer(200, j, `{"status":"ok"}`), nil, feed.ErrNoView, "JSON of another kind"},
		"a list":         {answer(200, j, `[]`), nil, feed.ErrNoView, "JSON of another kind"},
		"half":           {answer(200, j, `{"version":1,`), nil, feed.ErrNoView, "JSON of another kind"},
		"newer":          {answer(200, j, `{"version":2,"scopes":"none"}`), nil, feed.ErrSchema, "speaks version 2 of the schema, and this asynctop version 1"},
		"huge":           {serve(t, huge), nil, feed.ErrNoView, "is larger than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, test.address, test.headers...)
			_, err := f.Report(t.Context(), asyncview.Query{})
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%v is not %v with %q", err, test.kind, test.text)
			}
			if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
				t.Errorf("%q controls the terminal", err)
			}
		})
	}
	f := open(t, answer(200, j, `{"version":1}`))
	if _, err := f.Call(t.Context(), asyncview.Ref{}); !errors.Is(err, feed.ErrNoView) {
		t.Errorf("a report without the call: %v", err)
	}
	f = open(t, answer(200, j, `{"ok":true}`))
	if _, err := f.Cancel(t.Context(), asyncview.Ref{}); !errors.Is(err, feed.ErrNoView) {
		t.Errorf("an answer to cancel that is none: %v", err)
	}
	f = open(t, answer(200, j, `{"version":3}`))
	if _, err := f.Cancel(t.Context(), asyncview.Ref{}); !errors.Is(err, feed.ErrSchema) {
		t.Errorf("an answer to cancel of another version: %v", err)
	}
}

// raw returns the address of a server that says one thing.
func raw(t *testing.T, says string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			bufio.NewReader(c).ReadString('\n')
			io.WriteString(c, says)
			c.Close()
		}
	}()
	return l.Addr().String()
}

// huge never ends.
func huge(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	block := []byte(`{"version":1,"program":"` + strings.Repeat("x", 1<<20))
	for range 1000 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
	panic("a gigabyte was read")
}

// What the person gives is sent: headers, the user and the parameters of the address.
func TestRequests(t *testing.T) {
	got := make(chan *http.Request, 1)
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got <- r
		writeJSON(w, report("it"))
	})
	file := t.TempDir() + "/headers"
	if err := os.WriteFile(file, []byte("X-One: 1\nX-Two:two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address = strings.Replace(address, "http://", "http://me:secret@", 1) + "?token=7#here"
	f := open(t, strings.Replace(address, "/debug/async/", "/debug/async", 1), "@"+file, "host: shop.example", "X-Two: 2")
	if strings.Contains(f.Address(), "secret") || strings.Contains(f.Address(), "token") || !strings.Contains(f.Address(), "me@127.0.0.1") {
		t.Errorf("the address is %s", f.Address())
	}
	if _, err := f.Report(t.Context(), asyncview.Query{Search: "a&b", Scope: 2, State: asyncview.Queued, Limit: 5, Stacks: true}); err != nil {
		t.Fatal(err)
	}
	r := <-got
	user, password, _ := r.BasicAuth()
	have := fmt.Sprint(r.URL.Path, " ", r.URL.Query(), " ", user, ":", password, " ", r.Header["X-One"], r.Header["X-Two"], " ", r.Host, " ", r.Header.Get("Accept"))
	const want = "/debug/async/ map[format:[json] limit:[5] q:[a&b] scope:[2] stacks:[1] state:[queued] token:[7]] me:secret [1] [two 2] shop.example application/json"
	if have != want {
		t.Errorf("sent\n%s\nwant\n%s", have, want)
	}
}

func TestNew(t *testing.T) {
	for address, want := range map[string]string{
		"":                 "names no host",
		"http://":          "names no host",
		"http://:8080/":    "names no host",
		"ftp://localhost/": `begins with "ftp://"`,
		"http://a b/":      "the address is none",
		"http://[::1/":     "the address is none",
	} {
		if _, err := feed.New(address, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", address, err, want)
		}
	}
	for _, header := range []string{"", "x", ": y", "a b: c", "@/no/such/file", "X: a\x00"} {
		if h, err := feed.Headers([]string{header}, os.ReadFile); err == nil {
			t.Errorf("header %q is taken: %v", header, h)
		}
	}
}
