// Package unexported has an interface that is not exported, with methods and
// types that are not.
package unexported

import "context"

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type stream,Mixed

type state struct{ n int }

type stream interface {
	Read(ctx context.Context, s state) (state, error)
	read(ctx context.Context, s *state) (a, b *state, err error)
	enter(int) int
	leave()
	object() error
	turn()
	factory()
	server()
	opts()
}

// Mixed is exported, but not all that it has.
type Mixed interface {
	Do() (a, b int)
	do() (a, b int)
	call(state) (state, error)
}
