package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A Reach is what a form of this library is meant to come down to: a ratio to a row
// of the same run, or a number of bytes.
type Reach struct {
	Op    string
	Sizes []int // empty: all that there are
	Row   string

	Against string
	Ratio   float64
	Bytes   float64
}

// Reaches are what the project aims at, where operations have all cores for both.
var Reaches = []Reach{
	{Op: "check", Row: "Event", Against: atomicLoad, Ratio: 2},
	{Op: "check", Row: "Event", Against: closedSelect, Ratio: 0.15},
	{Op: "check", Row: "Call", Against: atomicLoad, Ratio: 2},
	{Op: "check", Row: "Call", Against: closedSelect, Ratio: 0.15},
	{Op: "wait complete", Row: "Await", Against: value, Ratio: 1.5},
	{Op: "wait complete, context", Row: "Await", Against: value, Ratio: 6},
	{Op: "create check", Row: "promise", Against: "raw Go: struct with an atomic", Ratio: 1.8},
	{Op: "create check", Row: "promise", Against: structChannel, Ratio: 0.55},
	{Op: "create check", Row: "Event", Against: "raw Go: struct with an atomic", Ratio: 1.8},
	{Op: "create check", Row: "Event", Against: structChannel, Ratio: 0.55},
	{Op: "broadcast", Sizes: []int{1}, Row: "Event", Against: closing, Ratio: 1.15},
	{Op: "broadcast", Sizes: []int{10}, Row: "Event", Against: closing, Ratio: 1.35},
	{Op: "broadcast", Sizes: []int{1000}, Row: "Event", Against: closing, Ratio: 1.2},
	{Op: "call", Row: "Go, Await", Against: "raw Go", Ratio: 1.1},
	{Op: "promise", Row: "promise", Against: slot, Ratio: 1.05},
	{Op: "fan-out", Row: "GoEach, All", Against: waitGroup, Ratio: 1},
	{Op: "wait any", Sizes: []int{2}, Row: "WaitAny", Against: selects, Ratio: 0.9},
	{Op: "wait any", Sizes: []int{8}, Row: "WaitAny", Against: selects, Ratio: 0.5},
	{Op: "wait any", Sizes: []int{64}, Row: "WaitAny", Against: selects, Ratio: 0.2},
	{Op: "wait any", Sizes: []int{1024}, Row: "WaitAny", Against: selects, Ratio: 0.15},
	{Op: "wait any", Sizes: []int{65_536}, Row: "WaitAny", Against: selects, Ratio: 0.1},
	{Op: "wait any, late", Sizes: []int{2}, Row: "WaitAny", Against: selects, Ratio: 0.9},
	{Op: "wait any, late", Sizes: []int{8}, Row: "WaitAny", Against: selects, Ratio: 0.5},
	{Op: "wait any, late", Sizes: []int{64}, Row: "WaitAny", Against: selects, Ratio: 0.2},
	{Op: "wait any, late", Sizes: []int{1024}, Row: "WaitAny", Against: selects, Ratio: 0.15},
	{Op: "wait any, late", Sizes: []int{65_536}, Row: "WaitAny", Against: selects, Ratio: 0.1},
	{Op: "standing", Sizes: []int{8, 64, 1024}, Row: "Set", Against: sharedChannel, Ratio: 1.25},
	{Op: "standing", Sizes: []int{65_536}, Row: "Set", Against: sharedChannel, Ratio: 1.6},
	{Op: "drain", Sizes: []int{64, 1024, 16_384}, Row: "Set", Against: bufferedChannel, Ratio: 2.4},
	{Op: "drain", Sizes: []int{1_000_000}, Row: "Set", Against: bufferedChannel, Ratio: 5},
	{Op: "callback", Row: "AfterFunc", Against: "raw Go: struct and go", Ratio: 1.2},
	{Op: "callback", Row: "AfterFunc", Against: "context: AfterFunc", Ratio: 0.4},
	{Op: "hot key", Row: "Group", Against: mutexMap, Ratio: 1.15},
	{Op: "distinct keys", Row: "Group", Against: mutexMap, Ratio: 0.8},
	{Op: "gate", Row: "Lazy", Against: atomicPointer, Ratio: 1.4},
	{Op: "gate", Row: "Lazy", Against: "sync: Once", Ratio: 1.1},
	{Op: "clone", Row: "Signal", Against: sixteenBytes, Ratio: 3},
	{Op: "clone", Row: "Call", Against: sixteenBytes, Ratio: 3},
	{Op: "pending bytes", Row: "promise", Bytes: 128},
	{Op: "pending bytes", Row: "promise and its channel", Bytes: 240},
	{Op: "entry bytes", Row: "Set", Bytes: 64},
	{Op: "callback bytes", Row: "AfterFunc", Bytes: 64},
}

// A mark is how near a form came to its reach.
type mark struct {
	at, ours, against string
	aim, got          string
	by                float64 // got divided by aim
}

// tolerance is by how much a figure may miss its aim and still count: for bytes,
// pages that are not quite full.
const tolerance = 1.01

// marks compares a run with what is aimed at, the farthest off first.
func marks(r *Run, ops []table.Op) []mark {
	var all []mark
	for _, reach := range Reaches {
		i := slices.IndexFunc(ops, func(op table.Op) bool { return op.Name == reach.Op })
		if i < 0 {
			continue
		}
		for _, res := range r.of(ops[i]) {
			row, there := find(res, table.Label(ours, reach.Row))
			if !there || len(reach.Sizes) > 0 && !slices.Contains(reach.Sizes, res.Size) {
				continue
			}
			m := mark{at: title(ops[i], res), ours: reach.Row}
			if reach.Bytes > 0 {
				m.against, m.by = "bytes", row.Bytes/reach.Bytes
				m.aim, m.got = digits(reach.Bytes), digits(row.Bytes)
				all = append(all, m)
				continue
			}
			other, there := find(res, reach.Against)
			if !there {
				continue
			}
			got := row.To(ops[i].Kind, other)
			m.against, m.by = "to "+reach.Against, got/reach.Ratio
			m.aim, m.got = ratio(reach.Ratio), ratio(got)
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b mark) int { return cmp.Compare(b.by, a.by) })
	return all
}

// writeReach says what is not reached, and what is.
func writeReach(w io.Writer, r *Run, ops []table.Op) {
	all := marks(r, ops)
	missed := slices.IndexFunc(all, func(m mark) bool { return m.by <= tolerance })
	if missed < 0 {
		missed = len(all)
	}
	fmt.Fprintf(w, "## How near it came to its aims\n\nOf %d aims that the project set itself before it measured, %d are reached in this run.\n\n", len(all), len(all)-missed)
	for i, part := range [][]mark{all[:missed], all[missed:]} {
		if len(part) == 0 {
			continue
		}
		if i == 0 {
			fmt.Fprint(w, "Not reached, the farthest first:\n\n")
		} else {
			fmt.Fprint(w, "Reached:\n\n")
		}
		fmt.Fprint(w, "| operation | async | ratio | aim | measured |\n| --- | --- | --- | ---: | ---: |\n")
		for _, m := range part {
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", m.at, m.ours, m.against, m.aim, m.got)
		}
		fmt.Fprintln(w)
	}
}
