package asyncnats_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// Clients that cannot reach NATS for a long time.

// A road is the way to NATS of connections with the option nats.SetCustomDialer(road).
type road struct{ blocked atomic.Bool }

func (r *road) Dial(network, address string) (net.Conn, error) {
	if r.blocked.Load() {
		return nil, errors.New("the road is blocked")
	}
	return net.Dial(network, address)
}

// A client is away for longer than results are kept. A call whose result is not kept any more ends
// with ErrUnknownCall, one that is not complete goes on, whether or not the client has seen a record
// before.
func TestFault_AwayLongerThanKeep(t *testing.T) {
	for name, seen := range map[string]bool{"saw nothing before": false, "saw a record before": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDepot(t)
			o := asyncnats.QueueOptions{Keep: 500 * time.Millisecond}
			r := new(road)
			nc := natstest.Connect(t, d.url, nats.SetCustomDialer(r))
			q, other := openQueue(t, nc, o), d.open(o)
			gates := map[int]*gate{1: newGate(), 2: newGate(), 3: newGate()}
			work(t, d.open(o), func(ctx context.Context, n int) (int, error) { return gates[n].double(ctx, n) }, asyncnats.WorkOptions{})
			if seen {
				gates[3].open.Set()
				first, _ := submit[int](t, q, 3)
				wantValue(t, first, 6)
			}
			missed, id := submit[int](t, q, 1)
			goesOn, _ := submit[int](t, q, 2)
			gates[1].next(t)
			gates[2].next(t)
			r.blocked.Store(true)
			nc.ForceReconnect()
			eventually(t, "the client is away", func() bool { return !nc.IsConnected() })
			watched := asyncnats.Attach[int](t.Context(), other, id)
			gates[1].open.Set()
			wantValue(t, watched, 2)
			eventually(t, "the result is not kept any more", func() bool {
				_, err := await(t, asyncnats.Attach[int](t.Context(), other, id))
				return errors.Is(err, asyncnats.ErrUnknownCall)
			})
			r.blocked.Store(false)
			wantError(t, missed, asyncnats.ErrUnknownCall)
			gates[2].open.Set()
			wantValue(t, goesOn, 4)
		})
	}
}
