package bench_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/cost"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

var request = make([]byte, 64)

// BenchmarkGRPC keeps a number of calls in flight beside as many unary calls of gRPC, which echo the
// same bytes over the loopback, with a goroutine for each and one connection:
//
//	go test -run '^$' -bench . -benchtime 400000x .
//
// The time is that of the processors, of client and server together, NATS included: see cost.Compare.
func BenchmarkGRPC(b *testing.B) {
	for _, n := range []int{1, 1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			cost.Compare(b, callsOf(b, n), map[string]func(int){"×grpc": unary(b, n)})
		})
	}
}

// TestEcho makes a few calls of each kind, so that the benchmark is known to work.
func TestEcho(t *testing.T) {
	result := testing.Benchmark(func(b *testing.B) {
		callsOf(b, 3)(b.N)
		unary(b, 3)(b.N)
	})
	if result.N == 0 {
		t.Error("a call failed")
	}
}

// callsOf makes remote calls, n of them in flight.
func callsOf(b *testing.B, n int) func(calls int) {
	b.Helper()
	url := natstest.Run(b, natstest.Options()).ClientURL()
	nc := natstest.Connect(b, url)
	s, err := asyncnats.Serve(nc, "bench", func(_ context.Context, data []byte) ([]byte, error) { return data, nil }, asyncnats.ServeOptions{
		Name: "bench", Codec: asyncnats.Raw(), Scope: async.NewScope(async.ScopeOptions{Limit: 256}),
	})
	if err := errors.Join(err, nc.Flush()); err != nil {
		b.Fatal(err)
	}
	c, err := asyncnats.NewClient(natstest.Connect(b, url), asyncnats.ClientOptions{Codec: asyncnats.Raw(), Heartbeat: 10 * time.Second}) // the machine may be busy
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		c.Close()
		if err := s.Shutdown(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return func(calls int) {
		var set async.Set[*async.Call[[]byte]]
		defer set.Release()
		begun := 0
		begin := func() {
			call := asyncnats.Begin[[]byte](context.Background(), c, "bench", request)
			set.Add(call, call)
			begun++
		}
		for begun < min(n, calls) {
			begin()
		}
		for call := range set.All(context.Background()) {
			if _, err := call.Finish(); err != nil {
				b.Fatal(err)
			}
			if begun < calls {
				begin()
			}
		}
	}
}

// unary makes unary calls of gRPC by n goroutines.
func unary(b *testing.B, n int) func(calls int) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := grpc.NewServer(grpc.ForceServerCodecV2(bytesCodec{}))
	s.RegisterService(&echo, nil)
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	c, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(bytesCodec{})))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		err := c.Close()
		s.Stop()
		if err := errors.Join(err, <-served); err != nil {
			b.Error(err)
		}
	})
	return func(calls int) {
		var left atomic.Int64
		left.Store(int64(calls))
		var wg sync.WaitGroup
		for range min(n, calls) {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					var reply []byte
					if err := c.Invoke(context.Background(), "/bench.Echo/Call", request, &reply); err != nil || len(reply) != len(request) {
						b.Errorf("%d bytes: %v", len(reply), err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// echo is a service with one method, without generated code.
var echo = grpc.ServiceDesc{
	ServiceName: "bench.Echo", HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Call", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var data []byte
		err := decode(&data)
		return data, err
	}}},
}

// A bytesCodec sends bytes as they are.
type bytesCodec struct{}

var _ encoding.CodecV2 = bytesCodec{}

func (bytesCodec) Name() string { return "bytes" }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}
