package verify_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var long = flag.Bool("long", false, "also what takes minutes")

// The completion protocol, as a model of spin/completion.pml, keeps its invariants
// (L1–L6, S3) in every interleaving of two completers, two waiters and a looker; with
// a waiter that only completion ends in place of the second; and of one completer and
// three waiters; nobody waits for ever; and, where the
// scheduler is fair, every waiter ends.
func TestSpin(t *testing.T) {
	t.Run("safety", func(t *testing.T) { holds(t, verdict(t, safety)) })
	t.Run("liveness", func(t *testing.T) { holds(t, verdict(t, liveness, "COMPLETERS=1")) })
	t.Run("safety of a wait without an end", func(t *testing.T) { holds(t, verdict(t, safety, "SLEEPER", "WAITERS=1")) })
	t.Run("liveness of a wait without an end", func(t *testing.T) {
		holds(t, verdict(t, liveness, "SLEEPER", "WAITERS=1", "COMPLETERS=1"))
	})
	if *long {
		t.Run("safety of three waiters", func(t *testing.T) { holds(t, verdict(t, safety, "WAITERS=3", "COMPLETERS=1")) })
		t.Run("liveness of two completers", func(t *testing.T) { holds(t, verdict(t, liveness)) })
	}
}

// The model can fail: with an error planted in it, it does.
func TestSpin_Planted(t *testing.T) {
	for _, plant := range []string{"EARLY_LOSER", "NO_CLOSING", "LOST", "LATE_VALUE", "NO_LOOK"} {
		t.Run(plant, func(t *testing.T) {
			t.Parallel()
			fails(t, verdict(t, safety, plant))
		})
	}
	for _, plant := range []string{"TWO_CHANNELS", "NO_SETTLE"} {
		t.Run(plant, func(t *testing.T) {
			t.Parallel()
			fails(t, verdict(t, safety, plant, "SLEEPER", "WAITERS=1"))
		})
	}
	t.Run("a waiter that sleeps for ever", func(t *testing.T) {
		t.Parallel()
		fails(t, verdict(t, liveness, "LOST", "COMPLETERS=1"))
	})
}

// A search is how the checker is built and run.
type search struct{ build, run []string }

var (
	safety   = search{[]string{"-O1", "-DSAFETY", "-DNOCLAIM"}, []string{"-m1000000"}}
	liveness = search{[]string{"-O1", "-DNFAIR=3"}, []string{"-a", "-f", "-m1000000"}}
)

var (
	stored   = regexp.MustCompile(`(\d+) states, stored`)
	failures = regexp.MustCompile(`errors: (\d+)`)
)

// verdict has Spin check the model and returns what it says. It skips where there
// is no Spin, or no C compiler for what that writes.
func verdict(t *testing.T, s search, defines ...string) string {
	t.Helper()
	for _, tool := range []string{"spin", "gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed (Debian: apt-get install spin gcc)", tool)
		}
	}
	dir := t.TempDir()
	model, err := os.ReadFile("spin/completion.pml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "completion.pml"), model, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-a"}
	for _, d := range defines {
		args = append(args, "-D"+d)
	}
	command(t, dir, "spin", append(args, "completion.pml")...)
	command(t, dir, "gcc", append(s.build, "-DMEMLIM=8000", "-o", "pan", "pan.c")...)
	return command(t, dir, filepath.Join(dir, "pan"), s.run...)
}

func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func holds(t *testing.T, said string) {
	t.Helper()
	if m := failures.FindStringSubmatch(said); m == nil || m[1] != "0" || strings.Contains(said, "out of memory") {
		t.Fatalf("it does not hold, or was not searched to the end:\n%s", said)
	}
	t.Logf("%s states", stored.FindStringSubmatch(said)[1])
}

func fails(t *testing.T, said string) {
	t.Helper()
	if m := failures.FindStringSubmatch(said); m == nil || m[1] == "0" {
		t.Fatalf("it holds:\n%s", said)
	}
}
