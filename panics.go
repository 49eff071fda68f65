package async

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/internal/sched"
)

// This file carries panics. A call's function may panic, and so may what a
// completion calls; a panic that was recovered goes on as a [*PanicError]. Where
// many things are done one after the other, as by [Calls.Release], all of them are
// done, and no panic is lost: see sweep.

// newPanicError carries a recovered value. A panic that came out of another call
// goes on as it is, so that its stack stays the origin's (R4).
func newPanicError(value any) *PanicError {
	if e, ok := value.(*PanicError); ok {
		return e
	}
	return &PanicError{Value: value, Stack: debug.Stack()}
}

// sweep calls f for each i below n, in order. All are called, also where some
// panic or call [runtime.Goexit]. Then sweep ends as they did:
//
//   - one panic goes on as it is;
//   - several panics go on as one [*PanicError], see joinPanics;
//   - without a panic, a Goexit goes on.
//
// The calls after the first that did not return are made on another goroutine, for
// which sweep waits. So the stack does not grow with the number of panics, which a
// deferred call for each would do, and a Goexit takes away no panic, which it would
// do in a deferred function.
func sweep(n int, f func(i int)) {
	i, returned := 0, false
	defer func() {
		if returned {
			return
		}
		raised := sweepElsewhere(i+1, n, f)
		if len(raised) == 0 {
			return
		}
		if first := recover(); first != nil {
			raised = slices.Insert(raised, 0, newPanicError(first))
		}
		panic(joinPanics(raised))
	}()
	for ; i < n; i++ {
		f(i)
	}
	returned = true
}

// sweepElsewhere calls f for each i below n from here on, and returns the panics.
// A Goexit ends a goroutine; the next one goes on behind it.
func sweepElsewhere(i, n int, f func(i int)) []*PanicError {
	var raised []*PanicError
	for i < n {
		over := make(chan struct{})
		go func() {
			defer close(over)
			sched.Point("sweep on")
			for i < n {
				i++
				if e := caught(func() { f(i - 1) }); e != nil {
					raised = append(raised, e)
				}
			}
		}()
		<-over
		sched.Point("woken")
	}
	return raised
}

// caught calls f and returns its panic, or nil.
func caught(f func()) (e *PanicError) {
	defer func() {
		if v := recover(); v != nil {
			e = newPanicError(v)
		}
	}()
	f()
	return nil
}

// joinPanics returns the one panic there is, or one that stands for several: its
// Value is an error by which errors.Is and errors.As find each of them, and its
// Stack has theirs one after the other.
func joinPanics(ps []*PanicError) *PanicError {
	if len(ps) == 1 {
		return ps[0]
	}
	var stacks []byte
	for _, e := range ps[:min(len(ps), panicsShown)] {
		stacks = append(append(stacks, e.Stack...), '\n')
	}
	return &PanicError{Value: panics(ps), Stack: stacks}
}

// panicsShown is of how many panics a text tells. The others are counted.
const panicsShown = 10

// panics are several panics as one error.
type panics []*PanicError

func (ps panics) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d panics", len(ps))
	for i, e := range ps {
		if i == panicsShown {
			fmt.Fprintf(&b, "; and %d more", len(ps)-i)
			break
		}
		fmt.Fprintf(&b, "; %v", e.Value)
	}
	return b.String()
}

// Unwrap makes each panic visible to errors.Is.
func (ps panics) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, e := range ps {
		errs[i] = e
	}
	return errs
}
