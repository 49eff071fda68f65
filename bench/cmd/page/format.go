// Formats: how figures, cases and tables are written.

package main

import (
	"fmt"
	"math"
	"strings"

	"golang.org/x/perf/benchmath"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	xnumber "golang.org/x/text/number"
)

// digits writes x with three significant digits, or all before the point.
func digits(x float64) string {
	after := max(2-int(math.Floor(math.Log10(max(math.Abs(x), 1)))), 0)
	return message.NewPrinter(language.English).Sprint(xnumber.Decimal(x, xnumber.MaxFractionDigits(after)))
}

// times writes how many times one is another, where that was measured.
func times(r float64) string {
	switch {
	case r == 0 || math.IsNaN(r) || math.IsInf(r, 0):
		return "–"
	case r < 9.995:
		return fmt.Sprintf("%.2f", r)
	default:
		return digits(r)
	}
}

// within writes the confidence interval of a ratio, where there are rounds enough for
// one.
func within(s benchmath.Summary) string {
	if times(s.Lo) == "–" || times(s.Hi) == "–" || s.Lo == s.Hi {
		return ""
	}
	return times(s.Lo) + " to " + times(s.Hi)
}

// form writes a rival and its form for readers.
func form(k key) string {
	rival, form, _ := strings.Cut(k.rival, "=")
	if form == "" {
		return "–"
	}
	return strings.Replace(rival, "raw", "raw Go", 1) + ": " + strings.ReplaceAll(form, "-", " ")
}

// code writes the name of a case as the pattern that runs it.
func code(k key) string { return "`" + k.String() + "`" }

// styled has this library's cases stand out, and floors stand back.
func styled(k key) string {
	marks := []string{"", "*", "**", ""}
	return marks[k.rank()] + form(k) + marks[k.rank()]
}

// table writes a table. The first column is text, the others are figures.
func table(head []string, rows [][]string) string {
	var b strings.Builder
	rule := strings.Split("---"+strings.Repeat(" ---:", len(head)-1), " ")
	for _, cells := range append([][]string{head, rule}, rows...) {
		fmt.Fprintln(&b, "| "+strings.Join(cells, " | ")+" |")
	}
	return b.String() + "\n"
}
