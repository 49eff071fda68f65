package report

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// A Quote is a row of the README's table: what is asked about first.
type Quote struct {
	What string // in the words of who asks
	Op   string
	Size int    // 0: the operation has no sizes
	Row  string // the form of this library

	Against string // the row that the ratio is to
}

// Quotes are those rows. Their order is that of the figures.
var Quotes = []Quote{
	{"`Go` and `Await` of trivial work", "call", 0, "Go, Await", "raw Go"},
	{"`Go` and `Await` with a context that can end", "call, context", 0, "Go, Await", "raw Go"},
	{"`GoEach` and `All`, 1,000 calls", "fan-out", 1000, "GoEach, All", waitGroup},
	{"`IsDone` of a complete call", "check", 0, "Call", atomicLoad},
	{"`Await` of a complete call", "wait complete", 0, "Await", value},
	{"`WaitAny` of 64", "wait any", 64, "WaitAny", selects},
	{"a standing `Set` of 1,024: complete one, take it, add another", "standing", 1024, "Set", sharedChannel},
	{"a `Set` of 16,384, filled and drained", "drain", 16_384, "Set", bufferedChannel},
	{"`Event.Set` with 1,000 who wait", "broadcast", 1000, "Event", closing},
	{"`Group.Do`, each with a key of its own", "distinct keys", 0, "Group", mutexMap},
	{"`Clone` and `Release`", "clone", 0, "Call", sixteenBytes},
	{"bytes of a pending promise", "pending bytes", 1_000_000, "promise", slot},
	{"bytes of a call that is queued in a `Scope`", "queued bytes", 1_000_000, "Scope", "raw Go: goroutine at a semaphore"},
}

// WriteReadme writes the table of the README between its markers, where there is such
// a file.
func WriteReadme(r *Run, file string) error {
	old, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	page, err := splice(string(old), Readme(r))
	if err != nil {
		return fmt.Errorf("%w in %s", err, file)
	}
	return os.WriteFile(file, []byte(page), 0o644)
}

// Readme is what the README says of the run. What was not measured is not in it.
func Readme(r *Run) string {
	w := new(strings.Builder)
	fmt.Fprintf(w, "Ratios, from one run of `make bench` on %d cores, %s, %s. Above 1 the other is faster, or smaller, and that comes first.\n\n", r.Cores, r.System, r.Go)
	writeShort(w, r)
	var lines []quoted
	for _, q := range Quotes {
		op := Limit{Op: q.Op}.point().Op
		for _, res := range r.of(op) {
			if line, ok := q.of(op, res); ok {
				lines = append(lines, line)
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b quoted) int { return cmp.Compare(b.worst, a.worst) })
	fmt.Fprint(w, "| operation | beside | ratio | best of the others | ratio | allocates |\n| --- | --- | ---: | --- | ---: | ---: |\n")
	for _, l := range lines {
		writeCells(w, l.cells)
	}
	return w.String()
}

// A quoted is a quote with its figures; it stands where the worst of its ratios has
// it stand.
type quoted struct {
	cells []string
	worst float64
}

// of finds the figures; ok is false where the result has them not.
func (q Quote) of(op table.Op, res measure.Result) (line quoted, ok bool) {
	row, ok := find(res, table.Label(ours, q.Row))
	against, there := find(res, q.Against)
	if !ok || !there || res.Cores || res.Size != max(q.Size, 1) {
		return line, false
	}
	line.worst = row.To(op.Kind, against)
	line.cells = []string{q.What, cell(q.Against), ratio(line.worst), "–", "–", allocates(op, row)}
	if best, any := bestOther(op, res); any && best.Label() != q.Against {
		by := row.To(op.Kind, best)
		line.cells[3], line.cells[4] = cell(best.Label()), ratio(by)
		line.worst = max(line.worst, by)
	}
	return line, true
}

// allocates writes what a row allocates, or takes while it is there.
func allocates(op table.Op, row measure.Row) string {
	switch {
	case op.Kind == table.Memory:
		return size(row.Bytes)
	case row.Allocs == 0:
		return "nothing"
	default:
		return fmt.Sprintf("%s (%s)", whole(row.Allocs), size(row.Bytes))
	}
}

// writeShort warns of the figures of a short run.
func writeShort(w io.Writer, r *Run) {
	if r.Plan != "full" {
		fmt.Fprint(w, "**This was a short run, to see that everything works. Its figures mean little.**\n\n")
	}
}
