package model

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// A SetOp is an operation on a set whose members are events.
type SetOp uint8

// The operations. An Add is two: it counts the member, and then links it, or finds
// it complete. Between the two Len counts what TryNext does not find.
const (
	SetCount    SetOp = iota // Key
	SetLink                  // Key, whose event is that of the same number
	SetComplete              // Key's event: did this set it?
	SetIsSet                 // Key's event
	SetTryNext
	SetNext // with a context that is done
	SetWait // Next until there is something
	SetLen
	SetRelease
)

// Keys is how many there are in one history.
const Keys = 6

// SetIn is what an operation is given.
type SetIn struct {
	Op  SetOp
	Key int
}

// What a set says instead of a key.
const (
	SetNone  = -1 // nothing is complete
	SetEmpty = -2 // there is nothing to wait for
)

type setState struct {
	set     [Keys]bool // events
	member  [Keys]memberState
	queue   [Keys]int8 // keys that are complete, the next first
	queued  int8
	members int8
}

type memberState uint8

const (
	out memberState = iota
	counted
	linked
	withdrawn // released between the halves of Add
)

// Set is the model of a set to which each of a few events is added once.
func Set() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return setState{} },
		Step: func(state, in, said any) (bool, any) {
			s := state.(setState)
			ok := s.step(in.(SetIn), said)
			return ok, s
		},
		DescribeOperation: func(in, said any) string { return fmt.Sprintf("%+v → %v", in, said) },
		DescribeState:     func(s any) string { return fmt.Sprintf("%+v", s) },
	}
}

// step changes s and reports whether the operation may say that.
func (s *setState) step(in SetIn, said any) bool {
	switch in.Op {
	case SetCount:
		s.member[in.Key] = counted
		s.members++
	case SetLink:
		return s.link(in.Key)
	case SetComplete:
		return said == s.complete(in.Key)
	case SetIsSet:
		return said == s.set[in.Key]
	case SetLen:
		return said == int(s.members)
	case SetRelease:
		s.release()
	case SetTryNext:
		return said == s.next(SetNone, SetNone)
	case SetNext:
		return said == s.next(SetNone, SetEmpty)
	case SetWait:
		return said != SetNone && said == s.next(SetNone, SetEmpty)
	}
	return true
}

func (s *setState) link(key int) bool {
	switch s.member[key] {
	case withdrawn:
		s.member[key] = out
		return true
	case counted:
		s.member[key] = linked
		if s.set[key] {
			s.push(key)
		}
		return true
	}
	return false // not the second half before the first
}

func (s *setState) complete(key int) (first bool) {
	first = !s.set[key]
	s.set[key] = true
	if first && s.member[key] == linked {
		s.push(key)
	}
	return first
}

func (s *setState) push(key int) {
	s.queue[s.queued] = int8(key)
	s.queued++
}

// next takes what is complete, or returns none, or empty.
func (s *setState) next(none, empty int) int {
	if s.members == 0 {
		return empty
	}
	if s.queued == 0 {
		return none
	}
	key := s.queue[0]
	copy(s.queue[:], s.queue[1:])
	s.queued--
	s.queue[s.queued] = 0
	s.member[key] = out
	s.members--
	return int(key)
}

func (s *setState) release() {
	for i, m := range s.member {
		switch m {
		case counted:
			s.member[i] = withdrawn
		case linked:
			s.member[i] = out
		}
	}
	s.queue, s.queued, s.members = [Keys]int8{}, 0, 0
}
