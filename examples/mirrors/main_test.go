package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed4712c49f/async/examples/internal/console"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// result is what the program left.
type result struct {
	code           int
	stdout, stderr string
}

func start(ctx context.Context, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// want fails the test unless the program ended with code and printed all of
// texts, and that no goroutine is left.
func (r result) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	all := r.stdout + r.stderr
	for _, text := range append(texts, "No goroutine is left.") {
		if !strings.Contains(all, text) {
			t.Errorf("nothing says %q", text)
		}
	}
	if t.Failed() {
		t.Logf("stdout:\n%s\nstderr:\n%s", r.stdout, r.stderr)
	}
}

// states returns what became of each mirror, in order, as the timeline has it.
func (r result) states() []string {
	_, timeline, _ := strings.Cut(r.stdout, "\nTimeline")
	var all []string
	for _, row := range regexp.MustCompile(`(?m)^  http\S+ +(.*?) +\|`).FindAllStringSubmatch(timeline, -1) {
		all = append(all, row[1])
	}
	return all
}

func (r result) wantStates(t *testing.T, want ...string) {
	t.Helper()
	if got := r.states(); !slices.Equal(got, want) {
		t.Errorf("states %q, want %q in:\n%s", got, want, r.stdout)
	}
}

// serve starts a mirror.
func serve(t *testing.T, h http.HandlerFunc) (url string) {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// refusing returns the URL of a port where nobody listens.
func refusing(t *testing.T) (url string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

const text = "the file that everybody has"

func sumOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func deliver(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }

func TestDemonstration(t *testing.T) {
	r := start(t.Context())
	r.want(t, 0, "answered 503", " 50% 4.0 MiB of 8.0 MiB", "8388608 bytes", newContent().sum+" (as the mirror announced)")
	r.wantStates(t, "lost", "failed", "lost", "won")
	if r.stderr != "" {
		t.Errorf("stderr has %q", r.stderr)
	}
}

func TestOneMirror(t *testing.T) {
	r := start(t.Context(), serve(t, deliver))
	r.want(t, 0, sumOf(text)+" (the mirror announced none to compare)")
	r.wantStates(t, "won")
}

// A password in a URL is used and not shown.
func TestPassword(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	r := start(t.Context(), strings.Replace(u, "http://", "http://me:secret@", 1))
	r.want(t, 0)
	if strings.Contains(r.stdout, "secret") {
		t.Error("the password is shown:\n", r.stdout)
	}
}

func TestAllFail(t *testing.T) {
	for _, hedge := range []string{"0", "1h"} {
		gone, full, nobody := serve(t, http.NotFound), serve(t, busy), refusing(t)
		r := start(t.Context(), "-hedge", hedge, gone, full, nobody)
		r.want(t, 1, "the file was not fetched: no mirror has it")
		r.wantStates(t, "failed", "failed", "failed")
		for u, why := range map[string]string{gone: "answered 404 Not Found", full: "answered 503 Service Unavailable", nobody: "connection refused"} {
			if !regexp.MustCompile(`(?m)^  ` + u + ` +failed: .*` + why + `$`).MatchString(r.stderr) {
				t.Errorf("no line says of %s: %s, in:\n%s", u, why, r.stderr)
			}
		}
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-h"}, 0, "usage: mirrors"},
		{[]string{"-fast"}, 2, "not defined: -fast"},
		{[]string{"-timeout", "0"}, 2, "-timeout is 0s and must be more than 0"},
		{[]string{"-hedge", "-1s"}, 2, "-hedge is -1s and must not be less than 0"},
		{[]string{"-hedge", "soon"}, 2, `invalid value "soon"`},
		{[]string{"ftp://example.org/f"}, 2, `bad URL "ftp://example.org/f": it must begin with http:// or https://`},
		{[]string{"http://example.org/f", "file"}, 2, `bad URL "file"`},
		{[]string{"http://"}, 2, `bad URL "http://": it names no host`},
		{[]string{"http://:80/f"}, 2, `bad URL "http://:80/f": it names no host`},
		{[]string{"http://[::1/f"}, 2, "bad URL: parse"},
	} {
		r := start(t.Context(), c.args...)
		if r.code != c.code || !strings.Contains(r.stderr, c.want) {
			t.Errorf("%q: exit code %d, want %d, and %q in:\n%s", c.args, r.code, c.code, c.want, r.stderr)
		}
		if r.stdout != "" {
			t.Errorf("%q: began: %q", c.args, r.stdout)
		}
	}
}

func TestRefused(t *testing.T) {
	r := start(t.Context(), "-hedge", "1h", refusing(t), serve(t, deliver))
	r.want(t, 0, "connection refused", sumOf(text))
	r.wantStates(t, "failed", "won")
}

func TestCutShort(t *testing.T) {
	known := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		deliver(w, r)
	})
	r := start(t.Context(), known)
	r.want(t, 1, "failed: the file is cut short: 27 of 1000 bytes came")
	r.wantStates(t, "failed")

	chunked := serve(t, func(w http.ResponseWriter, r *http.Request) {
		deliver(w, r)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	start(t.Context(), chunked).want(t, 1, "failed: the file is cut short after 27 bytes")
}

func TestDamaged(t *testing.T) {
	announce := func(sum string) string {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(checksumHeader, sum)
			deliver(w, r)
		})
	}
	start(t.Context(), announce(sumOf("another"))).want(t, 1, "failed: the file is damaged", sumOf(text), sumOf("another"))
	start(t.Context(), announce(strings.ToUpper(sumOf(text)))).want(t, 0, "(as the mirror announced)")
}

func TestCtrlC_waiting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	u := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	r := start(ctx, "-hedge", "1h", u, u+"/next")
	r.want(t, 130, u+"       canceled: context canceled", u+"/next  not asked: its turn did not come")
	r.wantStates(t, "canceled", "not asked")
}

func TestCtrlC_reading(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		deliver(w, r)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer // written by the board alone, under its lock, until run ends
	code := run(ctx, []string{u, serve(t, silent)}, writerFunc(func(p []byte) {
		out.Write(p)
		if bytes.Contains(p, []byte("reading 1000 bytes")) {
			cancel()
		}
	}), &out)
	r := result{code: code, stdout: out.String()}
	r.want(t, 130, "canceled: context canceled")
	r.wantStates(t, "canceled", "lost")
}

func TestCtrlC_before(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := start(ctx)
	r.want(t, 130, "context canceled")
	if slices.Contains(r.states(), "failed") {
		t.Errorf("states %q", r.states())
	}
}

func TestTimeout(t *testing.T) {
	r := start(t.Context(), "-timeout", "20ms", serve(t, silent), serve(t, silent))
	r.want(t, 1, "canceled: not done within 20ms (-timeout)")
	r.wantStates(t, "canceled", "canceled")
}

func TestReport_goroutinesLeft(t *testing.T) {
	var stdout, stderr bytes.Buffer
	out := console.New(&stdout)
	b := newBoard(out, nil)
	if code := report(out, &stderr, b, &file{}, nil, []string{"goroutine 7 [select]:"}); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if want := "1 goroutines are left:\n\ngoroutine 7 [select]:"; !strings.Contains(stderr.String(), want) {
		t.Errorf("stderr is %q, want %q in it", stderr.String(), want)
	}
	if strings.Contains(stdout.String(), "No goroutine") {
		t.Error("and yet none is said to be left")
	}
}
