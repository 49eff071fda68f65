package asyncnats

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is the caller's side of a queue: how a call is submitted, and attached to.

// ID is an option of [Submit]: the id of the call. The same id submitted twice is one call,
// until the result is forgotten. It has to be one token of a subject: up to 128 characters
// of ASCII, without spaces, dots, * and >. Without ID, Submit makes an id that is unique.
func ID(id string) async.Option { return submitOption{Option: async.Name(id), id: id} }

// Key is an option of [Submit]: the requests of one key are run one at a time, in the order
// in which they were submitted. Requests of different keys, and those without a key, do not
// wait for each other. A request that is tried again holds up those of its key.
//
// The order is that in which the stream got the requests: that of one goroutine's Submits,
// one after the other. One id is to be submitted with one key: with two, the call completes
// once all the same, and its request is in the order of both keys.
func Key(key string) async.Option { return submitOption{Option: async.Name(key), key: key} }

// A submitOption is an option that Submit knows by its type.
type submitOption struct {
	async.Option
	id, key string
}

// A submission is what the options of Submit and Attach say.
type submission struct {
	id, key string
	named   bool           // the user chose the id
	rest    []async.Option // those of the call
}

// Submit stores a request in the queue, and returns the call and its id. It returns when the
// stream has acknowledged the request, by a majority of its replicas (J1): from then on the
// call completes, whatever dies. Where the server cannot be reached Submit tries until ctx
// ends. Any number of goroutines may submit at the same time.
//
// Errors are ErrEncode, ErrBadSubject for an id that cannot be one, ErrTooLarge,
// [async.ErrQueueFull] where the stream takes no more, [async.ErrScopeClosed] of a queue
// that is closed, [ErrDisconnected] where the connection is, and what ended ctx. There is no call then. When ctx has ended, or the
// connection was lost, the request may have been stored all the same: to submit it
// again with the same id is safe.
//
// The call ends here when ctx does, and when its handles are released nobody waits any more;
// neither is told to the workers (J6): [Attach] finds the call by its id. [async.Call.Cancel]
// is told to them, in the background (J5), and [async.Call.CancelWait] waits for what it
// comes to; [Queue.Cancel] returns when the cancellation is stored. Submit panics when it is
// given [async.CancelOnAbandon].
func Submit[Resp, Req any](ctx context.Context, q *Queue, request Req, opts ...async.Option) (*async.Call[Resp], string, error) {
	o := readOptions("Submit", opts)
	if !o.named {
		o.id = newID(q.lane)
	}
	m, err := q.requestOf(ctx, o, request)
	if err != nil {
		return nil, o.id, err
	}
	q.watcher.coverLane(q.lane)
	p, call := newQueued[Resp](ctx, q, o)
	if call.IsDone() {
		_, err := call.Await(ctx) // ctx has ended
		return nil, o.id, err
	}
	if len(o.rest) > 0 {
		setName(m, call.Info().Name, o.id)
	}
	if err := q.expect(o.id, p); err != nil {
		p.fail(err)
		call.Release()
		return nil, o.id, err
	}
	if err := q.submit(ctx, m, o, p); err != nil {
		q.forget(o.id, p)
		p.fail(err)
		call.Release()
		return nil, o.id, err
	}
	p.isStored()
	return call, o.id, nil
}

// readOptions takes the options apart.
func readOptions(who string, opts []async.Option) (o submission) {
	for _, opt := range opts {
		s, ours := opt.(submitOption)
		switch {
		case ours && s.key != "":
			o.key = s.key
		case ours:
			o.id, o.named = s.id, true
		case reflect.TypeOf(opt) == reflect.TypeOf(async.CancelOnAbandon()):
			panic("asyncnats: " + who + " with CancelOnAbandon: a call of a queue outlives its handles")
		default:
			o.rest = append(o.rest, opt)
		}
	}
	return o
}

// setName has the name of a call travel, unless it is the id, or is no text of a header.
func setName(m *nats.Msg, name, id string) {
	if name != id && wire.IsHeaderText(name) {
		setHeader(m, wire.HeaderName, truncate(name, maxName))
	}
}

// setHeader sets a header of a message that may have none.
func setHeader(m *nats.Msg, key, value string) {
	if m.Header == nil {
		m.Header = make(nats.Header)
	}
	m.Header.Set(key, value)
}

// requestOf makes the message of a request.
func (q *Queue) requestOf(ctx context.Context, o submission, request any) (*nats.Msg, error) {
	if !wire.IsToken(o.id) {
		return nil, fmt.Errorf("%w: the id %.200q", ErrBadSubject, o.id)
	}
	body, err := encode(q.o.Codec, request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncode, err)
	}
	m := &nats.Msg{Subject: q.store.runSubject(o.id), Data: body}
	if o.key != "" {
		m.Subject = q.store.keySubject(keyToken(o.key), o.id)
	}
	if !wire.IsSubject(m.Subject) {
		return nil, fmt.Errorf("%w: the key %.200q", ErrBadSubject, o.key)
	}
	if o.named {
		q.setNamed(m)
	}
	if q.o.Propagator != nil {
		var c carried
		q.o.Propagator.Inject(ctx, &c)
		for i := 0; i < len(c); i += 2 {
			setHeader(m, c[i], c[i+1])
		}
	}
	return m, nil
}

// setNamed has the request say which lane it has, and that its call may be known already.
func (q *Queue) setNamed(m *nats.Msg) {
	setHeader(m, wire.HeaderLane, q.lane)
	setHeader(m, wire.HeaderNamed, "1")
}

// submit stores a request, or finds the call that has its id.
func (q *Queue) submit(ctx context.Context, m *nats.Msg, o submission, p waiter) error {
	if o.named {
		if known, err := q.find(ctx, o.id, p); known || err != nil {
			return err
		}
	} else if stored, err := q.submitNew(ctx, m); stored || err != nil {
		if stored {
			q.giveTurn(ctx, o.key)
		}
		return err
	}
	for {
		_, err := q.store.put(ctx, m, m.Subject, 0)
		switch {
		case err == nil:
			q.giveTurn(ctx, o.key)
			return nil
		case !errors.Is(err, errTaken):
			return err
		}
		// Somebody has submitted the id before, or this Submit in an attempt whose answer was lost.
		switch known, err := q.find(ctx, o.id, p); {
		case err != nil:
			return err
		case known:
			q.giveTurn(ctx, o.key)
			return nil
		}
	}
}

// submitNew stores a request whose id was just made. No subject has it, so there is no condition
// (Q4). It tries once, and reports false with no error where it is not known what came of that:
// from then on the id may be known.
func (q *Queue) submitNew(ctx context.Context, m *nats.Msg) (stored bool, err error) {
	_, err = q.store.publisher.store(ctx, m)
	switch {
	case err == nil:
		return true, nil
	case !isUncertain(err):
		return false, writeError(err)
	}
	q.setNamed(m)
	return false, nil
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
	for _, id := range ids {
		r, complete, known, err := q.look(ctx, id)
		switch {
		case err != nil:
			return // the watcher has come to its end, or the stream is not there
		case complete:
			q.completed(r)
		case !known:
			q.failStored(id, wrapped{ErrUnknownCall, id + ": the queue has lost it"})
		}
	}
}

// failStored completes the calls that wait for the id, and were stored, with an error.
func (q *Queue) failStored(id string, err error) {
	q.mu.Lock()
	some := slices.Clone(q.waiting[id])
	q.mu.Unlock()
	for _, p := range some {
		if p.wasStored() && q.forget(id, p) {
			p.fail(err)
		}
	}
}

// Attach returns the call with the id, which this process or another has submitted (J4). It
// asks the queue, and returns when the server has answered: a call that is complete is
// complete then, and one that the queue does not know is complete with [ErrUnknownCall]. Any
// number of processes may attach, any number of times. The call ends as one of [Submit] does;
// when ctx ends before the server has answered it is canceled with the cause of ctx. Resp is
// what Submit was given. Attach panics when it is given [async.CancelOnAbandon], [ID] or [Key].
func Attach[Resp any](ctx context.Context, q *Queue, id string, opts ...async.Option) *async.Call[Resp] {
	o := readOptions("Attach", opts)
	if o.named || o.key != "" {
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

// A queued is a call of a queue at the caller's side, and what completes it.
type queued[Resp any] struct {
	q       *Queue
	id      string
	ctx     context.Context // that of Submit
	promise *async.Promise[Resp]
	unhook  func() bool // from the call's context
	told    atomic.Bool // the cancellation was handed on
	stored  atomic.Bool // the request is known to have been stored
}

// newQueued makes a call that waits for nothing yet.
func newQueued[Resp any](ctx context.Context, q *Queue, o submission) (*queued[Resp], *async.Call[Resp]) {
	p := &queued[Resp]{q: q, id: o.id, ctx: ctx}
	all := make([]async.Option, 0, len(o.rest)+2)
	all = append(all, async.Name(o.id), async.OnSignal(p.over))
	promise, call := async.NewPromise[Resp](ctx, append(all, o.rest...)...)
	p.promise = promise
	if !call.IsDone() {
		p.unhook = context.AfterFunc(promise.Context(), p.asked)
	}
	return p, call
}

// complete is told how the call has ended.
func (p *queued[Resp]) complete(r record) {
	p.unhook()
	v, err := resultOf[Resp](p.q, r)
	p.promise.Complete(v, err)
}

func (p *queued[Resp]) fail(err error) {
	if p.unhook != nil {
		p.unhook()
	}
	p.promise.Complete(*new(Resp), err)
}

func (p *queued[Resp]) isStored()       { p.stored.Store(true) }
func (p *queued[Resp]) wasStored() bool { return p.stored.Load() }

// over is told by the completer that the call is complete (OnSignal). A call that waited
// until then was ended here: by Cancel, which is told to the workers, or by its context.
func (p *queued[Resp]) over() {
	if p.q.forget(p.id, p) {
		p.tell()
	}
}

// asked is told that the context of the call has ended: by CancelWait, or with the call.
func (p *queued[Resp]) asked() { p.tell() }

// tell hands a cancellation on, once. The end of Submit's context is none.
func (p *queued[Resp]) tell() {
	if p.ctx.Err() != nil || p.told.Swap(true) {
		return
	}
	cause := p.q.known.tame(context.Cause(p.promise.Context()))
	if e := new(async.CanceledError); errors.As(cause, &e) {
		cause = e.Cause
	}
	p.q.cancelLater(cancellation{id: p.id, cause: cause})
}

// resultOf makes what a call completes with from a record.
func resultOf[Resp any](q *Queue, r record) (v Resp, err error) {
	if r.kind != kindDone {
		return v, q.errorOf(r)
	}
	if err := decode(q.o.Codec, r.data, &v); err != nil {
		return *new(Resp), fmt.Errorf("%w: %w", ErrBadReply, err)
	}
	return v, nil
}
