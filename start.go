package async

import "context"

// start has fn run in a goroutine of its own, at once or as soon as there is a
// slot for it in the scope, or says why not. It may be called under the lock of a
// latch; proceed is to be called after it without. A promise, and a call that is
// over before it begins, have no fn.
func (p *Promise[T]) start(fn func(context.Context) (T, error)) error {
	t := p.core.task.inScope()
	switch {
	case fn != nil && p.core.task.inGroup():
		return p.startInGroup(t, fn)
	case t != nil:
		now, err := t.admit(p.worker(fn))
		if now {
			go p.live(fn)
		}
		return err
	case fn != nil:
		go p.run(fn)
	}
	return nil
}

// live is the life of a function's goroutine: it runs fn, and then whatever in
// the scope has the slot next.
func (p *Promise[T]) live(fn func(context.Context) (T, error)) { p.run(fn).loop() }

// worker returns what makes the work of a task that does not start at once; nil
// without a function.
func (p *Promise[T]) worker(fn func(context.Context) (T, error)) func() func() *task {
	if fn == nil {
		return nil
	}
	return func() func() *task {
		return func() *task { return p.run(fn) }
	}
}

// startInGroup is start for a call that is a task of an errgroup too. The function
// runs beside the task, which waits for it: a task that is ended by Goexit could
// not tell its group so.
func (p *Promise[T]) startInGroup(t *task, fn func(context.Context) (T, error)) error {
	over := make(chan struct{})
	refused := false
	if !p.core.task.group.TryGo(func() error {
		<-over
		if refused {
			return nil
		}
		return p.core.err
	}) {
		return ErrQueueFull
	}
	work := func() *task {
		defer close(over)
		return p.run(fn)
	}
	if t == nil {
		go work()
		return nil
	}
	now, err := t.admit(func() func() *task { return work })
	if now {
		go func() { work().loop() }()
	}
	if err != nil {
		refused = true
		close(over)
	}
	return err
}

// proceed is the part of a start that needs to be outside of every lock: the
// scope's observer is told, the context of a call that waits for a slot is
// watched, and so is that of a promise. A call whose context had ended is over.
func (p *Promise[T]) proceed(ended bool) {
	t := p.core.task.inScope()
	if t != nil && t.scope.o.Observer.Begun != nil {
		defer p.enter(t, ended) // also where the observer panics: the call was accepted
		t.tell(t.scope.o.Observer.Begun)
		return
	}
	p.begun(t, ended)
}

// enter is what follows when the observer was told.
func (p *Promise[T]) enter(t *task, ended bool) {
	if t.enter() {
		go t.loop()
	}
	p.begun(t, ended)
}

func (p *Promise[T]) begun(t *task, ended bool) {
	switch {
	case ended:
		p.stillborn()
	case p.core.Word.Load()&bitPromise != 0:
		p.core.bind()
	case t != nil && t.scope.slots.limit > 0:
		t.watch()
	}
}

// stillborn ends a call whose context had ended before it began (R8). It never
// runs, but a group hears of it where it has room.
func (p *Promise[T]) stillborn() {
	p.core.cancel(context.Cause(p.core.ctx), false)
	if p.core.task.inGroup() {
		p.core.task.group.TryGo(func() error { return p.core.err })
	}
}
