package rivals

import (
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/seed4712c49f/async/bench/internal/table"
)

func rawSharingForms() []table.Form {
	forms := sharingForms("mutex and map", func() shared {
		var g byHand[string]
		return g.do
	})
	return append(forms, table.Form{Op: "gate", As: "atomic pointer", Make: func(int) table.Work {
		var p atomic.Pointer[int]
		v := 1
		p.Store(&v)
		return table.Work{Do: func(_ *table.Stopwatch, n int) int {
			k := 0
			for range n {
				if v := p.Load(); v != nil {
					k += *v
				}
			}
			return k
		}}
	}})
}

// shared asks for what key stands for, and runs f where nobody does.
type shared func(key string, f task) (int, error)

// sharingForms are the operations of those who share calls by key.
func sharingForms(as string, open func() shared) []table.Form {
	return []table.Form{
		{Op: "hot key", As: as, Make: func(int) table.Work {
			do, f := open(), slow()
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				return workers(8*runtime.GOMAXPROCS(0), n, func(int, int) int {
					v, _ := do("key", f)
					return v
				})
			}}
		}},
		{Op: "distinct keys", As: as, Make: func(int) table.Work {
			do, f := open(), trivial()
			var asked atomic.Int64
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				// Whoever else asks at this moment has other keys.
				prefix := strconv.FormatInt(asked.Add(1), 10) + " "
				var keys [256]string
				for i := range keys {
					keys[i] = prefix + strconv.Itoa(i)
				}
				k := 0
				for i := range n {
					v, _ := do(keys[i%len(keys)], f)
					k += v
				}
				return k
			}}
		}},
	}
}

// A byHand is what one writes who needs no more: it knows neither contexts nor
// panics.
type byHand[K comparable] struct {
	mu   sync.Mutex
	runs map[K]*handRun
}

type handRun struct {
	done sync.WaitGroup
	v    int
	err  error
}

func (g *byHand[K]) do(key K, f task) (int, error) {
	g.mu.Lock()
	if r := g.runs[key]; r != nil {
		g.mu.Unlock()
		r.done.Wait()
		return r.v, r.err
	}
	r := new(handRun)
	r.done.Add(1)
	if g.runs == nil {
		g.runs = map[K]*handRun{}
	}
	g.runs[key] = r
	g.mu.Unlock()
	r.v, r.err = f.plain()
	g.mu.Lock()
	delete(g.runs, key)
	g.mu.Unlock()
	r.done.Done()
	return r.v, r.err
}
