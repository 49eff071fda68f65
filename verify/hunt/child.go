//go:build asyncexplore

package hunt

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Programs run in children of the test: a panic that nobody can be given ends the
// process, as it has to, and the parent decides whether that was right. What the
// parent has to know by then a child says at once, line by line, on a pipe.

// A Task is what a child does: the programs of some seeds, one after the other.
type Task struct {
	Seed     uint64   // of the first program
	Step     uint64   // to the next
	Phase    int      // where the first program goes on
	Only     bool     // no other program
	Pairs    bool     // pairs, in place of random programs; a seed is the number of a pair
	Most     int      // schedules of a pair at most
	Match    string   // pairs whose names match this
	Order    uint64   // the seed of the order of pairs
	Schedule string   // this one alone, as a failure has printed it
	Program  *Program // this one, in place of seeds
	Way      Way      // under these schedules
	Quiet    bool
	Without  []string // oracles
	Avoid    []string // operations, and others that Generate names
	Known    []string // failures that are not shrunk any more
	For      time.Duration
	CPU      bool          // For is time of a processor
	Shrink   time.Duration // how long to shrink what fails
}

// A Line is what a child says.
type Line struct {
	K     string        // what it is about
	Seed  uint64        `json:",omitempty"`
	Phase int           `json:",omitempty"`
	N     int           `json:",omitempty"`
	Steps int           `json:",omitempty"`
	Cover []string      `json:",omitempty"` // operations that were not done before
	Found *Found        `json:",omitempty"`
	CPU   time.Duration `json:",omitempty"` // that the child has used
}

// taskEnv holds the task of a child.
const taskEnv = "HUNT_TASK"

// A child is what runs in the child.
type child struct {
	Hunter
	task Task
	pipe *os.File
	seen map[string]bool // operations that were done, and failures that were shrunk
	news []string
	pair string // the name of the pair at hand
	at   uint64 // the seed, or the number, of the program at hand
}

// Child does the task that the environment has, in a child; in the parent, nothing.
func Child(t *testing.T) (isChild bool) {
	t.Helper()
	text := os.Getenv(taskEnv)
	if text == "" {
		return false
	}
	c := &child{pipe: os.NewFile(3, "pipe"), seen: make(map[string]bool)}
	if err := json.Unmarshal([]byte(text), &c.task); err != nil {
		t.Fatal(err)
	}
	c.Table, c.Without, c.seldom = NewTable(), SetOf(c.task.Without), c.task.Pairs && !c.task.Only
	for _, key := range c.task.Known {
		c.seen[key] = true
	}
	c.cover = func(p *Program, o *Op) { c.covers(p, o) }
	c.run(t)
	c.say(Line{K: "bye"})
	return true
}

// say writes a line; it is not buffered.
func (c *child) say(l Line) {
	text, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	if _, err := c.pipe.Write(append(text, '\n')); err != nil {
		os.Exit(3) // the parent has gone
	}
}

// covers notes that an operation was done on a kind of object.
func (c *child) covers(p *Program, o *Op) {
	key := o.Do + " on " + p.info(o.On).Flavor
	if !c.seen[key] {
		c.seen[key] = true
		if c.raise != nil { // the process may end before it tells the rest
			c.say(Line{K: "cover", Cover: []string{key}})
			return
		}
		c.news = append(c.news, key)
	}
}

func (c *child) run(t *testing.T) {
	t.Helper()
	if p := c.task.Program; p != nil {
		c.logs(p)
		f, n, steps := c.Explore(t, p, c.task.Way)
		c.tell(0, 0, f, n, steps)
		return
	}
	start := time.Now()
	var pairs *PairList
	if c.task.Pairs {
		pairs = Pairs(c.Table, c.task.Match, c.task.Order)
	}
	for seed, phase := c.task.Seed, c.task.Phase; ; seed, phase = seed+c.task.Step, 0 {
		var p *Program
		c.pair, c.at = "", seed
		if c.task.Pairs {
			if seed >= uint64(pairs.Len()) {
				c.say(Line{K: "all"})
				return
			}
			pair := pairs.At(int(seed))
			c.pair, p = pair.Name, pair.Program()
		} else {
			p = Generate(c.Table, seed, SetOf(c.task.Avoid))
		}
		c.logs(p)
		c.phases(t, p, phase)
		if c.task.Only || c.task.spent(start) > c.task.For {
			return
		}
	}
}

// spent returns how long a child is at its task.
func (t *Task) spent(start time.Time) time.Duration {
	if t.CPU {
		return processor()
	}
	return time.Since(start)
}

// logs has a program that may end the process say what decides whether it may.
func (c *child) logs(p *Program) {
	c.raise, c.started = nil, nil
	if p.Panics {
		c.started = func(run int) { c.say(Line{K: "run", N: run}) }
		c.raise = func(n int, what string) { c.say(Line{K: what, N: n}) }
	}
}

// phases explores a program by different kinds of schedules in turn.
func (c *child) phases(t *testing.T, p *Program, from int) {
	t.Helper()
	ways := Ways(p)
	if c.task.Pairs {
		ways = PairWays(p, c.task.Most)
	}
	if s := c.task.Schedule; s != "" {
		number, text, isLate := strings.Cut(s, late)
		if !isLate {
			number, text = "0", s
		}
		lateAs, _ := strconv.ParseUint(number, 10, 64) // a number that Explore has printed
		text, isEnding := strings.CutPrefix(text, ends)
		text, isTimed := strings.CutPrefix(text, timed)
		ways = []Way{{Replay: text, Timed: isTimed, Ends: isEnding, LateAs: lateAs}}
	}
	for i := from; i < len(ways); i++ {
		c.say(Line{K: "start", Seed: c.at, Phase: i})
		f, n, steps := c.Explore(t, p, ways[i])
		if f != nil {
			f.Pair = c.pair
		}
		c.tell(c.at, i, f, n, steps)
		if f == nil {
			continue
		}
		if c.seen[f.Key()] {
			return
		}
		c.seen[f.Key()] = true
		if smaller := c.Shrink(t, f, c.task.Shrink); smaller != f {
			c.say(Line{K: "shrunk", Found: smaller})
		}
		return
	}
}

// tell says how an exploration ended.
func (c *child) tell(seed uint64, phase int, f *Found, schedules, steps int) {
	c.say(Line{K: "explored", Seed: seed, Phase: phase, N: schedules, Steps: steps, Cover: c.news, Found: f, CPU: processor()})
	c.news = nil
}

// Key is the same for failures that are told only once.
func (f *Found) Key() string { return f.Oracle + ": " + f.Sort }

// Replays prints the command that runs a failure again.
func (f *Found) Replays() string {
	which := fmt.Sprintf("-run 'TestHunt$' -hunt.seed %d", f.Program.Seed)
	if f.Pair != "" {
		which = fmt.Sprintf("-run TestHuntPairs -hunt.match '^%s$'", regexp.QuoteMeta(f.Pair))
	}
	if f.First != "" {
		which += " -hunt.schedule " + f.First
	}
	return "go test -tags asyncexplore -v ./hunt " + which + " -hunt.only"
}
