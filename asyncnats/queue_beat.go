package asyncnats

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

// This file is what a worker says while it has requests: to NATS, that it is still at them, and
// to whoever wants to know, what it is at.

const (
	sweepEvery = time.Minute
	maxListed  = 4096 // requests that a worker says to be at
)

// A workerState is what a worker is at.
type workerState struct {
	Worker  string          `json:"worker"`
	Name    string          `json:"name"`
	Wait    time.Duration   `json:"wait"` // the AckWait, after which the state says nothing any more
	Backoff []time.Duration `json:"backoff,omitempty"`
	Running []runningCall   `json:"running,omitempty"`
	More    int             `json:"more,omitempty"` // requests that are not listed
}

// A runningCall is a request that a worker is at.
type runningCall struct {
	ID       string    `json:"id"`
	Delivery int       `json:"delivery"`
	Since    time.Time `json:"since"`
}

// beats is the goroutine that says so: one for all requests (J3).
func (w *Worker) beats() {
	tick := min(w.o.AckWait/4, maxTick)
	ticker := time.NewTicker(max(tick, time.Millisecond))
	defer ticker.Stop()
	w.ended.Go(w.sweep)
	signed, told, swept := time.Now(), time.Time{}, time.Now()
	for {
		select {
		case <-w.ctx.Done():
			w.tell(true)
			return
		case now := <-ticker.C:
			poke(w.toBegin)
			if now.Sub(signed) >= w.o.AckWait/3-tick {
				signed = now
				w.sign()
			}
			if w.isChanged() || now.Sub(told) >= min(w.o.AckWait, w.q.o.Keep)/3 { // the bucket keeps it for Keep
				told = now
				w.tell(false)
			}
			if now.Sub(swept) >= sweepEvery {
				swept = now
				w.forget(now)
				w.ended.Go(w.sweep)
			}
		}
	}
}

// sign tells NATS that the worker is at what it has.
func (w *Worker) sign() {
	w.mu.Lock()
	all := make([]parcel, 0, len(w.jobs))
	for _, j := range w.jobs {
		if !j.lost {
			all = append(all, j.msg)
		}
	}
	w.mu.Unlock()
	for _, m := range all {
		m.atWork() // where it does not arrive there is a next one, or the request is delivered again
	}
}

// isChanged reports whether the worker is at something else since it was asked last.
func (w *Worker) isChanged() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed := w.changed
	w.changed = false
	return changed
}

// tell stores what the worker is at, and does not wait for NATS.
func (w *Worker) tell(gone bool) { _ = w.q.store.js.Conn().PublishMsg(w.state(gone)) } // there is a next one

// state is the message that says what the worker is at, as far as NATS takes that in one message.
func (w *Worker) state(gone bool) *nats.Msg {
	s := workerState{Worker: w.id, Name: w.o.Name, Backoff: w.o.Backoff}
	if !gone { // what a worker that is gone has said holds no longer
		s.Wait, s.Running = w.o.AckWait, w.running()
		s.list(maxListed)
	}
	room := w.q.store.js.Conn().MaxPayload()
	for {
		data, err := json.Marshal(s)
		if err != nil {
			panic("asyncnats: " + err.Error()) // it has numbers and strings alone
		}
		if int64(len(data)) <= room || len(s.Running) == 0 {
			return &nats.Msg{Subject: w.q.store.workerSubject(w.id), Data: data}
		}
		s.list(len(s.Running) / 2)
	}
}

// list leaves so many requests in the list.
func (s *workerState) list(most int) {
	if extra := len(s.Running) - most; extra > 0 {
		s.Running, s.More = s.Running[:most], s.More+extra
	}
}

// running lists the requests whose functions run, the oldest first.
func (w *Worker) running() (all []runningCall) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range w.jobs {
		if j.entered {
			all = append(all, runningCall{ID: j.id, Delivery: j.delivery, Since: j.since})
		}
	}
	slices.SortFunc(all, func(a, b runningCall) int { return a.Since.Compare(b.Since) })
	return all
}

// forget forgets cancellations whose records are not kept any more.
func (w *Worker) forget(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, e := range w.over {
		if (now.Sub(e.at)-sweepEvery)/2 > w.q.o.Keep { // a sum of it may be too long a time
			delete(w.over, id)
		}
	}
}
