package hunt

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/seed4712c49f/async"
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
		e.w.disturb(family)
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
	d := &derived{site: o.Site}
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
	lends := e.lends(o)
	w.mu.Lock()
	w.seq++
	a.seq = w.seq
	w.active[a] = struct{}{}
	if lends {
		w.running[e.b.scope]--
	}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.active, a)
		if lends {
			w.running[e.b.scope]++
		}
		w.mu.Unlock()
		if lends {
			w.checkLimit(e.b.scope)
		}
	}()
	f(ctx)
}

// lends reports whether a wait lends the slot of the function that it is in.
func (e *env) lends(o *Op) bool {
	return e.b != nil && e.b.scope > 0 && (o.Ctx.Base == Own && o.Ctx.How != Far)
}

// function returns the function of a call.
func (e *env) function(f *Func, b *begun) func(context.Context) (*Value, error) {
	w := e.w
	return func(ctx context.Context) (*Value, error) { return w.run(ctx, f, b) }
}

// run is the function of a call.
func (w *World) run(ctx context.Context, f *Func, b *begun) (*Value, error) {
	w.mu.Lock()
	w.runs[f.Site]++
	token := f.Site*100 + w.runs[f.Site]
	b.ctx = ctx
	if b.scope > 0 {
		w.running[b.scope]++
	}
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
		w.made(token, b, false)
		return w.value(token, b), failureError(token)
	case Returns:
	}
	w.made(token, b, false)
	return w.value(token, b), nil
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
		b.ending, b.closed = true, true
		if b.scope > 0 {
			w.running[b.scope]--
		}
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

// begins returns the record of a call that is about to be begun.
func (e *env) begins(parent context.Context, o *Op) *begun {
	b := &begun{
		family: e.w.p.info(o.On).Family, site: o.Site, opts: &o.Opts, promise: o.Fn == nil, parent: parent,
	}
	if o.To.Kind == Call {
		b.family = e.w.p.info(o.To).Family
	}
	if o.Opts.Scope > 0 && e.w.scope(o.Opts.Scope-1) != nil {
		b.scope = o.Opts.Scope
	}
	e.w.mu.Lock()
	b.ending = e.w.disturbing[b.family]+e.w.disturbing[0] > 0
	e.w.begun = append(e.w.begun, b)
	e.w.mu.Unlock()
	return b
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
		opts = append(opts, async.Discard(func(v *Value, err error) {
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

// raised records what came out of an operation as a panic.
func (w *World) raised(o *Op, x *entry, p any) {
	switch v := p.(type) {
	case *async.PanicError:
		tokens := tokensOf(v)
		for _, token := range tokens {
			w.gave(o, token, x.takes)
		}
		if len(tokens) > 0 {
			return
		}
		w.failAs("panic", "nobody's panic", fmt.Sprintf("%s raises a panic that is nobody's: %v", w.name(o), v))
	case panicValueError:
		w.gave(o, int(v), false)
	default:
		text := fmt.Sprint(p)
		if strings.HasPrefix(text, "async: ") && w.misused(o) {
			return
		}
		stack := string(debug.Stack())
		w.failAs("panic", text+where(stack), fmt.Sprintf("%s panics: %s\n%s", w.name(o), text, libraryFrames(stack)))
	}
}

// libraryFrames returns the frames of a stack that are of the library.
func libraryFrames(stack string) string {
	var b strings.Builder
	keep := false
	for line := range strings.Lines(stack) {
		if !strings.HasPrefix(line, "\t") {
			keep = strings.HasPrefix(line, libraryPrefix)
		}
		if keep {
			b.WriteString(line)
		}
	}
	return b.String()
}

// where returns the functions of the library at the top of a stack.
func where(stack string) string {
	var names []string
	for line := range strings.Lines(stack) {
		if name, ok := strings.CutPrefix(line, libraryPrefix); ok && len(names) < 2 {
			name = strings.ReplaceAll(strings.TrimSpace(name), "[...]", "")
			names = append(names, name[:max(strings.LastIndex(name, "("), 0)])
		}
	}
	return strings.Join(slices.Compact(names), " < ")
}

const libraryPrefix = "github.com/seed4712c49f/async."

// misused reports whether an operation was given something that it may panic for.
func (w *World) misused(o *Op) bool {
	if o.Ctx.Base == NilContext {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range append([]Ref{o.On}, o.Of...) {
		if w.released[r] {
			return true
		}
	}
	return false
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
