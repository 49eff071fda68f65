package console

import (
	"regexp"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// A line consists of cells with two spaces or more between them, as in a table. Where
// the line is too long for the screen, the cells that have no room go to lines below,
// further in; a cell that is longer than a line is wrapped between words, from where
// it stands. So a wide
// screen shows a table, and a narrow one the same text, piece by piece.
//
// A Blank stands for a space within a cell, as in the picture of a bar.

// Blank is a space that does not end a cell.
const Blank = '\u00a0'

var between = regexp.MustCompile(`  +`)

// layOut lays out the lines of a text for a screen of so many columns; 0 is no limit.
func layOut(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, end := strings.CutSuffix(line, "\n")
		b.WriteString(layOutLine(line, width))
		if end {
			b.WriteByte('\n')
		}
	}
	return strings.ReplaceAll(b.String(), string(Blank), " ")
}

// layOutLine lays out one line. The first of the lines that it becomes is as far in as
// the line was, or a quarter of the screen; the others by two columns more.
func layOutLine(line string, width int) string {
	line = strings.TrimRight(line, " ")
	if width <= 0 || ansi.StringWidth(line) <= width {
		return line
	}
	text := strings.TrimLeft(line, " ")
	indent := min(len(line)-len(text), width/4)
	below := indent + 2
	var all []string
	begin := 0 // of the cells in text that are laid out next, which end before a gap
	end := 0
	for _, gap := range append(between.FindAllStringIndex(text, -1), []int{len(text), len(text)}) {
		hasRoom := indent+ansi.StringWidth(text[begin:gap[0]]) <= width
		cell := strings.TrimLeft(text[end:gap[0]], " ")
		if end > begin && !hasRoom && below+ansi.StringWidth(cell) <= width {
			all = append(all, wrap(text[begin:end], width, indent))
			begin = gap[0] - len(cell)
			indent = below
		}
		end = gap[0]
	}
	return strings.Join(append(all, wrap(text[begin:], width, indent)), "\n")
}

// wrap breaks a text that is too long between words, and moves all of it in; what
// follows the first line further by two columns. Where a word is longer than a line,
// as a path may be, the text is broken at slashes, too.
func wrap(text string, width, indent int) string {
	if indent+ansi.StringWidth(text) > width {
		limit, breaks := max(width-indent-2, 1), ""
		for word := range strings.FieldsSeq(text) {
			if ansi.StringWidth(word) > limit {
				breaks = "/"
			}
		}
		lines := strings.Split(ansi.Wrap(text, limit, breaks), "\n")
		for i, line := range lines {
			lines[i] = strings.TrimRight(line, " ") // a space before a slash may be one too many
		}
		text = strings.Join(lines, "\n"+strings.Repeat(" ", indent+2))
	}
	return strings.Repeat(" ", indent) + text
}

// Bar draws what part of all is done, in so many columns.
func Bar(width int, done, all int64) string {
	var b strings.Builder
	style := mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(string(Blank)).Rbound("]").Build()
	_ = style.Fill(&b, decor.Statistics{AvailableWidth: width, RequestedWidth: width, Total: max(all, 1), Current: done, Completed: done == all})
	return b.String()
}
