package asyncnats

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A watcher sees the records of a queue as they are stored, in their order: one for all the
// calls and workers of a Queue, however many they are. It begins when there is something to
// watch. A consumer that is lost, with its server or its connection, is made again behind the
// last message that was seen, so that none is missed.
type watcher struct {
	q *Queue

	change sync.Mutex // held by whoever changes what is watched
	lanes  map[string]struct{}
	marks  map[string]struct{} // of the workers
	live   jetstream.ConsumeContext

	mu     sync.Mutex
	seen   uint64 // the number of the last message that was handed on
	passes []pass // who waits for seen
}

// A pass is somebody who waits until the watcher has seen a message.
type pass struct {
	seq  uint64
	open chan struct{}
}

const (
	maxLanes  = 16 // beyond, all records are watched
	watchPull = 30 * time.Second
	watchBeat = time.Second
)

func newWatcher(q *Queue) *watcher {
	return &watcher{q: q, lanes: make(map[string]struct{}), marks: make(map[string]struct{})}
}

// cover has a lane be watched from now on, or, where worker is true, the markers of a worker,
// and all cancellations from the first that is kept. It returns when the server has said so,
// or ctx ends.
func (w *watcher) cover(ctx context.Context, worker bool, name string) error {
	w.change.Lock()
	defer w.change.Unlock()
	set := w.lanes
	if worker {
		set = w.marks
	}
	if _, known := set[name]; known && w.live != nil {
		return nil
	}
	set[name] = struct{}{}
	return w.restart(ctx, worker)
}

// restart makes a consumer for what is watched now. change is held.
func (w *watcher) restart(ctx context.Context, fromStart bool) error {
	w.halt()
	w.mu.Lock()
	if fromStart {
		w.seen = 0
	}
	start := w.seen + 1
	w.mu.Unlock()
	for rest := writeRest; ; rest = min(2*rest, maxRest) {
		once, cancel := context.WithTimeout(ctx, writeTime)
		err := w.consume(once, start)
		cancel()
		if err == nil {
			return nil
		}
		if !isUncertain(err) {
			return writeError(err)
		}
		if !pause(ctx, rest) {
			return context.Cause(ctx)
		}
	}
}

func (w *watcher) consume(ctx context.Context, start uint64) error {
	c, err := w.q.store.js.OrderedConsumer(ctx, w.q.store.bucket.CachedInfo().Config.Name, jetstream.OrderedConsumerConfig{
		FilterSubjects: w.filters(), DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: start,
		InactiveThreshold: 2 * watchPull,
	})
	if err != nil {
		return err
	}
	w.live, err = c.Consume(w.receive, jetstream.PullExpiry(watchPull), jetstream.PullHeartbeat(watchBeat))
	return err
}

// filters are the subjects that are watched. They must not overlap.
func (w *watcher) filters() (all []string) {
	s := &w.q.store
	for worker := range w.marks {
		all = append(all, s.markSubject(worker))
	}
	if len(w.lanes) > maxLanes {
		return append(all, s.kv+"call.>")
	}
	kinds := []kind{kindDone, kindFailed, kindGivenUp}
	if len(w.marks) > 0 {
		all = append(all, s.recordSubject("*", kindCanceled, "*"))
	} else {
		kinds = append(kinds, kindCanceled)
	}
	for _, lane := range slices.Sorted(maps.Keys(w.lanes)) {
		for _, k := range kinds {
			all = append(all, s.recordSubject("*", k, lane))
		}
	}
	return all
}

// receive is the handler of the consumer.
func (w *watcher) receive(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		return // it is no message of a stream
	}
	if r, ok := w.q.store.parseRecord(m.Subject(), m.Headers(), m.Data()); ok {
		w.q.completed(r)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = max(w.seen, meta.Sequence.Stream)
	w.passes = slices.DeleteFunc(w.passes, func(p pass) bool {
		if p.seq <= meta.Sequence.Stream {
			close(p.open)
			return true
		}
		return false
	})
}

// await returns when the watcher has handed on all that it watches up to the message with the
// number, which is one that it watches. It reports false where ctx ends before.
func (w *watcher) await(ctx context.Context, seq uint64) bool {
	p := pass{seq, make(chan struct{})}
	w.mu.Lock()
	if w.seen >= seq {
		w.mu.Unlock()
		return true
	}
	w.passes = append(w.passes, p)
	w.mu.Unlock()
	select {
	case <-p.open:
		return true
	case <-ctx.Done():
		return false
	}
}

// halt stops the consumer, and returns when it hands on nothing any more. change is held.
func (w *watcher) halt() {
	if w.live != nil {
		w.live.Stop()
		<-w.live.Closed()
		w.live = nil
	}
}

// uncover forgets the markers of a worker.
func (w *watcher) uncover(worker string) {
	w.change.Lock()
	defer w.change.Unlock()
	delete(w.marks, worker)
}

// stop ends the watcher.
func (w *watcher) stop() {
	w.change.Lock()
	defer w.change.Unlock()
	w.halt()
}
