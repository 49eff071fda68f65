package asynctest

import (
	"context"
	"errors"
	"sync"
	"testing"
)

var errTestOver = errors.New("asynctest: the test is over")

// A Blocker is a function for the test of what calls it: [Blocker.Func] blocks
// until the test has it return, and the Blocker records what happens to it. It
// comes from [NewBlocker] or [NewStubborn]. Any number of its runs may go on at
// the same time, and its methods may be called by any number of goroutines.
//
// It blocks on plain channels, as work does, not as a wait of package async:
// in a scope with a limit it keeps its slot.
type Blocker[T any] struct {
	t        testing.TB
	stubborn bool

	started  chan struct{} // closed by the first run
	canceled chan struct{} // closed by the first run that was canceled
	over     chan struct{} // closed by Return
	v        T             // written before over is closed, read after
	err      error

	mu      sync.Mutex
	runs    int
	running int
	cause   error
	told    bool // Return was called
}

// NewBlocker returns a Blocker whose runs return as soon as their context is
// done, with its cause as the error. At the end of the test it unblocks all runs,
// as Return does, with an error that says so.
func NewBlocker[T any](t testing.TB) *Blocker[T] { return newBlocker[T](t, false) }

// NewStubborn returns a Blocker whose runs do not listen to their context: they
// note that it is done, and go on until Return or the end of the test.
func NewStubborn[T any](t testing.TB) *Blocker[T] { return newBlocker[T](t, true) }

func newBlocker[T any](t testing.TB, stubborn bool) *Blocker[T] {
	t.Helper()
	b := &Blocker[T]{
		t:        t,
		stubborn: stubborn,
		started:  make(chan struct{}),
		canceled: make(chan struct{}),
		over:     make(chan struct{}),
	}
	t.Cleanup(func() {
		var zero T
		b.Return(zero, errTestOver)
	})
	return b
}

// Func is the function: made for [async.Go] and whatever else takes one. It blocks
// until Return, or until ctx is done, as NewBlocker and NewStubborn say. Where
// both have come, it returns what Return was given.
func (b *Blocker[T]) Func(ctx context.Context) (T, error) {
	b.enter()
	defer b.leave()
	select {
	case <-b.over:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		b.note(context.Cause(ctx))
	}
	if !b.stubborn && !b.returned() {
		var zero T
		return zero, context.Cause(ctx)
	}
	<-b.over
	return b.v, b.err
}

func (b *Blocker[T]) enter() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.runs++
	b.running++
	if b.runs == 1 {
		close(b.started)
	}
}

func (b *Blocker[T]) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
}

// note records that a run was canceled.
func (b *Blocker[T]) note(cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cause == nil {
		b.cause = cause
		close(b.canceled)
	}
}

func (b *Blocker[T]) returned() bool {
	select {
	case <-b.over:
		return true
	default:
		return false
	}
}

// Return has every run return v and err, those to come included, which then do not
// block. It reports whether this was the first Return: another changes nothing.
func (b *Blocker[T]) Return(v T, err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.told {
		return false
	}
	b.told, b.v, b.err = true, v, err
	close(b.over)
	return true
}

// Started returns a channel that is closed when the first run begins.
func (b *Blocker[T]) Started() <-chan struct{} { return b.started }

// Canceled returns a channel that is closed when the first run finds its context
// done.
func (b *Blocker[T]) Canceled() <-chan struct{} { return b.canceled }

// Cause returns the cause of the cancellation of the first run that found its
// context done, nil before.
func (b *Blocker[T]) Cause() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cause
}

// Runs returns how many runs have begun, and how many of these have not returned.
func (b *Blocker[T]) Runs() (begun, running int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.runs, b.running
}

// WaitRunning waits until exactly n runs have begun and not returned. It waits,
// and fails the test, as [WaitInfo] does.
func (b *Blocker[T]) WaitRunning(n int) {
	b.t.Helper()
	var begun, running int
	if !poll(patience, func() bool { begun, running = b.Runs(); return running == n }) {
		b.t.Fatalf("asynctest: waited %v for %d running at once: %d of %d are", patience, n, running, begun)
	}
}
