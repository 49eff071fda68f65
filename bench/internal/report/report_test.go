package report_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/report"
	"github.com/seed4712c49f/async/bench/internal/rivals"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// sample is a run with something of every kind.
func sample() *report.Run {
	r := &report.Run{
		Cores: 2, Procs: 2, System: "linux/amd64", Go: "go1.26.8", Commit: "0123456789ab", Command: "go run .", Plan: "full",
		Versions: map[string]string{"github.com/samber/mo": "v1.16.0"},
		LeftOut:  map[string]string{"example.org/b": "not there", "example.org/a": "not there"},
	}
	for _, p := range table.Points(table.Ops, false) {
		res := measure.Result{ID: p.ID(), Op: p.Name, Size: p.Size, Cores: p.Cores, Rounds: 5}
		for i, row := range table.Rows(rivals.All(), p) {
			x := float64(p.Size)*100 + float64(10*i)
			res.Rows = append(res.Rows, measure.Row{
				Rival: row.Rival, As: row.As, NS: x, Spread: 0.02, MinNS: x, MaxNS: x, Ratio: 1 + float64(i)/10, N: 10,
				Counted: true, Allocs: 2, Bytes: x, Kept: 1e6 * float64(i), P50: x, P99: 2 * x, P999: 3 * x, Worst: 4 * x,
			})
		}
		r.Results = append(r.Results, res)
	}
	return r
}

func TestPage(t *testing.T) {
	page := report.Page(sample())
	for _, want := range []string{
		"2 cores, GOMAXPROCS 2, linux/amd64, go1.26.8; commit 0123456789ab; `go run .`",
		"github.com/samber/mo v1.16.0", "Left out: example.org/a, example.org/b; not there.",
		"| **async: Event** |", "charts/fan-out-dark.svg", "charts/fan-out-light.svg", "| 1,000,000 |", "kept in all",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	first, rest := strings.Index(page, "## Where another is faster"), strings.Index(page, "### check")
	if first < 0 || rest < first {
		t.Error("where another is faster does not come first")
	}
	if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") || strings.Contains(page, "%!") {
		t.Error("the page has a figure that is none")
	}
	for line := range strings.SplitSeq(page, "\n") {
		if strings.HasPrefix(line, "|") && !strings.HasSuffix(line, "|") {
			t.Errorf("a broken row: %s", line)
		}
	}
}

// The worst comes first, and what is no worse does not come at all.
func TestPage_Losses(t *testing.T) {
	r := &report.Run{Results: []measure.Result{
		{Op: "check", Size: 1, Rows: []measure.Row{{Rival: "raw Go", NS: 10}, {Rival: "async", As: "Event", NS: 20}, {Rival: "async", As: "Call", NS: 10.1}}},
		{Op: "gate", Size: 1, Rows: []measure.Row{{Rival: "raw Go", NS: 10}, {Rival: "sync", NS: 5}, {Rival: "async", As: "Lazy", NS: 40}}},
		{Op: "call", Size: 1, Rows: []measure.Row{{Rival: "raw Go", NS: 10}, {Rival: "async", As: "Go, Await", NS: 9}}},
	}}
	_, losses, _ := strings.Cut(report.Page(r), "## Where another")
	losses, _, _ = strings.Cut(losses, "\n## ")
	gate := strings.Index(losses, "| gate | Lazy | 40.0 ns | sync | 5.00 ns | 8.00 |")
	check := strings.Index(losses, "| check | Event | 20.0 ns | raw Go | 10.0 ns | 2.00 |")
	if gate < 0 || check < gate || strings.Contains(losses, "Call") || strings.Contains(losses, "Await") {
		t.Errorf("losses: %s", losses)
	}
}

func TestWritePage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "performance.md")
	r := sample()
	write := func() string {
		t.Helper()
		if err := report.WritePage(r, file); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	first := write()
	if again := write(); again != first {
		t.Error("written twice, the page is another")
	}
	if err := os.WriteFile(file, []byte("before\n"+first+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Commit = "abc"
	if third := write(); !strings.HasPrefix(third, "before\n") || !strings.HasSuffix(third, "after\n") || strings.Contains(third, "0123456789ab") {
		t.Error("what stands around the figures is not kept, or the old figures are")
	}
	if err := os.WriteFile(file, []byte("no markers"), 0o600); err != nil {
		t.Fatal(err)
	}
	if report.WritePage(r, file) == nil {
		t.Error("a page without markers was overwritten")
	}
}

func TestSave(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.json")
	r := sample()
	if err := r.Save(file); err != nil {
		t.Fatal(err)
	}
	again, err := report.Load(file)
	if err != nil || report.Page(again) != report.Page(r) {
		t.Errorf("what is loaded is not what was saved: %v", err)
	}
}

func TestWriteCharts(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "charts")
	if err := report.WriteCharts(sample(), folder); err != nil {
		t.Fatal(err)
	}
	page := report.Page(sample())
	files, err := os.ReadDir(folder)
	if err != nil || len(files) < 8 {
		t.Fatalf("%d charts, %v", len(files), err)
	}
	for _, f := range files {
		if !strings.Contains(page, "charts/"+f.Name()) {
			t.Errorf("%s is not on the page", f.Name())
		}
		data, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(strings.NewReader(string(data))); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", f.Name(), err)
			}
		}
		if !strings.Contains(string(data), "async: ") || !strings.Contains(string(data), "raw Go") && !strings.Contains(f.Name(), "wait-any") {
			t.Errorf("%s does not name its curves", f.Name())
		}
	}
}
