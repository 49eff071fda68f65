// Package asyncview shows what the calls of a running program do: which are in flight, for
// how long, which wait for which, what does not stop, and what will never come. It is an
// [http.Handler], to be mounted as net/http/pprof is:
//
//	http.Handle("/debug/async/", asyncview.Handler(scopes...))
//
// Where scopes come and go, or where there are options, [For] takes a function:
//
//	view := asyncview.For(func() []*async.Scope { return registry.Scopes() }, asyncview.AllowCancel())
//
// # Who may look
//
// The view shows names and errors of calls, and with [AllowCancel] calls can be canceled by
// it. It asks nobody for a password: mount it behind the program's own authentication, or
// on a listener that only the machine itself reaches.
//
//	http.Handle("/debug/async/", adminsOnly(asyncview.Handler(scopes...)))
//
// # What is served
//
// The resources are below the path at which the handler is mounted, which ends in a slash;
// which path that is, the handler need not know. For a handler at /debug/async/:
//
//	GET  /debug/async/                          what is wrong, the scopes, the calls
//	GET  /debug/async/call?scope=KEY&call=ID    one call: where it began, its waits, what is above and below it
//	GET  /debug/async/events                    server-sent events, about one a second
//	POST /debug/async/cancel                    with scope=KEY&call=ID a call, with scope=KEY&queue=1 what is queued
//
// A browser gets HTML. A request with "Accept: application/json" or with format=json gets a
// [Report] as JSON, from cancel a [Canceled]. All others, such as curl, get text. The parameters of a [Query]
// choose the calls: q, scope, state, name, sort, group, limit, stacks.
//
// The events are of type "report" with format=json, each with a [Report] in one line of
// JSON as its data. Without, they are the parts of the page. A viewer that does not read
// is dropped.
package asyncview
