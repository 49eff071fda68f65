package asyncnats_test

import (
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
)

// What workers do with requests that the server has lost, and whose numbers it gives to others.

// A server that keeps the requests in memory is restarted while a function runs: a request that
// comes then has the number of the one that is lost. It is run, by the same worker, and is not
// removed by what becomes of the lost one.
func TestFault_NumbersGivenAnew(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]async.Option{nil, {asyncnats.Key("k")}} {
		d := newDepot(t)
		o := asyncnats.QueueOptions{Memory: true}
		g := newGate()
		defer g.open.Set()
		w := work(t, d.open(o), g.double, asyncnats.WorkOptions{AckWait: time.Second})
		submitAndLeave(t, d.open(o), 1, opts...)
		g.next(t)
		d.restart()
		call, _ := submit[int](t, d.open(o), 2, opts...)
		g.next(t)
		if n := w.Stats().Held; n != 2 {
			t.Errorf("the worker has %d requests", n)
		}
		g.open.Set()
		wantValue(t, call, 4)
	}
}
