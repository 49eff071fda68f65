//go:build !asyncexplore

package sched_test

import (
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/seed4712c49f/async/internal/sched"
)

const library = "github.com/seed4712c49f/async"

// instruction matches a line of the compiler's listing that is one of the code,
// not of what debuggers are told.
var instruction = regexp.MustCompile(`(?m)^\t0x[0-9a-f]+ [0-9]+ \(.*$`)

// Without the tag no instruction of the library has to do with this package, and
// what it locks is a sync.Mutex.
func TestOff_NothingIsLeftInTheCode(t *testing.T) {
	code := listing(t)
	if i := strings.Index(code, "internal/sched"); i >= 0 {
		t.Errorf("compiled without the tag: %s", code[max(0, i-200):min(len(code), i+200)])
	}
	if !strings.Contains(code, "internal/sync.(*Mutex).lockSlow") {
		t.Error("nothing locks a sync.Mutex")
	}
	var m sched.Mutex
	var _ *sync.Mutex = &m // it is one
	if sched.On {
		t.Error("On is true")
	}
}

// The test of the test: with the tag the listing is full of it.
func TestOff_TheListingShowsWhatIsThere(t *testing.T) {
	code := listing(t, "-tags=asyncexplore")
	for _, want := range []string{"internal/sched.(*run).stand(SB)", "internal/sched.(*Mutex).Lock(SB)"} {
		if !strings.Contains(code, want) {
			t.Errorf("compiled with the tag, the code has no %s", want)
		}
	}
}

// listing returns the instructions that the library is compiled to.
func listing(t *testing.T, flags ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it compiles, and says the same under the race detector")
	}
	args := append([]string{"build", "-gcflags=-S"}, flags...)
	out, err := exec.CommandContext(t.Context(), "go", append(args, library)...).CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	lines := instruction.FindAllString(string(out), -1)
	if len(lines) < 1000 {
		t.Fatalf("go build lists %d instructions", len(lines))
	}
	return strings.Join(lines, "\n")
}
