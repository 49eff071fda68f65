package async

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/scope"
)

// This file has what can be known of calls: of one call, of its handles, of a scope's
// calls in sum, and as it happens. It says what each field means; who fills it stands
// elsewhere:
//
//	CallInfo     by core.fill below what every call knows; by place.go what its scope knows
//	WaitInfo     place.go
//	Graph, Wait  place.go, from internal/waitgraph
//	HandleInfo   place.go, from internal/handles
//	Stats        scope.go, from the ledger in internal/scope
//	Observer     told by owner.go and start.go
//
// All of these are values: who has one has a look at one moment, which does not change. A field
// may be added. None may change its meaning, for programs keep what they have read.

// A State is where a call is in its life.
type State int

const (
	// StateQueued is a call that waits for a slot of its scope → StateRunning or
	// StateCompleted.
	StateQueued State = iota + 1

	// StateRunning is a call whose function is running, or whose promise has not
	// been completed → StateCompleted.
	StateRunning

	// StateCompleted is a call that has an outcome. Terminal, though the function
	// of a canceled call may still be running.
	StateCompleted
)

// String returns the state in lower case; that of an object that was never begun,
// the zero State, is "idle".
func (s State) String() string { return nameOf(int(s), "idle", "queued", "running", "completed") }

// An Outcome is how a call ended. [Stats] counts calls by it, so a log, a span and the
// ledger of a scope say the same of a call: a call whose function returned an error has
// failed, also where the error is the panic or the cancellation of another call.
type Outcome int

const (
	// OutcomeReturned is a function, or a promise, that ended without an error.
	OutcomeReturned Outcome = iota + 1

	// OutcomeFailed is a function, or a promise, that ended with an error of any kind. A
	// call that its scope refused has failed, too; the ledger counts the call as refused.
	OutcomeFailed

	// OutcomeCanceled is a call that was canceled, whatever its function did then.
	OutcomeCanceled

	// OutcomePanicked is a function that panicked, whatever the [PanicPolicy].
	OutcomePanicked

	// OutcomeGoexited is a function that called [runtime.Goexit].
	OutcomeGoexited

	// OutcomeBroken is a promise that its server left.
	OutcomeBroken
)

// String returns the outcome in lower case; that of a call that is not complete, the zero
// Outcome, is "pending".
func (o Outcome) String() string {
	return nameOf(int(o), "pending", "returned", "failed", "canceled", "panicked", "goexited", "broken")
}

// A CallInfo says what there is to know of a call at one moment.
type CallInfo struct {
	ID       uint64    // counts the calls of a scope from 1; 0 outside
	Name     string    // what [Name] called it
	State    State     // where it is in its life
	Began    time.Time // zero outside of a scope
	Canceled time.Time // when it was canceled; zero where it was not, and outside of a scope
	Handles  int       // how many Calls and Signals on it are not released
	Waiters  int       // how many wait for its completion, or are registered for it; no more than 10,000 are counted
	Outcome  Outcome   // how it ended; zero before
	Err      error     // what it completed with; nil before
	Cause    error     // why its context ended while the call was pending; nil where it did not, or where nobody looked at it
	Stack    string    // with Track: where it was begun

	// What follows is known of the calls of a scope.

	Scope       string    // the name of the scope
	Parent      uint64    // the ID of the call of a scope with whose context it was begun, as in a function; 0 for none
	ParentScope string    // the name of the scope of Parent, where that is another one; "(unnamed)" where it has no name
	Started     time.Time // when its function got its first slot; zero before, and of a promise
	Deadline    time.Time // of the context that it was begun with; zero for none
	Lent        bool      // its function waits, and the slot of the function is lent

	// With Track: what the goroutines of its function are parked on, in the order in which
	// they parked; for a queued call, the slot. Of one wait for many things no more than
	// 100 that are not complete are listed; see [WaitInfo]. Of a promise that another process
	// completes, as far as its owner tells: that process, also without Track. An [Observer]
	// is not told that.
	WaitsFor []WaitInfo

	// What follows is known in what an [Observer] is told, and nowhere else.

	Context context.Context // that the call was begun with, as BeginContext made it
}

// String names the call for logs and reports.
func (i CallInfo) String() string {
	s := named("call", i.Name)
	if i.ID != 0 {
		s = fmt.Sprintf("%s #%d", s, i.ID)
	}
	if i.Canceled.IsZero() {
		return fmt.Sprintf("%s, %v", s, i.State)
	}
	return fmt.Sprintf("%s, canceled", s)
}

// A WaitInfo is one thing that a function waits for at one moment (V1). A wait is that of
// the function whose context it was given, or one made from that context (C2). A wait for
// many things has a WaitInfo for each of them that is not complete. Kind says what it is:
//
//	call      a call; Scope and Call say which, where it is one of a scope
//	slot      the function, or the call, waits for a slot of its scope, which Name names
//	room      a Begin waits for room in the queue of a scope, which Name names (C9)
//	scope     a Shutdown waits for the end of a scope, which Name names
//	event     an [Event], or a Signal of one
//	context   the end of a context; Name is its type
//	channel   a channel; Name is the type of a Waitable of another kind than [Chan]
//	set       a completion of a [Set]; Name says how many members that has
//	time      a time, that of a [Sleep] or until the next attempt of a [Hedge]
//	return    the return of functions that a [Map] has canceled
//	remote    the reply of another process; Name says which, and the call is a promise
//	more      more things than are listed; Name says how many
type WaitInfo struct {
	Scope string    // the name of the scope of the call; empty where Call is 0
	Call  uint64    // the ID of the call that is waited for; 0 where it is none of a scope
	Kind  string    // what is waited for
	Name  string    // its name: of a call what [Name] called it
	Since time.Time // when the goroutine parked, or the call was queued
	Line  string    // file:line of the wait, outside of this package; empty for a queued call
}

// A Graph is who waits for whom, of the calls of a scope, at one moment (V2). It comes
// from [Scope.WaitGraph] and does not change.
type Graph struct {
	// Calls are the calls of the scope that are in flight, in the order of
	// [Scope.InFlight], and behind them the calls of other scopes that one of Calls waits
	// for.
	Calls []CallInfo

	// Waits has a Wait for each thing that one of Calls waits for and that is not complete.
	Waits []Wait

	deadlocks [][]int // indices of Calls
}

// A Wait is one edge of a [Graph]: a call that waits, and one thing that the call waits
// for. Scopes may share a name, and then a name and an ID do not say which call is meant;
// FromCall and ToCall do.
type Wait struct {
	From, To           uint64    // the IDs of the calls; To is 0 where the thing is no call of a scope
	FromScope, ToScope string    // the names of their scopes
	FromCall, ToCall   int       // their indices in Calls; ToCall is -1 where To is 0
	Kind, Name         string    // of the thing, as in [WaitInfo]
	Since              time.Time // when the goroutine parked, or the call was queued
	Line               string    // file:line of the wait, as in [WaitInfo]
}

// Cycles returns the deadlocks among the calls: each as its calls, in the order in which
// one waits for the next as far as there is one, the oldest first (V2). Every function in
// it waits for one that is in it, and nothing outside of it lets any of them go on. Calls
// that wait for a deadlock, and nobody in it for them, are not listed.
//
// A deadlock that is reported is one: [Scope.WaitGraph] has looked twice, and found the
// same waits both times. A deadlock that lasts is reported by every graph of a scope that
// has one of its calls. What counts:
//
//   - The function of a call waits where the goroutine that runs the function is parked in
//     a wait of this package that was given the function's context, in a scope with Track.
//     Other goroutines of the function may run beside that one; where they wait, too, by
//     that context, each of them has to wait within the deadlock.
//   - A wait is told to be a function's by its context. Where a function has given its own
//     context to the function of another call, and that one waits by it, the first passes
//     for waiting: give each function its own.
//   - A wait for any of many things is in a deadlock where all of them are; a wait for all
//     of many where one of them is.
//   - An event, a promise, a channel, a context, a time, a set, the end of a scope and a
//     call without a scope are outside: anybody may bring them about.
//   - That the context of a wait may end, by a deadline or by a cancellation, does not
//     count. A deadlock that a deadline is going to end is one until then. The Deadline of
//     its calls tells.
func (g Graph) Cycles() [][]CallInfo {
	var cycles [][]CallInfo
	for _, d := range g.deadlocks {
		calls := make([]CallInfo, len(d))
		for i, c := range d {
			calls[i] = g.Calls[c]
		}
		cycles = append(cycles, calls)
	}
	return cycles
}

// A HandleInfo is a handle that has not been released.
type HandleInfo struct {
	Call    CallInfo
	Untaken bool   // the call has a result that nobody has taken
	Taken   bool   // the result was taken through the handle, which needs no Release: the call does not stream
	Clone   bool   // the handle is not that of the call's Begin
	Join    bool   // the handle is one of [Group.Join], and so a Clone; Call is the run
	Streams bool   // the call is begun with [Streaming], so each handle needs a Release, whoever took the result
	Stack   string // where it comes from: a Begin, Clone or Signal; empty where that was before the call began
}

// Stats is the ledger of a [Scope] at one moment. At every moment
//
//	Begun = Returned + Failed + Canceled + Panicked + Goexited + Broken + Pending
//
// and, of results, which a function returned or panicked with or a promise was
// completed with,
//
//	Taken + Untaken + Discarded = Returned + Failed + Panicked + late values
//
// where a late value is one that a function returned after its call was canceled, or that
// [Promise.CompleteOrDiscard] discarded; it counts in Discarded only. Calls that were
// refused count in Refused only.
type Stats struct {
	Begun   int64 // calls accepted
	Refused int64 // calls not accepted: the scope was closed or full, or the group of InGroup was
	Queued  int64 // of those pending, the ones that wait for their first slot
	Running int64 // functions that have started and not returned, those of canceled calls too
	Lent    int64 // of those running, the ones that wait and have lent their slot; 0 without a limit
	Pending int64 // calls that are not complete

	Returned int64 // functions and promises that ended without an error
	Failed   int64 // those that ended with one
	Canceled int64
	Panicked int64
	Goexited int64 // functions that called runtime.Goexit
	Broken   int64 // promises left by their servers

	Taken     int64 // results handed to somebody; a panic also to the last Release
	Discarded int64 // results that nobody took before the last handle was released, and late ones
	Untaken   int64 // results that are still there to be taken

	Stopping  int64         // canceled calls whose function still runs
	Stopped   int64         // canceled calls whose function has returned since
	StopTotal time.Duration // how long those took, from cancellation to return
	StopMax   time.Duration // how long the slowest took

	// StopTimes counts those that took less than [StopBound] of the index, and
	// not less than that of the index below.
	StopTimes [StopClasses]int64
}

// writeTo writes the ledger to w, for a dump.
func (s Stats) writeTo(w io.Writer) (n int, err error) {
	return fmt.Fprintf(w, `  %d begun: %d returned, %d failed, %d canceled, %d panicked, %d exited, %d broken, %d pending; %d refused
  %d running, %d of them lent; %d queued; %d canceled and not stopped
  results: %d taken, %d discarded, %d that nobody has taken
`, s.Begun, s.Returned, s.Failed, s.Canceled, s.Panicked, s.Goexited, s.Broken, s.Pending, s.Refused,
		s.Running, s.Lent, s.Queued, s.Stopping,
		s.Taken, s.Discarded, s.Untaken)
}

// StopClasses is into how many classes Stats sorts the times from cancellation to
// return.
const StopClasses = scope.Classes

// StopBound returns the upper bound of a class of Stats.StopTimes: 10 µs for the
// first and ten times more for each after it. The last has none: it is the
// greatest Duration.
func StopBound(class int) time.Duration { return scope.Bound(class) }

// An Observer is told what becomes of the calls of a scope. Its functions are
// called outside every lock and must not block; any may be nil, which costs
// nothing. Each is called once for a call, or not at all, but Discarded, which is called
// for each result discarded, and Joined, for each caller who joins. Begun comes before
// Started, and Started before Completed, unless another goroutine cancels the call while it
// is being begun or started. Refused comes alone.
//
// What a Release brings about is told on a goroutine of the scope's. That goroutine and the
// completer are not ordered: where the last handle is released just after completion,
// Abandoned and Discarded may be called before Completed, or at the same time.
type Observer struct {
	Begun     func(CallInfo) // a call was accepted; on the goroutine of its Begin
	Started   func(CallInfo) // its function is about to run; on the function's goroutine
	Completed func(CallInfo) // it is complete, however; where an OnSignal function would run, before them
	Abandoned func(CallInfo) // the last handle went before the result was taken, or was there
	Discarded func(CallInfo) // a result that nobody took, whose error Err is, goes to Discard

	// Returned is told that the function of a call has returned that was canceled, or
	// abandoned, before. Of others Completed says so. It is told on the function's
	// goroutine, or with Completed.
	Returned func(CallInfo)

	// Refused is told of a call that was not accepted, and so has no ID: Err says why. It
	// is told on the goroutine of the call's Begin.
	Refused func(CallInfo)

	// Joined is told that a caller shares a run of a [Group] or a [Lazy] that another caller
	// has begun, and that c is. ctx is the context of the caller who joins, on whose
	// goroutine Joined is told. A run that has just been begun may be joined before Begun
	// was told of it.
	Joined func(ctx context.Context, c CallInfo)

	// BeginContext makes the context that a call is begun with, from the one that its Begin
	// was given. It is asked on the goroutine of the Begin, before the scope has accepted
	// the call, which has no ID yet. It may add values: what it returns must end when ctx
	// ends, and is made from ctx. The context of the call has the values, that of a promise
	// too, and CallInfo.Context has them in whatever the observer is told of the call. So an
	// observer that keeps something for each call keeps it here. Where Begin then finds that
	// its object is busy, or joins the run of another, nothing is told of what was made. A
	// panic in BeginContext is one of the Begin.
	BeginContext func(ctx context.Context, c CallInfo) context.Context

	// Context makes the context that the function of a call is run with, from the one that
	// it would have. It is asked after Started, on the function's goroutine, and may add
	// values: what it returns must end when ctx ends, and is made from ctx, so that waits
	// lend the function's slot (C2). A panic in it is one of the function.
	Context func(ctx context.Context, c CallInfo) context.Context
}

// Observers returns one observer that tells several, in the order given; also where one of
// them panics. Each makes the contexts of calls from those that the one before it has made.
// What none of them has a function for costs nothing.
func Observers(os ...Observer) Observer {
	return Observer{
		Begun:        tellAll(os, func(o *Observer) func(CallInfo) { return o.Begun }),
		Started:      tellAll(os, func(o *Observer) func(CallInfo) { return o.Started }),
		Completed:    tellAll(os, func(o *Observer) func(CallInfo) { return o.Completed }),
		Abandoned:    tellAll(os, func(o *Observer) func(CallInfo) { return o.Abandoned }),
		Discarded:    tellAll(os, func(o *Observer) func(CallInfo) { return o.Discarded }),
		Returned:     tellAll(os, func(o *Observer) func(CallInfo) { return o.Returned }),
		Refused:      tellAll(os, func(o *Observer) func(CallInfo) { return o.Refused }),
		Joined:       joinAll(os),
		BeginContext: chain(os, func(o *Observer) contextMaker { return o.BeginContext }),
		Context:      chain(os, func(o *Observer) contextMaker { return o.Context }),
	}
}

// A contextMaker is a function of an [Observer] that makes a context.
type contextMaker = func(context.Context, CallInfo) context.Context

// some returns what the observers have of one kind of function, without those that have none.
// The type of a function does not compare to nil as a type parameter, so isNil is given.
func some[F any](os []Observer, of func(*Observer) F, isNil func(F) bool) (fs []F) {
	for i := range os {
		if f := of(&os[i]); !isNil(f) {
			fs = append(fs, f)
		}
	}
	return fs
}

// tellAll returns the function that calls all of those, or nil where there are none: a scope
// looks whether a function is nil before it computes what it would tell.
func tellAll(os []Observer, of func(*Observer) func(CallInfo)) func(CallInfo) {
	switch fs := some(os, of, func(f func(CallInfo)) bool { return f == nil }); len(fs) {
	case 0:
		return nil
	case 1:
		return fs[0]
	default:
		return func(c CallInfo) { sweep(len(fs), func(i int) { fs[i](c) }) }
	}
}

// joinAll is tellAll for Joined.
func joinAll(os []Observer) func(context.Context, CallInfo) {
	type joined = func(context.Context, CallInfo)
	fs := some(os, func(o *Observer) joined { return o.Joined }, func(f joined) bool { return f == nil })
	if len(fs) == 0 {
		return nil
	}
	return func(ctx context.Context, c CallInfo) { sweep(len(fs), func(i int) { fs[i](ctx, c) }) }
}

// chain returns the function that has each of those make a context from that of the one
// before it, or nil where there are none.
func chain(os []Observer, of func(*Observer) contextMaker) contextMaker {
	fs := some(os, of, func(f contextMaker) bool { return f == nil })
	if len(fs) == 0 {
		return nil
	}
	return func(ctx context.Context, c CallInfo) context.Context {
		for _, f := range fs {
			if ctx = f(ctx, c); ctx == nil {
				return nil // the caller panics with the name of the function
			}
		}
		return ctx
	}
}

// LogObserver returns an observer that writes to a logger what becomes of the calls of a
// scope (V13). The levels say how much each kind of thing matters, in this order:
//
//   - the course of a call: begun, started, complete without an error, canceled, and the
//     return of a function after that; [slog.LevelDebug] unless given;
//   - a call that failed, as its [Outcome] says; [slog.LevelInfo] unless given;
//   - what may be lost: a call that panicked, was abandoned or was refused, and a result
//     that nobody took; [slog.LevelWarn] unless given.
//
// Nothing is lost where a call that was canceled is abandoned, as the losers of a Race are,
// nor where the result that nobody took is the echo of the cancellation: an error that is,
// by errors.Is, [context.Canceled] or the Cause of the call. Both are the course of a call.
//
// Each record has the scope, the ID and the name of the call, and what belongs to the
// event: the error, how long the call waited for its slot, and how long it took. Of a
// panic, err is its first line, and the record which says that the call panicked has the
// stack of the panic, as stack, too. It is logged with the context of the call, where a
// handler finds values such as a span. The handler of the logger is called where the call
// begins and ends, and must not block.
// LogObserver panics where l is nil, and where there are more than three levels.
func LogObserver(l *slog.Logger, levels ...slog.Level) Observer {
	o := logObserver{l, [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn}}
	switch {
	case l == nil:
		panic("async: LogObserver with a nil logger")
	case len(levels) > len(o.levels):
		panic(fmt.Sprintf("async: LogObserver with %d levels, where there are %d kinds", len(levels), len(o.levels)))
	}
	copy(o.levels[:], levels)
	return Observer{
		Begun: func(c CallInfo) { o.log(logCourse, "async: call begun", c) },
		Started: func(c CallInfo) {
			o.log(logCourse, "async: call started", c, slog.Duration("waited", c.Started.Sub(c.Began)))
		},
		Completed: o.completed,
		Abandoned: func(c CallInfo) {
			o.log(lossUnless(c.Outcome == OutcomeCanceled || c.isEcho()), "async: call abandoned", c)
		},
		Discarded: func(c CallInfo) { o.log(lossUnless(c.isEcho()), "async: result discarded", c) },
		Returned: func(c CallInfo) {
			o.log(logCourse, "async: function returned", c, slog.Duration("took", time.Since(c.Began)))
		},
		Refused: func(c CallInfo) { o.log(logLoss, "async: call refused", c) },
	}
}

// The kinds of things that a logObserver has a level for.
const (
	logCourse = iota
	logFailure
	logLoss
)

// A logObserver is what the functions of a [LogObserver] share. It keeps nothing of a call:
// what a record says is in the CallInfo, and times are taken from there.
type logObserver struct {
	logger *slog.Logger
	levels [3]slog.Level
}

// lossUnless returns the kind of what is the course of a call, or else may be lost.
func lossUnless(course bool) (kind int) {
	if course {
		return logCourse
	}
	return logLoss
}

// isEcho reports whether Err says no more than that the context of the call ended.
func (i CallInfo) isEcho() bool {
	if i.Err == nil || i.Cause == nil {
		return false
	}
	if _, panicked := errors.AsType[*PanicError](i.Err); panicked {
		return false // what a function panicked with is news, whatever it is
	}
	return errors.Is(i.Err, context.Canceled) || errors.Is(i.Err, i.Cause)
}

// completed logs how a call ended.
func (o logObserver) completed(c CallInfo) {
	took := slog.Duration("took", time.Since(c.Began))
	switch c.Outcome {
	case OutcomeReturned:
		o.log(logCourse, "async: call completed", c, took)
	case OutcomeCanceled:
		o.log(logCourse, "async: call canceled", c, took)
	case OutcomePanicked:
		line, stack := errText(c.Err), ""
		if p, ok := errors.AsType[*PanicError](c.Err); ok {
			stack = string(p.Stack)
		}
		c.Err = nil // said here, before the stack
		o.log(logLoss, "async: call panicked", c, took, slog.Any("err", line), slog.String("stack", stack))
	default:
		o.log(logFailure, "async: call failed", c, took)
	}
}

// log writes one record. Where the logger does not want the level, it costs no attributes but
// those of its caller.
func (o logObserver) log(kind int, what string, c CallInfo, more ...slog.Attr) {
	ctx := c.Context
	if ctx == nil {
		ctx = context.Background() // told by somebody else than a scope
	}
	if !o.logger.Enabled(ctx, o.levels[kind]) {
		return
	}
	attrs := []slog.Attr{slog.String("scope", c.Scope), slog.Uint64("id", c.ID), slog.String("call", c.Name)}
	if c.Parent != 0 {
		attrs = append(attrs, slog.Uint64("parent", c.Parent))
	}
	attrs = append(attrs, more...)
	if c.Err != nil {
		attrs = append(attrs, slog.Any("err", errText(c.Err)))
	}
	o.logger.LogAttrs(ctx, o.levels[kind], what, attrs...)
}

// errText is what a record says of an error: the error itself, but of a panic, whose text
// has a stack, the first line.
func errText(err error) any {
	if _, panicked := errors.AsType[*PanicError](err); panicked {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return line
	}
	return err
}

// fill sets what there is to know of a call that has begun, without its scope. Its parts are
// from several moments; the state is looked at last, so that a call that is said to be
// complete has its error.
func (c *core) fill(i *CallInfo) {
	i.State = StateRunning
	i.Handles, i.Waiters = c.census()
	i.Name = c.name() // now that a Begin that is at it has let go of the lock
	i.Cause = c.endedBy()
	if c.IsSet() {
		i.State, i.Outcome, i.Err = StateCompleted, c.howEnded(), c.error()
	}
}

// howEnded returns how a call that is complete ended, as the ledger counts it. Of a call
// that was refused the word says nothing, since nobody owns the call and no ledger has it.
func (c *core) howEnded() Outcome {
	const told = bitResult | bitCanceled | bitPanicked
	w := c.Word.Load()
	if w&told == 0 && c.err != ErrGoexit && c.err != ErrBrokenPromise {
		return OutcomeFailed
	}
	return Outcome(outcomeOf(w, w&bitPromise != 0) + 1)
}

// outcomeOf returns the column of the ledger for a call that completes with bits. A function
// that completed its call without a result, and did not panic, called Goexit.
func outcomeOf(bits uint64, promise bool) scope.Outcome {
	switch {
	case bits&bitCanceled != 0:
		return scope.Canceled
	case bits&(bitPanicked|bitCaught) != 0:
		return scope.Panicked
	case bits&bitResult == 0 && promise:
		return scope.Broken
	case bits&bitResult == 0:
		return scope.Goexited
	case bits&bitFailed != 0:
		return scope.Failed
	}
	return scope.Returned
}

// endedBy returns why the context of the call ended, or nil where it has not ended, where
// the call was over first, and where nobody had looked (X1): a look that finds an end makes
// the child (X4).
func (c *core) endedBy() error {
	if c.Word.Load()&bitCanceled != 0 {
		return cmp.Or(c.cancelCause(), context.Canceled)
	}
	b := c.binding.Load()
	if !b.hasChild() {
		return nil
	}
	switch cause := context.Cause(b.ctx); cause {
	case errCallOver, errStreamOver:
		return nil
	default:
		return cause
	}
}

// censusLimit is how many waiters are counted: to count them is to hold up the
// completion of that one call.
const censusLimit = 10_000

// census counts the handles on the call and its waiters: the waits that hold a
// reference, and the nodes of those that do not. A complete call has no waiters, although some
// may not have woken yet.
func (c *core) census() (handles, waiters int) {
	w, waiters := c.Census(censusLimit)
	handles = int(latch.HandlesOf(w))
	if w&latch.BitSet != 0 {
		return handles, 0
	}
	return handles, min(waiters+int(latch.WaitsOf(w)), censusLimit)
}
