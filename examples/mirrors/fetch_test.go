package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async/examples/internal/console"
)

// A transport answers for every mirror, without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A body counts itself while it is open.
type body struct {
	io.Reader
	open *atomic.Int64
}

func (b body) Close() error {
	b.open.Add(-1)
	return nil
}

func answer(status int, open *atomic.Int64) *http.Response {
	open.Add(1)
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status),
		ContentLength: int64(len(text)), Body: body{strings.NewReader(text), open},
	}
}

// newFetch returns a fetch of mirrors whose names are given, and what its board
// writes.
func newFetch(hedge time.Duration, tr transport, names ...string) (*fetch, *bytes.Buffer) {
	f := &fetch{client: &http.Client{Transport: tr}, hedge: hedge}
	for _, name := range names {
		f.mirrors = append(f.mirrors, &url.URL{Scheme: "http", Host: name})
	}
	out := new(bytes.Buffer)
	f.board = newBoard(console.New(out), f.mirrors)
	return f, out
}

// TestHedge tells the mirrors what to do by their names, "success after 3s" as
// "ok-3", and looks when each was asked.
func TestHedge(t *testing.T) {
	for _, c := range []struct {
		name    string
		hedge   int // all in seconds
		mirrors []string
		asked   string
		winner  int
	}{
		{"an answer in time", 2, []string{"ok-1", "ok-1"}, "[0]", 0},
		{"no answer in time", 2, []string{"ok-9", "ok-1"}, "[0 2]", 1},
		{"a late answer is taken", 2, []string{"ok-3", "ok-9"}, "[0 2]", 0},
		{"a failure is not waited for", 5, []string{"bad-1", "bad-1", "ok-1"}, "[0 1 2]", 2},
		{"nor beside one that is pending", 5, []string{"bad-6", "ok-9", "ok-1"}, "[0 5 6]", 2},
		{"a failure starts the delay anew", 5, []string{"bad-3", "ok-9", "ok-3"}, "[0 3 8]", 2},
		{"all at once", 0, []string{"ok-3", "ok-2", "ok-1"}, "[0 0 0]", 2},
		{"more than there are", 1, []string{"ok-9"}, "[0]", 0},
		{"all fail", 2, []string{"bad-9", "bad-1"}, "[0 2]", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					open  atomic.Int64
					start = time.Now()
				)
				asked := make([]int, 0, len(c.mirrors))
				f, _ := newFetch(time.Duration(c.hedge)*time.Second, func(r *http.Request) (*http.Response, error) {
					kind, delay, _ := strings.Cut(r.URL.Host, "-")
					d, _ := time.ParseDuration(delay + "s")
					if !sleep(r.Context(), d) {
						return nil, r.Context().Err()
					}
					if kind == "bad" {
						return answer(http.StatusNotFound, &open), nil
					}
					return answer(http.StatusOK, &open), nil
				}, c.mirrors...)
				f.board.start = start
				_, err := f.run(t.Context())
				for _, r := range f.board.rows {
					if r.state != stateIdle {
						asked = append(asked, int(r.asked.Seconds()))
					}
				}
				if got := fmt.Sprint(asked); got != c.asked {
					t.Errorf("asked at seconds %s, want %s", got, c.asked)
				}
				for i, r := range f.board.rows {
					if (r.state == stateWon) != (i == c.winner) {
						t.Errorf("mirror %d is %s, and the winner should be %d", i, r.state, c.winner)
					}
				}
				if (err == nil) != (c.winner >= 0) {
					t.Errorf("error %v", err)
				}
				synctest.Wait()
				if n := open.Load(); n != 0 {
					t.Errorf("%d bodies are open", n)
				}
			})
		})
	}
}

// An answer that comes although its call was canceled goes to Discard.
func TestLate_afterCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open, answers atomic.Int64
		f, out := newFetch(0, func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "deaf" { // does not stop when told to
				<-r.Context().Done()
			}
			time.Sleep(time.Second)
			answers.Add(1)
			return answer(http.StatusOK, &open), nil
		}, "quick", "deaf")
		if _, err := f.run(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if lateRows(f.board) != 0 {
			t.Error("the deaf mirror answered too soon for this test")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if answers.Load() != 2 || open.Load() != 0 {
			t.Errorf("of %d answers, %d bodies are open; want 2 and 0", answers.Load(), open.Load())
		}
		if got := out.String(); !strings.Contains(got, "lost       http://deaf   "+lateNote) {
			t.Errorf("nobody says so:\n%s", got)
		}
	})
}

// Of answers that come in the same instant one is read, and Discard closes the others.
func TestLate_together(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open, answers atomic.Int64
		f, _ := newFetch(0, func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "bad" {
				return answer(http.StatusNotFound, &open), nil
			}
			time.Sleep(time.Second)
			answers.Add(1)
			return answer(http.StatusOK, &open), nil
		}, "bad", "a", "b", "c")
		got, err := f.run(t.Context())
		if err != nil || got.sum != sumOf(text) {
			t.Errorf("got %v, %v", got, err)
		}
		synctest.Wait()
		late := lateRows(f.board)
		if answers.Load() != 3 || open.Load() != 0 || late != 2 {
			t.Errorf("%d answers, %d open, %d late; want 3, 0, 2", answers.Load(), open.Load(), late)
		}
	})
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

// lateRows returns how many mirrors answered too late.
func lateRows(b *board) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.rows {
		if r.late {
			n++
		}
	}
	return n
}

// Over HTTP/2 a canceled request does not close its connection; still none stays.
func TestHTTP2(t *testing.T) {
	asked := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			close(asked)
			silent(w, r)
			return
		}
		<-asked
		deliver(w, r)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of a handshake that the client left
	s.StartTLS()
	defer s.Close()
	before := goroutines()
	client := newClient()
	tr := client.Transport.(*http.Transport)
	tr.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig
	f, out := newFetch(0, nil, "silent", "quick")
	f.client = client
	for _, m := range f.mirrors {
		m.Scheme, m.Host, m.Path = "https", s.Listener.Addr().String(), "/"+m.Host
	}
	var proto string
	client.Transport = transport(func(r *http.Request) (*http.Response, error) {
		resp, err := tr.RoundTrip(r)
		if err == nil {
			proto = resp.Proto
		}
		return resp, err
	})
	if got, err := f.run(t.Context()); err != nil || got.sum != sumOf(text) || proto != "HTTP/2.0" {
		t.Errorf("got %v, %v by %s:\n%s", got, err, proto, out)
	}
	for _, stack := range before.wait(2*time.Second, tr.CloseIdleConnections) {
		t.Errorf("left: %s", stack)
	}
}

// A body that breaks for a reason of its own.
func TestRead_error(t *testing.T) {
	broken := errors.New("broken")
	f, _ := newFetch(0, func(*http.Request) (*http.Response, error) {
		var open atomic.Int64
		r := answer(http.StatusOK, &open)
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader("12"), errorReader{broken}))
		return r, nil
	}, "a")
	_, err := f.run(context.Background())
	if !errors.Is(err, broken) || err.Error() != "after 2 bytes: broken" {
		t.Errorf("error %v", err)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }
