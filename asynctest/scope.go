package asynctest

import (
	"cmp"
	"testing"

	"github.com/seed4712c49f/async"
)

// NewScope returns a scope that is checked at the end of the test: it is [Check] of a new
// scope. The options are those of [async.NewScope], with Track set always and t's name
// where Name is empty. NewScope panics when given more than one.
func NewScope(t testing.TB, o ...async.ScopeOptions) *async.Scope {
	t.Helper()
	if len(o) > 1 {
		panic("asynctest: NewScope with more than one ScopeOptions")
	}
	var opts async.ScopeOptions
	if len(o) == 1 {
		opts = o[0]
	}
	opts.Track = true
	opts.Name = cmp.Or(opts.Name, t.Name())
	s := async.NewScope(opts)
	checkAtEnd(t, s, false)
	return s
}
