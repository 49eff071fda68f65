package asyncnats

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is the client of an interface: what the code that asyncgen writes calls.

// A Proxy begins the calls of one interface, whose methods are served under a prefix. It is
// part of the clients that asyncgen -remote nats writes. Its methods may be called by any
// number of goroutines at the same time.
type Proxy struct {
	client  *Client
	prefix  string
	face    string
	methods map[string]*method
}

// NewProxy returns a proxy of an interface by the name of face. The subject of a method is
// the prefix, a dot, and the name of the method.
//
// It panics where c is nil, and where a type of the methods cannot travel, which a type parameter
// may stand for, and says which.
func NewProxy(c *Client, prefix, face string, methods ...Method) *Proxy {
	if c == nil {
		panic("asyncnats: a proxy of " + face + " with a nil client")
	}
	p := &Proxy{client: c, prefix: prefix, face: face, methods: make(map[string]*method, len(methods))}
	for _, m := range newMethods(prefix, face, methods) {
		p.methods[m.name] = m
	}
	return p
}

// Invoke is [Begin] for a method of an interface: request has its parameters, and take
// makes the value of the call from its results. The call has the name of the method, where
// opts give it no other.
//
// Where the method is another one at the server, or no server has it, the call ends with a
// [*DiffersError]. Invoke panics where the proxy has no method of that name.
func Invoke[V, Reply any](ctx context.Context, p *Proxy, method string, request any, take func(*Reply) V, opts ...async.Option) *async.Call[V] {
	n := newPending(p, method, take)
	promise, call := async.NewPromise[V](p.client.where(ctx, &n.entry), n.with(p.named(method, opts))...)
	n.promise = promise
	n.start(ctx, call, request, true)
	return call
}

// InvokeOn is Invoke with a call object of the caller's, which it begins. It returns the
// error of [async.Call.BeginPromise], and then nothing was sent.
func InvokeOn[V, Reply any](ctx context.Context, call *async.Call[V], p *Proxy, method string, request any, take func(*Reply) V, opts ...async.Option) error {
	n := newPending(p, method, take)
	promise, err := call.BeginPromise(p.client.where(ctx, &n.entry), n.with(p.named(method, opts))...)
	if err != nil {
		return err
	}
	n.promise, n.lent = promise, true
	n.start(ctx, call, request, true)
	return nil
}

func (p *Proxy) named(method string, opts []async.Option) []async.Option {
	return append([]async.Option{async.Name(p.face + "." + method)}, opts...)
}

func newPending[V, Reply any](p *Proxy, name string, take func(*Reply) V) *pending[V] {
	m := p.methods[name]
	if m == nil {
		panic("asyncnats: the proxy of " + p.face + " has no method " + name)
	}
	n := &pending[V]{client: p.client}
	n.entry.call, n.entry.subject = n, m.subject
	n.of = &invocation[V, Reply]{proxy: p, method: m, take: take}
	n.also().method = m.fingerprint
	return n
}

// An invocation is what a call of a method has besides.
type invocation[V, Reply any] struct {
	proxy  *Proxy
	method *method
	take   func(*Reply) V
}

// read makes what the call completes with from a reply. A reply that is an error alone has
// results, too: what take makes of those that are zero.
func (i *invocation[V, Reply]) read(r reply) (V, error) {
	if r.header[wire.HeaderMethod] != nil && len(r.data) <= i.proxy.client.o.MaxReply {
		_, text := r.split()
		return i.take(new(Reply)), i.method.differs(r.header.Get(wire.HeaderService), text)
	}
	results, err := readBoth[*Reply](i.proxy.client, i.method.subject, r)
	if results == nil {
		results = new(Reply)
		err = orElse(err, fmt.Errorf("%w: it is null", ErrBadReply))
	}
	return i.take(results), err
}

// nobody is told that nobody serves the subject. Somebody may serve the interface, as it was
// before the method was there: servers are asked what they have.
func (i *invocation[V, Reply]) nobody(n *pending[V]) {
	q := &inquiry{limit: i.proxy.client.o.MaxReply, of: n, answer: func(d described) {
		n.promise.Complete(*new(V), i.missing(d))
	}}
	q.entry.call, q.entry.subject = q, i.proxy.prefix+"."+describeToken
	if err := i.proxy.client.submit(&q.entry); err != nil {
		q.fail(err)
	}
}

// missing is the error of a call whose subject nobody serves, by what a server of the
// interface has said.
func (i *invocation[V, Reply]) missing(d described) error {
	nobody := wrapped{ErrNoResponders, strconv.Quote(i.method.subject)}
	if len(d.Methods) == 0 {
		return nobody
	}
	e := &DiffersError{Method: i.method.full, Subject: i.method.subject, Service: d.Service, Missing: true}
	for _, m := range d.Methods {
		if m.Name == i.method.name {
			return nobody // it was not served when the request came, and is now
		}
		e.Has = append(e.Has, m.Name)
	}
	return e
}

// A described is what a server tells of its interface to anybody who asks.
type described struct {
	Interface string        `json:"interface"`
	Service   string        `json:"service"`
	Methods   []description `json:"methods"`
}

// describeToken is the last token of the subject on which servers of an interface tell of
// it. It is no name of a method.
const describeToken = "_"

// An inquiry asks what methods the servers of an interface have. It is in the client's table
// like a call, so that it ends as one does, whatever happens.
type inquiry struct {
	entry
	limit  int // of the answer, in bytes
	of     interface{ cause() error }
	answer func(described) // is called once, with nothing where nobody has told
}

func (q *inquiry) reply(r reply) {
	var d described
	if len(r.data) > q.limit || json.Unmarshal(r.data, &d) != nil {
		d = described{}
	}
	q.answer(d)
}

func (q *inquiry) fail(error) { q.answer(described{}) }

func (q *inquiry) cause() error { return q.of.cause() }
