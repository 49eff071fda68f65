package rivals

import (
	"context"

	"github.com/failsafe-go/failsafe-go"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// failsafeCaller has an executor without policies, which only runs functions.
func failsafeCaller() caller[failsafe.ExecutionResult[int]] {
	e := failsafe.With[int]()
	return caller[failsafe.ExecutionResult[int]]{
		begin: func(ctx context.Context, f task) failsafe.ExecutionResult[int] {
			if ctx != bg {
				return e.WithContext(ctx).GetAsync(f.plain)
			}
			return e.GetAsync(f.plain)
		},
		wait: func(_ context.Context, r failsafe.ExecutionResult[int]) (int, error) { return r.Get() },
	}
}

func failsafeForms() []table.Form {
	return append(callForms("", failsafeCaller),
		contextForm("", failsafeCaller),
		table.Form{Op: "check", As: "IsDone", Make: func(int) table.Work {
			r := failsafeDone()
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				k := 0
				for range n {
					if r.IsDone() {
						k++
					}
				}
				return k
			}}
		}},
		table.Form{Op: "wait complete", As: "Get", Make: func(int) table.Work {
			r := failsafeDone()
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				k := 0
				for range n {
					v, _ := r.Get()
					k += v
				}
				return k
			}}
		}},
	)
}

func failsafeDone() failsafe.ExecutionResult[int] {
	r := failsafeCaller().begin(bg, trivial())
	_, _ = r.Get()
	return r
}
