package browsertest_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
)

// has is JavaScript for: the page shows a text.
func has(text string) string { return fmt.Sprintf("document.body.innerText.includes(%q)", text) }

// lists is JavaScript for: the part of the page that lists calls has a text.
func lists(text string) string {
	return fmt.Sprintf("document.getElementById('calls').innerText.includes(%q)", text)
}

// What begins while the page is looked at is shown, and what ends goes, without a reload.
func TestLive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.scope("work", 2)
	b := open(t)
	b.visit(w.url)
	eval[int](b, "window.same = 1")
	call := w.begin(s, "newcomer")
	b.until("the new call", has("newcomer"))
	_ = call.Cancel(nil)
	call.Release()
	b.until("that it is over", "!"+has("newcomer"))
	w.begin(w.scope("late scope", 1), "later").Release()
	b.until("the new scope", has("late scope")+"&&"+has("later"))
	if !eval[bool](b, "window.same === 1") {
		t.Error("the page was loaded again")
	}
}

// What comes live leaves alone what the reader has typed, focused, unfolded and scrolled to.
func TestLive_leavesTheReaderAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.scope("work", 0)
	for i := range 100 {
		w.begin(s, fmt.Sprintf("call %03d", i)).Release()
	}
	for range 6 {
		w.begin(s, "same").Release() // so many of one name are folded
	}
	b := open(t)
	b.visit(w.url)
	b.until("the calls", lists("call 099"))
	eval[bool](b, "document.querySelector('#calls details').open = true")
	do(b, chromedp.SendKeys(chromedp.CSS("input[name=q]"), "not sent yet"))
	eval[int](b, "window.scrollTo(0, 900), 0")
	const middle = "[...document.querySelectorAll('#calls a')].find(a => a.innerText.startsWith('call 050')).getBoundingClientRect().top"
	before := eval[float64](b, middle)
	w.begin(s, "newcomer").Release()
	b.until("the new call", lists("newcomer"))
	for what, js := range map[string]string{
		"the field is as it was":  "document.querySelector('input[name=q]').value === 'not sent yet'",
		"the focus is there":      "document.activeElement.name === 'q'",
		"what was open is open":   "document.querySelector('#calls details').open",
		"what was read is there":  fmt.Sprintf("Math.abs(%s - %f) < 30", middle, before),
		"the page is still there": "document.getElementById('status').innerText.startsWith('Live')",
	} {
		if !eval[bool](b, js) {
			t.Error("it is not so that ", what)
		}
	}
}

// What came while the reader marked text is there when the reader is done, though nothing has
// changed since.
func TestLive_afterTheReader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.scope("work", 0)
	b := open(t)
	b.visit(w.url)
	b.until("that it is live", "document.documentElement.dataset.live === 'yes'")
	eval[int](b, "document.getSelection().selectAllChildren(document.getElementById('wrong')), 0")
	c := async.Go(context.Background(), func(context.Context) (int, error) { return 1, nil }, s)
	defer c.Release()
	b.until("that it came", "document.getElementById('scopes').innerText.includes('1 not taken')")
	const untaken = "document.getElementById('wrong').innerText.includes('there to be taken')"
	if eval[bool](b, untaken) {
		t.Error("the text that is marked was replaced")
	}
	eval[int](b, "document.getSelection().removeAllRanges(), 0")
	b.until("what is wrong", untaken)
}

// Pause keeps the page as it is, until the reader wants it to go on.
func TestLive_pause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.scope("work", 0)
	b := open(t)
	b.visit(w.url)
	b.until("that it is live", "document.documentElement.dataset.live === 'yes'")
	do(b, chromedp.Click(chromedp.ID("pause")))
	b.until("that it is not", "document.documentElement.dataset.live === 'no'")
	w.begin(s, "unseen").Release()
	eval[int](b, "fetch('./').then(r => 0)") // the server has seen the call
	if eval[bool](b, has("unseen")) {
		t.Error("the page goes on")
	}
	do(b, chromedp.Click(chromedp.ID("pause")))
	b.until("what came meanwhile", has("unseen"))
}

// A page whose server went away says so. When a server is there again, the page goes on.
func TestLive_serverComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.scope("work", 0)
	first := httptest.NewServer(asyncview.For(w.all))
	b := open(t)
	b.visit(first.URL)
	b.until("that it is live", "document.documentElement.dataset.live === 'yes'")
	first.CloseClientConnections()
	first.Close()
	b.until("that it is not connected", has("Not connected"))
	second := httptest.NewUnstartedServer(asyncview.For(w.all))
	_ = second.Listener.Close()
	second.Listener = listen(t, first.Listener.Addr().String())
	second.Start()
	defer second.Close()
	defer second.CloseClientConnections()
	w.begin(s, "after it").Release()
	b.until("that the page goes on", has("after it"))
}

// The search leaves the calls that are looked for, and live updates keep to the search.
func TestFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.scope("work", 0)
	for i := range 30 {
		w.begin(s, fmt.Sprintf("apple %d", i)).Release()
		w.begin(s, fmt.Sprintf("pear %d", i)).Release()
	}
	b := open(t)
	b.visit(w.url)
	b.until("all calls", lists("apple 29")+"&&"+lists("pear 29"))
	do(b, chromedp.SendKeys(chromedp.CSS("input[name=q]"), "APPLE"+kb.Enter))
	b.until("apples alone", lists("apple 29")+"&& !"+lists("pear")+"&&"+lists("30 calls"))
	w.begin(s, "pear late").Release()
	w.begin(s, "apple late").Release()
	b.until("the apple that came later", lists("apple late"))
	if eval[bool](b, lists("pear")) {
		t.Error("a call that was not asked for came live")
	}
	b.visit(w.url)
	do(b, chromedp.SetValue(chromedp.CSS("select[name=state]"), "queued"))
	do(b, chromedp.Click(chromedp.CSS("form.search button")))
	b.until("that nothing is queued", lists("0 calls"))
}

// Calls are listed in the order that is asked for, which the form keeps.
func TestSort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.scope("work", 0)
	for _, name := range []string{"middle", "alpha", "zulu"} {
		w.begin(s, name).Release()
	}
	b := open(t)
	b.visit(w.url)
	do(b, chromedp.SetValue(chromedp.CSS("select[name=group]"), string(asyncview.Flat)))
	for _, c := range []struct {
		by   asyncview.Sort
		want []string
	}{
		{asyncview.ByNewest, []string{"zulu", "alpha", "middle"}},
		{asyncview.ByAge, []string{"middle", "alpha", "zulu"}},
		{asyncview.ByName, []string{"alpha", "middle", "zulu"}},
	} {
		do(b, chromedp.SetValue(chromedp.CSS("select[name=sort]"), string(c.by)))
		do(b, chromedp.Click(chromedp.CSS("form.search button")))
		b.until("the list", fmt.Sprintf("new URLSearchParams(location.search).get('sort') === %q && document.readyState === 'complete'", c.by))
		b.until("the calls", lists("zulu"))
		var got []string
		for _, title := range eval[[]string](b, "[...document.querySelectorAll('#calls tbody th')].map(th => th.innerText)") {
			got = append(got, strings.Fields(title)[0])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("by %s: %q, want %q", c.by, got, c.want)
		}
	}
}

// The page of one call says where it was begun, what is above and below it, and when it is
// over.
func TestOneCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.people(12)
	b := open(t)
	b.visit(w.url)
	b.press("page ")
	b.until("a page with its fetches, and where it was begun", has("fetch 9")+"&&"+has("world_test.go"))
	b.press("fetch 9")
	b.until("the way up", "document.title.startsWith('fetch 9') && [...document.querySelectorAll('a')].some(a => a.innerText.startsWith('page '))")
	b.press("page ")
	b.until("the page again", "document.title.startsWith('page')")
}

// Each wait stands once on the page of the call that is waited for, in whatever scope it is.
func TestOneCall_waiters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.circle("hen", "egg")
	b := open(t)
	b.visit(w.url + "call?scope=1&call=1")
	b.until("the page", "document.title.startsWith('hen') &&"+has("Waited for by"))
	const links = "[...document.querySelectorAll('#detail a')].filter(a => a.innerText === 'egg #1').length"
	if n := eval[int](b, links); n != 2 {
		t.Errorf("egg stands there %d times: it waits once, and is waited for once", n)
	}
}

// Where it is allowed, one call can be canceled by its page, which then says that the call
// is over; and a queue by that of all calls.
func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, asyncview.AllowCancel())
	s := w.scope("work", 1)
	runs, waits := w.begin(s, "runs"), w.begin(s, "waits")
	defer runs.Release()
	defer waits.Release()
	b := open(t)
	b.visit(w.url)
	b.until("both", lists("runs")+"&&"+lists("waits"))
	b.press("Cancel what is queued")
	b.press("Cancel the queue of work")
	b.until("the answer", "!document.querySelector('#calls')")
	b.picture("answer")
	if err := waits.WaitFor(patience); err != nil {
		t.Error("the queued call: ", err)
	}
	if runs.IsDone() {
		t.Error("the call that runs was canceled, too")
	}
	b.visit(w.url)
	b.press("runs")
	b.until("its page", has("Cancel this call"))
	b.press("Cancel this call")
	if err := runs.WaitFor(patience); err != nil {
		t.Error("the call that runs: ", err)
	}
	b.until("the answer", "!document.querySelector('form')")
}

// Without JavaScript everything is there but what comes live: what is wrong, the search,
// the page of one call.
func TestNoScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.people(12)
	w.circle("hen", "egg")
	b := open(t)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.visit(w.url)
	b.until("the deadlock", "document.getElementById('wrong').innerText.includes('hen')&&"+has("As it was at"))
	if eval[bool](b, "!document.getElementById('pause').hidden") {
		t.Error("there is a button that does nothing")
	}
	do(b, chromedp.SendKeys(chromedp.CSS("input[name=q]"), "egg"+kb.Enter))
	b.until("what was looked for", lists("egg")+"&& !"+lists("fetch 9"))
	b.press("egg")
	b.until("the page of the call", "document.title.startsWith('egg') &&"+has("deadlock"))
	b.picture("call")
}
