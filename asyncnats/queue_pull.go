package asyncnats

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// This file is how a worker takes requests. It asks NATS for as many as it has room for, and for
// no more, so that none waits here while another worker has nothing to do. What was asked for
// comes to one subscription, for as long as the worker lives: a request that is on its way
// when the worker asks anew, or is shut down, is not lost, which would have it come again only
// after AckWait. That is why the worker does not use Fetch, which has an inbox for each pull.

const (
	pullTime = 30 * time.Second // how long NATS keeps one pull
	pullBeat = time.Second      // how often NATS says that it has the pull
	pullLost = 5 * time.Second / 2
)

// A pull is what a worker has asked NATS for. The worker's mu guards it.
type pull struct {
	left  int       // requests that are still to come
	heard time.Time // when NATS gave a sign of it last
	stale time.Time // when it ends
	rest  time.Time // until when nothing is asked for
	gone  bool      // there was no consumer to ask
}

// A pullRequest is what NATS is asked.
type pullRequest struct {
	Batch     int           `json:"batch"`
	Expires   time.Duration `json:"expires"`
	Heartbeat time.Duration `json:"idle_heartbeat"`
}

// pulls is the goroutine that asks, until the worker is shut down or the connection is closed.
func (w *Worker) pulls(status chan nats.Status) {
	nc := w.q.store.js.Conn()
	defer nc.RemoveStatusListener(status)
	ticker := time.NewTicker(pullBeat / 4)
	defer ticker.Stop()
	for {
		if isGone(nc) {
			w.unpull()
		}
		w.makeAnew()
		w.ask()
		select {
		case <-w.pulling.Done():
			w.drain()
			return
		case <-status:
			w.doubt()
			w.spawn(func() {
				w.seek()
				w.sweep()
			})
		case <-w.toPull:
		case <-ticker.C:
		}
	}
}

// doubt has NATS be asked anew unless it soon gives a sign: it may have lost the pull with the
// connection, and it may have not. Two pulls would bring more than there is room for.
func (w *Worker) doubt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked.heard = time.Now().Add(pullBeat*5/4 - pullLost)
}

// ask asks for what there is room for, unless NATS was asked and is at it. What is asked while the
// connection is down would come to NATS when that is up again, beside what is asked then.
func (w *Worker) ask() {
	nc := w.q.store.js.Conn()
	if !nc.IsConnected() {
		return
	}
	now := time.Now()
	w.mu.Lock()
	p := &w.asked
	if p.left > 0 && (now.Sub(p.heard) > pullLost || now.After(p.stale)) {
		p.left = 0
	}
	n := w.o.AtOnce - len(w.jobs)
	if p.left > 0 || n <= 0 || now.Before(p.rest) {
		w.mu.Unlock()
		return
	}
	*p = pull{left: n, heard: now, stale: now.Add(pullTime + pullBeat)}
	w.mu.Unlock()
	data, err := json.Marshal(pullRequest{n, pullTime, pullBeat})
	if err != nil {
		return // it has numbers alone
	}
	_ = nc.PublishRequest(w.next, w.inbox.Subject, data) // there is another one when nothing is heard
}

// makeAnew makes the consumer of the workers where NATS has none: an operator has deleted the
// consumer, or a server has lost it. NATS then knows no more which requests run: it delivers them
// again at once, and counts their deliveries from one. Where makeAnew fails the next pull says
// again that there is no consumer.
func (w *Worker) makeAnew() {
	w.mu.Lock()
	gone := w.asked.gone
	w.asked.gone = false
	w.mu.Unlock()
	if !gone {
		return
	}
	ctx, cancel := context.WithTimeout(w.pulling, writeTime)
	defer cancel()
	_ = w.share(ctx)
}

// nextSubject is where NATS is asked for what a consumer has.
func (s *store) nextSubject(stream jetstream.Stream, consumer string) string {
	o := s.js.Options()
	prefix := "$JS.API."
	switch {
	case o.APIPrefix != "":
		prefix = o.APIPrefix
	case o.Domain != "":
		prefix = "$JS." + o.Domain + ".API."
	}
	return prefix + "CONSUMER.MSG.NEXT." + stream.CachedInfo().Config.Name + "." + consumer
}

// receive is the handler of the subscription: of requests, and of what NATS says of the pull.
func (w *Worker) receive(m *nats.Msg) {
	status := m.Header.Get("Status")
	w.mu.Lock()
	w.asked.heard = time.Now()
	switch {
	case status == "":
		w.asked.left = max(w.asked.left-1, 0)
	case status == statusBeat:
	case status == statusTimeout:
		w.asked.left = 0
	default: // the pull is over, and perhaps there is no consumer now: the next pull tells
		w.asked.left = 0
		w.asked.rest = w.asked.heard.Add(maxRest / 2)
		w.asked.gone = status == statusNobody
	}
	w.mu.Unlock()
	if status == statusNobody {
		poke(w.toPull)
	}
	if status == "" {
		w.accept(parcel{w.q.store.js.Conn(), m})
	}
}

const (
	statusBeat    = "100"
	statusTimeout = "408"
	statusNobody  = "503"
)

// drain ends the subscription. What comes until then is handed back.
func (w *Worker) drain() {
	closed := make(chan struct{})
	w.inbox.SetClosedHandler(func(string) { close(closed) })
	if w.inbox.Drain() != nil {
		return // the connection is closed
	}
	timer := time.NewTimer(flushTime)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C: // the connection is down
	}
}

// A parcel is a message that was delivered, and what NATS is told of it. It is said without
// waiting: where that does not arrive, the message is delivered again after AckWait.
type parcel struct {
	nc *nats.Conn
	m  *nats.Msg
}

func (p parcel) say(text string) { _ = p.nc.Publish(p.m.Reply, []byte(text)) }

func (p parcel) done()   { p.say("+ACK") }
func (p parcel) atWork() { p.say("+WPI") }
func (p parcel) again()  { p.say("-NAK") }

// againAfter is again after a delay, which Worker.delay has made and may be negative.
func (p parcel) againAfter(delay time.Duration) {
	p.say(`-NAK {"delay": ` + strconv.FormatInt(int64(delay), 10) + `}`)
}
