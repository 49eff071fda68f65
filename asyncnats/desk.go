package asyncnats

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// A job is one request at a server, without its types, from its arrival until its reply
// is sent, and, for a client that may ask again, for a while after.
//
//	            Begin                  complete                  time or space is over
//	arrived ─────────────▶ running ─────────────────▶ kept ─────────────────────────▶ forgotten
//	   │ refused                           └─ no keep ──────────────────────────────▶ forgotten
//	   └────────────────────────────────────────────────────────────────────────────▶ forgotten
type job struct {
	work   work          // cancels the call
	reply  string        // the subject that the client listens on
	key    string        // of the job at the desk: reply, or for a plain client something of its own
	inbox  string        // of the client; empty of a plain one
	id     wire.ID       // zero of a plain client
	client *customer     // nil of a plain client
	keep   time.Duration // for how long the reply is kept
	end    context.CancelFunc
	silent bool      // nobody wants the reply
	cause  error     // why the call is canceled, or nil
	answer *nats.Msg // the reply, where it is kept
	until  time.Duration
	link   link[job] // in the client's fresh, or in the server's kept
}

// A work is the call of a job.
type work interface {
	begin()
	finish() (*job, *nats.Msg) // once, when the call is complete
	cancel(cause error)
}

// A customer is a client that has calls at the server.
type customer struct {
	inbox  string
	number int       // in the subject on which NATS says that the client is gone
	jobs   int       // that are running
	fresh  list[job] // those that the client was not told of
	beat   time.Duration
	missed time.Duration // when nobody listened to a heartbeat last
	gone   time.Duration // since when nobody does, as of then
}

// A desk has the jobs of a server. The server's mu guards it.
//
// Invariants:
//
//	D1  A job is at the desk, under its key, from its arrival until it is forgotten. So a
//	    request that comes again under the same key finds the first.
//	D2  running counts the jobs at the desk that are not kept.
//	D3  A customer is there while it has jobs that run.
//	D4  An id in canceled is one whose cancellation came before the request. It refuses
//	    the request, and is forgotten after a while.
type desk struct {
	jobs     map[string]*job
	clients  map[string]*customer
	numbers  map[int]*customer
	canceled map[string]early
	kept     list[job]
	keptSize int
	running  int
	counter  int
}

// An early is a cancellation that came before its request.
type early struct {
	cause error
	until time.Duration
}

// maxEarly is how many cancellations are kept that came before their requests. All
// servers of a subject hear of a cancellation, and most never get the request.
const maxEarly = 1 << 16

func newDesk() desk {
	return desk{
		jobs: make(map[string]*job), clients: make(map[string]*customer),
		numbers: make(map[int]*customer), canceled: make(map[string]early),
	}
}

// admit puts a job to the desk. Where one with its key is there already it returns that.
func (d *desk) admit(j *job) (known *job) {
	if known := d.jobs[j.key]; known != nil {
		return known
	}
	d.jobs[j.key] = j
	d.running++
	if j.inbox == "" {
		return nil
	}
	k := d.clients[j.inbox]
	if k == nil {
		d.counter++
		k = &customer{inbox: j.inbox, number: d.counter}
		d.clients[j.inbox] = k
		d.numbers[k.number] = k
	}
	k.jobs++
	j.client = k
	k.fresh.push(j, &j.link)
	return nil
}

// done is told that a job is complete. The job is kept where the client may ask again.
func (d *desk) done(j *job, now time.Duration) {
	d.running--
	j.work, j.end = nil, nil
	j.link.leave()
	if k := j.client; k != nil {
		j.client = nil
		if k.jobs--; k.jobs == 0 {
			delete(d.clients, k.inbox)
			delete(d.numbers, k.number)
		}
	}
	if j.keep <= 0 || j.answer == nil {
		d.forget(j)
		return
	}
	j.until = now + j.keep
	d.kept.push(j, &j.link)
	d.keptSize += len(j.answer.Data) + jobSize
}

// jobSize is what a kept reply costs besides its bytes, about.
const jobSize = 512

func (d *desk) forget(j *job) {
	delete(d.jobs, j.key)
	j.link.leave()
	if len(d.jobs) == 0 {
		d.jobs = make(map[string]*job) // a map never shrinks
	}
}

// clean forgets what was kept for long enough, and the oldest of what is too much.
func (d *desk) clean(now time.Duration, maxSize int) {
	for j := d.kept.front(); j != nil && (now >= j.until || d.keptSize > maxSize); j = d.kept.front() {
		d.keptSize -= len(j.answer.Data) + jobSize
		d.forget(j)
	}
	for key, e := range d.canceled {
		if now >= e.until {
			delete(d.canceled, key)
		}
	}
}

// of returns the jobs that run for a client, or all that run where the client is nil.
func (d *desk) of(k *customer) (jobs []*job) {
	for _, j := range d.jobs {
		if j.work != nil && (k == nil || j.client == k) {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// tellFresh returns the ids of the jobs that the client was not told of.
func (k *customer) tellFresh() (ids []byte) {
	for _, j := range slices.Collect(k.fresh.all) {
		if len(ids) == wire.MaxIDs*wire.IDSize {
			break
		}
		ids = append(ids, j.id[:]...)
		j.link.leave()
	}
	return ids
}
