package main

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"
)

// stacks are the stacks of goroutines by what they are called: "goroutine 1".
type stacks map[string]string

// goroutines returns the stacks of all there are.
func goroutines() stacks {
	buf := make([]byte, 64<<10)
	n := runtime.Stack(buf, true)
	for n == len(buf) { // there is more
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	all := make(stacks)
	for stack := range strings.SplitSeq(string(buf[:n]), "\n\n") {
		name, _, _ := strings.Cut(stack, " [")
		all[name] = stack
	}
	return all
}

// wait waits, at most for d, until no goroutine is there that was not before, and
// returns the stacks of those left. A goroutine that was told to stop may need a
// moment, so it looks again and again, and has tidy tidy up each time.
//
// A number of goroutines would not do: it comes out right where one of before
// has ended and one is left.
func (before stacks) wait(d time.Duration, tidy func()) []string {
	for end := time.Now().Add(d); ; time.Sleep(time.Millisecond) {
		tidy()
		left := goroutines()
		maps.DeleteFunc(left, func(name, _ string) bool { return before[name] != "" })
		if len(left) == 0 || time.Now().After(end) {
			return slices.Sorted(maps.Values(left))
		}
	}
}
