package async

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"
	"testing"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
)

// Counts at their bounds. Nobody can hold sixteen million handles in a test, so
// these tests are inside, and write the word.

// The word has room for the flags, and each kind of reference has its bits.
func TestR9_TheWordHasRoom(t *testing.T) {
	const flags = latch.BitSet | latch.BitClosing | latch.BitChan | bitBegun | bitResult | bitFailed | bitCanceled | bitPanicked |
		bitTaken | bitPromise | bitStreamed | bitCaught
	if n := bits.OnesCount64(flags); n != 12 || flags >= latch.OneWait {
		t.Errorf("%d flags, %#x, reach into the counts", n, flags)
	}
	all := flags | latch.MaxCount*latch.OneWait | latch.MaxCount*latch.OneRef
	if latch.HandlesOf(all) != latch.MaxCount || latch.WaitsOf(all) != latch.MaxCount || latch.Refs(all) != 2*latch.MaxCount {
		t.Errorf("counts of %#x: %d, %d", all, latch.HandlesOf(all), latch.WaitsOf(all))
	}
	if latch.HandlesOf(all+latch.MinusRef) != latch.MaxCount-1 || latch.WaitsOf(all+latch.MinusWait) != latch.MaxCount-1 || latch.HandlesOf(all+latch.MinusWait) != latch.MaxCount {
		t.Error("giving one up changes another count")
	}
}

// full sets a count of the word to what is left of its bound.
func full(l *latch.Latch, one uint64, left uint64) {
	w := l.Word.Load()
	count := latch.HandlesOf(w)
	if one == latch.OneWait {
		count = latch.WaitsOf(w)
	}
	l.Word.Store(w + (latch.MaxCount-left-count)*one)
}

// wantBound has do go up to the bound of a count, and one beyond.
func wantBound(t *testing.T, l *latch.Latch, one uint64, do func()) {
	t.Helper()
	before := l.Word.Load()
	full(l, one, 1)
	if v := panicOf(do); v != nil {
		t.Errorf("below the bound it panics: %v", v)
	}
	full(l, one, 0)
	at := l.Word.Load()
	for range 2 {
		v := panicOf(do)
		if text, _ := v.(string); !strings.HasPrefix(text, "async: more than 16,777,215 ") {
			t.Errorf("at the bound it panics with %v", v)
		}
		if now := l.Word.Load(); now != at {
			t.Errorf("at the bound it changes the word from %#x to %#x", at, now)
		}
	}
	if !l.Mu.TryLock() {
		t.Fatal("it keeps the lock")
	}
	l.Mu.Unlock()
	l.Word.Store(before)
}

func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// At the bound of handles or waits whoever would be one more panics, and the count
// stays as it is: no count runs over (R9).
func TestR9_AtTheBoundOfACount(t *testing.T) {
	const d = time.Nanosecond
	expired, cancel := context.WithCancel(context.Background())
	cancel()
	var e Event
	signal := e.Signal()
	_, c := NewPromise[int](context.Background())
	of := c.Signal()
	var group Group[int, int]
	stop := make(chan struct{})
	joined := group.Join(context.Background(), 1, func(context.Context) (int, error) { <-stop; return 1, nil })
	run := group.runs.runs[1]
	never := func(context.Context) (int, error) { return 0, errors.New("another run") }
	call := &c.h.core.Load().Latch
	for name, tt := range map[string]struct {
		l   *latch.Latch
		one uint64
		do  func()
	}{
		"Event.Signal":         {&e.l, latch.OneRef, func() { e.Signal() }},
		"Signal.Clone":         {&e.l, latch.OneRef, func() { signal.Clone() }},
		"Signal.Wait":          {&e.l, latch.OneWait, func() { _ = signal.Wait(expired) }},
		"Signal.WaitFor":       {&e.l, latch.OneWait, func() { _ = signal.WaitFor(d) }},
		"Call.Signal":          {call, latch.OneRef, func() { c.Signal() }},
		"Call.Clone":           {call, latch.OneRef, func() { c.Clone() }},
		"a call's Signal":      {call, latch.OneRef, func() { of.Clone() }},
		"a call's Signal.Wait": {call, latch.OneWait, func() { _ = of.Wait(expired) }},
		"Call.Await":           {call, latch.OneWait, func() { _, _ = c.Await(expired) }},
		"Call.Wait":            {call, latch.OneWait, func() { _ = c.Wait(expired) }},
		"Call.WaitFor":         {call, latch.OneWait, func() { _ = c.WaitFor(d) }},
		"Calls.Race":           {call, latch.OneWait, func() { _, _, _ = Calls[int]{c}.Race(expired) }},
		"Calls.All":            {call, latch.OneWait, func() { _, _ = Calls[int]{c}.All(expired) }},
		"Calls.Settle":         {call, latch.OneWait, func() { _, _ = Calls[int]{new(Call[int]), c}.Settle(expired) }},
		"Calls.Any":            {call, latch.OneWait, func() { _, _, _ = Calls[int]{c}.Any(expired) }},
		"Group.Join":           {&run.p.core.Latch, latch.OneRef, func() { group.Join(expired, 1, never) }},
	} {
		t.Run(name, func(t *testing.T) { wantBound(t, tt.l, tt.one, tt.do) })
	}
	t.Run("Cancel", func(t *testing.T) {
		full(call, latch.OneWait, 0)
		if v := panicOf(func() { _ = c.Cancel(nil) }); v == nil || c.IsDone() {
			t.Errorf("it panics with %v", v)
		}
		full(call, latch.OneWait, latch.MaxCount)
		if err := c.Cancel(nil); err != nil {
			t.Error(err)
		}
	})
	close(stop)
	if v, err := joined.Await(context.Background()); v != 1 || err != nil {
		t.Error(v, err)
	}
}

// The methods of Calls give up what they hold where one member is at its bound.
func TestR9_AMemberAtTheBoundLeavesTheOthers(t *testing.T) {
	_, a := NewPromise[int](context.Background())
	_, b := NewPromise[int](context.Background())
	full(&b.h.core.Load().Latch, latch.OneWait, 0)
	if v := panicOf(func() { _, _ = Calls[int]{a, a, b}.All(context.Background()) }); v == nil {
		t.Error("no panic")
	}
	if i := a.Info(); i.Waiters != 0 || i.Handles != 1 {
		t.Errorf("left behind: %+v", i)
	}
}

// A full count is no other count: handles are told apart from waits.
func TestR9_FullCountsAreToldApart(t *testing.T) {
	_, c := NewPromise[int](context.Background())
	l := &c.h.core.Load().Latch
	full(l, latch.OneWait, 0)
	if i := c.Info(); i.Handles != 1 || i.Waiters != censusLimit {
		t.Errorf("all waits: %+v", i)
	}
	d := c.Clone()
	full(l, latch.OneRef, 0)
	if i := c.Info(); i.Handles != latch.MaxCount {
		t.Errorf("all handles: %+v", i)
	}
	d.Release()
	if i := c.Info(); i.Handles != latch.MaxCount-1 || latch.WaitsOf(l.Word.Load()) != latch.MaxCount {
		t.Errorf("one released: %+v", i)
	}
}

// A set numbers its members by 32 bits. It refuses more, and is as it was.
func TestW2_AtTheBoundOfMembers(t *testing.T) {
	if math.MaxInt == math.MaxInt32 {
		t.Skip("no slice is longer")
	}
	var s Set[int]
	var e Event
	s.Add(1, &e)
	s.used = math.MaxInt32
	for what, w := range map[string]Waitable{"event": &e, "context": context.Background(), "channel": make(Chan)} {
		if v := fmt.Sprint(panicOf(func() { s.Add(2, w) })); !strings.HasPrefix(v, "async: wait for 2147483648 members") {
			t.Errorf("Add of a %s panics with %s", what, v)
		}
	}
	s.used = 1
	e.Set()
	if key, ok := s.TryNext(); key != 1 || !ok || s.Len() != 0 {
		t.Errorf("the set is not as it was: %d, %v, %d left", key, ok, s.Len())
	}
}

// The generation of a handle goes round: the object goes on.
func TestR13_TheGenerationGoesRound(t *testing.T) {
	var c Call[int]
	c.h.state.Store(^(oneGeneration - 1) | phaseFinished | bitSeen)
	c.h.core.Store(&new(Promise[int]).core)
	for i := range 3 {
		if err := c.Begin(context.Background(), func(context.Context) (int, error) { return i, nil }); err != nil {
			t.Fatal(err)
		}
		if v, err := c.Await(context.Background()); v != i || err != nil {
			t.Errorf("call %d: %d, %v", i, v, err)
		}
		if _, err := c.Finish(); err != nil {
			t.Error(err)
		}
	}
}
