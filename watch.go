package async

import (
	"context"

	"github.com/seed4712c49f/async/internal/sched"
)

// A ctxWatch looks after a context that queued calls were begun with: when it ends
// they are canceled at once (C1). The calls of one scope that share a context
// share its watch, so that a million of them register once.
type ctxWatch struct {
	scope *Scope
	key   <-chan struct{} // of the context, in the scope's watches
	tasks chain           // queued; guarded by the scope's mu, as is all below
	stop  func() bool
	over  bool // nobody needs it
}

// watch has the task canceled should its context end while it is queued. It runs
// outside every lock: a foreign context is anybody's code.
func (t *task) watch() {
	ctx := t.core.ctx
	key := ctx.Done() // what contexts that end together share
	if key == nil {
		return
	}
	s := t.scope
	s.mu.Lock()
	if t.state != taskQueued {
		s.mu.Unlock()
		return
	}
	w := s.slots.watches[key]
	first := w == nil
	if first {
		w = &ctxWatch{scope: s, key: key}
		if s.slots.watches == nil {
			s.slots.watches = make(map[<-chan struct{}]*ctxWatch)
		}
		s.slots.watches[key] = w
	}
	a := t.besides()
	a.watch = w
	w.tasks.push(&a.watched, t)
	s.mu.Unlock()
	if first {
		w.begin(ctx)
	}
}

// begin registers at the context.
func (w *ctxWatch) begin(ctx context.Context) {
	stop := context.AfterFunc(ctx, w.ended)
	w.scope.mu.Lock()
	w.stop = stop
	over := w.over
	w.scope.mu.Unlock()
	if over {
		stop()
	}
}

// ended cancels every call that waits with the context.
func (w *ctxWatch) ended() {
	sched.Point("the watched context ended")
	s := w.scope
	s.mu.Lock()
	s.slots.forget(w) // who comes later registers anew
	s.mu.Unlock()
	var tasks []*task
	for some := w.takeSome(); len(some) > 0; some = w.takeSome() {
		tasks = append(tasks, some...)
	}
	sweep(len(tasks), func(i int) {
		tasks[i].core.cancel(context.Cause(tasks[i].core.ctx), false)
	})
}

// takeSome takes the next tasks out of the watch and returns them.
func (w *ctxWatch) takeSome() (some []*task) {
	w.scope.mu.Lock()
	defer w.scope.mu.Unlock()
	for w.tasks.first != nil && len(some) < portion {
		t := w.tasks.first.t
		t.unwatchLocked()
		some = append(some, t)
	}
	return some
}

// unwatchLocked takes the task out of its watch, and returns that where it was
// the last: the caller ends it, outside the lock.
func (t *task) unwatchLocked() *ctxWatch {
	if t.aside == nil || t.aside.watch == nil {
		return nil
	}
	w := t.aside.watch
	t.aside.watch = nil
	w.tasks.remove(&t.aside.watched)
	if w.tasks.first != nil {
		return nil
	}
	t.scope.slots.forget(w)
	w.over = true
	return w
}

// forget has nobody join the watch any more.
func (s *slots) forget(w *ctxWatch) {
	if s.watches[w.key] == w {
		delete(s.watches, w.key)
	}
}

// end takes the registration back, where there is one.
func (w *ctxWatch) end() {
	if w == nil {
		return
	}
	w.scope.mu.Lock()
	stop := w.stop
	w.scope.mu.Unlock()
	if stop != nil {
		stop()
	}
}
