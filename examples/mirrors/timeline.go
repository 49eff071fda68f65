package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/seed4712c49f/async/examples/internal/console"
)

// timeline draws what happened to each mirror when, side by side. Nothing may
// happen any more.
func (b *board) timeline() {
	b.mu.Lock()
	defer b.mu.Unlock()
	total := time.Millisecond
	for _, r := range b.rows {
		total = max(total, r.settled)
	}
	fmt.Fprintln(b.out, "\nTimeline, in seconds since the start (. waiting for an answer, = reading the file, x over)")
	for _, r := range b.rows {
		line := fmt.Sprintf("  %-*s  %-9s  |%s|  %s", b.width, r.name, r.state, r.bar(total), r.times())
		fmt.Fprintln(b.out, strings.TrimRight(line, " "))
	}
}

const barWidth = 24

// bar draws the row's life as a part of total.
func (r *row) bar(total time.Duration) string {
	bar := []rune(strings.Repeat(string(console.Blank), barWidth))
	if r.state == stateIdle {
		return string(bar)
	}
	column := func(t time.Duration) int { return min(int(barWidth*t/total), barWidth-1) }
	for i := column(r.asked); i <= column(r.settled); i++ {
		bar[i] = '.'
		if r.answered > 0 && i >= column(r.answered) {
			bar[i] = '='
		}
	}
	if r.state != stateWon {
		bar[column(r.settled)] = 'x'
	}
	return string(bar)
}

// times are the row's times, with a remark.
func (r *row) times() string {
	if r.state == stateIdle {
		return ""
	}
	answered, remark := "", ""
	if r.answered > 0 {
		answered = fmt.Sprintf("answered %.3f", r.answered.Seconds())
	}
	if r.late {
		remark = "  " + lateNote
	}
	return fmt.Sprintf("asked %.3f  %-14s  over %.3f%s", r.asked.Seconds(), answered, r.settled.Seconds(), remark)
}

// outcomes writes a line for each mirror: why it did not deliver the file.
func (b *board) outcomes(w io.Writer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.rows {
		r := &b.rows[i]
		note := b.noteLocked(0, i)
		if r.state == stateIdle {
			note = "its turn did not come"
		}
		fmt.Fprintf(w, "  %-*s  %s: %s\n", b.width, r.name, r.state, note)
	}
}
