package asyncnats

import (
	"errors"
	"fmt"
)

// This file is what generated code needs for parameters and results that are interfaces:
// such a value travels as a struct with a pointer for each type that the interface is said to
// have, of which one is set.

// An OtherForm is in the place of a value whose type its interface was not said to have. It
// cannot be encoded, so that the call ends with an error. It comes from [NewOtherForm].
type OtherForm struct{ err error }

// NewOtherForm returns the OtherForm of a value of an interface, which is given by its name.
// Code that asyncgen writes calls it.
func NewOtherForm(v any, name string) *OtherForm {
	return &OtherForm{fmt.Errorf("a %T is none of the forms of %s", v, name)}
}

// MarshalText returns an error that names the type.
func (f *OtherForm) MarshalText() ([]byte, error) { return nil, f.err }

// UnmarshalText returns an error: nobody has sent such a value.
func (f *OtherForm) UnmarshalText([]byte) error { return errOtherForm }

var errOtherForm = errors.New("a value that is none of the forms of its interface")

// EachForm returns what of makes of each element, and nil of nil. Code that asyncgen writes
// calls it.
func EachForm[From, To any](list []From, of func(From) To) []To {
	if list == nil {
		return nil
	}
	forms := make([]To, len(list))
	for i, v := range list {
		forms[i] = of(v)
	}
	return forms
}
