package scope //nolint:testpackage // the invariants are of what cannot be seen from outside

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/seed4712c49f/async/internal/list"
)

// These tests take steps in a random order, one at a time, and look at the invariants T1 to
// T6 after each. What several goroutines do at once is explored in test/explore.

// A steppedJob is a job whose steps the test takes: its function runs until the test calls
// Finish.
type steppedJob struct {
	Member
	ctx      context.Context
	function bool
	entered  bool // or not announced
	complete bool
	ready    <-chan struct{} // its function waits for its slot again
	lent     bool
}

func (j *steppedJob) Context() context.Context { return j.ctx }
func (j *steppedJob) Run() *Member             { return nil }

func (j *steppedJob) Cancel(error) bool {
	if j.complete {
		return false
	}
	j.complete = true
	j.Completing(Canceled, true)
	if j.Settled() {
		j.Finish(false) // as the owner does, which lets go of the function
	}
	j.Told()
	return true
}

// A walker takes steps in one hub.
type walker struct {
	*rand.Rand
	h        *Hub
	jobs     []*steppedJob
	waiters  []*Waiter
	reserved int // places that are kept for jobs to come
	contexts []context.Context
}

// A countedContext counts what is registered at it. It does not end: the test
// calls ended of a watch itself.
type countedContext struct {
	context.Context
	done       chan struct{}
	registered int
}

func (c *countedContext) Done() <-chan struct{} { return c.done }

// AfterFunc is what context.AfterFunc calls.
func (c *countedContext) AfterFunc(func()) (stop func() bool) {
	c.registered++
	once := true
	return func() bool {
		if !once {
			return false
		}
		once = false
		c.registered--
		return true
	}
}

func newWalker(seed uint64) *walker {
	w := &walker{Rand: rand.New(rand.NewPCG(seed, 0)), h: new(Hub)}
	w.h.Init(Options{
		Limit: w.IntN(4), Queue: w.IntN(5) - 1, Ended: errStopped,
		Job: func(m *Member) Job { return (*steppedJob)(unsafe.Pointer(m)) },
		Sweep: func(n int, f func(int)) {
			for i := range n {
				f(i)
			}
		},
	})
	w.contexts = []context.Context{context.Background()}
	for range 2 {
		w.contexts = append(w.contexts, &countedContext{Context: context.Background(), done: make(chan struct{})})
	}
	return w
}

// admit takes one step of a new job: with a function or without, announced or not.
func (w *walker) admit(room bool) {
	j := &steppedJob{ctx: w.contexts[w.IntN(3)], function: room || w.IntN(4) > 0}
	j.Init(w.h)
	announce := w.IntN(3) == 0
	if _, why := j.Admit(j.function, announce, room); why == Accepted {
		j.entered = !announce
		w.jobs = append(w.jobs, j)
		if j.entered {
			j.Watch()
		}
	}
}

// step takes a random step and returns its name.
func (w *walker) step() string {
	if len(w.jobs) == 0 || w.IntN(4) == 0 {
		w.admit(false)
		return "Admit"
	}
	j := w.jobs[w.IntN(len(w.jobs))]
	running := j.state == stateRunning
	switch step := w.IntN(12); {
	case !j.entered:
		j.entered = true
		j.Enter()
		j.Watch()
		return "Enter"
	case step < 2 && running && !j.lent:
		j.Finish(true)
		if !j.complete {
			j.complete = true
			j.Completing(Returned, false)
		}
		return "Finish"
	case step < 4 && running && !j.lent:
		j.lent = true
		j.Lend()
		return "Lend"
	case step < 6 && j.lent:
		w.regain(j)
		return "Regain"
	case step == 6:
		j.Cancel(errStopped)
		return "Cancel"
	case step == 7 && j.Withdraw():
		j.Cancel(errStopped)
		return "Withdraw"
	case step == 8 && w.IntN(4) == 0:
		w.h.CancelQueued(errStopped)
		return "CancelQueued"
	case step == 9:
		return w.room()
	case step == 10:
		if watch := w.h.watches.byKey[j.ctx.Done()]; watch != nil && w.IntN(4) == 0 {
			watch.ended()
			return "a context ends"
		}
	}
	return "nothing"
}

// regain has a function that comes out of a wait take its slot, or wait for it.
func (w *walker) regain(j *steppedJob) {
	if j.ready != nil {
		select {
		case <-j.ready:
			j.ready = nil
		default:
			return
		}
	}
	if j.TryRegain() {
		j.lent = false
		return
	}
	w.h.mu.Lock()
	j.ready = w.h.wantLocked(&j.Member)
	w.h.mu.Unlock()
}

// room takes a step of the line of those that wait for room.
func (w *walker) room() string {
	switch n := len(w.waiters); {
	case n > 0 && w.IntN(2) == 0:
		i := w.IntN(n)
		if w.waiters[i].Leave() {
			w.reserved++
		}
		w.waiters = slices.Delete(w.waiters, i, i+1)
		return "Leave"
	case w.reserved > 0 && w.IntN(2) == 0:
		w.reserved--
		w.h.Free()
		return "Free"
	case w.reserved > 0:
		w.reserved--
		w.admit(true)
		return "Admit with room"
	}
	room, waiter := w.h.Reserve()
	if room {
		w.reserved++
	}
	if waiter != nil {
		w.waiters = append(w.waiters, waiter)
	}
	return "Reserve"
}

// broken returns which invariant does not hold, or nothing.
func (w *walker) broken() string {
	for _, j := range w.jobs {
		if broken := j.broken(); broken != "" {
			return broken
		}
	}
	for _, watch := range w.h.watches.byKey {
		if list.First(&watch.members) == nil || watch.stop == nil || watch.over {
			return "T6: a watch that nobody is in"
		}
	}
	for _, ctx := range w.contexts {
		c, ok := ctx.(*countedContext)
		if ok && c.registered != btoi(w.h.watches.byKey[c.Done()] != nil) {
			return fmt.Sprintf("T6: %d registrations at a context", c.registered)
		}
	}
	return w.miscounted()
}

// broken returns which invariant does not hold for one member, or nothing.
func (j *steppedJob) broken() string {
	m := &j.Member
	switch listed := list.Has(&m.hub.members, m); {
	case listed && (!j.entered || m.state == stateOver):
		return fmt.Sprintf("T1: %v and in the list", m.state)
	case !listed && j.entered && m.state != stateOver:
		return fmt.Sprintf("T1: %v and not in the list", m.state)
	case m.held && (m.state != stateRunning || m.parked > 0 && !j.isGranted()):
		return fmt.Sprintf("T2: %v, parked %d, and has a slot", m.state, m.parked)
	case !m.held && m.state == stateRunning && m.parked == 0 && m.hub.Limited():
		return "T2: it runs without a slot"
	case m.extra != nil && m.extra.watch != nil && m.state != stateQueued:
		return fmt.Sprintf("T6: %v and watched", m.state)
	}
	return ""
}

// isGranted reports whether the slot of a parked function was handed on to it: the function
// is about to wake.
func (j *steppedJob) isGranted() bool { return j.ready != nil && j.extra.ready == nil }

// miscounted returns which count is not that of the members, or nothing.
func (w *walker) miscounted() string {
	h := w.h
	live, held, again, queued, coming := 0, 0, 0, 0, w.reserved
	for _, waiter := range w.waiters {
		coming += btoi(!list.Has(&h.line.waiters, waiter))
	}
	for _, j := range w.jobs {
		live += btoi(j.state != stateOver)
		held += btoi(j.held)
		again += btoi(j.extra != nil && j.extra.ready != nil)
		queued += btoi(j.state == stateQueued)
		coming += btoi(j.state == stateAnnounced)
	}
	head := list.First(&h.members)
	for head != nil && head.state != stateQueued {
		head = list.Next(head)
	}
	limit := h.slots.limit
	switch {
	case live != h.live:
		return fmt.Sprintf("T1: live is %d of %d", h.live, live)
	case limit > 0 && (held != h.slots.used || held > limit):
		return fmt.Sprintf("T2: %d have a slot, %d are used", held, h.slots.used)
	case limit > 0 && held < limit && queued+again > 0:
		return "T2: a slot is free, and somebody waits for one"
	case coming != h.coming:
		return fmt.Sprintf("T4: coming is %d of %d", h.coming, coming)
	case list.First(&h.line.waiters) != nil && !h.isFullLocked():
		return "T4: there is room, and somebody waits for it"
	case queued != h.queue.size || head != h.queue.head:
		return fmt.Sprintf("T5: %d in the queue of %d", h.queue.size, queued)
	case h.watches.idle != nil:
		return "T6: a registration that nobody needs is kept"
	}
	return ""
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Every step leaves the invariants true.
func TestMember_EveryStepKeepsTheInvariants(t *testing.T) {
	taken := make(map[string]int)
	for seed := range uint64(400) {
		w := newWalker(seed)
		var steps []string
		for range 150 {
			step := w.step()
			taken[step]++
			steps = append(steps, step)
			if broken := w.broken(); broken != "" {
				t.Fatalf("seed %d: %s; after %q", seed, broken, steps)
			}
		}
		w.end(t)
	}
	for _, step := range []string{
		"Admit", "Enter", "Finish", "Lend", "Regain", "Cancel", "Withdraw", "CancelQueued",
		"a context ends", "Reserve", "Leave", "Free", "Admit with room",
	} {
		if taken[step] < 10 {
			t.Errorf("%s was taken %d times", step, taken[step])
		}
	}
}

// end brings every job to its end. Then nothing of them is left in the hub.
func (w *walker) end(t *testing.T) {
	t.Helper()
	for _, j := range w.jobs {
		if !j.entered {
			j.Enter()
		}
		j.Cancel(errStopped)
	}
	for again := true; again; {
		again = false
		for _, j := range w.jobs {
			if j.state == stateRunning {
				j.Finish(true)
				again = true
			}
		}
	}
	h := w.h
	if h.live != 0 || h.running != 0 || h.stopping != 0 || h.slots.used != 0 || list.First(&h.members) != nil {
		t.Errorf("of an idle hub: live %d, running %d, stopping %d, used %d", h.live, h.running, h.stopping, h.slots.used)
	}
	if len(h.watches.byKey) != 0 || list.First(&h.slots.again) != nil || h.queue.head != nil {
		t.Error("an idle hub has a watch, or somebody in line")
	}
	if c := h.Counts(); c.Pending != 0 || c.Begun != int64(len(w.jobs)) {
		t.Errorf("the ledger of %d jobs: %+v", len(w.jobs), c)
	}
}
