package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asProgram in the environment has the test binary be the program.
const asProgram = "QUEUE_TEST_AS_PROGRAM"

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

// want fails the test unless the program ended with code and printed all of texts, which
// are regular expressions.
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

func TestAll(t *testing.T) {
	r := start(t.Context(), "-files", "300", "-busy", "10")
	r.want(t, 0, `Making 300 files in `, `\d at the same time`, `: 300 of 300 files done\. \d+ files a second`,
		`KiB became .*KiB\. Jobs tried again [1-9]\d* times`)
	if r.stderr != "" {
		t.Errorf("stderr has %q", r.stderr)
	}
}

func TestDamaged(t *testing.T) {
	start(t.Context(), "-files", "50", "-damaged", "7").want(t, 1, `: 43 of 50 files done, 7 failed\. `,
		`(?m)^  [0-9a-f]{16}-\d: the file is not what its name announces$`, `(?m)^  and 2 more$`, `queue: 7 of 50 files could not be done`)
}

// A store that is always busy is not asked for ever.
func TestBusy(t *testing.T) {
	start(t.Context(), "-files", "5", "-busy", "1").want(t, 1, `: 0 of 5 files done, 5 failed\. `, `the store was busy too often: 5 times`, `tried again 20 times`)
}

// A stopper cancels when a text is written.
type stopper struct {
	out  bytes.Buffer
	text string
	stop func()
}

func (s *stopper) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.text) {
		s.stop()
	}
	return s.out.Write(p)
}

// What is interrupted before the first job begins does nothing, and says so.
func TestInterruptedBefore(t *testing.T) {
	for _, text := range []string{"Making", "Hashing"} {
		ctx, cancel := context.WithCancel(t.Context())
		out := &stopper{text: text, stop: cancel}
		var errs bytes.Buffer
		code := run(ctx, []string{"-files", "30"}, out, &errs)
		want := []string{"queue: interrupted: context canceled"}
		if text == "Hashing" {
			want = append(want, `: 0 of 30 files done, 30 not begun\. `)
		}
		result{code, out.out.String(), errs.String()}.want(t, 130, want...)
	}
}

// A lines is what the program has written so far.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen func(string)
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.text.Write(p)
	l.seen(l.text.String())
	return n, err
}

// Ctrl-C in the middle: what had begun is done, or cut off where there is no grace,
// nothing else is begun, and these are all.
func TestCtrlC(t *testing.T) {
	for _, grace := range []string{"30s", "0s"} {
		t.Run(grace, func(t *testing.T) { interrupt(t, grace) })
	}
}

func interrupt(t *testing.T, grace string) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-files", "20000", "-limit", "2", "-grace", grace)
	cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+t.TempDir())
	var once sync.Once
	out := &lines{seen: func(text string) {
		if strings.Contains(text, "files a second") {
			once.Do(func() { _ = cmd.Process.Signal(os.Interrupt) })
		}
	}}
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &errs
	_ = cmd.Run()
	r := result{cmd.ProcessState.ExitCode(), out.text.String(), errs.String()}
	r.want(t, 130, `: [1-9]\d* of 20000 files done, (\d+ cut off, )?[1-9]\d* not begun\. `, `queue: interrupted: interrupt`)
	if grace != "0s" && strings.Contains(r.stdout, "cut off") {
		t.Errorf("cut off, though there was time:\n%s", r.stdout)
	}
}

// What is compressed is the file, whole.
func TestCompress(t *testing.T) {
	for range 3 { // with a compressor that was used before
		small, err := compress([]byte(strings.Repeat("words ", 1000)))
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(small))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil || string(text) != strings.Repeat("words ", 1000) {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
	}
}

func TestUsage(t *testing.T) {
	start(t.Context(), "-h").want(t, 0, "usage: queue", "-damaged")
	for _, args := range [][]string{{"-files", "0"}, {"-limit", "0"}, {"-busy", "-1"}, {"-damaged", "-1"}, {"-files", "1", "-damaged", "2"}, {"-grace", "-1s"}, {"x"}, {"-y"}} {
		start(t.Context(), args...).want(t, 2, "-h for help|flag provided but not defined")
	}
}
