// The page: which tables there are and what stands in them; the README's too.

package main

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A page is what figures come to.
type page struct {
	*figures
	before *figures          // of the page before
	says   map[string]string // what each benchmark does, in the words of its comment
}

// intro is the beginning of the page.
//
//go:embed intro.md
var intro string

// newPage reads what a page needs beside the figures.
func newPage(f *figures) (*page, error) {
	before, err := loadFigures(beforeFile)
	if err != nil {
		return nil, err
	}
	says, err := comments(".")
	return &page{f, before, says}, err
}

// comments returns the comment of each benchmark in a folder, by its name.
func comments(dir string) (map[string]string, error) {
	files, failed := filepath.Glob(filepath.Join(dir, "*_test.go"))
	says := map[string]string{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		failed = errors.Join(failed, err)
		ast.Inspect(tree, func(n ast.Node) bool {
			if f, ok := n.(*ast.FuncDecl); ok {
				says[strings.TrimPrefix(f.Name.Name, "Benchmark")] = f.Doc.Text()
			}
			return true
		})
	}
	return says, failed
}

// what returns the parts of a benchmark's comment: what is done, and why less than its
// floor would not do. A variant of a benchmark may have the floor of the benchmark.
func (p *page) what(bench string) (does, floor string) {
	does, floor, _ = strings.Cut(strings.Join(strings.Fields(p.says[bench]), " "), " Floor: ")
	if base := variant.ReplaceAllString(bench, ""); floor == "" && base != bench {
		_, floor = p.what(base)
	}
	return does, floor
}

var variant = regexp.MustCompile(`(AllCores|Late|Working|Context|Drain)$`)

// used are the programs that a user would measure, which open the page.
var used = []string{"Gateway", "Hedge", "Crawl", "Stampede", "Queue"}

// chapters are the parts of the page that have a table for each benchmark.
var chapters = []struct{ title, benches string }{
	{"What the runtime costs", "Runtime"},
	{"Calls", "Call CallAllCores CallLate CallWorking CallContext CallsInFlight Nested Seen SeenWorking"},
	{"Making, completing, waiting", "CreateCheck CreateWait PromiseContext Promise PromiseAllCores PromiseLate Broadcast"},
	{"Many at once", "FanOut Set SetDrain WaitAny WaitAnyLate"},
	{"Looking at what is complete", "Check CheckAllCores WaitComplete WaitCompleteAllCores WaitCompleteContext WaitCompleteContextAllCores Gate GateAllCores"},
	{"Callbacks and handles", "Callback CallbackInline CallbackStopped Clone CloneAllCores"},
	{"Sharing", "HotKey DistinctKeys DistinctKeysAllCores"},
	{"Under a limit", "Limit Map"},
	{"Giving up", "Abandon WaitGivenUp RaceNever"},
	{"How fast a waiter wakes", "Wake"},
	{"Memory", "PendingBytes RunningBytes QueuedBytes WaiterBytes CallbackBytes EntryBytes"},
}

// markdown is the page between its markers.
func (p *page) markdown() string {
	parts := []string{intro, p.origin(), p.usedTable(), p.firstTable(), p.losses(), p.aimsTable()}
	for _, c := range chapters {
		parts = append(parts, "## "+c.title+"\n\n")
		for bench := range strings.FieldsSeq(c.benches) {
			parts = append(parts, p.section(bench))
		}
	}
	return strings.TrimSpace(strings.Join(parts, "")) + "\n"
}

// origin says where the figures come from.
func (p *page) origin() string {
	c := p.config
	return p.short() + fmt.Sprintf("%s cores, %s/%s, %s; commit %s; `make bench`, which took %s. \"Before\" is the page of commit %s, where it had the same row.\n\nBeside and with: %s.\n\n",
		c["cores"], c["goos"], c["goarch"], c["go"], c["commit"], c["took"], p.before.config["commit"], c["modules"]) +
		"Left out: github.com/chebyrash/promise, github.com/jizhuozhi/go-future, github.com/reugn/async; the module proxy used here does not have them.\n\n"
}

// short warns of the figures of a short run.
func (p *page) short() string {
	if p.config["plan"] == fullPlan.name {
		return ""
	}
	return "**This was a short run, to see that everything works. Its figures mean little.**\n\n"
}

// usedUnits are what the programs are compared by.
var usedUnits = []struct{ unit, name string }{
	{perOp, "time for one"}, {"p50-sec", "p50"}, {"p99-sec", "p99"}, {allocs, "allocations"}, {"tries/op", "tries"}, {"loads/op", "loads"},
}

// usedTable is about the programs that a user would measure.
func (p *page) usedTable() string {
	text := "## Where it is used\n\nThe same programs with this library and with others, over real loopback HTTP or on files. Each figure is the ratio of this library's program to the other: above 1 the other is better. Requests a second are the reciprocal of the time for one. The worst comes first.\n\n"
	for _, bench := range used {
		does, _ := p.what(bench)
		text = fmt.Sprintf("%s- **%s.** %s\n", text, bench, does)
	}
	return text + "\n" + p.usedRows()
}

// usedRows is the table of the programs, the worst first.
func (p *page) usedRows() string {
	head := []string{"`-bench`", "beside"}
	for _, u := range usedUnits {
		head = append(head, u.name)
	}
	var rows [][]string
	for _, c := range p.comparisons() {
		cells := []string{code(c.at), form(c.other)}
		for _, u := range usedUnits {
			cells = append(cells, times(p.ratio(c.at, c.other, u.unit).Center))
		}
		rows = append(rows, cells)
	}
	return table(head, rows)
}

// A comparison is a case of this library beside another, by the worst of its ratios.
type comparison struct {
	at, other key
	worst     float64
}

// comparisons returns those of the programs, the worst first.
func (p *page) comparisons() (all []comparison) {
	for _, bench := range used {
		for _, k := range p.at(bench, 0) {
			for _, other := range p.at(bench, 0) {
				worst := p.ratioTo(k, other)
				if p99 := p.ratio(k, other, "p99-sec").Center; p99 > worst { // NaN is not
					worst = p99
				}
				if k.is("async") && !other.is("async") {
					all = append(all, comparison{k, other, worst})
				}
			}
		}
	}
	worstFirst(all)
	return all
}

func worstFirst(all []comparison) {
	slices.SortStableFunc(all, func(a, b comparison) int { return cmp.Compare(b.worst, a.worst) })
}

// firstTable is about the operations as programs use them.
func (p *page) firstTable() string {
	return "## What it costs\n\nThe operations as programs use them: on all cores at once, with work that takes its time. Beside raw Go by hand, the best of the other libraries, and a floor: raw Go that keeps the same promises. The farthest from its aim comes first.\n\n" +
		markTable(p.marks(func(a aim) bool { return a.first }, mark.far))
}

func markTable(all []mark) string {
	var rows [][]string
	for _, m := range all {
		against := m.against
		if strings.Contains(against, "=") {
			against = form(m.at.as(against))
		}
		rows = append(rows, []string{code(m.at), against, times(m.got), times(m.most), times(m.before),
			times(m.own), times(m.over), form(m.peer), times(m.toPeer)})
	}
	return table([]string{"`-bench`", "beside", "figure", "aim", "before", "floor's own", "to the floor", "best peer", "ratio"}, rows)
}

// losses lists where another is faster or smaller, the worst first.
func (p *page) losses() string {
	var all []comparison
	for _, k := range p.keys {
		best, ok := p.best(k, isOther)
		r := p.ratio(k, best, p.unit(k))
		certain := r.Lo > 1 || math.IsInf(r.Lo, -1) // too few rounds for an interval
		if ok && k.is("async") && !slices.Contains(used, k.bench) && certain && r.Center > 1.03 {
			all = append(all, comparison{k, best, r.Center})
		}
	}
	worstFirst(all)
	var rows [][]string
	for _, l := range all {
		rows = append(rows, []string{code(l.at), form(l.other), times(l.worst), times(p.before.ratioTo(l.at, l.other))})
	}
	return "## Where another is faster\n\nEach form of this library beside the best of all others at the same point, raw Go included, floors not. What is within 3 %, or not certain at 95 %, is left out. Bytes count as well as time.\n\n" +
		table([]string{"`-bench`", "the best", "ratio", "before"}, rows)
}

// aimsTable says how near the other operations came to their aims.
func (p *page) aimsTable() string {
	all := p.marks(func(a aim) bool { return !math.IsNaN(a.most) }, mark.far)
	reached, why := 0, ""
	for _, m := range all {
		if _, floor := p.what(m.at.bench); m.far() <= 1.01 { // pages of memory are not quite full
			reached++
		} else if !strings.Contains(why, floor) {
			why += fmt.Sprintf("- The floor of `%s`: %s\n", m.at.bench, floor)
		}
	}
	return fmt.Sprintf("## How near it came to its aims\n\nOf %d aims that the project set itself before it measured, those of the table above included, %d are reached in this run. The farthest off comes first. Where the floor's own figure is above the aim, the promises cost more than the aim allows.\n\n", len(all), reached) +
		markTable(slices.DeleteFunc(all, func(m mark) bool { return m.first })) + why + "\n"
}

// section is the table of a benchmark, with its chart.
func (p *page) section(bench string) string {
	var rows [][]string
	sizes := p.sizes(bench)
	for _, n := range sizes {
		for _, k := range p.at(bench, n) {
			rows = append(rows, p.row(k))
		}
	}
	if len(rows) == 0 {
		return ""
	}
	does, _ := p.what(bench)
	head := []string{"", "to " + form(p.yardstick(bench, sizes[len(sizes)-1])), "95 %", "to the best peer", "allocations", "bytes", "before"}
	if sizes[0] != 0 {
		head = append([]string{"size"}, head...)
	}
	return fmt.Sprintf("### %s\n\n%s `go test -run '^$' -bench '^Benchmark%s$'`\n\n", bench, does, bench) + table(head, rows) + p.picture(bench)
}

// row is the line of a case in the table of its benchmark.
func (p *page) row(k key) []string {
	y := p.yardstick(k.bench, k.n)
	r := p.ratio(k, y, p.unit(k))
	cells := []string{styled(k), times(r.Center), within(r), "", "", "", times(p.before.ratioTo(k, y))}
	if best, ok := p.best(k, isPeer); ok && k.is("async") {
		cells[3] = times(p.ratioTo(k, best))
	}
	if v := p.count(k, allocs); !math.IsNaN(v) {
		cells[4] = digits(v)
	}
	for _, u := range []string{bytesOp, kept, held} {
		if v := p.count(k, u); !math.IsNaN(v) {
			cells[5] = digits(v)
		}
	}
	if k.n > 0 {
		cells = append([]string{digits(float64(k.n))}, cells...)
	}
	return cells
}

// readme is the README's tables: what a user would measure, then the operations as
// programs use them, then others that are asked about first.
func (p *page) readme() string {
	c := p.config
	text := p.short() + fmt.Sprintf("Ratios, from one run of `make bench` on %s cores, %s/%s, %s. Above 1 the other is faster, or smaller, and the worst comes first. \"Before\" is the page before. `cd bench && go test -run '^$' -bench NAME` runs a row, by the name that stands in it.\n\n",
		c["cores"], c["goos"], c["goarch"], c["go"]) + "Programs over loopback HTTP, and on files:\n\n" + p.usedRows() + "Operations:\n\n"
	var rows [][]string
	for _, first := range []bool{true, false} {
		for _, m := range p.marks(func(a aim) bool { return a.words != "" && a.first == first }, mark.worst) {
			against, got, before := m.at.as(m.against), m.got, m.before
			if form(against) == "–" { // a number, which the floor is beside
				against, got, before = m.floor, m.over, math.NaN()
			}
			rows = append(rows, []string{m.words, form(against), times(got), times(before), form(m.peer), times(m.toPeer), p.allocates(m.at), code(m.at)})
		}
	}
	return text + table([]string{"operation", "beside", "ratio", "before", "best peer", "ratio", "allocates", "`-bench`"}, rows)
}

// worst is the worse of the ratios that the README shows.
func (m mark) worst() float64 {
	if !strings.Contains(m.against, "=") {
		return m.over
	}
	return max(m.got, m.toPeer)
}

// allocates writes what a case allocates, or takes while it is there.
func (p *page) allocates(k key) string {
	if v := p.count(k, held); !math.IsNaN(v) {
		return digits(v) + " B"
	}
	if p.count(k, allocs) == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%s (%s B)", digits(p.count(k, allocs)), digits(p.count(k, bytesOp)))
}
