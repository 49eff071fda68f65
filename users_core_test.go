package async_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
)

// A promise and a wait end by one context: the call is canceled, and that is what the
// wait returns, every time (R6, R14).
func TestR14_AWaitWithThePromisesOwnContext(t *testing.T) {
	type wait func(ctx context.Context, p *async.Promise[int], c *async.Call[int]) error
	first := func(_ int, _ int, err error) error { return err }
	for name, wait := range map[string]wait{
		"Await": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			_, err := c.Await(ctx)
			return err
		},
		"Wait": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			if err := c.Wait(ctx); err != nil {
				return err
			}
			_, err := c.Await(bg)
			return err
		},
		"Wait of a Signal": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			s := c.Signal()
			defer s.Release()
			if err := s.Wait(ctx); err != nil {
				return err
			}
			_, err := c.Await(bg)
			return err
		},
		"WaitAny": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			if i, err := async.WaitAny(ctx, new(async.Event), c); err != nil || i != 1 {
				return fmt.Errorf("%d, %w", i, err)
			}
			_, err := c.Await(bg)
			return err
		},
		"WaitAll": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			if err := async.WaitAll(ctx, c, c); err != nil {
				return err
			}
			_, err := c.Await(bg)
			return err
		},
		"Race": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			return first(async.Calls[int]{c}.Race(ctx))
		},
		"All": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			_, err := async.Calls[int]{c}.All(ctx)
			return err
		},
		"Any": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			return first(async.Calls[int]{c}.Any(ctx))
		},
		"Settle": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			rs, err := async.Calls[int]{c}.Settle(ctx)
			if err != nil {
				return err
			}
			return rs[0].Err
		},
		"Each": func(ctx context.Context, _ *async.Promise[int], c *async.Call[int]) error {
			for _, r := range (async.Calls[int]{c}).Each(ctx) {
				return r.Err
			}
			return errors.New("nothing came")
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range rounds(2000) {
				outer, cancel := context.WithCancel(bg)
				ctx, stop := context.WithCancel(outer) // one below
				p, c := async.NewPromise[int](outer)
				var wg sync.WaitGroup
				wg.Go(cancel)
				if err := wait(ctx, p, c); !errors.Is(err, async.ErrCanceled) || errors.Is(err, async.ErrCallPending) {
					t.Fatalf("the wait returned %v", err)
				}
				wg.Wait()
				c.Release()
				stop()
			}
		})
	}
}

// So does a wait with a time, and a wait for a call that waits for its slot (R6).
func TestR6_AWaitEndsAndTheCallsContextHas(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	let := make(chan struct{})
	running := async.Go(bg, func(context.Context) (int, error) { <-let; return 1, nil }, s)
	for range rounds(500) {
		ctx, cancel := context.WithCancel(bg)
		queued := async.Go(ctx, value(1, nil), s)
		var wg sync.WaitGroup
		wg.Go(cancel)
		if _, err := queued.Await(ctx); !errors.Is(err, async.ErrCanceled) {
			t.Fatalf("queued: %v", err)
		}
		wg.Wait()
		queued.Release()
	}
	plain := async.Go(ctx, func(context.Context) (int, error) { <-let; return 1, nil }) // it goes on
	cancel()
	if _, err := plain.Await(ctx); !errors.Is(err, async.ErrCallPending) {
		t.Errorf("a function that runs: %v", err)
	}
	close(let)
	wantValue(t, plain, 1)
	wantValue(t, running, 1)
}

func wantValue(t *testing.T, c *async.Call[int], want int) {
	t.Helper()
	if v, err := c.Await(bg); v != want || err != nil {
		t.Errorf("got %d, %v, want %d", v, err, want)
	}
}

// A call that waits for its slot has nobody to be asked: CancelWait cancels it at once,
// and its function never runs (R11, R10).
func TestR11_CancelWaitOfAQueuedCall(t *testing.T) {
	cause := errors.New("not needed")
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	let := make(chan struct{})
	running := async.Go(bg, func(context.Context) (int, error) { <-let; return 1, nil }, s)
	ran := func(context.Context) (int, error) { t.Error("it ran"); return 0, nil }
	queued := async.Go(bg, ran, s)
	behind := async.Go(bg, value(2, nil), s)
	if err := queued.CancelWait(bg, cause); err != nil {
		t.Errorf("CancelWait: %v", err)
	}
	if _, err := queued.Await(bg); !errors.Is(err, cause) {
		t.Errorf("the call: %v", err)
	}
	if err := queued.CancelWait(bg, cause); err != async.ErrCanceled {
		t.Errorf("again: %v", err)
	}
	close(let)
	wantValue(t, running, 1)
	wantValue(t, behind, 2)
	if err := s.Shutdown(bg); err != nil {
		t.Error(err)
	}
	wantBalance(t, s)
}

// The same while the observer is told of its Begin: the call has no slot yet.
func TestR11_CancelWaitWhileBegunIsTold(t *testing.T) {
	var c async.Call[int]
	var told atomic.Int32
	s := async.NewScope(async.ScopeOptions{Observer: async.Observer{Begun: func(async.CallInfo) {
		told.Add(1)
		if err := c.CancelWait(bg, nil); err != nil {
			t.Errorf("CancelWait: %v", err)
		}
	}}})
	if err := c.Begin(bg, func(context.Context) (int, error) { t.Error("it ran"); return 0, nil }, s); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Await(bg); !errors.Is(err, async.ErrCanceled) || told.Load() != 1 {
		t.Errorf("the call: %v; told %d times", err, told.Load())
	}
	c.Release()
	if err := s.Shutdown(bg); err != nil {
		t.Error(err)
	}
	wantBalance(t, s)
}

// A CancelWait beside the start of the function, and beside another cancellation: the
// function runs, or the call is canceled, or both; nothing hangs and the books balance.
func TestR11_CancelWaitBesideTheStart(t *testing.T) {
	for range rounds(2000) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		first := async.Go(bg, value(1, nil), s)
		second := async.Go(bg, func(ctx context.Context) (int, error) { return 2, context.Cause(ctx) }, s)
		var wg sync.WaitGroup
		wg.Go(func() { _ = second.CancelWait(bg, nil) })
		wg.Go(func() { _ = second.Cancel(nil) })
		_, _ = first.Await(bg)
		_, _ = second.Await(bg)
		wg.Wait()
		first.Release()
		second.Release()
		if err := s.Shutdown(bg); err != nil {
			t.Fatal(err)
		}
		wantBalance(t, s)
	}
}

// A value that comes too late for anybody goes to Discard, whether the call was canceled,
// complete or abandoned (R9).
func TestR9_CompleteOrDiscard(t *testing.T) {
	for name, tt := range map[string]struct {
		before    func(p *async.Promise[int], c *async.Call[int])
		completes bool
	}{
		"in time":   {func(*async.Promise[int], *async.Call[int]) {}, true},
		"canceled":  {func(_ *async.Promise[int], c *async.Call[int]) { _ = c.Cancel(nil) }, false},
		"complete":  {func(p *async.Promise[int], _ *async.Call[int]) { p.Complete(1, nil) }, false},
		"broken":    {func(p *async.Promise[int], _ *async.Call[int]) { p.Break() }, false},
		"abandoned": {func(_ *async.Promise[int], c *async.Call[int]) { c.Release() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := async.NewScope(async.ScopeOptions{})
			discarded := make(chan int, 2)
			p, c := async.NewPromise[int](bg, s, async.Discard(func(v int, _ error) { discarded <- v }))
			tt.before(p, c)
			if got := p.CompleteOrDiscard(7, nil); got != tt.completes {
				t.Errorf("CompleteOrDiscard returned %v", got)
			}
			if err := s.Shutdown(bg); err != nil {
				t.Error(err)
			}
			want := 1
			if name == "in time" {
				want = 0
			}
			if len(discarded) != want || want == 1 && <-discarded != 7 {
				t.Errorf("%d discarded", len(discarded))
			}
			_, _ = c.Await(bg)
			c.Release()
			if late := s.Stats().Discarded; late != int64(want) {
				t.Errorf("%d counted as discarded, want %d", late, want)
			}
		})
	}
	p, c := async.NewPromise[int](bg) // without a Discard
	_ = c.Cancel(nil)
	if p.CompleteOrDiscard(1, nil) {
		t.Error("a canceled promise completed")
	}
}

// The error of a canceled call names the call.
func TestR10_TheErrorNamesTheCall(t *testing.T) {
	_, c := async.NewPromise[int](bg, async.Name("quote"))
	_ = c.Cancel(errors.New("too slow"))
	_, err := c.Await(bg)
	if want := `async: call "quote" canceled: too slow`; err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if ce := (*async.CanceledError)(nil); !errors.As(err, &ce) || ce.Name != "quote" {
		t.Errorf("got %#v", err)
	}
}

// lostPanics are programs that drop the handles of a call that panicked. Each says
// whether the panic ends the program.
var lostPanics = map[string]struct {
	ends bool
	do   func() (keep any)
}{
	"dropped": {true, func() any { panicked(); return nil }},
	"dropped by GoEach": {true, func() any {
		for _, c := range async.GoEach(bg, []int{1, 2, 3}, func(_ context.Context, i int) (int, error) {
			if i == 2 {
				panic("in a function")
			}
			return i, nil
		}) {
			_ = c.Wait(bg)
		}
		return nil
	}},
	"dropped in a scope":      {true, func() any { panicked(async.NewScope(async.ScopeOptions{})); return nil }},
	"dropped with its Signal": {true, func() any { panicked().Signal(); return nil }},
	"looked at":               {true, func() any { _ = panicked().Info(); return nil }},
	"the handle is held":      {false, func() any { return panicked() }},
	"a Signal is held":        {false, func() any { return panicked().Signal() }},
	"a Set holds it": {false, func() any {
		s := new(async.Set[int])
		s.Add(1, panicked())
		return s
	}},
	"Calls hold it": {false, func() any { return async.Calls[int]{panicked()} }},
	"raised":        {false, func() any { _ = panicOf(func() { _, _ = panicked().Await(bg) }); return nil }},
	"raised by Release": {false, func() any {
		_ = panicOf(func() { panicked().Release() })
		return nil
	}},
	"held as an error": {false, func() any {
		_, _ = async.Calls[int]{panicked()}.Settle(bg)
		return nil
	}},
	"a result of the scope's": {false, func() any {
		panicked(async.NewScope(async.ScopeOptions{Panic: async.PanicReturn}))
		return nil
	}},
	"a run that is shared": {true, func() any {
		var g async.Group[int, int]
		_ = g.Join(bg, 1, func(context.Context) (int, error) { panic("in a function") }).Wait(bg)
		return nil
	}},
}

// panicked returns a call whose function has panicked.
func panicked(opts ...async.Option) *async.Call[int] {
	c := async.Go(bg, func(context.Context) (int, error) { panic("in a function") }, opts...)
	_ = c.Wait(bg)
	return c
}

const lostPanic = "ASYNC_TEST_LOST_PANIC"

// A panic that nobody was given ends the program when nobody can be given it any more,
// and only then (R15).
func TestR15_NoPanicIsLost(t *testing.T) {
	if name := os.Getenv(lostPanic); name != "" {
		keep := lostPanics[name].do()
		for range 20 {
			runtime.GC()
			time.Sleep(time.Millisecond) // in a process of its own: for the goroutine that runs cleanups
		}
		runtime.KeepAlive(keep)
		os.Exit(3)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range lostPanics {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(exe, "-test.run=^TestR15_NoPanicIsLost$")
			cmd.Env = append(os.Environ(), lostPanic+"="+name)
			out, _ := cmd.CombinedOutput()
			code := cmd.ProcessState.ExitCode()
			told := strings.Contains(string(out), "panic in call: in a function")
			if want := map[bool]int{true: 2, false: 3}[tt.ends]; code != want || told != tt.ends {
				t.Errorf("exit %d, want %d; the panic is told of: %v\n%s", code, want, told, out)
			}
		})
	}
}

// panicOf returns what f panics with, or nil.
func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}
