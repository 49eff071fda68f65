// Package label has the functions of a scope run with labels for a CPU profile, and as
// tasks for an execution trace. Package async calls it in scopes with the option Labels.
//
//	Run   goroutine         context of the function
//	      ─────────         ───────────────────────
//	      labels of both    labels of Begin's context, and async.scope, async.call
//	        f(ctx)          a task, a region: while a trace is on
//	      labels of ctx
//
// The goroutine may run another function of the scope next, or end, so its labels are set back
// to those that the function was begun with, whatever the function does.
//
// A label is set for each function that runs, so the cost counts. Two things are done about
// it, and a change that is simpler has to be measured by BenchmarkSeen in bench: the labels
// of a name are made once and kept, and what needs a large frame is not inlined.
package label

import (
	"context"
	"maps"
	"runtime/pprof"
	"runtime/trace"
	"sync/atomic"
)

// The names of the labels.
const (
	Scope = "async.scope"
	Call  = "async.call"
)

// Labels are those of the functions of one scope. The labels for a name of a call are
// made once, since to make them costs more than the call. Any number of goroutines may use
// Labels at the same time.
type Labels struct {
	scope string
	made  atomic.Value // a *map[string]context.Context, copied to be changed; no more than bound
}

// bound is for how many names of calls labels are kept. Those of others are made for each
// call: a program may name each call by its input.
const bound = 512

// New returns the labels of a scope with a name.
func New(scope string) *Labels {
	l := &Labels{scope: scope}
	l.made.Store(new(map[string]context.Context))
	return l
}

// Run calls f with a context made from ctx, and labels the goroutine meanwhile: with those
// of ctx, and with the names of the scope and of the call. When f has returned, panicked or
// called Goexit, the goroutine has the labels of ctx. While an execution trace is on, f is
// a task below that of ctx, and a region of it.
func (l *Labels) Run(ctx context.Context, call string, f func(context.Context) error) error {
	labeled := l.with(ctx, call)
	pprof.SetGoroutineLabels(labeled)
	defer pprof.SetGoroutineLabels(ctx)
	if trace.IsEnabled() {
		return l.task(labeled, call, f)
	}
	return f(labeled)
}

// task calls f as a task and a region of the trace that is on.
//
//go:noinline // see add
func (l *Labels) task(ctx context.Context, call string, f func(context.Context) error) error {
	name := l.scope + ": " + call
	ctx, task := trace.NewTask(ctx, name)
	defer task.End()
	defer trace.StartRegion(ctx, name).End()
	return f(ctx)
}

// with returns ctx with the labels.
func (l *Labels) with(ctx context.Context, call string) context.Context {
	if hasOthers(ctx) {
		return add(ctx, l.scope, call)
	}
	return &labeled{ctx, l.of(call)}
}

// add returns ctx with the labels beside those that it has.
//
//go:noinline // the frame is large, and the stack of a goroutine is small at first
func add(ctx context.Context, scope, call string) context.Context {
	return pprof.WithLabels(ctx, pprof.Labels(Scope, scope, Call, call))
}

// hasOthers reports whether a context has labels of other names.
func hasOthers(ctx context.Context) (others bool) {
	pprof.ForLabels(ctx, func(key, _ string) bool {
		others = key != Scope && key != Call
		return !others
	})
	return others
}

// of returns a context that has the labels for a name of a call, and nothing else. Readers of
// the map take no lock, so a map that is published is not changed.
func (l *Labels) of(call string) context.Context {
	made := l.made.Load().(*map[string]context.Context)
	if of, ok := (*made)[call]; ok {
		return of
	}
	return l.make(made, call)
}

// make is of for a name that is not among those made.
//
//go:noinline // see add
func (l *Labels) make(made *map[string]context.Context, call string) context.Context {
	of := add(context.Background(), l.scope, call)
	if len(*made) < bound {
		more := maps.Clone(*made)
		if more == nil {
			more = make(map[string]context.Context)
		}
		more[call] = of
		l.made.CompareAndSwap(made, &more) // where another was faster, the next call tries again
	}
	return of
}

// A labeled is a context with the labels of another one. Package pprof has no way to add
// labels that are made already to a context; it reads them as a value of the context, by a
// key of its own.
type labeled struct {
	context.Context
	labels context.Context
}

// Value returns the labels for the key that package pprof has for them, and else the value
// of the context. The context with the labels is made from Background, so it has no other
// value.
func (x *labeled) Value(key any) any {
	if v := x.labels.Value(key); v != nil {
		return v
	}
	return x.Context.Value(key)
}
