// Package selfref does not compile without the output.
package selfref

import "context"

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Dialer,Conn -output faces.go

type Dialer interface {
	Dial(ctx context.Context, addr string) (AsyncConn, error)
	Later(addr string) ConnFactory
}

type Conn interface {
	Dialer() AsyncDialer
	Calls() ConnCalls
}

var _ = NewAsyncConn

type server struct{ DialerFactory }

func (s *server) use() AsyncDialerResult { return AsyncDialerResult{} }
