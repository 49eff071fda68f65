package asyncnats

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is how a call of a queue is canceled: a record is stored, as of any other end.

// Cancel cancels the call with the id, whoever has submitted it. It returns when that is
// stored: a call that has not begun never begins, one that runs has its context ended with the
// cause, and all who are attached see a [*async.CanceledError] with the text of the cause
// (J5). The errors are those of [async.Call.Cancel]: [async.ErrCallComplete] where the call is
// complete, [async.ErrCanceled] where it was canceled before; [ErrUnknownCall] where the
// queue does not know the id; and, when ctx ends, an error that is the cause of ctx. Then
// the call may be canceled all the same.
func (q *Queue) Cancel(ctx context.Context, id string, cause error) error {
	if !wire.IsToken(id) {
		return fmt.Errorf("%w: %.200q", ErrUnknownCall, id)
	}
	r := q.canceledRecord(id, cause)
	for look := 0; ; look++ {
		end, ok, err := q.store.record(ctx, id)
		switch {
		case err != nil:
			return q.about(id, err)
		case ok && end.header.Get(wire.HeaderWriter) == r.header.Get(wire.HeaderWriter):
			return nil // by this Cancel, in an attempt whose answer was lost
		case ok && end.kind == kindCanceled:
			return async.ErrCanceled
		case ok:
			return async.ErrCallComplete
		}
		request, err := q.store.request(ctx, id)
		switch {
		case err != nil:
			return q.about(id, err)
		case request == nil && look > 0:
			return fmt.Errorf("%w: %s", ErrUnknownCall, id)
		case request == nil:
			continue // it may have become complete between the two looks
		}
		r.lane = laneOf(id, request.Header)
		if err := q.store.finish(ctx, r); !errors.Is(err, errTaken) {
			if err != nil {
				return q.about(id, err)
			}
			q.tidy(ctx, request.Sequence)
			return nil
		}
	}
}

// tidy removes the request of a call that was canceled. Where that fails a worker does so, when
// the request is delivered.
func (q *Queue) tidy(ctx context.Context, seq uint64) {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	_ = q.store.requests.DeleteMsg(ctx, seq)
}

// canceledRecord is the record of a cancellation, without a lane.
func (q *Queue) canceledRecord(id string, cause error) record {
	m := &nats.Msg{Header: nats.Header{wire.HeaderWriter: {q.lane + " " + rand.Text()}}}
	if cause = q.known.tame(cause); cause != nil {
		putText(m, strings.ToValidUTF8(truncate(cause.Error(), maxCause), ""))
		m.Header[wire.HeaderErrors] = []string{strings.Join(q.known.codes(cause), ",")}
	}
	return record{id: id, kind: kindCanceled, header: m.Header, data: m.Data}
}

// A cancellation is one that a handle asked for.
type cancellation struct {
	id    string
	cause error
}

// cancelLater has a cancellation be stored by a goroutine: Cancel of a call never waits for
// the network.
func (q *Queue) cancelLater(c cancellation) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.cancels = append(q.cancels, c)
	if !q.telling {
		q.telling = true
		q.ended.Go(q.storeCancels)
	}
}

// storeCancels stores cancellations until none is left, or the queue has no more time. One
// that comes too late is none.
func (q *Queue) storeCancels() {
	ctx, cancel := q.context()
	defer cancel()
	for {
		q.mu.Lock()
		some := q.cancels
		q.cancels = nil
		q.telling = len(some) > 0 && ctx.Err() == nil
		more := q.telling
		q.mu.Unlock()
		if !more {
			return
		}
		for _, c := range some {
			q.storeCancel(ctx, c)
		}
	}
}

// storeCancel stores one cancellation. It tries again while the queue has no room for it, or is
// not there, until ctx ends. The call is over here, whatever becomes of it there.
func (q *Queue) storeCancel(ctx context.Context, c cancellation) {
	for rest := writeRest; ; rest = min(2*rest, maxRest) {
		err := q.Cancel(ctx, c.id, c.cause)
		for _, end := range []error{nil, async.ErrCallComplete, async.ErrCanceled, ErrUnknownCall, ErrDisconnected} {
			if errors.Is(err, end) {
				return
			}
		}
		if !pause(ctx, rest) {
			return
		}
	}
}
