package rivals_test

import (
	"math"
	"testing"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/rivals"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// Every rival does every operation that it takes part in, at the smallest sizes and
// one that is odd, with the result that it has to have.
func TestResults(t *testing.T) {
	for _, op := range table.Ops {
		sizes := []int{1}
		if op.SizeOf != "" {
			sizes = []int{2, 67}
		}
		for _, size := range sizes {
			for _, cores := range []bool{false, true} {
				if cores && !op.AllCores {
					continue
				}
				p := table.Point{Op: op, Size: size, Cores: cores}
				rows := table.Rows(rivals.All(), p)
				for _, row := range rows {
					t.Run(p.ID()+"/"+row.Label(), func(t *testing.T) {
						if _, err := measure.Trial.Measure(p, []table.Row{row}); err != nil {
							t.Error(err)
						}
					})
				}
			}
		}
	}
}

// Every operation has a yardstick, this library, and every form an operation.
func TestTable(t *testing.T) {
	ops := map[string]bool{}
	for _, op := range table.Ops {
		if ops[op.Name] {
			t.Errorf("%s is there twice", op.Name)
		}
		ops[op.Name] = true
		there, ours := false, false
		labels := map[string]bool{}
		for _, row := range table.Rows(rivals.All(), table.Point{Op: op, Size: 1}) {
			if labels[row.Label()] {
				t.Errorf("%s: %s is there twice", op.Name, row.Label())
			}
			labels[row.Label()] = true
			there = there || row.Rival == op.By()
			ours = ours || row.Rival == "async"
		}
		if !there || !ours && op.Name != "runtime" {
			t.Errorf("%s: yardstick %v, async %v", op.Name, there, ours)
		}
	}
	for _, r := range rivals.All() {
		if len(r.Forms) == 0 {
			t.Errorf("%s does nothing", r.Name)
		}
		for _, f := range r.Forms {
			if !ops[f.Op] {
				t.Errorf("%s: no operation %q", r.Name, f.Op)
			}
		}
	}
}

// A floor says what makes it one, and nothing else does.
func TestFloors(t *testing.T) {
	for _, r := range rivals.All() {
		for _, f := range r.Forms {
			if (r.Name == table.Floor) != (f.Why != "") {
				t.Errorf("%s, %s: the reason is %q", f.Op, table.Label(r.Name, f.As), f.Why)
			}
		}
	}
}

// The floors of what is made take as many bytes as what they bound.
func TestFloors_Bytes(t *testing.T) {
	for _, op := range table.Ops {
		if op.Name != "create check" {
			continue
		}
		p := table.Point{Op: op, Size: 1}
		res, err := measure.Trial.Measure(p, table.Rows(rivals.All(), p))
		if err != nil {
			t.Fatal(err)
		}
		of := map[string]measure.Row{}
		for _, row := range res.Rows {
			of[row.Label()] = row
		}
		for floor, ours := range map[string]string{"floor: event": "async: Event", "floor: promise": "async: promise"} {
			f, o := of[floor], of[ours]
			if f.Why == "" || f.Bytes == 0 || math.Round(f.Bytes) != math.Round(o.Bytes) || math.Round(f.Allocs) != math.Round(o.Allocs) {
				t.Errorf("%s: %v bytes in %v; %s: %v in %v; because %q", floor, f.Bytes, f.Allocs, ours, o.Bytes, o.Allocs, f.Why)
			}
		}
	}
}
