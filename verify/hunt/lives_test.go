package hunt_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// What is over leaves nothing in what lives on (S5): each operation is done many times on
// objects that stay, and the number of objects in memory is the same afterwards. Nothing
// is waited for but what the operation itself does.
func TestHuntLives(t *testing.T) {
	for name, program := range livingPrograms() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLiving(t)
				defer l.end()
				for range 100 {
					program(l)
				}
				before := objects()
				for range many {
					program(l)
				}
				if n := objects() - before; n > many/4 {
					t.Errorf("%d objects are left of %d operations", n, many)
				}
			})
		})
	}
}

const many = 4000

// objects counts what is in memory.
func objects() int {
	synctest.Wait()
	var m runtime.MemStats
	for range 2 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int(m.HeapObjects)
}

// A living is a set of objects that outlive what is done with them.
type living struct {
	ctx   context.Context
	end   func()
	event *async.Event
	p     *async.Promise[int]
	c     *async.Call[int]
	sig   *async.Signal
	scope *async.Scope
	group async.Group[int, int]
	set   async.Set[int]
	ended context.Context // another, which has ended

	random *rand.Rand
}

func newLiving(t *testing.T) *living {
	t.Helper()
	l := &living{event: new(async.Event), random: rand.New(rand.NewPCG(1, 1)), scope: async.NewScope(async.ScopeOptions{Limit: 2, Track: true})}
	ctx, cancel := context.WithCancel(t.Context())
	ended, end := context.WithCancel(t.Context())
	end()
	l.ctx, l.ended = ctx, ended
	l.p, l.c = async.NewPromise[int](ctx)
	l.sig = l.c.Signal()
	l.end = func() {
		l.p.Complete(1, nil)
		l.set.Release()
		l.sig.Release()
		l.c.Release()
		cancel()
	}
	return l
}

// livingPrograms are the operations, each of which ends without the objects that live on.
func livingPrograms() map[string]func(l *living) {
	one := func(context.Context) (int, error) { return 1, nil }
	soon := func(l *living) (context.Context, context.CancelFunc) {
		return context.WithTimeout(l.ctx, time.Millisecond)
	}
	return map[string]func(l *living){
		"a wait for a call that gives up":   func(l *living) { _ = l.c.WaitFor(time.Millisecond) },
		"a wait for an event that gives up": func(l *living) { _ = l.event.WaitFor(time.Millisecond) },
		"a wait for a signal that gives up": func(l *living) { _ = l.sig.WaitFor(time.Millisecond) },
		"a wait of a context that ends": func(l *living) {
			ctx, cancel := soon(l)
			defer cancel()
			_, _ = l.c.Await(ctx)
			_ = l.event.Wait(ctx)
		},
		"waits for many that give up": func(l *living) {
			ctx, cancel := soon(l)
			defer cancel()
			_, _ = async.WaitAny(ctx, l.c, l.event, l.sig)
			_ = async.WaitAll(l.ended, l.event, l.c)
		},
		"several that wait, and give up in any order": func(l *living) {
			var all sync.WaitGroup
			for _, d := range l.random.Perm(4) {
				all.Go(func() { _ = l.event.WaitFor(time.Duration(d+1) * time.Millisecond) })
				synctest.Wait() // so that they begin in this order
			}
			all.Wait()
		},
		"a function that is not called": func(l *living) {
			async.AfterFunc(l.c, func() {})()
			async.AfterFunc(l.event, func() {})()
		},
		"handles": func(l *living) {
			l.c.Clone().Release()
			l.sig.Clone().Release()
			l.event.Signal().Release()
		},
		"a set": func(l *living) {
			var set async.Set[int]
			set.Add(1, l.event)
			set.Add(2, l.c)
			set.Add(3, l.ctx)
			set.Release()
		},
		"a member of a set that stays": func(l *living) {
			e := new(async.Event)
			l.set.Add(1, e)
			e.Set()
			_, _ = l.set.Next(l.ctx)
		},
		"a call": func(l *living) { _, _ = async.Go(l.ctx, one).Await(l.ctx) },
		"a call whose context is looked at": func(l *living) {
			p, c := async.NewPromise[int](l.ctx)
			ctx, cancel := context.WithTimeout(p.Context(), time.Hour)
			defer cancel()
			p.Complete(1, nil)
			<-ctx.Done()
			_, _ = c.Finish()
		},
		"a call that is canceled": func(l *living) {
			_, c := async.NewPromise[int](l.ctx)
			_ = c.Cancel(nil)
			c.Release()
		},
		"a call in another": func(l *living) {
			p, c := async.NewPromise[int](l.p.Context())
			p.Complete(1, nil)
			c.Release()
		},
		"calls in a scope, of which one is queued and canceled": func(l *living) {
			ctx, cancel := context.WithCancel(l.ctx)
			gate := make(chan struct{})
			cs := async.GoEach(ctx, make([]int, 3), func(context.Context, int) (int, error) { <-gate; return 1, nil }, l.scope)
			cancel()
			close(gate)
			_, _ = cs.Settle(l.ctx)
			cs.Release()
		},
		"a shared run": func(l *living) {
			_, _, _ = l.group.Do(l.ctx, 1, one)
			c := l.group.Join(l.ctx, 2, one)
			_, _ = c.Finish()
			c.Release()
		},
		"a shared run that is left": func(l *living) {
			ctx, cancel := soon(l)
			defer cancel()
			_, _, _ = l.group.Do(ctx, 3, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
		},
		"a hedged call": func(l *living) {
			_, _ = async.Hedge(l.ctx, time.Millisecond, 2, func(ctx context.Context, _ int) (int, error) { return one(ctx) })
		},
	}
}
