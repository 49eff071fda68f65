// Package asyncotel shows the calls of package async in OpenTelemetry: a span for each call,
// and metrics of calls and scopes.
//
//	scope := async.NewScope(async.ScopeOptions{Name: "fetches", Observer: asyncotel.Observer()})
//	registration, err := asyncotel.Register(scope)
//	defer registration.Unregister()
//
// [Observer] makes the spans and the histograms of times, from what a scope tells. [Register]
// reads the ledger of a scope whenever metrics are collected. Both use the global providers
// unless options name others. An observer serves any number of scopes.
//
// # The span of a call
//
// The span begins with the call and is a child of the span in the context that Begin was
// given. What the function makes with its context is a child of the call's span; so is what
// the server of a promise makes with the promise's context. The name is that of the call, or
// "async.call".
//
// The span ends when the call is complete: with its result, or when it is canceled. Cancel
// completes a call at once, also where the function does not listen, and a function that
// never returns must not hide the call: its span would never be exported. So what becomes of
// a call after its end is in short spans of their own below it:
//
//	NAME stop        from the cancellation to the return of the function
//	NAME discarded   a result that nobody took; without a duration
//
// A call that never completes has a span that is never ended, and so is not exported. The
// call itself has the span in its context: nothing else keeps it, and what the scope forgets
// is gone. [Register] counts such calls, and [async.Scope.InFlight] names them.
//
//	outcome    status   what is recorded
//	returned   unset
//	failed     error    error.type, and the error as an exception
//	failed     unset    the event async.call.stopped, with the cause, where the function did as it was told
//	canceled   unset    the event async.call.canceled, with the cause
//	canceled   error    the same, where the cause is a deadline
//	panicked   error    the panic as an exception, with its stack
//	goexited   error    error.type
//	broken     error    error.type
//
// The outcome is the [async.Outcome] of the call, so that spans and ledger agree. A function
// did as it was told where its context was canceled, and its error is that of the context,
// by errors.Is: a client went away, or CancelWait asked. A call that is canceled while it
// waits for its slot ends by the same event, and neither is an incident. So do the gRPC
// conventions have it for the server of a call that its client canceled. A deadline that is
// met is an error.
//
// While the span goes on, it gets the event async.call.abandoned when the last handle goes.
// A call that is refused is no call and has no span: the span that it would have been a child
// of gets the event async.call.refused.
//
// A run of a Group or a Lazy is a child of the span of the first caller. The run has a link
// to the span of each other caller, and each of these spans has a link to the run. The SDK
// bounds the links of a span.
//
// # Metrics
//
// Of [Observer], all of them histograms in seconds, with async.scope.name and async.call.name:
//
//	async.call.duration        from Begin to completion; async.call.outcome, error.type
//	async.call.wait.duration   from Begin to the start of the function: the time in the queue
//	async.call.stop.duration   from the cancellation to the return of the function
//
// Of [Register], with async.scope.name:
//
//	async.scope.call.active      {call}    up-down counter; async.call.state
//	async.scope.call.lent        {call}    up-down counter: functions that wait, with their slot lent
//	async.scope.call.begun       {call}    counter
//	async.scope.call.refused     {call}    counter
//	async.scope.call.completed   {call}    counter; async.call.outcome
//	async.scope.result.taken     {result}  counter
//	async.scope.result.discarded {result}  counter
//	async.scope.result.untaken   {result}  up-down counter: results that nobody has taken yet
//
// The state of an active call is queued, running, promised (it has no function), or stopping
// (it is canceled, and its function still runs). These numbers are read from the ledger of the
// scope at every collection. They cannot drift: neither from calls that began before the
// provider was there, nor from an event that was missed. Scopes of one name add up.
//
// # Cardinality
//
// Each name of a call makes time series of its own. Names should say what kind of work a call
// does, and not on which input. An observer keeps the first 100 names apart in its metrics and
// counts all others as "_OTHER"; see [WithNameLimit]. [WithName] cuts names down for metrics
// and spans alike. Scopes are not bounded: their names are the program's own.
//
// # Strangers' text
//
// Names and errors may come from outside. What goes into a span or a metric is valid UTF-8,
// since the protocol of OpenTelemetry refuses a whole batch for one string that is not. Names
// are cut after 256 bytes, errors after 4 KiB, stacks after 16 KiB.
//
// # The files
//
// option.go has the options, observer.go what is told by a scope, call.go the span of one
// call, text.go what is written about calls, scope.go the metrics of scopes.
package asyncotel
