package hunt

// What a printed test begins with, and the kit that it brings along.
const (
	packageText = `package async_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
)

`

	kitText = `
type kitKey struct{}

// A kit follows each result to where it ends, and brings the scenario to its end.
type kit struct {
	run     *asynctest.Run
	mu      sync.Mutex
	results map[int]*[3]int // made, taken, discarded
	handles []interface{ Release() }
	calls   []*async.Call[int]
	servers []*async.Promise[int]
	closers []func()
}

func (k *kit) count(v, what int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.results == nil {
		k.results = make(map[int]*[3]int)
	}
	if k.results[v] == nil {
		k.results[v] = new([3]int)
	}
	if v != 0 {
		k.results[v][what]++
	}
}

func (k *kit) made(v int, err error) (int, error) { k.count(v, 0); return v, err }
func (k *kit) lost(v int)                         { k.count(v, 2) }
func (k *kit) take(v int, _ error)                { k.count(v, 1) }
func (k *kit) take2(_, v int, _ error)            { k.count(v, 1) }
func (k *kit) take3(v int, _ error, _ bool)       { k.count(v, 1) }
func (k *kit) takeSome(_, vs []int, _ error)      { k.takeAll(vs, nil) }
func (k *kit) takeAll(vs []int, _ error) {
	for _, v := range vs {
		k.count(v, 1)
	}
}

func (k *kit) settle(rs []async.Result[int], _ error) {
	for _, r := range rs {
		k.count(r.Value, 1)
	}
}

// complete completes a promise; with 1, by an error.
func (k *kit) complete(p *async.Promise[int], v, how int) {
	var err error
	if how == 1 {
		err = errors.New("failure")
	}
	if p.Complete(v, err) {
		k.count(v, 0)
	}
}

func (k *kit) completeOrDiscard(p *async.Promise[int], v, how int) {
	k.count(v, 0)
	var err error
	if how == 1 {
		err = errors.New("failure")
	}
	p.CompleteOrDiscard(v, err)
}

func (k *kit) deep(frames int, f func()) {
	if frames == 0 {
		f()
		return
	}
	k.deep(frames-1, f)
}

func (k *kit) try(f func()) {
	defer func() {
		if e := recover(); e != nil {
			if _, ok := e.(*async.PanicError); !ok {
				panic(e)
			}
		}
	}()
	f()
}

func (k *kit) keep(x any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch x := x.(type) {
	case *async.Promise[int]:
		k.servers = append(k.servers, x)
	case *async.Call[int]:
		k.handles, k.calls = append(k.handles, x), append(k.calls, x)
	case async.Calls[int]:
		for _, c := range x {
			k.handles = append(k.handles, c)
		}
	case *async.Signal:
		k.handles = append(k.handles, x)
	}
}

func (k *kit) timeout(ctx context.Context, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(ctx, d)
	k.atEnd(cancel)
	return ctx
}

func (k *kit) cancelable(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	k.atEnd(cancel)
	return ctx
}

func (k *kit) atEnd(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closers = append(k.closers, f)
}

func (k *kit) look(ctx context.Context) {
	if err := ctx.Err(); err != nil {
		<-ctx.Done()
	}
}

type kitContext struct {
	context.Context
	cancel func()
}

func (k *kit) newContext(kind int, parent context.Context, d time.Duration) *kitContext {
	ctx, cancel := context.WithCancel(parent)
	if kind == 1 {
		ctx, cancel = context.WithTimeout(parent, d)
	}
	k.atEnd(cancel)
	return &kitContext{ctx, cancel}
}

type kitGate struct {
	once sync.Once
	ch   chan struct{}
}

func (k *kit) newGate() *kitGate {
	g := &kitGate{ch: make(chan struct{})}
	k.atEnd(g.open)
	return g
}

func (g *kitGate) open() { g.once.Do(func() { close(g.ch) }) }

func (g *kitGate) wait(ctx context.Context, ends bool) {
	if ends {
		select {
		case <-g.ch:
		case <-ctx.Done():
		}
		return
	}
	<-g.ch
}

// A stranger is a thing to wait for; of the kind 2 it embeds an event that is set.
type kitStranger struct {
	w async.Waitable
	kitGate
}

type kitChannel struct{ ch chan struct{} }

func (c kitChannel) Done() <-chan struct{} { return c.ch }

type kitEmbedding struct {
	*async.Event
	ch chan struct{}
}

func (e kitEmbedding) Done() <-chan struct{} { return e.ch }

func (k *kit) newStranger(kind int) *kitStranger {
	s := &kitStranger{kitGate: kitGate{ch: make(chan struct{})}}
	switch kind {
	case 0:
		s.w = async.Chan(s.ch)
	case 2:
		e := new(async.Event)
		e.Set()
		s.w = kitEmbedding{e, s.ch}
	default:
		s.w = kitChannel{s.ch}
	}
	k.atEnd(s.open)
	return s
}

func kitInputs(n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range 1 + n&7 {
			if !yield(i) {
				return
			}
		}
	}
}

// some takes the results of a Map, and leaves the loop after as many as n says.
func (k *kit) some(n int, results func(yield func(int, async.Result[int]) bool)) {
	left := n >> 6 & 3
	for _, r := range results {
		k.take(r.Value, r.Err)
		if left--; left == 0 {
			return
		}
	}
}

// cancel cancels the nth call in flight of a scope.
func (k *kit) cancel(s *async.Scope, nth int) {
	for i := range s.InFlight() {
		if nth--; nth <= 0 {
			s.Cancel(i.ID, nil)
			return
		}
	}
}

func kitEach(f func(context.Context) (int, error)) func(context.Context, int) (int, error) {
	return func(ctx context.Context, _ int) (int, error) { return f(ctx) }
}

// close completes whatever is left, when nobody can go on.
func (k *kit) close() {
	for range 2 {
		time.Sleep(time.Hour)
		k.mu.Lock()
		closers, servers, calls := k.closers, k.servers, k.calls
		k.mu.Unlock()
		for _, f := range closers {
			f()
		}
		for _, c := range calls {
			if c.Info().State == 0 {
				if p, err := c.BeginPromise(context.Background()); err == nil {
					p.Break()
				}
			}
		}
		for _, p := range servers {
			k.try(p.Break)
		}
	}
}

// check releases what is left, and says whether each result was handed out or discarded.
func (k *kit) check() error {
	for _, h := range k.handles {
		k.try(h.Release)
	}
	for _, f := range k.closers {
		f()
	}
	synctest.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	for v, n := range k.results {
		if n[0] > 0 && ((n[1] > 0) == (n[2] > 0) || n[2] > 1) {
			return fmt.Errorf("result %d: taken %d times, discarded %d times", v, n[1], n[2])
		}
	}
	return nil
}
`
)
