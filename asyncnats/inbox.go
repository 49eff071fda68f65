package asyncnats

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file receives what comes to a client: replies, heartbeats, and garbage. It all
// comes on the goroutine of the client's one subscription.

// A reply is a message that answers a call.
type reply struct {
	header nats.Header
	data   []byte
}

// listen subscribes to the inbox.
func (c *Client) listen() (*nats.Subscription, error) {
	sub, err := c.nc.Subscribe(c.inbox+".*", c.receive)
	if err != nil {
		return nil, err
	}
	return sub, sub.SetPendingLimits(c.o.PendingMessages, c.o.PendingBytes)
}

// receive is the handler of the subscription.
func (c *Client) receive(m *nats.Msg) {
	returned := false
	defer func() {
		if !returned {
			c.listenAgain()
		}
	}()
	c.handle(m)
	returned = true
}

// listenAgain replaces the subscription, whose goroutine ends because a codec, or a function of
// OnSignal, has called Goexit. What the goroutine had not come to is lost, so every server is
// asked for the calls that it has.
func (c *Client) listenAgain() {
	sub, err := c.listen()
	if err != nil {
		return // the connection is closed, and so are the calls
	}
	c.mu.Lock()
	if !c.closed {
		sub, c.sub = c.sub, sub
		c.dropped = 0
	}
	for _, p := range c.table.peers {
		p.asked = true
	}
	c.mu.Unlock()
	_ = sub.Unsubscribe() // it fails where the connection is closed
	c.ask()
}

// handle looks at a message.
func (c *Client) handle(m *nats.Msg) {
	token := strings.TrimPrefix(m.Subject[min(len(m.Subject), len(c.inbox)):], ".")
	if token == wire.BeatToken {
		c.beat(m)
		return
	}
	id, ok := wire.ParseID(token)
	if !ok {
		c.count(func(s *ClientStats) { s.Garbage++ })
		return
	}
	if wire.IsNoResponders(m.Header, m.Data) {
		c.nobody(id)
		return
	}
	if call := c.take(id); call != nil {
		call.reply(reply{m.Header, m.Data})
	}
}

// take takes the call with the id out of the table, for its reply. The reply of a call
// that is over is given to the call, too, which discards it. It returns nil where there
// is no such call.
func (c *Client) take(id wire.ID) remote {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.table.calls[id]
	switch {
	case e == nil:
		c.stats.Unknown++
		return nil
	case c.table.has(e):
		c.stats.Replied++
		switch {
		case e.peer != nil:
			e.peer.heard = c.now() // its heartbeat may be stuck behind its replies
		case e.in == &c.table.sent:
			c.heard.hear(e.at, c.now())
		}
	}
	c.table.remove(e)
	return e.call
}

// nobody is told that nobody served the subject when the request came there. A call that
// waits for servers that may have to connect again is sent again.
func (c *Client) nobody(id wire.ID) {
	c.mu.Lock()
	e := c.table.calls[id]
	switch now := c.now(); {
	case e == nil:
		c.stats.Unknown++
		c.mu.Unlock()
	case !c.table.has(e):
		c.table.remove(e)
		c.mu.Unlock()
	case e.peer != nil: // it was sent more than once, and a server has it
		c.mu.Unlock()
	case e.waits && now < c.line.patience:
		c.table.move(e, &c.table.again, now)
		c.mu.Unlock()
		poke(c.toWatch)
	default:
		c.table.remove(e)
		c.mu.Unlock()
		e.call.fail(ErrNoResponders)
	}
}

// beat is told that a server has sent a heartbeat. A server that has no call of the
// client is not remembered, so strangers cannot fill the memory.
func (c *Client) beat(m *nats.Msg) {
	b, err := wire.ParseBeat(m.Data)
	if err != nil {
		c.count(func(s *ClientStats) {
			if !wire.IsNoResponders(m.Header, m.Data) {
				s.Garbage++
			}
		})
		return
	}
	now := c.now()
	c.mu.Lock()
	p, known := c.table.peers[b.Server]
	if !known {
		p = &peer{id: b.Server, line: b.Line}
	}
	p.every, p.heard, p.name = b.Every, now, orElse(b.Service, p.name)
	p.asked = b.Line > p.line // it lost its connection, and replies perhaps
	p.line = max(p.line, b.Line)
	var strange []byte
	wire.IDs(b.Has, func(id wire.ID) {
		if sent, ok := c.table.claim(id, p, now); ok {
			c.heard.hear(sent, now)
		} else if e := c.table.calls[id]; e == nil || !c.table.has(e) {
			strange = append(strange, id[:]...)
		}
	})
	if !known && p.calls.len() > 0 {
		c.table.peers[b.Server] = p
		poke(c.toWatch) // the beats of this one may be shorter than those watched so far
	}
	lost := c.gone(p, b.Gone)
	again := p.asked
	c.mu.Unlock()
	defer failAll(lost, ErrResponderLost) // at last: what OnSignal calls may end this goroutine
	if again {
		c.ask()
	}
	if len(strange) > 0 { // over, while the server could not be told
		c.post(mailOf(peerSubject(c.o.ControlPrefix, b.Server), wire.Control{Drop: &wire.Drop{Inbox: c.inbox, IDs: strange}}))
	}
}

// gone buries the calls that a server does not have any more, although the client
// thought so, and returns them: their replies were lost. The client's mu is held.
func (c *Client) gone(p *peer, ids []byte) (lost []*entry) {
	wire.IDs(ids, func(id wire.ID) {
		if e := c.table.calls[id]; e != nil && e.peer == p && c.table.has(e) {
			c.table.bury(e, c.now())
			lost = append(lost, e)
		}
	})
	c.stats.Lost += int64(len(lost))
	return lost
}

// read makes what a call completes with from a reply.
func read[Resp any](c *Client, subject string, r reply) (v Resp, err error) {
	if _, failed := r.header[wire.HeaderError]; failed {
		return v, c.known.remoteError(subject, r)
	}
	if len(r.data) > c.o.MaxReply {
		return v, fmt.Errorf("%w: a reply of %d bytes, where %d are allowed", ErrTooLarge, len(r.data), c.o.MaxReply)
	}
	if err := decode(c.o.Codec, r.data, &v); err != nil {
		return *new(Resp), fmt.Errorf("%w: %w", ErrBadReply, err)
	}
	return v, nil
}

// readBoth is read of a reply that may be an error with a value beside it.
func readBoth[Resp any](c *Client, subject string, r reply) (v Resp, err error) {
	text, value := r.split()
	if len(value) == 0 {
		return read[Resp](c, subject, r)
	}
	_, err = read[Resp](c, subject, reply{r.header, text})
	v, bad := read[Resp](c, subject, reply{data: value})
	if bad != nil {
		err = fmt.Errorf("%w; and of the value beside it: %w", err, bad)
	}
	return v, err
}

// split returns the two parts that the body of an error may have: the text where that is
// long, and a value.
func (r reply) split() (text, value []byte) {
	if len(r.header) == 0 { // as nearly every reply
		return r.data, nil
	}
	n, err := strconv.Atoi(r.header.Get(wire.HeaderValue))
	if err != nil || n < 0 || n > len(r.data) || r.header[wire.HeaderError] == nil {
		return r.data, nil
	}
	at := len(r.data) - n
	return r.data[:at], r.data[at:]
}

// maxErrorText is how much text of an error is kept.
const maxErrorText = 64 << 10

// remoteError makes an error from a reply that says there is one.
func (r registry) remoteError(subject string, m reply) error {
	text := textIn(m.header, m.data)
	e := &RemoteError{
		Service: m.header.Get(wire.HeaderService), Subject: subject,
		Code: m.header.Get(wire.HeaderCode), Message: text,
	}
	codes := strings.Split(m.header.Get(wire.HeaderErrors), ",")
	if codes[0] == "" {
		codes[0] = e.Code
	}
	e.is = r.errors(codes[:min(len(codes), len(r))])
	if err := itself(e.is, text); err != nil {
		return err
	}
	return e
}
