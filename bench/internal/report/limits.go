package report

import "github.com/seed4712c49f/async/bench/internal/table"

// A Limit is what a form of this library must not exceed at a point. There is none
// on times, which are the machine's. Ratios are to a row of the same run, and have
// room for a busy machine. Allocations and bytes are exact: one more exceeds them.
type Limit struct {
	Op    string
	Size  int // 0: the operation has no sizes
	Cores bool
	Row   string // the form of this library

	Against string  // the row that Ratio is to
	Ratio   float64 // 0: none

	Allocs float64 // as many are allowed, where they are counted; None: any
	Bytes  float64 // that these take, or for memory each thing; 0: any
	Keeps  bool    // a loop may keep what it likes
}

// None is no limit on allocations.
const None = -1

// Rows that others are compared with.
const (
	atomicLoad      = "raw Go: atomic load"
	atomicPointer   = "raw Go: atomic pointer"
	bufferedChannel = "raw Go: one buffered channel"
	closedSelect    = "raw Go: select on a closed channel"
	closing         = "raw Go: close a channel"
	mutexMap        = "raw Go: mutex and map"
	selects         = "reflect.Select"
	sharedChannel   = "raw Go: one shared channel"
	sixteenBytes    = "raw Go: 16 bytes allocated"
	slot            = "raw Go: channel with one slot"
	structChannel   = "raw Go: struct and channel"
	value           = "raw Go: atomic load and the value"
	waitGroup       = "raw Go: slices and a WaitGroup"
)

// Limits are checked by CI. They are wider than what is measured, by a factor that is
// nearly two: what has become twice as slow exceeds them. Where a floor does the same
// work they are to that, which is least disturbed by where the compiler puts what.
var Limits = []Limit{
	{Op: "check", Row: "Event", Against: atomicLoad, Ratio: 1.9},
	{Op: "check", Row: "Call", Against: atomicLoad, Ratio: 1.4},
	{Op: "check", Row: "Event", Against: closedSelect, Ratio: 0.15},
	{Op: "check", Cores: true, Row: "Event", Against: atomicLoad, Ratio: 1.9},
	{Op: "check", Cores: true, Row: "Call", Against: atomicLoad, Ratio: 1.4},
	{Op: "wait complete", Row: "Await", Against: floored(genericMethod), Ratio: 1.9},
	{Op: "wait complete", Row: "Event", Against: floored(genericMethod), Ratio: 0.6},
	{Op: "wait complete", Cores: true, Row: "Await", Against: floored(genericMethod), Ratio: 1.9},
	{Op: "wait complete, context", Row: "Await", Against: floored(genericMethod), Ratio: 1.9},
	{Op: "wait complete, context", Cores: true, Row: "Await", Against: floored(genericMethod), Ratio: 1.9},
	{Op: "gate", Row: "Lazy", Against: floored(genericMethod), Ratio: 1.9},
	{Op: "gate", Cores: true, Row: "Lazy", Against: floored(genericMethod), Ratio: 1.9},
	{Op: "create check", Row: "Event", Against: floored("event"), Ratio: 2, Allocs: 1, Bytes: 33},
	{Op: "create check", Row: "promise", Against: floored("promise"), Ratio: 2.4, Allocs: 1, Bytes: 113},
	{Op: "create wait", Row: "promise", Against: slot, Ratio: 2, Allocs: 1, Bytes: 113},
	{Op: "broadcast", Size: 1, Row: "Event", Against: closing, Ratio: 2.1, Allocs: 11},
	{Op: "broadcast", Size: 10, Row: "Event", Against: closing, Ratio: 2, Allocs: 29},
	{Op: "broadcast", Size: 1000, Row: "Event", Against: closing, Ratio: 2.3, Allocs: 2015},
	{Op: "call", Row: "Go, Await", Against: "raw Go", Ratio: 1.9, Allocs: 2, Bytes: 152},
	{Op: "call", Row: "Begin, Wait, Finish", Against: "raw Go", Ratio: 2.1, Allocs: 2, Bytes: 136},
	{Op: "call, context", Row: "Go, Await", Against: "raw Go", Ratio: 1.9, Allocs: 2, Bytes: 152},
	{Op: "call, slow", Row: "Go, Await", Against: "raw Go", Ratio: 2.5, Allocs: 3, Bytes: 264},
	{Op: "promise", Row: "promise", Against: slot, Ratio: 1.9, Allocs: 1, Bytes: 120},
	{Op: "nested", Size: 10, Row: "Go, Await", Against: "raw Go", Ratio: 6, Allocs: 46.5},
	{Op: "nested", Size: 100, Row: "Go, Await", Against: "raw Go", Ratio: 7, Allocs: 497},
	{Op: "fan-out", Size: 10, Row: "GoEach, All", Against: floored(guardedCalls), Ratio: 2.7, Allocs: 13.4},
	{Op: "fan-out", Size: 1000, Row: "GoEach, All", Against: floored(guardedCalls), Ratio: 2.5, Allocs: 14},
	{Op: "wait any", Size: 2, Row: "WaitAny", Against: selects, Ratio: 1.1, Allocs: 3},
	{Op: "wait any", Size: 64, Row: "WaitAny", Against: selects, Ratio: 0.28, Allocs: 4},
	{Op: "wait any", Size: 1024, Row: "WaitAny", Against: selects, Ratio: 0.19, Allocs: 4},
	{Op: "wait any, late", Size: 64, Row: "WaitAny", Against: floored(linked), Ratio: 2.5, Allocs: 7},
	{Op: "standing", Size: 1024, Row: "Set", Against: floored(registered), Ratio: 2.1, Allocs: 1, Bytes: 33},
	{Op: "drain", Size: 1024, Row: "Set", Against: floored(registered), Ratio: 2.3, Allocs: 16},
	{Op: "callback", Row: "AfterFunc", Against: "context: AfterFunc", Ratio: 0.8, Allocs: 3, Bytes: 104},
	{Op: "callback, inline", Row: "OnSignal", Against: "raw Go: struct and a function", Ratio: 9, Allocs: 6},
	{Op: "callback, stopped", Row: "AfterFunc", Against: "context: AfterFunc", Ratio: 0.55, Allocs: 2, Bytes: 65},
	{Op: "clone", Row: "Signal", Against: floored(counted), Ratio: 2.4, Allocs: 1, Bytes: 25},
	{Op: "clone", Row: "Call", Against: floored(counted), Ratio: 3.5, Allocs: 1, Bytes: 25},
	{Op: "hot key", Row: "Group", Against: "singleflight", Ratio: 3, Allocs: None},
	{Op: "distinct keys", Row: "Group", Against: floored(ownGoroutine), Ratio: 2.8, Allocs: 2.5},
	{Op: "limit", Size: 10_000, Row: "Scope", Against: "raw Go: semaphore", Ratio: 2.1, Allocs: 20_020},
	{Op: "abandon", Row: "Release, Discard", Against: "raw Go: both sides swap a flag", Ratio: 2.6, Allocs: 8, Bytes: 592},
	{Op: "wait given up", Row: "Await", Against: "raw Go: select with the context", Ratio: 3.3, Allocs: 1, Bytes: 33},
	{Op: "race never", Size: 20_000, Row: "WaitAny", Against: "raw Go: select", Ratio: 2},
	{Op: "race never", Size: 20_000, Row: "Race of promises", Against: "raw Go: select", Ratio: 5},
	{Op: "pending bytes", Size: 100_000, Row: "promise", Bytes: 129},
	{Op: "pending bytes", Size: 100_000, Row: "promise and its channel", Bytes: 241},
	{Op: "queued bytes", Size: 100_000, Row: "Scope", Bytes: 235},
	{Op: "waiter bytes", Size: 100_000, Row: "Event", Against: closing, Ratio: 1.06},
	{Op: "callback bytes", Size: 100_000, Row: "AfterFunc", Bytes: 49},
	{Op: "entry bytes", Size: 100_000, Row: "Set", Bytes: 58},
}

// floored is the label of a floor.
func floored(as string) string { return table.Label(table.Floor, as) }
