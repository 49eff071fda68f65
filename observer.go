package async

// An Observer is told what becomes of the calls of a scope. Its functions are
// called outside every lock and must not block; any may be nil, which costs
// nothing. Each is called once for a call, but Discarded, which is called for each
// result discarded. Begun comes before Started, and Started before Completed,
// unless another goroutine cancels the call while it is being begun or started.
// What a Release brings about is told on a goroutine of the scope's. That goroutine
// and the completer are not ordered: where the last handle is released just after
// completion, Abandoned and Discarded may be called before Completed, or at the same
// time.
type Observer struct {
	Begun     func(CallInfo) // a call was accepted; on the goroutine of its Begin
	Started   func(CallInfo) // its function is about to run; on the function's goroutine
	Completed func(CallInfo) // it is complete, however; where an OnSignal function would run, before them
	Abandoned func(CallInfo) // the last handle went before the result was taken, or was there
	Discarded func(CallInfo) // a result that nobody took, whose error Err is, goes to Discard
}

// observer returns the observer of the call's scope; without a scope one that is
// told nothing.
func (t *task) observer() *Observer {
	if t == nil {
		return &Observer{}
	}
	return &t.scope.o.Observer
}

// tell calls one of the observer's functions.
func (t *task) tell(f func(CallInfo)) { f(t.info()) }

// tellStarted tells the observer that the function is about to run.
func (t *task) tellStarted() {
	if t == nil {
		return
	}
	if f := t.scope.o.Observer.Started; f != nil {
		t.tell(f)
	}
}

// tellDiscarded tells the observer of a result that is discarded, whose error is
// err.
func (t *task) tellDiscarded(err error) {
	if f := t.observer().Discarded; f != nil {
		info := t.info()
		info.Err = err
		f(info)
	}
}
