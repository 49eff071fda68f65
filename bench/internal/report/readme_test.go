package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/report"
)

// The README's table is that of the stored figures. Where this fails, somebody wrote
// it by hand, or changed what it shows: go run . -from ../docs/performance.json -docs
// ../docs writes it again.
func TestReadme_IsThatOfTheFigures(t *testing.T) {
	r, err := report.Load("../../../docs/performance.json")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(again, readme, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteReadme(r, again); err != nil {
		t.Fatal(err)
	}
	if written, err := os.ReadFile(again); err != nil || string(written) != string(readme) {
		t.Errorf("README.md is not what docs/performance.json gives: %v\n%s", err, report.Readme(r))
	}
	if n := strings.Count(report.Readme(r), "\n| "); n != len(report.Quotes)+2 { // with the head
		t.Errorf("the table has %d lines for %d quotes", n, len(report.Quotes))
	}
}

// Where another is better comes first, and whoever is best is named.
func TestReadme(t *testing.T) {
	r := &report.Run{Cores: 2, System: "linux/amd64", Go: "go1", Plan: "quick", Results: []measure.Result{
		{Op: "call", Size: 1, Rows: []measure.Row{
			{Rival: "raw Go", NS: 10}, {Rival: "floor", As: "goroutine and promise", NS: 1},
			{Rival: "async", As: "Go, Await", NS: 20, Allocs: 2, Bytes: 96}, {Rival: "lo", NS: 5},
		}},
		{Op: "wait any", Size: 64, Rows: []measure.Row{{Rival: "async", As: "WaitAny", NS: 30, Allocs: 1, Bytes: 8}, {Rival: "reflect.Select", NS: 60}}},
		{Op: "wait any", Size: 8, Rows: []measure.Row{{Rival: "async", As: "WaitAny", NS: 1}, {Rival: "reflect.Select", NS: 70}}},
		{Op: "standing", Size: 1024, Rows: []measure.Row{{Rival: "async", As: "Set", NS: 90}, {Rival: "raw Go", As: "one shared channel", NS: 10}}},
		{Op: "clone", Size: 1, Cores: true, Rows: []measure.Row{{Rival: "async", As: "Call", NS: 1}, {Rival: "raw Go", As: "16 bytes allocated", NS: 1}}},
	}}
	text := report.Readme(r)
	at := -1
	for _, want := range []string{
		"on 2 cores, linux/amd64, go1.", "short run",
		"add another | raw Go: one shared channel | 9.00 | – | – | nothing |",
		"`Go` and `Await` of trivial work | raw Go | 2.00 | lo | 4.00 | 2 (96.0 B) |",
		"`WaitAny` of 64 | reflect.Select | 0.50 | – | – | 1 (8.00 B) |",
	} {
		next := strings.Index(text, want)
		if next <= at {
			t.Errorf("%q is not there, or too early, in\n%s", want, text)
		}
		at = next
	}
	if strings.Count(text, "\n|") != 2+3 {
		t.Errorf("more than was measured: %s", text)
	}
}

func TestWriteReadme(t *testing.T) {
	file := filepath.Join(t.TempDir(), "README.md")
	r := sample()
	if err := report.WriteReadme(r, file); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a README was made where there is none")
	}
	if err := os.WriteFile(file, []byte("no markers"), 0o600); err != nil {
		t.Fatal(err)
	}
	if report.WriteReadme(r, file) == nil {
		t.Error("a README without markers was overwritten")
	}
}

// Every quote is of something that is measured.
func TestQuotes(t *testing.T) {
	if n := strings.Count(report.Readme(sample()), "\n|"); n != 2+len(report.Quotes) {
		t.Errorf("%d lines for %d quotes", n, len(report.Quotes))
	}
}
