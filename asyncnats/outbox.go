package asyncnats

import (
	"encoding/json"
	"iter"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file sends what a client has to say. One goroutine does so: publishing may wait
// for the network, and Begin and Cancel must not (R7). A call that is canceled while
// its request is queued is never sent.

// A letter is a request as the goroutine that sends takes it out of the table.
type letter struct {
	entry   *entry
	id      wire.ID
	subject string
	body    []byte
	more    *more
}

// A mail is a control message.
type mail struct {
	subject string
	data    []byte
}

// batch is how many requests are taken out of the table at a time.
const batch = 64

// send is the goroutine that sends.
func (c *Client) send() {
	pen := newPen(c)
	for {
		for c.sendSome(pen) {
		}
		select {
		case <-c.quit:
			return
		case <-c.toSend:
			runtime.Gosched() // more calls may begin at the same time, and be sent together
		}
	}
}

// sendSome sends what there is, up to a batch, and reports whether there was something.
func (c *Client) sendSome(pen *pen) bool {
	letters, mails := c.collect(pen.letters[:0])
	some := len(letters)+len(mails) > 0
	var failed []failure
	for i := range letters {
		if err := c.nc.PublishMsg(pen.write(&letters[i])); err != nil {
			failed = append(failed, failure{letters[i].entry, err})
		}
	}
	c.publish(mails)
	clear(letters)
	each(failed, c.unsent) // at last: what OnSignal calls may end this goroutine
	return some
}

// A failure is a call whose request could not be sent.
type failure struct {
	entry *entry
	err   error
}

// collect takes requests out of the queue, and all control messages. Nothing is sent
// while the connection is down: what NATS would keep until it is up again might be sent
// twice.
func (c *Client) collect(letters []letter) ([]letter, []mail) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.line.down || c.closed {
		return nil, nil
	}
	t := &c.table
	for e := t.queued.front(); e != nil && len(letters) < batch; e = t.queued.front() {
		letters = append(letters, letter{e, e.id, e.subject, e.body, e.more})
		e.sent = true
		if c.o.WaitForReconnect <= 0 {
			e.body, e.more = nil, nil // C3
		}
		if c.isPlain(e.subject) {
			t.move(e, &t.plain, now)
		} else {
			t.move(e, &t.sent, now)
		}
	}
	mails := c.mail
	c.mail = nil
	return letters, mails
}

// isPlain reports whether no heartbeats are expected from who serves the subject.
func (c *Client) isPlain(subject string) bool {
	if c.o.Heartbeat < 0 {
		return true
	}
	for _, pattern := range c.o.Plain {
		if matches(pattern, subject) {
			return true
		}
	}
	return false
}

// unsent completes a call whose request could not be sent. Where the connection is about to
// be known to be lost, the call goes on as those that were sent just before.
func (c *Client) unsent(f failure) {
	e, err := f.entry, f.err
	c.mu.Lock()
	waits := c.o.WaitForReconnect > 0 && !c.line.gone && !isFinal(err) && e.in != &c.table.plain
	if waits || !c.table.has(e) {
		c.mu.Unlock()
		return
	}
	c.table.remove(e)
	c.mu.Unlock()
	e.call.fail(sendError(err))
}

// isFinal reports whether a request would fail once more with the same error.
func isFinal(err error) bool {
	return err == nats.ErrMaxPayload || err == nats.ErrBadSubject || err == nats.ErrConnectionClosed || err == nats.ErrConnectionDraining
}

// sendError is the error of a call whose request NATS did not take.
func sendError(err error) error {
	switch err {
	case nats.ErrMaxPayload:
		return wrapped{ErrTooLarge, "the request: " + err.Error()}
	case nats.ErrBadSubject:
		return ErrBadSubject
	}
	return wrapped{ErrDisconnected, err.Error()}
}

// wrapped is an error with more to say.
type wrapped struct {
	error
	more string
}

func (w wrapped) Error() string { return w.error.Error() + ": " + w.more }
func (w wrapped) Unwrap() error { return w.error }

// publish sends control messages.
func (c *Client) publish(mails []mail) {
	for _, m := range mails {
		_ = c.nc.Publish(m.subject, m.data) // where the connection is closed, so are its calls
	}
}

// mailOf makes a control message.
func mailOf(to string, what wire.Control) mail {
	data, err := json.Marshal(what)
	if err != nil {
		panic("asyncnats: " + err.Error()) // it has strings and bytes alone
	}
	return mail{to, data}
}

// post queues a control message.
func (c *Client) post(m mail) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed && !c.line.down {
		c.mail = append(c.mail, m)
		poke(c.toSend)
	}
}

// idsIn returns how many ids a control message or a heartbeat may have on a connection.
func idsIn(nc *nats.Conn) int { return idsOf(nc.MaxPayload()) }

// idsOf is idsIn of a connection that takes so many bytes in a message.
func idsOf(payload int64) int {
	const besides, text = 1 << 10, wire.IDSize*4/3 + 1 // of what else is in the message, and of an id in base64
	if payload <= 0 {
		return wire.MaxIDs // it was never connected
	}
	return min(max(int(payload-besides)/text, 1), wire.MaxIDs)
}

// dropsOf returns what tells servers that nobody waits for some calls any more, so many at a time at
// most. The client's mu is held.
func (c *Client) dropsOf(some iter.Seq[*entry], most int) (mails []mail) {
	packed := make(map[string][]byte)
	for e := range some {
		if to := c.controlOf(e); to != "" {
			packed[to] = append(packed[to], e.id[:]...)
		}
	}
	for to, ids := range packed {
		for part := range slices.Chunk(ids, most*wire.IDSize) {
			mails = append(mails, mailOf(to, wire.Control{Drop: &wire.Drop{Inbox: c.inbox, IDs: part}}))
		}
	}
	return mails
}

// controlOf returns the subject on which the server of a call is told something: the one
// that has the call, or, where that is not known, all that serve the subject. It is empty
// where nobody is to be told. The client's mu is held.
func (c *Client) controlOf(e *entry) string {
	switch {
	case !e.sent || e.in == &c.table.plain:
		return ""
	case e.peer != nil:
		return peerSubject(c.o.ControlPrefix, e.peer.id)
	}
	return allSubject(c.o.ControlPrefix, e.subject)
}

// peerSubject is the subject on which one server hears.
func peerSubject(prefix, server string) string {
	return prefix + ".srv." + server + "." + wire.ControlToken
}

// allSubject is the subject on which all servers of a subject hear.
func allSubject(prefix, subject string) string { return prefix + ".all." + subject }

// maxCause is how much of the text of a cause travels.
const maxCause = 1 << 10

// tellCanceled tells the server that nobody waits for a call any more.
func (c *Client) tellCanceled(e *entry, to string, cause error) {
	cancel := &wire.Cancel{Reply: c.inbox + "." + e.id.String()}
	if cause = c.known.tame(cause); cause != nil {
		cancel.Codes = c.known.codes(cause)
		cancel.Text = strings.ToValidUTF8(truncate(cause.Error(), maxCause), "")
	}
	c.post(mailOf(to, wire.Control{Cancel: cancel}))
}

func truncate(s string, n int) string { return s[:min(len(s), n)] }

// A pen writes requests. One message and its headers serve for all: NATS copies what it
// is given.
type pen struct {
	c       *Client
	msg     nats.Msg
	id      []string // the value of HeaderID
	keep    []string // of HeaderKeep; nil without WaitForReconnect
	text    []byte
	letters []letter
}

func newPen(c *Client) *pen {
	p := &pen{
		c: c, msg: nats.Msg{Header: nats.Header{}}, id: make([]string, 1),
		text: make([]byte, 0, len(c.inbox)+1+wire.TextSize), letters: make([]letter, 0, batch),
	}
	p.text = append(append(p.text, c.inbox...), '.')
	if c.o.WaitForReconnect > 0 {
		p.keep = []string{c.o.WaitForReconnect.String()}
	}
	return p
}

// write returns the message of a request, until the next write.
func (p *pen) write(l *letter) *nats.Msg {
	m := &p.msg
	m.Subject, m.Data = l.subject, l.body
	m.Reply = string(l.id.AppendText(p.text))
	clear(m.Header)

	if p.keep != nil {
		m.Header[wire.HeaderKeep] = p.keep
	}
	if l.more != nil {
		l.more.write(m.Header)
	}
	if len(m.Header) > 0 {
		p.id[0] = m.Reply[len(p.text):]
		m.Header[wire.HeaderID] = p.id
	}
	return m
}

// write adds what few requests have to a header.
func (m *more) write(h nats.Header) {
	if !m.deadline.IsZero() {
		h.Set(wire.HeaderTimeout, max(time.Until(m.deadline), 1).String())
	}
	if m.name != "" {
		h.Set(wire.HeaderName, m.name)
	}
	if m.method != "" {
		h.Set(wire.HeaderMethod, m.method)
	}
	for i := 0; i < len(m.carried); i += 2 {
		h.Set(m.carried[i], m.carried[i+1])
	}
}
