package asyncnats_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// The benchmarks run calls beside nc.RequestWithContext with a goroutine for each, in one
// process over the loopback, and report how many times as fast the calls are:
//
//	go test -run '^$' -bench InFlight -benchtime 200000x .
//
// The rival's responder answers where it receives, without a goroutine, a context or a
// limit. The calls run as calls of a scope.

var request = make([]byte, 64)

// BenchmarkInFlight keeps a number of calls in flight.
func BenchmarkInFlight(b *testing.B) {
	for _, n := range []int{1, 1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			url := natstest.Run(b, natstest.Options()).ClientURL()
			rival := timed(b, func(b *testing.B) { inFlightByRequest(b, url, n) })
			b.ReportAllocs()
			b.ResetTimer()
			ours := timed(b, func(b *testing.B) { inFlightByBegin(b, url, n) })
			b.ReportMetric(float64(rival)/float64(ours), "×rival")
			b.ReportMetric(float64(ours)/float64(b.N), "cpu-ns")
		})
	}
}

func timed(b *testing.B, f func(*testing.B)) time.Duration {
	runtime.GC()
	start := cpu()
	f(b)
	return cpu() - start
}

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// inFlightByRequest makes b.N requests by n goroutines.
func inFlightByRequest(b *testing.B, url string, n int) {
	responder, client := natstest.Connect(b, url), natstest.Connect(b, url)
	sub, err := responder.Subscribe("bench.rival", func(m *nats.Msg) { go m.Respond(m.Data) })
	if err != nil {
		b.Fatal(err)
	}
	sub.SetPendingLimits(-1, -1)
	responder.Flush()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range min(n, b.N) {
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
	client.Close()
	responder.Close()
}

// inFlightByBegin makes b.N calls, n of them in flight.
func inFlightByBegin(b *testing.B, url string, n int) {
	c := benchClient(b, url, async.ScopeOptions{Limit: 256})
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	if n == 1 {
		for range b.N {
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
	begun := min(n, b.N)
	for range begun {
		begin()
	}
	for call := range set.All(ctx) {
		if _, err := call.Finish(); err != nil {
			b.Fatal(err)
		}
		if begun < b.N {
			begun++
			begin()
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
