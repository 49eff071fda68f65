package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// The test binary is also the processes that the program starts.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-role") {
		main()
	}
	goleak.VerifyTestMain(m)
}

// The program, small: workers and the submitting process are killed, and every invoice is there
// once.
func TestRun(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-n", "200", "-dir", t.TempDir()}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s\n%s", code, &errs, &out)
	}
	for _, want := range []string{
		"-attach -url nats://", "worker 1 killed with SIGKILL", "worker 3 killed with SIGKILL",
		"the submitting process killed with SIGKILL", "200 of 200 invoices", "all there",
		"Every one of 200 invoices is there once, and whole.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
}

// Another terminal attaches while the invoices are made, and once more when they are there. The
// first program may be gone by then.
func TestAttach(t *testing.T) {
	dir := t.TempDir()
	s, err := startNATS(filepath.Join(dir, "jetstream"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	first := make(chan int)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		var out, errs bytes.Buffer
		first <- run(ctx, []string{"-n", "100", "-dir", dir, "-url", s.ClientURL()}, &out, &errs)
	}()
	for range 2 {
		var out, errs bytes.Buffer
		if code := run(t.Context(), []string{"-attach", "-n", "100", "-url", s.ClientURL()}, &out, &errs); code != 0 || !strings.Contains(out.String(), "100 of 100") {
			t.Errorf("exit code %d: %s\n%s", code, &errs, &out)
		}
	}
	if code := <-first; code != 0 {
		t.Errorf("the first program returned %d", code)
	}
	cancel()
}

// What is wrong with a command line is said, with the exit code 2; help is no error.
func TestUsage(t *testing.T) {
	for line, code := range map[string]int{"-h": 0, "-nonsense": 2, "-workers 0": 2, "-n 0": 2, "-attach": 2, "more": 2, "-attach -url nats://127.0.0.1:1": 1} {
		var out, errs bytes.Buffer
		if got := run(t.Context(), strings.Fields(line), &out, &errs); got != code || errs.Len() == 0 {
			t.Errorf("%s: exit code %d, %q", line, got, &errs)
		}
	}
}

// The same order has the same bytes, and another one has others.
func TestRender(t *testing.T) {
	a, err := render(orderOf(1))
	b, bad := render(orderOf(1))
	other, worse := render(orderOf(2))
	if err != nil || bad != nil || worse != nil || !bytes.Equal(a, b) || bytes.Equal(a, other) || !bytes.HasPrefix(a, []byte("%PDF-")) {
		t.Errorf("%d, %d and %d bytes: %v %v %v", len(a), len(b), len(other), err, bad, worse)
	}
}
