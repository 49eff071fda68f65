package asyncnats

import (
	"context"
	"strconv"
	"sync/atomic"
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
	work       work          // the call; nil when it is complete
	reply      string        // the subject that the client listens on
	client     *customer     // nil of a plain client
	keep       time.Duration // for how long the reply is kept
	until      time.Duration // until when
	end        context.CancelFunc
	cause      error       // why the call is canceled; see doom
	doomed     atomic.Bool // cause is written
	answer     *nats.Msg   // the reply, where it is kept
	link[*job]             //nolint:unused // its lists use it: in the client's fresh or told, or in the server's kept
	plain      uint32      // a number of its own for that of a plain client; 0 of others
	silent     bool        // nobody wants the reply
}

// key is what the job is found by at the desk: the subject of the reply, which has the id
// of the call. A plain client may ask more than once with one.
func (j *job) key() string {
	if j.plain == 0 {
		return j.reply
	}
	return j.reply + " " + strconv.FormatUint(uint64(j.plain), 10)
}

// doom notes why the call of the job is canceled: the call may not have begun, and nothing can
// be canceled then. The server's mu is held. The caller cancels the call afterwards, without
// the lock, and who begins it looks for the cause afterwards: one of the two sees the other.
func (j *job) doom(cause error) {
	j.cause = cause
	j.doomed.Store(true)
}

// unwanted notes that nobody waits for a job any more, and reports whether it is the first to say so, and
// in time. The server's mu is held, and the caller cancels the call afterwards, as with doom.
func (j *job) unwanted(cause error) bool {
	if j.work == nil || j.silent {
		return false
	}
	j.silent = true
	j.doom(cause)
	return true
}

// at returns the job of a work.
func (j *job) at() *job { return j }

// A work is the call of a job.
type work interface {
	at() *job
	begin()
	balked(err error) // code of a user has ended begin
	refusal(err error) answer
	finish() answer // once, when the call is complete
	leave()         // in place of finish, where nobody wants the answer
	cancel(cause error)
}

// An answer is what a job is answered with: the bytes of a value, or a message that is an
// error. There is no message for a value, since nearly every answer is one.
type answer struct {
	job     *job
	value   []byte
	failure *nats.Msg // nil of a value
}

// A customer is a client that has calls at the server.
type customer struct {
	inbox  string
	number int        // in the subject on which NATS says that the client is gone
	jobs   int        // that are running
	fresh  list[*job] // those that the client was not told of
	told   list[*job] // the others
	beat   time.Duration
	missed time.Duration // when nobody listened to a heartbeat last; 0 where somebody always did
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
	most     int // that jobs has had
	clients  map[string]*customer
	numbers  map[int]*customer
	canceled map[string]early
	kept     list[*job]
	keptSize int
	running  int
	counter  int    // of customers
	plain    uint32 // of jobs of plain clients
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

// admit puts a job to the desk, of the client with the inbox, which is empty for a plain one.
// Where a job with the key is there already it returns that.
func (d *desk) admit(j *job, inbox string) (known *job) {
	if inbox == "" {
		d.plain++
		j.plain = max(d.plain, 1)
	}
	key := j.key()
	if known := d.jobs[key]; known != nil {
		return known
	}
	d.jobs[key] = j
	d.most = max(d.most, len(d.jobs))
	d.running++
	if inbox == "" {
		return nil
	}
	k := d.clients[inbox]
	if k == nil {
		d.counter++
		k = &customer{inbox: inbox, number: d.counter}
		d.clients[inbox] = k
		d.numbers[k.number] = k
	}
	k.jobs++
	j.client = k
	k.fresh.push(j)
	return nil
}

// done is told that a job is complete. The job is kept where the client may ask again.
func (d *desk) done(j *job, now time.Duration) {
	d.running--
	j.work, j.end = nil, nil
	leave(j)
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
	d.kept.push(j)
	d.keptSize += len(j.answer.Data) + jobSize
}

// jobSize is what a kept reply costs besides its bytes, about.
const jobSize = 512

func (d *desk) forget(j *job) {
	delete(d.jobs, j.key())
	leave(j)
	if len(d.jobs) == 0 && d.most > largeMap {
		d.jobs, d.most = make(map[string]*job), 0 // a map never shrinks
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

// all returns the jobs that run.
func (d *desk) all() (jobs []*job) {
	for _, j := range d.jobs {
		if j.work != nil {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// all ranges over the jobs that run for the client.
func (k *customer) all(yield func(*job) bool) {
	for _, l := range []*list[*job]{&k.fresh, &k.told} {
		for j := range l.all {
			if j.work != nil && !yield(j) {
				return
			}
		}
	}
}

// tellFresh returns the ids of the jobs that the client was not told of, up to a number.
func (k *customer) tellFresh(most int) []byte {
	ids := make([]byte, 0, min(most, k.fresh.len())*wire.IDSize)
	for j := k.fresh.front(); j != nil && len(ids) < most*wire.IDSize; j = k.fresh.front() {
		if r, ok := wire.ParseReply(j.reply); ok {
			ids = append(ids, r.ID[:]...)
		}
		k.told.push(j)
	}
	return ids
}
