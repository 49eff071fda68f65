package asyncnats

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
)

// This file is a worker of a queue: how it is opened and shut down. A worker has three goroutines,
// however many requests it has: one asks for them (queue_pull.go), one begins them
// (queue_begin.go), and one beats (queue_beat.go). The way of one request is in queue_job.go.

// A Worker runs a function for the requests of a queue. It comes from [Work]. Its methods
// may be called by any number of goroutines at the same time.
type Worker struct {
	q       *Queue
	o       WorkOptions
	id      string
	store   store              // the queue's, which counts the writes that are tried again
	next    string             // where NATS is asked for requests
	inbox   *nats.Subscription // where they come
	own     *async.Scope       // where the user gave none
	options []async.Option
	makeJob func(*errand) effort

	ctx      context.Context // ends when nothing is to be stored any more
	cancel   context.CancelFunc
	pulling  context.Context // ends when nothing is to be taken any more
	unpull   context.CancelFunc
	calls    context.Context // which the calls are begun with; ends when none is to go on
	endCalls context.CancelCauseFunc
	ended    sync.WaitGroup
	toPull   chan struct{} // there is room; one is enough
	toBegin  chan struct{} // there is a job that is ready; one is enough
	passed   chan uint64   // the last marker that has come back; one is enough
	marks    uint64        // how many there were; begin's alone
	shutdown sync.Once
	downErr  error

	mu      sync.Mutex
	jobs    map[uint64]*errand // that the worker has, by their places
	lost    uint64             // how many jobs were lost
	ready   []*errand          // that are to be begun
	over    map[string]ended   // the calls that were canceled, as long as their records are kept
	changed bool               // what the worker is at, since it was told
	asked   pull
	shared  shared
	closing bool
	empty   async.Event // set when the worker is closing and has no job
	stats   WorkerStats
}

// An ended is a call that was canceled.
type ended struct {
	cause error
	at    time.Time
}

// WorkerStats says what a worker has done so far.
type WorkerStats struct {
	Held      int   // requests that the worker has
	Taken     int64 // requests that were delivered
	Again     int64 // of these, those that were delivered before
	Begun     int64 // functions that were begun
	Completed int64 // results and errors that were stored
	Retried   int64 // functions whose error had the request delivered again
	Late      int64 // results that came when the call was complete, and were discarded
	Canceled  int64 // calls that were canceled while the worker had them
	GivenUp   int64 // calls that were delivered too often
	Returned  int64 // requests that were handed back, by a shutdown or a closed scope
	Unstored  int64 // attempts to store a result that failed, and were made again
	Panicked  int64 // functions that panicked
}

// Work takes requests of the queue and runs fn for each of them. Any number of workers, in any
// number of processes, share the requests of a queue. Each request is a call in the Scope,
// and fn runs in a goroutine of its own. Its context ends when the call is canceled (J5), with
// a cause that says why, and when the worker is shut down. What fn returns completes the
// call; where the call is complete already, the result is discarded (J2). fn may run more
// than once for one request: when a worker dies, or cannot be heard for longer than AckWait,
// another one begins anew (J3).
//
// A panic in fn is an error of the call, and the worker lives on. A worker whose connection is
// closed or drained takes no more requests, and gives up what it has: other workers run the
// requests, after AckWait. The worker has to be shut down all the same. Work returns when the server
// has answered. The error is that of NATS, or what ended ctx, which is for that alone, or [async.ErrScopeClosed]
// where the Scope is closed. Work panics
// when fn is nil, when AtOnce, AckWait or a Backoff is negative, and when no call can be begun with the
// Options and a scope.
func Work[Req, Resp any](ctx context.Context, q *Queue, fn func(context.Context, Req) (Resp, error), o WorkOptions) (*Worker, error) {
	if fn == nil {
		panic("asyncnats: Work with a nil function")
	}
	o.check()
	tryOptions[Resp](o.Options)
	if o.Scope != nil && o.Scope.Err() != nil {
		return nil, fmt.Errorf("asyncnats: work on the queue %q: %w", q.o.Name, o.Scope.Err())
	}
	w := newWorker(q, o)
	w.makeJob = func(j *errand) effort { return &assignment[Req, Resp]{errand: j, fn: fn} }
	if err := w.open(ctx); err != nil {
		return nil, errors.Join(err, w.Shutdown(context.WithoutCancel(ctx)))
	}
	return w, nil
}

func newWorker(q *Queue, o WorkOptions) *Worker {
	o.fill(q)
	w := &Worker{
		q: q, o: o, id: rand.Text(), toPull: make(chan struct{}, 1), toBegin: make(chan struct{}, 1), passed: make(chan uint64, 1),
		jobs: make(map[uint64]*errand), over: make(map[string]ended),
	}
	w.store = q.store
	w.store.retried = func() { w.count(func(s *WorkerStats) { s.Unstored++ }) }
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.pulling, w.unpull = context.WithCancel(w.ctx)
	w.calls, w.endCalls = context.WithCancelCause(context.Background())
	scope := o.Scope
	if scope == nil {
		w.own = async.NewScope(async.ScopeOptions{Name: o.Name})
		scope = w.own
	}
	w.options = append([]async.Option{scope}, o.Options...)
	return w
}

// open makes the consumer, and begins to work.
func (w *Worker) open(ctx context.Context) (err error) {
	if err := w.share(ctx); err != nil {
		return fmt.Errorf("asyncnats: queue %q: %w", w.q.o.Name, err)
	}
	nc := w.q.store.js.Conn()
	w.next = w.q.store.nextSubject(w.q.store.requests, workersName)
	if w.inbox, err = nc.Subscribe(nc.NewInbox(), w.receive); err != nil {
		return fmt.Errorf("asyncnats: queue %q: %w", w.q.o.Name, err)
	}
	w.q.mu.Lock()
	closed := w.q.closed
	if !closed {
		w.q.workers[w] = struct{}{}
	}
	w.q.mu.Unlock()
	if closed {
		return errors.Join(errClosed(), w.inbox.Unsubscribe())
	}
	w.q.watcher.coverWorker(w)
	status := nc.StatusChanged(nats.CONNECTED, nats.DRAINING_SUBS, nats.CLOSED)
	w.ended.Go(func() { w.pulls(status) })
	keep(&w.ended, w.begin)
	w.ended.Go(w.beats)
	return nil
}

// Stats says what the worker has done so far.
func (w *Worker) Stats() WorkerStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	s.Held = len(w.jobs)
	return s
}

// Shutdown takes no more requests, hands back those that have not begun, and waits for those
// that have. When ctx ends it cancels these, with the cause [async.ErrScopeClosed], hands
// their requests back, and returns an error that is ctx's: other workers run them. A call is
// not canceled by that. The Scope remains the user's, and open. When Shutdown has returned no
// goroutine of the worker is left, but for functions that do not heed their context. A second
// Shutdown waits for the first, and returns the same.
func (w *Worker) Shutdown(ctx context.Context) error {
	w.shutdown.Do(func() { w.downErr = w.stop(ctx) })
	return w.downErr
}

func (w *Worker) stop(ctx context.Context) error {
	w.unpull()
	w.mu.Lock()
	w.closing = true
	ready := w.ready
	w.ready = nil
	w.restLocked()
	w.mu.Unlock()
	for _, j := range ready {
		w.handBack(j)
	}
	err := w.empty.Wait(ctx)
	if err != nil {
		left := w.cancelAll()
		err = fmt.Errorf("asyncnats: %d calls were handed back by the shutdown: %w", left, err)
	}
	w.mu.Lock()
	w.cancel() // nothing is spawned from now on
	w.mu.Unlock()
	w.endCalls(async.ErrScopeClosed) // also of one that waits for room in its scope
	w.ended.Wait()
	w.cancelAll() // what was being begun meanwhile; nothing is from now on
	w.q.watcher.uncover(w.id)
	w.q.mu.Lock()
	delete(w.q.workers, w)
	w.q.mu.Unlock()
	_ = w.q.store.js.Conn().FlushTimeout(flushTime) // what is acknowledged is on its way, or the connection is down
	if w.own != nil {
		err = errors.Join(err, w.own.Shutdown(ctx))
	}
	return err
}

// cancelAll cancels what runs, and returns how much there was.
func (w *Worker) cancelAll() int {
	w.mu.Lock()
	var all []*errand
	for _, j := range w.jobs {
		all = append(all, j)
	}
	w.mu.Unlock()
	each(all, func(j *errand) {
		if j.begun.Load() {
			j.work.cancel(async.ErrScopeClosed)
		}
	})
	return len(all)
}

// restLocked lets a shutdown go on when the worker has nothing any more.
func (w *Worker) restLocked() {
	if w.closing && len(w.jobs) == 0 {
		w.empty.Set()
	}
}
