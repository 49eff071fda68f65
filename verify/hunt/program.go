package hunt

import "time"

// A Kind is what a variable of a program holds.
type Kind uint8

// The kinds of variables. A variable is set once, by the operation that makes it.
const (
	None     Kind = iota
	Call          // *async.Call
	Signal        // *async.Signal
	Promise       // *async.Promise
	Event         // *async.Event
	Set           // *async.Set
	Context       // a context that can be ended
	Scope         // *async.Scope
	Group         // *async.Group
	Lazy          // *async.Lazy
	List          // async.Calls
	Stop          // what AfterFunc returned
	Gate          // a channel that functions wait at until it is closed
	Stranger      // a Waitable of the program's own
	Errgroup      // *errgroup.Group
	kinds
)

// A Ref is a variable: the N-th of its kind.
type Ref struct {
	Kind Kind
	N    int
}

// An Info says what is known of a variable before the program runs.
type Info struct {
	Family int    // of a Call, Signal or Promise: which object it goes back to
	Flavor string // how the object was made: "function", "promise", "streaming", …
	Rank   int    // a function waits without an end for lower ranks only, so programs have no cycles
	Track  bool   // of a Scope
}

// A Program is a few objects and the goroutines that use them.
type Program struct {
	Seed    uint64
	Vars    [kinds][]Info
	Setup   []*Op   // makes the objects, before any goroutine begins
	Threads [][]*Op // one goroutine each
	Idle    bool    // some object may never be begun, so that every wait is bounded
	Finish  bool    // what is left in the end is finished before it is released
	Drops   bool    // what is left in the end is dropped, neither finished nor released
	Panics  bool    // something panics, so that the process may end
	Exits   bool    // a callback may end the goroutine that it is called on
}

// An Op is one operation.
type Op struct {
	Do   string // names an entry of the table
	On   Ref    // the variable that it is a method of
	To   Ref    // the variable that it sets
	To2  Ref    // and the promise, where it makes a call of one
	Of   []Ref  // members, to wait for or to add
	Ctx  Ctx
	Fn   *Func
	Opts Opts
	Body []*Op // of a callback
	D    time.Duration
	N    int
	Site int // its number in the program
}

// A Ctx is how an operation comes by its context.
type Ctx struct {
	Base Base
	N    int // of the Context or Promise
	How  How
	D    time.Duration
}

// A Base is a context to start from.
type Base uint8

// The contexts to start from.
const (
	Background Base = iota
	Var             // a Context of the program
	Own             // that of the function around; of no function, Background
	Promised        // the Context of a Promise
	NilContext      // nil, which is a mistake that the library has to name
)

// A How is what is made from it.
type How uint8

// What is made from a base.
const (
	Plain How = iota
	WithValue
	WithTimeout
	WithCancel
	WithoutCancel
	Far // WithTimeout, so late that whoever waits for it hangs
)

// Opts are the options that a call is begun with.
type Opts struct {
	Streaming bool
	Abandon   bool
	Named     bool
	Discard   bool // always there, unless the program wants to see none
	OnDiscard []*Op
	OnSignal  [][]*Op
	Scope     int // one more than the variable; 0: none
	Errgroup  int // one more than the variable; 0: none
}

// A Func is what the function of a call does.
type Func struct {
	Body []*Op
	Gate int  // one more than the variable that it waits for at last; 0: none
	Ends bool // at the gate, the end of its context will do as well
	End  End
	Site int
}

// An End is how a function, or a callback, ends.
type End uint8

// How a function ends.
const (
	Returns End = iota
	Fails
	Panics
	Exits
)

// has reports whether o is a reference to anything.
func (r Ref) is() bool { return r.Kind != None }

// parts calls f with each list of operations of the program, those in functions and
// callbacks included, so that they can be changed.
func (p *Program) parts(f func(list *[]*Op)) {
	var each func(list *[]*Op)
	each = func(list *[]*Op) {
		f(list)
		for _, o := range *list {
			if o.Fn != nil {
				each(&o.Fn.Body)
			}
			each(&o.Body)
			each(&o.Opts.OnDiscard)
			for i := range o.Opts.OnSignal {
				each(&o.Opts.OnSignal[i])
			}
		}
	}
	each(&p.Setup)
	for i := range p.Threads {
		each(&p.Threads[i])
	}
}

// Operations returns the names of all operations of a program.
func Operations(p *Program) (names []string) {
	p.parts(func(list *[]*Op) {
		for _, o := range *list {
			names = append(names, o.Do)
		}
	})
	return names
}

// info returns what is known of a variable.
func (p *Program) info(r Ref) Info {
	if r.Kind == None || r.N >= len(p.Vars[r.Kind]) {
		return Info{}
	}
	return p.Vars[r.Kind][r.N]
}
