package async_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/remote"
)

// What is told of calls: the ledger of a scope, calls in flight, observers and tracking.

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
		"promise":                           {func(s *async.Scope) { p, c := async.NewPromise[int](bg, s); p.Complete(1, nil); _, _ = c.Await(bg) }, async.Stats{Returned: 1, Taken: 1}},
		"promise, failed":                   {func(s *async.Scope) { p, _ := async.NewPromise[int](bg, s); p.Complete(1, errBoom) }, async.Stats{Failed: 1, Untaken: 1}},
		"promise, broken":                   {func(s *async.Scope) { p, c := async.NewPromise[int](bg, s); p.Break(); _, _ = c.Await(bg) }, async.Stats{Broken: 1}},
		"promise, canceled":                 {func(s *async.Scope) { p, c := async.NewPromise[int](bg, s); _ = c.Cancel(nil); p.Complete(1, nil) }, async.Stats{Canceled: 1}},
		"promise, abandoned":                {func(s *async.Scope) { p, c := async.NewPromise[int](bg, s); c.Release(); p.Complete(1, nil) }, async.Stats{Returned: 1, Discarded: 1}},
		"promise, over before":              {func(s *async.Scope) { p, _ := async.NewPromise[int](expired, s); p.Complete(1, nil) }, async.Stats{Canceled: 1}},
		"promise, its time over":            {func(s *async.Scope) { async.NewPromise[int](newTimeout(bg, time.Second), s) }, async.Stats{Canceled: 1}},
		"failed with the panic of another":  {func(s *async.Scope) { async.Go(bg, value(1, error(&async.PanicError{})), s) }, async.Stats{Failed: 1, Untaken: 1}},
		"failed with the Goexit of another": {func(s *async.Scope) { async.Go(bg, value(1, async.ErrGoexit), s) }, async.Stats{Failed: 1, Untaken: 1}},
		"failed with a promise of another":  {func(s *async.Scope) { async.Go(bg, value(1, async.ErrBrokenPromise), s) }, async.Stats{Failed: 1, Untaken: 1}},
		"failed with the end of another":    {func(s *async.Scope) { async.Go(bg, value(1, error(&async.CanceledError{})), s) }, async.Stats{Failed: 1, Untaken: 1}},
		"promise, failed with a broken one": {func(s *async.Scope) {
			p, _ := async.NewPromise[int](bg, s)
			p.Complete(1, async.ErrBrokenPromise)
		}, async.Stats{Failed: 1, Untaken: 1}},
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
			var told [async.OutcomeBroken + 1]atomic.Int64 // how many calls ended how (V1)
			o := async.Observer{Completed: func(c async.CallInfo) { told[c.Outcome].Add(1) }}
			eachScope(t, async.ScopeOptions{Panic: async.PanicReturn, Observer: o}, func(t *testing.T, s *async.Scope) {
				test.do(s)
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
				want := test.want
				want.Begun = max(want.Begun, 1)
				got := s.Stats()
				if got != want {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
				counted := []int64{0, got.Returned, got.Failed, got.Canceled, got.Panicked, got.Goexited, got.Broken}
				for i := range told {
					wantEq(t, "told of "+async.Outcome(i).String(), told[i].Swap(0), counted[i])
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

func TestC6_InFlight(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 2}, func(t *testing.T, s *async.Scope) {
		start := time.Now()
		async.Go(bg, deaf(time.Hour), s, async.Name("one")).Release()
		time.Sleep(time.Second)
		two := async.Go(bg, deaf(time.Minute), s)
		time.Sleep(time.Second)
		three := async.Go(bg, value(1, nil), s, async.Name("three"))
		four := async.Go(bg, deaf(time.Second), s)
		p, promise := async.NewPromise[int](bg, s, async.Name("promise"))
		sig := promise.Signal()
		_ = two.Cancel(errBoom)
		time.Sleep(time.Second)
		within := start.Add
		want := []async.CallInfo{
			{ID: 1, Name: "one", State: async.StateRunning, Began: within(0)},
			{ID: 2, State: async.StateCompleted, Began: within(time.Second), Canceled: within(2 * time.Second), Handles: 1},
			{ID: 3, Name: "three", State: async.StateQueued, Began: within(2 * time.Second), Handles: 1},
			{ID: 4, State: async.StateQueued, Began: within(2 * time.Second), Handles: 1},
			{ID: 5, Name: "promise", State: async.StateRunning, Began: within(2 * time.Second), Handles: 2},
		}
		look := func(want []async.CallInfo) {
			t.Helper()
			got := collect(s)
			for i := range got {
				if got[i].State == async.StateCompleted {
					wantIs(t, got[i].Err, async.ErrCanceled, errBoom)
					got[i].Err = nil
				}
				got[i].Stack, got[i].Started, got[i].WaitsFor = "", time.Time{}, nil // see TestV1_CallInfo
			}
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		}
		look(want)
		look(want) // it changes nothing
		info := two.Info()
		wantEq(t, "Info is the same", info.Canceled, want[1].Canceled)
		p.Complete(1, nil)
		look(want[:4])
		_ = three.Cancel(nil)
		want[2] = want[3]
		look(want[:3])
		time.Sleep(time.Minute)
		look(want[:1])
		wantEq(t, "it ran when there was a slot", four.IsDone(), true)
		sig.Release()
		time.Sleep(time.Hour)
		look(nil)
		wantEq(t, "Info at the end", two.Info().State, async.StateCompleted)
	})
}

// What the body of the loop does to the calls is seen by the loop, which goes on
// after it, and may end it in any way.
func TestC6_InFlightWhileItChanges(t *testing.T) {
	eachScope(t, async.ScopeOptions{}, func(t *testing.T, s *async.Scope) {
		const n = 200 // more than are looked at in one go
		var ps []*async.Promise[int]
		begin := func() {
			p, c := async.NewPromise[int](bg, s)
			c.Release()
			ps = append(ps, p)
		}
		for range n {
			begin()
		}
		var ids []uint64
		for i := range s.InFlight() {
			ids = append(ids, i.ID)
			if i.ID%2 == 1 && i.ID < n {
				ps[i.ID].Complete(1, nil) // the next one: it is over, and not seen
			}
			ps[i.ID-1].Complete(1, nil)
			begin() // it is not seen, or the loop would have no end
		}
		wantEq(t, "seen", len(ids), n/2)
		for _, p := range ps[n:] {
			p.Complete(1, nil)
		}
		wantEq(t, "in order", slices.IsSorted(ids), true)
		for range s.InFlight() {
			t.Error("something is in flight")
		}
		for range 3 {
			begin()
		}
		once := func(what string, f func()) {
			t.Helper()
			calls := 0
			done := make(chan struct{})
			go func() {
				defer close(done)
				recovered(func() {
					for range s.InFlight() {
						for range s.InFlight() { // one inside the other
							break
						}
						calls++
						f()
						break
					}
				})
			}()
			<-done
			wantEq(t, what, calls, 1)
		}
		once("left early", func() {})
		once("left by a panic", func() { panic(1) })
		once("left by Goexit", runtime.Goexit)
		wantEq(t, "afterwards", len(collect(s)), 3)
		for _, p := range ps {
			p.Break()
		}
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// Ten thousand stand while others come and go: each loop sees every one that
// stands, once, in order, and none twice.
func TestC6_InFlightUnderChurn(t *testing.T) {
	const standing = 10_000
	s := async.NewScope(async.ScopeOptions{Limit: 4})
	var ps []*async.Promise[int]
	stands := make(map[uint64]bool)
	var stop async.Event
	churn := func() {
		for !stop.IsSet() {
			a, b := async.Go(bg, value(1, nil), s), async.Go(bg, value(1, nil), s)
			p, c := async.NewPromise[int](bg, s)
			_ = a.Cancel(nil)
			_, _ = b.Await(bg)
			p.Complete(1, nil)
			c.Release()
		}
	}
	var wg sync.WaitGroup
	wg.Go(churn)
	for range standing {
		p, c := async.NewPromise[int](bg, s)
		ps, stands[c.Info().ID] = append(ps, p), true
	}
	wg.Go(churn)
	look := func() {
		for range rounds(30)/2 + 2 {
			seen := make(map[uint64]bool)
			last, found := uint64(0), 0
			for i := range s.InFlight() {
				if seen[i.ID] || i.ID <= last {
					t.Errorf("call %d after call %d, seen before: %v", i.ID, last, seen[i.ID])
				}
				seen[i.ID], last = true, i.ID
				if stands[i.ID] {
					found++
				}
			}
			wantEq(t, "standing", found, standing)
		}
	}
	together(look, look)
	stop.Set()
	wg.Wait()
	for _, p := range ps {
		p.Break()
	}
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// Handles and waiters are counted exactly, each kind of them.
func TestC6_HandlesAndWaiters(t *testing.T) {
	kinds := map[string]func(ctx context.Context, c *async.Call[int]){
		"WaitFor":    func(_ context.Context, c *async.Call[int]) { _ = c.WaitFor(100 * time.Hour) },
		"FirstError": func(ctx context.Context, c *async.Call[int]) { _ = async.FirstError(ctx, c) },
		"Signal.WaitFor": func(_ context.Context, c *async.Call[int]) {
			s := c.Signal()
			_ = s.WaitFor(100 * time.Hour)
			s.Release()
		},
	}
	for name, wait := range scopeWaits {
		if !strings.Contains(name, "errgroup") {
			kinds[name] = func(ctx context.Context, c *async.Call[int]) { wait(ctx, c) }
		}
	}
	twice := []string{"WaitAll", "All", "Settle", "Quorum", "Each"}
	none := []string{"WaitAny of all kinds", "Set.Next of a channel"}
	for name, wait := range kinds {
		for what, parent := range map[string]context.Context{"bg": bg, "cancelable": t.Context()} {
			t.Run(name+"/"+what, func(t *testing.T) {
				eachScope(t, async.ScopeOptions{}, func(t *testing.T, s *async.Scope) {
					ctx := parent
					if parent != bg {
						inner, cancel := context.WithCancel(bg)
						defer cancel()
						ctx = inner
					}
					p, c := async.NewPromise[int](bg, s)
					d := c.Clone()
					const n = 5
					var wg sync.WaitGroup
					for range n {
						wg.Go(func() { wait(ctx, c) })
					}
					synctest.Wait()
					handles, waiters := 2, n
					switch {
					case slices.Contains(twice, name):
						waiters = 2 * n
					case slices.Contains(none, name):
						waiters = 0
					case strings.HasPrefix(name, "WaitAll of all"):
						waiters = 2 * n // and the context that follows
					}
					if strings.HasPrefix(name, "Signal.") {
						handles += n
					}
					i := c.Info()
					wantEq(t, "Handles", i.Handles, handles)
					wantEq(t, "Waiters", i.Waiters, waiters)
					wantEq(t, "Waiters in flight", collect(s)[0].Waiters, waiters)
					p.Complete(1, nil)
					wg.Wait()
					wantEq(t, "Waiters of what is complete", c.Info().Waiters, 0)
					if name != "Signal.Wait" {
						wantEq(t, "Handles of what is complete", c.Info().Handles, 2)
						c.Release()
						wantEq(t, "one released", d.Info().Handles, 1)
						_, _ = d.Finish()
						wantEq(t, "one finished", d.Info().Handles, 0)
					}
				})
			})
		}
	}
}

// A wait that came to its end, but for its slot or for other members, is no
// handle, and no waiter any more.
func TestC6_HandlesWhileAWaitIsNotOver(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1, Track: true}, func(t *testing.T, s *async.Scope) {
		p, c := async.NewPromise[int](bg, s)
		q, d := async.NewPromise[int](bg, s)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = async.Calls[int]{c, d}.All(bg) })
		wg.Go(func() { _, _ = async.Calls[int]{c, d}.Settle(bg) })
		wg.Go(func() {
			for range (async.Calls[int]{c, d}).Each(bg) {
				continue
			}
		})
		f := async.Go(bg, func(ctx context.Context) (int, error) { return c.Await(ctx) }, s)
		synctest.Wait()
		wantEq(t, "Waiters", c.Info().Waiters, 4)
		giveBack := occupy(s)
		p.Complete(1, nil)
		synctest.Wait()
		i := c.Info()
		wantEq(t, "Handles", i.Handles, 1)
		wantEq(t, "Waiters", i.Waiters, 0)
		n := 0
		for h := range s.Unreleased() {
			if h.Call.ID == i.ID {
				n++
			}
		}
		if i.Stack != "" {
			wantEq(t, "unreleased", n, 1)
		}
		giveBack()
		_ = f.Wait(bg)
		q.Complete(1, nil)
		wg.Wait()
	})
}

func TestC6_MoreWaitersThanAreCounted(t *testing.T) {
	before := runtime.NumGoroutine()
	p, c := async.NewPromise[int](bg)
	many := make(async.Calls[int], 70_000)
	for i := range many {
		many[i] = c
	}
	_, err := many.All(newTimeout(bg, time.Millisecond))
	wantIs(t, err, context.DeadlineExceeded)
	wantEq(t, "Handles", c.Info().Handles, 1)
	for range 20_000 {
		async.AfterFunc(c, func() {})
	}
	wantEq(t, "Waiters", c.Info().Waiters, 10_000)
	p.Complete(1, nil)
	wantEq(t, "Waiters", c.Info().Waiters, 0)
	eventually(t, func() bool { return runtime.NumGoroutine() < before+100 })
}

// Without a scope a call knows its name, state, error, handles and waiters.
func TestC7_InfoWithoutAScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c async.Call[int]
		wantEq(t, "never begun", c.Info(), async.CallInfo{})
		c.Done()
		_ = c.Clone()
		wantEq(t, "never begun, asked for", c.Info(), async.CallInfo{})
		p, d := async.NewPromise[int](bg, async.Name("n"))
		e := d.Clone()
		go func() { _ = d.Wait(bg) }()
		synctest.Wait()
		wantEq(t, "pending", d.Info(), async.CallInfo{Name: "n", State: async.StateRunning, Handles: 2, Waiters: 1})
		p.Complete(1, errBoom)
		synctest.Wait()
		wantEq(t, "complete", d.Info(), async.CallInfo{Name: "n", State: async.StateCompleted, Handles: 2, Outcome: async.OutcomeFailed, Err: errBoom})
		_, _ = d.Finish()
		e.Release()
		wantEq(t, "finished", d.Info(), async.CallInfo{Name: "n", State: async.StateCompleted, Outcome: async.OutcomeFailed, Err: errBoom})
		wantEq(t, "released", e.Info(), d.Info())
		wantEq(t, "String", fmt.Sprint(e.Info()), `call "n", completed`)
		wantEq(t, "without a name", fmt.Sprint(async.Ready(1, nil).Info()), "call, completed")
	})
}

func TestC6_Strings(t *testing.T) {
	for want, got := range map[string]fmt.Stringer{
		"idle": async.State(0), "queued": async.StateQueued, "running": async.StateRunning, "completed": async.StateCompleted, "4": async.State(4), "-1": async.State(-1),
		"pending": async.Outcome(0), "returned": async.OutcomeReturned, "failed": async.OutcomeFailed, "canceled": async.OutcomeCanceled,
		"panicked": async.OutcomePanicked, "goexited": async.OutcomeGoexited, "broken": async.OutcomeBroken, "7": async.Outcome(7),
		"PanicReraise": async.PanicReraise, "PanicCrash": async.PanicCrash, "PanicReturn": async.PanicReturn, "3": async.PanicPolicy(3),
		"scope": async.NewScope(async.ScopeOptions{}), `scope "s"`: async.NewScope(async.ScopeOptions{Name: "s"}),
		"call, idle":             async.CallInfo{},
		`call "c" #7, running`:   async.CallInfo{ID: 7, Name: "c", State: async.StateRunning},
		"call #7, canceled":      async.CallInfo{ID: 7, State: async.StateCompleted, Canceled: time.Now()},
		`call "two words", idle`: async.CallInfo{Name: "two words"},
	} {
		wantEq(t, "String", got.String(), want)
	}
}

// A record is an observer that writes down what it is told.
type record struct {
	mu    sync.Mutex
	lines []string
	infos map[string]async.CallInfo // the last of each kind
}

func (r *record) note(what string) func(async.CallInfo) {
	return func(i async.CallInfo) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lines = append(r.lines, what)
		r.infos[what] = i
	}
}

func newRecord() (*record, async.Observer) {
	r := &record{infos: make(map[string]async.CallInfo)}
	return r, async.Observer{
		Begun: r.note("Begun"), Started: r.note("Started"), Completed: r.note("Completed"),
		Abandoned: r.note("Abandoned"), Discarded: r.note("Discarded"),
	}
}

// A result that comes when nobody is left is discarded after the observer was told
// of the completion, however long that takes.
func TestC6_CompletedIsToldBeforeDiscarded(t *testing.T) {
	for name, complete := range map[string]func(s *async.Scope){
		"a promise": func(s *async.Scope) {
			p, c := async.NewPromise[int](bg, s)
			c.Release()
			p.Complete(1, nil)
		},
		"a function": func(s *async.Scope) {
			async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }, s).Release()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := make(chan string, 2)
				s := async.NewScope(async.ScopeOptions{Observer: async.Observer{
					Completed: func(async.CallInfo) { time.Sleep(time.Second); told <- "Completed" },
					Discarded: func(async.CallInfo) { told <- "Discarded" },
				}})
				complete(s)
				wantEq(t, "first", <-told, "Completed")
				wantEq(t, "then", <-told, "Discarded")
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			})
		})
	}
}

func TestC6_TheObserverIsToldOnce(t *testing.T) {
	name := async.Name("n")
	for what, test := range map[string]struct {
		want string
		do   func(s *async.Scope)
	}{
		"returned": {"Begun Started Completed", func(s *async.Scope) {
			_, _ = async.Go(bg, value(1, nil), s, name).Await(bg)
		}},
		"released after it was taken": {"Begun Started Completed", func(s *async.Scope) {
			c := async.Go(bg, value(1, nil), s, name)
			_, _ = c.Await(bg)
			c.Clone().Release()
			c.Release()
			c.Release()
		}},
		"Begin": {"Begun Started Completed", func(s *async.Scope) {
			var c async.Call[int]
			_ = c.Begin(bg, value(1, nil), s, name)
			_ = c.Begin(bg, value(1, nil), s, name)
			_ = c.Wait(bg)
			_, _ = c.Finish()
		}},
		"canceled in the queue": {"Begun Completed", func(s *async.Scope) {
			_ = async.Go(bg, value(1, nil), s, name).Cancel(nil)
		}},
		"its context over before": {"Begun Completed", func(s *async.Scope) { async.Go(expired, value(1, nil), s, name) }},
		"its context over in the queue": {"Begun Completed", func(s *async.Scope) {
			ctx, cancel := context.WithCancel(bg)
			c := async.Go(ctx, value(1, nil), s, name)
			cancel()
			_ = c.Wait(bg)
		}},
		"a promise":        {"Begun Completed", func(s *async.Scope) { p, _ := async.NewPromise[int](bg, s, name); p.Complete(1, nil); p.Break() }},
		"a broken promise": {"Begun Completed", func(s *async.Scope) { p, _ := async.NewPromise[int](bg, s, name); p.Break() }},
		"Goexit": {"Begun Started Completed", func(s *async.Scope) {
			async.Go(bg, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, s, name)
		}},
		"panic": {"Begun Started Completed", func(s *async.Scope) { async.Go(bg, panicWith(1), s, name) }},
		"released unread": {"Begun Started Completed Abandoned Discarded", func(s *async.Scope) {
			c := async.Go(bg, value(1, errBoom), s, name)
			_ = c.Wait(bg)
			synctest.Wait() // a call is complete before Completed is told of it
			c.Release()
		}},
		"released before it returned": {"Begun Started Abandoned Completed Discarded", func(s *async.Scope) {
			c := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Hour); return 1, errBoom }, s, name)
			time.Sleep(time.Second)
			c.Release()
		}},
		"released before, a promise": {"Begun Abandoned Completed Discarded", func(s *async.Scope) {
			p, c := async.NewPromise[int](bg, s, name)
			c.Release()
			synctest.Wait()
			p.Complete(1, errBoom)
		}},
		"abandoned and canceled": {"Begun Started Abandoned Completed Discarded", func(s *async.Scope) {
			c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); time.Sleep(time.Nanosecond); return 1, errBoom }, s, name, async.CancelOnAbandon())
			time.Sleep(time.Second)
			c.Release()
		}},
		"abandoned and canceled, a promise": {"Begun Abandoned Completed", func(s *async.Scope) {
			_, c := async.NewPromise[int](bg, s, name, async.CancelOnAbandon())
			d := c.Signal()
			c.Release()
			d.Release()
		}},
		"abandoned by a wait that is given up": {"Begun Abandoned Completed", func(s *async.Scope) {
			_, c := async.NewPromise[int](bg, s, name, async.CancelOnAbandon())
			go func() { _ = c.WaitFor(time.Second) }()
			synctest.Wait()
			c.Release()
		}},
		"canceled while it ran": {"Begun Started Completed Discarded", func(s *async.Scope) {
			c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); time.Sleep(time.Nanosecond); return 1, errBoom }, s, name)
			time.Sleep(time.Second)
			_ = c.Cancel(nil)
			_ = c.Cancel(nil)
		}},
		"a late panic": {"Begun Started Completed Discarded", func(s *async.Scope) {
			c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); time.Sleep(time.Nanosecond); panic(errBoom) }, s, name)
			time.Sleep(time.Second)
			_ = c.Cancel(nil)
		}},
		"refused": {"", func(s *async.Scope) {
			s.Close()
			async.Go(bg, value(1, nil), s, name).Release()
			p, _ := async.NewPromise[int](bg, s)
			p.Break()
		}},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, o := newRecord()
				s := async.NewScope(async.ScopeOptions{Limit: 1, Panic: async.PanicReturn, Observer: o})
				start := time.Now()
				if strings.Contains(what, "queue") {
					hold, c := async.NewPromise[int](bg)
					async.Go(bg, func(ctx context.Context) (int, error) { <-c.Done(); return 1, nil }, s)
					synctest.Wait()
					r.lines = nil
					defer func() { hold.Break(); _ = s.Shutdown(bg) }()
				}
				test.do(s)
				time.Sleep(100 * time.Hour)
				r.mu.Lock()
				defer r.mu.Unlock()
				wantEq(t, "told", strings.Join(r.lines, " "), test.want)
				for what, i := range r.infos {
					if i.ID == 0 || i.Began.Before(start) || i.Began.After(start.Add(time.Hour)) || i.Name != "n" && !strings.Contains(t.Name(), "queue") {
						t.Errorf("%s: %+v", what, i)
					}
				}
				for what := range strings.FieldsSeq(test.want) {
					i, want := r.infos[what], async.StateCompleted
					switch {
					case what == "Begun":
						continue
					case what == "Started", what == "Abandoned" && strings.Contains(test.want, "Abandoned Completed"):
						want = async.StateRunning
					case what == "Discarded":
						wantIs(t, i.Err, errBoom)
					}
					if i.State != want && !(what == "Abandoned" && i.State == async.StateCompleted) {
						t.Errorf("%s: state %v, want %v", what, i.State, want)
					}
					if want == async.StateCompleted && strings.Contains(what, "cancel") {
						wantIs(t, i.Err, async.ErrCanceled)
						wantEq(t, what+": Canceled is set", i.Canceled.IsZero(), false)
					}
				}
			})
		})
	}
}

// The observer is told by whom it happened to: of a Begin by its goroutine, of a
// start by the function's, and of what a Release brings about by neither.
func TestC6_WhoTellsTheObserver(t *testing.T) {
	who := func() string { id, _, _ := strings.Cut(stackTrace(), " ["); return id }
	var begun, started, completed, abandoned, discarded, function string
	s := async.NewScope(async.ScopeOptions{Observer: async.Observer{
		Begun:     func(async.CallInfo) { begun = who() },
		Started:   func(async.CallInfo) { started = who() },
		Completed: func(async.CallInfo) { completed = who() },
		Abandoned: func(async.CallInfo) { abandoned = who() },
		Discarded: func(async.CallInfo) { discarded = who() },
	}})
	c := async.Go(bg, func(context.Context) (int, error) { function = who(); return 1, nil }, s)
	_ = c.Wait(bg)
	eventually(t, func() bool { return s.Stats().Running == 0 })
	c.Release()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	wantEq(t, "Begun by Begin's", begun, who())
	wantEq(t, "Started by the function's", started, function)
	wantEq(t, "Completed by the function's", completed, function)
	wantEq(t, "Abandoned on the Release's", abandoned == who(), false)
	wantEq(t, "Discarded on the Release's", discarded == who(), false)
}

// What the observer is told comes in order for each call, and once, whatever
// happens at the same time.
func TestC6_TheOrderOfWhatIsTold(t *testing.T) {
	const begun, started, completed, abandoned = 1, 2, 4, 8
	var seen sync.Map
	tell := func(bit int32, not int32, before int32) func(async.CallInfo) {
		return func(i async.CallInfo) {
			v, _ := seen.LoadOrStore(i.ID, new(atomic.Int32))
			was := v.(*atomic.Int32).Or(bit)
			if was&bit != 0 || was&not != 0 || was&before != before {
				t.Errorf("call %d: %d after %04b", i.ID, bit, was)
			}
		}
	}
	s := async.NewScope(async.ScopeOptions{Limit: 3, Panic: async.PanicReturn, Observer: async.Observer{
		Begun: tell(begun, started|completed, 0), Started: tell(started, 0, begun),
		Completed: tell(completed, 0, begun), Abandoned: tell(abandoned, 0, 0),
	}})
	client := func() {
		for i := range rounds(5000) {
			ctx, cancel := context.WithCancel(bg)
			c := async.Go(ctx, value(1, nil), s, async.CancelOnAbandon())
			switch i % 4 {
			case 0:
				_ = c.Cancel(nil)
			case 1:
				cancel()
			case 2:
				_, _ = c.Await(bg)
			}
			c.Release()
			cancel()
		}
	}
	together(client, client, client)
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	n := 0
	seen.Range(func(_, v any) bool {
		if bits := v.(*atomic.Int32).Load(); bits&(begun|completed) != begun|completed {
			t.Errorf("told %04b", bits)
		}
		n++
		return true
	})
	wantEq(t, "calls", n, int(s.Stats().Begun))
}

// A function that has its name has it from the first, on a new object as well.
func TestC6_StartedKnowsTheCall(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Observer: async.Observer{Started: func(i async.CallInfo) {
		if i.Name != "n" || i.Handles != 1 || i.ID == 0 || i.State != async.StateRunning {
			t.Errorf("%+v", i)
		}
	}}})
	for range rounds(20_000) {
		var c async.Call[int]
		_ = c.Begin(bg, value(1, nil), s, async.Name("n"))
		_ = c.Wait(bg)
	}
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// The observer's functions may do anything with the scope and the call: they are
// called without any lock.
func TestC6_TheObserverMayDoAnything(t *testing.T) {
	var c async.Call[int]
	for what, do := range map[string]func(s *async.Scope){
		"Stats":    func(s *async.Scope) { s.Stats() },
		"Info":     func(*async.Scope) { c.Info() },
		"InFlight": func(s *async.Scope) { _ = fmt.Sprint(collect(s)) },
		"Begin":    func(s *async.Scope) { _, _ = async.NewPromise[int](expired, s) },
		"Go":       func(s *async.Scope) { async.Go(expired, value(1, nil), s) },
		"Cancel":   func(*async.Scope) { _ = c.Cancel(nil) },
		"Clone":    func(*async.Scope) { recovered(func() { c.Clone().Signal().Release() }) },
		"Finish":   func(*async.Scope) { _, _ = c.Finish() },
		"Close":    func(s *async.Scope) { s.Close() },
		"Shutdown": func(s *async.Scope) { _ = s.Shutdown(expired) },
		"Unreleased": func(s *async.Scope) {
			for range s.Unreleased() {
				break
			}
		},
		"Release": func(*async.Scope) { c.Release() },
	} {
		for at := range 5 {
			synctest.Test(t, func(t *testing.T) {
				var told, depth atomic.Int64
				var s *async.Scope
				tell := func(which int) func(async.CallInfo) {
					return func(async.CallInfo) {
						told.Add(1)
						if which == at && depth.Add(1) == 1 {
							do(s)
							depth.Store(0)
						}
					}
				}
				s = async.NewScope(async.ScopeOptions{Limit: 1, Track: true, Observer: async.Observer{
					Begun: tell(0), Started: tell(1), Completed: tell(2), Abandoned: tell(3), Discarded: tell(4),
				}})
				c = async.Call[int]{}
				_ = c.Begin(bg, deaf(time.Second), s)
				time.Sleep(time.Minute)
				_ = c.Cancel(nil)
				c.Release()
				d := async.Go(bg, value(1, nil), s)
				_ = d.Wait(bg)
				d.Release()
				time.Sleep(time.Minute)
				if err := s.Shutdown(newTimeout(bg, time.Hour)); err != nil || told.Load() < 2 {
					t.Errorf("%s at %d: %v, told %d times", what, at, err, told.Load())
				}
				wantBalance(t, s)
			})
		}
	}
}

// collect returns what is in flight.
func collect(s *async.Scope) (infos []async.CallInfo) {
	for i := range s.InFlight() {
		infos = append(infos, i)
	}
	return infos
}

// An observer that is not there costs nothing.
func TestC6_NilCostsNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	cost := func(o async.Observer) float64 {
		s := async.NewScope(async.ScopeOptions{Observer: o})
		fn := value(1, nil)
		return testing.AllocsPerRun(500, func() {
			c := async.Go(bg, fn, s)
			_, _ = c.Await(bg)
			c.Release()
		})
	}
	without := cost(async.Observer{})
	wantEq(t, "allocations with functions that are not called", cost(async.Observer{
		Abandoned: func(async.CallInfo) {}, Discarded: func(async.CallInfo) {},
	}), without)
	if without > 2 {
		t.Errorf("%v allocations in an unlimited scope, 2 allowed", without)
	}
}

// However a call completes, the observer hears of it before the OnSignal functions
// do, and of an abandonment before of what that leads to.
func TestC6_TheObserverBeforeOnSignal(t *testing.T) {
	for name, end := range map[string]func(opts ...async.Option){
		"a function": func(opts ...async.Option) { async.Go(bg, value(1, nil), opts...) },
		"a promise":  func(opts ...async.Option) { p, _ := async.NewPromise[int](bg, opts...); p.Complete(1, nil) },
		"Cancel":     func(opts ...async.Option) { _, c := async.NewPromise[int](bg, opts...); _ = c.Cancel(nil) },
		"Release":    func(opts ...async.Option) { _, c := async.NewPromise[int](bg, opts...); c.Release() },
	} {
		r, o := newRecord()
		o.Begun, o.Started = nil, nil
		s := async.NewScope(async.ScopeOptions{Observer: o})
		end(s, async.CancelOnAbandon(), async.OnSignal(func() { r.note("one")(async.CallInfo{}) }), async.OnSignal(func() { r.note("two")(async.CallInfo{}) }))
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		want := "Completed one two"
		if name == "Release" {
			want = "Abandoned Completed one two"
		}
		wantEq(t, name, strings.Join(r.lines, " "), want)
	}
}

// here is the line of its caller, as stacks name it.
func here() string { return lineOf(0) }

// lineAfter is the line after that of its caller.
func lineAfter() string { return lineOf(1) }

func lineOf(later int) string {
	_, file, line, _ := runtime.Caller(2)
	return fmt.Sprintf("%s:%d\n", filepath.Base(file), line+later)
}

func TestC6_TrackNamesTheLine(t *testing.T) {
	quiet := func(context.Context, int) (int, error) { return 1, nil }
	done := func(c *async.Call[int]) *async.Call[int] { _ = c.Wait(bg); return c }
	for name, kind := range map[string]func(s *async.Scope) (at string, clone bool, release func()){
		"Go": func(s *async.Scope) (string, bool, func()) {
			c, at := async.Go(bg, value(1, nil), s), here()
			return at, false, c.Release
		},
		"GoEach": func(s *async.Scope) (string, bool, func()) {
			cs, at := async.GoEach(bg, []int{1}, quiet, s), here()
			return at, false, cs.Release
		},
		"Begin": func(s *async.Scope) (string, bool, func()) {
			var c async.Call[int]
			err, at := c.Begin(bg, value(1, nil), s), here()
			wantEq(t, "error", err, nil)
			return at, false, func() { _, _ = done(&c).Finish() }
		},
		"NewPromise": func(s *async.Scope) (string, bool, func()) {
			at := lineAfter()
			p, c := async.NewPromise[int](bg, s)
			p.Break()
			return at, false, c.Release
		},
		"Clone": func(s *async.Scope) (string, bool, func()) {
			c := async.Go(bg, value(1, nil), s)
			d, at := c.Clone(), here()
			_, _ = done(c).Finish()
			return at, true, d.Release
		},
		"Clone on the same line": func(s *async.Scope) (string, bool, func()) {
			c := new(async.Call[int])
			err, d, at := c.Begin(bg, value(1, nil), s), c.Clone(), here()
			wantEq(t, "error", err, nil)
			c.Release()
			return at, true, d.Release
		},
		"Signal": func(s *async.Scope) (string, bool, func()) {
			c := async.Go(bg, value(1, nil), s)
			d, at := c.Signal(), here()
			_, _ = done(c).Finish()
			return at, true, d.Release
		},
		"Clone of a Signal": func(s *async.Scope) (string, bool, func()) {
			c := async.Go(bg, value(1, nil), s)
			d := c.Signal()
			e, at := d.Clone(), here()
			c.Release()
			d.Release()
			return at, true, e.Release
		},
		"a queued call, in a group": func(s *async.Scope) (string, bool, func()) {
			c, at := async.Go(bg, value(1, nil), s, async.InGroup(new(errgroup.Group))), here()
			return at, false, func() { _, _ = c.Await(bg); c.Release() }
		},
		"streaming, finished": func(s *async.Scope) (string, bool, func()) {
			c, at := async.Go(bg, value(1, nil), s, async.Streaming()), here()
			_, _ = done(c).Finish()
			return at, false, c.Release
		},
		"streaming, begun again, cloned before": func(s *async.Scope) (string, bool, func()) {
			var c async.Call[int]
			_ = c.Begin(bg, value(1, nil), s, async.Streaming())
			_, _ = done(&c).Finish()
			d, at := c.Clone(), here()
			_ = c.Begin(bg, value(1, nil), s)
			_, _ = done(&c).Finish()
			return at, true, d.Release
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := async.NewScope(async.ScopeOptions{Track: true, Limit: 2})
				at, clone, release := kind(s)
				synctest.Wait()
				n := 0
				for h := range s.Unreleased() {
					n++
					first, _, _ := strings.Cut(h.Stack, "\n")
					wantContains(t, first, "TestC6_TrackNamesTheLine")
					wantContains(t, h.Stack, at)
					wantContains(t, h.Call.Stack, "TestC6_TrackNamesTheLine")
					wantEq(t, "Clone", h.Clone, clone)
				}
				wantEq(t, "handles", n, 1)
				release()
				for h := range s.Unreleased() {
					t.Errorf("still there: %+v", h)
				}
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			})
		})
	}
}

func TestC6_Unreleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Track: true})
		c := new(async.Call[int])
		before, sig := c.Clone(), c.Signal() // from before it began: nobody knows where
		_ = c.Begin(bg, value(1, nil), s)
		other := async.Go(bg, value(1, errBoom), s)
		_ = c.Wait(bg)
		_, _ = other.Await(bg)
		async.Go(bg, value(1, nil), s).Release()
		async.Go(expired, value(1, nil), s).Release()
		_ = async.Go(bg, value(1, nil)) // not in the scope
		synctest.Wait()
		report := func() string {
			var all []string
			for h := range s.Unreleased() {
				all = append(all, fmt.Sprintf("%d untaken %v clone %v known %v", h.Call.ID, h.Untaken, h.Clone, h.Stack != ""))
			}
			slices.Sort(all)
			return strings.Join(all, "; ")
		}
		wantEq(t, "all", report(), "1 untaken true clone false known true; 1 untaken true clone true known false; 1 untaken true clone true known false; 2 untaken false clone false known true")
		for range s.Unreleased() {
			break
		}
		sig.Release()
		_, _ = c.Finish()
		wantEq(t, "some", report(), "1 untaken false clone true known false; 2 untaken false clone false known true")
		before.Release()
		other.Release()
		wantEq(t, "none", report(), "")
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		_, err := async.Go(bg, value(1, nil), s).Await(bg)
		wantRefused(t, "refused", err, async.ErrScopeClosed)
		wantEq(t, "none after a refusal", report(), "")
	})
	s := async.NewScope(async.ScopeOptions{})
	_ = async.Go(bg, value(1, nil), s).Wait(bg)
	for range s.Unreleased() {
		t.Error("something without Track")
	}
	var se *async.ShutdownError
	wantEq(t, "no error", errors.As(s.Shutdown(bg), &se), false)
}

// A report says what each handle is: that of the Begin, a clone, a Signal, or one of Join on
// a run, of which nobody has another handle; and whether its call streams.
func TestC6_UnreleasedKinds(t *testing.T) {
	for _, stream := range []bool{false, true} {
		s := async.NewScope(async.ScopeOptions{Track: true})
		opts := []async.Option{s}
		if stream {
			opts = append(opts, async.Streaming())
		}
		g := async.Group[string, int]{Options: opts}
		c := async.Go(bg, block, append(opts, async.Name("call"))...)
		clone, signal := c.Clone(), c.Signal()
		first, second := g.Join(bg, "key", block), g.Join(bg, "key", block)
		var got []string
		for h := range s.Unreleased() {
			got = append(got, fmt.Sprintf("%q clone %v join %v streams %v", h.Call.Name, h.Clone, h.Join, h.Streams))
		}
		slices.Sort(got)
		wantEq(t, "handles", strings.Join(got, "\n"), fmt.Sprintf(strings.Join([]string{
			`"" clone true join true streams %[1]v`,
			`"" clone true join true streams %[1]v`,
			`"call" clone false join false streams %[1]v`,
			`"call" clone true join false streams %[1]v`,
			`"call" clone true join false streams %[1]v`,
		}, "\n"), stream))
		wantEq(t, "Cancel", c.Cancel(nil), nil)
		for _, h := range []interface{ Release() }{c, clone, signal, first, second} {
			h.Release()
		}
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	}
}

// Handles come and go, objects are begun again, and somebody looks at it all: every
// report fits, and nothing is left at the end.
func TestC6_UnreleasedUnderChurn(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Track: true, Limit: 2})
	var stop async.Event
	var readers sync.WaitGroup
	var shared async.Call[int]
	readers.Go(func() {
		for !stop.IsSet() {
			for h := range s.Unreleased() {
				if h.Call.ID == 0 || h.Call.Stack == "" {
					t.Errorf("%+v", h)
				}
			}
			_ = shared.Info().String()
		}
	})
	client := func() {
		for i := range rounds(1000) {
			if err := shared.Begin(bg, value(i, nil), s, async.Streaming()); err == nil {
				_ = shared.Wait(bg)
				_, _ = shared.Finish()
			}
			c := async.Go(bg, value(i, nil), s)
			d, sig := c.Clone(), c.Signal()
			e := sig.Clone()
			together(c.Release, func() { _, _ = d.Await(bg); _, _ = d.Finish() }, sig.Release, e.Release)
		}
	}
	together(client, client)
	shared.Release()
	stop.Set()
	readers.Wait()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	for h := range s.Unreleased() {
		t.Errorf("left: %+v", h)
	}
}

// What a scope with Track knows of a call is gone with its last handle.
func TestC6_TrackKeepsNothing(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Track: true})
	wantFlat(t, "calls that were released", func() {
		for range 5000 {
			c := async.Go(bg, value(1, nil), s)
			c.Clone().Release()
			_, _ = c.Await(bg)
			c.Release()
		}
		eventually(t, func() bool { return s.Stats().Running == 0 })
	})
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// What is begun in the loop is not for this loop.
func TestC6_UnreleasedEnds(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Track: true})
	var calls async.Calls[int]
	begin := func() {
		_, c := async.NewPromise[int](bg, s)
		calls = append(calls, c)
	}
	for range 200 {
		begin()
	}
	var ids []uint64
	for h := range s.Unreleased() {
		ids = append(ids, h.Call.ID)
		begin()
	}
	wantEq(t, "handles", len(ids), 200)
	wantEq(t, "in the order of the calls", slices.IsSorted(ids), true)
	calls.Cancel(nil)
	calls.Release()
}

// A Signal that is taken of a finished call is a handle like any other: it is named
// until it is released, in the order of the calls (C6).
func TestC6_ASignalOfAFinishedCallIsUnreleased(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Track: true})
	first := async.Go(bg, value(1, nil), s)
	second := async.Go(bg, value(2, nil), s)
	_, _ = first.Await(bg)
	_, _ = first.Finish()
	signal := first.Signal()
	var ids []uint64
	for h := range s.Unreleased() {
		ids = append(ids, h.Call.ID)
	}
	wantEq(t, "unreleased", fmt.Sprint(ids), "[1 2]")
	signal.Release()
	second.Release()
	for h := range s.Unreleased() {
		t.Errorf("unreleased: %+v", h)
	}
	signal = first.Signal() // and again
	n := 0
	for range s.Unreleased() {
		n++
	}
	wantEq(t, "unreleased again", n, 1)
	signal.Release()
}

// What a scope writes for people: Dump (V5) and LogObserver (V13).

func dumped(t *testing.T, s *async.Scope) string {
	t.Helper()
	var b strings.Builder
	if err := s.Dump(&b); err != nil {
		t.Errorf("Dump: %v", err)
	}
	return b.String()
}

// The dump is the scope, its ledger, and its calls as a tree.
func TestV5_Dump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Name: "pages", Limit: 3, Queue: 5})
		deaf := func(context.Context) (int, error) { time.Sleep(time.Hour); return 0, nil }
		begin := func(ctx context.Context, name string, f func(context.Context) (int, error)) *async.Call[int] {
			return async.Go(ctx, f, s, async.Name(name))
		}
		begin(bg, "site", func(ctx context.Context) (int, error) {
			time.Sleep(time.Second)
			fetch, stuck := begin(ctx, "fetch", block), begin(ctx, "stuck", deaf)
			time.Sleep(time.Second)
			_ = stuck.Cancel(nil)
			begin(ctx, "fetch", block)
			begin(ctx, "fetch", block)
			_, _ = async.NewPromise[int](ctx, s) // has no name
			return fetch.Await(ctx)
		})
		time.Sleep(2500 * time.Millisecond)
		begin(bg, "a\nb", value(1, nil))
		for range 4 {
			async.Go(bg, value(1, nil), s)
		}
		time.Sleep(1700 * time.Millisecond)
		const want = `scope "pages": limit 3, queue 5, open
  10 begun: 0 returned, 0 failed, 1 canceled, 0 panicked, 0 exited, 0 broken, 9 pending; 1 refused
  4 running, 1 of them lent; 5 queued; 1 canceled and not stopped
  results: 0 taken, 0 discarded, 0 that nobody has taken
site #1: lent, 4.2s
  fetch ×3, oldest 3.2s: 1 queued, 2 running
  stuck #3: canceled and not stopped, 3.2s
  call #6: running, 2.2s
"a\nb" #7: queued, 1.7s
call ×3, oldest 1.7s: 3 queued
`
		if got := dumped(t, s); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
		ctx, cancel := context.WithCancel(bg)
		cancel()
		_ = s.Shutdown(ctx)
		synctest.Wait()
		if got := dumped(t, s); !strings.HasPrefix(got, `scope "pages": limit 3, queue 5, closed`) || !strings.Contains(got, "site: over") {
			t.Errorf("closed:\n%s", got)
		}
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		got := dumped(t, s)
		wantEq(t, "lines at the end", strings.Count(got, "\n"), 4)
		wantEq(t, "the error of the writer", s.Dump(failingWriter{}), errBoom)
		free := async.NewScope(async.ScopeOptions{})
		wantEq(t, "an unlimited scope", strings.HasPrefix(dumped(t, free), "scope: no limit, open\n"), true)
	})
}

// With Track, each line of a dump says what the oldest call waits for, since when and where;
// a function that only wants its slot back is told apart.
func TestV5_DumpOfWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Name: "shop", Limit: 1, Track: true})
		bank := async.NewScope(async.ScopeOptions{Name: "bank", Track: true})
		ctx, cancel := context.WithCancel(bg)
		_, charge := async.NewPromise[int](ctx, bank, async.Name("charge"))
		_, stock := async.NewPromise[int](ctx, s, async.Name("stock"))
		var e async.Event
		for range 30 {
			async.Go(ctx, func(ctx context.Context) (int, error) { return charge.Await(ctx) }, s, async.Name("order"))
			synctest.Wait()
		}
		async.Go(ctx, func(ctx context.Context) (int, error) { return 1, async.WaitAll(ctx, stock, &e, charge, &e, &e) }, s, async.Name("all"))
		synctest.Wait()
		for range 2 {
			async.Go(ctx, func(ctx context.Context) (int, error) { return 1, e.Wait(ctx) }, s, async.Name("back"))
			synctest.Wait()
		}
		async.Go(ctx, deaf(time.Hour), s, async.Name("deaf"))
		time.Sleep(time.Second)
		e.Set()
		time.Sleep(time.Second)
		got := dumped(t, s)
		for _, want := range []string{
			"\norder ×30, oldest 2s: 30 lent; #2 waits for charge #1 of scope bank, 2s, ",
			"\nall #32: lent, 2s; it waits for stock #1, 2s, ",
			", and for charge #1 of scope bank, 2s, ",
			"\nback ×2, oldest 2s: 2 waiting for a slot again; #33 waits for slot shop, 1s, ",
			"\ndeaf #35: running, 2s\n",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
		wantEq(t, "lines of waits", strings.Count(got, "info_test.go:"), 4)
		cancel()
		wantEq(t, "Shutdown", errors.Join(s.Shutdown(bg), bank.Shutdown(bg)), nil)
	})
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errBoom }

// However many calls there are, what is written of them is short, and nobody is held up:
// calls come and go while they are looked at.
func TestV5_DumpOfMany(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{})
	const n = 100_000
	ctx, cancel := context.WithCancel(bg)
	begin := func(i int) *async.Call[int] {
		_, c := async.NewPromise[int](ctx, s, async.Name(fmt.Sprint("name ", i)))
		return c
	}
	for i := range n {
		begin(i)
	}
	w := new(bytes.Buffer)
	together(
		func() { wantEq(t, "Dump", s.Dump(w), nil) },
		func() {
			for i := range 1000 {
				_ = begin(i).Cancel(nil)
			}
		},
	)
	if lines := bytes.Count(w.Bytes(), []byte("\n")); lines < 1000 || lines > 1010 || w.Len() > 100_000 {
		t.Errorf("%d lines, %d bytes", lines, w.Len())
	}
	if !strings.Contains(w.String(), fmt.Sprintf("(other names, or nested deeper) ×%d", n-1000)) {
		tail := w.String()[max(0, w.Len()-200):]
		t.Errorf("the rest is not summed up: …%s", tail)
	}
	cancel()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// A chain of calls that is very deep costs no more for each than one that is not.
func TestV5_DumpOfADeepChain(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{})
	ctx, cancel := context.WithCancel(bg)
	const n = 200
	under := ctx
	for range n {
		p, _ := async.NewPromise[int](under, s, async.Name("link"))
		under = p.Context()
	}
	got := dumped(t, s)
	wantEq(t, "the deepest line", strings.Contains(got, "\n"+strings.Repeat("  ", 63)+"link #64: running"), true)
	wantEq(t, "the rest", strings.Contains(got, fmt.Sprintf("\n(other names, or nested deeper) ×%d,", n-64)), true)
	cancel()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// Each thing is logged at its level, with the call's attributes.
// A contextHandler notes the marks in the contexts of what is logged.
type contextHandler struct {
	slog.Handler
	marks map[string]any // by message
}

func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	h.marks[r.Message] = ctx.Value(markKey{})
	return nil
}

// What is logged of a call is logged with its context, as another observer has made it.
func TestV13_TheContextOfTheCall(t *testing.T) {
	h := contextHandler{slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug}), make(map[string]any)}
	s := async.NewScope(async.ScopeOptions{Observer: async.Observers(async.LogObserver(slog.New(h)), async.Observer{
		BeginContext: func(ctx context.Context, c async.CallInfo) context.Context {
			return context.WithValue(ctx, markKey{}, "mark of "+c.Name)
		},
	})})
	_, _ = async.Go(bg, value(1, errBoom), s, async.Name("a")).Await(bg)
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	async.Go(bg, value(1, nil), s, async.Name("b"))
	for what, want := range map[string]string{"begun": "a", "started": "a", "failed": "a", "refused": "b"} {
		wantEq(t, what, h.marks["async: call "+what], "mark of "+want)
	}
	async.LogObserver(slog.New(h)).Begun(async.CallInfo{}) // by somebody else: no context, and no harm
	wantEq(t, "without a context", h.marks["async: call begun"], nil)
}

func TestV13_LogObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := func(min slog.Level, levels ...slog.Level) string {
			var b bytes.Buffer
			h := slog.NewTextHandler(&b, &slog.HandlerOptions{Level: min, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}})
			s := async.NewScope(async.ScopeOptions{Name: "s", Limit: 1, Panic: async.PanicReturn, Observer: async.LogObserver(slog.New(h), levels...)})
			run := func(name string, f func(context.Context) (int, error)) *async.Call[int] {
				c := async.Go(bg, f, s, async.Name(name))
				_ = c.Wait(bg)
				synctest.Wait()
				return c
			}
			run("good", func(ctx context.Context) (int, error) {
				time.Sleep(time.Second)
				return async.Go(ctx, value(2, nil), s, async.Name("below")).Await(ctx)
			})
			run("bad", value(1, errBoom))
			run("worse", func(context.Context) (int, error) { panic("x") }).Release()
			run("of another", value(1, fmt.Errorf("below: %w", &async.PanicError{Value: "y", Stack: []byte("goroutine 1")})))
			run("returned another", value(1, error(&async.PanicError{Value: "z", Stack: []byte("goroutine 1")})))
			c := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Minute); return 1, nil }, s, async.Name("late"))
			synctest.Wait()
			_ = c.Cancel(nil)
			wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			async.Go(bg, value(1, nil), s, async.Name("too late"))
			return b.String()
		}
		all := log(slog.LevelDebug)
		for _, want := range []string{
			`level=DEBUG msg="async: call begun" scope=s id=1 call=good` + "\n",
			`level=DEBUG msg="async: call started" scope=s id=1 call=good waited=0s` + "\n",
			`level=DEBUG msg="async: call begun" scope=s id=2 call=below parent=1` + "\n",
			`level=DEBUG msg="async: call completed" scope=s id=1 call=good took=1s` + "\n",
			`level=INFO msg="async: call failed" scope=s id=3 call=bad took=0s err=boom` + "\n",
			`level=WARN msg="async: call panicked" scope=s id=4 call=worse took=0s err="async: panic in call: x" stack="goroutine `,
			`level=WARN msg="async: result discarded" scope=s id=4 call=worse err="async: panic in call: x"` + "\n",
			`level=WARN msg="async: call abandoned" scope=s id=4 call=worse err="async: panic in call: x"` + "\n",
			`level=INFO msg="async: call failed" scope=s id=5 call="of another" took=0s err="below: async: panic in call: y"` + "\n",
			`level=INFO msg="async: call failed" scope=s id=6 call="returned another" took=0s err="async: panic in call: z"` + "\n",
			`level=DEBUG msg="async: call canceled" scope=s id=7 call=late took=0s err="async: call \"late\" canceled"` + "\n",
			`level=DEBUG msg="async: function returned" scope=s id=7 call=late took=1m0s err="async: call \"late\" canceled"` + "\n",
			`level=WARN msg="async: call refused" scope=s id=0 call="too late" err="async: scope closed"` + "\n",
		} {
			if !strings.Contains(all, want) {
				t.Errorf("no record %s in\n%s", want, all)
			}
		}
		wantEq(t, "stacks", strings.Count(all, "stack="), 1)
		wantEq(t, "failures and losses", strings.Count(log(slog.LevelInfo), "level="), strings.Count(all, "level=")-strings.Count(all, "level=DEBUG"))
		wantEq(t, "none", log(slog.LevelError), "")
		own := log(slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError)
		wantEq(t, "at other levels", strings.Contains(own, "DEBUG"), false)
		wantEq(t, "a refusal", strings.Contains(own, `level=ERROR msg="async: call refused"`), true)
		wantEq(t, "a failure", strings.Contains(own, `level=WARN msg="async: call failed"`), true)
	})
	wantPanic(t, "no logger", "nil logger", func() { async.LogObserver(nil) })
	wantPanic(t, "levels", "4 levels", func() { async.LogObserver(slog.Default(), 0, 0, 0, 0) })
}

// What a canceled call leaves behind is the course of things: nothing is lost. A result that
// nobody has seen, and that is more than the echo of the cancellation, may be lost.
func TestV13_NothingIsLost(t *testing.T) {
	type fn = func(context.Context) (int, error)
	then := func(v int, err error) fn {
		return func(ctx context.Context) (int, error) { <-ctx.Done(); return v, err }
	}
	first := func(loser fn) []fn { // the second comes first
		return []fn{loser, func(context.Context) (int, error) { time.Sleep(time.Nanosecond); return 1, nil }, loser}
	}
	cancelWith := func(cause error, f fn) func(s *async.Scope) {
		return func(s *async.Scope) {
			c := async.Go(bg, f, s)
			synctest.Wait()
			_ = c.Cancel(cause)
			c.Release()
		}
	}
	for name, test := range map[string]struct {
		do   func(s *async.Scope)
		lost string // what is told at the level of what may be lost
	}{
		"Hedge": {func(s *async.Scope) {
			_, _ = async.Hedge(bg, time.Millisecond, 2, func(ctx context.Context, n int) (int, error) { return first(block)[n](ctx) }, s)
		}, ""},
		"Any and Cancel": {func(s *async.Scope) {
			calls := async.GoAll(bg, first(block), s)
			_, _, _ = calls.Any(bg)
			calls.Cancel(nil)
			calls.Release()
		}, ""},
		"Race and Cancel, in any order": {func(s *async.Scope) {
			calls := async.GoAll(bg, first(block), s)
			defer calls.Cancel(nil)
			_, _, _ = calls.Race(bg)
		}, ""},
		"abandoned and so canceled": {func(s *async.Scope) { async.Go(bg, block, s, async.CancelOnAbandon()).Release() }, ""},
		"a wrapped echo":            {cancelWith(nil, then(0, fmt.Errorf("read: %w", context.Canceled))), ""},
		"the cause":                 {cancelWith(errBoom, then(0, fmt.Errorf("read: %w", errBoom))), ""},
		"its context has ended": {func(s *async.Scope) {
			ctx, cancel := context.WithCancelCause(bg)
			c := async.Go(ctx, block, s)
			synctest.Wait()
			cancel(errBoom)
			synctest.Wait()
			c.Release()
		}, ""},
		"a value":            {cancelWith(nil, then(1, nil)), "result discarded"},
		"an error":           {cancelWith(nil, then(0, errBoom)), "result discarded"},
		"a panic":            {cancelWith(nil, func(ctx context.Context) (int, error) { <-ctx.Done(); panic(context.Canceled) }), "result discarded"},
		"another's end":      {func(s *async.Scope) { c := async.Go(bg, value(0, context.Canceled), s); synctest.Wait(); c.Release() }, "call abandoned, result discarded"},
		"abandoned, no more": {func(s *async.Scope) { async.Go(bg, deaf(time.Second), s).Release() }, "call abandoned, result discarded"},
		"looked at too late": {func(s *async.Scope) {
			c := async.Go(newTimeout(bg, 1), value(0, context.DeadlineExceeded), s)
			time.Sleep(time.Second)
			c.Release()
		}, "call abandoned, result discarded"},
		"canceled in a queue": {func(s *async.Scope) { c := async.Go(expired, block, s); c.Release() }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b bytes.Buffer
				s := async.NewScope(async.ScopeOptions{Panic: async.PanicReturn, Observer: async.LogObserver(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelWarn})))})
				test.do(s)
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
				var lost []string
				for line := range strings.Lines(b.String()) {
					_, message, _ := strings.Cut(line, `msg="async: `)
					message, _, _ = strings.Cut(message, `"`)
					lost = append(lost, message)
				}
				wantEq(t, "may be lost", strings.Join(lost, ", "), test.lost)
			})
		})
	}
}

// The cause is known of a canceled call, and of one whose function has seen its context end
// before the call was over: for as long as somebody can ask.
func TestV1_Cause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{})
		ctx, cancel := context.WithCancelCause(bg)
		end := func(want error, f func(c *async.Call[int])) {
			t.Helper()
			c := async.Go(ctx, block, s)
			synctest.Wait()
			wantEq(t, "pending", c.Info().Cause, nil)
			f(c)
			synctest.Wait()
			wantEq(t, "the cause", c.Info().Cause, want)
			c.Release()
		}
		end(errBoom, func(c *async.Call[int]) { _ = c.Cancel(errBoom) })
		end(context.Canceled, func(c *async.Call[int]) { _ = c.Cancel(nil) })
		end(errBoom, func(c *async.Call[int]) { _ = c.CancelWait(bg, errBoom) })
		end(errBoom, func(*async.Call[int]) { cancel(errBoom) })
		over := async.Go(bg, func(ctx context.Context) (int, error) { return 1, errors.Join(nil, ctx.Err(), context.Cause(ctx)) }, s)
		stream := async.Go(bg, func(ctx context.Context) (int, error) { _ = ctx.Done(); return 1, nil }, s, async.Streaming())
		synctest.Wait()
		wantEq(t, "a call that was over first", over.Info().Cause, nil)
		over.Release()
		stream.Release()
		wantEq(t, "a stream that was over first", stream.Info().Cause, nil)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// What a scope tells of its calls, to those who ask and to its observer (V1, V3).

// A call's scope, its times and its slot.
func TestV1_CallInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Name: "s", Limit: 1})
		start := time.Now()
		ctx, cancel := context.WithTimeout(bg, 10*time.Hour)
		defer cancel()
		var e async.Event
		first := async.Go(ctx, func(ctx context.Context) (int, error) {
			time.Sleep(time.Minute)
			err := e.Wait(ctx) // lends the slot
			time.Sleep(time.Minute)
			return 1, err
		}, s, async.Name("first"))
		second := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Hour); return 2, nil }, s)
		look := func(what string, c *async.Call[int], want async.CallInfo) {
			t.Helper()
			synctest.Wait()
			got := c.Info()
			want.ID, want.Name, want.Scope, want.Handles, want.Began = got.ID, got.Name, "s", 1, start
			wantEq(t, what, got, want)
		}
		deadline := start.Add(10 * time.Hour)
		look("running", first, async.CallInfo{State: async.StateRunning, Started: start, Deadline: deadline})
		look("queued", second, async.CallInfo{State: async.StateQueued})
		time.Sleep(time.Minute)
		look("has lent its slot", first, async.CallInfo{State: async.StateRunning, Started: start, Deadline: deadline, Lent: true})
		started := start.Add(time.Minute)
		look("has the slot", second, async.CallInfo{State: async.StateRunning, Started: started})
		e.Set()
		look("waits for its slot", first, async.CallInfo{State: async.StateRunning, Started: start, Deadline: deadline, Lent: true})
		time.Sleep(time.Hour)
		look("complete", second, async.CallInfo{State: async.StateCompleted, Outcome: async.OutcomeReturned, Started: started})
		look("has its slot again", first, async.CallInfo{State: async.StateRunning, Started: start, Deadline: deadline})
		_, c := async.NewPromise[int](bg, s)
		synctest.Wait()
		wantEq(t, "a promise has not started", c.Info().Started.IsZero() && !c.Info().Lent, true)
		_ = c.Cancel(nil)
		hold := occupyLater(s, first)
		queued := async.Go(bg, value(1, nil), s)
		_ = queued.Cancel(nil)
		wantEq(t, "canceled before it has started", queued.Info().Started, time.Time{})
		hold()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// occupyLater is occupy for when a call is complete.
func occupyLater(s *async.Scope, c *async.Call[int]) (giveBack func()) {
	_ = c.Wait(bg)
	synctest.Wait()
	return occupy(s)
}

// A placed is a context that says where a promise is completed, as package asyncnats has it.
type placed struct {
	context.Context
	looks atomic.Int64
	name  string
}

func (p *placed) Value(key any) any {
	if key == (remote.Key{}) {
		return p
	}
	return p.Context.Value(key)
}

func (p *placed) Name() string { p.looks.Add(1); return p.name }

// A promise that another process completes says where it is when somebody looks, and is not
// asked before. A promise that is begun with its context is not there.
func TestV1_Elsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &placed{Context: bg, name: "quote at prices X"}
		type own struct{}
		told := 0
		s := async.NewScope(async.ScopeOptions{Name: "s", Track: true, Observer: async.Observer{
			Begun: func(c async.CallInfo) { told += len(c.WaitsFor) },
			BeginContext: func(ctx context.Context, _ async.CallInfo) context.Context { // has values of its own
				return context.WithValue(ctx, own{}, 1)
			},
		}})
		start := time.Now()
		promise, call := async.NewPromise[int](p, s, async.Name("first"))
		_, below := async.NewPromise[int](promise.Context(), s)
		fn := async.Go(p, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, nil }, s)
		synctest.Wait()
		wantEq(t, "told to an observer, and asked before somebody looks", int64(told)+p.looks.Load(), int64(0))
		want := []async.WaitInfo{{Kind: "remote", Name: "quote at prices X", Since: start}}
		wantEq(t, "Info", call.Info().WaitsFor, want)
		wantEq(t, "below", len(below.Info().WaitsFor), 0)
		wantEq(t, "of a function", len(fn.Info().WaitsFor), 0)
		wantEq(t, "WaitGraph", s.WaitGraph().Calls[0].WaitsFor, want)
		var dump bytes.Buffer
		wantEq(t, "Dump", s.Dump(&dump), nil)
		if !strings.Contains(dump.String(), "first: quote at prices X") {
			t.Errorf("the dump does not say where the call is:\n%s", &dump)
		}
		p.name = ""
		wantEq(t, "a place that is not known", len(call.Info().WaitsFor), 0)
		p.name = "quote"
		promise.Complete(1, nil)
		wantEq(t, "complete", len(call.Info().WaitsFor), 0)
		_ = fn.Cancel(nil)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// The parent of a call is the nearest call of a scope whose context the call was begun
// with.
func TestV1_Parent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, other := async.NewScope(async.ScopeOptions{Name: "s"}), async.NewScope(async.ScopeOptions{Name: "other"})
		begin := func(ctx context.Context, opts ...async.Option) (async.CallInfo, context.Context) {
			ctxs := make(chan context.Context, 1)
			c := async.Go(ctx, func(ctx context.Context) (int, error) { ctxs <- ctx; return block(ctx) }, opts...)
			return c.Info(), <-ctxs
		}
		ctx, cancel := context.WithCancel(bg)
		async.Go(bg, value(1, nil), s)
		root, below := begin(ctx, s)
		wantEq(t, "of the first", root.Parent, uint64(0))
		child, childCtx := begin(context.WithValue(below, key{}, 1), s)
		wantEq(t, "of one begun in it", child.Parent, root.ID)
		wantEq(t, "in the same scope", child.ParentScope, "")
		stranger, _ := begin(childCtx, other)
		wantEq(t, "of one in another scope", stranger.Parent, child.ID)
		wantEq(t, "the scope of that", stranger.ParentScope, "s")
		_, free := begin(childCtx)
		grandchild, _ := begin(free, s)
		wantEq(t, "by way of a call without a scope", grandchild.Parent, child.ID)
		p, _ := async.NewPromise[int](ctx, s)
		ofPromise, _ := begin(p.Context(), s)
		wantEq(t, "of one begun with the context of a promise", ofPromise.Parent, ofPromise.ID-1)
		cancel()
		wantEq(t, "Shutdown", errors.Join(s.Shutdown(bg), other.Shutdown(bg)), nil)
	})
}

// The context that the observer makes is the function's, and that of all below.
func TestV3_Context(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type span struct{}
		s := async.NewScope(async.ScopeOptions{Limit: 1, Observer: async.Observer{
			Context: func(ctx context.Context, c async.CallInfo) context.Context {
				outer, _ := ctx.Value(span{}).(string)
				return context.WithValue(ctx, span{}, outer+"/"+c.Name)
			},
		}})
		c := async.Go(bg, func(ctx context.Context) (string, error) {
			below := async.Go(ctx, func(ctx context.Context) (string, error) {
				return ctx.Value(span{}).(string), nil
			}, s, async.Name("inner"))
			return below.Await(ctx) // lends the slot, or it would wait for ever
		}, s, async.Name("outer"))
		v, err := c.Await(bg)
		wantEq(t, "the path", v, "/outer/inner")
		wantEq(t, "error", err, nil)
		canceled := async.Go(bg, block, s)
		synctest.Wait()
		_ = canceled.CancelWait(bg, errBoom)
		_, err = canceled.Finish()
		wantEq(t, "it ends with the call", err, errBoom)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)

		for what, of := range map[string]func(context.Context, async.CallInfo) context.Context{
			"nil context": func(context.Context, async.CallInfo) context.Context { return nil },
			"boom":        func(context.Context, async.CallInfo) context.Context { panic("boom") },
		} {
			s := async.NewScope(async.ScopeOptions{Limit: 1, Panic: async.PanicReturn, Observer: async.Observer{Context: of}})
			_, err := async.Go(bg, value(1, nil), s).Await(bg)
			e, ok := err.(*async.PanicError)
			wantEq(t, what, ok && strings.Contains(e.Error(), what), true)
			wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		}
	})
}

// Returned is told once of each function that returned after its call was canceled or
// abandoned, when it has, and of no other.
func TestV3_Returned(t *testing.T) {
	for what, test := range map[string]struct {
		want string
		do   func(s *async.Scope)
	}{
		"returned": {"Begun Started Completed", func(s *async.Scope) { _, _ = async.Go(bg, value(1, nil), s).Await(bg) }},
		"canceled": {"Begun Started Completed Returned", func(s *async.Scope) {
			c := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Hour); return 1, nil }, s)
			synctest.Wait()
			_ = c.Cancel(nil)
		}},
		"canceled, then Goexit": {"Begun Started Completed Returned", func(s *async.Scope) {
			c := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Hour); runtime.Goexit(); return 1, nil }, s)
			synctest.Wait()
			_ = c.Cancel(nil)
		}},
		"abandoned": {"Begun Started Abandoned Completed Returned", func(s *async.Scope) {
			c := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Hour); return 1, nil }, s)
			synctest.Wait()
			c.Release()
		}},
		"abandoned and canceled": {"Begun Started Abandoned Completed Returned", func(s *async.Scope) {
			c := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Hour); return 1, nil }, s, async.CancelOnAbandon())
			synctest.Wait()
			c.Release()
		}},
		"canceled in the queue": {"Begun Begun Started Completed Completed", func(s *async.Scope) {
			hold := make(chan struct{})
			c := async.Go(bg, func(context.Context) (int, error) { <-hold; return 1, nil }, s)
			_ = async.Go(bg, value(1, nil), s).Cancel(nil)
			close(hold)
			_, _ = c.Await(bg)
		}},
		"asked to stop": {"Begun Started Completed", func(s *async.Scope) {
			c := async.Go(bg, block, s)
			synctest.Wait()
			_ = c.CancelWait(bg, nil)
			_, _ = c.Finish()
		}},
		"an abandoned promise": {"Begun Abandoned Completed", func(s *async.Scope) {
			p, c := async.NewPromise[int](bg, s)
			c.Release()
			synctest.Wait()
			p.Break()
		}},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var told []string
				note := func(what string) func(async.CallInfo) {
					return func(c async.CallInfo) {
						mu.Lock()
						defer mu.Unlock()
						told = append(told, what)
					}
				}
				s := async.NewScope(async.ScopeOptions{Limit: 1, Observer: async.Observer{
					Begun: note("Begun"), Started: note("Started"), Completed: note("Completed"), Abandoned: note("Abandoned"),
					Returned: note("Returned"), Refused: note("Refused"),
				}})
				test.do(s)
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
				wantEq(t, "told", inOrder(told), test.want)
			})
		})
	}
}

// V3: Returned is told of an abandoned call, also where Completed calls Goexit.
func TestV3_ReturnedWhereCompletedExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var returned atomic.Int32
		s := async.NewScope(async.ScopeOptions{Observer: async.Observers(
			async.Observer{Completed: func(async.CallInfo) { runtime.Goexit() }},
			async.Observer{Returned: func(async.CallInfo) { returned.Add(1) }},
		)})
		async.Go(bg, deaf(time.Second), s).Release()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "told", returned.Load(), int32(1))
	})
}

// inOrder puts what was told of several calls in the order of a life, which is how one
// call is told.
func inOrder(told []string) string {
	order := []string{"Begun", "Started", "Abandoned", "Completed", "Returned", "Refused"}
	if slices.Contains(told, "Returned") && told[len(told)-1] != "Returned" {
		return "Returned is not the last: " + strings.Join(told, " ")
	}
	slices.SortStableFunc(told, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	return strings.Join(told, " ")
}

// Refused is told of each call that was not accepted, with what is known of it.
func TestV3_Refused(t *testing.T) {
	var told []async.CallInfo
	s := async.NewScope(async.ScopeOptions{Name: "s", Limit: 1, Queue: async.NoQueue, Observer: async.Observer{
		Refused: func(c async.CallInfo) { told = append(told, c) },
	}})
	want := func(what string, c async.CallInfo) {
		t.Helper()
		c.Scope = "s"
		if len(told) != 1 || fmt.Sprintf("%+v", told[0]) != fmt.Sprintf("%+v", c) {
			t.Errorf("%s: told %+v, want %+v", what, told, c)
		}
		told = nil
	}
	hold := occupy(s)
	deadline := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(bg, deadline)
	defer cancel()
	async.Go(ctx, value(1, nil), s, async.Name("a"))
	want("Go", async.CallInfo{Name: "a", Err: async.ErrQueueFull, Deadline: deadline, Context: ctx})
	var c async.Call[int]
	_ = c.Begin(bg, value(1, nil), s)
	want("Begin", async.CallInfo{Err: async.ErrQueueFull, Context: bg})
	g := async.Group[int, int]{Options: []async.Option{s, async.Name("b")}}
	_, _, _ = g.Do(bg, 1, value(1, nil))
	want("Group", async.CallInfo{Name: "b", Err: async.ErrQueueFull, Context: bg})
	s.Close()
	async.NewPromise[int](bg, s, async.Name("c"))
	want("a promise", async.CallInfo{Name: "c", Err: async.ErrScopeClosed, Context: bg})
	_ = c.Begin(bg, value(1, nil))
	_ = c.Begin(bg, value(1, nil), s)
	if told != nil {
		t.Errorf("a busy object: told %+v", told)
	}
	_, _ = c.Await(bg)
	hold()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	wantEq(t, "counted", s.Stats().Refused, int64(4))
}

// A markKey has what the observer of [marking] has put into the context of a call.
type markKey struct{}

// marking is an observer that numbers calls in BeginContext, and notes what it is told of
// the call of each number.
func marking(limit int) (s *async.Scope, told func() string) {
	var mu sync.Mutex
	var lines []string
	n := 0
	note := func(what string) func(async.CallInfo) {
		return func(c async.CallInfo) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, fmt.Sprintf("%v:%s", c.Context.Value(markKey{}), what))
		}
	}
	s = async.NewScope(async.ScopeOptions{Limit: limit, Queue: 1, Observer: async.Observer{
		BeginContext: func(ctx context.Context, c async.CallInfo) context.Context {
			mu.Lock()
			defer mu.Unlock()
			n++
			lines = append(lines, fmt.Sprintf("%d<%v", n, ctx.Value(markKey{})))
			if c.ID != 0 || c.Context != ctx {
				lines = append(lines, "wrong")
			}
			return context.WithValue(ctx, markKey{}, n)
		},
		Begun: note("Begun"), Started: note("Started"), Completed: note("Completed"), Abandoned: note("Abandoned"),
		Discarded: note("Discarded"), Returned: note("Returned"), Refused: note("Refused"),
		Context: func(ctx context.Context, c async.CallInfo) context.Context {
			note("Context")(c)
			return ctx
		},
		Joined: func(ctx context.Context, c async.CallInfo) {
			note(fmt.Sprintf("Joined<%v", ctx.Value(markKey{})))(c)
		},
	}})
	return s, func() string {
		mu.Lock()
		defer mu.Unlock()
		defer func() { lines = nil }()
		return strings.Join(lines, " ")
	}
}

// However a call is begun, its context is the one that the observer has made, and whatever
// the observer is told of the call has that context.
func TestV3_BeginContext(t *testing.T) {
	mark := func(ctx context.Context) (int, error) { return ctx.Value(markKey{}).(int), nil }
	for what, test := range map[string]struct {
		want string
		do   func(s *async.Scope) (int, error)
	}{
		"Go": {"1<<nil> 1:Begun 1:Started 1:Context 1:Completed", func(s *async.Scope) (int, error) {
			return async.Go(bg, mark, s).Await(bg)
		}},
		"Begin, and Begin of a busy object": {"1<<nil> 1:Begun 1:Started 1:Context 1:Completed", func(s *async.Scope) (int, error) {
			var c async.Call[int]
			_ = c.Begin(bg, mark, s)
			if err := c.Begin(bg, mark, s); err != async.ErrCallPending {
				return 0, fmt.Errorf("a busy object: %w", err)
			}
			_ = c.Wait(bg)
			return c.Finish()
		}},
		"GoEach": {"1<<nil> 1:Begun 1:Started 1:Context 1:Completed", func(s *async.Scope) (int, error) {
			_, v, err := async.GoEach(bg, []int{1}, func(ctx context.Context, _ int) (int, error) { return mark(ctx) }, s).Race(bg)
			return v, err
		}},
		"Map": {"1<<nil> 1:Begun 1:Started 1:Context 1:Completed", func(s *async.Scope) (v int, err error) {
			for _, r := range async.Map(bg, slices.Values([]int{1}), func(ctx context.Context, _ int) (int, error) { return mark(ctx) }, s) {
				v, err = r.Value, r.Err
			}
			return v, err
		}},
		"Group": {"1<<nil> 1:Begun 1:Started 1:Context 1:Completed", func(s *async.Scope) (int, error) {
			g := async.Group[int, int]{Options: []async.Option{s}}
			v, err, _ := g.Do(bg, 1, mark)
			return v, err
		}},
		"Join": {"1<<nil> 1:Begun 1:Started 1:Context 1:Completed", func(s *async.Scope) (int, error) {
			g := async.Group[int, int]{Options: []async.Option{s}}
			return g.Join(bg, 1, mark).Await(bg)
		}},
		"Lazy": {"1<<nil> 1:Begun 1:Started 1:Context 1:Completed", func(s *async.Scope) (int, error) {
			return async.NewLazy(mark, s).Get(bg)
		}},
		"a promise": {"1<<nil> 1:Begun 1:Completed", func(s *async.Scope) (int, error) {
			p, c := async.NewPromise[int](bg, s)
			p.Complete(mark(p.Context()))
			return c.Await(bg)
		}},
		"one in the other": {"1<<nil> 1:Begun 1:Started 1:Context 2<1 2:Begun 2:Started 2:Context 2:Completed 1:Completed", func(s *async.Scope) (int, error) {
			return async.Go(bg, func(ctx context.Context) (int, error) {
				v, err := async.Go(ctx, mark, s).Await(ctx)
				return v - 1, err
			}, s).Await(bg)
		}},
		"canceled": {"1<<nil> 1:Begun 1:Started 1:Context 1:Completed 1:Discarded 1:Returned", func(s *async.Scope) (int, error) {
			c := async.Go(bg, func(ctx context.Context) (int, error) { time.Sleep(time.Second); return mark(ctx) }, s)
			synctest.Wait()
			return 1, c.Cancel(nil)
		}},
		"abandoned": {"1<<nil> 1:Begun 1:Abandoned 1:Completed 1:Discarded", func(s *async.Scope) (int, error) {
			p, c := async.NewPromise[int](bg, s)
			c.Release()
			synctest.Wait()
			p.Complete(1, nil)
			return 1, nil
		}},
		"refused": {"1<<nil> 1:Begun 1:Started 1:Context 2<<nil> 2:Begun 3<<nil> 3:Refused 4<<nil> 4:Refused 5<<nil> 5:Refused 1:Completed 2:Started 2:Context 2:Completed", func(s *async.Scope) (int, error) {
			hold := make(chan struct{})
			async.Go(bg, func(ctx context.Context) (int, error) { <-hold; return mark(ctx) }, s)
			synctest.Wait()
			async.Go(bg, mark, s)
			async.Go(bg, mark, s)
			var c async.Call[int]
			_ = c.Begin(bg, mark, s)
			g := async.Group[int, int]{Options: []async.Option{s}}
			_, _, _ = g.Do(bg, 1, mark)
			close(hold)
			return 1, nil
		}},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, told := marking(1)
				v, err := test.do(s)
				wantEq(t, "the mark", v, 1)
				wantEq(t, "the error", err, nil)
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
				wantEq(t, "told", told(), test.want)
			})
		})
	}
	for what, of := range map[string]func(context.Context, async.CallInfo) context.Context{
		"nil context": func(context.Context, async.CallInfo) context.Context { return nil },
		"boom":        func(context.Context, async.CallInfo) context.Context { panic("boom") },
	} {
		s := async.NewScope(async.ScopeOptions{Observer: async.Observer{BeginContext: of}})
		var c async.Call[int]
		g := async.Group[int, int]{Options: []async.Option{s}}
		for _, begin := range []func(){
			func() { async.Go(bg, value(1, nil), s) },
			func() { async.NewPromise[int](bg, s) },
			func() { _ = c.Begin(bg, value(1, nil), s) },
			func() { _, _, _ = g.Do(bg, 1, value(1, nil)) },
			func() {
				for range async.Map(bg, slices.Values([]int{1}), func(context.Context, int) (int, error) { return 1, nil }, s) {
					t.Error("it yields")
				}
			},
		} {
			wantContains(t, panicText(begin), what)
		}
		wantEq(t, "the object", c.Info(), async.CallInfo{})
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "what was counted", s.Stats(), async.Stats{})
	}
}

// A caller whose Joined or Begun panics has no part in the run: when the others have left,
// the run is abandoned (H1c).
func TestV3_AnObserverOfARunPanics(t *testing.T) {
	for what, o := range map[string]async.Observer{
		"Joined": {Joined: func(context.Context, async.CallInfo) { panic("boom") }},
		"Begun":  {Begun: func(async.CallInfo) { panic("boom") }},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := async.NewScope(async.ScopeOptions{Observer: o})
			g := async.Group[int, int]{Options: []async.Option{s}}
			fn := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, nil }
			join := func() { g.Join(bg, 1, fn).Release() }
			if what == "Joined" {
				first := g.Join(bg, 1, fn)
				join = func() {
					defer first.Release()
					_, _, _ = g.Do(bg, 1, fn)
				}
			}
			wantContains(t, panicText(join), "boom")
			wantEq(t, what+": Shutdown", s.Shutdown(bg), nil)
			wantEq(t, "abandoned", s.Stats().Canceled, int64(1))
		})
	}
}

// panicText returns what f panics with.
func panicText(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return ""
}

// Who joins a run is told with the context of its own, and the run with that of the run.
func TestV3_Joined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, told := marking(0)
		g := async.Group[int, int]{Options: []async.Option{s}}
		ctx := func(name string) context.Context { return context.WithValue(bg, markKey{}, name) }
		first := g.Join(ctx("a"), 1, slow(time.Second, 1))
		synctest.Wait()
		wantEq(t, "the first", told(), "1<a 1:Begun 1:Started 1:Context")
		second := g.Join(ctx("b"), 1, slow(time.Second, 1))
		wantEq(t, "who joins", told(), "1:Joined<b")
		_, _, shared := g.Do(ctx("c"), 1, slow(time.Second, 1))
		wantEq(t, "shared", shared, true)
		wantEq(t, "who joins by Do", told(), "1:Joined<c 1:Completed")
		first.Release()
		second.Release()

		l := async.NewLazy(slow(time.Second, 1), s)
		go func() { _, _ = l.Get(ctx("d")) }()
		synctest.Wait()
		_, _ = l.Get(ctx("e"))
		_, _ = l.Get(ctx("f"))
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "of a Lazy", told(), "2<d 2:Begun 2:Started 2:Context 2:Joined<e 2:Completed")
	})
}

// A caller that was asked for the context of a run, and finds that another has begun the run
// meanwhile, joins with its own context.
func TestV3_JoinedAfterBeginContext(t *testing.T) {
	var g async.Group[int, int]
	var inner *async.Call[int]
	var lines []string
	hold := make(chan struct{})
	wait := func(context.Context) (int, error) { <-hold; return 1, nil }
	s := async.NewScope(async.ScopeOptions{Observer: async.Observer{
		BeginContext: func(ctx context.Context, _ async.CallInfo) context.Context {
			if ctx.Value(markKey{}) == nil {
				inner = g.Join(context.WithValue(ctx, markKey{}, "inner"), 1, wait)
			}
			return context.WithValue(ctx, markKey{}, "made")
		},
		Begun: func(c async.CallInfo) { lines = append(lines, "begun") },
		Joined: func(ctx context.Context, c async.CallInfo) {
			lines = append(lines, fmt.Sprint("joined by ", ctx.Value(markKey{}), " ", c.Context.Value(markKey{})))
		},
	}})
	g.Options = []async.Option{s}
	outer := g.Join(bg, 1, wait)
	close(hold)
	for _, c := range []*async.Call[int]{outer, inner} {
		v, err := c.Await(bg)
		wantEq(t, "the result", v, 1)
		wantEq(t, "the error", err, nil)
	}
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	wantEq(t, "told", strings.Join(lines, ", "), "begun, joined by <nil> made")
}

// slow returns v after a time.
func slow(d time.Duration, v int) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { time.Sleep(d); return v, nil }
}

// Of those that ask at once one begins the run, and each of the others is told to join it:
// also one that was asked for a context in vain.
func TestV3_JoinedAgainstBegin(t *testing.T) {
	const callers = 4
	for range rounds(2000) {
		var begun, joined, wrong atomic.Int64
		s := async.NewScope(async.ScopeOptions{Observer: async.Observer{
			BeginContext: func(ctx context.Context, _ async.CallInfo) context.Context {
				return context.WithValue(ctx, markKey{}, new(atomic.Int64))
			},
			Begun: func(c async.CallInfo) {
				begun.Add(1)
				c.Context.Value(markKey{}).(*atomic.Int64).Add(1)
			},
			Joined: func(ctx context.Context, c async.CallInfo) {
				joined.Add(1)
				if ctx != bg || c.Context.Value(markKey{}) == nil {
					wrong.Add(1)
				}
			},
		}})
		g := async.Group[int, int]{Options: []async.Option{s}}
		hold := make(chan struct{})
		var together sync.WaitGroup
		for range callers {
			together.Go(func() {
				g.Join(bg, 1, func(context.Context) (int, error) { <-hold; return 1, nil }).Release()
			})
		}
		together.Wait()
		close(hold)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		if begun.Load()+joined.Load() != callers || wrong.Load() != 0 {
			t.Fatalf("%d begun, %d joined, %d of them with another context", begun.Load(), joined.Load(), wrong.Load())
		}
	}
}

// Two that begin one object at once: one call begins, and only that is told of.
func TestV3_BeginContextAgainstBegin(t *testing.T) {
	for range rounds(2000) {
		s, told := marking(0)
		var c async.Call[int]
		var began atomic.Int64
		var together sync.WaitGroup
		for range 2 {
			together.Go(func() {
				if c.Begin(bg, value(1, nil), s) == nil {
					began.Add(1)
				}
			})
		}
		together.Wait()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		if lines := told(); began.Load() != 1 || strings.Count(lines, ":Begun") != 1 || strings.Count(lines, ":Completed") != 1 || strings.Contains(lines, "nil>:") {
			t.Fatalf("%d began; told %s", began.Load(), lines)
		}
	}
}

// Several observers are told as one would be, in order, and make contexts in turn.
func TestV3_Observers(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	all := func(name string) async.Observer {
		note := func(what string) func(async.CallInfo) {
			return func(async.CallInfo) {
				mu.Lock()
				defer mu.Unlock()
				lines = append(lines, name+what)
			}
		}
		of := func(ctx context.Context, c async.CallInfo) context.Context {
			path, _ := ctx.Value(markKey{}).(string)
			return context.WithValue(ctx, markKey{}, path+name)
		}
		return async.Observer{
			Begun: note("Begun"), Started: note("Started"), Completed: note("Completed"), Abandoned: note("Abandoned"),
			Discarded: note("Discarded"), Returned: note("Returned"), Refused: note("Refused"),
			Joined:       func(_ context.Context, c async.CallInfo) { note("Joined")(c) },
			BeginContext: of, Context: of,
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue, Observer: async.Observers(all("a"), async.Observer{}, all("b"))})
		path := make(chan any, 1)
		g := async.Group[int, int]{Options: []async.Option{s}}
		c := g.Join(bg, 1, func(ctx context.Context) (int, error) {
			path <- ctx.Value(markKey{})
			time.Sleep(time.Second)
			return 1, nil
		})
		wantEq(t, "the path", <-path, "abab")
		g.Join(bg, 1, value(1, nil)).Release()
		async.Go(bg, value(1, nil), s)
		c.Release() // cancels the run
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "told", strings.Join(lines, " "), "aBegun bBegun aStarted bStarted aJoined bJoined aRefused bRefused "+
			"aAbandoned bAbandoned aCompleted bCompleted aDiscarded bDiscarded aReturned bReturned")
	})
	if o := async.Observers(async.Observer{}, async.Observer{}); o.Begun != nil || o.Started != nil || o.Completed != nil || o.Abandoned != nil ||
		o.Discarded != nil || o.Returned != nil || o.Refused != nil || o.Joined != nil || o.BeginContext != nil || o.Context != nil {
		t.Error("functions for observers that have none")
	}
	second := 0
	o := async.Observers(async.Observer{Begun: func(async.CallInfo) { panic("boom") }}, async.Observer{Begun: func(async.CallInfo) { second++ }})
	wantContains(t, panicText(func() { o.Begun(async.CallInfo{}) }), "boom")
	wantEq(t, "the second is told", second, 1)
	made := async.Observers(async.Observer{Context: func(context.Context, async.CallInfo) context.Context { return nil }}, all("b"))
	wantEq(t, "a nil context", made.Context(bg, async.CallInfo{}), nil)
}

// Every canceled function that ran is told of once when it has returned, whatever wins.
func TestV3_ReturnedAgainstCancel(t *testing.T) {
	for range rounds(3000) {
		var canceled, returned, started, over atomic.Int64
		s := async.NewScope(async.ScopeOptions{Limit: 2, Observer: async.Observer{
			Started: func(async.CallInfo) { started.Add(1) },
			Returned: func(c async.CallInfo) {
				if c.Canceled.IsZero() {
					over.Add(1)
				}
				returned.Add(1)
			},
		}})
		ran := make([]atomic.Bool, 4)
		cs := async.GoEach(bg, []int{0, 1, 2, 3}, func(_ context.Context, i int) (int, error) {
			ran[i].Store(true)
			return i, nil
		}, s)
		together(func() {
			for _, c := range cs {
				_ = c.Cancel(nil)
			}
		}, func() { _, _ = cs.Settle(bg) })
		if err := s.Shutdown(bg); err != nil {
			t.Fatal(err)
		}
		for i, c := range cs {
			if !c.Info().Canceled.IsZero() && ran[i].Load() {
				canceled.Add(1)
			}
		}
		// A call that is canceled between Started and its function runs it all the same.
		if returned.Load() != canceled.Load() || over.Load() != 0 {
			t.Fatalf("%d canceled calls ran, told of %d, %d of them not canceled", canceled.Load(), returned.Load(), over.Load())
		}
	}
}
