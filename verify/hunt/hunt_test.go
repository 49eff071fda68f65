//go:build asyncexplore

package hunt_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed4712c49f/async/verify/hunt"
)

var (
	huntOnly = flag.Bool("hunt.only", false, "the program of that seed and no other")
	huntCPU  = flag.Bool("hunt.cpu", false, "count the time of a processor, not of the clock")
	shrink   = flag.Duration("hunt.shrink", 10*time.Second, "how long to shrink what fails")
	most     = flag.Int("hunt.most", 4, "half of the schedules of a pair; from 500 on all those with two forced switches, up to so many")
	schedule = flag.String("hunt.schedule", "", "with -hunt.only: this schedule alone")
	out      = flag.String("hunt.out", os.TempDir(), "the folder in which a failure is written as a test, to be pasted beside those of the library")
	first    = flag.Bool("hunt.first", false, "stop at the first failure")
)

// Random programs under random schedules: whatever they do, what must be true of any
// program is true of them.
func TestHunt(t *testing.T) {
	if hunt.Child(t) {
		return
	}
	h := &hunt.Hunt{
		Test: "TestHunt", First: *first,
		Task: hunt.Task{Seed: *huntSeed, Only: *huntOnly, Without: list("HUNT_WITHOUT"), Avoid: list("HUNT_AVOID"), For: *huntFor, CPU: *huntCPU, Shrink: *shrink, Schedule: *schedule},
		Log:  func(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) },
	}
	report(t, h)
}

// report hunts, and reports what was found.
func report(t *testing.T, h *hunt.Hunt) {
	t.Helper()
	h.Run(t.Context())
	if h.Programs == 0 {
		t.Error("nothing was run")
	}
	missed := h.Missed()
	t.Log(h.Summary())
	t.Logf("done on each kind of object:\n%s", h.Cover())
	if h.Programs-h.Pairs > 3000 && len(missed) > 0 && os.Getenv("HUNT_AVOID") == "" {
		t.Errorf("never done in %d programs: %v", h.Programs, missed)
	}
	for i, key := range slices.Sorted(maps.Keys(h.Found)) {
		f := h.Found[key]
		t.Errorf("after %v: %s\n%s\nreplay: %s\nas a test: %s\n%s", h.Times[key].Round(time.Millisecond), key, cut(f.Text), f.Replays(),
			written(t, f, i), hunt.Print(f.Program, hunt.NewTable(), "Short", firstLine(f.Text), ""))
	}
}

// written writes the test that a failure is, with all that it needs, and returns its path.
func written(t *testing.T, f *hunt.Found, i int) string {
	t.Helper()
	path := filepath.Join(*out, fmt.Sprintf("hunt_%s_%d_test.go", f.Oracle, i+1))
	text := hunt.Print(f.Program, hunt.NewTable(), fmt.Sprintf("ExploreHunted_%d", i+1), firstLine(f.Text), "")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err.Error()
	}
	return path
}

func cut(s string) string { return s[:min(len(s), 2500)] }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// Every pair of operations on one object, or on two that are tied, under every schedule
// with two forced switches, of which there may be too many.
func TestHuntPairs(t *testing.T) {
	if hunt.Child(t) {
		return
	}
	h := &hunt.Hunt{
		Test: "TestHuntPairs", First: *first,
		Task: hunt.Task{Pairs: true, Order: *huntSeed, Without: list("HUNT_WITHOUT"), Avoid: list("HUNT_AVOID"), For: *huntFor, CPU: *huntCPU, Shrink: *shrink, Most: *most, Match: *match, Only: *huntOnly, Schedule: *schedule},
		Log:  func(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) },
	}
	report(t, h)
	fmt.Fprintf(os.Stdout, "%d of %d pairs, in the order of seed %d\n", h.Pairs, hunt.Pairs(hunt.NewTable(), *match, *huntSeed).Len(), *huntSeed)
}
