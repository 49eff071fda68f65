package hunt_test

import (
	"flag"
	"os"
	"strings"
	"time"
)

// Flags of all hunts; those of the explored ones stand beside them.
var (
	huntSeed = flag.Uint64("hunt.seed", 1, "of the first program, and of the order of pairs")
	huntFor  = flag.Duration("hunt.for", 3*time.Second, "how long to hunt")
	match    = flag.String("hunt.match", "", "only pairs whose names match this")
	rounds   = flag.Int("hunt.rounds", 10, "how often a pair is run as plain goroutines")
)

// list returns the names in a variable of the environment: HUNT_WITHOUT leaves oracles
// out, and HUNT_AVOID operations.
func list(name string) []string {
	return strings.FieldsFunc(os.Getenv(name), func(r rune) bool { return r == ',' })
}
