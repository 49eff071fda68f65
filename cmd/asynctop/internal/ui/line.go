package ui

import (
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// This file has what a screen is made of: lines of spans, each with a look. A line is cut
// and padded before it gets colors, so the widths do not depend on them.

// A look is how a span is to stand out. What it means is always in the words, too: there
// may be no colors.
type look int

const (
	normal  look = iota
	dim          // of less weight
	strong       // a title, a name
	fault        // is broken
	warning      // may be
	good         // is as it should be
	link         // can be opened
	bar          // the filled part of a bar, a sparkline
	cursor       // the line that keys act on
	title        // the first line of the screen
)

// A span is text in one look. The text is of package plain, or of this package.
type span struct {
	text string
	look look
}

// A line is one line of a screen.
type line []span

// text returns a line of one look.
func text(s string, l look) line { return line{{s, l}} }

func (l line) width() (n int) {
	for _, s := range l {
		n += plain.Width(s.text)
	}
	return n
}

// String returns the text of the line.
func (l line) String() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.text)
	}
	return b.String()
}

// cut returns what of the line fits into a width.
func (l line) cut(width int) (short line) {
	if l.width() <= width {
		return l
	}
	for _, s := range l {
		w := plain.Width(s.text)
		if w >= width { // not all that follows fits
			return append(short, span{plain.Cut(s.text+"…", width), s.look})
		}
		short = append(short, s)
		width -= w
	}
	return short
}

// pad returns the line in exactly a width.
func (l line) pad(width int) line {
	l = l.cut(width)
	if n := width - l.width(); n > 0 {
		l = append(slices.Clip(l), span{strings.Repeat(" ", n), normal})
	}
	return l
}

// all returns the line in one look.
func (l line) all(k look) line { return line{{l.String(), k}} }

// ends returns a line with one part at its start and one at its end.
func ends(left, right line, width int) line {
	right = right.cut(width)
	left = left.cut(max(0, width-right.width()-1))
	return append(left.pad(width-right.width()), right...)
}

// wrap returns a text in lines, at most limit, of which the last may be cut.
func wrap(s string, width, limit int) []string {
	lines := plain.Wrap(s, max(2, width))
	if len(lines) > limit {
		last := strings.Join(lines[limit-1:], " ")
		lines = append(lines[:limit-1], plain.Cut(last, width))
	}
	return lines
}

// A palette says what the looks are on one background.
type palette [title + 1]lipgloss.Style

// newPalette returns the palette for a terminal that has not said what its background is:
// the terminal's own colors, which suit it. Where it has fewer colors, or none, those who
// write the screen take the nearest.
func newPalette() *palette {
	color := func(c string) lipgloss.Style { return lipgloss.NewStyle().Foreground(lipgloss.Color(c)) }
	return &palette{
		normal:  lipgloss.NewStyle(),
		dim:     lipgloss.NewStyle().Faint(true),
		strong:  lipgloss.NewStyle().Bold(true),
		fault:   color("1").Bold(true),
		warning: color("3").Bold(true),
		good:    color("2"),
		link:    color("4").Underline(true),
		bar:     color("4"),
		cursor:  lipgloss.NewStyle().Reverse(true),
		title:   lipgloss.NewStyle().Bold(true).Reverse(true),
	}
}

// on returns the palette for a dark or a light background: each color has a contrast of
// five to one or more there.
func (p *palette) on(isDark bool) *palette {
	pick := lipgloss.LightDark(isDark)
	q := *p
	for l, c := range map[look][2]string{
		dim: {"#5f6368", "#9aa0a6"}, fault: {"#b3001b", "#ff7b72"}, warning: {"#8a5000", "#e3b341"}, good: {"#1a6b2f", "#7ee787"},
		link: {"#0b57d0", "#8ab4f8"}, bar: {"#0b57d0", "#8ab4f8"},
	} {
		q[l] = q[l].Faint(false).Foreground(pick(lipgloss.Color(c[0]), lipgloss.Color(c[1])))
	}
	return &q
}

// render returns the line with the escape sequences of its looks.
func (p *palette) render(l line) string {
	var b strings.Builder
	for _, s := range l {
		if s.look == normal {
			b.WriteString(s.text)
			continue
		}
		b.WriteString(p[s.look].Render(s.text))
	}
	return b.String()
}
