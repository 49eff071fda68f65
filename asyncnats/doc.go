// Package asyncnats carries calls to other processes and machines, over NATS. What a caller
// holds is the call of package async: [async.Call.Await], [async.Call.Cancel],
// [async.WaitAny], [async.Set], [async.Calls], [async.Hedge] and [async.Scope] know no
// difference.
//
//	client, err := asyncnats.NewClient(nc, asyncnats.ClientOptions{})
//	call := asyncnats.Begin[Quote](ctx, client, "prices.quote", request)
//	quote, err := call.Await(ctx)
//
//	server, err := asyncnats.Serve(nc, "prices.quote", quote, asyncnats.ServeOptions{
//		Name: "prices", Version: "1.4.0", Scope: scope,
//	})
//	err = server.Shutdown(ctx)
//
// No call is left waiting when it could be known that no answer can come, and no value is
// lost in silence:
//
//	nobody serves the subject     ErrNoResponders, at once
//	the connection is lost        ErrDisconnected, at once; with WaitForReconnect the call goes on
//	the server dies, or hangs     ErrResponderLost, within three heartbeats
//	a reply is lost with the      ErrResponderLost, when the server is there again; with
//	server's connection           WaitForReconnect the reply comes once more
//	the server's scope is full    async.ErrQueueFull, at once
//	the server shuts down         calls it has accepted end; others go elsewhere
//	the function panics           a RemoteError that is ErrPanicked; the server lives on
//	the reply is too large        ErrTooLarge, at once
//	the reply makes no sense      ErrBadReply, at once
//	the methods differ            ErrDiffers, at once
//	the client closes             async.ErrScopeClosed, as the cause of a CanceledError
//
// A call runs at most once, unless WaitForReconnect is set and a connection is lost; see
// [ClientOptions].
//
// # On the wire
//
// A request is one message, and a reply is one message, to subjects of the user's own. The
// subject of the reply ends with the id of the call, which is 128 bits of a cryptographic
// generator. What else there is to say is in headers: see package wire. So a plain request,
// as of nats req, is served, and a plain responder can be called: JSON is the default, and
// errors are in the headers of the services of NATS.
//
// While a server has calls of a client it sends the client a heartbeat, in which it names the
// calls that it has taken since the last one. A call that is over within a quarter of a second
// is never named, and costs nothing for it.
//
// # The files
//
// At the client: client.go has the client, begin.go begins a call, table.go knows where each
// call is, outbox.go sends, inbox.go receives, watch.go sees that servers are lost and that
// the connection is, where.go tells who looks where a call is. At the server: server.go has the server, job.go is the way of one
// request, desk.go knows where each request is, office.go is what goes in and out, beat.go
// tells clients. registry.go and errors.go are errors on the wire, codec.go and propagate.go
// what a user may replace; goon.go is what goes on where code of a user ends a goroutine.
//
// What code that asyncgen -remote nats writes calls is in method.go, proxy.go (the client) and
// stub.go (the server); what types look like on the wire is in package shape.
//
// # Calls that outlive everything
//
// A [Queue] keeps calls at NATS itself, by JetStream: they outlive the process that submitted
// them, the workers that run them, and the server.
//
//	q, err := asyncnats.OpenQueue(ctx, js, asyncnats.QueueOptions{Name: "invoices", Replicas: 3})
//	call, id, err := asyncnats.Submit[Invoice](ctx, q, order, asyncnats.ID("order-4711"))
//	call := asyncnats.Attach[Invoice](ctx, q, id) // tomorrow, in another process
//	w, err := asyncnats.Work(ctx, q, makeInvoice, asyncnats.WorkOptions{Scope: scope})
//
// A request runs at least once, and its call completes exactly once. The rules are J1 to J8 of
// docs/queue.md. The files are queue.go, which has the states of a call and the invariants,
// and those whose names begin with queue: store has the streams and the conditional writes,
// submit and cancel are the caller's side, watch is told what completes, work, pull, job, key
// and beat are a worker, and look tells what a queue has. Codecs, errors and propagators are
// those of the rest; the client's table and the server's desk play no part.
package asyncnats
