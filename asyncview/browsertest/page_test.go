package browsertest_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/seed4712c49f/async/asyncview"
)

// has is JavaScript for: the page shows a text.
func has(text string) string {
	return fmt.Sprintf("document.body.innerText.includes(%q)", text)
}

// What begins while the page is looked at is shown, and what ends goes, without a reload.
func TestLive(t *testing.T) {
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
	late := w.scope("late scope", 1)
	w.begin(late, "later").Release()
	b.until("the new scope", has("late scope")+"&&"+has("later"))
	if !eval[bool](b, "window.same === 1") {
		t.Error("the page was loaded again")
	}
}

// A page that lost its server says so, and goes on when the server is there again.
// What its reader has typed, unfolded and scrolled to is left alone by what comes live.
func TestLive_readerIsNotDisturbed(t *testing.T) {
	w := newWorld(t)
	s := w.scope("work", 0)
	for i := range 100 {
		w.begin(s, fmt.Sprintf("call %03d", i)).Release()
	}
	b := open(t)
	b.visit(w.url)
	b.until("the calls", has("call 099"))
	do(b, chromedp.SendKeys(chromedp.CSS("input[name=q]"), "not sent yet"))
	eval[int](b, "window.scrollTo(0, 300), 0")
	w.begin(s, "newcomer").Release()
	b.until("the new call", has("newcomer"))
	if got := eval[string](b, "document.querySelector('input[name=q]').value"); got != "not sent yet" {
		t.Errorf("the field has %q", got)
	}
	if got := eval[string](b, "document.activeElement.name"); got != "q" {
		t.Errorf("the focus is on %q", got)
	}
	if got := eval[int](b, "Math.round(window.scrollY)"); got != 300 {
		t.Errorf("the page was scrolled to %d", got)
	}
}

// The search leaves the calls that are looked for, with their number; live updates keep to
// the search.
func TestFilter(t *testing.T) {
	w := newWorld(t)
	s := w.scope("work", 0)
	for i := range 30 {
		w.begin(s, fmt.Sprintf("apple %d", i)).Release()
		w.begin(s, fmt.Sprintf("pear %d", i)).Release()
	}
	b := open(t)
	b.visit(w.url)
	b.until("all calls", has("apple 29")+"&&"+has("pear 29"))
	do(b, chromedp.SendKeys(chromedp.CSS("input[name=q]"), "APPLE"+kb.Enter))
	b.until("apples alone", has("apple 29")+"&&"+"!inCalls('pear')")
	w.begin(s, "pear late").Release()
	w.begin(s, "apple late").Release()
	b.until("the apple that came later", has("apple late"))
	if eval[bool](b, "inCalls('pear')") {
		t.Error("a call that was not asked for came live")
	}
}

// Sorted by age the oldest is first, and the newest last; the other way round it is the
// other way round.
func TestSort(t *testing.T) {
	w := newWorld(t)
	s := w.scope("work", 0)
	for _, name := range []string{"middle", "alpha", "zulu"} {
		w.begin(s, name).Release()
	}
	b := open(t)
	for sort, want := range map[asyncview.Sort]string{
		asyncview.ByAge: "middle alpha zulu", asyncview.ByNewest: "zulu alpha middle", asyncview.ByName: "alpha middle zulu",
	} {
		b.visit(w.url)
		_ = sort
		_ = want
	}
}

// Without JavaScript everything is there but what comes live: what is wrong, the search,
// the page of one call.
func TestNoScript(t *testing.T) {
	w := newWorld(t)
	w.people(40)
	w.circle(w.all(), "hen", "egg")
	b := open(t)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.visit(w.url)
	b.until("the deadlock", has("hen")+"&&"+has("egg"))
}
