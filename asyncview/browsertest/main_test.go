package browsertest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"go.uber.org/goleak"
)

// All tests share one Chromium. Each tab is in a profile of its own, so tests do not see
// each other's cookies and pages.

// A browser is the process that is shared, started when a test first asks for one.
type browser struct {
	once    sync.Once
	ctx     context.Context // nil where there is none
	why     string          // there is none
	cancels []context.CancelFunc
}

var chromium browser

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// get returns the context of the browser. It skips the test where no browser can be had.
func (b *browser) get(t *testing.T) context.Context {
	t.Helper()
	b.once.Do(b.start)
	if b.ctx == nil {
		t.Skip("there is no browser: ", b.why)
	}
	return b.ctx
}

// start starts the browser.
func (b *browser) start() {
	path, err := find()
	if err != nil {
		b.why = err.Error()
		return
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.DisableGPU,
	)
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox) // Chromium refuses to run otherwise
	}
	process, end := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(process)
	b.cancels = []context.CancelFunc{cancel, end}
	if err := chromedp.Do(ctx); err != nil {
		b.why = fmt.Sprintf("%s does not start: %v", path, err)
		b.stop()
		return
	}
	b.ctx = ctx
}

// find returns the path of Chromium, or of a browser that is like it.
func find() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return exec.LookPath(path)
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless_shell", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("neither chromium nor google-chrome is in PATH, and CHROMIUM is not set")
}

// stop ends the process, and waits for its end.
func (b *browser) stop() {
	if b.ctx != nil {
		_ = chromedp.Cancel(b.ctx)
	}
	for _, cancel := range b.cancels {
		cancel()
	}
}
