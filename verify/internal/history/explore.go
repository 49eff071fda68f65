//go:build asyncexplore

package history

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/seed4712c49f/async/internal/sched"
)

// Explored says whether the schedules are the explorer's.
const Explored = true

// play records one history under a random schedule, by single steps or by
// priorities, and checks it. ASYNC_SEED and ASYNC_SCHEDULE replay one.
func (p Plan) play(t *testing.T, seed uint64) (operations int, err error) {
	t.Helper()
	if n, err := strconv.ParseUint(os.Getenv("ASYNC_SEED"), 10, 64); err == nil {
		seed = n
	}
	o := sched.Options{
		Switches: 1 << 30, Random: 1, Seed: seed, Depth: int(seed % 4),
		Replay: os.Getenv("ASYNC_SCHEDULE"),
	}
	rep := sched.Explore(t, o, func(x *sched.X) {
		r, s := NewRecorder(p.Clients+2), p.subject(seed)
		var steps sync.WaitGroup
		steps.Add(p.Clients)
		for i := range p.Clients {
			x.Go(func() { p.client(r, s, &steps, seed, i) })
		}
		x.Go(func() {
			steps.Wait()
			s.End(r, p.Clients)
		})
		x.Go(func() {
			steps.Wait()
			s.Leave(r, p.Clients+1)
		})
		x.Check(func() error {
			ops := r.Operations()
			operations = len(ops)
			return errors.Join(Check(p.Model, ops), s.Settled(ops))
		})
	})
	if rep.Err != nil {
		return operations, fmt.Errorf("%w\nreplay: ASYNC_SEED=%d ASYNC_SCHEDULE=%s\n%s", rep.Err, seed, rep.Schedule(), rep.Trace())
	}
	return operations, nil
}
