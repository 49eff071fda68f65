package browsertest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
)

// script would say that it ran.
const script = `<script>window.pwned=1</script>`

// hostile is what a caller of a program may have it name calls, scopes and errors.
var hostile = []string{
	script,
	`"><img src=x onerror="window.pwned=2">`,
	`'><svg onload=window.pwned=3>`,
	`</title></textarea></style></script>` + script,
	`javascript:window.pwned=4`,
	"<!--", "]]>", "{{.}}", "${window.pwned=5}", "&lt;b&gt;",
	"\x1b[31mred\r\n\r\ndata: x\nevent: report\n\n",
	"\xff\xfe\x00", "\u202egnp.exe", "\u2028\u2029",
	strings.Repeat("long ", 100_000), strings.Repeat("l", 100_000),
}

// An awkward error has a hostile text.
type awkward string

func (a awkward) Error() string { return string(a) }

// Nothing that others have named runs, on any page, at once or live, and nothing of it is
// wider than the page.
func TestStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, asyncview.AllowCancel())
	s := w.scope(script+" scope", 0)
	for _, name := range hostile {
		w.begin(s, name).Release()
	}
	w.deaf(s, hostile)
	w.circle(hostile[:4]...)
	b := open(t)
	b.visit(w.url)
	b.until("the names", has(script))
	for _, name := range hostile {
		w.begin(s, "later "+name).Release()
	}
	b.until("the names that came live", has("later "+script))
	b.unharmed()
	b.wholePicture("all")
	for id := range len(hostile) * 2 { // calls with such names, then such that were canceled so
		b.visit(fmt.Sprintf("%scall?scope=1&call=%d", w.url, id+1))
		b.unharmed()
	}
	for _, name := range hostile[:6] {
		b.visit(w.url + "?q=" + url.QueryEscape(name) + "&name=" + url.QueryEscape(name) + "&sort=" + url.QueryEscape(name))
		b.unharmed()
	}
}

// unharmed fails the test where a script of strangers has run, or the page is wider than
// what can be seen of it.
func (b *tab) unharmed() {
	b.t.Helper()
	if got := eval[int](b, "window.pwned || 0"); got != 0 {
		b.t.Errorf("script %d has run", got)
	}
	if alien := eval[int](b, "document.querySelectorAll('img, svg[onload], b, title ~ title').length"); alien != 0 {
		b.t.Errorf("%d elements of strangers", alien)
	}
	b.fits()
}

// deaf begins calls, cancels each with a hostile cause, and leaves its function running.
func (w *world) deaf(s *async.Scope, causes []string) {
	for _, cause := range causes {
		var begun async.Event
		call := async.Go(w.ctx, func(context.Context) (int, error) {
			begun.Set()
			<-w.ctx.Done()
			return 0, nil
		}, s, async.Name("deaf"))
		_ = begun.Wait(w.ctx)
		_ = call.Cancel(awkward(cause))
		call.Release()
	}
}

// A page of another site cannot have the browser cancel a call.
func TestOtherSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, asyncview.AllowCancel())
	victim := w.begin(w.scope("work", 0), "victim")
	defer victim.Release()
	other := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(rw, `<form method="post" action="%scancel"><input name="scope" value="1"><input name="call" value="1"></form>
			<script>document.forms[0].submit()</script>`, w.url)
	}))
	defer other.Close()
	b := open(t)
	b.visit(strings.Replace(other.URL, "127.0.0.1", "localhost", 1))
	b.until("the answer", fmt.Sprintf("location.href.startsWith(%q) && document.readyState === 'complete'", w.url))
	if victim.IsDone() {
		t.Error("another site's page has canceled the call")
	}
	if len(b.expected("403")) == 0 {
		t.Error("the POST was not refused with 403")
	}
	b.visit(w.url)
	b.until("that the call goes on", has("victim"))
	if err := victim.Cancel(errors.New("over")); err != nil {
		t.Error(err)
	}
}

// Where canceling is not allowed, the page offers none, and a POST from the page itself
// does nothing.
func TestCancel_notAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	safe := w.begin(w.scope("work", 0), "safe")
	defer safe.Release()
	b := open(t)
	for _, page := range []string{"", "call?scope=1&call=1"} {
		b.visit(w.url + page)
		b.until("the call", has("safe"))
		if n := eval[int](b, "document.querySelectorAll('form[method=post]').length"); n > 0 {
			t.Errorf("%q offers %d forms that change something", page, n)
		}
	}
	status := eval[int](b, `fetch("cancel", {method: "POST", body: new URLSearchParams({scope: 1, call: 1})}).then(r => r.status)`)
	if status < 400 || safe.IsDone() {
		t.Errorf("a POST is answered with %d; the call is done: %v", status, safe.IsDone())
	}
	b.expected(fmt.Sprint(status))
}
