package asyncnats

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is the caller's side of a queue: how a call is submitted, and the call itself.

// ID is an option of [Submit]: the id of the call. The same id submitted twice is one call,
// until the result is forgotten. It has to be one token of a subject: up to 128 characters
// of ASCII, without spaces, dots, * and >. Without ID, Submit makes an id that is unique.
func ID(id string) async.Option { return submitOption{Option: async.Name(id), id: id, isID: true} }

// Key is an option of [Submit]: the requests of one key are run one at a time, in the order
// in which they were submitted. Requests of different keys, and those without a key, do not
// wait for each other. A request that is tried again holds up those of its key.
//
// The order is that in which the stream got the requests: that of one goroutine's Submits,
// one after the other. One id is to be submitted with one key: with two, the call completes
// once all the same, and its request is in the order of both keys. The empty key is refused with
// [ErrBadSubject]: a request without a key has no Key.
func Key(key string) async.Option { return submitOption{Option: async.Name(key), key: key} }

// A submitOption is an option that Submit knows by its type.
type submitOption struct {
	async.Option
	id, key string
	isID    bool // it is ID, not Key
}

// what names the option.
func (o submitOption) what() string {
	if o.isID {
		return "ID"
	}
	return "Key"
}

// A submission is what the options of Submit and Attach say.
type submission struct {
	id, key string
	named   bool           // the user chose the id
	keyed   bool           // the user gave a key
	rest    []async.Option // those of the call
}

// Submit stores a request in the queue, and returns the call and its id. It returns when the
// stream has acknowledged the request, by a majority of its replicas (J1): from then on the
// call completes, whatever dies. Where the server cannot be reached Submit tries until ctx
// ends. Any number of goroutines may submit at the same time.
//
// Errors are ErrEncode, ErrBadSubject for an id or a key that cannot be one, ErrTooLarge,
// [async.ErrQueueFull] where the stream takes no more, [async.ErrScopeClosed] of a queue
// that is closed, [ErrDisconnected] where the connection is, what ended ctx, and the call's own
// error where the Scope among the options refuses the call, or cancels it before the request is
// sent. There is no call then. When ctx has ended, the connection was lost, or the queue was
// closed while Submit waited, the request may have been stored all the same: to submit it again
// with the same id, which Submit returns with the error, is safe.
//
// The call ends here when ctx does, when its last handle is released, and when the Scope among the
// options is shut down. None of that is told to the workers (J6): [Attach] finds the call by its id.
// [async.Call.Cancel] is told to them, in the background (J5), unless the cause is
// [async.ErrScopeClosed] or [async.ErrAbandoned]; [async.Call.CancelWait] waits for what it comes
// to; [Queue.Cancel] returns when the cancellation is stored. Submit panics when it is given
// [async.CancelOnAbandon].
//
// The functions of [async.OnSignal] and the methods of the codec that read results run on the
// goroutine that receives the records of all calls of q, and must not block.
func Submit[Resp, Req any](ctx context.Context, q *Queue, request Req, opts ...async.Option) (*async.Call[Resp], string, error) {
	o := readOptions("Submit", opts)
	if !o.named {
		o.id = newID(q.lane)
	}
	m, err := q.requestOf(o, request)
	if err != nil {
		return nil, o.id, q.about(o.id, err)
	}
	q.watcher.coverLane(q.lane)
	p, call := newQueued[Resp](ctx, q, o)
	if call.IsDone() {
		_, err := call.Await(ctx) // it was refused, or ctx has ended, or the scope has canceled it
		return nil, o.id, q.about(o.id, err)
	}
	p.carry(m, call)
	if len(o.rest) > 0 {
		setName(m, call.Info().Name, o.id)
	}
	if err := q.expect(o.id, p); err != nil {
		p.fail(err)
		call.Release()
		return nil, o.id, q.about(o.id, err)
	}
	if err := q.submit(ctx, m, o, p); err != nil {
		q.forget(o.id, p)
		p.fail(err)
		call.Release()
		return nil, o.id, q.about(o.id, err)
	}
	return call, o.id, nil
}

// about adds to an error which request of which queue it is about.
func (q *Queue) about(id string, err error) error {
	return wrapped{err, fmt.Sprintf("the request %q of the queue %q", id, q.o.Name)}
}

// readOptions takes the options apart.
func readOptions(who string, opts []async.Option) (o submission) {
	for _, opt := range opts {
		s, ours := opt.(submitOption)
		switch {
		case ours && s.isID:
			o.id, o.named = s.id, true
		case ours:
			o.key, o.keyed = s.key, true
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
func (q *Queue) requestOf(o submission, request any) (*nats.Msg, error) {
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
	if !wire.IsSubject(m.Subject) || o.keyed && o.key == "" {
		return nil, fmt.Errorf("%w: the key %.200q", ErrBadSubject, o.key)
	}
	if o.named {
		q.setNamed(m)
	}
	return m, nil
}

// carry adds what the Propagator carries to the message of a request. Where the Propagator panics,
// the call is given up: nobody gets it.
func (p *queued[Resp]) carry(m *nats.Msg, call *async.Call[Resp]) {
	if p.q.o.Propagator == nil {
		return
	}
	returned := false
	defer func() {
		if !returned {
			p.unhook()
			p.promise.Break()
			call.Release()
		}
	}()
	var c carried
	p.q.o.Propagator.Inject(p.promise.Context(), &c)
	returned = true
	for i := 0; i < len(c); i += 2 {
		setHeader(m, c[i], c[i+1])
	}
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
	} else if number, err := q.submitNew(ctx, m); number > 0 || err != nil {
		if number > 0 {
			p.isStored(number)
			q.giveTurn(ctx, o.key, number)
		}
		return err
	}
	for {
		number, err := q.store.put(ctx, m, m.Subject, 0)
		switch {
		case err == nil:
			p.isStored(number)
			q.giveTurn(ctx, o.key, number)
			return nil
		case !errors.Is(err, errTaken):
			return err
		}
		// Somebody has submitted the id before, or this Submit in an attempt whose answer was lost.
		switch known, err := q.find(ctx, o.id, p); {
		case err != nil:
			return err
		case known:
			q.giveTurn(ctx, o.key, 0)
			return nil
		}
	}
}

// submitNew stores a request whose id was just made. No subject has it, so there is no condition
// (Q4). It tries once, and returns the number of the request, or 0 with no error where it is not
// known what came of that: from then on the id may be known.
func (q *Queue) submitNew(ctx context.Context, m *nats.Msg) (number uint64, err error) {
	number, err = q.store.publisher.store(ctx, m)
	switch {
	case err == nil:
		return number, nil
	case !isUncertain(err):
		return 0, writeError(err)
	}
	q.setNamed(m)
	return 0, nil
}

// A queued is a call of a queue at the caller's side, and what completes it.
type queued[Resp any] struct {
	q       *Queue
	id      string
	ctx     context.Context // that of Submit
	promise *async.Promise[Resp]
	unhook  func() bool   // from the call's context
	stored  atomic.Uint64 // the number of the request, from when it is known to be stored
	tells   atomic.Bool   // a cancellation is to be handed on, when the request is stored
	told    atomic.Bool   // it was
}

// newQueued makes a call that waits for nothing yet.
func newQueued[Resp any](ctx context.Context, q *Queue, o submission) (*queued[Resp], *async.Call[Resp]) {
	p := &queued[Resp]{q: q, id: o.id, ctx: ctx}
	all := make([]async.Option, 0, len(o.rest)+3)
	// A handle that is released is not waited for: the call ends here, and nobody is told.
	all = append(all, async.Name(o.id), async.OnSignal(p.over), async.CancelOnAbandon())
	promise, call := async.NewPromise[Resp](ctx, append(all, o.rest...)...)
	p.promise = promise
	if !call.IsDone() {
		p.unhook = context.AfterFunc(promise.Context(), p.asked)
	}
	return p, call
}

// complete is told how the call has ended. The call completes also where the codec calls Goexit.
func (p *queued[Resp]) complete(r record) {
	p.unhook()
	var v Resp
	err := errCodecLeft
	defer func() { p.promise.Complete(v, err) }()
	v, err = resultOf[Resp](p.q, r)
}

func (p *queued[Resp]) fail(err error) {
	if p.unhook != nil {
		p.unhook()
	}
	p.promise.Complete(*new(Resp), err)
}

func (p *queued[Resp]) isStored(number uint64) {
	p.stored.Store(number)
	p.handOn()
}

func (p *queued[Resp]) storedAs() uint64 { return p.stored.Load() }

// over is told by the completer that the call is complete (OnSignal). A call that waited
// until then was ended here: by Cancel, which is told to the workers, or by its context.
func (p *queued[Resp]) over() {
	if p.q.forget(p.id, p) {
		p.tell()
	}
}

// asked is told that the context of the call has ended: by CancelWait, or with the call.
func (p *queued[Resp]) asked() { p.tell() }

// tell hands a cancellation on, once. The end of Submit's context is none, nor is the release of
// the last handle, nor the shutdown of the Scope that Submit was given (J6).
func (p *queued[Resp]) tell() {
	cause := p.cause()
	leaves := cause == async.ErrScopeClosed || cause == async.ErrAbandoned // these, and not an error that tells of them
	if leaves || p.ctx.Err() != nil {
		return
	}
	p.tells.Store(true)
	p.handOn()
}

// handOn hands a cancellation on that is to be told. Nobody knows of a request that is not stored: its
// cancellation waits until then.
func (p *queued[Resp]) handOn() {
	if p.tells.Load() && p.stored.Load() > 0 && !p.told.Swap(true) {
		p.q.cancelLater(cancellation{id: p.id, cause: p.cause()})
	}
}

// cause is why the context of the call has ended.
func (p *queued[Resp]) cause() error {
	return p.q.known.tame(context.Cause(p.promise.Context()))
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
