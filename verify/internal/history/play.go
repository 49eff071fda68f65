//go:build !asyncexplore

package history

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// Explored says whether the schedules are the explorer's.
const Explored = false

// errHang says that a client waits for ever.
var errHang = errors.New("history: a client does not come back")

// play records one history as the machine has it, and checks it.
func (p Plan) play(t *testing.T, seed uint64) (operations int, err error) {
	t.Helper()
	r, s := NewRecorder(p.Clients+2), p.subject(seed)
	var steps, all sync.WaitGroup
	steps.Add(p.Clients)
	start, over := make(chan struct{}), make(chan struct{})
	for i := range p.Clients {
		all.Go(func() {
			<-start
			p.client(r, s, &steps, seed, i)
		})
	}
	all.Go(func() {
		steps.Wait()
		s.End(r, p.Clients)
	})
	all.Go(func() {
		steps.Wait()
		s.Leave(r, p.Clients+1)
	})
	close(start)
	go func() {
		all.Wait()
		close(over)
	}()
	slow := time.NewTimer(patience)
	defer slow.Stop()
	select {
	case <-over:
	case <-slow.C:
		return 0, errHang
	}
	ops := r.Operations()
	return len(ops), errors.Join(Check(p.Model, ops), settled(s, ops))
}

// settled gives what the library does in goroutines of its own a moment.
func settled(s Subject, ops []porcupine.Operation) (err error) {
	for start := time.Now(); time.Since(start) < time.Second; runtime.Gosched() {
		if err = s.Settled(ops); err == nil {
			return nil
		}
	}
	return err
}
