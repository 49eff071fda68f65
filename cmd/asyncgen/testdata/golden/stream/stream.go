// Package stream is the example that the documents begin with.
package stream

import "context"

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type SimpleStream

// A SimpleStream is one of each kind of method.
type SimpleStream interface {
	Read(ctx context.Context, p []byte) (n int, err error)
	Write(p []byte) (int, error)
	Stat(ctx context.Context) (name string, size int64, err error)
	Open(ctx context.Context, name string) (SimpleStream, error)
	Len() int
	Split(at int) (head, tail []byte)
	Printf(ctx context.Context, format string, args ...any) (int, error)
	Flush(ctx context.Context)
	Close() error
}
