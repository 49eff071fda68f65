// Asyncgen writes the asynchronous face of Go interfaces. Beside an interface
//
//	//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type SimpleStream
//
//	type SimpleStream interface {
//		Read(ctx context.Context, p []byte) (n int, err error)
//	}
//
// it writes simplestream_async.go, which declares
//
//	// The asynchronous face: a call object, which carries one call at a time.
//	type AsyncSimpleStream interface {
//		BeginRead(ctx context.Context, p []byte) error
//		FinishRead() (n int, err error)
//		// Wait, WaitFor, IsDone, Done, Signal, Cancel, CancelWait, Release
//	}
//
//	// Synchronous server, asynchronous client.
//	func NewAsyncSimpleStream(server SimpleStream, opts ...async.Option) AsyncSimpleStream
//
//	// Asynchronous server, synchronous client: with one object for all calls, in
//	// turn, or one for each.
//	func NewSyncSimpleStream(object AsyncSimpleStream) SimpleStream
//	func NewSyncSimpleStreamFrom(server async.CallFactory) SimpleStream
//
//	// An async.CallFactory to embed in a server.
//	type SimpleStreamFactory func() (AsyncSimpleStream, error)
//	func NewSimpleStreamFactory(server SimpleStream, opts ...async.Option) SimpleStreamFactory
//
//	// The plain idiom.
//	type SimpleStreamCalls struct{ ... }
//	func NewSimpleStreamCalls(server SimpleStream, opts ...async.Option) SimpleStreamCalls
//	func (SimpleStreamCalls) Read(ctx context.Context, p []byte) *async.Call[int]
//
// # Methods
//
// Begin has the parameters of the method, Finish its results, and an error where
// it has none. The first parameter that is a context, wherever it stands, is the
// one the call is begun with; a method that has none is begun with the
// background, and cannot hear that its call was canceled. The comment of the method
// is carried on, and so is what it says of being deprecated.
//
// A call of the plain client has one value beside the error: what the method
// returns, where that is one value; a struct named after the method, such as
// SimpleStreamStatResult, where it is several; struct{} where it is none. The
// fields have the names of the results, or R1, R2, … where these have none. A
// method whose name go vet keeps for another signature, such as Seek or ReadByte,
// is called SeekCall or ReadByteCall there.
//
// A call is named after its method, as in "SimpleStream.Read", unless an async.Name
// among the options says otherwise. An async.Discard among the options of
// NewAsyncSimpleStream takes an AsyncSimpleStreamResult, which has the name of the
// method and its value. With -discard Open the plain client, and that for other processes, has
// a method DiscardOpen, which sets the Discard of that method alone.
//
// # Results that go on using their context
//
// The context of a call ends with the call. A result that goes on using the context,
// such as a watch or the rows of a query, would end with it; so a method that streams
// is given a context that ends with its caller's. While the result is not taken, that
// ends with the call, too. A call of the plain client ends its stream when the call is
// released.
//
// A method streams where its result is of a known shape: a channel, an iterator, what
// has Recv, Next, Scan, or Read and Close, and some types by name. A comment says otherwise:
//
//	//async:stream                 above the method, or behind it
//	//async:nostream
//	//async:stream Watch, Follow   above the interface, or one that it embeds
//
// and so do the flags -stream and -nostream, which count before the comments.
//
// # Servers that are asynchronous themselves
//
// With -server the output has
//
//	type AsyncSimpleStreamServer interface {
//		ServeRead(promise *SimpleStreamReadPromise)
//	}
//
//	func ServeAsyncSimpleStream(server AsyncSimpleStreamServer, opts ...async.Option) AsyncSimpleStream
//	func ServeAsyncSimpleStreamCalls(server AsyncSimpleStreamServer, opts ...async.Option) SimpleStreamCalls
//
// The promise has what the method was given, and is completed with what Finish is to
// return. A call of the plain client takes no goroutine then. With -fake there is a FakeSimpleStream, too: such a server for tests, whose
// calls a test takes and completes.
//
// # Clients for other processes
//
// With -remote nats the output for an interface Store has
//
//	// A client of a Store that another process serves: a Store, an
//	// AsyncStore and an async.CallFactory.
//	type RemoteStore struct{ ... }
//	func NewRemoteStore(c *asyncnats.Client, prefix string, opts ...async.Option) *RemoteStore
//
//	// The plain idiom; no call needs a goroutine.
//	type RemoteStoreCalls struct{ ... }
//	func NewRemoteStoreCalls(c *asyncnats.Client, prefix string, opts ...async.Option) RemoteStoreCalls
//
//	// The server of an implementation.
//	func ServeStore(nc *nats.Conn, prefix string, server Store, options asyncnats.ServeOptions) (*asyncnats.Server, error)
//
// The parameters of a method travel as one message and its results as another, over NATS, by
// package asyncnats, which the module must require. Everything that travels must be what
// encoding/json writes and reads again without loss; a method that has something else is
// refused, with the name of the parameter. Page docs/remote.md of the library has the rules.
// An interface can be a parameter or a result where a comment above its declaration says which
// types it can have:
//
//	//async:form Circle, *Square
//
// # Several at once
//
// A comment //async:gen above an interface asks for an output. It may have the flags
// -only, -server, -fake, -remote, -stream, -nostream, -discard, -prefix and -name. Without
// -type, asyncgen ./... writes an output for each such interface; that for one of a test file
// is a test file of the same package. With -type Store,Cache it writes one for each package
// that declares any of these.
//
// # What is refused
//
// The output compiles, and go vet has nothing to say about it, or nothing is
// written, in no package of the run. Refused are types that only others can name:
// methods and types that are not exported, in an output of another package, internal
// packages, save for types that have an exported alias, types of C. So are values with
// a lock, which go vet wants nobody to copy, and names that the package has declared
// already. The package need not compile; what its interface uses must be there, save
// for what the output is to declare.
//
// A file that asyncgen has not written is never replaced, and neither is the output for
// other interfaces that are still there.
//
// An interface in a file with a build constraint gets an output with the same, and so does
// one that embeds such an interface of its package.
//
// The length of an array is a number in the output. Where it differs between systems, write one
// output for each: with GOOS and GOARCH set, and -output store_386.go.
//
// Run asyncgen -h for the flags.
package main

import (
	"os"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr)) }
