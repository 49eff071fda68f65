// Package queue runs jobs, some of which wait for others.
package queue

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
)

// A Job is what is to be done.
type Job struct {
	ID    string
	After []string
	Run   func(ctx context.Context) (int, error)
}

// A Queue runs jobs.
type Queue struct {
	scope *async.Scope
	idle  async.Event

	mu    sync.Mutex
	jobs  map[string]*async.Call[int]
	done  int
	wake  chan string
	tries int
}

// New returns a queue of so many workers.
func New(workers int) *Queue {
	return &Queue{
		scope: async.NewScope(async.ScopeOptions{Name: "jobs", Limit: workers, Panic: async.PanicReturn}),
		jobs:  make(map[string]*async.Call[int]),
		wake:  make(chan string, 64),
		tries: 3,
	}
}

var errUnknown = errors.New("queue: no such job")

// Submit begins a job once those that it comes after are done.
func (q *Queue) Submit(ctx context.Context, job Job) error {
	before, err := q.before(job)
	if err != nil {
		return err
	}
	call := async.Go(ctx, func(ctx context.Context) (int, error) {
		for _, b := range before {
			if _, err := b.Await(ctx); err != nil {
				return 0, fmt.Errorf("%s: %w", job.ID, err)
			}
		}
		return q.attempt(ctx, job)
	}, q.scope, async.Name(job.ID), async.OnSignal(func() { q.finished(job.ID) }))
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs[job.ID] = call
	return nil
}

func (q *Queue) before(job Job) (calls []*async.Call[int], err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range job.After {
		call, ok := q.jobs[id]
		if !ok {
			return nil, fmt.Errorf("%w: %s", errUnknown, id)
		}
		calls = append(calls, call)
	}
	return calls, nil
}

// attempt runs a job a few times.
func (q *Queue) attempt(ctx context.Context, job Job) (n int, err error) {
	for try := range q.tries {
		if n, err = job.Run(ctx); err == nil {
			return n, nil
		}
		log.Printf("%s: attempt %d: %v", job.ID, try, err)
		if err := q.pause(ctx, time.Duration(try)*time.Second); err != nil {
			return 0, err
		}
	}
	return 0, err
}

func (q *Queue) pause(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	if err := q.idle.Wait(ctx); errors.Is(err, async.ErrScopeClosed) {
		return err
	}
	return nil
}

// finished is told of each job, by whoever completes it.
func (q *Queue) finished(id string) {
	q.mu.Lock()
	q.done++
	q.mu.Unlock()
	select {
	case q.wake <- id:
	default:
	}
}

// Result waits for a job.
func (q *Queue) Result(ctx context.Context, id string) (int, error) {
	q.mu.Lock()
	call := q.jobs[id]
	q.mu.Unlock()
	if call == nil {
		return 0, errUnknown
	}
	mine := call.Clone()
	defer mine.Release()
	return mine.Await(ctx)
}

// Forget drops a job.
func (q *Queue) Forget(id string) {
	q.mu.Lock()
	call := q.jobs[id]
	delete(q.jobs, id)
	q.mu.Unlock()
	if call != nil {
		call.Release()
	}
}

// Drain waits for all jobs, in the order in which they end.
func (q *Queue) Drain(ctx context.Context, report func(id string, n int, err error)) error {
	var set async.Set[string]
	defer set.Release()
	q.mu.Lock()
	jobs := make(map[string]*async.Call[int], len(q.jobs))
	for id, call := range q.jobs {
		jobs[id] = call.Clone()
		set.Add(id, jobs[id])
	}
	q.mu.Unlock()
	for id := range set.All(ctx) {
		n, err := jobs[id].Finish()
		report(id, n, err)
	}
	q.idle.Set()
	return ctx.Err()
}

// Sum runs jobs as they come, and adds up their results.
func (q *Queue) Sum(ctx context.Context, jobs iter.Seq[Job]) (sum int, err error) {
	name := func(job Job) string { return job.ID }
	for job, r := range async.Map(ctx, jobs, q.attempt, q.scope, async.NameEach(name), async.WaitForRoom()) {
		if r.Err != nil {
			return 0, fmt.Errorf("%s: %w", job.ID, r.Err)
		}
		sum += r.Value
	}
	return sum, ctx.Err()
}

// RunAll runs jobs that depend on nothing.
func (q *Queue) RunAll(ctx context.Context, jobs []Job) ([]int, error) {
	calls := async.GoEach(ctx, jobs, q.attempt, q.scope)
	defer calls.Release()
	defer calls.Cancel(nil)
	return calls.All(ctx)
}

// Once runs a job now, and has the queue wait for it for a second.
func (q *Queue) Once(ctx context.Context, job Job) (int, error) {
	var call async.Call[int]
	defer call.Release()
	if err := call.Begin(ctx, job.Run, q.scope); err != nil {
		return 0, err
	}
	if err := call.WaitFor(time.Second); err != nil {
		call.Cancel(err)
	}
	return call.Await(ctx)
}

// Close ends the queue.
func (q *Queue) Close(ctx context.Context) error {
	q.scope.Close()
	return q.scope.Shutdown(ctx)
}
