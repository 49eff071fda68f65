package hunt

// An entry of the table says what an operation is: what it is done on, what it makes,
// where it may stand in a program, how it is printed, and what it does.
//
// The text of an entry is Go source with $h for the variable that it is done on, $x
// for its context, $t for what it makes and $u for the promise beside that, $m for
// members, $d for a duration, $n for a number, $f for a function, $o for options with
// a comma before each, $b for the body of a callback, $s for the number of the
// operation.
type entry struct {
	name     string
	on       Kind
	makes    Kind
	promises bool // makes a promise beside it
	text     string
	weight   int
	setup    bool   // stands in the setup, and only there
	early    bool   // may stand in the setup, too
	stays    bool   // waits for its functions when its context has ended
	blocks   bool   // may wait, so that no callback may do it
	ctx      ctxUse // what its context is for
	fn       bool   // takes a function
	opts     bool   // takes options
	body     bool   // takes a callback
	members  int    // takes up to so many things to wait for, or calls
	kind     Kind   // of the members; None: any that can be waited for
	takes    bool   // hands results out
	disturbs bool   // may end the calls of its family
	streams  bool   // but not the contexts of streams
	do       func(e *env, o *Op)

	// over says why a wait that goes on should be over, when nobody can go on.
	isOver func(w *World, o *Op, a *action) string
}

// A ctxUse says what an operation does with its context.
type ctxUse uint8

const (
	noContext ctxUse = iota
	waitsBy          // it waits until that ends
	beginsBy         // it begins a call with that
)

func (x *entry) over(w *World, o *Op, a *action) string {
	if x.isOver == nil {
		return ""
	}
	return x.isOver(w, o, a)
}

// A Table has the operations by name.
type Table map[string]*entry

// NewTable returns all operations.
func NewTable() Table {
	table := make(Table)
	for _, part := range [][]entry{callOps(), beginOps(), promiseOps(), signalOps(), eventOps(), manyOps(), listOps(), resultOps(), scopeOps(), shareOps(), mapOps(), otherOps()} {
		for _, x := range part {
			if x.weight == 0 {
				x.weight = 10
			}
			table[x.name] = &x
		}
	}
	return table
}

// SetOf returns a set of names.
func SetOf(names []string) map[string]bool {
	set := make(map[string]bool)
	for _, name := range names {
		set[name] = true
	}
	return set
}
