package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/seed4712c49f/async"
)

// sides starts a server of each kind for a test, which is run for each.
func sides(t *testing.T, test func(t *testing.T, s *side)) {
	for name, start := range map[string]func() (*side, error){"blocking": newBlockingSide, "looping": newLoopingSide} {
		t.Run(name, func(t *testing.T) {
			s, err := start()
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.stop(context.Background()); err != nil {
					t.Error(err)
				}
			}()
			test(t, s)
		})
	}
}

// newObject returns a call object of s.
func newObject(t *testing.T, s *side) AsyncSimpleStream {
	t.Helper()
	call, err := s.create()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(call.Release)
	return call
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || (want == nil) != (err == nil) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// finish waits for a Read and returns what it has read.
func finish(t *testing.T, call AsyncSimpleStream, b buffer) string {
	t.Helper()
	if err := call.WaitFor(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	n, err := call.FinishRead()
	wantErr(t, "FinishRead", err, nil)
	return string(b[:n])
}

// What the stream has is read to the end, whatever is asked for at a time.
func TestRead_all(t *testing.T) {
	sides(t, func(t *testing.T, s *side) {
		const text = "All of it, and in order."
		wantErr(t, "send", s.send(text), nil)
		wantErr(t, "close", s.far.(*net.TCPConn).CloseWrite(), nil)
		r := readerFunc(func(p []byte) (int, error) { return s.stream.Read(t.Context(), p) })
		if err := iotest.TestReader(r, []byte(text)); err != nil {
			t.Error(err)
		}
		_, err := s.stream.Read(t.Context(), make([]byte, 1))
		wantErr(t, "Read at the end", err, io.EOF)
	})
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A Read whose context ends is over, and the next one reads as if it had not been.
func TestRead_contextEnds(t *testing.T) {
	sides(t, func(t *testing.T, s *side) {
		for range 100 {
			ctx, cancel := context.WithCancelCause(t.Context())
			call, b := newObject(t, s), newBuffer()
			wantErr(t, "BeginRead", call.BeginRead(ctx, b), nil)
			cancel(errNotNeeded)
			wantErr(t, "Wait", call.Wait(t.Context()), nil)
			_, err := call.FinishRead()
			wantErr(t, "FinishRead", err, errNotNeeded)
		}
		call, b := newObject(t, s), newBuffer()
		wantErr(t, "BeginRead", call.BeginRead(t.Context(), b), nil)
		wantErr(t, "send", s.send("after"), nil)
		if got := finish(t, call, b); got != "after" {
			t.Errorf("read %q", got)
		}
	})
}

// A Read that begins when its context is over does not happen.
func TestRead_contextOver(t *testing.T) {
	sides(t, func(t *testing.T, s *side) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		call := newObject(t, s)
		wantErr(t, "BeginRead", call.BeginRead(ctx, newBuffer()), nil)
		if !call.IsDone() {
			t.Error("it is pending")
		}
		_, err := call.FinishRead()
		wantErr(t, "FinishRead", err, async.ErrCanceled)
	})
}

// Close ends the Reads that wait.
func TestClose_endsReads(t *testing.T) {
	sides(t, func(t *testing.T, s *side) {
		reading, closing := newObject(t, s), newObject(t, s)
		wantErr(t, "BeginRead", reading.BeginRead(t.Context(), newBuffer()), nil)
		wantErr(t, "BeginClose", closing.BeginClose(), nil)
		wantErr(t, "WaitAll", async.WaitAll(t.Context(), reading, closing), nil)
		_, err := reading.FinishRead()
		wantErr(t, "FinishRead", err, net.ErrClosed)
		wantErr(t, "FinishClose", closing.FinishClose(), nil)
	})
}

// Of many at the same time one begins, and one finishes.
func TestObject_byMany(t *testing.T) {
	sides(t, func(t *testing.T, s *side) {
		call := newObject(t, s)
		wantOne := func(what string, refusal error, act func() error) {
			t.Helper()
			errs := make([]error, 8)
			var wg sync.WaitGroup
			for i := range errs {
				wg.Go(func() { errs[i] = act() })
			}
			wg.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else if err != refusal {
					t.Errorf("%s: %v, want %v", what, err, refusal)
				}
			}
			if won != 1 {
				t.Errorf("%s: %d succeeded", what, won)
			}
		}
		for range 50 {
			wantOne("BeginRead", async.ErrCallPending, func() error { return call.BeginRead(t.Context(), newBuffer()) })
			wantErr(t, "send", s.send("x"), nil)
			wantErr(t, "Wait", call.Wait(t.Context()), nil)
			wantOne("FinishRead", async.ErrCallComplete, func() error { _, err := call.FinishRead(); return err })
		}
	})
}

func TestObject_released(t *testing.T) {
	sides(t, func(t *testing.T, s *side) {
		call := newObject(t, s)
		call.Release()
		call.Release()
		wantErr(t, "BeginRead", call.BeginRead(t.Context(), newBuffer()), async.ErrReleased)
		wantErr(t, "BeginClose", call.BeginClose(), async.ErrReleased)
		_, err := call.FinishRead()
		wantErr(t, "FinishRead", err, async.ErrReleased)
		wantErr(t, "FinishClose", call.FinishClose(), async.ErrReleased)
		wantErr(t, "Wait", call.Wait(t.Context()), async.ErrReleased)
	})
}

// Whatever becomes of the calls on a looping server, no byte is lost or comes
// twice: canceled ones take none, abandoned ones give theirs back.
func TestLooping_losesNothing(t *testing.T) {
	for name, abandoned := range map[string]bool{"canceled": false, "abandoned": true} {
		t.Run(name, func(t *testing.T) {
			s, err := newLoopingSide()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { wantErr(t, "stop", s.stop(context.Background()), nil) }()
			const rounds = 500
			var got, want []byte
			for i := range rounds {
				letter := byte('a' + i%26)
				want = append(want, letter)
				call, b := newObject(t, s), newBuffer()
				wantErr(t, "BeginRead", call.BeginRead(t.Context(), b), nil)
				sent := async.Go(t.Context(), func(context.Context) (int, error) { return 1, s.send(string(letter)) })
				switch {
				case i%2 == 0:
					got = append(got, finish(t, call, b)...)
				case abandoned:
					call.Release()
				default:
					call.Cancel(nil)
					if n, err := call.FinishRead(); err == nil {
						got = append(got, b[:n]...)
					}
				}
				_, err := sent.Await(t.Context())
				wantErr(t, "send", err, nil)
			}
			for len(got) < rounds {
				call, b := newObject(t, s), newBuffer()
				wantErr(t, "BeginRead", call.BeginRead(t.Context(), b), nil)
				got = append(got, finish(t, call, b)...)
			}
			if abandoned { // then the order is not kept
				slices.Sort(got)
				slices.Sort(want)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("read %q", got)
			}
		})
	}
}
