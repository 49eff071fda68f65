package asyncnats

import (
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file watches a client's connection, and the time: which servers are lost, which
// requests nobody has taken, and what to do when the connection is back. One goroutine
// does so.

// A line is what a client knows of its connection. The client's mu guards it.
type line struct {
	down     bool          // nothing can be sent
	gone     bool          // and never again: the connection is closed or drained
	patience time.Duration // until when the connection, and then servers, are waited for; 0 where it was there all the time
}

// A heard is what a client has heard of calls, whichever server said it.
type heard struct {
	when time.Duration // the last time that a call was heard of
	of   time.Duration // when the latest of these was sent
}

// hear is told that something was heard of a call that was sent at a time.
func (h *heard) hear(sent, now time.Duration) { h.when, h.of = now, max(h.of, sent) }

// lostAt is when a call that nobody has said to have is lost. Servers hear of calls in the
// order in which these were sent. So a call may be one that the servers have not come to
// yet, as long as they get on, and have come to none that was sent later.
func (h *heard) lostAt(e *entry, silence time.Duration) time.Duration {
	if h.of > e.at {
		return e.at + silence
	}
	return max(e.at, h.when) + silence
}

// statuses returns the channel on which nc tells of changes.
func (c *Client) statuses() chan nats.Status {
	return c.nc.StatusChanged(nats.CONNECTED, nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED, nats.DRAINING_SUBS)
}

// watch is the goroutine that watches. While no call is in flight, nothing wakes it but
// the connection.
func (c *Client) watch(status chan nats.Status) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := c.now() // when the client is to look, whatever wakes it before
	for {
		select {
		case <-c.quit:
			c.nc.RemoveStatusListener(status)
			return
		case s := <-status:
			c.changed(s)
			if len(status) == 0 {
				c.changed(c.nc.Status()) // NATS drops what it tells while nobody listens for long
			}
		case <-c.toWatch:
		case <-timer.C:
		}
		c.excuse(c.now() - due)
		next, something := c.look()
		timer.Stop()
		due = longest
		if something {
			due = next
			timer.Reset(next - c.now())
		}
	}
}

// changed is told that the connection has another status.
func (c *Client) changed(s nats.Status) {
	switch s {
	case nats.CONNECTED:
		c.connected()
	case nats.RECONNECTING:
		c.disconnected(false)
	case nats.CONNECTING: // a part of that
	default:
		c.disconnected(true)
	}
}

// disconnected is told that the connection is lost, for good where gone is true.
func (c *Client) disconnected(gone bool) {
	now := c.now()
	c.mu.Lock()
	c.line.gone = c.line.gone || gone
	var over []*entry
	if c.line.gone || c.o.WaitForReconnect <= 0 {
		over = c.table.buryFlight(now)
	} else if !c.line.down {
		c.line.patience = now + c.o.WaitForReconnect
		over = c.table.buryAll(c.table.plain.all, now) // their servers cannot be asked
		for e := range c.table.queued.all {
			e.waits = true
		}
	}
	c.line.down = true
	c.mail = nil
	c.mu.Unlock()
	failAll(over, ErrDisconnected)
}

// connected is told that the connection is there again. Servers are asked for the calls
// that they have, and all servers for those that nobody has said to have. They are told of
// the calls that are over because of the connection, so that nothing runs for nobody.
func (c *Client) connected() {
	now, most := c.now(), idsIn(c.nc)
	c.mu.Lock()
	if !c.line.down || c.line.gone {
		c.mu.Unlock()
		return
	}
	c.line.down = false
	c.line.patience = min(c.line.patience, now+max(beatsToLoss*c.o.Heartbeat, graceToReconnect))
	for _, p := range c.table.peers {
		p.heard, p.asked = now, true
	}
	for e := range c.table.asking.all {
		e.at = now // it was lost before they had answered
	}
	for e := range c.table.sent.all {
		e.waits = true
		c.table.move(e, &c.table.asking, now)
	}
	c.mail = c.dropsOf(c.table.over.all, most)
	c.mu.Unlock()
	poke(c.toSend)
	c.ask()
}

// graceToReconnect is how long servers have at least, when the client has connected again, to
// do so as well. A connection of NATS tries every two seconds by default.
const graceToReconnect = 3 * time.Second

// excuse is told by how much the client is late. Where that is more than a heartbeat, this
// process stood still, and what it did not hear meanwhile is no sign of anything: all
// clocks begin again.
func (c *Client) excuse(late time.Duration) {
	if late < max(c.o.Heartbeat, 0) {
		return
	}
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.table.peers {
		p.heard = now
	}
	for _, l := range []*list[*entry]{&c.table.sent, &c.table.asking} {
		for e := range l.all {
			e.at = now
		}
	}
}

// look does what is due, and returns when it is to look again; something is false where
// there is nothing to look for.
func (c *Client) look() (next time.Duration, something bool) {
	c.drops()
	if c.patient() {
		c.ask()
	}
	now := c.now()
	c.mu.Lock()
	lost := c.lost(now)
	c.resend(now)
	c.table.forget(c.remembered(now), c.o.Limit)
	something = len(c.table.calls) > 0
	c.watching = something
	next = c.next(now)
	down := c.line.down
	c.mu.Unlock()
	if down {
		failAll(lost, ErrDisconnected)
	} else {
		failAll(lost, ErrResponderLost)
	}
	return next, something
}

// remembered is since when calls must be over that are still remembered. While the connection is lost it
// is all: the servers are told of them when the connection is there again. The client's mu is held.
func (c *Client) remembered(now time.Duration) time.Duration {
	if c.line.down && !c.line.gone {
		return 0
	}
	return now - c.memory()
}

// memory is for how long a call that is over is remembered, for the sake of its reply.
func (c *Client) memory() time.Duration { return beatsToLoss * max(c.o.Heartbeat, defaultBeat) }

// lost buries the calls whose servers were not heard for too long, and returns them. While
// the connection is down servers cannot be heard: then it is all calls, when the client
// has waited for long enough. The client's mu is held.
func (c *Client) lost(now time.Duration) (lost []*entry) {
	switch {
	case c.line.down && now >= c.line.patience:
		return c.table.buryFlight(now)
	case c.line.down:
		return nil
	}
	silence := beatsToLoss * c.o.Heartbeat
	for e := c.table.sent.front(); e != nil && now >= c.heard.lostAt(e, silence); e = c.table.sent.front() {
		c.table.bury(e, now)
		lost = append(lost, e)
	}
	for id, p := range c.table.peers {
		switch {
		case p.calls.len() == 0:
			delete(c.table.peers, id)
		case now >= p.lostAt(c.line.patience):
			lost = append(lost, c.table.buryAll(p.calls.all, now)...)
			delete(c.table.peers, id)
		}
	}
	c.stats.Lost += int64(len(lost))
	return lost
}

// resend queues again the requests that no server has said to have, and those that found
// no server. The client's mu is held.
func (c *Client) resend(now time.Duration) {
	if c.line.down {
		return
	}
	t := &c.table
	for e := t.asking.front(); e != nil && now >= e.at+beatsToLoss*c.o.Heartbeat; e = t.asking.front() {
		t.move(e, &t.queued, now)
	}
	for e := t.again.front(); e != nil && now >= e.at+c.retry(); e = t.again.front() {
		t.move(e, &t.queued, now)
	}
	if t.queued.len() > 0 {
		poke(c.toSend)
	}
}

// retry is the time after which a request is sent again that found no server.
func (c *Client) retry() time.Duration {
	if c.o.Heartbeat < 0 {
		return defaultBeat / 4
	}
	return c.o.Heartbeat / 4
}

// next returns when there is something to do, at the latest a heartbeat from now. The
// client's mu is held.
func (c *Client) next(now time.Duration) time.Duration {
	t := &c.table
	beat := max(c.o.Heartbeat, 0)
	next := now + orElse(beat, defaultBeat)
	if now < c.line.patience {
		next = min(next, c.line.patience)
	}
	if c.line.down {
		return next // nothing is lost, and nothing sent
	}
	if e := t.sent.front(); e != nil {
		next = min(next, c.heard.lostAt(e, beatsToLoss*beat))
	}
	if e := t.again.front(); e != nil {
		next = min(next, e.at+c.retry())
	}
	if e := t.asking.front(); e != nil {
		next = min(next, e.at+beatsToLoss*beat)
	}
	for _, p := range t.peers {
		next = min(next, p.lostAt(c.line.patience))
	}
	return max(next, now+time.Millisecond) // what is due now was done, and what has to wait for patience may not spin
}

// patient reports whether servers are waited for that have to connect again.
func (c *Client) patient() bool {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.line.down && (c.table.asking.len() > 0 || now < c.line.patience)
}

// drops sees whether the subscription has dropped messages. Replies may have been among
// them, so every server is asked which calls it still has.
func (c *Client) drops() {
	c.mu.Lock()
	n, err := c.sub.Dropped()
	more := err == nil && n > c.dropped
	if more {
		c.stats.Dropped += int64(n - c.dropped)
		c.dropped = n
		for _, p := range c.table.peers {
			p.asked = true
		}
	}
	c.mu.Unlock()
	if more {
		c.ask()
	}
}

// ask asks the servers that have not been heard since they were to be asked, and, for calls
// that no server has said to have, all servers.
func (c *Client) ask() {
	type question struct {
		to  string
		all bool
	}
	c.mu.Lock()
	questions := make(map[question][]byte)
	for _, p := range c.table.peers {
		if p.asked {
			for e := range p.calls.all {
				q := question{to: peerSubject(c.o.ControlPrefix, p.id)}
				questions[q] = append(questions[q], e.id[:]...)
			}
		}
	}
	for e := range c.table.asking.all {
		q := question{allSubject(c.o.ControlPrefix, e.subject), true}
		questions[q] = append(questions[q], e.id[:]...)
	}
	c.mu.Unlock()
	for q, ids := range questions {
		for part := range slices.Chunk(ids, idsIn(c.nc)*wire.IDSize) {
			c.post(mailOf(q.to, wire.Control{Ask: &wire.Ask{Inbox: c.inbox, IDs: part, All: q.all}}))
		}
	}
}
