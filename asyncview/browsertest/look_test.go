package browsertest_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"

	"github.com/seed4712c49f/async/asyncview"
)

// fits fails the test where the page can be scrolled sideways.
func (b *tab) fits() {
	b.t.Helper()
	const wide = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
	if over := eval[int](b, wide); over > 0 {
		b.picture("too-wide")
		b.t.Errorf("the page is %d pixels too wide", over)
	}
}

// phone gives the tab the size of a phone.
func (b *tab) phone() {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: 390, Height: 844, DeviceScaleFactor: 2, Mobile: true,
	})
}

// looks are the pages of a world with many calls and a deadlock: what comes after the
// address, and JavaScript for "it is there".
func looks() map[string]string {
	return map[string]string{
		"":                         has("hen"),
		"?group=name":              has("fetch 0"),
		"?group=flat&sort=newest":  has("fetch 0"),
		"?q=nothing":               lists("0 calls"),
		"call?scope=1&call=1":      has("page"),
		"call?scope=3&call=1":      has("hen"),
		"call?scope=1&call=471100": has("not in flight"),
	}
}

// Every page is of use to everybody, says axe-core, in both themes; both are real; and on
// a phone nothing has to be scrolled sideways.
func TestLooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, asyncview.AllowCancel())
	w.people(40)
	w.circle("hen", "egg")
	b := open(t)
	see := func(what, path, seen string) {
		b.visit(w.url + path)
		b.until(path, seen)
		b.fits()
		b.wholePicture(what)
	}
	for path, seen := range looks() {
		file := url.PathEscape(path)
		paper := map[string]string{}
		for _, theme := range []string{"light", "dark"} {
			b.theme(theme)
			see(file+"-"+theme, path, seen)
			paper[theme] = eval[string](b, "getComputedStyle(document.documentElement).backgroundColor")
			b.accessible()
		}
		if paper["light"] == paper["dark"] {
			t.Errorf("%q: both themes are %s", path, paper["light"])
		}
		b.phone()
		see(file+"-phone", path, seen)
		b.size(1280, 800)
	}
	b.expected("404")
}

// A deadlock is drawn: a box for each call of it, and an arrow from each to the next.
func TestDeadlockIsDrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.circle("hen", "egg", "nest")
	b := open(t)
	b.visit(w.url)
	b.until("the drawing", "document.querySelector('#graph svg')")
	got := eval[[]string](b, "[...document.querySelectorAll('#graph .arrow.cycle title')].map(t => t.textContent)")
	for _, want := range []string{"hen #1 waits for egg #1", "egg #1 waits for nest #2", "nest #2 waits for hen #1"} {
		if !slices.Contains(got, want) {
			t.Errorf("no arrow for %s, but %q", want, got)
		}
	}
	boxes := eval[[]map[string]float64](b, `[...document.querySelectorAll('#graph .box.cycle')].map(g => {
		const {left, right, top, bottom} = g.getBoundingClientRect(); return {left, right, top, bottom} })`)
	if len(boxes) != 3 {
		t.Errorf("%d boxes are in the deadlock", len(boxes))
	}
	for i, p := range boxes {
		for _, q := range boxes[:i] {
			if p["left"] < q["right"] && q["left"] < p["right"] && p["top"] < q["bottom"] && q["top"] < p["bottom"] {
				t.Errorf("boxes overlap: %v, %v", p, q)
			}
		}
	}
	b.press("egg")
	b.until("the page of the call", "document.title.startsWith('egg')")
}

// The page is there in a second, and no longer than it can be read, however many calls
// there are.
func TestSizes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{40, 400, 100_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t)
			w.people(n)
			b := open(t)
			began := time.Now()
			b.visit(w.url)
			b.until("calls", has("page"))
			t.Logf("%d calls: %v", n, time.Since(began))
			if nodes := eval[int](b, "document.querySelectorAll('*').length"); nodes > 20_000 {
				t.Errorf("the page has %d elements", nodes)
			}
			b.fits()
			b.picture("light")
			b.theme("dark")
			b.picture("dark")
		})
	}
}
