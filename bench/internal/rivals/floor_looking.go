package rivals

import (
	"context"
	"sync/atomic"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A handBox has a value of any type, behind an atomic pointer, and a way to wait
// where it is not there.
type handBox[T any] struct {
	there atomic.Pointer[handValue[T]]
	ready chan struct{}
}

type handValue[T any] struct {
	v   T
	err error
}

// await is a load, a test and a call of what waits. The compiler does not inline it
// (go build -gcflags=-m=2 says so), nor does it the same with a plain flag: a wait
// can end with an error that is not the box's own, and to return that is one call
// more than its rules allow.
func (b *handBox[T]) await(ctx context.Context) (T, error) {
	if r := b.there.Load(); r != nil {
		return r.v, r.err
	}
	return b.pending(ctx)
}

// pending is await for what is not there yet.
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

// get is as await, for a value that is there without an error.
func (o *handOnce[T]) get(ctx context.Context) (T, error) {
	if v := o.there.Load(); v != nil {
		return *v, nil
	}
	return o.box.pending(ctx)
}

const whyCall = "it is for values of any type and may have to wait: an atomic load, a test, and a call of what waits are more than the compiler inlines, so it is itself called"

func floorLooking() []table.Form {
	const as = "method of a generic type"
	return []table.Form{
		floor("wait complete", as, whyCall, func(int) table.Work { return handAwait(bg, func() {}) }),
		floor("wait complete, context", as, whyCall, func(int) table.Work { return handAwait(context.WithCancel(bg)) }),
		floor("gate", as, whyCall, handGet),
	}
}

func handAwait(ctx context.Context, end context.CancelFunc) table.Work {
	b := new(handBox[int])
	b.there.Store(&handValue[int]{v: 1})
	return table.Work{
		Do: func(_ *table.Stopwatch, n int) int {
			k := 0
			for range n {
				v, _ := b.await(ctx)
				k += v
			}
			return k
		},
		End: end,
	}
}

func handGet(int) table.Work {
	o, v := new(handOnce[int]), 1
	o.there.Store(&v)
	return table.Work{Do: func(_ *table.Stopwatch, n int) int {
		k := 0
		for range n {
			v, _ := o.get(bg)
			k += v
		}
		return k
	}}
}
