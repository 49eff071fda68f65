//go:build asyncexplore

package asynctest_test

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
)

// These fail, and are run by [TestExplore_Finds] for that.
func TestFails(t *testing.T) {
	if os.Getenv("ASYNCTEST_FAILS") == "" {
		t.Skip("run by TestExplore_Finds")
	}
	t.Run("naive cache", func(t *testing.T) {
		asynctest.Explore(t, getWhileItChanges(&cache{naive: true}))
	})
	t.Run("naive cache by chance", func(t *testing.T) {
		asynctest.Explore(t, getWhileItChanges(&cache{naive: true}), asynctest.ExploreOptions{Random: 1000, Seed: 7})
	})
	t.Run("naive cache by priorities", func(t *testing.T) {
		asynctest.Explore(t, getWhileItChanges(&cache{naive: true}), asynctest.ExploreOptions{Random: 1000, Depth: 2})
	})
	t.Run("errorf", func(t *testing.T) {
		asynctest.Explore(t, func(r *asynctest.Run) { r.Go(func() { r.Errorf("said %d", 1) }) })
	})
	t.Run("error", func(t *testing.T) {
		asynctest.Explore(t, func(r *asynctest.Run) { r.Error("said ", 1) })
	})
	t.Run("fatalf", func(t *testing.T) {
		asynctest.Explore(t, func(r *asynctest.Run) { r.Go(func() { r.Fatalf("said %d", 1); panic("it goes on") }) })
	})
	t.Run("failnow", func(t *testing.T) {
		asynctest.Explore(t, func(r *asynctest.Run) { r.Go(r.FailNow) })
	})
	t.Run("fatal of the test", func(t *testing.T) {
		asynctest.Explore(t, func(r *asynctest.Run) { r.Go(func() { t.Fatal("said 1") }) })
	})
	t.Run("never set", func(t *testing.T) {
		asynctest.Explore(t, func(r *asynctest.Run) {
			var e async.Event
			r.Go(func() { e.Wait(bg) })
		})
	})
	t.Run("at a point", func(t *testing.T) {
		asynctest.Explore(t, func(r *asynctest.Run) {
			t.Log("called")
			r.Go(func() { asynctest.Point("read"); r.Errorf("said 1") })
		})
	})
	t.Run("switches that are not allowed", func(t *testing.T) {
		asynctest.Explore(t, func(r *asynctest.Run) {
			n := 0
			for range 2 {
				r.Go(func() {
					was := n
					asynctest.Point("read")
					n = was + 1
				})
			}
			r.Check(func() error {
				if n != 2 {
					return errors.New("an update is lost")
				}
				return nil
			})
		}, asynctest.ExploreOptions{Switches: -1})
		t.Fatal("not found")
	})
}

// What is found is printed with all it takes to see it again, and is seen again by
// the command that is printed.
func TestExplore_Finds(t *testing.T) {
	const noFailure = "not found"
	lines := map[string]string{ // that a step of the schedule is printed with, found and replayed
		"naive cache":           `g0  await +explore_test\.go:\d+\n`,
		"naive cache by chance": `g0  await +explore_test\.go:\d+( |\n)`,
		"at a point":            `g0  read +explore_on_test\.go:\d+\n`,
	}
	tests := []struct{ name, want string }{
		{"at a point", "said 1"},
		{"naive cache", "the source says 2, the cache 1"},
		{"naive cache by chance", "the source says 2, the cache 1"},
		{"naive cache by priorities", "the source says 2, the cache 1"},
		{"errorf", "said 1"},
		{"error", "said 1"},
		{"fatalf", "said 1"},
		{"failnow", "FailNow"},
		{"fatal of the test", "said 1"},
		{"never set", "wait for ever"},
		{"switches that are not allowed", noFailure},
	}
	command := regexp.MustCompile(`ASYNC_SCHEDULE=(\S+) go test -tags asyncexplore -run '(\S+)' \.`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := failing(t, "^TestFails$/^"+strings.ReplaceAll(tt.name, " ", "_")+"$")
			found := command.FindStringSubmatch(out)
			if !strings.Contains(out, tt.want) || found == nil != (tt.want == noFailure) {
				t.Fatalf("it does not say %s, and how to replay it:\n%s", tt.want, out)
			}
			if found == nil {
				return
			}
			again := failing(t, found[2], "ASYNC_SCHEDULE="+found[1])
			if !strings.Contains(again, tt.want) || !strings.Contains(again, "1 schedules (replayed)") {
				t.Errorf("replayed by %s:\n%s", found[0], again)
			}
			if n := strings.Count(again, ": called\n"); n > 1 { // for a debugger's sake
				t.Errorf("a replay calls the scenario %d times", n)
			}
			if line := regexp.MustCompile(lines[tt.name]); !line.MatchString(out) || !line.MatchString(again) {
				t.Errorf("no line matches %s:\n%s\nreplayed:\n%s", line, out, again)
			}
		})
	}
}

// failing runs tests that are to fail, and returns what they say.
func failing(t *testing.T, tests string, environment ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run="+tests, "-test.timeout=60s")
	cmd.Env = append(append(os.Environ(), "ASYNCTEST_FAILS=1"), environment...)
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); !errors.As(err, &exit) {
		t.Fatalf("it did not fail, but %v:\n%s", err, out)
	}
	return string(out)
}
