package async_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// Whole lives, across the pieces. Each is run outside of a bubble, inside one,
// outside again and in another bubble, in one process: nothing that one leaves
// behind may be of the other's world.
var lives = map[string]func(*testing.T){
	"one call, watched in every way": func(t *testing.T) {
		p, c := async.NewPromise[int](bg, async.OnSignal(func() {}))
		var s async.Set[string]
		s.Add("call", c)
		s.Add("signal", c.Signal())
		s.Add("channel", async.Chan(c.Done()))
		var told sync.WaitGroup
		for range 3 {
			told.Add(1)
			async.AfterFunc(c, told.Done)
		}
		told.Go(func() { _, _ = async.WaitAny(bg, c, new(async.Event)) })
		told.Go(func() { _ = async.WaitAll(bg, c, c.Signal()) })
		told.Go(func() { <-c.Done() })
		told.Go(func() { _ = c.WaitFor(time.Hour) })
		told.Go(func() { _, _ = c.Await(bg) })
		p.Complete(1, nil)
		told.Wait()
		keys := map[string]bool{}
		for key := range s.All(bg) {
			keys[key] = true
		}
		wantEq(t, "keys", len(keys), 3)
		v, err := c.Finish()
		wantEq(t, "value", v, 1)
		wantEq(t, "error", err, nil)
	},
	"one object, begun again and again": func(t *testing.T) {
		var c async.Call[int]
		for i := range 100 {
			if err := c.Begin(bg, value(i, nil)); err != nil {
				t.Fatal(err)
			}
			if err := c.Wait(bg); err != nil {
				t.Fatal(err)
			}
			if v, err := c.Finish(); v != i || err != nil {
				t.Fatal(i, v, err)
			}
		}
	},
	"many calls, in each of the ways": func(t *testing.T) {
		in := make([]int, 100)
		for i := range in {
			in[i] = i
		}
		calls := async.GoEach(bg, in, func(_ context.Context, i int) (int, error) { return i * i, nil })
		defer calls.Release()
		vs, err := calls.All(bg)
		wantEq(t, "error", err, nil)
		for i, v := range vs {
			wantEq(t, "value", v, i*i)
		}
		n := 0
		for i, r := range calls.Each(bg) {
			wantEq(t, "value", r.Value, i*i)
			n++
		}
		wantEq(t, "results", n, len(in))
	},
	"a wait that times out": func(t *testing.T) {
		p, c := async.NewPromise[int](bg)
		wantIs(t, c.WaitFor(time.Millisecond), async.ErrTimeout)
		ctx, cancel := context.WithTimeout(bg, time.Millisecond)
		defer cancel()
		_, err := async.WaitAny(ctx, c, shared)
		wantIs(t, err, context.DeadlineExceeded)
		wantIs(t, shared.WaitFor(time.Millisecond), async.ErrTimeout)
		_ = c.Cancel(err)
		_, err = c.Finish()
		wantIs(t, err, async.ErrCanceled, context.DeadlineExceeded)
		if errors.Is(err, async.ErrCallPending) {
			t.Error("a canceled call says that it is pending")
		}
		p.Break()
	},
	"a hedge": func(t *testing.T) {
		var attempt atomic.Int32
		v, err := async.Hedge(bg, time.Millisecond, 3, func(ctx context.Context, _ int) (int32, error) {
			n := attempt.Add(1)
			if n < 3 {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return n, nil
		})
		wantEq(t, "value", v, int32(3))
		wantEq(t, "error", err, nil)
	},
}

// shared is waited for with a timeout by each life, in whatever world it is in.
var shared = new(async.Event)

func TestLife(t *testing.T) {
	for name, live := range lives {
		for round := range 2 {
			t.Run(fmt.Sprint(name, "/outside ", round), live)
			t.Run(fmt.Sprint(name, "/in a bubble ", round), func(t *testing.T) { synctest.Test(t, live) })
		}
	}
}

// Calls of every outcome, with waiters of every kind that give up or not, all at
// once. Every value is accounted for, every waiter returns, and nothing is left.
func TestLife_Storm(t *testing.T) {
	goroutines, bytes := runtime.NumGoroutine(), heap()
	n := rounds(100_000)
	var (
		values, taken, discarded atomic.Int64
		wg                       sync.WaitGroup
		slots                    = make(chan struct{}, 200)
		parent, end              = context.WithCancel(bg)
	)
	discard := async.Discard(func(v int, _ error) { discarded.Add(int64(v)) })
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			c := begin(parent, i, &values, discard)
			watch(&wg, c, i)
			taken.Add(int64(conclude(c, i)))
			c.Release()
		})
	}
	wg.Wait()
	end()
	eventually(t, func() bool { return values.Load() == taken.Load()+discarded.Load() })
	eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines })
	if grown := heap() - bytes; grown > 4<<20 {
		t.Errorf("%d bytes are left", grown)
	}
	t.Logf("%d values: %d taken, %d discarded", values.Load(), taken.Load(), discarded.Load())
	if taken.Load() == 0 || discarded.Load() == 0 {
		t.Error("the storm is none")
	}
}

// begin begins the i-th call. One that has a value counts it.
func begin(ctx context.Context, i int, values *atomic.Int64, opts ...async.Option) *async.Call[int] {
	if i%3 == 0 {
		opts = append(opts, async.CancelOnAbandon())
	}
	switch i % 5 {
	case 0:
		p, c := async.NewPromise[int](ctx, opts...)
		go func() {
			if p.Complete(1, nil) {
				values.Add(1)
			}
		}()
		return c
	case 1:
		p, c := async.NewPromise[int](ctx, opts...)
		go p.Break()
		return c
	case 2:
		return async.Go(ctx, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, opts...)
	case 3:
		return async.Go(ctx, func(ctx context.Context) (int, error) {
			if rand.N(2) == 0 {
				<-async.Ready(0, nil).Done()
				runtime.Gosched()
			}
			values.Add(1)
			return 1, ctx.Err()
		}, opts...)
	}
	return async.Go(ctx, func(context.Context) (int, error) { values.Add(1); return 1, errBoom }, opts...)
}

// watch waits for c in one of the ways that take nothing.
func watch(wg *sync.WaitGroup, c *async.Call[int], i int) {
	switch i % 7 {
	case 0:
		stop := async.AfterFunc(c, func() {})
		wg.Go(func() { stop() })
	case 1:
		s := c.Signal()
		wg.Go(func() { _ = s.WaitFor(time.Nanosecond); s.Release() })
	case 2:
		d := c.Clone()
		wg.Go(func() { _ = d.Wait(bg); d.Release() })
	case 3:
		d := c.Clone()
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(bg, time.Nanosecond)
			defer cancel()
			_, _ = async.WaitAny(ctx, d, shared)
			d.Release()
		})
	case 4:
		var s async.Set[int]
		s.Add(1, c)
		s.Add(2, shared)
		wg.Go(func() { _, _ = s.Next(bg); s.Release() })
	}
}

// conclude ends the part of c's owner and returns how many values it took.
func conclude(c *async.Call[int], i int) int {
	var v int
	var err error
	switch i % 4 {
	case 0:
		_ = c.Cancel(errBoom)
		return 0
	case 1:
		return 0
	case 2:
		v, err = c.Await(bg)
	case 3:
		_ = c.Wait(bg)
		v, err = c.Finish()
	}
	if err != nil && v == 0 {
		return 0
	}
	return v
}

// Random acts on an object and its clones, beside a model of what each handle
// should say. One goroutine, so every answer is determined.
func TestLife_Model(t *testing.T) {
	for seed := range uint64(rounds(3000)) {
		m := newModel(t, seed)
		for range 60 {
			m.step()
		}
		if t.Failed() {
			t.Fatalf("seed %d: %v", seed, m.log)
		}
	}
}

// A modelCall is one call: shared by the handles that were cloned from another
// while they were on it.
type modelCall struct {
	promise         *async.Promise[int]
	begun, complete bool
	canceled        bool
	value           int
}

type modelHandle struct {
	call     *async.Call[int]
	on       *modelCall
	finished bool
	released bool
}

type model struct {
	t       *testing.T
	rnd     *rand.Rand
	handles []*modelHandle
	log     []string
}

func newModel(t *testing.T, seed uint64) *model {
	return &model{t: t, rnd: rand.New(rand.NewPCG(seed, 0)),
		handles: []*modelHandle{{call: new(async.Call[int]), on: new(modelCall)}}}
}

func (m *model) want(act string, got, want any) {
	m.log = append(m.log, act)
	if got != want {
		m.t.Errorf("%s: got %v, want %v", act, got, want)
	}
}

// result is what Finish and Await say of a complete call.
func (c *modelCall) result() (int, error) {
	if c.canceled {
		return 0, async.ErrCanceled
	}
	return c.value, nil
}

func (m *model) step() {
	i := m.rnd.IntN(len(m.handles))
	h := m.handles[i]
	name := func(act string) string { return fmt.Sprint(act, i) }
	switch m.rnd.IntN(9) {
	case 0, 1:
		p, err := h.call.BeginPromise(bg)
		switch {
		case h.released:
			m.want(name("begin"), err, async.ErrReleased)
		case !h.finished && h.on.begun:
			m.want(name("begin"), err, async.ErrCallPending)
		default:
			m.want(name("begin"), err, nil)
			if h.finished {
				h.on, h.finished = new(modelCall), false
			}
			h.on.promise, h.on.begun = p, true
		}
	case 2, 3:
		if !h.on.begun {
			return
		}
		v := m.rnd.IntN(1000)
		m.want(name("complete"), h.on.promise.Complete(v, nil), !h.on.complete)
		if !h.on.complete {
			h.on.complete, h.on.value = true, v
		}
	case 4:
		m.want(name("cancel"), h.call.Cancel(errBoom), m.cancelSays(h))
		if !h.released && !h.finished && h.on.begun && !h.on.complete {
			h.on.complete, h.on.canceled = true, true
		}
	case 5:
		v, err := h.call.Finish()
		wantV, wantErr := m.finishSays(h)
		m.want(name("finish"), [2]any{v, unwrap(err)}, [2]any{wantV, wantErr})
		if !h.released && !h.finished && h.on.complete {
			h.finished = true
		}
	case 6:
		m.want(name("done"), h.call.IsDone(), h.on.complete)
		m.want(name("channel"), isClosed(h.call.Done()), h.on.complete)
	case 7:
		if !h.released && len(m.handles) < 5 {
			m.handles = append(m.handles, &modelHandle{call: h.call.Clone(), on: h.on, finished: h.finished})
			m.log = append(m.log, name("clone"))
		}
	case 8:
		if i > 0 {
			h.call.Release()
			h.released = true
			m.log = append(m.log, name("release"))
		}
	}
}

// unwrap makes errors comparable.
func unwrap(err error) error {
	if errors.Is(err, async.ErrCanceled) {
		return async.ErrCanceled
	}
	return err
}

func (m *model) cancelSays(h *modelHandle) error {
	switch {
	case h.released:
		return async.ErrReleased
	case h.finished || !h.on.begun:
		return async.ErrCallComplete
	case h.on.canceled:
		return async.ErrCanceled
	case h.on.complete:
		return async.ErrCallComplete
	}
	return nil
}

func (m *model) finishSays(h *modelHandle) (int, error) {
	switch {
	case h.released:
		return 0, async.ErrReleased
	case h.finished || !h.on.begun:
		return 0, async.ErrCallComplete
	case !h.on.complete:
		return 0, async.ErrCallPending
	}
	return h.on.result()
}
