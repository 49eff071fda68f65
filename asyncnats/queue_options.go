package asyncnats

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
)

// This file is what a worker may be told, and what becomes of that at NATS: the consumer that all
// workers of a queue share.

// WorkOptions are what a worker may be told. The zero value is ready for use. All workers of a
// queue should be given the same AckWait, MaxDeliver and Backoff. While workers live that were
// given others, as when a new version is deployed, a request waits as long as the longest AckWait
// and Backoff say, and each worker gives up by its own MaxDeliver.
type WorkOptions struct {
	// Name is the name of the service in errors: that of the queue where it is empty.
	Name string

	// Scope is where the function runs: its limit, queue, ledger and observer are those
	// of the requests. Where it is nil, the worker has a scope of its own, without limit.
	Scope *async.Scope

	// AtOnce is how many requests the worker has at most: 64 where it is 0. What it does
	// not have another worker may take.
	AtOnce int

	// AckWait is how long after the last sign of a worker its requests are delivered again:
	// 30 seconds where it is 0. A worker gives a sign of each request every third of it.
	AckWait time.Duration

	// MaxDeliver is how often a request is delivered before it is given up, with
	// [ErrGivenUp]: 5 times where it is 0, without end where it is negative. A request that
	// a worker hands back when it is shut down was delivered, too.
	MaxDeliver int

	// Backoff is how long a request rests before it is delivered for the second time, the
	// third, and so on; the last one counts for all that follow. It is added to AckWait
	// where a worker died. Without, there is no rest.
	Backoff []time.Duration

	// Retry says of an error of the function whether the request is to be delivered again.
	// Where it is nil, or says no, the call completes with the error.
	Retry func(err error) bool

	// Options are those of every call that the worker runs, such as [async.Discard] for
	// results that came too late.
	Options []async.Option

	// SendStack has the stack of a function that panicked stored with the error.
	SendStack bool
}

const (
	defaultAtOnce     = 64
	defaultAckWait    = 30 * time.Second
	defaultMaxDeliver = 5
	maxBackoff        = 64 // steps
)

// check panics where an option makes no sense.
func (o *WorkOptions) check() {
	if o.AtOnce < 0 {
		panic(fmt.Sprintf("asyncnats: Work with AtOnce %d: a worker that takes no requests", o.AtOnce))
	}
	if o.AckWait < 0 {
		panic(fmt.Sprintf("asyncnats: Work with AckWait %v", o.AckWait))
	}
	for _, rest := range o.Backoff {
		if rest < 0 {
			panic(fmt.Sprintf("asyncnats: Work with a Backoff of %v", rest))
		}
	}
}

func (o *WorkOptions) fill(q *Queue) {
	o.Name = orElse(o.Name, q.o.Name)
	o.AtOnce = orElse(o.AtOnce, defaultAtOnce)
	o.AckWait = orElse(o.AckWait, defaultAckWait)
	o.MaxDeliver = orElse(o.MaxDeliver, defaultMaxDeliver)
}

// rest is how long a request rests after so many deliveries.
func (o *WorkOptions) rest(deliveries int) time.Duration {
	if len(o.Backoff) == 0 {
		return 0
	}
	return o.Backoff[min(deliveries, len(o.Backoff))-1]
}

// wait is how long after the last sign of a worker a request is delivered again that was delivered
// so often.
func (o *WorkOptions) wait(deliveries int) time.Duration {
	return o.AckWait + min(o.rest(deliveries), math.MaxInt64-o.AckWait)
}

// wider returns options whose requests wait as long as those of both need.
func (o *WorkOptions) wider(p WorkOptions) WorkOptions {
	w := WorkOptions{AckWait: max(o.AckWait, p.AckWait)}
	for i := range min(max(len(o.Backoff), len(p.Backoff)), maxBackoff) {
		w.Backoff = append(w.Backoff, max(o.wait(i+1), p.wait(i+1))-w.AckWait)
	}
	return w
}

// consumer is the consumer that all workers share. It never gives up by itself: NATS would
// only tell whoever happens to listen. A worker does, and stores that.
func (o *WorkOptions) consumer(s *store) jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		Durable: workersName, AckPolicy: jetstream.AckExplicitPolicy, AckWait: o.AckWait, MaxDeliver: -1, MaxAckPending: -1,
		FilterSubjects: []string{s.work + "*.*"}, // one filter: NATS looks for several at a time in another way, which is slower
	}
	for i := range min(len(o.Backoff), maxBackoff) {
		c.BackOff = append(c.BackOff, o.wait(i+1))
	}
	return c
}

// delay is what NATS is to be told so that a request rests for so long that was delivered so often. NATS has a
// request that is handed back wait as if it had been delivered before the delay, one AckWait ago: until
// the step of the consumer's BackOff is over. AckWait is the first of these steps.
func (w *Worker) delay(rest time.Duration, deliveries int) time.Duration {
	steps := w.steps()
	if rest == 0 || len(steps) == 0 {
		return rest
	}
	return rest - (steps[min(deliveries, len(steps))-1] - steps[0])
}

// steps are the BackOff of the consumer, which another worker may have changed. Where NATS does not
// say them, they are as this worker has made them.
func (w *Worker) steps() []time.Duration {
	w.mu.Lock()
	known, fresh := w.shared.steps, time.Now().Before(w.shared.until)
	w.mu.Unlock()
	if fresh {
		return known
	}
	ctx, cancel := context.WithTimeout(w.ctx, writeTime)
	defer cancel()
	c, err := w.q.store.requests.Consumer(ctx, workersName)
	if err != nil { // the worker may not be permitted to ask
		w.knows(known, sweepEvery)
		return known
	}
	known = c.CachedInfo().Config.BackOff
	w.knows(known, maxRest)
	return known
}

// A shared is what a worker knows of the consumer.
type shared struct {
	steps []time.Duration
	until time.Time // when NATS is asked again
}

func (w *Worker) knows(steps []time.Duration, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shared = shared{steps, time.Now().Add(d)}
}

// workersName is the name of the consumer.
const workersName = "workers"

// share makes the consumer, or gives the one that is there the options of the worker. Where
// workers that live have others, what makes a request wait longer wins: each worker gives its
// signs often enough for its own options, and so for wider ones. A worker says what its options
// are before it looks for those of the others, and looks again when it has made the consumer. So
// of those that begin at once, the one that makes the consumer last has seen all.
func (w *Worker) share(ctx context.Context) error {
	if _, err := w.q.store.write(ctx, w.state(false)); err != nil && !errors.Is(err, async.ErrQueueFull) {
		return err
	}
	var made jetstream.ConsumerConfig
	for {
		others, err := w.q.workerStates(ctx)
		if err != nil {
			return err
		}
		o := w.o
		for _, other := range others {
			o = o.wider(WorkOptions{AckWait: other.Wait, Backoff: other.Backoff})
		}
		c := o.consumer(&w.q.store)
		if made.AckWait == c.AckWait && slices.Equal(made.BackOff, c.BackOff) {
			return nil
		}
		err = whenUp(ctx, func(ctx context.Context) error {
			_, err := w.q.store.requests.CreateOrUpdateConsumer(ctx, c)
			return err
		})
		if err != nil {
			return err
		}
		made = c
		w.knows(c.BackOff, 0)
	}
}
