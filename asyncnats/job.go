package asyncnats

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
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
	job
	on      *service[Req, Resp]
	call    async.Call[Resp]
	data    []byte        // the request until it is decoded, and then the value, encoded
	header  nats.Header   // of the request, until the call begins
	timeout time.Duration // of the request; 0 without
	ran     atomic.Uint32 // how far the function is: one of the following
}

const (
	running   uint32 = iota // the function has not returned
	ran                     // it has: who completes the call is its goroutine, nearly always
	ranBeside               // it has, with an error and a value beside that
)

// A service is a server with its types.
type service[Req, Resp any] struct {
	*Server
	fn func(context.Context, Req) (Resp, error)
	of *method // of an interface, or nil
}

// receive is the handler of a service. It runs on the goroutine of the subscription, and
// does no more than put the job to the desk: so clients soon hear who has their calls,
// however many come at once.
func (s *service[Req, Resp]) receive(r micro.Request) {
	t := &task[Req, Resp]{job: job{reply: r.Reply()}, on: s, data: r.Data()}
	if t.reply == "" {
		s.count(func(st *ServerStats) { st.Garbage++ })
		return
	}
	if h := nats.Header(r.Headers()); len(h) > 0 {
		t.header = h
	}
	inbox, err := s.check(&t.job, t.header, len(t.data))
	if err == nil {
		t.timeout, err = duration(t.header, wire.HeaderTimeout)
	}
	if err == nil && s.of != nil {
		err = s.of.check(t.header.Get(wire.HeaderMethod))
	}
	if err != nil {
		s.refuse(&t.job, err)
		return
	}
	t.work = t
	if s.admit(&t.job, inbox) {
		t.begin()
	}
}

// begin begins the call of a job.
func (t *task[Req, Resp]) begin() {
	ctx := context.Background()
	if t.on.o.Propagator != nil {
		ctx = orElse(t.on.o.Propagator.Extract(ctx, received(t.header)), ctx)
	}
	if t.timeout > 0 {
		ctx, t.end = context.WithTimeout(ctx, t.timeout)
	}
	opts := t.on.optionsOf(t.header, t.over)
	t.header = nil
	if err := t.call.Begin(ctx, t.run, opts...); err != nil {
		t.close()
		t.on.count(func(st *ServerStats) { st.Refused++ })
		t.on.answer(t.refusal(err))
		if err == async.ErrScopeClosed {
			t.on.leaveSubject()
		}
		return
	}
	if t.doomed.Load() { // it was canceled before there was something to cancel
		go t.cancel(t.on.causeOf(&t.job)) // what OnSignal calls may end the goroutine
	}
}

func (s *Server) causeOf(j *job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return j.cause
}

// check reads the headers of a request, and says why the request is refused. It returns the
// inbox of the client, which is empty for a plain one.
func (s *Server) check(j *job, h nats.Header, size int) (inbox string, err error) {
	reply, ours := wire.ParseReply(j.reply)
	if id := h.Get(wire.HeaderID); id != "" && (!ours || id != reply.ID.String()) {
		return "", fmt.Errorf("%w: %s and the subject of the reply do not agree", ErrBadRequest, wire.HeaderID)
	}
	if ours && reply.Codec != s.o.Codec.Name() {
		return "", fmt.Errorf("%w: the codec of the client is %.20q, that of the server %s", ErrBadRequest, reply.Codec, s.o.Codec.Name())
	}
	if size > s.o.MaxRequest {
		return "", fmt.Errorf("%w: a request of %d bytes, where %d are allowed", ErrTooLarge, size, s.o.MaxRequest)
	}
	keep, err := duration(h, wire.HeaderKeep)
	j.keep = min(keep, maxKeep)
	return reply.Inbox, err
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
func (s *Server) admit(j *job, inbox string) bool {
	s.mu.Lock()
	if _, canceled := s.desk.canceled[j.reply]; canceled {
		delete(s.desk.canceled, j.reply)
		s.stats.Canceled++
		s.mu.Unlock()
		return false
	}
	known := s.desk.admit(j, inbox)
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
		known.client.fresh.push(known) // so that the client hears who has it
	}
	s.mu.Unlock()
	return false
}

// optionsOf returns the options of one call.
func (s *Server) optionsOf(h nats.Header, over func()) []async.Option {
	all := make([]async.Option, 0, len(s.options)+2)
	all = append(all, s.options...)
	all = append(all, async.OnSignal(over))
	if name := h.Get(wire.HeaderName); name != "" {
		all = append(all, async.Name(truncate(name, maxName)))
	}
	return all
}

// maxName is how much of a caller's name is kept.
const maxName = 256

// run is the function of the call. It encodes the value, too: so it is done in parallel,
// and what a method of the user's panics with is contained.
func (t *task[Req, Resp]) run(ctx context.Context) (v Resp, err error) {
	defer t.contain(&v, &err)
	how := ran
	defer func() { t.ran.Store(how) }()
	var request Req
	err = decode(t.on.o.Codec, t.data, &request)
	t.data = nil
	if err != nil {
		return v, fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	v, err = t.on.fn(ctx, request)
	err = t.on.known.tame(err)
	if err != nil && isZero(v) {
		return v, err
	}
	data, bad := encode(t.on.o.Codec, v)
	switch {
	case bad == nil && err == nil:
		t.data = data
	case bad == nil:
		t.data, how = data, ranBeside
	case err == nil:
		err = fmt.Errorf("%w: %w", ErrBadReply, bad)
	default:
		err = fmt.Errorf("%w; and of the value beside it: %w: %w", err, ErrBadReply, bad)
	}
	return v, err
}

// isZero reports whether there is nothing in a value, or in what it points to.
func isZero[T any](v T) bool {
	value := reflect.ValueOf(&v).Elem()
	return value.IsZero() || value.Kind() == reflect.Pointer && value.Elem().IsZero()
}

// contain makes an error of a panic.
func (t *task[Req, Resp]) contain(v *Resp, err *error) {
	if r := recover(); r != nil {
		t.on.count(func(st *ServerStats) { st.Panicked++ })
		*v, *err = *new(Resp), &async.PanicError{Value: r, Stack: debug.Stack()}
	}
}

func (t *task[Req, Resp]) cancel(cause error) { _ = t.call.Cancel(cause) } // it may have come too late

// over is told by the completer that the call is complete (OnSignal).
func (t *task[Req, Resp]) over() { t.on.completed(t, t.ran.Load() != running) }

// finish takes the result of the call, and returns the answer. A call that was canceled may
// still be running, and has its data: what is sent then is an error.
func (t *task[Req, Resp]) finish() answer {
	t.close()
	if v, err := outcome(&t.call); err != nil {
		m := t.on.errorReply(t.reply, err)
		if t.ran.Load() == ranBeside && !isZero(v) { // else the call was canceled, and what its function returned is discarded
			beside(m, t.data)
		}
		return answer{&t.job, nil, m}
	}
	return answer{&t.job, t.data, nil}
}

// outcome is Finish of a call. The panics of the function are contained by then; one of the scope's
// observer, which keeps the function from beginning, is an error, too.
func outcome[T any](call *async.Call[T]) (v T, err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *async.PanicError:
			err = e
		default:
			panic(e)
		}
	}()
	return call.Finish()
}

// close ends the context of the deadline.
func (t *task[Req, Resp]) close() {
	if t.end != nil {
		t.end()
	}
}

// errorReply makes the message that answers a request with an error.
func (s *Server) errorReply(reply string, err error) *nats.Msg {
	return s.known.message(reply, s.o.Name, err, s.o.SendStack)
}

// message makes a message of an error of a service, in the headers of the services of NATS.
func (r registry) message(subject, service string, err error, stack bool) *nats.Msg {
	err = r.tame(err)
	text := err.Error()
	if p := new(async.PanicError); errors.As(err, &p) {
		text = fmt.Sprintf("panic: %v", p.Value)
		if stack {
			text += "\n\n" + string(p.Stack)
		}
		err = errors.Join(ErrPanicked, err)
	}
	text = strings.ToValidUTF8(truncate(text, maxErrorText), "")
	codes := r.codes(err)
	m := &nats.Msg{Subject: subject, Header: nats.Header{wire.HeaderCode: {CodeInternal}, wire.HeaderService: {service}}}
	if len(codes) > 0 {
		m.Header[wire.HeaderCode] = []string{codes[0]}
		m.Header[wire.HeaderErrors] = []string{strings.Join(codes, ",")}
	}
	putText(m, text)
	if d := new(differsError); errors.As(err, &d) {
		m.Header[wire.HeaderMethod] = []string{d.method.fingerprint}
		beside(m, d.method.text())
	}
	return m
}

// putText puts the text of an error into a message: into the header, or, where the text is no
// header, its beginning there and all of it into the body.
func putText(m *nats.Msg, text string) {
	m.Header[wire.HeaderError] = []string{text}
	if !wire.IsHeaderText(text) || len(text) > maxHeaderText || text != strings.TrimSpace(text) {
		m.Header[wire.HeaderLong] = []string{"1"}
		m.Header[wire.HeaderError] = []string{oneLine(text)}
		m.Data = []byte(text)
	}
}

// textIn is the text of an error that putText has put into a message.
func textIn(h nats.Header, data []byte) string {
	if h[wire.HeaderLong] != nil {
		return string(data[:min(len(data), maxErrorText)])
	}
	return h.Get(wire.HeaderError)
}

// beside adds a value to a reply that is an error.
func beside(m *nats.Msg, value []byte) {
	m.Header[wire.HeaderValue] = []string{strconv.Itoa(len(value))}
	m.Data = append(m.Data, value...)
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
