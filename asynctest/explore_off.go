//go:build !asyncexplore

package asynctest

import "testing"

func explore(t *testing.T, _ func(r *Run), _ ExploreOptions) {
	t.Helper()
	t.Skip("schedules can be explored only in a build that is made for it: go test -tags asyncexplore")
}
