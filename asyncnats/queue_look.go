package asyncnats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// This file looks at a queue from outside: what waits, and what runs, at all workers (J7).

// QueueStats says what a queue has, at all workers of all processes, as the server of NATS
// knows it.
type QueueStats struct {
	Waiting     int // requests that no worker has
	Running     int // requests that a worker has, or had when it died, or that rest until they are tried again
	Redelivered int // of these, those that were delivered more than once
	GivenUp     int // calls that were given up, as long as their records are kept
}

// Stats asks the server what the queue has. The counts are taken one after the other, while
// the queue goes on.
func (q *Queue) Stats(ctx context.Context) (s QueueStats, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("asyncnats: stats of the queue %q: %w", q.o.Name, err)
		}
	}()
	info, err := q.store.requests.Info(ctx, jetstream.WithSubjectFilter(q.store.turnSubject("*")))
	if err != nil {
		return s, err
	}
	s.Waiting = int(info.State.Msgs) - len(info.State.Subjects) //nolint:gosec // a count
	ends, err := q.store.bucket.Info(ctx, jetstream.WithSubjectFilter(q.store.recordSubject("*", kindGivenUp, "*")))
	if err != nil {
		return s, err
	}
	givenUp := make(map[string]struct{}) // a call has a record for each lane that was told
	for subject := range ends.State.Subjects {
		r, _ := q.store.parseRecord(subject, nil, nil)
		givenUp[r.id] = struct{}{}
	}
	s.GivenUp = len(givenUp)
	c, err := q.store.requests.Consumer(ctx, workersName)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return s, nil // there was no worker yet
	}
	if err != nil {
		return s, err
	}
	workers := c.CachedInfo()
	s.Running, s.Redelivered = workers.NumAckPending, workers.NumRedelivered
	s.Waiting = max(s.Waiting-s.Running, 0)
	return s, nil
}

// A QueuedCall is a call of a queue that is not complete.
type QueuedCall struct {
	ID  string
	Key string // of Key, or empty

	// Worker is the name of the worker whose function runs, since Since, as the worker has
	// said within the last quarter of a second or so; it is empty of a call that waits.
	Worker   string
	Since    time.Time
	Delivery int // how often the request was delivered to run; 0 of a call that waits
}

// InFlight lists the calls of the queue that are not complete, whoever has submitted them and
// whichever worker runs them. It asks the server when the loop begins. Where that fails it
// yields the error, and nothing else.
func (q *Queue) InFlight(ctx context.Context) iter.Seq2[QueuedCall, error] {
	return func(yield func(QueuedCall, error) bool) {
		info, err := q.store.requests.Info(ctx, jetstream.WithSubjectFilter(q.store.work+">"))
		if err != nil {
			yield(QueuedCall{}, fmt.Errorf("asyncnats: calls of the queue %q: %w", q.o.Name, err))
			return
		}
		running, err := q.running(ctx)
		if err != nil {
			yield(QueuedCall{}, fmt.Errorf("asyncnats: workers of the queue %q: %w", q.o.Name, err))
			return
		}
		for _, subject := range slices.Sorted(maps.Keys(info.State.Subjects)) {
			c, ok := q.callOf(subject)
			if !ok {
				continue
			}
			if r, ok := running[c.ID]; ok {
				c.Worker, c.Since, c.Delivery = r.Worker, r.Since, r.Delivery
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

// callOf reads the subject of a request. It reports false of a turn.
func (q *Queue) callOf(subject string) (c QueuedCall, ok bool) {
	tokens := strings.Split(strings.TrimPrefix(subject, q.store.work), ".")
	switch {
	case len(tokens) == 2 && tokens[0] == "run":
		return QueuedCall{ID: tokens[1]}, true
	case len(tokens) == 3 && tokens[0] == "key":
		return QueuedCall{ID: tokens[2], Key: keyOf(tokens[1])}, true
	}
	return c, false
}

// running returns what the workers say to be at, by the id.
func (q *Queue) running(ctx context.Context) (map[string]QueuedCall, error) {
	states, err := q.workerStates(ctx)
	all := make(map[string]QueuedCall)
	for _, s := range states {
		for _, r := range s.Running {
			all[r.ID] = QueuedCall{Worker: s.Name, Since: r.Since, Delivery: r.Delivery}
		}
	}
	return all, err
}

// workerStates returns what the workers say. What a worker has said too long ago does not count: it
// is dead.
func (q *Queue) workerStates(ctx context.Context) (all []workerState, err error) {
	info, err := q.store.bucket.Info(ctx, jetstream.WithSubjectFilter(q.store.workerSubject("*")))
	if err != nil {
		return nil, err
	}
	for subject := range info.State.Subjects {
		m, err := q.store.read(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
			return q.store.bucket.GetLastMsgForSubject(ctx, subject)
		})
		if err != nil {
			return nil, err
		}
		var s workerState
		if m != nil && json.Unmarshal(m.Data, &s) == nil && info.TimeStamp.Sub(m.Time) <= s.Wait {
			all = append(all, s)
		}
	}
	return all, nil
}
