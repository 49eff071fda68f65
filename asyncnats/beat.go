package asyncnats

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is what a server tells clients while it has calls of theirs, and what it hears
// of them: cancellations, questions, and that they are gone.

// beats is the goroutine that sends heartbeats. It looks four times in a heartbeat, so that
// a client soon knows who has its call.
func (s *Server) beats() {
	ticker := time.NewTicker(min(s.o.Heartbeat/4, maxTick))
	defer ticker.Stop()
	for {
		select {
		case <-s.quit:
			return
		case status := <-s.status:
			if status == nats.CLOSED {
				s.cancelAll(ErrDisconnected) // nobody can be answered any more
			} else {
				s.repeat()
			}
		case <-ticker.C:
			s.tick()
		}
	}
}

// repeat has clients be told of all calls that they have here: the connection was lost, and is
// there again, and a client may have been unable to say that it does not wait any more. The line
// is another one now, by which clients know that replies may be lost.
func (s *Server) repeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line++
	for _, j := range s.desk.all() {
		if j.client != nil {
			j.client.fresh.push(j)
		}
	}
}

// maxTick is how long a client waits at most to be told who has its call.
const maxTick = 250 * time.Millisecond

// tick sends what heartbeats are due.
func (s *Server) tick() {
	now := s.now()
	var due []*customer
	s.mu.Lock()
	s.desk.clean(now, s.o.KeepBytes)
	for _, k := range s.desk.clients {
		if k.missed != 0 && k.missed < k.beat && now-k.beat >= s.o.Heartbeat {
			k.back()
		}
		if k.fresh.len() > 0 || now-k.beat >= s.o.Heartbeat {
			due = append(due, k)
		}
	}
	s.mu.Unlock()
	for _, k := range due {
		s.beat(k, now)
	}
}

// back is told that a client listens that has not listened for a while: nobody has said that the last
// heartbeat was missed. The client may have given up calls that it could not say so of, so it is told of
// all that the server has, and answers which of them are over.
func (k *customer) back() {
	k.missed = 0
	for j := range k.told.all {
		k.fresh.push(j)
	}
}

// beat tells a client that the server is alive, and which calls it has taken. NATS answers
// where nobody listens any more.
func (s *Server) beat(k *customer, now time.Duration) {
	most := idsIn(s.nc)
	for first := true; ; first = false {
		s.mu.Lock()
		ids := k.tellFresh(most)
		if !first && len(ids) == 0 {
			s.mu.Unlock()
			return
		}
		k.beat = now
		m := s.beatLocked(k.inbox, wire.Beat{Has: ids})
		m.Reply = s.o.ControlPrefix + ".srv." + s.id + "." + strconv.Itoa(k.number)
		s.mu.Unlock()
		_ = s.nc.PublishMsg(m) // silence says it
	}
}

// beatLocked makes the message of a heartbeat.
func (s *Server) beatLocked(inbox string, b wire.Beat) *nats.Msg {
	b.Server, b.Every, b.Line = s.id, s.o.Heartbeat, s.line
	if len(b.Has) > 0 {
		b.Service = s.name // once is enough, and most beats have no calls
	}
	data, err := json.Marshal(b)
	if err != nil {
		panic("asyncnats: " + err.Error()) // it has numbers, strings and bytes alone
	}
	return &nats.Msg{Subject: inbox + "." + wire.BeatToken, Data: data}
}

// hear subscribes to a subject on which the server is told something. Where code of a user ends the
// goroutine of the subscription, as an OnSignal of a call that is canceled may, there is another one.
func (s *Server) hear(subject string) error {
	sub, err := s.nc.Subscribe(subject, func(m *nats.Msg) {
		returned := false
		defer func() {
			if !returned {
				_ = s.hear(subject) // it fails where the connection is closed, and nobody says anything then
			}
		}()
		s.controlled(m)
		returned = true
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	old := s.control[subject]
	s.control[subject] = sub
	deaf := s.deaf
	s.mu.Unlock()
	if deaf {
		old = sub
	}
	if old != nil {
		_ = old.Unsubscribe()
	}
	return nil
}

// hearNothing ends the subscriptions of hear.
func (s *Server) hearNothing() {
	s.mu.Lock()
	s.deaf = true
	all := maps.Clone(s.control)
	s.mu.Unlock()
	for _, sub := range all {
		_ = sub.Unsubscribe() // it fails where the connection is closed, and then there is no subscription
	}
}

// controlled is the handler of control messages.
func (s *Server) controlled(m *nats.Msg) {
	if wire.IsNoResponders(m.Header, m.Data) {
		s.gone(m.Subject)
		return
	}
	c, err := wire.ParseControl(m.Data)
	switch {
	case err != nil:
		s.count(func(st *ServerStats) { st.Garbage++ })
	case c.Cancel != nil:
		s.canceled(c.Cancel)
	case c.Drop != nil:
		s.dropped(c.Drop)
	default:
		s.asked(c.Ask)
	}
}

// canceled is told that nobody waits for a call any more.
func (s *Server) canceled(c *wire.Cancel) {
	if _, ok := wire.ParseReply(c.Reply); !ok {
		s.count(func(st *ServerStats) { st.Garbage++ })
		return
	}
	cause := s.known.cause(c.Codes[:min(len(c.Codes), len(s.known))], truncate(c.Text, maxCause))
	if cause == nil {
		cause = async.ErrCanceled
	}
	s.mu.Lock()
	j := s.desk.jobs[c.Reply]
	if j == nil {
		if len(s.desk.canceled) < maxEarly {
			s.desk.canceled[c.Reply] = early{cause, s.now() + s.o.Heartbeat}
		}
		s.mu.Unlock()
		return
	}
	w, first := j.work, j.unwanted(cause)
	if first {
		s.stats.Canceled++
	}
	s.mu.Unlock()
	if first {
		w.cancel(cause)
	}
}

// dropped is told that a client does not wait for calls that it was told of.
func (s *Server) dropped(d *wire.Drop) {
	cause := fmt.Errorf("%w: it does not wait any more", ErrClientGone)
	var over []work
	s.mu.Lock()
	wire.IDs(d.IDs, func(id wire.ID) {
		if j := s.desk.jobs[d.Inbox+"."+id.String()]; j != nil && j.unwanted(cause) {
			over = append(over, j.work)
		}
	})
	s.stats.Gone += int64(len(over))
	s.mu.Unlock()
	each(over, func(w work) { w.cancel(cause) })
}

// asked is told that a client wants to know of calls whether the server has them: a
// connection was lost, or replies were. The answer goes the way of replies, so that it comes
// behind the reply of a call that is not at the desk any more.
func (s *Server) asked(a *wire.Ask) {
	var has, gone []byte
	var answers []*nats.Msg
	s.mu.Lock()
	wire.IDs(a.IDs, func(id wire.ID) {
		switch j := s.desk.jobs[a.Inbox+"."+id.String()]; {
		case j == nil && !a.All:
			gone = append(gone, id[:]...)
		case j == nil:
		case j.answer != nil:
			answers = append(answers, j.answer)
		default:
			has = append(has, id[:]...)
		}
	})
	if len(has) > 0 || len(gone) > 0 || !a.All {
		answers = append(answers, s.beatLocked(a.Inbox, wire.Beat{Has: has, Gone: gone}))
	}
	s.sendLocked(answers...)
	s.mu.Unlock()
}

// gone is told that nobody listened to a heartbeat. A client is gone when that is so for a
// heartbeat, and, where its replies are kept, for as long as they are.
func (s *Server) gone(subject string) {
	number, err := strconv.Atoi(subject[strings.LastIndexByte(subject, '.')+1:])
	s.mu.Lock()
	k := s.desk.numbers[number]
	if err != nil || k == nil {
		s.mu.Unlock()
		return
	}
	now := s.now()
	if k.missed == 0 || now-k.missed > s.o.Heartbeat*3/2+maxTick {
		k.gone = now // it is the first, or a heartbeat between was heard
	}
	k.missed = now
	cause := fmt.Errorf("%w: nobody listens on its inbox", ErrClientGone)
	over := s.abandonLocked(k, now-k.gone, cause)
	s.mu.Unlock()
	each(over, func(w work) { w.cancel(cause) })
}

// abandonLocked returns the calls of a client that has not listened for a while, so that
// they are canceled, but for those whose client may come back.
func (s *Server) abandonLocked(k *customer, since time.Duration, cause error) (over []work) {
	for j := range k.all {
		if since >= max(s.o.Heartbeat/2, j.keep) && j.unwanted(cause) {
			over = append(over, j.work)
		}
	}
	s.stats.Gone += int64(len(over))
	return over
}

// cancelAll cancels all calls and returns how many there were.
func (s *Server) cancelAll(cause error) int {
	s.mu.Lock()
	jobs := s.desk.all()
	works := make([]work, len(jobs))
	for i, j := range jobs {
		works[i] = j.work
		j.doom(cause)
	}
	s.mu.Unlock()
	each(works, func(w work) { w.cancel(cause) })
	return len(works)
}
