package asyncnats

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// This file is what goes in and out of a server: requests that wait to be begun, and calls
// that wait for their replies to be sent.
//
// While there are few calls, a request is begun by the goroutine that receives it, and a
// reply is sent by the goroutine of the function: a single call waits for no other goroutine.
// While there are many, one goroutine begins what has arrived, and one sends: what completes
// at the same time does not crowd at the connection. A goroutine that is not the server's, as
// that of a user who cancels, never waits for the network.

const (
	fewRuns   = 8   // so many calls are few
	roomToUse = 256 // of a slice that is used again
)

// arriveLocked is told of a job that was admitted. It reports whether the caller is to
// begin the job; otherwise another goroutine does.
func (s *Server) arriveLocked(w work) (inline bool) {
	if !s.beginning && s.desk.running <= fewRuns {
		return true
	}
	s.arrivals = append(s.arrivals, w)
	if !s.beginning {
		s.beginning = true
		go s.beginAll()
	}
	return false
}

// beginAll begins jobs until none is left that has arrived.
func (s *Server) beginAll() {
	var some []work
	for {
		s.mu.Lock()
		some, s.arrivals = s.arrivals, reuse(some)
		s.beginning = len(some) > 0
		s.mu.Unlock()
		if len(some) == 0 {
			return
		}
		for _, w := range some {
			w.begin()
		}
	}
}

// reuse returns a slice without elements, with the room of one that is not too large.
func reuse[T any](used []T) []T {
	if cap(used) > roomToUse {
		return nil
	}
	clear(used)
	return used[:0]
}

// completed is told that a call is complete: by the goroutine of the function, where own is
// true.
func (s *Server) completed(w work, own bool) {
	s.mu.Lock()
	if own && !s.sending && s.desk.running <= fewRuns {
		s.sending = true
		s.mu.Unlock()
		s.answer(w.finish())
		s.sendAll()
		return
	}
	defer s.mu.Unlock()
	s.complete = append(s.complete, w)
	s.sendLocked()
}

// refuse answers a request that never was at the desk.
func (s *Server) refuse(j *job, err error) {
	m := s.errorReply(j.reply, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Refused++
	s.sendLocked(m)
}

// sendLocked has messages be sent, and what else there is.
func (s *Server) sendLocked(messages ...*nats.Msg) {
	s.replies = append(s.replies, messages...)
	if !s.sending && len(s.replies)+len(s.complete) > 0 {
		s.sending = true
		go s.sendAll()
	}
}

// restLocked lets a shutdown go on when there is nothing to do any more.
func (s *Server) restLocked() {
	if s.closing && s.desk.running == 0 && !s.sending {
		s.empty.Set()
	}
}

// sendAll sends replies until none is left.
func (s *Server) sendAll() {
	var complete []work
	var replies []*nats.Msg
	for {
		s.mu.Lock()
		complete, s.complete = s.complete, reuse(complete)
		replies, s.replies = s.replies, reuse(replies)
		s.sending = len(complete)+len(replies) > 0
		s.restLocked()
		s.mu.Unlock()
		if len(complete)+len(replies) == 0 {
			return
		}
		for _, w := range complete {
			s.answer(w.finish())
		}
		for _, m := range replies {
			s.publish(m)
		}
	}
}

// answer sends the reply of a job that is complete, unless nobody wants it.
func (s *Server) answer(j *job, m *nats.Msg) {
	s.mu.Lock()
	silent := j.silent
	if !silent {
		s.stats.Replied++
		if j.keep > 0 {
			j.answer = m
		}
	}
	s.desk.done(j, s.now())
	s.restLocked()
	s.mu.Unlock()
	if !silent {
		s.publish(m)
	}
}

// publish sends a reply, or, where that is too large, an error that says so.
func (s *Server) publish(m *nats.Msg) {
	if err := s.nc.PublishMsg(m); errors.Is(err, nats.ErrMaxPayload) {
		err := fmt.Errorf("%w: a reply of %d bytes, where NATS allows %d", ErrTooLarge, len(m.Data), s.nc.MaxPayload())
		_ = s.nc.PublishMsg(s.errorReply(m.Subject, err)) // where the connection is closed, so are the client's calls
	}
}
