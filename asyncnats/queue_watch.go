package asyncnats

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
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
	lost  async.Event // set when the connection is closed
	ended sync.WaitGroup

	mu      sync.Mutex
	lanes   map[string]struct{} // no more are added when all records are watched
	marks   map[string]*Worker  // whose markers are watched, by their ids
	running bool
	version int                // of lanes and marks
	replace context.CancelFunc // has the consumer be replaced
	taken   taken              // the last message that was taken
	record  taken              // the last record: a marker is replaced by the next one, and a record is not
	checked bool               // the bucket is known to have what is to come: the consumer is replaced by us

	stored []string // the calls that may be lost; watch's alone
}

// A taken is a message that a watcher has taken from the bucket.
type taken struct {
	number uint64
	at     time.Time // when that was stored
}

// maxLanes is how many lanes a watcher watches one by one. Beyond, it watches all records.
const maxLanes = 16

func newWatcher(q *Queue) *watcher {
	w := &watcher{q: q, lanes: make(map[string]struct{}), marks: make(map[string]*Worker), replace: func() {}}
	w.ctx, w.end = context.WithCancel(context.Background())
	return w
}

// coverLane has the records of a lane be watched, from those that are stored after this.
func (w *watcher) coverLane(lane string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.lanes[lane]; known || len(w.lanes) > maxLanes || w.ctx.Err() != nil {
		return
	}
	w.lanes[lane] = struct{}{}
	w.coverLocked()
}

// coverWorker has the markers of a worker be watched, and all cancellations, from the first that
// is kept.
func (w *watcher) coverWorker(worker *Worker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return
	}
	w.marks[worker.id] = worker
	w.taken, w.record = taken{}, taken{}
	w.coverLocked()
}

// coverLocked has the consumer be replaced by one that watches what is to be watched now. What
// the old consumer still delivers is not taken: the next one delivers that again, and what the
// old one leaves out between.
func (w *watcher) coverLocked() {
	w.version++
	w.replace()
	if !w.running {
		w.running = true
		keep(&w.ended, w.watch)
	}
}

// uncover forgets the markers of a worker.
func (w *watcher) uncover(worker string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.marks, worker)
}

// watch is the goroutine of the watcher. It watches by one consumer after the other.
func (w *watcher) watch() {
	nc := w.q.store.js.Conn()
	status := nc.StatusChanged(nats.CONNECTED, nats.DRAINING_SUBS, nats.CLOSED)
	defer nc.RemoveStatusListener(status)
	for rest := writeRest; w.ctx.Err() == nil; {
		if isGone(nc) {
			w.lost.Set()
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
	t, err := newTail(w.q.store.js.Conn())
	if err != nil {
		return false
	}
	defer t.stop()
	anew, ok := w.resume(ctx)
	if !ok {
		return false
	}
	w.mu.Lock()
	version, filters, start := w.version, w.filters(), w.taken.number+1
	w.replace = cancel
	w.mu.Unlock()
	consumer, err := w.newConsumer(ctx, filters, start)
	if err != nil {
		return false
	}
	// What is stored from now on is seen.
	ids := w.stored
	w.stored = nil
	if anew {
		ids = w.q.stored()
	}
	if len(ids) > 0 {
		w.ended.Go(func() { w.q.recheck(w.ctx, ids, anew) })
	}
	t.read(ctx, status, w.q.store.nextSubject(w.q.store.bucket, consumer), func(m *nats.Msg, meta *nats.MsgMetadata) bool {
		return w.receive(version, meta, m)
	})
	w.mu.Lock()
	w.checked = version != w.version // replaced, by us
	checked := w.checked
	w.mu.Unlock()
	if !checked { // before more are stored, of which it is known that they are there
		w.stored = w.q.stored()
	}
	return true
}

// resume finds out whether the bucket still has what the watcher has taken from it. A bucket that
// was deleted and made again, and a server that has lost its last writes, gives new messages
// the numbers of old ones; and what was stored while the client was away for longer than Keep is
// not there any more. Where the last message that was taken is gone, the watcher goes on behind the last
// record; where that is gone, too, or nothing was taken, it begins with the first, and anew is true:
// it may be that calls are lost. It reports false where NATS does not answer.
func (w *watcher) resume(ctx context.Context) (anew, ok bool) {
	w.mu.Lock()
	last, record, checked := w.taken, w.record, w.checked
	w.checked = false
	w.mu.Unlock()
	if last.number == 0 || checked {
		return !checked, true
	}
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	for _, known := range []taken{last, record} {
		there, err := w.isThere(ctx, known)
		if err != nil {
			return false, false
		}
		if there {
			w.goOn(known)
			return false, true
		}
	}
	w.goOn(taken{})
	return true, true
}

// isThere reports whether the bucket has a message that was taken.
func (w *watcher) isThere(ctx context.Context, t taken) (bool, error) {
	if t.number == 0 {
		return false, nil
	}
	m, err := w.q.store.bucket.GetMsg(ctx, t.number)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	return err == nil && m.Time.Equal(t.at), err
}

// goOn has the watcher go on behind a message that was taken, unless a worker was covered since: then it
// begins with the first.
func (w *watcher) goOn(t taken) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.taken.number > 0 {
		w.taken = t
	}
}

// newConsumer makes a consumer, in one attempt, and returns its name.
func (w *watcher) newConsumer(ctx context.Context, filters []string, start uint64) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	c, err := w.q.store.bucket.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubjects: filters, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: start,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: 2 * pullTime,
	})
	if err != nil {
		return "", err
	}
	return c.CachedInfo().Name, nil
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
	kinds := []kind{"*"} // one filter, where that is possible: see WorkOptions.consumer
	if len(w.marks) > 0 {
		all = append(all, s.recordSubject("*", kindCanceled, "*"))
		kinds = []kind{kindDone, kindFailed, kindGivenUp}
	}
	for _, lane := range slices.Sorted(maps.Keys(w.lanes)) {
		for _, k := range kinds {
			all = append(all, s.recordSubject("*", k, lane))
		}
	}
	if len(all) == 0 { // the worker is shut down: a consumer without a filter would watch all
		all = append(all, s.markSubject("nobody"))
	}
	return all
}

// receive hands a message on. It reports false where the consumer is replaced.
func (w *watcher) receive(version int, meta *nats.MsgMetadata, m *nats.Msg) bool {
	w.mu.Lock()
	if version != w.version {
		w.mu.Unlock()
		return false
	}
	w.taken = taken{meta.Sequence.Stream, meta.Timestamp}
	var worker *Worker
	if id, ok := strings.CutPrefix(m.Subject, w.q.store.markSubject("")); ok {
		worker = w.marks[id]
	} else {
		w.record = w.taken
	}
	w.mu.Unlock()
	if worker != nil {
		worker.marked(m.Data)
	} else if r, ok := w.q.store.parseRecord(m.Subject, m.Header, m.Data); ok {
		w.q.completed(r)
	}
	return true
}

// stop ends the watcher, and returns when nothing is handed on any more.
func (w *watcher) stop() {
	w.mu.Lock()
	w.end()
	w.mu.Unlock()
	w.ended.Wait()
}
