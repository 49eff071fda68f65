package asyncnats_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// These tests are of many servers: how it grows. A thousand connections of one process, each
// with a server of this package, are connected to one real server of NATS within a bubble,
// where time costs nothing: what they send in a minute is counted, and what is lost when
// some die is found out to the nanosecond. What a bubble cannot tell is how long a machine
// takes for it.

// A park is many servers and some clients.
type park struct {
	nats    *server.Server
	conns   []*nats.Conn // of the servers
	servers []*asyncnats.Server
	clients []*asyncnats.Client
}

// lasts is a function that takes as long as it is told.
func lasts(ctx context.Context, d time.Duration) (time.Duration, error) {
	select {
	case <-time.After(d):
		return d, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func newPark(t *testing.T, servers, clients int) *park {
	o := natstest.Options()
	o.DontListen = true
	p := &park{nats: natstest.Run(t, o)}
	for i := range servers {
		nc := natstest.Connect(t, "", nats.InProcessServer(p.nats))
		s, err := asyncnats.Serve(nc, "work", lasts, asyncnats.ServeOptions{Name: fmt.Sprint("s", i)})
		if err != nil {
			t.Fatal(err)
		}
		p.conns, p.servers = append(p.conns, nc), append(p.servers, s)
	}
	for range clients {
		p.clients = append(p.clients, newClient(t, natstest.Connect(t, "", nats.InProcessServer(p.nats)), asyncnats.ClientOptions{}))
	}
	for _, nc := range p.conns {
		nc.Flush()
	}
	return p
}

func (p *park) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, s := range p.servers {
		s.Shutdown(ctx)
	}
}

// traffic is what the server of NATS has received and sent since it was asked last.
type traffic struct{ in, out, outBytes int64 }

func (p *park) traffic(t *testing.T) traffic {
	t.Helper()
	v, err := p.nats.Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	return traffic{v.InMsgs, v.OutMsgs, v.OutBytes}
}

func (a traffic) since(b traffic) traffic {
	return traffic{a.in - b.in, a.out - b.out, a.outBytes - b.outBytes}
}

// While calls run, a server sends one heartbeat a second to each client that it has calls
// of, however many these are: so what is sent besides requests and replies is servers times
// clients, and nothing for calls that take no time.
func TestGrow_Heartbeats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const servers, clients, calls = 1000, 2, 8_000
		const seconds = 4
		p := newPark(t, servers, clients)
		defer p.stop()
		var all async.Calls[time.Duration]
		for i := range calls {
			all = append(all, asyncnats.Begin[time.Duration](t.Context(), p.clients[i%clients], "work", 7*time.Second))
		}
		time.Sleep(2 * time.Second) // every server is known to every client that it has calls of
		begun := p.traffic(t)
		time.Sleep(seconds * time.Second)
		beats := p.traffic(t).since(begun)
		pairs := 0
		for _, c := range p.clients {
			s := c.Stats()
			pairs += s.Servers
		}
		t.Logf("%d servers, %d clients, %d calls in flight: %d pairs; %d messages and %d bytes a second",
			servers, clients, calls, pairs, beats.in/seconds, beats.outBytes/seconds)
		if pairs < servers*clients*9/10 || beats.in < int64(pairs)*(seconds-1) || beats.in > int64(pairs)*(seconds+1) {
			t.Errorf("%d pairs of server and client sent %d messages in %d seconds", pairs, beats.in, seconds)
		}
		if _, err := all.All(t.Context()); err != nil {
			t.Fatal(err)
		}
		after := p.traffic(t)
		var quick async.Calls[time.Duration]
		for i := range calls {
			quick = append(quick, asyncnats.Begin[time.Duration](t.Context(), p.clients[i%clients], "work", 0))
		}
		if _, err := quick.All(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := p.traffic(t).since(after).in; n != 2*calls {
			t.Errorf("%d calls that took no time were %d messages", calls, n)
		}
	})
}

// A cancellation goes to the one server that has the call, where that has said so; before, in
// the first quarter of a second, it goes to all that serve the subject.
func TestGrow_Cancellations(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const servers, calls = 300, 100
		p := newPark(t, servers, 1)
		defer p.stop()
		for _, tt := range []struct {
			after time.Duration
			each  int64 // messages that are delivered for a cancellation
		}{{time.Millisecond, servers}, {time.Second + time.Millisecond, 1}} {
			var all async.Calls[time.Duration]
			for range calls {
				all = append(all, asyncnats.Begin[time.Duration](t.Context(), p.clients[0], "work", 500*time.Second))
			}
			time.Sleep(tt.after)
			before := p.traffic(t)
			for _, call := range all {
				call.Cancel(nil)
			}
			synctest.Wait()
			n := p.traffic(t).since(before).out
			t.Logf("%d cancellations after %v: %d messages", calls, tt.after, n)
			if n < tt.each*calls || n > tt.each*calls+calls { // the answers of the functions are discarded
				t.Errorf("%d cancellations after %v: %d messages were delivered", calls, tt.after, n)
			}
		}
	})
}

// A hundred of a thousand servers die. The calls that they had are told so within three
// heartbeats, and no others: these end with their results.
func TestGrow_ServersDie(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const servers, dead, calls = 1000, 100, 8_000
		p := newPark(t, servers, 1)
		defer p.stop()
		var set async.Set[*async.Call[time.Duration]]
		for range calls {
			call := asyncnats.Begin[time.Duration](t.Context(), p.clients[0], "work", 10*time.Second+rand.N(time.Second))
			set.Add(call, call)
		}
		time.Sleep(5*time.Second + 300*time.Millisecond)
		for _, nc := range p.conns[:dead] {
			nc.Close()
		}
		died := time.Now()
		lost, done := 0, 0
		var last time.Duration
		for range calls {
			call, err := set.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			switch _, err := call.Finish(); {
			case err == nil:
				done++
			case errors.Is(err, asyncnats.ErrResponderLost):
				lost++
				last = max(last, time.Since(died))
			default:
				t.Fatal(err)
			}
		}
		t.Logf("%d calls were lost, the last told after %v; %d ended with their results", lost, last, done)
		if last > 3*time.Second || lost < calls*dead/servers/2 || lost > calls*dead/servers*2 {
			t.Errorf("%d calls were lost, the last told after %v", lost, last)
		}
		if s := p.clients[0].Stats(); s.InFlight != 0 || int(s.Lost) != lost {
			t.Errorf("%+v", s)
		}
	})
}
