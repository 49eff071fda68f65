//go:build !asyncexplore

package asynctest_test

import (
	"testing"

	"github.com/seed4712c49f/async/asynctest"
)

// Without the build tag the test is skipped, and the scenario not called.
func TestExplore_SkipsWithoutTheTag(t *testing.T) {
	t.Run("", func(t *testing.T) {
		defer func() {
			if !t.Skipped() {
				t.Error("not skipped")
			}
		}()
		asynctest.Explore(t, func(*asynctest.Run) { t.Error("the scenario is called") })
		t.Error("it goes on")
	})
}
