package asyncview_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
)

// This file has what the tests share, and the tests of what is served: the forms, the calls
// that a query asks for, and the text of strangers.

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	bg      = context.Background()
	errBoom = errors.New("boom")
)

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// ask asks a handler for something below /debug/async/.
func ask(h http.Handler, method, path, accept string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/debug/async/"+path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func get(h http.Handler, path, accept string) string {
	return ask(h, http.MethodGet, path, accept, nil).Body.String()
}

// report asks for a report.
func report(t testing.TB, h http.Handler, path string) (r asyncview.Report) {
	t.Helper()
	if err := json.Unmarshal([]byte(get(h, path, "application/json")), &r); err != nil {
		t.Fatalf("%q: %v", path, err)
	}
	return r
}

func wantEq[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantHas(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
}

// until returns a function that runs until stop is closed, whatever its context says.
func until(stop <-chan struct{}) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { <-stop; return 0, nil }
}

// begin begins calls of a name.
func begin(s *async.Scope, n int, name string, f func(context.Context) (int, error)) {
	for range n {
		async.Go(bg, f, s, async.Name(name)).Release()
	}
}

// inBubble runs a test in a bubble, with what ends its functions; then the scopes end.
func inBubble(t *testing.T, test func(t *testing.T, stop chan struct{})) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		defer synctest.Wait()
		defer close(stop)
		test(t, stop)
	})
}

// Every resource is served in the form that is asked for, and with the same headers.
func TestV7_Forms(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db", Limit: 2, Track: true})
		begin(s, 12, "query", until(stop))
		v := asyncview.Handler(s)
		for path, status := range map[string]int{
			"": 200, "?group=flat": 200, "?group=name": 200, "?group=tree": 200,
			"call?scope=1&call=1": 200, "call?scope=1&call=99": 404, "call?scope=7&call=1": 404, "call": 404, "nothing": 404, "a/b": 404,
		} {
			for accept, kind := range map[string]string{
				browser: "text/html", "application/json": "application/json", "text/plain": "text/plain", "*/*": "text/plain", "": "text/plain",
				"image/png": "text/plain", "application/json;q=0.9, text/html;q=0.1": "application/json",
			} {
				w := ask(v, http.MethodGet, path, accept, nil)
				h := w.Header()
				wantEq(t, path, w.Code, status)
				wantEq(t, "type", h.Get("Content-Type"), kind+"; charset=utf-8")
				wantHas(t, h.Get("Content-Security-Policy"), "default-src 'none'", "script-src 'self'", "frame-ancestors 'none'")
				wantEq(t, "sniff", h.Get("X-Content-Type-Options"), "nosniff")
				wantEq(t, "cache", h.Get("Cache-Control"), "no-store")
			}
		}
		wantHas(t, get(v, "?format=json", browser), `{"version":1,`)
		wantHas(t, get(v, "?format=text", browser), `scope "db": limit 2, open`, "query ×12, oldest 0s: 10 queued, 2 running")
		wantHas(t, get(v, "?format=html", ""), "<!DOCTYPE html>")
		wantEq(t, "style", ask(v, "GET", "view.css", "", nil).Header().Get("Content-Type"), "text/css; charset=utf-8")
		wantEq(t, "script", ask(v, "GET", "view.js", "", nil).Header().Get("Content-Type"), "text/javascript; charset=utf-8")
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
			wantEq(t, method, ask(v, method, "", "", nil).Code, http.StatusMethodNotAllowed)
		}
		wantEq(t, "HEAD", ask(v, "HEAD", "", "", nil).Code, http.StatusOK)
	})
}

// A page has nothing that the policy would refuse: no script and no style in the page, and
// nothing from elsewhere.
func TestV6_NothingInline(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db", Limit: 2, Track: true})
		begin(s, 12, "query", until(stop))
		v := asyncview.For(func() []*async.Scope { return []*async.Scope{s} }, asyncview.AllowCancel())
		get(v, "", "")
		time.Sleep(time.Minute) // for the lines of the last five minutes
		inline := regexp.MustCompile(`(?i)\sstyle=|<style|\son[a-z]+=|javascript:|<script>|(src|href|action)="(https?:)?//`)
		for _, path := range []string{"", "?group=flat", "?group=name", "call?scope=1&call=1", "call?scope=1&call=99", "nothing"} {
			if found := inline.FindString(get(v, path, browser)); found != "" {
				t.Errorf("%q has %q", path, found)
			}
		}
	})
}

// The parts of the page stand in the order in which they are needed, without a script.
func TestV6_Order(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db", Limit: 2, Track: true})
		begin(s, 3, "query", until(stop))
		time.Sleep(2 * time.Second)
		page := get(asyncview.Handler(s), "", browser)
		at := 0
		for _, part := range []string{"<h2 id=\"wrong-heading\"", "pending for the longest: query #1 for 2s", "<h2 id=\"graph-heading\"", "<svg class=\"graph\"", "<h2 id=\"scopes-heading\"", "2 of 2 used", "1 queued", "<h2 id=\"calls-heading\"", "query #1</a>", "query #3</a>"} {
			i := strings.Index(page[at:], part)
			if i < 0 {
				t.Fatalf("%q is not in the page, or too early:\n%s", part, page)
			}
			at += i
		}
	})
}

// A query finds what a loop over the calls finds.
func TestV6_Queries(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		one := async.NewScope(async.ScopeOptions{Name: "one", Limit: 50})
		two := async.NewScope(async.ScopeOptions{Name: "two"})
		for i := range 120 {
			s, name := one, fmt.Sprintf("Alpha %d", i%7)
			if i%3 == 0 {
				s, name = two, fmt.Sprintf("beta %d", i%5)
			}
			begin(s, 1, name, until(stop))
			time.Sleep(time.Duration(i*7919%13) * time.Millisecond)
		}
		v := asyncview.Handler(one, two)
		all := report(t, v, "").Calls
		wantEq(t, "all", len(all), 120)
		for path, wants := range map[string]func(c asyncview.Call) bool{
			"?":                    func(asyncview.Call) bool { return true },
			"?scope=2":             func(c asyncview.Call) bool { return c.Scope == 2 },
			"?q=ALPHA":             func(c asyncview.Call) bool { return strings.HasPrefix(c.Name, "Alpha") },
			"?q=%233":              func(c asyncview.Call) bool { return c.ID == 3 },
			"?state=queued":        func(c asyncview.Call) bool { return c.State == asyncview.Queued },
			"?state=running&q=1":   func(c asyncview.Call) bool { return c.State == asyncview.Running && strings.Contains(c.Name, "1") },
			"?name=Alpha+3":        func(c asyncview.Call) bool { return c.Name == "Alpha 3" },
			"?scope=1&name=beta+1": func(asyncview.Call) bool { return false },
			"?state=nonsense":      func(asyncview.Call) bool { return true },
		} {
			var want []asyncview.Call
			for _, c := range all {
				if wants(c) {
					want = append(want, c)
				}
			}
			for sort, order := range map[string]func(a, b asyncview.Call) int{
				"age":    func(a, b asyncview.Call) int { return a.Began.Compare(b.Began) },
				"newest": func(a, b asyncview.Call) int { return b.Began.Compare(a.Began) },
				"name":   func(a, b asyncview.Call) int { return strings.Compare(a.Name, b.Name) },
			} {
				for _, limit := range []int{1, 7, 400} {
					got := report(t, v, fmt.Sprintf("%s&sort=%s&limit=%d", path, sort, limit))
					what := fmt.Sprintf("%s by %s, %d", path, sort, limit)
					wantEq(t, what+": matched", got.Matched, len(want))
					slices.SortStableFunc(want, order)
					wantEq(t, what+": listed", len(got.Calls), min(limit, len(want)))
					counted := 0
					for _, total := range got.Totals {
						counted += total.Count
					}
					wantEq(t, what+": in totals", counted, len(want))
					for i := range got.Calls {
						if order(got.Calls[i], want[i]) != 0 {
							t.Fatalf("%s: call %d is %v, want %v", what, i, got.Calls[i], want[i])
						}
					}
				}
			}
		}
	})
}

// What makes no sense is as if it were not there, and no more calls are listed than may be.
func TestV6_QueryOfNonsense(t *testing.T) {
	v := asyncview.Handler()
	const nonsense = "?sort=x&group=x&state=x&scope=x&limit=x&stacks=x&foo=<b>"
	r := report(t, v, nonsense)
	wantEq(t, "query", r.Query, asyncview.Query{Sort: asyncview.ByAge, Group: asyncview.Tree, Limit: 400})
	wantEq(t, "ignored", strings.Join(r.Ignored, " "), "foo=<b> group=x limit=x scope=x sort=x stacks=x state=x")
	const said = "ignored, for there is no such parameter, or no such value: foo="
	wantHas(t, get(v, nonsense, ""), said+"<b>, group=x")
	wantHas(t, get(v, nonsense, browser), said+"&lt;b&gt;, group=x")
	for _, sense := range []string{"", "?q=x&name=x&scope=1&state=lent&sort=name&group=flat&limit=7&stacks=1&format=json", "?state=&scope=0&q="} {
		wantEq(t, "not ignored: "+sense, len(report(t, v, sense).Ignored), 0)
	}
	wantEq(t, "most", report(t, v, "?limit=1000000000").Query.Limit, 10_000)
	wantEq(t, "most is said", strings.Join(report(t, v, "?limit=1000000000").Ignored, " "), "limit=1000000000")
	wantEq(t, "less than one", report(t, v, "?limit=-5").Query.Limit, 400)
	long := report(t, v, "?q="+strings.Repeat("a", 1<<16)).Query.Search
	wantEq(t, "long", len(long) < 300, true)
}

// The text says what the oldest of many waits for, and where, in the tree and in the list;
// the page says so, too. A function that wants its slot back is told apart.
func TestV7_WhatTheyWaitFor(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "shop", Limit: 1, Track: true})
		var e, never async.Event
		wait := func(e *async.Event) func(context.Context) (int, error) {
			return func(ctx context.Context) (int, error) { return 1, e.Wait(ctx) }
		}
		for range 6 {
			begin(s, 1, "order", wait(&never))
			synctest.Wait()
		}
		begin(s, 1, "back", wait(&e))
		synctest.Wait()
		begin(s, 1, "busy", until(stop))
		time.Sleep(time.Second)
		e.Set()
		time.Sleep(time.Second)
		v := asyncview.Handler(s)
		wantHas(t, get(v, "", ""), "\nscope=1, of which call?scope=1&call=ID is one call\nscope \"shop\": limit 1",
			"\norder ×6, oldest 2s: 6 lent; #1 waits for event, 2s, ", "view_test.go:",
			"\nback #7: waiting for a slot again, 2s; it waits for slot shop, 1s, ")
		wantHas(t, get(v, "?group=flat", ""), "order #1, lent, 2s, waits for event for 2s at ", "back #7, lent, 2s, waits for its slot again for 1s at ", "view_test.go:")
		wantHas(t, get(v, "", browser), `oldest 2s: 6 lent; <span class="wait">#1 waits for event for 2s at `, "waits for its slot again")
		wantHas(t, get(v, "?group=flat", browser), "its slot again", "view_test.go:")
		wantHas(t, get(v, "call?scope=1&call=7", browser), "<li>its slot again, for 1s")
		never.Set()
	})
}

// How a call that is over all but its function has ended, and why.
func TestV7_Outcome(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "shop"})
		c := async.Go(bg, until(stop), s, async.Name("order"))
		synctest.Wait()
		v := asyncview.Handler(s)
		wantEq(t, "pending", report(t, v, "").Calls[0].Outcome, "")
		_ = c.Cancel(context.DeadlineExceeded)
		call := report(t, v, "").Calls[0]
		wantEq(t, "canceled", fmt.Sprint(call.Outcome, ", ", call.Cause), "canceled, context deadline exceeded")
		wantHas(t, get(v, "call?scope=1&call=1", ""), "ended as canceled\n")
		wantHas(t, get(v, "?group=flat", ""), "order #1, stopping, 0s, canceled\n")
		wantHas(t, get(v, "call?scope=1&call=1", browser), "<dd>canceled</dd>", "<code>context deadline exceeded</code>")
	})
}

// hostile are texts that somebody may have sent to a program.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</title></textarea></svg><script>alert(1)</script>`,
	"\x1b[2J\x1b]0;owned\x07", "a\r\nevent: wrong\r\ndata: <b>no</b>\r\n\r\n", "\u202egnp.exe", "\xff\xfe\xc0\x80", "\u2028\u2029",
	"nul\x00", "'; DROP TABLE calls; --", "{{.}}", "javascript:alert(1)", "&lt;script&gt;", strings.Repeat("mega<b>", 1<<17), "", " ",
	"\u0085next", "emoji 🚀 and ünïcode",
}

// A hostileError says what it is told, or panics.
type hostileError string

func (e hostileError) Error() string {
	if e == "" {
		panic(`<script>"panic"</script>`)
	}
	return string(e)
}

// The text of strangers comes out as text, in every form, cut and on one line.
func TestV8_HostileText(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		var scopes []*async.Scope
		for _, text := range hostile {
			s := async.NewScope(async.ScopeOptions{Name: text, Limit: 1, Track: true})
			scopes = append(scopes, s)
			c := async.Go(bg, until(stop), s, async.Name(text))
			synctest.Wait()
			_ = c.Cancel(hostileError(text))
			c.Release()
			begin(s, 6, text, until(stop))
		}
		v := asyncview.For(func() []*async.Scope { return scopes }, asyncview.AllowCancel())
		time.Sleep(5 * time.Second)
		paths := []string{"", "?group=flat", "?group=name", "?q=%3Cscript%3E", "?name=" + url.QueryEscape(hostile[0])}
		for i := range hostile {
			paths = append(paths, fmt.Sprintf("call?scope=%d&call=1", i+1))
		}
		for _, path := range paths {
			page := get(v, path, browser)
			for _, bad := range []string{"<script>alert", "<img", "<b>", "alert(1)</script>"} {
				if strings.Contains(page, bad) {
					t.Errorf("%q has %q", path, bad)
				}
			}
			for _, accept := range []string{browser, "application/json", ""} {
				checkPlain(t, path+" as "+accept, get(v, path, accept))
			}
		}
		for _, c := range report(t, v, "?limit=1000").Calls {
			checkPlain(t, "name", c.Name+c.Err)
			if strings.ContainsAny(c.Name+c.Err, "\n\r") {
				t.Errorf("%q is more than one line", c.Name)
			}
		}
		r := report(t, v, "call?scope=15&call=1")
		wantHas(t, r.Detail.Call.Err, `PANIC=Error method: <script>"panic"</script>`)
		wantEq(t, "what is plain stays", report(t, v, "call?scope=18&call=1").Detail.Call.Name, "emoji 🚀 and ünïcode")
		if n := len(get(v, "?limit=10", browser)); n > 1<<20 {
			t.Errorf("the page has %d bytes", n)
		}
	})
}

// An error whose text cannot be had is a call that is shown all the same.
func TestV8_ErrorPanics(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{})
		released := make(chan struct{}) // so that the function's own goroutine is in Discard
		async.Go(bg, func(context.Context) (int, error) {
			<-released
			return 0, hostileError("")
		}, s, async.Discard(func(int, error) { <-stop })).Release()
		close(released)
		synctest.Wait()
		v := asyncview.Handler(s)
		r := report(t, v, "")
		wantEq(t, "state", r.Calls[0].State, asyncview.Ending)
		wantHas(t, r.Calls[0].Err, "the Error method of a asyncview_test.hostileError panics")
		wantHas(t, get(v, "call?scope=1&call=1", browser), "the Error method of a asyncview_test.hostileError panics")
	})
}

// checkPlain checks that a text has nothing but printable runes and ends of lines.
func checkPlain(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s: not UTF-8", what)
	}
	for _, r := range text {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			t.Errorf("%s: has %q", what, r)
			return
		}
	}
}

// Calls stand below the calls in whose functions they were begun; those of one name are one.
func TestV6_Tree(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "work"})
		async.Go(bg, func(ctx context.Context) (int, error) {
			for i := range 8 {
				async.Go(ctx, func(ctx context.Context) (int, error) {
					if i == 0 {
						async.Go(ctx, until(stop), s, async.Name("leaf")).Release()
					}
					return until(stop)(ctx)
				}, s, async.Name("branch")).Release()
			}
			return until(stop)(ctx)
		}, s, async.Name("root")).Release()
		synctest.Wait()
		v := asyncview.Handler(s)
		page := get(v, "", browser)
		part := regexp.MustCompile(`(?s)<ul class="tree">.*`).FindString(page)
		wantHas(t, part, "root #1</a>", "branch ×8, oldest 0s: 8 running</summary>", "leaf #")
		root, fold, leaf := strings.Index(part, "root #1"), strings.Index(part, "branch ×8"), strings.Index(part, "leaf #")
		wantEq(t, "in order", root < fold && fold < leaf, true)
		wantEq(t, "lists are closed", strings.Count(part, "<ul"), strings.Count(part, "</ul>"))
		wantEq(t, "items are closed", strings.Count(part, "<li"), strings.Count(part, "</li>"))
		var id uint64
		for _, c := range report(t, v, "?q=leaf").Calls {
			id = c.ID
		}
		d := report(t, v, fmt.Sprintf("call?scope=1&call=%d", id)).Detail
		wantEq(t, "the way up", len(d.Way), 2)
		wantEq(t, "its parent", d.Way[0].Name, "branch")
		wantEq(t, "its root", d.Way[1].Name, "root")
		d = report(t, v, "call?scope=1&call=1").Detail
		wantEq(t, "children", len(d.Children), 8)
		wantHas(t, get(v, fmt.Sprintf("call?scope=1&call=%d", id), browser), "branch #", "root #1</a> of work")
		wantHas(t, get(v, fmt.Sprintf("call?scope=1&call=%d", id), ""), "begun in the function of\n", "  work (scope=1): root #1, running, 0s")
	})
}

// A chain of calls that is deeper than a browser nests elements is a page all the same.
func TestV6_DeepTree(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "work"})
		var chain func(n int) func(ctx context.Context) (int, error)
		chain = func(n int) func(ctx context.Context) (int, error) {
			return func(ctx context.Context) (int, error) {
				if n > 0 {
					async.Go(ctx, chain(n-1), s, async.Name(fmt.Sprint("level ", n))).Release()
				}
				return until(stop)(ctx)
			}
		}
		async.Go(bg, chain(300), s).Release()
		synctest.Wait()
		page := get(asyncview.Handler(s), "", browser)
		wantHas(t, page, "level 1 #301</a>")
		depth, deepest := 0, 0
		for _, tag := range regexp.MustCompile(`</?ul`).FindAllString(page, -1) {
			if tag == "<ul" {
				depth++
			} else {
				depth--
			}
			deepest = max(deepest, depth)
		}
		wantEq(t, "balanced", depth, 0)
		if deepest > 30 {
			t.Errorf("lists are nested %d deep", deepest)
		}
	})
}

// One call's own page has its begin stack, what it waits for, and what waits for it.
func TestV6_OneCall(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		db := async.NewScope(async.ScopeOptions{Name: "db", Track: true})
		web := async.NewScope(async.ScopeOptions{Name: "web", Track: true})
		ctx, cancel := context.WithTimeout(bg, time.Hour)
		defer cancel()
		query := async.Go(ctx, until(stop), db, async.Name("query"))
		async.Go(bg, func(ctx context.Context) (int, error) { return query.Await(ctx) }, web, async.Name("page")).Release()
		time.Sleep(3 * time.Second)
		v := asyncview.Handler(web, db)
		d := report(t, v, "call?scope=2&call=1").Detail
		wantEq(t, "name", d.Call.Name, "query")
		wantEq(t, "age", d.Call.Age, 3*time.Second)
		wantEq(t, "waiters", d.Call.Waiters, 1)
		wantEq(t, "deadline", d.Call.Deadline.IsZero(), false)
		wantHas(t, d.Call.Stack, "asyncview_test.TestV6_OneCall", "view_test.go:")
		wantHas(t, d.Call.Line, "asyncview_test.TestV6_OneCall", "view_test.go:")
		wantEq(t, "waits for it", len(d.WaitedForBy), 1)
		wantEq(t, "from", d.WaitedForBy[0].From, asyncview.Ref{Scope: 1, Call: 1})
		page := report(t, v, "call?scope=1&call=1").Detail.Call
		wantEq(t, "waits", len(page.WaitsFor), 1)
		wantEq(t, "for the query", page.WaitsFor[0].To, asyncview.Ref{Scope: 2, Call: 1})
		wantEq(t, "by name", page.WaitsFor[0].Whom, "query")
		wantHas(t, get(v, "call?scope=1&call=1", browser), `<a href="call?scope=2&amp;call=1">query #1</a> of db, for 3s`, "view_test.go:")
		wantHas(t, get(v, "call?scope=2&call=1", browser), `<a href="call?scope=1&amp;call=1">page #1</a> of web`, "in 59m57s", "asyncview_test.TestV6_OneCall")
		wantHas(t, get(v, "call?scope=2&call=1", ""), "db (scope=2): query #1, running, 3s", "waited for by\n  page #1 for 3s", "begun at\n")
		wantHas(t, get(v, "call?scope=2&call=2", browser), "is not in flight")
		wantEq(t, "without stacks", report(t, v, "").Calls[0].Stack, "")
		wantHas(t, report(t, v, "?stacks=1").Calls[0].Stack, "TestV6_OneCall")
	})
}

// The same scope keeps its key while scopes come and go, and a new one never gets an old key.
func TestV6_ScopesComeAndGo(t *testing.T) {
	var list []*async.Scope
	v := asyncview.For(func() []*async.Scope { return list })
	keys := func() (ks []string) {
		for _, s := range report(t, v, "").Scopes {
			ks = append(ks, fmt.Sprint(s.Name, s.Key))
		}
		return ks
	}
	scope := func(name string) *async.Scope { return async.NewScope(async.ScopeOptions{Name: name}) }
	a, b, c := scope("a"), scope("b"), scope("c")
	for _, step := range []struct {
		list []*async.Scope
		want []string
	}{
		{nil, nil},
		{[]*async.Scope{a, nil, a, b}, []string{"a1", "b2"}},
		{[]*async.Scope{b}, []string{"b2"}},
		{[]*async.Scope{c, b}, []string{"c3", "b2"}},
		{[]*async.Scope{a, b}, []string{"a4", "b2"}},
	} {
		list = step.list
		if got := keys(); !slices.Equal(got, step.want) {
			t.Errorf("got %v, want %v", got, step.want)
		}
	}
	for range 600 {
		list = append(list, scope(""))
	}
	r := report(t, v, "")
	wantEq(t, "shown", len(r.Scopes), 500)
	wantEq(t, "more", r.ScopesOmitted, 102)
	wantHas(t, get(v, "", browser), "102 more scopes")
	defer func() { wantEq(t, "a nil function", fmt.Sprint(recover()), "asyncview: For with a nil function") }()
	asyncview.For(nil)
}

// The view may be mounted anywhere.
func TestV6_Mounted(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Name: "db"})
	mux := http.NewServeMux()
	mux.Handle("/a/b/", asyncview.Handler(s))
	mux.Handle("/c/", http.StripPrefix("/c", asyncview.Handler(s)))
	srv := httptest.NewServer(mux)
	defer srv.Close()
	for path, status := range map[string]int{"/a/b/": 200, "/a/b": 200, "/c/": 200, "/c/view.css": 200, "/a/b/view.js": 200, "/a/b/x": 404} {
		resp, err := srv.Client().Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		wantEq(t, path, resp.StatusCode, status)
		wantEq(t, "has a body", len(body) > 0, true)
	}
}

// The text has one line for each call where a query asks for some.
func TestV7_TextOfAQuery(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db", Limit: 1})
		begin(s, 3, "query", until(stop))
		begin(s, 3, "other", until(stop))
		v := asyncview.Handler(s)
		text := get(v, "?q=query&limit=2", "")
		wantHas(t, text, "nothing is wrong", "3 calls in flight that the query asks for", "  db (scope=1): query #1, running, 0s\n", "  db (scope=1): query #2, queued, 0s\n", "and 1 more")
		lines := bufio.NewScanner(strings.NewReader(text))
		for lines.Scan() {
			if strings.Contains(lines.Text(), "other") {
				t.Error(lines.Text())
			}
		}
		wantEq(t, "another scope", strings.Contains(get(v, "?scope=9", ""), "db"), false)
	})
}
