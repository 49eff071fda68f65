package asyncnats

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
)

// This file is a worker of a queue: how it takes requests, when it begins them, and how it is
// shut down. Three goroutines of a worker do so, however many requests it has: one asks
// for them (queue_pull.go), one begins them, and one beats (queue_beat.go). The way of one request is in queue_job.go.

// WorkOptions are what a worker may be told. The zero value is ready for use. All workers of a
// queue are given the same AckWait, MaxDeliver and Backoff.
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

// consumer is the consumer that all workers share. It never gives up by itself: NATS would
// only tell whoever happens to listen. A worker does, and stores that.
func (o *WorkOptions) consumer(s *store) jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		Durable: workersName, FilterSubjects: []string{s.work + "*.*"}, // one filter: NATS looks for several at a time in another way, which is slower
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: o.AckWait, MaxDeliver: -1, MaxAckPending: -1,
	}
	for _, rest := range o.Backoff[:min(len(o.Backoff), maxBackoff)] {
		c.BackOff = append(c.BackOff, o.AckWait+rest)
	}
	return c
}

// workersName is the name of the consumer.
const workersName = "workers"

// A Worker runs a function for the requests of a queue. It comes from [Work]. Its methods
// may be called by any number of goroutines at the same time.
type Worker struct {
	q       *Queue
	o       WorkOptions
	id      string
	next    string             // where NATS is asked for requests
	inbox   *nats.Subscription // where they come
	own     *async.Scope       // where the user gave none
	options []async.Option
	makeJob func(*errand) effort

	ctx      context.Context // ends when nothing is to be stored any more
	cancel   context.CancelFunc
	pulling  context.Context // ends when nothing is to be taken any more
	unpull   context.CancelFunc
	ended    sync.WaitGroup
	toPull   chan struct{} // there is room; one is enough
	toBegin  chan struct{} // there is a job that is ready; one is enough
	passed   chan uint64   // the last marker that has come back; one is enough
	marks    uint64        // how many there were; begin's alone
	shutdown sync.Once
	downErr  error

	mu      sync.Mutex
	jobs    map[uint64]*errand // that the worker has, by the number of the message that was delivered
	ready   []*errand          // that are to be begun
	over    map[string]ended   // the calls that were canceled, as long as their records are kept
	changed bool               // what the worker is at, since it was told
	asked   pull
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
// has answered. The error is that of NATS, or what ended ctx; ctx is for that alone.
func Work[Req, Resp any](ctx context.Context, q *Queue, fn func(context.Context, Req) (Resp, error), o WorkOptions) (*Worker, error) {
	if fn == nil {
		panic("asyncnats: Work with a nil function")
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
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.pulling, w.unpull = context.WithCancel(w.ctx)
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
	if _, err := w.q.store.requests.CreateOrUpdateConsumer(ctx, w.o.consumer(&w.q.store)); err != nil {
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
	w.ended.Go(w.begin)
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
	w.cancel()
	w.ended.Wait()
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
	for _, j := range all {
		if j.begun.Load() {
			j.work.cancel(async.ErrScopeClosed)
		}
	}
	return len(all)
}

// restLocked lets a shutdown go on when the worker has nothing any more.
func (w *Worker) restLocked() {
	if w.closing && len(w.jobs) == 0 {
		w.empty.Set()
	}
}

// begin is the goroutine that begins what is ready: all of it at once, behind one marker (Q3).
func (w *Worker) begin() {
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-w.toBegin:
		}
		w.mu.Lock()
		some := w.ready
		w.ready = nil
		w.mu.Unlock()
		if len(some) == 0 {
			continue
		}
		if !w.mark() {
			for _, j := range some {
				w.handBack(j)
			}
			continue
		}
		for _, j := range some {
			w.beginOne(j)
		}
	}
}

// mark returns when every cancellation that was stored before mark was called is known here.
// It writes a marker, and waits until the watcher has seen that: NATS need not say that the marker
// is stored. It reports false where the worker is down before, or the connection is closed.
func (w *Worker) mark() bool {
	w.marks++
	nc, data := w.q.store.js.Conn(), strconv.AppendUint(nil, w.marks, 10)
	timer := time.NewTimer(writeTime)
	defer timer.Stop()
	for {
		if nc.Publish(w.q.store.markSubject(w.id), data) != nil && isGone(nc) {
			return false
		}
		for tried := true; tried; {
			select {
			case n := <-w.passed:
				if n >= w.marks {
					return true
				}
			case <-timer.C: // it was lost on its way, or there is no room for it
				timer.Reset(writeTime)
				tried = false
			case <-w.q.watcher.lost:
				return false
			case <-w.ctx.Done():
				return false
			}
		}
	}
}

// marked is told by the watcher that a marker of the worker has come back.
func (w *Worker) marked(data []byte) {
	n, err := strconv.ParseUint(string(data), 10, 64)
	if err != nil {
		return // it is none of the worker's
	}
	select {
	case <-w.passed: // an earlier one
	default:
	}
	w.passed <- n
}
