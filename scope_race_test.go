package async_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// Calls begin and end in every way while the scope shuts down: those accepted
// settle, those refused never run, and after a clean Shutdown none runs.
func TestC3_ShutdownAgainstEverything(t *testing.T) {
	for round := range rounds(4000) {
		s := async.NewScope(async.ScopeOptions{Limit: round % 3, Queue: 4, Panic: async.PanicReturn, Track: round%5 == 0})
		var running, ran atomic.Int64
		var refused, accepted atomic.Int64
		ended := false
		begin := func() {
			ctx, cancel := context.WithCancel(bg)
			for i := range 8 {
				var did atomic.Bool
				c := async.Go(ctx, func(ctx context.Context) (int, error) {
					ran.Add(1)
					did.Store(true)
					running.Add(1)
					defer running.Add(-1)
					switch i {
					case 1:
						panic(1)
					case 2:
						runtime.Goexit()
					case 3:
						_, _ = async.Go(ctx, value(1, nil), s).Await(ctx)
					case 4:
						cancel()
					case 5:
						runtime.Gosched()
					}
					return 1, nil
				}, s, async.Discard(func(int, error) { running.Add(1); runtime.Gosched(); running.Add(-1) }))
				switch i {
				case 5:
					_ = c.Cancel(nil)
				case 6:
					c.Release()
					accepted.Add(1) // or not: its outcome is not known here
					continue
				}
				_, err := c.Await(bg)
				if err == async.ErrScopeClosed || err == async.ErrQueueFull {
					refused.Add(1)
					if did.Load() {
						t.Error("a refused call ran")
					}
				}
			}
			cancel()
		}
		together(begin, begin, func() {
			if s.Shutdown(bg) == nil {
				ended = true
				if n := running.Load(); n != 0 {
					t.Errorf("%d run after a clean Shutdown", n)
				}
			}
			if round%2 == 0 {
				_ = s.Shutdown(expired)
			}
		})
		wantEq(t, "a clean Shutdown", ended, true)
		wantSlotsAreBack(t, s)
		wantBalance(t, s)
		if t.Failed() {
			t.Fatal("in round", round)
		}
	}
}

// A Shutdown that gives up at once cancels what there is, and a late Begin is
// refused or canceled: nothing runs on unseen.
func TestC3_GivingUpAgainstLateBegins(t *testing.T) {
	for round := range rounds(4000) {
		s := async.NewScope(async.ScopeOptions{Limit: round % 3})
		if round%2 == 0 {
			s = async.NewScope(async.ScopeOptions{Observer: async.Observer{Begun: func(async.CallInfo) { runtime.Gosched() }}})
		}
		var cs [3]*async.Call[int]
		together(
			func() { cs[0] = async.Go(bg, block, s) },
			func() { cs[1] = async.Go(bg, block, s) },
			func() { _, cs[2] = async.NewPromise[int](bg, s) },
			func() { _ = s.Shutdown(expired) },
		)
		_ = s.Shutdown(expired)
		for _, c := range cs {
			_, err := c.Await(bg)
			wantIs(t, err, async.ErrScopeClosed)
		}
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	}
}

// What is called for a call that completes without a goroutine of the scope has
// returned, or is waited for, all the same.
func TestC3_ShutdownAgainstDiscard(t *testing.T) {
	for name, end := range map[string]func(s *async.Scope, told func()) (do func()){
		"Complete of an abandoned promise": func(s *async.Scope, told func()) func() {
			p, c := async.NewPromise[int](bg, s, async.Discard(func(int, error) { told() }))
			c.Release()
			return func() { p.Complete(1, nil) }
		},
		"Release that cancels": func(s *async.Scope, told func()) func() {
			_, c := async.NewPromise[int](bg, s, async.CancelOnAbandon(), async.OnSignal(told))
			return c.Release
		},
		"context of a promise": func(s *async.Scope, told func()) func() {
			ctx, cancel := context.WithCancel(bg)
			async.NewPromise[int](ctx, s, async.OnSignal(told))
			return cancel
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range rounds(10_000) {
				s := async.NewScope(async.ScopeOptions{})
				var told atomic.Bool
				do := end(s, func() { told.Store(true) })
				together(do, func() {
					_ = s.Shutdown(bg)
					if !told.Load() {
						t.Error("Shutdown returned before")
					}
				})
				if t.Failed() {
					return
				}
			}
		})
	}
}

// Goexit, as FailNow calls it, in what a scope calls: the slot goes on, and the
// scope ends.
func TestC3_GoexitInWhatIsCalled(t *testing.T) {
	exit := func(async.CallInfo) { runtime.Goexit() }
	for name, test := range map[string]struct {
		o    async.Observer
		opts []async.Option
	}{
		"OnSignal":  {opts: []async.Option{async.OnSignal(runtime.Goexit)}},
		"Discard":   {opts: []async.Option{async.Discard(func(int, error) { runtime.Goexit() })}},
		"Begun":     {o: async.Observer{Begun: exit}},
		"Started":   {o: async.Observer{Started: exit}},
		"Completed": {o: async.Observer{Completed: exit}},
		"Abandoned": {o: async.Observer{Abandoned: exit}},
		"Discarded": {o: async.Observer{Discarded: exit}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := async.NewScope(async.ScopeOptions{Limit: 1, Observer: test.o})
				opts := append([]async.Option{s}, test.opts...)
				for range 3 {
					go func() { _, _ = async.Go(bg, deaf(time.Second), opts...).Await(bg) }()
					go func() { async.Go(bg, deaf(time.Second), opts...).Release() }()
					go func() {
						var c async.Call[int]
						go func() { _ = c.Begin(bg, deaf(time.Minute), opts...) }()
						time.Sleep(time.Second / 2)
						_ = c.Cancel(nil)
						c.Release()
					}()
				}
				time.Sleep(time.Hour)
				wantEq(t, "Shutdown", s.Shutdown(newTimeout(bg, time.Hour)), nil)
				wantSlotsAreBack(t, s)
				wantBalance(t, s)
			})
		})
	}
}

// A panic in the observer of a Begin is the caller's; the call was accepted and
// goes on.
func TestC3_APanicInBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: 1, Observer: async.Observer{Begun: func(async.CallInfo) { panic(errBoom) }}})
		var cs [2]async.Call[int]
		for i := range cs {
			wantEq(t, "panic", recovered(func() { _ = cs[i].Begin(bg, value(i, nil), s) }), errBoom)
		}
		for i := range cs {
			v, err := cs[i].Await(bg)
			wantEq(t, "value", v, i)
			wantEq(t, "error", err, nil)
		}
		wantEq(t, "panic", recovered(func() { async.NewPromise[int](newTimeout(bg, time.Second), s) }), errBoom)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantSlotsAreBack(t, s)
	})
}
