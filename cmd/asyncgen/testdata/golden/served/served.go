// Package served has the parts for servers that are asynchronous themselves, and the
// fake that goes with them.
package served

import "context"

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Store -fake
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type hidden,Only -only server,factory,sync

// A Store has methods whose parameters are named like what a promise has.
type Store[K comparable, V any] interface {
	Get(ctx context.Context, key K) (V, error)
	Put(promise K, Complete V, _ int, deliver ...V) error
	Size() (n int, ok bool)
	Flush()
	Context(ctx context.Context, take, drop, taken K) (x V, err error)
}

type hidden interface {
	do(x int) (err string)
	Do(context.Context, context.Context) error
}

// Only has no parts but those for an asynchronous server.
type Only interface {
	Break(keep int) (stream int)
}
