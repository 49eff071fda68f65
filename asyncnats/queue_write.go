package asyncnats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
)

// This file is how a queue writes to its streams and reads from them: with a condition where that
// decides something, and again and again for as long as it is not known what came of it.

const (
	writeTime = 2 * time.Second // how long one attempt to write may take
	writeRest = 50 * time.Millisecond
	maxRest   = time.Second // between two attempts
)

// put stores a message on the condition that the last message of the subjects filter has the
// number last; 0 is that there is none. It returns errTaken where that is not so. It tries
// again as long as it is not known whether the message was stored, until ctx ends. So a
// message that put stored itself, in an attempt whose answer was lost, is errTaken, too.
func (s *store) put(ctx context.Context, m *nats.Msg, filter string, last uint64) (seq uint64, err error) {
	if m.Header == nil {
		m.Header = make(nats.Header)
	}
	values := &[2]string{strconv.FormatUint(last, 10), filter}
	m.Header[jetstream.ExpectedLastSubjSeqHeader] = values[:1:1]
	if filter != m.Subject {
		m.Header[jetstream.ExpectedLastSubjSeqSubjHeader] = values[1:]
	}
	return s.write(ctx, m)
}

// write stores a message, as put does, on the conditions that its header has.
func (s *store) write(ctx context.Context, m *nats.Msg) (seq uint64, err error) {
	for rest := writeRest; ; rest = min(2*rest, maxRest) {
		seq, err := s.publisher.store(ctx, m)
		switch {
		case err == nil:
			return seq, nil
		case !isUncertain(err):
			return 0, writeError(err)
		}
		if s.retried != nil {
			s.retried()
		}
		if !pause(ctx, rest) {
			return 0, endedWith(ctx, err)
		}
	}
}

// pause waits for d, and reports false where ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// isUncertain reports whether nothing is known of a write, or another one of the same
// condition is being decided.
func isUncertain(err error) bool {
	if e := new(jetstream.APIError); errors.As(err, &e) {
		return e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant || e.Code == 503 && !isFull(e.ErrorCode)
	}
	return !errors.Is(err, nats.ErrMaxPayload) && !errors.Is(err, nats.ErrBadSubject) &&
		!errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrConnectionDraining) &&
		!errors.Is(err, jetstream.ErrInvalidJSAck) && !errors.Is(err, async.ErrScopeClosed)
}

// Codes of NATS for a stream that takes no more.
const (
	codeInsufficient = 10023 // resources of the server
	codeMemory       = 10028
	codeStorage      = 10047
	codeStoreFailed  = 10077 // the limit of the stream, or of the disk
)

// isFull reports whether an error of NATS is that of a stream that takes no more.
func isFull(code jetstream.ErrorCode) bool {
	return code == codeInsufficient || code == codeMemory || code == codeStorage || code == codeStoreFailed
}

// writeError makes of an error of NATS one of this package.
func writeError(err error) error {
	e := new(jetstream.APIError)
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return wrapped{ErrTooLarge, err.Error()}
	case errors.Is(err, nats.ErrBadSubject):
		return ErrBadSubject
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining):
		return wrapped{ErrDisconnected, err.Error()}
	case errors.Is(err, async.ErrScopeClosed):
		return err
	case !errors.As(err, &e):
		return fmt.Errorf("asyncnats: %w", err)
	case e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return errTaken
	case e.ErrorCode == jetstream.JSErrCodeStreamMessageExceedsMaximum:
		return wrapped{ErrTooLarge, err.Error()}
	case isFull(e.ErrorCode):
		return wrapped{async.ErrQueueFull, err.Error()}
	}
	return fmt.Errorf("asyncnats: %w", err)
}

// endedWith is the error of something that was tried until ctx ended: why that was, and what NATS has said
// last, where that was more than that ctx has ended.
func endedWith(ctx context.Context, last error) error {
	cause := context.Cause(ctx)
	if last == nil || errors.Is(last, ctx.Err()) || errors.Is(last, context.DeadlineExceeded) || errors.Is(last, cause) {
		return cause
	}
	return fmt.Errorf("%w: %w", cause, last)
}

// read returns the message that get asks for, from the leader of its stream, or nil where
// there is none. It tries again until there is an answer or ctx ends.
func (s *store) read(ctx context.Context, get func(context.Context) (*jetstream.RawStreamMsg, error)) (*jetstream.RawStreamMsg, error) {
	for rest := writeRest; ; rest = min(2*rest, maxRest) {
		once, cancel := context.WithTimeout(ctx, writeTime)
		m, err := get(once)
		cancel()
		switch {
		case err == nil:
			return m, nil
		case errors.Is(err, jetstream.ErrMsgNotFound), errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful):
			return nil, nil //nolint:nilnil // no message is no error
		case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining):
			return nil, wrapped{ErrDisconnected, err.Error()}
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return nil, fmt.Errorf("asyncnats: %w", err)
		}
		if !pause(ctx, rest) {
			return nil, endedWith(ctx, err)
		}
	}
}

// record returns how a call has ended; ok is false where it has not, or was forgotten.
func (s *store) record(ctx context.Context, id string) (r record, ok bool, err error) {
	m, err := s.read(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return s.bucket.GetLastMsgForSubject(ctx, s.allRecords(id))
	})
	if m == nil || err != nil {
		return r, false, err
	}
	r, ok = s.parseRecord(m.Subject, m.Header, m.Data)
	return r, ok, nil
}

// request returns the request of a call, or nil where there is none.
func (s *store) request(ctx context.Context, id string) (*jetstream.RawStreamMsg, error) {
	for _, subject := range []string{s.runSubject(id), s.keySubject("*", id)} {
		m, err := s.read(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
			return s.requests.GetLastMsgForSubject(ctx, subject)
		})
		if m != nil || err != nil {
			return m, err
		}
	}
	return nil, nil
}

// finish stores how a call has ended, unless it has ended (Q1).
func (s *store) finish(ctx context.Context, r record) error {
	m := &nats.Msg{Subject: s.recordSubject(r.id, r.kind, r.lane), Header: r.header, Data: r.data}
	_, err := s.put(ctx, m, s.allRecords(r.id), 0)
	return err
}

// remove removes a request. That the request is not there any more is no error.
func (s *store) remove(ctx context.Context, seq uint64) error {
	_, err := s.read(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return nil, s.requests.DeleteMsg(ctx, seq)
	})
	return err
}
