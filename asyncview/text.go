package asyncview

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// This file makes the text of strangers harmless, and writes durations. Names and errors are
// what a caller of the program may have sent: scripts, escapes of a terminal, megabytes.
// Everything that a report has went through printable; what is special in HTML is escaped by
// html/template, and what is special in JSON by encoding/json.

// How many bytes of a text are shown.
const (
	mostName  = 200
	mostError = 2000
	mostStack = 16 << 10
)

// printable returns s as one line of printable text of about most bytes. What is not
// printable, such as an escape, a line break, a mark that turns the direction of writing, or
// a byte that is not UTF-8, is written as in a Go string.
func printable(s string, most int) string {
	short := cut(s, most)
	if plain(short) {
		if len(short) < len(s) {
			return short + "…"
		}
		return short
	}
	quoted := strconv.Quote(short)
	quoted = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	if len(short) < len(s) {
		quoted += "…"
	}
	return quoted
}

// cut returns the beginning of s, of at most n bytes; no rune is cut in two.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) && n > len(s[:n])-utf8.UTFMax {
		n--
	}
	return s[:n]
}

// plain reports whether s can stand as it is.
func plain(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || r == '\\' || !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// errorText returns the text of an error. The error is anybody's code, and may panic.
func errorText(err error) (text string) {
	if err == nil {
		return ""
	}
	defer func() {
		if r := recover(); r != nil {
			text = printable(fmt.Sprintf("the Error method of a %T panics", err), mostError)
		}
	}()
	return printable(err.Error(), mostError)
}

// stackText returns a stack with its lines.
func stackText(s string) string {
	var b strings.Builder
	for line := range strings.Lines(cut(s, mostStack)) {
		indent := ""
		if strings.HasPrefix(line, "\t") {
			indent = "\t"
		}
		b.WriteString(indent + printable(strings.TrimSpace(line), mostError) + "\n")
	}
	return b.String()
}

// lineOf returns the first function of a stack with its file and line.
func lineOf(stack string) string {
	function, rest, _ := strings.Cut(cut(stack, mostStack), "\n")
	place, _, _ := strings.Cut(rest, "\n")
	place = strings.TrimSpace(place)
	if place == "" {
		return ""
	}
	return printable(function+" "+place, mostError)
}

// span writes a duration with three digits, as a person reads it.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d/time.Hour%24)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d/time.Minute%60)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d/time.Second%60)
	}
	for unit := time.Nanosecond; unit < time.Second; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
	return d.Round(100 * time.Millisecond).String()
}

// title writes a name and an ID, as in `fetch #17`.
func title(name string, id uint64) string {
	if name == "" {
		name = "call"
	}
	return fmt.Sprintf("%s #%d", name, id)
}

// count writes how many there are of something.
func count[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
