package rivals

import (
	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/bench/internal/table"
)

func asyncSharingForms() []table.Form {
	forms := sharingForms("Group", func() shared {
		g := new(async.Group[string, int])
		return func(key string, f task) (int, error) {
			v, err, _ := g.Do(bg, key, f.ctx)
			return v, err
		}
	})
	return append(forms, table.Form{Op: "gate", As: "Lazy", Make: func(int) table.Work {
		l := async.NewLazy(trivial().ctx)
		_, _ = l.Get(bg)
		return table.Work{Do: func(_ *table.Stopwatch, n int) int {
			k := 0
			for range n {
				v, _ := l.Get(bg)
				k += v
			}
			return k
		}}
	}})
}
