package hunt

import (
	"errors"
	"fmt"

	"github.com/seed4712c49f/async"
)

// A Value is what the functions of a program return. Each run of a function has a
// token of its own, so that a result can be followed wherever it goes.
type Value struct {
	Token int
	_     [2]int // not so small that the allocator puts several together (weak pointers)
}

// A Failure is the error that the function of a token returns.
type Failure int

func (f Failure) Error() string { return fmt.Sprintf("hunt: failure %d", int(f)) }

// A Panic is what the function, or the callback, of a token panics with.
type Panic int

func (p Panic) Error() string { return fmt.Sprintf("hunt: panic %d", int(p)) }

// A Cause is what a context or a call is canceled with.
type Cause int

func (c Cause) Error() string { return fmt.Sprintf("hunt: cause %d", int(c)) }

// tokensOf returns the tokens of all failures and panics that err carries.
func tokensOf(err error) (tokens []int) {
	var panicked *async.PanicError
	switch e := err.(type) { //nolint:errorlint // the tree is walked here
	case nil:
	case Failure:
		return []int{int(e)}
	case Panic:
		return []int{int(e)}
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			tokens = append(tokens, tokensOf(part)...)
		}
	case interface{ Unwrap() error }:
		return tokensOf(e.Unwrap())
	default:
		if errors.As(err, &panicked) {
			return tokensOf(panicked)
		}
	}
	return tokens
}
