// Package model holds sequential models of the library's objects: what each
// operation may say, done alone, in each state.
package model

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// A CallOp is an operation on a call: through one of its handles, or, where it has
// a Token, through the promise of the Begin that had the same.
type CallOp uint8

// The operations.
const (
	CallBegin    CallOp = iota // a promise, known as Token from then on
	CallComplete               // Token, with Value
	CallBreak                  // Token
	CallGrab                   // the first half of a Cancel: from here on it holds a call, in place To
	CallCancel                 // the second half, with Value as cause
	CallFinish
	CallJoin  // the first half of an Await: from here on it holds a call, in place To (R5)
	CallAwait // the second half, with a context that is done: takes what is there
	CallWait  // the second half of one that waits until there is something
	CallLook  // the first half of a poll: it sees whether the handle is released; in place To
	CallPoll  // the second half, WaitFor(0): it sees whether the call is complete
	CallIsDone
	CallDone  // is the channel closed?
	CallClone // as handle To
	CallRelease
)

// CallIn is what an operation is given.
type CallIn struct {
	Op     CallOp
	Handle int
	To     int
	Token  int
	Value  int
}

// CallOut is what it says: yes or no, a refusal, or a result.
type CallOut struct {
	Says  string
	Value int // of a result: that of Complete, or less -1 the cause of Cancel
}

// How many handles and begins one history may have.
const (
	Handles = 7
	Tokens  = 12
	Waits   = 4

	// Keeper is a clone of the first handle, which nobody releases: should all others
	// be, who waits for the first call to come can still have it begun.
	Keeper = Handles - 1
)

// A callState is what a call is, with all of its handles.
type callState struct {
	handles [Handles]handleState
	calls   [Tokens + 1]callOutcome
	tokens  [Tokens]uint8 // which call the promise is the server's end of
	used    uint8         // calls so far
	waits   [Waits]handleState
}

type handleState struct {
	phase phase
	call  uint8
}

type phase uint8

const (
	unmade phase = iota // and, of a wait, not begun
	held
	finished
	released
)

type callOutcome struct {
	begun, over bool
	out         CallOut
}

// Call is the model of a call object, its clones, and the promises it is begun
// with.
func Call() porcupine.Model {
	return porcupine.Model{
		Init: func() any {
			s := callState{used: 1}
			s.handles[0].phase, s.handles[Keeper].phase = held, held
			return s
		},
		Step: func(state, in, out any) (bool, any) {
			s, i := state.(callState), in.(CallIn)
			o := s.step(i)
			return o == out.(CallOut) && o.Says != never, s
		},
		DescribeOperation: func(in, out any) string { return describeCall(in.(CallIn), out.(CallOut)) },
		DescribeState:     func(s any) string { return fmt.Sprintf("%+v", s) },
	}
}

// never is what an operation says that would wait.
const never = "never"

// step changes s and returns what the operation says.
func (s *callState) step(in CallIn) CallOut {
	switch in.Op {
	case CallComplete, CallBreak:
		return s.serve(in)
	case CallBegin:
		return s.begin(in)
	case CallClone:
		return s.clone(in)
	case CallAwait, CallWait:
		return s.await(in)
	case CallCancel:
		return s.cancel(in)
	}
	h := &s.handles[in.Handle]
	c := &s.calls[h.call]
	switch in.Op {
	case CallIsDone, CallDone:
		return yes(c.over)
	case CallRelease:
		h.phase = released
		return CallOut{}
	case CallJoin, CallGrab, CallLook:
		s.waits[in.To] = *h
		if in.Op == CallGrab && h.phase == held && !c.begun {
			s.waits[in.To].phase = finished // there is nothing to cancel
		}
		return CallOut{}
	case CallPoll:
		return s.poll(in, c)
	}
	return finish(h, c)
}

// finish is a step of a handle.
func finish(h *handleState, c *callOutcome) CallOut {
	switch {
	case h.phase == released:
		return CallOut{Says: "released"}
	case h.phase == finished, !c.begun:
		return CallOut{Says: "complete"}
	case !c.over:
		return CallOut{Says: "pending"}
	}
	h.phase = finished
	return c.out
}

// poll is the second half of a poll.
func (s *callState) poll(in CallIn, c *callOutcome) CallOut {
	saw := s.waits[in.To].phase
	s.waits[in.To] = handleState{}
	switch {
	case saw == unmade: // not before the first half
		return CallOut{Says: never}
	case saw == released:
		return CallOut{Says: "released"}
	case !c.over:
		return CallOut{Says: "timeout"}
	}
	return CallOut{}
}

// cancel is the second half of a Cancel.
func (s *callState) cancel(in CallIn) CallOut {
	h := s.waits[in.To]
	s.waits[in.To] = handleState{}
	c := &s.calls[h.call]
	switch {
	case h.phase == unmade: // not before the first half
		return CallOut{Says: never}
	case h.phase == released:
		return CallOut{Says: "released"}
	case h.phase == finished:
		return CallOut{Says: "complete"}
	case !c.over:
		*c = callOutcome{true, true, CallOut{"canceled", in.Value}}
		return CallOut{}
	case c.out.Says == "canceled":
		return CallOut{Says: "canceled"}
	}
	return CallOut{Says: "complete"}
}

// await is the second half of an Await: whatever became of the handle meanwhile,
// it is about the call that was held.
func (s *callState) await(in CallIn) CallOut {
	h := s.waits[in.To]
	s.waits[in.To] = handleState{}
	c := s.calls[h.call]
	switch {
	case h.phase == unmade: // not before the first half
		return CallOut{Says: never}
	case h.phase == released:
		return CallOut{Says: "released"}
	case h.phase == finished:
		return CallOut{Says: "complete"}
	case c.over:
		return c.out
	case in.Op == CallAwait:
		return CallOut{Says: "wait ended"}
	}
	return CallOut{Says: never}
}

func (s *callState) begin(in CallIn) CallOut {
	h := &s.handles[in.Handle]
	switch {
	case h.phase == released:
		return CallOut{Says: "released"}
	case h.phase == held && s.calls[h.call].begun:
		return CallOut{Says: "pending"}
	case h.phase == finished:
		*h = handleState{held, s.used}
		s.used++
	}
	s.calls[h.call].begun = true
	s.tokens[in.Token] = h.call
	return CallOut{}
}

// serve is a step of a promise.
func (s *callState) serve(in CallIn) CallOut {
	c := &s.calls[s.tokens[in.Token]]
	won := !c.over
	if in.Op == CallBreak {
		if won {
			*c = callOutcome{true, true, CallOut{Says: "broken"}}
		}
		return CallOut{}
	}
	if won {
		*c = callOutcome{true, true, CallOut{"value", in.Value}}
	}
	return yes(won)
}

func (s *callState) clone(in CallIn) CallOut {
	h := s.handles[in.Handle]
	if h.phase == released {
		return CallOut{Says: "released"}
	}
	s.handles[in.To] = h
	return CallOut{}
}

func yes(b bool) CallOut {
	if b {
		return CallOut{Says: "yes"}
	}
	return CallOut{Says: "no"}
}

func describeCall(in CallIn, out CallOut) string {
	names := [...]string{"Begin", "Complete", "Break", "Cancel", "… cancels", "Finish", "Await", "… at once", "… at last", "Poll", "… sees", "IsDone", "Done", "Clone", "Release"}
	switch in.Op {
	case CallBegin:
		return fmt.Sprintf("h%d.Begin(p%d) → %v", in.Handle, in.Token, out)
	case CallComplete, CallBreak:
		return fmt.Sprintf("p%d.%s(%d) → %v", in.Token, names[in.Op], in.Value, out)
	case CallClone:
		return fmt.Sprintf("h%d.Clone(h%d) → %v", in.Handle, in.To, out)
	}
	return fmt.Sprintf("h%d.%s(%d) → %v", in.Handle, names[in.Op], in.Value, out)
}
