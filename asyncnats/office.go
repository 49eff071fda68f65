package asyncnats

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
)

// This file is what goes in and out of a server: requests that wait to be begun, and calls
// that wait for their replies to be sent.
//
// While there are few calls, a request is begun by the goroutine that receives it, and a
// reply is sent by the goroutine of the function: a single call waits for no other goroutine.
// While there are many, one goroutine begins what has arrived, and one sends: what completes
// at the same time does not crowd at the connection. A goroutine that is not the server's, as
// that of a user who cancels, never waits for the network. Where code of a user may run when a
// call begins, another goroutine than that which receives begins it: package micro has no other
// one to receive with, should the code end the goroutine or hold it up.

const (
	fewRuns   = 8    // so many calls are few
	roomToUse = 1024 // of a slice that is used again
)

// arriveLocked is told of a job that was admitted. It reports whether the caller is to
// begin the job; otherwise another goroutine does, or refuses the job.
func (s *Server) arriveLocked(w work) (inline bool) {
	if s.late {
		s.stats.Begun-- // as admit has counted
		s.stats.Refused++
		s.answers = append(s.answers, w.refusal(async.ErrScopeClosed))
		s.sendLocked()
		return false
	}
	if !s.beginning && !s.foreign && s.desk.running <= fewRuns {
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
	returned := false
	defer func() {
		if !returned { // code of a user has called Goexit
			go s.beginAll()
		}
	}()
	var some []work
	for {
		s.mu.Lock()
		some, s.arrivals = s.arrivals, reuse(some)
		s.beginning = len(some) > 0
		s.mu.Unlock()
		if len(some) == 0 {
			returned = true
			return
		}
		each(some, s.begin)
	}
}

// begin begins the call of a job, unless the call is canceled already. Code of a user may panic there, or
// call Goexit, as an observer does: that is an error of the call, where there is no call yet.
func (s *Server) begin(w work) {
	if j := w.at(); j.doomed.Load() {
		s.answer(w.refusal(&async.CanceledError{Cause: s.causeOf(j)}))
		return
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		err := async.ErrGoexit
		if v := recover(); v != nil {
			err = &async.PanicError{Value: v, Stack: debug.Stack()}
		}
		w.balked(err)
	}()
	w.begin()
	returned = true
}

// balked is told that code of a user has ended begin. A call that was begun all the same goes on.
func (t *task[Req, Resp]) balked(err error) {
	switch {
	case t.call.Info().State == 0:
		t.close()
		p := new(async.PanicError)
		panicked := errors.As(err, &p)
		t.on.count(func(st *ServerStats) {
			st.Refused++
			if panicked {
				st.Panicked++
			}
		})
		t.on.answer(t.refusal(err))
	case t.doomed.Load():
		go t.cancel(t.on.causeOf(&t.job)) // as in begin
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
	w.at().work = nil // a cancellation comes too late now: the reply is sent, and the client discards it
	if own && !s.sending && s.desk.running <= fewRuns {
		s.sending = true
		s.mu.Unlock()
		s.settle(finish(w))
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
	s.stats.Replied++
	s.sendLocked(m)
}

// sendLocked has messages be sent, and what else there is.
func (s *Server) sendLocked(messages ...*nats.Msg) {
	s.replies = append(s.replies, messages...)
	if !s.sending && len(s.replies)+len(s.complete)+len(s.answers) > 0 {
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
	var answers []answer
	for {
		s.mu.Lock()
		complete, s.complete = s.complete, reuse(complete)
		replies, s.replies = s.replies, reuse(replies)
		answers, s.answers = s.answers, reuse(answers)
		s.sending = len(complete)+len(replies)+len(answers) > 0
		s.restLocked()
		s.mu.Unlock()
		if len(complete)+len(replies)+len(answers) == 0 {
			return
		}
		for _, w := range complete {
			answers = append(answers, finish(w))
		}
		s.settle(answers...)
		for _, m := range replies {
			s.publish(m.Subject, m.Data, m)
		}
	}
}

// refusal is the answer of a call that is not begun.
func (t *task[Req, Resp]) refusal(err error) answer {
	return answer{&t.job, nil, t.on.errorReply(t.reply, err)}
}

// answer has the replies of jobs be sent whose calls were not begun. Like all replies they are sent
// before who asks for the job is told that it is gone, and before a shutdown is over.
func (s *Server) answer(answers ...answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Begun -= int64(len(answers)) // as admit has counted
	s.answers = append(s.answers, answers...)
	s.sendLocked()
}

// settle sends the replies of jobs that are complete, but for those that nobody wants.
func (s *Server) settle(answers ...answer) {
	s.mu.Lock()
	now := s.now()
	for i := range answers {
		s.answerLocked(&answers[i], now)
	}
	s.restLocked()
	s.mu.Unlock()
	for _, a := range answers {
		if a.job != nil {
			s.publish(a.job.reply, a.value, a.failure)
		}
	}
}

// finish returns the answer of a call that is complete. A result that nobody wants, because the client
// does not wait any more, is left to the call, which discards it.
func finish(w work) answer {
	if j := w.at(); j.silent {
		w.leave()
		return answer{job: j}
	}
	return w.finish()
}

// leave gives the call up. One that was canceled has no result.
func (t *task[Req, Resp]) leave() {
	t.close()
	if t.ran.Load() != running && t.call.Cancel(nil) == async.ErrCallComplete {
		go t.call.Release() // an observer may hear of it
		return
	}
	_, _ = outcome(&t.call)
}

// answerLocked notes that a job is complete, and forgets the job of an answer that nobody
// wants.
func (s *Server) answerLocked(a *answer, now time.Duration) {
	j := a.job
	if j.silent {
		a.job = nil
	} else {
		s.stats.Replied++
		if j.keep > 0 {
			j.answer = a.message()
		}
	}
	s.desk.done(j, now)
}

// message returns the message of an answer.
func (a *answer) message() *nats.Msg {
	if a.failure != nil {
		return a.failure
	}
	return &nats.Msg{Subject: a.job.reply, Data: a.value}
}

// publish sends a reply, or, where that is too large, an error that says so. Without a message
// the reply is a value.
func (s *Server) publish(to string, value []byte, m *nats.Msg) {
	var err error
	if m == nil {
		err = s.nc.Publish(to, value)
	} else {
		value, err = m.Data, s.nc.PublishMsg(m)
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		err := fmt.Errorf("%w: a reply of %d bytes, where NATS allows %d", ErrTooLarge, len(value), s.nc.MaxPayload())
		_ = s.nc.PublishMsg(s.errorReply(to, err)) // where the connection is closed, so are the client's calls
	}
}
