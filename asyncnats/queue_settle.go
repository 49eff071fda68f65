package asyncnats

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is the end of one request at a worker: how its record is stored, and how the delivery is
// acknowledged or handed back. The record comes first (Q2).

// tellLane has a second client that submitted the id hear of the record, too: one that found
// neither request nor record when it did, because they came and went between two looks, or
// because it submitted the id at the same time with another key.
func (w *Worker) tellLane(j *errand, r record) {
	if r.lane == j.lane {
		return
	}
	m := &nats.Msg{Subject: w.q.store.recordSubject(r.id, r.kind, j.lane), Header: maps.Clone(r.header), Data: r.data}
	delete(m.Header, jetstream.ExpectedLastSubjSeqHeader)
	delete(m.Header, jetstream.ExpectedLastSubjSeqSubjHeader)
	for !w.try(func() error { _, err := w.store.write(w.ctx, m); return err }) {
	}
}

// try does something at NATS that has to be done some time, and reports whether to go on: when
// it is done, and when it cannot be done any more.
func (w *Worker) try(f func() error) bool {
	err := f()
	if err == nil || errors.Is(err, ErrDisconnected) || errors.Is(err, ErrTooLarge) {
		return true
	}
	w.count(func(s *WorkerStats) { s.Unstored++ })
	return !pause(w.ctx, maxRest/2)
}

// drop is told that a call was canceled, and that its function does not run, or that nothing
// has to wait until the function has returned.
func (w *Worker) drop(j *errand) {
	w.count(func(s *WorkerStats) { s.Canceled++ })
	if j.key == "" {
		w.remove(j)
		return
	}
	w.spawn(func() { w.remove(j) }) // the next of the key is looked for
}

// spawn runs f in a goroutine that a shutdown waits for. It reports false where the worker is down,
// and nothing is done any more.
func (w *Worker) spawn(f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return false
	}
	w.ended.Go(f)
	return true
}

// remove removes the request of a call whose record is stored (Q2).
func (w *Worker) remove(j *errand) {
	w.mu.Lock()
	lost := j.lost
	w.mu.Unlock()
	if j.key != "" && !lost {
		w.nextOfKey(j)
		return
	}
	w.release(j, parcel.done)
}

// release lets go of a job. last says to NATS what becomes of the delivery. Where that does
// not arrive, the request is delivered again after AckWait, and somebody else says it.
func (w *Worker) release(j *errand, last func(parcel)) {
	w.mu.Lock()
	if j.gone {
		w.mu.Unlock()
		return
	}
	j.gone = true
	delete(w.jobs, j.place)
	w.changed = true
	m, lost := j.msg, j.lost
	w.restLocked()
	w.mu.Unlock()
	if !lost {
		last(m)
	}
	poke(w.toPull)
	poke(w.toBegin)
}

// handedBack is the last that NATS is told of a delivery that another worker is to get.
func handedBack(p parcel) { p.again() }

// nothing is the last that NATS is told where it was told all, or is to hear nothing.
func nothing(parcel) {}

// handBack has a request delivered to another worker, or to this one again.
func (w *Worker) handBack(j *errand) {
	w.count(func(s *WorkerStats) { s.Returned++ })
	w.release(j, handedBack)
}

// giveUp stores that a request was delivered too often, and the last error.
func (w *Worker) giveUp(j *errand, last error) {
	err := fmt.Errorf("%w after %d deliveries: %w", ErrGivenUp, w.o.MaxDeliver, last)
	m := w.q.known.message("", w.o.Name, err, false)
	ours, err := w.settle(j, kindGivenUp, m)
	if err != nil {
		w.handBack(j)
		return
	}
	if ours {
		w.count(func(s *WorkerStats) { s.GivenUp++ })
	}
	w.remove(j)
}

// lastError is the error of the last delivery but this one: that of the function, where it was
// stored, or that the worker was lost.
func (w *Worker) lastError(j *errand) error {
	m, err := w.q.store.read(w.ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return w.q.store.bucket.GetLastMsgForSubject(ctx, w.q.store.errorSubject(j.id))
	})
	lost := wrapped{ErrResponderLost, "the worker died"}
	if err != nil || m == nil {
		return lost
	}
	last := w.q.known.causeIn(m.Header, m.Data)
	if last == nil {
		last = new(causeError) // it had no text
	}
	if n, _ := strconv.Atoi(m.Header.Get(wire.HeaderDelivery)); n < j.delivery-1 {
		return fmt.Errorf("%w; before that: %w", lost, last)
	}
	return last
}

// settle stores how a call has ended, and reports whether it was this job that ended it. It
// tries until the record is there. The error says that the worker is down, or the connection is
// closed, and that it is not known whether the record is there.
func (w *Worker) settle(j *errand, k kind, m *nats.Msg) (ours bool, err error) {
	writer := w.id + " " + strconv.FormatUint(j.number, 10) + " " + strconv.Itoa(j.delivery)
	setHeader(m, wire.HeaderWriter, writer)
	for {
		r := record{id: j.id, lane: j.lane, kind: k, header: m.Header, data: m.Data}
		err := w.store.finish(w.ctx, r)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, errTaken):
			end, ok, err := w.q.store.record(w.ctx, j.id)
			if ok {
				w.tellLane(j, end)
			}
			return ok && end.header.Get(wire.HeaderWriter) == writer, err
		case errors.Is(err, ErrTooLarge) && k == kindDone:
			k, m = kindFailed, w.q.known.message("", w.o.Name, fmt.Errorf("%w: a result of %d bytes", ErrTooLarge, len(r.data)), false)
			m.Header.Set(wire.HeaderWriter, writer)
			continue
		case errors.Is(err, ErrTooLarge) && shorten(m):
			continue
		}
		w.count(func(s *WorkerStats) { s.Unstored++ })
		if errors.Is(err, ErrDisconnected) || !pause(w.ctx, maxRest/2) {
			return false, err
		}
	}
}

// storeError stores an error that is not the end of a call, with as much text as NATS takes.
func (w *Worker) storeError(m *nats.Msg) error {
	for {
		_, err := w.store.write(w.ctx, m)
		if !errors.Is(err, ErrTooLarge) || !shorten(m) {
			return err
		}
	}
}

// shorten cuts the text of an error that is too large for NATS in half, and reports whether there
// was something to cut: what the header has remains.
func shorten(m *nats.Msg) bool {
	if len(m.Data) == 0 {
		return false
	}
	m.Data = bytes.ToValidUTF8(m.Data[:len(m.Data)/2], nil)
	if len(m.Data) == 0 {
		delete(m.Header, wire.HeaderLong)
	}
	return true
}

// retry has a request delivered again whose function has failed, or gives up.
func (w *Worker) retry(j *errand, err error) {
	w.mu.Lock()
	delivery := j.delivery + j.more
	w.mu.Unlock()
	if w.o.MaxDeliver > 0 && delivery >= w.o.MaxDeliver {
		w.giveUp(j, err)
		return
	}
	m := w.q.known.message(w.q.store.errorSubject(j.id), w.o.Name, err, false)
	m.Header.Set(wire.HeaderDelivery, strconv.Itoa(delivery))
	for !w.try(func() error { return w.storeError(m) }) {
	}
	w.count(func(s *WorkerStats) { s.Retried++ })
	rest := w.o.rest(delivery)
	delay := w.delay(rest, delivery)
	w.release(j, func(p parcel) {
		if rest == 0 {
			p.again()
		} else {
			p.againAfter(delay)
		}
	})
}
