package async_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// A withContext is what takes a context: where the context ends the wait for
// something that never comes, the error that it returns.
type withContext map[string]func(ctx context.Context) error

// contextTakers are all functions and methods that take a context.
func contextTakers() withContext {
	never := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, context.Cause(ctx) }
	pending := func() *async.Call[int] { return new(async.Call[int]) }
	calls := func() async.Calls[int] { return async.Calls[int]{pending(), pending()} }
	awaited := func(c *async.Call[int]) error { _, err := c.Await(bg); return err }
	return withContext{
		"Call.Await": func(ctx context.Context) error { _, err := pending().Await(ctx); return err },
		"Call.Wait":  func(ctx context.Context) error { return pending().Wait(ctx) },
		"Call.CancelWait": func(ctx context.Context) error {
			_, c := async.NewPromise[int](bg)
			return c.CancelWait(ctx, nil)
		},
		"Signal.Wait": func(ctx context.Context) error { return pending().Signal().Wait(ctx) },
		"Event.Wait":  func(ctx context.Context) error { return new(async.Event).Wait(ctx) },
		"WaitAny":     func(ctx context.Context) error { _, err := async.WaitAny(ctx, new(async.Event)); return err },
		"WaitAny of a channel": func(ctx context.Context) error {
			_, err := async.WaitAny(ctx, make(channelOf))
			return err
		},
		"WaitAll": func(ctx context.Context) error { return async.WaitAll(ctx, new(async.Event), make(channelOf)) },
		"Set.Next": func(ctx context.Context) error {
			var s async.Set[int]
			s.Add(1, new(async.Event))
			_, err := s.Next(ctx)
			return err
		},
		"Set.All": func(ctx context.Context) error {
			var s async.Set[int]
			s.Add(1, new(async.Event))
			for range s.All(ctx) {
				return errors.New("something came")
			}
			return errOfLoop(ctx)
		},
		"Calls.Race":   func(ctx context.Context) error { _, _, err := calls().Race(ctx); return err },
		"Calls.Any":    func(ctx context.Context) error { _, _, err := calls().Any(ctx); return err },
		"Calls.Quorum": func(ctx context.Context) error { _, _, err := calls().Quorum(ctx, 2); return err },
		"Calls.All":    func(ctx context.Context) error { _, err := calls().All(ctx); return err },
		"Calls.Settle": func(ctx context.Context) error { _, err := calls().Settle(ctx); return err },
		"Calls.Each": func(ctx context.Context) error {
			for range calls().Each(ctx) {
				return errors.New("something came")
			}
			return errOfLoop(ctx)
		},
		"Hedge": func(ctx context.Context) error { _, err := async.Hedge(ctx, 0, 2, anyAttempt(never)); return err },
		"Group.Do": func(ctx context.Context) error {
			_, err, _ := new(async.Group[int, int]).Do(ctx, 1, never)
			return err
		},
		"Group.Join": func(ctx context.Context) error {
			c := new(async.Group[int, int]).Join(ctx, 1, func(context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
			return awaited(c)
		},
		"Lazy.Get": func(ctx context.Context) error { _, err := async.NewLazy(never).Get(ctx); return err },
		"Scope.Shutdown": func(ctx context.Context) error {
			s := async.NewScope(async.ScopeOptions{})
			_, c := async.NewPromise[int](bg, s)
			defer c.Release()
			return s.Shutdown(ctx)
		},
		"Go": func(ctx context.Context) error { return awaited(async.Go(ctx, never)) },
		"GoAll": func(ctx context.Context) error {
			return awaited(async.GoAll(ctx, []func(context.Context) (int, error){never})[0])
		},
		"NewPromise": func(ctx context.Context) error { _, c := async.NewPromise[int](ctx); return awaited(c) },
		"GoEach": func(ctx context.Context) error {
			return awaited(async.GoEach(ctx, []int{1}, func(ctx context.Context, _ int) (int, error) { return never(ctx) })[0])
		},
		"Call.Begin": func(ctx context.Context) error {
			var c async.Call[int]
			return errors.Join(c.Begin(ctx, never), awaited(&c))
		},
		"Call.BeginPromise": func(ctx context.Context) error {
			var c async.Call[int]
			_, err := c.BeginPromise(ctx)
			return errors.Join(err, awaited(&c))
		},
	}
}

// errOfLoop is the error of an iterator, which has none.
func errOfLoop(ctx context.Context) error { return ctx.Err() }

// A nil context is a mistake that says so wherever a context is looked at.
func TestErrors_ANilContextPanicsAndSaysSo(t *testing.T) {
	for name, f := range contextTakers() {
		t.Run(name, func(t *testing.T) {
			v := recovered(func() { _ = f(nil) })
			text, _ := v.(string)
			if !strings.HasPrefix(text, "async: ") || !strings.HasSuffix(text, " with a nil context") {
				t.Errorf("it panics with %v", v)
			}
		})
	}
}

// What is complete is returned without a look at the context.
func TestErrors_ANilContextIsNotLookedAtWhereAllIsComplete(t *testing.T) {
	c := async.Ready(1, nil)
	s := c.Signal()
	for name, f := range map[string]func(ctx context.Context){
		"Await":       func(ctx context.Context) { _, _ = c.Await(ctx) },
		"Wait":        func(ctx context.Context) { _ = c.Wait(ctx) },
		"Signal.Wait": func(ctx context.Context) { _ = s.Wait(ctx) },
		"Event.Wait":  func(ctx context.Context) { _ = setEvent().Wait(ctx) },
	} {
		wantEq(t, name, recovered(func() { f(nil) }), nil)
	}
}

// A wordy context ends with an error that cannot be compared.
type wordy struct {
	context.Context
}

type words []string

func (w words) Error() string { return strings.Join(w, " ") }

func (w wordy) Value(any) any { return nil } // so Err tells the cause

func (w wordy) Err() error {
	if w.Context.Err() != nil {
		return words{"this", "is", "over"}
	}
	return nil
}

// The error of a context may be of any type.
func TestErrors_AContextWhoseErrorCannotBeCompared(t *testing.T) {
	for name, f := range contextTakers() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, d := range []time.Duration{0, time.Second} {
					ctx, cancel := context.WithTimeout(bg, d)
					err := f(wordy{ctx})
					cancel()
					var w words
					if !errors.As(err, &w) || strings.Count(err.Error(), w.Error()) != 1 {
						t.Errorf("after %v: %v", d, err)
					}
				}
			})
		})
	}
}
