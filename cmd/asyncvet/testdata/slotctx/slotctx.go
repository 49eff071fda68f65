// Package slotctx has functions that run in scopes.
package slotctx

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
	"golang.org/x/sync/errgroup"
	"testing"
	"vettest/helper"
)

func work(context.Context) (int, error) { return 1, nil }

func contexts(ctx context.Context, scope *async.Scope, other *async.Call[int], r *http.Request, e *async.Event) {
	async.Go(ctx, func(ctx context.Context) (int, error) { return other.Await(ctx) }, scope)
	async.Go(ctx, func(context.Context) (int, error) { return other.Await(ctx) }, scope)                  // want `other.Await waits by ctx, which is not the function's own context: the slot of the scope stays taken`
	async.Go(ctx, func(context.Context) (int, error) { return other.Await(context.Background()) }, scope) // want `other.Await waits by context.Background\(\), which is not`
	async.Go(ctx, func(own context.Context) (int, error) { return other.Await(ctx) }, scope)              // want `other.Await waits by ctx`
	async.Go(ctx, func(own context.Context) (int, error) { return 0, e.Wait(r.Context()) }, scope)        // want `e.Wait waits by r.Context\(\)`
	async.Go(ctx, func(context.Context) (int, error) { return other.Await(ctx) })                         // no scope
	async.Go(ctx, func(own context.Context) (int, error) {
		timed, cancel := context.WithTimeout(own, time.Second)
		defer cancel()
		return other.Await(timed)
	}, scope)
	async.Go(ctx, func(own context.Context) (int, error) {
		timed, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return other.Await(timed) // want `other.Await waits by timed`
	}, scope)
	async.Go(ctx, func(own context.Context) (int, error) {
		g, own := errgroup.WithContext(own)
		g.Go(func() error { return other.Wait(ctx) }) // on a goroutine of its own
		_ = other.Wait(own)
		return 0, g.Wait()
	}, scope)
	async.Go(ctx, func(own context.Context) (int, error) {
		calls := async.GoAll(own, []func(context.Context) (int, error){work, work})
		defer calls.Release()
		for range calls.Each(ctx) { // want `calls.Each waits by ctx`
		}
		_, err := calls.All(ctx)                   // want `calls.All waits by ctx`
		_, _ = async.WaitAny(ctx, calls[0], other) // want `async.WaitAny waits by ctx`
		func() { _ = other.Wait(ctx) }()           // want `other.Wait waits by ctx`
		go func() { _ = other.Wait(ctx) }()
		return 0, err
	}, scope)
}

type server struct {
	ctx   context.Context
	scope *async.Scope
	other *async.Call[int]
}

func newServer() *server {
	return &server{scope: async.NewScope(async.ScopeOptions{Limit: 4})}
}

func (s *server) begin(ctx context.Context) {
	async.Go(ctx, s.waits, s.scope)
	async.Go(ctx, s.waitsRight, s.scope)
	async.Go(ctx, helper.Work, s.scope) // want `helper.Work waits in Call.Await by a context of its own`
}

func (s *server) waits(ctx context.Context) (int, error) {
	return s.other.Await(s.ctx) // want `s.other.Await waits by s.ctx`
}

func (s *server) waitsRight(ctx context.Context) (int, error) { return s.other.Await(ctx) }

func helpers(ctx context.Context, scope *async.Scope, other *async.Call[string]) {
	async.Go(ctx, func(context.Context) (string, error) {
		return helper.Background(other) // want `helper.Background waits in Call.Await by a context of its own`
	}, scope)
	async.Go(ctx, func(ctx context.Context) (string, error) { return helper.Take(ctx, other) }, scope)
}

func take(ctx context.Context, call *async.Call[int]) (int, error) { return call.Await(ctx) }

func takeInTime(ctx context.Context, call *async.Call[int]) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return take(ctx, call)
}

func byParameter(ctx context.Context, scope *async.Scope, other *async.Call[int], text *async.Call[string]) {
	async.Go(ctx, func(own context.Context) (int, error) {
		_, _ = take(own, other)
		_, _ = helper.Take(ctx, text) // want `helper.Take waits in Call.Await by ctx, which is not the function's own context`
		return take(ctx, other)       // want `take waits in Call.Await by ctx, which is not the function's own context`
	}, scope)
	async.Go(ctx, func(own context.Context) (int, error) { return takeInTime(own, other) }, scope)
}

func madeFromAnother(ctx context.Context, scope *async.Scope, other *async.Call[int]) {
	async.Go(ctx, func(own context.Context) (int, error) {
		timed, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if err := other.Wait(timed); err != nil { // want `other.Wait waits by timed, which is not`
			return 0, err
		}
		return take(context.WithoutCancel(ctx), other) // want `take waits in Call.Await by context.WithoutCancel\(ctx\)`
	}, scope)
	async.Go(ctx, func(ctx context.Context) (int, error) {
		ctx, cancel := context.WithCancel(context.WithValue(ctx, key{}, 1))
		defer cancel()
		wait := context.WithoutCancel(ctx)
		if other.IsDone() {
			wait = ctx
		}
		_ = other.Wait(wait)
		return other.Await(ctx)
	}, scope)
	async.Go(ctx, func(own context.Context) (int, error) {
		return other.Await(context.WithValue(ctx, key{}, 1)) // want `waits by context.WithValue\(ctx, key{}, 1\)`
	}, scope)
}

type key struct{}

// A session's context is made from itself.
type session struct {
	ctx    context.Context
	cancel func()
	a, b   context.Context
}

func (s *session) restart(ctx context.Context, scope *async.Scope, other *async.Call[int]) {
	s.ctx, s.cancel = context.WithCancel(s.ctx)
	async.Go(ctx, func(own context.Context) (int, error) { return other.Await(s.ctx) }, scope) // want `waits by s.ctx`
	_ = helperOf(s, other)
}

func (s *session) exchange(scope *async.Scope, other *async.Call[int]) {
	s.a = context.WithValue(s.b, key{}, 1)
	s.b = context.WithValue(s.a, key{}, 1)
	async.Go(s.a, func(own context.Context) (int, error) { return other.Await(s.a) }, scope) // want `waits by s.a`
}

func helperOf(s *session, other *async.Call[int]) error { return other.Wait(s.ctx) }

// --- the limit

func limited(ctx context.Context, other *async.Call[int], e *async.Event, wg *sync.WaitGroup) {
	scope := async.NewScope(async.ScopeOptions{Name: "a", Limit: 2})
	results := make(chan int)
	async.Go(ctx, func(ctx context.Context) (int, error) {
		<-other.Done()                 // want `unlike other.Wait, a receive from other.Done\(\) is no wait that the scope knows: the slot of the scope stays taken`
		time.Sleep(time.Second)        // want `unlike async.Sleep, time.Sleep is no wait that the scope knows`
		_ = e.WaitFor(time.Second)     // want `e.WaitFor has no context`
		_ = other.WaitFor(time.Second) // is complete
		_ = other.WaitFor(0)
		wg.Wait()    // want `wg.Wait is no wait that the scope knows`
		results <- 1 // want `a send to results, which has no buffer, is no wait that the scope knows`
		var own sync.WaitGroup
		own.Go(func() {})
		own.Wait() // its own work
		select {
		case results <- 1:
		case <-ctx.Done():
		}
		return 1, nil
	}, scope)
	<-results
}

func unlimited(ctx context.Context, other *async.Call[int]) {
	scope := async.NewScope(async.ScopeOptions{Name: "a"})
	async.Go(ctx, func(context.Context) (int, error) {
		time.Sleep(time.Second)
		<-other.Done()
		return other.Await(ctx)
	}, scope)
}

func limits(ctx context.Context, n int, e *async.Event) {
	none := 0
	free := async.NewScope(async.ScopeOptions{Limit: none})
	async.Go(ctx, func(context.Context) (int, error) { return 1, e.WaitFor(time.Second) }, free)
	async.Go(ctx, func(own context.Context) (int, error) { return 1, e.Wait(ctx) }, free)
	if n > 3 {
		several := 0
		if n < 10 {
			several = n
		}
		perhaps := async.NewScope(async.ScopeOptions{Limit: several})
		async.Go(ctx, func(context.Context) (int, error) { return 1, e.WaitFor(time.Second) }, perhaps)
		async.Go(ctx, func(own context.Context) (int, error) { return 1, e.Wait(ctx) }, perhaps) // want `e.Wait waits by ctx`
	}
	given := async.NewScope(async.ScopeOptions{Limit: n})
	async.Go(ctx, func(context.Context) (int, error) { return 1, e.WaitFor(time.Second) }, given) // want `e.WaitFor has no context`
	options := async.ScopeOptions{Name: "a"}
	if n > 0 {
		options.Limit = n
	}
	later := async.NewScope(options)
	async.Go(ctx, func(own context.Context) (int, error) { return 1, e.Wait(ctx) }, later) // want `e.Wait waits by ctx`
	four := 4
	tight := async.NewScope(async.ScopeOptions{Limit: four})
	async.Go(ctx, func(context.Context) (int, error) { return 1, e.WaitFor(time.Second) }, tight) // want `e.WaitFor has no context`
	each := async.NewScope(async.ScopeOptions{Limit: 2 * runtime.NumCPU()})
	async.Go(ctx, func(context.Context) (int, error) { return 1, e.WaitFor(time.Second) }, each) // want `e.WaitFor has no context`
}

func unknown(ctx context.Context, scope *async.Scope, other *async.Call[int]) {
	async.Go(ctx, func(context.Context) (int, error) {
		time.Sleep(time.Second)
		<-other.Done() // want `unlike other.Wait, a receive from other.Done\(\)`
		return 1, nil
	}, scope)
}

func inATest(t *testing.T, other *async.Call[int]) {
	scope := asynctest.NewScope(t)
	async.Go(t.Context(), func(context.Context) (int, error) { return other.Await(t.Context()) }, scope)
	tight := asynctest.NewScope(t, async.ScopeOptions{Limit: 1})
	async.Go(t.Context(), func(context.Context) (int, error) { return other.Await(t.Context()) }, tight) // want `other.Await waits by t.Context\(\)`
}

// --- selects

func selects(ctx context.Context, scope *async.Scope, other *async.Call[int], stop *async.Event, quit chan struct{}, jobs chan int) {
	async.Go(ctx, func(ctx context.Context) (int, error) {
		select {
		case <-other.Done(): // want `unlike other.Wait, a select with <-other.Done\(\) is no wait that the scope knows: the slot of the scope stays taken`
		case <-ctx.Done():
		}
		select {
		case <-time.After(time.Second):
		case <-stop.Done(): // want `unlike stop.Wait, a select with <-stop.Done\(\)`
		}
		timer := time.NewTimer(time.Second)
		done := other.Done()
		select {
		case <-timer.C:
		case <-done: // want `unlike other.Wait, a select with <-done`
		}
		select {
		case <-other.Done(): // want `unlike async.WaitAny, a select with <-other.Done\(\)`
		case <-stop.Done():
		case <-quit:
		case <-ctx.Done():
		}
		select {
		case <-other.Done(): // want `unlike other.Wait, a select with`
		}
		return other.Finish()
	}, scope)
	async.Go(ctx, func(ctx context.Context) (int, error) {
		select {
		case <-other.Done():
		default: // does not wait
		}
		select {
		case <-other.Done():
		case n := <-jobs: // no wait takes a value
			return n, nil
		}
		select {
		case <-other.Done():
		case jobs <- 1:
		}
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-other.Done():
				return other.Finish()
			case <-tick.C:
			}
		}
	}, scope)
	async.Go(ctx, func(ctx context.Context) (int, error) {
		select {
		case <-quit: // nothing of the library
		case <-ctx.Done():
		}
		go func() {
			select {
			case <-other.Done():
			case <-ctx.Done():
			}
		}()
		return 1, nil
	}, scope)
	async.Go(ctx, func(ctx context.Context) (int, error) {
		select {
		case <-other.Done():
		case <-ctx.Done():
		}
		return 1, nil
	})
	free := async.NewScope(async.ScopeOptions{})
	async.Go(ctx, func(ctx context.Context) (int, error) {
		select {
		case <-other.Done():
		case <-ctx.Done():
		}
		return 1, nil
	}, free)
}

// --- other ways to begin

type loader struct{ runs async.Group[string, int] }

func newLoader(scope *async.Scope) *loader {
	l := new(loader)
	l.runs.Options = []async.Option{scope}
	return l
}

func (l *loader) load(ctx context.Context, other *async.Call[int]) {
	_, _, _ = l.runs.Do(ctx, "a", func(context.Context) (int, error) { return other.Await(ctx) }) // want `other.Await waits by ctx`
	_, _, _ = l.runs.Do(ctx, "a", func(ctx context.Context) (int, error) { return other.Await(ctx) })
}

func each(ctx context.Context, scope *async.Scope, others []*async.Call[int]) {
	async.GoEach(ctx, others, func(own context.Context, other *async.Call[int]) (int, error) {
		return other.Await(ctx) // want `other.Await waits by ctx`
	}, scope)
	var call async.Call[int]
	_ = call.Begin(ctx, func(own context.Context) (int, error) { return others[0].Await(ctx) }, scope) // want `others\[0\].Await waits by ctx`
}

func several(ctx context.Context, scope *async.Scope, other *async.Call[int]) {
	async.GoAll(ctx, []func(context.Context) (int, error){
		func(ctx context.Context) (int, error) { return other.Await(ctx) },
		func(context.Context) (int, error) { return other.Await(ctx) }, // want `other.Await waits by ctx`
		helper.Work, // want `helper.Work waits in Call.Await by a context of its own`
	}, scope)
	functions := []func(context.Context) (int, error){1: func(context.Context) (int, error) {
		return other.Await(ctx) // want `other.Await waits by ctx`
	}}
	async.GoAll(ctx, functions, scope)
	async.GoAll(ctx, functions[:1])
}

func generic[T any](ctx context.Context, scope *async.Scope, other *async.Call[T]) {
	async.Go(ctx, func(context.Context) (T, error) { return other.Await(ctx) }, scope) // want `other.Await waits by ctx`
}

// --- what is over by then, perhaps

func perhapsOver(ctx context.Context, scope *async.Scope, other, another *async.Call[int], late bool) {
	async.Go(ctx, func(own context.Context) (int, error) {
		if late {
			other.Cancel(nil)
		}
		return other.Await(ctx) // want `other.Await waits by ctx`
	}, scope)
	async.Go(ctx, func(own context.Context) (int, error) {
		if err := other.Wait(own); err != nil {
			return other.Await(context.Background()) // want `other.Await waits by context.Background`
		}
		return another.Await(context.Background()) // want `another.Await waits by context.Background`
	}, scope)
	async.Go(ctx, func(own context.Context) (int, error) {
		if other.IsDone() {
			other = async.Go(own, work, scope)
		}
		<-other.Done() // want `unlike other.Wait, a receive`
		return other.Finish()
	}, scope)
	async.Go(ctx, func(own context.Context) (int, error) {
		if !other.IsDone() {
			return other.Await(ctx) // want `other.Await waits by ctx`
		}
		defer other.Cancel(nil)
		return another.Await(ctx) // want `another.Await waits by ctx`
	}, scope)
	async.Go(ctx, func(own context.Context) (int, error) {
		_ = other.Wait(own)                      // may end first
		return other.Await(context.Background()) // want `other.Await waits by context.Background`
	}, scope)
	async.Go(ctx, func(own context.Context) (int, error) {
		other.Cancel(nil)
		if late {
			other := async.Go(own, work, scope)
			defer other.Release()
			return other.Await(ctx) // want `other.Await waits by ctx`
		}
		return other.Await(ctx)
	}, scope)
}
