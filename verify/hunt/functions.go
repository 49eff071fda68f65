package hunt

import (
	"context"
	"fmt"
	"runtime"

	"github.com/seed4712c49f/async"
)

// This file has what a program hands to the library to be called: the functions of calls,
// and the options that act. The operations of ops_begin.go, ops_list.go and ops_share.go
// use it.

// function returns the function of a call.
func (e *env) function(f *Func, b *begun) func(context.Context) (*Value, error) {
	w := e.w
	return func(ctx context.Context) (*Value, error) { return w.run(ctx, f, b) }
}

// run is the function of a call.
func (w *World) run(ctx context.Context, f *Func, b *begun) (*Value, error) {
	w.mu.Lock()
	w.runs[f.Site]++
	token := f.Site*perSite + w.runs[f.Site]
	b.ctx = ctx
	if b.hedged {
		b.attempts = append(b.attempts, ctx)
	}
	b = w.runLocked(b)
	w.mu.Unlock()
	w.checkLimit(b.scope)
	w.body(ctx, f, b)
	switch f.End {
	case Panics:
		w.made(token, b, true)
		panic(panicValueError(token))
	case Exits:
		runtime.Goexit()
	case Fails:
		w.fails(token)
		w.made(token, b, false)
		return w.value(token, b), failureError(token)
	case Returns:
	}
	w.made(token, b, false)
	return w.value(token, b), nil
}

// runLocked notes that a function runs. It returns the record of the call; that of a call
// which is many, as a hedged one, is copied, since each run has a slot of its own.
func (w *World) runLocked(b *begun) *begun {
	if b.hedged {
		one := *b
		b = &one
	}
	w.usesSlotLocked(b, func(b *begun) { b.runs = true })
	return b
}

// value makes the value of a token.
func (w *World) value(token int, b *begun) *Value {
	v := &Value{Token: token}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rememberLocked(v, b)
	return v
}

// body does what a function does before it ends.
func (w *World) body(ctx context.Context, f *Func, b *begun) {
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.endingLocked(b)
		b.closed = true
		w.usesSlotLocked(b, func(b *begun) { b.runs = false })
	}()
	(&env{w: w, own: ctx, b: b}).all(f.Body)
	if f.Gate > 0 {
		w.waitGate(ctx, f)
	}
}

func (w *World) waitGate(ctx context.Context, f *Func) {
	g, ok := w.get(Ref{Gate, f.Gate - 1}).(*gate)
	if !ok {
		return
	}
	if f.Ends {
		select {
		case <-g.ch:
		case <-ctx.Done():
		}
		return
	}
	<-g.ch
}

// begins returns the record of a call that is about to be begun. What is known of the call by
// then is noted by changes, before another goroutine of the program finds the record.
func (e *env) begins(parent context.Context, o *Op, changes ...func(b *begun)) *begun {
	b := &begun{
		family: e.w.p.info(o.On).Family, site: o.Site, opts: &o.Opts, promise: o.Fn == nil, early: e.setup, parent: parent, above: e.above(o.Ctx),
	}
	if o.To.Kind == Call {
		b.family = e.w.p.info(o.To).Family
	}
	if o.Opts.Scope > 0 && e.w.scope(o.Opts.Scope-1) != nil {
		b.scope = o.Opts.Scope
	}
	for _, change := range changes {
		change(b)
	}
	e.w.mu.Lock()
	if e.w.disturbing[b.family]+e.w.disturbing[0] > 0 {
		e.w.endingLocked(b)
		b.cut = true
	}
	e.w.begun = append(e.w.begun, b)
	e.w.mu.Unlock()
	return b
}

// isLoose is a change of a record: the context of the call may end for reasons that are not
// followed.
func isLoose(b *begun) { b.loose = true }

// isMany is a change of a record that stands for many calls.
func isMany(b *begun) { b.loose, b.hedged = true, true }

// isOver notes that the operation of a record is over, which was many calls.
func (w *World) isOver(b *begun) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.ok = false
}

// accepted notes that a call was begun.
func (w *World) accepted(b *begun, h *handle) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.ok, b.h = true, h
	if h != nil {
		h.beginsOK++
	}
}

// options makes the options of an operation.
func (e *env) options(o *Op, b *begun) (opts []async.Option) {
	p, w := &o.Opts, e.w
	e = &env{w: w, thread: -1} // what options have must not keep the context of the function around
	if p.Streaming {
		opts = append(opts, async.Streaming())
	}
	if p.Abandon {
		opts = append(opts, async.CancelOnAbandon())
	}
	if p.Named {
		opts = append(opts, async.Name(fmt.Sprintf("call %d", o.Site)))
	}
	if p.Discard {
		mark := w.mark(o, b)
		opts = append(opts, async.Discard(func(v *Value, err error) {
			defer runtime.KeepAlive(mark)
			w.discarded(o, v, err)
			e.callback(p.OnDiscard)
		}))
	}
	for i, body := range p.OnSignal {
		opts = append(opts, async.OnSignal(func() {
			w.signaled(b, i)
			e.callback(body)
		}))
	}
	if s := e.w.scope(p.Scope - 1); p.Scope > 0 && s != nil {
		opts = append(opts, s.Scope)
	}
	if g := e.w.errgroup(p.Errgroup - 1); p.Errgroup > 0 && g != nil {
		opts = append(opts, async.InGroup(g))
	}
	return opts
}

// callback does what a callback does, until the closer comes.
func (e *env) callback(body []*Op) {
	e.w.mu.Lock()
	closing := e.w.closing
	e.w.mu.Unlock()
	if closing {
		return
	}
	(&env{w: e.w, thread: -1}).all(body)
}
