package asynctest_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
	"go.uber.org/goleak"
)

// leakGoroutine begins a goroutine that the test's own cleanup ends.
func leakGoroutine(t testing.TB) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	go leakedHere(hang)
}

func leakedHere(hang chan struct{}) { <-hang }

// The tests of VerifyNone are not parallel: goleak sees all goroutines.

func TestVerifyNone_ReportsAGoroutine(t *testing.T) { testVerifyNone(t) }

func TestVerifyNone_ReportsAGoroutineOfABubble(t *testing.T) { synctest.Test(t, testVerifyNone) }

func testVerifyNone(t *testing.T) {
	f := &fake{TB: t}
	asynctest.VerifyNone(f)
	leakGoroutine(t)
	reports := f.end()
	if len(reports) != 1 || strings.Count(reports[0], "[Goroutine") != 1 || !strings.Contains(reports[0], "leakedHere") {
		t.Errorf("reported: %s", reports)
	}
}

func TestVerifyNone_Options(t *testing.T) {
	f := &fake{TB: t}
	asynctest.VerifyNone(f, goleak.IgnoreAnyFunction("github.com/seed4712c49f/async/asynctest_test.leakedHere"))
	leakGoroutine(t)
	asynctest.VerifyNone(f, goleak.IgnoreCurrent())
	for _, report := range f.end() {
		t.Error(report)
	}
}

// What a scope has reported and stopped is not reported again, wherever the test
// leaves its pieces.
func TestVerifyNone_AfterTheScope(t *testing.T) { testAfterTheScope(t) }

func TestVerifyNone_AfterTheScopeInABubble(t *testing.T) { synctest.Test(t, testAfterTheScope) }

func testAfterTheScope(t *testing.T) {
	f := &fake{TB: t}
	asynctest.VerifyNone(f)
	b := asynctest.NewBlocker[int](f)
	s := asynctest.NewScope(f)
	_, at := async.Go(bg, b.Func, s), here()
	async.Go(bg, asynctest.NewStubborn[int](f).Func).Release() // returns in the cleanup
	wantReports(t, "leak", f.end(), at+": call begun here, still pending, in no wait by the function's context: #1")
}

// Clean tests say nothing; also not of those who wait for them: parents of
// subtests, and the goroutines around a bubble. Deferred it works, too.
func TestVerifyNone_CleanTestsSayNothing(t *testing.T) {
	clean := func(t *testing.T) {
		defer asynctest.VerifyNone(t)
		asynctest.VerifyNone(t)
		cleanRun(t)
	}
	for range 50 {
		clean(t)
		t.Run("subtest", clean)
		synctest.Test(t, clean)
	}
}
