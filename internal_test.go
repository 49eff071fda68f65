package async

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
)

// The tests of this file read or write state that users cannot reach. There are three
// kinds: counts at their bounds, locks and channels that are not used, and a shared run
// held up between two of its steps.

// Counts at their bounds. No test can hold sixteen million handles, so these tests write
// the word.

// The flags of a call do not reach into the counts. That the counts are apart is tested in
// package latch.
func TestR9_TheWordHasRoom(t *testing.T) {
	const flags = latch.BitSet | latch.BitClosing | latch.BitChan | bitBegun | bitResult | bitFailed | bitCanceled | bitPanicked |
		bitTaken | bitPromise | bitStreamed | bitCaught
	if n := bits.OnesCount64(flags); n != 12 || flags >= latch.OneWait {
		t.Errorf("%d flags, %#x, reach into the counts", n, flags)
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
	run := group.keys.runs[1]
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
		"Group.Join":           {&run.core.Latch, latch.OneRef, func() { group.Join(expired, 1, never) }},
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

// A signal that is set is waited for without its lock (S2). The lock cannot be
// reached from outside, so this test is inside.
func TestS2_ASetSignalTakesNoLock(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var e Event
	s := e.Signal()
	done := e.Done()
	e.Set()
	e.l.Mu.Lock() // whoever wants it waits for ever
	defer e.l.Mu.Unlock()
	for what, ok := range map[string]bool{
		"Set":           !e.Set(),
		"IsSet":         e.IsSet() && s.IsSet(),
		"Done":          e.Done() == done,
		"Wait":          e.Wait(ctx) == nil && s.Wait(ctx) == nil,
		"WaitFor":       e.WaitFor(1) == nil && s.WaitFor(0) == nil,
		"WaitAll":       WaitAll(ctx, &e, s) == nil,
		"a lone member": func() bool { i, err := WaitAny(ctx, new(Event), &e); return i == 1 && err == nil }(),
	} {
		if !ok {
			t.Error(what)
		}
	}
}

// The channel is made when somebody first asks for it, not by a wait (S2).
func TestS2_WaitingMakesNoChannel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var e Event
	s := e.Signal()
	defer AfterFunc(&e, func() {})()
	var set Set[int]
	set.Add(1, &e)
	set.TryNext()
	_, _ = set.Next(ctx)
	_, _ = WaitAny(ctx, &e, s)
	_ = WaitAll(ctx, &e, s)
	_ = e.Wait(ctx)
	_ = s.WaitFor(1)
	e.IsSet()
	if e.l.Word.Load()&latch.BitChan != 0 {
		t.Error("it made a channel")
	}
	e.Set()
	_ = e.Wait(ctx)
	if e.l.Word.Load()&latch.BitChan != 0 {
		t.Error("setting it made a channel")
	}
	if e.Done(); e.l.Word.Load()&latch.BitChan == 0 {
		t.Error("Done made none")
	}
}

// These tests hold up a run in an instant that no caller can: between the return of
// its function and the completion of its call, and between the two steps of a
// Release.

// Whoever wants to leave when the function has returned is one of those who get
// the result, and shared says so (G4).
func TestH1_TooLateToLeave(t *testing.T) {
	var g Group[string, int]
	let := make(chan struct{})
	fn := func(context.Context) (int, error) { <-let; return 1, nil }
	type result struct {
		v      int
		err    error
		shared bool
	}
	results := make(chan result, 2)
	do := func(ctx context.Context) {
		v, err, shared := g.Do(ctx, "a", fn)
		results <- result{v, err, shared}
	}
	ctx, cancel := context.WithCancel(context.Background())
	go do(ctx)
	go do(context.Background())
	var r *sharedRun
	until := func(ok func() bool) {
		g.table.mu.Lock()
		for !ok() {
			g.table.mu.Unlock()
			runtime.Gosched()
			g.table.mu.Lock()
		}
		g.table.mu.Unlock()
	}
	until(func() bool { r = g.keys.runs["a"]; return r != nil && r.sharers == 2 })
	trace := make([]byte, 1<<20)
	parked := func() bool { // one on the channel, the other on a node that it links under the lock
		stacks := trace[:runtime.Stack(trace, true)]
		return r.core.Word.Load()&latch.BitChan != 0 && bytes.Contains(stacks, []byte("latch.(*Latch).waitAloneLocked"))
	}
	for !parked() {
		runtime.Gosched()
	}
	r.core.Mu.Lock()
	close(let)
	until(func() bool { return r.over })
	cancel()
	select {
	case r := <-results:
		t.Errorf("he did not wait: %+v", r)
	case <-time.After(20 * time.Millisecond):
	}
	r.core.Mu.Unlock()
	for range 2 {
		if r := <-results; r.v != 1 || r.err != nil || !r.shared {
			t.Errorf("got %+v", r)
		}
	}
}

// A run that completes in the middle of the last Release of a handle disposes of
// its result.
func TestH1_CompletionInTheMiddleOfARelease(t *testing.T) {
	var discarded atomic.Int32
	over := make(chan struct{})
	g := Group[string, int]{Options: []Option{Discard(func(int, error) { discarded.Add(1); close(over) })}}
	let := make(chan struct{})
	c := g.Join(context.Background(), "a", func(context.Context) (int, error) { <-let; return 1, nil })
	p := c.h.core.Load()
	w := p.Word.Add(latch.MinusRef)
	close(let)
	<-over
	p.dropped(w)
	if n := discarded.Load(); n != 1 {
		t.Errorf("discarded %d times", n)
	}
	if len(g.keys.runs) != 0 {
		t.Error("the run is left")
	}
}
