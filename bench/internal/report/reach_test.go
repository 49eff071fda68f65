package report_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/report"
	"github.com/seed4712c49f/async/bench/internal/rivals"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// Every aim is about something that is measured.
func TestReaches(t *testing.T) {
	for _, reach := range report.Reaches {
		there := map[string]bool{}
		for _, p := range table.Points(table.Ops, false) {
			if p.Name != reach.Op || len(reach.Sizes) > 0 && !slices.Contains(reach.Sizes, p.Size) {
				continue
			}
			for _, row := range table.Rows(rivals.All(), p) {
				there[row.Label()] = true
			}
		}
		if reach.Floor != "" && !there[table.Label(table.Floor, reach.Floor)] {
			t.Errorf("%s: %s is bound by %s, which is not measured", reach.Op, reach.Row, reach.Floor)
		}
		if !there["async: "+reach.Row] || reach.Against != "" && !there[reach.Against] {
			t.Errorf("%s: %s is not measured, or %s is not", reach.Op, reach.Row, reach.Against)
		}
		if (reach.Ratio > 0) == (reach.Bytes > 0) {
			t.Errorf("%s: %s has no aim, or two", reach.Op, reach.Row)
		}
	}
}

func TestPage_Reach(t *testing.T) {
	r := &report.Run{Results: []measure.Result{
		{Op: "gate", Size: 1, Rows: []measure.Row{{Rival: "raw Go", As: "atomic pointer", NS: 10}, {Rival: "sync", As: "Once", NS: 25}, {Rival: "async", As: "Lazy", NS: 20}}},
		{Op: "entry bytes", Size: 5, Rows: []measure.Row{{Rival: "async", As: "Set", Bytes: 128}}},
	}}
	page := report.Page(r)
	bytes := strings.Index(page, "| entry bytes, 5 | Set | bytes | 64.0 | 128 | – | – | – |")
	pointer := strings.Index(page, "| gate | Lazy | to raw Go: atomic pointer | 1.40 | 2.00 | – | – | – |")
	once := strings.Index(page, "| gate | Lazy | to sync: Once | 1.10 | 0.80 |")
	reached := strings.Index(page, "\nReached:")
	if bytes < 0 || pointer < bytes || reached < pointer || once < reached || !strings.Contains(page, "Of 3 aims") || !strings.Contains(page, ", 1 are reached") {
		t.Errorf("%d %d %d %d in %s", bytes, pointer, reached, once, page)
	}
}

// What bounds an aim that was not reached stands beside it, once with its reason,
// and counts as a rival nowhere.
func TestPage_Floors(t *testing.T) {
	gate := []measure.Row{
		{Rival: "raw Go", As: "atomic pointer", NS: 10, Ratio: 1},
		{Rival: "floor", As: "method of a generic type", Why: "it is called", NS: 20, Ratio: 2},
		{Rival: "async", As: "Lazy", NS: 50, Ratio: 5},
		{Rival: "sync", As: "Once", NS: 40, Ratio: 4},
	}
	r := &report.Run{Results: []measure.Result{{Op: "gate", Size: 1, Rows: gate}, {Op: "gate", Size: 1, Cores: true, Rows: gate}}}
	page := report.Page(r)
	for _, want := range []string{
		"| gate | Lazy | to raw Go: atomic pointer | 1.40 | 5.00 | *floor: method of a generic type* | 2.00 | 2.50 |",
		"| gate | Lazy | to sync: Once | 1.10 | 1.25 | *floor: method of a generic type* | 0.50 | 2.50 |",
		"as with 2 of the 4 that have a floor",
		"\n- *floor: method of a generic type*: it is called.\n",
		"\n| *floor: method of a generic type* | 20.0 ns |",
		"| **async: Lazy** | 50.0 ns | 0 % | 5.00 | 1.25 |", // beside the best rival, which is sync
		"| gate | Lazy | 50.0 ns | raw Go: atomic pointer | 10.0 ns | 5.00 |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Count(page, "it is called") != 1 {
		t.Error("a floor is not explained once")
	}
	for i := range gate {
		if gate[i].Rival == "floor" {
			gate[i].NS = 1
		}
	}
	losses, _, _ := strings.Cut(report.Page(r), "## How near")
	if strings.Contains(losses, "floor: ") || strings.Contains(strings.Join(report.Summary(table.Point{}, r.Results[0]), " "), "floor") {
		t.Error("a floor counts as a rival")
	}
}

// An aim that is reached needs no floor.
func TestPage_ReachedWithFloor(t *testing.T) {
	r := &report.Run{Results: []measure.Result{{Op: "gate", Size: 1, Rows: []measure.Row{
		{Rival: "raw Go", As: "atomic pointer", NS: 10},
		{Rival: "floor", As: "method of a generic type", Why: "it is called", NS: 20},
		{Rival: "async", As: "Lazy", NS: 10},
	}}}}
	if page := report.Page(r); strings.Contains(page, "it is called") || strings.Contains(page, "Not reached") {
		t.Error("a floor is explained that bounds nothing")
	}
}
