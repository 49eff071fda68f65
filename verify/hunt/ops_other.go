package hunt

import (
	"context"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// otherOps are those of what the program brings itself: contexts, gates, things to
// wait for, and time.
func otherOps() []entry {
	return []entry{
		{name: "newContext", makes: Context, text: "$t = k.newContext($n, $x, $d)", setup: true, ctx: beginsBy, weight: 18, do: doNewContext},
		{name: "endContext", on: Context, text: "$h.cancel()", weight: 18, do: func(e *env, o *Op) {
			x := e.w.get(o.On).(*ended)
			e.w.ending(x)
			x.cancel()
		}},
		{name: "newGate", makes: Gate, text: "$t = k.newGate()", setup: true, weight: 12, do: func(e *env, o *Op) { e.w.set(o.To, &gate{ch: make(chan struct{})}) }},
		{name: "open", on: Gate, text: "$h.open()", weight: 15, do: func(e *env, o *Op) { e.w.get(o.On).(*gate).open() }},
		{name: "newStranger", makes: Stranger, text: "$t = k.newStranger($n)", setup: true, weight: 4, do: doNewStranger},
		{name: "end", on: Stranger, text: "$h.open()", weight: 8, do: func(e *env, o *Op) { e.w.get(o.On).(ender).end() }},
		{name: "stop", on: Stop, text: "$h()", weight: 20, do: func(e *env, o *Op) {
			s := e.w.get(o.On).(*stopped)
			if s.stop() {
				e.w.mu.Lock()
				s.kept = true
				e.w.mu.Unlock()
			}
		}},
		{name: "sleep", text: "time.Sleep($d)", blocks: true, weight: 10, do: func(_ *env, o *Op) {
			<-time.After(o.D)
			sched.Point("slept") // who has slept need not go on at once
		}},
		{name: "throw", text: "panic($s)", weight: 12, do: func(e *env, o *Op) {
			e.w.mu.Lock()
			e.w.runs[o.Site]++
			token := o.Site*perSite + e.w.runs[o.Site]
			r := e.w.resultLocked(token)
			r.made, r.panics, r.callback = true, true, true
			e.w.mu.Unlock()
			if e.w.raise != nil {
				e.w.raise(0, "family")
				e.w.raise(token, "made")
			}
			panic(panicValueError(token))
		}},
		{name: "exit", text: "runtime.Goexit()", weight: 12, do: func(*env, *Op) { runtime.Goexit() }},
	}
}

// A gate is where functions wait.
type gate struct {
	once sync.Once
	ch   chan struct{}
}

func (g *gate) open() { g.once.Do(func() { close(g.ch) }) }

// What newContext makes, by its N.
const (
	contextCancel = iota
	contextTimeout
	contextForeignAfter // with an AfterFunc of its own
	contextForeign
	contextOdd // its Err cannot be compared
	contextKinds
)

func doNewContext(e *env, o *Op) {
	parent := e.context(o)
	x := &ended{late: e.w.comesLate(parent), alone: parent == e.w.base && o.N != contextTimeout}
	switch o.N {
	case contextTimeout:
		ctx, cancel := context.WithTimeout(parent, o.D)
		x.ctx, x.cancel = ctx, cancel
	case contextForeignAfter, contextForeign, contextOdd:
		x.foreign = &foreign{Context: context.WithoutCancel(parent), done: make(chan struct{}), odd: o.N == contextOdd}
		x.ctx, x.cancel, x.late = x.foreign, x.foreign.end, true
		if o.N != contextForeign {
			x.ctx = foreignAfter{x.foreign}
		}
	default:
		ctx, cancel := context.WithCancelCause(parent)
		x.ctx, x.cancel = ctx, func() { cancel(causeError(o.Site)) }
	}
	e.w.mu.Lock()
	e.w.allCtx = append(e.w.allCtx, x)
	e.w.mu.Unlock()
	e.w.set(o.To, x)
}

// A foreign is a context of a kind that package context does not know.
type foreign struct {
	context.Context // for its values
	odd             bool
	done            chan struct{}

	mu    sync.Mutex
	err   error
	funcs map[*func()]struct{}
}

type foreignKey struct{}

// An oddError cannot be compared.
type oddError []string

func (oddError) Error() string { return "hunt: odd" }

func (f *foreign) Deadline() (time.Time, bool) { return time.Time{}, false }
func (f *foreign) Done() <-chan struct{}       { return f.done }

func (f *foreign) Value(key any) any {
	if key == (foreignKey{}) {
		return true
	}
	return f.Context.Value(key)
}

func (f *foreign) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *foreign) end() {
	f.mu.Lock()
	if f.err != nil {
		f.mu.Unlock()
		return
	}
	f.err = context.Canceled
	if f.odd {
		f.err = oddError{"odd"}
	}
	close(f.done)
	funcs := f.funcs
	f.funcs = nil
	f.mu.Unlock()
	for fn := range funcs {
		go (*fn)()
	}
}

func (f *foreign) registered() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.funcs)
}

// A foreignAfter is a foreign context that functions can be registered at.
type foreignAfter struct{ *foreign }

func (f foreignAfter) AfterFunc(fn func()) (stop func() bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		go fn()
		return func() bool { return false }
	}
	if f.funcs == nil {
		f.funcs = make(map[*func()]struct{})
	}
	f.funcs[&fn] = struct{}{}
	return func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		_, was := f.funcs[&fn]
		delete(f.funcs, &fn)
		return was
	}
}

// What newStranger makes, by its N.
const (
	strangerChan   = iota // an async.Chan
	strangerOwn           // a type with a channel of its own
	strangerEmbeds        // one that embeds an Event, and has a channel of its own
	strangerKinds
)

// An ender is a thing to wait for that the program ends.
type ender interface {
	async.Waitable
	end()
}

type strangeChan struct{ gate }

func (s *strangeChan) Done() <-chan struct{} { return s.ch }
func (s *strangeChan) end()                  { s.open() }

// An embedding has an Event inside, and is over when its own channel says so.
type embedding struct {
	*async.Event
	g gate
}

func (s *embedding) Done() <-chan struct{} { return s.g.ch }
func (s *embedding) end()                  { s.g.open() }

// A passing is a Chan that is closed.
type passing struct {
	async.Chan
	g *gate
}

func (s passing) end() { s.g.open() }

func doNewStranger(e *env, o *Op) {
	ch := make(chan struct{})
	switch o.N {
	case strangerChan:
		e.w.set(o.To, passing{async.Chan(ch), &gate{ch: ch}})
	case strangerEmbeds:
		s := &embedding{Event: new(async.Event), g: gate{ch: ch}}
		s.Event.Set()
		e.w.set(o.To, s)
	default:
		e.w.set(o.To, &strangeChan{gate{ch: ch}})
	}
}

func doNewErrgroup(e *env, o *Op) {
	g := new(errgroup.Group)
	if o.N > 0 {
		g.SetLimit(o.N)
	}
	e.w.set(o.To, g)
}
