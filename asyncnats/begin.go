package asyncnats

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// Begin sends a request to whoever serves the subject, and returns the call that the
// reply completes. Begin does not wait for the network, whatever becomes of it (R7). What
// is refused is a call that is complete with the error: a request that cannot be encoded
// ([ErrEncode]), a subject to which nothing can be sent ([ErrBadSubject]), a call beyond
// the client's limit ([async.ErrQueueFull]), a connection that is lost
// ([ErrDisconnected]), a client that is closed ([async.ErrScopeClosed]). Nothing is sent
// then.
//
// The call lives as any other. The end of ctx, [async.Call.Cancel], and with
// [async.CancelOnAbandon] the release of the last handle, complete the call at once and
// are told to the server, whose function's context ends then. [async.Call.CancelWait] is
// not told: it waits for the reply, and cancels when its context ends.
//
// The deadline of ctx travels as a duration, so that clocks need not agree. Values of ctx
// do not travel, but for what the client's [Propagator] carries, and the name that
// [async.Name] gives.
//
// A reply that comes when the call is over is discarded, and goes to the function of
// [Discard], if there is one. [async.Discard] gets results that nobody took, but no late
// replies.
//
// The functions of [async.OnSignal] and the methods of the codec run on the goroutine
// that receives the replies of all calls, and must not block.
//
// Begin panics where opts have [ID] or [Key], which are for [Submit].
func Begin[Resp, Req any](ctx context.Context, c *Client, subject string, request Req, opts ...async.Option) *async.Call[Resp] {
	p := &pending[Resp]{client: c}
	p.entry.call, p.entry.subject = p, subject
	var call *async.Call[Resp]
	if len(opts) == 0 {
		p.promise, call = async.NewPromise[Resp](ctx, async.OnSignal(p.over)) // without a slice
	} else {
		p.promise, call = async.NewPromise[Resp](c.where(ctx, &p.entry), p.with(opts)...)
	}
	p.start(ctx, call, request, len(opts) > 0)
	return call
}

// start sends the request of a call that has begun, unless it is over, and has a name where
// named says that it may have one. Where the Propagator panics, or the codec calls Goexit, the
// call is given up as that of async.NewPromise is: nobody gets it.
func (p *pending[Resp]) start(ctx context.Context, call *async.Call[Resp], request any, named bool) {
	returned := false
	defer func() {
		if returned {
			return
		}
		p.promise.Break()
		if !p.lent {
			call.Release()
		}
	}()
	p.post(ctx, call, request, named)
	returned = true
}

// post is start where nothing panics.
func (p *pending[Resp]) post(ctx context.Context, call *async.Call[Resp], request any, named bool) {
	if call.IsDone() {
		return
	}
	if err := p.prepare(ctx, request); err != nil {
		p.fail(err)
		return
	}
	if named {
		p.named(call.Info().Name)
	}
	if err := p.client.submit(&p.entry); err != nil {
		p.fail(err)
		return
	}
	if p.ended.Load() {
		p.over() // it may have been over before it was in the table
	}
}

// Discard is [async.Discard] for a remote call. In addition, f is given the reply that
// comes when the call was canceled or has failed: once, on a goroutine of its own.
func Discard[Resp any](f func(v Resp, err error)) async.Option {
	return discard[Resp]{Option: async.Discard(f), late: f}
}

// A discard is an option of package async that Begin knows by its type.
type discard[Resp any] struct {
	async.Option
	late func(Resp, error)
}

// A pending is a call in flight, and what completes it.
type pending[Resp any] struct {
	entry
	client  *Client
	promise *async.Promise[Resp]
	late    func(Resp, error) // of Discard, or nil
	of      invoked[Resp]     // what the call is of, or nil where it is of no interface's method
	ended   atomic.Bool       // the call is complete: not the handle, which may have been begun again
	lent    bool              // the call object is the caller's, who has it whatever Begin does
	out     atomic.Bool       // the call was taken out of the table, and never comes back; so over need not look
}

// An invoked is what a call of a method of an interface does in its own way: see proxy.go.
type invoked[Resp any] interface {
	read(r reply) (Resp, error)
	nobody(p *pending[Resp]) // in place of ErrNoResponders
}

// with returns the options of the call: the client has to be told when the call is over.
func (p *pending[Resp]) with(opts []async.Option) []async.Option {
	all := make([]async.Option, 1, len(opts)+1)
	all[0] = async.OnSignal(p.over)
	for _, o := range opts {
		switch o := o.(type) {
		case discard[Resp]:
			p.late = o.late
		case submitOption:
			panic("asyncnats: " + o.what() + " for a call that is sent: it is for Submit")
		}
		all = append(all, o)
	}
	return all
}

// prepare makes the message, or says why there is none.
func (p *pending[Resp]) prepare(ctx context.Context, request any) error {
	if !wire.IsSubject(p.subject) {
		return ErrBadSubject
	}
	body, err := encode(p.client.o.Codec, request)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrEncode, err)
	}
	p.body = body
	if deadline, ok := ctx.Deadline(); ok {
		p.also().deadline = deadline
	}
	if prop := p.client.o.Propagator; prop != nil {
		var c carried
		prop.Inject(p.promise.Context(), &c)
		if len(c) > 0 {
			p.also().carried = c
		}
	}
	return nil
}

func (e *entry) also() *more {
	if e.more == nil {
		e.more = new(more)
	}
	return e.more
}

// named has the name travel, unless the name is no text of a header.
func (p *pending[Resp]) named(name string) {
	if name != "" && wire.IsHeaderText(name) {
		p.also().name = name
	}
}

// over is told by the completer that the call is complete (OnSignal).
func (p *pending[Resp]) over() {
	p.ended.Store(true)
	if !p.out.Load() {
		p.client.over(&p.entry)
	}
}

// fail completes the call with an error, which then says what the subject was.
func (p *pending[Resp]) fail(err error) {
	p.out.Store(true)
	if p.of != nil && err == ErrNoResponders {
		p.of.nobody(p)
		return
	}
	if e, ok := err.(*async.CanceledError); ok { //nolint:errorlint // itself: what a request cannot be encoded for may be one, too
		err = &async.CanceledError{Name: p.subject, Cause: e.Cause}
	} else {
		err = wrapped{err, strconv.Quote(p.subject)}
	}
	p.promise.Complete(*new(Resp), err)
}

// cause is why the call was canceled.
func (p *pending[Resp]) cause() error { return context.Cause(p.promise.Context()) }

// reply completes the call with what the server sent. Where the call is over, the reply
// is discarded.
func (p *pending[Resp]) reply(r reply) {
	p.out.Store(true)
	read := false
	defer func() {
		if !read { // the codec has called Goexit
			p.promise.Complete(*new(Resp), errCodecLeft)
		}
	}()
	v, err := p.read(r)
	read = true
	if p.promise.Complete(v, err) {
		return
	}
	p.client.count(func(s *ClientStats) { s.Late++ })
	if p.late != nil {
		go p.late(v, err)
	}
}

func (p *pending[Resp]) read(r reply) (Resp, error) {
	if p.of != nil {
		return p.of.read(r)
	}
	return readBoth[Resp](p.client, p.subject, r)
}

// submit takes a call into the table, from where it is sent, or says why not.
func (c *Client) submit(e *entry) error {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return errClosed()
	case c.line.gone || c.line.down && now >= c.line.patience:
		return ErrDisconnected
	case c.table.inFlight() >= c.o.Limit:
		c.stats.Refused++
		return wrapped{async.ErrQueueFull, fmt.Sprintf("the client has %d calls in flight", c.o.Limit)}
	}
	c.stats.Begun++
	if !c.watching {
		c.watching = true
		poke(c.toWatch)
	}
	e.waits = c.line.down
	c.table.insert(e, now)
	if c.table.queued.len() == 1 && !c.line.down {
		poke(c.toSend)
	}
	return nil
}

// over takes a call out of the table that the user has ended, and has the server be
// told. A call that something else has ended is not in the table any more (C2).
func (c *Client) over(e *entry) {
	c.mu.Lock()
	if !c.table.has(e) {
		c.mu.Unlock()
		return
	}
	c.stats.Canceled++
	to := c.controlOf(e)
	c.table.bury(e, c.now())
	c.mu.Unlock()
	if to != "" {
		c.tellCanceled(e, to, e.call.cause())
	}
}

func (c *Client) count(f func(*ClientStats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.stats)
}
