package planted_test

import (
	"fmt"
	"os"
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

// TestPlanted has asyncvet look at the programs, in which it must find nothing, and
// at a copy with each of the faults, in which the analyzer that the fault names
// must find it, and no other anything.
func TestPlanted(t *testing.T) {
	faults, err := planted.Read(filepath.Join(vettest.Dir(t), "planted"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	vettest.Module(t, dir, "programs", "helper", "kit", "gen")
	for _, f := range faults {
		if err := f.Plant(filepath.Join(dir, "programs"), filepath.Join(dir, "planted", f.Name)); err != nil {
			t.Fatal(err)
		}
	}
	findings := vettest.Vet(t, dir)
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
		case slices.ContainsFunc(all, func(is vettest.Finding) bool { return is.Analyzer != f.Finds }):
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
	page, err := os.ReadFile(filepath.Join(vettest.Dir(t), "..", "..", "..", "docs", "vet.md"))
	if says := fmt.Sprintf("%d faults are planted", len(faults)); err != nil || !strings.Contains(string(page), says) {
		t.Errorf("docs/vet.md does not say %q: %v", says, err)
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
