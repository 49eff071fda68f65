package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async/examples/internal/console"
)

// A transport counts the requests that are under way: from their beginning until
// the body is closed.
type transport struct {
	http.RoundTripper
	now, most atomic.Int64
}

func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	n := tr.now.Add(1)
	for m := tr.most.Load(); n > m && !tr.most.CompareAndSwap(m, n); {
		m = tr.most.Load()
	}
	resp, err := tr.RoundTripper.RoundTrip(r)
	if err != nil {
		tr.now.Add(-1)
		return nil, err
	}
	resp.Body = &body{ReadCloser: resp.Body, closed: sync.OnceFunc(func() { tr.now.Add(-1) })}
	return resp, nil
}

type body struct {
	io.ReadCloser
	closed func()
}

func (b *body) Close() error {
	b.closed()
	return b.ReadCloser.Close()
}

// newTestCrawl returns a crawl of u, and what its board writes.
func newTestCrawl(u *url.URL, limit int) (*crawl, *bytes.Buffer) {
	out := new(bytes.Buffer)
	return newCrawl(&options{url: u, max: maxPages, limit: limit}, newBoard(console.New(out))), out
}

// Every page of a site is fetched once, whatever the site and the limit, and never
// more than the limit at the same time.
func TestCrawl_everyPageOnce(t *testing.T) {
	for seed, limit := range []int{1, 2, 8, 8, 64} {
		t.Run(fmt.Sprintf("seed %d limit %d", seed, limit), func(t *testing.T) {
			t.Parallel()
			s := newSite(uint64(seed), 150)
			for i := range s.sheets {
				s.sheets[i].delay /= 20
			}
			v, err := serve(s)
			if err != nil {
				t.Fatal(err)
			}
			defer v.stop()
			c, _ := newTestCrawl(v.url, limit)
			tr := &transport{RoundTripper: c.client.Transport}
			c.client.Transport = tr
			if err := c.run(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			c.client.CloseIdleConnections()
			checkPages(t, c, v)
			if most := tr.most.Load(); most > int64(limit) || most < min(int64(limit), 4) {
				t.Errorf("%d requests were under way at the same time, the limit is %d", most, limit)
			}
			if c.most[stateFetching] > limit {
				t.Errorf("%d pages were being fetched at the same time", c.most[stateFetching])
			}
		})
	}
}

// checkPages compares what a crawl has made of the pages with what they are.
func checkPages(t *testing.T, c *crawl, v *server) {
	t.Helper()
	sick := 0
	for _, p := range v.site.sheets {
		want := stateDone
		if p.kind > kindMoved {
			want = stateBroken
			sick++
		}
		if got, ok := c.pages[p.path]; !ok || got != want {
			t.Errorf("page %s is %d, want %d", p.path, got, want)
		}
		if n := v.requests[p.path]; n != 1 {
			t.Errorf("page %s was asked for %d times", p.path, n)
		}
	}
	all := len(v.site.sheets)
	if len(c.pages) != all || len(v.requests) != all || len(c.broken) != sick {
		t.Errorf("%d pages, %d asked for, %d broken; want %d, and %d broken", len(c.pages), len(v.requests), len(c.broken), all, sick)
	}
	s := c.scope.Stats()
	if s.Begun != int64(all) || s.Failed != int64(sick) || s.Returned != int64(all-sick) || s.Taken != int64(all) {
		t.Errorf("the ledger says %+v", s)
	}
}

// One slot is enough for pages that wait for one another, however many there are:
// each lends it to the next.
func TestCrawl_oneSlot(t *testing.T) {
	const length = 50
	u := host(t, func(w http.ResponseWriter, r *http.Request) {
		if n, _ := strconv.Atoi(r.URL.Path[1:]); n < length {
			linked(w, fmt.Sprintf("/%d", n+1))
		}
	})
	start(t.Context(), "-url", u+"/1", "-limit", "1").want(t, 0,
		"50 pages found, 50 fetched", "being fetched     1 .* the limit is 1", "waiting          50", "in one chain     50  pages")
}

// Links to other hosts, to the same page and to what is no page are not followed,
// nor are more than -max pages fetched.
func TestCrawl_follows(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	u := host(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.URL.RequestURI())
		mu.Unlock()
		switch r.URL.Path {
		case "/":
			linked(w, "/a", "/a#part", "#top", "", "?q=1&amp;r=2", "mailto:me@example.org", "https://"+r.Host+"/", "http://example.org/", "http://[::1")
		case "/a":
			http.Redirect(w, r, "/b", http.StatusMovedPermanently)
		case "/b":
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, `<a href="/text">`)
		}
	})
	start(t.Context(), "-url", u).want(t, 0, "4 pages found, 4 fetched, 0 broken")
	slices.Sort(asked)
	if got := fmt.Sprint(asked); got != "[/ /?q=1&r=2 /a /b]" {
		t.Errorf("asked for %s", got)
	}
	asked = nil
	start(t.Context(), "-url", u, "-max", "2").want(t, 0, "2 pages found, 2 fetched, 0 broken")
	if len(asked) != 2 {
		t.Errorf("asked for %s", asked)
	}
}

// After an interrupt, the pages that are being fetched come to their end, and no
// other begins.
func TestInterrupt_inOrder(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	release := make(chan struct{})
	var asked atomic.Int64
	u := host(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			linked(w, "/1", "/2", "/3", "/4", "/5", "/6")
			return
		}
		if asked.Add(1) == 3 {
			cancel(errors.New("the user has had enough"))
		}
		<-release
		linked(w, r.URL.Path+"/below")
	})
	var out bytes.Buffer // written by the board alone, under its lock, until run ends
	code := run(ctx, []string{"-url", u, "-limit", "3", "-grace", "1h"}, writerFunc(func(p []byte) {
		out.Write(p)
		if bytes.Contains(p, []byte("Stopping")) {
			close(release)
		}
	}), &out)
	result{code, out.String(), ""}.want(t, 130, "Stopping: the user has had enough. No page is begun any more, those being fetched have 1h",
		"Stopped in order after", `: \d+ pages found, 4 fetched, 0 broken, \d not begun`, "3 canceled", "interrupted: the user has had enough")
	if asked.Load() != 3 {
		t.Errorf("%d pages were asked for, want 3", asked.Load())
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

// What is not over within the grace is canceled and listed.
func TestInterrupt_canceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Int64
	u := host(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			linked(w, "/1", "/2", "/3")
			return
		}
		if asked.Add(1) == 2 {
			cancel()
		}
		<-r.Context().Done()
	})
	start(ctx, "-url", u, "-limit", "2", "-grace", "20ms").want(t, 130,
		`Canceled after 20ms: \d calls.\n.* 1 had come and waited for their links; \d had not:\n.* /1, begun .* ago\n.* /2, begun .* ago\n`,
		"All of them have stopped since", "1 fetched, 0 broken, 2 cut off, \\d not begun",
		`begun = 0 returned \+ \d failed \+ \d canceled \+ 0 pending`, `0 running, \d stopped after their calls were canceled`)
}

// An interrupt before anything.
func TestInterrupt_before(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start(ctx).want(t, 130, "Stopping: context canceled", "interrupted: context canceled")
}

// roundTripper answers without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A page that does not stop although it was canceled is listed.
func TestInterrupt_stuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, errors.New("over"))
		defer cancel()
		c, out := newTestCrawl(&url.URL{Scheme: "http", Host: "site"}, 2)
		c.client.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			text := ""
			switch r.URL.Path {
			case "":
				text = "<a href=/quick><a href=/deaf><a href=/kind>"
			case "/deaf":
				time.Sleep(time.Hour)
			case "/kind":
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return &http.Response{
				StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}},
				Body: io.NopCloser(strings.NewReader(text)), Request: r,
			}, nil
		})
		if err := c.run(ctx, 3*time.Second); err == nil || err.Error() != "over" {
			t.Errorf("error %v", err)
		}
		const want = `
10.000s  Stopping: over. No page is begun any more, those being fetched have 3s.
13.000s  Canceled after 3s: 3 calls.
13.000s    1 had come and waited for their links; 2 had not:
13.000s      /deaf, begun 13s ago
13.000s      /kind, begun 13s ago
14.000s  Did not stop: 1 call.
14.000s      /deaf, canceled 1s ago
`
		if got := "\n" + out.String(); got != want {
			t.Errorf("printed:%s\nwant:%s", got, want)
		}
		out.Reset()
		c.ledger(out)
		// What is below a canceled call may return before it is canceled itself.
		ledger := regexp.MustCompile(`4 begun = 1 returned \+ [01] failed \+ [23] canceled \+ 0 pending\n(.*\n)*  functions  1 running`)
		if !ledger.Match(out.Bytes()) {
			t.Errorf("the ledger says %s", out)
		}
		if err := c.scope.Shutdown(context.Background()); err != nil { // an hour later
			t.Error(err)
		}
	})
}
