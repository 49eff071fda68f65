package latch_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
)

// A First has the first of its members, of whatever kind, and leaves nothing.
func TestFirst_MembersOfAllKinds(t *testing.T) {
	for winner := range 4 {
		synctest.Test(t, func(t *testing.T) {
			var e, f latch.Latch
			ctx, cancel := context.WithCancel(bg)
			defer cancel()
			ch := make(chan struct{}, 1)
			a := latch.NewFirst(7)
			ok := a.Join(0, &e) && a.Join(1, &f) && a.JoinContext(2, ctx) && a.JoinChan(3, ch) &&
				a.JoinContext(4, bg) && a.JoinChan(5, nil) && a.JoinChan(6, make(chan struct{}))
			wantEq(t, "joined", ok, true)
			go func() {
				time.Sleep(time.Second)
				[]func(){func() { e.Set() }, func() { f.Set() }, cancel, func() { ch <- struct{}{} }}[winner]()
			}()
			wantEq(t, "winner", a.Park(latch.Until{}), winner)
			a.Leave()
			for _, l := range []*latch.Latch{&e, &f} {
				_, nodes := l.Census(9)
				wantEq(t, "nodes left", nodes, 0)
			}
		})
	}
}

// What is complete on entry is not joined.
func TestFirst_CompleteOnEntry(t *testing.T) {
	var l latch.Latch
	l.Set()
	ctx, cancel := context.WithCancel(bg)
	cancel()
	ch := make(chan struct{})
	close(ch)
	a := latch.NewFirst(3)
	wantEq(t, "joined", a.Join(0, &l) || a.JoinContext(1, ctx) || a.JoinChan(2, ch), false)
	wantEq(t, "complete", a.Complete(func(int) <-chan struct{} { return nil }), 0)
	b := latch.NewFirst(2)
	b.Join(0, new(latch.Latch))
	b.JoinChan(1, nil)
	wantEq(t, "complete", b.Complete(func(int) <-chan struct{} { return ch }), 1)
	wantEq(t, "none complete", b.Complete(func(int) <-chan struct{} { return nil }), -1)
	b.Leave()
}

// A First that was told before it parks does not park, with channels and without; one
// whose wait ends says so.
func TestFirst_ToldBeforeAndNever(t *testing.T) {
	for _, channels := range []bool{false, true} {
		var l latch.Latch
		a := latch.NewFirst(2)
		a.Join(0, &l)
		if channels {
			a.JoinChan(1, make(chan struct{}))
		}
		over := make(chan struct{})
		close(over)
		wantEq(t, fmt.Sprint("ended, channels: ", channels), a.Park(latch.Until{Done: over}), -1)
		a.Leave()
		b := latch.NewFirst(2)
		b.Join(0, &l)
		if channels {
			b.JoinChan(1, make(chan struct{}))
		}
		l.Set()
		wantEq(t, fmt.Sprint("told, channels: ", channels), b.Park(latch.Until{}), 0)
	}
}

// An All waits for the last, and for the first with one of the bits.
func TestAll_TheLastOrOneWithABit(t *testing.T) {
	const bit = latch.FirstBit
	set := func(l *latch.Latch, bits uint64) {
		l.Claim()
		_, nodes := l.Publish(bits)
		latch.Fire(nodes)
	}
	for name, tt := range map[string]struct {
		bits   [3]uint64
		wanted uint64
		failed int
		until  time.Duration
	}{
		"none has it":     {[3]uint64{}, bit, -1, 3 * time.Second},
		"nobody cares":    {[3]uint64{bit, bit, bit}, 0, -1, 3 * time.Second},
		"the second does": {[3]uint64{0, bit, bit}, bit, 1, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ls [3]latch.Latch
				a := latch.NewAll(4, tt.wanted)
				for i := range ls {
					a.Join(i, &ls[i])
					go func() { time.Sleep(time.Duration(i+1) * time.Second); set(&ls[i], tt.bits[i]) }()
				}
				a.Skip()
				start := time.Now()
				wantEq(t, "failed", a.Park(latch.Until{}), tt.failed)
				wantEq(t, "time", time.Since(start), tt.until)
				wantEq(t, "the last is set", a.IsSet(2), tt.until == 3*time.Second)
				wantEq(t, "no latch", a.IsSet(3), true)
				a.Leave()
				time.Sleep(time.Minute)
			})
		})
	}
}

// JoinAll takes latches that are set, and members that have none, at once; the waiters
// are no nodes of Census.
func TestJoinAll(t *testing.T) {
	var set, pending latch.Latch
	set.Set()
	members := []*latch.Latch{&pending, &set, nil}
	latchOf := func(i int) *latch.Latch { return members[i] }
	a := latch.NewFirst(3)
	nodes := a.JoinAll(latchOf)
	_, counted := pending.Census(9)
	wantEq(t, "counted", counted, 0)
	wantEq(t, "winner", a.Park(latch.Until{}), 1)
	latch.UnlinkAll(nodes)
	b := latch.NewAll(3, latch.FirstBit)
	nodes = b.JoinAll(latchOf)
	wantEq(t, "failed", b.Park(latch.Until{}), 2)
	latch.UnlinkAll(nodes)
	var fired notes
	pending.Link(node(&pending, &fired, 4))
	pending.Set()
	wantEqual(t, "left at the latch", fired, []int{4})
}

// A receive takes one value of each channel, in the order in which they come.
func TestReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := make(chan struct{}), make(chan struct{})
		go func() { b <- struct{}{}; a <- struct{}{} }()
		wantEqual(t, "left", latch.ReceiveEach([]<-chan struct{}{a, b}, latch.Until{}), nil)
		over := make(chan struct{})
		go func() { b <- struct{}{}; close(over) }()
		left := latch.ReceiveEach([]<-chan struct{}{a, b, nil}, latch.Until{Done: over})
		wantEqual(t, "left", left, []int{0, 2})
		wantEq(t, "Receive of nothing", latch.Until{Done: over}.Receive(a), false)
		close(a)
		for range 100 {
			wantEq(t, "Receive", latch.Until{Done: over}.Receive(a), true)
		}
		wantEq(t, "Receive of what comes", func() bool {
			go func() { b <- struct{}{} }()
			return latch.Until{}.Receive(b)
		}(), true)
	})
}

// More channels than one select takes are divided among goroutines, which have ended
// when the wait has.
func TestReceive_MoreThanASelectTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 66_000
		chans := make([]<-chan struct{}, n)
		ready := make(chan struct{})
		chans[n-1] = ready
		a := latch.NewFirst(n)
		for i, ch := range chans {
			if ch == nil {
				ch = make(chan struct{})
			}
			a.JoinChan(i, ch)
		}
		go func() { time.Sleep(time.Nanosecond); close(ready) }()
		wantEq(t, "winner", a.Park(latch.Until{}), n-1)
		a.Leave()
	})
}

// A slot is lent while a goroutine parks, and had back before the goroutine goes on.
func TestUntil_LendsTheSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l latch.Latch
		var s slot
		go func() { time.Sleep(time.Nanosecond); synctest.Wait(); wantEq(t, "lent", s.lent, 1); l.Set() }()
		wantEq(t, "Wait", l.Wait(latch.Until{Slot: &s}), true)
		wantEq(t, "slot", s, slot{lent: 0, times: 1})
		wantEq(t, "Wait of what is set", l.Wait(latch.Until{Slot: &s}), true)
		wantEq(t, "slot", s, slot{lent: 0, times: 1})
		over := make(chan struct{})
		u := latch.Until{Done: over, Slot: &s}
		u.GiveWay()
		go func() { time.Sleep(time.Nanosecond); close(over) }()
		wantEq(t, "Wait", new(latch.Latch).Wait(u), false)
		wantEqual(t, "left", latch.ReceiveEach([]<-chan struct{}{nil}, u), []int{0})
		wantEq(t, "slot", s, slot{lent: 0, times: 3})
		u.GiveWay()
	})
}

// A slot counts how often it is lent. It is given back by a goroutine at a time.
type slot struct {
	lent, times int
	late        bool // TryRegain fails
}

func (s *slot) Lend() { s.lent++; s.times++ }

func (s *slot) TryRegain() bool {
	if !s.late {
		s.lent--
	}
	return !s.late
}

func (s *slot) Regain() {
	s.lent--
	if s.late {
		time.Sleep(time.Hour)
	}
}
