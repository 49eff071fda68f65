package hunt_test

import (
	"testing"
	"time"

	"github.com/seed4712c49f/async/verify/hunt"
)

// The same pairs as plain goroutines, for the race detector: go test -race. Those that
// may end the process are left to the children of TestHuntPairs.
func TestPairsAtOnce(t *testing.T) {
	table := hunt.NewTable()
	pairs := hunt.Pairs(table, *match, *huntSeed)
	without := hunt.SetOf(list("HUNT_WITHOUT"))
	n, told := 0, make(map[string]bool)
	for start := time.Now(); n < pairs.Len() && time.Since(start) < *huntFor; n++ {
		p := pairs.At(n).Program()
		if p.Panics {
			continue
		}
		for range *rounds {
			if err := hunt.AtOnce(t, p, table, without); err != nil {
				if key := err.Error()[:10]; !told[key] { // one of each oracle
					told[key] = true
					t.Errorf("%s: %v", pairs.At(n).Name, err)
				}
				break
			}
		}
	}
	t.Logf("%d of %d pairs, %d rounds each", n, pairs.Len(), *rounds)
}
