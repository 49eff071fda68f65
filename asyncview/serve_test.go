package asyncview_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
)

// This file tests what a view does for those who stay, which are the live events, and for
// those who change something, which is to cancel.

// A pipe is a listener whose connections are pipes, which work in a bubble.
type pipe struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// A server serves a view in a bubble.
type server struct {
	*http.Server
	pipe *pipe
}

func newServer(h http.Handler) *server {
	s := &server{&http.Server{Handler: h}, &pipe{conns: make(chan net.Conn), closed: make(chan struct{})}}
	go func() { _ = s.Serve(s.pipe) }()
	return s
}

// end shuts the server down.
func (s *server) end(t *testing.T) {
	t.Helper()
	for range 2 { // as a signal handler and a defer may
		if err := s.Shutdown(bg); err != nil {
			t.Error(err)
		}
	}
	synctest.Wait()
}

// dial asks for something and returns the connection, and what reads from it.
func (s *server) dial(t *testing.T, path string) (net.Conn, *bufio.Reader) {
	t.Helper()
	client, served := net.Pipe()
	s.pipe.conns <- served
	if _, err := fmt.Fprintf(client, "GET /%s HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n", path); err != nil {
		t.Fatal(err)
	}
	return client, bufio.NewReader(client)
}

// events returns the body of an answer that is a stream of events.
func events(t *testing.T, r *bufio.Reader) *bufio.Reader {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantEq(t, "status", resp.StatusCode, http.StatusOK)
	wantEq(t, "type", resp.Header.Get("Content-Type"), "text/event-stream")
	return bufio.NewReader(resp.Body)
}

// next reads one event.
func next(r *bufio.Reader) (name, data string, err error) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return name, data, err
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case line == "\n":
			return name, data, nil
		case field == "event":
			name = value
		case field == "data":
			data += value + "\n"
		}
	}
}

// A viewer has the whole page at once, and then every second what has changed.
func TestV6_LiveParts(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db", Limit: 2})
		srv := newServer(asyncview.Handler(s))
		client, r := srv.dial(t, "events")
		body := events(t, r)
		want := func(parts ...string) (all string) {
			t.Helper()
			for _, part := range parts {
				name, data, err := next(body)
				if err != nil {
					t.Fatal(err)
				}
				wantEq(t, "part", name, part)
				all += data
			}
			return all
		}
		all := want("status", "wrong", "scopes", "graph", "calls")
		wantHas(t, all, "Nothing that can be seen", "0 of 2 used", "0 calls.")
		want("status")
		begin(s, 3, "query", until(stop))
		all = want("status", "wrong", "scopes", "graph", "calls")
		wantHas(t, all, "2 of 2 used", "query #3", "query #1 for 1s")
		want("status", "wrong", "calls")
		client.Close()
		srv.end(t)
	})
}

// A viewer who asks for JSON has a report every second. The samples are taken meanwhile.
func TestV7_LiveReports(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db"})
		begin(s, 3, "query", until(stop))
		srv := newServer(asyncview.Handler(s))
		client, r := srv.dial(t, "events?format=json&q=%232")
		body := events(t, r)
		start := time.Now()
		for i := range 21 {
			name, data, err := next(body)
			if err != nil {
				t.Fatal(err)
			}
			var rep asyncview.Report
			if err := json.Unmarshal([]byte(data), &rep); err != nil {
				t.Fatal(err)
			}
			wantEq(t, "event", name, "report")
			wantEq(t, "time", rep.Time.Sub(start), time.Duration(i)*time.Second)
			wantEq(t, "calls", len(rep.Calls), 1)
			wantEq(t, "call", rep.Calls[0].ID, 2)
			wantEq(t, "history", len(rep.Scopes[0].History), i/5)
		}
		client.Close()
		srv.end(t)
	})
}

// The page of one call is live, too, until the call is over and after that.
func TestV6_LiveCall(t *testing.T) {
	inBubble(t, func(t *testing.T, _ chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db"})
		begin(s, 1, "query", func(context.Context) (int, error) { time.Sleep(1500 * time.Millisecond); return 0, nil })
		srv := newServer(asyncview.Handler(s))
		client, r := srv.dial(t, "events?scope=1&call=1")
		body := events(t, r)
		for _, want := range []string{", 0s before", ", 1s before", "is not in flight"} {
			for {
				name, data, err := next(body)
				if err != nil {
					t.Fatal(err)
				}
				if name == "detail" {
					wantHas(t, data, want)
					break
				}
			}
		}
		client.Close()
		srv.end(t)
	})
}

// A scope that ends, or is taken out of the list, while it is watched harms nobody.
func TestV9_AScopeEndsWhileItIsWatched(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		a, b := async.NewScope(async.ScopeOptions{Name: "a"}), async.NewScope(async.ScopeOptions{Name: "b"})
		lists := [][]*async.Scope{{a, b}, {a, b}, {a}, {}, {b}}
		n := 0
		srv := newServer(asyncview.For(func() []*async.Scope { n++; return lists[n-1] }))
		client, r := srv.dial(t, "events?format=json")
		body := events(t, r)
		begin(a, 1, "work", func(context.Context) (int, error) { return 0, nil })
		for i, list := range lists {
			_, data, err := next(body)
			if err != nil {
				t.Fatal(err)
			}
			var rep asyncview.Report
			if err := json.Unmarshal([]byte(data), &rep); err != nil {
				t.Fatal(err)
			}
			wantEq(t, "scopes", len(rep.Scopes), len(list))
			if i == 0 {
				wantEq(t, "Shutdown", a.Shutdown(bg), nil)
			} else if len(rep.Scopes) > 0 && rep.Scopes[0].Name == "a" {
				wantEq(t, "ended", rep.Scopes[0].Ended, true)
			}
			if i == len(lists)-1 {
				client.Close()
			}
		}
		srv.end(t)
	})
}

// Viewers who do not read are dropped, and keep nobody else from reading.
func TestV9_AViewerThatDoesNotRead(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db"})
		begin(s, 300, "query", until(stop))
		srv := newServer(asyncview.Handler(s))
		var dead []net.Conn
		for range 10 {
			client, _ := srv.dial(t, "events")
			dead = append(dead, client)
		}
		alive, r := srv.dial(t, "events?format=json")
		body := events(t, r)
		for range 20 {
			if _, _, err := next(body); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		for _, client := range dead {
			_ = client.SetReadDeadline(time.Now().Add(time.Nanosecond))
			_, err := io.Copy(io.Discard, client) // a pipe has no buffer: what was not read was not written
			wantEq(t, "dropped", err, nil)
		}
		alive.Close()
		srv.end(t)
	})
}

// A viewer who goes is forgotten at once; a hundred are served, and no more.
func TestV9_ViewersComeAndGo(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		srv := newServer(asyncview.Handler(async.NewScope(async.ScopeOptions{})))
		for range 2 {
			var clients []net.Conn
			for range 100 {
				client, r := srv.dial(t, "events")
				body := events(t, r)
				go func() { _, _ = io.Copy(io.Discard, body) }()
				clients = append(clients, client)
			}
			client, r := srv.dial(t, "events")
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			wantEq(t, "one too many", resp.StatusCode, http.StatusServiceUnavailable)
			_, _ = io.Copy(io.Discard, resp.Body)
			for _, c := range append(clients, client) {
				c.Close()
			}
			synctest.Wait()
		}
		srv.end(t)
	})
}

// The end of the server does not wait for the viewers.
func TestV9_TheServerShutsDown(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		srv := newServer(asyncview.Handler(async.NewScope(async.ScopeOptions{})))
		for range 3 {
			_, r := srv.dial(t, "events")
			body := events(t, r)
			go func() { _, _ = io.Copy(io.Discard, body) }()
		}
		synctest.Wait()
		start := time.Now()
		srv.end(t)
		if took := time.Since(start); took > time.Second {
			t.Errorf("Shutdown took %v", took)
		}
	})
}

// A look at the calls serves all who ask at about the same time.
func TestV9_LooksAreShared(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		looks := 0
		s := async.NewScope(async.ScopeOptions{})
		p, c := async.NewPromise[int](bg, s, async.Name("one"))
		defer c.Release()
		defer p.Complete(0, nil)
		srv := newServer(asyncview.Handler(s))
		var clients []net.Conn
		var bodies []*bufio.Reader
		for range 10 {
			client, r := srv.dial(t, "events?format=json")
			clients = append(clients, client)
			bodies = append(bodies, events(t, r))
			time.Sleep(10 * time.Millisecond) // so that two looks have two times
		}
		for range 5 {
			listed := make(map[time.Time]bool)
			for _, body := range bodies {
				_, data, err := next(body)
				if err != nil {
					t.Fatal(err)
				}
				var rep asyncview.Report
				if err := json.Unmarshal([]byte(data), &rep); err != nil {
					t.Fatal(err)
				}
				listed[rep.Listed] = true
			}
			looks += len(listed)
		}
		wantEq(t, "looks of ten viewers at five events", looks, 5)
		for _, client := range clients {
			client.Close()
		}
		srv.end(t)
	})
}

// Without AllowCancel nothing can be changed.
func TestV8_ReadOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db", Limit: 1})
		begin(s, 2, "query", until(stop))
		v := asyncview.Handler(s)
		for _, form := range []url.Values{{"scope": {"1"}, "call": {"1"}}, {"scope": {"1"}, "queue": {"1"}}} {
			wantEq(t, "refused", ask(v, "POST", "cancel", "", form).Code, http.StatusForbidden)
		}
		wantEq(t, "canceled", s.Stats().Canceled, int64(0))
		for _, path := range []string{"", "call?scope=1&call=1"} {
			if strings.Contains(get(v, path, browser), "<button type=\"submit\" class=\"danger\">") {
				t.Errorf("%q has a button to cancel", path)
			}
		}
		wantEq(t, "the report says so", report(t, v, "").CanCancel, false)
	})
}

// A call, and a queue, are canceled by POST, and the answer says what was done.
func TestV8_Cancel(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db", Limit: 1})
		c := async.Go(bg, until(stop), s, async.Name("query"))
		begin(s, 5, "<i>waiting", until(stop))
		synctest.Wait()
		v := asyncview.For(func() []*async.Scope { return []*async.Scope{s} }, asyncview.AllowCancel())
		wantEq(t, "the report says so", report(t, v, "").CanCancel, true)
		wantHas(t, get(v, "call?scope=1&call=1", browser), `<form method="post" action="cancel">`, "Cancel this call</button>")
		wantHas(t, get(v, "", browser), "Cancel the queue of db</button>")
		for _, step := range []struct {
			form   url.Values
			accept string
			status int
			want   string
		}{
			{url.Values{"scope": {"1"}, "call": {"1"}}, browser, 200, "scope db: query #1 was canceled"},
			{url.Values{"scope": {"1"}, "call": {"1"}}, "", 409, "scope db: query #1 was complete already\n"},
			{url.Values{"scope": {"1"}, "call": {"2"}}, browser, 200, "&lt;i&gt;waiting #2 was canceled"},
			{url.Values{"scope": {"1"}, "call": {"99"}}, "", 404, "scope db: no call #99 is in flight\n"},
			{url.Values{"scope": {"2"}, "call": {"3"}}, "", 404, "there is no scope with the key 2\n"},
			{url.Values{"scope": {"1"}}, "", 400, "it is not said what is to be canceled: scope=KEY&call=ID is a call, scope=KEY&queue=1 the queue of a scope\n"},
			{url.Values{"scope": {"1"}, "call": {"3"}, "queue": {"1"}}, "", 400, "it is not said what is to be canceled: scope=KEY&call=ID is a call, scope=KEY&queue=1 the queue of a scope\n"},
			{url.Values{"scope": {"1"}, "queue": {"1"}}, "application/json", 200, `{"version":1,"scope":1,"call":0,"count":4,"text":"scope db: 4 queued calls were canceled"}`},
			{url.Values{"scope": {"1"}, "queue": {"1"}}, "", 200, "scope db: 0 queued calls were canceled\n"},
			{url.Values{"x": {strings.Repeat("x", 1<<20)}}, "", 400, "the form cannot be read\n"},
		} {
			w := ask(v, "POST", "cancel", step.accept, step.form)
			wantEq(t, fmt.Sprint(step.form), w.Code, step.status)
			wantHas(t, w.Body.String(), step.want)
		}
		begin(s, 1, "by the address", until(stop))
		synctest.Wait()
		w := ask(v, "POST", "cancel?scope=1&call=7", "", nil)
		wantEq(t, "by the address", fmt.Sprint(w.Code, " ", w.Body), "200 scope db: by the address #7 was canceled\n")
		_, err := c.Finish()
		wantEq(t, "the cause", strings.HasSuffix(err.Error(), asyncview.ErrCanceled.Error()), true)
		wantEq(t, "canceled", s.Stats().Canceled, int64(7))
		wantEq(t, "by GET", ask(v, "GET", "cancel?scope=1&call=1", "", nil).Code, http.StatusMethodNotAllowed)
	})
}

// Who has canceled a call sees that on the next page, although a look may be used again.
func TestV8_CanceledIsSeen(t *testing.T) {
	s := crowd(t, 20_000)
	v := asyncview.For(func() []*async.Scope { return []*async.Scope{s} }, asyncview.AllowCancel())
	wantEq(t, "before", report(t, v, "?q=%232").Matched, 1)
	wantEq(t, "canceled", ask(v, "POST", "cancel", "", url.Values{"scope": {"1"}, "call": {"2"}}).Code, http.StatusOK)
	wantEq(t, "after", report(t, v, "?q=%232").Matched, 0)
}

// A form on a page of another site cancels nothing.
func TestV8_AnotherSite(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db"})
		begin(s, 1, "query", until(stop))
		synctest.Wait()
		v := asyncview.For(func() []*async.Scope { return []*async.Scope{s} }, asyncview.AllowCancel())
		post := func(header http.Header) int {
			r := httptest.NewRequest(http.MethodPost, "https://example.com/debug/async/cancel", strings.NewReader("scope=1&call=1"))
			r.Header = header
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			v.ServeHTTP(w, r)
			return w.Code
		}
		for _, h := range []http.Header{
			{"Sec-Fetch-Site": {"cross-site"}},
			{"Sec-Fetch-Site": {"same-site"}},
			{"Origin": {"https://evil.example"}},
			{"Origin": {"null"}},
			{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://example.com"}},
		} {
			wantEq(t, fmt.Sprint(h), post(h), http.StatusForbidden)
		}
		wantEq(t, "canceled", s.Stats().Canceled, int64(0))
		wantEq(t, "of the page itself", post(http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"https://example.com"}}), http.StatusOK)
	})
}

// A request that ends while another one looks does not wait for it.
func TestV9_ARequestThatEnds(t *testing.T) {
	v := asyncview.Handler()
	ctx, end := context.WithCancel(bg)
	end()
	ended := 0
	for range 100 { // the turn is free, so either may be taken
		w := httptest.NewRecorder()
		v.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx))
		if w.Code == http.StatusServiceUnavailable {
			ended++
		}
	}
	wantEq(t, "some ended", ended > 0, true)
	var b bytes.Buffer
	b.WriteString(get(v, "", ""))
	wantHas(t, b.String(), "nothing is wrong")
}

// Everybody looks, in every form, and cancels, while calls begin and end and scopes come and
// go. Nothing is lost: what the view says it canceled is what the ledgers say.
func TestV9_AllAtOnce(t *testing.T) {
	a, b := async.NewScope(async.ScopeOptions{Name: "a", Limit: 2, Track: true}), async.NewScope(async.ScopeOptions{Name: "b"})
	var round, canceled atomic.Int64
	v := asyncview.For(func() []*async.Scope {
		return [][]*async.Scope{{a, b}, {a}, {b, a}, {a, nil, b}}[round.Add(1)%4]
	}, asyncview.AllowCancel())
	srv := httptest.NewServer(v)
	ctx, end := context.WithCancel(bg)
	var viewers, others sync.WaitGroup
	for _, path := range []string{"/events", "/events?format=json", "/events?scope=1&call=1"} {
		viewers.Go(func() { follow(ctx, srv.URL+path, func() {}) })
	}
	rounds := 100
	if raceEnabled || testing.Short() {
		rounds = 30
	}
	for i := range 4 {
		others.Go(func() {
			for n := range rounds {
				calls := async.GoEach(bg, []int{0, 1, 2}, func(ctx context.Context, _ int) (int, error) { return 0, async.Sleep(ctx, time.Microsecond) }, a)
				begin(b, 2, "b", func(ctx context.Context) (int, error) { return calls[0].Await(ctx) })
				if rs, err := calls.Settle(bg); err != nil || len(rs) != 3 {
					t.Error(err)
				}
				calls.Release()
				path := []string{"", "?q=a&group=flat", "?sort=newest", "call?scope=1&call=1"}[n%4]
				if w := ask(v, http.MethodGet, path, []string{browser, "", "application/json"}[n%3], nil); w.Code != http.StatusOK && n%4 != 3 {
					t.Error(path, w.Code)
				}
				form := url.Values{"scope": {fmt.Sprint(1 + i%2)}, "call": {fmt.Sprint(n)}}
				if n%5 == 0 {
					form = url.Values{"scope": {"1"}, "queue": {"1"}}
				}
				var done asyncview.Canceled
				if err := json.Unmarshal(ask(v, http.MethodPost, "cancel", "application/json", form).Body.Bytes(), &done); err != nil {
					t.Error(err)
				}
				canceled.Add(int64(done.Count))
			}
		})
	}
	others.Wait()
	end()
	viewers.Wait()
	srv.Close()
	for _, s := range []*async.Scope{a, b} {
		if err := s.Shutdown(bg); err != nil {
			t.Error(err)
		}
	}
	wantEq(t, "canceled", canceled.Load(), a.Stats().Canceled+b.Stats().Canceled)
	http.DefaultClient.CloseIdleConnections()
}
