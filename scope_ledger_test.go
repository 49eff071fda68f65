package async_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// wantBalance checks what holds of a ledger at every moment.
func wantBalance(t *testing.T, s *async.Scope) {
	t.Helper()
	st := s.Stats()
	ended := st.Returned + st.Failed + st.Canceled + st.Panicked + st.Goexited + st.Broken
	wantEq(t, "Begun", st.Begun, ended+st.Pending)
	for name, n := range map[string]int64{
		"Begun": st.Begun, "Queued": st.Queued, "Running": st.Running, "Pending": st.Pending, "Taken": st.Taken,
		"Discarded": st.Discarded, "Untaken": st.Untaken, "Stopping": st.Stopping, "Lent": st.Lent, "Stopped": st.Stopped,
	} {
		if n < 0 {
			t.Errorf("%s is %d in %+v", name, n, st)
		}
	}
	if late := st.Taken + st.Untaken + st.Discarded - st.Returned - st.Failed - st.Panicked; late < 0 || late > st.Canceled {
		t.Errorf("%d late values in %+v", late, st)
	}
	var stops int64
	for _, n := range st.StopTimes {
		stops += n
	}
	if stops < st.Stopped || st.Queued > st.Pending || st.StopMax > st.StopTotal {
		t.Errorf("it does not fit together: %+v", st)
	}
}

// What each way to end a call and each way to treat its result is in the ledger.
func TestC4_EachWayToEnd(t *testing.T) {
	canceledWhileRunning := func(s *async.Scope, fn func(context.Context) (int, error)) *async.Call[int] {
		c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); return fn(ctx) }, s)
		synctest.Wait()
		_ = c.Cancel(nil)
		return c
	}
	stopped := func(st async.Stats) async.Stats { st.Stopped, st.StopTimes[0] = 1, 1; return st }
	for name, test := range map[string]struct {
		do   func(s *async.Scope)
		want async.Stats
	}{
		"returned, awaited":     {func(s *async.Scope) { _, _ = async.Go(bg, value(1, nil), s).Await(bg) }, async.Stats{Returned: 1, Taken: 1}},
		"returned, only waited": {func(s *async.Scope) { _ = async.Go(bg, value(1, nil), s).Wait(bg) }, async.Stats{Returned: 1, Untaken: 1}},
		"failed, finished": {func(s *async.Scope) {
			c := async.Go(bg, value(1, errBoom), s)
			_ = c.Wait(bg)
			_, _ = c.Finish()
		}, async.Stats{Failed: 1, Taken: 1}},
		"finished by two, awaited by one": {func(s *async.Scope) {
			c := async.Go(bg, value(1, nil), s)
			d := c.Clone()
			_, _ = c.Await(bg)
			_, _ = c.Finish()
			_, _ = d.Finish()
		}, async.Stats{Returned: 1, Taken: 1}},
		"released unread": {func(s *async.Scope) {
			c := async.Go(bg, value(1, nil), s)
			_ = c.Wait(bg)
			c.Release()
		}, async.Stats{Returned: 1, Discarded: 1}},
		"one of two released": {func(s *async.Scope) {
			c := async.Go(bg, value(1, nil), s)
			_ = c.Clone().Wait(bg)
			c.Release()
		}, async.Stats{Returned: 1, Untaken: 1}},
		"read and released": {func(s *async.Scope) {
			c := async.Go(bg, value(1, nil), s)
			_, _ = c.Await(bg)
			c.Release()
		}, async.Stats{Returned: 1, Taken: 1}},
		"released before it returned": {func(s *async.Scope) { async.Go(bg, deaf(time.Second), s).Release() }, async.Stats{Returned: 1, Discarded: 1}},
		"an await that was given up":  {func(s *async.Scope) { _, _ = async.Go(bg, deaf(time.Second), s).Await(expired) }, async.Stats{Returned: 1, Untaken: 1}},
		"by Settle":                   {func(s *async.Scope) { _, _ = async.Calls[int]{async.Go(bg, value(1, errBoom), s)}.Settle(bg) }, async.Stats{Failed: 1, Taken: 1}},
		"the losers of Race": {func(s *async.Scope) {
			cs := async.GoEach(bg, []int{1, 2}, func(_ context.Context, i int) (int, error) { time.Sleep(time.Duration(i)); return 1, nil }, s)
			_, _, _ = cs.Race(bg)
		}, async.Stats{Begun: 2, Returned: 2, Taken: 1, Untaken: 1}},
		"by Hedge":                {func(s *async.Scope) { _, _ = async.Hedge(bg, 0, 1, anyAttempt(value(1, nil)), s) }, async.Stats{Returned: 1, Taken: 1}},
		"context over before":     {func(s *async.Scope) { async.Go(expired, value(1, nil), s) }, async.Stats{Canceled: 1}},
		"canceled while running":  {func(s *async.Scope) { canceledWhileRunning(s, value(1, nil)) }, stopped(async.Stats{Canceled: 1, Discarded: 1})},
		"canceled, then released": {func(s *async.Scope) { canceledWhileRunning(s, value(1, nil)).Release() }, stopped(async.Stats{Canceled: 1, Discarded: 1})},
		"canceled, then Goexit": {func(s *async.Scope) {
			canceledWhileRunning(s, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil })
		}, stopped(async.Stats{Canceled: 1})},
		"canceled, then panic": {func(s *async.Scope) { canceledWhileRunning(s, panicWith(1)) }, stopped(async.Stats{Canceled: 1, Discarded: 1})},
		"CancelWait": {func(s *async.Scope) {
			c := async.Go(bg, block, s)
			synctest.Wait()
			_ = c.CancelWait(bg, errBoom)
		}, async.Stats{Failed: 1, Untaken: 1}},
		"abandoned and canceled": {func(s *async.Scope) {
			c := async.Go(bg, block, s, async.CancelOnAbandon())
			synctest.Wait()
			c.Release()
		}, stopped(async.Stats{Canceled: 1, Discarded: 1})},
		"Goexit": {func(s *async.Scope) {
			async.Go(bg, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, s)
		}, async.Stats{Goexited: 1}},
		"Goexit, awaited": {func(s *async.Scope) {
			_, _ = async.Go(bg, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, s).Await(bg)
		}, async.Stats{Goexited: 1}},
		"panic":          {func(s *async.Scope) { async.Go(bg, panicWith(1), s) }, async.Stats{Panicked: 1, Untaken: 1}},
		"panic, awaited": {func(s *async.Scope) { _, _ = async.Go(bg, panicWith(1), s).Await(bg) }, async.Stats{Panicked: 1, Taken: 1}},
		"panic, abandoned": {func(s *async.Scope) {
			async.Go(bg, func(ctx context.Context) (int, error) { time.Sleep(time.Nanosecond); return panicWith(1)(ctx) }, s).Release()
		}, async.Stats{Panicked: 1, Discarded: 1}},
		"promise":                {func(s *async.Scope) { p, c := async.NewPromise[int](bg, s); p.Complete(1, nil); _, _ = c.Await(bg) }, async.Stats{Returned: 1, Taken: 1}},
		"promise, failed":        {func(s *async.Scope) { p, _ := async.NewPromise[int](bg, s); p.Complete(1, errBoom) }, async.Stats{Failed: 1, Untaken: 1}},
		"promise, broken":        {func(s *async.Scope) { p, c := async.NewPromise[int](bg, s); p.Break(); _, _ = c.Await(bg) }, async.Stats{Broken: 1}},
		"promise, canceled":      {func(s *async.Scope) { p, c := async.NewPromise[int](bg, s); _ = c.Cancel(nil); p.Complete(1, nil) }, async.Stats{Canceled: 1}},
		"promise, abandoned":     {func(s *async.Scope) { p, c := async.NewPromise[int](bg, s); c.Release(); p.Complete(1, nil) }, async.Stats{Returned: 1, Discarded: 1}},
		"promise, over before":   {func(s *async.Scope) { p, _ := async.NewPromise[int](expired, s); p.Complete(1, nil) }, async.Stats{Canceled: 1}},
		"promise, its time over": {func(s *async.Scope) { async.NewPromise[int](newTimeout(bg, time.Second), s) }, async.Stats{Canceled: 1}},
		"an object used again": {func(s *async.Scope) {
			var c async.Call[int]
			for range 3 {
				_ = c.Begin(bg, value(1, nil), s)
				_ = c.Begin(bg, value(1, nil), s)
				_ = c.Wait(bg)
				_, _ = c.Finish()
				_, _ = c.Finish()
			}
		}, async.Stats{Begun: 3, Returned: 3, Taken: 3}},
		"streaming": {func(s *async.Scope) {
			c := async.Go(bg, value(1, nil), s, async.Streaming())
			_ = c.Wait(bg)
			_, _ = c.Finish()
			c.Release()
		}, async.Stats{Returned: 1, Taken: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			eachScope(t, async.ScopeOptions{Panic: async.PanicReturn}, func(t *testing.T, s *async.Scope) {
				test.do(s)
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
				want := test.want
				want.Begun = max(want.Begun, 1)
				if got := s.Stats(); got != want {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
			})
		})
	}
}

// Every outcome at once, a hundred thousand times, with somebody reading the
// ledger all the while: it balances at each moment, and in the end every call is
// where it belongs.
func TestC4_EveryOutcomeAtOnce(t *testing.T) {
	var disposed, told atomic.Int64
	count := async.Discard(func(int, error) { disposed.Add(1) })
	for _, observer := range []async.Observer{{}, {
		Begun: func(async.CallInfo) { told.Add(1) }, Started: func(async.CallInfo) {}, Completed: func(async.CallInfo) { told.Add(-1) },
	}} {
		s := async.NewScope(async.ScopeOptions{Limit: 8, Queue: 64, Panic: async.PanicReturn, Observer: observer})
		disposed.Store(0)
		stop := make(chan struct{})
		var readers sync.WaitGroup
		readers.Go(func() {
			for last := s.Stats(); !isClosed(stop) && !t.Failed(); runtime.Gosched() {
				wantBalance(t, s)
				st := s.Stats()
				if st.Begun < last.Begun || st.Taken < last.Taken || st.Discarded < last.Discarded || st.Canceled < last.Canceled {
					t.Errorf("a count fell: %+v, then %+v", last, st)
				}
				last = st
			}
		})
		var want tallied
		client := func(seed int) func() {
			return func() {
				var again async.Call[int]
				for i := range rounds(50_000) / 4 {
					want.play(s, i+seed, &again, count)
				}
			}
		}
		together(client(0), client(5), client(11), client(17))
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		close(stop)
		readers.Wait()
		wantBalance(t, s)
		st := s.Stats()
		got := async.Stats{Begun: st.Begun, Returned: st.Returned, Failed: st.Failed, Canceled: st.Canceled, Panicked: st.Panicked,
			Goexited: st.Goexited, Broken: st.Broken, Taken: st.Taken, Discarded: st.Discarded, Untaken: st.Untaken}
		want.mu.Lock()
		want.st.Discarded += want.maybe.Load()
		if got != want.st {
			t.Errorf("got  %+v\nwant %+v", got, want.st)
		}
		want.mu.Unlock()
		wantEq(t, "Discard was called", disposed.Load(), st.Discarded)
		wantEq(t, "begun but not completed, as the observer sees it", told.Load(), int64(0))
		if st.Stopped == 0 || st.Running+st.Queued+st.Stopping+st.Pending != 0 {
			t.Errorf("at the end: %+v", st)
		}
	}
}

// An tallied is what the ledger should be.
type tallied struct {
	mu    sync.Mutex
	st    async.Stats
	maybe atomic.Int64 // functions that ran, but for those whose result was taken: late
}

func (a *tallied) add(add async.Stats) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.st.Begun++
	for _, f := range [][2]*int64{
		{&a.st.Returned, &add.Returned}, {&a.st.Failed, &add.Failed}, {&a.st.Canceled, &add.Canceled},
		{&a.st.Panicked, &add.Panicked}, {&a.st.Goexited, &add.Goexited}, {&a.st.Broken, &add.Broken},
		{&a.st.Taken, &add.Taken}, {&a.st.Discarded, &add.Discarded}, {&a.st.Untaken, &add.Untaken},
	} {
		*f[0] += *f[1]
	}
}

// play is one call, of the kind that i says, and what it should be in the ledger.
func (a *tallied) play(s *async.Scope, i int, again *async.Call[int], opts ...async.Option) {
	opts = append(opts, s)
	started := make(chan struct{})
	late := func(context.Context) (int, error) { return 1, nil }
	begin := func(ctx context.Context, fn func(context.Context) (int, error), more ...async.Option) *async.Call[int] {
		c := async.Go(ctx, fn, append(more, opts...)...)
		if c.Info().ID == 0 { // refused: it counts nowhere
			return nil
		}
		return c
	}
	slow := func(ctx context.Context) (int, error) { close(started); <-ctx.Done(); return late(ctx) }
	switch i % 17 {
	case 0:
		if c := begin(bg, value(1, nil)); c != nil {
			_, _ = c.Await(bg)
			a.add(async.Stats{Returned: 1, Taken: 1})
		}
	case 1:
		if c := begin(bg, value(1, errBoom)); c != nil {
			_ = c.Wait(bg)
			_, _ = c.Finish()
			a.add(async.Stats{Failed: 1, Taken: 1})
		}
	case 2:
		if c := begin(bg, value(1, nil)); c != nil {
			c.Release()
			a.add(async.Stats{Returned: 1, Discarded: 1})
		}
	case 3:
		if c := begin(bg, value(1, nil)); c != nil {
			_ = c.Wait(bg)
			a.add(async.Stats{Returned: 1, Untaken: 1})
		}
	case 4:
		begin(expired, value(1, nil)).Release()
		a.add(async.Stats{Canceled: 1})
	case 5, 6:
		if i%17 == 6 {
			late = panicWith(1)
		}
		if c := begin(bg, slow); c != nil {
			<-started
			_ = c.Cancel(nil)
			a.add(async.Stats{Canceled: 1, Discarded: 1})
		}
	case 7:
		if c := begin(bg, slow, async.CancelOnAbandon()); c != nil {
			<-started
			c.Release()
			a.add(async.Stats{Canceled: 1, Discarded: 1})
		}
	case 8:
		if c := begin(bg, panicWith(1)); c != nil {
			_, _ = c.Await(bg)
			a.add(async.Stats{Panicked: 1, Taken: 1})
		}
	case 9:
		if c := begin(bg, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }); c != nil {
			a.add(async.Stats{Goexited: 1})
		}
	case 10, 11, 12, 13:
		p, c := async.NewPromise[int](bg, opts...)
		switch i % 17 {
		case 10:
			p.Break()
			a.add(async.Stats{Broken: 1})
		case 11:
			p.Complete(1, errBoom)
			_, _ = c.Finish()
			a.add(async.Stats{Failed: 1, Taken: 1})
		case 12:
			together(func() { p.Complete(1, nil) }, c.Release)
			a.add(async.Stats{Returned: 1, Discarded: 1})
		case 13:
			if won := make(chan bool, 1); true {
				together(func() { won <- p.Complete(1, nil) }, func() { _ = c.Cancel(nil) })
				if <-won {
					a.add(async.Stats{Returned: 1, Untaken: 1})
				} else {
					a.add(async.Stats{Canceled: 1})
				}
			}
		}
	case 14, 15:
		ctx, cancel := context.WithCancel(bg)
		c := begin(ctx, func(context.Context) (int, error) { a.maybe.Add(1); return 1, nil })
		if i%17 == 14 || c == nil {
			cancel()
		} else {
			together(cancel, func() { _ = c.Cancel(nil) })
		}
		if c == nil {
			return
		}
		if _, err := c.Await(bg); err == nil {
			a.maybe.Add(-1)
			a.add(async.Stats{Returned: 1, Taken: 1})
		} else {
			a.add(async.Stats{Canceled: 1})
		}
	case 16:
		if err := again.Begin(bg, value(1, nil), opts...); err == nil {
			_ = again.Wait(bg)
			_, _ = again.Finish()
			a.add(async.Stats{Returned: 1, Taken: 1})
		}
	}
}

// How long canceled functions took to stop, to the nanosecond.
func TestC4_StopTimes(t *testing.T) {
	eachScope(t, async.ScopeOptions{}, func(t *testing.T, s *async.Scope) {
		took := []time.Duration{0, 9999, 10_000, 99_999, 100_000, time.Millisecond, 15 * time.Millisecond, 100 * time.Millisecond,
			time.Second, 9 * time.Second, 10 * time.Second, time.Hour}
		var total time.Duration
		for _, d := range took {
			total += d
			c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); time.Sleep(d); return 1, nil }, s)
			synctest.Wait()
			_ = c.Cancel(nil)
		}
		time.Sleep(time.Second / 2)
		st := s.Stats()
		wantEq(t, "Stopping", st.Stopping, int64(4))
		wantEq(t, "Stopped", st.Stopped, int64(8))
		wantEq(t, "Running", st.Running, int64(4))
		wantEq(t, "Pending", st.Pending, int64(0))
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		st = s.Stats()
		wantEq(t, "Stopping", st.Stopping, int64(0))
		wantEq(t, "Stopped", st.Stopped, int64(len(took)))
		wantEq(t, "StopTotal", st.StopTotal, total)
		wantEq(t, "StopMax", st.StopMax, time.Hour)
		wantEq(t, "StopTimes", fmt.Sprint(st.StopTimes), "[2 2 1 1 1 1 2 2]")
	})
	wantEq(t, "first bound", async.StopBound(0), 10*time.Microsecond)
	wantEq(t, "last but one", async.StopBound(async.StopClasses-2), 10*time.Second)
	wantEq(t, "last", async.StopBound(async.StopClasses-1), time.Duration(1<<63-1))
}

// A call that is canceled before its function has been called did not stop.
func TestC4_WhatNeverRanDidNotStop(t *testing.T) {
	for range rounds(2000) {
		s := async.NewScope(async.ScopeOptions{})
		var ran atomic.Int64
		c := async.Go(bg, func(context.Context) (int, error) { ran.Add(1); return 1, nil }, s)
		canceled := c.Cancel(nil) == nil
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		st := s.Stats()
		if canceled {
			wantEq(t, "Stopped", st.Stopped, ran.Load())
			wantEq(t, "Discarded", st.Discarded, ran.Load())
		}
	}
}

// Lent counts the functions that run and wait.
func TestC4_Lent(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 2}, func(t *testing.T, s *async.Scope) {
		counts := func() string {
			st := s.Stats()
			return fmt.Sprint(st.Running, " running, ", st.Lent, " lent, ", st.Queued, " queued")
		}
		p, c := async.NewPromise[int](bg, s)
		for range 3 {
			async.Go(bg, func(ctx context.Context) (int, error) { return c.Await(ctx) }, s)
		}
		synctest.Wait()
		wantEq(t, "all wait", counts(), "3 running, 3 lent, 0 queued")
		async.GoEach(bg, make([]int, 3), func(context.Context, int) (int, error) { return deaf(time.Hour)(bg) }, s)
		synctest.Wait()
		wantEq(t, "two more run", counts(), "5 running, 3 lent, 1 queued")
		p.Complete(1, nil)
		synctest.Wait()
		wantEq(t, "those come back", counts(), "5 running, 3 lent, 1 queued")
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "at the end", counts(), "0 running, 0 lent, 0 queued")
	})
	free := async.NewScope(async.ScopeOptions{})
	giveBack := occupy(free)
	wantEq(t, "without a limit", free.Stats().Lent, int64(0))
	giveBack()
	wantEq(t, "Shutdown", free.Shutdown(bg), nil)
}
