//go:build asyncexplore

package hunt

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// This file follows one child from its start to its end, and judges the end: a process
// that has ended by a panic was allowed to, or it is a failure. parent.go starts one
// child after the other.

// A life is what a child said of itself until it ended.
type life struct {
	seed      uint64
	phase     int
	run       int
	took      time.Duration // of the processor where the hunt counts that, or of the clock
	over      bool          // it came to its end
	all       bool          // there are no more programs of the kind
	pairs     bool
	failed    bool         // the last program has failed
	made      map[int]int  // panics, and the family of the call
	given     map[int]bool // of these, the ones that somebody was given
	held      map[int]bool // of these, the ones that the loop over a Map raises when every function has returned
	disturbed map[int]bool // families whose calls may have been canceled or released
	dropped   map[int]bool // panics that end the process when the garbage is collected
	family    int
	program   *Program
	way       Way
}

// child runs one child. Where the child has ended as no program may, it also returns the
// failure.
func (h *Hunt) child(ctx context.Context, task Task) (*life, *Found) {
	var stderr bytes.Buffer
	begun := time.Now()
	cmd, lines, err := start(ctx, h.Test, task, &stderr)
	if err != nil {
		h.Log("%v", err)
		return &life{over: true, all: true}, nil
	}
	l := &life{dropped: make(map[int]bool), seed: task.Seed, phase: task.Phase, pairs: task.Pairs, program: task.Program, way: task.Way}
	for line := range lines {
		h.hear(l, line)
	}
	err = cmd.Wait()
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	h.clock.ended(l, used)
	if l.took = time.Since(begun); task.CPU {
		l.took = used
	}
	if l.over || ctx.Err() != nil {
		l.over = true
		return l, nil
	}
	return l, h.died(l, err, stderr.String())
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
	cmd.Env = append(os.Environ(), taskEnv+"="+string(text), "GOMAXPROCS=1", "GOGC=1200", "GOTRACEBACK=single")
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
	if line.CPU > 0 {
		h.clock.says(l, line.CPU)
	}
	switch line.K {
	case "start":
		l.seed, l.phase, l.failed = line.Seed, line.Phase, false
	case "run":
		l.run = line.N
		l.made, l.given, l.held, l.disturbed = make(map[int]int), make(map[int]bool), make(map[int]bool), make(map[int]bool)
	case "family":
		l.family = line.N
	case "made":
		l.made[line.N] = l.family
	case "dropped":
		l.dropped[line.N] = true
	case "given":
		l.given[line.N] = true
	case "held":
		l.held[line.N] = true
	case "disturbed":
		l.disturbed[line.N] = true
	case "all":
		l.all = true
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
			if l.pairs {
				h.Pairs++
			}
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
		h.Times[key] = h.clock.spent()
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
// nobody was given before, and nobody could be (C5). Else it returns the failure.
func (h *Hunt) died(l *life, err error, text string) *Found {
	why := l.wrongEnd(text)
	if why == "" {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.Crashes++
		return nil
	}
	if len(text) > 6000 {
		text = text[:6000]
	}
	l.failed = true
	f := &Found{
		Program: l.program, Way: l.way, Run: l.run, Oracle: "crash", Sort: sortOf(why),
		Text: fmt.Sprintf("the process ended (%v): %s\n%s", err, why, text),
	}
	if f.Program == nil {
		h.remake(f, l)
	}
	return f
}

// remake makes the program that a child has died of anew, and what it was explored by.
func (h *Hunt) remake(f *Found, l *life) {
	table := NewTable()
	var ways []Way
	if l.pairs {
		pair := Pairs(table, h.Task.Match, h.Task.Order).At(int(l.seed))
		f.Pair, f.Program = pair.Name, pair.Program()
		ways = PairWays(f.Program, h.Task.Most)
	} else {
		f.Program = Generate(table, l.seed, SetOf(h.Task.Avoid))
		ways = Ways(f.Program)
	}
	f.Way = ways[min(l.phase, len(ways)-1)]
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
	case l.dropped[token]:
	case !made:
		return "a panic that nobody made"
	case l.given[token]:
		return "a panic that somebody was given before"
	case l.held[token]:
		return "a panic that the loop over a Map has to raise"
	case !l.disturbed[family] && !l.disturbed[0] && family != 0:
		return "a panic that somebody can be given: nobody has released or canceled the call"
	}
	return ""
}
