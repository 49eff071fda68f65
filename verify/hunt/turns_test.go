//go:build asyncexplore

package hunt_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/seed4712c49f/async/verify/hunt"
)

// Random programs and pairs in turn: what a hunt does that has a minute in all.
func TestHuntTurns(t *testing.T) {
	if hunt.Child(t) {
		return
	}
	h := &hunt.Hunt{
		Test: "TestHuntTurns", First: *first, Turns: true,
		Task: hunt.Task{Seed: *huntSeed, Order: *huntSeed, Without: list("HUNT_WITHOUT"), Avoid: list("HUNT_AVOID"), For: *huntFor, CPU: *huntCPU, Shrink: *shrink, Most: *most},
		Log:  func(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) },
	}
	report(t, h)
	fmt.Fprintf(os.Stdout, "%d of %d pairs, in the order of seed %d\n", h.Pairs, hunt.Pairs(hunt.NewTable(), "", *huntSeed).Len(), *huntSeed)
}
