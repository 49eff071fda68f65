package async

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// A run is one run of a function in a [Group]: a call, and who shares it.
//
// Invariants, under the group's mu. Lock order: the mu of a group before that of a
// scope. No latch is locked under it, nothing completes there, and no user code
// runs.
//
//	G1  A run is listed from when it is started until it is over, forgotten, or
//	    seen to be canceled. Only one that is listed can be joined.
//	G2  Whoever is counted in sharers has a reference on the call (K3). He is
//	    counted out before he gives it up, and only while the run is not over.
//	G3  A run is over when its function has returned, or when sharers has become
//	    zero; in the same critical section it is unlisted. So it is doomed only
//	    where nobody can join it, and canceled after that, by the last reference.
//	G4  shared is written when the run gets over, which is before the call
//	    completes with a result. As nobody is counted in or out after that, it
//	    says exactly whether that goes to more than one. Who wants to leave
//	    an instant too late waits that instant and has the result; only a handle
//	    of Join that is canceled or released in it counts and has none.
//	G5  That of a [Lazy] stays listed when its function has returned, until its
//	    result is kept, so that no other run can begin between the two. Who joins
//	    it then is not counted.
type run[K comparable, T any] struct {
	p     Promise[T]
	ctx   context.Context // that of whoever began it, without its end
	group *Group[K, T]
	key   K
	fn    func(context.Context) (T, error)

	sharers int
	listed  bool
	over    bool
	shared  bool // G4; read without mu after completion
}

// A placedRun is a run with its place in a scope.
type placedRun[K comparable, T any] struct {
	run[K, T]
	t task
}

// newRunLocked returns a run that nobody shares yet.
func (g *Group[K, T]) newRunLocked(ctx context.Context, key K, fn func(context.Context) (T, error)) *run[K, T] {
	var r *run[K, T]
	if o := g.optionsLocked(); o.scope != nil {
		a := new(placedRun[K, T])
		a.t.init(o, &a.p.core)
		r = &a.run
		r.p.core.task = &a.t
	} else {
		r = new(run[K, T])
		r.p.core.task = o.plain()
	}
	if ctx != context.Background() {
		ctx = context.WithoutCancel(ctx)
	}
	r.ctx, r.group, r.key, r.fn = ctx, g, key, fn
	r.p.core.ctx = (*runContext[K, T])(r)
	r.p.core.Word.Store(bitBegun)
	return r
}

// start starts the run, or says why it cannot be.
func (r *run[K, T]) start() error {
	t := r.p.core.task
	if t.scope == nil && t.group == nil {
		go r.live()
		return nil
	}
	err := r.p.start(r.call)
	if err != nil {
		t.refuse()
	}
	return err
}

// live is the life of a run's goroutine outside of scopes: [Promise.start] with one
// allocation less.
func (r *run[K, T]) live() { r.p.run(r.call) }

// call is what the core runs: the function, and however that ends, the end of the
// run for those who come and go.
func (r *run[K, T]) call(ctx context.Context) (T, error) {
	defer r.close()
	return r.fn(ctx)
}

// close makes the run one that is over.
func (r *run[K, T]) close() {
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	if r.over {
		return
	}
	r.over, r.shared = true, r.sharers > 1
	if r.group.lazy == nil {
		r.unlistLocked()
	}
}

// listLocked has the run joined by who comes next.
func (r *run[K, T]) listLocked() {
	g := r.group
	if r.key != r.key { //nolint:gocritic // so with a NaN, which no map finds again
		return
	}
	if g.runs == nil {
		g.runs = make(map[K]*run[K, T])
	}
	g.runs[r.key] = r
	g.peak = max(g.peak, len(g.runs))
	r.listed = true
}

func (r *run[K, T]) unlistLocked() {
	if !r.listed {
		return
	}
	r.listed = false
	delete(r.group.runs, r.key)
	r.group.shrinkLocked()
}

// joinLocked counts one in, with the reference of a wait or of a handle, and
// reports true; or that the call has failed: a scope canceled it, or the result of
// a lazy one is about to be unlisted.
func (r *run[K, T]) joinLocked(one uint64) bool {
	for {
		w := r.p.core.Word.Load()
		if w&bitFailed != 0 {
			return false
		}
		sched.Point("join the run")
		if r.p.core.Word.CompareAndSwap(w, latch.Plus(w, one)) {
			r.sharers++
			return true
		}
	}
}

// leave counts one out and reports true, or that it is too late. Who has left
// gives up his reference, which cancels the run where it was the last.
func (r *run[K, T]) leave() bool {
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	if r.over {
		return false
	}
	if r.sharers--; r.sharers == 0 {
		r.over = true
		r.unlistLocked()
	}
	return true
}

// wait parks until the call is complete and reports true, or until u ends the
// wait and the caller has left.
func (r *run[K, T]) wait(u latch.Until) bool {
	if r.p.core.Wait(u) {
		return true
	}
	if r.leave() {
		r.p.leave()
		return false
	}
	return r.p.core.Wait(latch.Until{Slot: u.Slot}) // an instant: the function has returned (G4)
}

// wasShared is for those who share a run that is complete.
func (r *run[K, T]) wasShared() bool {
	if r.p.core.Word.Load()&(bitResult|bitPanicked) == 0 {
		r.close() // no function has done so: a scope canceled the call
	}
	return r.shared
}

// take takes the result of a complete run for one who shares it, and gives up his
// reference: where the result is a stream, when ctx ends.
func (r *run[K, T]) take(ctx context.Context) {
	if !r.p.core.task.streams() {
		r.p.takeAndLeave()
		return
	}
	r.p.core.take()
	if ctx.Done() != nil {
		context.AfterFunc(ctx, r.p.leave)
	}
}

// cycle is the error of one who asks in the run's function for its result.
func (r *run[K, T]) cycle() error { return fmt.Errorf("%w: %v", ErrCycle, r) }

// A run is the Waitable that the errors of its waits name.

func (r *run[K, T]) Done() <-chan struct{} { return r.p.core.Done() }
func (r *run[K, T]) source() *latch.Latch  { return &r.p.core.Latch }
func (r *run[K, T]) usable() bool          { return true }
func (r *run[K, T]) is(w Waitable) bool    { return w == Waitable(r) }
func (r *run[K, T]) String() string        { return r.group.nameOf(r.key) }

// An unbegun is in the place of a run where none was begun or joined.
type unbegun[K comparable, T any] struct {
	group *Group[K, T]
	key   K
}

func (u unbegun[K, T]) Done() <-chan struct{} { return nil }
func (u unbegun[K, T]) String() string        { return u.group.nameOf(u.key) }

// nameOf names the run of key for errors.
func (g *Group[K, T]) nameOf(key K) string {
	switch {
	case g.lazy != nil:
		return "lazy value"
	case reflect.TypeFor[K]().Kind() == reflect.String:
		return fmt.Sprintf("run of key %q", any(key))
	}
	return fmt.Sprintf("run of key %v", key)
}

// A runContext is the context that a run is begun with: the run itself, by another
// name. It has the values of the first caller's and ends with nobody's. By it a
// group knows its runs in the lineage of a context.
type runContext[K comparable, T any] run[K, T]

func (x *runContext[K, T]) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
func (x *runContext[K, T]) Done() <-chan struct{}                   { return nil }
func (x *runContext[K, T]) Err() error                              { return nil }
func (x *runContext[K, T]) Value(key any) any                       { return x.ctx.Value(key) }
func (x *runContext[K, T]) String() string                          { return fmt.Sprintf("%v.WithRun", x.ctx) }
