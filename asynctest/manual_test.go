package asynctest_test

import (
	"context"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
)

func TestManual_IsCompletedByTheTest(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		s := asynctest.NewScope(t)
		m := asynctest.NewManual[int](t, s, async.Name("answer"))
		got := make(chan int)
		go func() {
			v, _ := m.Call.Await(bg)
			got <- v
		}()
		asynctest.WaitWaiters(t, m.Call, 1)
		wantEq(t, "name", m.Call.Info().Name, "answer")
		wantEq(t, "Complete", m.Complete(42, nil), true)
		wantEq(t, "value", <-got, 42)
		wantEq(t, "Complete again", m.Complete(43, nil), false)
	})
}

// At the end of the test it is broken, and its handle released, whatever the test
// did with it.
func TestManual_EndsWithTheTest(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := asynctest.NewScope(f)
		pending, finished, released := asynctest.NewManual[int](f, s), asynctest.NewManual[int](f, s), asynctest.NewManual[int](f, s)
		untaken := asynctest.NewManual[int](f, s)
		finished.Complete(1, nil)
		finished.Call.Finish()
		released.Call.Release()
		untaken.Complete(1, nil)
		c := pending.Call.Clone()
		got := make(chan error)
		go func() {
			_, err := c.Await(bg)
			c.Release()
			got <- err
		}()
		asynctest.WaitWaiters(t, c, 1)
		for _, report := range f.end() {
			t.Error(report)
		}
		wantEq(t, "error", <-got, async.ErrBrokenPromise)
		wantEq(t, "Wait", pending.Call.Wait(bg), async.ErrReleased)
	})
}

func TestManual_ContextTellsOfCancellation(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		m := asynctest.NewManual[int](t)
		m.Call.Cancel(context.DeadlineExceeded)
		<-m.Context().Done()
		wantEq(t, "Complete", m.Complete(1, nil), false)
	})
}
