package report

import (
	"fmt"
	"io"
	"slices"
)

// writeMissed says what is not reached, and beside it the least that anything with
// the same promises takes in the same run.
func writeMissed(w io.Writer, missed []mark) {
	if len(missed) == 0 {
		return
	}
	bounded, short := 0, 0
	for _, m := range missed {
		if m.bound.label != "" {
			bounded++
		}
		if m.bound.short() {
			short++
		}
	}
	fmt.Fprint(w, "Not reached, the farthest first.")
	if bounded > 0 {
		fmt.Fprintf(w, " What bounds an aim is a floor: raw Go, by hand, that keeps the promises which the operation needs kept, and no more. \"Its own\" is the floor's ratio to what the aim is to: where that is above the aim, the promises cost more than the aim allows, as with %d of the %d that have a floor. The last column is this library's ratio to the floor.", short, bounded)
	}
	fmt.Fprint(w, "\n\n| operation | async | ratio | aim | measured | what bounds it | its own | async to it |\n| --- | --- | --- | ---: | ---: | --- | ---: | ---: |\n")
	for _, m := range missed {
		by, own, to := "–", "–", "–"
		if m.bound.label != "" {
			by, own, to = styled(m.bound.label), ratio(m.bound.own), ratio(m.bound.ours)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", m.at, m.ours, m.against, m.aim, m.got, by, own, to)
	}
	fmt.Fprintln(w)
	writeBounds(w, missed)
}

// writeBounds says of each floor once what makes it one.
func writeBounds(w io.Writer, missed []mark) {
	var said []string
	for _, m := range missed {
		if m.bound.label == "" || slices.Contains(said, m.bound.label) {
			continue
		}
		said = append(said, m.bound.label)
		fmt.Fprintf(w, "- %s: %s.\n", styled(m.bound.label), m.bound.why)
	}
	if len(said) > 0 {
		fmt.Fprintln(w)
	}
}
