package asyncimpl

import (
	"context"
	"slices"
	"sync"

	"github.com/seed4712c49f/async"
)

// This file has the queue of a fake server. Generated code puts the calls into it that its
// fake is given, and a test takes them by the Next of the fake.
//
// What may not change: Next takes the first call that is wanted and leaves the others where
// they are, so a test may take calls of one method before earlier ones of another. And Next
// waits by package async, as a function of a scope has to: it lends its slot (C2).

// A Queue holds the calls of a fake server until a test takes them. The zero Queue is empty
// and ready for use. Any number of goroutines may use it at the same time.
type Queue struct {
	mu    sync.Mutex
	calls []any        // that were not taken, in order
	more  *async.Event // set when there is one more; nil where nobody waits
}

// Put has a call wait to be taken. The call is not nil.
func (q *Queue) Put(call any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls = append(q.calls, call)
	if q.more != nil {
		q.more.Set()
		q.more = nil
	}
}

// Next waits for a call that is wanted and takes it: the first of those that are there, also
// where ctx has ended. The error is the cause of the end of ctx. A function of a scope lends its
// slot while it waits: the call that it waits for may need that (C2). The function want is called
// under the lock of the queue, for one call after the other, so it only looks at its argument.
func (q *Queue) Next(ctx context.Context, want func(call any) bool) (any, error) {
	for {
		call, more := q.take(want)
		if call != nil {
			return call, nil
		}
		if more.Wait(ctx) == nil {
			continue
		}
		if call, _ := q.take(want); call != nil {
			return call, nil // put while the wait had ended and waited for a slot
		}
		return nil, context.Cause(ctx)
	}
}

// take takes the first call that is wanted, or returns what is set when there is one more.
func (q *Queue) take(want func(call any) bool) (call any, more *async.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, call := range q.calls {
		if want(call) {
			q.remove(i)
			return call, nil
		}
	}
	if q.more == nil {
		q.more = new(async.Event)
	}
	return nil, q.more
}

// remove removes a call. The first one, which is the ordinary case, moves none of the others.
func (q *Queue) remove(i int) {
	if i == 0 {
		q.calls[0] = nil
		q.calls = q.calls[1:]
		return
	}
	q.calls = slices.Delete(q.calls, i, i+1)
}
