package asyncnats

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is the queue as its users see it: what it is made of, and how it is opened and
// closed. The way of one call through a queue, which the other files take apart:
//
//	         Submit               a marker after the delivery        result, or error
//	unknown ───────▶ submitted ─────────────────────────▶ running ─────────────────▶ done, failed
//	                     │  ▲                                │ │
//	                     │  └── worker dead, or Retry ───────┘ │ delivered too often
//	                     │                                     └───────────────────▶ given up
//	                     └── Cancel, at any time before ───────────────────────────▶ canceled
//
// A queue is two streams. The stream of requests is a work queue: a request is there from
// Submit until its call is complete. The bucket has one record for each call that is
// complete, for as long as Keep.
//
// Invariants:
//
//	Q1  A call is complete when its record is stored, and not before. The record is stored
//	    with the condition that the bucket has none of the id. So one write wins, whoever
//	    tries: a worker with a result, a worker that gives up, and Cancel.
//	Q2  A request leaves its stream after the record was stored, never before. Where a process
//	    dies between the two, the request is delivered again, and the next worker finds
//	    the record and removes the request.
//	Q3  A worker begins a request when a marker that it wrote to the bucket after the delivery
//	    has come back to its watcher. The watcher has seen every cancellation that is before
//	    the marker. So a call that was canceled before it began never begins.
//	Q4  A subject of the stream of requests has one message at most. A request is stored with
//	    the condition that its subject has none, but for the first attempt to store one whose
//	    id was just made: nobody else has the id. Should that attempt arrive after a later one,
//	    the request may run again, and completes once (Q1).
//	Q5  A record has the lane of the client that made the request, as the last token of its
//	    subject. A client watches its own lane, and those of calls that it attached to.
//	Q6  Of one key, the first request of those in the stream is the one that may run. A worker
//	    runs it as long as it holds the turn of the key, a message of which a key has one:
//	    see queue_key.go.
//
// docs/decisions/0024 says why, and what was not chosen.

// QueueOptions are what a queue may be told. The zero value needs a Name. All who open a
// queue are given the same Name, Keep, Replicas, Memory, MaxBytes and Codec.
type QueueOptions struct {
	// Name is the name of the queue, of letters, digits, - and _. The stream of
	// requests is ASYNC_ and the name, the bucket of results the same.
	Name string

	// Keep is for how long a result can be had once the call is complete: a day where it
	// is 0. A request is kept until the call is complete, however long that takes.
	Keep time.Duration

	// Replicas is how many servers store each request and each result: one where it is 0.
	Replicas int

	// Memory has requests and results kept in memory, and not in files: a server that
	// is restarted and is the only replica has lost them.
	Memory bool

	// MaxBytes limits the size of all requests that wait and run, and that of all results,
	// each: without limit where it is 0. Submit fails with [async.ErrQueueFull] beyond.
	MaxBytes int64

	// Codec writes and reads requests and results: [JSON] where it is nil.
	Codec Codec

	// Errors are found by errors.Is at the side of the caller; see [RegisterError].
	Errors []ErrorCode

	// Propagator carries values of Submit's context to the worker; nil carries none.
	Propagator Propagator
}

const defaultKeep = 24 * time.Hour

func (o *QueueOptions) fill() {
	o.Keep = orElse(o.Keep, defaultKeep)
	o.Replicas = orElse(o.Replicas, 1)
	if o.MaxBytes <= 0 {
		o.MaxBytes = -1 // as NATS says it
	}
	o.Codec = orElse(o.Codec, JSON())
}

// A Queue has calls that outlive everything: the process that submitted them, the workers
// that run them, and the server of NATS. It comes from [OpenQueue]. Its methods, [Submit],
// [Attach] and [Work] may be called by any number of goroutines at the same time.
type Queue struct {
	o       QueueOptions
	known   registry
	store   store
	lane    string // of what is submitted here
	watcher *watcher
	quit    chan struct{}  // closed by Close
	ended   sync.WaitGroup // the goroutines that store cancellations

	mu      sync.Mutex
	waiting map[string][]waiter // the calls that are not complete here, by their ids
	workers map[*Worker]struct{}
	cancels []cancellation // that are to be stored
	telling bool           // somebody is at it
	closed  bool
	gone    bool // the connection is closed or drained
}

// A waiter is a call that waits for the record of its id.
type waiter interface {
	complete(record)
	fail(error)
	isStored(number uint64)    // the request was stored, or its call is known
	storedAs() (number uint64) // of the request; 0 where the call is not known to be stored
}

// OpenQueue returns the queue with the name, and makes its streams where they are not there.
// It returns when the server has answered. The error is that of NATS: streams cannot be made,
// or are there with other options, which the error names. While a cluster of NATS is coming up, has
// no leader, or has not heard of the servers that the replicas need, OpenQueue tries again until
// ctx ends: give it a deadline. js and its connection remain the caller's, and the queue
// needs them for as long as it is not closed. When the connection is closed or drained all
// calls that wait here complete with [ErrDisconnected], and so do further ones: the requests
// stay where they are, and a queue on another connection finds the calls by [Attach]. The server has to be NATS 2.11
// or later. OpenQueue panics where js is nil, and where two Errors have one code.
func OpenQueue(ctx context.Context, js jetstream.JetStream, o QueueOptions) (*Queue, error) {
	if js == nil {
		panic("asyncnats: OpenQueue with a nil JetStream")
	}
	o.fill()
	if !wire.IsToken(o.Name) {
		return nil, fmt.Errorf("%w: the name %q of a queue", ErrBadSubject, o.Name)
	}
	s, err := openStore(ctx, js, o)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("asyncnats: queue %q: nobody answers for JetStream, which NATS may not have enabled: %w", o.Name, err)
	case err != nil:
		return nil, fmt.Errorf("asyncnats: queue %q: %w", o.Name, err)
	}
	q := &Queue{
		o: o, known: newRegistry(o.Errors), store: s, lane: newLane(),
		quit: make(chan struct{}), waiting: make(map[string][]waiter), workers: make(map[*Worker]struct{}),
	}
	q.watcher = newWatcher(q)
	return q, nil
}

// Close ends the handle, and no call of the queue. Calls that wait here complete as canceled,
// with [async.ErrScopeClosed] as the cause; the requests stay where they are, and [Attach]
// finds them. Further ones are refused with the same. Workers are shut down before: Close
// panics where there is one. Cancellations that were asked for are stored first, unless that
// takes longer than five seconds: those that were not stored by then are lost, and [Queue.Cancel]
// says whether one was stored. When Close has returned no goroutine of the queue is left.
func (q *Queue) Close() {
	q.mu.Lock()
	if len(q.workers) > 0 {
		q.mu.Unlock()
		panic("asyncnats: Close of a queue whose workers are not shut down")
	}
	first := !q.closed
	q.closed = true
	q.mu.Unlock()
	if first {
		q.failAll(errClosed())
		timer := time.AfterFunc(flushCancels, func() { close(q.quit) })
		q.ended.Wait()
		if timer.Stop() {
			close(q.quit)
		}
	}
	q.ended.Wait()
	q.watcher.stop()
	q.store.publisher.close()
}

// flushCancels is how long Close waits for cancellations to be stored.
const flushCancels = 5 * time.Second

// context returns a context that ends when the queue is closed.
func (q *Queue) context() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-q.quit:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// expect has a call wait for the record of its id.
func (q *Queue) expect(id string, w waiter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return errClosed()
	case q.gone:
		return errGone()
	}
	q.waiting[id] = append(q.waiting[id], w)
	return nil
}

// forget takes a call out that is over, and reports whether it waited.
func (q *Queue) forget(id string, w waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	some := q.waiting[id]
	for i := range some {
		if some[i] != w {
			continue
		}
		some[i] = some[len(some)-1]
		some[len(some)-1] = nil
		q.waiting[id] = some[:len(some)-1]
		if len(some) == 1 {
			delete(q.waiting, id)
		}
		return true
	}
	return false
}

// errGone is what calls complete with when the connection is closed or drained.
func errGone() error { return wrapped{ErrDisconnected, "the connection of the queue is closed"} }

// disconnected is told by the watcher that the connection is closed or drained. No record can
// come any more: all calls that wait here complete. The requests stay where they are.
func (q *Queue) disconnected() {
	q.mu.Lock()
	q.gone = true
	q.mu.Unlock()
	q.failAll(errGone())
}

// failAll completes all calls that wait here with an error. The caller has seen to it that no
// other call waits from now on.
func (q *Queue) failAll(err error) {
	q.mu.Lock()
	over := q.waiting
	q.waiting = make(map[string][]waiter)
	q.mu.Unlock()
	each(slices.Concat(slices.Collect(maps.Values(over))...), func(w waiter) { w.fail(err) })
}

// completed is told of a record that was stored, by the goroutine of the watcher. All calls
// that wait for it here complete, and workers end what was canceled.
func (q *Queue) completed(r record) {
	q.mu.Lock()
	some := q.waiting[r.id]
	delete(q.waiting, r.id)
	var workers []*Worker
	if r.kind == kindCanceled {
		for w := range q.workers {
			workers = append(workers, w)
		}
	}
	q.mu.Unlock()
	defer each(some, func(w waiter) { w.complete(r) }) // also where a function of a worker's call ends this goroutine
	each(workers, func(w *Worker) { w.canceled(r) })
}

// errorOf makes an error of a record that is not a value.
func (q *Queue) errorOf(r record) error {
	if r.kind == kindCanceled {
		return &async.CanceledError{Cause: q.known.causeIn(r.header, r.data)}
	}
	return q.known.remoteError(q.store.runSubject(r.id), reply{r.header, r.data})
}

// causeIn returns the error whose text and names a message has.
func (r registry) causeIn(h nats.Header, data []byte) error {
	return r.cause(splitCodes(h, len(r)), textIn(h, data))
}
