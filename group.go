package async

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// ErrCycle says that a shared run, of a [Group] or a [Lazy], asked for its own
// result: directly, or by way of what it began with its context. The error that
// names the run is this one by errors.Is.
var ErrCycle = errors.New("async: a shared run asks for its own result")

// A Group has those who ask for the same key at the same time share one run of a
// function (H1). The zero value is an empty group, ready for use. It must not be
// copied. Its methods may be called by any number of goroutines at the same time.
//
// The first to ask for a key begins its run, in a goroutine of its own; whoever
// asks until that is over joins it. Nothing is kept beyond: the next begins
// another. See [Lazy] for one result that stays.
//
// The run belongs to all of them and to none. Its context has the values of the
// first caller's, and neither his deadline nor his cancellation: where his
// context ends, he leaves alone. When the last one leaves, the run is canceled with
// [ErrAbandoned]. Whoever asks from that instant on gets a fresh run, even while
// the old function is slow to notice: never the old cancellation.
//
// A panic of the function is raised in everyone who shares the run, as a
// [*PanicError]; where it calls [runtime.Goexit], they all get [ErrGoexit]. A panic
// in a run that everyone has left ends the program, as in a plain goroutine.
//
// A run that asks its group for its own key, by its context or one made from it,
// directly or by way of runs and calls that were begun with these, gets an error
// that names the key and is [ErrCycle], not a deadlock. A cycle that is closed
// through a run which a stranger began cannot be seen: if one run of a asks for b
// while another of b asks for a, they wait for each other until the contexts of
// their waits end.
type Group[K comparable, T any] struct {
	// Options are those of every run, to be set before the group is used: a *Scope
	// to run in, a Name, a Discard for results that nobody took. A run is
	// abandoned with the last who leaves, as with [CancelOnAbandon]. With [Streaming]
	// its context lives until the contexts of all who got its result by Do have
	// ended, and all handles of Join are released.
	Options []Option

	lazy *Lazy[T] // whose group this is, or nil

	mu   sched.Mutex
	opts *options         // what Options amount to, once one has asked
	runs map[K]*run[K, T] // those that can be joined
	peak int              // how many there have been at once in this map
}

// Do returns the result of the run of key, which it begins with fn where there is
// none, and whether more than one got that result: shared is exact, and the same
// for all. When ctx ends before the run does, Do leaves it and returns a
// [*WaitError], which names the key and leaves nothing behind; the others are not
// touched. Where ctx is done already it neither begins a run nor joins one. Where
// the run's function has returned, its result is returned, even if ctx is done by
// then (R6).
//
// Where the run cannot be begun the error says why: [ErrScopeClosed] or
// [ErrQueueFull] from the Scope in Options. A function of a scope hands its slot
// back for the time of the wait (C2). Do panics where ctx or fn is nil, or where the
// Discard in Options is of another type, and with the function's [*PanicError].
func (g *Group[K, T]) Do(ctx context.Context, key K, fn func(context.Context) (T, error)) (v T, err error, shared bool) {
	checkBegin(ctx, fn == nil)
	r, err := g.await(ctx, key, fn)
	if err != nil {
		return v, err, false
	}
	shared = r.wasShared()
	r.take(ctx)
	v, err = r.p.outcome()
	return v, err, shared
}

// Forget has the next who asks for key begin a new run, whether or not there is
// one now. Those who share that one stay with it, and get its result.
func (g *Group[K, T]) Forget(key K) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := g.runs[key]; r != nil {
		r.unlistLocked()
	}
}

// await has the caller share the run of key until that is complete, and returns
// it. The caller then takes the result. For a lazy value that is there meanwhile
// it returns nil.
func (g *Group[K, T]) await(ctx context.Context, key K, fn func(context.Context) (T, error)) (*run[K, T], error) {
	if ctx.Err() != nil {
		return nil, contextWaitError(ctx, unbegun[K, T]{g, key})
	}
	u := untilDone(ctx)
	r, begun, err := g.enter(ctx, key, fn, latch.OneWait)
	if r == nil {
		return nil, err
	}
	if begun {
		u.GiveWay()
	}
	if !r.wait(u) {
		return nil, contextWaitError(ctx, r)
	}
	return r, nil
}

// enter counts the caller in to the run of key, which it begins where there is
// none, and reports that. He then has a reference on it, that of a wait or of a
// handle.
func (g *Group[K, T]) enter(ctx context.Context, key K, fn func(context.Context) (T, error), one uint64) (r *run[K, T], begun bool, err error) {
	own := g.within(ctx, key)
	r, begun, err = g.enterLocked(ctx, key, fn, own, one)
	switch {
	case err == ErrCycle:
		return nil, false, own.cycle()
	case err != nil:
		r.p.core.fail(err)
	case begun:
		r.p.proceed(false)
	}
	return r, begun, nil
}

// enterLocked is the part of enter under the lock. A run that could not be started
// comes with the reason; nobody else knows it.
func (g *Group[K, T]) enterLocked(ctx context.Context, key K, fn func(context.Context) (T, error), own *run[K, T], one uint64) (r *run[K, T], begun bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lazy != nil {
		if fn = g.lazy.fn; fn == nil {
			return nil, false, nil
		}
	}
	if own != nil && !own.over {
		return nil, false, ErrCycle
	}
	if r = g.runs[key]; r != nil {
		if r.joinLocked(one) {
			return r, false, nil
		}
		r.unlistLocked()
	}
	r = g.newRunLocked(ctx, key, fn)
	r.joinLocked(one)
	if err := r.start(); err != nil {
		return r, false, err
	}
	r.listLocked()
	return r, true, nil
}

// within returns the nearest run of key in whose function ctx is used, or in that
// of something begun with its context.
func (g *Group[K, T]) within(ctx context.Context, key K) *run[K, T] {
	for c := coreOf(ctx); c != nil; c = coreOf(c.ctx) {
		if x, ok := c.ctx.(*runContext[K, T]); ok && x.group == g && x.key == key {
			return (*run[K, T])(x)
		}
	}
	return nil
}

// optionsLocked returns what Options amount to.
func (g *Group[K, T]) optionsLocked() *options {
	if g.opts == nil {
		g.opts = gather[T](append(slices.Clip(g.Options), CancelOnAbandon()))
	}
	return g.opts
}

// shrinkLocked drops a map that has become much larger than what is in it: a map
// keeps its memory.
func (g *Group[K, T]) shrinkLocked() {
	const small = 64
	if g.peak > small && len(g.runs) < g.peak/8 {
		runs := make(map[K]*run[K, T], len(g.runs))
		maps.Copy(runs, g.runs)
		g.runs, g.peak = runs, len(runs)
	}
}
