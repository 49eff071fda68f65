package browsertest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
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

// A look is a page that is looked at in every theme and width.
type look struct {
	name, path string
	seen       string // JavaScript: the page is there
}

// looks are the pages of a world with many calls and a deadlock.
func looks() []look {
	return []look{
		{"first", "", has("hen")},
		{"by-name", "?group=name", has("fetch 0")},
		{"flat", "?group=flat&sort=newest", has("fetch 0")},
		{"search", "?q=fetch+3", has("fetch 3")},
		{"nothing-found", "?q=nothing+has+this+name", has("nothing has this name") + "|| true"},
		{"call", "call?scope=1&call=1", has("page")},
		{"gone", "call?scope=1&call=4711", has("4711")},
	}
}

// Every page is of use to everybody, says axe-core, in both themes; both are real; and on
// a phone nothing has to be scrolled sideways.
func TestLooks(t *testing.T) {
	w := newWorld(t)
	w.people(40)
	w.circle(w.all(), "hen", "egg")
	b := open(t)
	for _, l := range looks() {
		t.Run(l.name, func(t *testing.T) {
			b.t = t
			paper := map[string]string{}
			for _, theme := range []string{"light", "dark"} {
				b.theme(theme)
				b.visit(w.url + l.path)
				b.until(l.name, l.seen)
				paper[theme] = eval[string](b, "getComputedStyle(document.body).backgroundColor")
				b.fits()
				b.wholePicture(l.name + "-" + theme)
				b.accessible(t)
			}
			if paper["light"] == paper["dark"] {
				t.Errorf("both themes are %s", paper["light"])
			}
			b.phone()
			b.visit(w.url + l.path)
			b.until(l.name, l.seen)
			b.fits()
			b.wholePicture(l.name + "-phone")
			b.size(1280, 800)
		})
	}
	b.t = t
}

// The page is there in a second, and no longer than it can be read, however many calls
// there are.
func TestSizes(t *testing.T) {
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
