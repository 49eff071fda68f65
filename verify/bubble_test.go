package verify_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// inBubble checks a property whose goroutines and time are those of a bubble. A
// check that fails ends by a panic of rapid's own, which must not leave the
// bubble's goroutine, and goes on outside of it.
func inBubble(t *testing.T, property func(rt *rapid.T)) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		var failure any
		synctest.Test(t, func(*testing.T) {
			defer func() { failure = recover() }()
			property(rt)
		})
		switch {
		case failure == nil:
		case fmt.Sprintf("%T", failure) == "rapid.invalidData": // it tells them apart by where they come from
			rt.SkipNow()
		default:
			panic(failure)
		}
	})
}

// machine runs a state machine: after each action, when everybody has come to
// rest, its check.
func machine(rt *rapid.T, check func(*rapid.T), actions map[string]func(*rapid.T)) {
	actions[""] = func(rt *rapid.T) {
		synctest.Wait()
		check(rt)
	}
	rt.Repeat(actions)
}

// pick draws one of those for which ok holds, or skips the action.
func pick[E any](rt *rapid.T, label string, all []E, ok func(E) bool) E {
	var some []E
	for _, e := range all {
		if ok(e) {
			some = append(some, e)
		}
	}
	if len(some) == 0 {
		rt.Skip("none")
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(rt, label)]
}
