package verify_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/seed4712c49f/async"
)

// A Scope does what its sequential contract says: so many functions at once, the
// others in order, a queue with its bound, refusals, a ledger that is exact after
// each step, and a Shutdown that waits for all of it (C1–C5).
func TestModels_Scope(t *testing.T) {
	inBubble(t, func(rt *rapid.T) {
		m := newScopeMachine(rt)
		defer m.free()
		machine(rt, m.check, map[string]func(*rapid.T){
			"go": m.goes, "promise": m.promise, "return": m.returns, "park": m.park, "unpark": m.unpark,
			"complete": m.complete, "cancel": m.cancel, "end context": m.endContext, "cancel queued": m.cancelQueued,
			"take": m.take, "release": m.release, "close": m.closes,
		})
		m.end()
	})
}

// A place is where a modelTask is.
type place int

const (
	queued place = iota
	running
	parked // in a wait, its slot lent
	wants  // out of the wait, without a slot
	over   // returned, or never to run
)

type modelTask struct {
	id       int
	c        *async.Call[int]
	p        *async.Promise[int]
	cancel   context.CancelCauseFunc
	at       place
	complete bool
	canceled bool
	caught   bool // complete with a panic that is the result
	result   bool
	taken    bool
	released bool

	commands chan func() (int, error, bool) // what the function does next, and whether that was all
	event    *async.Event                   // it waits for
	ended    bool                           // its context has
	started  bool                           // really
	back     bool                           // really out of the wait
}

type scopeMachine struct {
	s     *async.Scope
	limit int // 0: none
	queue int // 0: no bound; -1: none
	tasks []*modelTask
	want  async.Stats
	shut  bool

	refused int64
}

func newScopeMachine(rt *rapid.T) *scopeMachine {
	m := &scopeMachine{limit: rapid.IntRange(0, 3).Draw(rt, "limit"), queue: rapid.IntRange(-1, 3).Draw(rt, "queue")}
	m.s = async.NewScope(async.ScopeOptions{Limit: m.limit, Queue: m.queue, Panic: async.PanicReturn})
	return m
}

func (m *scopeMachine) count(at ...place) (n int) {
	for _, t := range m.tasks {
		if t.p == nil && slices.Contains(at, t.at) {
			n++
		}
	}
	return n
}

func (m *scopeMachine) pick(rt *rapid.T, ok func(*modelTask) bool) *modelTask {
	return pick(rt, "task", m.tasks, ok)
}

func (m *scopeMachine) goes(rt *rapid.T) {
	t := &modelTask{commands: make(chan func() (int, error, bool))}
	ctx, cancel := context.WithCancelCause(bg)
	t.cancel = cancel
	want := error(nil)
	switch {
	case m.shut:
		want = async.ErrScopeClosed
	case m.limit > 0 && m.queue != 0 && m.count(running, queued) >= m.limit+max(m.queue, 0):
		want = async.ErrQueueFull
	}
	t.c = new(async.Call[int])
	err := t.c.Begin(ctx, func(ctx context.Context) (int, error) {
		t.started = true
		for {
			do, ok := <-t.commands
			if !ok {
				return 0, nil
			}
			if v, err, last := do(); last {
				return v, err
			}
			_ = t.event.Wait(ctx)
			t.back = true
		}
	}, m.s)
	if err != want {
		rt.Fatalf("Begin: %v, want %v", err, want)
	}
	if err != nil {
		m.refused++
		cancel(nil)
		return
	}
	t.at = queued
	m.accept(t)
}

func (m *scopeMachine) promise(rt *rapid.T) {
	t := &modelTask{c: new(async.Call[int]), at: over}
	p, err := t.c.BeginPromise(bg, m.s)
	if m.shut != (err == async.ErrScopeClosed) {
		rt.Fatalf("BeginPromise: %v", err)
	}
	if err != nil {
		m.refused++
		return
	}
	t.p = p
	m.accept(t)
}

func (m *scopeMachine) accept(t *modelTask) {
	m.want.Begun++
	m.want.Pending++
	t.id = int(m.want.Begun)
	m.tasks = append(m.tasks, t)
}

// done is the model's completion of a call.
func (m *scopeMachine) done(t *modelTask, count *int64, result bool) {
	t.complete, t.result = true, result
	*count++
	m.want.Pending--
	if result && t.released {
		m.want.Discarded++
	}
}

func (m *scopeMachine) returns(rt *rapid.T) {
	t := m.pick(rt, func(t *modelTask) bool { return t.p == nil && t.at == running })
	kind := rapid.IntRange(0, 3).Draw(rt, "ending")
	t.commands <- func() (int, error, bool) {
		switch kind {
		case 1:
			return t.id, errOne, true
		case 2:
			panic(errOne)
		case 3:
			runtime.Goexit()
		}
		return t.id, nil, true
	}
	t.at = over
	switch late := t.canceled; {
	case late && kind == 3:
		m.want.Stopped++
	case late:
		m.want.Discarded++
		m.want.Stopped++
	case kind == 0:
		m.done(t, &m.want.Returned, true)
	case kind == 1:
		m.done(t, &m.want.Failed, true)
	case kind == 2:
		t.caught = true
		m.done(t, &m.want.Panicked, true)
	case kind == 3:
		m.done(t, &m.want.Goexited, false)
	}
}

// park has a function wait by its context, which lends its slot.
func (m *scopeMachine) park(rt *rapid.T) {
	t := m.pick(rt, func(t *modelTask) bool { return t.p == nil && t.at == running && !t.canceled && !t.ended })
	t.event, t.back = new(async.Event), false
	t.commands <- func() (int, error, bool) { return 0, nil, false }
	t.at = parked
}

// unpark ends the wait of a function.
func (m *scopeMachine) unpark(rt *rapid.T) {
	t := m.pick(rt, func(t *modelTask) bool { return t.at == parked })
	t.at = wants
	t.event.Set()
}

func (m *scopeMachine) complete(rt *rapid.T) {
	t := m.pick(rt, func(t *modelTask) bool { return t.p != nil })
	if won := t.p.Complete(t.id, nil); won == t.complete {
		rt.Fatalf("Complete: %v", won)
	} else if won {
		m.done(t, &m.want.Returned, true)
	}
}

func (m *scopeMachine) cancel(rt *rapid.T) {
	t := m.pick(rt, func(t *modelTask) bool { return !t.released && t.at != parked && t.at != wants })
	var want error
	switch {
	case t.canceled:
		want = async.ErrCanceled
	case t.complete:
		want = async.ErrCallComplete
	}
	if err := t.c.Cancel(errOne); err != want {
		rt.Fatalf("Cancel: %v, want %v", err, want)
	}
	if want == nil {
		m.canceled(t)
	}
}

func (m *scopeMachine) canceled(t *modelTask) {
	t.canceled = true
	m.done(t, &m.want.Canceled, false)
	if t.at == queued {
		t.at = over
	}
}

// endContext cancels a call that is queued and no other.
func (m *scopeMachine) endContext(rt *rapid.T) {
	t := m.pick(rt, func(t *modelTask) bool { return t.p == nil && t.at != parked && t.at != wants })
	t.cancel(errOne)
	t.ended = true
	if t.at == queued && !t.complete {
		m.canceled(t)
	}
}

// cancelQueued cancels all calls that are queued and no other.
func (m *scopeMachine) cancelQueued(rt *rapid.T) {
	want := m.count(queued)
	if n := m.s.CancelQueued(errOne); n != want {
		rt.Fatalf("CancelQueued: %d, want %d", n, want)
	}
	for _, t := range m.tasks {
		if t.p == nil && t.at == queued {
			m.canceled(t)
		}
	}
}

func (m *scopeMachine) take(rt *rapid.T) {
	t := m.pick(rt, func(t *modelTask) bool { return !t.released })
	v, err := t.c.Await(ended)
	switch {
	case !t.complete:
		if !errors.Is(err, async.ErrCallPending) {
			rt.Fatalf("Await: %v", err)
		}
	case t.result:
		if v != t.id && !t.caught {
			rt.Fatalf("Await: %d, %v, want %d", v, err, t.id)
		}
		if !t.taken {
			t.taken = true
			m.want.Taken++
		}
	case err == nil:
		rt.Fatalf("Await: %d, and no error", v)
	}
}

func (m *scopeMachine) release(rt *rapid.T) {
	t := m.pick(rt, func(t *modelTask) bool { return !t.released })
	t.c.Release()
	t.released = true
	if t.result && !t.taken {
		m.want.Discarded++
	}
}

func (m *scopeMachine) closes(rt *rapid.T) {
	if rapid.IntRange(0, 9).Draw(rt, "close") > 0 {
		rt.Skip("rarely")
	}
	m.s.Close()
	m.shut = true
}

// check compares the ledger, and looks whether slots are used as they should be:
// never more than the limit, none free while somebody waits for one, the queue in
// order.
func (m *scopeMachine) check(rt *rapid.T) {
	m.settle()
	want := m.want
	want.Queued = int64(m.count(queued))
	want.Running = int64(m.count(running, parked, wants))
	if m.limit > 0 {
		want.Lent = int64(m.count(parked, wants))
	}
	want.Untaken = want.Returned + want.Failed + want.Panicked - want.Taken
	for _, t := range m.tasks {
		if t.canceled && t.p == nil && t.at != over {
			want.Stopping++
		}
		if t.result && t.released && !t.taken {
			want.Untaken--
		}
	}
	want.Refused = m.refused
	got := m.s.Stats()
	got.StopTimes, got.StopTotal, got.StopMax = want.StopTimes, 0, 0
	if got != want {
		rt.Fatalf("stats\n%+v, want\n%+v", got, want)
	}
	m.checkSlots(rt)
}

// settle brings the model up to date with who was given a slot: it says who may
// have one, and not which of those that come out of a wait and those that wait to
// start is first.
func (m *scopeMachine) settle() {
	synctest.Wait()
	for _, t := range m.tasks {
		if t.at == queued && t.started || t.at == wants && t.back {
			t.at = running
		}
	}
}

func (m *scopeMachine) checkSlots(rt *rapid.T) {
	if m.limit > 0 && m.count(running) > m.limit {
		rt.Fatalf("%d run at once", m.count(running))
	}
	if m.count(running) < m.limit && m.count(queued, wants) > 0 {
		rt.Fatalf("a slot is free, and %d wait for one", m.count(queued, wants))
	}
	first := -1
	for i, t := range m.tasks {
		switch {
		case t.at == queued && first < 0:
			first = i
		case t.started && first >= 0 && t.id > m.tasks[first].id:
			rt.Fatalf("call %d has started, and call %d before it is queued", t.id, m.tasks[first].id)
		}
	}
}

// end shuts the scope down, which waits for all functions and no longer.
func (m *scopeMachine) end() {
	down := false
	go func() {
		_ = m.s.Shutdown(bg)
		down = true
	}()
	m.settle()
	for again := true; again; {
		again = false
		for _, t := range m.tasks {
			switch {
			case t.p != nil && !t.complete:
				t.p.Break()
				t.complete = true
			case t.p != nil:
				continue
			case t.at == parked:
				t.at = wants
				t.event.Set()
			case t.at == running:
				t.commands <- func() (int, error, bool) { return 0, nil, true }
				t.at = over
			default:
				continue
			}
			again = true
			m.settle()
		}
	}
	if !down {
		panic("Shutdown waits for nothing")
	}
}

// free lets every function return, whatever the model makes of it.
func (m *scopeMachine) free() {
	for _, t := range m.tasks {
		if t.event != nil {
			t.event.Set()
		}
		if t.commands != nil {
			close(t.commands)
		}
		if t.p != nil {
			t.p.Break()
		}
	}
}
