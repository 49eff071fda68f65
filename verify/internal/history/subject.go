package history

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/anishathalye/porcupine"
)

// A Subject is an object under test, made anew for each history.
type Subject interface {
	// Step does one operation, chosen by rnd, that does not wait.
	Step(r *Recorder, client int, rnd *rand.Rand)

	// Wait does one operation that waits until another ends it, if need be End.
	Wait(r *Recorder, client int, rnd *rand.Rand)

	// End is done when nobody does a Step any more: whoever waits is to wake.
	End(r *Recorder, client int)

	// Leave is done by another client at the same time as End.
	Leave(r *Recorder, client int)

	// Settled looks at what is left when everybody has ended, and what was said.
	Settled(ops []porcupine.Operation) error
}

// A Plan says which histories are recorded and by what model they are checked.
type Plan struct {
	Model   porcupine.Model
	New     func(rnd *rand.Rand) Subject
	Clients int // besides the one that does End
	Steps   int // of each, at most
	Seed    uint64
}

// A Tally says what was done.
type Tally struct {
	Histories, Operations int
	Err                   error
}

// client is the life of one client: some steps and, for every second one, a wait.
func (p Plan) client(r *Recorder, s Subject, steps *sync.WaitGroup, seed uint64, client int) {
	rnd := rand.New(rand.NewPCG(seed, uint64(client)))
	for range 1 + rnd.IntN(p.Steps) {
		s.Step(r, client, rnd)
		if rnd.IntN(4) == 0 {
			runtime.Gosched()
		}
	}
	steps.Done()
	if rnd.IntN(2) == 0 {
		s.Wait(r, client, rnd)
	}
}

// subject makes the subject of a history.
func (p Plan) subject(seed uint64) Subject { return p.New(rand.New(rand.NewPCG(seed, 1<<32))) }

// Some returns a random part of what may be done, in at least one way. Histories of
// a few kinds of operation go deeper than those of all.
func Some[Op any](rnd *rand.Rand, all ...Op) (some []Op) {
	for len(some) == 0 {
		for _, op := range all {
			if rnd.IntN(2) == 0 {
				some = append(some, op)
			}
		}
	}
	return some
}

// Run records and checks histories until so many operations are recorded or one
// history is illegal.
func (p Plan) Run(t *testing.T, operations int) Tally {
	t.Helper()
	var done Tally
	for seed := p.Seed; done.Operations < operations && done.Err == nil; seed++ {
		n, err := p.play(t, seed)
		done.Operations += n
		done.Histories++
		done.Err = err
	}
	return done
}
