package hunt

import (
	"sync"
	"testing"
	"testing/synctest"
)

// AtOnce runs a program once as the machine has it: its goroutines run at the same time,
// in a bubble, and no schedule is chosen. It is for the race detector, which sees
// nothing where a schedule orders everything.
func AtOnce(t *testing.T, p *Program, table Table, without map[string]bool) error {
	t.Helper()
	var mu sync.Mutex
	var first error
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = err
		}
	}
	synctest.Test(t, func(*testing.T) {
		w := NewWorld(p, table, Look{Without: without}, fail)
		w.Begin()
		var all sync.WaitGroup
		for i := range p.Threads {
			all.Go(func() { w.Thread(i) })
		}
		all.Go(w.Close)
		all.Wait()
		synctest.Wait()
		w.End(synctest.Wait)
	})
	mu.Lock()
	defer mu.Unlock()
	return first
}
