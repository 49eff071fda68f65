package asyncnats_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// BenchmarkQueue runs calls of a queue, from Submit to the result at the caller, beside raw
// JetStream in the same process with the same storage: publish, consume and acknowledge, where
// nobody hears of a result. It reports how many times as fast the queue is:
//
//	go test -run '^$' -bench Queue -benchtime 20000x .
func BenchmarkQueue(b *testing.B) {
	for _, n := range []int{1, 64, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := newDepot(b)
			rival := timed(b, func(b *testing.B) { rawQueue(b, d, n) })
			b.ReportAllocs()
			b.ResetTimer()
			ours := timed(b, func(b *testing.B) { ourQueue(b, d, n) })
			b.ReportMetric(float64(rival)/float64(ours), "×rival")
			b.ReportMetric(float64(ours)/float64(b.N), "cpu-ns")
		})
	}
}

// each has n goroutines call f b.N times in all.
func each(b *testing.B, n int, f func() error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range min(n, b.N) {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := f(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// rawQueue publishes b.N messages, n at a time, and consumes and acknowledges them.
func rawQueue(b *testing.B, d *depot, n int) {
	b.Helper()
	producer, err := jetstream.New(natstest.Connect(b, d.url))
	consumer, bad := jetstream.New(natstest.Connect(b, d.url))
	if err := errors.Join(err, bad); err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	s, err := consumer.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: "raw", Subjects: []string{"raw.>"}, Retention: jetstream.WorkQueuePolicy,
		Discard: jetstream.DiscardNew, MaxMsgsPerSubject: 1, // as the stream of requests
	})
	if err != nil {
		b.Fatal(err)
	}
	c, err := s.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: "raw", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: -1})
	if err != nil {
		b.Fatal(err)
	}
	var acked atomic.Int64
	all := make(chan struct{})
	live, err := c.Consume(func(m jetstream.Msg) {
		m.Ack()
		if acked.Add(1) == int64(b.N) {
			close(all)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		live.Stop()
		<-live.Closed()
	}()
	each(b, n, func() error {
		_, err := producer.PublishMsg(ctx, &nats.Msg{Subject: "raw." + rand.Text(), Data: request})
		return err
	})
	<-all
}

// ourQueue submits b.N calls, n at a time, and takes their results.
func ourQueue(b *testing.B, d *depot, n int) {
	b.Helper()
	o := asyncnats.QueueOptions{Name: "bench", Codec: asyncnats.Raw()}
	client, server := d.open(o), d.open(o)
	echo := func(_ context.Context, data []byte) ([]byte, error) { return data, nil }
	w, err := asyncnats.Work(context.Background(), server, echo, asyncnats.WorkOptions{AtOnce: 1024, Scope: async.NewScope(async.ScopeOptions{Limit: 256})})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Shutdown(context.Background())
	var set async.Set[*async.Call[[]byte]]
	defer set.Release()
	each(b, n, func() error {
		call, _, err := asyncnats.Submit[[]byte](context.Background(), client, request)
		if err == nil {
			set.Add(call, call)
		}
		return err
	})
	for call := range set.All(context.Background()) {
		if _, err := call.Finish(); err != nil {
			b.Fatal(err)
		}
	}
}
