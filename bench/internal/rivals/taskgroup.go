package rivals

import (
	"context"

	"github.com/creachadair/taskgroup"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A single is one call that is waited for.
type single = *taskgroup.Single[taskgroup.Result[int]]

func taskgroupCaller() caller[single] {
	return caller[single]{
		begin: func(_ context.Context, f task) single { return taskgroup.Call(f.plain) },
		wait:  func(_ context.Context, s single) (int, error) { return s.Wait().Get() },
	}
}

func taskgroupForms() []table.Form {
	return append(callForms("", taskgroupCaller),
		table.Form{Op: "check", As: "select on Done", Make: func(int) table.Work {
			s := taskgroup.Call(trivial().plain)
			<-s.Done()
			return table.Work{Do: func(_ *table.Stopwatch, n int) int { return checkChannel(s.Done(), n) }}
		}},
		table.Form{Op: "wait complete", Make: func(int) table.Work {
			s := taskgroup.Call(trivial().plain)
			s.Wait()
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				k := 0
				for range n {
					v, _ := s.Wait().Get()
					k += v
				}
				return k
			}}
		}},
		table.Form{Op: "fan-out", Make: func(size int) table.Work {
			in := numbers(size)
			return table.Work{Do: repeat(func() int {
				vs := make([]int, size)
				g := taskgroup.New(nil)
				for i := range in {
					g.Go(func() (err error) {
						vs[i], err = identity(in[i])
						return err
					})
				}
				if g.Wait() != nil {
					return 0
				}
				return inOrder(vs)
			})}
		}},
		table.Form{Op: "limit", As: "Limit", Make: func(size int) table.Work {
			return table.Work{Do: repeat(func() int {
				gauge := gauge{limit: limitOf}
				vs := make([]int, size)
				g, start := taskgroup.New(nil).Limit(limitOf)
				for i := range vs {
					start.Run(func() { vs[i] = gauge.value(i) })
				}
				if g.Wait() != nil {
					return 0
				}
				return inOrder(vs)
			})}
		}},
	)
}
