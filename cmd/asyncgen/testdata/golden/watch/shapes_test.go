package watch_test

import (
	"context"
	"io"
	"iter"
	"sync/atomic"
)

// shapes is a server of Shapes that keeps the context of its last call.
type shapes struct{ ctx atomic.Value }

type holder struct{ context.Context }

func (s *shapes) keep(ctx context.Context) { s.ctx.Store(holder{ctx}) }

func (s *shapes) Channel(ctx context.Context) <-chan int              { s.keep(ctx); return nil }
func (s *shapes) Both(ctx context.Context) (chan int, error)          { s.keep(ctx); return nil, nil }
func (s *shapes) Send(ctx context.Context) chan<- int                 { s.keep(ctx); return nil }
func (s *shapes) Seq(ctx context.Context) iter.Seq2[int, error]       { s.keep(ctx); return nil }
func (s *shapes) Func(ctx context.Context) func(func(int) bool) error { s.keep(ctx); return nil }
func (s *shapes) Derived(ctx context.Context) (context.Context, context.CancelFunc) {
	s.keep(ctx)
	return nil, nil
}
func (s *shapes) Rows(ctx context.Context) (interface {
	Next() bool
	Scan(...any) error
}, error) {
	s.keep(ctx)
	return nil, nil
}
func (s *shapes) Row(ctx context.Context) interface{ Scan(...any) error } { s.keep(ctx); return nil }
func (s *shapes) Value(ctx context.Context) interface{ Scan(any) error }  { s.keep(ctx); return nil }
func (s *shapes) Recv(ctx context.Context) (interface{ Recv() (int, error) }, error) {
	s.keep(ctx)
	return nil, nil
}
func (s *shapes) Body(ctx context.Context) (*struct{ Body io.ReadCloser }, error) {
	s.keep(ctx)
	return nil, nil
}
func (s *shapes) Conn(ctx context.Context) (interface {
	io.ReadCloser
	LocalAddr() string
}, error) {
	s.keep(ctx)
	return nil, nil
}
func (s *shapes) Results(ctx context.Context) (interface{ ResultChan() <-chan int }, error) {
	s.keep(ctx)
	return nil, nil
}
func (s *shapes) Done(ctx context.Context) (interface{ Done() <-chan struct{} }, error) {
	s.keep(ctx)
	return nil, nil
}
func (s *shapes) Off(ctx context.Context) (<-chan int, error) { s.keep(ctx); return nil, nil }
func (s *shapes) Without() (<-chan int, error)                { return nil, nil }
