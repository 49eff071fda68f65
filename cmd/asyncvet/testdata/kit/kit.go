// Package kit has helpers of a program, and knows nothing of calls.
package kit

import (
	"sync"
	"testing"
	"time"
)

// Fatal ends the test.
func Fatal(tb testing.TB, err error) {
	tb.Helper()
	tb.Fatalf("unexpected: %v", err)
}

// A T is what tests are to Fail.
type T interface {
	Errorf(format string, args ...any)
	FailNow()
}

// Fail ends the test.
func Fail(t T, err error) {
	t.Errorf("unexpected: %v", err)
	t.FailNow()
}

// Pause sleeps.
func Pause() { time.Sleep(time.Second) }

// A Queue has a worker.
type Queue struct {
	wg     sync.WaitGroup
	closed bool
}

// Close waits for the worker.
func (q *Queue) Close() error {
	q.closed = true
	defer func() { q.closed = false }()
	q.pause()
	return nil
}

func (q *Queue) pause() { q.wg.Wait() }

// Log sleeps where something is wrong, and else does not.
func (q *Queue) Log(text string) {
	if q.closed {
		time.Sleep(time.Second)
	}
	println(text)
}
