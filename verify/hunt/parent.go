//go:build asyncexplore

package hunt

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Hunt is the parent of the children, and what they have found.
type Hunt struct {
	Test    string // the test to run in a child
	Workers int
	Pairs   bool // pairs, in place of random programs
	First   bool // stop at the first failure
	Task    Task
	Log     func(format string, args ...any)

	mu        sync.Mutex
	Programs  int
	Schedules int
	Steps     int
	Crashes   int // that were as they should be
	Covered   map[string]bool
	Found     map[string]*Found // by oracle and sort, the first of each
	Times     map[string]time.Duration
	start     time.Time
	stop      context.CancelFunc
}

// Run hunts until the time is over.
func (h *Hunt) Run(ctx context.Context) {
	h.Covered, h.Found, h.Times = make(map[string]bool), make(map[string]*Found), make(map[string]time.Duration)
	h.start = time.Now()
	ctx, cancel := context.WithTimeout(ctx, h.Task.For+20*time.Second)
	defer cancel()
	h.stop = cancel
	var all sync.WaitGroup
	for i := range h.workers() {
		all.Go(func() { h.work(ctx, uint64(i)) })
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	h.progress(done)
}

func (h *Hunt) workers() int {
	if h.Task.Only {
		return 1
	}
	if h.Workers > 0 {
		return h.Workers
	}
	return runtime.NumCPU()
}

// progress says now and then how far the hunt is.
func (h *Hunt) progress(done <-chan struct{}) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			h.Log("%s", h.Summary())
			return
		case <-tick.C:
			h.Log("%s", h.Summary())
		}
	}
}

// Summary says in a line how much was done.
func (h *Hunt) Summary() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	took := time.Since(h.start)
	return fmt.Sprintf("%d programs, %d schedules, %d steps in %v: %.0f schedules a second; %d ends of the process as they should be; %d kinds x operations; %d failures",
		h.Programs, h.Schedules, h.Steps, took.Round(time.Second), float64(h.Schedules)/took.Seconds(), h.Crashes, len(h.Covered), len(h.Found))
}

// Missed returns the operations of the table that no program has done.
func (h *Hunt) Missed() (missed []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	done := make(map[string]bool)
	for key := range h.Covered {
		name, _, _ := strings.Cut(key, " on ")
		done[name] = true
	}
	for _, name := range sortedNames(NewTable()) {
		if !done[name] {
			missed = append(missed, name)
		}
	}
	return missed
}

// Cover prints which operations were done on which kinds of object.
func (h *Hunt) Cover() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	on := make(map[string][]string)
	for key := range h.Covered {
		name, flavor, _ := strings.Cut(key, " on ")
		on[flavor] = append(on[flavor], name)
	}
	var b strings.Builder
	for _, flavor := range slices.Sorted(maps.Keys(on)) {
		slices.Sort(on[flavor])
		fmt.Fprintf(&b, "%s: %s\n", cmp.Or(flavor, "no object"), strings.Join(on[flavor], " "))
	}
	return b.String()
}

// work has one child after the other do programs, each going on where the last one
// ended.
func (h *Hunt) work(ctx context.Context, i uint64) {
	task := h.Task
	task.Seed, task.Step = h.Task.Seed+i, uint64(h.workers())
	for time.Since(h.start) < h.Task.For && ctx.Err() == nil {
		task.For = h.Task.For - time.Since(h.start)
		task.Known = h.known()
		last := h.child(ctx, task)
		if last.over {
			return
		}
		task.Seed, task.Phase = last.seed, last.phase+1
		if last.failed {
			task.Seed, task.Phase = last.seed+task.Step, 0
		}
		if task.Only && last.failed {
			return
		}
	}
}

func (h *Hunt) known() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.Found))
}

// A life is what a child said of itself until it ended.
type life struct {
	seed      uint64
	phase     int
	run       int
	over      bool         // it came to its end
	failed    bool         // the last program has failed
	made      map[int]int  // panics, and the family of the call
	given     map[int]bool // of these, the ones that somebody was given
	disturbed map[int]bool // families whose calls may have been canceled or released
	family    int
	program   *Program
	way       Way
}

// child runs one child.
func (h *Hunt) child(ctx context.Context, task Task) *life {
	var stderr bytes.Buffer
	cmd, lines, err := start(ctx, h.Test, task, &stderr)
	if err != nil {
		h.Log("%v", err)
		return &life{over: true}
	}
	l := &life{seed: task.Seed, phase: task.Phase, program: task.Program, way: task.Way}
	for line := range lines {
		h.hear(l, line)
	}
	err = cmd.Wait()
	if l.over || ctx.Err() != nil {
		l.over = true
		return l
	}
	h.died(l, err, stderr.String())
	return l
}

// start starts a child for a task.
func start(ctx context.Context, test string, task Task, stderr io.Writer) (*exec.Cmd, <-chan Line, error) {
	text, err := json.Marshal(task)
	if err != nil {
		return nil, nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+test+"$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), taskEnv+"="+string(text), "GOMAXPROCS=1", "GOTRACEBACK=single")
	cmd.ExtraFiles, cmd.Stderr, cmd.Stdout = []*os.File{w}, stderr, stderr
	err = cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		return nil, nil, err
	}
	lines := make(chan Line, 64)
	go func() {
		defer close(lines)
		defer r.Close()
		in := bufio.NewReader(r)
		for {
			text, err := in.ReadBytes('\n')
			if err != nil {
				return
			}
			var line Line
			if json.Unmarshal(text, &line) == nil {
				lines <- line
			}
		}
	}()
	return cmd, lines, nil
}

// hear notes a line of a child.
func (h *Hunt) hear(l *life, line Line) {
	switch line.K {
	case "start":
		l.seed, l.phase, l.failed = line.Seed, line.Phase, false
	case "run":
		l.run = line.N
		l.made, l.given, l.disturbed = make(map[int]int), make(map[int]bool), make(map[int]bool)
	case "family":
		l.family = line.N
	case "made":
		l.made[line.N] = l.family
	case "given":
		l.given[line.N] = true
	case "disturbed":
		l.disturbed[line.N] = true
	case "bye":
		l.over = true
	case "explored", "shrunk", "cover":
		h.explored(l, line)
	}
}

func (h *Hunt) explored(l *life, line Line) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if line.K == "explored" {
		h.Schedules += line.N
		h.Steps += line.Steps
		if line.Phase == 0 {
			h.Programs++
		}
	}
	for _, key := range line.Cover {
		h.Covered[key] = true
	}
	if line.Found != nil {
		l.failed = true
		h.foundLocked(line.Found)
	}
}

func (h *Hunt) foundLocked(f *Found) {
	key := f.Key()
	if was := h.Found[key]; was == nil || f.Program.operations() < was.Program.operations() {
		h.Found[key] = f
	}
	if h.Times[key] == 0 {
		h.Times[key] = time.Since(h.start)
	}
	if h.First {
		h.stop()
	}
}

var (
	panicToken = regexp.MustCompile(`hunt: panic (\d+)`)
	panicLine  = regexp.MustCompile(`(?m)^(panic: |fatal error: ).*$`)
)

// died decides whether a child has ended as it should: by a panic of the program's that
// nobody was given before, and nobody could be (C5).
func (h *Hunt) died(l *life, err error, text string) {
	why := l.wrongEnd(text)
	h.mu.Lock()
	defer h.mu.Unlock()
	if why == "" {
		h.Crashes++
		return
	}
	if len(text) > 6000 {
		text = text[:6000]
	}
	p, o := l.program, l.way
	if p == nil {
		p, o = h.programOf(l)
	}
	l.failed = true
	h.foundLocked(&Found{
		Program: p, Way: o, Run: l.run, Oracle: "crash", Sort: sortOf(why),
		Text: fmt.Sprintf("the process ended (%v): %s\n%s", err, why, text),
	})
}

// programOf makes the program that a child has died of anew, and what it was explored by.
func (h *Hunt) programOf(l *life) (*Program, Way) {
	table := NewTable()
	if h.Pairs {
		p := Pairs(table, h.Task.Match)[l.seed].Program()
		ways := PairWays(p, h.Task.Most)
		return p, ways[min(l.phase, len(ways)-1)]
	}
	p := Generate(table, l.seed, SetOf(h.Task.Avoid))
	ways := Ways(p)
	return p, ways[min(l.phase, len(ways)-1)]
}

// wrongEnd says why the end of a process is none that should be.
func (l *life) wrongEnd(text string) string {
	line := panicLine.FindString(text)
	m := panicToken.FindStringSubmatch(line)
	if m == nil {
		return line + " " + where(text)
	}
	token, _ := strconv.Atoi(m[1]) // digits only
	family, made := l.made[token]
	switch {
	case !made:
		return "a panic that nobody made"
	case l.given[token]:
		return "a panic that somebody was given before"
	case !l.disturbed[family] && !l.disturbed[0] && family != 0:
		return "a panic that somebody can be given: nobody has released or canceled the call"
	}
	return ""
}
