//go:build asyncexplore

package sched

import (
	"fmt"
	"runtime"
	"strings"
)

// This file finds out who keeps a run from going on, for the watchdog, and who is left in it,
// for a run that has failed.

// stacks returns the stacks of all goroutines of the run's bubble but the explorer's own.
func (r *run) stacks() (all []string) {
	buf := make([]byte, 1<<20)
	bubble := fmt.Sprintf("synctest bubble %d]", r.bubble)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		stack = strings.TrimSpace(stack)
		header, _, _ := strings.Cut(stack, "\n")
		own := strings.Contains(stack, "sched.(*run).drive(") || strings.Contains(stack, "sched.play(") ||
			strings.Contains(stack, "sched.play.func") || strings.Contains(stack, "synctest.testingSynctestTest(")
		if !own && strings.Contains(header, bubble) {
			all = append(all, stack)
		}
	}
	return all
}

// whoIsStuckLocked names the goroutines that the run waits for, each with the lines of the
// user's code in its stack: those that are blocked on what a bubble does not see, or run.
// Behind them it names those that stand at a point, and may have what the first ones want.
func (r *run) whoIsStuckLocked() string {
	var stuck, standing strings.Builder
	for _, stack := range r.stacks() {
		header, _, _ := strings.Cut(stack, "\n")
		_, state, _ := strings.Cut(header, "[")
		state, _, _ = strings.Cut(state, ", synctest bubble")
		g := r.gs[numberAfter([]byte(header), "goroutine ")]
		switch {
		case !strings.Contains(header, "(durable)"):
			fmt.Fprintf(&stuck, "%s does not go on: %s%s\n", nameOf(g), state, userFrames(stack))
		case g != nil && g.standing:
			fmt.Fprintf(&standing, "%s stands at the point %q, and goes on when its turn comes%s\n", nameOf(g), g.point, userFrames(stack))
		}
	}
	return stuck.String() + standing.String()
}

// nameOf names a goroutine as the steps of a schedule do.
func nameOf(g *gor) string {
	if g == nil {
		return "a goroutine that has met no point"
	}
	return fmt.Sprintf("g%d", g.n)
}

// waiting tells where the goroutines of the bubble are blocked, of those that are
// not the explorer's own.
func (r *run) waiting() string {
	const most, mostLines = 10, 16
	var b strings.Builder
	for told, stack := range r.stacks() {
		if told == most {
			b.WriteString("\n\nand others")
			break
		}
		lines := strings.SplitN(stack, "\n", mostLines)
		if len(lines) == mostLines {
			lines[mostLines-1] = "\t..."
		}
		b.WriteString("\n\n" + strings.Join(lines, "\n"))
	}
	return b.String()
}
