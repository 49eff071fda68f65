package hunt

import (
	"context"
	"fmt"
	"time"
)

// An env is where operations are done: a goroutine of the program, the function of a
// call, or a callback.
type env struct {
	w      *World
	thread int
	setup  bool
	own    context.Context // of the function around, or nil
	b      *begun          // its call
}

// all does operations in turn.
func (e *env) all(ops []*Op) {
	for _, o := range ops {
		if e.w.p.Exits && e.own == nil && e.thread >= 0 {
			e.apart(func() { e.do(o) })
			continue
		}
		e.do(o)
	}
}

// apart does something on a goroutine of its own, which may be ended by it.
func (*env) apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// do does one operation, where what it is done on exists. What it raises is recorded.
func (e *env) do(o *Op) {
	x := e.w.table[o.Do]
	if x == nil {
		panic("hunt: no operation " + o.Do)
	}
	if o.On.is() && e.w.get(o.On) == nil {
		return
	}
	if e.w.cover != nil {
		e.w.cover(e.w.p, o)
	}
	defer func() {
		if o.Do == "throw" {
			return
		}
		if p := recover(); p != nil {
			e.w.raised(o, x, p)
		}
	}()
	if x.disturbs {
		family := e.w.p.info(o.On).Family
		if x.streams {
			e.w.completes(family)
		} else {
			e.w.disturb(family)
		}
		defer e.w.disturbed(family)
	}
	x.do(e, o)
}

// context makes the context of an operation.
func (e *env) context(o *Op) context.Context {
	ctx := e.baseOf(o.Ctx)
	if ctx == nil {
		return nil
	}
	d := &derived{site: o.Site, parent: ctx, above: e.above(o.Ctx)}
	switch o.Ctx.How {
	case Plain:
		return ctx
	case Far:
		return e.w.far
	case WithValue:
		return context.WithValue(ctx, valueKey{}, o.Site)
	case WithoutCancel:
		return context.WithoutCancel(ctx)
	case WithTimeout:
		d.at = time.Now().Add(o.Ctx.D)
		d.ctx, d.cancel = context.WithTimeout(ctx, o.Ctx.D)
	case WithCancel:
		d.ctx, d.cancel = context.WithCancel(ctx)
	}
	e.w.mu.Lock()
	e.w.derived = append(e.w.derived, d)
	e.w.mu.Unlock()
	return d.ctx
}

// above returns the call whose context a base is, or nil.
func (e *env) above(c Ctx) *begun {
	switch {
	case c.How == WithoutCancel || c.How == Far:
	case c.Base == Own && e.own != nil:
		return e.b
	case c.Base == Promised:
		if p, ok := e.w.get(Ref{Promise, c.N}).(*served); ok {
			return p.b
		}
	}
	return nil
}

type valueKey struct{}

func (e *env) baseOf(c Ctx) context.Context {
	switch c.Base {
	case Var:
		if x, ok := e.w.get(Ref{Context, c.N}).(*ended); ok {
			return x.ctx
		}
	case Own:
		if e.own != nil {
			return e.own
		}
	case Promised:
		if p, ok := e.w.get(Ref{Promise, c.N}).(*served); ok {
			return p.p.Context()
		}
	case NilContext:
		return nil
	case Background:
	}
	return e.w.base
}

// waits does a wait of an operation: it is on the list of those for as long as it
// takes, and a function that waits by its own context does not count as running.
func (e *env) waits(o *Op, f func(ctx context.Context)) {
	w := e.w
	ctx := e.context(o)
	a := &action{o: o, since: time.Now(), ctx: ctx, members: w.members(o)}
	a.lends = e.lends(o)
	a.own = a.lends != nil && a.lends == e.b
	w.mu.Lock()
	w.seq++
	a.seq = w.seq
	nth := 0 // of the waits of the function
	if a.own {
		nth = len(a.lends.waits)
		a.lends.waits = append(a.lends.waits, interval{since: a.seq})
	}
	w.active[a] = struct{}{}
	w.usesSlotLocked(a.lends, func(b *begun) { b.lent++ })
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.active, a)
		if a.own {
			w.seq++
			a.lends.waits[nth].until = w.seq
		}
		w.usesSlotLocked(a.lends, func(b *begun) { b.lent-- })
		w.mu.Unlock()
		if a.lends != nil {
			w.checkLimit(a.lends.scope)
		}
	}()
	f(ctx)
}

// lends returns the function whose slot a wait lends, or nil: the one around, or the one
// whose context the program has put into a variable.
func (e *env) lends(o *Op) (b *begun) {
	switch x, _ := e.w.get(Ref{Context, o.Ctx.N}).(*ended); {
	case o.Ctx.How == Far:
	case o.Ctx.Base == Own:
		b = e.b
	case o.Ctx.Base == Var && x != nil:
		b = x.b
	}
	if b == nil || b.scope == 0 {
		return nil
	}
	return b
}

// usesSlotLocked notes that a function comes to use a slot, or uses it no more. A slot is
// used by a function that runs and has not lent it. The caller holds the mutex.
func (w *World) usesSlotLocked(b *begun, change func(b *begun)) {
	if b == nil || b.scope == 0 {
		return
	}
	was := b.runs && b.lent == 0
	change(b)
	switch is := b.runs && b.lent == 0; {
	case is && !was:
		w.running[b.scope]++
	case was && !is:
		w.running[b.scope]--
	}
}

func (w *World) name(o *Op) string {
	return fmt.Sprintf("%s of %v (operation %d)", o.Do, o.On, o.Site)
}

// String names a variable, as it is named in a printed program.
func (r Ref) String() string {
	if r.Kind == None {
		return "-"
	}
	return fmt.Sprintf("%s%d", kindNames()[r.Kind], r.N)
}

func kindNames() [kinds]string {
	return [kinds]string{"-", "c", "sig", "p", "e", "set", "ctx", "scope", "group", "lazy", "cs", "stop", "gate", "w", "eg"}
}
