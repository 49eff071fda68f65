package hunt

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// A World is one run of a program: the objects, and what was observed of them. Its
// mutex is held for moments only, and never while the library is called: to the
// explorer a run is the library's points and nothing else.
type World struct {
	p      *Program
	table  Table
	o      Look
	report func(error)
	cover  func(p *Program, o *Op)
	raise  func(n int, what string) // is told what decides whether the process may end, as it happens

	vars [kinds][]atomic.Pointer[any]
	far  context.Context
	base context.Context

	mu         sync.Mutex
	closing    bool
	failed     bool
	released   map[Ref]bool   // variables whose handle was released, at some time
	disturbing map[int]int    // by family: operations that are being done and may end its calls
	seq        int            // counts what is recorded
	threads    int            // that have not ended
	records                   // what was observed
	known      map[any]moment // by keyOf: when somebody knew the thing to be complete
	values     []weakValue
	looked     []looked
	endless    bool         // a stream lives for ever
	givesLate  bool         // somebody has called CompleteOrDiscard
	asked      map[int]bool // by family: a CancelWait was begun
	askers     map[Ref]int  // by group: how often it was asked for a result
	derived    []*derived
	allCalls   []*handle
	allSigs    []*handle
	allProm    []*served
	allCtx     []*ended
	stops      []*stopped
	begun      []*begun
	running    map[int]int // by scope, functions that run user code
	active     map[*action]struct{}
	shared     map[runKey][]*begun // the runs that were begun
	observers  map[int]*observed
	runs       map[int]int // by site: how often its function has run
}

// A Look says which oracles look, and how closely.
type Look struct {
	Without map[string]bool // oracles by name that are left out
	Ends    bool            // the contexts of the program end before the closer completes anything
	Late    uint64          // 0: all goroutines of the program begin together; else some begin when the others cannot go on, as this number says
	Quiet   bool            // time passes only when nobody can go on, so that whoever waits then waits for good reason
}

// A handle is a Call or a Signal that was made.
type handle struct {
	ref      Ref // a variable that it is in, or was
	c        *async.Call[*Value]
	s        *async.Signal
	family   int
	releases bool    // a Release of it was begun
	beginsOK int     // Begins that succeeded
	finishes int     // that got a result
	joined   bool    // it came from Join
	run      runKey  // of what it shares then
	of       *handle // what it is a clone of, or nil
	born     int     // when it was cloned
}

// A served is the server's end of a promise.
type served struct {
	p    *async.Promise[*Value]
	b    *begun
	site int

	closed bool // by the closer
}

// A begun is a call that was begun, or is about to be.
type begun struct {
	family    int
	site      int
	scope     int // one more than the variable
	opts      *Opts
	promise   bool
	early     bool              // it was begun in the setup
	loose     bool              // its context may end for reasons that are not followed
	mapped    bool              // it is those of a Map, whose loop raises each panic
	parent    context.Context   // Begin's
	above     *begun            // the call whose context Begin's is, or hangs on, or nil
	cause     error             // a Cancel has ended the context, and nothing else had by then
	attempts  []context.Context // of a hedged call: those of its runs
	hedged    bool
	runs      bool            // its function is at work
	waits     []interval      // of its goroutine by its context
	lent      int             // waits that have lent its slot
	ctx       context.Context // the call's, once it is known
	ok        bool            // the Begin succeeded
	decided   bool            // it has returned
	ending    bool            // something that may end it, or its context, has been begun
	endingAt  int             // when that was, in the order of what is recorded
	cut       bool            // of a stream: something that may end its context has been begun
	closed    bool            // its function has returned, or nobody completes it any more
	gives     bool            // its function has returned a result, or a Complete has won
	h         *handle
	signals   []int // how often each OnSignal function was called
	noSignals bool  // they are not counted for this one
	listed    bool  // it was made in one piece with others, by GoEach
}

// An ended is a Context of the program.
type ended struct {
	ctx     context.Context
	cancel  func()
	foreign *foreign
	late    bool   // what is below it hears of its end by a goroutine
	streams int    // results that go on using it
	b       *begun // the call whose context it is, or nil
	alone   bool   // it ends by cancel, and by nothing else
	ends    moment // when cancel was called first; guarded by the mutex of the world
}

// A derived is a context made from another for one operation.
type derived struct {
	ctx    context.Context
	cancel func()
	at     time.Time // its deadline; zero: none of its own
	site   int
	parent context.Context
	above  *begun // the call whose context the parent is, or hangs on, or nil
}

// A looked is a channel that a context gave at some time.
type looked struct {
	ctx  context.Context
	done <-chan struct{}
	site int
}

// A stopped is a registration by AfterFunc.
type stopped struct {
	stop   func() bool
	ran    int
	kept   bool // stop said that it had kept the function from being started
	site   int
	family int // of what it is registered at; 0: of no call
}

// An action is an operation that is being done.
type action struct {
	o     *Op
	since time.Time
	seq   int
	ctx   context.Context

	members []async.Waitable
	lends   *begun // whose slot it has lent, or nil
	own     bool   // it is on the goroutine of that function
}

const (
	farAway  = 300 * time.Hour // Far
	oneRound = time.Hour       // between looks of the closer
)

// NewWorld returns a run of p, which reports its first failure to fail.
func NewWorld(p *Program, table Table, o Look, fail func(error)) *World {
	w := &World{
		p: p, table: table, o: o, report: fail, base: context.Background(),
		running: make(map[int]int), active: make(map[*action]struct{}), shared: make(map[runKey][]*begun), known: make(map[any]moment),
		disturbing: make(map[int]int), asked: make(map[int]bool), askers: make(map[Ref]int), released: make(map[Ref]bool), observers: make(map[int]*observed), runs: make(map[int]int),
	}
	w.records.results = make(map[int]*result)
	for k := range w.vars {
		w.vars[k] = make([]atomic.Pointer[any], len(p.Vars[k]))
	}
	return w
}

// Begin makes the objects. It is called in the bubble, before the goroutines.
func (w *World) Begin() {
	far, cancel := context.WithTimeout(w.base, farAway)
	w.far = far
	w.derived = append(w.derived, &derived{ctx: far, cancel: cancel})
	w.threads = len(w.p.Threads)
	e := &env{w: w, setup: true}
	e.all(w.p.Setup)
}

// Thread is a goroutine of the program.
func (w *World) Thread(i int) {
	defer func() {
		w.mu.Lock()
		w.threads--
		w.mu.Unlock()
	}()
	w.comeLate(i)
	(&env{w: w, thread: i}).all(w.p.Threads[i])
}

// comeLate has a goroutine begin later than others, where the run says so: those are asleep
// by then, or at their ends. Most of what happens to one who sleeps, a schedule of goroutines
// that begin together has rarely: the one has to be asleep, and two others have to be at work.
func (w *World) comeLate(i int) {
	if w.o.Late == 0 {
		return
	}
	random := rand.New(rand.NewPCG(w.o.Late, uint64(i)))
	if n := random.IntN(3); n > 0 {
		<-time.After(time.Duration(n) * time.Millisecond / 10)
		sched.Point("late")
	}
}

// set sets a variable.
func (w *World) set(r Ref, v any) {
	if r.is() {
		w.vars[r.Kind][r.N].Store(&v)
	}
}

// get returns what a variable holds; nil where it was not set.
func (w *World) get(r Ref) any {
	if !r.is() || r.N < 0 || r.N >= len(w.vars[r.Kind]) {
		return nil
	}
	if v := w.vars[r.Kind][r.N].Load(); v != nil {
		return *v
	}
	return nil
}

func (w *World) call(r Ref) *handle    { h, _ := w.get(r).(*handle); return h }
func (w *World) scope(n int) *scopeVar { s, _ := w.get(Ref{Scope, n}).(*scopeVar); return s }
func (w *World) errgroup(n int) *errgroup.Group {
	g, _ := w.get(Ref{Errgroup, n}).(*errgroup.Group)
	return g
}

// A scopeVar is a Scope with what it was made with.
type scopeVar struct {
	*async.Scope
	n     int
	limit int
	o     async.ScopeOptions

	closed bool  // a Close or Shutdown has returned; guarded by the mutex of the world
	begun  int64 // how many calls the scope had by then
}

// releases notes that a Release of a handle is begun.
func (w *World) releases(r Ref, h *handle) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h.releases, w.released[h.ref] = true, true
	w.released[r] = true
}

// addCall notes a new handle.
func (w *World) addCall(r Ref, c *async.Call[*Value]) *handle {
	h := &handle{ref: r, c: c, family: w.p.info(r).Family}
	w.mu.Lock()
	w.allCalls = append(w.allCalls, h)
	w.mu.Unlock()
	w.set(r, h)
	return h
}

func (w *World) addSignal(r Ref, s *async.Signal) {
	h := &handle{ref: r, s: s, family: w.p.info(r).Family}
	w.mu.Lock()
	w.allSigs = append(w.allSigs, h)
	w.mu.Unlock()
	w.set(r, h)
}

// disturb notes that something is being done that may end calls of a family, and their
// contexts with them; of family 0, any.
func (w *World) disturb(family int) {
	w.completes(family)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.begun {
		b.cut = b.cut || family == 0 || b.family == family
	}
}

// completes is disturb for what completes calls, and leaves the context of a stream alone.
func (w *World) completes(family int) {
	if w.raise != nil {
		w.raise(family, "disturbed")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disturbing[family]++
	for _, b := range w.begun {
		if family == 0 || b.family == family {
			w.endingLocked(b)
		}
	}
}

// endingLocked notes that something has been begun that may end a call. The caller holds
// the mutex.
func (w *World) endingLocked(b *begun) {
	if !b.ending {
		b.ending, b.endingAt = true, w.nowLocked().seq
	}
}

// disturbed notes that this is over.
func (w *World) disturbed(family int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disturbing[family]--
}

// A FindingError is a failure, by the oracle that it broke.
type FindingError struct {
	Oracle, Text string
	Sort         string // the same for failures that are the same but for names and numbers
}

func (f *FindingError) Error() string { return fmt.Sprintf("[%s] %s", f.Oracle, f.Text) }

// failf reports a failure of an oracle, unless that is left out.
func (w *World) failf(oracle, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	sort := format
	if format == "%s" {
		sort = text
	}
	w.failAs(oracle, sort, text)
}

// failAs is failf for a failure of a sort.
func (w *World) failAs(oracle, sort, text string) {
	if w.o.Without[oracle] {
		return
	}
	w.mu.Lock()
	first := !w.failed
	w.failed = true
	w.mu.Unlock()
	if first {
		w.report(&FindingError{oracle, text, sortOf(sort)})
	}
}

var numbers = regexp.MustCompile(`[0-9]+|\[.*`)

// sortOf is what is left of a text without what differs from run to run.
func sortOf(text string) string { return numbers.ReplaceAllString(text, "") }
