package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// writeOp writes the tables of an operation.
func writeOp(w io.Writer, op table.Op, results []measure.Result) {
	fmt.Fprintf(w, "### %s\n\n%s The figures are for one %s.\n\n", op.Name, op.What, op.Unit)
	switch {
	case op.Kind == table.Memory:
		writeMemory(w, results)
	case op.Kind == table.Retained:
		writeRetained(w, results)
	case op.Kind == table.Latency:
		writeLatency(w, results)
	case op.SizeOf != "":
		writeSizes(w, op, results)
	default:
		writePlain(w, op, results)
	}
}

// writePlain is for operations without sizes: rows are rivals.
func writePlain(w io.Writer, op table.Op, results []measure.Result) {
	one := results[0]
	var cores *measure.Result
	if len(results) > 1 {
		cores = &results[1]
	}
	head := []string{"", "time", "±", "to " + op.By(), "to the best rival", "allocations", "bytes"}
	if cores != nil {
		head = append(head, "all cores", "to "+op.By())
	}
	writeHead(w, head)
	best, any := bestOther(op, one)
	for _, row := range one.Rows {
		cells := []string{name(row), duration(row.NS), percent(row.Spread), ratio(row.Ratio), toBest(op, row, best, any), whole(row.Allocs), whole(row.Bytes)}
		if cores != nil {
			c, _ := find(*cores, row.Label())
			cells = append(cells, duration(c.NS), ratio(c.Ratio))
		}
		writeCells(w, cells)
	}
	fmt.Fprintln(w)
}

// writeSizes is for operations with sizes: columns are sizes.
func writeSizes(w io.Writer, op table.Op, results []measure.Result) {
	head := []string{op.SizeOf}
	for _, res := range results {
		head = append(head, count(res.Size))
	}
	labels := labelsOf(results)
	fmt.Fprintf(w, "Time, the spread around it, and in parentheses the ratio to %s:\n\n", op.By())
	writeHead(w, head)
	writeBy(w, labels, results, func(row measure.Row) string {
		return fmt.Sprintf("%s ± %s (%s)", duration(row.NS), percent(row.Spread), ratio(row.Ratio))
	})
	cells := []string{"*async to the best rival*"}
	for _, res := range results {
		best, any := bestOther(op, res)
		mine := slices.IndexFunc(res.Rows, func(r measure.Row) bool { return r.Rival == ours })
		cells = append(cells, "*"+toBest(op, res.Rows[mine], best, any)+"*")
	}
	writeCells(w, cells)
	fmt.Fprint(w, "\nAllocations, and the bytes that they take:\n\n")
	writeHead(w, head)
	writeBy(w, labels, results, func(row measure.Row) string {
		return fmt.Sprintf("%s (%s)", whole(row.Allocs), size(row.Bytes))
	})
	fmt.Fprintln(w)
}

// writeBy writes a row for each label and a cell for each result.
func writeBy(w io.Writer, labels []string, results []measure.Result, write func(measure.Row) string) {
	for _, label := range labels {
		cells := []string{styled(label)}
		for _, res := range results {
			if row, ok := find(res, label); ok {
				cells = append(cells, write(row))
			} else {
				cells = append(cells, "–")
			}
		}
		writeCells(w, cells)
	}
}

func writeMemory(w io.Writer, results []measure.Result) {
	for _, res := range results {
		fmt.Fprintf(w, "With %s of them:\n\n", count(res.Size))
		writeHead(w, []string{"", "bytes", "to raw Go", "of them stacks", "goroutines"})
		for _, row := range res.Rows {
			writeCells(w, []string{name(row), digits(row.Bytes), ratio(row.Ratio), digits(row.Stacks), whole(row.Goroutines)})
		}
		fmt.Fprintln(w)
	}
}

func writeRetained(w io.Writer, results []measure.Result) {
	for _, res := range results {
		fmt.Fprintf(w, "After %s of them:\n\n", count(res.Size))
		writeHead(w, []string{"", "time", "to raw Go", "kept in all", "goroutines left"})
		for _, row := range res.Rows {
			writeCells(w, []string{name(row), duration(row.NS), ratio(row.Ratio), kept(row), count(int(row.Goroutines))})
		}
		fmt.Fprintf(w, "\nNothing stands for less than %s, or %v bytes for each: that may be the runtime's own.\n\n", size(noise), noiseEach)
	}
}

// What the runtime itself may hold more after a while than before: so much, or so
// much for each operation.
const (
	noise     = 100_000
	noiseEach = 0.25
)

// keptOf is what a loop kept, or 0 where that may be the runtime's own.
func keptOf(row measure.Row) float64 {
	if row.Kept < max(noise, noiseEach*float64(row.N)) {
		return 0
	}
	return row.Kept
}

// kept writes what a loop kept.
func kept(row measure.Row) string {
	if keptOf(row) == 0 {
		return "nothing"
	}
	return size(keptOf(row))
}

func writeLatency(w io.Writer, results []measure.Result) {
	for _, res := range results {
		writeHead(w, []string{"", "p50", "to raw Go", "p99", "p99.9", "worst"})
		for _, row := range res.Rows {
			writeCells(w, []string{name(row), duration(row.P50), ratio(row.Ratio), duration(row.P99), duration(row.P999), duration(row.Worst)})
		}
		fmt.Fprintf(w, "\n%s wakes each.\n\n", count(res.Rows[0].N))
	}
}

// toBest is the ratio of this library's rows to the best of the others.
func toBest(op table.Op, row, best measure.Row, any bool) string {
	if !any || row.Rival != ours {
		return ""
	}
	return ratio(row.To(op.Kind, best))
}

// labelsOf are those of all results, in the order of the table.
func labelsOf(results []measure.Result) []string {
	var labels []string
	for _, res := range results {
		for _, row := range res.Rows {
			if !slices.Contains(labels, row.Label()) {
				labels = append(labels, row.Label())
			}
		}
	}
	slices.SortStableFunc(labels, func(a, b string) int { return rank(a) - rank(b) })
	return labels
}

// rank puts raw Go, what bounds this library, and this library first.
func rank(label string) int {
	switch rival, _, _ := strings.Cut(label, ":"); rival {
	case "raw Go":
		return rankRaw
	case table.Floor:
		return rankFloor
	case ours:
		return rankOurs
	default:
		return rankOther
	}
}

const (
	rankRaw = iota
	rankFloor
	rankOurs
	rankOther
)

func name(row measure.Row) string { return styled(row.Label()) }

// styled has this library's rows stand out, and floors stand back.
func styled(label string) string {
	switch rank(label) {
	case rankOurs:
		return "**" + cell(label) + "**"
	case rankFloor:
		return "*" + cell(label) + "*"
	default:
		return cell(label)
	}
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

func writeHead(w io.Writer, head []string) {
	writeCells(w, head)
	rule := make([]string, len(head))
	for i := range rule {
		rule[i] = "---:"
	}
	rule[0] = "---"
	writeCells(w, rule)
}

func writeCells(w io.Writer, cells []string) {
	fmt.Fprintln(w, "| "+strings.Join(cells, " | ")+" |")
}
