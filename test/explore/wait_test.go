//go:build asyncexplore

package explore_test

import (
	"context"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// A call that is complete has left the contexts that it waited for.

// Who sees a call complete finds no registration of it at Begin's context, where
// that was made before (R12, X3).
func TestExplore_CompleteIsUnregistered(t *testing.T) {
	o := outcomes{}
	explore(t, 4, func(x *sched.X) {
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		p, c := async.NewPromise[int](parent)
		registered := parent.live
		x.Go(func() { p.Complete(1, nil) })
		x.Go(func() {
			if !c.IsDone() {
				o.took("pending", true, "")
				return
			}
			o.took("complete", true, "")
			mustf(x, parent.live == 0, "complete, and %d registered", parent.live)
		})
		x.Check(func() error {
			cancel()
			return is(registered == 1 && parent.live == 0, "%d were registered, %d are", registered, parent.live)
		})
	})
	o.all(t, "pending", "complete")
}
