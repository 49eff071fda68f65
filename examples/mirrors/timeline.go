package main

import (
	"fmt"
	"io"
	"strings"
	"time"
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
	const legend = "Timeline (. waiting for an answer, = reading the file, x over)"
	fmt.Fprintf(b.out, "\n%-*s  %8s  %8s  %8s\n", b.width+barWidth+17, legend, "asked", "answered", "over")
	for _, r := range b.rows {
		line := fmt.Sprintf("  %-*s  %-9s  |%s|  %s", b.width, r.name, r.state, r.bar(total), r.times())
		fmt.Fprintln(b.out, strings.TrimRight(line, " "))
	}
}

const barWidth = 24

// bar draws the row's life as a part of total.
func (r *row) bar(total time.Duration) string {
	bar := []byte(strings.Repeat(" ", barWidth))
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

// times are the row's times as columns of a table, with a remark.
func (r *row) times() string {
	if r.state == stateIdle {
		return ""
	}
	answered, remark := "", ""
	if r.answered > 0 {
		answered = seconds(r.answered)
	}
	if r.late {
		remark = "  " + lateNote
	}
	return fmt.Sprintf("%s  %8s  %s%s", seconds(r.asked), answered, seconds(r.settled), remark)
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
