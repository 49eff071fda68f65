package async_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// Two completions come before the first of the sleepers has run: each wakes one.
func TestW4_EachCompletionWakesOne(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that who is woken does not run at once
	synctest.Test(t, func(t *testing.T) {
		var s async.Set[int]
		events := make([]async.Event, 3)
		for i := range events {
			s.Add(i, &events[i])
		}
		got := make(chan int, len(events))
		for range events {
			go func() {
				if i, err := s.Next(bg); err == nil {
					got <- i
				}
			}()
		}
		synctest.Wait()
		for i := range events {
			events[i].Set()
		}
		synctest.Wait()
		wantEq(t, "taken", len(got), len(events))
	})
}

// The sleeper that looks after the channels leaves, and another takes its place.
func TestW4_SomebodyAlwaysLooksAfterTheChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s async.Set[string]
		ch := make(chan struct{})
		s.Add("channel", async.Chan(ch))
		s.Add("never", new(async.Event))
		ctx, cancel := context.WithCancel(bg)
		left := make(chan error, 1)
		go func() { _, err := s.Next(ctx); left <- err }()
		synctest.Wait()
		got := make(chan string, 1)
		go func() {
			if key, err := s.Next(bg); err == nil {
				got <- key
			}
		}()
		synctest.Wait()
		cancel()
		wantIs(t, <-left, context.Canceled)
		close(ch)
		synctest.Wait()
		if wantEq(t, "taken", len(got), 1); len(got) == 1 {
			wantEq(t, "key", <-got, "channel")
		}
		s.Release()
	})
}

func TestW4_ReleaseAgainstCompletion(t *testing.T) {
	for round := range rounds(20_000) {
		var s async.Set[int]
		var e, f async.Event
		ctx, cancel := context.WithCancel(bg)
		s.Add(1, &e)
		s.Add(2, ctx)
		together(func() { e.Set() }, cancel, s.Release, func() { s.Add(3, &f) })
		if key, ok := s.TryNext(); ok {
			t.Fatalf("round %d: %d came out of a released set", round, key)
		}
		if n := s.Len(); n != 0 && n != 1 { // Add may have come after Release
			t.Fatalf("round %d: Len is %d", round, n)
		}
		f.Set()
		if key, ok := s.TryNext(); ok && key != 3 {
			t.Fatalf("round %d: %d came out", round, key)
		}
	}
}

// Hedge owns its attempts, so the end of its context is their end, not a wait's.
func TestW6_TheEndOfHedgesContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(bg, time.Minute, errBoom)
		defer cancel()
		over := make(chan struct{})
		_, err := async.Hedge(ctx, time.Second, 3, func(context.Context, int) (int, error) { <-over; return 1, nil })
		wantIs(t, err, async.ErrCanceled, errBoom)
		if errors.Is(err, async.ErrCallPending) {
			t.Errorf("%v says that something is pending", err)
		}
		close(over)
	})
}

func TestR6_WaitAllOnAContextThatIsDoneAsItsOwn(t *testing.T) {
	over, cancel := context.WithCancel(bg)
	cancel()
	ch := make(chan struct{})
	close(ch)
	for range 10_000 {
		if err := async.WaitAll(over, over, async.Chan(ch), async.Ready(1, nil)); err != nil {
			t.Fatal(err)
		}
	}
}
