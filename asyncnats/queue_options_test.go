package asyncnats_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
)

// consumer returns how the consumer of the workers of the queue jobs is made.
func (d *depot) consumer() jetstream.ConsumerConfig {
	d.t.Helper()
	js := d.js()
	c, err := js.Consumer(d.t.Context(), "ASYNC_jobs", "workers")
	if err != nil {
		d.t.Fatal(err)
	}
	return c.CachedInfo().Config
}

// While workers with other options live, a request waits as long as the longest of them say: a
// worker with a short AckWait does not have the requests of the others delivered again. When the
// others are gone, the options are those of the next worker.
func TestJ3_WidestOptions(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	long := work(t, d.open(asyncnats.QueueOptions{}), double, asyncnats.WorkOptions{AckWait: time.Minute})
	short := asyncnats.WorkOptions{AckWait: time.Second, Backoff: []time.Duration{time.Second, 2 * time.Minute}}
	work(t, d.open(asyncnats.QueueOptions{}), double, short)
	if c, want := d.consumer(), []time.Duration{time.Minute, 2*time.Minute + time.Second}; !slices.Equal(c.BackOff, want) || c.AckWait != time.Minute {
		t.Errorf("beside a worker with a longer AckWait, requests wait for %v and %v, not %v", c.AckWait, c.BackOff, want)
	}
	if err := long.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	work(t, d.open(asyncnats.QueueOptions{}), double, short)
	if c, want := d.consumer(), []time.Duration{2 * time.Second, 2*time.Minute + time.Second}; !slices.Equal(c.BackOff, want) {
		t.Errorf("when the worker with the longer AckWait is gone, requests wait for %v, not %v", c.BackOff, want)
	}
}

// Workers with other options begin at the same time: the widest options are those of the consumer.
func TestJ3_WidestOptionsAtOnce(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	queues := make([]*asyncnats.Queue, 4)
	for i := range queues {
		queues[i] = d.open(asyncnats.QueueOptions{})
	}
	for range 20 {
		var calls async.Calls[*asyncnats.Worker]
		for i := range queues {
			q := queues[i]
			calls = append(calls, async.Go(t.Context(), func(ctx context.Context) (*asyncnats.Worker, error) {
				return asyncnats.Work(ctx, q, double, asyncnats.WorkOptions{AckWait: time.Duration(i+1) * time.Minute})
			}))
		}
		workers, err := calls.All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if c := d.consumer(); c.AckWait != 4*time.Minute {
			t.Errorf("the AckWait of the consumer is %v", c.AckWait)
		}
		for _, w := range workers {
			if err := w.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Options with which a worker could do nothing are a bug of the caller.
func TestJ3_BadOptions(t *testing.T) {
	t.Parallel()
	q := newDepot(t).open(asyncnats.QueueOptions{})
	for want, o := range map[string]asyncnats.WorkOptions{
		"asyncnats: Work with AtOnce -1: a worker that takes no requests": {AtOnce: -1},
		"asyncnats: Work with AckWait -1s":                                {AckWait: -time.Second},
		"asyncnats: Work with a Backoff of -1s":                           {Backoff: []time.Duration{1, -time.Second}},
	} {
		func() {
			defer func() {
				if r := recover(); fmt.Sprint(r) != want {
					t.Errorf("Work panicked with %v, not %q", r, want)
				}
			}()
			_, err := asyncnats.Work(t.Context(), q, double, o)
			t.Errorf("Work returned %v", err)
		}()
	}
}

// Times may be as long as there are: a request then waits, or rests, without end, and others run.
func TestJ3_EndlessTimes(t *testing.T) {
	t.Parallel()
	const endless = time.Duration(math.MaxInt64)
	for _, o := range []asyncnats.WorkOptions{
		{AckWait: endless, Backoff: []time.Duration{time.Hour}},
		{Backoff: []time.Duration{endless, time.Second}},
		{AckWait: endless, Backoff: []time.Duration{endless, endless}},
	} {
		o.Retry = flaky
		d := newDepot(t)
		q := d.open(asyncnats.QueueOptions{})
		w := work(t, q, func(_ context.Context, n int) (int, error) {
			if n == 1 {
				return 0, errFlaky
			}
			return 2 * n, nil
		}, o)
		submitAndLeave(t, q, 1)
		eventually(t, "a request rests", func() bool { return w.Stats().Retried == 1 })
		for i := range 20 {
			call, _ := submit[int](t, q, 2+i)
			wantValue(t, call, 4+2*i)
		}
		if s := w.Stats(); s.Again != 0 {
			t.Errorf("%+v", s)
		}
	}
}
