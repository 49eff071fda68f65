package asynctest

import (
	"slices"
	"testing"

	"go.uber.org/goleak"
)

// VerifyNone fails the test where it leaves goroutines behind, as goleak finds
// them. Where NewScope sees to the calls of a scope, this sees to everything else.
// It looks when the cleanups of t run, and therefore is best called in the first
// line of a test: then it looks last, when the scopes of the test have been
// checked and have canceled what they found, when Blockers have returned and
// subtests have ended, and nothing that NewScope has reported and could stop is
// reported again. Deferred, or called at the end, it looks before all that is
// cleaned up later.
//
// It works in a bubble as well, where it does not take the goroutines that wait
// for the bubble for leaks. It takes goleak's options.
//
// goleak sees all goroutines of the program, those of other tests too: VerifyNone
// is not for tests that run in parallel with others. There NewScope is the tool,
// and [goleak.VerifyTestMain] for the whole of the tests.
func VerifyNone(t testing.TB, opts ...goleak.Option) {
	t.Helper()
	opts = append(slices.Clone(opts),
		goleak.IgnoreTopFunction("internal/synctest.Run"),
		goleak.IgnoreTopFunction("testing/synctest.testingSynctestTest"),
	)
	t.Cleanup(func() {
		t.Helper()
		goleak.VerifyNone(t, opts...)
	})
}
