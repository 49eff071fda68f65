package asynctest_test

import "github.com/seed4712c49f/async"

// wrapped stands for a package between a test and the library: what is below is, for the
// stack, in a file that is no test.
func wrapped(s *async.Scope) *async.Call[int] {
//line /below/wrapper.go:54
	return async.Go(bg, value(1), s)
}
