package asyncnats

import (
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is the way of one request to its function: it is delivered, looked at where it may be
// known already, and begun behind a marker (queue_work.go), unless its call was canceled. What
// becomes of it then is in queue_run.go and queue_settle.go.

// An errand is one request at a worker, without its types.
//
//	            ready          begun            settled: the record is stored
//	delivered ─────────▶ waits ───────▶ running ─────────────────────────────▶ gone
//	    │ complete already, given up, or canceled ───────────────────────────▶ gone
//	    └ shutdown, full scope, retry: handed back ──────────────────────────▶ gone
type errand struct {
	on       *Worker
	work     effort
	number   uint64    // of the message that was delivered: the request, or the turn of its key
	stored   time.Time // when that was stored: with the number it tells one message from all others
	delivery int       // how often it was delivered, this time included
	key      string    // a token; empty without one
	id       string    // of the call; empty until the request of a key was found
	lane     string
	request  uint64 // the number of the request; of a turn first that of the request it was stored for
	header   nats.Header
	data     []byte      // the request until it is decoded, and then the value, encoded
	begun    atomic.Bool // the call is in the scope

	// The worker's mu guards these.
	msg     parcel    // by which the delivery is acknowledged: the last that came
	more    int       // deliveries that came while the worker was at it
	since   time.Time // when the function began
	entered bool      // the function is running, or has returned
	left    bool      // the call is over, and its function never begins
	cause   error     // why the call was canceled in the queue, or nil
	place   uint64    // in the worker's jobs: the number, until the message is lost
	lost    bool      // the server has lost the message: nothing is said of it any more
	gone    bool
}

// An effort is the call of a job.
type effort interface {
	begin() error
	cancel(cause error)
}

// accept is told of a message that was delivered: a request, or the turn of a key.
func (w *Worker) accept(p parcel) {
	m := p.m
	meta, err := m.Metadata()
	if err != nil {
		return // it is no message of a stream
	}
	number := meta.Sequence.Stream
	j := &errand{on: w, msg: p, number: number, stored: meta.Timestamp, place: number, delivery: int(meta.NumDelivered)} //nolint:gosec // a count
	// The job is whole before other goroutines find it: canceled reads the ids of all jobs.
	if key, ok := strings.CutPrefix(m.Subject, w.q.store.turnSubject("")); ok {
		j.key = key
		j.request, _ = strconv.ParseUint(string(m.Data), 10, 64) // 0 where that is not known
	} else {
		j.take(strings.TrimPrefix(m.Subject, w.q.store.runSubject("")), j.number, m.Header, m.Data)
	}
	w.mu.Lock()
	known := w.jobs[j.number]
	if known != nil && !known.stored.Equal(j.stored) {
		w.loseLocked(known)
		known = nil
	}
	if known != nil {
		known.msg = p // delivered again although the worker has it: the signs came too late
		known.more = max(j.delivery-known.delivery, 0)
		w.mu.Unlock()
		return
	}
	w.jobs[j.number] = j
	w.stats.Taken++
	if j.delivery > 1 {
		w.stats.Again++
	}
	w.mu.Unlock()
	if j.key != "" || j.delivery > 1 || j.header.Get(wire.HeaderNamed) != "" {
		if !w.spawn(func() { w.look(j) }) {
			w.handBack(j)
		}
		return
	}
	w.isReady(j)
}

// take gives a job its request, before anybody else knows of the job, or under the worker's mu.
func (j *errand) take(id string, number uint64, h nats.Header, data []byte) {
	j.id, j.request, j.header, j.data = id, number, h, data
	j.lane = laneOf(id, h)
	j.work = j.on.makeJob(j)
}

// look asks the queue about a job that may be known: a request that was delivered before, or
// whose id the user chose, may be complete; and the turn of a key is to be found a request.
func (w *Worker) look(j *errand) {
	if j.key != "" && !w.findHead(j) {
		return
	}
	r, complete, err := w.q.store.record(w.ctx, j.id)
	switch {
	case err != nil:
		w.handBack(j)
	case complete:
		w.tellLane(j, r)
		w.remove(j)
	case w.o.MaxDeliver > 0 && j.delivery > w.o.MaxDeliver:
		w.giveUp(j, w.lastError(j))
	default:
		w.isReady(j)
	}
}

func (w *Worker) isReady(j *errand) {
	w.mu.Lock()
	closing := w.closing
	if !closing {
		w.ready = append(w.ready, j)
	}
	w.mu.Unlock()
	if closing {
		w.handBack(j)
		return
	}
	poke(w.toBegin)
}

// beginOne begins a job, unless its call was canceled.
func (w *Worker) beginOne(j *errand) {
	w.mu.Lock()
	seen, over := w.over[j.id]
	if !over {
		w.stats.Begun++
		w.changed = true
	}
	w.mu.Unlock()
	if over {
		w.ended.Go(func() { w.wasCanceled(j, seen) })
		return
	}
	returned := false
	defer func() {
		if !returned { // the observer of the scope has called Goexit
			w.handBack(j)
		}
	}()
	err := j.work.begin()
	returned = true
	if err != nil {
		w.refused(j, err)
		return
	}
	j.begun.Store(true)
	w.mu.Lock()
	end, over := w.over[j.id] // since the marker
	if over {
		j.cause = end.cause
	}
	w.mu.Unlock()
	if over {
		j.work.cancel(end.cause)
	}
}

// wasCanceled is told that the call of a job was canceled before it began. Where the record is
// not kept any more, the id was submitted anew, and the cancellation that was seen before the look
// is forgotten. One that came since is of the new call, and remains.
func (w *Worker) wasCanceled(j *errand, seen ended) {
	r, ok, err := w.q.store.record(w.ctx, j.id)
	switch {
	case err != nil:
		w.handBack(j)
	case ok:
		w.count(func(s *WorkerStats) { s.Canceled++ })
		w.tellLane(j, r)
		w.remove(j)
	default:
		w.mu.Lock()
		if w.over[j.id].at.Equal(seen.at) {
			delete(w.over, j.id)
		}
		w.mu.Unlock()
		w.isReady(j)
	}
}

// canceled is told by the watcher that a call was canceled.
func (w *Worker) canceled(r record) {
	cause := orCanceled(w.q.known.causeIn(r.header, r.data))
	var over []*errand
	w.mu.Lock()
	w.over[r.id] = ended{cause, time.Now()}
	for _, j := range w.jobs {
		if j.id == r.id && j.begun.Load() {
			j.cause = cause
			over = append(over, j)
		}
	}
	w.mu.Unlock()
	each(over, func(j *errand) { j.work.cancel(cause) })
}

func orCanceled(err error) error {
	if err == nil {
		return async.ErrCanceled
	}
	return err
}

// refused is told that the scope did not take a call. Where the scope is full, the worker keeps
// the request until there is room: handed back it would be delivered once more for nothing.
// Where the scope is closed the worker takes no more.
func (w *Worker) refused(j *errand, err error) {
	w.mu.Lock()
	w.stats.Begun--
	keep := errors.Is(err, async.ErrQueueFull) && !w.closing
	if keep {
		w.ready = append(w.ready, j) // looked at again when a request is over, and at the next beat
	}
	w.mu.Unlock()
	if !keep {
		w.unpull()
		w.handBack(j)
	}
}

func (w *Worker) count(f func(*WorkerStats)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.stats)
}
