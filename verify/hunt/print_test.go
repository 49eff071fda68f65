package hunt_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/seed4712c49f/async/verify/hunt"
)

// The same seed gives the same program: a failure is found again by its seed.
func TestGenerate_IsDeterministic(t *testing.T) {
	for seed := range uint64(200) {
		one := hunt.Generate(hunt.NewTable(), seed, nil)
		other := hunt.Generate(hunt.NewTable(), seed, nil)
		if !reflect.DeepEqual(one, other) {
			t.Fatalf("two programs of seed %d", seed)
		}
	}
}

// Other seeds give other programs.
func TestGenerate_Differs(t *testing.T) {
	seen := make(map[string]bool)
	for seed := range uint64(200) {
		text, err := json.Marshal(hunt.Generate(hunt.NewTable(), seed, nil).Threads)
		if err != nil {
			t.Fatal(err)
		}
		seen[string(text)] = true
	}
	if len(seen) < 195 {
		t.Errorf("%d programs of 200 seeds", len(seen))
	}
}

// Each operation of the table comes in some program; a hunt says what was really done.
func TestGenerate_HasEveryOperation(t *testing.T) {
	table := hunt.NewTable()
	seen := make(map[string]bool)
	for seed := range uint64(3000) {
		for _, name := range hunt.Operations(hunt.Generate(table, seed, nil)) {
			seen[name] = true
		}
	}
	for name := range table {
		if !seen[name] {
			t.Errorf("no program has %s", name)
		}
	}
}

// What is printed compiles: a file is built for each of some seeds, and for some pairs,
// as if it stood in the package.
func TestPrint_Compiles(t *testing.T) {
	table := hunt.NewTable()
	dir, err := filepath.Abs("../..") // where it is to be pasted
	if err != nil {
		t.Fatal(err)
	}
	replace := make(map[string]string)
	add := func(i int, p *hunt.Program) {
		text := hunt.Print(p, table, "Printed", "A failure.", "0:1")
		file := filepath.Join(t.TempDir(), "printed.go")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(dir, "printed", fmt.Sprint(i), "printed.go")] = file
	}
	for i := range 4 {
		add(i, hunt.Generate(table, uint64(i), nil))
	}
	for i, pairs := 0, hunt.Pairs(table, "", 1); i < 2; i++ {
		add(100+i, pairs.At(i).Program())
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"build", "-overlay", overlay}
	for path := range replace {
		args = append(args, "./printed/"+filepath.Base(filepath.Dir(path)))
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
