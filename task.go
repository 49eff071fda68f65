package async

// A task is what a call was begun on, beside its function and its context: its
// options and, where these name a scope, its place there, from when it is accepted
// until its function has returned, or for a promise until it is complete. A core
// has it behind one pointer, so that a pending call stays small; calls that are
// begun together outside of a scope share one.
//
// Invariants, all of them under the scope's mu. Lock order: the mu of a latch,
// the lock of a [queue], the mu of a scope. Under the last nothing else is locked.
//
//	T1  Every accepted call is counted in live until its task is over, and is in
//	    the scope's list, in the order of entering it, but for the moment in which
//	    the observer is told of its Begin. Whoever makes a task over counts it
//	    out: the function's goroutine, or, where no function is going to run, the
//	    completer. Who completes a call without its function is counted in live, too,
//	    until all is told.
//	T2  A slot is held by a task that is running and no goroutine of which is
//	    parked in a wait. Where a slot is free nobody waits for one.
//	T3  The outcome is counted before the call can be seen to be complete.
type task struct {
	*options
	core *core  // nil outside a scope, where all below is of no use
	id   uint64 // from 1; 2^64 calls last for ever

	next, prev *task // in the list; a cursor stands there without a core
	began      int64
	work       func() *task // of a queued call: runs its function, as Promise.run does
	aside      *aside       // what few tasks need
	state      taskState
	held       bool   // has a slot
	waited     bool   // had to wait for its first
	stopping   bool   // canceled while its function ran; counted
	parked     uint32 // goroutines of its function that are in a wait (C2); 2^32 of them have no room in memory
}

// An aside is what a task may need besides.
type aside struct {
	canceled int64         // when, on the scope's clock; 0 where it is not
	watch    *ctxWatch     // of its context, while it is queued
	watched  link          // in the watch's tasks
	ready    chan struct{} // closed when it has a slot again; there while it waits for that
	after    *task         // the next in the list of those that wait for a slot again
	listed   bool          // in that list
	quiets   int           // how many Shutdowns its function is in
	trace    *trace        // with Track
}

// A taskState is where a task is in its life. It changes under the scope's mu.
type taskState uint8

const (
	taskOut     taskState = iota // not, or never, in a scope → coming, or one of those below it
	taskComing                   // accepted; the observer is being told → queued, running, waiting or over
	taskQueued                   // waits for its first slot → running or over
	taskRunning                  // its function runs, or is about to → over
	taskWaiting                  // no function: a promise, or canceled before it began → over
	taskOver                     // terminal
)

// init makes t the task of a call that is about to begin in a scope.
func (t *task) init(o *options, c *core) { t.options, t.core = o, c }

// refuse makes t one outside, as its scope did not accept the call.
func (t *task) refuse() { t.core = nil }

// inScope returns t where it is one in a scope, or nil.
func (t *task) inScope() *task {
	if t == nil || t.core == nil {
		return nil
	}
	return t
}

// What a call's options say. A call without any has no task.

func (t *task) streams() bool  { return t != nil && t.stream }
func (t *task) discards() bool { return t != nil && t.discard != nil }
func (t *task) abandons() bool { return t != nil && t.abandon }
func (t *task) inGroup() bool  { return t != nil && t.group != nil }

func (t *task) panicPolicy() PanicPolicy {
	if t = t.inScope(); t != nil {
		return t.scope.o.Panic
	}
	return PanicReraise
}

// besides returns the task's aside, made now if there is none.
func (t *task) besides() *aside {
	if t.aside == nil {
		t.aside = new(aside)
	}
	return t.aside
}

// canceledAt returns when the call was canceled on the scope's clock, or 0.
func (t *task) canceledAt() int64 {
	if t.aside == nil {
		return 0
	}
	return t.aside.canceled
}
