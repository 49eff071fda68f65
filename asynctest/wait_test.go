package asynctest_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
)

// everywhere runs a test outside of a bubble and in one.
func everywhere(t *testing.T, test func(t *testing.T)) {
	t.Run("outside", func(t *testing.T) {
		t.Parallel()
		test(t)
	})
	t.Run("bubble", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, test)
	})
}

func TestWaitState(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		s := asynctest.NewScope(t, async.ScopeOptions{Limit: 1})
		b := asynctest.NewBlocker[int](t)
		var idle async.Call[int]
		asynctest.WaitState(t, &idle, 0)
		first := async.Go(bg, b.Func, s)
		defer first.Release()
		second := async.Go(bg, b.Func, s)
		defer second.Release()
		asynctest.WaitState(t, first, async.StateRunning)
		asynctest.WaitState(t, second, async.StateQueued)
		asynctest.WaitState(t, second, async.StateCompleted, async.StateQueued)
		go b.Return(1, nil)
		asynctest.WaitState(t, second, async.StateCompleted)
	})
}

func TestWaitWaiters(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		m := asynctest.NewManual[int](t)
		ctx, cancel := context.WithCancel(bg)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { m.Call.Await(ctx) })
		}
		wg.Go(func() { m.Call.Wait(bg) })
		asynctest.WaitWaiters(t, m.Call, 4)
		cancel()
		asynctest.WaitWaiters(t, m.Call, 1)
		wantEq(t, "waiters", m.Call.Info().Waiters, 1)
		m.Complete(1, nil)
		asynctest.WaitWaiters(t, m.Call, 0)
		wg.Wait()
	})
}

func TestWaitHandles(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		m := asynctest.NewManual[int](t)
		asynctest.WaitHandles(t, m.Call, 1)
		c, s := m.Call.Clone(), m.Call.Signal()
		asynctest.WaitHandles(t, m.Call, 3)
		go c.Release()
		go s.Release()
		asynctest.WaitHandles(t, m.Call, 1)
	})
}

func TestWaitInfo(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		m := asynctest.NewManual[int](t)
		fail := errors.New("fail")
		go m.Complete(0, fail)
		i := asynctest.WaitInfo(t, m.Call, "an error", func(i async.CallInfo) bool { return i.Err != nil })
		wantEq(t, "error", i.Err, fail)
	})
}

func TestWaitStats(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		s := asynctest.NewScope(t, async.ScopeOptions{Limit: 2})
		b := asynctest.NewStubborn[int](t)
		for range 3 {
			async.Go(bg, b.Func, s).Release()
		}
		st := asynctest.WaitStats(t, s, "two running", func(st async.Stats) bool { return st.Running == 2 && st.Queued == 1 })
		wantEq(t, "begun", st.Begun, 3)
		go b.Return(1, nil)
		st = asynctest.WaitStats(t, s, "rest", func(st async.Stats) bool { return st.Pending == 0 && st.Running == 0 })
		wantEq(t, "returned", st.Returned, 3)
	})
}

// The callers of Do that share a run are its waiters, and those of Join its handles. Both may
// be waited for, one by one, though the test has no handle of the run.
func TestWaitCall_Askers(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		s := asynctest.NewScope(t)
		b := asynctest.NewBlocker[int](t)
		g := async.Group[string, int]{Options: []async.Option{s, async.Name("load")}}
		ctx, cancel := context.WithCancel(bg)
		var askers sync.WaitGroup
		ask := func(ctx context.Context, key string) { askers.Go(func() { g.Do(ctx, key, b.Func) }) }
		ask(bg, "other")
		asynctest.WaitCall(t, s, "load", "1 asker", func(i async.CallInfo) bool { return i.Waiters == 1 })
		for range 3 {
			ask(bg, "key")
			ask(ctx, "key")
		}
		six := asynctest.WaitCall(t, s, "load", "6 askers", func(i async.CallInfo) bool { return i.Waiters == 6 })
		wantEq(t, "handles", six.Handles, 0)
		first, second := g.Join(bg, "key", b.Func), g.Join(bg, "key", b.Func)
		joined := asynctest.WaitCall(t, s, "load", "2 handles", func(i async.CallInfo) bool { return i.Handles == 2 })
		wantEq(t, "waiters", joined.Waiters, 6)
		wantEq(t, "call", joined.ID, six.ID)
		cancel()
		go first.Release()
		asynctest.WaitCall(t, s, "load", "3 askers and 1 handle", func(i async.CallInfo) bool { return i.Waiters == 3 && i.Handles == 1 })
		second.Release()
		b.Return(1, nil)
		askers.Wait()
	})
}

// What needs no time takes none in a bubble, however long it takes.
func TestWaitInfo_LeavesTheClockAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		m := asynctest.NewManual[int](t)
		done := make(chan struct{})
		go func() { // longer than any yielding
			defer close(done)
			var busy atomic.Int64
			for range 10_000_000 {
				busy.Add(1)
			}
			m.Complete(1, nil)
		}()
		asynctest.WaitState(t, m.Call, async.StateCompleted)
		wantEq(t, "passed", time.Since(start), 0)
		<-done
	})
}

// Where nothing but time can bring it about, time passes, not much more of it than
// is needed.
func TestWaitInfo_LetsTimePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, d := range []time.Duration{1, time.Microsecond, time.Millisecond, time.Second, 9 * time.Second} {
			start := time.Now()
			m := asynctest.NewManual[int](t)
			time.AfterFunc(d, func() { m.Complete(1, nil) })
			asynctest.WaitState(t, m.Call, async.StateCompleted)
			if passed := time.Since(start); passed < d || passed > min(2*d, d+10*time.Millisecond) {
				t.Errorf("after %v: %v passed", d, passed)
			}
		}
	})
}

// Many may wait at the same time, beside a goroutine in synctest.Wait.
func TestWaitInfo_ByMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		m := asynctest.NewManual[int](t)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() { asynctest.WaitWaiters(t, m.Call, 1) })
			wg.Go(func() { asynctest.WaitState(t, m.Call, async.StateCompleted) })
			if i == 50 {
				wg.Go(func() { m.Call.Wait(bg) })
			}
		}
		asynctest.WaitWaiters(t, m.Call, 1)
		time.AfterFunc(time.Millisecond, func() { m.Complete(1, nil) })
		wg.Wait()
		if d := time.Since(start); d > 3*time.Millisecond {
			t.Errorf("%v passed", d)
		}
	})
}

// dump is what is said of a playedScope after ten seconds.
const dump = `
scope "played": no limit, open
  2 begun: 0 returned, 0 failed, 0 canceled, 0 panicked, 0 exited, 0 broken, 2 pending; 0 refused
  2 running, 0 of them lent; 0 queued; 0 canceled and not stopped
  results: 0 taken, 0 discarded, 0 that nobody has taken
load ×2, oldest 10s: 2 running`

// playedScope returns a scope with two calls of one name.
func playedScope(t testing.TB) *async.Scope {
	s := async.NewScope(async.ScopeOptions{Name: "played"})
	b := asynctest.NewBlocker[int](t)
	for range 2 {
		async.Go(bg, b.Func, s, async.Name("load"))
	}
	return s
}

func TestWaitInfo_GivesUp(t *testing.T) {
	for _, test := range []struct {
		want string
		wait func(t testing.TB, c *async.Call[int])
	}{
		{
			`asynctest: waited 10s for the state queued or completed of a call: call "fetch", running, 2 handles, 0 waiters`,
			func(t testing.TB, c *async.Call[int]) {
				asynctest.WaitState(t, c, async.StateQueued, async.StateCompleted)
			},
		},
		{
			`asynctest: waited 10s for 1 waiter of a call: call "fetch", running, 2 handles, 0 waiters`,
			func(t testing.TB, c *async.Call[int]) { asynctest.WaitWaiters(t, c, 1) },
		},
		{
			`asynctest: waited 10s for 1 handle of a call: call "fetch", running, 2 handles, 0 waiters`,
			func(t testing.TB, c *async.Call[int]) { asynctest.WaitHandles(t, c, 1) },
		},
		{
			`asynctest: waited 10s for 2 running at once: 0 of 0 are`,
			func(t testing.TB, _ *async.Call[int]) { asynctest.NewBlocker[int](t).WaitRunning(2) },
		},
		{
			`asynctest: waited 10s for rest of a scope:` + dump,
			func(t testing.TB, _ *async.Call[int]) {
				asynctest.WaitStats(t, playedScope(t), "rest", func(st async.Stats) bool { return st.Pending == 0 })
			},
		},
		{
			`asynctest: waited 10s for 2 waiters of a call named "load": call "load" #1, running, 1 handle, 0 waiters; call "load" #2, running, 1 handle, 0 waiters` + dump,
			func(t testing.TB, _ *async.Call[int]) {
				asynctest.WaitCall(t, playedScope(t), "load", "2 waiters", func(i async.CallInfo) bool { return i.Waiters == 2 })
			},
		},
		{
			`asynctest: waited 10s for any of a call named "store": none is in flight` + dump,
			func(t testing.TB, _ *async.Call[int]) {
				asynctest.WaitCall(t, playedScope(t), "store", "any", func(async.CallInfo) bool { return true })
			},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{TB: t}
			m := asynctest.NewManual[int](f, async.Name("fetch"))
			defer m.Call.Clone().Release()
			start := time.Now()
			reports := f.fatal(func() {
				test.wait(f, m.Call)
				t.Error("the wait came back")
			})
			wantEq(t, "report", strings.Join(reports, "\n"), test.want)
			if d := time.Since(start); d < 10*time.Second || d > 10*time.Second+20*time.Millisecond {
				t.Errorf("gave up after %v", d)
			}
			f.end()
		})
	}
}
