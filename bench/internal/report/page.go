package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// Nothing between these is typed by hand.
const (
	begin = "<!-- figures: written by bench, do not edit -->"
	end   = "<!-- end of figures -->"
)

// skeleton is the page where there is none.
const skeleton = "# Performance\n\n" + begin + "\n" + end + "\n"

// WritePage writes the run into a file, between the markers. What stands around
// them stays; a file that is not there is made.
func WritePage(r *Run, file string) error {
	old, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		old, err = []byte(skeleton), nil
	}
	if err != nil {
		return err
	}
	page, err := splice(string(old), Page(r))
	if err != nil {
		return fmt.Errorf("%w in %s", err, file)
	}
	return os.WriteFile(file, []byte(page), 0o644)
}

// splice puts text between the markers of a page.
func splice(page, text string) (string, error) {
	head, rest, ok := strings.Cut(page, begin)
	if !ok {
		return "", errors.New("no marker where the figures begin")
	}
	_, tail, ok := strings.Cut(rest, end)
	if !ok {
		return "", errors.New("no marker where the figures end")
	}
	return head + begin + "\n\n" + strings.TrimSpace(text) + "\n\n" + end + tail, nil
}

// Page is what the run comes to.
func Page(r *Run) string {
	w := new(bytes.Buffer)
	writeRun(w, r)
	var ops, parts []table.Op
	for _, op := range table.Ops {
		switch {
		case len(r.of(op)) == 0:
		case op.Name == "runtime":
			parts = append(parts, op)
		default:
			ops = append(ops, op)
		}
	}
	writeLosses(w, r, ops)
	writeReach(w, r, ops)
	group := ""
	for _, op := range append(parts, ops...) {
		if op.Group != group {
			group = op.Group
			fmt.Fprintf(w, "## %s\n\n", group)
		}
		writeOp(w, op, r.of(op))
		if charted(r, op) {
			writePicture(w, op)
		}
	}
	return w.String()
}

// writeRun says where the figures come from.
func writeRun(w io.Writer, r *Run) {
	fmt.Fprintf(w, "%d cores, GOMAXPROCS %d, %s, %s; commit %s; `%s` in `bench/`, which took %v.\n\n",
		r.Cores, r.Procs, r.System, r.Go, r.Commit, r.Command, r.Took.Round(time.Second))
	writeShort(w, r)
	var versions []string
	for _, module := range slices.Sorted(maps.Keys(r.Versions)) {
		versions = append(versions, module+" "+r.Versions[module])
	}
	fmt.Fprintf(w, "Beside: %s.\n\n", strings.Join(versions, ", "))
	if len(r.LeftOut) > 0 {
		why := map[string][]string{}
		for _, module := range slices.Sorted(maps.Keys(r.LeftOut)) {
			why[r.LeftOut[module]] = append(why[r.LeftOut[module]], module)
		}
		for _, reason := range slices.Sorted(maps.Keys(why)) {
			fmt.Fprintf(w, "Left out: %s; %s.\n\n", strings.Join(why[reason], ", "), reason)
		}
	}
}

// writePicture shows the chart that fits the reader's background.
func writePicture(w io.Writer, op table.Op) {
	fmt.Fprintf(w, "<picture>\n<source media=\"(prefers-color-scheme: dark)\" srcset=\"charts/%s\">\n<img alt=\"%s: %s against %s, on log axes\" src=\"charts/%s\">\n</picture>\n\n",
		chartFile(op, "dark"), op.Name, costName(op), op.SizeOf, chartFile(op, "light"))
}
