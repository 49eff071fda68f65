//go:build asyncexplore

package sched

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

// Internal, because nothing outside sees how goroutines are told apart: the number
// that is read is the one that the runtime prints, also on stacks that grow, and
// for goroutines that take the place of others.
func TestGoid_IsTheRuntimes(t *testing.T) {
	if goidAt() == 0 && (runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64") {
		t.Error("not found where the runtime keeps it")
	}
	var grow func(n int) uint64
	grow = func(n int) uint64 {
		if n == 0 {
			return goid()
		}
		return grow(n-1) + 0
	}
	for range 100 {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				want, bubble := header()
				if got := goid(); got != want || bubble != 0 {
					t.Errorf("goroutine %d, in bubble %d; want %d", got, bubble, want)
				}
				if got := grow(1000); got != want {
					t.Errorf("deep in the stack: goroutine %d, want %d", got, want)
				}
			})
		}
		wg.Wait()
	}
}

func TestGoid_Bubbles(t *testing.T) {
	var first, second uint64
	synctest.Test(t, func(*testing.T) { _, first = header() })
	synctest.Test(t, func(*testing.T) { _, second = header() })
	if first == 0 || second == 0 || first == second {
		t.Errorf("bubbles %d and %d", first, second)
	}
}
