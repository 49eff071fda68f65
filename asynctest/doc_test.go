package asynctest_test

import (
	"errors"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
)

// The example of the package's comment.
func TestFetch_IsCanceled(t *testing.T) {
	asynctest.VerifyNone(t)                // at the end: no goroutine is left
	scope := asynctest.NewScope(t)         // at the end: no call, result or handle is left
	server := asynctest.NewBlocker[int](t) // a function that blocks until it is told to return

	c := async.Go(t.Context(), server.Func, scope)
	defer c.Release()
	<-server.Started()
	c.Cancel(errors.New("enough"))

	<-server.Canceled()
	if _, err := c.Await(t.Context()); !errors.Is(err, async.ErrCanceled) {
		t.Error(err)
	}
}
