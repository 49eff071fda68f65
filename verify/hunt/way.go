package hunt

import "slices"

// A Way is the schedules that a program is explored under: as [sched.Options], without
// the function.
type Way struct {
	Switches, Most, Random, Depth int
	Seed                          uint64
	Time                          bool
	Ends                          bool   // contexts end before what they wait for is completed
	Late                          bool   // some goroutines begin when the others cannot go on
	LateAs                        uint64 // with Replay: which
	Replay                        string
	Timed                         bool // with Replay: the schedule is of an exploration with Time
}

// Ways returns the kinds of schedules that a program is explored under: single steps
// at random, priorities that change twice or more often, time that passes although
// somebody could go on, and contexts that end before anything else is done for those who
// wait. A program that may end the process has more of them, and shorter ones, since each
// ends with that.
func Ways(p *Program) []Way {
	ways := []Way{
		{Random: 12}, {Random: 10, Depth: 3, Ends: true}, {Random: 6, Depth: 2, Time: true}, {Random: 8, Depth: 5}, {Random: 6, Ends: true},
	}
	if p.Panics {
		ways = slices.Concat(ways, ways)
	}
	return seeded(ways, p.Seed<<8)
}

// seeded gives each of the ways a seed of its own.
func seeded(ways []Way, seed uint64) []Way {
	for i := range ways {
		ways[i].Switches, ways[i].Seed = anyNumber, seed+uint64(i)+1
	}
	return ways
}

const anyNumber = 1 << 30

// exhaustive is from how many schedules on those of a pair are all with two forced
// switches. Of few, those that come first in that order are too much alike.
const exhaustive = 500

// PairWays are those of a pair: some two times as many random schedules as most says, and at
// least one of each sort. Nearly all go by priorities: what needs one goroutine to stand at one
// point, or two, these find with a known probability. In half of them some goroutines begin
// late. From exhaustive on the schedules are all with two forced switches, up to most.
func PairWays(p *Program, most int) []Way {
	if most >= exhaustive {
		all := Way{Switches: 2, Most: most}
		end := all
		end.Ends = true
		return append([]Way{all, end}, seeded([]Way{{Random: most / 4, Depth: 3}, {Random: most / 4, Ends: true}}, p.Seed)...)
	}
	few, half := max(most/2, 1), max(most/4, 1)
	return seeded([]Way{
		{Random: few, Depth: 2}, {Random: few, Depth: 2, Late: true}, {Random: half, Ends: true, Late: true}, {Random: few, Depth: 3}, {Random: half},
		{Random: half, Depth: 3, Late: true, Ends: true},
	}, p.Seed)
}
