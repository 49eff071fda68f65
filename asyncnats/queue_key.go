package asyncnats

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
)

// This file keeps the order of the requests of one key (J8).
//
// Requests with a key are not delivered. What is delivered is the turn of the key: one message
// that says that the key has requests. Whoever has the turn runs the first request of the
// key, and nobody else runs one. When the worker dies the turn is delivered again, as any
// request is, and the next worker finds the same request first. So the order holds, a key
// takes one place at one worker however many requests it has, and keys do not wait for each
// other.
//
// When a request is over, the turn goes to the end of the queue: a new message replaces the old
// one, on the condition that the old one is still there. So other keys come first, and the count
// of deliveries begins anew. When a key has no more requests its turn is removed. Somebody may
// have submitted another one in that moment, whose turn was not stored because the old one was
// still there. So the worker looks once more when the turn is gone. Where a process dies
// between two of these steps, a key may have requests and no turn: workers look for such
// keys when they begin, when they are connected again, and every minute.

// A turn names the request that it was stored for, by its number in the stream. The count of
// deliveries is that of this request. Where a worker finds another one to be the first, because a
// worker died between two of these steps, or the request was canceled, a new turn replaces the
// old one: so no request is given up for what became of another.

// giveTurn stores the turn of a key, unless the key has one. The request is stored already, so
// that its call completes whatever becomes of the turn: where there is no room for the turn, or
// NATS is away, the key is found by sweep.
func (q *Queue) giveTurn(ctx context.Context, key string, request uint64) {
	if key != "" {
		_ = q.store.giveTurn(ctx, keyToken(key), request, 0)
	}
}

// giveTurn stores the turn of a key, for the request with the number, which is 0 where that is not
// known, on the condition that the last turn has the number last. That somebody else has stored it
// is no error.
func (s *store) giveTurn(ctx context.Context, key string, request, last uint64) error {
	subject := s.turnSubject(key)
	_, err := s.put(ctx, &nats.Msg{Subject: subject, Data: strconv.AppendUint(nil, request, 10)}, subject, last)
	if errors.Is(err, errTaken) {
		return nil
	}
	return err
}

// head returns the first request of a key, or nil where there is none.
func (s *store) head(ctx context.Context, key string) (*jetstream.RawStreamMsg, error) {
	return s.read(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return s.requests.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(s.keySubject(key, "*")))
	})
}

// findHead gives a turn its request. It reports false where the turn is over.
func (w *Worker) findHead(j *errand) bool {
	m, err := w.q.store.head(w.ctx, j.key)
	switch {
	case err != nil:
		w.handBack(j)
		return false
	case m == nil:
		w.endTurn(j)
		return false
	case m.Sequence != j.request && w.passTurn(j, m.Sequence):
		return false
	}
	id := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	w.mu.Lock()
	defer w.mu.Unlock()
	j.take(id, m.Sequence, m.Header, m.Data)
	return true
}

// nextOfKey removes a request of a key that is over, and lets the next one come.
func (w *Worker) nextOfKey(j *errand) {
	s := &w.q.store
	var next *jetstream.RawStreamMsg
	err := s.remove(w.ctx, j.request)
	if err == nil {
		next, err = s.head(w.ctx, j.key)
	}
	switch {
	case err != nil: // the worker is down: the turn is delivered again
		w.release(j, nothing)
	case next == nil:
		w.endTurn(j)
	default:
		if !w.passTurn(j, next.Sequence) {
			w.handBack(j)
		}
	}
}

// passTurn replaces a turn by one for the request with the number, and lets go of the job. It
// reports false where there is no room for the turn: nothing has changed then, and to run the
// request makes room.
func (w *Worker) passTurn(j *errand, request uint64) bool {
	switch err := w.q.store.giveTurn(w.ctx, j.key, request, j.number); {
	case err == nil:
		w.release(j, parcel.done)
	case errors.Is(err, async.ErrQueueFull):
		return false
	default:
		w.handBack(j)
	}
	return true
}

// endTurn removes the turn of a key that has no more requests, and looks once more. It does not
// acknowledge the turn for that: in a cluster NATS answers an acknowledgement before the turn is
// gone, and a Submit that comes between finds the turn after the worker has looked.
func (w *Worker) endTurn(j *errand) {
	s := &w.q.store
	if s.remove(w.ctx, j.number) != nil { // the worker is down: the turn is delivered again
		w.release(j, nothing)
		return
	}
	if next, err := s.head(w.ctx, j.key); err == nil && next != nil {
		_ = s.giveTurn(w.ctx, j.key, next.Sequence, 0) // where this fails, the key is found by sweep
	}
	w.release(j, parcel.done)
}

// dropRisen removes turns, and requests of calls that are complete, that were over and are there again:
// a server of NATS that was killed may have kept that they were acknowledged, and have lost that they
// were removed. They are delivered to nobody, and such a turn would keep its key from having another one.
func (w *Worker) dropRisen(ctx context.Context) {
	s := &w.q.store
	c, err := s.requests.Consumer(ctx, workersName)
	if err != nil {
		return // there is a next time, or the worker is not permitted to ask
	}
	for floor, from := c.CachedInfo().AckFloor.Stream, uint64(1); from <= floor; {
		m, err := s.read(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
			return s.requests.GetMsg(ctx, from, jetstream.WithGetMsgSubject(s.work+"*.*"))
		})
		if err != nil || m == nil || m.Sequence > floor {
			return
		}
		over := true
		if id, request := strings.CutPrefix(m.Subject, s.runSubject("")); request {
			_, over, err = s.record(ctx, id)
		}
		if over && err == nil {
			err = s.remove(ctx, m.Sequence)
		}
		if err != nil {
			return
		}
		from = m.Sequence + 1
	}
}

// sweep gives every key that has requests a turn.
func (w *Worker) sweep() {
	ctx, cancel := context.WithTimeout(w.ctx, sweepEvery)
	defer cancel()
	w.dropRisen(ctx)
	prefix := w.q.store.keySubject("", "")
	prefix = prefix[:len(prefix)-1]
	info, err := w.q.store.requests.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
	if err != nil {
		return // there is a next time
	}
	keys := make(map[string]struct{})
	for subject := range info.State.Subjects {
		key, _, _ := strings.Cut(strings.TrimPrefix(subject, prefix), ".")
		keys[key] = struct{}{}
	}
	for key := range keys {
		if w.q.store.giveTurn(ctx, key, 0, 0) != nil {
			return
		}
	}
}
