package hunt

// A Way is the schedules that a program is explored under: as [sched.Options], without
// the function.
type Way struct {
	Switches, Most, Random, Depth int
	Seed                          uint64
	Time                          bool
	Replay                        string
	Timed                         bool // with Replay: the schedule is of an exploration with Time
}

// Ways returns the kinds of schedules that a program is explored under: single steps
// at random, priorities that change once or more often, and time that passes although
// somebody could go on. A program that may end the process has more of them, and
// shorter ones, since each ends with that.
func Ways(p *Program) []Way {
	const many = 30
	way := func(n, depth int, time bool, more uint64) Way {
		return Way{Switches: anyNumber, Random: n, Depth: depth, Seed: p.Seed<<8 + more + 1, Time: time}
	}
	ways := []Way{way(many, 0, false, 0), way(many, 3, false, 1), way(many, 2, true, 2), way(many, 5, false, 3)}
	if !p.Panics {
		return ways
	}
	var short []Way
	for i, w := range ways {
		for range 2 {
			w.Random, w.Seed = many/2, w.Seed+uint64(i)*16+5
			short = append(short, w)
		}
	}
	return short
}

const anyNumber = 1 << 30

// PairWays are those of a pair: all schedules with two forced switches, of which so many
// at most, and some by priorities, for the ones that this leaves out.
func PairWays(p *Program, most int) []Way {
	return []Way{
		{Switches: 2, Most: most},
		{Switches: anyNumber, Random: most / 2, Depth: 3, Seed: p.Seed + 1},
	}
}
