package asyncnats

import (
	"context"
	"errors"
	"math"

	"github.com/nats-io/nats.go/jetstream"
)

// This file is about requests that a worker has and the server has lost: it was restarted and kept
// them in memory, or has lost its last writes with its power, or somebody has made the stream
// anew. The server then gives their numbers to other requests. What the worker would say of a
// lost one, the server would take to be said of the other. So nothing is said: the function runs
// on, and its result is stored, but no sign is given, and nothing is acknowledged or removed.

// seek looks for the requests that the worker has, when the connection is there again.
func (w *Worker) seek() {
	w.mu.Lock()
	all := make([]*errand, 0, len(w.jobs))
	for _, j := range w.jobs {
		if !j.lost {
			all = append(all, j)
		}
	}
	w.mu.Unlock()
	for _, j := range all {
		m, err := w.q.store.read(w.ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
			return w.q.store.requests.GetMsg(ctx, j.number)
		})
		switch {
		case err != nil && !errors.Is(err, jetstream.ErrStreamNotFound):
			return // the worker is down, or the connection is closed
		case m != nil && m.Time.Equal(j.stored):
			continue
		}
		w.mu.Lock()
		w.loseLocked(j)
		w.mu.Unlock()
	}
}

// loseLocked notes that the server has lost the message of a job. Another message may have its
// number, so the job gets a place that is no number of a message.
func (w *Worker) loseLocked(j *errand) {
	if j.gone || j.lost {
		return
	}
	j.lost = true
	delete(w.jobs, j.place)
	j.place = math.MaxUint64 - w.lost
	w.lost++
	w.jobs[j.place] = j
}
