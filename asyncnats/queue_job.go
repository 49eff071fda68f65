package asyncnats

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is the way of one request through a worker: it is delivered, looked at where it may
// be known already, begun, and settled.

// An errand is one request at a worker, without its types.
//
//	            ready          begun            settled: the record is stored
//	delivered ─────────▶ waits ───────▶ running ─────────────────────────────▶ gone
//	    │ complete already, given up, or canceled ───────────────────────────▶ gone
//	    └ shutdown, full scope, retry: handed back ──────────────────────────▶ gone
type errand struct {
	on       *Worker
	work     effort
	number   uint64 // of the message that was delivered: the request, or the turn of its key
	delivery int    // how often it was delivered, this time included
	key      string // a token; empty without one
	id       string // of the call; empty until the request of a key was found
	lane     string
	request  uint64 // the number of the request
	header   nats.Header
	data     []byte
	begun    atomic.Bool // the call is in the scope

	// The worker's mu guards these.
	msg     parcel    // by which the delivery is acknowledged: the last that came
	since   time.Time // when the function began
	entered bool      // the function is running, or has returned
	cause   error     // why the call was canceled in the queue, or nil
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
	j := &errand{on: w, msg: p, number: meta.Sequence.Stream, delivery: int(meta.NumDelivered)} //nolint:gosec // a count
	// The job is whole before other goroutines find it: canceled reads the ids of all jobs.
	if key, ok := strings.CutPrefix(m.Subject, w.q.store.turnSubject("")); ok {
		j.key = key
	} else {
		j.take(strings.TrimPrefix(m.Subject, w.q.store.runSubject("")), j.number, m.Header, m.Data)
	}
	w.mu.Lock()
	if known := w.jobs[j.number]; known != nil {
		known.msg = p // delivered again although the worker has it: the signs came too late
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
		w.ended.Go(func() { w.look(j) })
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

// tellLane has a second client that submitted the id hear of the record, too: one that found
// neither request nor record when it did, because they came and went between two looks, or
// because it submitted the id at the same time with another key.
func (w *Worker) tellLane(j *errand, r record) {
	if r.lane == j.lane {
		return
	}
	m := &nats.Msg{Subject: w.q.store.recordSubject(r.id, r.kind, j.lane), Header: maps.Clone(r.header), Data: r.data}
	delete(m.Header, jetstream.ExpectedLastSubjSeqHeader)
	delete(m.Header, jetstream.ExpectedLastSubjSeqSubjHeader)
	for !w.try(func() error { _, err := w.q.store.write(w.ctx, m); return err }) {
	}
}

// try does something at NATS that has to be done some time, and reports whether to go on: when
// it is done, and when it cannot be done any more.
func (w *Worker) try(f func() error) bool {
	err := f()
	if err == nil || errors.Is(err, ErrDisconnected) {
		return true
	}
	w.count(func(s *WorkerStats) { s.Unstored++ })
	return !pause(w.ctx, maxRest/2)
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
	if err := j.work.begin(); err != nil {
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
	cause := orCanceled(w.q.known.causeIn(r.header))
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
	for _, j := range over {
		j.work.cancel(cause)
	}
}

func orCanceled(err error) error {
	if err == nil {
		return async.ErrCanceled
	}
	return err
}

// drop is told that a call was canceled, and that its function does not run, or that nothing
// has to wait until the function has returned.
func (w *Worker) drop(j *errand) {
	w.count(func(s *WorkerStats) { s.Canceled++ })
	switch {
	case j.key == "":
		w.remove(j)
	case w.ctx.Err() == nil:
		w.ended.Go(func() { w.remove(j) }) // the next of the key is looked for
	}
}

// remove removes the request of a call whose record is stored (Q2).
func (w *Worker) remove(j *errand) {
	if j.key != "" {
		w.nextOfKey(j)
		return
	}
	w.release(j, parcel.done)
}

// release lets go of a job. last says to NATS what becomes of the delivery. Where that does
// not arrive, the request is delivered again after AckWait, and somebody else says it.
func (w *Worker) release(j *errand, last func(parcel)) {
	w.mu.Lock()
	if j.gone {
		w.mu.Unlock()
		return
	}
	j.gone = true
	delete(w.jobs, j.number)
	w.changed = true
	m := j.msg
	w.restLocked()
	w.mu.Unlock()
	last(m)
	poke(w.toPull)
	poke(w.toBegin)
}

// handedBack is the last that NATS is told of a delivery that another worker is to get.
func handedBack(p parcel) { p.again(0) }

// nothing is the last that NATS is told where it was told all, or is to hear nothing.
func nothing(parcel) {}

// handBack has a request delivered to another worker, or to this one again.
func (w *Worker) handBack(j *errand) {
	w.count(func(s *WorkerStats) { s.Returned++ })
	w.release(j, handedBack)
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

// giveUp stores that a request was delivered too often, and the last error.
func (w *Worker) giveUp(j *errand, last error) {
	err := fmt.Errorf("%w after %d deliveries: %w", ErrGivenUp, w.o.MaxDeliver, last)
	m := w.q.known.message("", w.o.Name, err, false)
	ours, err := w.settle(j, kindGivenUp, m)
	if err != nil {
		w.handBack(j)
		return
	}
	if ours {
		w.count(func(s *WorkerStats) { s.GivenUp++ })
	}
	w.remove(j)
}

// lastError is the error of the last delivery but this one: that of the function, where it was
// stored, or that the worker was lost.
func (w *Worker) lastError(j *errand) error {
	m, err := w.q.store.read(w.ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return w.q.store.bucket.GetLastMsgForSubject(ctx, w.q.store.errorSubject(j.id))
	})
	lost := wrapped{ErrResponderLost, "the worker died"}
	if err != nil || m == nil {
		return lost
	}
	last := w.q.known.causeIn(m.Header)
	if n, _ := strconv.Atoi(m.Header.Get(wire.HeaderDelivery)); n < j.delivery-1 {
		return fmt.Errorf("%w; before that: %w", lost, last)
	}
	return last
}

// settle stores how a call has ended, and reports whether it was this job that ended it. It
// tries until the record is there. The error says that the worker is down, or the connection is
// closed, and that it is not known whether the record is there.
func (w *Worker) settle(j *errand, k kind, m *nats.Msg) (ours bool, err error) {
	writer := w.id + " " + strconv.FormatUint(j.number, 10) + " " + strconv.Itoa(j.delivery)
	setHeader(m, wire.HeaderWriter, writer)
	r := record{id: j.id, lane: j.lane, kind: k, header: m.Header, data: m.Data}
	for {
		err := w.q.store.finish(w.ctx, r)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, errTaken):
			end, ok, err := w.q.store.record(w.ctx, j.id)
			if ok {
				w.tellLane(j, end)
			}
			return ok && end.header.Get(wire.HeaderWriter) == writer, err
		case errors.Is(err, ErrTooLarge) && r.kind != kindFailed:
			m = w.q.known.message("", w.o.Name, fmt.Errorf("%w: a result of %d bytes", ErrTooLarge, len(r.data)), false)
			m.Header.Set(wire.HeaderWriter, writer)
			r.kind, r.header, r.data = kindFailed, m.Header, m.Data
			continue
		}
		w.count(func(s *WorkerStats) { s.Unstored++ })
		if errors.Is(err, ErrDisconnected) || !pause(w.ctx, maxRest/2) {
			return false, err
		}
	}
}

// An assignment is a job with its types.
type assignment[Req, Resp any] struct {
	*errand
	fn   func(context.Context, Req) (Resp, error)
	call async.Call[Resp]
	late atomic.Bool // the result came too late
}

// begin begins the call of a job.
func (a *assignment[Req, Resp]) begin() error {
	w := a.on
	ctx := context.Background()
	if w.q.o.Propagator != nil {
		ctx = extract(ctx, w.q.o.Propagator, a.header)
	}
	opts := make([]async.Option, 0, len(w.options)+2)
	opts = append(opts, async.Name(orElse(truncate(a.header.Get(wire.HeaderName), maxName), a.id)))
	opts = append(append(opts, w.options...), async.OnSignal(a.over))
	return a.call.Begin(ctx, a.run, opts...)
}

func (a *assignment[Req, Resp]) cancel(cause error) { _ = a.call.Cancel(cause) } // it may have come too late

// run is the function of the call. When it returns, the job is settled.
func (a *assignment[Req, Resp]) run(ctx context.Context) (v Resp, err error) {
	a.on.mu.Lock()
	a.entered, a.since = true, time.Now()
	a.on.mu.Unlock()
	returned, again := false, false
	defer func() {
		if r := recover(); r != nil {
			a.on.count(func(s *WorkerStats) { s.Panicked++ })
			v, err, returned = *new(Resp), &async.PanicError{Value: r, Stack: debug.Stack()}, true
		}
		if !returned {
			err = async.ErrGoexit
		}
		a.settled(ctx, v, err, again)
	}()
	var request Req
	if err := decode(a.on.q.o.Codec, a.data, &request); err != nil {
		returned = true
		return v, fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	v, err = a.fn(ctx, request)
	err = a.on.q.known.tame(err)
	again = err != nil && a.on.o.Retry != nil && a.on.o.Retry(err)
	returned = true
	return v, err
}

// settled settles a job whose function has returned.
func (a *assignment[Req, Resp]) settled(ctx context.Context, v Resp, err error, again bool) {
	w, j := a.on, a.errand
	w.mu.Lock()
	gone, canceled := j.gone, j.cause != nil
	w.mu.Unlock()
	switch {
	case gone: // it was canceled, or handed back
	case canceled:
		w.drop(j)
	case err != nil && ctx.Err() != nil: // the call was ended by its scope or a shutdown
		w.handBack(j)
	case again:
		w.retry(j, err)
	default:
		a.store(v, err)
	}
}

// store stores what a function has returned.
func (a *assignment[Req, Resp]) store(v Resp, err error) {
	w, j := a.on, a.errand
	kind, m := a.outcome(v, err)
	switch ours, err := w.settle(j, kind, m); {
	case err != nil:
		w.handBack(j)
		return
	case ours:
		w.count(func(s *WorkerStats) { s.Completed++ })
	default:
		a.late.Store(true)
		w.count(func(s *WorkerStats) { s.Late++ })
	}
	w.remove(j)
}

// outcome makes the record of what a function has returned.
func (a *assignment[Req, Resp]) outcome(v Resp, err error) (kind, *nats.Msg) {
	if err == nil {
		data, bad := encode(a.on.q.o.Codec, v)
		if bad == nil {
			return kindDone, &nats.Msg{Data: data}
		}
		err = fmt.Errorf("%w: %w", ErrBadReply, bad)
	}
	return kindFailed, a.on.q.known.message("", a.on.o.Name, err, a.on.o.SendStack)
}

// retry has a request delivered again whose function has failed, or gives up.
func (w *Worker) retry(j *errand, err error) {
	if w.o.MaxDeliver > 0 && j.delivery >= w.o.MaxDeliver {
		w.giveUp(j, err)
		return
	}
	m := w.q.known.message(w.q.store.errorSubject(j.id), w.o.Name, err, false)
	m.Header.Set(wire.HeaderDelivery, strconv.Itoa(j.delivery))
	for !w.try(func() error { _, err := w.q.store.write(w.ctx, m); return err }) {
	}
	w.count(func(s *WorkerStats) { s.Retried++ })
	w.release(j, func(p parcel) { p.again(w.o.rest(j.delivery)) })
}

// over is told by the completer that the call is complete (OnSignal).
func (a *assignment[Req, Resp]) over() {
	if a.late.Load() {
		a.call.Release() // its value goes to Discard
		return
	}
	w, j := a.on, a.errand
	_, err := a.call.Finish() // it does not panic: run has contained the panics of the function
	if e := new(async.CanceledError); !errors.As(w.q.known.tame(err), &e) {
		return
	}
	w.mu.Lock()
	entered, canceled := j.entered, j.cause != nil
	w.mu.Unlock()
	switch {
	case entered && j.key != "": // run settles it when the function has returned
	case canceled:
		w.drop(j)
	default:
		w.handBack(j)
	}
}

// extract is Extract of a propagator that may panic.
func extract(ctx context.Context, p Propagator, h nats.Header) (out context.Context) {
	defer func() {
		if recover() != nil || out == nil {
			out = ctx
		}
	}()
	return p.Extract(ctx, received(h))
}
