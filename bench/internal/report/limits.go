package report

// A Limit is what a form of this library must not exceed at a point. There is none
// on times, which are the machine's. Ratios are to a row of the same run, and have
// room for a busy machine: they catch what has become several times slower.
// Allocations and bytes are exact.
type Limit struct {
	Op    string
	Size  int // 0: the operation has no sizes
	Cores bool
	Row   string // the form of this library

	Against string  // the row that Ratio is to
	Ratio   float64 // 0: none

	Allocs float64 // as many are allowed; None: any
	Bytes  float64 // for memory: of each; 0: any
	Keeps  bool    // a loop may keep what it likes
}

// None is no limit on allocations.
const None = -1

// Rows that others are compared with.
const (
	atomicLoad      = "raw Go: atomic load"
	atomicPointer   = "raw Go: atomic pointer"
	bufferedChannel = "raw Go: one buffered channel"
	closedReceive   = "raw Go: receive from a closed channel"
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

// Limits are checked by CI. The ratios that the project wants to reach are in the
// issue that asked for this module; these are wider, by a factor of two at least.
var Limits = []Limit{
	{Op: "check", Row: "Event", Against: atomicLoad, Ratio: 4},
	{Op: "check", Row: "Call", Against: atomicLoad, Ratio: 4},
	{Op: "check", Row: "Event", Against: closedSelect, Ratio: 0.4},
	{Op: "check", Cores: true, Row: "Event", Against: atomicLoad, Ratio: 4},
	{Op: "check", Cores: true, Row: "Call", Against: atomicLoad, Ratio: 4},
	{Op: "wait complete", Row: "Await", Against: closedReceive, Ratio: 0.5},
	{Op: "wait complete", Cores: true, Row: "Await", Against: closedReceive, Ratio: 0.5},
	{Op: "wait complete, context", Row: "Await", Against: value, Ratio: 24},
	{Op: "wait complete, context", Cores: true, Row: "Await", Against: value, Ratio: 24},
	{Op: "gate", Row: "Lazy", Against: atomicPointer, Ratio: 14},
	{Op: "gate", Cores: true, Row: "Lazy", Against: atomicPointer, Ratio: 14},
	{Op: "create check", Row: "Event", Against: structChannel, Ratio: 1.1, Allocs: 1},
	{Op: "create check", Row: "promise", Against: structChannel, Ratio: 2.4, Allocs: 1},
	{Op: "create wait", Row: "promise", Against: slot, Ratio: 3, Allocs: 1},
	{Op: "broadcast", Size: 1, Row: "Event", Against: closing, Ratio: 2.6, Allocs: None},
	{Op: "broadcast", Size: 10, Row: "Event", Against: closing, Ratio: 3, Allocs: None},
	{Op: "broadcast", Size: 1000, Row: "Event", Against: closing, Ratio: 3, Allocs: None},
	{Op: "call", Row: "Go, Await", Against: "raw Go", Ratio: 2.2, Allocs: 2},
	{Op: "call", Row: "Begin, Wait, Finish", Against: "raw Go", Ratio: 2.6, Allocs: 2},
	{Op: "call, context", Row: "Go, Await", Against: "raw Go", Ratio: 2.2, Allocs: 2},
	{Op: "call, slow", Row: "Go, Await", Against: "raw Go", Ratio: 3, Allocs: 4},
	{Op: "promise", Row: "promise", Against: slot, Ratio: 2.2, Allocs: 2},
	{Op: "fan-out", Size: 1000, Row: "GoEach, All", Against: waitGroup, Ratio: 2.8, Allocs: 20},
	{Op: "wait any", Size: 2, Row: "WaitAny", Against: selects, Ratio: 3, Allocs: None},
	{Op: "wait any", Size: 64, Row: "WaitAny", Against: selects, Ratio: 0.8, Allocs: None},
	{Op: "wait any", Size: 1024, Row: "WaitAny", Against: selects, Ratio: 0.7, Allocs: None},
	{Op: "standing", Size: 1024, Row: "Set", Against: sharedChannel, Ratio: 8, Allocs: 1},
	{Op: "drain", Size: 1024, Row: "Set", Against: bufferedChannel, Ratio: 9, Allocs: None},
	{Op: "callback", Row: "AfterFunc", Against: "context: AfterFunc", Ratio: 1, Allocs: 4},
	{Op: "callback, stopped", Row: "AfterFunc", Against: "context: AfterFunc", Ratio: 0.8, Allocs: 2},
	{Op: "clone", Row: "Signal", Against: sixteenBytes, Ratio: 10, Allocs: 1},
	{Op: "clone", Row: "Call", Against: sixteenBytes, Ratio: 12, Allocs: 1},
	{Op: "hot key", Row: "Group", Against: "singleflight", Ratio: 8, Allocs: None},
	{Op: "distinct keys", Row: "Group", Against: "singleflight", Ratio: 16, Allocs: None},
	{Op: "limit", Size: 10_000, Row: "Scope", Against: "raw Go: semaphore", Ratio: 2.6, Allocs: None},
	{Op: "abandon", Row: "Release, Discard", Against: "raw Go: both sides swap a flag", Ratio: 3.5, Allocs: None},
	{Op: "race never", Size: 20_000, Row: "WaitAny", Against: "raw Go: select", Ratio: 7, Allocs: None},
	{Op: "race never", Size: 20_000, Row: "Race of promises", Allocs: None},
	{Op: "pending bytes", Size: 100_000, Row: "promise", Allocs: None, Bytes: 129},
	{Op: "pending bytes", Size: 100_000, Row: "promise and its channel", Allocs: None, Bytes: 241},
	{Op: "queued bytes", Size: 100_000, Row: "Scope", Allocs: None, Bytes: 280},
	{Op: "callback bytes", Size: 100_000, Row: "AfterFunc", Allocs: None, Bytes: 65},
	{Op: "entry bytes", Size: 100_000, Row: "Set", Allocs: None, Bytes: 65},
}
