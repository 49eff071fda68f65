package asyncnats

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is the way of one request through a server: it is received, runs as a call
// of the scope, and is answered when the call is complete, whoever completed it.

// A task is a job with its types.
type task[Req, Resp any] struct {
	*job
	s    *Server
	call async.Call[Resp]
	fn   func(context.Context, Req) (Resp, error)
	data []byte // the request, until it is decoded

	value    []byte // encoded
	valueErr error  // why it is not

	header  nats.Header // of the request, until the call begins
	timeout time.Duration
}

// receive is the handler of a service. It runs on the goroutine of the subscription, and
// does no more than put the job to the desk: so clients soon hear who has their calls,
// however many come at once.
func receive[Req, Resp any](s *Server, j *job, fn func(context.Context, Req) (Resp, error), r micro.Request) {
	if j.reply == "" {
		s.count(func(st *ServerStats) { st.Garbage++ })
		return
	}
	t := &task[Req, Resp]{job: j, s: s, fn: fn, data: r.Data()}
	h := nats.Header(r.Headers())
	timeout, err := s.check(j, h, len(t.data))
	if err != nil {
		s.refuse(j, err)
		return
	}
	j.work, t.header, t.timeout = t, h, timeout
	if s.admit(j) {
		t.begin()
	}
}

// begin begins the call of a job.
func (t *task[Req, Resp]) begin() {
	ctx := context.Background()
	if t.s.o.Propagator != nil {
		ctx = t.s.extract(ctx, t.header)
	}
	if t.timeout > 0 {
		ctx, t.end = context.WithTimeout(ctx, t.timeout)
	}
	opts := t.s.optionsOf(t.header, t.over)
	t.header = nil
	if err := t.call.Begin(ctx, t.run, opts...); err != nil {
		t.close()
		t.s.count(func(st *ServerStats) { st.Refused++ })
		t.s.answer(t.job, t.s.errorReply(t.reply, err))
		return
	}
	if cause := t.s.causeOf(t.job); cause != nil {
		t.cancel(cause) // it was canceled before there was something to cancel
	}
}

func (s *Server) causeOf(j *job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return j.cause
}

// check reads the headers of a request, and says why the request is refused.
func (s *Server) check(j *job, h nats.Header, size int) (timeout time.Duration, err error) {
	j.key = j.reply
	reply, ours := wire.ParseReply(j.reply)
	if ours {
		j.id, j.inbox = reply.ID, reply.Inbox
	}
	if id := h.Get(wire.HeaderID); id != "" && (!ours || id != reply.ID.String()) {
		return 0, fmt.Errorf("%w: %s and the subject of the reply do not agree", ErrBadRequest, wire.HeaderID)
	}
	if ours && reply.Codec != s.o.Codec.Name() {
		return 0, fmt.Errorf("%w: the codec of the client is %.20q, that of the server %s", ErrBadRequest, reply.Codec, s.o.Codec.Name())
	}
	if size > s.o.MaxRequest {
		return 0, fmt.Errorf("%w: a request of %d bytes, where %d are allowed", ErrTooLarge, size, s.o.MaxRequest)
	}
	if j.keep, err = duration(h, wire.HeaderKeep); err != nil {
		return 0, err
	}
	j.keep = min(j.keep, maxKeep)
	return duration(h, wire.HeaderTimeout)
}

// maxKeep is the longest time for which a client has a reply kept.
const maxKeep = 10 * time.Minute

// duration reads a header that is a duration; it is 0 where there is none.
func duration(h nats.Header, key string) (time.Duration, error) {
	text := h.Get(key)
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(truncate(text, 64))
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%w: %s is no duration", ErrBadRequest, key)
	}
	return d, nil
}

// admit puts a job to the desk, and reports whether the caller is to begin it at once.
func (s *Server) admit(j *job) bool {
	s.mu.Lock()
	if j.inbox == "" {
		s.desk.counter++
		j.key += " " + strconv.Itoa(s.desk.counter) // one plain client may ask twice with one reply subject
	} else {
		if _, canceled := s.desk.canceled[j.key]; canceled {
			delete(s.desk.canceled, j.key)
			s.stats.Canceled++
			s.mu.Unlock()
			return false
		}
	}
	known := s.desk.admit(j)
	if known == nil {
		s.stats.Begun++
		inline := s.arriveLocked(j.work)
		s.mu.Unlock()
		return inline
	}
	s.stats.Again++
	switch {
	case known.answer != nil:
		s.sendLocked(known.answer)
	case known.client != nil:
		known.client.fresh.push(known, &known.link) // so that the client hears who has it
	}
	s.mu.Unlock()
	return false
}

// extract is Extract of a propagator that may panic.
func (s *Server) extract(ctx context.Context, h nats.Header) (out context.Context) {
	defer func() {
		if recover() != nil || out == nil {
			out = ctx
		}
	}()
	return s.o.Propagator.Extract(ctx, received(h))
}

// optionsOf returns the options of one call.
func (s *Server) optionsOf(h nats.Header, over func()) []async.Option {
	all := make([]async.Option, 0, len(s.options)+2)
	all = append(all, s.options...)
	name := h.Get(wire.HeaderName)
	if name == "" {
		name = s.o.Name
	}
	return append(all, async.Name(truncate(name, maxName)), async.OnSignal(over))
}

// maxName is how much of a caller's name is kept.
const maxName = 256

// run is the function of the call. It encodes the value, too: so it is done in parallel,
// and what a method of the user's panics with is contained.
func (t *task[Req, Resp]) run(ctx context.Context) (v Resp, err error) {
	defer t.contain(&v, &err)
	var request Req
	data := t.data
	t.data = nil
	if err := decode(t.s.o.Codec, data, &request); err != nil {
		return v, fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	if v, err = t.fn(ctx, request); err == nil {
		t.value, t.valueErr = encode(t.s.o.Codec, v)
	}
	return v, err
}

// contain makes an error of a panic.
func (t *task[Req, Resp]) contain(v *Resp, err *error) {
	if r := recover(); r != nil {
		t.s.count(func(st *ServerStats) { st.Panicked++ })
		*v, *err = *new(Resp), &async.PanicError{Value: r, Stack: debug.Stack()}
	}
}

func (t *task[Req, Resp]) cancel(cause error) { _ = t.call.Cancel(cause) } // it may have come too late

// over is told by the completer that the call is complete (OnSignal). The stack of the
// completer is left at once: to grow it for every call would cost more than all else here.
func (t *task[Req, Resp]) over() { t.s.completed(t) }

// finish takes the result of the call, and returns the reply.
func (t *task[Req, Resp]) finish() (*job, *nats.Msg) {
	t.close()
	_, err := t.call.Finish() // it does not panic: run has contained the panics of the function
	if err == nil && t.valueErr != nil {
		err = fmt.Errorf("%w: %w", ErrBadReply, t.valueErr)
	}
	if err != nil {
		return t.job, t.s.errorReply(t.reply, err)
	}
	return t.job, &nats.Msg{Subject: t.reply, Data: t.value}
}

// close ends the context of the deadline.
func (t *task[Req, Resp]) close() {
	if t.end != nil {
		t.end()
	}
}

// errorReply makes the message that answers a request with an error, in the headers of
// the services of NATS.
func (s *Server) errorReply(reply string, err error) *nats.Msg {
	text := err.Error()
	if p := new(async.PanicError); errors.As(err, &p) {
		text = fmt.Sprintf("panic: %v", p.Value)
		if s.o.SendStack {
			text += "\n\n" + string(p.Stack)
		}
		err = errors.Join(ErrPanicked, err)
	}
	text = strings.ToValidUTF8(truncate(text, maxErrorText), "")
	codes := s.known.codes(err)
	m := &nats.Msg{Subject: reply, Header: nats.Header{
		wire.HeaderCode: {CodeInternal}, wire.HeaderError: {text}, wire.HeaderService: {s.o.Name},
	}}
	if len(codes) > 0 {
		m.Header[wire.HeaderCode] = []string{codes[0]}
		m.Header[wire.HeaderErrors] = []string{strings.Join(codes, ",")}
	}
	if !wire.IsHeaderText(text) || len(text) > maxHeaderText || text != strings.TrimSpace(text) {
		m.Header[wire.HeaderLong] = []string{"1"}
		m.Header[wire.HeaderError] = []string{oneLine(text)}
		m.Data = []byte(text)
	}
	return m
}

// maxHeaderText is how much text of an error goes into a header.
const maxHeaderText = 1 << 10

// oneLine is the beginning of a text, for a header.
func oneLine(text string) string {
	line, _, _ := strings.Cut(truncate(text, maxHeaderText), "\n")
	return strings.ToValidUTF8(strings.NewReplacer("\r", " ", "\x00", " ").Replace(strings.TrimSpace(line)), "")
}

func (s *Server) count(f func(*ServerStats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.stats)
}
