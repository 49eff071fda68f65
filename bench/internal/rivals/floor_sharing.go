package rivals

import (
	"sync"
	"sync/atomic"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A handGroup is byHand with runs that belong to nobody: each has a goroutine of its
// own, which no caller's end and no Goexit takes along.
type handGroup[K comparable] struct {
	mu   sync.Mutex
	runs map[K]*handShared
}

type handShared struct {
	over  atomic.Bool
	ready chan struct{} // made by the first who parks
	users int           // how many share it
	v     int
	err   error
}

func (g *handGroup[K]) do(key K, f task) (int, error) {
	g.mu.Lock()
	r := g.runs[key]
	begun := r == nil
	if begun {
		if g.runs == nil {
			g.runs = map[K]*handShared{}
		}
		r = new(handShared)
		g.runs[key] = r
	}
	r.users++
	g.mu.Unlock()
	if begun {
		go g.run(key, r, f)
		giveWay()
	}
	if !r.over.Load() {
		g.park(r)
	}
	return r.v, r.err
}

func (g *handGroup[K]) run(key K, r *handShared, f task) {
	guarded(f.plain, func(v int, err error) {
		g.mu.Lock()
		delete(g.runs, key)
		r.v, r.err = v, err
		r.over.Store(true)
		ready := r.ready
		g.mu.Unlock()
		if ready != nil {
			close(ready)
		}
	})
}

func (g *handGroup[K]) park(r *handShared) {
	g.mu.Lock()
	if r.over.Load() {
		g.mu.Unlock()
		return
	}
	if r.ready == nil {
		r.ready = make(chan struct{})
	}
	g.mu.Unlock()
	<-r.ready
}

func floorSharing() []table.Form {
	forms := sharingForms("map and a goroutine", func() shared {
		var g handGroup[string]
		return g.do
	})
	for i := range forms {
		forms[i].Why = "any caller may leave a run to the others, the first one too, so it has a goroutine of its own, with panics caught, and all callers wait for that"
	}
	return forms
}
