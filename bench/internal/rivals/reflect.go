package rivals

import (
	"reflect"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// selectMost is how many cases reflect.Select takes.
const selectMost = 65_536

// Above these sizes what takes a select over everything for each completion would
// run for minutes.
const quadraticMost = 1024

func reflectForms() []table.Form {
	return []table.Form{
		{Op: "wait any", Most: selectMost, Make: reflectWaitAny(0)},
		{Op: "wait any, late", Most: selectMost, Make: reflectWaitAny(late)},
		{Op: "standing", Most: selectMost, Make: reflectStanding},
		{Op: "drain", Most: quadraticMost, Make: reflectDrain},
		{Op: "race never", Make: func(int) table.Work {
			never := make(chan struct{})
			return table.Work{
				Do: repeat(func() int {
					fast := make(chan struct{})
					go close(fast)
					i, _, _ := reflect.Select([]reflect.SelectCase{receive(never), receive(fast)})
					return i
				}),
				End: func() { close(never) },
			}
		}},
		{Op: "entry bytes", Make: func(size int) table.Work {
			chans := channels(size)
			return table.Work{Hold: func(int) func() int {
				cases := casesOf(chans)
				return func() int {
					// A select takes no more than some, and each on its own is enough here.
					sum := 0
					for i := range cases {
						chans[i] <- struct{}{}
						reflect.Select(cases[i : i+1])
						sum++
					}
					return sum
				}
			}}
		}},
	}
}

func receive(ch chan struct{}) reflect.SelectCase {
	return reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ch)}
}

// channels makes n of them, with one slot each.
func channels(n int) []chan struct{} {
	chans := make([]chan struct{}, n)
	for i := range chans {
		chans[i] = make(chan struct{}, 1)
	}
	return chans
}

func casesOf(chans []chan struct{}) []reflect.SelectCase {
	cases := make([]reflect.SelectCase, len(chans))
	for i, ch := range chans {
		cases[i] = receive(ch)
	}
	return cases
}

func reflectWaitAny(yields int) func(int) table.Work {
	return func(size int) table.Work {
		chans := channels(size)
		return table.Work{Do: repeat(func() int {
			last := make(chan struct{})
			chans[size-1] = last
			go later(yields, func() { close(last) })
			i, _, _ := reflect.Select(casesOf(chans))
			return i
		})}
	}
}

func reflectStanding(size int) table.Work {
	chans := channels(size)
	cases := casesOf(chans)
	at := 0
	return table.Work{Do: repeat(func() int {
		at = (at + stride) % size
		close(chans[at])
		i, _, _ := reflect.Select(cases)
		chans[i] = make(chan struct{}, 1)
		cases[i] = receive(chans[i])
		if i != at {
			return 0
		}
		return 1
	})}
}

func reflectDrain(size int) table.Work {
	order := shuffled(size)
	return table.Work{Do: func(watch *table.Stopwatch, n int) int {
		sum := 0
		for range n {
			watch.Stop()
			chans := channels(size)
			taken := newTally(size)
			watch.Start()
			cases := casesOf(chans)
			go func() {
				for _, i := range order {
					close(chans[i])
				}
			}()
			for range size {
				i, _, _ := reflect.Select(cases)
				cases[i].Chan = reflect.Value{} // never ready
				sum += taken.take(i)
			}
		}
		return sum
	}}
}
