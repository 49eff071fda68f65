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
// background, and cannot hear that its call was canceled.
//
// A call of the plain client has one value beside the error: what the method
// returns, where that is one value; a struct named after the method, such as
// SimpleStreamStatResult, where it is several; struct{} where it is none. The
// fields have the names of the results, or R1, R2, … where these have none. A
// method whose name go vet keeps for another signature, such as Seek or ReadByte,
// is called SeekCall or ReadByteCall there.
//
// An async.Discard among the options of NewAsyncSimpleStream takes an
// AsyncSimpleStreamResult, which has the name of the method and its value.
//
// # What is refused
//
// The output compiles, and go vet has nothing to say about it, or nothing is
// written. Refused are types that only others can name: methods and types that
// are not exported, in an output of another package, internal packages, types of
// C. So are values with a lock, which go vet wants nobody to copy, and names that
// the package has declared already. The package need not compile; what its
// interface uses must be there, save for what the output is to declare.
//
// An interface in a file with a build constraint gets an output with the same.
//
// Run asyncgen -h for the flags.
package main

import (
	"os"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr)) }
