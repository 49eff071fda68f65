package async

import (
	"context"
	"testing"

	"github.com/seed4712c49f/async/internal/latch"
)

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
