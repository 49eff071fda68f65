package asyncnats

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A watcher sees the records of a queue as they are stored, in their order: one for all the
// calls and workers of a Queue, however many they are. It is one goroutine, which begins when
// there is something to watch, and one consumer of NATS. A consumer that is lost, with its
// server or its connection, and one that watches too little, is replaced by another that begins
// behind the last message that was taken, so that none is missed. The watcher ends when the
// connection is closed or drained: nothing comes any more, and all that wait are told so.
type watcher struct {
	q     *Queue
	ctx   context.Context // ends with the watcher
	end   context.CancelFunc
	lost  chan struct{} // closed when the connection is
	ended sync.WaitGroup

	mu      sync.Mutex
	lanes   map[string]struct{} // no more are added when all records are watched
	marks   map[string]struct{} // of the workers
	running bool
	version int                // of lanes and marks
	replace context.CancelFunc // has the consumer be replaced
	taken   uint64             // the number of the last message that was taken
	seen    uint64             // and of the last that was handed on
	passes  []pass             // who waits for seen
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
	w := &watcher{q: q, lanes: make(map[string]struct{}), marks: make(map[string]struct{}), lost: make(chan struct{}), replace: func() {}}
	w.ctx, w.end = context.WithCancel(context.Background())
	return w
}

// coverLane has the records of a lane be watched, from those that are stored after this.
func (w *watcher) coverLane(lane string) {
	w.mu.Lock()
	all := len(w.lanes) > maxLanes
	w.mu.Unlock()
	if !all {
		w.cover(w.lanes, lane, false)
	}
}

// coverWorker has the markers of a worker be watched, and all cancellations, from the first that
// is kept.
func (w *watcher) coverWorker(worker string) { w.cover(w.marks, worker, true) }

func (w *watcher) cover(set map[string]struct{}, name string, fromStart bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := set[name]; known || w.ctx.Err() != nil {
		return
	}
	set[name] = struct{}{}
	// What the consumer of the old version still delivers is not taken: the next one delivers
	// that again, and what the old one leaves out between.
	w.version++
	if fromStart {
		w.taken = 0
	}
	w.replace()
	if !w.running {
		w.running = true
		w.ended.Go(w.watch)
	}
}

// uncover forgets the markers of a worker.
func (w *watcher) uncover(worker string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.marks, worker)
}

// watch is the goroutine of the watcher.
func (w *watcher) watch() {
	nc := w.q.store.js.Conn()
	status := nc.StatusChanged(nats.CONNECTED, nats.DRAINING_SUBS, nats.CLOSED)
	defer nc.RemoveStatusListener(status)
	for rest := writeRest; w.ctx.Err() == nil; {
		if isGone(nc) {
			close(w.lost)
			w.q.disconnected()
			return
		}
		if w.consume(status) {
			rest = writeRest
		} else if pause(w.ctx, rest) {
			rest = min(2*rest, maxRest)
		}
	}
}

// isGone reports whether a connection is closed or drained, and never comes back.
func isGone(nc *nats.Conn) bool { return nc.IsClosed() || nc.IsDraining() }

// consume watches by one consumer, until that is lost or replaced. It reports whether there was
// one.
func (w *watcher) consume(status chan nats.Status) bool {
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	w.mu.Lock()
	version, filters, start := w.version, w.filters(), w.taken+1
	w.replace = cancel
	w.mu.Unlock()
	c, err := w.newConsumer(ctx, filters, start)
	if err != nil {
		return false
	}
	messages, err := c.Messages(jetstream.PullExpiry(watchPull), jetstream.PullHeartbeat(watchBeat), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return false
	}
	defer messages.Stop()
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	w.ended.Go(func() { // the server may have lost the consumer with the connection
		select {
		case <-status:
			cancel()
		case <-ctx.Done():
		}
	})
	for last := uint64(0); ; last++ {
		m, err := messages.Next()
		if err != nil {
			return true
		}
		if meta, err := m.Metadata(); err != nil || meta.Sequence.Consumer != last+1 || !w.receive(version, meta.Sequence.Stream, m) {
			return true
		}
	}
}

// newConsumer makes a consumer, in one attempt.
func (w *watcher) newConsumer(ctx context.Context, filters []string, start uint64) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	return w.q.store.bucket.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubjects: filters, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: start,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: 2 * watchPull,
	})
}

// filters are the subjects that are watched. They must not overlap. mu is held.
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

// receive hands a message on. It reports false where the consumer is replaced.
func (w *watcher) receive(version int, seq uint64, m jetstream.Msg) bool {
	w.mu.Lock()
	if version != w.version {
		w.mu.Unlock()
		return false
	}
	w.taken = seq
	w.mu.Unlock()
	if r, ok := w.q.store.parseRecord(m.Subject(), m.Headers(), m.Data()); ok {
		w.q.completed(r)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = max(w.seen, seq)
	w.passes = slices.DeleteFunc(w.passes, func(p pass) bool {
		if p.seq <= seq {
			close(p.open)
			return true
		}
		return false
	})
	return true
}

// await returns when the watcher has handed on all that it watches up to the message with the
// number, which is one that it watches. It reports false where ctx ends before, or the
// connection is closed.
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
	case <-w.lost:
		return false
	case <-ctx.Done():
		return false
	}
}

// stop ends the watcher, and returns when nothing is handed on any more.
func (w *watcher) stop() {
	w.mu.Lock()
	w.end()
	w.mu.Unlock()
	w.ended.Wait()
}
