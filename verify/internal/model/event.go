package model

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// An EventOp is an operation on one of a few events, or on one of their signals.
type EventOp uint8

// The operations.
const (
	EventSet    EventOp = iota // did this set it?
	EventIsSet                 // is it set?
	EventDone                  // is its channel closed?
	EventPoll                  // WaitFor(0) of the event
	EventWait                  // until it is set
	EventAny                   // WaitAny of all of them with a context that is done
	EventAll                   // WaitAll, so too
	SignalClone                // of Signal, or of the event where that is -1, as To
	SignalLook                 // the first half of a poll: it sees whether Signal is released; in place To
	SignalPoll                 // the second half, WaitFor(0): it sees whether the event is set
	SignalIsSet                // of Signal
	SignalRelease
)

// Events and Signals are how many there are in one history.
const (
	Events  = 2
	Signals = 5
)

// EventIn is what an operation is given.
type EventIn struct {
	Op     EventOp
	Event  int
	Signal int
	To     int
}

// Told is what it says of a question.
type Told string

// Index is what WaitAny says.
type Index int

// What is told.
const (
	Yes    Told = "yes"
	No     Told = "no"
	Gone   Told = "released"
	Told0  Told = "" // of what says nothing
	Nobody      = Index(-1)
)

type eventState struct {
	set     [Events]bool
	looks   [4]signalState
	signals [Signals]signalState
}

type signalState struct {
	phase phase
	event int8
}

// Event is the model of events that can be waited for together, and their signals.
func Event() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return eventState{} },
		Step: func(state, in, out any) (bool, any) {
			s, i := state.(eventState), in.(EventIn)
			if i.Op == EventAny {
				return s.any(out.(Index)), s
			}
			told, ok := s.step(i)
			return ok && told == out.(Told), s
		},
		DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v → %v", in, out) },
		DescribeState:     func(s any) string { return fmt.Sprintf("%+v", s) },
	}
}

// any says whether WaitAny may say i. The lowest it says only of members that were
// complete on entry, which no single instant shows.
func (s *eventState) any(i Index) bool {
	if i == Nobody {
		return s.set == [Events]bool{}
	}
	return s.set[i]
}

// step changes s and returns what the operation says, or that it would wait.
func (s *eventState) step(in EventIn) (told Told, ok bool) {
	switch in.Op {
	case EventSet:
		won := !s.set[in.Event]
		s.set[in.Event] = true
		return answer(won), true
	case EventIsSet, EventDone, EventPoll:
		return answer(s.set[in.Event]), true
	case EventWait:
		return Yes, s.set[in.Event]
	case EventAll:
		return answer(s.set == [Events]bool{true, true}), true
	}
	return s.signal(in), true
}

func (s *eventState) signal(in EventIn) Told {
	var h signalState
	if in.Signal < 0 {
		h = signalState{held, int8(in.Event)}
	} else {
		h = s.signals[in.Signal]
	}
	switch {
	case in.Op == SignalIsSet:
		return answer(s.set[h.event])
	case in.Op == SignalLook:
		s.looks[in.To] = h
		return Told0
	case in.Op == SignalPoll:
		h, s.looks[in.To] = s.looks[in.To], signalState{}
		switch h.phase {
		case unmade: // not before the first half
			return never
		case released:
			return Gone
		}
		return answer(s.set[h.event])
	case in.Op == SignalRelease:
		s.signals[in.Signal].phase = released
		return Told0
	case h.phase == released:
		return Gone
	}
	s.signals[in.To] = h // SignalClone
	return Told0
}

func answer(b bool) Told {
	if b {
		return Yes
	}
	return No
}
