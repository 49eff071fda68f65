package async

import (
	"errors"
	"fmt"
	"reflect"
)

// A CallFactory is a server object that can be called asynchronously: it makes
// the call objects for its interfaces. CreateCall returns a new one of the type
// iface, an interface such as cmd/asyncgen writes, or [ErrNoMethod] where it does
// not know that.
//
// A factory may be asked by any number of goroutines at the same time. What it
// returns belongs to the caller, who releases it.
type CallFactory interface {
	CreateCall(iface reflect.Type) (any, error)
}

// CreateCall returns a new call object of server, by which the methods of the
// server are called asynchronously. I is an interface, such as cmd/asyncgen
// writes. The error is [ErrNoInterface] where server is no [CallFactory], as nil
// is none, and [ErrNoMethod] where the factory does not know I, or answers with
// nothing. Any other error of the factory is passed on as it is.
//
// CreateCall panics where I is not an interface, and where the factory returns
// what does not implement I.
func CreateCall[I any](server any) (I, error) {
	var none I
	iface := reflect.TypeFor[I]()
	if iface.Kind() != reflect.Interface {
		panic(fmt.Sprintf("async: CreateCall of %v, which is not an interface", iface))
	}
	factory, ok := server.(CallFactory)
	if !ok {
		return none, ErrNoInterface
	}
	object, err := factory.CreateCall(iface)
	switch {
	case err != nil:
		return none, err
	case object == nil:
		return none, ErrNoMethod
	}
	face, ok := object.(I)
	if !ok {
		panic(fmt.Sprintf("async: %T.CreateCall returned a %T for %v, which that does not implement", server, object, iface))
	}
	return face, nil
}

// CreateCallOr is [CreateCall] for a client that can do without: where server has
// no face of the type I, it is what fallback returns, such as a call object that
// calls the server's synchronous methods:
//
//	call, err := async.CreateCallOr(server, func() AsyncStream {
//		return NewAsyncStream(server)
//	})
//
// An error that is not [ErrNoInterface], by errors.Is, is the factory's own: it
// has the face and could not make an object. That is returned, and fallback is
// not called.
func CreateCallOr[I any](server any, fallback func() I) (I, error) {
	if fallback == nil {
		panic("async: CreateCallOr with a nil function")
	}
	face, err := CreateCall[I](server)
	if errors.Is(err, ErrNoInterface) {
		return fallback(), nil
	}
	return face, err
}
