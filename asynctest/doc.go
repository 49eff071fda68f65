// Package asynctest helps to test code that uses
// [github.com/seed4712c49f/async]: scopes that fail the test for every call and
// handle left over, and pieces to bring a call into the state that a test is
// about, without sleeping.
//
//	func TestFetch_IsCanceled(t *testing.T) {
//		asynctest.VerifyNone(t)                // at the end: no goroutine is left
//		scope := asynctest.NewScope(t)         // at the end: no call, result or handle is left
//		server := asynctest.NewBlocker[int](t) // a function that blocks until it is told to return
//
//		c := async.Go(t.Context(), server.Func, scope)
//		defer c.Release()
//		<-server.Started()
//		c.Cancel(errors.New("enough"))
//
//		<-server.Canceled()
//		if _, err := c.Await(t.Context()); !errors.Is(err, async.ErrCanceled) {
//			t.Error(err)
//		}
//	}
//
// What is left over is reported with the line it comes from:
//
//	fetch_test.go:12: call begun here, still pending, in no wait by the function's context: #1 "fetch"
//	fetch_test.go:19: clone or signal made here, not released: #2, begun at fetch_test.go:17
//
// Everything here works in parallel tests and in the bubbles of testing/synctest,
// there with the t of the bubble, and may be used by any number of goroutines at
// the same time. Nothing is shared between tests.
//
// Cleanups run in the reverse order of their registration: what is made after a
// scope, as a [Blocker], is cleaned up before the scope looks what is left.
package asynctest
