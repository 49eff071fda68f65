//go:build asyncexplore && !unix

package hunt

import "time"

var begun0 = time.Now() //nolint:gochecknoglobals // the start of this process

// processor returns how long this process has gone on, where nothing tells how long it has
// had a processor.
func processor() time.Duration { return time.Since(begun0) }
