package verify_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/seed4712c49f/async"
)

// Events and their signals, alone and several together, and what hangs on them do
// what their sequential contract says (S1, S4, S6, S7, W1).
func TestModels_Event(t *testing.T) {
	inBubble(t, func(rt *rapid.T) {
		m := new(eventMachine)
		machine(rt, m.check, map[string]func(*rapid.T){
			"set": m.setOne, "wait for": m.waitFor, "any": m.any, "all": m.waitAll,
			"signal": m.signal, "clone": m.clone, "release": m.release,
			"after": m.after, "stop": m.stop, "waiter": m.waiter,
		})
		for i := range m.events {
			m.events[i].Set()
		}
	})
}

const modelEvents = 3

type eventMachine struct {
	events    [modelEvents]async.Event
	set       [modelEvents]bool
	signals   []*modelSignal
	callbacks []*modelCallback
	waiters   []*modelWaiter
}

type modelSignal struct {
	s        *async.Signal
	on       int
	released bool
}

// A modelCallback is a function that hangs on an event.
type modelCallback struct {
	on      int
	stop    func() bool
	stopped bool // before it was started
	over    bool // started or stopped
	ran     int
}

// A modelWaiter is a goroutine that waits.
type modelWaiter struct {
	on    int
	woken bool
}

func event(rt *rapid.T) int { return rapid.IntRange(0, modelEvents-1).Draw(rt, "event") }

func (m *eventMachine) setOne(rt *rapid.T) {
	i := event(rt)
	if won := m.events[i].Set(); won == m.set[i] {
		rt.Fatalf("Set: %v", won)
	}
	m.set[i] = true
	for _, c := range m.callbacks {
		if c.on == i {
			c.over = true
		}
	}
}

// waitFor takes the whole of its time where the event is not set, and none where
// it is.
func (m *eventMachine) waitFor(rt *rapid.T) {
	i, d := event(rt), time.Duration(rapid.IntRange(-1, 3).Draw(rt, "d"))*time.Second
	start := time.Now()
	err := m.events[i].WaitFor(d)
	took, want := time.Since(start), max(d, 0)
	if m.set[i] {
		want = 0
	}
	if took != want || (err == nil) != m.set[i] || err != nil && !errors.Is(err, async.ErrTimeout) {
		rt.Fatalf("WaitFor(%v): %v after %v", d, err, took)
	}
}

func (m *eventMachine) any(rt *rapid.T) {
	is := rapid.SliceOfN(rapid.IntRange(0, modelEvents-1), 1, 5).Draw(rt, "members")
	ws, want := make([]async.Waitable, len(is)), -1
	for k, i := range is {
		ws[k] = &m.events[i]
		if m.set[i] && want < 0 {
			want = k
		}
	}
	if k, err := async.WaitAny(ended, ws...); k != want || (err == nil) != (want >= 0) {
		rt.Fatalf("WaitAny: %d, %v, want %d", k, err, want)
	}
}

func (m *eventMachine) waitAll(rt *rapid.T) {
	all := m.set == [modelEvents]bool{true, true, true}
	if err := async.WaitAll(ended, &m.events[0], &m.events[1], &m.events[2]); (err == nil) != all {
		rt.Fatalf("WaitAll: %v", err)
	}
}

func (m *eventMachine) signal(rt *rapid.T) {
	i := event(rt)
	m.signals = append(m.signals, &modelSignal{s: m.events[i].Signal(), on: i})
}

func (m *eventMachine) clone(rt *rapid.T) {
	s := pick(rt, "signal", m.signals, func(s *modelSignal) bool { return !s.released })
	m.signals = append(m.signals, &modelSignal{s: s.s.Clone(), on: s.on})
}

func (m *eventMachine) release(rt *rapid.T) {
	s := pick(rt, "signal", m.signals, func(*modelSignal) bool { return true })
	s.s.Release()
	s.released = true
}

func (m *eventMachine) after(rt *rapid.T) {
	c := &modelCallback{on: event(rt)}
	c.stop = async.AfterFunc(&m.events[c.on], func() { c.ran++ })
	c.over = m.set[c.on]
	m.callbacks = append(m.callbacks, c)
}

func (m *eventMachine) stop(rt *rapid.T) {
	c := pick(rt, "callback", m.callbacks, func(*modelCallback) bool { return true })
	if stopped := c.stop(); stopped == c.over {
		rt.Fatalf("stop: %v", stopped)
	} else if stopped {
		c.over, c.stopped = true, true
	}
}

func (m *eventMachine) waiter(rt *rapid.T) {
	w := &modelWaiter{on: event(rt)}
	m.waiters = append(m.waiters, w)
	go func() { w.woken = m.events[w.on].Wait(bg) == nil }()
}

func (m *eventMachine) check(rt *rapid.T) {
	synctest.Wait()
	for i := range m.events {
		if is, done := m.events[i].IsSet(), isReady(m.events[i].Done()); is != m.set[i] || done != m.set[i] {
			rt.Fatalf("event %d: is %v, done %v", i, is, done)
		}
	}
	for _, s := range m.signals {
		err := s.s.WaitFor(0)
		if s.s.IsSet() != m.set[s.on] || (err == async.ErrReleased) != s.released || !s.released && (err == nil) != m.set[s.on] {
			rt.Fatalf("a signal of event %d: %v, %v", s.on, s.s.IsSet(), err)
		}
	}
	for _, c := range m.callbacks {
		if (c.ran == 1) != (c.over && !c.stopped) || c.ran > 1 {
			rt.Fatalf("a callback on event %d: ran %d, over %v, stopped %v", c.on, c.ran, c.over, c.stopped)
		}
	}
	for _, w := range m.waiters {
		if w.woken != m.set[w.on] {
			rt.Fatalf("a waiter on event %d: woken %v", w.on, w.woken)
		}
	}
}
