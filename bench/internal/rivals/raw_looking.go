package rivals

import (
	"context"

	"github.com/seed4712c49f/async/bench/internal/table"
)

func rawLooking() []table.Form {
	return []table.Form{
		{Op: "check", As: "atomic load", Make: rawCheck},
		{Op: "check", As: "select on a closed channel", Make: rawCheckChannel},
		{Op: "wait complete", As: "atomic load and the value", Make: rawValue},
		{Op: "wait complete", As: "receive from a closed channel", Make: rawReceive},
		{Op: "wait complete, context", As: "atomic load and the value", Make: rawValue},
		{Op: "wait complete, context", As: "select with the context", Make: rawSelect},
	}
}

func rawCheck(int) table.Work {
	b := new(flagged)
	b.done.Store(true)
	return table.Work{Do: func(_ *table.Stopwatch, n int) int {
		k := 0
		for range n {
			if b.done.Load() {
				k++
			}
		}
		return k
	}}
}

func rawCheckChannel(int) table.Work {
	done := make(chan struct{})
	close(done)
	return table.Work{Do: func(_ *table.Stopwatch, n int) int { return checkChannel(done, n) }}
}

// checkChannel looks n times whether a channel is closed.
func checkChannel(done <-chan struct{}, n int) int {
	k := 0
	for range n {
		select {
		case <-done:
			k++
		default:
		}
	}
	return k
}

func rawValue(int) table.Work {
	b := &flagged{v: 1}
	b.done.Store(true)
	return table.Work{Do: func(_ *table.Stopwatch, n int) int {
		k := 0
		for range n {
			if b.done.Load() && b.err == nil {
				k += b.v
			}
		}
		return k
	}}
}

func rawReceive(int) table.Work {
	b := &boxed{done: make(chan struct{}), v: 1}
	close(b.done)
	return table.Work{Do: func(_ *table.Stopwatch, n int) int {
		k := 0
		for range n {
			if <-b.done; b.err == nil {
				k += b.v
			}
		}
		return k
	}}
}

func rawSelect(int) table.Work {
	ctx, cancel := context.WithCancel(bg)
	b := &boxed{done: make(chan struct{}), v: 1}
	close(b.done)
	return table.Work{
		Do: func(_ *table.Stopwatch, n int) int {
			k := 0
			for range n {
				select {
				case <-b.done:
					k += b.v
				case <-ctx.Done():
				}
			}
			return k
		},
		End: cancel,
	}
}
