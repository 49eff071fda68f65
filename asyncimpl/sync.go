package asyncimpl

import (
	"context"
	"reflect"

	"github.com/seed4712c49f/async"
)

// This file has the synchronous face of a call object. A generated synchronous client holds
// Turns, and each of its methods begins, waits and finishes on a call object that it enters.
//
// What may not change: a call object has one call at a time (R1), so two callers never have
// one object at once, and a turn ends however the method ends.

// Turns are the call objects of a synchronous face: one object that callers use in turn, or
// one that a factory makes for each call. A caller enters, begins its call, waits, finishes
// and leaves.
type Turns struct {
	object  any
	turn    chan struct{}     // holds one while the object is free; nil where a factory makes the objects
	factory async.CallFactory // in place of object and turn
	iface   reflect.Type
}

// OneObject are the turns at one call object.
func OneObject(object any) Turns {
	t := Turns{object: object, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	return t
}

// ObjectsOf are turns that have a call object of server's own each, of the type iface.
func ObjectsOf(server async.CallFactory, iface reflect.Type) Turns {
	return Turns{factory: server, iface: iface}
}

// Enter returns a call object, when it is the caller's turn. Where ctx ends before, the
// error is an [*async.CanceledError]. A function of a scope lends its slot while it waits: the
// one whose turn it is may need that (C2).
func (t *Turns) Enter(ctx context.Context) (any, error) {
	if t.turn == nil {
		return t.create()
	}
	select {
	case <-t.turn:
		return t.object, nil
	default:
	}
	if _, err := async.WaitAny(ctx, async.Chan(t.turn)); err != nil {
		return nil, &async.CanceledError{Cause: context.Cause(ctx)}
	}
	return t.object, nil
}

// create is [async.CreateCall] for a type that is known by its reflection.
func (t *Turns) create() (any, error) {
	if t.factory == nil {
		return nil, async.ErrNoInterface
	}
	object, err := t.factory.CreateCall(t.iface)
	switch {
	case err != nil:
		return nil, err
	case object == nil:
		return nil, async.ErrNoMethod
	case !reflect.TypeOf(object).Implements(t.iface):
		if o, ok := object.(interface{ Release() }); ok {
			o.Release() // nobody else gets it
		}
		return nil, &wrongObjectError{reflect.TypeOf(t.factory).String() + ".CreateCall returned a " + reflect.TypeOf(object).String() + " for " + t.iface.String()}
	}
	return object, nil
}

// A wrongObjectError is an [async.ErrWrongObject] that names the types.
type wrongObjectError struct{ text string }

func (e *wrongObjectError) Error() string { return async.ErrWrongObject.Error() + ": " + e.text }

func (e *wrongObjectError) Unwrap() error { return async.ErrWrongObject }

// Leave ends a turn. It releases an object that Enter has made, and keeps the one object that
// callers take turns at: idle, also where Begin has panicked, as it does with a panic of an
// asynchronous server.
func (t *Turns) Leave(object interface{ Release() }) {
	if t.turn == nil {
		object.Release()
		return
	}
	defer func() { t.turn <- struct{}{} }()
	if ours, ok := object.(interface{ abandon() }); ok {
		ours.abandon()
	}
}

// Wait waits for the call of an object, or returns the error with which the call was refused.
// It is for code that an older asyncgen wrote: a wait by the context of the method lends the slot
// of the function that called it (C2), and this one cannot.
// The wait has no end of its own: the context of the method was given to Begin. The function
// that serves the call sees the end of that context, and a promise is canceled by it (R14).
func Wait(object interface{ Wait(context.Context) error }, begun error) error {
	if begun != nil {
		return begun
	}
	return object.Wait(context.Background())
}
