package rivals

import (
	"sync"

	"github.com/seed4712c49f/async/bench/internal/table"
)

func syncForms() []table.Form {
	forms := []table.Form{
		{Op: "gate", As: "Once", Make: func(int) table.Work {
			var once sync.Once
			v := 0
			set := func() { v = 1 }
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				k := 0
				for range n {
					once.Do(set)
					k += v
				}
				return k
			}}
		}},
		{Op: "gate", As: "OnceValues", Make: func(int) table.Work {
			get := sync.OnceValues(trivial().plain)
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				k := 0
				for range n {
					v, _ := get()
					k += v
				}
				return k
			}}
		}},
	}
	return append(forms, pairForms("Cond", func() (func() int, func()) {
		var mu sync.Mutex
		cond, v := sync.NewCond(&mu), 0
		return func() int {
				mu.Lock()
				defer mu.Unlock()
				for v == 0 {
					cond.Wait()
				}
				return v
			}, func() {
				mu.Lock()
				v = 1
				mu.Unlock()
				cond.Broadcast()
			}
	})...)
}
