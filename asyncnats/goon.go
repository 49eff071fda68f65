package asyncnats

import "sync"

// This file has what goes on where code of a user ends a goroutine of this package by Goexit: a codec,
// a function of OnSignal, an observer.

// keep has a goroutine of g run f, and another one run f again where f did not return.
func keep(g *sync.WaitGroup, f func()) {
	g.Go(func() {
		returned := false
		defer func() {
			if !returned {
				keep(g, f)
			}
		}()
		f()
		returned = true
	})
}

// each calls f for each of some, for the rest also where f does not return for one.
func each[T any](some []T, f func(T)) {
	i, returned := 0, false
	defer func() {
		if !returned {
			each(some[i+1:], f)
		}
	}()
	for ; i < len(some); i++ {
		f(some[i])
	}
	returned = true
}
