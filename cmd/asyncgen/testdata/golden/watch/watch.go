// Package watch has methods whose results go on using the context of their call.
package watch

import (
	"context"
	"io"
	"iter"
)

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Store -server -stream Follow -discard Tail
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Shapes -only object,calls -nostream Shapes.Off

// A Feed is what Watch returns: it ends with its context.
type Feed struct {
	Ctx  context.Context
	Over chan struct{} // closed when the feed has noticed
}

// A Store can be watched.
//
//async:stream Watch, Tail
type Store interface {
	Get(ctx context.Context, key string) (string, error)
	Watch(ctx context.Context, key string) (*Feed, error)

	// Tail is Watch from the end.
	//
	//	an example
	//
	// Deprecated: Use Watch.
	//
	//nolint:nothing
	Tail(context.Context) *Feed

	// List streams, and has two values.
	//async:stream
	List(first string, ctx context.Context) (f *Feed, n int, err error)
	Follow(ctx context.Context) (*Feed, error) // by the flag
	Pull(ctx context.Context) (io.ReadCloser, error)
	Plain(ctx context.Context) (*Feed, error)
	Quiet(ctx context.Context) (<-chan int, error) //async:nostream
}

// Shapes are those that are known, and those that are like them and are not.
type Shapes interface {
	Channel(ctx context.Context) <-chan int
	Both(ctx context.Context) (chan int, error)
	Send(ctx context.Context) chan<- int // no
	Seq(ctx context.Context) iter.Seq2[int, error]
	Func(ctx context.Context) func(yield func(int) bool) error // no
	Derived(ctx context.Context) (context.Context, context.CancelFunc)
	Rows(ctx context.Context) (interface {
		Next() bool
		Scan(...any) error
	}, error)
	Row(ctx context.Context) interface{ Scan(...any) error }
	Value(ctx context.Context) interface{ Scan(any) error } // no
	Recv(ctx context.Context) (interface{ Recv() (int, error) }, error)
	Body(ctx context.Context) (*struct{ Body io.ReadCloser }, error)
	Conn(ctx context.Context) (interface { // no
		io.ReadCloser
		LocalAddr() string
	}, error)
	Results(ctx context.Context) (interface{ ResultChan() <-chan int }, error)
	Done(ctx context.Context) (interface{ Done() <-chan struct{} }, error) // no
	Off(ctx context.Context) (<-chan int, error)                           // no, by the flag
	Without() (<-chan int, error)                                          // no: no context
}
