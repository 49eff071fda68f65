package rivals

import (
	"slices"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// floorForms are what bounds this library: raw Go that keeps the promises that an
// operation needs kept, and no more. Nobody would use it as it is, so it is no rival.
// Each says why less would not do.
func floorForms() []table.Form {
	return slices.Concat(floorLooking(), floorMaking(), floorHandles(), floorMany(), floorSharing())
}

// floor is a form of a floor.
func floor(op, as, why string, open func(int) table.Work) table.Form {
	return table.Form{Op: op, As: as, Why: why, Make: open}
}
