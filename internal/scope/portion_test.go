package scope //nolint:testpackage // what is done under the lock cannot be seen from outside

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/seed4712c49f/async/internal/list"
)

// How much is done while the lock is held cannot be seen from outside but by time, which
// says little on a busy machine. So these tests are inside.

const most = 100 // members that may be looked at in one piece

// A fakeJob is a job whose function does nothing.
type fakeJob struct {
	Member
	ctx      context.Context
	canceled error
	runs     int
}

func (j *fakeJob) Context() context.Context { return j.ctx }

func (j *fakeJob) Run() *Member {
	j.runs++
	return j.Finish(true)
}

func (j *fakeJob) Cancel(cause error) bool {
	if j.canceled != nil {
		return false
	}
	j.canceled = cause
	j.Completing(Canceled, true)
	j.Settled()
	j.Told()
	return true
}

var errStopped = errors.New("stopped")

// jobOf returns the fakeJob around a member, which is its first field.
func jobOf(m *Member) Job { return (*fakeJob)(unsafe.Pointer(m)) }

func newHub(limit int) *Hub {
	h := new(Hub)
	h.Init(Options{Limit: limit, Queue: -1, Ended: errStopped, Job: jobOf, Sweep: func(n int, f func(int)) {
		for i := range n {
			f(i)
		}
	}})
	return h
}

// admit makes n members and admits them.
func admit(ctx context.Context, t *testing.T, h *Hub, n int, function bool) []*fakeJob {
	t.Helper()
	jobs := make([]*fakeJob, n)
	for i := range jobs {
		jobs[i] = &fakeJob{ctx: ctx}
		jobs[i].Init(h)
		if _, why := jobs[i].Admit(function, false, false); why != Accepted {
			t.Fatalf("refused: %v", why)
		}
	}
	return jobs
}

// A loop over the members that have a handle looks at few of them while the lock is held:
// what the hub forgets meanwhile is not looked at (C6).
func TestC6_UnreleasedLetsTheScopeGoOn(t *testing.T) {
	const n = 1000
	h := newHub(0)
	jobs := admit(context.Background(), t, h, n, false)
	for _, j := range jobs {
		j.Keep()
	}
	seen := 0
	for range h.Kept() {
		if seen++; seen == 1 {
			for _, j := range jobs {
				j.Unkeep(func() bool { return true })
			}
		}
	}
	if seen == 0 || seen > most {
		t.Errorf("it looked at %d members in one piece", seen)
	}
	if list.First(&h.kept) != nil {
		t.Error("a cursor, or a member, is left")
	}
}

// So does the goroutine that cancels the queued jobs of a context that ended (C1).
func TestC1_TheEndOfAContextLetsTheScopeGoOn(t *testing.T) {
	const n = 1000
	ctx, cancel := context.WithCancel(context.Background())
	h := newHub(1)
	first := admit(context.Background(), t, h, 1, true)[0]
	jobs := admit(ctx, t, h, n, true)
	for _, j := range jobs {
		j.Watch()
	}
	h.mu.Lock()
	w := h.watches.byKey[ctx.Done()]
	h.mu.Unlock()
	w.stop() // the test is the one that is told
	cancel()
	taken := 0
	for some := w.takeSome(); len(some) > 0; some = w.takeSome() {
		if len(some) > most {
			t.Errorf("it took %d members in one piece", len(some))
		}
		for _, m := range some {
			taken++
			m.Job().Cancel(context.Cause(ctx))
		}
	}
	if taken != n {
		t.Errorf("it took %d members of %d", taken, n)
	}
	if h.watches.byKey[ctx.Done()] != nil {
		t.Error("the watch is joined although its context has ended")
	}
	if next := first.Run(); next != nil {
		t.Error("a canceled job is run")
	}
	for _, j := range jobs {
		if j.canceled == nil || j.runs != 0 {
			t.Fatalf("canceled by %v, run %d times", j.canceled, j.runs)
		}
	}
	if d := h.Drain(nil); d.GiveUp() {
		t.Error("the hub is not at its end")
	}
}

// A completion looks at no drain that has to wait on (C3).
func TestC3_AWaitingShutdownCostsACompletionNothing(t *testing.T) {
	h := newHub(0)
	j := admit(context.Background(), t, h, 1, false)[0]
	over := make(chan struct{})
	go func() { <-h.Drain(nil).Done(); close(over) }()
	for !h.IsClosed() { // until it waits: Drain closes the hub in the same step
		runtime.Gosched()
	}
	h.mu.Lock()
	allocations := testing.AllocsPerRun(100, h.wakeDrainsLocked)
	h.mu.Unlock()
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
	j.Cancel(errStopped)
	<-over
}

// The goroutine that ends the queue lets go of the lock every few jobs, and ends it for
// those that were there (C11).
func TestC11_TheEndOfTheQueueLetsTheScopeGoOn(t *testing.T) {
	const n = 1000
	h := newHub(1)
	first := admit(context.Background(), t, h, 1, true)[0]
	jobs := admit(context.Background(), t, h, n, true)
	var later *fakeJob
	var queued []*Member
	for m := range h.queued() {
		if later == nil {
			later = admit(context.Background(), t, h, 1, true)[0]
			for _, j := range jobs[most:] { // which the loop has not come to
				j.Cancel(errStopped)
			}
		}
		queued = append(queued, m)
	}
	if len(queued) == 0 || len(queued) > most {
		t.Errorf("it looked at %d members in one piece", len(queued))
	}
	if slices.Contains(queued, &later.Member) {
		t.Error("it looked at one that came later")
	}
	if list.First(&h.members) != &first.Member || list.Last(&h.members) != &later.Member {
		t.Error("a cursor is left")
	}
	taken := len(jobs) - most + h.CancelQueued(errStopped)
	if taken != n+1 || later.canceled == nil {
		t.Errorf("it canceled %d members of %d", taken, n+1)
	}
	last := admit(context.Background(), t, h, 1, true)[0]
	if next := first.Run(); next != &last.Member {
		t.Error("the next to run is not the one that came after the queue was ended")
	}
	for _, j := range jobs {
		if j.runs != 0 {
			t.Fatal("a canceled job has run")
		}
	}
	last.Run()
	if d := h.Drain(nil); d.GiveUp() {
		t.Error("the hub is not at its end")
	}
}
