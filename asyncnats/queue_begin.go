package asyncnats

import (
	"strconv"
	"time"
)

// This file begins the requests of a worker, behind a marker: so a call that was canceled before it
// began never begins (Q3).

// begin is the goroutine that begins what is ready: all of it at once, behind one marker (Q3).
func (w *Worker) begin() {
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-w.toBegin:
		}
		w.mu.Lock()
		some := w.ready
		w.ready = nil
		w.mu.Unlock()
		if len(some) == 0 {
			continue
		}
		marked := w.mark()
		each(some, func(j *errand) {
			if marked && w.ctx.Err() == nil {
				w.beginOne(j)
			} else {
				w.handBack(j)
			}
		})
	}
}

// mark returns when every cancellation that was stored before mark was called is known here.
// It writes a marker, and waits until the watcher has seen that: NATS need not say that the marker
// is stored. It reports false where the worker is down before, or the connection is closed.
func (w *Worker) mark() bool {
	w.marks++
	nc, data := w.q.store.js.Conn(), strconv.AppendUint(nil, w.marks, 10)
	timer := time.NewTimer(writeTime)
	defer timer.Stop()
	for {
		if nc.Publish(w.q.store.markSubject(w.id), data) != nil && isGone(nc) {
			return false
		}
		for tried := true; tried; {
			select {
			case n := <-w.passed:
				if n >= w.marks {
					return true
				}
			case <-timer.C: // it was lost on its way, or there is no room for it
				timer.Reset(writeTime)
				tried = false
			case <-w.q.watcher.lost.Done():
				return false
			case <-w.ctx.Done():
				return false
			}
		}
	}
}

// marked is told by the watcher that a marker of the worker has come back.
func (w *Worker) marked(data []byte) {
	n, err := strconv.ParseUint(string(data), 10, 64)
	if err != nil {
		return // it is none of the worker's
	}
	select {
	case <-w.passed: // an earlier one
	default:
	}
	w.passed <- n
}
