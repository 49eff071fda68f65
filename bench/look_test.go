// Looking at what is complete: a check, a wait that need not wait, a value that is
// there already.

package bench_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/samber/mo"

	"github.com/seed4712c49f/async"
)

// A flagged value is the least that can be checked: a value behind an atomic flag.
type flagged struct {
	done atomic.Bool
	v    int
	err  error
}

// A boxed value is what most programs have: a value behind a channel that is closed.
type boxed struct {
	done chan struct{}
	v    int
	err  error
}

func newBoxed() *boxed { return &boxed{done: make(chan struct{})} }

func (b *boxed) complete(v int) {
	b.v = v
	close(b.done)
}

// See that something is complete, without waiting.
func BenchmarkCheck(b *testing.B) { checks(b, oneTight) }

// The same by all cores at once.
func BenchmarkCheckAllCores(b *testing.B) { checks(b, allTight) }

func checks(b *testing.B, run tightRunner) {
	b.Run("raw=atomic-load", func(b *testing.B) {
		f := new(flagged)
		f.done.Store(true)
		run(b, func(n int) (k int) {
			for range n {
				if f.done.Load() {
					k++
				}
			}
			return k
		})
	})
	b.Run("raw=select-on-a-closed-channel", func(b *testing.B) {
		f := newBoxed()
		f.complete(1)
		run(b, func(n int) int { return checkChannel(f.done, n) })
	})
	b.Run("async=Event", func(b *testing.B) {
		e := new(async.Event)
		e.Set()
		run(b, func(n int) (k int) {
			for range n {
				if e.IsSet() {
					k++
				}
			}
			return k
		})
	})
	b.Run("async=Call", func(b *testing.B) {
		c := async.Ready(1, nil)
		run(b, func(n int) (k int) {
			for range n {
				if c.IsDone() {
					k++
				}
			}
			return k
		})
	})
	b.Run("context=Err", func(b *testing.B) {
		ctx, cancel := context.WithCancel(bg)
		cancel()
		run(b, func(n int) (k int) {
			for range n {
				if ctx.Err() != nil {
					k++
				}
			}
			return k
		})
	})
	b.Run("pond=select-on-Done", func(b *testing.B) {
		c := pondCaller(1)
		defer c.close()
		t := c.begin(bg, trivial)
		<-t.Done()
		run(b, func(n int) (k int) {
			for range n {
				select {
				case <-t.Done():
					k++
				default:
				}
			}
			return k
		})
	})
	b.Run("taskgroup=select-on-Done", func(b *testing.B) {
		s := taskgroupCaller().begin(bg, trivial)
		<-s.Done()
		run(b, func(n int) int { return checkChannel(s.Done(), n) })
	})
	b.Run("failsafe=IsDone", func(b *testing.B) {
		r := failsafeCaller().begin(bg, trivial)
		<-r.Done()
		run(b, func(n int) (k int) {
			for range n {
				if r.IsDone() {
					k++
				}
			}
			return k
		})
	})
}

// checkChannel looks n times whether a channel is closed.
func checkChannel(done <-chan struct{}, n int) (k int) {
	for range n {
		select {
		case <-done:
			k++
		default:
		}
	}
	return k
}

// Wait for what is complete, and take its value where it has one. The context
// cannot end.
//
// Floor: a wait is for values of any type and may have to wait. An atomic load, a
// test and a call of what waits are more than the compiler inlines, so the method
// is itself called.
func BenchmarkWaitComplete(b *testing.B) { waitsComplete(b, oneTight, bg) }

// The same by all cores at once.
func BenchmarkWaitCompleteAllCores(b *testing.B) { waitsComplete(b, allTight, bg) }

// The same with a context that can be canceled.
func BenchmarkWaitCompleteContext(b *testing.B) {
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	waitsComplete(b, oneTight, ctx)
}

// The same with a context that can be canceled, by all cores at once.
func BenchmarkWaitCompleteContextAllCores(b *testing.B) {
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	waitsComplete(b, allTight, ctx)
}

func waitsComplete(b *testing.B, run tightRunner, ctx context.Context) {
	b.Run("raw=atomic-load-and-value", func(b *testing.B) {
		f := &flagged{v: 1}
		f.done.Store(true)
		run(b, func(n int) (k int) {
			for range n {
				if f.done.Load() && f.err == nil {
					k += f.v
				}
			}
			return k
		})
	})
	b.Run("floor=method-of-a-generic-type", func(b *testing.B) {
		h := new(handBox[int])
		h.there.Store(&handValue[int]{v: 1})
		run(b, func(n int) (k int) {
			for range n {
				v, _ := h.await(ctx)
				k += v
			}
			return k
		})
	})
	b.Run("async=Await", func(b *testing.B) {
		c := async.Ready(1, nil)
		run(b, func(n int) (k int) {
			for range n {
				v, _ := c.Await(ctx)
				k += v
			}
			return k
		})
	})
	b.Run("async=Event", func(b *testing.B) {
		e := new(async.Event)
		e.Set()
		run(b, func(n int) (k int) {
			for range n {
				if e.Wait(ctx) == nil {
					k++
				}
			}
			return k
		})
	})
	if ctx != bg {
		waitSelect(b, run, ctx)
		return
	}
	waitLibraries(b, run)
}

func waitSelect(b *testing.B, run tightRunner, ctx context.Context) {
	b.Run("raw=select-with-the-context", func(b *testing.B) {
		f := newBoxed()
		f.complete(1)
		run(b, func(n int) (k int) {
			for range n {
				select {
				case <-f.done:
					k += f.v
				case <-ctx.Done():
				}
			}
			return k
		})
	})
}

func waitLibraries(b *testing.B, run tightRunner) {
	b.Run("raw=receive-from-a-closed-channel", func(b *testing.B) {
		f := newBoxed()
		f.complete(1)
		run(b, func(n int) (k int) {
			for range n {
				if <-f.done; f.err == nil {
					k += f.v
				}
			}
			return k
		})
	})
	b.Run("pond=Wait", func(b *testing.B) {
		c := pondCaller(1)
		defer c.close()
		t := c.begin(bg, trivial)
		_, _ = t.Wait()
		run(b, func(n int) (k int) {
			for range n {
				v, _ := t.Wait()
				k += v
			}
			return k
		})
	})
	b.Run("mo=Collect", func(b *testing.B) { run(b, collects(moFuture(trivial.plain))) })
	b.Run("taskgroup=Wait", func(b *testing.B) {
		s := taskgroupCaller().begin(bg, trivial)
		s.Wait()
		run(b, func(n int) (k int) {
			for range n {
				v, _ := s.Wait().Get()
				k += v
			}
			return k
		})
	})
	b.Run("failsafe=Get", func(b *testing.B) {
		r := failsafeCaller().begin(bg, trivial)
		_, _ = r.Get()
		run(b, func(n int) (k int) {
			for range n {
				v, _ := r.Get()
				k += v
			}
			return k
		})
	})
}

// collects waits for a future that is complete.
func collects(f *mo.Future[int]) func(n int) int {
	_, _ = f.Collect()
	return func(n int) (k int) {
		for range n {
			v, _ := f.Collect()
			k += v
		}
		return k
	}
}

// Get a value that is made once, when it has been made.
//
// Floor: a value of any type that may have to be waited for takes an atomic load, a test
// and a call of what waits. That is more than the compiler inlines.
func BenchmarkGate(b *testing.B) { gates(b, oneTight) }

// The same by all cores at once.
func BenchmarkGateAllCores(b *testing.B) { gates(b, allTight) }

func gates(b *testing.B, run tightRunner) {
	one := 1
	b.Run("raw=atomic-pointer", func(b *testing.B) {
		var p atomic.Pointer[int]
		p.Store(&one)
		run(b, func(n int) (k int) {
			for range n {
				if v := p.Load(); v != nil {
					k += *v
				}
			}
			return k
		})
	})
	b.Run("floor=method-of-a-generic-type", func(b *testing.B) {
		o := new(handOnce[int])
		o.there.Store(&one)
		run(b, func(n int) (k int) {
			for range n {
				v, _ := o.get(bg)
				k += v
			}
			return k
		})
	})
	b.Run("async=Lazy", func(b *testing.B) {
		l := async.NewLazy(trivial.ctx)
		_, _ = l.Get(bg)
		run(b, func(n int) (k int) {
			for range n {
				v, _ := l.Get(bg)
				k += v
			}
			return k
		})
	})
	b.Run("sync=Once", func(b *testing.B) {
		var once sync.Once
		v := 0
		set := func() { v = 1 }
		once.Do(set)
		run(b, func(n int) (k int) {
			for range n {
				once.Do(set)
				k += v
			}
			return k
		})
	})
	b.Run("sync=OnceValues", func(b *testing.B) {
		get := sync.OnceValues(trivial.plain)
		run(b, func(n int) (k int) {
			for range n {
				v, _ := get()
				k += v
			}
			return k
		})
	})
	b.Run("mo=Collect", func(b *testing.B) { run(b, collects(moFuture(trivial.plain))) })
}

// A handBox has a value of any type behind an atomic pointer, and a way to wait
// while the value is not there.
type handBox[T any] struct {
	there atomic.Pointer[handValue[T]]
	ready chan struct{}
}

type handValue[T any] struct {
	v   T
	err error
}

// await is a load, a test and a call of what waits. The compiler does not inline
// await, as go build -gcflags=-m=2 says. A plain flag makes no difference: a wait can
// end with an error that is not the box's own, and to return that error takes one
// call more than the rules of the compiler allow.
func (b *handBox[T]) await(ctx context.Context) (T, error) {
	if r := b.there.Load(); r != nil {
		return r.v, r.err
	}
	return b.pending(ctx)
}

// pending is await for a value that is not there yet.
func (b *handBox[T]) pending(ctx context.Context) (v T, err error) {
	select {
	case <-b.ready:
		r := b.there.Load()
		return r.v, r.err
	case <-ctx.Done():
		return v, ctx.Err()
	}
}

// A handOnce has a value that is made once.
type handOnce[T any] struct {
	there atomic.Pointer[T]
	box   handBox[T]
}

// get is await for a value that has no error.
func (o *handOnce[T]) get(ctx context.Context) (T, error) {
	if v := o.there.Load(); v != nil {
		return *v, nil
	}
	return o.box.pending(ctx)
}
