package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/seed4712c49f/async/bench/internal/measure"
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

	Floor string // the floor that bounds it, if one does that Against is not
}

// The floors that bound several.
const (
	counted       = "handle and a count"
	genericMethod = "method of a generic type"
	guardedCalls  = "promises, panics caught"
	linked        = "linked and unlinked"
	lockChannel   = "lock and shared channel"
	ownGoroutine  = "map and a goroutine"
	registered    = "registration and queue"
)

// Reaches are what the project aims at, where operations have all cores for both.
var Reaches = []Reach{
	{Op: "check", Row: "Event", Against: atomicLoad, Ratio: 2},
	{Op: "check", Row: "Event", Against: closedSelect, Ratio: 0.15},
	{Op: "check", Row: "Call", Against: atomicLoad, Ratio: 2},
	{Op: "check", Row: "Call", Against: closedSelect, Ratio: 0.15},
	{Op: "wait complete", Row: "Await", Against: value, Ratio: 1.5, Floor: genericMethod},
	{Op: "wait complete, context", Row: "Await", Against: value, Ratio: 6, Floor: genericMethod},
	{Op: "create check", Row: "promise", Against: "raw Go: struct with an atomic", Ratio: 1.8, Floor: "promise"},
	{Op: "create check", Row: "promise", Against: structChannel, Ratio: 0.55, Floor: "promise"},
	{Op: "create check", Row: "Event", Against: "raw Go: struct with an atomic", Ratio: 1.8, Floor: "event"},
	{Op: "create check", Row: "Event", Against: structChannel, Ratio: 0.55, Floor: "event"},
	{Op: "broadcast", Sizes: []int{1}, Row: "Event", Against: closing, Ratio: 1.15, Floor: lockChannel},
	{Op: "broadcast", Sizes: []int{10}, Row: "Event", Against: closing, Ratio: 1.35, Floor: lockChannel},
	{Op: "broadcast", Sizes: []int{1000}, Row: "Event", Against: closing, Ratio: 1.2, Floor: lockChannel},
	{Op: "call", Row: "Go, Await", Against: "raw Go", Ratio: 1.1, Floor: "goroutine and promise"},
	{Op: "promise", Row: "promise", Against: slot, Ratio: 1.05, Floor: "promise"},
	{Op: "fan-out", Row: "GoEach, All", Against: waitGroup, Ratio: 1, Floor: guardedCalls},
	{Op: "wait any", Sizes: []int{2}, Row: "WaitAny", Against: selects, Ratio: 0.9},
	{Op: "wait any", Sizes: []int{8}, Row: "WaitAny", Against: selects, Ratio: 0.5},
	{Op: "wait any", Sizes: []int{64}, Row: "WaitAny", Against: selects, Ratio: 0.2},
	{Op: "wait any", Sizes: []int{1024}, Row: "WaitAny", Against: selects, Ratio: 0.15},
	{Op: "wait any", Sizes: []int{65_536}, Row: "WaitAny", Against: selects, Ratio: 0.1},
	{Op: "wait any, late", Sizes: []int{2}, Row: "WaitAny", Against: selects, Ratio: 0.9, Floor: linked},
	{Op: "wait any, late", Sizes: []int{8}, Row: "WaitAny", Against: selects, Ratio: 0.5, Floor: linked},
	{Op: "wait any, late", Sizes: []int{64}, Row: "WaitAny", Against: selects, Ratio: 0.2, Floor: linked},
	{Op: "wait any, late", Sizes: []int{1024}, Row: "WaitAny", Against: selects, Ratio: 0.15, Floor: linked},
	{Op: "wait any, late", Sizes: []int{65_536}, Row: "WaitAny", Against: selects, Ratio: 0.1, Floor: linked},
	{Op: "standing", Sizes: []int{8, 64, 1024}, Row: "Set", Against: sharedChannel, Ratio: 1.25, Floor: registered},
	{Op: "standing", Sizes: []int{65_536}, Row: "Set", Against: sharedChannel, Ratio: 1.6, Floor: registered},
	{Op: "drain", Sizes: []int{64, 1024, 16_384}, Row: "Set", Against: bufferedChannel, Ratio: 2.4, Floor: registered},
	{Op: "drain", Sizes: []int{1_000_000}, Row: "Set", Against: bufferedChannel, Ratio: 5, Floor: registered},
	{Op: "callback", Row: "AfterFunc", Against: "raw Go: struct and go", Ratio: 1.2, Floor: "event and registration"},
	{Op: "callback", Row: "AfterFunc", Against: "context: AfterFunc", Ratio: 0.4, Floor: "event and registration"},
	{Op: "hot key", Row: "Group", Against: mutexMap, Ratio: 1.15, Floor: ownGoroutine},
	{Op: "distinct keys", Row: "Group", Against: mutexMap, Ratio: 0.8, Floor: ownGoroutine},
	{Op: "gate", Row: "Lazy", Against: atomicPointer, Ratio: 1.4, Floor: genericMethod},
	{Op: "gate", Row: "Lazy", Against: "sync: Once", Ratio: 1.1, Floor: genericMethod},
	{Op: "clone", Row: "Signal", Against: sixteenBytes, Ratio: 3, Floor: counted},
	{Op: "clone", Row: "Call", Against: sixteenBytes, Ratio: 3, Floor: counted},
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
	bound             bound
}

// A bound is a floor beside a form that did not come down to its aim.
type bound struct {
	label, why string  // empty: there is none
	own        float64 // its ratio to what the aim is to
	aim        float64
	ours       float64 // the form's ratio to it
}

// short reports whether what bounds a form misses the aim itself.
func (b bound) short() bool { return b.label != "" && b.own > b.aim*tolerance }

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
			if len(reach.Sizes) > 0 && !slices.Contains(reach.Sizes, res.Size) {
				continue
			}
			if m, ok := reach.mark(ops[i], res); ok {
				all = append(all, m)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b mark) int { return cmp.Compare(b.by, a.by) })
	return all
}

// mark compares a result with what is aimed at; ok is false where it has not what is
// compared.
func (l Reach) mark(op table.Op, res measure.Result) (m mark, ok bool) {
	row, there := find(res, table.Label(ours, l.Row))
	if !there {
		return m, false
	}
	m = mark{at: title(op, res), ours: l.Row}
	if l.Bytes > 0 {
		m.against, m.by = "bytes", row.Bytes/l.Bytes
		m.aim, m.got = digits(l.Bytes), digits(row.Bytes)
		return m, true
	}
	other, there := find(res, l.Against)
	if !there {
		return m, false
	}
	got := row.To(op.Kind, other)
	m.against, m.by = "to "+l.Against, got/l.Ratio
	m.aim, m.got = ratio(l.Ratio), ratio(got)
	if floor, there := find(res, table.Label(table.Floor, l.Floor)); there {
		m.bound = bound{floor.Label(), floor.Why, floor.To(op.Kind, other), l.Ratio, row.To(op.Kind, floor)}
	}
	return m, true
}

// writeReach says what is not reached and what bounds it, and what is reached.
func writeReach(w io.Writer, r *Run, ops []table.Op) {
	all := marks(r, ops)
	missed := slices.IndexFunc(all, func(m mark) bool { return m.by <= tolerance })
	if missed < 0 {
		missed = len(all)
	}
	fmt.Fprintf(w, "## How near it came to its aims\n\nOf %d aims that the project set itself before it measured, %d are reached in this run.\n\n", len(all), len(all)-missed)
	writeMissed(w, all[:missed])
	writeReached(w, all[missed:])
}

func writeReached(w io.Writer, reached []mark) {
	if len(reached) == 0 {
		return
	}
	fmt.Fprint(w, "Reached:\n\n| operation | async | ratio | aim | measured |\n| --- | --- | --- | ---: | ---: |\n")
	for _, m := range reached {
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", m.at, m.ours, m.against, m.aim, m.got)
	}
	fmt.Fprintln(w)
}
