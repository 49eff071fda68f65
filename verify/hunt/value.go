package hunt

import (
	"errors"
	"fmt"
	"slices"

	"github.com/seed4712c49f/async"
)

// A Value is what the functions of a program return. Each run of a function has a
// token of its own, so that a result can be followed wherever it goes.
type Value struct {
	Token int
	_     [2]int // not so small that the allocator puts several together (weak pointers)
}

// perSite is how many runs of one function, or of one operation, have tokens of their own: a
// token is the site times perSite, and the number of the run.
const perSite = 10_000

// A failureError is the error that the function of a token returns.
type failureError int

func (f failureError) Error() string { return fmt.Sprintf("hunt: failure %d", int(f)) }

// A panicValueError is what the function, or the callback, of a token panics with.
type panicValueError int

func (p panicValueError) Error() string { return fmt.Sprintf("hunt: panic %d", int(p)) }

// A causeError is what a context or a call is canceled with.
type causeError int

func (c causeError) Error() string { return fmt.Sprintf("hunt: cause %d", int(c)) }

// tokensOf returns the tokens of all failures and panics that err carries.
func tokensOf(err error) (tokens []int) {
	switch e := err.(type) { //nolint:errorlint // the tree is walked here
	case nil:
	case failureError:
		return []int{int(e)}
	case panicValueError:
		return []int{int(e)}
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			tokens = append(tokens, tokensOf(part)...)
		}
	case interface{ Unwrap() error }:
		return tokensOf(e.Unwrap())
	default:
		if panicked, ok := errors.AsType[*async.PanicError](err); ok {
			return tokensOf(panicked)
		}
	}
	return tokens
}

// tokensWith returns the tokens of a result.
func tokensWith(v *Value, err error) []int {
	tokens := tokensOf(err)
	if v != nil && !slices.Contains(tokens, v.Token) {
		tokens = append(tokens, v.Token)
	}
	return tokens
}
