// Package plain makes text of strangers fit for a terminal: the names, errors and stacks
// of calls, and the answers of servers. What it returns has no escape sequence, no control
// character and no invalid UTF-8, and every terminal gives it the same width. The packages
// feed and ui pass each such text through it before they show it.
//
// Terminals disagree on the width of clusters such as an emoji with a skin color: those
// that know clusters count two cells, and others add up the runes. A rune that makes them
// disagree is written as an escape, like a control character.
//
// Letters that run from right to left stay as they are: a terminal may turn them round
// within their line. The characters that turn the direction of other text are escaped.
package plain

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

const (
	maxBytes   = 2000 // of one text are read; the rest is left out
	maxMarks   = 4    // combining runes of one cluster; the rest is escaped
	maxColumns = 300  // of a name are kept
)

// Name returns a name as one line. A name that is one line of plain text is as it was, but
// for its length. A view escapes names, too, so a backslash stays as it is.
func Name(s string) string {
	s, cut := head(s)
	safe := escape(s)
	if cut {
		safe += "…"
	}
	return Cut(safe, maxColumns)
}

// Line returns a text as one line, with each run of spaces and ends of lines as one space.
func Line(s string) string {
	s, cut := head(s)
	safe := escape(strings.Join(strings.Fields(s), " "))
	if cut {
		safe += "…"
	}
	return safe
}

// Lines returns the lines of a text, no more than limit, with tabs as four spaces. Where
// there are more, the last line counts them.
func Lines(s string, limit int) (lines []string) {
	s = strings.TrimRight(s, "\r\n")
	for line := range strings.Lines(s) {
		if len(lines) == limit {
			lines[limit-1] = "… " + strconv.Itoa(strings.Count(s, "\n")+2-limit) + " more lines"
			break
		}
		line, cut := head(strings.TrimRight(line, "\r\n"))
		safe := escape(strings.ReplaceAll(line, "\t", "    "))
		if cut {
			safe += "…"
		}
		lines = append(lines, safe)
	}
	return lines
}

// head returns the first bytes of a text, up to the start of a rune, and whether there are
// more.
func head(s string) (string, bool) {
	if len(s) <= maxBytes {
		return s, false
	}
	n := maxBytes
	for n > maxBytes-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n], true
}

// escape returns s with every rune escaped that a terminal might not show as it stands.
func escape(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	for s != "" {
		cluster, _ := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
		s = s[len(cluster):]
		escapeCluster(&b, cluster)
	}
	return b.String()
}

// isASCII reports whether s consists of the printable characters of ASCII.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// escapeCluster writes a cluster, with what is not agreed on escaped.
func escapeCluster(b *strings.Builder, cluster string) {
	if agreed(cluster) {
		b.WriteString(cluster)
		return
	}
	for i := 0; cluster != ""; i++ {
		r, size := utf8.DecodeRuneInString(cluster)
		switch part := cluster[:size]; {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + string("0123456789abcdef"[part[0]>>4]) + string("0123456789abcdef"[part[0]&15]))
		case i == 0 && agreed(part):
			b.WriteString(part)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		cluster = cluster[size:]
	}
}

// agreed reports whether all terminals show a cluster alike, in the same number of cells,
// and no less than one.
func agreed(cluster string) bool {
	marks := -1
	for i, r := range cluster {
		if !strconv.IsPrint(r) || r == utf8.RuneError && !strings.HasPrefix(cluster[i:], "\uFFFD") {
			return false
		}
		if i > 0 && !unicode.Is(unicode.M, r) && !isJamo(r) || unicode.Is(unicode.Variation_Selector, r) {
			return false
		}
		marks++
	}
	w := ansi.GraphemeWidth.StringWidth(cluster)
	return marks <= maxMarks && w > 0 && w == ansi.WcWidth.StringWidth(cluster) && !joins(cluster)
}

// joins reports whether a cluster makes one with the letter before it, or the one after it,
// which may be of an escape.
func joins(cluster string) bool {
	before, _ := ansi.FirstGraphemeCluster("x"+cluster, ansi.GraphemeWidth)
	after, _ := ansi.FirstGraphemeCluster(cluster+"x", ansi.GraphemeWidth)
	return before != "x" || after != cluster
}

// isJamo reports whether r is a letter of Korean that forms a syllable with the one before
// it.
func isJamo(r rune) bool { return r >= 0x1160 && r <= 0x11FF }

// Width returns how many cells a text of this package takes.
func Width(s string) int { return ansi.StringWidth(s) }

// Cut returns what of a text of this package fits into a number of cells, with an ellipsis
// where something is left out.
func Cut(s string, width int) string {
	if width <= 0 {
		return ""
	}
	return ansi.Truncate(s, width, "…")
}

// CutLeft is like [Cut], and keeps the end of the text.
func CutLeft(s string, width int) string {
	if width <= 0 {
		return ""
	}
	w := Width(s)
	if w <= width {
		return s
	}
	for ; w > width-1; w = Width(s) {
		cluster, _ := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
		s = s[len(cluster):]
	}
	return "…" + s
}

// Pad returns a text of this package in exactly so many cells: cut, or followed by spaces.
func Pad(s string, width int) string {
	s = Cut(s, width)
	return s + strings.Repeat(" ", max(0, width-Width(s)))
}

// PadLeft is like [Pad], with the spaces before the text.
func PadLeft(s string, width int) string {
	s = Cut(s, width)
	return strings.Repeat(" ", max(0, width-Width(s))) + s
}

// Wrap returns a text of this package in lines of at most so many cells, two or more. They
// break at spaces, and within a word that is longer than a line.
func Wrap(s string, width int) (lines []string) {
	line, used := "", 0
	for word := range strings.SplitSeq(s, " ") {
		if lines == nil && line == "" {
			line, used = word, Width(word)
		} else if w := Width(word); used+1+w <= width {
			line, used = line+" "+word, used+1+w
		} else {
			lines = append(lines, line)
			line, used = word, w
		}
		for used > width {
			first := ansi.Truncate(line, width, "")
			lines = append(lines, first)
			line = line[len(first):]
			used = Width(line)
		}
	}
	return append(lines, line)
}
