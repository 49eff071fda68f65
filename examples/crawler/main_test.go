package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asProgram in the environment has the test binary be the program.
const asProgram = "CRAWLER_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

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
// texts, which are regular expressions.
func (r result) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, text := range texts {
		if !regexp.MustCompile(text).MatchString(r.stdout + r.stderr) {
			t.Errorf("nothing says %q", text)
		}
	}
	if t.Failed() {
		t.Logf("stdout:\n%s\nstderr:\n%s", r.stdout, r.stderr)
	}
}

// host serves pages for a test.
func host(t *testing.T, h http.HandlerFunc) (url string) {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// linked writes a page with links.
func linked(w http.ResponseWriter, links ...string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	for _, link := range links {
		fmt.Fprintf(w, "<a href=%q>", link)
	}
}

func TestOwnSite(t *testing.T) {
	r := start(t.Context())
	r.want(t, 0, `A site of 300 pages, \d+ slow, \d+ large, and 7 broken,`,
		`300 pages found, 293 fetched, 7 broken\. `, `(?m)^  and 2 more$`,
		`being fetched     8 .* the limit is 8`,
		`calls      300 begun = 293 returned \+ 7 failed \+ 0 canceled \+ 0 pending\n  results    300 taken, 0 discarded, 0 left\n  functions  0 running\n`,
		`300 requests, none for the same page twice`)
	if r.stderr != "" {
		t.Errorf("stderr has %q", r.stderr)
	}
}

func TestOnePage(t *testing.T) {
	start(t.Context(), "-pages", "1").want(t, 0, "A site of 1 page, 0 slow", ": 1 page found, 1 fetched, 0 broken", "1 request, none")
}

func TestTimeout(t *testing.T) {
	u := host(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	start(t.Context(), "-url", u, "-timeout", "200ms", "-grace", "50ms").want(t, 1,
		`Stopping: not done within 200ms \(-timeout\)\. .* have 50ms`, "Canceled after 50ms: 1 call", "0 fetched, 0 broken, 1 cut off",
		`1 begun = 0 returned \+ 0 failed \+ 1 canceled`, `crawler: not done within 200ms`)
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	r := start(t.Context(), "-url", "http://"+l.Addr().String())
	r.want(t, 1, "crawler: cannot begin: http://127.*refused", "1 page found, 0 fetched, 1 broken", `linked from the command line`)
}

func TestFirstPage(t *testing.T) {
	start(t.Context(), "-url", host(t, http.NotFound)).want(t, 1, "cannot begin: .*: answered 404 Not Found")
	away := host(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://example.org/", http.StatusFound)
	})
	start(t.Context(), "-url", away).want(t, 1, "cannot begin: .*: redirects to another site: http://example.org/")
	empty := host(t, func(http.ResponseWriter, *http.Request) {})
	start(t.Context(), "-url", empty).want(t, 0, "1 page found, 1 fetched, 0 broken. 0 bytes,")
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-h", 0, "usage: crawler"},
		{"-fast", 2, "not defined: -fast"},
		{"http://example.org", 2, `unexpected argument "http://example.org"`},
		{"-limit 0", 2, "-limit is 0 and must be 1 or more"},
		{"-pages 0", 2, "-pages is 0 and must be from 1 to 100000"},
		{"-pages 100001", 2, "-pages is 100001 and"},
		{"-max 0", 2, "-max is 0 and must be 1 or more"},
		{"-timeout 0", 2, "-timeout is 0s and must be more than 0"},
		{"-grace -1s", 2, "-grace is -1s and must not be less than 0"},
		{"-seed x", 2, `invalid value "x"`},
		{"-url ftp://example.org/", 2, `bad -url "ftp://example.org/": it must begin with`},
		{"-url http:///x", 2, `bad -url "http:///x"`},
		{"-url http://[::1/", 2, "bad -url: parse"},
	} {
		r := start(t.Context(), strings.Fields(c.args)...)
		if r.code != c.code || !strings.Contains(r.stderr, c.want) {
			t.Errorf("%q: exit code %d, want %d, and %q in:\n%s", c.args, r.code, c.code, c.want, r.stderr)
		}
		if r.stdout != "" {
			t.Errorf("%q: began: %q", c.args, r.stdout)
		}
	}
}

// The first Ctrl-C stops the program in order, the second at once: with real
// signals to a real process, which waits for a page that never comes.
func TestSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be sent an interrupt there")
	}
	for _, c := range []struct {
		twice bool
		grace string
		want  string
	}{{false, "50ms", "exit status 130"}, {true, "1h", "signal: interrupt"}} {
		asked := make(chan struct{})
		u := host(t, func(_ http.ResponseWriter, r *http.Request) {
			close(asked)
			<-r.Context().Done()
		})
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-url", u, "-grace", c.grace)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		var out bytes.Buffer
		cmd.Stdout = writerFunc(func(p []byte) {
			out.Write(p)
			for c.twice && bytes.Contains(p, []byte("Stopping")) && cmd.Process.Signal(os.Interrupt) == nil {
				time.Sleep(time.Millisecond) // the program may be about to listen to the first
			}
		})
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-asked
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err == nil || err.Error() != c.want {
			t.Errorf("twice %t: %v, want %s", c.twice, err, c.want)
		}
		if ordered := strings.Contains(out.String(), "1 canceled"); ordered == c.twice {
			t.Errorf("twice %t:\n%s", c.twice, out.String())
		}
	}
}
