// Package table says what is measured: the operations, the forms in which rivals
// do them, and what the result of each has to be.
package table

import (
	"cmp"
	"fmt"
	"time"
)

// A Kind is a way to measure.
type Kind int

const (
	Time     Kind = iota // what one operation takes, and allocates
	Memory               // what one of a million things takes while it is there
	Retained             // what a long loop leaves behind
	Latency              // how long a waiter takes to wake
)

// An Op is an operation that rivals are measured at. All do the same work, and its
// result is checked.
type Op struct {
	Name  string // its id, as in Form.Op
	Group string // the heading that it stands under
	What  string // what is done, in words
	Unit  string // what the figures are for one of
	Kind  Kind

	SizeOf string // what its sizes count; empty where it has none
	Each   string // what one of these is, where the work is in proportion to their number; charts show the time for one
	Sizes  []int
	Quick  []int // the sizes of a quick run; empty: the smallest

	AllCores  bool   // also measured with all cores at it
	Yardstick string // the rival whose first form the others are measured by; empty: raw Go

	// Want is the sum of the results of n operations of a size.
	Want func(size, n int) int
}

// By is the rival whose first form the others are measured by.
func (o Op) By() string { return cmp.Or(o.Yardstick, "raw Go") }

// A Form is how one rival does one operation.
type Form struct {
	Op   string
	As   string // which form, where a rival has several
	Most int    // the largest size that can be asked of it; 0: any
	Why  string // of a floor: what makes it one
	Make func(size int) Work
}

// Work is an operation made ready. Only the function for its kind is there.
type Work struct {
	// Do does the operation n times and returns the sum of the results. What it
	// does while the stopwatch stands is not counted. For operations done by all
	// cores it is called by all of them at once, and leaves the stopwatch alone.
	Do func(watch *Stopwatch, n int) int

	// Hold makes n things and keeps them. Calling finish completes them and
	// returns how many did.
	Hold func(n int) (finish func() int)

	// Pair makes one thing that is waited for and completed; wait returns the 1
	// that complete handed over.
	Pair func() (wait func() int, complete func())

	// End, where there is one, ends what the work began.
	End func()
}

// A Rival is a way to do things: raw Go, a library.
type Rival struct {
	Name   string
	Module string // its module path, empty for what comes with Go
	Forms  []Form
}

// Floor is the name of those who are no rivals but bounds: what keeps the same
// promises by hand, and no more.
const Floor = "floor"

// A Row is a rival's form of an operation.
type Row struct {
	Rival string
	Form
}

// Label names the row on a page.
func (r Row) Label() string { return Label(r.Rival, r.As) }

// Label is how a rival's form is named.
func Label(rival, as string) string {
	if as == "" {
		return rival
	}
	return rival + ": " + as
}

// A Point is what is measured together: an operation at one size.
type Point struct {
	Op
	Size  int
	Cores bool // by all cores at once
}

// ID names the point, for flags and files.
func (p Point) ID() string {
	id := p.Name
	if p.SizeOf != "" {
		id += fmt.Sprintf("/%d", p.Size)
	}
	if p.Cores {
		id += "/all cores"
	}
	return id
}

// Points returns what there is to measure, in order.
func Points(ops []Op, quick bool) []Point {
	var points []Point
	for _, op := range ops {
		sizes := op.Sizes
		switch {
		case op.SizeOf == "":
			sizes = []int{1}
		case quick && len(op.Quick) > 0:
			sizes = op.Quick
		case quick:
			sizes = sizes[:1]
		}
		for _, size := range sizes {
			points = append(points, Point{Op: op, Size: size})
			if op.AllCores {
				points = append(points, Point{Op: op, Size: size, Cores: true})
			}
		}
	}
	return points
}

// Rows returns those who take part at a point.
func Rows(rivals []Rival, p Point) []Row {
	var rows []Row
	for _, r := range rivals {
		for _, f := range r.Forms {
			if f.Op == p.Name && (f.Most == 0 || p.Size <= f.Most) {
				rows = append(rows, Row{r.Name, f})
			}
		}
	}
	return rows
}

// A Stopwatch measures the parts of a run that count. Where Count is set it reads
// that instead of the clock.
type Stopwatch struct {
	Count func() Counts

	total   time.Duration
	counted Counts
	start   time.Time
	before  Counts
}

// Counts are totals of a process.
type Counts struct{ Allocs, Bytes uint64 }

// Start has the stopwatch run.
func (w *Stopwatch) Start() {
	if w.Count != nil {
		w.before = w.Count()
		return
	}
	w.start = time.Now()
}

// Stop has it stand.
func (w *Stopwatch) Stop() {
	if w.Count != nil {
		after := w.Count()
		w.counted.Allocs += after.Allocs - w.before.Allocs
		w.counted.Bytes += after.Bytes - w.before.Bytes
		return
	}
	w.total += time.Since(w.start)
}

// Total is the time that it has run.
func (w *Stopwatch) Total() time.Duration { return w.total }

// Counted is what was counted while it ran.
func (w *Stopwatch) Counted() Counts { return w.counted }
