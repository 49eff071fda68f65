// Package patterns_test runs every pattern as a reader would and compares what
// it prints with the Output section of its own comment.
package patterns_test

import (
	"context"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/seed4712c49f/async" // so that go test runs this again when it changes
)

// columns is how wide a narrow terminal is. The programs have nothing to lay out their
// lines with, so their lines are short.
const columns = 40

// patience bounds one program. Each takes a fraction of a second.
const patience = time.Minute

func TestPatterns(t *testing.T) {
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", bin+string(filepath.Separator), "./...")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, name := range programs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runPattern(t, filepath.Join(bin, name), wantOutput(t, name))
		})
	}
}

// runPattern runs a program with a temporary directory of its own, in which it
// must leave nothing behind.
func runPattern(t *testing.T, path, want string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	temp := t.TempDir()
	cmd := exec.CommandContext(ctx, path)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp, "TMP="+temp)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v, after printing:\n%s", err, out)
	}
	if got := string(out); got != want {
		t.Errorf("printed:\n%swant:\n%s", got, want)
	}
	for line := range strings.Lines(string(out)) {
		if len(line) > columns+1 {
			t.Errorf("longer than a narrow terminal is wide: %q", line)
		}
	}
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		t.Errorf("left behind: %s", f.Name())
	}
}

// A program that the table does not list would not be found by its readers.
func TestReadmeListsEveryPattern(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range programs(t) {
		if command := "`go run ./patterns/" + name + "`"; !strings.Contains(string(readme), command) {
			t.Errorf("README.md does not have %s", command)
		}
	}
}

// programs returns the names of the patterns.
func programs(t *testing.T) []string {
	files, err := filepath.Glob("*/main.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no programs: %v", err)
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = filepath.Dir(f)
	}
	return names
}

// wantOutput returns what a program's comment says it prints: the indented lines
// after "Output:".
func wantOutput(t *testing.T, name string) string {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(name, "main.go"), nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(f.Doc.Text(), "\nOutput:\n")
	if !ok {
		t.Fatal("the comment has no Output section")
	}
	var want strings.Builder
	for line := range strings.Lines(section) {
		if text, ok := strings.CutPrefix(line, "\t"); ok {
			want.WriteString(text)
		}
	}
	if want.Len() == 0 {
		t.Fatal("the Output section is empty")
	}
	return want.String()
}
