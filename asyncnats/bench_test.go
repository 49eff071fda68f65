package asyncnats_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/cost"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// The benchmark runs calls beside what else carries the same messages, in one process over the
// loopback, a few rounds of each in turn, and reports how many times as fast the calls are:
//
//	go test -run '^$' -bench InFlight -benchtime 20000x .
//
// The time is that of the processors, of client, server and NATS together: see cost.Compare.
//
//	×request  RequestWithContext, with a goroutine for each, and for each answer
//	×service  the least that can answer as the calls are answered: a service of package
//	          micro with a goroutine for each request, and a client that counts replies
//	×hand     the least that can carry the messages: no service, and no goroutine
//
// The calls run as calls of a scope, with all that they promise. The last two promise nothing:
// they are what the client and the server of NATS cost alone.

var request = make([]byte, 64)

// BenchmarkInFlight keeps a number of calls in flight.
func BenchmarkInFlight(b *testing.B) {
	for _, n := range []int{1, 1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			url := natstest.Run(b, natstest.Options()).ClientURL()
			ours := inFlightByBegin(b, url, n)
			rivals := map[string]func(int){
				"×request": inFlightByRequest(b, url, n),
				"×service": inFlightByHand(b, url, n, answerAsService),
				"×hand":    inFlightByHand(b, url, n, answerAtOnce),
			}
			cost.Compare(b, ours, rivals)
		})
	}
}

// BenchmarkCall is one call after the other, for its allocations.
func BenchmarkCall(b *testing.B) {
	run := inFlightByBegin(b, natstest.Run(b, natstest.Options()).ClientURL(), 1)
	b.ReportAllocs()
	b.ResetTimer()
	run(b.N)
}

// BenchmarkLost kills a server, which is a process of its own, with SIGKILL while it has 10,000
// calls, and reports how long after that the calls are told, in heartbeats: half of them, 99 in a
// hundred, and the last. They are told three heartbeats after the last one that the server sent:
//
//	go test -run '^$' -bench Lost -benchtime 20x .
func BenchmarkLost(b *testing.B) {
	const calls = 10_000
	var told []time.Duration
	for range b.N {
		url := natstest.Run(b, natstest.Options()).ClientURL()
		process := startChild(b, url)
		ear := listen(b, natstest.Connect(b, url), "_INBOX")
		c := newClient(b, natstest.Connect(b, url), asyncnats.ClientOptions{Heartbeat: childBeat})
		over := make(chan time.Time, calls)
		for i := range calls {
			asyncnats.Begin[int](b.Context(), c, "child", 2*i, async.OnSignal(func() { over <- time.Now() }))
		}
		ear.told(b, calls)
		ear.beat(b)
		start := time.Now()
		if err := process.Kill(); err != nil {
			b.Fatal(err)
		}
		for range calls {
			told = append(told, (<-over).Sub(start))
		}
		if s := c.Stats(); s.Lost != calls {
			b.Fatalf("%+v", s)
		}
	}
	slices.Sort(told)
	for name, at := range map[string]int{"beats-p50": len(told) / 2, "beats-p99": len(told) * 99 / 100, "beats-max": len(told) - 1} {
		b.ReportMetric(float64(told[at])/float64(childBeat), name)
	}
	b.ReportMetric(0, "ns/op")
}

// inFlightByRequest makes requests by n goroutines.
func inFlightByRequest(b *testing.B, url string, n int) func(int) {
	responder, client := natstest.Connect(b, url), natstest.Connect(b, url)
	sub, err := responder.Subscribe("bench.rival", func(m *nats.Msg) { go m.Respond(m.Data) })
	if err != nil {
		b.Fatal(err)
	}
	sub.SetPendingLimits(-1, -1)
	responder.Flush()
	return func(calls int) {
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		var left atomic.Int64
		left.Store(int64(calls))
		var wg sync.WaitGroup
		for range min(n, calls) {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					if _, err := client.RequestWithContext(ctx, "bench.rival", request); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// answerAtOnce answers where a request is received.
func answerAtOnce(b *testing.B, nc *nats.Conn) (subject string) {
	sub, err := nc.Subscribe("bench.hand", func(m *nats.Msg) { m.Respond(m.Data) })
	if err != nil {
		b.Fatal(err)
	}
	sub.SetPendingLimits(-1, -1)
	return "bench.hand"
}

// answerAsService is a service that answers on a goroutine for each request.
func answerAsService(b *testing.B, nc *nats.Conn) (subject string) {
	service, err := micro.AddService(nc, micro.Config{Name: "bench", Version: "1.0.0"})
	if err != nil {
		b.Fatal(err)
	}
	respond := micro.HandlerFunc(func(r micro.Request) { go r.Respond(r.Data()) })
	if err := service.AddEndpoint("respond", respond, micro.WithEndpointSubject("bench.service")); err != nil {
		b.Fatal(err)
	}
	return "bench.service"
}

// inFlightByHand publishes requests to an inbox of its own, and counts the replies.
func inFlightByHand(b *testing.B, url string, n int, answer func(*testing.B, *nats.Conn) string) func(int) {
	responder, client := natstest.Connect(b, url), natstest.Connect(b, url)
	subject, inbox := answer(b, responder), nats.NewInbox()
	responder.Flush()
	replied := make(chan struct{}, n)
	sub, err := client.Subscribe(inbox+".*", func(*nats.Msg) { replied <- struct{}{} })
	if err != nil {
		b.Fatal(err)
	}
	sub.SetPendingLimits(-1, -1)
	id := 0
	send := func() {
		id++
		if err := client.PublishRequest(subject, inbox+"."+strconv.Itoa(id), request); err != nil {
			b.Error(err)
		}
	}
	return func(calls int) {
		for range min(n, calls) {
			send()
		}
		for i := range calls {
			<-replied
			if i+n < calls {
				send()
			}
		}
	}
}

// inFlightByBegin makes calls, n of them in flight.
func inFlightByBegin(b *testing.B, url string, n int) func(int) {
	c := benchClient(b, url, async.ScopeOptions{Limit: 256})
	return func(calls int) {
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		if n == 1 {
			for range calls {
				if _, err := asyncnats.Begin[[]byte](ctx, c, "bench.ours", request).Await(ctx); err != nil {
					b.Fatal(err)
				}
			}
			return
		}
		var set async.Set[*async.Call[[]byte]]
		begin := func() {
			call := asyncnats.Begin[[]byte](ctx, c, "bench.ours", request)
			set.Add(call, call)
		}
		begun := min(n, calls)
		for range begun {
			begin()
		}
		for call := range set.All(ctx) {
			if _, err := call.Finish(); err != nil {
				b.Fatal(err)
			}
			if begun < calls {
				begun++
				begin()
			}
		}
	}
}

// benchClient returns a client, and has a server echo.
func benchClient(b *testing.B, url string, o async.ScopeOptions) *asyncnats.Client {
	a, nc := natstest.Connect(b, url), natstest.Connect(b, url)
	echo := func(_ context.Context, data []byte) ([]byte, error) { return data, nil }
	s, err := asyncnats.Serve(a, "bench.ours", echo, asyncnats.ServeOptions{
		Name: "bench", Codec: asyncnats.Raw(), Scope: async.NewScope(o),
	})
	if err != nil {
		b.Fatal(err)
	}
	a.Flush()
	c, err := asyncnats.NewClient(nc, asyncnats.ClientOptions{Codec: asyncnats.Raw(), Heartbeat: 10 * time.Second}) // the machine may be busy
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		c.Close()
		s.Shutdown(context.Background())
	})
	return c
}
