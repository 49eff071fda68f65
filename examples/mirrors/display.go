package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/seed4712c49f/async/examples/internal/console"
)

// A state is what has become of a mirror.
type state string

const (
	stateIdle     state = "not asked" // → pending
	statePending  state = "pending"   // → any of those below
	stateWon      state = "won"       // first to answer → failed or canceled, if reading the body ends so
	stateLost     state = "lost"      // another was first
	stateFailed   state = "failed"    // by an error of its own
	stateCanceled state = "canceled"  // the time was up, or somebody pressed Ctrl-C
)

// A board shows what becomes of the mirrors: on a terminal as a line for each,
// drawn again and again; elsewhere as a log, with a line for each event. It may
// be used by any number of goroutines at the same time.
type board struct {
	out   *console.Console
	start time.Time
	width int // of the longest name

	mu     sync.Mutex
	rows   []row
	over   bool  // no mirror is asked any more
	size   int64 // of the winner's body; -1 where that is not known
	read   int64 // how much of it has come
	logged int64 // how many quarters of it the log has told of
}

// A row is one mirror. Its times count from the start of the board.
type row struct {
	name     string
	state    state
	note     string        // why it failed, lost or was canceled
	late     bool          // an answer came when nobody wanted it, and was closed
	asked    time.Duration // pending since
	answered time.Duration // won since; 0 where it never did
	settled  time.Duration // 0 while it is pending or being read
}

func newBoard(out *console.Console, mirrors []*url.URL) *board {
	b := &board{out: out, start: time.Now()}
	for _, m := range mirrors {
		b.rows = append(b.rows, row{name: m.Redacted(), state: stateIdle})
		b.width = max(b.width, len(m.Redacted()))
	}
	return b
}

// asked says that the call on mirror i begins.
func (b *board) asked(i int) {
	b.update(func(now time.Duration) {
		if b.over {
			return // it was about to be asked when another had won
		}
		b.rows[i].state, b.rows[i].asked = statePending, now
		b.logLocked(now, i, "")
	})
}

// failed says that mirror i failed with err, or, where that is why ctx ended,
// that it was canceled.
func (b *board) failed(ctx context.Context, i int, err error) {
	state := stateFailed
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, cause) {
		state = stateCanceled
	}
	b.update(func(now time.Duration) { b.settleLocked(now, i, state, err) })
}

// won says that mirror i is the first to have answered, with a body of size.
func (b *board) won(i int, size int64) {
	b.update(func(now time.Duration) {
		b.rows[i].state, b.rows[i].answered, b.size = stateWon, now, size
		b.logLocked(now, i, "reading "+formatSize(size))
	})
}

// rest says what becomes of all that are pending.
func (b *board) rest(s state, why error) {
	b.update(func(now time.Duration) {
		b.over = true
		for i := range b.rows {
			if b.rows[i].state == statePending {
				b.settleLocked(now, i, s, why)
			}
		}
	})
}

// finished says that the body of mirror i was read to its end.
func (b *board) finished(i int) {
	b.update(func(now time.Duration) {
		b.rows[i].settled = now
		b.logLocked(now, i, b.progressLocked(now, i))
	})
}

// late says that an answer of mirror i came when nobody wanted it any more.
func (b *board) late(i int) {
	b.update(func(now time.Duration) {
		b.rows[i].late = true
		b.logLocked(now, i, lateNote)
	})
}

const lateNote = "its answer came too late and was closed"

// Write counts a piece of the winner's body.
func (b *board) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read += int64(len(p))
	if quarter := 4 * b.read / max(b.size, 1); b.size > 0 && b.logged < quarter && quarter < 4 {
		b.logged = quarter
		for i := range b.rows {
			if now := time.Since(b.start); b.rows[i].state == stateWon {
				b.logLocked(now, i, b.progressLocked(now, i))
			}
		}
	}
	return len(p), nil
}

func (b *board) settleLocked(now time.Duration, i int, s state, why error) {
	r := &b.rows[i]
	r.state, r.settled, r.note = s, now, strings.ReplaceAll(why.Error(), "\n", "; ")
	b.logLocked(now, i, r.note)
}

// update changes the board.
func (b *board) update(change func(now time.Duration)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(time.Since(b.start))
}

// logLocked writes a line about mirror i, unless there is a terminal to draw on.
func (b *board) logLocked(now time.Duration, i int, what string) {
	if !b.out.IsLive() {
		r := &b.rows[i]
		line := fmt.Sprintf("%s  %-9s  %-*s  %s", seconds(now), r.state, b.width, r.name, what)
		fmt.Fprintln(b.out, strings.TrimRight(line, " "))
	}
}
