package asyncnats

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is how a call is found by its id: for Attach, for Submit of an id that is known, and
// for all calls that wait, where the bucket may have lost records.

// Attach returns the call with the id, which this process or another has submitted (J4). It
// asks the queue, and returns when the server has answered: a call that is complete is
// complete then, and one that the queue does not know is complete with [ErrUnknownCall]. Any
// number of processes may attach, any number of times. The call ends as one of [Submit] does;
// when ctx ends before the server has answered it is canceled with the cause of ctx. Resp is
// what Submit was given. Attach panics when it is given [async.CancelOnAbandon], [ID] or [Key].
func Attach[Resp any](ctx context.Context, q *Queue, id string, opts ...async.Option) *async.Call[Resp] {
	o := readOptions("Attach", opts)
	if o.named || o.keyed {
		panic("asyncnats: Attach with ID or Key, which are for Submit")
	}
	o.id = id
	p, call := newQueued[Resp](ctx, q, o)
	if call.IsDone() {
		return call
	}
	if !wire.IsToken(id) {
		p.fail(fmt.Errorf("%w: %.200q", ErrUnknownCall, id))
		return call
	}
	if err := q.expect(id, p); err != nil {
		p.fail(err)
		return call
	}
	known, err := q.find(ctx, id, p)
	if !known && err == nil {
		err = fmt.Errorf("%w: %s", ErrUnknownCall, id)
	}
	if err != nil && q.forget(id, p) {
		p.fail(err)
	}
	return call
}

// find attaches a call, which waits already, to the id. It reports whether the queue knows
// the id. Where the call is complete p completes.
func (q *Queue) find(ctx context.Context, id string, p waiter) (known bool, err error) {
	r, complete, known, err := q.look(ctx, id)
	if complete && q.forget(id, p) {
		p.complete(r)
	}
	if known {
		p.isStored()
	}
	return known, err
}

// look reports whether the queue knows the id, and how its call has ended where it is complete.
// From then on the record of the call is watched for, where it is not.
func (q *Queue) look(ctx context.Context, id string) (r record, complete, known bool, err error) {
	var request *jetstream.RawStreamMsg
	// The record is looked for before the request, and after: the request is removed when the
	// record was stored (Q2).
	for look := 0; look < 2 || request != nil; look++ {
		r, complete, err = q.store.record(ctx, id)
		if complete || err != nil || request != nil {
			return r, complete, err == nil, err
		}
		if request, err = q.store.request(ctx, id); err != nil {
			return r, false, false, err
		}
		if request != nil {
			q.watcher.coverLane(laneOf(id, request.Header))
		}
	}
	return r, false, false, nil
}

// recheck asks for all calls that wait here and were stored, because the bucket may have lost
// records. Those that are not known any more complete with [ErrUnknownCall]. It is the
// watcher's errand, and ends with ctx.
func (q *Queue) recheck(ctx context.Context) {
	q.mu.Lock()
	var ids []string
	for id, some := range q.waiting {
		if slices.ContainsFunc(some, waiter.wasStored) {
			ids = append(ids, id)
		}
	}
	q.mu.Unlock()
	over := false // the watcher has come to its end, or the stream is not there
	each(ids, func(id string) {
		if over {
			return
		}
		r, complete, known, err := q.look(ctx, id)
		switch {
		case err != nil:
			over = true
		case complete:
			q.completed(r)
		case !known:
			q.failStored(id, wrapped{ErrUnknownCall, id + ": the queue has lost it"})
		}
	})
}

// failStored completes the calls that wait for the id, and were stored, with an error.
func (q *Queue) failStored(id string, err error) {
	q.mu.Lock()
	some := slices.Clone(q.waiting[id])
	q.mu.Unlock()
	each(some, func(p waiter) {
		if p.wasStored() && q.forget(id, p) {
			p.fail(err)
		}
	})
}
