package planted_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/planted"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/suite"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/vettest"
)

// least is how many faults there have to be.
const least = 60

// A finding is what an analyzer reports.
type finding struct {
	analyzer string
	Posn     string `json:"posn"`
	Message  string `json:"message"`
}

func (f finding) String() string { return fmt.Sprintf("%s: %s: %s", f.Posn, f.analyzer, f.Message) }

// TestPlanted has asyncvet look at the programs, in which it must find nothing, and
// at a copy with each of the faults, in which the analyzer that the fault names
// must find it, and no other anything.
func TestPlanted(t *testing.T) {
	faults, err := planted.Read(filepath.Join(vettest.Dir(t), "planted"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copyModule(t, dir)
	for _, f := range faults {
		if err := f.Plant(filepath.Join(dir, "programs"), filepath.Join(dir, "planted", f.Name)); err != nil {
			t.Fatal(err)
		}
	}
	findings := vet(t, dir)
	for path, all := range findings {
		if strings.HasPrefix(path, "vettest/programs/") && len(all) > 0 {
			t.Errorf("in a program without a fault:\n%v", all)
		}
	}
	found := 0
	for _, f := range faults {
		all := findings["vettest/planted/"+f.Name]
		switch {
		case len(all) == 0:
			t.Errorf("%s is not found: %s", f.Name, f.Breaks)
		case slices.ContainsFunc(all, func(is finding) bool { return is.analyzer != f.Finds }):
			t.Errorf("%s: want %s alone to find it\n%v", f.Name, f.Finds, all)
		default:
			found++
		}
	}
	t.Logf("%d of %d found", found, len(faults))
	for _, a := range suite.Analyzers() {
		if n := count(faults, a.Name); n < 3 {
			t.Errorf("%d faults for %s", n, a.Name)
		}
	}
	if len(faults) < least {
		t.Errorf("%d faults, want %d", len(faults), least)
	}
}

func count(faults []planted.Fault, analyzer string) (n int) {
	for _, f := range faults {
		if f.Finds == analyzer {
			n++
		}
	}
	return n
}

// copyModule copies the module of testdata, which uses the library as it is here.
func copyModule(t *testing.T, dir string) {
	t.Helper()
	from := vettest.Dir(t)
	for _, name := range []string{"programs", "helper"} {
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
		text = []byte(strings.ReplaceAll(string(text), "../../..", root))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// vet builds asyncvet, runs it over the module in a folder, and returns what it
// finds, by the path of the package.
func vet(t *testing.T, dir string) map[string][]finding {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "asyncvet")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", tool, filepath.Join(vettest.Dir(t), ".."))
	build.Dir = filepath.Join(vettest.Dir(t), "..")
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
	var tree map[string]map[string]json.RawMessage
	if err := json.Unmarshal(out, &tree); err != nil {
		t.Fatal(err)
	}
	findings := make(map[string][]finding)
	for pkg, analyzers := range tree {
		path, _, _ := strings.Cut(pkg, " ") // the rest says that it is the variant of a test
		path = strings.TrimSuffix(path, "_test")
		for name, text := range analyzers {
			var some []finding
			if err := json.Unmarshal(text, &some); err != nil {
				t.Fatalf("%s: %s: %s", pkg, name, text)
			}
			for _, f := range some {
				f.analyzer = name
				findings[path] = append(findings[path], f)
			}
		}
	}
	return findings
}
