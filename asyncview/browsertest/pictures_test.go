package browsertest_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/soniakeys/quant/median"
)

var pictures = flag.String("pictures", "", "write the pictures of the docs into this `folder`")

// The first screen of examples/stuck names all five faults, in both themes: the pictures
// in README.
func TestPictures(t *testing.T) {
	t.Parallel()
	url := stuck(t)
	b := open(t)
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 1080, Height: 900, DeviceScaleFactor: 2})
	for _, theme := range []string{"light", "dark"} {
		b.theme(theme)
		b.visit(url)
		b.until("that it is live", "document.documentElement.dataset.live === 'yes'")
		for _, name := range []string{"invoice 17", "report of October", "payment 4711", "results are there that nobody has taken", "scope mail: the queue"} {
			b.until(name, seen("#wrong li", name))
		}
		b.until("the deadlock, drawn", "document.querySelectorAll('#graph .arrow.cycle').length === 3")
		small := shrink(t, do(b, chromedp.CaptureScreenshot()))
		if most := 200 << 10; len(small) > most {
			t.Errorf("the picture has %d bytes, more than %d", len(small), most)
		}
		if *pictures != "" {
			if err := os.WriteFile(filepath.Join(*pictures, "stuck-"+theme+".png"), small, 0o644); err != nil {
				t.Error(err)
			}
		}
	}
}

// seen is JavaScript for: an element with a text is on the first screen, all of it.
func seen(element, text string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e =>
		e.innerText.includes(%q) && e.getBoundingClientRect().bottom <= document.documentElement.clientHeight)`, element, text)
}

// stuck runs examples/stuck until the test is over, and returns where its page is when all
// five can be seen.
func stuck(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "stuck")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-trimpath", "-o", program, "./stuck")
	build.Dir = "../../examples"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, "-text=false")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = io.Copy(io.Discard, out) // the context of the test is over by now
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 130 {
			t.Errorf("stuck ended with %d", code)
		}
	})
	url := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found := regexp.MustCompile(`http://\S+`).FindString(lines.Text()); url == "" {
			url = found
		}
		if bytes.Contains(lines.Bytes(), []byte("names all five")) {
			return url
		}
	}
	t.Fatal("stuck ended before all five could be seen")
	return ""
}

// shrink makes a picture smaller: with a palette of its 256 most important colors.
func shrink(t *testing.T, data []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, median.Quantizer(256).Paletted(full)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
