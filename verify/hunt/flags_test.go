package hunt_test

import (
	"flag"
	"os"
	"strings"
	"time"
)

var (
	huntFor  = flag.Duration("hunt.for", 3*time.Second, "how long to hunt")
	huntSeed = flag.Uint64("hunt.seed", 1, "of the first program")
	huntOnly = flag.Bool("hunt.only", false, "the program, or the pair, of that seed and no other")
	shrink   = flag.Duration("hunt.shrink", 10*time.Second, "how long to shrink what fails")
	most     = flag.Int("hunt.most", 40, "schedules of a pair at most")
	match    = flag.String("hunt.match", "", "only pairs whose names match this")
	first    = flag.Bool("hunt.first", false, "stop at the first failure")
	rounds   = flag.Int("hunt.rounds", 20, "how often a pair is run as plain goroutines")
)

// list returns the names in a variable of the environment: HUNT_WITHOUT leaves oracles
// out, and HUNT_AVOID operations.
func list(name string) []string {
	return strings.Split(os.Getenv(name), ",")
}
