package vettest_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/suite"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/vettest"
)

// A shown is a program of docs/vet.md: it stands in the section of an analyzer, and
// what it prints behind it.
type shown struct{ analyzer, text, prints string }

// TestDocs runs the programs of docs/vet.md. Each prints what the page says, and
// the analyzer of its section, and no other, finds something in it.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(vettest.Dir(t), "..", "..", "..", "docs", "vet.md"))
	if err != nil {
		t.Fatal(err)
	}
	programs := programsOf(string(page))
	dir := t.TempDir()
	vettest.Module(t, dir)
	for i, p := range programs {
		at := filepath.Join(dir, nameOf(p, i))
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, "main.go"), []byte(p.text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	findings := vettest.Vet(t, dir)
	for i, p := range programs {
		t.Run(nameOf(p, i), func(t *testing.T) {
			if got := run(t, dir, nameOf(p, i)); got != p.prints {
				t.Errorf("it prints\n%s\nand the page says\n%s", got, p.prints)
			}
			found := findings["vettest/"+nameOf(p, i)]
			if len(found) == 0 || slices.ContainsFunc(found, func(f vettest.Finding) bool { return f.Analyzer != p.analyzer }) {
				t.Errorf("want %s alone to find something\n%v", p.analyzer, found)
			}
		})
	}
	for _, a := range suite.Analyzers() {
		if !slices.ContainsFunc(programs, func(p shown) bool { return p.analyzer == a.Name }) {
			t.Errorf("docs/vet.md has no program for %s", a.Name)
		}
	}
}

func nameOf(p shown, i int) string { return fmt.Sprintf("%s%d", p.analyzer, i) }

// run builds a program of the module in a folder, and returns what it prints.
func run(t *testing.T, dir, name string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./"+name)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("%v\n%s", err, exit.Stderr)
	}
	return string(out)
}

// programsOf returns the programs of a page: the blocks of Go that are whole files,
// each with the next block of text.
func programsOf(page string) (programs []shown) {
	var section, fence, block string
	for line := range strings.Lines(page) {
		switch trimmed := strings.TrimSpace(line); {
		case fence == "" && strings.HasPrefix(line, "## "):
			section = strings.TrimSpace(line[3:])
		case fence == "" && strings.HasPrefix(trimmed, "```"):
			fence, block = trimmed, ""
		case fence != "" && trimmed == "```":
			switch last := len(programs) - 1; {
			case fence == "```go" && strings.HasPrefix(block, "package main\n"):
				programs = append(programs, shown{section, block, ""})
			case fence == "```text" && last >= 0 && programs[last].prints == "":
				programs[last].prints = block
			}
			fence = ""
		case fence != "":
			block += line
		}
	}
	return programs
}
