package rivals

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// rawCaller is a goroutine and a channel with one slot. It handles neither panics
// nor Goexit.
func rawCaller() caller[chan result] {
	return caller[chan result]{
		begin: func(ctx context.Context, f task) chan result {
			ch := make(chan result, 1)
			go func() {
				v, err := f.ctx(ctx)
				ch <- result{v, err}
			}()
			return ch
		},
		wait: func(_ context.Context, ch chan result) (int, error) {
			r := <-ch
			return r.v, r.err
		},
	}
}

// rawContextCaller is that with a wait that ends with its context.
func rawContextCaller() caller[chan result] {
	c := rawCaller()
	c.wait = func(ctx context.Context, ch chan result) (int, error) {
		select {
		case r := <-ch:
			return r.v, r.err
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return c
}

func rawCallForms() []table.Form {
	forms := append(callForms("", rawCaller), contextForm("", rawContextCaller))
	return append(forms,
		table.Form{Op: "limit", As: "semaphore", Make: rawLimit},
		table.Form{Op: "abandon", As: "both sides swap a flag", Make: rawAbandonFlag},
		table.Form{Op: "abandon", As: "goroutine that drains", Make: rawAbandonDrain},
	)
}

// limitOf is how many may run at a time under a limit.
const limitOf = 4

// rawLimit takes a slot of a channel before it starts a goroutine.
func rawLimit(size int) table.Work {
	return table.Work{Do: repeat(func() int {
		g := gauge{limit: limitOf}
		slots := make(chan struct{}, limitOf)
		vs := make([]int, size)
		var wg sync.WaitGroup
		for i := range vs {
			slots <- struct{}{}
			wg.Go(func() {
				vs[i] = g.value(i)
				<-slots
			})
		}
		wg.Wait()
		return inOrder(vs)
	})}
}

// In both, the function waits at a gate until it has been given up, and the one
// who gave it up waits until the late result was disposed of.

// rawAbandonFlag decides by an atomic who has the result: the waiter who takes it,
// or the function, which comes to find nobody there.
func rawAbandonFlag(int) table.Work {
	return table.Work{Do: repeat(func() int {
		gate, disposed := make(chan struct{}), make(chan int)
		var left atomic.Bool
		ch := make(chan result, 1)
		go func() {
			<-gate
			r := result{1, nil}
			if left.Swap(true) {
				disposed <- r.v
				return
			}
			ch <- r
		}()
		if left.Swap(true) {
			return (<-ch).v // it came before we left
		}
		close(gate)
		return <-disposed
	})}
}

// rawAbandonDrain leaves a goroutine behind that waits for the result.
func rawAbandonDrain(int) table.Work {
	return table.Work{Do: repeat(func() int {
		gate, disposed := make(chan struct{}), make(chan int)
		ch := make(chan result, 1)
		go func() {
			<-gate
			ch <- result{1, nil}
		}()
		go func() { disposed <- (<-ch).v }()
		close(gate)
		return <-disposed
	})}
}
