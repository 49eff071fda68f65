// Package remote is how a package that carries calls to other processes says what its
// promises wait for. Package asyncnats begins a promise with a context that answers a [Key],
// and package async asks when somebody looks at the call: a call at which nobody looks pays
// nothing.
package remote

import "context"

// A Key is the key under which the context of a promise has a [Place]. Only the context that
// the promise was begun with is asked: contexts below the call do not have the value.
type Key struct{}

// A Place is where the work of a promise is done. Name may be called at any time, by any
// goroutine, without any lock of package async, and does not block.
type Place interface {
	Name() string // such as the subject and the server, as far as it is known; may be empty
}

// NameOf returns the name of the place that a promise was begun with by its context, or an
// empty one.
func NameOf(ctx context.Context) string {
	if p, ok := ctx.Value(Key{}).(Place); ok {
		return p.Name()
	}
	return ""
}
