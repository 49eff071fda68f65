package main

import "context"

// The generator is a module of its own, which the library does not require; so
// here it is run from its folder. In a module of yours the line is
//
//	//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type SimpleStream -server
//
// once its version is pinned there:
//
//	go get -tool github.com/seed4712c49f/async/cmd/asyncgen
//
//go:generate go run -C ../../cmd/asyncgen . -type SimpleStream -server ../../examples/stream

// A SimpleStream is what the servers serve. It knows nothing of asynchronous
// calls: those are in simplestream_async.go, which is generated from it.
type SimpleStream interface {
	// Read reads what there is, up to len(p) bytes, and waits where there is
	// nothing.
	Read(ctx context.Context, p []byte) (n int, err error)

	// Close ends the stream and every Read that waits.
	Close() error
}
