package rivals

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed4712c49f/async/bench/internal/table"
)

func floorMany() []table.Form {
	return []table.Form{
		floor("fan-out", "promises, panics caught",
			"each call has a handle, can be waited for, looked at and canceled by itself, and its panic belongs to who reads it: beside the goroutine there are a promise and a function that recovers", floorFanOut),
		floor("wait any, late", "linked and unlinked", whyAny, floorAny),
		floor("standing", "registration and queue", whySet, floorStanding),
		floor("drain", "registration and queue", whySet, floorDrain),
	}
}

// guarded calls f and completes something with what it returns, or with an error
// where it panics or calls Goexit.
func guarded(f func() (int, error), complete func(int, error)) {
	v, err := 0, errGoexit
	defer func() {
		if e := recover(); e != nil {
			err = &panicError{e}
		}
		complete(v, err)
	}()
	v, err = f()
}

var errGoexit = errors.New("goexit")

type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprint("panic: ", e.value) }

// floorFanOut keeps the inputs, which are the caller's, and has a handle for each
// call. That all are complete it hears from those who complete them.
func floorFanOut(size int) table.Work {
	own := numbers(size)
	return table.Work{Do: repeat(func() int {
		in := slices.Clone(own)
		promises, handles := make([]handPromise, size), make([]*handHandle, size)
		for i := range promises {
			handles[i] = promises[i].begin(bg)
		}
		var done sync.WaitGroup
		var started atomic.Int64
		done.Add(size)
		work := func() { // one for all: a go statement of it allocates nothing
			i := started.Add(1) - 1
			guarded(
				func() (int, error) { return identity(in[i]) },
				func(v int, err error) {
					if promises[i].complete(v, err) {
						done.Done()
					}
				},
			)
		}
		for range in {
			go work()
		}
		done.Wait()
		vs := make([]int, size)
		for i, h := range handles {
			p := h.p.Load()
			if !p.isSet() || p.err != nil {
				return 0
			}
			vs[i] = p.v
		}
		return inOrder(vs)
	})}
}
