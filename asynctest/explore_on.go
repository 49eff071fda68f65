//go:build asyncexplore

package asynctest

import (
	"testing"

	"github.com/seed4712c49f/async/internal/sched"
)

func explore(t *testing.T, scenario func(r *Run), o ExploreOptions) {
	t.Helper()
	sched.Verify(t, sched.Options{
		Switches: orDefault(o.Switches, 2),
		Most:     orDefault(o.Most, 50_000),
		Random:   o.Random,
		Depth:    o.Depth,
		Seed:     o.Seed,
		Time:     o.Time,
		Replay:   o.Replay,
	}, func(x *sched.X) {
		scenario(&Run{start: x.Go, check: x.Check, fail: x.Fail})
	})
}

// orDefault returns n, or usual where that is 0, or 0 where it is less.
func orDefault(n, usual int) int {
	if n == 0 {
		return usual
	}
	return max(n, 0)
}
