package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs the program, and fails the test unless it ends with code and prints
// all of texts, which are regular expressions. No temporary file may be left.
func start(t *testing.T, ctx context.Context, args string, code int, texts ...string) string {
	t.Helper()
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var stdout, stderr bytes.Buffer
	if got := run(ctx, strings.Fields(args), &stdout, &stderr); got != code {
		t.Errorf("%s: exit code %d, want %d", args, got, code)
	}
	for _, text := range texts {
		if !regexp.MustCompile(text).MatchString(stdout.String() + stderr.String()) {
			t.Errorf("%s: nothing says %q", args, text)
		}
	}
	if left, err := os.ReadDir(temp); len(left) > 0 || err != nil {
		t.Errorf("%s: left %v, %v", args, left, err)
	}
	if t.Failed() {
		t.Logf("stdout:\n%s\nstderr:\n%s", &stdout, &stderr)
	}
	return stdout.String()
}

func TestProgram(t *testing.T) {
	start(t, t.Context(), "-sales 1000 -products 20 -keep 10 -readers 20 -asks 20", 0,
		"A database of 1000 sales of 20 products is ready", "20 readers ask .* each 20 times",
		`400 questions:\n  hits +\d+ .*\n  misses +\d+ .*\n    shared +\d+ .*\n    given up +\d+`,
		`\d+ queries in the scope:\n  answered +\d+ .*\n  canceled +\d+ .*\n    while reading +\d+ .*\n    before +\d+`,
		`Half of the answers came within`, `most asked for .*\n  product-000 +\d+ +\d+  =`)
}

// A database that has a name stays, with what is in it.
func TestDatabaseStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sales.db")
	const args = " -products 5 -readers 2 -asks 2 -db "
	start(t, t.Context(), "-sales 100"+args+path, 0, "A database of 100 sales")
	start(t, t.Context(), "-sales 999"+args+path, 0, "A database of 100 sales")
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("the user has had enough")
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"-asks", "1000000", "-sales", "500"}, writerFunc(func(p []byte) {
		if stdout.Write(p); bytes.Contains(p, []byte("readers ask")) {
			time.AfterFunc(20*time.Millisecond, func() { cancel(over) })
		}
	}), &stderr)
	if got, want := stderr.String(), "cache: interrupted: the user has had enough\n"; got != want || code != 130 {
		t.Errorf("exit code %d, stderr %q, want %q", code, got, want)
	}
	if !strings.Contains(stdout.String(), "queries in the scope") {
		t.Errorf("no report: %s", &stdout)
	}
	start(t, ctx, "", 130, "cannot fill the database: the user has had enough")
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

func TestFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	start(t, t.Context(), "-db "+filepath.Join(path, "f"), 1, "cache: cannot open ")
	// A database with something else in it.
	s, err := openStore(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.fill(t.Context(), 1, 1, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Update(putNonsense); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	start(t, t.Context(), "-db "+path, 1, "cache: invalid character", `failed +\d+ .* and kept nothing`)
}

func TestUsage(t *testing.T) {
	for args, want := range map[string]string{
		"-fast":       "not defined: -fast",
		"file":        `unexpected argument "file"`,
		"-sales 0":    "-sales is 0 and must be 1 or more",
		"-products 0": "-products is 0",
		"-keep -1":    "-keep is -1 and must be 0 or more",
		"-readers 0":  "-readers is 0",
		"-asks 0":     "-asks is 0",
		"-limit 0":    "-limit is 0",
		"-seed -1":    `invalid value "-1"`,
	} {
		if out := start(t, t.Context(), args, 2, want); out != "" {
			t.Errorf("%q: began: %q", args, out)
		}
	}
	start(t, t.Context(), "-h", 0, "usage: cache")
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{1234: "1µs", 1234567: "1ms", 1_234_567_890: "1.23s"} {
		if got := short(d); got != want {
			t.Errorf("short(%d) is %s, want %s", d, got, want)
		}
	}
}
