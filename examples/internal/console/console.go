// Package console lays out what the examples print, so that a terminal of any width
// shows all of it: 40 columns, 80 or 200. Files and pipes get the text as it is.
package console

import (
	"bytes"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// A Console is where a program writes its lines. On a terminal a line that is too long
// is laid out in several, see lines.go, and below the text there may be a view that is
// drawn again and again. A Console comes from New. It may be used by any number of
// goroutines at the same time.
type Console struct {
	out   io.Writer
	width func() int // 0: no limit
	live  bool

	mu      sync.Mutex
	partial []byte        // the beginning of a line
	drawing *mpb.Progress // nil where there is no view
}

// New returns a Console on out.
func New(out io.Writer) *Console {
	c := &Console{out: out, width: func() int { return 0 }}
	f, ok := out.(*os.File)
	if ok && term.IsTerminal(int(f.Fd())) {
		c.live = os.Getenv("TERM") != "dumb"
		c.width = func() int {
			width, _, _ := term.GetSize(int(f.Fd())) // 0 where that is not known
			return width
		}
	}
	return c
}

// IsLive reports whether a view is shown: on a terminal that can move its cursor.
func (c *Console) IsLive() bool { return c.live }

// Write writes lines, above the view where there is one. What comes after the last end
// of a line is kept until that line ends.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.partial = append(c.partial, p...)
	end := bytes.LastIndexByte(c.partial, '\n') + 1
	text := layOut(string(c.partial[:end]), c.width())
	c.partial = c.partial[end:]
	var err error
	if c.drawing != nil {
		_, err = io.WriteString(c.drawing, lineStart+text)
	} else {
		_, err = io.WriteString(c.out, text)
	}
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// refresh is how often a view is drawn.
const refresh = 100 * time.Millisecond

// lineStart goes to the beginning of the line and clears it. mpb expects the cursor
// there, and whoever presses a key moves it: the terminal shows the key.
const lineStart = "\r" + ansi.EraseEntireLine

// Show has a terminal show the lines of view below the text, as they are at the time,
// until stop is called. Then the last view stays where keep says so, and vanishes
// otherwise. Where there is no terminal, Show does nothing.
//
// Write waits while the view is drawn. So view must not wait for a lock that somebody
// holds who writes.
func (c *Console) Show(view func() string, keep bool) (stop func()) {
	if !c.live {
		return func() {}
	}
	drawing := mpb.New(mpb.WithOutput(c.out), mpb.WithRefreshRate(refresh))
	rest := "" // of the view whose first line is drawn; mpb draws one row after the other
	first := mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		line, below, _ := strings.Cut(layOut(view(), s.AvailableWidth), "\n")
		rest = below
		_, err := io.WriteString(w, lineStart+line)
		return err
	})
	below := mpb.BarFillerFunc(func(w io.Writer, _ decor.Statistics) error {
		_, err := io.WriteString(w, rest)
		return err
	})
	bar := drawing.MustAdd(0, first, mpb.BarExtender(below, false), mpb.BarFillerTrim())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drawing = drawing
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		bar.Abort(!keep)
		drawing.Wait()
		c.drawing = nil
		if !keep {
			_, _ = io.WriteString(c.out, lineStart)
		}
	}
}
