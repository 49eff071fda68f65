// Package asyncview shows what the calls of a running program do: which are in flight, for
// how long, which wait for which, what does not stop, and what will never come. It answers
// one question: what is stuck, and why?
//
// A [View] is an [http.Handler], to be mounted as net/http/pprof is:
//
//	http.Handle("/debug/async/", asyncview.Handler(scopes...))
//
// Where scopes come and go, or where there are options, [For] takes a function:
//
//	list := func() []*async.Scope { return registry.Scopes() }
//	http.Handle("/debug/async/", asyncview.For(list, asyncview.AllowCancel()))
//
// # Who may look
//
// A view shows names and errors of calls, and with [AllowCancel] calls can be canceled by
// it. A view asks nobody who he is. Mount it behind the program's own authentication:
//
//	http.Handle("/debug/async/", adminsOnly(asyncview.Handler(scopes...)))
//
//	func adminsOnly(h http.Handler) http.Handler {
//		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
//			if !isAdmin(r) {
//				http.Error(w, "not found", http.StatusNotFound)
//				return
//			}
//			h.ServeHTTP(w, r)
//		})
//	}
//
// A listener on loopback keeps other machines out, and that is not enough where people
// browse: a page of another site may reach the listener under a name of its own (DNS
// rebinding). There, refuse requests whose Host is not one of yours.
//
// # What is shown
//
// First what is wrong, by [Kind]: deadlocks; functions that go on although their calls were
// canceled; queues that grow; what has been pending for the longest; results that nobody
// took; calls that were refused. Then the scopes, with the last five minutes as far as
// somebody has looked. Then who waits for whom, as a drawing. Then the calls.
//
// All of it is known of every scope, but for this: where a call was begun, what its function
// waits for, and so deadlocks, are known in scopes with Track.
//
// # What is served
//
// The resources are below the path at which the view is mounted, which ends in a slash; the
// view need not know the path. For a view at /debug/async/:
//
//	GET  /debug/async/                          what is wrong, the scopes, the calls
//	GET  /debug/async/call?scope=KEY&call=ID    one call: where it began, its waits, what is above and below it
//	GET  /debug/async/events                    server-sent events, about one a second
//	POST /debug/async/cancel                    with scope=KEY&call=ID a call, with scope=KEY&queue=1 what is queued, in the form or in the address
//
// A browser gets HTML, which needs no script to be of use. A request with
// "Accept: application/json" or with format=json gets a [Report] as JSON, from cancel a
// [Canceled]. All others, such as curl, get text; so does format=text. The parameters of a
// [Query] choose the calls: q, scope, state, name, sort, group, limit, stacks. What a request
// asks for besides is ignored, and Report.Ignored says so, as do the page and the text. The
// key of a scope is in the JSON, and in the text above the scope.
//
// The events are of type "report" with format=json, each with a [Report] in one line of
// JSON as its data. Without, they are the parts of the page that have changed. With scope
// and call they are about one call. A viewer that does not read within ten seconds is
// dropped, and there are no more than a hundred at a time.
package asyncview
