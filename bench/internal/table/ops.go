package table

// The groups of operations, in the order of the page.
const (
	looking  = "Looking at what is complete"
	making   = "Making, completing, waiting"
	calling  = "Calls"
	many     = "Many at once"
	calledOn = "Callbacks and handles"
	sharing  = "Sharing"
	limits   = "Under a limit"
	leaving  = "Giving up"
	waking   = "How fast a waiter wakes"
	memory   = "Memory"
	bounds   = "What the runtime costs"
)

// Ops are the operations, in the order in which they are measured and shown.
var Ops = []Op{
	{
		Name: "check", Group: looking, Unit: "check", AllCores: true, Want: once,
		What: "See that something is complete, without waiting.",
	},
	{
		Name: "wait complete", Group: looking, Unit: "wait", AllCores: true, Want: once,
		What: "Wait for what is complete, and take its value where it has one, without a context that can end.",
	},
	{
		Name: "wait complete, context", Group: looking, Unit: "wait", AllCores: true, Want: once,
		What: "The same with a context that can be canceled.",
	},
	{
		Name: "gate", Group: looking, Unit: "pass", AllCores: true, Want: once,
		What: "Get a value that is made once, when it has been made.",
	},
	{
		Name: "create check", Group: making, Unit: "life", Want: once,
		What: "Make something that completes, complete it, see that it is complete; one goroutine.",
	},
	{
		Name: "create wait", Group: making, Unit: "life", Want: once,
		What: "Make something that completes, complete it with a value, wait for that; one goroutine.",
	},
	{
		Name: "broadcast", Group: making, Unit: "broadcast", SizeOf: "waiters", Each: "waiter", Want: each,
		Sizes: []int{1, 10, 1000, 100_000}, Quick: []int{1, 10, 1000},
		What: "Goroutines begin to wait for one thing, it completes, all have run on.",
	},
	{
		Name: "call", Group: calling, Unit: "call", Want: once,
		What: "Call a trivial function in a goroutine of its own and wait for its value and error; one call at a time.",
	},
	{
		Name: "call, context", Group: calling, Unit: "call", Want: once,
		What: "The same, with a context that can be canceled: both function and wait would end with it.",
	},
	{
		Name: "call, slow", Group: calling, Unit: "call", Want: once,
		What: "The same with a function that yields the processor so often that the waiter has to park.",
	},
	{
		Name: "calls in flight", Group: calling, Unit: "call", Want: once,
		What: "Every core has 64 calls in flight and waits for the oldest before it begins another.",
	},
	{
		Name: "promise", Group: calling, Unit: "call", Want: once,
		What: "A goroutine makes something that completes, hands it to another that lives on, which completes it with a value; the first waits.",
	},
	{
		Name: "nested", Group: calling, Unit: "chain", SizeOf: "depth", Each: "level", Want: each,
		Sizes: []int{1, 10, 100, 1000}, Quick: []int{10, 100},
		What: "A call waits for a call that waits for a call; the innermost returns.",
	},
	{
		Name: "fan-out", Group: many, Unit: "fan-out", SizeOf: "calls", Each: "call", Want: each,
		Sizes: []int{10, 1000, 100_000}, Quick: []int{10, 1000},
		What: "Call a trivial function for each of many inputs, every one in a goroutine of its own, and collect values and errors in order of the inputs.",
	},
	{
		Name: "wait any", Group: many, Unit: "wait", SizeOf: "members", Each: "member", Want: perOp, Yardstick: "reflect.Select",
		Sizes: []int{2, 8, 64, 1024, 65_536, 1_000_000}, Quick: []int{2, 8, 64, 1024},
		What: "From a slice of things that are pending, wait until the first completes, which is the last of the slice, completed by another goroutine; then leave the others as they were.",
	},
	{
		Name: "wait any, late", Group: many, Unit: "wait", SizeOf: "members", Each: "member", Want: perOp, Yardstick: "reflect.Select",
		Sizes: []int{2, 8, 64, 1024, 65_536}, Quick: []int{2, 64, 1024},
		What: "The same, where the goroutine that completes the last member yields the processor four times before.",
	},
	{
		Name: "standing", Group: many, Unit: "completion", SizeOf: "members", Want: once,
		Sizes: []int{8, 64, 1024, 65_536}, Quick: []int{8, 1024},
		What: "Out of a standing set one member completes, is taken, and a new one is added.",
	},
	{
		Name: "drain", Group: many, Unit: "set", SizeOf: "members", Each: "member", Want: each,
		Sizes: []int{64, 1024, 16_384, 100_000, 1_000_000}, Quick: []int{64, 1024},
		What: "Many are registered, all complete in random order at the hand of another goroutine, and are taken in the order of completion. Making them is not counted.",
	},
	{
		Name: "callback", Group: calledOn, Unit: "callback", Want: once,
		What: "Make something that completes, register a function, complete it; the function runs in a goroutine of its own.",
	},
	{
		Name: "callback, inline", Group: calledOn, Unit: "callback", Want: once,
		What: "The same, with a function that the completer itself calls.",
	},
	{
		Name: "callback, stopped", Group: calledOn, Unit: "callback", Want: once,
		What: "Register a function on something that lives on, and take it back.",
	},
	{
		Name: "clone", Group: calledOn, Unit: "clone", AllCores: true, Want: once,
		What: "Clone a counted handle and release the clone. Nobody else has this; raw Go allocates 16 bytes.",
	},
	{
		Name: "hot key", Group: sharing, Unit: "ask", Want: once,
		What: "Eight goroutines a core ask for the same key, again and again; the run yields a few times, so that others join it.",
	},
	{
		Name: "distinct keys", Group: sharing, Unit: "ask", AllCores: true, Want: once,
		What: "Every ask is for a key that nobody else asks for, and runs a trivial function.",
	},
	{
		Name: "limit", Group: limits, Unit: "batch", SizeOf: "calls", Each: "call", Want: each,
		Sizes: []int{100, 10_000, 100_000}, Quick: []int{100, 10_000},
		What: "Begin many calls of which four run at a time, and collect their values in order. How many run at a time is checked.",
	},
	{
		Name: "abandon", Group: leaving, Unit: "call", Want: once,
		What: "Begin a call, give it up, and dispose of the result that comes late, once.",
	},
	{
		Name: "wait given up", Group: leaving, Unit: "wait", Want: once,
		What: "Wait for what is pending with a context that is over, and leave nothing behind.",
	},
	{
		Name: "race never", Group: leaving, Unit: "race", Kind: Retained, SizeOf: "races", Want: once,
		Sizes: []int{1_000_000}, Quick: []int{20_000},
		What: "In a loop, wait for the first of two: one that never completes and outlives the loop, and a new one that does. Kept is what heap and stacks hold more after the loop than before.",
	},
	{
		Name: "wake", Group: waking, Unit: "wake", Kind: Latency, Want: once,
		What: "The time from just before completion to the waiter running, while as many goroutines as there are cores, twice over, compute in short bursts and yield.",
	},
	{
		Name: "pending bytes", Group: memory, Unit: "call", Kind: Memory, SizeOf: "calls", Want: each,
		Sizes: million, Quick: []int{10_000},
		What: "Calls that are pending, with a result of 16 bytes, that something else will complete.",
	},
	{
		Name: "running bytes", Group: memory, Unit: "call", Kind: Memory, SizeOf: "calls", Want: each,
		Sizes: million, Quick: []int{10_000},
		What: "Calls whose functions run, and block; nobody waits yet.",
	},
	{
		Name: "queued bytes", Group: memory, Unit: "call", Kind: Memory, SizeOf: "calls", Want: each,
		Sizes: million, Quick: []int{10_000},
		What: "Calls that wait behind a limit to start. Where the beginning blocks, each is begun by a goroutine of its own.",
	},
	{
		Name: "waiter bytes", Group: memory, Unit: "waiter", Kind: Memory, SizeOf: "waiters", Want: each,
		Sizes: million, Quick: []int{10_000},
		What: "Goroutines that wait for one thing.",
	},
	{
		Name: "callback bytes", Group: memory, Unit: "callback", Kind: Memory, SizeOf: "callbacks", Want: each,
		Sizes: million, Quick: []int{10_000},
		What: "Functions registered on one pending thing.",
	},
	{
		Name: "entry bytes", Group: memory, Unit: "entry", Kind: Memory, SizeOf: "entries", Want: each,
		Sizes: million, Quick: []int{10_000},
		What: "Entries of a set that hands out what completes; the members themselves are not counted.",
	},
	{
		Name: "runtime", Group: bounds, Unit: "time", Want: once,
		What: "What nobody gets below: the runtime's own price for the parts that calls are made of.",
	},
}

var million = []int{1_000_000}

// once says that each operation yields 1.
func once(_, n int) int { return n }

// each says that each operation yields 1 for each of its members.
func each(size, n int) int { return size * n }

// perOp says that an operation yields the index of its last member.
func perOp(size, n int) int { return (size - 1) * n }
