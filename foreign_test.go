package async_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/seed4712c49f/async"
)

// A stranger is a context of somebody else's making: package context knows no
// way to its end but its channel. Values, and with them the cause, come from the
// context inside.
type stranger struct {
	context.Context
	mu   sync.Mutex
	done chan struct{}
	err  error
}

func newStranger(inside context.Context) *stranger {
	return &stranger{Context: inside, done: make(chan struct{})}
}

func (s *stranger) Done() <-chan struct{} { return s.done }

func (s *stranger) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stranger) cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = context.Canceled
		close(s.done)
	}
}

// A helpfulStranger has the method by which package context needs no goroutine.
type helpfulStranger struct {
	*stranger
	latch async.Event
}

func (s *helpfulStranger) AfterFunc(f func()) (stop func() bool) {
	return async.AfterFunc(&s.latch, f)
}

func (s *helpfulStranger) cancel() { s.stranger.cancel(); s.latch.Set() }

// A channelOf is a Waitable that is neither a context nor of this package.
type channelOf chan struct{}

func (c channelOf) Done() <-chan struct{} { return c }

// A strangerKind is a kind of Waitable that this package did not make.
type strangerKind struct {
	fresh      func() (w async.Waitable, complete func())
	goroutines int  // what a registration costs; a channel is selected over instead
	channel    bool // neither native nor a context
	never      bool // never completes
}

var strangers = map[string]strangerKind{
	"WithCancel": {fresh: func() (async.Waitable, func()) { return context.WithCancel(bg) }},
	"WithValue": {fresh: func() (async.Waitable, func()) {
		ctx, cancel := context.WithCancel(bg)
		return context.WithValue(ctx, errBoom, 1), cancel
	}},
	"WithCancelCause": {fresh: func() (async.Waitable, func()) {
		ctx, cancel := context.WithCancelCause(bg)
		return ctx, func() { cancel(errBoom) }
	}},
	"WithoutCancel": {never: true, fresh: func() (async.Waitable, func()) {
		ctx, cancel := context.WithCancel(bg)
		return context.WithoutCancel(ctx), cancel
	}},
	"Background": {never: true, fresh: func() (async.Waitable, func()) { return bg, func() {} }},
	"a stranger": {goroutines: 1, fresh: func() (async.Waitable, func()) {
		s := newStranger(bg)
		return s, s.cancel
	}},
	"a stranger with a cause": {goroutines: 1, fresh: func() (async.Waitable, func()) {
		inside, cancel := context.WithCancelCause(bg)
		s := newStranger(inside)
		return s, func() { cancel(errBoom); s.cancel() }
	}},
	"a stranger with AfterFunc": {fresh: func() (async.Waitable, func()) {
		s := &helpfulStranger{stranger: newStranger(bg)}
		return s, s.cancel
	}},
	"a context of a stranger's": {fresh: func() (async.Waitable, func()) {
		s := &helpfulStranger{stranger: newStranger(bg)}
		ctx, cancel := context.WithCancel(s)
		return ctx, func() { s.cancel(); cancel() }
	}},
	"a call's own context": {fresh: func() (async.Waitable, func()) {
		p, c := async.NewPromise[int](bg)
		return p.Context(), func() { _ = c.Cancel(nil) }
	}},
	"Chan": {channel: true, goroutines: 1, fresh: func() (async.Waitable, func()) {
		ch := make(chan struct{})
		return async.Chan(ch), sync.OnceFunc(func() { close(ch) })
	}},
	"a foreign Waitable": {channel: true, goroutines: 1, fresh: func() (async.Waitable, func()) {
		ch := make(channelOf)
		return ch, sync.OnceFunc(func() { close(ch) })
	}},
	"nil Chan": {channel: true, never: true, fresh: func() (async.Waitable, func()) { return async.Chan(nil), func() {} }},
}

// waits are the waits on many, beside a native member that is not complete.
var waits = map[string]func(ctx context.Context, w async.Waitable) error{
	"WaitAny": func(ctx context.Context, w async.Waitable) error {
		i, err := async.WaitAny(ctx, new(async.Event), w, w)
		if err == nil && i != 1 && i != 2 {
			return fmt.Errorf("WaitAny returned %d", i)
		}
		return err
	},
	"WaitAll": func(ctx context.Context, w async.Waitable) error { return async.WaitAll(ctx, w, setEvent(), w) },
	"Set": func(ctx context.Context, w async.Waitable) error {
		var s async.Set[int]
		defer s.Release()
		s.Add(0, new(async.Event))
		s.Add(1, w)
		s.Add(1, w)
		for range 2 {
			if i, err := s.Next(ctx); err != nil || i != 1 {
				return err
			}
		}
		return nil
	},
}

func TestW2_StrangersAsMembers(t *testing.T) {
	for name, kind := range strangers {
		for way, wait := range waits {
			t.Run(name+"/"+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w, complete := kind.fresh()
					ctx, cancel := context.WithCancelCause(bg)
					var got error
					returned := false
					go func() { got = wait(ctx, w); returned = true }()
					synctest.Wait()
					wantEq(t, "returned before", returned, false)
					complete()
					synctest.Wait()
					wantEq(t, "returned", returned, !kind.never)
					if cancel(errBoom); kind.never {
						synctest.Wait()
						wantIs(t, got, errBoom, context.Canceled, async.ErrCallPending)
					} else {
						wantEq(t, "error", got, nil)
						wantEq(t, "again", wait(bg, w), nil)
					}
				})
			})
		}
	}
}

// What a stranger costs in goroutines while it is waited for is what R12 says,
// and nothing afterwards.
func TestW4_WhatStrangersCost(t *testing.T) {
	const n = 10
	for name, kind := range strangers {
		registration := kind.goroutines * n
		inSelect := registration
		if kind.channel {
			inSelect = 0
		}
		for way, test := range map[string]struct {
			cost  int
			begin func(w async.Waitable) (end func())
		}{
			"AfterFunc": {registration, func(w async.Waitable) func() {
				stop := async.AfterFunc(w, func() {})
				return func() { stop() }
			}},
			"WaitAny": {inSelect + n, func(w async.Waitable) func() {
				return waiting(func(ctx context.Context) { _, _ = async.WaitAny(ctx, w) })
			}},
			"WaitAll": {n, func(w async.Waitable) func() {
				return waiting(func(ctx context.Context) { _ = async.WaitAll(ctx, w) })
			}},
			"Set": {inSelect, func(w async.Waitable) func() {
				s := new(async.Set[int])
				s.Add(1, w)
				return s.Release
			}},
			"Set.Next": {inSelect + n, func(w async.Waitable) func() {
				s := new(async.Set[int])
				s.Add(1, w)
				let := waiting(func(ctx context.Context) { _, _ = s.Next(ctx) })
				return func() { let(); s.Release() }
			}},
		} {
			t.Run(name+"/"+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					before := goroutines()
					var ends []func()
					for range n {
						w, _ := kind.fresh()
						ends = append(ends, test.begin(w))
					}
					synctest.Wait()
					cost := test.cost
					if way == "AfterFunc" && kind.never && kind.channel {
						cost = n // a nil channel cannot be told from one that may close
					}
					wantEq(t, "goroutines while it is waited for", goroutines()-before, cost)
					for _, end := range ends {
						end()
					}
					synctest.Wait()
					wantEq(t, "goroutines afterwards", goroutines()-before, 0)
				})
			})
		}
	}
}

// A set lets go of a stranger's goroutine also where the stranger completed and
// was taken.
func TestW4_TakenStrangersLeaveNothing(t *testing.T) {
	for name, kind := range strangers {
		if kind.never {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before := goroutines()
				var s async.Set[int]
				for i := range 10 {
					w, complete := kind.fresh()
					s.Add(i, w)
					complete()
				}
				for range 10 {
					if _, err := s.Next(bg); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				wantEq(t, "goroutines", goroutines()-before, 0)
				wantEq(t, "members left", s.Len(), 0)
			})
		})
	}
}

// Foreign channels on both sides of what one select can take.
var manyChannels = []int{1000, 65_533, 65_534, 65_535, 65_536, 65_537, 140_000}

func channels(n int) (chans []chan struct{}, ws []async.Waitable) {
	for range n {
		ch := make(chan struct{})
		chans, ws = append(chans, ch), append(ws, async.Chan(ch))
	}
	return chans, ws
}

func TestW2_MoreChannelsThanASelectTakes(t *testing.T) {
	for _, n := range manyChannels {
		if raceEnabled && n != 65_537 {
			continue
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before := goroutines()
				chans, ws := channels(n)
				event := new(async.Event)
				ws = append(ws, event)
				wait := func(ctx context.Context, complete func()) (i int, err error) {
					go func() { synctest.Wait(); complete() }()
					i, err = async.WaitAny(ctx, ws...)
					synctest.Wait()
					wantEq(t, "goroutines left", goroutines()-before, 0)
					return i, err
				}
				ctx, cancel := context.WithCancel(bg)
				i, err := wait(ctx, cancel)
				wantEq(t, "index when canceled", i, -1)
				wantIs(t, err, context.Canceled)

				k := rand.N(n)
				i, err = wait(bg, func() { chans[k] <- struct{}{} })
				wantEq(t, "index of a value", i, k)
				wantEq(t, "error", err, nil)

				i, err = wait(bg, func() { close(chans[n-1]) })
				wantEq(t, "index of the last", i, n-1)
				wantEq(t, "error", err, nil)

				i, err = async.WaitAny(bg, ws...)
				wantEq(t, "index on entry", i, n-1)
				wantEq(t, "error", err, nil)

				ws = append(ws[:n-1], event)
				i, err = wait(bg, func() { event.Set() })
				wantEq(t, "index of the event", i, n-1)
				wantEq(t, "error", err, nil)
			})
		})
	}
}

func TestW4_MoreChannelsThanASelectTakes(t *testing.T) {
	n := 70_000
	synctest.Test(t, func(t *testing.T) {
		before := goroutines()
		chans, ws := channels(n)
		var s async.Set[int]
		for i, w := range ws {
			s.Add(i, w)
		}
		next := func(complete func()) int {
			go func() { synctest.Wait(); complete() }()
			i, err := s.Next(bg)
			wantEq(t, "error", err, nil)
			return i
		}
		for _, k := range []int{n - 1, 0, 65_534, 65_536} {
			wantEq(t, "completed while Next waits", next(func() { close(chans[k]) }), k)
		}
		event := new(async.Event)
		s.Add(-5, event)
		wantEq(t, "an event among them", next(func() { event.Set() }), -5)
		wantEq(t, "members left", s.Len(), n-4)

		let := waiting(func(ctx context.Context) { _, _ = s.Next(ctx) })
		let()
		synctest.Wait()
		wantEq(t, "goroutines left", goroutines()-before, 0)

		seen := map[int]bool{n - 1: true, 0: true, 65_534: true, 65_536: true}
		for k, ch := range chans {
			if !seen[k] {
				close(ch)
			}
		}
		for k := range s.All(bg) {
			if seen[k] {
				t.Fatalf("%d came twice", k)
			}
			seen[k] = true
		}
		wantEq(t, "all of them", len(seen), n)
		wantEq(t, "goroutines in the end", goroutines()-before, 0)
	})
}

// A value received from a Chan is its completion, and only that value is
// consumed.
func TestW4_AValueFromAChannelIsConsumedOnce(t *testing.T) {
	ch := make(chan struct{}, 10)
	send := func(n int) {
		for range n {
			ch <- struct{}{}
		}
	}
	send(3)
	i, err := async.WaitAny(bg, async.Chan(ch), async.Chan(ch))
	wantEq(t, "index", i, 0)
	wantEq(t, "error", err, nil)
	wantEq(t, "values left by WaitAny", len(ch), 2)
	wantEq(t, "WaitAll", async.WaitAll(bg, async.Chan(ch), async.Chan(ch)), nil)
	wantEq(t, "values left by WaitAll", len(ch), 0)

	var s async.Set[int]
	s.Add(1, async.Chan(ch))
	_, ok := s.TryNext()
	wantEq(t, "TryNext", ok, false)
	send(3)
	_, ok = s.TryNext()
	wantEq(t, "TryNext", ok, true)
	_, ok = s.TryNext()
	wantEq(t, "TryNext again", ok, false)
	wantEq(t, "values left by the set", len(ch), 2)
}

// Several goroutines take from a set with one channel in it many times: as many
// values are consumed as completions come out.
func TestW4_SeveralNextsConsumeNoMoreThanTheyDeliver(t *testing.T) {
	for round := range rounds(300) {
		const members, values = 20, 30
		ch := make(chan struct{}, values)
		var s async.Set[int]
		for i := range members {
			s.Add(i, async.Chan(ch))
		}
		var mu sync.Mutex
		seen := map[int]int{}
		take := func() {
			for i := range s.All(bg) {
				mu.Lock()
				seen[i]++
				mu.Unlock()
			}
		}
		together(take, take, take, func() {
			for range values {
				ch <- struct{}{}
				runtime.Gosched()
			}
		})
		if len(seen) != members || len(ch) != values-members {
			t.Fatalf("round %d: %d of %d members, %d of %d values left", round, len(seen), members, len(ch), values)
		}
	}
}

// Next gives up, again and again, while values arrive: none is lost on the way
// out.
func TestW4_AGivenUpSelectLosesNoValue(t *testing.T) {
	for round := range rounds(3000) {
		ch := make(chan struct{}, 1)
		var s async.Set[int]
		s.Add(round, async.Chan(ch))
		ctx, cancel := context.WithCancel(bg)
		delivered := false
		together(
			func() { ch <- struct{}{}; cancel() },
			func() {
				_, err := s.Next(ctx)
				delivered = err == nil
			})
		if !delivered {
			t.Fatalf("round %d: the value came first, and Next gave up", round)
		}
	}
}

// Types that embed what is this package's own and say themselves when they are over.

type eventOfOthers struct {
	*async.Event
	channelOf
}

func (e eventOfOthers) Done() <-chan struct{} { return e.channelOf }

type signalOfOthers struct {
	*async.Signal
	over []chan struct{} // which makes it a type that cannot be compared
}

func (s signalOfOthers) Done() <-chan struct{} { return s.over[0] }

type callOfOthers struct {
	async.Call[int]
	over chan struct{}
}

func (c *callOfOthers) Done() <-chan struct{} { return c.over }

// A type that embeds an Event, a Signal or a Call is over when its own Done says so:
// neither before, when what it embeds is complete, nor after.
func TestW2_WhatEmbedsANativeIsWaitedForByItsDone(t *testing.T) {
	for name, fresh := range map[string]func(over chan struct{}, inner bool) async.Waitable{
		"Event": func(over chan struct{}, inner bool) async.Waitable {
			return eventOfOthers{eventThatIs(inner), over}
		},
		"Signal": func(over chan struct{}, inner bool) async.Waitable {
			return signalOfOthers{eventThatIs(inner).Signal(), []chan struct{}{over}}
		},
		"Call": func(over chan struct{}, inner bool) async.Waitable {
			c := &callOfOthers{over: over}
			if inner {
				p, err := c.BeginPromise(bg)
				wantEq(t, "error", err, nil)
				p.Complete(1, nil)
			}
			return c
		},
	} {
		for _, inner := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, complete: %v", name, inner), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					wantsItsDone(t, func(over chan struct{}) async.Waitable { return fresh(over, inner) })
				})
			})
		}
	}
}

func eventThatIs(set bool) *async.Event {
	e := new(async.Event)
	if set {
		e.Set()
	}
	return e
}

// wantsItsDone has every way of waiting wait for a member that is over when its
// channel is closed.
func wantsItsDone(t *testing.T, fresh func(over chan struct{}) async.Waitable) {
	for way, begin := range map[string]func(w async.Waitable, f func()){
		"WaitAny": func(w async.Waitable, f func()) {
			go func() { _, _ = async.WaitAny(bg, new(async.Event), w); f() }()
		},
		"WaitAll": func(w async.Waitable, f func()) { go func() { _ = async.WaitAll(bg, setEvent(), w); f() }() },
		"Set": func(w async.Waitable, f func()) {
			var s async.Set[int]
			s.Add(1, w)
			go func() { _, _ = s.Next(bg); f() }()
		},
		"AfterFunc": func(w async.Waitable, f func()) { async.AfterFunc(w, f) },
	} {
		over := make(chan struct{})
		var told async.Event
		begin(fresh(over), func() { told.Set() })
		synctest.Wait()
		wantEq(t, way+" ended before its Done", told.IsSet(), false)
		close(over)
		synctest.Wait()
		wantEq(t, way+" ended by its Done", told.IsSet(), true)
	}
}
