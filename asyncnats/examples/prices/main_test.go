package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// The test binary is also the server that the program starts.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-serve") {
		main()
	}
	goleak.VerifyTestMain(m)
}

// The program, small: a server is killed, NATS is restarted, and every quote is there.
func TestRun(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-quotes", "1500", "-window", "200"}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s\n%s", code, &errs, &out)
	}
	for _, want := range []string{
		"server 2 killed with SIGKILL", "NATS is stopped", "NATS is started again", "1500 of 1500 quotes are there, and right", "Calls left waiting: 0.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
}

// What is wrong with a command line is said, with the exit code 2; help is no error.
func TestUsage(t *testing.T) {
	for line, code := range map[string]int{"-h": 0, "-nonsense": 2, "-servers 1": 2, "-quotes 0": 2, "more": 2} {
		var out, errs bytes.Buffer
		if got := run(t.Context(), strings.Fields(line), &out, &errs); got != code || errs.Len() == 0 {
			t.Errorf("%s: exit code %d, %q", line, got, &errs)
		}
	}
}

// The program says what is wrong where there is no NATS.
func TestNoNATS(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-url", "nats://127.0.0.1:1"}, &out, &errs); code != 1 || !strings.HasPrefix(errs.String(), "prices:") {
		t.Errorf("exit code %d: %s", code, &errs)
	}
}
