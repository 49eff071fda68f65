// Package onsignal has functions for OnSignal: some that may block.
package onsignal

import (
	"context"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
	"golang.org/x/sync/errgroup"
	"vettest/helper"
	"vettest/kit"
)

func work(context.Context) (int, error) { return 1, nil }

type server struct {
	mu     sync.Mutex
	rw     sync.RWMutex
	woken  chan struct{}
	ready  chan struct{}
	tokens chan struct{}
	over   async.Event
	calls  int
	call   *async.Call[int]
}

func newServer() *server {
	return &server{woken: make(chan struct{}), ready: make(chan struct{}, 1), tokens: make(chan struct{}, 8)}
}

func (s *server) waits(ctx context.Context, other *async.Call[int], set *async.Set[int], wg *sync.WaitGroup) {
	async.Go(ctx, work, async.OnSignal(func() {
		_, _ = other.Await(ctx)          // want `Call.Await may block the completer: an OnSignal function runs on the completer's stack`
		_ = s.over.Wait(ctx)             // want `Event.Wait may block`
		_ = other.WaitFor(time.Second)   // want `Call.WaitFor may block`
		_ = other.WaitFor(0)             // polls
		_, _ = async.WaitAny(ctx, other) // want `WaitAny may block`
		_, _ = set.Next(ctx)             // want `Set.Next may block`
		for range set.All(ctx) {         // want `Set.All may block`
		}
		<-other.Done()            // want `a receive from other.Done\(\) may block`
		<-ctx.Done()              // want `a receive from ctx.Done\(\) may block`
		time.Sleep(time.Second)   // want `time.Sleep may block`
		wg.Wait()                 // want `wg.Wait may block`
		helper.Pause()            // want `Pause \(by time.Sleep\) may block the completer`
		s.pause()                 // want `pause \(by time.Sleep\) may block the completer`
		go func() { wg.Wait() }() // on a goroutine of its own
		go helper.Pause()         // on a goroutine of its own
		f := func() { wg.Wait() } // called by somebody, perhaps
		context.AfterFunc(ctx, f)
		s.over.Set()
	}))
}

func (s *server) pause() { time.Sleep(time.Second) }

func (s *server) channels(ctx context.Context, anyone chan struct{}) {
	async.Go(ctx, work, async.OnSignal(func() {
		s.woken <- struct{}{} // want `a send to s.woken may block`
		s.ready <- struct{}{} // has a buffer
		anyone <- struct{}{}  // who knows
		<-s.tokens            // gives a token back
		select {
		case s.woken <- struct{}{}:
		default:
		}
	}))
	local := make(chan int)
	async.Go(ctx, work, async.OnSignal(func() { local <- 1 })) // want `a send to local may block`
	<-local
}

func (s *server) locked(ctx context.Context) {
	s.mu.Lock()
	async.Go(ctx, work, async.OnSignal(func() {
		s.mu.Lock() // want `s.mu is held where the call is begun, and to lock it here may block the completer: an OnSignal function`
		defer s.mu.Unlock()
		s.calls++
	}))
	s.mu.Unlock()
}

func (s *server) lockedByDefer(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	async.Go(ctx, work, async.OnSignal(s.count))              // want `s.count locks s.mu, which is held where the call is begun, and may block the completer: an OnSignal function`
	async.Go(ctx, work, async.OnSignal(func() { s.count() })) // want `s.count locks s.mu`
}

func (s *server) readLocked(ctx context.Context) {
	s.rw.RLock()
	async.Go(ctx, work, async.OnSignal(func() {
		s.rw.Lock() // want `s.rw is held where the call is begun`
		defer s.rw.Unlock()
		s.calls++
	}))
	async.Go(ctx, work, async.OnSignal(func() {
		s.rw.RLock() // others may read, too
		defer s.rw.RUnlock()
	}))
	s.rw.RUnlock()
	s.rw.Lock()
	defer s.rw.Unlock()
	async.Go(ctx, work, async.OnSignal(func() {
		s.rw.RLock() // want `s.rw is held where the call is begun`
		defer s.rw.RUnlock()
	}))
}

func (own *server) count() {
	own.mu.Lock()
	defer own.mu.Unlock()
	own.calls++
}

func (s *server) unlocked(ctx context.Context) {
	s.mu.Lock()
	s.calls++
	s.mu.Unlock()
	async.Go(ctx, work, async.OnSignal(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.calls++
	}))
}

func (s *server) reads(ctx context.Context) {
	var call async.Call[int]
	defer call.Release()
	_ = call.Begin(ctx, work, async.OnSignal(func() {
		n, _ := call.Await(ctx) // is complete
		s.calls += n
		<-call.Done() // is complete
	}))
	s.call = async.Go(ctx, work, async.OnSignal(func() {
		_ = s.call.Wait(ctx)
		_ = async.WaitAll(ctx, s.call, s.call.Signal())
	}))
}

func elsewhere(ctx context.Context, q *kit.Queue, g *errgroup.Group) {
	async.Go(ctx, work, async.OnSignal(func() {
		kit.Pause()       // want `Pause \(by time.Sleep\) may block the completer`
		_ = q.Close()     // want `Close \(by pause \(by q.wg.Wait\)\) may block the completer`
		_ = g.Wait()      // want `Wait \(by g.wg.Wait\) may block the completer`
		q.Log("complete") // does not block as a rule
	}))
	async.Go(ctx, work, async.OnSignal(kit.Pause)) // want `kit.Pause may block the completer in time.Sleep`
}

func named(ctx context.Context, wg *sync.WaitGroup) {
	async.Go(ctx, work, async.OnSignal(helper.Pause)) // want `helper.Pause may block the completer in time.Sleep: an OnSignal function`
	async.Go(ctx, work, async.OnSignal(pause))
	wake := func() { wg.Wait() } // want `wg.Wait may block`
	async.Go(ctx, work, async.OnSignal(wake))
	async.Go(ctx, work, async.OnSignal(wg.Done))
}

func pause() {
	time.Sleep(time.Second) // want `time.Sleep may block`
}
