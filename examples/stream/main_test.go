package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "rewrite testdata/output.txt")

const golden = "testdata/output.txt"

// The whole output is as checked in, the same at every run.
func TestOutput(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the output is not that of %s:\n%s", golden, out.Bytes())
	}
}

// Each step says in every round what it says in the output.
func TestSteps(t *testing.T) {
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	wants := strings.Split(string(text), "\n\n")
	if len(wants) != len(steps) {
		t.Fatalf("%d steps in %s, want %d", len(wants), golden, len(steps))
	}
	for i, s := range steps {
		_, want, _ := strings.Cut(wants[i], ")\n") // after the title
		t.Run(s.title, func(t *testing.T) {
			t.Parallel()
			for range 5 {
				lines, err := s.do(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var got strings.Builder
				for _, l := range lines {
					l.print(&got)
				}
				if strings.TrimSpace(got.String()) != strings.TrimSpace(want) {
					t.Fatalf("said:\n%s\nwant:\n%s", got.String(), want)
				}
			}
		})
	}
}

// Both servers answer alike, wherever they are not told apart on purpose.
func TestServersAnswerAlike(t *testing.T) {
	for _, s := range steps {
		if s.each == nil {
			continue
		}
		lines, err := s.do(t.Context())
		if err != nil {
			t.Errorf("%s: %v", s.title, err)
		}
		for _, l := range lines {
			if l.side != "" && !strings.Contains(l.what, "discarded") {
				t.Errorf("%s: only %s says %s to %s", s.title, l.side, l.said, l.what)
			}
		}
	}
}

func TestRun_canceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := run(ctx, &out); err == nil {
		t.Errorf("no error, and:\n%s", out.Bytes())
	}
}

func TestMerge(t *testing.T) {
	a, b := &side{name: "a"}, &side{name: "b"}
	l := func(side, what string) line { return line{side: side, what: what} }
	for _, tt := range []struct{ a, b, want []line }{
		{nil, nil, nil},
		{[]line{l("", "x")}, []line{l("", "x")}, []line{l("", "x")}},
		{[]line{l("", "x")}, nil, []line{l("a", "x")}},
		{nil, []line{l("", "x")}, []line{l("b", "x")}},
		{[]line{l("", "x")}, []line{l("", "y")}, []line{l("a", "x"), l("b", "y")}},
		{[]line{l("a", "own"), l("", "x")}, []line{l("", "x")}, []line{l("a", "own"), l("", "x")}},
		{[]line{l("", "x")}, []line{l("b", "own"), l("", "x")}, []line{l("b", "own"), l("", "x")}},
	} {
		if got := merge(&record{lines: tt.a}, &record{lines: tt.b}, a, b); !slices.Equal(got, tt.want) {
			t.Errorf("merge(%v, %v) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

// The generated file is what the line in stream.go writes.
func TestGenerated(t *testing.T) {
	dir, args := generateLine(t)
	asyncgen := filepath.Join(t.TempDir(), "asyncgen")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", dir, "-o", asyncgen, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("the generator cannot be built here: %v\n%s", err, out)
	}
	check := exec.CommandContext(t.Context(), asyncgen, append([]string{"-check"}, args...)...)
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// generateLine returns the folder of the generator, and its arguments.
func generateLine(t *testing.T) (dir string, args []string) {
	text, err := os.ReadFile("stream.go")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(l, "//go:generate go run -C "); ok {
			if f := strings.Fields(rest); len(f) > 2 && f[1] == "." {
				return f[0], f[2:]
			}
		}
	}
	t.Fatal("stream.go has no such line")
	return "", nil
}
