package vettest

// The whole command, run over a module: for the faults that are planted, and for the
// programs of the documentation.

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Module makes a folder a module like that in testdata, with some of its folders. It
// uses the library as it is here.
func Module(t *testing.T, dir string, folders ...string) {
	t.Helper()
	from := Dir(t)
	for _, name := range folders {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(from, name))); err != nil {
			t.Fatal(err)
		}
	}
	root, err := filepath.Abs(filepath.Join(from, "..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.NewReplacer("../../..", root, "./asyncnats", filepath.Join(from, "asyncnats")).Replace(string(text)))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A Finding is what an analyzer reports.
type Finding struct {
	Analyzer string `json:"-"`
	Posn     string `json:"posn"`
	Message  string `json:"message"`
}

func (f Finding) String() string { return fmt.Sprintf("%s: %s: %s", f.Posn, f.Analyzer, f.Message) }

// Vet builds asyncvet, runs it over the module in a folder, and returns what it
// finds, by the path of the package.
func Vet(t *testing.T, dir string) map[string][]Finding {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "asyncvet")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", tool, ".")
	build.Dir = filepath.Join(Dir(t), "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), tool, "-json", "./...")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("asyncvet: %v\n%s\n%s", err, exit.Stderr, out)
	}
	return parse(t, out)
}

// parse reads what asyncvet -json prints.
func parse(t *testing.T, out []byte) map[string][]Finding {
	t.Helper()
	var tree map[string]map[string]json.RawMessage
	if err := json.Unmarshal(out, &tree); err != nil {
		t.Fatal(err)
	}
	findings := make(map[string][]Finding)
	for pkg, analyzers := range tree {
		path, _, _ := strings.Cut(pkg, " ") // the rest says that it is the variant of a test
		path = strings.TrimSuffix(path, "_test")
		for name, text := range analyzers {
			var some []Finding
			if err := json.Unmarshal(text, &some); err != nil {
				t.Fatalf("%s: %s: %s", pkg, name, text)
			}
			for _, f := range some {
				f.Analyzer = name
				findings[path] = append(findings[path], f)
			}
		}
	}
	return findings
}
