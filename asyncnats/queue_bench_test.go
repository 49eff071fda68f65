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
	"github.com/seed4712c49f/async/asyncnats/internal/cost"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// BenchmarkQueue runs calls of a queue, from Submit to the result at the caller, beside raw
// JetStream in the same process with the same storage. It reports how many times as fast the
// queue is:
//
//   - ×rival: than publish, consume and acknowledge, where nobody hears of a result;
//   - ×floor: than JetStream with the same durable writes, which any queue with results needs:
//     the request is stored, the result is stored on a condition, and the request is
//     acknowledged.
//
// What is compared is the time of the processors, of client, worker and server together, in rounds
// that take turns: see cost.Compare.
//
//	go test -run '^$' -bench Queue -benchtime 20000x .
func BenchmarkQueue(b *testing.B) {
	for _, n := range []int{1, 64, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := newDepot(b)
			ours := ourQueue(b, d, n)
			rivals := map[string]func(int){"×rival": rawQueue(b, d, n), "×floor": floorQueue(b, d, n)}
			b.ReportAllocs()
			cost.Compare(b, ours, rivals)
		})
	}
}

// each has n goroutines call f so many times in all.
func each(b *testing.B, n, calls int, f func() error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(calls))
	var wg sync.WaitGroup
	for range min(n, calls) {
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

// rawQueue publishes messages, n at a time, and consumes and acknowledges them.
func rawQueue(b *testing.B, d *depot, n int) func(calls int) {
	b.Helper()
	s := newRaw(b, d, "raw")
	return func(calls int) {
		s.expect(calls)
		defer s.consume(b, func(m jetstream.Msg) { s.acked(b, m) })()
		each(b, n, calls, s.publish)
		<-s.all
	}
}

// floorQueue does what a queue cannot do without: each message that rawQueue publishes and
// acknowledges is answered before by another, which is stored on the condition that it is the
// first for its id, and which the client gets.
func floorQueue(b *testing.B, d *depot, n int) func(calls int) {
	b.Helper()
	requests, results := newRaw(b, d, "floor"), newRaw(b, d, "results")
	return func(calls int) {
		requests.expect(calls)
		results.expect(calls)
		defer results.consume(b, func(jetstream.Msg) { results.count() })()
		todo := make(chan jetstream.Msg, 1024)
		var workers sync.WaitGroup
		for range 256 {
			workers.Go(func() {
				for m := range todo {
					subject := "results" + m.Subject()[len("floor"):]
					_, err := requests.js.PublishMsg(context.Background(), &nats.Msg{Subject: subject + ".done.lane", Data: m.Data()},
						jetstream.WithExpectLastSequenceForSubject(0, subject+".>"))
					if err != nil {
						b.Error(err)
					}
					requests.acked(b, m)
				}
			})
		}
		stop := requests.consume(b, func(m jetstream.Msg) { todo <- m })
		each(b, n, calls, requests.publish)
		<-results.all
		<-requests.all
		stop()
		close(todo)
		workers.Wait()
	}
}

// A raw is a stream with a consumer.
type raw struct {
	name     string
	js       jetstream.JetStream // of the consumer
	producer jetstream.JetStream
	c        jetstream.Consumer
	left     atomic.Int64  // messages of the round
	all      chan struct{} // closed when none is left
}

func newRaw(b *testing.B, d *depot, name string) *raw {
	b.Helper()
	r := &raw{name: name}
	var err, bad error
	r.producer, err = jetstream.New(natstest.Connect(b, d.url))
	r.js, bad = jetstream.New(natstest.Connect(b, d.url))
	if err := errors.Join(err, bad); err != nil {
		b.Fatal(err)
	}
	o := jetstream.StreamConfig{Name: name, Subjects: []string{name + ".>"}, Discard: jetstream.DiscardNew, MaxMsgsPerSubject: 1}
	c := jetstream.ConsumerConfig{Durable: name, AckPolicy: jetstream.AckNonePolicy}
	if name != "results" {
		o.Retention, c.AckPolicy, c.MaxAckPending = jetstream.WorkQueuePolicy, jetstream.AckExplicitPolicy, -1
	}
	s, err := r.js.CreateStream(b.Context(), o) // as those of a queue
	if err == nil {
		r.c, err = s.CreateConsumer(b.Context(), c)
	}
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// expect begins a round of so many messages.
func (r *raw) expect(calls int) {
	r.left.Store(int64(calls))
	r.all = make(chan struct{})
}

func (r *raw) publish() error {
	_, err := r.producer.PublishMsg(context.Background(), &nats.Msg{Subject: r.name + "." + rand.Text(), Data: request})
	return err
}

func (r *raw) consume(b *testing.B, f func(jetstream.Msg)) (stop func()) {
	b.Helper()
	live, err := r.c.Consume(f)
	if err != nil {
		b.Fatal(err)
	}
	return sync.OnceFunc(func() {
		live.Stop()
		<-live.Closed()
	})
}

func (r *raw) acked(b *testing.B, m jetstream.Msg) {
	if err := m.Ack(); err != nil {
		b.Error(err)
	}
	r.count()
}

func (r *raw) count() {
	if r.left.Add(-1) == 0 {
		close(r.all)
	}
}

// ourQueue submits calls, n at a time, and takes their results.
func ourQueue(b *testing.B, d *depot, n int) func(calls int) {
	b.Helper()
	o := asyncnats.QueueOptions{Name: "bench", Codec: asyncnats.Raw()}
	client, server := d.open(o), d.open(o)
	echo := func(_ context.Context, data []byte) ([]byte, error) { return data, nil }
	work(b, server, echo, asyncnats.WorkOptions{AtOnce: 1024, Scope: async.NewScope(async.ScopeOptions{Limit: 256})})
	return func(calls int) {
		var set async.Set[*async.Call[[]byte]]
		defer set.Release()
		each(b, n, calls, func() error {
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
}
