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
//	the server's scope is full    async.ErrQueueFull, at once
//	the server shuts down         calls it has accepted end; others go elsewhere
//	the function panics           a RemoteError that is ErrPanicked; the server lives on
//	the reply is too large        ErrTooLarge, at once
//	the reply makes no sense      ErrBadReply, at once
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
// the connection is. At the server: server.go has the server, job.go is the way of one
// request, desk.go knows where each request is, office.go is what goes in and out, beat.go
// tells clients. registry.go and errors.go are errors on the wire, codec.go and propagate.go
// what a user may replace.
//
// Calls that outlive their caller, over JetStream, belong beside these files, in files whose
// names begin with queue: [Codec], [ErrorCode], [RemoteError] and [Propagator] are for them as
// well. They need neither the client's table nor the server's desk.
package asyncnats
