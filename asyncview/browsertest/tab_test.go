package browsertest_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A tab is a tab of the browser that a test uses. It keeps everything that a developer
// would see in its console; a test in which there is something fails.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// patience is how long a test waits for something to be seen.
const patience = 45 * time.Second

// open opens a tab of the size of a laptop's window, in the light theme.
func open(t *testing.T) *tab {
	t.Helper()
	b := &tab{t: t}
	ctx, cancel := chromedp.NewContext(chromium.get(t), chromedp.WithNewBrowserContext(), chromedp.WithListener(b.listen))
	b.ctx = ctx
	t.Cleanup(func() {
		eval[int](b, "0") // an answer comes after everything that was said before
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range b.complaints {
			t.Error("the console says: ", c)
		}
	})
	if err := chromedp.Do(ctx); err != nil { // with the context of the tab: the tab lives as long
		t.Fatal(err)
	}
	call(b, log.Enable, cdp.Empty{})
	call(b, audits.Enable, cdp.Empty{})
	b.size(1280, 800)
	b.theme("light")
	return b
}

// listen keeps what the console complains of.
func (b *tab) listen(event any) {
	complaint := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		complaint = e.ExceptionDetails.Text
		if object := e.ExceptionDetails.Exception; object != nil {
			complaint += " " + object.Description
		}
	case *runtime.EventConsoleAPICalled: // the page has nothing to say there, good or bad
		for _, a := range e.Args {
			complaint += " " + string(a.Value) + a.Description
		}
	case *log.EventEntryAdded:
		if level := e.Entry.Level; level == log.EntryLevelError || level == log.EntryLevelWarning {
			complaint = fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		details, _ := json.Marshal(e.Issue.Details)
		complaint = fmt.Sprintf("%s: %s", e.Issue.Code, details)
	}
	if complaint != "" && !b.isNoise(complaint) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.complaints = append(b.complaints, complaint)
	}
}

// isNoise reports whether a complaint is none of the page's: of connections that end when a
// page or its server does, of a site that sends its reader on, and of what a page could do
// for the browser to fill in forms and to go back.
func (b *tab) isNoise(complaint string) bool {
	return strings.Contains(complaint, "net::ERR_") ||
		strings.HasPrefix(complaint, "BounceTrackingIssue") || strings.HasPrefix(complaint, "GenericIssue")
}

// expected returns the complaints so far that contain a text, and forgets them.
func (b *tab) expected(text string) (found []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rest []string
	for _, c := range b.complaints {
		if strings.Contains(c, text) {
			found = append(found, c)
		} else {
			rest = append(rest, c)
		}
	}
	b.complaints = rest
	return found
}

// do has the browser do something, and fails the test where it cannot.
func do[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// call is do for a command of the protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	return do(b, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, params) })
}

// visit goes to a page and returns when it is loaded.
func (b *tab) visit(url string) {
	b.t.Helper()
	do(b, chromedp.Navigate(url))
}

// size sets the size of what can be seen of the page, in pixels of CSS.
func (b *tab) size(width, height int64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1,
	})
}

// theme has the page believe that its reader wants it "light" or "dark".
func (b *tab) theme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
}

// eval returns the value of an expression of JavaScript, as the console would. It works
// where the page itself may not run any.
func eval[T any](b *tab, js string) T {
	b.t.Helper()
	return do(b, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
}

// press clicks on the first link, button or summary whose text begins so. It does so in one
// step: what comes live replaces parts of the page, and a click by place would miss.
func (b *tab) press(text string) {
	b.t.Helper()
	found := eval[bool](b, fmt.Sprintf(`(e => { e?.click(); return !!e })(
		[...document.querySelectorAll("main a, main button, main summary")].find(e => e.textContent.startsWith(%q)))`, text))
	if !found {
		b.t.Fatalf("nothing to press says %q", text)
	}
}

// until waits until an expression is true, and fails the test where that takes too long. A
// page that is being replaced by another one is asked again.
func (b *tab) until(what, js string) {
	b.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+js+")"))
		if is {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.picture("failed")
			b.t.Fatalf("not seen within %v: %s (%v)", patience, what, err)
		}
	}
}

// picture keeps a picture of what can be seen of the page as a file, where artifacts are
// kept: go test -artifacts.
func (b *tab) picture(name string) {
	b.t.Helper()
	b.keep(name, chromedp.CaptureScreenshot())
}

// wholePicture is picture of the whole page, however long it is.
func (b *tab) wholePicture(name string) {
	b.t.Helper()
	b.keep(name, chromedp.FullScreenshot(100))
}

func (b *tab) keep(name string, shot chromedp.Action[[]byte]) {
	b.t.Helper()
	if flag.Lookup("test.artifacts").Value.String() != "true" {
		return
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), do(b, shot), 0o600); err != nil {
		b.t.Error(err)
	}
}
